//! `causeway run` beside servers, as a deployment starts it: its one line for programs, and its log line by line.

use std::process::Stdio;
use std::time::Duration;

use causeway_proto::inquiry::v1::RevealPeopleRequest;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_tests::{Collector, Installation, eventually, installation::staff_channel};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::{CENTER, OTHER, collector};

/// Starts all services in one process; gives the process and the addresses that it tells.
async fn run(servers: &Installation, telemetry: &str) -> (Child, Value) {
    let log = std::fs::File::create(servers.folder().join("run.log")).expect("a log file");
    let mut child = Command::new(causeway_tests::binary())
        .arg("--config")
        .arg(servers.config_file())
        .args(["--json", "--set", telemetry, "--set", "runtime.log_format=json", "--set", "runtime.port_base=0"])
        .args(["--set", "runtime.operations=127.0.0.1:0", "run"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let line = tokio::time::timeout(Duration::from_secs(120), lines.next_line()).await;
    let line = line.ok().and_then(Result::ok).flatten().unwrap_or_else(|| panic!("not ready:\n{}", told(servers)));
    let ready: Value = serde_json::from_str(&line).expect("one line of JSON");
    assert_eq!(ready["ready"], true, "{line}");
    (child, ready["addresses"].clone())
}

fn told(servers: &Installation) -> String {
    std::fs::read_to_string(servers.folder().join("run.log")).expect("the log")
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_default()
}

/// A refusal, which is logged inside of the call's span.
async fn be_refused(servers: &Installation, addresses: &Value) {
    let url = format!("http://{}", addresses["ingestion.grpc"].as_str().expect("an address"));
    let keys = servers.data().join("keys");
    let request = RevealPeopleRequest {
        center: CENTER.to_owned(),
        inquiry_ids: vec![uuid::Uuid::from_u128(7).to_string()],
        purpose: "inquiry_page".to_owned(),
    };
    let mut refused = None;
    for _ in 0..100 {
        let mut client = IngestionClient::new(staff_channel(&keys, &url, "ingestion", OTHER, "stranger"));
        let status = client.reveal_people(request.clone()).await.expect_err("not theirs");
        refused = Some(status.code());
        if status.code() == tonic::Code::PermissionDenied {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{refused:?} instead of a refusal");
}

async fn is_traced(collector: &Collector, trace: &str) {
    eventually("the trace of the line was exported", 90, async || {
        collector.spans().iter().any(|span| span.trace == trace && span.service == "ingestion")
    })
    .await;
}

pub async fn services_started_beside_the_servers_log_lines_that_lead_to_their_traces(servers: &Installation) {
    let (collector, telemetry) = collector().await;
    let (mut child, addresses) = run(servers, &telemetry).await;
    be_refused(servers, &addresses).await;
    let pid = child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed())).expect("it runs");
    let log = told(servers);
    let refusal = log.lines().find(|line| line.contains("call refused")).expect("the refusal is logged").to_owned();
    let refusal: Value = serde_json::from_str(&refusal).expect("JSON");
    is_traced(&collector, text(&refusal, "trace_id")).await;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("asked to stop");
    let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await.expect("it stops in time");
    assert_eq!(status.expect("a status").code(), Some(0), "{}", told(servers));

    let log = told(servers);
    assert!(log.lines().count() > 5, "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|cause| panic!("{cause}: {line}"));
        assert!(text(&line, "timestamp").parse::<Timestamp>().is_ok(), "{line}");
        assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&text(&line, "level")), "{line}");
        assert!(!text(&line, "target").is_empty() && !text(&line, "message").is_empty(), "{line}");
        let trace = text(&line, "trace_id");
        let is_id = trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert_eq!(is_id, line["span"].is_object(), "in a span there is a trace, and elsewhere none: {line}");
    }
}
