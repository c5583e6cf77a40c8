//! Reads the people of inquiries in the background: tokens, who shares one, how like they are, links.
//!
//! It costs the doors nothing: what was committed is found by its id, and a place that is kept in the record makes it go on
//! where it stopped. Ids rise with time, but a transaction may commit late, so the place stays a minute behind: from there
//! all is looked through again now and then, and what came meanwhile is read from where the last look ended. Each process
//! begins with a look at all. Who was mended is read again, and what was only a hint goes where it is none any more.
//! Deliberately not here: what is shown of links (links).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use crate::domain::person::{self, Person};
use crate::error::Refusal;
use crate::store::people::{self, NewLink, Pair, Taken, Unread};

/// Most people read in one transaction, of the new ones and of those who are read again.
const BATCH: i64 = 50;
/// How late a transaction may commit the inquiry that it gave an id to.
const LATE: Duration = Duration::from_secs(60);
/// How late it nearly always is at most: so far back the next look begins.
const SOON: Duration = Duration::from_secs(2);
/// Most links that are kept of a person who was read: the surest.
const MOST_LINKS: usize = 20;
/// Stands for the whole installation where a key is a center's: no center can have this name.
const INSTALLATION: &str = "*";

/// How far this process has looked through a center's inquiries.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Behind this id the next look begins.
    at: Uuid,
    /// What the record says. It differs once somebody wants all of them read again.
    through: Uuid,
    /// What was passed over up to this id stands for good: no commit of it was out when the looking through began.
    settled: Uuid,
    /// When that was.
    since: Instant,
    /// All that there was has been looked through.
    caught_up: bool,
}

/// What was done of a center's index.
#[derive(Debug, Clone, Default)]
struct Read {
    /// Nothing where another process has the index.
    place: Option<Place>,
    people: usize,
    links: Vec<String>,
}

/// Reads whoever was not read yet, until stopped.
pub async fn run(acceptance: Arc<Acceptance>, database: Database, pace: People, stop: Stop) {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let look_back = Duration::from_secs(pace.look_back_seconds);
    loop {
        let mut read = 0;
        for center in acceptance.profiles.names() {
            if stop.soft.is_cancelled() {
                return;
            }
            match center_once(&acceptance, &database, &center, (places.remove(&center), look_back)).await {
                Ok(done) => {
                    places.extend(done.place.map(|place| (center.clone(), place)));
                    read += done.people;
                    acceptance.metrics.indexed.with_label_values(&[&center]).inc_by(done.people as u64);
                    for strength in done.links {
                        acceptance.metrics.links.with_label_values(&[&center, &strength]).inc();
                    }
                }
                Err(cause) => {
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
    (place, look_back): (Option<Place>, Duration),
) -> Result<Read, Refusal> {
    let shares = acceptance.profiles.current(center).is_some_and(|profile| profile.1.center.share_recognition);
    let sealer = acceptance.sealer.clone();
    let reader =
        Reader { version: version(&sealer, center, shares)?, sealer, center: center.to_owned(), shares, look_back };
    database.with_tx(center, move |tx| Box::pin(async move { reader.read(tx, place).await })).await
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
    look_back: Duration,
}

impl Reader {
    async fn read(&self, tx: &mut Tx, place: Option<Place>) -> Result<Read, Refusal> {
        let Some(Taken { through, anew }) = people::take(tx, &self.version).await? else { return Ok(Read::default()) };
        let place = place.filter(|_| !anew);
        let goes_on =
            |place: &Place| place.through == through && !(place.caught_up && place.since.elapsed() >= self.look_back);
        let mut place = match place.filter(goes_on) {
            Some(place) => place,
            None => {
                let at = if place.is_none() { Uuid::nil() } else { through };
                Place { at, through, settled: before(tx, LATE), since: Instant::now(), caught_up: false }
            }
        };
        let unread = people::unread(tx, &self.version, place.at, BATCH).await?;
        let is_all = unread.len() < usize::try_from(BATCH).unwrap_or_default();
        let last = unread.last().map_or(Uuid::nil(), |one| one.inquiry_id);
        let mut read = people::mended(tx, BATCH).await?;
        read.retain(|one| !unread.iter().any(|other| other.inquiry_id == one.inquiry_id));
        read.extend(unread);
        let links = if read.is_empty() { Vec::new() } else { self.index(tx, &read).await? };
        place.at = place.at.max(if is_all { before(tx, SOON) } else { last });
        place.caught_up |= is_all;
        let passed = place.at.min(place.settled);
        if passed > place.through {
            people::advance(tx, &self.version, passed).await?;
            place.through = passed;
        }
        Ok(Read { place: Some(place), people: read.len(), links })
    }

    async fn index(&self, tx: &mut Tx, unread: &[Unread]) -> Result<Vec<String>, Refusal> {
        let ids: Vec<Uuid> = unread.iter().map(|one| one.inquiry_id).collect();
        let mut known: HashMap<Uuid, Identity> = HashMap::new();
        let (mut own, mut for_sisters, mut to_find) = (Vec::new(), Vec::new(), Vec::new());
        for one in unread {
            // What can't be opened is marked as read all the same: it would stand before all others for good.
            let Some((person, identity)) = self.person(one) else { continue };
            to_find.extend(self.tokens(&self.center, one.inquiry_id, &Identity::clues_to_find(&person))?);
            own.extend(self.tokens(&self.center, one.inquiry_id, &identity.clues())?);
            if self.shares {
                for_sisters.extend(self.tokens(INSTALLATION, one.inquiry_id, &identity.clues_for_sisters())?);
            }
            known.insert(one.inquiry_id, identity);
        }
        // Those to find by are kept beside the others and join nobody.
        to_find.extend_from_slice(&own);
        people::write(tx, &self.version, &ids, (&to_find, &for_sisters)).await?;
        let sharing = people::sharing(tx, &own).await?;
        let crowded: BTreeSet<Uuid> = sharing.iter().filter(|(.., beyond)| *beyond).map(|(id, ..)| *id).collect();
        if !crowded.is_empty() {
            people::mark_crowded(tx, &Vec::from_iter(crowded)).await?;
        }
        let mut pairs: BTreeSet<Pair> =
            sharing.into_iter().filter(|(.., beyond)| !beyond).map(|(one, other, _)| (one, other)).collect();
        // Those of before are looked at again, also where nothing is shared any more.
        let before: BTreeSet<Pair> = people::open_links(tx, &ids).await?.into_iter().collect();
        pairs.extend(before.iter().map(
            |&(newer, older)| {
                if ids.contains(&newer) { (newer, older) } else { (older, newer) }
            },
        ));
        let strangers: BTreeSet<Uuid> =
            pairs.iter().map(|(_, other)| *other).filter(|other| !known.contains_key(other)).collect();
        for other in people::those(tx, &Vec::from_iter(strangers)).await? {
            if let Some((_, identity)) = self.person(&other) {
                known.insert(other.inquiry_id, identity);
            }
        }
        let (links, mut gone) = links(&pairs, &known);
        // Most of those who are not alike never were: there is nothing to take away.
        gone.retain(|pair| before.contains(pair));
        people::unlink(tx, &gone).await?;
        Ok(people::link(tx, &links).await?)
    }

    fn person(&self, one: &Unread) -> Option<(Person, Identity)> {
        let context = person::context(one.inquiry_id);
        let opened = self.sealer.open(&self.center, &context, &one.sealed);
        let person = opened.ok().and_then(|bytes| person::read(bytes.expose()));
        if person.is_none() {
            warn!(inquiry.id = %one.inquiry_id, "open a person for the index; it is left out");
        }
        let office = wire::Facts::decode(one.facts.as_slice()).unwrap_or_default().referring_office;
        person.map(|person| {
            let identity = Identity::of(&person, &office);
            (person, identity)
        })
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

/// The surest links of each person who was read, and the pairs of which none is worth a link.
fn links(pairs: &BTreeSet<Pair>, known: &HashMap<Uuid, Identity>) -> (Vec<NewLink>, Vec<Pair>) {
    let mut found: BTreeMap<Pair, NewLink> = BTreeMap::new();
    let mut gone = Vec::new();
    let mut of_one: BTreeMap<Uuid, Vec<NewLink>> = BTreeMap::new();
    for (one, other) in pairs {
        let (Some(left), Some(right)) = (known.get(one), known.get(other)) else { continue };
        let (score, newer, older) = (compare(left, right), *one.max(other), *one.min(other));
        let Some(strength) = score.strength() else {
            gone.push((newer, older));
            continue;
        };
        of_one.entry(*one).or_default().push(NewLink {
            newer,
            older,
            strength: strength.word(),
            score: score.sum,
            because: score.because.iter().map(|reason| reason.word()).collect(),
        });
    }
    for mut links in of_one.into_values() {
        links.sort_by_key(|link| (-link.score, link.older));
        found.extend(links.into_iter().take(MOST_LINKS).map(|link| ((link.newer, link.older), link)));
    }
    (found.into_values().collect(), gone)
}

/// Looks at all inquiries of a center again; with `anew` every person is read again.
pub async fn begin_again(database: &Database, center: &str, anew: bool) -> Result<(), Refusal> {
    database
        .with_tx(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(people::begin_again(tx, anew).await?) }))
        .await
}
