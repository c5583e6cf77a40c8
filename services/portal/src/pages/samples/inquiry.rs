//! Samples of the page of one inquiry.

use super::public::{needed, options, question};
use super::staff::{claim, s, select};
use super::{PATIENT, staff_frame};
use crate::pages::{
    Booking, Clock, ClockState, DocumentRow, Fact, HiddenField, InquiryPage, LetterLink, MessageRow, Moment, Question,
    QuestionKind, RecordAction, RecordRow, ResponseCard, ReviewCard, Routing, Script, ScriptStep, SisterCard, SlotRow,
    StepCard, Tag, Tone, Twin, VisitRow,
};

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

fn sent() -> Vec<Fact> {
    let told = [
        ("Referral reason in full", "Rectal bleeding for three weeks.\nA sister had colon cancer at 48."),
        ("Medications", "Apixaban 5 mg"),
        ("Referring doctor", "Dr. Okafor"),
    ];
    told.map(|(label, value)| Fact { label: s(label), value: s(value), link: None, tone: Tone::Idle }).into()
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
        promise: (key == "imaging").then(|| s("2027-03-09")),
    };
    vec![
        record(
            "pathology",
            "Biopsy report",
            "Missing",
            Tone::Warn,
            vec![act("ask_patient", "Ask the patient"), act("ask_hospital", "Ask the hospital")],
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
        colleagues: select(&["Grace Okafor", "Luis Ortega"]),
        reasons: select(&["Another cancer area", "Another reason"]),
    }
}

impl InquiryPage {
    /// One that is being worked.
    pub fn sample() -> Self {
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
            response: Some(ResponseCard {
                due: s("Thursday, March 4, at 12 noon"),
                paused: Some(s("It stands still until Thu, March 4, 8 am: the person asked us to wait.")),
                reasons: select(&["The person asked us to wait", "Another reason"]),
                first_day: s("2027-03-04"),
            }),
            tags: vec![
                Tag { text: s("New consult"), tone: Tone::Brand },
                Tag { text: s("Español, interpreter"), tone: Tone::Idle },
            ],
            warnings: vec![Fact {
                label: s("Look at it"),
                value: s("A change of the office waits: look at it first."),
                link: Some(s("/repairs/2")),
                tone: Tone::Warn,
            }],
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
            may_link: true,
            twin_notes: vec![s("This person has also asked Lakeside, since 2026-02.")],
            facts: facts(),
            sent: sent(),
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
            caregiver: Some(Script { name: s("Somebody else asks for the person, version 1"), ..script() }),
            voicemail: Some(Script { name: s("Voice message, version 1"), ..script() }),
            attempt: attempt(),
            scripts_shown: vec![HiddenField { name: s("script_shown"), value: s("no-records-yet~3") }],
            note: note(),
            note_missing: vec![s("Diagnosis"), s("Treatment so far")],
            note_draft: Some(s("Your draft of today 2:17 pm is shown. It is not saved yet.")),
            note_version: s("7.3"),
            note_saved: Some(s("Saved by Dana O. at 2:19 pm")),
            records: records(),
            access_url: Some(s("/inquiries/1/access")),
            ask_all: true,
            letters: vec![LetterLink { to: s("hospital or imaging center"), url: s("/inquiries/1/letter/hospital") }],
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
            step: Some(StepCard {
                text: Some(s("Screening call, Fri, March 5, 10 am")),
                state: s("Agreed"),
                tone: Tone::Ok,
                kinds: select(&["Screening call", "Records review"]),
                moves: true,
                day: s("2027-03-05"),
                time: s("10:00"),
                told: true,
                first_day: s("2027-03-03"),
                ends: select(&["It took place", "Called off by the person"]),
            }),
            routing: routing(),
            messages: vec![MessageRow {
                at: s("Today 1:01 pm"),
                what: s("Text: we have your request"),
                state: s("Delivered"),
                tone: Tone::Ok,
            }],
            close_reasons: select(&["Chose another center", "Could not reach"]),
            closed: None,
            may_reopen: false,
            reopen_reasons: Vec::new(),
            handed: Some(s(
                "Lakeside Cancer Institute did not take it: the two centers do not agree to it. It is ours again.",
            )),
            sister: Some(SisterCard {
                centers: select(&["Lakeside Cancer Institute"]),
                reasons: select(&["Their site is closer for the patient"]),
            }),
            review: Some(ReviewCard {
                stands: s("Waits since Tue, March 2, 10 am, due Wed, March 3, 1 pm"),
                late: Some(s("Review late since Wed, March 3, 1 pm")),
                may_accept: true,
                more: Question {
                    hint: Some(s("Choose none to ask for all that booking waits for and nobody has reviewed.")),
                    options: options(&[("pathology", "Biopsy report"), ("genomic", "Gene test of the tumor")]),
                    ..question("kinds", QuestionKind::AnyOf, "Which records")
                },
                teams: select(&["Breast team", "Trial team"]),
                reroute_reasons: select(&["Another cancer area", "Another reason"]),
                booked: false,
                told: vec![Fact {
                    label: s("Other centers"),
                    value: s("Another center can see you sooner. Olympic Cancer Center, 360 555 0182; \
                         Columbia Basin Hospital, 509 555 0183"),
                    link: None,
                    tone: Tone::Idle,
                }],
                entries: select(&["Other centers: Olympic Cancer Center, Columbia Basin Hospital"]),
                decline_reasons: select(&["We do not treat this", "We have no place in time"]),
            }),
        }
    }

    /// One that nobody has begun.
    pub fn sample_new() -> Self {
        InquiryPage {
            response: None,
            twins: Vec::new(),
            twin_notes: Vec::new(),
            timeline: Vec::new(),
            calls: Vec::new(),
            script: None,
            caregiver: None,
            voicemail: None,
            step: Some(StepCard {
                kinds: select(&["Records review"]),
                first_day: s("2027-03-03"),
                ..StepCard::default()
            }),
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
            closed: Some(s("Handed to a sister center")),
            may_reopen: false,
            reopen_reasons: Vec::new(),
            handed: Some(s("Lakeside Cancer Institute has it as LK-7K4M-2QX.")),
            sister: None,
            review: None,
            ..Self::sample()
        }
    }
}
