//! What operators look at, as a test: dashboards and alerts ask only for metrics and labels that the services register.
//!
//! A panel on a name that nobody registers shows "no data" for ever, an alert on it never fires, and neither tells. So the
//! names are read from the source, where they are registered, and from each expression, where they are used.
//! Deliberately not here: whether an expression is good PromQL, and what it shows; Prometheus says so itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const DASHBOARDS: &str = "deploy/grafana/dashboards";
const ALERTS: &str = "deploy/prometheus/alerts.yml";
const DATASOURCE: &str = "prometheus";
/// What Prometheus makes itself.
const OWN_METRICS: [&str; 2] = ["up", "ALERTS"];
const OWN_LABELS: [&str; 5] = ["job", "instance", "le", "alertname", "alertstate"];
/// What `/metrics` adds to each metric.
const SERVICE: &str = "service";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// What the source registers. Labels are not kept by metric: a label is known where any registering file writes it.
#[derive(Default)]
struct Registered {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl Registered {
    fn in_source() -> Self {
        let mut registered = Self::default();
        registered.walk(&root().join("services"));
        registered
    }

    fn walk(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            if path.is_dir() && !["tests", "target"].contains(&name) {
                self.walk(&path);
            } else if name.ends_with(".rs") && name != "tests.rs" && !name.ends_with("_tests.rs") {
                let source = fs::read_to_string(&path).expect("source");
                self.take(source.split("#[cfg(test)]").next().unwrap_or_default());
            }
        }
    }

    /// Takes each `…("name", "help"…)` of a file that uses prometheus: all ways to register look like that.
    fn take(&mut self, source: &str) {
        if !source.contains("use prometheus::") {
            return;
        }
        let pieces: Vec<&str> = source.split('"').collect();
        self.labels.extend(pieces.iter().filter(|piece| is_name(piece)).map(|piece| (*piece).to_owned()));
        for piece in pieces.windows(3) {
            let Some(call) = piece[0].trim_end().strip_suffix('(') else { continue };
            if piece[2].trim() != "," || !is_name(piece[1]) {
                continue;
            }
            let maker = call.rsplit(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).next().unwrap_or_default();
            if maker.to_lowercase().contains("histogram") {
                self.metrics.extend(["bucket", "sum", "count"].map(|part| format!("{}_{part}", piece[1])));
            } else {
                self.metrics.insert(piece[1].to_owned());
            }
        }
    }

    /// What an expression uses and nobody registers.
    fn unknown(&self, expression: &str) -> Vec<String> {
        let used = Used::by(expression);
        let known = |name: &String| self.metrics.contains(name) || OWN_METRICS.contains(&name.as_str());
        let metrics = used.metrics.iter().filter(|name| !known(name)).map(|name| format!("metric {name}"));
        let known =
            |name: &String| self.labels.contains(name) || name == SERVICE || OWN_LABELS.contains(&name.as_str());
        metrics.chain(used.labels.iter().filter(|name| !known(name)).map(|name| format!("label {name}"))).collect()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The names in an expression of PromQL.
#[derive(Default)]
struct Used {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl Used {
    fn by(expression: &str) -> Self {
        let mut used = Self::default();
        let (mut rest, mut matchers, mut grouping) = (expression, false, false);
        while let Some(first) = rest.chars().next() {
            if first.is_alphanumeric() || "_:$".contains(first) {
                let end = rest.find(|c: char| !c.is_alphanumeric() && !"_:$.".contains(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                rest = after;
                if first.is_ascii_digit() || first == '$' {
                    continue;
                }
                let after = after.trim_start();
                let called = ["(", "by ", "by(", "without ", "without("].iter().any(|next| after.starts_with(next));
                match word {
                    _ if matchers || grouping => {
                        used.labels.insert(word.to_owned());
                    }
                    "by" | "without" | "on" | "ignoring" | "group_left" | "group_right" => {
                        grouping = after.starts_with('(');
                    }
                    "and" | "or" | "unless" | "bool" | "offset" => {}
                    _ if called => {}
                    _ => {
                        used.metrics.insert(word.to_owned());
                    }
                }
                continue;
            }
            rest = &rest[first.len_utf8()..];
            match first {
                '"' => rest = rest.split_once('"').map_or("", |(_, after)| after),
                '[' => rest = rest.split_once(']').map_or("", |(_, after)| after),
                '{' => matchers = true,
                '}' => matchers = false,
                ')' => grouping = false,
                _ => {}
            }
        }
        used
    }
}

fn dashboards() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(root().join(DASHBOARDS)).expect(DASHBOARDS) {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = fs::read_to_string(&path).expect("a dashboard");
        let board = serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{name}: {cause}"));
        all.insert(name, board);
    }
    assert!(!all.is_empty(), "no dashboard in {DASHBOARDS}");
    all
}

/// Everything that stands under a key, however deep.
fn under<'a>(key: &str, value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|field| under(key, field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| under(key, item, found)),
        _ => {}
    }
}

/// The expressions of a dashboard: of its panels, and of the variables that list a label's values.
fn expressions(board: &Value) -> Vec<String> {
    let (mut panels, mut variables) = (Vec::new(), Vec::new());
    under("expr", board, &mut panels);
    under("definition", board, &mut variables);
    let panels = panels.into_iter().map(|expression| expression.as_str().expect("a text").to_owned());
    let variables = variables.into_iter().map(|definition| {
        let listed = definition.as_str().and_then(|text| text.strip_prefix("label_values(")?.strip_suffix(')'));
        let (metric, label) = listed.and_then(|listed| listed.rsplit_once(", ")).expect("label_values(metric, label)");
        format!("count by ({label}) ({metric})")
    });
    panels.chain(variables).collect()
}

/// The values of a key in a YAML file that gives each on one line.
fn lines<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    yaml.lines()
        .filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix(key))
        .map(str::trim)
        .collect()
}

fn unknown_in_dashboard(registered: &Registered, board: &Value) -> Vec<String> {
    expressions(board).iter().flat_map(|expression| registered.unknown(expression)).collect()
}

#[test]
fn a_dashboard_has_a_name_of_its_own_is_kept_in_git_only_and_asks_the_provisioned_source() {
    let mut uids = BTreeSet::new();
    for (name, board) in dashboards() {
        let uid = board["uid"].as_str().unwrap_or_default();
        assert!(!uid.is_empty() && uid.len() <= 40 && uids.insert(uid.to_owned()), "{name}: uid '{uid}'");
        assert!(board["title"].as_str().is_some_and(|title| !title.is_empty()), "{name}: no title");
        assert_eq!(board["editable"], Value::Bool(false), "{name}: people could change it where git does not see it");
        let mut sources = Vec::new();
        under("datasource", &board, &mut sources);
        assert!(sources.iter().all(|source| source["uid"] == DATASOURCE), "{name}: another source");
        let mut ids = BTreeSet::new();
        for panel in board["panels"].as_array().expect("panels") {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(
                !title.is_empty() && ids.insert(panel["id"].as_u64()),
                "{name}: panel '{title}' has no id of its own"
            );
            let asks = panel["targets"].as_array().is_some_and(|targets| !targets.is_empty());
            assert!(asks || panel["type"] == "row", "{name}: panel '{title}' asks nothing");
        }
    }
    for (name, board) in dashboards() {
        let mut links = Vec::new();
        under("url", &board, &mut links);
        for link in links.iter().filter_map(|link| link.as_str()?.strip_prefix("/d/")) {
            let uid = link.split('?').next().unwrap_or_default();
            assert!(uids.contains(uid), "{name}: a link to '{uid}'");
        }
    }
}

#[test]
fn dashboards_ask_only_for_what_the_services_register() {
    let registered = Registered::in_source();
    for (name, board) in dashboards() {
        assert_eq!(unknown_in_dashboard(&registered, &board), [""; 0], "{name}");
    }
}

#[test]
fn alerts_ask_only_for_what_the_services_register_and_each_names_a_remedy() {
    let (registered, alerts) = (Registered::in_source(), read(ALERTS));
    let (names, expressions, summaries) =
        (lines(&alerts, "alert:"), lines(&alerts, "expr:"), lines(&alerts, "summary:"));
    assert!(!names.is_empty());
    assert_eq!((names.len(), names.len()), (expressions.len(), summaries.len()));
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two alerts of one name");
    for ((name, expression), summary) in names.into_iter().zip(expressions).zip(summaries) {
        assert!(
            !expression.starts_with(['|', '>', '"', '\'']),
            "{name}: this test reads an expression of one plain line"
        );
        assert_eq!(registered.unknown(expression), [""; 0], "{name}");
        assert!(!Used::by(expression).metrics.is_empty(), "{name}: no metric");
        assert!(summary.contains(';'), "{name}: what is wrong; what to do");
    }
}

#[test]
fn a_planted_unknown_name_is_found() {
    let registered = Registered::in_source();
    for (planted, found) in [
        ("sum by (service) (rate(causeway_planted_total[5m]))", "metric causeway_planted_total"),
        ("causeway_backlog > 0 and causeway_planted", "metric causeway_planted"),
        ("max by (planted) (causeway_backlog)", "label planted"),
        (r#"causeway_backlog{planted="causeway_backlog"}"#, "label planted"),
        // A counter has no buckets, and a histogram is not a series.
        ("rate(causeway_republished_total_bucket[5m])", "metric causeway_republished_total_bucket"),
        ("http_server_request_duration_seconds", "metric http_server_request_duration_seconds"),
        // Registered by a test only.
        ("causeway_things_total", "metric causeway_things_total"),
    ] {
        assert_eq!(registered.unknown(planted), [found], "{planted}");
        let (_, mut board) = dashboards().pop_first().expect("a dashboard");
        let panels = board["panels"].as_array_mut().expect("panels");
        let target = panels.iter_mut().find_map(|panel| panel.get_mut("targets")?.get_mut(0)).expect("a target");
        target["expr"] = Value::from(planted);
        assert_eq!(unknown_in_dashboard(&registered, &board), [found], "{planted}");
    }
}

#[test]
fn compose_mounts_what_exists_to_where_it_is_looked_for() {
    let compose = read("docker-compose.yml");
    let mounts = compose.split("./deploy/").skip(1).filter_map(|mount| {
        let (from, to) = mount.split([' ', '"', '\n', ']']).next()?.split_once(':')?;
        Some((format!("deploy/{from}"), to.strip_suffix(":ro").unwrap_or(to).to_owned()))
    });
    let mounts: BTreeMap<String, String> = mounts.collect();
    for from in mounts.keys().filter(|from| !from.starts_with("deploy/keys")) {
        assert!(root().join(from).exists(), "docker-compose.yml mounts {from}");
    }
    let looked_for = |file: &str, key: &str, source: &str| {
        let text = read(file);
        let mounted = mounts.get(source).unwrap_or_else(|| panic!("docker-compose.yml does not mount {source}"));
        assert!(text.lines().any(|line| line.trim() == format!("{key} {mounted}")), "{file}: {key} {mounted}");
    };
    looked_for("deploy/prometheus/prometheus.yml", "-", ALERTS);
    looked_for("deploy/grafana/provisioning/dashboards/causeway.yml", "path:", DASHBOARDS);
    assert_eq!(lines(&read("deploy/grafana/provisioning/datasources/prometheus.yml"), "uid:"), [DATASOURCE]);
    assert_eq!(mounts["deploy/grafana/provisioning"], "/etc/grafana/provisioning");
    assert_eq!(mounts["deploy/prometheus/prometheus.yml"], "/etc/prometheus/prometheus.yml");
}
