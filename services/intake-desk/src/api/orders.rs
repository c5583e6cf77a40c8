//! From requests to orders: words of the wire become words of the domain, or the field that is wrong is named.

use causeway_auth::{Phi, fingerprint};
use causeway_proto::convert::{channel_from_wire, optional_instant};
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1 as wire;

use super::Desk;
use super::command::Order;
use crate::domain::{HandTo, Outcome, Step};
use crate::error::DeskError;

/// The longest reason, characters.
const LONGEST_REASON: usize = 500;
/// The longest idempotency key, bytes.
const LONGEST_KEY: usize = 128;

/// A command that is nothing but its step.
pub fn keyed(command: &'static str, asked: &wire::InquiryCommand, step: Step) -> Result<Order, DeskError> {
    Order::step(command, step).with_key(key(&asked.idempotency_key)?, String::new())
}

/// One try to reach the person.
pub fn attempt(asked: &wire::LogAttemptRequest) -> Result<Order, DeskError> {
    let outcome = Outcome::parse(&asked.outcome).ok_or(DeskError::Field(
        "outcome is unknown; use reached, voicemail, no_answer, wrong_number or call_back_asked",
    ))?;
    if asked.channel() == Channel::Unspecified {
        return Err(DeskError::Field("channel is missing; say by which way the person was tried"));
    }
    let channel = channel_from_wire(asked.channel());
    let step = Step::Attempt { channel, outcome, call_back_at: optional_instant(asked.call_back_at) };
    let content = format!("{channel} {} {}", asked.outcome, asked.call_back_at);
    Order::step("log_attempt", step).with_key(key(&asked.idempotency_key)?, content)
}

/// Fields of the note.
pub fn note(asked: wire::SaveNoteRequest) -> Order {
    Order::note(Phi::new(asked.fields.into_iter().collect()), asked.base_note_version)
}

/// To a colleague or to another team, whom the center's profile must know.
pub fn hand_over(desk: &Desk, asked: &wire::HandOverInquiryRequest) -> Result<Order, DeskError> {
    let current = desk.profile(&asked.center)?;
    let to = match (asked.to_staff.as_str(), asked.to_team.as_str()) {
        ("", "") => return Err(DeskError::Field("say to whom: to_staff or to_team")),
        (staff, "") => {
            current
                .1
                .staff(staff)
                .ok_or(DeskError::UnknownName("no such member of staff in this center; see teams.toml"))?;
            HandTo::Staff(staff.to_owned())
        }
        ("", team) => {
            current.1.team(team).ok_or(DeskError::UnknownName("no such team in this center; see teams.toml"))?;
            // Where inquiries go wrong is counted by these reasons, so a team is never changed without one.
            if asked.reason.trim().is_empty() {
                return Err(DeskError::Field("say why the inquiry belongs to another team"));
            }
            HandTo::Team(team.to_owned())
        }
        _ => return Err(DeskError::Field("hand over to a colleague or to a team, not to both")),
    };
    Order::step("hand_over", Step::HandOver(to)).with_words(reason(&asked.reason)?)
}

/// The state of one line of the checklist.
pub fn record(asked: &wire::UpdateRecordRequest) -> Result<Order, DeskError> {
    let state = asked
        .state
        .parse()
        .map_err(|_| DeskError::Field("state is unknown; use needed, requested, received, reviewed or waived"))?;
    if asked.state == "waived" && asked.reason.trim().is_empty() {
        return Err(DeskError::Field("say why this document is not needed"));
    }
    Order::step("update_record", Step::Record { kind: asked.kind.clone(), state }).with_words(reason(&asked.reason)?)
}

/// The reviewer's word.
pub fn review(asked: &wire::ReviewRecordsRequest) -> Result<Order, DeskError> {
    let accept = match asked.decision.as_str() {
        "accept" => true,
        "ask_for_more" => false,
        _ => return Err(DeskError::Field("decision is unknown; use accept or ask_for_more")),
    };
    Ok(Order::step("review_records", Step::Review { accept }))
}

/// A reason that metrics can count.
pub fn close(asked: &wire::CloseInquiryRequest) -> Result<Order, DeskError> {
    let reason = asked
        .reason
        .parse()
        .map_err(|_| DeskError::UnknownName("no such reason to close; use one of the closed list"))?;
    Ok(Order::step("close", Step::Close(reason)))
}

/// Free words of staff: they may name a person, so they are sealed before they are stored.
fn reason(text: &str) -> Result<Option<Phi<String>>, DeskError> {
    let text = text.trim();
    if text.chars().count() > LONGEST_REASON {
        return Err(DeskError::Field("reason is too long; write at most 500 characters"));
    }
    Ok((!text.is_empty()).then(|| Phi::new(text.to_owned())))
}

/// What is kept of a sender's key, which may be somebody's name. None stays none.
fn key(key: &str) -> Result<String, DeskError> {
    if key.len() > LONGEST_KEY {
        return Err(DeskError::Field("idempotency_key is too long; use at most 128 bytes"));
    }
    Ok(if key.is_empty() { String::new() } else { fingerprint([key]) })
}
