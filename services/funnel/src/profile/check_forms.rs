//! Checks of a center's forms: one for each consult type, few core questions, each explained, and nobody made to know a term.
//!
//! Deliberately not here: that their words exist in every language and push nobody (check_texts says how; it is asked here).

use std::collections::BTreeSet;

use super::Profile;
use super::bundle::Bundle;
use super::check::In;
use super::check_texts::spoken;
use crate::fault::Fault;
use crate::form::{Field, FieldKind, Form, Part, ProofOfWork, choice_label};
use crate::inquiry::ConsultType;

pub(super) fn whole(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    for form in profile.forms.values() {
        let path = format!("forms/{}.toml", form.id);
        self::form(profile, form, &mut In::file(bundle, &path, faults));
    }
    let mut programs = In::file(bundle, "programs.toml", faults);
    programs.unless(!profile.forms.is_empty(), "program", "the center has no form", "add forms/general.toml");
    consult_types(profile, bundle, faults);
}

/// Each consult type has a form, so that each landing page has one. The form that asks for the consult type is the one for
/// people who are not sure.
fn consult_types(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    if profile.forms.is_empty() {
        return;
    }
    for wanted in ConsultType::ALL {
        let serves = |form: &Form| form.consult_type.unwrap_or(ConsultType::NotSure) == *wanted;
        let (path, remedy) = match wanted {
            ConsultType::NotSure => {
                ("forms/general.toml".to_owned(), "add a form that asks \"consult_type\"".to_owned())
            }
            wanted => (
                format!("forms/{}.toml", wanted.as_str().replace('_', "-")),
                format!("add a form with consult_type = \"{wanted}\""),
            ),
        };
        let what = format!("no form is for the consult type \"{wanted}\"");
        In::file(bundle, &path, faults).unless(profile.forms.values().any(serves), "consult_type", what, remedy);
    }
}

fn form(profile: &Profile, form: &Form, file: &mut In<'_, '_>) {
    spoken(file, profile, "title", &form.title);
    spoken(file, profile, "intro", &form.intro);
    spoken(file, profile, "lead", &form.consent.lead);
    form.consent.ticks.iter().for_each(|tick| spoken(file, profile, &tick.key, &tick.label));
    file.unless(
        ProofOfWork::BITS.contains(&form.proof_of_work.bits),
        "bits",
        format!("the proof of work has {} bits", form.proof_of_work.bits),
        "use 8 to 20: with 16 a phone works for about a second, with 20 for ten",
    );
    let mut seen = BTreeSet::new();
    for question in &form.questions {
        let key = question.key.as_str();
        spoken(file, profile, key, &question.label);
        spoken(file, profile, key, &question.hint);
        spoken(file, profile, key, &question.missing);
        file.unless(!question.label.is_empty(), key, format!("question \"{key}\" has no words"), "add its label");
        file.unless(!question.fields.is_empty(), key, format!("question \"{key}\" has no field"), "add a field");
        let explained = question.part == Part::Optional
            || !question.hint.is_empty()
            || question.fields.iter().any(|field| !field.hint.is_empty());
        file.unless(
            explained,
            key,
            format!("the core question \"{key}\" has no explanation"),
            "add its hint: a short sentence in plain words",
        );
        for field in &question.fields {
            let told_apart = question.fields.len() == 1 || !field.label.is_empty();
            file.unless(
                told_apart,
                &field.key,
                format!("field \"{}\" has no words", field.key),
                "add its label; its question has several fields",
            );
            file.unless(
                seen.insert(&field.key),
                &field.key,
                format!("field \"{}\" occurs twice", field.key),
                "ask each thing once",
            );
            self::field(profile, field, file);
        }
    }
    needed_fields(form, &seen, file);
    file.unless(
        !form.consent.ticks.is_empty(),
        "consent",
        "the consent has no box",
        "add at least one tick under [consent]",
    );
    for tick in &form.consent.ticks {
        let known =
            matches!(tick.key.as_str(), "consent_email" | "consent_sms" | "consent_phone" | "consent_voicemail");
        file.unless(
            known,
            &tick.key,
            format!("consent \"{}\" is unknown", tick.key),
            "use consent_email, consent_sms, consent_phone or consent_voicemail",
        );
    }
}

fn needed_fields(form: &Form, keys: &BTreeSet<&String>, file: &mut In<'_, '_>) {
    let core: BTreeSet<&str> =
        form.core().flat_map(|question| question.fields.iter().map(|field| field.key.as_str())).collect();
    for needed in ["who", "name", "cancer_area"] {
        file.unless(
            core.contains(needed),
            "question",
            format!("the core part does not ask \"{needed}\""),
            "add the question",
        );
    }
    file.unless(
        core.contains("phone") || core.contains("email"),
        "question",
        "the core part asks for no phone and no e-mail",
        "add one of them",
    );
    let asks = keys.iter().any(|key| *key == "consult_type");
    file.unless(
        asks != form.consult_type.is_some(),
        "consult_type",
        "the consult type is not either fixed or asked",
        "set consult_type at the top, or ask the question, but not both",
    );
    let count = form.core().count();
    file.unless(
        count <= 6,
        "question",
        format!("the form has {count} core questions"),
        "keep at most 6; move the others to part = \"optional\"",
    );
    let first_optional =
        form.questions.iter().position(|question| question.part == Part::Optional).unwrap_or(form.questions.len());
    let mixed = form.questions[first_optional..].iter().any(|question| question.part == Part::Core);
    file.unless(!mixed, "optional", "core questions come after optional ones", "move the core questions to the front");
}

fn field(profile: &Profile, field: &Field, file: &mut In<'_, '_>) {
    let key = field.key.as_str();
    spoken(file, profile, key, &field.label);
    spoken(file, profile, key, &field.hint);
    if field.kind != FieldKind::Choice {
        return;
    }
    file.unless(!field.options.is_empty(), key, format!("the choice \"{key}\" has no options"), "list its options");
    for option in &field.options {
        spoken(file, profile, &option.value, &option.label);
        let worded = !option.label.is_empty() || choice_label(key, option, "en") != option.value;
        file.unless(
            worded,
            &option.value,
            format!("\"{}\" is no standard answer to \"{key}\" and has no words", option.value),
            "add a label, or correct the value",
        );
        let site = key != "site_preference"
            || matches!(option.value.as_str(), "any" | "not_sure")
            || profile.site(&option.value).is_some();
        file.unless(
            site,
            &option.value,
            format!("site \"{}\" does not exist", option.value),
            "use a site id of center.toml, or any",
        );
    }
    if key == "consult_type" {
        for wanted in ConsultType::ALL {
            file.unless(
                field.options.iter().any(|option| option.value == wanted.as_str()),
                key,
                format!("the question for the consult type does not offer \"{wanted}\""),
                format!("add {{ value = \"{wanted}\" }} to its options"),
            );
        }
    }
    let may_not_know = matches!(key, "cancer_area" | "consult_type" | "payer" | "records_on_hand");
    let last = field.options.last().is_some_and(|option| option.value == "not_sure");
    file.unless(
        !may_not_know || last,
        key,
        format!("the last answer to \"{key}\" is not \"not_sure\""),
        "people may not know this; put not_sure last",
    );
}
