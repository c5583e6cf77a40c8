//! Handing an inquiry in: by the web door as a form does, by an office's system, or by a coordinator who writes a call down.
//!
//! A post whose answer did not come is sent again with the same key, as every careful sender does.

use std::time::Duration;

use causeway_auth::Role;
use causeway_funnel::profile::FeedKind;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_runtime::Clock;
use serde::Deserialize;
use serde_json::json;

use super::fate::mix;
use super::people::Person;
use super::scene::{Center, Doors};
use super::tally::{Tally, word};
use super::{office, referral};

/// Who writes calls down.
const CALL_TAKERS: [Role; 3] = [Role::Coordinator, Role::TrialCoordinator, Role::Manager];
const TRIES: u32 = 4;
/// How long an office's system waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a door answered.
#[derive(Debug, Deserialize)]
pub struct Accepted {
    /// The inquiry's request number.
    pub reference: String,
    /// The key was known: nothing new was made.
    #[serde(default)]
    pub repeated: bool,
}

/// By which door somebody comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They fill in a form.
    Form,
    /// They call, and a coordinator writes it down.
    Call,
    /// Their doctor's office refers them, by HL7.
    Referral,
    /// Their doctor's office refers them, by FHIR.
    Bundle,
    /// They stand in a list of their doctor's office.
    List,
}

impl Way {
    /// The way of a person, with the phones of the center staffed or not.
    pub fn of(doors: &Doors, center: &Center, person: &Person, is_open: bool) -> Self {
        if person.calls && is_open {
            return Self::Call;
        }
        if !person.is_referred {
            return Self::Form;
        }
        // Most offices send HL7, some FHIR, and once in a while there is a list.
        let has = |kind| office::feed(&center.profile, kind).is_some();
        match mix(2, &[&person.key]) % 12 {
            0 if has(FeedKind::Csv) => Self::List,
            1..=4 if has(FeedKind::Fhir) => Self::Bundle,
            _ if doors.mllp.is_some() && referral::feed(&center.profile).is_some() => Self::Referral,
            _ => Self::Form,
        }
    }
}

/// Hands an inquiry in; counts how it went. Nothing where it was not accepted.
pub async fn submit(
    doors: &Doors,
    center: &Center,
    person: &Person,
    (way, clock): (Way, &Clock),
    tally: &Tally,
) -> Option<Accepted> {
    for attempt in 0..TRIES {
        let (call, door, answer) = match way {
            Way::Form => ("submit by form", "forms", by_form(doors, center, person).await),
            Way::Call => ("submit by phone", "phone calls", by_call(doors, center, person).await),
            Way::Referral => ("submit by HL7", "referrals", by_referral(doors, center, person, clock).await),
            Way::Bundle => ("submit by FHIR", "referrals", by_bundle(doors, center, person).await),
            Way::List => ("submit by a list", "referrals", by_list(doors, center, person).await),
        };
        match answer {
            Ok(accepted) => {
                tally.done(if accepted.repeated { "repeated" } else { door });
                return Some(accepted);
            }
            Err(refusal) => {
                tally.failed(call, &refusal.word);
                if !refusal.again {
                    return None;
                }
                tokio::time::sleep(Duration::from_millis(200) * 2_u32.pow(attempt)).await;
            }
        }
    }
    None
}

struct Refusal {
    word: String,
    again: bool,
}

async fn by_form(doors: &Doors, center: &Center, person: &Person) -> Result<Accepted, Refusal> {
    let body = json!({
        "form": person.form_id,
        "language": person.language,
        "answers": person.answers,
        "attribution": person.attribution,
    });
    let url = format!("{}/v1/centers/{}/inquiries", doors.http, center.id());
    let post = doors.web.post(url).header("idempotency-key", &person.key).json(&body);
    let response = post.send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        return Err(refused(status));
    }
    response.json().await.map_err(|_| unreadable())
}

async fn by_call(doors: &Doors, center: &Center, person: &Person) -> Result<Accepted, Refusal> {
    let turn = person.answers.len() as u64;
    let Some(actor) = center.somebody(&CALL_TAKERS, "", "", turn) else {
        return Err(Refusal { word: "nobody may take calls".to_owned(), again: false });
    };
    let request = wire::SubmitInquiryRequest {
        center: center.id().to_owned(),
        form_id: person.form_id.clone(),
        language: person.language.clone(),
        source: wire::Source::Phone.into(),
        answers: person.answers.clone().into_iter().collect(),
        attribution: Some(convert::attribution_to_wire(&person.attribution)),
        idempotency_key: person.key.clone(),
        ..wire::SubmitInquiryRequest::default()
    };
    let mut client = IngestionClient::new(doors.ingestion.on_behalf_of(&actor));
    let answer = client.submit_inquiry(request).await.map_err(|status| Refusal {
        word: word(&status),
        again: matches!(
            status.code(),
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded | tonic::Code::ResourceExhausted
        ),
    })?;
    let answer = answer.into_inner();
    Ok(Accepted { reference: answer.reference, repeated: answer.repeated })
}

async fn by_referral(doors: &Doors, center: &Center, person: &Person, clock: &Clock) -> Result<Accepted, Refusal> {
    let door = doors.mllp.as_deref().zip(referral::feed(&center.profile));
    let Some((address, feed)) = door else {
        return Err(Refusal { word: "no door for HL7".to_owned(), again: false });
    };
    let (message, sent) = (referral::message(&center.profile, feed, person), clock.now());
    let reply = tokio::time::timeout(PATIENCE, referral::ask(address, &message)).await;
    let reply = reply.map_err(|_| Refusal { word: "no answer in time".to_owned(), again: true })?;
    let reply = reply.map_err(|_| Refusal { word: "unreachable".to_owned(), again: true })?;
    let answered = referral::read(&reply);
    if answered.code != "AA" || answered.reference.is_empty() {
        return Err(Refusal { word: answered.code.to_owned(), again: false });
    }
    let repeated = referral::is_repeated(answered.heard, sent);
    Ok(Accepted { reference: answered.reference.to_owned(), repeated })
}

async fn by_bundle(doors: &Doors, center: &Center, person: &Person) -> Result<Accepted, Refusal> {
    let Some((_, key)) = office::feed(&center.profile, FeedKind::Fhir) else {
        return Err(Refusal { word: "no door for FHIR".to_owned(), again: false });
    };
    let url = format!("{}/fhir/{}", doors.http, center.id());
    let post = doors.web.post(url).bearer_auth(key).header("content-type", "application/fhir+json");
    let answer = post.body(office::bundle(person).to_string()).send().await.map_err(unreachable)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(refused(status));
    }
    let told: serde_json::Value = answer.json().await.map_err(|_| unreadable())?;
    let (reference, repeated) = office::kept(&told).ok_or_else(unreadable)?;
    Ok(Accepted { reference, repeated })
}

async fn by_list(doors: &Doors, center: &Center, person: &Person) -> Result<Accepted, Refusal> {
    let Some((feed, key)) = office::feed(&center.profile, FeedKind::Csv) else {
        return Err(Refusal { word: "no door for lists".to_owned(), again: false });
    };
    let door = format!("{}/v1/centers/{}/feeds/{}", doors.http, center.id(), feed.id);
    // A list that comes again is the same one, and its feed takes few in a minute.
    let told = office::upload(&doors.web, (&door, key), office::list(person)).await;
    let (reference, repeated) = told.map_err(|word| Refusal { word, again: false })?;
    Ok(Accepted { reference, repeated })
}

fn unreachable(cause: reqwest::Error) -> Refusal {
    let word = if cause.is_timeout() { "no answer in time" } else { "unreachable" };
    Refusal { word: word.to_owned(), again: true }
}

fn refused(status: reqwest::StatusCode) -> Refusal {
    let again = status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS;
    Refusal { word: status.as_u16().to_string(), again }
}

fn unreadable() -> Refusal {
    Refusal { word: "unreadable answer".to_owned(), again: false }
}
