//! Answers to files that came by a folder: the result beside them, and what led to nothing put aside.
//!
//! Each step may be done twice: names follow from the file's id. Deliberately not here: how files are taken (folder).

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;
use tracing::warn;
use uuid::Uuid;

use super::Files;
use super::folder::{free_name, told};
use super::result::{At, Pages, of_no_file};
use crate::adapters::csv::fault::Code;
use crate::error::Refusal;
use crate::store::file_work;
use crate::store::files::Standing;

/// Longest part of a name that is kept, bytes.
const LONGEST_NAME: usize = 180;
/// A result that nobody has written on for so long was left behind.
const LEFT: Duration = Duration::from_secs(10);

/// Puts results into `out`, and files of which nothing was made from `archive` into `error`. What can't be put there is tried
/// again at the next look, and keeps no other one waiting.
pub(super) async fn tell(files: &Files, center: &str, root: &Path) -> Result<(), Refusal> {
    let mut after = Uuid::nil();
    loop {
        let untold = files
            .database
            .read(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(file_work::untold(tx, after).await?) }));
        let page = untold.await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.file_id;
        for file in page {
            if let Err(cause) = tell_one(files, center, root, &file).await {
                warn!(%cause, center, feed = file.feed, file.id = %file.file_id, "put a result into a folder; tried again");
            }
        }
    }
}

async fn tell_one(files: &Files, center: &str, root: &Path, file: &Standing) -> Result<(), Refusal> {
    let heading = files.open_heading(center, file.file_id, &file.heading)?;
    let folder = root.join(center).join(&file.feed);
    put_result(files, center, file, (&folder, &heading.name)).await?;
    if file.state == "parked" {
        let kept = kept_name(file.file_id, &heading.name);
        let (from, to) = (folder.join("archive").join(&kept), folder.join("error").join(&kept));
        rename(&from, &to).await.map_err(|cause| told(&cause))?;
    }
    let file_id = file.file_id;
    let noted = files
        .database
        .with_tx(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(file_work::told(tx, file_id).await?) }));
    noted.await
}

/// Writes a result beside its place and then moves it there, so that nobody reads half of it.
async fn put_result(
    files: &Files,
    center: &str,
    file: &Standing,
    (folder, name): (&Path, &str),
) -> Result<(), Refusal> {
    let out = folder.join("out");
    fs::create_dir_all(&out).await.map_err(|cause| told(&cause))?;
    let being_written = out.join(format!(".{}.tmp", file.file_id));
    let mut target = create(&being_written).await.map_err(|cause| told(&cause))?;
    let mut pages = Pages::of(files, center, file, At::First);
    while let Some(text) = pages.next().await? {
        target.write_all(text.as_bytes()).await.map_err(|cause| told(&cause))?;
    }
    target.sync_all().await.map_err(|cause| told(&cause))?;
    // The same result may be put there twice; one of another file of that name is another one.
    let id = file.file_id.simple().to_string();
    let name = format!("{}.{}.result.csv", short(name), &id[24..]);
    rename(&being_written, &out.join(name)).await.map_err(|cause| told(&cause))
}

/// Tells the sender of a file of which nothing is kept why.
pub(super) async fn tell_of_none(folder: &Path, name: &str, why: Code) -> io::Result<()> {
    let out = folder.join("out");
    let name = free_name(&out, &format!("{}.result.csv", short(name))).await?;
    let being_written = out.join(format!(".{name}.tmp"));
    let mut target = create(&being_written).await?;
    target.write_all(of_no_file(why).as_bytes()).await?;
    target.sync_all().await?;
    rename(&being_written, &out.join(name)).await
}

/// Makes a file where nothing stands, neither a file nor a link. What a process left there that ended is put out of the way, and
/// what one writes just now is left to it.
async fn create(path: &Path) -> io::Result<fs::File> {
    let no_link = OFlags::NOFOLLOW.bits().cast_signed();
    let mut make = fs::OpenOptions::new();
    make.write(true).create_new(true).custom_flags(no_link);
    match make.open(path).await {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            let about = fs::symlink_metadata(path).await?;
            let is_left = about.modified()?.elapsed().is_ok_and(|age| age >= LEFT);
            if about.is_file() && !is_left {
                return Err(cause);
            }
            fs::remove_file(path).await?;
            make.open(path).await
        }
        other => other,
    }
}

/// The name of a file that was taken: its id tells it from others of its name.
pub(super) fn kept_name(file_id: Uuid, name: &str) -> String {
    format!("{file_id}-{}", short(name))
}

/// A name that leaves room for an id and an end within what file systems take.
pub(super) fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}

/// Moves a file; that it is gone already is no failure: another process was quicker.
pub(super) async fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to).await {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_result_is_written_where_nothing_stands_and_through_no_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join(".x.tmp"), folder.path().join("other"));
        std::fs::write(&other, "theirs").expect("written");
        std::os::unix::fs::symlink(&other, &path).expect("a link");
        create(&path).await.expect("made").write_all(b"ours").await.expect("written");
        assert_eq!(std::fs::read_to_string(&other).expect("read"), "theirs");
        assert!(std::fs::symlink_metadata(&path).expect("it is there").is_file());
        assert!(create(&path).await.is_err(), "somebody writes it just now");
        let before = std::time::SystemTime::UNIX_EPOCH;
        std::fs::File::options().write(true).open(&path).expect("open").set_modified(before).expect("set");
        create(&path).await.expect("what was left is put out of the way");
    }

    #[test]
    fn a_long_name_leaves_room_for_what_is_added() {
        let name = "é".repeat(127);
        let kept = kept_name(Uuid::nil(), &name);
        assert!(kept.len() < 240 && kept.ends_with('é'), "{}", kept.len());
    }
}
