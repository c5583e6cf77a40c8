//! A play: people who ask, and staff who work what they asked, through the system's real doors.
//!
//! While the services' clock runs in time lapse, a week is filled; after that the play goes on live at a gentle pace.
//! A call that fails is counted and never ends the play; only where nothing is ever accepted, it gives up with a reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::bail;
use causeway_runtime::{Clock, RuntimeConfig};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::arrivals::{Arrivals, Shape, mean_hours};
use super::audits::Auditors;
use super::fate::{Fate, mix};
use super::people::{Person, person};
use super::reopened::Closed;
use super::scene::{Center, Doors, centers};
use super::staff::{Desk, Fates};
use super::submit::{Way, submit};
use super::tally::{Counts, Tally};

/// What is played.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Keeps apart the keys of different plays with the same seed.
    pub play: String,
    /// The same seed gives the same people, answers and fates.
    pub seed: u64,
    /// How many inquiries, and when.
    pub pace: Pace,
    /// Ends the play; nothing: until it is stopped.
    pub count: Option<u64>,
    /// Only these centers; empty: all.
    pub centers: Vec<String>,
    /// Staff work what comes in.
    pub staff: bool,
}

/// How many inquiries, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// A filled week while the clock is in time lapse, then one inquiry in twenty seconds.
    Demo,
    /// This many in a mean hour of the services' time, as people live.
    PerHour(f64),
}

/// Inquiries of the demo's week, all centers together.
const WEEK: f64 = 300.0;
/// Live, all centers together: one in twenty seconds.
const LIVE_PER_HOUR: f64 = 180.0;
/// A short lapse gets fewer inquiries, so that the machine keeps up.
const MOST_PER_REAL_SECOND: f64 = 6.0;
/// Inquiries handed in at the same time.
const AT_ONCE: usize = 4;
/// After so many refusals and no acceptance at all, there is nothing to play with.
const HOPELESS: u64 = 40;

/// Plays synthetic people and the staff who work their inquiries.
pub struct Player {
    plan: Plan,
    addresses: BTreeMap<String, String>,
    config: RuntimeConfig,
    clock: Clock,
    tally: Arc<Tally>,
}

impl Player {
    /// A player of a plan against the system behind the addresses.
    pub fn new(plan: Plan, addresses: &BTreeMap<String, String>, config: &RuntimeConfig, clock: Clock) -> Self {
        Self { plan, addresses: addresses.clone(), config: config.clone(), clock, tally: Arc::default() }
    }

    /// The player of `causeway dev --demo`.
    pub fn demo(addresses: &BTreeMap<String, String>, config: &RuntimeConfig, clock: Clock) -> Self {
        let now = clock.now().as_second();
        let plan = Plan {
            play: format!("demo-{now}"),
            // The first week is the same for everybody; a later start goes on with new people.
            seed: if clock.speed() > 1.0 { 1 } else { now.unsigned_abs() },
            pace: Pace::Demo,
            count: None,
            centers: Vec::new(),
            staff: true,
        };
        Self::new(plan, addresses, config, clock)
    }

    /// What was done so far; stays readable while the play goes on.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Plays until the plan is done or `stop` is cancelled.
    pub async fn play(self, stop: CancellationToken) -> anyhow::Result<()> {
        let doors = Doors::open(&self.addresses, &self.config)?;
        let centers = centers(&self.config, &self.plan.centers).await?;
        let fates: Fates = Arc::default();
        let staff_stop = stop.child_token();
        let mut staff = JoinSet::new();
        if self.plan.staff {
            for center in &centers {
                let desk = self.desk(center, &doors, &fates);
                staff.spawn(desk.work(staff_stop.clone()));
                let auditors = self.auditors(center, &doors);
                staff.spawn(auditors.work(staff_stop.clone()));
            }
        }
        let played = self.traffic(&doors, &centers, &fates, &stop).await;
        staff_stop.cancel();
        while staff.join_next().await.is_some() {}
        played
    }

    fn desk(&self, center: &Arc<Center>, doors: &Doors, fates: &Fates) -> Desk {
        Desk {
            center: Arc::clone(center),
            doors: doors.clone(),
            clock: self.clock.clone(),
            tally: Arc::clone(&self.tally),
            fates: Arc::clone(fates),
            play: self.plan.play.clone(),
            memories: HashMap::new(),
            closed: Closed::default(),
        }
    }

    fn auditors(&self, center: &Arc<Center>, doors: &Doors) -> Auditors {
        let (center, doors) = (Arc::clone(center), doors.clone());
        Auditors::new(center, doors, self.clock.clone(), Arc::clone(&self.tally))
    }

    async fn traffic(
        &self,
        doors: &Doors,
        centers: &[Arc<Center>],
        fates: &Fates,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let seats = Arc::new(Semaphore::new(AT_ONCE));
        let mut under_way = JoinSet::new();
        let mut schedule = Schedule::new(&self.plan, centers, &self.clock);
        let mut sent = 0;
        while self.plan.count.is_none_or(|count| sent < count) {
            let filling = schedule.live.is_some();
            let (center, number, at) = schedule.next(&self.clock);
            if filling && schedule.live.is_none() {
                let counts = self.tally.counts();
                tracing::info!(played = %counts.line(), failed = ?counts.failed, "the demo's week is full; it goes on live");
            }
            if !self.wait_until(at, stop).await {
                break;
            }
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { break };
            sent += 1;
            let center = Arc::clone(&centers[center]);
            let who = person(&center.profile, &self.plan.play, self.plan.seed, number);
            let fate = Fate::of(mix(self.plan.seed, &["fate", center.id(), &number.to_string()]));
            let (doors, fates, tally) = (doors.clone(), Arc::clone(fates), Arc::clone(&self.tally));
            let (open, clock) = (center.profile.calendar(None).is_open(self.clock.now()), self.clock.clone());
            under_way.spawn(async move {
                let way = Way::of(&doors, &center, &who, open);
                hand_in(&doors, &center, &who, (way, &clock), fate, &fates, &tally).await;
                drop(seat);
            });
            while under_way.try_join_next().is_some() {}
            hopeless(&self.tally.counts())?;
        }
        while under_way.join_next().await.is_some() {}
        hopeless(&self.tally.counts())
    }

    /// Waits in the services' time; false where the play was stopped meanwhile.
    async fn wait_until(&self, at: Timestamp, stop: &CancellationToken) -> bool {
        loop {
            let now = self.clock.now();
            if now >= at {
                return !stop.is_cancelled();
            }
            let ahead = Duration::try_from(now.duration_until(at)).unwrap_or_default();
            // Short sleeps, because the clock changes its speed when it meets real time.
            let nap = self.clock.real_wait(ahead).clamp(Duration::from_millis(2), Duration::from_millis(250));
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = stop.cancelled() => return false,
            }
        }
    }
}

async fn hand_in(
    doors: &Doors,
    center: &Center,
    who: &Person,
    way: (Way, &Clock),
    fate: Fate,
    fates: &Fates,
    tally: &Tally,
) {
    let Some(accepted) = submit(doors, center, who, way, tally).await else { return };
    fates.lock().unwrap_or_else(PoisonError::into_inner).insert(accepted.reference, fate);
    if who.sends_twice {
        submit(doors, center, who, way, tally).await;
    }
}

fn hopeless(counts: &Counts) -> anyhow::Result<()> {
    let accepted = counts.handed_in();
    if accepted == 0 && counts.failures() >= HOPELESS {
        let most = counts.failed.iter().max_by_key(|(_, count)| **count).map(|(what, _)| what.as_str());
        bail!("no inquiry was accepted after {HOPELESS} tries ({}); is the system up?", most.unwrap_or("no answer"));
    }
    Ok(())
}

/// Who asks next at one center.
struct Next {
    times: Arrivals,
    number: u64,
    at: Timestamp,
}

/// Who asks next, over all centers.
struct Schedule {
    arrivals: Vec<Next>,
    live: Option<(f64, u64)>,
    filled_until: Timestamp,
}

impl Schedule {
    fn new(plan: &Plan, centers: &[Arc<Center>], clock: &Clock) -> Self {
        let now = clock.now();
        let meets = meets_real_time(clock);
        let share = 1.0 / centers.len().max(1) as f64;
        let first = |center: &Arc<Center>| {
            let zone = center.profile.zone().clone();
            let (shape, per_hour) = match plan.pace {
                Pace::PerHour(rate) => (Shape::Lifelike, rate * share),
                Pace::Demo => match meets {
                    Some((at, real)) => {
                        let wanted = WEEK.min(real.as_secs_f64() * MOST_PER_REAL_SECOND);
                        (Shape::Lifelike, wanted * share / mean_hours(&zone, now, at).max(1.0))
                    }
                    None => (Shape::Flat, LIVE_PER_HOUR * share),
                },
            };
            let mut times = Arrivals::new(mix(plan.seed, &["times", center.id()]), zone, shape, per_hour, now);
            let at = times.next_at();
            Next { times, number: 0, at }
        };
        let live = (plan.pace == Pace::Demo && meets.is_some()).then_some((LIVE_PER_HOUR * share, plan.seed));
        let filled_until = meets.map_or(Timestamp::MAX, |(at, _)| at);
        Self { arrivals: centers.iter().map(first).collect(), live, filled_until }
    }

    /// The center's place, the person's number there, and when.
    fn next(&mut self, clock: &Clock) -> (usize, u64, Timestamp) {
        if self.arrivals.iter().all(|next| next.at >= self.filled_until) {
            self.go_live(clock.now().max(self.filled_until));
        }
        let soonest = self.arrivals.iter().enumerate().min_by_key(|(_, next)| next.at);
        let place = soonest.map_or(0, |(place, _)| place);
        let next = &mut self.arrivals[place];
        let (number, at) = (next.number, next.at);
        next.number += 1;
        next.at = next.times.next_at();
        (place, number, at)
    }

    /// The week is full: from here on people ask at the live pace.
    fn go_live(&mut self, from: Timestamp) {
        let Some((per_hour, seed)) = self.live.take() else { return };
        for (place, next) in self.arrivals.iter_mut().enumerate() {
            next.times.go_flat(mix(seed, &["live", &place.to_string()]), per_hour, from);
            next.at = next.times.next_at();
        }
    }
}

/// When the lapse clock meets real time, in its own time, and how long that takes in the real world.
fn meets_real_time(clock: &Clock) -> Option<(Timestamp, Duration)> {
    let speed = clock.speed();
    let now = clock.now();
    let lag = now.duration_until(Clock::system().now()).as_secs_f64();
    if speed <= 1.0 || lag <= 0.0 {
        return None;
    }
    let real = lag / (speed - 1.0);
    let at = now.checked_add(SignedDuration::try_from_secs_f64(real * speed).ok()?).ok()?;
    Some((at, Duration::try_from_secs_f64(real).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lapse_of_a_week_meets_real_time_after_little_more_than_a_minute() {
        let now = Clock::system().now();
        let clock = Clock::lapse(now, now - SignedDuration::from_hours(24 * 7), 7_600.0);
        let (at, real) = meets_real_time(&clock).expect("it is behind");
        assert!((75.0..85.0).contains(&real.as_secs_f64()), "{real:?}");
        assert!(at.duration_since(now).abs() < SignedDuration::from_mins(5));
        assert!(meets_real_time(&Clock::system()).is_none());
    }

    #[test]
    fn a_play_gives_up_only_where_nothing_was_ever_accepted() {
        let tally = Tally::default();
        for _ in 0..HOPELESS {
            tally.failed("submit by form", "unreachable");
        }
        assert!(hopeless(&tally.counts()).is_err());
        tally.done("forms");
        assert!(hopeless(&tally.counts()).is_ok());
    }
}
