//! A fault in a center's profile: where it is, what is wrong, and what to do about it.
//!
//! A profile is written by people who are not programmers, so each fault names file and line and ends with a remedy, and
//! all faults are told at once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that keeps a profile from being applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// Path inside the profile.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// An inquiry that shows it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl Fault {
    /// The same with an inquiry that shows it, in words.
    #[must_use]
    pub fn such_as(self, example: impl Into<String>) -> Self {
        Self { example: Some(example.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.what, self.remedy)?;
        self.example.as_ref().map_or(Ok(()), |example| write!(f, " (for example {example})"))
    }
}

/// One file of a profile, as the place that faults point into.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Path inside the profile.
    pub file: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

impl Place<'_> {
    /// A fault at a line.
    #[must_use]
    pub fn at(&self, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault { file: self.file.to_owned(), line, what: what.into(), remedy: remedy.into(), example: None }
    }

    /// A fault at the first line that holds `"needle"` in quotes, else that holds it at all, else at the first line.
    #[must_use]
    pub fn near(&self, needle: &str, what: impl Into<String>, remedy: impl Into<String>) -> Fault {
        self.at(self.line_of(needle), what, remedy)
    }

    /// The line on which a byte offset lies.
    #[must_use]
    pub fn line_at(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    fn line_of(&self, needle: &str) -> usize {
        let quoted = format!("\"{needle}\"");
        let offset = self.text.find(&quoted).or_else(|| self.text.find(needle)).unwrap_or(0);
        self.line_at(offset)
    }
}

/// Reads TOML, turning what the parser says into a fault with file and line.
pub(crate) fn read_toml<T: serde::de::DeserializeOwned>(place: Place<'_>, faults: &mut Vec<Fault>) -> Option<T> {
    match toml::from_str(place.text) {
        Ok(value) => Some(value),
        Err(error) => {
            let line = error.span().map_or(1, |span| place.line_at(span.start));
            faults.push(place.at(
                line,
                error.message().replace('\n', " "),
                "correct this entry; see the same file of a demo center",
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_points_at_the_line_and_tells_the_remedy() {
        let place = Place { file: "teams.toml", text: "a = 1\nteam = \"north\"\n" };
        let fault = place.near("north", "team \"north\" has no staff", "add a [[staff]] entry");
        assert_eq!(fault.to_string(), "teams.toml:2: team \"north\" has no staff; add a [[staff]] entry");
    }

    #[test]
    fn what_the_toml_parser_says_becomes_a_fault() {
        let mut faults = Vec::new();
        let read: Option<toml::Table> = read_toml(Place { file: "center.toml", text: "a = 1\nb = \n" }, &mut faults);
        assert!(read.is_none());
        assert_eq!((faults[0].file.as_str(), faults[0].line), ("center.toml", 2));
    }
}
