//! Anything at all may come in a body: nothing may panic, what is refused has a reason, and no answer tells of the patient.

use proptest::prelude::*;
use serde_json::Value;

use super::fault::refuses;
use super::intake::{Intake, Topic};
use super::outcome;
use super::referral_tests::alone;
use super::sample_tests::{OF_PATIENTS, decided, sample};

const FILES: [&str; 4] = [
    "referral_transaction_breast.json",
    "referral_message_breast.json",
    "questionnaireresponse_intake.json",
    "bad_two_patients.json",
];

fn judge(body: &[u8]) -> Option<Intake> {
    let intake = decided(body)?;
    assert_eq!(matches!(intake.topic, Topic::Refused), refuses(&intake.faults));
    let told = outcome::of(&outcome::lines(&intake.faults)).to_string();
    assert!(!OF_PATIENTS.iter().any(|of_patient| told.contains(of_patient)), "{told}");
    Some(intake)
}

/// Places in a document, by the way to each.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(key, value)| places(value, &format!("{at}/{key}"), all))
        }
        Value::Object(members) => members.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), all)),
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9:#|/?. é-]{0,24}".prop_map(Value::from),
        proptest::sample::select(vec![
            "Patient",
            "ServiceRequest",
            "active",
            "urn:uuid:1",
            "#p",
            "2026-02-30",
            "Bundle"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let key = prop_oneof![
            proptest::sample::select(vec![
                "resourceType",
                "resource",
                "entry",
                "reference",
                "identifier",
                "value",
                "system",
                "coding",
                "item",
                "answer",
                "contained",
                "type",
                "name",
                "id"
            ])
            .prop_map(str::to_owned),
            "[a-z]{1,6}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..5)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

#[test]
fn a_body_that_ends_anywhere_is_decided() {
    let whole = sample("referral_transaction_breast.json");
    (0..whole.len()).for_each(|length| assert!(judge(&whole[..length]).is_none() || length + 1 >= whole.len()));
}

#[test]
fn a_body_without_any_one_of_its_parts_is_decided() {
    for file in FILES {
        let whole: Value = serde_json::from_slice(&sample(file)).expect("JSON");
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        for place in all.iter().filter(|place| !place.is_empty()) {
            for instead in [
                Value::Null,
                Value::from(7),
                Value::from("x"),
                Value::Array(Vec::new()),
                serde_json::json!([{}]),
                serde_json::json!({ "a": 1 }),
            ] {
                let mut changed = whole.clone();
                *changed.pointer_mut(place).expect("a place") = instead;
                judge(changed.to_string().as_bytes());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_body_with_anything_in_some_places_is_decided(
        file in proptest::sample::select(FILES.to_vec()),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any_json()), 1..6),
    ) {
        let mut body: Value = serde_json::from_slice(&sample(file)).expect("JSON");
        for (place, instead) in changes {
            let mut all = Vec::new();
            places(&body, "", &mut all);
            *body.pointer_mut(&all[place.index(all.len())]).expect("a place") = instead;
        }
        judge(body.to_string().as_bytes());
    }

    #[test]
    fn any_json_is_decided(value in any_json(), kind in proptest::sample::select(vec!["Bundle", "ServiceRequest", "QuestionnaireResponse", "Parameters"])) {
        judge(value.to_string().as_bytes());
        if let Value::Object(mut members) = value {
            members.insert("resourceType".into(), kind.into());
            judge(Value::Object(members).to_string().as_bytes());
        }
    }

    #[test]
    fn any_bytes_are_decided(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>()) {
        judge(&bytes);
        let mut body = alone().to_string().into_bytes();
        let at = at.index(body.len());
        body.splice(at..at, bytes);
        judge(&body);
    }

    #[test]
    fn what_is_read_is_what_was_written(value in any_json()) {
        let text = value.to_string();
        let (Ok(own), Ok(theirs)) = (super::json::read(text.as_bytes()), serde_json::from_str::<Value>(&text)) else {
            return Err(TestCaseError::fail("no JSON"));
        };
        prop_assert!(is_same(&own, &theirs));
    }
}

fn is_same(own: &super::json::Json<'_>, theirs: &Value) -> bool {
    use super::json::Json;
    match (own, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(own), Value::Bool(theirs)) => own == theirs,
        (Json::Number(own), Value::Number(theirs)) => {
            // serde_json's own reading may be off in the last digit; ours keeps what was written.
            let (own, theirs) = (own.parse::<f64>().unwrap_or(f64::NAN), theirs.as_f64().unwrap_or(f64::NAN));
            own == theirs || (own - theirs).abs() <= theirs.abs() * 1e-12
        }
        (Json::Text(own), Value::String(theirs)) => own == theirs,
        (Json::List(own), Value::Array(theirs)) => {
            own.len() == theirs.len() && own.iter().zip(theirs).all(|(own, theirs)| is_same(own, theirs))
        }
        (Json::Object(own), Value::Object(theirs)) => {
            own.members().count() == theirs.len()
                && theirs.iter().all(|(key, theirs)| own.get(key).is_some_and(|own| is_same(own, theirs)))
        }
        _ => false,
    }
}
