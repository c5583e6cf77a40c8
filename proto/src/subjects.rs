//! Every stream, subject, retention and dedupe window; who publishes what and who listens.
//!
//! One table ([`EVENTS`]) answers all of it, so that the event catalogue, the subscriptions and the reconciler can't
//! disagree. A subject is `causeway.v1.<center>.<noun>.<verb>`; it never holds anything about a person.

use std::time::Duration;

/// First two tokens of each subject.
pub const PREFIX: &str = "causeway.v1";
/// Key-value bucket that holds the center profiles in force.
pub const CENTERS_BUCKET: &str = "CENTERS";
/// How long a stream keeps messages. The outboxes keep them for good; this bounds the bus alone.
pub const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);
/// How long the server recognises a repeated message id. Longer than the relay's retry horizon; the inbox is the guarantee.
pub const DEDUPE_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Largest stream on disk, bytes. A full stream refuses new messages (`discard: new`), which then wait in the outbox.
pub const MAX_BYTES: i64 = 2 << 30;
/// Largest message, bytes.
pub const MAX_MESSAGE: i32 = 64 << 10;

/// A stream: one for each context, so that limits and rights are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamDef {
    /// Name in capitals.
    pub name: &'static str,
    /// Nouns whose subjects it takes.
    pub nouns: &'static [&'static str],
}

impl StreamDef {
    /// Subjects that the stream takes, with a wildcard for center and verb.
    pub fn subjects(&self) -> Vec<String> {
        self.nouns.iter().map(|noun| format!("{PREFIX}.*.{noun}.*")).collect()
    }
}

/// All streams.
pub const STREAMS: &[StreamDef] = &[
    StreamDef { name: "INQUIRY", nouns: &["inquiry", "document", "sister"] },
    StreamDef { name: "ROUTING", nouns: &["route", "response", "owner", "escalation"] },
    StreamDef {
        name: "INTAKE",
        nouns: &["stage", "attempt", "readiness", "records", "work", "referral", "handover", "review", "next_step"],
    },
    StreamDef { name: "SCHEDULING", nouns: &["appointment"] },
    StreamDef { name: "NOTICE", nouns: &["notice"] },
];

/// All streams as name and subjects.
pub fn streams() -> Vec<(&'static str, Vec<String>)> {
    STREAMS.iter().map(|stream| (stream.name, stream.subjects())).collect()
}

/// One kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventDef {
    /// Full name of the protobuf message.
    pub kind: &'static str,
    /// Noun of the subject.
    pub noun: &'static str,
    /// Verb of the subject; `*` where the event itself chooses it (a stage's name).
    pub verb: &'static str,
    /// The service that publishes it.
    pub owner: &'static str,
    /// Services that listen, each with the verb it wants (`*`: every one).
    pub listeners: &'static [(&'static str, &'static str)],
}

/// The event catalogue.
pub const EVENTS: &[EventDef] = &[
    EventDef {
        kind: "causeway.inquiry.v1.InquiryReceived",
        noun: "inquiry",
        verb: "received",
        owner: "ingestion",
        listeners: &[("routing", "*"), ("metrics", "*")],
    },
    EventDef {
        kind: "causeway.inquiry.v1.InquiryAmended",
        noun: "inquiry",
        verb: "amended",
        owner: "ingestion",
        listeners: &[("intake-desk", "*"), ("notification", "*")],
    },
    EventDef {
        kind: "causeway.inquiry.v1.DocumentReceived",
        noun: "document",
        verb: "received",
        owner: "ingestion",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.inquiry.v1.HandoverTaken",
        noun: "sister",
        verb: "taken",
        owner: "ingestion",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.inquiry.v1.HandoverNotTaken",
        noun: "sister",
        verb: "not_taken",
        owner: "ingestion",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.routing.v1.RouteDecided",
        noun: "route",
        verb: "decided",
        owner: "routing",
        listeners: &[("intake-desk", "*"), ("notification", "*")],
    },
    EventDef {
        kind: "causeway.routing.v1.ResponseMissed",
        noun: "response",
        verb: "missed",
        owner: "routing",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.routing.v1.ResponseDueChanged",
        noun: "response",
        verb: "changed",
        owner: "routing",
        listeners: &[("intake-desk", "*"), ("notification", "*"), ("metrics", "*")],
    },
    EventDef {
        kind: "causeway.routing.v1.InquiryRerouted",
        noun: "route",
        verb: "changed",
        owner: "routing",
        listeners: &[("metrics", "*")],
    },
    EventDef {
        kind: "causeway.routing.v1.OwnerChosen",
        noun: "owner",
        verb: "chosen",
        owner: "routing",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.routing.v1.EscalationRaised",
        noun: "escalation",
        verb: "raised",
        owner: "routing",
        listeners: &[("intake-desk", "*"), ("notification", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.WorkMoved",
        noun: "work",
        verb: "moved",
        owner: "intake-desk",
        listeners: &[("routing", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.StageChanged",
        noun: "stage",
        verb: "*",
        owner: "intake-desk",
        listeners: &[
            ("metrics", "*"),
            ("ingestion", "*"),
            ("routing", "closed"),
            ("notification", "closed"),
            ("notification", "reopened"),
        ],
    },
    EventDef {
        kind: "causeway.intake.v1.ContactAttempted",
        noun: "attempt",
        verb: "made",
        owner: "intake-desk",
        listeners: &[("routing", "*"), ("metrics", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.ReadinessChanged",
        noun: "readiness",
        verb: "changed",
        owner: "intake-desk",
        listeners: &[("scheduling-sync", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.RecordsRequested",
        noun: "records",
        verb: "requested",
        owner: "intake-desk",
        listeners: &[("notification", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.OfficeRecordsWanted",
        noun: "records",
        verb: "wanted",
        owner: "intake-desk",
        listeners: &[("ingestion", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.ReferredElsewhere",
        noun: "referral",
        verb: "approved",
        owner: "intake-desk",
        listeners: &[("notification", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.HandedToCenter",
        noun: "handover",
        verb: "asked",
        owner: "intake-desk",
        listeners: &[("ingestion", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.ReviewDecided",
        noun: "review",
        verb: "decided",
        owner: "intake-desk",
        listeners: &[("metrics", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.ReviewEscalated",
        noun: "review",
        verb: "escalated",
        owner: "intake-desk",
        listeners: &[("notification", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.NextStepAgreed",
        noun: "next_step",
        verb: "agreed",
        owner: "intake-desk",
        listeners: &[("notification", "*")],
    },
    EventDef {
        kind: "causeway.intake.v1.NextStepOver",
        noun: "next_step",
        verb: "over",
        owner: "intake-desk",
        listeners: &[("notification", "*"), ("metrics", "*")],
    },
    EventDef {
        kind: "causeway.scheduling.v1.AppointmentBooked",
        noun: "appointment",
        verb: "booked",
        owner: "scheduling-sync",
        listeners: &[("intake-desk", "*"), ("notification", "*"), ("ingestion", "*")],
    },
    EventDef {
        kind: "causeway.scheduling.v1.AppointmentRescheduled",
        noun: "appointment",
        verb: "rescheduled",
        owner: "scheduling-sync",
        listeners: &[("intake-desk", "*"), ("notification", "*"), ("ingestion", "*")],
    },
    EventDef {
        kind: "causeway.scheduling.v1.AppointmentCancelled",
        noun: "appointment",
        verb: "cancelled",
        owner: "scheduling-sync",
        listeners: &[("intake-desk", "*"), ("notification", "*"), ("ingestion", "*")],
    },
    EventDef {
        kind: "causeway.scheduling.v1.AppointmentAttended",
        noun: "appointment",
        verb: "attended",
        owner: "scheduling-sync",
        listeners: &[("intake-desk", "*"), ("notification", "*"), ("ingestion", "*")],
    },
    EventDef {
        kind: "causeway.scheduling.v1.AppointmentMissed",
        noun: "appointment",
        verb: "missed",
        owner: "scheduling-sync",
        listeners: &[("intake-desk", "*"), ("notification", "*"), ("ingestion", "*")],
    },
    EventDef {
        kind: "causeway.notice.v1.NoticeSent",
        noun: "notice",
        verb: "sent",
        owner: "notification",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.notice.v1.NoticeFailed",
        noun: "notice",
        verb: "failed",
        owner: "notification",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.notice.v1.NoticeUncertain",
        noun: "notice",
        verb: "uncertain",
        owner: "notification",
        listeners: &[("intake-desk", "*")],
    },
    EventDef {
        kind: "causeway.notice.v1.ContactStopped",
        noun: "notice",
        verb: "stopped",
        owner: "notification",
        listeners: &[("intake-desk", "*")],
    },
];

/// What a subject says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The tenant.
    pub center: &'a str,
    /// Noun, such as `inquiry`.
    pub noun: &'a str,
    /// Verb, such as `received`.
    pub verb: &'a str,
}

/// Builds a subject.
pub fn subject(center: &str, noun: &str, verb: &str) -> String {
    format!("{PREFIX}.{center}.{noun}.{verb}")
}

/// Takes a subject apart; `None` where it is none of ours.
pub fn parse(subject: &str) -> Option<Parsed<'_>> {
    let mut tokens = subject.strip_prefix(PREFIX)?.strip_prefix('.')?.split('.');
    let parsed = Parsed { center: tokens.next()?, noun: tokens.next()?, verb: tokens.next()? };
    (tokens.next().is_none() && !parsed.center.is_empty() && !parsed.verb.is_empty()).then_some(parsed)
}

/// The streams and filter subjects that a service listens to.
pub fn subscriptions(service: &str) -> Vec<(&'static str, Vec<String>)> {
    STREAMS
        .iter()
        .filter_map(|stream| {
            let mut subjects: Vec<String> =
                EVENTS
                    .iter()
                    .filter(|event| stream.nouns.contains(&event.noun))
                    .flat_map(|event| {
                        event.listeners.iter().filter(|(name, _)| *name == service).map(move |(_, verb)| {
                            subject("*", event.noun, if *verb == "*" { event.verb } else { verb })
                        })
                    })
                    .collect();
            subjects.sort();
            subjects.dedup();
            (!subjects.is_empty()).then_some((stream.name, subjects))
        })
        .collect()
}

/// The services that must have seen an event with this subject; the reconciler asks each of them.
pub fn listeners(subject: &str) -> Vec<&'static str> {
    let Some(parsed) = parse(subject) else { return Vec::new() };
    EVENTS
        .iter()
        .filter(|event| event.noun == parsed.noun && (event.verb == "*" || event.verb == parsed.verb))
        .flat_map(|event| event.listeners.iter())
        .filter(|(_, verb)| *verb == "*" || *verb == parsed.verb)
        .map(|(name, _)| *name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_subject_parses_back_to_its_parts() {
        let built = subject("harbor-valley", "inquiry", "received");
        assert_eq!(parse(&built), Some(Parsed { center: "harbor-valley", noun: "inquiry", verb: "received" }));
    }

    #[test]
    fn a_subject_with_a_missing_or_extra_token_is_none_of_ours() {
        for wrong in ["causeway.v1.a.b", "causeway.v1.a.b.c.d", "causeway.v2.a.b.c", "other", "causeway.v1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_event_belongs_to_exactly_one_stream_and_has_a_listener() {
        for event in EVENTS {
            let streams = STREAMS.iter().filter(|stream| stream.nouns.contains(&event.noun)).count();
            assert_eq!(streams, 1, "{}", event.kind);
            assert!(!event.listeners.is_empty(), "{}", event.kind);
        }
    }

    #[test]
    fn the_listeners_of_a_subject_are_those_that_subscribe_to_it() {
        assert_eq!(listeners("causeway.v1.a.stage.routed"), ["metrics", "ingestion"]);
        assert_eq!(listeners("causeway.v1.a.stage.closed"), ["metrics", "ingestion", "routing", "notification"]);
        let routing = subscriptions("routing");
        assert_eq!(routing[0], ("INQUIRY", vec!["causeway.v1.*.inquiry.received".to_owned()]));
        assert!(routing[1].1.contains(&"causeway.v1.*.stage.closed".to_owned()));
    }
}
