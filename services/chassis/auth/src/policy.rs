//! The matrix of roles and actions: one place that says who may do what, in which center.
//!
//! It is a table and not code spread over handlers, so that a person can read it and a test can walk through all of it. No row, no
//! action. A center is compared before a role, because another tenant's manager is a stranger.
//!
//! Deliberately not here: whether an action makes sense at this moment (the services' domain) and its record (audit).

use thiserror::Error;

use crate::actor::{Actor, ActorKind, Role};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal: $roles:expr, $kinds:expr;)+) => {
        /// Everything that somebody may be allowed to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word used in the audit log and in refusals.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The roles of staff and operators that may do it.
            pub fn roles(self) -> &'static [Role] {
                use Role::*;
                match self { $(Self::$name => $roles,)+ }
            }

            /// The kinds of actor that may do it without a role.
            pub fn kinds(self) -> &'static [ActorKind] {
                use ActorKind::*;
                match self { $(Self::$name => $kinds,)+ }
            }
        }
    };
}

actions! {
    /// See a team's worklist and an inquiry's timeline, without the person.
    ViewWorklist = "view worklist": &[Coordinator, Scheduler, Reviewer, TrialCoordinator, Manager, Auditor], &[Service];
    /// Claim, release, hand over; attempts, notes, checklists.
    WorkInquiry = "work inquiry": &[Coordinator, Scheduler, Reviewer, TrialCoordinator, Manager], &[Service];
    /// Take down an inquiry by phone.
    EnterInquiry = "enter inquiry": &[Coordinator, Scheduler, TrialCoordinator, Manager], &[Service];
    /// Repair a received answer, link or unlink a duplicate.
    RepairInquiry = "repair inquiry": &[Coordinator, TrialCoordinator, Manager], &[Service];
    /// Read who the person is and how to reach them.
    ReadPerson = "read person": &[Coordinator, Scheduler, Reviewer, TrialCoordinator, Manager, Auditor], &[Service];
    /// Open a document.
    ReadDocument = "read document": &[Coordinator, Reviewer, TrialCoordinator, Manager, Auditor], &[Service];
    /// Add a document to an inquiry.
    AddDocument = "add document": &[Coordinator, Scheduler, Reviewer, TrialCoordinator, Manager], &[Service, Patient];
    /// Accept or refuse records, decide triage.
    ReviewRecords = "review records": &[Reviewer, Manager], &[];
    /// Do without a record that the checklist asks for.
    WaiveRecord = "waive record": &[Reviewer, Manager], &[];
    /// Offer, hold, book, move and cancel appointments.
    BookAppointment = "book appointment": &[Coordinator, Scheduler, TrialCoordinator, Manager], &[Service, Patient];
    /// Close or reopen an inquiry with a reason.
    CloseInquiry = "close inquiry": &[Coordinator, Scheduler, TrialCoordinator, Manager], &[Service];
    /// Let the response clock of an inquiry stand still, and run on.
    PauseClock = "pause clock": &[Coordinator, Scheduler, TrialCoordinator, Manager], &[];
    /// Close a center, a site or a team on short notice, and end or take that back.
    ChangeClosures = "change closures": &[Manager], &[];
    /// Send an inquiry to another team with a reason.
    Reroute = "reroute": &[Coordinator, Reviewer, TrialCoordinator, Manager], &[Service];
    /// Hand an inquiry, and with it the person, to a sister center.
    HandToCenter = "hand to center": &[Coordinator, TrialCoordinator, Manager], &[];
    /// Give an inquiry to another person.
    Reassign = "reassign": &[Manager], &[Service];
    /// Change channel, language, quiet hours or consent.
    ChangeConsent = "change consent": &[Coordinator, Scheduler, TrialCoordinator, Manager], &[Service, Patient];
    /// Send a message by hand.
    SendNotice = "send notice": &[Coordinator, Scheduler, TrialCoordinator, Manager], &[Service];
    /// See one's own inquiry: what happens next, and when.
    ViewOwnInquiry = "view own inquiry": &[], &[Service, Patient];
    /// Score an inquiry against a checklist.
    ScoreInquiry = "score inquiry": &[Manager, Auditor], &[];
    /// See what audits of quality show of one's own work.
    ViewOwnQuality = "view own quality": &[Coordinator, Scheduler, Reviewer, TrialCoordinator, Manager], &[];
    /// See figures that name nobody.
    ViewFunnel = "view funnel": &[Manager, Auditor, Analyst, Operator], &[Service];
    /// See how partners' feeds send, and what they are known by.
    ViewFeeds = "view feeds": &[Manager, Auditor, Operator], &[Service];
    /// Take the review pack as a file, import page visits and spend.
    ExportFigures = "export figures": &[Manager, Analyst], &[];
    /// Check, apply and roll back a center's profile.
    ChangeProfile = "change profile": &[Manager, Operator], &[];
    /// Explain a route and try a table on past inquiries.
    TryRouting = "try routing": &[Coordinator, Manager, Analyst, Operator], &[Service];
    /// Read the audit log.
    ReadAuditLog = "read audit log": &[Auditor, Operator], &[];
    /// List and replay what is parked, reconcile, rebuild a read model.
    Operate = "operate": &[Operator], &[];
    /// Erase a person by policy or on request.
    ErasePerson = "erase person": &[Manager], &[];
}

/// An action was not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} '{id}' may not {} in center '{center}': {reason}", kind.word(), action.word())]
pub struct Refused {
    /// What kind of actor asked.
    pub kind: ActorKind,
    /// Who asked.
    pub id: String,
    /// For what.
    pub action: Action,
    /// Where.
    pub center: String,
    /// Why not, and what would be needed.
    pub reason: String,
}

/// Whether an actor may do something in a center.
pub fn may(actor: &Actor, action: Action, center: &str) -> Result<(), Refused> {
    let reason = if !belongs(actor, center) {
        Some("it belongs to another center; sign in there".to_owned())
    } else if action.kinds().contains(&actor.kind) || holds_role(actor, action) {
        None
    } else {
        Some(missing(action))
    };
    reason.map_or(Ok(()), |reason| {
        Err(Refused { kind: actor.kind, id: actor.id.clone(), action, center: center.to_owned(), reason })
    })
}

/// Services and operators stand above centers; people and patients belong to exactly one.
fn belongs(actor: &Actor, center: &str) -> bool {
    match actor.kind {
        ActorKind::Service | ActorKind::Operator => true,
        ActorKind::Staff | ActorKind::Patient => actor.center.as_deref() == Some(center),
    }
}

/// Only people hold roles; an operator's other roles count for nothing, because it stands above centers.
fn holds_role(actor: &Actor, action: Action) -> bool {
    match actor.kind {
        ActorKind::Staff => action.roles().iter().any(|role| actor.has(*role)),
        ActorKind::Operator => action.roles().contains(&Role::Operator),
        ActorKind::Service | ActorKind::Patient => false,
    }
}

fn missing(action: Action) -> String {
    let roles: Vec<&str> = action.roles().iter().map(|role| role.word()).collect();
    if roles.is_empty() {
        "no role of staff allows it".to_owned()
    } else {
        format!("it needs one of the roles {}", roles.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staff(role: Role) -> Actor {
        Actor::staff("u1", "Sam", "north", vec![role])
    }

    #[test]
    fn another_centers_staff_may_do_nothing_here() {
        for role in Role::ALL {
            for action in Action::ALL {
                assert!(may(&staff(role), *action, "south").is_err(), "{role} {action:?}");
            }
        }
    }

    #[test]
    fn a_role_may_do_exactly_what_its_rows_say() {
        for role in Role::ALL {
            for action in Action::ALL {
                let allowed = may(&staff(role), *action, "north").is_ok();
                assert_eq!(allowed, action.roles().contains(&role), "{role} {action:?}");
            }
        }
    }

    #[test]
    fn whoever_sees_only_figures_or_machines_never_sees_a_person() {
        let operator = Actor::operator("ops", "Ops");
        for action in [Action::ReadPerson, Action::ReadDocument] {
            assert!(may(&staff(Role::Analyst), action, "north").is_err());
            assert!(may(&staff(Role::Operator), action, "north").is_err());
            assert!(may(&operator, action, "north").is_err());
        }
        assert!(may(&operator, Action::Operate, "north").is_ok());
    }

    #[test]
    fn a_patient_may_only_touch_their_own_inquirys_center_and_four_things() {
        let patient = Actor::patient("0198", "north");
        let allowed: Vec<Action> =
            Action::ALL.iter().copied().filter(|action| may(&patient, *action, "north").is_ok()).collect();
        assert_eq!(
            allowed,
            [Action::AddDocument, Action::BookAppointment, Action::ChangeConsent, Action::ViewOwnInquiry]
        );
        assert!(may(&patient, Action::ViewOwnInquiry, "south").is_err());
    }

    #[test]
    fn judgement_is_left_to_people() {
        let service = Actor::service("routing");
        for action in [Action::ReviewRecords, Action::WaiveRecord, Action::ScoreInquiry, Action::ErasePerson] {
            assert!(may(&service, action, "north").is_err(), "{action:?}");
        }
        assert!(may(&service, Action::ReadPerson, "north").is_ok());
    }

    #[test]
    fn a_refusal_names_who_what_where_and_the_roles_needed() {
        let text = may(&staff(Role::Analyst), Action::ReviewRecords, "north").expect_err("refused").to_string();
        assert_eq!(
            text,
            "staff 'u1' may not review records in center 'north': it needs one of the roles reviewer, manager"
        );
        assert!(!text.contains("Sam"));
    }
}
