//! SQL of the person index: whom to read next, tokens, who shares one, and how far it is.
//!
//! Deliberately not here: what a token is made of (domain, handlers) and what people say of links (links).

use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

/// Most people of one token that are compared with a new one: the newest of them. A clinic's phone stands for hundreds.
pub const CROWD: i64 = 50;

/// An inquiry and a keyed hash of some parts of its person.
pub type Token = (Uuid, [u8; 16]);

/// The later and the earlier inquiry of a link.
pub type Pair = (Uuid, Uuid);

/// An inquiry whose person is read.
#[derive(sqlx::FromRow)]
pub struct Unread {
    /// Its id.
    pub inquiry_id: Uuid,
    /// The person, sealed.
    pub sealed: Vec<u8>,
    /// Encoded facts.
    pub facts: Vec<u8>,
}

/// The index of a center, taken to the end of the transaction.
pub struct Taken {
    /// What stands up to this id was looked through.
    pub through: Uuid,
    /// Nothing was, in this way.
    pub anew: bool,
}

/// Takes the index of a center; nothing while another process has it. Where tokens are made in another way than the last
/// time, or somebody wants all looked through again, it begins anew.
pub async fn take(tx: &mut Tx, version: &[u8]) -> Result<Option<Taken>, sqlx::Error> {
    let found = match progress(tx).await? {
        Some(found) => Some(found),
        None if begin(tx, version).await? => progress(tx).await?,
        None => None,
    };
    let Some((known, through)) = found else { return Ok(None) };
    if known == version {
        return Ok(Some(Taken { through, anew: false }));
    }
    advance(tx, version, Uuid::nil()).await?;
    Ok(Some(Taken { through: Uuid::nil(), anew: true }))
}

/// Takes the record of how far the index is. Its tables grow from nothing while plans that were made for empty ones are kept:
/// for the rest of the transaction the planner is kept to indexes, which every statement about the index has.
async fn progress(tx: &mut Tx) -> Result<Option<(Vec<u8>, Uuid)>, sqlx::Error> {
    let center = tx.center().to_owned();
    let found: Option<(Vec<u8>, Uuid, String)> = sqlx::query_as(
        "SELECT version, through, set_config('enable_seqscan', 'off', true) FROM person_progress \
         WHERE center_id = $1 FOR UPDATE SKIP LOCKED",
    )
    .bind(center)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.map(|(version, through, _)| (version, through)))
}

/// Makes the record of a center that has none; true where it had none.
async fn begin(tx: &mut Tx, version: &[u8]) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let begun = sqlx::query(
        "INSERT INTO person_progress (center_id, version, through) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(version)
    .bind(Uuid::nil())
    .execute(tx.conn())
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Notes how far it is.
pub async fn advance(tx: &mut Tx, version: &[u8], through: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("UPDATE person_progress SET version = $2, through = $3 WHERE center_id = $1")
        .bind(center)
        .bind(version)
        .bind(through)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Looks at every inquiry again: those whose person was read in the same way are passed over. With `anew` nobody was.
pub async fn begin_again(tx: &mut Tx, anew: bool) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("UPDATE person_progress SET version = '' WHERE center_id = $1")
        .bind(&center)
        .execute(tx.conn())
        .await?;
    if anew {
        sqlx::query("DELETE FROM indexed_people WHERE center_id = $1").bind(center).execute(tx.conn()).await?;
    }
    Ok(())
}

/// The next inquiries whose person was not read in this way.
pub async fn unread(tx: &mut Tx, version: &[u8], after: Uuid, most: i64) -> Result<Vec<Unread>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiries.inquiry_id, sealed, facts FROM inquiries LEFT JOIN indexed_people AS known \
            ON known.center_id = $1 AND known.inquiry_id = inquiries.inquiry_id AND known.inquiry_id > $2 \
         WHERE inquiries.center_id = $1 AND inquiries.inquiry_id > $2 AND known.version IS DISTINCT FROM $3 \
         ORDER BY inquiries.inquiry_id LIMIT $4",
    )
    .bind(center)
    .bind(after)
    .bind(version)
    .bind(most)
    .fetch_all(tx.conn())
    .await
}

/// Those whose answers were mended since they were read; a test asks for its plan.
pub const MENDED: &str = "SELECT inquiry_id, sealed, facts FROM indexed_people JOIN inquiries USING (center_id, inquiry_id) \
     WHERE center_id = $1 AND version = '' ORDER BY inquiry_id LIMIT $2";

/// Those whose answers were mended since they were read.
pub async fn mended(tx: &mut Tx, most: i64) -> Result<Vec<Unread>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(MENDED).bind(center).bind(most).fetch_all(tx.conn()).await
}

/// Has a person read again whose answers are mended in this transaction.
pub async fn read_again(tx: &mut Tx, inquiry_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    // Whoever reads holds this row: else it could read the answers of before, and note them as read after this.
    sqlx::query("SELECT FROM person_progress WHERE center_id = $1 FOR UPDATE").bind(&center).execute(tx.conn()).await?;
    sqlx::query("UPDATE indexed_people SET version = '' WHERE center_id = $1 AND inquiry_id = $2")
        .bind(center)
        .bind(inquiry_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Some people by id, to compare with.
pub async fn those(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Unread>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as("SELECT inquiry_id, sealed, facts FROM inquiries WHERE center_id = $1 AND inquiry_id = ANY($2)")
        .bind(center)
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}

/// Writes the tokens of people in the place of those that they had: inquiry and token, for this center and for sisters.
pub async fn write(
    tx: &mut Tx,
    version: &[u8],
    ids: &[Uuid],
    (own, for_sisters): (&[Token], &[Token]),
) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    let known: Vec<Uuid> =
        sqlx::query_scalar("SELECT inquiry_id FROM indexed_people WHERE center_id = $1 AND inquiry_id = ANY($2)")
            .bind(&center)
            .bind(ids)
            .fetch_all(tx.conn())
            .await?;
    if !known.is_empty() {
        for forget in [
            "DELETE FROM person_tokens WHERE center_id = $1 AND inquiry_id = ANY($2)",
            "DELETE FROM recognitions WHERE center_id = $1 AND inquiry_id = ANY($2)",
        ] {
            sqlx::query(forget).bind(&center).bind(&known).execute(tx.conn()).await?;
        }
    }
    let (inquiries, tokens) = apart(own);
    sqlx::query(
        "INSERT INTO person_tokens (center_id, inquiry_id, token) SELECT $1, * FROM unnest($2::uuid[], $3::bytea[]) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&center)
    .bind(inquiries)
    .bind(tokens)
    .execute(tx.conn())
    .await?;
    let (inquiries, tokens) = apart(for_sisters);
    sqlx::query(
        "INSERT INTO recognitions (center_id, inquiry_id, token, month) \
         SELECT $1, inquiry_id, token, date_trunc('month', received_at AT TIME ZONE 'UTC')::date \
         FROM unnest($2::uuid[], $3::bytea[]) AS given (inquiry_id, token) JOIN inquiries USING (inquiry_id) \
         WHERE inquiries.center_id = $1 ON CONFLICT DO NOTHING",
    )
    .bind(&center)
    .bind(inquiries)
    .bind(tokens)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "INSERT INTO indexed_people (center_id, inquiry_id, version) SELECT $1, id, $3 FROM unnest($2::uuid[]) AS id \
         ON CONFLICT (center_id, inquiry_id) DO UPDATE SET version = excluded.version, crowded = false",
    )
    .bind(center)
    .bind(ids)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn apart(pairs: &[Token]) -> (Vec<Uuid>, Vec<&[u8]>) {
    pairs.iter().map(|(id, token)| (*id, token.as_slice())).unzip()
}

/// The statement by which those who share a token are found; a test asks for its plan.
pub const SHARING: &str = "SELECT given.inquiry_id, found.inquiry_id, found.place > $4 \
     FROM unnest($2::uuid[], $3::bytea[]) AS given (inquiry_id, token) CROSS JOIN LATERAL ( \
        SELECT newest.inquiry_id, row_number() OVER () AS place FROM ( \
            SELECT inquiry_id FROM person_tokens WHERE center_id = $1 AND token = given.token \
                AND inquiry_id <> given.inquiry_id ORDER BY inquiry_id DESC LIMIT $4 + 1) AS newest) AS found";

/// Who shares a token with whom: the reader, the other, and whether the other is beyond those that are compared.
pub async fn sharing(tx: &mut Tx, tokens: &[Token]) -> Result<Vec<(Uuid, Uuid, bool)>, sqlx::Error> {
    let center = tx.center().to_owned();
    let (inquiries, tokens) = apart(tokens);
    sqlx::query_as(SHARING).bind(center).bind(inquiries).bind(tokens).bind(CROWD).fetch_all(tx.conn()).await
}

/// An inquiry that shares a token with somebody.
#[derive(sqlx::FromRow)]
pub struct Candidate {
    /// Its id.
    pub inquiry_id: Uuid,
    /// Its request number.
    pub reference: String,
    /// When it came.
    pub received_at: Ts,
    /// The person, sealed.
    pub sealed: Vec<u8>,
    /// Encoded facts.
    pub facts: Vec<u8>,
}

/// The statement by which those are found that have one of some tokens; a test asks for its plan.
pub const FOUND_BY: &str = "SELECT inquiry_id, reference, received_at, sealed, facts FROM inquiries \
     WHERE center_id = $1 AND inquiry_id IN (SELECT newest.inquiry_id FROM unnest($2::bytea[]) AS given (token) \
        CROSS JOIN LATERAL (SELECT inquiry_id FROM person_tokens WHERE center_id = $1 AND token = given.token \
            ORDER BY inquiry_id DESC LIMIT $3) AS newest)";

/// Who has one of some tokens: of each so many, the newest.
pub async fn found_by(tx: &mut Tx, tokens: &[[u8; 16]], most: i64) -> Result<Vec<Candidate>, sqlx::Error> {
    let center = tx.center().to_owned();
    let tokens: Vec<&[u8]> = tokens.iter().map(<[u8; 16]>::as_slice).collect();
    sqlx::query_as(FOUND_BY).bind(center).bind(tokens).bind(most).fetch_all(tx.conn()).await
}

/// Says of people that more share a token with them than were compared.
pub async fn mark_crowded(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("UPDATE indexed_people SET crowded = true WHERE center_id = $1 AND inquiry_id = ANY($2)")
        .bind(center)
        .bind(ids)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Of which inquiries more share a token than were compared.
pub async fn crowded(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT inquiry_id FROM indexed_people WHERE center_id = $1 AND inquiry_id = ANY($2) AND crowded",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Which other centers know the people of inquiries, and since which month (`2026-04`).
pub async fn elsewhere(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String, String)>, sqlx::Error> {
    sqlx::query_as("SELECT inquiry_id, known_at, to_char(since, 'YYYY-MM') FROM recognised_elsewhere($1) ORDER BY 1, 2")
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}

/// Keeps links that were found, and gives how sure each new one is.
pub async fn link(tx: &mut Tx, found: &[NewLink]) -> Result<Vec<String>, sqlx::Error> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let (center, now) = (tx.center().to_owned(), tx.now());
    let because: Vec<String> = found.iter().map(|link| link.because.join(",")).collect();
    // What a person said of a link stays; what it was found by is brought up to date.
    let kept: Vec<(String, bool)> = sqlx::query_as(
        "INSERT INTO person_links (center_id, newer, older, strength, score, because, found_at) \
         SELECT $1, newer, older, strength, score, string_to_array(because, ','), $2 \
         FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::integer[], $7::text[]) \
            AS given (newer, older, strength, score, because) ORDER BY newer, older \
         ON CONFLICT (center_id, newer, older) DO UPDATE \
            SET strength = excluded.strength, score = excluded.score, because = excluded.because \
         RETURNING strength, xmax = 0",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(found.iter().map(|link| link.newer).collect::<Vec<_>>())
    .bind(found.iter().map(|link| link.older).collect::<Vec<_>>())
    .bind(found.iter().map(|link| link.strength).collect::<Vec<_>>())
    .bind(found.iter().map(|link| link.score).collect::<Vec<_>>())
    .bind(because)
    .fetch_all(tx.conn())
    .await?;
    Ok(kept.into_iter().filter(|(_, is_new)| *is_new).map(|(strength, _)| strength).collect())
}

/// Links of some people of which nobody has said anything: the later and the earlier inquiry.
pub async fn open_links(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Pair>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT newer, older FROM person_links WHERE center_id = $1 AND newer = ANY($2) AND state = 'open' \
         UNION SELECT newer, older FROM person_links WHERE center_id = $1 AND older = ANY($2) AND state = 'open'",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Takes hints away that are none any more. What a person said of a link stays.
pub async fn unlink(tx: &mut Tx, pairs: &[Pair]) -> Result<(), sqlx::Error> {
    if pairs.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    let (newer, older): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().copied().unzip();
    sqlx::query(
        // By the later ones first: joined with the pairs alone, all links of the center were read.
        "DELETE FROM person_links WHERE center_id = $1 AND newer = ANY($2) AND state = 'open' \
            AND (newer, older) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))",
    )
    .bind(center)
    .bind(newer)
    .bind(older)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A link that was found.
pub struct NewLink {
    /// The later inquiry.
    pub newer: Uuid,
    /// The earlier one.
    pub older: Uuid,
    /// How sure.
    pub strength: &'static str,
    /// The sum of the weights.
    pub score: i32,
    /// What speaks for and against.
    pub because: Vec<&'static str>,
}
