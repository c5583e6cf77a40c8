//! Business time: when a center is open, and when something is due that may only run while it is open.
//!
//! Everything is computed from intervals of real instants. Nothing counts down, so a restart, a late event or a clock change
//! cannot shift a due time. A wall-clock bound that a clock change skips means the instant after the gap; one that comes
//! twice means the first.
//!
//! Deliberately not here: the words for a time (`time_words`) and the rules of holidays (`holiday`).

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::holiday::Holiday;

/// How far ahead an opening is looked for. A calendar that is closed for longer answers with plain clock time.
const HORIZON_DAYS: usize = 800;
const MINUTES_PER_DAY: u16 = 24 * 60;

/// One opening of a weekday, in minutes after midnight; `close` may be 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    open: u16,
    close: u16,
}

impl Interval {
    /// An opening from `open` to `close`, in minutes after midnight; nothing if it is empty or leaves the day.
    #[must_use]
    pub fn new(open: u16, close: u16) -> Option<Self> {
        (open < close && close <= MINUTES_PER_DAY).then_some(Self { open, close })
    }

    /// Its length.
    #[must_use]
    pub fn minutes(self) -> u32 {
        u32::from(self.close - self.open)
    }

    /// Minutes that it shares with a stretch of the same day, in minutes after midnight.
    #[must_use]
    pub fn shared_with(self, from: u32, to: u32) -> u32 {
        to.min(u32::from(self.close)).saturating_sub(from.max(u32::from(self.open)))
    }

    /// Reads `08:00-12:30`.
    ///
    /// # Errors
    /// Tells the expected shape when the text is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = |part: &str| -> Option<u16> {
            let (hours, minutes) = part.trim().split_once(':')?;
            let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
            (minutes < 60 && hours <= 24).then_some(hours * 60 + minutes)
        };
        text.split_once('-').and_then(|(open, close)| Self::new(read(open)?, read(close)?)).ok_or_else(|| {
            format!("hours \"{text}\" cannot be read; write them like 08:00-12:30, opening before closing")
        })
    }
}

/// A stretch in which the center is closed although its week says open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// First closed instant.
    pub from: Timestamp,
    /// First instant that is no longer closed.
    pub to: Timestamp,
    /// Why, for staff.
    pub reason: String,
}

/// A stretch in which the response clock stood still, with a reason recorded elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it stopped.
    pub from: Timestamp,
    /// When it ran on; nothing while it still stands.
    pub to: Option<Timestamp>,
}

/// A response clock: when it started and when it stood still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocked {
    /// Start of the clock (after hours this may lie outside opening times).
    pub started: Timestamp,
    /// Pauses, in any order; they may overlap.
    pub pauses: Vec<Pause>,
}

/// A center's or site's opening times.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    week: [Vec<Interval>; 7],
    holidays: Vec<Holiday>,
    closed_days: Vec<(Date, String)>,
    closures: Vec<Closure>,
}

impl Calendar {
    /// An always-closed calendar in an IANA zone; add hours to it.
    ///
    /// # Errors
    /// Says that the zone is unknown.
    pub fn new(zone_name: &str) -> Result<Self, String> {
        let zone = TimeZone::get(zone_name)
            .map_err(|_| format!("time zone \"{zone_name}\" is unknown; use an IANA name like America/Los_Angeles"))?;
        Ok(Self { zone, week: Default::default(), holidays: Vec::new(), closed_days: Vec::new(), closures: Vec::new() })
    }

    /// Adds an opening to a weekday; openings that touch or overlap become one.
    #[must_use]
    pub fn with_hours(mut self, weekday: Weekday, interval: Interval) -> Self {
        let day = &mut self.week[weekday_index(weekday)];
        day.push(interval);
        day.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(day.len());
        for next in day.drain(..) {
            match merged.last_mut() {
                Some(last) if next.open <= last.close => last.close = last.close.max(next.close),
                _ => merged.push(next),
            }
        }
        *day = merged;
        self
    }

    /// Closes on a holiday, each year.
    #[must_use]
    pub fn with_holiday(mut self, holiday: Holiday) -> Self {
        self.holidays.push(holiday);
        self
    }

    /// Closes on one date.
    #[must_use]
    pub fn with_closed_day(mut self, date: Date, name: impl Into<String>) -> Self {
        self.closed_days.push((date, name.into()));
        self
    }

    /// Closes for a stretch of time, such as an afternoon of training or a storm.
    #[must_use]
    pub fn with_closure(mut self, closure: Closure) -> Self {
        self.closures.push(closure);
        self.closures.sort_by_key(|closure| closure.from);
        self
    }

    /// The zone in which the hours are meant.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Whether any weekday has hours at all.
    #[must_use]
    pub fn ever_opens(&self) -> bool {
        self.week.iter().any(|day| !day.is_empty())
    }

    /// Why the whole of `date` is closed, if a holiday or closed day says so.
    #[must_use]
    pub fn closed_on(&self, date: Date) -> Option<&str> {
        let named = self.closed_days.iter().find(|(day, _)| *day == date).map(|(_, name)| name.as_str());
        named.or_else(|| self.holidays.iter().find(|holiday| holiday.falls_on(date)).map(|holiday| holiday.label("en")))
    }

    /// Whether the center is open at this instant. The closing instant itself is closed.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.spans_around(at).any(|(open, close)| open <= at && at < close)
    }

    /// `at` itself when open, else the next instant at which the center opens.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp) -> Timestamp {
        self.open_spans(at).next().map_or(at, |(open, _)| open)
    }

    /// When `minutes` of open time have passed after `start`. After hours, counting begins at opening.
    #[must_use]
    pub fn add_business(&self, start: Timestamp, minutes: u32) -> Timestamp {
        self.advance(start, SignedDuration::from_mins(i64::from(minutes)))
    }

    fn advance(&self, start: Timestamp, amount: SignedDuration) -> Timestamp {
        let mut left = amount;
        for (open, close) in self.open_spans(start) {
            let length = open.duration_until(close);
            if left <= length {
                return open.saturating_add(left).unwrap_or(close);
            }
            left -= length;
        }
        start.saturating_add(amount).unwrap_or(start)
    }

    /// Whole minutes of open time between two instants; zero when `b` is not after `a`.
    #[must_use]
    pub fn business_minutes_between(&self, a: Timestamp, b: Timestamp) -> i64 {
        if b <= a {
            return 0;
        }
        let last_day = self.zone.to_datetime(b).date();
        let total: SignedDuration = days_from(self.zone.to_datetime(a).date())
            .take_while(|day| *day <= last_day)
            .flat_map(|day| self.spans_on(day))
            .map(|(open, close)| open.max(a).duration_until(close.min(b)).max(SignedDuration::ZERO))
            .sum();
        total.as_mins()
    }

    /// When a clock of `minutes` runs out, its pauses left out. While a pause stands, the answer is as if it ended now
    /// where it began; ask again when it ends.
    #[must_use]
    pub fn due(&self, clocked: &Clocked, minutes: u32) -> Timestamp {
        let mut pauses: Vec<Pause> =
            clocked.pauses.iter().copied().filter(|p| p.to.is_none_or(|to| p.from < to)).collect();
        pauses.sort_by_key(|pause| pause.from);
        let mut due = self.add_business(clocked.started, minutes);
        let mut counted_to = clocked.started;
        for pause in pauses {
            let from = pause.from.max(counted_to);
            let Some(to) = pause.to else { continue };
            if from >= due || to <= from {
                continue;
            }
            let lost: SignedDuration = self
                .open_spans(from)
                .take_while(|(open, _)| *open < to)
                .map(|(open, close)| open.duration_until(close.min(to)))
                .sum();
            if !lost.is_zero() {
                due = self.advance(due, lost);
            }
            counted_to = to;
        }
        due
    }

    /// Open stretches from `from` on, the first one cut to begin no earlier than `from`.
    pub fn open_spans(&self, from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        self.spans_around(from)
            .filter(move |(_, close)| *close > from)
            .map(move |(open, close)| (open.max(from), close))
    }

    fn spans_around(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        days_from(self.zone.to_datetime(at).date()).take(HORIZON_DAYS).flat_map(|day| self.spans_on(day))
    }

    /// The open stretches of one local day, in order, closures taken out.
    fn spans_on(&self, day: Date) -> Vec<(Timestamp, Timestamp)> {
        let intervals = &self.week[weekday_index(day.weekday())];
        if intervals.is_empty() || self.closed_on(day).is_some() {
            return Vec::new();
        }
        let mut spans: Vec<(Timestamp, Timestamp)> = intervals
            .iter()
            .filter_map(|hours| Some((self.instant(day, hours.open)?, self.instant(day, hours.close)?)))
            .filter(|(open, close)| open < close)
            .collect();
        for closure in &self.closures {
            spans = spans.into_iter().flat_map(|span| without(span, closure)).collect();
        }
        spans
    }

    /// The first instant at which the clocks of this zone show `minutes` after midnight of `day`, or later.
    fn instant(&self, day: Date, minutes: u16) -> Option<Timestamp> {
        let wall = if minutes == MINUTES_PER_DAY {
            DateTime::from_parts(day.tomorrow().ok()?, Time::midnight())
        } else {
            DateTime::from_parts(day, Time::new((minutes / 60) as i8, (minutes % 60) as i8, 0, 0).ok()?)
        };
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        if let AmbiguousOffset::Gap { .. } = ambiguous.offset() {
            // Read with the offset before the gap, the bound lies at or after the change of clocks.
            let after = ambiguous.compatible().ok()?.saturating_add(SignedDuration::from_secs(1)).ok()?;
            return self.zone.preceding(after).next().map(|change| change.timestamp());
        }
        ambiguous.earlier().ok()
    }
}

fn without((open, close): (Timestamp, Timestamp), closure: &Closure) -> Vec<(Timestamp, Timestamp)> {
    let before = (open, close.min(closure.from));
    let after = (open.max(closure.to), close);
    if closure.from >= close || closure.to <= open || closure.to <= closure.from {
        return vec![(open, close)];
    }
    [before, after].into_iter().filter(|(open, close)| open < close).collect()
}

fn days_from(first: Date) -> impl Iterator<Item = Date> {
    // The day before matters where a clock change at midnight repeats its last hour.
    std::iter::successors(Some(first.yesterday().unwrap_or(first)), |day| day.tomorrow().ok())
}

fn weekday_index(weekday: Weekday) -> usize {
    usize::try_from(weekday.to_monday_zero_offset()).unwrap_or_default()
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
