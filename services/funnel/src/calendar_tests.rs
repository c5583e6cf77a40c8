//! Business time in worded cases. The counter that looks at every single minute is `tests/clock.rs`.

use super::*;
use jiff::civil::date;

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

#[test]
fn an_inquiry_at_half_past_two_on_the_night_of_a_change_is_due_by_the_clock_of_the_morning() {
    let weekend = |calendar: Calendar| calendar.with_hours(Weekday::Sunday, Interval::parse("09:00-12:00").unwrap());
    // Spring: half past two does not exist; the instant half an hour after two is 3:30 by the new time.
    let spring: Timestamp = "2027-03-14T10:30:00Z".parse().unwrap();
    assert_eq!(weekend(office()).add_business(spring, 60), at("2027-03-14T10:00"));
    assert_eq!(weekend(office()).add_business(spring, 60), "2027-03-14T17:00:00Z".parse().unwrap());
    // Autumn: the hour before it came twice, and half past two came once.
    assert_eq!(weekend(office()).add_business(at("2027-11-07T02:30"), 60), at("2027-11-07T10:00"));
    assert_eq!(weekend(office()).add_business(at("2027-11-07T02:30"), 60), "2027-11-07T18:00:00Z".parse().unwrap());
    // A place that is open that night counts the hour that comes twice twice, and the one that is skipped not at all.
    let night = |day| {
        let hours = Interval::parse("00:00-24:00").unwrap();
        Calendar::new("America/Los_Angeles").unwrap().with_hours(day, hours)
    };
    let from = |text| night(Weekday::Sunday).add_business(at(text), 120);
    assert_eq!(
        (from("2027-11-07T00:30"), from("2027-03-14T01:30")),
        (at("2027-11-07T01:30") + SignedDuration::from_hours(1), at("2027-03-14T04:30"))
    );
}

#[test]
fn a_pause_over_a_closed_night_costs_nothing_and_one_into_the_morning_only_its_open_part() {
    let due = |from, to| {
        let pauses = vec![Pause { from: at(from), to: Some(at(to)) }];
        office().due(&Clocked { started: at("2026-03-03T16:00"), pauses }, 120)
    };
    assert_eq!(due("2026-03-03T17:00", "2026-03-04T08:00"), at("2026-03-04T09:00"));
    assert_eq!(due("2026-03-03T16:30", "2026-03-04T08:30"), at("2026-03-04T10:00"));
    assert_eq!(
        due("2026-03-04T12:00", "2026-03-04T13:00"),
        at("2026-03-04T09:00"),
        "after the due time it changes nothing"
    );
}

#[test]
fn a_closure_entered_afterwards_counts_like_one_that_was_known_and_leaves_other_years_as_they_are() {
    let storm = Closure { from: at("2026-12-30T00:00"), to: at("2027-01-02T00:00"), reason: "storm".into() };
    let known = office().with_closure(storm.clone());
    let asked = office();
    let before = asked.add_business(at("2026-12-30T09:00"), 600);
    let entered = asked.clone().with_closure(storm);
    assert_eq!(entered.add_business(at("2026-12-30T09:00"), 600), known.add_business(at("2026-12-30T09:00"), 600));
    assert_eq!(entered.add_business(at("2026-12-30T09:00"), 600), at("2027-01-05T10:00"));
    assert_eq!((before, asked.add_business(at("2026-12-30T09:00"), 600)), (at("2026-12-31T11:00"), before));
}

#[test]
fn seconds_and_less_are_counted_as_they_are() {
    let start = at("2026-03-03T11:59:59") + SignedDuration::from_nanos(1);
    assert_eq!(office().add_business(start, 1), at("2026-03-03T13:00:59") + SignedDuration::from_nanos(1));
    assert_eq!(office().business_minutes_between(start, at("2026-03-03T13:00:59")), 0);
    assert_eq!(office().business_minutes_between(start, at("2026-03-03T13:01:00")), 1);
}

#[test]
fn closed_days_are_listed_with_their_names_and_a_date_of_the_centers_own_goes_before_a_rule() {
    let calendar = office()
        .with_holiday(Holiday::NewYearsDay)
        .with_holiday(Holiday::Thanksgiving)
        .with_closed_day(date(2027, 11, 25), "moving day")
        .with_closed_day(date(2028, 2, 1), "training");
    let listed: Vec<(Date, String)> = calendar.closed_days(date(2027, 1, 1), date(2027, 12, 31)).into_iter().collect();
    let named = |day, name: &str| (day, name.to_owned());
    assert_eq!(
        listed,
        [
            named(date(2027, 1, 1), "New Year's Day"),
            named(date(2027, 11, 25), "moving day"),
            named(date(2027, 12, 31), "New Year's Day")
        ]
    );
    assert_eq!(calendar.closed_days(date(2027, 11, 26), date(2027, 12, 30)).len(), 0);
}
