//! Who calls about which inquiry, and may they.

use causeway_auth::audit::{Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind, policy};
use causeway_mailbox::Tx;
use causeway_proto::error::Reason;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::domain::By;
use crate::error::DeskError;

/// A call that was allowed.
#[derive(Debug, Clone)]
pub struct Call {
    /// The center, which is the actor's own unless a service asks.
    pub center: String,
    /// Which inquiry.
    pub inquiry_id: Uuid,
    /// Who is held to account.
    pub actor: Actor,
}

/// Who calls, if they may do this in this center.
pub fn allowed<T>(request: &Request<T>, action: Action, center: &str) -> Result<Actor, Status> {
    let actor = causeway_serve::caller(request)?.accountable();
    policy::may(&actor, action, center).map_err(|refused| DeskError::from(refused).status())?;
    Ok(actor)
}

/// What somebody did about an inquiry, and why, for the access log.
pub fn entry(tx: &Tx, actor: &Actor, inquiry_id: Uuid, (action, purpose): (&str, &str)) -> Entry {
    Entry {
        actor: actor.clone(),
        action: action.to_owned(),
        object_kind: "inquiry",
        object_id: inquiry_id.to_string(),
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        request_id: tx.trace().traceparent().unwrap_or_default().to_owned(),
    }
}

impl Call {
    /// Reads who calls about what, and asks the policy.
    pub fn open<T>(request: &Request<T>, action: Action, (center, inquiry): (&str, &str)) -> Result<Self, Status> {
        let actor = allowed(request, action, center)?;
        let inquiry_id = Uuid::parse_str(inquiry).map_err(|_| Reason::FieldFault.status("inquiry_id is not a uuid"))?;
        // A link opens one inquiry; every other one does not exist for its holder.
        let own = actor.kind != ActorKind::Patient || actor.id.parse() == Ok(inquiry_id);
        if !own {
            return Err(DeskError::NotFound.status());
        }
        Ok(Self { center: center.to_owned(), inquiry_id, actor })
    }

    /// What was done in it, for the access log.
    pub fn entry(&self, tx: &Tx, action: &str, purpose: &str) -> Entry {
        entry(tx, &self.actor, self.inquiry_id, (action, purpose))
    }

    /// As the timeline names them.
    pub fn by(&self) -> By {
        By(self.actor.id.clone())
    }
}
