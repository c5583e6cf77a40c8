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

/// What is due for one person within this time is asked in one message, and no reminder follows another question sooner.
const TOGETHER: SignedDuration = SignedDuration::from_hours(12);

impl RecordLine {
    /// Somebody was asked for it.
    pub(super) fn asked(&mut self, of: RecordsFrom, now: Timestamp) {
        if self.asked_times == 0 || self.asked_of != of {
            (self.first_asked_at, self.asked_times) = (self.asked_at.filter(|_| self.asked_of == of).or(Some(now)), 0);
        }
        self.asked_of = of;
        self.asked_at = Some(now);
        // A question that nobody got does not count.
        self.asked_times += u32::from(self.untold_at.is_none() || self.asked_times == 0);
        (self.promised_at, self.untold_at, self.rests_until) = (None, None, None);
    }

    /// Since when it is waited for.
    pub fn waited_since(&self) -> Option<Timestamp> {
        self.first_asked_at.or(self.asked_at)
    }

    /// The person was asked for it and has not sent it.
    pub(super) fn waits_for_the_person(&self) -> bool {
        self.state == LineState::Requested && self.asked_of == RecordsFrom::Patient
    }
}

/// Whether anybody is asked again: somebody works it, and nobody hears at the same time that they are not treated here.
fn is_chased(inquiry: &Inquiry) -> bool {
    let wants_contact = inquiry.stopped_at.is_none();
    inquiry.is_open() && wants_contact && inquiry.declined.is_none() && !inquiry.scope.state.is_out()
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
    // A step at no distance is the question itself, or one that a profile of an earlier release repeats.
    let later = steps.iter().filter(|step| step.from == StepFrom::StatusStart);
    let distance = later.filter_map(|step| {
        let hours = step.hours.checked_sub(before).filter(|hours| *hours > 0)?;
        before = step.hours;
        Some((hours, step.business))
    });
    distance.collect()
}

/// An instant so many hours later.
pub(super) fn after(at: Timestamp, (hours, business): (u32, bool), rules: &Rules<'_>) -> Timestamp {
    if business {
        return rules.calendar.add_business(at, hours.saturating_mul(60));
    }
    at.checked_add(SignedDuration::from_hours(i64::from(hours))).unwrap_or(at)
}

/// How often it was asked for; a line from before this was kept counts once.
fn times(line: &RecordLine) -> usize {
    usize::try_from(line.asked_times.max(1)).unwrap_or(usize::MAX)
}

/// The distance from the last question to the next; none: that was the last.
pub(super) fn next_distance(line: &RecordLine, rules: &Rules<'_>) -> Option<(u32, bool)> {
    distances(rules).get(times(line) - 1).copied()
}

/// When the person is asked again for a document, by what is known of it alone.
fn by_line(line: &RecordLine, rules: &Rules<'_>) -> Option<Timestamp> {
    // What booking can do without is asked for once, and who did not get the question is asked by staff.
    if !line.waits_for_the_person() || !line.needed || line.untold_at.is_some() {
        return None;
    }
    let promised = line.promised_at.filter(|_| !distances(rules).is_empty());
    let by_cadence = || Some(after(line.asked_at?, next_distance(line, rules)?, rules));
    let at = promised.or_else(by_cadence)?;
    Some(rules.calendar.next_opening(line.rests_until.map_or(at, |rests| rests.max(at))))
}

/// When the person is asked again for a document, by itself and while the center is open; none: never. Nobody is asked again for what may
/// already lie here unnamed, nor from the hour of the visit on.
pub fn asks_again_at(inquiry: &Inquiry, line: &RecordLine, rules: &Rules<'_>) -> Option<Timestamp> {
    if !is_chased(inquiry) || unnamed_since(inquiry).is_some() {
        return None;
    }
    let own = by_line(line, rules)?;
    let later = inquiry.records.iter().filter(|other| other.asked_of == RecordsFrom::Patient);
    let later = later.filter_map(|other| other.asked_at).filter(|asked| Some(*asked) > line.asked_at).max();
    let apart = later.and_then(|asked| asked.checked_add(TOGETHER).ok()).map(|at| rules.calendar.next_opening(at));
    let at = apart.map_or(own, |apart| apart.max(own));
    Some(at).filter(|at| inquiry.visit_at().is_none_or(|visit| *at < visit))
}

/// The documents for which the person is asked again now; none while the center is closed.
pub(super) fn asked_again(inquiry: &Inquiry, now: Timestamp, rules: &Rules<'_>) -> Vec<String> {
    let is_open = rules.calendar.next_opening(now) <= now && inquiry.visit_at().is_none_or(|visit| now < visit);
    let due = |line: &RecordLine, by: Timestamp| asks_again_at(inquiry, line, rules).is_some_and(|at| at <= by);
    if !is_open || !inquiry.records.iter().any(|line| due(line, now)) {
        return Vec::new();
    }
    // What would be due soon goes with it, unless it was promised.
    let soon = now.checked_add(TOGETHER).unwrap_or(now);
    let goes = |line: &&RecordLine| due(line, now) || line.promised_at.is_none() && due(line, soon);
    inquiry.records.iter().filter(goes).map(|line| line.kind.clone()).collect()
}

/// Since when a document waits for somebody to say what it is.
fn unnamed_since(inquiry: &Inquiry) -> Option<Timestamp> {
    inquiry.loose.iter().filter_map(|one| one.since).min()
}

/// When the person is asked again next for a document of an inquiry; none: they are not.
pub(super) fn chase_due(inquiry: &Inquiry, rules: &Rules<'_>) -> Option<Timestamp> {
    inquiry.records.iter().filter_map(|line| asks_again_at(inquiry, line, rules)).min()
}

/// Without a cadence it is looked once a day whether the center has one by now.
const WITHOUT_CADENCE: SignedDuration = SignedDuration::from_hours(24);

/// When to look whether the person is asked again; none: there is nothing to ask.
pub fn chase_look(inquiry: &Inquiry, rules: &Rules<'_>) -> Option<Timestamp> {
    if is_chased(inquiry) && distances(rules).is_empty() {
        let waiting = inquiry.records.iter().filter(|line| line.needed && line.waits_for_the_person());
        return waiting.filter_map(|line| line.asked_at).max()?.checked_add(WITHOUT_CADENCE).ok();
    }
    chase_due(inquiry, rules)
}

/// When to look again, where a look came too early, while the center is closed, or at a center that has no cadence now.
pub(super) fn chase_look_again(inquiry: &Inquiry, now: Timestamp, rules: &Rules<'_>) -> Option<Timestamp> {
    let at = chase_look(inquiry, rules)?;
    let at = match distances(rules).is_empty() {
        true => now.checked_add(WITHOUT_CADENCE).ok()?,
        false => rules.calendar.next_opening(at.max(now)),
    };
    Some(at).filter(|at| *at > now)
}

/// When a document that was asked for falls to staff: for the person's own after the last message, with the time that the center
/// gives to look after records; for an office's or a hospital's, when it is time to ask them again. None: by no cadence.
pub fn falls_to_staff_at(line: &RecordLine, rules: &Rules<'_>) -> Option<Timestamp> {
    if let Some(untold) = line.untold_at {
        return Some(rules.calendar.next_opening(untold));
    }
    let (distances, asked_at) = (distances(rules), line.asked_at?);
    let last = *distances.last()?;
    if line.asked_of != RecordsFrom::Patient {
        let again = distances.get(times(line) - 1).copied().unwrap_or(last);
        let at = line.promised_at.unwrap_or_else(|| after(asked_at, again, rules));
        return Some(rules.calendar.next_opening(at));
    }
    let end = match by_line(line, rules) {
        Some(next) => distances.iter().skip(times(line)).fold(next, |at, one| after(at, *one, rules)),
        None => asked_at,
    };
    Some(rules.calendar.add_business(end, rules.targets.gather_records_minutes))
}

/// When the missing records fall to staff, where every one that booking waits for was asked for; none: one was not, or no cadence
/// says so.
fn asked_due(inquiry: &Inquiry, rules: &Rules<'_>) -> Option<Timestamp> {
    let missing = |line: &&RecordLine| line.needed && matches!(line.state, LineState::Needed | LineState::Requested);
    let falls = |line: &RecordLine| match line.state {
        LineState::Requested => falls_to_staff_at(line, rules),
        _ => None,
    };
    inquiry.records.iter().filter(missing).map(falls).collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// When missing records fall to staff. `kept`: their due time so far, where nothing began anew. A document that nobody was asked for is
/// to be gathered in the time that the center gives, however long one waits for the others; and one of which nobody has said what
/// it is may be what is missing, so it is to be looked at in that time too.
pub(super) fn gather_due(inquiry: &Inquiry, kept: Option<Timestamp>, now: Timestamp, rules: &Rules<'_>) -> Timestamp {
    let within = |since: Timestamp| rules.calendar.add_business(since, rules.targets.gather_records_minutes);
    let unasked = || kept.map_or_else(|| within(now), |kept| kept.min(within(now)));
    let at = asked_due(inquiry, rules).unwrap_or_else(unasked);
    unnamed_since(inquiry).map_or(at, |since| at.min(within(since)))
}

#[cfg(test)]
#[path = "chase_tests.rs"]
pub(super) mod tests;
