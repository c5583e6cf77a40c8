//! A list of thousands of referrals, some of them broken, while ingestion is killed: each row has one result, each sound
//! row one inquiry, and none two.
//!
//! `CAUSEWAY_CSV_ROWS=100000` is the long form.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use causeway_tests::Fleet;
use serde_json::Value;
use sqlx::PgPool;

const KEY: &str = "cedar-demo-key";

fn rows() -> usize {
    std::env::var("CAUSEWAY_CSV_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(4000)
}

/// One row in twenty can not be taken, each for one of four reasons.
fn list(rows: usize) -> (String, usize) {
    let mut text = "referral_id,patient_last,patient_first,birth_date,phone,diagnosis_codes,reason,status\n".to_owned();
    let mut broken = 0;
    for number in 0..rows {
        let (last, birth, end) = match number % 80 {
            7 => ("Testpatient", "1968-07-19", ""),
            27 => ("Testpatient", "1968-07-19", ",new,one,more"),
            47 => ("Testpatient", "13/45/1970", ",new"),
            67 => ("Test\0patient", "1968-07-19", ",new"),
            _ => ("Testpatient", "1968-07-19", ",new"),
        };
        broken += usize::from(number % 20 == 7);
        text.push_str(&format!(
            "RB-{number},{last},Case{number},{birth},206-555-0142,C50.411,\"evaluate, and\ntreat\"{end}\n"
        ));
    }
    (text, broken)
}

async fn show(url: &str) -> Option<Value> {
    let answer = reqwest::Client::new().get(url).bearer_auth(KEY).send().await.ok()?;
    answer.json().await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_a_file_is_taken_exactly_once_though_ingestion_is_killed_on_the_way() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut fleet = Fleet::start(folder.path(), "[ingestion.csv]\nchunk = 64").await;
    let base = format!("{}/v1/centers/harbor-valley/feeds/cedar-csv", fleet.url("ingestion", "http"));
    let rows = rows();
    let (text, broken) = list(rows);
    let sent = reqwest::Client::new().post(format!("{base}/csv")).bearer_auth(KEY).body(text.clone()).send().await;
    let sent: Value = sent.expect("an answer").json().await.expect("json");
    let url = format!("{base}/files/{}", sent["file_id"].as_str().expect("an id"));

    let (begun, mut kills) = (Instant::now(), Vec::new());
    let file = loop {
        let file = show(&url).await.unwrap_or_default();
        let done = file["lines_done"].as_u64().unwrap_or(0) as usize;
        if file["state"] == "done" {
            break file;
        }
        // At a tenth and at a half of the way; a row has two lines.
        let next = [rows / 10, rows].get(kills.len()).copied();
        if next.is_some_and(|next| done >= next * 2 / 2) && file["state"] == "taking" {
            fleet.kill("ingestion").await;
            kills.push(done);
            fleet.launch("ingestion");
            fleet.ready("ingestion").await;
        }
        assert!(begun.elapsed() < Duration::from_secs(900), "not in time: {file}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let sound = rows - broken;
    println!("csv: {rows} rows, {broken} broken, killed at lines {kills:?}, {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!(kills.len(), 2, "it was killed on the way");
    let counts =
        ["total", "accepted", "linked", "parked", "refused"].map(|name| file["rows"][name].as_u64().expect("a number"));
    assert_eq!(counts, [rows as u64, sound as u64, 0, broken as u64, 0]);

    let result = reqwest::Client::new().get(format!("{url}/result")).bearer_auth(KEY).send().await.expect("an answer");
    let result = result.text().await.expect("text");
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in result.lines().skip(1) {
        let mut cells = line.split(',');
        lines.extend(cells.next());
        *words.entry(cells.nth(1).expect("a word")).or_default() += 1;
    }
    // An impossible birth date, a quarter of the broken ones, is a person's to mend; the rest are the office's as well.
    let parked = broken / 4;
    assert_eq!(words, BTreeMap::from([("created", sound), ("parked", parked), ("rejected", broken - parked)]));
    let all = lines.len();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!((all, lines.len()), (rows, rows), "each line once");

    let database = fleet.config().databases["ingestion"].machine.expose().to_owned();
    let pool = PgPool::connect(&database).await.expect("ingestion's database");
    for (sql, expected) in [
        ("SELECT count(*) FROM inquiries WHERE source = 'csv'", sound),
        ("SELECT count(DISTINCT key) FROM inquiries WHERE source = 'csv'", sound),
        ("SELECT count(*) FROM outbox WHERE kind LIKE '%InquiryReceived%'", sound),
        ("SELECT count(*) FROM messages WHERE state = 'parked'", broken),
        ("SELECT count(*) FROM file_rows", rows),
    ] {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await.expect(sql);
        assert_eq!(count, expected as i64, "{sql}");
    }
    fleet.stop().await;
}
