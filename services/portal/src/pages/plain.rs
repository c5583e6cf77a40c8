//! Pages of plain text: privacy, language help, and what a center adds.
//!
//! They can be printed and need no script. Deliberately not here: legal texts of a center, which are its own.

use askama::Template;

use super::PublicFrame;
use crate::words::PlainWords;

/// A page of plain text.
#[derive(Debug, Template)]
#[template(path = "plain.html")]
pub struct PlainPage {
    /// Around the page.
    pub frame: PublicFrame,
    /// Title and heading.
    pub heading: String,
    /// The sections.
    pub sections: Vec<PlainSection>,
}

/// A section of plain text.
#[derive(Clone, Debug)]
pub struct PlainSection {
    /// Its heading.
    pub heading: String,
    /// Its paragraphs.
    pub paragraphs: Vec<String>,
    /// The language of this section when it differs from the page's.
    pub language: Option<String>,
}

impl PlainPage {
    /// How details are used and protected; `own` are sections that the center adds.
    pub fn privacy(frame: PublicFrame, own: Vec<PlainSection>) -> Self {
        Self::of(&frame.words.privacy, frame, own)
    }

    /// Language help; `own` are notices in further languages, each written by a qualified person.
    pub fn language_help(frame: PublicFrame, own: Vec<PlainSection>) -> Self {
        Self::of(&frame.words.language_help, frame, own)
    }

    fn of(words: &PlainWords, frame: PublicFrame, own: Vec<PlainSection>) -> Self {
        let ours = words.sections.iter().map(|(heading, paragraphs)| PlainSection {
            heading: (*heading).to_owned(),
            paragraphs: paragraphs.iter().map(|text| (*text).to_owned()).collect(),
            language: None,
        });
        PlainPage { heading: words.heading.to_owned(), sections: ours.chain(own).collect(), frame }
    }
}
