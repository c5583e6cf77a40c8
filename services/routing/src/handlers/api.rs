//! The questions that routing answers by gRPC.
//!
//! `ExplainRoute` recomputes the reasons from the revision and the facts of the decision, whatever is in force today.
//! `PreviewResponse` touches no database: a form page asks it at every look. Deliberately not here: any command.

use std::sync::Arc;

use causeway_auth::policy::{Action, may};
use causeway_funnel::inquiry::{ConsultType, Facts};
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Database, Revisions};
use causeway_proto::convert::{facts_from_wire, micros};
use causeway_proto::error::Reason;
use causeway_proto::events::id;
use causeway_proto::inquiry::v1 as inquiry;
use causeway_proto::routing::v1::routing_server::Routing;
use causeway_proto::routing::v1::{
    ExplainRouteRequest, ExplainRouteResponse, FailedRow, PreviewResponseRequest, PreviewResponseResponse,
};
use causeway_serve::Code;
use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::domain::{failed_rows, route, sentence};
use crate::error::Error;
use crate::store::{self, Decision};

/// The gRPC face of routing.
pub(crate) struct Api {
    pub database: Database,
    pub profiles: Arc<Revisions<Profile>>,
}

#[tonic::async_trait]
impl Routing for Api {
    async fn explain_route(
        &self,
        request: Request<ExplainRouteRequest>,
    ) -> Result<Response<ExplainRouteResponse>, Status> {
        allow(&request, &request.get_ref().center, &[Action::TryRouting, Action::ViewWorklist])?;
        let asked = request.into_inner();
        let inquiry_id =
            id("inquiry_id", &asked.inquiry_id).map_err(|cause| Reason::FieldFault.status(cause.to_string()))?;
        let found: Option<Decision> = self
            .database
            .read(&asked.center, move |tx| Box::pin(async move { Ok::<_, Error>(store::find(tx, inquiry_id).await?) }))
            .await?;
        let decision = found.ok_or_else(|| {
            Reason::NotFound
                .status("no route was decided for this inquiry in this center; check its number and the center")
        })?;
        Ok(Response::new(self.explain(&asked.center, decision).await?))
    }

    async fn preview_response(
        &self,
        request: Request<PreviewResponseRequest>,
    ) -> Result<Response<PreviewResponseResponse>, Status> {
        allow(
            &request,
            &request.get_ref().center,
            &[Action::ViewOwnInquiry, Action::EnterInquiry, Action::TryRouting],
        )?;
        let asked = request.into_inner();
        let consult_type = match asked.consult_type.as_str() {
            "" => ConsultType::NotSure,
            name => name.parse().map_err(|cause: causeway_funnel::words::UnknownWord| {
                Reason::FieldFault.status(format!("consult_type: {cause}"))
            })?,
        };
        let in_force = self.profiles.current(&asked.center).ok_or_else(|| self.unknown(&asked.center))?;
        let profile = &in_force.1;
        let facts = Facts {
            consult_type,
            language: profile.default_language().to_owned(),
            received_at: self.database.clock().now(),
            ..Facts::default()
        };
        let clock = route(profile, &facts).clock;
        Ok(Response::new(PreviewResponseResponse {
            response_due_at: micros(clock.due_at),
            clock_starts_at: micros(clock.starts_at),
            after_hours: clock.after_hours,
        }))
    }
}

impl Api {
    async fn explain(&self, center: &str, decision: Decision) -> Result<ExplainRouteResponse, Error> {
        let facts = inquiry::Facts::decode(decision.facts.as_slice()).map_err(|source| {
            causeway_proto::events::Unreadable::Payload { kind: "causeway.inquiry.v1.Facts", source }
        })?;
        let (_, facts) = facts_from_wire(&facts)?;
        let current = self.profiles.current(center).filter(|current| current.0 == decision.revision);
        let past = match &current {
            Some(_) => None,
            None => self.profiles.at(center, &decision.revision).await?,
        };
        let (failed, sentence) = match current.as_ref().map(|current| &current.1).or(past.as_ref()) {
            Some(profile) => (
                failed_rows(&profile.routing, &facts),
                sentence(profile, &facts, &decision.row_name, decision.response_due_at),
            ),
            None => (
                Vec::new(),
                format!(
                    "Row {} of revision {} sent this inquiry to team {}; that revision is no longer kept here.",
                    decision.row_name, decision.revision, decision.team
                ),
            ),
        };
        let failed = failed
            .into_iter()
            .map(|row| FailedRow { row: row.row, column: row.column.to_owned(), wanted: row.wanted, found: row.found })
            .collect();
        Ok(ExplainRouteResponse {
            revision: decision.revision,
            row: decision.row_name,
            team: decision.team,
            program: decision.program,
            site: decision.site.unwrap_or_default(),
            script: decision.script,
            priority: decision.priority,
            response_due_at: micros(decision.response_due_at),
            clock_starts_at: micros(decision.clock_starts_at),
            after_hours: decision.after_hours,
            failed,
            sentence,
            clock_state: decision.clock_state,
        })
    }

    /// Before the first profile has come nobody can say which centers there are.
    fn unknown(&self, center: &str) -> Status {
        if self.profiles.names().is_empty() {
            return Reason::NotReady.status("no center's profile is known to routing yet; ask again in a moment");
        }
        Reason::UnknownCenter.status(format!("center '{center}' has no profile in force; apply it, or check the name"))
    }
}

/// Lets a caller pass who may do one of these.
fn allow<T>(request: &Request<T>, center: &str, actions: &[Action]) -> Result<(), Status> {
    let actor = causeway_serve::caller(request)?.accountable();
    let mut refused = None;
    for action in actions {
        match may(&actor, *action, center) {
            Ok(()) => return Ok(()),
            Err(cause) => refused = refused.or(Some(cause)),
        }
    }
    Err(Code::PermissionDenied.status(refused.map_or_else(String::new, |cause| cause.to_string())))
}
