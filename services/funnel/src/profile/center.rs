//! center.toml: who the center is, where and when it is open, how it presents itself.

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::campaigns::Campaigns;
use crate::booking::Day;
use crate::distance::Degrees;
use crate::holiday::Holiday;
use crate::next_action::Targets;
use crate::sister::Sisters;
use crate::words::Words;

/// Weekly hours as written: weekday to openings like `08:00-12:00`.
pub type Hours = BTreeMap<Day, Vec<String>>;

/// All of center.toml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Center {
    /// Slug, as in addresses and subjects.
    pub id: String,
    /// Full name.
    pub name: String,
    /// Discreet name for subject lines, texts and voice mail: never says cancer or a clinic type.
    pub short_name: String,
    /// Prefix of request numbers.
    pub prefix: String,
    /// IANA zone.
    pub time_zone: String,
    /// Region of phone numbers without country code.
    pub default_region: String,
    /// Languages, the first being the default.
    pub languages: Vec<String>,
    /// Whether sister centers of this installation that say the same are told that a person has also asked here, and since
    /// which month. Nothing else is told.
    #[serde(default)]
    pub share_recognition: bool,
    /// Sister centers that inquiries are handed to and taken from.
    #[serde(default)]
    pub sisters: Sisters,
    /// Origins of the web sites whose pages may send the center's forms from a browser, as `https://www.example.org`.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// How to reach the center.
    pub contact: Contact,
    /// What to do in an emergency.
    pub emergency: Words,
    /// Opening times.
    pub hours: Hours,
    /// Holidays by rule.
    #[serde(default)]
    pub holidays: Vec<Holiday>,
    /// Single closed dates.
    #[serde(default)]
    pub closed: Vec<ClosedDay>,
    /// Sites.
    #[serde(rename = "site", default)]
    pub sites: Vec<Site>,
    /// Colours.
    pub theme: Theme,
    /// The words of links that the center knows.
    #[serde(default)]
    pub attribution: Campaigns,
    /// Times for staff's next actions.
    #[serde(default)]
    pub targets: Targets,
    /// Rules for messages.
    pub messages: Messages,
}

/// How to reach the center.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Main phone, as printed.
    pub phone: String,
    /// Number that calls come from, as printed.
    pub calls_from: String,
    /// Fax, as printed.
    pub fax: String,
    /// Public e-mail address.
    pub email: String,
    /// Postal address.
    pub address: String,
}

/// One closed date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedDay {
    /// The date.
    pub date: Date,
    /// Why.
    pub name: String,
}

/// One site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Slug.
    pub id: String,
    /// Discreet name.
    pub name: String,
    /// Street and city.
    pub address: String,
    /// Phone, as printed.
    pub phone: String,
    /// Where it is, in degrees; north and east are positive. Both or none.
    #[serde(default)]
    pub latitude: Option<Degrees>,
    /// See the latitude.
    #[serde(default)]
    pub longitude: Option<Degrees>,
    /// How to get there and where to park.
    #[serde(default)]
    pub directions: Words,
    /// Its own hours, where they differ from the center's.
    #[serde(default)]
    pub hours: Option<Hours>,
}

/// Colours of the public pages. Text on `brand` and `brand_dark` is white.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// Main colour, `#rrggbb`.
    pub brand: String,
    /// Darker variant.
    pub brand_dark: String,
    /// Pale variant for backgrounds.
    pub brand_soft: String,
}

/// Rules for messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// No texts or calls within these hours of the recipient's day.
    pub quiet: QuietHours,
    /// Sender address of e-mail.
    pub from_email: String,
    /// Sender number of texts, E.164.
    pub from_phone: String,
}

/// Hours of the recipient's day in which nothing rings; they may cross midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// First quiet minute.
    pub from: Time,
    /// First minute that is no longer quiet.
    pub to: Time,
}

impl QuietHours {
    /// Whether nothing may ring at this time of the recipient's day.
    #[must_use]
    pub fn covers(&self, local: Time) -> bool {
        if self.from <= self.to { self.from <= local && local < self.to } else { local >= self.from || local < self.to }
    }
}

impl Theme {
    /// Names of the colours that white text can't be read on (contrast under 4.5), or that are no colours.
    #[must_use]
    pub fn unreadable(&self) -> Vec<&'static str> {
        let on_white_text = [("brand", &self.brand), ("brand_dark", &self.brand_dark)];
        let mut names: Vec<&'static str> = on_white_text
            .into_iter()
            .filter(|(_, colour)| luminance(colour).is_none_or(|own| 1.05 / (own + 0.05) < 4.5))
            .map(|(name, _)| name)
            .collect();
        // Dark ink (#18242d) is written on the pale one.
        let ink = luminance("#18242d").unwrap_or(0.0);
        if luminance(&self.brand_soft).is_none_or(|own| (own + 0.05) / (ink + 0.05) < 4.5) {
            names.push("brand_soft");
        }
        names
    }
}

/// Relative luminance as WCAG defines it.
fn luminance(colour: &str) -> Option<f64> {
    let bytes = hex::decode(colour.strip_prefix('#')?).ok().filter(|bytes| bytes.len() == 3)?;
    let linear = |byte: u8| {
        let part = f64::from(byte) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    Some(0.2126 * linear(bytes[0]) + 0.7152 * linear(bytes[1]) + 0.0722 * linear(bytes[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_may_cross_midnight() {
        let quiet = QuietHours { from: "20:00".parse().unwrap(), to: "08:00".parse().unwrap() };
        assert!(quiet.covers("23:30".parse().unwrap()) && quiet.covers("07:59".parse().unwrap()));
        assert!(!quiet.covers("08:00".parse().unwrap()) && !quiet.covers("19:59".parse().unwrap()));
    }

    #[test]
    fn a_colour_on_which_white_cannot_be_read_is_named() {
        let theme =
            |brand: &str| Theme { brand: brand.into(), brand_dark: "#083f4a".into(), brand_soft: "#e3f0f2".into() };
        assert!(theme("#0b5563").unreadable().is_empty());
        assert_eq!(theme("#7fd0dd").unreadable(), ["brand"]);
        assert_eq!(theme("teal").unreadable(), ["brand"]);
    }
}
