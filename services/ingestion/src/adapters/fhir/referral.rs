//! A ServiceRequest and what belongs to it, read as the answers of a form, so that it goes the same way as everybody's.
//!
//! Deliberately not here: Bundles and messages (intake), and what was sent before (store).

use std::borrow::Cow;

use causeway_auth::fingerprint;
use causeway_funnel::inquiry::Urgency;
use jiff::civil::Date;

use super::bundle::Condition;
use super::concept::{Concept, Identifier, identifiers};
use super::date::is_date_time;
use super::document;
use super::element::Element;
use super::fault::{Class, Issue};
use super::number::Number;
use super::patient::{Patient, contact, name};
use super::provider;
use super::reference::{Resolver, Target};
use super::task::REFERENCE_SYSTEM;
use crate::domain::referral::{self, Contact, Told, put};

/// What a referral does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It asks for care.
    New,
    /// It tells something of a referral that should be known, for a person to act on: the word for what.
    About(&'static str),
    /// It asks what became of one. Nothing changes.
    Status,
}

/// What a referral says. PHI: no `Debug`.
pub struct Referral {
    /// What it does.
    pub verb: Verb,
    /// Answers by question key.
    pub answers: Told,
    /// The person's language, as far as it is told.
    pub language: String,
    /// How pressing the office calls it.
    pub urgency: Urgency,
    /// Whether a second opinion is asked for.
    pub second_opinion: bool,
    /// The office's own number for the referral, by who gave it; none: nothing tells it from the next one.
    pub identity: Option<(String, String)>,
    /// What the sender asks us to look for first.
    pub condition: Condition,
    /// What a repeat is known by where there is no number: patient, doctor, diagnoses and day, as of a row of a file.
    pub likeness: String,
}

/// What else of a request belongs to the referral.
pub struct Around<'t> {
    /// All patients that were sent.
    pub patients: Vec<Element<'t>>,
    /// All conditions.
    pub conditions: Vec<Element<'t>>,
    /// All insurances.
    pub coverages: Vec<Element<'t>>,
    /// All documents.
    pub documents: Vec<Element<'t>>,
    /// All people related to a patient.
    pub related: Vec<Element<'t>>,
    /// What the sender asks us to look for first.
    pub condition: Condition,
    /// Hosts of addresses at the office itself.
    pub hosts: &'t [&'t str],
    /// Today at the center.
    pub today: Date,
}

const STATUSES: [&str; 7] = ["draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"];
const INTENTS: [&str; 9] = [
    "proposal",
    "plan",
    "directive",
    "order",
    "original-order",
    "reflex-order",
    "filler-order",
    "instance-order",
    "option",
];
const PRIORITIES: [&str; 4] = ["routine", "urgent", "asap", "stat"];

const NO_STATUS: &str = "The referral does not tell whether it stands: send its status";
const NO_INTENT: &str = "The referral does not tell whether it is an order: send its intent";
const NO_SUBJECT: &str = "The referral does not tell who is referred: send the patient";
const UNRESOLVED: &str = "The patient is not in the request: send the Patient with it";
const DRAFT: &str = "A draft is not taken: send the referral when it is active";
const NO_ORDER: &str = "Only orders are taken, and no proposals, plans or options: send the referral when it is one";
const NOT_TO_DO: &str = "The request says that nothing shall be done (doNotPerform), so it is no referral";
const NOTHING: &str = "Nothing tells what the referral is about: send a diagnosis, a reason or a note";
const TWO_PEOPLE: &str = "A referral is about one patient: send another one for each other patient";
const R5: &str = "FHIR R4 has no such element here: send reasonCode or reasonReference";
const NO_TIME: &str = "This is no date or time as FHIR writes it; it is kept as it was told";
const NO_NUMBER: &str = "The referral has no number of yours, so a repeat is known by its patient, doctor, diagnoses and day alone: send identifier";

/// Reads a referral; nothing where it is refused.
#[must_use]
pub fn read<'t>(request: &Element<'t>, resolver: &Resolver<'_, 't>, around: &Around<'t>) -> Option<Referral> {
    let verb = verb(request);
    let identity = identity(request, &around.condition);
    let (patient, urgency) = (patient(request, resolver, around), urgency(request));
    let mut answers = Told::new();
    let reasons = reasons(request, resolver, around);
    let codes = reasons.iter().flat_map(|(_, concept)| concept.diagnoses());
    let (is_female, is_minor) = patient.as_ref().map_or((false, false), |one| (one.is_female, one.is_minor));
    referral::areas(&mut answers, codes, is_female, is_minor);
    let code = Concept::below(request, "code");
    why(request, &code, &reasons, &mut answers);
    provider::read(request, resolver, &mut answers);
    insurance(request, resolver, around, &mut answers);
    let documents: Vec<String> = around.documents.iter().filter_map(|one| document::read(one, around.hosts)).collect();
    put(&mut answers, "documents", Cow::Owned(documents.join("\n")));
    times(request, &mut answers);
    put(&mut answers, "referral_number", Cow::Borrowed(identity.map_or("", |number| number.value)));
    // An office that refers a person asks us to call them. Mail, texts and voice messages need the person's own consent.
    put(&mut answers, "consent_phone", Cow::Borrowed("yes"));
    let second_opinion = is_second_opinion(request, &code);
    // Whatever is wrong is known by now.
    let (patient, verb) = (patient?, verb?);
    patient.around(&mut answers);
    match patient.is_minor {
        false => referral::contact_patient(&mut answers, patient.own.clone()),
        true => referral::contact_guardian(&mut answers, patient.own.clone(), guardian(&patient, around)),
    }
    let identity = identity.map(|number| (number.system.to_owned(), number.value.to_owned()));
    let likeness = likeness(request, &patient, &reasons, &answers);
    let (language, condition) = (patient.language.clone(), around.condition.clone());
    Some(Referral { verb, answers, language, urgency, second_opinion, identity, condition, likeness })
}

fn likeness(
    request: &Element<'_>,
    patient: &Patient<'_>,
    reasons: &[(Element<'_>, Concept<'_>)],
    told: &Told,
) -> String {
    let mut codes: Vec<&str> = reasons.iter().flat_map(|(_, concept)| concept.diagnoses()).collect();
    codes.sort_unstable();
    codes.dedup();
    let answer = |key: &str| told.get(key).map_or("", String::as_str);
    let day = request.text("authoredOn").and_then(|at| at.get(..10)).unwrap_or_default();
    let name = patient.own.name.to_lowercase();
    fingerprint(["referral", &name, answer("birth_date"), answer("referring_npi"), day, &codes.join("|")])
}

fn verb(request: &Element<'_>) -> Option<Verb> {
    for (name, words) in [("status", NO_STATUS), ("intent", NO_INTENT)] {
        if !request.has(name) {
            request.missing(name, Class::Malformed, words);
        }
    }
    if request.flag("doNotPerform") == Some(true) {
        request.error("doNotPerform", Issue::BusinessRule, Class::Rule, NOT_TO_DO);
    }
    if request.has("reason") {
        request.error("reason", Issue::Structure, Class::Malformed, R5);
    }
    if let Some("proposal" | "plan" | "option") = request.code("intent", &INTENTS) {
        request.error("intent", Issue::BusinessRule, Class::Rule, NO_ORDER);
    }
    match request.code("status", &STATUSES)? {
        "active" => Some(Verb::New),
        "draft" => {
            request.error("status", Issue::BusinessRule, Class::Rule, DRAFT);
            None
        }
        "revoked" | "entered-in-error" => Some(Verb::About("referral_cancelled")),
        "completed" => Some(Verb::About("referral_completed")),
        _ => Some(Verb::About("referral_on_hold")),
    }
}

/// The patient that is referred, if there is one and nobody else.
fn patient<'t>(request: &Element<'t>, resolver: &Resolver<'_, 't>, around: &Around<'t>) -> Option<Patient<'t>> {
    let Some(subject) = request.child("subject") else {
        request.missing("subject", Class::Malformed, NO_SUBJECT);
        return None;
    };
    let found = match resolver.resolve(&subject, &["Patient"]) {
        Target::Found(found) => found,
        Target::Named { .. } => {
            subject.missing("reference", Class::Rule, UNRESOLVED);
            return None;
        }
        Target::Nowhere => {
            if !subject.has("reference") {
                subject.missing("reference", Class::Rule, UNRESOLVED);
            }
            return None;
        }
    };
    let patient = Patient::read(&found, around.today);
    for other in &around.patients {
        if other.path().to_string() != found.path().to_string() && !Patient::read(other, around.today).is_same(&patient)
        {
            other.error("", Issue::BusinessRule, Class::Rule, TWO_PEOPLE);
        }
    }
    Some(patient)
}

/// The office's number: by which it asks us to look first, else the one that is called so (PLAC), else its official one, else the
/// first. Ours, which it may have read here, is none.
fn identity<'s>(request: &Element<'s>, condition: &'s Condition) -> Option<Identifier<'s>> {
    let numbers = identifiers(request);
    let theirs = || {
        let is_ours = |number: &Identifier<'_>, kind: &Concept<'_>| {
            number.system == REFERENCE_SYSTEM || kind.has("v2-0203", &["FILL"])
        };
        numbers.iter().filter(move |(number, kind, _)| !is_ours(number, kind))
    };
    let found = match &condition.number {
        // Whoever gave it: then the referral itself may tell who did.
        Some(Number { system: None, value }) => {
            let told = theirs().find(|(number, ..)| number.value == value).map(|(number, ..)| *number);
            told.or(Some(Identifier { system: "", value }))
        }
        Some(number) => Some(number.borne()),
        None => {
            let placed = theirs().find(|(_, kind, _)| kind.has("v2-0203", &["PLAC"]));
            let official = || theirs().find(|(.., usage)| *usage == Some("official"));
            placed.or_else(official).or_else(|| theirs().next()).map(|(number, ..)| *number)
        }
    };
    if found.is_none() && condition.id.is_none() {
        request.warn("identifier", Issue::Required, NO_NUMBER);
        request.notes().oddity("no_referral_number");
    }
    found
}

/// The reasons in their order: codes, then the conditions that are referred to, then the others that were sent.
fn reasons<'t>(
    request: &Element<'t>,
    resolver: &Resolver<'_, 't>,
    around: &Around<'t>,
) -> Vec<(Element<'t>, Concept<'t>)> {
    let mut all: Vec<Element<'t>> = request.children("reasonCode");
    let may = ["Condition", "Observation", "DiagnosticReport", "DocumentReference"];
    let referred = resolver.many(request, "reasonReference", &may).into_iter().filter_map(Target::found);
    let conditions = referred.filter(|found| found.kind() == "Condition").chain(around.conditions.iter().cloned());
    let mut seen = std::collections::HashSet::new();
    for condition in conditions {
        if seen.insert(condition.path().to_string()) {
            let withdrawn = Concept::below(&condition, "verificationStatus");
            let is_withdrawn = withdrawn.has("condition-ver-status", &["entered-in-error", "refuted"]);
            resolver.one(&condition, "subject", &["Patient", "Group"]);
            all.extend(condition.child("code").filter(|_| !is_withdrawn));
        }
    }
    let read = |element: Element<'t>| {
        let concept = Concept::of(&element);
        concept.warn_of_retired(&element);
        (element, concept)
    };
    all.into_iter().map(read).collect()
}

/// What is asked for, the notes, then the diagnoses.
fn why(request: &Element<'_>, code: &Concept<'_>, reasons: &[(Element<'_>, Concept<'_>)], answers: &mut Told) {
    let mut lines = vec![code.words().to_owned()];
    lines.extend(request.children("note").iter().filter_map(|note| note.text("text")).map(str::to_owned));
    lines.extend(reasons.iter().map(|(_, reason)| reason.told()));
    if lines.iter().all(String::is_empty) {
        request.error("reasonCode", Issue::BusinessRule, Class::Rule, NOTHING);
    }
    referral::reason(answers, lines);
    put(answers, "patient_instruction", Cow::Borrowed(request.text("patientInstruction").unwrap_or_default()));
}

/// When the visit is wished for, as it was told.
fn times(request: &Element<'_>, answers: &mut Told) {
    let checked = |element: &Element<'_>, name: &'static str| {
        let told = element.text(name)?;
        if !is_date_time(told) {
            element.warn(name, Issue::Value, NO_TIME);
        }
        Some(told.to_owned())
    };
    let _ = checked(request, "authoredOn");
    let wished = match request.child("occurrencePeriod") {
        Some(period) => {
            let ends: Vec<String> = ["start", "end"].into_iter().filter_map(|end| checked(&period, end)).collect();
            ends.join(" – ")
        }
        None => checked(request, "occurrenceDateTime").unwrap_or_default(),
    };
    put(answers, "wished_time", Cow::Owned(wished));
}

/// The first insurance, by its order.
fn insurance(request: &Element<'_>, resolver: &Resolver<'_, '_>, around: &Around<'_>, answers: &mut Told) {
    // What is found there stands among all insurances that were sent.
    resolver.many(request, "insurance", &["Coverage", "ClaimResponse"]);
    let order = |one: &Element<'_>| one.number("order").and_then(|told| told.parse::<u32>().ok()).unwrap_or(u32::MAX);
    let stands = |one: &&Element<'_>| !matches!(one.text("status"), Some("cancelled" | "entered-in-error"));
    let Some(plan) = around.coverages.iter().filter(stands).min_by_key(|one| order(one)) else { return };
    let kind = Concept::below(plan, "type");
    let own = resolver.within(plan);
    let payors =
        own.many(plan, "payor", &["Organization", "Patient", "RelatedPerson"]).into_iter().map(|payor| match payor {
            Target::Found(payor) if payor.kind() == "Organization" => payor.text("name").unwrap_or_default().to_owned(),
            Target::Named { display, .. } => display.to_owned(),
            Target::Found(_) | Target::Nowhere => String::new(),
        });
    let mut parts: Vec<String> = payors.collect();
    parts.push(kind.words().to_owned());
    parts.retain(|part| !part.is_empty());
    put(answers, "payer", Cow::Borrowed(referral::payer(&parts.join(" ")).as_str()));
    parts.extend(plan.text("subscriberId").map(str::to_owned));
    put(answers, "insurance", Cow::Owned(parts.join(", ")));
}

/// Who speaks for a child: somebody that was sent as related, else a contact that the patient has.
fn guardian(patient: &Patient<'_>, around: &Around<'_>) -> Contact {
    let related = around.related.iter().map(|person| contact(person, name(person)));
    related.into_iter().find(|person| !person.name.is_empty()).or_else(|| patient.guardian()).unwrap_or_default()
}

/// <http://hl7.org/fhir/R4/valueset-request-priority.html>, as table 0280 of HL7 v2 has it.
fn urgency(request: &Element<'_>) -> Urgency {
    match request.code("priority", &PRIORITIES) {
        Some("stat") => Urgency::Urgent,
        Some("asap" | "urgent") => Urgency::Soon,
        _ => Urgency::Routine,
    }
}

/// By the codes of HL7 v2 for it (tables 0282 and 0336), or in words where the asked service stands.
fn is_second_opinion(request: &Element<'_>, code: &Concept<'_>) -> bool {
    let asks = |concept: &Concept<'_>| {
        let words = concept.codings.iter().map(|coding| coding.display).chain([concept.text]);
        let in_words = words.into_iter().any(|words| words.to_ascii_lowercase().contains("second opinion"));
        in_words || concept.has("v2-0282", &["SO"]) || concept.has("v2-0336", &["S"])
    };
    let others = ["category", "orderDetail"].into_iter().flat_map(|name| request.children(name));
    asks(code) || others.map(|element| Concept::of(&element)).any(|concept| asks(&concept))
}
