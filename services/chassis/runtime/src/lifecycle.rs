//! How a process ends: softly first, hard when it takes too long, and loudly when a part of it crashed.
//!
//! The first signal asks every service to finish what it holds; a second signal, or the end of the grace time, cuts it off. A task that
//! panics or fails is a soft stop too, because a service that lost its relay or its listener is worse than one that restarts.
//!
//! Deliberately not here: the order in which services drain (launcher).

use std::any::Any;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The two wishes to stop. Loops watch `soft` between pieces of work and `hard` inside them.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Take no new work, finish what is held.
    pub soft: CancellationToken,
    /// Drop everything; the record is in the database.
    pub hard: CancellationToken,
    crash: Arc<OnceLock<String>>,
    crashed: CancellationToken,
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop bound to SIGINT and SIGTERM: the first is soft, the second hard.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::new();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let bound = stop.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = interrupt.recv() => "SIGINT",
                    _ = terminate.recv() => "SIGTERM",
                    () = bound.hard.cancelled() => return,
                };
                if bound.soft.is_cancelled() {
                    tracing::warn!(signal = name, "second signal, stopping hard");
                    bound.hard.cancel();
                } else {
                    tracing::info!(signal = name, "stopping softly, a second signal stops hard");
                    bound.soft.cancel();
                }
            }
        });
        Ok(stop)
    }

    /// A stop of one service: it follows this one's hard wish, while its soft wish comes when its turn to drain comes.
    pub(crate) fn of_service(&self) -> Self {
        Self {
            soft: self.hard.child_token(),
            hard: self.hard.child_token(),
            crash: Arc::new(OnceLock::new()),
            crashed: CancellationToken::new(),
        }
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.soft.is_cancelled() || self.hard.is_cancelled()
    }

    /// Waits until a stop is asked for.
    pub async fn requested(&self) {
        tokio::select! {
            () = self.soft.cancelled() => {}
            () = self.hard.cancelled() => {}
        }
    }

    /// Spawns a task whose panic stops the service (and so the process) with a failing exit code.
    pub fn spawn<F>(&self, tasks: &TaskTracker, name: &'static str, work: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.supervise(tasks, name, async move {
            work.await;
            Ok::<(), std::convert::Infallible>(())
        })
    }

    /// Spawns a task whose panic or error stops the service (and so the process) with a failing exit code.
    pub fn supervise<F, E>(&self, tasks: &TaskTracker, name: &'static str, work: F) -> JoinHandle<()>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let stop = self.clone();
        tasks.spawn(async move {
            match AssertUnwindSafe(work).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => stop.crash(format!("task {name} failed: {error}")),
                Err(payload) => stop.crash(describe_panic(name, payload.as_ref())),
            }
        })
    }

    /// Reports that the service can't go on; the process drains and exits with a failing code.
    pub fn crash(&self, reason: String) {
        tracing::error!(reason, "a part of the service crashed");
        let _ = self.crash.set(reason);
        self.crashed.cancel();
    }

    /// Why the service crashed, if it did.
    pub fn crash_reason(&self) -> Option<&str> {
        self.crash.get().map(String::as_str)
    }

    pub(crate) async fn crashed(&self) {
        self.crashed.cancelled().await;
    }
}

/// A panic's payload may hold anything, so only the task's name is told; the panic hook has logged the place.
fn describe_panic(name: &str, _payload: &(dyn Any + Send)) -> String {
    format!("task {name} panicked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_task_reports_a_crash_without_its_payload() {
        let stop = Stop::new();
        let tasks = TaskTracker::new();
        stop.spawn(&tasks, "relay", async { panic!("secret payload") });
        stop.crashed().await;
        assert_eq!(stop.crash_reason(), Some("task relay panicked"));
    }

    #[tokio::test]
    async fn a_failing_task_reports_a_crash_and_a_finished_one_does_not() {
        let stop = Stop::new();
        let tasks = TaskTracker::new();
        stop.supervise(&tasks, "fine", async { Ok::<(), String>(()) });
        tasks.close();
        tasks.wait().await;
        assert_eq!(stop.crash_reason(), None);
        tasks.reopen();
        stop.supervise(&tasks, "poller", async { Err::<(), _>("no route".to_owned()) });
        stop.crashed().await;
        assert_eq!(stop.crash_reason(), Some("task poller failed: no route"));
    }

    #[tokio::test]
    async fn a_service_follows_the_hard_wish_but_not_the_soft_one() {
        let all = Stop::new();
        let one = all.of_service();
        all.soft.cancel();
        assert!(!one.is_requested());
        all.hard.cancel();
        one.requested().await;
        assert!(one.hard.is_cancelled() && one.soft.is_cancelled());
    }
}
