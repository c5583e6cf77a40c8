//! A referral message read as the answers of a form, so that a partner's referral goes the same way as everybody's.
//!
//! Which field is read, and in which order, follows HL7 2.5.1 chapter 11 (patient referral) and what offices really send.
//! What nobody could act on, or what points at the wrong person, is a fault for the sender; everything else is taken, and
//! what can't be read of it is mended by a person. Deliberately not here: acknowledgements (reply) and documents.

use std::borrow::Cow;
use std::collections::BTreeMap;

use causeway_funnel::inquiry::Urgency;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::answer::referring;
use super::fault::{Code, Fault, Oddity};
use super::message::Message;
use super::person;
use super::segment::Segment;
use super::time::When;
use crate::domain::referral::{self, Contact, joined, put};

/// What a referral says. PHI: no `Debug`.
pub struct Referral {
    /// Answers by question key.
    pub answers: BTreeMap<String, String>,
    /// The person's language, as far as it is told.
    pub language: String,
    /// How pressing the office calls it.
    pub urgency: Urgency,
    /// Whether a second opinion is asked for.
    pub second_opinion: bool,
    /// The office's own number for the referral (RF1-6, else OBR-2, ORC-2); none: nothing tells it from the next one.
    pub identity: Option<String>,
    /// Our number of it, where the office repeats it (RF1-11).
    pub reference: Option<String>,
    /// What was odd about it.
    pub oddities: Vec<Oddity>,
}

const NO_PROVIDER: Fault =
    Fault::at("PRD", 0, Code::SegmentSequence, "A provider segment PRD is missing: send the referring provider");
const NO_NAME: Fault = Fault::at("PID", 5, Code::RequiredField, "Patient name is missing: send family and given name");

/// Who is referred.
struct Patient<'a> {
    segment: Segment<'a>,
    own: Contact,
    birth: Option<When>,
    is_minor: bool,
}

/// Reads a referral.
///
/// # Errors
/// What the sender has to mend, each with its place in the message and without what stands there.
pub fn read(message: &Message<'_>, zone: &TimeZone, today: Date) -> Result<Referral, Vec<Fault>> {
    let patient = checked(message, zone, today)?;
    let head = message.segment("RF1");
    let identity = identity(message, head.as_ref());
    let mut answers = BTreeMap::new();
    let oddities = [
        (
            patient.birth.and_then(|birth| birth.date()).is_none() && !patient.segment.value(7, 1).is_empty(),
            Oddity::BirthDate,
        ),
        (identity.is_none(), Oddity::NoReferralNumber),
        (record_number(&patient.segment).is_empty(), Oddity::NoRecordNumber),
    ];
    areas(message, &patient, &mut answers);
    reason(message, &mut answers);
    around(message, &patient.segment, &mut answers);
    put(&mut answers, "referral_number", Cow::Borrowed(identity.as_deref().unwrap_or_default()));
    // An office that refers a person asks us to call them. Mail, texts and voice messages need the person's own consent.
    put(&mut answers, "consent_phone", Cow::Borrowed("yes"));
    let language = referral::language(&patient.segment.value(15, 1), &patient.segment.value(15, 2));
    contact(message, patient, &mut answers);
    Ok(Referral {
        answers,
        language,
        urgency: head.as_ref().map(urgency).unwrap_or_default(),
        second_opinion: head.as_ref().is_some_and(is_second_opinion),
        identity,
        reference: head.and_then(|head| some(head.value(11, 1))),
        oddities: oddities.into_iter().filter_map(|(is, oddity)| is.then_some(oddity)).collect(),
    })
}

/// The patient, if somebody could act on the message and it is surely about one possible person.
fn checked<'a>(message: &Message<'a>, zone: &TimeZone, today: Date) -> Result<Patient<'a>, Vec<Fault>> {
    let segment = person::patient(message).map_err(|fault| vec![fault])?;
    let own = person::contact(&segment, 5, &[13, 14]);
    let birth = person::birth(&segment, zone, today);
    let faults = [
        (message.count("PRD") == 0).then_some(NO_PROVIDER),
        own.name.is_empty().then_some(NO_NAME),
        birth.as_ref().err().copied(),
    ];
    let faults: Vec<Fault> = faults.into_iter().flatten().collect();
    match birth {
        Ok(birth) if faults.is_empty() => Ok(Patient {
            segment,
            own,
            birth,
            is_minor: referral::is_minor(birth.map(|birth| birth.earliest()), today),
        }),
        _ => Err(faults),
    }
}

fn some(text: Cow<'_, str>) -> Option<String> {
    (!text.is_empty()).then(|| text.into_owned())
}

/// Whom to contact: the patient, but never a child.
fn contact(message: &Message<'_>, patient: Patient<'_>, answers: &mut BTreeMap<String, String>) {
    let told = patient.segment.value(7, 1);
    // What can't be read to the day stays as it was told, for a person to mend.
    let day = patient.birth.and_then(|birth| birth.date()).map(|day| day.to_string());
    put(answers, "birth_date", day.map_or(told, Cow::Owned));
    match patient.is_minor {
        false => referral::contact_patient(answers, patient.own),
        true => referral::contact_guardian(answers, patient.own, person::guardian(message).unwrap_or_default()),
    }
}

/// The primary diagnosis first (DG1-15), then as they stand.
fn areas(message: &Message<'_>, patient: &Patient<'_>, answers: &mut BTreeMap<String, String>) {
    let is_female = patient.segment.value(8, 1).eq_ignore_ascii_case("F");
    let priority = |segment: &Segment<'_>| segment.value(15, 1).parse().unwrap_or(u32::MAX);
    let mut codes: Vec<(u32, Cow<'_, str>)> =
        message.segments("DG1").map(|segment| (priority(&segment), segment.value(3, 1))).collect();
    codes.sort_by_key(|(priority, _)| *priority);
    referral::areas(answers, codes.iter().map(|(_, code)| code.as_ref()), is_female, patient.is_minor);
}

/// The primary reason (NTE-4 1R) first, then the other notes, then what orders, visit and diagnoses say in words.
fn reason(message: &Message<'_>, answers: &mut BTreeMap<String, String>) {
    let rank = |kind: &str| ["1R", "2R", "GR"].iter().position(|known| kind.eq_ignore_ascii_case(known)).unwrap_or(3);
    let mut notes: Vec<(usize, String)> =
        message.segments("NTE").map(|note| (rank(&note.value(4, 1)), whole(&note, 3))).collect();
    notes.sort_by_key(|(rank, _)| *rank);
    let mut lines: Vec<String> = notes.into_iter().map(|(_, text)| text).collect();
    lines.extend(message.segments("OBR").map(|order| order.value(31, 2).into_owned()));
    lines.extend(message.segment("PV2").map(|visit| visit.value(3, 2).into_owned()));
    let diagnosis =
        |segment: Segment<'_>| joined(&[segment.value(3, 1), segment.value(3, 2), segment.field(4).text()], ", ");
    lines.extend(message.segments("DG1").map(diagnosis));
    referral::reason(answers, lines);
}

/// A text that repeats line by line.
fn whole(segment: &Segment<'_>, field: usize) -> String {
    let lines: Vec<_> = segment.field(field).repetitions().map(|line| line.text()).collect();
    lines.join("\n")
}

/// What staff want to see beside the form's answers.
fn around(message: &Message<'_>, patient: &Segment<'_>, answers: &mut BTreeMap<String, String>) {
    put(answers, "office_record_number", record_number(patient));
    put(answers, "sex", patient.value(8, 1));
    let address = [1, 2, 3, 4, 5].map(|component| patient.value(11, component));
    put(answers, "address", Cow::Owned(joined(&address, ", ")));
    if let Some(provider) = referring(message) {
        let doctor = person::contact(&provider, 2, &[5]);
        put(answers, "referring_doctor", Cow::Owned(doctor.name));
        put(answers, "referring_phone", Cow::Owned(doctor.phone));
        put(answers, "referring_npi", provider.value(7, 1));
    }
    if let Some(plan) = message.segment("IN1") {
        let told = joined(&[plan.value(4, 1), plan.value(2, 2), plan.value(36, 1)], ", ");
        let words = [plan.value(2, 1), plan.value(2, 2), plan.value(4, 1), plan.value(15, 1)];
        put(answers, "payer", Cow::Borrowed(referral::payer(&joined(&words, " ")).as_str()));
        put(answers, "insurance", Cow::Owned(told));
    }
}

/// The first record number of PID-3 that is one, else PID-2.
fn record_number<'a>(patient: &Segment<'a>) -> Cow<'a, str> {
    let ids = patient.field(3).repetitions().map(|id| id.component(1).text());
    ids.chain([patient.value(2, 1)]).find(|id| !id.trim_ascii().is_empty()).unwrap_or_default()
}

/// Table 0280, also in words: S STAT, A as soon as possible, R routine.
fn urgency(head: &Segment<'_>) -> Urgency {
    match head.value(2, 1).to_ascii_uppercase().as_str() {
        "S" | "STAT" | "URGENT" => Urgency::Urgent,
        "A" | "ASAP" => Urgency::Soon,
        _ => Urgency::Routine,
    }
}

/// Table 0336 (reason) S, or table 0282 (disposition, which repeats) SO.
fn is_second_opinion(head: &Segment<'_>) -> bool {
    let mut dispositions = head.field(4).repetitions();
    head.value(10, 1).eq_ignore_ascii_case("S")
        || dispositions.any(|asked| asked.component(1).text().trim_ascii().eq_ignore_ascii_case("SO"))
}

fn identity(message: &Message<'_>, head: Option<&Segment<'_>>) -> Option<String> {
    let order = |segment: &str| some(message.value(segment, 2, 1));
    head.and_then(|head| some(head.value(6, 1))).or_else(|| order("OBR")).or_else(|| order("ORC"))
}

#[cfg(test)]
#[path = "referral_tests.rs"]
mod tests;
