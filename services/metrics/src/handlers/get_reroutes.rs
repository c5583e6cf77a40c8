//! What was sent to another team, for people: from where, to where, why, and of how many.
//!
//! Of the inquiries received in a range, as the funnel, so that both have one whole. Deliberately not here: which row of the table
//! had taken them; routing tells that beside the table.

use causeway_proto::convert::micros;
use causeway_proto::metrics::v1 as wire;

use super::get_funnel::Api;
use crate::error::Error;
use crate::store::{self, Range, RerouteCount, Rerouted};

pub(super) async fn answer(api: &Api, center: &str, range: Range) -> Result<wire::GetReroutesResponse, Error> {
    let found = api.database.read(center, move |tx| {
        Box::pin(async move { Ok::<_, Error>((store::reroutes(tx, range).await?, store::rerouted_since(tx).await?)) })
    });
    let ((counts, Rerouted { rerouted, to_and_fro, .. }, routed), since) = found.await?;
    let moves = counts.iter().map(|one| one.moves).sum();
    let count = |one: RerouteCount| wire::RerouteCount {
        program: one.program,
        from_team: one.from_team,
        to_team: one.to_team,
        reason: one.reason,
        moves: one.moves,
        inquiries: one.inquiries,
    };
    let counts = counts.into_iter().map(count).collect();
    let since = since.map_or(0, micros);
    Ok(wire::GetReroutesResponse { routed, rerouted, to_and_fro, moves, counts, since })
}
