//! Where a private PostgreSQL keeps its files, as which user it runs, and the passwords of its roles.
//!
//! PostgreSQL refuses to run as root, so under root it runs as another user, who must own the cluster and be able to
//! reach it. A project below /root or a private home is out of that user's reach; the cluster then lies below /var/tmp,
//! linked from the data directory. Passwords stay in a file of ours that the server's user cannot read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use crate::fetch::say;
use crate::is_root;
use crate::process::RunAs;

/// Files and user of one private server.
#[derive(Debug)]
pub(super) struct Home {
    /// The directory we were given.
    pub folder: PathBuf,
    /// PGDATA, with every link resolved: what `/proc/<pid>/cwd` shows.
    pub cluster: PathBuf,
    /// The server's user, when it is not ours.
    pub run_as: Option<RunAs>,
}

impl Home {
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("cannot resolve {}", folder.display()))?;
        let run_as = if is_root() { Some(server_user()?) } else { None };
        if run_as.is_some() {
            // Others may pass through and read nothing: the way to the cluster leads through here.
            fs::set_permissions(&folder, Permissions::from_mode(0o711))
                .context("cannot open the directory to the server's user")?;
        }
        let cluster = cluster_folder(&folder, run_as)?;
        Ok(Self { folder, cluster, run_as })
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    pub fn has_cluster(&self) -> bool {
        self.cluster.join("PG_VERSION").exists()
    }

    /// The major version that made the cluster; another one cannot read it.
    pub fn cluster_version(&self) -> Option<u32> {
        fs::read_to_string(self.cluster.join("PG_VERSION")).ok()?.trim().parse().ok()
    }
}

fn cluster_folder(folder: &Path, run_as: Option<RunAs>) -> Result<PathBuf> {
    let link = folder.join("cluster");
    if let Some(user) = run_as
        && !can_reach(user, folder)
    {
        let place = outside(folder, user)?;
        if fs::symlink_metadata(&link).is_err() {
            say(&format!(
                "PostgreSQL cannot run as root and its user cannot reach {}; its files are in {}",
                folder.display(),
                place.display()
            ));
            symlink(&place, &link).with_context(|| format!("cannot link {}", link.display()))?;
        }
    }
    if fs::metadata(&link).is_err() {
        fs::create_dir(&link).with_context(|| format!("cannot make {}", link.display()))?;
        fs::set_permissions(&link, Permissions::from_mode(0o700)).context("cannot close the cluster's directory")?;
        if let Some(user) = run_as {
            chown(&link, Some(user.uid), Some(user.gid)).context("cannot give the cluster's directory to its user")?;
        }
    }
    link.canonicalize().with_context(|| format!("cannot resolve {}", link.display()))
}

/// Asks the system rather than computing from mode bits: access lists and mount options count too.
fn can_reach(user: RunAs, folder: &Path) -> bool {
    let mut test = Command::new("test");
    test.arg("-x").arg(folder).uid(user.uid).gid(user.gid).current_dir("/");
    test.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A directory below /var/tmp named by the data directory's path, so that a second start finds it.
fn outside(folder: &Path, user: RunAs) -> Result<PathBuf> {
    let sum = digest::digest(&digest::SHA256, folder.as_os_str().as_bytes());
    let place = PathBuf::from(format!("/var/tmp/causeway-{}", hex::encode(&sum.as_ref()[..8])));
    if fs::create_dir(&place).is_ok() {
        fs::set_permissions(&place, Permissions::from_mode(0o700)).context("cannot close the cluster's directory")?;
        chown(&place, Some(user.uid), Some(user.gid)).context("cannot give the cluster's directory to its user")?;
    }
    // Anybody can make names in /var/tmp: take only a real directory of the right owner.
    let meta = fs::symlink_metadata(&place).with_context(|| format!("cannot make {}", place.display()))?;
    if !meta.is_dir() || meta.uid() != user.uid || meta.mode() & 0o077 != 0 {
        bail!("{} is not a private directory of user {}; remove it", place.display(), user.uid);
    }
    Ok(place)
}

/// The user that a package made for PostgreSQL, else the one that owns nothing.
fn server_user() -> Result<RunAs> {
    let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd to find a user for PostgreSQL")?;
    let find = |name: &str| users.lines().find_map(|line| parse_user(line, name));
    find("postgres")
        .or_else(|| find("nobody"))
        .context("PostgreSQL refuses root, and there is no user postgres or nobody to run it as")
}

fn parse_user(line: &str, name: &str) -> Option<RunAs> {
    let mut fields = line.split(':');
    if fields.next() != Some(name) {
        return None;
    }
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(RunAs { uid, gid })
}

/// Passwords by role, made at first need and kept for later starts.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Passwords(BTreeMap<String, String>);

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Passwords {
    fn file(folder: &Path) -> PathBuf {
        folder.join("passwords.json")
    }

    pub fn load(folder: &Path) -> Result<Self> {
        match fs::read(Self::file(folder)) {
            Ok(text) => serde_json::from_slice(&text)
                .context("cannot understand passwords.json; remove the data directory to begin anew"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).context("cannot read passwords.json"),
        }
    }

    /// The password of a role; a new one is on disk before it is returned.
    pub fn of(&mut self, role: &str, folder: &Path) -> Result<String> {
        if let Some(known) = self.0.get(role) {
            return Ok(known.clone());
        }
        let mut bytes = [0_u8; 24];
        aws_lc_rs::rand::fill(&mut bytes).ok().context("the system gave no random bytes")?;
        let password = hex::encode(bytes);
        self.0.insert(role.to_owned(), password.clone());
        write_private(&Self::file(folder), &serde_json::to_vec_pretty(&self)?)?;
        Ok(password)
    }
}

/// Writes a file that only its owner can read, all of it or nothing.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("draft");
    let _ = fs::remove_file(&draft);
    let file = fs::File::options().create_new(true).write(true).mode(0o600).open(&draft);
    let mut file = file.with_context(|| format!("cannot write {}", draft.display()))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", draft.display()))?;
    fs::rename(&draft, path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_from_its_line() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        assert_eq!(parse_user(line, "postgres"), Some(RunAs { uid: 101, gid: 104 }));
        assert_eq!(parse_user(line, "nobody"), None);
    }

    #[test]
    fn a_password_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = Passwords::default().of("routing_app", folder.path()).expect("made");
        let mut loaded = Passwords::load(folder.path()).expect("loaded");
        assert_eq!(loaded.of("routing_app", folder.path()).expect("known"), first);
        let mode = fs::metadata(folder.path().join("passwords.json")).expect("there").mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
