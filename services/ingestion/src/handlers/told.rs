//! The replies to a partner's message, made from what was committed of it.
//!
//! Their control ids and times follow from the message's row, so the same message gets the same bytes. Deliberately not
//! here: whether a message is taken (hear), and how a reply is written (adapters).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::adapters::hl7::answer::{self, Answer, Standing};
use crate::adapters::hl7::header::Header;
use crate::adapters::hl7::intake::Opened;
use crate::adapters::hl7::reply::{self, Outcome, Signature, Verdict};

/// The replies to a message: what it is told at once, and, where its sender waits for it, what became of it.
pub fn texts(
    header: &Header<'_>,
    judged: &Verdict,
    answered: Option<(&Opened<'_>, &str)>,
    (message_id, zone): (Uuid, &TimeZone),
) -> Vec<String> {
    let at = first_heard(message_id);
    let (first_id, second_id) = (control_id(message_id, 'A'), control_id(message_id, 'B'));
    let signature = Signature { control_id: &first_id, at, zone };
    let first = reply::first(header, judged, signature);
    let signature = Signature { control_id: &second_id, at, zone };
    let second = match answered.filter(|_| header.is_enhanced() && judged.outcome == Outcome::Accepted) {
        Some((opened, reference)) => {
            let answer = Answer { standing: Standing::Pending, reference, remark: "" };
            answer::referral(&opened.message, header, answer, signature)
        }
        None => reply::second(header, judged, signature),
    };
    first.into_iter().chain(second).collect()
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
    fn each_reply_to_a_message_has_a_control_id_of_its_own_that_old_systems_can_hold() {
        let id = Uuid::from_u128(u128::MAX);
        let (first, second) = (control_id(id, 'A'), control_id(id, 'B'));
        assert_ne!(first, second);
        assert_eq!(first, control_id(id, 'A'));
        assert!(first.len() <= 20, "{first}");
    }
}
