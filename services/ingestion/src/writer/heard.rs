//! The messages behind the inquiries of a batch: who was first with a control id, and what becomes of a message whose
//! inquiry was there before.
//!
//! Message and inquiry stand in one transaction, so that an acknowledgement is true of both. A batch without messages pays
//! nothing for this. Deliberately not here: messages of which no inquiry is made (handlers).

use std::collections::{HashMap, HashSet};

use causeway_mailbox::Tx;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::batch::{Arrival, KeyHashes, Verdict};
use crate::store::messages::{self, Further, NewMessage, Number, Standing};
use crate::store::referrals;

/// The message stands as the inquiry it asks for.
pub const ACCEPTED: &str = "accepted";
/// The message waits for a person.
pub const PARKED: &str = "parked";
/// Its referral stands already with other content.
pub const REFERRAL_CHANGED: &str = "referral_changed";
/// Its referral stands already, and was withdrawn since.
pub const REFERRAL_REOPENED: &str = "referral_reopened";
/// News of a patient or a document that a person has to look at, or a document of it that can't be used.
pub const ATTACHMENT: &str = "attachment";
/// A change or a cancellation of a referral that has not come.
pub const UNKNOWN_REFERRAL: &str = "unknown_referral";
/// It answers a message that nobody here sent.
pub const UNASKED: &str = "unasked_answer";
/// Its control id belongs to another message of the same sender.
pub const CONTROL_ID_REUSED: &str = "control_id_reused";

/// How long after a message came another one under its control id may be a new one, where control ids begin anew.
const RECYCLED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A partner's message that an inquiry is made of.
pub struct Heard {
    /// Its id.
    pub message_id: Uuid,
    /// The feed that sent it.
    pub feed: String,
    /// Type and event.
    pub kind: String,
    /// Keyed hashes of who sent it under which control id, and of what it says.
    pub hashes: KeyHashes,
    /// All of it, sealed.
    pub sealed: Vec<u8>,
    /// Whether it carries documents.
    pub carries: bool,
    /// The office's own number of its referral, where it is told back by it.
    pub number: Option<Number>,
    /// Its further numbers.
    pub further: Vec<Further>,
    /// Whether it is the referral that one of them is known by. Whoever looks by a number first has been answered.
    pub may_lead: bool,
    /// When its office sent it, where that system begins its control ids anew.
    pub sent_at: Option<Timestamp>,
}

impl Heard {
    fn row(&self, inquiry_id: Uuid) -> NewMessage<'_> {
        NewMessage {
            message_id: self.message_id,
            feed: &self.feed,
            kind: &self.kind,
            control_key: &self.hashes.0,
            content_hash: &self.hashes.1,
            state: ACCEPTED,
            reason: "",
            inquiry_id: Some(inquiry_id),
            sealed: &self.sealed,
            carries: self.carries,
            number: self.number.as_ref(),
        }
    }

    /// Whether a message that stands keeps this one from its control id: it bears the same and says something else. What came more than
    /// a day before this was sent keeps nothing from a system that begins its control ids anew.
    pub fn is_kept_out_by(&self, standing: &Standing) -> bool {
        let is_past = |at: Timestamp| at.duration_since(standing.received_at.0) > RECYCLED_AFTER;
        standing.content_hash != self.hashes.1 && holds(standing) && !self.sent_at.is_some_and(is_past)
    }

    /// Whether a message that stands is this very one.
    fn is(&self, standing: &Standing) -> bool {
        standing.control_key == self.hashes.0 && standing.stands_for(&self.hashes.1)
    }
}

/// Which inquiries of a batch are not to be made.
#[derive(Default)]
pub struct Taken {
    /// Their message came before.
    before: HashSet<Uuid>,
    /// Their message bears the control id of another one.
    clashed: HashSet<Uuid>,
}

impl Taken {
    /// Whether an inquiry may be made.
    pub fn allows(&self, inquiry_id: Uuid) -> bool {
        !self.before.contains(&inquiry_id) && !self.clashed.contains(&inquiry_id)
    }
}

fn with_message(arrivals: &[Arrival]) -> impl Iterator<Item = (&Arrival, &Heard)> {
    arrivals.iter().filter_map(|arrival| Some((arrival, arrival.message.as_ref()?)))
}

/// The keys of a batch by which referrals of offices that number them are known, in their order. Others can't bear the same number.
pub fn claims<'a>(arrivals: impl Iterator<Item = &'a Arrival>) -> Vec<&'a [u8]> {
    let mut keys: Vec<&[u8]> = Vec::new();
    for arrival in arrivals {
        let Some(heard) = arrival.message.as_ref().filter(|heard| heard.number.is_some()) else { continue };
        keys.extend(arrival.key.as_ref().map(|(key, _)| key.as_slice()));
        keys.extend(heard.further.iter().map(|further| further.key.as_slice()));
    }
    keys.sort_unstable();
    keys
}

fn control_keys(arrivals: &[Arrival]) -> Vec<&[u8]> {
    with_message(arrivals).map(|(_, heard)| heard.hashes.0.as_slice()).collect()
}

/// The messages of a batch whose inquiries are written with them, in the order of their control keys, so that two batches with the
/// same keys don't wait for each other in a circle over them. Where they do all the same, over a key of an inquiry and one of a
/// message, the database ends one of them, and that one is written with care.
pub fn accepted(arrivals: &[Arrival]) -> Vec<NewMessage<'_>> {
    let mut rows: Vec<_> = with_message(arrivals).map(|(arrival, heard)| heard.row(arrival.inquiry_id)).collect();
    rows.sort_by_key(|row| row.control_key);
    rows
}

/// Writes the messages of a batch.
pub async fn take(tx: &mut Tx, arrivals: &[Arrival]) -> Result<Taken, sqlx::Error> {
    let rows: Vec<_> = with_message(arrivals).map(|(arrival, heard)| heard.row(arrival.inquiry_id)).collect();
    if rows.is_empty() {
        return Ok(Taken::default());
    }
    let now = tx.now();
    messages::lock(tx, &control_keys(arrivals)).await?;
    let new = messages::insert(tx, now, &rows).await?;
    let standing = messages::standing(tx, &control_keys(arrivals)).await?;
    let mut taken = Taken::default();
    // Whoever of a batch came first with a control id has it.
    let mut holders: HashMap<&[u8], &Heard> = HashMap::new();
    for (arrival, heard) in with_message(arrivals) {
        let held_by_earlier = standing.iter().any(|other| {
            other.control_key == heard.hashes.0 && heard.is_kept_out_by(other) && !new.contains(&other.message_id)
        });
        let holder = holders.entry(heard.hashes.0.as_slice()).or_insert(heard);
        if !new.contains(&heard.message_id) {
            taken.before.insert(arrival.inquiry_id);
        } else if held_by_earlier || holder.hashes.1 != heard.hashes.1 {
            taken.clashed.insert(arrival.inquiry_id);
        }
    }
    Ok(taken)
}

/// Whether a message keeps others from its control id. One that was refused led to nothing: many systems send what they
/// have mended under the old one.
pub fn holds(standing: &Standing) -> bool {
    standing.state != messages::REFUSED && standing.reason != CONTROL_ID_REUSED
}

/// Settles the messages of a batch whose inquiries were written, and gives what the others are told.
pub async fn settle(
    tx: &mut Tx,
    arrivals: &[Arrival],
    taken: Taken,
    written: impl Fn(Uuid) -> Option<Verdict>,
) -> Result<HashMap<Uuid, Verdict>, sqlx::Error> {
    let (mut correct, mut lost, mut told) = (Vec::new(), Vec::new(), HashMap::new());
    for (arrival, heard) in with_message(arrivals) {
        if taken.clashed.contains(&arrival.inquiry_id) {
            correct.push((heard.message_id, PARKED, CONTROL_ID_REUSED, None));
            told.insert(arrival.inquiry_id, Verdict::ControlIdReused);
            continue;
        }
        match written(arrival.inquiry_id) {
            Some(Verdict::Repeated(answer)) => {
                correct.push((heard.message_id, ACCEPTED, "", answer.inquiry_id.parse().ok()));
            }
            Some(Verdict::KeyReused(inquiry)) => {
                correct.push((heard.message_id, PARKED, REFERRAL_CHANGED, Some(inquiry)));
            }
            Some(Verdict::Reopened(answer)) => {
                correct.push((heard.message_id, PARKED, REFERRAL_REOPENED, answer.inquiry_id.parse().ok()));
            }
            Some(Verdict::NoNumber) => lost.push(heard.message_id),
            _ => {}
        }
    }
    if !correct.is_empty() {
        messages::correct(tx, &correct).await?;
    }
    if !lost.is_empty() {
        messages::take_back(tx, &lost).await?;
    }
    if !taken.before.is_empty() {
        let standing = messages::standing(tx, &control_keys(arrivals)).await?;
        let again = |id: &Uuid| taken.before.contains(id);
        let mut counted = Vec::new();
        for (arrival, heard) in with_message(arrivals).filter(|(arrival, _)| again(&arrival.inquiry_id)) {
            let Some(same) = standing.iter().find(|one| heard.is(one)) else { continue };
            counted.push(same.message_id);
            told.insert(arrival.inquiry_id, Verdict::HeardBefore(Box::new(same.clone())));
        }
        messages::came_again(tx, &counted).await?;
    }
    Ok(told)
}

/// Notes the further numbers of what stands, also those that only a repeat or a change of it tells.
pub async fn note_numbers(tx: &mut Tx, arrivals: &[&Arrival], verdicts: &[Verdict]) -> Result<(), sqlx::Error> {
    let mut told = Vec::new();
    for (arrival, verdict) in arrivals.iter().zip(verdicts) {
        let Some(heard) = &arrival.message else { continue };
        let inquiry = match verdict {
            Verdict::Kept(_) => Some(arrival.inquiry_id),
            Verdict::KeyReused(inquiry) => Some(*inquiry),
            Verdict::Repeated(answer) | Verdict::Reopened(answer) => answer.inquiry_id.parse().ok(),
            _ => None,
        };
        let one = |further| Some((inquiry?, heard.message_id, heard.feed.as_str(), further));
        told.extend(heard.further.iter().filter_map(one));
    }
    if told.is_empty() { Ok(()) } else { referrals::note_numbers(tx, &told).await }
}

/// Splits a batch into what can be written together and what has to be written one after the other, because one of it may be known
/// by a number of another one.
pub fn entangled<'a>(arrivals: &[&'a Arrival]) -> (Vec<&'a Arrival>, Vec<&'a Arrival>) {
    let further =
        |arrival: &&'a Arrival| arrival.message.as_ref().map(|heard| heard.further.as_slice()).unwrap_or_default();
    let all: HashSet<[u8; 16]> = arrivals.iter().flat_map(further).map(|one| one.key).collect();
    let is_free =
        |arrival: &&'a Arrival| further(arrival).is_empty() && arrival.key.is_none_or(|(key, _)| !all.contains(&key));
    arrivals.iter().copied().partition(is_free)
}
