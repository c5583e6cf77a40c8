//! The worklist: pages by key, not by offset, so that a page costs the same wherever it stands.
//!
//! One index (center, team, due time) serves one team and, team by team, all of them: the teams are found by hopping
//! through the same index, so that a team which left the profile still shows its inquiries.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{NextStep, Paused, RecordLine};

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
    /// What waits for a reviewer.
    ToReview,
    /// What was closed, newest first.
    Closed,
}

impl View {
    /// Every view with its word on the wire.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::All, "all"),
        (Self::Mine, "mine"),
        (Self::Unclaimed, "unclaimed"),
        (Self::Late, "late"),
        (Self::DueToday, "due_today"),
        (Self::ToReview, "to_review"),
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
    /// Whose reviews, with commas between the teams; empty: all.
    pub review_teams: String,
    /// What open ones are narrowed to besides.
    pub only: Only,
    /// Who asks.
    pub me: String,
    /// The last row of the page before.
    pub after: Option<(Timestamp, Uuid)>,
    /// Most rows wanted.
    pub limit: i64,
    /// Exactly these, whatever the view; none: by view.
    pub ids: Vec<Uuid>,
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
    /// The owner was chosen by routing and has not begun.
    pub chosen: bool,
    /// Levels of escalation that were reached.
    pub escalated: i32,
    /// It goes from team to team.
    pub bounced: bool,
    /// Stretches in which its response clock stands still.
    pub pauses: Json<Vec<Paused>>,
    /// Since when its records wait for a reviewer.
    pub review_since: Option<Ts>,
    /// By when they are to be reviewed.
    pub review_due_at: Option<Ts>,
    /// The last agreed next step.
    pub next_step: Option<Json<NextStep>>,
}

const COLUMNS: &str = "i.inquiry_id, i.facts, i.team, i.owner, i.stage, i.next_action, i.due_at, i.attempts, i.checklist, \
     i.priority, i.received_at, i.response_due_at, i.first_attempt_at, i.version, i.chosen, i.escalated, i.bounced, i.pauses, \
     i.review_since, i.review_due_at, i.next_step";

const ALL_TEAMS: &str = "WITH RECURSIVE hop AS (\
     SELECT min(team) AS team FROM inquiries WHERE center_id = $1 AND open \
     UNION ALL SELECT (SELECT min(n.team) FROM inquiries AS n WHERE n.center_id = $1 AND n.open AND n.team > hop.team) \
     FROM hop WHERE hop.team IS NOT NULL), teams AS (SELECT team FROM hop WHERE team IS NOT NULL) ";
/// Those that the parameter of this number names with commas between them; where it is empty, all that have a review.
fn reviewing(parameter: usize) -> String {
    format!(
        "WITH RECURSIVE hop AS (\
         SELECT min(team) AS team FROM inquiries WHERE center_id = $1 AND open AND next_action = 'review_records' \
         UNION ALL SELECT (SELECT min(n.team) FROM inquiries AS n WHERE n.center_id = $1 AND n.open \
         AND n.next_action = 'review_records' AND n.team > hop.team) FROM hop WHERE hop.team IS NOT NULL), \
         teams AS (SELECT unnest(string_to_array(${parameter}::text, ',')) AS team \
         UNION ALL SELECT team FROM hop WHERE team IS NOT NULL AND ${parameter}::text = '') "
    )
}
const ONE_TEAM: &str = "WITH teams AS (SELECT $2::text AS team) ";

/// The statement of a page. Parameters: center, team (for reviews those of [`Asked::review_teams`]), key of the last row (two), limit,
/// now, end of the day, who asks, and what it is narrowed to (four).
pub fn page_sql(view: View, one_team: bool) -> String {
    let only = match view {
        View::Unclaimed => " AND i.owner = ''",
        View::Late => " AND i.due_at < $6",
        View::DueToday => " AND i.due_at >= $6 AND i.due_at < $7",
        View::ToReview => " AND i.next_action = 'review_records'",
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
             {} AND (i.closed_at, i.inquiry_id) < ($3, $4) \
             ORDER BY i.closed_at DESC, i.inquiry_id DESC LIMIT $5",
            if one_team { "AND i.team = $2" } else { "" }
        ),
        _ => format!(
            "{}SELECT page.* FROM teams CROSS JOIN LATERAL (SELECT {COLUMNS}, i.due_at AS at FROM inquiries AS i \
             WHERE i.center_id = $1 AND i.open AND i.team = teams.team AND (i.due_at, i.inquiry_id) > ($3, $4){only}{narrowed} \
             ORDER BY i.due_at, i.inquiry_id LIMIT $5) AS page ORDER BY page.due_at, page.inquiry_id LIMIT $5",
            match (view, one_team) {
                (View::ToReview, _) => reviewing(2),
                (_, true) => ONE_TEAM.to_owned(),
                (_, false) => ALL_TEAMS.to_owned(),
            },
        ),
    }
}

/// One page.
pub async fn page(tx: &mut Tx, asked: &Asked) -> Result<Vec<WorkItem>, sqlx::Error> {
    let center = tx.center().to_owned();
    if !asked.ids.is_empty() {
        let sql = format!(
            "SELECT {COLUMNS}, i.due_at AS at FROM inquiries AS i WHERE i.center_id = $1 AND i.inquiry_id = ANY($2) \
             ORDER BY i.due_at NULLS LAST, i.inquiry_id LIMIT $3"
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(center).bind(&asked.ids).bind(asked.limit);
        return rows.fetch_all(tx.conn()).await;
    }
    let first = match asked.view {
        // Newest first: the page begins before a time that never comes.
        View::Closed => (asked.now + jiff::SignedDuration::from_hours(24 * 366), Uuid::max()),
        _ => (Timestamp::UNIX_EPOCH, Uuid::nil()),
    };
    let (at, id) = asked.after.unwrap_or(first);
    let team = if asked.view == View::ToReview { &asked.review_teams } else { &asked.team };
    sqlx::query_as(sqlx::AssertSqlSafe(page_sql(asked.view, !team.is_empty())))
        .bind(center)
        .bind(team)
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

/// So many of a view are counted at most: nobody reads further, and a count costs the same however many there are.
pub const MOST_COUNTED: i64 = 1000;

/// The statement that counts all views, in the order of [`View::ALL`], each up to a limit and through the index of its page.
/// Parameters: center, team, now, end of the day, who asks, the limit, what open ones are narrowed to (four), and whose reviews.
pub fn counts_sql(one_team: bool) -> String {
    let narrowed = narrowed("i.", 6);
    let by_team = |only: &str| {
        format!(
            "(SELECT count(*) FROM (SELECT 1 FROM teams CROSS JOIN LATERAL (SELECT 1 FROM inquiries AS i \
             WHERE i.center_id = $1 AND i.open AND i.team = teams.team{only}{narrowed} \
             ORDER BY i.due_at, i.inquiry_id LIMIT $6) AS head LIMIT $6) AS counted)"
        )
    };
    let mine = format!(
        "(SELECT count(*) FROM (SELECT 1 FROM inquiries AS i WHERE i.center_id = $1 AND i.open AND i.owner = $5 \
         AND i.owner <> '' AND ($2 = '' OR i.team = $2){narrowed} ORDER BY i.due_at, i.inquiry_id LIMIT $6) AS counted)"
    );
    let closed = format!(
        "(SELECT count(*) FROM (SELECT 1 FROM inquiries AS i WHERE i.center_id = $1 AND i.stage = 'closed'{} \
         ORDER BY i.closed_at DESC, i.inquiry_id DESC LIMIT $6) AS counted)",
        if one_team { " AND i.team = $2" } else { "" }
    );
    let to_review = format!(
        "({}SELECT count(*) FROM (SELECT 1 FROM teams CROSS JOIN LATERAL (SELECT 1 FROM inquiries AS i \
         WHERE i.center_id = $1 AND i.open AND i.team = teams.team AND i.next_action = 'review_records'{narrowed} \
         ORDER BY i.due_at, i.inquiry_id LIMIT $6) AS head LIMIT $6) AS counted)",
        reviewing(11)
    );
    format!(
        "{}SELECT {}, {mine}, {}, {}, {}, {to_review}, {closed}",
        if one_team { ONE_TEAM } else { ALL_TEAMS },
        by_team(""),
        by_team(" AND i.owner = ''"),
        by_team(" AND i.due_at < $3"),
        by_team(" AND i.due_at >= $3 AND i.due_at < $4"),
    )
}

/// How many each view has, in the order of [`View::ALL`]; one more than [`MOST_COUNTED`] where there are more.
pub async fn counts(tx: &mut Tx, asked: &Asked) -> Result<[i64; 7], sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = counts_sql(!asked.team.is_empty());
    let counted: (i64, i64, i64, i64, i64, i64, i64) = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(center)
        .bind(&asked.team)
        .bind(Ts(asked.now))
        .bind(Ts(asked.day_ends))
        .bind(&asked.me)
        .bind(MOST_COUNTED + 1)
        .bind(&asked.only.consult_type)
        .bind(&asked.only.site)
        .bind(&asked.only.owner)
        .bind(&asked.only.next_action)
        .bind(&asked.review_teams)
        .fetch_one(tx.conn())
        .await?;
    let (all, mine, unclaimed, late, today, to_review, closed) = counted;
    Ok([all, mine, unclaimed, late, today, to_review, closed])
}

/// What is open of a team and of one of its people.
#[derive(Debug, sqlx::FromRow)]
pub struct Share {
    /// The team.
    pub team: String,
    /// Who works these; empty: nobody.
    pub owner: String,
    /// How many.
    pub open: i64,
    /// Due before now.
    pub late: i64,
    /// When the first of the others is due.
    pub next_due_at: Option<Ts>,
}

/// The statement of [`shares`]. Parameters: center, now.
pub const SHARES_SQL: &str = "SELECT team, owner, count(*) AS open, count(*) FILTER (WHERE due_at < $2) AS late, \
     min(due_at) FILTER (WHERE due_at >= $2) AS next_due_at \
     FROM inquiries WHERE center_id = $1 AND open GROUP BY team, owner ORDER BY team, owner";

/// The open work of a center by team and person.
pub async fn shares(tx: &mut Tx) -> Result<Vec<Share>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_as(SHARES_SQL).bind(center).bind(Ts(now)).fetch_all(tx.conn()).await
}

/// How many inquiries are open, by center and team, with a login that sees every center.
pub async fn open_by_team(machine: &sqlx::PgPool) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT center_id, team, count(*) FROM inquiries WHERE open GROUP BY center_id, team")
        .fetch_all(machine)
        .await
}
