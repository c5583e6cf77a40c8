//! A visit was booked, moved, cancelled, kept or missed, or stands where its inquiry goes on.

use std::collections::HashMap;

use causeway_mailbox::{HandlerError, Outcome, Received, Timer, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Handling, Work, reminder_due};
use crate::adapters::book::Book;
use crate::domain::visit::{self, Visit};
use crate::store::{appointments, notices};

impl Handling {
    /// Applies changes of visits by version: the notice of each new one, and the reminders of the last one of each visit.
    pub(super) async fn apply_visits(
        &self,
        tx: &mut Tx,
        book: &Book,
        batch: &[Received],
        work: &mut Work,
        outcomes: &mut [Outcome],
    ) -> Result<(), HandlerError> {
        let visits = std::mem::take(&mut work.visits);
        let mut ids: Vec<Uuid> = visits.iter().map(|(_, visit)| visit.appointment_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut known = appointments::versions(tx, &ids).await?;
        let mut last: HashMap<Uuid, (usize, Visit)> = HashMap::new();
        for (place, visit) in visits {
            let newest = known.entry(visit.appointment_id).or_insert(i64::MIN);
            if visit.version <= *newest {
                outcomes[place] = Outcome::AlreadyApplied;
                continue;
            }
            *newest = visit.version;
            if let Some(notice) = visit::notice(&visit, &book.profile, tx.now()) {
                work.notices.push((place, notice));
            }
            last.insert(visit.appointment_id, (place, visit));
        }
        let mut changed: Vec<&Visit> = last.values().map(|(_, visit)| visit).collect();
        // One order of locks for all batches.
        changed.sort_unstable_by_key(|visit| visit.appointment_id);
        appointments::save(tx, &changed).await?;
        let ids: Vec<Uuid> = changed.iter().map(|visit| visit.appointment_id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        tx.cancel_timers(&ids, Some(reminder_due::TIMER)).await?;
        let mut timers: Vec<Timer> = Vec::new();
        for (place, visit) in last.values() {
            let trace = &batch[*place].envelope.trace;
            let reminders = visit::reminders(visit, &book.profile, tx.now());
            timers.extend(reminders.iter().map(|reminder| reminder_due::timer(visit, reminder, trace)));
        }
        Ok(tx.schedule_all(&timers).await?)
    }

    /// An inquiry that goes on is spoken of again, and a visit that still stands is reminded of.
    pub(super) async fn reopen(
        &self,
        tx: &mut Tx,
        book: &Book,
        batch: &[Received],
        reopened: &[(usize, Uuid, Timestamp)],
    ) -> Result<(), HandlerError> {
        let open = notices::reopen(tx, &reopened.iter().map(|(_, id, at)| (*id, *at)).collect::<Vec<_>>()).await?;
        let ids = appointments::of_inquiries(tx, &open).await?;
        let mut timers: Vec<Timer> = Vec::new();
        for visit in appointments::load(tx, &ids).await?.values() {
            let place =
                reopened.iter().find(|(_, id, _)| *id == visit.about.inquiry_id).map_or(0, |(place, ..)| *place);
            let reminders = visit::reminders(visit, &book.profile, tx.now());
            let trace = &batch[place].envelope.trace;
            timers.extend(reminders.iter().map(|reminder| reminder_due::timer(visit, reminder, trace)));
        }
        Ok(tx.schedule_all(&timers).await?)
    }
}
