//! The funnel for Prometheus: the same numbers that `GetFunnel` gives for all time, counted by the same rules.
//!
//! Counted from the read model and not while events pass, so that a restart, a replay or a second instance changes no
//! number. Labels are bounded: centers, stages, and the programs, teams, reasons and kinds of next steps of a profile. Deliberately not here: dimensions,
//! which can have any number of values.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use causeway_mailbox::Database;
use causeway_runtime::Stop;
use prometheus::core::Collector;
use prometheus::{IntGaugeVec, Opts, Registry};
use tokio_util::task::TaskTracker;

use crate::domain::{Tally, conversions, stages};
use crate::store::{self, RerouteCount, Rerouted, Tallied};

/// Counting may take one part in so many of the time.
const SHARE: u32 = 20;

/// The gauges.
#[derive(Clone)]
pub(crate) struct Gauges {
    reached: IntGaugeVec,
    open_at: IntGaugeVec,
    open: IntGaugeVec,
    target_passed: IntGaugeVec,
    target_met: IntGaugeVec,
    conversions: IntGaugeVec,
    conversions_done: IntGaugeVec,
    reroutes: IntGaugeVec,
    rerouted: IntGaugeVec,
    to_and_fro: IntGaugeVec,
    reopenings: IntGaugeVec,
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
            conversions: gauge(
                "causeway_conversions",
                "inquiries that were scheduled at some time, by what: appointment, or the kind of dated next step",
                &["center", "by"],
            )?,
            conversions_done: gauge(
                "causeway_next_steps_done",
                "those of them whose dated next step took place",
                &["center", "by"],
            )?,
            reroutes: gauge(
                "causeway_reroutes",
                "how often an inquiry was sent from one team to another, by the program of the table's row and the reason",
                &["center", "program", "from_team", "to_team", "reason"],
            )?,
            rerouted: gauge("causeway_rerouted", "inquiries that were sent to another team at least once", whole)?,
            to_and_fro: gauge("causeway_rerouted_to_and_fro", "those of them that went to and fro", whole)?,
            reopenings: gauge(
                "causeway_reopenings",
                "how often closed inquiries were opened again, by why and by why they had been closed",
                &["center", "reason", "close_reason"],
            )?,
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
                match store::reroutes_of_all(database.machine()).await {
                    Ok((counts, rerouted)) => self.show_reroutes(&counts, &rerouted),
                    Err(cause) => tracing::debug!(%cause, "count what was sent on for prometheus; tried again shortly"),
                }
                match store::reopenings_of_all(database.machine()).await {
                    Ok(counts) => self.show_reopenings(&counts),
                    Err(cause) => tracing::debug!(%cause, "count reopenings for prometheus; tried again shortly"),
                }
                let pause = every.max(begun.elapsed() * SHARE);
                tokio::select! {
                    () = soft.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    fn show_reroutes(&self, counts: &[RerouteCount], rerouted: &[Rerouted]) {
        for one in counts {
            let labels: [&str; 5] = [&one.center_id, &one.program, &one.from_team, &one.to_team, &one.reason];
            self.reroutes.with_label_values(&labels).set(one.moves);
        }
        for one in rerouted {
            self.rerouted.with_label_values(&[&one.center_id]).set(one.rerouted);
            self.to_and_fro.with_label_values(&[&one.center_id]).set(one.to_and_fro);
        }
    }

    fn show_reopenings(&self, counts: &[(String, String, String, i64)]) {
        for (center, reason, close_reason, count) in counts {
            self.reopenings.with_label_values(&[center, reason, close_reason]).set(*count);
        }
    }

    fn show(&self, counted: &[Tallied]) {
        let mut centers: BTreeMap<&str, Vec<&Tallied>> = BTreeMap::new();
        for tallied in counted {
            centers.entry(&tallied.tally.key).or_default().push(tallied);
        }
        let (mut converted, mut done) = (BTreeMap::new(), BTreeMap::new());
        for (center, counted) in centers {
            let tallies: Vec<&Tally> = counted.iter().map(|tallied| &tallied.tally).collect();
            for one in conversions(tallies.iter().copied()) {
                let by = if one.next_step.is_empty() { "appointment" } else { one.next_step };
                converted.insert((center, by), one.count);
                if !one.next_step.is_empty() {
                    done.insert((center, by), one.done);
                }
            }
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
        show_all(&self.conversions, &converted);
        show_all(&self.conversions_done, &done);
    }
}

/// Numbers by center and by what it was converted. One that has none any more, since a visit took the step's place, counts none.
fn show_all(gauge: &IntGaugeVec, counts: &BTreeMap<(&str, &str), i64>) {
    let families = gauge.collect();
    for metric in families.iter().flat_map(|family| family.get_metric()) {
        let label =
            |name: &str| metric.get_label().iter().find(|label| label.name() == name).map(|label| label.value());
        if let (Some(center), Some(by)) = (label("center"), label("by"))
            && !counts.contains_key(&(center, by))
        {
            gauge.with_label_values(&[center, by]).set(0);
        }
    }
    for ((center, by), count) in counts {
        gauge.with_label_values(&[*center, *by]).set(*count);
    }
}
