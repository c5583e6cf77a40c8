//! Reading of answers: what is accepted, and the words for what is not.

use super::*;
use crate::contact::FaultCode;
use crate::inquiry::{AgeBand, AskedBy, CancerArea, Channel, ConsultType};
use jiff::civil::date;

const FORM: &str = r#"
id = "general"
version = 3
title = { en = "Ask for care" }
intro = { en = "Tell us how to reach you." }
[consent]
version = 2
lead = { en = "We contact you only in the ways that you tick." }
tick = [{ key = "consent_phone", label = { en = "Call me" } }, { key = "consent_email", label = { en = "Email me" } }]
[[question]]
key = "who"
label = { en = "Who needs care?" }
missing = { en = "Choose who needs care" }
field = [{ key = "who", kind = "choice", options = [{ value = "patient" }, { value = "caregiver" }] }]
[[question]]
key = "name"
label = { en = "Your name" }
field = [{ key = "name", kind = "text" }]
[[question]]
key = "reach"
label = { en = "How can we reach you?" }
needs = "any"
field = [{ key = "phone", kind = "phone" }, { key = "email", kind = "email" }]
[[question]]
key = "when"
label = { en = "When?" }
needs = "nothing"
field = [{ key = "contact_channel", kind = "choice" }, { key = "best_time", kind = "choice" }]
[[question]]
key = "consult_type"
label = { en = "What kind of help?" }
field = [{ key = "consult_type", kind = "choice" }]
[[question]]
key = "cancer_area"
label = { en = "Which part of the body?" }
field = [{ key = "cancer_area", kind = "choice" }]
[[question]]
key = "birth_date"
part = "optional"
label = { en = "Birth date" }
field = [{ key = "birth_date", kind = "date" }, { key = "shoe_size", kind = "text" }]
"#;

fn form() -> Form {
    toml::from_str(FORM).unwrap()
}

fn answers(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let core = [
        ("who", "patient"),
        ("name", "Rosa Vega"),
        ("phone", "(206) 555-0142"),
        ("consult_type", "second_opinion"),
        ("cancer_area", "gi"),
        ("consent_phone", "yes"),
    ];
    core.iter().chain(changes).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn read(changes: &[(&str, &str)]) -> Result<Answers, Vec<crate::contact::FieldFault>> {
    validate(&form(), &answers(changes), Reading { language: "en", region: "US", today: date(2026, 3, 4) })
}

fn faults(changes: &[(&str, &str)]) -> Vec<(String, FaultCode, String)> {
    read(changes).err().unwrap_or_default().into_iter().map(|fault| (fault.field, fault.code, fault.message)).collect()
}

#[test]
fn the_core_answers_alone_make_an_inquiry() {
    let Ok(read) = read(&[("shoe_size", "42"), ("birth_date", "3/27/1961")]) else { panic!("answers refused") };
    assert_eq!(
        (read.asked_by, read.consult_type, read.cancer_area),
        (AskedBy::Patient, ConsultType::SecondOpinion, CancerArea::Gi)
    );
    assert_eq!((read.phone.as_deref(), read.language.as_str()), (Some("+12065550142"), "en"));
    assert_eq!((read.birth_date, read.extra["shoe_size"].as_str()), (Some(date(1961, 3, 27)), "42"));
    let origin = Origin { center: "harbor-valley".into(), form_version: 3, ..Origin::default() };
    let facts = read.facts(Origin { today: date(2026, 3, 4), ..origin.clone() });
    assert_eq!((facts.center.as_str(), facts.form_version, facts.consents.phone), ("harbor-valley", 3, true));
    assert_eq!(facts.age, AgeBand::From40To64, "the band alone of a birth date");
    assert_eq!(read.facts(origin).age, AgeBand::NotKnown, "without a day nothing is said of it");
}

#[test]
fn a_phone_or_an_email_is_enough_and_the_channel_follows() {
    let Ok(read) = read(&[("phone", ""), ("email", "rosa@example.com"), ("contact_channel", "phone")]) else {
        panic!("answers refused")
    };
    assert_eq!(read.preferred_channel, Channel::Email);
    let neither = faults(&[("phone", "")]);
    assert_eq!(
        neither,
        [("phone".into(), FaultCode::ReachMissing, "Enter a phone number or an email address. One is enough".into())]
    );
}

#[test]
fn faults_are_all_told_at_once_in_the_order_of_the_form_and_in_its_words() {
    let told = faults(&[
        ("who", ""),
        ("phone", "12"),
        ("cancer_area", "kidney"),
        ("birth_date", "3/27/61"),
        ("consent_phone", ""),
    ]);
    let fields: Vec<&str> = told.iter().map(|fault| fault.0.as_str()).collect();
    assert_eq!(fields, ["who", "phone", "cancer_area", "birth_date", "consent_phone"]);
    assert_eq!(told[0].2, "Choose who needs care");
    assert_eq!(told[3].2, "Year must have 4 numbers, like 1961");
    assert_eq!(told[4].2, "Tick the box if we may contact you");
}

#[test]
fn an_endless_answer_is_told_to_be_shorter() {
    assert_eq!(faults(&[("shoe_size", &"9".repeat(501))])[0].1, FaultCode::TooLong);
}

#[test]
fn a_filled_hidden_field_gives_a_machine_away() {
    assert!(!trap_sprung(&answers(&[("website", " ")])));
    assert!(trap_sprung(&answers(&[("website", "http://example.com")])));
}

#[test]
fn a_fixed_consult_type_needs_no_question() {
    let mut fixed = form();
    fixed.consult_type = Some(ConsultType::ClinicalTrial);
    fixed.questions.retain(|question| question.key != "consult_type");
    let Ok(read) = validate(&fixed, &answers(&[]), Reading { language: "en", region: "US", today: date(2026, 3, 4) })
    else {
        panic!("refused")
    };
    assert_eq!(read.consult_type, ConsultType::ClinicalTrial);
}

#[test]
fn a_choice_without_own_words_takes_the_standard_ones() {
    let choice = Choice { value: "gi".into(), label: Words::default() };
    assert_eq!(choice_label("cancer_area", &choice, "en"), "Stomach, bowel, liver or pancreas");
    assert_eq!(choice_label("shoe", &choice, "en"), "gi");
}
