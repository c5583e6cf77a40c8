//! Group commit: one writer for each center takes whatever waits and commits it together, some batches side by side.
//!
//! With many callers this costs a twentieth of a transaction for each, with one caller it costs nothing: only where several
//! were there a moment ago does the writer wait a little, so that who was just answered can join the batch. A queue is bounded;
//! what does not fit is refused at once, because a
//! caller who is told to come back is better off than one who waits in vain. Deliberately not here: what one batch does in its transaction
//! (batch), and who may hand in what (handlers).

pub mod batch;
pub mod heard;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use causeway_mailbox::{Database, TxError};
use causeway_runtime::Stop;
use prometheus::IntGauge;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

pub use batch::{Answer, Arrival, Verdict, Way};
pub use heard::Heard;

use crate::error::Refusal;
use crate::health::Health;
use crate::metrics::Metrics;

/// A batch whose connection was found dead is tried on a fresh one at most this often: after a restart of the database all
/// connections that lay idle are dead, and nothing was written on any of them.
const MOST_ATTEMPTS: u32 = 4;

/// So long, at most, a batch waits for those who were there a moment ago: whoever was just answered is soon back with the next,
/// and two halves of a crowd that take turns cost two transactions where one would do.
const PATIENCE: Duration = Duration::from_millis(1);

/// Batches of one center that are written side by side at most: the next ones are on their way while the disk takes this one.
const ABREAST: usize = 3;
/// So many have to wait for a batch to be begun beside another: fewer cost less together, a moment later.
const WORTH_ONE: usize = 24;
/// But no longer than this: one that waits for a rival's transaction keeps nobody else waiting.
const MOMENT: Duration = Duration::from_millis(25);

/// Where something was taken, the next will be soon: somebody sends all of it again, or the numbers grow scarce. So many
/// batches are then written with care from the start.
const CAREFUL: u32 = 32;

/// What a caller gets.
type Outcome = Result<Verdict, Refusal>;

struct Job {
    arrival: Arrival,
    since: Instant,
    reply: oneshot::Sender<Outcome>,
}

/// What every writer works with.
#[derive(Clone)]
pub struct WriterParts {
    /// Where it writes.
    pub database: Database,
    /// What it counts.
    pub metrics: Metrics,
    /// Most inquiries committed together.
    pub batch: usize,
    /// Most inquiries that wait.
    pub queue: usize,
    /// Where it notes whether the database can be used.
    pub health: Health,
}

/// The writers of all centers. When this is dropped they finish what waits and end.
pub struct Writers {
    parts: WriterParts,
    stop: Stop,
    tasks: TaskTracker,
    queues: RwLock<HashMap<String, mpsc::Sender<Job>>>,
}

impl Writers {
    /// No writer yet; each starts with its center's first inquiry.
    pub fn new(parts: WriterParts, stop: Stop, tasks: TaskTracker) -> Self {
        Self { parts, stop, tasks, queues: RwLock::default() }
    }

    /// Writes an inquiry of a known center and answers after the commit. The write goes on if the caller is dropped.
    pub async fn write(&self, center: &str, arrival: Arrival) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        match self.queue(center).try_send(Job { arrival, since: Instant::now(), reply }) {
            Ok(()) => outcome.await.unwrap_or(Err(Refusal::Unknown)),
            Err(TrySendError::Full(_)) => Err(Refusal::Full),
            Err(TrySendError::Closed(_)) => Err(Refusal::Unavailable),
        }
    }

    fn queue(&self, center: &str) -> mpsc::Sender<Job> {
        if let Some(queue) = self.queues.read().unwrap_or_else(PoisonError::into_inner).get(center) {
            return queue.clone();
        }
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        queues.entry(center.to_owned()).or_insert_with(|| self.start(center)).clone()
    }

    fn start(&self, center: &str) -> mpsc::Sender<Job> {
        let (queue, jobs) = mpsc::channel(self.parts.queue.max(1));
        let writer = Writer {
            parts: self.parts.clone(),
            center: center.to_owned(),
            waiting: self.parts.metrics.waiting.with_label_values(&[center]),
            careful: AtomicU32::new(0),
            failed: Mutex::default(),
        };
        let hard = self.stop.hard.clone();
        self.stop.spawn(&self.tasks, "writer", async move {
            tokio::select! {
                () = hard.cancelled() => {}
                () = writer.run(jobs) => {}
            }
        });
        queue
    }
}

struct Writer {
    parts: WriterParts,
    center: String,
    waiting: IntGauge,
    /// Batches that are still to be written with care.
    careful: AtomicU32,
    /// When and why the last batch could not be written at all.
    failed: Mutex<Option<(Instant, Refusal)>>,
}

impl Writer {
    /// Until the last sender is gone.
    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let most = self.parts.batch.max(1);
        let writer = Arc::new(self);
        let (mut taken, mut crowd, mut under_way) = (Vec::with_capacity(most), Crowd::default(), JoinSet::new());
        while jobs.recv_many(&mut taken, most).await > 0 {
            gather(&mut taken, &mut jobs, (most, &mut crowd), &mut under_way).await;
            writer.refuse_who_waited(&mut taken);
            if taken.is_empty() {
                continue;
            }
            crowd.begin(taken.len(), jobs.len());
            writer.parts.metrics.batch.observe(taken.len() as f64);
            writer.waiting.set(i64::try_from(jobs.len()).unwrap_or(i64::MAX));
            let (writer, batch) = (Arc::clone(&writer), std::mem::take(&mut taken));
            under_way.spawn(async move { writer.write_noted(batch).await });
        }
        // What is under way is answered before this ends.
        while under_way.join_next().await.is_some() {}
    }

    /// Writes a batch, and tells how many it held.
    async fn write_noted(&self, batch: Vec<Job>) -> usize {
        let count = batch.len();
        if let Err(refusal) = self.write_all(batch).await {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), refusal));
        }
        count
    }

    /// Whoever waited while a batch failed would wait as long for the same: they are told now and come again.
    fn refuse_who_waited(&self, taken: &mut Vec<Job>) {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((at, refusal)) = failed else { return };
        for job in taken.extract_if(.., |job| job.since <= at) {
            let _ = job.reply.send(Err(Refusal::clone(&refusal)));
        }
    }

    /// Writes what was taken and answers each; an error where the database can't be used at all.
    async fn write_all(&self, taken: Vec<Job>) -> Result<(), Refusal> {
        let (arrivals, replies): (Vec<Arrival>, Vec<_>) = taken.into_iter().map(|job| (job.arrival, job.reply)).unzip();
        let arrivals = Arc::new(arrivals);
        match self.transact(Arc::clone(&arrivals)).await {
            Ok(verdicts) => {
                for (reply, verdict) in replies.into_iter().zip(verdicts) {
                    // A caller who went away asks again with the same key.
                    let _ = reply.send(Ok(verdict));
                }
                Ok(())
            }
            Err(cause) if cause.is_transient() => {
                let refusal = Refusal::from(&cause);
                for reply in replies {
                    let _ = reply.send(Err(refusal.clone()));
                }
                Err(Refusal::Unavailable)
            }
            Err(cause) if arrivals.len() == 1 => {
                warn!(%cause, center = self.center, "write an inquiry; it was refused");
                replies.into_iter().for_each(|reply| {
                    let _ = reply.send(Err(Refusal::Internal));
                });
                Ok(())
            }
            Err(cause) => {
                debug!(%cause, center = self.center, count = arrivals.len(), "batch failed; written one by one");
                self.write_each(Arc::into_inner(arrivals).unwrap_or_default(), replies).await;
                Ok(())
            }
        }
    }

    /// One inquiry that the database refuses must not take its neighbours along.
    async fn write_each(&self, arrivals: Vec<Arrival>, replies: Vec<oneshot::Sender<Outcome>>) {
        let mut down = None;
        for (arrival, reply) in arrivals.into_iter().zip(replies) {
            let outcome = match &down {
                Some(refusal) => Err(Refusal::clone(refusal)),
                None => self.transact(Arc::new(vec![arrival])).await.map_err(|cause| {
                    let refusal = Refusal::from(&cause);
                    if cause.is_transient() {
                        down = Some(refusal.clone());
                    } else {
                        warn!(%cause, center = self.center, "write an inquiry; it was refused");
                    }
                    refusal
                }),
            };
            let _ = reply.send(outcome.and_then(|mut verdicts| verdicts.pop().ok_or(Refusal::Internal)));
        }
    }

    async fn transact(&self, arrivals: Arc<Vec<Arrival>>) -> Result<Vec<Verdict>, TxError> {
        let way = match self.write_sure(&arrivals).await {
            Ok(Some(verdicts)) => {
                self.parts.health.mark(true);
                return Ok(verdicts);
            }
            Ok(None) => Way::Careful,
            Err(cause) if is_taken(&cause) => {
                self.careful.store(CAREFUL, Ordering::Relaxed);
                Way::Careful
            }
            // It may stand: whoever looks knows it by its ids.
            Err(TxError::CommitUnknown) => Way::Again,
            Err(cause) if nothing_was_written(&cause) => Way::Careful,
            Err(cause) => return Err(self.noted(cause)),
        };
        let mut attempt = 1;
        loop {
            let batch = Arc::clone(&arrivals);
            let done = self
                .parts
                .database
                .with_tx(&self.center, move |tx| Box::pin(async move { batch::commit(tx, &batch, way).await }))
                .await;
            match done {
                Ok(verdicts) => {
                    self.parts.health.mark(true);
                    let one_less = |careful: u32| Some(careful.saturating_sub(1));
                    let _ = self.careful.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
                    return Ok(verdicts);
                }
                Err(cause) if attempt < MOST_ATTEMPTS && nothing_was_written(&cause) => attempt += 1,
                Err(cause) if way == Way::Again && cause.is_transient() => {
                    return Err(self.noted(TxError::CommitUnknown));
                }
                Err(cause) => return Err(self.noted(cause)),
            }
        }
    }

    /// The ordinary way, in one statement; nothing where it has to be another.
    async fn write_sure(&self, arrivals: &Arc<Vec<Arrival>>) -> Result<Option<Vec<Verdict>>, TxError> {
        let has_more = |arrival: &Arrival| {
            arrival.held || arrival.message.as_ref().is_some_and(|message| !message.further.is_empty())
        };
        if self.careful.load(Ordering::Relaxed) > 0 || arrivals.iter().any(has_more) {
            return Ok(None);
        }
        let batch = Arc::clone(arrivals);
        let write = self
            .parts
            .database
            .with_single(&self.center, move |single| Box::pin(async move { batch::write_sure(single, &batch).await }));
        write.await
    }

    fn noted(&self, cause: TxError) -> TxError {
        self.parts.health.mark(!cause.is_transient());
        cause
    }
}

/// How many callers there are at a time: those who wait and those whose batch is under way.
#[derive(Debug, Default)]
struct Crowd {
    lately: usize,
    under_way: usize,
}

impl Crowd {
    /// A batch of so many begins while so many wait. Who went away is forgotten within some batches.
    fn begin(&mut self, batch: usize, waiting: usize) {
        self.under_way += batch;
        self.lately = (self.under_way + waiting).max(self.lately - self.lately.div_ceil(8));
    }

    /// A batch of so many was answered; one that panicked told no number.
    fn end(&mut self, batch: Option<usize>, others: usize) {
        self.under_way = if others == 0 { 0 } else { self.under_way.saturating_sub(batch.unwrap_or(0)) };
    }
}

/// Takes along who comes until the batch is worth its transaction. With none under way it is as soon as the crowd is back, or
/// has been waited for a little; beside others many have to wait, or have waited for a moment.
async fn gather<T>(
    taken: &mut Vec<T>,
    jobs: &mut mpsc::Receiver<T>,
    (most, crowd): (usize, &mut Crowd),
    under_way: &mut JoinSet<usize>,
) {
    let (mut open, mut waited, mut patient) = (true, false, true);
    let (moment, patience) = (tokio::time::sleep(MOMENT), tokio::time::sleep(PATIENCE));
    tokio::pin!(moment, patience);
    let many = WORTH_ONE.min(most);
    loop {
        let enough = match under_way.len() {
            0 if patient && open => crowd.lately.clamp(1, many),
            0 => 1,
            few if few < ABREAST && waited => 1,
            few if few < ABREAST => many,
            _ => usize::MAX,
        };
        if taken.len() >= enough {
            return;
        }
        let room = most.saturating_sub(taken.len());
        tokio::select! {
            Some(ended) = under_way.join_next() => {
                crowd.end(ended.ok(), under_way.len());
                patience.as_mut().reset(Instant::now() + PATIENCE);
            }
            more = jobs.recv_many(taken, room), if open && room > 0 => open = more > 0,
            () = &mut patience, if patient && under_way.is_empty() => patient = false,
            () = &mut moment, if !waited => waited = true,
        }
    }
}

/// A key, a request number or a control id stands already, so nothing was written.
pub fn is_taken(cause: &TxError) -> bool {
    matches!(cause, TxError::Database(sqlx::Error::Database(cause)) if cause.is_unique_violation())
}

/// A link that was found dead, a deadlock, a server that is going down: the same work at once on another connection is safe
/// and may succeed. A pool without a free connection has waited long enough, and an unanswered commit may have happened.
fn nothing_was_written(cause: &TxError) -> bool {
    match cause {
        TxError::Database(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => false,
        TxError::Database(_) => cause.is_transient(),
        TxError::CommitUnknown | TxError::BadCenter | TxError::Panicked => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many batches that never end.
    fn hanging(count: usize) -> JoinSet<usize> {
        (0..count).map(|_| std::future::pending()).collect()
    }

    /// What is taken along of so many who wait, of a crowd of so many, beside so many batches; and how long that took.
    async fn gathered(waiting: usize, lately: usize, beside: usize) -> (usize, Duration) {
        let (queue, mut jobs) = mpsc::channel(256);
        for job in 0..waiting {
            queue.send(job).await.expect("there is room");
        }
        let (mut taken, begun, mut crowd) = (Vec::new(), Instant::now(), Crowd { lately, under_way: 0 });
        jobs.recv_many(&mut taken, 1).await;
        gather(&mut taken, &mut jobs, (200, &mut crowd), &mut hanging(beside)).await;
        (taken.len(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_begun_at_once_unless_it_would_stand_beside_others_for_few() {
        assert_eq!(gathered(3, 1, 0).await, (1, Duration::ZERO), "nobody else was waited for");
        assert!(gathered(60, 1, 1).await.0 >= WORTH_ONE);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_were_there_a_moment_ago_are_waited_for_but_not_for_long() {
        let (taken, took) = gathered(8, 8, 0).await;
        assert_eq!((taken, took), (8, Duration::ZERO), "all are back");
        let (taken, took) = gathered(3, 8, 0).await;
        assert!(taken == 3 && took >= PATIENCE && took < PATIENCE * 3, "{taken} after {took:?}");
        assert_eq!(gathered(60, 100, 0).await.1, Duration::ZERO, "enough for one is not kept waiting for the rest");
    }

    #[test]
    fn a_crowd_is_known_by_who_waits_and_who_is_under_way_and_forgotten_when_it_goes() {
        let mut crowd = Crowd::default();
        crowd.begin(1, 0);
        assert_eq!(crowd.lately, 1);
        crowd.end(Some(1), 0);
        crowd.begin(1, 7);
        assert_eq!(crowd.lately, 8);
        crowd.end(Some(1), 0);
        crowd.begin(7, 1);
        assert_eq!(crowd.lately, 8, "the same eight");
        for _ in 0..12 {
            crowd.end(None, 0);
            crowd.begin(1, 0);
        }
        assert_eq!(crowd.lately, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_hangs_keeps_nobody_else_waiting() {
        let soon = tokio::time::timeout(Duration::from_secs(5), gathered(3, 3, 2)).await;
        let (taken, took) = soon.expect("begun beside those that hang");
        assert!(taken == 3 && took >= MOMENT, "{taken} after {took:?}");
        let none = tokio::time::timeout(MOMENT * 8, gathered(3, 3, ABREAST)).await;
        assert!(none.is_err(), "of those that write side by side one has to end first");
    }

    #[test]
    fn only_work_that_surely_was_not_done_is_done_again() {
        let dead = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(nothing_was_written(&TxError::Database(sqlx::Error::Io(dead))));
        assert!(!nothing_was_written(&TxError::CommitUnknown));
        assert!(!nothing_was_written(&TxError::Database(sqlx::Error::PoolTimedOut)));
        assert!(!nothing_was_written(&TxError::Database(sqlx::Error::RowNotFound)));
    }
}
