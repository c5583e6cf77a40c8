//! The audit trail of an inquiry: who looked at it and what was done, as the logs of two services have it.

use askama::Template;

use super::{StaffFrame, Tone};

/// The trail.
#[derive(Debug, Template)]
#[template(path = "access.html")]
pub struct AccessPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// The request number.
    pub reference: String,
    /// The inquiry's address.
    pub back: String,
    /// Over the rows, such as "12 lines, the newest first."
    pub caption: String,
    /// A part that did not answer, in a sentence.
    pub missing: Option<&'static str>,
    /// The lines, the newest first.
    pub rows: Vec<AccessRow>,
    /// Where the older ones are, if there are any.
    pub older_url: Option<String>,
    /// Where the newest ones are, on a page of older ones.
    pub newest_url: Option<String>,
}

/// A line of the trail.
#[derive(Clone, Debug)]
pub struct AccessRow {
    /// "Today 2:19 pm".
    pub when: String,
    /// Who.
    pub who: String,
    /// What they did or looked at.
    pub what: String,
    /// What for.
    pub purpose: String,
    /// How it went; none where it was done.
    pub outcome: Option<(String, Tone)>,
}
