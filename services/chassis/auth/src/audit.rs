//! What somebody did or looked at, in a chain that shows every change and every gap.
//!
//! Each row's hash covers the row before it, so a changed row breaks its own hash, a removed one breaks the next, and a cut tail differs
//! from the head that the center keeps. Rows are written in the transaction of the work itself: no work without its record, and no
//! record of work that was rolled back. The head's row is locked until the commit, so append as late in the transaction as possible.
//! A chain in the same database does not stop somebody who may rewrite all of it; operators copy heads to another place.
//!
//! Deliberately not here: health information. An entry names objects and fields, never values.

use aws_lc_rs::digest::{Context, SHA256};
use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::PgPool;
use thiserror::Error;

use crate::actor::Actor;

const PAGE: i64 = 2000;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Somebody was not allowed to.
    Refused,
    /// It was tried and did not work.
    Failed,
}

impl Outcome {
    /// The word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One thing that somebody did or looked at.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who is held to account.
    pub actor: Actor,
    /// What: the word of a policy action or of a finer one.
    pub action: String,
    /// On what kind of thing.
    pub object_kind: &'static str,
    /// On which one.
    pub object_id: String,
    /// What for.
    pub purpose: String,
    /// How it went.
    pub outcome: Outcome,
    /// In which request.
    pub request_id: String,
}

/// The log could not be written or read. Whoever gets this while writing must give up the work itself.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The database refused.
    #[error("could not use the audit log: {0}; nothing of this transaction was done")]
    Database(#[from] sqlx::Error),
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A row is not what it was when it was written.
    #[error("audit row {seq} was changed: its hash does not fit its content")]
    Changed {
        /// Which one.
        seq: i64,
    },
    /// A row does not follow the one before it.
    #[error("audit row {seq} does not follow the row before it: something was removed, added or put in another order")]
    Broken {
        /// Which one.
        seq: i64,
    },
    /// The end is missing, or there is more than the head knows.
    #[error("audit log ends at row {last} but its head says {head}: the end was cut off or added to")]
    Cut {
        /// The last row.
        last: i64,
        /// The head.
        head: i64,
    },
}

/// The result of looking through a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many rows are sound.
    pub rows: i64,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// Appends one entry.
pub async fn append(tx: &mut Tx, entry: Entry) -> Result<(), AuditError> {
    append_all(tx, std::slice::from_ref(&entry)).await
}

/// Appends entries in their order: one lock, one insert, however many.
pub async fn append_all(tx: &mut Tx, entries: &[Entry]) -> Result<(), AuditError> {
    if entries.is_empty() {
        return Ok(());
    }
    let (center, at) = (tx.center().to_owned(), tx.now());
    let mut head: Head = sqlx::query_as(LOCK_HEAD).bind(&center).fetch_one(tx.conn()).await?;
    let rows: Vec<Row> = entries.iter().map(|entry| head.next(&center, at, entry)).collect();
    insert(tx, &center, &rows, &head).await
}

/// A line of the log about one object.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Seen {
    /// Its number in the center's chain.
    pub seq: i64,
    /// When.
    pub at: Ts,
    /// What kind of actor.
    pub actor_kind: String,
    /// Who.
    pub actor_id: String,
    /// What they did or looked at.
    pub action: String,
    /// On what kind of thing.
    pub object_kind: String,
    /// What for.
    pub purpose: String,
    /// done, refused or failed.
    pub outcome: String,
}

impl Seen {
    /// Its words: kind and id of who, what, on what kind of thing, what for, how it went.
    #[must_use]
    pub fn words(self) -> [String; 6] {
        [self.actor_kind, self.actor_id, self.action, self.object_kind, self.purpose, self.outcome]
    }
}

/// The statement of [`about`]. Parameters: center, ids of objects, the number before which they stand, most lines.
pub const ABOUT: &str = "SELECT line.* FROM unnest($2::text[]) AS object (id) CROSS JOIN LATERAL (\
     SELECT seq, at, actor_kind, actor_id, action, object_kind, purpose, outcome FROM audit_log \
     WHERE center_id = $1 AND object_id = object.id AND seq < $3 ORDER BY seq DESC LIMIT $4) AS line \
     ORDER BY line.seq DESC LIMIT $4";

/// What was done and looked at about some objects of the transaction's center, before a number of its chain, the last one first.
pub async fn about(tx: &mut Tx, objects: &[String], before: i64, most: i64) -> Result<Vec<Seen>, AuditError> {
    let center = tx.center().to_owned();
    Ok(sqlx::query_as(ABOUT).bind(center).bind(objects).bind(before).bind(most).fetch_all(tx.conn()).await?)
}

/// Looks through a center's chain, with a login that sees every center.
#[expect(clippy::disallowed_methods, reason = "reads one snapshot of a center; nothing is written")]
pub async fn verify(machine: &PgPool, center: &str) -> Result<Verified, AuditError> {
    let mut tx = machine.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *tx).await?;
    let told: Option<Head> = sqlx::query_as("SELECT seq, hash FROM audit_heads WHERE center_id = $1")
        .bind(center)
        .fetch_optional(&mut *tx)
        .await?;
    let mut walked = Head::default();
    loop {
        let rows: Vec<Row> =
            sqlx::query_as(PAGE_OF_ROWS).bind(center).bind(walked.seq).bind(PAGE).fetch_all(&mut *tx).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
        if let Some(fault) = rows.iter().find_map(|row| walked.follow(center, row).err()) {
            return Ok(Verified { rows: walked.seq, fault: Some(fault) });
        }
        if !full {
            break;
        }
    }
    Ok(Verified { rows: walked.seq, fault: walked.compare(&told.unwrap_or_default()) })
}

/// Makes the head when it is missing and locks it in any case.
const LOCK_HEAD: &str = "INSERT INTO audit_heads (center_id, seq, hash) VALUES ($1, 0, '') \
     ON CONFLICT (center_id) DO UPDATE SET seq = audit_heads.seq RETURNING seq, hash";

const INSERT_ROWS: &str = "WITH moved AS (UPDATE audit_heads SET seq = $13, hash = $14 WHERE center_id = $1) \
     INSERT INTO audit_log (center_id, seq, at, actor_kind, actor_id, action, object_kind, object_id, purpose, outcome, \
     request_id, prev_hash, row_hash) \
     SELECT $1, * FROM unnest($2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], \
     $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[], $15::bytea[])";

const PAGE_OF_ROWS: &str = "SELECT seq, at, actor_kind, actor_id, action, object_kind, object_id, purpose, outcome, \
     request_id, prev_hash, row_hash FROM audit_log WHERE center_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";

async fn insert(tx: &mut Tx, center: &str, rows: &[Row], head: &Head) -> Result<(), AuditError> {
    let text = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).to_owned()).collect::<Vec<_>>();
    let bytes = |of: fn(&Row) -> &Vec<u8>| rows.iter().map(|row| of(row).clone()).collect::<Vec<_>>();
    sqlx::query(INSERT_ROWS)
        .bind(center)
        .bind(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.at).collect::<Vec<_>>())
        .bind(text(|row| &row.actor_kind))
        .bind(text(|row| &row.actor_id))
        .bind(text(|row| &row.action))
        .bind(text(|row| &row.object_kind))
        .bind(text(|row| &row.object_id))
        .bind(text(|row| &row.purpose))
        .bind(text(|row| &row.outcome))
        .bind(text(|row| &row.request_id))
        .bind(bytes(|row| &row.prev_hash))
        .bind(head.seq)
        .bind(&head.hash)
        .bind(bytes(|row| &row.row_hash))
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
struct Head {
    seq: i64,
    hash: Vec<u8>,
}

#[derive(Clone, Debug, sqlx::FromRow)]
struct Row {
    seq: i64,
    at: Ts,
    actor_kind: String,
    actor_id: String,
    action: String,
    object_kind: String,
    object_id: String,
    purpose: String,
    outcome: String,
    request_id: String,
    prev_hash: Vec<u8>,
    row_hash: Vec<u8>,
}

impl Head {
    /// The row that comes after this head; the head moves to it.
    fn next(&mut self, center: &str, at: Timestamp, entry: &Entry) -> Row {
        let mut row = Row {
            seq: self.seq + 1,
            at: Ts(at),
            actor_kind: entry.actor.kind.word().to_owned(),
            actor_id: entry.actor.id.clone(),
            action: entry.action.clone(),
            object_kind: entry.object_kind.to_owned(),
            object_id: entry.object_id.clone(),
            purpose: entry.purpose.clone(),
            outcome: entry.outcome.word().to_owned(),
            request_id: entry.request_id.clone(),
            prev_hash: self.hash.clone(),
            row_hash: Vec::new(),
        };
        row.row_hash = row.expected_hash(center);
        *self = Self { seq: row.seq, hash: row.row_hash.clone() };
        row
    }

    /// Checks that a row is sound and comes next; the head moves to it.
    fn follow(&mut self, center: &str, row: &Row) -> Result<(), Fault> {
        if row.expected_hash(center) != row.row_hash {
            return Err(Fault::Changed { seq: row.seq });
        }
        if row.seq != self.seq + 1 || row.prev_hash != self.hash {
            return Err(Fault::Broken { seq: row.seq });
        }
        *self = Self { seq: row.seq, hash: row.row_hash.clone() };
        Ok(())
    }

    fn compare(&self, told: &Self) -> Option<Fault> {
        (self != told).then_some(Fault::Cut { last: self.seq, head: told.seq })
    }
}

impl Row {
    /// SHA-256 over the hash before and every column, each with its length, so that no text can move between columns.
    fn expected_hash(&self, center: &str) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        let (seq, at) = (self.seq.to_be_bytes(), self.at.0.as_microsecond().to_be_bytes());
        let parts: [&[u8]; 12] = [
            &self.prev_hash,
            center.as_bytes(),
            &seq,
            &at,
            self.actor_kind.as_bytes(),
            self.actor_id.as_bytes(),
            self.action.as_bytes(),
            self.object_kind.as_bytes(),
            self.object_id.as_bytes(),
            self.purpose.as_bytes(),
            self.outcome.as_bytes(),
            self.request_id.as_bytes(),
        ];
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.finish().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(count: usize) -> (Head, Vec<Row>) {
        let mut head = Head::default();
        let at = Timestamp::from_second(1_800_000_000).expect("time");
        let rows = (0..count).map(|number| {
            let entry = Entry {
                actor: Actor::service("routing"),
                action: "read person".into(),
                object_kind: "inquiry",
                object_id: number.to_string(),
                purpose: "first call".into(),
                outcome: Outcome::Done,
                request_id: "r".into(),
            };
            head.next("north", at, &entry)
        });
        let rows = rows.collect();
        (head, rows)
    }

    fn walk(rows: &[Row], told: &Head) -> Option<Fault> {
        let mut head = Head::default();
        let fault = rows.iter().find_map(|row| head.follow("north", row).err());
        fault.or_else(|| head.compare(told))
    }

    #[test]
    fn a_sound_chain_has_no_fault() {
        let (head, rows) = chain(5);
        assert_eq!(walk(&rows, &head), None);
        assert_eq!(walk(&[], &Head::default()), None);
    }

    #[test]
    fn a_changed_row_is_named() {
        let (head, mut rows) = chain(5);
        rows[2].object_id = "another".into();
        assert_eq!(walk(&rows, &head), Some(Fault::Changed { seq: 3 }));
    }

    #[test]
    fn a_text_that_moved_between_columns_is_a_change() {
        let (head, mut rows) = chain(2);
        rows[0].action = "read".into();
        rows[0].object_kind = " personinquiry".into();
        assert_eq!(walk(&rows, &head), Some(Fault::Changed { seq: 1 }));
    }

    #[test]
    fn a_removed_row_breaks_the_next_and_a_cut_tail_differs_from_the_head() {
        let (head, mut rows) = chain(5);
        let cut = &rows[..3];
        assert_eq!(walk(cut, &head), Some(Fault::Cut { last: 3, head: 5 }));
        rows.remove(1);
        assert_eq!(walk(&rows, &head), Some(Fault::Broken { seq: 3 }));
    }

    #[test]
    fn a_row_rewritten_with_its_hash_breaks_the_next() {
        let (head, mut rows) = chain(3);
        rows[1].purpose = "another".into();
        rows[1].row_hash = rows[1].expected_hash("north");
        assert_eq!(walk(&rows, &head), Some(Fault::Broken { seq: 3 }));
    }
}
