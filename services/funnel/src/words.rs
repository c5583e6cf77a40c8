//! Words in several languages, and the macro that gives every closed list of terms the same five functions.
//!
//! A term is stored as its snake-case name and shown as its label; keeping both in one table means that a new variant
//! cannot be added without its words. Free text of a center (form labels, hints) is a [`Words`] value from its profile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The same text in several languages, keyed by language code (`en`, `es`, ...).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Words(pub BTreeMap<String, String>);

impl Words {
    /// The text in `language`, else in English, else in whichever language exists, else nothing.
    #[must_use]
    pub fn get(&self, language: &str) -> &str {
        self.0.get(language).or_else(|| self.0.get("en")).or_else(|| self.0.values().next()).map_or("", String::as_str)
    }

    /// Whether there is no text in any language.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|text| text.trim().is_empty())
    }

    /// The languages of `wanted` in which this text is missing. A text that is empty in all of them is left out on
    /// purpose and lacks nothing.
    #[must_use]
    pub fn lacks<'a>(&self, wanted: &'a [String]) -> Vec<&'a str> {
        if self.is_empty() {
            return Vec::new();
        }
        wanted
            .iter()
            .map(String::as_str)
            .filter(|language| self.0.get(*language).is_none_or(|text| text.trim().is_empty()))
            .collect()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Words {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(language, text)| ((*language).to_owned(), (*text).to_owned())).collect())
    }
}

/// A text was not one of a closed list of terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {term}; use one of: {allowed}")]
pub struct UnknownWord {
    /// The list that was asked, in words ("cancer area").
    pub term: &'static str,
    /// The names that would have been accepted.
    pub allowed: String,
}

/// Defines a closed list of terms with `ALL`, `as_str`, `label`, `FromStr`, `Display` and serde names that agree.
macro_rules! vocabulary {
    (
        $(#[$outer:meta])*
        $name:ident ($term:literal) {
            $( $(#[$inner:meta])* $variant:ident = $text:literal, $en:literal, $es:literal, $fr:literal; )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[$inner])* #[doc = $en] #[serde(rename = $text)] $variant, )+
        }

        impl $name {
            /// Every term, in the order in which people should see them.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// The stored name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }

            /// The plain words for people, in `language` (English where there is no translation).
            #[must_use]
            pub fn label(self, language: &str) -> &'static str {
                match (self, language) {
                    $( (Self::$variant, "es") => $es, (Self::$variant, "fr") => $fr, (Self::$variant, _) => $en, )+
                }
            }

            /// This term as one bit, for sets of terms.
            #[must_use]
            pub const fn bit(self) -> u64 {
                1 << (self as u64)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $text => Ok(Self::$variant), )+
                    _ => Err($crate::words::UnknownWord { term: $term, allowed: [$( $text ),+].join(", ") }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use vocabulary;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fall_back_to_english_and_then_to_any_language() {
        let both = Words::from([("en", "Name"), ("es", "Nombre")]);
        assert_eq!(both.get("es"), "Nombre");
        assert_eq!(both.get("fr"), "Name");
        assert_eq!(Words::from([("es", "Nombre")]).get("fr"), "Nombre");
        assert_eq!(Words::default().get("en"), "");
    }

    #[test]
    fn missing_languages_are_named() {
        let languages = ["en".to_owned(), "es".to_owned()];
        assert_eq!(Words::from([("en", "Name")]).lacks(&languages), ["es"]);
        assert!(Words::default().lacks(&languages).is_empty());
    }
}
