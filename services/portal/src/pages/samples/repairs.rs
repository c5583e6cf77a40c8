//! Samples of the repair queue.

use super::{
    PATIENT,
    staff::{s, select},
    staff_frame,
};
use crate::pages::{
    Compared, Fact, Filter, HiddenField, Moment, Question, Raw, RepairPage, RepairRow, RepairsPage, Tone, ViewTab,
    Whose,
};

impl RepairsPage {
    pub(super) fn sample() -> Self {
        let view =
            |label: &str, count, current| ViewTab { label: s(label), count, more: false, url: s("/repairs"), current };
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
            is_file: false,
            may_take: false,
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
                RepairRow {
                    is_file: true,
                    may_take: true,
                    may_retry: false,
                    ..row("3", "Cedar Family Medicine", "A list with many rows that can’t be taken", None)
                },
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
            compared: Vec::new(),
            compared_with: String::new(),
            may_apply: false,
            is_other_patient: false,
            may_assign: false,
            whose: Vec::new(),
            other_raw: None,
            is_erased: false,
            also: vec![fact("Payer", "medicare")],
            raw: Some(Raw::Text(s("MSH|^~\\&|HUB\nPID|1||RB1"))),
            steps: vec![Moment {
                at: s("Today 2:19 pm"),
                text: s("Tried again: it is taken"),
                note: Some(s("by ana")),
            }],
        }
    }

    /// A change of a referral, beside what stands, and whose it may be.
    pub fn sample_change() -> Self {
        let row = |key: &str, label: &str, stands: &str, says: &str| Compared {
            key: s(key),
            label: s(label),
            stands: s(stands),
            says: s(says),
        };
        let whose = |reference: &str, differs| Whose {
            reference: s(reference),
            url: s("/inquiries/1"),
            about: format!("{PATIENT}, 1968-07-19, since Wednesday, March 3, 2:18 pm"),
            because: s("same phone, same birth date"),
            differs,
        };
        RepairPage {
            compared: vec![
                row("phone", "Phone", "206 555 0142", "206 555 0177"),
                row("address", "Address", "", "1200 Harbor Avenue, Seattle"),
            ],
            compared_with: s("HV-7K4M-2QX"),
            may_apply: true,
            is_other_patient: true,
            may_assign: true,
            whose: vec![whose("HV-7K4M-2QX", false), whose("HV-9N2C-4RT", true)],
            other_raw: Some(s("MSH|^~\\&|HUB\nPID|1||RB2")),
            questions: Vec::new(),
            shown: Vec::new(),
            ..Self::sample()
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
