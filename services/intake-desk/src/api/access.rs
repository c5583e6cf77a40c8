//! Who looked at an inquiry here and what was done, for those who may read the audit log.

use causeway_auth::audit::{about, append};
use causeway_proto::convert::access_entry;
use causeway_proto::inquiry::v1::ListAccessResponse;

use super::Desk;
use super::call::Call;
use crate::error::DeskError;

/// Most lines of one answer.
const LISTED: i64 = 200;

/// The newest lines. The look at them is one itself.
pub async fn list(desk: &Desk, call: Call) -> Result<ListAccessResponse, DeskError> {
    let center = call.center.clone();
    let seen = desk.parts.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            let seen = about(tx, &[call.inquiry_id.to_string()], LISTED).await?;
            append(tx, call.entry(tx, "read audit log", "")).await?;
            Ok::<_, DeskError>(seen)
        })
    });
    Ok(ListAccessResponse {
        entries: seen.await?.into_iter().map(|seen| access_entry(seen.at.0, seen.words())).collect(),
    })
}
