//! Merging what somebody typed into an intake note.
//!
//! Values are PHI: they are moved and compared here and never put into an error, a log or a timeline.

use std::collections::BTreeMap;

use causeway_funnel::form::FieldKind;
use causeway_funnel::inquiry::{CancerArea, ConsultType};
use causeway_funnel::intake::{NoteDefinition, NoteField};

/// The longest answer, characters.
const LONGEST: usize = 4000;

/// A field that can't be saved, by key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// The center's note has no such field for this consult type.
    #[error("the note has no field \"{0}\" for this consult type and cancer area; read its fields")]
    Unknown(String),
    /// The answer is none of the choices.
    #[error("the answer to \"{0}\" is none of its choices")]
    Choice(String),
    /// The answer is too long.
    #[error("the answer to \"{0}\" is too long; write at most {LONGEST} characters")]
    TooLong(String),
}

/// The note after `given` was typed over `known`. An empty answer empties the field; fields that were not given stay.
///
/// # Errors
/// Names the first field that can't be saved; nothing is saved then.
pub fn merge(
    definition: &NoteDefinition,
    (consult, area): (ConsultType, CancerArea),
    mut known: BTreeMap<String, String>,
    given: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, NoteFault> {
    let fields: BTreeMap<&str, &NoteField> =
        definition.fields_for(consult, area).map(|field| (field.key.as_str(), field)).collect();
    for (key, value) in given {
        let Some(field) = fields.get(key.as_str()) else { return Err(NoteFault::Unknown(key)) };
        let value = value.trim();
        if value.is_empty() {
            known.remove(&key);
            continue;
        }
        if value.chars().count() > LONGEST {
            return Err(NoteFault::TooLong(key));
        }
        let choice = field.kind == FieldKind::Choice && !field.options.is_empty();
        if choice && !field.options.iter().any(|option| option.value == value) {
            return Err(NoteFault::Choice(key));
        }
        known.insert(key, value.to_owned());
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_funnel::form::Choice;
    use causeway_funnel::intake::NeededFor;
    use causeway_funnel::words::Words;

    fn definition() -> NoteDefinition {
        let field = |key: &str, kind, consult_types, options: &[&str]| NoteField {
            key: key.into(),
            kind,
            label: Words::default(),
            why: Words::default(),
            needed_for: NeededFor::Routing,
            consult_types,
            cancer_areas: if key == "receptors" { vec![CancerArea::Breast] } else { vec![] },
            optional: false,
            options: options.iter().map(|value| Choice { value: (*value).into(), label: Words::default() }).collect(),
        };
        NoteDefinition {
            fields: vec![
                field("diagnosis", FieldKind::LongText, vec![], &[]),
                field("plan", FieldKind::Choice, vec![], &["upload", "fax"]),
                field("receptors", FieldKind::Text, vec![], &[]),
                field("travel", FieldKind::Text, vec![ConsultType::ClinicalTrial], &[]),
            ],
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_was_typed_is_added_and_what_was_emptied_goes() {
        let known = pairs(&[("diagnosis", "told"), ("plan", "fax")]);
        let given = pairs(&[("diagnosis", " "), ("plan", " upload ")]);
        let merged = merge(&definition(), (ConsultType::NewConsult, CancerArea::Gi), known, given).expect("merged");
        assert_eq!(merged, pairs(&[("plan", "upload")]));
    }

    #[test]
    fn a_field_of_another_consult_type_an_unknown_choice_and_a_flood_are_refused_by_key() {
        let try_it = |consult, key: &str, value: &str| {
            merge(&definition(), (consult, CancerArea::Gi), BTreeMap::new(), pairs(&[(key, value)]))
        };
        assert_eq!(try_it(ConsultType::NewConsult, "travel", "far"), Err(NoteFault::Unknown("travel".into())));
        assert!(try_it(ConsultType::ClinicalTrial, "travel", "far").is_ok());
        assert_eq!(try_it(ConsultType::NewConsult, "receptors", "x"), Err(NoteFault::Unknown("receptors".into())));
        assert_eq!(try_it(ConsultType::NewConsult, "plan", "pigeon"), Err(NoteFault::Choice("plan".into())));
        let flood = "x".repeat(LONGEST + 1);
        assert_eq!(try_it(ConsultType::NewConsult, "diagnosis", &flood), Err(NoteFault::TooLong("diagnosis".into())));
    }
}
