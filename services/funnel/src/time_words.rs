//! A time as people say it, in the zone where they live and the language they read.
//!
//! Pages and messages promise real times ("Thursday, March 4, at 12 noon"), never "soon"; this is the one place that
//! writes them, so a text message and a page can't disagree.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use crate::calendar::{Calendar, Interval};

const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DAYS_ES: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];
const DAYS_FR: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_ES: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// Day and time: "Thursday, March 4, at 12 noon", "jueves 4 de marzo a las 12 del mediodía", "jeudi 4 mars à midi".
#[must_use]
pub fn words(at: Timestamp, zone: &TimeZone, language: &str) -> String {
    let local = zone.to_datetime(at);
    let (day, time) = (date_words(local.date(), language), time_words(local, language));
    match language {
        "es" => format!("{day} {time}"),
        "fr" => format!("{day} à {time}"),
        _ => format!("{day}, at {time}"),
    }
}

/// The shortest form that is still a real time, for text messages: "Thu noon", "jue 9:30 a. m.".
#[must_use]
pub fn short_words(at: Timestamp, zone: &TimeZone, language: &str) -> String {
    let local = zone.to_datetime(at);
    let day: String = names(local.date(), language).0.chars().take(3).collect();
    let time = match (language, local.hour(), local.minute()) {
        ("es", 12, 0) => "mediodía".to_owned(),
        (_, 12, 0) if language != "fr" => "noon".to_owned(),
        ("es", hour, minute) => twelve_hours(hour, minute, "a. m.", "p. m."),
        ("fr", ..) => time_words(local, language),
        (_, hour, minute) => twelve_hours(hour, minute, "am", "pm"),
    };
    format!("{day} {time}")
}

/// The day: "Thursday, March 4", "jueves 4 de marzo", "jeudi 4 mars".
#[must_use]
pub fn date_words(date: Date, language: &str) -> String {
    let (day, month) = names(date, language);
    match (language, date.day()) {
        ("es", number) => format!("{day} {number} de {month}"),
        ("fr", 1) => format!("{day} 1er {month}"),
        ("fr", number) => format!("{day} {number} {month}"),
        (_, number) => format!("{day}, {month} {number}"),
    }
}

/// The time of day: "12 noon", "9:30 am"; "a las 9:30 a. m."; "9 h 30".
#[must_use]
pub fn time_words(local: DateTime, language: &str) -> String {
    match (language, local.hour(), local.minute()) {
        ("es", 12, 0) => "a las 12 del mediodía".to_owned(),
        ("es", 0, 0) => "a medianoche".to_owned(),
        ("es", hour, minute) => {
            let article = if hour % 12 == 1 { "a la" } else { "a las" };
            format!("{article} {}", twelve_hours(hour, minute, "a. m.", "p. m."))
        }
        ("fr", 12, 0) => "midi".to_owned(),
        ("fr", 0, 0) => "minuit".to_owned(),
        ("fr", hour, 0) => format!("{hour} h"),
        ("fr", hour, minute) => format!("{hour} h {minute:02}"),
        (_, 12, 0) => "12 noon".to_owned(),
        (_, 0, 0) => "12 midnight".to_owned(),
        (_, hour, minute) => twelve_hours(hour, minute, "am", "pm"),
    }
}

/// The opening hours of a usual week: "Monday to Friday, 7:30 am to 6:30 pm; Saturday, 8 am to 12 noon". Holidays are left out.
#[must_use]
pub fn week_words(calendar: &Calendar, language: &str) -> String {
    let mut runs: Vec<(Weekday, Weekday, &[Interval])> = Vec::new();
    for day in Weekday::Monday.cycle_forward().take(7) {
        let hours = calendar.hours_on(day);
        match runs.last_mut() {
            Some((_, last, same)) if *same == hours && last.next() == day => *last = day,
            _ => runs.push((day, day, hours)),
        }
    }
    let (to, between, and) = match language {
        "es" => ("a", "a", "y"),
        "fr" => ("au", "à", "et"),
        _ => ("to", "to", "and"),
    };
    let name = |day: Weekday| {
        let names = match language {
            "es" => DAYS_ES,
            "fr" => DAYS_FR,
            _ => DAYS_EN,
        };
        names[usize::try_from(day.to_monday_zero_offset()).unwrap_or_default()]
    };
    let said = |hours: &Interval| {
        let (open, close) = hours.bounds();
        let (open, close) = (wall_words(open, language), wall_words(close, language));
        // Spanish times have their "a" with them.
        match open.strip_prefix("a ") {
            Some(open) => format!("de {open} {close}"),
            None => format!("{open} {between} {close}"),
        }
    };
    let run = |(first, last, hours): &(Weekday, Weekday, &[Interval])| {
        let days =
            if first == last { name(*first).to_owned() } else { format!("{} {to} {}", name(*first), name(*last)) };
        let times: Vec<String> = hours.iter().map(said).collect();
        format!("{days}, {}", times.join(&format!(" {and} ")))
    };
    let open: Vec<String> = runs.iter().filter(|(.., hours)| !hours.is_empty()).map(run).collect();
    open.join("; ")
}

/// Minutes after midnight as a time of day.
fn wall_words(minutes: u16, language: &str) -> String {
    let of = |number: u16| i8::try_from(number).unwrap_or_default();
    let time = Time::new(of(minutes / 60 % 24), of(minutes % 60), 0, 0).unwrap_or_default();
    time_words(Date::constant(2027, 1, 1).to_datetime(time), language)
}

fn twelve_hours(hour: i8, minute: i8, morning: &str, afternoon: &str) -> String {
    let half = if hour < 12 { morning } else { afternoon };
    let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
    if minute == 0 { format!("{hour} {half}") } else { format!("{hour}:{minute:02} {half}") }
}

fn names(date: Date, language: &str) -> (&'static str, &'static str) {
    let day = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
    let month = usize::try_from(date.month() - 1).unwrap_or_default();
    match language {
        "es" => (DAYS_ES[day], MONTHS_ES[month]),
        "fr" => (DAYS_FR[day], MONTHS_FR[month]),
        _ => (DAYS_EN[day], MONTHS_EN[month]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, language: &str) -> String {
        words(text.parse().unwrap(), &TimeZone::get("America/Los_Angeles").unwrap(), language)
    }

    #[test]
    fn a_time_is_said_as_people_say_it_in_each_language() {
        let noon = "2027-03-04T20:00:00Z";
        assert_eq!(said(noon, "en"), "Thursday, March 4, at 12 noon");
        assert_eq!(said(noon, "es"), "jueves 4 de marzo a las 12 del mediodía");
        assert_eq!(said(noon, "fr"), "jeudi 4 mars à midi");
        let half_past_nine = "2027-03-01T17:30:00Z";
        assert_eq!(said(half_past_nine, "en"), "Monday, March 1, at 9:30 am");
        assert_eq!(said(half_past_nine, "es"), "lunes 1 de marzo a las 9:30 a. m.");
        assert_eq!(said(half_past_nine, "fr"), "lundi 1er mars à 9 h 30");
        assert_eq!(said("2027-03-01T21:00:00Z", "es"), "lunes 1 de marzo a la 1 p. m.");
    }

    #[test]
    fn the_hours_of_a_week_are_said_in_runs_of_days() {
        let hours = |text| Interval::parse(text).unwrap();
        let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday];
        let whole = days.into_iter().fold(Calendar::new("America/Los_Angeles").unwrap(), |calendar, day| {
            calendar.with_hours(day, hours("07:30-12:00")).with_hours(day, hours("13:00-18:30"))
        });
        let calendar = whole.with_hours(Weekday::Saturday, hours("08:00-12:00"));
        assert_eq!(
            week_words(&calendar, "en"),
            "Monday to Wednesday, 7:30 am to 12 noon and 1 pm to 6:30 pm; Saturday, 8 am to 12 noon"
        );
        assert_eq!(
            week_words(&calendar, "es"),
            "lunes a miércoles, de las 7:30 a. m. a las 12 del mediodía y de la 1 p. m. a las 6:30 p. m.; \
             sábado, de las 8 a. m. a las 12 del mediodía"
        );
        assert_eq!(
            week_words(&calendar, "fr"),
            "lundi au mercredi, 7 h 30 à midi et 13 h à 18 h 30; samedi, 8 h à midi"
        );
        assert_eq!(week_words(&Calendar::new("America/Los_Angeles").unwrap(), "en"), "");
    }

    #[test]
    fn the_short_form_fits_a_text_message() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        assert_eq!(short_words("2027-03-04T20:00:00Z".parse().unwrap(), &zone, "en"), "Thu noon");
        assert_eq!(short_words("2027-03-03T17:30:00Z".parse().unwrap(), &zone, "es"), "mié 9:30 a. m.");
    }
}
