//! The shape that FHIR R4 gives to what this door reads: which elements there are, of which type of JSON, and which must be there.
//!
//! It is looked at where a resource is sent to be checked ($validate). A request itself is taken with less: what nobody here reads
//! may be of any shape. Deliberately not here: rules about several elements together (invariants), profiles and codes.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fault::{Class, Issue};
use super::json::{Json, Object};
use super::notes::{Notes, Path, fault_at};
use super::{invariants, kinds};

/// One element of a type.
struct Part {
    name: &'static str,
    kind: &'static str,
    is_list: bool,
    is_required: bool,
}

/// The elements of each type.
static TYPES: LazyLock<HashMap<&'static str, Vec<Part>>> = LazyLock::new(|| {
    let lines = include_str!("shapes.txt").lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let (name, parts) = line.split_once(' ')?;
        let part = |told: &'static str| {
            let (name, kind) = told.split_once(':')?;
            let (kind, is_required) = kind.strip_suffix('!').map_or((kind, false), |kind| (kind, true));
            let (kind, is_list) = kind.strip_suffix('*').map_or((kind, false), |kind| (kind, true));
            Some(Part { name, kind, is_list, is_required })
        };
        Some((name, parts.split(' ').filter_map(part).collect()))
    };
    lines.filter_map(read).collect()
});

/// The names of all elements.
static NAMES: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| TYPES.values().flatten().map(|part| (part.name, part.name)).collect());

const MISSING: &str = "FHIR R4 requires this element: send it";
const UNKNOWN: &str = "FHIR R4 has no element of one of the names in here: send what it tells under a name of R4";
const NO_LIST: &str = "A list is expected here: send it in square brackets, even if it has one part";
const NO_TEXT: &str = "A text is expected here: send it in quotes";
const NO_FLAG: &str = "Yes or no is expected here: send true or false, without quotes";
const NO_NUMBER: &str = "A number is expected here: send it without quotes";
const EMPTY: &str = "FHIR R4 has no empty elements: leave it out";
const NULL: &str = "null stands only where the list beside it has an element in its place: leave it out";
const TWO_TYPES: &str = "This element has one value, of one type: send one of them";
const NOT_WHOLE: &str = "A whole number is expected here";
const NO_ID: &str = "An id has 1 to 64 letters, digits, points and hyphens";
const NO_URL: &str = "An extension tells by its url what it is: send it";
const TWO_VALUES: &str = "An extension has one value, or extensions of its own: send one of them";
const NO_OBJECT: &str = "One element with parts is expected here: send it in braces";

/// The name of an element as we write it; another text that was sent for one is not repeated.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    NAMES.get(name).copied()
}

/// Checks a resource, and all that is in it.
pub fn check(resource: &Object<'_>, path: &Path, notes: &Notes) {
    let kind = kinds::named(resource.text("resourceType"));
    if let Some(parts) = TYPES.get(kind) {
        object(resource, (kind, parts), (path, notes));
    }
    if let Some(Json::Text(id)) = resource.get("id")
        && !is_id(id)
    {
        notes.fault(fault_at(&path.down("id"), Issue::Value, Class::Malformed, NO_ID));
    }
}

/// Whether a text can be the id of a resource (<http://hl7.org/fhir/R4/datatypes.html#id>).
#[must_use]
pub fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

fn object(element: &Object<'_>, (kind, parts): (&str, &[Part]), (path, notes): (&Path, &Notes)) {
    let fault = |path: &Path, issue, words| notes.fault(fault_at(path, issue, Class::Malformed, words));
    for part in parts.iter().filter(|part| part.is_required && element.get(part.name).is_none()) {
        fault(&path.down(part.name), Issue::Required, MISSING);
    }
    invariants::check(kind, element, (path, notes));
    let mut seen: Vec<&str> = Vec::new();
    for (name, json) in element.members().filter(|(name, _)| *name != "resourceType") {
        let plain = name.strip_prefix('_').unwrap_or(name);
        let Some(part) = parts.iter().find(|part| part.name == plain) else {
            fault(path, Issue::Structure, UNKNOWN);
            continue;
        };
        if let Some(choice) = choice(part).filter(|_| plain == name) {
            if seen.contains(&choice) {
                fault(&path.down(part.name), Issue::Structure, TWO_TYPES);
            }
            seen.push(choice);
        }
        match json {
            // What stands beside a value: an id or extensions.
            _ if plain != name => {}
            _ if is_empty(json) => fault(&path.down(part.name), Issue::Structure, EMPTY),
            Json::List(all) if part.is_list => {
                for (at, one) in all.iter().enumerate() {
                    let place = path.item(part.name, at);
                    match one {
                        Json::Null if has_beside(element, part.name, at) => {}
                        Json::Null => fault(&place, Issue::Structure, NULL),
                        one if is_empty(one) => fault(&place, Issue::Structure, EMPTY),
                        Json::Object(one) if part.name.ends_with("xtension") => extension(one, (&place, notes)),
                        one => value(one, part.kind, (&place, notes)),
                    }
                }
            }
            Json::Number(digits) if is_whole(part.name) && digits.contains(['.', 'e', 'E']) => {
                fault(&path.down(part.name), Issue::Value, NOT_WHOLE);
            }
            _ if part.is_list => fault(&path.down(part.name), Issue::Structure, NO_LIST),
            one => value(one, part.kind, (&path.down(part.name), notes)),
        }
    }
}

/// A text of blanks, a list or an element without anything.
fn is_empty(json: &Json<'_>) -> bool {
    match json {
        Json::Text(text) => text.trim().is_empty(),
        Json::List(all) => all.is_empty(),
        Json::Object(object) => object.members().next().is_none(),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Whether the list beside a list of values has an id or extensions at a place.
fn has_beside(element: &Object<'_>, name: &str, at: usize) -> bool {
    let beside = element.members().find(|(told, _)| told.strip_prefix('_') == Some(name));
    matches!(beside, Some((_, Json::List(all))) if matches!(all.get(at), Some(Json::Object(_))))
}

/// Elements that hold whole numbers.
fn is_whole(name: &str) -> bool {
    let ends = ["Integer", "PositiveInt", "UnsignedInt"];
    ends.iter().any(|end| name.ends_with(end)) || ["size", "order", "rank", "total"].contains(&name)
}

/// The name of an element that may be of one of several types, without the type: `value` of `valueString`. Lists are never such.
fn choice(part: &Part) -> Option<&'static str> {
    const TYPES: [&str; 22] = [
        "Boolean",
        "Integer",
        "Decimal",
        "String",
        "DateTime",
        "Date",
        "Time",
        "Instant",
        "Uri",
        "Code",
        "Coding",
        "Canonical",
        "CodeableConcept",
        "Quantity",
        "Range",
        "Ratio",
        "Period",
        "Age",
        "Reference",
        "Attachment",
        "Timing",
        "Annotation",
    ];
    // Of two ends the longer one is the type: valueDateTime is no time.
    let ends = TYPES.iter().filter_map(|end| part.name.strip_suffix(end));
    ends.min_by_key(|base| base.len()).filter(|base| !base.is_empty() && !part.is_list)
}

/// <http://hl7.org/fhir/R4/extensibility.html#Extension>
fn extension(extension: &Object<'_>, (path, notes): (&Path, &Notes)) {
    let fault = |path: &Path, issue, words| notes.fault(fault_at(path, issue, Class::Malformed, words));
    if extension.text("url").is_empty() {
        fault(&path.down("url"), Issue::Required, NO_URL);
    }
    let values = extension.members().filter(|(name, _)| name.starts_with("value")).count();
    if values > 1 || (values == 1 && extension.get("extension").is_some()) {
        fault(path, Issue::Structure, TWO_VALUES);
    }
    for (at, inside) in extension.objects("extension").enumerate() {
        self::extension(inside, (&path.item("extension", at), notes));
    }
}

fn value(json: &Json<'_>, kind: &str, (path, notes): (&Path, &Notes)) {
    let words = match (kind, json) {
        ("s", Json::Text(_)) | ("b", Json::Bool(_)) | ("n", Json::Number(_)) | ("o", Json::Object(_)) => return,
        ("r", Json::Object(resource)) => return check(resource, path, notes),
        ("s", _) => NO_TEXT,
        ("b", _) => NO_FLAG,
        ("n", _) => NO_NUMBER,
        (kind, Json::Object(element)) => match TYPES.get(kind) {
            Some(parts) => return object(element, (kind, parts), (path, notes)),
            None => return,
        },
        _ => NO_OBJECT,
    };
    notes.fault(fault_at(path, Issue::Structure, Class::Malformed, words));
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    #[test]
    fn each_type_that_is_read_has_a_shape_and_each_part_a_type() {
        for kind in kinds::READ.into_iter().chain(["Bundle"]) {
            assert!(TYPES.contains_key(kind), "{kind}");
        }
        for (kind, parts) in TYPES.iter() {
            assert!(!parts.is_empty(), "{kind}");
            for part in parts {
                let is_known = ["s", "b", "n", "o", "r"].contains(&part.kind) || TYPES.contains_key(part.kind);
                assert!(is_known, "{kind}.{}: {}", part.name, part.kind);
            }
        }
        assert_eq!((named("birthDate"), named("Testpatient")), (Some("birthDate"), None));
    }

    #[test]
    fn what_r4_has_otherwise_is_told_at_its_place() {
        let found = |text: &str| {
            let json = json::read(text.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
            let (Json::Object(resource), notes) = (&json, Notes::default()) else { panic!("no object") };
            check(resource, &Path::of("X"), &notes);
            let faults = notes.into_parts().0.into_iter();
            faults.map(|fault| format!("{} {}", fault.issue.code(), fault.expression)).collect::<Vec<_>>().join(", ")
        };
        for (text, expected) in [
            (r#"{"resourceType":"Coverage"}"#, "required X.status, required X.beneficiary, required X.payor"),
            (r#"{"resourceType":"Patient","active":"true"}"#, "structure X.active"),
            (r#"{"resourceType":"Patient","maritalStatus":"M"}"#, "structure X.maritalStatus"),
            (r#"{"resourceType":"Patient","photo":{}}"#, "structure X.photo"),
            (r#"{"resourceType":"Patient","foo":1}"#, "structure X"),
            (r#"{"resourceType":"Patient","birthDate":1968}"#, "structure X.birthDate"),
            (r#"{"resourceType":"Patient","name":[{"given":"Jo"}]}"#, "structure X.name[0].given"),
            (r#"{"resourceType":"Patient","name":[{"family":["Jo"]}]}"#, "structure X.name[0].family"),
            (r#"{"resourceType":"Patient","multipleBirthInteger":"1"}"#, "structure X.multipleBirthInteger"),
            (r#"{"resourceType":"Patient","contact":[{"name":{"text":"T"},"phone":1}]}"#, "structure X.contact[0]"),
            (
                r#"{"resourceType":"Bundle","type":"x","entry":[{"resource":{"resourceType":"Condition"}}]}"#,
                "required X.entry[0].resource.subject",
            ),
            (r#"{"resourceType":"Patient","name":[]}"#, "structure X.name"),
            (r#"{"resourceType":"Patient","maritalStatus":{}}"#, "structure X.maritalStatus"),
            (r#"{"resourceType":"Patient","gender":" "}"#, "structure X.gender"),
            (r#"{"resourceType":"Patient","name":[{"given":["Jo",null]}]}"#, "structure X.name[0].given[1]"),
            (r#"{"resourceType":"Patient","multipleBirthInteger":1.5}"#, "value X.multipleBirthInteger"),
            (
                r#"{"resourceType":"Patient","multipleBirthInteger":1,"multipleBirthBoolean":true}"#,
                "structure X.multipleBirthBoolean",
            ),
            (
                r#"{"resourceType":"Patient","deceasedDateTime":"2026","deceasedBoolean":true}"#,
                "structure X.deceasedBoolean",
            ),
            (r#"{"resourceType":"Patient","id":"a b"}"#, "value X.id"),
            (r#"{"resourceType":"Patient","extension":[{"valueString":"x"}]}"#, "required X.extension[0].url"),
            (
                r#"{"resourceType":"Patient","extension":[{"url":"x","extension":[{"url":"y","valueCode":"a","valueString":"b"}]}]}"#,
                "structure X.extension[0].extension[0]",
            ),
            (
                r#"{"resourceType":"Bundle","type":"transaction","total":1,"entry":[{"search":{"mode":"match"},
                    "fullUrl":"https://x.org/Patient/1/_history/2"}]}"#,
                "invariant X.total, invariant X.entry[0].search, invariant X.entry[0].request, invariant X.entry[0], \
                 invariant X.entry[0].fullUrl",
            ),
            (
                r#"{"resourceType":"Patient","_birthDate":{"id":"x"},"name":[{"given":["Jo",null],"_given":[null,{"id":"y"}]}],
                    "extension":[{"url":"x","valueFoo":1}],"text":{"status":"generated"},
                    "contained":[{"resourceType":"Location","foo":1}]}"#,
                "",
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
