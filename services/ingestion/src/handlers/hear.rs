//! A partner's HL7 message: from the bytes of a frame to what is kept of it, and to the replies.
//!
//! A reply is made after the commit and from what was committed, so that the same message gets the same reply however
//! often it comes. What is refused is kept as well, as evidence for the engineer who is asked about it; what only a person
//! can settle is parked. Deliberately not here: how a message is read (adapters), what is about a referral that came before, news and
//! what is nobody's (below), and connections (mllp).

mod about;
pub mod early;
pub(super) mod news;
mod nobody;

use std::net::IpAddr;
use std::sync::Arc;

use causeway_auth::{SealError, fingerprint};
use causeway_envelope::TraceContext;
use causeway_funnel::inquiry::Source;
use causeway_funnel::profile::{Feed, FeedKind, Hl7Reply, Profile};
use causeway_mailbox::Database;
use jiff::Timestamp;
use tracing::{Instrument as _, error, info_span, warn};
use uuid::Uuid;

use super::accept::{Acceptance, referral_key};
use super::keep::{self, Fate};
use super::limit::Sent;
use super::tls::Certificate;
use super::told::{Stand, texts};
use super::unaddressed::{Reason, Unaddressed};
use crate::adapters::hl7::charset::{self, Decoded};
use crate::adapters::hl7::documents;
use crate::adapters::hl7::intake::{self, Expectations, Opened, Topic, Unopened, Verb};
use crate::adapters::hl7::referral::Referral;
use crate::adapters::hl7::reply::{Outcome, Verdict as Judged};
use crate::adapters::hl7::time::When;
use crate::domain::referral;
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::metrics::Metrics;
use crate::store::messages::{self, REFUSED, Standing};
use crate::writer::heard::{ATTACHMENT, CONTROL_ID_REUSED, PARKED, REFERRAL_CHANGED, REFERRAL_REOPENED, UNASKED};
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
    /// Where goes what belongs to nobody.
    pub unaddressed: Unaddressed,
}

/// Who is at the other end of a line.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// The certificate that it has shown.
    pub certificate: Option<Certificate>,
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
    /// What is said to that; empty: what its stand alone says.
    remark: String,
    /// The documents that are asked of its office, in words.
    wanted: Vec<String>,
}

impl Kept {
    fn of(message_id: Uuid, judged: Judged, reference: Option<String>) -> Self {
        Self { message_id, judged, reference, stand: Stand::Pending, remark: String::new(), wanted: Vec::new() }
    }

    /// What became of a message that was to be kept. `judged`: what is said of it now, and the number of the inquiry that it is about.
    fn told(kept: keep::Kept, message_id: Uuid, (judged, reference): (Judged, Option<String>)) -> Self {
        match kept {
            keep::Kept::Before(same) => before(same, judged),
            keep::Kept::ControlIdReused => Self::of(message_id, intake::control_id_reused(), None),
            keep::Kept::New => Self::of(message_id, judged, reference),
        }
    }
}

/// A message that waits for a person and is about no inquiry.
fn waits(reason: &'static str) -> Fate {
    Fate { state: PARKED, reason, inquiry_id: None, early: None }
}

impl Hearing {
    /// Hears what came in one frame.
    pub async fn hear(&self, frame: &[u8], peer: &Peer) -> Heeded {
        let decoded = charset::decode(frame);
        match intake::open(&decoded) {
            Ok(opened) => self.one(&decoded, &opened, (frame, peer), None).await,
            Err(Unopened::Batch(batch)) => self.batch(&decoded, &batch, (frame, peer)).await,
            Err(Unopened::Silent(silence)) => self.silent(silence, frame, peer).await,
        }
    }

    /// Hears one message. `kept`: what became of it if it is nobody's, where that was seen to with its file.
    async fn one(
        &self,
        decoded: &Decoded<'_>,
        opened: &Opened<'_>,
        (raw, peer): (&[u8], &Peer),
        kept: Option<&Result<(), Refusal>>,
    ) -> Heeded {
        let message_id = self.acceptance.clock.new_id();
        let in_force = self.addressee(opened);
        let (profile, feed) = match sender(in_force.as_deref(), opened, peer) {
            Ok(known) => known,
            Err((reason, feed)) => {
                let kept = match kept {
                    Some(kept) => kept.clone(),
                    None => self.unaddressed.keep(reason, (raw, peer.address), None).await,
                };
                return self.turned_away(decoded, &opened.header, (reason, feed), kept);
            }
        };
        if let Some(certificate) = peer.certificate.as_ref().filter(|_| !feed.certificate_sha256.is_empty()) {
            let now = self.acceptance.clock.now();
            self.acceptance.credentials.note((&profile.center.id, &feed.id), certificate, now);
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
            Ok(kept) => self.replies(&heading, &kept),
            Err(refusal) => {
                error!(cause = %refusal, feed = feed.id, "keep a message; its sender will send it again");
                let judged = Judged { outcome: Outcome::Unavailable, faults: Vec::new() };
                let kept = Kept::of(heading.message_id, judged, None);
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

    /// Keeps a message as what it is.
    async fn heed(&self, heading: &Heading<'_>, raw: &[u8]) -> Result<Kept, Refusal> {
        let profile = heading.profile;
        let zone = heading.feed.zone(profile.zone());
        let today = zone.to_datetime(self.acceptance.clock.now()).date();
        let intake = heading.opened.classify(&Expectations {
            // Whose it is was said by its header, or by a person against it.
            receiving_facility: None,
            receiving_application: None,
            processing_id: &self.processing_id,
            takes_visits: false,
            zone: &zone,
            today,
            mapping: heading.feed.hl7.as_ref(),
        });
        for oddity in &intake.oddities {
            self.metrics().oddities.with_label_values(&[&heading.feed.id, oddity.word()]).inc();
        }
        match intake.topic {
            Topic::Referral(Verb::New, referral) if referral.unknown_code.is_some() => {
                let key = self.key(heading, &referral)?;
                let fate = Fate { early: key.map(|key| (key, CODE_UNKNOWN)), ..waits(CODE_UNKNOWN) };
                self.keep(heading, raw, fate, intake.verdict).await
            }
            Topic::Referral(Verb::New, referral) => self.referral(heading, raw, referral, intake.verdict).await,
            Topic::Referral(verb, referral) => {
                let reason = match verb {
                    Verb::Modify => "referral_modified",
                    Verb::Cancel => "referral_cancelled",
                    Verb::New | Verb::Status => "",
                };
                self.about_a_referral(heading, raw, (reason, referral, intake.verdict)).await
            }
            Topic::Attachment => self.attachment(heading, raw, intake.verdict).await,
            Topic::Visit => self.keep(heading, raw, waits(ATTACHMENT), intake.verdict).await,
            Topic::Answer => self.keep(heading, raw, Fate { state: REFUSED, ..waits(UNASKED) }, intake.verdict).await,
            Topic::Refused => {
                let word = intake.verdict.faults.first().map_or("unknown", |fault| fault.code.text());
                self.keep(heading, raw, Fate { state: REFUSED, ..waits(word) }, intake.verdict).await
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
        let (message_id, heard) = (heading.message_id, self.heard_as_kept(heading, raw).await?);
        let submission = submission(heading, referral)?;
        let trace = TraceContext::current_or(&TraceContext::default());
        let verdict = self.acceptance.write(heading.profile, submission, Some(heard), trace).await?;
        let kept = |judged, reference| Kept::of(message_id, judged, reference);
        Ok(match verdict {
            Verdict::Kept(answer) | Verdict::Repeated(answer) => kept(judged, Some(answer.reference)),
            Verdict::HeardBefore(same) => before(*same, judged),
            Verdict::ControlIdReused => kept(intake::control_id_reused(), None),
            Verdict::KeyReused(_) | Verdict::Reopened(_) => kept(judged, None),
            Verdict::NoNumber => return Err(Refusal::Unavailable),
        })
    }

    /// The key that is kept of the office's own number of a referral.
    fn key(&self, heading: &Heading<'_>, referral: &Referral) -> Result<Option<[u8; 16]>, Refusal> {
        let kept = |identity| self.acceptance.kept_key(&heading.profile.center.id, &business_key(heading, identity));
        referral.identity.as_deref().map(kept).transpose()
    }

    /// The message as it is kept; under the hash that it bore when all bytes of the body were hashed, or the body alone, if it was kept
    /// so. A new referral as most systems write it was never hashed otherwise, and nothing is looked up for it.
    async fn heard_as_kept(&self, heading: &Heading<'_>, raw: &[u8]) -> Result<Heard, Refusal> {
        let mut heard = self.heard(heading, raw)?;
        let center = &heading.profile.center.id;
        let body = heading.opened.message.body();
        let mut once = vec![self.content(heading, body).map_err(internal)?];
        once.push(self.acceptance.sealer.blind(center, CONTENT_HASH, body).map_err(internal)?);
        once.retain(|hash| *hash != heard.hashes.1);
        if once.is_empty() {
            return Ok(heard);
        }
        let (key, kind) = (heard.hashes.0, heard.kind.clone());
        let kept = self.database.read(center, move |tx| {
            Box::pin(async move {
                let hashes: Vec<&[u8]> = once.iter().map(<[u8; 16]>::as_slice).collect();
                let kept = messages::kept_as(tx, &key, &hashes, &kind).await?;
                Ok::<_, Refusal>(kept.and_then(|hash| hash.try_into().ok()))
            })
        });
        if let Some(old) = kept.await? {
            heard.hashes.1 = old;
        }
        Ok(heard)
    }

    /// Keeps a message of which no inquiry is made.
    async fn keep(&self, heading: &Heading<'_>, raw: &[u8], fate: Fate, judged: Judged) -> Result<Kept, Refusal> {
        let heard = self.heard_as_kept(heading, raw).await?;
        let kept = keep::message(&self.database, &heading.profile.center.id, heard, fate).await?;
        Ok(Kept::told(kept, heading.message_id, (judged, None)))
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
            number: None,
            further: Vec::new(),
            may_lead: false,
            sent_at: sent_at(heading),
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
        let stands = (kept.stand, kept.remark.as_str(), kept.wanted.as_slice());
        let answered = is_referral.then_some((heading.opened, kept.reference.as_deref(), stands));
        let signed = (kept.message_id, heading.profile.zone());
        let texts = texts(&heading.opened.header, &kept.judged, (heading.feed.reply, answered), signed);
        Heeded {
            replies: texts.iter().map(|text| heading.decoded.encode(text).into_owned()).collect(),
            ..Heeded::default()
        }
    }

    fn hashes(&self, heading: &Heading<'_>) -> Result<([u8; 16], [u8; 16]), SealError> {
        let (center, sealer) = (&heading.profile.center.id, &self.acceptance.sealer);
        let [application, facility, control_id] = heading.opened.sender();
        let key = fingerprint([heading.feed.id.as_str(), &application, &facility, &control_id]);
        Ok((sealer.blind(center, CONTROL_KEY, &key)?, self.content(heading, &heading.opened.message.said())?))
    }

    /// What is kept of what a message says.
    fn content(&self, heading: &Heading<'_>, body: &str) -> Result<[u8; 16], SealError> {
        let (center, sealer, kind) = (&heading.profile.center.id, &self.acceptance.sealer, kind(heading.opened));
        // A withdrawal may hold the very segments of its referral. A new referral is hashed by its body alone, as all were once.
        if kind == NEW_REFERRAL {
            return sealer.blind(center, CONTENT_HASH, body);
        }
        sealer.blind(center, CONTENT_HASH, &fingerprint([kind.as_str(), body]))
    }

    fn seal(&self, heading: &Heading<'_>, raw: &[u8]) -> Result<Vec<u8>, SealError> {
        let context = format!("messages.sealed:{}", heading.message_id);
        self.acceptance.sealer.seal(&heading.profile.center.id, &context, raw)
    }

    fn metrics(&self) -> &Metrics {
        &self.acceptance.metrics
    }
}

/// The center that a message is for and the feed that it is of; else why it is nobody's, and the feed that it says it is of.
fn sender<'p>(
    in_force: Option<&'p (String, Profile)>,
    opened: &Opened<'_>,
    peer: &Peer,
) -> Result<(&'p Profile, &'p Feed), (Reason, &'p str)> {
    let (_, profile) = in_force.ok_or((Reason::UnknownCenter, "unknown"))?;
    let feed = profile.feeds.hl7(&opened.header.sending_facility()).ok_or((Reason::UnknownSender, "unknown"))?;
    if is_proven(feed, &profile.feeds.feeds, peer.certificate.as_ref()) {
        Ok((profile, feed))
    } else {
        Err((Reason::WrongCertificate, &feed.id))
    }
}

/// Whether a connection shows whose it is, where the profile says by which certificate a feed is known. A certificate that is named
/// for other feeds alone speaks for no feed without one; a hub that sends for several is named at each of them.
fn is_proven(feed: &Feed, feeds: &[Feed], shown: Option<&Certificate>) -> bool {
    let is_shown = |known: &String| hex::decode(known).is_ok_and(|known| shown.is_some_and(|shown| *known == *shown));
    let names = |feed: &Feed| feed.certificate_sha256.iter().any(is_shown);
    names(feed) || (feed.certificate_sha256.is_empty() && !feeds.iter().any(names))
}

/// A code of the office is in no table of its mapping, and the mapping says that such a referral waits.
pub const CODE_UNKNOWN: &str = "code_unknown";

fn internal(cause: SealError) -> Refusal {
    error!(%cause, "seal a message");
    Refusal::Internal
}

/// What became of the same message when it came first.
fn before(same: Standing, judged: Judged) -> Kept {
    let is_reused = [same.reason.as_str(), same.told.as_str()].contains(&CONTROL_ID_REUSED);
    let judged = match judged.outcome {
        _ if is_reused => intake::control_id_reused(),
        Outcome::Accepted => judged,
        // It stands, whatever would be said of it today.
        _ if same.state != REFUSED => Judged::ACCEPTED,
        _ => judged,
    };
    // Whoever was told no number is told none, also where a person has made an inquiry of it since.
    let is_told = same.told.is_empty() && ![REFERRAL_CHANGED, REFERRAL_REOPENED].contains(&same.reason.as_str());
    Kept::of(same.message_id, judged, same.reference.filter(|_| is_told))
}

/// When a message was sent, of a feed that begins its control ids anew.
fn sent_at(heading: &Heading<'_>) -> Option<Timestamp> {
    heading.feed.hl7.as_ref().filter(|mapping| mapping.control_ids_recycle)?;
    let zone = heading.feed.zone(heading.profile.zone());
    When::parse(&heading.opened.message.value("MSH", 7, 1), &zone)?.instant()
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
    // Without a number it is known by whom and what it tells of, as those of other doors are.
    let key = match &told.identity {
        Some(identity) => referral_key(feed, [identity.as_str()]),
        None => referral_key(feed, ["", "unnumbered", told.likeness.as_str()]),
    };
    referral::Asked {
        key: Some(key),
        answers: told.answers,
        language: told.language,
        urgency: told.urgency,
        second_opinion: told.second_opinion,
    }
}
