//! The answers in the body of a form: one text for each name, whatever kind of JSON value a site makes of it.
//!
//! A site's script turns a ticked box into `true`, an age into a number and an empty field into `null`; a person could
//! read each of them, so none is refused. Deliberately not here: what an answer means, which is the form's.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Answers by the key of their field, as texts. PHI: no `Debug`.
pub struct Answers(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Answers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Named)
    }
}

/// Reads the object.
struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = Answers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of answers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answers, A::Error> {
        let mut answers = BTreeMap::new();
        while let Some((key, Said(said))) = map.next_entry::<String, Said>()? {
            // Of two answers to one question nobody knows which one is meant.
            if let Some(said) = said
                && answers.insert(key, said).is_some()
            {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Answers(answers))
    }
}

/// One answer; nothing where the field was left empty.
struct Said(Option<String>);

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

/// Reads a text, a number, a truth, nothing, or a list of these.
struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true, false, null or a list of these")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Said, E> {
        Ok(Said(Some(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Said, E> {
        Ok(Said(Some(text)))
    }

    fn visit_bool<E: Error>(self, is_so: bool) -> Result<Said, E> {
        Ok(Said(Some(if is_so { "yes" } else { "no" }.to_owned())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Said, E> {
        Ok(Said(Some(number.to_string())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Said, E> {
        Ok(Said(Some(number.to_string())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Said, E> {
        Ok(Said(Some(number.to_string())))
    }

    fn visit_unit<E: Error>(self) -> Result<Said, E> {
        Ok(Said(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Said, A::Error> {
        let mut all: Vec<String> = Vec::new();
        while let Some(Said(said)) = list.next_element()? {
            all.extend(said);
        }
        Ok(Said((!all.is_empty()).then(|| all.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, String>, serde_json::Error> {
        serde_json::from_str::<Answers>(text).map(|answers| answers.0)
    }

    #[test]
    fn whatever_kind_of_value_a_site_sends_it_is_one_text_that_a_person_can_read() {
        let read = read(
            r#"{"a":"Jo","b":true,"c":false,"d":54,"e":-2,"f":1.5,"g":null,"h":["breast","gi"],"i":[],"j":[null,7],"k":""}"#,
        )
        .expect("answers");
        let told: Vec<(&str, &str)> = read.iter().map(|(key, said)| (key.as_str(), said.as_str())).collect();
        let wanted = [
            ("a", "Jo"),
            ("b", "yes"),
            ("c", "no"),
            ("d", "54"),
            ("e", "-2"),
            ("f", "1.5"),
            ("h", "breast, gi"),
            ("j", "7"),
            ("k", ""),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn an_object_as_an_answer_and_a_name_that_stands_twice_are_refused() {
        for text in [r#"{"a":{"b":"c"}}"#, r#"{"a":[{"b":1}]}"#, r#"{"a":"x","a":"y"}"#, r#"["a"]"#, r#""a""#, "null"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_in_lists_end_in_a_refusal_and_not_in_an_overflow() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(&deep).is_err());
    }
}
