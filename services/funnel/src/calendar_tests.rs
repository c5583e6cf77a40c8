//! Business time, against worded cases and against a counter that looks at every single minute.

use super::*;
use jiff::civil::date;
use proptest::prelude::*;

fn weekdays() -> [Weekday; 5] {
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday]
}

/// Monday to Friday 8 to 12 and 13 to 17, in Los Angeles.
fn office() -> Calendar {
    weekdays().into_iter().fold(Calendar::new("America/Los_Angeles").unwrap(), |calendar, day| {
        calendar
            .with_hours(day, Interval::parse("08:00-12:00").unwrap())
            .with_hours(day, Interval::parse("13:00-17:00").unwrap())
    })
}

fn at(text: &str) -> Timestamp {
    let wall: DateTime = text.parse().unwrap();
    TimeZone::get("America/Los_Angeles").unwrap().to_ambiguous_timestamp(wall).earlier().unwrap()
}

#[test]
fn an_evening_inquiry_starts_its_clock_at_opening() {
    let calendar = office();
    assert!(!calendar.is_open(at("2026-03-03T19:40")));
    assert_eq!(calendar.next_opening(at("2026-03-03T19:40")), at("2026-03-04T08:00"));
    assert_eq!(calendar.add_business(at("2026-03-03T19:40"), 120), at("2026-03-04T10:00"));
    assert_eq!(calendar.add_business(at("2026-03-03T19:40"), 0), at("2026-03-04T08:00"));
}

#[test]
fn the_lunch_break_does_not_count() {
    let calendar = office();
    assert!(!calendar.is_open(at("2026-03-03T12:00")));
    assert_eq!(calendar.add_business(at("2026-03-03T11:00"), 120), at("2026-03-03T14:00"));
    assert_eq!(calendar.business_minutes_between(at("2026-03-03T11:00"), at("2026-03-03T14:00")), 120);
}

#[test]
fn a_target_that_ends_at_closing_time_is_due_at_closing_time() {
    assert_eq!(office().add_business(at("2026-03-03T16:00"), 60), at("2026-03-03T17:00"));
    assert_eq!(office().add_business(at("2026-03-03T16:00"), 61), at("2026-03-04T08:01"));
}

#[test]
fn holidays_closed_days_and_weekends_are_skipped() {
    let calendar = office().with_holiday(Holiday::Thanksgiving).with_closed_day(date(2026, 11, 27), "inventory");
    assert_eq!(calendar.add_business(at("2026-11-25T16:30"), 60), at("2026-11-30T08:30"));
    assert_eq!(calendar.closed_on(date(2026, 11, 26)), Some("Thanksgiving"));
    assert_eq!(calendar.closed_on(date(2026, 11, 27)), Some("inventory"));
}

#[test]
fn a_closure_added_later_moves_the_due_time() {
    let storm = Closure { from: at("2026-03-03T09:00"), to: at("2026-03-03T15:00"), reason: "storm".into() };
    let calendar = office();
    assert_eq!(calendar.add_business(at("2026-03-03T08:30"), 60), at("2026-03-03T09:30"));
    let calendar = calendar.with_closure(storm);
    assert_eq!(calendar.add_business(at("2026-03-03T08:30"), 60), at("2026-03-03T15:30"));
    assert!(!calendar.is_open(at("2026-03-03T10:00")));
}

#[test]
fn an_opening_that_the_spring_clock_change_skips_begins_right_after_the_gap() {
    let night = Calendar::new("America/Los_Angeles")
        .unwrap()
        .with_hours(Weekday::Sunday, Interval::parse("02:30-04:00").unwrap());
    assert_eq!(night.next_opening(at("2026-03-08T00:00")), at("2026-03-08T03:00"));
    assert_eq!(night.business_minutes_between(at("2026-03-08T00:00"), at("2026-03-08T06:00")), 60);
    let whole = Calendar::new("America/Los_Angeles")
        .unwrap()
        .with_hours(Weekday::Sunday, Interval::parse("00:00-24:00").unwrap());
    assert_eq!(whole.business_minutes_between(at("2026-03-08T00:00"), at("2026-03-09T00:00")), 23 * 60);
}

#[test]
fn a_bound_that_comes_twice_in_autumn_means_the_first_time() {
    let night = Calendar::new("America/Los_Angeles")
        .unwrap()
        .with_hours(Weekday::Sunday, Interval::parse("01:30-03:00").unwrap());
    let first_half_past_one: Timestamp = "2026-11-01T08:30:00Z".parse().unwrap();
    assert_eq!(night.next_opening(at("2026-11-01T00:00")), first_half_past_one);
    assert_eq!(night.business_minutes_between(at("2026-11-01T00:00"), at("2026-11-01T06:00")), 150);
    let whole = Calendar::new("America/Los_Angeles")
        .unwrap()
        .with_hours(Weekday::Sunday, Interval::parse("00:00-24:00").unwrap());
    assert_eq!(whole.business_minutes_between(at("2026-11-01T00:00"), at("2026-11-02T00:00")), 25 * 60);
}

#[test]
fn a_due_time_across_the_clock_change_keeps_its_wall_clock_meaning() {
    assert_eq!(office().add_business(at("2026-03-06T16:00"), 120), at("2026-03-09T09:00"));
    assert_eq!(office().add_business(at("2026-10-30T16:00"), 120), at("2026-11-02T09:00"));
}

#[test]
fn a_pause_moves_the_due_time_by_the_open_time_it_covers() {
    let calendar = office();
    let pause = |from, to| Pause { from: at(from), to: Some(at(to)) };
    let clock = |pauses| Clocked { started: at("2026-03-03T09:00"), pauses };
    assert_eq!(calendar.due(&clock(vec![]), 120), at("2026-03-03T11:00"));
    assert_eq!(calendar.due(&clock(vec![pause("2026-03-03T10:00", "2026-03-03T14:00")]), 120), at("2026-03-03T15:00"));
    let overlapping =
        vec![pause("2026-03-03T10:30", "2026-03-03T11:00"), pause("2026-03-03T10:00", "2026-03-03T10:45")];
    assert_eq!(calendar.due(&clock(overlapping), 120), at("2026-03-03T12:00"));
    assert_eq!(calendar.due(&clock(vec![pause("2026-03-03T18:00", "2026-03-03T19:00")]), 120), at("2026-03-03T11:00"));
}

#[test]
fn a_calendar_that_never_opens_still_gives_a_due_time() {
    let closed = Calendar::new("America/Chicago").unwrap();
    assert!(!closed.ever_opens());
    assert_eq!(closed.add_business(at("2026-03-03T09:00"), 60), at("2026-03-03T10:00"));
}

#[test]
fn unreadable_hours_and_zones_say_what_to_write() {
    assert!(Interval::parse("17:00-08:00").unwrap_err().contains("like 08:00-12:30"));
    assert!(Interval::parse("8-12").is_err());
    assert!(Calendar::new("Pacific").unwrap_err().contains("IANA"));
}

/// The oracle: walks every minute of each local day and opens or closes when the wall clock first reaches a bound.
struct MinuteCounter {
    start: i64,
    open: Vec<bool>,
}

impl MinuteCounter {
    fn over(calendar: &Calendar, from: Date, days: i64) -> Self {
        let midnight = |day: Date| calendar.zone.to_timestamp(day.at(0, 0, 0, 0)).unwrap().as_second() / 60;
        let start = midnight(from);
        let mut open = Vec::new();
        let mut day = from;
        for _ in 0..days {
            let minutes: Vec<i64> = (midnight(day)..midnight(day.tomorrow().unwrap())).collect();
            let wall = |minute: i64| {
                let local = calendar.zone.to_datetime(Timestamp::from_second(minute * 60).unwrap());
                i64::from(local.hour()) * 60 + i64::from(local.minute())
            };
            let first = |bound: u16| minutes.iter().position(|m| wall(*m) >= i64::from(bound)).unwrap_or(minutes.len());
            let mut marks = vec![false; minutes.len()];
            if calendar.closed_on(day).is_none() {
                for hours in &calendar.week[weekday_index(day.weekday())] {
                    (first(hours.open)..first(hours.close)).for_each(|minute| marks[minute] = true);
                }
            }
            open.extend(marks);
            day = day.tomorrow().unwrap();
        }
        Self { start, open }
    }

    fn between(&self, a: usize, b: usize) -> i64 {
        self.open[a..b].iter().filter(|open| **open).count() as i64
    }

    fn at(&self, index: usize) -> Timestamp {
        Timestamp::from_second((self.start + index as i64) * 60).unwrap()
    }

    /// The instant by which `minutes` open minutes have passed after `from`.
    fn add(&self, from: usize, minutes: u32) -> Option<Timestamp> {
        let mut left = minutes;
        for (index, open) in self.open.iter().enumerate().skip(from) {
            if *open && left == 0 {
                return Some(self.at(index));
            }
            if *open {
                left -= 1;
                if left == 0 && minutes > 0 {
                    return Some(self.at(index + 1));
                }
            }
        }
        None
    }
}

fn some_calendar() -> impl Strategy<Value = Calendar> {
    let zone = prop_oneof![
        Just("America/Los_Angeles"),
        Just("America/New_York"),
        Just("America/Phoenix"),
        Just("Europe/Paris")
    ];
    let hours = prop::collection::vec((0usize..7, 0u16..1380, 30u16..700), 1..9);
    (zone, hours, prop::bool::ANY).prop_map(|(zone, hours, holiday)| {
        let calendar = Calendar::new(zone).unwrap();
        let calendar = if holiday {
            calendar.with_holiday(Holiday::VeteransDay).with_closed_day(date(2026, 3, 10), "closed")
        } else {
            calendar
        };
        hours.into_iter().fold(calendar, |calendar, (day, open, length)| {
            let weekday = Weekday::from_monday_zero_offset(day as i8).unwrap();
            calendar.with_hours(weekday, Interval::new(open, (open + length).min(1440)).unwrap())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn business_time_equals_a_count_of_single_minutes(
        calendar in some_calendar(),
        first in prop_oneof![Just(date(2026, 3, 6)), Just(date(2026, 3, 27)), Just(date(2026, 10, 23)), Just(date(2026, 10, 30)), Just(date(2026, 6, 17))],
        a in 0usize..10_000,
        length in 0usize..9_000,
        minutes in 0u32..3_000,
    ) {
        let counter = MinuteCounter::over(&calendar, first, 24);
        let b = a + length;
        prop_assert_eq!(calendar.is_open(counter.at(a)), counter.open[a]);
        prop_assert_eq!(calendar.business_minutes_between(counter.at(a), counter.at(b)), counter.between(a, b));
        if let Some(due) = counter.add(a, minutes) {
            prop_assert_eq!(calendar.add_business(counter.at(a), minutes), due);
        }
        if let Some(opening) = counter.add(a, 0) {
            prop_assert_eq!(calendar.next_opening(counter.at(a)), opening);
        }
    }
}
