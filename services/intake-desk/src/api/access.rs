//! Who looked at an inquiry here and what was done, for those who may read the audit log.

use causeway_auth::audit::{about, append};
use causeway_proto::convert::{access_before, access_page};
use causeway_proto::inquiry::v1::ListAccessResponse;

use super::Desk;
use super::call::Call;
use crate::error::DeskError;
use crate::store::inquiry::find;

/// Most lines of one answer.
const LISTED: u16 = 200;

/// A page of lines, the newest where none is named, with the request number. The look at them is one itself.
pub async fn list(desk: &Desk, call: Call, page_token: &str) -> Result<ListAccessResponse, DeskError> {
    let before = access_before(page_token);
    let before = before.ok_or(DeskError::Field("page_token is none of this log; begin at its newest lines"))?;
    let center = call.center.clone();
    let seen = desk.parts.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            let known = find(tx, call.inquiry_id).await?.ok_or(DeskError::NotFound)?;
            let seen = about(tx, &[call.inquiry_id.to_string()], before, i64::from(LISTED) + 1).await?;
            append(tx, call.entry(tx, "read audit log", "")).await?;
            Ok::<_, DeskError>((known.facts.reference, seen))
        })
    });
    let (reference, seen) = seen.await?;
    let lines = seen.into_iter().map(|seen| (seen.seq, seen.at.0, seen.words())).collect();
    Ok(ListAccessResponse { reference, ..access_page(before, lines, LISTED.into()) })
}
