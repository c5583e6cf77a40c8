//! One made-up value of every page, for the checks of the markup and for looking at the pages in a browser.
//!
//! The people and places are invented. The patient's name is one word that appears nowhere else, so that a check can
//! look for it in titles and addresses.

mod audits;
mod calls;
mod closures;
mod feeds;
mod funnel;
mod inquiry;
mod public;
mod repairs;
mod routing;
mod staff;
mod teams;

use crate::{
    assets::Assets,
    pages::{LanguageLink, NavLink, PublicFrame, StaffFrame},
    words::{LANGUAGES, Words},
};
use askama::Template;

/// The invented patient's name.
pub const PATIENT: &str = "Quillsworth";

/// A rendered page with its name, and whether it is a public one.
pub struct Rendered {
    pub name: String,
    pub public: bool,
    pub html: String,
}

/// The files that the samples link to; the font and htmx too when `ASSETS_DIR` names their folder.
pub fn assets() -> Assets {
    let folder = std::env::var_os("ASSETS_DIR").map(std::path::PathBuf::from);
    Assets::load(folder.as_deref()).expect("the assets can be read")
}

pub fn public_frame(words: &'static Words) -> PublicFrame {
    let others = LANGUAGES.into_iter().filter(|other| other.code != words.code);
    PublicFrame {
        words,
        assets: assets().public("harbor-valley"),
        center_name: "Harbor Valley Cancer Center".to_owned(),
        home_url: "/harbor-valley".to_owned(),
        phone: "555-0140".to_owned(),
        hours: "Monday to Friday, 8 am to 6 pm".to_owned(),
        tty: Some("711".to_owned()),
        languages: others
            .map(|other| LanguageLink {
                code: other.code.to_owned(),
                name: other.own_name.to_owned(),
                url: format!("?lang={}", other.code),
            })
            .collect(),
        privacy_url: "/harbor-valley/privacy".to_owned(),
        language_url: "/harbor-valley/language-help".to_owned(),
    }
}

pub fn staff_frame(current: &str) -> StaffFrame {
    let nav = [("Worklist", "/worklist", None), ("Repairs", "/repairs", Some(3)), ("Funnel", "/funnel", None)];
    StaffFrame {
        assets: assets().console("harbor-valley"),
        center_name: "Harbor Valley".to_owned(),
        staff_name: "Dana Okafor".to_owned(),
        nav: nav
            .into_iter()
            .map(|(label, url, count)| NavLink {
                label: label.to_owned(),
                url: url.to_owned(),
                count,
                current: label == current,
            })
            .collect(),
        has_other_centers: true,
        csrf: "c5rf".to_owned(),
        flash: None,
    }
}

fn rendered(name: &str, public: bool, page: &impl Template) -> Rendered {
    let html = page.render().unwrap_or_else(|fault| panic!("{name} does not render: {fault}"));
    Rendered { name: name.to_owned(), public, html }
}

/// Every page, in every language and state that changes its markup.
pub fn all() -> Vec<Rendered> {
    let mut pages: Vec<Rendered> = LANGUAGES.into_iter().flat_map(public::pages).collect();
    pages.extend(staff::pages());
    pages
}
