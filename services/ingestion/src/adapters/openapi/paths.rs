//! The addresses of the HTTP door and what each answers. Deliberately not here: the shapes of bodies (schemas).

use serde_json::{Value, json};

/// Every public path, for any center or for one; `inquiry` is what the body of an inquiry may hold.
pub fn all(center: &Value, inquiry: Value) -> Value {
    let file = parameter("file", "Id of the file, as the upload told it.");
    let feed = parameter("feed", "Id of the feed, as the center's feeds.toml names it.");
    let of_feed = [center.clone(), feed.clone()];
    let of_file = [center.clone(), feed, file];
    json!({
        "/v1/centers/{center}/inquiries": { "parameters": [center], "post": send(inquiry) },
        "/v1/centers/{center}/forms": { "parameters": [center], "get": forms() },
        "/v1/centers/{center}/forms/{form}": {
            "parameters": [center, parameter("form", "Id of the form.")],
            "get": form(),
        },
        "/v1/centers/{center}/forms/{form}/challenge": {
            "parameters": [center, parameter("form", "Id of the form.")],
            "post": challenge(),
        },
        "/v1/centers/{center}/openapi.json": {
            "parameters": [center],
            "get": described("A center's own document, with a schema for each of its forms", "centerDocument", true),
        },
        "/openapi.json": { "get": described("This document for every center", "document", false) },
        "/v1/centers/{center}/calls": { "parameters": [center], "post": call() },
        "/v1/centers/{center}/feeds/{feed}/csv": { "parameters": of_feed, "post": upload() },
        "/v1/centers/{center}/feeds/{feed}/files": { "parameters": of_feed, "get": files() },
        "/v1/centers/{center}/feeds/{feed}/files/{file}": { "parameters": of_file, "get": standing() },
        "/v1/centers/{center}/feeds/{feed}/files/{file}/result": { "parameters": of_file, "get": result() },
        "/v1/centers/{center}/feeds/{feed}/files/{file}/take": { "parameters": of_file, "post": take() },
        "/fhir/{center}/metadata": { "parameters": [center], "get": fhir() },
    })
}

fn parameter(name: &str, description: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" }, "description": description })
}

fn refused(name: &str) -> Value {
    json!({ "$ref": format!("#/components/responses/{name}") })
}

fn answered(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn shape(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn send(inquiry: Value) -> Value {
    json!({
        "tags": ["inquiries"],
        "operationId": "sendInquiry",
        "summary": "Send an inquiry",
        "security": [{}, { "feed": [] }],
        "description": "A page of another site may send it from a browser where the center names the site in \
            `allowed_origins` (center.toml); other origins are refused, when their browser asks (OPTIONS) and when it sends. \
            202 comes after the inquiry is durable. An answer that a person can mend is kept and told in \
            `to_repair`; only what nobody could act on is refused.",
        "parameters": [{
            "name": "Idempotency-Key",
            "in": "header",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
            "description": "A key of the sender's own for this inquiry. The same key with the same body gets the same answer \
                with `repeated`; with another body it is refused with 409 and `key_reused`. A key is remembered as long as \
                its inquiry is kept.",
        }],
        "requestBody": { "required": true, "content": { "application/json": inquiry } },
        "responses": {
            "202": answered("It is durable.", &shape("Accepted")),
            "400": refused("Unreadable"),
            "403": refused("Denied"),
            "404": refused("NotFound"),
            "409": refused("Conflict"),
            "413": refused("TooLarge"),
            "422": refused("Faulty"),
            "429": refused("Full"),
            "503": refused("Unavailable"),
        },
    })
}

fn in_language() -> Value {
    json!([{
        "name": "Accept-Language",
        "in": "header",
        "schema": { "type": "string" },
        "description": "Language of the words; the center's first where it has none of them.",
    }])
}

fn forms() -> Value {
    let list = json!({
        "type": "object",
        "required": ["language", "languages", "forms"],
        "properties": {
            "language": { "type": "string" },
            "languages": { "type": "array", "items": { "type": "string" } },
            "forms": { "type": "array", "items": shape("FormLine") },
        },
    });
    json!({
        "tags": ["forms"], "operationId": "listForms", "summary": "The forms of a center", "parameters": in_language(),
        "responses": {
            "200": answered("The forms, one for each consult type or more.", &list),
            "404": refused("NotFound"), "503": refused("Unavailable"),
        },
    })
}

fn form() -> Value {
    json!({
        "tags": ["forms"], "operationId": "readForm", "summary": "A form as data, to be drawn by another site",
        "parameters": in_language(),
        "responses": {
            "200": answered("The form.", &shape("Form")),
            "404": refused("NotFound"), "503": refused("Unavailable"),
        },
    })
}

fn challenge() -> Value {
    json!({
        "tags": ["inquiries"], "operationId": "askForWork",
        "summary": "The work to do before an inquiry is sent by a form that wants a proof of it",
        "description": "The more comes from one address or by one form, the harder it is. What is sent without it may be held \
            for a person and is never refused.",
        "responses": {
            "200": answered("The work.", &shape("Challenge")),
            "204": { "description": "This form wants none." },
            "404": refused("NotFound"), "429": refused("Full"), "503": refused("Unavailable"),
        },
    })
}

fn described(summary: &str, id: &str, of_center: bool) -> Value {
    let mut responses = json!({ "200": answered("An OpenAPI 3.1 document.", &json!({ "type": "object" })) });
    if of_center {
        responses["404"] = refused("NotFound");
        responses["503"] = refused("Unavailable");
    }
    json!({ "tags": ["forms"], "operationId": id, "summary": summary, "responses": responses })
}

/// An operation of a feed; who may is told by its key.
fn of_feed(id: &str, summary: &str, answers: &[(&str, Value)]) -> Value {
    let mut responses = json!({ "401": refused("NoKey"), "404": refused("NotFound"), "429": refused("Full"),
        "503": refused("Unavailable") });
    for (status, answer) in answers {
        responses[*status] = answer.clone();
    }
    json!({
        "tags": ["files"], "operationId": id, "summary": summary, "security": [{ "feed": [] }], "responses": responses,
    })
}

fn call() -> Value {
    let answers = [
        (
            "202",
            answered("It is durable: the event, the call, and the inquiry where nobody answered.", &shape("TakenCall")),
        ),
        ("400", refused("Unreadable")),
        ("403", refused("OtherFeed")),
        ("409", refused("Conflict")),
        ("413", refused("TooLarge")),
        ("422", refused("Faulty")),
    ];
    let mut told = of_feed("tellCall", "Tell of a call", &answers);
    told["tags"] = json!(["calls"]);
    told["description"] = json!(
        "One event of one call, by the key of the feed. Events may come in any order, again, or only the last one. An inbound call \
         of an intake queue that nobody answered is an inquiry with a call back due; the same caller again, while that is open, is \
         a further call of it. The same event again changes nothing; with other content it is refused with 409 and kept for a person."
    );
    told["requestBody"] = json!({
        "required": true,
        "content": { "application/json": { "schema": shape("Call"), "examples": { "missed": { "value": super::schemas::missed_call() } } } },
    });
    told
}

fn upload() -> Value {
    let taken = |description| {
        let mut told = answered(description, &shape("TakenFile"));
        let place = json!({ "description": "Where to ask how far it is.", "schema": { "type": "string" } });
        told["headers"] = json!({ "Location": place });
        told
    };
    let answers = [
        ("200", taken("The same bytes came before; this is that file.")),
        ("202", taken("All bytes are kept; the rows are taken afterwards.")),
        ("400", refused("Unreadable")),
        ("413", refused("TooLarge")),
        ("415", refused("NoText")),
    ];
    let mut told = of_feed("uploadList", "Upload a list of referrals", &answers);
    let text = json!({ "schema": { "type": "string" } });
    told["requestBody"] = json!({ "required": true, "content": { "text/csv": text } });
    told
}

fn files() -> Value {
    let list = json!({
        "type": "object", "required": ["files"], "properties": { "files": { "type": "array", "items": shape("File") } },
    });
    let answers = [("200", answered("The newest hundred, or the hundred before one of them.", &list))];
    let mut told = of_feed("listFiles", "The files of a feed", &answers);
    told["parameters"] = json!([{
        "name": "before", "in": "query", "schema": { "type": "string", "format": "uuid" },
        "description": "Only files from before this one.",
    }]);
    told
}

fn standing() -> Value {
    of_feed("readFile", "How far a file is", &[("200", answered("How far it is.", &shape("File")))])
}

fn result() -> Value {
    let rows = json!({
        "description": "A line for each row: what became of it, its request number, and what to mend.",
        "content": { "text/csv": { "schema": { "type": "string" } } },
    });
    of_feed("readResult", "What became of each row", &[("200", rows), ("409", refused("Conflict"))])
}

fn take() -> Value {
    let answers = [("202", answered("They will be taken.", &shape("File"))), ("409", refused("Conflict"))];
    of_feed("takeGoodRows", "Take the good rows of a file that was parked for its bad ones", &answers)
}

fn fhir() -> Value {
    let statement = json!({
        "description": "The CapabilityStatement.",
        "content": { "application/fhir+json": { "schema": { "type": "object" } } },
    });
    json!({
        "operationId": "fhirMetadata", "summary": "What the FHIR R4 door at /fhir/{center} takes, in FHIR's own words",
        "responses": { "200": statement },
    })
}
