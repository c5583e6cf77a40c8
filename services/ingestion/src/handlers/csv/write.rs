//! Writes a chunk: inquiries, what waits, the results of the rows and the line that was reached, in one transaction.
//!
//! The file is locked first, and the lock tells how far it is: a worker that lost its lease, or whose last commit was not
//! answered, writes nothing twice. Deliberately not here: what the rows say (chunk).

use std::collections::HashMap;

use causeway_auth::Sealer;
use causeway_mailbox::{Tx, TxError};
use uuid::Uuid;

use super::chunk::{Chunk, Draft, Wish};
use crate::adapters::csv::fault::Code;
use crate::adapters::csv::result::State;
use crate::store;
use crate::store::file_rows::{self, NewRow};
use crate::store::file_work::{self, Tally};
use crate::store::messages::{self, NewMessage, REFUSED};
use crate::writer::batch::{self, Verdict, Way};
use crate::writer::heard::PARKED;

/// What a row that waits is listed as.
pub const KIND: &str = "CSV row";

/// Why a chunk was not written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The database.
    #[error(transparent)]
    Database(#[from] TxError),
    /// Another worker holds the file, or it is further than this one thought.
    #[error("somebody else goes on with the file")]
    Lost,
    /// An inquiry found no request number. With new ids it has others.
    #[error("no request number is free")]
    NoNumber,
    /// The cryptographic library refused.
    #[error("a row could not be sealed")]
    Sealing,
}

impl From<sqlx::Error> for NotWritten {
    fn from(cause: sqlx::Error) -> Self {
        Self::Database(cause.into())
    }
}

/// The file to which a chunk belongs.
#[derive(Clone)]
pub struct Of {
    /// The file.
    pub file_id: Uuid,
    /// Its feed.
    pub feed: String,
    /// Who takes it.
    pub worker: Uuid,
    /// The line behind which the chunk begins.
    pub after: i64,
}

/// What became of a row.
struct Outcome {
    state: State,
    reason: &'static str,
    inquiry_id: Option<Uuid>,
    message_id: Option<Uuid>,
}

impl Outcome {
    const fn of(state: State, reason: &'static str, inquiry_id: Option<Uuid>) -> Self {
        Self { state, reason, inquiry_id, message_id: None }
    }
}

/// What was written: the sums, and what became of each arrival.
pub struct Written {
    /// Rows by what became of them.
    pub tally: Tally,
    /// One for each arrival.
    pub verdicts: Vec<Verdict>,
}

/// Writes a chunk.
///
/// # Errors
/// Nothing of it was written.
pub async fn write(tx: &mut Tx, of: &Of, chunk: &Chunk, sealer: &Sealer, way: Way) -> Result<Written, NotWritten> {
    if file_work::lock(tx, of.file_id, of.worker).await? != Some(of.after) {
        return Err(NotWritten::Lost);
    }
    let verdicts = batch::commit(tx, &chunk.arrivals, way).await?;
    if verdicts.iter().any(|verdict| matches!(verdict, Verdict::NoNumber)) {
        return Err(NotWritten::NoNumber);
    }
    let mut outcomes: Vec<Outcome> = chunk.drafts.iter().map(|draft| outcome(draft, &verdicts)).collect();
    find_cancelled(tx, chunk, &mut outcomes).await?;
    close_mended(tx, chunk, &outcomes).await?;
    keep(tx, of, chunk, sealer, &mut outcomes).await?;
    let rows: Vec<NewRow<'_>> =
        chunk.drafts.iter().zip(&outcomes).map(|(draft, outcome)| row(draft, outcome)).collect();
    file_rows::insert(tx, of.file_id, &rows).await?;
    let count = |state: State| {
        i64::try_from(outcomes.iter().filter(|outcome| outcome.state == state).count()).unwrap_or(i64::MAX)
    };
    let tally = Tally {
        accepted: count(State::Accepted),
        linked: count(State::Linked),
        parked: count(State::Parked),
        refused: count(State::Refused),
        done_line: chunk.last_line,
    };
    file_work::advance(tx, of.file_id, tally).await?;
    Ok(Written { tally, verdicts })
}

fn row<'a>(draft: &'a Draft, outcome: &Outcome) -> NewRow<'a> {
    NewRow {
        line: draft.line,
        state: outcome.state.word(),
        reason: outcome.reason,
        remarks: &draft.remarks,
        inquiry_id: outcome.inquiry_id,
        message_id: outcome.message_id,
        sealed: &draft.sealed,
    }
}

fn outcome(draft: &Draft, verdicts: &[Verdict]) -> Outcome {
    let duplicate = if draft.is_again { Code::Duplicate.word() } else { "" };
    match draft.wish {
        Wish::Refuse(code) => Outcome::of(State::Refused, code.word(), None),
        Wish::Keep(code) => Outcome::of(State::Parked, code.word(), None),
        Wish::Cancel(_) => Outcome::of(State::Parked, Code::UnknownReferral.word(), None),
        Wish::Inquiry(at) => match verdicts.get(at) {
            Some(Verdict::Kept(answer)) => Outcome::of(State::Accepted, "", answer.inquiry_id.parse().ok()),
            Some(Verdict::Repeated(answer)) => Outcome::of(State::Linked, duplicate, answer.inquiry_id.parse().ok()),
            Some(Verdict::Reopened(answer)) => {
                Outcome::of(State::Parked, Code::ReferralReopened.word(), answer.inquiry_id.parse().ok())
            }
            Some(Verdict::KeyReused(inquiry)) if draft.is_again => {
                Outcome::of(State::Parked, Code::DuplicateDiffers.word(), Some(*inquiry))
            }
            Some(Verdict::KeyReused(inquiry)) => {
                Outcome::of(State::Parked, Code::ReferralChanged.word(), Some(*inquiry))
            }
            // No message comes with a row, and who has no number was told before.
            _ => Outcome::of(State::Parked, Code::UnknownReferral.word(), None),
        },
    }
}

/// Puts withdrawn referrals to their inquiries.
async fn find_cancelled(tx: &mut Tx, chunk: &Chunk, outcomes: &mut [Outcome]) -> Result<(), sqlx::Error> {
    let keys: Vec<&[u8]> = chunk.drafts.iter().filter_map(|draft| cancels(draft).map(<[u8; 16]>::as_slice)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let known: HashMap<Vec<u8>, Uuid> =
        store::kept(tx, &keys).await?.into_iter().map(|kept| (kept.key, kept.inquiry_id)).collect();
    for (draft, outcome) in chunk.drafts.iter().zip(outcomes) {
        if let Some(inquiry) = cancels(draft).and_then(|key| known.get(key.as_slice())) {
            *outcome = Outcome::of(State::Parked, Code::ReferralCancelled.word(), Some(*inquiry));
        }
    }
    Ok(())
}

fn cancels(draft: &Draft) -> Option<&[u8; 16]> {
    match &draft.wish {
        Wish::Cancel(key) => Some(key),
        _ => None,
    }
}

/// What an earlier row of the same number waits for is in order where this one is: a person would only find that it is known.
async fn close_mended(tx: &mut Tx, chunk: &Chunk, outcomes: &[Outcome]) -> Result<(), sqlx::Error> {
    let sound = |(draft, outcome): (&'_ Draft, &Outcome)| {
        let inquiry = outcome.inquiry_id.filter(|_| matches!(outcome.state, State::Accepted | State::Linked))?;
        Some((draft.hashes.0, inquiry))
    };
    let sound: Vec<([u8; 16], Uuid)> = chunk.drafts.iter().zip(outcomes).filter_map(sound).collect();
    if sound.is_empty() {
        return Ok(());
    }
    let sound: Vec<(&[u8; 16], Uuid)> = sound.iter().map(|(key, inquiry)| (key, *inquiry)).collect();
    messages::mended_by_sender(tx, KIND, &sound, &Code::MENDED_BY_A_SOUND_ROW).await
}

/// Keeps what waits, and what was refused, as messages. What was kept before, with the same words, is the same message: a
/// full extract repeats it every day, and nobody should be asked twice.
async fn keep(
    tx: &mut Tx,
    of: &Of,
    chunk: &Chunk,
    sealer: &Sealer,
    outcomes: &mut [Outcome],
) -> Result<(), NotWritten> {
    let center = tx.center().to_owned();
    let mut kept: Vec<(usize, Uuid, Vec<u8>)> = Vec::new();
    for (at, (draft, outcome)) in chunk.drafts.iter().zip(outcomes.iter()).enumerate() {
        if matches!(outcome.state, State::Parked | State::Refused) {
            let id = tx.new_id();
            let context = format!("messages.sealed:{id}");
            let sealed = sealer.seal(&center, &context, &draft.evidence).map_err(|_| NotWritten::Sealing)?;
            kept.push((at, id, sealed));
        }
    }
    if kept.is_empty() {
        return Ok(());
    }
    let rows: Vec<NewMessage<'_>> = kept
        .iter()
        .map(|(at, message_id, sealed)| NewMessage {
            message_id: *message_id,
            feed: &of.feed,
            kind: KIND,
            control_key: &chunk.drafts[*at].hashes.0,
            content_hash: &chunk.drafts[*at].hashes.1,
            state: if outcomes[*at].state == State::Refused { REFUSED } else { PARKED },
            reason: outcomes[*at].reason,
            inquiry_id: outcomes[*at].inquiry_id,
            sealed,
            carries: false,
            number: None,
        })
        .collect();
    let now = tx.now();
    let new = messages::insert(tx, now, &rows).await?;
    // What is new has no rival, but for a refusal: a person may have released the very same since.
    let asked = rows.iter().filter(|row| row.state == REFUSED || !new.contains(&row.message_id));
    let keys: Vec<&[u8]> = asked.map(|row| row.control_key).collect();
    let standing = if keys.is_empty() { Vec::new() } else { messages::standing(tx, &keys).await? };
    let (mut again, mut needless, mut early) = (Vec::new(), Vec::new(), Vec::new());
    for (row, (at, message_id, _)) in rows.iter().zip(&kept) {
        let outcome = &mut outcomes[*at];
        let with_key = || standing.iter().filter(|one| one.control_key == row.control_key);
        let stood = with_key().find(|one| one.stands_for(row.content_hash) && one.message_id != *message_id);
        if new.contains(message_id) {
            match stood {
                Some(_) => needless.push(*message_id),
                None => {
                    outcome.message_id = Some(*message_id);
                    // Its referral may come in a later row or file.
                    let unknown = outcome.reason == Code::UnknownReferral.word();
                    let key = cancels(&chunk.drafts[*at]).filter(|_| unknown);
                    early.extend(key.map(|key| (*message_id, *key, Code::ReferralCancelled.word())));
                    continue;
                }
            }
        }
        let same = stood.or_else(|| with_key().find(|one| one.content_hash == row.content_hash));
        outcome.message_id = same.map(|one| one.message_id);
        outcome.inquiry_id = outcome.inquiry_id.or(same.and_then(|one| one.inquiry_id));
        again.extend(outcome.message_id);
        // It waits already, was refused already, or somebody has released it: nobody is asked twice.
        if outcome.state == State::Parked || stood.is_some() {
            outcome.state = State::Linked;
        }
    }
    if !needless.is_empty() {
        messages::take_back(tx, &needless).await?;
    }
    if !early.is_empty() {
        messages::note_early(tx, &early).await?;
    }
    messages::count_again(tx, &again).await?;
    Ok(())
}
