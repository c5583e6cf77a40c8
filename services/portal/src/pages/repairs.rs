//! The repair queue: what waits and why, and one of them with all that it says.
//!
//! Deliberately not here: what may be done about it (ingestion), and the words for why it waits (views).

use askama::Template;

use super::{Fact, FieldError, Filter, HiddenField, Moment, Question, SelectOption, StaffFrame, ViewTab};

/// The list of what waits.
#[derive(Debug, Template)]
#[template(path = "repairs.html")]
pub struct RepairsPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// What waits for the center, and what senders were told to mend.
    pub views: Vec<ViewTab>,
    /// By door and by reason.
    pub filters: Vec<Filter>,
    /// What a filter keeps of the address.
    pub keep: Vec<HiddenField>,
    /// Over the rows, such as "3 wait, the oldest first."
    pub caption: String,
    /// Said when there are no rows.
    pub empty: String,
    /// The rows, oldest first.
    pub rows: Vec<RepairRow>,
    /// The address of the next rows; none on the last part.
    pub next_url: Option<String>,
}

impl RepairsPage {
    /// Whether any of the rows can be tried again.
    fn may_retry(&self) -> bool {
        self.rows.iter().any(|row| row.may_retry)
    }
}

/// Something that waits, without what it says.
#[derive(Clone, Debug)]
pub struct RepairRow {
    /// Its id.
    pub id: String,
    /// Its page.
    pub url: String,
    /// Since when.
    pub since: String,
    /// From whom.
    pub from: String,
    /// By which door, and what it is.
    pub door: String,
    /// Why, in a few words.
    pub why: String,
    /// The same in a sentence.
    pub why_note: String,
    /// Who can do something about it.
    pub who: String,
    /// Request number and address of the inquiry that it is about.
    pub inquiry: Option<(String, String)>,
    /// Whether it can be tried again as it stands.
    pub may_retry: bool,
    /// Whether it is a file, which is looked through again or settled from its row.
    pub is_file: bool,
    /// Whether the good rows of it can be taken.
    pub may_take: bool,
}

/// An answer that a message tells otherwise than what it is compared with.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Its question key.
    pub key: String,
    /// What it is called.
    pub label: String,
    /// What stands.
    pub stands: String,
    /// What the message says; empty: it takes back what stands.
    pub says: String,
}

impl Compared {
    /// What the message says, in words.
    pub fn says(&self) -> &str {
        if self.says.is_empty() { "It is not so any more: take it out" } else { &self.says }
    }
}

/// An inquiry that a message may be of.
#[derive(Clone, Debug)]
pub struct Whose {
    /// Request number.
    pub reference: String,
    /// Its page.
    pub url: String,
    /// Name, birth date and since when.
    pub about: String,
    /// What speaks for and against.
    pub because: String,
    /// Whether it has to be said that it is meant.
    pub differs: bool,
}

/// One of them.
#[derive(Debug, Template)]
#[template(path = "repair.html")]
pub struct RepairPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// Where its forms are sent, such as `/repairs/{id}`.
    pub base: String,
    /// Its id.
    pub id: String,
    /// `message` or `inquiry`.
    pub kind: String,
    /// From whom it is. Never the person's name.
    pub heading: String,
    /// Why it waits, and what to do.
    pub why: String,
    /// Door, since when, how often, request number.
    pub facts: Vec<Fact>,
    /// What is wrong at places that are no field of the form: the place and what to do.
    pub faults: Vec<(String, String)>,
    /// What was understood, to mend; each fault is at its field. Empty where nothing can be released.
    pub questions: Vec<Question>,
    /// The same as it was shown, so that only what was changed is sent on.
    pub shown: Vec<HiddenField>,
    /// What the button says.
    pub release: String,
    /// Whether it may be released with answers that can't be read.
    pub may_be_lenient: bool,
    /// Whether the form was sent and came back.
    pub is_returned: bool,
    /// Whether it can be tried again as it stands.
    pub may_retry: bool,
    /// Whether somebody may say that what it asks for is done.
    pub may_settle: bool,
    /// Why it may be set aside; empty where it does not wait any more.
    pub reasons: Vec<SelectOption>,
    /// What it says otherwise than what it is compared with.
    pub compared: Vec<Compared>,
    /// Whose answers stand: of what it is compared with; empty: of nothing.
    pub compared_with: String,
    /// Whether chosen answers can be taken over into the inquiry.
    pub may_apply: bool,
    /// Whether it names another patient than its inquiry.
    pub is_other_patient: bool,
    /// Whether somebody may say of which inquiry it is.
    pub may_assign: bool,
    /// The inquiries that it may be of.
    pub whose: Vec<Whose>,
    /// The message that it is compared with, as it came.
    pub other_raw: Option<String>,
    /// Whether what it said is erased.
    pub is_erased: bool,
    /// What else was understood.
    pub also: Vec<Fact>,
    /// As it came, for who may read the person; of a row each column with its cell.
    pub raw: Option<Raw>,
    /// What was done about it.
    pub steps: Vec<Moment>,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub enum Raw {
    /// Its text.
    Text(String),
    /// Columns and cells.
    Cells(Vec<(String, String)>),
}

impl RepairPage {
    /// Staff pages are in English.
    fn words(&self) -> &'static crate::words::Words {
        &crate::words::EN
    }

    /// The summary of a form that came back.
    fn errors(&self) -> Vec<FieldError> {
        match self.is_returned {
            true => self.questions.iter().flat_map(|question| question.errors("")).collect(),
            false => Vec::new(),
        }
    }
}
