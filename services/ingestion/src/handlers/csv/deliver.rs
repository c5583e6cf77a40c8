//! Answers to files that came by a folder: the result beside them, and what led to nothing put aside.
//!
//! Each step may be done twice: names follow from the file's id. Deliberately not here: how files are taken (folder).

use std::io;
use std::path::Path;

use tokio::fs;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use super::Files;
use super::folder::told;
use super::result::{At, Pages};
use crate::error::Refusal;
use crate::store::file_work;
use crate::store::files::Standing;

/// Longest part of a name that is kept, bytes.
const LONGEST_NAME: usize = 180;

/// Puts results into `out`, and files of which nothing was made from `archive` into `error`.
pub(super) async fn tell(files: &Files, center: &str, root: &Path) -> Result<(), Refusal> {
    let untold =
        files.database.read(center, |tx| Box::pin(async move { Ok::<_, Refusal>(file_work::untold(tx).await?) }));
    for file in untold.await? {
        let heading = files.open_heading(center, file.file_id, &file.heading)?;
        let folder = root.join(center).join(&file.feed);
        put_result(files, center, &file, (&folder, &heading.name)).await?;
        if file.state == "parked" {
            let kept = kept_name(file.file_id, &heading.name);
            let (from, to) = (folder.join("archive").join(&kept), folder.join("error").join(&kept));
            rename(&from, &to).await.map_err(|cause| told(&cause))?;
        }
        let file_id = file.file_id;
        let noted = files
            .database
            .with_tx(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(file_work::told(tx, file_id).await?) }));
        noted.await?;
    }
    Ok(())
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
    let mut target = fs::File::create(&being_written).await.map_err(|cause| told(&cause))?;
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

/// The name of a file that was taken: its id tells it from others of its name.
pub(super) fn kept_name(file_id: Uuid, name: &str) -> String {
    format!("{file_id}-{}", short(name))
}

/// A name that leaves room for an id and an end within what file systems take.
fn short(name: &str) -> &str {
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

    #[test]
    fn a_long_name_leaves_room_for_what_is_added() {
        let name = "é".repeat(127);
        let kept = kept_name(Uuid::nil(), &name);
        assert!(kept.len() < 240 && kept.ends_with('é'), "{}", kept.len());
    }
}
