//! Identity of an inquiry for machines (a uuid) and for people (a short request number).
//!
//! The request number is computed from the uuid, so any service that knows one knows the other's text without asking. It
//! says nothing about the person and survives being read out on the phone: no look-alike letters, and a check character.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identity of one inquiry. Prints as `inq_<uuid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InquiryId(pub Uuid);

impl fmt::Display for InquiryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inq_{}", self.0.as_hyphenated())
    }
}

impl FromStr for InquiryId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let bare = text.strip_prefix("inq_").unwrap_or(text);
        Uuid::parse_str(bare).map(Self).map_err(|_| NotAnId)
    }
}

impl From<Uuid> for InquiryId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

/// The text was no inquiry id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an inquiry id; it looks like inq_0192f0c1-2f7e-7c3a-9d6b-0c6f0a1b2c3d")]
pub struct NotAnId;

/// The text was no request number, or one character of it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// Wrong shape.
    #[error("not a request number; it looks like HV-7K4M-2QX")]
    Shape,
    /// Right shape, but the check character does not agree.
    #[error("one character of this request number is wrong; read it again")]
    Check,
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA_CHARACTERS: u32 = 6;

/// Human request number: the center's prefix, six characters and a check character, such as `HV-7K4M-2QX`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

impl Reference {
    /// The request number of an inquiry.
    #[must_use]
    pub fn of(prefix: &str, id: InquiryId) -> Self {
        Self::from_bits(prefix, id.0.as_u64_pair().1)
    }

    /// The second choice, from other random bits, for the rare case that the first is taken at this center.
    #[must_use]
    pub fn second_choice(prefix: &str, id: InquiryId) -> Self {
        Self::from_bits(prefix, id.0.as_u64_pair().1 >> (5 * DATA_CHARACTERS))
    }

    /// The printed number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_bits(prefix: &str, bits: u64) -> Self {
        let values: Vec<u8> = (0..DATA_CHARACTERS).rev().map(|place| ((bits >> (5 * place)) & 31) as u8).collect();
        Self::print(prefix, &values)
    }

    fn print(prefix: &str, values: &[u8]) -> Self {
        let text: String = values
            .iter()
            .chain(std::iter::once(&check_value(values)))
            .map(|value| char::from(ALPHABET[usize::from(*value)]))
            .collect();
        Self(format!("{prefix}-{}-{}", &text[..4], &text[4..]))
    }
}

/// Luhn's sum for 32 characters: finds every single wrong character and nearly every swapped pair.
fn check_value(values: &[u8]) -> u8 {
    let sum: u32 = values
        .iter()
        .rev()
        .enumerate()
        .map(|(place, value)| {
            let weighed = u32::from(*value) * if place % 2 == 0 { 2 } else { 1 };
            weighed / 32 + weighed % 32
        })
        .sum();
    ((32 - sum % 32) % 32) as u8
}

fn value_of(letter: char) -> Option<u8> {
    let plain = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|known| char::from(*known) == plain).and_then(|place| u8::try_from(place).ok())
}

impl FromStr for Reference {
    type Err = NotAReference;

    /// Forgiving: any case, `O` for zero, `I` and `L` for one, with or without hyphens and spaces.
    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let letters: Vec<char> = text.chars().filter(|letter| !matches!(letter, '-' | ' ')).collect();
        let characters = DATA_CHARACTERS as usize + 1;
        if letters.len() <= characters || letters.len() > characters + 4 {
            return Err(NotAReference::Shape);
        }
        let (prefix, code) = letters.split_at(letters.len() - characters);
        if !prefix.iter().all(char::is_ascii_alphanumeric) {
            return Err(NotAReference::Shape);
        }
        let values: Vec<u8> =
            code.iter().map(|letter| value_of(*letter)).collect::<Option<_>>().ok_or(NotAReference::Shape)?;
        let (data, check) = values.split_at(values.len() - 1);
        if check[0] != check_value(data) {
            return Err(NotAReference::Check);
        }
        let prefix: String = prefix.iter().map(char::to_ascii_uppercase).collect();
        Ok(Self::print(&prefix, data))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn an_id() -> InquiryId {
        "inq_0192f0c1-2f7e-7c3a-9d6b-0c6f0a1b2c3d".parse().unwrap()
    }

    #[test]
    fn an_inquiry_id_prints_with_its_prefix_and_reads_back_with_or_without_it() {
        assert_eq!(an_id().to_string(), "inq_0192f0c1-2f7e-7c3a-9d6b-0c6f0a1b2c3d");
        assert_eq!("0192f0c1-2f7e-7c3a-9d6b-0c6f0a1b2c3d".parse(), Ok(an_id()));
        assert!("inq_42".parse::<InquiryId>().is_err());
    }

    #[test]
    fn a_request_number_is_the_same_each_time_and_can_be_read_out_loosely() {
        let reference = Reference::of("HV", an_id());
        assert_eq!(reference, Reference::of("HV", an_id()));
        assert_eq!(reference.as_str().len(), "HV-7K4M-2QX".len());
        let loose = reference.as_str().to_lowercase().replace('-', " ").replace('1', "l").replace('0', "o");
        assert_eq!(loose.parse(), Ok(reference.clone()));
        assert_ne!(reference, Reference::second_choice("HV", an_id()));
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_noticed(bits: u64, place in 0usize..7, other in 0usize..32) {
            let reference = Reference::of("LK", InquiryId(Uuid::from_u64_pair(0, bits)));
            let mut letters: Vec<u8> = reference.as_str().bytes().collect();
            let at = [3, 4, 5, 6, 8, 9, 10][place];
            prop_assume!(letters[at] != ALPHABET[other]);
            letters[at] = ALPHABET[other];
            let wrong = String::from_utf8(letters).unwrap();
            prop_assert_eq!(wrong.parse::<Reference>(), Err(NotAReference::Check));
        }
    }
}
