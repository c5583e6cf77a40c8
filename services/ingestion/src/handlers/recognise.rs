//! Reads the people of inquiries in the background: tokens, who shares one, how like they are, links.
//!
//! It costs the doors nothing: what was committed is found by its id, and a place that is kept in the record makes it go on
//! where it stopped. Ids rise with time, but a transaction may commit late, so the place stays a minute behind, and each
//! process begins with a look at all. Deliberately not here: what is shown of links (links).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{SealError, Sealer};
use causeway_mailbox::{Database, Tx};
use causeway_proto::inquiry::v1 as wire;
use causeway_runtime::Stop;
use prost::Message as _;
use tracing::{debug, warn};
use uuid::Uuid;

use super::accept::Acceptance;
use crate::config::People;
use crate::domain::identity::clues::{self, Clue, Identity};
use crate::domain::identity::score::compare;
use crate::domain::person;
use crate::error::Refusal;
use crate::store::people::{self, NewLink, Unread};

/// Most people read in one transaction.
const BATCH: i64 = 20;
/// How late a transaction may commit the inquiry that it gave an id to.
const LATE: Duration = Duration::from_secs(60);
/// Most links that are kept of a person who was read: the surest.
const MOST_LINKS: usize = 20;
/// Stands for the whole installation where a key is a center's: no center can have this name.
const INSTALLATION: &str = "*";

/// What was done of a center's index.
#[derive(Debug, Clone, Default)]
struct Read {
    /// False where another process has the index.
    looked: bool,
    people: usize,
    links: Vec<String>,
}

/// Reads whoever was not read yet, until stopped.
pub async fn run(acceptance: Arc<Acceptance>, database: Database, pace: People, stop: Stop) {
    let mut begun = BTreeSet::new();
    loop {
        let mut read = 0;
        for center in acceptance.profiles.names() {
            if stop.soft.is_cancelled() {
                return;
            }
            let is_first = begun.insert(center.clone());
            match center_once(&acceptance, &database, &center, is_first).await {
                Ok(done) => {
                    if !done.looked {
                        begun.remove(&center);
                    }
                    read += done.people;
                    acceptance.metrics.indexed.with_label_values(&[&center]).inc_by(done.people as u64);
                    for strength in done.links {
                        acceptance.metrics.links.with_label_values(&[&center, &strength]).inc();
                    }
                }
                Err(cause) => {
                    begun.remove(&center);
                    debug!(%cause, center, "read people for the index; tried again shortly");
                }
            }
        }
        let wait = match read {
            0 => Duration::from_millis(pace.look_milliseconds.max(1)),
            read => Duration::from_secs_f64(read as f64 / f64::from(pace.per_second.max(1))),
        };
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn center_once(
    acceptance: &Arc<Acceptance>,
    database: &Database,
    center: &str,
    is_first: bool,
) -> Result<Read, Refusal> {
    let shares = acceptance.profiles.current(center).is_some_and(|profile| profile.1.center.share_recognition);
    let sealer = acceptance.sealer.clone();
    let reader = Reader { version: version(&sealer, center, shares)?, sealer, center: center.to_owned(), shares };
    database.with_tx(center, move |tx| Box::pin(async move { reader.read(tx, is_first).await })).await
}

/// Differs whenever the tokens of the same person would: another key, another way, shared or not.
fn version(sealer: &Sealer, center: &str, shares: bool) -> Result<Vec<u8>, Refusal> {
    let way = format!("{}|{shares}", clues::VERSION);
    let of = |whose: &str| sealer.blind(whose, "person index version", &way).map_err(|_| Refusal::Internal);
    Ok([of(center)?, of(INSTALLATION)?].concat())
}

struct Reader {
    sealer: Sealer,
    center: String,
    version: Vec<u8>,
    shares: bool,
}

impl Reader {
    async fn read(&self, tx: &mut Tx, is_first: bool) -> Result<Read, Refusal> {
        let Some(mut after) = people::take(tx, &self.version).await? else { return Ok(Read::default()) };
        if is_first {
            after = Uuid::nil();
        }
        let unread = people::unread(tx, &self.version, after, BATCH).await?;
        let settled = before(tx, LATE);
        let is_all = unread.len() < usize::try_from(BATCH).unwrap_or_default();
        let last = unread.last().map_or(Uuid::nil(), |one| one.inquiry_id);
        let through = if is_all { settled } else { last.min(settled) };
        let links = if unread.is_empty() { Vec::new() } else { self.index(tx, &unread).await? };
        // Where nothing comes there is little to move: what was read is passed over again for a while.
        if !unread.is_empty() || is_first || after < before(tx, 2 * LATE) {
            people::advance(tx, &self.version, through.max(after)).await?;
        }
        Ok(Read { looked: true, people: unread.len(), links })
    }

    async fn index(&self, tx: &mut Tx, unread: &[Unread]) -> Result<Vec<String>, Refusal> {
        let ids: Vec<Uuid> = unread.iter().map(|one| one.inquiry_id).collect();
        let mut known: HashMap<Uuid, Identity> = HashMap::new();
        let (mut own, mut for_sisters) = (Vec::new(), Vec::new());
        for one in unread {
            // What can't be opened is marked as read all the same: it would stand before all others for good.
            let Some(identity) = self.identity(one) else { continue };
            own.extend(self.tokens(&self.center, one.inquiry_id, &identity.clues())?);
            if self.shares {
                for_sisters.extend(self.tokens(INSTALLATION, one.inquiry_id, &identity.clues_for_sisters())?);
            }
            known.insert(one.inquiry_id, identity);
        }
        people::write(tx, &self.version, &ids, (&own, &for_sisters)).await?;
        let sharing = people::sharing(tx, &own).await?;
        let crowded: BTreeSet<Uuid> = sharing.iter().filter(|(.., beyond)| *beyond).map(|(id, ..)| *id).collect();
        if !crowded.is_empty() {
            people::mark_crowded(tx, &Vec::from_iter(crowded)).await?;
        }
        let pairs: BTreeSet<(Uuid, Uuid)> =
            sharing.into_iter().filter(|(.., beyond)| !beyond).map(|(one, other, _)| (one, other)).collect();
        let strangers: BTreeSet<Uuid> =
            pairs.iter().map(|(_, other)| *other).filter(|other| !known.contains_key(other)).collect();
        for other in people::those(tx, &Vec::from_iter(strangers)).await? {
            if let Some(identity) = self.identity(&other) {
                known.insert(other.inquiry_id, identity);
            }
        }
        Ok(people::link(tx, &links(&pairs, &known)).await?)
    }

    fn identity(&self, one: &Unread) -> Option<Identity> {
        let context = person::context(one.inquiry_id);
        let opened = self.sealer.open(&self.center, &context, &one.sealed);
        let person = opened.ok().and_then(|bytes| person::read(bytes.expose()));
        if person.is_none() {
            warn!(inquiry.id = %one.inquiry_id, "open a person for the index; it is left out");
        }
        let office = wire::Facts::decode(one.facts.as_slice()).unwrap_or_default().referring_office;
        person.map(|person| Identity::of(&person, &office))
    }

    fn tokens(&self, whose: &str, inquiry: Uuid, clues: &[Clue]) -> Result<Vec<(Uuid, [u8; 16])>, Refusal> {
        let token = |clue: &Clue| -> Result<_, SealError> { Ok((inquiry, token(&self.sealer, whose, clue)?)) };
        clues.iter().map(token).collect::<Result<_, _>>().map_err(|_| Refusal::Internal)
    }
}

/// What people are found by who share this clue.
///
/// # Errors
/// The cryptographic library refused.
pub fn token(sealer: &Sealer, whose: &str, clue: &Clue) -> Result<[u8; 16], SealError> {
    sealer.blind(whose, &format!("person {} {}", clues::VERSION, clue.kind), &clue.value)
}

/// The least id that is given at a time so long ago.
fn before(tx: &Tx, by: Duration) -> Uuid {
    let then = u64::try_from(tx.now().as_millisecond()).unwrap_or_default();
    let millis = then.saturating_sub(u64::try_from(by.as_millis()).unwrap_or_default());
    Uuid::from_u128(u128::from(millis) << 80)
}

/// The surest links of each person who was read.
fn links(pairs: &BTreeSet<(Uuid, Uuid)>, known: &HashMap<Uuid, Identity>) -> Vec<NewLink> {
    let mut found: BTreeMap<(Uuid, Uuid), NewLink> = BTreeMap::new();
    let mut of_one: BTreeMap<Uuid, Vec<NewLink>> = BTreeMap::new();
    for (one, other) in pairs {
        let (Some(left), Some(right)) = (known.get(one), known.get(other)) else { continue };
        let score = compare(left, right);
        let Some(strength) = score.strength() else { continue };
        of_one.entry(*one).or_default().push(NewLink {
            newer: *one.max(other),
            older: *one.min(other),
            strength: strength.word(),
            score: score.sum,
            because: score.because.iter().map(|reason| reason.word()).collect(),
        });
    }
    for mut links in of_one.into_values() {
        links.sort_by_key(|link| (-link.score, link.older));
        found.extend(links.into_iter().take(MOST_LINKS).map(|link| ((link.newer, link.older), link)));
    }
    found.into_values().collect()
}

/// Looks at all inquiries of a center again; with `anew` every person is read again.
pub async fn begin_again(database: &Database, center: &str, anew: bool) -> Result<(), Refusal> {
    database
        .with_tx(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(people::begin_again(tx, anew).await?) }))
        .await
}
