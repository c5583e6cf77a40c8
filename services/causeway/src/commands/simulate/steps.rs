//! What staff do about an inquiry, one function for each next action of the desk.
//!
//! Each one makes a few calls and says when to look again. A call that fails is counted and tried again later; the fate
//! decides, the desk's own rules have the last word. Deliberately not here: the worklist (staff), visits (visits),
//! records (papers) and dated next steps (agreed).

use std::collections::HashMap;

use causeway_auth::Actor;
use causeway_funnel::stage::CloseReason;
use causeway_proto::convert;
use causeway_proto::inquiry::v1::Channel as By;
use causeway_proto::intake::v1 as wire;
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;

use super::fate::{Ending, Fate, Rest};
use super::staff::{Desk, Memory, Trouble, trouble};

/// Far enough for an inquiry that is left standing.
const LEFT: SignedDuration = SignedDuration::from_hours(24 * 365);

impl Desk {
    /// Does the next thing about an inquiry.
    pub(super) async fn act(&self, row: &wire::WorkRow, memory: &mut Memory) -> Result<(), Trouble> {
        let Some(fate) = memory.fate else { return Ok(()) };
        let now = self.clock.now();
        if rests(&fate, row) {
            memory.not_before = now + LEFT;
            return Ok(());
        }
        let Some(actor) = self.worker(&row.owner, &row.team, fate.salt) else { return Ok(()) };
        match row.next_action.as_str() {
            "approve_referral" => self.refer_elsewhere(row, &actor).await,
            "first_contact" | "call_back" | "try_again" | "all_tries_made" | "tell_referral" => {
                self.call(row, &fate, &actor, memory).await
            }
            "complete_intake" => {
                let inquiry = self.read(row, &actor).await?;
                self.finish_note(&inquiry, &fate, &actor).await?;
                self.may_agree(row, &inquiry, &fate, &actor, memory).await
            }
            "gather_records" => self.gather(row, &fate, &actor, memory).await,
            "review_records" => self.review(row, &fate, memory).await,
            "offer_dates" => match fate.ending {
                Some(Ending::Offer(reason)) => self.close(row, reason, &actor).await,
                _ => self.offer(row, &fate, memory).await,
            },
            "await_visit" | "confirm_attendance" => self.visit(row, &fate, memory).await,
            "await_next_step" => self.await_step(row, &fate, &actor, memory).await,
            "confirm_next_step" => self.end_step(row, &fate, &actor, memory).await,
            "follow_up_missed_step" => self.follow_up_step(row, &fate, &actor, memory).await,
            "follow_up_no_show" => self.follow_up(row, &fate, &actor, memory).await,
            _ => {
                memory.not_before = now + SignedDuration::from_hours(4);
                Ok(())
            }
        }
    }

    pub(super) async fn read(&self, row: &wire::WorkRow, actor: &Actor) -> Result<wire::Inquiry, Trouble> {
        Ok(self.desk(actor).get_inquiry(self.get(row)).await.map_err(trouble("get inquiry"))?.into_inner())
    }

    /// One try to reach the person. In a talk the note is written at once, as most coordinators do.
    async fn call(&self, row: &wire::WorkRow, fate: &Fate, actor: &Actor, memory: &mut Memory) -> Result<(), Trouble> {
        let tries = self.center.profile.center.targets.attempts_before_unreachable;
        let made = u32::try_from(row.attempts).unwrap_or(0);
        if made >= tries && made <= fate.tries_in_vain {
            return self.close(row, CloseReason::Unreachable, actor).await;
        }
        // Some leave what they worked in the team's queue; people who try the demo find something to claim.
        if (row.owner.is_empty() || row.chosen) && fate.salt.is_multiple_of(2) {
            // Remembered first: an answer that gets lost must not make the claim look like somebody else's.
            memory.claimed_by = Some(actor.id.clone());
            self.claim(row, actor).await?;
        }
        let reached = made >= fate.tries_in_vain;
        let inquiry = self.attempt(row, fate, actor, reached, memory.round).await?;
        if !reached {
            memory.not_before = self.clock.now() + SignedDuration::from_hours(fate.retry_hours);
            return Ok(());
        }
        if self.out_of_scope(row) || memory.declined {
            return self.close(row, CloseReason::OutOfScopeReferred, actor).await;
        }
        if let Some(Ending::Contact(reason)) = fate.ending {
            return self.close(row, reason, actor).await;
        }
        if fate.note_at_once && fate.rest != Some(Rest::Contacted) {
            self.finish_note(&inquiry, fate, actor).await?;
            self.may_agree(row, &inquiry, fate, actor, memory).await?;
        }
        Ok(())
    }

    async fn claim(&self, row: &wire::WorkRow, actor: &Actor) -> Result<(), Trouble> {
        let command = wire::InquiryCommand {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            idempotency_key: format!("{}-{}-claim-{}", self.play, row.inquiry_id, actor.id),
        };
        self.desk(actor).claim_inquiry(command).await.map_err(trouble("claim"))?;
        self.tally.done("claimed");
        Ok(())
    }

    pub(super) async fn attempt(
        &self,
        row: &wire::WorkRow,
        fate: &Fate,
        actor: &Actor,
        reached: bool,
        round: u32,
    ) -> Result<wire::Inquiry, Trouble> {
        let mut rng = fate.rng(&format!("attempt {}", row.attempts));
        let outcome = match rng.random_range(0..10) {
            _ if reached => "reached",
            0..=5 => "voicemail",
            6..=8 => "no_answer",
            _ => "call_back_asked",
        };
        let channel = if row.preferred_channel() == By::Email && rng.random_bool(0.4) { By::Email } else { By::Phone };
        let request = wire::LogAttemptRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            channel: channel.into(),
            outcome: outcome.to_owned(),
            call_back_at: 0,
            idempotency_key: format!("{}-{}-attempt-{}-{round}", self.play, row.inquiry_id, row.attempts),
            ..Default::default()
        };
        let inquiry = self.desk(actor).log_attempt(request).await.map_err(trouble("log attempt"))?.into_inner();
        self.tally.done(if reached { "reached" } else { "tried in vain" });
        Ok(inquiry)
    }

    /// Fills what the note still misses and asks for the records in the same talk.
    async fn finish_note(&self, inquiry: &wire::Inquiry, fate: &Fate, actor: &Actor) -> Result<(), Trouble> {
        let Some(facts) = &inquiry.facts else { return Ok(()) };
        let missing = inquiry.note.iter().filter(|field| field.required && field.value.trim().is_empty());
        let fields: HashMap<String, String> = missing.map(|field| (field.key.clone(), told(field, fate))).collect();
        let (center, inquiry_id) = (self.center.id().to_owned(), facts.inquiry_id.clone());
        let mut client = self.desk(actor);
        let saved = client
            .save_note(wire::SaveNoteRequest {
                center: center.clone(),
                inquiry_id: inquiry_id.clone(),
                fields,
                base_note_version: inquiry.note_version,
            })
            .await
            .map_err(trouble("save note"))?
            .into_inner();
        self.tally.done("notes");
        self.ask_for_records(saved, fate, actor).await
    }

    pub(super) async fn close(&self, row: &wire::WorkRow, reason: CloseReason, actor: &Actor) -> Result<(), Trouble> {
        let request = wire::CloseInquiryRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            reason: reason.as_str().to_owned(),
        };
        self.desk(actor).close_inquiry(request).await.map_err(trouble("close"))?;
        self.tally.done("closed");
        Ok(())
    }

    /// The answer to what is not treated here; the desk closes it once the message is out.
    async fn refer_elsewhere(&self, row: &wire::WorkRow, actor: &Actor) -> Result<(), Trouble> {
        let command = wire::InquiryCommand {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            idempotency_key: format!("{}-{}-elsewhere", self.play, row.inquiry_id),
        };
        self.desk(actor).refer_elsewhere(command).await.map_err(trouble("refer elsewhere"))?;
        self.tally.done("referred elsewhere");
        Ok(())
    }

    pub(super) fn out_of_scope(&self, row: &wire::WorkRow) -> bool {
        let consult = convert::consult_type_from_wire(row.consult_type());
        self.center.profile.out_of_scope(consult, convert::area_from_wire(row.cancer_area())).is_some()
    }
}

/// Whether the fate leaves the inquiry standing where it is.
fn rests(fate: &Fate, row: &wire::WorkRow) -> bool {
    matches!(
        (fate.rest, row.stage()),
        (Some(Rest::Routed), wire::Stage::Routed)
            | (Some(Rest::Contacted), wire::Stage::Contacted)
            | (Some(Rest::IntakeComplete), wire::Stage::IntakeComplete)
            | (Some(Rest::RecordsReady), wire::Stage::RecordsReady)
    )
}

/// What the person told for a field of the note. Synthetic like the person.
fn told(field: &wire::NoteField, fate: &Fate) -> String {
    let mut rng = fate.rng(&field.key);
    if let Some(option) = field.options.choose(&mut rng) {
        return option.clone();
    }
    let texts: &[&str] = match field.key.as_str() {
        "diagnosis_date" => &["September 2026", "October 2026", "three weeks ago", "last spring"],
        "treating_doctor" | "doctor_and_phone" => &["Dr. Testdoctor Example, Sample Hospital, 206 555 0199"],
        "insurance_plan" => &["Sample Health Plan", "Example Mutual", "none"],
        "travel_reach" | "travel" => &["one hour by car", "anywhere by train", "same county"],
        "language_and_access" => &["English, no special needs", "French, hard of hearing", "English, uses a cane"],
        _ => &["synthetic note made for a demonstration", "synthetic: as told on the phone"],
    };
    texts.choose(&mut rng).map_or_else(String::new, |text| (*text).to_owned())
}

/// An instant of the wire, or `otherwise`.
pub(super) fn instant(micros: i64, otherwise: Timestamp) -> Timestamp {
    convert::optional_instant(micros).unwrap_or(otherwise)
}
