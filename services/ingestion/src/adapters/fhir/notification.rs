//! What a subscription is told: a Bundle with its status, and which Tasks changed (Subscriptions R5 Backport on R4).
//!
//! A Task is named and never sent: who may read it reads it with its key. The same notification has the same ids, so that
//! one that comes twice is recognised. Deliberately not here: how it is sent (handlers).

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::date;
use super::subscription::Subscription;
use super::task::id_of;
use crate::domain::subscription::Content;

const PROFILE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-";

/// Why a subscriber is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To see whether the endpoint is there.
    Handshake,
    /// A sign of life.
    Heartbeat,
    /// Something changed.
    Event,
    /// It asked for its status.
    Status,
    /// It asked for events.
    Query,
}

impl Kind {
    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Heartbeat => "heartbeat",
            Self::Event => "event-notification",
            Self::Status => "query-status",
            Self::Query => "query-event",
        }
    }
}

/// Something that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Its number within the subscription.
    pub number: i64,
    /// The referral.
    pub inquiry_id: Uuid,
    /// When it changed.
    pub at: Timestamp,
}

/// A notification, or the answer to a question for events.
#[must_use]
pub fn bundle(subscription: &Subscription, kind: Kind, events: &[Event], at: Timestamp) -> Value {
    let mut entries = vec![json!({
        "fullUrl": own_url(subscription, kind, events),
        "resource": status(subscription, kind, events),
        "request": { "method": "GET", "url": format!("{}/$status", subscription.address()) },
        "response": { "status": "200" },
    })];
    if subscription.wish.content == Content::IdOnly {
        let mut named: Vec<Uuid> = Vec::new();
        for event in events {
            // A Task that changed more than once is named once.
            if !named.contains(&event.inquiry_id) {
                named.push(event.inquiry_id);
            }
        }
        entries.extend(named.iter().map(|inquiry_id| {
            json!({
                "fullUrl": format!("{}/Task/{inquiry_id}", subscription.base),
                "request": { "method": "PUT", "url": format!("Task/{inquiry_id}") },
                "response": { "status": "200" },
            })
        }));
    }
    json!({
        "resourceType": "Bundle",
        "id": bundle_id(subscription, kind, events),
        "meta": { "profile": [format!("{PROFILE}notification-r4")] },
        "type": "history",
        "timestamp": date::write(at),
        "entry": entries,
    })
}

/// The answer to a question for the status.
#[must_use]
pub fn status_answer(subscription: &Subscription, at: Timestamp) -> Value {
    json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 1,
        "timestamp": date::write(at),
        "entry": [{
            "fullUrl": own_url(subscription, Kind::Status, &[]),
            "resource": status(subscription, Kind::Status, &[]),
            "search": { "mode": "match" },
        }],
    })
}

fn bundle_id(subscription: &Subscription, kind: Kind, events: &[Event]) -> Uuid {
    let of = |event: Option<&Event>| event.map_or(0, |event| event.number);
    let span = format!("{}/{}/{}/{}", kind.code(), of(events.first()), of(events.last()), subscription.version);
    id_of(subscription.id, &span, 1)
}

fn own_url(subscription: &Subscription, kind: Kind, events: &[Event]) -> String {
    format!("urn:uuid:{}", id_of(bundle_id(subscription, kind, events), "status", 1))
}

fn status(subscription: &Subscription, kind: Kind, events: &[Event]) -> Value {
    let mut parameters = vec![
        json!({ "name": "subscription", "valueReference": { "reference": subscription.address() } }),
        json!({ "name": "topic", "valueCanonical": subscription.topic() }),
        json!({ "name": "status", "valueCode": subscription.state }),
        json!({ "name": "type", "valueCode": kind.code() }),
        json!({ "name": "events-since-subscription-start", "valueString": subscription.events.to_string() }),
    ];
    parameters.extend(events.iter().map(|event| {
        let mut part = vec![
            json!({ "name": "event-number", "valueString": event.number.to_string() }),
            json!({ "name": "timestamp", "valueInstant": date::write(event.at) }),
        ];
        if subscription.wish.content == Content::IdOnly {
            let task = format!("{}/Task/{}", subscription.base, event.inquiry_id);
            part.push(json!({ "name": "focus", "valueReference": { "reference": task } }));
        }
        json!({ "name": "notification-event", "part": part })
    }));
    if !subscription.error.is_empty() {
        parameters.push(json!({ "name": "error", "valueCodeableConcept": { "text": subscription.error } }));
    }
    json!({
        "resourceType": "Parameters",
        "meta": { "profile": [format!("{PROFILE}status-r4")] },
        "parameter": parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subscription::Wish;

    fn subscription(content: Content) -> Subscription {
        let wish = Wish {
            statuses: Vec::new(),
            content,
            heartbeat_seconds: None,
            timeout_seconds: 10,
            most_events: 20,
            ends_at: None,
        };
        Subscription {
            id: Uuid::from_u128(1),
            state: "active".into(),
            error: "",
            wish,
            base: "https://x/fhir/center".into(),
            version: 1,
            changed_at: Timestamp::UNIX_EPOCH,
            events: 7,
        }
    }

    #[test]
    fn a_notification_names_each_task_once_and_an_empty_one_none() {
        let event = |number, id| Event { number, inquiry_id: Uuid::from_u128(id), at: Timestamp::UNIX_EPOCH };
        let events = [event(5, 9), event(6, 8), event(7, 9)];
        let told = bundle(&subscription(Content::IdOnly), Kind::Event, &events, Timestamp::UNIX_EPOCH);
        assert_eq!(told["entry"].as_array().map(Vec::len), Some(3));
        let numbers: Vec<&Value> = told["entry"][0]["resource"]["parameter"]
            .as_array()
            .expect("parameters")
            .iter()
            .filter(|one| one["name"] == "notification-event")
            .map(|one| &one["part"][0]["valueString"])
            .collect();
        assert_eq!(numbers, ["5", "6", "7"]);
        let empty = bundle(&subscription(Content::Empty), Kind::Event, &events, Timestamp::UNIX_EPOCH);
        assert!(!empty.to_string().contains("Task"), "{empty}");
        assert_eq!(
            told["id"],
            bundle(&subscription(Content::IdOnly), Kind::Event, &events, Timestamp::UNIX_EPOCH)["id"]
        );
    }
}
