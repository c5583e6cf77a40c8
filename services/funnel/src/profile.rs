//! A center's profile: everything that differs between centers, as data, checked as a whole.
//!
//! A profile is a bundle of text files. Reading one either gives a complete, consistent [`Profile`] or the full list of
//! faults; there is no half-read profile, so a service can apply a new revision without asking further questions.
//!
//! Deliberately not here: reading directories, storing revisions, telling services about them.

mod bundle;
pub mod campaigns;
mod center;
mod check;
mod check_audits;
mod check_feeds;
mod check_forms;
mod check_routing;
mod check_texts;
mod feeds;
mod hl7_mapping;
mod lint;
mod mapping;
mod phone;
mod read;
mod teams;
mod template;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::booking::BookingRules;
use crate::cadence::Cadences;
use crate::calendar::Calendar;
use crate::distance::Places;
use crate::fault::Fault;
use crate::form::Form;
use crate::inquiry::{CancerArea, ConsultType};
use crate::intake::NoteDefinition;
use crate::quality_audit::QualityAudits;
use crate::records::Checklists;
use crate::routing::Table;
use crate::script::Scripts;

pub use bundle::{Bundle, NotABundle};
pub use campaigns::Campaigns;
pub use center::{Center, ClosedDay, Contact, Hours, Messages, QuietHours, Site, Theme};
pub use feeds::{Expect, Feed, FeedKind, Feeds, FhirRules, Hl7Reply, Retention, StatusReport, StatusReportKind};
pub use hl7_mapping::{Hl7Field, Hl7Mapping, Hl7Path, NoPath, UnknownCode};
pub use lint::{FORBIDDEN_PHRASES, HEALTH_WORDS, forbidden_phrase, health_word};
pub use mapping::{CsvField, CsvMapping, DateOrder, plain_header};
pub use phone::{CallQueue, PhoneMapping};
pub use teams::{
    AroundDue, Assignment, EscalateTo, EscalationLevel, OutOfScope, Place, Program, Programs, Staff, StaffRole, Team,
    Teams,
};
pub use template::{NEXT_STEP_MARK, Template};

/// A checked profile of one center.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The revision it was read from.
    pub revision: String,
    /// center.toml.
    pub center: Center,
    /// programs.toml.
    pub programs: Programs,
    /// teams.toml.
    pub teams: Teams,
    /// routing.csv.
    pub routing: Table,
    /// places.csv; a center without it knows nobody's distance.
    pub places: Places,
    /// forms/*.toml by id.
    pub forms: BTreeMap<String, Form>,
    /// scripts/*.md.
    pub scripts: Scripts,
    /// records.toml.
    pub checklists: Checklists,
    /// intake.toml.
    pub note: NoteDefinition,
    /// booking.toml.
    pub booking: BookingRules,
    /// cadences.toml.
    pub cadences: Cadences,
    /// feeds.toml.
    pub feeds: Feeds,
    /// audits.toml; a center without it audits nothing.
    pub audits: QualityAudits,
    /// retention.toml.
    pub retention: Retention,
    /// Files of `templates/`, by language and name.
    pub templates: BTreeMap<(String, String), Template>,
    calendar: Calendar,
    site_calendars: BTreeMap<String, Calendar>,
    shifts: BTreeMap<String, Calendar>,
    team_calendars: BTreeMap<String, Calendar>,
}

impl Profile {
    /// Reads and checks a profile.
    ///
    /// # Errors
    /// Every fault that was found, in the order of files and lines.
    pub fn from_bundle(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        match read::profile(bundle) {
            (Some(profile), faults) if faults.is_empty() => Ok(profile),
            (_, faults) => Err(faults),
        }
    }

    /// Reads a profile that was put in force once, with a word on its faults. An earlier release may have let through what
    /// this one would not; a center whose doors are shut for that would lose people, so whoever has nothing better serves it.
    ///
    /// # Errors
    /// Why no profile can be made of it.
    pub fn from_stored(bytes: &[u8]) -> Result<(Self, Option<String>), String> {
        let bundle = Bundle::from_bytes(bytes).map_err(|cause| cause.to_string())?;
        let (profile, faults) = read::profile(&bundle);
        let told = faults.first().map(|first| match faults.len() {
            1 => first.to_string(),
            several => format!("{several} faults, the first: {first}"),
        });
        match profile {
            Some(profile) => Ok((profile, told)),
            None => Err(told.unwrap_or_default()),
        }
    }

    /// Opening times of a site, or of the center where the site has none of its own.
    #[must_use]
    pub fn calendar(&self, site: Option<&str>) -> &Calendar {
        site.and_then(|site| self.site_calendars.get(site)).unwrap_or(&self.calendar)
    }

    /// When a member of staff is on duty: their shifts, or the center's opening times where they have none.
    #[must_use]
    pub fn duty(&self, staff: &str) -> &Calendar {
        self.shifts.get(staff).unwrap_or(&self.calendar)
    }

    /// Opening times of a team at a site: the team's own where it has any, else those of the site.
    #[must_use]
    pub fn team_calendar(&self, team: &str, site: Option<&str>) -> &Calendar {
        self.team_calendars.get(team).unwrap_or_else(|| self.calendar(site))
    }

    /// The center's zone.
    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        self.calendar.zone()
    }

    /// A form by id.
    #[must_use]
    pub fn form(&self, id: &str) -> Option<&Form> {
        self.forms.get(id)
    }

    /// A message template by name, in `language` or else in the center's first language.
    #[must_use]
    pub fn template(&self, language: &str, name: &str) -> Option<&Template> {
        let find = |language: &str| self.templates.get(&(language.to_owned(), name.to_owned()));
        find(language).or_else(|| find(self.default_language()))
    }

    /// A team by id.
    #[must_use]
    pub fn team(&self, id: &str) -> Option<&Team> {
        self.teams.teams.iter().find(|team| team.id == id)
    }

    /// The people of a team.
    pub fn staff_of<'a>(&'a self, team: &'a str) -> impl Iterator<Item = &'a Staff> {
        self.teams.staff.iter().filter(move |staff| staff.teams.iter().any(|member| member == team))
    }

    /// A member of staff by id.
    #[must_use]
    pub fn staff(&self, id: &str) -> Option<&Staff> {
        self.teams.staff.iter().find(|staff| staff.id == id)
    }

    /// A site by id.
    #[must_use]
    pub fn site(&self, id: &str) -> Option<&Site> {
        self.center.sites.iter().find(|site| site.id == id)
    }

    /// A program by id.
    #[must_use]
    pub fn program(&self, id: &str) -> Option<&Program> {
        self.programs.programs.iter().find(|program| program.id == id)
    }

    /// A partner office's feed by id.
    #[must_use]
    pub fn feed(&self, id: &str) -> Option<&Feed> {
        self.feeds.feeds.iter().find(|feed| feed.id == id)
    }

    /// What to tell about an inquiry that this center does not treat; nothing if it does.
    #[must_use]
    pub fn out_of_scope(&self, consult: ConsultType, area: CancerArea) -> Option<&OutOfScope> {
        let fits = |entry: &&OutOfScope| entry.fits.as_ref().is_some_and(|fits| fits.matches(consult, area));
        self.programs.out_of_scope.iter().find(fits)
    }

    /// What to tell where an entry of programs.toml has taken an inquiry out of scope.
    #[must_use]
    pub fn out_of_scope_entry(&self, id: &str) -> Option<&OutOfScope> {
        self.programs.out_of_scope.iter().find(|entry| entry.id == id)
    }

    /// The center's first language.
    #[must_use]
    pub fn default_language(&self) -> &str {
        self.center.languages.first().map_or("en", String::as_str)
    }

    /// The language of the center that a tag asks for (BCP 47): `es` for `es-MX`.
    #[must_use]
    pub fn language(&self, tag: &str) -> Option<&str> {
        let offers = |wanted: &str| self.center.languages.iter().find(|offer| offer.eq_ignore_ascii_case(wanted));
        offers(tag).or_else(|| offers(tag.split(['-', '_']).next()?)).map(String::as_str)
    }

    /// The language of the center that a tag asks for, else its first one.
    #[must_use]
    pub fn language_or_default(&self, tag: &str) -> &str {
        self.language(tag).unwrap_or_else(|| self.default_language())
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
pub(crate) mod tests;
