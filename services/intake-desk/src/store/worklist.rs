//! The worklist: pages by key, not by offset, so that a page costs the same wherever it stands.
//!
//! One index (center, team, due time) serves one team and, team by team, all of them: the teams are found by hopping
//! through the same index, so that a team which left the profile still shows its inquiries.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::RecordLine;

/// A view of the worklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All that is open.
    All,
    /// What I work.
    Mine,
    /// What nobody works yet.
    Unclaimed,
    /// What was due before now.
    Late,
    /// What is due in the rest of the center's day.
    DueToday,
    /// What was closed, newest first.
    Closed,
}

impl View {
    /// Every view with its word on the wire.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::All, "all"),
        (Self::Mine, "mine"),
        (Self::Unclaimed, "unclaimed"),
        (Self::Late, "late"),
        (Self::DueToday, "due_today"),
        (Self::Closed, "closed"),
    ];

    /// Reads the word on the wire; empty means all.
    pub fn parse(word: &str) -> Option<Self> {
        let word = if word.is_empty() { "all" } else { word };
        Self::ALL.iter().find(|row| row.1 == word).map(|row| row.0)
    }
}

/// What open inquiries are narrowed to; an empty word is any. It is looked at on the way through the index, whose rows are what
/// is open; closed ones grow for ever and are not narrowed by it.
#[derive(Debug, Clone, Default)]
pub struct Only {
    /// The consult type.
    pub consult_type: String,
    /// The site that the route names.
    pub site: String,
    /// Who works it.
    pub owner: String,
    /// What is to be done.
    pub next_action: String,
}

/// The condition of [`Only`], whose parameters begin after so many others.
fn narrowed(alias: &str, others: usize) -> String {
    let columns = ["consult_type", "site", "owner", "next_action"];
    let one = |(place, column): (usize, &&str)| {
        let parameter = others + place + 1;
        format!(" AND (${parameter} = '' OR {alias}{column} = ${parameter})")
    };
    columns.iter().enumerate().map(one).collect()
}

/// Which page is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which view.
    pub view: View,
    /// Which team; empty: all.
    pub team: String,
    /// What open ones are narrowed to besides.
    pub only: Only,
    /// Who asks.
    pub me: String,
    /// The last row of the page before.
    pub after: Option<(Timestamp, Uuid)>,
    /// Most rows wanted.
    pub limit: i64,
    /// Now.
    pub now: Timestamp,
    /// When the center's day ends.
    pub day_ends: Timestamp,
}

/// A row of the worklist.
#[derive(sqlx::FromRow)]
pub struct WorkItem {
    /// Which inquiry.
    pub inquiry_id: Uuid,
    /// Its facts as they came.
    pub facts: Vec<u8>,
    /// Its team.
    pub team: String,
    /// Who works it.
    pub owner: String,
    /// How far it is.
    pub stage: String,
    /// What is to be done.
    pub next_action: String,
    /// By when; when it was closed, in the view of closed ones.
    pub at: Option<Ts>,
    /// By when.
    pub due_at: Option<Ts>,
    /// Tries so far.
    pub attempts: i32,
    /// The checklist.
    pub checklist: Json<Vec<RecordLine>>,
    /// How pressing it is.
    pub priority: String,
    /// When it came in.
    pub received_at: Ts,
    /// When first contact is or was due.
    pub response_due_at: Ts,
    /// The first try.
    pub first_attempt_at: Option<Ts>,
    /// Counts its changes.
    pub version: i64,
}

const COLUMNS: &str = "i.inquiry_id, i.facts, i.team, i.owner, i.stage, i.next_action, i.due_at, i.attempts, i.checklist, \
     i.priority, i.received_at, i.response_due_at, i.first_attempt_at, i.version";

const ALL_TEAMS: &str = "WITH RECURSIVE hop AS (\
     SELECT min(team) AS team FROM inquiries WHERE center_id = $1 AND open \
     UNION ALL SELECT (SELECT min(n.team) FROM inquiries AS n WHERE n.center_id = $1 AND n.open AND n.team > hop.team) \
     FROM hop WHERE hop.team IS NOT NULL), teams AS (SELECT team FROM hop WHERE team IS NOT NULL) ";
const ONE_TEAM: &str = "WITH teams AS (SELECT $2::text AS team) ";

/// The statement of a page. Parameters: center, team, key of the last row (two), limit, now, end of the day, who asks, and what
/// it is narrowed to (four).
pub fn page_sql(view: View, one_team: bool) -> String {
    let only = match view {
        View::Unclaimed => " AND i.owner = ''",
        View::Late => " AND i.due_at < $6",
        View::DueToday => " AND i.due_at >= $6 AND i.due_at < $7",
        View::All | View::Mine | View::Closed => "",
    };
    let narrowed = narrowed("i.", 8);
    match view {
        View::Mine => format!(
            "SELECT {COLUMNS}, i.due_at AS at FROM inquiries AS i WHERE i.center_id = $1 AND i.open AND i.owner = $8 \
             AND i.owner <> '' AND ($2 = '' OR i.team = $2) AND (i.due_at, i.inquiry_id) > ($3, $4){narrowed} \
             ORDER BY i.due_at, i.inquiry_id LIMIT $5"
        ),
        View::Closed => format!(
            "SELECT {COLUMNS}, i.closed_at AS at FROM inquiries AS i WHERE i.center_id = $1 AND i.stage = 'closed' \
             AND ($2 = '' OR i.team = $2) AND (i.closed_at, i.inquiry_id) < ($3, $4) \
             ORDER BY i.closed_at DESC, i.inquiry_id DESC LIMIT $5"
        ),
        _ => format!(
            "{}SELECT page.* FROM teams CROSS JOIN LATERAL (SELECT {COLUMNS}, i.due_at AS at FROM inquiries AS i \
             WHERE i.center_id = $1 AND i.open AND i.team = teams.team AND (i.due_at, i.inquiry_id) > ($3, $4){only}{narrowed} \
             ORDER BY i.due_at, i.inquiry_id LIMIT $5) AS page ORDER BY page.due_at, page.inquiry_id LIMIT $5",
            if one_team { ONE_TEAM } else { ALL_TEAMS },
        ),
    }
}

/// One page.
pub async fn page(tx: &mut Tx, asked: &Asked) -> Result<Vec<WorkItem>, sqlx::Error> {
    let center = tx.center().to_owned();
    let first = match asked.view {
        // Newest first: the page begins before a time that never comes.
        View::Closed => (asked.now + jiff::SignedDuration::from_hours(24 * 366), Uuid::max()),
        _ => (Timestamp::UNIX_EPOCH, Uuid::nil()),
    };
    let (at, id) = asked.after.unwrap_or(first);
    sqlx::query_as(sqlx::AssertSqlSafe(page_sql(asked.view, !asked.team.is_empty())))
        .bind(center)
        .bind(&asked.team)
        .bind(Ts(at))
        .bind(id)
        .bind(asked.limit)
        .bind(Ts(asked.now))
        .bind(Ts(asked.day_ends))
        .bind(&asked.me)
        .bind(&asked.only.consult_type)
        .bind(&asked.only.site)
        .bind(&asked.only.owner)
        .bind(&asked.only.next_action)
        .fetch_all(tx.conn())
        .await
}

/// Closed ones are counted up to this; nobody reads further.
const MOST_CLOSED: i64 = 1000;

/// How many each view has, in the order of [`View::ALL`].
pub async fn counts(tx: &mut Tx, asked: &Asked) -> Result<[i64; 6], sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE owner = $5 AND owner <> ''), count(*) FILTER (WHERE owner = ''), \
         count(*) FILTER (WHERE due_at < $3), count(*) FILTER (WHERE due_at >= $3 AND due_at < $4), \
         (SELECT count(*) FROM (SELECT 1 FROM inquiries WHERE center_id = $1 AND stage = 'closed' AND ($2 = '' OR team = $2) \
          LIMIT $6) AS newest) \
         FROM inquiries WHERE center_id = $1 AND open AND ($2 = '' OR team = $2){}",
        narrowed("", 6)
    );
    let counted: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(center)
        .bind(&asked.team)
        .bind(Ts(asked.now))
        .bind(Ts(asked.day_ends))
        .bind(&asked.me)
        .bind(MOST_CLOSED)
        .bind(&asked.only.consult_type)
        .bind(&asked.only.site)
        .bind(&asked.only.owner)
        .bind(&asked.only.next_action)
        .fetch_one(tx.conn())
        .await?;
    let (all, mine, unclaimed, late, today, closed) = counted;
    Ok([all, mine, unclaimed, late, today, closed])
}

/// How many inquiries are open, by center and team, with a login that sees every center.
pub async fn open_by_team(machine: &sqlx::PgPool) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT center_id, team, count(*) FROM inquiries WHERE open GROUP BY center_id, team")
        .fetch_all(machine)
        .await
}
