//! References between resources, resolved inside the request and nowhere else (FHIR R4 section 2.27.4.1).
//!
//! A reference leads to an entry by its full URL, by type and id, by a number (`Type?identifier=`, or `identifier` where there is
//! no `reference`), or to a contained resource.
//! Nothing is ever fetched: what lies elsewhere is told as such. Each entry is looked up by hash, so that a Bundle of
//! thousands costs no more for each, and so are contained resources. Deliberately not here: what the resource says that is found.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr;
use std::rc::Rc;

use super::concept::Identifier;
use super::element::Element;
use super::fault::{Class, Issue};
use super::json::{Json, Object};
use super::number;

/// Most references of a request that are followed, each as often as it is. A Bundle of a thousand resources has some five
/// thousand, and some of them are followed twice.
pub const MOST_REFERENCES: usize = 50_000;

const TOO_MANY: &str = "The request has more references than this door follows: send one referral in each request";
const DANGLING: &str = "The reference leads nowhere: send the resource in the same request, under this reference";
const ELSEWHERE: &str =
    "The reference leads elsewhere, and nothing is fetched from there: send the resource in the same request";
const OTHER_KIND: &str = "The reference leads to a resource of another type than may stand here";

/// The resources of a request, by all that they can be referred to by.
#[derive(Default)]
pub struct Directory<'t> {
    by_url: HashMap<&'t str, usize>,
    by_id: HashMap<(&'t str, &'t str), usize>,
    by_number: HashMap<(&'t str, &'t str, &'t str), usize>,
    resources: Vec<Option<Element<'t>>>,
    /// Of each holder, known by its address, where its contained resources are.
    contained: RefCell<HashMap<usize, Rc<Places>>>,
    followed: Cell<usize>,
}

/// Places of contained resources by id.
type Places = HashMap<String, usize>;

impl<'t> Directory<'t> {
    /// Notes the resource of the next entry; `false`: its full URL was used before.
    pub fn add(&mut self, full_url: &'t str, resource: Option<Element<'t>>) -> bool {
        let at = self.resources.len();
        let is_new = full_url.is_empty() || self.by_url.insert(full_url, at).is_none();
        if let Some(element) = &resource {
            let (kind, object) = (element.kind(), element.object());
            if let Some(Json::Text(id)) = object.get("id") {
                self.by_id.entry((kind, id)).or_insert(at);
            }
            if let Some(id) = id_in(full_url, kind) {
                self.by_id.entry((kind, id)).or_insert(at);
            }
            for number in numbers(object) {
                self.by_number.entry((kind, number.system, number.value)).or_insert(at);
            }
        }
        self.resources.push(resource);
        is_new
    }

    /// All resources of entries.
    pub fn resources(&self) -> impl Iterator<Item = &Element<'t>> {
        self.resources.iter().flatten()
    }

    /// The resource of an entry.
    #[must_use]
    pub fn resource(&self, at: usize) -> Option<&Element<'t>> {
        self.resources.get(at)?.as_ref()
    }

    /// Notes that a reference is followed; how many were so far.
    fn follow(&self) -> usize {
        let followed = self.followed.get() + 1;
        self.followed.set(followed);
        followed
    }

    /// The contained resource of a holder. Its list is gone through once, however many refer to it.
    fn contained<'h>(&self, holder: &Element<'h>, id: &str) -> Option<Element<'h>> {
        let address = ptr::from_ref(holder.object()).addr();
        let known = self.contained.borrow().get(&address).cloned();
        let places = known.unwrap_or_else(|| {
            let mut places = Places::new();
            for (id, at) in holder.contained_ids() {
                places.entry(id.to_owned()).or_insert(at);
            }
            let places = Rc::new(places);
            self.contained.borrow_mut().insert(address, Rc::clone(&places));
            places
        });
        holder.contained_at(*places.get(id)?)
    }

    /// The entry of a type with a number.
    fn numbered(&self, kind: &str, number: Identifier<'_>) -> Option<usize> {
        self.by_number.get(&(kind, number.system, number.value)).copied()
    }

    fn find(&self, reference: &str) -> Option<usize> {
        let unversioned = without_version(reference);
        let at = [reference, unversioned].into_iter().find_map(|url| self.by_url.get(url)).copied();
        at.or_else(|| {
            let (kind, rest) = reference.split_once('?')?;
            let searched = number::searched(rest, "")?;
            self.numbered(last(kind), searched.borne())
        })
        .or_else(|| {
            let mut parts = unversioned.rsplit('/');
            let (id, kind) = (parts.next()?, parts.next()?);
            // With a base before it, it is only the same where the full URL says so.
            parts.next().is_none().then(|| self.by_id.get(&(kind, id)).copied())?
        })
    }
}

/// The id at the end of a full URL such as `https://office.example/fhir/Patient/7`.
fn id_in<'t>(full_url: &'t str, kind: &str) -> Option<&'t str> {
    let (rest, id) = full_url.rsplit_once('/')?;
    (last(rest) == kind).then_some(id)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// A reference without the version that it names.
#[must_use]
pub fn without_version(reference: &str) -> &str {
    reference.split_once("/_history").map_or(reference, |(reference, _)| reference)
}

/// Numbers of a resource without noting faults: they are read again by whoever reads the resource.
fn numbers<'t>(object: &'t Object<'t>) -> impl Iterator<Item = Identifier<'t>> {
    let list = match object.get("identifier") {
        Some(Json::List(list)) => list.as_slice(),
        _ => &[],
    };
    list.iter().filter_map(|number| {
        let Json::Object(number) = number else { return None };
        let text = |name: &str| match number.get(name) {
            Some(Json::Text(text)) => text.trim(),
            _ => "",
        };
        (!text("value").is_empty()).then(|| Identifier { system: text("system"), value: text("value") })
    })
}

/// Where a reference leads.
pub enum Target<'t> {
    /// To a resource of the request.
    Found(Element<'t>),
    /// To something that is named, but not sent.
    Named {
        /// Its name.
        display: &'t str,
        /// Its number.
        value: &'t str,
    },
    /// Nowhere: it is told, or there is none.
    Nowhere,
}

impl<'t> Target<'t> {
    /// The resource, if it was found.
    #[must_use]
    pub fn found(self) -> Option<Element<'t>> {
        match self {
            Self::Found(element) => Some(element),
            Self::Named { .. } | Self::Nowhere => None,
        }
    }
}

/// Resolves references of one resource.
#[derive(Clone)]
pub struct Resolver<'d, 't> {
    /// The resources of the request.
    pub directory: &'d Directory<'t>,
    /// The resource that holds the references, for those to contained resources.
    pub holder: Element<'t>,
}

impl<'d, 't> Resolver<'d, 't> {
    /// The same for references of another resource. What is contained refers to its neighbours.
    #[must_use]
    pub fn within(&self, other: &Element<'t>) -> Self {
        let holder = if other.is_contained() { self.holder.clone() } else { other.clone() };
        Self { directory: self.directory, holder }
    }

    /// The resource of the request that an address leads to, if one does; nothing is told where none does.
    #[must_use]
    pub fn look(&self, url: &str) -> Option<Element<'t>> {
        match url.strip_prefix('#') {
            Some(id) => self.directory.contained(&self.holder, id),
            None => self.directory.find(url).and_then(|at| self.directory.resource(at)).cloned(),
        }
    }

    /// Resolves the reference under a name.
    pub fn one(&self, element: &Element<'t>, name: &'static str, kinds: &[&str]) -> Target<'t> {
        element.child(name).map_or(Target::Nowhere, |reference| self.resolve(&reference, kinds))
    }

    /// Resolves a list of references under a name.
    pub fn many(&self, element: &Element<'t>, name: &'static str, kinds: &[&str]) -> Vec<Target<'t>> {
        element.children(name).iter().map(|reference| self.resolve(reference, kinds)).collect()
    }

    /// Resolves a reference; one that leads nowhere, or to another type than may stand there, is told. No type at all: any.
    #[must_use]
    pub fn resolve(&self, reference: &Element<'t>, kinds: &[&str]) -> Target<'t> {
        let told = reference.text("reference").unwrap_or_default();
        let numbered = reference.child("identifier");
        let part = |name| numbered.as_ref().and_then(|number| number.text(name)).unwrap_or_default();
        let number = Identifier { system: part("system"), value: part("value") };
        let display = reference.text("display").unwrap_or_default();
        let named = Target::Named { display, value: number.value };
        if told.is_empty() && display.is_empty() && number.value.is_empty() {
            return Target::Nowhere;
        }
        match self.directory.follow() {
            ..=MOST_REFERENCES => {}
            more => {
                // It is said once, however many there are.
                if more == MOST_REFERENCES + 1 {
                    reference.error("reference", Issue::TooLong, Class::TooLarge, TOO_MANY);
                }
                return Target::Nowhere;
            }
        }
        if told.is_empty() {
            let named_kind = reference.text("type");
            let mut may_be =
                kinds.iter().copied().chain(named_kind).filter(|kind| named_kind.is_none_or(|one| one == *kind));
            let at = may_be.find_map(|kind| self.directory.numbered(kind, number).filter(|_| !number.value.is_empty()));
            let found = at.and_then(|at| self.directory.resource(at)).cloned();
            // A type that may not stand here is nothing that is meant.
            return found
                .filter(|found| kinds.is_empty() || kinds.contains(&found.kind()))
                .map_or(named, Target::Found);
        }
        let Some(found) = self.look(told) else {
            // What can only lie in the request and does not is a fault; what may lie elsewhere is told.
            if told.starts_with('#') || told.starts_with("urn:") {
                reference.error("reference", Issue::NotFound, Class::Rule, DANGLING);
            } else {
                reference.warn("reference", Issue::NotFound, ELSEWHERE);
            }
            return named;
        };
        if !kinds.is_empty() && !kinds.contains(&found.kind()) {
            reference.error("reference", Issue::Invalid, Class::Rule, OTHER_KIND);
            return Target::Nowhere;
        }
        Target::Found(found)
    }
}
