//! A note that somebody else saved meanwhile: both answers of each field that differs, to choose from. Nothing is lost.
//!
//! Deliberately not here: fields that are alike; they are not sent again.

use askama::Template;

use super::{Question, StaffFrame};

/// What two people wrote into one note.
#[derive(Debug, Template)]
#[template(path = "conflict.html")]
pub struct ConflictPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// The request number; the page's title.
    pub reference: String,
    /// The inquiry's address; the choice goes to `/note` below it.
    pub base: String,
    /// The version that the form sends back: the one that was saved meanwhile.
    pub version: String,
    /// Who saved it, such as "Luis Ortega saved this note while you were writing."
    pub told: String,
    /// A field that differs, with both answers.
    pub questions: Vec<Question>,
}

impl ConflictPage {
    /// Staff pages are in English.
    fn words(&self) -> &'static crate::words::Words {
        &crate::words::EN
    }
}
