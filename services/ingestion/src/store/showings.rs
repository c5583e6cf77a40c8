//! SQL of what became of the showings of forms.
//!
//! A showing that was begun is a row for a day; its end is read from the inquiries that came from it, so that nothing has to be
//! told twice. Afterwards only the hour's counts are kept. Deliberately not here: which showings are told (the handler).

use std::collections::{BTreeSet, HashMap};

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// A showing that was begun.
pub struct Begun {
    /// Its id.
    pub showing_id: Uuid,
    /// Beginning of the hour in which it was shown.
    pub hour: Timestamp,
    /// The form.
    pub form: String,
    /// Language of the page.
    pub language: String,
    /// `field:code` of what could not be taken.
    pub faults: BTreeSet<String>,
}

/// What became of a form's showings in a language.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FormCount {
    /// The form.
    pub form: String,
    /// Language of the page.
    pub language: String,
    /// How often it was shown.
    pub shown: i64,
    /// In how many of them somebody began.
    pub begun: i64,
    /// From how many an inquiry came.
    pub sent: i64,
    /// From how many none came within a day.
    pub abandoned: i64,
}

/// In how many showings a field could not be taken.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FieldCount {
    /// The form.
    pub form: String,
    /// Language of the page.
    pub language: String,
    /// The field.
    pub field: String,
    /// Why.
    pub code: String,
    /// How many.
    pub showings: i64,
}

/// Lets one process at a time settle the showings of a center.
pub async fn lock(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('form showings ' || $1, 0))")
        .bind(center)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes a batch; whether it is new.
pub async fn note_batch(tx: &mut Tx, now: Timestamp, batch: Uuid) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let noted = sqlx::query(
        "INSERT INTO form_batches (center_id, batch_id, noted_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(batch)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(noted.rows_affected() > 0)
}

/// Adds to how often forms were shown: hour, form, language, count. In order, so that two batches never wait for each other in a
/// circle.
pub async fn add_shown(tx: &mut Tx, shown: &[(Timestamp, String, String, i64)]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO form_hours AS known (center_id, hour, form, language, shown) \
         SELECT $1, hour, form, language, sum(shown)::bigint \
         FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::bigint[]) AS given (hour, form, language, shown) \
         GROUP BY hour, form, language ORDER BY hour, form, language \
         ON CONFLICT (center_id, hour, form, language) DO UPDATE SET shown = known.shown + excluded.shown",
    )
    .bind(center)
    .bind(shown.iter().map(|(hour, _, _, _)| Ts(*hour)).collect::<Vec<_>>())
    .bind(shown.iter().map(|(_, form, _, _)| form.as_str()).collect::<Vec<_>>())
    .bind(shown.iter().map(|(_, _, language, _)| language.as_str()).collect::<Vec<_>>())
    .bind(shown.iter().map(|(_, _, _, count)| *count).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The faults of those of some showings that are known.
pub async fn known(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<String>>, sqlx::Error> {
    let center = tx.center().to_owned();
    let rows: Vec<(Uuid, Vec<String>)> =
        sqlx::query_as("SELECT showing_id, faults FROM form_showings WHERE center_id = $1 AND showing_id = ANY($2)")
            .bind(center)
            .bind(ids)
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().collect())
}

/// Notes showings, by the order of their ids; what is known of one is joined with what is told now.
pub async fn note_begun(tx: &mut Tx, begun: &[Begun]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    let faults = |one: &Begun| one.faults.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    sqlx::query(
        "INSERT INTO form_showings AS known (center_id, showing_id, hour, form, language, faults) \
         SELECT $1, showing_id, hour, form, language, string_to_array(faults, ' ') \
         FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[]) \
            AS given (showing_id, hour, form, language, faults) \
         ON CONFLICT (center_id, showing_id) DO UPDATE SET faults = ARRAY( \
            SELECT DISTINCT fault FROM unnest(known.faults || excluded.faults) AS fault ORDER BY fault) \
         WHERE NOT excluded.faults <@ known.faults",
    )
    .bind(center)
    .bind(begun.iter().map(|one| one.showing_id).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| Ts(one.hour)).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.form.as_str()).collect::<Vec<_>>())
    .bind(begun.iter().map(|one| one.language.as_str()).collect::<Vec<_>>())
    .bind(begun.iter().map(faults).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

// True: an inquiry came that is not held; false: one that is; null: none.
macro_rules! sent {
    () => {
        "(SELECT bool_or(NOT held) FROM inquiries WHERE inquiries.center_id = showing.center_id \
            AND inquiries.showing_id = showing.showing_id AND inquiries.showing_id IS NOT NULL)"
    };
}

/// Counts showings of a center ($1) from before an hour ($2) in their hours, at most so many ($3). What is held waits for whoever
/// looks at it; what is a machine's counts nowhere.
pub const SETTLE: &str = concat!(
    "WITH fate AS MATERIALIZED (SELECT showing_id, hour, form, language, faults, ",
    sent!(),
    " AS sent FROM form_showings AS showing WHERE center_id = $1 AND hour < $2 AND NOT EXISTS ( \
        SELECT FROM inquiries JOIN held_inquiries AS why USING (center_id, inquiry_id) \
        WHERE inquiries.center_id = showing.center_id AND inquiries.showing_id = showing.showing_id \
            AND inquiries.showing_id IS NOT NULL AND why.settled_at IS NULL) \
     ORDER BY hour LIMIT $3), \
     gone AS (DELETE FROM form_showings AS showing USING fate WHERE showing.center_id = $1 \
        AND showing.hour < $2 AND showing.showing_id = fate.showing_id), \
     hours AS (INSERT INTO form_hours AS known (center_id, hour, form, language, begun, sent, abandoned) \
        SELECT $1, hour, form, language, count(*), count(*) FILTER (WHERE sent), count(*) FILTER (WHERE sent IS NULL) \
        FROM fate WHERE sent IS DISTINCT FROM false GROUP BY hour, form, language ORDER BY hour, form, language \
        ON CONFLICT (center_id, hour, form, language) DO UPDATE SET begun = known.begun + excluded.begun, \
            sent = known.sent + excluded.sent, abandoned = known.abandoned + excluded.abandoned), \
     fields AS (INSERT INTO form_field_hours AS known (center_id, hour, form, language, field, code, showings) \
        SELECT $1, hour, form, language, split_part(fault, ':', 1), split_part(fault, ':', 2), count(*) \
        FROM fate, unnest(faults) AS fault WHERE sent IS DISTINCT FROM false GROUP BY 2, 3, 4, 5, 6 ORDER BY 2, 3, 4, 5, 6 \
        ON CONFLICT (center_id, hour, form, language, field, code) \
            DO UPDATE SET showings = known.showings + excluded.showings) \
     SELECT count(*) FROM fate"
);

/// Settles showings from before an hour; gives how many.
pub async fn settle(tx: &mut Tx, before: Timestamp, most: i64) -> Result<i64, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(SETTLE).bind(center).bind(Ts(before)).bind(most).fetch_one(tx.conn()).await
}

/// Forgets batches that nobody sends again.
pub async fn forget_batches(tx: &mut Tx, before: Timestamp) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM form_batches WHERE center_id = $1 AND noted_at < $2")
        .bind(center)
        .bind(Ts(before))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Counts of a center ($1) of the hours in a range ($2, $3); what was shown before an hour ($4) and not sent is left.
pub const COUNTS: &str = concat!(
    "SELECT form, language, sum(shown)::bigint AS shown, sum(begun)::bigint AS begun, sum(sent)::bigint AS sent, \
        sum(abandoned)::bigint AS abandoned FROM ( \
        SELECT form, language, shown, begun, sent, abandoned FROM form_hours \
        WHERE center_id = $1 AND hour >= $2 AND hour < $3 \
        UNION ALL SELECT form, language, 0, 1, CASE WHEN sent THEN 1 ELSE 0 END, \
            CASE WHEN sent IS NULL AND hour < $4 THEN 1 ELSE 0 END FROM (SELECT form, language, hour, ",
    sent!(),
    " AS sent FROM form_showings AS showing WHERE center_id = $1 AND hour >= $2 AND hour < $3) AS lately \
        WHERE sent IS DISTINCT FROM false) AS each GROUP BY form, language ORDER BY form, language"
);

/// What became of showings.
pub async fn counts(
    tx: &mut Tx,
    (from, to): (Timestamp, Timestamp),
    left_before: Timestamp,
) -> Result<Vec<FormCount>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(COUNTS).bind(center).bind(Ts(from)).bind(Ts(to)).bind(Ts(left_before)).fetch_all(tx.conn()).await
}

/// Fields that could not be taken, of a center ($1) in the hours of a range ($2, $3), the most frequent first.
pub const FIELDS: &str = concat!(
    "SELECT form, language, field, code, sum(showings)::bigint AS showings FROM ( \
        SELECT form, language, field, code, showings FROM form_field_hours \
        WHERE center_id = $1 AND hour >= $2 AND hour < $3 \
        UNION ALL SELECT form, language, split_part(fault, ':', 1), split_part(fault, ':', 2), 1 \
            FROM form_showings AS showing, unnest(faults) AS fault WHERE center_id = $1 AND hour >= $2 AND hour < $3 AND ",
    sent!(),
    " IS DISTINCT FROM false) AS each \
     GROUP BY form, language, field, code ORDER BY showings DESC, form, language, field, code LIMIT 500"
);

/// Where people failed.
pub async fn fields(tx: &mut Tx, (from, to): (Timestamp, Timestamp)) -> Result<Vec<FieldCount>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(FIELDS).bind(center).bind(Ts(from)).bind(Ts(to)).fetch_all(tx.conn()).await
}
