//! Audits of quality: who may score inquiries chooses some, reads what was drawn, and settles what two read differently.
//!
//! Nobody takes their own work: the desk says so, and the next one is asked. Deliberately not here: which inquiries are drawn (the
//! center's profile).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{Actor, Role};
use causeway_proto::intake::v1 as wire;
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::quality_audits_client::QualityAuditsClient;
use causeway_runtime::Clock;
use causeway_serve::Channel;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::fate::mix;
use super::scene::{Center, Doors};
use super::staff::{Trouble, trouble};
use super::tally::{Tally, word};

/// Who may score inquiries.
const SCORERS: [Role; 2] = [Role::Auditor, Role::Manager];
/// Between two looks at the queue. In time lapse that is little more than an hour.
const LAPSE_PAUSE: Duration = Duration::from_millis(700);
const LIVE_PAUSE: Duration = Duration::from_secs(40);
/// Audits that are read in one look.
const AT_ONCE: usize = 2;
const ROWS: i32 = 50;
/// Of a hundred audits that many are left in the queue, for people who try the demo.
const LEFT: u64 = 22;
/// What a reader writes where something was missed or the machine is overruled.
const COMMENTS: [&str; 4] = [
    "Synthetic: the timeline shows it later than it should.",
    "Synthetic: only part of it was said.",
    "Synthetic: a colleague did it by phone, so it stands elsewhere.",
    "Synthetic: worth a word in the next meeting of the team.",
];

/// What two write who settle it after the inquiry has gone on.
const CHANGED: &str = "Synthetic: so it was when it was read.";

/// Who scores inquiries at one center.
pub struct Auditors {
    center: Arc<Center>,
    doors: Doors,
    clock: Clock,
    tally: Arc<Tally>,
    scorers: Vec<Actor>,
    turn: usize,
    choose_at: Timestamp,
    chosen: HashSet<String>,
    /// Audits that nobody of them reads, by id and state.
    left: HashSet<(String, String)>,
}

impl Auditors {
    /// The auditors of a center.
    pub fn new(center: Arc<Center>, doors: Doors, clock: Clock, tally: Arc<Tally>) -> Self {
        let (scorers, choose_at) = (center.everybody(&SCORERS), clock.now() + SignedDuration::from_hours(12));
        let (chosen, left) = (HashSet::new(), HashSet::new());
        Self { center, doors, clock, tally, scorers, turn: 0, choose_at, chosen, left }
    }

    /// Works in business hours until `stop`.
    pub async fn work(mut self, stop: CancellationToken) {
        // A center whose profile has no checklist has nothing to read.
        if self.scorers.is_empty() || self.center.profile.audits.items.is_empty() {
            return;
        }
        while !stop.is_cancelled() {
            if self.center.profile.calendar(None).is_open(self.clock.now())
                && let Err(trouble) = self.look().await
                // Somebody of flesh and blood was faster.
                && trouble.status.code() != Code::Aborted
            {
                self.tally.failed(trouble.call, &word(&trouble.status));
            }
            let pause = if self.clock.speed() > 1.0 { LAPSE_PAUSE } else { LIVE_PAUSE };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// One look at the queue by whose turn it is.
    async fn look(&mut self) -> Result<(), Trouble> {
        self.turn += 1;
        let Some(actor) = self.scorers.get(self.turn % self.scorers.len()).cloned() else { return Ok(()) };
        let center = self.center.id().to_owned();
        let request = wire::ListAuditsRequest { center: center.clone(), page_size: ROWS, ..Default::default() };
        let listed = self.audits(&actor).list_audits(request).await.map_err(trouble("list audits"))?.into_inner();
        if !listed.drawn_this_week && !self.center.profile.audits.samples.is_empty() {
            let request = wire::DrawAuditsRequest { center };
            self.audits(&actor).draw_audits(request).await.map_err(trouble("draw audits"))?;
            self.tally.done("draws of audits");
        }
        let now = self.clock.now();
        if now >= self.choose_at {
            let hours = self.rng("choose").random_range(2..6);
            self.choose_at = now + SignedDuration::from_hours(hours);
            self.choose(&actor).await?;
        }
        let is_left = |row: &wire::AuditRow| self.left.contains(&(row.audit_id.clone(), row.state.clone()));
        let rows: Vec<wire::AuditRow> = listed.rows.into_iter().filter(|row| !is_left(row)).collect();
        for row in rows.into_iter().filter(matters).take(AT_ONCE) {
            let key = (row.audit_id.clone(), row.state.clone());
            // What went wrong once is not tried again and again.
            self.left.insert(key.clone());
            let is_done = match row.state.as_str() {
                "differs" => self.settle(&row).await?,
                _ => self.read(&row).await?,
            };
            if is_done {
                self.left.remove(&key);
            }
        }
        Ok(())
    }

    /// An auditor picks an inquiry that was worked, closed or not.
    async fn choose(&mut self, actor: &Actor) -> Result<(), Trouble> {
        let mut rng = self.rng("which");
        let view = if rng.random_bool(0.6) { "closed" } else { "all" };
        let request = wire::ListWorkRequest {
            center: self.center.id().to_owned(),
            view: view.to_owned(),
            page_size: ROWS,
            ..Default::default()
        };
        let mut desk = IntakeDeskClient::new(self.doors.desk.on_behalf_of(actor));
        let rows = desk.list_work(request).await.map_err(trouble("list work"))?.into_inner().rows;
        let worked = |row: &&wire::WorkRow| row.attempts > 0 && !self.chosen.contains(&row.inquiry_id);
        let rows: Vec<&wire::WorkRow> = rows.iter().filter(worked).collect();
        let Some(row) = rows.choose(&mut rng) else { return Ok(()) };
        let (center, inquiry_id) = (self.center.id().to_owned(), row.inquiry_id.clone());
        self.chosen.insert(inquiry_id.clone());
        let request = wire::ChooseInquiryRequest { center, inquiry_id };
        self.audits(actor).choose_inquiry(request).await.map_err(trouble("choose inquiry"))?;
        self.tally.done("audits chosen");
        Ok(())
    }

    /// Whoever may read it takes it and finishes it; false where nobody may.
    async fn read(&self, row: &wire::AuditRow) -> Result<bool, Trouble> {
        for place in 0..self.scorers.len() {
            let actor = &self.scorers[(self.turn + place) % self.scorers.len()];
            if row.first_reader == actor.id {
                continue;
            }
            let mut client = self.audits(actor);
            let shown = client.get_audit(self.command(row)).await.map_err(trouble("get audit"))?.into_inner();
            if !shown.may_take {
                continue;
            }
            let mut taken = client.take_audit(self.command(row)).await.map_err(trouble("take audit"))?.into_inner();
            let mut rng = StdRng::seed_from_u64(mix(0, &[&row.audit_id, &actor.id]));
            if taken.may_ask_second && self.scorers.len() > 1 && rng.random_bool(0.12) {
                let asked = client.ask_second_reader(self.command(row)).await.map_err(trouble("ask second reader"))?;
                taken = asked.into_inner();
                self.tally.done("second readers asked for");
            }
            let answers = taken.items.iter().map(|item| answered(item, &mut rng)).collect();
            self.save(&taken, answers, actor).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The two who read it differently agree on an answer: one writes it down, the other one says the same.
    async fn settle(&self, row: &wire::AuditRow) -> Result<bool, Trouble> {
        let mut saved = false;
        for who in [&row.first_reader, &row.second_reader] {
            let Some(actor) = self.scorers.iter().find(|actor| actor.id == *who) else { continue };
            let shown = self.audits(actor).get_audit(self.command(row)).await.map_err(trouble("get audit"))?;
            let shown = shown.into_inner();
            // One of the two may have worked the inquiry meanwhile.
            if shown.reading != 3 || shown.own_work || shown.settled_by == *who {
                continue;
            }
            let answers = shown.items.iter().map(settled).collect();
            self.save(&shown, answers, actor).await?;
            saved = true;
        }
        Ok(saved)
    }

    async fn save(
        &self,
        audit: &wire::QualityAudit,
        answers: Vec<wire::AuditAnswer>,
        actor: &Actor,
    ) -> Result<(), Trouble> {
        let Some(row) = &audit.row else { return Ok(()) };
        let request = wire::SaveAuditRequest {
            center: self.center.id().to_owned(),
            audit_id: row.audit_id.clone(),
            base_version: row.version,
            answers,
            comment: audit.comment.clone(),
            finish: true,
        };
        let saved = self.audits(actor).save_audit(request).await.map_err(trouble("save audit"))?.into_inner();
        let is_finished = saved.row.is_some_and(|row| row.state == "finished");
        self.tally.done(if is_finished { "audits finished" } else { "audits read by one of two" });
        Ok(())
    }

    fn command(&self, row: &wire::AuditRow) -> wire::AuditCommand {
        wire::AuditCommand { center: self.center.id().to_owned(), audit_id: row.audit_id.clone() }
    }

    fn audits(&self, actor: &Actor) -> QualityAuditsClient<Channel> {
        QualityAuditsClient::new(self.doors.desk.on_behalf_of(actor))
    }

    fn rng(&self, question: &str) -> StdRng {
        StdRng::seed_from_u64(mix(0, &[self.center.id(), question, &self.turn.to_string()]))
    }
}

/// What nobody has begun, and what two have to settle; some is left for people who try the demo.
fn matters(row: &wire::AuditRow) -> bool {
    matches!(row.state.as_str(), "waiting" | "second_waiting" | "differs") && mix(0, &[&row.audit_id]) % 100 >= LEFT
}

/// What a reader answers: mostly what the machine says, or that it was well done.
fn answered(item: &wire::AuditItem, rng: &mut StdRng) -> wire::AuditAnswer {
    let overruled = rng.random_bool(0.04);
    let answer = match (item.computed.as_str(), rng.random_range(0..100)) {
        ("yes", _) if overruled => "no",
        ("no", _) if overruled => "yes",
        ("", 0..80) => "yes",
        ("", 80..95) => "no",
        ("", _) => "not_applicable",
        (computed, _) => computed,
    };
    let is_told = answer == "no" || !item.computed.is_empty() && answer != item.computed;
    let comment = COMMENTS.choose(rng).filter(|_| is_told).copied().unwrap_or_default();
    wire::AuditAnswer { item: item.id.clone(), answer: answer.to_owned(), comment: comment.to_owned() }
}

/// What stands already, and else what the first reader said.
fn settled(item: &wire::AuditItem) -> wire::AuditAnswer {
    let (answer, comment) = match item.answer.as_str() {
        "" => (&item.first_answer, &item.first_comment),
        _ => (&item.answer, &item.comment),
    };
    // What the machine says of an inquiry that is still open may have changed since the first reading.
    let unsaid = !item.computed.is_empty() && item.computed != *answer && comment.is_empty();
    let comment = if unsaid { CHANGED } else { comment.as_str() };
    wire::AuditAnswer { item: item.id.clone(), answer: answer.clone(), comment: comment.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(computed: &str) -> wire::AuditItem {
        wire::AuditItem { id: "script".into(), computed: computed.into(), ..Default::default() }
    }

    #[test]
    fn what_says_otherwise_than_the_machine_says_why_and_every_answer_occurs() {
        let mut rng = StdRng::seed_from_u64(1);
        for computed in ["", "yes", "no", "not_applicable"] {
            let answers: Vec<_> = (0..400).map(|_| answered(&item(computed), &mut rng)).collect();
            for answer in &answers {
                assert!(computed.is_empty() || answer.answer == computed || !answer.comment.is_empty(), "{answer:?}");
            }
            let kinds: HashSet<&str> = answers.iter().map(|answer| answer.answer.as_str()).collect();
            let wanted = match computed {
                "" => 3,
                "not_applicable" => 1,
                _ => 2,
            };
            assert_eq!(kinds.len(), wanted, "{computed}");
        }
    }

    #[test]
    fn two_who_settle_say_what_stands_already() {
        let differs = wire::AuditItem { first_answer: "no".into(), first_comment: "late".into(), ..item("") };
        let first = settled(&differs);
        assert_eq!((first.answer.as_str(), first.comment.as_str()), ("no", "late"));
        let gone_on = wire::AuditItem { first_comment: String::new(), computed: "yes".into(), ..differs.clone() };
        assert_eq!(settled(&gone_on).comment, CHANGED, "the machine said so too when it was read");
        let stands = wire::AuditItem { answer: "yes".into(), ..differs };
        let second = settled(&stands);
        assert_eq!((second.answer.as_str(), second.comment.as_str()), ("yes", ""));
    }
}
