//! A new inquiry from a phone call: the same questions as the form, with the caller's number filled in.
//!
//! The coordinator types while talking, so nothing is folded away. What the same number or email has asked before stands over the
//! questions, once before it is saved. Deliberately not here: the comparison of the whole person, which happens after the save and is shown on the inquiry.

use askama::Template;

use super::{CallLink, FieldError, FormSection, HiddenField, Script, StaffFrame};

/// A new inquiry from a phone call.
#[derive(Debug, Template)]
#[template(path = "call.html")]
pub struct CallPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// Where the form is sent.
    pub action: String,
    /// Makes sending twice count once.
    pub idempotency_key: String,
    /// Why the call that was chosen can't be shown.
    pub call_trouble: Option<String>,
    /// Who called, where a call of the phone system was chosen.
    pub called_by: Option<Caller>,
    /// Earlier requests under what was typed, to be looked at before it is saved.
    pub known: Vec<KnownRequest>,
    /// How many there are besides.
    pub known_more: usize,
    /// Calls to choose from, where none was chosen.
    pub recent: Vec<CallLink>,
    /// When the call was, as the field takes it.
    pub called_at: String,
    /// What is wrong with that.
    pub called_at_error: Option<String>,
    /// Further fields that travel along, such as the call that was chosen.
    pub hidden: Vec<HiddenField>,
    /// The questions under their headings.
    pub sections: Vec<FormSection>,
    /// What to say.
    pub script: Option<Script>,
}

/// Who called.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The call.
    pub call_id: String,
    /// The number as people read it, or that it is withheld.
    pub number: String,
    /// When the call was, and what happened.
    pub at: String,
    /// What the phone system told so that it can't be used.
    pub as_told: Vec<String>,
    /// What the same number has asked before.
    pub known: Vec<KnownRequest>,
}

/// An earlier request under the same number.
#[derive(Clone, Debug)]
pub struct KnownRequest {
    /// Its inquiry.
    pub id: String,
    /// Its request number.
    pub reference: String,
    /// Its page.
    pub url: String,
    /// What it asks for, and when it came.
    pub about: String,
}

impl CallPage {
    fn words(&self) -> &'static crate::words::Words {
        &crate::words::EN
    }

    fn errors(&self) -> Vec<FieldError> {
        let at = self.called_at_error.clone().map(|message| FieldError { anchor: "called_at".to_owned(), message });
        let asked = self.sections.iter().flat_map(|section| &section.questions);
        at.into_iter().chain(asked.flat_map(|question| question.errors(""))).collect()
    }
}
