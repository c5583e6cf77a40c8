//! Samples of the routing table's page.

use super::staff::s;
use super::staff_frame;
use crate::pages::{Figures, RoutingPage, RuleFault, RuleRow, Share, Way};

impl RoutingPage {
    pub(super) fn sample() -> Self {
        let row = |name: &str, when: &[&str]| RuleRow {
            name: s(name),
            when: when.iter().map(|part| s(part)).collect(),
            team: s("Breast care team"),
            place: s("Breast care, Valley East"),
            target: s("within 3 open hours · High"),
            script: s("First call"),
            note: s("Valley East has its own breast clinic days"),
        };
        Self {
            frame: staff_frame("Routing"),
            revision: s("5b301571d818"),
            faults: Vec::new(),
            rows: vec![row("9", &["cancer area: “Breast”", "site preference: “valley”"]), row("rest", &[])],
            proposed: String::new(),
            days: s("90"),
            trouble: None,
            proposed_faults: Vec::new(),
            figures: None,
        }
    }

    pub(super) fn sample_tried() -> Self {
        Self {
            proposed: s("row,program,team,priority,target_hours,script\n1,general,general,normal,8,first-call\n"),
            figures: Some(Figures {
                summary: s("Of 12 requests in 90 days, 3 would have gone to another team."),
                ways: vec![Way { from: s("Breast care team"), to: s("Care guides"), count: s("3") }],
                load: vec![Share { team: s("Care guides"), before: s("9"), after: s("12") }],
                targets: s("First contact in time: 7 until now, 6 by this table."),
            }),
            ..Self::sample()
        }
    }

    pub(super) fn sample_faulty() -> Self {
        let fault = RuleFault {
            line: s("9"),
            what: s("row \"8\" never takes an inquiry: the rows before it take all of them"),
            example: s("an inquiry with the cancer area “Breast” goes to row \"7\""),
            remedy: s("move the row up, narrow the rows before it, or take it out"),
        };
        Self {
            faults: vec![fault.clone()],
            trouble: Some(s("Ask for 1 to 3660 days.")),
            proposed_faults: vec![fault],
            ..Self::sample()
        }
    }
}
