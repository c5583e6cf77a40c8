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
pub use heard::Moved;
pub use told::{Ending, draft};

use crate::adapters::book::Book;
use crate::domain::notice::{Intended, needs_a_person, reason};
use crate::domain::visit::Visit;
use crate::metrics::Metrics;
use crate::store::claims::Told;
use crate::store::stops::{self, Stop, Stopped};
use crate::store::{appointments, notices};
use heard::Heard;

/// A center whose profile has not arrived yet gets it within a second or two.
const PROFILE_WAIT: Duration = Duration::from_secs(1);
/// So does the route of an inquiry whose due time was heard of first.
const ROUTE_WAIT: Duration = Duration::from_secs(1);

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
                Ok(Heard::Notice(mut intended)) => {
                    self.name_sister(&mut intended);
                    let stays = std::mem::take(&mut intended.stays).into_iter();
                    let (here, consented_at) = (intended.about.inquiry_id, intended.about.consented_at);
                    work.handed.extend(stays.map(|stay| (here, consented_at, stay)));
                    work.notices.push((place, *intended));
                    Outcome::Done
                }
                Ok(Heard::Staff(all)) => {
                    work.notices.extend(all.into_iter().map(|intended| (place, intended)));
                    Outcome::Done
                }
                Ok(Heard::Visit(visit)) => {
                    work.visits.push((place, *visit));
                    Outcome::Done
                }
                Ok(Heard::Closed { inquiry_id, at, for_good }) => {
                    work.closed.push((inquiry_id, at));
                    if for_good {
                        work.stopped.push(inquiry_id);
                    }
                    Outcome::Done
                }
                Ok(Heard::Reopened { inquiry_id, at }) => {
                    work.reopened.push((place, inquiry_id, at));
                    Outcome::Done
                }
                Ok(Heard::Moved(moved)) => {
                    work.moved.push((place, moved));
                    Outcome::Done
                }
                Ok(Heard::Readdressed(inquiry_id)) => {
                    work.readdressed.push(inquiry_id);
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
        let moved: Vec<heard::Moved> = work.moved.iter().map(|(_, moved)| *moved).collect();
        let known = notices::move_contact(tx, &moved).await?;
        // Each inquiry has a confirmation, sent or not, as soon as its route is heard of; that may come later than this.
        for (place, _) in work.moved.iter().filter(|(_, moved)| !known.contains(&moved.inquiry_id)) {
            outcomes[*place] = Outcome::RetryAfter(ROUTE_WAIT);
        }
        for (inquiry_id, consented_at, stay) in work.handed {
            self.keep_stopped(tx, (inquiry_id, consented_at), stay).await?;
        }
        if !work.closed.is_empty() {
            self.close(tx, &work.closed).await?;
        }
        if !work.reopened.is_empty() {
            self.reopen(tx, book, batch, &work.reopened).await?;
        }
        for inquiry_id in work.stopped {
            self.stop(tx, inquiry_id).await?;
        }
        notices::confirm_after_all(tx, &work.readdressed).await?;
        Ok(outcomes)
    }

    /// Who gets it reads the discreet name of the center that handed their request over; the id of one that is not known here.
    fn name_sister(&self, intended: &mut Intended) {
        let Some(params) = intended.params.as_mut().filter(|params| !params.came_from.is_empty()) else { return };
        if let Some(sister) = self.books.current(&params.came_from) {
            params.came_from.clone_from(&sister.1.profile.center.short_name);
        }
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

impl Handling {
    /// Who asked a sister center for no more messages about their request, or at their address, gets none about it here either. Read
    /// under the sister's own name, written down as this center's.
    async fn keep_stopped(
        &self,
        tx: &mut Tx,
        (inquiry_id, consented_at): (Uuid, Timestamp),
        (sister, there): (String, Uuid),
    ) -> Result<(), HandlerError> {
        let channels = tx.in_center(&sister, move |tx| Box::pin(stops::of_inquiry(tx, there, consented_at))).await?;
        for channel in channels {
            let wish = Stop { inquiry_id, channel, actor_kind: "service", actor_id: "notification".to_owned() };
            let stopped = stops::stop(tx, &wish).await?;
            tell_stop(tx, &wish, &stopped);
            stopped.ended.iter().for_each(|told| self.metrics.count(told.kind, true, "suppressed", 1));
        }
        Ok(())
    }

    /// Closing ends what was caused before it. Whoever has died or asked us to stop hears nothing of what comes after it either,
    /// such as a visit that is called off: it is the stop that a person can ask for.
    async fn stop(&self, tx: &mut Tx, inquiry_id: Uuid) -> Result<(), HandlerError> {
        let wish = Stop { inquiry_id, channel: "all", actor_kind: "service", actor_id: "intake-desk".to_owned() };
        let stopped = stops::stop(tx, &wish).await?;
        stopped.ended.iter().for_each(|told| self.metrics.count(told.kind, true, "suppressed", 1));
        Ok(())
    }
}

/// Tells the desk that a person wants to hear no more, by a channel or at all. No contact at all is told each time that it is asked for:
/// the inquiry may have been opened again since.
fn tell_stop(tx: &mut Tx, wish: &Stop, stopped: &Stopped) {
    if !stopped.is_new && wish.channel != "all" {
        return;
    }
    let (center, now) = (tx.center().to_owned(), tx.now());
    tx.emit(told::stopped(&center, wish, now));
}

/// Tells of those that a stop has ended which somebody waits for.
fn tell_stopped(tx: &mut Tx, ended: &[Told]) {
    let (center, now) = (tx.center().to_owned(), tx.now());
    for told in ended.iter().filter(|told| needs_a_person(told.kind, reason::STOPPED)) {
        tx.emit(draft(&center, told, Ending::Failed(reason::STOPPED), now));
    }
}

/// What a batch calls for, each with the place of its message.
#[derive(Default)]
struct Work {
    notices: Vec<(usize, Intended)>,
    visits: Vec<(usize, Visit)>,
    closed: Vec<(Uuid, Timestamp)>,
    /// Where in the batch an inquiry was opened again, and when.
    reopened: Vec<(usize, Uuid, Timestamp)>,
    moved: Vec<(usize, heard::Moved)>,
    /// Of those, the ones about which nothing is sent ever more.
    stopped: Vec<Uuid>,
    /// Inquiries whose person may have an address now.
    readdressed: Vec<Uuid>,
    /// Inquiries that a sister center handed over: since when the person consents, where they were before, and their ids there.
    handed: Vec<(Uuid, Timestamp, (String, Uuid))>,
}
