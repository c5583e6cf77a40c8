//! programs.toml and teams.toml: what a center treats, who works it, and where to send what it does not treat.

use serde::{Deserialize, Serialize};

use crate::booking::Fits;
use crate::inquiry::CancerArea;
use crate::words::{Words, vocabulary};

vocabulary! {
    /// How an inquiry gets an owner inside a team.
    Assignment ("assignment") {
        #[default]
        RoundRobin = "round_robin", "In turn", "Por turno", "À tour de rôle";
        LeastLoaded = "least_loaded", "Who has least", "Quien tiene menos", "Le moins chargé";
        Language = "language", "Who speaks the language", "Quien habla el idioma", "Qui parle la langue";
    }
}

vocabulary! {
    /// What a member of staff does.
    StaffRole ("staff role") {
        #[default]
        Coordinator = "coordinator", "Intake coordinator", "Coordinación de admisión", "Coordination de l'accueil";
        Scheduler = "scheduler", "Scheduler", "Programación de citas", "Planification";
        Reviewer = "reviewer", "Records reviewer", "Revisión de expedientes", "Relecture des documents";
        TrialCoordinator = "trial_coordinator", "Trial coordinator", "Coordinación de estudios", "Coordination des essais";
        Manager = "manager", "Intake manager", "Dirección de admisión", "Direction de l'accueil";
        Auditor = "auditor", "Auditor", "Auditoría", "Audit";
        Analyst = "analyst", "Analyst", "Análisis", "Analyse";
        Operator = "operator", "Operator", "Operación", "Exploitation";
    }
}

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Slug.
    pub id: String,
    /// Name.
    pub name: Words,
    /// What it treats.
    #[serde(default)]
    pub cancer_areas: Vec<CancerArea>,
    /// Where.
    pub sites: Vec<String>,
}

/// A place to go instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Name.
    pub name: String,
    /// Phone, as printed.
    pub phone: String,
}

/// What this center does not treat, and the documented answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutOfScope {
    /// Name, for counting.
    pub id: String,
    /// Which inquiries.
    pub fits: Fits,
    /// What to tell.
    pub words: Words,
    /// Where to go instead.
    #[serde(rename = "place", default)]
    pub places: Vec<Place>,
}

/// All of programs.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programs {
    /// Programs.
    #[serde(rename = "program", default)]
    pub programs: Vec<Program>,
    /// What is not treated here.
    #[serde(default)]
    pub out_of_scope: Vec<OutOfScope>,
}

/// One team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Slug.
    pub id: String,
    /// Name for staff and for "who calls you".
    pub name: Words,
    /// Whether it answers trial questions.
    #[serde(default)]
    pub trial: bool,
    /// How an inquiry gets an owner.
    #[serde(default)]
    pub assignment: Assignment,
    /// Who hears when a response target is missed: a staff id.
    pub escalate_to: String,
}

/// One member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staff {
    /// Slug, also the name used to sign in during development.
    pub id: String,
    /// Full name.
    pub name: String,
    /// Work e-mail address, by which sign-in finds them.
    pub email: String,
    /// What they do.
    pub roles: Vec<StaffRole>,
    /// Teams they work in.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Languages they speak with patients.
    pub languages: Vec<String>,
}

/// All of teams.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// Teams.
    #[serde(rename = "team", default)]
    pub teams: Vec<Team>,
    /// People.
    #[serde(default)]
    pub staff: Vec<Staff>,
}
