//! What may never be certain, and how often each threshold is right on a labelled set of people who never lived.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::clues::Identity;
use super::name::Name;
use super::score::{Reason, Strength, compare, explain};

fn someone(name: &str, birth: Option<Date>) -> Identity {
    Identity {
        name: Name::parse(name),
        birth_date: birth,
        phone: Some("+12065550142".into()),
        email: Some("home@example.com".into()),
        number: None,
        address: Some("1200|harbor|98101".into()),
    }
}

fn strength(one: &Identity, other: &Identity) -> Option<Strength> {
    compare(one, other).strength()
}

const BIRTH: Date = date(1961, 3, 27);

#[test]
fn the_same_person_with_all_parts_is_certain_in_whatever_form_the_name_came() {
    let first = someone("Guadalupe Testpatient", Some(BIRTH));
    for name in ["TESTPATIENT, LUPE", "Lupita Téstpatient", "Guadalupe Q Testpatient-Second"] {
        assert_eq!(strength(&first, &someone(name, Some(BIRTH))), Some(Strength::Certain), "{name}");
    }
}

#[test]
fn a_family_that_shares_all_it_has_is_never_certain() {
    let one = someone("Marta Testpatient", Some(BIRTH));
    for (who, other, most) in [
        ("a twin", someone("Berta Testpatient", Some(BIRTH)), Some(Strength::Possible)),
        ("a twin whose name sounds alike", someone("Martha Testpatient", Some(BIRTH)), Some(Strength::Likely)),
        ("a child of the same name", someone("Marta Testpatient", Some(date(1990, 3, 27))), Some(Strength::Possible)),
        ("Jr", someone("Marta Testpatient Jr", Some(BIRTH)), Some(Strength::Possible)),
        ("a married name", someone("Marta Otherperson", Some(BIRTH)), Some(Strength::Likely)),
        ("a slip in the date", someone("Marta Testpatient", Some(date(1961, 3, 28))), Some(Strength::Likely)),
        ("no date", someone("Marta Testpatient", None), Some(Strength::Likely)),
        ("an initial", someone("M Testpatient", Some(BIRTH)), Some(Strength::Likely)),
        ("nobody named", someone("", None), Some(Strength::Possible)),
    ] {
        assert_eq!(strength(&one, &other), most, "{who}");
        assert_eq!(strength(&other, &one), most, "{who}, the other way round");
    }
}

#[test]
fn one_phone_of_a_clinic_makes_nobody_a_possible_twin() {
    let of = |name, birth| Identity { email: None, address: None, ..someone(name, Some(birth)) };
    assert_eq!(strength(&of("Ana Testpatient", BIRTH), &of("Juan Otherperson", date(1950, 1, 2))), None);
}

#[test]
fn an_explanation_is_a_sentence_for_staff() {
    let words = ["same_phone", "same_birth_date", "alike_family_name", "other_first_name", "unheard_of"];
    assert_eq!(explain(words), "same phone, same birth date, family names sound alike; first name differs");
    for reason in Reason::ALL {
        assert!(!reason.says().is_empty() && !explain([reason.word()]).is_empty());
    }
}

proptest! {
    #[test]
    fn no_sum_makes_certain_what_differs_in_first_name_birth_or_suffix(
        first in "[A-Z][a-z]{2,7}", second in "[A-Z][a-z]{2,7}", years in 0_i16..40, jr in any::<bool>(), number in any::<bool>(),
    ) {
        let mut one = someone(&format!("{first} Testpatient"), Some(BIRTH));
        let name = format!("{second} Testpatient{}", if jr { " Jr" } else { "" });
        let mut other = someone(&name, Some(date(1961 - years, 3, 27)));
        if number {
            one.number = Some("cedar|77".into());
            other.number = one.number.clone();
        }
        let score = compare(&one, &other);
        prop_assert_eq!(score.clone(), compare(&other, &one));
        let (other_first, is_other) = (first != second, years > 0 || jr);
        if is_other || (other_first && !score.because.contains(&Reason::SameFirst)) {
            prop_assert_ne!(score.strength(), Some(Strength::Certain));
        }
    }
}

/// A small generator of its own, so that the set is the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }

    fn is(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }
}

const FIRSTS: [&str; 16] = [
    "Robert",
    "Guadalupe",
    "Elizabeth",
    "Juan",
    "Marta",
    "Ana",
    "William",
    "Dolores",
    "Michael",
    "Rosa",
    "Peter",
    "Katherine",
    "Wei",
    "Amina",
    "Olu",
    "Ingrid",
];
const SHORTS: [(&str, &str); 6] = [
    ("Robert", "Bob"),
    ("Guadalupe", "Lupe"),
    ("Elizabeth", "Beth"),
    ("William", "Bill"),
    ("Dolores", "Lola"),
    ("Katherine", "Kate"),
];

fn born(dice: &mut Dice) -> Date {
    date(
        1935 + i16::try_from(dice.roll(60)).unwrap(),
        1 + i8::try_from(dice.roll(12)).unwrap(),
        1 + i8::try_from(dice.roll(28)).unwrap(),
    )
}

/// A person of the set: `(first, family, identity)`; families share phone, address and name.
fn family_of(dice: &mut Dice, family: usize) -> Vec<(String, String, Identity)> {
    let name = format!("Testpatient{}", ["berg", "son", "ez", "mann", "ova", "ley"][family % 6]);
    let shared = dice.is(60);
    let members = 1 + dice.roll(3);
    let twins = dice.is(10);
    let birth = born(dice);
    let phone = format!("+1206{:07}", 1_000_000 + family);
    (0..members)
        .map(|at| {
            let first = FIRSTS[(family + at * 5) % FIRSTS.len()].to_owned();
            let own_phone = if shared { phone.clone() } else { format!("+1509{:07}", family * 10 + at) };
            let identity = Identity {
                name: Name::parse(&format!("{first} {name}")),
                birth_date: Some(if twins { birth } else { born(dice) }),
                phone: Some(own_phone),
                email: dice.is(70).then(|| format!("testpatient{family}-{at}@example.com")),
                number: None,
                address: dice.is(50).then(|| format!("{family}|harbor|98101")),
            };
            (first, name.clone(), identity)
        })
        .collect()
}

/// The same person asking again, with the slips that people make.
fn again(dice: &mut Dice, (first, family, identity): &(String, String, Identity)) -> Identity {
    let mut again = identity.clone();
    let short = SHORTS.iter().find(|(long, _)| long == first).map(|(_, short)| *short);
    let first = if dice.is(30) { short.unwrap_or(first) } else { first };
    let family = if dice.is(8) { "Otherperson".to_owned() } else { family.clone() };
    again.name = Name::parse(&if dice.is(20) { format!("{family}, {first}") } else { format!("{first} {family}") });
    if let Some(birth) = identity.birth_date {
        if dice.is(5) {
            again.birth_date = None;
        } else if dice.is(5) && birth.day() <= 12 {
            again.birth_date = Some(date(birth.year(), birth.day(), birth.month()));
        }
    }
    if dice.is(20) {
        again.phone = Some(format!("+1425{:07}", dice.roll(9_999_999)));
    }
    if dice.is(20) {
        again.email = None;
    }
    again
}

#[test]
fn each_threshold_is_as_right_as_it_says_on_a_labelled_set() {
    let mut dice = Dice(7);
    let mut all: Vec<(usize, Identity)> = Vec::new();
    let mut number = 0;
    for family in 0..300 {
        for person in family_of(&mut dice, family) {
            let second = again(&mut dice, &person);
            all.extend([(number, person.2), (number, second)]);
            number += 1;
        }
    }
    let (mut right, mut wrong) = ([0_usize; 3], [0_usize; 3]);
    for (at, (label, one)) in all.iter().enumerate() {
        for (other_label, other) in &all[at + 1..] {
            let Some(strength) = strength(one, other) else { continue };
            for (reached, level) in [Strength::Certain, Strength::Likely, Strength::Possible].iter().enumerate() {
                if strength >= *level {
                    let counts = if label == other_label { &mut right } else { &mut wrong };
                    counts[reached] += 1;
                }
            }
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let figures: Vec<(f64, f64)> =
        (0..3).map(|at| (share(right[at], right[at] + wrong[at]), share(right[at], number))).collect();
    println!("people {number}; precision and recall of certain, likely, possible: {figures:.3?}");
    assert!(figures[0].0 == 1.0 && figures[0].1 > 0.55, "certain {figures:?}");
    assert!(figures[1].0 > 0.98 && figures[1].1 > 0.90, "likely {figures:?}");
    assert!(figures[2].0 > 0.50 && figures[2].1 > 0.97, "possible {figures:?}");
}
