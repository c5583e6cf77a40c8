//! The intake note: which fields a call must fill, by consult type, as data of the center.
//!
//! "Intake complete" is computed from the filled fields and never ticked by hand. Deliberately not here: the answers
//! themselves; this module sees only which keys are filled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::form::{Choice, FieldKind};
use crate::inquiry::{CancerArea, ConsultType};
use crate::words::{Words, vocabulary};

vocabulary! {
    /// What a field of the note is needed for.
    NeededFor ("needed for") {
        #[default]
        Routing = "routing", "Routing", "Asignación", "Attribution";
        Records = "records", "Records", "Expediente", "Documents";
        Scheduling = "scheduling", "Scheduling", "Citas", "Rendez-vous";
        Screening = "screening", "Trial screening", "Selección para estudios", "Sélection pour un essai";
    }
}

/// One field of the note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteField {
    /// Key under which the answer is kept.
    pub key: String,
    /// How it is entered.
    pub kind: FieldKind,
    /// What it is called.
    pub label: Words,
    /// Why we ask, for the coordinator to say.
    pub why: Words,
    /// What it is needed for.
    #[serde(default)]
    pub needed_for: NeededFor,
    /// Consult types for which it must be filled; empty means all.
    #[serde(default)]
    pub consult_types: Vec<ConsultType>,
    /// Cancer areas for which it must be filled; empty means all.
    #[serde(default)]
    pub cancer_areas: Vec<CancerArea>,
    /// Whether it may stay empty.
    #[serde(default)]
    pub optional: bool,
    /// Choices, for a choice.
    #[serde(default)]
    pub options: Vec<Choice>,
}

/// All of intake.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteDefinition {
    /// The fields, in the order of the call.
    #[serde(rename = "field", default)]
    pub fields: Vec<NoteField>,
}

impl NoteDefinition {
    /// The fields of the note for a consult type and a cancer area.
    pub fn fields_for(&self, consult: ConsultType, area: CancerArea) -> impl Iterator<Item = &NoteField> {
        self.fields.iter().filter(move |field| {
            (field.consult_types.is_empty() || field.consult_types.contains(&consult))
                && (field.cancer_areas.is_empty() || field.cancer_areas.contains(&area))
        })
    }
}

/// A field that still has to be filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingField {
    /// Its key.
    pub key: String,
    /// What it is called.
    pub label: Words,
    /// Why we need it.
    pub why: Words,
}

/// The fields that are still empty. The note is complete when there are none.
#[must_use]
pub fn missing_fields(
    note: &NoteDefinition,
    (consult, area): (ConsultType, CancerArea),
    filled: &BTreeMap<String, String>,
) -> Vec<MissingField> {
    note.fields_for(consult, area)
        .filter(|field| !field.optional && filled.get(&field.key).is_none_or(|answer| answer.trim().is_empty()))
        .map(|field| MissingField { key: field.key.clone(), label: field.label.clone(), why: field.why.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> NoteDefinition {
        let field = |key: &str, consult_types, optional| NoteField {
            key: key.into(),
            kind: FieldKind::Text,
            label: Words::from([("en", key)]),
            why: Words::default(),
            needed_for: NeededFor::Routing,
            consult_types,
            cancer_areas: if key == "receptors" { vec![CancerArea::Breast] } else { vec![] },
            optional,
            options: vec![],
        };
        NoteDefinition {
            fields: vec![
                field("receptors", vec![], false),
                field("diagnosis", vec![], false),
                field("treatment_history", vec![ConsultType::ClinicalTrial], false),
                field("remarks", vec![], true),
            ],
        }
    }

    #[test]
    fn the_note_is_complete_when_every_field_of_its_consult_type_and_cancer_area_is_filled() {
        let mut filled = BTreeMap::from([("diagnosis".to_owned(), "told".to_owned())]);
        assert!(missing_fields(&note(), (ConsultType::SecondOpinion, CancerArea::Gi), &filled).is_empty());
        let missing = missing_fields(&note(), (ConsultType::ClinicalTrial, CancerArea::Gi), &filled);
        assert_eq!(missing.iter().map(|field| field.key.as_str()).collect::<Vec<_>>(), ["treatment_history"]);
        let breast = missing_fields(&note(), (ConsultType::SecondOpinion, CancerArea::Breast), &filled);
        assert_eq!(breast.iter().map(|field| field.key.as_str()).collect::<Vec<_>>(), ["receptors"]);
        filled.insert("diagnosis".into(), "  ".into());
        assert_eq!(missing_fields(&note(), (ConsultType::SecondOpinion, CancerArea::Gi), &filled).len(), 1);
    }
}
