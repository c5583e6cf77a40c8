//! What became of the showings of forms: told by the pages that show them, counted, and asked for by people who see the funnel.
//!
//! All that is told is held against the profile, so that no text can come in as the name of a form, a language, a field or a
//! fault. Deliberately not here: forms that other sites draw, which nobody tells us of before they are sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{Action, Actor, ActorKind};
use causeway_funnel::contact::FaultCode;
use causeway_funnel::form::Form;
use causeway_funnel::profile::Profile;
use causeway_mailbox::Database;
use causeway_proto::convert::optional_instant;
use causeway_proto::inquiry::v1 as wire;
use causeway_runtime::Stop;
use jiff::{SignedDuration, Timestamp};
use tracing::debug;
use uuid::Uuid;

use super::accept::Acceptance;
use super::grpc::{Calls, allow, deny};
use crate::error::Refusal;
use crate::store::proofs;
use crate::store::showings::{self as store, Begun};

/// Nothing came from a showing within this time after its hour: it is left. As long as a page may lie open.
const LEFT_AFTER: SignedDuration = SignedDuration::from_hours(25);
/// Whoever tells of a showing later than this after its hour is too late.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_mins(25 * 60 + 30);
/// A showing is settled after this, when nothing more is told of it.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(26);
/// Clocks of machines that differ by more than this are wrong.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);
/// Most lines of a batch.
const MOST: usize = 1000;
/// Most faults of one showing.
const MOST_FAULTS: usize = 40;
/// Most showings settled in one transaction.
const SETTLED: i64 = 1000;
const HOUR: i64 = 3600;
/// Stands for a field that the form does not have.
const OTHER: &str = "other";

/// Takes a batch.
pub async fn note(
    calls: &Calls,
    actor: &Actor,
    request: wire::NoteFormsRequest,
) -> Result<wire::NoteFormsResponse, Refusal> {
    if actor.kind != ActorKind::Service {
        return Err(deny("only a service that shows forms may do this".to_owned()));
    }
    allow(actor, Action::EnterInquiry, &request.center)?;
    let batch = Uuid::parse_str(&request.batch_id);
    let batch = batch.map_err(|_| Refusal::BadRequest("batch_id must be a UUID, a new one for each batch"))?;
    if request.shown.len() > MOST || request.begun.len() > MOST {
        return Err(Refusal::BadRequest("shown, begun: send at most 1000 of each in a batch"));
    }
    let in_force = calls.acceptance.profile(&request.center)?;
    let profile = &in_force.1;
    let shown: Vec<_> = request.shown.into_iter().filter_map(|line| shown(profile, line)).collect();
    let mut begun: BTreeMap<Uuid, Begun> = BTreeMap::new();
    for one in request.begun.into_iter().filter_map(|line| self::begun(profile, line)) {
        match begun.get_mut(&one.showing_id) {
            Some(known) => known.faults.extend(one.faults),
            None => drop(begun.insert(one.showing_id, one)),
        }
    }
    let center = request.center.clone();
    let counted = calls
        .database
        .with_tx(&center, move |tx| {
            Box::pin(async move {
                let now = tx.now();
                if !store::note_batch(tx, now, batch).await? {
                    return Ok(None);
                }
                let in_time =
                    |hour: Timestamp| now.duration_since(hour) < TOLD_WITHIN && hour.duration_since(now) < AHEAD;
                let shown: Vec<_> = shown.into_iter().filter(|(hour, _, _, _)| in_time(*hour)).collect();
                let begun: Vec<Begun> = begun.into_values().filter(|one| in_time(one.hour)).collect();
                store::add_shown(tx, &shown).await?;
                let ids: Vec<Uuid> = begun.iter().map(|one| one.showing_id).collect();
                let known = store::known(tx, &ids).await?;
                store::note_begun(tx, &begun).await?;
                Ok::<_, Refusal>(Some((shown, begun, known)))
            })
        })
        .await?;
    let Some((shown, begun, known)) = counted else { return Ok(wire::NoteFormsResponse {}) };
    let metrics = &calls.acceptance.metrics;
    for (_, form, language, count) in shown {
        let count = u64::try_from(count).unwrap_or_default();
        metrics.form_steps.with_label_values(&[&center, &form, &language, "shown"]).inc_by(count);
    }
    for one in begun {
        let before = known.get(&one.showing_id);
        if before.is_none() {
            metrics.form_steps.with_label_values(&[&center, &one.form, &one.language, "begun"]).inc();
        }
        let is_new = |fault: &&String| before.is_none_or(|known| !known.contains(fault));
        for (field, code) in one.faults.iter().filter(is_new).filter_map(|fault| fault.split_once(':')) {
            metrics.form_faults.with_label_values(&[center.as_str(), &one.form, field, code]).inc();
        }
    }
    Ok(wire::NoteFormsResponse {})
}

fn hour_of(micros: i64) -> Option<Timestamp> {
    let at = optional_instant(micros)?;
    Timestamp::from_second(at.as_second().div_euclid(HOUR) * HOUR).ok()
}

fn language<'p>(profile: &'p Profile, told: &'p str) -> String {
    profile.language_or_default(told).to_owned()
}

fn shown(profile: &Profile, line: wire::FormsShown) -> Option<(Timestamp, String, String, i64)> {
    let form = profile.form(&line.form_id)?;
    let hour = hour_of(line.hour)?;
    (line.count > 0).then(|| (hour, form.id.clone(), language(profile, &line.language), line.count))
}

fn begun(profile: &Profile, line: wire::FormBegun) -> Option<Begun> {
    let form = profile.form(&line.form_id)?;
    let faults = line.faults.iter().take(MOST_FAULTS);
    Some(Begun {
        showing_id: Uuid::parse_str(&line.showing_id).ok()?,
        hour: hour_of(line.shown_at)?,
        form: form.id.clone(),
        language: language(profile, &line.language),
        faults: faults.filter_map(|fault| self::fault(form, fault)).collect::<BTreeSet<_>>(),
    })
}

/// A fault by words that the form and the vocabulary have.
fn fault(form: &Form, told: &wire::FieldCode) -> Option<String> {
    let code: FaultCode = told.code.parse().ok()?;
    let asked = form.fields().map(|(_, field)| field.key.as_str());
    let mut keys = asked.chain(form.consent.ticks.iter().map(|tick| tick.key.as_str()));
    let field = keys.find(|key| *key == told.field && !key.contains([' ', ':'])).unwrap_or(OTHER);
    Some(format!("{field}:{code}"))
}

/// What became of the showings of a range.
pub async fn counts(
    calls: &Calls,
    actor: &Actor,
    request: wire::GetFormCountsRequest,
) -> Result<wire::GetFormCountsResponse, Refusal> {
    allow(actor, Action::ViewFunnel, &request.center)?;
    let from = optional_instant(request.from).unwrap_or(Timestamp::UNIX_EPOCH);
    let to = optional_instant(request.to).unwrap_or(Timestamp::MAX);
    if from >= to {
        return Err(Refusal::BadRequest("to: give an instant after the one in from"));
    }
    let read = calls.database.read(&request.center, move |tx| {
        Box::pin(async move {
            let left_before = tx.now().checked_sub(LEFT_AFTER).unwrap_or(Timestamp::MIN);
            let forms = store::counts(tx, (from, to), left_before).await?;
            Ok::<_, Refusal>((forms, store::fields(tx, (from, to)).await?))
        })
    });
    let (forms, fields) = read.await?;
    let form = |one: store::FormCount| wire::FormCount {
        form_id: one.form,
        language: one.language,
        shown: one.shown,
        begun: one.begun,
        sent: one.sent,
        left: one.abandoned,
    };
    let field = |one: store::FieldCount| wire::FieldFaults {
        form_id: one.form,
        language: one.language,
        field: one.field,
        code: one.code,
        showings: one.showings,
    };
    Ok(wire::GetFormCountsResponse {
        forms: forms.into_iter().map(form).collect(),
        fields: fields.into_iter().map(field).collect(),
    })
}

/// Settles what is over, and forgets what is of no more use, until the stop.
pub async fn watch((acceptance, database, every): (Arc<Acceptance>, Database, Duration), stop: Stop) {
    loop {
        for center in acceptance.profiles.names() {
            loop {
                let settled = database.with_tx(&center, |tx| {
                    Box::pin(async move {
                        store::lock(tx).await?;
                        let now = tx.now();
                        let before = now.checked_sub(SETTLED_AFTER).unwrap_or(Timestamp::MIN);
                        proofs::forget(tx, now).await?;
                        store::forget_batches(tx, before).await?;
                        Ok::<_, Refusal>(store::settle(tx, before, SETTLED).await?)
                    })
                });
                match settled.await {
                    Ok(SETTLED) if !stop.is_requested() => {}
                    Ok(_) => break,
                    Err(cause) => {
                        debug!(%cause, center, "settle showings of forms; tried again in a moment");
                        break;
                    }
                }
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}
