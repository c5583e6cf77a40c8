//! `ReadinessChanged`: the intake desk tells how far an inquiry is; the newest word of each inquiry is kept.
//!
//! One statement for the whole batch. Nothing is decided here: whether a visit may be booked is asked when somebody
//! wants to book, by the rule that is in force then.

use std::collections::BTreeMap;

use causeway_funnel::booking::Readiness;
use causeway_mailbox::{BoxFuture, Handler, HandlerError, Outcome, Received, Tx};
use causeway_proto::convert::facts_from_wire;
use causeway_proto::events::{Event as _, Unreadable, decode};
use causeway_proto::intake::v1::ReadinessChanged;
use prost::Message as _;
use uuid::Uuid;

use crate::store::{self, News};

/// Keeps what the intake desk tells.
pub struct ReadinessHandler;

impl Handler for ReadinessHandler {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(keep(tx, batch))
    }
}

async fn keep(tx: &mut Tx, batch: &[Received]) -> Result<Vec<Outcome>, HandlerError> {
    let read: Vec<Result<News, String>> = batch.iter().map(|received| read(tx.center(), received)).collect();
    let newest = newest(read.iter().flatten());
    let news: Vec<&News> = newest.values().copied().collect();
    let written = if news.is_empty() { Vec::new() } else { store::save_news(tx, &news).await? };
    let outcome = |one: &Result<News, String>| match one {
        Err(reason) => Outcome::Park(reason.clone()),
        Ok(one) if written.contains(&one.inquiry_id) && newest[&one.inquiry_id].version == one.version => Outcome::Done,
        Ok(_) => Outcome::AlreadyApplied,
    };
    Ok(read.iter().map(outcome).collect())
}

/// The newest word of each inquiry: a statement can't write one row twice.
fn newest<'a>(all: impl Iterator<Item = &'a News>) -> BTreeMap<Uuid, &'a News> {
    let mut newest: BTreeMap<Uuid, &News> = BTreeMap::new();
    for one in all {
        let kept = newest.entry(one.inquiry_id).or_insert(one);
        if one.version > kept.version {
            *kept = one;
        }
    }
    newest
}

fn read(center: &str, received: &Received) -> Result<News, String> {
    if received.envelope.kind != ReadinessChanged::KIND {
        return Err(format!("this service does not listen to {}", received.envelope.kind));
    }
    let message: ReadinessChanged = decode(&received.payload).map_err(|cause| cause.to_string())?;
    let facts =
        message.facts.as_ref().ok_or(Unreadable::Missing { field: "facts" }).map_err(|cause| cause.to_string())?;
    let (inquiry_id, read) = facts_from_wire(facts).map_err(|cause| cause.to_string())?;
    if read.center != center {
        return Err("facts are of another center than the message".to_owned());
    }
    Ok(News {
        inquiry_id,
        facts: facts.encode_to_vec(),
        readiness: Readiness {
            intake_complete: message.intake_complete,
            records_ready: message.records_ready,
            reviewed: message.reviewed,
        },
        open: message.open,
        team: message.team,
        site: message.site,
        version: message.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_words_about_one_inquiry_the_newest_counts_whatever_their_order() {
        let news = |id, version| News {
            inquiry_id: Uuid::from_u128(id),
            facts: Vec::new(),
            readiness: Readiness::default(),
            open: true,
            team: String::new(),
            site: String::new(),
            version,
        };
        let all = [news(2, 1), news(1, 3), news(1, 5), news(1, 4)];
        let kept: Vec<i64> = newest(all.iter()).values().map(|one| one.version).collect();
        assert_eq!(kept, [5, 1]);
    }
}
