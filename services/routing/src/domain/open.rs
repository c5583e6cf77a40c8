//! When a team is there: the hours of the profile, less the closures on short notice.
//!
//! Deliberately not here: who entered a closure and why; a due time depends on its place and its stretch alone.

use std::collections::HashMap;

use causeway_funnel::calendar::{Calendar, Closure};
use causeway_funnel::profile::Profile;
use jiff::Timestamp;

/// A closure on short notice. An empty site or team means every one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    pub site: String,
    pub team: String,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Closed {
    fn is_for(&self, team: &str, site: Option<&str>) -> bool {
        (self.team.is_empty() || self.team == team) && (self.site.is_empty() || Some(self.site.as_str()) == site)
    }
}

/// Calendars with the closures taken out, each made once.
pub(crate) struct Open<'a> {
    profile: &'a Profile,
    closures: &'a [Closed],
    made: HashMap<(String, Option<String>), Calendar>,
}

impl<'a> Open<'a> {
    /// The calendars of a profile with these closures.
    pub(crate) fn new(profile: &'a Profile, closures: &'a [Closed]) -> Self {
        Self { profile, closures, made: HashMap::new() }
    }

    /// The profile.
    pub(crate) fn profile(&self) -> &'a Profile {
        self.profile
    }

    /// Until when a closure on short notice keeps a team from answering for a site; nothing where none stands at this instant.
    pub(crate) fn closed_until(&mut self, (team, site): (&str, Option<&str>), now: Timestamp) -> Option<Timestamp> {
        let stands = |closed: &Closed| closed.is_for(team, site) && closed.from <= now && now < closed.to;
        self.closures.iter().any(stands).then(|| self.of(team, site).next_opening(now))
    }

    /// The sites for which a closure on short notice keeps a team from answering at an instant; `None` where it answers for none.
    pub(crate) fn closed_sites(&self, team: &str, now: Timestamp) -> Option<Vec<String>> {
        let stands =
            |closed: &&Closed| closed.is_for(team, Some(&closed.site)) && closed.from <= now && now < closed.to;
        let sites: Vec<String> = self.closures.iter().filter(stands).map(|closed| closed.site.clone()).collect();
        (!sites.iter().any(String::is_empty)).then_some(sites)
    }

    /// The calendar of a team for a site.
    pub(crate) fn of(&mut self, team: &str, site: Option<&str>) -> &Calendar {
        let usual = self.profile.team_calendar(team, site);
        let closures = self.closures;
        if !closures.iter().any(|closed| closed.is_for(team, site)) {
            return usual;
        }
        self.made.entry((team.to_owned(), site.map(str::to_owned))).or_insert_with(|| {
            let own = closures.iter().filter(|closed| closed.is_for(team, site));
            own.fold(usual.clone(), |calendar, closed| {
                calendar.with_closure(Closure { from: closed.from, to: closed.to, reason: String::new() })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, harbor_valley};

    #[test]
    fn a_closure_counts_for_its_place_alone_and_one_without_a_place_for_everybody() {
        let profile = harbor_valley();
        // Thursday, 10:00 in Seattle; closed from 9:00 to 13:00.
        let now = at("2027-03-04T18:00:00Z");
        let opens = |site: &str, team: &str, asked: (&str, Option<&str>)| {
            let (from, to) = (at("2027-03-04T17:00:00Z"), at("2027-03-04T21:00:00Z"));
            let closures = [Closed { site: site.into(), team: team.into(), from, to }];
            let mut open = Open::new(&profile, &closures);
            // The second look is at the calendar that was made by the first one.
            assert_eq!(open.of(asked.0, asked.1).next_opening(now), open.of(asked.0, asked.1).next_opening(now));
            open.of(asked.0, asked.1).next_opening(now) != now
        };
        assert!(opens("", "", ("breast", None)) && opens("", "", ("trials", Some("valley"))));
        assert!(opens("valley", "", ("breast", Some("valley"))));
        assert!(!opens("valley", "", ("breast", Some("harbor"))) && !opens("valley", "", ("breast", None)));
        assert!(opens("", "breast", ("breast", None)) && !opens("", "breast", ("trials", None)));
        assert!(opens("valley", "breast", ("breast", Some("valley"))));
        assert!(!opens("valley", "breast", ("breast", Some("harbor"))));
    }

    #[test]
    fn a_closure_ends_at_the_next_opening_and_the_usual_closing_is_none() {
        let profile = harbor_valley();
        let (from, to) = (at("2027-03-04T17:00:00Z"), at("2027-03-05T06:00:00Z"));
        let closures = [Closed { site: String::new(), team: "breast".into(), from, to }];
        let mut open = Open::new(&profile, &closures);
        assert_eq!(open.closed_until(("breast", None), from), Some(at("2027-03-05T15:30:00Z")));
        let last = at("2027-03-05T05:59:59Z");
        assert_eq!(open.closed_until(("breast", Some("valley")), last), Some(at("2027-03-05T16:00:00Z")));
        assert_eq!(open.closed_until(("breast", None), to), None, "it is over, and the center is closed for the night");
        assert_eq!(open.closed_until(("breast", None), at("2027-03-04T16:59:59Z")), None);
        assert_eq!(open.closed_until(("trials", None), from), None);
        assert_eq!(open.closed_sites("breast", from), None, "it answers for no site");
        assert_eq!((open.closed_sites("breast", to), open.closed_sites("trials", from)), (Some(vec![]), Some(vec![])));
        let valley = [Closed { site: "valley".into(), team: String::new(), from, to }];
        assert_eq!(Open::new(&profile, &valley).closed_sites("breast", from), Some(vec!["valley".to_owned()]));
    }
}
