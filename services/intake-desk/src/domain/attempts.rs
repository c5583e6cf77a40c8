//! Tries to reach a person: what each one means, and when the next one is due.
//!
//! The next try is due on the next business day at the latest, inside the part of the day in which the person likes to be
//! called where the center is open then. A time that the person asked for goes before every rule.

use causeway_funnel::inquiry::{BestTime, Channel, Facts};
use causeway_funnel::stage::StageEvent;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::decide::Work;
use super::inquiry::Rules;
use super::step::{Outcome, Refusal, Told};

/// A call back further ahead than this is a slip of the pen.
const FURTHEST_CALL_BACK: SignedDuration = SignedDuration::from_hours(24 * 92);

/// When the next try is due after one that did not succeed.
pub fn next_try(now: Timestamp, facts: &Facts, rules: &Rules<'_>) -> Timestamp {
    let by_target = rules.calendar.add_business(now, rules.targets.try_again_minutes);
    let latest = next_business_day_end(now, rules).map_or(by_target, |end| by_target.min(end));
    let zone = TimeZone::get(&facts.time_zone).unwrap_or_else(|_| rules.calendar.zone().clone());
    let Some((from, to)) = hours_of(facts.best_time) else { return latest };
    let today = zone.to_datetime(now).date();
    let last_day = zone.to_datetime(latest).date();
    // The latest welcome time that is not after what the rule allows; days are looked at from the last one back.
    let mut day = last_day;
    while day >= today {
        if let Some(at) = welcome_time(day, (from, to), &zone, now, latest, rules) {
            return at;
        }
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    latest
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

/// Hours of the person's day, from and to.
const fn hours_of(best_time: BestTime) -> Option<(i8, i8)> {
    match best_time {
        BestTime::Morning => Some((8, 12)),
        BestTime::Afternoon => Some((12, 17)),
        BestTime::Evening => Some((17, 21)),
        BestTime::Any => None,
    }
}

/// The last minute of a day that is welcome, inside opening times, after now and not after `latest`.
fn welcome_time(
    day: Date,
    (from, to): (i8, i8),
    zone: &TimeZone,
    now: Timestamp,
    latest: Timestamp,
    rules: &Rules<'_>,
) -> Option<Timestamp> {
    let instant = |hour: i8| zone.to_timestamp(day.at(hour, 0, 0, 0)).ok();
    let (from, to) = (instant(from)?.max(now), instant(to)?.min(latest));
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
        let inquiry = &mut self.inquiry;
        inquiry.attempts += 1;
        inquiry.first_attempt_at.get_or_insert(now);
        inquiry.call_back_at = call_back_at;
        let (number, within_target) = (inquiry.attempts, now <= inquiry.route.response_due_at);
        if outcome == Outcome::Reached {
            inquiry.first_contact_at.get_or_insert(now);
            inquiry.learn(now, version, StageEvent::AttemptReached);
        }
        // A talk moves things on: what comes next has its full time again.
        (self.retry, self.restart) = (outcome != Outcome::Reached, outcome == Outcome::Reached);
        self.told.push(Told::ContactAttempted { at: now, channel, outcome, number, within_target });
        let how = channel.label("en").to_lowercase();
        self.enter("attempt", format!("Attempt {number} by {how}: {}.", outcome.words()));
        Ok(())
    }
}
