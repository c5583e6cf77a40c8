//! The desk tells that an inquiry is somebody else's, nobody's, or open no more: loads follow, what became free is given out, and what
//! went to another team is counted.
//!
//! The desk owns the work, so its newest word counts, whatever was chosen here meanwhile: it answers each choice, and the answer brings
//! both together again. The response clock of an inquiry that changes teams keeps its start and its end, and so does that of one which
//! is opened again before anybody tried to reach the person: it runs on. Deliberately not here: the
//! words of staff on why, which are sealed at the desk.

use std::collections::{BTreeMap, BTreeSet};

use causeway_envelope::TraceContext;
use causeway_funnel::escalation::hearers;
use causeway_funnel::profile::{EscalateTo, Profile};
use causeway_mailbox::{Draft, HandlerError, Outcome, Timer, Tx};
use causeway_proto::convert::{instant, micros};
use causeway_proto::events::{fact, id};
use causeway_proto::intake::v1::WorkMoved;
use causeway_proto::routing::v1::InquiryRerouted;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::response_due::{self, Why, raised};
use super::{Placed, give_out, later, read, untouched};
use crate::domain::Open;
use crate::store::work::{self, Reroute, Work};
use crate::store::{clock, run_again};

/// Sent on so often, an inquiry goes to and fro.
const TO_AND_FRO: usize = 3;
/// So does one that comes back to a team which it left within this time.
const COMES_BACK_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 30);

/// One word of the desk.
pub(super) struct Moved {
    place: usize,
    inquiry_id: Uuid,
    at: Timestamp,
    event: WorkMoved,
}

impl Moved {
    /// It is the desk's answer to a choice, whose timers stand.
    fn answers(&self) -> bool {
        matches!(self.event.how.as_str(), "chosen" | "kept")
    }
}

/// Reads a batch; what can't be read is parked. The newest word comes last.
pub(super) fn read_all(placed: &[Placed<'_>], outcomes: &mut [Outcome]) -> Vec<Moved> {
    let mut all = Vec::with_capacity(placed.len());
    for (place, message) in placed {
        let event = read(message, |event: &WorkMoved| Some(event.center.as_str()));
        let moved = event.and_then(|event| {
            let inquiry_id = id("inquiry_id", &event.inquiry_id).map_err(|cause| cause.to_string())?;
            let at = instant("at", event.at).map_err(|cause| cause.to_string())?;
            Ok(Moved { place: *place, inquiry_id, at, event })
        });
        match moved {
            Ok(moved) => all.push(moved),
            Err(reason) => outcomes[*place] = Outcome::Park(reason),
        }
    }
    all.sort_by_key(|moved| moved.event.version);
    all
}

/// The timers of what moved by a person, which are to be taken back before every other lock.
pub(super) fn timers(moved: &[Moved]) -> Vec<(Uuid, &'static str)> {
    let by_people = moved.iter().filter(|one| !one.answers()).map(|one| one.inquiry_id);
    let kinds = [untouched::UNTOUCHED, give_out::GIVE_OUT];
    let mut timers: Vec<_> = by_people.flat_map(|inquiry| kinds.map(|kind| (inquiry, kind))).collect();
    timers.extend(clocks_anew(moved).into_iter().map(|inquiry| (inquiry, response_due::RESPONSE_DUE)));
    timers
}

/// Those whose team may be another one now, or whose clock may run again.
pub(super) fn clocks_anew(moved: &[Moved]) -> Vec<Uuid> {
    let anew = moved.iter().filter(|one| matches!(one.event.how.as_str(), "handed_over" | "reopened"));
    anew.map(|one| one.inquiry_id).collect()
}

/// Gives those whose clocks are to be set anew once all that the batch tells of them is written. `decided` are those whose decisions the
/// batch changes.
pub(super) async fn handle(
    tx: &mut Tx,
    open: &mut Open<'_>,
    (moved, placed, decided): (Vec<Moved>, &[Placed<'_>], &[Uuid]),
    outcomes: &mut [Outcome],
) -> Result<Vec<Uuid>, HandlerError> {
    let profile = open.profile();
    let mut roster = work::roster(tx, profile).await?;
    let inquiries: Vec<Uuid> = moved.iter().map(|one| one.inquiry_id).collect();
    let anew = clocks_anew(&moved);
    let mut rows: BTreeMap<Uuid, Work> =
        work::lock(tx, &inquiries).await?.into_iter().map(|work| (work.inquiry_id, work)).collect();
    clock::lock_rows(tx, decided).await?;
    let traces: BTreeMap<usize, &TraceContext> =
        placed.iter().map(|(place, message)| (*place, &message.envelope.trace)).collect();
    let trace_of = |one: &Moved| traces.get(&one.place).map_or_else(TraceContext::default, |trace| (*trace).clone());
    // Teams for which something may be given out now.
    let mut teams = BTreeSet::new();
    let (mut sent_on, mut begun_anew) = (Vec::new(), BTreeMap::new());
    for one in &moved {
        let Some(work) = rows.get_mut(&one.inquiry_id) else {
            placed.iter().filter(|(place, _)| *place == one.place).for_each(|(place, message)| {
                outcomes[*place] = later(message);
            });
            continue;
        };
        if one.event.version < work.heard_version {
            outcomes[one.place] = Outcome::AlreadyApplied;
            // Its timers were taken back before anybody knew that a newer word stands.
            if !one.answers() && work.open {
                begun_anew.insert(one.inquiry_id, trace_of(one));
            }
            continue;
        }
        if work.open && !work.owner.is_empty() {
            roster.gave(&work.owner);
            teams.extend(profile.staff(&work.owner).map(|staff| staff.teams.clone()).unwrap_or_default());
        }
        if one.event.how == "handed_over" && one.event.team != work.team {
            sent_on.push((one, work.team.clone()));
        }
        follow(work, &one.event);
        if work.open && !work.owner.is_empty() {
            roster.took(&work.owner);
        }
        if work.waiting {
            teams.insert(work.team.clone());
        }
        if !one.answers() && work.open {
            begun_anew.insert(one.inquiry_id, trace_of(one));
        }
    }
    work::save(tx, &rows.values().collect::<Vec<_>>()).await?;
    // By the newest word, which may be a later one: whatever has closed it since tells so as well.
    let is_open = |id: &Uuid| rows.get(id).is_some_and(|work| work.open);
    let reopened = moved.iter().filter(|one| one.event.how == "reopened").map(|one| one.inquiry_id);
    run_again(tx, &reopened.filter(is_open).collect::<Vec<_>>()).await?;
    let trace = traces.values().next().map_or_else(TraceContext::default, |trace| (*trace).clone());
    let given = give_out::teams(tx, open, &mut roster, (&teams, &trace)).await?;
    let mut timers: Vec<Timer> = Vec::new();
    for (inquiry, trace) in begun_anew.iter().filter(|(inquiry, _)| !given.contains(inquiry)) {
        let Some(work) = rows.get(inquiry) else { continue };
        if work.waiting {
            timers.extend(give_out::timer(tx, profile, &mut roster, work, trace));
        } else {
            timers.extend(untouched::timer(tx, profile, work, trace));
        }
    }
    work::save_roster(tx, &roster).await?;
    tx.schedule_all(&timers).await?;
    for (one, from_team) in sent_on {
        let trace = trace_of(one);
        let owner = rows.get(&one.inquiry_id).map_or_else(String::new, |work| work.owner.clone());
        count(tx, profile, (one, &from_team, &owner), &trace).await?;
    }
    Ok(anew)
}

/// Brings a row to what the desk says.
fn follow(work: &mut Work, event: &WorkMoved) {
    work.team.clone_from(&event.team);
    work.owner.clone_from(&event.owner);
    work.open = event.open;
    work.heard_version = event.version;
    work.choice = work.choice.max(event.choice);
    let is_anybodys = event.open && event.owner.is_empty();
    work.waiting = match event.how.as_str() {
        "handed_over" | "reopened" | "rerouted" => is_anybodys,
        // The choice came too late for something that was told before, or will be.
        "kept" => work.waiting && is_anybodys,
        // What a person gave back waits for a person.
        _ => false,
    };
}

/// Keeps and tells that an inquiry went to another team, and tells the lead where it goes to and fro.
async fn count(
    tx: &mut Tx,
    profile: &Profile,
    (one, from_team, owner): (&Moved, &str, &str),
    trace: &TraceContext,
) -> Result<(), HandlerError> {
    let Some(clock) = work::clocks(tx, &[one.inquiry_id]).await?.pop() else { return Ok(()) };
    let reason: causeway_funnel::reroute::RerouteReason = one.event.reason.parse().unwrap_or_default();
    let reroute = Reroute {
        inquiry_id: one.inquiry_id,
        version: one.event.version,
        at: one.at,
        row_name: &clock.row_name,
        from_team,
        to_team: &one.event.team,
        reason: reason.as_str(),
    };
    let since = one.at.saturating_sub(COMES_BACK_WITHIN).unwrap_or(one.at);
    let (left, times) = work::reroute(tx, &reroute, since).await?;
    let version = work::move_decision(tx, one.inquiry_id, &one.event.team).await?;
    let to_and_fro = times >= TO_AND_FRO || left.contains(&one.event.team);
    tx.emit(rerouted(tx, &clock.program, (&reroute, version), (times, to_and_fro), trace));
    if to_and_fro {
        let about = (one.inquiry_id, one.event.team.as_str(), owner);
        let staff = hearers(profile, &one.event.team, owner, &EscalateTo::Lead);
        let draft = raised(tx, about, (Why::Bounced, 0, &EscalateTo::Lead), staff, (&clock, trace));
        tx.emit(draft);
    }
    Ok(())
}

fn rerouted(
    tx: &Tx,
    program: &str,
    (reroute, version): (&Reroute<'_>, i64),
    (times, to_and_fro): (usize, bool),
    trace: &TraceContext,
) -> Draft {
    let event = InquiryRerouted {
        inquiry_id: reroute.inquiry_id.to_string(),
        center: tx.center().to_owned(),
        program: program.to_owned(),
        row: reroute.row_name.to_owned(),
        from_team: reroute.from_team.to_owned(),
        to_team: reroute.to_team.to_owned(),
        reason: reroute.reason.to_owned(),
        times: i32::try_from(times).unwrap_or(i32::MAX),
        to_and_fro,
        at: micros(reroute.at),
        version,
    };
    let fact = fact(tx.center(), &event);
    Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: reroute.inquiry_id,
        version,
        payload: fact.payload,
        trace: trace.clone(),
    }
}
