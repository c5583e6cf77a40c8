//! One batch of one center in one transaction: who was first with a key, which request number is free, what is told.
//!
//! The ordinary batch is one plain statement with the outbox's in it, and no round trip besides. What is rare costs more: where a number or a key is taken
//! the batch is written a second time, with care, and an answer to mend is a statement for the whole batch. Deliberately not here: the queue (the module above).

use std::collections::{HashMap, HashSet};

use causeway_envelope::TraceContext;
use causeway_funnel::ids::{InquiryId, Reference};
use causeway_mailbox::{Draft, Single, Tx, TxError};
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::{convert, events};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

use super::heard::{self, Heard};
use crate::store::messages::{self, Standing};
use crate::store::{self, NewInquiry};

/// What a caller is told.
pub type Answer = wire::SubmitInquiryResponse;

/// The keyed hashes of the sender's key and of the content.
pub type KeyHashes = ([u8; 16], [u8; 16]);

/// An inquiry that was read and sealed and waits to be written. Holds nothing in clear that ties a person to their health.
pub struct Arrival {
    /// Its id.
    pub inquiry_id: Uuid,
    /// Prefix of the center's request numbers.
    pub prefix: String,
    /// What a repeat is recognised by.
    pub key: Option<KeyHashes>,
    /// What may travel, without request number and time of receipt.
    pub facts: wire::Facts,
    /// Consult type, for those who count.
    pub consult_type: &'static str,
    /// The door.
    pub source: &'static str,
    /// The sealed person.
    pub sealed: Vec<u8>,
    /// Looks like a machine's: not published, waits for a person.
    pub held: bool,
    /// What of it looks so.
    pub signs: Vec<&'static str>,
    /// Answers to mend.
    pub faults: Vec<wire::FieldFault>,
    /// The trace of the request.
    pub trace: TraceContext,
    /// The partner's message that it came in.
    pub message: Option<Heard>,
    /// The showing of the form that it came from.
    pub showing_id: Option<Uuid>,
}

/// What became of one inquiry of a batch.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It stands.
    Kept(Answer),
    /// The same request stands already; this is the answer of then.
    Repeated(Answer),
    /// Its key belongs to another request, whose inquiry this is. A message is parked, for a person to compare.
    KeyReused(Uuid),
    /// The same request stands already, this is the answer of then, and it was withdrawn since. Nobody would look again at what
    /// was withdrawn, so a message is parked.
    Reopened(Answer),
    /// The same message came before: this became of it.
    HeardBefore(Box<Standing>),
    /// Its control id belongs to another message of its sender. It is parked.
    ControlIdReused,
    /// Both of its request numbers are taken. With a new id it has new ones.
    NoNumber,
}

/// An inquiry with all that the transaction adds to it.
struct Prepared<'a> {
    arrival: &'a Arrival,
    event: wire::InquiryReceived,
    answer: Answer,
}

impl<'a> Prepared<'a> {
    fn new(arrival: &'a Arrival, now: Timestamp) -> Self {
        let (reference, received_at) =
            (Reference::of(&arrival.prefix, InquiryId(arrival.inquiry_id)), convert::micros(now));
        let facts = wire::Facts { reference: reference.to_string(), received_at, ..arrival.facts.clone() };
        let answer = Answer {
            inquiry_id: facts.inquiry_id.clone(),
            reference: facts.reference.clone(),
            received_at,
            repeated: false,
            to_repair: arrival.faults.clone(),
        };
        Self { arrival, event: wire::InquiryReceived { facts: Some(facts) }, answer }
    }

    /// Takes the other request number.
    fn take_second_choice(&mut self) {
        let second = Reference::second_choice(&self.arrival.prefix, InquiryId(self.arrival.inquiry_id)).to_string();
        if let Some(facts) = &mut self.event.facts {
            facts.reference.clone_from(&second);
        }
        self.answer.reference = second;
    }

    fn key(&self) -> Option<&'a [u8]> {
        self.arrival.key.as_ref().map(|(key, _)| key.as_slice())
    }

    fn row(&self) -> NewInquiry<'_> {
        let key = self.arrival.key.as_ref().map(|(key, hash)| (key.as_slice(), hash.as_slice()));
        let faults = &self.arrival.faults;
        let told = || Answer { to_repair: faults.clone(), ..Answer::default() }.encode_to_vec();
        NewInquiry {
            inquiry_id: self.arrival.inquiry_id,
            key,
            reference: &self.answer.reference,
            consult_type: self.arrival.consult_type,
            source: self.arrival.source,
            held: self.arrival.held,
            to_repair: (!faults.is_empty()).then(told),
            facts: self.event.facts.as_ref().map(wire::Facts::encode_to_vec).unwrap_or_default(),
            sealed: &self.arrival.sealed,
            showing_id: self.arrival.showing_id,
        }
    }
}

/// How a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As if nothing in it were taken, at half the cost; where something is, the database refuses all of it.
    Hopeful,
    /// One by one: what is taken, by whom, and what is left for it.
    Careful,
    /// With the same care, after a try that was not answered: what that one wrote stands, and is told as it was.
    Again,
}

/// What stands under keys, by key.
type Stored = HashMap<Vec<u8>, store::Kept>;

/// Writes a batch of which nothing stands yet and nothing is held, with one statement that is the whole transaction; one verdict
/// for each, in the same order.
///
/// # Errors
/// A unique violation where a key, a request number or a control id is taken: nothing was written, and the careful way tells
/// which.
pub async fn write_sure(single: &mut Single, arrivals: &[Arrival]) -> Result<Vec<Verdict>, TxError> {
    let now = single.now();
    let prepared: Vec<Prepared<'_>> = arrivals.iter().map(|arrival| Prepared::new(arrival, now)).collect();
    for one in &prepared {
        let draft = told(single.center(), one.arrival.inquiry_id, &one.event, one.arrival.trace.clone());
        single.emit(draft);
    }
    let faults = faults(arrivals.iter());
    let messages = (heard::accepted(arrivals), heard::claims(arrivals.iter()));
    store::write_sure(single, &in_order(prepared.iter()), (&messages.0, &messages.1), &faults).await?;
    Ok(prepared.into_iter().map(|one| Verdict::Kept(one.answer)).collect())
}

/// Writes a batch; one verdict for each, in the same order.
///
/// # Errors
/// On the hopeful way a unique violation where a key or a request number is taken: nothing was written, and the careful
/// way tells which.
pub async fn commit(tx: &mut Tx, arrivals: &[Arrival], way: Way) -> Result<Vec<Verdict>, TxError> {
    if arrivals.iter().all(|arrival| arrival.message.is_none()) {
        let all: Vec<&Arrival> = arrivals.iter().collect();
        return write(tx, &all, way).await;
    }
    let taken = heard::take(tx, arrivals).await?;
    let allowed: Vec<&Arrival> = arrivals.iter().filter(|arrival| taken.allows(arrival.inquiry_id)).collect();
    // All at once and in their order: of two batches that bear each other's numbers none waits for the other in a circle.
    let claims = heard::claims(allowed.iter().copied());
    if !claims.is_empty() {
        store::claim(tx, &claims).await?;
    }
    let (together, apart) = heard::entangled(&allowed);
    let mut written: HashMap<Uuid, Verdict> = HashMap::new();
    for some in std::iter::once(together.as_slice()).chain(apart.chunks(1)) {
        let verdicts = write(tx, some, way).await?;
        heard::note_numbers(tx, some, &verdicts).await?;
        written.extend(some.iter().map(|arrival| arrival.inquiry_id).zip(verdicts));
    }
    let told = heard::settle(tx, arrivals, taken, |inquiry| written.get(&inquiry).cloned()).await?;
    written.extend(told);
    Ok(arrivals.iter().map(|arrival| written.remove(&arrival.inquiry_id).unwrap_or(Verdict::NoNumber)).collect())
}

/// Writes the inquiries of a batch.
async fn write(tx: &mut Tx, arrivals: &[&Arrival], way: Way) -> Result<Vec<Verdict>, TxError> {
    if arrivals.is_empty() {
        return Ok(Vec::new());
    }
    let now = tx.now();
    let mut prepared: Vec<Prepared<'_>> = arrivals.iter().map(|arrival| Prepared::new(arrival, now)).collect();
    if way == Way::Hopeful {
        store::insert(tx, now, &in_order(prepared.iter())).await?;
        let kept: Vec<&Prepared<'_>> = prepared.iter().collect();
        publish(tx, &kept);
        note_repairs(tx, now, &kept).await?;
        note_held(tx, now, &kept).await?;
        return Ok(prepared.into_iter().map(|one| Verdict::Kept(one.answer)).collect());
    }
    let led = led(tx, arrivals).await?;
    let (stands, stored) = write_what_is_free(tx, now, &mut prepared, led).await?;
    let written = if way == Way::Again { written_before(tx, &prepared, &stands).await? } else { HashMap::new() };
    let kept: Vec<&Prepared<'_>> = prepared.iter().filter(|one| stands.contains(&one.arrival.inquiry_id)).collect();
    publish(tx, &kept);
    note_repairs(tx, now, &kept).await?;
    note_held(tx, now, &kept).await?;
    let withdrawn = withdrawn(tx, &stored).await?;
    let verdict = |one: Prepared<'_>| match written.get(&one.arrival.inquiry_id) {
        Some((reference, received_at)) => {
            Verdict::Kept(Answer { reference: reference.clone(), received_at: *received_at, ..one.answer })
        }
        None if stands.contains(&one.arrival.inquiry_id) => Verdict::Kept(one.answer),
        None => repeat(&one, &stored, &withdrawn),
    };
    Ok(prepared.into_iter().map(verdict).collect())
}

/// Gives the ids that stand now, and what stands under the keys of the others: from an earlier batch, another process, or
/// this very batch. A request number of six characters is taken now and then in a center with many inquiries; the second
/// choice hardly ever is.
async fn write_what_is_free(
    tx: &mut Tx,
    now: Timestamp,
    prepared: &mut [Prepared<'_>],
    led: Stored,
) -> Result<(HashSet<Uuid>, Stored), sqlx::Error> {
    let leads = |at: &usize| prepared[*at].key().is_some_and(|key| led.contains_key(key));
    let all: Vec<usize> = (0..prepared.len()).filter(|at| !leads(at)).collect();
    let mut stands = insert_some(tx, now, prepared, &all).await?;
    let mut stored = self::stored(tx, prepared, &stands).await?;
    stored.extend(led.clone());
    let has_no_rival = |at: &usize| {
        let one = &prepared[*at];
        !stands.contains(&one.arrival.inquiry_id) && one.key().is_none_or(|key| !stored.contains_key(key))
    };
    let clashed: Vec<usize> = all.into_iter().filter(has_no_rival).collect();
    if !clashed.is_empty() {
        clashed.iter().for_each(|at| prepared[*at].take_second_choice());
        stands.extend(insert_some(tx, now, prepared, &clashed).await?);
        stored = self::stored(tx, prepared, &stands).await?;
        stored.extend(led);
    }
    Ok((stands, stored))
}

/// By the own keys of referrals, which of them stand under a further number, as the referral that is known by that one. Their
/// numbers are claimed by now.
async fn led(tx: &mut Tx, arrivals: &[&Arrival]) -> Result<Stored, sqlx::Error> {
    let with_more =
        |arrival: &&&Arrival| arrival.message.as_ref().is_some_and(|heard| heard.may_lead && !heard.further.is_empty());
    let with_more: Vec<&&Arrival> = arrivals.iter().filter(with_more).collect();
    if with_more.is_empty() {
        return Ok(Stored::new());
    }
    let standing = store::kept(tx, &heard::claims(arrivals.iter().copied())).await?;
    let own = |arrival: &Arrival| arrival.key.map(|(key, _)| key.to_vec());
    let is_known = |key: &[u8]| standing.iter().any(|one| one.key == key);
    let mut led = Stored::new();
    for arrival in with_more {
        let Some(own) = own(arrival).filter(|own| !is_known(own)) else { continue };
        let further = arrival.message.iter().flat_map(|heard| &heard.further);
        let known_by = |key: &[u8]| standing.iter().find(|one| one.key == key && !one.is_further);
        if let Some(kept) = further.filter_map(|one| known_by(&one.key)).next() {
            led.insert(own, kept.clone());
        }
    }
    Ok(led)
}

/// What an earlier try wrote of a batch: request number and time of receipt, by id.
async fn written_before(
    tx: &mut Tx,
    prepared: &[Prepared<'_>],
    stands: &HashSet<Uuid>,
) -> Result<HashMap<Uuid, (String, i64)>, sqlx::Error> {
    let ids = prepared.iter().map(|one| one.arrival.inquiry_id).filter(|id| !stands.contains(id));
    let found = store::standing(tx, &ids.collect::<Vec<_>>()).await?;
    Ok(found.into_iter().map(|(id, reference, at)| (id, (reference, convert::micros(at.0)))).collect())
}

async fn insert_some(
    tx: &mut Tx,
    now: Timestamp,
    prepared: &[Prepared<'_>],
    some: &[usize],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    store::insert_free(tx, now, &in_order(some.iter().map(|at| &prepared[*at]))).await
}

/// Rows by their keys, so that two batches with the same keys never wait for each other in a circle. Of those with one key
/// the first to come stays the first.
fn in_order<'a>(prepared: impl Iterator<Item = &'a Prepared<'a>>) -> Vec<NewInquiry<'a>> {
    let mut rows: Vec<_> = prepared.map(Prepared::row).collect();
    rows.sort_by_key(|row| row.key.map(|(key, _)| key));
    rows
}

async fn stored(tx: &mut Tx, prepared: &[Prepared<'_>], stands: &HashSet<Uuid>) -> Result<Stored, sqlx::Error> {
    let late = prepared.iter().filter(|one| !stands.contains(&one.arrival.inquiry_id));
    let keys: Vec<&[u8]> = late.filter_map(Prepared::key).collect();
    if keys.is_empty() {
        return Ok(Stored::new());
    }
    let mut stored = Stored::new();
    for kept in store::kept(tx, &keys).await? {
        stored.entry(kept.key.clone()).or_insert(kept);
    }
    Ok(stored)
}

fn publish(tx: &mut Tx, kept: &[&Prepared<'_>]) {
    for one in kept.iter().filter(|one| !one.arrival.held) {
        tell(tx, one.arrival.inquiry_id, &one.event, one.arrival.trace.clone());
    }
}

/// Tells of a received inquiry, with the transaction.
pub fn tell(tx: &mut Tx, inquiry_id: Uuid, event: &wire::InquiryReceived, trace: TraceContext) {
    let draft = told(tx.center(), inquiry_id, event, trace);
    tx.emit(draft);
}

fn told(center: &str, inquiry_id: Uuid, event: &wire::InquiryReceived, trace: TraceContext) -> Draft {
    let fact = events::fact(center, event);
    Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: inquiry_id,
        version: 1,
        payload: fact.payload,
        trace,
    }
}

/// Inquiry, field and code of each fault.
fn faults<'a>(arrivals: impl Iterator<Item = &'a Arrival>) -> Vec<(Uuid, &'a str, &'a str)> {
    let of = |arrival: &'a Arrival| {
        arrival.faults.iter().map(|fault| (arrival.inquiry_id, fault.field.as_str(), fault.code.as_str()))
    };
    arrivals.flat_map(of).collect()
}

async fn note_repairs(tx: &mut Tx, now: Timestamp, kept: &[&Prepared<'_>]) -> Result<(), sqlx::Error> {
    let faults = faults(kept.iter().map(|one| one.arrival));
    if faults.is_empty() {
        return Ok(());
    }
    store::note_repairs(tx, now, &faults).await
}

async fn note_held(tx: &mut Tx, now: Timestamp, kept: &[&Prepared<'_>]) -> Result<(), sqlx::Error> {
    let held = kept.iter().map(|one| one.arrival).filter(|arrival| arrival.held);
    let held: Vec<(Uuid, String)> = held.map(|arrival| (arrival.inquiry_id, arrival.signs.join(" "))).collect();
    if held.is_empty() {
        return Ok(());
    }
    crate::store::held::note(tx, now, &held).await
}

/// Those of the inquiries that stand already whose partner withdrew them.
async fn withdrawn(tx: &mut Tx, stored: &Stored) -> Result<HashSet<Uuid>, sqlx::Error> {
    let ids: Vec<Uuid> = stored.values().map(|kept| kept.inquiry_id).collect();
    if ids.is_empty() { Ok(HashSet::new()) } else { messages::withdrawn(tx, &ids).await }
}

fn repeat(one: &Prepared<'_>, stored: &Stored, withdrawn: &HashSet<Uuid>) -> Verdict {
    // Nothing stands under its key: both of its request numbers are taken, and the sender comes again.
    let Some((key, hash)) = &one.arrival.key else { return Verdict::NoNumber };
    let Some(kept) = stored.get(key.as_slice()) else { return Verdict::NoNumber };
    if kept.content_hash.as_slice() != hash.as_slice() {
        return Verdict::KeyReused(kept.inquiry_id);
    }
    let told = kept.to_repair.as_deref().and_then(|told| Answer::decode(told).ok()).unwrap_or_default();
    let answer = Answer {
        inquiry_id: kept.inquiry_id.to_string(),
        reference: kept.reference.clone(),
        received_at: convert::micros(kept.received_at.0),
        repeated: true,
        to_repair: told.to_repair,
    };
    if withdrawn.contains(&kept.inquiry_id) { Verdict::Reopened(answer) } else { Verdict::Repeated(answer) }
}
