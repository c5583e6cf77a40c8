//! Partner systems that lose their line at every byte of a message, many at once, while ingestion is killed: whatever was
//! acknowledged stands, and stands once. What was cut is evidence at most.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_tests::Fleet;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LINES: usize = 64;
const MESSAGES: usize = 12;
/// How often each message is cut before it is sent whole.
const CUTS: usize = 3;

/// Where a message is cut: all lines together cut at each byte of it, in turns, so that each is met in several states of the service.
fn cut(line: usize, number: usize, time: usize, length: usize) -> usize {
    (line + LINES * (number * CUTS + time)) % length
}

/// Bytes of a message.
fn length() -> usize {
    message(&name(0, 0)).len()
}

/// All of the same length, so that a byte is the same one in each.
fn name(line: usize, number: usize) -> String {
    format!("CUT-{line:02}-{number:02}")
}

/// A referral whose number tells it from all others.
fn message(name: &str) -> Vec<u8> {
    let segments = [
        &format!(
            "MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260412103015-0500||REF^I12^REF_I12|{name}|P|2.5.1|||AL|AL"
        ),
        &format!("RF1|P|R||||{name}^CEDARFM"),
        "PRD|RP|Okafor^Adaeze",
        "PID|1||RB1^^^CEDARFM^MR||Testpatient^Marisol||19680719|F|||||^PRN^CP^^1^206^5550199",
        "DG1|1||C50.411^^I10C|||W",
        "",
    ];
    [b"\x0b", segments.join("\r").as_bytes(), b"\x1c\r"].concat()
}

/// Sends a message, or its beginning, and gives the request number of the answer if one came.
async fn send(port: u16, bytes: &[u8], cut: usize) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(&bytes[..cut]).await.ok()?;
    if cut < bytes.len() {
        return None;
    }
    let mut heard = Vec::new();
    let read = async {
        while heard.iter().filter(|byte| **byte == 0x1c).count() < 2 {
            if stream.read_buf(&mut heard).await.ok()? == 0 {
                return None;
            }
        }
        Some(())
    };
    timeout(Duration::from_secs(10), read).await.ok()??;
    let text = String::from_utf8(heard).ok()?;
    assert!(text.contains("MSA|CA|") && text.contains("MSA|AA|"), "{text}");
    let referral = text.split('\r').find(|segment| segment.starts_with("RF1|"))?;
    Some(referral.split('|').nth(11)?.trim_end_matches("^CAUSEWAY").to_owned())
}

/// One office: each message is cut at some bytes first, and then sent until it is answered.
async fn office(port: u16, line: usize, calm: Arc<AtomicBool>) -> BTreeMap<String, String> {
    let mut random = StdRng::seed_from_u64(line as u64);
    let mut answered = BTreeMap::new();
    for number in 0..MESSAGES {
        let name = name(line, number);
        let bytes = message(&name);
        for time in 0..CUTS {
            send(port, &bytes, cut(line, number, time, bytes.len())).await;
        }
        loop {
            // An answer that is not waited for is an acknowledgement that nobody heard.
            let impatient = !calm.load(Ordering::SeqCst) && random.random_bool(0.2);
            let sent = send(port, &bytes, bytes.len());
            let reference =
                if impatient { timeout(Duration::from_millis(5), sent).await.ok().flatten() } else { sent.await };
            if let Some(reference) = reference {
                answered.insert(name, reference);
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn each_acknowledged_referral_stands_exactly_once_though_lines_are_cut_and_ingestion_is_killed() {
    let each = |most: usize| 0..most;
    let all = each(LINES).flat_map(|line| each(MESSAGES * CUTS).map(move |turn| (line, turn / CUTS, turn % CUTS)));
    let places: BTreeSet<usize> = all.map(|(line, number, time)| cut(line, number, time, length())).collect();
    assert_eq!(places.len(), length(), "each byte is cut at");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut fleet = Fleet::start(folder.path(), "").await;
    let port: u16 =
        fleet.url("ingestion", "mllp").rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let calm = Arc::new(AtomicBool::new(false));
    let lines: Vec<_> = (0..LINES).map(|line| tokio::spawn(office(port, line, Arc::clone(&calm)))).collect();
    let mut kills = 0;
    while kills < 6 || (kills < 20 && lines.iter().any(|line| !line.is_finished())) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        fleet.kill("ingestion").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        fleet.launch("ingestion");
        fleet.ready("ingestion").await;
        kills += 1;
    }
    calm.store(true, Ordering::SeqCst);
    let mut answered = BTreeMap::new();
    for line in lines {
        answered.extend(line.await.expect("no panic"));
    }
    assert_eq!(answered.len(), LINES * MESSAGES);

    let database = fleet.config().databases["ingestion"].machine.expose().to_owned();
    let pool = PgPool::connect(&database).await.expect("ingestion's database");
    let stand: Vec<String> = sqlx::query_scalar("SELECT reference FROM inquiries WHERE source = 'hl7'")
        .fetch_all(&pool)
        .await
        .expect("inquiries");
    let messages: i64 = sqlx::query_scalar("SELECT count(*) FROM messages WHERE state = 'accepted'")
        .fetch_one(&pool)
        .await
        .expect("messages");
    let missing = answered.values().filter(|reference| !stand.contains(reference)).count();
    println!("mllp: {} acknowledged, {} stand, {missing} missing, {kills} kills", answered.len(), stand.len());
    assert_eq!((missing, stand.len(), messages), (0, LINES * MESSAGES, (LINES * MESSAGES) as i64));
    let nobodys: Vec<String> = sqlx::query_scalar("SELECT DISTINCT reason FROM unaddressed ORDER BY reason")
        .fetch_all(&pool)
        .await
        .expect("frames");
    assert!(nobodys.iter().all(|reason| reason == "cut"), "{nobodys:?}");
    for (name, reference) in answered.iter().take(40) {
        let bytes = message(name);
        assert_eq!(send(port, &bytes, bytes.len()).await.as_ref(), Some(reference), "the same answer again");
    }
    fleet.stop().await;
}
