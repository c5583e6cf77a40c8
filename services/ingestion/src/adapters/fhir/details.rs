//! What is told around a referral besides what a form asks: findings, medicines, allergies, stages, the answers of a form.
//!
//! It is put into lines for people, under a key of its own for each kind, and decides nothing. So its parts are read mildly: a
//! finding of an odd shape turns no referral away, but a sender hears of each resource of which nothing is understood, and what
//! may turn a meaning round is refused here as well. Deliberately not here: documents (document) and what steers a referral.

use std::borrow::Cow;

use super::bundle::NOT_READ;
use super::concept::Concept;
use super::element::{Element, MODIFIER};
use super::fault::{Class, Issue};
use super::json::{Json, Object};
use super::reference::{Resolver, Target};
use crate::domain::referral::{Told, put};

/// What a sender hears of what does not stand by its own status.
pub const WITHDRAWN: &str =
    "By its status this does not stand, so nobody at the center is told of it: send it with another one if it does";

/// Statuses by which something does not stand.
const WITHDRAWING: [&str; 5] = ["entered-in-error", "refuted", "cancelled", "not-taken", "not-done"];
/// Those by which it stands as it is told. Any other is told with it.
const PLAIN: [&str; 8] = ["", "active", "completed", "final", "amended", "corrected", "confirmed", "unknown"];

/// Types that are told in lines, and under which key.
pub const KINDS: [(&str, &str); 9] = [
    ("AllergyIntolerance", "allergies"),
    ("Condition", "condition_details"),
    ("DiagnosticReport", "reports"),
    ("FamilyMemberHistory", "family_history"),
    ("MedicationRequest", "medications"),
    ("MedicationStatement", "medications"),
    ("Observation", "observations"),
    ("Procedure", "procedures"),
    ("QuestionnaireResponse", "form_answers"),
];

/// Tells all resources that were sent around a referral.
pub fn around(all: &[Element<'_>], answers: &mut Told) {
    for (kind, key) in KINDS {
        for element in all.iter().filter(|element| element.kind() == kind) {
            let line = line(element);
            if line.is_empty() {
                continue;
            }
            answers.entry(key.to_owned()).and_modify(|lines| *lines = format!("{lines}\n{line}")).or_insert(line);
        }
    }
}

/// One resource in words; empty where nothing of it can be told, which its sender hears, or where it does not stand.
pub fn line(element: &Element<'_>) -> String {
    let object = element.object();
    if object.members().any(|(name, json)| name != "modifierExtension" && is_modified(json)) {
        element.error("", Issue::Extension, Class::Rule, MODIFIER);
    }
    let withdrawn = [object.text("status"), code(object.member("verificationStatus"))];
    if withdrawn.iter().any(|status| WITHDRAWING.contains(status)) {
        element.warn("", Issue::BusinessRule, WITHDRAWN);
        return String::new();
    }
    let parts: Vec<Cow<'_, str>> = match element.kind() {
        "AllergyIntolerance" => {
            let reactions = object.objects("reaction").flat_map(|one| one.objects("manifestation")).map(words);
            [vec![words_of(object, "code"), object.text("criticality").into()], reactions.collect()].concat()
        }
        "DiagnosticReport" => vec![words_of(object, "code"), object.text("conclusion").into(), day(object)],
        "FamilyMemberHistory" => {
            let conditions = object.objects("condition").map(|condition| words_of(condition, "code"));
            std::iter::once(words_of(object, "relationship")).chain(conditions).collect()
        }
        "MedicationRequest" | "MedicationStatement" => {
            let named = object.member("medicationReference").map_or("", |medicine| medicine.text("display"));
            let dosages = ["dosage", "dosageInstruction"].into_iter().flat_map(|name| object.objects(name));
            let mut parts = vec![words_of(object, "medicationCodeableConcept"), named.into()];
            parts.extend(dosages.map(|dosage| Cow::Borrowed(dosage.text("text"))));
            parts
        }
        "Observation" => {
            let components = object.objects("component").map(|part| Cow::Owned(finding(part)));
            [vec![Cow::Owned(finding(object))], components.collect(), vec![day(object)]].concat()
        }
        "Procedure" => vec![words_of(object, "code"), day(object)],
        "Condition" => return condition(object),
        "QuestionnaireResponse" => vec![form(object).into()],
        _ => Vec::new(),
    };
    let notes = object.objects("note").map(|note| Cow::Borrowed(note.text("text")));
    let standing = standing(object);
    let told = joined(parts.into_iter().chain(notes).chain(standing), ", ");
    // Before what is told, so that nobody reads on without it.
    let told = match object.get("doNotPerform") {
        Some(Json::Bool(true)) => format!("NOT to be given: {told}"),
        _ => told,
    };
    let has_documents = element.kind() == "DiagnosticReport" && element.has("presentedForm");
    if told.is_empty() && !has_documents {
        element.warn("", Issue::NotSupported, NOT_READ);
    }
    told
}

/// How something stands, where that is not as usual: a medicine that was stopped, an allergy that is resolved.
fn standing<'o>(object: &'o Object<'_>) -> impl Iterator<Item = Cow<'o, str>> {
    let told =
        [object.text("status"), code(object.member("clinicalStatus")), code(object.member("verificationStatus"))];
    told.into_iter().filter(|status| !PLAIN.contains(status)).map(Cow::Borrowed)
}

/// What is told of a condition beside its code, which stands among the reasons.
fn condition(object: &Object<'_>) -> String {
    let listed = |name| object.objects(name).map(words);
    let stages = object.objects("stage").map(|stage| words_of(stage, "summary"));
    let mut parts: Vec<Cow<'_, str>> = stages.chain(listed("bodySite")).collect();
    parts.push(words_of(object, "severity"));
    parts.extend(["onsetDateTime", "onsetString"].map(|name| Cow::Borrowed(object.text(name))));
    parts.extend(object.objects("note").map(|note| Cow::Borrowed(note.text("text"))));
    parts.extend(standing(object));
    let told = joined(parts.into_iter(), ", ");
    if told.is_empty() { told } else { joined([words_of(object, "code"), told.into()].into_iter(), ": ") }
}

/// The answers of a form, each with its question, wherever they are nested.
fn form(above: &Object<'_>) -> String {
    let lines = above.objects("item").map(|item| {
        let answers = || item.objects("answer");
        let told = joined(answers().map(|answer| Cow::Owned(value(answer))), ", ");
        let question = [item.text("text"), item.text("linkId")].into_iter().find(|text| !text.is_empty());
        let own = if told.is_empty() { told } else { format!("{}: {told}", question.unwrap_or_default()) };
        let below = std::iter::once(item).chain(answers()).map(|below| Cow::Owned(form(below)));
        Cow::Owned(joined(std::iter::once(Cow::Owned(own)).chain(below), "\n"))
    });
    joined(lines, "\n")
}

/// What was found, and its value, with what the laboratory says of it.
fn finding(object: &Object<'_>) -> String {
    let beside = object.objects("interpretation").map(words);
    let usual = object.objects("referenceRange").map(|range| {
        let told = if range.text("text").is_empty() { span(range) } else { range.text("text").to_owned() };
        Cow::Owned(if told.is_empty() { told } else { format!("usual {told}") })
    });
    let beside = joined(beside.chain(usual).chain([words_of(object, "bodySite")]), ", ");
    let value = value(object);
    let told = match (value.is_empty(), beside.is_empty()) {
        (false, false) => format!("{value} ({beside})"),
        (true, _) => beside,
        _ => value,
    };
    joined([words_of(object, "code"), told.into(), words_of(object, "dataAbsentReason")].into_iter(), ": ")
}

/// From one quantity to another, as a range tells both.
fn span(range: &Object<'_>) -> String {
    let end = |name| range.member(name).map(quantity).unwrap_or_default();
    match (end("low"), end("high")) {
        (low, high) if !low.is_empty() && !high.is_empty() => format!("{low} to {high}"),
        (low, _) if !low.is_empty() => format!("from {low}"),
        (_, high) if !high.is_empty() => format!("up to {high}"),
        _ => String::new(),
    }
}

fn quantity(told: &Object<'_>) -> String {
    let parts = [told.text("comparator"), told.number("value"), told.text("unit")];
    joined(parts.map(Cow::Borrowed).into_iter(), " ")
}

/// A value of any type that can be told in words.
fn value(object: &Object<'_>) -> String {
    const TEXTS: [&str; 5] = ["valueString", "valueDate", "valueDateTime", "valueTime", "valueUri"];
    if let Some(Json::Bool(is)) = object.get("valueBoolean") {
        return if *is { "yes" } else { "no" }.to_owned();
    }
    let numbers = ["valueInteger", "valueDecimal"].map(|name| Cow::Borrowed(object.number(name)));
    let texts = TEXTS.map(|name| Cow::Borrowed(object.text(name)));
    let coded =
        [words_of(object, "valueCodeableConcept"), object.member("valueCoding").map(coding).unwrap_or_default().into()];
    let mut more = vec![object.member("valueQuantity").map(quantity).unwrap_or_default()];
    more.push(object.member("valueRange").map(span).unwrap_or_default());
    more.extend(object.member("valueRatio").map(|ratio| {
        let part = |name| Cow::Owned(ratio.member(name).map(quantity).unwrap_or_default());
        joined([part("numerator"), part("denominator")].into_iter(), " : ")
    }));
    let document = object
        .member("valueAttachment")
        .map(|one| joined(["title", "contentType"].map(|name| Cow::Borrowed(one.text(name))).into_iter(), ", "));
    let reference = object.member("valueReference").map(|one| one.text("display").to_owned());
    let more = more.into_iter().chain(document).chain(reference).map(Cow::Owned);
    joined(numbers.into_iter().chain(texts).chain(coded).chain(more), ", ")
}

/// When it was, to the day.
fn day<'o>(object: &'o Object<'_>) -> Cow<'o, str> {
    let told = ["effectiveDateTime", "performedDateTime"].map(|name| object.text(name));
    let told = told.into_iter().find(|told| !told.is_empty()).unwrap_or_default();
    Cow::Borrowed(told.get(..10).unwrap_or(told))
}

fn words_of<'o>(object: &'o Object<'_>, name: &str) -> Cow<'o, str> {
    object.member(name).map(words).unwrap_or_default()
}

/// A concept in its own words, else in those of a code.
fn words<'o>(concept: &'o Object<'_>) -> Cow<'o, str> {
    let text = concept.text("text");
    Cow::Borrowed(if text.is_empty() {
        concept.objects("coding").map(coding).find(|told| !told.is_empty()).unwrap_or_default()
    } else {
        text
    })
}

/// A code in words, else itself.
fn coding<'o>(coding: &'o Object<'_>) -> &'o str {
    let display = coding.text("display");
    if display.is_empty() { coding.text("code") } else { display }
}

fn code<'o>(concept: Option<&'o Object<'_>>) -> &'o str {
    concept.and_then(|concept| concept.objects("coding").next()).map_or("", |coding| coding.text("code"))
}

fn joined<'o>(parts: impl Iterator<Item = Cow<'o, str>>, between: &str) -> String {
    crate::domain::referral::joined(&parts.collect::<Vec<_>>(), between)
}

/// Whether anything below may turn a meaning round. JSON nests no deeper than its reader allows.
fn is_modified(json: &Json<'_>) -> bool {
    match json {
        Json::List(all) => all.iter().any(is_modified),
        Json::Object(object) => object.members().any(|(name, json)| match json {
            Json::List(told) if name == "modifierExtension" => !told.is_empty(),
            _ => is_modified(json),
        }),
        _ => false,
    }
}

/// What the request itself tells besides.
pub fn of_request(request: &Element<'_>, resolver: &Resolver<'_, '_>, answers: &mut Told) {
    const LISTS: [(&str, &str); 4] = [
        ("category", "category"),
        ("bodySite", "body_site"),
        ("locationCode", "requested_location"),
        ("orderDetail", "order_detail"),
    ];
    let mut tell = |key: &str, words: Vec<&str>| {
        let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty()).collect();
        put(answers, key, Cow::Owned(words.join("; ")));
    };
    for (name, key) in LISTS {
        let concepts: Vec<Concept<'_>> = request.children(name).iter().map(Concept::of).collect();
        tell(key, concepts.iter().map(words_or_code).collect());
    }
    tell("requested_specialty", vec![words_or_code(&Concept::below(request, "performerType"))]);
    let group = request.child("requisition");
    tell("requisition_number", vec![group.as_ref().and_then(|group| group.text("value")).unwrap_or_default()]);
    let day = request.text("authoredOn").unwrap_or_default();
    tell("referral_date", vec![day.get(..10).unwrap_or(day)]);
    let named = |target: Target<'_>| match target {
        Target::Named { display, .. } => display.to_owned(),
        Target::Found(_) | Target::Nowhere => String::new(),
    };
    for (name, key) in [("supportingInfo", "supporting_info"), ("locationReference", "requested_place")] {
        let told: Vec<String> = resolver.many(request, name, &[]).into_iter().map(named).collect();
        tell(key, told.iter().map(String::as_str).collect());
    }
}

fn words_or_code<'t>(concept: &Concept<'t>) -> &'t str {
    let code = || concept.codings.first().map_or("", |coding| coding.code);
    Some(concept.words()).filter(|words| !words.is_empty()).unwrap_or_else(code)
}
