//! Samples of the staff face.

use super::{PATIENT, Rendered, assets, public::options, rendered, staff_frame};
use crate::pages::{
    AccessPage, AccessRow, AgainPage, AuditPage, AuditResultsPage, AuditsPage, CallPage, CallsPage, CenterPage, Clock,
    ClockState, ClosuresPage, ConflictPage, DevelopmentPerson, FeedsPage, Figure, Filter, Flash, FunnelPage, HeldPage,
    HeldRow, HiddenField, InquiryPage, LetterPage, OwnAuditsPage, OwnCenter, Question, QuestionKind, RepairPage,
    RepairsPage, RoutingPage, RowAction, SelectOption, SignInPage, StaffTroublePage, TeamsPage, Tone, ViewTab, WorkRow,
    WorklistPage,
};

pub fn pages() -> Vec<Rendered> {
    let trouble = StaffTroublePage {
        frame: staff_frame(""),
        heading: "You may not open this page".to_owned(),
        text: "Your role does not include the funnel. Ask an intake manager.".to_owned(),
        back_url: "/worklist".to_owned(),
        back_label: "Go to the worklist".to_owned(),
    };
    let mut claimed = WorklistPage::sample();
    claimed.frame.flash = Some(Flash { text: "Jorge M. took this inquiry a moment ago.".to_owned(), tone: Tone::Bad });
    vec![
        rendered("sign-in", false, &SignInPage::sample()),
        rendered("again", false, &AgainPage::sample(true)),
        rendered("again-to-copy", false, &AgainPage::sample(false)),
        rendered("center", false, &CenterPage::sample()),
        rendered("worklist", false, &claimed),
        rendered(
            "worklist-empty",
            false,
            &WorklistPage { rows: Vec::new(), figures: Vec::new(), ..WorklistPage::sample() },
        ),
        rendered("worklist-to-review", false, &WorklistPage::sample_to_review()),
        rendered("inquiry", false, &InquiryPage::sample()),
        rendered("inquiry-new", false, &InquiryPage::sample_new()),
        rendered("conflict", false, &ConflictPage::sample()),
        rendered("letter", false, &LetterPage::sample()),
        rendered("letter-unnamed", false, &LetterPage { patient: String::new(), ..LetterPage::sample() }),
        rendered("access", false, &AccessPage::sample()),
        rendered("call", false, &CallPage::sample()),
        rendered("call-chosen", false, &CallPage::sample_chosen()),
        rendered("calls", false, &CallsPage::sample()),
        rendered(
            "calls-empty",
            false,
            &CallsPage { rows: Vec::new(), recent: Vec::new(), next_url: None, ..CallsPage::sample() },
        ),
        rendered("closures", false, &ClosuresPage::sample()),
        rendered(
            "closures-empty",
            false,
            &ClosuresPage { rows: Vec::new(), form: None, days: Vec::new(), ..ClosuresPage::sample() },
        ),
        rendered("held", false, &HeldPage::sample()),
        rendered("held-empty", false, &HeldPage { rows: Vec::new(), ..HeldPage::sample() }),
        rendered("repairs", false, &RepairsPage::sample()),
        rendered("repairs-empty", false, &RepairsPage { rows: Vec::new(), next_url: None, ..RepairsPage::sample() }),
        rendered("repair", false, &RepairPage::sample()),
        rendered("repair-error", false, &RepairPage { is_returned: true, ..RepairPage::sample() }),
        rendered("repair-row", false, &RepairPage::sample_row()),
        rendered("repair-change", false, &RepairPage::sample_change()),
        rendered("feeds", false, &FeedsPage::sample()),
        rendered("feeds-empty", false, &FeedsPage { feeds: Vec::new(), ..FeedsPage::sample() }),
        rendered("routing", false, &RoutingPage::sample()),
        rendered("routing-tried", false, &RoutingPage::sample_tried()),
        rendered("routing-faulty", false, &RoutingPage::sample_faulty()),
        rendered("teams", false, &TeamsPage::sample()),
        rendered("teams-empty", false, &TeamsPage::sample_empty()),
        rendered("audits", false, &AuditsPage::sample()),
        rendered("audits-empty", false, &AuditsPage { rows: Vec::new(), next_url: None, ..AuditsPage::sample() }),
        rendered("audit", false, &AuditPage::sample()),
        rendered("audit-differs", false, &AuditPage::sample_differs()),
        rendered("audit-finished", false, &AuditPage::sample_finished()),
        rendered("audit-results", false, &AuditResultsPage::sample()),
        rendered("audit-results-empty", false, &AuditResultsPage::sample_empty()),
        rendered("audit-own", false, &OwnAuditsPage::sample()),
        rendered(
            "audit-own-empty",
            false,
            &OwnAuditsPage { hints: Vec::new(), audits: Vec::new(), ..OwnAuditsPage::sample() },
        ),
        rendered("funnel", false, &FunnelPage::sample()),
        rendered("funnel-empty", false, &FunnelPage { stages: Vec::new(), ..FunnelPage::sample() }),
        rendered("staff-trouble", false, &trouble),
    ]
}

pub fn s(text: &str) -> String {
    text.to_owned()
}

pub fn select(values: &[&str]) -> Vec<SelectOption> {
    values.iter().map(|label| SelectOption { value: label.to_lowercase(), label: s(label), selected: false }).collect()
}

pub fn figures(values: &[(&str, &str, &str)]) -> Vec<Figure> {
    let note = |text: &str| (!text.is_empty()).then(|| s(text));
    values.iter().map(|(label, value, more)| Figure { label: s(label), value: s(value), note: note(more) }).collect()
}

pub fn claim(label: &str, main: bool) -> RowAction {
    RowAction { label: s(label), action: s("/inquiries/1/claim"), version: s("3"), main }
}

fn row(id: &str, state: ClockState, text: &str, who: &str, owner: Option<&str>, actions: Vec<RowAction>) -> WorkRow {
    WorkRow {
        id: s(id),
        url: format!("/inquiries/{id}"),
        clock: Clock { state, text: s(text), at: s("2:00 pm") },
        who: s(who),
        who_note: s("For her mother · Español"),
        first: None,
        twin: owner.is_none().then(|| s("May be the same person as HV-7K4M-2QX")),
        need: s("New consult"),
        need_note: s("Colon or rectum"),
        next_step: s("First contact"),
        tries: s("No attempts yet"),
        channel: s("Call"),
        channel_note: s("Afternoon – OK now"),
        source: s("Web form"),
        source_note: s("/colon-cancer"),
        team: s("GI team"),
        records: s("0 of 4"),
        records_note: s("Waiting for Pathology report (hospital) since Monday, March 1"),
        owner: owner.map(s),
        mark: owner.is_none().then_some("Escalated"),
        actions,
    }
}

impl CenterPage {
    fn sample() -> Self {
        let center =
            |id: &str, name: &str, current| OwnCenter { id: s(id), name: s(name), roles: s("coordinator"), current };
        let centers = vec![center("harbor-valley", "Harbor Valley", true), center("lakeside", "Lakeside", false)];
        CenterPage { frame: staff_frame(""), centers, next: s("/worklist") }
    }
}

impl SignInPage {
    fn sample() -> Self {
        SignInPage {
            assets: assets().console("harbor-valley"),
            notice: Some(s("You were signed out after a while without use.")),
            provider_action: Some(s("/sign-in")),
            provider_name: s("Harbor Valley account"),
            csrf: s("c5rf"),
            next: s("/worklist"),
            people: vec![DevelopmentPerson {
                id: s("dana"),
                name: s("Dana Okafor"),
                role: s("Coordinator, GI team"),
                center: s("Harbor Valley"),
            }],
        }
    }
}

impl AgainPage {
    fn sample(may_send: bool) -> Self {
        let field = |name: &str, value: &str| HiddenField { name: s(name), value: s(value) };
        AgainPage {
            assets: assets().console("harbor-valley"),
            may_send,
            action: s("/inquiries/7/note"),
            fields: vec![
                field("csrf", "c5rf"),
                field("version", "3"),
                field("note-diagnosis", "A growth in the colon, told in March"),
            ],
            typed: vec![s("A growth in the colon, told in March")],
        }
    }
}

impl ConflictPage {
    fn sample() -> Self {
        let answers =
            [("yours", "Yours: A growth in the colon, told in March"), ("theirs", "Saved: A growth in the colon")];
        let differs = Question {
            key: s("diagnosis"),
            kind: QuestionKind::OneOf,
            label: s("What they were told, in their own words"),
            options: options(&answers),
            required: true,
            ..Question::default()
        };
        ConflictPage {
            frame: staff_frame("Worklist"),
            reference: s("HV-7K4M-2QX"),
            base: s("/inquiries/1"),
            version: s("9.4"),
            told: s("Luis Ortega saved this note while you were writing."),
            questions: vec![differs],
        }
    }
}

impl AccessPage {
    fn sample() -> Self {
        let row = |who: &str, what: &str, outcome| AccessRow {
            when: s("Today 2:19 pm"),
            who: s(who),
            what: s(what),
            purpose: s("inquiry page"),
            outcome,
        };
        AccessPage {
            frame: staff_frame("Worklist"),
            reference: s("HV-7K4M-2QX"),
            back: s("/inquiries/1"),
            caption: s("2 lines, the newest first."),
            missing: Some("A part of the trail is not available right now. Load the page again in a moment."),
            rows: vec![
                row("Dana Whitfield", "Read person", None),
                row("Jorge M.", "Read document: document", Some((s("Refused"), Tone::Warn))),
            ],
            older_url: Some(s("/inquiries/1/access?ingestion=41&desk=7")),
            newest_url: Some(s("/inquiries/1/access")),
        }
    }
}

impl LetterPage {
    fn sample() -> Self {
        LetterPage {
            frame: staff_frame("Worklist"),
            reference: s("HV-7K4M-2QX"),
            back: s("/inquiries/1"),
            center: s("Harbor Valley Cancer Center"),
            address: s("1200 Harbor Avenue, Seattle, WA 98101"),
            phone: s("206 555 0140"),
            fax: Some(s("206 555 0149")),
            day: s("Friday, March 5, 2027"),
            to: s("Referring office"),
            to_lines: Vec::new(),
            patient: s(PATIENT),
            mend_url: Some(s("/repairs/1?kind=inquiry")),
            birth_date: s("1961-04-02"),
            papers: vec![s("Notes from your doctor's visits")],
        }
    }
}

impl HeldPage {
    fn sample() -> Self {
        HeldPage {
            frame: staff_frame("Held for review"),
            caption: s("1 request waits for a look."),
            reasons: select(&["Advertising", "Test"]),
            rows: vec![HeldRow {
                id: s("1"),
                who: s(PATIENT),
                who_note: s("HV-7K4M-2QX · New consult"),
                received: s("Wednesday, March 3, 2:18 pm"),
                signs: vec![s("Sent within seconds"), s("A link in the text")],
                message: s("See https://clinic.example for my report."),
                reach: s("206 555 0142"),
            }],
        }
    }
}

impl WorklistPage {
    pub(in crate::pages) fn sample() -> Self {
        let view = |label: &str, count, current| ViewTab {
            label: s(label),
            count,
            more: false,
            url: s("/worklist?view=x"),
            current,
        };
        WorklistPage {
            frame: staff_frame("Worklist"),
            as_of: s("Wednesday, March 3, 2:18 pm"),
            figures: figures(&[
                ("Late now", "2", ""),
                ("Due within 30 minutes", "2", ""),
                ("Unclaimed", "3", ""),
                ("First contact today, median", "22 min", "14 inquiries"),
                ("Within target today", "86%", "12 of 14, target 1 work hour"),
            ]),
            views: vec![
                view("All open", 47, true),
                view("First contact", 12, false),
                view("Call back", 7, false),
                view("Waiting on records", 12, false),
                view("Ready to book", 6, false),
                view("Mine", 9, false),
            ],
            filters: vec![
                Filter { name: s("site"), label: s("Site"), options: select(&["All sites", "Mill Street"]) },
                Filter { name: s("type"), label: s("Consult type"), options: select(&["All types", "Second opinion"]) },
            ],
            keep: vec![HiddenField { name: s("view"), value: s("all") }],
            searched: Some(String::new()),
            caption: s("47 open inquiries, soonest due first. Showing 5."),
            empty: s("Nothing is open in this view."),
            rows_url: s("/worklist?view=all&part=rows"),
            next_one: Some(s("1")),
            new_call_url: Some(s("/inquiries/new")),
            next_url: Some(s("/worklist?after=5")),
            rows: vec![
                row("1", ClockState::Late, "Late by 18 min", PATIENT, None, vec![claim("Claim", true)]),
                row(
                    "2",
                    ClockState::Soon,
                    "Due in 9 min",
                    "Mei Lin Chou",
                    Some("Dana O."),
                    vec![claim("Release", false)],
                ),
                row("3", ClockState::Pending, "Due in 1 h 40 min", "Harold Nakamura", Some("Jorge M."), Vec::new()),
                row("4", ClockState::Paused, "Paused: waiting on records", "Ellen Marsh", Some("Dana O."), Vec::new()),
                row("5", ClockState::Met, "Met", "Luis Ortega", Some("Dana O."), Vec::new()),
            ],
        }
    }
}

impl WorklistPage {
    /// What a reviewer sees first, and that nothing waits.
    fn sample_to_review() -> Self {
        let to_review =
            ViewTab { label: s("To review"), count: 0, more: false, url: s("/worklist?view=to_review"), current: true };
        let others = Self::sample().views.into_iter().map(|view| ViewTab { current: false, ..view });
        WorklistPage {
            views: std::iter::once(to_review).chain(others).collect(),
            caption: s("0 inquiries, soonest due first. Showing 0."),
            empty: s("No records wait for a review here."),
            next_url: None,
            rows: Vec::new(),
            ..Self::sample()
        }
    }
}
