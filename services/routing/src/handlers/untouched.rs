//! Work that nobody has begun goes to somebody else after the team's time, and after a few such moves to the lead.
//!
//! The time counts in the hours of whose turn it is; a first attempt, a claim or a hand-over takes the timer back. One that fires all the
//! same compares what it was set for with what stands now. While a pause or a closure on short notice stands, nobody is to begin, so the
//! whole time counts anew from its end; so it does from the end of a pause that is over when the timer fires. Deliberately not here: what the desk makes of the choice.

use std::time::Duration;

use causeway_envelope::TraceContext;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{DueTimer, HandlerError, Outcome, Timer, Tx};
use causeway_proto::convert::{micros, optional_instant};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::give_out::choose;
use crate::domain::{Need, Open, Roster};
use crate::store::clock;
use crate::store::work::{self, Work};

/// Kind of the timer that stands where untouched work moves on.
pub(super) const UNTOUCHED: &str = "untouched";
/// Where nobody else is there, this is looked for again.
const AGAIN: Duration = Duration::from_secs(900);

/// What stood when the timer was set.
#[derive(Serialize, Deserialize)]
struct SetFor {
    choice: i64,
    owner: String,
    /// From when the time counts, microseconds; a timer of an older release does not say.
    #[serde(default)]
    since: i64,
}

/// The timer of work as it stands now; none where its team lets it lie.
pub(super) fn timer(tx: &Tx, profile: &Profile, work: &Work, trace: &TraceContext) -> Option<Timer> {
    timer_from(tx, profile, (work, tx.now()), trace)
}

/// The same with the team's time counted from an instant on.
fn timer_from(tx: &Tx, profile: &Profile, (work, from): (&Work, Timestamp), trace: &TraceContext) -> Option<Timer> {
    let minutes = profile.team(&work.team)?.untouched_minutes?;
    let calendar = if work.owner.is_empty() { profile.calendar(None) } else { profile.duty(&work.owner) };
    Some(Timer {
        aggregate_id: work.inquiry_id,
        kind: UNTOUCHED,
        // A name that was never used: one that has fired can not be set again.
        occurrence: tx.new_id().to_string(),
        due_at: calendar.add_business(from, minutes),
        payload: serde_json::to_value(SetFor { choice: work.choice, owner: work.owner.clone(), since: micros(from) })
            .ok()?,
        trace: trace.clone(),
    })
}

pub(super) async fn fire(
    tx: &mut Tx,
    roster: &mut Roster<'_>,
    open: &mut Open<'_>,
    (due, outcomes): (&[DueTimer], &mut [Outcome]),
) -> Result<(), HandlerError> {
    let profile = open.profile();
    let inquiries: Vec<Uuid> = due.iter().filter(|one| one.kind == UNTOUCHED).map(|one| one.aggregate_id).collect();
    if inquiries.is_empty() {
        return Ok(());
    }
    let mut rows = work::lock(tx, &inquiries).await?;
    let clocks = work::clocks(tx, &inquiries).await?;
    let pauses = clock::pauses(tx, &inquiries).await?;
    let clock_of = |id: Uuid| clocks.iter().find(|clock| clock.inquiry_id == id);
    let begun = |id: Uuid| clock_of(id).is_some_and(|clock| clock.first_attempt_at.is_some());
    let (mut moved, mut timers) = (Vec::new(), Vec::new());
    for (place, timer) in due.iter().enumerate().filter(|(_, one)| one.kind == UNTOUCHED) {
        let Some(work) = rows.iter_mut().find(|work| work.inquiry_id == timer.aggregate_id) else { continue };
        let set = serde_json::from_value::<SetFor>(timer.payload.clone());
        let Ok(set) = set.map(|set| (set.choice, set.owner, optional_instant(set.since))) else { continue };
        let stands = (set.0, &set.1) == (work.choice, &work.owner);
        if !stands || !work.open || work.waiting || begun(work.inquiry_id) {
            continue;
        }
        let site = clock_of(work.inquiry_id).and_then(|clock| clock.site.as_deref());
        // One that is over by now counts too, where it ended after the time began.
        let since = set.2.unwrap_or_else(|| tx.now());
        let stretches = pauses.get(&work.inquiry_id).into_iter().flatten();
        let paused = stretches.filter(|pause| pause.from <= tx.now() && since < pause.to).map(|pause| pause.to).max();
        let closed = open.closed_until((work.team.as_str(), site), tx.now());
        if let Some(until) = paused.max(closed) {
            timers.extend(timer_from(tx, profile, (&*work, until), &timer.trace));
            continue;
        }
        let Some(next) = next(profile, roster, work) else {
            outcomes[place] = Outcome::RetryAfter(AGAIN);
            continue;
        };
        let (owner, reason) = match next {
            Next::Colleague(owner) => (owner, "untouched"),
            Next::Lead(lead) => (lead, "lead"),
            Next::Stays => continue,
        };
        if !work.owner.is_empty() {
            roster.gave(&work.owner);
        }
        work.moves += 1;
        choose(tx, work, owner, (reason, &timer.trace));
        // The lead is the last: what lies there is told by escalation.
        if reason == "untouched" {
            timers.extend(self::timer(tx, profile, work, &timer.trace));
        }
        moved.push(work.inquiry_id);
    }
    let moved: Vec<&Work> = rows.iter().filter(|work| moved.contains(&work.inquiry_id)).collect();
    work::save(tx, &moved).await?;
    Ok(tx.schedule_all(&timers).await?)
}

/// Where untouched work goes.
enum Next {
    /// To somebody else of the team.
    Colleague(String),
    /// To the lead.
    Lead(String),
    /// It is the lead's already.
    Stays,
}

/// Who is next, and counts it; `None` where that is nobody at the moment.
fn next(profile: &Profile, roster: &mut Roster<'_>, work: &Work) -> Option<Next> {
    let team = profile.team(&work.team)?;
    if work.moves >= i32::from(team.moves_to_lead) {
        if work.owner == team.escalate_to {
            return Some(Next::Stays);
        }
        if !roster.is_on_duty(&team.escalate_to) {
            return None;
        }
        roster.took(&team.escalate_to);
        return Some(Next::Lead(team.escalate_to.clone()));
    }
    let skills = work.skills();
    let need = Need { language: &work.language, skills: &skills, except: &work.owner };
    roster.choose(&work.team, need).map(Next::Colleague)
}
