//! What is refused, what is kept for repair, and that the rest of the answers stays readable.

use super::*;
use causeway_funnel::form::{Choice, Field, FieldKind, Part, Question};
use causeway_funnel::inquiry::{CancerArea, Channel, ConsultType};
use jiff::civil::date;

fn field(key: &str, kind: FieldKind, options: &[&str]) -> Field {
    let options = options.iter().map(|value| Choice { value: (*value).to_owned(), label: Words::default() }).collect();
    Field { key: key.into(), kind, label: Words::default(), hint: Words::default(), options, autocomplete: None }
}

fn question(key: &str, part: Part, needs: Needs, fields: Vec<Field>) -> Question {
    let (label, hint, missing) = (Words::from([("en", "?")]), Words::default(), Words::default());
    Question { key: key.into(), part, label, hint, needs, missing, fields }
}

fn form() -> Form {
    let tick = |key: &str| ConsentTick { key: key.into(), label: Words::from([("en", "yes")]) };
    Form {
        id: "general".into(),
        version: 3,
        consult_type: None,
        title: Words::from([("en", "Ask")]),
        intro: Words::from([("en", "Tell us")]),
        proof_of_work: Default::default(),
        questions: vec![
            question("name", Part::Core, Needs::All, vec![field("name", FieldKind::Text, &[])]),
            question(
                "reach",
                Part::Core,
                Needs::Any,
                vec![field("phone", FieldKind::Phone, &[]), field("email", FieldKind::Email, &[])],
            ),
            question("consult_type", Part::Core, Needs::All, vec![field("consult_type", FieldKind::Choice, &[])]),
            question("cancer_area", Part::Core, Needs::All, vec![field("cancer_area", FieldKind::Choice, &["gi"])]),
            question("birth_date", Part::Optional, Needs::All, vec![field("birth_date", FieldKind::Date, &[])]),
            question("message", Part::Optional, Needs::All, vec![field("message", FieldKind::LongText, &[])]),
        ],
        consent: ConsentPart {
            version: 1,
            lead: Words::from([("en", "We ask")]),
            ticks: vec![tick("consent_email"), tick("consent_phone")],
        },
    }
}

fn given(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let good = [
        ("name", "Rosa Vega"),
        ("phone", "206 555 0142"),
        ("email", "rosa@example.com"),
        ("consult_type", "second_opinion"),
        ("cancer_area", "gi"),
        ("consent_email", "yes"),
    ];
    good.iter().chain(changes).map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect()
}

fn run(changes: &[(&str, &str)], strict: bool) -> Result<Checked, Vec<FieldFault>> {
    let reading = Reading { language: "en", region: "US", today: date(2026, 3, 4) };
    check(&form(), &given(changes), reading, strict)
}

fn accepted(changes: &[(&str, &str)]) -> Checked {
    run(changes, false).unwrap_or_else(|faults| panic!("refused: {faults:?}"))
}

#[test]
fn a_faultless_form_is_read_and_has_nothing_to_mend() {
    let checked = accepted(&[]);
    assert!(checked.faults.is_empty() && !checked.held);
    assert_eq!(checked.answers.phone.as_deref(), Some("+12065550142"));
}

#[test]
fn a_bad_phone_or_date_beside_a_good_address_is_kept_for_repair_and_the_rest_is_read() {
    let checked = accepted(&[("phone", "12"), ("birth_date", "3/27/61")]);
    let fields: Vec<&str> = checked.faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["phone", "birth_date"]);
    let answers = checked.answers;
    assert_eq!((answers.phone, answers.email.as_deref()), (None, Some("rosa@example.com")));
    assert_eq!((answers.consult_type, answers.cancer_area), (ConsultType::SecondOpinion, CancerArea::Gi));
    assert_eq!(answers.preferred_channel, Channel::Email);
    assert!(answers.consents.email && answers.birth_date.is_none());
}

#[test]
fn a_name_alone_is_enough_to_act_on() {
    let checked = accepted(&[("phone", "no"), ("email", "none"), ("consult_type", ""), ("consent_email", "")]);
    assert_eq!(checked.faults.len(), 4);
    assert_eq!((checked.answers.name.as_str(), checked.answers.consult_type), ("Rosa Vega", ConsultType::NotSure));
    assert!(!checked.answers.consents.any(), "nothing is allowed that was not ticked");
}

#[test]
fn words_or_a_damaged_way_of_contact_are_enough_without_a_name() {
    let nobody = [("name", ""), ("phone", ""), ("email", "")];
    for (key, answer) in [("message", "please call my daughter"), ("phone", "555-0142"), ("email", "rosa@home")] {
        let changes: Vec<_> = nobody.iter().copied().chain([(key, answer)]).collect();
        assert!(run(&changes, false).is_ok(), "{key}");
    }
}

#[test]
fn without_a_name_and_any_way_of_contact_it_is_refused_and_the_fields_are_named() {
    let faults = run(&[("name", ""), ("phone", "12"), ("email", "")], false).err().expect("refused");
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["name", "phone"]);
}

#[test]
fn a_page_that_shows_faults_gets_them_instead_of_an_inquiry() {
    let faults = run(&[("phone", "12")], true).err().expect("refused");
    assert_eq!(faults[0].code, FaultCode::PhoneUnreadable);
    assert!(run(&[], true).is_ok());
}

#[test]
fn a_filled_hidden_field_holds_the_inquiry_and_does_not_refuse_it() {
    assert!(accepted(&[("website", "http://example.com")]).held);
    let both = accepted(&[("website", "x"), ("phone", "12")]);
    assert!(both.held && both.faults.len() == 1);
}

/// Answers as no person gives them: any text, near misses of what a field takes, fields that do not exist.
fn anything() -> impl proptest::strategy::Strategy<Value = BTreeMap<String, String>> {
    use proptest::prelude::*;
    let key = prop_oneof![
        prop::sample::select(vec![
            "name",
            "phone",
            "email",
            "consult_type",
            "cancer_area",
            "birth_date",
            "message",
            "consent_email",
            "consent_phone",
            "who",
            "website",
            "patient_name",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,12}",
    ];
    let answer = prop_oneof![
        any::<String>(),
        "[+0-9 ().x/-]{0,30}",
        "[a-z0-9._%+\"-]{0,20}@?[a-z0-9.-]{0,20}",
        "[0-9]{0,4}[-/. ][0-9A-Za-z]{0,9}[-/. ,][0-9]{0,5}",
        "\\PC{0,4000}",
        prop::sample::select(vec!["yes", "no", "second_opinion", "gi", "not_sure", "email"]).prop_map(str::to_owned),
    ];
    prop::collection::btree_map(key, answer, 0..14)
}

proptest::proptest! {
    #[test]
    fn whatever_is_answered_is_read_or_refused_by_field(given in anything(), strict: bool) {
        let reading = Reading { language: "en", region: "US", today: date(2026, 3, 4) };
        match check(&form(), &given, reading, strict) {
            Ok(checked) => {
                proptest::prop_assert!(checked.faults.is_empty() || !strict);
                // What is kept for a person can be acted on by one.
                proptest::prop_assert!(checked.faults.is_empty() || can_be_acted_on(&given));
            }
            Err(faults) => {
                proptest::prop_assert!(!faults.is_empty());
                proptest::prop_assert!(faults.iter().all(|fault| !fault.message.is_empty() && !fault.field.is_empty()));
            }
        }
    }
}
