//! The centers at which a person has a role, to choose the one to work in.
//!
//! Deliberately not here: anything of the centers beyond their names.

use askama::Template;

use super::StaffFrame;

/// The choice of a center.
#[derive(Debug, Template)]
#[template(path = "center.html")]
pub struct CenterPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// The person's centers; the form posts `center` to `/sign-in/center`.
    pub centers: Vec<OwnCenter>,
    /// Where to go afterwards; a path of this site.
    pub next: String,
}

/// A center at which the person has a role.
#[derive(Clone, Debug)]
pub struct OwnCenter {
    /// What is sent.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What the person is there.
    pub roles: String,
    /// Whether they work in it now.
    pub current: bool,
}
