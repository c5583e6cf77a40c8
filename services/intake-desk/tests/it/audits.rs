//! Audits of intake quality: the weekly draw, readings, the second reader, results, and who may do what.

use causeway_auth::Role;
use causeway_funnel::profile::Profile;
use causeway_funnel::quality_audit::sampling::{self, Candidate, DrawKey};
use causeway_intake_desk::{
    AuditView, CANDIDATES_SQL, MISSES_SQL, OWN_SQL, PAIRS_SQL, SCORES_SQL, audits_sql, draw_key,
};
use causeway_mailbox::Ts;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Channel as Way;
use causeway_proto::intake::v1::quality_audits_client::QualityAuditsClient;
use causeway_proto::intake::v1::{
    AuditAnswer, AuditCommand, ChooseInquiryRequest, CloseInquiryRequest, DrawAuditsRequest, GetResultsRequest,
    ListAuditsRequest, LogAttemptRequest, OwnQualityResults, QualityAudit, QualityResults, SaveAuditRequest,
};
use causeway_proto::subjects;
use causeway_serve::Client;
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, OTHER, World, at, bundle, command, eventually};

type Audits = QualityAuditsClient<Client>;

const RULE: &str = "percent = 20\npoints = 10";

/// Puts the demo center's profile in force with so many percent for the second reader.
async fn second_readers(world: &World, percent: u32) {
    let mut changed = bundle(CENTER);
    let text = changed.files["audits.toml"].clone();
    assert!(text.contains(RULE));
    changed.insert("audits.toml", text.replace(RULE, &format!("percent = {percent}\npoints = 10")));
    let bucket = world.bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
    bucket.put(CENTER, changed.to_bytes().into()).await.expect("put");
    let revision = changed.revision();
    eventually("the profile is in force", || async {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM revisions WHERE current AND revision = $1)")
            .bind(&revision)
            .fetch_one(&world.admin)
            .await
            .expect("asked");
        known
    })
    .await;
    // It is kept a moment before it is served.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
}

/// So many inquiries that somebody reached the person of and closed.
async fn worked(world: &World, who: &str, count: usize, reason: &str) -> Vec<Uuid> {
    let ids = world.begin(count).await;
    let mut desk = world.coordinator(who);
    for inquiry in &ids {
        let tried = LogAttemptRequest {
            center: CENTER.into(),
            inquiry_id: inquiry.to_string(),
            channel: Way::Phone.into(),
            outcome: "reached".into(),
            ..Default::default()
        };
        desk.claim_inquiry(command(*inquiry)).await.expect("claimed");
        desk.log_attempt(tried).await.expect("logged");
        let close =
            CloseInquiryRequest { center: CENTER.into(), inquiry_id: inquiry.to_string(), reason: reason.into() };
        desk.close_inquiry(close).await.expect("closed");
    }
    ids
}

fn asked(audit_id: &str) -> AuditCommand {
    AuditCommand { center: CENTER.into(), audit_id: audit_id.into() }
}

async fn choose(audits: &mut Audits, inquiry: Uuid) -> QualityAudit {
    let request = ChooseInquiryRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() };
    audits.choose_inquiry(request).await.expect("chosen").into_inner()
}

fn id(audit: &QualityAudit) -> String {
    audit.row.as_ref().expect("a row").audit_id.clone()
}

fn state(audit: &QualityAudit) -> &str {
    &audit.row.as_ref().expect("a row").state
}

/// What the machine says, yes where it can't tell, and no to these items, each with a comment.
fn answers(audit: &QualityAudit, no: &[&str], comment: &str) -> SaveAuditRequest {
    let row = audit.row.as_ref().expect("a row");
    let answer = |item: &causeway_proto::intake::v1::AuditItem| {
        let is_no = no.contains(&item.id.as_str());
        let otherwise = if item.computed.is_empty() { "yes" } else { &item.computed };
        AuditAnswer {
            item: item.id.clone(),
            answer: if is_no { "no" } else { otherwise }.to_owned(),
            comment: if is_no { comment.to_owned() } else { String::new() },
        }
    };
    SaveAuditRequest {
        center: CENTER.into(),
        audit_id: row.audit_id.clone(),
        base_version: row.version,
        answers: audit.items.iter().map(answer).collect(),
        comment: comment.into(),
        finish: true,
    }
}

fn results() -> GetResultsRequest {
    GetResultsRequest { center: CENTER.into(), from: 0, to: 0 }
}

async fn of_center(audits: &mut Audits) -> QualityResults {
    audits.get_results(results()).await.expect("results").into_inner()
}

async fn own(world: &World, who: &str) -> OwnQualityResults {
    world.audits(who, Role::Coordinator, CENTER).get_own_results(results()).await.expect("their own").into_inner()
}

/// The score of a finished audit as it is listed to somebody, and whether it is kept from them.
async fn listed_score(audits: &mut Audits, audit: &str) -> (Option<i32>, bool) {
    let request = ListAuditsRequest { center: CENTER.into(), view: "finished".into(), ..Default::default() };
    let rows = audits.list_audits(request).await.expect("listed").into_inner().rows;
    let row = rows.iter().find(|row| row.audit_id == audit).expect("it is finished");
    assert!(row.has_score || row.score == 0, "what is kept from them is not there at all");
    (row.has_score.then_some(row.score), row.score_hidden)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_is_drawn_once_by_its_timer_and_whoever_asks_again_draws_nothing_more() {
    let world = World::start().await;
    worked(&world, "dana-whitfield", 4, "insurance").await;
    worked(&world, "luis-ortega", 2, "insurance").await;
    worked(&world, "grace-okafor", 3, "not_ready").await;
    // Nobody tried: there is no work to look at.
    let untouched = world.begin(1).await[0];
    let mut anna = world.audits("anna", Role::Auditor, CENTER);
    let now = anna.draw_audits(DrawAuditsRequest { center: CENTER.into() }).await.expect("drawn").into_inner();
    assert_eq!((now.week.as_str(), now.newly_drawn), ("2027-03-01", 0), "they ended after this week began");

    // Monday in Seattle begins.
    world.clock.set(at("2027-03-08T07:59:00Z"));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.count("SELECT count(*) FROM quality_audits").await, 0, "it is Sunday there");
    world.clock.set(at("2027-03-08T08:00:00Z"));
    let each = "SELECT count(*) FROM quality_audits WHERE rule = 'each-person' AND week = '2027-03-08'";
    eventually("the week is drawn", || async { world.count(each).await == 6 }).await;
    let fairly = "SELECT count(*) FROM (SELECT person FROM quality_audits WHERE rule = 'each-person' GROUP BY person HAVING count(*) = 2) AS two";
    assert_eq!(world.count(fairly).await, 3);
    let all = world.count("SELECT count(*) FROM quality_audits").await;
    assert!((7..=9).contains(&all));
    assert_eq!(world.count("SELECT count(DISTINCT inquiry_id) FROM quality_audits").await, all, "each one once");

    worked(&world, "dana-whitfield", 3, "insurance").await;
    let again = anna.draw_audits(DrawAuditsRequest { center: CENTER.into() }).await.expect("asked").into_inner();
    assert_eq!((again.week.as_str(), again.newly_drawn, again.rules.len()), ("2027-03-08", 0, 4));
    assert_eq!((again.rules[0].rule.as_str(), again.rules[0].found, again.rules[0].drawn), ("each-person", 9, 6));
    // Of the three that are left, one ended as this rule wants.
    assert_eq!((again.rules[1].rule.as_str(), again.rules[1].found, again.rules[1].drawn), ("not-reached", 1, 1));
    assert_eq!(world.count("SELECT count(*) FROM quality_audits").await, all);
    let listed = anna.list_audits(ListAuditsRequest { center: CENTER.into(), page_size: 3, ..Default::default() });
    let listed = listed.await.expect("listed").into_inner();
    assert!(listed.drawn_this_week && listed.rows.len() == 3 && !listed.next_page_token.is_empty());
    assert!(
        listed
            .rows
            .iter()
            .all(|row| row.reference == "HV-7K4M-2QX" && ["insurance", "not_ready"].contains(&row.outcome.as_str()))
    );
    let rest = ListAuditsRequest { center: CENTER.into(), page_token: listed.next_page_token, ..Default::default() };
    let rest = anna.list_audits(rest).await.expect("listed").into_inner();
    assert_eq!(i64::try_from(rest.rows.len()).expect("few"), all - 3);

    let refused = ChooseInquiryRequest { center: CENTER.into(), inquiry_id: untouched.to_string() };
    let refused = anna.choose_inquiry(refused).await.expect_err("nobody worked it");
    assert_eq!(Reason::of(&refused), Some(Reason::UnknownName));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_is_taken_scored_and_finished_and_whoever_worked_it_sees_their_own_result_alone() {
    let world = World::start().await;
    second_readers(&world, 0).await;
    let inquiry = worked(&world, "dana-whitfield", 1, "not_ready").await[0];
    let other = worked(&world, "luis-ortega", 1, "not_ready").await[0];
    let (mut anna, mut bert) =
        (world.audits("anna", Role::Auditor, CENTER), world.audits("bert", Role::Manager, CENTER));
    let chosen = choose(&mut anna, inquiry).await;
    assert_eq!(id(&choose(&mut bert, inquiry).await), id(&chosen), "it waits there already");
    assert!(chosen.may_take && !chosen.own_work && chosen.reading == 0 && state(&chosen) == "waiting");
    assert_eq!(chosen.row.as_ref().expect("a row").person, "dana-whitfield");
    assert_eq!(chosen.row.as_ref().expect("a row").script_id, "no-records-yet");
    assert!(chosen.script_text.contains("Sin documentos todavía") && !chosen.script_changed);
    let computed = |item: &str| chosen.items.iter().find(|one| one.id == item).expect("an item").computed.clone();
    assert_eq!((computed("first-try"), computed("next-step")), ("yes".to_owned(), "yes".to_owned()));
    assert_eq!((computed("right-records"), computed("script-followed")), ("no".to_owned(), String::new()));

    // Who worked it may not, whatever their role.
    let theirs = world.audits("dana-whitfield", Role::Manager, CENTER).take_audit(asked(&id(&chosen))).await;
    let theirs = theirs.expect_err("their own work");
    assert_eq!(Reason::of(&theirs), Some(Reason::WrongState));
    assert!(theirs.message().contains("you worked this inquiry"), "{theirs}");
    let taken = anna.take_audit(asked(&id(&chosen))).await.expect("taken").into_inner();
    assert_eq!((taken.reading, state(&taken)), (1, "first"));
    let late = bert.take_audit(asked(&id(&chosen))).await.expect_err("somebody has it");
    assert_eq!(late.code(), Code::Aborted);

    let mut sent = answers(&taken, &["script-followed"], "she left out zebrawords");
    let gap = SaveAuditRequest { answers: sent.answers[1..].to_vec(), ..sent.clone() };
    let gap = anna.save_audit(gap).await.expect_err("a gap");
    assert_eq!(Reason::of(&gap), Some(Reason::FieldFault));
    assert!(gap.message().contains(&taken.items[0].label), "{gap}");
    // Nor may they give it to others, or have it read again; and who works it after they took it writes no more of it.
    let mut dana = world.audits("dana-whitfield", Role::Manager, CENTER);
    for refused in [dana.give_back_audit(asked(&id(&chosen))).await, dana.ask_second_reader(asked(&id(&chosen))).await]
    {
        assert!(refused.expect_err("their own work").message().contains("you worked this inquiry"));
    }
    let owner = "UPDATE inquiries SET owner = $1 WHERE inquiry_id = $2";
    sqlx::query(owner).bind("anna").bind(inquiry).execute(&world.admin).await.expect("hers");
    let worked_since = anna.save_audit(sent.clone()).await.expect_err("she works it now");
    assert!(worked_since.message().contains("you worked this inquiry"), "{worked_since}");
    sqlx::query(owner).bind("luis-ortega").bind(inquiry).execute(&world.admin).await.expect("his");
    let mut silent = sent.clone();
    silent.answers.iter_mut().filter(|one| one.item == "first-try").for_each(|one| one.answer = "no".into());
    let silent = anna.save_audit(silent).await.expect_err("against the machine without a word");
    assert!(silent.message().contains("say in its comment why"), "{silent}");
    let old = SaveAuditRequest { base_version: sent.base_version - 1, ..sent.clone() };
    assert_eq!(anna.save_audit(old).await.expect_err("an older page").code(), Code::Aborted);
    let not_theirs = bert.save_audit(sent.clone()).await.expect_err("not the reader");
    assert_eq!(Reason::of(&not_theirs), Some(Reason::WrongState));
    sent.finish = false;
    let saved = anna.save_audit(sent.clone()).await.expect("kept").into_inner();
    assert_eq!((state(&saved), saved.comment.as_str()), ("first", "she left out zebrawords"));
    assert!(bert.get_audit(asked(&id(&chosen))).await.expect("seen").into_inner().comment.is_empty(), "not yet");
    (sent.finish, sent.base_version) = (true, saved.row.as_ref().expect("a row").version);
    anna.save_audit(sent.clone()).await.expect("finished");
    let finished = anna.save_audit(sent).await.expect("the same again is done").into_inner();
    // Yes: first try 3, danger signs 2, next step 3, the question 1. No: script 2, records 3, fields 2, own words 1; the note has time left.
    let row = finished.row.as_ref().expect("a row");
    assert_eq!((state(&finished), row.has_score, row.score), ("finished", true, 53));
    assert!(
        world
            .figures()
            .contains("causeway_quality_audit_points_total{center=\"harbor-valley\",team=\"gi-second-opinion\"} 53")
    );

    let of_luis = choose(&mut anna, other).await;
    let of_luis = anna.take_audit(asked(&id(&of_luis))).await.expect("taken").into_inner();
    anna.save_audit(answers(&of_luis, &[], "")).await.expect("finished");
    let shown = of_center(&mut bert).await;
    assert_eq!(shown.all.as_ref().map(|all| (all.audits, all.scored)), Some((2, 2)));
    let people: Vec<&str> = shown.people.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(people, ["dana-whitfield", "luis-ortega"], "by id and not by score");
    assert_eq!(shown.scripts[0].key, "no-records-yet 4");
    let miss = shown.people[0].misses.iter().find(|miss| miss.item == "script-followed").expect("missed");
    assert_eq!((miss.missed, miss.applied, miss.words.as_str()), (1, 1, "The script was not followed."));
    assert!(shown.people[1].misses.iter().all(|miss| miss.item != "script-followed"));

    let hers = own(&world, "dana-whitfield").await;
    assert_eq!((hers.all.as_ref().map(|all| all.audits), hers.audits.len()), (Some(1), 1));
    assert_eq!(hers.audits[0].comment, "she left out zebrawords");
    assert!(hers.audits[0].row.as_ref().expect("a row").first_reader.is_empty(), "who read it is not told");
    // He has the first one now, and did nothing for it.
    let his = own(&world, "luis-ortega").await;
    assert!(his.audits.len() == 1 && his.audits[0].comment.is_empty());
    assert!(own(&world, "grace-okafor").await.audits.is_empty());

    let looks = "SELECT count(*) FROM audit_log WHERE action = 'score inquiry' AND purpose = 'save_audit' AND actor_id = 'anna'";
    assert_eq!(world.count(looks).await, 4);
    let opened = "SELECT count(*) FROM audit_log WHERE action = 'read audit comments' AND actor_id = 'dana-whitfield'";
    assert_eq!(world.count(opened).await, 1);
    sqlx::query("CHECKPOINT").execute(&world.admin).await.expect("written");
    assert!(!world.on_disk("zebrawords"), "free words are sealed");
    // What is erased takes what was said of it along.
    sqlx::query("DELETE FROM inquiries WHERE inquiry_id = $1")
        .bind(inquiry)
        .execute(&world.admin)
        .await
        .expect("erased");
    assert_eq!(world.count("SELECT count(*) FROM quality_answers WHERE sealed IS NOT NULL").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM quality_readings").await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_reader_sees_nothing_of_the_first_and_where_they_differ_the_two_settle_it() {
    let world = World::start().await;
    second_readers(&world, 100).await;
    let inquiry = worked(&world, "dana-whitfield", 1, "not_ready").await[0];
    let (mut anna, mut bert, mut cleo) = (
        world.audits("anna", Role::Auditor, CENTER),
        world.audits("bert", Role::Auditor, CENTER),
        world.audits("cleo", Role::Manager, CENTER),
    );
    let audit = id(&choose(&mut anna, inquiry).await);
    let taken = anna.take_audit(asked(&audit)).await.expect("taken").into_inner();
    let first =
        anna.save_audit(answers(&taken, &["script-followed"], "not followed")).await.expect("read").into_inner();
    assert_eq!(state(&first), "second_waiting");
    assert_eq!(of_center(&mut cleo).await.all.expect("all").audits, 0, "it does not count yet");
    let twice = anna.take_audit(asked(&audit)).await.expect_err("the same reader");
    assert_eq!(Reason::of(&twice), Some(Reason::WrongState));

    let blind = bert.take_audit(asked(&audit)).await.expect("taken").into_inner();
    assert_eq!(blind.reading, 2);
    let shown = |audit: &QualityAudit| {
        audit
            .items
            .iter()
            .any(|item| !item.answer.is_empty() || !item.first_answer.is_empty() || !item.first_comment.is_empty())
            || !audit.first_comment.is_empty()
            || audit.first_score != 0
    };
    assert!(!shown(&blind), "nothing of the first reading");
    assert!(!shown(&cleo.get_audit(asked(&audit)).await.expect("seen").into_inner()), "nor for anybody else");
    let differs = bert.save_audit(answers(&blind, &["danger-signs"], "not asked")).await.expect("read").into_inner();
    assert_eq!((state(&differs), differs.reading), ("differs", 3));
    let line = differs.items.iter().find(|item| item.id == "danger-signs").expect("an item");
    assert_eq!((line.first_answer.as_str(), line.second_answer.as_str(), line.answer.as_str()), ("yes", "no", ""));
    assert_eq!(line.second_comment, "not asked");
    let agreed = differs.items.iter().find(|item| item.id == "next-step").expect("an item");
    assert_eq!(agreed.answer, agreed.first_answer, "where they agree nothing is left to settle");
    assert!(cleo.save_audit(answers(&differs, &[], "")).await.is_err(), "the two settle it");

    let both = anna.get_audit(asked(&audit)).await.expect("seen").into_inner();
    let line = both.items.iter().find(|item| item.id == "script-followed").expect("an item");
    assert_eq!((line.first_comment.as_str(), line.second_comment.as_str()), ("not followed", ""));
    let sent = answers(&both, &["danger-signs"], "we agreed");
    for _ in 0..2 {
        let alone = anna.save_audit(sent.clone()).await.expect("said, or said again").into_inner();
        assert_eq!((state(&alone), alone.settled_by.as_str()), ("differs", "anna"), "one does not settle it alone");
    }
    let late = bert.save_audit(answers(&differs, &[], "")).await.expect_err("he has not seen what she wrote");
    assert_eq!(late.code(), Code::Aborted);
    let seen = bert.get_audit(asked(&audit)).await.expect("seen").into_inner();
    assert_eq!((seen.settled_by.as_str(), seen.comment.as_str()), ("anna", "we agreed"));
    let base_version = seen.row.as_ref().expect("a row").version;
    let settled = bert.save_audit(SaveAuditRequest { base_version, ..sent }).await.expect("settled").into_inner();
    // Yes: first try 3, script 2, next step 3, the question 1, of 17.
    assert_eq!((state(&settled), settled.row.as_ref().expect("a row").score), ("finished", 53));
    let results = of_center(&mut cleo).await;
    let of = |item: &str| {
        let one = results.agreements.iter().find(|one| one.item == item).expect("an item");
        (one.pairs, one.same, one.has_kappa)
    };
    assert_eq!((of("danger-signs"), of("next-step")), ((1, 0, true), (1, 1, false)));
    let misses = &results.all.as_ref().expect("all").misses;
    let miss = |item: &str| misses.iter().find(|miss| miss.item == item).expect("an item").missed;
    assert_eq!((miss("danger-signs"), miss("script-followed")), (1, 0), "what they agreed on counts");

    // A finished one with one reader can be read again, and what was taken can be given back.
    second_readers(&world, 0).await;
    let other = worked(&world, "dana-whitfield", 1, "not_ready").await[0];
    let other = id(&choose(&mut anna, other).await);
    let taken = anna.take_audit(asked(&other)).await.expect("taken").into_inner();
    let back = bert.give_back_audit(asked(&other)).await.expect_err("not theirs");
    assert_eq!(back.code(), Code::Aborted);
    let back = cleo.give_back_audit(asked(&other)).await.expect("a manager may").into_inner();
    assert_eq!((state(&back), taken.reading), ("waiting", 1));
    let taken = anna.take_audit(asked(&other)).await.expect("taken").into_inner();
    let alone = anna.save_audit(answers(&taken, &[], "")).await.expect("read").into_inner();
    assert!(state(&alone) == "finished" && alone.may_ask_second);
    let second = choose(&mut anna, alone.row.as_ref().expect("a row").inquiry_id.parse().expect("an id")).await;
    assert_ne!(id(&second), other, "what is finished can be chosen anew");
    let blocked = cleo.ask_second_reader(asked(&other)).await.expect_err("one is open");
    assert_eq!(Reason::of(&blocked), Some(Reason::WrongState));
    sqlx::query("DELETE FROM quality_audits WHERE state = 'waiting'").execute(&world.admin).await.expect("gone");
    let mut dora = world.audits("dora", Role::Auditor, CENTER);
    // Who may still read it second is not told its score by a list; who read it, or has seen it, is.
    for them in [&mut bert, &mut cleo, &mut dora] {
        assert_eq!(listed_score(them, &other).await, (None, true));
    }
    let score = alone.row.as_ref().map(|row| row.score);
    assert_eq!(listed_score(&mut anna, &other).await, (score, false));
    assert!(score.is_some_and(|score| score > 0), "{score:?}");
    dora.get_audit(asked(&other)).await.expect("seen");
    assert_eq!(listed_score(&mut dora, &other).await, (score, false));
    assert_eq!(listed_score(&mut bert, &other).await, (None, true), "each for themselves");
    let again = cleo.ask_second_reader(asked(&other)).await.expect("asked").into_inner();
    assert!(state(&again) == "second_waiting" && !again.may_take);
    for refused in [dora.take_audit(asked(&other)).await, cleo.take_audit(asked(&other)).await] {
        assert!(refused.expect_err("not blind").message().contains("you have seen what was answered"));
    }
    assert_eq!(of_center(&mut cleo).await.all.expect("all").audits, 1, "it counts again once it is read");
    let taken = bert.take_audit(asked(&other)).await.expect("taken").into_inner();
    let same = bert.save_audit(answers(&taken, &[], "")).await.expect("read").into_inner();
    assert_eq!(state(&same), "finished");
    assert_eq!(listed_score(&mut cleo, &other).await, (score, false), "nobody reads it a third time");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_managers_and_auditors_of_the_center_audit_and_only_staff_see_their_own() {
    let world = World::start().await;
    let inquiry = worked(&world, "dana-whitfield", 1, "not_ready").await[0];
    let mut anna = world.audits("anna", Role::Auditor, CENTER);
    let audit = id(&choose(&mut anna, inquiry).await);
    let chosen = ChooseInquiryRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() };
    let saved = || SaveAuditRequest { center: CENTER.into(), audit_id: audit.clone(), ..Default::default() };
    let listed = || ListAuditsRequest { center: CENTER.into(), ..Default::default() };
    let draw = || DrawAuditsRequest { center: CENTER.into() };
    let others = [
        world.audits("dana-whitfield", Role::Coordinator, CENTER),
        world.audits("s", Role::Scheduler, CENTER),
        world.audits("r", Role::Reviewer, CENTER),
        world.audits("t", Role::TrialCoordinator, CENTER),
        world.audits("y", Role::Analyst, CENTER),
        world.audits("o", Role::Operator, CENTER),
        world.audits("m", Role::Manager, OTHER),
    ];
    for mut them in others {
        let codes = [
            them.list_audits(listed()).await.expect_err("refused").code(),
            them.draw_audits(draw()).await.expect_err("refused").code(),
            them.choose_inquiry(chosen.clone()).await.expect_err("refused").code(),
            them.get_audit(asked(&audit)).await.expect_err("refused").code(),
            them.take_audit(asked(&audit)).await.expect_err("refused").code(),
            them.give_back_audit(asked(&audit)).await.expect_err("refused").code(),
            them.ask_second_reader(asked(&audit)).await.expect_err("refused").code(),
            them.save_audit(saved()).await.expect_err("refused").code(),
            them.get_results(results()).await.expect_err("refused").code(),
        ];
        assert_eq!(codes, [Code::PermissionDenied; 9]);
    }
    for role in [Role::Auditor, Role::Analyst, Role::Operator] {
        let refused = world.audits("x", role, CENTER).get_own_results(results()).await.expect_err("no work of theirs");
        assert_eq!(refused.code(), Code::PermissionDenied, "{role}");
    }
    // At home they find nothing of it.
    let mut stranger = world.audits("m", Role::Manager, OTHER);
    let at_home = AuditCommand { center: OTHER.into(), audit_id: audit.clone() };
    assert_eq!(Reason::of(&stranger.get_audit(at_home).await.expect_err("not there")), Some(Reason::NotFound));
    let theirs = ListAuditsRequest { center: OTHER.into(), ..Default::default() };
    assert!(stranger.list_audits(theirs).await.expect("listed").into_inner().rows.is_empty());
    for (from, to) in [(5, 4), (1, 1 + 401 * 86_400_000_000)] {
        let wide = GetResultsRequest { from, to, ..results() };
        assert_eq!(Reason::of(&anna.get_results(wide).await.expect_err("no span")), Some(Reason::FieldFault));
    }
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(OTHER).execute(&mut app).await.expect("set");
    let seen: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM quality_audits) + (SELECT count(*) FROM quality_readings) + (SELECT count(*) FROM quality_answers) \
         + (SELECT count(*) FROM quality_draws WHERE center_id <> current_setting('app.center'))",
    )
    .fetch_one(&mut app)
    .await
    .expect("counted");
    assert_eq!(seen, 0, "another center's rows do not exist");
    app.close().await.expect("closed");
    world.end().await;
}

const MANY: &str = "WITH kept AS (INSERT INTO inquiries (center_id, inquiry_id, facts, consult_type, cancer_area, program, team, site, \
     script, owner, priority, stage, next_action, due_at, response_due_at, close_reason, closed_at, visit_told_at, stage_facts, checklist, \
     received_at, revision, routed_line) \
     SELECT center_id, gen_random_uuid(), facts, consult_type, cancer_area, program, team, site, script, 'person-' || n % 20, priority, \
     CASE n % 5 WHEN 0 THEN 'attended' WHEN 1 THEN 'contacted' ELSE 'closed' END, CASE n % 10 WHEN 1 THEN 'follow_up_no_show' WHEN 6 THEN 'offer_dates' ELSE 'nothing' END, \
     CASE WHEN n % 5 = 1 THEN due_at END, response_due_at, CASE WHEN n % 5 > 1 THEN 'not_ready' END, CASE WHEN n % 5 > 1 THEN received_at - n * interval '10 minutes' END, received_at - n * interval '10 minutes', \
     CASE WHEN n % 5 = 1 THEN jsonb_build_array(jsonb_build_object('at', received_at - n * interval '10 minutes', 'version', 1, 'what', 'no_show')) \
     ELSE stage_facts END, checklist, received_at, revision, routed_line FROM inquiries, generate_series(1, 60000) AS n RETURNING center_id, inquiry_id, owner, received_at) \
     INSERT INTO attempts (center_id, inquiry_id, number, at, channel, outcome, actor, within_target, script, script_version) \
     SELECT center_id, inquiry_id, 1, received_at, 'phone', 'reached', owner, true, 'first-call', '2' FROM kept";

const AUDITED: &str = "WITH kept AS (INSERT INTO quality_audits (center_id, audit_id, inquiry_id, rule, week, team, person, script, \
     script_version, outcome, state, first_reader, final_reading, score, created_at, finished_at) \
     SELECT center_id, gen_random_uuid(), inquiry_id, 'each-person', '2020-01-06'::date, team, owner, script, '2', 'closed', 'finished', \
     'anna', 1, 80, '2020-01-06', COALESCE(closed_at, visit_told_at) FROM inquiries WHERE owner LIKE 'person-%' RETURNING center_id, audit_id), \
     readings AS (INSERT INTO quality_readings (center_id, audit_id, reading, reader, score, saved_at, finished_at) \
     SELECT center_id, audit_id, 1, 'anna', 80, now(), now() FROM kept RETURNING center_id, audit_id) \
     INSERT INTO quality_answers (center_id, audit_id, reading, item, about, field, weight, answer, computed) \
     SELECT center_id, audit_id, 1, item, 'script', '', 1, 'no', '' FROM readings, unnest(ARRAY['one', 'two']) AS item";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draw_a_queue_and_results_read_their_indexes_among_sixty_thousand_inquiries() {
    let world = World::start().await;
    world.begin(1).await;
    sqlx::query(MANY).execute(&world.admin).await.expect("many inquiries");
    sqlx::query(AUDITED).execute(&world.admin).await.expect("many audits");
    sqlx::query("ANALYZE").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let (from, to) = (Ts(at("2027-02-22T08:00:00Z")), Ts(at("2027-03-01T08:00:00Z")));
    let explain = |sql: &str| sqlx::AssertSqlSafe(format!("EXPLAIN {sql}"));
    let plan: Vec<String> = sqlx::query_scalar(explain(CANDIDATES_SQL))
        .bind(CENTER)
        .bind(from)
        .bind(to)
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    for index in ["inquiries_closed", "inquiries_attended", "inquiries_no_show", "attempts_pkey"] {
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{index}\n{plan}");
    }
    for (sql, index) in [
        (SCORES_SQL, "quality_audits_finished"),
        (MISSES_SQL, "quality_audits_finished"),
        (PAIRS_SQL, "quality_audits_finished"),
    ] {
        let asked = sqlx::query_scalar(explain(sql)).bind(CENTER).bind(from).bind(to);
        let asked = if sql == PAIRS_SQL { asked } else { asked.bind("") };
        let plan: Vec<String> = asked.fetch_all(&mut app).await.expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{index}\n{plan}");
    }
    let plan: Vec<String> = sqlx::query_scalar(explain(OWN_SQL))
        .bind(CENTER)
        .bind("person-3")
        .bind(from)
        .bind(to)
        .bind(50_i64)
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("quality_audits_of_person") && !plan.contains("Seq Scan"), "{plan}");
    for (view, index) in [
        (AuditView::Waiting, "quality_audits_queue"),
        (AuditView::Mine, "quality_audits_queue"),
        (AuditView::Open, "quality_audits_queue"),
        (AuditView::Finished, "quality_audits_finished"),
    ] {
        let plan: Vec<String> = sqlx::query_scalar(explain(audits_sql(view)))
            .bind(CENTER)
            .bind("anna")
            .bind(to)
            .bind(Uuid::nil())
            .bind(51_i64)
            .fetch_all(&mut app)
            .await
            .expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{view:?}\n{plan}");
    }
    let found: Vec<(Uuid, String)> = sqlx::query(CANDIDATES_SQL)
        .bind(CENTER)
        .bind(from)
        .bind(to)
        .try_map(|row: PgRow| Ok((row.try_get("inquiry_id")?, row.try_get("person")?)))
        .fetch_all(&mut app)
        .await
        .expect("what may be drawn");
    app.close().await.expect("closed");
    // A week of a thousand is drawn from them.
    sqlx::query("DELETE FROM quality_draws").execute(&world.admin).await.expect("as if it had not been");
    let mut anna = world.audits("anna", Role::Auditor, CENTER);
    let drawn = anna.draw_audits(DrawAuditsRequest { center: CENTER.into() }).await.expect("drawn").into_inner();
    let first = drawn.rules.iter().find(|rule| rule.rule == "each-person").expect("a rule");
    assert_eq!(first.drawn, 40, "two of each of twenty");
    assert!((900..=1_100).contains(&first.found), "{first:?}");
    let mut met: Vec<Uuid> =
        sqlx::query_scalar("SELECT inquiry_id FROM quality_audits WHERE rule = 'each-person' AND week = '2027-03-01'")
            .fetch_all(&world.admin)
            .await
            .expect("drawn");
    met.sort_unstable();
    let (profile, _) = Profile::from_stored(&bundle(CENTER).to_bytes()).expect("a profile");
    let by = |key: &DrawKey| {
        let all: Vec<Candidate> = found
            .iter()
            .map(|(inquiry_id, person)| Candidate { inquiry_id: *inquiry_id, person: person.clone() })
            .collect();
        let mut drawn = sampling::drawn(&profile.audits.samples[0], key, (CENTER, jiff::civil::date(2027, 3, 1)), &all);
        drawn.sort_unstable();
        drawn
    };
    // A process that starts now comes to the same with the keys of the installation; who has other keys, or none, to others.
    assert_eq!(met, by(&draw_key(&world.sealer(), CENTER).expect("the key")));
    for other in [draw_key(&world.sealer(), OTHER).expect("another center's key"), DrawKey::new(b"")] {
        assert_ne!(met, by(&other));
    }
    let missed = drawn.rules.iter().find(|rule| rule.rule == "missed-visits").expect("a rule");
    assert!((350..=410).contains(&missed.found), "a fifth of two weeks: {missed:?}");
    assert!((130..=270).contains(&missed.drawn), "about half of them: {missed:?}");
    // The week after none of them is drawn again: they wait for a reader, or were read since they ended.
    sqlx::query("UPDATE quality_audits SET week = week - 7").execute(&world.admin).await.expect("a week has passed");
    sqlx::query("UPDATE quality_audits SET state = 'finished', final_reading = 1, finished_at = created_at WHERE person < 'person-2' AND state = 'waiting'")
        .execute(&world.admin)
        .await
        .expect("some were read");
    sqlx::query("DELETE FROM quality_draws").execute(&world.admin).await.expect("as if it had not been");
    let next = anna.draw_audits(DrawAuditsRequest { center: CENTER.into() }).await.expect("drawn").into_inner();
    assert!(next.newly_drawn > 0);
    let twice = "SELECT count(*) - count(DISTINCT inquiry_id) FROM quality_audits WHERE created_at > '2020-01-06'";
    assert_eq!(world.count(twice).await, 0);
    world.end().await;
}
