//! Giving out, for every roster: who may get an inquiry, and who of them does.

use causeway_funnel::profile::{Bundle, StaffRole};
use proptest::prelude::*;

use super::*;
use crate::samples::{at, harbor_valley_with};

/// A Thursday, 10:00 in Seattle: the center is open.
const OPEN: &str = "2027-03-04T18:00:00Z";
/// The same day, 21:00.
const NIGHT: &str = "2027-03-05T05:00:00Z";
const SHIFTS: [&str; 3] =
    ["", "shifts = { thursday = [\"09:00-12:00\"] }", "shifts = { thursday = [\"13:00-17:00\"] }"];

/// Somebody of the team "breast" as a case has them.
#[derive(Debug, Clone)]
struct Case {
    shift: usize,
    capacity: Option<u16>,
    open: i32,
    speaks: bool,
    skilled: bool,
    away: bool,
}

fn somebody() -> impl Strategy<Value = Case> {
    (0..3_usize, prop::option::of(1..5_u16), 0..5_i32, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(shift, capacity, open, speaks, skilled, away)| Case {
            shift,
            capacity,
            open,
            speaks,
            skilled,
            away,
        })
}

fn id(place: usize) -> String {
    format!("testperson-{place}")
}

fn profile(cases: &[Case], assignment: &str) -> Profile {
    harbor_valley_with(|bundle: &mut Bundle| {
        let text = bundle.files["teams.toml"].replace("\"breast\"]", "\"general\"]").replace("\"breast\", ", "");
        let one = |(place, case): (usize, &Case)| {
            format!(
                "[[staff]]\nid = \"{}\"\nname = \"T\"\nemail = \"t{place}@harborvalley.example\"\nroles = [\"coordinator\"]\n\
                 teams = [\"breast\"]\nlanguages = [{}]\nskills = [{}]\n{}\n{}\n\n",
                id(place),
                if case.speaks { "\"en\", \"es\"" } else { "\"en\"" },
                if case.skilled { "\"genetics\"" } else { "" },
                case.capacity.map(|most| format!("capacity = {most}")).unwrap_or_default(),
                SHIFTS[case.shift],
            )
        };
        let staff: String = cases.iter().enumerate().map(one).collect();
        let assigned = text.replace(
            "name = { en = \"Breast care team\", es = \"Equipo de atención del seno\" }\nassignment = \"round_robin\"",
            &format!("name = {{ en = \"B\", es = \"B\" }}\nassignment = \"{assignment}\""),
        );
        bundle.insert("teams.toml", assigned + &staff);
    })
}

fn people(cases: &[Case]) -> BTreeMap<String, Person> {
    let away = vec![(at("2027-03-04T08:00:00Z"), at("2027-03-05T08:00:00Z"))];
    let one = |(place, case): (usize, &Case)| {
        let away = if case.away { away.clone() } else { Vec::new() };
        (id(place), Person { open: case.open, away, ..Person::default() })
    };
    cases.iter().enumerate().map(one).collect()
}

fn may_get(case: &Case, skilled: bool) -> bool {
    // At ten the first two kinds of shift are on duty.
    case.shift < 2
        && !case.away
        && case.capacity.is_none_or(|most| case.open < i32::from(most))
        && (case.skilled || !skilled)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nobody_off_duty_away_full_or_without_the_skill_ever_gets_one_and_somebody_who_may_is_always_found(
        cases in prop::collection::vec(somebody(), 1..6),
        way in prop::sample::select(vec!["round_robin", "least_loaded", "language"]),
        skilled in any::<bool>(),
    ) {
        let profile = profile(&cases, way);
        let mut roster = Roster::new(&profile, at(OPEN), people(&cases));
        let skills = if skilled { vec!["genetics".to_owned()] } else { Vec::new() };
        let mut held: Vec<i32> = cases.iter().map(|case| case.open).collect();
        for _ in 0..12 {
            let fit: Vec<usize> = (0..cases.len())
                .filter(|place| may_get(&Case { open: held[*place], ..cases[*place].clone() }, skilled))
                .collect();
            let may = |place: usize| may_get(&Case { open: held[place], ..cases[place].clone() }, false);
            prop_assert_eq!(roster.has_a_hand_for("breast"), (0..cases.len()).any(may));
            let chosen = roster.choose("breast", Need { language: "es", skills: &skills, except: "" });
            let Some(chosen) = chosen else {
                prop_assert!(fit.is_empty(), "{fit:?} might have had it");
                break;
            };
            let place = (0..cases.len()).find(|place| id(*place) == chosen);
            prop_assert!(place.is_some_and(|place| fit.contains(&place)), "{chosen} of {fit:?}");
            let place = place.unwrap_or_default();
            let speaks = |place: &usize| cases[*place].speaks;
            if way == "least_loaded" {
                prop_assert_eq!(held[place], fit.iter().map(|place| held[*place]).min().unwrap_or_default());
            }
            if way == "language" {
                prop_assert!(speaks(&place) || !fit.iter().any(speaks), "somebody speaks it");
                let alike = fit.iter().filter(|other| speaks(other) == speaks(&place));
                prop_assert_eq!(held[place], alike.map(|place| held[*place]).min().unwrap_or_default());
            }
            held[place] += 1;
            prop_assert_eq!(roster.find(&chosen).map(|person| person.open), Some(held[place]));
        }
        let mut night = Roster::new(&profile, at(NIGHT), people(&cases));
        prop_assert_eq!(night.choose("breast", Need::default()), None, "the center is closed");
    }

    #[test]
    fn in_turn_nobody_is_ever_more_than_one_ahead_whatever_they_hold(
        loads in prop::collection::vec(0..9_i32, 1..6), rounds in 1..25_usize,
    ) {
        let of = |open: &i32| Case { shift: 0, capacity: None, open: *open, speaks: true, skilled: true, away: false };
        let cases: Vec<Case> = loads.iter().map(of).collect();
        let profile = profile(&cases, "round_robin");
        let mut roster = Roster::new(&profile, at(OPEN), people(&cases));
        let mut got: BTreeMap<String, usize> = (0..cases.len()).map(|place| (id(place), 0)).collect();
        for _ in 0..rounds {
            let chosen = roster.choose("breast", Need::default()).expect("all are there");
            *got.entry(chosen).or_default() += 1;
            let (least, most) = (got.values().min(), got.values().max());
            prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{got:?}");
        }
    }
}

#[test]
fn who_reviews_or_manages_is_given_nothing_and_the_present_owner_not_again() {
    let profile = crate::samples::harbor_valley();
    assert!(profile.staff_of("general").any(|staff| !staff.answers_inquiries()), "or this test says nothing");
    let mut roster = Roster::new(&profile, at(OPEN), BTreeMap::new());
    let mut got = std::collections::BTreeSet::new();
    for _ in 0..12 {
        let need = Need { except: "dana-whitfield", ..Need::default() };
        got.insert(roster.choose("general", need).expect("somebody"));
    }
    assert!(!got.contains("dana-whitfield") && got.len() > 1);
    for staff in &got {
        assert!(profile.staff(staff).is_some_and(|staff| staff.roles.contains(&StaffRole::Coordinator)), "{staff}");
    }
}

#[test]
fn what_waits_is_looked_at_when_the_first_of_the_team_comes_back_from_night_and_absence() {
    let profile = crate::samples::harbor_valley();
    let mut open = Roster::new(&profile, at(OPEN), BTreeMap::new());
    assert_eq!(open.next_on_duty("breast"), None, "somebody is there");
    let mut night = Roster::new(&profile, at(NIGHT), BTreeMap::new());
    assert_eq!(night.next_on_duty("breast"), Some(at("2027-03-05T15:30:00Z")));
    // The whole team is away until noon of Monday.
    let away = vec![
        (at("2027-03-04T00:00:00Z"), at("2027-03-06T17:00:00Z")),
        (at("2027-03-06T17:00:00Z"), at("2027-03-08T20:00:00Z")),
    ];
    let gone = |staff: &Staff| (staff.id.clone(), Person { away: away.clone(), ..Person::default() });
    let people = profile.staff_of("breast").map(gone).collect();
    let mut empty = Roster::new(&profile, at(OPEN), people);
    assert_eq!(empty.choose("breast", Need::default()), None);
    assert_eq!(empty.next_on_duty("breast"), Some(at("2027-03-08T20:00:00Z")));
}
