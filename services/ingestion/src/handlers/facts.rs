//! What is known of one inquiry without any PHI.

use causeway_proto::inquiry::v1 as wire;
use prost::Message as _;
use tracing::error;
use uuid::Uuid;

use super::grpc::Calls;
use crate::error::Refusal;
use crate::store;

/// The facts of an inquiry of the center.
pub async fn of(calls: &Calls, request: wire::GetInquiryFactsRequest) -> Result<wire::Facts, Refusal> {
    let inquiry_id = Uuid::parse_str(&request.inquiry_id).map_err(|_| Refusal::UnknownInquiry)?;
    let stored: Option<Vec<u8>> = calls
        .database
        .read(&request.center, move |tx| Box::pin(async move { Ok::<_, Refusal>(store::facts(tx, inquiry_id).await?) }))
        .await?;
    let stored = stored.ok_or(Refusal::UnknownInquiry)?;
    wire::Facts::decode(stored.as_slice()).map_err(|cause| {
        error!(%cause, inquiry.id = %inquiry_id, "read the stored facts of an inquiry");
        Refusal::Internal
    })
}
