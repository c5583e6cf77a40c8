//! The load generator: closed loops that send as fast as they are answered, and an open loop with a fixed rate.
//!
//! A request whose answer was lost is sent again with its key, so that "accepted" is exact and can be compared with the
//! rows in the databases. Deliberately absent: what is sent (inquiry) and what becomes of it (completion, proof).

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::figures::histogram;
use super::http::Connection;
use super::inquiry::Inquiries;
use super::line::Line;

/// A sender that was told to come back waits this long.
const COME_BACK: Duration = Duration::from_millis(5);
/// So often a request is tried whose answer was lost.
const MOST_TRIES: u32 = 5;

/// In which protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tongue {
    /// The forms' JSON over HTTP.
    Web,
    /// HL7 v2 over MLLP.
    Hl7,
    /// FHIR R4 transactions over HTTP.
    Fhir,
}

/// Where the doors are.
#[derive(Debug, Clone, Copy)]
pub struct Doors {
    /// For forms and FHIR.
    pub http: SocketAddr,
    /// For HL7.
    pub mllp: SocketAddr,
}

/// What all clients share.
pub struct Load {
    doors: Doors,
    inquiries: Inquiries,
    next: AtomicU64,
    accepted: AtomicU64,
    completed: AtomicU64,
}

/// What a stretch of load came to.
pub struct Tally {
    /// Answered with 202.
    pub accepted: u64,
    /// Answered otherwise, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Never answered.
    pub lost: u64,
    /// From sending (open loop: from when it should have been sent) to the answer, microseconds, of the accepted.
    pub micros: Histogram<u64>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { accepted: 0, refused: BTreeMap::new(), lost: 0, micros: histogram(), elapsed: Duration::ZERO }
    }

    /// Adds what another client saw.
    pub fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.lost += other.lost;
        other.refused.iter().for_each(|(status, count)| *self.refused.entry(*status).or_default() += count);
        // Both histograms grow by themselves and have the same precision.
        let _ = self.micros.add(&other.micros);
    }

    /// Accepted in each second.
    pub fn per_second(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64().max(0.001)
    }

    fn note(&mut self, outcome: io::Result<u16>, begun: Instant) -> Option<Duration> {
        match outcome {
            Ok(202) => {
                self.accepted += 1;
                let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                // The histogram grows by itself.
                let _ = self.micros.record(micros);
                None
            }
            Ok(status) => {
                *self.refused.entry(status).or_default() += 1;
                Some(COME_BACK)
            }
            Err(_) => {
                self.lost += 1;
                Some(COME_BACK)
            }
        }
    }
}

impl Load {
    /// Load for these doors.
    pub fn new(doors: Doors) -> Arc<Self> {
        Arc::new(Self {
            doors,
            inquiries: Inquiries::new(doors.http.to_string()),
            next: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            completed: AtomicU64::new(0),
        })
    }

    /// All that was accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Tells how much of it has gone the whole path.
    pub fn set_completed(&self, completed: u64) {
        self.completed.store(completed, Ordering::Relaxed);
    }

    /// Clients that each send the next request when the last is answered. With `backlog`, nobody sends while more than
    /// that many accepted inquiries have not gone the whole path.
    pub async fn closed(
        self: &Arc<Self>,
        (tongue, clients): (Tongue, usize),
        time: Duration,
        backlog: Option<u64>,
    ) -> Tally {
        let begun = Instant::now();
        let deadline = begun + time;
        let client = |_| Client::new(self.clone(), tongue).run_closed(deadline, backlog);
        gather((0..clients).map(client), begun).await
    }

    /// Sends at a fixed rate, whatever the answers do: what waits shows as latency.
    pub async fn open(self: &Arc<Self>, clients: usize, time: Duration, per_second: f64) -> Tally {
        let begun = Instant::now();
        let interval = Duration::from_secs_f64(clients as f64 / per_second.max(1.0));
        let client = |at: usize| {
            let first = begun + interval.mul_f64(at as f64 / clients as f64);
            Client::new(self.clone(), Tongue::Web).run_open(first, interval, begun + time)
        };
        gather((0..clients).map(client), begun).await
    }

    fn is_full(&self, backlog: Option<u64>) -> bool {
        let waiting = self.accepted().saturating_sub(self.completed.load(Ordering::Relaxed));
        backlog.is_some_and(|most| waiting >= most)
    }
}

async fn gather(clients: impl Iterator<Item = impl Future<Output = Tally> + Send + 'static>, begun: Instant) -> Tally {
    let mut running: JoinSet<Tally> = clients.collect();
    let mut all = Tally::new();
    while let Some(ended) = running.join_next().await {
        if let Ok(tally) = ended {
            all.add(&tally);
        }
    }
    all.elapsed = begun.elapsed();
    all
}

/// A connection that is kept.
enum Open {
    Http(Connection),
    Line(Line),
}

struct Client {
    load: Arc<Load>,
    tongue: Tongue,
    connection: Option<Open>,
    body: String,
    request: String,
    tally: Tally,
}

impl Client {
    fn new(load: Arc<Load>, tongue: Tongue) -> Self {
        Self { load, tongue, connection: None, body: String::new(), request: String::new(), tally: Tally::new() }
    }

    async fn run_closed(mut self, deadline: Instant, backlog: Option<u64>) -> Tally {
        while Instant::now() < deadline {
            if self.load.is_full(backlog) {
                sleep(Duration::from_millis(1)).await;
            } else if let Some(pause) = self.send_next(None).await {
                sleep(pause).await;
            }
        }
        self.tally
    }

    async fn run_open(mut self, first: Instant, interval: Duration, deadline: Instant) -> Tally {
        let mut due = first;
        while due < deadline {
            sleep_until(due).await;
            self.send_next(Some(due)).await;
            due += interval;
        }
        self.tally
    }

    async fn send_next(&mut self, due: Option<Instant>) -> Option<Duration> {
        let number = self.load.next.fetch_add(1, Ordering::Relaxed);
        self.load.inquiries.write(self.tongue, number, &mut self.body, &mut self.request);
        let begun = due.unwrap_or_else(Instant::now);
        let outcome = self.send().await;
        if matches!(outcome, Ok(202)) {
            self.load.accepted.fetch_add(1, Ordering::Relaxed);
        }
        self.tally.note(outcome, begun)
    }

    /// Sends until something is answered: a lost answer may have been a 202.
    async fn send(&mut self) -> io::Result<u16> {
        let mut tries = 1;
        loop {
            match self.send_once().await {
                Err(_) if tries < MOST_TRIES => {
                    self.connection = None;
                    tries += 1;
                    sleep(COME_BACK).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The status; 202 where it was accepted, whatever the protocol says for that.
    async fn send_once(&mut self) -> io::Result<u16> {
        let open = match self.connection.take() {
            Some(open) => open,
            None if self.tongue == Tongue::Hl7 => Open::Line(Line::open(self.load.doors.mllp).await?),
            None => Open::Http(Connection::open(self.load.doors.http).await?),
        };
        let status = match self.connection.insert(open) {
            Open::Http(connection) => connection.send(self.request.as_bytes()).await?,
            Open::Line(line) => line.ask(self.request.as_bytes()).await?,
        };
        Ok(if self.tongue == Tongue::Fhir && status == 200 { 202 } else { status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Clients of the forms.
    fn web(clients: usize) -> (Tongue, usize) {
        (Tongue::Web, clients)
    }

    /// A door that accepts everything, on as many connections as come.
    async fn door() -> Doors {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                        if stream.write_all(answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Doors { http: address, mllp: address }
    }

    #[tokio::test]
    async fn a_closed_loop_counts_what_was_accepted_and_stops_at_the_backlog() {
        let load = Load::new(door().await);
        let tally = load.closed(web(4), Duration::from_millis(200), Some(50)).await;
        assert_eq!(tally.accepted, load.accepted());
        // Each client may have looked just before the last place was taken.
        assert!((50..54).contains(&tally.accepted), "{}", tally.accepted);
        load.set_completed(tally.accepted);
        assert!(load.closed(web(1), Duration::from_millis(100), Some(50)).await.accepted > 0);
    }

    #[tokio::test]
    async fn an_open_loop_keeps_its_rate() {
        let load = Load::new(door().await);
        let tally = load.open(4, Duration::from_millis(500), 200.0).await;
        assert_eq!((tally.accepted, tally.lost), (100, 0));
        assert_eq!(tally.micros.len(), 100);
        assert!(tally.micros.max() > 10, "{} us", tally.micros.max());
    }
}
