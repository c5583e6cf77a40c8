//! Checks of what people will read: every language complete, no pressure, no health words where others see them.

use std::collections::BTreeSet;

use super::bundle::Bundle;
use super::check::In;
use super::template::{NEXT_STEP_MARK, Template};
use super::{Profile, forbidden_phrase, health_word};
use crate::fault::Fault;
use crate::form::{Field, FieldKind, Form, Part, choice_label};
use crate::words::Words;

/// Messages that every center must have, in each of its languages.
const NEEDED_TEMPLATES: [&str; 14] = [
    "confirmation",
    "confirmation-sms",
    "confirmation-after-hours",
    "confirmation-after-hours-sms",
    "appointment-booked",
    "appointment-booked-sms",
    "appointment-reminder",
    "appointment-reminder-sms",
    "records-request",
    "records-request-sms",
    "follow-up-no-show",
    "follow-up-no-show-sms",
    "follow-up-not-reached",
    "follow-up-not-reached-sms",
];
const TEXT_MESSAGE_LIMIT: usize = 320;

pub(super) fn whole(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    center(profile, &mut In::file(bundle, "center.toml", faults));
    words_of_files(profile, bundle, faults);
    for form in profile.forms.values() {
        let path = format!("forms/{}.toml", form.id);
        self::form(profile, form, &mut In::file(bundle, &path, faults));
    }
    let mut programs = In::file(bundle, "programs.toml", faults);
    programs.unless(!profile.forms.is_empty(), "program", "the center has no form", "add forms/general.toml");
    scripts(profile, bundle, faults);
    templates(profile, bundle, faults);
}

fn spoken(file: &mut In<'_, '_>, profile: &Profile, near: &str, words: &Words) {
    for language in words.lacks(&profile.center.languages) {
        file.unless(
            false,
            near,
            format!("\"{near}\" has no words in \"{language}\""),
            format!("add {language} = \"...\""),
        );
    }
    for text in words.0.values() {
        if let Some(phrase) = forbidden_phrase(text) {
            file.unless(
                false,
                phrase,
                format!("\"{near}\" pushes people with \"{phrase}\""),
                "say it plainly, without pressure",
            );
        }
    }
}

fn center(profile: &Profile, file: &mut In<'_, '_>) {
    let center = &profile.center;
    for name in std::iter::once(&center.short_name).chain(center.sites.iter().map(|site| &site.name)) {
        if let Some(word) = health_word(name) {
            file.unless(
                false,
                name,
                format!("the name \"{name}\" says \"{word}\""),
                "choose a name that is safe in subject lines and texts",
            );
        }
    }
    spoken(file, profile, "emergency", &center.emergency);
    center.sites.iter().for_each(|site| spoken(file, profile, &site.id, &site.directions));
}

fn words_of_files(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    let mut file = In::file(bundle, "programs.toml", faults);
    profile.programs.programs.iter().for_each(|program| spoken(&mut file, profile, &program.id, &program.name));
    profile.programs.out_of_scope.iter().for_each(|entry| spoken(&mut file, profile, &entry.id, &entry.words));
    let mut file = In::file(bundle, "teams.toml", faults);
    profile.teams.teams.iter().for_each(|team| spoken(&mut file, profile, &team.id, &team.name));
    let mut file = In::file(bundle, "records.toml", faults);
    for document in &profile.checklists.documents {
        spoken(&mut file, profile, &document.kind, &document.label);
        spoken(&mut file, profile, &document.kind, &document.hint);
    }
    let mut file = In::file(bundle, "intake.toml", faults);
    for field in &profile.note.fields {
        spoken(&mut file, profile, &field.key, &field.label);
        spoken(&mut file, profile, &field.key, &field.why);
    }
    let mut file = In::file(bundle, "booking.toml", faults);
    for rule in &profile.booking.rules {
        spoken(&mut file, profile, &rule.visit_kind, &rule.patient);
    }
}

fn form(profile: &Profile, form: &Form, file: &mut In<'_, '_>) {
    spoken(file, profile, "title", &form.title);
    spoken(file, profile, "intro", &form.intro);
    spoken(file, profile, "lead", &form.consent.lead);
    form.consent.ticks.iter().for_each(|tick| spoken(file, profile, &tick.key, &tick.label));
    let mut seen = BTreeSet::new();
    for question in &form.questions {
        let key = question.key.as_str();
        spoken(file, profile, key, &question.label);
        spoken(file, profile, key, &question.hint);
        spoken(file, profile, key, &question.missing);
        file.unless(!question.label.is_empty(), key, format!("question \"{key}\" has no words"), "add its label");
        file.unless(!question.fields.is_empty(), key, format!("question \"{key}\" has no field"), "add a field");
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
    let may_not_know = matches!(key, "cancer_area" | "consult_type" | "payer" | "records_on_hand");
    let last = field.options.last().is_some_and(|option| option.value == "not_sure");
    file.unless(
        !may_not_know || last,
        key,
        format!("the last answer to \"{key}\" is not \"not_sure\""),
        "people may not know this; put not_sure last",
    );
}

fn scripts(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    let paths = bundle.files.iter().filter(|(path, _)| path.starts_with("scripts/"));
    for (path, text) in paths {
        if let Some(phrase) = forbidden_phrase(text) {
            In::file(bundle, path, faults).unless(
                false,
                phrase,
                format!("the script pushes people with \"{phrase}\""),
                "say it plainly, without pressure",
            );
        }
    }
    let ids: BTreeSet<&str> = profile.scripts.0.iter().map(|script| script.id.as_str()).collect();
    for id in ids {
        let default = profile.default_language();
        let exists = profile.scripts.0.iter().any(|script| script.id == id && script.language == default);
        In::file(bundle, "routing.csv", faults).unless(
            exists,
            id,
            format!("script \"{id}\" does not exist in \"{default}\""),
            "add it to scripts/",
        );
    }
}

fn templates(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    let names: BTreeSet<&str> =
        profile.templates.keys().map(|(_, name)| name.as_str()).chain(NEEDED_TEMPLATES).collect();
    for language in &profile.center.languages {
        for name in &names {
            let path = format!("templates/{language}/{name}.txt");
            let mut file = In::file(bundle, &path, faults);
            match profile.templates.get(&(language.clone(), (*name).to_owned())) {
                Some(template) => self::template(template, &mut file),
                None => file.unless(
                    false,
                    "",
                    format!("the message \"{name}\" does not exist in \"{language}\""),
                    "write it; see a demo center",
                ),
            }
        }
    }
}

fn template(template: &Template, file: &mut In<'_, '_>) {
    let parts = [Some(&template.text), template.subject.as_ref(), template.html.as_ref()];
    for text in parts.into_iter().flatten() {
        if let Some(phrase) = forbidden_phrase(text) {
            file.unless(
                false,
                phrase,
                format!("the message pushes people with \"{phrase}\""),
                "say it plainly, without pressure",
            );
        }
    }
    file.unless(
        template.text.contains(NEXT_STEP_MARK),
        "",
        "the message tells no next step",
        format!("put {NEXT_STEP_MARK} before the sentence that does"),
    );
    file.unless(
        template.text.contains("stop_link") || template.text.contains("STOP"),
        "",
        "the message tells no way to stop",
        "add {{ stop_link }}, or STOP in a text message",
    );
    let public = if template.is_sms() { Some(&template.text) } else { template.subject.as_ref() };
    if let Some(word) = public.and_then(|text| health_word(text)) {
        file.unless(
            false,
            word,
            format!("others may see \"{word}\""),
            "leave health out of subject lines and text messages",
        );
    }
    if template.is_sms() {
        let length = template.text.chars().count();
        file.unless(
            length <= TEXT_MESSAGE_LIMIT,
            "",
            format!("the text message has {length} characters"),
            format!("shorten it to {TEXT_MESSAGE_LIMIT}"),
        );
        file.unless(
            !template.text.contains("greeting_name"),
            "greeting_name",
            "a text message names the person",
            "leave the name out; others may see it",
        );
    } else {
        file.unless(
            template.subject.is_some(),
            "",
            "the message has no subject",
            "add \"subject: ...\" between two --- lines at its top",
        );
        let named = template.subject.as_ref().is_some_and(|subject| subject.contains("greeting_name"));
        file.unless(!named, "greeting_name", "the subject names the person", "use the name in the body only");
    }
}
