//! A form as data, in one language: what a partner's own site needs to draw it.
//!
//! Deliberately not here: the schema of its answers (answers), and the reading of them (the vocabulary crate).

use causeway_funnel::form::{Choice, ConsentPart, Field, FieldKind, Form, Question, choice_label};
use serde_json::{Value, json};

/// One form, drawn by others: its words in `language`, its parts in the order in which people should see them.
pub fn form(form: &Form, center: &str, language: &str) -> Value {
    let questions: Vec<Value> = form.questions.iter().map(|question| self::question(question, language)).collect();
    json!({
        "id": form.id,
        "version": form.version,
        "consult_type": form.consult_type,
        "language": language,
        "title": form.title.get(language),
        "intro": form.intro.get(language),
        "questions": questions,
        "consent": consent(&form.consent, language),
        "proof_of_work": { "when": form.proof_of_work.when, "without": form.proof_of_work.without },
        "send_to": format!("/v1/centers/{center}/inquiries"),
    })
}

/// One line of the list of forms.
pub fn line(form: &Form, center: &str, language: &str) -> Value {
    json!({
        "id": form.id,
        "version": form.version,
        "consult_type": form.consult_type,
        "title": form.title.get(language),
        "href": format!("/v1/centers/{center}/forms/{}", form.id),
    })
}

fn question(question: &Question, language: &str) -> Value {
    let fields: Vec<Value> = question.fields.iter().map(|field| self::field(field, language)).collect();
    json!({
        "key": question.key,
        "part": question.part,
        "label": question.label.get(language),
        "hint": question.hint.get(language),
        "needs": question.needs,
        "missing": question.missing.get(language),
        "fields": fields,
    })
}

fn field(field: &Field, language: &str) -> Value {
    let choice =
        |choice: &Choice| json!({ "value": choice.value, "label": choice_label(&field.key, choice, language) });
    let mut told = json!({
        "key": field.key,
        "kind": field.kind,
        "label": field.label.get(language),
        "hint": field.hint.get(language),
        "longest": field.kind.longest(),
    });
    if field.kind == FieldKind::Choice {
        told["options"] = field.options.iter().map(choice).collect();
    }
    if let Some(word) = &field.autocomplete {
        told["autocomplete"] = json!(word);
    }
    told
}

fn consent(consent: &ConsentPart, language: &str) -> Value {
    let ticks = consent.ticks.iter().map(|tick| json!({ "key": tick.key, "label": tick.label.get(language) }));
    json!({
        "version": consent.version,
        "lead": consent.lead.get(language),
        "needs": "any",
        "ticks": ticks.collect::<Vec<_>>(),
    })
}
