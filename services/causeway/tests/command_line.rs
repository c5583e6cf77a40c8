//! The command line as a person meets it. This test also makes `cargo test` build the binary that the outer tests start.

use std::process::{Command, Stdio};

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
        "route",
        "ledger",
        "parked",
        "held",
        "calls",
        "feeds",
        "reconcile",
        "doctor",
        "settings",
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
fn a_command_whose_reader_goes_away_ends_without_a_word() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    let mut running = command.arg("settings").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    drop(running.stdout.take());
    let ended = running.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(141), ""));
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
fn a_table_with_a_gap_one_with_an_unreachable_row_and_one_with_an_unstaffed_promise_are_refused_with_row_and_example() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/centers"));
    let folder = |center: &str| root.join(center).display().to_string();
    let (done, told) = causeway(&["route", "check", &folder("harbor-valley"), &folder("lakeside")]);
    assert!(done && told.contains("proved, 20 rows") && told.contains("proved, 17 rows"), "{told}");

    let broken = tempfile::tempdir().expect("a folder");
    copy(&root.join("harbor-valley"), broken.path());
    let table = std::fs::read_to_string(broken.path().join("routing.csv")).expect("the table");
    let check = |from: &str, to: &str| {
        assert!(table.contains(from), "{from}");
        std::fs::write(broken.path().join("routing.csv"), table.replacen(from, to, 1)).expect("written");
        let path = broken.path().display().to_string();
        let (done, text) = causeway(&["route", "check", &path]);
        let (done_too, json) = causeway(&["route", "check", "--json", &path]);
        assert!(!done && !done_too && json.lines().count() == 1, "{text}\n{json}");
        (text, json)
    };
    let (gap, json) = check("\n20,,,,,,,,,,", "\n20,,!clinical_trial,,es,,,,,,");
    assert!(gap.contains("routing.csv:21: not every inquiry reaches a row"), "{gap}");
    assert!(
        gap.contains("for example: an inquiry with the cancer area “") && gap.contains("the language “en”"),
        "{gap}"
    );
    assert!(json.contains("\"line\":21") && json.contains("the language “en”"), "{json}");
    let (covered, json) = check("\n8,gi,,,,,,,,,", "\n8,gi,second_opinion,,,,,,,,");
    assert!(covered.contains("routing.csv:9: row \"8\" never takes an inquiry"), "{covered}");
    assert!(
        covered.contains("for example: an inquiry with the cancer area “Stomach, bowel, liver or pancreas”"),
        "{covered}"
    );
    assert!(json.contains("\"line\":9") && json.contains("goes to row"), "{json}");
    let (unstaffed, json) = check(
        "\n13,thoracic,,,,,,,,hl7|fhir|csv,thoracic,thoracic,harbor",
        "\n13,thoracic,,,es,,,,,hl7|fhir|csv,thoracic,referrals,harbor",
    );
    assert!(
        unstaffed.contains("routing.csv:14: row \"13\": there is nobody of team \"referrals\" who speaks \"es\""),
        "{unstaffed}"
    );
    assert!(json.contains("an inquiry in \\\"es\\\""), "{json}");
    // A proposed table beside a profile, and one that belongs to none.
    std::fs::write(broken.path().join("routing.csv"), &table).expect("written");
    std::fs::write(broken.path().join("proposed.csv"), table.replace("\n17,,", "\n17,gi,")).expect("written");
    let (done, told) = causeway(&["route", "check", &broken.path().join("proposed.csv").display().to_string()]);
    assert!(!done && told.contains("proposed.csv:18: row \"17\" never takes an inquiry"), "{told}");
    let alone = tempfile::tempdir().expect("a folder");
    std::fs::write(alone.path().join("routing.csv"), &table).expect("written");
    let (done, told) = causeway(&["route", "check", &alone.path().join("routing.csv").display().to_string()]);
    assert!(!done && told.contains("--center"), "{told}");
}

#[test]
fn a_made_up_inquiry_is_explained_by_a_folder_of_a_profile() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/centers/lakeside");
    let (done, told) =
        causeway(&["route", "explain", "--folder", folder, "--fact", "cancer_area=gu", "--fact", "site=north-shore"]);
    assert!(done && told.contains("It would go to team urology by row urology-north"), "{told}");
    assert!(told.contains("row women: cancer_area wants breast|gynecologic, here gu"), "{told}");
    let (done, told) = causeway(&["route", "explain", "--folder", folder, "--fact", "cancer_area=kidney"]);
    assert!(!done && told.contains("use one of: breast"), "{told}");
    let (done, told) = causeway(&["route", "explain"]);
    assert!(!done && told.contains("--center"), "{told}");
}

#[test]
fn an_unknown_service_is_refused_and_the_known_ones_are_named() {
    let (done, told) = causeway(&["run", "--only", "billing"]);
    assert!(!done && told.contains("billing") && told.contains("intake-desk"), "{told}");
}

#[test]
fn the_page_of_settings_is_the_one_that_the_code_makes() {
    let (done, made) = causeway(&["settings"]);
    assert!(done, "{made}");
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/SETTINGS.md")).unwrap_or_default();
    let differs = made.lines().zip(page.lines()).find(|(made, kept)| made != kept);
    assert!(made == page, "run 'causeway settings > deploy/SETTINGS.md'; the first line that differs: {differs:?}");
    let (done, told) = causeway(&["settings", "--json"]);
    let all: Vec<serde_json::Value> = serde_json::from_str(&told).expect("a list");
    assert!(done && all.len() > 100);
    let name = |name: &str| all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} is missing"));
    let frame = name("ingestion.mllp.frame_bytes");
    assert_eq!(frame["variable"], "CAUSEWAY_INGESTION__MLLP__FRAME_BYTES");
    assert_eq!((&frame["default"], &frame["unit"]), (&"52428800".into(), &"bytes".into()));
    assert_eq!(name("runtime.databases.NAME.app")["default"], serde_json::Value::Null);
    assert_eq!(name("notification.smtp.password")["default"], "\"\"");
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
