//! The tries to reach a person, as the next one is chosen by them.

use causeway_funnel::inquiry::Channel;
use causeway_funnel::quality_audit::computed::Try;
use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

use crate::domain::Outcome;

/// By which way and with what result, oldest first. A word that this release does not know is left out.
pub async fn of(tx: &mut Tx, inquiry_id: Uuid) -> Result<Vec<(Channel, Outcome)>, sqlx::Error> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT channel, outcome FROM attempts WHERE inquiry_id = $1 ORDER BY number")
            .bind(inquiry_id)
            .fetch_all(tx.conn())
            .await?;
    let read = |(channel, outcome): (String, String)| Some((channel.parse().ok()?, Outcome::parse(&outcome)?));
    Ok(rows.into_iter().filter_map(read).collect())
}

/// When each was, whether it reached the person and was in time, oldest first.
pub async fn tries(tx: &mut Tx, inquiry_id: Uuid) -> Result<Vec<Try>, sqlx::Error> {
    let rows: Vec<(Ts, String, bool)> =
        sqlx::query_as("SELECT at, outcome, within_target FROM attempts WHERE inquiry_id = $1 ORDER BY number")
            .bind(inquiry_id)
            .fetch_all(tx.conn())
            .await?;
    let read = |(at, outcome, in_time): (Ts, String, bool)| Try {
        at: at.0,
        reached: Outcome::parse(&outcome).is_some_and(Outcome::is_contact),
        stopped: Outcome::parse(&outcome) == Some(Outcome::AskedToStop),
        in_time,
    };
    Ok(rows.into_iter().map(read).collect())
}
