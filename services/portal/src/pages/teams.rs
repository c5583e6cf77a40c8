//! The queues of all teams, who is on duty, who is away, and what went to another team than the table's.
//!
//! Names nobody but colleagues. Deliberately not here: single inquiries (worklist).

use askama::Template;

use super::{SelectOption, StaffFrame};

/// The page.
#[derive(Debug, Template)]
#[template(path = "teams.html")]
pub struct TeamsPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// When it was so, in words.
    pub as_of: String,
    /// One row for each team.
    pub rows: Vec<TeamRow>,
    /// Why duty is not shown; none where it is.
    pub duty_trouble: Option<String>,
    /// Who is away or will be, the first one first.
    pub away: Vec<AwayRow>,
    /// Whose absence may be entered; empty: nobody's.
    pub staff: Vec<SelectOption>,
    /// What went to another team; none where the role does not include it.
    pub reroutes: Option<Reroutes>,
}

/// The rows alone, for the refresh in place.
#[derive(Debug, Template)]
#[template(path = "teams.html", block = "rows")]
pub struct TeamsRows {
    /// One row for each team.
    pub rows: Vec<TeamRow>,
}

/// A team and its queue.
#[derive(Clone, Debug)]
pub struct TeamRow {
    /// Its name.
    pub name: String,
    /// Its worklist.
    pub url: String,
    /// What is open.
    pub open: i64,
    /// What of it is late.
    pub late: i64,
    /// What nobody works.
    pub unowned: i64,
    /// When the next one is due; empty: nothing is.
    pub next_due: String,
    /// Its people.
    pub people: Vec<TeamPerson>,
}

/// Somebody of a team.
#[derive(Clone, Debug)]
pub struct TeamPerson {
    /// The name.
    pub name: String,
    /// "on duty", "off duty", "away", or empty where that is not known.
    pub duty: &'static str,
    /// What they hold of this team: "3 open, 1 late".
    pub load: String,
}

/// Somebody is away.
#[derive(Clone, Debug)]
pub struct AwayRow {
    /// Its id.
    pub id: String,
    /// Who.
    pub name: String,
    /// From when to when, in words.
    pub when: String,
    /// Whether it may be ended by who looks.
    pub may_end: bool,
}

/// What went to another team.
#[derive(Clone, Debug)]
pub struct Reroutes {
    /// How many of how many, in words.
    pub share: String,
    /// The most frequent first.
    pub rows: Vec<RerouteRow>,
}

/// So many inquiries of a row went from one team to another for a reason.
#[derive(Clone, Debug)]
pub struct RerouteRow {
    /// Row of the table.
    pub row: String,
    /// From one team to another.
    pub way: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub count: i64,
}
