//! What can happen to an inquiry at the desk, and what a decision gives back.

use std::borrow::Cow;

use causeway_funnel::inquiry::Channel;
use causeway_funnel::next_step::{NextStepKind, StepEnd};
use causeway_funnel::records::{LineState, RecordsFrom, WaiveReason};
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::scope::KeepReason;
use causeway_funnel::sister::SisterReason;
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use causeway_funnel::stillness::PauseReason;
use causeway_funnel::triage::ReviewDecision;
use jiff::Timestamp;
use uuid::Uuid;

use super::amend::Amendment;
use super::inquiry::{Inquiry, Paused, Route};
use super::review::{Verdict, Waiting};
use super::sister::Fate;

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
    /// Somebody else answered, who was told nothing but that we called.
    OtherPerson,
    /// Wants no more contact: it is closed with this reason, and nothing is sent any more.
    AskedToStop,
    /// The patient has died: it is closed with this reason, and nothing is sent any more.
    Deceased,
}

impl Outcome {
    /// Every outcome, with the word on the wire and the words for staff.
    pub const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Reached, "reached", "reached"),
        (Self::Voicemail, "voicemail", "left a message"),
        (Self::NoAnswer, "no_answer", "no answer"),
        (Self::WrongNumber, "wrong_number", "wrong number"),
        (Self::CallBackAsked, "call_back_asked", "asked to be called back"),
        (Self::OtherPerson, "other_person", "somebody else answered"),
        (Self::AskedToStop, "asked_to_stop", "asked not to be contacted"),
        (Self::Deceased, "deceased", "the patient has died"),
    ];

    /// The person themselves was talked with.
    pub const fn is_contact(self) -> bool {
        matches!(self, Self::Reached | Self::AskedToStop)
    }

    /// Why the inquiry is over with it, if it is.
    pub const fn ends_with(self) -> Option<CloseReason> {
        match self {
            Self::AskedToStop => Some(CloseReason::AskedToStop),
            Self::Deceased => Some(CloseReason::Deceased),
            _ => None,
        }
    }

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
    /// Another team's queue, by team id, and why it belongs there.
    Team(String, RerouteReason),
}

/// Whose turn it is, as routing chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// For this team alone.
    pub team: String,
    /// Who.
    pub owner: String,
    /// Counts the choices.
    pub number: i64,
    /// The desk's version that routing knew of.
    pub heard_version: i64,
    /// queue, untouched or lead.
    pub reason: String,
}

/// How it came that an inquiry is somebody else's, or open no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A person took it.
    Claimed,
    /// A person gave it back.
    Released,
    /// A person gave it to a colleague, or to another team for this reason.
    HandedOver(Option<RerouteReason>),
    /// Routing chose its owner.
    Chosen,
    /// Routing chose too late: it stays as it is.
    Kept,
    /// Routing decided again.
    Rerouted,
    /// It is open no more.
    Ended,
    /// It is open again.
    Reopened,
}

impl How {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Released => "released",
            Self::HandedOver(_) => "handed_over",
            Self::Chosen => "chosen",
            Self::Kept => "kept",
            Self::Rerouted => "rerouted",
            Self::Ended => "ended",
            Self::Reopened => "reopened",
        }
    }

    /// Why it went to another team, where it did.
    pub const fn reason(self) -> Option<RerouteReason> {
        if let Self::HandedOver(reason) = self { reason } else { None }
    }
}

/// Another due time for first contact, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// What moved it, in routing's word.
    pub cause: String,
    /// When first contact is due now.
    pub due_at: Timestamp,
    /// It came in while the place was closed, by what is known now.
    pub after_hours: bool,
    /// Why the clock stands still and until when at most; none: it runs.
    pub pause: Option<(PauseReason, Timestamp)>,
    /// Every stretch in which it stands still, in order.
    pub pauses: Vec<Paused>,
    /// It does not count as missed any more.
    pub miss_taken_back: bool,
    /// Version of routing's word.
    pub version: i64,
}

/// What became of the message that says where to go instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferralFate {
    /// It is out.
    Sent,
    /// It is not, or nobody knows: a person has to say it.
    NotSent,
}

/// One thing that happens to an inquiry. Names of staff and teams in it are known to the center's profile.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Routing decided again.
    Rerouted(Route),
    /// Routing told another due time for first contact.
    ResponseMoved(Moved),
    /// First contact was not tried in time.
    ResponseMissed {
        /// 1 for the first miss, more for later ones.
        level: i32,
    },
    /// Routing chose whose turn it is.
    Chosen(Choice),
    /// Somebody hears that it is about to be late, is late, or goes to and fro.
    Escalated {
        /// due_soon, late or bounced.
        why: String,
        /// Counts the levels; 0: none of the response's.
        level: u32,
        /// owner, lead, manager or team:<id>.
        to: String,
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
        /// By whom and why it was moved or called off, as the end of a sentence.
        why: String,
    },
    /// The visit's time is over and nobody has told what became of it.
    VisitTimePassed,
    /// A dated next step is agreed, or moved.
    AgreeNextStep {
        /// Which.
        kind: NextStepKind,
        /// When.
        at: Timestamp,
    },
    /// What became of the agreed next step.
    EndNextStep(StepEnd),
    /// The time of the agreed next step has come and nobody has told what became of it.
    NextStepTimePassed {
        /// Which agreement.
        number: i64,
    },
    /// Its answers were mended.
    Amended(Box<Amendment>),
    /// The person wants to hear no more.
    ContactStopped {
        /// By which way; none: no contact at all.
        channel: Option<Channel>,
        /// Since when.
        at: Timestamp,
    },
    /// Somebody takes it.
    Claim,
    /// Its owner gives it back to the queue.
    Release,
    /// Who took it has done nothing about it for as long as the center allows.
    ClaimIdle {
        /// Who took it.
        owner: String,
        /// Version at which they did.
        version: i64,
        /// When they did.
        since: Timestamp,
    },
    /// What somebody has begun is late, and nothing is done about it.
    LeftLate {
        /// Who has begun it.
        owner: String,
        /// By when they had to do what comes next.
        due: Timestamp,
        /// When anything was last done about it.
        touched: Option<Timestamp>,
    },
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
    /// Somebody is asked for documents.
    RequestRecords {
        /// Their kinds; empty: all that are needed.
        kinds: Vec<String>,
        /// Who is asked.
        of: RecordsFrom,
    },
    /// Whoever was asked for a document said by when it comes.
    PromiseRecord {
        /// Kind of document.
        kind: String,
        /// The end of that day; none: the promise is taken back.
        at: Option<Timestamp>,
        /// Who promised it; none: whoever was asked.
        of: Option<RecordsFrom>,
    },
    /// It may be time to ask again for what has not come.
    ChaseRecords,
    /// The message that asked the person for documents did not go out.
    RecordsNotTold {
        /// When that was known.
        at: Timestamp,
        /// One sentence for staff.
        text: String,
    },
    /// One line of the checklist changes.
    Record {
        /// Kind of document.
        kind: String,
        /// Its new state.
        state: LineState,
        /// Why it is not needed, where that is its state.
        why: Option<WaiveReason>,
    },
    /// A document came of which nobody has said what it is.
    LooseDocument {
        /// Which, and the version of its word.
        document: (Uuid, i64),
        /// The door: patient, staff, hl7 or fhir.
        door: String,
        /// When it came.
        at: Timestamp,
    },
    /// A document came, or a person put one to this line.
    Document {
        /// Which, and the version of its word.
        document: (Uuid, i64),
        /// Kind of document; empty: the person who corrected it found none.
        kind: String,
        /// The kind that it was taken for before and that no other document is; empty: none.
        previous: String,
        /// When it came; none: now.
        at: Option<Timestamp>,
        /// The door: patient, staff, hl7 or fhir.
        door: String,
    },
    /// A reviewer decided.
    Review(Verdict),
    /// Somebody hears that a review is about to be late or is late.
    ReviewEscalated {
        /// Since when the records had waited: another wait is another review.
        since: Timestamp,
        /// Counts the levels from 1.
        level: u32,
        /// owner, lead, manager or team:<id>.
        to: String,
        /// Who that is.
        staff: Vec<String>,
    },
    /// A person of the staff approves that the person hears where to go instead.
    ReferElsewhere,
    /// It is worked although it counts as not treated here.
    Keep(KeepReason),
    /// Notification told what became of the message that says where to go instead.
    ReferralTold {
        /// What.
        fate: ReferralFate,
        /// When.
        at: Timestamp,
        /// One sentence for staff.
        text: String,
    },
    /// It goes to a sister center of this installation, which the two profiles agree to.
    HandToCenter {
        /// The sister center.
        to: String,
        /// Why.
        reason: SisterReason,
    },
    /// Ingestion told what became of a hand-over to a sister center.
    HandoverTold {
        /// Which one.
        number: i64,
        /// What.
        fate: Fate,
    },
    /// It ends.
    Close(CloseReason),
    /// It is opened again.
    Reopen(ReopenReason),
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
        /// The kind of next step by which it is or was scheduled; empty: by none.
        next_step: String,
        /// Where it was opened again: why, and why it had been closed.
        reopened: Option<(ReopenReason, CloseReason)>,
    },
    /// It is somebody else's or nobody's, or open no more; also the answer to each choice.
    WorkMoved(How),
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
        /// Id and version of the script that was used; the caller who knows it fills it in.
        script: (String, String),
    },
    /// A dated next step is agreed.
    NextStepAgreed {
        /// When it was agreed.
        at: Timestamp,
        /// It takes the place of another one.
        moved: bool,
    },
    /// The agreed next step is over.
    NextStepOver {
        /// Since when.
        at: Timestamp,
        /// How it ended.
        how: StepEnd,
    },
    /// The person is to hear where to go instead.
    ReferredElsewhere {
        /// When.
        at: Timestamp,
    },
    /// A sister center is to have it.
    HandedToCenter {
        /// When.
        at: Timestamp,
    },
    /// A reviewer decided.
    Reviewed {
        /// What.
        decision: ReviewDecision,
        /// Why, where it has a reason.
        reason: &'static str,
        /// The team at which it was decided.
        team: String,
        /// How the records had waited, where they had.
        waited: Option<Waiting>,
        /// When.
        at: Timestamp,
    },
    /// Some of the staff are to hear of a review.
    ReviewEscalated {
        /// review_due_soon or review_late.
        why: &'static str,
        /// Counts the levels from 1.
        level: u32,
        /// owner, lead, manager or team:<id>.
        to: String,
        /// Who that is.
        staff: Vec<String>,
        /// By when the records were or are to be reviewed.
        due_at: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// The person is to be asked for documents.
    RecordsRequested {
        /// Their kinds.
        kinds: Vec<String>,
        /// The most often that one of them was asked for, this time included.
        times: u32,
        /// When.
        at: Timestamp,
    },
    /// Other documents than before are waited for from the office that refers.
    OfficeRecordsWanted {
        /// All of their kinds.
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
    /// A time that does not fit, with the nearest one that does.
    #[error("{0}")]
    TimeFault(String),
}
