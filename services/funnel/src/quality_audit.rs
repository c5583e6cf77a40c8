//! Audits of intake quality: which inquiries are looked at, by which checklist, and what comes of it. All of it is data of the center.
//!
//! A finished or chosen inquiry is scored against a checklist: was the script followed, were the right records asked for, is the next
//! step written down, are the fields of the note there. What is missed most shows where training helps. Deliberately not here: the
//! tamper-evident log of who looked at what, which is another thing, and who may audit.

pub mod computed;
pub mod sampling;
pub mod scoring;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::booking::Fits;
use crate::inquiry::{CancerArea, ConsultType};
use crate::stage::CloseReason;
use crate::words::{UnknownWord, Words, vocabulary};

vocabulary! {
    /// What an item of the checklist is about.
    About ("part of the work") {
        #[default]
        Script = "script", "Call script", "Guion de llamada", "Script d'appel";
        Records = "records", "Records", "Expediente", "Documents";
        NextStep = "next_step", "Next step", "Próximo paso", "Étape suivante";
        Routing = "routing", "Routing", "Asignación", "Attribution";
        NoteField = "note_field", "Field of the note", "Campo de la nota", "Champ de la note";
    }
}

vocabulary! {
    /// How an item was answered.
    Answer ("answer") {
        #[default]
        Yes = "yes", "Yes", "Sí", "Oui";
        No = "no", "No", "No", "Non";
        NotApplicable = "not_applicable", "Does not apply", "No corresponde", "Sans objet";
    }
}

vocabulary! {
    /// What the machine answers itself, from what the desk knows.
    Computed ("computed item") {
        #[default]
        FirstTryInTime = "first_try_in_time", "First try in time", "Primer intento a tiempo", "Premier essai à temps";
        NoteInTime = "note_in_time", "Note complete in time", "Nota completa a tiempo", "Note complète à temps";
        NextStepDocumented = "next_step_documented", "Next step after each talk", "Próximo paso tras cada llamada", "Étape suivante après chaque échange";
        RoutingFieldsComplete = "routing_fields_complete", "Fields for routing filled", "Campos de asignación completos", "Champs d'attribution remplis";
        RecordsAsked = "records_asked", "Needed records asked for", "Documentos necesarios solicitados", "Documents nécessaires demandés";
        FieldFilled = "field_filled", "Field filled", "Campo completo", "Champ rempli";
    }
}

vocabulary! {
    /// How a rule draws.
    How ("way to draw") {
        #[default]
        Share = "share", "A share", "Una parte", "Une part";
        Number = "number", "A number", "Una cantidad", "Un nombre";
        PerPerson = "per_person", "A number for each person", "Una cantidad por persona", "Un nombre par personne";
    }
}

/// How an inquiry stands when it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Ending {
    /// The person came.
    Attended,
    /// The person did not come, and is to be called about it.
    NoShow,
    /// It was closed.
    Closed(CloseReason),
}

impl Ending {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attended => "attended",
            Self::NoShow => "no_show",
            Self::Closed(reason) => reason.as_str(),
        }
    }

    /// The plain words for people.
    #[must_use]
    pub fn label(self, language: &str) -> &'static str {
        match (self, language) {
            (Self::Attended, "es") => "Vino a la cita",
            (Self::Attended, "fr") => "Venue au rendez-vous",
            (Self::Attended, _) => "Attended",
            (Self::NoShow, "es") => "No vino a la cita",
            (Self::NoShow, "fr") => "Rendez-vous manqué",
            (Self::NoShow, _) => "Missed the visit",
            (Self::Closed(reason), language) => reason.label(language),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Ending {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "attended" => Ok(Self::Attended),
            "no_show" => Ok(Self::NoShow),
            reason => reason.parse().map(Self::Closed).map_err(|unknown: UnknownWord| UnknownWord {
                term: "outcome",
                allowed: format!("attended, no_show, {}", unknown.allowed),
            }),
        }
    }
}

impl TryFrom<String> for Ending {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<Ending> for String {
    fn from(ending: Ending) -> Self {
        ending.as_str().to_owned()
    }
}

/// A rule that draws inquiries once a week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Slug.
    pub id: String,
    /// How it draws.
    pub how: How,
    /// Percent of what is there for a share; else how many, for each person where it says so.
    pub amount: u32,
    /// Of which outcomes; none: of all.
    #[serde(default)]
    pub outcomes: Vec<Ending>,
    /// How many days before the week an inquiry may have ended.
    #[serde(default = "a_week")]
    pub look_back_days: u32,
}

const fn a_week() -> u32 {
    7
}

/// One item of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Slug; answers are kept under it.
    pub id: String,
    /// What it is about.
    pub about: About,
    /// What is asked, so that "yes" is good.
    pub label: Words,
    /// Why it matters.
    pub why: Words,
    /// What a "no" says, as a whole sentence; it becomes the hint for training.
    pub missed: Words,
    /// How much it counts.
    pub weight: u32,
    /// Key of the note's field, for an item about one.
    #[serde(default)]
    pub field: Option<String>,
    /// What the machine answers itself; the auditor may say otherwise with a comment.
    #[serde(default)]
    pub computed: Option<Computed>,
    /// Inquiries for which it is asked.
    #[serde(default)]
    pub fits: Fits,
    /// Scripts with which it is asked; none: with each, and without any.
    #[serde(default)]
    pub scripts: Vec<String>,
}

/// Who reads a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondReader {
    /// Percent of the finished ones that somebody else reads as well.
    pub percent: u32,
    /// Scores further apart than this are settled by the two.
    pub points: u32,
    /// Whether one item with two answers is enough to be settled.
    #[serde(default = "yes")]
    pub each_item: bool,
}

const fn yes() -> bool {
    true
}

impl Default for SecondReader {
    fn default() -> Self {
        Self { percent: 0, points: 10, each_item: true }
    }
}

/// All of audits.toml. A center without it audits nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityAudits {
    /// Who reads a second time.
    #[serde(default)]
    pub second_reader: SecondReader,
    /// The rules, in the order in which they draw.
    #[serde(rename = "sample", default)]
    pub samples: Vec<Sample>,
    /// The checklist, in the order of the page.
    #[serde(rename = "item", default)]
    pub items: Vec<Item>,
}

impl QualityAudits {
    /// The items for an inquiry of this kind that was worked with this script; an empty script: with none.
    pub fn items_for(&self, consult: ConsultType, area: CancerArea, script: &str) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| {
            item.fits.matches(consult, area)
                && (item.scripts.is_empty() || item.scripts.iter().any(|wanted| wanted == script))
        })
    }

    /// An item by id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }
}
