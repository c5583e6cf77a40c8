//! Steps on inquiries that the desk knows: load and lock all, decide each, save all.

use std::collections::{HashMap, HashSet};

use causeway_envelope::TraceContext;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{HandlerError, Outcome, Timer, Tx};
use causeway_proto::convert::facts_to_wire;
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::begin::checklist;
use super::read::Notice;
use super::{Placed, SHORTLY, Watched, chase_timer, claim_timer, left_timer, review_timer, told};
use crate::domain::{Amendment, Inquiry, Rules, Step, begun_by, chase_look, decide, looks_again};
use crate::store::drafts;
use crate::store::inquiry::{Loaded, known, load_for_update, save, save_facts};
use crate::store::timeline::Line;

/// Timer that fires when a booked visit's time has come.
pub const VISIT_TIME: &str = "visit-time";

/// The timer that a step calls for: after a visit somebody has to find out what became of it.
pub fn visit_timer(inquiry: &Inquiry, step: &Step, trace: &TraceContext) -> Option<Timer> {
    let Step::Visit { .. } = step else { return None };
    let starts_at = inquiry.visit_at()?;
    Some(Timer {
        aggregate_id: inquiry.inquiry_id,
        kind: VISIT_TIME,
        occurrence: starts_at.as_microsecond().to_string(),
        due_at: starts_at,
        payload: serde_json::Value::Null,
        trace: trace.clone(),
    })
}

/// Applies steps in their order.
pub(super) async fn take(
    tx: &mut Tx,
    profile: &Profile,
    steps: Vec<Placed>,
    (lines, outcomes): (&mut Vec<Line>, &mut [Outcome]),
) -> Result<(), HandlerError> {
    if steps.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<Uuid> = steps.iter().map(|placed| placed.inquiry_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut loaded: HashMap<Uuid, Loaded> =
        load_for_update(tx, &ids).await?.into_iter().map(|one| (one.inquiry.inquiry_id, one)).collect();
    let (mut changed, mut timers) = (HashSet::new(), Vec::new());
    let (center, now) = (tx.center().to_owned(), tx.now());
    let mut amended = HashSet::new();
    for Placed { place, inquiry_id, mut step, by, trace } in steps {
        let Some(Loaded { inquiry, mut facts, routed_line }) = loaded.remove(&inquiry_id) else {
            outcomes[place] = Outcome::RetryAfter(SHORTLY);
            continue;
        };
        let mut known = &inquiry.facts;
        if let Step::Amended(told) = &mut step
            && told.version > inquiry.amended
        {
            complete(told, profile);
            amended.insert(inquiry_id);
            facts = wire::Facts { attribution: facts.attribution.take(), ..facts_to_wire(inquiry_id, &told.facts) };
            known = &told.facts;
        }
        let rules = Rules::of(profile, known, &inquiry.route);
        let (watched, chased) = (Watched::of(&inquiry), chase_look(&inquiry, &rules));
        let begun = begun_by(&inquiry).map(|(owner, due)| (owner.to_owned(), due));
        let decided = decide(inquiry, &step, &by, now, &rules)
            .map_err(|refusal| HandlerError::Failed(format!("decide what became of an inquiry: {refusal}")))?;
        outcomes[place] = match looks_again(&decided.inquiry, &step, now, &rules) {
            _ if decided.changed => Outcome::Done,
            Some(at) => Outcome::RetryAfter(now.duration_until(at).unsigned_abs()),
            None => Outcome::AlreadyApplied,
        };
        let one = Loaded { inquiry: decided.inquiry, facts, routed_line };
        if decided.changed {
            changed.insert(inquiry_id);
            timers.extend(visit_timer(&one.inquiry, &step, &trace));
            timers.extend(claim_timer(&one.inquiry, &step, (now, &rules), &trace));
            timers.extend(left_timer(begun.as_ref(), &one.inquiry, &rules, &trace));
            timers.extend(review_timer(&watched, &one.inquiry, profile, &trace));
            timers.extend(chase_timer(chased, &one.inquiry, &rules, &trace));
            lines.extend(decided.entries.into_iter().map(|entry| (inquiry_id, entry, None)));
            told::drafts((&center, now), &one, decided.told, &trace).into_iter().for_each(|draft| tx.emit(draft));
        }
        loaded.insert(inquiry_id, one);
    }
    let to_save: Vec<&Inquiry> =
        loaded.values().map(|one| &one.inquiry).filter(|inquiry| changed.contains(&inquiry.inquiry_id)).collect();
    save(tx, &to_save).await?;
    let renewed = |one: &&Loaded| {
        let id = one.inquiry.inquiry_id;
        amended.contains(&id) && changed.contains(&id)
    };
    save_facts(tx, &loaded.values().filter(renewed).collect::<Vec<_>>()).await?;
    for closed in to_save.iter().filter(|inquiry| inquiry.close_reason.is_some()) {
        drafts::drop_of(tx, closed.inquiry_id, None).await?;
    }
    tx.schedule_all(&timers).await?;
    Ok(())
}

/// What the profile says of what an inquiry is now.
fn complete(told: &mut Amendment, profile: &Profile) {
    let (consult, area) = (told.facts.consult_type, told.facts.cancer_area);
    told.checklist = checklist(profile, consult, area);
    told.out_of_scope = profile.out_of_scope(consult, area).map(|entry| entry.id.clone()).unwrap_or_default();
}

/// Messages to people only add a line to the timeline.
pub(super) async fn take_notices(
    tx: &mut Tx,
    notices: Vec<Notice>,
    (lines, outcomes): (&mut Vec<Line>, &mut [Outcome]),
) -> Result<(), HandlerError> {
    if notices.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = notices.iter().map(|notice| notice.inquiry_id).collect();
    let known: HashSet<Uuid> = known(tx, &ids).await?.into_iter().collect();
    for Notice { place, inquiry_id, entry } in notices {
        if known.contains(&inquiry_id) {
            lines.push((inquiry_id, entry, None));
            outcomes[place] = Outcome::Done;
        }
    }
    Ok(())
}
