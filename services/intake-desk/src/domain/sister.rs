//! Handing over to a sister center: the inquiry closes here, and opens again where the sister could not take it.
//!
//! Deliberately not here: which centers agree to it (the funnel's rule, asked before the step) and the new inquiry (ingestion).

use std::borrow::Cow;

use causeway_funnel::scope::ScopeState;
use causeway_funnel::sister::{HandoverState, NotTaken, SisterReason};
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use serde::{Deserialize, Serialize};

use super::decide::Work;
use super::step::{Refusal, Told};

/// The last hand-over of an inquiry, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The sister center.
    pub to: String,
    /// Why.
    pub reason: SisterReason,
    /// How far it is.
    pub state: HandoverState,
    /// Tells the hand-overs of one inquiry apart: the version at which it was asked for.
    pub number: i64,
    /// Its request number there, once it is taken.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Why it was not taken, where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<NotTaken>,
}

impl Handover {
    /// A sister center has it or is to have it: here it is over.
    pub fn holds(&self) -> bool {
        self.state != HandoverState::NotTaken
    }
}

/// What became of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The sister has it, by this request number.
    Taken(String),
    /// It has not.
    NotTaken(NotTaken),
}

impl Work<'_> {
    /// It goes to a sister center and closes here.
    pub(super) fn hand_to_center(&mut self, to: &str, reason: SisterReason) -> Result<(), Refusal> {
        self.require_open()?;
        if self.inquiry.standing().booked {
            return Err(Refusal::WrongState("a visit is booked; cancel it first".into()));
        }
        self.require_said()?;
        if self.inquiry.scope.state == ScopeState::Sending {
            let text = "the message where to go instead is on its way; wait until it is out";
            return Err(Refusal::WrongState(text.into()));
        }
        let number = self.begin();
        self.acted();
        self.inquiry.handover = Some(Handover {
            to: to.to_owned(),
            reason,
            state: HandoverState::Asked,
            number,
            reference: String::new(),
            why: None,
        });
        self.told.push(Told::HandedToCenter { at: self.now });
        self.enter("sister", format!("Handed to the sister center {to}: {}.", reason.label("en").to_lowercase()));
        self.close(CloseReason::HandedToSister)
    }

    /// An answer to another hand-over than the last one, or a second answer, changes nothing.
    pub(super) fn handover_told(&mut self, number: i64, fate: &Fate) -> Result<(), Refusal> {
        let waits = |known: &&mut Handover| known.number == number && known.state == HandoverState::Asked;
        let Some(known) = self.inquiry.handover.as_mut().filter(waits) else { return Ok(()) };
        let text: Cow<'static, str> = match fate {
            Fate::Taken(reference) => {
                known.state = HandoverState::Taken;
                known.reference.clone_from(reference);
                format!("The sister center {} has it as {reference}.", known.to).into()
            }
            Fate::NotTaken(why) => {
                known.state = HandoverState::NotTaken;
                known.why = Some(*why);
                format!("The sister center {} did not take it: {}. It is ours again.", known.to, why.label("en")).into()
            }
        };
        self.begin();
        self.enter("sister", text);
        if matches!(fate, Fate::NotTaken(_)) && self.inquiry.stage == Stage::Closed {
            return self.reopen(ReopenReason::NotTaken);
        }
        Ok(())
    }
}
