//! Past inquiries through another table: who would move, the load of each team, and which targets would be met or missed.
//!
//! Pure and without a clock, so that the same decisions in the same order always give the same figures. A due time is looked
//! up in the openings of the whole stretch instead of being computed day by day, and by the usual hours for both tables: closures,
//! pauses and what staff sent on would blame a table for the weather. Deliberately not here: reading decisions.

use std::collections::{BTreeMap, HashMap};

use causeway_funnel::calendar::Calendar;
use causeway_funnel::inquiry::Facts;
use causeway_funnel::profile::Profile;
use causeway_funnel::routing::{Table, decide};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::clock::response_clock;
use super::route::site_of;

/// Longest stretch whose openings are looked up, days; beyond it each due time is computed.
const LONGEST: i64 = 640;
/// Openings that are looked up after the last receipt, days: within them nearly every target falls.
const AFTER: i64 = 60;

/// A decision as it was made, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    /// Team that got it by the table.
    pub team: String,
    /// Site for which it was to be answered.
    pub site: Option<String>,
    /// Open minutes until first contact was due.
    pub target_minutes: u32,
    /// When somebody first tried.
    pub first_attempt_at: Option<Timestamp>,
    /// What the inquiry said.
    pub facts: Facts,
}

/// What another table would have done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WhatIf {
    /// Decisions that were replayed.
    pub considered: u64,
    /// Decisions whose facts can not be read any more; they are left out.
    pub unreadable: u64,
    /// Inquiries that another team would have got.
    pub moved: u64,
    /// They by the team that got them and the one that would have, most first.
    pub moves: Vec<Move>,
    /// Each team with what it got and would have got.
    pub load: Vec<Load>,
    /// First contact in time or not, among those that somebody tried to reach.
    pub targets: Targets,
}

/// Inquiries that would have gone elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Team that got them.
    pub from: String,
    /// Team that would have.
    pub to: String,
    /// How many.
    pub count: u64,
}

/// What a team got and would have got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Team id.
    pub team: String,
    /// Got.
    pub before: u64,
    /// Would have got.
    pub after: u64,
}

/// How targets were met, had first contact been tried at the same instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Targets {
    /// In time.
    pub met_before: u64,
    /// In time by the other table.
    pub met_after: u64,
    /// Late, and in time by the other table.
    pub gained: u64,
    /// In time, and late by the other table.
    pub missed: u64,
    /// Nobody tried, so nothing can be said.
    pub not_tried: u64,
}

/// A replay that is under way.
pub(crate) struct Replay<'a> {
    profile: &'a Profile,
    table: &'a Table,
    openings: HashMap<(String, Option<String>), Openings>,
    stretch: (Timestamp, Timestamp),
    teams: HashMap<String, usize>,
    moves: BTreeMap<(usize, usize), u64>,
    load: Vec<(u64, u64)>,
    told: WhatIf,
}

impl<'a> Replay<'a> {
    /// A replay of inquiries that were received in a stretch; others are replayed as well, if slower.
    pub fn new(profile: &'a Profile, table: &'a Table, (from, to): (Timestamp, Timestamp)) -> Self {
        let days = |count: i64| SignedDuration::from_hours(24 * count);
        let from = from.saturating_sub(days(1)).unwrap_or(from);
        let to = to.saturating_add(days(AFTER)).unwrap_or(to).min(from.saturating_add(days(LONGEST)).unwrap_or(to));
        Self {
            profile,
            table,
            openings: HashMap::new(),
            stretch: (from, to),
            teams: HashMap::new(),
            moves: BTreeMap::new(),
            load: Vec::new(),
            told: WhatIf::default(),
        }
    }

    /// One whose facts can not be read.
    pub fn add_unreadable(&mut self) {
        self.told.unreadable += 1;
    }

    /// One more.
    pub fn add(&mut self, past: &Past) {
        let decision = decide(self.table, &past.facts);
        let site = site_of(self.profile, decision.site.as_deref(), &past.facts);
        let (before, after) = (self.team(&past.team), self.team(&decision.team));
        self.told.considered += 1;
        self.load[before].0 += 1;
        self.load[after].1 += 1;
        if before != after {
            self.told.moved += 1;
            *self.moves.entry((before, after)).or_default() += 1;
        }
        let Some(tried_at) = past.first_attempt_at else {
            self.told.targets.not_tried += 1;
            return;
        };
        let received_at = past.facts.received_at;
        let was_due_at = self.due((&past.team, past.site.as_deref()), received_at, past.target_minutes);
        let due_at = self.due((&decision.team, site), received_at, decision.target_minutes);
        let (met_before, met_after) = (tried_at <= was_due_at, tried_at <= due_at);
        let targets = &mut self.told.targets;
        targets.met_before += u64::from(met_before);
        targets.met_after += u64::from(met_after);
        targets.gained += u64::from(!met_before && met_after);
        targets.missed += u64::from(met_before && !met_after);
    }

    fn team(&mut self, team: &str) -> usize {
        if let Some(place) = self.teams.get(team) {
            return *place;
        }
        self.load.push((0, 0));
        self.teams.insert(team.to_owned(), self.load.len() - 1);
        self.load.len() - 1
    }

    fn due(&mut self, (team, site): (&str, Option<&str>), received_at: Timestamp, minutes: u32) -> Timestamp {
        let calendar = self.profile.team_calendar(team, site);
        let key = (team.to_owned(), site.map(str::to_owned));
        let stretch = self.stretch;
        let openings = self.openings.entry(key).or_insert_with(|| Openings::of(calendar, stretch));
        let known = openings.due(received_at, minutes);
        known.unwrap_or_else(|| response_clock(calendar, received_at, minutes).due_at)
    }

    /// The figures, teams by name and moves by number.
    pub fn finish(mut self) -> WhatIf {
        let mut names = vec![String::new(); self.load.len()];
        for (name, place) in self.teams {
            names[place] = name;
        }
        let moves = self.moves.into_iter();
        self.told.moves =
            moves.map(|((from, to), count)| Move { from: names[from].clone(), to: names[to].clone(), count }).collect();
        self.told.moves.sort_by(|a, b| (b.count, &a.from, &a.to).cmp(&(a.count, &b.from, &b.to)));
        let load = names.into_iter().zip(self.load);
        self.told.load = load.map(|(team, (before, after))| Load { team, before, after }).collect();
        self.told.load.sort_by(|a, b| a.team.cmp(&b.team));
        self.told
    }
}

/// The openings of a calendar in a stretch, each with the open time before it.
struct Openings {
    from: Timestamp,
    /// Open, close, and the open time before, microseconds.
    spans: Vec<(i64, i64, i64)>,
}

impl Openings {
    fn of(calendar: &Calendar, (from, to): (Timestamp, Timestamp)) -> Self {
        let mut before = 0;
        let spans = calendar.open_spans(from).take_while(|(_, close)| *close <= to).map(|(open, close)| {
            let span = (open.as_microsecond(), close.as_microsecond(), before);
            before += span.1 - span.0;
            span
        });
        let spans = spans.collect();
        Self { from, spans }
    }

    /// When so many open minutes have passed after an instant; nothing where these openings do not tell.
    fn due(&self, start: Timestamp, minutes: u32) -> Option<Timestamp> {
        if start < self.from {
            return None;
        }
        let start = start.as_microsecond();
        let next = self.spans.partition_point(|(_, close, _)| *close <= start);
        let (open, _, before) = *self.spans.get(next)?;
        let target = before + (start - open).max(0) + i64::from(minutes) * 60_000_000;
        let last = self.spans.partition_point(|(open, close, before)| before + (close - open) < target);
        let (open, _, before) = *self.spans.get(last)?;
        Timestamp::from_microsecond(open + (target - before)).ok()
    }
}

#[cfg(test)]
mod tests {
    use causeway_funnel::inquiry::{CancerArea, ConsultType};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::route;
    use crate::samples::{at, harbor_valley};

    const HEAD: &str = "row,cancer_area,consult_type,program,team,to_site,priority,target_hours,script\n\
        t,,clinical_trial,trials,trials,harbor,normal,8,trial-question\n";

    fn proposed(profile: &Profile, rows: &str) -> Table {
        profile.propose("routing.csv", &format!("{HEAD}{rows}")).expect("a table")
    }

    fn past(profile: &Profile, area: CancerArea, tried_after_minutes: Option<i64>) -> Past {
        let facts = Facts {
            cancer_area: area,
            consult_type: ConsultType::NewConsult,
            language: "en".into(),
            received_at: at("2027-03-04T18:00:00Z"),
            ..Facts::default()
        };
        let decided = route(profile, &facts);
        let tried = |minutes| facts.received_at + SignedDuration::from_mins(minutes);
        Past {
            team: decided.team.to_string(),
            site: decided.site.as_deref().map(str::to_owned),
            target_minutes: decided.target_minutes,
            first_attempt_at: tried_after_minutes.map(tried),
            facts,
        }
    }

    #[test]
    fn moves_load_and_targets_are_counted_against_what_was() {
        let profile = harbor_valley();
        // Breast: three open hours until now, then one; skin: eight, then nine.
        let rows = "b,breast,,breast,general,harbor,high,1,first-call\nr,,,general,general,,normal,9,first-call\n";
        let table = proposed(&profile, rows);
        let mut replay = Replay::new(&profile, &table, (at("2027-03-04T00:00:00Z"), at("2027-03-05T00:00:00Z")));
        replay.add(&past(&profile, CancerArea::Breast, Some(30)));
        replay.add(&past(&profile, CancerArea::Breast, Some(120)));
        replay.add(&past(&profile, CancerArea::Breast, None));
        // Tried 14 hours after: late by the eight hours of before, since the center closes for the night after 8.5 of them.
        replay.add(&past(&profile, CancerArea::Skin, Some(22 * 60)));
        replay.add_unreadable();
        let told = replay.finish();
        assert_eq!((told.considered, told.unreadable, told.moved), (4, 1, 3));
        assert_eq!(told.moves, [Move { from: "breast".into(), to: "general".into(), count: 3 }]);
        let load = |team: &str, before, after| Load { team: team.into(), before, after };
        assert_eq!(told.load, [load("breast", 3, 0), load("general", 1, 4)]);
        let targets = Targets { met_before: 2, met_after: 2, gained: 1, missed: 1, not_tried: 1 };
        assert_eq!(told.targets, targets);
    }

    #[test]
    fn the_table_in_force_moves_nobody() {
        let profile = harbor_valley();
        let mut replay =
            Replay::new(&profile, &profile.routing, (at("2027-03-04T00:00:00Z"), at("2027-03-05T00:00:00Z")));
        for area in CancerArea::ALL {
            replay.add(&past(&profile, *area, Some(300)));
        }
        let told = replay.finish();
        assert_eq!((told.moved, told.targets.gained, told.targets.missed), (0, 0, 0));
        assert!(told.targets.met_before > 0 && told.load.len() > 3);
    }

    proptest! {
        #[test]
        fn a_due_time_that_is_looked_up_is_the_one_that_is_computed(
            second in 1_796_000_000_i64..1_812_000_000, minutes in 1_u32..9_000, site in 0_usize..3,
        ) {
            let profile = harbor_valley();
            let calendar = profile.calendar([None, Some("harbor"), Some("valley")][site]);
            let received = Timestamp::from_second(second).expect("instant");
            let (from, to) = (Timestamp::from_second(1_796_000_000).expect("instant"), Timestamp::from_second(1_815_000_000).expect("instant"));
            let looked_up = Openings::of(calendar, (from, to)).due(received, minutes);
            if let Some(due) = looked_up {
                prop_assert_eq!(due, response_clock(calendar, received, minutes).due_at);
            }
            prop_assert!(looked_up.is_some() || second > 1_800_000_000);
        }
    }
}
