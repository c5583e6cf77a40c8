//! Pages that tell of something that did not work, and what to do now.
//!
//! They name no code and blame nobody. A patient always gets the phone number of a person. Deliberately not here: a
//! form with wrong answers, which comes back as itself with a summary.

use askama::Template;

use super::{HiddenField, PublicFrame, StaffFrame};

/// A public page about something that did not work.
#[derive(Debug, Template)]
#[template(path = "trouble.html")]
pub struct TroublePage {
    /// Around the page.
    pub frame: PublicFrame,
    /// The heading.
    pub heading: String,
    /// The text before the phone number.
    pub before_phone: String,
    /// The text after the phone number.
    pub after_phone: String,
    /// A sentence of its own, before the one with the phone number.
    pub first: Option<String>,
    /// A button: where it posts to, what it says and which answers it sends again.
    pub retry: Option<(String, String, Vec<HiddenField>)>,
}

impl TroublePage {
    /// There is no such page (404).
    pub fn missing(frame: PublicFrame) -> Self {
        let words = &frame.words.trouble;
        Self::plain(words.missing, words.missing_text, frame)
    }

    /// A form was sent too often (429); the button sends `answers` to `action` once more.
    pub fn busy(frame: PublicFrame, action: String, answers: Vec<HiddenField>) -> Self {
        let words = &frame.words.trouble;
        let retry = Some((action, words.try_again.to_owned(), answers));
        TroublePage { retry, ..Self::plain(words.busy, words.busy_text, frame) }
    }

    /// A part that the page needs does not answer (503).
    pub fn away(frame: PublicFrame) -> Self {
        let words = &frame.words.trouble;
        Self::plain(words.away, words.away_text, frame)
    }

    /// Nothing could be saved (503); the button sends `answers` to `action` once more.
    pub fn unsaved(frame: PublicFrame, action: String, answers: Vec<HiddenField>) -> Self {
        let words = &frame.words.trouble;
        let retry = Some((action, words.try_again.to_owned(), answers));
        TroublePage { retry, ..Self::plain(words.unsaved, words.unsaved_text, frame) }
    }

    /// The signed link has ended (410). When a phone is on file, a button posts to `action` and sends a new link to it.
    pub fn ended(frame: PublicFrame, new_link: Option<(String, String)>) -> Self {
        let words = &frame.words.trouble;
        let page = Self::plain(words.ended, words.ended_call, frame);
        match new_link {
            None => page,
            Some((action, phone_end)) => TroublePage {
                first: Some(crate::words::Words::fill(words.ended_new, &phone_end)),
                retry: Some((action, words.send_link.to_owned(), Vec::new())),
                ..page
            },
        }
    }

    fn plain(heading: &str, text: crate::words::Around, frame: PublicFrame) -> Self {
        TroublePage {
            frame,
            heading: heading.to_owned(),
            before_phone: text.0.to_owned(),
            after_phone: text.1.to_owned(),
            first: None,
            retry: None,
        }
    }
}

/// A staff page about something that did not work, such as a page that this role may not open.
#[derive(Debug, Template)]
#[template(path = "staff_trouble.html")]
pub struct StaffTroublePage {
    /// Around the page.
    pub frame: StaffFrame,
    /// What did not work.
    pub heading: String,
    /// Why, and what to do now.
    pub text: String,
    /// Where to go from here.
    pub back_url: String,
    /// What the link says.
    pub back_label: String,
}
