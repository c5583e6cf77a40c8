//! A letter that asks an office or a hospital for records: to print, fax or read out. It leaves us on paper alone.
//!
//! Deliberately not here: that they were asked, and when; the checklist keeps that.

use askama::Template;

use super::{Fact, StaffFrame};

/// The letter.
#[derive(Debug, Template)]
#[template(path = "letter.html")]
pub struct LetterPage {
    /// Around the page; it is not printed.
    pub frame: StaffFrame,
    /// The request number.
    pub reference: String,
    /// The inquiry's address.
    pub back: String,
    /// Who asks.
    pub center: String,
    /// Where they are.
    pub address: String,
    /// Whom to call.
    pub phone: String,
    /// Where to fax the records to.
    pub fax: Option<String>,
    /// "Friday, March 5, 2027".
    pub day: String,
    /// "Referring office".
    pub to: String,
    /// How that office is reached, as far as it is known.
    pub to_lines: Vec<Fact>,
    /// Whose records; empty where nobody has noted it, and then there is no letter.
    pub patient: String,
    /// Where that is noted, for who may.
    pub mend_url: Option<String>,
    /// Their birth date; empty where it is not known.
    pub birth_date: String,
    /// What is asked for.
    pub papers: Vec<String>,
}
