//! One event of a call: kept as it came, laid to what is known of its call, and, where nobody answered, made an inquiry.
//!
//! The event, the call, the inquiry and what is published of it are one transaction. It holds the call, so that two events of
//! it are taken one after the other, and then its caller's number, so that somebody who calls twice waits once. Deliberately
//! not here: the words of HTTP (door), and what a call needs (domain).

use std::sync::Arc;

use causeway_auth::fingerprint;
use causeway_envelope::TraceContext;
use causeway_funnel::contact::FieldFault;
use causeway_funnel::inquiry::{Attribution, Source, Urgency};
use causeway_funnel::profile::{CallQueue, Feed, Profile};
use causeway_mailbox::Tx;
use uuid::Uuid;

use super::body::Heard;
use super::door::Door;
use super::{CALLER_KEY, CONTENT_HASH, EVENT_KEY, internal};
use crate::domain::call::{self, Call, Need};
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::accept::Acceptance;
use crate::handlers::keep::{self, Fate};
use crate::store::calls::{self, NewCall, Standing};
use crate::store::{self, messages};
use crate::writer::batch::{self, Answer, Verdict, Way};
use crate::writer::heard::{ACCEPTED, CONTROL_ID_REUSED};

/// Who tells of a call.
pub struct Sender {
    /// The center's profile.
    pub in_force: Arc<(String, Profile)>,
    /// The feed's id.
    pub feed: String,
    /// The request.
    pub trace: TraceContext,
}

/// What became of an event.
pub struct Taken {
    /// The call.
    pub call_id: Uuid,
    /// How it stands.
    pub state: &'static str,
    /// `inquiry`: one was made of it; `further_call`: it is noted with an open one; `waits`: for a person; `kept`: nothing is to
    /// be done.
    pub result: &'static str,
    /// What it waits for.
    pub waits_for: &'static str,
    /// Its inquiry, with the request number.
    pub inquiry: Option<(Uuid, String)>,
    /// The same event came before.
    pub repeated: bool,
    /// What it tells and can't be used.
    pub unusable: Vec<FieldFault>,
}

/// The keyed hashes of an event.
struct Keys {
    call: [u8; 16],
    event: [u8; 16],
    content: [u8; 16],
}

/// All that one transaction needs.
struct Work {
    acceptance: Arc<Acceptance>,
    sender: Sender,
    heard: Heard,
    keys: Keys,
    message: crate::writer::Heard,
}

/// What the transaction found and did.
enum Done {
    /// The same event was told with other content before; this one is parked.
    Clashed,
    /// It is laid to its call, and this inquiry was made.
    Kept(Taken, Option<Box<Answer>>),
}

/// Takes an event; the answer comes after the commit.
///
/// # Errors
/// It contradicts what was told before, or nothing could be written.
pub async fn event(door: &Door, sender: Sender, heard: Heard, raw: Vec<u8>) -> Result<Taken, Refusal> {
    let (center, feed) = (sender.in_force.1.center.id.clone(), sender.feed.clone());
    let acceptance = Arc::clone(&door.acceptance);
    let keys = keys(&acceptance, &center, &feed, &heard)?;
    let message_id = acceptance.clock.new_id();
    let sealed = acceptance.sealer.seal(&center, &format!("messages.sealed:{message_id}"), &raw).map_err(internal)?;
    let kind = format!("call.{}", heard.event.word());
    let hashes = (keys.event, keys.content);
    let message = crate::writer::Heard {
        message_id,
        feed: feed.clone(),
        kind,
        hashes,
        sealed,
        carries: false,
        number: None,
        further: Vec::new(),
        may_lead: false,
        sent_at: None,
    };
    let work = Work { acceptance, sender, heard, keys, message };
    let done = door.database.with_tx(&center, move |tx| Box::pin(async move { work.done(tx).await })).await?;
    let metrics = &door.acceptance.metrics;
    match done {
        Done::Clashed => {
            metrics.heard.with_label_values(&[&feed, "clashed"]).inc();
            Err(Refusal::EventReused)
        }
        Done::Kept(taken, made) => {
            let outcome = if taken.repeated { "repeated" } else { taken.result };
            metrics.heard.with_label_values(&[&feed, outcome]).inc();
            if taken.waits_for == Need::Queue.word() {
                metrics.oddities.with_label_values(&[&feed, "unknown_queue"]).inc();
            }
            for fault in taken.unusable.iter().filter(|_| !taken.repeated) {
                // The name of a member that nobody knows may be anything.
                let is_known = call::NOTED.contains(&fault.field.as_str());
                let word = if is_known { format!("unusable_{}", fault.field) } else { "member_unknown".to_owned() };
                metrics.oddities.with_label_values(&[&feed, &word]).inc();
            }
            if let Some(answer) = made {
                door.acceptance.count(&center, Source::Phone.as_str(), false, &answer);
            }
            Ok(taken)
        }
    }
}

fn keys(acceptance: &Acceptance, center: &str, feed: &str, heard: &Heard) -> Result<Keys, Refusal> {
    let blind = |purpose: &str, text: &str| acceptance.sealer.blind(center, purpose, text).map_err(internal);
    let id = heard.call_id.as_str();
    Ok(Keys {
        call: super::call_key(&acceptance.sealer, (center, feed), id)?,
        event: blind(EVENT_KEY, &fingerprint([feed, id, heard.event.word()]))?,
        content: blind(CONTENT_HASH, &heard.content)?,
    })
}

impl Work {
    async fn done(mut self, tx: &mut Tx) -> Result<Done, Refusal> {
        messages::lock(tx, &[&self.keys.call]).await?;
        let fate = Fate { state: ACCEPTED, reason: "", inquiry_id: None, early: None };
        let known = match keep::within(tx, &self.message, fate).await? {
            keep::Kept::ControlIdReused => return Ok(Done::Clashed),
            keep::Kept::Before(same) if same.reason == CONTROL_ID_REUSED => return Ok(Done::Clashed),
            keep::Kept::Before(_) => true,
            keep::Kept::New => false,
        };
        let standing = calls::under(tx, &self.keys.call).await?;
        let (sealer, center) = (&self.acceptance.sealer, tx.center().to_owned());
        let mut call = match &standing {
            Some(standing) => super::open(sealer, &center, standing.call_id, &standing.sealed)?,
            None => Call::default(),
        };
        call.hear(self.heard.event, self.heard.told.clone());
        let (placed, made) = self.place(tx, &call, (standing.as_ref(), known)).await?;
        let call_id = standing.as_ref().map_or_else(|| tx.new_id(), |standing| standing.call_id);
        if !known || standing.is_none() {
            let sealed = super::seal(sealer, &center, call_id, &call)?;
            let unusable = call.unusable().into_keys().collect::<Vec<_>>().join(" ");
            let minutes = self.feed()?.phone.as_ref().map_or(0, |mapping| mapping.entry_minutes);
            let row = NewCall {
                call_id,
                feed: &self.sender.feed,
                call_key: &self.keys.call,
                caller_key: placed.caller_key.as_deref(),
                // Another one may be the number of somebody who was called.
                queue: self.queue(&call)?.map_or("", |queue| queue.id.as_str()),
                direction: call.direction().word(),
                state: call.state().word(),
                agent: call.agent_in_clear(),
                started_at: call.started_at(),
                answered_at: call.answered_at(),
                ended_at: call.ended_at(),
                over_at: call.over_at(tx.now()),
                waits_for: placed.waits_for.word(),
                waits_from: call.waits_from(placed.waits_for, minutes, tx.now()),
                inquiry_id: placed.inquiry_id,
                opened: placed.opened,
                unusable: &unusable,
                sealed: &sealed,
            };
            calls::write(tx, &row).await?;
        }
        let inquiry = match placed.inquiry_id {
            Some(id) => store::reference(tx, id).await?.map(|reference| (id, reference)),
            None => None,
        };
        let result = match (placed.opened, placed.inquiry_id, placed.waits_for) {
            (true, ..) => "inquiry",
            (_, Some(_), _) => "further_call",
            (_, None, Need::Nothing) => "kept",
            (_, None, _) => "waits",
        };
        let (state, waits_for) = (call.state().word(), placed.waits_for.word());
        let unusable = std::mem::take(&mut self.heard.unusable);
        let taken = Taken { call_id, state, result, waits_for, inquiry, repeated: known, unusable };
        Ok(Done::Kept(taken, made.map(Box::new)))
    }

    fn feed(&self) -> Result<&Feed, Refusal> {
        self.sender.in_force.1.feed(&self.sender.feed).ok_or(Refusal::NoKey)
    }

    /// What its queue means, where feeds.toml has it.
    fn queue(&self, call: &Call) -> Result<Option<&CallQueue>, Refusal> {
        Ok(self.feed()?.phone.as_ref().and_then(|mapping| mapping.queue(call.queue())))
    }

    /// Which inquiry stands for the call, and what it waits for; makes the inquiry where there is none and one is due. What
    /// has found its place keeps it: a repeat or a late event changes what is known and nothing else. What has not is laid anew to
    /// the caller as known now, because an earlier event may have told another one.
    async fn place(
        &self,
        tx: &mut Tx,
        call: &Call,
        (standing, is_repeat): (Option<&Standing>, bool),
    ) -> Result<(Placed, Option<Answer>), Refusal> {
        let number = call.caller();
        let caller_key = number.map(|number| self.caller_key(tx.center(), number)).transpose()?;
        let queue = self.queue(call)?;
        let need = call.need(queue);
        let mut placed =
            Placed { caller_key: caller_key.map(|key| key.to_vec()), waits_for: need, inquiry_id: None, opened: false };
        if let Some(standing) = standing.filter(|standing| is_repeat || standing.is_placed()) {
            let placed = Placed {
                caller_key: standing.caller_key.clone(),
                waits_for: Need::parse(&standing.waits_for).unwrap_or(need),
                inquiry_id: standing.inquiry_id,
                opened: standing.opened,
            };
            return Ok((placed, None));
        }
        let (Some(key), Some(number)) = (caller_key, number) else { return Ok((placed, None)) };
        if !matches!(need, Need::CallBack | Need::Entry) {
            return Ok((placed, None));
        }
        messages::lock(tx, &[&key]).await?;
        let open = calls::open_of(tx, &key).await?;
        if open.is_some() || need == Need::Entry {
            placed.inquiry_id = open;
            return Ok((placed, None));
        }
        let Some(queue) = queue else { return Ok((placed, None)) };
        let answer = self.inquiry(tx, number, queue).await?;
        placed =
            Placed { waits_for: Need::Nothing, inquiry_id: answer.inquiry_id.parse().ok(), opened: true, ..placed };
        Ok((placed, Some(answer)))
    }

    fn caller_key(&self, center: &str, number: &str) -> Result<[u8; 16], Refusal> {
        self.acceptance.sealer.blind(center, CALLER_KEY, number).map_err(internal)
    }

    /// An inquiry like everybody's, of which nothing is known but how to call back.
    async fn inquiry(&self, tx: &mut Tx, number: &str, queue: &CallQueue) -> Result<Answer, Refusal> {
        let profile = &self.sender.in_force.1;
        let form = queue.form(profile).ok_or(Refusal::UnknownForm)?;
        let submission = Submission {
            center: profile.center.id.clone(),
            form_id: form.id.clone(),
            language: queue.language.clone().unwrap_or_default(),
            source: Source::Phone,
            answers: call::answers(number, queue),
            urgency: Urgency::default(),
            attribution: Attribution::default(),
            referring_office: None,
            // The call itself is what a repeat is known by.
            idempotency_key: None,
            strict: false,
            missed_call: true,
        };
        let arrival = self.acceptance.prepare(profile, &submission, self.sender.trace.clone())?;
        match batch::commit(tx, std::slice::from_ref(&arrival), Way::Careful).await?.pop() {
            Some(Verdict::Kept(answer)) => Ok(answer),
            // Both of its request numbers are taken: with a new id it has new ones.
            _ => Err(Refusal::Unavailable),
        }
    }
}

/// Where a call belongs.
struct Placed {
    caller_key: Option<Vec<u8>>,
    waits_for: Need,
    inquiry_id: Option<Uuid>,
    opened: bool,
}
