//! What the center does not treat: the answer is approved or declined by a person, or goes out by itself, and what became of it counts.
//!
//! Deliberately not here: which inquiries these are (the profile says so when they are routed) and the message (notification).

use causeway_funnel::next_action::NextAction;
use causeway_funnel::scope::{KeepReason, ScopeState};
use causeway_funnel::stage::CloseReason;
use jiff::Timestamp;

use super::decide::Work;
use super::inquiry::{Inquiry, Scope};
use super::step::{ReferralFate, Refusal, Told};

impl Inquiry {
    /// It begins as one that an entry of the profile does not treat: the answer waits for approval, or is on its way at once.
    #[must_use]
    pub fn out_of_scope(mut self, entry: &str, approve: bool) -> Self {
        let (state, action) = if approve {
            (ScopeState::Proposed, NextAction::ApproveReferral)
        } else {
            (ScopeState::Sending, NextAction::AwaitReferral)
        };
        self.scope = Scope { entry: entry.to_owned(), state, reason: None };
        self.next_action = action;
        self
    }
}

impl Work<'_> {
    /// The answer goes out. Approved twice it goes once; one that was declined may still go.
    pub(super) fn refer_elsewhere(&mut self) -> Result<(), Refusal> {
        self.require_open()?;
        if self.inquiry.scope.entry.is_empty() {
            let text = "this is treated here by programs.toml; to end it, close it with a reason";
            return Err(Refusal::WrongState(text.into()));
        }
        if self.inquiry.standing().booked {
            return Err(Refusal::WrongState("a visit is booked; cancel it first".into()));
        }
        if self.inquiry.open_step().is_some() {
            return Err(Refusal::WrongState("a next step is agreed; call it off first".into()));
        }
        if self.inquiry.scope.state == ScopeState::Sending {
            return Ok(());
        }
        self.begin();
        self.acted();
        self.inquiry.scope.state = ScopeState::Sending;
        self.inquiry.scope.reason = None;
        self.told.push(Told::ReferredElsewhere { at: self.now });
        self.enter("scope", "The referral elsewhere is approved; the message is on its way.");
        Ok(())
    }

    /// It is worked as any other inquiry. What is on its way is not called back.
    pub(super) fn keep(&mut self, reason: KeepReason) -> Result<(), Refusal> {
        self.require_open()?;
        match self.inquiry.scope.state {
            ScopeState::Declined => return Ok(()),
            ScopeState::Proposed | ScopeState::Failed => {}
            // The message is out, and who asked to be called is to hear it by phone.
            ScopeState::Sent if self.inquiry.declined.is_some() => {}
            ScopeState::Sending => {
                let text = "the message is on its way; when it is out, open the inquiry again";
                return Err(Refusal::WrongState(text.into()));
            }
            ScopeState::InScope | ScopeState::Sent => {
                return Err(Refusal::WrongState("it is worked as any other inquiry already".into()));
            }
        }
        self.begin();
        self.acted();
        self.inquiry.scope.state = ScopeState::Declined;
        self.inquiry.scope.reason = Some(reason);
        self.inquiry.declined = None;
        self.enter("scope", format!("Worked here all the same: {}.", reason.label("en").to_lowercase()));
        Ok(())
    }

    /// The line of the timeline stands whatever else is known; the inquiry follows the newest word that can still be true. Whoever
    /// asked to be called back is called all the same.
    pub(super) fn referral_told(&mut self, fate: ReferralFate, (at, text): (Timestamp, &str)) -> Result<(), Refusal> {
        self.begin();
        let state = self.inquiry.scope.state;
        let failed = fate == ReferralFate::NotSent && state == ScopeState::Sending;
        let call = if failed && self.inquiry.is_open() { " A person must tell them by phone." } else { "" };
        self.happened_at = Some(at);
        self.enter("notice", format!("{text}{call}"));
        self.happened_at = None;
        let waits = matches!(state, ScopeState::Sending | ScopeState::Failed);
        match fate {
            ReferralFate::Sent if waits => {
                self.inquiry.scope.state = ScopeState::Sent;
                let called_back = self.inquiry.call_back_at.is_some_and(|at| at > self.now);
                // Who was declined is not treated here: what was agreed with them before ends with the close.
                let agreed = self.inquiry.open_step().is_some() && self.inquiry.declined.is_none();
                let ahead = self.inquiry.standing().booked || agreed || called_back;
                if self.inquiry.is_open() && !ahead {
                    return self.close(CloseReason::OutOfScopeReferred);
                }
            }
            ReferralFate::NotSent if failed => self.inquiry.scope.state = ScopeState::Failed,
            ReferralFate::Sent | ReferralFate::NotSent => {}
        }
        Ok(())
    }
}
