//! A form on its way to ingestion and to the page behind the link, with an ingestion that answers.

use std::sync::Mutex;

use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::ingestion_server::{Ingestion, IngestionServer};
use causeway_proto::inquiry::v1::{
    Consent, DecideLinkRequest, DecideLinkResponse, Facts, GetInquiryFactsRequest, ListLinksRequest, ListLinksResponse,
    ListRepairsRequest, ListRepairsResponse, OpenRepairRequest, ReindexPeopleRequest, ReindexPeopleResponse,
    ReleaseHeldRequest, ReleaseHeldResponse, ReleaseRepairRequest, Repair, RepairOutcome, RetryRepairsRequest,
    RetryRepairsResponse, RevealPeopleRequest, RevealPeopleResponse, SetAsideRepairsRequest, SetAsideRepairsResponse,
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

async fn portal(fake: Fake) -> Router {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let server = tonic::transport::Server::builder().add_service(IngestionServer::new(fake));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    patient::router(app_with(Mode::Development, Config::default(), &url))
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
