//! A new inquiry from a phone call: the same questions as the form, with the caller's number filled in.
//!
//! The coordinator types while talking, so nothing is folded away. Deliberately not here: the check for the same
//! person's open inquiry, which happens on save and is shown on the inquiry.

use askama::Template;

use super::{FieldError, FormSection, HiddenField, Script, StaffFrame};

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
    /// Further fields that travel along, such as the line that was called.
    pub hidden: Vec<HiddenField>,
    /// The questions under their headings.
    pub sections: Vec<FormSection>,
    /// What to say.
    pub script: Option<Script>,
}

impl CallPage {
    fn words(&self) -> &'static crate::words::Words {
        &crate::words::EN
    }

    fn errors(&self) -> Vec<FieldError> {
        self.sections.iter().flat_map(|section| &section.questions).flat_map(|question| question.errors("")).collect()
    }
}
