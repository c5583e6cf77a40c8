//! Ingestion's part of the conversation: it knows people and counts who asks for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use causeway_auth::Verifier;
use causeway_proto::inquiry::v1::ingestion_server::{Ingestion, IngestionServer};
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, ApplyMessageRequest, AssignMessageRequest, BeginDocumentRequest, DecideLinkRequest,
    DecideLinkResponse, Document, DocumentPart, DocumentUpload, Facts, FinishDocumentRequest, GetDocumentUploadRequest,
    GetFormCountsRequest, GetFormCountsResponse, GetInquiryFactsRequest, ListCallsRequest, ListCallsResponse,
    ListDocumentsRequest, ListDocumentsResponse, ListHeldRequest, ListHeldResponse, ListLinksRequest,
    ListLinksResponse, ListRepairsRequest, ListRepairsResponse, ListSubscriptionsRequest, ListSubscriptionsResponse,
    MarkSpamRequest, MarkSpamResponse, MatchDocumentRequest, NoteFormsRequest, NoteFormsResponse, OpenCallRequest,
    OpenDocumentRequest, OpenRepairRequest, OpenedCall, Person, ReindexPeopleRequest, ReindexPeopleResponse,
    ReleaseHeldRequest, ReleaseHeldResponse, ReleaseRepairRequest, Repair, RepairOutcome, RetryFileRequest,
    RetryFileResponse, RetryRepairsRequest, RetryRepairsResponse, RevealPeopleRequest, RevealPeopleResponse,
    SetAsideRepairsRequest, SetAsideRepairsResponse, SettleCallRequest, SettleCallResponse, SettleMessagesRequest,
    SettleMessagesResponse, SubmitInquiryRequest, SubmitInquiryResponse, SwitchSubscriptionRequest,
    SwitchSubscriptionResponse, TakeGoodRowsRequest, TakeGoodRowsResponse,
};
use causeway_runtime::{Mode, Stop};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// What the tests see and set.
#[derive(Default)]
pub struct Known {
    /// Addresses that differ from `<id>@home.example`.
    pub emails: HashMap<Uuid, String>,
    /// How many inquiries each call asked for, with its purpose.
    pub asked: Vec<(String, usize)>,
}

#[derive(Clone, Default)]
pub struct People {
    pub known: Arc<Mutex<Known>>,
}

impl People {
    /// Serves until the stop; gives its url.
    pub async fn serve(&self, keys: &std::path::Path, stop: Stop) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let verifier = Verifier::new(keys, Mode::Development);
        let server = causeway_serve::grpc(listener, "ingestion", verifier, &prometheus::Registry::new(), stop);
        tokio::spawn(server.add(IngestionServer::new(self.clone())).run());
        url
    }

    pub fn set_email(&self, inquiry: Uuid, email: &str) {
        self.known.lock().expect("lock").emails.insert(inquiry, email.to_owned());
    }

    fn person(&self, id: &str) -> Person {
        let known = self.known.lock().expect("lock");
        let email = Uuid::parse_str(id).ok().and_then(|id| known.emails.get(&id).cloned());
        let email = email.unwrap_or_else(|| format!("{id}@home.example"));
        Person { inquiry_id: id.to_owned(), name: "Rosa Vega".into(), email, ..Person::default() }
    }
}

#[tonic::async_trait]
impl Ingestion for People {
    async fn note_forms(&self, _: Request<NoteFormsRequest>) -> Result<Response<NoteFormsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn get_form_counts(
        &self,
        _: Request<GetFormCountsRequest>,
    ) -> Result<Response<GetFormCountsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn begin_document(&self, _: Request<BeginDocumentRequest>) -> Result<Response<DocumentUpload>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn append_document(&self, _: Request<AppendDocumentRequest>) -> Result<Response<DocumentUpload>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn get_document_upload(
        &self,
        _: Request<GetDocumentUploadRequest>,
    ) -> Result<Response<DocumentUpload>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn finish_document(&self, _: Request<FinishDocumentRequest>) -> Result<Response<Document>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_documents(
        &self,
        _: Request<ListDocumentsRequest>,
    ) -> Result<Response<ListDocumentsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn match_document(&self, _: Request<MatchDocumentRequest>) -> Result<Response<Document>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    type OpenDocumentStream = futures::stream::BoxStream<'static, Result<DocumentPart, Status>>;

    async fn open_document(
        &self,
        _: Request<OpenDocumentRequest>,
    ) -> Result<Response<Self::OpenDocumentStream>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn assign_message(&self, _: Request<AssignMessageRequest>) -> Result<Response<RepairOutcome>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn apply_message(&self, _: Request<ApplyMessageRequest>) -> Result<Response<RepairOutcome>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn retry_file(&self, _: Request<RetryFileRequest>) -> Result<Response<RetryFileResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_repairs(&self, _: Request<ListRepairsRequest>) -> Result<Response<ListRepairsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn open_repair(&self, _: Request<OpenRepairRequest>) -> Result<Response<Repair>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn release_repair(&self, _: Request<ReleaseRepairRequest>) -> Result<Response<RepairOutcome>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn retry_repairs(&self, _: Request<RetryRepairsRequest>) -> Result<Response<RetryRepairsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn set_aside_repairs(
        &self,
        _: Request<SetAsideRepairsRequest>,
    ) -> Result<Response<SetAsideRepairsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_links(&self, _: Request<ListLinksRequest>) -> Result<Response<ListLinksResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn decide_link(&self, _: Request<DecideLinkRequest>) -> Result<Response<DecideLinkResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_subscriptions(
        &self,
        _: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn switch_subscription(
        &self,
        _: Request<SwitchSubscriptionRequest>,
    ) -> Result<Response<SwitchSubscriptionResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn reindex_people(
        &self,
        _: Request<ReindexPeopleRequest>,
    ) -> Result<Response<ReindexPeopleResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_calls(&self, _: Request<ListCallsRequest>) -> Result<Response<ListCallsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn open_call(&self, _: Request<OpenCallRequest>) -> Result<Response<OpenedCall>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn settle_call(&self, _: Request<SettleCallRequest>) -> Result<Response<SettleCallResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn submit_inquiry(
        &self,
        _: Request<SubmitInquiryRequest>,
    ) -> Result<Response<SubmitInquiryResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn get_inquiry_facts(&self, _: Request<GetInquiryFactsRequest>) -> Result<Response<Facts>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_held(&self, _: Request<ListHeldRequest>) -> Result<Response<ListHeldResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn mark_spam(&self, _: Request<MarkSpamRequest>) -> Result<Response<MarkSpamResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn release_held(&self, _: Request<ReleaseHeldRequest>) -> Result<Response<ReleaseHeldResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn settle_messages(
        &self,
        _: Request<SettleMessagesRequest>,
    ) -> Result<Response<SettleMessagesResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn take_good_rows(&self, _: Request<TakeGoodRowsRequest>) -> Result<Response<TakeGoodRowsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn reveal_people(
        &self,
        request: Request<RevealPeopleRequest>,
    ) -> Result<Response<RevealPeopleResponse>, Status> {
        assert_eq!(causeway_serve::caller(&request)?.service, "notification");
        let asked = request.into_inner();
        self.known.lock().expect("lock").asked.push((asked.purpose, asked.inquiry_ids.len()));
        let people = asked.inquiry_ids.iter().map(|id| self.person(id)).collect();
        Ok(Response::new(RevealPeopleResponse { people }))
    }
}
