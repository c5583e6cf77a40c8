//! The command line as a person meets it. This test also makes `cargo test` build the binary that the outer tests start.

use std::process::Command;

fn causeway(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_causeway")).args(arguments).output().expect("the binary runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[test]
fn help_names_every_command_and_what_it_is_for() {
    let (done, help) = causeway(&["--help"]);
    assert!(done, "{help}");
    for command in [
        "dev",
        "run",
        "migrate",
        "center",
        "ledger",
        "parked",
        "held",
        "calls",
        "feeds",
        "reconcile",
        "doctor",
        "simulate",
        "bench",
        "token",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} is missing:\n{help}");
        let (done, own) = causeway(&[command, "--help"]);
        assert!(done && own.len() > 100, "{command} --help says nothing:\n{own}");
    }
}

#[test]
fn the_demo_centers_are_in_order_and_a_fault_is_told_with_file_line_and_remedy() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/centers");
    let (done, told) = causeway(&["center", "check", &format!("{root}/harbor-valley"), &format!("{root}/lakeside")]);
    assert!(done, "{told}");
    let broken = tempfile::tempdir().expect("a folder");
    copy(std::path::Path::new(root).join("lakeside").as_path(), broken.path());
    let table = broken.path().join("routing.csv");
    let text = std::fs::read_to_string(&table).expect("the table").replace(",triage,", ",nobody-of-that-name,");
    std::fs::write(&table, text).expect("written");
    let (done, told) = causeway(&["center", "check", &broken.path().display().to_string()]);
    assert!(!done && told.contains("routing.csv:") && told.contains("nobody-of-that-name"), "{told}");
}

#[test]
fn an_unknown_service_is_refused_and_the_known_ones_are_named() {
    let (done, told) = causeway(&["run", "--only", "billing"]);
    assert!(!done && told.contains("billing") && told.contains("intake-desk"), "{told}");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}
