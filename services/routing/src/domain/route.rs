//! Where an inquiry goes: the table's decision together with the clock of the place that answers.
//!
//! The hours of the team count where it has any, else those of the site: the row's own, else the one that the person would
//! rather visit, else the center's. Deliberately not here: who in the team gets it.

use std::sync::Arc;

use causeway_funnel::inquiry::Facts;
use causeway_funnel::profile::Profile;
use causeway_funnel::routing::{Priority, decide};

use super::clock::{ResponseClock, response_clock};
use super::open::Open;

/// A route: the row's answers and the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// The row's own name.
    pub row: Arc<str>,
    /// Program id.
    pub program: Arc<str>,
    /// Team id.
    pub team: Arc<str>,
    /// Site id, where the row or the person named one.
    pub site: Option<Arc<str>>,
    /// How pressing.
    pub priority: Priority,
    /// Call script id.
    pub script: Arc<str>,
    /// What whoever gets it has to know.
    pub skills: Arc<[String]>,
    /// Open minutes until first contact.
    pub target_minutes: u32,
    /// When it is due.
    pub clock: ResponseClock,
}

/// Routes by a profile and its usual hours.
#[cfg(test)]
pub(crate) fn route(profile: &Profile, facts: &Facts) -> Route {
    route_in(&mut Open::new(profile, &[]), facts)
}

/// Routes by the profile in force and the hours as they are with all closures.
pub(crate) fn route_in(open: &mut Open<'_>, facts: &Facts) -> Route {
    let profile = open.profile();
    let decision = decide(&profile.routing, facts);
    let site: Option<Arc<str>> = site_of(profile, decision.site.as_deref(), facts).map(Arc::from);
    let calendar = open.of(&decision.team, site.as_deref());
    let clock = response_clock(calendar, facts.received_at, decision.target_minutes);
    Route {
        row: decision.name,
        program: decision.program,
        team: decision.team,
        site,
        priority: decision.priority,
        script: decision.script,
        skills: decision.skills,
        target_minutes: decision.target_minutes,
        clock,
    }
}

/// The site that answers: the row's own, else the one that the person would rather visit.
pub(crate) fn site_of<'a>(profile: &Profile, decided: Option<&'a str>, facts: &'a Facts) -> Option<&'a str> {
    // A preference of an older form may name a site that has closed since.
    decided.or_else(|| facts.site_preference.as_deref().filter(|site| profile.site(site).is_some()))
}

#[cfg(test)]
mod tests {
    use causeway_funnel::inquiry::{CancerArea, ConsultType, RecordsOnHand};

    use super::*;
    use crate::samples::{at, harbor_valley};

    fn facts() -> Facts {
        Facts {
            center: "harbor-valley".into(),
            consult_type: ConsultType::SecondOpinion,
            cancer_area: CancerArea::Gi,
            records_on_hand: RecordsOnHand::None,
            language: "en".into(),
            // 19:40 on a Thursday in Seattle.
            received_at: at("2027-03-05T03:40:00Z"),
            ..Facts::default()
        }
    }

    #[test]
    fn a_second_opinion_of_the_evening_goes_to_its_team_and_its_clock_starts_at_opening() {
        let route = route(&harbor_valley(), &facts());
        assert_eq!((&*route.team, &*route.script), ("gi-second-opinion", "no-records-yet"));
        assert!(route.clock.after_hours);
        assert_eq!(route.clock.starts_at, at("2027-03-05T15:30:00Z"), "the center opens at 7:30");
        assert_eq!(route.clock.due_at, at("2027-03-05T19:30:00Z"));
    }

    #[test]
    fn the_hours_of_the_preferred_site_count_and_an_unknown_site_is_left_out() {
        let valley = Facts { site_preference: Some("valley".into()), ..facts() };
        let decided = route(&harbor_valley(), &valley);
        assert_eq!(decided.site.as_deref(), Some("valley"));
        assert_eq!(decided.clock.starts_at, at("2027-03-05T16:00:00Z"), "that site opens at 8:00");
        let gone = Facts { site_preference: Some("closed-long-ago".into()), ..facts() };
        assert_eq!(route(&harbor_valley(), &gone).site, None);
    }

    #[test]
    fn a_trial_question_goes_to_the_trial_team_whatever_the_cancer_area() {
        let profile = harbor_valley();
        for area in CancerArea::ALL {
            let trial = Facts { consult_type: ConsultType::ClinicalTrial, cancer_area: *area, ..facts() };
            let team = route(&profile, &trial).team;
            assert!(profile.team(&team).is_some_and(|team| team.trial), "{area}");
        }
    }
}
