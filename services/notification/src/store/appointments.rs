//! The last word heard of each visit.

use std::collections::HashMap;

use causeway_mailbox::{Ts, Tx, TxError};
use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::domain::notice::About;
use crate::domain::visit::{Change, Visit};

/// The versions that are known of some appointments, locked until the transaction ends.
pub async fn versions(tx: &mut Tx, appointments: &[Uuid]) -> Result<HashMap<Uuid, i64>, TxError> {
    let known: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT appointment_id, version FROM appointments WHERE appointment_id = ANY($1) ORDER BY appointment_id FOR UPDATE",
    )
    .bind(appointments)
    .fetch_all(tx.conn())
    .await?;
    Ok(known.into_iter().collect())
}

/// Keeps visits with one statement; an older version changes nothing.
pub async fn save(tx: &mut Tx, visits: &[&Visit]) -> Result<(), TxError> {
    if visits.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    let texts = |get: fn(&Visit) -> &str| -> Vec<&str> { visits.iter().map(|visit| get(visit)).collect() };
    let times = |get: fn(&Visit) -> Timestamp| -> Vec<Ts> { visits.iter().map(|visit| Ts(get(visit))).collect() };
    sqlx::query(
        "INSERT INTO appointments (center_id, appointment_id, inquiry_id, version, state, starts_at, time_zone, site, visit_kind, \
            changed_at, language, reference, email_allowed, consult_type, cancer_area, consented_at, next_step) \
         SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], \
            $9::text[], $10::timestamptz[], $11::text[], $12::text[], $13::boolean[], $14::text[], $15::text[], $16::timestamptz[], $17::text[]) \
         ON CONFLICT (center_id, appointment_id) DO UPDATE SET version = excluded.version, state = excluded.state, \
            starts_at = excluded.starts_at, time_zone = excluded.time_zone, site = excluded.site, \
            visit_kind = excluded.visit_kind, changed_at = excluded.changed_at, language = excluded.language, \
            email_allowed = excluded.email_allowed, consented_at = excluded.consented_at, next_step = excluded.next_step \
         WHERE appointments.version < excluded.version",
    )
    .bind(center)
    .bind(visits.iter().map(|visit| visit.appointment_id).collect::<Vec<_>>())
    .bind(visits.iter().map(|visit| visit.about.inquiry_id).collect::<Vec<_>>())
    .bind(visits.iter().map(|visit| visit.version).collect::<Vec<_>>())
    .bind(texts(|visit| visit.change.state()))
    .bind(times(|visit| visit.starts_at))
    .bind(texts(|visit| &visit.time_zone))
    .bind(texts(|visit| &visit.site))
    .bind(texts(|visit| &visit.visit_kind))
    .bind(times(|visit| visit.at))
    .bind(texts(|visit| &visit.about.language))
    .bind(texts(|visit| &visit.about.reference))
    .bind(visits.iter().map(|visit| visit.about.email_allowed).collect::<Vec<_>>())
    .bind(texts(|visit| visit.about.consult_type.as_str()))
    .bind(texts(|visit| visit.about.cancer_area.as_str()))
    .bind(times(|visit| visit.about.consented_at))
    .bind(texts(|visit| &visit.next_step))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Visits as they are known now.
pub async fn load(tx: &mut Tx, appointments: &[Uuid]) -> Result<HashMap<Uuid, Visit>, TxError> {
    let rows = sqlx::query(
        "SELECT appointment_id, inquiry_id, version, state, starts_at, time_zone, site, visit_kind, changed_at, language, \
            reference, email_allowed, consult_type, cancer_area, consented_at, next_step \
         FROM appointments WHERE appointment_id = ANY($1)",
    )
    .bind(appointments)
    .fetch_all(tx.conn())
    .await?;
    let visits = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(visits.into_iter().map(|visit| (visit.appointment_id, visit)).collect())
}

/// Ids of the visits of inquiries.
pub async fn of_inquiries(tx: &mut Tx, inquiries: &[Uuid]) -> Result<Vec<Uuid>, TxError> {
    let found = sqlx::query_scalar("SELECT appointment_id FROM appointments WHERE inquiry_id = ANY($1)")
        .bind(inquiries)
        .fetch_all(tx.conn())
        .await?;
    Ok(found)
}

fn read(row: &PgRow) -> Result<Visit, sqlx::Error> {
    let time = |name: &str| row.try_get::<Ts, _>(name).map(|at| at.0);
    let (consult, area): (String, String) = (row.try_get("consult_type")?, row.try_get("cancer_area")?);
    let about = About {
        inquiry_id: row.try_get("inquiry_id")?,
        reference: row.try_get("reference")?,
        language: row.try_get("language")?,
        email_allowed: row.try_get("email_allowed")?,
        consented_at: time("consented_at")?,
        consult_type: consult.parse().unwrap_or_default(),
        cancer_area: area.parse().unwrap_or_default(),
    };
    let state: String = row.try_get("state")?;
    Ok(Visit {
        appointment_id: row.try_get("appointment_id")?,
        version: row.try_get("version")?,
        about,
        starts_at: time("starts_at")?,
        time_zone: row.try_get("time_zone")?,
        site: row.try_get("site")?,
        visit_kind: row.try_get("visit_kind")?,
        next_step: row.try_get("next_step")?,
        change: Change::of_state(&state),
        at: time("changed_at")?,
    })
}
