//! Our own samples over the real doors: what each is told, what is kept of it and why, and how many inquiries it makes.
//!
//! `tests/samples/doors.csv` names it for each file; every file comes alone to a door that has heard nothing yet, but those that
//! follow another one (their `after`). Public samples are not ours to copy: where they lie beside the checkout, each is sent, and
//! `tests/samples/public.csv` names by file what becomes of it. Deliberately not here: how a file is read (adapters).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fhir;
use crate::world::{CENTER, OTHER, World, eventually};

/// Feeds of the offices that the samples come from, in place of the demo center's own.
const FEEDS: &str = r#"receiving_facility = "NCC"

[[feed]]
id = "riverbend-hl7"
kind = "hl7"
office = "riverbend"
office_name = "Riverbend Family Medicine"
sending_facility = "RIVERBENDFM"
rate_per_minute = 6000

[[feed]]
id = "center-schedule"
kind = "hl7"
office = "center-schedule"
office_name = "The center's own schedule"
sending_facility = "NCC"
rate_per_minute = 6000
"#;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

/// What becomes of a file: what its sender is told; what is kept, with why; how many inquiries there are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Became {
    told: String,
    kept: String,
    inquiries: i64,
}

/// A line of a manifest: door, file, the file that came before it, and what becomes of it.
struct Line {
    door: String,
    file: String,
    after: String,
    became: Became,
}

fn manifest(name: &str) -> Vec<Line> {
    let mut reader = csv::Reader::from_path(folder().join(name)).expect("the manifest");
    let lines = reader.records().map(|record| {
        let record = record.expect("a line");
        let [door, file, after, told, kept] = [0, 1, 2, 3, 4].map(|at| record[at].to_owned());
        let inquiries = record[5].parse().expect("a number");
        Line { door, file, after, became: Became { told, kept, inquiries } }
    });
    lines.collect()
}

/// The demo center's feeds with those of the samples' offices.
pub fn offices(text: &str) -> String {
    let own = text.replacen("receiving_facility = \"HARBORVALLEY\"\n", FEEDS, 1);
    // All of them come within a minute.
    let lines = own.lines().map(|line| match line.starts_with("rate_per_minute") {
        true => "rate_per_minute = 60000",
        false => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn start() -> World {
    let world = World::start().await;
    world.rewrite_profile(CENTER, "feeds.toml", offices).await;
    eventually("the offices are known", || async {
        let codes = mllp(&world, &std::fs::read(folder().join("hl7v2/ref_i12_251_full_breast.hl7")).expect("it")).await;
        codes.contains("AA")
    })
    .await;
    world
}

/// As if nothing had come yet.
async fn forget(world: &World) {
    sqlx::raw_sql("TRUNCATE messages, inquiries, repairs, files, file_rows, file_parts, unaddressed")
        .execute(&world.admin)
        .await
        .expect("nothing is there");
}

/// Sends bytes on a line of their own, and gives the code of each reply; none: `silence`.
async fn line(world: &World, bytes: &[u8]) -> String {
    let mut line = TcpStream::connect(world.door.mllp).await.expect("a connection");
    line.write_all(bytes).await.expect("sent");
    line.shutdown().await.expect("all of it is sent");
    let mut heard = Vec::new();
    let _ = timeout(Duration::from_secs(10), line.read_to_end(&mut heard)).await.expect("the door hangs up");
    let text = String::from_utf8_lossy(&heard).into_owned();
    let codes = text.split('\r').filter_map(|segment| segment.trim_start_matches('\u{b}').strip_prefix("MSA|"));
    let codes: Vec<&str> = codes.map(|rest| rest.split('|').next().unwrap_or_default()).collect();
    if codes.is_empty() { "silence".to_owned() } else { codes.join(" ") }
}

pub async fn mllp(world: &World, message: &[u8]) -> String {
    line(world, &[b"\x0b", message, b"\x1c\r"].concat()).await
}

/// The halves of a stream are sent one after the other on one line.
async fn hl7(world: &World, file: &Path) -> String {
    let bytes = std::fs::read(file).expect("a file");
    if file.extension().is_none_or(|extension| extension != "bin") {
        return mllp(world, &bytes).await;
    }
    let second = file.to_string_lossy().replace("part1", "part2");
    let rest = if second.contains("part2") && second != file.to_string_lossy() {
        std::fs::read(second).expect("the second half")
    } else {
        Vec::new()
    };
    line(world, &[bytes, rest].concat()).await
}

async fn json(world: &World, file: &Path) -> String {
    let url = format!("{}/fhir/{CENTER}", world.door.http);
    let request = world.browser.post(url).bearer_auth(fhir::KEY).header("content-type", "application/fhir+json");
    let answer = request.body(std::fs::read(file).expect("a file")).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("JSON");
    let outcomes = find(&body, &|value: &Value| value["resourceType"] == "OperationOutcome");
    let issues = outcomes.first().and_then(|outcome| outcome["issue"].as_array().cloned()).unwrap_or_default();
    let worst = |severity: &str| issues.iter().find(|issue| issue["severity"] == severity);
    let worst = ["fatal", "error", "warning"].into_iter().find_map(worst);
    let code = worst.and_then(|issue| issue["code"].as_str());
    format!("{status} {}", code.unwrap_or("well"))
}

fn find(value: &Value, is: &impl Fn(&Value) -> bool) -> Vec<Value> {
    if is(value) {
        return vec![value.clone()];
    }
    match value {
        Value::Array(all) => all.iter().flat_map(|one| find(one, is)).collect(),
        Value::Object(all) => all.values().flat_map(|one| find(one, is)).collect(),
        _ => Vec::new(),
    }
}

async fn csv(world: &World, file: &Path) -> String {
    let name = file.file_name().expect("a name").to_string_lossy();
    let (center, feed, key) = match &*name {
        "CLINIC2_excel_export.csv" => (OTHER, "lake-clinics-csv", "lake-demo-key"),
        "PARTNER5_pipe_noheader.txt" => (OTHER, "north-shore-csv", "north-shore-demo-key"),
        _ => (CENTER, "cedar-csv", "cedar-demo-key"),
    };
    let url = format!("{}/v1/centers/{center}/feeds/{feed}", world.door.http);
    let send = world.browser.post(format!("{url}/csv")).bearer_auth(key).body(std::fs::read(file).expect("a file"));
    let answer = send.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let told: Value = answer.json().await.expect("JSON");
    let Some(id) = told["file_id"].as_str() else {
        return format!("{status} {}", told["reason"].as_str().unwrap_or(""));
    };
    for _ in 0..400 {
        let ask = world.browser.get(format!("{url}/files/{id}")).bearer_auth(key).send().await.expect("an answer");
        let file: Value = ask.json().await.expect("JSON");
        if ["done", "parked", "settled"].contains(&file["state"].as_str().unwrap_or_default()) {
            let rows = ["accepted", "linked", "parked", "refused"].map(|word| file["rows"][word].to_string());
            return format!("{status} {} rows {}", file["state"].as_str().unwrap_or_default(), rows.join(" "));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{name} is not ended in time")
}

async fn send(world: &World, door: &str, file: &Path) -> String {
    match door {
        "hl7v2" => hl7(world, file).await,
        "fhir" => json(world, file).await,
        "csv" => csv(world, file).await,
        other => panic!("there is no door {other}"),
    }
}

/// What is kept by now: states with why, and how many inquiries there are.
async fn kept(world: &World) -> (String, i64) {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT state, reason, count(*) FROM messages GROUP BY 1, 2 \
         UNION ALL SELECT 'file ' || state, reason, count(*) FROM files GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .fetch_all(&world.admin)
    .await
    .expect("rows");
    let mut told = String::new();
    for (state, reason, count) in &rows {
        let apart = if told.is_empty() { "" } else { "; " };
        let _ = write!(told, "{apart}{count} {}", format!("{state} {reason}").trim());
    }
    (told, world.count("SELECT count(*) FROM inquiries").await)
}

async fn became(world: &World, line: &Line, folder: &Path) -> Became {
    forget(world).await;
    if !line.after.is_empty() {
        send(world, &line.door, &folder.join(&line.door).join(&line.after)).await;
    }
    let told = send(world, &line.door, &folder.join(&line.door).join(&line.file)).await;
    let (kept, inquiries) = kept(world).await;
    Became { told, kept, inquiries }
}

/// Sends each file of a manifest, prints what became of it, and gives those that became something else.
async fn judged(world: &World, lines: &[Line], folder: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in lines {
        let Became { told, kept, inquiries } = became(world, line, folder).await;
        let row = format!("{},{},{},{told},{kept},{inquiries}", line.door, line.file, line.after);
        println!("{row}");
        if line.became != (Became { told, kept, inquiries }) {
            wrong.push(row);
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_our_samples_becomes_over_the_real_door_what_its_manifest_says() {
    let world = start().await;
    let lines = manifest("doors.csv");
    let wrong = judged(&world, &lines, &folder()).await;
    assert!(wrong.is_empty(), "other than the manifest says:\n{}", wrong.join("\n"));
}

#[test]
fn every_sample_that_is_sent_to_us_has_its_line() {
    let listed: Vec<(String, String)> = manifest("doors.csv").into_iter().map(|line| (line.door, line.file)).collect();
    for door in ["hl7v2", "fhir", "csv"] {
        let mut reader = csv::Reader::from_path(folder().join(door).join("MANIFEST.csv")).expect("the manifest");
        for record in reader.records() {
            let record = record.expect("a line");
            let (file, kind) = (record[0].to_owned(), record[1].to_owned());
            let is_sent = !["outbound", "companion"].contains(&kind.as_str()) && !file.contains("_part2");
            let has_line = listed.contains(&(door.to_owned(), file.clone()));
            assert_eq!(has_line, is_sent, "{door}/{file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_public_sample_becomes_what_was_found_right_for_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    if !folder.is_dir() {
        println!("skipped: no samples in {}", folder.display());
        return;
    }
    let lines = manifest("public.csv");
    let known: BTreeMap<(&str, &str), &Line> =
        lines.iter().map(|line| ((line.door.as_str(), line.file.as_str()), line)).collect();
    let mut found = Vec::new();
    for (door, kinds) in [("hl7v2", ["hl7", "ndhl7"]), ("fhir", ["json", "json"]), ("csv", ["csv", "txt"])] {
        let mut files = Vec::new();
        walk(&folder.join(door), &mut files);
        files.retain(|file| file.extension().is_some_and(|own| kinds.iter().any(|kind| own == *kind)));
        // Our own are in the other manifest.
        files.retain(|file| !file.components().any(|part| part.as_os_str() == "causeway"));
        files.sort();
        for file in files {
            let name = file.strip_prefix(folder.join(door)).expect("inside").to_string_lossy().into_owned();
            let of = known.get(&(door, name.as_str())).map(|line| line.became.clone());
            let became = of.unwrap_or(Became { told: String::new(), kept: String::new(), inquiries: -1 });
            found.push(Line { door: door.to_owned(), file: name, after: String::new(), became });
        }
    }
    let world = start().await;
    let wrong = judged(&world, &found, &folder).await;
    assert!(wrong.is_empty(), "other than the manifest says:\n{}", wrong.join("\n"));
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}
