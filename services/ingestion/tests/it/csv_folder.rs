//! Files in a watched folder: each is answered under its own name, whatever its bytes, its checksum and its name are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use causeway_ingestion::Config;
use serde_json::Value;

use crate::csv::{Office, list, names, read, rooms, row};
use crate::world::{World, eventually};

/// A center whose folder is looked at each second, and where nothing is whole by standing still but for a checksum's sake.
async fn watched(stable_seconds: u64) -> (World, tempfile::TempDir, [PathBuf; 4]) {
    let root = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    config.csv.folder = Some(root.path().to_owned());
    (config.csv.look_seconds, config.csv.stable_seconds, config.csv.file_bytes) = (1, stable_seconds, 10_000);
    let world = World::start_with(config).await;
    let rooms = rooms(root.path());
    eventually("the rooms are there", || async { rooms.iter().all(|room| room.is_dir()) }).await;
    (world, root, rooms)
}

fn drop_in(inside: &Path, name: &[u8], bytes: &[u8], companion: (&str, &str)) {
    let path = inside.join(OsStr::from_bytes(name));
    std::fs::write(&path, bytes).expect("written");
    let beside = [name, companion.0.as_bytes()].concat();
    std::fs::write(inside.join(OsStr::from_bytes(&beside)), companion.1).expect("written");
}

/// The rows of the result of a file.
fn result(out: &Path, name: &str) -> Vec<[String; 4]> {
    let all = names(out);
    let of = all.iter().find(|one| one.starts_with(name)).unwrap_or_else(|| panic!("no result of {name}: {all:?}"));
    read(&std::fs::read_to_string(out.join(of)).expect("text"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_under_several_names_are_answered_under_each() {
    let (world, _root, [inside, out, archive, _]) = watched(3600).await;
    let bytes = list(&[&row(1), &row(2)]);
    for name in ["a.csv", "b.csv", "c.csv"] {
        drop_in(&inside, name.as_bytes(), &bytes, (".done", ""));
    }
    eventually("each is answered", || async { names(&out).len() == 3 }).await;
    for name in ["a.csv", "b.csv", "c.csv"] {
        assert_eq!(result(&out, name).len(), 2, "{name}");
    }
    eventually("each is taken away", || async { names(&inside).is_empty() }).await;
    assert_eq!(names(&archive).len(), 6);
    assert_eq!(world.count("SELECT count(*) FROM files").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM file_parts").await, 1, "what waited meanwhile left nothing");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
    // An upload has no name, and takes none from what is still to be answered.
    sqlx::query("UPDATE files SET is_told = false").execute(&world.admin).await.expect("to be told again");
    Office::cedar(&world).taken(bytes).await;
    eventually("it is told", || async { world.count("SELECT count(*) FROM files WHERE is_told").await == 1 }).await;
    assert_eq!(names(&out).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_differs_from_its_checksum_is_told_by_name_and_listed_and_taken_once_they_agree() {
    let (world, _root, [inside, out, archive, error]) = watched(2).await;
    let cedar = Office::cedar(&world);
    let bytes = list(&[&row(1)]);
    for times in 1..=2 {
        drop_in(&inside, b"list.csv", &bytes, (".sha256", "00"));
        eventually("it is put aside", || async { names(&error).len() == 2 * times }).await;
        eventually("its sender is told", || async { !names(&out).is_empty() && names(&inside).is_empty() }).await;
        assert_eq!(result(&out, "list.csv")[0], ["0", "", "parked", "checksum_differs"].map(str::to_owned));
        let listed: Value = cedar.ask("files").await.json().await.expect("json");
        let file = &listed["files"][0];
        assert_eq!((&file["state"], &file["reason"]), (&"parked".into(), &"checksum_differs".into()), "{listed}");
        assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
        eventually("nothing is to be told", || async {
            world.count("SELECT count(*) FROM files WHERE is_told").await == 1
        })
        .await;
        std::fs::remove_file(out.join(&names(&out)[0])).expect("read");
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    drop_in(&inside, b"list.csv", &bytes, (".sha256", &hex::encode(digest)));
    eventually("it is taken", || async { !names(&out).is_empty() }).await;
    assert_eq!(result(&out, "list.csv"), [["2", "RB-1", "created", ""].map(str::to_owned)]);
    assert_eq!(names(&archive).len(), 2);
    assert_eq!(world.count("SELECT count(*) FROM files").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_no_utf8_and_a_file_that_is_too_long_are_answered() {
    let (world, _root, [inside, out, archive, error]) = watched(3600).await;
    drop_in(&inside, b"\xdcberweisungen.csv", &list(&[&row(1)]), (".done", ""));
    drop_in(&inside, b"long.csv", &vec![b'x'; 10_001], (".done", ""));
    eventually("both are answered", || async { names(&out).len() == 2 }).await;
    eventually("both are taken away", || async { std::fs::read_dir(&inside).expect("a folder").count() == 0 }).await;
    assert_eq!(result(&out, "long.csv"), [["0", "", "rejected", "file_too_long"].map(str::to_owned)]);
    assert_eq!(result(&out, "\u{fffd}berweisungen.csv"), [["2", "RB-1", "created", ""].map(str::to_owned)]);
    assert_eq!((names(&archive).len(), names(&error).len()), (2, 2));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}
