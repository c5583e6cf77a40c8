//! The records checklist: which documents an inquiry needs, where to find them, and when they are complete.
//!
//! Deliberately not here: the documents. They are sealed elsewhere; a checklist knows only kinds and states.

use serde::{Deserialize, Serialize};

use crate::booking::Fits;
use crate::inquiry::{CancerArea, ConsultType};
use crate::words::{Words, vocabulary};

vocabulary! {
    /// Who usually has a document.
    RecordsFrom ("records from") {
        #[default]
        Patient = "patient", "Patient", "Paciente", "Patient";
        ReferringOffice = "referring_office", "Referring office", "Consultorio que deriva", "Cabinet adresseur";
        Hospital = "hospital", "Hospital or imaging center", "Hospital o centro de imágenes", "Hôpital ou centre d'imagerie";
    }
}

vocabulary! {
    /// How far one document of a checklist is.
    LineState ("record state") {
        #[default]
        Needed = "needed", "Needed", "Falta", "À fournir";
        Requested = "requested", "Requested", "Solicitado", "Demandé";
        Received = "received", "Received", "Recibido", "Reçu";
        Reviewed = "reviewed", "Reviewed", "Revisado", "Relu";
        Waived = "waived", "Not needed", "No hace falta", "Pas nécessaire";
    }
}

vocabulary! {
    /// Why an inquiry does without a document.
    WaiveReason ("reason to do without") {
        NeverMade = "never_made", "It was never made", "Nunca se hizo", "Il n'a jamais été fait";
        NotObtainable = "not_obtainable", "It can’t be obtained", "No se puede obtener", "Il ne peut pas être obtenu";
        NotNeededHere = "not_needed_here", "Not needed for this visit", "No hace falta para esta cita", "Pas nécessaire pour cette visite";
        #[default]
        OtherReason = "other_reason", "Another reason, see the timeline", "Otra razón, ver el historial", "Autre raison, voir l'historique";
    }
}

/// A kind of document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentKind {
    /// Stored name, such as `pathology_report`.
    pub kind: String,
    /// Plain words first, the medical word second.
    pub label: Words,
    /// Who usually has it.
    pub from: RecordsFrom,
    /// Where to find it.
    pub hint: Words,
    /// Codes by which partners' systems name it, such as LOINC `11526-1`; compared without regard to case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
}

/// One line of a checklist in the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedDocument {
    /// Kind of document.
    pub kind: String,
    /// Whether booking waits for it where the rule says so.
    #[serde(default)]
    pub needed_for_booking: bool,
}

/// The documents wanted for some inquiries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    /// Which inquiries it is for.
    #[serde(default)]
    pub fits: Fits,
    /// Its documents, in the order in which people should gather them.
    pub lines: Vec<WantedDocument>,
}

/// All of records.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checklists {
    /// Every kind of document of this center.
    #[serde(rename = "document", default)]
    pub documents: Vec<DocumentKind>,
    /// Checklists; the first that fits decides.
    #[serde(rename = "checklist", default)]
    pub checklists: Vec<Checklist>,
}

/// One line of an inquiry's checklist, with its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistLine {
    /// Kind of document.
    pub kind: String,
    /// What it is called.
    pub label: Words,
    /// Who usually has it.
    pub from: RecordsFrom,
    /// Where to find it.
    pub hint: Words,
    /// Whether booking waits for it.
    pub needed_for_booking: bool,
}

impl Checklists {
    /// The checklist of an inquiry.
    #[must_use]
    pub fn lines_for(&self, consult: ConsultType, area: CancerArea) -> Vec<ChecklistLine> {
        let Some(list) = self.checklists.iter().find(|list| list.fits.matches(consult, area)) else {
            return Vec::new();
        };
        list.lines
            .iter()
            .filter_map(|wanted| {
                let document = self.document(&wanted.kind)?;
                Some(ChecklistLine {
                    kind: document.kind.clone(),
                    label: document.label.clone(),
                    from: document.from,
                    hint: document.hint.clone(),
                    needed_for_booking: wanted.needed_for_booking,
                })
            })
            .collect()
    }

    /// A kind of document by its stored name.
    #[must_use]
    pub fn document(&self, kind: &str) -> Option<&DocumentKind> {
        self.documents.iter().find(|document| document.kind == kind)
    }

    /// A kind of document by a code of a partner's system.
    #[must_use]
    pub fn document_by_code(&self, code: &str) -> Option<&DocumentKind> {
        let code = code.trim();
        let has = |document: &&DocumentKind| document.codes.iter().any(|known| known.eq_ignore_ascii_case(code));
        self.documents.iter().find(has).filter(|_| !code.is_empty())
    }
}

/// One line of an inquiry's checklist, as far as readiness cares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Kind of document.
    pub kind: String,
    /// Whether booking waits for it.
    pub needed_for_booking: bool,
    /// How far it is.
    pub state: LineState,
}

/// Whether every document that booking waits for is there or waived.
#[must_use]
pub fn records_ready(lines: &[Line]) -> bool {
    missing(lines).next().is_none()
}

/// Whether a reviewer has accepted every document that booking waits for.
#[must_use]
pub fn records_reviewed(lines: &[Line]) -> bool {
    lines
        .iter()
        .filter(|line| line.needed_for_booking)
        .all(|line| matches!(line.state, LineState::Reviewed | LineState::Waived))
}

/// The documents that booking still waits for.
pub fn missing(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines
        .iter()
        .filter(|line| line.needed_for_booking && matches!(line.state, LineState::Needed | LineState::Requested))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(states: [LineState; 3]) -> Vec<Line> {
        states
            .into_iter()
            .zip([("pathology_report", true), ("imaging", true), ("genomic_report", false)])
            .map(|(state, (kind, needed_for_booking))| Line { kind: kind.into(), needed_for_booking, state })
            .collect()
    }

    #[test]
    fn records_are_ready_when_what_booking_waits_for_is_there_or_waived() {
        assert!(!records_ready(&lines([LineState::Received, LineState::Requested, LineState::Needed])));
        assert!(records_ready(&lines([LineState::Received, LineState::Waived, LineState::Needed])));
        assert!(records_ready(&[]));
        let asked = lines([LineState::Received, LineState::Requested, LineState::Needed]);
        assert_eq!(missing(&asked).map(|line| line.kind.as_str()).collect::<Vec<_>>(), ["imaging"]);
    }

    #[test]
    fn a_partners_code_names_a_document_and_an_empty_or_unknown_one_names_none() {
        let document = DocumentKind {
            kind: "pathology_report".into(),
            label: Words::default(),
            from: RecordsFrom::Hospital,
            hint: Words::default(),
            codes: vec!["11526-1".into(), "PATH".into()],
        };
        let lists = Checklists { documents: vec![document], checklists: Vec::new() };
        let kind = |code: &str| lists.document_by_code(code).map(|found| found.kind.as_str());
        assert_eq!((kind("11526-1"), kind(" path ")), (Some("pathology_report"), Some("pathology_report")));
        assert_eq!((kind(""), kind("11526")), (None, None));
    }

    #[test]
    fn received_is_not_reviewed() {
        assert!(!records_reviewed(&lines([LineState::Received, LineState::Reviewed, LineState::Needed])));
        assert!(records_reviewed(&lines([LineState::Reviewed, LineState::Waived, LineState::Needed])));
    }
}
