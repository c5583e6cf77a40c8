//! Has documents looked at by the scanner, and tells of those in which it found nothing.
//!
//! What waits stands in the record with its time, so a scanner that is down, or a crash, costs time and never a document: until it
//! was found clean it is not opened. Deliberately not here: the scanner's language (scanner).

use std::sync::Arc;
use std::time::Duration;

use causeway_runtime::Stop;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::{CLEAN, Documents, INFECTED, tell};
use crate::error::Refusal;
use crate::scanner::{Finding, ScanError, Scanner};
use crate::store::document_work;

/// Most documents looked up at once.
const SOME: i64 = 20;

/// Without a scanner: what one left waiting is counted all the same, because nobody can open it, until the stop.
pub async fn idle(documents: Arc<Documents>, stop: Stop) {
    let every = Duration::from_secs(documents.settings.look_seconds.max(1));
    loop {
        count(&documents).await;
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Scans what waits, until the stop.
pub async fn run(documents: Arc<Documents>, scanner: Scanner, stop: Stop) {
    let every = Duration::from_secs(documents.settings.look_seconds.max(1));
    loop {
        count(&documents).await;
        let found = document_work::to_scan(documents.database.machine(), SOME).await;
        let found = found.inspect_err(|cause| debug!(%cause, "look for documents to scan")).unwrap_or_default();
        let is_full = i64::try_from(found.len()) == Ok(SOME);
        for (center, document_id) in found {
            if stop.is_requested() {
                return;
            }
            if let Err(cause) = one(&documents, &scanner, (&center, document_id)).await {
                documents.acceptance.metrics.scans.with_label_values(&["failed"]).inc();
                warn!(cause = %cause, document.id = %document_id, "scan a document; it is tried again");
            }
        }
        if is_full {
            continue;
        }
        tokio::select! {
            () = stop.requested() => return,
            () = documents.bell.notified() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Shows operators what waits, and whether it does so because the scanner fails.
async fn count(documents: &Documents) {
    let Ok(waiting) = document_work::waiting(documents.database.machine()).await else { return };
    let metrics = &documents.acceptance.metrics;
    metrics.unscanned.reset();
    metrics.scan_failing.reset();
    for (center, all, failing) in waiting {
        metrics.unscanned.with_label_values(&[&center]).set(all);
        let failing = if documents.scanner.is_some() { failing } else { all };
        metrics.scan_failing.with_label_values(&[&center]).set(failing);
    }
}

async fn one(documents: &Documents, scanner: &Scanner, (center, id): (&str, Uuid)) -> anyhow::Result<()> {
    let patience = Duration::from_secs(documents.settings.scan_seconds.max(1));
    // Longer than the scan may take, so that two never do the same.
    let lease = (2 * patience).as_secs_f64();
    let taken = documents.database.with_tx(center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(document_work::take_scan(tx, id, lease).await?) })
    });
    let Some(document) = taken.await? else { return Ok(()) };
    let look = async {
        let mut scan = scanner.begin().await?;
        let mut parts = documents.parts_of(center, &document).await?;
        while let Some(part) = parts.next().await? {
            scan.push(part.expose()).await?;
        }
        anyhow::Ok(scan.finish().await?)
    };
    let word = match tokio::time::timeout(patience, look).await.map_err(|_| ScanError::Slow)?? {
        Finding::Clean => CLEAN,
        Finding::Infected => INFECTED,
    };
    let told = documents.database.with_tx(center, move |tx| {
        Box::pin(async move {
            let Some(document) = document_work::scanned(tx, id, word).await? else { return Ok(false) };
            if super::is_ready(&document) {
                tell(tx, &document, "");
            } else {
                super::park(tx, document.message_id).await?;
            }
            Ok::<_, Refusal>(true)
        })
    });
    if told.await? {
        documents.acceptance.metrics.scans.with_label_values(&[word]).inc();
    }
    if word == INFECTED {
        info!(document.id = %id, "the scanner stopped a document; it is kept sealed and not opened");
    }
    Ok(())
}
