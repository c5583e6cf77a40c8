//! What ingestion hears of inquiries after it gave them away: stages, what became of visits, and hand-overs to sister centers.
//!
//! Several matters need it, and the inbox hands each event over once, so one handler serves all. Deliberately not here: what a
//! stage is to a referral (journeys) and to the calls of a person (phone), and what a sister center gets (sisters).

use std::sync::Arc;

use causeway_auth::audit::{self, AuditError};
use causeway_mailbox::{BoxFuture, Handler, HandlerError, Outcome, Received, Tx};
use causeway_proto::events::Event as _;
use causeway_proto::intake::v1::HandedToCenter;

use super::accept::Acceptance;
use super::{journeys, phone, sisters};

/// Hears of inquiries.
pub struct Followed {
    /// What a sister center's new inquiry is made with.
    pub acceptance: Arc<Acceptance>,
}

impl Followed {
    async fn hear(&self, tx: &mut Tx, batch: &[Received]) -> Result<Vec<Outcome>, HandlerError> {
        let is_handed = |message: &Received| message.envelope.kind == HandedToCenter::KIND;
        if !batch.iter().any(is_handed) {
            return follow(tx, batch).await;
        }
        // They are rare, and each is written for another center than the rest.
        let rest: Vec<Received> = batch.iter().filter(|message| !is_handed(message)).cloned().collect();
        let mut others = follow(tx, &rest).await?.into_iter();
        let (mut outcomes, mut looks) = (Vec::with_capacity(batch.len()), Vec::new());
        for message in batch {
            outcomes.push(match is_handed(message) {
                true => sisters::take(&self.acceptance, tx, (message, &mut looks)).await?,
                false => others.next().unwrap_or(Outcome::AlreadyApplied),
            });
        }
        audit::append_all(tx, &looks).await.map_err(|AuditError::Database(cause)| HandlerError::from(cause))?;
        Ok(outcomes)
    }
}

async fn follow(tx: &mut Tx, batch: &[Received]) -> Result<Vec<Outcome>, HandlerError> {
    let outcomes = journeys::take(tx, batch).await?;
    // For what comes again or is parked nothing may change yet.
    let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyApplied);
    let taken = batch.iter().zip(&outcomes).filter(|(_, outcome)| is_taken(outcome)).map(|(told, _)| told);
    phone::told::close(tx, taken).await?;
    Ok(outcomes)
}

impl Handler for Followed {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(self.hear(tx, batch))
    }
}
