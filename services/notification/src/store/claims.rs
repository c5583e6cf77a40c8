//! Notices on their way out: claimed, tried, settled.
//!
//! A claim is committed before anything is sent, with a lease in the database's own time. A row whose lease ran out is one
//! whose sender died: it becomes unknown. Only the try that holds the row (its number) may settle it.

use causeway_envelope::TraceContext;
use causeway_mailbox::{Ts, Tx, TxError};
use jiff::Timestamp;
use sqlx::PgPool;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use std::time::Duration;
use uuid::Uuid;

use crate::domain::notice::{About, Kind, Params, reason};
use crate::domain::retry::Settled;

/// What an event says of a notice.
#[derive(Debug, Clone)]
pub struct Told {
    /// The notice.
    pub notice_id: Uuid,
    /// Its inquiry.
    pub inquiry_id: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// Version of the notice after the change.
    pub version: i64,
    /// Whether it was meant as e-mail.
    pub by_email: bool,
    /// The trace that it belongs to.
    pub trace: TraceContext,
}

/// A notice that is ours to send.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What an event says of it.
    pub told: Told,
    /// What is known of the inquiry.
    pub about: About,
    /// Name of its template.
    pub template: String,
    /// Revision of the profile in force when it was decided on.
    pub revision: String,
    /// When the person will be reached at the latest.
    pub contact_by: Option<Timestamp>,
    /// When the center opens again.
    pub opens_at: Option<Timestamp>,
    /// The rest that its words need.
    pub params: Params,
    /// Tries so far, this one included.
    pub attempts: i32,
    /// When it was decided on.
    pub intended_at: Timestamp,
}

/// What a claim found.
#[derive(Debug, Default)]
pub struct Claim {
    /// Ours to send.
    pub to_send: Vec<Claimed>,
    /// Not to be sent any more, and why.
    pub withheld: Vec<(Told, String)>,
}

/// Steps from center to center along the index: as many look-ups as there are centers, however long a center's backlog.
macro_rules! centers_in {
    ($state:literal) => {
        concat!(
            "((SELECT center_id FROM notices WHERE state = '",
            $state,
            "' ORDER BY center_id LIMIT 1) \
            UNION ALL SELECT (SELECT n.center_id FROM notices AS n WHERE n.state = '",
            $state,
            "' \
                AND n.center_id > c.center_id ORDER BY n.center_id LIMIT 1) FROM ",
            $state,
            " AS c WHERE c.center_id IS NOT NULL)"
        )
    };
}

const DUE_CENTERS: &str = concat!(
    "WITH RECURSIVE intended AS ",
    centers_in!("intended"),
    ", sending AS ",
    centers_in!("sending"),
    " SELECT center_id FROM intended AS c WHERE EXISTS (SELECT 1 FROM notices AS n \
        WHERE n.state = 'intended' AND n.center_id = c.center_id AND n.next_try_at <= $1) \
    UNION SELECT center_id FROM sending AS c WHERE EXISTS (SELECT 1 FROM notices AS n \
        WHERE n.state = 'sending' AND n.center_id = c.center_id AND n.lease_until < now())"
);

const OLDEST_DUE: &str = concat!(
    "WITH RECURSIVE intended AS ",
    centers_in!("intended"),
    " SELECT min((SELECT min(n.next_try_at) FROM notices AS n WHERE n.state = 'intended' AND n.center_id = c.center_id)) \
    FROM intended AS c"
);

/// All centers that have something to do: a notice that is due, or one whose sender died.
pub async fn due_centers(pool: &PgPool, now: Timestamp) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(DUE_CENTERS).bind(Ts(now)).fetch_all(pool).await
}

/// The earliest time at which a notice that still waits was to be sent.
pub async fn oldest_due(pool: &PgPool) -> Result<Option<Timestamp>, sqlx::Error> {
    let oldest: Option<Ts> = sqlx::query_scalar(OLDEST_DUE).fetch_one(pool).await?;
    Ok(oldest.map(|at| at.0))
}

const CLAIM: &str = "WITH due AS (SELECT notice_id, inquiry_id, kind, caused_at, appointment_id, appointment_version, not_after \
        FROM notices WHERE center_id = $5 AND state = 'intended' AND next_try_at <= $1 \
        ORDER BY next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED), \
    judged AS (SELECT notice_id AS id, CASE \
        WHEN kind <> 'staff_escalation' AND EXISTS (SELECT 1 FROM inquiry_stops AS s WHERE s.inquiry_id = due.inquiry_id AND s.channel IN ('email', 'all')) \
            THEN 'stopped' \
        WHEN kind <> 'next_step_called_off' AND EXISTS (SELECT 1 FROM closures AS c WHERE c.inquiry_id = due.inquiry_id AND c.closed_at >= due.caused_at) \
            THEN 'closed' \
        WHEN EXISTS (SELECT 1 FROM appointments AS a WHERE a.appointment_id = due.appointment_id \
            AND a.version > due.appointment_version) THEN 'superseded' \
        WHEN due.not_after < $3 THEN 'too_late' ELSE '' END AS why FROM due) \
    UPDATE notices SET reason = why, version = version + 1, \
        state = CASE WHEN why = '' THEN 'sending' WHEN why = 'too_late' THEN 'failed' ELSE 'suppressed' END, \
        attempts = attempts + CASE WHEN why = '' THEN 1 ELSE 0 END, sending_since = $1, \
        lease_until = CASE WHEN why = '' THEN now() + make_interval(secs => $4) END, \
        finished_at = CASE WHEN why <> '' THEN $1 END \
    FROM judged WHERE notice_id = id \
    RETURNING notice_id, inquiry_id, kind, channel, version, traceparent, language, template, revision, reference, consult_type, \
        cancer_area, contact_by, opens_at, params, consented_at, attempts, intended_at, reason";

/// Takes up to so many due notices for as long as the lease says. What must not be sent any more is ended in the same
/// statement, so that a stop or a closed inquiry counts up to the last moment; that an agreed step is
/// called off is told all the same. `too_late` is the time with some grace.
pub async fn claim(tx: &mut Tx, most: u16, lease: Duration, too_late: Timestamp) -> Result<Claim, TxError> {
    let (now, center) = (tx.now(), tx.center().to_owned());
    let rows = sqlx::query(CLAIM)
        .bind(Ts(now))
        .bind(i64::from(most))
        .bind(Ts(too_late))
        .bind(lease.as_secs_f64())
        .bind(center)
        .fetch_all(tx.conn())
        .await?;
    let mut claim = Claim::default();
    for row in &rows {
        let (told, why) = (told(row)?, row.try_get::<String, _>("reason")?);
        if why.is_empty() {
            claim.to_send.push(claimed(row, told)?);
        } else {
            claim.withheld.push((told, why));
        }
    }
    Ok(claim)
}

/// Ends the notices whose sender died: nobody knows whether they went out, and they are not sent again by themselves.
pub async fn expire(tx: &mut Tx) -> Result<Vec<Told>, TxError> {
    let (now, center) = (tx.now(), tx.center().to_owned());
    let rows = sqlx::query(
        "UPDATE notices SET state = 'unknown', reason = $1, version = version + 1, finished_at = $2, lease_until = NULL \
         WHERE center_id = $3 AND state = 'sending' AND lease_until < now() \
         RETURNING notice_id, inquiry_id, kind, channel, version, traceparent",
    )
    .bind(reason::INTERRUPTED)
    .bind(Ts(now))
    .bind(center)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.iter().map(told).collect::<Result<_, _>>()?)
}

/// One notice after a try.
pub struct Ended {
    /// The notice.
    pub notice_id: Uuid,
    /// Which try it was.
    pub attempt: i32,
    /// Where it stands now.
    pub settled: Settled,
    /// Keyed hash of the address that was used, if there was one.
    pub address_token: Option<Vec<u8>>,
}

/// Writes down how tries ended, and gives those whose row was still this try's. A try that comes back after its lease
/// knows more than the row, which says unknown, and may still settle it. The same again changes nothing and tells nothing.
pub async fn settle(tx: &mut Tx, all: &[Ended]) -> Result<Vec<Told>, TxError> {
    let now = tx.now();
    let texts = |get: fn(&Ended) -> &str| -> Vec<&str> { all.iter().map(get).collect() };
    let rows = sqlx::query(
        "UPDATE notices SET state = t.state, reason = t.reason, provider_ref = t.provider_ref, version = version + 1, \
            next_try_at = t.next_try, lease_until = NULL, address_token = coalesce(t.token, address_token), \
            finished_at = CASE WHEN t.state <> 'intended' THEN $7 END \
         FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $8::bytea[]) \
            AS t (id, attempt, state, reason, provider_ref, next_try, token) \
         WHERE notice_id = t.id AND attempts = t.attempt \
            AND (notices.state = 'sending' OR notices.state = 'unknown' AND t.state <> 'unknown') \
         RETURNING notice_id, inquiry_id, kind, channel, version, traceparent",
    )
    .bind(all.iter().map(|one| one.notice_id).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.attempt).collect::<Vec<_>>())
    .bind(texts(|one| one.settled.state.word()))
    .bind(texts(|one| &one.settled.reason))
    .bind(texts(|one| &one.settled.provider_ref))
    .bind(all.iter().map(|one| Ts(one.settled.next_try_at)).collect::<Vec<_>>())
    .bind(Ts(now))
    .bind(all.iter().map(|one| one.address_token.as_deref()).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.iter().map(told).collect::<Result<_, _>>()?)
}

/// What an event says of a notice, from its row.
pub(super) fn told(row: &PgRow) -> Result<Told, sqlx::Error> {
    let (kind, trace): (String, Option<String>) = (row.try_get("kind")?, row.try_get("traceparent")?);
    let kind =
        Kind::from_word(&kind).ok_or_else(|| sqlx::Error::Decode("column kind holds no kind of notice".into()))?;
    Ok(Told {
        notice_id: row.try_get("notice_id")?,
        inquiry_id: row.try_get("inquiry_id")?,
        kind,
        version: row.try_get("version")?,
        by_email: row.try_get::<&str, _>("channel")? == "email",
        trace: TraceContext::parse(trace.as_deref().unwrap_or_default()),
    })
}

fn claimed(row: &PgRow, told: Told) -> Result<Claimed, sqlx::Error> {
    let time = |name: &str| row.try_get::<Ts, _>(name).map(|at| at.0);
    let maybe = |name: &str| row.try_get::<Option<Ts>, _>(name).map(|at| at.map(|at| at.0));
    let params: Option<sqlx::types::Json<Params>> = row.try_get("params")?;
    let about = About {
        inquiry_id: told.inquiry_id,
        reference: row.try_get("reference")?,
        language: row.try_get("language")?,
        email_allowed: told.by_email,
        consented_at: time("consented_at")?,
        consult_type: row.try_get::<&str, _>("consult_type")?.parse().unwrap_or_default(),
        cancer_area: row.try_get::<&str, _>("cancer_area")?.parse().unwrap_or_default(),
    };
    Ok(Claimed {
        told,
        about,
        template: row.try_get("template")?,
        revision: row.try_get("revision")?,
        contact_by: maybe("contact_by")?,
        opens_at: maybe("opens_at")?,
        params: params.map(|params| params.0).unwrap_or_default(),
        attempts: row.try_get("attempts")?,
        intended_at: time("intended_at")?,
    })
}
