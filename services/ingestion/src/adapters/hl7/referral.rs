//! A referral message read as the answers of a form, so that a partner's referral goes the same way as everybody's.
//!
//! Which field is read, and in which order, follows HL7 2.5.1 chapter 11 (patient referral) and what offices really send.
//! What nobody could act on, or what points at the wrong person, is a fault for the sender; everything else is taken, and
//! what can't be read of it is mended by a person. Deliberately not here: acknowledgements (reply) and documents.

use std::borrow::Cow;
use std::collections::BTreeMap;

use causeway_auth::fingerprint;
use causeway_funnel::inquiry::Urgency;
use causeway_funnel::profile::{Hl7Field, Hl7Mapping};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::answer::referring;
use super::around;
use super::fault::{Code, Fault, Oddity};
use super::mapping::Told;
use super::message::Message;
use super::person::{self, Reaches};
use super::segment::Segment;
use super::time::When;
use crate::domain::npi;
use crate::domain::referral::{self, Contact, LANGUAGE_TOLD, joined, put};

/// What a referral says. PHI: no `Debug`.
pub struct Referral {
    /// Answers by question key.
    pub answers: BTreeMap<String, String>,
    /// The person's language, as far as it is told.
    pub language: String,
    /// How pressing the office calls it, where it says so.
    pub urgency: Option<Urgency>,
    /// Whether a second opinion is asked for, where it says what for.
    pub second_opinion: Option<bool>,
    /// The office's own number for the referral (RF1-6, else OBR-2, ORC-2).
    pub identity: Option<String>,
    /// By what it is known where it has none: whom and what it tells of, as a hash.
    pub likeness: String,
    /// Our number of it, where the office repeats it (RF1-11).
    pub reference: Option<String>,
    /// What it says is not so any more, by question key.
    pub removed: Vec<&'static str>,
    /// What was odd about it.
    pub oddities: Vec<Oddity>,
    /// The field with a code that the center's mapping does not know and wants to know.
    pub unknown_code: Option<Hl7Field>,
}

const NO_PROVIDER: Fault =
    Fault::at("PRD", 0, Code::SegmentSequence, "A provider segment PRD is missing: send the referring provider");
const NO_NAME: Fault = Fault::at("PID", 5, Code::RequiredField, "Patient name is missing: send family and given name");

/// Who is referred.
struct Patient<'a> {
    segment: Segment<'a>,
    own: Contact,
    second_phone: String,
    /// The birth date as it was told.
    told_birth: String,
    birth: Option<When>,
    is_minor: bool,
}

/// What a referral is read by: the zone of times that do not say theirs, and the day there.
pub type Here<'z> = (&'z TimeZone, Date);

/// Reads a referral.
///
/// # Errors
/// What the sender has to mend, each with its place in the message and without what stands there.
pub fn read(message: &Message<'_>, here: Here<'_>, mapping: Option<&Hl7Mapping>) -> Result<Referral, Vec<Fault>> {
    let told = Told::of(message, mapping);
    Ok(gather(message, checked(message, here, (&told, mapping))?, (&told, here.0), mapping))
}

/// As much of a referral as can be read, also where it is refused; nothing where it is about nobody.
#[must_use]
pub fn read_in_part(message: &Message<'_>, here: Here<'_>, mapping: Option<&Hl7Mapping>) -> Option<Referral> {
    let told = Told::of(message, mapping);
    let (patient, _) = patient(message.segment("PID")?, here, (&told, mapping));
    Some(gather(message, patient, (&told, here.0), mapping))
}

/// What stands beside the answers under its own name, where a partner has a place of its own for it.
const BESIDE: [Hl7Field; 20] = [
    Hl7Field::Sex,
    Hl7Field::SecondPhone,
    Hl7Field::Address,
    Hl7Field::ContactName,
    Hl7Field::ContactPhone,
    Hl7Field::ContactRelationship,
    Hl7Field::GuarantorName,
    Hl7Field::GuarantorPhone,
    Hl7Field::Insurance,
    Hl7Field::GroupNumber,
    Hl7Field::Authorization,
    Hl7Field::RequestedService,
    Hl7Field::RequestedDoctor,
    Hl7Field::RequestedNpi,
    Hl7Field::ReferringDoctor,
    Hl7Field::ReferringNpi,
    Hl7Field::ReferringPractice,
    Hl7Field::ReferringPhone,
    Hl7Field::ReferringFax,
    Hl7Field::ReferralDate,
];

fn gather(
    message: &Message<'_>,
    patient: Patient<'_>,
    (told, zone): (&Told, &TimeZone),
    mapping: Option<&Hl7Mapping>,
) -> Referral {
    let head = message.segment("RF1");
    let own = told.get(Hl7Field::ReferralNumber).map(str::to_owned);
    let identity = own.or_else(|| identity(message, head.as_ref()));
    let mut record_number = record_number(&patient.segment, mapping);
    if let Some(own) = told.get(Hl7Field::RecordNumber) {
        record_number = Cow::Owned(own.to_owned());
    }
    let mut answers = BTreeMap::new();
    let mut oddities = vec![
        (patient.birth.and_then(|birth| birth.date()).is_none() && !patient.told_birth.is_empty(), Oddity::BirthDate),
        (identity.is_none(), Oddity::NoReferralNumber),
        (record_number.is_empty(), Oddity::NoRecordNumber),
    ];
    let codes = codes(message, told);
    areas(&codes, told, &patient, &mut answers);
    if let Some(area) = told.get(Hl7Field::CancerArea).filter(|_| !patient.is_minor) {
        put(&mut answers, "cancer_area", Cow::Borrowed(area));
    }
    reason(message, told, &mut answers);
    let likeness = likeness(message, &patient, (&record_number, &codes), zone);
    put(&mut answers, "office_record_number", record_number);
    put(&mut answers, "second_phone", Cow::Borrowed(&patient.second_phone));
    around::put_beside(message, &patient.segment, (zone, patient.is_minor), &mut answers);
    for field in BESIDE {
        put(&mut answers, field.as_str(), Cow::Borrowed(told.get(field).unwrap_or_default()));
    }
    if let Some(own) = told.get(Hl7Field::Insurance) {
        put(&mut answers, "payer", Cow::Borrowed(referral::payer(own).as_str()));
    }
    let is_wrong = |key: &str| answers.get(key).is_some_and(|number| !npi::is_sound(number));
    oddities.push((is_wrong("referring_npi") || is_wrong("requested_npi"), Oddity::ProviderNumber));
    put(&mut answers, "referral_number", Cow::Borrowed(identity.as_deref().unwrap_or_default()));
    put(&mut answers, "consult_type", Cow::Borrowed(told.get(Hl7Field::ConsultType).unwrap_or_default()));
    // An office that refers a person asks us to call them. Mail, texts and voice messages need the person's own consent.
    put(&mut answers, "consent_phone", Cow::Borrowed("yes"));
    let language = match told.get(Hl7Field::Language) {
        Some(language) => referral::language(language, language),
        None => referral::language(&patient.segment.value(15, 1), &patient.segment.value(15, 2)),
    };
    // Another one than those that every center speaks is told to staff as the office writes it.
    if !["en", "es", "fr"].contains(&language.as_str()) {
        let words = [2, 1].map(|component| patient.segment.value(15, component));
        let own = told.get(Hl7Field::Language).map(Cow::Borrowed);
        put(
            &mut answers,
            LANGUAGE_TOLD,
            own.into_iter().chain(words).find(|word| !word.is_empty()).unwrap_or_default(),
        );
    }
    contact(message, patient, &mut answers);
    let removed = removed(message, &answers);
    let told_urgency = told.get(Hl7Field::Urgency).and_then(|word| word.parse().ok());
    Referral {
        answers,
        language,
        urgency: told_urgency.or_else(|| urgency(head.as_ref()?)),
        second_opinion: head.as_ref().and_then(is_second_opinion),
        identity,
        likeness,
        removed,
        reference: head.and_then(|head| some(head.value(11, 1))),
        oddities: oddities.into_iter().filter_map(|(is, oddity)| is.then_some(oddity)).collect(),
        unknown_code: told.unknown,
    }
}

/// Where an office takes back what it told before: segment, field, and the answer that it was.
const REMOVABLE: [(&str, usize, &str); 16] = [
    ("RF1", 7, "referral_date"),
    ("RF1", 8, "referral_expires"),
    ("AUT", 6, "authorization"),
    ("PID", 7, "birth_date"),
    ("PID", 8, "sex"),
    ("PID", 11, "address"),
    ("PID", 13, "phone"),
    ("PID", 13, "email"),
    ("PID", 29, "patient_deceased"),
    ("PID", 30, "patient_deceased"),
    ("NK1", 2, "contact_name"),
    ("NK1", 5, "contact_phone"),
    ("GT1", 3, "guarantor_name"),
    ("IN1", 4, "insurance"),
    ("IN1", 8, "group_number"),
    ("NTE", 3, "message"),
];

/// What a field takes back (`""`) and no other place tells.
fn removed(message: &Message<'_>, answers: &BTreeMap<String, String>) -> Vec<&'static str> {
    let is_deleted = |name: &str, field| message.segment(name).is_some_and(|segment| segment.field(field).is_delete());
    let gone = REMOVABLE.iter().filter(|(name, field, key)| is_deleted(name, *field) && !answers.contains_key(*key));
    gone.map(|(_, _, key)| *key).collect()
}

/// The patient, if somebody could act on the message and it is surely about one possible person.
fn checked<'a>(
    message: &Message<'a>,
    here: Here<'_>,
    own: (&Told, Option<&Hl7Mapping>),
) -> Result<Patient<'a>, Vec<Fault>> {
    let segment = person::patient(message).map_err(|fault| vec![fault])?;
    let (patient, impossible) = patient(segment, here, own);
    let faults = [
        (message.count("PRD") == 0).then_some(NO_PROVIDER),
        patient.own.name.is_empty().then_some(NO_NAME),
        impossible,
    ];
    let faults: Vec<Fault> = faults.into_iter().flatten().collect();
    if faults.is_empty() { Ok(patient) } else { Err(faults) }
}

/// The patient as far as can be read, and whether they can not have been born then.
fn patient<'a>(
    segment: Segment<'a>,
    (zone, today): Here<'_>,
    (told, mapping): (&Told, Option<&Hl7Mapping>),
) -> (Patient<'a>, Option<Fault>) {
    let reaches = Reaches::of(&segment, &[13, 14]);
    let preferred = mapping.map(|mapping| mapping.name_types.as_slice()).unwrap_or_default();
    let (name, phone, second_phone) =
        (person::patient_name(&segment, preferred), reaches.phone(), reaches.second_phone());
    let mut own = Contact { name, phone, email: reaches.email };
    told.replace(Hl7Field::PatientName, &mut own.name);
    told.replace(Hl7Field::Phone, &mut own.phone);
    told.replace(Hl7Field::Email, &mut own.email);
    let mut told_birth = segment.value(7, 1).into_owned();
    told.replace(Hl7Field::BirthDate, &mut told_birth);
    let birth = person::possible(&told_birth, zone, today);
    let (impossible, birth) = (birth.as_ref().err().copied(), birth.ok().flatten());
    let is_minor = referral::is_minor(birth.map(|birth| birth.earliest()), today);
    (Patient { segment, own, second_phone, told_birth, birth, is_minor }, impossible)
}

fn some(text: Cow<'_, str>) -> Option<String> {
    (!text.is_empty()).then(|| text.into_owned())
}

/// Whom to contact: the patient, but never a child.
fn contact(message: &Message<'_>, patient: Patient<'_>, answers: &mut BTreeMap<String, String>) {
    // What can't be read to the day stays as it was told, for a person to mend.
    let day = patient.birth.and_then(|birth| birth.date()).map(|day| day.to_string());
    put(answers, "birth_date", Cow::Owned(day.unwrap_or(patient.told_birth)));
    match patient.is_minor {
        false => referral::contact_patient(answers, patient.own),
        true => referral::contact_guardian(answers, patient.own, person::guardian(message).unwrap_or_default()),
    }
}

/// Codes of diagnoses: those of the partner's own place, each on a line or behind a comma, else the primary first (DG1-15), then as
/// they stand.
fn codes(message: &Message<'_>, told: &Told) -> Vec<String> {
    if let Some(own) = told.get(Hl7Field::DiagnosisCodes) {
        let codes = own.split(['\n', ',', ';']).map(|code| code.trim().to_owned());
        return codes.filter(|code| !code.is_empty()).collect();
    }
    let priority = |segment: &Segment<'_>| segment.value(15, 1).parse().unwrap_or(u32::MAX);
    let mut codes: Vec<(u32, String)> =
        message.segments("DG1").map(|segment| (priority(&segment), segment.value(3, 1).into_owned())).collect();
    codes.sort_by_key(|(priority, _)| *priority);
    codes.into_iter().map(|(_, code)| code).collect()
}

fn areas(codes: &[String], told: &Told, patient: &Patient<'_>, answers: &mut BTreeMap<String, String>) {
    let sex = told.get(Hl7Field::Sex).map_or_else(|| patient.segment.value(8, 1), Cow::Borrowed);
    let is_female = sex.eq_ignore_ascii_case("F") || sex.eq_ignore_ascii_case("female");
    referral::areas(answers, codes.iter().map(String::as_str), is_female, patient.is_minor);
}

/// What tells a referral without a number from others of its office: who is referred, by whom, for what, on which day.
fn likeness(
    message: &Message<'_>,
    patient: &Patient<'_>,
    (record_number, codes): (&str, &[String]),
    zone: &TimeZone,
) -> String {
    let sent = message.value("MSH", 7, 1);
    let day = When::parse(&sent, zone).and_then(|when| when.date()).map(|day| day.to_string());
    let day = day.unwrap_or_else(|| sent.into_owned());
    let npi = referring(message).map(|provider| provider.value(7, 1).into_owned()).unwrap_or_default();
    let name = patient.own.name.to_lowercase();
    let codes = codes.join("|");
    fingerprint(["referral", record_number, &name, &patient.told_birth, &npi, &day, &codes])
}

/// What the partner's own place says first, then the primary reason (NTE-4 1R), then the other notes, then what orders, visit and diagnoses say in words.
fn reason(message: &Message<'_>, told: &Told, answers: &mut BTreeMap<String, String>) {
    let rank = |kind: &str| ["1R", "2R", "GR"].iter().position(|known| kind.eq_ignore_ascii_case(known)).unwrap_or(3);
    let mut notes: Vec<(usize, String)> =
        message.segments("NTE").map(|note| (rank(&note.value(4, 1)), whole(&note, 3))).collect();
    notes.sort_by_key(|(rank, _)| *rank);
    let own = told.get(Hl7Field::Message).map(str::to_owned);
    let mut lines: Vec<String> = own.into_iter().chain(notes.into_iter().map(|(_, text)| text)).collect();
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

/// The record number of PID-3 whose authority is preferred, else the first that is one, else PID-2.
fn record_number<'a>(patient: &Segment<'a>, mapping: Option<&Hl7Mapping>) -> Cow<'a, str> {
    let preferred = mapping.into_iter().flat_map(|mapping| &mapping.assigning_authorities).find_map(|authority| {
        let mut ids = patient.field(3).repetitions();
        let is_theirs = |told: Cow<'_, str>| told.trim_ascii().eq_ignore_ascii_case(authority);
        ids.find(|id| is_theirs(id.component(4).subcomponent(1))).map(|id| id.component(1).text())
    });
    if let Some(number) = preferred.filter(|number| !number.trim_ascii().is_empty()) {
        return number;
    }
    let ids = patient.field(3).repetitions().map(|id| id.component(1).text());
    ids.chain([patient.value(2, 1)]).find(|id| !id.trim_ascii().is_empty()).unwrap_or_default()
}

/// Table 0280, also in words: S STAT, A as soon as possible, R routine.
fn urgency(head: &Segment<'_>) -> Option<Urgency> {
    match head.value(2, 1).to_ascii_uppercase().as_str() {
        "" => None,
        "S" | "STAT" | "URGENT" => Some(Urgency::Urgent),
        "A" | "ASAP" => Some(Urgency::Soon),
        _ => Some(Urgency::Routine),
    }
}

/// Table 0336 (reason) S, or table 0282 (disposition, which repeats) SO.
fn is_second_opinion(head: &Segment<'_>) -> Option<bool> {
    let mut dispositions = head.field(4).repetitions();
    let is_told = [4, 10].iter().any(|field| !head.value(*field, 1).is_empty());
    is_told.then(|| {
        head.value(10, 1).eq_ignore_ascii_case("S")
            || dispositions.any(|asked| asked.component(1).text().trim_ascii().eq_ignore_ascii_case("SO"))
    })
}

/// The office's own number for the referral that a message is about.
#[must_use]
pub fn number(message: &Message<'_>) -> Option<String> {
    identity(message, message.segment("RF1").as_ref())
}

fn identity(message: &Message<'_>, head: Option<&Segment<'_>>) -> Option<String> {
    let order = |segment: &str| some(message.value(segment, 2, 1));
    head.and_then(|head| some(head.value(6, 1))).or_else(|| order("OBR")).or_else(|| order("ORC"))
}

#[cfg(test)]
#[path = "referral_tests.rs"]
mod tests;
