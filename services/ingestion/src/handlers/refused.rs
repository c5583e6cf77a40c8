//! A look at a person that was refused, written down in the chain of the center that was asked about.
//!
//! Whoever is refused may be trying doors, and a log goes with its disk. A refusal shows nothing, so it stands also where it can't be
//! written down; that is then an error of ours in the log. Deliberately not here: refusals of work, which show nobody.

use causeway_auth::audit::{self, Entry, Outcome};
use causeway_auth::{Action, Actor};
use uuid::Uuid;

use super::grpc::Calls;
use crate::error::Refusal;
use crate::store::unaddressed::INSTALLATION;

/// Who wanted to look at what.
pub struct Look {
    /// Who is held to account.
    pub actor: Actor,
    /// The center that was asked about.
    pub center: String,
    /// What they would have needed.
    pub action: Action,
    /// On what kind of thing.
    pub kind: &'static str,
    /// On which ones, as the caller wrote them: only what is an id is written down, since a caller can write anything.
    pub ids: Vec<String>,
    /// In which request.
    pub request_id: String,
}

impl Look {
    fn entries(self) -> Vec<Entry> {
        let mut ids: Vec<Option<Uuid>> = self.ids.iter().map(|text| Uuid::parse_str(text).ok()).collect();
        ids.sort_unstable();
        ids.dedup();
        let entry = |id: Option<Uuid>| Entry {
            actor: self.actor.clone(),
            action: self.action.word().to_owned(),
            object_kind: self.kind,
            object_id: id.map(|id| id.to_string()).unwrap_or_default(),
            purpose: "refused".to_owned(),
            outcome: Outcome::Refused,
            request_id: self.request_id.clone(),
        };
        ids.into_iter().map(entry).collect()
    }
}

/// Gives the answer on, and writes it down where it is that they may not.
pub async fn noted<T>(calls: &Calls, look: Look, answer: Result<T, Refusal>) -> Result<T, Refusal> {
    // There is no chain of a center that there is not, and a list longer than is taken is not written down row by row.
    let is_known = look.center == INSTALLATION || calls.acceptance.profile(&look.center).is_ok();
    let is_known = is_known && look.ids.len() <= calls.most_revealed;
    if matches!(answer, Err(Refusal::Denied(_))) && is_known {
        let center = look.center.clone();
        let entries = look.entries();
        let written = calls.database.with_tx(&center, move |tx| {
            Box::pin(async move {
                audit::append_all(tx, &entries).await.map_err(|audit::AuditError::Database(cause)| Refusal::from(cause))
            })
        });
        if let Err(cause) = written.await {
            tracing::error!(%cause, center, "write down a refused look at a person");
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_wrote_instead_of_an_id_is_not_written_down() {
        let look = Look {
            actor: Actor::service("metrics"),
            center: "lakeside".into(),
            action: Action::ReadPerson,
            kind: "inquiry",
            ids: vec!["Testpatient Marisol".into(), Uuid::from_u128(7).to_string(), Uuid::from_u128(7).to_string()],
            request_id: String::new(),
        };
        let ids: Vec<String> = look.entries().into_iter().map(|entry| entry.object_id).collect();
        assert_eq!(ids, [String::new(), Uuid::from_u128(7).to_string()]);
    }
}
