//! Records: who is asked for them, for which day they are promised, and a reviewer's decision.

use causeway_auth::{Actor, Role};
use causeway_funnel::inquiry::ConsultType;
use causeway_proto::convert;
use causeway_proto::intake::v1 as wire;
use jiff::SignedDuration;
use rand::Rng as _;
use rand::seq::IndexedRandom as _;

use super::fate::{Ending, Fate};
use super::staff::{Desk, Memory, Trouble, trouble};

/// Why a reviewer declines what is no question of a trial.
const DECLINED: [&str; 3] = ["better_served_elsewhere", "no_capacity", "not_enough_information"];

impl Desk {
    /// Asks for what is needed in the same talk: the person mostly, for some the office that refers or the hospital.
    pub(super) async fn ask_for_records(
        &self,
        inquiry: wire::Inquiry,
        fate: &Fate,
        actor: &Actor,
    ) -> Result<(), Trouble> {
        let Some(facts) = &inquiry.facts else { return Ok(()) };
        let whom = match fate.rng("asked of").random_range(0..100) {
            0..24 => "referring_office",
            24..32 => "hospital",
            _ => "",
        };
        let (theirs, own): (Vec<_>, Vec<_>) = inquiry
            .records
            .iter()
            .filter(|line| line.state == "needed")
            .partition(|line| !whom.is_empty() && line.from == "referring_office");
        let mut asked = None;
        for (lines, of) in [(theirs, whom), (own, "")] {
            if lines.is_empty() {
                continue;
            }
            let request = wire::RequestRecordsRequest {
                center: self.center.id().to_owned(),
                inquiry_id: facts.inquiry_id.clone(),
                kinds: lines.into_iter().map(|line| line.kind.clone()).collect(),
                of: of.to_owned(),
                idempotency_key: format!("{}-{}-ask-{of}", self.play, facts.inquiry_id),
            };
            let answer = self.desk(actor).request_records(request).await.map_err(trouble("request records"))?;
            asked = Some(answer.into_inner());
            self.tally.done(if of.is_empty() { "records requests" } else { "records requests elsewhere" });
        }
        match asked {
            Some(inquiry) => self.may_promise(&inquiry, &facts.inquiry_id, fate, actor).await,
            None => Ok(()),
        }
    }

    /// Some say by which day it comes.
    async fn may_promise(
        &self,
        inquiry: &wire::Inquiry,
        inquiry_id: &str,
        fate: &Fate,
        actor: &Actor,
    ) -> Result<(), Trouble> {
        let mut rng = fate.rng("promise");
        let asked: Vec<&wire::RecordLine> = inquiry.records.iter().filter(|line| line.state == "requested").collect();
        let (Some(line), true) = (asked.choose(&mut rng), rng.random_bool(0.25)) else { return Ok(()) };
        let day = self.clock.now() + SignedDuration::from_hours(24 * rng.random_range(1..5));
        let request = wire::PromiseRecordRequest {
            center: self.center.id().to_owned(),
            inquiry_id: inquiry_id.to_owned(),
            kind: line.kind.clone(),
            on: self.center.profile.zone().to_datetime(day).date().to_string(),
            of: String::new(),
        };
        self.desk(actor).promise_record(request).await.map_err(trouble("promise record"))?;
        self.tally.done("records promised");
        Ok(())
    }

    /// Records that were asked for have come, some of them or all.
    pub(super) async fn gather(
        &self,
        row: &wire::WorkRow,
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        if let Some(Ending::Records(reason)) = fate.ending {
            return self.close(row, reason, actor).await;
        }
        let inquiry = self.read(row, actor).await?;
        let mut rng = fate.rng(&format!("records {}", memory.round));
        let missing = |line: &&wire::RecordLine| matches!(line.state.as_str(), "needed" | "requested");
        let mut come: Vec<&wire::RecordLine> = inquiry.records.iter().filter(missing).collect();
        come.retain(|line| line.needed_for_booking || rng.random_bool(0.3));
        come.sort_by_key(|line| !line.needed_for_booking);
        if fate.records_in_parts && memory.round < 4 {
            come.truncate(1);
            memory.not_before = self.clock.now() + SignedDuration::from_hours(fate.records_hours / 2 + 1);
        }
        for line in come {
            self.record(row, &line.kind, "received", actor).await?;
            self.tally.done("records");
        }
        Ok(())
    }

    async fn record(&self, row: &wire::WorkRow, kind: &str, state: &str, actor: &Actor) -> Result<(), Trouble> {
        let request = wire::UpdateRecordRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            kind: kind.to_owned(),
            state: state.to_owned(),
            reason: String::new(),
        };
        self.desk(actor).update_record(request).await.map_err(trouble("update record"))?;
        Ok(())
    }

    /// A reviewer reads the records: most will do, some lack something, a few are another center's.
    pub(super) async fn review(&self, row: &wire::WorkRow, fate: &Fate, memory: &mut Memory) -> Result<(), Trouble> {
        let Some(reviewer) = self.center.somebody(&[Role::Reviewer, Role::Manager], "", &row.team, fate.salt) else {
            return Ok(());
        };
        let asks = fate.asks_for_more && !memory.asked_for_more;
        let elsewhere = self.elsewhere(fate).filter(|_| !asks);
        let declines = elsewhere.is_some();
        let request = wire::ReviewRecordsRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            decision: if asks {
                "ask_for_more"
            } else if declines {
                "decline"
            } else {
                "accept"
            }
            .to_owned(),
            reason_kind: if declines { why_declined(row, fate).to_owned() } else { String::new() },
            entry: elsewhere.unwrap_or_default(),
            ..Default::default()
        };
        self.desk(&reviewer).review_records(request).await.map_err(trouble("review records"))?;
        memory.asked_for_more |= asks;
        memory.declined |= declines;
        self.tally.done(if declines { "declined by a reviewer" } else { "reviews" });
        Ok(())
    }

    /// Where a reviewer who declines sends the person; nothing: they do not decline, or the center has no such words.
    fn elsewhere(&self, fate: &Fate) -> Option<String> {
        let entries = &self.center.profile.programs.out_of_scope;
        let chosen = entries.iter().find(|entry| entry.fits.is_none()).map(|entry| entry.id.clone());
        chosen.filter(|_| fate.rng("decline").random_bool(0.12))
    }
}

fn why_declined(row: &wire::WorkRow, fate: &Fate) -> &'static str {
    if convert::consult_type_from_wire(row.consult_type()) == ConsultType::ClinicalTrial {
        return "trial_not_fitting";
    }
    DECLINED.choose(&mut fate.rng("why declined")).copied().unwrap_or("other")
}
