//! Made-up values of the page about closures.

use super::staff::{s, select};
use super::staff_frame;
use crate::pages::{ClosureForm, ClosureRow, ClosuresPage, Tone};

impl ClosuresPage {
    pub(super) fn sample() -> Self {
        let row = |id: &str, place: &str, state, tone, may_end| ClosureRow {
            id: s(id),
            place: s(place),
            when: s("Today 11 am to Today 5 pm"),
            reason: s("Power, phones or systems are down"),
            note: s("The phone company says 5 pm"),
            entered: s("Entered by Priya N., Today 11:20 am"),
            state,
            tone,
            may_end,
            may_withdraw: true,
        };
        ClosuresPage {
            frame: staff_frame("Closures"),
            caption: s("2 closures stand or lie ahead."),
            rows: vec![
                row("1", "Valley East", "Closed now", Tone::Warn, true),
                row("2", "The whole center", "Ahead", Tone::Brand, false),
            ],
            form: Some(ClosureForm {
                sites: select(&["Every site", "Valley East"]),
                teams: select(&["Every team", "Breast care team"]),
                from: s("2027-03-03T14:10"),
                to: s("2027-03-03T18:30"),
                reasons: select(&["Weather", "Another reason"]),
                note: s("The phone company says 5 pm"),
            }),
            days: vec![(s("Monday, May 31, 2027"), s("Memorial Day"))],
        }
    }
}
