//! Erases what partners' messages and files said once the center's retention (`raw_message_days` in retention.toml) has passed.
//!
//! The row stays, with the keyed hashes by which the same message is known again, so that the counts stay and a repeat makes
//! nothing new. What waits for a person is never erased, nor what documents are still to be unpacked from; a refused message that
//! nobody sent again leaves its list with its content. Deliberately not here: the inquiry made of it, which has a retention of its
//! own.

use std::sync::Arc;
use std::time::Duration;

use causeway_runtime::Stop;
use jiff::SignedDuration;
use tracing::{debug, info};

use super::csv::{Files, Heading};
use crate::error::Refusal;
use crate::store::{files, messages};

/// Most messages, or files, of one transaction: nobody waits long for what it holds.
const SOME: i64 = 200;

/// Erases until the stop.
pub async fn run(files: Arc<Files>, every: Duration, stop: Stop) {
    loop {
        for center in files.acceptance.profiles.names() {
            let mut is_full = true;
            while is_full && !stop.is_requested() {
                is_full = match some(&files, &center).await {
                    Ok(erased) => erased,
                    Err(cause) => {
                        debug!(%cause, center, "erase what messages said; tried again");
                        false
                    }
                };
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Erases some of a center; true where there may be more.
async fn some(files: &Arc<Files>, center: &str) -> Result<bool, Refusal> {
    let days = files.acceptance.profile(center)?.1.retention.raw_message_days;
    let own = Arc::clone(files);
    let (messages, files) = files
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let before = tx.now() - SignedDuration::from_hours(24 * i64::from(days));
                let messages = messages::erase(tx, before, SOME).await?;
                let old = files::to_erase(tx, before, SOME).await?;
                let center = tx.center().to_owned();
                for (file_id, sealed) in &old {
                    let known = own.open_heading(&center, *file_id, sealed)?;
                    // The sum stays: it tells which file it was and names nobody.
                    let heading =
                        own.seal_heading(&center, *file_id, &Heading { sha256: known.sha256, ..Heading::default() })?;
                    files::erase(tx, *file_id, &heading).await?;
                }
                Ok::<_, Refusal>((messages, i64::try_from(old.len()).unwrap_or(SOME)))
            })
        })
        .await?;
    if messages + files > 0 {
        info!(center, messages, files, days, "erased what messages and files of feeds said");
    }
    Ok(messages == SOME || files == SOME)
}
