//! What operators see of the desk in figures.

use std::time::Duration;

use causeway_funnel::triage::ReviewDecision;
use causeway_mailbox::Database;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::domain::{Scope, Step};
use crate::store::worklist;

/// The desk's metrics.
#[derive(Clone)]
pub struct DeskMetrics {
    work_open: IntGaugeVec,
    claims: IntCounterVec,
    scope: IntCounterVec,
    sisters: IntCounterVec,
    reviews: IntCounterVec,
    audits: IntCounterVec,
    points: IntCounterVec,
}

impl DeskMetrics {
    /// Makes and registers them.
    ///
    /// # Errors
    /// When the registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let work_open = IntGaugeVec::new(
            Opts::new("causeway_work_open", "open inquiries by center and team"),
            &["center", "team"],
        )?;
        let claims = IntCounterVec::new(
            Opts::new(
                "causeway_claims_total",
                "claims by result: taken (also again by the same person), conflict, refused",
            ),
            &["result"],
        )?;
        registry.register(Box::new(work_open.clone()))?;
        let scope = IntCounterVec::new(
            Opts::new(
                "causeway_out_of_scope_decisions_total",
                "decisions of staff on what counts as not treated here, by entry of programs.toml: referred, or kept with the reason",
            ),
            &["entry", "decision"],
        )?;
        let sisters = IntCounterVec::new(
            Opts::new("causeway_handed_to_center_total", "inquiries that staff handed to a sister center, by reason"),
            &["reason"],
        )?;
        let (audits, points) = (
            IntCounterVec::new(
                Opts::new(
                    "causeway_quality_audits_finished_total",
                    "audits of intake quality that began to count, by team",
                ),
                &["center", "team"],
            )?,
            IntCounterVec::new(
                Opts::new(
                    "causeway_quality_audit_points_total",
                    "scores of 0 to 100 of finished audits, added up by team; by their number it is the mean score",
                ),
                &["center", "team"],
            )?,
        );
        registry.register(Box::new(audits.clone()))?;
        registry.register(Box::new(points.clone()))?;
        registry.register(Box::new(claims.clone()))?;
        registry.register(Box::new(scope.clone()))?;
        let reviews = IntCounterVec::new(
            Opts::new(
                "causeway_reviews_total",
                "decisions of reviewers; with the reason where one redirects or declines",
            ),
            &["decision", "reason"],
        )?;
        registry.register(Box::new(sisters.clone()))?;
        registry.register(Box::new(reviews.clone()))?;
        Ok(Self { work_open, claims, scope, sisters, reviews, audits, points })
    }

    /// Counts an audit that was finished with a score. One without has nothing that applied.
    pub fn audited(&self, center: &str, team: &str, score: Option<u32>) {
        let Some(score) = score else { return };
        self.audits.with_label_values(&[center, team]).inc();
        self.points.with_label_values(&[center, team]).inc_by(score.into());
    }

    /// Counts a claim.
    pub fn claim(&self, result: &str) {
        self.claims.with_label_values(&[result]).inc();
    }

    /// Counts what a reviewer decided, and why where it has a reason.
    pub fn reviewed(&self, decision: ReviewDecision, reason: &str) {
        self.reviews.with_label_values(&[decision.as_str(), reason]).inc();
    }

    /// Counts what a person decided: on what counts as not treated here, and why they handed something to a sister center.
    pub fn decided(&self, step: &Step, scope: &Scope) {
        let decision = match step {
            Step::HandToCenter { reason, .. } => return self.sisters.with_label_values(&[reason.as_str()]).inc(),
            Step::ReferElsewhere => "referred",
            Step::Keep(reason) => reason.as_str(),
            _ => return,
        };
        self.scope.with_label_values(&[scope.entry.as_str(), decision]).inc();
    }

    /// Counts what is open, again and again.
    pub async fn count_open(self, database: Database, every: Duration, stop: CancellationToken) {
        loop {
            match worklist::open_by_team(database.machine()).await {
                Ok(counts) => {
                    self.work_open.reset();
                    for (center, team, count) in counts {
                        self.work_open.with_label_values(&[center.as_str(), team.as_str()]).set(count);
                    }
                }
                Err(cause) => debug!(%cause, "count open inquiries; tried again shortly"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}
