//! The demo centers' messages as people read them, and what becomes of damaged ones.

use causeway_funnel::profile::forbidden_phrase;

use super::*;
use crate::domain::notice::{About, Params, VisitWords};
use crate::domain::variables::{Matter, Reader, fill};
use crate::samples::{about, at, bundle, profile};

const NAME: &str = "Rosa <Ana> Vega";

fn params(site: &str) -> Params {
    let visit = VisitWords {
        starts_at: at("2027-03-11T18:30:00Z").as_microsecond(),
        time_zone: "America/Los_Angeles".into(),
        site: site.into(),
        kind: "in_person".into(),
    };
    Params { visit: Some(visit), ..Params::default() }
}

fn values(book: &Book, about: &About, params: &Params) -> Variables {
    let matter = Matter {
        about,
        contact_by: Some(at("2027-03-04T20:00:00Z")),
        opens_at: Some(at("2027-03-04T15:30:00Z")),
        params,
    };
    fill(&book.profile, &about.language, &matter, &Reader { greeting_name: NAME, link: "https://care.example/p/abc" })
}

fn written(book: &Book, kind: Kind, name: &str, language: &str) -> Result<Words, Unwritable> {
    let (about, sites) = (about(language), &book.profile.center.sites);
    let site = sites.last().expect("a site");
    let out_of_scope = book.profile.programs.out_of_scope[0].id.clone();
    let next_step = book.profile.booking.next_steps[0].id.clone();
    let params = Params { out_of_scope, next_step, ..params(&site.id) };
    book.words(kind, name, language, &values(book, &about, &params))
}

/// The book of the demo center with one file changed.
fn damaged(path: &str, from: &str, to: &str) -> Book {
    let mut bundle = bundle("harbor-valley");
    let text = bundle.files[path].clone();
    assert!(text.contains(from), "{path} does not hold {from}");
    bundle.insert(path, text.replace(from, to));
    Book::new(Profile::from_bundle(&bundle).expect("a profile that the check lets pass"))
}

#[test]
fn every_message_of_the_demo_centers_can_be_written_and_its_subject_shown_to_anybody() {
    for center in ["harbor-valley", "lakeside"] {
        let book = Book::new(profile(center));
        for language in &book.profile.center.languages {
            let names = Kind::ALL
                .iter()
                .filter(|kind| kind.is_to_the_person())
                .map(|kind| (*kind, kind.template()))
                .chain([(Kind::Confirmation, AFTER_HOURS)]);
            // A center may leave it to staff to tell of a cancelled visit; every other message it must have.
            let optional = |name: &str| {
                name == Kind::AppointmentCancelled.template() && book.profile.template(language, name).is_none()
            };
            for (kind, name) in names.filter(|(_, name)| !optional(name)) {
                let words =
                    written(&book, kind, name, language).unwrap_or_else(|cause| panic!("{center} {language}: {cause}"));
                assert_eq!(health_word(&words.subject), None);
                assert!(!words.subject.contains("Rosa") && !words.subject.contains('\n'), "{name}");
                assert!(words.text.contains("Rosa <Ana> Vega"), "{name} greets nobody");
                let html = words.html.expect("an html part");
                assert!(html.contains("Rosa &lt;Ana&gt; Vega") && !html.contains("<Ana>"), "{name} is not escaped");
                for part in [&words.text, &html] {
                    assert!(
                        part.contains("https:&#x2f;&#x2f;care.example")
                            || part.contains("https://care.example/p/abc/stop"),
                        "{name} can't be stopped"
                    );
                    assert_eq!(forbidden_phrase(part), None);
                    assert!(!part.contains("{{") && !part.contains("{%") && !part.contains("{#"));
                }
            }
        }
    }
}

#[test]
fn who_is_written_to_is_promised_no_call() {
    for (center, language, call, letter) in [
        ("harbor-valley", "en", "will call you", "will write to you"),
        ("harbor-valley", "es", "le llamará", "le escribirá"),
        ("lakeside", "fr", "vous appelle", "vous écrit"),
    ] {
        let book = Book::new(profile(center));
        for name in [Kind::Confirmation.template(), AFTER_HOURS] {
            for (is_written_to, said, unsaid) in [(false, call, letter), (true, letter, call)] {
                let params = Params { is_written_to, ..Params::default() };
                let words = book.words(Kind::Confirmation, name, language, &values(&book, &about(language), &params));
                let words = words.expect("words");
                for part in [words.text.as_str(), words.html.as_deref().expect("html")] {
                    assert!(part.contains(said) && !part.contains(unsaid), "{center} {language} {name}: {part}");
                    let tries = ["2 more times", "2 veces más", "4 fois"].iter().any(|words| part.contains(words));
                    assert!(!(tries && is_written_to), "{center} {language} {name}: nobody calls them: {part}");
                }
            }
        }
    }
}

#[test]
fn a_confirmation_says_when_in_the_centers_zone_and_which_papers() {
    let book = Book::new(profile("harbor-valley"));
    let words = written(&book, Kind::Confirmation, AFTER_HOURS, "en").expect("words");
    assert!(words.text.contains("Thursday, March 4, at 12 noon"), "{}", words.text);
    assert!(words.text.contains("Thursday, March 4, at 7:30 am"));
    assert!(words.text.contains("HV-7K4M-2QX") && words.subject.contains("HV-7K4M-2QX"));
    let lines = book.profile.checklists.lines_for(about("en").consult_type, about("en").cancer_area);
    assert!(!lines.is_empty());
    for line in lines {
        assert!(words.text.contains(line.label.get("en")));
    }
    let spanish = written(&book, Kind::Confirmation, AFTER_HOURS, "es").expect("words");
    assert!(spanish.text.contains("jueves 4 de marzo a las 12 del mediodía"));
}

#[test]
fn a_records_request_names_the_papers_that_are_asked_for_and_no_others() {
    let book = Book::new(profile("harbor-valley"));
    let asked = book.profile.checklists.documents[0].clone();
    let other = book.profile.checklists.documents[1].clone();
    let about = about("en");
    let params = Params { records: vec![asked.kind.clone()], ..Params::default() };
    let variables = values(&book, &about, &params);
    let words = book.words(Kind::RecordsRequest, "records-request", "en", &variables).expect("words");
    assert!(words.text.contains(asked.label.get("en")) && !words.text.contains(other.label.get("en")));
}

#[test]
fn an_answer_where_to_go_instead_names_each_place_with_its_phone_and_that_a_person_can_still_be_called() {
    for (center, languages) in [("harbor-valley", ["en", "es"]), ("lakeside", ["en", "fr"])] {
        let book = Book::new(profile(center));
        let entry = &book.profile.programs.out_of_scope[0];
        for language in languages {
            let words = written(&book, Kind::ReferredElsewhere, "referred-elsewhere", language).expect("words");
            assert_eq!(words.language, language);
            let html = words.html.expect("an html part");
            for part in [&words.text, &html] {
                for place in &entry.places {
                    let name = place.name.split('\'').next().expect("a name");
                    assert!(part.contains(name) && part.contains(&place.phone), "{center} {language}: {part}");
                }
                assert!(part.contains(&book.profile.center.contact.phone), "{center} {language}: {part}");
            }
            assert!(words.text.contains(entry.words.get(language)), "{center} {language}");
        }
    }
}

#[test]
fn an_answer_whose_entry_the_profile_does_not_hold_is_told_by_a_person() {
    let book = Book::new(profile("harbor-valley"));
    let (about, params) = (about("en"), Params { out_of_scope: "elves".into(), ..Params::default() });
    let variables = values(&book, &about, &params);
    let cause = book.words(Kind::ReferredElsewhere, "referred-elsewhere", "en", &variables).err();
    assert!(matches!(cause, Some(Unwritable::NotFilled { .. })));
}

#[test]
fn a_visit_at_a_place_that_the_center_does_not_know_is_told_by_a_person() {
    let book = Book::new(profile("harbor-valley"));
    let about = about("en");
    let variables = values(&book, &about, &params("elsewhere"));
    let cause = book.words(Kind::AppointmentBooked, "appointment-booked", "en", &variables).err();
    assert!(matches!(cause, Some(Unwritable::NotFilled { .. })));
}

#[test]
fn an_unknown_language_gets_the_centers_first() {
    let book = Book::new(profile("harbor-valley"));
    let words = written(&book, Kind::Confirmation, "confirmation", "de").expect("words");
    assert_eq!(words.language, "en");
}

#[test]
fn a_gap_without_a_value_fails_instead_of_saying_half_a_sentence() {
    let book = Book::new(profile("harbor-valley"));
    let about = about("en");
    let matter = Matter { about: &about, contact_by: None, opens_at: None, params: &Params::default() };
    let variables = fill(&book.profile, "en", &matter, &Reader { greeting_name: NAME, link: "x" });
    let cause = book.words(Kind::Confirmation, "confirmation", "en", &variables).map(|_| ()).expect_err("no words");
    assert!(matches!(cause, Unwritable::NotFilled { .. }), "{cause}");
    assert!(!cause.to_string().contains("Rosa"));
}

#[test]
fn a_template_with_an_unknown_gap_is_not_used_and_the_first_languages_takes_its_place() {
    let path = "templates/es/confirmation.txt";
    let book = damaged(path, "{{ greeting_name }}", "{{ diagnosis }} {{ greeting_name }}");
    let words = written(&book, Kind::Confirmation, "confirmation", "es").expect("words");
    assert_eq!(words.language, "en");
}

#[test]
fn a_subject_that_would_name_the_person_or_the_matter_is_not_sent() {
    let named = damaged(
        "templates/en/confirmation.txt",
        "subject: {{ center_name }}",
        "subject: {{ visit_where }} {{ center_name }}",
    );
    assert!(matches!(written(&named, Kind::Confirmation, "confirmation", "en"), Err(Unwritable::NotFilled { .. })));
    let mut told = profile("harbor-valley");
    told.center.short_name = "Harbor Oncology".into();
    let told = Book::new(told);
    assert_eq!(
        written(&told, Kind::Confirmation, "confirmation", "en").err(),
        Some(Unwritable::OpenSubject("confirmation".into()))
    );
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}{{ greeting_name }}";
    let book = damaged("templates/en/confirmation.txt", "{{ greeting_name }}", endless);
    assert!(written(&book, Kind::Confirmation, "confirmation", "en").is_err());
}

#[test]
fn a_center_without_words_for_a_moved_visit_says_when_it_is_now() {
    let mut moved = profile("harbor-valley");
    moved.templates.retain(|(_, name), _| name != "appointment-rescheduled");
    let book = Book::new(moved);
    let words = written(&book, Kind::AppointmentRescheduled, "appointment-rescheduled", "en").expect("words");
    assert!(words.text.contains("Thursday, March 11, at 10:30 am") && words.text.contains("88 Orchard Road"));
    let mut silent = profile("harbor-valley");
    silent.templates.retain(|(_, name), _| name != "records-request");
    let cause = written(&Book::new(silent), Kind::RecordsRequest, "records-request", "en").err();
    assert_eq!(cause, Some(Unwritable::NoTemplate("records-request".into())));
}

#[test]
fn a_gap_that_only_other_messages_fill_is_told_at_its_line_before_the_profile_is_in_force() {
    for center in ["harbor-valley", "lakeside"] {
        let (profile, bundle) = (profile(center), bundle(center));
        assert!(faults(&profile, &bundle).is_empty(), "{center}: {:?}", faults(&profile, &bundle));
    }
    for (file, from, to) in [
        ("templates/en/confirmation-after-hours.txt", "{{ opening }}", "{{ visit_when }}"),
        ("templates/en/confirmation.txt", "{{ contact_by }}", "{{ opening }}"),
        ("templates/es/appointment-booked.txt", "{{ visit_when }}", "{{ contact_by }}"),
        ("templates/en/confirmation.txt", "subject: ", "subject: {{ visit_when }} "),
    ] {
        let mut bundle = bundle("harbor-valley");
        let text = bundle.files[file].clone();
        let line = 1 + text.lines().position(|line| line.contains(from)).unwrap_or_else(|| panic!("{file}: {from}"));
        bundle.insert(file, text.replacen(from, to, 1));
        let profile = Profile::from_bundle(&bundle).expect("a profile that the other checks let pass");
        let told = faults(&profile, &bundle);
        let fault = told.iter().find(|fault| fault.file == file).unwrap_or_else(|| panic!("{file}: {told:?}"));
        assert_eq!(fault.line, line, "{fault:?}");
        assert!(fault.what.contains("undefined value"), "{fault:?}");
    }
}
