//! Dates and times as FHIR writes them, as exact as they were told (FHIR R4 section 2.24.0.1).
//!
//! `1968` is a year and not its first of January. Deliberately not here: which dates are possible for whom (patient).

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

/// A date, or a year or month alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    earliest: Date,
    is_exact: bool,
    has_month: bool,
}

impl Day {
    /// Reads `YYYY`, `YYYY-MM` and `YYYY-MM-DD`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let part = |from: usize, to: usize| {
            let digits = text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<i16>().ok()
        };
        let is_divided = text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == (at == 4 || at == 7));
        if !is_divided {
            return None;
        }
        let (year, month, day) = match text.len() {
            4 => (part(0, 4)?, 1, 1),
            7 => (part(0, 4)?, part(5, 7)?, 1),
            10 => (part(0, 4)?, part(5, 7)?, part(8, 10)?),
            _ => return None,
        };
        let earliest = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        (year > 0).then_some(Self { earliest, is_exact: text.len() == 10, has_month: text.len() > 4 })
    }

    /// The earliest day that it can mean.
    #[must_use]
    pub fn earliest(&self) -> Date {
        self.earliest
    }

    /// The latest day that it can mean.
    #[must_use]
    pub fn latest(&self) -> Option<Date> {
        let after = match (self.is_exact, self.has_month) {
            (true, _) => return Some(self.earliest),
            (false, true) => self.earliest.checked_add(1.month()),
            (false, false) => self.earliest.checked_add(1.year()),
        };
        after.ok()?.yesterday().ok()
    }

    /// The day, where it is known.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        self.is_exact.then_some(self.earliest)
    }
}

/// Reads an instant, or a dateTime with its time and zone.
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    let is_whole = text.len() >= "2026-04-12T10:30:00Z".len() && text.as_bytes().get(10) == Some(&b'T');
    is_whole.then(|| text.parse().ok()).flatten()
}

/// Whether a text is a dateTime: a date as exact as it was told, or an instant.
#[must_use]
pub fn is_date_time(text: &str) -> bool {
    Day::parse(text).is_some() || instant(text).is_some()
}

/// Writes an instant to the microsecond, as exactly as it is kept: who asks for what is newer must not get it again.
#[must_use]
pub fn write(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_date_stays_as_exact_as_it_was_told() {
        let read = |text: &str| Day::parse(text).map(|day| (day.earliest(), day.date().is_some()));
        assert_eq!(read("1968"), Some((date(1968, 1, 1), false)));
        assert_eq!(read("1968-07"), Some((date(1968, 7, 1), false)));
        assert_eq!(read("1968-07-19"), Some((date(1968, 7, 19), true)));
        let latest = |text: &str| Day::parse(text).and_then(|day| day.latest());
        assert_eq!(latest("1968"), Some(date(1968, 12, 31)));
        assert_eq!(latest("1968-02"), Some(date(1968, 2, 29)));
        assert_eq!(latest("1968-07-19"), Some(date(1968, 7, 19)));
        for odd in [
            "",
            "68",
            "1968-7-19",
            "1968-02-30",
            "19680719",
            "1968-13",
            "0000",
            "1968-07-19T00:00",
            "07/19/1968",
            "1968-07-1é",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_instant_needs_its_zone() {
        assert_eq!(instant("2026-04-12T10:30:00-04:00"), "2026-04-12T14:30:00Z".parse().ok());
        assert!(instant("2026-04-12T10:30:00.123Z").is_some());
        for odd in ["2026-04-12T10:30:00", "2026-04-12", "2026-04-12 10:30:00Z", "10:30", "2026-02-30T10:30:00Z"] {
            assert_eq!(instant(odd), None, "{odd}");
        }
        assert!(is_date_time("2026-04") && is_date_time("2026-04-12T10:30:00Z") && !is_date_time("soon"));
        assert_eq!(write("2026-04-12T14:30:01.5Z".parse().expect("an instant")), "2026-04-12T14:30:01.500000Z");
    }
}
