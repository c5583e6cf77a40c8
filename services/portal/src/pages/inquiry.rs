//! One inquiry on one screen: who, what happened, what to say, what to note, what to gather, what to book.
//!
//! The script stands beside the note, so that nobody changes pages during a call. Every change is a form that
//! carries the version the person saw. The title is the request number, never a name. Deliberately not here:
//! which actions a role may take; the caller leaves out what it may not.

use askama::Template;

use super::{Clock, HiddenField, Question, RowAction, SelectOption, StaffFrame, Tone};

/// One inquiry.
#[derive(Debug, Template)]
#[template(path = "inquiry.html")]
pub struct InquiryPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// The request number; the page's title.
    pub reference: String,
    /// Where its answers are mended, for who may.
    pub mend_url: Option<String>,
    /// The heading: whom to reach.
    pub heading: String,
    /// Its address, such as `/inquiries/{id}`. Forms go to `/note`, `/attempt`, `/records/{key}`, `/slots/{id}`,
    /// `/visit`, `/route`, `/close` and `/reopen` below it.
    pub base: String,
    /// The version that every form sends back.
    pub version: String,
    /// When something is due.
    pub clock: Clock,
    /// The response clock, while first contact is due.
    pub response: Option<ResponseCard>,
    /// Consult type, language, stage.
    pub tags: Vec<Tag>,
    /// What to look at before anybody calls, with where it is looked at.
    pub warnings: Vec<Fact>,
    /// Claim, release.
    pub actions: Vec<RowAction>,
    /// Other inquiries of what may be the same person.
    pub twins: Vec<Twin>,
    /// Sister centers that know the person, and other things to know of the comparison.
    pub twin_notes: Vec<String>,
    /// Whether they may say that it is the same person's as another, by its number.
    pub may_link: bool,
    /// Caller, patient, phone, voice mail, good time, who may be told.
    pub facts: Vec<Fact>,
    /// What the office that referred them sent besides.
    pub sent: Vec<Fact>,
    /// What happened, newest first.
    pub timeline: Vec<Moment>,
    /// Calls of the phone system that belong to it, newest first.
    pub calls: Vec<Moment>,
    /// What to say.
    pub script: Option<Script>,
    /// What to say where somebody else asks for the person.
    pub caregiver: Option<Script>,
    /// What to say on a voice message.
    pub voicemail: Option<Script>,
    /// The questions of an attempt: outcome, channel, next try. None when the role may not record one.
    pub attempt: Vec<Question>,
    /// The scripts that are shown, posted with an attempt.
    pub scripts_shown: Vec<HiddenField>,
    /// The questions of the intake note.
    pub note: Vec<Question>,
    /// The needed answers that are missing; the note is complete when there are none.
    pub note_missing: Vec<String>,
    /// Who saved the note and when.
    pub note_saved: Option<String>,
    /// That an own draft is shown, and since when it is kept.
    pub note_draft: Option<String>,
    /// The version that the note's form sends back: the one that a draft was typed over.
    pub note_version: String,
    /// The records checklist.
    pub records: Vec<RecordRow>,
    /// Its audit trail, for who may read it.
    pub access_url: Option<String>,
    /// Whether the person can be asked for all that nobody was asked for, by a post to `{base}/records`.
    pub ask_all: bool,
    /// Letters to offices and hospitals that were asked.
    pub letters: Vec<LetterLink>,
    /// The documents that came, newest first.
    pub documents: Vec<DocumentRow>,
    /// Times that fit, and whether they may be booked.
    pub booking: Booking,
    /// The booked visit.
    pub visit: Option<VisitRow>,
    /// The dated next step that counts where no visit applies; none where there is none and none may be agreed.
    pub step: Option<StepCard>,
    /// Why this team has it.
    pub routing: Routing,
    /// Messages sent, newest first.
    pub messages: Vec<MessageRow>,
    /// Reasons to close with; empty when it can't be closed here.
    pub close_reasons: Vec<SelectOption>,
    /// Why it is closed.
    pub closed: Option<String>,
    /// Whether it may be opened again: what a sister center has may not.
    pub may_reopen: bool,
    /// Why it may be opened again, posted with it; the first one asks to choose.
    pub reopen_reasons: Vec<SelectOption>,
    /// What became of its last hand-over to a sister center.
    pub handed: Option<String>,
    /// Where it may be handed to.
    pub sister: Option<SisterCard>,
    /// What a reviewer may decide.
    pub review: Option<ReviewCard>,
}

/// A reviewer's decision; its forms post to `{base}/review/accept`, `/ask_for_more` (`kinds`, `reason`), `/redirect` (`team`,
/// `reason_kind`, `reason`) and `/decline` (`entry`, `reason_kind`, `reason`).
#[derive(Clone, Debug, Default)]
pub struct ReviewCard {
    /// Since when the records wait and by when they are to be reviewed, or why they do not wait.
    pub stands: String,
    /// "Review late since Thu, March 4, 10 am".
    pub late: Option<String>,
    /// Whether the records can be accepted now.
    pub may_accept: bool,
    /// Which records to ask for.
    pub more: Question,
    /// Teams to redirect it to.
    pub teams: Vec<SelectOption>,
    /// Why it belongs there, to be counted.
    pub reroute_reasons: Vec<SelectOption>,
    /// A visit is booked: nothing is redirected or declined before it is cancelled.
    pub booked: bool,
    /// Where the person may be told to go; empty where the center has named no place.
    pub entries: Vec<SelectOption>,
    /// What the person is told by each of them: the words, the places and their phones.
    pub told: Vec<Fact>,
    /// Why it is declined, to be counted.
    pub decline_reasons: Vec<SelectOption>,
}

/// Sister centers to hand it to; the form posts `center`, `reason_kind` and `reason` to `{base}/sister`.
#[derive(Clone, Debug, Default)]
pub struct SisterCard {
    /// The centers.
    pub centers: Vec<SelectOption>,
    /// Why it belongs there, to be counted.
    pub reasons: Vec<SelectOption>,
}

/// The response clock; its forms post to `{base}/pause` (`reason`, `until`) and `{base}/resume`.
#[derive(Clone, Debug, Default)]
pub struct ResponseCard {
    /// By when somebody is to be called, as the person was told.
    pub due: String,
    /// Until when it stands still and why; none: it runs.
    pub paused: Option<String>,
    /// Reasons to let it stand still; empty for who may not.
    pub reasons: Vec<SelectOption>,
    /// The first day that can be chosen.
    pub first_day: String,
}

/// Another inquiry that may be the same person's; its buttons post `state` to `{base}/twins/{id}`.
#[derive(Clone, Debug)]
pub struct Twin {
    /// The other inquiry's id.
    pub id: String,
    /// Its request number.
    pub reference: String,
    /// Its page.
    pub url: String,
    /// What is known of it: when it came, what it asks for, where it stands.
    pub about: String,
    /// "Likely the same person", "Said to be another person".
    pub state: String,
    /// Its meaning.
    pub tone: Tone,
    /// Why: "same phone, same birth date; first name differs".
    pub because: String,
    /// What may be said of it: word and label.
    pub actions: Vec<(String, String)>,
}

/// A short mark beside the heading.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Its word.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
}

/// A labelled fact.
#[derive(Clone, Debug)]
pub struct Fact {
    /// "Phone".
    pub label: String,
    /// "555-0142".
    pub value: String,
    /// A `tel:` or `mailto:` address.
    pub link: Option<String>,
    /// Shown as a tag when it is not idle.
    pub tone: Tone,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Moment {
    /// "Today 2:19 pm".
    pub at: String,
    /// What happened.
    pub text: String,
    /// A word more.
    pub note: Option<String>,
}

/// What to say in a call.
#[derive(Clone, Debug)]
pub struct Script {
    /// The script's name and version.
    pub name: String,
    /// Its steps.
    pub steps: Vec<ScriptStep>,
}

/// A step of a script.
#[derive(Clone, Debug, Default)]
pub struct ScriptStep {
    /// What the step is for.
    pub heading: String,
    /// Words to say.
    pub say: Vec<String>,
    /// What to do or look out for.
    pub guidance: Vec<String>,
}

/// A line of the records checklist; its buttons post `action` to `{base}/records/{key}`.
#[derive(Clone, Debug)]
pub struct RecordRow {
    /// What is sent.
    pub key: String,
    /// Its plain name.
    pub name: String,
    /// From whom, when it is due.
    pub note: String,
    /// "Missing", "Asked March 3", "Here", "Reviewed", "Waived".
    pub state: String,
    /// The meaning of the state.
    pub tone: Tone,
    /// What can be done now.
    pub actions: Vec<RecordAction>,
    /// Reasons to do without it, posted with the action `waive`; empty where that is not possible.
    pub reasons: Vec<SelectOption>,
    /// Where a promise can be noted: the day that is promised now, as 2026-03-09, or empty. Posts `on` with the action `promise`.
    pub promise: Option<String>,
}

/// A letter that asks for records.
#[derive(Clone, Debug)]
pub struct LetterLink {
    /// "hospital or imaging center".
    pub to: String,
    /// Where it is.
    pub url: String,
}

/// Something that can be done with a record.
#[derive(Clone, Debug)]
pub struct RecordAction {
    /// `ask_patient`, `ask_referring_office`, `ask_hospital`, `received`, `review` or `needed`.
    pub action: String,
    /// What the button says.
    pub label: String,
}

/// A document; it is opened at `{base}/documents/{id}`, and its form posts `kind` to `/match` below that.
#[derive(Clone, Debug, Default)]
pub struct DocumentRow {
    /// Its id.
    pub id: String,
    /// The line of the checklist that it is.
    pub name: String,
    /// When it came, from whom, what it is.
    pub note: String,
    /// What its sender says of it, and why it was not taken.
    pub told: Vec<String>,
    /// "Scanned", "Not scanned", "Safety check".
    pub state: String,
    /// The meaning of the state.
    pub tone: Tone,
    /// Whether it may be opened.
    pub may_open: bool,
    /// Lines that it could be; empty where it can't be matched here.
    pub kinds: Vec<SelectOption>,
}

impl DocumentRow {
    /// A row that says one thing.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// Times that fit, and whether they may be booked.
#[derive(Clone, Debug, Default)]
pub struct Booking {
    /// The booking rule in words.
    pub rule: String,
    /// What must come first; nothing can be booked while there is something.
    pub blocked: Option<String>,
    /// The first fitting times; their buttons post `action` (`book`) to `{base}/slots/{id}`.
    pub slots: Vec<SlotRow>,
}

/// A time that fits.
#[derive(Clone, Debug)]
pub struct SlotRow {
    /// What is sent.
    pub id: String,
    /// "Fri, March 5, 9:40 am".
    pub when: String,
    /// "Dr. Rivera · Mill Street".
    pub place: String,
}

/// The booked visit; its form posts `action` (`cancel`) and `reason` to `{base}/visit`; once it is over,
/// `attended` or `missed`.
#[derive(Clone, Debug)]
pub struct VisitRow {
    /// When and where.
    pub text: String,
    /// Whether the center's scheduler has it yet, in words.
    pub state: String,
    /// The meaning of the state.
    pub tone: Tone,
    /// Whether somebody may say here if the person came.
    pub may_tell: bool,
    /// Reasons to cancel; empty when it can't be changed here.
    pub reasons: Vec<SelectOption>,
}

/// A dated next step where no visit applies; its forms post `kind`, `day` and `time` to `{base}/step`, and `how` to `{base}/step/end`.
#[derive(Clone, Debug, Default)]
pub struct StepCard {
    /// The last one: what and when.
    pub text: Option<String>,
    /// How it stands.
    pub state: String,
    /// The meaning of the state.
    pub tone: Tone,
    /// Kinds that may be agreed; empty where none may be.
    pub kinds: Vec<SelectOption>,
    /// Whether agreeing moves the one that is agreed.
    pub moves: bool,
    /// The day that stands ready, `yyyy-mm-dd`.
    pub day: String,
    /// The time that stands ready, `hh:mm`.
    pub time: String,
    /// Whether the person gets messages about it.
    pub told: bool,
    /// The first day that can be chosen.
    pub first_day: String,
    /// What may be said of the one that is agreed.
    pub ends: Vec<SelectOption>,
}

/// Why this team has the inquiry.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// The team.
    pub team: String,
    /// Why, in a sentence.
    pub because: String,
    /// The rows before it, each with what did not fit.
    pub looked_at: Vec<String>,
    /// The row's own name.
    pub row: String,
    /// The table's revision.
    pub revision: String,
    /// Teams to hand it to, with a reason; empty when the role may not.
    pub teams: Vec<SelectOption>,
    /// Why it belongs there, to be counted.
    pub reasons: Vec<SelectOption>,
    /// People of the team to hand it to; empty when the role may not.
    pub colleagues: Vec<SelectOption>,
}

/// A message that was sent.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// When.
    pub at: String,
    /// Which message and by which channel.
    pub what: String,
    /// "Delivered", "Sent", "Failed", "Held: quiet hours".
    pub state: String,
    /// The meaning of the state.
    pub tone: Tone,
}

/// Answers of an office that are shown without a click.
const SENT_FIRST: usize = 8;
/// So much of the timeline is seen at once.
const NEWEST: usize = 6;

impl InquiryPage {
    /// What happened last.
    fn newest(&self) -> &[Moment] {
        &self.timeline[..self.timeline.len().min(NEWEST)]
    }

    /// What happened before that.
    fn earlier(&self) -> &[Moment] {
        &self.timeline[self.timeline.len().min(NEWEST)..]
    }

    /// What the office sent that whoever calls wants to see first.
    fn sent_first(&self) -> &[Fact] {
        &self.sent[..self.sent.len().min(SENT_FIRST)]
    }

    /// The rest of it.
    fn sent_more(&self) -> &[Fact] {
        &self.sent[self.sent.len().min(SENT_FIRST)..]
    }

    /// Staff pages are in English.
    fn words(&self) -> &'static crate::words::Words {
        &crate::words::EN
    }
}
