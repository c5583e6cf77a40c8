//! The words of links that a center uses itself: its campaigns, and where and how they run.
//!
//! Anybody can write anything into a link, a name as well. So only these words travel as they are; any other is [`OTHER`], and
//! what was written stays sealed in the inquiry. Deliberately not here: what a word of a link is for (ingestion).

use serde::{Deserialize, Serialize};

/// What stands for every word that is not in a list.
pub const OTHER: &str = "other";
/// Longest word of a list, characters.
const LONGEST: usize = 60;

/// The table `[attribution]` of center.toml. A list that is left out knows no word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Campaigns {
    /// Values of `utm_campaign`.
    pub campaigns: Vec<String>,
    /// Values of `utm_source`.
    pub sources: Vec<String>,
    /// Values of `utm_medium`.
    pub mediums: Vec<String>,
    /// Values of `utm_term`.
    pub terms: Vec<String>,
    /// Values of `utm_content`.
    pub contents: Vec<String>,
}

impl Campaigns {
    /// The lists by their names in the file.
    #[must_use]
    pub fn lists(&self) -> [(&'static str, &[String]); 5] {
        [
            ("campaigns", &self.campaigns),
            ("sources", &self.sources),
            ("mediums", &self.mediums),
            ("terms", &self.terms),
            ("contents", &self.contents),
        ]
    }
}

/// What of a link's word may travel: the word itself where the list has it, whatever its case, else [`OTHER`]; nothing of
/// nothing.
#[must_use]
pub fn travelling(list: &[String], told: &str) -> Option<String> {
    let told = told.trim().to_lowercase();
    let known = || list.iter().find(|known| **known == told).map_or(OTHER, String::as_str);
    (!told.is_empty()).then(|| known().to_owned())
}

/// Whether a word can stand in a list: as it is compared, and not the one for all others.
#[must_use]
pub fn is_listable(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LONGEST).contains(&word.len()) && word.bytes().all(plain) && word != OTHER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_word_travels_whatever_its_case_and_any_other_is_other() {
        let list = ["spring-2026".to_owned()];
        let told = |text: &str| travelling(&list, text);
        assert_eq!(told(" Spring-2026 ").as_deref(), Some("spring-2026"));
        for odd in ["rosa-vega", "spring-2026x", "SPRING 2026", "josé", "other"] {
            assert_eq!(told(odd).as_deref(), Some(OTHER), "{odd}");
        }
        assert_eq!(told(" "), None);
        assert_eq!(travelling(&[], "spring-2026").as_deref(), Some(OTHER), "a center without a list knows none");
    }

    #[test]
    fn a_list_holds_words_as_they_are_compared() {
        assert!(is_listable("spring_2026.b"));
        for odd in ["", "Spring", "a b", "other", "josé", &"x".repeat(61)] {
            assert!(!is_listable(odd), "{odd}");
        }
    }
}
