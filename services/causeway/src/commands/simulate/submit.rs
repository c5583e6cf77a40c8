//! Handing an inquiry in: by the web door as a form does, by an office's system, or by a coordinator who writes a call down.
//!
//! A post whose answer did not come is sent again with the same key, as every careful sender does.

use std::time::Duration;

use causeway_auth::Role;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_runtime::Clock;
use serde::Deserialize;
use serde_json::json;

use super::people::Person;
use super::referral;
use super::scene::{Center, Doors};
use super::tally::{Tally, word};

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
    /// Their doctor's office refers them.
    Referral,
}

impl Way {
    /// The way of a person, with the phones of the center staffed or not.
    pub fn of(doors: &Doors, center: &Center, person: &Person, is_open: bool) -> Self {
        if person.calls && is_open {
            return Self::Call;
        }
        let has_door = doors.mllp.is_some() && referral::feed(&center.profile).is_some();
        if person.is_referred && has_door { Self::Referral } else { Self::Form }
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
    let unreachable = |cause: reqwest::Error| Refusal {
        word: if cause.is_timeout() { "no answer in time" } else { "unreachable" }.to_owned(),
        again: true,
    };
    let response = post.send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        let again = status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS;
        return Err(Refusal { word: status.as_u16().to_string(), again });
    }
    response.json().await.map_err(|_| Refusal { word: "unreadable answer".to_owned(), again: false })
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
