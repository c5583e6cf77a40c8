//! What one event tells of an inquiry.
//!
//! Texts are moved out of the message, not copied. Deliberately not here: anything of the facts that no figure needs.

use std::mem::take;

use causeway_funnel::next_step::StepEnd;
use causeway_funnel::stage::Stage;
use causeway_mailbox::Received;
use causeway_proto::convert::{
    area_from_wire, consult_type_from_wire, instant, optional_instant, source_from_wire, stage_from_wire,
};
use causeway_proto::events::{Event, Unreadable, decode, id};
use causeway_proto::inquiry::v1::{Facts, InquiryReceived};
use causeway_proto::intake::v1::{ContactAttempted, NextStepOver, ReviewDecided, StageChanged};
use causeway_proto::routing::v1::{InquiryRerouted, ResponseDueChanged};
use uuid::Uuid;

use crate::domain::{Progress, Snapshot};
use crate::store::{Reopening, Reroute, Review};

/// Reads what a message tells of how far an inquiry has come, and whether it was opened again; the reason for an operator where that
/// can't be done.
pub(super) fn read(message: &Received) -> Result<(Uuid, Progress, Option<Reopening>), String> {
    let mut reopening = None;
    let (center, inquiry_id, progress) = match message.envelope.kind.as_str() {
        InquiryReceived::KIND => received(&message.payload),
        StageChanged::KIND => staged(&message.payload, &mut reopening),
        ContactAttempted::KIND => attempted(&message.payload),
        NextStepOver::KIND => step_over(&message.payload),
        ResponseDueChanged::KIND => moved(&message.payload, message.envelope.version),
        other => return Err(format!("metrics does not listen to {other}")),
    }
    .map_err(|cause| cause.to_string())?;
    of_center(message, &center)?;
    Ok((inquiry_id, progress, reopening))
}

/// The same of one that tells that an inquiry was sent to another team.
pub(super) fn rerouted(message: &Received) -> Result<Reroute, String> {
    let (center, reroute) = sent_on(&message.payload).map_err(|cause| cause.to_string())?;
    of_center(message, &center)?;
    Ok(reroute)
}

/// The same of a reviewer's decision.
pub(super) fn reviewed(message: &Received) -> Result<Review, String> {
    let (center, review) = decided(&message.payload).map_err(|cause| cause.to_string())?;
    of_center(message, &center)?;
    Ok(review)
}

fn decided(payload: &[u8]) -> Result<(String, Review), Unreadable> {
    let event: ReviewDecided = decode(payload)?;
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let review = Review {
        inquiry_id: id("inquiry_id", &facts.inquiry_id)?,
        version: event.version,
        at: instant("at", event.at)?,
        team: event.team,
        decision: event.decision,
        reason: event.reason,
        waiting_since: optional_instant(event.waiting_since),
        due_at: optional_instant(event.due_at),
    };
    Ok((facts.center, review))
}

fn of_center(message: &Received, center: &str) -> Result<(), String> {
    if center == message.envelope.center {
        return Ok(());
    }
    Err("center of the payload is not that of the headers".to_owned())
}

fn sent_on(payload: &[u8]) -> Result<(String, Reroute), Unreadable> {
    let event: InquiryRerouted = decode(payload)?;
    let reroute = Reroute {
        inquiry_id: id("inquiry_id", &event.inquiry_id)?,
        version: event.version,
        at: instant("at", event.at)?,
        program: event.program,
        row_name: event.row,
        from_team: event.from_team,
        to_team: event.to_team,
        reason: event.reason,
        to_and_fro: event.to_and_fro,
    };
    Ok((event.center, reroute))
}

type Told = Result<(String, Uuid, Progress), Unreadable>;

fn received(payload: &[u8]) -> Told {
    let event: InquiryReceived = decode(payload)?;
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let (center, inquiry_id, snapshot) = snapshot(facts)?;
    Ok((center, inquiry_id, Progress::received(snapshot)))
}

fn staged(payload: &[u8], reopening: &mut Option<Reopening>) -> Told {
    let mut event: StageChanged = decode(payload)?;
    let (from, to) = (stage_from_wire(event.from()), stage_from_wire(event.to()));
    let at = instant("at", event.at)?;
    let (reason, close_reason) = (take(&mut event.reopen_reason), take(&mut event.reopened_from));
    let first_attempt = optional_instant(event.first_attempt_at);
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let (center, inquiry_id, snapshot) = snapshot(facts)?;
    if from == Stage::Closed {
        *reopening = Some(Reopening { inquiry_id, version: event.version, at, reason, close_reason });
    }
    let snapshot = Snapshot {
        team: event.team,
        site: event.site,
        stage: to,
        out_of_scope: event.out_of_scope,
        close_reason: if to == Stage::Closed { event.close_reason } else { String::new() },
        ..snapshot
    };
    let by = (from, event.next_step.as_str());
    let progress = Progress::staged(event.version, snapshot, by, at).with_attempt(first_attempt);
    Ok((center, inquiry_id, progress.with_due(event.clock_version, optional_instant(event.response_due_at))))
}

fn attempted(payload: &[u8]) -> Told {
    let event: ContactAttempted = decode(payload)?;
    let inquiry_id = id("inquiry_id", &event.inquiry_id)?;
    Ok((event.center, inquiry_id, Progress::attempted(instant("at", event.at)?)))
}

/// An end that a newer desk knows changes nothing here.
fn step_over(payload: &[u8]) -> Told {
    let event: NextStepOver = decode(payload)?;
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let inquiry_id = id("inquiry_id", &facts.inquiry_id)?;
    let how = event.how.parse().unwrap_or(StepEnd::Closed);
    Ok((facts.center, inquiry_id, Progress::step_over(event.version, how, instant("at", event.at)?)))
}

fn moved(payload: &[u8], version: i64) -> Told {
    let event: ResponseDueChanged = decode(payload)?;
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let inquiry_id = id("inquiry_id", &facts.inquiry_id)?;
    let (due_at, at) = (instant("response_due_at", event.response_due_at)?, instant("at", event.at)?);
    Ok((facts.center, inquiry_id, Progress::moved(version, due_at, at)))
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
        out_of_scope: String::new(),
    };
    let Some(attribution) = facts.attribution else { return Ok((facts.center, inquiry_id, snapshot)) };
    let snapshot = Snapshot { landing_page: attribution.landing_page, campaign: attribution.campaign, ..snapshot };
    Ok((facts.center, inquiry_id, snapshot))
}
