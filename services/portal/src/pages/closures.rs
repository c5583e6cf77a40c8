//! Closures on short notice: what stands and lies ahead, one to enter, and the days that are closed anyway.
//!
//! Deliberately not here: the hours of the week; those are the profile's and stand on the public pages.

use askama::Template;

use super::{SelectOption, StaffFrame};
use crate::pages::Tone;

/// The closures of a center.
#[derive(Debug, Template)]
#[template(path = "closures.html")]
pub struct ClosuresPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// Over the rows, such as "2 closures stand or lie ahead."
    pub caption: String,
    /// What stands, lies ahead, or was over not long ago.
    pub rows: Vec<ClosureRow>,
    /// The form to enter one; none for who may not.
    pub form: Option<ClosureForm>,
    /// Holidays and closed days that come next: the day and its name.
    pub days: Vec<(String, String)>,
}

/// One closure; its forms post `how` (`now` or `withdraw`) to `/closures/{id}/end`.
#[derive(Clone, Debug)]
pub struct ClosureRow {
    /// Its id.
    pub id: String,
    /// "The whole center", "Valley East", "Breast care team".
    pub place: String,
    /// From when to when.
    pub when: String,
    /// Why, in words.
    pub reason: String,
    /// What colleagues should know.
    pub note: String,
    /// Who entered it, and when.
    pub entered: String,
    /// "Closed now", "Ahead", "Over".
    pub state: &'static str,
    /// The meaning of the state.
    pub tone: Tone,
    /// Whether it can be ended now.
    pub may_end: bool,
    /// Whether it can be taken back.
    pub may_withdraw: bool,
}

/// What is filled in; it posts to `/closures`.
#[derive(Clone, Debug, Default)]
pub struct ClosureForm {
    /// Sites, the first one being every site.
    pub sites: Vec<SelectOption>,
    /// Teams, the first one being every team.
    pub teams: Vec<SelectOption>,
    /// Beginning, as the field takes it.
    pub from: String,
    /// End, as the field takes it.
    pub to: String,
    /// Reasons.
    pub reasons: Vec<SelectOption>,
    /// A few words.
    pub note: String,
}
