//! A response clock comes to its end or to a level of escalation: where nobody has tried to reach the person, the desk and the staff
//! whom it concerns are told.
//!
//! A timer only makes routing look. What is to be told is computed from the due time and from what was told before, read and locked in the
//! same transaction, so a timer that comes too late, too early or twice tells each level once and in order. Deliberately not here: what a
//! level is (domain) and how anybody hears of it.

use std::collections::{HashMap, HashSet};

use causeway_envelope::TraceContext;
use causeway_funnel::escalation::{first_look, hearers, levels};
use causeway_funnel::profile::EscalateTo;
use causeway_mailbox::{Draft, DueTimer, HandlerError, Timer, Tx};
use causeway_proto::convert::micros;
use causeway_proto::events::fact;
use causeway_proto::inquiry::v1::Facts;
use causeway_proto::routing::v1::{EscalationRaised, ResponseMissed};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

use crate::domain::Open;
use crate::store;
use crate::store::work::{self, ClockRow};

/// Kind of the timer that stands at the next moment at which a response clock is looked at.
pub(super) const RESPONSE_DUE: &str = "response-due";
/// The response was missed.
const FIRST_LEVEL: i32 = 1;

/// Why somebody of the staff is to hear of an inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The first contact is about to be late.
    DueSoon,
    /// It is late.
    Late,
    /// It goes from team to team.
    Bounced,
}

impl Why {
    const fn word(self) -> &'static str {
        match self {
            Self::DueSoon => "due_soon",
            Self::Late => "late",
            Self::Bounced => "bounced",
        }
    }
}

/// The first timer of a clock.
pub(super) fn first_timer(
    open: &mut Open<'_>,
    inquiry_id: Uuid,
    (team, site, due_at): (&str, Option<&str>, Timestamp),
    trace: &TraceContext,
) -> Timer {
    let levels = open.profile().team(team).map_or(&[][..], |team| team.escalation());
    let due_at = first_look(levels, open.of(team, site), due_at);
    Timer {
        aggregate_id: inquiry_id,
        kind: RESPONSE_DUE,
        occurrence: String::new(),
        due_at,
        payload: serde_json::json!({}),
        trace: trace.clone(),
    }
}

/// Sets the clocks of inquiries anew whose due time was written to `decisions` in this transaction, earlier or later: what was told of
/// them stays told, and what was not is told by the new time and the present team's levels. Whoever moves a due time or a team calls it.
/// It locks timers, then work: who has locked work or decisions before takes the timers of this kind back before that.
pub(super) async fn reschedule(tx: &mut Tx, open: &mut Open<'_>, inquiries: &[Uuid]) -> Result<(), HandlerError> {
    if inquiries.is_empty() {
        return Ok(());
    }
    tx.cancel_timers(inquiries, Some(RESPONSE_DUE)).await?;
    look(tx, open, inquiries, &HashMap::new()).await
}

pub(super) async fn fire(tx: &mut Tx, open: &mut Open<'_>, due: &[DueTimer]) -> Result<(), HandlerError> {
    let traces: HashMap<Uuid, &TraceContext> =
        due.iter().filter(|timer| timer.kind == RESPONSE_DUE).map(|timer| (timer.aggregate_id, &timer.trace)).collect();
    let inquiries: Vec<Uuid> = traces.keys().copied().collect();
    if !inquiries.is_empty() {
        work::lock_people(tx).await?;
    }
    look(tx, open, &inquiries, &traces).await
}

/// Tells what is to be told of some clocks, and sets the timer of the next look. The people are locked.
pub(super) async fn look(
    tx: &mut Tx,
    open: &mut Open<'_>,
    inquiries: &[Uuid],
    traces: &HashMap<Uuid, &TraceContext>,
) -> Result<(), HandlerError> {
    if inquiries.is_empty() {
        return Ok(());
    }
    let profile = open.profile();
    let trace_of = |id: &Uuid| traces.get(id).map_or_else(TraceContext::default, |trace| (*trace).clone());
    let mut rows = work::lock(tx, inquiries).await?;
    // Who heard of it hears of it once, also where a closure took it back in between.
    for missed in store::miss(tx, inquiries).await?.into_iter().filter(|missed| missed.is_first) {
        let event = ResponseMissed {
            inquiry_id: missed.inquiry_id.to_string(),
            center: tx.center().to_owned(),
            team: missed.team,
            response_due_at: micros(missed.response_due_at),
            level: FIRST_LEVEL,
        };
        let fact = fact(tx.center(), &event);
        tx.emit(Draft {
            event_id: None,
            subject: fact.subject,
            kind: fact.kind,
            aggregate_id: missed.inquiry_id,
            version: missed.version,
            payload: fact.payload,
            trace: trace_of(&missed.inquiry_id),
        });
    }
    let (mut timers, mut changed) = (Vec::new(), Vec::new());
    for clock in work::clocks(tx, inquiries).await? {
        let runs = matches!(clock.clock_state.as_str(), "pending" | "missed") && clock.first_attempt_at.is_none();
        let work = rows.iter_mut().find(|work| work.inquiry_id == clock.inquiry_id && work.open);
        let (true, Some(work)) = (runs, work) else { continue };
        let trace = trace_of(&clock.inquiry_id);
        let all = profile.team(&work.team).map_or(&[][..], |team| team.escalation());
        let (calendar, due_at) = (open.of(&work.team, clock.site.as_deref()), clock.response_due_at.0);
        let told = usize::try_from(work.escalated).unwrap_or_default();
        let found = levels(all, told, (calendar, due_at), tx.now());
        // Who hears of two levels at once hears it once.
        let mut hears = HashSet::new();
        for level in found.reached {
            work.escalated += 1;
            let why = if tx.now() < due_at { Why::DueSoon } else { Why::Late };
            let mut staff = hearers(profile, &work.team, &work.owner, &level.to);
            staff.retain(|one| hears.insert(one.clone()));
            let about = (work.inquiry_id, work.team.as_str(), work.owner.as_str());
            let draft = raised(tx, about, (why, work.escalated, &level.to), staff, (&clock, &trace));
            tx.emit(draft);
        }
        if !found.reached.is_empty() {
            changed.push(work.inquiry_id);
        }
        let end = (tx.now() < due_at).then_some(due_at);
        if let Some(due_at) = [found.next_at, end].into_iter().flatten().min() {
            timers.push(Timer {
                aggregate_id: clock.inquiry_id,
                kind: RESPONSE_DUE,
                // A name that was never used: one that has fired can not be set again.
                occurrence: tx.new_id().to_string(),
                due_at,
                payload: serde_json::json!({}),
                trace,
            });
        }
    }
    work::save(tx, &rows.iter().filter(|work| changed.contains(&work.inquiry_id)).collect::<Vec<_>>()).await?;
    Ok(tx.schedule_all(&timers).await?)
}

/// The event that somebody of the staff is to hear of an inquiry.
pub(super) fn raised(
    tx: &Tx,
    (inquiry_id, team, owner): (Uuid, &str, &str),
    (why, level, to): (Why, i32, &EscalateTo),
    staff: Vec<String>,
    (clock, trace): (&ClockRow, &TraceContext),
) -> Draft {
    // The number is a help for who reads it; facts that can't be read are told by whoever explains them.
    let reference = Facts::decode(clock.facts.as_slice()).map(|facts| facts.reference).unwrap_or_default();
    let event = EscalationRaised {
        inquiry_id: inquiry_id.to_string(),
        center: tx.center().to_owned(),
        team: team.to_owned(),
        owner: owner.to_owned(),
        why: why.word().to_owned(),
        level,
        to: to.clone().into(),
        staff,
        response_due_at: micros(clock.response_due_at.0),
        at: micros(tx.now()),
        reference,
    };
    let fact = fact(tx.center(), &event);
    Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: inquiry_id,
        version: i64::from(level),
        payload: fact.payload,
        trace: trace.clone(),
    }
}
