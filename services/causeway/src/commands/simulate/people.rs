//! Synthetic people and what they answer. Everybody is called Testpatient, has a phone of the range that is kept free for
//! examples (555-0100 to 555-0199) and an address at a domain that nobody can own.
//!
//! Answers are made from the center's own forms, so they fit whatever a center asks. The same seed and number give the
//! same person. Deliberately not here: how an inquiry is handed in (doors).

use std::collections::BTreeMap;

use causeway_funnel::form::{Field, FieldKind, Form, Part};
use causeway_funnel::inquiry::{Attribution, Touch};
use causeway_funnel::profile::Profile;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use super::fate::mix;

/// Ends the referrer of every synthetic inquiry; `.example` belongs to nobody.
pub const SYNTHETIC_HOST: &str = ".example";

const FIRST: [&str; 40] = [
    "Marisol", "Ada", "Bruno", "Celeste", "Dmitri", "Esther", "Farah", "Gideon", "Hana", "Isidro", "Jolene", "Kofi",
    "Lucia", "Malik", "Nadia", "Otto", "Paloma", "Quentin", "Renata", "Soren", "Thuy", "Ulrich", "Vera", "Wendell",
    "Ximena", "Yusuf", "Zelda", "Amara", "Benoit", "Carmen", "Dolores", "Emile", "Fatima", "Gaston", "Hector",
    "Ingrid", "Joaquin", "Keiko", "Lorenzo", "Mireille",
];
const LAST: [&str; 24] = [
    "Ambrose",
    "Birch",
    "Calloway",
    "Dunmore",
    "Esposito",
    "Fairweather",
    "Granger",
    "Holloway",
    "Ibarra",
    "Juniper",
    "Kestrel",
    "Larkspur",
    "Merriweather",
    "Northcott",
    "Okonkwo",
    "Pemberton",
    "Quince",
    "Rosewood",
    "Sandoval",
    "Thistle",
    "Underhill",
    "Vandermeer",
    "Winslow",
    "Yarrow",
];
const FORMS: [(&str, u32); 4] = [("new-consult", 42), ("second-opinion", 27), ("clinical-trial", 13), ("general", 18)];
const CONSULTS: [(&str, u32); 5] =
    [("new_consult", 30), ("not_sure", 30), ("treatment_follow_up", 25), ("second_opinion", 10), ("clinical_trial", 5)];
const AREAS: [(&str, u32); 14] = [
    ("breast", 22),
    ("gi", 17),
    ("gu", 11),
    ("thoracic", 10),
    ("gynecologic", 8),
    ("not_sure", 9),
    ("hematologic", 5),
    ("skin", 5),
    ("head_and_neck", 4),
    ("endocrine", 3),
    ("other", 3),
    ("neuro", 2),
    ("sarcoma", 1),
    ("pediatric", 1),
];
/// Campaign, source and medium, as a link carries them.
type Campaign = (&'static str, &'static str, &'static str);
/// Campaign and referrer: how people find a page.
const WAYS: [(Option<Campaign>, &str, u32); 8] = [
    (None, "search.example", 30),
    (Some(("autumn-second-opinion", "search", "cpc")), "search.example", 16),
    (Some(("breast-health-month", "social", "paid")), "social.example", 14),
    (Some(("know-your-options", "newsletter", "email")), "mail.example", 10),
    (Some(("trial-finder", "registry", "referral")), "trials.example", 8),
    (Some(("radio-morning", "radio", "offline")), "radio.example", 6),
    (None, "cedar-family.example", 8),
    (None, "neighbours.example", 8),
];

/// One synthetic request for care.
#[derive(Clone)]
pub struct Person {
    /// Idempotency key: the same seed, center and number give the same one.
    pub key: String,
    /// The form answered.
    pub form_id: String,
    /// Language of the page.
    pub language: String,
    /// Answers by question key.
    pub answers: BTreeMap<String, String>,
    /// How they found the page.
    pub attribution: Attribution,
    /// They would rather call, if somebody is there.
    pub calls: bool,
    /// Their doctor refers them, where the office has a system for it.
    pub is_referred: bool,
    /// They press the button twice.
    pub sends_twice: bool,
}

/// The person with a number at a center. `play` keeps apart the keys of different plays with the same seed.
pub fn person(profile: &Profile, play: &str, seed: u64, number: u64) -> Person {
    let center = &profile.center.id;
    let mut rng = StdRng::seed_from_u64(mix(seed, &[center, &number.to_string()]));
    let wanted = *pick(&mut rng, &FORMS);
    let form = profile.form(wanted).or_else(|| profile.forms.values().next());
    let language = language(&mut rng, profile);
    let calls = rng.random_bool(0.18);
    let attribution = attribution(&mut rng, wanted, calls);
    let identity = Identity::new(&mut rng, profile, seed, number);
    let mut answers = BTreeMap::new();
    if let Some(form) = form {
        for question in &form.questions {
            for field in &question.fields {
                if let Some(answer) = answer(&mut rng, field, question.part, &identity, &language) {
                    answers.insert(field.key.clone(), answer);
                }
            }
        }
        consents(&mut rng, form, &mut answers);
    }
    damage(&mut rng, &mut answers);
    Person {
        key: format!("{play}-{seed}-{center}-{number}"),
        form_id: form.map_or(wanted, |form| &form.id).to_owned(),
        language,
        answers,
        attribution,
        calls,
        sends_twice: rng.random_bool(0.02),
        is_referred: rng.random_bool(0.2),
    }
}

struct Identity {
    name: String,
    other: String,
    phone: String,
    email: String,
}

impl Identity {
    fn new(rng: &mut StdRng, profile: &Profile, seed: u64, number: u64) -> Self {
        let codes: [&str; 4] = match profile.center.time_zone.as_str() {
            "America/Los_Angeles" => ["206", "425", "253", "360"],
            _ => ["802", "518", "603", "413"],
        };
        let line = number.wrapping_add(seed.wrapping_mul(131));
        let code = codes[usize::try_from(line / 100 % 4).unwrap_or(0)];
        let first = pick_plain(rng, &FIRST);
        let family = pick_plain(rng, &LAST);
        let domain = if rng.random_bool(0.5) { "example.org" } else { "example.net" };
        Self {
            name: format!("Testpatient {first} {family}"),
            other: format!("Testpatient {} {family}", pick_plain(rng, &FIRST)),
            phone: format!("+1{code}55501{:02}", line % 100),
            email: format!("testpatient.{}.{}.{number}@{domain}", first.to_lowercase(), family.to_lowercase()),
        }
    }
}

fn language(rng: &mut StdRng, profile: &Profile) -> String {
    let first = profile.default_language();
    let other = profile.center.languages.get(1).map_or(first, String::as_str);
    if rng.random_bool(0.22) { other } else { first }.to_owned()
}

fn attribution(rng: &mut StdRng, form: &str, calls: bool) -> Attribution {
    let draw = weighted(rng, WAYS.iter().map(|(_, _, weight)| *weight));
    let (campaign, host, _) = WAYS[draw];
    let page = match rng.random_range(0..10) {
        _ if calls => "/call-us".to_owned(),
        0..=5 => format!("/{form}"),
        6 | 7 => "/our-doctors".to_owned(),
        8 => "/what-to-bring".to_owned(),
        _ => "/".to_owned(),
    };
    let text = |part: &str| Some(part.to_owned());
    let first = Touch {
        landing_page: Some(page),
        campaign: campaign.and_then(|(campaign, _, _)| text(campaign)),
        utm_source: campaign.and_then(|(_, source, _)| text(source)),
        utm_medium: campaign.and_then(|(_, _, medium)| text(medium)),
        referrer_host: text(host),
        ..Touch::default()
    };
    Attribution { first, last: None }
}

/// The answer to one field; most people leave some of the optional part empty.
fn answer(rng: &mut StdRng, field: &Field, part: Part, who: &Identity, language: &str) -> Option<String> {
    let told = part == Part::Core || rng.random_bool(0.55);
    let some = |text: &str| Some(text.to_owned());
    let chosen = match field.key.as_str() {
        "name" => return some(&who.name),
        "phone" => return rng.random_bool(0.93).then(|| who.phone.clone()),
        // An address always, so that nobody is left without a way to be reached.
        "email" => return some(&who.email),
        "language" => return told.then(|| language.to_owned()),
        "interpreter" => return (language != "en" && rng.random_bool(0.3)).then(|| "yes".to_owned()),
        "who" => *pick(rng, &[("patient", 68), ("caregiver", 27), ("office", 5)]),
        "contact_channel" => *pick(rng, &[("phone", 55), ("email", 28), ("sms", 17)]),
        "best_time" => *pick(rng, &[("any", 40), ("morning", 28), ("afternoon", 20), ("evening", 12)]),
        "consult_type" => *pick(rng, &CONSULTS),
        "cancer_area" => *pick(rng, &AREAS),
        "payer" => *pick(
            rng,
            &[("private", 42), ("medicare", 30), ("medicaid", 12), ("not_sure", 8), ("self_pay", 4), ("none", 4)],
        ),
        "records_on_hand" => *pick(rng, &[("some", 35), ("none", 28), ("yes", 25), ("not_sure", 12)]),
        _ => "",
    };
    if !told {
        return None;
    }
    if field.kind == FieldKind::Choice {
        let offered = field.options.iter().any(|choice| choice.value == chosen);
        return if offered { some(chosen) } else { field.options.choose(rng).map(|choice| choice.value.clone()) };
    }
    Some(match field.kind {
        FieldKind::Tick => "yes".to_owned(),
        FieldKind::Date => {
            format!("{}-{:02}-{:02}", rng.random_range(1938..2002), rng.random_range(1..13), rng.random_range(1..29))
        }
        FieldKind::LongText => pick_plain(rng, &MESSAGES).to_owned(),
        _ if field.key == "patient_name" => who.other.clone(),
        _ if field.key == "referring_doctor" => "Dr. Testdoctor Example".to_owned(),
        _ => "synthetic answer for a demonstration".to_owned(),
    })
}

const MESSAGES: [&str; 6] = [
    "This is a synthetic request made for a demonstration.",
    "Synthetic: I would like to know what happens next and what I should bring.",
    "Synthetic: I was told last week and do not understand all of the words yet.",
    "Synthetic: my doctor said a second look may help.",
    "Synthetic: mornings are easier because somebody can drive me.",
    "Synthetic: please speak slowly, my hearing is not good.",
];

fn consents(rng: &mut StdRng, form: &Form, answers: &mut BTreeMap<String, String>) {
    for tick in &form.consent.ticks {
        let share = match tick.key.as_str() {
            "consent_email" => 0.9,
            "consent_phone" => 0.85,
            "consent_sms" => 0.5,
            _ => 0.4,
        };
        if rng.random_bool(share) {
            answers.insert(tick.key.clone(), "yes".to_owned());
        }
    }
    let none = form.consent.ticks.iter().all(|tick| !answers.contains_key(&tick.key));
    if let (true, Some(first)) = (none, form.consent.ticks.first()) {
        answers.insert(first.key.clone(), "yes".to_owned());
    }
}

/// Now and then an answer is damaged, so that the repair queue has something to show.
fn damage(rng: &mut StdRng, answers: &mut BTreeMap<String, String>) {
    match rng.random_range(0..100) {
        0 | 1 => _ = answers.insert("phone".to_owned(), "555 01".to_owned()),
        2 => _ = answers.insert("birth_date".to_owned(), "spring of 61".to_owned()),
        _ => {}
    }
}

fn weighted(rng: &mut StdRng, weights: impl Iterator<Item = u32> + Clone) -> usize {
    let mut draw = rng.random_range(0..weights.clone().sum::<u32>().max(1));
    let position = weights.clone().position(|weight| {
        let here = draw < weight;
        draw = draw.saturating_sub(weight);
        here
    });
    position.unwrap_or(0)
}

fn pick<'a, T>(rng: &mut StdRng, choices: &'a [(T, u32)]) -> &'a T {
    &choices[weighted(rng, choices.iter().map(|(_, weight)| *weight))].0
}

fn pick_plain<'a>(rng: &mut StdRng, choices: &[&'a str]) -> &'a str {
    choices.choose(rng).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use causeway_funnel::form::{Reading, validate};

    fn profiles() -> Vec<Profile> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers");
        let read = |name: &str| {
            let bundle = crate::commands::center::read(&root.join(name)).expect("files are readable");
            Profile::from_bundle(&bundle).expect("profile is in order")
        };
        vec![read("harbor-valley"), read("lakeside")]
    }

    #[test]
    fn the_same_seed_and_number_give_the_same_person_with_the_same_key() {
        let profile = &profiles()[0];
        let (one, same) = (person(profile, "a", 1, 7), person(profile, "a", 1, 7));
        assert_eq!((one.key, one.answers), (same.key, same.answers));
        assert_ne!(person(profile, "a", 1, 8).key, person(profile, "a", 2, 8).key);
    }

    #[test]
    fn almost_all_answers_fit_the_forms_of_every_demo_center_and_a_few_need_repair() {
        for profile in profiles() {
            let today = jiff::civil::date(2026, 11, 24);
            let faulty = (0..400).filter(|number| {
                let person = person(&profile, "a", 1, *number);
                let form = profile.form(&person.form_id).expect("the form exists");
                let reading = Reading { language: &person.language, region: &profile.center.default_region, today };
                validate(form, &person.answers, reading).is_err()
            });
            let faulty = faulty.count();
            assert!((1..30).contains(&faulty), "{}: {faulty}", profile.center.id);
        }
    }

    #[test]
    fn everybody_is_plainly_synthetic() {
        let profile = &profiles()[1];
        for number in 0..200 {
            let person = person(profile, "a", 3, number);
            assert!(person.answers["name"].starts_with("Testpatient "));
            assert!(person.answers["email"].contains("@example."));
            assert!(person.answers.get("phone").is_none_or(|phone| phone.contains("55501") || phone == "555 01"));
            assert!(person.attribution.first.referrer_host.is_some_and(|host| host.ends_with(SYNTHETIC_HOST)));
        }
    }
}
