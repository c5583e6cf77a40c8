//! What the audit pages show: lists, scores and who may see them.

use super::*;
use crate::handlers::tests::{harbor_valley, staff_frame};

fn looking(profile: &Profile) -> Looking<'_> {
    Looking { profile, now: "2027-03-10T22:14:00Z".parse().expect("an instant") }
}

fn audited(state: &str, reading: i32) -> QualityAudit {
    let item = AuditItem {
        id: "next-step".into(),
        about: "next_step".into(),
        label: "Is the next step written down?".into(),
        weight: 3,
        computed: "no".into(),
        ..AuditItem::default()
    };
    let row = AuditRow {
        audit_id: "0192".into(),
        reference: "HV-7K4M-2QX".into(),
        rule: "each-person".into(),
        week: "2027-03-08".into(),
        state: state.into(),
        team: "gi-second-opinion".into(),
        person: "dana-whitfield".into(),
        outcome: "not_ready".into(),
        version: 4,
        ..AuditRow::default()
    };
    QualityAudit { row: Some(row), items: vec![item], reading, ..QualityAudit::default() }
}

#[test]
fn a_share_of_few_is_no_percentage() {
    assert_eq!((share(3, 4), share(0, 9)), ("3 of 4".to_owned(), "0 of 9".to_owned()));
    assert_eq!((share(3, 10), share(1, 3_000)), ("30 % (3 of 10)".to_owned(), "0 % (1 of 3000)".to_owned()));
}

#[test]
fn a_hint_says_how_often_what_and_with_which_script_and_nothing_of_what_went_well() {
    let miss =
        |missed, applied, words: &str| QualityMiss { missed, applied, words: words.into(), ..Default::default() };
    let group = QualityGroup {
        misses: vec![miss(5, 8, "The next step was not documented."), miss(0, 8, "The script was not followed.")],
        ..Default::default()
    };
    let said = hints(&group, script_name("no-records-yet", "4"));
    assert_eq!(said, ["5 of 8: The next step was not documented. Script no-records-yet, version 4."]);
    assert_eq!(hints(&group, None), ["5 of 8: The next step was not documented."]);
}

#[test]
fn a_score_that_is_kept_from_a_reader_is_told_with_what_seeing_it_costs() {
    let profile = harbor_valley();
    let shown = |has_score, score_hidden| {
        let row = AuditRow { state: "finished".into(), score: 84, has_score, score_hidden, ..AuditRow::default() };
        looking(&profile).line(&row).score
    };
    assert_eq!((shown(true, false), shown(false, false)), ("84 of 100".to_owned(), String::new()));
    assert_eq!(shown(false, true), "Open it to see the score. You can’t be its second reader then.");
}

#[test]
fn a_page_begins_with_what_was_computed_and_keeps_what_was_typed() {
    let profile = harbor_valley();
    let looking = looking(&profile);
    let page = looking.page(staff_frame(&profile), audited("first", 1), None);
    let chosen = |page: &AuditPage| {
        page.items[0].options.iter().filter(|option| option.selected).map(|one| one.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!((chosen(&page), page.is_open, page.version), (vec!["no".to_owned()], true, 4));
    assert_eq!((page.line.person.as_str(), page.line.outcome.as_str()), ("Dana Whitfield", "Not ready now"));
    assert_eq!(page.line.drawn, "Drawn by the rule each-person in the week of Monday, March 8");
    let pairs =
        [("answer-next-step", "yes"), ("comment-next-step", " it is there "), ("version", "4"), ("finish", "yes")];
    let sent = Sent::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
    let asked = looking.asked("0192", &sent);
    assert_eq!((asked.base_version, asked.finish, asked.answers.len()), (4, true, 1));
    assert_eq!((asked.answers[0].answer.as_str(), asked.answers[0].comment.as_str()), ("yes", "it is there"));
    let refused = looking.page(staff_frame(&profile), audited("first", 1), Some(&sent));
    assert_eq!((chosen(&refused), refused.items[0].comment.as_str()), (vec!["yes".to_owned()], "it is there"));
}

#[test]
fn both_readings_are_shown_where_both_are_told_and_the_difference_is_marked() {
    let profile = harbor_valley();
    let mut audit = audited("differs", 3);
    assert!(looking(&profile).page(staff_frame(&profile), audit.clone(), None).both.is_none());
    (audit.items[0].first_answer, audit.items[0].second_answer) = ("yes".into(), "no".into());
    audit.items[0].second_comment = "Nothing after the second call.".into();
    let page = looking(&profile).page(staff_frame(&profile), audit, None);
    let (first, _) = page.both.as_ref().expect("both");
    assert!(first.heading.ends_with("no item applied") && page.items[0].differs);
    assert!(page.items[0].options.iter().all(|option| !option.selected), "they choose themselves");
    assert_eq!(page.items[0].both[1], "Second reader: No. Nothing after the second call.");
}

#[test]
fn what_the_other_one_saved_stands_beside_what_was_typed_and_says_by_whom() {
    let profile = harbor_valley();
    let mut audit = audited("differs", 3);
    (audit.items[0].first_answer, audit.items[0].second_answer) = ("yes".into(), "no".into());
    (audit.items[0].answer, audit.items[0].comment) = ("no".into(), "We agreed.".into());
    audit.settled_by = "dana-whitfield".into();
    let pairs = [("answer-next-step", "yes"), ("comment-next-step", "It is there.")];
    let sent = Sent::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
    let page = looking(&profile).page(staff_frame(&profile), audit.clone(), Some(&sent));
    assert_eq!(page.items[0].both[2], "Saved by Dana Whitfield: No. We agreed.");
    assert!(page.note.starts_with("What stands below was written by Dana Whitfield."), "{}", page.note);
    let page = looking(&profile).page(staff_frame(&profile), audit, None);
    assert_eq!(page.items[0].both.len(), 2, "it is what the form shows");
}

#[test]
fn kappa_of_few_pairs_is_not_told_and_a_script_that_is_gone_is_said_to_be() {
    let one = |pairs| ItemAgreement { pairs, same: 1, kappa: 0.5, has_kappa: true, ..Default::default() };
    assert_eq!((agreement(&one(9)).2, agreement(&one(10)).2), ("–".to_owned(), "0.50".to_owned()));
    let profile = harbor_valley();
    let mut audit = audited("first", 1);
    let looking = looking(&profile);
    let note = |audit: &QualityAudit| looking.page(staff_frame(&profile), audit.clone(), None).script_note;
    assert_eq!(note(&audit), "No script stood beside the tries.");
    audit.row.as_mut().expect("a row").script_id = "long-gone".into();
    assert_eq!(note(&audit), "The center no longer has this script, so its text can’t be shown.");
}

#[test]
fn the_page_of_ones_own_work_names_no_colleague() {
    let profile = harbor_valley();
    let row = audited("finished", 0).row;
    let audits = vec![causeway_proto::intake::v1::OwnAudit { row, ..Default::default() }];
    let told = OwnQualityResults { audits, ..Default::default() };
    let page = looking(&profile).own(staff_frame(&profile), 13, &told);
    let html = askama::Template::render(&page).expect("rendered");
    for colleague in profile.teams.staff.iter().filter(|staff| staff.id != "dana-whitfield") {
        assert!(!html.contains(&colleague.name), "{}", colleague.name);
    }
}
