//! Joins the metrics of the services in one process into one page.
//!
//! Each service registers in a registry of its own, so two services (or the same chassis part in two services) never collide on a
//! name; joining adds the label `service` where the metric has none.

use std::collections::BTreeMap;

use prometheus::proto::{LabelPair, Metric, MetricFamily};
use prometheus::{Encoder, Registry, TextEncoder};

const SERVICE: &str = "service";

/// The text of `/metrics`.
pub(crate) fn text<'a>(registries: impl Iterator<Item = (&'a str, &'a Registry)>) -> Result<String, String> {
    let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
    for (service, registry) in registries {
        for mut family in registry.gather() {
            let mut metrics = family.take_metric();
            for metric in &mut metrics {
                name_service(metric, service);
            }
            let joined = families.entry(family.name().to_owned()).or_insert_with(|| family.clone());
            metrics.splice(0..0, joined.take_metric());
            joined.set_metric(metrics);
        }
    }
    let families: Vec<MetricFamily> = families.into_values().collect();
    let mut page = Vec::new();
    TextEncoder::new().encode(&families, &mut page).map_err(|cause| format!("could not write metrics: {cause}"))?;
    String::from_utf8(page).map_err(|cause| format!("could not write metrics: {cause}"))
}

fn name_service(metric: &mut Metric, service: &str) {
    let mut labels = metric.take_label();
    if !labels.iter().any(|label| label.name() == SERVICE) {
        let mut label = LabelPair::default();
        label.set_name(SERVICE.to_owned());
        label.set_value(service.to_owned());
        labels.push(label);
    }
    metric.set_label(labels);
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::IntCounter;

    fn registry_with(count: u64) -> Registry {
        let registry = Registry::new();
        let counter = IntCounter::new("causeway_things_total", "things that happened").expect("metric");
        counter.inc_by(count);
        registry.register(Box::new(counter)).expect("first of its name");
        registry
    }

    #[test]
    fn two_services_with_one_metric_name_share_a_family_and_differ_by_label() {
        let (one, two) = (registry_with(1), registry_with(2));
        let page = text([("routing", &one), ("metrics", &two)].into_iter()).expect("text");
        assert_eq!(page.matches("# TYPE causeway_things_total").count(), 1, "{page}");
        assert!(page.contains("causeway_things_total{service=\"routing\"} 1"), "{page}");
        assert!(page.contains("causeway_things_total{service=\"metrics\"} 2"), "{page}");
    }
}
