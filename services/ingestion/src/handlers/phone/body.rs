//! What a phone system sends of a call, from JSON to what it tells. Every fault is told at once, by its field.
//!
//! What can't be used of anything but its id and its event is no reason to refuse it: the call is real all the same, so each is
//! kept as it was told, and marked for a person. Deliberately not here: what becomes of it.

use std::collections::BTreeMap;

use causeway_funnel::contact::{self, FaultCode, FieldFault};
use causeway_funnel::inquiry::is_fit_key;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::domain::call::{
    AGENT, ANSWERED_AT, CALLER, DIRECTION, DURATION, Direction, ENDED_AT, Event, MEMBERS, OUTCOME, QUEUE, STARTED_AT,
    State, Told,
};
use crate::error::Refusal;
use crate::handlers::http::without_mark;

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
const SHAPE: &str = "send an object with call_id and event, and what is told of the call";
/// Most members that this door does not know that are named, and most characters of a name.
const MOST_NAMED: (usize, usize) = (8, 64);

/// The body of a request. What is not of its type refuses no call, so a member is read when its turn comes. PHI: no `Debug`.
struct Body(Map<String, Value>);

impl Body {
    /// A text, and a number where somebody or something is known by it; else what was told instead.
    fn id(&self, field: &str) -> Result<String, String> {
        match self.0.get(field) {
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => self.text(field),
        }
    }

    /// A text; empty where nothing is told; else what was told instead.
    fn text(&self, field: &str) -> Result<String, String> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(other.to_string()),
        }
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
    let body = serde_json::from_slice(without_mark(bytes)).map(Body);
    let body = body.map_err(|cause| Refusal::unreadable(&cause, SHAPE))?;
    let mut faults = Faults::default();
    let event = faults.word("event", &body.text("event").unwrap_or_else(|other| other), Event::parse, Event::WORDS);
    let is = |wanted: Event| event == Some(wanted);
    let call_id = body.id("call_id").unwrap_or_default();
    if !is_fit_key(&call_id) {
        faults.add("call_id", FaultCode::Missing, "Send the phone system's own id of the call: 1 to 128 characters");
    }
    let mut unusable = Unusable { told: BTreeMap::new(), faults: Vec::new(), now };
    // Nobody who called is lost for a word: whom the center is said to have called, it calls.
    let direction = unusable.word(&body, DIRECTION, Direction::parse, (Direction::WORDS, true));
    let queue = match body.id(QUEUE) {
        Ok(queue) if is_fit_key(&queue) => queue,
        // A call that the center makes has no queue.
        Ok(queue) if queue.is_empty() && direction == Some(Direction::Outbound) => queue,
        Ok(other) | Err(other) => {
            let code = if other.is_empty() { FaultCode::Missing } else { FaultCode::NotAChoice };
            unusable.add(QUEUE, &other, code, "Send the queue or number that was called: 1 to 128 characters");
            String::new()
        }
    };
    let outcome = unusable.word(&body, OUTCOME, ended_as, (OUTCOMES, is(Event::Ended)));
    let times = [STARTED_AT, ANSWERED_AT, ENDED_AT].map(|field| body.text(field).unwrap_or_else(|other| other));
    let started = unusable.time(STARTED_AT, &times[0], true);
    let mut answered_at = unusable.time(ANSWERED_AT, &times[1], is(Event::Answered));
    let mut ended_at = unusable.time(ENDED_AT, &times[2], is(Event::Ended));
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
    let duration_seconds = match body.0.get(DURATION).filter(|told| !told.is_null()) {
        None => None,
        Some(told) => {
            let seconds = told.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
            if seconds.is_none() {
                unusable.add(DURATION, &told.to_string(), FaultCode::NotAChoice, "Send whole seconds as a number");
            }
            seconds
        }
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    let named = body.text(AGENT).map(|agent| agent.trim().to_owned());
    let is_fit = named.as_ref().is_ok_and(|agent| agent.len() <= LONGEST_AGENT && agent.bytes().all(is_name));
    let agent_as_told = named.unwrap_or_else(|other| other);
    if !is_fit {
        let message = "Send the login or extension of who answered as a text: letters, digits and . _ - @, at most 64";
        unusable.add(AGENT, &agent_as_told, FaultCode::NotAChoice, message);
    }
    let agent = if is_fit { agent_as_told.clone() } else { String::new() };
    let (caller, caller_as_sent) = match body.id(CALLER) {
        Ok(sent) => caller(&sent, region),
        Err(other) => {
            unusable.add(CALLER, &other, FaultCode::NotAChoice, "Send the caller's number as a text");
            (None, other)
        }
    };
    for name in body.0.keys().filter(|name| !MEMBERS.contains(&name.as_str())).take(MOST_NAMED.0) {
        // It is said to who sent it and kept nowhere: a name may be anybody's.
        let known = format!("This door does not read this member. It reads {}", MEMBERS.join(", "));
        faults.unread.push(FieldFault {
            field: name.chars().take(MOST_NAMED.1).collect(),
            code: FaultCode::NotAChoice,
            message: known,
        });
    }
    let instants = times.map(|told| as_instant(&told));
    unusable.faults.append(&mut faults.unread);
    let (Some(event), []) = (event, faults.told.as_slice()) else {
        faults.told.extend(unusable.faults);
        return Err(Refusal::Faults(faults.told));
    };
    let direction = direction.unwrap_or(Direction::Inbound);
    let words = (&caller, &caller_as_sent, &queue, direction, outcome, agent_as_told);
    let mut content = serde_json::to_string(&(words, instants, duration_seconds)).unwrap_or_default();
    // Times and agents stand above as they were told; of the rest only what can be used does.
    let rest: Vec<_> = [DIRECTION, QUEUE, OUTCOME, DURATION].map(|field| unusable.told.get(field)).into();
    if rest.iter().any(Option::is_some) {
        content.push_str(&serde_json::to_string(&rest).unwrap_or_default());
    }
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

/// Without these nothing is known of a call.
#[derive(Default)]
struct Faults {
    told: Vec<FieldFault>,
    unread: Vec<FieldFault>,
}

impl Faults {
    fn add(&mut self, field: &str, code: FaultCode, message: &str) {
        self.told.push(FieldFault { field: field.to_owned(), code, message: message.to_owned() });
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

    /// One of the words that are `known`.
    fn word<T>(
        &mut self,
        body: &Body,
        field: &str,
        read: fn(&str) -> Option<T>,
        (known, is_needed): (&[&str], bool),
    ) -> Option<T> {
        let told = body.text(field).unwrap_or_else(|other| other);
        let read = read(&told);
        if read.is_none() && (is_needed || !told.is_empty()) {
            let code = if told.is_empty() { FaultCode::Missing } else { FaultCode::NotAChoice };
            self.add(field, &told, code, &format!("Send one of: {}", known.join(", ")));
        }
        read
    }

    fn time(&mut self, field: &str, text: &str, is_needed: bool) -> Option<Timestamp> {
        const LIKE: &str = "Send the time with its zone, like 2026-03-04T19:40:00-08:00";
        if text.is_empty() {
            if is_needed {
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
    fn without_its_id_or_its_event_a_call_is_none_and_every_fault_is_told_at_once_by_its_field() {
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
        for (old, new, field) in
            [("\"c\"", "[\"c\"]", "call_id"), ("\"c\"", "\"\"", "call_id"), ("\"ended\"", "7", "event")]
        {
            assert_eq!(faults(&ENDED.replace(old, new))[0].0, field, "{new}");
        }
        let nowhere = ENDED.replace("\"queue\":\"q\"", "\"queue\":\"\"").replace("inbound", "outbound");
        let heard = read(nowhere.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(heard.unusable.is_empty(), "the center called somebody");
        for body in ["[]", "7", "{", "\"call\""] {
            assert!(matches!(read(body.as_bytes(), "US", now()), Err(Refusal::Unreadable { .. })), "{body}");
        }
    }

    #[test]
    fn a_member_that_can_not_be_used_refuses_no_call_and_is_named_with_what_was_told() {
        let with = |old: &str, new: &str| ENDED.replace(old, new);
        let besides = |member: &str| with("\"outcome\"", &format!("{member},\"outcome\""));
        for (body, field, told) in [
            (besides("\"duration_seconds\":-4"), DURATION, "-4"),
            (besides("\"duration_seconds\":35.2"), DURATION, "35.2"),
            (besides("\"duration_seconds\":\"35\""), DURATION, "\"35\""),
            (besides("\"duration_seconds\":99999999999"), DURATION, "99999999999"),
            (besides("\"agent\":17"), AGENT, "17"),
            (with("\"2026-03-04T19:40:00Z\"", "1772653200"), STARTED_AT, "1772653200"),
            (with("\"q\"", "[\"q\"]"), QUEUE, "[\"q\"]"),
            (with("\"queue\":\"q\",", ""), QUEUE, ""),
            (with("\"(206) 555-0142\"", "true"), CALLER, "true"),
            (with("\"inbound\"", "\"in\""), DIRECTION, "in"),
            (with("\"direction\":\"inbound\",", ""), DIRECTION, ""),
            (with("missed", "no-answer"), OUTCOME, "no-answer"),
            (with("missed", "ringing"), OUTCOME, "ringing"),
            (with("\"missed\"", "0"), OUTCOME, "0"),
            (with(",\"outcome\":\"missed\"", ""), OUTCOME, ""),
        ] {
            let heard = read(body.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{body}: {refusal}"));
            assert_eq!(heard.unusable.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), [field], "{body}");
            assert_eq!(heard.told.as_told, BTreeMap::from([(field.to_owned(), told.to_owned())]), "{body}");
            assert!(heard.told.direction == Direction::Inbound, "{body}");
            let same = read(ENDED.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
            assert!(heard.content != same.content, "{body}");
        }
        let known = ENDED.replace("\"c\"", "4711").replace("\"q\"", "2").replace("\"(206) 555-0142\"", "12065550142");
        let heard = read(known.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
        let told = (heard.call_id.as_str(), heard.told.queue.as_str(), heard.told.caller.as_deref());
        assert_eq!(told, ("4711", "2", Some("+12065550142")));
    }

    #[test]
    fn a_member_that_nobody_reads_is_named_to_its_sender_and_kept_nowhere() {
        let body = ENDED.replace("\"outcome\"", "\"caller_name\":\"Rosa\",\"outcome\"");
        let heard = read(body.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(heard.unusable.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["caller_name"]);
        assert!(heard.told.as_told.is_empty());
        let plain = read(ENDED.as_bytes(), "US", now()).unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(heard.content == plain.content);
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
