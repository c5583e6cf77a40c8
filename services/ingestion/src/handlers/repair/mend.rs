//! Mends the answers of an inquiry that was accepted with faults.
//!
//! The mended answers are read by the form like those of everybody, so that nobody is stored who could not have come by a
//! door; as typed and as read they are sealed anew. Only what is the person's own is mended here: what they agreed to, and
//! what routing went by, is asked of them and kept with the intake note. Deliberately not here: messages (retry, take).

use std::collections::{BTreeMap, BTreeSet};

use causeway_auth::audit::{self, AuditError};
use causeway_funnel::contact::FieldFault;
use causeway_mailbox::Tx;
use causeway_proto::inquiry::v1 as wire;
use prost::Message as _;
use tracing::error;
use uuid::Uuid;

use super::Doer;
use super::open::person;
use super::take::{NOT_WAITING, Outcome};
use crate::domain::person;
use crate::error::Refusal;
use crate::handlers::grpc::Calls;
use crate::handlers::hooks::tell;
use crate::store::people;
use crate::store::repairs::{self, Step};

/// The inquiry's answers are mended, all that were given now.
const MENDED: &str = "mended";
/// What can be mended.
const FIELDS: [&str; 6] = ["name", "patient_name", "phone", "email", "birth_date", "message"];

/// Lays mended answers over those that were understood; an empty one takes an answer away.
pub fn lay_over(answers: &mut BTreeMap<String, String>, mended: Vec<(String, String)>) {
    for (key, answer) in mended {
        let answer = answer.trim();
        if answer.is_empty() {
            answers.remove(&key);
        } else {
            answers.insert(key, answer.to_owned());
        }
    }
}

/// Mends an inquiry.
pub async fn inquiry(
    calls: &Calls,
    doer: &Doer,
    (center, id): (&str, Uuid),
    fields: Vec<(String, String)>,
) -> Result<wire::RepairOutcome, Refusal> {
    if fields.is_empty() || fields.iter().any(|(key, _)| !FIELDS.contains(&key.as_str())) {
        return Err(Refusal::BadRequest("mend name, patient_name, phone, email, birth_date or message"));
    }
    let in_force = calls.acceptance.profile(center)?;
    let (calls, doer) = (calls.clone(), doer.clone());
    let database = calls.database.clone();
    let outcome = database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let center = tx.center().to_owned();
                let stored = repairs::inquiry(tx, id).await?.ok_or(Refusal::UnknownInquiry)?;
                let open = repairs::defects(tx, id).await?;
                if open.is_empty() {
                    return Ok(Outcome::of(NOT_WAITING, Some(id), Some(stored.reference)));
                }
                let facts = facts(id, &stored.facts)?;
                let told: Vec<String> = fields.iter().map(|(key, _)| key.clone()).collect();
                let known = person(&calls, &center, (id, &stored.sealed))?;
                let mut given = known.given;
                lay_over(&mut given, fields);
                let form = (facts.form_id.as_str(), facts.language.as_str());
                let checked = calls.acceptance.read_answers(&in_force.1, form, &given)?;
                let wrong = |fault: &&FieldFault| told.contains(&fault.field);
                let faults: Vec<FieldFault> = checked.faults.iter().filter(wrong).cloned().collect();
                if !faults.is_empty() {
                    return Err(Refusal::Faults(faults));
                }
                let is_mended = |field: &String| !checked.faults.iter().any(|fault| fault.field == *field);
                let mended: Vec<String> =
                    open.iter().map(|(field, _)| field.clone()).filter(|field| is_mended(field)).collect();
                let needs_repair = open.iter().any(|(field, _)| !is_mended(field));
                let context = person::context(id);
                let bytes = person::write(&checked.answers, &given, &known.came);
                let sealed = calls.acceptance.sealer.seal(&center, &context, &bytes).map_err(|cause| {
                    error!(%cause, inquiry.id = %id, "seal a mended person");
                    Refusal::Internal
                })?;
                let facts = wire::Facts { needs_repair, ..facts }.encode_to_vec();
                repairs::rewrite(tx, id, (Some(&sealed), &facts, needs_repair)).await?;
                people::read_again(tx, id).await?;
                repairs::mended(tx, &[id], Some(&mended)).await?;
                tell::moved(tx, &[id]).await?;
                let noted = Step {
                    object_kind: "inquiry",
                    object_id: id,
                    step: "mend",
                    outcome: MENDED,
                    actor: &doer.actor.id,
                };
                repairs::note(tx, &[noted]).await?;
                let entry = doer.entry(("inquiry", id), "mend_inquiry");
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>(Outcome::of(MENDED, Some(id), Some(stored.reference)))
            })
        })
        .await?;
    Ok(outcome.told(id))
}

/// Says of inquiries that nothing of them is to be mended any more, and gives those of which something was.
pub async fn give_up(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, Refusal> {
    // In their order, and each inquiry before its faults, as whoever mends one holds them.
    let sorted: BTreeSet<Uuid> = ids.iter().copied().collect();
    let mut held = Vec::new();
    for id in sorted {
        held.extend(repairs::inquiry(tx, id).await?.map(|stored| (id, stored)));
    }
    let done = repairs::mended(tx, ids, None).await?;
    for (id, stored) in held.iter().filter(|(id, _)| done.contains(id)) {
        let facts = wire::Facts { needs_repair: false, ..facts(*id, &stored.facts)? }.encode_to_vec();
        repairs::rewrite(tx, *id, (None, &facts, false)).await?;
    }
    Ok(done)
}

fn facts(id: Uuid, stored: &[u8]) -> Result<wire::Facts, Refusal> {
    wire::Facts::decode(stored).map_err(|cause| {
        error!(%cause, inquiry.id = %id, "read the stored facts of an inquiry");
        Refusal::Internal
    })
}
