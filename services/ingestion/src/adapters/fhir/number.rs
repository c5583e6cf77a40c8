//! Numbers that are searched by: one reader for a search, for If-None-Exist and for the address of an entry (FHIR R4 section
//! 3.1.1.4.10).
//!
//! Deliberately not here: the other parameters of a search (search), and the numbers that a resource bears (concept).

use percent_encoding::percent_decode_str;

use super::concept::Identifier;
use super::task::REFERENCE_SYSTEM;

/// What is said where nobody looks before something is created, because it is no search by one number.
pub const OTHER_SEARCH: &str = "If-None-Exist and ifNoneExist are taken as a search of resources of the same type by one identifier only: send identifier=system|value";

/// Parameters that say how an answer is written, and not what is looked for.
const OF_ANSWERS: [&str; 2] = ["_format", "_pretty"];

/// A number that is asked for. PHI: write it to no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// Who gave it; empty: it says that nobody did; nothing: whoever did.
    pub system: Option<String>,
    /// The number.
    pub value: String,
}

impl Number {
    /// Reads `system|value`, `value` and `|value`, without blanks around either, as they are read in a resource. A bar or a
    /// backslash that is a part of one has a backslash before it.
    #[must_use]
    pub fn parse(one: &str) -> Self {
        let read = |part: &str| plain(part.trim()).trim().to_owned();
        match parts(one, '|').as_slice() {
            [] | [_] => Self { system: None, value: read(one) },
            // A bar within a number stands there as it is with many systems.
            [system, rest @ ..] => Self { system: Some(read(system)), value: read(&rest.join("|")) },
        }
    }

    /// As a resource bears it; an empty system: it does not say.
    #[must_use]
    pub fn borne(&self) -> Identifier<'_> {
        Identifier { system: self.system.as_deref().unwrap_or_default(), value: &self.value }
    }
}

/// The numbers that an office knows one thing by. PHI: no `Debug`.
#[derive(Default, Clone)]
pub struct Numbers {
    /// The one that it is known by here, after who gave it; none: nothing tells it from the next one.
    pub own: Option<(String, String)>,
    /// The others.
    pub further: Vec<(String, String)>,
    /// Ours of it, where it was told back.
    pub ours: Option<String>,
}

impl Numbers {
    /// What a resource bears, the one that it is known by first. The one that it is looked for by goes before, so that two requests
    /// that look for one are one; where that does not tell who gave it, it is one that the resource bears, if it does.
    #[must_use]
    pub fn of<'t>(borne: impl Iterator<Item = Identifier<'t>>, searched: Option<&'t Number>) -> Self {
        let (ours, theirs): (Vec<Identifier<'t>>, Vec<_>) = borne.partition(|one| one.system == REFERENCE_SYSTEM);
        let first = searched.map(Number::borne).filter(|number| number.system != REFERENCE_SYSTEM);
        let first = first.map(|number| match searched.and_then(|searched| searched.system.as_ref()) {
            None => theirs.iter().find(|one| one.value == number.value).copied().unwrap_or(number),
            Some(_) => number,
        });
        let mut numbers = Vec::new();
        for one in first.into_iter().chain(theirs) {
            let one = (one.system.to_owned(), one.value.to_owned());
            if !numbers.contains(&one) {
                numbers.push(one);
            }
            if numbers.len() > MOST_FURTHER {
                break;
            }
        }
        let mut numbers = numbers.into_iter();
        let ours = ours.first().map(|number| number.value.to_owned());
        Self { own: numbers.next(), further: numbers.collect(), ours }
    }

    /// All, the one that it is known by first.
    pub fn all(&self) -> impl Iterator<Item = &(String, String)> {
        self.own.iter().chain(&self.further)
    }

    /// Lets it be known by another one.
    pub fn lead(&mut self, number: (String, String)) {
        self.further.retain(|one| *one != number);
        let before = self.own.replace(number);
        self.further.extend(before.filter(|one| self.own.as_ref() != Some(one)));
    }
}

/// Further numbers of one thing that are looked at; nobody gives as many.
pub const MOST_FURTHER: usize = 20;

/// The one number of a search such as `identifier=system|value`, with or without the type that is searched and a question mark
/// before it. It is part of a URL, so its signs may be written as `%7C` and the like. Nothing where more is asked, or resources of
/// another type: left out, it would find another one.
#[must_use]
pub fn searched(query: &str, kind: &str) -> Option<Number> {
    let (named, query) = match query.split_once('?').filter(|(before, _)| !before.contains('=')) {
        Some((before, query)) => (before.trim().rsplit('/').next().unwrap_or_default(), query),
        None => ("", query),
    };
    if !named.is_empty() && named != kind {
        return None;
    }
    let mut asked = query.split('&').filter(|part| {
        let name = part.split('=').next().unwrap_or_default();
        !part.is_empty() && !OF_ANSWERS.contains(&name)
    });
    let (Some(one), None) = (asked.next(), asked.next()) else { return None };
    // A plus sign stands for a blank in a search, as in any form.
    let value = one.strip_prefix("identifier=")?.replace('+', " ");
    let value = percent_decode_str(&value).decode_utf8().ok()?;
    let [one] = parts(&value, ',')[..] else { return None };
    let number = Number::parse(one);
    (!number.value.is_empty()).then_some(number)
}

/// What stands between the signs that have no backslash before them.
#[must_use]
pub fn parts(text: &str, sign: char) -> Vec<&str> {
    let (mut parts, mut from, mut is_escaped) = (Vec::new(), 0, false);
    for (at, one) in text.char_indices() {
        if one == sign && !is_escaped {
            parts.push(&text[from..at]);
            from = at + one.len_utf8();
        }
        is_escaped = one == '\\' && !is_escaped;
    }
    parts.push(&text[from..]);
    parts
}

/// A part without the backslashes that stand before signs.
fn plain(part: &str) -> String {
    let (mut plain, mut signs) = (String::with_capacity(part.len()), part.chars().peekable());
    while let Some(one) = signs.next() {
        let stands_for = signs.next_if(|next| one == '\\' && ['\\', ',', '|', '$'].contains(next));
        plain.push(stands_for.unwrap_or(one));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_by_number_is_read_in_the_forms_that_systems_send() {
        for query in [
            "identifier=https://x.org/r|7",
            "ServiceRequest?identifier=https://x.org/r|7",
            "?identifier=https://x.org/r|7",
            "https://x.org/fhir/ServiceRequest?identifier=https://x.org/r|7",
            "identifier=https%3A%2F%2Fx.org%2fr%7C7",
            "_format=json&identifier=https://x.org/r%7c7",
        ] {
            let found = searched(query, "ServiceRequest").expect("a number");
            assert_eq!((found.borne().system, found.borne().value), ("https://x.org/r", "7"), "{query}");
        }
        for (query, system, value) in [
            ("identifier=7", None, "7"),
            ("identifier=7+%C3%A9", None, "7 é"),
            ("identifier=7%2B8", None, "7+8"),
            ("identifier=7%", None, "7%"),
            ("identifier= s | 7 ", Some("s"), "7"),
            ("identifier=%20s%7C7%20", Some("s"), "7"),
            ("identifier=7%20", None, "7"),
            ("identifier=|7", Some(""), "7"),
            ("identifier=s|E\\,1", Some("s"), "E,1"),
            ("identifier=s|E%5C%2C1", Some("s"), "E,1"),
            ("identifier=s|a?b", Some("s"), "a?b"),
        ] {
            let expected = Number { system: system.map(str::to_owned), value: value.to_owned() };
            assert_eq!(searched(query, "ServiceRequest"), Some(expected), "{query}");
        }
    }

    #[test]
    fn what_asks_for_more_or_less_than_one_number_is_none() {
        for query in [
            "identifier=%FF",
            "identifier=x%7C",
            "name=7",
            "identifier=x|",
            "",
            "identifier=s|A,s|B",
            "identifier=s|A&identifier=s|B",
            "identifier=s|A&status=active",
            "identifier:of-type=s|A",
            "identifier=%20",
            "Patient?identifier=s|A",
            "https://x.org/fhir/Patient?identifier=s|A",
        ] {
            assert_eq!(searched(query, "ServiceRequest"), None, "{query}");
        }
    }
}
