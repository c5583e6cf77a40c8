//! What reviewers decided, for people: which decisions, why, and how long the records had waited.
//!
//! Of the inquiries received in a range, as the funnel. Deliberately not here: to which team one was redirected; that is counted with
//! everything that was sent to another team.

use causeway_proto::metrics::v1 as wire;

use super::get_funnel::Api;
use crate::error::Error;
use crate::store::{self, Range, ReviewCount, Waited};

pub(super) async fn answer(api: &Api, center: &str, range: Range) -> Result<wire::GetReviewsResponse, Error> {
    let found = api
        .database
        .read(center, move |tx| Box::pin(async move { store::reviews(tx, range).await.map_err(Error::from) }));
    let (counts, Waited { waited, in_time, median_seconds, p90_seconds }) = found.await?;
    let count = |one: ReviewCount| wire::ReviewCount { decision: one.decision, reason: one.reason, count: one.count };
    let counts = counts.into_iter().map(count).collect();
    Ok(wire::GetReviewsResponse { counts, waited, in_time, median_seconds, p90_seconds })
}
