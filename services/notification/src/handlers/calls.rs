//! gRPC: the messages of an inquiry, and the wish to get no more.

use causeway_auth::{Action, Actor, ActorKind, policy};
use causeway_funnel::ids::InquiryId;
use causeway_mailbox::{Database, TxError};
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::notice::v1 as wire;
use causeway_proto::notice::v1::notices_server::Notices;
use causeway_proto::notice::v1::{
    ListNoticesRequest, ListNoticesResponse, Notice, NoticeOutcome, StopMessagesRequest, StopMessagesResponse,
};
use causeway_serve::{Code, caller};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{tell_stop, tell_stopped};
use crate::error::refused;
use crate::metrics::Metrics;
use crate::store::notices::{self, Listed};
use crate::store::stops::{self, Stop, Stopped};

/// Answers calls.
pub struct Calls {
    /// The database.
    pub database: Database,
    /// The counters.
    pub metrics: Metrics,
}

#[tonic::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Notices for Calls {
    async fn list_notices(
        &self,
        request: Request<ListNoticesRequest>,
    ) -> Result<Response<ListNoticesResponse>, Status> {
        let actor = caller(&request)?.accountable();
        let ListNoticesRequest { center, inquiry_id } = request.into_inner();
        let inquiry_id = inquiry(&inquiry_id)?;
        let action = if actor.kind == ActorKind::Patient { Action::ViewOwnInquiry } else { Action::ViewWorklist };
        may(&actor, action, &center, inquiry_id)?;
        let read = self.database.read(&center, move |tx| {
            Box::pin(async move {
                let listed = notices::list(tx, inquiry_id).await?;
                Ok::<_, TxError>((listed, stops::said_of(tx, inquiry_id).await?))
            })
        });
        let (listed, stopped) = read.await.map_err(|cause| refused(&cause))?;
        let notices = listed.into_iter().map(|one| to_wire(&center, inquiry_id, one)).collect();
        let stopped = stopped.into_iter().map(|(channel, since)| wire::Stopped { channel, since: micros(since) });
        Ok(Response::new(ListNoticesResponse { notices, stopped: stopped.collect() }))
    }

    async fn stop_messages(
        &self,
        request: Request<StopMessagesRequest>,
    ) -> Result<Response<StopMessagesResponse>, Status> {
        let actor = caller(&request)?.accountable();
        let StopMessagesRequest { center, inquiry_id, channel } = request.into_inner();
        let inquiry_id = inquiry(&inquiry_id)?;
        let channel = match channel.as_str() {
            "" => "all",
            "email" => "email",
            "sms" => "sms",
            _ => return Err(Reason::FieldFault.status("channel is unknown; use email, sms, or leave it empty for all")),
        };
        may(&actor, Action::ChangeConsent, &center, inquiry_id)?;
        let stop = Stop { inquiry_id, channel, actor_kind: actor.kind.word(), actor_id: actor.id };
        let written = self.database.with_tx(&center, move |tx| {
            Box::pin(async move {
                let stopped = stops::stop(tx, &stop).await?;
                tell_stop(tx, &stop, &stopped);
                tell_stopped(tx, &stopped.ended);
                Ok::<_, TxError>(stopped)
            })
        });
        let Stopped { since, ended, .. } = written.await.map_err(|cause| refused(&cause))?;
        ended.iter().for_each(|told| self.metrics.count(told.kind, true, "suppressed", 1));
        let cancelled = i32::try_from(ended.len()).unwrap_or(i32::MAX);
        Ok(Response::new(StopMessagesResponse { stopped_at: micros(since), cancelled }))
    }
}

fn inquiry(text: &str) -> Result<Uuid, Status> {
    let id: InquiryId = text.parse().map_err(|_| Reason::FieldFault.status("inquiry_id is no inquiry id"))?;
    Ok(id.0)
}

/// The matrix knows roles and centers; that a patient's link is for one inquiry alone is asked here.
fn may(actor: &Actor, action: Action, center: &str, inquiry_id: Uuid) -> Result<(), Status> {
    policy::may(actor, action, center).map_err(|cause| Code::PermissionDenied.status(cause.to_string()))?;
    let own = actor.id.parse::<InquiryId>().is_ok_and(|own| own.0 == inquiry_id);
    if actor.kind == ActorKind::Patient && !own {
        return Err(Reason::NotFound.status("no such inquiry"));
    }
    Ok(())
}

fn to_wire(center: &str, inquiry_id: Uuid, one: Listed) -> Notice {
    let channel = if one.channel == "email" { Channel::Email } else { Channel::Unspecified };
    let outcome = NoticeOutcome {
        notice_id: one.notice_id.to_string(),
        inquiry_id: inquiry_id.to_string(),
        center: center.to_owned(),
        kind: one.kind,
        channel: channel.into(),
        at: micros(one.at),
        reason: one.reason,
    };
    Notice { outcome: Some(outcome), state: one.state }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_reaches_their_own_inquiry_and_no_other() {
        let own = Uuid::from_u128(7);
        for id in [own.to_string(), InquiryId(own).to_string()] {
            let patient = Actor::patient(id, "lakeside");
            assert!(may(&patient, Action::ChangeConsent, "lakeside", own).is_ok());
            let other = may(&patient, Action::ChangeConsent, "lakeside", Uuid::from_u128(8)).expect_err("refused");
            assert_eq!(other.code(), tonic::Code::NotFound);
            assert!(may(&patient, Action::ChangeConsent, "harbor-valley", own).is_err());
        }
    }
}
