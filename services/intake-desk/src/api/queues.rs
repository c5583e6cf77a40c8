//! The queues of all teams: how much is open, whose it is, what is late, what is due next.
//!
//! One count over what is open, which is never long. Deliberately not here: who is on duty (routing) and single inquiries (work).

use causeway_proto::convert::micros;
use causeway_proto::intake::v1 as wire;

use super::Desk;
use crate::error::DeskError;
use crate::store::worklist::{Share, shares};

/// All queues of a center.
pub async fn list(desk: &Desk, center: &str) -> Result<wire::ListQueuesResponse, DeskError> {
    desk.profile(center)?;
    let found =
        desk.parts.database.read(center, move |tx| Box::pin(async move { Ok::<_, DeskError>(shares(tx).await?) }));
    Ok(wire::ListQueuesResponse { queues: queues(found.await?) })
}

/// Shares that stand in the order of their teams, as one queue for each team.
fn queues(all: Vec<Share>) -> Vec<wire::Queue> {
    let mut queues: Vec<wire::Queue> = Vec::new();
    for share in all {
        let next_due_at = share.next_due_at.map_or(0, |at| micros(at.0));
        if queues.last().is_none_or(|queue| queue.team != share.team) {
            queues.push(wire::Queue { team: share.team, ..wire::Queue::default() });
        }
        let Some(queue) = queues.last_mut() else { continue };
        queue.open += share.open;
        queue.late += share.late;
        if share.owner.is_empty() {
            queue.unowned += share.open;
        }
        queue.next_due_at = [queue.next_due_at, next_due_at].into_iter().filter(|at| *at != 0).min().unwrap_or(0);
        queue.shares.push(wire::QueueShare { owner: share.owner, open: share.open, late: share.late, next_due_at });
    }
    queues
}

#[cfg(test)]
mod tests {
    use causeway_mailbox::Ts;
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_queue_adds_up_its_people_and_is_next_due_when_the_first_of_them_is() {
        let share = |team: &str, owner: &str, open, late, due: Option<i64>| Share {
            team: team.into(),
            owner: owner.into(),
            open,
            late,
            next_due_at: due.map(|due| Ts(Timestamp::from_microsecond(due).expect("a time"))),
        };
        let found = queues(vec![
            share("breast", "", 3, 1, Some(90)),
            share("breast", "dana", 2, 0, Some(70)),
            share("gi", "luis", 4, 4, None),
        ]);
        let said: Vec<_> =
            found.iter().map(|one| (one.team.as_str(), one.open, one.late, one.unowned, one.next_due_at)).collect();
        assert_eq!(said, [("breast", 5, 1, 3, 70), ("gi", 4, 4, 0, 0)]);
        assert_eq!(found[0].shares.len(), 2);
    }
}
