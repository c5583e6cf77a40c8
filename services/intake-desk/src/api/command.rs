//! Doing an order: one transaction that locks the inquiry, decides, saves, writes the timeline and emits.
//!
//! Two people who press at the same moment are two transactions on one locked row: the second one decides on what the
//! first one left, which is what makes claims and notes safe.

use std::collections::BTreeMap;

use causeway_auth::audit::append;
use causeway_auth::{Action, Phi, policy};
use causeway_funnel::intake::missing_fields;
use causeway_funnel::profile::Profile;
use causeway_funnel::sister::{SisterReason, hindrance};
use causeway_mailbox::Tx;
use causeway_proto::intake::v1 as wire;

use super::call::Call;
use super::{Desk, page, script};
use crate::domain::{
    Decided, HandTo, Inquiry, Refusal, Route, Rules, Step, Told, Verdict, begun_by, chase_look, decide, merge,
};
use crate::error::DeskError;
use crate::handlers::{
    Watched, chase_timer, claim_timer, drafts, left_timer, next_step_timer, review_timer, visit_timer,
};
use crate::store::inquiry::{Loaded, load_for_update, save};
use crate::store::note::Fields;
use crate::store::{Key, Known, drafts, finish_key, insert_attempt, note, take_key, timeline};

/// What is to be done.
pub struct Order {
    key: Key,
    what: What,
    words: Option<Phi<String>>,
    /// Id and version of the script that was shown, as the caller says; empty: they do not say.
    script: (String, String),
}

enum What {
    Step(Step),
    Note { fields: Fields, base_version: i64 },
}

impl Order {
    /// A step.
    pub fn step(command: &'static str, step: Step) -> Self {
        Self {
            key: Key { command, key: String::new(), content: String::new() },
            what: What::Step(step),
            words: None,
            script: Default::default(),
        }
    }

    /// Fields of the note.
    pub fn note(fields: Fields, base_version: i64) -> Self {
        let key = Key { command: "save_note", key: String::new(), content: String::new() };
        Self { key, what: What::Note { fields, base_version }, words: None, script: Default::default() }
    }

    /// With the caller's idempotency key and what it stands for.
    pub fn with_key(mut self, key: String, content: String) -> Result<Self, DeskError> {
        (self.key.key, self.key.content) = (key, content);
        Ok(self)
    }

    /// With the script that was used.
    pub fn with_script(mut self, script: (String, String)) -> Self {
        self.script = script;
        self
    }

    /// With free words for the timeline.
    pub fn with_words(mut self, words: Option<Phi<String>>) -> Result<Self, DeskError> {
        self.words = words;
        Ok(self)
    }
}

impl Desk {
    /// Does an order; answers with the inquiry after it. The same key of the same actor again answers
    /// without doing it again.
    pub(super) async fn command(&self, call: Call, order: Order) -> Result<wire::Inquiry, DeskError> {
        let (desk, center) = (self.clone(), call.center.clone());
        self.parts.database.with_tx(&center, move |tx| Box::pin(async move { desk.run(tx, call, order).await })).await
    }

    pub(super) async fn run(&self, tx: &mut Tx, call: Call, order: Order) -> Result<wire::Inquiry, DeskError> {
        let current = self.profile(&call.center)?;
        let purpose = order.key.command;
        match take_key(tx, &order.key, (&call.actor.id, call.inquiry_id)).await? {
            Known::New => {}
            Known::Repeated => {
                let known = crate::store::inquiry::find(tx, call.inquiry_id).await?.ok_or(DeskError::NotFound)?;
                return page::render(self, tx, &call, (&known, &current.1), purpose).await;
            }
            Known::Reused => return Err(DeskError::KeyReused),
        }
        let loaded = load_for_update(tx, &[call.inquiry_id]).await?.pop().ok_or(DeskError::NotFound)?;
        let after = self.apply(tx, &call, (loaded, &current.1), order).await?;
        page::render(self, tx, &call, (&after, &current.1), purpose).await
    }

    async fn apply(
        &self,
        tx: &mut Tx,
        call: &Call,
        (loaded, profile): (Loaded, &Profile),
        order: Order,
    ) -> Result<Loaded, DeskError> {
        let Order { key, what, words, script } = order;
        let (step, fields) = self.prepare(tx, call, (&loaded, profile), what).await?;
        let Loaded { inquiry, facts, routed_line } = loaded;
        let rules = Rules::of(profile, &inquiry.facts, &worked_by(&step, &inquiry));
        let (watched, chased) = (Watched::of(&inquiry), chase_look(&inquiry, &rules));
        let begun = begun_by(&inquiry).map(|(owner, due)| (owner.to_owned(), due));
        // The one that stood beside this try; what it changes may call for another one.
        let used = match &step {
            Step::Attempt { outcome, .. } => script::used(profile, &inquiry, *outcome, script)?,
            _ => None,
        };
        let Decided { inquiry, changed, mut entries, mut told } = decide(inquiry, &step, &call.by(), tx.now(), &rules)?;
        let after = Loaded { inquiry, facts, routed_line };
        if changed {
            save(tx, &[&after.inquiry]).await?;
            if let Some(fields) = fields {
                let (of, by) = ((call.inquiry_id, after.inquiry.note_version), call.actor.id.as_str());
                note::save(tx, &self.parts.sealer, of, &fields, by).await?;
                drafts::drop_of(tx, call.inquiry_id, Some(by)).await?;
            }
            if after.inquiry.close_reason.is_some() {
                drafts::drop_of(tx, call.inquiry_id, None).await?;
            }
            if let (Some((id, version)), Some(line)) = (&used, entries.first_mut()) {
                line.text = format!("{} Script: {id}, version {version}.", line.text).into();
            }
            self.write_timeline(tx, call, entries, words).await?;
            for told in &mut told {
                if let Told::ContactAttempted { script, .. } = told {
                    *script = used.clone().unwrap_or_default();
                }
            }
            write_attempt(tx, call, &told).await?;
            let trace = tx.trace().clone();
            let timers = [
                visit_timer(&after.inquiry, &step, &trace),
                next_step_timer(&after.inquiry, &step, &trace),
                claim_timer(&after.inquiry, &step, (tx.now(), &rules), &trace),
                left_timer(begun.as_ref(), &after.inquiry, &rules, &trace),
                review_timer(&watched, &after.inquiry, profile, &trace),
                chase_timer(chased, &after.inquiry, &rules, &trace),
            ];
            tx.schedule_all(&timers.into_iter().flatten().collect::<Vec<_>>()).await?;
            for told in &told {
                if let Told::Reviewed { decision, reason, .. } = told {
                    append(tx, call.entry(tx, Action::ReviewRecords.word(), decision.as_str())).await?;
                    self.parts.metrics.reviewed(*decision, reason);
                }
            }
            self.parts.metrics.decided(&step, &after.inquiry.scope);
            drafts((&call.center, tx.now()), &after, told, &trace).into_iter().for_each(|draft| tx.emit(draft));
        }
        finish_key(tx, &key, (&call.actor.id, after.inquiry.version)).await?;
        Ok(after)
    }

    /// The step of an order. What can only be told from the inquiry itself is checked here.
    async fn prepare(
        &self,
        tx: &mut Tx,
        call: &Call,
        (loaded, profile): (&Loaded, &Profile),
        what: What,
    ) -> Result<(Step, Option<Fields>), DeskError> {
        let inquiry = &loaded.inquiry;
        match what {
            What::Step(step) => {
                let gives_away = matches!(step, Step::HandOver(HandTo::Staff(_)));
                if gives_away && inquiry.owner != call.actor.id {
                    policy::may(&call.actor, Action::Reassign, &call.center)?;
                }
                if let Step::HandToCenter { to, reason } = &step {
                    self.may_hand(profile, inquiry, (to, *reason))?;
                }
                if let Step::Review(Verdict::AskForMore(kinds)) = &step {
                    require_known(profile, inquiry, kinds)?;
                }
                let entry = &inquiry.scope.entry;
                let is_answer = matches!(step, Step::ReferElsewhere) && !entry.is_empty();
                if is_answer && profile.out_of_scope_entry(entry).is_none() {
                    return Err(DeskError::UnknownName(
                        "its entry has left programs.toml, so there is nothing to tell; keep the inquiry, or put the entry back",
                    ));
                }
                Ok((promised_by_who_has_it(step, profile, inquiry), None))
            }
            What::Note { fields, base_version } => {
                let known = note::open(tx, &self.parts.sealer, call.inquiry_id).await?;
                let known = known.map_or_else(BTreeMap::new, Phi::into_exposed);
                let of = (inquiry.facts.consult_type, inquiry.facts.cancer_area);
                let merged = merge(&profile.note, of, known, fields.into_exposed())?;
                let missing = missing_fields(&profile.note, of, &merged).len();
                Ok((Step::Note { base_version, missing }, Some(Phi::new(merged))))
            }
        }
    }

    /// Both profiles have to agree, as they are in force now.
    fn may_hand(&self, own: &Profile, inquiry: &Inquiry, (to, reason): (&str, SisterReason)) -> Result<(), DeskError> {
        let sister = self.parts.profiles.current(to).ok_or(DeskError::UnknownCenter)?;
        let (ours, theirs) = (&own.center, &sister.1.center);
        let asked = (inquiry.facts.stays.as_slice(), reason);
        match hindrance((&ours.id, &ours.sisters), (&theirs.id, &theirs.sisters), asked) {
            None => Ok(()),
            Some(stands) => Err(Refusal::WrongState(stands.to_string().into()).into()),
        }
    }

    async fn write_timeline(
        &self,
        tx: &mut Tx,
        call: &Call,
        entries: Vec<crate::domain::Entry>,
        words: Option<Phi<String>>,
    ) -> Result<(), DeskError> {
        let context = timeline::context(call.inquiry_id);
        let seal = |words| self.parts.sealer.seal_text(&call.center, &context, &words);
        let mut sealed = words.map(seal).transpose()?;
        // The words belong to the step itself, which writes the first line.
        let lines: Vec<_> = entries.into_iter().map(|entry| (call.inquiry_id, entry, sealed.take())).collect();
        Ok(timeline::insert(tx, &lines).await?)
    }
}

/// Where nobody was asked for a document yet and the caller does not say who promises it, it is who usually has it.
fn promised_by_who_has_it(step: Step, profile: &Profile, inquiry: &Inquiry) -> Step {
    let is_asked = |kind: &str| inquiry.records.iter().any(|line| line.kind == kind && line.asked_at.is_some());
    match step {
        Step::PromiseRecord { kind, at, of: None } if !is_asked(&kind) => {
            let of = profile.checklists.document(&kind).map(|document| document.from);
            Step::PromiseRecord { kind, at, of }
        }
        step => step,
    }
}

/// The route by whose hours a step is timed: what is redirected is due by those of the team that gets it.
fn worked_by(step: &Step, inquiry: &Inquiry) -> Route {
    match step {
        Step::Review(Verdict::Redirect(team, _)) => Route { team: team.clone(), ..inquiry.route.clone() },
        _ => inquiry.route.clone(),
    }
}

/// Each document that is asked for by name stands on the checklist or in the center's catalogue.
fn require_known(profile: &Profile, inquiry: &Inquiry, kinds: &[String]) -> Result<(), DeskError> {
    let listed = |kind: &String| inquiry.records.iter().any(|line| line.kind == *kind);
    if kinds.iter().all(|kind| listed(kind) || profile.checklists.document(kind).is_some()) {
        return Ok(());
    }
    Err(DeskError::UnknownName("kinds names a document that the center does not have; use a kind of records.toml"))
}

async fn write_attempt(tx: &mut Tx, call: &Call, told: &[Told]) -> Result<(), DeskError> {
    for told in told {
        if let Told::ContactAttempted { at, channel, outcome, number, within_target, script: (script, version) } = told
        {
            let (try_of, how) = ((*number, *at), (channel.as_str(), outcome.as_str()));
            let by = (call.actor.id.as_str(), *within_target);
            insert_attempt(tx, call.inquiry_id, try_of, how, by, (script, version)).await?;
        }
    }
    Ok(())
}
