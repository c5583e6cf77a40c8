//! Made-up values of the page about teams.

use super::staff::{s, select};
use super::staff_frame;
use crate::pages::{AwayRow, RerouteRow, Reroutes, TeamPerson, TeamRow, TeamsPage};

impl TeamsPage {
    pub(super) fn sample() -> Self {
        let person = |name: &str, duty: &'static str, load: &str| TeamPerson { name: s(name), duty, load: s(load) };
        let row = |name: &str, late, next_due: &str| TeamRow {
            name: s(name),
            url: s("/worklist?view=all&team=gi"),
            open: 12,
            late,
            unowned: late,
            next_due: s(next_due),
            people: vec![
                person("Dana Okafor", "on duty", "7 open, 2 late"),
                person("Jorge Maldonado", "away", "nothing open"),
            ],
        };
        TeamsPage {
            frame: staff_frame("Teams"),
            as_of: s("Wednesday, March 3, at 2:14 pm"),
            rows: vec![row("GI team", 2, "Today 2:30 pm"), row("Clinical trials team", 0, "")],
            duty_trouble: None,
            away: vec![AwayRow {
                id: s("0192"),
                name: s("Jorge Maldonado"),
                when: s("Today 8 am to Fri, March 5, 8 am"),
                may_end: true,
            }],
            staff: select(&["Dana Okafor", "Jorge Maldonado"]),
            reroutes: Some(Reroutes {
                share: s("3 times, of 40 inquiries that the routing table decided on."),
                rows: vec![RerouteRow {
                    row: s("6"),
                    way: s("GI team to Clinical trials team"),
                    reason: s("A question about a trial"),
                    count: 3,
                }],
            }),
        }
    }

    pub(super) fn sample_empty() -> Self {
        TeamsPage {
            duty_trouble: Some(s("Who is on duty and who is away can’t be shown at the moment.")),
            away: Vec::new(),
            staff: Vec::new(),
            reroutes: None,
            ..Self::sample()
        }
    }
}
