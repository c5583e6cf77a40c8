//! The stage of an inquiry: one pure function over the facts that are known, in whatever order they arrived.
//!
//! Facts travel between services and may come late, twice or out of order; each carries when it happened and the version of
//! what it tells about. Sorting by that inside the function is what makes the answer the same for every order of arrival.
//!
//! Deliberately not here: what to do next (`next_action`) and who may change anything.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::next_step::StepEnd;
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
        HandedToSister = "handed_to_sister", "Handed to a sister center", "Pasada a un centro asociado", "Confiée à un centre associé";
        NotAnInquiry = "not_an_inquiry", "Not a request for care", "No es una solicitud de atención", "Pas une demande de soins";
        #[default]
        OtherReason = "other_reason", "Other, see note", "Otro, ver nota", "Autre, voir la note";
    }
}

vocabulary! {
    /// Why a visit is moved or called off; it travels in events, so it is a word of this list and nothing else.
    VisitReason ("reason of a change of a visit") {
        TimeDoesNotFit = "time_does_not_fit", "The time does not fit the patient", "La hora no le sirve", "L'heure ne convient pas";
        NoRide = "no_ride", "The patient has no ride", "No tiene transporte", "Pas de transport";
        NotWell = "not_well", "The patient is not well enough", "No se siente bien", "Pas assez bien pour venir";
        CareElsewhere = "care_elsewhere", "The patient gets care somewhere else", "Se atiende en otro lugar", "Soigné ailleurs";
        ClinicChanged = "clinic_changed", "The clinic changed its day", "La clínica cambió su día", "La consultation a changé de jour";
        #[default]
        Other = "other", "Another reason", "Otra razón", "Autre raison";
    }
}

vocabulary! {
    /// Why a closed inquiry was opened again; metrics count these.
    ReopenReason ("reason to reopen") {
        CameBack = "came_back", "The patient came back", "El paciente volvió", "Le patient est revenu";
        NewInformation = "new_information", "Something new is known, such as records or a date", "Hay algo nuevo, como documentos o una fecha", "Du nouveau, comme des documents ou une date";
        ClosedByMistake = "closed_by_mistake", "Closed by mistake", "Se cerró por error", "Clos par erreur";
        NotTaken = "not_taken", "The sister center did not take it", "El centro asociado no la tomó", "Le centre associé ne l'a pas prise";
        #[default]
        Other = "other", "Another reason", "Otra razón", "Autre raison";
    }
}

impl ReopenReason {
    /// Whether a person says it; the others follow from what a machine hears.
    #[must_use]
    pub const fn is_said(self) -> bool {
        !matches!(self, Self::NotTaken)
    }
}

impl CloseReason {
    /// Whether a paper that comes after it says that the person, or their office, still goes on with it. The other reasons are a
    /// decision, or leave nobody to go on with.
    #[must_use]
    pub const fn is_open_to_papers(self) -> bool {
        matches!(
            self,
            Self::NotReady
                | Self::Unreachable
                | Self::Insurance
                | Self::NoSuitableDate
                | Self::DistanceOrTravel
                | Self::OtherReason
        )
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
    /// Another dated next step was agreed, such as a screening call, or it was moved.
    DatedNextStep,
    /// The agreed next step ended.
    NextStepOver(StepEnd),
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
    /// Another dated next step is agreed and has not ended.
    pub dated_next_step: bool,
    /// The last agreed next step did not come about, and nobody has talked with the person since.
    pub missed_step: bool,
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
            StageEvent::AttemptReached => (self.reached, self.missed_step) = (true, false),
            StageEvent::IntakeFieldsComplete(complete) => self.intake_complete = complete,
            StageEvent::RecordsComplete(complete) => self.records_complete = complete,
            // A visit takes the place of a step that was agreed before it.
            StageEvent::AppointmentBooked => {
                self.booked = true;
                (self.no_show, self.dated_next_step, self.missed_step) = (false, false, false);
            }
            StageEvent::AppointmentCancelled => self.booked = false,
            StageEvent::DatedNextStep => {
                self.dated_next_step = true;
                (self.no_show, self.missed_step) = (false, false);
            }
            StageEvent::NextStepOver(end) => {
                (self.dated_next_step, self.missed_step) = (false, end == StepEnd::Missed);
            }
            StageEvent::Attended => {
                self.attended = true;
                (self.booked, self.no_show, self.dated_next_step, self.missed_step) = (false, false, false, false);
            }
            StageEvent::NoShow => (self.booked, self.no_show) = (false, true),
            StageEvent::Closed(reason) => self.closed = Some(reason),
            StageEvent::Reopened => self.closed = None,
        }
        self
    }

    /// Where it would stand had no dated next step been agreed.
    #[must_use]
    pub const fn without_step(mut self) -> Self {
        self.dated_next_step = false;
        self.stage = self.furthest();
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

/// A change of the stage, as the facts bear it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageStep {
    /// When the fact happened that changed it.
    pub at: Timestamp,
    /// Before.
    pub from: Stage,
    /// After.
    pub to: Stage,
}

/// How the stage went by these facts, oldest first, whatever their order and however often each is told. What is told late
/// stands where it happened and not where it was heard, so a timeline that is read from it is the same for everybody.
#[must_use]
pub fn walk(facts: &[StageFact]) -> Vec<StageStep> {
    let mut sorted = facts.to_vec();
    sorted.sort_unstable();
    let (mut standing, mut stage, mut steps) = (Standing::default(), Stage::default(), Vec::new());
    for fact in sorted {
        standing = standing.after(fact.what);
        let to = standing.furthest();
        if to != stage {
            steps.push(StageStep { at: fact.at, from: stage, to });
            stage = to;
        }
    }
    steps
}

/// The stage of an inquiry by these facts.
#[must_use]
pub fn stage_of(facts: &[StageFact]) -> Stage {
    standing(facts).stage
}

#[cfg(test)]
#[path = "stage_orders_tests.rs"]
mod orders;

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_agreed_step_that_is_over_leaves_the_inquiry_where_the_other_facts_do() {
        use StageEvent::*;
        let agreed = [Routed, AttemptReached, IntakeFieldsComplete(true), DatedNextStep];
        assert_eq!(stage_after(&agreed), Stage::Scheduled);
        for end in StepEnd::ALL {
            let now = standing(&facts(&[&agreed[..], &[NextStepOver(*end)]].concat()));
            assert_eq!((now.stage, now.missed_step), (Stage::IntakeComplete, *end == StepEnd::Missed), "{end}");
        }
        let missed = [&agreed[..], &[NextStepOver(StepEnd::Missed)]].concat();
        let talked = standing(&facts(&[&missed[..], &[AttemptReached]].concat()));
        assert!(!talked.missed_step, "whoever was talked with since is not called about it again");
        assert_eq!(stage_after(&[&missed[..], &[DatedNextStep]].concat()), Stage::Scheduled);
    }

    #[test]
    fn a_booked_visit_takes_the_place_of_the_step_before_it_and_no_other() {
        use StageEvent::*;
        let booked = [Routed, AttemptReached, DatedNextStep, AppointmentBooked];
        let now = standing(&facts(&booked));
        assert_eq!((now.stage, now.booked, now.dated_next_step), (Stage::Scheduled, true, false));
        assert_eq!(stage_after(&[&booked[..], &[AppointmentCancelled]].concat()), Stage::Contacted);
        let again = standing(&facts(&[&booked[..], &[NoShow, DatedNextStep]].concat()));
        assert_eq!((again.stage, again.dated_next_step, again.no_show), (Stage::Scheduled, true, false));
    }

    #[test]
    fn facts_that_were_stored_before_steps_ended_still_read() {
        let stored = r#"[{"at":"2027-03-04T18:00:00Z","version":1,"what":"routed"},
            {"at":"2027-03-04T18:05:00Z","version":2,"what":"dated_next_step"}]"#;
        let read: Vec<StageFact> = serde_json::from_str(stored).unwrap();
        assert_eq!(stage_of(&read), Stage::Scheduled);
        let over = StageFact { what: StageEvent::NextStepOver(StepEnd::Done), ..read[1] };
        assert_eq!(serde_json::from_str::<StageFact>(&serde_json::to_string(&over).unwrap()).unwrap(), over);
    }

    #[test]
    fn reopening_returns_to_where_it_stood() {
        use StageEvent::*;
        let closed = [Routed, AttemptReached, Closed(CloseReason::NotReady)];
        assert_eq!(stage_after(&closed), Stage::Closed);
        assert_eq!(stage_after(&[&closed[..], &[Reopened]].concat()), Stage::Contacted);
    }
}
