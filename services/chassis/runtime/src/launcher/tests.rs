//! The launcher with tiny services: start on port 0, health, metrics, crash and drain.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::service::Check;

/// A service that answers one byte per connection and can be told to misbehave.
struct Echo;

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EchoConfig {
    crash: bool,
    stubborn: bool,
    refuse: bool,
    unready: bool,
}

impl Service for Echo {
    const NAME: &'static str = "echo";
    const PORTS: &'static [PortSpec] = &[PortSpec { name: "tcp", default: 0 }];
    type Config = EchoConfig;

    fn migrator() -> Option<&'static sqlx::migrate::Migrator> {
        None
    }

    async fn start(deps: Deps, config: EchoConfig, stop: Stop) -> anyhow::Result<Running> {
        anyhow::ensure!(!config.refuse, "told to refuse");
        let listener = deps.listeners.take("tcp")?;
        let served = prometheus::IntCounter::new("causeway_echo_total", "bytes echoed")?;
        deps.metrics.register(Box::new(served.clone()))?;
        let mut running = Running::default();
        let own = stop.clone();
        stop.spawn(&running.tasks, "echo", async move {
            loop {
                tokio::select! {
                    () = own.soft.cancelled() => return,
                    taken = listener.accept() => if let Ok((mut socket, _)) = taken {
                        let _ = socket.write_all(b"x").await;
                        served.inc();
                    }
                }
            }
        });
        if config.crash {
            stop.spawn(&running.tasks, "relay", async { panic!("told to") });
        }
        if config.stubborn {
            let hard = stop.hard.clone();
            stop.spawn(&running.tasks, "stubborn", async move {
                hard.cancelled().await;
            });
        }
        let unready = config.unready;
        running.readiness.push(Check::new(
            "database",
            move || {
                if unready { Err("no connection".to_owned()) } else { Ok(()) }
            },
        ));
        Ok(running)
    }
}

/// Depends on `echo` being reachable, and notes the order of the drain.
struct Face;

static DRAINED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

impl Service for Face {
    const NAME: &'static str = "test-face";
    const PORTS: &'static [PortSpec] = &[PortSpec { name: "http", default: 0 }];
    type Config = EchoConfig;

    fn migrator() -> Option<&'static sqlx::migrate::Migrator> {
        None
    }

    async fn start(deps: Deps, _config: EchoConfig, stop: Stop) -> anyhow::Result<Running> {
        let url = deps.peers.http("echo", "tcp")?;
        let running = Running::default();
        let own = stop.clone();
        stop.supervise(&running.tasks, "face", async move {
            own.soft.cancelled().await;
            let address = url.trim_start_matches("http://").to_owned();
            TcpStream::connect(address).await?;
            DRAINED.lock().map_err(|_| std::io::Error::other("poisoned"))?.push("face");
            Ok::<(), std::io::Error>(())
        });
        Ok(running)
    }
}

fn config() -> RuntimeConfig {
    RuntimeConfig { operations: "127.0.0.1:0".to_owned(), grace_seconds: 1, ..RuntimeConfig::default() }
}

fn settings(overrides: &[&str]) -> Settings {
    Settings::load(&crate::settings::Sources {
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        ..Default::default()
    })
    .expect("settings")
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(address).await.expect("connect");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("write");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("read");
    answer
}

#[tokio::test]
async fn services_start_on_free_ports_find_each_other_and_drain_in_reverse() {
    let stop = Stop::new();
    let up = Launcher::new(config()).service::<Echo>().service::<Face>().start(stop.clone()).await.expect("start");
    let addresses = up.addresses();
    assert_eq!(addresses.keys().map(String::as_str).collect::<Vec<_>>(), ["echo.tcp", "operations", "test-face.http"]);
    assert!(up.ready().await);
    stop.soft.cancel();
    assert_eq!(up.finished().await, Ended::Softly);
    assert_eq!(*DRAINED.lock().expect("lock"), ["face"], "the face could still reach echo while draining");
}

#[tokio::test]
async fn operations_tell_life_readiness_and_metrics_by_service() {
    let stop = Stop::new();
    let up = Launcher::new(config()).service::<Echo>().start(stop.clone()).await.expect("start");
    let operations = up.addresses()["operations"];
    let mut byte = [0; 1];
    let mut socket = TcpStream::connect(up.addresses()["echo.tcp"]).await.expect("connect");
    socket.read_exact(&mut byte).await.expect("echo");
    assert!(get(operations, "/livez").await.contains("\"echo\""));
    assert!(get(operations, "/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = get(operations, "/metrics").await;
    assert!(metrics.contains("causeway_echo_total{service=\"echo\"} 1"), "{metrics}");
    stop.soft.cancel();
    up.finished().await;
}

#[tokio::test]
async fn a_failed_check_is_named_with_its_service() {
    let stop = Stop::new();
    let up = Launcher::new(config())
        .settings(settings(&["echo.unready=true"]))
        .service::<Echo>()
        .start(stop.clone())
        .await
        .expect("start");
    let answer = get(up.addresses()["operations"], "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"check\":\"database\",\"reason\":\"no connection\""), "{answer}");
    stop.soft.cancel();
    assert!(!up.ready().await);
    up.finished().await;
}

#[tokio::test]
async fn a_crashed_task_ends_the_process_with_a_failure() {
    let up = Launcher::new(config())
        .settings(settings(&["echo.crash=true"]))
        .service::<Echo>()
        .start(Stop::new())
        .await
        .expect("start");
    assert_eq!(up.finished().await, Ended::Crashed);
}

#[tokio::test]
async fn a_service_that_does_not_drain_is_cut_off() {
    let stop = Stop::new();
    let up = Launcher::new(config())
        .settings(settings(&["echo.stubborn=true"]))
        .service::<Echo>()
        .start(stop.clone())
        .await
        .expect("start");
    stop.soft.cancel();
    assert_eq!(up.finished().await, Ended::CutOff);
}

#[tokio::test]
async fn a_service_that_refuses_stops_the_start_and_is_named() {
    let started = Launcher::new(config())
        .settings(settings(&["test_face.nonsense=true"]))
        .service::<Echo>()
        .service::<Face>()
        .start(Stop::new())
        .await;
    let text = started.err().expect("refused").to_string();
    assert!(text.contains("'test-face'") && text.contains("nonsense"), "{text}");
    let started =
        Launcher::new(config()).settings(settings(&["echo.refuse=true"])).service::<Echo>().start(Stop::new()).await;
    assert!(started.err().expect("refused").to_string().contains("told to refuse"));
}

#[tokio::test]
async fn a_taken_port_names_the_setting_that_moves_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let mut config = config();
    config.ports.insert("echo_tcp".to_owned(), local(&taken).port());
    let started = Launcher::new(config).service::<Echo>().start(Stop::new()).await;
    let text = started.err().expect("taken").to_string();
    assert!(text.contains("runtime.ports.echo_tcp"), "{text}");
}

#[tokio::test]
async fn a_base_whose_ports_do_not_all_exist_is_refused_with_the_highest_that_fits() {
    let config = RuntimeConfig { port_base: Some(u16::MAX), ..config() };
    let started = Launcher::new(config).service::<Echo>().start(Stop::new()).await;
    let text = started.err().expect("refused").to_string();
    assert!(text.contains("runtime.port_base is 65535") && text.contains("or less"), "{text}");
}

#[test]
fn a_port_base_moves_every_port_and_a_named_port_still_wins() {
    let spec = PortSpec { name: "grpc", default: 50051 };
    let any = RuntimeConfig { port_base: Some(0), ..RuntimeConfig::default() };
    assert_eq!(configured_port(&any, "ingestion", &spec, 3).0, 0, "a base of 0 is any free port for each");
    let mut config = RuntimeConfig { port_base: Some(20_000), ..RuntimeConfig::default() };
    let spec = PortSpec { name: "grpc", default: 50_051 };
    assert_eq!(operations_address(&config), "127.0.0.1:20000");
    assert_eq!(configured_port(&config, "intake-desk", &spec, 3).0, 20_003);
    config.ports.insert("intake_desk_grpc".to_owned(), 7);
    assert_eq!(configured_port(&config, "intake-desk", &spec, 3).0, 7);
}
