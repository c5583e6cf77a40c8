//! All SQL of ingestion. Every statement takes a whole batch as arrays, whatever its size.
//!
//! Deliberately not here: what a clash or a lost race means (writer).

pub mod calls;
pub mod document_work;
pub mod documents;
pub mod feeds;
pub mod file_rows;
pub mod file_work;
pub mod files;
pub mod held;
pub mod hooks;
pub mod journeys;
pub mod links;
pub mod messages;
pub mod people;
pub mod proofs;
pub mod referrals;
pub mod repairs;
pub mod showings;
pub mod sisters;
pub mod subscriptions;
pub mod unaddressed;
pub mod volume;

use std::collections::HashSet;

use causeway_mailbox::{Single, Ts, Tx, TxError};
use jiff::Timestamp;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Row as _};
use uuid::Uuid;

use messages::NewMessage;

/// One inquiry as it is written.
pub struct NewInquiry<'a> {
    /// Its id.
    pub inquiry_id: Uuid,
    /// Keyed hashes of its key and of its content; none: nothing to recognise it by.
    pub key: Option<(&'a [u8], &'a [u8])>,
    /// Its request number.
    pub reference: &'a str,
    /// Consult type, for those who count.
    pub consult_type: &'static str,
    /// The door.
    pub source: &'static str,
    /// Not published; waits for a person.
    pub held: bool,
    /// The faults that a repeat is told of as well, encoded; none: nothing to mend.
    pub to_repair: Option<Vec<u8>>,
    /// Encoded facts.
    pub facts: Vec<u8>,
    /// The sealed person.
    pub sealed: &'a [u8],
    /// The showing of the form that it came from.
    pub showing_id: Option<Uuid>,
}

macro_rules! insert {
    ($then:literal) => {
        concat!(
            "INSERT INTO inquiries (center_id, received_at, inquiry_id, key, content_hash, reference, consult_type, \
                source, held, needs_repair, to_repair, facts, sealed, showing_id) \
             SELECT $1, $2, inquiry_id, key, content_hash, reference, consult_type, source, held, \
                to_repair IS NOT NULL, to_repair, facts, sealed, showing_id \
             FROM unnest($3::uuid[], $4::bytea[], $5::bytea[], $6::text[], $7::text[], $8::text[], $9::boolean[], \
                $10::bytea[], $11::bytea[], $12::bytea[], $13::uuid[]) AS given \
                (inquiry_id, key, content_hash, reference, consult_type, source, held, to_repair, facts, sealed, showing_id)",
            $then
        )
    };
}

/// Binds the columns of inquiries, one array for each.
fn bind<'q>(query: Query<'q, Postgres, PgArguments>, rows: &'q [NewInquiry<'_>]) -> Query<'q, Postgres, PgArguments> {
    query
        .bind(rows.iter().map(|row| row.inquiry_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.key.map(|(key, _)| key)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.key.map(|(_, hash)| hash)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.reference).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.consult_type).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.source).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.held).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.to_repair.as_deref()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.facts.as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.sealed).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.showing_id).collect::<Vec<_>>())
}

macro_rules! sure {
    ($($more:literal)*) => {
        causeway_mailbox::single!(concat!(
            "kept AS (INSERT INTO inquiries (center_id, received_at, inquiry_id, key, content_hash, reference, consult_type, \
                    source, held, needs_repair, to_repair, facts, sealed, showing_id) \
                SELECT own.center_id, $11, inquiry_id, key, content_hash, reference, consult_type, source, held, \
                    to_repair IS NOT NULL, to_repair, facts, sealed, showing_id \
                FROM own CROSS JOIN unnest($12::uuid[], $13::bytea[], $14::bytea[], $15::text[], $16::text[], $17::text[], \
                    $18::boolean[], $19::bytea[], $20::bytea[], $21::bytea[], $22::uuid[]) AS given \
                    (inquiry_id, key, content_hash, reference, consult_type, source, held, to_repair, facts, sealed, showing_id))",
            $(", ", $more),*
        ))
    };
    (with messages $($more:literal)*) => {
        sure!(
            "used AS (INSERT INTO control_ids (center_id, control_key) \
                SELECT own.center_id, key FROM own CROSS JOIN unnest($26::bytea[] || $33::bytea[]) AS key)"
            "heard AS (INSERT INTO messages (center_id, received_at, changed_at, message_id, feed, kind, control_key, content_hash, \
                    state, inquiry_id, sealed, unpack_at, number_key, number) \
                SELECT own.center_id, $11, $11, message_id, feed, kind, control_key, content_hash, 'accepted', inquiry_id, sealed, \
                    CASE WHEN carries THEN now() END, number_key, number \
                FROM own CROSS JOIN unnest($23::uuid[], $24::text[], $25::text[], $26::bytea[], $27::bytea[], $28::uuid[], \
                    $29::bytea[], $30::boolean[], $31::bytea[], $32::bytea[]) AS given \
                    (message_id, feed, kind, control_key, content_hash, inquiry_id, sealed, carries, number_key, number))"
            $($more)*
        )
    };
}

/// What is written at once with inquiries of which nothing stands yet: each part draws on the row that names the center. A part
/// costs as much for no row as for some, so what has none has a statement without it.
const SURE: &str = sure!();
/// The same with the messages that they came in.
const SURE_HEARD: &str = sure!(with messages);
/// The same with what of them is to be mended, whether or not they came in messages.
const SURE_TO_MEND: &str = sure!(
    with messages
    "mend AS (INSERT INTO repairs (center_id, inquiry_id, field, code, noted_at) \
        SELECT own.center_id, inquiry_id, field, code, $11 \
        FROM own CROSS JOIN unnest($34::uuid[], $35::text[], $36::text[]) AS given (inquiry_id, field, code) \
        ON CONFLICT DO NOTHING)"
);

/// Writes inquiries, the accepted messages that they came in and what of them is to be mended, in one statement and round trip.
/// All of it or, where a key, a request number or a control id is taken, nothing: then it is a unique violation. `claims`: keys that
/// may be further numbers of other referrals (see [`claim`]).
pub async fn write_sure(
    single: &mut Single,
    rows: &[NewInquiry<'_>],
    (heard, claims): (&[NewMessage<'_>], &[&[u8]]),
    faults: &[(Uuid, &str, &str)],
) -> Result<(), TxError> {
    let now = single.now();
    let statement = match (heard.is_empty(), faults.is_empty()) {
        (true, true) => return single.write(SURE, |query| bind(query.bind(Ts(now)), rows)).await,
        (false, true) => SURE_HEARD,
        (_, false) => SURE_TO_MEND,
    };
    single
        .write(statement, |query| {
            let query = bind(query.bind(Ts(now)), rows)
                .bind(heard.iter().map(|one| one.message_id).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.feed).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.kind).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.control_key).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.content_hash).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.sealed).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.carries).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.number.map(|number| number.key.as_slice())).collect::<Vec<_>>())
                .bind(heard.iter().map(|one| one.number.map(|number| number.sealed.as_slice())).collect::<Vec<_>>())
                .bind(claims);
            if faults.is_empty() {
                return query;
            }
            query
                .bind(faults.iter().map(|(id, _, _)| *id).collect::<Vec<_>>())
                .bind(faults.iter().map(|(_, field, _)| *field).collect::<Vec<_>>())
                .bind(faults.iter().map(|(_, _, code)| *code).collect::<Vec<_>>())
        })
        .await
}

/// Those of some inquiries that stand, with request number and time of receipt.
pub async fn standing(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, String, Ts)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, reference, received_at FROM inquiries WHERE center_id = $1 AND inquiry_id = ANY($2)",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Writes a batch, all of it or, where a key or a request number is taken, nothing: then it is a unique violation.
pub async fn insert(tx: &mut Tx, now: Timestamp, rows: &[NewInquiry<'_>]) -> Result<(), sqlx::Error> {
    let query = sqlx::query(insert!("")).bind(tx.center().to_owned()).bind(Ts(now));
    bind(query, rows).execute(tx.conn()).await?;
    Ok(())
}

/// Writes what of a batch is free, and gives the ids of what stands now. A taken key waits for its rival's transaction,
/// which makes it safe between processes. Looking first costs more for each row than the row.
pub async fn insert_free(tx: &mut Tx, now: Timestamp, rows: &[NewInquiry<'_>]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let query = sqlx::query(insert!(
        " WHERE NOT EXISTS (SELECT FROM referral_numbers AS further WHERE further.center_id = $1 AND further.key = given.key \
            GROUP BY further.key HAVING count(*) = 1) \
         ON CONFLICT DO NOTHING RETURNING inquiry_id"
    ));
    let query = query.bind(tx.center().to_owned()).bind(Ts(now));
    let written = bind(query, rows).fetch_all(tx.conn()).await?;
    written.iter().map(|row| row.try_get(0)).collect()
}

/// The inquiry that stands under a key.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Kept {
    /// Its key.
    pub key: Vec<u8>,
    /// Keyed hash of its content.
    pub content_hash: Vec<u8>,
    /// Its id.
    pub inquiry_id: Uuid,
    /// Its request number.
    pub reference: String,
    /// When it came.
    pub received_at: Ts,
    /// The faults that its sender was told of, encoded.
    pub to_repair: Option<Vec<u8>>,
    /// Whether the key is not the one that it is known by.
    pub is_further: bool,
}

/// See [`kept`]; a test asks for its plan.
pub const KEPT: &str = "SELECT key, content_hash, inquiry_id, reference, received_at, to_repair, false AS is_further FROM inquiries \
     WHERE center_id = $1 AND key = ANY($2) AND key IS NOT NULL \
     UNION ALL SELECT further.key, content_hash, inquiries.inquiry_id, reference, received_at, to_repair, true \
        FROM (SELECT key, (array_agg(inquiry_id))[1] AS inquiry_id FROM referral_numbers WHERE center_id = $1 AND key = ANY($2) \
            GROUP BY key HAVING count(*) = 1) AS further \
        JOIN inquiries ON center_id = $1 AND inquiries.inquiry_id = further.inquiry_id \
     ORDER BY is_further, received_at, inquiry_id";

/// What stands under keys: the inquiry that bears one before the one whose further number it is. A further number that several
/// bear leads to none of them.
pub async fn kept(tx: &mut Tx, keys: &[&[u8]]) -> Result<Vec<Kept>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(KEPT).bind(center).bind(keys).fetch_all(tx.conn()).await
}

/// All that bear a key, as the one that they are known by or as another one: inquiry and key.
pub async fn bearing(tx: &mut Tx, keys: &[&[u8]]) -> Result<Vec<(Uuid, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(BEARING).bind(center).bind(keys).fetch_all(tx.conn()).await
}

/// See [`bearing`]; a test asks for its plan.
pub const BEARING: &str = "SELECT inquiry_id, key FROM inquiries WHERE center_id = $1 AND key = ANY($2) AND key IS NOT NULL \
     UNION ALL SELECT inquiry_id, key FROM referral_numbers WHERE center_id = $1 AND key = ANY($2)";

/// Claims the keys under which referrals with several numbers are known, in their order: of two requests that bear one number, in
/// whatever places, the second one waits here until the first one stands. They lie among the control ids, whose rows clash.
pub async fn claim(tx: &mut Tx, keys: &[&[u8]]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO control_ids (center_id, control_key) SELECT DISTINCT $1, key FROM unnest($2::bytea[]) AS key ORDER BY key \
         ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(keys)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes answers to mend: inquiry, field and code of the fault.
pub async fn note_repairs(tx: &mut Tx, now: Timestamp, faults: &[(Uuid, &str, &str)]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO repairs (center_id, inquiry_id, field, code, noted_at) \
         SELECT $1, inquiry_id, field, code, $2 FROM unnest($3::uuid[], $4::text[], $5::text[]) \
         AS given (inquiry_id, field, code) ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(faults.iter().map(|(id, _, _)| *id).collect::<Vec<_>>())
    .bind(faults.iter().map(|(_, field, _)| *field).collect::<Vec<_>>())
    .bind(faults.iter().map(|(_, _, code)| *code).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The sealed people of inquiries; those that are not this center's are absent.
pub async fn people(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as("SELECT inquiry_id, sealed FROM inquiries WHERE center_id = $1 AND inquiry_id = ANY($2)")
        .bind(center)
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}

/// The encoded facts of an inquiry.
pub async fn facts(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT facts FROM inquiries WHERE center_id = $1 AND inquiry_id = $2")
        .bind(center)
        .bind(inquiry_id)
        .fetch_optional(tx.conn())
        .await
}

/// The request number of an inquiry.
pub async fn reference(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<String>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT reference FROM inquiries WHERE center_id = $1 AND inquiry_id = $2")
        .bind(center)
        .bind(inquiry_id)
        .fetch_optional(tx.conn())
        .await
}

/// Lets go those of the inquiries that are held, and gives them with their encoded facts. Whoever asks at the same time
/// waits, and gets none of them.
pub async fn release(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "UPDATE inquiries SET held = false WHERE center_id = $1 AND inquiry_id = ANY($2) AND held \
         RETURNING inquiry_id, facts",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Those of the ids that are inquiries of the center.
pub async fn known(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT inquiry_id FROM inquiries WHERE center_id = $1 AND inquiry_id = ANY($2)")
        .bind(center)
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}

/// The inquiries with some request numbers.
pub async fn referred(tx: &mut Tx, references: &[String]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT inquiry_id FROM inquiries WHERE center_id = $1 AND reference = ANY($2)")
        .bind(center)
        .bind(references)
        .fetch_all(tx.conn())
        .await
}

/// The inquiry under the first of some keys that leads to one, and its request number.
pub async fn by_keys(tx: &mut Tx, keys: &[[u8; 16]]) -> Result<Option<(Uuid, String)>, sqlx::Error> {
    let asked: Vec<&[u8]> = keys.iter().map(<[u8; 16]>::as_slice).collect();
    let mut found = kept(tx, &asked).await?;
    found.sort_by_key(|one| asked.iter().position(|key| *key == one.key.as_slice()));
    Ok(found.into_iter().next().map(|one| (one.inquiry_id, one.reference)))
}

/// The inquiry with a request number, with its encoded facts.
pub async fn by_reference(tx: &mut Tx, reference: &str) -> Result<Option<(Uuid, String, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as("SELECT inquiry_id, reference, facts FROM inquiries WHERE center_id = $1 AND reference = $2")
        .bind(center)
        .bind(reference)
        .fetch_optional(tx.conn())
        .await
}
