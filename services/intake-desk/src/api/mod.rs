//! The desk's answers to questions and commands (service `IntakeDesk` of the contract).
//!
//! Every method reads its request, asks the policy, and hands a question to a reader or an order to [`command`]. A command
//! answers with the inquiry as it stands after it. Deliberately not here: decisions (`domain`) and SQL (`store`).

mod access;
mod call;
mod command;
mod draft;
mod next;
mod orders;
mod page;
mod patient;
mod quality;
mod queues;
mod script;
mod sign_in;
mod work;

use std::sync::Arc;

use causeway_auth::{Action, Sealer};
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Database, Revisions};
use causeway_proto::inquiry::v1::{ListAccessRequest, ListAccessResponse};
use causeway_proto::intake::v1 as wire;
use causeway_proto::intake::v1::intake_desk_server::IntakeDesk;
use tonic::{Request, Response, Status};

use crate::domain::{Outcome, Step};
use crate::error::DeskError;
use crate::handlers::Current;
use crate::metrics::DeskMetrics;
use call::Call;
use command::Order;

/// Answers calls. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    parts: Arc<Parts>,
}

/// What the desk needs to answer.
pub struct Parts {
    /// The service's database.
    pub database: Database,
    /// The profiles in force.
    pub profiles: Arc<Revisions<Profile>>,
    /// Seals notes and free words.
    pub sealer: Sealer,
    /// Figures for operators.
    pub metrics: DeskMetrics,
    /// Most rows in one page of the worklist.
    pub most_rows: i32,
}

type Answer<T> = Result<Response<T>, Status>;

impl Desk {
    /// A desk of these parts.
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    fn profile(&self, center: &str) -> Result<Current, DeskError> {
        self.parts.profiles.current(center).ok_or(DeskError::NotReady)
    }

    /// Does an order and answers with the inquiry after it.
    async fn order(&self, call: Result<Call, Status>, order: Result<Order, DeskError>) -> Answer<wire::Inquiry> {
        let (call, order) = (call?, order.map_err(DeskError::status)?);
        let done = self.command(call, order).await;
        done.map(Response::new).map_err(DeskError::status)
    }
}

#[tonic::async_trait]
#[deny(clippy::missing_trait_methods)]
impl IntakeDesk for Desk {
    async fn list_work(&self, request: Request<wire::ListWorkRequest>) -> Answer<wire::ListWorkResponse> {
        let actor = call::allowed(&request, Action::ViewWorklist, &request.get_ref().center)?;
        let listed = work::list(self, actor, request.into_inner()).await;
        listed.map(Response::new).map_err(DeskError::status)
    }

    async fn list_queues(&self, request: Request<wire::ListQueuesRequest>) -> Answer<wire::ListQueuesResponse> {
        let center = &request.get_ref().center;
        call::allowed(&request, Action::ViewWorklist, center)?;
        queues::list(self, center).await.map(Response::new).map_err(DeskError::status)
    }

    async fn get_inquiry(&self, request: Request<wire::GetInquiryRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::ViewWorklist, (&asked.center, &asked.inquiry_id))?;
        page::look(self, call).await.map(Response::new).map_err(DeskError::status)
    }

    async fn claim_inquiry(&self, request: Request<wire::InquiryCommand>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        let answer = self.order(call, orders::keyed("claim", asked, Step::Claim)).await;
        let result = match &answer {
            Ok(_) => "taken",
            Err(status) if status.code() == tonic::Code::Aborted => "conflict",
            Err(_) => "refused",
        };
        self.parts.metrics.claim(result);
        answer
    }

    async fn claim_next(&self, request: Request<wire::ClaimNextRequest>) -> Answer<wire::Inquiry> {
        let actor = call::allowed(&request, Action::WorkInquiry, &request.get_ref().center)?;
        let claimed = next::claim(self, actor, request.into_inner()).await;
        self.parts.metrics.claim(if claimed.is_ok() { "taken" } else { "refused" });
        claimed.map(Response::new).map_err(DeskError::status)
    }

    async fn release_inquiry(&self, request: Request<wire::InquiryCommand>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::keyed("release", asked, Step::Release)).await
    }

    async fn hand_over_inquiry(&self, request: Request<wire::HandOverInquiryRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let action = if asked.to_team.is_empty() { Action::WorkInquiry } else { Action::Reroute };
        let call = Call::open(&request, action, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::hand_over(self, asked)).await
    }

    async fn log_attempt(&self, request: Request<wire::LogAttemptRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let ends = Outcome::parse(&asked.outcome).is_some_and(|outcome| outcome.ends_with().is_some());
        let action = if ends { Action::CloseInquiry } else { Action::WorkInquiry };
        let call = Call::open(&request, action, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::attempt(asked)).await
    }

    async fn save_note(&self, request: Request<wire::SaveNoteRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, Ok(orders::note(request.into_inner()))).await
    }

    async fn save_draft(&self, request: Request<wire::SaveDraftRequest>) -> Answer<wire::SaveDraftResponse> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id))?;
        draft::save(self, call, request.into_inner()).await.map(Response::new).map_err(DeskError::status)
    }

    async fn request_records(&self, request: Request<wire::RequestRecordsRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::request_records(asked)).await
    }

    async fn promise_record(&self, request: Request<wire::PromiseRecordRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::promise_record(self, asked)).await
    }

    async fn update_record(&self, request: Request<wire::UpdateRecordRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let action = match asked.state.as_str() {
            "reviewed" => Action::ReviewRecords,
            "waived" => Action::WaiveRecord,
            _ => Action::WorkInquiry,
        };
        let call = Call::open(&request, action, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::record(asked)).await
    }

    async fn review_records(&self, request: Request<wire::ReviewRecordsRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::ReviewRecords, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::review(self, asked)).await
    }

    async fn close_inquiry(&self, request: Request<wire::CloseInquiryRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::CloseInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::close(asked)).await
    }

    async fn refer_elsewhere(&self, request: Request<wire::InquiryCommand>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::CloseInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::keyed("refer_elsewhere", asked, Step::ReferElsewhere)).await
    }

    async fn keep_inquiry(&self, request: Request<wire::KeepInquiryRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::keep(asked)).await
    }

    async fn hand_to_center(&self, request: Request<wire::HandToCenterRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::HandToCenter, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::hand_to_center(asked)).await
    }

    async fn agree_next_step(&self, request: Request<wire::AgreeNextStepRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::agree_next_step(self, asked)).await
    }

    async fn end_next_step(&self, request: Request<wire::EndNextStepRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::WorkInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::end_next_step(asked)).await
    }

    async fn reopen_inquiry(&self, request: Request<wire::ReopenInquiryRequest>) -> Answer<wire::Inquiry> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::CloseInquiry, (&asked.center, &asked.inquiry_id));
        self.order(call, orders::reopen(asked)).await
    }

    async fn note_sign_in(&self, request: Request<wire::NoteSignInRequest>) -> Answer<wire::NoteSignInResponse> {
        sign_in::note(self, request).await.map(|()| Response::new(wire::NoteSignInResponse {}))
    }

    async fn list_access(&self, request: Request<ListAccessRequest>) -> Answer<ListAccessResponse> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::ReadAuditLog, (&asked.center, &asked.inquiry_id))?;
        access::list(self, call, &request.get_ref().page_token).await.map(Response::new).map_err(DeskError::status)
    }

    async fn get_patient_status(&self, request: Request<wire::GetInquiryRequest>) -> Answer<wire::PatientStatus> {
        let asked = request.get_ref();
        let call = Call::open(&request, Action::ViewOwnInquiry, (&asked.center, &asked.inquiry_id))?;
        patient::status(self, call).await.map(Response::new).map_err(DeskError::status)
    }
}
