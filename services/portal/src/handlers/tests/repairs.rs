//! The repair queue as staff meet it, with an ingestion that answers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use causeway_proto::inquiry::v1::{
    ApplyMessageRequest, AssignMessageRequest, DecideLinkRequest, DecideLinkResponse, ListRepairsRequest,
    ListRepairsResponse, OpenRepairRequest, ReleaseRepairRequest, Repair, RepairCandidate, RepairCount, RepairFault,
    RepairOutcome, RepairRow, RetryFileRequest, RetryFileResponse, RetryRepairsRequest, RetryRepairsResponse,
    SetAsideRepairsRequest, SetAsideRepairsResponse, SettleMessagesRequest, SettleMessagesResponse,
    TakeGoodRowsRequest, TakeGoodRowsResponse,
};
use tonic::{Response as Answer, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::flow::{Fake, app_before};
use super::*;

const ID: Uuid = Uuid::from_u128(11);
const FILE: Uuid = Uuid::from_u128(12);

/// One message that waits, and what was asked of the queue.
#[derive(Clone, Default)]
pub struct Queue(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    listed: Vec<ListRepairsRequest>,
    opened: Vec<OpenRepairRequest>,
    released: Vec<ReleaseRepairRequest>,
    retried: Vec<RetryRepairsRequest>,
    set_aside: Vec<SetAsideRepairsRequest>,
    settled: usize,
    is_gone: bool,
    is_cancellation: bool,
    /// It changes a referral, and names another patient.
    is_change: bool,
    /// It is an event of a call that was told otherwise before.
    is_clash: bool,
    assigned: Vec<AssignMessageRequest>,
    applied: Vec<ApplyMessageRequest>,
    files: Vec<(&'static str, String)>,
    links: Vec<DecideLinkRequest>,
}

type Told<T> = Result<Answer<T>, Status>;

impl Queue {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("lock")
    }

    pub fn list(&self, request: ListRepairsRequest) -> Told<ListRepairsResponse> {
        let mut seen = self.seen();
        let here = request.view != "refused" && !seen.is_gone;
        seen.listed.push(request);
        let row = RepairRow {
            kind: "message".into(),
            id: ID.to_string(),
            door: "hl7".into(),
            feed: "cedar-hl7".into(),
            message_kind: "REF^I12".into(),
            reason: "code_unknown".into(),
            times: 2,
            since: 1_804_190_400_000_000,
            ..RepairRow::default()
        };
        let mended = RepairRow { kind: "inquiry".into(), reason: "defects".into(), ..row.clone() };
        let count = |reason: &str, count| RepairCount { reason: reason.into(), count };
        let file = RepairRow {
            kind: "file".into(),
            id: FILE.to_string(),
            door: "csv".into(),
            reason: "too_many_bad_rows".into(),
            detail: "7 of 9 rows".into(),
            ..row.clone()
        };
        let (rows, counts) = match here {
            true => (vec![row, mended, file], vec![count("code_unknown", 1), count("defects", 2)]),
            false => (Vec::new(), Vec::new()),
        };
        Ok(Answer::new(ListRepairsResponse { rows, counts, next_page_token: String::new() }))
    }

    pub fn open(&self, request: OpenRepairRequest) -> Told<Repair> {
        let mut seen = self.seen();
        let (is_cancellation, is_change) = (seen.is_cancellation, seen.is_change);
        seen.opened.push(request);
        if is_change {
            return Ok(Answer::new(change()));
        }
        if seen.is_clash {
            return Ok(Answer::new(clash()));
        }
        let row = RepairRow {
            kind: "message".into(),
            id: ID.to_string(),
            door: "hl7".into(),
            feed: "cedar-hl7".into(),
            reason: if is_cancellation { "referral_cancelled" } else { "code_unknown" }.into(),
            ..RepairRow::default()
        };
        let fault = |place: &str, message: &str| RepairFault { place: place.into(), message: message.into() };
        Ok(Answer::new(Repair {
            row: Some(row),
            raw: "MSH|^~\\&|HUB\rPID|1||Testpatient^Rosa".into(),
            faults: vec![fault("PID-13", "Send a phone number"), fault("ZRF-1", "Add the code to the feed")],
            fields: HashMap::from([
                ("name".to_owned(), "Rosa Testpatient".to_owned()),
                ("payer".to_owned(), "medicare".to_owned()),
            ]),
            may_release: !is_cancellation,
            view: "waiting".into(),
            ..Repair::default()
        }))
    }

    pub fn release(&self, request: ReleaseRepairRequest) -> Told<RepairOutcome> {
        let mut seen = self.seen();
        let phone = request.fields.get("phone").cloned();
        let was = request.was.get("name").cloned();
        seen.released.push(request);
        if was.is_some_and(|was| was != "Rosa Testpatient") {
            let words = causeway_funnel::contact::FaultCode::ChangedMeanwhile.label("en");
            let wrong = ErrorDetails::with_bad_request_violation("name", words);
            return Err(Status::with_error_details(tonic::Code::InvalidArgument, "mend", wrong));
        }
        if phone.as_deref() == Some("12") {
            let wrong = ErrorDetails::with_bad_request_violation("phone", "Enter a phone number with area code");
            return Err(Status::with_error_details(tonic::Code::InvalidArgument, "mend", wrong));
        }
        seen.is_gone = true;
        let outcome =
            RepairOutcome { outcome: "accepted".into(), reference: "HV-11".into(), ..RepairOutcome::default() };
        Ok(Answer::new(outcome))
    }

    pub fn retry(&self, request: RetryRepairsRequest) -> Told<RetryRepairsResponse> {
        let outcome =
            |id: &String| RepairOutcome { id: id.clone(), outcome: "code_unknown".into(), ..RepairOutcome::default() };
        let outcomes = request.ids.iter().map(outcome).collect();
        self.seen().retried.push(request);
        Ok(Answer::new(RetryRepairsResponse { outcomes, next_page_token: String::new() }))
    }

    pub fn set_aside(&self, request: SetAsideRepairsRequest) -> Told<SetAsideRepairsResponse> {
        let set_aside = request.ids.clone();
        self.seen().set_aside.push(request);
        Ok(Answer::new(SetAsideRepairsResponse { set_aside, not_waiting: Vec::new() }))
    }

    pub fn settle(&self, request: SettleMessagesRequest) -> Told<SettleMessagesResponse> {
        let mut seen = self.seen();
        if seen.is_change {
            let other_patient = request.message_ids;
            return Ok(Answer::new(SettleMessagesResponse { other_patient, ..SettleMessagesResponse::default() }));
        }
        seen.settled += request.message_ids.len();
        Ok(Answer::new(SettleMessagesResponse { settled: request.message_ids, ..SettleMessagesResponse::default() }))
    }

    pub fn assign(&self, request: AssignMessageRequest) -> Told<RepairOutcome> {
        let outcome = if request.confirmed { "assigned" } else { "other_patient" };
        let reference = request.reference.clone();
        self.seen().assigned.push(request);
        Ok(Answer::new(RepairOutcome { outcome: outcome.into(), reference, ..RepairOutcome::default() }))
    }

    pub fn apply(&self, request: ApplyMessageRequest) -> Told<RepairOutcome> {
        let is_bad = request.fields == ["phone"];
        let routed_by: Vec<String> = request.fields.iter().filter(|key| *key == "cancer_area").cloned().collect();
        self.seen().applied.push(request);
        if is_bad {
            let wrong = ErrorDetails::with_bad_request_violation("phone", "Check the phone number");
            return Err(Status::with_error_details(tonic::Code::InvalidArgument, "mend", wrong));
        }
        Ok(Answer::new(RepairOutcome {
            outcome: "applied".into(),
            reference: "HV-7".into(),
            inquiry_id: Uuid::from_u128(7).to_string(),
            routed_by,
            ..RepairOutcome::default()
        }))
    }

    pub fn retry_file(&self, request: RetryFileRequest) -> Told<RetryFileResponse> {
        self.seen().files.push(("retry", request.file_id));
        Ok(Answer::new(RetryFileResponse {}))
    }

    pub fn take_good_rows(&self, request: TakeGoodRowsRequest) -> Told<TakeGoodRowsResponse> {
        self.seen().files.push(("take", request.file_id));
        Ok(Answer::new(TakeGoodRowsResponse {}))
    }

    pub fn decide(&self, request: DecideLinkRequest) -> Told<DecideLinkResponse> {
        let is_known = ["same", "different", "open"].contains(&request.state.as_str());
        self.seen().links.push(request);
        match is_known {
            true => Ok(Answer::new(DecideLinkResponse::default())),
            false => Err(Status::invalid_argument("state must be same, different or open")),
        }
    }
}

/// A change of a referral that names another patient than its inquiry.
fn change() -> Repair {
    let pairs =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let candidate = |reference: &str, is_same| RepairCandidate {
        inquiry_id: Uuid::from_u128(7).to_string(),
        reference: reference.into(),
        name: "Rosa Testpatient".into(),
        birth_date: "1968-07-19".into(),
        because: "same birth date".into(),
        is_same,
        ..RepairCandidate::default()
    };
    Repair {
        row: Some(RepairRow {
            kind: "message".into(),
            id: ID.to_string(),
            door: "hl7".into(),
            feed: "cedar-hl7".into(),
            reason: "referral_modified".into(),
            reference: "HV-7".into(),
            inquiry_id: Uuid::from_u128(7).to_string(),
            ..RepairRow::default()
        }),
        raw: "MSH|^~\\&|HUB\rPID|1||Testother^Rosa".into(),
        fields: pairs(&[("phone", "206 555 0177"), ("cancer_area", "gi"), ("name", "Rosa Testother")]),
        standing: pairs(&[("phone", "206 555 0142"), ("cancer_area", "gi"), ("name", "Rosa Testpatient")]),
        standing_kind: "inquiry".into(),
        view: "waiting".into(),
        may_apply: true,
        may_assign: true,
        is_other_patient: true,
        candidates: vec![candidate("HV-7", true), candidate("HV-8", false)],
        ..Repair::default()
    }
}

/// An event of a call that contradicts the one that came first.
fn clash() -> Repair {
    let told = |outcome: &str| HashMap::from([("call_outcome".to_owned(), outcome.to_owned())]);
    Repair {
        row: Some(RepairRow {
            kind: "message".into(),
            id: ID.to_string(),
            door: "phone".into(),
            feed: "harbor-phone".into(),
            message_kind: "call.ended".into(),
            reason: "control_id_reused".into(),
            reference: "HV-7".into(),
            inquiry_id: Uuid::from_u128(7).to_string(),
            ..RepairRow::default()
        }),
        fields: told("answered"),
        standing: told("missed"),
        standing_kind: "message".into(),
        view: "waiting".into(),
        ..Repair::default()
    }
}

struct Desk {
    router: Router,
    queue: Queue,
    cookie: String,
    csrf: String,
}

impl Desk {
    async fn of(roles: &[Role]) -> Self {
        let fake = Fake::default();
        let queue = fake.queue.clone();
        let app = app_before(fake).await;
        let (cookie, csrf) = signed_in(&app, roles);
        Self { router: staff::router(app), queue, cookie, csrf }
    }

    async fn get(&self, path: &str) -> Page {
        ask(&self.router, Method::GET, path, &[("cookie", self.cookie.as_str())], "").await
    }

    async fn post(&self, path: &str, body: &str) -> Page {
        let body = format!("csrf={}&{body}", self.csrf);
        ask(&self.router, Method::POST, path, &[("cookie", self.cookie.as_str())], &body).await
    }
}

type Page = super::Seen;

#[tokio::test]
async fn what_waits_is_listed_with_why_and_who_can_act_and_the_bar_counts_it() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    let seen = desk.get("/repairs?door=hl7&reason=code_unknown").await;
    assert_eq!(seen.status, StatusCode::OK);
    for part in [
        "Cedar Family Medicine",
        "A code that we don’t know",
        "Whoever keeps the feed’s settings, or you",
        "HL7 messages · REF^I12",
        "Repairs (3",
        "An answer that can’t be read (2)",
        "name=\"id-00000000-0000-0000-0000-00000000000b\"",
        "?kind=inquiry",
    ] {
        assert!(seen.body.contains(part), "{part}: {}", seen.body);
    }
    assert_eq!(seen.body.matches("name=\"id-").count(), 1, "an inquiry is not tried again");
    let listed = desk.queue.seen().listed.iter().map(|one| one.door.clone()).collect::<Vec<_>>();
    assert!(listed.contains(&"hl7".to_owned()), "{listed:?}");
    assert!(desk.get("/repairs?view=refused").await.body.contains("Nothing waits."));
    assert!(desk.get("/held").await.body.contains("Repairs (3"), "on every page");

    let scheduler = Desk::of(&[Role::Scheduler]).await;
    for path in ["/repairs", &format!("/repairs/{ID}")] {
        let refused = scheduler.get(path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!refused.body.contains("href=\"/repairs\""), "a page that would be refused is not offered");
    }
    assert!(scheduler.queue.seen().opened.is_empty() && scheduler.queue.seen().listed.is_empty());
}

#[tokio::test]
async fn one_is_shown_with_each_fault_at_its_answer_and_a_mended_answer_alone_is_sent_on() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    let path = format!("/repairs/{ID}");
    let seen = desk.get(&path).await;
    assert_eq!(seen.status, StatusCode::OK);
    let title = seen.body.split("</title>").next().expect("a title");
    assert!(!title.contains("Rosa") && seen.body.contains("value=\"Rosa Testpatient\""));
    let at_phone = seen.body.split("id=\"phone-error\"").nth(1).expect("a fault at the phone");
    assert!(at_phone.contains("Send a phone number"));
    assert!(seen.body.contains("Add the code to the feed") && seen.body.contains("PID|1||Testpatient^Rosa"));
    assert_eq!(desk.queue.seen().opened[0].purpose, "repair");

    let sent = "kind=message&was-name=Rosa+Testpatient&name=Rosa+Testpatient&was-phone=&phone=12";
    let back = desk.post(&format!("{path}/release"), sent).await;
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(back.body.contains("There is a problem") && back.body.contains("href=\"#phone\""), "{}", back.body);
    assert!(back.body.contains("name=\"phone\" autocomplete=\"off\"") && back.body.contains("value=\"12\""));

    // Another has mended the name since, and neither value is lost: theirs stands beside it and is what the next save goes by.
    let old = "kind=inquiry&was-name=Rosa&name=Ana&was-payer=private&payer=private";
    let back = desk.post(&format!("{path}/release"), old).await;
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    let at_name = back.body.split("id=\"name-error\"").nth(1).expect("a fault at the name");
    assert!(at_name.contains("It says now: Rosa Testpatient") && at_name.contains("value=\"Ana\""), "{}", back.body);
    assert!(back.body.contains("name=\"was-name\" value=\"Rosa Testpatient\""), "{}", back.body);
    let told = desk.queue.seen().released[1].clone();
    assert_eq!((told.was["name"].as_str(), told.was.len()), ("Rosa", 1));

    let done = desk.post(&format!("{path}/release"), &sent.replace("phone=12", "phone=206+555+0142")).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, "/repairs"));
    let released = desk.queue.seen().released.clone();
    assert_eq!(released[2].fields, HashMap::from([("phone".to_owned(), "206 555 0142".to_owned())]));
    assert!(released[2].strict);
    let list = desk.get("/repairs").await;
    assert!(list.body.contains("Released. The request number is HV-11.") && list.body.contains("Repairs (0"));
}

#[tokio::test]
async fn several_are_tried_again_and_one_is_set_aside_with_a_reason_or_said_to_be_done() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    let none = desk.post("/repairs/retry", "view=waiting").await;
    assert_eq!(none.header("location"), "/repairs?view=waiting");
    assert!(desk.get("/repairs").await.body.contains("Choose at least one"));
    let chosen = format!("view=refused&id-{ID}=yes&id-{}=yes&id-rubbish=yes", Uuid::from_u128(12));
    let tried = desk.post("/repairs/retry", &chosen).await;
    assert_eq!(tried.header("location"), "/repairs?view=refused");
    assert_eq!(desk.queue.seen().retried[0].ids.len(), 2);
    assert!(desk.get("/repairs").await.body.contains("2 tried again: 0 taken, 2 still wait."));

    let aside = format!("/repairs/{ID}/aside");
    let without = desk.post(&aside, "kind=message&reason=").await;
    assert_eq!(without.header("location"), format!("/repairs/{ID}"));
    assert!(desk.queue.seen().set_aside.is_empty());
    desk.post(&aside, "kind=message&reason=duplicate").await;
    assert_eq!(desk.queue.seen().set_aside[0].reason, "duplicate");
    let settled = desk.post(&format!("/repairs/{ID}/settle"), "").await;
    assert_eq!((settled.header("location"), desk.queue.seen().settled), ("/repairs", 1));
    let foreign = ask(&desk.router, Method::POST, &aside, &[("cookie", &desk.cookie)], "reason=duplicate").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "no token");
    assert_eq!(desk.post("/repairs/rubbish/release", "kind=message").await.header("location"), "/repairs");
}

#[tokio::test]
async fn a_change_is_shown_beside_what_stands_and_only_what_is_chosen_is_taken_over() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    desk.queue.seen().is_change = true;
    let path = format!("/repairs/{ID}");
    let seen = desk.get(&path).await;
    for part in ["206 555 0142", "206 555 0177", "name=\"take-phone\"", "name=\"take-name\"", "What stands in HV-7"] {
        assert!(seen.body.contains(part), "{part}: {}", seen.body);
    }
    assert!(!seen.body.contains("name=\"take-cancer_area\""), "it says the same");
    assert!(seen.body.contains("It names another patient than its inquiry."));
    assert!(!seen.body.contains("/release\""), "a change is no new inquiry");

    let apply = format!("{path}/apply");
    assert_eq!(desk.post(&apply, "confirmed=yes").await.header("location"), path);
    assert!(desk.get(&path).await.body.contains("Choose at least one answer to take over."));
    assert!(desk.queue.seen().applied.is_empty());
    let unread = desk.post(&apply, "take-phone=yes").await;
    assert_eq!(unread.header("location"), path);
    assert!(desk.get(&path).await.body.contains("phone: Check the phone number."), "which one, and why");
    let done = desk.post(&apply, "take-phone=yes&take-name=yes&confirmed=yes").await;
    assert_eq!(done.header("location"), "/repairs");
    let moved = desk.post(&apply, "take-cancer_area=yes").await;
    assert_eq!(moved.header("location"), format!("/inquiries/{}", Uuid::from_u128(7)), "where its team is changed");
    let applied = desk.queue.seen().applied.clone();
    assert_eq!(
        (applied[1].fields.as_slice(), applied[1].confirmed),
        (&["name".to_owned(), "phone".to_owned()][..], true)
    );
    assert!(!applied[2].confirmed);

    let settled = desk.post(&format!("{path}/settle"), "").await;
    assert_eq!(settled.header("location"), path, "its documents would be lost");
    assert!(desk.get(&path).await.body.contains("It still waits. It names another patient."));
}

#[tokio::test]
async fn a_message_is_put_to_its_inquiry_and_where_the_names_differ_only_if_it_is_meant() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    desk.queue.seen().is_change = true;
    let path = format!("/repairs/{ID}");
    let seen = desk.get(&path).await;
    assert!(seen.body.contains("Rosa Testpatient, 1968-07-19") && seen.body.contains("same birth date"));
    assert_eq!(seen.body.matches("although the names differ").count(), 1, "only at the one that differs");
    assert!(seen.body.contains("Number of another inquiry"));
    let assign = format!("{path}/assign");
    assert_eq!(desk.post(&assign, "reference=+").await.header("location"), path);
    assert!(desk.queue.seen().assigned.is_empty());
    assert_eq!(desk.post(&assign, "reference=HV-8").await.header("location"), path);
    assert!(desk.get(&path).await.body.contains("Nothing was done. It names another patient than HV-8."));
    assert_eq!(desk.post(&assign, "reference=HV-8&confirmed=yes").await.header("location"), "/repairs");
    assert!(desk.get("/repairs").await.body.contains("It is put to HV-8, with its papers."));
    let assigned: Vec<bool> = desk.queue.seen().assigned.iter().map(|one| one.confirmed).collect();
    assert_eq!(assigned, [false, true]);
}

#[tokio::test]
async fn a_file_is_looked_through_again_or_its_good_rows_are_taken_from_its_row() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    let list = desk.get("/repairs").await.body;
    let retry = format!("/repairs/files/{FILE}/retry");
    assert!(list.contains(&format!("formaction=\"{retry}\"")) && list.contains("(7 of 9 rows)"), "{list}");
    assert!(!list.contains(&format!("name=\"id-{FILE}\"")), "it is no message");
    assert_eq!(desk.post(&retry, "view=waiting").await.header("location"), "/repairs");
    desk.post(&format!("/repairs/files/{FILE}/take"), "").await;
    let asked = desk.queue.seen().files.clone();
    assert_eq!(asked, [("retry", FILE.to_string()), ("take", FILE.to_string())]);
}

#[tokio::test]
async fn who_is_the_same_person_is_said_and_undone_by_a_person_and_never_by_a_foreign_page() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    let (one, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
    desk.post(&format!("/inquiries/{one}/twins/by-number"), "state=same&reference=HV-9&version=1.0").await;
    let named = std::mem::take(&mut desk.queue.seen().links);
    assert_eq!((named[0].other_reference.as_str(), named[0].other_inquiry_id.as_str()), ("HV-9", ""));
    let path = format!("/inquiries/{one}/twins/{other}");
    for state in ["same", "different", "open", "cousin"] {
        let said = desk.post(&path, &format!("state={state}&version=1.0")).await;
        assert_eq!(
            (said.status, said.header("location")),
            (StatusCode::SEE_OTHER, format!("/inquiries/{one}").as_str())
        );
    }
    let links = desk.queue.seen().links.clone();
    let told: Vec<_> = links.iter().map(|link| link.state.as_str()).collect();
    assert_eq!(told, ["same", "different", "open", "cousin"]);
    assert_eq!(
        (links[0].inquiry_id.as_str(), links[0].other_inquiry_id.as_str()),
        (one.to_string().as_str(), other.to_string().as_str())
    );
    assert_eq!(links[0].center, "harbor-valley");
    let foreign = ask(&desk.router, Method::POST, &path, &[("cookie", &desk.cookie)], "state=same").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "no token");
    assert_eq!(desk.queue.seen().links.len(), 4);
}

#[tokio::test]
async fn a_cancellation_offers_no_release_and_says_where_to_act() {
    let desk = Desk::of(&[Role::Manager]).await;
    desk.queue.seen().is_cancellation = true;
    let seen = desk.get(&format!("/repairs/{ID}")).await;
    assert!(!seen.body.contains("/release\"") && seen.body.contains("Close its inquiry."), "{}", seen.body);
    assert!(seen.body.contains("It is done") && seen.body.contains("Set aside"));
}

#[tokio::test]
async fn a_call_that_was_told_twice_says_what_differs_and_by_what_door_it_came() {
    let desk = Desk::of(&[Role::Coordinator]).await;
    assert!(desk.get("/repairs").await.body.contains("<option value=\"phone\">The phone system</option>"));
    desk.queue.seen().is_clash = true;
    let seen = desk.get(&format!("/repairs/{ID}")).await;
    for part in
        ["The phone system · call.ended", "Call outcome", ">missed<", ">answered<", "HV-7", "What came first stands."]
    {
        assert!(seen.body.contains(part), "{part}: {}", seen.body);
    }
    for part in
        ["A feed that is gone", "It says nothing else than", "We know no inquiry of this patient", "The office sent"]
    {
        assert!(!seen.body.contains(part), "{part}: {}", seen.body);
    }
}
