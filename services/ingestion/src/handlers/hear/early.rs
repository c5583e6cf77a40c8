//! Puts changes and cancellations that overtook their referral to it, once that has come.
//!
//! Each was acknowledged and waits; when its referral stands it waits at that inquiry, in the order in which they came, as if it had
//! come after it. Two transactions that do not see each other can't do so themselves, so it is looked for again and again.
//! Deliberately not here: what people then do about them (repair).

use std::sync::Arc;
use std::time::Duration;

use causeway_mailbox::{Database, Tx};
use causeway_runtime::Stop;
use tracing::{debug, info};
use uuid::Uuid;

use crate::error::Refusal;
use crate::handlers::accept::Acceptance;
use crate::handlers::hooks::tell;
use crate::store::messages;
use crate::store::repairs::{self, Step};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(5);
/// Most of one transaction.
const SOME: i64 = 100;

/// Looks until the stop.
pub async fn watch(acceptance: Arc<Acceptance>, database: Database, stop: Stop) {
    loop {
        for center in acceptance.profiles.names() {
            let put = database.with_tx(&center, |tx| Box::pin(put(tx)));
            match put.await {
                Ok(0) => {}
                Ok(count) => info!(center, count, "messages that overtook their referral are put to it"),
                Err(cause) => debug!(%cause, center, "look for messages whose referral has come; tried again"),
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn put(tx: &mut Tx) -> Result<usize, Refusal> {
    let put = messages::put_early(tx, SOME).await?;
    if put.is_empty() {
        return Ok(0);
    }
    let mut steps = Vec::with_capacity(put.len());
    for (object_id, _, outcome) in &put {
        steps.push(Step { object_kind: "message", object_id: *object_id, step: "retry", outcome, actor: "ingestion" });
    }
    repairs::note(tx, &steps).await?;
    let inquiries: Vec<Uuid> = put.iter().map(|(_, inquiry, _)| *inquiry).collect();
    tell::moved(tx, &inquiries).await?;
    Ok(put.len())
}
