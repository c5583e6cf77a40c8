//! What the databases say: every accepted inquiry stands exactly once everywhere, and how long its way took.
//!
//! A rate without this proof would also be reached by losing work. Deliberately absent: what the services say of
//! themselves (completion), which is good enough while the load runs but proves nothing.

use std::collections::HashMap;

use anyhow::Context as _;
use causeway_runtime::RuntimeConfig;
use hdrhistogram::Histogram;
use serde::Serialize;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use super::figures::histogram;
use crate::installation;

/// Rows of one station of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Station {
    /// What it is.
    pub name: &'static str,
    /// Rows.
    pub rows: u64,
    /// Inquiries among them; fewer than rows would be doubles.
    pub inquiries: u64,
}

/// Where each accepted inquiry must stand: name, service, statement for rows and inquiries.
const STATIONS: [(&str, &str, &str); 5] = [
    ("accepted", "ingestion", "SELECT count(*), count(DISTINCT inquiry_id) FROM inquiries WHERE NOT held"),
    ("routed", "routing", "SELECT count(*), count(DISTINCT inquiry_id) FROM decisions"),
    ("on the worklist", "intake-desk", "SELECT count(*), count(DISTINCT inquiry_id) FROM inquiries WHERE open"),
    (
        "notice recorded",
        "notification",
        "SELECT count(*), count(DISTINCT inquiry_id) FROM notices WHERE kind = 'confirmation'",
    ),
    (
        "counted",
        "metrics",
        "SELECT count(*), count(DISTINCT inquiry_id) FROM inquiries WHERE received_at IS NOT NULL AND routed_at IS NOT NULL",
    ),
];

/// True where all stations hold exactly the accepted inquiries.
pub fn is_exact(stations: &[Station], accepted: u64) -> bool {
    stations.len() == STATIONS.len() && stations.iter().all(|one| one.rows == accepted && one.inquiries == accepted)
}

/// The stations in words, for a message.
pub fn in_words(stations: &[Station]) -> String {
    let words: Vec<String> = stations.iter().map(|one| format!("{} {}", one.name, one.rows)).collect();
    words.join(", ")
}

/// Looks into the databases of all services.
pub struct Proof {
    pools: HashMap<&'static str, PgPool>,
}

impl Proof {
    /// Connects.
    pub async fn open(config: &RuntimeConfig) -> anyhow::Result<Self> {
        let mut pools = HashMap::new();
        for (_, service, _) in STATIONS {
            pools.insert(service, installation::machine_pool(config, service).await?);
        }
        Ok(Self { pools })
    }

    /// Counts all stations.
    pub async fn count(&self) -> anyhow::Result<Vec<Station>> {
        let mut stations = Vec::with_capacity(STATIONS.len());
        for (name, service, statement) in STATIONS {
            let (rows, inquiries): (i64, i64) = sqlx::query_as(statement).fetch_one(self.pool(service)?).await?;
            stations.push(Station { name, rows: rows.unsigned_abs(), inquiries: inquiries.unsigned_abs() });
        }
        Ok(stations)
    }

    /// The database's time, microseconds.
    pub async fn now(&self) -> anyhow::Result<i64> {
        let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        Ok(sqlx::query_scalar(now).fetch_one(self.pool("ingestion")?).await?)
    }

    /// Microseconds from the commit of each inquiry accepted since a time to the commit of the last of its effects, the
    /// recorded notice and the counted stage; and how many of them could be followed to the end.
    pub async fn ways(&self, since: i64) -> anyhow::Result<Histogram<u64>> {
        let accepted =
            self.commits("ingestion", "SELECT inquiry_id, xmin FROM inquiries WHERE received_at >= $1", since).await?;
        let mut last: HashMap<Uuid, (u32, i64)> = HashMap::with_capacity(accepted.len());
        for (owner, kind, listener) in [
            ("routing", "causeway.routing.v1.RouteDecided", "notification"),
            ("intake-desk", "causeway.intake.v1.StageChanged", "metrics"),
        ] {
            let events = self.events(owner, kind, since).await?;
            let heard = self.commits(listener, "SELECT id, xmin FROM inbox WHERE received_at >= $1", since).await?;
            for (inquiry, at) in events.iter().filter_map(|(event, inquiry)| Some((*inquiry, *heard.get(event)?))) {
                let entry = last.entry(inquiry).or_insert((0, 0));
                *entry = (entry.0 + 1, entry.1.max(at));
            }
        }
        let mut micros = histogram();
        for (inquiry, from) in accepted {
            if let Some((2, until)) = last.get(&inquiry) {
                micros.record((until - from).unsigned_abs())?;
            }
        }
        Ok(micros)
    }

    /// The commit time of each row that a statement gives as id and transaction.
    async fn commits(&self, service: &str, rows: &'static str, since: i64) -> anyhow::Result<HashMap<Uuid, i64>> {
        let statement = format!(
            "SELECT id, (extract(epoch FROM pg_xact_commit_timestamp(xid)) * 1000000)::bigint \
             FROM ({}) AS rows (id, xid)",
            rows.replace("$1", "to_timestamp($1 / 1000000.0)")
        );
        let found: Vec<(Uuid, i64)> =
            sqlx::query_as(AssertSqlSafe(statement)).bind(since).fetch_all(self.pool(service)?).await?;
        Ok(found.into_iter().collect())
    }

    /// Inquiry of each event of a kind, and what stands in a listener's inbox for it.
    async fn events(&self, service: &str, kind: &str, since: i64) -> anyhow::Result<Vec<(Uuid, Uuid)>> {
        Ok(sqlx::query_as(
            "SELECT coalesce(message_id, event_id), aggregate_id FROM outbox \
             WHERE kind = $1 AND created_at >= to_timestamp($2 / 1000000.0)",
        )
        .bind(kind)
        .bind(since)
        .fetch_all(self.pool(service)?)
        .await?)
    }

    fn pool(&self, service: &str) -> anyhow::Result<&PgPool> {
        self.pools.get(service).with_context(|| format!("no connection to the database of {service}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stations(rows: [u64; 5]) -> Vec<Station> {
        let station = |(at, rows): (usize, u64)| Station { name: STATIONS[at].0, rows, inquiries: rows };
        rows.into_iter().enumerate().map(station).collect()
    }

    #[test]
    fn only_equal_counts_without_doubles_are_exact() {
        assert!(is_exact(&stations([7; 5]), 7));
        assert!(!is_exact(&stations([7; 5]), 8));
        assert!(!is_exact(&stations([7, 7, 7, 6, 7]), 7));
        let mut doubled = stations([7; 5]);
        doubled[3].inquiries = 6;
        assert!(!is_exact(&doubled, 7));
        assert!(!is_exact(&[], 0));
    }

    #[test]
    fn a_missing_inquiry_is_told_by_its_station() {
        let words = in_words(&stations([9, 9, 9, 3, 9]));
        assert_eq!(words, "accepted 9, routed 9, on the worklist 9, notice recorded 3, counted 9");
    }
}
