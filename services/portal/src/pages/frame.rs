//! What every page has around it: head, top bar, side column and foot.
//!
//! Public pages say it in the reader's language and name the center's phone at the same place on each page
//! (consistent help); staff pages have the bar with the parts of the console. Deliberately not here: page content.

use crate::{assets::PageAssets, words::Words};

/// Around a public page.
#[derive(Clone, Debug)]
pub struct PublicFrame {
    /// The page's language.
    pub words: &'static Words,
    /// Addresses of the style sheet, the script and the font, from [`crate::assets::Assets::public`].
    pub assets: PageAssets,
    /// The center's name.
    pub center_name: String,
    /// Where the wordmark leads, such as `/harbor-valley`.
    pub home_url: String,
    /// The center's phone number as people write it.
    pub phone: String,
    /// When the phone is answered, such as "Monday to Friday, 8 am to 6 pm".
    pub hours: String,
    /// The relay number for people who can't hear, such as "711".
    pub tty: Option<String>,
    /// The same page in the center's other languages.
    pub languages: Vec<LanguageLink>,
    /// Address of the privacy page.
    pub privacy_url: String,
    /// Address of the language help page.
    pub language_url: String,
}

impl PublicFrame {
    /// The phone number as a link: digits and the leading plus only.
    pub fn phone_link(&self) -> String {
        phone_link(&self.phone)
    }
}

/// A `tel:` address for a number as people write it.
pub fn phone_link(number: &str) -> String {
    let digits: String = number.chars().filter(|sign| sign.is_ascii_digit() || *sign == '+').collect();
    format!("tel:{digits}")
}

/// The same page in another language.
#[derive(Clone, Debug)]
pub struct LanguageLink {
    /// Language code, such as `es`.
    pub code: String,
    /// The language's name in itself.
    pub name: String,
    /// Address of the page in that language.
    pub url: String,
}

/// Around a staff page.
#[derive(Clone, Debug)]
pub struct StaffFrame {
    /// Addresses of the style sheet and the scripts, from [`crate::assets::Assets::console`].
    pub assets: PageAssets,
    /// The center's name.
    pub center_name: String,
    /// The signed-in person's name.
    pub staff_name: String,
    /// The parts of the console that this person may open.
    pub nav: Vec<NavLink>,
    /// Whether the person has a role at another center too.
    pub has_other_centers: bool,
    /// Token that every form sends back; ties the form to the session.
    pub csrf: String,
    /// What the last action did, or why it did not work.
    pub flash: Option<Flash>,
}

/// A part of the console in the top bar.
#[derive(Clone, Debug)]
pub struct NavLink {
    /// Its name.
    pub label: String,
    /// Its address.
    pub url: String,
    /// How much waits there.
    pub count: Option<i64>,
    /// Whether it is the one that is open.
    pub current: bool,
}

/// What the last action did.
#[derive(Clone, Debug)]
pub struct Flash {
    /// The sentence.
    pub text: String,
    /// Good news or a refusal.
    pub tone: Tone,
}

/// The meaning of a tag or message. The word beside it says the same, so colour is never alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Just a fact.
    #[default]
    Idle,
    /// In progress or chosen.
    Brand,
    /// Done, here, fine.
    Ok,
    /// Somebody should look at it.
    Warn,
    /// Late, failed or refused.
    Bad,
}

impl Tone {
    /// The class in the style sheet.
    pub fn class(&self) -> &'static str {
        match self {
            Tone::Idle => "idle",
            Tone::Brand => "brand",
            Tone::Ok => "ok",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }
}

/// A field that travels with a form and is not shown.
#[derive(Clone, Debug)]
pub struct HiddenField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A line of a select.
#[derive(Clone, Debug)]
pub struct SelectOption {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// Whether it is the chosen one.
    pub selected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_becomes_a_link_without_its_spaces() {
        assert_eq!(phone_link("+1 (206) 555-0140"), "tel:+12065550140");
    }
}
