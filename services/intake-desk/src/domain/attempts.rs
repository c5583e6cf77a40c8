//! Tries to reach a person: what each one means, when the next one is due, and by which way.
//!
//! The next try is due on the next business day at the latest, inside the part of the day in which the person likes to be
//! called where the center is open then, and never in their night. A time that the person asked for goes before every rule.

use std::cmp::Ordering;

use causeway_funnel::inquiry::{Channel, Facts};
use causeway_funnel::profile::QuietHours;
use causeway_funnel::stage::StageEvent;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::decide::Work;
use super::inquiry::Rules;
use super::step::{Outcome, Refusal, Told};

/// A call back further ahead than this is a slip of the pen.
const FURTHEST_CALL_BACK: SignedDuration = SignedDuration::from_hours(24 * 92);

/// Minutes of a day, from and to.
pub(super) type Hours = (u16, u16);
const DAY: u16 = 24 * 60;

/// When the next try is due after one that did not succeed: the last minute that the rule allows in which the person likes to be
/// called, else the last in which nothing is quiet at their place, else the last that the rule allows. The center is open then.
pub fn next_try(now: Timestamp, facts: &Facts, rules: &Rules<'_>) -> Timestamp {
    let by_target = rules.calendar.add_business(now, rules.targets.try_again_minutes);
    let latest = next_business_day_end(now, rules).map_or(by_target, |end| by_target.min(end));
    let zone = TimeZone::get(&facts.time_zone).unwrap_or_else(|_| rules.calendar.zone().clone());
    let awake = awake(rules.quiet);
    let liked = facts.best_time.hours().map(|liked| awake.map(|awake| shared(awake, liked)));
    let within = |hours: [Hours; 2]| last_within(hours, &zone, (now, latest), rules);
    liked.and_then(within).or_else(|| within(awake)).unwrap_or(latest)
}

/// The latest welcome time that is not after what the rule allows; days are looked at from the last one back.
fn last_within(
    hours: [Hours; 2],
    zone: &TimeZone,
    (now, latest): (Timestamp, Timestamp),
    rules: &Rules<'_>,
) -> Option<Timestamp> {
    let today = zone.to_datetime(now).date();
    let mut day = zone.to_datetime(latest).date();
    while day >= today {
        let found = hours.iter().filter_map(|hours| welcome_time(day, *hours, zone, (now, latest), rules)).max();
        if found.is_some() {
            return found;
        }
        day = day.yesterday().ok()?;
    }
    None
}

/// The hours of a day in which something may ring; the second ones are empty where the first are all.
pub(super) fn awake(quiet: QuietHours) -> [Hours; 2] {
    let minutes =
        |time: Time| u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or_default();
    let (from, to) = (minutes(quiet.from), minutes(quiet.to));
    match from.cmp(&to) {
        Ordering::Equal => [(0, DAY), (0, 0)],
        Ordering::Greater => [(to, from), (0, 0)],
        Ordering::Less => [(0, from), (to, DAY)],
    }
}

fn shared(one: Hours, other: Hours) -> Hours {
    (one.0.max(other.0), one.1.min(other.1))
}

/// By which way the person is tried next: as they like it, and by another way that they allowed where two tries in a row led
/// nowhere. A number that is somebody else's is used no more. Nothing: no way is left; the office that referred may know one.
pub fn next_channel(tries: &[(Channel, Outcome)], facts: &Facts) -> Option<Channel> {
    let wrong = |way: Channel| {
        let same_number = |tried: Channel| tried == way || (is_number(tried) && is_number(way));
        tries.iter().any(|(tried, outcome)| *outcome == Outcome::WrongNumber && same_number(*tried))
    };
    let mut ways = facts.consents.ways(facts.preferred_channel);
    ways.retain(|way| !wrong(*way));
    let in_vain = |(_, outcome): &&(Channel, Outcome)| {
        matches!(outcome, Outcome::NoAnswer | Outcome::Voicemail | Outcome::OtherPerson)
    };
    let Some((last, _)) = tries.last() else { return ways.first().copied() };
    let in_a_row = tries.iter().rev().take_while(in_vain).take_while(|(way, _)| way == last).count();
    let place = ways.iter().position(|way| way == last);
    match place {
        Some(place) if in_a_row >= TRIES_BY_ONE_WAY => ways.get((place + 1) % ways.len()).copied(),
        Some(place) => ways.get(place).copied(),
        None => ways.first().copied(),
    }
}

/// So many tries by one way that lead nowhere, then another way.
const TRIES_BY_ONE_WAY: usize = 2;

const fn is_number(way: Channel) -> bool {
    matches!(way, Channel::Phone | Channel::Sms)
}

/// Closing time of the first day after today on which the center is open.
fn next_business_day_end(now: Timestamp, rules: &Rules<'_>) -> Option<Timestamp> {
    let zone = rules.calendar.zone();
    let today = zone.to_datetime(now).date();
    let mut spans = rules.calendar.open_spans(now).skip_while(|(open, _)| zone.to_datetime(*open).date() <= today);
    let (first_open, mut end) = spans.next()?;
    let day = zone.to_datetime(first_open).date();
    for (open, close) in spans {
        if zone.to_datetime(open).date() != day {
            break;
        }
        end = close;
    }
    Some(end)
}

/// Hours of a day as instants; none where they are empty.
pub(super) fn welcome_span(day: Date, (from, to): Hours, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let instant = |minutes: u16| {
        let (day, minutes) = if minutes == DAY { (day.tomorrow().ok()?, 0) } else { (day, minutes) };
        let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
        zone.to_timestamp(day.at(hour, minute, 0, 0)).ok()
    };
    if from < to { Some((instant(from)?, instant(to)?)) } else { None }
}

/// The last minute of a day that is welcome, inside opening times, after now and not after `latest`.
fn welcome_time(
    day: Date,
    hours: Hours,
    zone: &TimeZone,
    (now, latest): (Timestamp, Timestamp),
    rules: &Rules<'_>,
) -> Option<Timestamp> {
    let (from, to) = welcome_span(day, hours, zone)?;
    let (from, to) = (from.max(now), to.min(latest));
    let open = rules.calendar.open_spans(from).take_while(|(open, _)| *open < to);
    let ends = open.map(|(_, close)| close.min(to)).filter(|end| *end > now);
    ends.last()
}

impl Work<'_> {
    /// Writes down one try. A colleague may do it too: who picks up the call that comes back is not always the owner.
    pub(super) fn attempt(
        &mut self,
        channel: Channel,
        outcome: Outcome,
        call_back_at: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        self.require_open()?;
        let now = self.now;
        if call_back_at.is_some_and(|at| at <= now || now.duration_until(at) > FURTHEST_CALL_BACK) {
            return Err(Refusal::FieldFault("call back time must lie in the next three months"));
        }
        if call_back_at.is_some() && outcome != Outcome::CallBackAsked {
            return Err(Refusal::FieldFault("a call back time belongs to the outcome call_back_asked"));
        }
        let version = self.begin();
        self.acted();
        let inquiry = &mut self.inquiry;
        inquiry.attempts += 1;
        inquiry.tries_in_vain = if outcome.is_contact() { 0 } else { inquiry.tries_in_vain + 1 };
        inquiry.first_attempt_at.get_or_insert(now);
        // Whoever wants to be called and named no time is called by the rule, however often they were tried.
        let by_rule = || next_try(now, &inquiry.facts, self.rules);
        let asked_for = call_back_at.or_else(|| (outcome == Outcome::CallBackAsked).then(by_rule));
        inquiry.call_back_at = asked_for;
        let (number, within_target) = (inquiry.attempts, now <= inquiry.route.response_due_at);
        if outcome.is_contact() {
            inquiry.first_contact_at.get_or_insert(now);
            inquiry.learn(now, version, StageEvent::AttemptReached);
        }
        // A talk moves things on: what comes next has its full time again.
        (self.retry, self.restart) = (!outcome.is_contact(), outcome.is_contact());
        let script = Default::default();
        self.told.push(Told::ContactAttempted { at: now, channel, outcome, number, within_target, script });
        let how = channel.label("en").to_lowercase();
        let about = self.followed_up();
        self.enter("attempt", format!("Attempt {number} by {how}: {}.{about}", outcome.words()));
        outcome.ends_with().map_or(Ok(()), |reason| self.close(reason))
    }
}
