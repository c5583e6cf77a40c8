//! What to do next about an inquiry, and by when.
//!
//! Every open inquiry has a next action and a due time, computed from where it stands; nothing can be open and forgotten.
//! Deliberately not here: who does it (team and owner are the desk's) and reminders to patients (cadences).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::booking::BookWhen;
use crate::calendar::Calendar;
use crate::scope::ScopeState;
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
        AllTriesMade = "all_tries_made", "All tries made: close it, or try once more", "Todos los intentos hechos: cierre o intente una vez más", "Tous les essais faits : clore, ou réessayer une fois";
        CompleteIntake = "complete_intake", "Complete the intake note", "Completar la nota de admisión", "Compléter la note d'accueil";
        GatherRecords = "gather_records", "Gather the missing records", "Reunir los documentos que faltan", "Réunir les documents manquants";
        ReviewRecords = "review_records", "Review the records", "Revisar el expediente", "Relire les documents";
        OfferDates = "offer_dates", "Offer dates", "Ofrecer fechas", "Proposer des dates";
        AwaitVisit = "await_visit", "Visit is booked", "La cita está dada", "Rendez-vous pris";
        ConfirmAttendance = "confirm_attendance", "Confirm whether the visit took place", "Confirmar si hubo consulta", "Confirmer la venue";
        AwaitNextStep = "await_next_step", "Next step agreed", "Próximo paso acordado", "Prochaine étape convenue";
        ConfirmNextStep = "confirm_next_step", "Say what became of the agreed step", "Indicar qué pasó con el paso acordado", "Dire ce qu'est devenue l'étape convenue";
        FollowUpMissedStep = "follow_up_missed_step", "Call about the agreed step that did not come about", "Llamar por el paso acordado que no se realizó", "Appeler au sujet de l'étape qui n'a pas eu lieu";
        FollowUpNoShow = "follow_up_no_show", "Call about the missed visit", "Llamar por la cita no realizada", "Appeler au sujet du rendez-vous manqué";
        ApproveReferral = "approve_referral", "Approve the referral elsewhere", "Aprobar la orientación a otro lugar", "Approuver l'orientation ailleurs";
        AwaitReferral = "await_referral", "The message where to go instead is on its way", "El mensaje de adónde ir va en camino", "Le message d'orientation est en route";
        TellReferral = "tell_referral", "Say by phone where to go instead, then close", "Decir por teléfono adónde ir y cerrar", "Dire par téléphone où aller, puis clore";
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
    /// After so many without a contact a person decides whether to go on; 0: after any number.
    pub enough_attempts: u32,
    /// The booking rule that applies.
    pub book_when: BookWhen,
    /// A reviewer has accepted the records.
    pub records_reviewed: bool,
    /// Start of the booked visit.
    pub visit_at: Option<Timestamp>,
    /// When the agreed next step is.
    pub step_at: Option<Timestamp>,
    /// Contact attempts since somebody was last reached, or since a visit was missed.
    pub tries_in_vain: u32,
    /// Contact attempts since the last agreed step ended.
    pub attempts_since_step: u32,
    /// When the person was promised a call.
    pub call_back_at: Option<Timestamp>,
    /// How far the answer is, where the center does not treat this.
    pub scope: ScopeState,
    /// A reviewer has declined it, and that stands.
    pub declined: bool,
}

impl Situation {
    /// A dated next step alone makes it scheduled.
    const fn waits_for_step(&self) -> bool {
        self.standing.dated_next_step && !self.standing.booked
    }

    const fn tried_enough(&self) -> bool {
        self.is_enough(self.attempts)
    }

    const fn is_enough(&self, attempts: u32) -> bool {
        self.enough_attempts > 0 && attempts >= self.enough_attempts
    }

    /// What is next while a step is agreed and no visit is booked. It takes nothing out of a reviewer's hands, and no call that was
    /// promised before it; neither does it hold up an answer that they are not treated here.
    fn beside_step(&self, now: Timestamp) -> NextAction {
        let without = next_action(&Self { standing: self.standing.without_step(), ..*self }, now);
        let call_first = self.call_back_at.is_some_and(|call| self.step_at.is_some_and(|step| call < step));
        match without {
            NextAction::ReviewRecords | NextAction::AwaitReferral => without,
            _ if self.step_at.is_some_and(|at| at <= now) => NextAction::ConfirmNextStep,
            NextAction::TellReferral => without,
            _ if call_first => without,
            _ => NextAction::AwaitNextStep,
        }
    }

    /// A visit that crossed with the agreement of a step takes no place but the later one: each is asked for at its own time.
    fn beside_visit(&self, now: Timestamp) -> NextAction {
        let step_at = self.step_at.filter(|_| self.standing.dated_next_step);
        let passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if passed(step_at) {
            NextAction::ConfirmNextStep
        } else if passed(self.visit_at) {
            NextAction::ConfirmAttendance
        } else if step_at.is_some_and(|step| self.visit_at.is_some_and(|visit| step < visit)) {
            NextAction::AwaitNextStep
        } else {
            NextAction::AwaitVisit
        }
    }

    /// No message went out, and who can be reached hears it by phone.
    fn told_by_phone(&self) -> bool {
        self.scope == ScopeState::Failed && (self.standing.stage != Stage::Routed || !self.tried_enough())
    }
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
    /// Contact attempts before an inquiry may be closed as unreachable; after so many without a contact that is what comes next.
    pub attempts_before_unreachable: u32,
    /// How long somebody may hold an inquiry that they took without doing anything about it, and what they have begun while it is late;
    /// 0: as long as they like.
    pub claim_idle_minutes: u32,
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
            claim_idle_minutes: 120,
        }
    }
}

/// The next action by where an inquiry stands.
#[must_use]
pub fn next_action(situation: &Situation, now: Timestamp) -> NextAction {
    let standing = &situation.standing;
    match standing.stage {
        Stage::Closed | Stage::Attended => NextAction::Nothing,
        Stage::Scheduled if situation.waits_for_step() => situation.beside_step(now),
        Stage::Scheduled => situation.beside_visit(now),
        // Whoever is declined is not called about what they missed before.
        _ if situation.declined && situation.scope == ScopeState::Sending => NextAction::AwaitReferral,
        _ if situation.declined && situation.told_by_phone() => NextAction::TellReferral,
        _ if standing.no_show && situation.is_enough(situation.tries_in_vain) => NextAction::AllTriesMade,
        _ if standing.no_show => NextAction::FollowUpNoShow,
        Stage::Received => NextAction::AwaitRouting,
        _ if situation.scope == ScopeState::Proposed => NextAction::ApproveReferral,
        _ if situation.scope == ScopeState::Sending => NextAction::AwaitReferral,
        _ if situation.told_by_phone() => NextAction::TellReferral,
        _ if standing.missed_step && !situation.is_enough(situation.attempts_since_step) => {
            NextAction::FollowUpMissedStep
        }
        Stage::Routed if situation.attempts == 0 && situation.missed_call => NextAction::CallBack,
        Stage::Routed if situation.attempts == 0 => NextAction::FirstContact,
        Stage::Routed if situation.tried_enough() => NextAction::AllTriesMade,
        Stage::Routed => NextAction::TryAgain,
        Stage::Contacted if situation.is_enough(situation.tries_in_vain) => NextAction::AllTriesMade,
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
        NextAction::FirstContact | NextAction::CallBack | NextAction::ApproveReferral => Some(first_contact_due),
        // The person was promised an answer by then; after that it is due as soon as somebody is there.
        NextAction::AwaitReferral | NextAction::TellReferral => {
            Some(calendar.next_opening(since).max(first_contact_due))
        }
        NextAction::TryAgain | NextAction::AllTriesMade => within(targets.try_again_minutes),
        NextAction::CompleteIntake => within(targets.complete_intake_minutes),
        NextAction::GatherRecords => within(targets.gather_records_minutes),
        NextAction::ReviewRecords => within(targets.review_records_minutes),
        NextAction::OfferDates => within(targets.offer_dates_minutes),
        NextAction::AwaitVisit => situation.visit_at.or_else(|| within(targets.offer_dates_minutes)),
        NextAction::ConfirmAttendance => {
            Some(calendar.add_business(situation.visit_at.unwrap_or(since), targets.confirm_attendance_minutes))
        }
        NextAction::AwaitNextStep => situation.step_at.or_else(|| within(targets.offer_dates_minutes)),
        NextAction::ConfirmNextStep => {
            Some(calendar.add_business(situation.step_at.unwrap_or(since), targets.confirm_attendance_minutes))
        }
        NextAction::FollowUpNoShow | NextAction::FollowUpMissedStep => within(targets.follow_up_no_show_minutes),
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
            for (no_show, dated_next_step, missed_step) in
                [(false, false, false), (true, false, false), (false, true, false), (false, false, true)]
            {
                let ways = BookWhen::ALL.iter().flat_map(|when| ScopeState::ALL.iter().map(move |scope| (when, scope)));
                for (book_when, scope) in ways {
                    let mut situation = Situation { book_when: *book_when, scope: *scope, ..standing(*stage) };
                    situation.standing.no_show = no_show;
                    (situation.standing.dated_next_step, situation.standing.missed_step) =
                        (dated_next_step, missed_step);
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
    fn an_agreed_step_is_waited_for_then_asked_after_and_followed_up_where_it_did_not_come_about() {
        let now = at("2026-03-02T15:00:00Z");
        let mut situation = Situation { step_at: Some(at("2026-03-02T16:00:00Z")), ..standing(Stage::Scheduled) };
        situation.standing.dated_next_step = true;
        assert_eq!(next_action(&situation, now), NextAction::AwaitNextStep);
        assert_eq!(next_action(&situation, at("2026-03-02T16:00:00Z")), NextAction::ConfirmNextStep);
        situation.standing.booked = true;
        assert_eq!(next_action(&situation, now), NextAction::AwaitVisit, "a visit goes before a step");
        // A visit that was booked elsewhere while it was agreed: each is asked for at its own time.
        situation.visit_at = Some(at("2026-03-02T18:00:00Z"));
        for (now, wanted) in [
            ("2026-03-02T15:00:00Z", NextAction::AwaitNextStep),
            ("2026-03-02T16:00:00Z", NextAction::ConfirmNextStep),
            ("2026-03-02T19:00:00Z", NextAction::ConfirmNextStep),
        ] {
            assert_eq!(next_action(&situation, at(now)), wanted, "{now}");
        }
        situation.standing.dated_next_step = false;
        assert_eq!(next_action(&situation, at("2026-03-02T19:00:00Z")), NextAction::ConfirmAttendance);
    }

    #[test]
    fn a_missed_step_is_followed_up_until_that_was_tried_often_enough_and_hides_no_answer() {
        let now = at("2026-03-02T15:00:00Z");
        let mut missed = Situation { attempts: 4, enough_attempts: 3, ..standing(Stage::IntakeComplete) };
        missed.standing.missed_step = true;
        assert_eq!(next_action(&missed, now), NextAction::FollowUpMissedStep, "tries before it do not count");
        missed.attempts_since_step = 3;
        assert_eq!(next_action(&missed, now), NextAction::OfferDates);
        missed.standing.stage = Stage::Routed;
        assert_eq!(next_action(&missed, now), NextAction::AllTriesMade);
        missed.attempts_since_step = 0;
        for (scope, wanted) in [
            (ScopeState::Proposed, NextAction::ApproveReferral),
            (ScopeState::Sending, NextAction::AwaitReferral),
            (ScopeState::Declined, NextAction::FollowUpMissedStep),
        ] {
            assert_eq!(next_action(&Situation { scope, ..missed }, now), wanted, "{scope}");
        }
    }

    #[test]
    fn an_agreed_step_hides_neither_a_review_nor_a_call_that_was_promised_before_it() {
        let (now, step) = (at("2026-03-02T15:00:00Z"), at("2026-03-04T16:00:00Z"));
        let mut situation =
            Situation { step_at: Some(step), book_when: BookWhen::WaitForReview, ..standing(Stage::Scheduled) };
        (situation.standing.dated_next_step, situation.standing.intake_complete) = (true, true);
        situation.standing.records_complete = true;
        for now in [now, step] {
            assert_eq!(next_action(&situation, now), NextAction::ReviewRecords);
        }
        situation.records_reviewed = true;
        assert_eq!(next_action(&situation, now), NextAction::AwaitNextStep);
        situation.call_back_at = Some(at("2026-03-03T16:00:00Z"));
        assert_eq!(next_action(&situation, now), NextAction::OfferDates);
        assert_eq!(next_action(&situation, step), NextAction::ConfirmNextStep);
        situation.call_back_at = Some(at("2026-03-05T16:00:00Z"));
        assert_eq!(next_action(&situation, now), NextAction::AwaitNextStep, "the step is sooner");
        situation.scope = ScopeState::Sending;
        assert_eq!(next_action(&situation, now), NextAction::AwaitReferral);
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
    fn after_enough_tries_without_a_contact_a_person_decides_whether_to_go_on() {
        let now = at("2026-03-02T15:00:00Z");
        let after = |attempts| Situation { attempts, enough_attempts: 3, ..standing(Stage::Routed) };
        assert_eq!(next_action(&after(2), now), NextAction::TryAgain);
        assert_eq!(next_action(&after(3), now), NextAction::AllTriesMade);
        assert_eq!(next_action(&after(4), now), NextAction::AllTriesMade);
        let reached = Situation { standing: Standing { stage: Stage::Contacted, ..Standing::default() }, ..after(4) };
        assert_eq!(next_action(&reached, now), NextAction::CompleteIntake);
        // Who was reached and does not answer any more is not called for ever; nor is who missed their visit.
        let in_vain = |standing: Standing, tries_in_vain| Situation { standing, tries_in_vain, ..after(9) };
        let contacted = Standing { stage: Stage::Contacted, ..Standing::default() };
        let missed = Standing { stage: Stage::RecordsReady, no_show: true, ..Standing::default() };
        for (standing, wanted) in [(contacted, NextAction::CompleteIntake), (missed, NextAction::FollowUpNoShow)] {
            assert_eq!(next_action(&in_vain(standing, 2), now), wanted);
            assert_eq!(next_action(&in_vain(standing, 3), now), NextAction::AllTriesMade);
        }
    }

    #[test]
    fn what_is_not_treated_here_waits_for_its_answer_and_a_person_says_it_where_no_message_can() {
        let now = at("2026-03-02T15:00:00Z");
        let with = |scope, attempts| Situation { scope, attempts, enough_attempts: 3, ..standing(Stage::Routed) };
        for (scope, wanted) in [
            (ScopeState::InScope, NextAction::TryAgain),
            (ScopeState::Proposed, NextAction::ApproveReferral),
            (ScopeState::Sending, NextAction::AwaitReferral),
            (ScopeState::Failed, NextAction::TellReferral),
            (ScopeState::Sent, NextAction::TryAgain),
            (ScopeState::Declined, NextAction::TryAgain),
        ] {
            assert_eq!(next_action(&with(scope, 1), now), wanted, "{scope}");
        }
        assert_eq!(next_action(&with(ScopeState::Failed, 3), now), NextAction::AllTriesMade);
        for stage in [Stage::Contacted, Stage::IntakeComplete, Stage::RecordsReady] {
            let declined = Situation { scope: ScopeState::Failed, ..standing(stage) };
            assert_eq!(next_action(&declined, now), NextAction::TellReferral, "nobody is declined silently: {stage}");
        }
        for (scope, wanted) in
            [(ScopeState::Sending, NextAction::AwaitReferral), (ScopeState::Failed, NextAction::TellReferral)]
        {
            let mut missed = Situation { scope, declined: true, ..standing(Stage::RecordsReady) };
            (missed.standing.no_show, missed.standing.missed_step) = (true, true);
            assert_eq!(next_action(&missed, now), wanted, "declined after a visit that was missed: {scope}");
            let entered = Situation { declined: false, ..missed };
            assert_eq!(next_action(&entered, now), NextAction::FollowUpNoShow, "{scope}");
        }
        let booked = Situation { scope: ScopeState::Proposed, ..standing(Stage::Scheduled) };
        assert_eq!(next_action(&booked, now), NextAction::AwaitVisit, "who has a visit is treated here");
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
