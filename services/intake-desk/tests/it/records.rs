//! Asking for records on real servers: of whom, when again, what was promised, and that nothing stale is asked for.

use causeway_auth::Role;
use causeway_mailbox::Ts;
use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1::{Channel, DocumentReceived};
use causeway_proto::intake::v1::{
    Inquiry, ListWorkRequest, OfficeRecordsWanted, PromiseRecordRequest, RecordLine, RecordsRequested,
    RequestRecordsRequest,
};
use causeway_proto::notice::v1::{NoticeFailed, NoticeOutcome};
use jiff::{SignedDuration, Timestamp};
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, Desk, TEAM, World, at, eventually, page};

fn ask(inquiry: Uuid, kinds: &[&str], of: &str) -> RequestRecordsRequest {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let (center, inquiry_id) = (CENTER.to_owned(), inquiry.to_string());
    RequestRecordsRequest { center, inquiry_id, kinds, of: of.to_owned(), ..Default::default() }
}

fn promise(inquiry: Uuid, kind: &str, on: &str) -> PromiseRecordRequest {
    let (center, inquiry_id) = (CENTER.to_owned(), inquiry.to_string());
    PromiseRecordRequest { center, inquiry_id, kind: kind.to_owned(), on: on.to_owned(), ..Default::default() }
}

fn line<'a>(page: &'a Inquiry, kind: &str) -> &'a RecordLine {
    page.records.iter().find(|line| line.kind == kind).expect("on the checklist")
}

/// When the chase looks next; none: no timer waits.
async fn next(world: &World, inquiry: Uuid) -> Option<Timestamp> {
    let sql = "SELECT min(due_at) FROM timers WHERE kind = 'records-chase' AND aggregate_id = $1 AND state = 'pending'";
    let due: Option<Ts> = sqlx::query_scalar(sql).bind(inquiry).fetch_one(&world.admin).await.expect("read");
    due.map(|due| due.0)
}

/// What the person was asked for, each time, and how often they were.
async fn asked(world: &World, inquiry: Uuid) -> Vec<(Vec<String>, i32)> {
    world.told::<RecordsRequested>(inquiry).await.into_iter().map(|one| (one.kinds, one.times)).collect()
}

fn kinds(kinds: &[&str]) -> Vec<String> {
    kinds.iter().map(|kind| (*kind).to_owned()).collect()
}

async fn looked(desk: &Desk, inquiry: Uuid, what: &str, holds: impl Fn(&Inquiry) -> bool) -> Inquiry {
    eventually(what, || async { holds(&page(&mut desk.clone(), inquiry).await) }).await;
    page(&mut desk.clone(), inquiry).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_records_are_asked_for_again_by_the_cadence_until_they_come_and_then_fall_to_staff() {
    let world = World::start().await;
    // Monday at 10:00 in Seattle.
    let begun = at("2027-03-01T18:00:00Z");
    world.clock.set(begun);
    let inquiry = world.intake_done().await;
    let mut dana = world.coordinator("dana-whitfield");
    dana.request_records(ask(inquiry, &["pathology_report", "imaging"], "")).await.expect("asked");
    let seen = page(&mut dana, inquiry).await;
    assert_eq!(seen.next_action, "gather_records");
    let pathology = line(&seen, "pathology_report");
    assert_eq!((pathology.asked_of.as_str(), pathology.asked_times), ("patient", 1));
    let first = begun + SignedDuration::from_hours(72);
    assert_eq!((pathology.asks_again_at, next(&world, inquiry).await), (micros(first), Some(first)));
    let fall = seen.due_at;
    assert!(fall > micros(begun + SignedDuration::from_hours(168)), "not before the last message");

    // The picture comes meanwhile: only the other one is asked for again.
    let came = DocumentReceived {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        document_id: Uuid::from_u128(9).to_string(),
        record_kind: "imaging".into(),
        at: micros(begun),
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 2, &[came]).await;
    looked(&dana, inquiry, "it came", |page| line(page, "imaging").state == "received").await;
    world.clock.set(first);
    let seen = looked(&dana, inquiry, "asked again", |page| line(page, "pathology_report").asked_times == 2).await;
    assert_eq!(
        asked(&world, inquiry).await,
        [(kinds(&["pathology_report", "imaging"]), 1), (kinds(&["pathology_report"]), 2),]
    );
    assert_eq!(line(&seen, "pathology_report").first_asked_at, micros(begun), "it is waited for since then");
    let again = seen.timeline.iter().find(|line| line.kind == "records_chased").expect("told");
    assert!(again.text.starts_with("Asked again for: Biopsy report"), "{}", again.text);
    let second = begun + SignedDuration::from_hours(168);
    assert_eq!(next(&world, inquiry).await, Some(second));

    // What they promise is not asked for before; a day that can't be is refused by name.
    for on in ["2027-02-30", "soon", "2027-02-28", "2028-01-01"] {
        let refused = dana.promise_record(promise(inquiry, "pathology_report", on)).await.expect_err("no such day");
        assert_eq!(refused.code(), Code::InvalidArgument, "{on}");
        assert!(refused.message().starts_with("on "), "{}", refused.message());
    }
    dana.promise_record(promise(inquiry, "pathology_report", "2027-03-10")).await.expect("kept");
    let ends = at("2027-03-11T08:00:00Z");
    let opens = at("2027-03-11T15:30:00Z");
    let seen = page(&mut dana, inquiry).await;
    assert_eq!(
        (line(&seen, "pathology_report").promised_at, next(&world, inquiry).await),
        (micros(ends), Some(second))
    );
    let asked_list = ListWorkRequest { center: CENTER.into(), team: TEAM.into(), ..Default::default() };
    let row = dana.list_work(asked_list).await.expect("a list").into_inner().rows.remove(0);
    assert_eq!((row.waiting_since, row.promised_at), (micros(begun), micros(ends)));
    assert!(row.waiting_for[0].ends_with("(patient)"), "{:?}", row.waiting_for);
    world.clock.set(second);
    eventually("the timer of before finds nothing", || async { next(&world, inquiry).await == Some(opens) }).await;
    assert_eq!(asked(&world, inquiry).await.len(), 2, "they promised it");
    world.clock.set(opens);
    looked(&dana, inquiry, "asked again", |page| line(page, "pathology_report").asked_times == 3).await;

    // The last message is out. It is staff's, and once it comes nothing more is asked.
    let seen = page(&mut dana, inquiry).await;
    assert_eq!((line(&seen, "pathology_report").asks_again_at, next(&world, inquiry).await), (0, None));
    assert!(seen.due_at > micros(opens));
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hospital_is_asked_by_staff_and_no_message_goes_to_the_person() {
    let world = World::start().await;
    world.clock.set(at("2027-03-01T18:00:00Z"));
    let inquiry = world.intake_done().await;
    let mut dana = world.coordinator("dana-whitfield");
    let refused = dana.request_records(ask(inquiry, &[], "the_cat")).await.expect_err("nobody");
    assert_eq!((refused.code(), refused.message().starts_with("of ")), (Code::InvalidArgument, true));
    dana.request_records(ask(inquiry, &["pathology_report"], "hospital")).await.expect("asked");
    dana.request_records(ask(inquiry, &["imaging"], "patient")).await.expect("asked");
    assert_eq!(asked(&world, inquiry).await, [(kinds(&["imaging"]), 1)]);
    let seen = page(&mut dana, inquiry).await;
    assert_eq!(line(&seen, "pathology_report").asked_of, "hospital");
    assert_eq!(seen.due_at, micros(at("2027-03-04T18:00:00Z")), "three days later somebody asks the hospital again");
    assert!(seen.timeline.iter().any(|line| line.text.starts_with("Asked the hospital for: Biopsy report")));
    let mut analyst = world.staff("priya-nair", Role::Analyst);
    let refused = analyst.promise_record(promise(inquiry, "imaging", "2027-03-04")).await.expect_err("not hers");
    assert_eq!(refused.code(), Code::PermissionDenied);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_twice_with_one_key_is_asked_for_once() {
    let world = World::start().await;
    let inquiry = world.intake_done().await;
    let mut dana = world.coordinator("dana-whitfield");
    let keyed = |kinds: &[&str], of: &str, key: &str| {
        let idempotency_key = key.to_owned();
        RequestRecordsRequest { idempotency_key, ..ask(inquiry, kinds, of) }
    };
    let mut versions = Vec::new();
    for _ in 0..2 {
        let seen = dana.request_records(keyed(&["imaging"], "patient", "one")).await.expect("asked").into_inner();
        versions.push((seen.version, line(&seen, "imaging").asked_times));
    }
    assert_eq!((versions[0], versions[0].1), (versions[1], 1), "nothing was done again");
    assert_eq!(asked(&world, inquiry).await, [(kinds(&["imaging"]), 1)]);
    for (kinds, of) in [(&["pathology_report"][..], "patient"), (&["imaging"], "hospital"), (&[], "patient")] {
        let refused = dana.request_records(keyed(kinds, of, "one")).await.expect_err("something else");
        assert_eq!(refused.code(), Code::AlreadyExists, "{kinds:?} {of}");
    }
    let long = dana.request_records(keyed(&["imaging"], "patient", &"k".repeat(129))).await.expect_err("too long");
    assert_eq!(long.code(), Code::InvalidArgument);
    for key in ["two", "", ""] {
        dana.request_records(keyed(&["imaging"], "patient", key)).await.expect("asked again on purpose");
    }
    assert_eq!(asked(&world, inquiry).await.len(), 4);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_waited_for_from_the_office_is_told_when_it_is_asked_and_when_it_came() {
    let world = World::start().await;
    let inquiry = world.intake_done().await;
    let mut dana = world.coordinator("dana-whitfield");
    dana.request_records(ask(inquiry, &["imaging"], "hospital")).await.expect("asked");
    dana.request_records(ask(inquiry, &["physician_notes", "pathology_report"], "referring_office"))
        .await
        .expect("asked");
    let (center, inquiry_id) = (CENTER.to_owned(), inquiry.to_string());
    let came = |kind: &str, id: u128| DocumentReceived {
        inquiry_id: inquiry_id.clone(),
        center: center.clone(),
        document_id: Uuid::from_u128(id).to_string(),
        record_kind: kind.into(),
        at: micros(world.clock.now()),
        ..Default::default()
    };
    for (kind, id, version) in [("physician_notes", 9, 2), ("pathology_report", 10, 3)] {
        world.publish(CENTER, inquiry, version, &[came(kind, id)]).await;
        looked(&dana, inquiry, "it came", |page| line(page, kind).state == "received").await;
    }
    let told = world.told::<OfficeRecordsWanted>(inquiry).await;
    let told_kinds: Vec<&[String]> = told.iter().map(|one| one.kinds.as_slice()).collect();
    assert_eq!(
        told_kinds,
        [&kinds(&["pathology_report", "physician_notes"])[..], &kinds(&["pathology_report"])[..], &[]],
        "all of them, in the order of the checklist"
    );
    let facts = told[0].facts.clone().expect("facts");
    assert_eq!((facts.inquiry_id, facts.center), (inquiry.to_string(), CENTER.to_owned()));
    assert!(told.windows(2).all(|pair| pair[0].version < pair[1].version) && told[0].at > 0, "{told:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_not_be_asked_by_message_is_called_and_what_came_unnamed_is_looked_at_before_anybody_is_asked_again() {
    let world = World::start().await;
    let begun = at("2027-03-01T18:00:00Z");
    world.clock.set(begun);
    let inquiry = world.intake_done().await;
    let mut dana = world.coordinator("dana-whitfield");
    dana.request_records(ask(inquiry, &["pathology_report", "imaging"], "")).await.expect("asked");
    let failed = NoticeOutcome {
        notice_id: Uuid::from_u128(5).to_string(),
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        kind: "records_request".into(),
        channel: Channel::Email.into(),
        at: micros(begun),
        reason: "no_channel".into(),
    };
    world.publish(CENTER, inquiry, 2, &[NoticeFailed { outcome: Some(failed) }]).await;
    let seen = looked(&dana, inquiry, "it falls to staff at once", |page| page.due_at == micros(begun)).await;
    assert_eq!((line(&seen, "imaging").asks_again_at, seen.next_action.as_str()), (0, "gather_records"));
    let told = "The person could not be asked for documents by email (no channel); ask them by phone.";
    assert!(seen.timeline.iter().any(|line| line.text == told), "{:?}", seen.timeline);

    // By phone the hospital is named as who has one of them; whoever usually has it is who promises it.
    let mut by_hospital = promise(inquiry, "physician_notes", "2027-03-05");
    dana.promise_record(by_hospital.clone()).await.expect("kept");
    assert_eq!(line(&page(&mut dana, inquiry).await, "physician_notes").asked_of, "referring_office");
    by_hospital.of = "nobody".into();
    let refused = dana.promise_record(by_hospital.clone()).await.expect_err("nobody");
    assert!(refused.message().starts_with("of "), "{}", refused.message());
    (by_hospital.of, by_hospital.on) = ("hospital".into(), "2027-03-06".into());
    dana.promise_record(by_hospital).await.expect("kept");
    assert_eq!(line(&page(&mut dana, inquiry).await, "physician_notes").asked_of, "hospital");

    dana.request_records(ask(inquiry, &["pathology_report", "imaging"], "")).await.expect("asked with an address");
    let first = begun + SignedDuration::from_hours(72);
    let seen = page(&mut dana, inquiry).await;
    assert_eq!(line(&seen, "imaging").asks_again_at, micros(first));
    let came = |kind: &str, version: i64| DocumentReceived {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        document_id: Uuid::from_u128(9).to_string(),
        record_kind: kind.into(),
        door: "patient".into(),
        at: micros(begun),
        version,
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 3, &[came("", 1)]).await;
    let unnamed = |page: &Inquiry| line(page, "imaging").asks_again_at == 0;
    let seen = looked(&dana, inquiry, "nobody is asked for what may have come", unnamed).await;
    assert!(seen.due_at < micros(first + SignedDuration::from_hours(24)), "somebody looks at it in time");
    world.clock.set(first);
    eventually("the timer has looked", || async { next(&world, inquiry).await.is_none() }).await;
    assert_eq!(asked(&world, inquiry).await.len(), 2);
    world.publish(CENTER, inquiry, 4, &[came("imaging", 2)]).await;
    looked(&dana, inquiry, "the other one is asked for", |page| line(page, "pathology_report").asked_times == 2).await;
    assert_eq!(asked(&world, inquiry).await.last().expect("asked").0, kinds(&["pathology_report"]));
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_a_person_was_asked_for_before_there_was_a_timer_are_asked_for_again_after_the_upgrade() {
    let world = World::start().await;
    let begun = at("2027-03-01T18:00:00Z");
    world.clock.set(begun);
    let inquiry = world.intake_done().await;
    let mut dana = world.coordinator("dana-whitfield");
    dana.request_records(ask(inquiry, &["pathology_report"], "")).await.expect("asked");
    sqlx::raw_sql("DELETE FROM timers WHERE kind = 'records-chase'").execute(&world.admin).await.expect("as before");
    let migration = include_str!("../../migrations/0011_documents_without_a_name.sql");
    let kept = &migration[migration.find("-- Documents for which").expect("the upgrade")..];
    // By an owner who is no superuser, for whom the policies hold.
    let plain = "CREATE ROLE plain_owner; GRANT ALL ON SCHEMA public TO plain_owner; GRANT plain_owner TO CURRENT_USER; \
                 ALTER TABLE inquiries OWNER TO plain_owner; ALTER TABLE timers OWNER TO plain_owner; SET ROLE plain_owner; ";
    let whole = format!("{plain}{kept}RESET ROLE");
    let mut owner = world.admin.acquire().await.expect("a connection");
    sqlx::raw_sql(sqlx::AssertSqlSafe(whole)).execute(&mut *owner).await.expect("migrated");
    drop(owner);
    let first = begun + SignedDuration::from_hours(72);
    eventually("it is known when", || async { next(&world, inquiry).await == Some(first) }).await;
    world.clock.set(first);
    looked(&dana, inquiry, "asked again", |page| line(page, "pathology_report").asked_times == 2).await;
    let forced = "SELECT count(*) FROM pg_class WHERE relname IN ('inquiries', 'timers') AND relforcerowsecurity";
    assert_eq!(world.count(forced).await, 2, "the policies hold again");
    world.end().await;
}
