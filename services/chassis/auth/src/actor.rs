//! Who acts: a person of the staff, a service, a patient by a signed link, or an operator.
//!
//! An actor travels inside a signed token, so that the service at the end of a chain of calls decides on, and writes down, the person
//! who started it. A patient's actor carries the inquiry's id and never a name.
//!
//! Deliberately not here: what an actor may do (policy).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of actor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// A person who works at a center.
    Staff,
    /// One of our services, on its own account.
    Service,
    /// Somebody who holds a signed link to an inquiry.
    Patient,
    /// A person who runs the installation.
    Operator,
}

impl ActorKind {
    /// The word used in the audit log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Service => "service",
            Self::Patient => "patient",
            Self::Operator => "operator",
        }
    }
}

/// What a person is there to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Works the queue: calls, notes, checklists.
    Coordinator,
    /// Offers and books dates.
    Scheduler,
    /// Reviews records before booking (triage).
    Reviewer,
    /// Works the trial team's queue.
    TrialCoordinator,
    /// Leads intake: rules, re-routing, quality.
    Manager,
    /// Reads the audit log and scores inquiries.
    Auditor,
    /// Reads figures that name nobody.
    Analyst,
    /// Runs the installation.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 8] = [
        Self::Coordinator,
        Self::Scheduler,
        Self::Reviewer,
        Self::TrialCoordinator,
        Self::Manager,
        Self::Auditor,
        Self::Analyst,
        Self::Operator,
    ];

    /// The word used in configuration, tokens and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Scheduler => "scheduler",
            Self::Reviewer => "reviewer",
            Self::TrialCoordinator => "trial-coordinator",
            Self::Manager => "manager",
            Self::Auditor => "auditor",
            Self::Analyst => "analyst",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Somebody or something that asks for an action.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// What kind it is.
    pub kind: ActorKind,
    /// Who it is: the provider's `sub`, a service's name, or an inquiry's id.
    pub id: String,
    /// How staff see it; empty for a patient.
    pub name: String,
    /// The one center it acts in; none for services and operators.
    pub center: Option<String>,
    /// What it is there to do.
    pub roles: Vec<Role>,
}

impl Actor {
    /// A person of a center's staff.
    pub fn staff(
        id: impl Into<String>,
        name: impl Into<String>,
        center: impl Into<String>,
        roles: impl Into<Vec<Role>>,
    ) -> Self {
        Self {
            kind: ActorKind::Staff,
            id: id.into(),
            name: name.into(),
            center: Some(center.into()),
            roles: roles.into(),
        }
    }

    /// One of our services, on its own account.
    pub fn service(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { kind: ActorKind::Service, id: name.clone(), name, center: None, roles: Vec::new() }
    }

    /// The holder of a signed link to an inquiry.
    pub fn patient(inquiry: impl Into<String>, center: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::Patient,
            id: inquiry.into(),
            name: String::new(),
            center: Some(center.into()),
            roles: Vec::new(),
        }
    }

    /// A person who runs the installation.
    pub fn operator(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: ActorKind::Operator, id: id.into(), name: name.into(), center: None, roles: vec![Role::Operator] }
    }

    /// Whether it has a role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Kind and id are enough to find somebody; the name stays out of logs.
impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.kind.word(), self.id)
    }
}
