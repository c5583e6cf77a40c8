//! Partner offices by CSV files: kept when it is answered, each row once however often it comes, and never guessed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_ingestion::Config;
use causeway_proto::inquiry::v1::{SettleMessagesRequest, TakeGoodRowsRequest};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;

use crate::world::{CENTER, Door, OTHER, World, coordinator, eventually, published};

const KEY: &str = "cedar-demo-key";

fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/csv").join(name);
    std::fs::read(path).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

/// A list with the headers that cedar's mapping knows.
pub fn list(rows: &[&str]) -> Vec<u8> {
    let header = "referral_id,patient_last,patient_first,birth_date,phone,diagnosis_codes,status";
    let mut text = [&[header], rows].concat().join("\n");
    text.push('\n');
    text.into_bytes()
}

pub fn row(number: usize) -> String {
    format!("RB-{number},Testpatient,Case{number},1968-07-19,206-555-0142,C50.411,new")
}

/// A partner office that uploads.
pub struct Office<'a> {
    door: &'a Door,
    center: &'static str,
    feed: &'static str,
    key: &'static str,
}

impl<'a> Office<'a> {
    pub fn cedar(world: &'a World) -> Self {
        Self { door: &world.door, center: CENTER, feed: "cedar-csv", key: KEY }
    }

    fn lake(world: &'a World) -> Self {
        Self { door: &world.door, center: OTHER, feed: "lake-clinics-csv", key: "lake-demo-key" }
    }

    fn url(&self, rest: &str) -> String {
        format!("{}/v1/centers/{}/feeds/{}/{rest}", self.door.http, self.center, self.feed)
    }

    async fn send(&self, body: Vec<u8>) -> Response {
        reqwest::Client::new().post(self.url("csv")).bearer_auth(self.key).body(body).send().await.expect("an answer")
    }

    pub async fn ask(&self, rest: &str) -> Response {
        reqwest::Client::new().get(self.url(rest)).bearer_auth(self.key).send().await.expect("an answer")
    }

    /// Sends a file and waits until nothing more is done about it.
    pub async fn taken(&self, body: Vec<u8>) -> Value {
        let answer = self.send(body).await;
        assert!(answer.status().is_success(), "{}", answer.status());
        let answer: Value = answer.json().await.expect("json");
        self.ended(answer["file_id"].as_str().expect("an id")).await
    }

    async fn ended(&self, file_id: &str) -> Value {
        let mut file = Value::Null;
        for _ in 0..600 {
            file = self.ask(&format!("files/{file_id}")).await.json().await.expect("json");
            if ["done", "parked", "settled"].contains(&file["state"].as_str().unwrap_or_default()) {
                return file;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not in time: {file}");
    }

    /// Line, number, word and code of each row of a result.
    pub async fn result(&self, file: &Value) -> Vec<[String; 4]> {
        let answer = self.ask(&format!("files/{}/result", file["file_id"].as_str().expect("an id"))).await;
        assert_eq!(answer.status(), 200);
        read(&answer.text().await.expect("text"))
    }
}

pub fn read(text: &str) -> Vec<[String; 4]> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(
        reader.headers().expect("headers").iter().collect::<Vec<_>>().join(","),
        "line,referral_id,result,causeway_id,code,field,message"
    );
    let records = reader.records().map(|record| record.expect("readable"));
    records.map(|record| [0, 1, 2, 4].map(|at| record[at].to_owned())).collect()
}

pub fn counts(file: &Value) -> [i64; 5] {
    ["total", "accepted", "linked", "parked", "refused"].map(|name| file["rows"][name].as_i64().expect("a number"))
}

pub fn told(rows: &[(&str, &str, &str, &str)]) -> Vec<[String; 4]> {
    rows.iter().map(|(a, b, c, d)| [*a, *b, *c, *d].map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_kept_before_it_is_answered_and_each_of_its_rows_becomes_one_inquiry() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let bytes = sample("RIVERBEND_referrals_20260412_001.csv");
    let answer = cedar.send(bytes.clone()).await;
    assert_eq!(answer.status(), 202);
    let place = answer.headers()["location"].to_str().expect("a place").to_owned();
    let answer: Value = answer.json().await.expect("json");
    assert_eq!(answer["sha256"], "e41bb35b234e30dbe36e65ccf7d5f7d4688509a21c36d43184341c2fb3922c0d");
    assert!(place.ends_with(answer["file_id"].as_str().expect("an id")), "{place}");
    let file = cedar.ended(answer["file_id"].as_str().expect("an id")).await;
    assert_eq!((file["state"].as_str(), counts(&file)), (Some("done"), [12, 12, 0, 0, 0]));
    assert_eq!((&file["rows"]["skipped"], &file["lines_done"]), (&1.into(), &13.into()));
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE source = 'csv' AND NOT needs_repair").await, 12);
    let events = published(&world.bus().await, 12).await;
    let facts = events[0].1.facts.clone().expect("facts");
    assert_eq!(facts.referring_office, "cedar-family");
    let result = cedar.result(&file).await;
    assert_eq!(result.len(), 12);
    assert_eq!(result[0], ["2", "RB-7001", "created", ""].map(str::to_owned));
    assert_eq!(world.door.metric("causeway_partner_file_rows_total", "accepted"), 12.0);

    let again = cedar.send(bytes).await;
    assert_eq!(again.status(), 200);
    let again: Value = again.json().await.expect("json");
    assert_eq!((&again["file_id"], &again["repeated"]), (&file["file_id"], &true.into()));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 12);
    assert_eq!(world.count("SELECT count(*) FROM files").await, 1, "the same bytes are one file");
    assert_eq!(world.count("SELECT count(*) FROM file_parts").await, 1);
    let listed: Value = cedar.ask("files").await.json().await.expect("json");
    assert_eq!((listed["files"].as_array().map(Vec::len), &listed["files"][0]["times"]), (Some(1), &2.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_days_list_repeats_changes_and_cancels_and_nobody_is_asked_twice() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    cedar.taken(sample("RIVERBEND_referrals_20260412_001.csv")).await;
    let next = cedar.taken(sample("RIVERBEND_referrals_20260413_001.csv")).await;
    assert_eq!(counts(&next), [6, 1, 3, 2, 0]);
    let expected = told(&[
        ("2", "RB-7001", "parked", "referral_changed"),
        ("3", "RB-7002", "parked", "referral_cancelled"),
        ("4", "RB-7003", "unchanged", ""),
        ("5", "RB-7004", "unchanged", ""),
        ("6", "RB-7005", "unchanged", ""),
        ("7", "RB-7013", "created", ""),
    ]);
    assert_eq!(cedar.result(&next).await, expected);
    let waiting = "SELECT count(inquiry_id) FROM messages WHERE state = 'parked' AND kind = 'CSV row'";
    assert_eq!(world.count(waiting).await, 2, "each names its inquiry");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 13);

    // The day after: the same rows under other bytes.
    let mut bytes = sample("RIVERBEND_referrals_20260413_001.csv");
    bytes.extend_from_slice(b"\n");
    let third = cedar.taken(bytes).await;
    assert_eq!(counts(&third), [6, 0, 6, 0, 0], "what waits is not asked again");
    let words: Vec<String> = cedar.result(&third).await.into_iter().map(|row| row[2].clone()).collect();
    assert_eq!(words, ["parked", "parked", "unchanged", "unchanged", "unchanged", "unchanged"]);
    assert_eq!(world.count(waiting).await, 2);
    assert_eq!(world.count("SELECT sum(times) FROM messages").await, 4);

    let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT message_id FROM messages WHERE state = 'parked'")
        .fetch_all(&world.admin)
        .await
        .expect("they wait");
    let request =
        SettleMessagesRequest { center: CENTER.into(), message_ids: ids.iter().map(uuid::Uuid::to_string).collect() };
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    assert_eq!(client.settle_messages(request).await.expect("asked").into_inner().settled.len(), 2);
    let mut bytes = sample("RIVERBEND_referrals_20260413_001.csv");
    bytes.extend_from_slice(b"\n\n");
    let fourth = cedar.taken(bytes).await;
    assert_eq!(counts(&fourth), [6, 0, 6, 0, 0], "what was settled stays settled");
    assert_eq!(world.count(waiting).await, 0);

    // The first list once more: what was cancelled since stands in it as if nothing had been.
    let mut bytes = sample("RIVERBEND_referrals_20260412_001.csv");
    bytes.extend_from_slice(b"\n");
    let fifth = cedar.taken(bytes).await;
    let reopened: Vec<_> = cedar.result(&fifth).await.into_iter().filter(|row| row[2] == "parked").collect();
    assert_eq!(reopened.len(), 1);
    assert_eq!((reopened[0][1].as_str(), reopened[0][3].as_str()), ("RB-7002", "referral_reopened"));
    assert_eq!(world.count(waiting).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cancels_what_comes_in_a_later_file_waits_at_it_once_that_has_come() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let new = row(8101);
    let first =
        cedar.taken(list(&[&new.replace(",new", ",cancelled"), &row(8102).replace(",new", ",cancelled")])).await;
    let unknown = |line: &'static str, id: &'static str| (line, id, "parked", "unknown_referral");
    assert_eq!(cedar.result(&first).await, told(&[unknown("2", "RB-8101"), unknown("3", "RB-8102")]));
    cedar.taken(list(&[&new])).await;
    let waits = "SELECT count(inquiry_id) FROM messages WHERE state = 'parked' AND reason = 'referral_cancelled'";
    eventually("it waits at the referral", || async { world.count(waits).await == 1 }).await;
    assert_eq!(
        world.count("SELECT count(*) FROM messages WHERE reason = 'unknown_referral'").await,
        1,
        "the other one"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_taken_of_a_list_waits_and_the_rest_of_it_is_taken() {
    let world = World::start().await;
    let lake = Office::lake(&world);
    let file = lake.taken(sample("CLINIC2_excel_export.csv")).await;
    assert_eq!((counts(&file), &file["rows"]["skipped"]), ([4, 2, 0, 2, 0], &5.into()));
    let expected = told(&[
        ("4", "4471", "created", ""),
        ("6", "4472", "accepted_with_warning", "number_damaged; zip_padded"),
        ("8", "4473", "parked", "birth_date_impossible"),
        ("9", "4471", "duplicate", "duplicate_differs"),
    ]);
    assert_eq!(lake.result(&file).await, expected);
    let cedar = Office::cedar(&world);
    for (name, expected) in [
        (
            "bad_unbalanced_quote.csv",
            vec![
                ("2", "RB-7001", "created", ""),
                ("3", "RB-7002", "created", ""),
                ("4", "", "rejected", "quote_unbalanced"),
            ],
        ),
        (
            "bad_short_and_long_rows.csv",
            vec![
                ("2", "RB-7001", "unchanged", ""),
                ("3", "RB-7002", "rejected", "row_short"),
                ("4", "RB-7003", "rejected", "row_long"),
            ],
        ),
        ("bad_headers_only.csv", vec![]),
    ] {
        let file = cedar.taken(sample(name)).await;
        assert_eq!(file["state"], "done", "{name}");
        assert_eq!(cedar.result(&file).await, told(&expected), "{name}");
    }
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'parked'").await, 5);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 4);
    let nobody = cedar.taken(list(&["RB-9,,,1968-07-19,,C50.411,new"])).await;
    assert_eq!(cedar.result(&nobody).await, told(&[("2", "RB-9", "parked", "nobody")]));
    assert_eq!(counts(&nobody), [1, 0, 0, 1, 0]);
    let mendable = cedar.taken(list(&["RB-10,Testpatient,Zoë,about 60,555-0113,C50.411,new"])).await;
    assert_eq!(
        cedar.result(&mendable).await,
        told(&[("2", "RB-10", "accepted_with_warning", "phone_length; date_unreadable")])
    );
    assert_eq!(world.count("SELECT count(*) FROM repairs").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_not_agreed_is_parked_and_says_which_header_and_is_taken_once_mended() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let text = String::from_utf8(list(&[&row(1)])).expect("text");
    for (from, to, reason, detail) in [
        ("diagnosis_codes", "Shoe size", "header_unknown", "column 6 \"Shoe size\""),
        ("birth_date", "dob2", "header_unknown", "column 4 \"dob2\""),
        (",birth_date,", ",DOB,", "", ""),
        ("phone", "ICD10", "column_doubled", "column 6 is \"diagnosis_codes\" again"),
        ("patient_last,patient_first", "sex,MRN", "column_missing", "\"patient_last\", \"patient_first\""),
    ] {
        let file = cedar.taken(text.replacen(from, to, 1).into_bytes()).await;
        assert_eq!(file["reason"].as_str().unwrap_or_default(), reason, "{file}");
        assert!(file["detail"].as_str().unwrap_or_default().contains(detail), "{file}");
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM files WHERE state = 'parked'").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM files WHERE detail LIKE '%hoe%'").await, 0, "a header may be a name");
    let cut = cedar.taken(sample("bad_truncated_upload.csv")).await;
    assert_eq!((&cut["state"], &cut["reason"], counts(&cut)[1]), (&"parked".into(), &"file_cut".into(), 0));
    let rows = cedar.result(&cut).await;
    assert_eq!(rows[0], ["0", "", "parked", "file_cut"].map(str::to_owned));

    // A repeat of the same bytes is looked at again: the mapping may have been mended.
    let unknown = text.replacen("diagnosis_codes", "Tumor code", 1).into_bytes();
    let before = cedar.taken(unknown.clone()).await;
    assert_eq!(before["state"], "parked");
    world.change_profile(CENTER, "feeds.toml", "\"dx_code\"", "\"dx_code\", \"Tumor code\"").await;
    eventually("the mended mapping is in force", || async {
        let after = cedar.taken(unknown.clone()).await;
        assert_eq!(after["file_id"], before["file_id"]);
        after["state"] == "done"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_with_many_bad_rows_is_parked_before_anything_is_made_and_its_good_rows_are_taken_when_asked() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let mut rows: Vec<String> = (0..30).map(row).collect();
    for bad in rows.iter_mut().step_by(4) {
        *bad = bad.replace(",new", "");
    }
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let file = cedar.taken(list(&rows)).await;
    assert_eq!((&file["state"], &file["reason"]), (&"parked".into(), &"too_many_bad_rows".into()));
    assert!(file["detail"].as_str().is_some_and(|detail| detail.ends_with("8 of 30 rows")), "{file}");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
    let result = cedar.result(&file).await;
    assert_eq!((result.len(), result[1].clone()), (9, ["2", "RB-0", "rejected", "row_short"].map(str::to_owned)));

    eventually("operators see it", || async {
        world.door.gauge("causeway_partner_files_waiting", "too_many_bad_rows") == 1.0
    })
    .await;
    let url = cedar.url(&format!("files/{}/take", file["file_id"].as_str().expect("an id")));
    let wanted = reqwest::Client::new().post(&url).bearer_auth(KEY).send().await.expect("an answer");
    assert_eq!(wanted.status(), 202);
    let file = cedar.ended(file["file_id"].as_str().expect("an id")).await;
    assert_eq!((&file["state"], counts(&file)), (&"done".into(), [30, 22, 0, 8, 0]));
    assert_eq!(cedar.result(&file).await.len(), 30);
    let wanted = reqwest::Client::new().post(&url).bearer_auth(KEY).send().await.expect("an answer");
    assert_eq!(wanted.status(), 409, "once");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 22);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_takes_the_good_rows_of_a_parked_file_or_settles_it_and_that_is_written_down() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let many_bad = |from: usize| {
        let rows: Vec<String> = (from..from + 20)
            .map(|number| row(number).replace(if number % 2 == 0 { ",new" } else { "!" }, ""))
            .collect();
        list(&rows.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (one, two) = (cedar.taken(many_bad(0)).await, cedar.taken(many_bad(100)).await);
    let ask = |center: &str, file: &Value| TakeGoodRowsRequest {
        center: center.into(),
        file_id: file["file_id"].as_str().expect("an id").into(),
    };
    let service = world.client("portal", None).take_good_rows(ask(CENTER, &one)).await;
    assert_eq!(service.expect_err("no person").code(), Code::PermissionDenied);
    let stranger = world.client("portal", Some(coordinator(OTHER))).take_good_rows(ask(OTHER, &one)).await;
    assert_eq!(stranger.expect_err("another center's").code(), Code::FailedPrecondition);
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    client.take_good_rows(ask(CENTER, &one)).await.expect("taken");
    let file_id = one["file_id"].as_str().expect("an id");
    eventually("it is done", || async { cedar.ended(file_id).await["state"] == "done" }).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 10);

    let two = two["file_id"].as_str().expect("an id").to_owned();
    let settle = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![two.clone()] };
    assert_eq!(client.settle_messages(settle).await.expect("asked").into_inner().settled, std::slice::from_ref(&two));
    assert_eq!(cedar.ended(&two).await["state"], "settled");
    let again = cedar.taken(many_bad(100)).await;
    assert_eq!((&again["file_id"], &again["state"]), (&two.as_str().into(), &"settled".into()), "it stays settled");
    let written = "SELECT count(*) FROM audit_log WHERE object_kind = 'file'";
    assert_eq!(world.count(written).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_holder_of_a_feeds_key_sends_to_it_and_sees_its_files() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let file = cedar.taken(list(&[&row(1)])).await;
    let file_id = file["file_id"].as_str().expect("an id").to_owned();
    let body = || list(&[&row(2)]);
    let bare = reqwest::Client::new().post(cedar.url("csv")).body(body()).send().await.expect("an answer");
    assert_eq!((bare.status().as_u16(), bare.headers()["www-authenticate"].as_bytes()), (401, b"Bearer".as_slice()));
    let problem: Value = bare.json().await.expect("json");
    assert_eq!(problem["reason"], "no_key");
    let with = |center, feed, key| Office { door: &world.door, center, feed, key };
    for (office, status) in [
        (with(CENTER, "cedar-csv", "cedar-demo-keys"), StatusCode::UNAUTHORIZED),
        (with(CENTER, "nobody", "guess"), StatusCode::UNAUTHORIZED),
        (with("nowhere", "cedar-csv", "guess"), StatusCode::UNAUTHORIZED),
        // Keys that are somebody's, and not this feed's.
        (with(CENTER, "cedar-csv", "lake-demo-key"), StatusCode::FORBIDDEN),
        (with(OTHER, "lake-clinics-csv", KEY), StatusCode::FORBIDDEN),
        (with(CENTER, "sound-imaging-fhir", "imaging-demo-key"), StatusCode::FORBIDDEN),
        (with(OTHER, "cedar-csv", KEY), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(office.send(body()).await.status(), status, "{}/{}", office.center, office.feed);
        assert_eq!(office.ask("files").await.status(), status);
        assert_eq!(office.ask(&format!("files/{file_id}/result")).await.status(), status);
    }
    let lake = Office::lake(&world);
    for rest in ["", "/result"] {
        assert_eq!(lake.ask(&format!("files/{file_id}{rest}")).await.status(), 404, "another center's file");
    }
    assert_eq!(world.count("SELECT count(*) FROM files").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_none_is_refused_with_what_to_do_and_nothing_is_kept() {
    let mut config = Config::default();
    config.csv.file_bytes = 20_000;
    let world = World::start_with(config).await;
    let cedar = Office::cedar(&world);
    let refused = cedar.send(sample("bad_binary_xlsx_named_csv.csv")).await;
    assert_eq!(
        (refused.status().as_u16(), refused.headers()["content-type"].as_bytes()),
        (415, b"application/problem+json".as_slice())
    );
    let problem: Value = refused.json().await.expect("json");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("CSV UTF-8")), "{problem}");
    let long = cedar.send(vec![b'x'; 20_001]).await;
    assert_eq!(
        (long.status().as_u16(), long.headers()["content-type"].as_bytes()),
        (413, b"application/problem+json".as_slice())
    );
    let chunked = chunked(&cedar, &"x".repeat(1000), 30).await;
    assert!(chunked.starts_with("HTTP/1.1 413"), "also where its length is not told: {chunked}");
    assert_eq!(world.count("SELECT count(*) FROM files").await, 0);
    let empty = cedar.taken(Vec::new()).await;
    assert_eq!((&empty["state"], &empty["reason"]), (&"parked".into(), &"file_empty".into()));
}

/// Sends a body without telling its length, and gives the beginning of the answer.
async fn chunked(office: &Office<'_>, part: &str, count: usize) -> String {
    let url = office.url("csv");
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
    let mut line = TcpStream::connect(host).await.expect("a connection");
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        office.key
    );
    line.write_all(head.as_bytes()).await.expect("sent");
    for _ in 0..count {
        let _ = line.write_all(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes()).await;
    }
    let _ = line.write_all(b"0\r\n\r\n").await;
    let mut answer = vec![0; 64];
    let read = timeout(Duration::from_secs(10), line.read(&mut answer)).await.expect("in time").expect("read");
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_file_is_kept_in_parts_and_a_sender_who_goes_away_leaves_nothing() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    // Letters of two bytes at every place where a part may end.
    let rows: Vec<String> = (0..900).map(|number| format!("{},\"{}\"", row(number), "é".repeat(900))).collect();
    let mut text = String::from_utf8(list(&rows.iter().map(String::as_str).collect::<Vec<_>>())).expect("text");
    text = text.replacen(",status", ",status,comments", 1);
    assert!(text.len() > 1024 * 1024);
    let file = cedar.taken(text.clone().into_bytes()).await;
    assert_eq!(counts(&file), [900, 900, 0, 0, 0], "{file}");
    assert_eq!(world.count("SELECT max(parts)::bigint FROM files").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM file_parts").await, 2);

    let host = world.door.http.trim_start_matches("http://").to_owned();
    let mut line = TcpStream::connect(&host).await.expect("a connection");
    let head = format!(
        "POST /v1/centers/{CENTER}/feeds/cedar-csv/csv HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\n\
         content-length: 9000000\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.expect("sent");
    line.write_all(text.as_bytes()).await.expect("sent");
    let begun = "SELECT count(*) FROM files WHERE state = 'receiving'";
    eventually("its first part is kept", || async { world.count(begun).await == 1 }).await;
    drop(line);
    let listed: Value = cedar.ask("files").await.json().await.expect("json");
    assert_eq!(listed["files"].as_array().map(Vec::len), Some(1), "what never came whole is no file");
    let late = "UPDATE files SET received_at = now() - interval '2 hours' WHERE state = 'receiving'";
    sqlx::query(late).execute(&world.admin).await.expect("time passes");
    eventually("it is forgotten", || async { world.count(begun).await == 0 }).await;
    assert_eq!(world.count("SELECT count(*) FROM file_parts").await, 2);
}

/// Rooms of cedar's folder.
pub fn rooms(root: &Path) -> [PathBuf; 4] {
    ["in", "out", "archive", "error"].map(|room| root.join(CENTER).join("cedar-csv").join(room))
}

/// What lies in a room; a hidden file is still being written.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_folder_takes_what_is_whole_answers_beside_it_and_deletes_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    (config.csv.folder, config.csv.look_seconds, config.csv.stable_seconds) = (Some(root.path().to_owned()), 1, 3600);
    let world = World::start_with(config).await;
    let [inside, out, archive, error] = rooms(root.path());
    eventually("the rooms are there", || async { inside.is_dir() && error.is_dir() }).await;
    let name = "Überweisungen 12 April.csv";
    let bytes = sample("RIVERBEND_referrals_20260412_001.csv");
    std::fs::write(inside.join(format!("{name}.filepart")), &bytes).expect("written");
    std::fs::write(inside.join("cut.csv"), sample("bad_truncated_upload.csv")).expect("written");
    let planted = root.path().join("planted.csv");
    std::fs::write(&planted, list(&[&row(1)])).expect("written");
    std::os::unix::fs::symlink(&planted, inside.join("link.csv")).expect("a link");
    std::fs::write(inside.join("link.csv.done"), "").expect("written");
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(world.count("SELECT count(*) FROM files").await, 0, "nothing of it is known to be whole");

    std::fs::rename(inside.join(format!("{name}.filepart")), inside.join(name)).expect("renamed");
    let sum = "e41bb35b234e30dbe36e65ccf7d5f7d4688509a21c36d43184341c2fb3922c0d  list.csv\n";
    std::fs::write(inside.join(format!("{name}.sha256")), sum).expect("written");
    eventually("the result lies there", || async { !names(&out).is_empty() }).await;
    let result = names(&out).remove(0);
    assert!(result.starts_with(name) && result.ends_with(".result.csv"), "{result}");
    let rows = read(&std::fs::read_to_string(out.join(&result)).expect("text"));
    assert_eq!((rows.len(), rows[0].clone()), (12, ["2", "RB-7001", "created", ""].map(str::to_owned)));
    assert_eq!(names(&inside), ["cut.csv", "link.csv", "link.csv.done"]);
    let kept = names(&archive);
    assert!(kept.len() == 2 && kept[0].ends_with(name) && kept[1].ends_with(".sha256"), "{kept:?}");
    assert_eq!(std::fs::read(archive.join(&kept[0])).expect("kept"), bytes);

    // The same bytes under another name, and a cut file that says it is done.
    std::fs::write(inside.join("again.csv"), &bytes).expect("written");
    std::fs::write(inside.join("again.csv.done"), "").expect("written");
    std::fs::write(inside.join("cut.csv.done"), "").expect("written");
    eventually("both are answered", || async { names(&out).len() == 3 }).await;
    eventually("the cut one lies with the errors", || async { names(&error).len() == 1 }).await;
    assert_eq!(names(&inside), ["link.csv", "link.csv.done"]);
    assert_eq!(world.count("SELECT count(*) FROM files").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 12);
    let cut = names(&out).into_iter().find(|name| name.starts_with("cut.csv")).expect("an answer");
    let rows = read(&std::fs::read_to_string(out.join(cut)).expect("text"));
    assert_eq!(rows[0], ["0", "", "parked", "file_cut"].map(str::to_owned));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_a_folder_that_stands_still_is_whole_and_one_that_differs_from_its_sum_is_put_aside() {
    let root = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    (config.csv.folder, config.csv.look_seconds, config.csv.stable_seconds) = (Some(root.path().to_owned()), 1, 3);
    let world = World::start_with(config).await;
    let [inside, out, _, error] = rooms(root.path());
    eventually("the rooms are there", || async { inside.is_dir() && error.is_dir() }).await;
    std::fs::write(inside.join("still.csv"), list(&[&row(1)])).expect("written");
    std::fs::write(inside.join("other.csv"), list(&[&row(2)])).expect("written");
    std::fs::write(inside.join("other.csv.sha256"), "00").expect("written");
    let growing = inside.join("growing.csv");
    for number in 0..5 {
        std::fs::write(&growing, list(&[&row(100 + number)])).expect("written");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(growing.exists(), "who still writes is left alone");
    eventually("both that stand still are taken", || async { names(&out).len() == 3 }).await;
    let aside = names(&error);
    assert!(aside[0].ends_with("-other.csv") && aside[1].ends_with("-other.csv.sha256"), "{aside:?}");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_take_each_file_once_in_the_order_of_each_feed() {
    let mut config = Config::default();
    config.csv.chunk = 7;
    let world = World::start_with(config.clone()).await;
    let second = world.second_door_with(config).await;
    let mut sent = Vec::new();
    for day in 0..4 {
        let rows: Vec<String> = (0..100).map(|number| row(day * 50 + number)).collect();
        let bytes = list(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        let (one, two) = (Office::cedar(&world), Office { door: &second, ..Office::cedar(&world) });
        let (one, two) = tokio::join!(one.send(bytes.clone()), two.send(bytes));
        let (one, two): (Value, Value) = (one.json().await.expect("json"), two.json().await.expect("json"));
        assert_eq!(one["file_id"], two["file_id"], "the same bytes are one file at both");
        sent.push(one["file_id"].as_str().expect("an id").to_owned());
    }
    let cedar = Office::cedar(&world);
    for (day, file_id) in sent.iter().enumerate() {
        let file = cedar.ended(file_id).await;
        let expected = if day == 0 { [100, 100, 0, 0, 0] } else { [100, 50, 50, 0, 0] };
        assert_eq!(counts(&file), expected, "day {day}");
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 250);
    assert_eq!(world.count("SELECT count(*) FROM file_rows").await, 400);
    assert_eq!(published(&world.bus().await, 250).await.len(), 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_can_not_be_taken_keeps_no_other_centers_files_waiting() {
    let mut config = Config::default();
    config.csv.at_once = 1;
    let world = World::start_with(config).await;
    let (cedar, lake) = (Office::cedar(&world), Office::lake(&world));
    cedar.taken(list(&[&row(1)])).await;
    let broken = "WITH parts AS (UPDATE file_parts SET sealed = '\\x00') UPDATE files SET state = 'waiting'";
    sqlx::query(broken).execute(&world.admin).await.expect("its part can't be opened any more");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let file = timeout(Duration::from_secs(12), lake.taken(sample("CLINIC2_excel_export.csv"))).await.expect("in time");
    assert_eq!(file["state"], "done");
    assert_eq!(world.count("SELECT count(*) FROM files WHERE state = 'waiting'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_feed_is_gone_is_parked() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    cedar.taken(list(&[&row(1)])).await;
    world.change_profile(CENTER, "feeds.toml", "id = \"cedar-csv\"", "id = \"cedar-lists\"").await;
    eventually("the feed is gone", || async { cedar.ask("files").await.status() == 403 }).await;
    let waits = "UPDATE files SET state = 'waiting', received_at = now() - interval '1 hour'";
    sqlx::query(waits).execute(&world.admin).await.expect("it waits");
    let parked = "SELECT count(*) FROM files WHERE state = 'parked' AND reason = 'feed_gone'";
    eventually("it is parked", || async { world.count(parked).await == 1 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_can_not_be_written_and_a_file_that_is_too_long_keep_no_other_one_waiting() {
    let root = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    (config.csv.folder, config.csv.look_seconds, config.csv.stable_seconds) = (Some(root.path().to_owned()), 1, 3600);
    config.csv.file_bytes = 10_000;
    let world = World::start_with(config).await;
    let [inside, out, _, error] = rooms(root.path());
    eventually("the rooms are there", || async { inside.is_dir() && error.is_dir() }).await;
    // A name as long as names can be, one that has no companion, and a file that nobody wants to hash.
    let long = format!("{}.csv", "x".repeat(251));
    std::fs::write(inside.join(&long), list(&[&row(1)])).expect("written");
    let huge = std::fs::File::create(inside.join("huge.csv")).expect("made");
    huge.set_len(1 << 36).expect("a file with a hole");
    std::fs::write(inside.join("huge.csv.sha256"), "00").expect("written");
    let drop_in = |name: &str, number: usize| {
        std::fs::write(inside.join(name), list(&[&row(number)])).expect("written");
        std::fs::write(inside.join(format!("{name}.done")), "").expect("written");
    };
    drop_in("z.csv", 2);
    eventually("the other one is answered", || async { names(&out).iter().any(|name| name.starts_with("z.csv")) })
        .await;
    eventually("the long one lies with the errors", || async { names(&error).contains(&"huge.csv".to_owned()) }).await;

    // Something stands where a result is to be written.
    let first: uuid::Uuid = sqlx::query_scalar("UPDATE files SET is_told = false RETURNING file_id")
        .fetch_one(&world.admin)
        .await
        .expect("one");
    std::fs::create_dir(out.join(format!(".{first}.tmp"))).expect("in the way");
    sqlx::query("UPDATE files SET is_told = false").execute(&world.admin).await.expect("to be told again");
    drop_in("two.csv", 4);
    eventually("the next one is told", || async { names(&out).iter().any(|name| name.starts_with("two.csv")) }).await;
    assert_eq!(world.count("SELECT count(*) FROM files WHERE NOT is_told").await, 1, "the other is tried again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_any_profile_is_there_a_key_is_neither_right_nor_wrong() {
    let world = World::start_without_profiles(Config::default()).await;
    let answer = Office::cedar(&world).send(list(&[&row(1)])).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_first_parts_were_forgotten_while_it_came_is_not_taken_for_whole() {
    let world = World::start().await;
    let half = "x".repeat(1024 * 1024 + 1);
    let host = world.door.http.trim_start_matches("http://").to_owned();
    let mut line = TcpStream::connect(&host).await.expect("a connection");
    let head = format!(
        "POST /v1/centers/{CENTER}/feeds/cedar-csv/csv HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\n\
         content-length: {}\r\n\r\n{half}",
        2 * half.len()
    );
    line.write_all(head.as_bytes()).await.expect("sent");
    eventually("its first part is kept", || async { world.count("SELECT count(*) FROM file_parts").await == 1 }).await;
    let late = "UPDATE files SET received_at = now() - interval '2 hours'";
    sqlx::query(late).execute(&world.admin).await.expect("time passes");
    eventually("it is forgotten", || async { world.count("SELECT count(*) FROM file_parts").await == 0 }).await;
    line.write_all(half.as_bytes()).await.expect("sent");
    let mut answer = vec![0; 64];
    let read = timeout(Duration::from_secs(10), line.read(&mut answer)).await.expect("in time").expect("read");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_eq!(world.count("SELECT count(*) FROM files WHERE state <> 'receiving'").await, 0);
}
