//! Samples of the repair queue.

use super::{
    PATIENT,
    staff::{s, select},
    staff_frame,
};
use crate::pages::{
    Fact, Filter, HiddenField, Moment, Question, Raw, RepairPage, RepairRow, RepairsPage, Tone, ViewTab,
};

impl RepairsPage {
    pub(super) fn sample() -> Self {
        let view = |label: &str, count, current| ViewTab { label: s(label), count, url: s("/repairs"), current };
        let row = |id: &str, from: &str, why: &str, inquiry: Option<&str>| RepairRow {
            id: s(id),
            url: format!("/repairs/{id}"),
            since: s("Wednesday, March 3, 2:18 pm"),
            from: s(from),
            door: s("HL7 messages · REF^I12"),
            why: s(why),
            why_note: s("The office was told what to mend."),
            who: s("The office, or you"),
            inquiry: inquiry.map(|reference| (s(reference), s("/inquiries/1"))),
            may_retry: inquiry.is_none(),
        };
        RepairsPage {
            frame: staff_frame("Repairs"),
            views: vec![view("For us to mend", 2, true), view("For the sender to mend", 1, false)],
            filters: vec![Filter { name: s("door"), label: s("Came by"), options: select(&["All doors", "Lists"]) }],
            keep: vec![HiddenField { name: s("view"), value: s("waiting") }],
            caption: s("2 wait, the oldest first."),
            empty: s("Nothing waits."),
            rows: vec![
                row("1", "Cedar Family Medicine", "A code that we don’t know", None),
                row("2", "Web form", "An answer that can’t be read", Some("HV-7K4M-2QX")),
            ],
            next_url: Some(s("/repairs?view=waiting&after=1")),
        }
    }
}

impl RepairPage {
    pub(super) fn sample() -> Self {
        let ask = |key: &str, label: &str, value: &str, error: Option<&str>| Question {
            key: s(key),
            label: s(label),
            value: s(value),
            required: true,
            error: error.map(s),
            ..Question::default()
        };
        let fact = |label: &str, value: &str| Fact { label: s(label), value: s(value), link: None, tone: Tone::Idle };
        RepairPage {
            frame: staff_frame("Repairs"),
            base: s("/repairs/1"),
            id: s("1"),
            kind: s("message"),
            heading: s("From Cedar Family Medicine"),
            why: s("The office was told what to mend and to send it again. You can mend it here too."),
            facts: vec![fact("Came by", "HL7 messages · REF^I12"), fact("Came", "2 times")],
            faults: vec![(s("PRD"), s("A provider segment PRD is missing: send the referring provider"))],
            questions: vec![
                ask("name", "Name of whom to contact", PATIENT, None),
                ask("phone", "Phone", "12", Some("Enter a phone number with area code, like 206 555 0142")),
            ],
            shown: vec![HiddenField { name: s("phone"), value: s("12") }],
            release: s("Release as a new inquiry"),
            may_be_lenient: true,
            is_returned: false,
            may_retry: true,
            may_settle: true,
            reasons: select(&["It was a test"]),
            also: vec![fact("Payer", "medicare")],
            raw: Some(Raw::Text(s("MSH|^~\\&|HUB\nPID|1||RB1"))),
            steps: vec![Moment {
                at: s("Today 2:19 pm"),
                text: s("Tried again: it is taken"),
                note: Some(s("by ana")),
            }],
        }
    }

    /// A row of a list of which no inquiry can be made.
    pub fn sample_row() -> Self {
        RepairPage {
            questions: Vec::new(),
            shown: Vec::new(),
            faults: Vec::new(),
            steps: Vec::new(),
            raw: Some(Raw::Cells(vec![(s("birth date"), s("1968-02-31"))])),
            ..Self::sample()
        }
    }
}
