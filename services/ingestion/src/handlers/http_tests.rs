//! Reading of requests and writing of answers, without a server.

use causeway_funnel::contact::{FaultCode, FieldFault};
use http_body_util::BodyExt as _;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn body_of(text: &'static str) -> Result<Submission, Refusal> {
    read("lakeside".into(), &HeaderMap::new(), Ok(Bytes::from_static(text.as_bytes()))).map(|told| told.submission)
}

async fn json_of(response: Response) -> serde_json::Value {
    let body = response.into_body().collect().await.expect("body").to_bytes();
    serde_json::from_slice(&body).expect("json")
}

#[test]
fn a_body_is_read_and_everything_but_form_and_answers_may_be_left_out() {
    let Ok(read) = body_of(r#"{"form":"general","answers":{"name":"Rosa"}}"#) else { panic!("refused") };
    assert_eq!((read.center.as_str(), read.form_id.as_str()), ("lakeside", "general"));
    assert!(read.idempotency_key.is_none() && read.language.is_empty() && !read.strict);
    assert_eq!(read.source, Source::WebForm);
}

#[test]
fn what_led_here_is_read_under_either_name_and_what_nobody_reads_is_told_and_refuses_nobody() {
    let told = |attribution: &str| {
        let body =
            format!(r#"{{"form":"general","language":null,"answers":{{"name":"Rosa"}},"attribution":{attribution}}}"#);
        read("lakeside".into(), &HeaderMap::new(), Ok(Bytes::from(body)))
    };
    for (attribution, campaign, has_unknown) in [
        (r#"{"utm_campaign":"spring"}"#, Some("spring"), false),
        (r#"{"campaign":"spring","last":{"utm_campaign":"autumn"}}"#, Some("spring"), false),
        (r#"{"campaign":"spring","gclid":"Rosa Vega"}"#, Some("spring"), true),
        (r#"{"campaign":"spring","last":{"gclid":1}}"#, Some("spring"), true),
        ("{}", None, false),
        ("null", None, false),
    ] {
        let told = told(attribution).unwrap_or_else(|refusal| panic!("{attribution}: {refusal}"));
        assert_eq!(told.submission.attribution.first.campaign.as_deref(), campaign, "{attribution}");
        let hints = hints_of(&told.submission, told.has_unknown);
        assert_eq!(
            hints.iter().map(|hint| hint.code).collect::<Vec<_>>(),
            ["member_unknown"][..usize::from(has_unknown)]
        );
        assert!(hints.iter().all(|hint| !hint.suggestion.contains("gclid")), "what was sent is not repeated");
    }
    assert!(told(r#"{"utm_campaign":"a","campaign":"b"}"#).is_err() && told("7").is_err());
}

#[test]
fn a_body_that_can_not_be_read_tells_the_place_and_never_the_content() {
    for text in [
        r#"{"form":"general","answers":{"phone":{"number":2065550142}}}"#,
        r#"{"form":"general","answers":{},"Rosa Vega":1}"#,
        r#"{"form":"general""#,
        "Rosa",
    ] {
        let refusal = body_of(text).err().expect("refused");
        assert!(matches!(refusal, Refusal::Unreadable { line: 1, .. }), "{refusal:?}");
        assert!(!refusal.to_string().contains("2065550142") && !refusal.to_string().contains("Rosa"));
    }
    let told = |text| body_of(text).err().expect("refused").to_string();
    let shape = told(r#"{"form":"general","answers":[]}"#);
    assert!(shape.contains("is not what this door takes: send \"form\" (a text) and \"answers\""), "{shape}");
    assert!(told("{\"form\":").contains("breaks off there"), "{}", told("{\"form\":"));
    assert!(told("{form:1}").contains("is no JSON"), "{}", told("{form:1}"));
}

#[test]
fn the_key_comes_from_the_header_or_the_body_and_two_must_agree() {
    let quoted = headers(&[("idempotency-key", "\"k-1\"")]);
    assert_eq!(key(&quoted, None), Ok(Some("k-1".into())));
    assert_eq!(key(&headers(&[("idempotency-key", "k-1")]), Some("k-1".into())), Ok(Some("k-1".into())));
    assert_eq!(key(&HeaderMap::new(), Some("k-2".into())), Ok(Some("k-2".into())));
    assert_eq!(key(&HeaderMap::new(), None), Ok(None));
    assert_eq!(key(&quoted, Some("k-2".into())), Err(Refusal::UnfitKey));
    for (second, expected) in [("k-1", Ok(Some("k-1".into()))), ("k-2", Err(Refusal::UnfitKey))] {
        let mut twice = headers(&[("idempotency-key", "k-1")]);
        twice.append("idempotency-key", HeaderValue::from_static(second));
        assert_eq!(key(&twice, None), expected, "k-1 and {second}");
    }
}

#[test]
fn the_mark_before_utf_8_is_no_part_of_a_body_and_only_there() {
    let body = r#"{"form":"general","answers":{"name":"Rosa"}}"#;
    for (text, is_read) in [
        (format!("\u{feff}{body}"), true),
        (format!("\u{feff}\u{feff}{body}"), false),
        (format!("{body}\u{feff}"), false),
    ] {
        let told = read("lakeside".into(), &HeaderMap::new(), Ok(text.into()));
        assert_eq!(told.is_ok(), is_read);
    }
}

#[test]
fn a_senders_trace_is_taken_on_and_rubbish_is_not() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(trace(&headers(&[("traceparent", parent)])).traceparent(), Some(parent));
    assert_eq!(trace(&headers(&[("traceparent", "Rosa")])).traceparent(), None);
}

#[tokio::test]
async fn a_refusal_is_a_problem_that_names_the_fields() {
    let fault = FieldFault::new("phone", FaultCode::PhoneLength, "en");
    let response = Refusal::Faults(vec![fault]).into_response();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert!(response.headers().get(header::RETRY_AFTER).is_none());
    let told = json_of(response).await;
    assert_eq!((&told["status"], &told["reason"]), (&422.into(), &"field_fault".into()));
    assert_eq!(told["errors"][0]["pointer"], "/answers/phone");
    assert_eq!(Fault::of((ANSWERS, "a/b~c"), "", "").pointer, "/answers/a~1b~0c");
    assert_eq!((&told["errors"][0]["field"], &told["errors"][0]["code"]), (&"phone".into(), &"phone_length".into()));
}

#[tokio::test]
async fn whoever_can_not_be_served_now_is_told_when_to_come_again() {
    for refusal in [Refusal::Unavailable, Refusal::Unknown, Refusal::NotReady, Refusal::Full] {
        let response = refusal.into_response();
        assert!(matches!(response.status().as_u16(), 429 | 503));
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
    }
}

#[tokio::test]
async fn an_answer_tells_id_number_time_and_what_to_mend() {
    let answer = Answer {
        inquiry_id: "0192f0c1-2f7e-7c3a-9d6b-0c6f0a1b2c3d".into(),
        reference: "HV-7K4M-2QX".into(),
        received_at: 1_790_000_000_000_000,
        repeated: false,
        to_repair: vec![causeway_proto::inquiry::v1::FieldFault {
            field: "phone".into(),
            code: "phone_length".into(),
            message: "Check".into(),
        }],
    };
    let read = |email: &str| {
        let body = serde_json::json!({ "form": "general", "answers": { "email": email } }).to_string();
        read("harbor-valley".into(), &HeaderMap::new(), Ok(body.into()))
            .unwrap_or_else(|_| panic!("it is read"))
            .submission
    };
    let hints_of = |submission: &Submission| hints_of(submission, false);
    assert!(hints_of(&read("jo@example.org")).is_empty() && hints_of(&read("jo@")).is_empty());
    let response = accepted(&answer, hints_of(&read("Jo.Testpatient@gmial.com")));
    assert_eq!(response.status(), 202);
    let told = json_of(response).await;
    assert_eq!(told["reference"], "HV-7K4M-2QX");
    assert_eq!(told["received_at"], "2026-09-21T14:13:20Z");
    assert_eq!(told["to_repair"][0]["field"], "phone");
    assert_eq!((&told["hints"][0]["field"], &told["hints"][0]["suggestion"]), (&"email".into(), &"gmail.com".into()));
    assert!(!told.to_string().contains("Testpatient"), "the answer itself is not repeated: {told}");
}

/// A sound body with some bytes of it changed, taken away or doubled.
fn damaged() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let sound = br#"{"form":"general","language":"en","answers":{"name":"Testpatient \u00e9","phone":"206 555 0142"},
        "attribution":{"landing_page":"/care","campaign":"autumn"},"idempotency_key":"k-1"}"#;
    let change = (0..sound.len(), any::<u8>(), 0..3_u8);
    prop::collection::vec(change, 0..6).prop_map(move |changes| {
        let mut body = sound.to_vec();
        for (at, byte, what) in changes {
            let at = at % body.len().max(1);
            match what {
                0 => body[at] = byte,
                1 => body.truncate(at),
                _ => body.insert(at, byte),
            }
            if body.is_empty() {
                break;
            }
        }
        body
    })
}

proptest::proptest! {
    #[test]
    fn a_damaged_body_is_read_or_refused_without_a_panic(body in damaged()) {
        let outcome = read("lakeside".into(), &HeaderMap::new(), Ok(Bytes::from(body)));
        if let Err(refusal) = outcome {
            proptest::prop_assert_eq!(refusal.http(), 400);
        }
    }
}
