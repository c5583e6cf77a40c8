//! What the inquiry's page says of the call that is next: the time at the person's place.

use causeway_auth::Role;

use super::tests::{page, parts};
use super::*;

#[test]
fn what_time_it_is_at_their_place_stands_beside_their_good_time_and_warns_where_it_is_quiet() {
    let shown = |zone: &str, best: &str| {
        let mut parts = parts();
        let facts = parts.inquiry.facts.as_mut().expect("facts");
        (facts.time_zone, facts.best_time) = (zone.into(), best.into());
        let facts = page(&parts, &[Role::Coordinator]).facts;
        let place = facts.iter().position(|fact| fact.label == "There now").expect("said");
        assert_eq!(facts[place - 1].label, "Good time");
        (facts[place].value.clone(), facts[place].tone)
    };
    // It is noon at the center.
    assert_eq!(shown("", "any"), ("12 noon, OK to call".to_owned(), Tone::Idle));
    assert_eq!(shown("", "morning"), ("12 noon, not their preferred time".to_owned(), Tone::Idle));
    assert_eq!(shown("Pacific/Honolulu", "morning"), ("10 am (Honolulu time), OK to call".to_owned(), Tone::Idle));
    assert_eq!(shown("Asia/Tokyo", "any"), ("Fri, 5 am (Tokyo time), quiet hours".to_owned(), Tone::Warn));
}

#[test]
fn the_notes_draft_is_kept_while_it_is_typed_one_save_after_the_other() {
    let mut page = page(&parts(), &[Role::Coordinator]);
    page.frame.assets.htmx = Some("/assets/htmx.js".into());
    let html = askama::Template::render(&page).expect("a page");
    let form = html.split("<form ").find(|form| form.contains("/draft\" data-hx-trigger")).expect("the note's form");
    let tag = form.split('>').next().expect("a tag");
    assert!(tag.contains("data-hx-trigger=\"input delay:1s\""), "`change` waits until the field is left: {tag}");
    assert!(tag.contains("data-hx-sync=\"this:queue last\""), "an older text never comes after a newer one: {tag}");
}

#[test]
fn a_try_is_sent_with_the_scripts_that_the_page_shows() {
    let mut parts = parts();
    parts.inquiry.script_version = "4".into();
    let html = askama::Template::render(&page(&parts, &[Role::Coordinator])).expect("a page");
    let form = html.split("<form ").find(|form| form.contains("/attempt\"")).expect("the attempt's form");
    let form = form.split("</form>").next().expect("its end");
    assert!(form.contains("<input type=\"hidden\" name=\"script_shown\" value=\"first-call~4\">"), "{form}");
    assert!(!form.contains("voicemail_shown"), "none is shown");
}

#[test]
fn who_has_it_and_who_may_give_it_away_can_hand_it_to_a_colleague_of_its_team() {
    let names = |parts: &Parts, role| {
        let colleagues = page(parts, &[role]).routing.colleagues;
        colleagues.into_iter().map(|one| one.label).collect::<Vec<_>>()
    };
    let mut parts = parts();
    parts.inquiry.team = "general".into();
    let all = ["Dana Whitfield", "Grace Okafor", "Rosa Delgado", "Priya Nair"];
    assert_eq!(names(&parts, Role::Coordinator), &all[1..], "hers, and of her team");
    let html = askama::Template::render(&page(&parts, &[Role::Coordinator])).expect("a page");
    let form = html.split("<form ").find(|form| form.contains("name=\"staff\"")).expect("a form");
    assert!(form.contains("action=\"/inquiries/i1/route\"") && form.contains("value=\"grace-okafor\""), "{form}");
    parts.inquiry.owner = "luis-ortega".into();
    assert!(names(&parts, Role::Coordinator).is_empty(), "a colleague's");
    assert_eq!(names(&parts, Role::Manager), all);
    parts.inquiry.stage = Stage::Closed.into();
    assert!(names(&parts, Role::Manager).is_empty());
    (parts.inquiry.stage, parts.inquiry.owner) = (Stage::Contacted.into(), "dana-whitfield".into());
    assert!(names(&parts, Role::Auditor).is_empty());
}
