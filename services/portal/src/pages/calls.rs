//! The calls that wait for somebody: each with what happened, and what to do about it.
//!
//! No number stands in the list. Deliberately not here: taking one down (call).

use askama::Template;

use super::{SelectOption, StaffFrame};

/// The list of calls.
#[derive(Debug, Template)]
#[template(path = "calls.html")]
pub struct CallsPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// Over the rows, such as "2 calls wait, the oldest first."
    pub caption: String,
    /// Calls of the last hour that are no entry yet.
    pub recent: Vec<CallLink>,
    /// The rows, the oldest first.
    pub rows: Vec<CallRow>,
    /// The address of the next rows; none on the last part.
    pub next_url: Option<String>,
}

/// A call that can be taken down.
#[derive(Clone, Debug)]
pub struct CallLink {
    /// Where it is taken down.
    pub url: String,
    /// When it was, and what happened.
    pub what: String,
}

/// One call that waits; its form posts `reason` to `/calls/{id}/settle`.
#[derive(Clone, Debug)]
pub struct CallRow {
    /// Its id.
    pub id: String,
    /// When it was.
    pub at: String,
    /// The queue, as staff call it.
    pub queue: String,
    /// What happened: "nobody answered".
    pub what: String,
    /// What it waits for, in words.
    pub waits: String,
    /// The request number of the inquiry that it belongs to.
    pub reference: Option<String>,
    /// That inquiry's page.
    pub inquiry_url: String,
    /// Where it is taken down.
    pub entry_url: String,
    /// Ids of the calls on this page that a call back settles with it, with commas between.
    pub also: String,
    /// What may be said of it.
    pub reasons: Vec<SelectOption>,
}
