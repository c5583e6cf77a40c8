//! Audits of intake quality: the queue, one audit, what all of them show, and what they show somebody of their own work.
//!
//! No page names the person of an inquiry, and the page of one's own work names no colleague. Deliberately not here: the access log.

use askama::Template;

use super::{Moment, NavLink, Script, SelectOption, StaffFrame, Tone};

/// The queue.
#[derive(Debug, Template)]
#[template(path = "audits.html")]
pub struct AuditsPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// What the rules drew this week, in words.
    pub drawn: String,
    /// The views.
    pub views: Vec<NavLink>,
    /// Over the rows.
    pub caption: String,
    /// Said where there are none.
    pub empty: &'static str,
    /// The audits.
    pub rows: Vec<AuditLine>,
    /// The next rows.
    pub next_url: Option<String>,
}

/// An audit in a row.
#[derive(Clone, Debug)]
pub struct AuditLine {
    /// Its page.
    pub url: String,
    /// The request number.
    pub reference: String,
    /// Whose work it is.
    pub person: String,
    /// Their team.
    pub team: String,
    /// Why it is here: "Rule each-person, week of Monday, March 8".
    pub drawn: String,
    /// The script and its version.
    pub script: String,
    /// How the inquiry stood.
    pub outcome: String,
    /// How far it is.
    pub state: &'static str,
    /// The meaning of the state.
    pub tone: Tone,
    /// Who reads it; may be empty.
    pub readers: String,
    /// "84 of 100", or how to see it; empty: none.
    pub score: String,
}

/// One audit; its form posts to `/audits/{id}`.
#[derive(Debug, Template)]
#[template(path = "audit.html")]
pub struct AuditPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// Its row.
    pub line: AuditLine,
    /// What the reader may know before they begin, or why they may not.
    pub note: String,
    /// Version that the form stands on.
    pub version: i64,
    /// The checklist.
    pub items: Vec<AuditItemLine>,
    /// On the whole.
    pub comment: String,
    /// The caller answers now.
    pub is_open: bool,
    /// What both readers said on the whole, and their scores; none: not shown.
    pub both: Option<(BothSaid, BothSaid)>,
    /// It can be taken.
    pub may_take: bool,
    /// It can be given back.
    pub may_give_back: bool,
    /// A second reader can be asked for.
    pub may_ask_second: bool,
    /// The inquiry's page, which shows the person and is written down as a look at them.
    pub inquiry_url: String,
    /// The script beside the last try.
    pub script: Option<Script>,
    /// Said where the script has changed since, is gone, or there was none.
    pub script_note: &'static str,
    /// What happened, the newest first.
    pub timeline: Vec<Moment>,
    /// The note's fields and whether they are filled.
    pub fields: Vec<(String, &'static str)>,
    /// The checklist of records and how far each is.
    pub records: Vec<(String, String)>,
}

/// What a reader said.
#[derive(Clone, Debug)]
pub struct BothSaid {
    /// "First reader, Anna: 84 of 100".
    pub heading: String,
    /// On the whole; may be empty.
    pub comment: String,
}

/// An item of the checklist.
#[derive(Clone, Debug)]
pub struct AuditItemLine {
    /// Its id; the form sends `answer-{id}` and `comment-{id}`.
    pub id: String,
    /// What is asked.
    pub label: String,
    /// Why it matters.
    pub why: String,
    /// "Call script, counts 3".
    pub about: String,
    /// What the machine says, in words; empty: it can't tell.
    pub computed: String,
    /// The answers to choose from.
    pub options: Vec<SelectOption>,
    /// The answer in words; empty: none.
    pub answer: String,
    /// The comment.
    pub comment: String,
    /// What the two readers said, each in words; empty: not shown.
    pub both: Vec<String>,
    /// They differ on it.
    pub differs: bool,
}

/// What all audits show.
#[derive(Debug, Template)]
#[template(path = "audit_results.html")]
pub struct AuditResultsPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// How far back, to choose.
    pub spans: Vec<NavLink>,
    /// "12 audits, 84 of 100 on average."
    pub total: String,
    /// Each item, what is missed most first.
    pub items: Vec<MissLine>,
    /// Parts of the work.
    pub abouts: Vec<MissLine>,
    /// Teams, scripts, people and weeks: each with its heading.
    pub groups: Vec<ResultGroup>,
    /// How often two readers agreed on an item: the item, how often, kappa.
    pub agreements: Vec<(String, String, String)>,
}

/// How often something was missed.
#[derive(Clone, Debug)]
pub struct MissLine {
    /// What a miss says, or the part of the work.
    pub words: String,
    /// The part of the work that it belongs to; may be empty.
    pub about: String,
    /// "3 of 4", "30 % (6 of 20)".
    pub share: String,
}

/// Results by one thing.
#[derive(Clone, Debug)]
pub struct ResultGroup {
    /// Its id in the page.
    pub id: &'static str,
    /// "Teams".
    pub heading: &'static str,
    /// "Team".
    pub column: &'static str,
    /// Its rows.
    pub rows: Vec<ResultRow>,
}

/// One team, script, person or week.
#[derive(Clone, Debug)]
pub struct ResultRow {
    /// Its name.
    pub name: String,
    /// How many audits.
    pub audits: i32,
    /// "84 of 100"; "–" where none has a score.
    pub score: String,
    /// What to train, as sentences.
    pub hints: Vec<String>,
}

/// What audits show somebody of their own work.
#[derive(Debug, Template)]
#[template(path = "audit_own.html")]
pub struct OwnAuditsPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// How far back, to choose.
    pub spans: Vec<NavLink>,
    /// "3 audits, 84 of 100 on average."
    pub total: String,
    /// What to look at, as sentences.
    pub hints: Vec<String>,
    /// Said where there is none.
    pub nothing: &'static str,
    /// The audits, the newest first.
    pub audits: Vec<OwnAuditCard>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct OwnAuditCard {
    /// Its id in the page.
    pub id: String,
    /// The request number.
    pub reference: String,
    /// The inquiry's page.
    pub inquiry_url: String,
    /// When it was finished, and with which script the work was done.
    pub when: String,
    /// "84 of 100".
    pub score: String,
    /// What was missed or commented: the item, the answer, the comment.
    pub lines: Vec<(String, String, String)>,
    /// On the whole; may be empty.
    pub comment: String,
    /// Said where there is no line.
    pub nothing: &'static str,
}

impl AuditPage {
    /// The audit's id, as its address ends.
    pub fn id(&self) -> &str {
        self.line.url.rsplit('/').next().unwrap_or_default()
    }
}
