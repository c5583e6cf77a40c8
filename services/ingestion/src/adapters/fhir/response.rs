//! Answers to what was sent: to a transaction, to a message, to a search (FHIR R4 sections 2.36 and 2.4).
//!
//! Deliberately not here: when an answer may be given, which is after the commit (handlers).

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::date;
use super::message::Header;
use super::outcome::{self, Line};
use super::task::{self, Standing};

/// The answer to a transaction: each entry in its place, and what is to be said at the referral's own.
#[must_use]
pub fn transaction(entries: &[&'static str], standing: &Standing, is_new: bool, said: &[Line]) -> Value {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let about = if standing.is_form { "QuestionnaireResponse" } else { "ServiceRequest" };
    let answer = |kind: &'static str| {
        let nth = counts.entry(kind).or_default();
        let id = task::id_of(standing.inquiry_id, kind, *nth);
        let is_about = kind == about && *nth == 0;
        *nth += 1;
        let version = if is_about || kind == "Task" { standing.version } else { 1 };
        let mut response = json!({
            "status": if is_new { "201 Created" } else { "200 OK" },
            "location": format!("{kind}/{id}/_history/{version}"),
            "etag": task::etag(version),
            "lastModified": date::write(standing.changed_at),
        });
        if is_about && !said.is_empty() {
            response["outcome"] = outcome::of(said);
        }
        json!({ "response": response })
    };
    let entries: Vec<Value> = entries.iter().copied().map(answer).collect();
    json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": entries })
}

/// The answer to a transaction that is kept and made into nothing yet: it waits for a person.
#[must_use]
pub fn transaction_kept(entries: &[&'static str], about: &str, said: &[Line]) -> Value {
    let mut is_said = false;
    let answer = |kind: &&'static str| {
        let mut response = json!({ "status": "202 Accepted" });
        if *kind == about && !is_said {
            is_said = true;
            response["outcome"] = outcome::of(said);
        }
        json!({ "response": response })
    };
    let entries: Vec<Value> = entries.iter().map(answer).collect();
    json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": entries })
}

/// How a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It is kept.
    Ok,
    /// It is not, and the same may be sent again.
    Transient,
    /// It is refused.
    Fatal,
}

/// The answer to a message. Its ids follow from the message, so the same one gets the same answer.
#[must_use]
pub fn message(
    header: &Header,
    endpoint: &str,
    word: Word,
    (id, at): (Uuid, Timestamp),
    said: &[Line],
    task: Option<Value>,
) -> Value {
    let urn = |nth: usize| format!("urn:uuid:{}", task::id_of(id, "answer", nth));
    let mut response = json!({
        "identifier": header.id,
        "code": match word {
            Word::Ok => "ok",
            Word::Transient => "transient-error",
            Word::Fatal => "fatal-error",
        },
    });
    if !said.is_empty() {
        response["details"] = json!({ "reference": urn(2) });
    }
    let mut own = json!({
        "resourceType": "MessageHeader",
        "id": task::id_of(id, "answer", 1),
        "eventCoding": { "system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": header.event },
        "source": { "name": "Causeway", "endpoint": endpoint },
        "response": response,
    });
    let mut entries = Vec::new();
    if let Some(task) = task {
        own["focus"] = json!([{ "reference": format!("{endpoint}/Task/{}", task["id"].as_str().unwrap_or_default()) }]);
        entries.push(json!({ "fullUrl": own["focus"][0]["reference"], "resource": task }));
    }
    if !said.is_empty() {
        entries.push(json!({ "fullUrl": urn(2), "resource": outcome::of(said) }));
    }
    entries.insert(0, json!({ "fullUrl": urn(1), "resource": own }));
    json!({
        "resourceType": "Bundle",
        "identifier": { "system": "urn:ietf:rfc:3986", "value": urn(0) },
        "type": "message",
        "timestamp": date::write(at),
        "entry": entries,
    })
}

/// What a search found. `total`: how many there are on all pages, where that is known.
#[must_use]
pub fn searchset(
    endpoint: &str,
    (found, total): (Vec<Value>, Option<usize>),
    (own, next): (&str, Option<&str>),
    at: Timestamp,
) -> Value {
    let mut links = vec![json!({ "relation": "self", "url": own })];
    links.extend(next.map(|url| json!({ "relation": "next", "url": url })));
    let entry = |resource: Value| {
        let text = |name: &str| resource[name].as_str().unwrap_or_default();
        let url = format!("{endpoint}/{}/{}", text("resourceType"), text("id"));
        json!({ "fullUrl": url, "resource": resource, "search": { "mode": "match" } })
    };
    let mut bundle = json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "meta": { "lastUpdated": date::write(at) },
        "link": links,
    });
    let entries: Vec<Value> = found.into_iter().map(entry).collect();
    let is_none = entries.is_empty() && next.is_none();
    if let Some(total) = total.or(is_none.then_some(0)) {
        bundle["total"] = json!(total);
    }
    if !entries.is_empty() {
        bundle["entry"] = json!(entries);
    }
    bundle
}
