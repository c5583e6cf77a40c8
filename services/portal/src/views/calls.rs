//! Calls of the phone system in words, for staff.
//!
//! A list shows no number: who opens a call to take it down sees it, and that look is written down. Deliberately not here: what
//! a call waits for (ingestion).

use causeway_funnel::contact::phone_words;
use causeway_funnel::profile::Profile;
use causeway_proto::convert::consult_type_from_wire;
use causeway_proto::inquiry::v1::{CallRow as Call, ConsultType, OpenedCall};
use jiff::Timestamp;

use super::times;
use super::worklist::owner;
use crate::pages::{CallLink, CallRow, Caller, KnownRequest, Moment, SelectOption};
use crate::words::EN;

/// What may be said of a call, with what it is called.
pub const REASONS: [(&str, &str); 4] = [
    ("called_back", "We called back"),
    ("no_request", "No request for care"),
    ("wrong_number", "Wrong number"),
    ("test", "A test"),
];

/// Who looks at calls, and when.
pub struct Looking<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// The domain's time.
    pub now: Timestamp,
}

impl Looking<'_> {
    /// A call that waits. `shown`: all that stand on its page.
    pub fn row(&self, call: &Call, shown: &[Call]) -> CallRow {
        let is_beside = |other: &&Call| {
            other.waits_for == "call_back" && other.inquiry_id == call.inquiry_id && other.call_id != call.call_id
        };
        let beside = shown.iter().filter(|_| call.waits_for == "call_back").filter(is_beside);
        CallRow {
            also: beside.map(|other| other.call_id.as_str()).collect::<Vec<_>>().join(","),
            id: call.call_id.clone(),
            at: self.at(call.started_at),
            queue: queue(call).to_owned(),
            what: self.what(call),
            waits: join([Some(waits(&call.waits_for).to_owned()), odd(&call.unusable)]),
            reference: (!call.reference.is_empty()).then(|| call.reference.clone()),
            inquiry_url: format!("/inquiries/{}", call.inquiry_id),
            entry_url: entry_url(&call.call_id),
            reasons: REASONS
                .iter()
                .filter(|(reason, _)| *reason != "called_back" || call.waits_for != "entry")
                .map(|(value, label)| SelectOption { value: (*value).into(), label: (*label).into(), selected: false })
                .collect(),
        }
    }

    /// A call of late, as a link to its entry.
    pub fn link(&self, call: &Call) -> CallLink {
        let what = format!("{}, {}, {}", self.at(call.started_at), queue(call), self.what(call));
        CallLink { url: entry_url(&call.call_id), what }
    }

    /// Calls of an inquiry, the newest first, as moments.
    pub fn moments(&self, calls: &[Call]) -> Vec<Moment> {
        let moment = |call: &Call| Moment {
            at: self.at(call.started_at),
            text: format!("{}, {}", queue(call), self.what(call)),
            note: note(call),
        };
        calls.iter().rev().map(moment).collect()
    }

    /// The caller of the call that is taken down.
    pub fn caller(&self, opened: &OpenedCall) -> Caller {
        let call = opened.call.clone().unwrap_or_default();
        let known = opened.known.iter().map(|known| KnownRequest {
            id: known.inquiry_id.clone(),
            reference: known.reference.clone(),
            url: format!("/inquiries/{}", known.inquiry_id),
            about: self.about(known.consult_type(), known.received_at),
        });
        Caller {
            call_id: call.call_id.clone(),
            number: match (opened.number.as_str(), opened.number_as_sent.as_str()) {
                ("", "") => "The number is withheld. Ask for it".to_owned(),
                ("", sent) => format!("The number could not be read: {sent}"),
                (number, _) => phone_words(number),
            },
            at: format!("{}, {}, {}", self.at(call.started_at), queue(&call), self.what(&call)),
            as_told: as_told(opened),
            known: known.collect(),
        }
    }

    /// What a request asks for, and when it came.
    pub fn about(&self, consult_type: ConsultType, received_at: i64) -> String {
        format!("{}, came {}", consult_type_from_wire(consult_type).label("en"), self.at(received_at))
    }

    /// A moment as a field of a form takes it.
    pub fn in_field(&self, micros: i64) -> String {
        let at = times::zoned(micros, self.profile.zone());
        at.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()
    }

    fn at(&self, micros: i64) -> String {
        times::zoned(micros, self.profile.zone()).map(|at| times::recent(&at, self.now, &EN)).unwrap_or_default()
    }

    fn what(&self, call: &Call) -> String {
        let what = match (call.direction.as_str(), call.state.as_str()) {
            ("outbound", _) => "we called",
            (_, "answered") => "answered",
            (_, "missed") => "nobody answered",
            (_, "abandoned") => "the caller hung up while waiting",
            (_, "voicemail") => "the caller left a voice message",
            _ => "it rang, and nobody told how it ended",
        };
        match owner(self.profile, &call.agent) {
            Some(who) => format!("{what} by {who}"),
            None => what.to_owned(),
        }
    }
}

/// The queue, as staff call it.
fn queue(call: &Call) -> &str {
    if call.queue.is_empty() { "Queue not set up" } else { &call.queue }
}

fn entry_url(call: &str) -> String {
    format!("/inquiries/new?call={call}")
}

fn waits(what: &str) -> &'static str {
    match what {
        "entry" => "Nobody has entered it yet",
        "number" => {
            "The number is withheld or could not be read. Open it, listen to the message, or wait for the next call"
        }
        "queue" => "Its queue is not set up. Enter it, or tell the people who run Causeway",
        "call_back" => "Another call of somebody who waits to be called back",
        "end" => "Find out how it ended",
        _ => "",
    }
}

/// What became of a call, and what of it can't be right.
fn note(call: &Call) -> Option<String> {
    Some(join([said(call).map(str::to_owned), odd(&call.unusable)])).filter(|note| !note.is_empty())
}

fn join(parts: [Option<String>; 2]) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ")
}

/// What a field of the phone system tells, for who looks at a call.
fn told_of(field: &str) -> &'static str {
    match field {
        "started_at" => "when it began",
        "answered_at" => "when it was answered",
        "ended_at" => "when it ended",
        "queue" => "which line was called",
        "outcome" => "how it ended",
        "duration_seconds" => "how long it was",
        _ => "who answered",
    }
}

/// What the phone system told so that it can't be used. Without its beginning a call stands where it was first heard of.
fn odd(unusable: &[String]) -> Option<String> {
    let fields: Vec<&str> = unusable.iter().map(|field| told_of(field)).collect();
    let stands = if unusable.iter().any(|field| field == "started_at") {
        ", so its time here is the first that we know"
    } else {
        ""
    };
    let told = fields.join(" and ");
    (!fields.is_empty()).then(|| format!("The phone system’s word for {told} can’t be used{stands}"))
}

/// The same with what was told, for who opened the call.
fn as_told(opened: &OpenedCall) -> Vec<String> {
    let mut told: Vec<(&String, &String)> = opened.as_told.iter().collect();
    told.sort();
    let line = |(field, told): (&String, &String)| match told.as_str() {
        "" => format!("The phone system did not tell {}", told_of(field)),
        told => format!("The phone system told {} as “{told}”, which can’t be used", told_of(field)),
    };
    told.into_iter().map(line).collect()
}

/// What became of a call.
fn said(call: &Call) -> Option<&'static str> {
    match call.outcome.as_str() {
        "entered" => Some("This request was entered from it"),
        "belongs" => Some("Somebody said that it belongs here"),
        "called_back" => Some("We called back"),
        "no_request" => Some("No request for care"),
        "wrong_number" => Some("Wrong number"),
        "test" => Some("A test"),
        _ if call.opened => Some("This request was made of it"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    #[test]
    fn a_call_says_what_happened_and_who_took_it_and_shows_no_number() {
        let profile = harbor_valley();
        let looking = Looking { profile: &profile, now: Timestamp::from_second(1_804_190_400).expect("time") };
        let call = Call {
            call_id: "c1".into(),
            queue: "New patients".into(),
            direction: "inbound".into(),
            state: "answered".into(),
            agent: "dana-whitfield".into(),
            started_at: 1_804_190_000_000_000,
            waits_for: "entry".into(),
            ..Call::default()
        };
        let row = looking.row(&call, &[]);
        assert_eq!(row.what, "answered by Dana Whitfield");
        assert_eq!(row.entry_url, "/inquiries/new?call=c1");
        assert!(row.at.starts_with("Today") && row.reference.is_none());
        assert!(row.reasons.iter().all(|reason| reason.value != "called_back"), "an answered call is not called back");
        let missed = Call { state: "missed".into(), agent: String::new(), waits_for: "call_back".into(), ..call };
        assert_eq!(looking.row(&missed, &[]).what, "nobody answered");
        assert_eq!(looking.row(&missed, &[]).reasons.len(), REASONS.len());
        let opened = OpenedCall { call: Some(missed.clone()), ..OpenedCall::default() };
        assert!(looking.caller(&opened).number.contains("withheld"));
        let unread = OpenedCall { number_as_sent: "ext 4711".into(), ..opened };
        assert_eq!(looking.caller(&unread).number, "The number could not be read: ext 4711");
        assert_eq!(looking.row(&Call { queue: String::new(), ..missed }, &[]).queue, "Queue not set up");
    }

    #[test]
    fn what_the_phone_system_told_wrongly_is_marked_and_shown_as_told_to_who_opens_the_call() {
        let profile = harbor_valley();
        let looking = Looking { profile: &profile, now: Timestamp::from_second(1_804_190_400).expect("time") };
        let call = Call { unusable: vec!["agent".into(), "started_at".into()], opened: true, ..Call::default() };
        let note = looking.moments(std::slice::from_ref(&call))[0].note.clone().expect("a note");
        let marked = "The phone system’s word for who answered and when it began can’t be used, so its time here is the first that we know";
        assert_eq!(note, format!("This request was made of it. {marked}"));
        assert_eq!(looking.row(&call, &[]).waits, marked);
        let as_told =
            [("started_at".to_owned(), "1970-01-01T00:00:00Z".to_owned()), ("ended_at".to_owned(), String::new())];
        let opened = OpenedCall { call: Some(call), as_told: as_told.into(), ..OpenedCall::default() };
        assert_eq!(
            looking.caller(&opened).as_told,
            [
                "The phone system did not tell when it ended",
                "The phone system told when it began as “1970-01-01T00:00:00Z”, which can’t be used"
            ]
        );
    }

    #[test]
    fn with_a_call_back_go_the_calls_of_the_same_request_that_stand_beside_it() {
        let profile = harbor_valley();
        let looking = Looking { profile: &profile, now: Timestamp::from_second(1_804_190_400).expect("time") };
        let call = |id: &str, inquiry: &str, waits_for: &str| Call {
            call_id: id.into(),
            inquiry_id: inquiry.into(),
            waits_for: waits_for.into(),
            ..Call::default()
        };
        let shown = [
            call("1", "a", "call_back"),
            call("2", "a", "call_back"),
            call("3", "b", "call_back"),
            call("4", "a", "entry"),
            call("5", "a", "call_back"),
        ];
        let also = |at: usize| looking.row(&shown[at], &shown).also;
        assert_eq!((also(0), also(2), also(3)), ("2,5".to_owned(), String::new(), String::new()));
    }
}
