//! What ingestion hears of the referrals that came by FHIR or HL7: the desk's stages, which documents it waits for from the office, and
//! what became of visits.
//!
//! The door keeps of it what the office may know, so that its Task can be read, searched and told of, and a
//! question by HL7 answered, without asking anybody.
//! Inquiries that came by other doors are passed over. Deliberately not here: what news does to a referral (domain).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causeway_funnel::inquiry::Source;
use causeway_mailbox::{HandlerError, Outcome, Received, Tx};
use causeway_proto::convert::{instant, source_from_wire, stage_from_wire};
use causeway_proto::events::{Event, Unreadable, decode, id};
use causeway_proto::inquiry::v1::Facts;
use causeway_proto::intake::v1::{OfficeRecordsWanted, StageChanged};
use causeway_proto::scheduling::v1::{
    Appointment, AppointmentAttended, AppointmentBooked, AppointmentCancelled, AppointmentMissed,
    AppointmentRescheduled,
};
use jiff::SignedDuration;
use uuid::Uuid;

use super::hooks::tell;
use crate::domain::journey::{Effect, Journey, News, Visit};
use crate::store::journeys;

/// What comes too early comes again after this time.
const SHORTLY: Duration = Duration::from_secs(1);
/// So long a stage waits for the one before it. What is older was told before this door listened, or is told anew from the
/// record, and is taken as it stands.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// Notes news of referrals; one outcome for each message.
pub async fn take(tx: &mut Tx, batch: &[Received]) -> Result<Vec<Outcome>, HandlerError> {
    let mut outcomes = vec![Outcome::Done; batch.len()];
    let mut news = Vec::new();
    for (place, message) in batch.iter().enumerate() {
        match read(message) {
            Ok(Some((inquiry_id, told))) => news.push((place, inquiry_id, told)),
            Ok(None) => {}
            Err(reason) => outcomes[place] = Outcome::Park(reason),
        }
    }
    if news.is_empty() {
        return Ok(outcomes);
    }
    let ids: BTreeSet<Uuid> = news.iter().map(|(_, inquiry_id, _)| *inquiry_id).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let sent = journeys::senders(tx, &ids).await?;
    let mut standing: BTreeMap<Uuid, Journey> = journeys::take(tx, &sent).await?.into_iter().collect();
    // Only now, when nobody else can end them.
    let called_off = journeys::called_off(tx, &ids).await?;
    let (now, mut changed, mut noted) = (tx.now(), BTreeSet::new(), BTreeSet::new());
    for (place, inquiry_id, told) in news {
        let Some(journey) = standing.get_mut(&inquiry_id) else { continue };
        let waits = now.duration_since(batch[place].envelope.time) < PATIENCE;
        match journey.hear(told, waits, called_off.contains(&inquiry_id)) {
            Effect::Changed => drop(changed.insert(inquiry_id)),
            Effect::Noted => drop(noted.insert(inquiry_id)),
            Effect::Nothing => outcomes[place] = Outcome::AlreadyApplied,
            Effect::Early => outcomes[place] = Outcome::RetryAfter(SHORTLY),
        }
    }
    standing.retain(|inquiry_id, _| changed.contains(inquiry_id) || noted.contains(inquiry_id));
    if !standing.is_empty() {
        journeys::save(tx, &standing.into_iter().collect::<Vec<_>>()).await?;
        tell::changed(tx, &changed.into_iter().collect::<Vec<_>>()).await?;
    }
    Ok(outcomes)
}

type Told = Result<Option<(Uuid, News)>, Unreadable>;

/// Reads a message; nothing where it is about no referral by FHIR or HL7.
fn read(message: &Received) -> Result<Option<(Uuid, News)>, String> {
    let payload = &message.payload[..];
    macro_rules! visit {
        ($event:ty, $what:ident) => {
            decode(payload).and_then(|event: $event| visit(event.facts, event.appointment, event.version, Visit::$what))
        };
    }
    let told: Told = match message.envelope.kind.as_str() {
        StageChanged::KIND => decode(payload).and_then(staged),
        OfficeRecordsWanted::KIND => decode(payload).and_then(wanted),
        AppointmentBooked::KIND => visit!(AppointmentBooked, Booked),
        AppointmentRescheduled::KIND => visit!(AppointmentRescheduled, Booked),
        AppointmentCancelled::KIND => visit!(AppointmentCancelled, Cancelled),
        AppointmentAttended::KIND => visit!(AppointmentAttended, Attended),
        AppointmentMissed::KIND => visit!(AppointmentMissed, Missed),
        other => return Err(format!("ingestion does not listen to {other}")),
    };
    told.map_err(|cause| cause.to_string())
}

fn staged(event: StageChanged) -> Told {
    let (from, to) = (stage_from_wire(event.from()), stage_from_wire(event.to()));
    let Some(inquiry_id) = referral(event.facts)? else { return Ok(None) };
    // A reason of a newer desk is counted as the last of the list.
    let reason = (!event.close_reason.is_empty()).then(|| event.close_reason.parse().unwrap_or_default());
    Ok(Some((inquiry_id, News::Stage { from, to, reason, version: event.version })))
}

fn wanted(event: OfficeRecordsWanted) -> Told {
    let told = |inquiry_id| (inquiry_id, News::Wanted { kinds: event.kinds, version: event.version });
    Ok(referral(event.facts)?.map(told))
}

fn visit(facts: Option<Facts>, appointment: Option<Appointment>, version: i64, what: Visit) -> Told {
    let Some(inquiry_id) = referral(facts)? else { return Ok(None) };
    let appointment = appointment.ok_or(Unreadable::Missing { field: "appointment" })?;
    let at = (instant("starts_at", appointment.starts_at)?, instant("ends_at", appointment.ends_at)?);
    Ok(Some((inquiry_id, News::Visit { what, at, version })))
}

/// The inquiry, where it came by a door at which its office can ask for it.
fn referral(facts: Option<Facts>) -> Result<Option<Uuid>, Unreadable> {
    let facts = facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let inquiry_id = id("inquiry_id", &facts.inquiry_id)?;
    Ok(matches!(source_from_wire(facts.source()), Source::Fhir | Source::Hl7).then_some(inquiry_id))
}
