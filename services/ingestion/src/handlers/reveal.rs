//! Opens people for a stated purpose, and writes down each one in the same transaction.
//!
//! No record, no look: where the audit chain can't be written, nobody is opened. Who may claim a purpose is narrower than
//! the policy's right to read a person: a message is sent by notification alone, a list is read by a person of the staff,
//! and a patient sees nobody but themselves. Deliberately not here: which parts a purpose shows (domain).

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind, Caller};
use causeway_funnel::contact;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use tracing::error;
use uuid::Uuid;

use super::grpc::{Calls, allow, deny};
use super::repair::open;
use crate::domain::person::{self, Person};
use crate::domain::purpose::Purpose;
use crate::error::Refusal;
use crate::store;
use crate::store::repairs::{self, Message};

/// Most messages that an inquiry's page names.
const MOST_WAITING: i64 = 5;
/// Most signs of an answer on a page.
const LONGEST: usize = 20_000;
/// The answer by which an office tells that the patient has died.
const DECEASED: &str = "patient_deceased";

/// Opens the people of inquiries; those that are not this center's are absent, and none at all is `NotFound`.
pub async fn people(
    calls: &Calls,
    caller: &Caller,
    request: wire::RevealPeopleRequest,
    request_id: String,
) -> Result<wire::RevealPeopleResponse, Refusal> {
    let purpose = Purpose::parse(&request.purpose)
        .ok_or(Refusal::BadRequest("purpose must be one of worklist, inquiry_page, send_notice, patient_page"))?;
    let ids = ids(&request.inquiry_ids, calls.most_revealed)?;
    let actor = caller.accountable();
    permit(caller, &actor, purpose, &request.center, &ids)?;
    let sealed = open_record(calls, &request.center, ids, (actor, purpose, request_id)).await?;
    if sealed.is_empty() {
        return Err(Refusal::UnknownInquiry);
    }
    let open = |(inquiry_id, sealed): &(Uuid, Vec<u8>)| -> Result<wire::Person, Refusal> {
        let refuse = |cause: &dyn std::fmt::Display| {
            error!(%cause, inquiry.id = %inquiry_id, "open a person");
            Refusal::Internal
        };
        let context = person::context(*inquiry_id);
        let bytes = calls.acceptance.sealer.open(&request.center, &context, sealed).map_err(|cause| refuse(&cause))?;
        let person = person::read(bytes.expose()).ok_or_else(|| refuse(&"its content is none of ours"))?;
        Ok(shown(*inquiry_id, &person, purpose))
    };
    let mut people = sealed.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    if matches!(purpose, Purpose::InquiryPage | Purpose::Worklist) {
        let of_all: Vec<Uuid> = sealed.iter().map(|(inquiry, _)| *inquiry).collect();
        let waited_for = calls.database.read(&request.center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(repairs::waited_for(tx, &of_all).await?) })
        });
        for inquiry in waited_for.await? {
            let about = inquiry.to_string();
            if let Some(person) = people.iter_mut().find(|person| person.inquiry_id == about) {
                person.waiting = waiting(calls, &request.center, inquiry).await?;
            }
        }
    }
    calls.acceptance.metrics.revealed.with_label_values(&[purpose.word()]).inc_by(people.len() as u64);
    Ok(wire::RevealPeopleResponse { people })
}

/// Ids of inquiries, each once, in order.
pub(super) fn ids(texts: &[String], most: usize) -> Result<Vec<Uuid>, Refusal> {
    if texts.is_empty() || texts.len() > most {
        return Err(Refusal::BadRequest("name at least one inquiry, and not more than the service takes at once"));
    }
    let parsed: Result<Vec<Uuid>, _> = texts.iter().map(|text| Uuid::parse_str(text)).collect();
    let mut ids = parsed.map_err(|_| Refusal::UnknownInquiry)?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Whether this caller may open these people for this purpose.
fn permit(caller: &Caller, actor: &Actor, purpose: Purpose, center: &str, ids: &[Uuid]) -> Result<(), Refusal> {
    let only = |holds: bool, who: &str| match holds {
        true => Ok(()),
        false => Err(deny(format!("purpose {} is for {who} alone", purpose.word()))),
    };
    match purpose {
        Purpose::Worklist | Purpose::InquiryPage => {
            only(actor.kind == ActorKind::Staff, "a person of the staff")?;
            allow(actor, Action::ReadPerson, center)
        }
        Purpose::SendNotice => {
            only(caller.service == "notification", "the service notification")?;
            allow(actor, Action::ReadPerson, center)
        }
        Purpose::PatientPage => {
            let own = || ids.iter().all(|id| Uuid::parse_str(&actor.id).is_ok_and(|own| own == *id));
            only(actor.kind != ActorKind::Patient || own(), "one's own inquiry")?;
            allow(actor, Action::ViewOwnInquiry, center)
        }
    }
}

/// Reads the sealed people and writes down who is about to see them, in one transaction.
async fn open_record(
    calls: &Calls,
    center: &str,
    ids: Vec<Uuid>,
    (actor, purpose, request_id): (Actor, Purpose, String),
) -> Result<Vec<(Uuid, Vec<u8>)>, Refusal> {
    calls
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let sealed = store::people(tx, &ids).await?;
                let entry = |(inquiry_id, _): &(Uuid, Vec<u8>)| Entry {
                    actor: actor.clone(),
                    action: Action::ReadPerson.word().to_owned(),
                    object_kind: "inquiry",
                    object_id: inquiry_id.to_string(),
                    purpose: purpose.word().to_owned(),
                    outcome: Outcome::Done,
                    request_id: request_id.clone(),
                };
                let entries: Vec<Entry> = sealed.iter().map(entry).collect();
                audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>(sealed)
            })
        })
        .await
}

/// What waits about an inquiry that somebody is about to work: they would call its patient without knowing of it.
async fn waiting(calls: &Calls, center: &str, inquiry: Uuid) -> Result<Vec<wire::WaitingNews>, Refusal> {
    let found = calls.database.read(center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(repairs::waiting_of(tx, inquiry, MOST_WAITING).await?) })
    });
    let in_force = calls.acceptance.profile(center)?;
    let news = |message: Message| {
        let feed = in_force.1.feed(&message.feed);
        // What can't be read is looked at where it waits.
        let told = feed.and_then(|feed| open::read(calls, (&in_force.1, feed), &message, None).ok());
        let tells_death = told.is_some_and(|told| told.told().get(DECEASED).is_some_and(|answer| answer == "yes"));
        wire::WaitingNews { message_id: message.message_id.to_string(), reason: message.reason, tells_death }
    };
    Ok(found.await?.into_iter().map(news).collect())
}

/// A text as a page shows it. All of a longer one is on the page where it is mended.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} […] (the rest stands where the answers of this inquiry are mended)", &text[..at]),
        None => text.to_owned(),
    }
}

fn shown(inquiry_id: Uuid, person: &Person, purpose: Purpose) -> wire::Person {
    let mut shown = wire::Person {
        inquiry_id: inquiry_id.to_string(),
        name: person.patient().to_owned(),
        // What could not be read is shown as typed: somebody may still be able to use it.
        phone: person.phone.clone().unwrap_or_else(|| person.given("phone").to_owned()),
        email: person.email.clone().unwrap_or_else(|| person.given("email").to_owned()),
        caregiver_name: person.caregiver().to_owned(),
        caregiver_relation: person.given("caregiver_relation").to_owned(),
        ..wire::Person::default()
    };
    // A message goes to what could be read, or to nobody.
    if purpose == Purpose::SendNotice {
        shown.phone = person.phone.clone().unwrap_or_default();
        shown.email = person.email.clone().unwrap_or_default();
    }
    if purpose.shows_story() {
        shown.birth_date =
            person.birth_date.map_or_else(|| person.given("birth_date").to_owned(), |date| date.to_string());
        shown.message = shortened(person.given("message"));
        shown.answers = person.others().map(|(key, answer)| (key.to_owned(), shortened(answer))).collect();
        let extension = person.phone.as_ref().and_then(|_| contact::extension(person.given("phone")));
        shown.answers.extend(extension.map(|digits| ("phone_extension".to_owned(), digits)));
        shown.attribution = Some(convert::attribution_to_wire(&person.came));
    }
    shown
}

#[cfg(test)]
#[path = "reveal_tests.rs"]
mod tests;
