//! Keeping what somebody typed into a note and has not saved. It changes nothing of the inquiry and nobody else sees it.

use std::collections::BTreeMap;

use causeway_auth::Phi;
use causeway_proto::convert::micros;
use causeway_proto::intake::v1 as wire;

use super::Desk;
use super::call::Call;
use crate::domain::{Refusal, merge};
use crate::error::DeskError;
use crate::store::{drafts, inquiry};

/// Keeps a draft; fields that the note does not have are refused as they are when it is saved. Without any field it is dropped.
pub async fn save(
    desk: &Desk,
    call: Call,
    asked: wire::SaveDraftRequest,
) -> Result<wire::SaveDraftResponse, DeskError> {
    let (own, current, center) = (desk.clone(), desk.profile(&call.center)?, call.center.clone());
    let work = desk.parts.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            let loaded = inquiry::find(tx, call.inquiry_id).await?.ok_or(DeskError::NotFound)?;
            if loaded.inquiry.close_reason.is_some() {
                return Err(DeskError::Refusal(Refusal::Closed));
            }
            let facts = &loaded.inquiry.facts;
            let fields: BTreeMap<String, String> = asked.fields.into_iter().collect();
            merge(&current.1.note, (facts.consult_type, facts.cancer_area), BTreeMap::new(), fields.clone())?;
            let whose = (call.inquiry_id, call.actor.id.as_str());
            if fields.is_empty() {
                drafts::drop_of(tx, call.inquiry_id, Some(whose.1)).await?;
                return Ok(wire::SaveDraftResponse::default());
            }
            drafts::save(tx, &own.parts.sealer, whose, &Phi::new(fields), asked.base_note_version).await?;
            Ok(wire::SaveDraftResponse { saved_at: micros(tx.now()) })
        })
    });
    work.await
}
