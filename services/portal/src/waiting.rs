//! How much waits to be mended at each center, for the bar of the staff pages.
//!
//! It is asked now and then and not with every page, and a page is not kept waiting for it: without an answer its link has no
//! number. Deliberately not here: the list itself (handlers).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use causeway_proto::inquiry::v1::ListRepairsRequest;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_runtime::Clock;
use causeway_serve::Channel;
use jiff::{SignedDuration, Timestamp};

/// How long a number is good enough.
const LASTS: SignedDuration = SignedDuration::from_secs(20);
/// How long a page waits for it.
const PATIENCE: Duration = Duration::from_millis(700);

type Known = HashMap<String, (Timestamp, Option<i64>)>;

/// The numbers, by center.
pub struct Waiting {
    known: Mutex<Known>,
    clock: Clock,
}

impl Waiting {
    /// None are known yet.
    pub fn new(clock: Clock) -> Self {
        Self { known: Mutex::default(), clock }
    }

    /// How many things wait for a person of the center; none where it can't be told.
    pub async fn of(&self, center: &str, mut ingestion: IngestionClient<Channel>) -> Option<i64> {
        let now = self.clock.now();
        if let Some((at, count)) = self.lock().get(center)
            && now.duration_since(*at) < LASTS
        {
            return *count;
        }
        let request = ListRepairsRequest { center: center.to_owned(), page_size: 1, ..ListRepairsRequest::default() };
        let answer = tokio::time::timeout(PATIENCE, ingestion.list_repairs(request)).await;
        let answer = answer.ok().and_then(Result::ok);
        let count = answer.map(|answer| answer.into_inner().counts.iter().map(|one| one.count).sum());
        self.lock().insert(center.to_owned(), (now, count));
        count
    }

    /// Something was done about what waits.
    pub fn forget(&self, center: &str) {
        self.lock().remove(center);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
