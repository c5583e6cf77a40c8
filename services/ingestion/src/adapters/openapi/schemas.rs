//! What goes in and comes out of the HTTP door, as JSON Schema. Deliberately not here: the answers of a form (answers).

use serde_json::{Map, Value, json};

/// The body of an inquiry for a form, or for any.
pub fn inquiry(form: Value, answers: Value) -> Value {
    json!({
        "type": "object",
        "required": ["form", "answers"],
        "additionalProperties": false,
        "properties": {
            "form": form,
            "language": {
                "type": ["string", "null"],
                "description": "Language of what is told back, and of calls and messages unless an answer says another; \
                    where it is left out the first of Accept-Language that the center offers, else the center's first.",
            },
            "answers": answers,
            "attribution": { "oneOf": [{ "$ref": "#/components/schemas/Attribution" }, { "type": "null" }] },
            "idempotency_key": {
                "type": ["string", "null"],
                "description": "The same as the header, for senders that can't set one.",
            },
            "proof": {
                "type": ["string", "null"],
                "description": "Proof of work, where the form wants one: `challenge:number`, of which the SHA-256 begins with \
                    as many zero bits as the challenge asked for. It counts once, and for the same request again. A sender \
                    with a feed's key needs none.",
            },
        },
    })
}

/// The shared schemas.
pub fn all() -> Map<String, Value> {
    [
        ("Accepted", accepted()),
        ("Attribution", attribution()),
        ("Challenge", challenge()),
        ("FieldFault", field_fault()),
        ("Problem", problem()),
        ("FormLine", form_line()),
        ("Form", form()),
        ("File", file()),
        ("TakenFile", taken_file()),
        ("Call", call()),
        ("TakenCall", taken_call()),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into_iter()
    .collect()
}

/// The shared refusals.
pub fn responses() -> Value {
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        })
    };
    let later = |description: &str| {
        let mut told = problem(description);
        let header = json!({ "description": "Seconds to wait.", "schema": { "type": "integer" } });
        told["headers"] = json!({ "Retry-After": header });
        told
    };
    json!({
        "Unreadable": problem("The body can't be read; line and column are told, never its content."),
        "NoKey": problem("The feed's key is missing or unknown."),
        "OtherFeed": problem("The key is of a feed that sends something else."),
        "Denied": problem("A page of a site that the center does not name in `allowed_origins` sent it."),
        "NotFound": problem("No such center, or nothing of that name there."),
        "Conflict": problem("It contradicts what is kept; `reason` tells how."),
        "TooLarge": { "description": "The body is larger than this door takes." },
        "NoText": problem("The body is no text."),
        "Faulty": problem("Nobody could act on this; every fault is told at once in `errors`."),
        "Full": later("Too many are waiting, or more came from this sender than is taken in a minute."),
        "Unavailable": later("It can't be kept at the moment, or it is not known whether it was: send the same again, with the same key."),
    })
}

fn words(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn accepted() -> Value {
    json!({
        "type": "object",
        "required": ["inquiry_id", "reference", "received_at", "repeated", "to_repair", "hints"],
        "properties": {
            "inquiry_id": { "type": "string", "format": "uuid" },
            "reference": words("The request number that people are told."),
            "received_at": time(),
            "repeated": { "type": "boolean", "description": "Whether this key was answered before; the answer is the same." },
            "to_repair": {
                "type": "array",
                "items": { "$ref": "#/components/schemas/FieldFault" },
                "description": "What was taken and has to be mended by a person.",
            },
            "hints": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "field", "code", "suggestion"],
                    "properties": {
                        "pointer": words("Where the answer stands in the request, as a JSON pointer."),
                        "field": words("The answer's key."),
                        "code": { "type": "string", "enum": ["domain_mistyped", "member_unknown", "language_not_offered"] },
                        "suggestion": words("What may be meant, such as the domain `gmail.com` for `gmial.com`, the members of attribution that are read, or the languages of the center; another one is kept, with the need of an interpreter."),
                    },
                },
                "description": "What was taken as it is and may be a slip: ask the person while they are still there.",
            },
        },
    })
}

fn challenge() -> Value {
    json!({
        "type": "object",
        "required": ["challenge", "bits", "expires_at"],
        "properties": {
            "challenge": words("To be put before a colon and the number that solves it."),
            "bits": { "type": "integer", "description": "Zero bits that the SHA-256 of `challenge:number` must begin with." },
            "expires_at": time(),
        },
    })
}

fn attribution() -> Value {
    let mut told = json!({
        "type": "object",
        "description": "How the person found the form: the first touch, and the last one where that was another. A word of a \
            link travels as it is if the center's profile lists it; any other is counted as `other`, and what was sent is \
            kept sealed with the inquiry.",
        "properties": touch(),
    });
    told["properties"]["last"] = json!({
        "type": ["object", "null"],
        "description": "The last touch before the form; left out where the first was the last.",
        "properties": touch(),
    });
    told
}

fn touch() -> Value {
    let maybe = |description: &str| json!({ "type": ["string", "null"], "description": description });
    json!({
        "landing_page": maybe("Path of the page that showed the form."),
        "campaign": maybe("utm_campaign, under either name and only one of them."),
        "utm_campaign": maybe("The same as campaign."),
        "utm_source": maybe("utm_source"),
        "utm_medium": maybe("utm_medium"),
        "utm_term": maybe("utm_term"),
        "utm_content": maybe("utm_content"),
        "referrer_host": maybe("Host of the page that led here; never its whole address."),
    })
}

fn field_fault() -> Value {
    json!({
        "type": "object",
        "required": ["field", "pointer", "code", "message"],
        "properties": {
            "field": words("Key of the answer."),
            "pointer": words("The same as a JSON pointer into the body (RFC 6901), such as `/answers/phone`."),
            "code": words("A stable word for the kind of fault."),
            "message": words("What to do about it, in the language asked for."),
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem (RFC 9457). What was sent is never repeated in it.",
        "required": ["type", "title", "status", "detail", "reason"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": words("What to do."),
            "reason": words("A stable word."),
            "errors": { "type": "array", "items": { "$ref": "#/components/schemas/FieldFault" } },
        },
    })
}

fn form_line() -> Value {
    json!({
        "type": "object",
        "required": ["id", "version", "consult_type", "title", "href"],
        "properties": {
            "id": { "type": "string" },
            "version": { "type": "integer" },
            "consult_type": { "type": ["string", "null"], "description": "Nothing where the form asks for it." },
            "title": { "type": "string" },
            "href": words("Where the form stands as data."),
        },
    })
}

fn form() -> Value {
    let keyed = |more: &[&str]| {
        let required: Vec<&str> = ["key", "label"].iter().chain(more).copied().collect();
        json!({ "type": "object", "required": required, "properties": { "key": { "type": "string" }, "label": { "type": "string" } } })
    };
    let mut field = keyed(&["kind", "hint", "longest"]);
    field["properties"]["kind"] = json!({ "enum": ["text", "phone", "email", "choice", "date", "long_text", "tick"] });
    let mut question = keyed(&["part", "hint", "needs", "missing", "fields"]);
    question["properties"]["part"] = json!({ "enum": ["core", "optional"] });
    question["properties"]["needs"] = json!({ "enum": ["all", "any", "nothing"] });
    question["properties"]["fields"] = json!({ "type": "array", "items": field });
    json!({
        "type": "object",
        "required": ["id", "version", "consult_type", "language", "title", "intro", "questions", "consent", "proof_of_work",
            "send_to"],
        "properties": {
            "id": { "type": "string" },
            "version": { "type": "integer" },
            "consult_type": { "type": ["string", "null"] },
            "language": { "type": "string" },
            "title": { "type": "string" },
            "intro": { "type": "string" },
            "questions": { "type": "array", "items": question },
            "consent": {
                "type": "object",
                "required": ["version", "lead", "needs", "ticks"],
                "properties": { "ticks": { "type": "array", "items": keyed(&[]) } },
            },
            "proof_of_work": {
                "type": "object",
                "required": ["when", "without"],
                "properties": {
                    "when": { "enum": ["off", "suspicious", "always"] },
                    "without": { "enum": ["take", "hold"] },
                },
                "description": "When a proof of work is wanted beside the answers, and whether a person looks first where \
                    it is missing. It is never refused. Ask for the work at POST …/challenge.",
            },
            "send_to": { "type": "string" },
        },
    })
}

/// A call that nobody answered, as an example.
pub fn missed_call() -> Value {
    json!({
        "call_id": "example-4711",
        "event": "ended",
        "direction": "inbound",
        "queue": "new-patients",
        "caller": "+12065550142",
        "started_at": "2026-03-04T19:40:00-08:00",
        "ended_at": "2026-03-04T19:40:35-08:00",
        "outcome": "missed",
    })
}

fn call() -> Value {
    let maybe = |mut schema: Value, description: &str| {
        schema["type"] = json!([schema["type"], "null"]);
        schema["description"] = json!(description);
        schema
    };
    let maybe_time = |description: &str| maybe(time(), description);
    let key =
        |description: &str| json!({ "type": "string", "minLength": 1, "maxLength": 128, "description": description });
    let outcomes = ["answered", "missed", "abandoned", "voicemail"];
    json!({
        "type": "object",
        "description": "One event of a call, with what is known of the call by then. Whatever else than these three \
            can't be used is no reason to refuse the call: it is taken without it, told in the answer, and marked for a person.",
        "required": ["call_id", "event", "direction"],
        "properties": {
            "call_id": key("The phone system's own id of the call."),
            "event": { "enum": ["ringing", "answered", "ended"] },
            "direction": { "enum": ["inbound", "outbound"] },
            "queue": {
                "type": "string",
                "maxLength": 128,
                "description": "The queue or number that was called; what it means stands in the center's feeds.toml. Without \
                    it an `inbound` call waits for a person; of an `outbound` one leave it out.",
            },
            "caller": {
                "type": ["string", "null"],
                "description": "The caller's number; nothing, or a word such as anonymous, where it is withheld.",
            },
            "started_at": maybe_time("When it began; where it is not told, or can't be right, the hour in which it is heard of stands."),
            "answered_at": maybe_time("When somebody took it; send it with `answered`."),
            "ended_at": maybe_time("When it was over; send it with `ended`."),
            "duration_seconds": { "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX },
            "outcome": { "enum": [outcomes[0], outcomes[1], outcomes[2], outcomes[3], null], "description": "How it ended; send it with `ended`. Without it a call that nobody took was missed." },
            "agent": {
                "type": ["string", "null"],
                "maxLength": 64,
                "pattern": "^[A-Za-z0-9._@-]*$",
                "description": "Login or extension of who answered.",
            },
        },
    })
}

fn taken_call() -> Value {
    json!({
        "type": "object",
        "required": ["call_id", "state", "result", "repeated"],
        "properties": {
            "call_id": { "type": "string", "format": "uuid", "description": "Our id of the call." },
            "state": { "enum": ["ringing", "answered", "missed", "abandoned", "voicemail"] },
            "result": {
                "enum": ["inquiry", "further_call", "waits", "kept"],
                "description": "An inquiry was made of it; it is noted with an open one; it waits for a person; nothing is to be done.",
            },
            "waits_for": {
                "enum": ["end", "entry", "number", "queue", "call_back"],
                "description": "What a person of the center has to do about it, where something is left to do.",
            },
            "inquiry_id": { "type": "string", "format": "uuid" },
            "reference": words("The request number of its inquiry."),
            "repeated": { "type": "boolean", "description": "Whether the same event came before." },
            "unusable": {
                "type": "array",
                "description": "What was told and can't be used; the call was taken without it. Mend it at the phone system.",
                "items": {
                    "type": "object",
                    "required": ["field", "code", "message"],
                    "properties": {
                        "field": words("The member of what was sent; also one that this door does not read."),
                        "code": words("A stable word for the kind of fault."),
                        "message": words("What to send instead."),
                    },
                },
            },
        },
    })
}

fn taken_file() -> Value {
    json!({
        "type": "object",
        "required": ["file_id", "state", "sha256", "repeated"],
        "properties": {
            "file_id": { "type": "string", "format": "uuid" },
            "state": { "type": "string" },
            "sha256": { "type": "string" },
            "repeated": { "type": "boolean", "description": "Whether the same bytes came before." },
        },
    })
}

fn file() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    let kinds = ["total", "accepted", "linked", "parked", "refused", "skipped"];
    let rows: Map<String, Value> = kinds.iter().map(|kind| ((*kind).to_owned(), count.clone())).collect();
    json!({
        "type": "object",
        "required": ["file_id", "state", "sha256", "bytes", "times", "received_at", "rows", "lines_done"],
        "properties": {
            "file_id": { "type": "string", "format": "uuid" },
            "state": { "type": "string" },
            "reason": words("A stable word, where the file waits for a person."),
            "detail": words("What to do about it."),
            "sha256": { "type": "string" },
            "bytes": count,
            "times": count,
            "received_at": time(),
            "finished_at": time(),
            "rows": { "type": "object", "required": kinds, "properties": rows },
            "lines_done": count,
        },
    })
}
