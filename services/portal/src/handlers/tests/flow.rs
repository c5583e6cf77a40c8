//! A form on its way to ingestion and to the page behind the link, with an ingestion that answers.

use std::sync::Mutex;

use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::ingestion_server::{Ingestion, IngestionServer};
use causeway_proto::inquiry::v1::{
    CallRow, Consent, DecideLinkRequest, DecideLinkResponse, Facts, GetInquiryFactsRequest, HeldInquiry, KnownInquiry,
    ListCallsRequest, ListCallsResponse, ListHeldRequest, ListHeldResponse, ListLinksRequest, ListLinksResponse,
    ListRepairsRequest, ListRepairsResponse, MarkSpamRequest, MarkSpamResponse, OpenCallRequest, OpenRepairRequest,
    OpenedCall, ReindexPeopleRequest, ReindexPeopleResponse, ReleaseHeldRequest, ReleaseHeldResponse,
    ReleaseRepairRequest, Repair, RepairOutcome, RetryRepairsRequest, RetryRepairsResponse, RevealPeopleRequest,
    RevealPeopleResponse, SetAsideRepairsRequest, SetAsideRepairsResponse, SettleCallRequest, SettleCallResponse,
    SettleMessagesRequest, SettleMessagesResponse, SubmitInquiryRequest, SubmitInquiryResponse, TakeGoodRowsRequest,
    TakeGoodRowsResponse,
};
use tonic::transport::server::TcpIncoming;
use tonic::{Request as Call, Response as Answer, Status};

use super::*;

#[derive(Clone, Default)]
struct Fake {
    taken: Arc<Mutex<Vec<SubmitInquiryRequest>>>,
    used_key: Option<&'static str>,
}

#[tonic::async_trait]
impl Ingestion for Fake {
    async fn submit_inquiry(&self, call: Call<SubmitInquiryRequest>) -> Result<Answer<SubmitInquiryResponse>, Status> {
        let request = call.into_inner();
        let refused = self.used_key == Some(request.idempotency_key.as_str());
        self.taken.lock().expect("lock").push(request);
        if refused {
            return Err(Reason::KeyReused.status("key was used with other content"));
        }
        let inquiry_id = Uuid::from_u128(7).to_string();
        Ok(Answer::new(SubmitInquiryResponse { inquiry_id, reference: "HV-1".into(), ..Default::default() }))
    }

    async fn reveal_people(&self, _: Call<RevealPeopleRequest>) -> Result<Answer<RevealPeopleResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn list_held(&self, _: Call<ListHeldRequest>) -> Result<Answer<ListHeldResponse>, Status> {
        let held = HeldInquiry {
            inquiry_id: Uuid::from_u128(9).to_string(),
            reference: "HV-9".into(),
            signs: vec!["too_fast".into(), "link".into()],
            ..HeldInquiry::default()
        };
        Ok(Answer::new(ListHeldResponse { held: vec![held] }))
    }

    async fn mark_spam(&self, call: Call<MarkSpamRequest>) -> Result<Answer<MarkSpamResponse>, Status> {
        let request = call.into_inner();
        match request.reason.as_str() {
            "advertising" => Ok(Answer::new(MarkSpamResponse { marked: request.inquiry_ids, not_held: Vec::new() })),
            _ => Err(Status::invalid_argument("reason")),
        }
    }

    async fn release_held(&self, _: Call<ReleaseHeldRequest>) -> Result<Answer<ReleaseHeldResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn settle_messages(&self, _: Call<SettleMessagesRequest>) -> Result<Answer<SettleMessagesResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn take_good_rows(&self, _: Call<TakeGoodRowsRequest>) -> Result<Answer<TakeGoodRowsResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn list_repairs(&self, _: Call<ListRepairsRequest>) -> Result<Answer<ListRepairsResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn open_repair(&self, _: Call<OpenRepairRequest>) -> Result<Answer<Repair>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn release_repair(&self, _: Call<ReleaseRepairRequest>) -> Result<Answer<RepairOutcome>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn retry_repairs(&self, _: Call<RetryRepairsRequest>) -> Result<Answer<RetryRepairsResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn set_aside_repairs(
        &self,
        _: Call<SetAsideRepairsRequest>,
    ) -> Result<Answer<SetAsideRepairsResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn list_links(&self, _: Call<ListLinksRequest>) -> Result<Answer<ListLinksResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn decide_link(&self, _: Call<DecideLinkRequest>) -> Result<Answer<DecideLinkResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn reindex_people(&self, _: Call<ReindexPeopleRequest>) -> Result<Answer<ReindexPeopleResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn list_calls(&self, call: Call<ListCallsRequest>) -> Result<Answer<ListCallsResponse>, Status> {
        let waits_for = if call.into_inner().view == "recent" { "entry" } else { "call_back" };
        let row = CallRow { waits_for: waits_for.into(), ..a_call() };
        Ok(Answer::new(ListCallsResponse { calls: vec![row], waiting: 1, next_page_token: String::new() }))
    }

    async fn open_call(&self, call: Call<OpenCallRequest>) -> Result<Answer<OpenedCall>, Status> {
        let request = call.into_inner();
        if request.call_id != a_call().call_id || request.purpose != "call_entry" {
            return Err(Status::invalid_argument("no call of this center has this id"));
        }
        let known = KnownInquiry {
            inquiry_id: Uuid::from_u128(3).to_string(),
            reference: "HV-3".into(),
            ..KnownInquiry::default()
        };
        Ok(Answer::new(OpenedCall {
            call: Some(a_call()),
            number: "+12065550142".into(),
            form_id: "second-opinion".into(),
            cancer_area: "gi".into(),
            known: vec![known],
            ..OpenedCall::default()
        }))
    }

    async fn settle_call(&self, call: Call<SettleCallRequest>) -> Result<Answer<SettleCallResponse>, Status> {
        let request = call.into_inner();
        match request.reason.as_str() {
            "wrong_number" | "belongs" => Ok(Answer::new(SettleCallResponse { settled: vec![request.call_id] })),
            _ => Err(Status::invalid_argument("reason must be another one")),
        }
    }

    async fn get_inquiry_facts(&self, _: Call<GetInquiryFactsRequest>) -> Result<Answer<Facts>, Status> {
        Ok(Answer::new(Facts {
            reference: "HV-7K4M-2QX".into(),
            language: "es".into(),
            received_at: 1_804_190_400_000_000,
            consent: Some(Consent { sms: true, ..Consent::default() }),
            ..Facts::default()
        }))
    }
}

fn a_call() -> CallRow {
    CallRow {
        call_id: Uuid::from_u128(21).to_string(),
        queue: "New patients".into(),
        direction: "inbound".into(),
        state: "answered".into(),
        agent: "dana-whitfield".into(),
        started_at: 1_804_110_000_000_000,
        ..CallRow::default()
    }
}

async fn portal(fake: Fake) -> Router {
    patient::router(app_before(fake).await)
}

async fn app_before(fake: Fake) -> Arc<App> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let server = tonic::transport::Server::builder().add_service(IngestionServer::new(fake));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    app_with(Mode::Development, Config::default(), &url)
}

#[tokio::test]
async fn a_plain_form_is_taken_in_and_leads_to_a_confirmation_behind_the_link() {
    let fake = Fake::default();
    let router = portal(fake.clone()).await;
    let sent = ask(&router, Method::POST, "/harbor-valley/forms/general", &[], FILLED).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let taken = fake.taken.lock().expect("lock").clone();
    assert!(taken[0].strict && !taken[0].idempotency_key.is_empty());
    assert_eq!(taken[0].answers.get("name").map(String::as_str), Some("Rosa"));
    let done = get(&router, sent.header("location")).await;
    assert_eq!(done.status, StatusCode::OK, "the desk is away and the facts are enough");
    assert!(done.body.contains("HV-7K4M-2QX") && !done.body.contains("Rosa"), "{}", done.body);
    let own = sent.header("location").split("/done").next().expect("link").to_owned();
    let own = get(&router, &own).await;
    assert!(own.status == StatusCode::OK && own.body.contains("<html lang=\"es\">"), "the inquiry's own language");
    assert!(own.body.contains("name=\"stop\" value=\"sms\"") && !own.body.contains("type=\"file\""));
}

#[tokio::test]
async fn what_travels_beside_the_answers_is_not_an_answer() {
    let fake = Fake::default();
    let router = portal(fake.clone()).await;
    let body = format!("{FILLED}&utm_source=news&landing_page=%2Fcolon&idempotency_key=k1&website=");
    ask(&router, Method::POST, "/harbor-valley/forms/general?lang=es", &[], &body).await;
    let taken = fake.taken.lock().expect("lock").clone();
    let attribution = taken[0].attribution.clone().expect("attribution");
    assert_eq!((attribution.utm_source.as_str(), attribution.landing_page.as_str()), ("news", "/colon"));
    assert_eq!((taken[0].idempotency_key.as_str(), taken[0].language.as_str()), ("k1", "es"));
    assert!(!taken[0].answers.contains_key("utm_source") && !taken[0].answers.contains_key("website"));
}

#[tokio::test]
async fn a_form_that_was_changed_after_it_was_sent_is_a_wish_of_its_own() {
    let fake = Fake { used_key: Some("old"), ..Fake::default() };
    let router = portal(fake.clone()).await;
    let body = format!("{FILLED}&idempotency_key=old");
    let sent = ask(&router, Method::POST, "/harbor-valley/forms/general", &[], &body).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    let keys: Vec<_> = fake.taken.lock().expect("lock").iter().map(|one| one.idempotency_key.clone()).collect();
    assert!(keys.len() == 2 && keys[0] == "old" && keys[1] != "old", "{keys:?}");
}

#[tokio::test]
async fn what_a_machine_would_do_is_told_beside_the_form_and_a_person_has_no_sign() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = patient::router(Arc::clone(&app));
    let path = "/harbor-valley/forms/general";
    let shown = |page: &str| {
        let after = page.split("name=\"shown\" value=\"").nth(1).expect("a token");
        after.split('"').next().expect("its end").to_owned()
    };
    let token = shown(&get(&router, path).await.body);
    let sent = format!("{FILLED}&shown={token}");
    ask(&router, Method::POST, path, &[], &sent).await;
    app.clock.advance(SignedDuration::from_secs(40));
    ask(&router, Method::POST, path, &[], &sent).await;
    // A page that comes back with faults is as old as the first one.
    let faulty = ask(&router, Method::POST, path, &[], &format!("shown={token}")).await;
    assert_eq!(shown(&faulty.body), token);
    app.clock.advance(SignedDuration::from_hours(25));
    ask(&router, Method::POST, path, &[], &sent).await;
    let elsewhere = app.links.issue("lakeside", "form shown", Uuid::nil(), Timestamp::MAX).expect("a token");
    ask(&router, Method::POST, path, &[], &format!("{FILLED}&shown={elsewhere}")).await;
    let taken = fake.taken.lock().expect("lock").clone();
    let signs: Vec<Vec<String>> = taken.iter().map(|one| one.signs.clone()).collect();
    assert_eq!(signs, [vec!["too_fast"], vec![], vec!["no_form"], vec!["no_form"]]);
    assert!(taken.iter().all(|one| !one.answers.contains_key("shown")));
}

#[tokio::test]
async fn what_is_held_is_shown_with_its_signs_to_those_who_repair_and_spam_is_said_with_a_reason() {
    let app = app_before(Fake::default()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let seen = ask(&router, Method::GET, "/held", &cookies, "").await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(
        seen.body.contains("HV-9") && seen.body.contains("Sent within seconds; A link in the text"),
        "{}",
        seen.body
    );
    let spam = format!("/held/{}/spam", Uuid::from_u128(9));
    let said = ask(&router, Method::POST, &spam, &cookies, &format!("csrf={csrf}&reason=advertising")).await;
    assert_eq!((said.status, said.header("location")), (StatusCode::SEE_OTHER, "/held"));
    assert!(ask(&router, Method::GET, "/held", &cookies, "").await.body.contains("It is kept as spam"));
    assert_eq!(
        ask(&router, Method::POST, &spam, &cookies, "reason=test").await.status,
        StatusCode::FORBIDDEN,
        "no token"
    );
    let (scheduler, _) = signed_in(&app, &[Role::Scheduler]);
    let refused = ask(&router, Method::GET, "/held", &[("cookie", scheduler.as_str())], "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.body.contains("href=\"/held\""), "a page that would be refused is not offered");
}

#[tokio::test]
async fn a_call_of_the_last_hour_is_chosen_prefilled_and_tied_to_its_entry() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let url = format!("/inquiries/new?call={}", a_call().call_id);
    let offered = ask(&router, Method::GET, "/inquiries/new", &cookies, "").await;
    assert!(offered.body.contains("Calls of the last hour without an entry"), "{}", offered.body);
    assert!(offered.body.contains(&format!("href=\"{url}\"")) && !offered.body.contains("555 0142"));
    assert!(offered.body.contains("name=\"called_at\" value=\"2027-03-03T14:14\""), "now, at the center");

    let chosen = ask(&router, Method::GET, &url, &cookies, "").await;
    assert_eq!(chosen.status, StatusCode::OK);
    for shown in [
        "206 555 0142",
        "value=\"+12065550142\"",
        "answered by Dana Whitfield",
        "href=\"/inquiries/00000000-0000-0000-0000-000000000003\"",
        "name=\"form\" value=\"second-opinion\"",
        "name=\"called_at\" value=\"2027-03-03T13:40\"",
    ] {
        assert!(chosen.body.contains(shown), "{shown}: {}", chosen.body);
    }
    assert!(!chosen.body.split("</title>").next().expect("title").contains("555"), "no number stands in a title");
    let hidden = format!("name=\"call\" value=\"{}\"", a_call().call_id);
    assert!(chosen.body.contains(&hidden));

    let faulty = format!("csrf={csrf}&form=second-opinion&call={}&phone=12", a_call().call_id);
    let back = ask(&router, Method::POST, "/inquiries/new", &cookies, &faulty).await;
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(back.body.contains(&hidden) && back.body.contains("206 555 0142"), "the call stays chosen");
    let sent = format!(
        "csrf={csrf}&form=second-opinion&call={}&called_at=2027-03-02T16:00&idempotency_key=k&{FILLED}",
        a_call().call_id
    );
    let saved = ask(&router, Method::POST, "/inquiries/new", &cookies, &sent).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let taken = fake.taken.lock().expect("lock").clone();
    assert_eq!((taken.len(), taken[0].call_id.as_str()), (1, a_call().call_id.as_str()));
    assert_eq!(taken[0].answers.get("called_at").map(String::as_str), Some("2027-03-02T16:00"));
    assert!(!taken[0].answers.contains_key("call"));

    let unknown = format!("/inquiries/new?call={}", Uuid::from_u128(99));
    let unknown = ask(&router, Method::GET, &unknown, &cookies, "").await;
    assert!(unknown.status == StatusCode::OK && unknown.body.contains("You can enter it all the same."));
    let rubbish = ask(&router, Method::GET, "/inquiries/new?call=%3Cb%3E", &cookies, "").await;
    assert!(rubbish.status == StatusCode::OK && !rubbish.body.contains("name=\"call\""));
}

#[tokio::test]
async fn calls_that_wait_are_listed_for_who_enters_inquiries_and_leave_the_list_with_a_reason() {
    let app = app_before(Fake::default()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let seen = ask(&router, Method::GET, "/calls", &cookies, "").await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.body.contains("1 call waits.") && seen.body.contains("Another call of somebody"), "{}", seen.body);
    assert!(seen.body.contains("href=\"/calls\" aria-current=\"page\""));
    let settle = format!("/calls/{}/settle", a_call().call_id);
    let said = ask(&router, Method::POST, &settle, &cookies, &format!("csrf={csrf}&reason=wrong_number")).await;
    assert_eq!((said.status, said.header("location")), (StatusCode::SEE_OTHER, "/calls"));
    assert!(ask(&router, Method::GET, "/calls", &cookies, "").await.body.contains("The call waits no more"));
    ask(&router, Method::POST, &settle, &cookies, &format!("csrf={csrf}&reason=")).await;
    assert!(ask(&router, Method::GET, "/calls", &cookies, "").await.body.contains("Choose what became of the call."));
    let belongs = format!("csrf={csrf}&reason=belongs&inquiry_id={}", Uuid::from_u128(3));
    let belongs = ask(&router, Method::POST, &settle, &cookies, &belongs).await;
    assert_eq!(belongs.header("location"), format!("/inquiries/{}", Uuid::from_u128(3)));
    let forged = ask(&router, Method::POST, &settle, &cookies, "reason=wrong_number").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN, "no token");
    let (reviewer, _) = signed_in(&app, &[Role::Reviewer]);
    let refused = ask(&router, Method::GET, "/calls", &[("cookie", reviewer.as_str())], "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.body.contains("href=\"/calls\""), "a page that would be refused is not offered");
}
