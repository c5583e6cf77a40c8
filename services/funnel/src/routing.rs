//! The routing table: the first row that fits an inquiry says which team gets it, where, and how fast.
//!
//! A table is a spreadsheet that an intake manager can read. It is compiled to one set of rows for each value of a condition,
//! so deciding is a handful of `and` operations for 64 rows at once and a what-if run over years of inquiries takes seconds.
//! Before it goes live it is proved for the whole space of values ([`prove`]).
//!
//! Questions about clinical trials go to a trial team whatever else a row says (R2): rows of other teams never match them.
//!
//! Deliberately not here: who in the team gets it, and the response clock.

mod cell;
mod cover;
mod index;
mod proof;
mod space;
mod table;

use std::str::FromStr;
use std::sync::Arc;

use crate::distance::DistanceBand;
use crate::inquiry::{AgeBand, CancerArea, ConsultType, Facts, Payer, RecordsOnHand, Source, Urgency};
use crate::words::vocabulary;

pub use proof::prove;
use space::Point;
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
        Age = "age", "age", "edad", "âge";
        DistanceKm = "distance_km", "distance", "distancia", "distance";
        Attribution = "attribution", "campaign", "campaña", "campagne";
        NearestSite = "nearest_site", "nearest site", "sede más cercana", "site le plus proche";
        TrialTeam = "trial_team", "trial questions go to the trial team", "los estudios van a su equipo", "les essais vont à leur équipe";
    }
}

impl Condition {
    /// Whether its values are names of the center, so that an inquiry may say another one or none.
    const fn is_named(self) -> bool {
        matches!(self, Self::Site | Self::Language | Self::ReferringOffice | Self::Attribution | Self::NearestSite)
    }

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
                Self::Age => label(word, |one: AgeBand| one.label(language)),
                Self::DistanceKm => label(word, |one: DistanceBand| one.label(language)),
                Self::Site | Self::Language | Self::ReferringOffice | Self::Attribution | Self::NearestSite => None,
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
    /// What whoever answers must know beyond their role.
    pub skills: Arc<[String]>,
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

/// Decides by the first row that fits. A table without a gap ([`prove`]) always has one; of any other its last row takes what
/// is left, so that nobody is lost.
#[must_use]
pub fn decide(table: &Table, facts: &Facts) -> Decision {
    let place = first(table, &table.space.point(facts));
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
        skills: row.skills.clone(),
    }
}

fn first(table: &Table, point: &Point) -> usize {
    table.index.first(point).unwrap_or(table.rows.len() - 1)
}

/// For each row before the one that takes an inquiry, in order, the first of its conditions that did not fit.
#[must_use]
pub fn passed(table: &Table, facts: &Facts) -> Vec<Condition> {
    let point = table.space.point(facts);
    let matched = first(table, &point);
    let why = |row: usize| {
        let failed = table.first_failing(row, &point)?;
        let trial = Condition::ALL[failed] == Condition::ConsultType
            && table.rows[row].trial_withheld
            && facts.consult_type == ConsultType::ClinicalTrial;
        Some(if trial { Condition::TrialTeam } else { Condition::ALL[failed] })
    };
    (0..matched).map_while(why).collect()
}

/// The same with the rows.
#[must_use]
pub fn explain(table: &Table, facts: &Facts) -> Vec<Passed> {
    let named = |(row, condition)| Passed { row, name: table.rows[row].name.clone(), condition };
    passed(table, facts).into_iter().enumerate().map(named).collect()
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "proof_tests.rs"]
mod proof_tests;
