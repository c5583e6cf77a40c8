//! A call of a phone system, put together from what its events tell, and what somebody has to do about it.
//!
//! Events come in any order, again, or only the last one, so nothing is changed step by step: all that was told is kept by
//! event, and everything else follows from it. What a later event of a call says stands before what an earlier one said.
//! Deliberately not here: JSON (handlers), and which inquiry is the caller's (store).

use std::collections::BTreeMap;

use causeway_funnel::profile::CallQueue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::referral::Told as Answers;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$inner])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All of them as words.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// Reads a word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// The word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// What happened, in the order in which it happens.
    Event {
        /// It rings.
        Ringing = "ringing",
        /// Somebody took it.
        Answered = "answered",
        /// It is over.
        Ended = "ended",
    }
}
words! {
    /// Who called.
    Direction {
        /// Somebody called the center.
        Inbound = "inbound",
        /// The center called somebody.
        Outbound = "outbound",
    }
}
words! {
    /// How a call stands, or how it ended.
    State {
        /// It rings, as far as was told.
        Ringing = "ringing",
        /// Somebody took it.
        Answered = "answered",
        /// Nobody took it.
        Missed = "missed",
        /// The caller hung up while waiting.
        Abandoned = "abandoned",
        /// The caller left a message.
        Voicemail = "voicemail",
    }
}
words! {
    /// What somebody has to do about a call.
    Need {
        /// Nothing: it is none of intake's business.
        Nothing = "",
        /// To look how it ended; nobody told.
        End = "end",
        /// To take it down.
        Entry = "entry",
        /// To find out who called: nobody answered, and the number is withheld.
        Number = "number",
        /// To say what its queue means.
        Queue = "queue",
        /// To call back.
        CallBack = "call_back",
    }
}

/// The field that tells when a call began.
pub const STARTED_AT: &str = "started_at";
/// The field that tells when somebody took it.
pub const ANSWERED_AT: &str = "answered_at";
/// The field that tells when it was over.
pub const ENDED_AT: &str = "ended_at";
/// The field that tells who took it.
pub const AGENT: &str = "agent";

/// The field that tells which line was called.
pub const QUEUE: &str = "queue";
/// The field that tells how it ended.
pub const OUTCOME: &str = "outcome";
/// The field that tells how long it was.
pub const DURATION: &str = "duration_seconds";

/// All fields of which it is noted where they can't be used.
pub const NOTED: [&str; 7] = [STARTED_AT, ANSWERED_AT, ENDED_AT, AGENT, QUEUE, OUTCOME, DURATION];

/// Digits from which a name of staff may be a number at which somebody is called; extensions are shorter.
const FEWEST_DIGITS: usize = 7;

/// What one event tells of its call. PHI: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The caller's number in E.164; none: withheld, or none that can be called.
    pub caller: Option<String>,
    /// What was sent as the caller's number, where none could be read; empty: nothing.
    pub caller_as_sent: String,
    /// The queue, as the phone system names it; of a call that the center made it may be empty, or the number that was called.
    pub queue: String,
    /// Who called.
    pub direction: Direction,
    /// When it began; where that was not told so that it can be used, the first that is known of it.
    pub started_at: Timestamp,
    /// When somebody took it.
    pub answered_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// How long it was.
    pub duration_seconds: Option<u32>,
    /// How it ended.
    pub outcome: Option<State>,
    /// Who took it; empty: nobody, or not told.
    pub agent: String,
    /// What can't be used of it, by its field, as it was told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub as_told: BTreeMap<String, String>,
}

/// A call. PHI: no `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    told: BTreeMap<Event, Told>,
}

impl Call {
    /// Takes in what an event tells. Of two that tell of the same the first one stands.
    pub fn hear(&mut self, event: Event, told: Told) {
        self.told.entry(event).or_insert(told);
    }

    /// The newest that is told of something.
    fn newest<'c, T>(&'c self, of: impl Fn(&'c Told) -> Option<T>) -> Option<T> {
        self.told.values().rev().find_map(of)
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        let ended = self.told.get(&Event::Ended);
        let taken = self.told.contains_key(&Event::Answered);
        match ended.map(|ended| ended.outcome) {
            Some(Some(outcome)) => outcome,
            Some(None) if taken || self.answered_at().is_some() => State::Answered,
            None if taken => State::Answered,
            // How it ended was not told so that it can be used, and nobody told that it was taken: somebody waits for a call back.
            Some(None) => State::Missed,
            None => State::Ringing,
        }
    }

    /// Its queue.
    #[must_use]
    pub fn queue(&self) -> &str {
        self.newest(|told| Some(told.queue.as_str()).filter(|queue| !queue.is_empty())).unwrap_or_default()
    }

    /// Who called.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.newest(|told| Some(told.direction)).unwrap_or(Direction::Inbound)
    }

    /// The caller's number.
    #[must_use]
    pub fn caller(&self) -> Option<&str> {
        self.newest(|told| told.caller.as_deref())
    }

    /// What was sent as the caller's number, where none could be read; empty: nothing, or that it is withheld.
    #[must_use]
    pub fn unread_caller(&self) -> &str {
        let sent = || self.newest(|told| Some(told.caller_as_sent.as_str()).filter(|sent| !sent.is_empty()));
        if self.caller().is_some() { "" } else { sent().unwrap_or_default() }
    }

    /// Who took it, where that can't be somebody's number: it stands in the clear.
    #[must_use]
    pub fn agent_in_clear(&self) -> &str {
        let digits = self.agent().bytes().filter(u8::is_ascii_digit).count();
        if digits < FEWEST_DIGITS { self.agent() } else { "" }
    }

    /// Who took it.
    #[must_use]
    pub fn agent(&self) -> &str {
        self.newest(|told| Some(told.agent.as_str()).filter(|agent| !agent.is_empty())).unwrap_or_default()
    }

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_as_told().or_else(|| self.newest(|told| Some(told.started_at))).unwrap_or_default()
    }

    fn started_as_told(&self) -> Option<Timestamp> {
        self.newest(|told| (!told.as_told.contains_key(STARTED_AT)).then_some(told.started_at))
    }

    /// What was told of it and can't be used, by its field, where no other event tells it better.
    #[must_use]
    pub fn unusable(&self) -> BTreeMap<&str, &str> {
        let is_known = |field: &str| match field {
            STARTED_AT => self.started_as_told().is_some(),
            ANSWERED_AT => self.answered_at().is_some(),
            ENDED_AT => self.ended_at().is_some(),
            AGENT => !self.agent().is_empty(),
            QUEUE => !self.queue().is_empty(),
            _ => false,
        };
        let all = self.told.values().flat_map(|told| &told.as_told);
        all.map(|(field, told)| (field.as_str(), told.as_str())).filter(|(field, _)| !is_known(field)).collect()
    }

    /// When somebody took it.
    #[must_use]
    pub fn answered_at(&self) -> Option<Timestamp> {
        self.newest(|told| told.answered_at)
    }

    /// When it was over.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.newest(|told| told.ended_at)
    }

    /// What somebody has to do about it. `queue`: what its queue means, where that is known.
    #[must_use]
    pub fn need(&self, queue: Option<&CallQueue>) -> Need {
        if self.direction() == Direction::Outbound || queue.is_some_and(|queue| queue.ignore) {
            return Need::Nothing;
        }
        match self.state() {
            _ if queue.is_none() => Need::Queue,
            State::Ringing => Need::End,
            State::Answered => Need::Entry,
            State::Missed | State::Abandoned | State::Voicemail if self.caller().is_none() => Need::Number,
            State::Missed | State::Abandoned | State::Voicemail => Need::CallBack,
        }
    }

    /// When it was over, as far as is told and never after `heard_at`: the phone system's clock may be wrong, and nobody may
    /// wait longer for it.
    #[must_use]
    pub fn over_at(&self, heard_at: Timestamp) -> Timestamp {
        self.ended_at().or_else(|| self.answered_at()).unwrap_or_else(|| self.started_at()).min(heard_at)
    }

    /// From when it is shown as waiting for this. A call in good time is entered while it lasts or soon after.
    #[must_use]
    pub fn waits_from(&self, need: Need, entry_minutes: u32, heard_at: Timestamp) -> Timestamp {
        let over = self.over_at(heard_at);
        match need {
            Need::End | Need::Entry => {
                over.checked_add(SignedDuration::from_mins(i64::from(entry_minutes))).unwrap_or(over)
            }
            Need::Nothing | Need::Number | Need::Queue | Need::CallBack => over,
        }
    }
}

/// What is known of who called, in the words of a form: a way to reach them, and what their queue tells. That they may be
/// called back follows from their call; nothing else was allowed.
#[must_use]
pub fn answers(number: &str, queue: &CallQueue) -> Answers {
    let mut answers = Answers::from([
        ("phone".to_owned(), number.to_owned()),
        ("contact_channel".to_owned(), "phone".to_owned()),
        ("consent_phone".to_owned(), "yes".to_owned()),
    ]);
    let known = [
        ("consult_type", queue.consult_type.map(|term| term.as_str())),
        ("cancer_area", queue.cancer_area.map(|term| term.as_str())),
        ("language", queue.language.as_deref()),
        ("site_preference", queue.site.as_deref()),
    ];
    answers.extend(known.into_iter().filter_map(|(key, answer)| Some((key.to_owned(), answer?.to_owned()))));
    answers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).expect("a time")
    }

    fn told(event: Event, outcome: Option<State>, caller: Option<&str>) -> Told {
        Told {
            caller: caller.map(str::to_owned),
            caller_as_sent: String::new(),
            queue: "new-patients".to_owned(),
            direction: Direction::Inbound,
            started_at: at(0),
            answered_at: (event != Event::Ringing && outcome.is_none_or(|outcome| outcome == State::Answered))
                .then(|| at(1)),
            ended_at: (event == Event::Ended).then(|| at(5)),
            duration_seconds: None,
            outcome,
            agent: if event == Event::Answered { "dana".to_owned() } else { String::new() },
            as_told: BTreeMap::new(),
        }
    }

    fn queue(ignore: bool) -> CallQueue {
        CallQueue { id: "new-patients".to_owned(), ignore, ..CallQueue::default() }
    }

    fn heard(events: &[(Event, Told)]) -> Call {
        let mut call = Call::default();
        events.iter().for_each(|(event, told)| call.hear(*event, told.clone()));
        call
    }

    #[test]
    fn what_a_call_needs_follows_from_its_last_event() {
        let (ringing, answered) = (told(Event::Ringing, None, Some("+12065550142")), told(Event::Answered, None, None));
        let ended = |outcome| told(Event::Ended, Some(outcome), None);
        let queue = queue(false);
        for (events, need) in [
            (vec![(Event::Ringing, ringing.clone())], Need::End),
            (vec![(Event::Answered, answered.clone())], Need::Entry),
            (vec![(Event::Ended, ended(State::Answered))], Need::Entry),
            (vec![(Event::Ended, ended(State::Missed))], Need::Number),
            (vec![(Event::Ended, ended(State::Voicemail)), (Event::Ringing, ringing.clone())], Need::CallBack),
            (vec![(Event::Answered, answered), (Event::Ended, ended(State::Abandoned))], Need::Number),
        ] {
            assert_eq!(heard(&events).need(Some(&queue)), need);
        }
        let missed = heard(&[(Event::Ended, ended(State::Missed))]);
        assert_eq!(missed.need(None), Need::Queue);
        assert_eq!(missed.need(Some(&self::queue(true))), Need::Nothing);
        let outbound = Told { direction: Direction::Outbound, ..ended(State::Missed) };
        assert_eq!(heard(&[(Event::Ended, outbound)]).need(Some(&queue)), Need::Nothing);
    }

    #[test]
    fn an_entry_is_missed_some_minutes_after_the_call_and_a_call_back_at_once() {
        let call = heard(&[(Event::Answered, told(Event::Answered, None, None))]);
        assert_eq!(call.waits_from(Need::Entry, 15, at(60)), at(16));
        let over = heard(&[(Event::Ended, told(Event::Ended, Some(State::Answered), None))]);
        assert_eq!(over.waits_from(Need::Entry, 15, at(60)), at(20));
        assert_eq!(over.waits_from(Need::CallBack, 15, at(60)), at(5));
        let early = "a clock that goes ahead keeps nobody waiting";
        assert_eq!(over.waits_from(Need::CallBack, 15, at(2)), at(2), "{early}");
        assert_eq!(over.waits_from(Need::Entry, 15, at(2)), at(17), "{early}");
    }

    #[test]
    fn a_number_stands_in_the_clear_neither_as_who_answered_nor_as_what_could_not_be_read() {
        let of = |agent: &str| {
            heard(&[(Event::Answered, Told { agent: agent.to_owned(), ..told(Event::Answered, None, None) })])
        };
        assert_eq!((of("ext-4711").agent_in_clear(), of("ext-4711").agent()), ("ext-4711", "ext-4711"));
        assert_eq!((of("206-555-0177").agent_in_clear(), of("12065550177@pbx").agent_in_clear()), ("", ""));
        let unread = Told { caller_as_sent: "4711".to_owned(), ..told(Event::Ringing, None, None) };
        let call = heard(&[(Event::Ringing, unread), (Event::Answered, told(Event::Answered, None, None))]);
        assert_eq!(call.unread_caller(), "4711");
        let known = heard(&[(
            Event::Ringing,
            Told { caller_as_sent: "x".to_owned(), ..told(Event::Ringing, None, Some("+12065550142")) },
        )]);
        assert_eq!(known.unread_caller(), "");
    }

    #[test]
    fn what_can_not_be_used_of_one_event_is_marked_unless_another_tells_it() {
        let odd = |event, field: &str| {
            let as_told = BTreeMap::from([(field.to_owned(), "1970".to_owned())]);
            Told { as_told, started_at: at(7), agent: String::new(), ..told(event, None, None) }
        };
        let alone = heard(&[(Event::Answered, odd(Event::Answered, STARTED_AT))]);
        assert_eq!((alone.started_at(), alone.unusable()), (at(7), BTreeMap::from([(STARTED_AT, "1970")])));
        let with = heard(&[
            (Event::Ringing, told(Event::Ringing, None, None)),
            (Event::Answered, odd(Event::Answered, STARTED_AT)),
        ]);
        assert_eq!((with.started_at(), with.unusable().len()), (at(0), 0));
        let agent = heard(&[(Event::Answered, odd(Event::Answered, AGENT))]);
        assert_eq!(agent.unusable(), BTreeMap::from([(AGENT, "1970")]));
    }

    #[test]
    fn who_called_may_be_called_back_and_nothing_else_is_taken_as_allowed() {
        let answers = answers("+12065550142", &queue(false));
        assert_eq!(
            answers.keys().map(String::as_str).collect::<Vec<_>>(),
            ["consent_phone", "contact_channel", "phone"]
        );
    }

    proptest! {
        #[test]
        fn every_order_and_repetition_of_the_events_of_a_call_tells_the_same(
            places in proptest::collection::vec(0_usize..3, 0..8), outcome in 1_usize..5,
            callers in proptest::array::uniform3(0_usize..3), queues in proptest::array::uniform3(0_usize..2),
        ) {
            let outcome = [State::Ringing, State::Answered, State::Missed, State::Abandoned, State::Voicemail][outcome];
            // Events may disagree on who called, and where.
            let caller = |place: usize| [None, Some("+12065550142"), Some("+12065550143")][callers[place]];
            let queue = |place: usize| ["new-patients", "billing"][queues[place]].to_owned();
            let all = [
                (Event::Ringing, Told { queue: queue(0), ..told(Event::Ringing, None, caller(0)) }),
                (Event::Answered, Told { queue: queue(1), ..told(Event::Answered, None, caller(1)) }),
                (Event::Ended, Told { queue: queue(2), ..told(Event::Ended, Some(outcome), caller(2)) }),
            ];
            let mut seen: Vec<usize> = places.clone();
            seen.sort_unstable();
            seen.dedup();
            let in_order: Vec<_> = seen.iter().map(|place| all[*place].clone()).collect();
            let as_they_came: Vec<_> = places.iter().map(|place| all[*place].clone()).collect();
            let (in_order, as_they_came) = (heard(&in_order), heard(&as_they_came));
            prop_assert!(in_order == as_they_came);
            prop_assert!(in_order.caller() == as_they_came.caller() && in_order.queue() == as_they_came.queue());
        }
    }
}
