//! Checks of audits.toml: rules that can draw, and items that can be answered and read.

use std::collections::BTreeSet;

use super::Profile;
use super::bundle::Bundle;
use super::check::{In, is_slug};
use super::check_texts::spoken;
use crate::fault::Fault;
use crate::quality_audit::{About, Computed, How, Item, Sample};

/// Most that a rule draws in a week: more is nobody's week of reading.
const MOST_DRAWN: u32 = 200;
/// Furthest back; who is told of a call after three months has forgotten it.
const FURTHEST_DAYS: u32 = 92;
/// Heaviest item.
const MOST_WEIGHT: u32 = 100;

pub(super) fn whole(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    let mut file = In::file(bundle, "audits.toml", faults);
    let audits = &profile.audits;
    file.once("sample", audits.samples.iter().map(|sample| sample.id.as_str()));
    audits.samples.iter().for_each(|rule| sample(rule, &mut file));
    file.once("item", audits.items.iter().map(|item| item.id.as_str()));
    audits.items.iter().for_each(|one| item(profile, one, &mut file));
    let second = &audits.second_reader;
    file.unless(
        second.percent <= 100 && second.points <= 100,
        "second_reader",
        "the second reader's percent or points are above 100",
        "write numbers from 0 to 100",
    );
    file.unless(
        audits.samples.is_empty() || !audits.items.is_empty(),
        "sample",
        "inquiries are drawn and there is nothing to score them by",
        "add at least one [[item]]",
    );
}

fn sample(rule: &Sample, file: &mut In<'_, '_>) {
    file.unless(
        is_slug(&rule.id),
        &rule.id,
        format!("sample id \"{}\" is no slug", rule.id),
        "use small letters, digits and hyphens",
    );
    let (most, what) = match rule.how {
        How::Share => (100, "percent"),
        How::Number | How::PerPerson => (MOST_DRAWN, "inquiries a week"),
    };
    file.unless(
        (1..=most).contains(&rule.amount),
        &rule.id,
        format!("sample \"{}\" draws {} {what}", rule.id, rule.amount),
        format!("set amount from 1 to {most}"),
    );
    file.unless(
        (1..=FURTHEST_DAYS).contains(&rule.look_back_days),
        &rule.id,
        format!("sample \"{}\" looks back {} days", rule.id, rule.look_back_days),
        format!("set look_back_days from 1 to {FURTHEST_DAYS}"),
    );
}

fn item(profile: &Profile, item: &Item, file: &mut In<'_, '_>) {
    let id = item.id.as_str();
    file.unless(is_slug(id), id, format!("item id \"{id}\" is no slug"), "use small letters, digits and hyphens");
    file.unless(
        (1..=MOST_WEIGHT).contains(&item.weight),
        id,
        format!("item \"{id}\" has the weight {}", item.weight),
        format!("set weight from 1 to {MOST_WEIGHT}"),
    );
    for (name, words) in [("label", &item.label), ("why", &item.why), ("missed", &item.missed)] {
        file.unless(!words.is_empty(), id, format!("item \"{id}\" has no {name}"), format!("add {name} = {{ ... }}"));
        spoken(file, profile, id, words);
    }
    let scripts: BTreeSet<&str> = profile.scripts.0.iter().map(|script| script.id.as_str()).collect();
    item.scripts.iter().for_each(|script| file.known(&scripts, "script", script));
    let fields: BTreeSet<&str> = profile.note.fields.iter().map(|field| field.key.as_str()).collect();
    match (&item.field, item.about) {
        (Some(field), About::NoteField) => file.known(&fields, "field", field),
        (None, About::NoteField) => {
            file.unless(false, id, format!("item \"{id}\" is about a field and names none"), "add field = \"...\"");
        }
        (Some(_), about) => file.unless(
            false,
            id,
            format!("item \"{id}\" names a field and is about {about}"),
            "set about = \"note_field\", or take the field away",
        ),
        (None, _) => {}
    }
    file.unless(
        item.computed != Some(Computed::FieldFilled) || item.about == About::NoteField,
        id,
        format!("item \"{id}\" is computed from a field and is not about one"),
        "set about = \"note_field\" and field = \"...\"",
    );
}
