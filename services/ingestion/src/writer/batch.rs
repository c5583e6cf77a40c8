//! One batch of one center in one transaction: who was first with a key, which request number is free, what is told.
//!
//! The ordinary batch is one statement, and the outbox's. What is rare (a number that is taken, a repeat, an answer to
//! mend) costs a statement more, for the whole batch and not for each. Deliberately not here: the queue (the module above).

use causeway_envelope::TraceContext;
use causeway_funnel::ids::{InquiryId, Reference};
use causeway_mailbox::{Draft, Tx, TxError};
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::{convert, events};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

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
    /// Answers to mend.
    pub faults: Vec<wire::FieldFault>,
    /// The trace of the request.
    pub trace: TraceContext,
}

/// What became of one inquiry of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It stands.
    Kept(Answer),
    /// The same request stands already; this is the answer of then.
    Repeated(Answer),
    /// Its key belongs to another request.
    KeyReused,
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

    /// `with_key` is false where the key stands already.
    fn row(&self, with_key: bool) -> NewInquiry<'_> {
        let key = self.arrival.key.as_ref().filter(|_| with_key);
        NewInquiry {
            inquiry_id: self.arrival.inquiry_id,
            key: key.map(|(key, hash)| (key.as_slice(), hash.as_slice())),
            answer: key.map(|_| self.answer.encode_to_vec()).unwrap_or_default(),
            reference: &self.answer.reference,
            consult_type: self.arrival.consult_type,
            source: self.arrival.source,
            held: self.arrival.held,
            needs_repair: !self.arrival.faults.is_empty(),
            facts: self.event.facts.as_ref().map(wire::Facts::encode_to_vec).unwrap_or_default(),
            sealed: &self.arrival.sealed,
        }
    }
}

/// Writes a batch; one verdict for each, in the same order.
pub async fn commit(tx: &mut Tx, arrivals: &[Arrival]) -> Result<Vec<Verdict>, TxError> {
    let now = tx.now();
    let mut prepared: Vec<Prepared<'_>> = arrivals.iter().map(|arrival| Prepared::new(arrival, now)).collect();
    let rows: Vec<_> = prepared.iter().map(|one| one.row(true)).collect();
    let mut written = store::insert(tx, now, &rows).await?;
    drop(rows);
    let won = |one: &Prepared<'_>| one.key().is_none() || written.keys.contains(&one.arrival.inquiry_id);
    let late: Vec<bool> = prepared.iter().map(|one| !won(one)).collect();
    let clashed: Vec<usize> = (0..prepared.len())
        .filter(|at| !late[*at] && !written.inquiries.contains(&prepared[*at].arrival.inquiry_id))
        .collect();
    if !clashed.is_empty() {
        written.inquiries.extend(write_with_second_choice(tx, now, &mut prepared, &clashed).await?);
    }
    let kept: Vec<&Prepared<'_>> =
        prepared.iter().filter(|one| written.inquiries.contains(&one.arrival.inquiry_id)).collect();
    publish(tx, &kept);
    note_repairs(tx, now, &kept).await?;
    let stored = stored_answers(tx, &prepared, &late).await?;
    let verdict = |(one, late): (Prepared<'_>, bool)| {
        if late {
            repeat(&one, &stored)
        } else if written.inquiries.contains(&one.arrival.inquiry_id) {
            Verdict::Kept(one.answer)
        } else {
            Verdict::NoNumber
        }
    };
    Ok(prepared.into_iter().zip(late).map(verdict).collect())
}

/// A request number of six characters is taken now and then in a center with many inquiries; the second choice hardly ever
/// is. Gives the ids that stand now; the keys of the others are free again.
async fn write_with_second_choice(
    tx: &mut Tx,
    now: Timestamp,
    prepared: &mut [Prepared<'_>],
    clashed: &[usize],
) -> Result<Vec<Uuid>, sqlx::Error> {
    clashed.iter().for_each(|at| prepared[*at].take_second_choice());
    let rows: Vec<_> = clashed.iter().map(|at| prepared[*at].row(false)).collect();
    let written = store::insert(tx, now, &rows).await?.inquiries;
    let stands = |at: &&usize| written.contains(&prepared[**at].arrival.inquiry_id);
    let keyed = |at: &usize| prepared[*at].key().map(|key| (key, prepared[*at].answer.encode_to_vec()));
    let (keys, answers): (Vec<&[u8]>, Vec<Vec<u8>>) = clashed.iter().filter(stands).filter_map(keyed).unzip();
    if !keys.is_empty() {
        store::correct_answers(tx, &keys, &answers).await?;
    }
    let lost: Vec<&[u8]> = clashed.iter().filter(|at| !stands(at)).filter_map(|at| prepared[*at].key()).collect();
    if !lost.is_empty() {
        store::free_keys(tx, &lost).await?;
    }
    Ok(written.into_iter().collect())
}

fn publish(tx: &mut Tx, kept: &[&Prepared<'_>]) {
    for one in kept.iter().filter(|one| !one.arrival.held) {
        tell(tx, one.arrival.inquiry_id, &one.event, one.arrival.trace.clone());
    }
}

/// Tells of a received inquiry, with the transaction.
pub fn tell(tx: &mut Tx, inquiry_id: Uuid, event: &wire::InquiryReceived, trace: TraceContext) {
    let fact = events::fact(tx.center(), event);
    tx.emit(Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: inquiry_id,
        version: 1,
        payload: fact.payload,
        trace,
    });
}

async fn note_repairs(tx: &mut Tx, now: Timestamp, kept: &[&Prepared<'_>]) -> Result<(), sqlx::Error> {
    let mut faults = Vec::new();
    for arrival in kept.iter().map(|one| one.arrival) {
        faults
            .extend(arrival.faults.iter().map(|fault| (arrival.inquiry_id, fault.field.as_str(), fault.code.as_str())));
    }
    if faults.is_empty() {
        return Ok(());
    }
    store::note_repairs(tx, now, &faults).await
}

/// What stands under the keys of those that came late: from an earlier batch, another process, or this very batch.
async fn stored_answers(tx: &mut Tx, prepared: &[Prepared<'_>], late: &[bool]) -> Result<store::Kept, sqlx::Error> {
    let keys: Vec<&[u8]> =
        prepared.iter().zip(late).filter(|(_, late)| **late).filter_map(|(one, _)| one.key()).collect();
    if keys.is_empty() { Ok(store::Kept::new()) } else { store::kept_answers(tx, &keys).await }
}

fn repeat(one: &Prepared<'_>, stored: &store::Kept) -> Verdict {
    let Some((key, hash)) = &one.arrival.key else { return Verdict::NoNumber };
    // Nothing stands under the key where its first inquiry found no number and freed it: the sender comes again.
    let Some((kept_hash, kept_answer)) = stored.get(key.as_slice()) else { return Verdict::NoNumber };
    if kept_hash.as_slice() != hash.as_slice() {
        return Verdict::KeyReused;
    }
    match Answer::decode(kept_answer.as_slice()) {
        Ok(answer) => Verdict::Repeated(Answer { repeated: true, ..answer }),
        Err(_) => Verdict::KeyReused,
    }
}
