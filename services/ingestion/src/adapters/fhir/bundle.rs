//! Bundles: which kinds are taken, and what each entry has to be (FHIR R4 sections 2.36 and 3.1.0.11).
//!
//! A transaction and a message are taken as a whole or not at all. Deliberately not here: what the resources say.

use std::collections::HashMap;

use super::concept::{self, Identifier, Searched};
use super::element::Element;
use super::fault::{Class, Issue};
use super::json::Object;
use super::kinds;
use super::notes::{Notes, Path};
use super::reference::Directory;

/// What a Bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All entries together, each with what is to be done with it.
    Transaction,
    /// A message, whose header comes first.
    Message,
}

/// One entry.
pub struct Entry<'t> {
    /// Type of its resource.
    pub kind: &'t str,
    /// The number by which the sender asks us to look first (`ifNoneExist`).
    pub if_none_exist: Option<Searched<'t>>,
}

/// A Bundle. PHI: no `Debug`.
pub struct Bundle<'t> {
    /// What it is for.
    pub kind: Kind,
    /// Its own number.
    pub identifier: Option<Identifier<'t>>,
    /// Its entries.
    pub entries: Vec<Entry<'t>>,
    /// Their resources.
    pub directory: Directory<'t>,
    by_kind: HashMap<&'t str, Vec<usize>>,
}

const TYPES: [&str; 9] = [
    "document",
    "message",
    "transaction",
    "transaction-response",
    "batch",
    "batch-response",
    "history",
    "searchset",
    "collection",
];
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"];

const NO_TYPE: &str = "The Bundle does not tell what it is for: send its type";
const BATCH: &str = "A referral is taken as a whole or not at all: send it as a transaction and not as a batch";
const OTHER: &str = "Only Bundles of the types transaction and message are taken here";
const TOO_MANY: &str = "The Bundle has more entries than this door takes: send one referral in each Bundle";
const NO_RESOURCE: &str = "The entry has no resource";
const NO_KIND: &str = "The resource does not tell its type: send resourceType";
const NOT_R4: &str = "FHIR R4 has no such resource type: this door speaks R4 (4.0.1)";
const TWICE: &str = "The same full URL stands at two entries, so it is not clear which one is meant";
const NO_REQUEST: &str = "An entry of a transaction has to tell what is to be done with it: send request";
const NO_URL: &str = "The request of the entry has no url";
const OTHER_URL: &str = "The url of the request does not fit the type of the resource";
const MAY_NOT: &str = "Nothing can be deleted here: a referral is withdrawn by sending it with the status revoked";
const NOT_DONE: &str = "Entries can be created or updated here, and nothing else: use POST or PUT";
const HEADER_FIRST: &str = "A message begins with its MessageHeader";

impl<'t> Bundle<'t> {
    /// Reads a Bundle; nothing where it is of no use to read on.
    #[must_use]
    pub fn read(object: &'t Object<'t>, notes: &'t Notes, most: usize) -> Option<Self> {
        let root = Element::resource(object, Path::of("Bundle"), notes);
        if !root.has("type") {
            root.missing("type", Class::Malformed, NO_TYPE);
        }
        let kind = match root.code("type", &TYPES)? {
            "transaction" => Kind::Transaction,
            "message" => Kind::Message,
            "batch" => return refuse(&root, BATCH),
            _ => return refuse(&root, OTHER),
        };
        let entries = root.children("entry");
        if entries.len() > most {
            root.error("entry", Issue::TooLong, Class::TooLarge, TOO_MANY);
            return None;
        }
        let identifier = root.child("identifier").and_then(|number| {
            let value = number.text("value")?;
            Some(Identifier { system: number.text("system").unwrap_or_default(), value })
        });
        let mut bundle = Self {
            kind,
            identifier,
            entries: Vec::with_capacity(entries.len()),
            directory: Directory::default(),
            by_kind: HashMap::new(),
        };
        entries.iter().for_each(|entry| bundle.add(entry));
        if kind == Kind::Message && bundle.entries.first().is_none_or(|entry| entry.kind != "MessageHeader") {
            root.error("entry", Issue::Structure, Class::Malformed, HEADER_FIRST);
        }
        Some(bundle)
    }

    /// The resources of a type, in their order.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Element<'t>> {
        self.places(kind).iter().filter_map(|at| self.directory.resource(*at))
    }

    /// The entries whose resource is of a type.
    #[must_use]
    pub fn places(&self, kind: &str) -> &[usize] {
        self.by_kind.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    fn add(&mut self, entry: &Element<'t>) {
        entry.refuse_modifiers();
        let full_url = entry.text("fullUrl").unwrap_or_default();
        let resource = entry.child("resource");
        let resource = resource.map(|part| Element::resource(part.object(), part.path().clone(), entry.notes()));
        let kind = resource.as_ref().map(Element::kind).unwrap_or_default();
        match &resource {
            Some(element) => check_kind(element, kind),
            None if self.kind == Kind::Transaction && is_without_resource(entry) => {}
            None => entry.missing("resource", Class::Malformed, NO_RESOURCE),
        }
        if self.kind == Kind::Transaction {
            check_request(entry, kind);
        }
        if !self.directory.add(full_url, resource) {
            entry.error("fullUrl", Issue::Duplicate, Class::Malformed, TWICE);
        }
        self.by_kind.entry(kind).or_default().push(self.entries.len());
        let if_none_exist = condition(entry, kind);
        self.entries.push(Entry { kind, if_none_exist });
    }
}

/// The number by which the sender of an entry asks us to look first. What is not read back is found by nothing, and created anew.
fn condition<'t>(entry: &Element<'t>, kind: &str) -> Option<concept::Searched<'t>> {
    let request = entry.child("request")?;
    let searched = concept::searched(request.text("ifNoneExist")?);
    if searched.is_none() && ["ServiceRequest", "QuestionnaireResponse"].contains(&kind) {
        request.error("ifNoneExist", Issue::NotSupported, Class::Malformed, concept::OTHER_SEARCH);
    }
    searched
}

fn refuse<T>(root: &Element<'_>, words: &'static str) -> Option<T> {
    root.error("type", Issue::NotSupported, Class::Rule, words);
    None
}

/// Refuses types that FHIR R4 does not have; others that are not read here are counted.
pub fn check_kind(element: &Element<'_>, kind: &str) {
    if kind.is_empty() {
        element.missing("resourceType", Class::Malformed, NO_KIND);
    } else if !kinds::is_known(kind) {
        element.error("", Issue::NotSupported, Class::Malformed, NOT_R4);
    } else if !kinds::is_read(kind) {
        element.notes().oddity("resource_not_read");
    }
}

/// A request that has no resource by its nature, and is refused for what it asks.
fn is_without_resource(entry: &Element<'_>) -> bool {
    let method = entry.child("request").and_then(|request| request.text("method"));
    matches!(method, Some("DELETE" | "GET" | "HEAD"))
}

fn check_request(entry: &Element<'_>, kind: &str) {
    let Some(request) = entry.child("request") else {
        return entry.missing("request", Class::Malformed, NO_REQUEST);
    };
    let Some(method) = request.code("method", &METHODS) else {
        return match request.has("method") {
            true => {}
            false => request.missing("method", Class::Malformed, NO_REQUEST),
        };
    };
    let Some(url) = request.text("url") else { return request.missing("url", Class::Malformed, NO_URL) };
    match method {
        "POST" | "PUT" => {
            let path = url.split(['?', '/']).next().unwrap_or_default();
            if path != kind && !kind.is_empty() {
                request.error("url", Issue::Invalid, Class::Malformed, OTHER_URL);
            }
        }
        "DELETE" => request.error("method", Issue::Forbidden, Class::Forbidden, MAY_NOT),
        _ => request.error("method", Issue::NotSupported, Class::Rule, NOT_DONE),
    }
}
