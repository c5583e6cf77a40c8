//! Made-up values of the pages about audits of intake quality.

use super::staff::{s, select};
use super::staff_frame;
use crate::pages::{
    AuditItemLine, AuditLine, AuditPage, AuditResultsPage, AuditsPage, BothSaid, MissLine, Moment, NavLink,
    OwnAuditCard, OwnAuditsPage, ResultGroup, ResultRow, Script, ScriptStep, Tone,
};

fn tabs(url: &str, labels: &[&str]) -> Vec<NavLink> {
    let tab = |(place, label): (usize, &&str)| NavLink {
        label: s(label),
        url: format!("{url}?tab={place}"),
        count: None,
        current: place == 0,
    };
    labels.iter().enumerate().map(tab).collect()
}

fn line(state: &'static str, tone: Tone, score: &str) -> AuditLine {
    AuditLine {
        url: s("/audits/0192"),
        reference: s("HV-7K4M-2QX"),
        person: s("Dana Okafor"),
        team: s("Digestive care team"),
        drawn: s("Drawn by the rule each-person in the week of Monday, March 8"),
        script: s("no-records-yet, version 4"),
        outcome: s("Not ready now"),
        state,
        tone,
        readers: s("Read by Priya Nair"),
        score: s(score),
    }
}

impl AuditsPage {
    pub(super) fn sample() -> Self {
        AuditsPage {
            frame: staff_frame("Audits"),
            drawn: s("The rules of your center have drawn 12 inquiries for this week."),
            views: tabs("/audits", &["Waiting", "Mine", "All that are open", "Finished"]),
            caption: s("Audits, the oldest first"),
            empty: "No audit waits here.",
            rows: vec![
                line("Waits for a reader", Tone::Warn, ""),
                line("Finished", Tone::Ok, "84 of 100"),
                line("Finished", Tone::Ok, "Open it to see the score. You can’t be its second reader then."),
            ],
            next_url: Some(s("/audits?view=open&page=1.2")),
        }
    }
}

impl AuditPage {
    pub(super) fn sample() -> Self {
        let item = |id: &str, label: &str, computed: &str| AuditItemLine {
            id: s(id),
            label: s(label),
            why: s("The next colleague must know what was agreed."),
            about: s("Next step, counts 3"),
            computed: s(computed),
            options: select(&["Yes", "No", "Does not apply"]),
            answer: s("No"),
            comment: s("Nothing after the second call."),
            both: Vec::new(),
            differs: false,
        };
        AuditPage {
            frame: staff_frame("Audits"),
            line: line("Being read", Tone::Brand, ""),
            note: String::new(),
            version: 4,
            items: vec![
                item("next-step", "Is the next step written down after each talk?", "From what was written down: no."),
                item("script-followed", "Was the script for this situation followed?", ""),
            ],
            comment: s("Calm and clear."),
            is_open: true,
            both: None,
            may_take: false,
            may_give_back: true,
            may_ask_second: true,
            inquiry_url: s("/inquiries/0191"),
            script: Some(Script {
                name: s("No records yet, version 4"),
                steps: vec![ScriptStep {
                    heading: s("Say who you are"),
                    say: vec![s("Hello, this is _____ from Harbor Valley.")],
                    guidance: vec![s("Wait for an answer.")],
                }],
            }),
            script_note: "The script has changed since then; this is its text of today.",
            timeline: vec![Moment {
                at: s("Today 10 am"),
                text: s("Attempt 1 by phone: reached."),
                note: Some(s("Dana Okafor")),
            }],
            fields: vec![(s("What they were told"), "Filled"), (s("When they were told"), "Missing")],
            records: vec![(s("Biopsy report"), s("Requested; booking waits for it"))],
        }
    }

    pub(super) fn sample_differs() -> Self {
        let mut page = Self::sample();
        page.line = line("The readers differ", Tone::Bad, "");
        let said = |who: &str| BothSaid { heading: format!("{who}: 84 of 100"), comment: s("Calm and clear.") };
        page.both = Some((said("First reader, Priya Nair"), said("Second reader, Omar Haddad")));
        page.items[0].both = vec![s("First reader: Yes."), s("Second reader: No. Nothing after the second call.")];
        page.items[0].differs = true;
        page
    }

    pub(super) fn sample_finished() -> Self {
        AuditPage {
            is_open: false,
            may_give_back: false,
            line: line("Finished", Tone::Ok, "84 of 100"),
            ..Self::sample_differs()
        }
    }
}

impl AuditResultsPage {
    pub(super) fn sample() -> Self {
        let miss = |words: &str, share: &str| MissLine { words: s(words), about: s("Next step"), share: s(share) };
        let row = |name: &str, hints: &[&str]| ResultRow {
            name: s(name),
            audits: 8,
            score: s("84 of 100"),
            hints: hints.iter().map(|hint| s(hint)).collect(),
        };
        AuditResultsPage {
            frame: staff_frame("Audits"),
            spans: tabs("/audits/results", &["4 weeks", "13 weeks", "52 weeks"]),
            total: s("16 audits, 84 of 100 on average."),
            items: vec![
                miss("The next step was not documented.", "38 % (6 of 16)"),
                miss("The script was not followed.", "1 of 8"),
            ],
            abouts: vec![miss("Next step", "38 % (6 of 16)")],
            groups: vec![
                ResultGroup {
                    id: "teams",
                    heading: "Teams",
                    column: "Team",
                    rows: vec![
                        row("Digestive care team", &["5 of 8: The next step was not documented."]),
                        row("Breast care team", &[]),
                    ],
                },
                ResultGroup { id: "people", heading: "People", column: "Person", rows: vec![row("Dana Okafor", &[])] },
            ],
            agreements: vec![(s("Was the script followed?"), s("75 % (9 of 12)"), s("0.40"))],
        }
    }

    pub(super) fn sample_empty() -> Self {
        AuditResultsPage {
            total: s("No audit was finished in this time."),
            items: Vec::new(),
            abouts: Vec::new(),
            groups: Vec::new(),
            agreements: Vec::new(),
            ..Self::sample()
        }
    }
}

impl OwnAuditsPage {
    pub(super) fn sample() -> Self {
        OwnAuditsPage {
            frame: staff_frame("My audits"),
            spans: tabs("/audits/mine", &["4 weeks", "13 weeks", "52 weeks"]),
            total: s("1 audit, 84 of 100."),
            hints: vec![s("1 of 1: The next step was not documented. Script no-records-yet, version 4.")],
            nothing: "",
            audits: vec![OwnAuditCard {
                id: s("audit-0192"),
                reference: s("HV-7K4M-2QX"),
                inquiry_url: s("/inquiries/0191"),
                when: s("Finished Today 10 am. Script: no-records-yet, version 4"),
                score: s("84 of 100."),
                lines: vec![(
                    s("Is the next step written down after each talk?"),
                    s("No"),
                    s("Nothing after the second call."),
                )],
                comment: s("Calm and clear."),
                nothing: "",
            }],
        }
    }
}
