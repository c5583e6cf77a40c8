//! A form as data, and the reading of its answers.
//!
//! A form has few core questions and a clearly separate optional part; a question may have more than one field ("phone or
//! e-mail, one is enough"). The keys of fields have fixed meanings, so routing and intake understand every form; a key of a
//! center's own is carried along as an extra answer.
//!
//! Deliberately not here: drawing the form, storing the answers, and what to do with answers that can't be read (they are
//! kept for a person to repair).

mod answers;
mod reading;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inquiry::ConsultType;
use crate::words::{Words, vocabulary};

pub use answers::{Answers, Origin};
pub use reading::{Reading, validate};

/// Name of the field that people do not see and machines fill.
pub const HONEYPOT: &str = "website";

/// The keys whose meaning every form shares.
pub const KNOWN_KEYS: [&str; 17] = [
    "who",
    "name",
    "patient_name",
    "phone",
    "email",
    "contact_channel",
    "best_time",
    "consult_type",
    "cancer_area",
    "birth_date",
    "language",
    "payer",
    "site_preference",
    "records_on_hand",
    "referring_doctor",
    "message",
    "interpreter",
];

vocabulary! {
    /// How a field is answered.
    FieldKind ("field kind") {
        #[default]
        Text = "text", "Text", "Texto", "Texte";
        Phone = "phone", "Phone number", "Teléfono", "Téléphone";
        Email = "email", "Email address", "Correo electrónico", "Adresse e-mail";
        Choice = "choice", "One of a list", "Una de una lista", "Un choix dans une liste";
        Date = "date", "Date", "Fecha", "Date";
        LongText = "long_text", "Longer text", "Texto largo", "Texte long";
        Tick = "tick", "Box to tick", "Casilla", "Case à cocher";
    }
}

impl FieldKind {
    /// Most characters of an answer.
    #[must_use]
    pub const fn longest(self) -> usize {
        match self {
            Self::LongText => 4000,
            _ => 500,
        }
    }
}

vocabulary! {
    /// Which part of the form a question belongs to.
    Part ("part") {
        #[default]
        Core = "core", "Core", "Principal", "Principal";
        Optional = "optional", "Optional", "Opcional", "Facultatif";
    }
}

vocabulary! {
    /// Which fields of a question must be answered.
    Needs ("needs") {
        #[default]
        All = "all", "All of them", "Todos", "Tous";
        Any = "any", "One is enough", "Con uno basta", "Un seul suffit";
        Nothing = "nothing", "None", "Ninguno", "Aucun";
    }
}

/// One choice of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Stored value.
    pub value: String,
    /// What people read; empty takes the standard words of a known term.
    #[serde(default)]
    pub label: Words,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Key of the answer.
    pub key: String,
    /// How it is answered.
    pub kind: FieldKind,
    /// Its label, where the question's own does not say enough.
    #[serde(default)]
    pub label: Words,
    /// A simple explanation.
    #[serde(default)]
    pub hint: Words,
    /// Choices, for a choice; "not sure" comes last.
    #[serde(default)]
    pub options: Vec<Choice>,
    /// Browser's autocomplete word.
    #[serde(default)]
    pub autocomplete: Option<String>,
}

/// One question of one or more fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Name of the question.
    pub key: String,
    /// Core or optional.
    #[serde(default)]
    pub part: Part,
    /// The question, in plain words.
    pub label: Words,
    /// A simple explanation.
    #[serde(default)]
    pub hint: Words,
    /// Which of its fields must be answered. Nothing in the optional part ever must.
    #[serde(default)]
    pub needs: Needs,
    /// What to say when it was not answered.
    #[serde(default)]
    pub missing: Words,
    /// Its fields.
    #[serde(rename = "field", default)]
    pub fields: Vec<Field>,
}

/// One box to tick, for one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentTick {
    /// Key of the answer: `consent_email`, `consent_sms`, `consent_phone` or `consent_voicemail`.
    pub key: String,
    /// What the person agrees to.
    pub label: Words,
}

/// The consent part: its own version, because what somebody agreed to must stay provable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentPart {
    /// Version of these words.
    pub version: u32,
    /// Lead-in.
    pub lead: Words,
    /// The boxes, never ticked beforehand.
    #[serde(rename = "tick")]
    pub ticks: Vec<ConsentTick>,
}

vocabulary! {
    /// When a form wants a proof of work.
    ProofWhen ("when") {
        #[default]
        Off = "off", "Never", "Nunca", "Jamais";
        Suspicious = "suspicious", "Where something looks like a machine", "Si algo parece de una máquina", "Si quelque chose semble venir d'une machine";
        Always = "always", "Always", "Siempre", "Toujours";
    }
}

vocabulary! {
    /// What becomes of an inquiry without the proof that is wanted. It is never refused.
    WithoutProof ("without") {
        Take = "take", "It is taken", "Se acepta", "Elle est acceptée";
        #[default]
        Hold = "hold", "A person looks at it first", "Una persona la revisa primero", "Une personne l'examine d'abord";
    }
}

/// The work that a browser does before a form is sent, by itself and unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProofOfWork {
    /// When it is wanted. Browsers do it in either case but off, because what looks like a machine is known only afterwards.
    pub when: ProofWhen,
    /// How much: each bit more is twice the work. 16 are about a quarter of a second.
    pub bits: u32,
    /// What becomes of an inquiry without it.
    pub without: WithoutProof,
}

impl Default for ProofOfWork {
    fn default() -> Self {
        Self { when: ProofWhen::Off, bits: 16, without: WithoutProof::Hold }
    }
}

impl ProofOfWork {
    /// The least and the most bits that a form may state.
    pub const BITS: std::ops::RangeInclusive<u32> = 8..=20;

    /// Whether browsers are asked to do it.
    #[must_use]
    pub fn is_asked(self) -> bool {
        self.when != ProofWhen::Off
    }
}

/// One form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Id, as in its address.
    pub id: String,
    /// Grows with each change of its words.
    pub version: u32,
    /// The consult type that this form is for; nothing if it asks.
    #[serde(default)]
    pub consult_type: Option<ConsultType>,
    /// Heading.
    pub title: Words,
    /// First words under the heading.
    pub intro: Words,
    /// The work that it asks of browsers.
    #[serde(default)]
    pub proof_of_work: ProofOfWork,
    /// The questions, core ones first.
    #[serde(rename = "question", default)]
    pub questions: Vec<Question>,
    /// The consent part.
    pub consent: ConsentPart,
}

impl Form {
    /// The core questions.
    pub fn core(&self) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(|question| question.part == Part::Core)
    }

    /// The optional part.
    pub fn optional(&self) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(|question| question.part == Part::Optional)
    }

    /// Every field with its question.
    pub fn fields(&self) -> impl Iterator<Item = (&Question, &Field)> {
        self.questions.iter().flat_map(|question| question.fields.iter().map(move |field| (question, field)))
    }
}

/// The words of a choice: the form's own, else the standard words of the known term, else the value itself.
#[must_use]
pub fn choice_label(field_key: &str, choice: &Choice, language: &str) -> String {
    use crate::inquiry::{AskedBy, BestTime, CancerArea, Channel, Payer, RecordsOnHand, Urgency};
    if !choice.label.is_empty() {
        return choice.label.get(language).to_owned();
    }
    let value = choice.value.as_str();
    let standard = match field_key {
        "who" => value.parse::<AskedBy>().ok().map(|term| term.label(language)),
        "contact_channel" => value.parse::<Channel>().ok().map(|term| term.label(language)),
        "best_time" => value.parse::<BestTime>().ok().map(|term| term.label(language)),
        "consult_type" => value.parse::<ConsultType>().ok().map(|term| term.label(language)),
        "cancer_area" => value.parse::<CancerArea>().ok().map(|term| term.label(language)),
        "urgency" => value.parse::<Urgency>().ok().map(|term| term.label(language)),
        "payer" => value.parse::<Payer>().ok().map(|term| term.label(language)),
        "records_on_hand" => value.parse::<RecordsOnHand>().ok().map(|term| term.label(language)),
        _ => None,
    };
    standard.unwrap_or(value).to_owned()
}

/// Whether the hidden field was filled, which people do not do.
#[must_use]
pub fn trap_sprung(answers: &BTreeMap<String, String>) -> bool {
    answers.get(HONEYPOT).is_some_and(|answer| !answer.trim().is_empty())
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
