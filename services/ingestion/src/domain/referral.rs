//! A partner's referral in the words of a form, whatever format it came in: whom to contact, what it is about, why.
//!
//! Every format finds its parts in other places, and from there on all of them are treated alike: a child is never called
//! itself, a long reason is never cut silently, and what a person has to mend stays as it was told. Deliberately not here:
//! the places (adapters) and whether the answers can be read (check).

use std::borrow::Cow;
use std::collections::BTreeMap;

use causeway_funnel::diagnosis;
use causeway_funnel::inquiry::{Attribution, CancerArea, ConsultType, Payer, Source, Urgency};
use causeway_funnel::profile::Profile;
use jiff::civil::Date;

use super::submission::Submission;

/// Answers by question key.
pub type Told = BTreeMap<String, String>;

/// The answer that tells a language which the center may not speak, as the office wrote it.
pub const LANGUAGE_TOLD: &str = "language_told";

/// Nobody lives longer.
const OLDEST: i16 = 125;
const OF_AGE: i16 = 18;
/// A longer reason stands whole beside its beginning.
const LONGEST_REASON: usize = 3500;

/// A name and the ways to reach who bears it. PHI: no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// As people write it; empty where it was not told.
    pub name: String,
    /// As it was typed.
    pub phone: String,
    /// As it was typed.
    pub email: String,
}

/// Notes an answer, if it says something.
pub fn put(answers: &mut Told, key: &str, answer: Cow<'_, str>) {
    if !answer.trim_ascii().is_empty() {
        answers.insert(key.to_owned(), answer.into_owned());
    }
}

/// What was told of some parts, in their order.
#[must_use]
pub fn joined(parts: &[Cow<'_, str>], between: &str) -> String {
    let mut whole = String::new();
    for part in parts.iter().map(|part| part.trim_ascii()).filter(|part| !part.is_empty()) {
        if !whole.is_empty() {
            whole.push_str(between);
        }
        whole.push_str(part);
    }
    whole
}

/// Whether somebody can have been born on this day, the earliest that was meant.
#[must_use]
pub fn is_possible_birth(earliest: Date, today: Date) -> bool {
    earliest <= today && years(earliest, today) <= OLDEST
}

/// Whether somebody is surely a child, by the earliest day that the birth date can mean.
#[must_use]
pub fn is_minor(earliest: Option<Date>, today: Date) -> bool {
    earliest.is_some_and(|birth| years(birth, today) < OF_AGE)
}

fn years(birth: Date, today: Date) -> i16 {
    let before_birthday = (today.month(), today.day()) < (birth.month(), birth.day());
    today.year() - birth.year() - i16::from(before_birthday)
}

/// The patient is to be contacted.
pub fn contact_patient(answers: &mut Told, patient: Contact) {
    let mut answer = |key: &str, text: String| put(answers, key, Cow::Owned(text));
    answer("who", "patient".to_owned());
    answer("name", patient.name);
    answer("phone", patient.phone);
    answer("email", patient.email);
}

/// Who speaks for a child is to be contacted, never the child. They may have to be asked for, under the number it has.
pub fn contact_guardian(answers: &mut Told, child: Contact, guardian: Contact) {
    let mut answer = |key: &str, text: String| put(answers, key, Cow::Owned(text));
    answer("who", "caregiver".to_owned());
    answer("name", guardian.name);
    answer("patient_name", child.name);
    answer("phone", if guardian.phone.is_empty() { child.phone } else { guardian.phone });
    answer("email", guardian.email);
    answer("patient_email", child.email);
}

/// What it is about, by diagnosis codes in their order. A child goes to those who treat children, whatever it has.
pub fn areas<'a>(answers: &mut Told, codes: impl IntoIterator<Item = &'a str>, is_female: bool, is_minor: bool) {
    let area = diagnosis::first_area(codes, is_female);
    if is_minor {
        put(answers, "cancer_area", Cow::Borrowed(CancerArea::Pediatric.as_str()));
        put(answers, "diagnosis_area", Cow::Borrowed(area.map_or("", CancerArea::as_str)));
    } else {
        put(answers, "cancer_area", Cow::Borrowed(area.unwrap_or(CancerArea::NotSure).as_str()));
    }
}

/// Why, in lines, the first being the most important.
pub fn reason(answers: &mut Told, mut lines: Vec<String>) {
    lines.retain(|line| !line.trim_ascii().is_empty());
    let whole = lines.join("\n");
    match whole.char_indices().nth(LONGEST_REASON) {
        Some((at, _)) => {
            let beginning = format!("{} […] (the whole text stands beside this)", &whole[..at]);
            put(answers, "message", Cow::Owned(beginning));
            put(answers, "referral_reason_in_full", Cow::Owned(whole));
        }
        None => put(answers, "message", Cow::Owned(whole)),
    }
}

/// Who pays, by the words of the first plan; insurance of another name is private.
#[must_use]
pub fn payer(words: &str) -> Payer {
    match words.trim().to_ascii_lowercase().as_str() {
        "" => Payer::NotSure,
        words if words.contains("medicare") => Payer::Medicare,
        words if words.contains("medicaid") => Payer::Medicaid,
        "self pay" | "self-pay" | "selfpay" => Payer::SelfPay,
        "none" | "uninsured" => Payer::None,
        _ => Payer::Private,
    }
}

/// A primary language tag of what is told as a code and in words; empty where it is none.
#[must_use]
pub fn language(code: &str, words: &str) -> String {
    const KNOWN: [(&str, &[&str]); 3] = [
        ("en", &["en", "eng", "english"]),
        ("es", &["es", "spa", "spanish", "español"]),
        ("fr", &["fr", "fre", "fra", "french", "français"]),
    ];
    let told = [code.trim().to_lowercase(), words.trim().to_lowercase()];
    let known = KNOWN.iter().find(|(_, names)| told.iter().any(|told| names.contains(&told.as_str())));
    let [code, _] = told;
    let is_tag = (2..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase());
    known.map_or(if is_tag { code } else { String::new() }, |(tag, _)| (*tag).to_owned())
}

/// What an office asks for.
pub struct Asked {
    /// Its answers.
    pub answers: Told,
    /// The person's language, as far as it is told.
    pub language: String,
    /// How pressing the office calls it, where it says so.
    pub urgency: Option<Urgency>,
    /// Whether a second opinion is asked for, where it says what for.
    pub second_opinion: Option<bool>,
    /// What the office knows it by, as a key of ours; none: nothing tells it from the next one.
    pub key: Option<String>,
}

/// A referral of a feed as an inquiry like everybody's; nothing where the center has no form at all.
#[must_use]
pub fn submission(profile: &Profile, feed: &str, source: Source, asked: Asked) -> Option<Submission> {
    let told = asked.answers.get("consult_type").and_then(|word| word.parse().ok());
    let usual =
        if asked.second_opinion.unwrap_or_default() { ConsultType::SecondOpinion } else { ConsultType::NewConsult };
    let wanted = told.unwrap_or(usual);
    let forms = profile.forms.values();
    let form = forms.clone().find(|form| form.consult_type == Some(wanted)).or_else(|| forms.clone().next())?;
    Some(Submission {
        center: profile.center.id.clone(),
        form_id: form.id.clone(),
        language: asked.language,
        source,
        urgency: asked.urgency.unwrap_or_default(),
        attribution: Attribution::default(),
        referring_office: Some(feed.to_owned()),
        idempotency_key: asked.key,
        answers: asked.answers,
        strict: false,
        missed_call: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn ages_are_told_by_the_earliest_day_that_was_meant() {
        let today = date(2026, 4, 12);
        assert!(is_possible_birth(today, today) && is_possible_birth(date(1901, 4, 12), today));
        assert!(!is_possible_birth(date(2026, 4, 13), today) && !is_possible_birth(date(1900, 4, 11), today));
        assert!(is_minor(Some(date(2008, 4, 13)), today) && !is_minor(Some(date(2008, 4, 12)), today));
        assert!(!is_minor(None, today), "an unknown birth makes nobody a child");
    }

    #[test]
    fn a_language_is_known_by_its_code_or_in_words() {
        for (code, words, expected) in
            [("es", "", "es"), ("", "Spanish", "es"), ("ENG", "", "en"), ("hmn", "", "hmn"), ("Rosa", "", "")]
        {
            assert_eq!(language(code, words), expected, "{code} {words}");
        }
    }

    #[test]
    fn payers_are_known_by_their_words() {
        for (plan, expected) in [
            ("Medicare", Payer::Medicare),
            ("Ohio MEDICAID", Payer::Medicaid),
            ("self pay", Payer::SelfPay),
            ("Anthem", Payer::Private),
            ("", Payer::NotSure),
        ] {
            assert_eq!(payer(plan), expected, "{plan}");
        }
    }

    #[test]
    fn a_child_without_a_guardian_is_still_asked_for_under_its_number() {
        let child = Contact { name: "Ana".into(), phone: "5550100".into(), email: String::new() };
        let mut answers = Told::new();
        contact_guardian(&mut answers, child, Contact::default());
        assert_eq!((answers["patient_name"].as_str(), answers["phone"].as_str()), ("Ana", "5550100"));
        assert!(!answers.contains_key("name"));
    }
}
