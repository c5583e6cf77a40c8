//! Who pays (FHIR R4 Coverage): the plan that comes first, and the names of the others.
//!
//! Deliberately not here: which word for a payer its name means (domain).

use std::borrow::Cow;

use super::concept::Concept;
use super::details::WITHDRAWN;
use super::element::Element;
use super::fault::Issue;
use super::person::name;
use super::reference::{Resolver, Target};
use super::referral::Around;
use crate::domain::referral::{self, Told, put};

/// Tells the first insurance by its order, and the others by name.
pub fn read(request: &Element<'_>, resolver: &Resolver<'_, '_>, around: &Around<'_>, answers: &mut Told) {
    // What is found there stands among all insurances that were sent; what is not has at most a name.
    let named = resolver.many(request, "insurance", &["Coverage", "ClaimResponse"]).into_iter();
    let mut named = named.filter_map(|target| match target {
        Target::Named { display, .. } if !display.is_empty() => Some(display.to_owned()),
        _ => None,
    });
    let stands = |one: &&Element<'_>| {
        let is_off = matches!(one.text("status"), Some("cancelled" | "entered-in-error"));
        if is_off {
            one.warn("status", Issue::BusinessRule, WITHDRAWN);
        }
        !is_off
    };
    let mut plans: Vec<&Element<'_>> = around.coverages.iter().filter(stands).collect();
    plans.sort_by_key(|one| one.number("order").and_then(|told| told.parse::<u32>().ok()).unwrap_or(u32::MAX));
    let mut others: Vec<String> = plans.iter().skip(1).map(|plan| names(plan, resolver).join(", ")).collect();
    let mut first = match plans.first() {
        Some(plan) => {
            around_plan(plan, resolver, around, answers);
            names(plan, resolver)
        }
        None => named.next().into_iter().collect(),
    };
    others.extend(named);
    others.retain(|name| !name.is_empty());
    put(answers, "other_insurance", Cow::Owned(others.join("; ")));
    if plans.is_empty() && first.is_empty() {
        return;
    }
    put(answers, "payer", Cow::Borrowed(referral::payer(&first.join(" ")).as_str()));
    first.extend(plans.first().and_then(|plan| plan.text("subscriberId")).map(str::to_owned));
    put(answers, "insurance", Cow::Owned(first.join(", ")));
}

/// The names of who pays, and of the plan.
fn names(plan: &Element<'_>, resolver: &Resolver<'_, '_>) -> Vec<String> {
    let own = resolver.within(plan);
    let payors = own.many(plan, "payor", &["Organization", "Patient", "RelatedPerson"]).into_iter();
    let payors = payors.map(|payor| match payor {
        Target::Found(payor) if payor.kind() == "Organization" => payor.text("name").unwrap_or_default().to_owned(),
        Target::Named { display, .. } => display.to_owned(),
        Target::Found(_) | Target::Nowhere => String::new(),
    });
    let mut parts: Vec<String> = payors.collect();
    parts.push(Concept::below(plan, "type").words().to_owned());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Numbers of the group and the plan, and whose insurance it is.
fn around_plan(plan: &Element<'_>, resolver: &Resolver<'_, '_>, around: &Around<'_>, answers: &mut Told) {
    for class in plan.children("class") {
        let kind = Concept::below(&class, "type");
        let code = kind.codings.first().map_or(kind.text, |coding| coding.code);
        let told = [class.text("value"), class.text("name")].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let key = match code.to_ascii_lowercase().as_str() {
            "group" => "group_number",
            "plan" => "insurance_plan",
            _ => continue,
        };
        put(answers, key, Cow::Owned(told));
    }
    let relation = Concept::below(plan, "relationship");
    let code = relation.codings.first().map_or("", |coding| coding.code);
    let words = if relation.words().is_empty() { code } else { relation.words() };
    if code != "self" {
        put(answers, "insured_relationship", Cow::Borrowed(words));
        let insured = match resolver.within(plan).one(plan, "subscriber", &["Patient", "RelatedPerson"]) {
            Target::Found(person) => name(&person, around.today),
            Target::Named { display, .. } => display.to_owned(),
            Target::Nowhere => String::new(),
        };
        put(answers, "insured_name", Cow::Owned(insured));
    }
}
