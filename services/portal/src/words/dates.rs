//! Days and hours as people say them, per language.
//!
//! A promise to a patient names a real day and hour ("Thursday, March 4, at 12 noon"), never "soon". The zone is
//! the center's: the caller hands in a time that already carries it. Deliberately not here: years, since every
//! promise lies within weeks.

use jiff::{ZonedDateTime, civil::Date};

/// How one language says a day and an hour.
#[derive(Debug)]
pub struct DateWords {
    weekdays: [&'static str; 7],
    months: [&'static str; 12],
    short_weekdays: [&'static str; 7],
    day: fn(&str, &str, i8) -> String,
    clock: fn(i8, i8) -> String,
    joined: fn(i8) -> &'static str,
}

impl DateWords {
    /// English: "Thursday, March 4", "12 noon".
    pub const ENGLISH: DateWords = DateWords {
        weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        months: [
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
        ],
        short_weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        day: |weekday, month, day| format!("{weekday}, {month} {day}"),
        clock: |hour, minute| match (hour, minute) {
            (12, 0) => "12 noon".to_owned(),
            (0, 0) => "12 midnight".to_owned(),
            _ => {
                let half = if hour < 12 { "am" } else { "pm" };
                let shown = if hour % 12 == 0 { 12 } else { hour % 12 };
                if minute == 0 { format!("{shown} {half}") } else { format!("{shown}:{minute:02} {half}") }
            }
        },
        joined: |_| ", at ",
    };

    /// Spanish: "jueves 4 de marzo", "12:00".
    pub const SPANISH: DateWords = DateWords {
        weekdays: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
        months: [
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
        ],
        short_weekdays: ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
        day: |weekday, month, day| format!("{weekday} {day} de {month}"),
        clock: |hour, minute| format!("{hour}:{minute:02}"),
        joined: |hour| if hour == 1 { " a la " } else { " a las " },
    };

    /// French: "jeudi 4 mars", "12 h".
    pub const FRENCH: DateWords = DateWords {
        weekdays: ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        months: [
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
        ],
        short_weekdays: ["lun", "mar", "mer", "jeu", "ven", "sam", "dim"],
        day: |weekday, month, day| match day {
            1 => format!("{weekday} 1er {month}"),
            _ => format!("{weekday} {day} {month}"),
        },
        clock: |hour, minute| if minute == 0 { format!("{hour} h") } else { format!("{hour} h {minute:02}") },
        joined: |_| " à ",
    };

    /// "Thursday, March 4".
    pub fn day(&self, date: Date) -> String {
        (self.day)(self.weekday(date), self.month(date), date.day())
    }

    /// "12 noon" or "2:14 pm".
    pub fn clock(&self, at: &ZonedDateTime) -> String {
        (self.clock)(at.hour(), at.minute())
    }

    /// "Thursday, March 4, at 12 noon".
    pub fn moment(&self, at: &ZonedDateTime) -> String {
        format!("{}{}{}", self.day(at.date()), (self.joined)(at.hour()), self.clock(at))
    }

    /// "Thursday".
    pub fn weekday(&self, date: Date) -> &'static str {
        self.weekdays[weekday_index(date)]
    }

    /// "Thu", for the day block of a visit card.
    pub fn short_weekday(&self, date: Date) -> &'static str {
        self.short_weekdays[weekday_index(date)]
    }

    /// "March".
    pub fn month(&self, date: Date) -> &'static str {
        self.months[usize::from(date.month().unsigned_abs()) - 1]
    }
}

fn weekday_index(date: Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(hour: i8, minute: i8) -> ZonedDateTime {
        date(2027, 3, 4).at(hour, minute, 0, 0).in_tz("America/Los_Angeles").expect("the zone is bundled")
    }

    #[test]
    fn a_moment_names_the_day_and_the_hour_in_each_language() {
        assert_eq!(DateWords::ENGLISH.moment(&at(12, 0)), "Thursday, March 4, at 12 noon");
        assert_eq!(DateWords::ENGLISH.moment(&at(14, 14)), "Thursday, March 4, at 2:14 pm");
        assert_eq!(DateWords::SPANISH.moment(&at(9, 5)), "jueves 4 de marzo a las 9:05");
        assert_eq!(DateWords::FRENCH.moment(&at(12, 0)), "jeudi 4 mars à 12 h");
    }

    #[test]
    fn the_hours_around_noon_and_midnight_are_said_right() {
        assert_eq!(DateWords::ENGLISH.clock(&at(0, 0)), "12 midnight");
        assert_eq!(DateWords::ENGLISH.clock(&at(0, 30)), "12:30 am");
        assert_eq!(DateWords::ENGLISH.clock(&at(12, 30)), "12:30 pm");
        assert_eq!(DateWords::ENGLISH.clock(&at(17, 0)), "5 pm");
    }

    #[test]
    fn the_day_block_uses_the_short_weekday() {
        assert_eq!(DateWords::ENGLISH.short_weekday(date(2027, 3, 4)), "Thu");
        assert_eq!(DateWords::FRENCH.day(date(2027, 3, 1)), "lundi 1er mars");
    }
}
