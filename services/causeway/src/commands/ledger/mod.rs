//! `causeway ledger`: proves that no inquiry is lost (F5). Every accepted inquiry is open, scheduled, attended, closed
//! with a reason, parked for an operator, still on its way, or held for a person who looks whether a machine sent it.
//!
//! The proof goes id by id over the databases of the services and not by counts, which balance when one inquiry is lost
//! and another one appears twice. Deliberately not here: repairing anything (`causeway reconcile`, `causeway parked`).

mod book;
mod merge;
mod streams;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use causeway_runtime::RuntimeConfig;
use clap::Args;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::cli::Common;
use crate::installation;

pub use book::{Account, Confirmations, Handed, Ledger};
use merge::{Entry, Stream};
use streams::{Accepted, AtDesk, Books, CHUNK, Decided};

/// Proves that no inquiry is lost: accepted = open + scheduled + attended + closed + parked + in transit + held.
#[derive(Debug, Args)]
pub struct TakeLedger {
    /// Waits up to this many seconds until it balances with nothing on its way. Without it, one look is taken.
    #[arg(long, value_name = "SECONDS")]
    pub settle: Option<u64>,
    /// How old an inquiry on its way may be before it is looked for hop by hop: it is late where an outbox, the bus or a
    /// listener still has it to carry, and lost where nobody has.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub grace: u64,
}

const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl TakeLedger {
    /// Runs the command. It fails where anything is lost, doubled or forgotten, or still on its way after the time to settle.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        let books = Books::open(&config).await?;
        let grace = Duration::from_secs(self.grace);
        let began = Instant::now();
        let ledger = loop {
            let ledger = read(&books, grace).await?;
            let waits = self.settle.is_some_and(|seconds| began.elapsed() < Duration::from_secs(seconds));
            if ledger.at_rest() || !waits {
                break ledger;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        let good = if self.settle.is_some() { ledger.at_rest() } else { ledger.balanced() };
        if common.json {
            println!("{}", serde_json::to_string(&ledger)?);
        } else {
            println!("{}", ledger.text());
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Takes the ledger of an installation. What is on its way for longer than `grace` is looked for hop by hop.
pub async fn take(config: &RuntimeConfig, grace: Duration) -> anyhow::Result<Ledger> {
    read(&Books::open(config).await?, grace).await
}

async fn read(books: &Books, grace: Duration) -> anyhow::Result<Ledger> {
    let centers = books.centers().await?;
    let mut accepted: Vec<Stream<Accepted>> = centers.iter().map(|_| Stream::default()).collect();
    let mut decided: Vec<Stream<Decided>> = centers.iter().map(|_| Stream::default()).collect();
    let mut desk: Stream<AtDesk> = Stream::default();
    let mut audit = Audit { books, grace, ledger: Ledger::default(), doubts: Doubts::default() };
    centers.iter().for_each(|center| _ = audit.ledger.account(center));
    loop {
        let mut read = false;
        for (center, (accepted, decided)) in centers.iter().zip(accepted.iter_mut().zip(&mut decided)) {
            if let Some(after) = accepted.wants() {
                accepted.take(books.accepted(center, after).await?, CHUNK);
                read = true;
            }
            if let Some(after) = decided.wants() {
                decided.take(books.decided(center, after).await?, CHUNK);
                read = true;
            }
        }
        if let Some(after) = desk.wants() {
            desk.take(books.at_desk(after).await?, CHUNK);
            read = true;
        }
        while let Some(entry) = merge::next(&mut accepted, &mut decided, &mut desk) {
            audit.enter(entry);
            if audit.doubts.len() >= CHUNK {
                audit.settle_doubts().await?;
            }
        }
        if !read {
            break;
        }
    }
    audit.settle_doubts().await?;
    let mut ledger = audit.ledger;
    ledger.confirmations.by_state = books.confirmations().await?;
    let second = books.confirmed_twice().await?;
    ledger.confirmations.second = second.len() as u64;
    second.into_iter().for_each(|inquiry| ledger.example("second confirmations", inquiry));
    Ok(ledger.close())
}

/// What looked wrong at first sight. The databases are read one after the other, so it may have moved meanwhile.
#[derive(Default)]
struct Doubts {
    missing: Vec<Accepted>,
    phantom: Vec<(AtDesk, bool)>,
    undecided: Vec<(Uuid, String)>,
    /// Closed at the desk of the center, and no sister center has answered.
    handed: Vec<(Uuid, String)>,
}

impl Doubts {
    fn len(&self) -> usize {
        self.missing.len() + self.phantom.len() + self.undecided.len() + self.handed.len()
    }
}

struct Audit<'a> {
    books: &'a Books,
    grace: Duration,
    ledger: Ledger,
    doubts: Doubts,
}

impl Audit<'_> {
    fn enter(&mut self, entry: Entry<Accepted, Decided, AtDesk>) {
        let Entry { inquiry, mut accepted, decided, desk } = entry;
        let first = (!accepted.is_empty()).then(|| accepted.swap_remove(0));
        match (first, desk) {
            (Some(first), None) if first.held => self.ledger.held(&first.center),
            (Some(first), None) => {
                self.ledger.account(&first.center).accepted += 1;
                self.doubts.missing.push(first);
            }
            (Some(first), Some(row)) => {
                self.ledger.account(&first.center).accepted += 1;
                match row.stage.as_str() {
                    "handed" => self.doubts.handed.push((inquiry, first.center.clone())),
                    _ => self.ledger.at_desk(&first.center, &row),
                }
                self.decisions(inquiry, &first.center, decided.len());
            }
            (None, Some(row)) => self.doubts.phantom.push((row, decided.is_empty())),
            // Decided before this look saw it accepted; the next look finds it.
            (None, None) => {}
        }
    }

    fn decisions(&mut self, inquiry: Uuid, center: &str, count: usize) {
        match count {
            0 => self.doubts.undecided.push((inquiry, center.to_owned())),
            1 => {}
            _ => {
                self.ledger.account(center).decided_twice += 1;
                self.ledger.example("decided twice", inquiry);
            }
        }
    }

    async fn settle_doubts(&mut self) -> anyhow::Result<()> {
        let doubts = std::mem::take(&mut self.doubts);
        self.settle_phantoms(doubts.phantom).await?;
        self.settle_missing(doubts.missing).await?;
        self.settle_handed(doubts.handed).await?;
        self.settle_undecided(doubts.undecided).await
    }

    async fn settle_phantoms(&mut self, rows: Vec<(AtDesk, bool)>) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = rows.iter().map(|(row, _)| row.inquiry).collect();
        let accepted = self.books.accepted_by_now(&ids).await?;
        for (row, undecided) in rows {
            let Some(center) = accepted.get(&row.inquiry) else {
                self.ledger.account(&row.center).phantom += 1;
                self.ledger.example("phantom", row.inquiry);
                continue;
            };
            self.ledger.account(center).accepted += 1;
            self.ledger.at_desk(center, &row);
            if undecided {
                self.doubts.undecided.push((row.inquiry, center.clone()));
            }
        }
        let undecided = std::mem::take(&mut self.doubts.undecided);
        self.settle_undecided(undecided).await
    }

    async fn settle_missing(&mut self, missing: Vec<Accepted>) -> anyhow::Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = missing.iter().map(|accepted| accepted.inquiry).collect();
        // Looked at before and after the desk: what is parked or handled again meanwhile must not look as if it were nowhere.
        let mut parked = self.books.parked().await?;
        let desk = self.books.at_desk_by_now(&ids).await?;
        parked.extend(self.books.parked().await?);
        let (now, written) = self.books.written_at(&ids).await?;
        let grace = SignedDuration::try_from(self.grace).unwrap_or(SignedDuration::MAX);
        let mut old = Vec::new();
        for accepted in missing {
            let (inquiry, center) = (accepted.inquiry, &accepted.center);
            // An inquiry whose event was never written can't be on its way.
            let young = written.get(&inquiry).is_some_and(|at| now.duration_since(*at) <= grace);
            if let Some(row) = desk.get(&inquiry) {
                self.ledger.at_desk(center, row);
            } else if parked.contains(&inquiry) {
                self.ledger.account(center).parked += 1;
            } else if young {
                self.ledger.account(center).in_transit += 1;
            } else {
                old.push(accepted);
            }
        }
        self.settle_old(old).await
    }

    async fn settle_handed(&mut self, handed: Vec<(Uuid, String)>) -> anyhow::Result<()> {
        if handed.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = handed.iter().map(|(inquiry, _)| *inquiry).collect();
        let mut parked = self.books.parked().await?;
        let (now, told) = self.books.handed_at(&ids).await?;
        let desk = self.books.at_desk_by_now(&ids).await?;
        parked.extend(self.books.parked().await?);
        let grace = SignedDuration::try_from(self.grace).unwrap_or(SignedDuration::MAX);
        for (inquiry, center) in handed {
            let Some(row) = desk.get(&inquiry) else {
                self.ledger.account(&center).lost += 1;
                self.ledger.example("lost", inquiry);
                continue;
            };
            // Whatever was answered meanwhile stands where it stands.
            if row.stage != "handed" {
                self.ledger.at_desk(&center, row);
                continue;
            }
            let age = told.get(&inquiry).map(|at| now.duration_since(*at));
            self.ledger.handed(&center, row, Handed::of(parked.contains(&inquiry), age, grace));
        }
        Ok(())
    }

    /// Long on its way is no loss as long as somebody has it to carry: a service or the bus may stand still.
    async fn settle_old(&mut self, old: Vec<Accepted>) -> anyhow::Result<()> {
        if old.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = old.iter().map(|accepted| accepted.inquiry).collect();
        let carried = self.books.carried(&ids).await?;
        // Whoever arrived between the two looks is at the desk now.
        let desk = self.books.at_desk_by_now(&ids).await?;
        for Accepted { inquiry, center, .. } in old {
            if let Some(row) = desk.get(&inquiry) {
                self.ledger.at_desk(&center, row);
            } else if carried.contains(&inquiry) {
                let account = self.ledger.account(&center);
                account.in_transit += 1;
                account.late += 1;
                self.ledger.example("late", inquiry);
            } else {
                self.ledger.account(&center).lost += 1;
                self.ledger.example("lost", inquiry);
            }
        }
        Ok(())
    }

    async fn settle_undecided(&mut self, undecided: Vec<(Uuid, String)>) -> anyhow::Result<()> {
        if undecided.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = undecided.iter().map(|(inquiry, _)| *inquiry).collect();
        let decided = self.books.decided_by_now(&ids).await?;
        for (inquiry, center) in undecided.into_iter().filter(|(inquiry, _)| !decided.contains(inquiry)) {
            self.ledger.account(&center).undecided += 1;
            self.ledger.example("undecided", inquiry);
        }
        Ok(())
    }
}
