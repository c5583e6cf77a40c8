//! What was done and what failed, for the progress line and the last word of a play.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tonic::Status;

/// Counts; cheap to share.
#[derive(Debug, Default)]
pub struct Tally {
    inner: Mutex<Counts>,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// What was done, by a word such as `submitted`, `attempts` or `booked`.
    pub done: BTreeMap<&'static str, u64>,
    /// What failed, by call and answer.
    pub failed: BTreeMap<String, u64>,
}

impl Counts {
    /// How often something was done.
    pub fn of(&self, what: &str) -> u64 {
        self.done.get(what).copied().unwrap_or(0)
    }

    /// How many inquiries were handed in, whether they were new or not.
    pub fn handed_in(&self) -> u64 {
        ["forms", "phone calls", "referrals", "repeated"].into_iter().map(|door| self.of(door)).sum()
    }

    /// How many calls failed.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let parts: Vec<String> = self.done.iter().map(|(what, count)| format!("{count} {what}")).collect();
        format!("{}; {} calls failed", parts.join(", "), self.failures())
    }
}

impl Tally {
    /// One more of these.
    pub fn done(&self, what: &'static str) {
        *self.lock().done.entry(what).or_default() += 1;
    }

    /// One call that failed.
    pub fn failed(&self, call: &str, answer: &str) {
        *self.lock().failed.entry(format!("{call}: {answer}")).or_default() += 1;
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal in a few words without what it was about.
pub fn word(status: &Status) -> String {
    match causeway_proto::error::Reason::of(status) {
        Some(reason) => reason.word().to_owned(),
        None => format!("{:?}", status.code()).to_lowercase(),
    }
}
