//! Rows, clocks, tabs and filters of the worklist.

use super::*;
use crate::handlers::tests::harbor_valley;
use causeway_proto::inquiry::v1::WaitingNews;

fn now() -> Timestamp {
    Timestamp::from_second(1_804_190_400).expect("time")
}

fn row(owner: &str) -> Row {
    Row {
        inquiry_id: "i1".into(),
        reference: "HV-1".into(),
        team: "breast".into(),
        owner: owner.into(),
        next_action: "first_contact".into(),
        due_at: (now() - SignedDuration::from_mins(18)).as_microsecond(),
        time_zone: "America/Los_Angeles".into(),
        language: "es".into(),
        ..Row::default()
    }
}

fn looking<'a>(profile: &'a Profile, people: &'a HashMap<String, Person>) -> Looking<'a> {
    Looking { profile, now: now(), me: "dana-whitfield", may_work: true, people, links: &[], centers: &[] }
}

#[test]
fn a_row_says_whose_request_it_may_be_as_long_as_nobody_has_said_so() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let link = |reference: &str, strength: &str, state: &str| PersonLink {
        reference: reference.into(),
        strength: strength.into(),
        state: state.into(),
        ..PersonLink::default()
    };
    let hint = |inquiry: &str, links: Vec<PersonLink>| {
        let links = [LinksOfInquiry { inquiry_id: inquiry.into(), links, ..LinksOfInquiry::default() }];
        Looking { links: &links, ..looking(&profile, &nobody) }.row(&row("")).twin
    };
    let open = |reference: &str| link(reference, "likely", "open");
    assert_eq!(hint("i1", vec![open("HV-7")]).as_deref(), Some("May be the same person as HV-7"));
    let several = vec![link("HV-5", "certain", "same"), link("HV-7", "certain", "open"), open("HV-8")];
    assert_eq!(hint("i1", several).as_deref(), Some("May be the same person as HV-7 and 1 more"));
    let none =
        vec![link("HV-5", "certain", "same"), link("HV-6", "likely", "different"), link("HV-7", "possible", "open")];
    assert_eq!(hint("i1", none), None, "what was said is said, and what is only possible is no hint");
    assert_eq!(hint("i2", vec![open("HV-7")]), None, "another one's");
}

#[test]
fn a_row_says_what_to_look_at_before_anybody_calls_the_worst_first() {
    let profile = harbor_valley();
    let first = |waiting: &[(&str, bool)]| {
        let news = |(reason, tells_death): &(&str, bool)| WaitingNews {
            message_id: "m1".into(),
            reason: (*reason).to_owned(),
            tells_death: *tells_death,
        };
        let person = Person { waiting: waiting.iter().map(news).collect(), ..Person::default() };
        let people = HashMap::from([("i1".to_owned(), person)]);
        looking(&profile, &people).row(&row("")).first
    };
    assert_eq!(first(&[]), None);
    assert_eq!(first(&[("attachment", false)]), None, "a paper that waits stands in nobody's way");
    assert_eq!(first(&[("referral_modified", false)]), Some("A change of the office waits: look at it first."));
    let withdrawn = first(&[("referral_modified", false), ("referral_cancelled", false)]);
    assert_eq!(withdrawn, Some("The office has called the referral off: look at it first."));
    assert_eq!(first(&[("attachment", true)]), Some("The office says that the patient has died."));
}

#[test]
fn a_row_says_who_is_late_and_offers_to_claim() {
    let profile = harbor_valley();
    let person = Person { name: "Rosa".into(), caregiver_name: "Luis".into(), ..Person::default() };
    let people = HashMap::from([("i1".to_owned(), person)]);
    let shown = looking(&profile, &people).row(&row(""));
    assert_eq!((shown.clock.state, shown.clock.text.as_str()), (ClockState::Late, "Late by 18 min"));
    assert_eq!((shown.who.as_str(), shown.who_note.as_str()), ("Rosa", "HV-1 · asked by Luis · Español"));
    assert_eq!(shown.actions[0].action, "/inquiries/i1/claim");
    assert_eq!(shown.next_step, "Make first contact");
    assert!(!shown.url.contains("Rosa"));
}

#[test]
fn without_the_right_to_read_people_the_request_number_stands_there() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    assert_eq!(looking(&profile, &nobody).row(&row("")).who, "HV-1");
}

#[test]
fn mine_can_be_released_and_a_colleagues_can_not() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let looking = looking(&profile, &nobody);
    assert_eq!(looking.row(&row("dana-whitfield")).actions[0].label, "Release");
    let theirs = looking.row(&row("luis-ortega"));
    assert!(theirs.actions.is_empty());
    assert_eq!(theirs.owner.as_deref(), Some("Luis Ortega"));
    // It is his turn, and he has not begun: whoever reaches for it has it.
    let late = |row: Row| Row { clock_state: "late".into(), escalated: 1, ..row };
    let turn = looking.row(&late(Row { chosen: true, ..row("luis-ortega") }));
    assert_eq!((turn.actions[0].label.as_str(), turn.mark), ("Claim", Some("Escalated")));
    let over = [
        Row { attempts: 1, ..late(row("")) },
        Row { clock_state: "met_late".into(), ..late(row("")) },
        Row { clock_state: "cancelled".into(), ..late(row("")) },
    ];
    assert!(over.iter().all(|row| looking.row(row).mark.is_none()), "it was tried, or is over");
    let bounced = looking.row(&late(Row { bounced: true, ..row("") }));
    assert_eq!((bounced.mark, looking.row(&row("")).mark), (Some("From team to team"), None));
}

#[test]
fn a_row_says_why_its_clock_stands_still_since_when_and_until_when() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let hours = |hours: i64| (now() + SignedDuration::from_hours(hours)).as_microsecond();
    let looking = looking(&profile, &nobody);
    let still = Row { pause_reason: "interpreter".into(), paused_since: hours(-1), paused_until: hours(48), ..row("") };
    let clock = looking.row(&still).clock;
    assert_eq!((clock.state, clock.text.as_str()), (ClockState::Paused, "Paused: we look for an interpreter"));
    assert!(clock.at.starts_with("Since ") && clock.at.contains(", until "), "{}", clock.at);
    assert_ne!(looking.row(&row("")).clock.state, ClockState::Paused);
}

#[test]
fn a_row_says_whether_it_is_quiet_at_their_place_now_or_not_the_part_of_the_day_that_they_named() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let note = |zone: &str, best: &str| {
        looking(&profile, &nobody).row(&Row { time_zone: zone.into(), best_time: best.into(), ..row("") }).channel_note
    };
    // It is noon at the center.
    assert_eq!(note("America/Los_Angeles", "afternoon"), "Afternoon – OK now");
    assert_eq!(note("America/Los_Angeles", "morning"), "Morning – not their preferred time now");
    assert_eq!(note("Europe/Berlin", "any"), "Any time – quiet hours now");
}

#[test]
fn a_row_says_from_which_office_or_page_somebody_came() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let looking = looking(&profile, &nobody);
    let feed = profile.feeds.feeds.iter().find(|feed| !feed.office_name.is_empty()).expect("an office");
    let referred = Row { referring_office: feed.office.clone(), landing_page: "/x".into(), ..row("") };
    assert_eq!(looking.row(&referred).source_note, feed.office_name);
    let form = Row { landing_page: "/second-opinion".into(), ..row("") };
    assert_eq!(looking.row(&form).source_note, "/second-opinion");
    assert_eq!(
        (looking.row(&row("")).source_note.as_str(), looking.row(&form).team.as_str()),
        ("", "Breast care team")
    );
}

#[test]
fn a_row_says_what_is_waited_for_of_whom_and_since_when() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let waiting = |kinds: &[&str]| {
        let waiting_for = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let since = now() - SignedDuration::from_hours(48);
        looking(&profile, &nobody)
            .row(&Row { waiting_for, waiting_since: since.as_microsecond(), ..row("") })
            .records_note
    };
    let one = waiting(&["Pathology report (hospital)"]);
    assert!(one.starts_with("Waiting for Pathology report (hospital) since ") && one.len() > 46, "{one}");
    let promised = Row {
        waiting_for: vec!["A (patient)".to_owned()],
        waiting_since: now().as_microsecond(),
        promised_at: (now() + SignedDuration::from_hours(48)).as_microsecond(),
        ..row("")
    };
    let note = looking(&profile, &nobody).row(&promised).records_note;
    assert!(note.contains(", promised for "), "{note}");
    assert!(waiting(&["A (patient)", "B (patient)"]).starts_with("Waiting for A (patient) and 1 more since "));
    assert_eq!((waiting(&[]).as_str(), looking(&profile, &nobody).row(&row("")).records_note.as_str()), ("", ""));
}

#[test]
fn a_view_keeps_what_is_chosen_and_shows_its_count() {
    let profile = harbor_valley();
    let query = HashMap::from([("team", "breast"), ("next", "call_back"), ("owner", "nobody&x=1"), ("site", "")]);
    let chosen = Chosen::read(&profile, |name| query.get(name).copied().unwrap_or_default());
    let wanted = Chosen { team: "breast".into(), next_action: "call_back".into(), ..Chosen::default() };
    assert_eq!(chosen, wanted, "a word that is none of the choices is left out");
    let tabs = tabs(&[ViewCount { view: "late".into(), count: 3, more: true }], "late", &chosen, false);
    let late = tabs.iter().find(|tab| tab.current).expect("current");
    assert_eq!((late.count, late.more), (3, true));
    assert_eq!(late.url, "/worklist?view=late&team=breast&next=call_back");
    let shown = filters(&profile, "all", &chosen);
    let selected = |filter: &Filter| filter.options.iter().find(|option| option.selected).map(|one| one.label.clone());
    assert_eq!(selected(&shown[0]).as_deref(), Some("Breast care team"));
    assert_eq!(selected(&shown[4]).as_deref(), Some("Everybody"));
    assert_eq!(filters(&profile, "closed", &chosen).len(), 1);
}

#[test]
fn a_row_that_waits_for_a_review_says_since_when_what_came_and_since_when_it_is_late() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let hours = |hours: i64| (now() + SignedDuration::from_hours(hours)).as_microsecond();
    let waiting = |due_in: i64| Row {
        next_action: "review_records".into(),
        review_since: hours(-20),
        review_due_at: hours(due_in),
        came: vec!["Biopsy report".into(), "Pictures".into()],
        ..row("")
    };
    let looking = looking(&profile, &nobody);
    let in_time = looking.row(&waiting(2));
    assert!(in_time.records_note.starts_with("Waits for review since "), "{}", in_time.records_note);
    assert!(in_time.records_note.ends_with(". Came: Biopsy report; Pictures") && in_time.mark.is_none());
    let late = looking.row(&waiting(-1));
    assert!(late.records_note.starts_with("Review late since ") && late.mark == Some("Review late"));
}

#[test]
fn reviewers_get_what_waits_for_them_first_and_the_others_keep_their_order() {
    let labels = |is_reviewer| -> Vec<String> {
        tabs(&[], "all", &Chosen::default(), is_reviewer).into_iter().map(|tab| tab.label).collect()
    };
    let all = ["All open", "Mine", "Unclaimed", "Late", "Due today", "To review", "Closed"];
    assert_eq!(labels(false), all);
    assert_eq!(labels(true), ["To review", "All open", "Mine", "Unclaimed", "Late", "Due today", "Closed"]);
}

#[test]
fn an_agreed_step_is_named_as_the_next_action() {
    let (profile, nobody) = (harbor_valley(), HashMap::new());
    let shown = |action: &str, kind: &str| {
        let row = Row { next_action: action.into(), next_step: kind.into(), ..row("") };
        looking(&profile, &nobody).row(&row).next_step
    };
    assert_eq!(shown("await_next_step", "screening_call"), "Next step agreed: Screening call");
    assert_eq!(shown("confirm_next_step", "gone_from_the_profile"), "Say what became of the agreed step");
    assert_eq!(shown("gather_records", "screening_call"), "Gather the missing records");
    let row = Row { next_action: "follow_up_missed_step".into(), missed_step: "screening_call".into(), ..row("") };
    assert_eq!(
        looking(&profile, &nobody).row(&row).next_step,
        "Call about the agreed step that did not come about: Screening call"
    );
}
