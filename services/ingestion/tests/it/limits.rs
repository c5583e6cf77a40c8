//! Whoever comes too often is told so in their own protocol, loses nothing, and keeps nobody else waiting.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use causeway_ingestion::Config;
use causeway_ingestion::config::{Limits, Mllp};
use causeway_local::ports::Claim;
use causeway_proto::inquiry::v1::{Source, SubmitInquiryRequest};
use reqwest::{Response, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fhir::{self, request};
use crate::hl7::{self, code, framed, referral};
use crate::world::{CENTER, OTHER, World, body, eventually};

fn limited(limits: Limits) -> Config {
    Config { limits: Limits { trusted_proxy_hops: 1, own_machine: true, ..limits }, ..Config::default() }
}

async fn form(world: &World, center: &str, from: &str) -> Response {
    let url = format!("{}/v1/centers/{center}/inquiries", world.door.http);
    let sent = world.browser.post(url).header("x-forwarded-for", from).json(&body(&[])).send();
    sent.await.expect("an answer")
}

fn wait_of(response: &Response) -> u64 {
    response.headers()["retry-after"].to_str().expect("text").parse().expect("seconds")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_that_floods_is_asked_to_wait_and_everybody_else_is_taken_at_once() {
    let world = World::start_with(limited(Limits { address_per_minute: 3, ..Limits::default() })).await;
    for _ in 0..3 {
        assert_eq!(form(&world, CENTER, "192.0.2.7").await.status(), 202);
    }
    let refused = form(&world, CENTER, "203.0.113.99, 192.0.2.7").await;
    assert_eq!(refused.status(), 429, "what the sender itself writes into the header is not believed");
    assert!((1..=21).contains(&wait_of(&refused)));
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let told: Value = refused.json().await.expect("json");
    assert_eq!((told["reason"].as_str(), told["status"].as_u64()), (Some("too_often"), Some(429)));
    assert_eq!(form(&world, CENTER, "192.0.2.8").await.status(), 202);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 4);
    assert_eq!(world.door.metric("causeway_limited_total", "address"), 1.0);
    let told = world.door.metrics.gather().iter().map(|family| format!("{family:?}")).collect::<String>();
    assert!(!told.contains("192.0.2."), "no metric names an address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_from_many_places_at_one_form_leaves_other_centers_alone_and_unknown_forms_count_nothing() {
    let world = World::start_with(limited(Limits { form_per_minute: 2, ..Limits::default() })).await;
    let unknown = json!({"form": "none", "answers": {}});
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    for _ in 0..5 {
        let sent = world.browser.post(&url).header("x-forwarded-for", "192.0.2.1").json(&unknown).send();
        assert_eq!(sent.await.expect("an answer").status(), 422);
    }
    let answers = [form(&world, CENTER, "192.0.2.1").await, form(&world, CENTER, "192.0.2.2").await];
    assert!(answers.iter().all(|answer| answer.status() == 202));
    assert_eq!(form(&world, CENTER, "192.0.2.3").await.status(), 429);
    assert_eq!(form(&world, OTHER, "192.0.2.3").await.status(), 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_a_form_and_of_a_center_holds_for_this_machine_too_by_the_json_door_and_the_portals() {
    for limits in [
        Limits { form_per_minute: 2, address_per_minute: 1, ..Limits::default() },
        Limits { center_per_minute: 2, address_per_minute: 1, ..Limits::default() },
    ] {
        let world = World::start_with(Config { limits, ..Config::default() }).await;
        let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
        let json =
            async || world.browser.post(&url).json(&body(&[])).send().await.expect("an answer").status().as_u16();
        assert_eq!((json().await, json().await), (202, 202), "its address is free");
        assert_eq!(json().await, 429);
        let of_portal = SubmitInquiryRequest {
            center: CENTER.into(),
            form_id: body(&[])["form"].as_str().expect("a form").into(),
            source: Source::WebForm.into(),
            answers: [("name".to_owned(), "Rosa".to_owned())].into(),
            ..Default::default()
        };
        let refused = world.client("portal", None).submit_inquiry(of_portal).await.expect_err("it is one of them");
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_is_limited_by_its_feed_in_its_own_protocol_and_a_stranger_can_not_try_keys_for_long() {
    let world = World::start_with(limited(Limits { address_per_minute: 4, ..Limits::default() })).await;
    let post = async |path: &str, key: &'static str, body: String| {
        let sent = world.browser.post(format!("{}{path}", world.door.http)).bearer_auth(key);
        let sent = sent.header("x-forwarded-for", "192.0.2.7").header("content-type", "application/fhir+json");
        sent.body(body).send().await.expect("an answer")
    };
    let validate = format!("/fhir/{CENTER}/ServiceRequest/$validate");
    let (give, search) = (format!("/fhir/{CENTER}/ServiceRequest"), format!("/fhir/{CENTER}/Task/_search?_id=none"));
    // What only asks is free, also where it comes by POST.
    for _ in 0..70 {
        assert_eq!(post(&search, fhir::KEY, "{}".into()).await.status(), 415, "and what is searched for is no JSON");
    }
    // A check has a limit of its own.
    let mut checked = 0;
    while post(&validate, fhir::KEY, request("R-1", "Testpatient").to_string()).await.status() == 200 {
        checked += 1;
        assert!(checked < 90, "sixty in a minute");
    }
    assert!(checked >= 60, "{checked}");
    let mut taken = 0;
    let refused = loop {
        let answer = post(&give, fhir::KEY, request("R-1", "Testpatient").to_string()).await;
        if ![200, 201].contains(&answer.status().as_u16()) {
            break answer;
        }
        taken += 1;
        assert!(taken < 90, "the feed may send sixty in a minute");
    };
    assert!(taken >= 60, "{taken}");
    assert_eq!((refused.status(), wait_of(&refused)), (StatusCode::TOO_MANY_REQUESTS, 1));
    assert_eq!(refused.headers()["content-type"], "application/fhir+json");
    let told: Value = refused.json().await.expect("json");
    assert_eq!(
        (told["resourceType"].as_str(), told["issue"][0]["code"].as_str()),
        (Some("OperationOutcome"), Some("throttled"))
    );

    let csv = format!("/v1/centers/{CENTER}/feeds/cedar-csv/csv");
    let mut statuses = Vec::new();
    for number in 0..12 {
        statuses.push(post(&csv, "cedar-demo-key", format!("referral_id\nA-{number}\n")).await.status().as_u16());
    }
    assert!(statuses[..10].iter().all(|status| *status == 202) && statuses.contains(&429), "{statuses:?}");

    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(post(&validate, "a-guess", "{}".into()).await.status().as_u16());
    }
    assert_eq!(told[..4], [401; 4]);
    assert_eq!(told[5], 429, "{told:?}");
    assert_eq!(post(&csv, "another-guess", String::new()).await.status(), 429, "at any door");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_office_that_sends_too_much_by_hl7_is_read_more_slowly_and_loses_nothing() {
    let world = World::start_with(limited(Limits::default())).await;
    let fewer = ("rate_per_minute = 120", "rate_per_minute = 60");
    world.change_profile(CENTER, "feeds.toml", fewer.0, fewer.1).await;
    let mut office = hl7::Office::calls(&world).await;
    let begun = tokio::time::Instant::now();
    let mut sent = 0;
    while world.door.metric("causeway_limited_total", "hl7") < 2.0 {
        sent += 1;
        assert!(sent < 250, "nobody was slowed");
        let replies = office.ask(&referral(&format!("S-{sent}"), &format!("SR-{sent}"), "Testpatient"), 2).await;
        assert_eq!((code(&replies[0]), code(&replies[1])), ("CA", "AA"));
    }
    assert!(sent >= 60 && begun.elapsed() >= Duration::from_millis(900), "{sent} in {:?}", begun.elapsed());
    let kept: i64 =
        sqlx::query_scalar("SELECT count(*) FROM inquiries").fetch_one(&world.admin).await.expect("a count");
    assert_eq!(kept, sent);
}

/// Runs openssl in a folder.
fn openssl(folder: &Path, arguments: &str) -> String {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("openssl runs");
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// A certificate of the authority in `ca.pem`, and its fingerprint as a profile has it.
fn certificate(folder: &Path, name: &str) -> String {
    std::fs::write(folder.join("v3.ext"), "subjectAltName=DNS:localhost\n").expect("written");
    openssl(
        folder,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ),
    );
    openssl(
        folder,
        &format!("x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -days 2 -extfile v3.ext -out {name}.pem"),
    );
    let told = openssl(folder, &format!("x509 -in {name}.pem -noout -fingerprint -sha256"));
    told.trim().rsplit('=').next().expect("a fingerprint").replace(':', "")
}

/// What an office with a certificate is answered.
async fn ask_by_tls(world: &World, folder: &Path, name: &str, message: &str) -> String {
    let file = |end: &str| folder.join(format!("{name}.{end}"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).expect("an authority")).expect("added");
    let own = vec![CertificateDer::from_pem_file(file("pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(file("key")).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config =
        config.expect("versions").with_root_certificates(roots).with_client_auth_cert(own, key).expect("a client");
    let plain = TcpStream::connect(world.door.mllp).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut line = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, plain).await.expect("let in");
    line.write_all(&framed(message)).await.expect("sent");
    let mut bytes = Vec::new();
    while !bytes.contains(&0x1c) {
        assert_ne!(line.read_buf(&mut bytes).await.expect("read"), 0, "the door hung up");
    }
    String::from_utf8(bytes).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_is_known_by_its_certificate_is_heard_by_that_line_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    openssl(
        at,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority",
    );
    let [_, old, new, _] = ["server", "old", "new", "other"].map(|name| certificate(at, name));
    let claim = Claim::any().expect("a port");
    let plain = std::net::SocketAddr::from(([127, 0, 0, 1], claim.port()));
    let mllp = Mllp {
        certificate: Some(at.join("server.pem")),
        key: Some(at.join("server.key")),
        client_authorities: Some(at.join("ca.pem")),
        plain_listen: Some(plain),
        ..Mllp::default()
    };
    let world = World::start_with(Config { mllp, ..Config::default() }).await;
    let line = "sending_facility = \"CEDARFM\"";
    let bound = format!("{line}\ncertificate_sha256 = [\"{old}\", \"{new}\"]");
    world.change_profile(CENTER, "feeds.toml", line, &bound).await;
    eventually("the feed is known by its certificates", || async {
        let reply = ask_by_tls(&world, at, "other", &referral("C-1", "CR-1", "Testpatient")).await;
        reply.contains("MSA|CR|C-1") && reply.contains("MSH^1^4")
    })
    .await;
    sqlx::query("TRUNCATE messages, inquiries").execute(&world.admin).await.expect("emptied");
    let refused = ask_by_tls(&world, at, "other", &referral("C-2", "CR-2", "Testpatient")).await;
    assert!(refused.contains("MSA|CR|C-2") && !refused.contains("Testpatient"), "{refused}");
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 0, "nothing of it is kept");
    for (name, id) in [("old", "C-3"), ("new", "C-4")] {
        let taken = ask_by_tls(&world, at, name, &referral(id, id, "Testpatient")).await;
        assert!(taken.contains(&format!("MSA|CA|{id}")), "{taken}");
    }
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 2);

    // Whoever shows no certificate, or speaks no TLS, is not let in by the port that speaks it.
    let heard = without_certificate(&world, at, &referral("C-5", "C-5", "Testpatient")).await;
    assert!(heard.is_err_and(|cause| cause.contains("CertificateRequired")), "nobody is let in without a certificate");
    eventually("who was not let in is counted", || async {
        world.door.metric("causeway_connections_refused_total", "handshake") >= 1.0
    })
    .await;
    let mut line = TcpStream::connect(world.door.mllp).await.expect("a connection");
    line.write_all(&framed(&referral("C-6", "C-6", "Testpatient"))).await.expect("sent");
    let mut bytes = Vec::new();
    let _ = line.read_to_end(&mut bytes).await;
    assert!(!String::from_utf8_lossy(&bytes).contains("MSA|"), "no reply in plain");
    // The plain port beside it hears other feeds, and this one never.
    let mut line = TcpStream::connect(plain).await.expect("a connection");
    line.write_all(&framed(&referral("C-7", "C-7", "Testpatient"))).await.expect("sent");
    let mut bytes = Vec::new();
    while !bytes.contains(&0x1c) {
        assert_ne!(line.read_buf(&mut bytes).await.expect("read"), 0, "the door hung up");
    }
    assert!(String::from_utf8_lossy(&bytes).contains("MSA|CR|C-7"), "it is known by its certificate");
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM unaddressed WHERE reason = 'wrong_certificate'").await, 3);
}

/// What a client without a certificate meets.
async fn without_certificate(world: &World, folder: &Path, message: &str) -> Result<Vec<u8>, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).expect("an authority")).expect("added");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let plain = TcpStream::connect(world.door.mllp).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let told = |cause: std::io::Error| cause.to_string();
    let mut line = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, plain).await.map_err(told)?;
    line.write_all(&framed(message)).await.map_err(told)?;
    let mut bytes = Vec::new();
    line.read_to_end(&mut bytes).await.map_err(told)?;
    Ok(bytes)
}
