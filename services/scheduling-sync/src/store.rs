//! All SQL of this service: what the desk told of each inquiry, appointments, and taken seats.
//!
//! Every statement names the center, which row-level security would add anyway, so that the indexes serve it. To add a
//! column: a migration, the `COLUMNS` of its table, [`appointment`] or [`told`], and the statement that writes it.

use std::collections::HashMap;

use causeway_funnel::booking::Readiness;
use causeway_mailbox::{Ts, Tx};
use causeway_proto::convert::facts_from_wire;
use causeway_proto::inquiry::v1::Facts as WireFacts;
use prost::Message as _;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::domain::appointment::{Appointment, Bookable};
use crate::error::Error;

/// What the intake desk told of an inquiry.
#[derive(Debug, Clone)]
pub struct Told {
    /// The inquiry.
    pub inquiry_id: Uuid,
    /// Its facts as events carry them.
    pub facts: WireFacts,
    /// What decides about booking.
    pub bookable: Bookable,
}

/// One row that the intake desk's news wants written.
#[derive(Debug, Clone)]
pub struct News {
    /// The inquiry.
    pub inquiry_id: Uuid,
    /// Its facts, encoded as events carry them.
    pub facts: Vec<u8>,
    /// How far intake and records are.
    pub readiness: Readiness,
    /// Not closed.
    pub open: bool,
    /// The team that works it.
    pub team: String,
    /// The site that it was routed to; empty: none.
    pub site: String,
    /// Number of the change at the desk.
    pub version: i64,
}

const TOLD: &str = "SELECT inquiry_id, facts, intake_complete, records_ready, reviewed, open, site FROM bookables \
     WHERE center_id = $1 AND inquiry_id = $2";
const TOLD_LOCKED: &str = "SELECT inquiry_id, facts, intake_complete, records_ready, reviewed, open, site FROM bookables \
     WHERE center_id = $1 AND inquiry_id = $2 FOR UPDATE";
const TOLD_OF_APPOINTMENT_LOCKED: &str = "SELECT inquiry_id, facts, intake_complete, records_ready, reviewed, open, site FROM bookables \
     WHERE center_id = $1 AND inquiry_id = (SELECT inquiry_id FROM appointments WHERE center_id = $1 AND appointment_id = $2) FOR UPDATE";

/// Writes news, each where it is newer than what is known, and gives the inquiries that were written. `news` holds each
/// inquiry once, ordered by id, so that two replicas lock in the same order.
pub async fn save_news(tx: &mut Tx, news: &[&News]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "INSERT INTO bookables (center_id, inquiry_id, facts, intake_complete, records_ready, reviewed, open, team, site, version) \
         SELECT $1, t.* FROM unnest($2::uuid[], $3::bytea[], $4::boolean[], $5::boolean[], $6::boolean[], $7::boolean[], $8::text[], $9::text[], $10::bigint[]) AS t \
         ON CONFLICT (center_id, inquiry_id) DO UPDATE SET facts = excluded.facts, intake_complete = excluded.intake_complete, \
             records_ready = excluded.records_ready, reviewed = excluded.reviewed, open = excluded.open, team = excluded.team, \
             site = excluded.site, version = excluded.version \
         WHERE bookables.version < excluded.version \
         RETURNING inquiry_id",
    )
    .bind(center)
    .bind(news.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.facts.as_slice()).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.readiness.intake_complete).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.readiness.records_ready).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.readiness.reviewed).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.open).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.team.as_str()).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.site.as_str()).collect::<Vec<_>>())
    .bind(news.iter().map(|one| one.version).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await
}

/// What is known of an inquiry; nothing before the desk has told of it.
pub async fn load_told(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<Told>, Error> {
    fetch_told(tx, TOLD, inquiry_id).await
}

/// As [`load_told`], and no other change of this inquiry's appointments until the end of the transaction.
pub async fn lock_told(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<Told>, Error> {
    fetch_told(tx, TOLD_LOCKED, inquiry_id).await
}

/// As [`lock_told`], by the id of an appointment.
pub async fn lock_told_of(tx: &mut Tx, appointment_id: Uuid) -> Result<Option<Told>, Error> {
    fetch_told(tx, TOLD_OF_APPOINTMENT_LOCKED, appointment_id).await
}

async fn fetch_told(tx: &mut Tx, statement: &'static str, id: Uuid) -> Result<Option<Told>, Error> {
    let center = tx.center().to_owned();
    let row = sqlx::query(statement).bind(center).bind(id).fetch_optional(tx.conn()).await?;
    row.as_ref().map(told).transpose()
}

fn told(row: &PgRow) -> Result<Told, Error> {
    let bytes: Vec<u8> = row.try_get("facts")?;
    let wire = WireFacts::decode(bytes.as_slice()).map_err(|_| Error::Corrupt { what: "facts of an inquiry" })?;
    let (_, facts) = facts_from_wire(&wire)?;
    let site: String = row.try_get("site")?;
    let readiness = Readiness {
        intake_complete: row.try_get("intake_complete")?,
        records_ready: row.try_get("records_ready")?,
        reviewed: row.try_get("reviewed")?,
    };
    let open = row.try_get("open")?;
    let bookable = Bookable { facts, readiness, open, site: (!site.is_empty()).then_some(site) };
    Ok(Told { inquiry_id: row.try_get("inquiry_id")?, facts: wire, bookable })
}

/// All appointments of an inquiry, newest first.
pub async fn appointments_of(tx: &mut Tx, inquiry_id: Uuid) -> Result<Vec<Appointment>, Error> {
    let center = tx.center().to_owned();
    let rows = sqlx::query(
        "SELECT appointment_id, inquiry_id, slot_id, seat, site, starts_at, ends_at, time_zone, role, visit_kind, state, reason, \
             by, version, booked_at, source, idempotency_key, asked_slot_id \
         FROM appointments WHERE center_id = $1 AND inquiry_id = $2 ORDER BY booked_at DESC, appointment_id DESC",
    )
    .bind(center)
    .bind(inquiry_id)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(appointment).collect()
}

fn appointment(row: &PgRow) -> Result<Appointment, Error> {
    let instant = |column: &str| row.try_get::<Ts, _>(column).map(|at| at.0);
    let state: &str = row.try_get("state")?;
    let by: &str = row.try_get("by")?;
    Ok(Appointment {
        id: row.try_get("appointment_id")?,
        inquiry_id: row.try_get("inquiry_id")?,
        slot_id: row.try_get("slot_id")?,
        seat: row.try_get("seat")?,
        site: row.try_get("site")?,
        starts_at: instant("starts_at")?,
        ends_at: instant("ends_at")?,
        time_zone: row.try_get("time_zone")?,
        role: row.try_get("role")?,
        visit_kind: row.try_get("visit_kind")?,
        state: state.parse().map_err(|_| Error::Corrupt { what: "state of an appointment" })?,
        reason: row.try_get("reason")?,
        by: by.parse().map_err(|_| Error::Corrupt { what: "by of an appointment" })?,
        version: row.try_get("version")?,
        booked_at: instant("booked_at")?,
        source: row.try_get("source")?,
        idempotency_key: row.try_get("idempotency_key")?,
        asked_slot_id: row.try_get("asked_slot_id")?,
    })
}

/// Writes a new appointment, whose seat was taken before.
pub async fn insert_appointment(tx: &mut Tx, new: &Appointment) -> Result<(), Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO appointments (center_id, appointment_id, inquiry_id, slot_id, seat, site, starts_at, ends_at, time_zone, role, \
             visit_kind, state, reason, by, version, booked_at, source, idempotency_key, asked_slot_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(center)
    .bind(new.id)
    .bind(new.inquiry_id)
    .bind(&new.slot_id)
    .bind(new.seat)
    .bind(&new.site)
    .bind(Ts(new.starts_at))
    .bind(Ts(new.ends_at))
    .bind(&new.time_zone)
    .bind(&new.role)
    .bind(&new.visit_kind)
    .bind(new.state.as_str())
    .bind(&new.reason)
    .bind(new.by.as_str())
    .bind(new.version)
    .bind(Ts(new.booked_at))
    .bind(&new.source)
    .bind(&new.idempotency_key)
    .bind(&new.asked_slot_id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes what became of an appointment.
pub async fn update_appointment(tx: &mut Tx, changed: &Appointment) -> Result<(), Error> {
    let center = tx.center().to_owned();
    let done = sqlx::query(
        "UPDATE appointments SET slot_id = $3, seat = $4, site = $5, starts_at = $6, ends_at = $7, time_zone = $8, role = $9, \
             visit_kind = $10, state = $11, reason = $12, by = $13, version = $14 \
         WHERE center_id = $1 AND appointment_id = $2 AND version < $14",
    )
    .bind(center)
    .bind(changed.id)
    .bind(&changed.slot_id)
    .bind(changed.seat)
    .bind(&changed.site)
    .bind(Ts(changed.starts_at))
    .bind(Ts(changed.ends_at))
    .bind(&changed.time_zone)
    .bind(&changed.role)
    .bind(&changed.visit_kind)
    .bind(changed.state.as_str())
    .bind(&changed.reason)
    .bind(changed.by.as_str())
    .bind(changed.version)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Corrupt { what: "version of an appointment" }) }
}

/// Takes the first free seat of a slot; nothing when all are taken. Where two want the same seat at once, the second
/// waits for the outcome of the first and looks again.
pub async fn take_seat(tx: &mut Tx, slot_id: &str, capacity: u32, appointment_id: Uuid) -> Result<Option<i32>, Error> {
    let (center, capacity) = (tx.center().to_owned(), i32::try_from(capacity).unwrap_or(i32::MAX));
    // A lost race means that somebody else got that seat, so the seats run out before the tries do, unless some are
    // given back meanwhile.
    for _ in 0..=capacity.min(64) {
        let (was_free, seat): (bool, Option<i32>) = sqlx::query_as(
            "WITH free AS ( \
                 SELECT n FROM generate_series(0, $3::integer - 1) AS n \
                 WHERE NOT EXISTS (SELECT 1 FROM slots_taken WHERE center_id = $1 AND slot_id = $2 AND seat = n) \
                 ORDER BY n LIMIT 1 \
             ), won AS ( \
                 INSERT INTO slots_taken (center_id, slot_id, seat, appointment_id) SELECT $1, $2, n, $4 FROM free \
                 ON CONFLICT (center_id, slot_id, seat) DO NOTHING RETURNING seat \
             ) SELECT EXISTS (SELECT 1 FROM free), (SELECT seat FROM won)",
        )
        .bind(&center)
        .bind(slot_id)
        .bind(capacity)
        .bind(appointment_id)
        .fetch_one(tx.conn())
        .await?;
        if seat.is_some() || !was_free {
            return Ok(seat);
        }
    }
    Ok(None)
}

/// Gives a seat back.
pub async fn free_seat(tx: &mut Tx, appointment: &Appointment) -> Result<(), Error> {
    let center = tx.center().to_owned();
    let done = sqlx::query(
        "DELETE FROM slots_taken WHERE center_id = $1 AND slot_id = $2 AND seat = $3 AND appointment_id = $4",
    )
    .bind(center)
    .bind(&appointment.slot_id)
    .bind(appointment.seat)
    .bind(appointment.id)
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Corrupt { what: "seat of an appointment" }) }
}

/// How many seats are taken of each of these slots; a slot without any is absent.
pub async fn seats_taken(tx: &mut Tx, slot_ids: &[String]) -> Result<HashMap<String, i64>, Error> {
    let center = tx.center().to_owned();
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT slot_id, count(*) FROM slots_taken WHERE center_id = $1 AND slot_id = ANY($2) GROUP BY slot_id",
    )
    .bind(center)
    .bind(slot_ids)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().collect())
}
