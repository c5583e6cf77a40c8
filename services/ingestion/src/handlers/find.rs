//! Finds inquiries by a name, a phone number, an email address or a request number that somebody of the staff typed.
//!
//! Nothing is searched through: each of them has a token in the person index, which is made of the typed words in the same way.
//! What was typed is kept nowhere; who looked, and what was found, is in the audit chain. Deliberately not here: who the people
//! are (reveal) and how far their inquiries are (the desk).

use std::collections::HashMap;

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind};
use causeway_envelope::TraceContext;
use causeway_funnel::contact;
use causeway_funnel::ids::Reference;
use causeway_mailbox::Tx;
use causeway_proto::inquiry::v1 as wire;
use jiff::Timestamp;
use uuid::Uuid;

use super::grpc::{Calls, allow, deny};
use super::recognise;
use crate::domain::identity::clues::{Clue, EMAIL_TO_FIND, clues_of_a_name};
use crate::domain::identity::name::{Name, are_forms_of_one};
use crate::domain::person::{self, Person};
use crate::error::Refusal;
use crate::store::{self, people};

/// The longest text that is looked for, characters.
const LONGEST: usize = 200;
/// Most inquiries that are told.
const MOST: usize = 50;
/// Most of one clue that are looked at: far more than are told, so that a name that only sounds alike hides no sure one, and that there
/// are more is known.
const LOOKED_AT: i64 = 500;
/// Why somebody looks, in the audit chain; the first one where they do not say.
const PURPOSES: [&str; 2] = ["worklist_search", "call_entry"];

/// What was typed, in each way in which it can be meant.
struct Typed {
    reference: Option<Reference>,
    name: Name,
    /// Each clue with the word for what was found by it.
    clues: Vec<(Clue, &'static str)>,
}

impl Typed {
    fn read(text: &str, region: &str) -> Self {
        let mut clues = Vec::new();
        if let Ok(phone) = contact::phone("text", text, region, "en") {
            clues.push((Clue { kind: "phone", value: phone }, "phone"));
        }
        if text.contains('@') {
            for kind in ["email", EMAIL_TO_FIND] {
                clues.push((Clue { kind, value: text.to_lowercase() }, "email"));
            }
        }
        let name = Name::parse(text);
        clues.extend(clues_of_a_name(&name).into_iter().map(|clue| (clue, "name")));
        Self { reference: text.parse().ok(), name, clues }
    }

    /// Whether a name is the typed one and does not only sound like it.
    fn is_name(&self, of: &str) -> bool {
        let of = Name::parse(of);
        let is = |first: &str, rest: &[String]| {
            are_forms_of_one(first, &of.first) && rest.iter().any(|word| of.rest.contains(word))
        };
        let turned = |word: &String| is(word, std::slice::from_ref(&self.name.first));
        is(&self.name.first, &self.name.rest) || self.name.rest.iter().any(turned)
    }
}

/// An inquiry that was found.
struct Found {
    inquiry_id: Uuid,
    reference: String,
    received_at: Timestamp,
    by: &'static str,
}

/// Finds inquiries of a center.
pub async fn find(
    calls: &Calls,
    actor: Actor,
    request: wire::FindPeopleRequest,
    trace: TraceContext,
) -> Result<wire::FindPeopleResponse, Refusal> {
    if actor.kind != ActorKind::Staff {
        return Err(deny("only a person of the staff looks for people".to_owned()));
    }
    allow(&actor, Action::ReadPerson, &request.center)?;
    let text = request.text.trim().to_owned();
    if text.is_empty() || text.chars().count() > LONGEST {
        return Err(Refusal::BadRequest("text must have from 1 to 200 characters"));
    }
    let told = if request.purpose.is_empty() { PURPOSES[0] } else { request.purpose.as_str() };
    let Some(purpose) = PURPOSES.into_iter().find(|purpose| *purpose == told) else {
        return Err(Refusal::BadRequest("purpose must be worklist_search or call_entry"));
    };
    let in_force = calls.acceptance.profile(&request.center)?;
    let typed = Typed::read(&text, &in_force.1.center.default_region);
    let sealer = calls.acceptance.sealer.clone();
    let mut found = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let found = look(tx, &sealer, &typed).await?;
                write_down(tx, (&actor, purpose), &found, &trace).await?;
                Ok::<_, Refusal>(found)
            })
        })
        .await?;
    let more = found.len() > MOST;
    found.truncate(MOST);
    let told = |one: Found| wire::FoundInquiry {
        inquiry_id: one.inquiry_id.to_string(),
        reference: one.reference,
        by: one.by.to_owned(),
    };
    Ok(wire::FindPeopleResponse { found: found.into_iter().map(told).collect(), more })
}

/// What has the request number or one of the clues: what is surer first, then the newest first.
async fn look(tx: &mut Tx, sealer: &causeway_auth::Sealer, typed: &Typed) -> Result<Vec<Found>, Refusal> {
    let mut all: HashMap<Uuid, Found> = HashMap::new();
    if let Some(reference) = &typed.reference {
        let found = store::by_reference(tx, reference.as_str()).await?;
        let found = found.map(|(inquiry_id, reference, _)| Found {
            inquiry_id,
            reference,
            received_at: tx.now(),
            by: "reference",
        });
        all.extend(found.map(|one| (one.inquiry_id, one)));
    }
    for kind in ["phone", "email", "name"] {
        let clues = typed.clues.iter().filter(|clue| clue.1 == kind);
        let tokens: Result<Vec<[u8; 16]>, _> =
            clues.map(|clue| recognise::token(sealer, tx.center(), &clue.0)).collect();
        let tokens = tokens.map_err(|_| Refusal::Internal)?;
        if tokens.is_empty() {
            continue;
        }
        for one in people::found_by(tx, &tokens, LOOKED_AT).await? {
            let by = match kind {
                "name" if !is_called_so(sealer, tx.center(), typed, &one) => "name_alike",
                by => by,
            };
            let (inquiry_id, received_at) = (one.inquiry_id, one.received_at.0);
            all.entry(inquiry_id).or_insert(Found { inquiry_id, reference: one.reference, received_at, by });
        }
    }
    let mut found: Vec<Found> = all.into_values().collect();
    found.sort_by_key(|one| (one.by == "name_alike", std::cmp::Reverse((one.received_at, one.inquiry_id))));
    Ok(found)
}

/// Opens a person to compare the name. One who can't be opened is shown as one whose name only sounds so.
fn is_called_so(sealer: &causeway_auth::Sealer, center: &str, typed: &Typed, one: &people::Candidate) -> bool {
    let opened = sealer.open(center, &person::context(one.inquiry_id), &one.sealed);
    let known: Option<Person> = opened.ok().and_then(|bytes| person::read(bytes.expose()));
    known.is_some_and(|known| typed.is_name(known.patient()) || typed.is_name(known.caregiver()))
}

/// Writes down who looked: of each inquiry that is told, or of the center where there is none.
async fn write_down(
    tx: &mut Tx,
    (actor, purpose): (&Actor, &str),
    found: &[Found],
    trace: &TraceContext,
) -> Result<(), Refusal> {
    let entry = |object_kind: &'static str, object_id: String| Entry {
        actor: actor.clone(),
        action: Action::ReadPerson.word().to_owned(),
        object_kind,
        object_id,
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        request_id: trace.traceparent().unwrap_or_default().to_owned(),
    };
    let mut entries: Vec<Entry> =
        found.iter().take(MOST).map(|one| entry("inquiry", one.inquiry_id.to_string())).collect();
    if entries.is_empty() {
        entries.push(entry("center", tx.center().to_owned()));
    }
    audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
    Ok(())
}
