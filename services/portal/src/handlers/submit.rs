//! Handing a form over to ingestion, whoever filled it in.
//!
//! Deliberately not here: reading the form, and what the next page says.

use causeway_auth::fingerprint;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{SubmitInquiryRequest, SubmitInquiryResponse};
use tonic::Status;

use crate::peers::Peers;

/// Hands it over. A key that was used with other answers belongs to a form that was changed after it was sent: that is a
/// wish of its own, with a key of its own, which is the same when that form is sent twice.
pub async fn submit(peers: &Peers, request: SubmitInquiryRequest) -> Result<SubmitInquiryResponse, Status> {
    let again = SubmitInquiryRequest { idempotency_key: key_of_changed(&request), ..request.clone() };
    match peers.ingestion().submit_inquiry(request).await {
        Err(status) if Reason::of(&status) == Some(Reason::KeyReused) => {
            peers.ingestion().submit_inquiry(again).await.map(tonic::Response::into_inner)
        }
        other => other.map(tonic::Response::into_inner),
    }
}

/// A key from the first one and all that is told with it.
fn key_of_changed(request: &SubmitInquiryRequest) -> String {
    let mut answers: Vec<_> = request.answers.iter().collect();
    answers.sort_unstable();
    let came = request.attribution.clone().unwrap_or_default();
    let around = [&request.idempotency_key, &request.form_id, &request.language, &came.landing_page, &came.campaign];
    let around = around.into_iter().chain([&came.utm_source, &came.utm_medium, &came.referrer_host]);
    let around = around.chain([&came.utm_term, &came.utm_content]);
    let answers = answers.into_iter().flat_map(|(key, answer)| [key, answer]);
    fingerprint(around.chain(answers).map(String::as_str))
}
