//! The page after the form was sent: what happens next, by when, and what to gather.
//!
//! It can be opened again by the signed link, so it never repeats what the person wrote about their health.
//! Once somebody was in touch it says how far the request is instead of a time that has passed. Deliberately not here: what the
//! person can do about it, which is on their own page.

use askama::Template;

use super::{PublicFrame, Stone};

/// The page after the form was sent.
#[derive(Debug, Template)]
#[template(path = "done.html")]
pub struct DonePage {
    /// Around the page.
    pub frame: PublicFrame,
    /// The request number.
    pub reference: String,
    /// By when a person answers, as said in the page's language; none while it can't be computed, and once it has passed.
    pub by: Option<String>,
    /// How far it is, once somebody was in touch and nobody is about to call.
    pub standing: Option<String>,
    /// The path once somebody was in touch; before that the page tells what is ahead.
    pub stones: Vec<Stone>,
    /// Whether the person chose calls; otherwise we write.
    pub by_phone: bool,
    /// Whether the center was closed when the inquiry came in, and still is.
    pub after_hours: bool,
    /// Which message was sent and where to, such as "We sent a text to the number ending in 42."
    pub sent: Option<String>,
    /// When the inquiry came in, as said in the page's language.
    pub received: String,
    /// The number that calls come from.
    pub call_from: String,
    /// The papers this kind of visit needs.
    pub papers: Vec<Paper>,
    /// Where files can be sent; none while they can't.
    pub upload_url: Option<String>,
    /// The fax number.
    pub fax: Option<String>,
    /// The patient's own page by signed link, such as `/p/{token}`; none before the link exists.
    pub own_url: Option<String>,
}

/// A paper to gather.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Its plain name, such as "Biopsy report".
    pub name: String,
    /// Where to find it and what else it may be called.
    pub where_to_find: String,
}
