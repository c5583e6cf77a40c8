//! The stage of an inquiry: one pure function over the facts that are known, in whatever order they arrived.
//!
//! Facts travel between services and may come late, twice or out of order; each carries when it happened and the version of
//! what it tells about. Sorting by that inside the function is what makes the answer the same for every order of arrival.
//!
//! Deliberately not here: what to do next (`next_action`) and who may change anything.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::vocabulary;

vocabulary! {
    /// How far an inquiry has come.
    Stage ("stage") {
        #[default]
        Received = "received", "Received", "Recibida", "Reçue";
        Routed = "routed", "Routed", "Asignada", "Attribuée";
        Contacted = "contacted", "Contacted", "Contactada", "Contactée";
        IntakeComplete = "intake_complete", "Intake complete", "Datos completos", "Dossier d'accueil complet";
        RecordsReady = "records_ready", "Records ready", "Expediente listo", "Documents prêts";
        Scheduled = "scheduled", "Scheduled", "Con cita", "Rendez-vous pris";
        Attended = "attended", "Attended", "Atendida", "Venue au rendez-vous";
        Closed = "closed", "Closed", "Cerrada", "Close";
    }
}

vocabulary! {
    /// Why an inquiry ended without a visit; metrics count these.
    CloseReason ("close reason") {
        ChoseAnotherCenter = "chose_another_center", "Chose another center", "Eligió otro centro", "A choisi un autre centre";
        NotReady = "not_ready", "Not ready now", "Todavía no está listo", "Pas prêt pour le moment";
        Unreachable = "unreachable", "Not reached after all tries", "No se logró el contacto", "Injoignable après tous les essais";
        OutOfScopeReferred = "out_of_scope_referred", "Not treated here; told where to go", "No se trata aquí; se le indicó adónde ir", "Non traité ici; orienté ailleurs";
        Insurance = "insurance", "Insurance", "Seguro", "Assurance";
        NoSuitableDate = "no_suitable_date", "No date that fits", "Ninguna fecha conveniente", "Aucune date convenable";
        Duplicate = "duplicate", "Duplicate of another inquiry", "Duplicada", "Doublon";
        Deceased = "deceased", "Patient has died", "El paciente falleció", "Patient décédé";
        DistanceOrTravel = "distance_or_travel", "Distance or travel", "Distancia o transporte", "Distance ou transport";
        CareElsewhereStarted = "care_elsewhere_started", "Care has started elsewhere", "Ya empezó la atención en otro lugar", "Soins commencés ailleurs";
        AskedToStop = "asked_to_stop", "Asked us to stop", "Pidió que no lo contactemos", "A demandé l'arrêt des contacts";
        NotAnInquiry = "not_an_inquiry", "Not a request for care", "No es una solicitud de atención", "Pas une demande de soins";
        #[default]
        OtherReason = "other_reason", "Other, see note", "Otro, ver nota", "Autre, voir la note";
    }
}

/// What happened to an inquiry, as far as its stage is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageEvent {
    /// A team got it.
    Routed,
    /// A contact attempt reached the person.
    AttemptReached,
    /// The intake note has, or no longer has, every field it needs.
    IntakeFieldsComplete(bool),
    /// The records checklist has, or no longer has, every document it needs.
    RecordsComplete(bool),
    /// A visit was booked.
    AppointmentBooked,
    /// The booked visit was called off.
    AppointmentCancelled,
    /// Another dated next step was agreed, such as a screening call.
    DatedNextStep,
    /// The visit took place.
    Attended,
    /// The visit did not take place.
    NoShow,
    /// It ended, with a reason.
    Closed(CloseReason),
    /// It was opened again.
    Reopened,
}

/// One fact: what happened, when, and at which version of the thing it tells about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StageFact {
    /// When it happened.
    pub at: Timestamp,
    /// Version of the aggregate that told it; decides between facts of the same instant.
    pub version: i64,
    /// What happened.
    pub what: StageEvent,
}

/// Where an inquiry stands: its stage and the facts behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The stage.
    pub stage: Stage,
    /// A team has it.
    pub routed: bool,
    /// The person was reached at least once.
    pub reached: bool,
    /// The intake note is complete.
    pub intake_complete: bool,
    /// The records are complete.
    pub records_complete: bool,
    /// A visit is booked and still ahead.
    pub booked: bool,
    /// Another dated next step is agreed.
    pub dated_next_step: bool,
    /// The last visit was not kept and no new one is booked.
    pub no_show: bool,
    /// A visit took place.
    pub attended: bool,
    /// Why it is closed, if it is.
    pub closed: Option<CloseReason>,
}

impl Standing {
    fn after(mut self, what: StageEvent) -> Self {
        match what {
            StageEvent::Routed => self.routed = true,
            StageEvent::AttemptReached => self.reached = true,
            StageEvent::IntakeFieldsComplete(complete) => self.intake_complete = complete,
            StageEvent::RecordsComplete(complete) => self.records_complete = complete,
            StageEvent::AppointmentBooked => (self.booked, self.no_show) = (true, false),
            StageEvent::AppointmentCancelled => self.booked = false,
            StageEvent::DatedNextStep => self.dated_next_step = true,
            StageEvent::Attended => (self.attended, self.booked, self.no_show) = (true, false, false),
            StageEvent::NoShow => (self.booked, self.dated_next_step, self.no_show) = (false, false, true),
            StageEvent::Closed(reason) => self.closed = Some(reason),
            StageEvent::Reopened => self.closed = None,
        }
        self
    }

    /// The furthest stage that the facts bear out. Records count only once the note is complete: a stack of documents
    /// without a call is not ready for anything.
    const fn furthest(&self) -> Stage {
        if self.closed.is_some() {
            Stage::Closed
        } else if self.attended {
            Stage::Attended
        } else if self.booked || self.dated_next_step {
            Stage::Scheduled
        } else if self.intake_complete && self.records_complete {
            Stage::RecordsReady
        } else if self.intake_complete {
            Stage::IntakeComplete
        } else if self.reached {
            Stage::Contacted
        } else if self.routed {
            Stage::Routed
        } else {
            Stage::Received
        }
    }
}

/// Where an inquiry stands by these facts, whatever their order and however often each is told.
#[must_use]
pub fn standing(facts: &[StageFact]) -> Standing {
    let mut sorted = facts.to_vec();
    sorted.sort_unstable();
    let mut standing = sorted.into_iter().fold(Standing::default(), |standing, fact| standing.after(fact.what));
    standing.stage = standing.furthest();
    standing
}

/// The stage of an inquiry by these facts.
#[must_use]
pub fn stage_of(facts: &[StageFact]) -> Stage {
    standing(facts).stage
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(events: &[StageEvent]) -> Vec<StageFact> {
        let at = |second: usize| Timestamp::from_second(second as i64).unwrap();
        events
            .iter()
            .enumerate()
            .map(|(place, what)| StageFact { at: at(place), version: place as i64, what: *what })
            .collect()
    }

    fn stage_after(events: &[StageEvent]) -> Stage {
        stage_of(&facts(events))
    }

    #[test]
    fn an_inquiry_walks_from_received_to_attended() {
        use StageEvent::*;
        let journey = [
            (Routed, Stage::Routed),
            (AttemptReached, Stage::Contacted),
            (IntakeFieldsComplete(true), Stage::IntakeComplete),
            (RecordsComplete(true), Stage::RecordsReady),
            (AppointmentBooked, Stage::Scheduled),
            (Attended, Stage::Attended),
        ];
        assert_eq!(stage_of(&[]), Stage::Received);
        for length in 1..=journey.len() {
            let events: Vec<StageEvent> = journey[..length].iter().map(|(event, _)| *event).collect();
            assert_eq!(stage_after(&events), journey[length - 1].1);
        }
    }

    #[test]
    fn records_that_arrive_before_the_call_do_not_skip_the_call() {
        assert_eq!(stage_after(&[StageEvent::Routed, StageEvent::RecordsComplete(true)]), Stage::Routed);
    }

    #[test]
    fn a_dated_screening_call_counts_as_scheduled() {
        assert_eq!(stage_after(&[StageEvent::Routed, StageEvent::DatedNextStep]), Stage::Scheduled);
    }

    #[test]
    fn a_visit_that_was_not_kept_falls_back_and_is_remembered_until_a_new_one_is_booked() {
        use StageEvent::*;
        let missed = [Routed, AttemptReached, IntakeFieldsComplete(true), AppointmentBooked, NoShow];
        let now = standing(&facts(&missed));
        assert_eq!((now.stage, now.no_show), (Stage::IntakeComplete, true));
        let again = standing(&facts(&[&missed[..], &[AppointmentBooked]].concat()));
        assert_eq!((again.stage, again.no_show), (Stage::Scheduled, false));
    }

    #[test]
    fn reopening_returns_to_where_it_stood() {
        use StageEvent::*;
        let closed = [Routed, AttemptReached, Closed(CloseReason::NotReady)];
        assert_eq!(stage_after(&closed), Stage::Closed);
        assert_eq!(stage_after(&[&closed[..], &[Reopened]].concat()), Stage::Contacted);
    }

    fn some_event() -> impl Strategy<Value = StageEvent> {
        use StageEvent::*;
        prop_oneof![
            Just(Routed),
            Just(AttemptReached),
            any::<bool>().prop_map(IntakeFieldsComplete),
            any::<bool>().prop_map(RecordsComplete),
            Just(AppointmentBooked),
            Just(AppointmentCancelled),
            Just(DatedNextStep),
            Just(Attended),
            Just(NoShow),
            Just(Reopened),
            Just(Closed(CloseReason::Insurance)),
            Just(Closed(CloseReason::NotReady)),
        ]
    }

    fn some_fact() -> impl Strategy<Value = StageFact> {
        (0i64..4, 0i64..3, some_event()).prop_map(|(at, version, what)| StageFact {
            at: Timestamp::from_second(at).unwrap(),
            version,
            what,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn every_order_of_arrival_and_every_repetition_gives_the_same_standing(
            (told, shuffled) in prop::collection::vec(some_fact(), 0..9).prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
            again in 0usize..9,
        ) {
            prop_assert_eq!(standing(&told), standing(&shuffled));
            let mut twice = shuffled.clone();
            twice.extend(told.get(again).copied());
            prop_assert_eq!(standing(&told), standing(&twice));
        }
    }
}
