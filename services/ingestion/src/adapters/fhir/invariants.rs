//! What FHIR R4 says of several elements together: its invariants, as far as they can be broken by what a referral is made of, and
//! elements of several types of which one must be there.
//!
//! Looked at where a resource is sent to be checked ($validate), like the shape. Only rules are here by which R4 calls a resource
//! invalid, no advice. Deliberately not here: what is within one element (shape), and references, which are read with the request.

use jiff::Timestamp;
use jiff::civil::Date;

use super::fault::{Class, Issue};
use super::json::Object;
use super::notes::{Notes, Path, fault_at};

/// What of an element breaks a rule: its part, empty for the element itself, and the words.
type Broken = (&'static str, &'static str);

/// Elements of several types of which one must be there (`1..1 value[x]`).
const REQUIRED: [(&str, &str); 5] = [
    ("MedicationRequest", "medication"),
    ("MedicationStatement", "medication"),
    ("MessageHeader", "event"),
    ("Task_Input", "value"),
    ("Task_Output", "value"),
];

/// Checks an element of a type, without its parts.
pub fn check(kind: &str, element: &Object<'_>, (path, notes): (&Path, &Notes)) {
    const MISSING: &str = "FHIR R4 requires this element, with one of its types: send it";
    let required = REQUIRED.iter().filter(|(of, name)| *of == kind && !has_choice(element, name));
    for (_, name) in required {
        notes.fault(fault_at(&path.down(name), Issue::Required, Class::Malformed, MISSING));
    }
    if kind == "Bundle" {
        return bundle(element, path, notes);
    }
    for (part, words) in broken(kind, element).into_iter().flatten() {
        let place = if part.is_empty() { path.clone() } else { path.down(part) };
        notes.fault(fault_at(&place, Issue::Invariant, Class::Malformed, words));
    }
}

/// The rules of a type that an element breaks (`#invs` of its page at <http://hl7.org/fhir/R4/>).
fn broken(kind: &str, element: &Object<'_>) -> [Option<Broken>; 2] {
    // An extension in the place of a value is there as well.
    let has = |name: &str| element.members().any(|(told, _)| told.strip_prefix('_').unwrap_or(told) == name);
    let one = |is_broken: bool, part, words| [is_broken.then_some((part, words)), None];
    let in_error = || is_one_of(element, "verificationStatus", &["entered-in-error"]);
    match kind {
        "Period" => {
            let is_broken = is_before(element.text("end"), element.text("start"));
            one(is_broken, "end", "A period does not end before it starts (per-1)")
        }
        "ContactPoint" => one(
            has("value") && !has("system"),
            "system",
            "Whoever has a value says whether it is a phone, a fax or an email (cpt-2)",
        ),
        "Attachment" => one(
            has("data") && !has("contentType"),
            "contentType",
            "Content that is sent along says of which type it is (att-1)",
        ),
        "Quantity" | "Age" | "Count" | "Distance" | "Duration" => {
            one(has("code") && !has("system"), "system", "A code of a unit stands with its system (qty-3)")
        }
        "Ratio" => {
            one(has("numerator") != has("denominator"), "", "A ratio has both a numerator and a denominator (rat-1)")
        }
        "Timing_Repeat" => [
            (has("duration") && !has("durationUnit"))
                .then_some(("durationUnit", "A duration stands with its unit (tim-1)")),
            (has("period") && !has("periodUnit")).then_some(("periodUnit", "A period stands with its unit (tim-2)")),
        ],
        "Organization" => {
            one(!has("name") && !has("identifier"), "", "An organization has a name or an identifier (org-1)")
        }
        "Patient_Contact" => one(
            !["name", "telecom", "address", "organization"].into_iter().any(has),
            "",
            "A contact has at least a name, a way to reach them, or an organization (pat-1)",
        ),
        "ServiceRequest" => {
            one(has("orderDetail") && !has("code"), "code", "Details of an order stand with its code (prr-1)")
        }
        "AllergyIntolerance" if in_error() => {
            one(has("clinicalStatus"), "clinicalStatus", "What was entered in error has no clinical status (ait-2)")
        }
        "AllergyIntolerance" => one(
            !has("clinicalStatus"),
            "clinicalStatus",
            "An allergy that was not entered in error has a clinical status (ait-1)",
        ),
        "Condition" => [
            (in_error() && has("clinicalStatus"))
                .then_some(("clinicalStatus", "What was entered in error has no clinical status (con-5)")),
            (has_choice(element, "abatement")
                && !is_one_of(element, "clinicalStatus", &["inactive", "resolved", "remission"]))
            .then_some(("clinicalStatus", "What has abated is inactive, resolved or in remission (con-4)")),
        ],
        "FamilyMemberHistory" => one(
            has_choice(element, "age") && has_choice(element, "born"),
            "",
            "A relative has an age or a birth, and not both (fhs-1)",
        ),
        "Observation" => one(
            has("dataAbsentReason") && has_choice(element, "value"),
            "dataAbsentReason",
            "Why a value is absent stands only where there is none (obs-6)",
        ),
        "QuestionnaireResponse_Item" => one(
            has("item") && has("answer"),
            "item",
            "Items stand below an item or below its answers, and not below both (qrs-1)",
        ),
        "Task" => one(
            is_before(element.text("lastModified"), element.text("authoredOn")),
            "lastModified",
            "A task was not changed before it was made (inv-1)",
        ),
        _ => [None, None],
    }
}

/// Whether an element of several types is there: `valueString` for `value`, and an extension in its place.
fn has_choice(element: &Object<'_>, name: &str) -> bool {
    let is_of = |told: &str| {
        let rest = told.strip_prefix('_').unwrap_or(told).strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(|sign: char| sign.is_ascii_uppercase()))
    };
    element.members().any(|(told, _)| is_of(told))
}

/// Whether a CodeableConcept has one of some codes.
fn is_one_of(element: &Object<'_>, name: &str, codes: &[&str]) -> bool {
    element
        .member(name)
        .is_some_and(|concept| concept.objects("coding").any(|coding| codes.contains(&coding.text("code"))))
}

/// Whether a moment lies before another one, as far as both are told. A day may be told in another zone than a time.
fn is_before(one: &str, other: &str) -> bool {
    const DAY: usize = "2026-03-04".len();
    if let (Ok(one), Ok(other)) = (one.parse::<Timestamp>(), other.parse::<Timestamp>()) {
        return one < other;
    }
    let told = one.len().min(other.len()).min(DAY);
    let (Some(begin), Some(end)) = (one.get(..told), other.get(..told)) else { return false };
    if one.len() > DAY || other.len() > DAY {
        let days = (begin.parse::<Date>(), end.parse::<Date>());
        return matches!(days, (Ok(one), Ok(other)) if one.tomorrow().is_ok_and(|next| next < other));
    }
    !begin.is_empty() && begin < end
}

/// The invariants bdl-1 to bdl-5 and bdl-8 of a Bundle (<http://hl7.org/fhir/R4/bundle.html#invs>); that no full URL stands twice
/// is looked at where it is read.
fn bundle(bundle: &Object<'_>, path: &Path, notes: &Notes) {
    const NO_TOTAL: &str = "Only a search or a history has a total (bdl-1)";
    const NO_SEARCH: &str = "Only an entry of a search has search (bdl-2)";
    const NO_REQUEST: &str = "Entries of a transaction, a batch and a history have a request, and no others (bdl-3)";
    const NO_RESPONSE: &str = "Entries of an answer and a history have a response, and no others (bdl-4)";
    const NOTHING: &str = "An entry has a resource, or what was asked or answered without one (bdl-5)";
    const VERSION: &str = "A full URL names no version (bdl-8)";
    let kind = bundle.text("type");
    let is = |kinds: &[&str]| kinds.contains(&kind);
    let fault = |path: Path, words| notes.fault(fault_at(&path, Issue::Invariant, Class::Malformed, words));
    if bundle.get("total").is_some() && !is(&["searchset", "history"]) {
        fault(path.down("total"), NO_TOTAL);
    }
    for (at, entry) in bundle.objects("entry").enumerate() {
        let (place, has) = (path.item("entry", at), |name| entry.get(name).is_some());
        if has("search") && kind != "searchset" {
            fault(place.down("search"), NO_SEARCH);
        }
        if has("request") != is(&["batch", "transaction", "history"]) {
            fault(place.down("request"), NO_REQUEST);
        }
        if has("response") != is(&["batch-response", "transaction-response", "history"]) {
            fault(place.down("response"), NO_RESPONSE);
        }
        if !["resource", "request", "response"].into_iter().any(has) {
            fault(place.clone(), NOTHING);
        }
        if entry.text("fullUrl").contains("/_history/") {
            fault(place.down("fullUrl"), VERSION);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::{self, Json};
    use super::super::shape;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let json = json::read(text.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
        let (Json::Object(resource), notes) = (&json, Notes::default()) else { panic!("no object") };
        shape::check(resource, &Path::of("X"), &notes);
        let faults = notes.into_parts().0.into_iter();
        faults.map(|fault| format!("{} {}", fault.issue.code(), fault.expression)).collect()
    }

    /// A resource of a type with what R4 requires of it.
    fn with(kind: &str, rest: &str) -> String {
        let subject = r#""subject":{"reference":"Patient/1"}"#;
        let required = match kind {
            "MedicationRequest" => format!(r#""status":"active","intent":"order",{subject}"#),
            "MedicationStatement" => format!(r#""status":"active",{subject}"#),
            "ServiceRequest" => format!(r#""status":"active","intent":"order",{subject}"#),
            "AllergyIntolerance" => r#""patient":{"reference":"Patient/1"}"#.to_owned(),
            "Condition" => subject.to_owned(),
            "FamilyMemberHistory" => {
                r#""status":"completed","patient":{"reference":"Patient/1"},"relationship":{"text":"x"}"#.to_owned()
            }
            "Observation" => r#""status":"final","code":{"text":"x"}"#.to_owned(),
            "QuestionnaireResponse" => r#""status":"completed""#.to_owned(),
            "Task" => r#""status":"requested","intent":"order""#.to_owned(),
            "MessageHeader" => r#""source":{"endpoint":"urn:x"}"#.to_owned(),
            _ => r#""active":true"#.to_owned(),
        };
        format!(r#"{{"resourceType":"{kind}",{required}{}{rest}}}"#, if rest.is_empty() { "" } else { "," })
    }

    #[test]
    fn what_breaks_a_rule_about_several_elements_is_told_at_its_place_and_what_keeps_it_is_not() {
        let in_error = r#""verificationStatus":{"coding":[{"code":"entered-in-error"}]}"#;
        let active = r#""clinicalStatus":{"coding":[{"code":"active"}]}"#;
        let resolved = r#""clinicalStatus":{"coding":[{"code":"resolved"}]}"#;
        let both = format!("{in_error},{active}");
        let abated = |status: &str| format!(r#""abatementDateTime":"2026",{status}"#);
        let (abated_active, abated_resolved) = (abated(active), abated(resolved));
        for (kind, broken, place, kept) in [
            ("MedicationRequest", "", "required X.medication", r#""medicationCodeableConcept":{"text":"x"}"#),
            ("MedicationStatement", "", "required X.medication", r#""medicationReference":{"display":"x"}"#),
            ("MessageHeader", "", "required X.event", r#""eventUri":"urn:x""#),
            (
                "Task",
                r#""input":[{"type":{"text":"x"}}]"#,
                "required X.input[0].value",
                r#""input":[{"type":{"text":"x"},"valueString":"y"}]"#,
            ),
            (
                "Task",
                r#""authoredOn":"2026-03-04T09:00:00Z","lastModified":"2026-03-03T10:00:00Z""#,
                "invariant X.lastModified",
                r#""authoredOn":"2026-03-04T01:00:00Z","lastModified":"2026-03-03T20:05:00-05:00""#,
            ),
            (
                "Patient",
                r#""name":[{"family":"T","period":{"start":"2026-05","end":"2026-04-30"}}]"#,
                "invariant X.name[0].period.end",
                r#""name":[{"family":"T","period":{"start":"2026","end":"2026-04-30"}}]"#,
            ),
            (
                "Patient",
                r#""telecom":[{"value":"206 555 0142"}]"#,
                "invariant X.telecom[0].system",
                r#""telecom":[{"value":"206 555 0142","system":"phone"}]"#,
            ),
            (
                "Patient",
                r#""photo":[{"data":"QQ=="}]"#,
                "invariant X.photo[0].contentType",
                r#""photo":[{"data":"QQ==","contentType":"image/png"}]"#,
            ),
            (
                "Patient",
                r#""contact":[{"gender":"male"}]"#,
                "invariant X.contact[0]",
                r#""contact":[{"name":{"text":"T"}}]"#,
            ),
            ("Organization", "", "invariant X", r#""name":"T""#),
            ("ServiceRequest", r#""orderDetail":[{"text":"x"}]"#, "invariant X.code", r#""code":{"text":"x"}"#),
            ("AllergyIntolerance", "", "invariant X.clinicalStatus", active),
            ("AllergyIntolerance", &both, "invariant X.clinicalStatus", in_error),
            ("Condition", &both, "invariant X.clinicalStatus", in_error),
            ("Condition", &abated_active, "invariant X.clinicalStatus", &abated_resolved),
            ("FamilyMemberHistory", r#""ageString":"50","bornDate":"1970""#, "invariant X", r#""bornDate":"1970""#),
            (
                "Observation",
                r#""dataAbsentReason":{"text":"x"},"valueString":"y""#,
                "invariant X.dataAbsentReason",
                r#""dataAbsentReason":{"text":"x"}"#,
            ),
            (
                "Observation",
                r#""valueQuantity":{"value":1,"code":"mg"}"#,
                "invariant X.valueQuantity.system",
                r#""valueQuantity":{"value":1,"unit":"mg"}"#,
            ),
            (
                "Observation",
                r#""valueRatio":{"numerator":{"value":1}}"#,
                "invariant X.valueRatio",
                r#""valueRatio":{"numerator":{"value":1},"denominator":{"value":2}}"#,
            ),
            (
                "QuestionnaireResponse",
                r#""item":[{"linkId":"1","answer":[{"valueString":"x"}],"item":[{"linkId":"2"}]}]"#,
                "invariant X.item[0].item",
                r#""item":[{"linkId":"1","answer":[{"valueString":"x","item":[{"linkId":"2"}]}]}]"#,
            ),
        ] {
            assert_eq!(found(&with(kind, broken)), [place], "{kind}: {broken}");
            assert!(found(&with(kind, kept)).is_empty(), "{kind}: {kept}: {:?}", found(&with(kind, kept)));
        }
    }

    #[test]
    fn moments_are_compared_as_far_as_both_are_told() {
        assert!(is_before("2025", "2026") && is_before("2026-03-02", "2026-03-04T01:00:00Z"));
        assert!(is_before("2026-03-04T00:00:00Z", "2026-03-04T09:00:00Z"));
        assert!(!is_before("2026-03-03T20:05:00-05:00", "2026-03-04T01:00:00Z"), "five minutes later, elsewhere");
        assert!(!is_before("2026-03-03", "2026-03-04T01:00:00Z"), "it may be the same day there");
        for (one, other) in [("2026", "2026-03"), ("", "2026"), ("2026", "")] {
            assert!(!is_before(one, other), "{one} {other}");
        }
    }
}
