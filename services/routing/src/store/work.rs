//! SQL of whose turn it is: work, people, absences, and what was sent to another team.
//!
//! Locks are taken in one order, so that two transactions never wait for each other in a circle: timers, then all people of the center
//! ([`roster`], [`lock_people`]), then work, then decisions by id. Whoever locks work holds the people: what waits is locked in the order
//! of its due times.

use std::collections::BTreeMap;

use causeway_funnel::profile::Profile;
use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{Person, Roster};

/// Most inquiries that are read at once of what waits; about as many are given out in one transaction at most.
pub(crate) const MOST_WAITING: usize = 256;

/// Whose turn an inquiry is, as far as routing knows.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Work {
    pub inquiry_id: Uuid,
    pub team: String,
    pub language: String,
    /// What the row of the table asks of whoever gets it, joined by `|`.
    pub skills: String,
    pub owner: String,
    /// Routing is to give it out.
    pub waiting: bool,
    pub open: bool,
    pub choice: i64,
    /// Newest change of the desk that was heard of.
    pub heard_version: i64,
    pub moves: i32,
    /// Levels of escalation that were raised.
    pub escalated: i32,
}

impl Work {
    /// What the row of the table asks of whoever gets it.
    pub(crate) fn skills(&self) -> Vec<String> {
        self.skills.split('|').filter(|skill| !skill.is_empty()).map(str::to_owned).collect()
    }
}

const COLUMNS: &str = "w.inquiry_id, w.team, w.language, w.skills, w.owner, w.waiting, w.open, w.choice, w.heard_version, w.moves, w.escalated";

#[derive(sqlx::FromRow)]
struct PersonRow {
    staff: String,
    open: i32,
    turns: Json<BTreeMap<String, i64>>,
    away_from: Vec<Ts>,
    away_to: Vec<Ts>,
}

const PEOPLE: &str = "SELECT p.staff, p.open, p.turns, \
         ARRAY(SELECT a.from_at FROM absences AS a WHERE a.center_id = $1 AND a.staff = p.staff AND a.to_at > $2 \
             ORDER BY a.from_at, a.absence_id) AS away_from, \
         ARRAY(SELECT a.to_at FROM absences AS a WHERE a.center_id = $1 AND a.staff = p.staff AND a.to_at > $2 \
             ORDER BY a.from_at, a.absence_id) AS away_to \
     FROM people AS p WHERE p.center_id = $1 ORDER BY p.staff";

/// Reads the staff of a center and locks their numbers until the end of the transaction.
pub(crate) async fn roster<'a>(tx: &mut Tx, profile: &'a Profile) -> Result<Roster<'a>, sqlx::Error> {
    let mut people = people(tx, true).await?;
    let missing: Vec<&str> = profile
        .teams
        .staff
        .iter()
        .map(|staff| staff.id.as_str())
        .filter(|staff| !people.contains_key(*staff))
        .collect();
    if !missing.is_empty() {
        // Without a row there is nothing to lock.
        let center = tx.center().to_owned();
        sqlx::query(
            "INSERT INTO people (center_id, staff) SELECT $1, staff FROM unnest($2::text[]) AS t (staff) ORDER BY staff \
             ON CONFLICT DO NOTHING",
        )
        .bind(center)
        .bind(missing)
        .execute(tx.conn())
        .await?;
        people = self::people(tx, true).await?;
    }
    Ok(Roster::new(profile, tx.now(), people))
}

/// Locks the numbers of the staff for who chooses nobody and is about to lock work.
pub(crate) async fn lock_people(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("SELECT 1 FROM people WHERE center_id = $1 ORDER BY staff FOR UPDATE")
        .bind(center)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The same as [`roster`] to look at.
pub(crate) async fn look_at_roster<'a>(tx: &mut Tx, profile: &'a Profile) -> Result<Roster<'a>, sqlx::Error> {
    let mut people = people(tx, false).await?;
    // Somebody may be away before they ever had anything.
    for absence in absences(tx).await? {
        let person = people.entry(absence.staff.clone()).or_default();
        let span = (absence.from_at.0, absence.to_at.0);
        if !person.away.contains(&span) {
            person.away.push(span);
        }
    }
    Ok(Roster::new(profile, tx.now(), people))
}

async fn people(tx: &mut Tx, lock: bool) -> Result<BTreeMap<String, Person>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let sql = format!("{PEOPLE}{}", if lock { " FOR UPDATE OF p" } else { "" });
    let rows: Vec<PersonRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(center).bind(Ts(now)).fetch_all(tx.conn()).await?;
    let person = |row: PersonRow| {
        let away = row.away_from.into_iter().zip(row.away_to).map(|(from, to)| (from.0, to.0)).collect();
        (row.staff, Person { open: row.open, turns: row.turns.0, away, changed: false })
    };
    Ok(rows.into_iter().map(person).collect())
}

/// Saves what a locked roster counted.
pub(crate) async fn save_roster(tx: &mut Tx, roster: &Roster<'_>) -> Result<(), sqlx::Error> {
    let changed: Vec<(&str, &Person)> = roster.changed().collect();
    if changed.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO people (center_id, staff, open, turns) \
         SELECT $1, t.* FROM unnest($2::text[], $3::integer[], $4::jsonb[]) AS t (staff, open, turns) \
         ON CONFLICT (center_id, staff) DO UPDATE SET open = excluded.open, turns = excluded.turns",
    )
    .bind(center)
    .bind(changed.iter().map(|(staff, _)| *staff).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, person)| person.open).collect::<Vec<_>>())
    .bind(changed.iter().map(|(_, person)| Json(&person.turns)).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Work of inquiries that were just decided on.
pub(crate) async fn begin(tx: &mut Tx, all: &[Work]) -> Result<(), sqlx::Error> {
    if all.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO work (center_id, inquiry_id, team, language, skills, owner, waiting, choice) SELECT $1, t.* \
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::bigint[]) AS t",
    )
    .bind(center)
    .bind(all.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.team.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.language.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.skills.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.owner.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.waiting).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.choice).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Reads and locks the work of inquiries, by id. One that was decided before there was work gets its row now; one without a decision
/// has none.
pub(crate) async fn lock(tx: &mut Tx, inquiries: &[Uuid]) -> Result<Vec<Work>, sqlx::Error> {
    if inquiries.is_empty() {
        return Ok(Vec::new());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO work (center_id, inquiry_id, team) SELECT d.center_id, d.inquiry_id, d.team FROM decisions AS d \
         WHERE d.center_id = $1 AND d.inquiry_id = ANY($2) \
             AND NOT EXISTS (SELECT 1 FROM work AS w WHERE w.center_id = $1 AND w.inquiry_id = d.inquiry_id) \
         ORDER BY d.inquiry_id ON CONFLICT DO NOTHING",
    )
    .bind(&center)
    .bind(inquiries)
    .execute(tx.conn())
    .await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM work AS w WHERE w.center_id = $1 AND w.inquiry_id = ANY($2) \
         ORDER BY w.inquiry_id FOR UPDATE"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(center).bind(inquiries).fetch_all(tx.conn()).await
}

/// What waits to be given out, and when first contact is due.
#[derive(sqlx::FromRow)]
pub(crate) struct Waiting {
    pub response_due_at: Ts,
    #[sqlx(flatten)]
    pub work: Work,
}

/// What of the waiting is passed over for the time being, so that it hides nothing else, and where to go on.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// Sites that are closed on short notice.
    pub sites: Vec<String>,
    /// What nobody who is there and has a free hand knows, as the rows say it.
    pub skills: Vec<String>,
    /// The last one that was read.
    pub after: Option<(Timestamp, Uuid)>,
}

/// The statement of [`waiting`]. Parameters: center, team, due time and id of the last one read, sites and skills that are passed over,
/// most.
pub fn waiting_sql() -> String {
    format!(
        "SELECT {COLUMNS}, d.response_due_at FROM work AS w JOIN decisions AS d USING (center_id, inquiry_id) \
         WHERE w.center_id = $1 AND w.team = $2 AND w.waiting AND (d.response_due_at, w.inquiry_id) > ($3, $4) \
             AND coalesce(d.site, '') <> ALL($5) AND w.skills <> ALL($6) \
         ORDER BY d.response_due_at, w.inquiry_id LIMIT $7 FOR UPDATE OF w"
    )
}

/// What of a team waits to be given out, what is due first first, a part at a time. The people are locked already.
pub(crate) async fn waiting(tx: &mut Tx, team: &str, passed: &Passed) -> Result<Vec<Waiting>, sqlx::Error> {
    let center = tx.center().to_owned();
    let (due, id) = passed.after.unwrap_or((Timestamp::UNIX_EPOCH, Uuid::nil()));
    sqlx::query_as(sqlx::AssertSqlSafe(waiting_sql()))
        .bind(center)
        .bind(team)
        .bind(Ts(due))
        .bind(id)
        .bind(&passed.sites)
        .bind(&passed.skills)
        .bind(MOST_WAITING as i64)
        .fetch_all(tx.conn())
        .await
}

/// Saves work that was locked. What a row of the table asked of one team, a person who sends the inquiry to another does not ask.
pub(crate) async fn save(tx: &mut Tx, all: &[&Work]) -> Result<(), sqlx::Error> {
    if all.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE work AS w SET team = t.team, skills = CASE WHEN w.team = t.team THEN w.skills ELSE '' END, owner = t.owner, waiting = t.waiting, open = t.open, choice = t.choice, \
             heard_version = t.heard_version, moves = t.moves, escalated = t.escalated \
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::bigint[], $8::bigint[], \
             $9::integer[], $10::integer[]) \
             AS t (inquiry_id, team, owner, waiting, open, choice, heard_version, moves, escalated) \
         WHERE w.center_id = $1 AND w.inquiry_id = t.inquiry_id",
    )
    .bind(center)
    .bind(all.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.team.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.owner.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.waiting).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.open).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.choice).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.heard_version).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.moves).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.escalated).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a clock stands on.
#[derive(sqlx::FromRow)]
pub(crate) struct ClockRow {
    pub inquiry_id: Uuid,
    pub site: Option<String>,
    pub response_due_at: Ts,
    pub clock_state: String,
    pub first_attempt_at: Option<Ts>,
    pub facts: Vec<u8>,
    pub row_name: String,
    pub program: String,
}

/// The clocks of inquiries.
pub(crate) async fn clocks(tx: &mut Tx, inquiries: &[Uuid]) -> Result<Vec<ClockRow>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, site, response_due_at, clock_state, first_attempt_at, facts, row_name, program \
         FROM decisions \
         WHERE center_id = $1 AND inquiry_id = ANY($2) ORDER BY inquiry_id",
    )
    .bind(center)
    .bind(inquiries)
    .fetch_all(tx.conn())
    .await
}

/// A decision stands for another team than the table's from now on; gives its version. The clock keeps its start, its end, and the hours
/// in which it counts.
pub(crate) async fn move_decision(tx: &mut Tx, inquiry: Uuid, team: &str) -> Result<i64, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "UPDATE decisions SET clock_team = coalesce(clock_team, team), team = $3, version = version + 1 \
             WHERE center_id = $1 AND inquiry_id = $2 RETURNING version",
    )
    .bind(center)
    .bind(inquiry)
    .bind(team)
    .fetch_one(tx.conn())
    .await
}

/// An inquiry that went to another team.
pub(crate) struct Reroute<'a> {
    pub inquiry_id: Uuid,
    pub version: i64,
    pub at: Timestamp,
    pub row_name: &'a str,
    pub from_team: &'a str,
    pub to_team: &'a str,
    pub reason: &'a str,
}

/// Writes down that an inquiry went to another team; gives the teams that it was sent on from before, since an instant, and how often
/// it was sent on in all, with this time.
pub(crate) async fn reroute(
    tx: &mut Tx,
    one: &Reroute<'_>,
    since: Timestamp,
) -> Result<(Vec<String>, usize), sqlx::Error> {
    let center = tx.center().to_owned();
    let before: Vec<(String, Ts)> =
        sqlx::query_as("SELECT from_team, at FROM reroutes WHERE center_id = $1 AND inquiry_id = $2")
            .bind(&center)
            .bind(one.inquiry_id)
            .fetch_all(tx.conn())
            .await?;
    sqlx::query(
        "INSERT INTO reroutes (center_id, inquiry_id, version, at, row_name, from_team, to_team, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(one.inquiry_id)
    .bind(one.version)
    .bind(Ts(one.at))
    .bind(one.row_name)
    .bind(one.from_team)
    .bind(one.to_team)
    .bind(one.reason)
    .execute(tx.conn())
    .await?;
    let count = before.len() + 1;
    Ok((before.into_iter().filter(|(_, at)| at.0 >= since).map(|(team, _)| team).collect(), count))
}

/// So many inquiries of a row went from one team to another for a reason.
#[derive(sqlx::FromRow)]
pub(crate) struct RerouteCount {
    pub row_name: String,
    pub from_team: String,
    pub to_team: String,
    pub reason: String,
    pub count: i64,
}

/// The statement of [`reroutes`]. Parameters: center, from, to.
pub const REROUTES_SQL: &str = "SELECT row_name, from_team, to_team, reason, count(*) AS count FROM reroutes \
     WHERE center_id = $1 AND at >= $2 AND at < $3 GROUP BY row_name, from_team, to_team, reason \
     ORDER BY count(*) DESC, row_name, reason, from_team, to_team LIMIT 500";

/// The statement that counts what was decided. Parameters: center, from, to.
pub const DECIDED_SQL: &str =
    "SELECT count(*) FROM decisions WHERE center_id = $1 AND decided_at >= $2 AND decided_at < $3";

/// What went to another team in a time, counted, and how many were decided then.
pub(crate) async fn reroutes(
    tx: &mut Tx,
    (from, to): (Timestamp, Timestamp),
) -> Result<(Vec<RerouteCount>, i64), sqlx::Error> {
    let center = tx.center().to_owned();
    let counts = sqlx::query_as(REROUTES_SQL).bind(&center).bind(Ts(from)).bind(Ts(to)).fetch_all(tx.conn()).await?;
    let decided =
        sqlx::query_scalar(DECIDED_SQL).bind(&center).bind(Ts(from)).bind(Ts(to)).fetch_one(tx.conn()).await?;
    Ok((counts, decided))
}

/// Somebody is away.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Absence {
    pub absence_id: Uuid,
    pub staff: String,
    pub from_at: Ts,
    pub to_at: Ts,
    pub entered_by: String,
}

/// Absences that have not ended and were not taken back before they began, the first one first.
pub(crate) async fn absences(tx: &mut Tx) -> Result<Vec<Absence>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_as(
        "SELECT absence_id, staff, from_at, to_at, entered_by FROM absences \
         WHERE center_id = $1 AND to_at > $2 AND from_at < to_at ORDER BY from_at, absence_id",
    )
    .bind(center)
    .bind(Ts(now))
    .fetch_all(tx.conn())
    .await
}

/// Enters an absence. The same one entered again is the one that is known.
pub(crate) async fn add_absence(
    tx: &mut Tx,
    staff: &str,
    (from, to): (Timestamp, Timestamp),
    by: &str,
) -> Result<Absence, sqlx::Error> {
    let (center, now, absence_id) = (tx.center().to_owned(), tx.now(), tx.new_id());
    sqlx::query(
        "INSERT INTO absences (center_id, absence_id, staff, from_at, to_at, entered_by, entered_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (center_id, staff, from_at, to_at) WHERE from_at < to_at DO NOTHING",
    )
    .bind(&center)
    .bind(absence_id)
    .bind(staff)
    .bind(Ts(from))
    .bind(Ts(to))
    .bind(by)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    sqlx::query_as(
        "SELECT absence_id, staff, from_at, to_at, entered_by FROM absences \
         WHERE center_id = $1 AND staff = $2 AND from_at = $3 AND to_at = $4",
    )
    .bind(center)
    .bind(staff)
    .bind(Ts(from))
    .bind(Ts(to))
    .fetch_one(tx.conn())
    .await
}

/// An absence by its id, whether it has ended or not.
pub(crate) async fn absence(tx: &mut Tx, absence_id: Uuid) -> Result<Option<Absence>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT absence_id, staff, from_at, to_at, entered_by FROM absences WHERE center_id = $1 AND absence_id = $2",
    )
    .bind(center)
    .bind(absence_id)
    .fetch_optional(tx.conn())
    .await
}

/// Ends an absence now, where it has not ended before; one that has not begun is then as if it had never been entered.
pub(crate) async fn end_absence(tx: &mut Tx, absence_id: Uuid) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "UPDATE absences SET to_at = greatest(from_at, $3) WHERE center_id = $1 AND absence_id = $2 AND to_at > $3",
    )
    .bind(center)
    .bind(absence_id)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}
