//! The HTTP door as an OpenAPI 3.1 document, made at each request from the forms in force.
//!
//! A center's document has a schema for each of its forms, so it changes with its profile and can't be made by a macro when
//! the program is built. The tests hold it against an independent validator and against what the running door answers.
//! Deliberately not here: FHIR, which describes itself (its CapabilityStatement), and HL7 over MLLP.

pub mod answers;
pub mod form;
mod paths;
mod schemas;

use causeway_funnel::form::Form;
use causeway_funnel::profile::Profile;
use serde_json::{Map, Value, json};

/// The document of every center: answers are named texts, and a center's own document says which.
pub fn general() -> Value {
    document("Causeway, the door for inquiries", &center_of(None), inquiry_of_any_form(), Map::new())
}

/// A center's own document.
pub fn of_center(profile: &Profile) -> Value {
    let language = profile.center.languages.first().map_or("en", String::as_str);
    let (mut schemas, mut names) = (Map::new(), Vec::new());
    for form in profile.forms.values() {
        schemas.insert(format!("Inquiry-{}", form.id), inquiry_of(form, language));
        names.push(&form.id);
    }
    let examples: Map<String, Value> = profile.forms.values().map(|form| (form.id.clone(), example(form))).collect();
    let place = |id: &&String| format!("#/components/schemas/Inquiry-{id}");
    let mapping: Map<String, Value> = names.iter().map(|id| ((*id).clone(), json!(place(id)))).collect();
    let body = json!({
        "schema": {
            "oneOf": names.iter().map(|id| json!({ "$ref": place(id) })).collect::<Vec<_>>(),
            "discriminator": { "propertyName": "form", "mapping": mapping },
        },
        "examples": examples,
    });
    let title = format!("{}, the door for inquiries", profile.center.name);
    document(&title, &center_of(Some(&profile.center.id)), body, schemas)
}

fn document(title: &str, center: &Value, inquiry: Value, own: Map<String, Value>) -> Value {
    let mut schemas = schemas::all();
    schemas.extend(own);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Inquiries are answered after they are durable. FHIR R4 describes itself at /fhir/{center}/metadata.",
        },
        "servers": [{ "url": "/" }],
        "security": [],
        "tags": [
            { "name": "inquiries", "description": "What web sites send." },
            { "name": "forms", "description": "The questions, as data." },
            { "name": "calls", "description": "What a phone system tells; each feed has a key." },
            { "name": "files", "description": "Lists of referrals by CSV; each feed has a key." },
        ],
        "paths": paths::all(center, inquiry),
        "components": {
            "schemas": schemas,
            "responses": schemas::responses(),
            "securitySchemes": { "feed": { "type": "http", "scheme": "bearer", "description": "The feed's key." } },
        },
    })
}

/// The address's center; a center's own document knows it.
fn center_of(center: Option<&str>) -> Value {
    let schema = match center {
        Some(center) => json!({ "type": "string", "enum": [center] }),
        None => json!({ "type": "string" }),
    };
    json!({ "name": "center", "in": "path", "required": true, "schema": schema, "description": "The center's id." })
}

fn inquiry_of_any_form() -> Value {
    let kinds = ["string", "number", "boolean", "null", "array"];
    let said = "Kept as text: true is yes, null is left out, a list is joined by commas.";
    let answers = json!({ "type": "object", "additionalProperties": { "type": kinds, "description": said } });
    json!({
        "schema": schemas::inquiry(
            json!({ "type": "string", "description": "Id of one of the center's forms; GET /v1/centers/{center}/forms lists them." }),
            answers,
        ),
    })
}

fn inquiry_of(form: &Form, language: &str) -> Value {
    schemas::inquiry(json!({ "const": form.id }), answers::schema(form, language))
}

fn example(form: &Form) -> Value {
    json!({ "value": { "form": form.id, "answers": answers::example(form) } })
}
