//! From a submission, whichever door it came through, to its committed answer.
//!
//! The request's own task reads, checks and seals; the center's writer commits. Nothing here waits but for that commit,
//! and no task is spawned for a request. Deliberately not here: JSON and protobuf (http, grpc).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_auth::{SealError, Sealer, fingerprint};
use causeway_envelope::TraceContext;
use causeway_funnel::contact::FieldFault;
use causeway_funnel::form::{Answers, Form, Reading};
use causeway_funnel::inquiry::is_fit_key;
use causeway_funnel::profile::Profile;
use causeway_mailbox::Revisions;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use causeway_runtime::Clock;
use tokio::time::Instant;
use tracing::error;
use uuid::Uuid;

use super::credentials::Credentials;
use super::limit::Limits;
use super::proof::{Proofs, Seen};
use crate::domain::check::{Checked, before_asking, check};
use crate::domain::referral::LANGUAGE_TOLD;
use crate::domain::submission::Submission;
use crate::domain::suspicion::{self, Sign};
use crate::domain::{person, travel};
use crate::error::Refusal;
use crate::metrics::Metrics;
use crate::writer::batch::KeyHashes;
use crate::writer::{Answer, Arrival, Heard, Verdict, Writers};

/// Purpose of the keyed hash by which a repeat is told from other content.
const CONTENT_HASH: &str = "submission";
/// Purpose of the keyed hash that is kept of a sender's key, which may be a name or a number of the person.
const KEY_HASH: &str = "idempotency";
/// The answer that says that an interpreter is wanted.
const INTERPRETER: &str = "interpreter";

/// What every door hands its submissions to.
pub struct Acceptance {
    /// The centers' profiles in force.
    pub profiles: Arc<Revisions<Profile>>,
    /// Seals people.
    pub sealer: Sealer,
    /// Gives ids and the date.
    pub clock: Clock,
    /// Commit.
    pub writers: Writers,
    /// What is counted.
    pub metrics: Metrics,
    /// How often somebody may come.
    pub limits: Limits,
    /// Proofs of work.
    pub proofs: Proofs,
    /// Which keys and certificates were used.
    pub credentials: Credentials,
}

impl Acceptance {
    /// Accepts a submission; the answer comes after the commit.
    pub async fn accept(&self, submission: Submission, trace: TraceContext) -> Result<Answer, Refusal> {
        self.accept_public(submission, None, trace).await
    }

    /// The same; where anybody may have sent it, `seen` is what its door has seen of them.
    pub async fn accept_public(
        &self,
        submission: Submission,
        seen: Option<Seen>,
        trace: TraceContext,
    ) -> Result<Answer, Refusal> {
        let begun = Instant::now();
        let outcome = self.accept_uncounted(submission, seen, trace).await;
        self.metrics.accept.observe(begun.elapsed().as_secs_f64());
        if let Err(refusal) = &outcome {
            self.metrics.refused.with_label_values(&[refusal.word()]).inc();
        }
        outcome
    }

    async fn accept_uncounted(
        &self,
        submission: Submission,
        seen: Option<Seen>,
        trace: TraceContext,
    ) -> Result<Answer, Refusal> {
        let profile = self.profile(&submission.center)?;
        let mut arrival = self.prepare(&profile.1, &submission, trace)?;
        if let Some(mut seen) = seen {
            let mut signs = suspicion::signs(&submission.answers, std::mem::take(&mut seen.signs));
            let form = profile.1.form(&submission.form_id).ok_or(Refusal::UnknownForm)?;
            let of = (submission.center.as_str(), &arrival);
            if self.lacks_proof(form, of, (&seen, !signs.is_empty())).await? {
                signs.push(Sign::NoProof);
            }
            arrival.held = suspicion::is_held(&signs);
            arrival.signs = signs.into_iter().map(Sign::word).collect();
            arrival.showing_id = seen.showing_id;
        }
        let language = profile.1.language_or_default(&submission.language);
        let is_sent = arrival.showing_id.is_some() && !arrival.held;
        let center = submission.center.clone();
        match self.commit(submission.center, arrival).await? {
            Verdict::Kept(answer) => {
                if is_sent {
                    let of = [center.as_str(), &submission.form_id, language, "sent"];
                    self.metrics.form_steps.with_label_values(&of).inc();
                }
                Ok(answer)
            }
            // Without a message there is nobody who could have taken it up again: it is a repeat like any other.
            Verdict::Repeated(answer) | Verdict::Reopened(answer) => Ok(answer),
            Verdict::KeyReused(_) | Verdict::ControlIdReused | Verdict::HeardBefore(_) => Err(Refusal::KeyReused),
            Verdict::NoNumber => Err(Refusal::Unavailable),
        }
    }

    /// Counts a form that somebody sends, where its sender is to be counted.
    ///
    /// # Errors
    /// It is one too many.
    pub fn admit(&self, is_counted: bool, submission: Submission) -> Result<Submission, Refusal> {
        // What no center has is refused later, and takes no place among what is counted.
        let known = |center: &str| {
            self.profiles.current(center).is_some_and(|known| known.1.form(&submission.form_id).is_some())
        };
        if is_counted && known(&submission.center) {
            self.limits.form(&submission.center, &submission.form_id)?;
        }
        Ok(submission)
    }

    /// Reads, checks, seals and commits a submission, and the partner's message that it came in.
    pub async fn write(
        &self,
        profile: &Profile,
        submission: Submission,
        message: Option<Heard>,
        trace: TraceContext,
    ) -> Result<Verdict, Refusal> {
        let arrival = Arrival { message, ..self.prepare(profile, &submission, trace)? };
        self.commit(submission.center, arrival).await
    }

    async fn commit(&self, center: String, arrival: Arrival) -> Result<Verdict, Refusal> {
        let (source, held) = (arrival.source, arrival.held);
        let verdict = self.writers.write(&center, arrival).await?;
        match &verdict {
            Verdict::Kept(answer) => self.count(&center, source, held, answer),
            Verdict::Repeated(_) => self.metrics.repeated.with_label_values(&[&center]).inc(),
            _ => {}
        }
        Ok(verdict)
    }

    /// The center's profile in force.
    pub fn profile(&self, center: &str) -> Result<Arc<(String, Profile)>, Refusal> {
        self.profiles.current(center).ok_or_else(|| match self.profiles.names().is_empty() {
            true => Refusal::NotReady,
            false => Refusal::UnknownCenter,
        })
    }

    /// The faults that a submission would be told of, if it would be taken with them.
    ///
    /// # Errors
    /// It would be refused.
    pub fn faults(&self, profile: &Profile, submission: &Submission) -> Result<Vec<FieldFault>, Refusal> {
        Ok(self.check(profile, submission)?.1.faults)
    }

    /// Reads answers that are mended by the form that asked for them.
    ///
    /// # Errors
    /// Nobody could act on them, or the center has no such form any more.
    pub fn read_answers(
        &self,
        profile: &Profile,
        (form_id, language): (&str, &str),
        given: &BTreeMap<String, String>,
    ) -> Result<Checked, Refusal> {
        let form = profile.form(form_id).ok_or(Refusal::UnknownForm)?;
        check(form, given, self.reading(profile, language), false).map_err(Refusal::Faults)
    }

    /// What can be read of answers that nobody was asked for, such as those of a patient's news.
    pub fn read_in_part(&self, profile: &Profile, form: &Form, given: &BTreeMap<String, String>) -> Answers {
        before_asking(form, given, self.reading(profile, "")).answers
    }

    fn reading<'p>(&self, profile: &'p Profile, language: &'p str) -> Reading<'p> {
        Reading {
            language: profile.language_or_default(language),
            region: &profile.center.default_region,
            today: profile.zone().to_datetime(self.clock.now()).date(),
        }
    }

    fn check<'p>(&self, profile: &'p Profile, submission: &Submission) -> Result<(&'p Form, Checked), Refusal> {
        let form = profile.form(&submission.form_id).ok_or(Refusal::UnknownForm)?;
        let reading = self.reading(profile, &submission.language);
        if submission.missed_call {
            return Ok((form, before_asking(form, &submission.answers, reading)));
        }
        let checked = check(form, &submission.answers, reading, submission.strict).map_err(Refusal::Faults)?;
        Ok((form, checked))
    }

    /// Reads, checks and seals.
    ///
    /// # Errors
    /// Nobody could act on it, or it names what the profile does not have.
    pub fn prepare(&self, profile: &Profile, submission: &Submission, trace: TraceContext) -> Result<Arrival, Refusal> {
        if profile.form(&submission.form_id).is_none() {
            return Err(Refusal::UnknownForm);
        }
        if submission.referring_office.as_deref().is_some_and(|told| travel::office(profile, told).is_none()) {
            return Err(Refusal::UnknownOffice);
        }
        if submission.idempotency_key.as_deref().is_some_and(|key| !is_fit_key(key)) {
            return Err(Refusal::UnfitKey);
        }
        let (form, checked) = self.check(profile, submission)?;
        let today = self.reading(profile, &submission.language).today;
        let facts = travel::facts(profile, form, submission, (&checked.answers, today));
        let inquiry_id = self.clock.new_id();
        let refuse = |cause| {
            error!(%cause, "seal a person");
            Refusal::Internal
        };
        let sealed = self.seal(inquiry_id, profile, submission, &checked.answers).map_err(refuse)?;
        let key = self.key(submission).map_err(refuse)?;
        let faults = checked.faults.into_iter().map(|fault| wire::FieldFault {
            field: fault.field,
            code: fault.code.as_str().to_owned(),
            message: fault.message,
        });
        let faults: Vec<_> = faults.collect();
        Ok(Arrival {
            inquiry_id,
            prefix: profile.center.prefix.clone(),
            key,
            consult_type: facts.consult_type.as_str(),
            source: facts.source.as_str(),
            facts: wire::Facts { needs_repair: !faults.is_empty(), ..convert::facts_to_wire(inquiry_id, &facts) },
            sealed,
            held: checked.held,
            signs: checked.held.then_some(Sign::Trap.word()).into_iter().collect(),
            faults,
            trace,
            message: None,
            showing_id: None,
        })
    }

    /// The person, sealed with the center's key and bound to the inquiry.
    fn seal(
        &self,
        inquiry_id: Uuid,
        profile: &Profile,
        submission: &Submission,
        answers: &Answers,
    ) -> Result<Vec<u8>, SealError> {
        let given = with_language(profile, submission);
        let bytes = person::write(answers, &given, &submission.attribution);
        self.sealer.seal(&submission.center, &person::context(inquiry_id), &bytes)
    }

    /// The keyed hashes of the sender's key and of what was sent: a plain hash would tell whoever guesses a name that it is right.
    fn key(&self, submission: &Submission) -> Result<Option<KeyHashes>, SealError> {
        let Some(key) = &submission.idempotency_key else { return Ok(None) };
        let kept = self.sealer.blind(&submission.center, KEY_HASH, &own_name(submission, key))?;
        let hash = self.sealer.blind(&submission.center, CONTENT_HASH, &submission.canonical())?;
        Ok(Some((kept, hash)))
    }

    /// What is kept of a feed's key.
    ///
    /// # Errors
    /// The cryptographic library refused.
    pub fn kept_key(&self, center: &str, key: &str) -> Result<[u8; 16], Refusal> {
        self.sealer.blind(center, KEY_HASH, key).map_err(|cause| {
            error!(%cause, "hash a key");
            Refusal::Internal
        })
    }

    /// Counts an inquiry that stands now.
    pub fn count(&self, center: &str, source: &str, held: bool, answer: &Answer) {
        self.metrics.received.with_label_values(&[center, source]).inc();
        if held {
            self.metrics.held.with_label_values(&[center]).inc();
        }
        for fault in &answer.to_repair {
            self.metrics.faults.with_label_values(&[center, &fault.code]).inc();
        }
    }
}

/// Most characters of a language's tag that is kept as it was told (RFC 5646, section 4.4.1).
const LONGEST_TAG: usize = 35;

/// What was told, and beside it the language that was told and the center does not speak: whoever calls needs somebody who does.
fn with_language<'s>(profile: &Profile, submission: &'s Submission) -> Cow<'s, BTreeMap<String, String>> {
    let (language, told) = (submission.language.as_str(), &submission.answers);
    let is_spoken = match language {
        "" => submission.referring_office.is_none() || !told.contains_key(LANGUAGE_TOLD),
        tag => profile.language(tag).is_some(),
    };
    // Anybody fills in a form: what is no tag at all is nobody's language.
    let is_tag =
        language.len() <= LONGEST_TAG && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_spoken || !is_tag && submission.referring_office.is_none() {
        return Cow::Borrowed(told);
    }
    let mut told = told.clone();
    for (key, answer) in [(LANGUAGE_TOLD, language), (INTERPRETER, "yes")] {
        told.entry(key.to_owned()).or_insert_with(|| answer.to_owned());
    }
    Cow::Owned(told)
}

/// What a feed knows a referral by, as a key of ours: the parts of its own number, whatever the format.
pub fn referral_key<'a>(feed: &'a str, number: impl IntoIterator<Item = &'a str>) -> String {
    fingerprint(std::iter::once(feed).chain(number))
}

/// A key as it is hashed. Whoever fills in a form chooses any key, so theirs have a name of their own: none of them can stand
/// where a feed's referral number would, which is known by the key as it is.
fn own_name<'s>(submission: &Submission, key: &'s str) -> Cow<'s, str> {
    match submission.referring_office {
        Some(_) => Cow::Borrowed(key),
        None => Cow::Owned(format!("sender:{key}")),
    }
}
