//! When people ask: a Poisson process whose rate follows the hour of the day and the day of the week.
//!
//! Most people ask in the morning, some at night after work or when they cannot sleep. The process is drawn by thinning
//! and from a seed, so the same seed gives the same times. Deliberately not here: who asks, and what.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Share of a day's inquiries by local hour, as a multiple of the mean hour.
const HOURS: [f64; 24] = [
    0.30, 0.22, 0.18, 0.15, 0.18, 0.35, 0.70, 1.20, 1.75, 2.10, 2.15, 1.90, 1.40, 1.35, 1.45, 1.40, 1.25, 1.05, 0.95,
    1.00, 1.05, 0.90, 0.65, 0.45,
];
/// Monday first, as a multiple of the mean day.
const DAYS: [f64; 7] = [1.30, 1.20, 1.10, 1.00, 0.95, 0.75, 0.70];
const PEAK: f64 = 2.15 * 1.30;

/// How the rate moves over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As people live: by hour and weekday.
    Lifelike,
    /// The same at all times.
    Flat,
}

/// The times at which people of one center ask.
#[derive(Debug)]
pub struct Arrivals {
    rng: StdRng,
    zone: TimeZone,
    shape: Shape,
    per_hour: f64,
    at: Timestamp,
}

impl Arrivals {
    /// The times after `from`, `per_hour` of them in a mean hour.
    pub fn new(seed: u64, zone: TimeZone, shape: Shape, per_hour: f64, from: Timestamp) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), zone, shape, per_hour, at: from }
    }

    /// From here on the same rate at all times, counted from `from`.
    pub fn go_flat(&mut self, seed: u64, per_hour: f64, from: Timestamp) {
        *self = Self::new(seed, self.zone.clone(), Shape::Flat, per_hour, from);
    }

    /// The time of the next inquiry.
    pub fn next_at(&mut self) -> Timestamp {
        let peak = if self.shape == Shape::Lifelike { PEAK } else { 1.0 };
        loop {
            let draw: f64 = self.rng.random();
            let hours = -(1.0 - draw).ln() / (self.per_hour * peak).max(1e-9);
            let step = SignedDuration::try_from_secs_f64((hours * 3600.0).min(1e9)).unwrap_or(SignedDuration::MAX);
            self.at = self.at.checked_add(step).unwrap_or(Timestamp::MAX);
            let accepted = self.shape == Shape::Flat || self.rng.random::<f64>() * PEAK < weight(self.local());
            if accepted || self.at == Timestamp::MAX {
                return self.at;
            }
        }
    }

    fn local(&self) -> DateTime {
        self.zone.to_datetime(self.at)
    }
}

fn weight(local: DateTime) -> f64 {
    let hour = HOURS.get(usize::from(local.hour().unsigned_abs())).copied().unwrap_or(1.0);
    let day = usize::from(local.weekday().to_monday_zero_offset().unsigned_abs());
    hour * DAYS.get(day).copied().unwrap_or(1.0)
}

/// How many mean hours lie between two times: nights and Sundays count for less.
pub fn mean_hours(zone: &TimeZone, from: Timestamp, to: Timestamp) -> f64 {
    let step = SignedDuration::from_mins(15);
    let mut at = from;
    let mut sum = 0.0;
    while at < to {
        sum += weight(zone.to_datetime(at)) / 4.0;
        let Ok(next) = at.checked_add(step) else { break };
        at = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("America/Los_Angeles").expect("a zone")
    }

    fn monday() -> Timestamp {
        "2026-03-02T08:00:00Z".parse().expect("a time")
    }

    fn week_later() -> Timestamp {
        monday() + SignedDuration::from_hours(7 * 24)
    }

    #[test]
    fn the_same_seed_gives_the_same_times_and_another_seed_others() {
        let times = |seed| {
            let mut arrivals = Arrivals::new(seed, zone(), Shape::Lifelike, 5.0, monday());
            (0..50).map(|_| arrivals.next_at()).collect::<Vec<_>>()
        };
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
        assert!(times(1).is_sorted());
    }

    #[test]
    fn a_week_holds_about_as_many_as_asked_for_and_more_of_them_in_the_morning() {
        let per_hour = 1000.0 / mean_hours(&zone(), monday(), week_later());
        let mut arrivals = Arrivals::new(7, zone(), Shape::Lifelike, per_hour, monday());
        let times: Vec<Timestamp> =
            std::iter::from_fn(|| Some(arrivals.next_at())).take_while(|at| *at < week_later()).collect();
        assert!((880..1120).contains(&times.len()), "{}", times.len());
        let within = |hours: std::ops::Range<i8>| {
            times.iter().filter(|at| hours.contains(&zone().to_datetime(**at).hour())).count()
        };
        assert!(within(8..12) > 3 * within(0..4));
        assert!(within(0..4) > 0);
    }

    #[test]
    fn a_mean_hour_is_an_hour_over_a_whole_week() {
        let hours = mean_hours(&zone(), monday(), week_later());
        assert!((hours - 168.0).abs() < 6.0, "{hours}");
    }
}
