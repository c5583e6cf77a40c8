//! The routing table: the first row that fits an inquiry says which team gets it, where, and how fast.
//!
//! A table is a spreadsheet that an intake manager can read. It is compiled to one bit set per condition, so deciding is a
//! handful of `and` operations per row and a what-if run over years of inquiries takes seconds.
//!
//! Questions about clinical trials go to a trial team whatever else a row says (R2): rows of other teams never match them.
//!
//! Deliberately not here: who in the team gets it, and the response clock.

mod table;

use std::str::FromStr;
use std::sync::Arc;

use crate::inquiry::{CancerArea, ConsultType, Facts, Payer, RecordsOnHand, Source, Urgency};
use crate::words::vocabulary;

pub use table::{Known, Row, Table};

vocabulary! {
    /// How pressing a routed inquiry is for the team.
    Priority ("priority") {
        Urgent = "urgent", "Urgent", "Urgente", "Urgent";
        High = "high", "High", "Alta", "Haute";
        #[default]
        Normal = "normal", "Normal", "Normal", "Normale";
        Low = "low", "Low", "Baja", "Basse";
    }
}

vocabulary! {
    /// A condition of a row.
    Condition ("condition") {
        #[default]
        CancerArea = "cancer_area", "cancer area", "zona del cáncer", "zone du cancer";
        ConsultType = "consult_type", "consult type", "tipo de consulta", "type de consultation";
        Site = "site", "site preference", "sede preferida", "site préféré";
        Language = "language", "language", "idioma", "langue";
        Payer = "payer", "payer", "cobertura", "prise en charge";
        Records = "records", "records on hand", "documentos disponibles", "documents disponibles";
        Urgency = "urgency", "urgency", "urgencia", "urgence";
        ReferringOffice = "referring_office", "referring office", "consultorio que deriva", "cabinet adresseur";
        Source = "source", "source", "origen", "origine";
        TrialTeam = "trial_team", "trial questions go to the trial team", "los estudios van a su equipo", "les essais vont à leur équipe";
    }
}

impl Condition {
    /// A cell or a value of this column in words, such as “Second opinion” for `second_opinion`; a word that is none of the
    /// list, such as an office's id, stays as it is.
    #[must_use]
    pub fn words(self, cell: &str, language: &str) -> String {
        fn label<T: FromStr>(word: &str, label: impl Fn(T) -> &'static str) -> Option<&'static str> {
            word.parse().ok().map(label)
        }
        let one = |word: &str| {
            let known = match self {
                Self::CancerArea => label(word, |one: CancerArea| one.label(language)),
                Self::ConsultType | Self::TrialTeam => label(word, |one: ConsultType| one.label(language)),
                Self::Payer => label(word, |one: Payer| one.label(language)),
                Self::Records => label(word, |one: RecordsOnHand| one.label(language)),
                Self::Urgency => label(word, |one: Urgency| one.label(language)),
                Self::Source => label(word, |one: Source| one.label(language)),
                Self::Site | Self::Language | Self::ReferringOffice => None,
            };
            format!("“{}”", known.unwrap_or(word))
        };
        cell.split('|').map(one).collect::<Vec<_>>().join(" or ")
    }
}

/// Where an inquiry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Place of the matching row, counted from 0.
    pub row: usize,
    /// The row's own name (its first column).
    pub name: Arc<str>,
    /// Program id.
    pub program: Arc<str>,
    /// Team id.
    pub team: Arc<str>,
    /// Site id that the row sends to; nothing leaves the person's own preference.
    pub site: Option<Arc<str>>,
    /// How pressing.
    pub priority: Priority,
    /// First contact is due within so many open minutes.
    pub target_minutes: u32,
    /// Call script id.
    pub script: Arc<str>,
}

/// A row that was passed over, and the first of its conditions that did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Place of the row, counted from 0.
    pub row: usize,
    /// The row's own name.
    pub name: Arc<str>,
    /// What did not fit.
    pub condition: Condition,
}

/// The facts of an inquiry as one bit per condition.
type Bits = [u64; 9];

fn bits_of(table: &Table, facts: &Facts) -> Bits {
    [
        facts.cancer_area.bit(),
        facts.consult_type.bit(),
        table.sites.bit(facts.site_preference.as_deref()),
        table.languages.bit(Some(&facts.language)),
        facts.payer.bit(),
        facts.records_on_hand.bit(),
        facts.urgency.bit(),
        table.offices.bit(facts.referring_office.as_deref()),
        facts.source.bit(),
    ]
}

/// Decides by the first row that fits. A table that was read by [`Table::parse`] always has one.
#[must_use]
pub fn decide(table: &Table, facts: &Facts) -> Decision {
    let bits = bits_of(table, facts);
    let place = table.rows.iter().position(|row| row.matches(&bits)).unwrap_or(table.rows.len() - 1);
    let row = &table.rows[place];
    Decision {
        row: place,
        name: row.name.clone(),
        program: row.program.clone(),
        team: row.team.clone(),
        site: row.to_site.clone(),
        priority: row.priority,
        target_minutes: row.target_minutes,
        script: row.script.clone(),
    }
}

/// Why each row before the matching one did not fit.
#[must_use]
pub fn explain(table: &Table, facts: &Facts) -> Vec<Passed> {
    let bits = bits_of(table, facts);
    let matched = table.rows.iter().position(|row| row.matches(&bits)).unwrap_or(table.rows.len());
    table.rows[..matched]
        .iter()
        .enumerate()
        .filter_map(|(place, row)| {
            let failed = row.first_failing(&bits)?;
            let trial = Condition::ALL[failed] == Condition::ConsultType
                && row.trial_withheld
                && facts.consult_type == ConsultType::ClinicalTrial;
            let condition = if trial { Condition::TrialTeam } else { Condition::ALL[failed] };
            Some(Passed { row: place, name: row.name.clone(), condition })
        })
        .collect()
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
