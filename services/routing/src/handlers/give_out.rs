//! What waits in a team's queue is given out as soon as somebody is on duty with a free hand, what is due first first.
//!
//! Each inquiry that waits has a timer, but a timer only makes routing look: then all that waits for the team is given out in the order
//! of the due times, whoever's timer it was. While a closure on short notice stands, what it closes goes on waiting. Deliberately not here:
//! choosing (domain) and what a person did meanwhile (the desk).

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use causeway_envelope::TraceContext;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Draft, DueTimer, HandlerError, Outcome, Timer, Tx};
use causeway_proto::convert::micros;
use causeway_proto::events::fact;
use causeway_proto::routing::v1::OwnerChosen;
use jiff::Timestamp;
use uuid::Uuid;

use super::untouched;
use crate::domain::{Need, Open, Roster};
use crate::store::work::{self, Passed, Waiting, Work};

/// Kind of the timer that stands where somebody may come for what waits.
pub(super) const GIVE_OUT: &str = "give-out";
/// Where somebody is there and all hands are full, or a closure stands, which may end before its time, this is looked for again.
const AGAIN: Duration = Duration::from_secs(600);

/// The timer of an inquiry that waits; none for a team of which nobody is ever given anything.
pub(super) fn timer(
    tx: &Tx,
    profile: &Profile,
    roster: &mut Roster<'_>,
    work: &Work,
    trace: &TraceContext,
) -> Option<Timer> {
    if !profile.staff_of(&work.team).any(causeway_funnel::profile::Staff::answers_inquiries) {
        return None;
    }
    let wait = next_look(tx.now(), roster, &work.team);
    Some(Timer {
        aggregate_id: work.inquiry_id,
        kind: GIVE_OUT,
        // A name that was never used: one that has fired can not be set again.
        occurrence: tx.new_id().to_string(),
        due_at: tx.now().saturating_add(wait).unwrap_or(Timestamp::MAX),
        payload: serde_json::Value::Null,
        trace: trace.clone(),
    })
}

/// How long until somebody may be there for what waits in a team's queue.
fn next_look(now: Timestamp, roster: &mut Roster<'_>, team: &str) -> Duration {
    let at = roster.next_on_duty(team);
    at.and_then(|at| Duration::try_from(now.duration_until(at)).ok()).unwrap_or(AGAIN)
}

/// Gives out what waits for some teams; gives the inquiries that got somebody. The people are locked, and saved by the caller.
pub(super) async fn teams(
    tx: &mut Tx,
    open: &mut Open<'_>,
    roster: &mut Roster<'_>,
    (teams, trace): (&BTreeSet<String>, &TraceContext),
) -> Result<HashSet<Uuid>, HandlerError> {
    let profile = open.profile();
    let mut given = HashSet::new();
    for team in teams {
        let chosen = from_queue(tx, open, roster, (team, trace)).await?;
        work::save(tx, &chosen.iter().collect::<Vec<_>>()).await?;
        let timers: Vec<Timer> = chosen.iter().filter_map(|work| untouched::timer(tx, profile, work, trace)).collect();
        tx.schedule_all(&timers).await?;
        given.extend(chosen.iter().map(|work| work.inquiry_id));
    }
    Ok(given)
}

/// Gives out what waits for one team. What can't be given to anybody at the moment is passed over in the statement, so that however much
/// of it is due first, it hides nothing that can; of one kind of it a single inquiry is read.
async fn from_queue(
    tx: &mut Tx,
    open: &Open<'_>,
    roster: &mut Roster<'_>,
    (team, trace): (&str, &TraceContext),
) -> Result<Vec<Work>, HandlerError> {
    let Some(sites) = open.closed_sites(team, tx.now()) else { return Ok(Vec::new()) };
    let (mut passed, mut chosen) = (Passed { sites, ..Passed::default() }, Vec::new());
    while chosen.len() < work::MOST_WAITING && roster.has_a_hand_for(team) {
        let part = work::waiting(tx, team, &passed).await?;
        let is_last = part.len() < work::MOST_WAITING;
        for Waiting { response_due_at, mut work } in part {
            passed.after = Some((response_due_at.0, work.inquiry_id));
            if passed.skills.contains(&work.skills) {
                continue;
            }
            let skills = work.skills();
            let need = Need { language: &work.language, skills: &skills, ..Need::default() };
            let Some(owner) = roster.choose(team, need) else {
                // Hands only fill up from here on: whoever asks for the same gets nobody either.
                passed.skills.push(work.skills);
                continue;
            };
            choose(tx, &mut work, owner, ("queue", trace));
            chosen.push(work);
        }
        if is_last {
            break;
        }
    }
    Ok(chosen)
}

/// Marks whose turn it is and tells the desk.
pub(super) fn choose(tx: &mut Tx, work: &mut Work, owner: String, (reason, trace): (&str, &TraceContext)) {
    work.owner = owner;
    work.waiting = false;
    work.choice += 1;
    let event = OwnerChosen {
        inquiry_id: work.inquiry_id.to_string(),
        center: tx.center().to_owned(),
        team: work.team.clone(),
        owner: work.owner.clone(),
        choice: work.choice,
        heard_version: work.heard_version,
        reason: reason.to_owned(),
        at: micros(tx.now()),
    };
    let fact = fact(tx.center(), &event);
    tx.emit(Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: work.inquiry_id,
        version: work.choice,
        payload: fact.payload,
        trace: trace.clone(),
    });
}

pub(super) async fn fire(
    tx: &mut Tx,
    roster: &mut Roster<'_>,
    open: &mut Open<'_>,
    (due, outcomes): (&[DueTimer], &mut [Outcome]),
) -> Result<(), HandlerError> {
    let inquiries: Vec<Uuid> = due.iter().filter(|one| one.kind == GIVE_OUT).map(|one| one.aggregate_id).collect();
    if inquiries.is_empty() {
        return Ok(());
    }
    let rows = work::lock(tx, &inquiries).await?;
    let waiting: Vec<&Work> = rows.iter().filter(|work| work.waiting).collect();
    let wanted: BTreeSet<String> = waiting.iter().map(|work| work.team.clone()).collect();
    let trace = due.iter().find(|one| one.kind == GIVE_OUT).map(|one| one.trace.clone()).unwrap_or_default();
    let given = teams(tx, open, roster, (&wanted, &trace)).await?;
    for work in waiting.iter().filter(|work| !given.contains(&work.inquiry_id)) {
        let wait = next_look(tx.now(), roster, &work.team);
        let places =
            due.iter().enumerate().filter(|(_, one)| one.kind == GIVE_OUT && one.aggregate_id == work.inquiry_id);
        places.for_each(|(place, _)| outcomes[place] = Outcome::RetryAfter(wait));
    }
    Ok(())
}
