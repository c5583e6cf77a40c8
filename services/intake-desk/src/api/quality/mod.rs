//! Answers to calls about audits of intake quality (service `QualityAudits` of the contract).
//!
//! Deliberately not here: who may read an audit and what follows a reading (`domain`), and the access log, which is another thing;
//! each look at an audit is a row of it.

mod one;
mod queue;
mod results;

use causeway_auth::{Action, Actor};
use causeway_proto::error::Reason;
use causeway_proto::intake::v1 as wire;
use causeway_proto::intake::v1::quality_audits_server::QualityAudits;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Answer, Desk, call};
use crate::error::DeskError;
use one::Do;

#[tonic::async_trait]
#[deny(clippy::missing_trait_methods)]
impl QualityAudits for Desk {
    async fn list_audits(&self, request: Request<wire::ListAuditsRequest>) -> Answer<wire::ListAuditsResponse> {
        let actor = scorer(&request, &request.get_ref().center)?;
        queue::list(self, actor, request.into_inner()).await.map(Response::new).map_err(DeskError::status)
    }

    async fn draw_audits(&self, request: Request<wire::DrawAuditsRequest>) -> Answer<wire::DrawAuditsResponse> {
        scorer(&request, &request.get_ref().center)?;
        queue::draw(self, request.into_inner()).await.map(Response::new).map_err(DeskError::status)
    }

    async fn choose_inquiry(&self, request: Request<wire::ChooseInquiryRequest>) -> Answer<wire::QualityAudit> {
        let actor = scorer(&request, &request.get_ref().center)?;
        let asked = request.into_inner();
        let inquiry = parsed(&asked.inquiry_id, "inquiry_id is not a uuid")?;
        one::choose(self, (asked.center, actor), inquiry).await.map(Response::new).map_err(DeskError::status)
    }

    async fn get_audit(&self, request: Request<wire::AuditCommand>) -> Answer<wire::QualityAudit> {
        self.audit(request, Do::Look).await
    }

    async fn take_audit(&self, request: Request<wire::AuditCommand>) -> Answer<wire::QualityAudit> {
        self.audit(request, Do::Take).await
    }

    async fn give_back_audit(&self, request: Request<wire::AuditCommand>) -> Answer<wire::QualityAudit> {
        self.audit(request, Do::GiveBack).await
    }

    async fn ask_second_reader(&self, request: Request<wire::AuditCommand>) -> Answer<wire::QualityAudit> {
        self.audit(request, Do::AskSecond).await
    }

    async fn save_audit(&self, request: Request<wire::SaveAuditRequest>) -> Answer<wire::QualityAudit> {
        let actor = scorer(&request, &request.get_ref().center)?;
        let mut asked = request.into_inner();
        let audit = parsed(&asked.audit_id, "audit_id is not a uuid")?;
        let center = std::mem::take(&mut asked.center);
        one::done(self, (center, actor), audit, Do::Save(asked)).await.map(Response::new).map_err(DeskError::status)
    }

    async fn get_results(&self, request: Request<wire::GetResultsRequest>) -> Answer<wire::QualityResults> {
        scorer(&request, &request.get_ref().center)?;
        results::of_center(self, request.into_inner()).await.map(Response::new).map_err(DeskError::status)
    }

    async fn get_own_results(&self, request: Request<wire::GetResultsRequest>) -> Answer<wire::OwnQualityResults> {
        let actor = call::allowed(&request, Action::ViewOwnQuality, &request.get_ref().center)?;
        results::own(self, actor, request.into_inner()).await.map(Response::new).map_err(DeskError::status)
    }
}

impl Desk {
    async fn audit(&self, request: Request<wire::AuditCommand>, what: Do) -> Answer<wire::QualityAudit> {
        let actor = scorer(&request, &request.get_ref().center)?;
        let asked = request.into_inner();
        let audit = parsed(&asked.audit_id, "audit_id is not a uuid")?;
        one::done(self, (asked.center, actor), audit, what).await.map(Response::new).map_err(DeskError::status)
    }
}

fn scorer<T>(request: &Request<T>, center: &str) -> Result<Actor, Status> {
    call::allowed(request, Action::ScoreInquiry, center)
}

fn parsed(id: &str, fault: &'static str) -> Result<Uuid, Status> {
    Uuid::parse_str(id).map_err(|_| Reason::FieldFault.status(fault))
}
