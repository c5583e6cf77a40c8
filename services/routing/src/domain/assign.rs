//! Whose turn an inquiry is: by the team's way of giving out, among who is on duty and has a free hand.
//!
//! A roster is what was known at one instant; each choice counts in it at once, so that a batch is given out as fairly as one
//! inquiry after the other. Deliberately not here: the desk's word on who works it, which wins over every choice.

use std::collections::BTreeMap;

use causeway_funnel::profile::{Assignment, Profile, Staff};
use jiff::Timestamp;

/// What is known of one member of staff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    /// Open inquiries that they hold.
    pub open: i32,
    /// By team: the greater, the later they had their last turn.
    pub turns: BTreeMap<String, i64>,
    /// Absences that have not ended: from, and up to but without.
    pub away: Vec<(Timestamp, Timestamp)>,
    /// `open` or `turns` are others than they were read.
    pub changed: bool,
}

impl Person {
    fn is_away(&self, at: Timestamp) -> bool {
        self.away.iter().any(|(from, to)| *from <= at && at < *to)
    }
}

/// What an inquiry asks of whoever gets it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Need<'a> {
    /// The person's language; empty: not known.
    pub language: &'a str,
    /// Skills without which nobody gets it.
    pub skills: &'a [String],
    /// Who does not get it, since it is theirs now.
    pub except: &'a str,
}

/// The staff of a center at one instant.
pub(crate) struct Roster<'a> {
    profile: &'a Profile,
    now: Timestamp,
    people: BTreeMap<String, Person>,
    on_duty: BTreeMap<String, bool>,
}

impl<'a> Roster<'a> {
    /// The roster of what was read.
    pub fn new(profile: &'a Profile, now: Timestamp, people: BTreeMap<String, Person>) -> Self {
        Self { profile, now, people, on_duty: BTreeMap::new() }
    }

    /// Chooses somebody of a team and counts it; `None` where nobody is on duty with a free hand.
    pub fn choose(&mut self, team_id: &str, need: Need<'_>) -> Option<String> {
        let profile = self.profile;
        let team = profile.team(team_id)?;
        let fit: Vec<&Staff> = answering(profile, team_id)
            .filter(|staff| staff.id != need.except)
            .filter(|staff| need.skills.iter().all(|skill| staff.skills.contains(skill)))
            .filter(|staff| self.is_on_duty(&staff.id) && self.has_a_free_hand(staff))
            .collect();
        let chosen = fit.into_iter().min_by_key(|staff| {
            let speaks = need.language.is_empty() || staff.languages.iter().any(|spoken| spoken == need.language);
            let (open, turn) = self.standing(&staff.id, team_id);
            match team.assignment {
                Assignment::RoundRobin => (false, 0, turn),
                Assignment::LeastLoaded => (false, open, turn),
                // Nobody waits for a colleague who is away: without one who speaks it, the one who has least calls with an interpreter.
                Assignment::Language => (!speaks, open, turn),
            }
        })?;
        let turn = profile.staff_of(team_id).map(|staff| self.standing(&staff.id, team_id).1).max().unwrap_or(0) + 1;
        let person = self.person(&chosen.id);
        person.turns.insert(team_id.to_owned(), turn);
        person.open += 1;
        Some(chosen.id.clone())
    }

    /// Whether somebody of a team is on duty with a free hand.
    pub fn has_a_hand_for(&mut self, team_id: &str) -> bool {
        let profile = self.profile;
        answering(profile, team_id).any(|staff| self.is_on_duty(&staff.id) && self.has_a_free_hand(staff))
    }

    /// Somebody has one more.
    pub fn took(&mut self, staff: &str) {
        self.person(staff).open += 1;
    }

    /// Somebody has one less.
    pub fn gave(&mut self, staff: &str) {
        let person = self.person(staff);
        person.open = (person.open - 1).max(0);
    }

    /// Whether somebody is in a shift and not away.
    pub fn is_on_duty(&mut self, staff: &str) -> bool {
        if let Some(known) = self.on_duty.get(staff) {
            return *known;
        }
        let away = self.people.get(staff).is_some_and(|person| person.is_away(self.now));
        let on_duty = !away && self.profile.duty(staff).is_open(self.now);
        self.on_duty.insert(staff.to_owned(), on_duty);
        on_duty
    }

    /// When a team may have somebody for what waits: when the next one comes on duty. Nothing where somebody is there already, or
    /// nobody of it is ever given anything; then only what changes can help.
    pub fn next_on_duty(&mut self, team_id: &str) -> Option<Timestamp> {
        let profile = self.profile;
        let mut first: Option<Timestamp> = None;
        for staff in answering(profile, team_id) {
            if self.is_on_duty(&staff.id) {
                return None;
            }
            let at = self.back_on_duty(&staff.id);
            first = Some(first.map_or(at, |known| known.min(at)));
        }
        first
    }

    /// The next instant at which somebody who is not on duty will be.
    fn back_on_duty(&self, staff: &str) -> Timestamp {
        let duty = self.profile.duty(staff);
        let mut at = duty.next_opening(self.now);
        let Some(person) = self.people.get(staff) else { return at };
        // An absence may end in the middle of the next one.
        for _ in 0..=person.away.len() {
            let Some((_, to)) = person.away.iter().find(|(from, to)| *from <= at && at < *to) else { break };
            at = duty.next_opening(*to);
        }
        at
    }

    /// Those whose numbers are others than they were read, in the order of their ids.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &Person)> {
        self.people.iter().filter(|(_, person)| person.changed).map(|(staff, person)| (staff.as_str(), person))
    }

    /// What is known of somebody.
    pub fn find(&self, staff: &str) -> Option<&Person> {
        self.people.get(staff)
    }

    fn has_a_free_hand(&self, staff: &Staff) -> bool {
        let open = self.people.get(&staff.id).map_or(0, |person| person.open);
        staff.capacity.is_none_or(|capacity| open < i32::from(capacity))
    }

    fn standing(&self, staff: &str, team: &str) -> (i32, i64) {
        self.people
            .get(staff)
            .map_or((0, 0), |person| (person.open, person.turns.get(team).copied().unwrap_or_default()))
    }

    fn person(&mut self, staff: &str) -> &mut Person {
        let person = self.people.entry(staff.to_owned()).or_default();
        person.changed = true;
        person
    }
}

/// The people of a team who are given new inquiries.
fn answering<'a>(profile: &'a Profile, team_id: &'a str) -> impl Iterator<Item = &'a Staff> {
    profile.staff_of(team_id).filter(|staff| staff.answers_inquiries())
}

#[cfg(test)]
#[path = "assign_tests.rs"]
mod tests;
