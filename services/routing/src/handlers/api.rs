//! The questions that routing answers by gRPC.
//!
//! `PreviewResponse` touches no database: a form page asks it at every look. What is told of decisions stands in `answers`,
//! which the operator's commands ask too. Deliberately not here: what commands do (`pause`, `closures`), and who is on
//! duty (`duty`).

use std::sync::Arc;

use causeway_auth::Actor;
use causeway_auth::policy::{Action, may};
use causeway_funnel::inquiry::{ConsultType, Facts};
use causeway_funnel::profile::Profile;
use causeway_funnel::time_words;
use causeway_mailbox::{Database, Revisions};
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::events::id;
use causeway_proto::routing::v1::routing_server::Routing;
use causeway_proto::routing::v1::{
    Absence, AddAbsenceRequest, CheckTableRequest, CheckTableResponse, Closure, EndAbsenceRequest, EndClosureRequest,
    EnterClosureRequest, ExplainRouteRequest, ExplainRouteResponse, ListClosuresRequest, ListClosuresResponse,
    ListDutyRequest, ListDutyResponse, ListReroutesRequest, ListReroutesResponse, ListRowsRequest, ListRowsResponse,
    PauseClockRequest, PreviewResponseRequest, PreviewResponseResponse, ResponseClock, ResumeClockRequest,
    WhatIfRequest, WhatIfResponse,
};
use causeway_serve::Code;
use tonic::{Request, Response, Status};

use super::{Ahead, closures, moved, pause, tables};
use crate::answers;
use crate::domain::{Open, route_in};
use crate::error::{Error, refused};
use crate::store::clock::{self, Paused};
use crate::store::{self, Decision};

/// The gRPC face of routing.
pub(crate) struct Api {
    pub database: Database,
    pub profiles: Arc<Revisions<Profile>>,
    pub ahead: Arc<Ahead>,
}

#[tonic::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Routing for Api {
    async fn explain_route(
        &self,
        request: Request<ExplainRouteRequest>,
    ) -> Result<Response<ExplainRouteResponse>, Status> {
        allow(&request, &request.get_ref().center, &[Action::TryRouting, Action::ViewWorklist])?;
        let asked = request.into_inner();
        let inquiry_id =
            id("inquiry_id", &asked.inquiry_id).map_err(|cause| Reason::FieldFault.status(cause.to_string()))?;
        let (found, pause) = self
            .database
            .read(&asked.center, move |tx| {
                Box::pin(async move {
                    let (center, now) = (tx.center().to_owned(), tx.now());
                    let found = store::find(tx.conn(), &center, inquiry_id).await?;
                    let pauses = clock::pauses(tx, &[inquiry_id]).await?;
                    Ok::<_, Error>((found, moved::standing(pauses.get(&inquiry_id), now).cloned()))
                })
            })
            .await?;
        let decision = found.ok_or_else(|| {
            Reason::NotFound
                .status("no route was decided for this inquiry in this center; check its number and the center")
        })?;
        Ok(Response::new(self.explain(&asked.center, decision, pause).await?))
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
        let (in_force, ahead) = (self.in_force(&asked.center)?, self.ahead.known());
        let profile = &in_force.1;
        let facts = Facts {
            consult_type,
            language: profile.default_language().to_owned(),
            received_at: self.database.clock().now(),
            ..Facts::default()
        };
        let closures = ahead.get(&asked.center).map(Vec::as_slice).unwrap_or_default();
        let clock = route_in(&mut Open::new(profile, closures), &facts).clock;
        let language = profile.language_or_default(&asked.language);
        Ok(Response::new(PreviewResponseResponse {
            response_due_at: micros(clock.due_at),
            clock_starts_at: micros(clock.starts_at),
            after_hours: clock.after_hours,
            due_words: time_words::words(clock.due_at, profile.zone(), language),
        }))
    }

    async fn list_rows(&self, request: Request<ListRowsRequest>) -> Result<Response<ListRowsResponse>, Status> {
        let center = &request.get_ref().center;
        allow(&request, center, &[Action::TryRouting])?;
        let in_force = self.in_force(center)?;
        Ok(Response::new(tables::rows(&in_force.0, &in_force.1)))
    }

    async fn check_table(&self, request: Request<CheckTableRequest>) -> Result<Response<CheckTableResponse>, Status> {
        let asked = request.get_ref();
        allow(&request, &asked.center, &[Action::TryRouting])?;
        let in_force = self.in_force(&asked.center)?;
        let (rows, faults) = match tables::propose(&in_force.1, &asked.csv)? {
            Ok(table) => (table.rows.len(), Vec::new()),
            Err(faults) => (0, faults),
        };
        let rows = i32::try_from(rows).unwrap_or(i32::MAX);
        Ok(Response::new(CheckTableResponse { faults: faults.into_iter().map(tables::fault).collect(), rows }))
    }

    async fn what_if(&self, request: Request<WhatIfRequest>) -> Result<Response<WhatIfResponse>, Status> {
        allow(&request, &request.get_ref().center, &[Action::TryRouting])?;
        let asked = request.into_inner();
        let days = tables::days(asked.days)?;
        let in_force = self.in_force(&asked.center)?;
        let table = match tables::propose(&in_force.1, &asked.csv)? {
            Ok(table) => table,
            Err(faults) => {
                let faults = faults.into_iter().map(tables::fault).collect();
                return Ok(Response::new(WhatIfResponse { faults, ..WhatIfResponse::default() }));
            }
        };
        let told = self
            .database
            .read(&asked.center, move |tx| {
                Box::pin(async move {
                    let center = tx.center().to_owned();
                    let told = answers::what_if(tx.conn(), &center, (&in_force.1, &table), days, |_, _| ()).await?;
                    Ok::<_, Error>(told)
                })
            })
            .await?;
        Ok(Response::new(tables::told(told)))
    }

    async fn pause_clock(&self, request: Request<PauseClockRequest>) -> Result<Response<ResponseClock>, Status> {
        let actor = allow(&request, &request.get_ref().center, &[Action::PauseClock])?;
        Ok(Response::new(pause::pause(self, actor, request.into_inner()).await?))
    }

    async fn resume_clock(&self, request: Request<ResumeClockRequest>) -> Result<Response<ResponseClock>, Status> {
        let actor = allow(&request, &request.get_ref().center, &[Action::PauseClock])?;
        Ok(Response::new(pause::resume(self, actor, request.into_inner()).await?))
    }

    async fn list_closures(
        &self,
        request: Request<ListClosuresRequest>,
    ) -> Result<Response<ListClosuresResponse>, Status> {
        allow(&request, &request.get_ref().center, &[Action::ViewWorklist])?;
        Ok(Response::new(closures::list(self, request.into_inner()).await?))
    }

    async fn enter_closure(&self, request: Request<EnterClosureRequest>) -> Result<Response<Closure>, Status> {
        let actor = allow(&request, &request.get_ref().center, &[Action::ChangeClosures])?;
        Ok(Response::new(closures::enter(self, actor, request.into_inner()).await?))
    }

    async fn end_closure(&self, request: Request<EndClosureRequest>) -> Result<Response<Closure>, Status> {
        let actor = allow(&request, &request.get_ref().center, &[Action::ChangeClosures])?;
        Ok(Response::new(closures::end(self, actor, request.into_inner()).await?))
    }

    async fn list_duty(&self, request: Request<ListDutyRequest>) -> Result<Response<ListDutyResponse>, Status> {
        allow(&request, &request.get_ref().center, &[Action::ViewWorklist])?;
        self.duty(&request.get_ref().center).await.map(Response::new)
    }

    async fn add_absence(&self, request: Request<AddAbsenceRequest>) -> Result<Response<Absence>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        self.away(&actor, request.into_inner()).await.map(Response::new)
    }

    async fn end_absence(&self, request: Request<EndAbsenceRequest>) -> Result<Response<Absence>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        // Whose it is, is found first; a stranger to the center does not even learn whether there is one.
        allow(&request, &request.get_ref().center, &[Action::WorkInquiry, Action::Reassign])?;
        self.back(&actor, request.into_inner()).await.map(Response::new)
    }

    async fn list_reroutes(
        &self,
        request: Request<ListReroutesRequest>,
    ) -> Result<Response<ListReroutesResponse>, Status> {
        allow(&request, &request.get_ref().center, &[Action::ViewFunnel])?;
        self.reroutes(request.into_inner()).await.map(Response::new)
    }
}

impl Api {
    async fn explain(
        &self,
        center: &str,
        decision: Decision,
        pause: Option<Paused>,
    ) -> Result<ExplainRouteResponse, Error> {
        let current = self.profiles.current(center).filter(|current| current.0 == decision.revision);
        let past = match &current {
            Some(_) => None,
            None => self.profiles.at(center, &decision.revision).await?,
        };
        let told = answers::explained(decision, current.as_ref().map(|current| &current.1).or(past.as_ref()))?;
        Ok(ExplainRouteResponse {
            paused_since: pause.as_ref().map_or(0, |pause| micros(pause.from)),
            paused_until: pause.as_ref().map_or(0, |pause| micros(pause.to)),
            pause_reason: pause.map(|pause| pause.reason).unwrap_or_default(),
            ..told
        })
    }

    /// The profile in force. Before the first one has come nobody can say which centers there are.
    pub(super) fn in_force(&self, center: &str) -> Result<Arc<(String, Profile)>, Error> {
        self.profiles.current(center).ok_or_else(|| {
            if self.profiles.names().is_empty() {
                let text = "no center's profile is known to routing yet; ask again in a moment";
                return refused(Reason::NotReady, text);
            }
            let text = format!("center '{center}' has no profile in force; apply it, or check the name");
            refused(Reason::UnknownCenter, text)
        })
    }
}

/// Lets a caller pass who may do one of these, and says who is held to account.
fn allow<T>(request: &Request<T>, center: &str, actions: &[Action]) -> Result<Actor, Status> {
    let actor = causeway_serve::caller(request)?.accountable();
    let mut refused = None;
    for action in actions {
        match may(&actor, *action, center) {
            Ok(()) => return Ok(actor),
            Err(cause) => refused = refused.or(Some(cause)),
        }
    }
    Err(Code::PermissionDenied.status(refused.map_or_else(String::new, |cause| cause.to_string())))
}
