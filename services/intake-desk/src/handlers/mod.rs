//! What the desk hears: routing's decisions and misses, what became of visits and messages, and its own timers.
//!
//! A batch is handled with a handful of statements however long it is: insert what is new, load and lock what is known,
//! decide in memory, save, write the timeline, emit. A message about an inquiry that the desk does not know yet comes
//! again a second later, since order is not promised (F6). Deliberately not here: calls of staff (`api`).

mod apply;
mod begin;
mod chase;
mod claims;
mod draws;
mod next_step;
mod read;
mod reviews;
mod told;

use std::sync::Arc;
use std::time::Duration;

use causeway_auth::Sealer;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{BoxFuture, DueTimer, Handler, HandlerError, Outcome, Received, Revisions, TimerHandler, Tx};
use uuid::Uuid;

use crate::domain::{By, Step};
use crate::store::timeline::Line;

pub use apply::visit_timer;
pub use chase::chase_timer;
pub use claims::{claim_timer, left_timer};
pub use draws::{draw_audits, draw_key, keep_timers};
pub use next_step::next_step_timer;
pub use reviews::{Watched, review_timer};
pub use told::drafts;

/// What is not there yet is looked for again after this time.
const SHORTLY: Duration = Duration::from_secs(1);

/// A center's profile and its revision.
pub type Current = Arc<(String, Profile)>;

/// Handles messages and timers.
pub struct Listener {
    profiles: Arc<Revisions<Profile>>,
    sealer: Sealer,
}

/// A step, and which place of the batch hears of its outcome.
struct Placed {
    place: usize,
    inquiry_id: Uuid,
    step: Step,
    by: By,
    trace: causeway_envelope::TraceContext,
}

impl Listener {
    /// Handles with the profiles in force; draws by a key of the sealer.
    pub fn new(profiles: Arc<Revisions<Profile>>, sealer: Sealer) -> Self {
        Self { profiles, sealer }
    }

    async fn take(&self, tx: &mut Tx, batch: &[Received]) -> Result<Vec<Outcome>, HandlerError> {
        let mut outcomes = vec![Outcome::RetryAfter(SHORTLY); batch.len()];
        let Some(current) = self.profiles.current(tx.center()) else { return Ok(outcomes) };
        let read::Sorted { beginnings, mut steps, notices } = read::sort(tx.center(), batch, &mut outcomes);
        let mut lines: Vec<Line> = Vec::with_capacity(steps.len() + notices.len());
        begin::take(tx, &current, (batch, beginnings), &mut steps, &mut outcomes).await?;
        apply::take(tx, &current.1, steps, (&mut lines, &mut outcomes)).await?;
        apply::take_notices(tx, notices, (&mut lines, &mut outcomes)).await?;
        crate::store::timeline::insert(tx, &lines).await?;
        Ok(outcomes)
    }

    async fn fire_all(&self, tx: &mut Tx, due: &[DueTimer]) -> Result<Vec<Outcome>, HandlerError> {
        let mut outcomes = vec![Outcome::RetryAfter(SHORTLY); due.len()];
        let Some(current) = self.profiles.current(tx.center()) else { return Ok(outcomes) };
        // Timers of one kind fire together.
        let steps = match due.first().map(|first| first.kind.as_str()) {
            Some(draws::QUALITY_DRAW) => return Ok(draws::fire(tx, (&self.sealer, &current.1), due).await?),
            Some(reviews::REVIEW_LATE) => reviews::steps(tx, &current.1, due, &mut outcomes).await?,
            _ => claims::steps(tx, due, &mut outcomes).await?,
        };
        let mut lines = Vec::new();
        apply::take(tx, &current.1, steps, (&mut lines, &mut outcomes)).await?;
        crate::store::timeline::insert(tx, &lines).await?;
        Ok(outcomes)
    }
}

impl Handler for Listener {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(self.take(tx, batch))
    }
}

impl TimerHandler for Listener {
    fn fire<'a>(&'a self, tx: &'a mut Tx, due: &'a [DueTimer]) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(self.fire_all(tx, due))
    }
}
