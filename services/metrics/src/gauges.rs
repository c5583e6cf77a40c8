//! The funnel for Prometheus: the same numbers that `GetFunnel` gives for all time, counted by the same rules.
//!
//! Counted from the read model and not while events pass, so that a restart, a replay or a second instance changes no
//! number. Labels are bounded: centers and stages. Deliberately not here: dimensions, which can have any number of values.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use causeway_mailbox::Database;
use causeway_runtime::Stop;
use prometheus::{IntGaugeVec, Opts, Registry};
use tokio_util::task::TaskTracker;

use crate::domain::{Tally, stages};
use crate::store::{self, Tallied};

/// Counting may take one part in so many of the time.
const SHARE: u32 = 100;

/// The gauges.
#[derive(Clone)]
pub(crate) struct Gauges {
    reached: IntGaugeVec,
    open_at: IntGaugeVec,
    open: IntGaugeVec,
    target_passed: IntGaugeVec,
    target_met: IntGaugeVec,
}

impl Gauges {
    pub fn register(metrics: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            metrics.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let (staged, whole): (&[&str], &[&str]) = (&["center", "stage"], &["center"]);
        Ok(Self {
            reached: gauge("causeway_funnel_stage", "inquiries that reached a stage or a later one", staged)?,
            open_at: gauge("causeway_funnel_stage_open", "open inquiries by the furthest stage they reached", staged)?,
            open: gauge("causeway_inquiries_open", "inquiries that are not closed", whole)?,
            target_passed: gauge(
                "causeway_response_target_passed",
                "inquiries whose response target has passed",
                whole,
            )?,
            target_met: gauge("causeway_response_target_met", "those of them that were first tried in time", whole)?,
        })
    }

    /// Counts again and again until stopped.
    pub fn keep_counting(self, database: Database, every: Duration, stop: &Stop, tasks: &TaskTracker) {
        let soft = stop.soft.clone();
        stop.spawn(tasks, "gauges", async move {
            loop {
                let begun = Instant::now();
                match store::count_all(database.machine(), database.clock().now()).await {
                    Ok(counted) => self.show(&counted),
                    Err(cause) => tracing::debug!(%cause, "count the funnel for prometheus; tried again shortly"),
                }
                let pause = every.max(begun.elapsed() * SHARE);
                tokio::select! {
                    () = soft.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    fn show(&self, counted: &[Tallied]) {
        let mut centers: BTreeMap<&str, Vec<&Tallied>> = BTreeMap::new();
        for tallied in counted {
            centers.entry(&tallied.tally.key).or_default().push(tallied);
        }
        for (center, counted) in centers {
            let tallies: Vec<&Tally> = counted.iter().map(|tallied| &tallied.tally).collect();
            let mut open = 0;
            for count in stages(tallies) {
                let labels = [center, count.stage.as_str()];
                self.reached.with_label_values(&labels).set(count.reached);
                self.open_at.with_label_values(&labels).set(count.open);
                open += count.open;
            }
            self.open.with_label_values(&[center]).set(open);
            let sum = |get: fn(&Tallied) -> i64| counted.iter().map(|tallied| get(tallied)).sum();
            self.target_passed.with_label_values(&[center]).set(sum(|tallied| tallied.target_passed));
            self.target_met.with_label_values(&[center]).set(sum(|tallied| tallied.target_met));
        }
    }
}
