//! `causeway center`: check, apply and list, with files as somebody edits them.

use std::path::Path;

use causeway_tests::{Installation, eventually};
use serde_json::Value;

use crate::OTHER;

fn copy(from: &Path, to: &Path) {
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

/// The revisions in force, by center.
async fn in_force(installation: &Installation) -> Vec<(String, String)> {
    let (code, listed) = installation.json(&["center", "list"]).await;
    assert_eq!(code, 0, "{listed:?}");
    let text = |one: &Value, key: &str| one[key].as_str().expect("a text").to_owned();
    assert!(listed.iter().all(|one| one["faults"].is_null()), "{listed:?}");
    listed.iter().map(|one| (text(one, "center"), text(one, "revision"))).collect()
}

pub async fn a_faulty_profile_is_explained_and_stays_out_and_a_sound_one_is_in_force_within_seconds(
    installation: &Installation,
) {
    let before = in_force(installation).await;
    assert_eq!(before.iter().map(|(center, _)| center.as_str()).collect::<Vec<_>>(), ["harbor-valley", OTHER]);
    let (code, told) = installation.command(&["token", "--center", "nowhere"]).await;
    assert!(code == 1 && told.contains("'nowhere'") && told.contains("harbor-valley, lakeside"), "{told}");
    let folder = tempfile::tempdir().expect("a folder");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/centers").join(OTHER), folder.path());
    let place = folder.path().display().to_string();
    let table = folder.path().join("routing.csv");
    let sound = std::fs::read_to_string(&table).expect("the table");
    std::fs::write(&table, sound.replace(",triage,", ",nobody-of-that-name,")).expect("written");
    let row = std::fs::read_to_string(&table).expect("the table");
    let row = 1 + row.lines().position(|line| line.contains("nobody-of-that-name")).expect("a faulty row");

    let (code, faults) = installation.json(&["center", "check", &place]).await;
    assert_eq!(code, 1, "{faults:?}");
    let fault = faults.iter().find(|one| one["what"].as_str().is_some_and(|what| what.contains("nobody-of-that-name")));
    let fault = fault.unwrap_or_else(|| panic!("the row is not told: {faults:?}"));
    assert!(fault["file"].as_str().is_some_and(|file| file.ends_with("routing.csv")), "{fault}");
    assert_eq!(fault["line"].as_u64(), u64::try_from(row).ok(), "{fault}");
    assert!(fault["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{fault}");
    let (code, told) = installation.command(&["center", "apply", &place]).await;
    assert!(code == 1 && told.contains(&format!("routing.csv:{row}:")), "{told}");
    assert_eq!(in_force(installation).await, before, "nothing of it is in force");

    std::fs::write(&table, &sound).expect("written");
    let notes = folder.path().join("center.toml");
    let changed = std::fs::read_to_string(&notes).expect("center.toml") + "\n# Looked through.\n";
    std::fs::write(&notes, changed).expect("written");
    let (code, told) = installation.command(&["center", "apply", &place]).await;
    let revision = told.split("revision ").last().and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
    assert!(code == 0 && told.contains(&format!("{OTHER}: revision {revision} is in force")), "{told}");
    let (_, former) = &before[1];
    assert_ne!(revision, former);
    let after = [before[0].clone(), (OTHER.to_owned(), revision.to_owned())];
    eventually("the services have it", 60, async || in_force(installation).await == after).await;

    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/centers").join(OTHER);
    let (code, _) = installation.command(&["center", "apply", &shipped.display().to_string()]).await;
    assert_eq!(code, 0);
    eventually("the former one is back under its own revision", 60, async || in_force(installation).await == before)
        .await;
}
