//! Handing an inquiry in: by the web door as a form does, or by a coordinator who writes a call down.
//!
//! A post whose answer did not come is sent again with the same key, as every careful sender does.

use std::time::Duration;

use causeway_auth::Role;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use serde::Deserialize;
use serde_json::json;

use super::people::Person;
use super::scene::{Center, Doors};
use super::tally::{Tally, word};

/// Who writes calls down.
const CALL_TAKERS: [Role; 3] = [Role::Coordinator, Role::TrialCoordinator, Role::Manager];
const TRIES: u32 = 4;

/// What a door answered.
#[derive(Debug, Deserialize)]
pub struct Accepted {
    /// The inquiry's id.
    pub inquiry_id: String,
    /// The key was known: nothing new was made.
    #[serde(default)]
    pub repeated: bool,
}

/// Hands an inquiry in; counts how it went. Nothing where it was not accepted.
pub async fn submit(
    doors: &Doors,
    center: &Center,
    person: &Person,
    by_phone: bool,
    tally: &Tally,
) -> Option<Accepted> {
    for attempt in 0..TRIES {
        let answer = if by_phone { by_call(doors, center, person).await } else { by_form(doors, center, person).await };
        let (call, door) = if by_phone { ("submit by phone", "phone calls") } else { ("submit by form", "forms") };
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
    Ok(Accepted { inquiry_id: answer.inquiry_id, repeated: answer.repeated })
}
