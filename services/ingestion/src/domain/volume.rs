//! Whether a feed sends as much as it usually does: by weekday and hour of the center's own zone.
//!
//! What is usual is stated in feeds.toml, or learnt from the last eight weeks: for each hour the mean of the same hour of those
//! weeks without the lowest and the highest, so that neither an outage nor a flood teaches much. A day on which the center is
//! closed expects nothing and teaches nothing. Of a feed without a past and
//! without anything stated nobody knows what is usual: silence of it says nothing, and a flood has a plain bound. A feed is quiet when so many messages would have come since its last one that
//! chance does not explain it: with six expected, none come by chance once in four hundred times. Of what a person has stated three are
//! enough after a day without any: a list of each day is missed on the third, one of each week in the third week. One message that is sent
//! again and again is no flood, since it stands once, and is an incident as well. Quiet ends when something
//! comes; a flood ends well below where it began; so neither flickers. Hours are real hours that are named by the wall clock,
//! so a change of clocks shifts nothing. Deliberately not here: counting (store), and who is told.

use std::collections::BTreeMap;

use causeway_funnel::calendar::Calendar;
use causeway_funnel::profile::Expect;
use jiff::{SignedDuration, Span, Timestamp, ToSpan as _};

/// Weeks from which is learnt.
pub const WEEKS: i64 = 8;
/// Fewer weeks teach nothing.
const FEWEST_WEEKS: usize = 3;
/// So many messages missed are no chance.
const MISSED: f64 = 6.0;
/// So many where a person has stated what is to come, and nothing came for a day: whoever states a list a day wants to hear of it soon.
const MISSED_OF_STATED: f64 = 3.0;
/// Of a feed that sends all day, fewer than [`MISSED`] are chance.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// However busy a feed is, a pause of less than this is none.
const SHORTEST_SILENCE: SignedDuration = SignedDuration::from_hours(1);
/// How far back silence is looked at; longer silence is as sure.
const LONGEST_SILENCE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The same where it is stated what is to come, which may be little in a month.
const LONGEST_OF_STATED: SignedDuration = SignedDuration::from_hours(120 * 24);
/// A flood is more in an hour than this and `FLOOD_TIMES` what is usual together.
const FLOOD_FROM: f64 = 50.0;
const FLOOD_TIMES: f64 = 4.0;
/// Where nobody knows what is usual, more than this in an hour is a flood: no office has so many people to refer.
const FLOOD_UNKNOWN: f64 = 300.0;
/// It ends below this share of where it begins.
const FLOOD_ENDS: f64 = 0.5;
/// One message that comes again so often within an hour is an incident: whoever sends it does not hear our answers.
const REPEATS: u32 = 50;
/// It ends below this.
const REPEATS_END: u32 = 25;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What is wrong with a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing comes although much would be usual.
    Quiet,
    /// Far more comes than is usual.
    Flood,
    /// One message comes again and again.
    Repeats,
}

impl Kind {
    /// As it is kept and counted.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Flood => "flood",
            Self::Repeats => "repeats",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Quiet, Self::Flood, Self::Repeats].into_iter().find(|kind| kind.word() == word)
    }
}

/// What came of a feed.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Messages by the beginning of their hour; hours without any may be absent.
    pub hours: BTreeMap<Timestamp, u32>,
    /// When the last one came.
    pub last_at: Option<Timestamp>,
    /// When it was first looked at.
    pub known_since: Option<Timestamp>,
    /// How many came within the last sixty minutes.
    pub seen: u32,
    /// How often the message that came again most often did so within an hour of late.
    pub repeats: u32,
}

/// What is thought of a feed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// What is wrong; nothing: all is as usual, or nobody knows what is usual.
    pub wrong: Option<Kind>,
    /// Messages that are usual in the last sixty minutes; nothing: not known yet.
    pub expected: Option<f64>,
    /// Messages that would usually have come since the last one.
    pub missed: f64,
}

/// What a feed usually sends.
pub struct Usual<'a> {
    /// Opening days and zone of the center.
    pub calendar: &'a Calendar,
    /// What the profile states; empty: it is learnt.
    pub stated: &'a [Expect],
    /// What came.
    pub past: &'a Past,
}

impl Usual<'_> {
    /// Judges a feed. `open` is the incident that stands, with its beginning.
    #[must_use]
    pub fn judge(&self, now: Timestamp, open: Option<(Kind, Timestamp)>) -> Judgement {
        let before = before(now, HOUR);
        // What is stated is missed of a feed that has never sent as well; what is learnt can't be.
        let known_since = self.past.known_since.filter(|_| !self.stated.is_empty());
        let longest = if self.stated.is_empty() { LONGEST_SILENCE } else { LONGEST_OF_STATED };
        let last = self.past.last_at.or(known_since).map(|last| last.max(self::before(now, longest)).min(now));
        let missed = last.map_or(0.0, |last| self.between(last, now).unwrap_or(0.0));
        let expected = self.between(before, now);
        let is_silent = last.is_some_and(|last| last.duration_until(now) >= SHORTEST_SILENCE);
        let is_over_a_day = !self.stated.is_empty() && last.is_some_and(|last| last.duration_until(now) >= DAY);
        let came_since = |opened: Timestamp| self.past.last_at.is_some_and(|last| last > opened);
        let is_quiet = match open {
            // It does not end because silence has become usual.
            Some((Kind::Quiet, opened)) if !came_since(opened) => true,
            _ => is_silent && (missed >= MISSED || (is_over_a_day && missed >= MISSED_OF_STATED)),
        };
        let share = if matches!(open, Some((Kind::Flood, _))) { FLOOD_ENDS } else { 1.0 };
        // What comes a little early or late is no flood.
        let around = [before.checked_sub(HOUR).ok().and_then(|start| self.between(start, before)), expected]
            .into_iter()
            .chain([now.checked_add(HOUR).ok().and_then(|end| self.between(now, end))]);
        let most = around.flatten().reduce(f64::max);
        let bound = most.map_or(FLOOD_UNKNOWN, |most| FLOOD_FROM + FLOOD_TIMES * most);
        let is_flood = f64::from(self.past.seen) >= share * bound;
        let is_open = matches!(open, Some((Kind::Repeats, _)));
        let is_repeating = self.past.repeats >= if is_open { REPEATS_END } else { REPEATS };
        // A feed that is stuck at one message sends no other one, so its repeats say more than its silence.
        let wrong = match () {
            () if is_flood => Some(Kind::Flood),
            () if is_repeating => Some(Kind::Repeats),
            () if is_quiet => Some(Kind::Quiet),
            () => None,
        };
        Judgement { wrong, expected, missed }
    }

    /// Messages that usually come between two instants; nothing where no hour of it is known.
    #[must_use]
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Option<f64> {
        let hours = std::iter::successors(Some(hour_of(from)), |hour| hour.checked_add(HOUR).ok());
        hours.take_while(|hour| *hour < to).fold(None, |sum: Option<f64>, hour| {
            let Some(usual) = self.hourly(hour) else { return sum };
            let end = hour.checked_add(HOUR).unwrap_or(to).min(to);
            let share = hour.max(from).duration_until(end).as_secs_f64() / HOUR.as_secs_f64();
            Some(sum.unwrap_or(0.0) + usual * share)
        })
    }

    /// Messages that usually come in an hour; nothing where too little is known.
    fn hourly(&self, hour: Timestamp) -> Option<f64> {
        let local = self.calendar.zone().to_datetime(hour);
        let is_closed = |date| self.calendar.closed_on(date).is_some();
        if !self.stated.is_empty() {
            let per_hour = |expect: &Expect| expect.per_hour(local.weekday(), local.time());
            return Some(if is_closed(local.date()) { 0.0 } else { self.stated.iter().map(per_hour).sum() });
        }
        let first = *self.past.hours.keys().next()?;
        let week = |back: i64| {
            let then = local.checked_sub(Span::new().weeks(back)).ok()?;
            let began = hour_of(self.calendar.zone().to_ambiguous_timestamp(then).compatible().ok()?);
            let teaches = began >= first && !is_closed(then.date());
            teaches.then(|| self.past.hours.get(&began).copied().unwrap_or(0))
        };
        let mut counts: Vec<u32> = (1..=WEEKS).filter_map(week).collect();
        if counts.len() < FEWEST_WEEKS {
            return None;
        }
        if is_closed(local.date()) {
            return Some(0.0);
        }
        counts.sort_unstable();
        let aside = (counts.len() / 4).max(1);
        let middle = &counts[aside..counts.len() - aside];
        Some(middle.iter().copied().map(f64::from).sum::<f64>() / middle.len() as f64)
    }
}

/// The beginning of the hour of an instant.
#[must_use]
pub fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(3600) * 3600).unwrap_or(at)
}

fn before(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// Where the hours begin from which is learnt.
#[must_use]
pub fn horizon(now: Timestamp) -> Timestamp {
    // A day more, since a week is of the wall clock.
    hour_of(now.checked_sub((WEEKS * 7 * 24 + 24).hours()).unwrap_or(Timestamp::MIN))
}

#[cfg(test)]
#[path = "volume_tests.rs"]
mod tests;
