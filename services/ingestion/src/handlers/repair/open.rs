//! Opens something that waits, with all that it says, for a stated purpose, and writes that down first.
//!
//! Deliberately not here: what is made of it (take, mend, assign, apply).

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_auth::Actor;
use causeway_auth::audit::{self, AuditError};
use causeway_envelope::TraceContext;
use causeway_funnel::profile::{CsvMapping, Feed, FeedKind, Profile};
use causeway_mailbox::Tx;
use causeway_proto::inquiry::v1 as wire;
use tracing::error;
use uuid::Uuid;

use super::door::{Known, Understood, Wish, understand};
use super::{DEFECTS, Doer, STAFF, UNKNOWN, apply, assign, mend, row};
use crate::adapters::csv::charset::Text;
use crate::adapters::csv::layout::detect;
use crate::adapters::hl7::charset;
use crate::domain::person::{self, Person};
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::csv::part_context;
use crate::handlers::csv::reader::SLICE;
use crate::handlers::csv::survey::Reading;
use crate::handlers::grpc::Calls;
use crate::handlers::hear::news;
use crate::handlers::phone::{self, body};
use crate::store;
use crate::store::file_rows::{self, FileOf};
use crate::store::messages::{self, REFUSED};
use crate::store::repairs::{self, Message, Waiting};
use crate::writer::heard::{CONTROL_ID_REUSED, REFERRAL_CHANGED, REFERRAL_REOPENED, holds};

/// Why somebody may look: a closed list.
const PURPOSES: [&str; 2] = ["repair", "mapping"];

/// Nothing is at fault, and nobody has asked yet who called.
const MISSED_CALL: &str = "missed_call";
/// Nothing is at fault, and its answers can be mended all the same.
const MENDING: &str = "mending";

/// Type and event, where two messages differ in them.
const KIND: &str = "message_kind";

/// The feed was taken out of the profile.
pub const FEED_GONE: Refusal =
    Refusal::WrongState("its feed is not in feeds.toml any more: add it again, or set this aside");

/// The center's retention has passed.
const ERASED: Refusal =
    Refusal::WrongState("what it said is erased, as the center's retention says: settle it, or set it aside");

/// Opens something.
pub async fn repair(
    calls: &Calls,
    actor: Actor,
    request: wire::OpenRepairRequest,
    trace: TraceContext,
) -> Result<wire::Repair, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    if !PURPOSES.contains(&request.purpose.as_str()) {
        return Err(Refusal::BadRequest("purpose must be repair or mapping"));
    }
    let id = super::id(&request.id)?;
    match request.kind.as_str() {
        "message" => message(calls, &doer, (&request.center, id), &request.purpose).await,
        "inquiry" => inquiry(calls, &doer, (&request.center, id), &request.purpose).await,
        _ => Err(Refusal::BadRequest("kind must be message or inquiry")),
    }
}

async fn message(
    calls: &Calls,
    doer: &Doer,
    (center, id): (&str, Uuid),
    purpose: &str,
) -> Result<wire::Repair, Refusal> {
    let (by, why) = (doer.clone(), purpose.to_owned());
    let (message, file, steps) = calls
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let message = repairs::message(tx, id, false).await?.ok_or(UNKNOWN)?;
                let file = file_rows::file_of(tx, id).await?;
                let entry = by.entry(("message", id), &why);
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((message, file, repairs::steps(tx, id).await?))
            })
        })
        .await?;
    let in_force = calls.acceptance.profile(center)?;
    let is_erased = message.sealed.is_empty();
    let raw = if is_erased { Vec::new() } else { raw(calls, center, &message)? };
    let feed = feed(&in_force.1, &message.feed);
    let readable = feed.filter(|_| !is_erased);
    let understood = readable.map(|feed| read(calls, (&in_force.1, feed), &message, file.as_ref())).transpose()?;
    let waits = message.waits();
    let may_apply = understood.as_ref().is_some_and(|one| apply::may(&message, one));
    let compared = match (&understood, feed) {
        (Some(understood), Some(feed)) if waits => {
            beside(calls, doer, (&in_force, feed), (&message, understood), purpose).await?
        }
        _ => Beside::default(),
    };
    // A call has its inquiry, or waits for a person on its own list.
    let may_assign =
        assign::may(&message) && feed.is_some_and(|feed| feed.kind != FeedKind::Phone) && understood.is_some();
    let view = if !waits {
        ""
    } else if message.state == REFUSED {
        "refused"
    } else {
        "waiting"
    };
    // Its inquiry stands, so that no new one is made of it.
    let is_known = [REFERRAL_CHANGED, REFERRAL_REOPENED].contains(&message.reason.as_str());
    let kind = message.kind.clone();
    let mut row = row(&in_force.1, waiting(message));
    if let Some((inquiry, reference)) = compared.about {
        row.inquiry_id = inquiry.to_string();
        row.reference = reference;
    }
    let wish = understood.as_ref().filter(|_| waits).map(|one| &one.wish);
    let differs_in_kind = compared.standing.contains_key(KIND);
    let mut shown = wire::Repair {
        raw: charset::decode(&raw).text.into_owned(),
        may_release: matches!(wish, Some(Wish::New | Wish::Mended)) && !is_known,
        may_retry: matches!(wish, Some(Wish::New | Wish::About(..))),
        steps: steps.into_iter().map(step).collect(),
        row: Some(row),
        view: view.to_owned(),
        may_apply,
        may_assign,
        is_erased,
        standing: compared.standing.into_iter().collect(),
        standing_kind: compared.kind.to_owned(),
        standing_raw: compared.raw,
        candidates: compared.candidates,
        is_other_patient: compared.is_other_patient,
        ..wire::Repair::default()
    };
    if let (Some(understood), Some(feed)) = (understood, feed) {
        shown.faults = understood.faults.iter().map(|(place, message)| fault(place.clone(), message.clone())).collect();
        shown.columns.clone_from(&understood.columns);
        shown.fields = understood.told().into_iter().collect();
        if differs_in_kind {
            shown.fields.insert(KIND.to_owned(), kind);
        }
        if !shown.may_release {
            return Ok(shown);
        }
        let submission = understood.submission(&in_force.1, feed);
        let for_staff = |submission| Submission { language: STAFF.to_owned(), ..submission };
        match submission.and_then(|told| calls.acceptance.faults(&in_force.1, &for_staff(told))) {
            Ok(faults) => shown.faults.extend(faults.into_iter().map(|one| fault(one.field, one.message))),
            // As it stands it would not be taken; whoever mends it has to see it all the same.
            Err(refusal) => {
                shown.may_retry = false;
                match refusal {
                    Refusal::Faults(faults) => {
                        shown.faults.extend(faults.into_iter().map(|one| fault(one.field, one.message)));
                    }
                    other => shown.faults.push(fault(String::new(), other.to_string())),
                }
            }
        }
    }
    Ok(shown)
}

/// What is shown beside a message: whom it is compared with, and whose it may be.
#[derive(Default)]
struct Beside {
    standing: BTreeMap<String, String>,
    kind: &'static str,
    raw: String,
    candidates: Vec<wire::RepairCandidate>,
    is_other_patient: bool,
    /// The inquiry of its call.
    about: Option<(Uuid, String)>,
}

/// Looks up what a message is compared with. Whatever of it is somebody else's is written down.
async fn beside(
    calls: &Calls,
    doer: &Doer,
    (in_force, feed): (&Arc<(String, Profile)>, &Feed),
    (message, understood): (&Message, &Understood),
    purpose: &str,
) -> Result<Beside, Refusal> {
    let may_assign = assign::may(message) && feed.kind != FeedKind::Phone;
    let identity = news::identity(&calls.acceptance, (&in_force.1, feed), &understood.told()).filter(|_| may_assign);
    let (calls, doer, in_force) = (calls.clone(), doer.clone(), in_force.clone());
    let (message, told, purpose) = (message.clone(), understood.told(), purpose.to_owned());
    let (center, kind) = (in_force.1.center.id.clone(), feed.kind);
    let database = calls.database.clone();
    database
        .with_tx(&center, move |tx| {
            Box::pin(async move {
                let mut beside = match message.inquiry_id {
                    Some(inquiry) => of_inquiry(tx, &calls, &doer, (inquiry, &told, kind), &purpose).await?,
                    None if message.reason == CONTROL_ID_REUSED => of_first(tx, &calls, &in_force.1, &message).await?,
                    None => Beside::default(),
                };
                beside.is_other_patient &= !message.assigned;
                if let Some(identity) = identity {
                    let of = (&identity, &told);
                    beside.candidates = assign::candidates(tx, &calls, &doer, of, &purpose).await?;
                }
                Ok::<_, Refusal>(beside)
            })
        })
        .await
}

async fn of_inquiry(
    tx: &mut Tx,
    calls: &Calls,
    doer: &Doer,
    (inquiry, told, kind): (Uuid, &BTreeMap<String, String>, FeedKind),
    purpose: &str,
) -> Result<Beside, Refusal> {
    let Some(stored) = repairs::inquiry(tx, inquiry).await? else { return Ok(Beside::default()) };
    let person = person(calls, tx.center(), (inquiry, &stored.sealed))?;
    let entry = doer.entry(("inquiry", inquiry), purpose);
    audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
    let standing = apply::standing(&person, &mend::facts(inquiry, &stored.facts)?);
    let is_other_patient = is_of_another(&person, told, kind);
    Ok(Beside { standing, kind: "inquiry", is_other_patient, ..Beside::default() })
}

/// Whether a message names another patient than its inquiry. HL7 names one wherever it brings documents; elsewhere one is compared
/// where it is named.
pub fn is_of_another(person: &Person, told: &BTreeMap<String, String>, kind: FeedKind) -> bool {
    let is_named = ["name", "patient_name"].iter().any(|key| told.contains_key(*key));
    (kind == FeedKind::Hl7 || is_named) && !news::is_of(person, told)
}

/// The message that came first under a control id.
async fn of_first(tx: &mut Tx, calls: &Calls, profile: &Profile, message: &Message) -> Result<Beside, Refusal> {
    let standing = messages::standing(tx, &[message.control_key.as_slice()]).await?;
    let Some(first) = standing.iter().find(|one| one.message_id != message.message_id && holds(one)) else {
        return Ok(Beside::default());
    };
    let Some(first) = repairs::message(tx, first.message_id, false).await? else { return Ok(Beside::default()) };
    let Some(feed) = feed(profile, &first.feed).filter(|_| !first.sealed.is_empty()) else {
        return Ok(Beside::default());
    };
    let text = charset::decode(&raw(calls, tx.center(), &first)?).text.into_owned();
    let mut told = read(calls, (profile, feed), &first, None)?.told();
    // A withdrawal may hold the very segments of its referral.
    if first.kind != message.kind {
        told.insert(KIND.to_owned(), first.kind.clone());
    }
    let about = match feed.kind {
        FeedKind::Phone => inquiry_of_call(tx, calls, (profile, feed), message).await?,
        _ => None,
    };
    Ok(Beside { standing: told, kind: "message", raw: text, about, ..Beside::default() })
}

/// The inquiry of the call that an event is about.
async fn inquiry_of_call(
    tx: &mut Tx,
    calls: &Calls,
    (profile, feed): (&Profile, &Feed),
    message: &Message,
) -> Result<Option<(Uuid, String)>, Refusal> {
    let (region, now) = (&profile.center.default_region, calls.acceptance.clock.now());
    let Ok(heard) = body::read(&raw(calls, tx.center(), message)?, region, now) else { return Ok(None) };
    let key = phone::call_key(&calls.acceptance.sealer, (&profile.center.id, &feed.id), &heard.call_id)?;
    let Some(inquiry) = store::calls::under(tx, &key).await?.and_then(|call| call.inquiry_id) else { return Ok(None) };
    Ok(store::reference(tx, inquiry).await?.map(|reference| (inquiry, reference)))
}

/// Reads a message once more, and a row by its feed's mapping in force.
pub fn read(
    calls: &Calls,
    (profile, feed): (&Profile, &Feed),
    message: &Message,
    row: Option<&FileOf>,
) -> Result<Understood, Refusal> {
    if message.sealed.is_empty() {
        return Err(ERASED);
    }
    let raw = raw(calls, &profile.center.id, message)?;
    let today = feed.zone(profile.zone()).to_datetime(calls.acceptance.clock.now()).date();
    let current = row.and_then(|row| current(calls, &profile.center.id, feed.csv.as_ref()?, row));
    let reading = current.as_deref().or(row.and_then(|row| row.reading.as_deref()));
    let known = Known { reason: &message.reason, reading, today };
    Ok(understand(&calls.doors, (profile, feed), &raw, known))
}

/// How a file would be read by a mapping of today, as far as its head is kept and that mapping takes it; else it is read as it
/// was.
fn current(calls: &Calls, center: &str, mapping: &CsvMapping, row: &FileOf) -> Option<String> {
    let was: Reading = serde_json::from_str(row.reading.as_deref()?).ok()?;
    let context = part_context(row.file_id, 0);
    let mut head = calls.acceptance.sealer.open(center, &context, row.head.as_deref()?).ok()?.into_exposed();
    let is_all = row.parts <= 1 && head.len() <= SLICE;
    head.truncate(SLICE);
    let text = Text::of(was.encoding()).push(&head, is_all);
    let layout = detect(&text, is_all, mapping).ok()?;
    serde_json::to_string(&Reading { layout, mapping: mapping.clone(), ..was }).ok()
}

/// A feed of the profile.
pub fn feed<'p>(profile: &'p Profile, id: &str) -> Option<&'p Feed> {
    profile.feeds.feeds.iter().find(|feed| feed.id == id)
}

/// A message as it came.
pub fn raw(calls: &Calls, center: &str, message: &Message) -> Result<Vec<u8>, Refusal> {
    let context = format!("messages.sealed:{}", message.message_id);
    let opened = calls.acceptance.sealer.open(center, &context, &message.sealed).map_err(|cause| {
        error!(%cause, message.id = %message.message_id, "open a message");
        Refusal::Internal
    })?;
    Ok(opened.expose().clone())
}

fn waiting(message: Message) -> Waiting {
    Waiting {
        kind: "message".to_owned(),
        id: message.message_id,
        feed: message.feed,
        message_kind: message.kind,
        reason: message.reason,
        defects: String::new(),
        times: message.times,
        since: message.received_at,
        inquiry_id: message.inquiry_id,
        reference: message.reference,
        detail: String::new(),
    }
}

fn fault(place: String, message: String) -> wire::RepairFault {
    wire::RepairFault { place, message }
}

fn step((step, outcome, actor, at): (String, String, String, causeway_mailbox::Ts)) -> wire::RepairStep {
    wire::RepairStep { step, outcome, actor, at: causeway_proto::convert::micros(at.0) }
}

async fn inquiry(
    calls: &Calls,
    doer: &Doer,
    (center, id): (&str, Uuid),
    purpose: &str,
) -> Result<wire::Repair, Refusal> {
    let (by, why) = (doer.clone(), purpose.to_owned());
    let (stored, defects, steps) = calls
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let stored = repairs::inquiry(tx, id).await?.ok_or(Refusal::UnknownInquiry)?;
                let entry = by.entry(("inquiry", id), &why);
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((stored, repairs::defects(tx, id).await?, repairs::steps(tx, id).await?))
            })
        })
        .await?;
    let person = person(calls, center, (id, &stored.sealed))?;
    let in_force = calls.acceptance.profile(center)?;
    let facts = mend::facts(id, &stored.facts)?;
    let mut fields = apply::standing(&person, &facts);
    // What stands in the facts for an answer that could not be read is a default, and no answer.
    let given = defects.iter().filter_map(|(field, _)| person.given.get_key_value(field));
    fields.extend(given.map(|(field, raw)| (field.clone(), raw.clone())));
    let words = |code: &str| {
        use causeway_funnel::contact::FaultCode;
        code.parse::<FaultCode>().map_or_else(|_| code.to_owned(), |code| code.label(STAFF).to_owned())
    };
    let named = defects.iter().map(|(field, code)| format!("{code}@{field}")).collect::<Vec<_>>().join(" ");
    let row = row(
        &in_force.1,
        Waiting {
            kind: "inquiry".to_owned(),
            id,
            feed: String::new(),
            message_kind: stored.source,
            reason: match (defects.is_empty(), facts.missed_call) {
                (false, _) => DEFECTS,
                (true, true) => MISSED_CALL,
                (true, false) => MENDING,
            }
            .to_owned(),
            defects: named,
            times: 1,
            since: stored.received_at,
            inquiry_id: Some(id),
            reference: Some(stored.reference),
            detail: String::new(),
        },
    );
    Ok(wire::Repair {
        row: Some(row),
        may_release: true,
        view: if defects.is_empty() { String::new() } else { "waiting".to_owned() },
        faults: defects.into_iter().map(|(field, code)| fault(field, words(&code))).collect(),
        fields: fields.into_iter().collect(),
        steps: steps.into_iter().map(step).collect(),
        ..wire::Repair::default()
    })
}

/// The person of an inquiry.
pub fn person(calls: &Calls, center: &str, (id, sealed): (Uuid, &[u8])) -> Result<Person, Refusal> {
    let refuse = |cause: &dyn std::fmt::Display| {
        error!(%cause, inquiry.id = %id, "open a person to mend");
        Refusal::Internal
    };
    let opened = calls.acceptance.sealer.open(center, &person::context(id), sealed).map_err(|cause| refuse(&cause))?;
    person::read(opened.expose()).ok_or_else(|| refuse(&"its content is none of ours"))
}
