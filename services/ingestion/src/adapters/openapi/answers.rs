//! The answers of a form as JSON Schema, and an example that is taken without a fault.
//!
//! The schema tells what is right. What a person could repair is taken all the same and told in `to_repair`, so a sender may
//! check by it but must not drop what fails it. Deliberately not here: the document around it (mod).

use causeway_funnel::form::{Choice, Field, FieldKind, Form, Needs, choice_label};
use serde_json::{Map, Value, json};

/// The schema of a form's answers, with its words in `language`.
pub fn schema(form: &Form, language: &str) -> Value {
    let mut properties = Map::new();
    for (question, field) in form.fields() {
        let said = if field.label.is_empty() { &question.label } else { &field.label };
        let hint = if field.hint.is_empty() { &question.hint } else { &field.hint };
        properties.insert(field.key.clone(), self::field(field, said.get(language), hint.get(language), language));
    }
    for tick in &form.consent.ticks {
        properties.insert(tick.key.clone(), ticked(tick.label.get(language)));
    }
    let wanted = |field: &Field| field.key.clone();
    let required = form.core().filter(|question| question.needs == Needs::All);
    let required: Vec<String> = required.flat_map(|question| question.fields.iter().map(wanted)).collect();
    let one_of = form.core().filter(|question| question.needs == Needs::Any);
    let mut any: Vec<Value> = one_of.map(|question| one_of_these(question.fields.iter().map(wanted))).collect();
    any.push(one_of_these(form.consent.ticks.iter().map(|tick| tick.key.clone())));
    json!({
        "type": "object",
        "title": form.title.get(language),
        "description": form.intro.get(language),
        "properties": properties,
        "required": required,
        "allOf": any,
        "additionalProperties": { "type": "string", "description": "Kept for people to read." },
    })
}

/// Answers that are taken as they stand; the person in them is made up.
pub fn example(form: &Form) -> Value {
    let mut answers = Map::new();
    for question in form.core() {
        let needed = match question.needs {
            Needs::All => question.fields.len(),
            Needs::Any => 1,
            Needs::Nothing => 0,
        };
        for field in question.fields.iter().take(needed) {
            answers.insert(field.key.clone(), json!(sample(field)));
        }
    }
    if let Some(tick) = form.consent.ticks.first() {
        answers.insert(tick.key.clone(), json!("yes"));
    }
    Value::Object(answers)
}

fn one_of_these(keys: impl Iterator<Item = String>) -> Value {
    json!({ "anyOf": keys.map(|key| json!({ "required": [key] })).collect::<Vec<_>>() })
}

fn field(field: &Field, title: &str, description: &str, language: &str) -> Value {
    let mut told = match field.kind {
        FieldKind::Choice => {
            let option =
                |choice: &Choice| json!({ "const": choice.value, "title": choice_label(&field.key, choice, language) });
            json!({ "oneOf": field.options.iter().map(option).collect::<Vec<_>>() })
        }
        FieldKind::Tick => return ticked(title),
        FieldKind::Email => json!({ "format": "email" }),
        FieldKind::Phone => json!({ "examples": ["+12065550142"] }),
        FieldKind::Date => json!({ "examples": ["1961-03-27"] }),
        FieldKind::Text | FieldKind::LongText => json!({}),
    };
    told["type"] = json!("string");
    told["title"] = json!(title);
    told["description"] = json!(description);
    told["maxLength"] = json!(field.kind.longest());
    told
}

fn ticked(title: &str) -> Value {
    json!({ "type": "string", "title": title, "enum": ["yes"] })
}

fn sample(field: &Field) -> &str {
    match field.kind {
        FieldKind::Choice => {
            let unsure = field.options.iter().find(|choice| choice.value == "not_sure");
            unsure.or_else(|| field.options.first()).map_or("", |choice| choice.value.as_str())
        }
        FieldKind::Phone => "+12065550142",
        FieldKind::Email => "jo@example.org",
        FieldKind::Date => "1961-03-27",
        FieldKind::Tick => "yes",
        FieldKind::Text | FieldKind::LongText => "Testpatient Jo",
    }
}
