//! What a phone system sends of a call, from JSON to what it tells. Every fault is told at once, by its field.
//!
//! Whatever else than its id, its direction and what happened can't be used is no reason to refuse it: the call is real all the same, so
//! each is kept as it was told, and marked for a person. Deliberately not here: what becomes of it.

use std::collections::BTreeMap;

use causeway_funnel::contact::{self, FaultCode, FieldFault};
use causeway_funnel::inquiry::is_fit_key;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::adapters::without_mark;
use crate::domain::call::{
    AGENT, ANSWERED_AT, DURATION, Direction, ENDED_AT, Event, OUTCOME, QUEUE, STARTED_AT, State, Told,
};
use crate::error::Refusal;

/// Names of staff are short, and say nothing of a caller.
const LONGEST_AGENT: usize = 64;
/// Most characters that are kept of what can't be used, so that none of it fills the record.
const LONGEST_TOLD: usize = 128;
/// So many members that nobody knows are told of at most.
const MOST_UNKNOWN: usize = 10;
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
const SHAPE: &str = "send one object with call_id, event, direction, queue, caller, started_at, answered_at, ended_at, outcome and \
                     agent as texts and duration_seconds as a whole number";

/// The body of a request, each member as it came: one that can't be used refuses no call. PHI: no `Debug`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    call_id: Value,
    event: Value,
    direction: Value,
    queue: Value,
    caller: Value,
    started_at: Value,
    answered_at: Value,
    ended_at: Value,
    duration_seconds: Value,
    outcome: Value,
    agent: Value,
    /// What this door does not know; it stands in the message alone.
    #[serde(flatten)]
    more: BTreeMap<String, IgnoredAny>,
}

/// A member that is a text, or a number that stands for one; none where it is anything else.
fn text(member: &Value) -> Option<String> {
    match member {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
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
    let body: Body = serde_json::from_slice(without_mark(bytes)).map_err(|cause| Refusal::unreadable(&cause, SHAPE))?;
    let mut faults = Faults::default();
    // Without these nobody knows which call it is and what happened.
    let [call_id, event, direction] =
        [&body.call_id, &body.event, &body.direction].map(text).map(Option::unwrap_or_default);
    let event = faults.word("event", &event, Event::parse, Event::WORDS);
    let is = |wanted: Event| event == Some(wanted);
    if !is_fit_key(&call_id) {
        faults.add("call_id", FaultCode::Missing, "Send the phone system's own id of the call: 1 to 128 characters");
    }
    let direction = faults.word("direction", &direction, Direction::parse, Direction::WORDS);
    let mut unusable = Unusable { told: BTreeMap::new(), faults: Vec::new(), now };
    let mut queue = unusable.text(QUEUE, &body.queue, "Send the queue or number that was called as a text");
    // A call that the center makes has no queue.
    let has_none = queue.is_empty() && direction == Some(Direction::Outbound);
    if !has_none && !is_fit_key(&queue) && !unusable.told.contains_key(QUEUE) {
        unusable.add(
            QUEUE,
            &queue,
            FaultCode::Missing,
            "Send the queue or number that was called: 1 to 128 characters",
        );
        queue.clear();
    }
    let started_told = unusable.text(STARTED_AT, &body.started_at, LIKE);
    let answered_told = unusable.text(ANSWERED_AT, &body.answered_at, LIKE);
    let ended_told = unusable.text(ENDED_AT, &body.ended_at, LIKE);
    let started = unusable.time(STARTED_AT, &started_told, true);
    let mut answered_at = unusable.time(ANSWERED_AT, &answered_told, is(Event::Answered));
    let mut ended_at = unusable.time(ENDED_AT, &ended_told, is(Event::Ended));
    let outcome_told = unusable.text(OUTCOME, &body.outcome, ONE_OF_THEM);
    let outcome = ended_as(&outcome_told);
    let is_odd = outcome.is_none() && (is(Event::Ended) || !outcome_told.is_empty());
    if is_odd && !unusable.told.contains_key(OUTCOME) {
        let code = if outcome_told.is_empty() { FaultCode::Missing } else { FaultCode::NotAChoice };
        unusable.add(OUTCOME, &outcome_told, code, ONE_OF_THEM);
    }
    let duration_seconds = unusable.seconds(&body.duration_seconds);
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
    let mut agent = unusable.text(AGENT, &body.agent, WHO).trim().to_owned();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    let agent_as_told = agent.clone();
    if agent.len() > LONGEST_AGENT || !agent.bytes().all(is_name) {
        unusable.add(AGENT, &agent, FaultCode::NotAChoice, WHO);
        agent.clear();
    }
    unusable.unknown(body.more.keys());
    if !faults.0.is_empty() {
        faults.0.extend(unusable.faults);
        return Err(Refusal::Faults(faults.0));
    }
    // What is no text is no number either, and is shown as it was sent.
    let sent = text(&body.caller).unwrap_or_else(|| body.caller.to_string());
    let (caller, caller_as_sent) = caller(&sent, region);
    let (Some(event), Some(direction)) = (event, direction) else { return Err(Refusal::Internal) };
    let instants = [started_told, answered_told, ended_told].map(|told| as_instant(&told));
    let words = (&caller, &caller_as_sent, &queue, direction, outcome, agent_as_told);
    let content = serde_json::to_string(&(words, instants, duration_seconds)).unwrap_or_default();
    let told = Told {
        caller,
        caller_as_sent,
        queue,
        direction,
        started_at,
        answered_at,
        ended_at,
        duration_seconds,
        outcome,
        agent,
        as_told: unusable.told,
    };
    Ok(Heard { call_id, event, told, content, unusable: unusable.faults })
}

/// A time as the instant that it is, where it is one.
fn as_instant(told: &str) -> String {
    told.parse::<Timestamp>().map_or_else(|_| told.to_owned(), |at| at.to_string())
}

/// How it is told how a call ended.
const ONE_OF_THEM: &str = "Send one of: answered, missed, abandoned, voicemail";
/// How times are written.
const LIKE: &str = "Send the time with its zone, like 2026-03-04T19:40:00-08:00";
/// How it is told who answered.
const WHO: &str = "Send the login or extension of who answered: letters, digits and . _ - @, at most 64";

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

    /// A member as a text; empty where it is none, and then it is noted.
    fn text(&mut self, field: &str, member: &Value, message: &str) -> String {
        text(member).unwrap_or_else(|| {
            self.add(field, &member.to_string(), FaultCode::NotAChoice, message);
            String::new()
        })
    }

    /// A length in seconds, also one that was written as a text or with parts of a second.
    fn seconds(&mut self, member: &Value) -> Option<u32> {
        let told = text(member);
        if told.as_deref() == Some("") {
            return None;
        }
        let seconds = told.as_deref().and_then(|told| told.trim().parse::<f64>().ok()).map(f64::round);
        match seconds.filter(|seconds| (0.0..=f64::from(u32::MAX)).contains(seconds)) {
            // It was looked that it is none too large.
            Some(seconds) => Some(seconds as u32),
            None => {
                const WHOLE: &str = "Send whole seconds, like 35";
                self.add(DURATION, &told.unwrap_or_else(|| member.to_string()), FaultCode::NotAChoice, WHOLE);
                None
            }
        }
    }

    /// Tells of members that this door does not know. Their names may be anything, so they are not kept with the call.
    fn unknown<'k>(&mut self, names: impl Iterator<Item = &'k String>) {
        const WORDS: &str = "This door does not know this member: it stands in what you sent, and nobody is shown it";
        for name in names.take(MOST_UNKNOWN) {
            let field = name.chars().take(LONGEST_TOLD).collect();
            self.faults.push(FieldFault { field, code: FaultCode::NotAChoice, message: WORDS.to_owned() });
        }
    }

    fn time(&mut self, field: &str, text: &str, is_needed: bool) -> Option<Timestamp> {
        if text.is_empty() {
            if is_needed && !self.told.contains_key(field) {
                self.add(field, "", FaultCode::Missing, LIKE);
            }
            return None;
        }
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
            ("direction", "missing"),
            ("queue", "missing"),
            ("started_at", "date_unreadable"),
            ("ended_at", "date_unreadable"),
            ("agent", "not_a_choice"),
        ];
        assert_eq!(told, expected.map(|(field, code)| (field.to_owned(), code)));
        assert!(faults(ENDED).is_empty());
        assert_eq!(faults(r#"{"cal":1}"#).len(), 5 + 1, "what it is about, and what it lacks besides");
        for none in ["[]", "7", "\"call\"", "", r#"{"call_id":"#, r#"{"event":"ended","event":"ringing"}"#] {
            assert!(matches!(read(none.as_bytes(), "US", now()), Err(Refusal::Unreadable { .. })), "{none}");
        }
    }

    #[test]
    fn a_member_of_another_kind_or_one_that_nobody_knows_refuses_no_call() {
        for (old, new, field, told) in [
            ("\"queue\":\"q\",", "", Some(QUEUE), Some("")),
            ("\"queue\":\"q\"", "\"queue\":\"\"", Some(QUEUE), Some("")),
            ("\"queue\":\"q\"", "\"queue\":[1]", Some(QUEUE), Some("[1]")),
            ("\"queue\":\"q\"", "\"queue\":8000", None, None),
            ("\"outcome\":\"missed\"", "\"outcome\":\"busy\"", Some(OUTCOME), Some("busy")),
            ("\"outcome\":\"missed\"", "\"outcome\":\"ringing\"", Some(OUTCOME), Some("ringing")),
            ("\"outcome\":\"missed\"", "\"outcome\":true", Some(OUTCOME), Some("true")),
            (",\"outcome\":\"missed\"", "", Some(OUTCOME), Some("")),
            ("\"outcome\"", "\"duration_seconds\":-4,\"outcome\"", Some(DURATION), Some("-4")),
            ("\"outcome\"", "\"duration_seconds\":99999999999,\"outcome\"", Some(DURATION), Some("99999999999")),
            (
                "\"outcome\"",
                "\"duration_seconds\":\"half a minute\",\"outcome\"",
                Some(DURATION),
                Some("half a minute"),
            ),
            ("\"outcome\"", "\"duration_seconds\":{},\"outcome\"", Some(DURATION), Some("{}")),
            ("\"outcome\"", "\"agent\":17,\"outcome\"", None, None),
            ("\"outcome\"", "\"agent\":{\"id\":17},\"outcome\"", Some(AGENT), Some("{\"id\":17}")),
            ("\"outcome\"", "\"caller_name\":\"Ann Lee\",\"outcome\"", Some("caller_name"), None),
            ("\"2026-03-04T19:40:00Z\"", "1764301200", Some(STARTED_AT), Some("1764301200")),
            ("\"2026-03-04T19:40:00Z\"", "[]", Some(STARTED_AT), Some("[]")),
            ("\"(206) 555-0142\"", "2065550142", None, None),
        ] {
            assert!(ENDED.contains(old), "{old}");
            let body = ENDED.replace(old, new);
            let heard = read(body.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{new}: {refusal}"));
            let fields: Vec<&str> = heard.unusable.iter().map(|fault| fault.field.as_str()).collect();
            assert_eq!(fields, field.into_iter().collect::<Vec<_>>(), "{new}");
            let kept = field.and_then(|field| heard.told.as_told.get(field)).map(String::as_str);
            assert_eq!((kept, heard.told.caller.as_deref()), (told, Some("+12065550142")), "{new}");
        }
        for (told, seconds) in [("35", 35), ("35.2", 35), ("\"35\"", 35), ("0", 0)] {
            let body = ENDED.replace("\"outcome\"", &format!("\"duration_seconds\":{told},\"outcome\""));
            let heard = read(body.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
            assert_eq!((heard.told.duration_seconds, heard.unusable.len()), (Some(seconds), 0), "{told}");
        }
        let marked = format!("\u{feff}{ENDED}");
        assert!(read(marked.as_bytes(), "US", now()).is_ok(), "a mark before it is no part of it");
        let outbound = ENDED.replace("inbound", "outbound").replace("\"queue\":\"q\",", "");
        let heard = read(outbound.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(heard.unusable.is_empty(), "the center called somebody");
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
