//! The staff sign-in page: one button to the center's identity provider.
//!
//! In development it lists the staff of the demo centers instead, each with a button. Deliberately not here: a
//! password field; Causeway never sees a password.

use askama::Template;

use crate::assets::PageAssets;

/// The staff sign-in page.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Addresses of the style sheet and the scripts.
    pub assets: PageAssets,
    /// Why the last try did not work, or that the session ended.
    pub notice: Option<String>,
    /// Where the identity provider's button posts to; none when there is no provider.
    pub provider_action: Option<String>,
    /// The name of the identity provider, such as "Harbor Valley account".
    pub provider_name: String,
    /// Token that every form sends back.
    pub csrf: String,
    /// Where to go after sign-in; a path of this site.
    pub next: String,
    /// Staff to choose from, in development only; the button posts `person` to `/sign-in/development`.
    pub people: Vec<DevelopmentPerson>,
}

/// A staff member of a demo center.
#[derive(Clone, Debug)]
pub struct DevelopmentPerson {
    /// What is sent.
    pub id: String,
    /// Name.
    pub name: String,
    /// Role and team, such as "Intake coordinator, GI team".
    pub role: String,
    /// The center's name.
    pub center: String,
}
