//! The ledger's reads: sorted ids with what one service says of them, in chunks by key, over all centers.
//!
//! No reading transaction stays open over the whole run, because a long one would keep the databases from cleaning up;
//! what moved meanwhile is looked up again by id before it counts as a fault.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context as _;
use causeway_mailbox::Ts;
use causeway_proto::events::Event as _;
use causeway_proto::intake::v1::HandedToCenter;
use causeway_runtime::RuntimeConfig;
use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

use super::merge::Told;
use crate::installation;

/// Rows read at once.
pub const CHUNK: usize = 10_000;

/// An inquiry that ingestion accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub inquiry: Uuid,
    /// Its center.
    pub center: String,
    /// Looks like a machine's; waits for a person, and is not published.
    pub held: bool,
}

/// A routing decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Its inquiry.
    pub inquiry: Uuid,
}

/// A work item of the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtDesk {
    /// Its inquiry.
    pub inquiry: Uuid,
    /// Its center.
    pub center: String,
    /// Where it stands; `handed` while a sister center is to have it and has not answered.
    pub stage: String,
    /// Why it is closed.
    pub close_reason: Option<String>,
    /// Open, and in a queue with a next action and a due time; or ended, and rightly so.
    pub in_order: bool,
}

impl Told for Accepted {
    fn inquiry(&self) -> Uuid {
        self.inquiry
    }
}

impl Told for Decided {
    fn inquiry(&self) -> Uuid {
        self.inquiry
    }
}

impl Told for AtDesk {
    fn inquiry(&self) -> Uuid {
        self.inquiry
    }
}

macro_rules! desk_rows {
    ($which:literal) => {
        concat!(
            "SELECT inquiry_id, center_id, \
                CASE WHEN stage = 'closed' AND handover ->> 'state' = 'asked' THEN 'handed' ELSE stage END, close_reason, CASE \
                WHEN stage = 'closed' THEN close_reason IS NOT NULL AND (close_reason <> 'handed_to_sister' OR handover IS NOT NULL) \
                WHEN stage = 'attended' THEN true \
                ELSE team <> '' AND next_action NOT IN ('', 'nothing') AND due_at IS NOT NULL END \
             FROM inquiries WHERE ",
            $which
        )
    };
}

const DESK_IN_ORDER: &str = desk_rows!("inquiry_id > $1 ORDER BY inquiry_id LIMIT $2");
const DESK_BY_ID: &str = desk_rows!("inquiry_id = ANY($1)");

/// The databases that the ledger reads.
pub struct Books {
    ingestion: PgPool,
    routing: PgPool,
    desk: PgPool,
    notification: PgPool,
    every: Vec<PgPool>,
}

impl Books {
    /// Opens all of them with the machine's roles.
    pub async fn open(config: &RuntimeConfig) -> anyhow::Result<Self> {
        let mut every = BTreeMap::new();
        for service in installation::with_database() {
            every.insert(service, installation::machine_pool(config, service).await?);
        }
        let of = |service: &str| every.get(service).cloned().with_context(|| format!("{service} has no database"));
        Ok(Self {
            ingestion: of("ingestion")?,
            routing: of("routing")?,
            desk: of("intake-desk")?,
            notification: of("notification")?,
            every: every.into_values().collect(),
        })
    }

    /// Centers that have accepted or decided anything.
    pub async fn centers(&self) -> anyhow::Result<Vec<String>> {
        // Jumps from center to center in the index, since a plain DISTINCT would read every row.
        let accepted = sqlx::query_scalar(
            "WITH RECURSIVE centers AS ( \
               (SELECT center_id FROM inquiries ORDER BY center_id LIMIT 1) \
               UNION ALL SELECT (SELECT center_id FROM inquiries WHERE center_id > centers.center_id ORDER BY center_id LIMIT 1) \
               FROM centers WHERE centers.center_id IS NOT NULL) \
             SELECT center_id FROM centers WHERE center_id IS NOT NULL",
        );
        let decided = sqlx::query_scalar(
            "WITH RECURSIVE centers AS ( \
               (SELECT center_id FROM decisions ORDER BY center_id LIMIT 1) \
               UNION ALL SELECT (SELECT center_id FROM decisions WHERE center_id > centers.center_id ORDER BY center_id LIMIT 1) \
               FROM centers WHERE centers.center_id IS NOT NULL) \
             SELECT center_id FROM centers WHERE center_id IS NOT NULL",
        );
        let accepted: Vec<String> =
            accepted.fetch_all(&self.ingestion).await.context("read the centers of ingestion")?;
        let decided: Vec<String> = decided.fetch_all(&self.routing).await.context("read the centers of routing")?;
        Ok(accepted.into_iter().chain(decided).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// The next inquiries that a center accepted.
    pub async fn accepted(&self, center: &str, after: Uuid) -> anyhow::Result<Vec<Accepted>> {
        let rows: Vec<(Uuid, bool)> = sqlx::query_as(
            "SELECT inquiry_id, held FROM inquiries WHERE center_id = $1 AND inquiry_id > $2 ORDER BY inquiry_id LIMIT $3",
        )
        .bind(center)
        .bind(after)
        .bind(CHUNK as i64)
        .fetch_all(&self.ingestion)
        .await
        .context("read what ingestion accepted")?;
        Ok(rows.into_iter().map(|(inquiry, held)| Accepted { inquiry, center: center.to_owned(), held }).collect())
    }

    /// The next routing decisions of a center.
    pub async fn decided(&self, center: &str, after: Uuid) -> anyhow::Result<Vec<Decided>> {
        let rows: Vec<Uuid> = sqlx::query_scalar(
            "SELECT inquiry_id FROM decisions WHERE center_id = $1 AND inquiry_id > $2 ORDER BY inquiry_id LIMIT $3",
        )
        .bind(center)
        .bind(after)
        .bind(CHUNK as i64)
        .fetch_all(&self.routing)
        .await
        .context("read what routing decided")?;
        Ok(rows.into_iter().map(|inquiry| Decided { inquiry }).collect())
    }

    /// The next work items, of all centers.
    pub async fn at_desk(&self, after: Uuid) -> anyhow::Result<Vec<AtDesk>> {
        let rows = sqlx::query_as(DESK_IN_ORDER);
        let rows = rows.bind(after).bind(CHUNK as i64).fetch_all(&self.desk).await;
        Ok(rows.context("read the desk's work items")?.into_iter().map(at_desk).collect())
    }

    /// Those of the ids that are at the desk by now.
    pub async fn at_desk_by_now(&self, ids: &[Uuid]) -> anyhow::Result<HashMap<Uuid, AtDesk>> {
        let rows = sqlx::query_as(DESK_BY_ID).bind(ids).fetch_all(&self.desk).await;
        let rows = rows.context("read the desk's work items again")?.into_iter().map(at_desk);
        Ok(rows.map(|row| (row.inquiry, row)).collect())
    }

    /// Those of the ids that ingestion has accepted by now, and their centers.
    pub async fn accepted_by_now(&self, ids: &[Uuid]) -> anyhow::Result<HashMap<Uuid, String>> {
        let centers = self.centers().await?;
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "SELECT inquiry_id, center_id FROM inquiries WHERE center_id = ANY($1) AND inquiry_id = ANY($2)",
        )
        .bind(&centers)
        .bind(ids)
        .fetch_all(&self.ingestion)
        .await
        .context("read what ingestion accepted again")?;
        Ok(rows.into_iter().collect())
    }

    /// Those of the ids that routing has decided by now.
    pub async fn decided_by_now(&self, ids: &[Uuid]) -> anyhow::Result<BTreeSet<Uuid>> {
        let centers = self.centers().await?;
        let rows: Vec<Uuid> =
            sqlx::query_scalar("SELECT inquiry_id FROM decisions WHERE center_id = ANY($1) AND inquiry_id = ANY($2)")
                .bind(&centers)
                .bind(ids)
                .fetch_all(&self.routing)
                .await
                .context("read what routing decided again")?;
        Ok(rows.into_iter().collect())
    }

    /// When each inquiry's first event was written, and what time it is, both by the database's own clock: the services'
    /// clock may run fast in a demonstration.
    pub async fn written_at(&self, ids: &[Uuid]) -> anyhow::Result<(Timestamp, HashMap<Uuid, Timestamp>)> {
        let now: Ts = sqlx::query_scalar("SELECT now()").fetch_one(&self.ingestion).await.context("read the time")?;
        let rows: Vec<(Uuid, Ts)> = sqlx::query_as(
            "SELECT aggregate_id, min(created_at) FROM outbox WHERE aggregate_id = ANY($1) GROUP BY aggregate_id",
        )
        .bind(ids)
        .fetch_all(&self.ingestion)
        .await
        .context("read ingestion's outbox")?;
        Ok((now.0, rows.into_iter().map(|(inquiry, at)| (inquiry, at.0)).collect()))
    }

    /// When the desk told of the last hand-over of each inquiry, and what time it is, both by the database's own clock.
    pub async fn handed_at(&self, ids: &[Uuid]) -> anyhow::Result<(Timestamp, HashMap<Uuid, Timestamp>)> {
        let now: Ts = sqlx::query_scalar("SELECT now()").fetch_one(&self.desk).await.context("read the time")?;
        let rows: Vec<(Uuid, Ts)> = sqlx::query_as(
            "SELECT aggregate_id, max(created_at) FROM outbox WHERE aggregate_id = ANY($1) AND kind = $2 GROUP BY aggregate_id",
        )
        .bind(ids)
        .bind(HandedToCenter::KIND)
        .fetch_all(&self.desk)
        .await
        .context("read the desk's outbox")?;
        Ok((now.0, rows.into_iter().map(|(inquiry, at)| (inquiry, at.0)).collect()))
    }

    /// Those of the ids that somebody still has to carry: their event is not in routing's inbox, or routing's is not in the
    /// desk's. Whatever is in an outbox and not in its listener's inbox is published again by the reconciler.
    pub async fn carried(&self, ids: &[Uuid]) -> anyhow::Result<BTreeSet<Uuid>> {
        let received = events_about(&self.ingestion, ids).await.context("read ingestion's outbox")?;
        let heard = heard(&self.routing, &received).await.context("read routing's inbox")?;
        let decided = events_about(&self.routing, ids).await.context("read routing's outbox")?;
        let known = self::heard(&self.desk, &decided).await.context("read the desk's inbox")?;
        let waits = |events: &[(Sent, Uuid)], listener: &BTreeSet<Uuid>, inquiry: Uuid| {
            events.iter().any(|((event, _), about)| *about == inquiry && !listener.contains(event))
        };
        let carried = |id: &Uuid| waits(&received, &heard, *id) || waits(&decided, &known, *id);
        Ok(ids.iter().copied().filter(carried).collect())
    }

    /// Inquiries about which a message is parked at any service.
    pub async fn parked(&self) -> anyhow::Result<BTreeSet<Uuid>> {
        let mut all = BTreeSet::new();
        for pool in &self.every {
            let rows: Vec<Uuid> = sqlx::query_scalar(
                "SELECT DISTINCT aggregate_id FROM parked WHERE state <> 'replayed' AND aggregate_id IS NOT NULL",
            )
            .fetch_all(pool)
            .await
            .context("read what is parked")?;
            all.extend(rows);
        }
        Ok(all)
    }

    /// Confirmations by state.
    pub async fn confirmations(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT state, count(*) FROM notices WHERE kind = 'confirmation' GROUP BY state")
                .fetch_all(&self.notification)
                .await
                .context("read the confirmations")?;
        Ok(rows.into_iter().map(|(state, count)| (state, u64::try_from(count).unwrap_or(0))).collect())
    }

    /// Inquiries that got more than one confirmation.
    pub async fn confirmed_twice(&self) -> anyhow::Result<Vec<Uuid>> {
        sqlx::query_scalar(
            "SELECT inquiry_id FROM notices WHERE kind = 'confirmation' AND state = 'sent' \
             GROUP BY inquiry_id HAVING count(*) > 1 ORDER BY inquiry_id",
        )
        .fetch_all(&self.notification)
        .await
        .context("read second confirmations")
    }
}

/// An event and the message that it travels in, where it shares one.
type Sent = (Uuid, Option<Uuid>);

/// Events in a service's outbox about some aggregates: event, aggregate.
async fn events_about(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<(Sent, Uuid)>> {
    let rows = sqlx::query_as::<_, (Uuid, Option<Uuid>, Uuid)>(
        "SELECT event_id, message_id, aggregate_id FROM outbox WHERE aggregate_id = ANY($1)",
    );
    let rows = rows.bind(ids).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|(event, message, about)| ((event, message), about)).collect())
}

/// Those of the events that a service has in its inbox, by themselves or with their message.
async fn heard(pool: &PgPool, events: &[(Sent, Uuid)]) -> sqlx::Result<BTreeSet<Uuid>> {
    let ids: Vec<Uuid> = events.iter().flat_map(|((event, message), _)| [Some(*event), *message]).flatten().collect();
    let rows: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM inbox WHERE id = ANY($1) AND NOT torn").bind(&ids).fetch_all(pool).await?;
    let found: BTreeSet<Uuid> = rows.into_iter().collect();
    let is_heard = |(event, message): &Sent| found.contains(event) || message.is_some_and(|id| found.contains(&id));
    Ok(events.iter().filter(|(sent, _)| is_heard(sent)).map(|((event, _), _)| *event).collect())
}

fn at_desk((inquiry, center, stage, close_reason, in_order): (Uuid, String, String, Option<String>, bool)) -> AtDesk {
    AtDesk { inquiry, center, stage, close_reason, in_order }
}
