//! Searches as systems send them.

use super::*;

fn read(asked: &[(&str, &str)]) -> Result<Search, Line> {
    handled(asked, false)
}

fn handled(asked: &[(&str, &str)], is_lenient: bool) -> Result<Search, Line> {
    let asked: Vec<_> = asked.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Search::read((&asked, is_lenient), true, &TimeZone::UTC)
}

fn at(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[test]
fn times_are_as_exact_as_they_are_written() {
    for (value, from, until) in [
        ("ge2026-04-12", at("2026-04-12T00:00:00Z"), None),
        ("gt2026-04-12", at("2026-04-13T00:00:00Z"), None),
        ("le2026-04", None, at("2026-05-01T00:00:00Z")),
        ("2026", at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")),
        ("gt2026-04-12T10:30:00Z", at("2026-04-12T10:30:01Z"), None),
        ("gt2026-04-12T10:30:00.123456Z", at("2026-04-12T10:30:00.123457Z"), None),
        ("lt2026-04-12T10:30:00-04:00", None, at("2026-04-12T14:30:00Z")),
        ("gt2026-04-12T10:30Z", at("2026-04-12T10:31:00Z"), None),
        ("ge2026-04-12T10:30-04:00", at("2026-04-12T14:30:00Z"), None),
    ] {
        let search = read(&[("_lastUpdated", value)]).unwrap_or_else(|line| panic!("{}", line.words));
        assert_eq!((search.from, search.until), (from, until), "{value}");
    }
}

#[test]
fn what_is_not_understood_is_refused_and_not_repeated() {
    for (name, value) in [
        ("patient", "Rosa"),
        ("identifier", ""),
        ("focus", "Rosa"),
        ("focus", "Patient/00000000-0000-0000-0000-000000000001"),
        ("_lastUpdated", "ne2026"),
        ("_lastUpdated", "Rosa"),
        ("_lastUpdated", "ge9999-12-31"),
        ("_id", ""),
        ("_summary", "Rosa"),
        ("_count", "Rosa"),
        ("status", "Rosa"),
        ("status", "received,booked"),
        ("status", "https://other.example|received"),
        ("_total", "accurate"),
        ("_lastUpdated", "2026-04-12T10:30"),
        ("_after", "1.Rosa"),
        ("_count", "0"),
        ("_sort", "Rosa"),
        ("_sort", "-_lastUpdated,Rosa"),
        ("_include", "Task:Rosa"),
        ("_revinclude:iterate", "Rosa"),
        ("_summary", "count"),
        ("identifier", "|"),
        ("identifier", "s|,s|7"),
        ("identifier", "7,"),
    ] {
        let refused = read(&[(name, value)]).err().unwrap_or_else(|| panic!("{name}={value}"));
        assert!(!refused.words.contains("Rosa"));
    }
    assert!(Search::read((&[], false), false, &TimeZone::UTC).is_err(), "a search for all of them needs a number");
    let include = read(&[("_include", "Task:focus")]).err().map(|line| line.words).unwrap_or_default();
    assert!(include.contains("leave _include"), "{include}");
}

#[test]
fn what_is_left_out_on_wish_is_no_parameter_here_and_a_wrong_value_is_refused_all_the_same() {
    for (name, value) in [("patient", "Rosa"), ("_include", "Task:focus"), ("made-up", "1")] {
        assert!(read(&[(name, value)]).is_err(), "{name}");
        assert!(handled(&[(name, value), ("status", "received")], true).is_ok(), "{name}");
    }
    assert!(handled(&[("identifier:not", "x")], true).is_err(), "turned round it asks for something else");
    assert!(handled(&[("_count", "Rosa")], true).is_err() && handled(&[("status", "Rosa")], true).is_err());
    // Less than is told may be asked for, and what is no id of ours is found by nobody.
    for asked in [("_summary", "false"), ("_summary", "true"), ("_elements", "status")] {
        assert_eq!(read(&[asked]).map(|search| search.wanted).ok(), Some(Wanted::News), "{asked:?}");
    }
    assert_eq!(read(&[("_id", "none")]).map(|search| search.wanted).ok(), Some(Wanted::Ones(Vec::new())));
    let counted = read(&[("_id", "none"), ("_summary", "count")]);
    assert_eq!(counted.map(|search| search.count).ok(), Some(0));
}

fn number(system: Option<&str>, value: &str) -> Number {
    Number { system: system.map(str::to_owned), value: value.to_owned() }
}

#[test]
fn a_number_is_asked_for_by_who_gave_it_by_nobody_or_by_itself() {
    for (value, wanted) in [
        ("s|7", Wanted::Numbers(vec![number(Some("s"), "7")])),
        ("7", Wanted::Numbers(vec![number(None, "7")])),
        ("|7", Wanted::Numbers(vec![number(Some(""), "7")])),
        ("s|", Wanted::Of("s".into())),
        ("s|7,8,|9", Wanted::Numbers(vec![number(Some("s"), "7"), number(None, "8"), number(Some(""), "9")])),
        ("s|7\\,8", Wanted::Numbers(vec![number(Some("s"), "7,8")])),
        ("7\\|8", Wanted::Numbers(vec![number(None, "7|8")])),
        ("s|7|8", Wanted::Numbers(vec![number(Some("s"), "7|8")])),
        ("s|7\\\\", Wanted::Numbers(vec![number(Some("s"), "7\\")])),
    ] {
        let search = read(&[("identifier", value)]).unwrap_or_else(|line| panic!("{value}: {}", line.words));
        assert_eq!(search.wanted, wanted, "{value}");
    }
}

#[test]
fn two_ways_at_once_or_one_of_them_twice_are_refused_and_two_ends_of_a_time_both_hold() {
    let id = "00000000-0000-0000-0000-000000000001";
    for asked in [
        [("identifier", "s|7"), ("_id", id)],
        [("_id", id), ("focus", "ServiceRequest/00000000-0000-0000-0000-000000000002")],
        [("identifier", "s|7"), ("identifier", "s|8")],
        [("status", "received"), ("status", "failed")],
    ] {
        assert!(read(&asked).is_err(), "{asked:?}");
    }
    let many = vec![id; 201].join(",");
    assert!(read(&[("_id", &many)]).is_err());
    let search =
        read(&[("_lastUpdated", "ge2026-04-12"), ("_lastUpdated", "lt2026-04-14"), ("_lastUpdated", "ge2026-04-13")]);
    let search = search.unwrap_or_else(|line| panic!("{}", line.words));
    assert_eq!((search.from, search.until), (at("2026-04-13T00:00:00Z"), at("2026-04-14T00:00:00Z")));
}

fn standing(id: u128, changed: &str) -> Standing {
    let changed_at = at(changed).expect("an instant");
    Standing {
        inquiry_id: Uuid::from_u128(id),
        reference: "HV-1".into(),
        is_form: false,
        received_at: changed_at,
        changed_at,
        version: 1,
        is_mended: false,
        is_withdrawn: false,
        is_changed: false,
        is_cancelled: false,
        numbers: vec![("s".into(), id.to_string())],
        asked: Vec::new(),
        journey: Default::default(),
    }
}

#[test]
fn what_was_found_is_told_page_by_page_in_the_order_that_is_asked_for() {
    let found = || (1..=5).map(|id| standing(id, &format!("2026-04-1{}T00:00:00Z", 6 - id))).collect::<Vec<_>>();
    let ids = |asked: &[(&str, &str)]| {
        let mut search = read(asked).unwrap_or_else(|line| panic!("{}", line.words));
        let mut pages = Vec::new();
        loop {
            let (page, next) = search.page(found());
            pages.push(page.iter().map(|one| one.inquiry_id.as_u128()).collect::<Vec<_>>());
            match next {
                Some(next) => search.after = Some(next),
                None => return pages,
            }
        }
    };
    assert_eq!(ids(&[("_count", "2")]), [vec![5, 4], vec![3, 2], vec![1]]);
    assert_eq!(ids(&[("_count", "3"), ("_sort", "-_lastUpdated")]), [vec![1, 2, 3], vec![4, 5]]);
    assert_eq!(ids(&[("_count", "5")]).len(), 1, "a full page that is the last one has no next");
}

#[test]
fn a_referral_is_taken_where_its_change_its_status_and_who_gave_its_number_fit() {
    let one = standing(1, "2026-04-12T10:00:00Z");
    let takes = |asked: &[(&str, &str)]| read(asked).unwrap_or_else(|line| panic!("{}", line.words)).takes(&one);
    assert!(takes(&[("_lastUpdated", "2026-04-12"), ("status", "received,failed"), ("identifier", "s|")]));
    for asked in
        [("_lastUpdated", "gt2026-04-12"), ("_lastUpdated", "lt2026-04-12"), ("status", "failed"), ("identifier", "t|")]
    {
        assert!(!takes(&[asked]), "{asked:?}");
    }
}

#[test]
fn the_next_page_is_asked_for_by_its_link_and_no_number_of_a_referral_stands_in_one() {
    let search = read(&[("_lastUpdated", "ge2026-04-12"), ("_count", "1000"), ("status", "accepted,failed")])
        .unwrap_or_else(|line| panic!("{}", line.words));
    let link = search.link("https://x/Task", Some((Timestamp::UNIX_EPOCH, Uuid::from_u128(1))));
    assert_eq!(
        link,
        "https://x/Task?status=accepted,failed&_lastUpdated=ge2026-04-12T00:00:00.000000Z&_count=200&_after=0.00000000-0000-0000-0000-000000000001"
    );
    let numbered = read(&[("identifier", "s|7")]).unwrap_or_else(|line| panic!("{}", line.words));
    assert_eq!(
        (numbered.wanted.clone(), numbered.link("https://x/Task", None)),
        (Wanted::Numbers(vec![number(Some("s"), "7")]), "https://x/Task".into())
    );
    let of_system = read(&[("identifier", "https://o.example/r|"), ("_sort", "-_lastUpdated")]);
    let link = of_system.unwrap_or_else(|line| panic!("{}", line.words)).link("https://x/Task", None);
    assert_eq!(link, "https://x/Task?identifier=https%3A%2F%2Fo%2Eexample%2Fr%7C&_sort=-_lastUpdated&_count=50");
}

#[test]
fn what_systems_send_by_habit_is_understood() {
    let id = "00000000-0000-0000-0000-000000000001";
    let one = standing(1, "2026-04-12T10:00:00Z");
    for (asked, takes) in [
        ([("status", "http://hl7.org/fhir/task-status|received"), ("_total", "none")], true),
        ([("status", "|received,on-hold"), ("_pretty", "true")], true),
        ([("status", "requested,on-hold"), ("_format", "json")], false),
    ] {
        let search = read(&asked).unwrap_or_else(|line| panic!("{asked:?}: {}", line.words));
        assert_eq!(search.takes(&one), takes, "{asked:?}");
    }
    let none = read(&[("status", "on-hold")]).unwrap_or_else(|line| panic!("{}", line.words));
    assert_eq!(none.link("https://x/Task", None), "https://x/Task?status=on-hold&_count=50");
    let counted = read(&[("_id", id), ("_count", "0"), ("_total", "accurate")]);
    let counted = counted.unwrap_or_else(|line| panic!("{}", line.words));
    assert_eq!(counted.page(vec![one]).0.len(), 0);
}

#[test]
fn a_parameter_of_fhir_is_named_where_it_is_not_understood_and_another_is_not() {
    let words = |name| read(&[(name, "x")]).err().map(|line| line.words).unwrap_or_default();
    assert!(words("patient:identifier").starts_with("patient: ") && words("_summary").starts_with("_summary: "));
    assert!(!words("Testpatient").contains("Testpatient"));
    let twice = read(&[("status", "failed"), ("status", "failed")]).err().map(|line| line.words).unwrap_or_default();
    assert!(twice.starts_with("status: "), "{twice}");
}
