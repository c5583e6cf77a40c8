//! What waits to be mended, in the words of its pages: why, who can act, which answer a fault is about.
//!
//! Deliberately not here: what may be done about it (ingestion decides) and asking for it (handlers).

mod reasons;

use std::collections::HashMap;

use causeway_funnel::form::{Choice as Stored, choice_label};
use causeway_funnel::inquiry::{CancerArea, ConsultType, Source, Urgency};
use causeway_funnel::profile::Profile;
use causeway_funnel::words::Words;
use causeway_proto::inquiry::v1::{Repair, RepairFault, RepairOutcome, RepairRow as Waiting};

pub use reasons::{why, why_at};

use crate::pages::{Choice, Compared, Fact, Question, QuestionKind, Tone};

/// The doors, with their words.
pub const DOORS: [(&str, &str); 5] = [
    ("hl7", "HL7 messages"),
    ("fhir", "FHIR requests"),
    ("csv", "Lists"),
    ("phone", "The phone system"),
    ("form", "Forms and calls"),
];

/// Why something is set aside, with its words.
pub const SET_ASIDE: [(&str, &str); 4] = [
    ("test_message", "It was a test"),
    ("duplicate", "Another one says the same"),
    ("not_ours", "It is not for us"),
    ("entered_otherwise", "The person was entered another way"),
];

/// From whom something is: the office by its name.
pub fn from(profile: &Profile, row: &Waiting) -> String {
    let feed = profile.feeds.feeds.iter().find(|feed| feed.id == row.feed);
    match feed {
        Some(feed) if !feed.office_name.is_empty() => feed.office_name.clone(),
        _ if !row.feed.is_empty() => row.feed.clone(),
        _ => source(row),
    }
}

/// By which door it came, and what it is.
pub fn door(row: &Waiting) -> String {
    let door = DOORS.iter().find(|(word, _)| *word == row.door).map_or("A feed that is gone", |(_, label)| label);
    if row.kind == "inquiry" || row.message_kind.is_empty() {
        return door.to_owned();
    }
    format!("{door} · {}", row.message_kind)
}

fn source(row: &Waiting) -> String {
    row.message_kind.parse::<Source>().map_or_else(|_| "An inquiry".to_owned(), |source| source.label("en").to_owned())
}

/// What became of it, and whether that is good news.
pub fn became(outcome: &RepairOutcome) -> (String, Tone) {
    let number = outcome.reference.as_str();
    match outcome.outcome.as_str() {
        "accepted" => (format!("Released. The request number is {number}."), Tone::Ok),
        "known" => (format!("It is here already, as {number}. Nothing was doubled."), Tone::Ok),
        "arrived_again" => (format!("The office has sent it again meanwhile. It is here as {number}."), Tone::Ok),
        "mended" => (format!("The answers of {number} are mended.{}", whose(outcome)), Tone::Ok),
        "assigned" => (format!("It is put to {number}, with its papers."), Tone::Ok),
        "applied" => (format!("{number} says now what you chose.{}", whose(outcome)), Tone::Ok),
        "other_patient" => (
            format!(
                "Nothing was done. It names another patient than {number}. If it is meant all the same, say so and send it again."
            ),
            Tone::Bad,
        ),
        "not_waiting" => ("It does not wait any more. Somebody else was quicker.".to_owned(), Tone::Bad),
        reason => (format!("It still waits. {}", why(reason).sentence), Tone::Warn),
    }
}

/// What follows where routing went by what changed: nobody is told of that by itself.
fn whose(outcome: &RepairOutcome) -> String {
    if outcome.routed_by.is_empty() {
        return String::new();
    }
    let named: Vec<String> = outcome.routed_by.iter().map(|key| key.replace('_', " ")).collect();
    format!(" Its team was chosen by what changed ({}). Look whether another team has to take it.", named.join(", "))
}

/// What became of several that were tried again.
pub fn tally(outcomes: &[RepairOutcome]) -> (String, Tone) {
    if let [one] = outcomes {
        return became(one);
    }
    let is_taken = |one: &&RepairOutcome| matches!(one.outcome.as_str(), "accepted" | "known" | "arrived_again");
    let (tried, taken) = (outcomes.len(), outcomes.iter().filter(is_taken).count());
    let gone = outcomes.iter().filter(|one| one.outcome == "not_waiting").count();
    let said = format!("{tried} tried again: {taken} taken, {} still wait.", tried - taken - gone);
    (said, if taken + gone == tried { Tone::Ok } else { Tone::Warn })
}

/// A step as people read it.
pub fn step(step: &str, outcome: &str) -> String {
    let what = match step {
        "release" => "Released",
        "retry" => "Tried again",
        "mend" => "Mended",
        "set_aside" => "Set aside",
        "assign" => "Put to its inquiry",
        "apply" => "Taken over into its inquiry",
        other => other,
    };
    let is_taken = ["accepted", "known", "arrived_again"].contains(&outcome);
    // It was asked for, and did not come about.
    let what = if step == "release" && !is_taken { "Tried to release" } else { what };
    let aside = SET_ASIDE.iter().find(|(word, _)| *word == outcome).map(|(_, label)| *label);
    let came = match outcome {
        _ if is_taken => "it is taken".to_owned(),
        "mended" | "assigned" | "applied" => String::new(),
        other => aside.map_or_else(|| why(other).short, str::to_owned),
    };
    if came.is_empty() { what.to_owned() } else { format!("{what}: {came}") }
}

/// The answer that a place in a message tells, where a fault is shown beside it.
pub fn answer_at(place: &str) -> Option<&str> {
    Some(match place {
        "PID-5" | "Patient.name" | "patient_first" | "patient_last" => "name",
        "PID-7" | "Patient.birthDate" => "birth_date",
        "PID-13" | "PID-14" | "Patient.telecom" => "phone",
        "PRD-7" => "referring_npi",
        "referral_id" => "referral_number",
        other => KEYS.iter().map(|(key, _)| *key).find(|key| *key == other)?,
    })
}

/// Answers that are mended here, with their labels.
const KEYS: [(&str, &str); 15] = [
    ("who", "Who needs care"),
    ("name", "Name of whom to contact"),
    ("patient_name", "Name of the patient, if another person"),
    ("phone", "Phone"),
    ("email", "Email"),
    ("birth_date", "Birth date"),
    ("consult_type", "Consult type"),
    ("urgency", "How pressing"),
    ("cancer_area", "Cancer area"),
    ("referral_number", "The office’s number of the referral"),
    ("message", "Reason in words"),
    ("address", "Address"),
    ("language", "Language"),
    ("insurance", "Insurance and member number"),
    ("referring_npi", "NPI of who refers"),
];
/// Type and event of a message, where two differ in them.
const KIND: &str = "message_kind";
/// What is the person's own to say, or what the office knows the referral by: of an inquiry nobody writes that here.
const NOT_OF_INQUIRY: [&str; 1] = ["referral_number"];

/// The answers to mend, each with its fault, and the faults that are at none of them. `typed`: what was sent and came back.
pub fn questions(
    profile: &Profile,
    (repair, faults): (&Repair, &[RepairFault]),
    typed: impl Fn(&str) -> Option<String>,
) -> (Vec<Question>, Vec<(String, String)>) {
    let row = repair.row.clone().unwrap_or_default();
    let is_inquiry = row.kind == "inquiry";
    // What a form asks besides, such as the consent to call, is mended where it is at fault.
    let at_fault = faults.iter().filter(|_| !is_inquiry).map(|fault| fault.place.as_str());
    // Of an inquiry whatever was answered is mended, except what the person agreed to.
    let mut told: Vec<&str> =
        repair.fields.keys().map(String::as_str).filter(|key| is_inquiry && !key.starts_with("consent_")).collect();
    told.sort_unstable();
    let beside = at_fault.chain(told).filter_map(|place| Some((place, asked(profile, place)?)));
    let mended = KEYS.iter().copied().filter(|(key, _)| match row.kind.as_str() {
        "inquiry" => !NOT_OF_INQUIRY.contains(key),
        // A number of FHIR has a system beside it, which nobody types.
        _ => *key != "referral_number" || row.door != "fhir",
    });
    let keys: Vec<(&str, &str)> = mended.chain(beside).collect();
    let mut rest = Vec::new();
    let mut of_key: HashMap<&str, Vec<&str>> = HashMap::new();
    for fault in faults {
        let key = answer_at(&fault.place).or(Some(fault.place.as_str()));
        match key.and_then(|key| keys.iter().find(|(known, _)| *known == key)) {
            Some((key, _)) => of_key.entry(key).or_default().push(&fault.message),
            None => rest.push((fault.place.clone(), fault.message.clone())),
        }
    }
    let mut seen = Vec::new();
    let mut questions = Vec::new();
    for (key, label) in keys {
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let value = typed(key).or_else(|| repair.fields.get(key).cloned()).unwrap_or_default();
        questions.push(question((key, label), value, of_key.get(key)));
    }
    (questions, rest)
}

/// What a form of the center asks under a key.
fn asked<'p>(profile: &'p Profile, key: &str) -> Option<&'p str> {
    if key.starts_with("consent_") {
        return Some("May we reach them this way? Ask the person first");
    }
    let mut fields = profile.forms.values().flat_map(|form| form.fields());
    let (question, field) = fields.find(|(_, field)| field.key == key)?;
    Some(if field.label.is_empty() { &question.label } else { &field.label }.get("en"))
}

fn question((key, label): (&str, &str), value: String, faults: Option<&Vec<&str>>) -> Question {
    let words: Vec<(&str, &str)> = match key {
        "who" => vec![("patient", "The person to contact"), ("caregiver", "Somebody else")],
        "consult_type" => ConsultType::ALL.iter().map(|word| (word.as_str(), word.label("en"))).collect(),
        "urgency" => Urgency::ALL.iter().map(|word| (word.as_str(), word.label("en"))).collect(),
        "cancer_area" => CancerArea::ALL.iter().map(|word| (word.as_str(), word.label("en"))).collect(),
        key if key.starts_with("consent_") => vec![("yes", "Yes")],
        _ => Vec::new(),
    };
    let choice = |(word, label): (&str, &str)| Choice {
        value: word.to_owned(),
        label: label.to_owned(),
        chosen: word == value,
        ..Choice::default()
    };
    let mut options: Vec<Choice> = words.into_iter().map(choice).collect();
    // What is none of the words stays as it was told, until somebody chooses another.
    if !options.is_empty() && !value.is_empty() && options.iter().all(|option| !option.chosen) {
        options.push(choice((&value, &value)));
    }
    Question {
        key: key.to_owned(),
        kind: match key {
            "message" => QuestionKind::LongText,
            _ if options.is_empty() => QuestionKind::Text,
            _ => QuestionKind::Select,
        },
        label: label.to_owned(),
        options,
        // Nothing has to be filled in here that was not told.
        required: true,
        value,
        error: faults.map(|all| all.iter().map(|one| one.trim_end_matches('.')).collect::<Vec<_>>().join(". ")),
        ..Question::default()
    }
}

/// What a message says otherwise than what it is compared with, in the order of the answers. What it is silent about is left out.
pub fn compared(profile: &Profile, repair: &Repair) -> Vec<Compared> {
    if repair.standing_kind.is_empty() {
        return Vec::new();
    }
    let stands = |key: &str| repair.standing.get(key).map(|answer| answer.trim()).unwrap_or_default();
    let differs = |(key, says): &(&String, &String)| {
        let is_ours =
            !key.starts_with("consent_") && !["referral_number", "referral_reason_in_full"].contains(&key.as_str());
        is_ours && says.trim() != stands(key)
    };
    let place = |key: &str| KEYS.iter().position(|(known, _)| *known == key).unwrap_or(KEYS.len());
    let mut rows: Vec<(&String, &String)> = repair.fields.iter().filter(differs).collect();
    rows.sort_by_key(|(key, _)| (key.as_str() != KIND, place(key), *key));
    let row = |(key, says): (&String, &String)| Compared {
        key: key.clone(),
        label: label(profile, key),
        stands: spoken(profile, key, stands(key)),
        says: spoken(profile, key, says),
    };
    rows.into_iter().map(row).collect()
}

/// What an answer is called.
pub fn label(profile: &Profile, key: &str) -> String {
    let known = KEYS.iter().find(|(known, _)| *known == key).map(|(_, label)| *label);
    known.or_else(|| asked(profile, key)).map_or_else(|| plain(key), str::to_owned)
}

/// An answer in the words of staff: what was chosen from a list is told as the list has it, and never as it is stored.
pub fn spoken(profile: &Profile, key: &str, value: &str) -> String {
    if key == KIND {
        return kind(value);
    }
    let is_consent = key.starts_with("consent_");
    let mut fields = profile.forms.values().flat_map(|form| form.fields()).filter(|(_, field)| field.key == key);
    let chosen = fields.find_map(|(_, field)| field.options.iter().find(|option| option.value == value));
    let standard = || Stored { value: value.to_owned(), label: Words::default() };
    match (chosen, value) {
        (Some(choice), _) => choice_label(key, choice, "en"),
        // What no form asks, such as what an office tells, may be a known term all the same.
        (None, "yes") if is_consent => "Yes".to_owned(),
        (None, "no") if is_consent => "No".to_owned(),
        (None, _) => choice_label(key, &standard(), "en"),
    }
}

/// What a message is.
fn kind(told: &str) -> String {
    let what = match told {
        "REF^I12" => "A new referral",
        "REF^I13" => "A change of a referral",
        "REF^I14" => "A referral is called off",
        "REF^I15" => "A question where a referral stands",
        other => return other.to_owned(),
    };
    format!("{what} ({told})")
}

fn plain(key: &str) -> String {
    let mut label = key.replace('_', " ");
    if let Some(first) = label.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    label
}

/// A text as a person can still read it: longer ones are files, and all of it is in the message as it came. The inquiry's page, which
/// cuts sooner, sends its reader here.
fn short(text: String) -> String {
    const LONGEST: usize = 500_000;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} […]", &text[..at]),
        None => text,
    }
}

/// What was understood besides, in the order of its keys.
pub fn also(profile: &Profile, repair: &Repair, questions: &[Question]) -> Vec<Fact> {
    let mut told: Vec<(&String, &String)> =
        repair.fields.iter().filter(|(key, _)| !questions.iter().any(|question| question.key == **key)).collect();
    // What is taken back, and what kind of message it is, stands beside what is known.
    told.retain(|(key, value)| !value.is_empty() && key.as_str() != KIND);
    told.sort();
    let fact = |(key, value): (&String, &String)| Fact {
        label: label(profile, key),
        value: short(spoken(profile, key, value)),
        link: None,
        tone: Tone::Idle,
    };
    told.into_iter().map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn repair(kind: &str, door: &str, fields: &[(&str, &str)]) -> Repair {
        let row = Waiting { kind: kind.into(), door: door.into(), ..Waiting::default() };
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Repair { row: Some(row), fields, ..Repair::default() }
    }

    fn fault(place: &str, message: &str) -> RepairFault {
        RepairFault { place: place.into(), message: message.into() }
    }

    #[test]
    fn a_fault_is_told_at_its_answer_wherever_it_stands_in_the_message_and_else_by_itself() {
        let faults = [
            fault("PID-5", "Send the name"),
            fault("name", "Enter a name"),
            fault("PRD", "Send who refers"),
            fault("consent_phone", "Ask whether we may call"),
            fault("contact_channel", "Choose how we may reach you"),
        ];
        let repair = repair("message", "hl7", &[("phone", "12")]);
        let (questions, rest) = questions(&harbor_valley(), (&repair, &faults), |_| None);
        let at = |key: &str| questions.iter().find(|question| question.key == key).expect("it is asked");
        assert_eq!(at("name").error.as_deref(), Some("Send the name. Enter a name"));
        assert_eq!(at("phone").value, "12");
        assert_eq!(at("consent_phone").kind, QuestionKind::Select);
        assert!(at("contact_channel").error.is_some(), "a form of the center asks it");
        assert_eq!(rest, [("PRD".to_owned(), "Send who refers".to_owned())]);
    }

    #[test]
    fn of_an_accepted_inquiry_all_but_its_consents_and_number_is_mended_and_of_fhir_no_number() {
        let profile = harbor_valley();
        let keys = |kind: &str, door: &str| {
            let repair = repair(kind, door, &[]);
            let (questions, _) = questions(&profile, (&repair, &[fault("consent_phone", "x")]), |_| None);
            questions.into_iter().map(|question| question.key).collect::<Vec<_>>()
        };
        let of_inquiry = keys("inquiry", "form");
        assert!(["cancer_area", "address", "language"].iter().all(|key| of_inquiry.iter().any(|known| known == key)));
        assert!(!of_inquiry.iter().any(|key| key == "referral_number" || key.starts_with("consent_")));
        assert!(keys("message", "hl7").contains(&"referral_number".to_owned()));
        assert!(!keys("message", "fhir").contains(&"referral_number".to_owned()));
    }

    #[test]
    fn what_a_message_says_otherwise_stands_beside_what_is_known_and_what_it_may_not_change_is_left_out() {
        let told = [
            ("phone", "206 555 0177"),
            ("name", "Rosa"),
            ("consent_phone", "yes"),
            ("referral_number", "REF-2"),
            ("office_record_number", "RB1"),
        ];
        let known = [("phone", "206 555 0142"), ("name", "Rosa ")];
        let mut repair = repair("message", "hl7", &told);
        assert!(compared(&harbor_valley(), &repair).is_empty(), "there is nothing to compare it with");
        repair.standing_kind = "inquiry".into();
        repair.standing = known.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let rows = compared(&harbor_valley(), &repair);
        let rows: Vec<_> =
            rows.iter().map(|row| (row.label.as_str(), row.stands.as_str(), row.says.as_str())).collect();
        assert_eq!(rows, [("Phone", "206 555 0142", "206 555 0177"), ("Office record number", "", "RB1")]);
    }

    #[test]
    fn a_raised_priority_a_kind_and_what_is_taken_back_are_told_otherwise_in_words() {
        let told =
            [("urgency", "urgent"), ("consult_type", "second_opinion"), ("message_kind", "REF^I14"), ("address", "")];
        let known = [
            ("urgency", "routine"),
            ("consult_type", "new_consult"),
            ("message_kind", "REF^I12"),
            ("address", "1 Elm"),
        ];
        let mut repair = repair("message", "hl7", &told);
        repair.standing_kind = "message".into();
        repair.standing = known.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let rows = compared(&harbor_valley(), &repair);
        let rows: Vec<_> =
            rows.iter().map(|row| (row.label.as_str(), row.stands.as_str(), row.says.as_str())).collect();
        let [new, second] = [ConsultType::NewConsult, ConsultType::SecondOpinion].map(|word| word.label("en"));
        let expected = [
            ("Message kind", "A new referral (REF^I12)", "A referral is called off (REF^I14)"),
            ("Consult type", new, second),
            ("How pressing", "Routine", "Urgent"),
            ("Address", "1 Elm", ""),
        ];
        assert_eq!(rows, expected);
        let beside = also(&harbor_valley(), &repair, &[]);
        assert!(beside.iter().all(|fact| !fact.value.is_empty() && fact.label != "Message kind"), "{beside:?}");
    }

    #[test]
    fn what_was_told_besides_stands_in_the_words_of_staff_and_not_as_it_is_stored() {
        let profile = harbor_valley();
        let told = [
            ("payer", "not_sure"),
            ("consult_type", "second_opinion"),
            ("cancer_area", "gi"),
            ("consent_phone", "yes"),
            ("office_record_number", "not_sure_7"),
            ("best_time", "morning"),
        ];
        let facts = also(&profile, &repair("message", "hl7", &told), &[]);
        let said: HashMap<&str, &str> = facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect();
        assert!(
            !said.values().any(|value| ["not_sure", "second_opinion", "gi", "morning"].contains(value)),
            "{said:?}"
        );
        assert_eq!(said["Consult type"], ConsultType::SecondOpinion.label("en"));
        assert_eq!(said["Office record number"], "not_sure_7", "what nobody chose from a list stays as it was written");
        assert_eq!(said[asked(&profile, "consent_phone").expect("a consent")], "Yes");
    }

    #[test]
    fn whoever_mends_what_routing_went_by_is_told_that_nobody_moves_it_by_itself() {
        let outcome = |routed_by: &[&str]| RepairOutcome {
            outcome: "applied".into(),
            reference: "HV-1".into(),
            routed_by: routed_by.iter().map(|key| (*key).to_owned()).collect(),
            ..RepairOutcome::default()
        };
        assert_eq!(became(&outcome(&[])).0, "HV-1 says now what you chose.");
        assert!(became(&outcome(&["cancer_area"])).0.contains("chosen by what changed (cancer area)"));
        let other = RepairOutcome { outcome: "other_patient".into(), ..RepairOutcome::default() };
        assert_eq!(became(&other).1, Tone::Bad);
    }

    #[test]
    fn several_that_were_tried_are_counted() {
        let outcome = |word: &str| RepairOutcome { outcome: word.into(), ..RepairOutcome::default() };
        let (said, tone) = tally(&["accepted", "code_unknown", "not_waiting"].map(outcome));
        assert_eq!((said.as_str(), tone), ("3 tried again: 1 taken, 1 still wait.", Tone::Warn));
        assert_eq!(tally(&["accepted", "known"].map(outcome)).1, Tone::Ok);
    }
}
