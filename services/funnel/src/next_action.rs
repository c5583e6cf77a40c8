//! What to do next about an inquiry, and by when.
//!
//! Every open inquiry has a next action and a due time, computed from where it stands; nothing can be open and forgotten.
//! Deliberately not here: who does it (team and owner are the desk's) and reminders to patients (cadences).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::booking::BookWhen;
use crate::calendar::Calendar;
use crate::stage::{Stage, Standing};
use crate::words::vocabulary;

vocabulary! {
    /// The next thing that staff do about an inquiry.
    NextAction ("next action") {
        #[default]
        AwaitRouting = "await_routing", "Being routed to a team", "En asignación a un equipo", "En cours d'attribution";
        FirstContact = "first_contact", "Make first contact", "Hacer el primer contacto", "Prendre le premier contact";
        CallBack = "call_back", "Call back: nobody answered the call", "Devolver la llamada: nadie contestó", "Rappeler : personne n'a répondu";
        TryAgain = "try_again", "Try again to reach them", "Intentar de nuevo el contacto", "Réessayer de joindre";
        CompleteIntake = "complete_intake", "Complete the intake note", "Completar la nota de admisión", "Compléter la note d'accueil";
        GatherRecords = "gather_records", "Gather the missing records", "Reunir los documentos que faltan", "Réunir les documents manquants";
        ReviewRecords = "review_records", "Review the records", "Revisar el expediente", "Relire les documents";
        OfferDates = "offer_dates", "Offer dates", "Ofrecer fechas", "Proposer des dates";
        AwaitVisit = "await_visit", "Visit is booked", "La cita está dada", "Rendez-vous pris";
        ConfirmAttendance = "confirm_attendance", "Confirm whether the visit took place", "Confirmar si hubo consulta", "Confirmer la venue";
        FollowUpNoShow = "follow_up_no_show", "Call about the missed visit", "Llamar por la cita no realizada", "Appeler au sujet du rendez-vous manqué";
        Nothing = "nothing", "Nothing to do", "Nada pendiente", "Rien à faire";
    }
}

/// What the next action depends on, beyond the stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Situation {
    /// Where the inquiry stands.
    pub standing: Standing,
    /// It began with a call that nobody answered.
    pub missed_call: bool,
    /// Contact attempts so far, reached or not.
    pub attempts: u32,
    /// The booking rule that applies.
    pub book_when: BookWhen,
    /// A reviewer has accepted the records.
    pub records_reviewed: bool,
    /// Start of the booked visit or of the agreed step.
    pub visit_at: Option<Timestamp>,
}

/// How long each action may take, in open minutes; set by each center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targets {
    /// A second try after one that failed.
    pub try_again_minutes: u32,
    /// Completing the note after contact.
    pub complete_intake_minutes: u32,
    /// Checking on missing records.
    pub gather_records_minutes: u32,
    /// Reviewing records.
    pub review_records_minutes: u32,
    /// Offering dates.
    pub offer_dates_minutes: u32,
    /// Confirming attendance after the visit's start.
    pub confirm_attendance_minutes: u32,
    /// Calling after a missed visit.
    pub follow_up_no_show_minutes: u32,
    /// Contact attempts before an inquiry may be closed as unreachable.
    pub attempts_before_unreachable: u32,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            try_again_minutes: 480,
            complete_intake_minutes: 480,
            gather_records_minutes: 1440,
            review_records_minutes: 960,
            offer_dates_minutes: 240,
            confirm_attendance_minutes: 480,
            follow_up_no_show_minutes: 240,
            attempts_before_unreachable: 3,
        }
    }
}

/// The next action by where an inquiry stands.
#[must_use]
pub fn next_action(situation: &Situation, now: Timestamp) -> NextAction {
    let standing = &situation.standing;
    match standing.stage {
        Stage::Closed | Stage::Attended => NextAction::Nothing,
        Stage::Scheduled if situation.visit_at.is_some_and(|at| at <= now) => NextAction::ConfirmAttendance,
        Stage::Scheduled => NextAction::AwaitVisit,
        _ if standing.no_show => NextAction::FollowUpNoShow,
        Stage::Received => NextAction::AwaitRouting,
        Stage::Routed if situation.attempts == 0 && situation.missed_call => NextAction::CallBack,
        Stage::Routed if situation.attempts == 0 => NextAction::FirstContact,
        Stage::Routed => NextAction::TryAgain,
        Stage::Contacted => NextAction::CompleteIntake,
        Stage::IntakeComplete | Stage::RecordsReady => match situation.book_when {
            BookWhen::BookAtOnce => NextAction::OfferDates,
            _ if !standing.records_complete => NextAction::GatherRecords,
            BookWhen::WaitForReview if !situation.records_reviewed => NextAction::ReviewRecords,
            _ => NextAction::OfferDates,
        },
    }
}

/// When the action is due. Every action but [`NextAction::Nothing`] has a due time.
///
/// `since` is when this action became the next one; `first_contact_due` comes from the routing decision.
#[must_use]
pub fn due(
    action: NextAction,
    situation: &Situation,
    since: Timestamp,
    first_contact_due: Timestamp,
    calendar: &Calendar,
    targets: &Targets,
) -> Option<Timestamp> {
    let within = |minutes| Some(calendar.add_business(since, minutes));
    match action {
        NextAction::Nothing => None,
        // Routing takes seconds; one that is still waiting after a quarter of an hour needs a look.
        NextAction::AwaitRouting => since.checked_add(SignedDuration::from_mins(15)).ok().or(Some(since)),
        NextAction::FirstContact | NextAction::CallBack => Some(first_contact_due),
        NextAction::TryAgain => within(targets.try_again_minutes),
        NextAction::CompleteIntake => within(targets.complete_intake_minutes),
        NextAction::GatherRecords => within(targets.gather_records_minutes),
        NextAction::ReviewRecords => within(targets.review_records_minutes),
        NextAction::OfferDates => within(targets.offer_dates_minutes),
        NextAction::AwaitVisit => situation.visit_at.or_else(|| within(targets.offer_dates_minutes)),
        NextAction::ConfirmAttendance => {
            Some(calendar.add_business(situation.visit_at.unwrap_or(since), targets.confirm_attendance_minutes))
        }
        NextAction::FollowUpNoShow => within(targets.follow_up_no_show_minutes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Interval;
    use jiff::civil::Weekday;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn standing(stage: Stage) -> Situation {
        Situation { standing: Standing { stage, ..Standing::default() }, ..Situation::default() }
    }

    #[test]
    fn every_open_stage_has_a_next_action_with_a_due_time_and_every_ended_one_has_none() {
        let calendar = Calendar::new("America/Chicago")
            .unwrap()
            .with_hours(Weekday::Monday, Interval::parse("08:00-17:00").unwrap());
        let now = at("2026-03-02T15:00:00Z");
        for stage in Stage::ALL {
            for no_show in [false, true] {
                for book_when in BookWhen::ALL {
                    let mut situation = Situation { book_when: *book_when, ..standing(*stage) };
                    situation.standing.no_show = no_show;
                    let action = next_action(&situation, now);
                    let due = due(action, &situation, now, now, &calendar, &Targets::default());
                    let ended = matches!(stage, Stage::Closed | Stage::Attended);
                    assert_eq!(action == NextAction::Nothing, ended, "{stage}");
                    assert_eq!(due.is_none(), ended, "{stage}");
                }
            }
        }
    }

    #[test]
    fn what_comes_after_the_call_depends_on_the_booking_rule() {
        let now = at("2026-03-02T15:00:00Z");
        let mut situation = standing(Stage::IntakeComplete);
        assert_eq!(next_action(&situation, now), NextAction::OfferDates);
        situation.book_when = BookWhen::WaitForReview;
        assert_eq!(next_action(&situation, now), NextAction::GatherRecords);
        (situation.standing.stage, situation.standing.records_complete) = (Stage::RecordsReady, true);
        assert_eq!(next_action(&situation, now), NextAction::ReviewRecords);
        situation.records_reviewed = true;
        assert_eq!(next_action(&situation, now), NextAction::OfferDates);
    }

    #[test]
    fn a_first_try_that_failed_is_followed_by_another_and_a_past_visit_by_a_check() {
        let now = at("2026-03-02T15:00:00Z");
        let tried = Situation { attempts: 1, ..standing(Stage::Routed) };
        assert_eq!(next_action(&standing(Stage::Routed), now), NextAction::FirstContact);
        assert_eq!(next_action(&tried, now), NextAction::TryAgain);
        let missed = Situation { missed_call: true, ..standing(Stage::Routed) };
        assert_eq!(next_action(&missed, now), NextAction::CallBack);
        let called_back = Situation { attempts: 1, ..missed };
        assert_eq!(next_action(&called_back, now), NextAction::TryAgain);
        let visited = Situation { visit_at: Some(at("2026-03-02T14:00:00Z")), ..standing(Stage::Scheduled) };
        assert_eq!(next_action(&visited, now), NextAction::ConfirmAttendance);
        assert_eq!(next_action(&visited, at("2026-03-02T13:00:00Z")), NextAction::AwaitVisit);
    }
}
