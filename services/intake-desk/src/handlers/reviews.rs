//! Records that wait too long for a reviewer: a timer for each wait makes the desk look, and what is raised follows from the time limit,
//! the team's levels and those that were raised before, read under a lock. So levels come once and in order, however late or often
//! timers fire.
//!
//! A timer whose wait is over finds nothing to do: it knows its wait by when it began. Deliberately not here: first contacts, which
//! routing watches, and the mail itself.

use std::collections::{HashMap, HashSet};

use causeway_envelope::TraceContext;
use causeway_funnel::escalation::{hearers, levels};
use causeway_funnel::profile::{EscalationLevel, Profile};
use causeway_mailbox::{DueTimer, HandlerError, Outcome, Timer, Tx};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Placed;
use crate::domain::{By, Inquiry, Rules, Step, Waiting};
use crate::store::inquiry::load_for_update;

/// Timer that fires when a level of a review's escalation is reached.
pub(super) const REVIEW_LATE: &str = "review-late";

/// What the timer has to know.
#[derive(Serialize, Deserialize)]
struct Since {
    /// Microseconds since the Unix epoch.
    since: i64,
}

/// What calls for another timer where it changes: which wait it is, how far it was raised, and whose levels count.
pub struct Watched {
    wait: Option<(Timestamp, u32)>,
    team: String,
}

impl Watched {
    /// As an inquiry stands.
    pub fn of(inquiry: &Inquiry) -> Self {
        let wait = inquiry.review.map(|waiting| (waiting.since, waiting.escalated));
        Self { wait, team: inquiry.route.team.clone() }
    }
}

fn levels_of<'a>(profile: &'a Profile, inquiry: &Inquiry) -> &'a [EscalationLevel] {
    profile.team(&inquiry.route.team).map_or(&[], |team| team.review_escalation())
}

/// The timer that a change calls for; none where the wait is as it was, or every level of it was reached.
pub fn review_timer(before: &Watched, inquiry: &Inquiry, profile: &Profile, trace: &TraceContext) -> Option<Timer> {
    let waiting = inquiry.review?;
    let now = Watched::of(inquiry);
    if (before.wait, &before.team) == (now.wait, &now.team) {
        return None;
    }
    let calendar = Rules::of(profile, &inquiry.facts, &inquiry.route).calendar;
    let raised = usize::try_from(waiting.escalated).unwrap_or_default();
    // Nothing has passed at the beginning of time, so the next level is the first that was not raised.
    let next = levels(levels_of(profile, inquiry), raised, (calendar, waiting.due_at), Timestamp::MIN);
    Some(Timer {
        aggregate_id: inquiry.inquiry_id,
        kind: REVIEW_LATE,
        occurrence: inquiry.version.to_string(),
        due_at: next.next_at?,
        payload: serde_json::to_value(Since { since: waiting.since.as_microsecond() }).ok()?,
        trace: trace.clone(),
    })
}

/// The steps that timers call for. One that comes too early, since hours or levels are others by now, comes again.
pub(super) async fn steps(
    tx: &mut Tx,
    profile: &Profile,
    due: &[DueTimer],
    outcomes: &mut [Outcome],
) -> Result<Vec<Placed>, HandlerError> {
    let mut ids: Vec<Uuid> = due.iter().map(|timer| timer.aggregate_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let loaded = load_for_update(tx, &ids).await?;
    let known: HashMap<Uuid, Inquiry> = loaded.into_iter().map(|one| (one.inquiry.inquiry_id, one.inquiry)).collect();
    let mut steps = Vec::with_capacity(due.len());
    for (place, timer) in due.iter().enumerate() {
        let since = serde_json::from_value(timer.payload.clone()).ok().map(|told: Since| told.since);
        let inquiry = known.get(&timer.aggregate_id);
        let is_this = |waiting: &Waiting| Some(waiting.since.as_microsecond()) == since;
        let Some((inquiry, waiting)) = inquiry.and_then(|one| Some((one, one.review.filter(is_this)?))) else {
            outcomes[place] = Outcome::AlreadyApplied;
            continue;
        };
        let calendar = Rules::of(profile, &inquiry.facts, &inquiry.route).calendar;
        let raised = usize::try_from(waiting.escalated).unwrap_or_default();
        let found = levels(levels_of(profile, inquiry), raised, (calendar, waiting.due_at), tx.now());
        if found.reached.is_empty() {
            let again = |at: Timestamp| Outcome::RetryAfter(tx.now().duration_until(at).unsigned_abs());
            outcomes[place] = found.next_at.map_or(Outcome::AlreadyApplied, again);
        }
        // Who hears of two levels at once hears it once.
        let mut hears = HashSet::new();
        for (level, one) in (waiting.escalated + 1..).zip(found.reached) {
            let mut staff = hearers(profile, &inquiry.route.team, &inquiry.owner, &one.to);
            staff.retain(|one| hears.insert(one.clone()));
            let step = Step::ReviewEscalated { since: waiting.since, level, to: one.to.clone().into(), staff };
            let (by, trace) = (By(String::new()), timer.trace.clone());
            steps.push(Placed { place, inquiry_id: timer.aggregate_id, step, by, trace });
        }
    }
    Ok(steps)
}
