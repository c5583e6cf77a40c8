//! The one clock of a process: every time and every id comes from here (F7).
//!
//! In production it is the machine's clock. In development it may be a *lapse* clock, which starts in the past and runs fast until it
//! meets real time, so that a demonstration shows a week of history in a minute or two. Tests set it by hand.
//!
//! Deliberately not here: calendars and business time (the domain computes those from the instant it is given).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::{ContextV7, Uuid};

/// A cheap handle on the process's time; clones share one time line.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: Kind,
    order: Mutex<ContextV7>,
}

#[derive(Debug)]
enum Kind {
    System,
    Lapse { real_start: Timestamp, sim_start: Timestamp, speed: f64 },
    Manual(Mutex<Timestamp>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self::of(Kind::System)
    }

    /// A clock that reads `sim_start` at `real_start`, runs `speed` times as fast until it meets real time, and is real from then on.
    pub fn lapse(real_start: Timestamp, sim_start: Timestamp, speed: f64) -> Self {
        Self::of(Kind::Lapse { real_start, sim_start, speed: speed.max(1.0) })
    }

    /// A clock that stands still until [`Clock::set`] or [`Clock::advance`] moves it.
    pub fn manual(at: Timestamp) -> Self {
        Self::of(Kind::Manual(Mutex::new(at)))
    }

    fn of(kind: Kind) -> Self {
        Self { inner: Arc::new(Inner { kind, order: Mutex::new(ContextV7::new()) }) }
    }

    /// Sets a manual clock; any other kind refuses to be moved and keeps its time.
    pub fn set(&self, at: Timestamp) {
        if let Kind::Manual(now) = &self.inner.kind {
            *now.lock().unwrap_or_else(PoisonError::into_inner) = at;
        }
    }

    /// Moves a manual clock on; any other kind keeps its time.
    pub fn advance(&self, by: SignedDuration) {
        if let Kind::Manual(now) = &self.inner.kind {
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.saturating_add(by).unwrap_or(*now);
        }
    }

    /// What time it is for the domain.
    pub fn now(&self) -> Timestamp {
        self.map(real_now())
    }

    /// Turns a time of the real world (the database's `now()`) into domain time.
    pub fn map(&self, real: Timestamp) -> Timestamp {
        match &self.inner.kind {
            Kind::System => real,
            Kind::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
            Kind::Lapse { real_start, sim_start, speed } => {
                let passed = real.duration_since(*real_start).as_secs_f64() * speed;
                let passed = SignedDuration::try_from_secs_f64(passed).unwrap_or(SignedDuration::MAX);
                sim_start.checked_add(passed).unwrap_or(real).min(real)
            }
        }
    }

    /// How many domain seconds pass in one real second at this moment.
    pub fn speed(&self) -> f64 {
        match &self.inner.kind {
            Kind::Lapse { speed, .. } => {
                let real = real_now();
                if self.map(real) < real { *speed } else { 1.0 }
            }
            Kind::System | Kind::Manual(_) => 1.0,
        }
    }

    /// How long to sleep in the real world for `domain` to pass.
    pub fn real_wait(&self, domain: Duration) -> Duration {
        domain.div_f64(self.speed())
    }

    /// A new id, ordered by this clock's time (uuid version 7).
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(&self.inner.order, seconds, nanos))
    }
}

/// The machine's time. The only place outside tests that asks for it.
#[allow(clippy::disallowed_methods, reason = "the clock is where ambient time enters")]
fn real_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_for_every_clone() {
        let clock = Clock::manual(at("2026-03-01T08:00:00Z"));
        let other = clock.clone();
        clock.advance(SignedDuration::from_hours(2));
        assert_eq!(other.now(), at("2026-03-01T10:00:00Z"));
        other.set(at("2026-03-02T00:00:00Z"));
        assert_eq!(clock.now(), at("2026-03-02T00:00:00Z"));
        assert_eq!(clock.map(at("2030-01-01T00:00:00Z")), at("2026-03-02T00:00:00Z"));
    }

    #[test]
    fn a_lapse_clock_runs_fast_until_it_meets_real_time() {
        let start = at("2026-03-08T00:00:00Z");
        let clock = Clock::lapse(start, at("2026-03-01T00:00:00Z"), 7561.0);
        assert_eq!(clock.map(start), at("2026-03-01T00:00:00Z"));
        assert_eq!(clock.map(start + SignedDuration::from_secs(10)), at("2026-03-01T21:00:10Z"));
        let met = start + SignedDuration::from_secs(80);
        assert_eq!(clock.map(met), met);
        let later = start + SignedDuration::from_hours(5);
        assert_eq!(clock.map(later), later);
        assert_eq!(clock.speed(), 1.0);
    }

    #[test]
    fn a_lapse_clock_that_still_lags_tells_its_speed() {
        let now = real_now();
        let clock = Clock::lapse(now, now - SignedDuration::from_hours(240), 100.0);
        assert_eq!(clock.speed(), 100.0);
        assert_eq!(clock.real_wait(Duration::from_secs(100)), Duration::from_secs(1));
    }

    #[test]
    fn ids_are_version_seven_and_in_order_of_the_clock() {
        let clock = Clock::manual(at("2026-03-01T08:00:00Z"));
        let ids: Vec<Uuid> = (0..100).map(|_| clock.new_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "ids of one instant must keep their order");
        clock.advance(SignedDuration::from_secs(1));
        assert!(clock.new_id() > ids[99]);
        assert_eq!(ids[0].get_version_num(), 7);
    }
}
