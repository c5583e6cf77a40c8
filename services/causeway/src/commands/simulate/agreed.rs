//! Dated next steps: agreed in the talk where a visit must wait, and what became of each.
//!
//! Deliberately not here: the kinds (the center's profile) and at which times one may be (the desk has the last word).

use causeway_auth::Actor;
use causeway_funnel::inquiry::ConsultType;
use causeway_funnel::next_step::NextStepKind;
use causeway_funnel::stage::CloseReason;
use causeway_proto::convert;
use causeway_proto::intake::v1 as wire;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;

use super::fate::{Ending, Fate};
use super::staff::{Desk, Memory, Trouble, trouble};

/// Hours of the person's day in which a call is agreed, inside whatever the center calls quiet.
const CALLS: std::ops::Range<i8> = 9..18;

impl Desk {
    /// Some agree at once when the next thing happens, where a visit can not be booked yet.
    pub(super) async fn may_agree(
        &self,
        row: &wire::WorkRow,
        inquiry: &wire::Inquiry,
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        // Who asks about trials is called by the research nurse before anything else.
        let is_trial = convert::consult_type_from_wire(row.consult_type()) == ConsultType::ClinicalTrial;
        let share = if is_trial { 0.9 } else { 0.55 };
        if fate.rest.is_some() || memory.steps > 0 || !fate.rng("agree").random_bool(share) {
            return Ok(());
        }
        self.agree(row, inquiry, fate, actor, memory).await
    }

    async fn agree(
        &self,
        row: &wire::WorkRow,
        inquiry: &wire::Inquiry,
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        let question = format!("agree {}", memory.steps);
        let Some(kind) = self.kind_for(row, fate, &question) else { return Ok(()) };
        let Some(at) = self.time_for(kind, inquiry, fate, &question) else { return Ok(()) };
        memory.steps += 1;
        let request = wire::AgreeNextStepRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            kind: kind.id.clone(),
            at: at.as_microsecond(),
            idempotency_key: format!("{}-{}-agree-{}", self.play, row.inquiry_id, memory.steps),
        };
        self.desk(actor).agree_next_step(request).await.map_err(trouble("agree next step"))?;
        self.tally.done("steps agreed");
        Ok(())
    }

    fn kind_for(&self, row: &wire::WorkRow, fate: &Fate, question: &str) -> Option<&NextStepKind> {
        let consult = convert::consult_type_from_wire(row.consult_type());
        let area = convert::area_from_wire(row.cancer_area());
        let kinds: Vec<&NextStepKind> =
            self.center.profile.booking.next_steps.iter().filter(|kind| kind.fits(consult, area)).collect();
        // What comes first in the profile is what is usual.
        let mut rng = fate.rng(question);
        if rng.random_bool(0.8) { kinds.first().copied() } else { kinds.choose(&mut rng).copied() }
    }

    /// A whole hour of the days ahead that suits the center and, where they are called, the person.
    fn time_for(&self, kind: &NextStepKind, inquiry: &wire::Inquiry, fate: &Fate, question: &str) -> Option<Timestamp> {
        let profile = &self.center.profile;
        let calendar =
            profile.team_calendar(&inquiry.team, Some(inquiry.site.as_str()).filter(|site| !site.is_empty()));
        let mut rng = fate.rng(&format!("{question} at"));
        let from = self.clock.now() + SignedDuration::from_hours(rng.random_range(4..30));
        let length = SignedDuration::from_mins(i64::from(kind.minutes));
        let zone = inquiry.facts.as_ref().and_then(|facts| TimeZone::get(&facts.time_zone).ok());
        let zone = zone.unwrap_or_else(|| calendar.zone().clone());
        let suits = |at: &Timestamp| {
            let (begin, end) = (zone.to_datetime(*at), zone.to_datetime(*at + length));
            let quiet = &profile.center.messages.quiet;
            let is_awake = CALLS.contains(&begin.hour()) && begin.date() == end.date();
            !kind.call || is_awake && !quiet.covers(begin.time()) && !quiet.covers(end.time())
        };
        let hours = calendar.open_spans(from).take(4).flat_map(|(open, close)| hours_within(open, close - length));
        let times: Vec<Timestamp> = hours.filter(suits).take(8).collect();
        times.choose(&mut rng).copied()
    }

    /// Until the step's time comes, records come in as they do elsewhere.
    pub(super) async fn await_step(
        &self,
        row: &wire::WorkRow,
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        // Its time is another action, which staff see at once.
        memory.not_before = self.clock.now() + SignedDuration::from_hours(24);
        if fate.rest.is_some() || matches!(fate.ending, Some(Ending::Records(_))) {
            return Ok(());
        }
        self.gather(row, fate, actor, memory).await
    }

    /// The step's time has come: most keep it.
    pub(super) async fn end_step(
        &self,
        row: &wire::WorkRow,
        fate: &Fate,
        actor: &Actor,
        memory: &Memory,
    ) -> Result<(), Trouble> {
        let is_call = self.center.profile.booking.next_steps.iter().any(|kind| kind.id == row.next_step && kind.call);
        let how = match (fate.rng(&format!("step end {}", memory.steps)).random_range(0..100), is_call) {
            (0..56, true) | (0..90, false) => "done",
            (56..92, true) => "missed",
            (_, true) => "called_off_by_person",
            (_, false) => "called_off_by_center",
        };
        let request = wire::EndNextStepRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            how: how.to_owned(),
            idempotency_key: format!("{}-{}-end-{}", self.play, row.inquiry_id, memory.steps),
        };
        self.desk(actor).end_next_step(request).await.map_err(trouble("end next step"))?;
        self.tally.done(match how {
            "done" => "steps done",
            "missed" => "steps missed",
            _ => "steps called off",
        });
        Ok(())
    }

    /// A call after a step that did not come about: another time, or the end.
    pub(super) async fn follow_up_step(
        &self,
        row: &wire::WorkRow,
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        let inquiry = self.attempt(row, fate, actor, true, memory.round).await?;
        if memory.steps < 3 && fate.rng(&format!("again {}", memory.steps)).random_bool(0.7) {
            return self.agree(row, &inquiry, fate, actor, memory).await;
        }
        self.close(row, CloseReason::NotReady, actor).await
    }
}

/// The whole hours of a span.
fn hours_within(first: Timestamp, last: Timestamp) -> impl Iterator<Item = Timestamp> {
    let begin = (first.as_second() + 3599).div_euclid(3600) * 3600;
    let hours = std::iter::successors(Some(begin), |second| Some(second + 3600));
    hours.map_while(move |second| Timestamp::from_second(second).ok().filter(|at| *at <= last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_hours_lie_within_the_span_with_both_ends() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let hours = |first, last| hours_within(at(first), at(last)).map(|at| at.to_string()).collect::<Vec<_>>();
        let found = hours("2026-03-02T08:30:00Z", "2026-03-02T11:00:00Z");
        assert_eq!(found, ["2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z"]);
        assert_eq!(hours("2026-03-02T08:00:00Z", "2026-03-02T08:59:00Z"), ["2026-03-02T08:00:00Z"]);
        assert!(hours("2026-03-02T08:01:00Z", "2026-03-02T08:59:00Z").is_empty());
    }
}
