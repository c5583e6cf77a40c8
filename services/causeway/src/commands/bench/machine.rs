//! What the machine burnt and holds, read from `/proc`: CPU of processes and of all cores, memory, and what it is.
//!
//! CPU for each inquiry moves far less than rates do when other work shares the machine, so it is the figure to watch.
//! Deliberately absent: other systems than Linux, where all of it reads as nothing.

use std::collections::HashMap;
use std::fs;
use std::ops::Sub;
use std::path::Path;

use serde::Serialize;

/// The kernel tells times to programs in hundredths of a second, on every machine we run on.
const TICKS: f64 = 100.0;

/// CPU seconds of one process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Ticks {
    parent: u32,
    own: u64,
    /// Of its children that have ended and were waited for.
    of_ended_children: u64,
}

/// Reads `/proc/PID/stat`. The name stands in brackets and may hold spaces and brackets itself.
fn ticks_in(stat: &str) -> Option<Ticks> {
    let rest = stat.get(stat.rfind(')')? + 1..)?;
    let mut fields = rest.split_ascii_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    // Fields 14 to 17 of proc_pid_stat(5): utime, stime, cutime, cstime; the parent is field 4.
    let mut times = fields.skip(9).map(|field| field.parse::<u64>().ok());
    let mut next = || times.next().flatten();
    let (user, system, ended_user, ended_system) = (next()?, next()?, next()?, next()?);
    Some(Ticks { parent, own: user + system, of_ended_children: ended_user + ended_system })
}

/// Busy ticks of all cores in `/proc/stat`: all but idle, waiting for a disk, and time stolen by other guests.
fn busy_ticks_in(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let times: Vec<u64> = line.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    match times.as_slice() {
        [user, nice, system, _idle, _iowait, irq, softirq, ..] => Some(user + nice + system + irq + softirq),
        _ => None,
    }
}

/// The processes whose CPU is counted.
#[derive(Debug, Clone, Copy)]
pub struct Processes {
    /// The door (ingestion), and the other services.
    pub services: [i32; 2],
    /// The postmaster.
    pub postgres: i32,
    /// nats-server.
    pub nats: i32,
}

/// CPU seconds, since the processes began or between two such readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// The services.
    pub services: f64,
    /// PostgreSQL, its backends included.
    pub postgres: f64,
    /// nats-server.
    pub nats: f64,
    /// This process and the ones it has waited for: the load generator.
    pub generator: f64,
    /// All cores, everybody's work included.
    pub all: f64,
}

impl Cpu {
    /// As it stands now.
    pub fn read(processes: &Processes) -> Self {
        let table = process_table();
        let seconds = |ticks: u64| ticks as f64 / TICKS;
        let own = |pid: i32| u32::try_from(pid).ok().and_then(|pid| table.get(&pid)).copied().unwrap_or_default();
        let with_ended = |ticks: Ticks| ticks.own + ticks.of_ended_children;
        let postmaster = u32::try_from(processes.postgres).unwrap_or_default();
        let backends: u64 = table.values().filter(|ticks| ticks.parent == postmaster).map(|ticks| ticks.own).sum();
        let busy = fs::read_to_string("/proc/stat").ok().and_then(|stat| busy_ticks_in(&stat)).unwrap_or_default();
        Self {
            services: processes.services.iter().map(|pid| seconds(own(*pid).own)).sum(),
            postgres: seconds(with_ended(own(processes.postgres)) + backends),
            nats: seconds(own(processes.nats).own),
            generator: seconds(with_ended(own(std::process::id().cast_signed()))),
            all: seconds(busy),
        }
    }

    /// What processes burnt that are none of those counted, as a share of all cores over a time, per cent.
    pub fn others(&self, seconds: f64) -> f64 {
        let ours = self.services + self.postgres + self.nats + self.generator;
        ((self.all - ours).max(0.0) / (seconds * cores() as f64).max(0.001) * 100.0).min(100.0)
    }

    /// Adds what another stretch burnt.
    pub fn add(&mut self, other: &Self) {
        self.services += other.services;
        self.postgres += other.postgres;
        self.nats += other.nats;
        self.generator += other.generator;
        self.all += other.all;
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            services: self.services - before.services,
            postgres: self.postgres - before.postgres,
            nats: self.nats - before.nats,
            generator: self.generator - before.generator,
            all: self.all - before.all,
        }
    }
}

fn process_table() -> HashMap<u32, Ticks> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let entry = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, ticks_in(&stat)?))
    };
    entries.flatten().filter_map(entry).collect()
}

/// Bytes of memory that each holds; pages that the backends share are counted once where the kernel tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Memory {
    /// The services.
    pub services: u64,
    /// PostgreSQL, its backends included.
    pub postgres: u64,
    /// nats-server.
    pub nats: u64,
}

impl Memory {
    /// As it stands now.
    pub fn read(processes: &Processes) -> Self {
        let postmaster = u32::try_from(processes.postgres).unwrap_or_default();
        let backends = process_table().into_iter().filter(|(_, ticks)| ticks.parent == postmaster);
        Self {
            services: processes.services.iter().map(|pid| held_by(pid.unsigned_abs())).sum(),
            postgres: held_by(postmaster) + backends.map(|(pid, _)| held_by(pid)).sum::<u64>(),
            nats: held_by(processes.nats.unsigned_abs()),
        }
    }
}

fn held_by(pid: u32) -> u64 {
    let read = |file: &str, field: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        kilobytes_in(&text, field)
    };
    read("smaps_rollup", "Pss:").or_else(|| read("status", "VmRSS:")).unwrap_or_default() * 1024
}

fn kilobytes_in(text: &str, field: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(field))?.trim().split(' ').next()?.parse().ok()
}

/// Cores that we may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What the figures were measured on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Cores that we may use.
    pub cores: usize,
    /// Bytes of main memory.
    pub memory_bytes: u64,
    /// The kernel's version.
    pub kernel: String,
    /// Kind of the file system that the servers' files lie on.
    pub filesystem: String,
}

impl Machine {
    /// This one, with the servers' files in a folder.
    pub fn read(folder: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let model = |line: &str| line.split_once(':').map(|(_, model)| model.trim().to_owned());
        let cpuinfo = text("/proc/cpuinfo");
        Self {
            processor: cpuinfo.lines().find(|line| line.starts_with("model name")).and_then(model).unwrap_or_default(),
            cores: cores(),
            memory_bytes: kilobytes_in(&text("/proc/meminfo"), "MemTotal:").unwrap_or_default() * 1024,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            filesystem: filesystem_in(&text("/proc/mounts"), folder).unwrap_or_default(),
        }
    }

    /// Whether the servers' files lie in memory, where a commit costs no disk.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.filesystem.as_str(), "tmpfs" | "ramfs")
    }
}

/// The kind of the innermost mount that holds a folder.
fn filesystem_in(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        folder.starts_with(&point).then_some((point.len(), kind))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_process_are_found_behind_any_name() {
        let stat = "4242 (odd) name (x) S 17 4242 4242 0 -1 4194560 100 0 3 0 250 50 700 30 20 0 12 0 1000 1 1 1";
        let expected = Ticks { parent: 17, own: 300, of_ended_children: 730 };
        assert_eq!(ticks_in(stat), Some(expected));
        assert_eq!(ticks_in("4242 (cut off) S 17"), None);
    }

    #[test]
    fn idle_waiting_and_stolen_time_is_not_busy() {
        let stat = "cpu  100 10 50 9000 400 5 6 77 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_ticks_in(stat), Some(171));
        assert_eq!(busy_ticks_in("intr 5"), None);
    }

    #[test]
    fn others_are_all_but_the_counted_processes() {
        let cpu = Cpu { services: 1.0, postgres: 0.5, nats: 0.25, generator: 0.25, all: 2.0 + cores() as f64 };
        assert!((cpu.others(2.0) - 50.0).abs() < 0.01);
        assert_eq!(Cpu { services: 3.0, all: 1.0, ..Cpu::default() }.others(1.0), 0.0);
    }

    #[test]
    fn our_own_process_is_in_the_table() {
        let table = process_table();
        if Path::new("/proc/self/stat").exists() {
            assert!(table.contains_key(&std::process::id()));
            assert!(held_by(std::process::id()) > 1 << 20);
        }
    }

    #[test]
    fn the_innermost_mount_of_a_folder_tells_its_file_system() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk xfs rw 0 0\n";
        let kind = |folder: &str| filesystem_in(mounts, Path::new(folder));
        assert_eq!(kind("/var/tmp/x").as_deref(), Some("ext4"));
        assert_eq!(kind("/tmp/x").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/tmp/disk/x").as_deref(), Some("xfs"));
    }
}
