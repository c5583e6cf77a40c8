//! The routing table in force, whether it is proved, and what a proposed one would do.
//!
//! Deliberately not here: putting a table in force, which is done with the whole profile by who runs the installation.

use askama::Template;

use super::StaffFrame;

/// The page.
#[derive(Debug, Template)]
#[template(path = "routing.html")]
pub struct RoutingPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// Which revision is in force.
    pub revision: String,
    /// What keeps the table in force from being proved; empty: it is proved.
    pub faults: Vec<RuleFault>,
    /// Its rows, first match wins.
    pub rows: Vec<RuleRow>,
    /// A proposed table as it was sent.
    pub proposed: String,
    /// Days to look back.
    pub days: String,
    /// Why what was sent could not be looked at.
    pub trouble: Option<String>,
    /// What keeps the proposed table from going live.
    pub proposed_faults: Vec<RuleFault>,
    /// What the proposed table would have done.
    pub figures: Option<Figures>,
}

/// A fault of a table.
#[derive(Clone, Debug)]
pub struct RuleFault {
    /// Line of the file.
    pub line: String,
    /// What is wrong.
    pub what: String,
    /// An inquiry that shows it; may be empty.
    pub example: String,
    /// What to do.
    pub remedy: String,
}

/// A row of the table in words.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// Its name.
    pub name: String,
    /// Its conditions; empty: it takes everything.
    pub when: Vec<String>,
    /// Team.
    pub team: String,
    /// Program, and site where the row names one.
    pub place: String,
    /// Priority and time of first contact.
    pub target: String,
    /// Script, and skills where the row asks for some.
    pub script: String,
    /// For the reader.
    pub note: String,
}

/// What a proposed table would have done.
#[derive(Clone, Debug)]
pub struct Figures {
    /// How many would move.
    pub summary: String,
    /// Who would move where.
    pub ways: Vec<Way>,
    /// Each team's load.
    pub load: Vec<Share>,
    /// Targets gained and missed.
    pub targets: String,
}

/// Inquiries that would go elsewhere.
#[derive(Clone, Debug)]
pub struct Way {
    /// The team that got them.
    pub from: String,
    /// The team that would have.
    pub to: String,
    /// How many.
    pub count: String,
}

/// What a team got, and would have got.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its name.
    pub team: String,
    /// Got.
    pub before: String,
    /// Would have got.
    pub after: String,
}
