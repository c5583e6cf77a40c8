//! The pages that lead to a form: the centers of this installation, and the forms of a center.
//!
//! Deliberately not here: what a center says about itself; that is its own web site.

use askama::Template;

use super::PublicFrame;
use crate::{assets::PageAssets, words::Words};

/// A page of no center: the list of centers, or an address that leads nowhere.
#[derive(Debug, Template)]
#[template(path = "front.html")]
pub struct FrontPage {
    /// Addresses of the style sheet and the icon.
    pub assets: PageAssets,
    /// The page's language.
    pub words: &'static Words,
    /// Title and heading.
    pub heading: String,
    /// A sentence below it.
    pub text: Option<String>,
    /// Name and address of each center.
    pub centers: Vec<(String, String)>,
}

/// The forms of a center.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// Around the page.
    pub frame: PublicFrame,
    /// Title and address of each form.
    pub forms: Vec<(String, String)>,
}
