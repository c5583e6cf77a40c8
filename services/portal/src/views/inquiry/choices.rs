//! The choices of the inquiry's page: the words that are sent, and the words that are read.

use causeway_funnel::inquiry::Channel;
use causeway_funnel::profile::Profile;
use causeway_funnel::records::WaiveReason;
use causeway_funnel::script::CallSituation;
use causeway_funnel::stage::{CloseReason, ReopenReason};
use causeway_proto::intake::v1::Inquiry;
use jiff::civil::Date;

use crate::pages::{Choice, Question, QuestionKind, SelectOption};

/// Most characters of a note on a try to reach somebody, as the desk takes it.
const LONGEST_NOTE: u16 = 500;

/// Outcomes of a try, with their words.
pub const OUTCOMES: [(&str, &str); 8] = [
    ("reached", "Reached"),
    ("voicemail", "Left a voice message"),
    ("no_answer", "No answer"),
    ("wrong_number", "Wrong number"),
    ("call_back_asked", "Asked to be called back"),
    ("other_person", "Somebody else answered"),
    ("asked_to_stop", "Asked us to stop: closes the inquiry"),
    ("deceased", "The patient has died: closes the inquiry"),
];

/// Why a visit is cancelled or moved by the center.
pub const VISIT_REASONS: [(&str, &str); 5] = [
    ("time_does_not_fit", "The time does not fit the patient"),
    ("no_ride", "The patient has no ride"),
    ("not_well", "The patient is not well enough"),
    ("clinic_changed", "The clinic changed its day"),
    ("other", "Another reason"),
];

/// Why a record is not needed, as people choose it: "another reason" has no words to go with it here.
pub(super) fn waive_reasons() -> Vec<SelectOption> {
    let shown = WaiveReason::ALL.iter().filter(|reason| **reason != WaiveReason::OtherReason);
    shown.map(|reason| option(reason.as_str(), reason.label("en"))).collect()
}

/// Why a closed inquiry is opened again.
pub(super) fn reopen_reasons() -> Vec<SelectOption> {
    let said = ReopenReason::ALL.iter().filter(|reason| reason.is_said());
    let reasons = said.map(|reason| option(reason.as_str(), reason.label("en")));
    [option("", "Choose one")].into_iter().chain(reasons).collect()
}

/// The opening on a day that was chosen as "2027-03-05"; none where it is no day.
pub fn opening_on(day: &str, profile: &Profile) -> Option<i64> {
    let calendar = profile.calendar(None);
    let midnight = day.parse::<Date>().ok()?.at(0, 0, 0, 0).to_zoned_datetime(calendar.zone().clone()).ok()?;
    Some(calendar.next_opening(midnight.timestamp()).as_microsecond())
}

/// The form of a try. `may_close`: whether they may choose an outcome that closes the inquiry.
pub(super) fn attempt(may_close: bool, inquiry: &Inquiry, call_backs: Vec<Choice>) -> Vec<Question> {
    let closes = |word: &str| matches!(word, "asked_to_stop" | "deceased");
    let outcomes: Vec<_> = OUTCOMES.into_iter().filter(|(word, _)| may_close || !closes(word)).collect();
    let choices = |list: &[(&str, &str)]| {
        let choice = |(value, label): &(&str, &str)| Choice {
            value: (*value).to_owned(),
            label: (*label).to_owned(),
            ..Choice::default()
        };
        list.iter().map(choice).collect()
    };
    let channels: Vec<(&str, &str)> =
        [Channel::Phone, Channel::Sms, Channel::Email].iter().map(|way| (way.as_str(), way.label("en"))).collect();
    let question = |key: &str, kind, label: &str, options, required| Question {
        key: key.to_owned(),
        kind,
        label: label.to_owned(),
        options,
        required,
        ..Question::default()
    };
    let mut questions = vec![
        question("outcome", QuestionKind::OneOf, "Outcome", choices(&outcomes), true),
        question("channel", QuestionKind::Select, "Channel", choices(&channels), true),
    ];
    if !call_backs.is_empty() {
        questions.push(question("call_back", QuestionKind::Select, "Next try, if not by the rule", call_backs, false));
    }
    let caregiver = CallSituation::CaregiverCalling.as_str();
    if let Some(other) = inquiry.scripts.iter().find(|script| script.situation == caregiver) {
        let shown = |id: &str, version: &str| {
            (script_word(id, version), format!("{}, version {version}", id.replace('-', " ")))
        };
        let scripts = [shown(&inquiry.script_id, &inquiry.script_version), shown(&other.id, &other.version)];
        let scripts: Vec<(&str, &str)> = scripts
            .iter()
            .filter(|(value, _)| !value.is_empty())
            .map(|(value, label)| (value.as_str(), label.as_str()))
            .collect();
        questions.push(question("script", QuestionKind::Select, "Script that you used", choices(&scripts), false));
    }
    let note = question("note", QuestionKind::Text, "Note for colleagues", Vec::new(), false);
    questions.push(Question { most: Some(LONGEST_NOTE), ..note });
    questions
}

/// Id and version of a script as a form sends them; empty where there is none.
pub(super) fn script_word(id: &str, version: &str) -> String {
    if id.is_empty() { String::new() } else { format!("{id}~{version}") }
}

/// Id and version of the script that was used: as it was chosen, else as the page showed it. What was `shown` is the script of the
/// call and that of a voice message, which has its own. Nothing: the desk says which one it was.
pub fn used_script(chosen: &str, shown: (&str, &str), outcome: &str) -> (String, String) {
    let word = match outcome {
        "voicemail" => shown.1,
        _ if chosen.is_empty() => shown.0,
        _ => chosen,
    };
    word.split_once('~').map(|(id, version)| (id.to_owned(), version.to_owned())).unwrap_or_default()
}

/// Where somebody said that it is an earlier inquiry's person, that it is a duplicate stands ready.
pub(super) fn close_reasons(is_duplicate: bool) -> Vec<SelectOption> {
    let reason = |reason: &CloseReason| SelectOption {
        selected: is_duplicate && *reason == CloseReason::Duplicate,
        ..option(reason.as_str(), reason.label("en"))
    };
    // What a sister center is to have is handed to it, and closes by that.
    CloseReason::ALL.iter().filter(|reason| **reason != CloseReason::HandedToSister).map(reason).collect()
}

/// A close reason in words.
pub fn close_reason(word: &str) -> String {
    word.parse::<CloseReason>().map_or_else(|_| word.replace('_', " "), |reason| reason.label("en").to_owned())
}

pub(super) fn select(list: &[(&str, &str)]) -> Vec<SelectOption> {
    list.iter().map(|(value, label)| option(value, label)).collect()
}

pub(super) fn option(value: &str, label: &str) -> SelectOption {
    SelectOption { value: value.to_owned(), label: label.to_owned(), selected: false }
}
