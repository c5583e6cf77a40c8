//! SQL of frames that belong to nobody, in the installation's own name.
//!
//! Deliberately not here: which frames these are (hear), and how often one may come (handlers).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

/// The installation, where no center is meant. No center can be called so: its name begins with a letter.
pub const INSTALLATION: &str = "-";

/// A frame takes so much of the room at least: its row and what finds it.
const LEAST: i64 = 4096;

/// A frame as it is written.
pub struct NewFrame {
    /// Its id.
    pub frame_id: Uuid,
    /// Keyed hash by which it is known again.
    pub same: [u8; 16],
    /// Why it is nobody's.
    pub reason: &'static str,
    /// `own_machine`, `private` or `public`.
    pub origin: &'static str,
    /// Where it came from.
    pub network: String,
    /// All of it, sealed.
    pub sealed: Vec<u8>,
}

/// What became of a frame that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept.
    New,
    /// The same one waits already.
    Again,
    /// There is no room for it.
    NoRoom,
}

/// How much room there is for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// So many bytes for all; one network gets a quarter of them, or one frame where that is more.
    Of(i64),
    /// That of another frame, which goes.
    Given,
}

/// The statement by which a frame is known again; a test asks for its plan, as for those below.
pub const AGAIN: &str = "UPDATE unaddressed SET times = times + 1, last_at = $3 \
     WHERE center_id = $1 AND same = $2 AND state = 'waiting'";
/// The statement that tells how much room is taken, by all and by a network.
pub const ROOM: &str = "SELECT coalesce(sum(bytes), 0)::bigint, coalesce(sum(bytes) FILTER (WHERE network = $2), 0)::bigint \
     FROM unaddressed WHERE center_id = $1";
/// The statement by which frames are found whose time has passed.
pub const OLD: &str =
    "SELECT frame_id FROM unaddressed WHERE center_id = $1 AND last_at < $2 ORDER BY last_at LIMIT $3";

/// Keeps a frame, if there is room.
pub async fn keep(tx: &mut Tx, frame: &NewFrame, room: Room) -> Result<Kept, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    // One after the other, so that many at once do not take the same room.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('unaddressed', 0))").execute(tx.conn()).await?;
    let again = sqlx::query(AGAIN).bind(&center).bind(frame.same.as_slice()).bind(Ts(now)).execute(tx.conn()).await?;
    if again.rows_affected() > 0 {
        return Ok(Kept::Again);
    }
    let bytes = i64::try_from(frame.sealed.len()).unwrap_or(i64::MAX).max(LEAST);
    if let Room::Of(room) = room {
        let taken = sqlx::query_as(ROOM).bind(&center).bind(&frame.network).fetch_one(tx.conn());
        let (all, own): (i64, i64) = taken.await?;
        if all.saturating_add(bytes) > room || (own > 0 && own.saturating_add(bytes) > room / 4) {
            return Ok(Kept::NoRoom);
        }
    }
    sqlx::query(
        "INSERT INTO unaddressed (center_id, frame_id, same, reason, origin, network, bytes, sealed, received_at, last_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    )
    .bind(center)
    .bind(frame.frame_id)
    .bind(frame.same.as_slice())
    .bind(frame.reason)
    .bind(frame.origin)
    .bind(&frame.network)
    .bind(i32::try_from(bytes).unwrap_or(i32::MAX))
    .bind(&frame.sealed)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(Kept::New)
}

/// A frame that is kept.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Frame {
    /// Its id.
    pub frame_id: Uuid,
    /// Why it is nobody's.
    pub reason: String,
    /// `waiting`, `assigned` or `set_aside`.
    pub state: String,
    /// Where it came from.
    pub network: String,
    /// How often it came.
    pub times: i32,
    /// When it came first.
    pub received_at: Ts,
    /// What became of it; while it waits, the center and feed that are hearing it.
    pub outcome: String,
    /// All of it, sealed; empty where it does not wait any more.
    pub sealed: Vec<u8>,
}

/// A frame. `is_held`: nobody else decides on it until the end of the transaction.
pub async fn frame(tx: &mut Tx, frame_id: Uuid, is_held: bool) -> Result<Option<Frame>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = if is_held {
        "SELECT frame_id, reason, state, network, times, received_at, outcome, sealed FROM unaddressed \
         WHERE center_id = $1 AND frame_id = $2 FOR UPDATE"
    } else {
        "SELECT frame_id, reason, state, network, times, received_at, outcome, sealed FROM unaddressed \
         WHERE center_id = $1 AND frame_id = $2"
    };
    sqlx::query_as(sql).bind(center).bind(frame_id).fetch_optional(tx.conn()).await
}

/// Has a frame that waits heard by a feed alone, `center/feed`; false where it does not wait, or for another feed.
pub async fn claim(tx: &mut Tx, frame_id: Uuid, feed: &str) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let claimed = sqlx::query(
        "UPDATE unaddressed SET outcome = $3 \
         WHERE center_id = $1 AND frame_id = $2 AND state = 'waiting' AND outcome IN ('', $3)",
    )
    .bind(center)
    .bind(frame_id)
    .bind(feed)
    .execute(tx.conn())
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Gives a frame back of which a feed heard nothing.
pub async fn give_back(tx: &mut Tx, frame_id: Uuid, feed: &str) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE unaddressed SET outcome = '' \
         WHERE center_id = $1 AND frame_id = $2 AND state = 'waiting' AND outcome = $3",
    )
    .bind(center)
    .bind(frame_id)
    .bind(feed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says what became of a frame that waited, unless a feed hears it that is not this outcome. What it said is kept where it belongs, or
/// is nothing to keep.
pub async fn decide(tx: &mut Tx, frame_id: Uuid, (state, outcome): (&str, &str)) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let decided = sqlx::query(
        "UPDATE unaddressed SET state = $3, outcome = $4, sealed = '', bytes = 0, last_at = $5 \
         WHERE center_id = $1 AND frame_id = $2 AND state = 'waiting' AND outcome IN ('', $4)",
    )
    .bind(center)
    .bind(frame_id)
    .bind(state)
    .bind(outcome)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(decided.rows_affected() == 1)
}

/// Erases frames that came last before a moment; gives how many.
pub async fn erase(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = format!("DELETE FROM unaddressed WHERE center_id = $1 AND frame_id IN ({OLD} FOR UPDATE SKIP LOCKED)");
    let erased = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(center).bind(Ts(before)).bind(most);
    Ok(erased.execute(tx.conn()).await?.rows_affected())
}

/// How many wait, by reason. For the machine's login.
pub async fn waiting(machine: &PgPool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT reason, count(*) FROM unaddressed WHERE center_id = '-' AND state = 'waiting' GROUP BY reason",
    )
    .fetch_all(machine)
    .await
}
