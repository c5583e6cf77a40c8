//! The sender loop: what is intended goes out, and what became of it is written down.
//!
//! Claim (committed), read the people, fill in the words, hand over, settle: no network call stands inside a transaction
//! (F2). Whoever dies between the claim and the settling leaves a row whose lease runs out; it is then unknown and is not
//! sent again by itself (N7). Deliberately not here: what is to be sent (handlers) and what a try means (domain::retry).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{Sealer, SignedLinks};
use causeway_mailbox::{Database, Revisions, TxError};
use causeway_runtime::Stop;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::adapters::book::{Book, Words};
use crate::adapters::letter::{self, Headers, Letter, Unsendable};
use crate::adapters::people::{People, Recipient};
use crate::adapters::post::Post;
use crate::config::Config;
use crate::domain::notice::{Kind, State, needs_a_person, reason};
use crate::domain::retry::{Attempt, Patience, Tried, settle};
use crate::domain::staff_words;
use crate::domain::variables::{self, Matter, Reader};
use crate::handlers::{Ending, draft};
use crate::metrics::Metrics;
use crate::store::claims::{self, Claim, Claimed, Ended, Told};
use crate::store::stops;

/// What a notice says may be this old before it is no longer said. In real time: a clock that runs fast would otherwise
/// make every notice late.
const GRACE: f64 = 300.0;
/// Centers whose notices go out side by side.
const CENTERS_AT_ONCE: usize = 4;
/// First and longest wait before what became of a batch is written down again.
const WRITE_AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];
/// What became of a batch is not written down again this near the end of its lease.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// All that the loop needs.
pub struct Sender {
    /// The database.
    pub database: Database,
    /// Profiles in force.
    pub books: Arc<Revisions<Book>>,
    /// Who notices are for.
    pub people: People,
    /// The mail server.
    pub post: Post,
    /// Places for mails that are under way, over all centers.
    pub places: Semaphore,
    /// Makes the links in messages.
    pub links: SignedLinks,
    /// Makes keyed hashes of addresses.
    pub sealer: Sealer,
    /// Where links lead.
    pub base_url: String,
    /// Sizes and times.
    pub config: Config,
    /// The counters.
    pub metrics: Metrics,
    /// Asked between two mails.
    pub stop: Stop,
}

/// A notice with all that was found for it before it is handed over.
struct Prepared {
    claimed: Claimed,
    token: Option<Vec<u8>>,
    letter: Result<Letter, Tried>,
}

/// A notice, the keyed hash of its address, and how the try ended.
type Outcome = (Claimed, Option<Vec<u8>>, Tried);

impl Sender {
    /// Sends until stopped; a batch that is under way is settled first.
    pub async fn run(self) {
        let every = Duration::from_millis(self.config.sender_every_ms);
        let mut looked: Option<Instant> = None;
        loop {
            tokio::select! {
                () = self.stop.soft.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            while !self.stop.is_requested() {
                match self.round().await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(cause) => {
                        debug!(%cause, "look for due notices; tried again shortly");
                        break;
                    }
                }
            }
            if looked.is_none_or(|at| at.elapsed() > Duration::from_secs(5)) {
                looked = Some(Instant::now());
                self.measure().await;
            }
        }
    }

    /// One batch of each center that has something due; true where there may be more. Centers go side by side, so that
    /// one with a slow mail server or a long queue does not hold up the others.
    async fn round(&self) -> Result<bool, TxError> {
        let now = self.database.now().await?;
        let centers = claims::due_centers(self.database.machine(), now).await?;
        let rounds = futures::stream::iter(centers).map(|center| async move {
            self.round_of(&center).await.unwrap_or_else(|cause| {
                debug!(center, %cause, "send a center's notices; tried again shortly");
                false
            })
        });
        let more: Vec<bool> = rounds.buffer_unordered(CENTERS_AT_ONCE).collect().await;
        Ok(more.contains(&true))
    }

    async fn round_of(&self, center: &str) -> Result<bool, TxError> {
        // Before the claim, whose lease begins with its transaction.
        let claimed_at = Instant::now();
        let (claim, expired) = self.claim(center).await?;
        for told in &expired {
            warn!(
                notice.id = %told.notice_id, kind = told.kind.word(),
                "sender ended before it wrote down whether the notice went out; it is not sent again by itself"
            );
        }
        let more = claim.to_send.len() + claim.withheld.len() >= usize::from(self.config.sender_batch);
        if !claim.to_send.is_empty() {
            self.deliver(center, claim.to_send, claimed_at).await?;
        }
        Ok(more)
    }

    /// Takes a batch on, and tells what will not be sent any more.
    async fn claim(&self, center: &str) -> Result<(Claim, Vec<Told>), TxError> {
        let (most, lease) = (self.config.sender_batch, self.config.lease());
        let grace =
            SignedDuration::try_from_secs_f64(GRACE * self.database.clock().speed()).unwrap_or(SignedDuration::MAX);
        let (claim, expired) = self
            .database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    let now = tx.now();
                    let expired = claims::expire(tx).await?;
                    let claim = claims::claim(tx, most, lease, now.saturating_sub(grace).unwrap_or(now)).await?;
                    let center = tx.center().to_owned();
                    for told in &expired {
                        tx.emit(draft(&center, told, Ending::Uncertain(reason::INTERRUPTED), now));
                    }
                    for (told, why) in claim.withheld.iter().filter(|(told, why)| needs_a_person(told.kind, why)) {
                        tx.emit(draft(&center, told, Ending::Failed(why), now));
                    }
                    Ok::<_, TxError>((claim, expired))
                })
            })
            .await?;
        expired.iter().for_each(|told| self.metrics.count(told.kind, true, State::Unknown.word(), 1));
        for (told, why) in &claim.withheld {
            let state = if why == reason::TOO_LATE { State::Failed } else { State::Suppressed };
            self.metrics.count(told.kind, told.by_email, state.word(), 1);
        }
        Ok((claim, expired))
    }

    /// Hands a claimed batch over and writes down what became of it.
    async fn deliver(&self, center: &str, claimed: Vec<Claimed>, claimed_at: Instant) -> Result<(), TxError> {
        // Nobody's name is read for a mail that can't go out anyway.
        let prepared = match self.post.reach().await {
            Ok(()) => self.prepare(center, claimed).await,
            Err(why) => all_not_handed_over(claimed, why),
        };
        let last_start = self.config.lease().saturating_sub(self.config.mail_timeout() * 2);
        let tried: Vec<Outcome> = futures::stream::iter(prepared)
            .map(|one| async move {
                let tried = match one.letter {
                    Err(tried) => tried,
                    Ok(letter) => {
                        // Never closed; an error would mean a place as well.
                        let _place = self.places.acquire().await;
                        // Too near the end of the lease: another process would take the row for a dead sender's.
                        if self.stop.is_requested() || claimed_at.elapsed() > last_start {
                            Tried::NotBegun
                        } else {
                            self.post.hand_over(&letter).await
                        }
                    }
                };
                (one.claimed, one.token, tried)
            })
            .buffer_unordered(usize::from(self.config.sender_concurrency))
            .collect()
            .await;
        self.write_down(center, tried, claimed_at + self.config.lease().saturating_sub(LEASE_MARGIN)).await
    }

    /// Finds people, addresses and words for a batch.
    async fn prepare(&self, center: &str, claimed: Vec<Claimed>) -> Vec<Prepared> {
        // Nobody looks at a person for a mail to staff.
        let mut inquiries: Vec<Uuid> =
            claimed.iter().filter(|one| one.told.kind.is_to_the_person()).map(|one| one.told.inquiry_id).collect();
        inquiries.sort_unstable();
        inquiries.dedup();
        let people =
            if inquiries.is_empty() { Ok(HashMap::new()) } else { self.people.reveal(center, &inquiries).await };
        let people = match people {
            Ok(people) => people,
            Err(code) => {
                warn!(center, code = ?code, "read who notices are for from ingestion; tried again later");
                return all_not_handed_over(claimed, "people");
            }
        };
        let token = |recipient: &Recipient| self.address_token(center, recipient);
        let tokens: HashMap<Uuid, Vec<u8>> =
            people.iter().filter_map(|(inquiry, recipient)| Some((*inquiry, token(recipient)?))).collect();
        let asked: Vec<Vec<u8>> = tokens.values().cloned().collect();
        let stopped = self.database.read(center, move |tx| Box::pin(stops::of_addresses(tx, asked))).await;
        let Ok(stopped) = stopped else { return all_not_handed_over(claimed, "database") };
        let mut old: HashMap<String, Option<Arc<(String, Book)>>> = HashMap::new();
        let mut prepared = Vec::with_capacity(claimed.len());
        for one in claimed {
            // What a person stopped stops nothing for staff.
            let token = tokens.get(&one.told.inquiry_id).filter(|_| one.told.kind.is_to_the_person()).cloned();
            let since = token.as_ref().and_then(|token| stopped.get(token));
            let letter = if since.is_some_and(|since| *since >= one.about.consented_at) {
                Err(Tried::Stopped)
            } else {
                let book = self.book(center, &one.revision, &mut old).await;
                self.letter(center, &one, book.as_deref(), people.get(&one.told.inquiry_id))
            };
            prepared.push(Prepared { claimed: one, token, letter });
        }
        prepared
    }

    fn address_token(&self, center: &str, recipient: &Recipient) -> Option<Vec<u8>> {
        let address = recipient.email.expose().trim().to_lowercase();
        if address.is_empty() {
            return None;
        }
        self.sealer.blind(center, "notice.address", &address).ok().map(Vec::from)
    }

    /// The profile that was in force when the notice was decided on, or else the one in force now.
    async fn book(
        &self,
        center: &str,
        revision: &str,
        old: &mut HashMap<String, Option<Arc<(String, Book)>>>,
    ) -> Option<Arc<(String, Book)>> {
        let current = self.books.current(center);
        if current.as_ref().is_some_and(|current| current.0 == revision) {
            return current;
        }
        if !old.contains_key(revision) {
            let found = self.books.at(center, revision).await.ok().flatten();
            old.insert(revision.to_owned(), found.map(|book| Arc::new((revision.to_owned(), book))));
        }
        old.get(revision).cloned().flatten().or(current)
    }

    /// The mail of one notice.
    fn letter(
        &self,
        center: &str,
        one: &Claimed,
        book: Option<&(String, Book)>,
        recipient: Option<&Recipient>,
    ) -> Result<Letter, Tried> {
        if let (Some((_, book)), false) = (book, one.told.kind.is_to_the_person()) {
            return self.to_staff(center, one, book);
        }
        let (Some((_, book)), Some(recipient)) = (book, recipient) else {
            return Err(match book {
                None => Tried::NotHandedOver("profile".to_owned()),
                Some(_) => Tried::Impossible(reason::NO_CHANNEL),
            });
        };
        let to = letter::address(recipient.email.expose()).map_err(|_| Tried::Impossible(reason::NO_CHANNEL))?;
        let at = self.database.clock().now();
        let link = self.link(center, one.told.inquiry_id, at).ok_or(Tried::Impossible(reason::TEMPLATE))?;
        let language = book.language(one.told.kind, &one.template, &one.about.language);
        let matter =
            Matter { about: &one.about, contact_by: one.contact_by, opens_at: one.opens_at, params: &one.params };
        let reader = Reader { greeting_name: recipient.greeting_name.expose(), link: &link };
        let variables = variables::fill(&book.profile, language, &matter, &reader);
        let words = book.words(one.told.kind, &one.template, &one.about.language, &variables).map_err(|cause| {
            warn!(center, notice.id = %one.told.notice_id, %cause, "write a message; staff are told to call instead");
            Tried::Impossible(reason::TEMPLATE)
        })?;
        let center_card = &book.profile.center;
        let headers =
            Headers { notice_id: one.told.notice_id, center: center_card, stop_link: &variables.stop_link, at };
        letter::letter(&headers, to, words).map_err(|cause| {
            warn!(center, notice.id = %one.told.notice_id, %cause, "make a mail; staff are told to call instead");
            Tried::Impossible(if cause == Unsendable::NoAddress { reason::NO_CHANNEL } else { reason::TEMPLATE })
        })
    }

    /// The mail of one notice to one of the staff. Who left the profile meanwhile gets none.
    fn to_staff(&self, center: &str, one: &Claimed, book: &Book) -> Result<Letter, Tried> {
        let to_staff = one.params.to_staff.as_ref().ok_or(Tried::Impossible(reason::TEMPLATE))?;
        let staff = book.profile.staff(&to_staff.staff).ok_or(Tried::Impossible(reason::NO_CHANNEL))?;
        let to = letter::address(&staff.email).map_err(|_| Tried::Impossible(reason::NO_CHANNEL))?;
        let about = (to_staff.why.as_str(), one.about.reference.as_str());
        let (subject, text) = staff_words::words(&book.profile, &staff.name, about, one.contact_by);
        let words = Words { language: staff_words::LANGUAGE.to_owned(), subject, text, html: None };
        let at = self.database.clock().now();
        let headers = Headers { notice_id: one.told.notice_id, center: &book.profile.center, stop_link: "", at };
        letter::letter(&headers, to, words).map_err(|cause| {
            warn!(center, notice.id = %one.told.notice_id, %cause, "make a mail to staff");
            Tried::Impossible(reason::TEMPLATE)
        })
    }

    fn link(&self, center: &str, inquiry_id: Uuid, now: Timestamp) -> Option<String> {
        let days = SignedDuration::from_hours(24 * i64::from(self.config.link_days));
        let token =
            self.links.issue(center, causeway_proto::PATIENT_LINK, inquiry_id, now.checked_add(days).ok()?).ok()?;
        Some(format!("{}/p/{token}", self.base_url))
    }

    /// Settles tries and tells the others. A database that is away for a moment is asked again, so that it does not make
    /// delivered mails uncertain; a commit without an answer too, since only rows of this very try are settled. Where
    /// that fails until the lease nears its end the rows stay in sending and become unknown: what went out is never lost
    /// sight of, and never sent twice.
    async fn write_down(&self, center: &str, tried: Vec<Outcome>, until: Instant) -> Result<(), TxError> {
        let retried = tried.iter().filter(|(_, _, tried)| matches!(tried, Tried::NotHandedOver(_))).count();
        if retried > 0 {
            let why = tried.iter().find_map(|(_, _, tried)| match tried {
                Tried::NotHandedOver(why) => Some(why.as_str()),
                _ => None,
            });
            info!(center, count = retried, why, "notices could not be handed over; tried again later");
        }
        let tried: Arc<[Outcome]> = tried.into();
        let [mut wait, most] = WRITE_AGAIN;
        loop {
            let Err(cause) = self.write_down_once(center, Arc::clone(&tried)).await else { return Ok(()) };
            if !cause.is_transient() || Instant::now() + wait >= until || self.stop.hard.is_cancelled() {
                warn!(
                    center, count = tried.len(), %cause,
                    "what became of notices could not be written down; they become uncertain when their lease ends"
                );
                return Err(cause);
            }
            debug!(center, %cause, "write down what became of notices; tried again shortly");
            tokio::select! {
                () = self.stop.hard.cancelled() => {}
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(most),
            }
        }
    }

    async fn write_down_once(&self, center: &str, tried: Arc<[Outcome]>) -> Result<(), TxError> {
        let patience = Patience {
            first: Duration::from_secs(self.config.retry_first_seconds.into()),
            most: Duration::from_secs(self.config.retry_most_seconds.into()),
            horizon: SignedDuration::from_hours(self.config.retry_hours.into()),
        };
        let counted = self
            .database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    let (now, center) = (tx.now(), tx.center().to_owned());
                    let ended: Vec<Ended> = tried.iter().map(|one| ended(one, patience, now)).collect();
                    let settled = claims::settle(tx, &ended).await?;
                    let by_id: HashMap<Uuid, &Ended> = ended.iter().map(|one| (one.notice_id, one)).collect();
                    let mut counted = Vec::with_capacity(settled.len());
                    for told in &settled {
                        let Some(one) = by_id.get(&told.notice_id) else { continue };
                        if let Some(ending) = ending(told.kind, one) {
                            tx.emit(draft(&center, told, ending, now));
                        }
                        counted.push((told.kind, one.settled.state));
                    }
                    Ok::<_, TxError>(counted)
                })
            })
            .await?;
        for (kind, state) in counted {
            let outcome = if state == State::Intended { "retried" } else { state.word() };
            self.metrics.count(kind, true, outcome, 1);
        }
        Ok(())
    }

    async fn measure(&self) {
        let oldest = claims::oldest_due(self.database.machine()).await;
        if let Ok(oldest) = oldest {
            let now = self.database.clock().now();
            self.metrics.set_oldest(oldest.map_or(0.0, |at| now.duration_since(at).as_secs_f64()));
        }
    }
}

fn all_not_handed_over(claimed: Vec<Claimed>, why: &str) -> Vec<Prepared> {
    let letter = || Err(Tried::NotHandedOver(why.to_owned()));
    claimed.into_iter().map(|claimed| Prepared { claimed, token: None, letter: letter() }).collect()
}

fn ended((one, token, tried): &Outcome, patience: Patience, now: Timestamp) -> Ended {
    let attempt = Attempt { notice_id: one.told.notice_id, attempts: one.attempts, since: one.intended_at };
    Ended {
        notice_id: one.told.notice_id,
        attempt: one.attempts,
        settled: settle(tried.clone(), attempt, patience, now),
        address_token: token.clone(),
    }
}

/// What the others hear: nothing of a try that is repeated, nor of a stop that is obeyed unless somebody waits for the notice.
fn ending(kind: Kind, one: &Ended) -> Option<Ending<'_>> {
    let why = one.settled.reason.as_str();
    match one.settled.state {
        State::Sent => Some(Ending::Sent),
        State::Unknown => Some(Ending::Uncertain(why)),
        State::Failed | State::Suppressed => needs_a_person(kind, why).then_some(Ending::Failed(why)),
        State::Intended | State::Sending => None,
    }
}
