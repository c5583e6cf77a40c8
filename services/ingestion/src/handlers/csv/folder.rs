//! Watched folders, as an SFTP server leaves files: `<center>/<feed>/in`, and `out`, `archive` and `error` beside it.
//!
//! A file is taken when it is whole: its companion `.sha256` agrees with it, its companion `.done` is there, or it has stood
//! still for a while. What is still being written has a name that says so. Files are moved and never deleted, and each step
//! may be done twice: what was kept is known by its bytes. One that differs from its checksum is kept as well, and parked.
//! Deliberately not here: who may write there (the SFTP server), and the answers (deliver).

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use causeway_funnel::profile::FeedKind;
use causeway_runtime::Stop;
use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio::fs;
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Files;
use super::deliver::{kept_name, rename, short, tell, tell_of_none};
use super::receive::Receiving;
use crate::adapters::csv::fault::Code;
use crate::error::Refusal;

const ROOMS: [&str; 4] = ["in", "out", "archive", "error"];
/// Ends of names of files that are still being written.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".filepart", ".partial", ".crdownload"];
/// Ends of names that belong to another file.
const COMPANIONS: [&str; 2] = [".sha256", ".done"];
/// Longest companion that is read, bytes: a sum and a name.
const LONGEST_COMPANION: u64 = 4096;

/// Size, last change, and since when both were seen.
type Seen = (u64, Option<SystemTime>, Instant);

/// What keeps a file from being taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// Nothing.
    Yes,
    /// It may not be whole.
    NotYet,
    /// Its companion tells another sum, and nothing has changed for a while.
    Never,
    /// It is whole, and longer than a file may be.
    TooLong,
}

/// Watches until the stop.
pub async fn watch(files: Arc<Files>, root: PathBuf, stop: Stop) {
    let mut seen = HashMap::new();
    let pause = Duration::from_secs(files.settings.look_seconds.max(1));
    loop {
        let profiles = &files.acceptance.profiles;
        for in_force in profiles.names().iter().filter_map(|name| profiles.current(name)) {
            let center = &in_force.1.center.id;
            for feed in in_force.1.feeds.feeds.iter().filter(|feed| feed.kind == FeedKind::Csv) {
                let folder = root.join(center).join(&feed.id);
                if let Err(cause) = look(&files, (center, &feed.id), &folder, &mut seen).await {
                    warn!(cause = %cause, center = center.as_str(), feed = feed.id, "look into a partner's folder");
                }
            }
            if let Err(cause) = tell(&files, center, &root).await {
                warn!(cause = %cause, center = center.as_str(), "put results into partners' folders; tried again");
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What went wrong with a folder: told by its kind, because a path may hold a name.
pub(super) fn told(cause: &io::Error) -> Refusal {
    debug!(kind = ?cause.kind(), "work in a partner's folder");
    Refusal::Unavailable
}

async fn look(
    files: &Files,
    (center, feed): (&str, &str),
    folder: &Path,
    seen: &mut HashMap<PathBuf, Seen>,
) -> Result<(), Refusal> {
    for room in ROOMS {
        fs::create_dir_all(folder.join(room)).await.map_err(|cause| told(&cause))?;
    }
    let mut unfinished = 0;
    let mut entries = fs::read_dir(folder.join("in")).await.map_err(|cause| told(&cause))?;
    let mut present = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(|cause| told(&cause))? {
        // A name in another character set is told as far as it can be read.
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link could lead anywhere on this machine.
        let is_file = entry.file_type().await.is_ok_and(|kind| kind.is_file());
        if is_file && !name.starts_with('.') {
            present.push((name, entry.path()));
        }
    }
    present.sort();
    for (name, path) in present {
        let lower = name.to_lowercase();
        if COMPANIONS.iter().any(|end| lower.ends_with(end)) {
            continue;
        }
        if UNFINISHED.iter().any(|end| lower.ends_with(end)) {
            unfinished += 1;
            continue;
        }
        // What can't be looked at keeps no other file waiting.
        match whole(files, &path, seen).await.unwrap_or(Whole::NotYet) {
            Whole::NotYet => unfinished += 1,
            found => {
                let taken = match found {
                    Whole::TooLong => refuse(files, (center, feed), folder, (&name, &path)).await,
                    Whole::Never => {
                        take(files, (center, feed), folder, (&name, &path), Some(Code::ChecksumDiffers)).await
                    }
                    _ => take(files, (center, feed), folder, (&name, &path), None).await,
                };
                match taken {
                    Ok(()) => {
                        seen.remove(&path);
                    }
                    Err(cause) => {
                        warn!(%cause, center, feed, "take a file out of a folder; tried again");
                        unfinished += 1;
                    }
                }
            }
        }
    }
    files.metrics().unfinished_files.with_label_values(&[center, feed]).set(unfinished);
    seen.retain(|path, _| !path.starts_with(folder) || path.exists());
    Ok(())
}

/// Whether a file is whole.
async fn whole(files: &Files, path: &Path, seen: &mut HashMap<PathBuf, Seen>) -> io::Result<Whole> {
    let about = fs::symlink_metadata(path).await?;
    let (size, changed) = (about.len(), about.modified().ok());
    let since = match seen.get(path) {
        Some((was, when, since)) if (*was, *when) == (size, changed) => *since,
        _ => {
            seen.insert(path.to_owned(), (size, changed, Instant::now()));
            Instant::now()
        }
    };
    let stands_still = since.elapsed() >= Duration::from_secs(files.settings.stable_seconds);
    let told = told_sum(path).await;
    let is_done = fs::try_exists(companion(path, ".done")).await.unwrap_or(false);
    // What is not taken is not read either, however long it is.
    let is_taken = usize::try_from(size).is_ok_and(|size| size <= files.settings.file_bytes);
    if !is_taken {
        let is_whole = told.is_some() || is_done || stands_still;
        return Ok(if is_whole { Whole::TooLong } else { Whole::NotYet });
    }
    if let Some(told) = told {
        return Ok(match (sum(path).await? == told, stands_still) {
            (true, _) => Whole::Yes,
            (false, true) => Whole::Never,
            (false, false) => Whole::NotYet,
        });
    }
    Ok(if is_done || stands_still { Whole::Yes } else { Whole::NotYet })
}

/// The sum that the companion of a file tells. A companion that can't be read counts as none.
async fn told_sum(path: &Path) -> Option<String> {
    let file = open(&companion(path, ".sha256")).await.ok()?;
    let mut text = Vec::new();
    let read = file.take(LONGEST_COMPANION + 1).read_to_end(&mut text).await.ok()?;
    if u64::try_from(read).is_ok_and(|read| read > LONGEST_COMPANION) {
        return None;
    }
    let text = String::from_utf8(text).ok()?;
    Some(text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase())
}

/// `list.csv.sha256` beside `list.csv`, or `list.csv.SHA256` where that stands there.
fn companion(path: &Path, end: &str) -> PathBuf {
    let with = |end: &str| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(end);
        path.with_file_name(name)
    };
    let (small, large) = (with(end), with(&end.to_uppercase()));
    let stands = |path: &Path| path.symlink_metadata().is_ok();
    if !stands(&small) && stands(&large) { large } else { small }
}

/// Opens a file that is no link and nothing else than a file, whatever stands there meanwhile. Who opens a pipe does not wait
/// for its writer.
async fn open(path: &Path) -> io::Result<fs::File> {
    let careful = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(careful).open(path).await?;
    match file.metadata().await?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

async fn sum(path: &Path) -> io::Result<String> {
    let (mut file, mut digest) = (open(path).await?, aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256));
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).await? {
            0 => return Ok(hex::encode(digest.finish())),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// By what it is seen that a file is another one, or says something else.
#[derive(PartialEq, Eq)]
struct Sight {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Sight {
    fn of(about: &Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            changed: (about.mtime(), about.mtime_nsec()),
        }
    }

    /// Whether a file that was read to its end is still the one that was opened, and is the one that stands at its path.
    async fn stands(&self, file: &fs::File, path: &Path, read: u64) -> io::Result<bool> {
        let (open, there) = (file.metadata().await?, fs::symlink_metadata(path).await?);
        Ok(read == self.size && *self == Self::of(&open) && *self == Self::of(&there))
    }
}

/// Keeps a file and moves it away. A crash in between keeps it once more under the same id. `fault`: nothing is made of it, and why.
async fn take(
    files: &Files,
    (center, feed): (&str, &str),
    folder: &Path,
    (name, path): (&str, &Path),
    fault: Option<Code>,
) -> Result<(), Refusal> {
    const CHANGED: &str = "the file was changed while it was read; it is read again when it is whole";
    let mut file = open(path).await.map_err(|cause| told(&cause))?;
    let opened = Sight::of(&file.metadata().await.map_err(|cause| told(&cause))?);
    let mut read = 0;
    let mut receiving = Receiving::begin(files, center, feed, "folder");
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer).await.map_err(|cause| told(&cause))?;
        if count == 0 {
            break;
        }
        read += u64::try_from(count).unwrap_or(u64::MAX);
        match receiving.push(&buffer[..count]).await {
            Ok(()) => {}
            Err(Refusal::TooLong) => {
                receiving.forget().await;
                return refuse(files, (center, feed), folder, (name, path)).await;
            }
            Err(cause) => return Err(cause),
        }
    }
    let is_same = opened.stands(&file, path, read).await.map_err(|cause| told(&cause))?;
    let differs = told_sum(path).await.is_some_and(|told| told != receiving.sha256());
    if !is_same || differs != fault.is_some() {
        receiving.forget().await;
        return Err(Refusal::WrongState(CHANGED));
    }
    let received = receiving.finish(name, fault).await?;
    let (kept, room) = (kept_name(received.file_id, name), if fault.is_some() { "error" } else { "archive" });
    put_aside(folder, (room, &kept), path).await.map_err(|cause| told(&cause))
}

/// Puts a file aside that is too long to be kept, and tells its sender.
async fn refuse(
    files: &Files,
    (center, feed): (&str, &str),
    folder: &Path,
    (name, path): (&str, &Path),
) -> Result<(), Refusal> {
    tell_of_none(folder, name, Code::FileTooLong).await.map_err(|cause| told(&cause))?;
    put_aside(folder, ("error", short(name)), path).await.map_err(|cause| told(&cause))?;
    warn!(center, feed, "a file is too long; it lies in the folder 'error'");
    files.metrics().files.with_label_values(&[feed, "too_long"]).inc();
    Ok(())
}

/// Moves a file and its companions into a room, under a name. Another one of that name is not overwritten.
async fn put_aside(folder: &Path, (room, kept): (&str, &str), path: &Path) -> io::Result<()> {
    let kept = free_name(&folder.join(room), kept).await?;
    rename(path, &folder.join(room).join(&kept)).await?;
    for end in COMPANIONS {
        match rename(&companion(path, end), &folder.join(room).join(format!("{kept}{end}"))).await {
            // The name of the file leaves no room for a companion's, so there is none.
            Err(cause) if cause.raw_os_error() == Some(Errno::NAMETOOLONG.raw_os_error()) => {}
            other => other?,
        }
    }
    Ok(())
}

pub(super) async fn free_name(room: &Path, name: &str) -> io::Result<String> {
    let mut kept = name.to_owned();
    let mut number = 1;
    while fs::try_exists(room.join(&kept)).await? {
        number += 1;
        kept = format!("{number}-{name}");
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_moved_with_its_companions_and_overwrites_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        for room in ROOMS {
            std::fs::create_dir(folder.path().join(room)).expect("a room");
        }
        let name = "Überweisungen 12 April.csv";
        for _ in 0..2 {
            std::fs::write(folder.path().join("in").join(name), "x").expect("written");
            std::fs::write(folder.path().join("in").join(format!("{name}.sha256")), "y").expect("written");
            put_aside(folder.path(), ("archive", name), &folder.path().join("in").join(name)).await.expect("moved");
        }
        // Nothing is there any more: another process was quicker.
        put_aside(folder.path(), ("archive", name), &folder.path().join("in").join(name)).await.expect("no failure");
        let mut kept: Vec<String> = std::fs::read_dir(folder.path().join("archive"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        kept.sort();
        let second = format!("2-{name}");
        assert_eq!(kept, [second.clone(), format!("{second}.sha256"), name.to_owned(), format!("{name}.sha256")]);
    }

    #[tokio::test]
    async fn a_file_whose_name_is_as_long_as_names_can_be_is_moved() {
        let folder = tempfile::tempdir().expect("a folder");
        for room in ROOMS {
            std::fs::create_dir(folder.path().join(room)).expect("a room");
        }
        let name = "x".repeat(255);
        for room in ["error", "archive"] {
            for _ in 0..2 {
                std::fs::write(folder.path().join("in").join(&name), "x").expect("written");
                assert_eq!(told_sum(&folder.path().join("in").join(&name)).await, None);
                put_aside(folder.path(), (room, short(&name)), &folder.path().join("in").join(&name))
                    .await
                    .expect("moved");
            }
            assert_eq!(std::fs::read_dir(folder.path().join(room)).expect("a folder").count(), 2);
        }
    }

    #[tokio::test]
    async fn a_link_is_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "x").expect("written");
        let link = folder.path().join("list.csv");
        std::os::unix::fs::symlink(folder.path().join("secret"), &link).expect("a link");
        assert!(open(&link).await.is_err());
        assert!(open(&folder.path().join("secret")).await.is_ok());
    }

    #[tokio::test]
    async fn a_file_that_is_written_to_or_replaced_while_it_is_read_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list.csv");
        let begun = async || {
            std::fs::write(&path, "abc").expect("written");
            let file = open(&path).await.expect("open");
            let sight = Sight::of(&file.metadata().await.expect("metadata"));
            (file, sight)
        };
        let (file, sight) = begun().await;
        assert!(sight.stands(&file, &path, 3).await.expect("looked at"));
        assert!(!sight.stands(&file, &path, 2).await.expect("looked at"), "not all of it was read");
        std::fs::write(&path, "abcd").expect("written");
        assert!(!sight.stands(&file, &path, 3).await.expect("looked at"), "it has grown");
        let (file, sight) = begun().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        std::fs::write(&path, "xyz").expect("written");
        assert!(!sight.stands(&file, &path, 3).await.expect("looked at"), "it says something else");
        let (file, sight) = begun().await;
        std::fs::write(folder.path().join("other"), "abc").expect("written");
        std::fs::rename(folder.path().join("other"), &path).expect("renamed");
        assert!(!sight.stands(&file, &path, 3).await.expect("looked at"), "it is another one");
        let (file, sight) = begun().await;
        std::fs::remove_file(&path).expect("removed");
        assert!(sight.stands(&file, &path, 3).await.is_err(), "it is gone");
    }

    #[tokio::test]
    async fn a_companion_is_read_if_it_is_a_small_file_and_counts_as_none_if_it_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (list, beside) = (folder.path().join("list.csv"), folder.path().join("list.csv.sha256"));
        assert_eq!(told_sum(&list).await, None);
        std::fs::write(&beside, "ABC  list.csv\n").expect("written");
        assert_eq!(told_sum(&list).await.as_deref(), Some("abc"));
        std::fs::write(&beside, "a ".repeat(2049)).expect("written");
        assert_eq!(told_sum(&list).await, None, "too long");
        std::fs::write(&beside, b"\xff").expect("written");
        assert_eq!(told_sum(&list).await, None, "no text");
        std::fs::remove_file(&beside).expect("removed");
        std::fs::write(folder.path().join("secret"), "abc").expect("written");
        std::os::unix::fs::symlink(folder.path().join("secret"), &beside).expect("a link");
        assert_eq!(told_sum(&list).await, None, "a link");
        std::fs::remove_file(&beside).expect("removed");
        let made = std::process::Command::new("mkfifo").arg(&beside).status().expect("mkfifo runs");
        assert!(made.success());
        assert_eq!(told_sum(&list).await, None, "a pipe, which nobody writes to");
    }

    #[test]
    fn a_companion_has_the_whole_name_of_its_file() {
        assert_eq!(companion(Path::new("/in/a b.csv"), ".sha256"), Path::new("/in/a b.csv.sha256"));
        let folder = tempfile::tempdir().expect("a folder");
        let of = |name: &str| companion(&folder.path().join("LIST.CSV"), name);
        std::fs::write(folder.path().join("LIST.CSV.SHA256"), "abc").expect("written");
        assert_eq!(
            of(".sha256"),
            folder.path().join("LIST.CSV.SHA256"),
            "as systems write that know large letters alone"
        );
        std::fs::write(folder.path().join("LIST.CSV.sha256"), "abc").expect("written");
        assert_eq!(of(".sha256"), folder.path().join("LIST.CSV.sha256"));
    }
}
