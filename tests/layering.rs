//! The layers of the house as a test: who may import whom, read from `cargo metadata`.
//!
//! tests -> causeway -> services -> proto -> funnel, and services -> chassis. The chassis knows no word of the domain,
//! the funnel no I/O, and no service another one. Test code may reach further: dev-dependencies are exempt.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const SERVICES: [&str; 7] = [
    "causeway-ingestion",
    "causeway-routing",
    "causeway-intake-desk",
    "causeway-notification",
    "causeway-scheduling-sync",
    "causeway-metrics",
    "causeway-portal",
];
const CHASSIS: [&str; 6] =
    ["causeway-envelope", "causeway-bus", "causeway-mailbox", "causeway-runtime", "causeway-serve", "causeway-auth"];
/// What makes a crate impure: the funnel must work without all of it.
const IO_CRATES: [&str; 10] =
    ["tokio", "sqlx", "async-nats", "tonic", "axum", "reqwest", "lettre", "hyper", "tracing", "opentelemetry"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Direct dependencies of each crate of the workspace, without dev-dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let mut all = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name").to_owned();
        let direct = package["dependencies"].as_array().expect("dependencies").iter();
        let direct = direct.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        all.insert(name, direct.map(|dependency| dependency["name"].as_str().expect("a name").to_owned()).collect());
    }
    all
}

/// Every forbidden arrow, in words.
fn forbidden(all: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut refuse = |from: &str, to: &str, why: &str| {
        if all.get(from).is_some_and(|direct| direct.contains(to)) {
            faults.push(format!("{from} -> {to}: {why}"));
        }
    };
    for service in SERVICES {
        for other in SERVICES {
            refuse(service, other, "services never import one another");
        }
        refuse(service, "async-nats", "only the bus imports async-nats");
        refuse(service, "causeway", "a service does not know the binary");
        refuse(service, "causeway-local", "private servers are for development and tests");
    }
    for machine in CHASSIS {
        for upper in SERVICES.iter().chain(&["causeway", "causeway-proto", "causeway-funnel"]) {
            refuse(machine, upper, "the chassis knows no word of the domain");
        }
        if machine != "causeway-bus" {
            refuse(machine, "async-nats", "only the bus imports async-nats");
        }
    }
    for lower in CHASSIS.iter().chain(&SERVICES) {
        refuse("causeway-proto", lower, "the contract stands on the vocabulary alone");
        refuse("causeway-funnel", lower, "the vocabulary stands on nothing of ours");
    }
    refuse("causeway-funnel", "causeway-proto", "the vocabulary stands on nothing of ours");
    for outer in ["causeway-proto", "causeway", "causeway-local", "causeway-tests"] {
        refuse(outer, "async-nats", "only the bus imports async-nats");
    }
    for io in IO_CRATES {
        refuse("causeway-funnel", io, "the vocabulary is pure");
    }
    let order = [
        ("causeway-envelope", vec!["causeway-bus", "causeway-mailbox", "causeway-serve", "causeway-auth"]),
        ("causeway-bus", vec!["causeway-mailbox", "causeway-serve", "causeway-auth", "causeway-runtime"]),
        ("causeway-runtime", vec!["causeway-mailbox", "causeway-serve", "causeway-auth", "causeway-bus"]),
        ("causeway-mailbox", vec!["causeway-serve", "causeway-auth"]),
        ("causeway-auth", vec!["causeway-serve"]),
    ];
    for (lower, uppers) in order {
        for upper in uppers {
            refuse(lower, upper, "inside the chassis arrows point down only");
        }
    }
    faults
}

#[test]
fn no_crate_imports_what_its_layer_forbids() {
    let faults = forbidden(&dependencies());
    assert!(faults.is_empty(), "forbidden arrows:\n{}", faults.join("\n"));
}

#[test]
fn a_planted_arrow_is_found() {
    let mut all = dependencies();
    for (from, to) in [
        ("causeway-routing", "causeway-metrics"),
        ("causeway-funnel", "tokio"),
        ("causeway-bus", "causeway-proto"),
        ("causeway-tests", "async-nats"),
    ] {
        let mut planted = all.clone();
        planted.entry(from.to_owned()).or_default().insert(to.to_owned());
        assert_eq!(forbidden(&planted).len(), 1, "{from} -> {to}");
    }
    all.clear();
    assert!(forbidden(&all).is_empty());
}

#[test]
fn every_service_has_the_same_rooms() {
    for service in SERVICES {
        let folder = root().join("services").join(service.trim_start_matches("causeway-"));
        let mut rooms = vec!["src/lib.rs", "src/main.rs", "src/config.rs", "src/handlers"];
        if service != "causeway-portal" {
            rooms.extend(["src/error.rs", "src/domain", "migrations", "tests/it/main.rs"]);
            let has_store = ["src/store.rs", "src/store/mod.rs"].iter().any(|room| folder.join(room).exists());
            assert!(has_store, "{service} has no src/store.rs or src/store/");
        }
        for room in rooms {
            assert!(folder.join(room).exists(), "{service} has no {room}");
        }
        let main = std::fs::read_to_string(folder.join("src/main.rs")).expect("main.rs");
        assert!(main.lines().count() <= 30, "{service}: src/main.rs decides something");
    }
}

/// What domain code may not name, in an import or by its path.
const MACHINES: [&str; 11] = [
    "sqlx",
    "async_nats",
    "tonic",
    "axum",
    "tokio",
    "reqwest",
    "causeway_mailbox",
    "causeway_bus",
    "causeway_serve",
    "causeway_runtime",
    "causeway_proto",
];

/// Lines that name one of the crates, in an import or by a path; not in a comment.
fn naming<'a>(source: &'a str, crates: &[&str]) -> Vec<&'a str> {
    let names = |line: &&str| {
        let code = line.split("//").next().unwrap_or_default();
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        words.flat_map(|word| word.split("::").next()).any(|first| {
            crates.contains(&first) && (code.contains(&format!("{first}::")) || code.trim_start().starts_with("use "))
        })
    };
    source.lines().filter(names).collect()
}

/// Domain code decides; it knows the vocabulary and nothing that can fail for reasons of its own.
#[test]
fn domain_code_names_no_machine() {
    let mut faults = Vec::new();
    for service in SERVICES {
        let folder = root().join("services").join(service.trim_start_matches("causeway-")).join("src/domain");
        for file in rust_files(&folder) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            faults.extend(naming(&text, &MACHINES).iter().map(|line| format!("{}: {}", file.display(), line.trim())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_the_bus_names_the_client_of_nats() {
    let mut faults = Vec::new();
    for folder in ["proto/src", "services", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let shown = file.display().to_string();
            // Tests of the machine and of the private servers look at a server with a client of their own.
            let may = ["chassis/bus/", "chassis/mailbox/tests/", "causeway/local/tests/", "tests/layering.rs"];
            if may.iter().any(|place| shown.contains(place)) {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("a source file");
            faults.extend(naming(&text, &["async_nats"]).iter().map(|line| format!("{shown}: {}", line.trim())));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_crate_is_found_in_an_import_and_by_its_path_and_not_in_a_comment() {
    let planted =
        "use sqlx::PgPool;\nlet row = sqlx::query(\"x\");\nuse {tonic};\n// sqlx::query is not used\nlet sqlx = 1;\n";
    assert_eq!(naming(planted, &MACHINES), ["use sqlx::PgPool;", "let row = sqlx::query(\"x\");", "use {tonic};"]);
}

#[test]
fn every_source_file_opens_with_its_purpose() {
    let mut silent = Vec::new();
    for folder in ["proto/src", "services", "tests"] {
        for file in rust_files(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            if !text.starts_with("//!") {
                silent.push(file.display().to_string());
            }
        }
    }
    assert!(silent.is_empty(), "no purpose in the first line:\n{}", silent.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return files };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
                files.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
