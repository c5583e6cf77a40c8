//! A message that a person is to get: its kind, what it rests on, and what it may say.
//!
//! A notice is decided by a fact and sent later by somebody else, so it carries all that its words need and nothing that
//! is PHI. Deliberately not here: the words (the profile's templates) and the sending.

use causeway_funnel::inquiry::{CancerArea, ConsultType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $template:literal, $fallback:expr;)+) => {
        /// What a notice is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word in events, rows and metrics.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// Name of its template in the profile.
            pub fn template(self) -> &'static str {
                match self { $(Self::$name => $template,)+ }
            }

            /// A template that tells the same truth, for a center that wrote none of its own.
            pub fn fallback(self) -> Option<&'static str> {
                match self { $(Self::$name => $fallback,)+ }
            }
        }
    };
}

kinds! {
    /// We have your request, and this is what happens next.
    Confirmation = "confirmation", "confirmation", None;
    /// These documents are still needed.
    RecordsRequest = "records_request", "records-request", None;
    /// A visit is booked.
    AppointmentBooked = "appointment_booked", "appointment-booked", None;
    /// A visit is at another time.
    AppointmentRescheduled = "appointment_rescheduled", "appointment-rescheduled", Some("appointment-booked");
    /// A visit will not take place.
    AppointmentCancelled = "appointment_cancelled", "appointment-cancelled", None;
    /// A visit is near.
    AppointmentReminder = "appointment_reminder", "appointment-reminder", None;
    /// A visit was not kept.
    NoShowFollowUp = "no_show_follow_up", "follow-up-no-show", None;
    /// A dated next step is agreed.
    NextStepAgreed = "next_step_agreed", "next-step-agreed", None;
    /// An agreed next step is at another time, or another one.
    NextStepMoved = "next_step_moved", "next-step-moved", Some("next-step-agreed");
    /// An agreed next step is called off.
    NextStepCalledOff = "next_step_called_off", "next-step-called-off", None;
    /// An agreed next step is near.
    NextStepReminder = "next_step_reminder", "next-step-reminder", None;
    /// The center does not treat this; where to go instead.
    ReferredElsewhere = "referred_elsewhere", "referred-elsewhere", None;
    /// Somebody of the staff is to look at an inquiry. Its words are our own, not the center's.
    StaffEscalation = "staff_escalation", "staff-escalation", None;
}

/// The variant of a confirmation for who wrote while the center was closed.
pub const AFTER_HOURS: &str = "confirmation-after-hours";

impl Kind {
    /// Whether it goes to the person; what goes to staff needs nobody's consent and is stopped by no patient.
    pub fn is_to_the_person(self) -> bool {
        self != Self::StaffEscalation
    }

    /// Whether it tells of a dated next step.
    pub fn is_of_next_step(self) -> bool {
        matches!(self, Self::NextStepAgreed | Self::NextStepMoved | Self::NextStepCalledOff | Self::NextStepReminder)
    }

    /// Whether an inquiry waits to hear what became of it, whatever that is: else it would wait for a message that never comes.
    pub fn is_awaited(self) -> bool {
        matches!(self, Self::ReferredElsewhere | Self::RecordsRequest)
    }

    /// The kind that a row names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }
}

/// Where a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// To be sent.
    Intended,
    /// Being sent; with an old lease: nobody knows.
    Sending,
    /// The mail server took it.
    Sent,
    /// It could not be sent, and a person has to reach the patient by another way.
    Failed,
    /// It may or may not have been sent, and is not sent again by itself.
    Unknown,
    /// It is not to be sent.
    Suppressed,
}

impl State {
    /// The word in rows and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Suppressed => "suppressed",
        }
    }
}

/// Why a notice was not sent: stable words that events carry.
pub mod reason {
    /// No consent for a channel that we have, or no address.
    pub const NO_CHANNEL: &str = "no_channel";
    /// The person wants no messages.
    pub const STOPPED: &str = "stopped";
    /// The inquiry was closed after the cause.
    pub const CLOSED: &str = "closed";
    /// Something newer is known of the visit.
    pub const SUPERSEDED: &str = "superseded";
    /// What it says would no longer be true.
    pub const TOO_LATE: &str = "too_late";
    /// The center has no such template, or it can't be filled in.
    pub const TEMPLATE: &str = "template";
    /// The mail server refused it for good.
    pub const REJECTED: &str = "rejected";
    /// It could not be handed over in all the time that was allowed.
    pub const GAVE_UP: &str = "gave_up";
    /// The process ended between sending and recording.
    pub const INTERRUPTED: &str = "interrupted";
    /// The mail server did not say whether it took it.
    pub const UNANSWERED: &str = "unanswered";
}

/// What is known of the inquiry that a notice belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The inquiry.
    pub inquiry_id: Uuid,
    /// The number that people read out.
    pub reference: String,
    /// Language of messages.
    pub language: String,
    /// Whether the person allowed e-mail.
    pub email_allowed: bool,
    /// When they said so.
    pub consented_at: Timestamp,
    /// What is asked for.
    pub consult_type: ConsultType,
    /// What it is about.
    pub cancer_area: CancerArea,
}

/// A visit as a message tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitWords {
    /// Start, microseconds since the Unix epoch.
    pub starts_at: i64,
    /// IANA zone of the site.
    pub time_zone: String,
    /// Site id of the profile.
    pub site: String,
    /// in_person or video.
    pub kind: String,
}

/// A mail to one of the staff. It names the inquiry by its number alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToStaff {
    /// Staff id of the profile.
    pub staff: String,
    /// due_soon, late or bounced.
    pub why: String,
}

/// What the words need beyond the inquiry, in the shape of the row's `params`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Params {
    /// Kinds of documents that are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
    /// Entry of programs.toml that says where to go instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub out_of_scope: String,
    /// Sister center that handed the request over: its id as it is heard, its discreet name once it is written down.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub came_from: String,
    /// The person is written to and not called.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_written_to: bool,
    /// Kind of the dated next step that is told of, whose time stands where a visit's does.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_step: String,
    /// The visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<VisitWords>,
    /// Who of the staff gets it, where it is not the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_staff: Option<ToStaff>,
}

/// A notice that is decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intended {
    /// What it is about.
    pub kind: Kind,
    /// Tells several notices of one kind to one inquiry apart.
    pub occurrence: String,
    /// The inquiry.
    pub about: About,
    /// Name of the template.
    pub template: String,
    /// When the person will be reached at the latest.
    pub contact_by: Option<Timestamp>,
    /// When the center opens again.
    pub opens_at: Option<Timestamp>,
    /// The rest that the words need; most notices have none.
    pub params: Option<Params>,
    /// The visit, and the version of it that this notice tells.
    pub appointment: Option<(Uuid, i64)>,
    /// When the fact came about that it tells.
    pub caused_at: Timestamp,
    /// When to send it.
    pub send_at: Timestamp,
    /// After this it would tell an untruth.
    pub not_after: Option<Timestamp>,
    /// Sister centers that the inquiry was at before, each with its id there: what was stopped there stays stopped.
    pub stays: Vec<(String, Uuid)>,
}

impl Intended {
    /// A notice to be sent at once.
    pub fn now(kind: Kind, about: About, caused_at: Timestamp, now: Timestamp) -> Self {
        Self {
            kind,
            occurrence: String::new(),
            about,
            template: kind.template().to_owned(),
            contact_by: None,
            opens_at: None,
            params: None,
            appointment: None,
            caused_at,
            send_at: now,
            not_after: None,
            stays: Vec::new(),
        }
    }

    /// Why it can't be sent at all; nothing where it can.
    pub fn refused(&self) -> Option<&'static str> {
        (!self.about.email_allowed).then_some(reason::NO_CHANNEL)
    }
}

/// Whether staff have to reach the person by another way, since a notice of this kind ends like this.
pub fn needs_a_person(kind: Kind, why: &str) -> bool {
    match why {
        // Whoever wants no more messages may still be told by phone, as everybody who asks us is called.
        reason::STOPPED => kind.is_awaited(),
        reason::CLOSED | reason::SUPERSEDED => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_word_and_has_a_template() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(*kind));
            assert!(!kind.template().is_empty());
        }
        assert_eq!(Kind::from_word("advertisement"), None);
    }

    #[test]
    fn a_stop_is_obeyed_and_not_turned_into_a_phone_call() {
        let needed = |why| needs_a_person(Kind::Confirmation, why);
        assert!(!needed(reason::STOPPED) && !needed(reason::CLOSED));
        assert!(needed(reason::NO_CHANNEL) && needed(reason::REJECTED) && needed(reason::TEMPLATE));
    }

    #[test]
    fn an_answer_where_to_go_that_a_stop_held_back_is_told_since_the_inquiry_waits_for_it() {
        assert!(needs_a_person(Kind::ReferredElsewhere, reason::STOPPED));
        assert!(
            needs_a_person(Kind::RecordsRequest, reason::STOPPED),
            "else the desk waits for papers that nobody asks for"
        );
        assert!(!needs_a_person(Kind::ReferredElsewhere, reason::CLOSED), "a closed inquiry waits for nothing");
    }
}
