//! Follow-up cadences as data: which messages follow one another while an inquiry stays in one status.
//!
//! A cadence belongs to exactly one status and ends the moment the status changes, so no two people in different states get
//! the same series. Deliberately not here: sending, consent and quiet hours; notification decides those at each step.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::inquiry::Channel;
use crate::words::vocabulary;

vocabulary! {
    /// The status that a cadence is for.
    CadenceStatus ("cadence status") {
        #[default]
        NotReached = "not_reached", "Tried, not reached", "Se intentó, sin contacto", "Essayé, non joint";
        IntakeOpen = "intake_open", "Reached, note not complete", "Contactado, nota incompleta", "Joint, note incomplète";
        RecordsMissing = "records_missing", "Records missing", "Faltan documentos", "Documents manquants";
        DatesOffered = "dates_offered", "Dates offered, none chosen", "Fechas ofrecidas, sin elegir", "Dates proposées, aucune choisie";
        VisitBooked = "visit_booked", "Visit booked", "Cita dada", "Rendez-vous pris";
        NextStepAgreed = "next_step_agreed", "Next step agreed", "Próximo paso acordado", "Prochaine étape convenue";
        NoShow = "no_show", "Visit missed", "Cita no realizada", "Rendez-vous manqué";
    }
}

vocabulary! {
    /// From where a step's time is counted.
    StepFrom ("step from") {
        #[default]
        StatusStart = "status_start", "After the status began", "Después de iniciar el estado", "Après le début de l'état";
        BeforeVisit = "before_visit", "Before the visit or the agreed step", "Antes de la cita o del paso acordado", "Avant le rendez-vous ou l'étape convenue";
    }
}

vocabulary! {
    /// What happens when the last step is done and the status is still the same.
    CadenceEnd ("cadence end") {
        #[default]
        CallTask = "call_task", "A call task for staff", "Una tarea de llamada", "Une tâche d'appel";
        CloseUnreachable = "close_unreachable", "Propose to close as not reached", "Proponer cerrar sin contacto", "Proposer de clore, non joint";
        Nothing = "nothing", "Nothing", "Nada", "Rien";
    }
}

/// One step of a cadence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CadenceStep {
    /// How many hours after the start, or before the visit.
    pub hours: u32,
    /// From where they are counted.
    #[serde(default)]
    pub from: StepFrom,
    /// Whether only open hours count.
    #[serde(default)]
    pub business: bool,
    /// Channels in order of choice; the first that consent allows is used.
    pub channels: Vec<Channel>,
    /// Template name without channel suffix.
    pub template: String,
}

/// One series of follow-ups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cadence {
    /// Name.
    pub id: String,
    /// The status it runs in.
    pub status: CadenceStatus,
    /// Its steps.
    #[serde(rename = "step", default)]
    pub steps: Vec<CadenceStep>,
    /// What happens after the last.
    #[serde(default)]
    pub end: CadenceEnd,
}

/// All of cadences.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cadences {
    /// The series, at most one per status.
    #[serde(rename = "cadence", default)]
    pub cadences: Vec<Cadence>,
}

impl Cadences {
    /// The series for a status.
    #[must_use]
    pub fn for_status(&self, status: CadenceStatus) -> Option<&Cadence> {
        self.cadences.iter().find(|cadence| cadence.status == status)
    }
}

/// When a step is due; nothing if it counts back from a visit that is not known, or that is closer than the step was
/// meant to be.
#[must_use]
pub fn step_due(
    step: &CadenceStep,
    status_since: Timestamp,
    visit_at: Option<Timestamp>,
    calendar: &Calendar,
) -> Option<Timestamp> {
    let hours = SignedDuration::from_hours(i64::from(step.hours));
    match (step.from, step.business) {
        (StepFrom::StatusStart, true) => Some(calendar.add_business(status_since, step.hours * 60)),
        (StepFrom::StatusStart, false) => status_since.checked_add(hours).ok(),
        (StepFrom::BeforeVisit, _) => visit_at?.checked_sub(hours).ok().filter(|at| *at > status_since),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_counts_back_from_the_visit_and_is_left_out_when_the_visit_is_too_close() {
        let calendar = Calendar::new("America/Chicago").unwrap();
        let step = CadenceStep {
            hours: 24,
            from: StepFrom::BeforeVisit,
            business: false,
            channels: vec![Channel::Sms],
            template: "r".into(),
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let booked = at("2026-03-02T12:00:00Z");
        assert_eq!(
            step_due(&step, booked, Some(at("2026-03-05T12:00:00Z")), &calendar),
            Some(at("2026-03-04T12:00:00Z"))
        );
        assert_eq!(step_due(&step, booked, Some(at("2026-03-03T08:00:00Z")), &calendar), None);
        assert_eq!(step_due(&step, booked, None, &calendar), None);
    }
}
