//! The response clock: when it starts and when it runs out, in the open hours of the place that answers.
//!
//! Computed from instants whenever one of them changes; nothing counts down. Deliberately not here: whose hours count (`open`).

use causeway_funnel::calendar::{Calendar, Clocked, Pause};
use jiff::Timestamp;

/// When first contact is due, and from when that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseClock {
    /// The receipt, or the next opening.
    pub starts_at: Timestamp,
    /// The last instant at which first contact is in time.
    pub due_at: Timestamp,
    /// Nobody was there at the receipt, so the person is told when the center opens.
    pub after_hours: bool,
}

/// The clock of an inquiry that was received at an instant and is to be answered within so many open minutes.
pub(crate) fn response_clock(calendar: &Calendar, received_at: Timestamp, target_minutes: u32) -> ResponseClock {
    stopped_clock(calendar, received_at, target_minutes, Vec::new())
}

/// The same of a clock that stood still for some time.
pub(crate) fn stopped_clock(
    calendar: &Calendar,
    received_at: Timestamp,
    target_minutes: u32,
    pauses: Vec<Pause>,
) -> ResponseClock {
    let starts_at = calendar.next_opening(received_at);
    ResponseClock {
        starts_at,
        due_at: calendar.due(&Clocked { started: starts_at, pauses }, target_minutes),
        after_hours: starts_at > received_at,
    }
}

/// How a clock stands that was `before` and is now due at another instant. A first try in time makes it met and one that came
/// later met late; a miss is taken back by a due time that lies ahead. What is due in the past and was not told as missed
/// yet goes on waiting: its timer fires at once and tells it.
pub(crate) fn restated(
    before: &str,
    due_at: Timestamp,
    first_attempt_at: Option<Timestamp>,
    now: Timestamp,
) -> &'static str {
    match (before, first_attempt_at) {
        ("cancelled", _) => "cancelled",
        (_, Some(tried)) if tried <= due_at => "met",
        (_, Some(_)) => "met_late",
        ("missed", None) if due_at <= now => "missed",
        (_, None) => "pending",
    }
}

#[cfg(test)]
mod tests {
    use causeway_funnel::calendar::Interval;
    use jiff::civil::Weekday;
    use proptest::prelude::*;

    use super::*;

    fn weekdays() -> Calendar {
        let hours = Interval::parse("08:00-17:00").expect("hours");
        [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday]
            .into_iter()
            .fold(Calendar::new("America/Los_Angeles").expect("zone"), |calendar, day| calendar.with_hours(day, hours))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("instant")
    }

    #[test]
    fn an_inquiry_in_open_hours_starts_its_clock_at_once() {
        let clock = response_clock(&weekdays(), at("2027-03-04T18:00:00Z"), 240);
        assert_eq!((clock.starts_at, clock.after_hours), (at("2027-03-04T18:00:00Z"), false));
        assert_eq!(clock.due_at, at("2027-03-04T22:00:00Z"));
    }

    #[test]
    fn an_inquiry_of_the_evening_is_due_four_open_hours_after_the_next_opening() {
        // 19:40 in Los Angeles on a Thursday; opening is 08:00 on Friday.
        let clock = response_clock(&weekdays(), at("2027-03-05T03:40:00Z"), 240);
        assert_eq!((clock.starts_at, clock.after_hours), (at("2027-03-05T16:00:00Z"), true));
        assert_eq!(clock.due_at, at("2027-03-05T20:00:00Z"));
    }

    #[test]
    fn a_clock_crosses_the_weekend_and_the_change_of_clocks_without_losing_an_hour() {
        // 15:00 on Friday: two of the four hours are left for Monday, after the change to summer time on Sunday.
        let clock = response_clock(&weekdays(), at("2027-03-12T23:00:00Z"), 240);
        assert_eq!(clock.due_at, at("2027-03-15T17:00:00Z"));
    }

    #[test]
    fn a_clock_is_stated_anew_by_what_is_known_and_a_closed_inquiry_stays_as_it_was() {
        let (due, now) = (at("2027-03-04T22:00:00Z"), at("2027-03-04T23:00:00Z"));
        let (early, late) = (Some(at("2027-03-04T21:00:00Z")), Some(at("2027-03-04T22:30:00Z")));
        assert_eq!(restated("met_late", due, early, now), "met");
        assert_eq!(restated("met", due, late, now), "met_late");
        assert_eq!((restated("missed", due, None, now), restated("missed", now, None, due)), ("missed", "pending"));
        assert_eq!((restated("pending", due, None, now), restated("pending", now, None, due)), ("pending", "pending"));
        assert_eq!(restated("cancelled", due, None, now), "cancelled");
    }

    #[test]
    fn a_pause_moves_the_end_and_not_the_start() {
        let (received, until) = (at("2027-03-04T18:00:00Z"), at("2027-03-04T20:30:00Z"));
        let pause = Pause { from: at("2027-03-04T19:00:00Z"), to: Some(until) };
        let clock = stopped_clock(&weekdays(), received, 240, vec![pause]);
        assert_eq!((clock.starts_at, clock.due_at), (received, at("2027-03-04T23:30:00Z")));
    }

    proptest! {
        #[test]
        fn a_clock_never_starts_before_the_receipt_nor_ends_before_its_minutes_have_passed(
            second in 1_790_000_000_i64..1_860_000_000, minutes in 1_u32..3000,
        ) {
            let received = Timestamp::from_second(second).expect("instant");
            let clock = response_clock(&weekdays(), received, minutes);
            prop_assert!(clock.starts_at >= received);
            prop_assert!(clock.due_at.duration_since(clock.starts_at).as_mins() >= i64::from(minutes));
            prop_assert_eq!(clock.after_hours, clock.starts_at != received);
            prop_assert_eq!(clock.due_at, weekdays().add_business(received, minutes));
        }
    }
}
