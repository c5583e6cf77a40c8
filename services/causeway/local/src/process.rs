//! A server process of ours: started so that it cannot outlive us, signalled, waited for, found again after a crash.
//!
//! A development server that stays behind holds a port and a data directory, and the next start fails for a reason
//! nobody sees. So each child asks the kernel for a signal at its parent's death (`setpriv --pdeathsig`, because the
//! same request from Rust needs unsafe code), and a later start looks through `/proc` for one that stayed all the same.
//! Not here: what a server is told at start, and when it counts as ready.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::sync::watch;

/// The identity a child runs under, where it must not be our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What to start.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The server's name in messages and as thread name.
    pub name: &'static str,
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub args: Vec<std::ffi::OsString>,
    /// Another user, when we are root and the program refuses root.
    pub run_as: Option<RunAs>,
    /// Where both output streams go; appended to.
    pub log: &'a Path,
    /// What the kernel sends the child when we die.
    pub at_our_death: &'static str,
}

/// A running child and the thread that waits for it.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Child {
    /// Starts the child from a thread that lives exactly as long as the child does.
    ///
    /// The thread is the point: the kernel sends the parent-death signal when the *thread* that forked ends, and a
    /// worker of the asynchronous runtime may end at any time.
    pub fn start(launch: Launch<'_>) -> Result<Self> {
        let name = launch.name;
        let mut command = command_for(&launch)?;
        let (exit_sender, exit) = watch::channel(None);
        let (pid_sender, pid_receiver) = std::sync::mpsc::sync_channel::<io::Result<u32>>(1);
        std::thread::Builder::new()
            .name(format!("{name}-keeper"))
            .spawn(move || match command.spawn() {
                Ok(mut child) => {
                    let _ = pid_sender.send(Ok(child.id()));
                    let status = child.wait().ok();
                    let _ = exit_sender.send(status);
                }
                Err(error) => {
                    let _ = pid_sender.send(Err(error));
                }
            })
            .with_context(|| format!("cannot start a thread to keep {name}"))?;
        let raw = pid_receiver
            .recv()
            .with_context(|| format!("the keeper of {name} ended before it started anything"))?
            .with_context(|| format!("cannot run {}", launch.program.display()))?;
        let pid = i32::try_from(raw).ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{name} was given the process id {raw}"))?;
        Ok(Self { name, pid, exit })
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// True until the child has been reaped.
    pub fn is_running(&self) -> bool {
        // The keeper drops its sender when it is done, also where waiting failed.
        self.exit.borrow().is_none() && self.exit.has_changed().is_ok()
    }

    /// Sends a signal; a child that is gone already is no error.
    pub fn signal(&self, signal: Signal) {
        if self.is_running() {
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Waits until the child is gone; an error names the child and the time it was given.
    pub async fn wait_gone(&mut self, patience: Duration) -> Result<()> {
        let gone = async {
            while self.exit.borrow_and_update().is_none() {
                if self.exit.changed().await.is_err() {
                    break;
                }
            }
        };
        match tokio::time::timeout(patience, gone).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("{} (process {}) did not end within {patience:?}", self.name, self.pid()),
        }
    }

    /// Asks politely, waits, then insists.
    pub async fn stop(&mut self, polite: Signal, patience: Duration) -> Result<()> {
        self.signal(polite);
        if self.wait_gone(patience).await.is_ok() {
            return Ok(());
        }
        tracing::warn!(server = self.name, "the server did not stop when asked; killing it");
        self.signal(Signal::KILL);
        self.wait_gone(Duration::from_secs(10)).await
    }
}

fn command_for(launch: &Launch<'_>) -> Result<Command> {
    let log = File::options().create(true).append(true).open(launch.log);
    let log = log.with_context(|| format!("cannot write the log {}", launch.log.display()))?;
    let errors = log.try_clone().context("cannot share the log between two streams")?;
    if on_path("setpriv").is_none() {
        tracing::warn!(
            server = launch.name,
            "setpriv (util-linux) is missing: if this process is killed, the server stays until the next start stops it"
        );
    }
    let mut command = bound_to_us(Command::new(launch.program).args(&launch.args), launch.at_our_death);
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    if let Some(user) = launch.run_as {
        // The standard library also clears our supplementary groups here.
        command.uid(user.uid).gid(user.gid);
    }
    // Our own directory may be closed to the server's user, and would stay in use by the server.
    command.current_dir("/");
    // A group of its own: Ctrl-C in the terminal must reach us alone, or the servers stop before the services drained.
    command.process_group(0);
    Ok(command)
}

/// The same command, but the kernel sends it a signal when the thread that starts it ends. Where `setpriv` is missing it
/// is the command as it was.
pub fn bound_to_us(command: &Command, at_our_death: &str) -> Command {
    let mut bound = match on_path("setpriv") {
        Some(setpriv) => {
            let mut bound = Command::new(setpriv);
            bound.args(["--pdeathsig", at_our_death, "--"]).arg(command.get_program());
            bound
        }
        None => Command::new(command.get_program()),
    };
    bound.args(command.get_args());
    bound.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    bound
}

/// The first executable file of this name on `PATH`.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

/// True for a file that somebody may execute.
pub fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Processes whose program is called `program` and that `belongs` accepts by its `/proc` folder.
///
/// Empty where there is no `/proc`; what stayed behind is then found by its port or its data directory.
pub fn strays(program: &str, belongs: impl Fn(&Path) -> bool) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
            let folder = entry.path();
            let exe = std::fs::read_link(folder.join("exe")).ok()?;
            // A program that was replaced while it ran is listed as "name (deleted)".
            let called = exe.file_name().and_then(OsStr::to_str)?.trim_end_matches(" (deleted)").to_owned();
            (called == program && belongs(&folder)).then_some(pid)
        })
        .collect()
}

/// Ends strays: politely, then by force, and returns when `find` sees none.
pub async fn end_strays(name: &str, polite: Signal, patience: Duration, find: impl Fn() -> Vec<Pid>) -> Result<()> {
    for (signal, patience) in [(polite, patience), (Signal::KILL, Duration::from_secs(10))] {
        for pid in find() {
            let _ = kill_process(pid, signal);
        }
        let gone = async {
            while !find().is_empty() {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        if tokio::time::timeout(patience, gone).await.is_ok() {
            return Ok(());
        }
    }
    bail!("{name} processes {:?} of an earlier run do not end; end them by hand", find())
}

/// The last lines of a server's log, for the message that says it did not start.
pub fn log_tail(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_is_stopped_and_reaped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let sleep = on_path("sleep").expect("sleep is in coreutils");
        let launch = Launch {
            name: "sleeper",
            program: &sleep,
            args: vec!["60".into()],
            run_as: None,
            log: &log,
            at_our_death: "TERM",
        };
        let mut child = Child::start(launch).expect("sleep starts");
        assert!(child.is_running());
        child.stop(Signal::TERM, Duration::from_secs(5)).await.expect("sleep stops");
        assert!(!child.is_running());
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let program = Path::new("/nowhere/server");
        let launch = Launch { name: "ghost", program, args: vec![], run_as: None, log: &log, at_our_death: "TERM" };
        // With setpriv the failure is the child's exit, without it the start itself fails: both leave nothing running.
        if let Ok(mut child) = Child::start(launch) {
            child.wait_gone(Duration::from_secs(5)).await.expect("setpriv ends");
            assert!(log_tail(&log).contains("/nowhere/server"));
        }
    }
}
