//! Acknowledgements: whether one is waited for, which one, and its text.
//!
//! In original mode there is one reply, and it tells what the message led to (AA, AE, AR). In enhanced mode "kept" (CA, CE,
//! CR) and "worked on" are two replies, each as the sender wishes. A refusal is told once: where the message itself is at
//! fault, by the second reply if that one is wanted, because the message was kept as evidence; where its header is at
//! fault, by the first. Nothing is ever said of the patient: what a fault holds is constant, and what is carried over is
//! the sender's header. Deliberately not here: the answer to a referral (answer) and when a reply may be sent, which is
//! after the commit (the listener).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::escape::escape;
use super::fault::{Fault, Severity};
use super::header::Header;
use super::time::stamp;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Taken.
    Accepted,
    /// What it says is at fault: to be mended and sent under a new control id.
    Error,
    /// What it is, or for whom it is, is at fault: never to be sent here again.
    Rejected,
    /// It could not be kept, and nothing is wrong with it: to be sent again.
    Unavailable,
}

/// What is decided on a message, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// What the sender should know. Of a message that is taken, warnings only.
    pub faults: Vec<Fault>,
}

impl Verdict {
    /// Taken, and nothing to say.
    pub const ACCEPTED: Self = Self { outcome: Outcome::Accepted, faults: Vec::new() };

    /// Refused for one reason.
    #[must_use]
    pub fn refused(outcome: Outcome, fault: Fault) -> Self {
        Self { outcome, faults: vec![fault] }
    }
}

/// What makes a reply ours.
#[derive(Clone, Copy)]
pub struct Signature<'a> {
    /// Its control id. Each reply has one of its own.
    pub control_id: &'a str,
    /// When it is written.
    pub at: Timestamp,
    /// The zone in which that is told.
    pub zone: &'a TimeZone,
}

/// The reply that the sender waits for before its next message; none: it waits for none, or it is better to give none.
///
/// Original mode has no word for "could not be kept": without a reply the sender sends again by itself.
#[must_use]
pub fn first(header: &Header<'_>, verdict: &Verdict, signature: Signature<'_>) -> Option<String> {
    let code = match (header.is_enhanced(), header.is_response()) {
        _ if header.is_acknowledgement() => None,
        (true, _) => commit(header, verdict.outcome),
        (false, true) => None,
        (false, false) => application(verdict.outcome),
    }?;
    let faults: &[Fault] = if code == "CA" { &[] } else { &verdict.faults };
    Some(acknowledgement(header, code, faults, signature))
}

/// In enhanced mode, the message of our own that tells what became of theirs. A referral that was taken has a better one.
#[must_use]
pub fn second(header: &Header<'_>, verdict: &Verdict, signature: Signature<'_>) -> Option<String> {
    let code = if is_second_wanted(header, verdict.outcome) { application(verdict.outcome) } else { None };
    code.map(|code| acknowledgement(header, code, &verdict.faults, signature))
}

fn application(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Accepted => Some("AA"),
        Outcome::Error => Some("AE"),
        Outcome::Rejected => Some("AR"),
        Outcome::Unavailable => None,
    }
}

fn commit(header: &Header<'_>, outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Accepted => header.wants_commit(true).then_some("CA"),
        Outcome::Error if is_second_wanted(header, outcome) => header.wants_commit(true).then_some("CA"),
        Outcome::Error | Outcome::Unavailable => header.wants_commit(false).then_some("CE"),
        Outcome::Rejected => header.wants_commit(false).then_some("CR"),
    }
}

/// Whether the sender waits for a message of our own about what became of theirs.
#[must_use]
pub fn is_second_wanted(header: &Header<'_>, outcome: Outcome) -> bool {
    let wanted = match outcome {
        Outcome::Accepted => header.wants_application(true),
        Outcome::Error => header.wants_application(false),
        Outcome::Rejected => header.wants_application(false) && !header.wants_commit(false),
        Outcome::Unavailable => false,
    };
    wanted && !header.is_acknowledgement() && !header.is_response()
}

fn acknowledgement(header: &Header<'_>, code: &str, faults: &[Fault], signature: Signature<'_>) -> String {
    let event = header.event();
    let mut kind = String::from("ACK");
    if !event.is_empty() {
        kind.push('^');
        escape(&event, &mut kind);
        kind.push_str(if header.is_old() { "" } else { "^ACK" });
    }
    let mut reply = String::with_capacity(256);
    msh(header, &kind, code.starts_with('A'), signature, &mut reply);
    msa(header, code, faults.first(), &mut reply);
    if header.is_old() {
        old_errors(faults, &mut reply);
    } else {
        faults.iter().for_each(|fault| error(fault, &mut reply));
    }
    reply
}

/// Their header turned round. `ends`: nothing more is waited for after this one.
pub(super) fn msh(header: &Header<'_>, kind: &str, ends: bool, signature: Signature<'_>, out: &mut String) {
    let [application, facility, their_application, their_facility] = [5, 6, 3, 4].map(|field| header.carried(field));
    let at = stamp(signature.at, signature.zone);
    let version = header.version();
    let processing = header.carried(11);
    let wish = if ends && header.is_enhanced() { "NE" } else { "" };
    let fields = [
        "MSH",
        "^~\\&",
        &application,
        &facility,
        &their_application,
        &their_facility,
        &at,
        "",
        kind,
        signature.control_id,
        if processing.is_empty() { "P" } else { &processing },
        version.as_deref().unwrap_or("2.5.1"),
        "",
        "",
        wish,
        wish,
        "",
        &header.carried(18),
    ];
    segment(&fields, out);
}

pub(super) fn msa(header: &Header<'_>, code: &str, fault: Option<&Fault>, out: &mut String) {
    let control_id = header.carried(10);
    match fault.filter(|fault| header.is_old() && fault.severity == Severity::Error) {
        None => segment(&["MSA", code, &control_id], out),
        Some(fault) => {
            let place = fault.location.map(|place| format!(" {}-{}", place.segment, place.field)).unwrap_or_default();
            let why = format!("{}{place}", fault.code.text());
            let coded = format!("{}^{}^HL70357", fault.code.number(), fault.code.text());
            segment(&["MSA", code, &control_id, &why, "", "", &coded], out);
        }
    }
}

fn error(fault: &Fault, out: &mut String) {
    let place = fault.location.map(|place| place.to_string()).unwrap_or_default();
    let code = format!("{}^{}^HL70357", fault.code.number(), fault.code.text());
    let mut words = String::new();
    escape(fault.words, &mut words);
    segment(&["ERR", "", &place, &code, fault.severity.letter(), "", "", "", &words], out);
}

/// Before 2.5 there is one segment, whose field repeats, and it knows no warnings.
fn old_errors(faults: &[Fault], out: &mut String) {
    let told = faults.iter().filter(|fault| fault.severity == Severity::Error).map(|fault| {
        let (segment, sequence, field) = fault
            .location
            .map_or(("", String::new(), 0), |place| (place.segment, place.sequence.to_string(), place.field));
        format!("{segment}^{sequence}^{field}^{}&{}&HL70357", fault.code.number(), fault.code.text())
    });
    let told: Vec<String> = told.collect();
    if !told.is_empty() {
        segment(&["ERR", &told.join("~")], out);
    }
}

/// Writes a segment without the dividers that would follow its last field.
pub(super) fn segment(fields: &[&str], out: &mut String) {
    let last = fields.iter().rposition(|field| !field.is_empty()).unwrap_or_default();
    for (at, field) in fields[..=last].iter().enumerate() {
        if at > 0 {
            out.push('|');
        }
        out.push_str(field);
    }
    out.push('\r');
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
