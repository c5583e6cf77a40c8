//! The replies to a partner's message, made from what was committed of it.
//!
//! Their control ids and times follow from the message's row, so the same message gets the same bytes. Deliberately not
//! here: whether a message is taken (hear), and how a reply is written (adapters).

use causeway_funnel::profile::Hl7Reply;
use causeway_funnel::stage::CloseReason;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::adapters::fhir::standing::why;
use crate::adapters::hl7::answer::{self, Answer, Standing};
use crate::adapters::hl7::header::Header;
use crate::adapters::hl7::intake::Opened;
use crate::adapters::hl7::reply::{self, Outcome, Signature, Verdict};
use crate::domain::journey::{Journey, Status, Visit};

/// A message about a referral, the number of its inquiry, where it stands and what is said to that, and the documents that are asked of
/// its office.
pub type Referred<'a> = (&'a Opened<'a>, Option<&'a str>, (Stand, &'a str, &'a [String]));

/// The replies to a message: what it is told at once, and, where its sender waits for it, what became of it. `form`: what its feed
/// reads where the message does not say so itself; `answered`: the referral that it is about.
pub fn texts(
    header: &Header<'_>,
    judged: &Verdict,
    (form, answered): (Hl7Reply, Option<Referred<'_>>),
    (message_id, zone): (Uuid, &TimeZone),
) -> Vec<String> {
    let at = first_heard(message_id);
    let (first_id, second_id) = (control_id(message_id, 'A'), control_id(message_id, 'B'));
    let signature = Signature { control_id: &first_id, at, zone };
    let answer = |(opened, reference, (stand, remark, wanted)): Referred<'_>, signature| {
        let reference = reference.unwrap_or_default();
        let remark = if remark.is_empty() { stand.remark() } else { remark };
        let answer = Answer { standing: stand.standing(), reference, remark, warnings: &judged.faults, wanted };
        answer::referral(&opened.message, header, answer, signature)
    };
    let answered = answered.filter(|_| judged.outcome == Outcome::Accepted && !header.is_response());
    let is_both = form == Hl7Reply::AckThenRri;
    // Who reads one reply and asks where a referral stands is told just that.
    let is_alone = !header.is_enhanced() && !is_both && (form == Hl7Reply::Rri || header.event() == "I15");
    if let Some(told) = answered.filter(|_| is_alone) {
        return answer(told, signature).into_iter().collect();
    }
    let first = reply::first(header, judged, signature);
    let signature = Signature { control_id: &second_id, at, zone };
    let second = match answered.filter(|_| header.is_enhanced() || is_both) {
        Some(told) => answer(told, signature),
        None => reply::second(header, judged, signature),
    };
    first.into_iter().chain(second).collect()
}

/// What an office is told of where its referral stands, kept by its word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stand {
    /// It is here, and nobody has decided yet.
    #[default]
    Pending,
    /// The center works on it, or the visit took place.
    Accepted,
    /// The center does not take it.
    Declined,
    /// The center does not take it, and has told the patient where to go: at once, or by a reviewer's decision later on.
    SentElsewhere,
    /// It was called off.
    CalledOff,
    /// The center took it, and it led to no visit.
    NoVisit,
    /// Nobody has decided, and the office's own date for it (RF1-8) has passed.
    Expired,
}

impl Stand {
    const ALL: [Self; 7] = [
        Self::Pending,
        Self::Accepted,
        Self::Declined,
        Self::SentElsewhere,
        Self::CalledOff,
        Self::NoVisit,
        Self::Expired,
    ];

    /// What a status and the reason of its end mean to an office. `has_passed`: its own date for the referral.
    pub fn of((status, reason): (Status, Option<CloseReason>), has_passed: bool) -> Self {
        match status {
            Status::Rejected | Status::Cancelled if reason == Some(CloseReason::OutOfScopeReferred) => {
                Self::SentElsewhere
            }
            Status::Received if has_passed => Self::Expired,
            Status::Received => Self::Pending,
            Status::Accepted | Status::InProgress | Status::Completed => Self::Accepted,
            Status::Rejected => Self::Declined,
            Status::Cancelled => Self::CalledOff,
            Status::Failed => Self::NoVisit,
        }
    }

    /// The stored word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::SentElsewhere => "sent_elsewhere",
            Self::CalledOff => "called_off",
            Self::NoVisit => "no_visit",
            Self::Expired => "expired",
        }
    }

    /// The one with a stored word; pending where none was stored.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|stand| stand.word() == word).unwrap_or_default()
    }

    const fn standing(self) -> Standing {
        match self {
            Self::Pending => Standing::Pending,
            Self::Accepted | Self::NoVisit => Standing::Accepted,
            Self::Declined | Self::SentElsewhere | Self::CalledOff => Standing::Rejected,
            Self::Expired => Standing::Expired,
        }
    }

    /// What table 0283 has no code for.
    const fn remark(self) -> &'static str {
        match self {
            Self::CalledOff => "The referral was called off",
            Self::SentElsewhere => "This center does not take it on; the patient was told where to go",
            Self::NoVisit => "The referral ended without a visit",
            _ => "",
        }
    }
}

/// What an office is told beside the stand: why its referral ended, and when its visit is. Empty: nothing that the stand does not say.
pub fn remark(stand: Stand, journey: &Journey, zone: &TimeZone) -> String {
    let at = journey.visit_at.map(|(begins, _)| zone.to_datetime(begins).strftime("%Y-%m-%d %H:%M").to_string());
    let at = at.unwrap_or_default();
    let said = match (stand, journey.reason, journey.visit) {
        (Stand::Declined | Stand::CalledOff, Some(reason), _) => why(reason).to_owned(),
        (Stand::NoVisit, Some(reason), _) => format!("{}: {}", stand.remark(), why(reason)),
        (Stand::Accepted, _, Visit::Booked) => format!("Scheduled {at}"),
        (Stand::Accepted, _, Visit::Missed) => {
            format!("The visit of {at} did not take place; the center offers another date")
        }
        (Stand::Accepted, _, Visit::Cancelled) => {
            format!("The visit of {at} was called off; another date is looked for")
        }
        (Stand::Accepted, _, Visit::Attended) => format!("The visit of {at} took place"),
        _ => stand.remark().to_owned(),
    };
    if journey.is_taken_up_again() && !said.is_empty() {
        format!("{said}. The center has taken it up again")
    } else {
        said
    }
}

/// When the message first came: its id was made then, and holds the time (uuid v7).
fn first_heard(message_id: Uuid) -> Timestamp {
    let told = message_id.get_timestamp().map(|time| time.to_unix());
    let (seconds, nanos) =
        told.and_then(|(s, n)| Some((i64::try_from(s).ok()?, i32::try_from(n).ok()?))).unwrap_or_default();
    Timestamp::new(seconds, nanos).unwrap_or_default()
}

/// A control id of ours: within the twenty characters of older versions, and the same for the same message.
fn control_id(message_id: Uuid, reply: char) -> String {
    format!("CW{:014X}{reply}", message_id.as_u128() & 0x00ff_ffff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_standing_is_kept_by_a_word_of_its_own() {
        for stand in Stand::ALL {
            assert_eq!(Stand::parse(stand.word()), stand);
        }
        assert_eq!(Stand::parse(""), Stand::Pending, "questions from before there were words");
    }

    #[test]
    fn what_the_patient_was_told_elsewhere_about_is_rejected_with_a_reason_however_late() {
        for status in [Status::Rejected, Status::Cancelled] {
            let stand = Stand::of((status, Some(CloseReason::OutOfScopeReferred)), false);
            assert_eq!((stand, stand.standing()), (Stand::SentElsewhere, Standing::Rejected));
            assert!(stand.remark().contains("told where to go"));
        }
        assert_eq!(Stand::of((Status::Cancelled, None), false), Stand::CalledOff);
        assert_eq!(Stand::of((Status::Rejected, Some(CloseReason::NotAnInquiry)), false), Stand::Declined);
    }

    #[test]
    fn an_office_is_told_why_its_referral_ended_and_when_its_visit_is() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let visit_at = Some((at("2026-04-20T13:30:00Z"), at("2026-04-20T14:30:00Z")));
        let zone = TimeZone::get("America/New_York").unwrap();
        let journey = |reason, visit| Journey { reason, visit, visit_at, ..Journey::default() };
        let ended = |reason| journey(Some(reason), Visit::None);
        for (stand, journey, expected) in [
            (Stand::Pending, journey(None, Visit::None), ""),
            (Stand::Accepted, journey(None, Visit::None), ""),
            (Stand::Accepted, journey(None, Visit::Booked), "Scheduled 2026-04-20 09:30"),
            (
                Stand::Accepted,
                journey(None, Visit::Missed),
                "The visit of 2026-04-20 09:30 did not take place; the center offers another date",
            ),
            (Stand::CalledOff, ended(CloseReason::Unreachable), "The patient could not be reached after all tries"),
            (Stand::CalledOff, ended(CloseReason::Deceased), "Please call the center for the reason"),
            (Stand::CalledOff, journey(None, Visit::Booked), "The referral was called off"),
            (Stand::Declined, ended(CloseReason::NotAnInquiry), "It asks for nothing that this center does"),
            (Stand::NoVisit, ended(CloseReason::NoSuitableDate), "The referral ended without a visit: No date fitted"),
        ] {
            assert_eq!(remark(stand, &journey, &zone), expected, "{stand:?}");
        }
    }

    #[test]
    fn each_reply_to_a_message_has_a_control_id_of_its_own_that_old_systems_can_hold() {
        let id = Uuid::from_u128(u128::MAX);
        let (first, second) = (control_id(id, 'A'), control_id(id, 'B'));
        assert_ne!(first, second);
        assert_eq!(first, control_id(id, 'A'));
        assert!(first.len() <= 20, "{first}");
    }
}
