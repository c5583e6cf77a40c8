//! Samples of the funnel.

use super::{
    staff::{figures, s, select},
    staff_frame,
};
use crate::pages::{
    Breakdown, BreakdownRow, ConversionRow, FieldRow, Filter, FormRow, FormsPart, FunnelPage, ReasonRow, ReroutedPart,
    ReroutedRow, ReviewedPart, ReviewedRow, SpeedBin, SpeedKind, StageRow,
};

impl FunnelPage {
    pub(super) fn sample() -> Self {
        let stage =
            |name: &str, reached, left, open| StageRow { name: s(name), reached, left, handed: 0, done: 0, open };
        let reason = |name: &str, count| ReasonRow { name: s(name), count };
        FunnelPage {
            frame: staff_frame("Funnel"),
            range: s("Inquiries that came in Dec 1 to Feb 28"),
            data_to: s("March 3, 2:15 pm"),
            from: s("2026-12-01"),
            to: s("2027-02-28"),
            filters: vec![Filter {
                name: s("type"),
                label: s("Consult type"),
                options: select(&["All types", "Second opinion"]),
            }],
            keep: Vec::new(),
            export_url: Some(s("/funnel.csv?from=2026-12-01")),
            figures: figures(&[
                ("Inquiries", "1,284", "up 6% from 1,211"),
                ("Reached a person", "83%", ""),
                ("Booked", "58%", ""),
                ("Kept the visit", "47%", "96 visits still ahead"),
                ("First contact, median", "39 min", "work hours"),
            ]),
            stages: vec![
                stage("Inquiry came in", 1284, 0, 0),
                stage("Contacted", 1063, 135, 86),
                stage("Intake complete", 1002, 30, 31),
                stage("Visit booked", 742, 115, 145),
                StageRow { done: 12, ..stage("Visit kept", 604, 30, 96) },
            ],
            speed: speed(),
            speed_note: s("Came in after hours: 412."),
            conversions: vec![
                ConversionRow { name: s("A visit"), count: 700, done: None },
                ConversionRow { name: s("Screening call"), count: 42, done: Some(30) },
            ],
            breakdowns: breakdowns(),
            reopened: vec![ReasonRow { name: s("The patient came back; it was closed as: Not ready now"), count: 2 }],
            reasons: vec![
                reason("Could not reach after 3 tries", 114),
                reason("Chose another center", 44),
                reason("Insurance not accepted", 55),
                reason("No time that fit", 25),
                reason("Other", 72),
            ],
            forms: Some(forms()),
            rerouted: Some(rerouted()),
            reviewed: Some(reviewed()),
        }
    }
}

fn rerouted() -> ReroutedPart {
    let row = |from: &str, to: &str, reason: &str, moves, inquiries| ReroutedRow {
        from: from.to_owned(),
        to: to.to_owned(),
        reason: reason.to_owned(),
        moves,
        inquiries,
    };
    ReroutedPart {
        share: "30 of 340 inquiries that reached a team (9%) were sent to another one, 35 times in all; 2 of them went to and fro.".to_owned(),
        routed: 340,
        rows: vec![
            row("Breast: Breast care team", "Trial team", "A question about a trial", 20, Some(18)),
            row("Other", "–", "–", 15, None),
        ],
    }
}

fn reviewed() -> ReviewedPart {
    let row = |decision: &str, reason: &str, count| ReviewedRow { decision: s(decision), reason: s(reason), count };
    ReviewedPart {
        told: s(
            "93 decisions. Records waited 2 h 30 min (median), nine of ten no longer than 24 h; 90% of them were reviewed in time.",
        ),
        all: 93,
        rows: vec![
            row("Accept the records", "–", 60),
            row("Decline, and say where to go", "We have no place in time", 20),
            row("Other", "–", 13),
        ],
    }
}

fn forms() -> FormsPart {
    let form = |name: &str, shown, begun, sent, left| FormRow { name: s(name), shown, begun, sent, left };
    let field = |name: &str, fault: &str, showings| FieldRow {
        name: s(name),
        form: s("Ask for a visit (English)"),
        fault: s(fault),
        showings,
    };
    FormsPart {
        forms: vec![
            form("Ask for a visit (English)", 2210, 911, 540, 352),
            form("Ask for a visit (Español)", 402, 120, 72, 44),
        ],
        fields: vec![field("Phone number", "phone length", 84), field("Other", "–", 23)],
    }
}

fn speed() -> Vec<SpeedBin> {
    let bin = |label: &str, count, booked: &str, kind| SpeedBin { label: s(label), count, booked: s(booked), kind };
    vec![
        bin("0–5 min", 96, "74%", SpeedKind::Within),
        bin("5–15 min", 181, "69%", SpeedKind::Within),
        bin("15–30 min", 264, "64%", SpeedKind::Within),
        bin("30–60 min", 277, "61%", SpeedKind::Within),
        bin("1–2 h", 152, "55%", SpeedKind::Later),
        bin("2–4 h", 97, "51%", SpeedKind::Later),
        bin("8+ h", 184, "38%", SpeedKind::Later),
        bin("None yet", 33, "–", SpeedKind::NoneYet),
    ]
}

fn breakdowns() -> Vec<Breakdown> {
    let line = |name: &str, inquiries, reached, booked, kept| BreakdownRow {
        name: s(name),
        inquiries,
        reached,
        booked,
        kept,
        first_contact: s("44 min"),
    };
    let rows = vec![
        line("Web form", 612, 496, 337, 280),
        line("Phone call", 274, 241, 162, 130),
        line("Referral feed", 301, 265, 208, 170),
    ];
    vec![
        Breakdown { id: s("by-source"), heading: s("By source"), column: s("Source"), rows: rows.clone() },
        Breakdown { id: s("by-team"), heading: s("By team"), column: s("Team"), rows },
    ]
}
