//! Subscription: who wants to hear of changed Tasks, and by which hook (Subscriptions R5 Backport on R4, channel rest-hook).
//!
//! All that would change what is sent is read strictly: a filter that is not understood would tell more than was asked for,
//! and a resource inside a notification is never sent. Deliberately not here: whether an endpoint may be written to (handlers),
//! and what is sent (notification).

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::date;
use super::element::Element;
use super::fault::{Class, Fault, Issue, Severity, refuses};
use super::json::{self, Json};
use super::notes::{Notes, Path};
use super::task::etag;
use crate::domain::journey::Status;
use crate::domain::subscription::{Content, Wish};

/// Base of the extensions of the guide.
const GUIDE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";
/// Where the one topic stands below the address of the door.
pub const TOPIC: &str = "SubscriptionTopic/referral-status";
/// Extension under which the secret of a subscription is told, once.
pub const SECRET: &str = "urn:causeway:subscription-secret";
/// Most headers of a subscriber's.
const MOST_HEADERS: usize = 10;
/// Headers that are ours to write.
const OURS: [&str; 8] = [
    "host",
    "content-type",
    "content-length",
    "connection",
    "transfer-encoding",
    "te",
    "upgrade",
    "x-causeway-signature",
];

const NO_RESOURCE: &str = "The body is no Subscription: send one in braces, with its resourceType";
const NO_JSON: &str = "The body is no JSON that can be read";
const NO_STATUS: &str = "The status says what is wanted: send requested, or off to end it";
const NO_TOPIC: &str = "The topic is missing: send the canonical of a topic that metadata names";
const OTHER_TOPIC: &str = "There is no such topic here: metadata names the one that there is";
const NO_CHANNEL: &str = "The channel is missing: send its type, endpoint and payload";
const OTHER_CHANNEL: &str = "Notifications are sent to a rest-hook only";
const NO_ENDPOINT: &str = "The endpoint is missing: send the address to which notifications are posted";
const OTHER_PAYLOAD: &str = "Notifications are JSON: send application/fhir+json as the payload";
const NO_CONTENT: &str =
    "Say what a notification is to hold: the extension backport-payload-content with empty or id-only";
const NO_RESOURCES: &str = "Resources are not sent in notifications: ask for id-only, and read the Task with your key";
const OTHER_FILTER: &str = "The only filter is Task?status= with received, accepted, in-progress, completed, rejected, cancelled, \
failed, several with commas, once";
const NO_HEARTBEAT: &str = "The heartbeat period is a number of seconds from 60 to 86400";
const NO_TIMEOUT: &str = "The timeout is a number of seconds from 1 to 30";
const NO_COUNT: &str = "The most events of a notification are a number from 1 to 100";
const NO_HEADER: &str =
    "A header is a name, a colon and a value without control characters, at most ten of them, and none that we write";
const NO_END: &str = "The end is an instant with its zone";

/// A Subscription as it was sent. Endpoint and headers may hold secrets: no `Debug`.
pub struct Told {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Whether it is to end.
    pub is_off: bool,
    /// Whether it is told to be active, as whoever reads it and sends it back tells it.
    pub is_active: bool,
    /// What is asked for.
    pub wish: Wish,
    /// Where notifications go.
    pub endpoint: String,
    /// Headers that they bear.
    pub headers: Vec<(String, String)>,
}

/// Reads a Subscription to the topic whose canonical is `{base}/{TOPIC}`.
///
/// # Errors
/// All that is wrong with it.
pub fn read(body: &[u8], base: &str) -> Result<Told, Vec<Fault>> {
    let whole = |issue, words| vec![Fault::new(Severity::Fatal, issue, Class::Malformed, words)];
    let Ok(json) = json::read(body) else { return Err(whole(Issue::Structure, NO_JSON)) };
    let Json::Object(object) = &json else { return Err(whole(Issue::Structure, NO_RESOURCE)) };
    let notes = Notes::default();
    let resource = Element::resource(object, Path::of("Subscription"), &notes);
    if resource.kind() != "Subscription" {
        return Err(whole(Issue::Invalid, NO_RESOURCE));
    }
    let told = look(&resource, base);
    let (faults, _) = notes.into_parts();
    told.filter(|_| !refuses(&faults)).ok_or(faults)
}

fn look(resource: &Element<'_>, base: &str) -> Option<Told> {
    let status = resource.code("status", &["requested", "active", "off"]);
    if !resource.has("status") {
        resource.missing("status", Class::Malformed, NO_STATUS);
    }
    match resource.text("criteria") {
        None => resource.missing("criteria", Class::Malformed, NO_TOPIC),
        Some(topic) if topic == format!("{base}/{TOPIC}") => {}
        Some(_) => resource.error("criteria", Issue::NotSupported, Class::Rule, OTHER_TOPIC),
    }
    let statuses = filter(resource);
    let ends_at = resource.text("end").and_then(|told| {
        let at = date::instant(told);
        if at.is_none() {
            resource.error("end", Issue::Value, Class::Malformed, NO_END);
        }
        at
    });
    let Some(channel) = resource.child("channel") else {
        resource.missing("channel", Class::Malformed, NO_CHANNEL);
        return None;
    };
    if channel.text("type") != Some("rest-hook") {
        channel.error("type", Issue::NotSupported, Class::Rule, OTHER_CHANNEL);
    }
    let endpoint = channel.text("endpoint");
    if endpoint.is_none() {
        channel.missing("endpoint", Class::Rule, NO_ENDPOINT);
    }
    let content = content(&channel);
    let heartbeat = number(&channel, "backport-heartbeat-period", "valueUnsignedInt", 60..=86_400, NO_HEARTBEAT);
    let timeout = number(&channel, "backport-timeout", "valueUnsignedInt", 1..=30, NO_TIMEOUT);
    let most = number(&channel, "backport-max-count", "valuePositiveInt", 1..=100, NO_COUNT);
    let headers = headers(&channel);
    Some(Told {
        id: resource.text("id").map(str::to_owned),
        is_off: status? == "off",
        is_active: status? == "active",
        wish: Wish {
            statuses,
            content: content?,
            heartbeat_seconds: heartbeat,
            timeout_seconds: timeout.unwrap_or(10),
            most_events: most.unwrap_or(20),
            ends_at,
        },
        endpoint: endpoint?.to_owned(),
        headers,
    })
}

fn filter(resource: &Element<'_>) -> Vec<Status> {
    let Some(beside) = resource.child("_criteria") else { return Vec::new() };
    let mut found = None;
    for extension in beside.children("extension") {
        let is_filter = is(&extension, "backport-filter-criteria");
        let told = extension.text("valueString").and_then(|told| told.strip_prefix("Task?status="));
        let told: Option<Vec<Status>> = told.and_then(|codes| codes.split(',').map(Status::parse).collect());
        match told.filter(|_| is_filter && found.is_none()) {
            Some(statuses) => found = Some(statuses),
            None => extension.error("valueString", Issue::NotSupported, Class::Rule, OTHER_FILTER),
        }
    }
    found.unwrap_or_default()
}

/// Whether an extension is that one of the guide.
fn is(extension: &Element<'_>, name: &str) -> bool {
    extension.text("url").and_then(|url| url.strip_prefix(GUIDE)) == Some(name)
}

fn content(channel: &Element<'_>) -> Option<Content> {
    let payload = channel.text("payload");
    if payload.is_some_and(|kind| kind != "application/fhir+json" && kind != "application/json") {
        channel.error("payload", Issue::NotSupported, Class::Rule, OTHER_PAYLOAD);
    }
    let beside = channel.child("_payload");
    let extensions = beside.iter().flat_map(|beside| beside.children("extension")).collect::<Vec<_>>();
    let told = extensions.iter().find(|extension| is(extension, "backport-payload-content"));
    let Some(told) = told else {
        channel.missing("payload", Class::Rule, NO_CONTENT);
        return None;
    };
    let content = told.text("valueCode").and_then(Content::parse);
    if content.is_none() {
        told.error("valueCode", Issue::NotSupported, Class::Rule, NO_RESOURCES);
    }
    content
}

fn number(
    channel: &Element<'_>,
    name: &str,
    value: &'static str,
    range: std::ops::RangeInclusive<i32>,
    words: &'static str,
) -> Option<i32> {
    let extensions = channel.children("extension");
    let extension = extensions.iter().find(|extension| is(extension, name))?;
    let number = extension.number(value).and_then(|digits| digits.parse().ok()).filter(|number| range.contains(number));
    if number.is_none() {
        extension.error(value, Issue::Value, Class::Rule, words);
    }
    number
}

fn headers(channel: &Element<'_>) -> Vec<(String, String)> {
    let told = channel.texts("header");
    let read = |line: &&str| {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        let is_theirs = !OURS.contains(&name.as_str()) && value.len() <= 1024;
        is_theirs.then(|| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))?
    };
    let headers: Option<Vec<_>> = told.iter().map(read).collect();
    match headers.filter(|headers| headers.len() <= MOST_HEADERS) {
        Some(headers) => headers,
        None => {
            channel.error("header", Issue::Value, Class::Rule, NO_HEADER);
            Vec::new()
        }
    }
}

/// A Subscription that stands. Its headers are not told back.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Its id.
    pub id: Uuid,
    /// `requested`, `active`, `error` or `off`.
    pub state: String,
    /// What went wrong, in words; empty: nothing.
    pub error: &'static str,
    /// What is asked for.
    pub wish: Wish,
    /// Address of the door as the subscriber uses it.
    pub base: String,
    /// Grows with each change.
    pub version: i64,
    /// When it changed last.
    pub changed_at: Timestamp,
    /// Number of the last event.
    pub events: i64,
}

impl Subscription {
    /// The canonical of its topic.
    #[must_use]
    pub fn topic(&self) -> String {
        format!("{}/{TOPIC}", self.base)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}/Subscription/{}", self.base, self.id)
    }

    /// The ETag of this version.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.version)
    }

    /// The resource. `secret`: told with the answer to its creation, and never again once the endpoint has answered a handshake.
    #[must_use]
    pub fn resource(&self, endpoint: &str, secret: Option<&str>) -> Value {
        let extension = |name: &str, kind: &str, value: Value| json!({ "url": format!("{GUIDE}{name}"), kind: value });
        let wish = &self.wish;
        let mut extensions = vec![
            extension("backport-timeout", "valueUnsignedInt", json!(wish.timeout_seconds)),
            extension("backport-max-count", "valuePositiveInt", json!(wish.most_events)),
        ];
        extensions.extend(
            wish.heartbeat_seconds
                .map(|seconds| extension("backport-heartbeat-period", "valueUnsignedInt", json!(seconds))),
        );
        extensions.extend(secret.map(|secret| json!({ "url": SECRET, "valueString": secret })));
        let content = extension("backport-payload-content", "valueCode", json!(wish.content.code()));
        let mut resource = json!({
            "resourceType": "Subscription",
            "id": self.id,
            "meta": {
                "versionId": self.version.to_string(),
                "lastUpdated": date::write(self.changed_at),
                "profile": [format!("{GUIDE}backport-subscription")],
            },
            "status": self.state,
            "reason": "Status of referrals",
            "criteria": self.topic(),
            "channel": {
                "extension": extensions,
                "type": "rest-hook",
                "endpoint": endpoint,
                "payload": "application/fhir+json",
                "_payload": { "extension": [content] },
            },
        });
        if !wish.statuses.is_empty() {
            let codes: Vec<&str> = wish.statuses.iter().map(|status| status.code()).collect();
            let filter = json!(format!("Task?status={}", codes.join(",")));
            resource["_criteria"] =
                json!({ "extension": [extension("backport-filter-criteria", "valueString", filter)] });
        }
        if let Some(at) = wish.ends_at {
            resource["end"] = json!(date::write(at));
        }
        if !self.error.is_empty() {
            resource["error"] = json!(self.error);
        }
        resource
    }
}

/// What the topic is, for who reads about it at its canonical.
#[must_use]
pub fn topic(base: &str) -> Value {
    json!({
        "resourceType": "SubscriptionTopic",
        "url": format!("{base}/{TOPIC}"),
        "title": "Status of referrals",
        "status": "active",
        "description": "The center has changed the Task of a referral that the subscribing feed has sent: its status, its businessStatus, or both. What the feed does itself is answered at once and is no event.",
        "resourceTrigger": [{
            "description": "A Task is another than before",
            "resource": "Task",
            "supportedInteraction": ["update"],
        }],
        "canFilterBy": [{
            "description": "Tasks that have one of these statuses after the change. A status that a Task only went through on the way is not told, and each further change of a Task that has one of them is told again.",
            "resource": "Task",
            "filterParameter": "status",
        }],
        "notificationShape": [{ "resource": "Task" }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://causeway.example/fhir/harbor-valley";

    fn wished() -> Value {
        let file =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/fhir/subscription_backport_task.json");
        let mut told: Value = serde_json::from_slice(&std::fs::read(file).expect("a sample")).expect("JSON");
        told["_criteria"]["extension"][0]["valueString"] = json!("Task?status=completed,failed");
        told["criteria"] = json!(format!("{BASE}/{TOPIC}"));
        told
    }

    fn faults(told: &Value) -> Vec<(String, &'static str)> {
        let faults = read(told.to_string().as_bytes(), BASE).err().unwrap_or_default();
        faults.into_iter().map(|fault| (fault.expression, fault.issue.code())).collect()
    }

    #[test]
    fn a_subscription_of_the_guide_is_read() {
        let Ok(told) = read(wished().to_string().as_bytes(), BASE) else { panic!("{:?}", faults(&wished())) };
        assert_eq!(told.wish.statuses, [Status::Completed, Status::Failed]);
        assert_eq!((told.wish.content, told.wish.heartbeat_seconds), (Content::IdOnly, Some(86_400)));
        assert_eq!((told.wish.timeout_seconds, told.wish.most_events, told.is_off), (30, 20, false));
        assert_eq!(told.endpoint, "https://riverbendfm.example.org/hooks/causeway");
        assert_eq!(told.headers, [("authorization".to_owned(), "Bearer secret-from-partner".to_owned())]);
        assert!(told.wish.ends_at.is_some());
    }

    #[test]
    fn what_would_be_sent_otherwise_than_was_asked_for_is_refused_with_its_place() {
        let changed = |change: fn(&mut Value)| {
            let mut told = wished();
            change(&mut told);
            faults(&told)
        };
        let place = |place: &str, issue| vec![(place.to_owned(), issue)];
        let filter = "Subscription._criteria.extension[0].valueString";
        for unknown in
            ["Task?owner=Organization/1", "Task?status=requested", "Patient?name=Rosa", "Task?status=failed&code=x"]
        {
            let mut told = wished();
            told["_criteria"]["extension"][0]["valueString"] = json!(unknown);
            assert_eq!(faults(&told), place(filter, "not-supported"), "{unknown}");
        }
        for other in ["https://x/SubscriptionTopic/other".to_owned(), format!("https://elsewhere.example/{TOPIC}")] {
            let mut told = wished();
            told["criteria"] = json!(other);
            assert_eq!(faults(&told), place("Subscription.criteria", "not-supported"), "{other}");
        }
        assert_eq!(
            changed(|told| told["channel"]["_payload"]["extension"][0]["valueCode"] = json!("full-resource")),
            place("Subscription.channel._payload.extension[0].valueCode", "not-supported")
        );
        assert_eq!(
            changed(|told| told["channel"]["type"] = json!("email")),
            place("Subscription.channel.type", "not-supported")
        );
        assert_eq!(
            changed(|told| told["channel"]["extension"][0]["valueUnsignedInt"] = json!(5)),
            place("Subscription.channel.extension[0].valueUnsignedInt", "value")
        );
        for header in ["Host: inside", "no colon", "X: a\u{1}b", "X-Causeway-Signature: t=1"] {
            let mut told = wished();
            told["channel"]["header"] = json!([header]);
            assert_eq!(faults(&told), place("Subscription.channel.header", "value"), "{header}");
        }
        assert_eq!(changed(|told| told["status"] = json!("error")), place("Subscription.status", "code-invalid"));
        assert_eq!(changed(|told| told["end"] = json!("soon")), place("Subscription.end", "value"));
    }
}
