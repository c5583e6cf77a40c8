//! Documents and the malware scanner: what it has not seen is not opened, and its absence costs time alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use causeway_ingestion::Config;
use causeway_proto::error::Reason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::documents::{Sender, inquiry, listed, open, pdf, told};
use crate::hl7::{Office, code, referral};
use crate::world::{CENTER, World, coordinator, eventually};

/// The test file of EICAR, in two parts so that this file is none.
fn eicar() -> String {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

/// Speaks the protocol as clamd does: it hears a stream out and finds the test file in it.
async fn answer(mut line: TcpStream, is_broken: &AtomicBool) -> std::io::Result<()> {
    let mut command = [0; 10];
    line.read_exact(&mut command).await?;
    assert_eq!(&command, b"zINSTREAM\0");
    let mut stream = Vec::new();
    loop {
        let length = line.read_u32().await?;
        if length == 0 {
            break;
        }
        let from = stream.len();
        stream.resize(from + usize::try_from(length).expect("small"), 0);
        line.read_exact(&mut stream[from..]).await?;
    }
    let found = String::from_utf8_lossy(&stream).contains(&eicar());
    let said: &[u8] = match (is_broken.load(Ordering::Relaxed), found) {
        (true, _) => b"INSTREAM size limit exceeded. ERROR\0",
        (false, true) => b"stream: Win.Test.EICAR_HDB-1 FOUND\0",
        (false, false) => b"stream: OK\0",
    };
    line.write_all(said).await
}

async fn clamd(listener: TcpListener, is_broken: Arc<AtomicBool>) {
    while let Ok((line, _)) = listener.accept().await {
        let is_broken = Arc::clone(&is_broken);
        tokio::spawn(async move { answer(line, &is_broken).await });
    }
}

fn config(scanner: String) -> Config {
    let mut config = Config::default();
    config.documents.scanner = scanner;
    (config.documents.scan_seconds, config.documents.look_seconds) = (1, 1);
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_scanner_stops_is_never_opened_or_told_and_what_it_passes_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let place = format!("tcp://{}", listener.local_addr().expect("an address"));
    tokio::spawn(clamd(listener, Arc::default()));
    let world = World::start_with(config(place)).await;
    let inquiry = inquiry(&world).await;
    let mut patient = Sender::patient(&world, &inquiry);
    let clean = patient.send("imaging", "a.pdf", &pdf("clean", 3 * 1024 * 1024)).await.expect("kept");
    let infected = patient.send("pathology_report", "b.pdf", &pdf(&eicar(), 2_000)).await.expect("kept");
    assert_eq!((clean.state.as_str(), infected.state.as_str()), ("checking", "checking"));
    eventually("both are looked at", || async {
        world.count("SELECT count(*) FROM documents WHERE scan IN ('clean', 'infected')").await == 2
    })
    .await;
    let seen = listed(&world, &inquiry).await;
    let state = |id: &str| seen.iter().find(|one| one.document_id == id).map(|one| one.state.clone());
    assert_eq!(state(&clean.document_id).as_deref(), Some("ready"));
    assert_eq!(state(&infected.document_id).as_deref(), Some("infected"));
    let events = told(&world).await;
    assert_eq!((events.len(), events[0].record_kind.as_str()), (1, "imaging"), "an infected one fills no line");
    assert!(open(&world, &coordinator(CENTER), &clean.document_id).await.is_ok());
    let refused = open(&world, &coordinator(CENTER), &infected.document_id).await.expect_err("stopped");
    assert_eq!(Reason::of(&refused), Some(Reason::WrongState));
    assert_eq!(world.objects().len(), 3 + 1, "it is kept, sealed, for whoever has to look into it");

    // An office was told that all is well: a person has to tell it otherwise.
    let carried = STANDARD.encode(pdf(&eicar(), 2_000));
    let obx = format!("OBX|1|ED|11526-1^Report^LN||HUB^application^pdf^Base64^{carried}||||||F\r");
    let answered = Office::calls(&world).await.ask(&(referral("S-1", "REF-S", "Testpatient") + &obx), 2).await;
    assert_eq!(code(&answered[1]), "AA");
    eventually("its message waits for a person", || async {
        world.count("SELECT count(*) FROM messages WHERE state = 'parked' AND reason = 'attachment'").await == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_scanner_left_waiting_that_is_gone_is_shown_to_operators() {
    let world = World::start_with(config(String::new())).await;
    let inquiry = inquiry(&world).await;
    Sender::patient(&world, &inquiry).send("", "a.pdf", &pdf("waits", 2_000)).await.expect("kept");
    let left = "UPDATE documents SET scan = 'waiting', scan_at = now()";
    sqlx::query(left).execute(&world.admin).await.expect("left waiting");
    eventually("operators see it", || async { world.door.gauge("causeway_documents_scan_failing", CENTER) == 1.0 })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_scanner_is_down_documents_are_taken_and_wait_and_operators_see_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let world = World::start_with(config(format!("tcp://{address}"))).await;
    let inquiry = inquiry(&world).await;
    let kept = Sender::patient(&world, &inquiry).send("imaging", "a.pdf", &pdf("waits", 2_000)).await.expect("taken");
    eventually("operators see it", || async {
        world.door.gauge("causeway_documents_scan_failing", CENTER) == 1.0
            && world.door.metric("causeway_document_scans_total", "failed") >= 1.0
    })
    .await;
    let refused = open(&world, &coordinator(CENTER), &kept.document_id).await.expect_err("not looked at yet");
    assert_eq!(Reason::of(&refused), Some(Reason::WrongState));
    assert!(told(&world).await.is_empty());
    // It is back, but does not answer as it should at first: that is no leave to open anything.
    let is_broken = Arc::new(AtomicBool::new(true));
    let listener = TcpListener::bind(address).await.expect("the same port");
    tokio::spawn(clamd(listener, Arc::clone(&is_broken)));
    let failed = world.door.metric("causeway_document_scans_total", "failed");
    sqlx::query("UPDATE documents SET scan_at = now()").execute(&world.admin).await.expect("its time has come");
    eventually("it was refused", || async { world.door.metric("causeway_document_scans_total", "failed") > failed })
        .await;
    assert_eq!(listed(&world, &inquiry).await[0].state, "checking");
    is_broken.store(false, Ordering::Relaxed);
    sqlx::query("UPDATE documents SET scan_at = now()").execute(&world.admin).await.expect("its time has come");
    eventually("it is told", || async { told(&world).await.len() == 1 }).await;
    assert!(open(&world, &coordinator(CENTER), &kept.document_id).await.is_ok());
}

/// Runs where a real clamd listens: `CLAMD` says where, as the setting does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_scanner_finds_the_test_file_where_there_is_one() {
    let Ok(place) = std::env::var("CLAMD") else {
        eprintln!("no scanner: CLAMD is not set");
        return;
    };
    let world = World::start_with(config(place)).await;
    let mut patient = Sender::patient(&world, &inquiry(&world).await);
    patient.send("", "a.txt", eicar().as_bytes()).await.expect("kept");
    patient.send("", "b.pdf", &pdf("clean", 2_000)).await.expect("kept");
    eventually("both are looked at", || async {
        world.count("SELECT count(*) FROM documents WHERE scan = 'infected'").await == 1
            && world.count("SELECT count(*) FROM documents WHERE scan = 'clean'").await == 1
    })
    .await;
}
