//! The patient's own page, opened by the signed link: where things are, records, times and changes.
//!
//! Everything that changes something is a form that is sent by a button, since mail scanners open links. Each form
//! posts to `{base}/…`, where the base is the link itself. Deliberately not here: what the person told us about
//! their health; the page shows states, places and times only.

use askama::Template;

use super::{PublicFrame, SelectOption, Tone, frame::Flash};

/// The patient's own page.
#[derive(Debug, Template)]
#[template(path = "own.html")]
pub struct OwnPage {
    /// Around the page.
    pub frame: PublicFrame,
    /// The signed link, `/p/{token}`. Forms go to `/confirm`, `/pick`, `/reschedule`, `/cancel`,
    /// `/records` (files), `/contact` and the page `/stop` below it.
    pub base: String,
    /// The request number.
    pub reference: String,
    /// The last day of the link, as said in the page's language.
    pub link_until: String,
    /// What the last action did, or what was wrong with it.
    pub flash: Option<Flash>,
    /// The path, in order.
    pub stones: Vec<Stone>,
    /// The booked visit.
    pub visit: Option<Visit>,
    /// The agreed next step where there is no visit.
    pub step: Option<AgreedStep>,
    /// Times to choose from.
    pub offers: Option<Offers>,
    /// The papers this visit needs.
    pub records: Vec<RecordLine>,
    /// Sending files; none where none can be sent now.
    pub upload: Option<Upload>,
    /// The files that the person sent, the newest first.
    pub files: Vec<FileLine>,
    /// How we reach the person, with numbers and addresses shortened to their end.
    pub channels: Vec<ChannelLine>,
    /// Buttons that stop one channel alone.
    pub channel_stops: Vec<SelectOption>,
    /// The fax number, for records.
    pub fax: Option<String>,
    /// Reasons to ask for another time or to cancel.
    pub reasons: Vec<SelectOption>,
}

/// A step of the path.
#[derive(Clone, Debug)]
pub struct Stone {
    /// Behind, here or ahead.
    pub state: StoneState,
    /// Its name.
    pub heading: String,
    /// What happened or will happen, and when.
    pub note: String,
}

/// Where a step lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoneState {
    /// Behind.
    Done,
    /// Here.
    Now,
    /// Ahead.
    Ahead,
}

/// The booked visit.
#[derive(Clone, Debug)]
pub struct Visit {
    /// "Thu", from [`crate::words::DateWords::short_weekday`].
    pub weekday: String,
    /// "11".
    pub day: String,
    /// "March".
    pub month: String,
    /// "9:40 am to 10:40 am".
    pub time: String,
    /// With whom, as far as it may be said here.
    pub with_whom: Option<String>,
    /// The site and its address, or how to join by video.
    pub place: String,
    /// What to know before coming.
    pub notes: Vec<String>,
    /// Whether the person said that they will come.
    pub confirmed: bool,
    /// Whether the person may say here that they will come.
    pub may_confirm: bool,
    /// Whether it can still be changed here.
    pub may_change: bool,
}

/// A dated next step.
#[derive(Clone, Debug)]
pub struct AgreedStep {
    /// "a call with our research nurse".
    pub what: String,
    /// "Thursday, March 11, at 10 am".
    pub when: String,
    /// The number that we call from; none where we do not call.
    pub call_from: Option<String>,
    /// What is to be expected, each with how long it usually takes.
    pub steps: Vec<(String, String)>,
}

/// Times to choose from.
#[derive(Clone, Debug)]
pub struct Offers {
    /// Until when they are kept for the person; none when they are not held.
    pub kept_until: Option<String>,
    /// Why the booked visit is to be moved to one of them; none for a first visit.
    pub reason: Option<String>,
    /// The times, soonest first.
    pub times: Vec<OfferedTime>,
}

/// One time to choose.
#[derive(Clone, Debug)]
pub struct OfferedTime {
    /// What is sent when it is chosen.
    pub id: String,
    /// "Thursday, March 11, at 9:40 am".
    pub when: String,
    /// Place, length, and whether it is by video.
    pub place: String,
}

/// A paper on the list.
#[derive(Clone, Debug)]
pub struct RecordLine {
    /// What is sent with a file for it.
    pub key: String,
    /// Its plain name.
    pub name: String,
    /// When it came, whom we asked, or where to find it.
    pub note: String,
    /// Where it is.
    pub state: RecordState,
}

/// Where a paper is, as the patient sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// With us.
    Here,
    /// Asked for by us, of somebody else than the person.
    AskedFor,
    /// To be sent by the person.
    Needed,
    /// Waived.
    NotNeeded,
}

/// Sending files.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Which papers they may be, with the one that is not known last.
    pub papers: Vec<SelectOption>,
    /// What the file window offers.
    pub accept: &'static str,
    /// The largest file, megabytes.
    pub megabytes: String,
}

/// A file that the person sent. Its own name is not shown: the link alone opens this page.
#[derive(Clone, Debug)]
pub struct FileLine {
    /// Which paper it is.
    pub name: String,
    /// When it came, and what to do about it.
    pub note: String,
    /// Where it is.
    pub state: &'static str,
    /// The meaning of the state.
    pub tone: Tone,
}

/// A way we reach the person.
#[derive(Clone, Debug)]
pub struct ChannelLine {
    /// "Texts".
    pub label: String,
    /// "Number ending in 42".
    pub value: String,
}

impl OwnPage {
    fn record_word(&self, state: &RecordState) -> &'static str {
        let words = &self.frame.words.own;
        match state {
            RecordState::Here => words.here,
            RecordState::AskedFor => words.asked_for,
            RecordState::Needed => words.needed,
            RecordState::NotNeeded => words.not_needed,
        }
    }

    fn record_class(&self, state: &RecordState) -> &'static str {
        match state {
            RecordState::Here => "ok",
            RecordState::AskedFor => "brand",
            RecordState::Needed => "warn",
            RecordState::NotNeeded => "idle",
        }
    }
}

impl Stone {
    /// The class in the style sheet.
    pub fn class(&self) -> &'static str {
        match self.state {
            StoneState::Done => "is-done",
            StoneState::Now => "is-now",
            StoneState::Ahead => "is-ahead",
        }
    }
}
