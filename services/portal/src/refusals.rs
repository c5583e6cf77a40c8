//! What a refused call means for the person at the page, in plain words.
//!
//! The contract's closed list of reasons decides; a service's own sentence is used where it says what stands in the way
//! and was written for staff. Deliberately not here: words for patients (they are translated, see `words`).

use axum::http::StatusCode;
use causeway_proto::error::Reason;
use causeway_serve::{Code, Problem};
use tonic::Status;

const FAULT: &str = "That did not work, and it is our fault. Try again, and tell the people who run Causeway.";

/// The sentence for staff.
pub fn for_staff(status: &Status) -> String {
    match Reason::of(status) {
        Some(Reason::Conflict) => "Somebody else changed this a moment ago. Look at it again, then decide.".to_owned(),
        Some(Reason::SlotTaken) => "Somebody else took that time a moment ago. Choose another one.".to_owned(),
        Some(Reason::Closed) => "This inquiry is closed. Reopen it first.".to_owned(),
        Some(Reason::NotFound) => "There is no such inquiry at this center.".to_owned(),
        Some(Reason::KeyReused) => "This was sent before with other content. Load the page again.".to_owned(),
        Some(Reason::NotReady) => "The center's settings are still loading. Try again in a moment.".to_owned(),
        Some(Reason::UnknownCenter) => "This center is not set up. Tell the people who run Causeway.".to_owned(),
        Some(Reason::BookingRule | Reason::WrongState | Reason::FieldFault | Reason::UnknownName) => {
            sentence(status.message())
        }
        None => by_code(status),
    }
}

/// The status of a page that can't be shown: a refusal is the asker's to mend, and all else may work in a moment.
pub fn status_of(status: &Status) -> StatusCode {
    let told = Problem::from(status.clone()).code.http();
    if told.is_client_error() { told } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn by_code(status: &Status) -> String {
    // The transport alone says so: no service does, and its words are for engineers.
    if status.code() == tonic::Code::OutOfRange {
        return FAULT.to_owned();
    }
    match Code::of(status) {
        Code::PermissionDenied => "Your role does not allow this. Ask an intake manager.".to_owned(),
        Code::Conflict => "Somebody else changed this a moment ago. Look at it again, then decide.".to_owned(),
        Code::FailedPrecondition | Code::InvalidArgument | Code::AlreadyExists => sentence(status.message()),
        Code::NotFound => "There is no such inquiry at this center.".to_owned(),
        Code::ResourceExhausted => "Too much at once. Try again in a moment.".to_owned(),
        Code::Unavailable | Code::DeadlineExceeded => {
            "That part is not available right now. It may not be saved. Try again in a moment.".to_owned()
        }
        Code::Unauthenticated | Code::Internal => FAULT.to_owned(),
    }
}

/// A log-style message as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.trim().chars();
    let Some(first) = letters.next() else { return "That is not possible as things stand.".to_owned() };
    let mut text: String = first.to_uppercase().chain(letters).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_asker_can_mend_is_no_outage() {
        let told =
            [(Status::invalid_argument("x"), 400), (Status::unavailable("x"), 503), (Status::internal("x"), 503)];
        for (status, code) in told {
            assert_eq!(status_of(&status).as_u16(), code, "{status}");
        }
    }

    #[test]
    fn every_reason_is_said_as_a_sentence_without_codes() {
        for reason in Reason::ALL {
            let word = reason.word();
            let said = for_staff(&reason.status("records review comes first"));
            assert!(said.ends_with('.') && said.starts_with(char::is_uppercase), "{said}");
            assert!(!said.contains(word) || !word.contains('_'), "{said}");
        }
    }

    #[test]
    fn a_rule_is_told_in_the_rules_own_words() {
        assert_eq!(for_staff(&Reason::BookingRule.status("records review comes first")), "Records review comes first.");
    }

    #[test]
    fn what_went_wrong_inside_is_not_told() {
        assert!(!for_staff(&Status::internal("relation people does not exist")).contains("people does"));
        let long = for_staff(&Status::out_of_range("Error, decoded message length too large: found 5 bytes"));
        assert!(!long.contains("decoded") && long.contains("our fault"), "{long}");
        assert!(for_staff(&Status::unavailable("tcp connect error")).contains("not available right now"));
    }
}
