//! What the inquiry's page says of the call that is next: the time at the person's place.

use causeway_auth::Role;

use super::tests::{now, page, parts};
use super::*;
use crate::handlers::tests::harbor_valley;

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

#[test]
fn a_call_back_falls_into_opening_times_and_an_opening_is_the_one_that_was_shown() {
    let profile = harbor_valley();
    let at = |word: &str| call_back_at(word, now(), profile.calendar(None));
    assert_eq!((at(""), at("tomorrow")), (0, 0));
    assert_eq!(at("1h"), now().as_microsecond() + 3_600_000_000);
    assert_eq!(at("1804258800000000"), 1_804_258_800_000_000);
    for word in ["next_morning", "next_afternoon"] {
        let instant = Timestamp::from_microsecond(at(word)).expect("time");
        assert!(instant > now() && profile.calendar(None).is_open(instant), "{word}");
    }
}

#[test]
fn a_call_back_is_offered_where_somebody_is_there_and_it_is_not_quiet_at_their_place() {
    let profile = harbor_valley();
    let actor = Actor::staff("dana-whitfield", "Dana", "harbor-valley", vec![Role::Coordinator]);
    let offered = |at: &str, team: &str, zone: &str| {
        let mut parts = parts();
        parts.inquiry.team = team.into();
        parts.inquiry.facts.as_mut().expect("facts").time_zone = zone.into();
        let now = at.parse().expect("an instant");
        let choices = Looking { profile: &profile, actor: &actor, now, parts: &parts }.call_backs();
        choices.into_iter().map(|choice| choice.label).collect::<Vec<_>>()
    };
    let here = "America/Los_Angeles";
    let (hour, three, afternoon) = ("In one hour", "In three hours", "Afternoon of the next open day");
    // Thursday noon, and then 5 pm: the center closes at half past six. It opens at half past seven, in the quiet hours.
    let noon = "2027-03-04T20:00:00Z";
    assert_eq!(offered(noon, "general", here), [hour, three, "Next opening, 8 am", afternoon]);
    assert_eq!(offered("2027-03-05T01:00:00Z", "general", here), [hour, "Next opening, 8 am", afternoon]);
    let honolulu = [
        "In one hour, 11 am (Honolulu time)",
        "In three hours, 1 pm (Honolulu time)",
        "Next opening, 8 am (Honolulu time)",
        "Afternoon of the next open day, 11 am (Honolulu time)",
    ];
    assert_eq!(offered(noon, "general", "Pacific/Honolulu"), honolulu);
    // 2 pm here: in three hours it is 8 pm there.
    let new_york = offered("2027-03-04T22:00:00Z", "general", "America/New_York");
    assert_eq!(&new_york[..2], ["In one hour, 6 pm (New York time)", "Next opening, 10:30 am (New York time)"]);
    // In Tokyo the day after begins in our afternoon.
    let tokyo = offered(noon, "general", "Asia/Tokyo");
    let wanted = ["In three hours, Fri, 8 am (Tokyo time)", "Afternoon of the next open day, Sat, 8 am (Tokyo time)"];
    assert_eq!(tokyo, wanted);
    let mut nowhere = parts();
    nowhere.inquiry.facts.as_mut().expect("facts").time_zone = "Asia/Kolkata".into();
    let keys: Vec<_> = page(&nowhere, &[Role::Coordinator]).attempt.into_iter().map(|question| question.key).collect();
    assert!(!keys.contains(&"call_back".to_owned()), "whoever is never awake while we are there: {keys:?}");
}
