//! What a message says in the places that its partner uses for it, by the center's own mapping.
//!
//! Deliberately not here: the standard's places (referral, person) and what a mapping may say (the funnel's profile).

use std::borrow::Cow;
use std::collections::BTreeMap;

use causeway_funnel::profile::{Hl7Field, Hl7Mapping, Hl7Path, UnknownCode};

use super::message::Message;

/// What was found. PHI: no `Debug`.
#[derive(Default)]
pub struct Told {
    values: BTreeMap<Hl7Field, String>,
    /// The first field with a code that no table knows, where such a referral is to wait.
    pub unknown: Option<Hl7Field>,
}

impl Told {
    /// Looks into a message; without a mapping nothing is told.
    #[must_use]
    pub fn of(message: &Message<'_>, mapping: Option<&Hl7Mapping>) -> Self {
        let mut told = Self::default();
        let Some(mapping) = mapping else { return told };
        let mut untold: BTreeMap<Hl7Field, String> = mapping.defaults.clone();
        for (field, places) in &mapping.from {
            let found = places.iter().map(|place| at(message, place)).find(|text| !text.trim_ascii().is_empty());
            let Some(found) = found else { continue };
            // Something is said, if only in a code that nobody knows: a default would say it better than the office does.
            untold.remove(field);
            match mapping.meaning(*field, &found) {
                Some(word) => {
                    told.values.insert(*field, word);
                }
                None if mapping.unknown_codes == UnknownCode::Park => told.unknown = told.unknown.or(Some(*field)),
                None => {}
            }
        }
        told.values.extend(untold);
        told
    }

    /// What was found for a field.
    #[must_use]
    pub fn get(&self, field: Hl7Field) -> Option<&str> {
        self.values.get(&field).map(String::as_str)
    }

    /// Puts what was found over what stands in the standard's place.
    pub fn replace(&self, field: Hl7Field, target: &mut String) {
        if let Some(found) = self.get(field) {
            found.clone_into(target);
        }
    }
}

/// The text of a place; the repetitions of a whole field line by line.
fn at(message: &Message<'_>, place: &Hl7Path) -> String {
    let is_meant = |code: Cow<'_, str>| place.code.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&code));
    let Some(segment) = message.segments(&place.segment).find(|segment| is_meant(segment.value(3, 1))) else {
        return String::new();
    };
    match place.component {
        Some(component) => segment.value(place.field, component).into_owned(),
        None => {
            let lines: Vec<_> = segment.field(place.field).repetitions().map(|line| line.text()).collect();
            lines.join("\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "MSH|^~\\&|A\rZRF|||7^x\rOBX|1|ST|SITE||left\rOBX|2|CE|AREA^Area||ONC1^Breast~ONC2\rPV2|||^because\r";

    fn told(mapping: &str) -> Told {
        let mapping: Hl7Mapping = toml_of(mapping);
        let message = Message::parse(TEXT).unwrap_or_else(|why| panic!("{why}"));
        Told::of(&message, Some(&mapping))
    }

    fn toml_of(json: &str) -> Hl7Mapping {
        serde_json::from_str(json).unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn the_first_place_that_says_something_is_taken_and_its_code_translated() {
        let found = told(
            r#"{"from": {"cancer_area": ["ZXX-1", "OBX[area]-5.1"], "referral_number": ["ZRF-3.1"], "message": ["PV2-3.2"]},
                "values": {"cancer_area": {"onc1": "breast"}}, "defaults": {"urgency": "soon", "cancer_area": "gi"}}"#,
        );
        assert_eq!(found.get(Hl7Field::CancerArea), Some("breast"));
        assert_eq!(found.get(Hl7Field::ReferralNumber), Some("7"));
        assert_eq!(found.get(Hl7Field::Message), Some("because"));
        assert_eq!(found.get(Hl7Field::Urgency), Some("soon"));
        assert_eq!(found.unknown, None);
    }

    #[test]
    fn a_code_that_no_table_knows_waits_only_where_the_mapping_says_so() {
        let of = |rule: &str| {
            told(&format!(r#"{{"from": {{"cancer_area": ["OBX[AREA]-5.1"]}}, "unknown_codes": "{rule}"}}"#))
        };
        assert_eq!((of("take").unknown, of("take").get(Hl7Field::CancerArea)), (None, None));
        assert_eq!(of("park").unknown, Some(Hl7Field::CancerArea));
    }

    #[test]
    fn a_default_holds_where_nothing_is_said_and_not_in_the_place_of_a_code_that_nobody_knows() {
        let of = |place: &str| {
            told(&format!(r#"{{"from": {{"cancer_area": ["{place}"]}}, "defaults": {{"cancer_area": "gi"}}}}"#))
        };
        assert_eq!(of("ZXX-1").get(Hl7Field::CancerArea), Some("gi"));
        assert_eq!(of("OBX[AREA]-5.1").get(Hl7Field::CancerArea), None, "taken without it");
    }
}
