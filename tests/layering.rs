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
    for (from, to) in
        [("causeway-routing", "causeway-metrics"), ("causeway-funnel", "tokio"), ("causeway-bus", "causeway-proto")]
    {
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
        for room in ["src/lib.rs", "src/main.rs", "src/config.rs"] {
            assert!(folder.join(room).exists(), "{service} has no {room}");
        }
        if service != "causeway-portal" {
            for room in ["src/handlers", "src/domain", "migrations", "tests/it"] {
                assert!(folder.join(room).exists(), "{service} has no {room}");
            }
        }
    }
}

/// Domain code decides; it imports the vocabulary and nothing that can fail for reasons of its own.
#[test]
fn domain_code_imports_no_machine() {
    let mut faults = Vec::new();
    for service in SERVICES {
        let folder = root().join("services").join(service.trim_start_matches("causeway-")).join("src/domain");
        for file in rust_files(&folder) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            for line in text.lines().filter(|line| line.trim_start().starts_with("use ")) {
                if ["sqlx", "async_nats", "tonic", "axum", "causeway_mailbox", "causeway_bus"]
                    .iter()
                    .any(|name| line.contains(name))
                {
                    faults.push(format!("{}: {line}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
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
