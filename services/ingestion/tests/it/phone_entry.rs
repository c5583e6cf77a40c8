//! What people do about calls: see what waits, take one down, say what became of it.

use causeway_auth::{Actor, Role};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{
    AssignMessageRequest, CallRow, ListCallsRequest, OpenCallRequest, OpenRepairRequest, OpenedCall,
    ReleaseRepairRequest, SettleCallRequest, Source, SubmitInquiryRequest, SubmitInquiryResponse,
};
use causeway_runtime::Clock;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::phone::{ended, event, send, taken};
use crate::repair::{open as open_repair, waiting};
use crate::world::{CENTER, OTHER, World, body, coordinator, eventually};

async fn list(world: &World, view: &str) -> Vec<CallRow> {
    let request = ListCallsRequest { center: CENTER.into(), view: view.into(), ..Default::default() };
    let answer = world.client("portal", Some(coordinator(CENTER))).list_calls(request).await.expect("a list");
    answer.into_inner().calls
}

async fn open(world: &World, actor: Option<Actor>, call: &str) -> Result<OpenedCall, Status> {
    let (center, purpose) = (CENTER.into(), "call_entry".into());
    let request = OpenCallRequest { center, call_id: call.into(), purpose };
    Ok(world.client("portal", actor).open_call(request).await?.into_inner())
}

async fn enter(world: &World, call: &str, key: &str, name: &str) -> Result<SubmitInquiryResponse, Status> {
    let answers = [
        ("who", "patient"),
        ("name", name),
        ("phone", "206 555 0142"),
        ("cancer_area", "gi"),
        ("consent_phone", "yes"),
    ];
    let request = SubmitInquiryRequest {
        center: CENTER.into(),
        form_id: "second-opinion".into(),
        language: "en".into(),
        source: Source::Phone.into(),
        answers: answers.into_iter().map(|(key, answer)| (key.to_owned(), answer.to_owned())).collect(),
        idempotency_key: key.into(),
        strict: true,
        call_id: call.into(),
        ..Default::default()
    };
    Ok(world.client("portal", Some(coordinator(CENTER))).submit_inquiry(request).await?.into_inner())
}

async fn settle(world: &World, call: &str, reason: &str, inquiry: &str) -> Result<Vec<String>, Status> {
    settle_with(world, call, (reason, inquiry), &[]).await
}

/// `also`: calls that stood beside it.
async fn settle_with(
    world: &World,
    call: &str,
    (reason, inquiry): (&str, &str),
    also: &[&str],
) -> Result<Vec<String>, Status> {
    let request = SettleCallRequest {
        center: CENTER.into(),
        call_id: call.into(),
        reason: reason.into(),
        inquiry_id: inquiry.into(),
        also: also.iter().map(|id| (*id).to_owned()).collect(),
    };
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    Ok(client.settle_call(request).await?.into_inner().settled)
}

fn id(answer: &Value) -> String {
    answer["call_id"].as_str().expect("an id").to_owned()
}

/// A call that somebody answered so many seconds ago.
fn answered(call: &str, caller: &str, ago: i64) -> Value {
    let at = Clock::system().now() - jiff::SignedDuration::from_secs(ago);
    let times = json!({ "started_at": at.to_string(), "answered_at": at.to_string(), "agent": "dana-whitfield" });
    event(call, "answered", caller, times)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answered_call_is_offered_at_once_and_waits_on_the_list_when_nobody_has_taken_it_down() {
    let world = World::start().await;
    taken(&world, &answered("now", "+12065550142", 60)).await;
    taken(&world, &answered("a-while-ago", "+12065550143", 20 * 60)).await;
    taken(&world, &answered("yesterday", "+12065550144", 25 * 3600)).await;
    let over_an_hour = id(&taken(&world, &answered("before", "+12065550146", 61 * 60)).await);
    let names =
        |rows: &[CallRow]| rows.iter().map(|row| (row.waits_for.clone(), row.queue.clone())).collect::<Vec<_>>();
    let recent = list(&world, "recent").await;
    assert_eq!(names(&recent), vec![("entry".to_owned(), "New patients".to_owned()); 2], "those of the last hour");
    assert!(recent[0].answered_at > recent[1].answered_at, "the newest first");
    assert_eq!((recent[0].agent.as_str(), recent[0].state.as_str()), ("dana-whitfield", "answered"));
    let waiting = list(&world, "").await;
    assert!(recent.iter().all(|row| row.call_id != over_an_hour), "an hour is an hour from the call");
    assert!(waiting.iter().any(|row| row.call_id == over_an_hour));
    assert_eq!(waiting.len(), 3, "a quarter of an hour has passed, and none is ever gone by itself");
    assert!(waiting[0].answered_at < waiting[1].answered_at, "the oldest first");
    // A call of which no end is told waits as well.
    let ringing = event("lost", "ringing", "+12065550145", json!({}));
    taken(&world, &ringing).await;
    assert_eq!(list(&world, "").await[0].waits_for, "end");
    let first = ListCallsRequest { center: CENTER.into(), page_size: 2, ..Default::default() };
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    let page = client.list_calls(first.clone()).await.expect("a page").into_inner();
    assert_eq!((page.calls.len(), page.waiting), (2, 4));
    let next = ListCallsRequest { page_token: page.next_page_token, ..first };
    let page = client.list_calls(next).await.expect("a page").into_inner();
    assert_eq!((page.calls.len(), page.next_page_token.as_str()), (2, ""));
    // The clock of the phone system goes ahead: nobody waits for that.
    let ahead = (Clock::system().now() + jiff::SignedDuration::from_hours(5)).to_string();
    let times = json!({ "started_at": ahead, "ended_at": ahead, "outcome": "missed" });
    let ahead = id(&taken(&world, &event("ahead", "ended", "anonymous", times)).await);
    assert!(list(&world, "waiting").await.iter().any(|row| row.call_id == ahead));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_taken_down_once_whoever_sends_the_entry_and_how_often() {
    let world = World::start().await;
    let call = id(&taken(&world, &answered("c-1", "+12065550142", 60)).await);
    let (one, other) =
        tokio::join!(enter(&world, &call, "k-1", "Testpatient Ana"), enter(&world, &call, "k-2", "Testpatient Ana"));
    let (entered, refused) = match (one, other) {
        (Ok(entered), Err(refused)) => ((entered, "k-1"), refused),
        (Err(refused), Ok(entered)) => ((entered, "k-2"), refused),
        (one, other) => panic!("{:?} {:?}", one.is_ok(), other.is_ok()),
    };
    assert_eq!(Reason::of(&refused), Some(Reason::WrongState));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1, "what was refused left nothing");
    let again = enter(&world, &call, entered.1, "Testpatient Ana").await.expect("the same entry again");
    assert!(again.repeated && again.inquiry_id == entered.0.inquiry_id);
    let changed = enter(&world, &call, entered.1, "Testpatient Anna").await.expect_err("other content");
    assert_eq!(Reason::of(&changed), Some(Reason::KeyReused));
    assert!(list(&world, "recent").await.is_empty(), "it is not left open");
    // The end of the call comes after its entry, and asks for nothing more.
    let late = taken(&world, &ended("c-1", "+12065550142", "answered")).await;
    assert_eq!((late["inquiry_id"].as_str(), late.get("waits_for")), (Some(entered.0.inquiry_id.as_str()), None));
    let tied = "SELECT count(*) FROM calls WHERE outcome = 'entered' AND settled_by = 'ana' AND inquiry_id IS NOT NULL";
    assert_eq!(world.count(tied).await, 1);
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'enter_call'").await, 1);
    let of = ListCallsRequest { center: CENTER.into(), inquiry_id: entered.0.inquiry_id, ..Default::default() };
    let shown = world.client("portal", Some(coordinator(CENTER))).list_calls(of).await.expect("a list").into_inner();
    assert_eq!((shown.calls.len(), shown.calls[0].outcome.as_str()), (1, "entered"));

    let missed = id(&taken(&world, &ended("c-2", "+12065550149", "missed")).await);
    let refused = enter(&world, &missed, "k-3", "Testpatient Bo").await.expect_err("it is an inquiry already");
    assert_eq!(Reason::of(&refused), Some(Reason::WrongState));
    let unknown = enter(&world, &uuid::Uuid::nil().to_string(), "k-4", "Testpatient Bo").await.expect_err("none");
    assert_eq!(unknown.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opens_a_call_sees_its_number_and_the_requests_under_it_and_each_look_is_written_down() {
    let world = World::start().await;
    let known = world.accepted(&body(&[("name", "Testpatient Rosa")])).await;
    let mut spanish = answered("c-1", "+12065550142", 60);
    spanish["queue"] = json!("new-patients-es");
    let call = id(&taken(&world, &spanish).await);
    for actor in [
        None,
        Some(Actor::staff("rev", "Rev", CENTER, vec![Role::Reviewer])),
        Some(coordinator(OTHER)),
        Some(Actor::operator("op", "op")),
    ] {
        assert_eq!(open(&world, actor, &call).await.expect_err("may not").code(), Code::PermissionDenied);
    }
    let written =
        "SELECT count(*) FROM audit_log WHERE object_kind = 'call' AND purpose = 'call_entry' AND actor_id = 'ana'";
    assert_eq!(world.count(written).await, 0);
    eventually("the person is known by the number", || async {
        let opened = open(&world, Some(coordinator(CENTER)), &call).await.expect("opened");
        opened.known.iter().any(|one| json!(one.inquiry_id) == known["inquiry_id"])
    })
    .await;
    let opened = open(&world, Some(coordinator(CENTER)), &call).await.expect("opened");
    assert_eq!(
        (opened.number.as_str(), opened.form_id.as_str(), opened.language.as_str()),
        ("+12065550142", "general", "es")
    );
    assert!(world.count(written).await >= 2);
    let elsewhere = OpenCallRequest { center: OTHER.into(), call_id: call.clone(), purpose: "call_entry".into() };
    let elsewhere = world.client("portal", Some(coordinator(OTHER))).open_call(elsewhere).await;
    assert_eq!(elsewhere.expect_err("none of theirs").code(), Code::InvalidArgument);
    let list = ListCallsRequest { center: CENTER.into(), ..Default::default() };
    let analyst = Actor::staff("an", "An", CENTER, vec![Role::Analyst]);
    for actor in [analyst, Actor::staff("rev", "Rev", CENTER, vec![Role::Reviewer])] {
        let refused = world.client("portal", Some(actor)).list_calls(list.clone()).await.expect_err("may not");
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let of = ListCallsRequest { inquiry_id: opened.known[0].inquiry_id.clone(), ..list };
    let reviewer = Actor::staff("rev", "Rev", CENTER, vec![Role::Reviewer]);
    world.client("portal", Some(reviewer)).list_calls(of).await.expect("they are shown with the inquiry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_leaves_the_list_by_a_persons_word_alone_and_a_call_back_speaks_of_all_calls_of_that_person() {
    let world = World::start().await;
    let first = taken(&world, &ended("c-1", "+12065550142", "missed")).await;
    let second = id(&taken(&world, &ended("c-2", "+12065550142", "missed")).await);
    let third = id(&taken(&world, &ended("c-3", "+12065550142", "voicemail")).await);
    let alone = id(&taken(&world, &ended("c-4", "anonymous", "missed")).await);
    assert_eq!(list(&world, "waiting").await.len(), 3);
    assert_eq!(settle(&world, &alone, "boring", "").await.expect_err("no reason").code(), Code::InvalidArgument);
    assert_eq!(settle(&world, &alone, "belongs", "").await.expect_err("to which?").code(), Code::InvalidArgument);
    let nobody = uuid::Uuid::nil().to_string();
    assert_eq!(settle(&world, &alone, "belongs", &nobody).await.expect_err("none").code(), Code::NotFound);
    // Somebody else's further call goes with nobody's, and what came after the page was shown stays.
    taken(&world, &ended("d-1", "+12065550143", "missed")).await;
    let other = id(&taken(&world, &ended("d-2", "+12065550143", "missed")).await);
    let mistake = id(&taken(&world, &ended("c-5", "+12065550142", "missed")).await);
    let later = id(&taken(&world, &ended("c-6", "+12065550142", "missed")).await);
    let beside = [third.as_str(), other.as_str()];
    let wrong = settle_with(&world, &mistake, ("wrong_number", ""), &beside).await.expect("said");
    assert_eq!(wrong, std::slice::from_ref(&mistake), "of this call alone");
    let mut said = settle_with(&world, &second, ("called_back", ""), &beside).await.expect("said");
    said.sort_unstable();
    let mut expected = [second.clone(), third];
    expected.sort_unstable();
    assert_eq!(said, expected);
    assert_eq!(settle(&world, &second, "called_back", "").await.expect("again"), Vec::<String>::new());
    let waits: Vec<String> = list(&world, "waiting").await.into_iter().map(|row| row.call_id).collect();
    assert!(waits.contains(&later) && waits.contains(&other), "{waits:?}");
    for call in [&later, &other] {
        settle(&world, call, "no_request", "").await.expect("said");
    }
    let inquiry = first["inquiry_id"].as_str().expect("an id");
    assert_eq!(settle(&world, &alone, "belongs", inquiry).await.expect("said"), std::slice::from_ref(&alone));
    assert!(list(&world, "waiting").await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose LIKE 'settle_call_%'").await, 6);
    let of = ListCallsRequest { center: CENTER.into(), inquiry_id: inquiry.into(), ..Default::default() };
    let shown = world.client("portal", Some(coordinator(CENTER))).list_calls(of).await.expect("a list").into_inner();
    let told: Vec<(bool, &str)> = shown.calls.iter().map(|call| (call.opened, call.outcome.as_str())).collect();
    assert_eq!(told.len(), 6);
    assert_eq!(told.iter().filter(|(opened, _)| *opened).count(), 1);
    assert_eq!(told.iter().filter(|(_, outcome)| *outcome == "called_back").count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_settle_each_others_calls_at_once_are_both_answered() {
    let world = World::start().await;
    taken(&world, &ended("c-0", "+12065550142", "missed")).await;
    for round in 1..=10 {
        let one = id(&taken(&world, &ended(&format!("a-{round}"), "+12065550142", "missed")).await);
        let other = id(&taken(&world, &ended(&format!("b-{round}"), "+12065550142", "missed")).await);
        let (also_other, also_one) = ([other.as_str()], [one.as_str()]);
        let (left, right) = tokio::join!(
            settle_with(&world, &one, ("called_back", ""), &also_other),
            settle_with(&world, &other, ("called_back", ""), &also_one),
        );
        let settled = left.expect("answered").len() + right.expect("answered").len();
        assert_eq!(settled, 2, "each call is settled once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_who_called_tells_later_is_laid_into_the_inquiry_that_was_made_of_the_call() {
    let world = World::start().await;
    let made = taken(&world, &ended("c-1", "+12065550142", "missed")).await;
    let inquiry = made["inquiry_id"].as_str().expect("an id").to_owned();
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    let open = OpenRepairRequest {
        center: CENTER.into(),
        kind: "inquiry".into(),
        id: inquiry.clone(),
        purpose: "repair".into(),
    };
    let shown = client.open_repair(open.clone()).await.expect("shown").into_inner();
    assert!(shown.may_release && shown.faults.is_empty() && shown.view.is_empty());
    assert_eq!(shown.row.expect("a row").reason, "missed_call");
    let told = ReleaseRepairRequest {
        center: CENTER.into(),
        kind: "inquiry".into(),
        id: inquiry.clone(),
        fields: [("name".to_owned(), "Testpatient Rosa".to_owned())].into(),
        ..Default::default()
    };
    let mended = client.release_repair(told.clone()).await.expect("mended").into_inner();
    assert_eq!((mended.outcome.as_str(), &mended.inquiry_id), ("mended", &inquiry));
    let shown = client.open_repair(open).await.expect("shown").into_inner();
    assert_eq!(shown.fields.get("name").map(String::as_str), Some("Testpatient Rosa"));
    assert_eq!(shown.fields.get("phone").map(String::as_str), Some("+12065550142"), "what the call told stays");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE needs_repair").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'mend_inquiry'").await, 1);
    // One that came with all its answers is mended as well, at any time.
    let whole = world.accepted(&body(&[])).await;
    let id = whole["inquiry_id"].as_str().expect("an id").to_owned();
    let mended = client.release_repair(ReleaseRepairRequest { id, ..told }).await.expect("asked").into_inner();
    assert_eq!(mended.outcome, "mended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_could_not_be_read_and_a_queue_that_is_not_set_up_are_shown_to_who_opens_the_call_alone() {
    let world = World::start().await;
    let odd = id(&taken(&world, &ended("c-1", "ext 4711", "missed")).await);
    let withheld = id(&taken(&world, &ended("c-2", "\"Anonymous\" <SIP:anonymous@a.invalid>", "missed")).await);
    let mut unknown = ended("c-3", "+12065550142", "missed");
    unknown["queue"] = json!("new-queue");
    let unknown = id(&taken(&world, &unknown).await);
    let opened = open(&world, Some(coordinator(CENTER)), &odd).await.expect("opened");
    assert_eq!((opened.number.as_str(), opened.number_as_sent.as_str()), ("", "ext 4711"));
    let opened = open(&world, Some(coordinator(CENTER)), &withheld).await.expect("opened");
    assert_eq!((opened.number.as_str(), opened.number_as_sent.as_str()), ("", ""));
    let opened = open(&world, Some(coordinator(CENTER)), &unknown).await.expect("opened");
    assert_eq!(opened.call.expect("a call").queue, "new-queue");
    let row = list(&world, "waiting").await.into_iter().find(|row| row.call_id == unknown).expect("it waits");
    assert_eq!((row.queue.as_str(), row.waits_for.as_str()), ("", "queue"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_call_that_was_told_twice_and_not_the_same_the_difference_is_shown_and_whose_it_is() {
    let world = World::start().await;
    let made = taken(&world, &ended("b-1", "+12065550142", "missed")).await;
    let mut other = ended("b-1", "+12065550142", "answered");
    other["agent"] = json!("dana");
    assert_eq!(send(&world.door, &world, &other).await.0, 409);
    let row = waiting(&world, "waiting").await.pop().expect("it waits");
    assert_eq!((row.door.as_str(), row.reason.as_str()), ("phone", "control_id_reused"));
    let shown = open_repair(&world, &row).await;
    let differ = |key: &str| (shown.standing.get(key).map(String::as_str), shown.fields.get(key).map(String::as_str));
    assert_eq!(differ("call_outcome"), (Some("missed"), Some("answered")));
    assert_eq!(differ("call_taken_by"), (None, Some("dana")));
    assert_eq!(differ("call_ended"), (Some("2026-03-04 19:41:00"), Some("2026-03-04 19:41:00")), "at the center");
    assert_eq!(differ("phone"), (Some("+12065550142"), Some("+12065550142")));
    let about = shown.row.expect("a row");
    assert_eq!((&json!(about.inquiry_id), &json!(about.reference)), (&made["inquiry_id"], &made["reference"]));
    assert!(!shown.may_assign && !shown.may_release && !shown.may_retry && shown.candidates.is_empty());
    let request =
        AssignMessageRequest { center: CENTER.into(), message_id: row.id, reference: about.reference, confirmed: true };
    let refused = world.client("portal", Some(coordinator(CENTER))).assign_message(request).await.expect_err("refused");
    assert_eq!(Reason::of(&refused), Some(Reason::WrongState));
}
