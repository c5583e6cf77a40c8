//! Made-up values of the page about feeds.

use super::staff::s;
use super::staff_frame;
use crate::pages::{Fact, FeedCard, FeedsPage, IncidentRow, Tag, Tone, Volume};

impl FeedsPage {
    pub(super) fn sample() -> Self {
        let fact = |label: &str, value: &str| Fact { label: s(label), value: s(value), link: None, tone: Tone::Idle };
        let day = |day: u64| Volume {
            label: format!("Thu, March {day}"),
            came: day * 7 % 40,
            usual: (day > 3).then_some(21.5),
        };
        let quiet = FeedCard {
            id: s("cedar-hl7"),
            office: s("Cedar Family Medicine"),
            door: s("HL7 v2 over MLLP"),
            state: Tag { text: s("Quiet since Today 9:40 am"), tone: Tone::Bad },
            advice: Some("Call the office. Mostly its system, a certificate or a line is broken."),
            facts: vec![
                fact("Last came", "Today 7:10 am"),
                fact("In an hour", "0; usual 4"),
                Fact { link: Some(s("/repairs?door=hl7")), ..fact("Waits to be mended", "2") },
                fact("Certificate", "9f86d081884c…, last used Today 7:10 am"),
            ],
            unit: "messages",
            summary: s("In 14 days 210 messages came; 236 were usual."),
            days: (1..=14).map(day).collect(),
            hours: vec![Volume { label: s("7 am"), came: 3, usual: Some(4.0) }],
            incidents: vec![IncidentRow {
                what: "Quiet",
                from: s("Today 9:40 am"),
                to: s("it goes on"),
                note: s("About 7 were missing when it was noticed."),
            }],
        };
        let new = FeedCard {
            id: s("north-csv"),
            office: s("North Shore Surgical Associates"),
            state: Tag { text: s("Has not sent yet"), tone: Tone::Idle },
            advice: None,
            days: (0..14).map(|_| Volume { label: s("Thu, March 4"), ..Volume::default() }).collect(),
            hours: Vec::new(),
            incidents: Vec::new(),
            ..quiet.clone()
        };
        FeedsPage {
            frame: staff_frame("Feeds"),
            caption: s("2 feeds. 1 sends otherwise than usual."),
            feeds: vec![quiet, new],
        }
    }
}
