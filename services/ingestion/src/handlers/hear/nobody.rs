//! What belongs to nobody, or not as a whole: frames without a usable header, messages for or of somebody unknown here, files that do
//! not count up, and what was cut or is too long.
//!
//! Each is kept for an operator before its sender is told, so that a refusal is no loss. What was cut is kept only where its header
//! and something behind it came whole: its sender has heard nothing and sends it again, so that it is evidence of a bad line, one
//! for a message however often it is cut, and without a header not even that. An operator puts a frame to a feed, which then hears it
//! as if it had sent it. Deliberately not here: how much is kept (unaddressed).

use causeway_funnel::profile::Profile;
use jiff::tz::TimeZone;

use super::*;
use crate::adapters::hl7::batch::Batch;
use crate::adapters::hl7::header::Header;
use crate::adapters::hl7::intake::Silence;

/// What became of one message of a frame that was put to a feed.
pub struct HeardAs {
    /// Type and event.
    pub kind: String,
    /// `accepted`, or `refused`: then it waits among the feed's refused ones.
    pub outcome: &'static str,
    /// The request number of its inquiry.
    pub reference: Option<String>,
}

impl Hearing {
    /// Nobody can be told.
    pub(super) async fn silent(&self, silence: Silence, frame: &[u8], peer: &Peer) -> Heeded {
        self.count_unknown("unaddressed");
        if silence == Silence::Acknowledgement {
            return Heeded::default();
        }
        let kept = self.unaddressed.keep(Reason::NoHeader, (frame, peer.address), None).await;
        Heeded { hang_up: kept.is_err(), ..Heeded::default() }
    }

    /// A message for somebody who is nobody here, or of somebody who can not show who they are.
    pub(super) fn turned_away(
        &self,
        decoded: &Decoded<'_>,
        header: &Header<'_>,
        (reason, feed): (Reason, &str),
        kept: Result<(), Refusal>,
    ) -> Heeded {
        let (outcome, judged) = match reason {
            Reason::WrongCertificate => ("wrong_certificate", intake::unproven()),
            Reason::UnknownSender => ("misdirected", intake::unknown_sender()),
            _ => ("misdirected", intake::misdirected()),
        };
        self.acceptance.metrics.heard.with_label_values(&[feed, outcome]).inc();
        self.told(decoded, header, judged, kept)
    }

    /// Each message of a file as if it had come alone; none where the file was cut.
    pub(super) async fn batch(&self, decoded: &Decoded<'_>, batch: &Batch<'_>, (raw, peer): (&[u8], &Peer)) -> Heeded {
        let mut heeded = Heeded::default();
        if let Some(fault) = batch.fault {
            self.count_unknown("batch_refused");
            let kept = self.unaddressed.keep(Reason::BatchRefused, (raw, peer.address), None).await;
            if holds_answers_alone(decoded, batch) {
                return Heeded { hang_up: kept.is_err(), ..Heeded::default() };
            }
            return self.told(decoded, &batch.header, Judged::refused(Outcome::Error, fault), kept);
        }
        if batch.messages.is_empty() {
            // Nothing of it is to be kept, and its sender waits to hear that it came.
            self.count_unknown("batch_empty");
            return self.told(decoded, &batch.header, Judged::ACCEPTED, Ok(()));
        }
        let (are_nobodys, kept) = self.nobodys(decoded, batch, (raw, peer)).await;
        for (text, is_nobodys) in batch.messages.iter().zip(are_nobodys) {
            // Kept in the character set that it names: by that it is read when it is tried again.
            let raw = decoded.encode(text);
            let one = match intake::open_text(text, decoded.oddity) {
                Ok(opened) => self.one(decoded, &opened, (&raw, peer), is_nobodys.then_some(&kept)).await,
                Err(unopened) => self.unopened(&unopened, &kept),
            };
            heeded.replies.extend(one.replies);
            heeded.counted.extend(one.counted);
            if one.hang_up {
                heeded.hang_up = true;
                break;
            }
        }
        heeded
    }

    /// Keeps those messages of a file that are nobody's, all at once: one by one they would spend what a network may in a minute.
    /// The others are not kept with them, since whoever is given the rest must not hear these as well. Tells of each whether it is among them.
    async fn nobodys(
        &self,
        decoded: &Decoded<'_>,
        batch: &Batch<'_>,
        (raw, peer): (&[u8], &Peer),
    ) -> (Vec<bool>, Result<(), Refusal>) {
        let why = |text: &str| match intake::open_text(text, decoded.oddity) {
            Ok(opened) => sender(self.addressee(&opened).as_deref(), &opened, peer).err().map(|(reason, _)| reason),
            Err(unopened) => Some(Reason::NoHeader).filter(|_| !is_acknowledgement(&unopened)),
        };
        let reasons: Vec<Option<Reason>> = batch.messages.iter().map(|text| why(text)).collect();
        let are_nobodys: Vec<bool> = reasons.iter().map(Option::is_some).collect();
        let told = reasons.iter().flatten().find(|reason| **reason != Reason::NoHeader);
        let Some(reason) = told.or(reasons.iter().flatten().next()).copied() else { return (are_nobodys, Ok(())) };
        let kept = if are_nobodys.iter().all(|is_nobodys| *is_nobodys) {
            self.unaddressed.keep(reason, (raw, peer.address), None).await
        } else {
            let rest =
                batch.messages.iter().zip(&are_nobodys).filter_map(|(text, is_nobodys)| is_nobodys.then_some(*text));
            let rest: String = std::iter::once(batch.lead).chain(rest).collect();
            self.unaddressed.keep(reason, (&decoded.encode(&rest), peer.address), None).await
        };
        (are_nobodys, kept)
    }

    /// A message of a file whose sender can not be told.
    fn unopened(&self, unopened: &Unopened<'_>, kept: &Result<(), Refusal>) -> Heeded {
        self.count_unknown("unaddressed");
        Heeded { hang_up: kept.is_err() && !is_acknowledgement(unopened), ..Heeded::default() }
    }

    /// The beginning of a message whose line ended.
    pub async fn cut(&self, bytes: &[u8], peer: &Peer) {
        self.count_unknown("cut");
        let decoded = charset::decode(bytes);
        let Ok(opened) = intake::open(&decoded) else { return };
        let [application, facility, control_id] = opened.sender();
        if opened.message.body().is_empty() || control_id.is_empty() {
            return;
        }
        let known_by = Some([application.as_ref(), facility.as_ref(), control_id.as_ref()]);
        if let Err(cause) = self.unaddressed.keep(Reason::Cut, (bytes, peer.address), known_by).await {
            warn!(%cause, "keep the beginning of a message that was cut; its sender sends it again");
        }
    }

    /// The beginning of a message that is too long. Its sender is told, if it tells who that is, because it would send it for ever.
    pub async fn too_long(&self, head: &[u8], peer: &Peer) -> Heeded {
        self.count_unknown("too_long");
        let decoded = charset::decode(head);
        let opened = intake::open(&decoded).ok().filter(|opened| !opened.message.body().is_empty());
        let sender = opened.as_ref().map(Opened::sender);
        // Without a control id all of one sender's would be the same.
        let known_by = sender.as_ref().filter(|parts| !parts[2].is_empty());
        let known_by = known_by.map(|parts| [parts[0].as_ref(), parts[1].as_ref(), parts[2].as_ref()]);
        let kept = self.unaddressed.keep(Reason::TooLong, (head, peer.address), known_by).await;
        match opened {
            Some(opened) => self.told(&decoded, &opened.header, intake::too_long(), kept),
            None => Heeded { hang_up: true, ..Heeded::default() },
        }
    }

    /// What the sender of a frame that is nobody's is told: what was judged, or where it could not be kept that it may come again.
    fn told(&self, decoded: &Decoded<'_>, header: &Header<'_>, judged: Judged, kept: Result<(), Refusal>) -> Heeded {
        let judged = match &kept {
            Ok(()) => judged,
            Err(cause) => {
                if *cause != Refusal::Full {
                    error!(%cause, "keep a frame that is nobody's; its sender will send it again");
                }
                Judged { outcome: Outcome::Unavailable, faults: Vec::new() }
            }
        };
        let signed = (self.acceptance.clock.new_id(), &TimeZone::UTC);
        let texts = texts(header, &judged, (Hl7Reply::Ack, None), signed);
        Heeded {
            replies: texts.iter().map(|text| decoded.encode(text).into_owned()).collect(),
            hang_up: kept.is_err(),
            ..Heeded::default()
        }
    }

    fn count_unknown(&self, outcome: &str) {
        self.metrics().heard.with_label_values(&["unknown", outcome]).inc();
    }

    /// Hears a frame as if a feed had sent it: one message, or those of a file, whatever its counts say. What can not be read as one
    /// is then kept as a frame of its own, from where the file came. None: there is no such feed.
    ///
    /// # Errors
    /// Something could not be written. What was is known as the same message when this is done again.
    pub async fn hear_as(
        &self,
        (raw, from): (&[u8], IpAddr),
        profile: &Profile,
        feed: &str,
    ) -> Result<Option<Vec<HeardAs>>, Refusal> {
        let known = profile.feeds.feeds.iter().find(|one| one.id == feed && one.kind == FeedKind::Hl7);
        let Some(feed) = known else { return Ok(None) };
        let decoded = charset::decode(raw);
        let mut heard = Vec::new();
        match intake::open(&decoded) {
            Ok(opened) => heard.push(self.one_as((&decoded, &opened, raw), (profile, feed)).await?),
            Err(Unopened::Batch(batch)) => {
                let mut left = Vec::new();
                for text in &batch.messages {
                    let raw = decoded.encode(text);
                    match intake::open_text(text, decoded.oddity) {
                        Ok(opened) => heard.push(self.one_as((&decoded, &opened, &raw), (profile, feed)).await?),
                        Err(unopened) if is_acknowledgement(&unopened) => {}
                        Err(_) => left.push(raw),
                    }
                }
                // Where nothing was heard the file goes on waiting, and they in it.
                for raw in left.iter().filter(|_| !heard.is_empty()) {
                    self.unaddressed.keep_part((raw, from)).await?;
                }
            }
            Err(Unopened::Silent(_)) => {}
        }
        Ok(Some(heard))
    }

    async fn one_as(
        &self,
        (decoded, opened, raw): (&Decoded<'_>, &Opened<'_>, &[u8]),
        (profile, feed): (&Profile, &Feed),
    ) -> Result<HeardAs, Refusal> {
        let message_id = self.acceptance.clock.new_id();
        let heading = Heading { decoded, opened, profile, feed, message_id };
        let kept = self.heed(&heading, raw).await?;
        // An answer to no question is kept well, and asks for nothing.
        let is_taken = kept.judged.outcome == Outcome::Accepted && !opened.header.is_response();
        let outcome = if is_taken { "accepted" } else { "refused" };
        Ok(HeardAs { kind: kind(opened), outcome, reference: kept.reference })
    }
}

/// Whether a file brings nothing but acknowledgements: whoever refused it would have to hear what came of that.
fn holds_answers_alone(decoded: &Decoded<'_>, batch: &Batch<'_>) -> bool {
    let is_answer = |text: &&str| intake::open_text(text, decoded.oddity).is_err_and(|why| is_acknowledgement(&why));
    !batch.messages.is_empty() && batch.messages.iter().all(is_answer)
}

/// An acknowledgement is nothing to keep: it would be answered for ever.
fn is_acknowledgement(unopened: &Unopened<'_>) -> bool {
    matches!(unopened, Unopened::Silent(Silence::Acknowledgement))
}
