//! What staff read and may do about sister centers.

use std::sync::Arc;

use causeway_auth::Role;
use causeway_proto::inquiry::v1::Stay;
use causeway_proto::intake::v1::{Handover, Stage, TimelineEntry};

use super::tests::{page, parts};
use super::*;
use crate::handlers::tests::{harbor_valley, lakeside};

const NOON: i64 = 1_804_190_400_000_000;

fn installation() -> Vec<InForce> {
    [harbor_valley(), lakeside()].map(|profile| Arc::new((profile.revision.clone(), profile))).into()
}

fn came_from(center: &str, documents: u32) -> Stay {
    Stay {
        center: center.into(),
        reference: "LK-7K4M-2QX".into(),
        received_at: NOON,
        documents,
        inquiry_id: uuid::Uuid::from_u128(4).to_string(),
    }
}

fn words(list: &[crate::pages::SelectOption]) -> Vec<&str> {
    list.iter().map(|option| option.value.as_str()).collect()
}

#[test]
fn only_centers_that_agree_are_offered_with_the_reasons_that_fit_and_only_to_who_may() {
    let mut parts = parts();
    parts.sisters = installation();
    let card = page(&parts, &[Role::Coordinator]).sister.expect("a sister agrees");
    assert_eq!(words(&card.centers), ["lakeside"]);
    assert!(!words(&card.reasons).contains(&"sent_back") && words(&card.reasons).contains(&"trial_there"));
    assert!(card.reasons.iter().all(|reason| !reason.selected));
    assert!(page(&parts, &[Role::Reviewer]).sister.is_none());
    (parts.inquiry.out_of_scope, parts.inquiry.out_of_scope_state) = ("children".into(), "proposed".into());
    let card = page(&parts, &[Role::Coordinator]).sister.expect("a sister agrees");
    let ready = card.reasons.iter().find(|reason| reason.selected).expect("one stands ready");
    assert_eq!(ready.value, "treated_there");
    parts.inquiry.stage = Stage::Scheduled.into();
    assert!(page(&parts, &[Role::Manager]).sister.is_none(), "a visit is booked");
    parts.inquiry.next_step = Some(causeway_proto::intake::v1::NextStep { at: NOON, ..Default::default() });
    assert!(page(&parts, &[Role::Manager]).sister.is_some(), "an agreed step is called off with it");
    parts.sisters = Vec::new();
    parts.inquiry.stage = Stage::Contacted.into();
    assert!(page(&parts, &[Role::Manager]).sister.is_none());
}

#[test]
fn where_it_came_from_is_told_with_the_chain_the_wait_and_what_is_left_there_and_it_goes_back_only_as_sent_back() {
    let mut parts = parts();
    parts.sisters = installation();
    parts.inquiry.facts.as_mut().expect("facts").stays = vec![came_from("mill-pond", 0), came_from("lakeside", 2)];
    let shown = page(&parts, &[Role::Coordinator]);
    let value = |label: &str| {
        shown.facts.iter().find(|fact| fact.label == label).map(|fact| fact.value.clone()).unwrap_or_default()
    };
    assert_eq!(value("Handed over by"), "mill-pond (LK-7K4M-2QX), then Lakeside Cancer Institute (LK-7K4M-2QX)");
    assert!(value("Waiting since").contains("March 4"), "{}", value("Waiting since"));
    assert_eq!(value("Records elsewhere"), "2 documents are at Lakeside Cancer Institute; ask there");
    parts.inquiry.facts.as_mut().expect("facts").stays = vec![came_from("harbor-valley", 1), came_from("lakeside", 0)];
    let again = page(&parts, &[Role::Coordinator]);
    let said = |label: &str| again.facts.iter().find(|fact| fact.label == label).map(|fact| fact.value.as_str());
    let chain = "here, with request LK-7K4M-2QX, then Lakeside Cancer Institute (LK-7K4M-2QX)";
    assert_eq!(said("Handed over by"), Some(chain));
    assert_eq!(said("Records elsewhere"), Some("1 document is here, with request LK-7K4M-2QX"));
    let card = shown.sister.expect("back to where it was");
    assert_eq!((words(&card.centers), words(&card.reasons)), (vec!["lakeside"], vec!["sent_back"]));
}

#[test]
fn where_it_went_is_said_and_what_a_sister_has_is_not_opened_again() {
    let mut parts = parts();
    parts.sisters = installation();
    let mut with = |state: &str, stage: Stage, newest: &[&str]| {
        let line = |kind: &&str| TimelineEntry { kind: (*kind).into(), ..TimelineEntry::default() };
        parts.inquiry.timeline = newest.iter().map(line).collect();
        parts.inquiry.handover = Some(Handover {
            to_center: "lakeside".into(),
            state: state.into(),
            reference: "LK-7K4M-2QX".into(),
            why: "not_agreed".into(),
            ..Handover::default()
        });
        parts.inquiry.stage = stage.into();
        let page = page(&parts, &[Role::Coordinator]);
        (page.handed.unwrap_or_default(), page.may_reopen)
    };
    assert_eq!(with("asked", Stage::Closed, &[]), ("It is on its way to Lakeside Cancer Institute.".into(), false));
    let taken = ("Lakeside Cancer Institute has it as LK-7K4M-2QX.".to_owned(), false);
    assert_eq!(with("taken", Stage::Closed, &[]), taken);
    let (text, _) = with("not_taken", Stage::Contacted, &["reopened", "sister", "attempt"]);
    assert!(text.contains("did not take it") && text.ends_with("It is ours again."), "{text}");
    let (text, _) = with("not_taken", Stage::Contacted, &["attempt", "reopened", "sister"]);
    assert_eq!(text, "", "somebody works it");
    let (text, may_reopen) = with("not_taken", Stage::Closed, &["closed", "reopened", "sister"]);
    assert!(may_reopen && text.contains("did not take it"), "closed for another reason since");
    assert!(!text.contains("ours again"), "{text}");
}
