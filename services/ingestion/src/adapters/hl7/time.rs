//! Times as HL7 writes them, and as systems write them instead, without making them more exact than they are.
//!
//! `1968` is a year and not its first of January, so the precision stays with the value. A time without an offset is the
//! sender's own, in the zone that its center is known to be in. Two digits for a year, and a day before a month, can't be
//! told from something else and are not read. Deliberately not here: which dates are possible for whom (referral).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

/// How exact a time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// `1968`
    Year,
    /// `196807`
    Month,
    /// `19680719`
    Day,
    /// `1968071910`
    Hour,
    /// `196807191030`
    Minute,
    /// `19680719103015`, with or without a fraction
    Second,
}

/// A time as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    local: DateTime,
    precision: Precision,
    instant: Option<Timestamp>,
}

impl When {
    /// Reads a time; `zone` is where the sender is, for a time that does not say.
    #[must_use]
    pub fn parse(text: &str, zone: &TimeZone) -> Option<Self> {
        let mut reader = Reader { rest: text.trim().as_bytes() };
        let (date, mut precision) = reader.date()?;
        let mut time = Time::midnight();
        if precision == Precision::Day
            && let Some((told, exactly)) = reader.time()?
        {
            (time, precision) = (told, exactly);
        }
        let offset = reader.offset()?;
        let local = date.to_datetime(time);
        let instant = (precision > Precision::Day).then(|| match offset {
            Some(offset) => offset.to_timestamp(local).ok(),
            None => zone.to_timestamp(local).ok(),
        });
        Some(Self { local, precision, instant: instant.flatten() })
    }

    /// How exact it is.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The day as it was written, where it is known.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        (self.precision >= Precision::Day).then(|| self.local.date())
    }

    /// The earliest day that it can mean.
    #[must_use]
    pub fn earliest(&self) -> Date {
        self.local.date()
    }

    /// The moment, where at least its hour is known.
    #[must_use]
    pub fn instant(&self) -> Option<Timestamp> {
        self.instant
    }
}

/// A moment as we write it: `20260412153016+0000`.
#[must_use]
pub fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y%m%d%H%M%S%z").to_string()
}

/// What is still to be read. Each function reads what it is named after or, with `None`, makes all of it unreadable.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn date(&mut self) -> Option<(Date, Precision)> {
        match self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            1 | 2 => self.american(),
            4 => self.extended(),
            6.. => self.compact(),
            _ => None,
        }
    }

    /// `YYYYMM` and `YYYYMMDD`; a time follows without anything between.
    fn compact(&mut self) -> Option<(Date, Precision)> {
        let year = self.digits(4)?;
        let month = self.digits(2)?;
        let day = if self.is_digit() { self.digits(2)? } else { 0 };
        date(year, month, day)
    }

    /// `YYYY`, `YYYY-MM` and `YYYY-MM-DD`. A year may have an offset: `1968-0500`.
    fn extended(&mut self) -> Option<(Date, Precision)> {
        let year = self.digits(4)?;
        let is_offset = self.rest.len() == 5 && self.rest[1..].iter().all(u8::is_ascii_digit);
        if is_offset || !self.skip(b"-") {
            return date(year, 0, 0);
        }
        let month = self.digits(2)?;
        let day = if self.skip(b"-") { self.digits(2)? } else { 0 };
        date(year, month, day)
    }

    /// `7/19/1968`, with points or hyphens too.
    fn american(&mut self) -> Option<(Date, Precision)> {
        let month = self.short()?;
        let between = *self.rest.first().filter(|byte| b"/-.".contains(byte))?;
        self.skip(&[between]);
        let day = self.short()?;
        self.skip(&[between]).then_some(())?;
        let year = self.digits(4)?;
        (month > 0 && day > 0).then(|| date(year, month, day)).flatten()
    }

    /// A time of day, if there is one: `HH[[:]MM[[:]SS[.S...]]]`, in halves of the day too.
    fn time(&mut self) -> Option<Option<(Time, Precision)>> {
        let apart = self.skip(b"Tt ");
        if !self.is_digit() {
            return Some(None);
        }
        let mut hour = if apart { self.short()? } else { self.digits(2)? };
        let (mut minute, mut second, mut nanosecond) = (0, 0, 0);
        let mut precision = Precision::Hour;
        if self.skip(b":") || self.is_digit() {
            (minute, precision) = (self.digits(2)?, Precision::Minute);
            if self.skip(b":") || self.is_digit() {
                (second, precision) = (self.digits(2)?, Precision::Second);
                nanosecond = if self.skip(b".,") { self.fraction()? } else { 0 };
            }
        }
        if let Some(afternoon) = self.half() {
            (1..=12).contains(&hour).then_some(())?;
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        }
        // A leap second is counted to the one before it.
        let second = if second == 60 { 59 } else { second };
        let small = |number: i16| i8::try_from(number).ok();
        let time = Time::new(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()?;
        Some(Some((time, precision)))
    }

    /// `AM` or `PM`, whether it is after noon.
    fn half(&mut self) -> Option<bool> {
        let told = self.rest.trim_ascii_start();
        let afternoon = match told.get(..2)?.to_ascii_uppercase().as_slice() {
            b"AM" => false,
            b"PM" => true,
            _ => return None,
        };
        self.rest = &told[2..];
        Some(afternoon)
    }

    /// Decimal digits of a second, as nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (told, rest) = self.rest.split_at_checked(digits).filter(|(told, _)| !told.is_empty())?;
        self.rest = rest;
        let padded = told.iter().copied().chain(std::iter::repeat(b'0')).take(9);
        Some(padded.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
    }

    /// The rest: nothing, `Z`, or hours and minutes from Greenwich.
    fn offset(&mut self) -> Option<Option<Offset>> {
        self.rest = self.rest.trim_ascii_start();
        let east = match self.rest {
            [] => return Some(None),
            b"Z" | b"z" => return Some(Some(Offset::UTC)),
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let hours = i32::from(self.digits(2)?);
        let minutes = if self.skip(b":") || !self.rest.is_empty() { i32::from(self.digits(2)?) } else { 0 };
        let fits = self.rest.is_empty() && hours < 24 && minutes < 60;
        fits.then(|| Offset::from_seconds(east * (hours * 60 + minutes) * 60).ok()).flatten().map(Some)
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<i16> {
        let (told, rest) = self.rest.split_at_checked(count)?;
        let number = told
            .iter()
            .try_fold(0, |sum, byte| Some(sum * 10 + i16::try_from(char::from(*byte).to_digit(10)?).ok()?))?;
        self.rest = rest;
        Some(number)
    }

    /// One digit or two.
    fn short(&mut self) -> Option<i16> {
        let count = if self.rest.get(1).is_some_and(u8::is_ascii_digit) { 2 } else { 1 };
        self.digits(count)
    }

    fn is_digit(&self) -> bool {
        self.rest.first().is_some_and(u8::is_ascii_digit)
    }

    /// Passes one of some characters, if it is next.
    fn skip(&mut self, any: &[u8]) -> bool {
        let found = self.rest.first().is_some_and(|byte| any.contains(byte));
        self.rest = &self.rest[usize::from(found)..];
        found
    }
}

/// A date as exact as it was told: systems write zeros for a month or a day that nobody knows.
fn date(year: i16, month: i16, day: i16) -> Option<(Date, Precision)> {
    let precision = match (month, day) {
        (0, _) => Precision::Year,
        (_, 0) => Precision::Month,
        _ => Precision::Day,
    };
    let (month, day) = (month.max(1), if month == 0 { 1 } else { day.max(1) });
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    (year > 0).then_some((date, precision))
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
