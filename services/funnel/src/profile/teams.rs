//! programs.toml and teams.toml: what a center treats, who works it, and where to send what it does not treat.

use serde::{Deserialize, Serialize};

use super::center::Hours;
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
    /// Which inquiries; none: those alone for which a reviewer chooses it.
    #[serde(default)]
    pub fits: Option<Fits>,
    /// Whether somebody of the staff approves each answer before it goes out; else it goes out at once.
    #[serde(default = "yes")]
    pub approve: bool,
    /// What to tell.
    pub words: Words,
    /// Where to go instead.
    #[serde(rename = "place", default)]
    pub places: Vec<Place>,
}

const fn yes() -> bool {
    true
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
    /// The team's lead, who hears when a response target is missed: a staff id.
    pub escalate_to: String,
    /// Languages in which the team promises to answer, at every hour at which it is open; none: the center's first.
    #[serde(default)]
    pub languages: Vec<String>,
    /// Its own hours, where they differ from those of the site and the center.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Open minutes after which work that nobody has touched goes to somebody else; nothing: it stays.
    #[serde(default)]
    pub untouched_minutes: Option<u32>,
    /// After so many of these moves the lead gets it.
    #[serde(default = "usual_moves")]
    pub moves_to_lead: u16,
    /// Who hears that a first contact is about to be late or is late, the earliest first; none: see [`Team::escalation`].
    #[serde(default, rename = "escalation")]
    levels: Vec<EscalationLevel>,
    /// Who hears that a review of records is about to be late or is late, the earliest first; none: see [`Team::review_escalation`].
    #[serde(default, rename = "review_escalation")]
    review_levels: Vec<EscalationLevel>,
}

const fn usual_moves() -> u16 {
    2
}

/// A level of escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationLevel {
    /// When, relative to the due time.
    pub at: AroundDue,
    /// Who hears of it.
    pub to: EscalateTo,
}

/// Open minutes before (`"-30"`) or after (`"+60"`) a due time; `"0"` is the due time itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AroundDue(pub i32);

/// Further from the due time than this, in open minutes, is a slip of the pen.
const FURTHEST: i32 = 60 * 24 * 20;

impl TryFrom<String> for AroundDue {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minutes: Option<i32> = text.parse().ok();
        minutes.filter(|minutes| minutes.abs() <= FURTHEST).map(Self).ok_or_else(|| {
            format!("\"{text}\" is no number of open minutes around a due time; use such as \"-30\", \"0\" or \"+60\"")
        })
    }
}

impl From<AroundDue> for String {
    fn from(around: AroundDue) -> Self {
        format!("{:+}", around.0)
    }
}

/// Who hears of what is about to be late or is late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EscalateTo {
    /// Who works it; where nobody does, the lead.
    Owner,
    /// The team's lead.
    Lead,
    /// Every intake manager.
    Manager,
    /// All of another team.
    Team(String),
}

impl TryFrom<String> for EscalateTo {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match (text.as_str(), text.strip_prefix("team:")) {
            ("owner", _) => Ok(Self::Owner),
            ("lead", _) => Ok(Self::Lead),
            ("manager", _) => Ok(Self::Manager),
            (_, Some(team)) => Ok(Self::Team(team.to_owned())),
            _ => Err(format!("\"{text}\" is nobody to escalate to; use owner, lead, manager or team:<id>")),
        }
    }
}

impl From<EscalateTo> for String {
    fn from(to: EscalateTo) -> Self {
        match to {
            EscalateTo::Owner => "owner".to_owned(),
            EscalateTo::Lead => "lead".to_owned(),
            EscalateTo::Manager => "manager".to_owned(),
            EscalateTo::Team(team) => format!("team:{team}"),
        }
    }
}

impl Team {
    /// The levels of escalation, the earliest first. A team that names none has two, both at the due time: its owner and its lead.
    #[must_use]
    pub fn escalation(&self) -> &[EscalationLevel] {
        const USUAL: &[EscalationLevel] = &[
            EscalationLevel { at: AroundDue(0), to: EscalateTo::Owner },
            EscalationLevel { at: AroundDue(0), to: EscalateTo::Lead },
        ];
        if self.levels.is_empty() { USUAL } else { &self.levels }
    }

    /// The same of a review of records. A team that names none has two: its lead when the review is late, and every intake manager four
    /// open hours later.
    #[must_use]
    pub fn review_escalation(&self) -> &[EscalationLevel] {
        const USUAL: &[EscalationLevel] = &[
            EscalationLevel { at: AroundDue(0), to: EscalateTo::Lead },
            EscalationLevel { at: AroundDue(240), to: EscalateTo::Manager },
        ];
        if self.review_levels.is_empty() { USUAL } else { &self.review_levels }
    }
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
    /// What they know beyond their role, as rows of the routing table ask for it.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Open inquiries that they hold at once, at most; nothing: no limit.
    #[serde(default)]
    pub capacity: Option<u16>,
    /// When they are on duty, weekday by weekday; nothing: whenever the center is open.
    #[serde(default)]
    pub shifts: Option<Hours>,
}

impl Staff {
    /// Whether new inquiries are given to them: who coordinates, for patients or for trials. Reviewers, schedulers and managers
    /// are in a team for what they do later on.
    #[must_use]
    pub fn answers_inquiries(&self) -> bool {
        self.roles.iter().any(|role| matches!(role, StaffRole::Coordinator | StaffRole::TrialCoordinator))
    }
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
