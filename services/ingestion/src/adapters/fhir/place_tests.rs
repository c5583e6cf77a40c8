//! Every fault of a broken Bundle names its place (OperationOutcome.issue.expression), and that place is one of the Bundle.

use serde_json::{Value, json};

use super::fault::Fault;
use super::sample_tests::changed;

/// How a Bundle is broken, by which issue that is told, and where.
type Case = (&'static str, fn(&mut Value), &'static str, &'static str);

fn part(bundle: &mut Value, at: usize) -> &mut Value {
    &mut bundle["entry"][at]
}

fn without(value: &mut Value, name: &str) {
    value.as_object_mut().expect("an object").remove(name);
}

fn one_more(bundle: &mut Value, resource: Value) {
    let url = resource["resourceType"].clone();
    let entry = json!({ "fullUrl": "urn:uuid:00000000-0000-4000-8000-0000000000ff", "resource": resource,
        "request": { "method": "POST", "url": url } });
    bundle["entry"].as_array_mut().expect("entries").push(entry);
}

fn attachment(bundle: &mut Value) -> &mut Value {
    &mut bundle["entry"][8]["resource"]["content"][0]["attachment"]
}

const CASES: [Case; 37] = [
    ("another kind of Bundle", |b| b["type"] = json!("batch"), "not-supported", "Bundle.type"),
    ("a kind in capitals", |b| b["type"] = json!("Transaction"), "code-invalid", "Bundle.type"),
    ("no kind", |b| without(b, "type"), "required", "Bundle.type"),
    ("no entries", |b| without(b, "entry"), "required", "Bundle.entry"),
    ("entries that are no list", |b| b["entry"] = json!({}), "required", "Bundle.entry"),
    ("an entry that is no object", |b| b["entry"][1] = json!(7), "structure", "Bundle.entry[1]"),
    ("an entry without a resource", |b| without(part(b, 7), "resource"), "required", "Bundle.entry[7].resource"),
    (
        "a resource without a type",
        |b| without(&mut part(b, 7)["resource"], "resourceType"),
        "required",
        "Bundle.entry[7].resource.resourceType",
    ),
    (
        "a type of another version",
        |b| part(b, 7)["resource"]["resourceType"] = json!("Lorem"),
        "not-supported",
        "Bundle.entry[7].resource",
    ),
    ("an entry without a request", |b| without(part(b, 9), "request"), "required", "Bundle.entry[9].request"),
    ("no method", |b| without(&mut part(b, 9)["request"], "method"), "required", "Bundle.entry[9].request.method"),
    (
        "a method in small letters",
        |b| part(b, 9)["request"]["method"] = json!("post"),
        "code-invalid",
        "Bundle.entry[9].request.method",
    ),
    (
        "a deletion",
        |b| part(b, 9)["request"]["method"] = json!("DELETE"),
        "forbidden",
        "Bundle.entry[9].request.method",
    ),
    (
        "a patch",
        |b| part(b, 9)["request"]["method"] = json!("PATCH"),
        "not-supported",
        "Bundle.entry[9].request.method",
    ),
    ("no address", |b| without(&mut part(b, 9)["request"], "url"), "required", "Bundle.entry[9].request.url"),
    (
        "the address of another type",
        |b| part(b, 9)["request"]["url"] = json!("Patient"),
        "invalid",
        "Bundle.entry[9].request.url",
    ),
    (
        "a condition that is no number",
        |b| part(b, 9)["request"]["ifNoneExist"] = json!("status=active"),
        "not-supported",
        "Bundle.entry[9].request.ifNoneExist",
    ),
    ("one name for two", |b| part(b, 10)["fullUrl"] = b_url(b), "duplicate", "Bundle.entry[10].fullUrl"),
    ("no status", |b| without(&mut part(b, 9)["resource"], "status"), "required", "Bundle.entry[9].resource.status"),
    (
        "a status that is none",
        |b| part(b, 9)["resource"]["status"] = json!("on"),
        "code-invalid",
        "Bundle.entry[9].resource.status",
    ),
    (
        "a status that is a number",
        |b| part(b, 9)["resource"]["status"] = json!(7),
        "structure",
        "Bundle.entry[9].resource.status",
    ),
    ("no intent", |b| without(&mut part(b, 9)["resource"], "intent"), "required", "Bundle.entry[9].resource.intent"),
    (
        "an intent that is none",
        |b| part(b, 9)["resource"]["intent"] = json!("wish"),
        "code-invalid",
        "Bundle.entry[9].resource.intent",
    ),
    (
        "a priority that is none",
        |b| part(b, 9)["resource"]["priority"] = json!("soon"),
        "code-invalid",
        "Bundle.entry[9].resource.priority",
    ),
    (
        "nobody who is referred",
        |b| without(&mut part(b, 9)["resource"], "subject"),
        "required",
        "Bundle.entry[9].resource.subject",
    ),
    (
        "a doctor who is referred",
        |b| part(b, 9)["resource"]["subject"] = json!({ "reference": doctor(b) }),
        "invalid",
        "Bundle.entry[9].resource.subject.reference",
    ),
    (
        "a reference to nobody",
        |b| part(b, 9)["resource"]["requester"] = json!({ "reference": "urn:uuid:nobody" }),
        "not-found",
        "Bundle.entry[9].resource.requester.reference",
    ),
    (
        "what is not to be done",
        |b| part(b, 9)["resource"]["doNotPerform"] = json!(true),
        "business-rule",
        "Bundle.entry[9].resource.doNotPerform",
    ),
    (
        "what turns the meaning round",
        |b| part(b, 9)["resource"]["modifierExtension"] = json!([{ "url": "https://x", "valueBoolean": true }]),
        "extension",
        "Bundle.entry[9].resource.modifierExtension",
    ),
    (
        "a code as in R5",
        |b| part(b, 9)["resource"]["code"] = json!({ "concept": { "text": "x" } }),
        "structure",
        "Bundle.entry[9].resource.code",
    ),
    (
        "a day that is none",
        |b| part(b, 0)["resource"]["birthDate"] = json!("1968-02-30"),
        "value",
        "Bundle.entry[0].resource.birthDate",
    ),
    ("nobody's name", |b| part(b, 0)["resource"]["name"] = json!([]), "required", "Bundle.entry[0].resource.name"),
    (
        "a document of another size",
        |b| attachment(b)["size"] = json!(1),
        "value",
        "Bundle.entry[8].resource.content[0].attachment.size",
    ),
    (
        "a document of another hash",
        |b| attachment(b)["hash"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        "value",
        "Bundle.entry[8].resource.content[0].attachment.hash",
    ),
    (
        "another patient",
        |b| {
            one_more(
                b,
                json!({ "resourceType": "Patient", "name": [{ "family": "Testother" }], "birthDate": "1970-01-01" }),
            )
        },
        "business-rule",
        "Bundle.entry[11].resource",
    ),
    (
        "another referral",
        |b| {
            let one = part(b, 9)["resource"].clone();
            one_more(b, one)
        },
        "business-rule",
        "Bundle.entry[11].resource",
    ),
    (
        "a resource of no version",
        |b| one_more(b, json!({ "resourceType": "Lorem" })),
        "not-supported",
        "Bundle.entry[11].resource",
    ),
];

fn b_url(bundle: &Value) -> Value {
    bundle["entry"][9]["fullUrl"].clone()
}

fn doctor(bundle: &Value) -> Value {
    bundle["entry"][2]["fullUrl"].clone()
}

/// Whether the element above a place is there.
fn stands_in(bundle: &Value, place: &str) -> bool {
    let Some(above) = place.strip_prefix("Bundle").map(|rest| rest.rsplit_once('.').map_or("", |(above, _)| above))
    else {
        return false;
    };
    let pointer: String = above
        .split('.')
        .filter(|step| !step.is_empty())
        .map(|step| match step.trim_end_matches(']').split_once('[') {
            Some((name, at)) => format!("/{name}/{at}"),
            None => format!("/{step}"),
        })
        .collect();
    bundle.pointer(&pointer).is_some()
}

#[test]
fn each_fault_of_a_broken_bundle_names_its_place_in_it() {
    let mut wrong = Vec::new();
    for (broken, change, issue, place) in CASES {
        let mut bundle = Value::Null;
        let intake = changed(|whole| {
            change(whole);
            bundle = whole.clone();
        });
        let refusing: Vec<&Fault> = intake.faults.iter().filter(|fault| fault.refuses()).collect();
        let told = |fault: &&Fault| fault.issue.code() == issue && fault.expression == place;
        let all: Vec<_> = refusing.iter().map(|fault| (fault.issue.code(), fault.expression.as_str())).collect();
        if !refusing.iter().any(told) {
            wrong.push(format!("{broken}: {all:?}"));
        }
        wrong.extend(
            all.iter().filter(|(_, place)| !stands_in(&bundle, place)).map(|one| format!("{broken}: nowhere: {one:?}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
