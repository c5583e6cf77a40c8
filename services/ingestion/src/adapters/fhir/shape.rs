//! The shape that FHIR R4 gives to what this door reads: which elements there are, of which type of JSON, and which must be there.
//!
//! It is looked at where a resource is sent to be checked ($validate). A request itself is taken with less: what nobody here reads
//! may be of any shape. Deliberately not here: profiles, codes and invariants.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fault::{Class, Issue};
use super::json::{Json, Object};
use super::kinds;
use super::notes::{Notes, Path, fault_at};

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
        object(resource, parts, (path, notes));
    }
}

fn object(element: &Object<'_>, parts: &[Part], (path, notes): (&Path, &Notes)) {
    let fault = |path: &Path, issue, words| notes.fault(fault_at(path, issue, Class::Malformed, words));
    for part in parts.iter().filter(|part| part.is_required && element.get(part.name).is_none()) {
        fault(&path.down(part.name), Issue::Required, MISSING);
    }
    for (name, json) in element.members().filter(|(name, _)| *name != "resourceType") {
        let plain = name.strip_prefix('_').unwrap_or(name);
        let Some(part) = parts.iter().find(|part| part.name == plain) else {
            fault(path, Issue::Structure, UNKNOWN);
            continue;
        };
        match json {
            // What stands beside a value: an id or extensions.
            _ if plain != name => {}
            Json::List(all) if part.is_list => {
                let all = all.iter().enumerate().filter(|(_, one)| !matches!(one, Json::Null));
                all.for_each(|(at, one)| value(one, part.kind, (&path.item(part.name, at), notes)));
            }
            _ if part.is_list => fault(&path.down(part.name), Issue::Structure, NO_LIST),
            one => value(one, part.kind, (&path.down(part.name), notes)),
        }
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
            Some(parts) => return object(element, parts, (path, notes)),
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
            (r#"{"resourceType":"Patient","contact":[{"phone":1}]}"#, "structure X.contact[0]"),
            (
                r#"{"resourceType":"Bundle","type":"x","entry":[{"resource":{"resourceType":"Condition"}}]}"#,
                "required X.entry[0].resource.subject",
            ),
            (
                r#"{"resourceType":"Patient","_birthDate":{"id":"x"},"name":[{"given":["Jo",null],"_given":[null,{}]}],
                    "extension":[{"url":"x","valueFoo":1}],"text":{"status":"generated"},
                    "contained":[{"resourceType":"Location","foo":1}]}"#,
                "",
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
