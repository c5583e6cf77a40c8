//! What ingestion hears of inquiries after it gave them away: stages, and what became of visits.
//!
//! Two matters need it, and the inbox hands each event over once, so one handler serves both. Deliberately not here: what a
//! stage is to a referral (journeys) and to the calls of a person (phone).

use causeway_mailbox::{BoxFuture, Handler, HandlerError, Outcome, Received, Tx};

use super::{journeys, phone};

/// Hears of inquiries.
pub struct Followed;

impl Handler for Followed {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let outcomes = journeys::take(tx, batch).await?;
            // For what comes again or is parked nothing may change yet.
            let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyApplied);
            let taken = batch.iter().zip(&outcomes).filter(|(_, outcome)| is_taken(outcome)).map(|(told, _)| told);
            phone::told::close(tx, taken).await?;
            Ok(outcomes)
        })
    }
}
