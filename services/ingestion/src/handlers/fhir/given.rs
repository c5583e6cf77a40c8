//! What is given in: from the bytes of a body to what is kept of it.
//!
//! An answer is made after the commit and from what was committed, so that the same request gets the same answer. What is
//! refused is kept as well, as evidence for the engineer who is asked about it; what only a person can settle is parked.
//! Deliberately not here: how an answer is written (told).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use causeway_auth::{SealError, fingerprint};
use causeway_envelope::TraceContext;
use causeway_funnel::inquiry::Source;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tracing::{Instrument as _, error, info_span};
use uuid::Uuid;

use super::read::{Read, checked, read};
use super::sender::Sender;
use super::told::{self, Fate, Told};
use super::{Door, line_of, said, status_of};
use crate::adapters::fhir::carried;
use crate::adapters::fhir::check;
use crate::adapters::fhir::fault::{Issue, Severity, status};
use crate::adapters::fhir::intake::Topic;
use crate::adapters::fhir::number::Numbers;
use crate::adapters::fhir::outcome::{Line, lines};
use crate::adapters::fhir::referral::{Referral, Verb};
use crate::adapters::fhir::task::Standing;
use crate::domain::journey::Journey;
use crate::domain::referral;
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::accept::referral_key;
use crate::handlers::keep;
use crate::store::messages::{self, Further, Number, REFUSED};
use crate::writer::heard::{ACCEPTED, ATTACHMENT, CONTROL_ID_REUSED, PARKED, REFERRAL_CHANGED, REFERRAL_REOPENED};
use crate::writer::{Answer, Heard, Verdict};

/// Purpose of the keyed hash of who sent a request under which number.
const CONTROL_KEY: &str = "fhir.control";
/// Purpose of the keyed hash of an office's number.
const NUMBER_KEY: &str = "fhir.number";
/// Purpose of the keyed hash of what a request says.
const CONTENT_HASH: &str = "fhir.content";

/// `POST [base]` and `POST [base]/$process-message`
pub async fn anything(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    give(&door, &center, &headers, body, None).await
}

/// `POST [base]/ServiceRequest`
pub async fn request(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    give(&door, &center, &headers, body, Some("ServiceRequest")).await
}

/// `POST [base]/QuestionnaireResponse`
pub async fn form(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    give(&door, &center, &headers, body, Some("QuestionnaireResponse")).await
}

/// `POST [base]/$validate` and `POST [base]/[type]/$validate`: the same faults and those of its shape, and nothing is kept.
pub async fn validated(
    door: &Arc<Door>,
    center: &str,
    headers: &HeaderMap,
    (asked, body): (check::Asked, Body),
) -> Response {
    let read = match checked(door, center, headers, body, asked).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let mut told = lines(&read.intake.faults);
    if let Topic::Form(form) = &read.intake.topic {
        told.extend(read.form_faults(door, form));
    }
    let is_refused = told.iter().any(|line| line.expression == check::MODE);
    said(if is_refused { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &told)
}

async fn give(door: &Arc<Door>, center: &str, headers: &HeaderMap, body: Body, only: Option<&'static str>) -> Response {
    let mut read = match read(door, center, headers, body, only).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let feed = read.sender.feed.id.clone();
    let feed = feed.as_str();
    let span =
        info_span!("give", otel.name = "fhir request", otel.kind = "server", causeway.service = "ingestion", feed);
    let endpoint = door.endpoint(center, headers);
    let told = read.keep(door).instrument(span).await;
    let metrics = &door.acceptance.metrics;
    for oddity in &read.intake.oddities {
        metrics.oddities.with_label_values(&[feed, oddity.0]).inc();
    }
    let told = told.unwrap_or_else(|refusal| {
        error!(cause = %refusal, feed, "keep a request; its sender is asked to send it again");
        Told::unavailable(status_of(&refusal), line_of(&refusal))
    });
    metrics.heard.with_label_values(&[feed, told.outcome()]).inc();
    let signed = (read.message_id, door.acceptance.clock.now());
    told::response(&read.intake.letter, &told, (&endpoint, headers), signed)
}

impl Read {
    /// Keeps a request as what it is.
    async fn keep(&mut self, door: &Door) -> Result<Told, Refusal> {
        if let Some(told) = self.settle(door).await? {
            return Ok(told);
        }
        match &self.intake.topic {
            Topic::Refused => self.refuse(door, lines(&self.intake.faults), status(&self.intake.faults)).await,
            Topic::Referral(told) => match told.verb {
                Verb::New => {
                    let submission = self.submission(told)?;
                    self.write(door, submission, lines(&self.intake.faults)).await
                }
                Verb::About(reason) => self.about(door, told, reason).await,
                Verb::Status => self.status(door, told).await,
            },
            Topic::Form(told) => self.form(door, told).await,
            // A Task is given in under its own address.
            Topic::Withdrawal(_) => Err(Refusal::Internal),
        }
    }

    fn submission(&self, told: &Referral) -> Result<Submission, Refusal> {
        let asked = referral::Asked {
            answers: told.answers.clone(),
            language: told.language.clone(),
            urgency: told.urgency.raised(),
            second_opinion: told.second_opinion.then_some(true),
            key: Some(self.key(told)),
        };
        referral::submission(self.sender.profile(), &self.sender.feed.id, Source::Fhir, asked)
            .ok_or(Refusal::UnknownForm)
    }

    /// A new referral is an inquiry like everybody's, committed together with its message.
    pub async fn write(&self, door: &Door, submission: Submission, mut said: Vec<Line>) -> Result<Told, Refusal> {
        let heard = self.heard(door)?;
        let trace = TraceContext::current_or(&TraceContext::default());
        let verdict = match door.acceptance.write(self.sender.profile(), submission, Some(heard), trace).await {
            Ok(verdict) => verdict,
            Err(Refusal::Faults(faults)) => {
                let told = faults
                    .iter()
                    .map(|fault| self.field((&fault.field, fault.code.as_str(), &fault.message), Severity::Error));
                return self.refuse(door, told.collect(), 422).await;
            }
            Err(other) => return Err(other),
        };
        Ok(match verdict {
            Verdict::Kept(answer) => {
                let faults = answer.to_repair.iter();
                said.extend(
                    faults.map(|fault| self.field((&fault.field, &fault.code, &fault.message), Severity::Warning)),
                );
                let is_form = matches!(self.intake.topic, Topic::Form(_));
                let numbers = self.intake.topic.numbers().into_iter().flat_map(Numbers::all).cloned().collect();
                let standing = Standing { numbers, ..standing(&answer, is_form)? };
                self.told(standing, Fate::New, said)
            }
            Verdict::Repeated(answer) => {
                self.told(self.known(door, parsed(&answer.inquiry_id)?).await?, Fate::Repeated, said)
            }
            Verdict::KeyReused(inquiry) => self.told(self.known(door, inquiry).await?, Fate::Changed, said),
            Verdict::Reopened(answer) => {
                self.told(self.known(door, parsed(&answer.inquiry_id)?).await?, Fate::Parked, said)
            }
            Verdict::ControlIdReused => Told::number_reused(),
            Verdict::HeardBefore(same) => self.before(door, *same).await?,
            Verdict::NoNumber => return Err(Refusal::Unavailable),
        })
    }

    /// A change or a withdrawal of a referral that should be known: a person acts on it.
    async fn about(&self, door: &Door, told: &Referral, reason: &'static str) -> Result<Told, Refusal> {
        let key = door.acceptance.kept_key(self.sender.center(), &self.key(told))?;
        let inquiry = self.find(door, told).await?;
        let fate = match inquiry {
            Some(_) => keep::Fate { state: PARKED, reason, inquiry_id: inquiry, early: None },
            // It may have overtaken the referral itself, and is put to it once that has come.
            None => {
                // What names a number of ours alone means no other one of the same patient and day.
                let is_known_by = told.numbers.own.is_some() || told.numbers.ours.is_none();
                let (reason, early) = (told::UNKNOWN_REFERRAL, is_known_by.then_some((key, reason)));
                keep::Fate { state: PARKED, reason, inquiry_id: None, early }
            }
        };
        match keep::message(&door.database, self.sender.center(), self.heard(door)?, fate).await? {
            keep::Kept::New => {}
            keep::Kept::ControlIdReused => return Ok(Told::number_reused()),
            keep::Kept::Before(same) => return self.before(door, same).await,
        }
        let said = lines(&self.intake.faults);
        Ok(match inquiry {
            Some(inquiry) => self.told(self.known(door, inquiry).await?, Fate::Parked, said),
            None => Told::waiting(said),
        })
    }

    /// A question is answered, and nothing is to be done about it.
    async fn status(&self, door: &Door, told: &Referral) -> Result<Told, Refusal> {
        const UNKNOWN: &str = "No referral is known under this number: send it as a new referral";
        let Some(inquiry) = self.find(door, told).await? else {
            let line = Line::new(Severity::Error, Issue::NotFound, UNKNOWN);
            return self.refuse(door, vec![line], 404).await;
        };
        let fate = keep::Fate { state: ACCEPTED, reason: "", inquiry_id: None, early: None };
        if let keep::Kept::ControlIdReused =
            keep::message(&door.database, self.sender.center(), self.heard(door)?, fate).await?
        {
            return Ok(Told::number_reused());
        }
        Ok(self.told(self.known(door, inquiry).await?, Fate::Asked, lines(&self.intake.faults)))
    }

    /// Keeps what is refused, as evidence; what stands already is not refused later.
    pub async fn refuse(&self, door: &Door, said: Vec<Line>, status: u16) -> Result<Told, Refusal> {
        let reason = said.iter().find(|line| matches!(line.severity, Severity::Fatal | Severity::Error));
        let fate = keep::Fate {
            state: REFUSED,
            reason: reason.map_or("invalid", |line| line.issue.code()),
            inquiry_id: None,
            early: None,
        };
        let kept = keep::message(&door.database, self.sender.center(), self.heard(door)?, fate).await?;
        if let keep::Kept::Before(same) = kept
            && same.state != REFUSED
        {
            return self.before(door, same).await;
        }
        Ok(Told::refused(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), said))
    }

    /// What became of the same request when it came first.
    pub async fn before(&self, door: &Door, same: messages::Standing) -> Result<Told, Refusal> {
        if same.reason == CONTROL_ID_REUSED {
            return Ok(Told::number_reused());
        }
        let said = lines(&self.intake.faults);
        let Some(inquiry) = same.inquiry_id else { return Ok(Told::waiting(said)) };
        let fate = match same.reason.as_str() {
            "" | ATTACHMENT if self.takes_up_again(&self.known(door, inquiry).await?) => {
                let reopened = [(same.message_id, PARKED, REFERRAL_REOPENED, Some(inquiry))];
                let parked = door.database.with_tx(self.sender.center(), move |tx| {
                    Box::pin(async move { Ok::<_, Refusal>(messages::correct(tx, &reopened).await?) })
                });
                parked.await?;
                Fate::Parked
            }
            "" | ATTACHMENT => Fate::Repeated,
            REFERRAL_CHANGED => Fate::Changed,
            _ => Fate::Parked,
        };
        Ok(self.told(self.known(door, inquiry).await?, fate, said))
    }

    /// A referral sent alone has no number of the request, so that it can't be told from its first sending. Where it was
    /// withdrawn since, a person looks: nobody else would.
    fn takes_up_again(&self, standing: &Standing) -> bool {
        let is_new = matches!(&self.intake.topic, Topic::Referral(told) if told.verb == Verb::New);
        is_new && self.intake.letter.control.is_none() && (standing.is_withdrawn || standing.is_cancelled)
    }

    fn told(&self, standing: Standing, fate: Fate, said: Vec<Line>) -> Told {
        let place = match &self.intake.topic {
            Topic::Referral(told) => &told.places.request,
            Topic::Form(told) => &told.places.request,
            Topic::Withdrawal(_) | Topic::Refused => "",
        };
        Told::standing((standing, place), fate, said)
    }

    /// What a referral is known by: the office's number, or whom and what it tells of where it has none.
    fn key(&self, told: &Referral) -> String {
        let feed = &self.sender.feed.id;
        match &told.numbers.own {
            Some(number) => business_key(feed, number),
            None => referral_key(feed, ["", "unnumbered", told.likeness.as_str()]),
        }
    }

    /// The inquiry of a referral: by the number that it is known by, else by another one. Who names ours means that one alone.
    pub async fn find(&self, door: &Door, told: &Referral) -> Result<Option<Uuid>, Refusal> {
        if self.about.is_some() {
            return Ok(self.about);
        }
        let is_numbered = told.numbers.own.is_some() || told.numbers.ours.is_some();
        let unnumbered = (!is_numbered).then(|| self.key(told));
        let numbers = told.numbers.all().map(|number| business_key(&self.sender.feed.id, number));
        self.under(door, unnumbered.into_iter().chain(numbers)).await
    }

    /// The inquiry under the first of some keys that leads to one.
    pub async fn under(&self, door: &Door, keys: impl Iterator<Item = String>) -> Result<Option<Uuid>, Refusal> {
        let kept = keys.map(|key| door.acceptance.kept_key(self.sender.center(), &key));
        let keys = kept.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Ok(None);
        }
        let known = keep::known(&door.database, self.sender.center(), keys, None).await?;
        Ok(known.map(|(inquiry, _)| inquiry))
    }

    /// What is known of an inquiry of this feed.
    pub async fn known(&self, door: &Door, inquiry: Uuid) -> Result<Standing, Refusal> {
        let found = super::ask::of_feed(door, &self.sender, vec![inquiry]).await?;
        found.into_iter().next().ok_or(Refusal::Internal)
    }

    /// The request as it is kept.
    pub fn heard(&self, door: &Door) -> Result<Heard, Refusal> {
        let feed = self.sender.feed.id.as_str();
        // Without a number of its own, a request is known by what it says.
        let key = match &self.intake.letter.control {
            Some(number) => fingerprint([feed, "number", number]),
            None => fingerprint([feed, "content", &self.content]),
        };
        self.heard_under(door, &key, &self.content)
    }

    /// The request as it is kept where it calls off the referral of a Task. What is called off stands in the address alone, so
    /// two requests with one body are two, and two for one Task are the same.
    pub fn heard_of_task(&self, door: &Door, inquiry: Uuid, etag: &str) -> Result<Heard, Refusal> {
        // After one that was set aside, another one is no repeat of it.
        let known_by = fingerprint(["withdrawal", self.sender.feed.id.as_str(), &inquiry.to_string(), etag]);
        self.heard_under(door, &known_by, &known_by)
    }

    fn kept_number(&self, door: &Door, number: &(String, String)) -> Result<Number, SealError> {
        let told = serde_json::to_vec(number).map_err(|_| SealError::Seal)?;
        Ok(Number {
            key: number_key(door, &self.sender, &number.1)?,
            sealed: door.acceptance.sealer.seal(self.sender.center(), &number_context(self.message_id), &told)?,
        })
    }

    fn kept_further(&self, door: &Door, number: &(String, String)) -> Result<Further, SealError> {
        let feed = &self.sender.feed.id;
        let is_form = matches!(self.intake.topic, Topic::Form(_));
        let key = if is_form { form_key(feed, number) } else { business_key(feed, number) };
        let key = door.acceptance.kept_key(self.sender.center(), &key).map_err(|_| SealError::Seal)?;
        Ok(Further { key, number: self.kept_number(door, number)? })
    }

    fn heard_under(&self, door: &Door, key: &str, content: &str) -> Result<Heard, Refusal> {
        let numbers = self.intake.topic.numbers();
        let own = numbers.and_then(|numbers| numbers.own.as_ref());
        let further = numbers.into_iter().flat_map(|numbers| &numbers.further);
        let (center, sealer, feed) = (self.sender.center(), &door.acceptance.sealer, self.sender.feed.id.as_str());
        let seal = || -> Result<Heard, SealError> {
            Ok(Heard {
                message_id: self.message_id,
                feed: feed.to_owned(),
                kind: self.intake.letter.kind.to_owned(),
                hashes: (sealer.blind(center, CONTROL_KEY, key)?, sealer.blind(center, CONTENT_HASH, content)?),
                sealed: sealer.seal(center, &format!("messages.sealed:{}", self.message_id), &self.body)?,
                carries: carried::may_be_in(&self.body),
                number: own.map(|number| self.kept_number(door, number)).transpose()?,
                further: further.map(|number| self.kept_further(door, number)).collect::<Result<_, _>>()?,
                may_lead: self.intake.topic.searched().is_none(),
                sent_at: None,
            })
        };
        seal().map_err(|cause| {
            error!(%cause, "seal a request");
            Refusal::Internal
        })
    }
}

/// The keyed hash by which a number of an office is found, whoever gave it.
pub fn number_key(door: &Door, sender: &Sender, value: &str) -> Result<[u8; 16], SealError> {
    let told = fingerprint([sender.feed.id.as_str(), value]);
    door.acceptance.sealer.blind(sender.center(), NUMBER_KEY, &told)
}

/// What a number is sealed to.
pub fn number_context(message_id: Uuid) -> String {
    format!("messages.number:{message_id}")
}

/// What an office knows a referral by, as a key of ours.
pub fn business_key(feed: &str, (system, value): &(String, String)) -> String {
    referral_key(feed, [system.as_str(), value.as_str()])
}

/// The same of the answers of a form: they are no referral, whatever their number.
pub fn form_key(feed: &str, (system, value): &(String, String)) -> String {
    referral_key(feed, ["form", system.as_str(), value.as_str()])
}

/// What stands since a moment ago.
fn standing(answer: &Answer, is_form: bool) -> Result<Standing, Refusal> {
    let at = Timestamp::from_microsecond(answer.received_at).unwrap_or_default();
    Ok(Standing {
        inquiry_id: parsed(&answer.inquiry_id)?,
        reference: answer.reference.clone(),
        is_form,
        received_at: at,
        changed_at: at,
        version: 1,
        is_mended: !answer.to_repair.is_empty(),
        is_withdrawn: false,
        is_changed: false,
        is_cancelled: false,
        numbers: Vec::new(),
        asked: Vec::new(),
        journey: Journey::default(),
    })
}

fn parsed(inquiry: &str) -> Result<Uuid, Refusal> {
    inquiry.parse().map_err(|_| Refusal::Internal)
}
