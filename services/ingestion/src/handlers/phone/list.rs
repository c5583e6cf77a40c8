//! The calls that wait for somebody, those of late and those of an inquiry; and one of them with its caller's number.
//!
//! A list names nobody. Who opens a call learns the number and the center's requests under it, for a stated purpose, and that is
//! written down in the same transaction. Deliberately not here: what a person says of a call (settle).

use std::collections::HashMap;

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind};
use causeway_envelope::TraceContext;
use causeway_funnel::inquiry::ConsultType;
use causeway_funnel::profile::Profile;
use causeway_mailbox::Ts;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use jiff::{Timestamp, ToSpan as _};
use uuid::Uuid;

use crate::domain::identity::clues::Clue;
use crate::error::Refusal;
use crate::handlers::grpc::{Calls, allow, deny};
use crate::handlers::recognise;
use crate::handlers::repair;
use crate::store::calls::{self, Listed};

/// Rows of a page where nothing else is asked for, and most of them.
const PAGE: (i64, i64) = (50, 200);
/// Most requests that are shown of a number.
const KNOWN: i64 = 5;
/// Most characters that are shown of a number that could not be read.
const LONGEST_UNREAD: usize = 128;
/// No call of this center has this id.
pub const NO_CALL: Refusal = Refusal::BadRequest("no call of this center has this id; take it from the list of calls");

/// Which calls are asked for.
enum Wanted {
    Waiting((Timestamp, Uuid)),
    Recent,
    OfInquiry(Uuid),
}

/// Calls of a center.
pub async fn list(
    calls: &Calls,
    actor: &Actor,
    request: wire::ListCallsRequest,
) -> Result<wire::ListCallsResponse, Refusal> {
    let action = match (actor.kind, request.inquiry_id.is_empty()) {
        (ActorKind::Operator, _) => Action::Operate,
        (_, true) => Action::EnterInquiry,
        // They are shown with the inquiry.
        (_, false) => Action::ViewWorklist,
    };
    allow(actor, action, &request.center)?;
    let in_force = calls.acceptance.profile(&request.center)?;
    let wanted = match (request.inquiry_id.as_str(), request.view.as_str()) {
        ("", "" | "waiting") => Wanted::Waiting(repair::after(&request.page_token)?),
        ("", "recent") => Wanted::Recent,
        ("", _) => return Err(Refusal::BadRequest("view must be waiting or recent")),
        (inquiry, _) => Wanted::OfInquiry(Uuid::parse_str(inquiry).map_err(|_| Refusal::UnknownInquiry)?),
    };
    let most = if request.page_size > 0 { i64::from(request.page_size).min(PAGE.1) } else { PAGE.0 };
    let has_pages = matches!(wanted, Wanted::Waiting(_));
    let (mut found, waiting) = calls
        .database
        .read(&request.center, move |tx| {
            Box::pin(async move {
                let found = match wanted {
                    Wanted::Waiting(after) => calls::waiting(tx, after, most + 1).await?,
                    Wanted::Recent => {
                        let since = tx.now().checked_sub(1.hour()).unwrap_or_default();
                        calls::recent(tx, since, most).await?
                    }
                    Wanted::OfInquiry(inquiry) => calls::of_inquiry(tx, inquiry, PAGE.1).await?,
                };
                Ok::<_, Refusal>((found, calls::count_waiting(tx).await?))
            })
        })
        .await?;
    let most = usize::try_from(most).unwrap_or_default();
    let has_more = has_pages && found.len() > most;
    if has_pages {
        found.truncate(most);
    }
    let token = |last: &Listed| format!("{}:{}", convert::micros(last.waits_from.0), last.call_id);
    let next_page_token = found.last().filter(|_| has_more).map(token).unwrap_or_default();
    let rows = found.into_iter().map(|call| row(&in_force.1, call)).collect();
    Ok(wire::ListCallsResponse { calls: rows, waiting, next_page_token })
}

fn row(profile: &Profile, call: Listed) -> wire::CallRow {
    let mapping = profile.feed(&call.feed).and_then(|feed| feed.phone.as_ref());
    let queue = mapping.and_then(|mapping| mapping.queue(&call.queue)).map(|queue| queue.words().to_owned());
    let instant = |at: Option<Ts>| at.map_or(0, |at| convert::micros(at.0));
    wire::CallRow {
        call_id: call.call_id.to_string(),
        feed: call.feed,
        queue: queue.unwrap_or(call.queue),
        direction: call.direction,
        state: call.state,
        agent: call.agent,
        started_at: convert::micros(call.started_at.0),
        answered_at: instant(call.answered_at),
        ended_at: instant(call.ended_at),
        waits_from: convert::micros(call.waits_from.0),
        waits_for: call.waits_for,
        inquiry_id: call.inquiry_id.map(|id| id.to_string()).unwrap_or_default(),
        reference: call.reference.unwrap_or_default(),
        opened: call.opened,
        outcome: call.outcome,
        unusable: call.unusable.split_whitespace().map(str::to_owned).collect(),
    }
}

/// One call with its caller's number.
pub async fn open(
    calls: &Calls,
    actor: Actor,
    request: wire::OpenCallRequest,
    trace: TraceContext,
) -> Result<wire::OpenedCall, Refusal> {
    if actor.kind != ActorKind::Staff {
        return Err(deny("only a person of the staff opens a call".to_owned()));
    }
    allow(&actor, Action::EnterInquiry, &request.center)?;
    allow(&actor, Action::ReadPerson, &request.center)?;
    if request.purpose != "call_entry" {
        return Err(Refusal::BadRequest("purpose must be call_entry"));
    }
    let call_id = Uuid::parse_str(&request.call_id).map_err(|_| NO_CALL)?;
    let in_force = calls.acceptance.profile(&request.center)?;
    let sealer = calls.acceptance.sealer.clone();
    let (mut listed, number, unread, queue, (known, as_told)) = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let (listed, sealed) = calls::one(tx, call_id).await?.ok_or(NO_CALL)?;
                let call = super::open(&sealer, tx.center(), call_id, &sealed)?;
                let entry = Entry {
                    actor,
                    action: Action::ReadPerson.word().to_owned(),
                    object_kind: "call",
                    object_id: call_id.to_string(),
                    purpose: request.purpose,
                    outcome: Outcome::Done,
                    request_id: trace.traceparent().unwrap_or_default().to_owned(),
                };
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                let number = call.caller().unwrap_or_default().to_owned();
                let mut known = Vec::new();
                if !number.is_empty() {
                    let clue = Clue { kind: "phone", value: number.clone() };
                    let token = recognise::token(&sealer, tx.center(), &clue).map_err(super::internal)?;
                    known = calls::known_by(tx, &token, KNOWN).await?;
                }
                let unread = call.unread_caller().chars().take(LONGEST_UNREAD).collect::<String>();
                let as_told = call.unusable().into_iter().map(|(field, told)| (field.to_owned(), told.to_owned()));
                let as_told: HashMap<String, String> = as_told.collect();
                Ok::<_, Refusal>((listed, number, unread, call.queue().to_owned(), (known, as_told)))
            })
        })
        .await?;
    // In the clear it stands only where feeds.toml had it.
    listed.queue.clone_from(&queue);
    let mapping = in_force.1.feed(&listed.feed).and_then(|feed| feed.phone.as_ref());
    let queue = mapping.and_then(|mapping| mapping.queue(&queue)).filter(|queue| !queue.ignore).cloned();
    let queue = queue.unwrap_or_default();
    let known = known.into_iter().map(|(id, reference, at, consult)| wire::KnownInquiry {
        inquiry_id: id.to_string(),
        reference,
        received_at: convert::micros(at.0),
        consult_type: convert::consult_type_to_wire(consult.parse().unwrap_or(ConsultType::NotSure)).into(),
    });
    let form = queue.form(&in_force.1).map(|form| form.id.clone());
    Ok(wire::OpenedCall {
        number,
        number_as_sent: unread,
        form_id: form.unwrap_or_default(),
        language: queue.language.unwrap_or_default(),
        consult_type: queue.consult_type.map(|term| term.as_str().to_owned()).unwrap_or_default(),
        cancer_area: queue.cancer_area.map(|term| term.as_str().to_owned()).unwrap_or_default(),
        site: queue.site.unwrap_or_default(),
        known: known.collect(),
        as_told,
        call: Some(row(&in_force.1, listed)),
    })
}
