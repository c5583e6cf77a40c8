//! What a phone system sends of a call, from JSON to what it tells. Every fault is told at once, by its field.
//!
//! A caller's number, a time or a name of staff that can't be used is no reason to refuse it: the call is real all the same, so
//! each is kept as it was told, and marked for a person. Deliberately not here: what becomes of it.

use std::collections::BTreeMap;

use causeway_funnel::contact::{self, FaultCode, FieldFault};
use causeway_funnel::inquiry::is_fit_key;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::domain::call::{AGENT, ANSWERED_AT, Direction, ENDED_AT, Event, STARTED_AT, State, Told};
use crate::error::Refusal;

/// Names of staff are short, and say nothing of a caller.
const LONGEST_AGENT: usize = 64;
/// Most characters that are kept of what can't be used, so that none of it fills the record.
const LONGEST_TOLD: usize = 128;
/// A clock that is set to another zone is wrong by less.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// No phone system that sends here is older; what is told from before is a clock that was never set.
const EARLIEST: Timestamp = Timestamp::constant(946_684_800, 0);
/// What phone systems send where the caller's number is withheld.
const WITHHELD: [&str; 10] = [
    "anonymous",
    "private",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
    "blocked",
    "out of area",
    "no number",
    "none",
];

/// What a body has to be, for who sent another one.
const SHAPE: &str = "send an object with call_id, event, direction, queue, caller, started_at, answered_at, ended_at, outcome and \
                     agent as texts and duration_seconds as a whole number, and nothing else";

/// The body of a request. PHI: no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    call_id: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    direction: String,
    #[serde(default)]
    queue: String,
    #[serde(default)]
    caller: Option<String>,
    #[serde(default)]
    started_at: Option<String>,
    #[serde(default)]
    answered_at: Option<String>,
    #[serde(default)]
    ended_at: Option<String>,
    #[serde(default)]
    duration_seconds: Option<u32>,
    #[serde(default)]
    outcome: Option<String>,
    #[serde(default)]
    agent: Option<String>,
}

/// One event of a call. PHI: no `Debug`.
pub struct Heard {
    /// The phone system's own id of the call.
    pub call_id: String,
    /// Which event.
    pub event: Event,
    /// What it tells.
    pub told: Told,
    /// All that it tells as it is understood, for telling a repeat from other content: the same instants and numbers written
    /// otherwise are the same.
    pub content: String,
    /// What was told and can't be used, for who looks after the phone system.
    pub unusable: Vec<FieldFault>,
}

/// Reads a body. `region`: of numbers without a country code.
///
/// # Errors
/// It is no JSON of this shape, or some of its fields can't be used: each is named.
pub fn read(bytes: &[u8], region: &str, now: Timestamp) -> Result<Heard, Refusal> {
    let body: Body = serde_json::from_slice(bytes).map_err(|cause| Refusal::unreadable(&cause, SHAPE))?;
    let mut faults = Faults::default();
    let event = faults.word("event", &body.event, Event::parse, Event::WORDS);
    let is = |wanted: Event| event == Some(wanted);
    if !is_fit_key(&body.call_id) {
        faults.add("call_id", FaultCode::Missing, "Send the phone system's own id of the call: 1 to 128 characters");
    }
    let direction = Direction::parse(&body.direction);
    // A call that the center makes has no queue.
    let has_none = body.queue.is_empty() && direction == Some(Direction::Outbound);
    if !has_none && !is_fit_key(&body.queue) {
        faults.add("queue", FaultCode::Missing, "Send the queue or number that was called: 1 to 128 characters");
    }
    let direction = faults.word("direction", &body.direction, Direction::parse, Direction::WORDS);
    let outcome = match body.outcome.as_deref().filter(|word| !word.is_empty()) {
        None if is(Event::Ended) => faults.word("outcome", "", ended_as, OUTCOMES),
        None => None,
        Some(word) => faults.word("outcome", word, ended_as, OUTCOMES),
    };
    let mut unusable = Unusable { told: BTreeMap::new(), faults: Vec::new(), now };
    let started = unusable.time(STARTED_AT, body.started_at.as_deref(), true);
    let mut answered_at = unusable.time(ANSWERED_AT, body.answered_at.as_deref(), is(Event::Answered));
    let mut ended_at = unusable.time(ENDED_AT, body.ended_at.as_deref(), is(Event::Ended));
    for (field, at) in [(ANSWERED_AT, &mut answered_at), (ENDED_AT, &mut ended_at)] {
        if let Some(told) = *at
            && started.is_some_and(|started| told < started)
        {
            const WORDS: &str = "This is before started_at. Check both times";
            unusable.add(field, &told.to_string(), FaultCode::DateUnreadable, WORDS);
            *at = None;
        }
    }
    // The first that is known of it.
    let started_at = started.or_else(|| answered_at.into_iter().chain(ended_at).min()).unwrap_or(now);
    let mut agent = body.agent.unwrap_or_default().trim().to_owned();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    let agent_as_told = agent.clone();
    if agent.len() > LONGEST_AGENT || !agent.bytes().all(is_name) {
        let message = "Send the login or extension of who answered: letters, digits and . _ - @, at most 64";
        unusable.add(AGENT, &agent, FaultCode::NotAChoice, message);
        agent.clear();
    }
    if !faults.0.is_empty() {
        faults.0.extend(unusable.faults);
        return Err(Refusal::Faults(faults.0));
    }
    let (caller, caller_as_sent) = caller(body.caller.as_deref().unwrap_or_default(), region);
    let (Some(event), Some(direction)) = (event, direction) else { return Err(Refusal::Internal) };
    let instants = [body.started_at, body.answered_at, body.ended_at].map(|told| as_instant(&told.unwrap_or_default()));
    let words = (&caller, &caller_as_sent, &body.queue, direction, outcome, agent_as_told);
    let content = serde_json::to_string(&(words, instants, body.duration_seconds)).unwrap_or_default();
    let told = Told {
        caller,
        caller_as_sent,
        queue: body.queue,
        direction,
        started_at,
        answered_at,
        ended_at,
        duration_seconds: body.duration_seconds,
        outcome,
        agent,
        as_told: unusable.told,
    };
    Ok(Heard { call_id: body.call_id, event, told, content, unusable: unusable.faults })
}

/// A time as the instant that it is, where it is one.
fn as_instant(told: &str) -> String {
    told.parse::<Timestamp>().map_or_else(|_| told.to_owned(), |at| at.to_string())
}

/// How a call can end.
const OUTCOMES: &[&str] = &["answered", "missed", "abandoned", "voicemail"];

fn ended_as(word: &str) -> Option<State> {
    State::parse(word).filter(|state| *state != State::Ringing)
}

/// The number in E.164, if it is one that can be called, and else what was sent.
fn caller(sent: &str, region: &str) -> (Option<String>, String) {
    let plain = sent.trim();
    // `"A name" <sip:…>`, as SIP writes it: the address alone counts.
    let plain = plain.split_once('<').map_or(plain, |(_, rest)| rest.split('>').next().unwrap_or_default().trim());
    let is_scheme = |word: &str| ["tel", "sip", "sips"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    let plain = plain.split_once(':').filter(|(word, _)| is_scheme(word)).map_or(plain, |(_, rest)| rest);
    let plain = plain.split(['@', ';']).next().unwrap_or_default().trim();
    if plain.is_empty() || WITHHELD.iter().any(|word| plain.eq_ignore_ascii_case(word)) {
        return (None, String::new());
    }
    match contact::phone("caller", plain, region, "en") {
        Ok(number) => (Some(number), String::new()),
        Err(_unread) => (None, sent.to_owned()),
    }
}

#[derive(Default)]
struct Faults(Vec<FieldFault>);

impl Faults {
    fn add(&mut self, field: &str, code: FaultCode, message: &str) {
        self.0.push(FieldFault { field: field.to_owned(), code, message: message.to_owned() });
    }

    fn word<T>(&mut self, field: &str, word: &str, read: fn(&str) -> Option<T>, known: &[&str]) -> Option<T> {
        let read = read(word);
        if read.is_none() {
            let code = if word.is_empty() { FaultCode::Missing } else { FaultCode::NotAChoice };
            self.add(field, code, &format!("Send one of: {}", known.join(", ")));
        }
        read
    }
}

/// What was told and can't be used.
struct Unusable {
    told: BTreeMap<String, String>,
    faults: Vec<FieldFault>,
    now: Timestamp,
}

impl Unusable {
    fn add(&mut self, field: &str, told: &str, code: FaultCode, message: &str) {
        self.told.insert(field.to_owned(), told.chars().take(LONGEST_TOLD).collect());
        self.faults.push(FieldFault { field: field.to_owned(), code, message: message.to_owned() });
    }

    fn time(&mut self, field: &str, text: Option<&str>, is_needed: bool) -> Option<Timestamp> {
        const LIKE: &str = "Send the time with its zone, like 2026-03-04T19:40:00-08:00";
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            if is_needed {
                self.add(field, "", FaultCode::Missing, LIKE);
            }
            return None;
        };
        let wrong = match text.parse::<Timestamp>() {
            Err(_) => LIKE,
            Ok(at) if at < EARLIEST => "This lies before 2000. Check the clock of the phone system",
            Ok(at) if at.duration_since(self.now) > MOST_AHEAD => {
                "This lies in the future. Check the clock of the phone system"
            }
            Ok(at) => return Some(at),
        };
        self.add(field, text, FaultCode::DateUnreadable, wrong);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-04T20:00:00Z".parse().expect("a time")
    }

    fn faults(body: &str) -> Vec<(String, &'static str)> {
        match read(body.as_bytes(), "US", now()) {
            Err(Refusal::Faults(faults)) => faults.into_iter().map(|one| (one.field, one.code.as_str())).collect(),
            Err(other) => panic!("{other}"),
            Ok(_) => Vec::new(),
        }
    }

    const ENDED: &str = r#"{"call_id":"c","event":"ended","direction":"inbound","queue":"q","caller":"(206) 555-0142",
        "started_at":"2026-03-04T19:40:00Z","ended_at":"2026-03-04T19:41:00Z","outcome":"missed"}"#;

    #[test]
    fn every_fault_is_told_at_once_by_its_field() {
        let told = faults(
            r#"{"event":"over","queue":"","started_at":"yesterday","ended_at":"2026-03-09T00:00:00Z","agent":"<b>"}"#,
        );
        let expected = [
            ("event", "not_a_choice"),
            ("call_id", "missing"),
            ("queue", "missing"),
            ("direction", "missing"),
            ("started_at", "date_unreadable"),
            ("ended_at", "date_unreadable"),
            ("agent", "not_a_choice"),
        ];
        assert_eq!(told, expected.map(|(field, code)| (field.to_owned(), code)));
        assert_eq!(faults(&ENDED.replace("missed", "ringing")), [("outcome".to_owned(), "not_a_choice")]);
        assert_eq!(faults(&ENDED.replace(",\"outcome\":\"missed\"", "")), [("outcome".to_owned(), "missing")]);
        let nowhere = ENDED.replace("\"queue\":\"q\"", "\"queue\":\"\"");
        assert_eq!(faults(&nowhere), [("queue".to_owned(), "missing")]);
        assert!(faults(&nowhere.replace("inbound", "outbound")).is_empty(), "the center called somebody");
        assert!(faults(ENDED).is_empty());
        assert!(matches!(read(b"{\"cal\":1}", "US", now()), Err(Refusal::Unreadable { .. })));
    }

    #[test]
    fn a_time_or_a_name_that_can_not_be_used_is_kept_as_it_was_told_and_refuses_no_call() {
        let (began, ended) = ("2026-03-04T19:40:00Z", "2026-03-04T19:41:00Z");
        for (old, new, field, starts) in [
            (began, "2026-03-04T11:40:00", STARTED_AT, ended),
            (began, "1970-01-01T00:00:00Z", STARTED_AT, ended),
            (began, "1999-12-31T23:59:59Z", STARTED_AT, ended),
            (began, "-009998-01-01T00:00:00Z", STARTED_AT, ended),
            (began, "2026-03-05T21:00:00Z", STARTED_AT, ended),
            (began, "", STARTED_AT, ended),
            (ended, "2026-03-04T19:39:00Z", ENDED_AT, began),
            (ended, "soon", ENDED_AT, began),
            ("\"outcome\"", "\"agent\":\"Dana (ext. 7)\",\"outcome\"", AGENT, began),
        ] {
            let body = ENDED.replace(old, new);
            let heard = read(body.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{new}: {refusal}"));
            assert_eq!(heard.unusable.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), [field], "{new}");
            assert!(new.contains(&heard.told.as_told[field]), "{new}");
            assert_eq!(heard.told.started_at.to_string(), starts, "{new}");
            assert!(heard.told.agent.is_empty());
        }
        let nothing = ENDED.replace(began, "1970-01-01T00:00:00Z").replace(ended, "");
        let heard = read(nothing.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!((heard.told.started_at, heard.told.ended_at), (now(), None), "it began when it was heard of");
    }

    #[test]
    fn the_same_instants_and_number_written_otherwise_are_the_same_content() {
        let content = |body: &str, now: Timestamp| {
            read(body.as_bytes(), "US", now).unwrap_or_else(|refusal| panic!("{refusal}")).content
        };
        let otherwise = ENDED
            .replace("2026-03-04T19:40:00Z", "2026-03-04T11:40:00-08:00")
            .replace("(206) 555-0142", "sip:+12065550142@pbx.example");
        assert_eq!(content(ENDED, now()), content(&otherwise, now()));
        for other in
            [ENDED.replace("0142", "0143"), ENDED.replace("19:40", "19:41"), ENDED.replace("missed", "voicemail")]
        {
            assert!(content(ENDED, now()) != content(&other, now()), "{other}");
        }
        // What is heard again is the same although the hour of hearing, which stands in for its own, is another.
        let ahead = ENDED.replace("2026-03-04T19:40:00Z", "2026-03-05T21:00:00Z");
        assert_eq!(content(&ahead, now()), content(&ahead, now() + SignedDuration::from_hours(3)));
    }

    #[test]
    fn a_callers_number_is_read_from_what_phone_systems_send_and_a_withheld_one_is_none() {
        for sent in [
            "(206) 555-0142",
            "tel:+12065550142",
            "TEL:+12065550142",
            "sip:+12065550142@pbx.example;user=phone",
            "\"Testpatient: Rosa\" <SIP:+12065550142@pbx.example>;tag=1",
            "<tel:+1-206-555-0142>",
            "2065550142",
        ] {
            assert!(caller(sent, "US") == (Some("+12065550142".to_owned()), String::new()), "{sent}");
        }
        for sent in [
            "",
            "anonymous",
            "Restricted",
            "sip:anonymous@anonymous.invalid",
            "\"Anonymous\" <Sip:anonymous@a.invalid>",
        ] {
            assert!(caller(sent, "US") == (None, String::new()), "{sent}");
        }
        assert!(caller("4711", "US") == (None, "4711".to_owned()), "an extension is kept, and can't be called back");
    }
}
