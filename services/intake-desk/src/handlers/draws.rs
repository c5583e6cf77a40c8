//! The weekly draw of audits of intake quality: a durable timer at the beginning of each week by the center's clock.
//!
//! The timer of the week that runs and of the next one are always set, so who was down on Monday draws when it is back, and who is
//! down on the Monday after has the timer already. Deliberately not here: who is drawn (funnel) and an auditor's own draw (api).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{SealError, Sealer};
use causeway_envelope::TraceContext;
use causeway_funnel::profile::Profile;
use causeway_funnel::quality_audit::Ending;
use causeway_funnel::quality_audit::sampling::{Candidate, DrawKey, begins, drawn, next_week, week_of};
use causeway_mailbox::{Database, DueTimer, Outcome, Revisions, Timer, Tx, TxError};
use jiff::ToSpan as _;
use jiff::civil::Date;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use uuid::Uuid;

use crate::error::DeskError;
use crate::store::quality::draws;

/// Timer that draws for a week. It is about no inquiry.
pub(super) const QUALITY_DRAW: &str = "quality-draw";
/// How often it is looked whether a week has its timer.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The key of a center's draws, which comes from the master key: each process has the same one, and so after a restart.
pub fn draw_key(sealer: &Sealer, center: &str) -> Result<DrawKey, SealError> {
    sealer.blind(center, "quality draws", "key").map(|secret| DrawKey::new(&secret))
}

/// Draws by each rule that has not drawn for this week; gives how many audits are new.
pub async fn draw_audits(tx: &mut Tx, sealer: &Sealer, profile: &Profile, week: Date) -> Result<usize, DeskError> {
    let (zone, center) = (profile.zone(), tx.center().to_owned());
    let (key, end) = (draw_key(sealer, &center)?, begins(week, zone));
    // All rules decide before anything is put into the queue: what they draw is locked once, in the order of ids.
    let mut decided = Vec::new();
    let mut taken: HashSet<Uuid> = HashSet::new();
    for rule in &profile.audits.samples {
        if !draws::begin(tx, &rule.id, week).await? {
            continue;
        }
        let from = begins(week.saturating_sub(i64::from(rule.look_back_days).days()), zone);
        let mut found = draws::candidates(tx, (from, end)).await?;
        found.retain(|one| {
            (rule.outcomes.is_empty() || rule.outcomes.iter().any(|wanted| wanted.as_str() == one.outcome))
                && !taken.contains(&one.inquiry_id)
        });
        // One that missed a visit and was closed is there for both; how it ended comes first.
        found.sort_by_key(|one| (one.inquiry_id, one.outcome == Ending::NoShow.as_str()));
        found.dedup_by_key(|one| one.inquiry_id);
        let all: Vec<Candidate> =
            found.iter().map(|one| Candidate { inquiry_id: one.inquiry_id, person: one.person.clone() }).collect();
        let chosen: HashSet<Uuid> = drawn(rule, &key, (&center, week), &all).into_iter().collect();
        found.retain(|one| chosen.contains(&one.inquiry_id));
        taken.extend(&chosen);
        decided.push((rule, all.len(), found));
    }
    let mut ids: Vec<Uuid> = taken.iter().copied().collect();
    ids.sort_unstable();
    draws::hold(tx, &ids).await?;
    for (rule, found, drawn) in decided {
        draws::finish(tx, (&rule.id, week), found, &drawn).await?;
    }
    Ok(ids.len())
}

/// Draws for each week whose timer fires.
pub(super) async fn fire(
    tx: &mut Tx,
    (sealer, profile): (&Sealer, &Profile),
    due: &[DueTimer],
) -> Result<Vec<Outcome>, DeskError> {
    let mut outcomes = Vec::with_capacity(due.len());
    for timer in due {
        let outcome = match timer.occurrence.parse::<Date>() {
            Ok(week) => {
                draw_audits(tx, sealer, profile, week).await?;
                Outcome::Done
            }
            Err(_) => Outcome::Park("the timer of a draw names no week".to_owned()),
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Sets the timers of the weeks of each center, again and again.
pub async fn keep_timers(database: Database, profiles: Arc<Revisions<Profile>>, stop: CancellationToken) {
    let mut set: HashSet<(String, Date)> = HashSet::new();
    loop {
        if let Err(cause) = set_timers(&database, &profiles, &mut set).await {
            debug!(%cause, "set the timers of the weekly draw; tried again shortly");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn set_timers(
    database: &Database,
    profiles: &Revisions<Profile>,
    set: &mut HashSet<(String, Date)>,
) -> Result<(), TxError> {
    let now = database.now().await?;
    for center in profiles.names() {
        let Some(current) = profiles.current(&center) else { continue };
        let zone = current.1.zone().clone();
        let week = week_of(now, &zone);
        for week in [week, next_week(week)] {
            if set.contains(&(center.clone(), week)) {
                continue;
            }
            let timer = Timer {
                aggregate_id: Uuid::nil(),
                kind: QUALITY_DRAW,
                occurrence: week.to_string(),
                due_at: begins(week, &zone),
                payload: serde_json::Value::Null,
                trace: TraceContext::default(),
            };
            database.with_tx(&center, move |tx| Box::pin(async move { tx.schedule(timer).await })).await?;
            set.insert((center.clone(), week));
        }
    }
    Ok(())
}
