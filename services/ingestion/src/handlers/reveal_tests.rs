//! Who may open whom for what, and what each purpose shows.

use causeway_auth::Role;

use super::*;

fn caller(service: &str, actor: Option<Actor>) -> Caller {
    Caller { service: service.into(), actor }
}

fn may(caller: &Caller, purpose: Purpose, ids: &[Uuid]) -> bool {
    permit(caller, &caller.accountable(), purpose, "lakeside", ids).is_ok()
}

fn staff(role: Role, center: &str) -> Option<Actor> {
    Some(Actor::staff("u1", "Sam", center, vec![role]))
}

#[test]
fn lists_and_pages_are_for_people_of_the_center_whose_role_reads_people() {
    let one = [Uuid::from_u128(1)];
    for purpose in [Purpose::Worklist, Purpose::InquiryPage] {
        assert!(may(&caller("portal", staff(Role::Coordinator, "lakeside")), purpose, &one));
        assert!(!may(&caller("portal", staff(Role::Coordinator, "harbor-valley")), purpose, &one));
        assert!(!may(&caller("portal", staff(Role::Analyst, "lakeside")), purpose, &one));
        assert!(!may(&caller("portal", None), purpose, &one), "a list is read by somebody");
    }
}

#[test]
fn messages_are_for_notification_alone() {
    let one = [Uuid::from_u128(1)];
    assert!(may(&caller("notification", None), Purpose::SendNotice, &one));
    assert!(!may(&caller("metrics", None), Purpose::SendNotice, &one));
    assert!(!may(&caller("portal", staff(Role::Coordinator, "lakeside")), Purpose::SendNotice, &one));
}

#[test]
fn a_patient_opens_nobody_but_themselves() {
    let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let patient = caller("portal", Some(Actor::patient(own.to_string(), "lakeside")));
    assert!(may(&patient, Purpose::PatientPage, &[own]));
    assert!(!may(&patient, Purpose::PatientPage, &[own, other]));
    assert!(!may(&patient, Purpose::InquiryPage, &[own]));
}

#[test]
fn ids_are_checked_counted_and_taken_once() {
    let text = Uuid::from_u128(1).to_string();
    assert_eq!(ids(&[text.clone(), text.clone()], 2), Ok(vec![Uuid::from_u128(1)]));
    assert_eq!(ids(&["7".into()], 2), Err(Refusal::UnknownInquiry));
    assert!(ids(&[], 2).is_err() && ids(&[text.clone(), text.clone(), text], 2).is_err());
}

#[test]
fn each_purpose_shows_what_it_needs() {
    let given = [("phone", "555-0142"), ("message", "it hurts"), ("shoe_size", "42")];
    let person = Person {
        asked_by: Default::default(),
        name: "Rosa".into(),
        patient_name: None,
        phone: None,
        email: Some("rosa@example.com".into()),
        birth_date: None,
        given: given.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect(),
        came: Default::default(),
    };
    let page = shown(Uuid::from_u128(1), &person, Purpose::InquiryPage);
    assert_eq!((page.message.as_str(), page.phone.as_str()), ("it hurts", "555-0142"));
    assert_eq!(page.answers["shoe_size"], "42");
    let list = shown(Uuid::from_u128(1), &person, Purpose::Worklist);
    assert_eq!((list.name.as_str(), list.message.as_str(), list.answers.len()), ("Rosa", "", 0));
    let notice = shown(Uuid::from_u128(1), &person, Purpose::SendNotice);
    assert_eq!((notice.phone.as_str(), notice.email.as_str()), ("", "rosa@example.com"));
}
