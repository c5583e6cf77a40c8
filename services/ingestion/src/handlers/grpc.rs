//! The gRPC face: each call is checked against the policy and handed on.
//!
//! Deliberately not here: what a call does (accept, reveal, facts, release, settle, repair, phone, documents).

use std::sync::Arc;

use causeway_auth::{Action, Actor, ActorKind, Caller, policy};
use causeway_envelope::{TraceContext, header};
use causeway_funnel::inquiry::Urgency;
use causeway_mailbox::Database;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::inquiry::v1::ingestion_server::Ingestion;
use tonic::{Request, Response, Status};
use tracing::warn;

use super::accept::Acceptance;
use super::documents::{self, Documents};
use super::hear::Hearing;
use super::proof::Seen;
use super::refused::{Look, noted};
use super::repair::door::Doors;
use super::{
    access, facts, feeds, find, links, phone, release, repair, reveal, settle, showings, subscriptions, unaddressed,
};
use crate::domain::submission::Submission;
use crate::domain::suspicion::Sign;
use crate::error::Refusal;
use crate::store::unaddressed::INSTALLATION;

/// What answers the calls.
#[derive(Clone)]
pub struct Calls {
    /// Where submissions go.
    pub acceptance: Arc<Acceptance>,
    /// The record.
    pub database: Database,
    /// Most people opened by one call.
    pub most_revealed: usize,
    /// What messages are read by that are tried again.
    pub doors: Doors,
    /// Documents of inquiries.
    pub documents: Arc<Documents>,
    /// What hears messages that somebody puts to a feed.
    pub hearing: Arc<Hearing>,
}

#[tonic::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Ingestion for Calls {
    async fn submit_inquiry(
        &self,
        mut request: Request<wire::SubmitInquiryRequest>,
    ) -> Result<Response<wire::SubmitInquiryResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        allow(&actor, Action::EnterInquiry, &request.get_ref().center)?;
        let trace = trace(&request);
        if request.get_ref().source() == wire::Source::SisterCenter {
            return Err(
                Refusal::BadRequest("source sister_center is what the desk hands over; nobody enters it").into()
            );
        }
        // Who of the staff enters a call is not counted; the portal has counted the address of who fills in a form.
        let is_of_a_form = actor.kind == ActorKind::Service && request.get_ref().source() == wire::Source::WebForm;
        let told = request.get_ref();
        let seen = is_of_a_form.then(|| Seen {
            signs: told.signs.iter().filter_map(|word| Sign::parse(word)).collect(),
            proof: told.proof.clone(),
            is_known: false,
            showing_id: told.showing_id.parse().ok(),
        });
        let call_id = std::mem::take(&mut request.get_mut().call_id);
        let submission = self.acceptance.admit(is_of_a_form, submission(request.into_inner()))?;
        if !call_id.is_empty() {
            return Ok(Response::new(phone::settle::enter(self, actor, (submission, &call_id), trace).await?));
        }
        Ok(Response::new(self.acceptance.accept_public(submission, seen, trace).await?))
    }

    async fn reveal_people(
        &self,
        request: Request<wire::RevealPeopleRequest>,
    ) -> Result<Response<wire::RevealPeopleResponse>, Status> {
        let caller: Caller = causeway_serve::caller(&request)?.clone();
        let (request_id, told) = (trace(&request).traceparent().unwrap_or_default().to_owned(), request.get_ref());
        let look = look(&request, (&told.center, Action::ReadPerson), ("inquiry", told.inquiry_ids.clone()))?;
        let answer = reveal::people(self, &caller, request.into_inner(), request_id).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn get_inquiry_facts(
        &self,
        request: Request<wire::GetInquiryFactsRequest>,
    ) -> Result<Response<wire::Facts>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        allow(&actor, Action::ViewWorklist, &request.get_ref().center)?;
        Ok(Response::new(facts::of(self, request.into_inner()).await?))
    }

    async fn release_held(
        &self,
        request: Request<wire::ReleaseHeldRequest>,
    ) -> Result<Response<wire::ReleaseHeldResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(release::release(self, actor, request.into_inner(), trace).await?))
    }

    async fn list_held(
        &self,
        request: Request<wire::ListHeldRequest>,
    ) -> Result<Response<wire::ListHeldResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(release::list(self, &actor, request.into_inner()).await?))
    }

    async fn mark_spam(
        &self,
        request: Request<wire::MarkSpamRequest>,
    ) -> Result<Response<wire::MarkSpamResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(release::spam(self, actor, request.into_inner(), trace).await?))
    }

    async fn settle_messages(
        &self,
        request: Request<wire::SettleMessagesRequest>,
    ) -> Result<Response<wire::SettleMessagesResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(settle::messages(self, actor, request.into_inner(), trace).await?))
    }

    async fn take_good_rows(
        &self,
        request: Request<wire::TakeGoodRowsRequest>,
    ) -> Result<Response<wire::TakeGoodRowsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(settle::take_good_rows(self, actor, request.into_inner(), trace).await?))
    }

    async fn list_repairs(
        &self,
        request: Request<wire::ListRepairsRequest>,
    ) -> Result<Response<wire::ListRepairsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(repair::list(self, &actor, request.into_inner()).await?))
    }

    async fn open_repair(&self, request: Request<wire::OpenRepairRequest>) -> Result<Response<wire::Repair>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let (trace, told) = (trace(&request), request.get_ref());
        let look = look(&request, (&told.center, Action::RepairInquiry), ("repair", vec![told.id.clone()]))?;
        let answer = repair::open::repair(self, actor, request.into_inner(), trace).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn release_repair(
        &self,
        request: Request<wire::ReleaseRepairRequest>,
    ) -> Result<Response<wire::RepairOutcome>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(repair::retry::release(self, actor, request.into_inner(), trace).await?))
    }

    async fn retry_repairs(
        &self,
        request: Request<wire::RetryRepairsRequest>,
    ) -> Result<Response<wire::RetryRepairsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(repair::retry::messages(self, actor, request.into_inner(), trace).await?))
    }

    async fn set_aside_repairs(
        &self,
        request: Request<wire::SetAsideRepairsRequest>,
    ) -> Result<Response<wire::SetAsideRepairsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(repair::set_aside::repairs(self, actor, request.into_inner(), trace).await?))
    }

    async fn assign_message(
        &self,
        request: Request<wire::AssignMessageRequest>,
    ) -> Result<Response<wire::RepairOutcome>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(repair::assign::message(self, actor, request.into_inner(), trace).await?))
    }

    async fn apply_message(
        &self,
        request: Request<wire::ApplyMessageRequest>,
    ) -> Result<Response<wire::RepairOutcome>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(repair::apply::message(self, actor, request.into_inner(), trace).await?))
    }

    async fn retry_file(
        &self,
        request: Request<wire::RetryFileRequest>,
    ) -> Result<Response<wire::RetryFileResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(settle::retry_file(self, actor, request.into_inner(), trace).await?))
    }

    async fn open_unaddressed(
        &self,
        request: Request<wire::OpenUnaddressedRequest>,
    ) -> Result<Response<wire::UnaddressedFrame>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        let ids = vec![request.get_ref().frame_id.clone()];
        let look = look(&request, (INSTALLATION, Action::Operate), ("frame", ids))?;
        let answer = unaddressed::open(self, actor, request.into_inner(), trace).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn assign_unaddressed(
        &self,
        request: Request<wire::AssignUnaddressedRequest>,
    ) -> Result<Response<wire::AssignUnaddressedResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(unaddressed::assign(self, actor, request.into_inner(), trace).await?))
    }

    async fn set_aside_unaddressed(
        &self,
        request: Request<wire::SetAsideUnaddressedRequest>,
    ) -> Result<Response<wire::SetAsideUnaddressedResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(unaddressed::set_aside(self, actor, request.into_inner(), trace).await?))
    }

    async fn list_links(
        &self,
        request: Request<wire::ListLinksRequest>,
    ) -> Result<Response<wire::ListLinksResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let (trace, told) = (trace(&request), request.get_ref());
        let look = look(&request, (&told.center, Action::ReadPerson), ("inquiry", told.inquiry_ids.clone()))?;
        let answer = links::list(self, actor, request.into_inner(), trace).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn decide_link(
        &self,
        request: Request<wire::DecideLinkRequest>,
    ) -> Result<Response<wire::DecideLinkResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(links::decide(self, actor, request.into_inner(), trace).await?))
    }

    async fn find_people(
        &self,
        request: Request<wire::FindPeopleRequest>,
    ) -> Result<Response<wire::FindPeopleResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        // What was typed is written down nowhere.
        let look = look(&request, (&request.get_ref().center, Action::ReadPerson), ("center", vec![String::new()]))?;
        let answer = find::find(self, actor, request.into_inner(), trace).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn reindex_people(
        &self,
        request: Request<wire::ReindexPeopleRequest>,
    ) -> Result<Response<wire::ReindexPeopleResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(links::reindex(self, &actor, request.into_inner()).await?))
    }

    async fn list_calls(
        &self,
        request: Request<wire::ListCallsRequest>,
    ) -> Result<Response<wire::ListCallsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(phone::list::list(self, &actor, request.into_inner()).await?))
    }

    async fn open_call(&self, request: Request<wire::OpenCallRequest>) -> Result<Response<wire::OpenedCall>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let (trace, told) = (trace(&request), request.get_ref());
        let look = look(&request, (&told.center, Action::ReadPerson), ("call", vec![told.call_id.clone()]))?;
        let answer = phone::list::open(self, actor, request.into_inner(), trace).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn settle_call(
        &self,
        request: Request<wire::SettleCallRequest>,
    ) -> Result<Response<wire::SettleCallResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(phone::settle::call(self, actor, request.into_inner(), trace).await?))
    }

    async fn note_forms(
        &self,
        request: Request<wire::NoteFormsRequest>,
    ) -> Result<Response<wire::NoteFormsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(showings::note(self, &actor, request.into_inner()).await?))
    }

    async fn get_form_counts(
        &self,
        request: Request<wire::GetFormCountsRequest>,
    ) -> Result<Response<wire::GetFormCountsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(showings::counts(self, &actor, request.into_inner()).await?))
    }

    async fn list_feeds(
        &self,
        request: Request<wire::ListFeedsRequest>,
    ) -> Result<Response<wire::ListFeedsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(feeds::list(self, &actor, request.into_inner()).await?))
    }

    async fn list_subscriptions(
        &self,
        request: Request<wire::ListSubscriptionsRequest>,
    ) -> Result<Response<wire::ListSubscriptionsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(subscriptions::list(self, &actor, request.into_inner()).await?))
    }

    async fn switch_subscription(
        &self,
        request: Request<wire::SwitchSubscriptionRequest>,
    ) -> Result<Response<wire::SwitchSubscriptionResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(subscriptions::switch(self, actor, request.into_inner(), trace).await?))
    }

    async fn begin_document(
        &self,
        request: Request<wire::BeginDocumentRequest>,
    ) -> Result<Response<wire::DocumentUpload>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(documents::grpc::begin(&self.documents, &actor, request.into_inner()).await?))
    }

    async fn append_document(
        &self,
        request: Request<wire::AppendDocumentRequest>,
    ) -> Result<Response<wire::DocumentUpload>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(documents::grpc::append(&self.documents, &actor, request.into_inner()).await?))
    }

    async fn get_document_upload(
        &self,
        request: Request<wire::GetDocumentUploadRequest>,
    ) -> Result<Response<wire::DocumentUpload>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(documents::grpc::reached(&self.documents, &actor, request.into_inner()).await?))
    }

    async fn finish_document(
        &self,
        request: Request<wire::FinishDocumentRequest>,
    ) -> Result<Response<wire::Document>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        Ok(Response::new(documents::grpc::finish(&self.documents, &actor, request.into_inner()).await?))
    }

    async fn list_documents(
        &self,
        request: Request<wire::ListDocumentsRequest>,
    ) -> Result<Response<wire::ListDocumentsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let (trace, told) = (trace(&request), request.get_ref());
        let look = look(&request, (&told.center, Action::ReadDocument), ("inquiry", vec![told.inquiry_id.clone()]))?;
        let answer = documents::look::list(&self.documents, actor, request.into_inner(), trace).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn open_document(
        &self,
        request: Request<wire::OpenDocumentRequest>,
    ) -> Result<Response<documents::look::Handed>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let (trace, told) = (trace(&request), request.get_ref());
        let look = look(&request, (&told.center, Action::ReadDocument), ("document", vec![told.document_id.clone()]))?;
        let answer = documents::look::open(&self.documents, actor, request.into_inner(), trace).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn list_access(
        &self,
        request: Request<wire::ListAccessRequest>,
    ) -> Result<Response<wire::ListAccessResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let (request_id, told) = (trace(&request).traceparent().unwrap_or_default().to_owned(), request.get_ref());
        let look = look(&request, (&told.center, Action::ReadAuditLog), ("inquiry", vec![told.inquiry_id.clone()]))?;
        let answer = access::list(self, actor, request.into_inner(), request_id).await;
        Ok(Response::new(noted(self, look, answer).await?))
    }

    async fn match_document(
        &self,
        request: Request<wire::MatchDocumentRequest>,
    ) -> Result<Response<wire::Document>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let trace = trace(&request);
        Ok(Response::new(documents::look::matched(&self.documents, actor, request.into_inner(), trace).await?))
    }
}

/// Asks the policy and logs a refusal.
pub fn allow(actor: &Actor, action: Action, center: &str) -> Result<(), Refusal> {
    policy::may(actor, action, center).map_err(|refused| deny(refused.to_string()))
}

/// A refusal that is logged, since whoever meets one may be trying doors.
pub fn deny(reason: String) -> Refusal {
    warn!(reason, "call refused");
    Refusal::Denied(reason)
}

/// The call's span, or the caller's context where this process exports none.
fn trace<T>(request: &Request<T>) -> TraceContext {
    let told = request.metadata().get(header::TRACEPARENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    TraceContext::current_or(&TraceContext::parse(told))
}

/// Who wants to look at what, should it be refused.
fn look<T>(
    request: &Request<T>,
    (center, action): (&str, Action),
    (kind, ids): (&'static str, Vec<String>),
) -> Result<Look, Status> {
    let actor = causeway_serve::caller(request)?.accountable();
    let request_id = trace(request).traceparent().unwrap_or_default().to_owned();
    Ok(Look { actor, center: center.to_owned(), action, kind, ids, request_id })
}

fn submission(request: wire::SubmitInquiryRequest) -> Submission {
    let present = |text: String| (!text.is_empty()).then_some(text);
    let source = convert::source_from_wire(request.source());
    let attribution = request.attribution.unwrap_or_default();
    Submission {
        center: request.center,
        form_id: request.form_id,
        language: request.language,
        source,
        answers: request.answers.into_iter().collect(),
        urgency: Urgency::default(),
        attribution: convert::attribution_from_wire(attribution),
        referring_office: present(request.referring_office),
        idempotency_key: present(request.idempotency_key),
        strict: request.strict,
        missed_call: false,
    }
}
