//! What the machine answers itself, from what the desk wrote down while the inquiry was worked.
//!
//! It tells that something was written down and when, never whether it was right; that is the auditor's part, who may say otherwise.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Answer, Computed, Item};

/// One try to reach the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// When.
    pub at: Timestamp,
    /// The person was reached.
    pub reached: bool,
    /// They asked not to be contacted any more, so nothing more was to be asked.
    pub stopped: bool,
    /// It was not later than first contact was due.
    pub in_time: bool,
}

/// What is known of the work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worked {
    /// When it is looked at.
    pub now: Timestamp,
    /// The tries, oldest first.
    pub tries: Vec<Try>,
    /// When people wrote something down: a note, a request, a review, a hand-over, an end.
    pub written_at: Vec<Timestamp>,
    /// When the note had to be complete; none where nobody was reached.
    pub note_due_at: Option<Timestamp>,
    /// Since when it is.
    pub note_complete_at: Option<Timestamp>,
    /// The fields that this note asks for, and whether they are filled.
    pub filled: BTreeMap<String, bool>,
    /// Keys of the fields that must be filled for routing.
    pub routing_fields: BTreeSet<String>,
    /// Documents that booking waits for.
    pub needed: usize,
    /// Those of them that nobody asked for and that are not there.
    pub never_asked: usize,
}

const fn yes_if(holds: bool) -> Answer {
    if holds { Answer::Yes } else { Answer::No }
}

/// The answer to an item; nothing where only a person can tell.
#[must_use]
pub fn answer(item: &Item, worked: &Worked) -> Option<Answer> {
    let reached = worked.tries.iter().any(|one| one.reached);
    // There was a talk in which something could be asked.
    let talked = worked.tries.iter().any(|one| one.reached && !one.stopped);
    Some(match item.computed? {
        Computed::FirstTryInTime => worked.tries.first().map_or(Answer::NotApplicable, |first| yes_if(first.in_time)),
        Computed::NoteInTime => match (worked.note_due_at, worked.note_complete_at) {
            _ if !talked => Answer::NotApplicable,
            (None, _) => Answer::NotApplicable,
            // Nothing is missed while there is time.
            (Some(due), None) if due > worked.now => Answer::NotApplicable,
            (Some(due), at) => yes_if(at.is_some_and(|at| at <= due)),
        },
        Computed::NextStepDocumented if !reached => Answer::NotApplicable,
        Computed::NextStepDocumented => yes_if(each_talk_is_written_down(worked)),
        Computed::RoutingFieldsComplete | Computed::RecordsAsked | Computed::FieldFilled if !talked => {
            Answer::NotApplicable
        }
        Computed::RoutingFieldsComplete => {
            yes_if(worked.routing_fields.iter().all(|field| worked.filled.get(field) == Some(&true)))
        }
        Computed::RecordsAsked if worked.needed == 0 => Answer::NotApplicable,
        Computed::RecordsAsked => yes_if(worked.never_asked == 0),
        Computed::FieldFilled => {
            let filled = item.field.as_ref().and_then(|field| worked.filled.get(field));
            filled.map_or(Answer::NotApplicable, |filled| yes_if(*filled))
        }
    })
}

/// After each try that reached somebody something was written down before the next one.
fn each_talk_is_written_down(worked: &Worked) -> bool {
    let ends = worked.tries.iter().skip(1).map(|next| next.at).chain([Timestamp::MAX]);
    let mut talks = worked.tries.iter().zip(ends).filter(|(one, _)| one.reached);
    talks.all(|(one, end)| worked.written_at.iter().any(|at| *at >= one.at && *at < end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::booking::Fits;
    use crate::quality_audit::About;
    use crate::words::Words;

    fn item(computed: Computed) -> Item {
        Item {
            id: "x".into(),
            about: About::NextStep,
            label: Words::default(),
            why: Words::default(),
            missed: Words::default(),
            weight: 1,
            field: Some("diagnosis".into()),
            computed: Some(computed),
            fits: Fits::default(),
            scripts: vec![],
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn tried(second: i64, reached: bool) -> Try {
        Try { at: at(second), reached, stopped: false, in_time: second < 100 }
    }

    #[test]
    fn each_talk_needs_a_word_before_the_next_try_and_a_try_in_vain_needs_none() {
        let mut worked = Worked {
            tries: vec![tried(10, false), tried(20, true), tried(40, true)],
            written_at: vec![at(21), at(60)],
            ..Worked::default()
        };
        let asked = item(Computed::NextStepDocumented);
        assert_eq!(answer(&asked, &worked), Some(Answer::Yes));
        worked.written_at = vec![at(45), at(60)];
        assert_eq!(answer(&asked, &worked), Some(Answer::No), "nothing after the first talk");
        worked.tries = vec![tried(10, false)];
        assert_eq!(answer(&asked, &worked), Some(Answer::NotApplicable));
    }

    #[test]
    fn a_note_is_in_time_when_it_was_complete_by_then_and_nobody_is_asked_for_one_without_a_talk() {
        let asked = item(Computed::NoteInTime);
        let worked = |due, complete| Worked {
            now: at(10),
            tries: vec![tried(1, true)],
            note_due_at: due,
            note_complete_at: complete,
            ..Worked::default()
        };
        assert_eq!(answer(&asked, &worked(None, None)), Some(Answer::NotApplicable));
        assert_eq!(answer(&asked, &worked(Some(at(9)), Some(at(9)))), Some(Answer::Yes));
        assert_eq!(answer(&asked, &worked(Some(at(9)), Some(at(10)))), Some(Answer::No));
        assert_eq!(answer(&asked, &worked(Some(at(9)), None)), Some(Answer::No));
        assert_eq!(answer(&asked, &worked(Some(at(11)), None)), Some(Answer::NotApplicable), "there is time left");
        assert_eq!(answer(&asked, &worked(Some(at(11)), Some(at(8)))), Some(Answer::Yes));
        let mut stopped = worked(Some(at(9)), None);
        stopped.tries[0].stopped = true;
        assert_eq!(answer(&asked, &stopped), Some(Answer::NotApplicable), "they asked to be left alone");
    }

    #[test]
    fn fields_and_records_are_asked_for_where_somebody_was_reached() {
        let mut worked = Worked {
            filled: BTreeMap::from([("diagnosis".to_owned(), false)]),
            routing_fields: BTreeSet::from(["diagnosis".to_owned()]),
            needed: 2,
            never_asked: 1,
            ..Worked::default()
        };
        let all = [Computed::RoutingFieldsComplete, Computed::RecordsAsked, Computed::FieldFilled].map(item);
        let told = |worked: &Worked| all.each_ref().map(|item| answer(item, worked));
        assert_eq!(told(&worked), [Some(Answer::NotApplicable); 3]);
        worked.tries = vec![Try { stopped: true, ..tried(10, true) }];
        assert_eq!(told(&worked), [Some(Answer::NotApplicable); 3], "nothing more was to be asked");
        worked.tries.push(tried(20, true));
        assert_eq!(told(&worked), [Some(Answer::No); 3]);
        (worked.filled, worked.never_asked) = (BTreeMap::from([("diagnosis".to_owned(), true)]), 0);
        assert_eq!(told(&worked), [Some(Answer::Yes); 3]);
        worked.needed = 0;
        worked.filled.clear();
        assert_eq!(answer(&all[2], &worked), Some(Answer::NotApplicable), "this note does not ask for it");
        assert_eq!(answer(&all[1], &worked), Some(Answer::NotApplicable));
        assert_eq!(answer(&item(Computed::FirstTryInTime), &worked), Some(Answer::Yes));
        assert_eq!(answer(&Item { computed: None, ..item(Computed::NoteInTime) }, &worked), None);
    }
}
