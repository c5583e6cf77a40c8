//! What can happen to an inquiry at the desk, and what a decision gives back.

use std::borrow::Cow;

use causeway_funnel::inquiry::Channel;
use causeway_funnel::records::LineState;
use causeway_funnel::stage::{CloseReason, Stage};
use jiff::Timestamp;

use super::inquiry::{Inquiry, Route};

/// Who did it: a person of the staff or a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By(pub String);

/// Result of one try to reach the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Spoke with the person.
    Reached,
    /// Left a message.
    Voicemail,
    /// Nobody answered.
    NoAnswer,
    /// Somebody else's number.
    WrongNumber,
    /// Answered, and asked for another time.
    CallBackAsked,
}

impl Outcome {
    /// Every outcome, with the word on the wire and the words for staff.
    pub const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Reached, "reached", "reached"),
        (Self::Voicemail, "voicemail", "left a message"),
        (Self::NoAnswer, "no_answer", "no answer"),
        (Self::WrongNumber, "wrong_number", "wrong number"),
        (Self::CallBackAsked, "call_back_asked", "asked to be called back"),
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The words for staff.
    pub fn words(self) -> &'static str {
        self.row().2
    }

    /// Reads the word on the wire.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        Self::ALL.iter().find(|row| row.0 == self).unwrap_or(&Self::ALL[0])
    }
}

/// What became of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitEvent {
    /// It is booked for this time.
    Booked,
    /// It was moved to this time.
    Moved,
    /// It was called off.
    Cancelled,
    /// It took place.
    Attended,
    /// The person did not come.
    Missed,
}

/// To whom an inquiry is handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandTo {
    /// A colleague, by staff id.
    Staff(String),
    /// Another team's queue, by team id.
    Team(String),
}

/// One thing that happens to an inquiry. Names of staff and teams in it are known to the center's profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Routing decided again.
    Rerouted(Route),
    /// First contact was not tried in time.
    ResponseMissed {
        /// 1 for the first miss, more for later ones.
        level: i32,
    },
    /// Scheduling told what became of the visit.
    Visit {
        /// What.
        what: VisitEvent,
        /// When it happened.
        at: Timestamp,
        /// Version of the appointment.
        version: i64,
        /// Start of the visit.
        starts_at: Timestamp,
    },
    /// The visit's time is over and nobody has told what became of it.
    VisitTimePassed,
    /// Somebody takes it.
    Claim,
    /// Its owner gives it back to the queue.
    Release,
    /// It goes to somebody else.
    HandOver(HandTo),
    /// Somebody tried to reach the person.
    Attempt {
        /// By which way.
        channel: Channel,
        /// With what result.
        outcome: Outcome,
        /// When the person asked to be called.
        call_back_at: Option<Timestamp>,
    },
    /// The intake note was saved.
    Note {
        /// Version of the note that the person saw.
        base_version: i64,
        /// How many fields it still lacks.
        missing: usize,
    },
    /// The person is asked for documents; empty: for all that are needed.
    RequestRecords(Vec<String>),
    /// One line of the checklist changes.
    Record {
        /// Kind of document.
        kind: String,
        /// Its new state.
        state: LineState,
    },
    /// A document came, or a person put one to this line.
    Document {
        /// Kind of document; empty: the person who corrected it found none.
        kind: String,
        /// The kind that it was taken for before and that no other document is; empty: none.
        previous: String,
    },
    /// The reviewer's word on the records.
    Review {
        /// Accepted, or more is asked for.
        accept: bool,
    },
    /// It ends.
    Close(CloseReason),
    /// It is opened again.
    Reopen,
}

/// A line of the timeline. Its text holds no PHI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: &'static str,
    /// One sentence for staff.
    pub text: Cow<'static, str>,
    /// Who did it; empty: nobody in person.
    pub actor: String,
}

/// What other services must hear, beside the facts of the inquiry that every event carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The stage is another one.
    StageChanged {
        /// Before.
        from: Stage,
        /// Now.
        to: Stage,
        /// When.
        at: Timestamp,
    },
    /// One of the things that booking depends on is another one.
    ReadinessChanged,
    /// Somebody tried to reach the person.
    ContactAttempted {
        /// When.
        at: Timestamp,
        /// By which way.
        channel: Channel,
        /// With what result.
        outcome: Outcome,
        /// Which try it was, from 1.
        number: u32,
        /// It was in time for first contact.
        within_target: bool,
    },
    /// The person is to be asked for documents.
    RecordsRequested {
        /// Their kinds.
        kinds: Vec<String>,
        /// When.
        at: Timestamp,
    },
}

/// What a decision gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The inquiry after it.
    pub inquiry: Inquiry,
    /// False where the step was known or changed nothing; then there are no entries and nothing to tell.
    pub changed: bool,
    /// What to write into the timeline.
    pub entries: Vec<Entry>,
    /// What to tell.
    pub told: Vec<Told>,
}

/// Why a step is refused. Nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is closed.
    #[error("inquiry is closed; reopen it first")]
    Closed,
    /// Somebody else was faster.
    #[error("{0}")]
    Conflict(&'static str),
    /// Its state does not allow the step.
    #[error("{0}")]
    WrongState(Cow<'static, str>),
    /// A name that nobody knows.
    #[error("{0}")]
    UnknownName(String),
    /// A value that can't be.
    #[error("{0}")]
    FieldFault(&'static str),
}
