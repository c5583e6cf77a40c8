//! A form on its way to ingestion and to the page behind the link, with an ingestion that answers.

use std::sync::Mutex;

use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::ingestion_server::{Ingestion, IngestionServer};
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, ApplyMessageRequest, AssignMessageRequest, BeginDocumentRequest, CallRow, Consent,
    DecideLinkRequest, DecideLinkResponse, Document, DocumentPart, DocumentUpload, Facts, FeedStatus,
    FindPeopleRequest, FindPeopleResponse, FinishDocumentRequest, FoundInquiry, GetDocumentUploadRequest,
    GetFormCountsRequest, GetFormCountsResponse, GetInquiryFactsRequest, HeldInquiry, KnownInquiry, ListCallsRequest,
    ListCallsResponse, ListDocumentsRequest, ListDocumentsResponse, ListFeedsRequest, ListFeedsResponse,
    ListHeldRequest, ListHeldResponse, ListLinksRequest, ListLinksResponse, ListRepairsRequest, ListRepairsResponse,
    MarkSpamRequest, MarkSpamResponse, MatchDocumentRequest, NoteFormsRequest, NoteFormsResponse, OpenCallRequest,
    OpenDocumentRequest, OpenRepairRequest, OpenedCall, ReleaseHeldRequest, ReleaseHeldResponse, ReleaseRepairRequest,
    Repair, RepairOutcome, RetryFileRequest, RetryFileResponse, RetryRepairsRequest, RetryRepairsResponse,
    RevealPeopleRequest, RevealPeopleResponse, SetAsideRepairsRequest, SetAsideRepairsResponse, SettleCallRequest,
    SettleCallResponse, SettleMessagesRequest, SettleMessagesResponse, SubmitInquiryRequest, SubmitInquiryResponse,
    TakeGoodRowsRequest, TakeGoodRowsResponse,
};
use tonic::codegen::BoxStream;
use tonic::transport::server::TcpIncoming;
use tonic::{Request as Call, Response as Answer, Status};

use super::*;

/// Documents that were begun, each with the bytes that came.
type Begun = Vec<(BeginDocumentRequest, Vec<u8>)>;

#[derive(Clone, Default)]
pub struct Fake {
    /// What was handed over.
    pub(super) taken: Arc<Mutex<Vec<SubmitInquiryRequest>>>,
    noted: Arc<Mutex<Vec<NoteFormsRequest>>>,
    used_key: Option<&'static str>,
    /// Somebody has dealt with every call.
    is_dealt_with: bool,
    /// What was said of calls.
    settled: Arc<Mutex<Vec<SettleCallRequest>>>,
    /// What is told of feeds.
    feeds: Arc<[FeedStatus]>,
    /// What waits to be mended.
    pub queue: super::repairs::Queue,
    /// Documents as they were begun, with the bytes that came.
    pub(super) documents: Arc<Mutex<Begun>>,
    /// How often a document was said to be whole.
    pub(super) finished: Arc<Mutex<usize>>,
    /// What documents were matched with.
    pub(super) matched: Arc<Mutex<Vec<MatchDocumentRequest>>>,
}

impl Fake {
    /// One that tells of these feeds.
    pub fn telling(feeds: Vec<FeedStatus>) -> Self {
        Self { feeds: feeds.into(), ..Self::default() }
    }
}

/// Most bytes of a part that this ingestion takes.
pub(super) const PART: usize = 1000;

#[tonic::async_trait]
impl Ingestion for Fake {
    async fn submit_inquiry(&self, call: Call<SubmitInquiryRequest>) -> Result<Answer<SubmitInquiryResponse>, Status> {
        let request = call.into_inner();
        let refused = self.used_key == Some(request.idempotency_key.as_str());
        let is_of_a_call = !request.call_id.is_empty();
        self.taken.lock().expect("lock").push(request);
        if self.is_dealt_with && is_of_a_call {
            return Err(Reason::WrongState
                .status("somebody has dealt with it; look at the list of calls, or enter it without the call"));
        }
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

    async fn settle_messages(
        &self,
        call: Call<SettleMessagesRequest>,
    ) -> Result<Answer<SettleMessagesResponse>, Status> {
        self.queue.settle(call.into_inner())
    }

    async fn take_good_rows(&self, call: Call<TakeGoodRowsRequest>) -> Result<Answer<TakeGoodRowsResponse>, Status> {
        self.queue.take_good_rows(call.into_inner())
    }

    async fn list_repairs(&self, call: Call<ListRepairsRequest>) -> Result<Answer<ListRepairsResponse>, Status> {
        self.queue.list(call.into_inner())
    }

    async fn open_repair(&self, call: Call<OpenRepairRequest>) -> Result<Answer<Repair>, Status> {
        self.queue.open(call.into_inner())
    }

    async fn release_repair(&self, call: Call<ReleaseRepairRequest>) -> Result<Answer<RepairOutcome>, Status> {
        self.queue.release(call.into_inner())
    }

    async fn retry_repairs(&self, call: Call<RetryRepairsRequest>) -> Result<Answer<RetryRepairsResponse>, Status> {
        self.queue.retry(call.into_inner())
    }

    async fn set_aside_repairs(
        &self,
        call: Call<SetAsideRepairsRequest>,
    ) -> Result<Answer<SetAsideRepairsResponse>, Status> {
        self.queue.set_aside(call.into_inner())
    }

    async fn find_people(&self, call: Call<FindPeopleRequest>) -> Result<Answer<FindPeopleResponse>, Status> {
        let request = call.into_inner();
        let one = |id: u128, by: &str| FoundInquiry {
            inquiry_id: Uuid::from_u128(id).to_string(),
            reference: format!("HV-{id}"),
            by: by.into(),
        };
        let found = match (request.text.as_str(), request.purpose.as_str()) {
            ("Rosa Testpatient", _) => vec![one(7, "name")],
            ("206 555 0199", "call_entry") => vec![one(7, "phone"), one(8, "name_alike")],
            _ => Vec::new(),
        };
        Ok(Answer::new(FindPeopleResponse { found, more: false }))
    }

    async fn list_links(&self, _: Call<ListLinksRequest>) -> Result<Answer<ListLinksResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn decide_link(&self, call: Call<DecideLinkRequest>) -> Result<Answer<DecideLinkResponse>, Status> {
        self.queue.decide(call.into_inner())
    }

    async fn assign_message(&self, call: Call<AssignMessageRequest>) -> Result<Answer<RepairOutcome>, Status> {
        self.queue.assign(call.into_inner())
    }

    async fn apply_message(&self, call: Call<ApplyMessageRequest>) -> Result<Answer<RepairOutcome>, Status> {
        self.queue.apply(call.into_inner())
    }

    async fn retry_file(&self, call: Call<RetryFileRequest>) -> Result<Answer<RetryFileResponse>, Status> {
        self.queue.retry_file(call.into_inner())
    }

    async fn list_feeds(&self, _: Call<ListFeedsRequest>) -> Result<Answer<ListFeedsResponse>, Status> {
        Ok(Answer::new(ListFeedsResponse { feeds: self.feeds.to_vec() }))
    }

    async fn list_calls(&self, call: Call<ListCallsRequest>) -> Result<Answer<ListCallsResponse>, Status> {
        if call.into_inner().view == "recent" {
            // One waits already, the other one will.
            let row = |waits_from| CallRow { waits_for: "entry".into(), waits_from, ..a_call() };
            let waits = CallRow { queue: "Waits already".into(), ..row(1) };
            let calls = vec![row(i64::MAX), waits];
            return Ok(Answer::new(ListCallsResponse { calls, ..ListCallsResponse::default() }));
        }
        let row = CallRow { waits_for: "call_back".into(), inquiry_id: "a".into(), ..a_call() };
        let beside = CallRow { call_id: Uuid::from_u128(22).to_string(), ..row.clone() };
        Ok(Answer::new(ListCallsResponse { calls: vec![row, beside], waiting: 1, next_page_token: String::new() }))
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
        self.settled.lock().expect("lock").push(request.clone());
        match request.reason.as_str() {
            "wrong_number" | "belongs" => Ok(Answer::new(SettleCallResponse { settled: vec![request.call_id] })),
            _ => Err(Status::invalid_argument("reason must be another one")),
        }
    }

    async fn note_forms(&self, call: Call<NoteFormsRequest>) -> Result<Answer<NoteFormsResponse>, Status> {
        self.noted.lock().expect("lock").push(call.into_inner());
        Ok(Answer::new(NoteFormsResponse {}))
    }

    async fn get_form_counts(&self, _: Call<GetFormCountsRequest>) -> Result<Answer<GetFormCountsResponse>, Status> {
        Err(Status::permission_denied("not for this page"))
    }

    async fn begin_document(&self, call: Call<BeginDocumentRequest>) -> Result<Answer<DocumentUpload>, Status> {
        let mut documents = self.documents.lock().expect("lock");
        let length = call.get_ref().length;
        documents.push((call.into_inner(), Vec::new()));
        let document_id = Uuid::from_u128(documents.len() as u128).to_string();
        let most_bytes = i32::try_from(PART).expect("small");
        Ok(Answer::new(DocumentUpload { document_id, most_bytes, length, ..DocumentUpload::default() }))
    }

    async fn append_document(&self, call: Call<AppendDocumentRequest>) -> Result<Answer<DocumentUpload>, Status> {
        let request = call.into_inner();
        if request.content.is_empty() || request.content.len() > PART {
            return Err(Status::invalid_argument("not so many bytes"));
        }
        let mut documents = self.documents.lock().expect("lock");
        let (begun, bytes) = documents.last_mut().expect("begun");
        let length = begun.length;
        if length > 0 && bytes.len() + request.content.len() > usize::try_from(length).expect("small") {
            return Err(Status::invalid_argument("more bytes than were told"));
        }
        if i64::try_from(bytes.len()) != Ok(request.offset) {
            return Err(Reason::Conflict.status("another offset"));
        }
        bytes.extend_from_slice(&request.content);
        if bytes.starts_with(b"MZ") {
            return Err(unusable("program"));
        }
        let offset = i64::try_from(bytes.len()).expect("small");
        Ok(Answer::new(DocumentUpload {
            document_id: request.document_id,
            offset,
            length,
            ..DocumentUpload::default()
        }))
    }

    async fn get_document_upload(&self, _: Call<GetDocumentUploadRequest>) -> Result<Answer<DocumentUpload>, Status> {
        let documents = self.documents.lock().expect("lock");
        let (begun, bytes) = documents.last().ok_or_else(|| Reason::NotFound.status("none"))?;
        let offset = i64::try_from(bytes.len()).expect("small");
        Ok(Answer::new(DocumentUpload { offset, length: begun.length, ..DocumentUpload::default() }))
    }

    async fn finish_document(&self, call: Call<FinishDocumentRequest>) -> Result<Answer<Document>, Status> {
        *self.finished.lock().expect("lock") += 1;
        let documents = self.documents.lock().expect("lock");
        match documents.last().expect("begun").1.is_empty() {
            true => Err(unusable("empty")),
            false => Ok(Answer::new(Document { document_id: call.into_inner().document_id, ..Document::default() })),
        }
    }

    async fn list_documents(&self, _: Call<ListDocumentsRequest>) -> Result<Answer<ListDocumentsResponse>, Status> {
        Ok(Answer::new(ListDocumentsResponse::default()))
    }

    async fn open_document(&self, call: Call<OpenDocumentRequest>) -> Result<Answer<BoxStream<DocumentPart>>, Status> {
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

pub async fn app_before(fake: Fake) -> Arc<App> {
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
    let token = shown_in(&get(&router, path).await.body);
    let sent = format!("{FILLED}&shown={token}");
    ask(&router, Method::POST, path, &[], &sent).await;
    app.clock.advance(SignedDuration::from_secs(40));
    ask(&router, Method::POST, path, &[], &sent).await;
    // A page that comes back with faults is as old as the first one.
    let faulty = ask(&router, Method::POST, path, &[], &format!("shown={token}")).await;
    assert_eq!(shown_in(&faulty.body), token);
    app.clock.advance(SignedDuration::from_hours(25));
    ask(&router, Method::POST, path, &[], &sent).await;
    let elsewhere = app.links.issue("lakeside", "form shown", Uuid::nil(), Timestamp::MAX).expect("a token");
    ask(&router, Method::POST, path, &[], &format!("{FILLED}&shown={elsewhere}")).await;
    let taken = fake.taken.lock().expect("lock").clone();
    let signs: Vec<Vec<String>> = taken.iter().map(|one| one.signs.clone()).collect();
    assert_eq!(signs, [vec!["too_fast"], vec![], vec!["no_form"], vec!["no_form"]]);
    assert!(taken.iter().all(|one| !one.answers.contains_key("shown")));
}

/// The token of a showing, as its page carries it.
fn shown_in(page: &str) -> String {
    let after = page.split("name=\"shown\" value=\"").nth(1).expect("a token");
    after.split('"').next().expect("its end").to_owned()
}

#[tokio::test]
async fn a_showing_begins_once_whether_its_script_tells_it_or_its_form_is_sent() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = patient::router(Arc::clone(&app));
    let path = "/harbor-valley/forms/general";
    let (told, silent) = (get(&router, path).await, get(&router, path).await);
    ask(&router, Method::GET, path, &[("sec-purpose", "prefetch;prerender")], "").await;
    ask(&router, Method::HEAD, path, &[], "").await;
    assert!(told.body.contains(&format!("data-begin=\"{path}/begin?lang=en\"")), "{}", told.body);
    assert!(!told.body.contains("data-worker"), "this form asks for no work");
    let token = shown_in(&told.body);
    let begin = format!("{path}/begin?lang=en");
    for _ in 0..3 {
        let seen = ask(&router, Method::POST, &begin, &[], &format!("shown={token}")).await;
        assert_eq!((seen.status, seen.body.as_str()), (StatusCode::NO_CONTENT, ""));
    }
    ask(&router, Method::POST, path, &[], &format!("shown={token}&name=Rosa&phone=12")).await;
    let sent = format!("{FILLED}&shown={}", shown_in(&silent.body));
    assert_eq!(ask(&router, Method::POST, path, &[], &sent).await.status, StatusCode::SEE_OTHER);
    let odd = ask(&router, Method::POST, &begin, &[], "shown=made-up").await;
    assert_eq!(odd.status, StatusCode::GONE, "a showing that was none is not counted");

    let stop = causeway_runtime::Stop::new();
    stop.soft.cancel();
    crate::tally::hand_over(Arc::clone(&app.tally), app.peers.clone(), app.clock.clone(), stop).await;
    let noted = fake.noted.lock().expect("lock").clone();
    let shown: i64 = noted.iter().flat_map(|batch| &batch.shown).map(|line| line.count).sum();
    assert_eq!(shown, 2, "neither what is fetched ahead nor what asks for the head alone is seen");
    let begun: Vec<_> = noted.iter().flat_map(|batch| batch.begun.clone()).collect();
    assert_eq!(begun.len(), 2);
    let taken = fake.taken.lock().expect("lock").clone();
    assert!(begun.iter().any(|one| one.showing_id == taken[0].showing_id && one.faults.is_empty()));
    let failed = begun.iter().find(|one| !one.faults.is_empty()).expect("a page with faults");
    let told = |field: &str, code: &str| failed.faults.iter().any(|fault| fault.field == field && fault.code == code);
    assert!(told("phone", "phone_unreadable") && told("who", "missing"), "{failed:?}");
    assert!(!format!("{noted:?}").contains("Rosa"), "no answer is counted");
}

#[tokio::test]
async fn how_somebody_came_is_carried_from_the_front_to_the_form_and_into_another_language() {
    let fake = Fake::default();
    let router = portal(fake.clone()).await;
    let from = [("referer", "https://search.example/find?q=secret"), ("host", "care.example")];
    let front = ask(&router, Method::GET, "/harbor-valley?utm_campaign=autumn&utm_term=gi", &from, "").await;
    let after = front.body.split("href=\"/harbor-valley/forms/general?").nth(1).expect("a link");
    let query = after.split('"').next().expect("its end").replace("&amp;", "&").replace("&#38;", "&");
    let from_us = [("referer", "https://care.example/harbor-valley"), ("host", "care.example")];
    let form = ask(&router, Method::GET, &format!("/harbor-valley/forms/general?{query}"), &from_us, "").await;
    for told in ["name=\"utm_campaign\" value=\"autumn\"", "name=\"referrer_host\" value=\"search.example\""] {
        assert!(form.body.contains(told), "{told}: {}", form.body);
    }
    assert!(!form.body.contains("secret"));
    let direct = ask(&router, Method::GET, "/harbor-valley/forms/general", &from, "").await;
    let other = direct.body.split("hreflang=\"es\"").next().and_then(|before| before.rsplit("href=\"").next());
    assert!(other.is_some_and(|link| link.contains("referrer_host=search.example")), "{other:?}");

    let body =
        format!("{FILLED}&utm_campaign=letter&utm_content=b&first_utm_campaign=autumn&first_referrer_host=a.example");
    ask(&router, Method::POST, "/harbor-valley/forms/general", &[], &body).await;
    let taken = fake.taken.lock().expect("lock").clone();
    let came = taken[0].attribution.clone().expect("attribution");
    let last = came.last.expect("another touch");
    assert_eq!((came.campaign.as_str(), came.referrer_host.as_str()), ("autumn", "a.example"));
    assert_eq!((last.campaign.as_str(), last.utm_content.as_str()), ("letter", "b"));
    assert!(taken[0].answers.keys().all(|key| !key.contains("utm") && !key.contains("first")));
}

#[tokio::test]
async fn a_form_that_wants_work_hands_it_out_to_its_script_and_passes_the_proof_on() {
    let fake = Fake::default();
    let router = portal(fake.clone()).await;
    // The demo center has one form that wants it.
    let path = "/harbor-valley/forms/clinical-trial";
    let form = get(&router, path).await;
    let worker = form.body.split("data-worker=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a worker");
    assert_eq!(get(&router, worker).await.status, StatusCode::OK);
    let policy = form.header("content-security-policy");
    assert!(policy.contains("connect-src 'self'") && policy.contains("trusted-types form"), "{policy}");
    assert!(!policy.contains("unsafe"));
    let begun = format!("shown={}", shown_in(&form.body));
    let asked = ask(&router, Method::POST, &format!("{path}/begin?lang=en"), &[], &begun).await;
    assert_eq!(asked.status, StatusCode::OK);
    let puzzle: serde_json::Value = serde_json::from_str(&asked.body).expect("JSON");
    assert_eq!(puzzle["bits"], 16);
    let challenge = puzzle["challenge"].as_str().expect("a challenge");
    let body = format!("{FILLED}&{begun}&proof={challenge}:7");
    ask(&router, Method::POST, path, &[], &body).await;
    let again = ask(&router, Method::POST, path, &[], &format!("{begun}&proof={challenge}:7")).await;
    assert!(again.body.contains(&format!("name=\"proof\" value=\"{challenge}:7\"")), "work that is done is kept");
    let taken = fake.taken.lock().expect("lock").clone();
    assert_eq!(taken[0].proof, format!("{challenge}:7"));
    assert!(!taken[0].answers.contains_key("proof"));
}

#[tokio::test]
async fn whoever_begins_one_form_after_another_works_harder_and_then_waits_and_others_do_not() {
    let config = Config { often_per_minute: 4, forms_per_minute: 6, trusted_proxy_hops: 1, ..Config::default() };
    let router = patient::router(super::app(Mode::Development, config));
    let path = "/harbor-valley/forms/clinical-trial";
    let begin = format!("{path}/begin?lang=en");
    let begun = format!("shown={}", shown_in(&get(&router, path).await.body));
    let bits = async |from: &str| {
        let seen = ask(&router, Method::POST, &begin, &[("x-forwarded-for", from)], &begun).await;
        let told: Option<serde_json::Value> = serde_json::from_str(&seen.body).ok();
        told.and_then(|told| told["bits"].as_u64()).ok_or(seen.status)
    };
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.push(bits("192.0.2.7").await.expect("bits"));
    }
    assert_eq!(asked, [16, 16, 18, 20, 22, 22]);
    assert_eq!(bits("192.0.2.7").await, Err(StatusCode::TOO_MANY_REQUESTS));
    assert_eq!(bits("192.0.2.8").await, Ok(16));
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
async fn who_has_asked_before_is_shown_once_before_a_call_is_saved() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let filled = FILLED.replace("206+555+0142", "206+555+0199");
    assert_ne!(filled, FILLED);
    let with = |seen: &str| format!("csrf={csrf}&form=second-opinion{seen}&idempotency_key=k&{filled}");
    let shown = ask(&router, Method::POST, "/inquiries/new", &cookies, &with("")).await;
    assert_eq!(shown.status, StatusCode::CONFLICT);
    assert!(fake.taken.lock().expect("lock").is_empty(), "not saved yet");
    let seen = Uuid::from_u128(7).to_string();
    assert!(
        shown.body.contains("HV-7") && !shown.body.contains("HV-8"),
        "a name that sounds alike is none: {}",
        shown.body
    );
    assert!(shown.body.contains("Save as a new inquiry") && shown.body.contains("value=\"Rosa\""));
    assert!(shown.body.contains(&format!("name=\"seen_requests\" value=\"{seen}\"")), "{}", shown.body);
    let saved = ask(&router, Method::POST, "/inquiries/new", &cookies, &with(&format!("&seen_requests={seen}"))).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let taken = fake.taken.lock().expect("lock").clone();
    assert!(taken.len() == 1 && !taken[0].answers.contains_key("seen_requests"));
}

#[tokio::test]
async fn what_was_asked_in_a_call_that_somebody_dealt_with_meanwhile_is_saved_without_it() {
    let fake = Fake { is_dealt_with: true, ..Fake::default() };
    let app = app_before(fake.clone()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let with = |call: &str| format!("csrf={csrf}&form=second-opinion{call}&idempotency_key=k&{FILLED}");
    let call = format!("&call={}", a_call().call_id);
    let refused = ask(&router, Method::POST, "/inquiries/new", &cookies, &with(&call)).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("value=\"Rosa\""));
    assert!(!refused.body.contains("name=\"call\""), "the call is let go of: {}", refused.body);
    let saved = ask(&router, Method::POST, "/inquiries/new", &cookies, &with("")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
}

#[tokio::test]
async fn calls_that_wait_are_listed_for_who_enters_inquiries_and_leave_the_list_with_a_reason() {
    let fake = Fake::default();
    let app = app_before(fake.clone()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let seen = ask(&router, Method::GET, "/calls", &cookies, "").await;
    assert!(seen.body.contains("Calls of the last hour") && !seen.body.contains("Waits already"), "{}", seen.body);
    assert!(seen.body.contains(&format!("name=\"also\" value=\"{}\"", Uuid::from_u128(22))), "{}", seen.body);
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.body.contains("1 call waits.") && seen.body.contains("Another call of somebody"), "{}", seen.body);
    assert!(seen.body.contains("href=\"/calls\" aria-current=\"page\""));
    let settle = format!("/calls/{}/settle", a_call().call_id);
    let said = ask(&router, Method::POST, &settle, &cookies, &format!("csrf={csrf}&reason=wrong_number")).await;
    assert_eq!((said.status, said.header("location")), (StatusCode::SEE_OTHER, "/calls"));
    assert!(ask(&router, Method::GET, "/calls", &cookies, "").await.body.contains("The call waits no more"));
    ask(&router, Method::POST, &settle, &cookies, &format!("csrf={csrf}&reason=called_back&also=x,y")).await;
    let also = fake.settled.lock().expect("lock").last().expect("said").also.clone();
    assert_eq!(also, ["x", "y"], "what stood beside it goes with it");
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

#[tokio::test]
async fn a_search_puts_no_name_into_an_address_and_is_for_those_who_may_read_people() {
    let app = app_before(Fake::default()).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", cookie.as_str())];
    let post = async |path: &str, body: &str| ask(&router, Method::POST, path, &cookies, body).await;
    let loaded_again = ask(&router, Method::GET, "/worklist/search", &cookies, "").await;
    assert_eq!((loaded_again.status, loaded_again.header("location")), (StatusCode::SEE_OTHER, "/worklist"));
    // The desk is away: what was typed is not told again.
    let seen = post("/worklist/search", &format!("csrf={csrf}&q=Rosa+Testpatient")).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(seen.body.contains("The search did not work") && !seen.body.contains("Testpatient"), "{}", seen.body);
    let nothing = post("/worklist/search", &format!("csrf={csrf}&q=+")).await;
    assert_eq!((nothing.status, nothing.header("location")), (StatusCode::SEE_OTHER, "/worklist"));
    for path in ["/worklist/search", "/worklist/next"] {
        assert_eq!(post(path, "q=Rosa").await.status, StatusCode::FORBIDDEN, "no token");
    }
    let next = post("/worklist/next", &format!("csrf={csrf}&version=1")).await;
    assert_eq!((next.status, next.header("location")), (StatusCode::SEE_OTHER, "/worklist"));
    let (analyst, csrf) = signed_in(&app, &[Role::Analyst]);
    let cookies = [("cookie", analyst.as_str())];
    let refused = ask(&router, Method::POST, "/worklist/search", &cookies, &format!("csrf={csrf}&q=Rosa")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
