//! Samples of the staff face.

use super::{
    PATIENT, Rendered, assets,
    public::{needed, options, question},
    rendered, staff_frame,
};
use crate::pages::{
    Booking, CallPage, CallsPage, CenterPage, Clock, ClockState, DevelopmentPerson, DocumentRow, Fact, Figure, Filter,
    Flash, FunnelPage, HeldPage, HeldRow, HiddenField, InquiryPage, MessageRow, Moment, OwnCenter, Question,
    QuestionKind, RecordAction, RecordRow, RepairPage, RepairsPage, Routing, RowAction, Script, ScriptStep,
    SelectOption, SignInPage, SlotRow, StaffTroublePage, Tag, Tone, Twin, ViewTab, VisitRow, WorkRow, WorklistPage,
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
        rendered("center", false, &CenterPage::sample()),
        rendered("worklist", false, &claimed),
        rendered(
            "worklist-empty",
            false,
            &WorklistPage { rows: Vec::new(), figures: Vec::new(), ..WorklistPage::sample() },
        ),
        rendered("inquiry", false, &InquiryPage::sample()),
        rendered("inquiry-new", false, &InquiryPage::sample_new()),
        rendered("call", false, &CallPage::sample()),
        rendered("call-chosen", false, &CallPage::sample_chosen()),
        rendered("calls", false, &CallsPage::sample()),
        rendered(
            "calls-empty",
            false,
            &CallsPage { rows: Vec::new(), recent: Vec::new(), next_url: None, ..CallsPage::sample() },
        ),
        rendered("held", false, &HeldPage::sample()),
        rendered("held-empty", false, &HeldPage { rows: Vec::new(), ..HeldPage::sample() }),
        rendered("repairs", false, &RepairsPage::sample()),
        rendered("repairs-empty", false, &RepairsPage { rows: Vec::new(), next_url: None, ..RepairsPage::sample() }),
        rendered("repair", false, &RepairPage::sample()),
        rendered("repair-error", false, &RepairPage { is_returned: true, ..RepairPage::sample() }),
        rendered("repair-row", false, &RepairPage::sample_row()),
        rendered("repair-change", false, &RepairPage::sample_change()),
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

fn claim(label: &str, main: bool) -> RowAction {
    RowAction { label: s(label), action: s("/inquiries/1/claim"), version: s("3"), main }
}

fn row(id: &str, state: ClockState, text: &str, who: &str, owner: Option<&str>, actions: Vec<RowAction>) -> WorkRow {
    WorkRow {
        id: s(id),
        url: format!("/inquiries/{id}"),
        clock: Clock { state, text: s(text), at: s("2:00 pm") },
        who: s(who),
        who_note: s("For her mother · Español"),
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
        owner: owner.map(s),
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
    fn sample() -> Self {
        let view =
            |label: &str, count, current| ViewTab { label: s(label), count, url: s("/worklist?view=x"), current };
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

pub fn script() -> Script {
    let step = |heading: &str, say: &str, more: &str| ScriptStep {
        heading: s(heading),
        say: vec![s(say)],
        guidance: vec![s(more)],
    };
    Script {
        name: s("No records yet, version 3"),
        steps: vec![
            step(
                "Say who you are",
                "“Hello, this is Dana from Harbor Valley. I am returning a call. Is now a good time?”",
                "If someone else answers, do not say why you call.",
            ),
            step(
                "Check for danger signs",
                "“Is there fever, bleeding, trouble breathing, or pain that is hard to control today?”",
                "If yes: stop the script and use the urgent help steps.",
            ),
            step(
                "Ask about records",
                "“Where did the tests happen? May we ask them for the reports?”",
                "Note each place.",
            ),
        ],
    }
}

fn attempt() -> Vec<Question> {
    let outcomes = options(&[
        ("reached", "Reached"),
        ("message", "Left message"),
        ("none", "No answer"),
        ("wrong", "Wrong number"),
    ]);
    let channels = options(&[("call", "Call"), ("text", "Text"), ("email", "Email")]);
    vec![
        Question { options: outcomes, ..needed(question("outcome", QuestionKind::OneOf, "Outcome")) },
        Question { options: channels, ..needed(question("channel", QuestionKind::Select, "Channel")) },
    ]
}

fn note() -> Vec<Question> {
    let treatment = options(&[("none", "None yet"), ("surgery", "Surgery"), ("unsure", "Not sure")]);
    let barriers = options(&[("ride", "Ride or distance"), ("cost", "Cost or insurance")]);
    vec![
        needed(question("words", QuestionKind::LongText, "Diagnosis in the patient’s words")),
        Question {
            options: treatment,
            error: Some(s("Choose the treatment so far")),
            ..needed(question("treatment", QuestionKind::Select, "Treatment so far"))
        },
        Question { options: barriers, ..question("barriers", QuestionKind::AnyOf, "What could get in the way?") },
    ]
}

fn facts() -> Vec<Fact> {
    let fact = |label: &str, value: &str, link: Option<&str>, tone| Fact {
        label: s(label),
        value: s(value),
        link: link.map(s),
        tone,
    };
    vec![
        fact("Caller", "Rosa, daughter", None, Tone::Idle),
        fact("Phone", "555-0142", Some("tel:5550142"), Tone::Idle),
        fact("OK to talk to Rosa?", "Ask patient", None, Tone::Warn),
    ]
}

fn records() -> Vec<RecordRow> {
    let act = |action: &str, label: &str| RecordAction { action: s(action), label: s(label) };
    let record = |key: &str, name: &str, state: &str, tone, actions| RecordRow {
        key: s(key),
        name: s(name),
        note: s("Lakeside Hospital"),
        state: s(state),
        tone,
        actions,
        reasons: if key == "pathology" { select(&["Never made"]) } else { Vec::new() },
    };
    vec![
        record(
            "pathology",
            "Biopsy report",
            "Missing",
            Tone::Warn,
            vec![act("request", "Request"), act("waive", "Waive")],
        ),
        record("imaging", "CT scan", "Asked March 3", Tone::Brand, vec![act("received", "Received")]),
        record("notes", "Doctor notes", "Here", Tone::Ok, vec![act("review", "Reviewed")]),
    ]
}

fn routing() -> Routing {
    Routing {
        team: s("GI team"),
        because: s("Row 4: GI cancers, new consult, any site"),
        looked_at: vec![s("Row 1 wants the consult type “Clinical trial”; here it is “New consult”.")],
        row: s("2"),
        revision: s("3f2a91"),
        teams: select(&["Breast team", "Trial team"]),
    }
}

impl InquiryPage {
    fn sample() -> Self {
        let moment = |at: &str, text: &str, note: Option<&str>| Moment { at: s(at), text: s(text), note: note.map(s) };
        let slot = |id: &str, when: &str| SlotRow { id: s(id), when: s(when), place: s("Dr. Rivera · Mill Street") };
        InquiryPage {
            frame: staff_frame("Worklist"),
            reference: s("HV-7K4M-2Q"),
            mend_url: Some(s("/repairs/1?kind=inquiry")),
            heading: s(PATIENT),
            base: s("/inquiries/1"),
            version: s("7"),
            clock: Clock { state: ClockState::Late, text: s("First contact late by 18 min"), at: s("2:00 pm") },
            tags: vec![
                Tag { text: s("New consult"), tone: Tone::Brand },
                Tag { text: s("Español, interpreter"), tone: Tone::Idle },
            ],
            actions: vec![claim("Claim", true)],
            twins: vec![Twin {
                id: s("2"),
                reference: s("HV-2222-XX"),
                url: s("/inquiries/2"),
                about: s("Second opinion, came February 27, Contacted, with Breast"),
                state: s("Likely the same person"),
                tone: Tone::Warn,
                because: s("same phone, same birth date; family name differs"),
                actions: vec![(s("same"), s("Same person as")), (s("different"), s("Not the same as"))],
            }],
            twin_notes: vec![s("This person has also asked Lakeside, since 2026-02.")],
            facts: facts(),
            timeline: vec![
                moment("Today 2:19 pm", "Dana O. opened this inquiry", None),
                moment(
                    "Today 1:00 pm",
                    "Web form came in from /colon-cancer",
                    Some("Consent to call and text, form version 14"),
                ),
            ],
            calls: vec![moment("Today 1:00 pm", "New patients, nobody answered", Some("This request was made of it"))],
            script: Some(script()),
            attempt: attempt(),
            note: note(),
            note_missing: vec![s("Diagnosis"), s("Treatment so far")],
            note_saved: Some(s("Saved by Dana O. at 2:19 pm")),
            records: records(),
            documents: vec![
                DocumentRow {
                    id: s("d1"),
                    note: s("Today 1:05 pm · from the patient · PDF · 3 pages · 812 KB"),
                    told: vec![s("scan0001.pdf")],
                    state: s("Scanned"),
                    tone: Tone::Ok,
                    may_open: true,
                    kinds: select(&["Biopsy report", "Scans"]),
                    ..DocumentRow::named("Not matched yet")
                },
                DocumentRow {
                    id: s("d2"),
                    note: s("Today 1:04 pm · from Cedar Family · PDF"),
                    state: s("Stopped: malware"),
                    tone: Tone::Bad,
                    ..DocumentRow::named("Biopsy report")
                },
            ],
            booking: Booking {
                rule: s("New patient, 60 minutes. Book once records are here."),
                blocked: None,
                slots: vec![slot("a", "Fri, March 5, 9:40 am"), slot("b", "Mon, March 8, 1:20 pm")],
            },
            visit: None,
            routing: routing(),
            messages: vec![MessageRow {
                at: s("Today 1:01 pm"),
                what: s("Text: we have your request"),
                state: s("Delivered"),
                tone: Tone::Ok,
            }],
            close_reasons: select(&["Chose another center", "Could not reach"]),
            closed: None,
        }
    }

    fn sample_new() -> Self {
        InquiryPage {
            twins: Vec::new(),
            twin_notes: Vec::new(),
            timeline: Vec::new(),
            calls: Vec::new(),
            script: None,
            attempt: Vec::new(),
            note: Vec::new(),
            records: Vec::new(),
            documents: Vec::new(),
            messages: Vec::new(),
            booking: Booking {
                rule: s("Second opinion"),
                blocked: Some(s("Records review comes first.")),
                ..Booking::default()
            },
            visit: Some(VisitRow {
                text: s("Thu, March 11, 9:40 am"),
                state: s("Waiting for the scheduler"),
                tone: Tone::Warn,
                may_tell: true,
                reasons: select(&["Patient cannot come"]),
            }),
            close_reasons: Vec::new(),
            closed: Some(s("Chose another center")),
            ..Self::sample()
        }
    }
}
