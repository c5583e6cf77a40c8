//! Who may be the same person: shown with the reasons, decided by a person, undone by one, written down.
//!
//! A link is never more than a hint until somebody of the center has looked. What a sister center is asked is whether it knows
//! the person, and no more; that it does is said only to who may read the person, and is written down. Deliberately not here: how
//! links are found (recognise), what may be said beside what (domain).

use std::collections::{BTreeSet, HashMap};

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind};
use causeway_envelope::TraceContext;
use causeway_funnel::ids::Reference;
use causeway_mailbox::Tx;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::grpc::{Calls, allow, deny};
use super::recognise;
use super::reveal::ids;
use crate::domain::identity::group::{Said, State, may_say, person_of};
use crate::domain::identity::score::explain;
use crate::error::Refusal;
use crate::store::links::Linked;
use crate::store::{self, links, people};

/// Most links that are shown of one inquiry.
const MOST_SHOWN: i64 = 20;

const NO_NUMBER: Refusal = Refusal::BadRequest("enter a request number, like HV-7K4M-2QX");

/// Links of inquiries, who is one person with each, and which sister centers know them.
pub async fn list(
    calls: &Calls,
    actor: Actor,
    request: wire::ListLinksRequest,
    trace: TraceContext,
) -> Result<wire::ListLinksResponse, Refusal> {
    allow(&actor, Action::ReadPerson, &request.center)?;
    let ids = ids(&request.inquiry_ids, calls.most_revealed)?;
    let shares = |center: &str| {
        let profile = calls.acceptance.profiles.current(center);
        profile.filter(|profile| profile.1.center.share_recognition).map(|profile| profile.1.center.short_name.clone())
    };
    let sisters: HashMap<String, String> = match shares(&request.center) {
        None => HashMap::new(),
        Some(_) if request.own_center_only => HashMap::new(),
        Some(_) => {
            let others = calls.acceptance.profiles.names().into_iter().filter(|name| *name != request.center);
            others.filter_map(|name| Some((name.clone(), shares(&name)?))).collect()
        }
    };
    let (of_all, known) = (ids.clone(), sisters.clone());
    let (linked, said, crowded, elsewhere) = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let linked = links::of(tx, &of_all, MOST_SHOWN).await?;
                let said = said(tx, &of_all).await?;
                let linked = with_who_is_joined(tx, (&of_all, linked), &said).await?;
                let crowded: BTreeSet<Uuid> = people::crowded(tx, &of_all).await?.into_iter().collect();
                let mut elsewhere = Vec::new();
                if !known.is_empty() {
                    elsewhere = people::elsewhere(tx, &of_all).await?;
                    elsewhere.retain(|(_, center, _)| known.contains_key(center));
                }
                let told: BTreeSet<Uuid> = elsewhere.iter().map(|(inquiry, ..)| *inquiry).collect();
                let entry = |inquiry: &Uuid| Entry {
                    actor: actor.clone(),
                    action: Action::ReadPerson.word().to_owned(),
                    object_kind: "inquiry",
                    object_id: inquiry.to_string(),
                    purpose: "known_elsewhere".to_owned(),
                    outcome: Outcome::Done,
                    request_id: trace.traceparent().unwrap_or_default().to_owned(),
                };
                let entries: Vec<Entry> = told.iter().map(entry).collect();
                if !entries.is_empty() {
                    audit::append_all(tx, &entries)
                        .await
                        .map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                }
                Ok::<_, Refusal>((linked, said, crowded, elsewhere))
            })
        })
        .await?;
    let inquiries = ids.iter().map(|id| wire::LinksOfInquiry {
        inquiry_id: id.to_string(),
        links: linked.iter().filter(|link| link.inquiry_id == *id).map(shown).collect(),
        person: person_of(*id, &said).iter().map(Uuid::to_string).collect(),
        crowded: crowded.contains(id),
        elsewhere: elsewhere
            .iter()
            .filter(|(inquiry, ..)| inquiry == id)
            .map(|(_, center, since)| wire::KnownElsewhere {
                center_name: sisters.get(center).cloned().unwrap_or_default(),
                since_month: since.clone(),
            })
            .collect(),
    });
    Ok(wire::ListLinksResponse { inquiries: inquiries.collect() })
}

/// Adds who is one person with an inquiry though no link joins these two: each of them is that of a third.
async fn with_who_is_joined(
    tx: &mut Tx,
    (ids, mut linked): (&[Uuid], Vec<Linked>),
    said: &[Said],
) -> Result<Vec<Linked>, sqlx::Error> {
    let mut joined: Vec<(Uuid, Uuid)> = Vec::new();
    for id in ids {
        let is_linked = |other: &Uuid| linked.iter().any(|link| link.inquiry_id == *id && link.other == *other);
        let others = person_of(*id, said).into_iter().filter(|other| other != id && !is_linked(other));
        joined.extend(others.take(MOST_SHOWN as usize).map(|other| (*id, other)));
    }
    if !joined.is_empty() {
        linked.extend(links::joined(tx, &joined).await?);
    }
    Ok(linked)
}

fn shown(link: &Linked) -> wire::PersonLink {
    wire::PersonLink {
        inquiry_id: link.other.to_string(),
        reference: link.reference.clone(),
        received_at: convert::micros(link.received_at.0),
        consult_type: link.consult_type.clone(),
        strength: link.strength.clone(),
        score: link.score,
        because: link.because.clone(),
        explanation: explain(link.because.iter().map(String::as_str)),
        state: link.state.clone(),
        decided_by: link.decided_by.clone().unwrap_or_default(),
        decided_at: link.decided_at.map_or(0, |at| convert::micros(at.0)),
    }
}

/// What was said, of the people of some inquiries.
async fn said(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Said>, sqlx::Error> {
    let rows = links::said(tx, ids).await?;
    Ok(rows.into_iter().filter_map(|(newer, older, state)| Some(((newer, older), State::parse(&state)?))).collect())
}

/// Says that two inquiries are one person's, or two people's, or takes it back.
pub async fn decide(
    calls: &Calls,
    actor: Actor,
    request: wire::DecideLinkRequest,
    trace: TraceContext,
) -> Result<wire::DecideLinkResponse, Refusal> {
    if actor.kind != ActorKind::Staff {
        return Err(deny("only a person of the staff says who is the same person, after a look".to_owned()));
    }
    allow(&actor, Action::RepairInquiry, &request.center)?;
    let word = State::parse(&request.state).ok_or(Refusal::BadRequest("state must be one of same, different, open"))?;
    let other = match request.other_reference.trim() {
        "" => request.other_inquiry_id.clone(),
        typed => numbered(calls, &request.center, typed).await?.to_string(),
    };
    let both = ids(&[request.inquiry_id.clone(), other], 2)?;
    let [older, newer] = both[..] else { return Err(Refusal::BadRequest("name two different inquiries")) };
    let person = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                links::lock(tx).await?;
                if store::known(tx, &[older, newer]).await?.len() != 2 {
                    return Err(Refusal::UnknownInquiry);
                }
                let mut known = said(tx, &[older, newer]).await?;
                may_say((newer, older), word, &known).map_err(Refusal::WrongState)?;
                if word != State::Open {
                    links::link(tx, (newer, older)).await?;
                }
                if !links::say(tx, (newer, older), word.word(), &actor.id).await? {
                    return Err(Refusal::UnknownInquiry);
                }
                links::forget(tx, (newer, older)).await?;
                let entry = |inquiry: Uuid| Entry {
                    actor: actor.clone(),
                    action: Action::RepairInquiry.word().to_owned(),
                    object_kind: "inquiry",
                    object_id: inquiry.to_string(),
                    purpose: format!("person_link_{}", word.word()),
                    outcome: Outcome::Done,
                    request_id: trace.traceparent().unwrap_or_default().to_owned(),
                };
                let entries = [entry(older), entry(newer)];
                audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                known.retain(|(link, _)| *link != (newer, older));
                known.push(((newer, older), word));
                Ok::<_, Refusal>(person_of(newer, &known))
            })
        })
        .await?;
    Ok(wire::DecideLinkResponse { person: person.iter().map(Uuid::to_string).collect() })
}

/// The inquiry with a request number that a person typed.
async fn numbered(calls: &Calls, center: &str, typed: &str) -> Result<Uuid, Refusal> {
    let number: Reference = typed.parse().map_err(|_| NO_NUMBER)?;
    let number = number.to_string();
    let found = calls
        .database
        .read(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(store::by_reference(tx, &number).await?) }));
    found.await?.map(|(id, ..)| id).ok_or(Refusal::UnknownInquiry)
}

/// Reads all people of a center again, in the background.
pub async fn reindex(
    calls: &Calls,
    actor: &Actor,
    request: wire::ReindexPeopleRequest,
) -> Result<wire::ReindexPeopleResponse, Refusal> {
    allow(actor, Action::Operate, &request.center)?;
    calls.acceptance.profile(&request.center)?;
    recognise::begin_again(&calls.database, &request.center, request.anew).await?;
    Ok(wire::ReindexPeopleResponse {})
}
