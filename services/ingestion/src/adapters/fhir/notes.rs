//! What is noted while a request is read, and where each part of it stands.
//!
//! Reading goes on after a fault, so that a sender hears of all of them. Deliberately not here: what the faults are.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::fault::{Class, Fault, Issue, Oddity, Severity, refuses};

/// More faults than this help nobody.
const MOST_FAULTS: usize = 100;

/// What was noted while a request was read.
#[derive(Default)]
pub struct Notes {
    faults: RefCell<Vec<Fault>>,
    oddities: RefCell<Vec<Oddity>>,
}

impl Notes {
    /// Notes a fault.
    pub fn fault(&self, fault: Fault) {
        let mut faults = self.faults.borrow_mut();
        // A part that is read twice is told of once.
        if faults.contains(&fault) {
            return;
        }
        // An error must not be lost behind a hundred warnings, for it refuses.
        if faults.len() < MOST_FAULTS || (fault.refuses() && !refuses(&faults)) {
            faults.push(fault);
        }
    }

    /// Notes an oddity.
    pub fn oddity(&self, word: &'static str) {
        let mut oddities = self.oddities.borrow_mut();
        if !oddities.contains(&Oddity(word)) {
            oddities.push(Oddity(word));
        }
    }

    /// All that was noted.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Fault>, Vec<Oddity>) {
        (self.faults.into_inner(), self.oddities.into_inner())
    }
}

/// Where an element stands, as FHIRPath. Made of names that we look for, never of those that were sent.
#[derive(Clone, Default)]
pub struct Path(Option<Rc<Step>>);

struct Step {
    above: Path,
    name: &'static str,
    index: Option<usize>,
}

impl Path {
    /// The path of a resource that stands alone.
    #[must_use]
    pub fn of(name: &'static str) -> Self {
        Self::default().down(name)
    }

    /// An element below.
    #[must_use]
    pub fn down(&self, name: &'static str) -> Self {
        Self(Some(Rc::new(Step { above: self.clone(), name, index: None })))
    }

    /// One of a list below.
    #[must_use]
    pub fn item(&self, name: &'static str, index: usize) -> Self {
        Self(Some(Rc::new(Step { above: self.clone(), name, index: Some(index) })))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(step) = &self.0 else { return Ok(()) };
        if step.above.0.is_some() {
            write!(f, "{}.", step.above)?;
        }
        match step.index {
            Some(index) => write!(f, "{}[{index}]", step.name),
            None => f.write_str(step.name),
        }
    }
}

/// An error at a place.
#[must_use]
pub fn fault_at(path: &Path, issue: Issue, class: Class, words: &'static str) -> Fault {
    Fault { expression: path.to_string(), ..Fault::new(Severity::Error, issue, class, words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_never_lost_behind_many_warnings() {
        let notes = Notes::default();
        let warning = Fault::new(Severity::Warning, Issue::Value, Class::Rule, "x");
        (0..1000).for_each(|at| notes.fault(Fault { expression: at.to_string(), ..warning.clone() }));
        notes.fault(Fault { severity: Severity::Error, ..warning });
        let (faults, _) = notes.into_parts();
        assert_eq!(faults.len(), MOST_FAULTS + 1);
        assert!(refuses(&faults));
    }
}
