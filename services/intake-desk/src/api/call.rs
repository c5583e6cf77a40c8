//! Who calls about which inquiry, and may they.

use causeway_auth::{Action, Actor, ActorKind, policy};
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

    /// As the timeline names them.
    pub fn by(&self) -> By {
        By(self.actor.id.clone())
    }
}
