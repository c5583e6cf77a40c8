//! Times and opening hours in words, in the center's zone.

use causeway_funnel::booking::Day;
use causeway_funnel::profile::Hours;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::words::{EN, Words};

/// An instant of the wire in a zone; 0 is none.
pub fn zoned(micros: i64, zone: &TimeZone) -> Option<ZonedDateTime> {
    causeway_proto::convert::optional_instant(micros).map(|at| at.to_zoned_datetime(zone.clone()))
}

/// "Thursday, March 4, at 12 noon"; none for none.
pub fn moment(micros: i64, zone: &TimeZone, words: &Words) -> Option<String> {
    zoned(micros, zone).map(|at| words.dates.moment(&at))
}

/// "Thu, March 4, 12 noon", for lists of staff.
pub fn short(at: &ZonedDateTime, words: &Words) -> String {
    let day = at.date();
    format!("{}, {} {}, {}", words.dates.short_weekday(day), words.dates.month(day), day.day(), words.dates.clock(at))
}

/// "Today 2:19 pm" or "Thu, March 4, 12 noon".
pub fn recent(at: &ZonedDateTime, now: Timestamp, words: &Words) -> String {
    let today = now.to_zoned_datetime(at.time_zone().clone()).date();
    if at.date() == today { format!("Today {}", words.dates.clock(at)) } else { short(at, words) }
}

/// "March 27, 1961", for staff.
pub fn birth(date: Date) -> String {
    format!("{} {}, {}", EN.dates.month(date), date.day(), date.year())
}

/// "18 min", "1 h 40 min", "3 days".
pub fn span(length: SignedDuration) -> String {
    let minutes = length.abs().as_mins();
    match minutes {
        0..60 => format!("{minutes} min"),
        60..2880 if minutes % 60 == 0 => format!("{} h", minutes / 60),
        60..1440 => format!("{} h {} min", minutes / 60, minutes % 60),
        1440..2880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// "Monday to Friday, 7:30 am to 6:30 pm; Saturday, 8 am to 12 noon".
pub fn hours(hours: &Hours, words: &Words) -> String {
    let mut groups: Vec<(Day, Day, &[String])> = Vec::new();
    for day in Day::ALL {
        let Some(open) = hours.get(day).filter(|open| !open.is_empty()) else { continue };
        match groups.last_mut() {
            Some((_, last, same)) if *same == open.as_slice() && index(*last) + 1 == index(*day) => *last = *day,
            _ => groups.push((*day, *day, open)),
        }
    }
    let said = groups.into_iter().map(|(first, last, open)| {
        let to = words.path.to;
        let days = if first == last {
            first.label(words.code).to_owned()
        } else {
            format!("{}{to}{}", first.label(words.code), last.label(words.code))
        };
        let spans: Vec<String> = open.iter().filter_map(|written| opening(written, words)).collect();
        format!("{days}, {}", spans.join(", "))
    });
    said.collect::<Vec<_>>().join("; ")
}

fn index(day: Day) -> usize {
    Day::ALL.iter().position(|one| *one == day).unwrap_or_default()
}

fn opening(written: &str, words: &Words) -> Option<String> {
    let clock = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let at = date(2024, 1, 1).at(hour.parse().ok()?, minute.parse().ok()?, 0, 0);
        Some(words.dates.clock(&at.to_zoned_datetime(TimeZone::UTC).ok()?))
    };
    let (from, to) = written.split_once('-')?;
    Some(format!("{}{}{}", clock(from)?, words.path.to, clock(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{EN, ES};

    #[test]
    fn hours_are_grouped_by_neighbouring_days() {
        let open = |text: &str| vec![text.to_owned()];
        let week = Hours::from([
            (Day::Monday, open("07:30-18:30")),
            (Day::Tuesday, open("07:30-18:30")),
            (Day::Wednesday, open("07:30-18:30")),
            (Day::Friday, open("07:30-18:30")),
            (Day::Saturday, open("08:00-12:00")),
        ]);
        assert_eq!(
            hours(&week, &EN),
            "Monday to Wednesday, 7:30 am to 6:30 pm; Friday, 7:30 am to 6:30 pm; Saturday, 8 am to 12 noon"
        );
        assert!(hours(&week, &ES).starts_with("lunes a miércoles, 7:30 a 18:30"));
    }

    #[test]
    fn a_span_is_said_in_the_unit_that_matters() {
        let said = |minutes| span(SignedDuration::from_mins(minutes));
        assert_eq!(
            [said(-18), said(60), said(100), said(1500), said(3000)],
            ["18 min", "1 h", "1 h 40 min", "25 h", "2 days"]
        );
    }

    #[test]
    fn no_instant_is_no_words() {
        assert_eq!(moment(0, &TimeZone::UTC, &EN), None);
    }
}
