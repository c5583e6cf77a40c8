//! Triage on real servers: the reviewers' queue, their four decisions, and records that wait too long for one.

use causeway_auth::{Actor, Role, audit};
use causeway_intake_desk::{View, counts_sql, page_sql};
use causeway_mailbox::Ts;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1::{
    HandOverInquiryRequest, Inquiry, ListWorkRequest, ListWorkResponse, ReadinessChanged, RecordsRequested,
    ReferredElsewhere, ReviewDecided, ReviewEscalated, ReviewRecordsRequest, Stage, StageChanged, UpdateRecordRequest,
    WorkMoved,
};
use causeway_proto::notice::v1::{NoticeFailed, NoticeOutcome, NoticeSent};
use causeway_proto::scheduling::v1::AppointmentBooked;
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection, PgPool};
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, Desk, OTHER, TEAM, World, at, eventually, page};

const CANARY: &str = "canary-the-sister-of-rosa-wrote";
async fn set(desk: &mut Desk, inquiry: Uuid, kind: &str, state: &str) {
    let record = UpdateRecordRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        kind: kind.into(),
        state: state.into(),
        reason: String::new(),
    };
    desk.update_record(record).await.expect("saved");
}

/// An inquiry whose records wait for a reviewer.
async fn waiting(world: &World) -> Uuid {
    let inquiry = world.intake_done().await;
    let mut dana = world.coordinator("dana-whitfield");
    for kind in ["pathology_report", "imaging"] {
        set(&mut dana, inquiry, kind, "received").await;
    }
    inquiry
}

fn review(inquiry: Uuid, decision: &str) -> ReviewRecordsRequest {
    ReviewRecordsRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        decision: decision.into(),
        ..Default::default()
    }
}

fn redirect(inquiry: Uuid, team: &str) -> ReviewRecordsRequest {
    ReviewRecordsRequest { to_team: team.into(), reason_kind: "wrong_area".into(), ..review(inquiry, "redirect") }
}

fn decline(inquiry: Uuid) -> ReviewRecordsRequest {
    ReviewRecordsRequest {
        entry: "other-centers".into(),
        reason_kind: "no_capacity".into(),
        ..review(inquiry, "decline")
    }
}

async fn to_review(desk: &mut Desk, team: &str) -> ListWorkResponse {
    let asked =
        ListWorkRequest { center: CENTER.into(), view: "to_review".into(), team: team.into(), ..Default::default() };
    desk.list_work(asked).await.expect("a list").into_inner()
}

fn ids(listed: &ListWorkResponse) -> Vec<String> {
    listed.rows.iter().map(|row| row.inquiry_id.clone()).collect()
}

fn counted(listed: &ListWorkResponse) -> i64 {
    listed.counts.iter().find(|count| count.view == "to_review").map_or(-1, |count| count.count)
}

fn outcome(inquiry: Uuid) -> Option<NoticeOutcome> {
    Some(NoticeOutcome {
        notice_id: Uuid::from_u128(5).to_string(),
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        kind: "referred_elsewhere".into(),
        channel: Channel::Email.into(),
        at: 1_804_190_400_000_000,
        reason: String::new(),
    })
}

async fn reads(desk: &Desk, inquiry: Uuid, what: &str, holds: impl Fn(&Inquiry) -> bool) {
    eventually(what, || async { holds(&page(&mut desk.clone(), inquiry).await) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reviewers_queue_holds_what_waits_in_their_teams_and_says_since_when_and_what_came() {
    let world = World::start().await;
    let (mut mei, mut priya) = (world.staff("mei-tanaka", Role::Reviewer), world.staff("priya-nair", Role::Manager));
    assert_eq!((to_review(&mut mei, "").await.rows.len(), counted(&to_review(&mut mei, "").await)), (0, 0));
    let (first, second, third) = (waiting(&world).await, waiting(&world).await, waiting(&world).await);
    world.begin(1).await;
    let listed = to_review(&mut mei, "").await;
    assert_eq!(ids(&listed), [first, second, third].map(|id| id.to_string()), "due first, and nothing else");
    assert_eq!(counted(&listed), 3);
    let row = &listed.rows[0];
    assert_eq!(row.review_since, micros(world.clock.now()));
    assert!(row.review_due_at > row.review_since && row.due_at == row.review_due_at);
    assert_eq!(row.came.len(), 2);
    assert!(row.came[0].starts_with("Biopsy report"), "by name: {:?}", row.came);
    let seen = page(&mut mei, first).await;
    assert_eq!((seen.review_since, seen.review_due_at), (row.review_since, row.review_due_at));

    // The breast team is not hers; a manager sees every team, and anybody one team by name.
    mei.review_records(redirect(second, "breast")).await.expect("redirected");
    assert_eq!(ids(&to_review(&mut mei, "").await), [first, third].map(|id| id.to_string()));
    assert_eq!(counted(&to_review(&mut priya, "").await), 3);
    assert_eq!(ids(&to_review(&mut mei, "breast").await), [second.to_string()]);
    assert_eq!(counted(&to_review(&mut mei, "breast").await), 1);
    mei.review_records(review(first, "accept")).await.expect("accepted");
    assert_eq!(ids(&to_review(&mut mei, TEAM).await), [third.to_string()]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_is_asked_for_by_name_another_team_gets_it_with_a_reason_and_each_decision_is_written_down() {
    let world = World::start().await;
    let mut mei = world.staff("mei-tanaka", Role::Reviewer);
    let inquiry = waiting(&world).await;
    let more = ReviewRecordsRequest {
        kinds: vec!["genomic_report".into()],
        reason: CANARY.into(),
        idempotency_key: "more-1".into(),
        ..review(inquiry, "ask_for_more")
    };
    let listed = page(&mut mei, inquiry).await;
    assert!(listed.records.iter().all(|line| line.kind != "genomic_report"), "the checklist lacks it");
    for _ in 0..2 {
        let asked = mei.review_records(more.clone()).await.expect("asked, once").into_inner();
        assert_eq!((asked.next_action.as_str(), asked.stage()), ("gather_records", Stage::IntakeComplete));
        let line = asked.records.iter().find(|line| line.kind == "genomic_report").expect("it was added");
        assert_eq!((line.state.as_str(), line.needed_for_booking), ("requested", true));
        assert_eq!((asked.review_since, asked.review_due_at), (0, 0));
    }
    let told = world.told::<RecordsRequested>(inquiry).await;
    assert_eq!(told.iter().map(|event| event.kinds.clone()).collect::<Vec<_>>(), [["genomic_report"]]);
    let other = ReviewRecordsRequest { kinds: Vec::new(), ..more.clone() };
    assert_eq!(Reason::of(&mei.review_records(other).await.expect_err("another content")), Some(Reason::KeyReused));
    let odd = ReviewRecordsRequest { kinds: vec!["cat_photo".into()], ..review(inquiry, "ask_for_more") };
    let odd = mei.review_records(odd).await.expect_err("no such document");
    assert_eq!((Reason::of(&odd), odd.message().contains("kinds")), (Some(Reason::UnknownName), true));
    let words = page(&mut mei, inquiry).await.timeline.into_iter().find(|line| line.kind == "review");
    assert!(words.expect("a line").text.ends_with(CANARY));

    set(&mut mei, inquiry, "genomic_report", "received").await;
    let begun = page(&mut mei, inquiry).await;
    world.clock.set(world.clock.now() + SignedDuration::from_hours(3));
    for (broken, field) in [
        (ReviewRecordsRequest { to_team: String::new(), ..redirect(inquiry, "") }, "to_team"),
        (redirect(inquiry, "elves"), "to_team"),
        (ReviewRecordsRequest { reason_kind: String::new(), ..redirect(inquiry, "breast") }, "reason_kind"),
        (ReviewRecordsRequest { entry: String::new(), ..decline(inquiry) }, "entry"),
        (ReviewRecordsRequest { entry: "elves".into(), ..decline(inquiry) }, "out_of_scope"),
        (ReviewRecordsRequest { reason_kind: "workload".into(), ..decline(inquiry) }, "reason_kind"),
        (review(inquiry, "perhaps"), "decision"),
    ] {
        let refused = mei.review_records(broken).await.expect_err(field);
        assert!(refused.message().contains(field), "{field}: {}", refused.message());
        assert!(matches!(Reason::of(&refused), Some(Reason::FieldFault | Reason::UnknownName)), "{field}");
    }
    let moved = mei.review_records(redirect(inquiry, "breast")).await.expect("redirected").into_inner();
    assert_eq!((moved.team.as_str(), moved.next_action.as_str()), ("breast", "review_records"));
    assert_eq!(moved.review_since, micros(world.clock.now()), "the other team has the whole time");
    assert!(moved.review_due_at > begun.review_due_at && moved.due_at == moved.review_due_at);
    let told = world.told::<WorkMoved>(inquiry).await;
    let told = told.last().expect("routing is told");
    assert_eq!((told.how.as_str(), told.reason.as_str(), told.team.as_str()), ("handed_over", "wrong_area", "breast"));
    let line = moved.timeline.iter().find(|line| line.kind == "handed_over").expect("a line");
    assert_eq!(line.text, "Redirected to Breast care team by the reviewer: another cancer area.");
    mei.review_records(review(inquiry, "accept")).await.expect("accepted");

    let decided = world.told::<ReviewDecided>(inquiry).await;
    let said: Vec<_> =
        decided.iter().map(|one| (one.decision.as_str(), one.reason.as_str(), one.team.as_str())).collect();
    assert_eq!(said, [("ask_for_more", "", TEAM), ("redirect", "wrong_area", TEAM), ("accept", "", "breast")]);
    assert!(decided.iter().all(|one| one.waiting_since > 0 && one.due_at > one.waiting_since));
    let figures = world.figures();
    assert!(figures.contains("causeway_reviews_total{decision=\"redirect\",reason=\"wrong_area\"} 1"), "{figures}");
    let written: Vec<String> =
        sqlx::query_scalar("SELECT purpose FROM audit_log WHERE action = 'review records' ORDER BY seq")
            .fetch_all(&world.admin)
            .await
            .expect("the chain");
    assert_eq!(written, ["ask_for_more", "redirect", "accept"]);
    sqlx::query("CHECKPOINT").execute(&world.admin).await.expect("on disk");
    assert!(!world.on_disk(CANARY), "free words are sealed");
    let machine = PgPool::connect(world.database.machine.expose_secret()).await.expect("a login");
    assert!(audit::verify(&machine, CENTER).await.expect("the chain").fault.is_none());
    machine.close().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_declined_is_told_where_to_go_and_the_inquiry_closes_by_that_or_a_person_says_it() {
    let world = World::start().await;
    let mut mei = world.staff("mei-tanaka", Role::Reviewer);
    let (told, silent) = (waiting(&world).await, waiting(&world).await);
    for inquiry in [told, silent] {
        for time in 1..=2 {
            let asked = ReviewRecordsRequest { idempotency_key: format!("{inquiry}-{time}"), ..decline(inquiry) };
            let sent = mei.review_records(asked).await.expect("declined").into_inner();
            assert_eq!((sent.next_action.as_str(), sent.out_of_scope_state.as_str()), ("await_referral", "sending"));
            assert_eq!((sent.out_of_scope.as_str(), sent.decline_reason.as_str()), ("other-centers", "no_capacity"));
        }
        let words = world.told::<ReferredElsewhere>(inquiry).await;
        assert_eq!(words.iter().map(|event| event.entry.as_str()).collect::<Vec<_>>(), ["other-centers"]);
    }
    let hers = Actor::patient(told.to_string(), CENTER);
    let status = world.as_actor(&hers).get_patient_status(crate::world::get(told)).await.expect("hers").into_inner();
    assert!(status.open, "until the message is out");
    world.publish(CENTER, told, 1, &[NoticeSent { outcome: outcome(told) }]).await;
    reads(&mei, told, "closed", |page| page.close_reason == "out_of_scope_referred").await;
    let stages = world.told::<StageChanged>(told).await;
    let last = stages.last().expect("told");
    assert_eq!((last.to(), last.close_reason.as_str()), (Stage::Closed, "out_of_scope_referred"));
    assert_eq!((last.decline_reason.as_str(), last.out_of_scope.as_str()), ("no_capacity", "other-centers"));

    world.publish(CENTER, silent, 1, &[NoticeFailed { outcome: outcome(silent) }]).await;
    reads(&mei, silent, "a call is next", |page| page.next_action == "tell_referral").await;
    let open = page(&mut mei, silent).await;
    assert!(open.due_at > 0 && open.stage() == Stage::RecordsReady);
    let decided = world.told::<ReviewDecided>(told).await;
    assert_eq!(decided.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>(), ["no_capacity"]);
    let bookable = async || {
        let told = world.told::<ReadinessChanged>(silent).await.pop().expect("told");
        (told.intake_complete, told.records_ready, told.reviewed)
    };
    assert_eq!(bookable().await, (false, false, false), "who is declined is not booked");
    let kept = mei.review_records(review(silent, "accept")).await.expect("another decision").into_inner();
    assert_eq!((kept.next_action.as_str(), kept.decline_reason.as_str()), ("offer_dates", ""));
    assert_eq!((kept.out_of_scope_state.as_str(), bookable().await), ("declined", (true, true, true)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewer_and_a_manager_decide_and_everybody_else_is_told_which_role_it_needs() {
    let world = World::start().await;
    let inquiry = waiting(&world).await;
    let decisions =
        || [review(inquiry, "accept"), review(inquiry, "ask_for_more"), redirect(inquiry, "breast"), decline(inquiry)];
    for role in [Role::Coordinator, Role::Scheduler, Role::TrialCoordinator, Role::Auditor, Role::Analyst] {
        for asked in decisions() {
            let refused = world.staff("x", role).review_records(asked).await.expect_err("may not");
            assert_eq!(refused.code(), Code::PermissionDenied, "{role}");
            assert!(refused.message().contains("it needs one of the roles reviewer, manager"), "{}", refused.message());
        }
    }
    let stranger = Actor::staff("x", "X", OTHER, vec![Role::Reviewer]);
    let patient = Actor::patient(inquiry.to_string(), CENTER);
    for actor in [stranger.clone(), patient] {
        for asked in decisions() {
            let refused = world.as_actor(&actor).review_records(asked).await.expect_err("may not");
            assert_eq!(refused.code(), Code::PermissionDenied);
        }
    }
    let at_home = ReviewRecordsRequest { center: OTHER.into(), ..review(inquiry, "accept") };
    let unknown = world.as_actor(&stranger).review_records(at_home).await.expect_err("not there");
    assert_eq!(Reason::of(&unknown), Some(Reason::NotFound));
    assert!(world.told::<ReviewDecided>(inquiry).await.is_empty(), "nobody of them decided anything");
    world.staff("mei-tanaka", Role::Reviewer).review_records(redirect(inquiry, "breast")).await.expect("may");
    world.staff("priya-nair", Role::Manager).review_records(review(inquiry, "accept")).await.expect("may");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_review_is_told_to_owner_lead_and_managers_once_each_in_open_hours_over_a_weekend() {
    let world = World::start().await;
    let mut mei = world.staff("mei-tanaka", Role::Reviewer);
    // Friday at 10:00 in Seattle: of sixteen open hours eight and a half are that day's and four Saturday's.
    world.clock.set(at("2027-03-05T18:00:00Z"));
    let inquiry = waiting(&world).await;
    let decided = waiting(&world).await;
    let missing = waiting(&world).await;
    let due = page(&mut mei, inquiry).await.review_due_at;
    let due = jiff::Timestamp::from_microsecond(due).expect("a time");
    assert_eq!(due, at("2027-03-08T19:00:00Z"), "Monday at 11:00");
    let told = async |inquiry: Uuid| -> Vec<(String, String, i32, Vec<String>)> {
        let told = world.told::<ReviewEscalated>(inquiry).await;
        told.into_iter().map(|one| (one.why, one.to, one.level, one.staff)).collect()
    };
    let fired = "SELECT count(*) FROM timers WHERE kind = 'review-late' AND state = 'fired'";
    let line = |why: &str, to: &str, level, staff: &[&str]| {
        (why.to_owned(), to.to_owned(), level, staff.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    };

    mei.review_records(review(decided, "accept")).await.expect("decided in time");
    mei.update_record(UpdateRecordRequest {
        center: CENTER.into(),
        inquiry_id: missing.to_string(),
        kind: "imaging".into(),
        state: "needed".into(),
        reason: String::new(),
    })
    .await
    .expect("it was another document");

    let next = async || {
        let sql = "SELECT due_at FROM timers WHERE kind = 'review-late' AND aggregate_id = $1 AND state = 'pending'";
        sqlx::query_scalar::<_, Ts>(sql).bind(inquiry).fetch_one(&world.admin).await.expect("one timer for the wait").0
    };
    let first = at("2027-03-08T17:00:00Z");
    assert_eq!(next().await, first, "Monday at 9:00");
    // More than sixteen hours later it is Sunday. Timers fire in their order: once another one of that day has, so would these have.
    let visited = world.begin(1).await[0];
    let booked = world.appointment(visited, at("2027-03-07T20:00:00Z"));
    let booked = AppointmentBooked { appointment: Some(booked), version: 1, at: micros(due), ..Default::default() };
    world.publish(CENTER, visited, 2, &[booked]).await;
    reads(&mei, visited, "booked", |page| page.next_action == "await_visit").await;
    world.clock.set(at("2027-03-07T20:00:00Z"));
    reads(&mei, visited, "Sunday has come", |page| page.next_action == "confirm_attendance").await;
    assert!(told(inquiry).await.is_empty(), "nobody is told on a Sunday");
    world.clock.set(first);
    eventually("two open hours before", || async { told(inquiry).await.len() == 1 }).await;
    // Nobody has taken it, so the lead hears it.
    assert_eq!(told(inquiry).await, [line("review_due_soon", "owner", 1, &["priya-nair"])]);
    world.clock.set(due);
    eventually("at its time", || async { told(inquiry).await.len() == 2 }).await;
    let last = at("2027-03-08T23:00:00Z");
    assert_eq!(next().await, last, "Monday at 15:00");
    world.clock.set(last);
    eventually("after it", || async { told(inquiry).await.len() == 3 }).await;
    let late = told(inquiry).await;
    assert_eq!(late[1], line("review_late", "lead", 2, &["priya-nair"]));
    assert_eq!((late[2].1.as_str(), late[2].2, late[2].3.contains(&"priya-nair".to_owned())), ("manager", 3, true));
    eventually("every timer has fired", || async { world.count(fired).await == 5 }).await;
    assert!(told(decided).await.is_empty() && told(missing).await.is_empty(), "their wait was over");
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE kind = 'review-late' AND state = 'pending'").await, 0);
    let seen = page(&mut mei, inquiry).await;
    assert_eq!((seen.review_escalated, seen.review_due_at), (3, micros(due)));
    let lines = seen.timeline.iter().filter(|line| line.kind == "escalated").count();
    assert_eq!((lines, world.count("SELECT count(*) FROM parked").await), (3, 0));
    mei.review_records(review(inquiry, "accept")).await.expect("late, and done");
    let decided = world.told::<ReviewDecided>(inquiry).await;
    assert!(decided[0].at > decided[0].due_at, "it counts as late");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_between_two_levels_ends_them_and_what_is_redirected_is_watched_by_the_other_teams_levels() {
    let world = World::start().await;
    let mut mei = world.staff("mei-tanaka", Role::Reviewer);
    let inquiry = waiting(&world).await;
    let first = page(&mut mei, inquiry).await.review_due_at;
    let first = jiff::Timestamp::from_microsecond(first).expect("a time");
    world.clock.set(first);
    let told = async || world.told::<ReviewEscalated>(inquiry).await;
    eventually("late at the first team", || async { told().await.len() == 2 }).await;
    assert_eq!(
        world.told::<ReviewEscalated>(inquiry).await[1].staff,
        Vec::<String>::new(),
        "the lead heard it at once"
    );
    let moved = mei.review_records(redirect(inquiry, "breast")).await.expect("redirected").into_inner();
    let second = jiff::Timestamp::from_microsecond(moved.review_due_at).expect("a time");
    assert!(second > first && moved.review_escalated == 0);
    world.clock.set(second - SignedDuration::from_secs(1));
    eventually("the timer of the wait before has fired", || async {
        world.count("SELECT count(*) FROM timers WHERE kind = 'review-late' AND state = 'pending'").await == 1
    })
    .await;
    assert_eq!(told().await.len(), 2, "it is not late at the breast team");
    world.clock.set(second);
    eventually("late at the second team", || async { told().await.len() == 3 }).await;
    let last = told().await.pop().expect("told");
    assert_eq!((last.team.as_str(), last.to.as_str(), last.level), ("breast", "lead", 1));
    mei.review_records(decline(inquiry)).await.expect("declined");
    world.clock.set(second + SignedDuration::from_hours(24 * 14));
    eventually("no timer is left", || async {
        world.count("SELECT count(*) FROM timers WHERE kind = 'review-late' AND state = 'pending'").await == 0
    })
    .await;
    assert_eq!(told().await.len(), 3, "a decision ends it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_while_it_waits_is_told_by_the_other_teams_levels_from_the_first() {
    let world = World::start().await;
    let inquiry = waiting(&world).await;
    let mut priya = world.staff("priya-nair", Role::Manager);
    let due = page(&mut priya, inquiry).await.review_due_at;
    world.clock.set(jiff::Timestamp::from_microsecond(due).expect("a time"));
    let told = async || {
        let told = world.told::<ReviewEscalated>(inquiry).await;
        told.into_iter().map(|one| (one.team, one.to, one.level)).collect::<Vec<_>>()
    };
    eventually("two of three levels", || async { told().await.len() == 2 }).await;
    let handed = HandOverInquiryRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        to_team: "breast".into(),
        reason: "It is the breast.".into(),
        reason_kind: "wrong_area".into(),
        ..Default::default()
    };
    let handed = priya.hand_over_inquiry(handed).await.expect("handed over").into_inner();
    assert_eq!(handed.review_due_at, due, "it wins no time");
    // This team has two levels, of which the first has passed: it is not taken for the third of the other team.
    eventually("the first level there", || async { told().await.len() == 3 }).await;
    assert_eq!(told().await[2], ("breast".to_owned(), "lead".to_owned(), 1));
    let seen = page(&mut priya, inquiry).await;
    assert_eq!(seen.review_escalated, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_at_the_upgrade_is_watched_and_a_review_line_by_line_is_a_decision_as_well() {
    let world = World::start().await;
    let inquiry = waiting(&world).await;
    let mut mei = world.staff("mei-tanaka", Role::Reviewer);
    let due = page(&mut mei, inquiry).await.due_at;
    let before = "DELETE FROM timers WHERE kind = 'review-late'; \
                  UPDATE inquiries SET review_since = NULL, review_due_at = NULL, review_escalated = 0";
    sqlx::raw_sql(before).execute(&world.admin).await.expect("as before the upgrade");
    let told = async || {
        let told = world.told::<ReviewEscalated>(inquiry).await;
        told.into_iter().map(|one| (one.to, one.level)).collect::<Vec<_>>()
    };
    world.clock.set(jiff::Timestamp::from_microsecond(due).expect("a time") - SignedDuration::from_hours(1));
    let migration = include_str!("../../migrations/0008_triage.sql");
    let (from, to) = ("-- What waits at the upgrade", "-- The reviewers' queue");
    let kept =
        &migration[migration.find(from).expect("the upgrade")..migration.find(to).expect("its index comes last")];
    // By an owner who is no superuser, for whom the policies hold.
    let plain = "CREATE ROLE plain_owner; GRANT ALL ON SCHEMA public TO plain_owner; GRANT plain_owner TO CURRENT_USER; \
                 ALTER TABLE inquiries OWNER TO plain_owner; ALTER TABLE timers OWNER TO plain_owner; SET ROLE plain_owner; ";
    let whole = format!("{plain}{kept}RESET ROLE");
    let mut owner = world.admin.acquire().await.expect("a connection");
    sqlx::raw_sql(sqlx::AssertSqlSafe(whole)).execute(&mut *owner).await.expect("migrated");
    drop(owner);
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE review_since IS NOT NULL").await, 1, "it is watched");
    let forced = "SELECT count(*) FROM pg_class WHERE relname IN ('inquiries', 'timers') AND relforcerowsecurity";
    assert_eq!(world.count(forced).await, 2, "and the policies hold again");
    assert_eq!(page(&mut mei, inquiry).await.review_due_at, due, "what was due stays due");
    eventually("the level that has passed", || async { told().await.len() == 1 }).await;
    world.clock.set(jiff::Timestamp::from_microsecond(due).expect("a time"));
    eventually("late", || async { told().await.len() == 2 }).await;
    assert_eq!(told().await, [("owner".to_owned(), 1), ("lead".to_owned(), 2)]);

    for kind in ["pathology_report", "imaging"] {
        assert!(world.told::<ReviewDecided>(inquiry).await.is_empty(), "{kind} is still to be reviewed");
        set(&mut mei, inquiry, kind, "reviewed").await;
    }
    let decided = world.told::<ReviewDecided>(inquiry).await;
    let said: Vec<_> = decided.iter().map(|one| (one.decision.as_str(), one.due_at, one.waiting_since > 0)).collect();
    assert_eq!(said, [("accept", due, true)]);
    let written: Vec<(String, String)> =
        sqlx::query_as("SELECT purpose, object_id FROM audit_log WHERE action = 'review records' ORDER BY seq")
            .fetch_all(&world.admin)
            .await
            .expect("the chain");
    assert_eq!(written, [("accept".to_owned(), inquiry.to_string())]);
    assert!(world.figures().contains("causeway_reviews_total{decision=\"accept\",reason=\"\"} 1"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reviewers_queue_reads_its_own_index_among_fifty_thousand_inquiries() {
    let world = World::start().await;
    world.begin(1).await;
    sqlx::query(
        "INSERT INTO inquiries (center_id, inquiry_id, facts, consult_type, cancer_area, program, team, site, script, owner, \
         priority, due_at, response_due_at, stage_facts, checklist, received_at, revision, routed_line, next_action) \
         SELECT center_id, gen_random_uuid(), facts, consult_type, cancer_area, program, 'team-' || n % 12, site, script, '', \
         priority, due_at + n * interval '1 second', response_due_at, stage_facts, checklist, received_at, revision, routed_line, \
         CASE WHEN n % 20 = 0 THEN 'review_records' ELSE next_action END FROM inquiries, generate_series(1, 50000) AS n",
    )
    .execute(&world.admin)
    .await
    .expect("many inquiries");
    sqlx::query("ANALYZE inquiries").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let now = Ts(world.clock.now());
    for teams in ["team-4", "team-0,team-4,team-8", ""] {
        let page = format!("EXPLAIN {}", page_sql(View::ToReview, !teams.is_empty()));
        let page = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(page));
        let page = page.bind(CENTER).bind(teams).bind(now).bind(Uuid::nil()).bind(51_i64).bind(now).bind(now);
        let page = page.bind("mei").bind("").bind("").bind("").bind("").fetch_all(&mut app).await.expect("a plan");
        let counts = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(format!("EXPLAIN {}", counts_sql(false))));
        let counts = counts.bind(CENTER).bind("").bind(now).bind(now).bind("mei").bind(1001_i64);
        let counts = counts.bind("").bind("").bind("").bind("").bind(teams).fetch_all(&mut app).await.expect("a plan");
        for plan in [page.join("\n"), counts.join("\n")] {
            assert!(plan.contains("inquiries_to_review") && !plan.contains("Seq Scan"), "{teams}\n{plan}");
            let by_team = plan.lines().filter(|line| line.contains("Index Cond") && line.contains("(team = "));
            assert!(by_team.count() > 0, "each team is found by the index: {teams}\n{plan}");
        }
    }
    // A statement that is used again and again is planned once, without knowing its parameters.
    let of_page = "text, text, timestamptz, uuid, bigint, timestamptz, timestamptz, text, text, text, text, text";
    let of_counts = "text, text, timestamptz, timestamptz, text, bigint, text, text, text, text, text";
    for (name, sql, types) in
        [("page", page_sql(View::ToReview, true), of_page), ("counts", counts_sql(false), of_counts)]
    {
        let nothing = vec!["NULL"; types.split(',').count()].join(", ");
        let prepared = format!("SET plan_cache_mode = force_generic_plan; PREPARE {name}({types}) AS {sql}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(prepared)).execute(&mut app).await.expect("prepared");
        let explain = format!("EXPLAIN EXECUTE {name}({nothing})");
        let plan: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(explain)).fetch_all(&mut app).await.expect("a plan");
        let lines: Vec<&str> = plan.iter().map(String::as_str).collect();
        let reviews = lines.windows(2).filter(|pair| {
            pair[0].contains("inquiries_to_review on inquiries i ")
                || pair[0].contains("inquiries_to_review on inquiries i_")
        });
        let conditions: Vec<&str> = reviews.map(|pair| pair[1]).collect();
        assert!(!conditions.is_empty() && conditions.iter().all(|one| one.contains("team = ")), "{}", plan.join("\n"));
    }
    app.close().await.expect("closed");
    world.end().await;
}
