//! What somebody typed and sent from a session that has ended, to be sent again once they are signed in.
//!
//! It is theirs, on their own screen, and stands nowhere else: nothing was saved. It is taken from the same person at the same center
//! alone. Deliberately not here: who may see it (gate).

use askama::Template;

use super::HiddenField;
use crate::assets::PageAssets;

/// A form that was not taken, with all that it holds.
#[derive(Debug, Template)]
#[template(path = "again.html")]
pub struct AgainPage {
    /// Addresses of the style sheet and the scripts.
    pub assets: PageAssets,
    /// Whether it will be taken from whoever sent it.
    pub may_send: bool,
    /// Where the form was sent.
    pub action: String,
    /// All its fields.
    pub fields: Vec<HiddenField>,
    /// What was typed of it, for the eye.
    pub typed: Vec<String>,
}
