//! What a message asks for, or why it is refused: the one place where that is decided.
//!
//! It takes two steps. [`open`] reads the header, by which a center and a partner are found; [`Opened::classify`] judges by
//! what that center expects. Checks go from the envelope to the letter: for whom, which kind, which patient, what it says.
//! Deliberately not here: who may send (the center's feeds) and what was sent before (store).

use std::borrow::Cow;

use causeway_funnel::profile::Hl7Mapping;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::batch::{self, Batch};
use super::charset::Decoded;
use super::documents;
use super::fault::{Code, Fault, Oddity, Severity};
use super::header::Header;
use super::message::{Message, NotAMessage};
use super::person;
use super::referral::{self, Referral};
use super::reply::{Outcome, Verdict};

/// A message whose header could be read. PHI: no `Debug`.
pub struct Opened<'a> {
    /// Its header.
    pub header: Header<'a>,
    /// All of it.
    pub message: Message<'a>,
    character_set: Option<Oddity>,
}

/// What is not opened as one message.
pub enum Unopened<'a> {
    /// A file of messages.
    Batch(Box<Batch<'a>>),
    /// Nothing that could be replied to.
    Silent(Silence),
}

/// Why a frame gets no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    /// Nobody could be told.
    #[error("no reply can be addressed: {0}")]
    Unaddressed(#[from] NotAMessage),
    /// Acknowledgements would go back and forth for ever.
    #[error("it is an acknowledgement")]
    Acknowledgement,
}

/// What a center expects of messages.
#[derive(Clone, Copy)]
pub struct Expectations<'a> {
    /// The name of the center in MSH-6; none: it takes what comes.
    pub receiving_facility: Option<&'a str>,
    /// The name of this application in MSH-5; none: offices may call it as they like.
    pub receiving_application: Option<&'a str>,
    /// The only processing id that is taken: `P` where real patients are.
    pub processing_id: &'a str,
    /// Whether news of visits (SIU) are kept, or refused as a kind that is not served.
    pub takes_visits: bool,
    /// The zone of times that do not say theirs.
    pub zone: &'a TimeZone,
    /// Today there.
    pub today: Date,
    /// Where this partner says what no standard place says.
    pub mapping: Option<&'a Hl7Mapping>,
}

/// What a referral message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// I12.
    New,
    /// I13.
    Modify,
    /// I14.
    Cancel,
    /// I15: a question. Nothing changes.
    Status,
}

/// What a message asks for.
pub enum Topic {
    /// A referral.
    Referral(Verb, Referral),
    /// News of a patient or a document (ADT, ORU, MDM), for whoever works the referral.
    Attachment,
    /// News of a visit (SIU).
    Visit,
    /// It answers a message of ours.
    Answer,
    /// Nothing: see the verdict.
    Refused,
}

/// What is decided on a message.
pub struct Intake {
    /// What it asks for.
    pub topic: Topic,
    /// What its sender is to hear, once it is kept.
    pub verdict: Verdict,
    /// What was odd about it, each once.
    pub oddities: Vec<Oddity>,
}

/// Reads the header of what came in a frame.
///
/// # Errors
/// It is a batch, or nothing that can be replied to.
pub fn open<'a>(decoded: &'a Decoded<'_>) -> Result<Opened<'a>, Unopened<'a>> {
    open_text(&decoded.text, decoded.oddity)
}

/// The same for one message of a batch.
///
/// # Errors
/// It is nothing that can be replied to.
pub fn open_text(text: &str, character_set: Option<Oddity>) -> Result<Opened<'_>, Unopened<'_>> {
    let message = match Message::parse(text) {
        Ok(message) => message,
        Err(NotAMessage::Batch) => {
            let unusable = Unopened::Silent(Silence::Unaddressed(NotAMessage::Header));
            return Err(batch::read(text).map_or(unusable, |batch| Unopened::Batch(Box::new(batch))));
        }
        Err(cause) => return Err(Unopened::Silent(cause.into())),
    };
    let header = Header::of(&message);
    if header.is_acknowledgement() {
        return Err(Unopened::Silent(Silence::Acknowledgement));
    }
    Ok(Opened { header, message, character_set })
}

/// Refuses a message of a sender whom the center that it names does not know.
#[must_use]
pub fn unknown_sender() -> Verdict {
    Verdict::refused(Outcome::Rejected, STRANGER)
}

/// Refuses a message that names a center that nobody here knows.
#[must_use]
pub fn misdirected() -> Verdict {
    Verdict::refused(Outcome::Rejected, MISDIRECTED)
}

/// Refuses a message of a sender who is known by another certificate than the connection's.
#[must_use]
pub fn unproven() -> Verdict {
    Verdict::refused(Outcome::Rejected, UNPROVEN)
}

/// Refuses a message that is longer than the door takes.
#[must_use]
pub fn too_long() -> Verdict {
    Verdict::refused(Outcome::Rejected, LONG)
}

/// Refuses other content under a control id that was used before.
#[must_use]
pub fn control_id_reused() -> Verdict {
    Verdict::refused(Outcome::Error, REUSED)
}

const NO_ID: &str = "The message has no control id: send one, a new one for each message";
const NO_CONTROL_ID: Fault = Fault::at("MSH", 10, Code::RequiredField, NO_ID);
const USED_ID: &str = "This control id was used for another message: send it under a new one";
const REUSED: Fault = Fault::at("MSH", 10, Code::DuplicateKey, USED_ID);
const ELSEWHERE: &str = "This message is for somebody else: check the receiving application and facility";
const MISDIRECTED: Fault = Fault::at("MSH", 6, Code::TableValue, ELSEWHERE);
const WHO: &str = "The center does not know this sending facility: check it, or have it entered";
const STRANGER: Fault = Fault::at("MSH", 4, Code::TableValue, WHO);
const TOO_LONG: &str = "The message is longer than is taken here: send its documents in messages of their own";
const LONG: Fault = Fault::at("MSH", 0, Code::Internal, TOO_LONG);
const NO_PROOF: &str = "This facility is known by another certificate: send with that one, or have yours entered";
const UNPROVEN: Fault = Fault::at("MSH", 4, Code::TableValue, NO_PROOF);
const NOT_REAL: &str = "Only messages about real care are taken here: check the processing id";
const TRAINING: Fault = Fault::at("MSH", 11, Code::ProcessingId, NOT_REAL);
const TOGETHER: &str = "One frame must hold one message: send each in a frame of its own";
const MANY: Fault = Fault::at("MSH", 0, Code::SegmentSequence, TOGETHER);
const NOT_SERVED: &str = "Messages of this type are not taken here";
const UNSERVED: Fault = Fault::at("MSH", 9, Code::MessageType, NOT_SERVED).in_component(1);
const NO_EVENT: &str = "Referrals are taken with the events I12, I13, I14 and I15";
const UNKNOWN_EVENT: Fault = Fault::at("MSH", 9, Code::Event, NO_EVENT).in_component(2);
const NPI: &str =
    "The check digit of a provider number (NPI) is wrong: the referral is taken, and a person looks at it";
const WRONG_NPI: Fault = Fault { severity: Severity::Warning, ..Fault::at("PRD", 7, Code::DataType, NPI) };
const BIRTH: &str =
    "The day of birth can't be read: the message is taken, and a person looks at it. Send it as YYYYMMDD";
const UNREAD_BIRTH: Fault = Fault { severity: Severity::Warning, ..Fault::at("PID", 7, Code::DataType, BIRTH) };
const UNKNOWN_VERSION: Fault = Fault {
    severity: Severity::Warning,
    ..Fault::at(
        "MSH",
        12,
        Code::Version,
        "There is no such version of HL7: the message is read, and answered, as 2.5.1",
    )
};
const UNKNOWN_SET: Fault = Fault {
    severity: Severity::Warning,
    ..Fault::at(
        "MSH",
        18,
        Code::TableValue,
        "This character set is not read here: the message is taken, and letters of it may be lost. Send UNICODE UTF-8",
    )
};
const WHICH: &str = "Nothing tells which referral is meant: send its number";
const NO_NUMBER: Fault = Fault::at("RF1", 6, Code::RequiredField, WHICH);

impl<'a> Opened<'a> {
    /// Who sent it under which control id: by this, type and event, and [`Message::body`] a repeat is recognised.
    #[must_use]
    pub fn sender(&self) -> [Cow<'a, str>; 3] {
        [self.header.carried(3), self.header.carried(4), self.header.carried(10)]
    }

    /// Decides what it asks for.
    #[must_use]
    pub fn classify(&self, expected: &Expectations<'_>) -> Intake {
        let mut intake = Intake { topic: Topic::Refused, verdict: Verdict::ACCEPTED, oddities: Vec::new() };
        let judged = self.envelope(expected).and_then(|()| self.letter(expected, &mut intake));
        match judged {
            Ok(topic) => intake.topic = topic,
            Err(refusal) => intake.verdict = refusal,
        }
        self.oddities(&mut intake);
        intake
    }

    /// Whether it may be looked into at all.
    fn envelope(&self, expected: &Expectations<'_>) -> Result<(), Verdict> {
        let header = &self.header;
        let is_ours = expected.receiving_facility.is_none_or(|name| header.is_for_facility(name))
            && expected.receiving_application.is_none_or(|name| header.is_for_application(name));
        let rejected = [
            (header.control_id().trim_ascii().is_empty(), NO_CONTROL_ID),
            (!is_ours, MISDIRECTED),
            (!header.processing_id().eq_ignore_ascii_case(expected.processing_id), TRAINING),
        ];
        if let Some((_, fault)) = rejected.into_iter().find(|(is, _)| *is) {
            return Err(Verdict::refused(Outcome::Rejected, fault));
        }
        if self.message.count("MSH") > 1 { Err(Verdict::refused(Outcome::Error, MANY)) } else { Ok(()) }
    }

    fn letter(&self, expected: &Expectations<'_>, intake: &mut Intake) -> Result<Topic, Verdict> {
        let (kind, event) = (self.header.message_type(), self.header.event());
        match kind.as_ref() {
            "REF" => self.referral(&event, expected, intake),
            "ADT" | "ORU" | "MDM" => self.one_patient().map(|()| {
                self.documents(intake);
                Topic::Attachment
            }),
            "SIU" if expected.takes_visits => Ok(Topic::Visit),
            _ if self.header.is_response() => Ok(Topic::Answer),
            _ => Err(Verdict::refused(Outcome::Rejected, UNSERVED)),
        }
    }

    fn referral(&self, event: &str, expected: &Expectations<'_>, intake: &mut Intake) -> Result<Topic, Verdict> {
        let verb = match event {
            "I12" => Verb::New,
            "I13" => Verb::Modify,
            "I14" => Verb::Cancel,
            "I15" => Verb::Status,
            _ => return Err(Verdict::refused(Outcome::Rejected, UNKNOWN_EVENT)),
        };
        let referral = referral::read(&self.message, (expected.zone, expected.today), expected.mapping)
            .map_err(|faults| Verdict { outcome: Outcome::Error, faults })?;
        if verb != Verb::New && referral.identity.is_none() && referral.reference.is_none() {
            return Err(Verdict::refused(Outcome::Error, NO_NUMBER));
        }
        intake.oddities.extend(referral.oddities.iter().copied());
        if referral.oddities.contains(&Oddity::ProviderNumber) {
            intake.verdict.faults.push(WRONG_NPI);
        }
        // Of a cancellation or a question nobody takes the birth date over.
        if matches!(verb, Verb::New | Verb::Modify) && referral.oddities.contains(&Oddity::BirthDate) {
            intake.verdict.faults.push(UNREAD_BIRTH);
        }
        self.documents(intake);
        self.unsettled(intake);
        Ok(Topic::Referral(verb, referral))
    }

    /// What is about nobody, or about two people, can't be put to anybody.
    fn one_patient(&self) -> Result<(), Verdict> {
        person::patient(&self.message).map(|_| ()).map_err(|fault| Verdict::refused(Outcome::Error, fault))
    }

    fn documents(&self, intake: &mut Intake) {
        // What was taken back mostly comes without content.
        for document in documents::of(&self.message).filter(|document| !document.is_gone()) {
            if let Some(flaw) = document.flaw() {
                intake.verdict.faults.push(document.warning(flaw));
                intake.oddities.push(flaw);
            }
        }
    }

    /// Documents of a referral that are not final, or were taken back.
    fn unsettled(&self, intake: &mut Intake) {
        for document in documents::of(&self.message) {
            let oddity = match (document.is_gone(), document.is_preliminary()) {
                (true, _) => Oddity::DocumentTakenBack,
                (false, true) if document.flaw().is_none() => Oddity::DocumentNotFinal,
                (false, _) => continue,
            };
            intake.verdict.faults.push(document.warning(oddity));
            intake.oddities.push(oddity);
        }
    }

    fn oddities(&self, intake: &mut Intake) {
        let found = [
            (self.message.is_oddly_broken(), Oddity::LineEnds),
            (self.message.has_small_names(), Oddity::SegmentCase),
            (self.header.version().is_none(), Oddity::Version),
        ];
        intake.oddities.extend(found.into_iter().filter_map(|(is, oddity)| is.then_some(oddity)));
        intake.oddities.extend(self.character_set);
        if !self.message.value("MSH", 12, 1).trim().is_empty() && self.header.version().is_none() {
            intake.verdict.faults.push(UNKNOWN_VERSION);
        }
        if self.character_set == Some(Oddity::CharacterSetUnknown) {
            intake.verdict.faults.push(UNKNOWN_SET);
        }
        intake.oddities.sort_unstable();
        intake.oddities.dedup();
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
