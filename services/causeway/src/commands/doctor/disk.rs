//! Whether the disk on which documents are kept has room: where it has none, uploads and parts of messages are refused.
//!
//! Deliberately not here: the disks of PostgreSQL and nats-server, which may stand on other machines.

use std::path::Path;

use causeway_runtime::RuntimeConfig;

use super::Finding;

/// With less free something will be refused before anybody has made room.
const LEAST: u64 = 1 << 30;

/// Looks at the disk of `runtime.data_dir`.
pub(super) fn look(config: &RuntimeConfig) -> Finding {
    let about = "disk of runtime.data_dir";
    let folder = &config.data_dir;
    // It is made with the first document.
    let there = folder.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(there) {
        Ok(disk) => judge(about, disk.f_bavail.saturating_mul(disk.f_frsize), &folder.display().to_string()),
        Err(cause) => Finding::bad(
            about,
            format!("{}: {cause}; set runtime.data_dir to a folder that can be read", folder.display()),
        ),
    }
}

fn judge(about: &str, free: u64, folder: &str) -> Finding {
    let told = format!("{:.1} GiB free for {folder}", free as f64 / LEAST as f64);
    if free < LEAST {
        return Finding::bad(about, format!("{told}; make room, or set runtime.data_dir to a larger disk"));
    }
    Finding::good(about, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_told_with_what_to_do() {
        let full = judge("disk", LEAST / 4, "/var/lib/causeway");
        assert!(
            !full.in_order && full.text.starts_with("0.2 GiB free") && full.text.contains("; make room"),
            "{}",
            full.text
        );
        assert!(judge("disk", 20 * LEAST, "/var/lib/causeway").in_order);
        let config = RuntimeConfig { data_dir: "/nowhere/at/all".into(), ..RuntimeConfig::default() };
        assert!(look(&config).text.contains("/nowhere/at/all"), "a folder that is not there yet is no fault");
    }
}
