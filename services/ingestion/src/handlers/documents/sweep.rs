//! Takes away what nobody will come back for: uploads that were never finished, and objects that no document knows.
//!
//! A crash between the store and the record leaves an object without a row, never a row without its object; so the store is
//! compared with the record, and never the other way round. A crash leaves few: where many are known by none, the record is not the
//! one that the store belongs to, or was put back to an older day, and nothing is taken away. Deliberately not here: how long documents that stand are kept.

use std::sync::Arc;
use std::time::Duration;

use causeway_runtime::{Clock, Stop};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::SignedDuration;
use tracing::{debug, error, info};
use uuid::Uuid;

use super::Documents;
use crate::error::Refusal;
use crate::store::document_work;
use crate::vault::Lying;

/// Objects that are compared with the record at once.
const TOGETHER: usize = 500;

/// Sweeps until the stop.
pub async fn run(documents: Arc<Documents>, stop: Stop) {
    let every = Duration::from_secs(documents.settings.sweep_seconds.max(1));
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
        unfinished(&documents).await;
        for center in documents.acceptance.profiles.names() {
            if stop.is_requested() {
                return;
            }
            match orphans(&documents, &center).await {
                Ok(0) => {}
                Ok(count) if count > documents.settings.orphan_most => error!(
                    center,
                    count,
                    "objects of the store of documents are known by no document, too many for what crashes leave; nothing is taken \
                     away. Is the database an older one than the store? If they may go, raise ingestion.documents.orphan_most"
                ),
                Ok(count) => info!(center, count, "took objects away that no document knew"),
                Err(cause) => debug!(%cause, center, "compare the store of documents with the record; tried again"),
            }
        }
    }
}

async fn unfinished(documents: &Documents) {
    let hours = i32::try_from(documents.settings.unfinished_hours).unwrap_or(i32::MAX);
    let found = document_work::unfinished(documents.database.machine(), hours).await;
    for (center, document_id) in found.unwrap_or_default() {
        documents.forget(&center, document_id, Some(hours)).await;
    }
}

/// Takes away the objects of a center that no document knows, unless they are too many; gives how many there were.
async fn orphans(documents: &Documents, center: &str) -> anyhow::Result<usize> {
    // The store tells real time, whatever clock the domain runs on.
    let young = Clock::system().now() - SignedDuration::from_mins(documents.settings.orphan_minutes.into());
    let old = move |lying: &Lying| lying.since <= young;
    let listed = documents.vault.lying(center).try_filter(|lying| std::future::ready(old(lying)));
    let mut chunks = std::pin::pin!(listed.chunks(TOGETHER));
    let mut unknown = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let lying: Vec<Lying> = chunk.into_iter().collect::<Result<_, _>>()?;
        let ids: Vec<Uuid> = lying.iter().map(|one| one.object_id).collect();
        let known = documents
            .database
            .read(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(document_work::known(tx, &ids).await?) }));
        let known = known.await?;
        for one in lying.iter().filter(|one| !known.contains(&one.object_id)) {
            unknown.push(*one);
        }
    }
    let most = documents.settings.orphan_most;
    let refused = if unknown.len() > most { unknown.len() } else { 0 };
    let shown = i64::try_from(refused).unwrap_or(i64::MAX);
    documents.acceptance.metrics.unknown_objects.with_label_values(&[center]).set(shown);
    if refused == 0 {
        for one in &unknown {
            documents.vault.remove(center, one.document_id, one.object_id).await?;
        }
    }
    Ok(unknown.len())
}
