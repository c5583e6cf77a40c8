//! From requests to orders: words of the wire become words of the domain, or the field that is wrong is named.

use causeway_auth::{Phi, fingerprint};
use causeway_funnel::next_step::StepEnd;
use causeway_funnel::records::{RecordsFrom, WaiveReason};
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::scope::KeepReason;
use causeway_funnel::sister::SisterReason;
use causeway_funnel::stage::{CloseReason, ReopenReason};
use causeway_funnel::triage::ReviewDecision;
use causeway_proto::convert::{channel_from_wire, optional_instant};
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1 as wire;
use jiff::civil::Date;

use super::Desk;
use super::command::Order;
use crate::domain::{HandTo, Outcome, Step, Verdict};
use crate::error::DeskError;

/// The answer to a reason that is none of the list.
const REASON_KINDS: &str =
    "no such reason_kind; use wrong_area, wrong_consult_type, wrong_site, trial, language, payer, workload or other";
/// The same for a sister center.
const SISTER_REASONS: &str =
    "no such reason_kind; use closer_site, trial_there, treated_there, patient_wish, sent_back or other";
/// The same for who is declined.
const DECLINE_REASONS: &str = "no such reason_kind; use not_treated_here, no_capacity, better_served_elsewhere, trial_not_fitting, \
     not_enough_information or other";
/// The same for who is closed.
const CLOSE_REASONS: &str = "no such reason; use chose_another_center, not_ready, unreachable, out_of_scope_referred, insurance, \
     no_suitable_date, duplicate, deceased, distance_or_travel, care_elsewhere_started, asked_to_stop, not_an_inquiry or other_reason";
/// Most documents that are asked for at once.
const MOST_KINDS: usize = 50;
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
        "outcome is unknown; use reached, voicemail, no_answer, wrong_number, call_back_asked, other_person, asked_to_stop or deceased",
    ))?;
    if asked.channel() == Channel::Unspecified {
        return Err(DeskError::Field("channel is missing; say by which way the person was tried"));
    }
    let channel = channel_from_wire(asked.channel());
    let step = Step::Attempt { channel, outcome, call_back_at: optional_instant(asked.call_back_at) };
    let mut content = format!("{channel} {} {}", asked.outcome, asked.call_back_at);
    if !asked.script.is_empty() {
        content.push_str(&format!(" {} {}", asked.script, asked.script_version));
    }
    let note = words("note is too long; write at most 500 characters", &asked.note)?;
    let order = Order::step("log_attempt", step).with_key(key(&asked.idempotency_key)?, content)?;
    order.with_script((asked.script.clone(), asked.script_version.clone())).with_words(note)
}

/// A dated next step of a kind that the center's profile knows.
pub fn agree_next_step(desk: &Desk, asked: &wire::AgreeNextStepRequest) -> Result<Order, DeskError> {
    let current = desk.profile(&asked.center)?;
    let kind = current
        .1
        .booking
        .next_step(&asked.kind)
        .ok_or(DeskError::UnknownName("no such kind of next step in this center; see booking.toml"))?;
    let at = optional_instant(asked.at).ok_or(DeskError::Field("at is missing; say when the next step is"))?;
    let step = Step::AgreeNextStep { kind: kind.clone(), at };
    let content = format!("{} {}", asked.kind, asked.at);
    Order::step("agree_next_step", step).with_key(key(&asked.idempotency_key)?, content)
}

/// What became of the agreed next step.
pub fn end_next_step(asked: &wire::EndNextStepRequest) -> Result<Order, DeskError> {
    let how =
        asked.how.parse::<StepEnd>().ok().filter(|how| how.is_said()).ok_or(DeskError::Field(
            "how is unknown; use done, missed, called_off_by_person or called_off_by_center",
        ))?;
    let content = how.as_str().to_owned();
    Order::step("end_next_step", Step::EndNextStep(how)).with_key(key(&asked.idempotency_key)?, content)
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
            let kind = if asked.reason_kind.is_empty() { Ok(RerouteReason::Other) } else { asked.reason_kind.parse() };
            HandTo::Team(team.to_owned(), kind.map_err(|_| DeskError::UnknownName(REASON_KINDS))?)
        }
        _ => return Err(DeskError::Field("hand over to a colleague or to a team, not to both")),
    };
    Order::step("hand_over", Step::HandOver(to)).with_words(reason(&asked.reason)?)
}

/// Documents of whoever has them.
pub fn request_records(asked: &wire::RequestRecordsRequest) -> Result<Order, DeskError> {
    let of = if asked.of.is_empty() { RecordsFrom::Patient } else { addressee(&asked.of)? };
    let content = format!("{of} {}", asked.kinds.join(" "));
    let step = Step::RequestRecords { kinds: asked.kinds.clone(), of };
    Order::step("request_records", step).with_key(key(&asked.idempotency_key)?, content)
}

fn addressee(of: &str) -> Result<RecordsFrom, DeskError> {
    of.parse().map_err(|_| DeskError::Field("of is unknown; use patient, referring_office or hospital"))
}

/// The day for which a document is promised, which ends at midnight of the center.
pub fn promise_record(desk: &Desk, asked: &wire::PromiseRecordRequest) -> Result<Order, DeskError> {
    let zone = desk.profile(&asked.center)?.1.zone().clone();
    let end = |day: Date| zone.to_timestamp(day.tomorrow().ok()?.at(0, 0, 0, 0)).ok();
    let at = match asked.on.as_str() {
        "" => None,
        on => {
            let day = on.parse().ok().and_then(end);
            Some(day.ok_or(DeskError::Field(
                "on is no day; write it as 2026-03-09, or leave it empty to take a promise back",
            ))?)
        }
    };
    let of = if asked.of.is_empty() { None } else { Some(addressee(&asked.of)?) };
    Ok(Order::step("promise_record", Step::PromiseRecord { kind: asked.kind.clone(), at, of }))
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
    // A reason of the list is counted and shown; other words are sealed beside it.
    let why = (asked.state == "waived").then(|| asked.reason.trim().parse::<WaiveReason>().unwrap_or_default());
    let words = if why.is_some_and(|why| why.as_str() == asked.reason.trim()) { None } else { reason(&asked.reason)? };
    Order::step("update_record", Step::Record { kind: asked.kind.clone(), state, why }).with_words(words)
}

/// A reviewer's decision, with what it needs. Whether a document is known is asked with the inquiry itself.
pub fn review(desk: &Desk, asked: &wire::ReviewRecordsRequest) -> Result<Order, DeskError> {
    let current = desk.profile(&asked.center)?;
    let decision = asked
        .decision
        .parse()
        .map_err(|_| DeskError::Field("decision is unknown; use accept, ask_for_more, redirect or decline"))?;
    let verdict = match decision {
        ReviewDecision::Accept => Verdict::Accept,
        ReviewDecision::AskForMore if asked.kinds.len() > MOST_KINDS => {
            return Err(DeskError::Field("kinds are too many; ask for at most 50 documents at once"));
        }
        ReviewDecision::AskForMore => Verdict::AskForMore(asked.kinds.clone()),
        ReviewDecision::Redirect if asked.to_team.is_empty() => {
            return Err(DeskError::Field("say to which team: to_team"));
        }
        ReviewDecision::Redirect => {
            let known = current.1.team(&asked.to_team);
            known.ok_or(DeskError::UnknownName("no such team in this center for to_team; see teams.toml"))?;
            let reason = asked.reason_kind.parse().map_err(|_| DeskError::UnknownName(REASON_KINDS))?;
            Verdict::Redirect(asked.to_team.clone(), reason)
        }
        ReviewDecision::Decline if asked.entry.is_empty() => {
            return Err(DeskError::Field(
                "say where the person is to go: entry, an [[out_of_scope]] id of programs.toml",
            ));
        }
        ReviewDecision::Decline => {
            let known = current.1.out_of_scope_entry(&asked.entry);
            known.ok_or(DeskError::UnknownName("no such entry among [[out_of_scope]] of programs.toml; use its id"))?;
            let reason = asked.reason_kind.parse().map_err(|_| DeskError::UnknownName(DECLINE_REASONS))?;
            Verdict::Decline(asked.entry.clone(), reason)
        }
    };
    let content = format!("{verdict:?}");
    let order = Order::step("review_records", Step::Review(verdict)).with_key(key(&asked.idempotency_key)?, content)?;
    order.with_words(reason(&asked.reason)?)
}

/// A reason that metrics can count.
pub fn close(asked: &wire::CloseInquiryRequest) -> Result<Order, DeskError> {
    let reason = asked.reason.parse().map_err(|_| DeskError::UnknownName(CLOSE_REASONS))?;
    if reason == CloseReason::HandedToSister {
        return Err(DeskError::Field("hand it to the sister center; it is closed by that"));
    }
    Ok(Order::step("close", Step::Close(reason)))
}

/// Opens it again, with a reason that metrics can count.
pub fn reopen(asked: &wire::ReopenInquiryRequest) -> Result<Order, DeskError> {
    let reason = asked.reason.parse::<ReopenReason>().ok().filter(|reason| reason.is_said());
    let reason = reason.ok_or(DeskError::Field(
        "reason is missing or unknown; use came_back, new_information, closed_by_mistake or other",
    ))?;
    let content = reason.as_str().to_owned();
    Order::step("reopen", Step::Reopen(reason)).with_key(key(&asked.idempotency_key)?, content)
}

/// Why what counts as not treated here is worked all the same, as metrics can count it.
pub fn keep(asked: &wire::KeepInquiryRequest) -> Result<Order, DeskError> {
    let reason: KeepReason = asked
        .reason
        .parse()
        .map_err(|_| DeskError::UnknownName("no such reason to work it here; use treated_here or entered_wrong"))?;
    let content = reason.as_str().to_owned();
    Order::step("keep_inquiry", Step::Keep(reason)).with_key(key(&asked.idempotency_key)?, content)
}

/// To a sister center, with a reason that metrics can count. Whether the two centers agree to it is asked with the inquiry itself.
pub fn hand_to_center(asked: &wire::HandToCenterRequest) -> Result<Order, DeskError> {
    if asked.to_center.is_empty() {
        return Err(DeskError::Field("say to which center: to_center"));
    }
    let reason: SisterReason = asked.reason_kind.parse().map_err(|_| DeskError::UnknownName(SISTER_REASONS))?;
    let content = format!("{} {reason}", asked.to_center);
    let step = Step::HandToCenter { to: asked.to_center.clone(), reason };
    let order = Order::step("hand_to_center", step).with_key(key(&asked.idempotency_key)?, content)?;
    order.with_words(self::reason(&asked.reason)?)
}

/// Free words of staff: they may name a person, so they are sealed before they are stored.
fn reason(text: &str) -> Result<Option<Phi<String>>, DeskError> {
    words("reason is too long; write at most 500 characters", text)
}

fn words(too_long: &'static str, text: &str) -> Result<Option<Phi<String>>, DeskError> {
    let text = text.trim();
    if text.chars().count() > LONGEST_REASON {
        return Err(DeskError::Field(too_long));
    }
    Ok((!text.is_empty()).then(|| Phi::new(text.to_owned())))
}

/// What is kept of a sender's key, which may be somebody's name. None stays none.
pub(super) fn key(key: &str) -> Result<String, DeskError> {
    if key.len() > LONGEST_KEY {
        return Err(DeskError::Field("idempotency_key is too long; use at most 128 bytes"));
    }
    Ok(if key.is_empty() { String::new() } else { fingerprint([key]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_gives_no_known_reason_to_close_is_told_all_that_there_are() {
        for reason in CloseReason::ALL {
            let is_listed = CLOSE_REASONS.split([' ', ',', ';']).any(|word| word == reason.as_str());
            assert_eq!(is_listed, *reason != CloseReason::HandedToSister, "{reason}");
        }
        let asked = wire::CloseInquiryRequest { reason: "nope".to_owned(), ..Default::default() };
        assert!(matches!(close(&asked), Err(DeskError::UnknownName(CLOSE_REASONS))));
    }
}
