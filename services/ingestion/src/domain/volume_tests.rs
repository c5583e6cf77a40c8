//! Feeds of eight weeks, told hour by hour.

use causeway_funnel::booking::Day;
use jiff::civil::Weekday;
use proptest::prelude::*;

use super::*;

/// A Wednesday at noon in Chicago, with no change of clocks around it.
const NOW: &str = "2026-08-12T17:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn calendar() -> Calendar {
    Calendar::new("America/Chicago").expect("a zone")
}

/// So many messages in each hour of office time on weekdays, from so many days before `until` to it.
fn office(days: i64, until: Timestamp, per_hour: u32) -> Past {
    let calendar = calendar();
    let first = hour_of(until - (days * 24).hours());
    let hours = std::iter::successors(Some(first), |hour| Some(*hour + 1.hours())).take_while(|hour| *hour < until);
    let is_office = |hour: &Timestamp| {
        let local = calendar.zone().to_datetime(*hour);
        !matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday) && (8..17).contains(&local.hour())
    };
    let hours: BTreeMap<Timestamp, u32> = hours.filter(is_office).map(|hour| (hour, per_hour)).collect();
    let last_at = hours.keys().next_back().map(|hour| *hour + 55.minutes());
    Past { hours, last_at, ..Past::default() }
}

fn judge(past: &Past, now: Timestamp, open: Option<(Kind, Timestamp)>) -> Judgement {
    Usual { calendar: &calendar(), stated: &[], past }.judge(now, open)
}

#[test]
fn a_feed_that_always_sends_by_day_is_missed_by_day_and_not_by_night_or_at_the_weekend() {
    let past = office(60, at(NOW), 4);
    let hours_later = |hours: i64| judge(&past, at(NOW) + hours.hours(), None);
    assert_eq!(hours_later(0).expected, Some(4.0));
    assert_eq!(hours_later(1).wrong, None, "four missed may be chance");
    assert_eq!(hours_later(2).wrong, Some(Kind::Quiet));
    let friday = office(60, at("2026-08-14T22:00:00Z"), 4);
    assert_eq!(judge(&friday, at("2026-08-17T13:00:00Z"), None).wrong, None, "a weekend expects nothing");
    assert_eq!(judge(&friday, at("2026-08-17T15:00:00Z"), None).wrong, Some(Kind::Quiet), "Monday morning does");
}

#[test]
fn a_day_on_which_the_center_is_closed_expects_nothing_and_teaches_nothing() {
    let past = office(60, at("2026-08-11T22:00:00Z"), 4);
    let holiday = calendar().with_closed_day("2026-08-12".parse().expect("a date"), "Founder's day");
    let at_noon = Usual { calendar: &holiday, stated: &[], past: &past }.judge(at(NOW), None);
    assert_eq!((at_noon.wrong, at_noon.expected), (None, Some(0.0)));
    assert_eq!(judge(&past, at(NOW), None).wrong, Some(Kind::Quiet), "an ordinary day");
    let taught = calendar().with_closed_day("2026-08-05".parse().expect("a date"), "Storm");
    let mut without = past.clone();
    without.hours.retain(|hour, _| calendar().zone().to_datetime(*hour).date().to_string() != "2026-08-05");
    let usual = Usual { calendar: &taught, stated: &[], past: &without }.judge(at(NOW), None);
    assert_eq!(usual.expected, Some(4.0));
}

#[test]
fn silence_does_not_become_usual_and_ends_with_the_next_message() {
    let past = office(60, at(NOW), 4);
    let opened = at(NOW) + 3.hours();
    let long_after = opened + (80 * 24).hours();
    assert_eq!(judge(&past, long_after, Some((Kind::Quiet, opened))).wrong, Some(Kind::Quiet));
    let again = Past { last_at: Some(opened + 10.minutes()), ..past };
    assert_eq!(judge(&again, opened + 20.minutes(), Some((Kind::Quiet, opened))).wrong, None);
}

#[test]
fn a_flood_begins_high_and_ends_well_below() {
    let flood =
        |seen, open| judge(&Past { seen, last_at: Some(at(NOW)), ..office(60, at(NOW), 4) }, at(NOW), open).wrong;
    let open = Some((Kind::Flood, at(NOW)));
    assert_eq!((flood(65, None), flood(66, None)), (None, Some(Kind::Flood)));
    assert_eq!((flood(40, open), flood(32, open)), (Some(Kind::Flood), None));
}

#[test]
fn one_message_again_and_again_is_an_incident_that_says_more_than_the_silence_around_it() {
    let stuck = |repeats, now: Timestamp, open| judge(&Past { repeats, ..office(60, at(NOW), 4) }, now, open).wrong;
    let open = Some((Kind::Repeats, at(NOW)));
    assert_eq!((stuck(49, at(NOW), None), stuck(50, at(NOW), None)), (None, Some(Kind::Repeats)));
    assert_eq!((stuck(25, at(NOW), open), stuck(24, at(NOW), open)), (Some(Kind::Repeats), None));
    let later = at(NOW) + 3.hours();
    assert_eq!((stuck(0, later, open), stuck(50, later, None)), (Some(Kind::Quiet), Some(Kind::Repeats)));
    for kind in [Kind::Quiet, Kind::Flood, Kind::Repeats] {
        assert_eq!(Kind::parse(kind.word()), Some(kind));
    }
}

#[test]
fn one_odd_week_teaches_nothing() {
    let mut past = office(60, at(NOW), 4);
    for (hour, count) in &mut past.hours {
        *count = if *hour > at("2026-08-02T00:00:00Z") && *hour < at("2026-08-09T00:00:00Z") { 900 } else { *count };
    }
    assert_eq!(judge(&past, at(NOW), None).expected, Some(4.0));
}

#[test]
fn what_is_stated_holds_from_the_first_message_and_a_change_of_clocks_shifts_nothing() {
    let weekdays = vec![Day::Sunday, Day::Monday];
    let stated = [Expect { weekdays, hours: "08:00-18:00".into(), messages: 20 }];
    let whole_day = |from: &str, to: &str| {
        let usual = Usual { calendar: &calendar(), stated: &stated, past: &Past::default() };
        usual.between(at(from), at(to)).expect("known")
    };
    // Clocks change on 1 November 2026, a Sunday of 25 hours.
    assert_eq!(whole_day("2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z"), 20.0);
    assert_eq!(whole_day("2026-10-25T05:00:00Z", "2026-10-26T05:00:00Z"), 20.0);
    let silent = Past { last_at: Some(at("2026-10-26T13:00:00Z")), ..Past::default() };
    let judged =
        Usual { calendar: &calendar(), stated: &stated, past: &silent }.judge(at("2026-10-26T16:30:00Z"), None);
    assert_eq!(judged.wrong, Some(Kind::Quiet));
    let never = Usual { calendar: &calendar(), stated: &stated, past: &Past::default() };
    assert_eq!(never.judge(at("2026-10-26T16:30:00Z"), None).wrong, None, "nothing has come of it yet");
}

#[test]
fn what_is_stated_is_missed_also_where_it_is_little() {
    let list = |weekdays: &[Day]| [Expect { weekdays: weekdays.to_vec(), hours: "08:00-17:00".into(), messages: 1 }];
    let weekdays = [Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday];
    // A Tuesday evening after the last one.
    let since = at("2026-09-01T20:00:00-07:00");
    for (stated, days, is_missed) in [
        (list(&weekdays), 2, false),
        (list(&weekdays), 3, true),
        (list(&[Day::Monday]), 14, false),
        (list(&[Day::Monday]), 21, true),
        (list(&[Day::Monday, Day::Thursday]), 7, false),
        (list(&[Day::Monday, Day::Thursday]), 14, true),
    ] {
        let past = Past { last_at: Some(since), ..Past::default() };
        let now = since + SignedDuration::from_hours(24 * days);
        let judged = Usual { calendar: &calendar(), stated: &stated, past: &past }.judge(now, None);
        assert_eq!(judged.wrong == Some(Kind::Quiet), is_missed, "{stated:?} after {days} days: {judged:?}");
    }
}

#[test]
fn what_was_learnt_by_the_wall_clock_stays_with_it_after_the_clocks_change() {
    // Clocks went back on 1 November 2026: eight in the morning is an hour later in real time than it was.
    let past = office(60, at("2026-10-31T00:00:00Z"), 4);
    let usual = Usual { calendar: &calendar(), stated: &[], past: &past };
    assert_eq!(usual.hourly(at("2026-11-02T13:00:00Z")), Some(0.0), "seven in the morning");
    assert_eq!(usual.hourly(at("2026-11-02T14:00:00Z")), Some(4.0), "eight in the morning");
}

#[test]
fn a_feed_without_a_past_floods_on_a_plain_bound() {
    for days in [0, 7, 14] {
        let flood = |seen: u32, open| judge(&Past { seen, ..office(days, at(NOW), 4) }, at(NOW), open).wrong;
        let open = Some((Kind::Flood, at(NOW) - 5.minutes()));
        assert_eq!((flood(299, None), flood(300, None)), (None, Some(Kind::Flood)), "{days} days");
        assert_eq!((flood(150, open), flood(149, open)), (Some(Kind::Flood), None), "{days} days");
    }
}

proptest! {
    #[test]
    fn a_new_feed_is_no_incident_while_it_sends_what_an_office_could(
        days in 0_i64..20, per_hour in 0_u32..1000, seen in 0_u32..300, later in 0_i64..20,
    ) {
        let past = Past { seen, ..office(days, at(NOW), per_hour) };
        prop_assert_eq!(judge(&past, at(NOW) + later.hours(), None).wrong, None);
    }

    #[test]
    fn what_is_judged_stands_as_long_as_nothing_changes(
        counts in prop::collection::vec(0_u32..40, 24 * 60), last in 0_i64..200, seen in 0_u32..400,
    ) {
        let now = at(NOW);
        let hours = counts.iter().enumerate().map(|(back, count)| (hour_of(now - (back as i64 + 1).hours()), *count));
        let past = Past { hours: hours.collect(), last_at: Some(now - last.hours()), seen, ..Past::default() };
        let first = judge(&past, now, None);
        let again = judge(&past, now, first.wrong.map(|kind| (kind, now)));
        prop_assert_eq!(first.wrong, again.wrong);
        prop_assert!(first.missed >= 0.0 && first.expected.is_none_or(f64::is_finite));
    }

    #[test]
    fn a_feed_that_falls_silent_is_missed_in_the_end_and_only_once_it_should_have_sent(
        per_hour in 1_u32..50, silent in 1_i64..300,
    ) {
        let past = office(60, at(NOW), per_hour);
        let judged = judge(&past, at(NOW) + silent.hours(), None);
        prop_assert_eq!(judged.wrong == Some(Kind::Quiet), judged.missed >= MISSED);
        prop_assert!(silent < 7 * 24 || judged.wrong == Some(Kind::Quiet));
    }
}
