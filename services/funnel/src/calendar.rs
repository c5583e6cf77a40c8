//! Business time: when a center is open, and when something is due that may only run while it is open.
//!
//! Everything is computed from intervals of real instants. Nothing counts down, so a restart, a late event or a clock change
//! cannot shift a due time. A wall-clock bound that a clock change skips means the instant after the gap; one that comes
//! twice means the first.
//!
//! Deliberately not here: the words for a time (`time_words`), the rules of holidays (`holiday`), and the search among
//! compiled spans (`timetable`).

mod timetable;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::holiday::Holiday;
use timetable::{Year, Years, instant, nanos};

/// A calendar that has no open minute in so many years on end answers with plain clock time.
const HORIZON_YEARS: i16 = 3;
const MINUTES_PER_DAY: u16 = 24 * 60;
const NANOS_PER_MINUTE: i64 = 60_000_000_000;

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

    /// First open minute, and the first that is closed again, after midnight.
    #[must_use]
    pub const fn bounds(self) -> (u16, u16) {
        (self.open, self.close)
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

/// Opening times of a center, a site or a team.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    week: [Vec<Interval>; 7],
    holidays: Vec<Holiday>,
    closed_days: Vec<(Date, String)>,
    closures: Vec<Closure>,
    years: Years,
}

impl Calendar {
    /// An always-closed calendar in an IANA zone; add hours to it.
    ///
    /// # Errors
    /// Says that the zone is unknown.
    pub fn new(zone_name: &str) -> Result<Self, String> {
        let zone = TimeZone::get(zone_name)
            .map_err(|_| format!("time zone \"{zone_name}\" is unknown; use an IANA name like America/Los_Angeles"))?;
        Ok(Self {
            zone,
            week: Default::default(),
            holidays: Vec::new(),
            closed_days: Vec::new(),
            closures: Vec::new(),
            years: Years::default(),
        })
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
        self.years = Years::default();
        self
    }

    /// Closes on a holiday, each year.
    #[must_use]
    pub fn with_holiday(mut self, holiday: Holiday) -> Self {
        self.holidays.push(holiday);
        self.years = Years::default();
        self
    }

    /// Closes on one date.
    #[must_use]
    pub fn with_closed_day(mut self, date: Date, name: impl Into<String>) -> Self {
        self.closed_days.push((date, name.into()));
        self.years = Years::default();
        self
    }

    /// Closes for a stretch of time, such as an afternoon of training or a storm. What is compiled already is cut and not
    /// compiled anew, so that a closure entered on short notice costs no more than its own stretch.
    #[must_use]
    pub fn with_closure(mut self, closure: Closure) -> Self {
        self.years.take_out(nanos(closure.from), nanos(closure.to));
        self.closures.push(closure);
        self
    }

    /// The zone in which the hours are meant.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The openings of a weekday in order, holidays and closures left aside.
    #[must_use]
    pub fn hours_on(&self, weekday: Weekday) -> &[Interval] {
        &self.week[weekday_index(weekday)]
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

    /// The closed days of a stretch of dates, both ends included, in order: holidays by rule, on the day itself and on the
    /// weekday on which they are observed, and single dates, which go first where both fall on a day.
    #[must_use]
    pub fn closed_days(&self, from: Date, to: Date) -> BTreeMap<Date, String> {
        let in_range = |day: &Date| from <= *day && *day <= to;
        let by_rule = |holiday: &Holiday| {
            let (holiday, name) = (*holiday, holiday.label("en").to_owned());
            let days = (from.year()..=to.year()).flat_map(move |year| holiday.days_in(year)).filter(in_range);
            days.map(move |day| (day, name.clone()))
        };
        // What comes later takes the place of what came before: the first holiday of the list is the one that is named.
        let mut days: BTreeMap<Date, String> = self.holidays.iter().rev().flat_map(by_rule).collect();
        days.extend(self.closed_days.iter().rev().filter(|(day, _)| in_range(day)).cloned());
        days
    }

    /// Whether the center is open at this instant. The closing instant itself is closed.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.open_spans(at).next().is_some_and(|(open, _)| open == at)
    }

    /// `at` itself when open, else the next instant at which the center opens.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp) -> Timestamp {
        self.open_spans(at).next().map_or(at, |(open, _)| open)
    }

    /// When `minutes` of open time have passed after `start`. After hours, counting begins at opening.
    #[must_use]
    pub fn add_business(&self, start: Timestamp, minutes: u32) -> Timestamp {
        if minutes == 0 {
            return self.next_opening(start);
        }
        self.advance(start, i64::from(minutes) * NANOS_PER_MINUTE)
    }

    /// When so much open time, more than none, has passed after `start`.
    fn advance(&self, start: Timestamp, amount: i64) -> Timestamp {
        let plain = || start.saturating_add(SignedDuration::from_nanos(amount)).unwrap_or(start);
        if !self.ever_opens() {
            return plain();
        }
        let (from, mut left, mut shut) = (nanos(start), amount, 0);
        for number in self.first_year(start)..Date::MAX.year() {
            let year = self.year(number);
            let before = year.open_before(from);
            let rest = year.total() - before;
            if left <= rest {
                return year.when_passed(before + left).map_or_else(plain, instant);
            }
            left -= rest;
            shut = if year.total() == 0 { shut + 1 } else { 0 };
            if shut > HORIZON_YEARS {
                break;
            }
        }
        plain()
    }

    /// Whole minutes of open time between two instants; zero when `b` is not after `a`.
    #[must_use]
    pub fn business_minutes_between(&self, a: Timestamp, b: Timestamp) -> i64 {
        self.open_between(a, b) / NANOS_PER_MINUTE
    }

    /// Nanoseconds of open time between two instants.
    fn open_between(&self, a: Timestamp, b: Timestamp) -> i64 {
        if b <= a || !self.ever_opens() {
            return 0;
        }
        let (from, to) = (nanos(a), nanos(b));
        let last = self.zone.to_datetime(b).date().year();
        (self.first_year(a)..=last)
            .map(|number| {
                let year = self.year(number);
                year.open_before(to) - year.open_before(from)
            })
            .sum()
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
            let lost = self.open_between(from, to);
            if lost > 0 {
                due = self.advance(due, lost);
            }
            counted_to = to;
        }
        due
    }

    /// Open stretches from `from` on, the first one cut to begin no earlier than `from`.
    pub fn open_spans(&self, from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let (first, at) = (self.first_year(from), nanos(from));
        // A week without hours needs no look into years.
        let years = if self.ever_opens() { HORIZON_YEARS + 1 } else { 0 };
        (first..first.saturating_add(years).min(Date::MAX.year())).flat_map(move |number| {
            let year = self.year(number);
            let spans = (0..).map_while(move |place| year.after(at).get(place).copied());
            spans.map(move |span| (instant(span.open.max(at)), instant(span.close)))
        })
    }

    /// The year in which spans after an instant are first looked for. The day before matters where a clock change at
    /// midnight repeats its last hour.
    fn first_year(&self, at: Timestamp) -> i16 {
        let day = self.zone.to_datetime(at).date();
        day.yesterday().unwrap_or(day).year()
    }

    /// The spans of one year of local days.
    fn year(&self, number: i16) -> Arc<Year> {
        self.years.get(number, || {
            let (Ok(first), Ok(last)) = (Date::new(number, 1, 1), Date::new(number, 12, 31)) else {
                return Year::default();
            };
            let closed = self.closed_days(first, last);
            let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(|day| *day <= last);
            let open = days.filter(|day| !closed.contains_key(day)).flat_map(|day| self.spans_on(day));
            let year = Year::new(open.map(|(open, close)| (nanos(open), nanos(close))));
            self.closures.iter().fold(year, |year, closure| {
                let (from, to) = (nanos(closure.from), nanos(closure.to));
                if year.is_touched_by(from, to) { year.without(from, to) } else { year }
            })
        })
    }

    /// The hours of one local day as instants.
    fn spans_on(&self, day: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let intervals = &self.week[weekday_index(day.weekday())];
        intervals
            .iter()
            .filter_map(move |hours| Some((self.instant(day, hours.open)?, self.instant(day, hours.close)?)))
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

fn weekday_index(weekday: Weekday) -> usize {
    usize::try_from(weekday.to_monday_zero_offset()).unwrap_or_default()
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
