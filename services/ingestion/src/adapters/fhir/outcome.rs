//! OperationOutcome: what is wrong, where, and what to do (FHIR R4 section 2.29).
//!
//! Deliberately not here: which faults there are (fault, and those who note them).

use serde_json::{Value, json};

use super::fault::{Fault, Issue, Severity};

/// One line of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How bad.
    pub severity: Severity,
    /// Why.
    pub issue: Issue,
    /// FHIRPath of the place; empty: nowhere in particular.
    pub expression: String,
    /// What to do, for people. Says nothing of the patient.
    pub words: String,
}

impl Line {
    /// A line that is about nothing in particular.
    #[must_use]
    pub fn new(severity: Severity, issue: Issue, words: impl Into<String>) -> Self {
        Self { severity, issue, expression: String::new(), words: words.into() }
    }

    /// The same about a place.
    #[must_use]
    pub fn at(self, expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), ..self }
    }
}

impl From<&Fault> for Line {
    fn from(fault: &Fault) -> Self {
        Self::new(fault.severity, fault.issue, fault.words.clone()).at(fault.expression.clone())
    }
}

/// The lines of faults.
#[must_use]
pub fn lines(faults: &[Fault]) -> Vec<Line> {
    faults.iter().map(Line::from).collect()
}

/// An outcome; one without lines says that all is well, because an outcome needs a line.
#[must_use]
pub fn of(lines: &[Line]) -> Value {
    let well = [Line::new(Severity::Information, Issue::Informational, "Nothing is wrong with it")];
    let lines = if lines.is_empty() { well.as_slice() } else { lines };
    let issues = lines.iter().map(|line| {
        let mut issue = json!({
            "severity": line.severity.code(),
            "code": line.issue.code(),
            "details": { "text": line.words },
        });
        if !line.expression.is_empty() {
            issue["expression"] = json!([line.expression]);
        }
        issue
    });
    json!({ "resourceType": "OperationOutcome", "issue": issues.collect::<Vec<_>>() })
}
