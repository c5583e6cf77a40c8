//! What the gaps of a template are filled with.
//!
//! A gap that has no value for a notice is left out and not filled with nothing: the template then fails to render, which
//! staff hear of, instead of telling half a sentence. Subjects see a few of them only, none of which names a person.

use causeway_funnel::next_step::ExpectedStep;
use causeway_funnel::profile::{Place, Profile};
use causeway_funnel::time_words;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::notice::{About, Params, VisitWords};

/// A document in the list of papers to gather.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paper {
    /// What it is called.
    pub label: String,
    /// Where to find it.
    pub hint: String,
}

/// A step that is to be expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// What happens.
    pub words: String,
    /// How many days it usually takes.
    pub days: u32,
}

/// A place to go instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// What it is called.
    pub name: String,
    /// Its phone, as printed.
    pub phone: String,
}

/// The values that may stand in a subject line, which others may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The center's discreet name.
    pub center_name: String,
    /// The number that people read out.
    pub reference: String,
    /// The center's phone.
    pub phone: String,
    /// The number that calls come from.
    pub calls_from: String,
    /// When the person will be reached at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_by: Option<String>,
    /// When the center opens again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening: Option<String>,
    /// When the visit is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit_when: Option<String>,
}

/// All values. No Debug: it holds a name.
#[derive(Clone, Serialize)]
pub struct Variables {
    /// Those that a subject may have too.
    #[serde(flatten)]
    pub open: Open,
    /// How the person is addressed.
    pub greeting_name: String,
    /// The sister center that handed the request over; empty where nobody did.
    pub came_from: String,
    /// Papers to gather.
    pub records: Vec<Paper>,
    /// Where the visit is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit_where: Option<String>,
    /// What was agreed, in the patient's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// Whether the person is called: at the agreed time, or when they are reached for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_call: Option<bool>,
    /// What is to be expected of it, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Expected>>,
    /// That this is not treated here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_words: Option<String>,
    /// Where to go instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<Elsewhere>>,
    /// The person's private page.
    pub link: String,
    /// The page that stops messages.
    pub stop_link: String,
}

/// Names of all values that a template may use.
pub const NAMES: [&str; 18] = [
    "center_name",
    "reference",
    "phone",
    "calls_from",
    "contact_by",
    "opening",
    "visit_when",
    "greeting_name",
    "came_from",
    "records",
    "visit_where",
    "next_step",
    "is_call",
    "steps",
    "scope_words",
    "places",
    "link",
    "stop_link",
];

/// What a letter is about, without the person.
pub struct Matter<'a> {
    /// The inquiry.
    pub about: &'a About,
    /// When the person will be reached at the latest.
    pub contact_by: Option<Timestamp>,
    /// When the center opens again.
    pub opens_at: Option<Timestamp>,
    /// The rest.
    pub params: &'a Params,
}

/// Who gets it, and where its links lead.
pub struct Reader<'a> {
    /// How the person is addressed.
    pub greeting_name: &'a str,
    /// Address of the person's private page.
    pub link: &'a str,
}

/// The values for one letter in one language.
pub fn fill(profile: &Profile, language: &str, matter: &Matter<'_>, reader: &Reader<'_>) -> Variables {
    let said = |at: Timestamp| time_words::words(at, profile.zone(), language);
    let visit = matter.params.visit.as_ref();
    let entry = profile.out_of_scope_entry(&matter.params.out_of_scope);
    let kind = profile.booking.next_step(&matter.params.next_step);
    let expected = |step: &ExpectedStep| Expected { words: step.words.get(language).to_owned(), days: step.days };
    let elsewhere = |place: &Place| Elsewhere { name: place.name.clone(), phone: place.phone.clone() };
    Variables {
        open: Open {
            center_name: profile.center.short_name.clone(),
            reference: matter.about.reference.clone(),
            phone: profile.center.contact.phone.clone(),
            calls_from: profile.center.contact.calls_from.clone(),
            contact_by: matter.contact_by.map(said),
            opening: matter.opens_at.map(said),
            visit_when: visit.and_then(|visit| visit_when(visit, profile, language)),
        },
        greeting_name: reader.greeting_name.to_owned(),
        came_from: matter.params.came_from.clone(),
        records: papers(profile, language, matter),
        visit_where: visit.and_then(|visit| visit_where(visit, profile, language)),
        next_step: kind.map(|kind| kind.patient.get(language).to_owned()),
        is_call: kind.map(|kind| kind.call).or_else(|| matter.contact_by.map(|_| !matter.params.is_written_to)),
        steps: kind.map(|kind| kind.steps.iter().map(expected).collect()),
        scope_words: entry.map(|entry| entry.words.get(language).to_owned()),
        places: entry.map(|entry| entry.places.iter().map(elsewhere).collect()),
        link: reader.link.to_owned(),
        // That page asks no other service, so it does not know which language the person reads.
        stop_link: format!("{}/stop?lang={language}", reader.link),
    }
}

/// The papers that are asked for, or else those that such an inquiry usually needs.
fn papers(profile: &Profile, language: &str, matter: &Matter<'_>) -> Vec<Paper> {
    let checklists = &profile.checklists;
    let paper = |label: &str, hint: &str| Paper { label: label.to_owned(), hint: hint.to_owned() };
    if !matter.params.records.is_empty() {
        let kinds = matter.params.records.iter();
        return kinds
            .filter_map(|kind| checklists.document(kind))
            .map(|document| paper(document.label.get(language), document.hint.get(language)))
            .collect();
    }
    let lines = checklists.lines_for(matter.about.consult_type, matter.about.cancer_area);
    lines.iter().map(|line| paper(line.label.get(language), line.hint.get(language))).collect()
}

/// In the site's own zone, since that is where the clock on the wall hangs.
fn visit_when(visit: &VisitWords, profile: &Profile, language: &str) -> Option<String> {
    let starts_at = Timestamp::from_microsecond(visit.starts_at).ok()?;
    let zone = TimeZone::get(&visit.time_zone).unwrap_or_else(|_| profile.zone().clone());
    Some(time_words::words(starts_at, &zone, language))
}

fn visit_where(visit: &VisitWords, profile: &Profile, language: &str) -> Option<String> {
    if visit.kind == "video" {
        let words = match language {
            "es" => "por video",
            "fr" => "par vidéo",
            _ => "by video",
        };
        return Some(words.to_owned());
    }
    let site = profile.site(&visit.site)?;
    Some(format!("{}, {}", site.name, site.address))
}
