//! A partner's HL7 message: from the bytes of a frame to what is kept of it, and to the replies.
//!
//! A reply is made after the commit and from what was committed, so that the same message gets the same reply however
//! often it comes. What is refused is kept as well, as evidence for the engineer who is asked about it; what only a person
//! can settle is parked. Deliberately not here: how a message is read (adapters), news (below) and connections (mllp).

pub(super) mod news;

use std::sync::Arc;

use causeway_auth::{SealError, fingerprint};
use causeway_envelope::TraceContext;
use causeway_funnel::inquiry::Source;
use causeway_funnel::profile::{Feed, Profile};
use causeway_mailbox::Database;
use jiff::tz::TimeZone;
use tracing::{Instrument as _, error, info_span, warn};
use uuid::Uuid;

use super::accept::{Acceptance, referral_key};
use super::keep::{self, Fate};
use super::limit::Sent;
use super::tls::Certificate;
use super::told::{Stand, texts};
use crate::adapters::hl7::charset::{self, Decoded};
use crate::adapters::hl7::documents;
use crate::adapters::hl7::fault::{Code, Fault};
use crate::adapters::hl7::intake::{self, Expectations, Opened, Topic, Unopened, Verb};
use crate::adapters::hl7::referral::Referral;
use crate::adapters::hl7::reply::{Outcome, Verdict as Judged};
use crate::adapters::hl7::time::When;
use crate::domain::referral;
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::metrics::Metrics;
use crate::store::messages::{self, REFUSED, Standing};
use crate::store::referrals;
use crate::writer::heard::{ACCEPTED, ATTACHMENT, CONTROL_ID_REUSED, PARKED, REFERRAL_CHANGED, REFERRAL_REOPENED};
use crate::writer::{Heard, Verdict};

/// Purpose of the keyed hash of who sent a message under which control id.
const CONTROL_KEY: &str = "hl7.control";
/// Purpose of the keyed hash of what a message says.
const CONTENT_HASH: &str = "hl7.content";

/// A new referral, as [`kind`] tells it.
const NEW_REFERRAL: &str = "REF^I12";

/// What hears messages.
pub struct Hearing {
    /// Where referrals go.
    pub acceptance: Arc<Acceptance>,
    /// Where other messages are kept.
    pub database: Database,
    /// The processing id that is taken: `P` where real patients are.
    pub processing_id: String,
}

/// What the connection does after a message.
#[derive(Default)]
pub struct Heeded {
    /// The replies, in their order.
    pub replies: Vec<Vec<u8>>,
    /// Nothing could be kept: the connection is closed, and the sender sends again by itself.
    pub hang_up: bool,
    /// Whose messages these were: they count.
    pub counted: Vec<Sent>,
}

/// A message and all that is known of it before it is written.
struct Heading<'a> {
    decoded: &'a Decoded<'a>,
    opened: &'a Opened<'a>,
    profile: &'a Profile,
    feed: &'a Feed,
    message_id: Uuid,
}

/// What stands of a message, and what its sender is told.
struct Kept {
    message_id: Uuid,
    judged: Judged,
    /// The request number of its inquiry.
    reference: Option<String>,
    /// Where its referral stands.
    stand: Stand,
}

impl Hearing {
    /// Hears what came in one frame.
    pub async fn hear(&self, frame: &[u8], certificate: Option<&Certificate>) -> Heeded {
        let decoded = charset::decode(frame);
        match intake::open(&decoded) {
            Ok(opened) => self.one(&decoded, &opened, (frame, certificate)).await,
            Err(Unopened::Batch(batch)) => self.batch(&decoded, &batch, certificate).await,
            Err(Unopened::Silent(silence)) => {
                self.unaddressed(&silence, frame.len());
                Heeded::default()
            }
        }
    }

    /// Nobody can be told: it is counted, so that somebody asks.
    fn unaddressed(&self, cause: &dyn std::fmt::Display, bytes: usize) {
        warn!(%cause, bytes, "a message that no reply can be addressed to");
        self.metrics().heard.with_label_values(&["unknown", "unaddressed"]).inc();
    }

    /// Each message of a file as if it had come alone; none where the file was cut.
    async fn batch(
        &self,
        decoded: &Decoded<'_>,
        batch: &crate::adapters::hl7::batch::Batch<'_>,
        certificate: Option<&Certificate>,
    ) -> Heeded {
        let mut heeded = Heeded::default();
        if let Some(fault) = batch.fault {
            let judged = Judged::refused(Outcome::Error, fault);
            let id = self.acceptance.clock.new_id();
            let texts = texts(&batch.header, &judged, None, (id, &TimeZone::UTC));
            heeded.replies.extend(texts.iter().map(|text| decoded.encode(text).into_owned()));
            self.metrics().heard.with_label_values(&["unknown", "batch_refused"]).inc();
            return heeded;
        }
        for text in &batch.messages {
            let Ok(opened) = intake::open_text(text, decoded.oddity) else {
                self.unaddressed(&"a message of a batch", text.len());
                continue;
            };
            // Kept in the character set that it names: by that it is read when it is tried again.
            let one = self.one(decoded, &opened, (&decoded.encode(text), certificate)).await;
            heeded.replies.extend(one.replies);
            heeded.counted.extend(one.counted);
            if one.hang_up {
                heeded.hang_up = true;
                break;
            }
        }
        heeded
    }

    async fn one(
        &self,
        decoded: &Decoded<'_>,
        opened: &Opened<'_>,
        (raw, certificate): (&[u8], Option<&Certificate>),
    ) -> Heeded {
        let message_id = self.acceptance.clock.new_id();
        let Some(in_force) = self.addressee(opened) else {
            return self.turned_away(decoded, opened, ("unknown", "misdirected", intake::misdirected()));
        };
        let profile = &in_force.1;
        let Some(feed) = profile.feeds.hl7(&opened.header.sending_facility()) else {
            return self.turned_away(decoded, opened, ("unknown", "misdirected", intake::misdirected()));
        };
        if !is_proven(feed, certificate) {
            warn!(
                feed = feed.id,
                "a message of a feed that is known by its certificate came without it; it is not kept"
            );
            return self.turned_away(decoded, opened, (&feed.id, "wrong_certificate", intake::unproven()));
        }
        let sent = Sent { center: profile.center.id.clone(), feed: feed.id.clone(), per_minute: feed.rate_per_minute };
        let heeded = self.heeded(Heading { decoded, opened, profile, feed, message_id }, raw).await;
        Heeded { counted: vec![sent], ..heeded }
    }

    async fn heeded(&self, heading: Heading<'_>, raw: &[u8]) -> Heeded {
        let feed = heading.feed;
        let span = info_span!(
            "hear",
            otel.name = "hl7 message",
            otel.kind = "server",
            causeway.service = "ingestion",
            feed = feed.id.as_str(),
        );
        match self.heed(&heading, raw).instrument(span).await {
            Ok(Some(kept)) => self.replies(&heading, &kept),
            Ok(None) => Heeded::default(),
            Err(refusal) => {
                error!(cause = %refusal, feed = feed.id, "keep a message; its sender will send it again");
                let judged = Judged { outcome: Outcome::Unavailable, faults: Vec::new() };
                let kept = Kept { message_id: heading.message_id, judged, reference: None, stand: Stand::Pending };
                Heeded { hang_up: true, ..self.replies(&heading, &kept) }
            }
        }
    }

    /// The center that the message names, by the name that offices call it.
    fn addressee(&self, opened: &Opened<'_>) -> Option<Arc<(String, Profile)>> {
        let profiles = &self.acceptance.profiles;
        profiles.names().iter().filter_map(|name| profiles.current(name)).find(|in_force| {
            let facility = in_force.1.feeds.receiving_facility.as_deref();
            facility.is_some_and(|facility| opened.header.is_for_facility(facility))
        })
    }

    /// A message for somebody else, or of somebody who can not show who they are, is not kept: it may be about a person who is
    /// none of ours.
    fn turned_away(
        &self,
        decoded: &Decoded<'_>,
        opened: &Opened<'_>,
        (feed, outcome, judged): (&str, &str, Judged),
    ) -> Heeded {
        self.metrics().heard.with_label_values(&[feed, outcome]).inc();
        let texts = texts(&opened.header, &judged, None, (self.acceptance.clock.new_id(), &TimeZone::UTC));
        let replies = texts.iter().map(|text| decoded.encode(text).into_owned()).collect();
        Heeded { replies, ..Heeded::default() }
    }

    /// Keeps a message as what it is; nothing where no reply is due.
    async fn heed(&self, heading: &Heading<'_>, raw: &[u8]) -> Result<Option<Kept>, Refusal> {
        let profile = heading.profile;
        let today = profile.zone().to_datetime(self.acceptance.clock.now()).date();
        let intake = heading.opened.classify(&Expectations {
            receiving_facility: profile.feeds.receiving_facility.as_deref(),
            receiving_application: None,
            processing_id: &self.processing_id,
            takes_visits: false,
            zone: profile.zone(),
            today,
            mapping: heading.feed.hl7.as_ref(),
        });
        for oddity in &intake.oddities {
            self.metrics().oddities.with_label_values(&[&heading.feed.id, oddity.word()]).inc();
        }
        match intake.topic {
            Topic::Referral(Verb::New, referral) if referral.unknown_code.is_some() => {
                self.keep(heading, raw, (PARKED, CODE_UNKNOWN, None), intake.verdict).await.map(Some)
            }
            Topic::Referral(Verb::New, referral) => {
                self.referral(heading, raw, referral, intake.verdict).await.map(Some)
            }
            Topic::Referral(verb, referral) => {
                let reason = match verb {
                    Verb::Modify => "referral_modified",
                    Verb::Cancel => "referral_cancelled",
                    Verb::New | Verb::Status => "",
                };
                self.about_a_referral(heading, raw, (reason, referral, intake.verdict)).await.map(Some)
            }
            Topic::Attachment => self.attachment(heading, raw, intake.verdict).await.map(Some),
            Topic::Visit => self.keep(heading, raw, (PARKED, ATTACHMENT, None), intake.verdict).await.map(Some),
            Topic::Answer => Ok(None),
            Topic::Refused => {
                let word = intake.verdict.faults.first().map_or("unknown", |fault| fault.code.text());
                self.keep(heading, raw, (REFUSED, word, None), intake.verdict).await.map(Some)
            }
        }
    }

    /// A new referral is an inquiry like everybody's, committed together with its message.
    async fn referral(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        referral: Referral,
        judged: Judged,
    ) -> Result<Kept, Refusal> {
        let (message_id, heard) = (heading.message_id, self.heard(heading, raw)?);
        let submission = submission(heading, referral)?;
        let trace = TraceContext::current_or(&TraceContext::default());
        let verdict = self.acceptance.write(heading.profile, submission, Some(heard), trace).await?;
        let kept = |judged, reference| Kept { message_id, judged, reference, stand: Stand::Pending };
        Ok(match verdict {
            Verdict::Kept(answer) | Verdict::Repeated(answer) => kept(judged, Some(answer.reference)),
            Verdict::HeardBefore(same) => before(*same, judged),
            Verdict::ControlIdReused => kept(intake::control_id_reused(), None),
            Verdict::KeyReused(_) | Verdict::Reopened(_) => kept(judged, None),
            Verdict::NoNumber => return Err(Refusal::Unavailable),
        })
    }

    /// A change, a cancellation or a question about a referral that should be known.
    async fn about_a_referral(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (reason, referral, judged): (&'static str, Referral, Judged),
    ) -> Result<Kept, Refusal> {
        let key = match &referral.identity {
            Some(identity) => {
                Some(self.acceptance.kept_key(&heading.profile.center.id, &business_key(heading, identity))?)
            }
            None => None,
        };
        let reference = referral.reference.clone().unwrap_or_default();
        let known = keep::known(&self.database, &heading.profile.center.id, key, reference).await?;
        let inquiry = known.as_ref().map(|(inquiry, _)| *inquiry);
        let (state, reason, judged) = match (reason, inquiry) {
            ("", Some(inquiry)) => {
                let kept = self.question(heading, raw, (inquiry, judged)).await?;
                return Ok(Kept { reference: known.map(|(_, reference)| reference), ..kept });
            }
            ("", None) => (REFUSED, "unknown_referral", Judged::refused(Outcome::Error, UNKNOWN_REFERRAL)),
            (reason, Some(_)) => (PARKED, reason, judged),
            // It may have overtaken the referral itself.
            (_, None) => (PARKED, "unknown_referral", judged),
        };
        let kept = self.keep(heading, raw, (state, reason, inquiry), judged).await?;
        Ok(Kept { reference: known.map(|(_, reference)| reference), ..kept })
    }

    /// A question is answered, and nothing is to be done about it. Asked again by the same message it gets the same answer.
    async fn question(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (inquiry, judged): (Uuid, Judged),
    ) -> Result<Kept, Refusal> {
        let center = &heading.profile.center.id;
        let feed = heading.feed.id.clone();
        let known = self.database.read(center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(referrals::of_feed(tx, &feed, &[inquiry]).await?) })
        });
        // Asked for under our number by a feed that did not send it: of that one, nothing more is told.
        let stand = known
            .await?
            .pop()
            .map_or(Stand::Pending, |known| Stand::of(super::fhir::standing(known).status(), self.has_passed(heading)));
        let (message_id, heard) = (heading.message_id, self.heard_as_kept(heading, raw).await?);
        let fate = Fate { state: ACCEPTED, reason: "", inquiry_id: Some(inquiry) };
        let (kept, word) = keep::question(&self.database, center, (heard, fate), stand.word()).await?;
        let kept = match kept {
            keep::Kept::Before(same) => before(same, judged),
            keep::Kept::ControlIdReused => {
                Kept { message_id, judged: intake::control_id_reused(), reference: None, stand: Stand::Pending }
            }
            keep::Kept::New => Kept { message_id, judged, reference: None, stand: Stand::Pending },
        };
        Ok(Kept { stand: Stand::parse(&word), ..kept })
    }

    /// Whether the day until which the office wants its referral acted on (RF1-8) is over.
    fn has_passed(&self, heading: &Heading<'_>) -> bool {
        let zone = heading.profile.zone();
        let told = When::parse(&heading.opened.message.value("RF1", 8, 1), zone).and_then(|when| when.date());
        told.is_some_and(|day| day < zone.to_datetime(self.acceptance.clock.now()).date())
    }

    /// The message as it is kept; under the hash that it bore when only the body was hashed, if it was kept so.
    async fn heard_as_kept(&self, heading: &Heading<'_>, raw: &[u8]) -> Result<Heard, Refusal> {
        let mut heard = self.heard(heading, raw)?;
        let center = &heading.profile.center.id;
        let body = heading.opened.message.body();
        let old = self.acceptance.sealer.blind(center, CONTENT_HASH, body).map_err(internal)?;
        let (key, kind) = (heard.hashes.0, heard.kind.clone());
        let kept = self.database.read(center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(messages::is_kept(tx, &key, &old, &kind).await?) })
        });
        if kept.await? {
            heard.hashes.1 = old;
        }
        Ok(heard)
    }

    /// Keeps a message of which no inquiry is made.
    async fn keep(
        &self,
        heading: &Heading<'_>,
        raw: &[u8],
        (state, reason, inquiry_id): (&'static str, &'static str, Option<Uuid>),
        judged: Judged,
    ) -> Result<Kept, Refusal> {
        let (message_id, heard) = (heading.message_id, self.heard_as_kept(heading, raw).await?);
        let fate = Fate { state, reason, inquiry_id };
        Ok(match keep::message(&self.database, &heading.profile.center.id, heard, fate).await? {
            keep::Kept::Before(same) => before(same, judged),
            keep::Kept::ControlIdReused => {
                Kept { message_id, judged: intake::control_id_reused(), reference: None, stand: Stand::Pending }
            }
            keep::Kept::New => Kept { message_id, judged, reference: None, stand: Stand::Pending },
        })
    }

    /// The message as it is kept.
    fn heard(&self, heading: &Heading<'_>, raw: &[u8]) -> Result<Heard, Refusal> {
        Ok(Heard {
            message_id: heading.message_id,
            feed: heading.feed.id.clone(),
            kind: kind(heading.opened),
            hashes: self.hashes(heading).map_err(internal)?,
            sealed: self.seal(heading, raw).map_err(internal)?,
            carries: documents::valid(&heading.opened.message).next().is_some(),
        })
    }

    fn replies(&self, heading: &Heading<'_>, kept: &Kept) -> Heeded {
        let outcome = match kept.judged.outcome {
            Outcome::Accepted => "accepted",
            Outcome::Error => "error",
            Outcome::Rejected => "rejected",
            Outcome::Unavailable => "unavailable",
        };
        self.metrics().heard.with_label_values(&[&heading.feed.id, outcome]).inc();
        let is_referral = heading.opened.header.message_type() == "REF";
        let answered =
            kept.reference.as_deref().filter(|_| is_referral).map(|reference| (heading.opened, reference, kept.stand));
        let signed = (kept.message_id, heading.profile.zone());
        let texts = texts(&heading.opened.header, &kept.judged, answered, signed);
        Heeded {
            replies: texts.iter().map(|text| heading.decoded.encode(text).into_owned()).collect(),
            ..Heeded::default()
        }
    }

    fn hashes(&self, heading: &Heading<'_>) -> Result<([u8; 16], [u8; 16]), SealError> {
        let (center, sealer) = (&heading.profile.center.id, &self.acceptance.sealer);
        let [application, facility, control_id] = heading.opened.sender();
        let key = fingerprint([heading.feed.id.as_str(), &application, &facility, &control_id]);
        let (kind, body) = (kind(heading.opened), heading.opened.message.body());
        // A withdrawal may hold the very segments of its referral. A new referral is hashed by its body alone, as all were once.
        let content = if kind == NEW_REFERRAL {
            sealer.blind(center, CONTENT_HASH, body)?
        } else {
            sealer.blind(center, CONTENT_HASH, &fingerprint([kind.as_str(), body]))?
        };
        Ok((sealer.blind(center, CONTROL_KEY, &key)?, content))
    }

    fn seal(&self, heading: &Heading<'_>, raw: &[u8]) -> Result<Vec<u8>, SealError> {
        let context = format!("messages.sealed:{}", heading.message_id);
        self.acceptance.sealer.seal(&heading.profile.center.id, &context, raw)
    }

    fn metrics(&self) -> &Metrics {
        &self.acceptance.metrics
    }
}

const UNKNOWN_REFERRAL: Fault =
    Fault::at("RF1", 6, Code::UnknownKey, "No referral is known under this number: send it as a new referral");

/// Whether a connection shows whose it is, where the profile says by which certificate a feed is known.
fn is_proven(feed: &Feed, shown: Option<&Certificate>) -> bool {
    let is_shown = |known: &String| hex::decode(known).is_ok_and(|known| shown.is_some_and(|shown| *known == *shown));
    feed.certificate_sha256.is_empty() || feed.certificate_sha256.iter().any(is_shown)
}

/// A code of the office is in no table of its mapping, and the mapping says that such a referral waits.
pub const CODE_UNKNOWN: &str = "code_unknown";

fn internal(cause: SealError) -> Refusal {
    error!(%cause, "seal a message");
    Refusal::Internal
}

/// What became of the same message when it came first.
fn before(same: Standing, judged: Judged) -> Kept {
    let judged = match judged.outcome {
        _ if same.reason == CONTROL_ID_REUSED => intake::control_id_reused(),
        Outcome::Accepted => judged,
        // It stands, whatever would be said of it today.
        _ if same.state != REFUSED => Judged::ACCEPTED,
        _ => judged,
    };
    let reference = same.reference.filter(|_| ![REFERRAL_CHANGED, REFERRAL_REOPENED].contains(&same.reason.as_str()));
    Kept { message_id: same.message_id, judged, reference, stand: Stand::Pending }
}

/// Type and event as they are listed: words of the standard, and nothing else that a sender may have put there.
fn kind(opened: &Opened<'_>) -> String {
    let (told, event) = (opened.header.message_type(), opened.header.event());
    let known = ["REF", "ADT", "ORU", "MDM", "SIU"].into_iter().find(|kind| *kind == told.as_ref()).unwrap_or("other");
    let is_event = matches!(event.as_bytes(), [letter, digits @ ..] if letter.is_ascii_uppercase()
        && digits.len() == 2 && digits.iter().all(u8::is_ascii_digit));
    if is_event { format!("{known}^{event}") } else { known.to_owned() }
}

/// What an office knows a referral by, as a key of ours.
fn business_key(heading: &Heading<'_>, identity: &str) -> String {
    referral_key(&heading.feed.id, [identity])
}

fn submission(heading: &Heading<'_>, told: Referral) -> Result<Submission, Refusal> {
    let asked = asked(&heading.feed.id, told);
    referral::submission(heading.profile, &heading.feed.id, Source::Hl7, asked).ok_or(Refusal::UnknownForm)
}

/// What a referral of a feed asks for, under the key by which that feed knows it.
pub fn asked(feed: &str, told: Referral) -> referral::Asked {
    referral::Asked {
        key: told.identity.as_deref().map(|identity| referral_key(feed, [identity])),
        answers: told.answers,
        language: told.language,
        urgency: told.urgency,
        second_opinion: told.second_opinion,
    }
}
