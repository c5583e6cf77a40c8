//! What a request asks for, or why it is refused: the one place where that is decided.
//!
//! Checks go from the envelope to the letter, and all of them are made, so that a sender hears of every fault at once.
//! Deliberately not here: who may send (the center's feeds) and what was sent before (store).

use jiff::civil::Date;

use super::bundle::{Bundle, Condition, Kind, check_kind};
use super::concept::{Concept, Identifier, identifiers};
use super::details;
use super::element::Element;
use super::fault::{Class, Fault, Issue, Oddity, Severity, refuses};
use super::form::{self, Form};
use super::json::{Json, Object};
use super::kinds;
use super::links;
use super::message::{self, Header};
use super::notes::{Notes, Path};
use super::number::{self, Number, Numbers, OTHER_SEARCH};
use super::reference::{Directory, Resolver, without_version};
use super::referral::{self, Around, Referral, Verb};

/// What a center expects of requests.
#[derive(Clone, Copy)]
pub struct Expectations<'a> {
    /// Today there.
    pub today: Date,
    /// Most entries of a Bundle.
    pub most_entries: usize,
    /// Hosts of addresses at the office itself.
    pub hosts: &'a [&'a str],
    /// The search by which the sender asks us to look first (`If-None-Exist`).
    pub if_none_exist: Option<&'a str>,
}

/// How a request came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// One resource.
    #[default]
    Single,
    /// A transaction.
    Transaction,
    /// A message.
    Message,
}

/// A request from outside: what it is answered by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letter {
    /// How it came.
    pub shape: Shape,
    /// What kind it is, in words of ours.
    pub kind: &'static str,
    /// The sender's own number for it.
    pub control: Option<String>,
    /// Types of its entries, for the answer to a transaction.
    pub entries: Vec<&'static str>,
    /// Its header, if it is a message.
    pub header: Option<Header>,
}

/// What a request asks for.
pub enum Topic {
    /// Something of a referral.
    Referral(Referral),
    /// The answers of a form.
    Form(Form),
    /// The referral of a Task is called off.
    Withdrawal(Withdrawal),
    /// Nothing: see the faults.
    Refused,
}

impl Topic {
    /// The number by which the sender asks us to look first.
    #[must_use]
    pub fn searched(&self) -> Option<&Number> {
        match self {
            Self::Referral(told) => told.condition.number.as_ref(),
            Self::Form(told) => told.searched.as_ref(),
            Self::Withdrawal(_) | Self::Refused => None,
        }
    }

    /// Lets it be known by another number.
    pub fn lead(&mut self, number: (String, String)) {
        match self {
            Self::Referral(told) => told.numbers.lead(number),
            Self::Form(told) => told.numbers.lead(number),
            Self::Withdrawal(_) | Self::Refused => {}
        }
    }

    /// What it is known by.
    #[must_use]
    pub fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Referral(told) => Some(&told.numbers),
            Self::Form(told) => Some(&told.numbers),
            Self::Withdrawal(_) | Self::Refused => None,
        }
    }
}

/// What a Task says that calls its referral off. PHI: no `Debug`.
pub struct Withdrawal {
    /// Its id.
    pub id: String,
    /// The id of the referral that it is about, where one is told.
    pub focus: Option<String>,
    /// Its numbers.
    pub numbers: Vec<Number>,
    /// Why, in the office's words.
    pub why: String,
}

/// What is decided on a request. PHI: no `Debug`.
pub struct Intake {
    /// How it came.
    pub letter: Letter,
    /// What it asks for.
    pub topic: Topic,
    /// What its sender is to hear.
    pub faults: Vec<Fault>,
    /// What was odd about it, each once.
    pub oddities: Vec<Oddity>,
}

const TOO_MANY_CONTAINED: &str = "More resources are contained than this door takes: send one referral in each request";
const NO_OBJECT: &str = "The body is no resource: send one in braces";
const NOT_TAKEN: &str = "Resources of this type are not taken here by themselves: see metadata for those that are";
const OTHER_TYPE: &str = "The body is a resource of another type than the address says";
const NO_REFERRAL: &str = "There is no ServiceRequest in it, so nobody is referred";
const TWO_REFERRALS: &str = "A request holds one referral: send another one for each other ServiceRequest";
const ONLY_OFF: &str =
    "A referral can be called off by its Task, and nothing else of it be changed: send the status cancelled";
const BESIDE_FORM: &str = "Nothing of this resource is read beside the answers of a form: it is kept sealed with them, and a person is told of by the answers alone";
const NO_TASK_ID: &str = "The Task does not tell its id: send it as it was read, with the status cancelled";
const TWO_FORMS: &str = "A request holds the answers of one form: send another one for each other form";

/// Decides what a body asks for. `only`: the type that the address says.
#[must_use]
pub fn judge<'t>(body: &'t Json<'t>, only: Option<&'static str>, expected: &Expectations<'t>) -> Intake {
    let notes = Notes::default();
    let (mut letter, topic) = match unwrapped(body) {
        Some(object) => look(object, only, expected, &notes),
        None => {
            notes.fault(Fault::new(Severity::Fatal, Issue::Structure, Class::Malformed, NO_OBJECT));
            (Letter { kind: "other", ..Letter::default() }, None)
        }
    };
    let (faults, mut oddities) = notes.into_parts();
    oddities.sort_unstable();
    let topic = topic.filter(|_| !refuses(&faults)).unwrap_or(Topic::Refused);
    if matches!(topic, Topic::Form(_)) {
        letter.kind = FORM;
    }
    Intake { letter, topic, faults, oddities }
}

/// The kind of what leads to the answers of a form, however it came.
pub const FORM: &str = "QuestionnaireResponse";

/// The resource itself, also where an operation wraps it into Parameters.
pub(super) fn unwrapped<'t>(body: &'t Json<'t>) -> Option<&'t Object<'t>> {
    let Json::Object(object) = body else { return None };
    let is_wrapped = matches!(object.get("resourceType"), Some(Json::Text(kind)) if kind == "Parameters");
    let Some(Json::List(parameters)) = object.get("parameter").filter(|_| is_wrapped) else { return Some(object) };
    let mut resources = parameters.iter().filter_map(|parameter| match parameter {
        Json::Object(parameter) => match parameter.get("resource") {
            Some(Json::Object(resource)) => Some(resource),
            _ => None,
        },
        _ => None,
    });
    Some(resources.next().unwrap_or(object))
}

fn look<'t>(
    object: &'t Object<'t>,
    only: Option<&'static str>,
    expected: &Expectations<'t>,
    notes: &'t Notes,
) -> (Letter, Option<Topic>) {
    let kind = match object.get("resourceType") {
        Some(Json::Text(kind)) => kind.as_ref(),
        _ => "",
    };
    let name = kinds::named(kind);
    let letter = |kind| Letter { kind, ..Letter::default() };
    if only.is_some_and(|only| only != kind) && !kind.is_empty() {
        let root = Element::new(object, Path::of(name), notes);
        root.error("resourceType", Issue::Invalid, Class::Malformed, OTHER_TYPE);
        return (letter("other"), None);
    }
    match kind {
        "Bundle" => bundle(object, expected, notes),
        "ServiceRequest" => {
            let request = Element::resource(object, Path::of(name), notes);
            (letter("ServiceRequest"), alone(&request, expected).map(Topic::Referral))
        }
        "QuestionnaireResponse" => {
            let response = Element::resource(object, Path::of(name), notes);
            let condition = condition(&response, expected);
            (letter(FORM), form::read(&response, condition.number.as_ref(), expected.hosts).map(Topic::Form))
        }
        "Task" if only == Some("Task") => {
            let task = Element::resource(object, Path::of(name), notes);
            (letter("Task"), withdrawal(&task))
        }
        _ => {
            let root = Element::new(object, Path::of(name), notes);
            check_kind(&root, kind);
            if kinds::is_known(kind) {
                root.error("", Issue::NotSupported, Class::Rule, NOT_TAKEN);
            }
            (letter("other"), None)
        }
    }
}

/// A Task is the center's; its office can do one thing with it.
fn withdrawal(task: &Element<'_>) -> Option<Topic> {
    match links::status(task) {
        Some("cancelled") => {
            let Some(id) = task.text("id") else {
                task.missing("id", Class::Malformed, NO_TASK_ID);
                return None;
            };
            let about = task.child("focus");
            let focus = about.as_ref().and_then(|focus| focus.text("reference"));
            let focus = focus.and_then(|told| without_version(told).rsplit('/').next());
            let named = about.as_ref().and_then(|focus| focus.child("identifier"));
            let named = named.as_ref().and_then(|number| {
                let value = number.text("value")?;
                Some(Identifier { system: number.text("system").unwrap_or_default(), value })
            });
            let borne = identifiers(task).into_iter().map(|(number, ..)| number);
            let numbers = named
                .into_iter()
                .chain(borne)
                .map(|number| Number { system: Some(number.system.to_owned()), value: number.value.to_owned() });
            Some(Topic::Withdrawal(Withdrawal {
                id: id.to_owned(),
                focus: focus.map(str::to_owned),
                numbers: numbers.take(number::MOST_FURTHER).collect(),
                why: Concept::below(task, "statusReason").words().to_owned(),
            }))
        }
        Some(_) => {
            task.error("status", Issue::BusinessRule, Class::Rule, ONLY_OFF);
            None
        }
        None => {
            if !task.has("status") {
                task.missing("status", Class::Malformed, ONLY_OFF);
            }
            None
        }
    }
}

/// A ServiceRequest with what it contains.
fn alone<'t>(request: &Element<'t>, expected: &Expectations<'t>) -> Option<Referral> {
    let directory = Directory::default();
    if is_crowded(&[request], expected) {
        return None;
    }
    let contained = request.contained();
    for inside in &contained {
        check_kind(inside, inside.kind());
    }
    let of = |kind: &str| contained.iter().filter(|inside| inside.kind() == kind).cloned().collect::<Vec<_>>();
    read(request, &directory, of, condition(request, expected), expected)
}

/// What the sender of a resource alone asks us to look for first.
fn condition(resource: &Element<'_>, expected: &Expectations<'_>) -> Condition {
    let number = expected.if_none_exist.and_then(|told| number::searched(told, resource.kind()));
    if expected.if_none_exist.is_some() && number.is_none() {
        // It stands in the header, and so at no place of the resource.
        resource.notes().fault(Fault::new(Severity::Error, Issue::NotSupported, Class::Malformed, OTHER_SEARCH));
    }
    Condition { number, ..Condition::default() }
}

/// Whether resources contain more than a Bundle may have entries. It is told where it becomes too many.
fn is_crowded(holders: &[&Element<'_>], expected: &Expectations<'_>) -> bool {
    let mut count = 0;
    for holder in holders {
        count += holder.contained_count();
        if count > expected.most_entries {
            holder.error("contained", Issue::TooLong, Class::TooLarge, TOO_MANY_CONTAINED);
            return true;
        }
    }
    false
}

fn bundle<'t>(object: &'t Object<'t>, expected: &Expectations<'t>, notes: &'t Notes) -> (Letter, Option<Topic>) {
    let Some(bundle) = Bundle::read(object, notes, expected.most_entries) else {
        return (Letter { kind: "Bundle", ..Letter::default() }, None);
    };
    let number = bundle.identifier.map(|number| format!("{}|{}", number.system, number.value));
    let (letter, event) = match bundle.kind {
        Kind::Transaction => {
            let entries = bundle.entries.iter().map(|entry| kinds::named(entry.kind)).collect();
            let shape = Shape::Transaction;
            (Letter { shape, kind: "transaction", control: number, entries, header: None }, "I12".to_owned())
        }
        Kind::Message => {
            let header =
                bundle.directory.resource(0).filter(|first| first.kind() == "MessageHeader").map(message::header);
            let (kind, header) = header.unwrap_or(("message", None));
            let event = header.as_ref().map_or("I12", |header| header.event.as_str()).to_owned();
            let control = number.or_else(|| header.as_ref().map(|header| header.id.clone()));
            (Letter { shape: Shape::Message, kind, control, entries: Vec::new(), header }, event)
        }
    };
    let holders: Vec<&Element<'_>> = bundle.directory.resources().collect();
    if is_crowded(&holders, expected) {
        return (letter, None);
    }
    let topic = inside(&bundle, expected, notes).map(|topic| match topic {
        Topic::Referral(told) => Topic::Referral(message::by_event(told, &event)),
        other => other,
    });
    (letter, topic)
}

fn inside<'t>(bundle: &Bundle<'t>, expected: &Expectations<'t>, notes: &'t Notes) -> Option<Topic> {
    let requests = bundle.places("ServiceRequest");
    let forms = bundle.places("QuestionnaireResponse");
    for more in requests.iter().skip(1).filter_map(|at| bundle.directory.resource(*at)) {
        more.error("", Issue::BusinessRule, Class::Rule, TWO_REFERRALS);
    }
    let Some((first, request)) = requests.first().and_then(|at| Some((*at, bundle.directory.resource(*at)?))) else {
        for more in forms.iter().skip(1).filter_map(|at| bundle.directory.resource(*at)) {
            more.error("", Issue::BusinessRule, Class::Rule, TWO_FORMS);
        }
        let Some((at, response)) = forms.first().and_then(|at| Some((*at, bundle.directory.resource(*at)?))) else {
            let fault = Fault::new(Severity::Error, Issue::Required, Class::Rule, NO_REFERRAL);
            notes.fault(Fault { expression: "Bundle.entry".to_owned(), ..fault });
            return None;
        };
        for other in bundle.directory.resources().filter(|one| !["MessageHeader", FORM].contains(&one.kind())) {
            if kinds::is_read(other.kind()) {
                other.warn("", Issue::NotSupported, BESIDE_FORM);
            }
        }
        let searched = bundle.entries.get(at).and_then(|entry| entry.condition.number.as_ref());
        return form::read(response, searched, expected.hosts).map(Topic::Form);
    };
    let verb = links::tasks(bundle);
    let contained = request.contained();
    let of = |kind: &str| {
        let inside = contained.iter().filter(|inside| inside.kind() == kind).cloned();
        bundle.of_kind(kind).cloned().chain(inside).collect::<Vec<_>>()
    };
    links::references(bundle);
    let condition = bundle.entries.get(first).map(|entry| entry.condition.clone()).unwrap_or_default();
    let told = read(request, &bundle.directory, of, condition, expected)?;
    let verb = if told.verb == Verb::New { verb.unwrap_or(Verb::New) } else { told.verb };
    Some(Topic::Referral(Referral { verb, ..told }))
}

fn read<'t>(
    request: &Element<'t>,
    directory: &Directory<'t>,
    of: impl Fn(&str) -> Vec<Element<'t>>,
    condition: Condition,
    expected: &Expectations<'t>,
) -> Option<Referral> {
    let around = Around {
        patients: of("Patient"),
        conditions: of("Condition"),
        coverages: of("Coverage"),
        documents: ["DocumentReference", "DiagnosticReport", "Binary"].into_iter().flat_map(&of).collect(),
        others: details::KINDS.into_iter().flat_map(|(kind, _)| of(kind)).collect(),
        related: of("RelatedPerson"),
        condition,
        hosts: expected.hosts,
        today: expected.today,
    };
    let resolver = Resolver { directory, holder: request.clone() };
    referral::read(request, &resolver, &around)
}
