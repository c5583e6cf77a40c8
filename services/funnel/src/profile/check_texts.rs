//! Checks of what people will read: every language complete, no pressure, no health words where others see them.

use std::collections::BTreeSet;

use super::bundle::Bundle;
use super::check::In;
use super::template::{NEXT_STEP_MARK, Template};
use super::{Profile, forbidden_phrase, health_word};
use crate::fault::Fault;
use crate::script::{CallSituation, Script};
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
/// Those that a center must have besides that says what it does not treat.
const OUT_OF_SCOPE_TEMPLATES: [&str; 2] = ["referred-elsewhere", "referred-elsewhere-sms"];
/// Those that a center must have besides that agrees dated next steps.
const NEXT_STEP_TEMPLATES: [&str; 5] = [
    "next-step-agreed",
    "next-step-agreed-sms",
    "next-step-reminder",
    "next-step-reminder-sms",
    "next-step-called-off",
];
const TEXT_MESSAGE_LIMIT: usize = 320;

pub(super) fn whole(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    center(profile, &mut In::file(bundle, "center.toml", faults));
    words_of_files(profile, bundle, faults);
    scripts(profile, bundle, faults);
    templates(profile, bundle, faults);
}

pub(super) fn spoken(file: &mut In<'_, '_>, profile: &Profile, near: &str, words: &Words) {
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
    for kind in &profile.booking.next_steps {
        let expected = kind.steps.iter().map(|step| &step.words);
        [&kind.label, &kind.patient].into_iter().chain(expected).for_each(|words| {
            spoken(&mut file, profile, &kind.id, words);
        });
    }
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
    profile.scripts.0.iter().filter(|script| script.situation == CallSituation::Voicemail).for_each(|script| {
        let path = paths_of(script, bundle);
        voicemail(script, profile, &mut In::file(bundle, path, faults));
    });
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

/// The file that a script stands in.
fn paths_of<'b>(script: &Script, bundle: &'b Bundle) -> &'b str {
    let is_it = |path: &str| bundle.place(path).and_then(|place| Script::parse(place).ok()).as_ref() == Some(script);
    let mut paths = bundle.files.keys().map(String::as_str).filter(|path| path.starts_with("scripts/"));
    paths.find(|path| is_it(path)).unwrap_or("scripts/")
}

/// What a voice message may be filled with.
const VOICEMAIL_GAPS: [&str; 6] = ["caller", "center", "name", "phone", "hours", "reference"];

/// Anybody may hear a voice message: it names us by the discreet name alone, and how to call back.
fn voicemail(script: &Script, profile: &Profile, file: &mut In<'_, '_>) {
    if let Some(word) = health_word(&script.body) {
        file.unless(
            false,
            word,
            format!("others may hear \"{word}\" in the voice message"),
            "leave health out of it; say who calls, the phone number and when you can be reached",
        );
    }
    let programs = profile.programs.programs.iter().flat_map(|program| program.name.0.values());
    let said = script.body.to_lowercase();
    for name in programs.chain([&profile.center.name]) {
        file.unless(
            !said.contains(&name.to_lowercase()),
            name,
            format!("the voice message names \"{name}\""),
            "name nothing but {{ center }}, the discreet name",
        );
    }
    let gaps = script.body.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(gap, _)| gap.trim());
    for gap in gaps.filter(|gap| !VOICEMAIL_GAPS.contains(gap)) {
        file.unless(
            false,
            gap,
            format!("the voice message tells {{{{ {gap} }}}}, which may speak of health"),
            format!("use no gap but {}", VOICEMAIL_GAPS.join(", ")),
        );
    }
    for (gap, what) in [("phone", "a number to call back"), ("hours", "when somebody answers")] {
        file.unless(
            script.body.replace(' ', "").contains(&format!("{{{{{gap}}}}}")),
            "",
            format!("the voice message leaves out {what}"),
            format!("add {{{{ {gap} }}}}"),
        );
    }
}

fn templates(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    let of_scope = if profile.programs.out_of_scope.is_empty() { &[][..] } else { &OUT_OF_SCOPE_TEMPLATES };
    let of_steps = if profile.booking.next_steps.is_empty() { &[][..] } else { &NEXT_STEP_TEMPLATES };
    let needed = NEEDED_TEMPLATES.iter().chain(of_scope).chain(of_steps).copied();
    let names: BTreeSet<&str> = profile.templates.keys().map(|(_, name)| name.as_str()).chain(needed).collect();
    for language in &profile.center.languages {
        for name in &names {
            let path = format!("templates/{language}/{name}.txt");
            let mut file = In::file(bundle, &path, faults);
            match profile.templates.get(&(language.clone(), (*name).to_owned())) {
                Some(template) => {
                    self::template(template, &mut file);
                    origin(profile, template, &mut file);
                }
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

/// Whoever asked at a sister center has to read why another one writes to them.
fn origin(profile: &Profile, template: &Template, file: &mut In<'_, '_>) {
    let takes = !profile.center.sisters.takes_from.is_empty();
    if !takes || !matches!(template.name.as_str(), "confirmation" | "confirmation-after-hours") {
        return;
    }
    for text in [Some(&template.text), template.html.as_ref()].into_iter().flatten() {
        file.unless(
            text.contains("came_from"),
            "",
            "the message does not say that a sister center has handed the request over",
            "add {% if came_from %}{{ came_from }} has passed your request to us.{% endif %}, since [sisters] takes_from names one",
        );
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
