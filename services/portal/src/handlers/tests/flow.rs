//! A form on its way to ingestion and to the page behind the link, with an ingestion that answers.

use std::sync::Mutex;

use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::ingestion_server::{Ingestion, IngestionServer};
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, BeginDocumentRequest, Consent, DecideLinkRequest, DecideLinkResponse, Document,
    DocumentPart, DocumentUpload, Facts, FinishDocumentRequest, GetDocumentUploadRequest, GetInquiryFactsRequest,
    HeldInquiry, ListDocumentsRequest, ListDocumentsResponse, ListHeldRequest, ListHeldResponse, ListLinksRequest,
    ListLinksResponse, ListRepairsRequest, ListRepairsResponse, MarkSpamRequest, MarkSpamResponse,
    MatchDocumentRequest, OpenDocumentRequest, OpenRepairRequest, ReindexPeopleRequest, ReindexPeopleResponse,
    ReleaseHeldRequest, ReleaseHeldResponse, ReleaseRepairRequest, Repair, RepairOutcome, RetryRepairsRequest,
    RetryRepairsResponse, RevealPeopleRequest, RevealPeopleResponse, SetAsideRepairsRequest, SetAsideRepairsResponse,
    SettleMessagesRequest, SettleMessagesResponse, SubmitInquiryRequest, SubmitInquiryResponse, TakeGoodRowsRequest,
    TakeGoodRowsResponse,
};
use tonic::transport::server::TcpIncoming;
use tonic::{Request as Call, Response as Answer, Status};

use super::*;

#[derive(Clone, Default)]
pub(super) struct Fake {
    taken: Arc<Mutex<Vec<SubmitInquiryRequest>>>,
    used_key: Option<&'static str>,
    /// Documents as they were begun, with the bytes that came.
    pub(super) documents: Arc<Mutex<Vec<(BeginDocumentRequest, Vec<u8>)>>>,
    /// What documents were matched with.
    pub(super) matched: Arc<Mutex<Vec<MatchDocumentRequest>>>,
}

/// Most bytes of a part that this ingestion takes.
pub(super) const PART: usize = 1000;

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

    async fn begin_document(&self, call: Call<BeginDocumentRequest>) -> Result<Answer<DocumentUpload>, Status> {
        let mut documents = self.documents.lock().expect("lock");
        documents.push((call.into_inner(), Vec::new()));
        let document_id = Uuid::from_u128(documents.len() as u128).to_string();
        let most_bytes = i32::try_from(PART).expect("small");
        Ok(Answer::new(DocumentUpload { document_id, most_bytes, ..DocumentUpload::default() }))
    }

    async fn append_document(&self, call: Call<AppendDocumentRequest>) -> Result<Answer<DocumentUpload>, Status> {
        let request = call.into_inner();
        if request.content.is_empty() || request.content.len() > PART {
            return Err(Status::invalid_argument("not so many bytes"));
        }
        let mut documents = self.documents.lock().expect("lock");
        let (_, bytes) = documents.last_mut().expect("begun");
        if i64::try_from(bytes.len()) != Ok(request.offset) {
            return Err(Reason::Conflict.status("another offset"));
        }
        bytes.extend_from_slice(&request.content);
        if bytes.starts_with(b"MZ") {
            return Err(unusable("program"));
        }
        let offset = i64::try_from(bytes.len()).expect("small");
        Ok(Answer::new(DocumentUpload { document_id: request.document_id, offset, ..DocumentUpload::default() }))
    }

    async fn get_document_upload(&self, _: Call<GetDocumentUploadRequest>) -> Result<Answer<DocumentUpload>, Status> {
        let documents = self.documents.lock().expect("lock");
        let (_, bytes) = documents.last().ok_or_else(|| Reason::NotFound.status("none"))?;
        let offset = i64::try_from(bytes.len()).expect("small");
        Ok(Answer::new(DocumentUpload { offset, ..DocumentUpload::default() }))
    }

    async fn finish_document(&self, call: Call<FinishDocumentRequest>) -> Result<Answer<Document>, Status> {
        let documents = self.documents.lock().expect("lock");
        match documents.last().expect("begun").1.is_empty() {
            true => Err(unusable("empty")),
            false => Ok(Answer::new(Document { document_id: call.into_inner().document_id, ..Document::default() })),
        }
    }

    async fn list_documents(&self, _: Call<ListDocumentsRequest>) -> Result<Answer<ListDocumentsResponse>, Status> {
        Ok(Answer::new(ListDocumentsResponse::default()))
    }

    type OpenDocumentStream = futures::stream::BoxStream<'static, Result<DocumentPart, Status>>;

    async fn open_document(&self, call: Call<OpenDocumentRequest>) -> Result<Answer<Self::OpenDocumentStream>, Status> {
        let request = call.into_inner();
        if request.document_id == Uuid::nil().to_string() {
            return Err(Reason::WrongState.status("the document is still being checked for malware"));
        }
        let document = Document { document_id: request.document_id, content_type: "pdf".into(), ..Document::default() };
        let first = DocumentPart { document: Some(document), content: Vec::new() };
        let part = |content: &[u8]| DocumentPart { document: None, content: content.to_vec() };
        let parts = [Ok(first), Ok(part(b"%PDF-")), Ok(part(b"1.4"))];
        Ok(Answer::new(futures::StreamExt::boxed(futures::stream::iter(parts))))
    }

    async fn match_document(&self, call: Call<MatchDocumentRequest>) -> Result<Answer<Document>, Status> {
        self.matched.lock().expect("lock").push(call.into_inner());
        Ok(Answer::new(Document::default()))
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

/// The refusal of a file, as ingestion says it.
fn unusable(word: &str) -> Status {
    use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};
    let mut violation = FieldViolation::new("file", "words");
    violation.reason = word.to_owned();
    let mut details = ErrorDetails::new();
    details.set_bad_request(vec![violation]);
    let plain = Reason::FieldFault.status("words");
    Status::with_error_details_and_metadata(plain.code(), "words", details, plain.metadata().clone())
}

async fn portal(fake: Fake) -> Router {
    patient::router(app_before(fake).await)
}

pub(super) async fn app_before(fake: Fake) -> Arc<App> {
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
    assert!(own.body.contains("name=\"stop\" value=\"sms\"") && own.body.contains("capture=\"environment\""));
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
