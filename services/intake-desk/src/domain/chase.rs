//! When a document that was asked for is asked for again, and when it falls to staff.
//!
//! The steps of the center's cadence for missing records are distances: the first question is its first step, and each later one
//! follows the question before it by the distance of their steps. A promise goes before them: nobody is reminded of what they said
//! they will send, until that day has passed. The person is asked again by message, by itself; an office or a hospital is asked by
//! staff, to whom the inquiry comes back at that time. Deliberately not here: the words, and by which channel.

use causeway_funnel::cadence::StepFrom;
use causeway_funnel::records::{LineState, RecordsFrom};
use jiff::{SignedDuration, Timestamp};

use super::inquiry::{Inquiry, RecordLine, Rules};

/// The kind of a line of the timeline that tells of a question that nobody in person asked.
pub const CHASED: &str = "records_chased";

impl RecordLine {
    /// Somebody was asked for it.
    pub(super) fn asked(&mut self, of: RecordsFrom, now: Timestamp) {
        if self.asked_times == 0 || self.asked_of != of {
            (self.first_asked_at, self.asked_times) = (self.asked_at.filter(|_| self.asked_of == of).or(Some(now)), 0);
        }
        self.asked_of = of;
        self.asked_at = Some(now);
        self.asked_times += 1;
        self.promised_at = None;
    }

    /// Since when it is waited for.
    pub fn waited_since(&self) -> Option<Timestamp> {
        self.first_asked_at.or(self.asked_at)
    }
}

/// Whether anybody is asked again: somebody works it, and nobody hears at the same time that they are not treated here.
pub fn is_chased(inquiry: &Inquiry) -> bool {
    inquiry.is_open() && inquiry.declined.is_none() && !inquiry.scope.state.is_out()
}

/// The kinds of the documents that are waited for from the office that refers; none where nobody is asked for any.
pub(super) fn wanted_of_office(inquiry: &Inquiry) -> impl Iterator<Item = &str> {
    let is_asked = is_chased(inquiry);
    let is_wanted = move |line: &&RecordLine| {
        is_asked && line.state == LineState::Requested && line.asked_of == RecordsFrom::ReferringOffice
    };
    inquiry.records.iter().filter(is_wanted).map(|line| line.kind.as_str())
}

/// The distances between one question and the next, in hours, and whether only open ones count.
fn distances(rules: &Rules<'_>) -> Vec<(u32, bool)> {
    let steps = rules.chase.map(|cadence| cadence.steps.as_slice()).unwrap_or_default();
    let mut before = 0;
    // A step at no distance is the question itself.
    let later = steps.iter().filter(|step| step.from == StepFrom::StatusStart && step.hours > 0);
    let distance = later.map(|step| {
        let hours = step.hours.saturating_sub(before);
        before = step.hours;
        (hours, step.business)
    });
    distance.collect()
}

fn after(at: Timestamp, (hours, business): (u32, bool), rules: &Rules<'_>) -> Timestamp {
    if business {
        return rules.calendar.add_business(at, hours.saturating_mul(60));
    }
    at.checked_add(SignedDuration::from_hours(i64::from(hours))).unwrap_or(at)
}

/// How often it was asked for; a line from before this was kept counts once.
fn times(line: &RecordLine) -> usize {
    usize::try_from(line.asked_times.max(1)).unwrap_or(usize::MAX)
}

/// When the person is asked again for a document, by itself and while the center is open; none: never.
pub fn asks_again_at(line: &RecordLine, rules: &Rules<'_>) -> Option<Timestamp> {
    if line.state != LineState::Requested || line.asked_of != RecordsFrom::Patient {
        return None;
    }
    let distances = distances(rules);
    let promised = line.promised_at.filter(|_| !distances.is_empty());
    let by_cadence = || Some(after(line.asked_at?, *distances.get(times(line) - 1)?, rules));
    promised.or_else(by_cadence).map(|at| rules.calendar.next_opening(at))
}

/// When the next person is asked again for a document of an inquiry; none: nobody is.
pub fn chase_due(inquiry: &Inquiry, rules: &Rules<'_>) -> Option<Timestamp> {
    if !is_chased(inquiry) {
        return None;
    }
    inquiry.records.iter().filter_map(|line| asks_again_at(line, rules)).min()
}

/// When a document that was asked for falls to staff: for the person's own after the last message, with the time that the center
/// gives to look after records; for an office's or a hospital's, when it is time to ask them again. None: by no cadence.
pub fn falls_to_staff_at(line: &RecordLine, rules: &Rules<'_>) -> Option<Timestamp> {
    let (distances, asked_at) = (distances(rules), line.asked_at?);
    let last = *distances.last()?;
    if line.asked_of != RecordsFrom::Patient {
        let again = distances.get(times(line) - 1).copied().unwrap_or(last);
        let at = line.promised_at.unwrap_or_else(|| after(asked_at, again, rules));
        return Some(rules.calendar.next_opening(at));
    }
    let end = match asks_again_at(line, rules) {
        Some(next) => distances.iter().skip(times(line)).fold(next, |at, one| after(at, *one, rules)),
        None => asked_at,
    };
    Some(rules.calendar.add_business(end, rules.targets.gather_records_minutes))
}

/// When the missing records fall to staff where every one that booking waits for was asked for; none: one was not, or no cadence
/// says so.
pub fn gather_due(inquiry: &Inquiry, rules: &Rules<'_>) -> Option<Timestamp> {
    let missing = |line: &&RecordLine| line.needed && matches!(line.state, LineState::Needed | LineState::Requested);
    let missing = inquiry.records.iter().filter(missing);
    let mut due = None;
    for line in missing {
        let at = Some(line)
            .filter(|line| line.state == LineState::Requested)
            .and_then(|line| falls_to_staff_at(line, rules))?;
        due = Some(due.map_or(at, |due: Timestamp| due.min(at)));
    }
    due
}

#[cfg(test)]
#[path = "chase_tests.rs"]
pub(super) mod tests;
