//! What is held because it looks like a machine's: why, what was written, and two buttons.
//!
//! Deliberately not here: what is held, and what becomes of it by itself (ingestion).

use askama::Template;

use super::{SelectOption, StaffFrame};

/// The list of what is held.
#[derive(Debug, Template)]
#[template(path = "held.html")]
pub struct HeldPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// Over the rows, such as "2 requests wait for a look, the oldest first."
    pub caption: String,
    /// Why a request may be spam.
    pub reasons: Vec<SelectOption>,
    /// The rows, oldest first.
    pub rows: Vec<HeldRow>,
}

/// One request that is held.
#[derive(Clone, Debug)]
pub struct HeldRow {
    /// Its inquiry's id.
    pub id: String,
    /// Who asks, or the request number where the role may not read names.
    pub who: String,
    /// Request number and consult type.
    pub who_note: String,
    /// When it came.
    pub received: String,
    /// What looks like a machine's, in words.
    pub signs: Vec<String>,
    /// What was written.
    pub message: String,
    /// E-mail and phone as typed.
    pub reach: String,
}
