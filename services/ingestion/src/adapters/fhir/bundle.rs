//! Bundles: which kinds are taken, and what each entry has to be (FHIR R4 sections 2.36 and 3.1.0.11).
//!
//! A transaction and a message are taken as a whole or not at all. Deliberately not here: what the resources say.

use std::collections::HashMap;

use super::concept::Identifier;
use super::element::Element;
use super::fault::{Class, Issue};
use super::json::Object;
use super::kinds;
use super::notes::{Notes, Path};
use super::number::{self, Number};
use super::reference::Directory;

/// What a Bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All entries together, each with what is to be done with it.
    Transaction,
    /// A message, whose header comes first.
    Message,
}

/// What a sender asks us to look for before something is done. PHI: no `Debug`.
#[derive(Clone, Default)]
pub struct Condition {
    /// By its number (`If-None-Exist`, `ifNoneExist`, `PUT [type]?identifier=`).
    pub number: Option<Number>,
    /// By the id that we gave it (`PUT [type]/[id]`).
    pub id: Option<String>,
    /// The version that its sender has seen (`ifMatch`).
    pub version: Option<String>,
}

/// One entry.
pub struct Entry<'t> {
    /// Type of its resource.
    pub kind: &'t str,
    /// What is to be looked for first.
    pub condition: Condition,
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
/// What a sender hears of a resource that no person sees.
pub const NOT_READ: &str = "Nothing of this resource is read here, so nobody at the center sees it: it is kept sealed with the referral. Tell in a note what matters";
const NO_REQUEST: &str = "An entry of a transaction has to tell what is to be done with it: send request";
const NO_URL: &str = "The request of the entry has no url";
const OTHER_URL: &str = "The url of the request does not fit the type of the resource";
const OTHER_CONDITION: &str = "This condition is not looked at here, so the entry is not taken under it: send ifNoneExist, or ifMatch with an update of a ServiceRequest";
const NO_UPDATE: &str =
    "Answers of a form are not updated by an id: send them as POST, or as PUT with a search by their identifier";
const OTHER_ID: &str = "The id of the resource is another than that of the url";
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
        let full_url = entry.text("fullUrl").unwrap_or_default();
        let resource = entry.child("resource");
        let resource = resource.map(|part| Element::resource(part.object(), part.path().clone(), entry.notes()));
        let kind = resource.as_ref().map(Element::kind).unwrap_or_default();
        match &resource {
            Some(element) => check_kind(element, kind),
            None if self.kind == Kind::Transaction && is_without_resource(entry) => {}
            None => entry.missing("resource", Class::Malformed, NO_RESOURCE),
        }
        let condition = match self.kind {
            Kind::Transaction => request(entry, resource.as_ref(), kind),
            Kind::Message => Condition::default(),
        };
        if !self.directory.add(full_url, resource) {
            entry.error("fullUrl", Issue::Duplicate, Class::Malformed, TWICE);
        }
        self.by_kind.entry(kind).or_default().push(self.entries.len());
        self.entries.push(Entry { kind, condition });
    }
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
        element.warn("", Issue::NotSupported, NOT_READ);
        element.notes().oddity("resource_not_read");
    }
}

/// A request that has no resource by its nature, and is refused for what it asks.
fn is_without_resource(entry: &Element<'_>) -> bool {
    let method = entry.child("request").and_then(|request| request.text("method"));
    matches!(method, Some("DELETE" | "GET" | "HEAD"))
}

/// What is to be done with an entry, and what is to be looked for before.
fn request(entry: &Element<'_>, resource: Option<&Element<'_>>, kind: &str) -> Condition {
    let Some(request) = entry.child("request") else {
        entry.missing("request", Class::Malformed, NO_REQUEST);
        return Condition::default();
    };
    for name in ["ifNoneMatch", "ifModifiedSince"].into_iter().filter(|name| request.has(name)) {
        request.error(name, Issue::NotSupported, Class::Rule, OTHER_CONDITION);
    }
    let method = request.code("method", &METHODS);
    if !request.has("method") {
        request.missing("method", Class::Malformed, NO_REQUEST);
    }
    let url = request.text("url");
    if method.is_some() && url.is_none() {
        request.missing("url", Class::Malformed, NO_URL);
    }
    let (Some(method), Some(url)) = (method, url) else { return Condition::default() };
    let place = Place::of(url);
    let is_update = match method {
        "POST" => false,
        "PUT" => true,
        "DELETE" => {
            request.error("method", Issue::Forbidden, Class::Forbidden, MAY_NOT);
            return Condition::default();
        }
        _ => {
            request.error("method", Issue::NotSupported, Class::Rule, NOT_DONE);
            return Condition::default();
        }
    };
    let fits = if is_update { place.id.is_some() != place.query.is_some() } else { place.id.or(place.query).is_none() };
    if !kind.is_empty() && (place.kind != kind || !fits) {
        request.error("url", Issue::Invalid, Class::Malformed, OTHER_URL);
    }
    // What is not read back is found by nothing, and kept anew with its referral.
    let is_found = ["ServiceRequest", "QuestionnaireResponse"].contains(&kind);
    if request.has("ifMatch") && !(is_update && kind == "ServiceRequest") {
        request.error("ifMatch", Issue::NotSupported, Class::Rule, OTHER_CONDITION);
    }
    if !is_found {
        return Condition::default();
    }
    if place.id.is_some() && kind != "ServiceRequest" {
        request.error("url", Issue::NotSupported, Class::Rule, NO_UPDATE);
    }
    let told = resource.and_then(|resource| resource.text("id"));
    if place.id.zip(told).is_some_and(|(id, told)| id != told) {
        request.error("url", Issue::Invalid, Class::Malformed, OTHER_ID);
    }
    let (name, search) = match (is_update, place.query, request.text("ifNoneExist")) {
        (true, query, None) => ("url", query),
        (false, _, search) => ("ifNoneExist", search),
        (true, query, Some(_)) => {
            request.error("ifNoneExist", Issue::NotSupported, Class::Rule, OTHER_CONDITION);
            ("url", query)
        }
    };
    let number = search.and_then(|search| number::searched(search, kind));
    if search.is_some() && number.is_none() {
        request.error(name, Issue::NotSupported, Class::Malformed, number::OTHER_SEARCH);
    }
    let version = request.text("ifMatch").map(str::to_owned);
    Condition { number, id: place.id.map(str::to_owned), version }
}

/// Where the request of an entry goes.
struct Place<'u> {
    kind: &'u str,
    id: Option<&'u str>,
    query: Option<&'u str>,
}

impl<'u> Place<'u> {
    /// `[type]`, `[type]/[id]` and `[type]?…`, also with a slash or our address before it.
    fn of(url: &'u str) -> Self {
        let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
        let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
        let (last, before) = (parts.next().unwrap_or_default(), parts.next());
        match before {
            Some(kind) if !kinds::is_known(last) => Self { kind, id: Some(last), query },
            // With our address before it.
            Some(_) if !url.contains("://") => Self { kind: "", id: None, query },
            _ => Self { kind: last, id: None, query },
        }
    }
}
