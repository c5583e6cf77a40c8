//! The stop page and its receipt: one step, no questions asked.
//!
//! Opening the link shows a button and stops nothing, since mail scanners open links. Deliberately not here: the
//! reason, which nobody has to give.

use askama::Template;

use super::PublicFrame;

/// Asks once and stops by a button that posts to `{base}/stop`.
#[derive(Debug, Template)]
#[template(path = "stop.html")]
pub struct StopPage {
    /// Around the page.
    pub frame: PublicFrame,
    /// The signed link, `/p/{token}`.
    pub base: String,
}

/// The receipt.
#[derive(Debug, Template)]
#[template(path = "stopped.html")]
pub struct StoppedPage {
    /// Around the page.
    pub frame: PublicFrame,
    /// The signed link, `/p/{token}`.
    pub base: String,
    /// When it was recorded, as said in the page's language.
    pub at: String,
}
