//! A ServiceRequest and what belongs to it, read as the answers of a form, so that it goes the same way as everybody's.
//!
//! Deliberately not here: Bundles and messages (intake), and what was sent before (store).

use std::borrow::Cow;

use causeway_auth::fingerprint;
use causeway_funnel::inquiry::Urgency;
use jiff::civil::Date;

use super::bundle::Condition;
use super::concept::{Concept, identifiers};
use super::date::is_date_time;
use super::details;
use super::document;
use super::element::Element;
use super::fault::{Class, Issue};
use super::insurance;
use super::number::Numbers;
use super::patient::{Patient, related};
use super::person::{contact, name};
use super::places::Places;
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
    /// The office's own numbers for the referral; none: nothing tells it from the next one.
    pub numbers: Numbers,
    /// What the sender asks us to look for first.
    pub condition: Condition,
    /// Where its parts stand.
    pub places: Places,
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
    /// All that carries documents.
    pub documents: Vec<Element<'t>>,
    /// All that is told in lines beside the referral.
    pub others: Vec<Element<'t>>,
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
const OTHER_PATIENT: &str = "This is about another patient than the referral, or its patient is not in the request: send it with the referral's own patient";
const NO_GUARDIAN: &str = "The patient is a child and nobody is told who speaks for it; a person will ask: send RelatedPerson or contact with a name";
const NO_NUMBER: &str = "The referral has no number of yours, so a repeat is known by its patient, doctor, diagnoses and day alone: send identifier";

/// Reads a referral; nothing where it is refused.
#[must_use]
pub fn read<'t>(request: &Element<'t>, resolver: &Resolver<'_, 't>, around: &Around<'t>) -> Option<Referral> {
    let verb = verb(request);
    let numbers = numbers(request, &around.condition);
    let (patient, urgency) = (patient(request, resolver, around), urgency(request));
    let mut answers = Told::new();
    let reasons = reasons(request, resolver, around);
    let codes = reasons.iter().flat_map(|(_, concept)| concept.diagnoses());
    let (is_female, is_minor) = patient.as_ref().map_or((false, false), |one| (one.is_female, one.is_minor));
    referral::areas(&mut answers, codes, is_female, is_minor);
    let code = Concept::below(request, "code");
    let named = named_reasons(request, resolver);
    why(request, &code, (&reasons, named), &mut answers);
    provider::read(request, resolver, around.today, &mut answers);
    insurance::read(request, resolver, around, &mut answers);
    let scope = document::Scope { resolver: Some(resolver), hosts: around.hosts };
    put(&mut answers, "documents", Cow::Owned(document::lines(&around.documents, &scope).join("\n")));
    for form in around.others.iter().filter(|one| one.kind() == "QuestionnaireResponse") {
        document::answered(form, &scope);
    }
    details::of_request(request, resolver, &mut answers);
    details::around(&around.others, &mut answers);
    times(request, &mut answers);
    put(&mut answers, "referral_number", Cow::Borrowed(numbers.own.as_ref().map_or("", |(_, value)| value)));
    // An office that refers a person asks us to call them. Mail, texts and voice messages need the person's own consent.
    put(&mut answers, "consent_phone", Cow::Borrowed("yes"));
    let second_opinion = is_second_opinion(request, &code);
    // Whatever is wrong is known by now.
    let (patient, verb) = (patient?, verb?);
    for one in around.documents.iter().chain(&around.others) {
        about(one, &patient, resolver, around.today);
    }
    patient.around(&mut answers);
    let beside = beside(&patient, around);
    if let Some((_, relation)) = &beside {
        put(&mut answers, "contact_relationship", Cow::Borrowed(relation.words()));
    }
    let person = beside.map(|(person, _)| person).unwrap_or_default();
    match patient.is_minor {
        false => {
            put(&mut answers, "contact_name", Cow::Owned(person.name));
            put(&mut answers, "contact_phone", Cow::Owned(person.phone));
            referral::contact_patient(&mut answers, patient.own.clone());
        }
        true => {
            if person.name.is_empty() {
                patient.element().warn("contact", Issue::Required, NO_GUARDIAN);
            }
            referral::contact_guardian(&mut answers, patient.own.clone(), person);
        }
    }
    let likeness = likeness(request, &patient, &reasons, &answers);
    let (language, condition) = (patient.language.clone(), around.condition.clone());
    let places = Places {
        request: request.path().to_string(),
        patient: patient.element().path().to_string(),
        is_form: false,
        is_child: patient.is_minor,
    };
    Some(Referral { verb, answers, language, urgency, second_opinion, numbers, condition, places, likeness })
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

/// The office's numbers. It is known by the one that is called so (PLAC), else its official one, else the first, else by the one
/// that it asks us to look for. Ours, which it may have read here, is kept apart.
fn numbers(request: &Element<'_>, condition: &Condition) -> Numbers {
    let told = identifiers(request);
    let mut theirs: Vec<_> = told
        .iter()
        .filter(|(number, kind, _)| number.system == REFERENCE_SYSTEM || !kind.has("v2-0203", &["FILL"]))
        .collect();
    theirs.sort_by_key(|(_, kind, usage)| (!kind.has("v2-0203", &["PLAC"]), *usage != Some("official")));
    let found = Numbers::of(theirs.iter().map(|(number, ..)| *number), condition.number.as_ref());
    if found.own.is_none() && found.ours.is_none() && condition.id.is_none() {
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

/// Reasons that are named and not sent.
fn named_reasons(request: &Element<'_>, resolver: &Resolver<'_, '_>) -> Vec<String> {
    let named = resolver.many(request, "reasonReference", &[]).into_iter().map(|target| match target {
        Target::Named { display, .. } => display.to_owned(),
        Target::Found(_) | Target::Nowhere => String::new(),
    });
    named.collect()
}

/// What is asked for, the notes, the diagnoses, then the reasons that are only named.
fn why(
    request: &Element<'_>,
    code: &Concept<'_>,
    (reasons, named): (&[(Element<'_>, Concept<'_>)], Vec<String>),
    answers: &mut Told,
) {
    let mut lines = vec![code.words().to_owned()];
    lines.extend(request.children("note").iter().filter_map(|note| note.text("text")).map(str::to_owned));
    lines.extend(reasons.iter().map(|(_, reason)| reason.told()));
    lines.extend(named);
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

/// Who speaks for a child, or may be called beside the patient: of a child somebody that was sent as related before a contact that
/// it has, of an adult the other way round.
fn beside<'t>(patient: &Patient<'t>, around: &Around<'t>) -> Option<(Contact, Concept<'t>)> {
    let related = || {
        let people = around.related.iter().filter(|person| {
            let is_over = person.flag("active") == Some(false);
            if is_over {
                person.warn("active", Issue::BusinessRule, details::WITHDRAWN);
            }
            !is_over
        });
        let mut told =
            people.map(|person| (contact(person, name(person, around.today), around.today), related(person)));
        told.find(|(person, _)| !person.name.is_empty())
    };
    if patient.is_minor { related().or_else(|| patient.beside()) } else { patient.beside().or_else(related) }
}

/// Refuses what is about somebody else: filed here, it would be taken for this patient's.
fn about(element: &Element<'_>, patient: &Patient<'_>, resolver: &Resolver<'_, '_>, today: Date) {
    let name =
        if ["AllergyIntolerance", "FamilyMemberHistory"].contains(&element.kind()) { "patient" } else { "subject" };
    let Some(told) = element.child(name) else { return };
    let is_ours = match resolver.within(element).resolve(&told, &[]) {
        Target::Found(found) => {
            let is_same = || found.kind() == "Patient" && Patient::read(&found, today).is_same(patient);
            found.path().to_string() == patient.element().path().to_string() || is_same()
        }
        Target::Named { value, .. } if !value.is_empty() => patient.bears(value),
        Target::Named { .. } => !told.has("reference"),
        Target::Nowhere => true,
    };
    if !is_ours {
        element.error(name, Issue::BusinessRule, Class::Rule, OTHER_PATIENT);
    }
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
