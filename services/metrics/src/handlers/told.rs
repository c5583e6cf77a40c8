//! What one event tells of an inquiry.
//!
//! Texts are moved out of the message, not copied. Deliberately not here: anything of the facts that no figure needs.

use causeway_funnel::stage::Stage;
use causeway_mailbox::Received;
use causeway_proto::convert::{
    area_from_wire, consult_type_from_wire, instant, optional_instant, source_from_wire, stage_from_wire,
};
use causeway_proto::events::{Event, Unreadable, decode, id};
use causeway_proto::inquiry::v1::{Facts, InquiryReceived};
use causeway_proto::intake::v1::{ContactAttempted, StageChanged};
use uuid::Uuid;

use crate::domain::{Progress, Snapshot};

/// Reads a message; the reason for an operator where that can't be done.
pub(super) fn read(message: &Received) -> Result<(Uuid, Progress), String> {
    let (center, inquiry_id, progress) = match message.envelope.kind.as_str() {
        InquiryReceived::KIND => received(&message.payload),
        StageChanged::KIND => staged(&message.payload),
        ContactAttempted::KIND => attempted(&message.payload),
        other => return Err(format!("metrics does not listen to {other}")),
    }
    .map_err(|cause| cause.to_string())?;
    if center != message.envelope.center {
        return Err("center of the payload is not that of the headers".to_owned());
    }
    Ok((inquiry_id, progress))
}

type Told = Result<(String, Uuid, Progress), Unreadable>;

fn received(payload: &[u8]) -> Told {
    let event: InquiryReceived = decode(payload)?;
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let (center, inquiry_id, snapshot) = snapshot(facts)?;
    Ok((center, inquiry_id, Progress::received(snapshot)))
}

fn staged(payload: &[u8]) -> Told {
    let event: StageChanged = decode(payload)?;
    let (from, to) = (stage_from_wire(event.from()), stage_from_wire(event.to()));
    let at = instant("at", event.at)?;
    let first_attempt = optional_instant(event.first_attempt_at);
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let (center, inquiry_id, snapshot) = snapshot(facts)?;
    let snapshot = Snapshot {
        team: event.team,
        site: event.site,
        stage: to,
        close_reason: if to == Stage::Closed { event.close_reason } else { String::new() },
        response_due_at: optional_instant(event.response_due_at),
        ..snapshot
    };
    Ok((center, inquiry_id, Progress::staged(event.version, snapshot, from, at).with_attempt(first_attempt)))
}

fn attempted(payload: &[u8]) -> Told {
    let event: ContactAttempted = decode(payload)?;
    let inquiry_id = id("inquiry_id", &event.inquiry_id)?;
    Ok((event.center, inquiry_id, Progress::attempted(instant("at", event.at)?)))
}

fn snapshot(facts: Facts) -> Result<(String, Uuid, Snapshot), Unreadable> {
    let inquiry_id = id("inquiry_id", &facts.inquiry_id)?;
    let snapshot = Snapshot {
        consult_type: consult_type_from_wire(facts.consult_type()).as_str(),
        cancer_area: area_from_wire(facts.cancer_area()).as_str(),
        source: source_from_wire(facts.source()).as_str(),
        received_at: instant("received_at", facts.received_at)?,
        language: facts.language,
        team: String::new(),
        site: String::new(),
        referring_office: facts.referring_office,
        landing_page: String::new(),
        campaign: String::new(),
        stage: Stage::Received,
        close_reason: String::new(),
        response_due_at: None,
    };
    let Some(attribution) = facts.attribution else { return Ok((facts.center, inquiry_id, snapshot)) };
    let snapshot = Snapshot { landing_page: attribution.landing_page, campaign: attribution.campaign, ..snapshot };
    Ok((facts.center, inquiry_id, snapshot))
}
