//! "The next one, please": the inquiry that is due first of the caller's teams and languages becomes theirs.
//!
//! Two people who ask at the same moment get different ones, and none waits for the other. Deliberately not here: what is due
//! first (the order of the queue) and the claim itself (domain).

use causeway_auth::{Action, Actor, policy};
use causeway_funnel::next_action::NextAction;
use causeway_proto::intake::v1 as wire;

use super::call::Call;
use super::command::Order;
use super::{Desk, orders, page};
use crate::domain::{Step, reach};
use crate::error::DeskError;
use crate::store::{Key, inquiry, next};

const COMMAND: &str = "claim_next";

/// Takes the next one. The same key of the same person again is answered with the same one.
pub async fn claim(desk: &Desk, actor: Actor, asked: wire::ClaimNextRequest) -> Result<wire::Inquiry, DeskError> {
    let (own, center) = (desk.clone(), asked.center.clone());
    let current = desk.profile(&center)?;
    if !asked.team.is_empty() && current.1.team(&asked.team).is_none() {
        return Err(DeskError::UnknownName("no such team in this center; see teams.toml"));
    }
    let key = Key { command: COMMAND, key: orders::key(&asked.idempotency_key)?, content: asked.team };
    // A visit that is booked or a step that is agreed asks for nothing until its day, nor does a message that is on its way; whether records will do is a
    // reviewer's word.
    let waits = [NextAction::AwaitVisit, NextAction::AwaitNextStep, NextAction::AwaitReferral];
    let mut not_mine: Vec<&str> = waits.iter().map(|action| action.as_str()).collect();
    if policy::may(&actor, Action::ReviewRecords, &center).is_err() {
        not_mine.push(NextAction::ReviewRecords.as_str());
    }
    let work = desk.parts.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            next::one_at_a_time(tx, &key, &actor.id).await?;
            if let Some((inquiry_id, content)) = next::answered(tx, &key, &actor.id).await? {
                if content != key.content {
                    return Err(DeskError::KeyReused);
                }
                let call = Call { center: asked.center, inquiry_id, actor };
                let known = inquiry::find(tx, inquiry_id).await?.ok_or(DeskError::NotFound)?;
                return page::render(&own, tx, &call, (&known, &current.1), COMMAND).await;
            }
            let mine = reach(&current.1, &actor.id, &key.content, tx.now());
            let inquiry_id = next::take(tx, &actor.id, &mine, &not_mine).await?.ok_or(DeskError::NothingFree)?;
            let call = Call { center: asked.center, inquiry_id, actor };
            let order = Order::step(COMMAND, Step::Claim).with_key(key.key, key.content)?;
            own.run(tx, call, order).await
        })
    });
    work.await
}
