//! CapabilityStatement: what this door does, and nothing that it does not (FHIR R4 section 2.35).
//!
//! Deliberately not here: who may do it (the center's feeds).

use serde_json::{Value, json};

use super::kinds;
use super::subscription;

/// When the statement was last changed.
const CHANGED: &str = "2026-11-27";

const ABOUT: &str = "Takes referrals for one center and tells what became of them. A referral is one transaction or message \
Bundle with a ServiceRequest, or a ServiceRequest with contained resources; an answer is given after it is stored for good. \
The number of the referral (ServiceRequest.identifier, or ifNoneExist) is what a repeat is known by. Resources that come with \
a referral are kept sealed and are not read back. Only what the asking feed has sent is visible to it. Who wants to be told of changed Tasks makes a Subscription; who asks \
searches Task with _lastUpdated; by POST to _search what is asked for stands in no address. Nothing is included with what is found. JSON only; batches and patches are refused, and nothing but a Subscription is deleted.";

const SUBSCRIBING: &str = "A feed's own. Channel rest-hook, payload content empty or id-only, filter Task?status= alone; the endpoint's \
host has to be agreed with the center. The answer to the create bears the extension urn:causeway:subscription-secret, and the same create again does until the \
endpoint has answered a handshake: each \
notification has X-Causeway-Signature: t=SECONDS,v1=HEX, where HEX is HMAC-SHA256 under the secret of SECONDS, a full stop and the \
body. Notifications come in order and at least once; events are counted without a gap. An endpoint that fails too often puts the \
status to error: events are counted on, $events tells them, and an update with the status requested lets all that was missed come.";

const SECURITY: &str = "Send the key of the feed as 'authorization: Bearer KEY'. Metadata needs none.";

/// The statement for one center.
#[must_use]
pub fn statement(endpoint: &str) -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "software": { "name": "Causeway", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Referrals to a cancer center", "url": endpoint },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "documentation": ABOUT,
            "security": { "cors": false, "description": SECURITY },
            "resource": resources(endpoint),
            "interaction": [{ "code": "transaction", "documentation": "One referral, as a whole or not at all." }],
            "operation": [
                validate(),
                operation("process-message", "MessageHeader-process-message", "A message Bundle with one of the events I12 (new), I13 (changed), I14 (withdrawn), I15 (what became of it)."),
            ],
        }],
        "messaging": [{
            "documentation": "Events I12 to I15 of HL7 v2 table 0003. Bundle.identifier, or else MessageHeader.id, is what a repeat is known by.",
        }],
    })
}

fn operation(name: &str, definition: &str, words: &str) -> Value {
    json!({
        "name": name,
        "definition": format!("http://hl7.org/fhir/OperationDefinition/{definition}"),
        "documentation": words,
    })
}

fn resources(endpoint: &str) -> Value {
    let number = json!({ "name": "identifier", "type": "token", "documentation": "The office's number of the referral, or ours (urn:causeway:request-number), as system|value, value (whoever gave it), |value (nobody did) or system| (all of that system); several with commas." });
    let id = json!({ "name": "_id", "type": "token", "documentation": "The id that the referral was answered with; several with commas." });
    let focus = json!({ "name": "focus", "type": "reference", "documentation": "ServiceRequest/ID as the referral was answered with." });
    let updated = json!({ "name": "_lastUpdated", "type": "date", "documentation": "With ge, gt, le or lt and an instant; oldest first, or with _sort=-_lastUpdated newest first, with _count and a next link." });
    let status = json!({ "name": "status", "type": "token", "documentation": "A code of R4, with its system or without; ours are received, accepted, in-progress, completed, rejected, cancelled, failed; several with commas." });
    let mut all = vec![
        json!({
            "type": "ServiceRequest",
            "documentation": "Created or updated as a referral: the same number again is the same referral, and other content under it waits for a person. Read back without what it says.",
            "interaction": [{ "code": "create" }, { "code": "read" }, in_force(), { "code": "search-type" }],
            "versioning": "versioned",
            "conditionalCreate": true,
            "referencePolicy": ["literal", "logical", "local"],
            "searchParam": [number.clone(), id.clone()],
            "operation": [validate()],
        }),
        json!({
            "type": "Task",
            "documentation": "What became of a referral: received, accepted, in-progress, then completed, rejected, cancelled or failed. businessStatus tells the stage, output the time of a booked visit, statusReason why it ended; each input of the type urn:causeway:task-input|requested-document names a document that the center waits for from the office, in its words and codes, until it came. Made by the center. An update with the status cancelled and If-Match calls the referral off, as a Task of the office's own inside a Bundle does; nothing else of it can be changed.",
            "interaction": [{ "code": "read" }, in_force(), { "code": "update" }, { "code": "search-type" }],
            "versioning": "versioned-update",
            "operation": [validate()],
            "searchParam": [number.clone(), id.clone(), focus, status, updated],
        }),
        json!({
            "type": "QuestionnaireResponse",
            "documentation": "A form of the center that was answered on the office's own site: questionnaire ends in the form's id, linkId is the name of a field. Read back without what it says.",
            "interaction": [{ "code": "create" }, { "code": "read" }, in_force(), { "code": "search-type" }],
            "versioning": "versioned",
            "conditionalCreate": true,
            "searchParam": [number, id],
            "operation": [validate()],
        }),
    ];
    all.push(subscriptions(endpoint));
    let told = ["MessageHeader", "QuestionnaireResponse", "ServiceRequest", "Task"];
    let kept = kinds::READ.into_iter().filter(|kind| !told.contains(kind));
    all.extend(kept.map(|kind| {
        json!({
            "type": kind,
            "documentation": "As a part of a referral only: kept sealed and not read back. It gets its id from its referral and is not looked for before, so ifNoneExist of it finds nothing.",
            "operation": [validate()],
        })
    }));
    json!(all)
}

fn validate() -> Value {
    operation(
        "validate",
        "Resource-validate",
        "The same faults as for the request itself, and where its shape is not that of R4; nothing is kept. mode is create or update; profiles are not checked.",
    )
}

/// Reading a version.
fn in_force() -> Value {
    json!({ "code": "vread", "documentation": "The version in force; those before it are not kept." })
}

/// Subscriptions by the R5 backport on R4.
fn subscriptions(endpoint: &str) -> Value {
    json!({
        "type": "Subscription",
        "supportedProfile": ["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription"],
        "extension": [{
            "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical",
            "valueCanonical": format!("{endpoint}/{}", subscription::TOPIC),
        }],
        "documentation": SUBSCRIBING,
        "interaction": [
            { "code": "create" }, { "code": "read" }, { "code": "update" }, { "code": "delete" }, { "code": "search-type" }
        ],
        "versioning": "versioned",
        "operation": [
            backport("status", "backport-subscription-status", "GET Subscription/ID/$status: state and number of the last event."),
            backport("events", "backport-subscription-events", "GET Subscription/ID/$events?eventsSinceNumber=&eventsUntilNumber=: the first 200 of them."),
        ],
    })
}

fn backport(name: &str, definition: &str, words: &str) -> Value {
    json!({
        "name": name,
        "definition": format!("http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/{definition}"),
        "documentation": words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_names_what_is_read_of_a_referral() {
        let statement = statement("https://center.example/fhir/harbor-valley");
        let types: Vec<&str> = statement["rest"][0]["resource"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["type"].as_str())
            .collect();
        for kind in super::super::kinds::READ.iter().filter(|kind| **kind != "MessageHeader") {
            assert!(types.contains(kind), "{kind}");
        }
        assert!(types.contains(&"Subscription"));
        assert_eq!(types.len(), super::super::kinds::READ.len());
    }
}
