//! A reviewer's card on the inquiry's page.

use causeway_auth::Role;
use jiff::{SignedDuration, Timestamp};

use super::tests::{page, parts};
use super::*;

/// Records wait since some hours, and are due in so many.
fn waiting(due_in: i64) -> Parts {
    let now = Timestamp::from_microsecond(1_804_190_400_000_000).expect("time");
    let hours = |hours: i64| (now + SignedDuration::from_hours(hours)).as_microsecond();
    let mut parts = parts();
    (parts.inquiry.stage, parts.inquiry.records_ready) = (Stage::RecordsReady.into(), true);
    (parts.inquiry.review_since, parts.inquiry.review_due_at) = (hours(-20), hours(due_in));
    parts
}

#[test]
fn a_reviewer_has_four_decisions_in_one_place_and_nobody_else_has_any() {
    let card = page(&waiting(4), &[Role::Reviewer]).review.expect("a card");
    assert!(card.may_accept && card.late.is_none());
    assert!(card.stands.starts_with("Waits since ") && card.stands.contains(", due "), "{}", card.stands);
    assert!(card.teams.iter().all(|team| team.value != "breast") && card.teams.len() > 3, "every other team");
    let kinds: Vec<&str> = card.more.options.iter().map(|one| one.value.as_str()).collect();
    assert_eq!(kinds[..2], ["pathology_report", "imaging"], "the checklist first");
    assert!(kinds.contains(&"genomic_report"), "what it lacks as well");
    assert_eq!(kinds.iter().filter(|kind| **kind == "imaging").count(), 1);
    let entry = card.entries.iter().find(|entry| entry.value == "other-centers").expect("an entry");
    assert!(entry.label.contains("Olympic Cancer Center"), "{}", entry.label);
    let told = card.told.iter().find(|told| told.label == "other centers").expect("what it says");
    assert!(told.value.starts_with("A doctor here has read your records."), "{}", told.value);
    assert!(told.value.ends_with("Olympic Cancer Center, 360 555 0182; Columbia Basin Hospital, 509 555 0183"));
    let rendered = askama::Template::render(&page(&waiting(4), &[Role::Manager])).expect("a page");
    assert!(
        rendered.contains("360 555 0182") && rendered.contains("We think that another center can help you better.")
    );
    for decision in ["accept", "ask_for_more", "redirect", "decline"] {
        assert!(rendered.contains(&format!("action=\"/inquiries/i1/review/{decision}\"")), "{decision}");
    }
    for role in [Role::Coordinator, Role::Scheduler, Role::TrialCoordinator, Role::Auditor] {
        let page = page(&waiting(4), &[role]);
        assert!(page.review.is_none(), "{role}");
        assert!(page.facts.iter().any(|fact| fact.label == "Records review"), "everybody sees how it stands: {role}");
    }
}

#[test]
fn a_review_that_is_late_says_since_when() {
    let is_late = |tag: &Tag| tag.text.starts_with("Review late since ") && matches!(tag.tone, Tone::Bad);
    let late = page(&waiting(-1), &[Role::Reviewer]);
    assert!(late.tags.iter().any(is_late));
    assert!(late.review.expect("a card").late.expect("late").starts_with("Review late since "));
    assert!(!page(&waiting(1), &[Role::Coordinator]).tags.iter().any(is_late));
}

#[test]
fn what_can_not_be_accepted_says_why_and_what_is_over_or_on_its_way_has_no_card() {
    let card = page(&parts(), &[Role::Reviewer]).review.expect("a card");
    assert_eq!((card.may_accept, card.stands.as_str()), (false, "Records that booking waits for are still missing."));
    let with = |change: fn(&mut Inquiry)| {
        let mut parts = waiting(4);
        change(&mut parts.inquiry);
        page(&parts, &[Role::Reviewer])
    };
    let booked = with(|one| one.stage = Stage::Scheduled.into());
    let card = booked.review.as_ref().expect("the records of a booked visit are accepted here too");
    assert!(card.may_accept && card.booked);
    let rendered = askama::Template::render(&booked).expect("a page");
    for (decision, shown) in [("accept", true), ("ask_for_more", true), ("redirect", false), ("decline", false)] {
        assert_eq!(rendered.contains(&format!("action=\"/inquiries/i1/review/{decision}\"")), shown, "{decision}");
    }
    assert!(rendered.contains("To redirect or decline, cancel it first."));
    assert!(with(|one| one.stage = Stage::Closed.into()).review.is_none());
    let sending = with(|one| {
        (one.out_of_scope, one.out_of_scope_state) = ("other-centers".into(), "sending".into());
        one.decline_reason = "no_capacity".into();
    });
    assert!(sending.review.is_none());
    let declined = sending.facts.iter().find(|fact| fact.label == "Declined").expect("said");
    assert_eq!(declined.value, "We have no place in time");
}
