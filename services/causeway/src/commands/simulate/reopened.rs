//! Closed inquiries that are opened again: a person comes back, something new is known, or it was closed by mistake.

use std::collections::HashSet;

use causeway_funnel::stage::CloseReason;
use causeway_proto::intake::v1 as wire;
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;

use super::fate::{Ending, Fate};
use super::staff::{Desk, Trouble, trouble};

/// Between two looks at what was closed, by the services' clock.
const LOOK_EVERY: SignedDuration = SignedDuration::from_hours(4);
/// As many of the newest are looked at.
const ROWS: i32 = 100;

/// What was closed, and what of it is opened again.
#[derive(Debug, Default)]
pub struct Closed {
    looked_at: Option<Timestamp>,
    seen: HashSet<String>,
    ahead: Vec<(Timestamp, wire::WorkRow, &'static str)>,
}

impl Desk {
    /// Now and then somebody looks at what was closed; whoever has come back by now is opened again.
    pub(super) async fn reopen_some(&mut self) {
        let now = self.clock.now();
        if self.closed.looked_at.is_none_or(|before| before + LOOK_EVERY <= now) {
            self.closed.looked_at = Some(now);
            self.look_at_closed(now).await;
        }
        let (due, ahead): (Vec<_>, Vec<_>) = self.closed.ahead.drain(..).partition(|(at, ..)| *at <= now);
        self.closed.ahead = ahead;
        for (_, row, reason) in due {
            if let Err(trouble) = self.reopen(&row, reason).await {
                self.tally.failed(trouble.call, &super::tally::word(&trouble.status));
            }
        }
    }

    async fn look_at_closed(&mut self, now: Timestamp) {
        let Some(actor) = self.worker("", "", 0) else { return };
        let request = wire::ListWorkRequest {
            center: self.center.id().to_owned(),
            view: "closed".to_owned(),
            page_size: ROWS,
            ..wire::ListWorkRequest::default()
        };
        let rows = match self.desk(&actor).list_work(request).await {
            Ok(answer) => answer.into_inner().rows,
            Err(status) => return self.tally.failed("list closed", &super::tally::word(&status)),
        };
        for row in rows.into_iter().filter(|row| row.stage() == wire::Stage::Closed) {
            if !self.closed.seen.insert(row.inquiry_id.clone()) || self.out_of_scope(&row) {
                continue;
            }
            let Some(memory) = self.memories.get(&row.inquiry_id) else { continue };
            let Some(fate) = memory.fate.filter(|_| !memory.declined && !memory.reopened) else { continue };
            let Some(reason) = why(&fate) else { continue };
            let mut rng = fate.rng("reopen");
            if rng.random_bool(0.25) {
                let hours = rng.random_range(if reason == "closed_by_mistake" { 1..6 } else { 6..40 });
                self.closed.ahead.push((now + SignedDuration::from_hours(hours), row, reason));
            }
        }
    }

    async fn reopen(&mut self, row: &wire::WorkRow, reason: &str) -> Result<(), Trouble> {
        let Some(memory) = self.memories.get_mut(&row.inquiry_id) else { return Ok(()) };
        let Some(fate) = memory.fate else { return Ok(()) };
        // From here on it goes on as it does for most.
        memory.fate = Some(Fate { ending: None, rest: None, tries_in_vain: 0, comes_back: true, ..fate });
        memory.reopened = true;
        memory.action.clear();
        let Some(actor) = self.worker(&row.owner, &row.team, fate.salt) else { return Ok(()) };
        let request = wire::ReopenInquiryRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            idempotency_key: format!("{}-{}-reopen", self.play, row.inquiry_id),
            reason: reason.to_owned(),
        };
        let inquiry = self.desk(&actor).reopen_inquiry(request).await.map_err(trouble("reopen"))?.into_inner();
        if let Some(memory) = self.memories.get_mut(&row.inquiry_id) {
            memory.claimed_by = Some(inquiry.owner).filter(|owner| !owner.is_empty());
        }
        self.tally.done("reopened");
        Ok(())
    }
}

/// Why one that ended like this is opened again; nothing: it never is.
fn why(fate: &Fate) -> Option<&'static str> {
    let (Ending::Contact(reason) | Ending::Records(reason) | Ending::Offer(reason)) = match fate.ending {
        Some(ending) => ending,
        // Nobody was reached, or they called a visit off or missed it.
        None => return Some("came_back"),
    };
    match reason {
        CloseReason::AskedToStop | CloseReason::Deceased => None,
        CloseReason::Duplicate | CloseReason::NotAnInquiry => Some("closed_by_mistake"),
        CloseReason::Insurance | CloseReason::NoSuitableDate | CloseReason::DistanceOrTravel => Some("new_information"),
        _ => Some("came_back"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_be_opened_again_occurs_and_who_asked_to_stop_is_left_in_peace() {
        let fates: Vec<Fate> = (0..2000).map(Fate::of).collect();
        for wanted in ["came_back", "new_information", "closed_by_mistake"] {
            assert!(fates.iter().any(|fate| why(fate) == Some(wanted)), "{wanted}");
        }
        let stopped = |fate: &&Fate| {
            let reason = CloseReason::AskedToStop;
            [Ending::Contact(reason), Ending::Records(reason), Ending::Offer(reason)]
                .contains(&fate.ending.unwrap_or(Ending::Contact(CloseReason::OtherReason)))
        };
        let left: Vec<&Fate> = fates.iter().filter(stopped).collect();
        assert!(!left.is_empty() && left.iter().all(|fate| why(fate).is_none()));
    }
}
