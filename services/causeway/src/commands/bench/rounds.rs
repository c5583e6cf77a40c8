//! The measurement: floor, accept, floor, the door alone, floor, whole path, floor, and again, for each number of clients.
//!
//! Rates on a machine that others use as well say little by themselves, so each slice has a floor on both sides, and
//! each begins with nothing left over from the one before. Deliberately absent: the arithmetic (figures).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::completion::Completion;
use super::figures::{Compared, Latency, Round, Slice};
use super::floor::Floor;
use super::load::{Load, Tally, Tongue};
use super::machine::{Cpu, Memory};
use super::proof::{self, Proof, Station};
use super::stage::Stage;

/// More accepted inquiries than this never wait for the rest of their way in a slice of the whole path.
pub const BACKLOG: u64 = 2000;
/// What is left over after a slice must be gone after this time.
const PATIENCE: Duration = Duration::from_secs(120);

/// All that a measurement needs.
pub struct Rig<'a> {
    stage: &'a Stage,
    /// The floor.
    pub floor: Floor,
    load: Arc<Load>,
    completion: Completion,
    proof: Proof,
    time: Duration,
    /// What the slices of the floor burnt, and how many commits they were, since the last number of clients.
    floor_burnt: (Cpu, f64),
}

/// What was measured with one number of clients.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Clients.
    pub clients: usize,
    /// 202 in each second.
    pub accept: Compared,
    /// From sending to 202, at that rate.
    pub accept_latency: Option<Latency>,
    /// 202 in each second while the services behind the door stand still: what the door itself can take in. Afterwards
    /// they go on, and all that was taken in goes the whole path.
    pub door: Compared,
    /// From sending to 202, at that rate.
    pub door_latency: Option<Latency>,
    /// CPU microseconds for each inquiry while the door was alone.
    pub door_cpu_micros: CpuMicros,
    /// The whole path in each second, without a growing backlog.
    pub whole_path: Compared,
    /// CPU microseconds for each inquiry in the slices of the whole path.
    pub cpu_micros: CpuMicros,
    /// CPU microseconds for each commit of the floor, server and pgbench together. Times move with the machine; how many
    /// such commits an inquiry costs does not.
    pub floor_cpu_micros: f64,
    /// Answers other than 202, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Requests that were never answered.
    pub lost: u64,
}

/// CPU microseconds for each inquiry.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct CpuMicros {
    /// Services, PostgreSQL and NATS together.
    pub total: f64,
    /// The services.
    pub services: f64,
    /// PostgreSQL.
    pub postgresql: f64,
    /// nats-server.
    pub nats: f64,
    /// The load generator, which is not in the total.
    pub generator: f64,
}

impl CpuMicros {
    /// CPU over some inquiries.
    pub fn of(cpu: &Cpu, inquiries: u64) -> Self {
        let each = |seconds: f64| seconds * 1e6 / inquiries.max(1) as f64;
        let (services, postgresql, nats) = (each(cpu.services), each(cpu.postgres), each(cpu.nats));
        Self { total: services + postgresql + nats, services, postgresql, nats, generator: each(cpu.generator) }
    }
}

/// What was measured at one door while the services behind it stood still.
#[derive(Debug, Clone, Serialize)]
pub struct AtDoor {
    /// Which one.
    pub door: Tongue,
    /// Connections, each with one message in flight.
    pub clients: usize,
    /// Accepted in each second.
    pub rate: Compared,
    /// From sending to the answer, at that rate.
    pub latency: Option<Latency>,
    /// CPU microseconds for each inquiry.
    pub cpu_micros: CpuMicros,
    /// Refusals, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Requests that were never answered.
    pub lost: u64,
}

/// What was measured at a fixed rate below the limit.
#[derive(Debug, Clone, Serialize)]
pub struct AtHalfRate {
    /// Inquiries sent in each second.
    pub per_second: f64,
    /// Inquiries accepted.
    pub inquiries: u64,
    /// From the moment when it should have been sent to 202.
    pub accept: Option<Latency>,
    /// From the commit of the inquiry to the commit of the last effect.
    pub end_to_end: Option<Latency>,
    /// Inquiries whose whole way could be followed.
    pub followed: u64,
}

impl<'a> Rig<'a> {
    /// Warms everything up, and learns by what completion is told.
    pub async fn new(stage: &'a Stage, time: Duration) -> anyhow::Result<Self> {
        let floor = Floor::prepare(stage.servers.postgres(), &stage.folder).await?;
        let load = Load::new(stage.doors);
        let completion = Completion::open(stage.operations).await?;
        let proof = Proof::open(&stage.config).await?;
        let mut rig = Self { stage, floor, load, completion, proof, time, floor_burnt: Default::default() };
        let tally = rig.load.closed((Tongue::Web, 8), Duration::from_secs(1), Some(BACKLOG)).await;
        if tally.accepted == 0 {
            bail!(
                "no inquiry was accepted in the warm-up, refused {:?}; see {}",
                tally.refused,
                rig.stage.log().display()
            );
        }
        rig.wait_exact().await.context("warm up")?;
        rig.completion.learn(rig.load.accepted()).await?;
        rig.load.set_completed(rig.load.accepted());
        Ok(rig)
    }

    /// Measures with one number of clients.
    pub async fn measure(&mut self, clients: usize, rounds: usize, progress: &ProgressBar) -> anyhow::Result<Measured> {
        let (mut accept, mut door, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        let (mut accepting, mut at_door, mut all): (Option<Tally>, Option<Tally>, Option<Tally>) = (None, None, None);
        let (mut cpu, mut inquiries) = (Cpu::default(), 0);
        let mut door_cpu = Cpu::default();
        self.floor_burnt = Default::default();
        let mut before = self.floor_slice(clients).await?;
        for _ in 0..rounds {
            let (slice, tally) = self.accept_slice(clients).await?;
            progress.inc(1);
            let between = self.floor_slice(clients).await?;
            accept.push(Round { before, slice, after: between });
            merge(&mut accepting, &tally);
            merge(&mut all, &tally);
            before = between;
            let (slice, tally, burnt) = self.door_slice((Tongue::Web, clients)).await?;
            progress.inc(1);
            let between = self.floor_slice(clients).await?;
            door.push(Round { before, slice, after: between });
            merge(&mut at_door, &tally);
            merge(&mut all, &tally);
            door_cpu.add(&burnt);
            let (slice, tally, burnt) = self.whole_slice(clients).await?;
            progress.inc(1);
            let after = self.floor_slice(clients).await?;
            whole.push(Round { before: between, slice, after });
            merge(&mut all, &tally);
            cpu.add(&burnt);
            inquiries += tally.accepted;
            before = after;
        }
        let all = all.context("no round was measured; use --rounds 1 or more")?;
        Ok(Measured {
            clients,
            accept: Compared::of(&accept).context("no round was measured")?,
            accept_latency: accepting.and_then(|tally| Latency::of(&tally.micros)),
            door: Compared::of(&door).context("no round was measured")?,
            door_cpu_micros: CpuMicros::of(&door_cpu, at_door.as_ref().map_or(0, |tally| tally.accepted)),
            door_latency: at_door.and_then(|tally| Latency::of(&tally.micros)),
            whole_path: Compared::of(&whole).context("no round was measured")?,
            cpu_micros: CpuMicros::of(&cpu, inquiries),
            floor_cpu_micros: (self.floor_burnt.0.postgres + self.floor_burnt.0.generator) * 1e6
                / self.floor_burnt.1.max(1.0),
            refused: all.refused,
            lost: all.lost,
        })
    }

    /// Measures one door by itself, in the protocol of those who come to it.
    pub async fn measure_door(
        &mut self,
        (tongue, clients): (Tongue, usize),
        rounds: usize,
        progress: &ProgressBar,
    ) -> anyhow::Result<AtDoor> {
        let (mut seen, mut all, mut cpu) = (Vec::with_capacity(rounds), Tally::new(), Cpu::default());
        let mut before = self.floor_slice(clients).await?;
        for _ in 0..rounds {
            let (slice, tally, burnt) = self.door_slice((tongue, clients)).await?;
            progress.inc(1);
            let after = self.floor_slice(clients).await?;
            seen.push(Round { before, slice, after });
            all.add(&tally);
            cpu.add(&burnt);
            before = after;
        }
        Ok(AtDoor {
            door: tongue,
            clients,
            rate: Compared::of(&seen).context("no round was measured; use --rounds 1 or more")?,
            latency: Latency::of(&all.micros),
            cpu_micros: CpuMicros::of(&cpu, all.accepted),
            refused: all.refused,
            lost: all.lost,
        })
    }

    /// Sends at a fixed rate and follows each inquiry to its end.
    pub async fn at_rate(&mut self, clients: usize, per_second: f64) -> anyhow::Result<AtHalfRate> {
        let since = self.proof.now().await?;
        let tally = self.load.open(clients, self.time * 3, per_second).await;
        self.drain().await?;
        let ways = self.proof.ways(since).await?;
        Ok(AtHalfRate {
            per_second,
            inquiries: tally.accepted,
            accept: Latency::of(&tally.micros),
            end_to_end: Latency::of(&ways),
            followed: ways.len(),
        })
    }

    /// What stands in the databases, and how many inquiries were accepted.
    pub async fn stations(&self) -> anyhow::Result<(Vec<Station>, u64)> {
        Ok((self.proof.count().await?, self.load.accepted()))
    }

    /// What the processes hold now.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        Ok(Memory::read(&self.stage.processes()?))
    }

    async fn floor_slice(&mut self, clients: usize) -> anyhow::Result<Slice> {
        let (before, begun) = (self.cpu()?, Instant::now());
        let per_second = self.floor.run(clients, self.time).await?;
        let burnt = self.cpu()? - before;
        let others_cpu = burnt.others(begun.elapsed().as_secs_f64());
        self.floor_burnt.0.add(&burnt);
        self.floor_burnt.1 += per_second * self.time.as_secs_f64();
        Ok(Slice { per_second, others_cpu })
    }

    async fn accept_slice(&mut self, clients: usize) -> anyhow::Result<(Slice, Tally)> {
        let (before, begun) = (self.cpu()?, Instant::now());
        let tally = self.load.closed((Tongue::Web, clients), self.time, None).await;
        let others_cpu = (self.cpu()? - before).others(begun.elapsed().as_secs_f64());
        self.drain().await?;
        Ok((Slice { per_second: tally.per_second(), others_cpu }, tally))
    }

    async fn door_slice(&mut self, clients: (Tongue, usize)) -> anyhow::Result<(Slice, Tally, Cpu)> {
        self.stage.pause_behind();
        let (before, begun) = (self.cpu()?, Instant::now());
        let tally = self.load.closed(clients, self.time, None).await;
        let burnt = self.cpu()? - before;
        let others_cpu = burnt.others(begun.elapsed().as_secs_f64());
        self.stage.resume_behind();
        self.drain().await?;
        Ok((Slice { per_second: tally.per_second(), others_cpu }, tally, burnt))
    }

    /// Clients send as long as the slice lasts; it ends when all that they sent has gone the whole path.
    async fn whole_slice(&mut self, clients: usize) -> anyhow::Result<(Slice, Tally, Cpu)> {
        let (before, begun) = (self.cpu()?, Instant::now());
        let (load, time) = (self.load.clone(), self.time);
        let mut sending = tokio::spawn(async move { load.closed((Tongue::Web, clients), time, Some(BACKLOG)).await });
        let tally = loop {
            tokio::select! {
                ended = &mut sending => break ended.context("the load generator panicked")?,
                () = sleep(Duration::from_millis(100)) => self.load.set_completed(self.completion.completed().await?),
            }
        };
        self.wait_completed().await?;
        let seconds = begun.elapsed().as_secs_f64();
        let burnt = self.cpu()? - before;
        self.wait_exact().await?;
        let slice = Slice { per_second: tally.accepted as f64 / seconds, others_cpu: burnt.others(seconds) };
        Ok((slice, tally, burnt))
    }

    /// Waits until nothing is left over, and proves it.
    async fn drain(&mut self) -> anyhow::Result<()> {
        self.wait_completed().await?;
        self.wait_exact().await
    }

    async fn wait_completed(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let completed = self.completion.completed().await?;
            self.load.set_completed(completed);
            if completed >= self.load.accepted() {
                return Ok(());
            }
            if Instant::now() > deadline {
                // Which station lacks what is told from the databases.
                return self.wait_exact().await;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The counters may run ahead where a message came twice; the rows can't.
    async fn wait_exact(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (stations, accepted) = self.stations().await?;
            if proof::is_exact(&stations, accepted) {
                self.load.set_completed(accepted);
                return self.completion.rest(accepted).await;
            }
            if Instant::now() > deadline {
                let log = self.stage.log();
                bail!(
                    "{accepted} inquiries were accepted, but after {PATIENCE:?} the databases say: {}; see {}",
                    proof::in_words(&stations),
                    log.display()
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn cpu(&self) -> anyhow::Result<Cpu> {
        Ok(Cpu::read(&self.stage.processes()?))
    }
}

fn merge(all: &mut Option<Tally>, tally: &Tally) {
    all.get_or_insert_with(Tally::new).add(tally);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_not_in_the_total() {
        let cpu = Cpu { services: 0.1, postgres: 0.2, nats: 0.05, generator: 9.0, all: 20.0 };
        let micros = CpuMicros::of(&cpu, 1000);
        assert!((micros.total - 350.0).abs() < 1e-6 && (micros.generator - 9000.0).abs() < 1e-6);
    }
}
