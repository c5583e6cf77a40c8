//! Takes files that wait, of each feed the oldest first, a few at once.
//!
//! Whatever goes wrong, the file is simply taken up again where its last transaction ended, by this process or another one.
//! Deliberately not here: the doors.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_funnel::profile::{CsvMapping, Profile};
use causeway_mailbox::TxError;
use causeway_runtime::Stop;
use jiff::SignedDuration;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::chunk::{Chunk, Maker, word};
use super::reader::{Reader, claim};
use super::survey::{self, Reading, Survey};
use super::write::{NotWritten, Of, write};
use super::{Files, Heading, internal, row_context};
use crate::adapters::csv::fault::{Code, FileFault};
use crate::adapters::csv::result::State;
use crate::error::Refusal;
use crate::store::file_rows::{self, NewRow};
use crate::store::file_work;
use crate::store::files::{self, Standing};
use crate::writer::batch::{Verdict, Way};
use crate::writer::is_taken;

/// How often it is looked for files, where nobody rings.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is counted and tidied up.
const TIDY: Duration = Duration::from_secs(10);
/// How long a file whose feed is in no profile waits for one: another process may know a newer profile.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// Takes files until the stop.
pub async fn run(files: Arc<Files>, stop: Stop, tasks: TaskTracker) {
    let busy: Arc<Mutex<HashSet<Uuid>>> = Arc::default();
    loop {
        match file_work::open(files.database.machine()).await {
            Ok(open) => {
                for (center, file_id) in open {
                    if stop.is_requested() || !begin(&busy, file_id, files.settings.at_once.max(1)) {
                        continue;
                    }
                    let (files, busy, own_stop) = (Arc::clone(&files), Arc::clone(&busy), stop.clone());
                    stop.spawn(&tasks, "file", async move {
                        let is_taken = take(&files, &center, file_id, &own_stop).await;
                        busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&file_id);
                        // After a failure nobody rings, so that failures do not follow each other without a pause.
                        if is_taken {
                            files.bell.notify_one();
                        }
                    });
                }
            }
            Err(cause) => debug!(%cause, "look for files that wait; tried again in a moment"),
        }
        tokio::select! {
            () = stop.requested() => return,
            () = files.bell.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Counts what waits for people to see, and forgets files that never came whole, until the stop.
pub async fn tidy(files: Arc<Files>, stop: Stop) {
    loop {
        let machine = files.database.machine();
        if let Ok(waiting) = file_work::waiting(machine).await {
            let gauge = &files.metrics().waiting_files;
            gauge.reset();
            for (center, reason, count) in waiting {
                gauge.with_label_values(&[&center, &reason]).set(count);
            }
        }
        for (center, file_id) in file_work::abandoned(machine).await.unwrap_or_default() {
            let forgotten = files.database.with_tx(&center, move |tx| {
                Box::pin(async move { Ok::<_, TxError>(files::forget(tx, file_id).await?) })
            });
            if let Err(cause) = forgotten.await {
                debug!(%cause, "forget a file that never came whole; tried again");
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(TIDY) => {}
        }
    }
}

fn begin(busy: &Mutex<HashSet<Uuid>>, file_id: Uuid, most: usize) -> bool {
    let mut busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
    busy.len() < most && busy.insert(file_id)
}

/// Takes one file as far as it goes; false where it failed. Then its lease is kept until it ends by itself: meanwhile all others
/// come first.
async fn take(files: &Files, center: &str, file_id: Uuid, stop: &Stop) -> bool {
    if let Err(cause) = try_to_take(files, center, file_id, stop).await {
        warn!(%cause, file.id = %file_id, "take a file; it is taken up again where it stands");
        return false;
    }
    let worker = files.worker;
    let released = files.database.with_tx(center, move |tx| {
        Box::pin(async move { Ok::<_, TxError>(file_work::release(tx, file_id, worker).await?) })
    });
    if let Err(cause) = released.await {
        debug!(%cause, "give a file back; its lease ends by itself");
    }
    true
}

async fn try_to_take(files: &Files, center: &str, file_id: Uuid, stop: &Stop) -> Result<(), Refusal> {
    let Some(file) = claim(files, center, file_id).await? else { return Ok(()) };
    let profile = files.acceptance.profile(center)?;
    let profile = &profile.1;
    let Some(mapping) = profile.feed(&file.feed).and_then(|feed| feed.csv.as_ref()) else {
        return feed_is_gone(files, center, &file).await;
    };
    let known = file.reading.as_deref().and_then(|text| serde_json::from_str::<Reading>(text).ok());
    // A file that was parked after its first rows goes on as it began.
    let reading = match known.filter(|_| file.state == "taking" || file.done_line > 0) {
        Some(reading) => reading,
        None => match look_through(files, (center, profile), &file, mapping).await? {
            Some(reading) => reading,
            None => return Ok(()),
        },
    };
    if !take_rows(files, (center, profile), &file, &reading, stop).await? {
        return Ok(());
    }
    let done = files.database.with_tx(center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(file_work::finish(tx, file_id, ("done", "", ""), (None, None)).await?) })
    });
    done.await?;
    files.metrics().files.with_label_values(&[&file.feed, "done"]).inc();
    info!(file.id = %file_id, feed = file.feed, "a file is done");
    Ok(())
}

/// Nobody says any more how a file is read, so nothing more is made of it; what was made stands.
async fn feed_is_gone(files: &Files, center: &str, file: &Standing) -> Result<(), Refusal> {
    if files.acceptance.clock.now().duration_since(file.received_at.0) < PATIENCE {
        return Err(Refusal::WrongState("the feed of a file that waits is in no profile that this process knows"));
    }
    let (file_id, worker, fault) = (file.file_id, files.worker, FileFault::plain(Code::FeedGone));
    let reason = fault.code.word();
    files
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                file_work::lock(tx, file_id, worker).await?.ok_or(Refusal::Conflict)?;
                let why = ("parked", reason, fault.bare.as_str());
                Ok::<_, Refusal>(file_work::finish(tx, file_id, why, (None, None)).await?)
            })
        })
        .await?;
    files.metrics().files.with_label_values(&[&file.feed, "parked"]).inc();
    warn!(file.id = %file_id, feed = file.feed, reason, "a file is parked; see 'causeway files list'");
    Ok(())
}

/// Decides whether the rows of a file are taken, and how; nothing where it is parked.
async fn look_through(
    files: &Files,
    (center, profile): (&str, &Profile),
    file: &Standing,
    mapping: &CsvMapping,
) -> Result<Option<Reading>, Refusal> {
    let whole = (file.file_id, file.parts);
    let wanted = (mapping, file.good_rows_wanted);
    let (reading, survey) = survey::survey(files, (center, profile), whole, wanted).await?;
    let total = i64::try_from(survey.rows).unwrap_or(i64::MAX);
    let bad = bad_rows(files, center, file, &survey)?;
    let (file_id, worker) = (file.file_id, files.worker);
    if let Some(fault) = survey.fault {
        let reason = fault.code.word();
        let opened = files.open_heading(center, file_id, &file.heading)?;
        let heading = files.seal_heading(center, file_id, &Heading { detail: fault.detail, ..opened })?;
        files
            .database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    file_work::lock(tx, file_id, worker).await?.ok_or(Refusal::Conflict)?;
                    file_rows::forget(tx, file_id).await?;
                    let rows: Vec<NewRow<'_>> = bad.iter().map(BadRow::row).collect();
                    file_rows::insert(tx, file_id, &rows).await?;
                    let why = ("parked", reason, fault.bare.as_str());
                    file_work::finish(tx, file_id, why, (Some(total), Some(&heading))).await?;
                    Ok::<_, Refusal>(())
                })
            })
            .await?;
        files.metrics().files.with_label_values(&[&file.feed, "parked"]).inc();
        warn!(file.id = %file_id, feed = file.feed, reason, "a file is parked; see 'causeway files list'");
        return Ok(None);
    }
    let Some(reading) = reading else { return Err(Refusal::Internal) };
    let text = serde_json::to_string(&reading).map_err(|_| Refusal::Internal)?;
    let skipped = i64::try_from(survey.skipped).unwrap_or(i64::MAX);
    files
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                file_work::lock(tx, file_id, worker).await?.ok_or(Refusal::Conflict)?;
                file_rows::forget(tx, file_id).await?;
                file_work::start(tx, file_id, &text, (total, skipped)).await?;
                Ok::<_, Refusal>(())
            })
        })
        .await?;
    Ok(Some(reading))
}

/// A bad row of a file of which nothing is made.
struct BadRow {
    line: i64,
    reason: &'static str,
    remarks: String,
    sealed: Vec<u8>,
}

impl BadRow {
    fn row(&self) -> NewRow<'_> {
        NewRow {
            line: self.line,
            state: State::Refused.word(),
            reason: self.reason,
            remarks: &self.remarks,
            inquiry_id: None,
            message_id: None,
            sealed: &self.sealed,
        }
    }
}

fn bad_rows(files: &Files, center: &str, file: &Standing, survey: &Survey) -> Result<Vec<BadRow>, Refusal> {
    if survey.fault.is_none() {
        return Ok(Vec::new());
    }
    let one = |bad: &survey::Bad| {
        let context = row_context(file.file_id, bad.line);
        let sealed = files.acceptance.sealer.seal(center, &context, bad.referral_id.as_bytes()).map_err(internal)?;
        let remarks = bad.remark.field.map(|_| word(bad.remark)).unwrap_or_default();
        let line = i64::try_from(bad.line).unwrap_or(i64::MAX);
        Ok(BadRow { line, reason: bad.remark.code.word(), remarks, sealed })
    };
    survey.told.iter().map(one).collect()
}

/// Takes the rows behind the line that was reached; true where all are taken.
async fn take_rows(
    files: &Files,
    (center, profile): (&str, &Profile),
    file: &Standing,
    reading: &Reading,
    stop: &Stop,
) -> Result<bool, Refusal> {
    let mut reader = Reader::of(files, center, (file.file_id, file.parts), reading);
    let mut maker = Maker::of(files, (profile, &file.feed), (file.file_id, reading));
    let (mut after, mut chunk, mut way) = (file.done_line, Chunk::default(), Way::Hopeful);
    while let Some(records) = reader.next().await? {
        for record in &records {
            let is_done = i64::try_from(record.line).is_ok_and(|line| line <= file.done_line);
            maker.add(record, is_done, &mut chunk)?;
            if chunk.drafts.len() >= files.settings.chunk.max(1) {
                if stop.is_requested() {
                    return Ok(false);
                }
                let full = std::mem::take(&mut chunk);
                after = write_chunk(files, (center, file), full, after, &mut way).await?;
            }
        }
    }
    if chunk.last_line > after {
        write_chunk(files, (center, file), chunk, after, &mut way).await?;
    }
    Ok(true)
}

/// Writes a chunk; gives the line that is reached. Where one row of a file is known the others are mostly too, so from then on
/// all of it is written with care.
async fn write_chunk(
    files: &Files,
    (center, file): (&str, &Standing),
    chunk: Chunk,
    after: i64,
    way: &mut Way,
) -> Result<i64, Refusal> {
    let chunk = Arc::new(chunk);
    let of = Of { file_id: file.file_id, feed: file.feed.clone(), worker: files.worker, after };
    let attempt = |way: Way| {
        let (chunk, of, sealer) = (Arc::clone(&chunk), of.clone(), files.acceptance.sealer.clone());
        files.database.with_tx(center, move |tx| Box::pin(async move { write(tx, &of, &chunk, &sealer, way).await }))
    };
    let written = match attempt(*way).await {
        Err(NotWritten::Database(cause)) if *way == Way::Hopeful && is_taken(&cause) => {
            *way = Way::Careful;
            attempt(*way).await
        }
        other => other,
    };
    let written = written.map_err(|cause| match cause {
        NotWritten::Database(cause) => Refusal::from(cause),
        NotWritten::Lost | NotWritten::NoNumber => Refusal::Conflict,
        NotWritten::Sealing => Refusal::Internal,
    })?;
    let rows = &files.metrics().rows;
    let tally = written.tally;
    for (result, count) in [
        (State::Accepted, tally.accepted),
        (State::Linked, tally.linked),
        (State::Parked, tally.parked),
        (State::Refused, tally.refused),
    ] {
        rows.with_label_values(&[&file.feed, result.word()]).inc_by(u64::try_from(count).unwrap_or(0));
    }
    for (arrival, verdict) in chunk.arrivals.iter().zip(&written.verdicts) {
        if let Verdict::Kept(answer) = verdict {
            files.acceptance.count(center, arrival.source, arrival.held, answer);
        }
    }
    Ok(chunk.last_line)
}
