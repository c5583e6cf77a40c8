//! What comes in: facts from the bus, timers, and calls. One file for each.
//!
//! A batch is read, decided and saved as a whole: one statement for each table, however many messages it holds. Handlers
//! only write down what is to be sent (F2); the sender does the rest.

mod appointment_changed;
mod calls;
mod heard;
mod reminder_due;
mod told;

use std::sync::Arc;
use std::time::Duration;

use causeway_mailbox::{BoxFuture, Handler, HandlerError, Outcome, Received, Revisions, Tx};
use jiff::Timestamp;
use uuid::Uuid;

pub use calls::Calls;
pub use told::{Ending, draft};

use crate::adapters::book::Book;
use crate::domain::notice::Intended;
use crate::domain::visit::Visit;
use crate::metrics::Metrics;
use crate::store::{appointments, notices};
use heard::Heard;

/// A center whose profile has not arrived yet gets it within a second or two.
const PROFILE_WAIT: Duration = Duration::from_secs(1);

/// Handles facts and timers.
pub struct Handling {
    /// Profiles in force.
    pub books: Arc<Revisions<Book>>,
    /// The counters.
    pub metrics: Metrics,
}

impl Handler for Handling {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(self.hear(tx, batch))
    }
}

impl Handling {
    async fn hear(&self, tx: &mut Tx, batch: &[Received]) -> Result<Vec<Outcome>, HandlerError> {
        let Some(current) = self.books.current(tx.center()) else {
            return Ok(vec![Outcome::RetryAfter(PROFILE_WAIT); batch.len()]);
        };
        let (revision, book) = (&current.0, &current.1);
        let mut work = Work::default();
        let mut outcomes = Vec::with_capacity(batch.len());
        for (place, message) in batch.iter().enumerate() {
            outcomes.push(match heard::read(message, tx.now()) {
                Ok(Heard::Notice(intended)) => {
                    work.notices.push((place, *intended));
                    Outcome::Done
                }
                Ok(Heard::Visit(visit)) => {
                    work.visits.push((place, *visit));
                    Outcome::Done
                }
                Ok(Heard::Closed { inquiry_id, at }) => {
                    work.closed.push((inquiry_id, at));
                    Outcome::Done
                }
                Ok(Heard::NotForUs) => Outcome::AlreadyApplied,
                Err(reason) => Outcome::Park(reason),
            });
        }
        if !work.visits.is_empty() {
            self.apply_visits(tx, book, batch, &mut work, &mut outcomes).await?;
        }
        let new = work.notices.into_iter().map(|(place, intended)| (intended, batch[place].envelope.trace.clone()));
        self.intend(tx, revision, new.collect()).await?;
        if !work.closed.is_empty() {
            self.close(tx, &work.closed).await?;
        }
        Ok(outcomes)
    }

    /// Writes notices down; what can't be sent at all is told at once.
    async fn intend(
        &self,
        tx: &mut Tx,
        revision: &str,
        all: Vec<(Intended, causeway_envelope::TraceContext)>,
    ) -> Result<(), HandlerError> {
        let rows: Vec<notices::NewNotice> = all
            .into_iter()
            .map(|(intended, trace)| notices::NewNotice { notice_id: tx.new_id(), intended, trace })
            .collect();
        let mut written = notices::insert(tx, revision, &rows).await?;
        written.sort_unstable();
        for row in rows.iter().filter(|row| written.binary_search(&row.notice_id).is_ok()) {
            let refused = row.intended.refused();
            let outcome = if refused.is_some() { "suppressed" } else { "intended" };
            self.metrics.count(row.intended.kind, refused.is_none(), outcome, 1);
            if let Some(why) = refused {
                let ending = Ending::Failed(why);
                tx.emit(told::draft_new(tx.center(), row, ending, tx.now()));
            }
        }
        Ok(())
    }

    /// A closed inquiry says no more: what waits is suppressed and its reminders are taken back.
    async fn close(&self, tx: &mut Tx, closed: &[(Uuid, Timestamp)]) -> Result<(), HandlerError> {
        for (kind, many) in notices::close(tx, closed).await? {
            self.metrics.count(kind, true, "suppressed", many);
        }
        let inquiries: Vec<Uuid> = closed.iter().map(|(inquiry, _)| *inquiry).collect();
        let visits = appointments::of_inquiries(tx, &inquiries).await?;
        if !visits.is_empty() {
            tx.cancel_timers(&visits, Some(reminder_due::TIMER)).await?;
        }
        Ok(())
    }
}

/// What a batch calls for, each with the place of its message.
#[derive(Default)]
struct Work {
    notices: Vec<(usize, Intended)>,
    visits: Vec<(usize, Visit)>,
    closed: Vec<(Uuid, Timestamp)>,
}
