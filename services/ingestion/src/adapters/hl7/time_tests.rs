//! Times: exact to where they were told, in each spelling, and none out of thin air.

use super::*;
use jiff::civil::date as day;

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn read(text: &str) -> Option<When> {
    When::parse(text, &zone())
}

#[test]
fn a_time_stays_as_exact_as_it_was_told() {
    for (text, precision) in [
        ("1968", Precision::Year),
        ("1968-0500", Precision::Year),
        ("19680000", Precision::Year),
        ("196807", Precision::Month),
        ("1968-07", Precision::Month),
        ("19680700", Precision::Month),
        ("19680719", Precision::Day),
        ("19680719-0500", Precision::Day),
        ("1968071910", Precision::Hour),
        ("196807191030", Precision::Minute),
        ("19680719103015.1234", Precision::Second),
    ] {
        assert_eq!(read(text).map(|when| when.precision()), Some(precision), "{text}");
    }
    let year = read("1968").unwrap();
    assert_eq!((year.date(), year.instant(), year.earliest()), (None, None, day(1968, 1, 1)));
}

#[test]
fn a_day_is_read_in_each_way_that_people_write_it() {
    for text in [
        "19680719",
        " 19680719 ",
        "1968-07-19",
        "07/19/1968",
        "7/19/1968",
        "7-19-1968",
        "196807190000",
        "1968-07-19T00:00:00Z",
        "7/19/1968 12:00:00 AM",
        "19680719000000.0000+0000",
    ] {
        assert_eq!(read(text).and_then(|when| when.date()), Some(day(1968, 7, 19)), "{text}");
    }
}

#[test]
fn a_moment_is_the_same_in_each_way_that_systems_write_it() {
    let moment: Timestamp = "2026-04-12T14:30:15Z".parse().unwrap();
    for text in [
        "20260412103015-0400",
        "20260412103015",
        "20260412143015+0000",
        "20260412143015Z",
        "2026-04-12T10:30:15-04:00",
        "2026-04-12 10:30:15",
        "20260412T103015",
        "4/12/2026 10:30:15 am",
        "20260412103015.000-0400",
        "2026-04-12T10:30:15.000-04",
    ] {
        assert_eq!(read(text).and_then(|when| when.instant()), Some(moment), "{text}");
    }
    assert_eq!(read("20260412103015.5").unwrap().instant().unwrap().subsec_millisecond(), 500);
    assert_eq!(read("04/12/2026 10:30 PM").unwrap().instant(), "2026-04-13T02:30:00Z".parse().ok());
}

#[test]
fn an_hour_that_the_clock_skips_or_repeats_is_still_a_moment() {
    assert_eq!(read("20260308023000").unwrap().instant(), "2026-03-08T07:30:00Z".parse().ok());
    assert_eq!(read("20261101013000").unwrap().instant(), "2026-11-01T05:30:00Z".parse().ok());
    assert_eq!(read("20261231235960").unwrap().instant(), "2027-01-01T04:59:59Z".parse().ok());
}

#[test]
fn what_could_mean_two_days_or_none_is_not_read() {
    for text in [
        "",
        "x",
        "68",
        "071968",
        "7/19/68",
        "19/7/1968",
        "0/19/1968",
        "19681319",
        "19680732",
        "19680230",
        "196807191",
        "1968071925",
        "196807191060",
        "19680719103015-2500",
        "19680719103015 EST",
        "1968-7-19",
        "00000000",
        "196807191030-05:",
        "1968071910301",
        "19680719103015.",
        "19680719103061",
        "é968",
        "1968é",
        "13/45/2026",
        "19680719é",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_moment_is_written_with_its_offset() {
    let moment: Timestamp = "2026-04-12T15:30:16Z".parse().unwrap();
    assert_eq!(stamp(moment, &TimeZone::UTC), "20260412153016+0000");
    assert_eq!(stamp(moment, &zone()), "20260412113016-0400");
    assert_eq!(read(&stamp(moment, &zone())).unwrap().instant(), Some(moment));
}
