//! The statistics: ratios to the floor beside them, which rounds count, medians.
//!
//! Deliberately absent: where the numbers come from and how they are printed.

use serde::Serialize;

/// Rounds whose slices saw loads of other processes that differ by more than this many percentage points are dropped:
/// such a ratio would compare two machines.
pub const MOST_DIFFERENCE: f64 = 15.0;

/// Median and range of what was seen in several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Self { median, min, max })
    }
}

/// What one timed slice saw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slice {
    /// Done in each second.
    pub per_second: f64,
    /// Share of all cores that processes burnt which are neither servers nor load generator, per cent.
    pub others_cpu: f64,
}

/// A slice with the floor measured before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Round {
    /// The floor before.
    pub before: Slice,
    /// What is compared with it.
    pub slice: Slice,
    /// The floor after.
    pub after: Slice,
}

impl Round {
    /// The slice's rate, divided by the mean of the floors beside it.
    pub fn ratio(&self) -> f64 {
        self.slice.per_second / f64::midpoint(self.before.per_second, self.after.per_second)
    }

    /// Whether all three slices had about the same machine.
    pub fn counts(&self) -> bool {
        let loads = [self.before.others_cpu, self.slice.others_cpu, self.after.others_cpu];
        let most = loads.into_iter().fold(f64::MIN, f64::max);
        let least = loads.into_iter().fold(f64::MAX, f64::min);
        most - least <= MOST_DIFFERENCE
    }
}

/// What several rounds say together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Rate of the thing measured.
    pub per_second: Spread,
    /// Rate of the floor beside it.
    pub floor_per_second: Spread,
    /// The one divided by the other, round by round.
    pub ratio: Spread,
    /// Rounds measured.
    pub rounds: usize,
    /// Rounds left out because the machine was busy with something else in only a part of them.
    pub dropped: usize,
    /// True where no round was steady, so that all were used all the same.
    pub unsteady: bool,
    /// Others' share of the cores during the slices, per cent.
    pub others_cpu: Spread,
}

impl Compared {
    /// Of at least one round; `None` of none.
    pub fn of(rounds: &[Round]) -> Option<Self> {
        let steady: Vec<&Round> = rounds.iter().filter(|round| round.counts()).collect();
        let unsteady = steady.is_empty();
        let used: Vec<&Round> = if unsteady { rounds.iter().collect() } else { steady };
        let spread = |value: fn(&Round) -> f64| Spread::of(&used.iter().map(|round| value(round)).collect::<Vec<_>>());
        Some(Self {
            per_second: spread(|round| round.slice.per_second)?,
            floor_per_second: spread(|round| f64::midpoint(round.before.per_second, round.after.per_second))?,
            ratio: spread(Round::ratio)?,
            rounds: rounds.len(),
            dropped: rounds.len() - used.len(),
            unsteady,
            others_cpu: spread(|round| round.slice.others_cpu)?,
        })
    }
}

/// Two quantiles in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50_ms: f64,
    /// All but one in a hundred were faster.
    pub p99_ms: f64,
}

impl Latency {
    /// Of a histogram of microseconds; `None` where it is empty.
    pub fn of(micros: &hdrhistogram::Histogram<u64>) -> Option<Self> {
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1000.0;
        (!micros.is_empty()).then(|| Self { p50_ms: at(0.5), p99_ms: at(0.99) })
    }
}

/// A histogram of microseconds that grows with its values; three digits.
pub fn histogram() -> hdrhistogram::Histogram<u64> {
    let mut histogram = hdrhistogram::Histogram::new(3).expect("three digits are within its limits");
    histogram.auto(true);
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(floor: (f64, f64), rate: f64, others: [f64; 3]) -> Round {
        let slice = |per_second, others_cpu| Slice { per_second, others_cpu };
        Round { before: slice(floor.0, others[0]), slice: slice(rate, others[1]), after: slice(floor.1, others[2]) }
    }

    #[test]
    fn the_median_is_the_middle_value_or_the_mean_of_the_two_middle_ones() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0, 3.0, 2.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[f64::NAN, 5.0]).map(|spread| spread.median), Some(5.0));
    }

    #[test]
    fn a_ratio_compares_a_slice_with_the_mean_of_its_neighbours() {
        assert_eq!(round((1000.0, 3000.0), 1000.0, [0.0; 3]).ratio(), 0.5);
    }

    #[test]
    fn a_round_is_dropped_where_others_were_busy_in_only_a_part_of_it() {
        let steady = round((1000.0, 1000.0), 800.0, [40.0, 50.0, 55.0]);
        let disturbed = round((1000.0, 1000.0), 100.0, [5.0, 30.0, 5.0]);
        assert!(steady.counts() && !disturbed.counts());
        let compared = Compared::of(&[steady, disturbed, steady]).expect("rounds");
        assert_eq!((compared.rounds, compared.dropped, compared.unsteady), (3, 1, false));
        assert_eq!(compared.ratio, Spread { median: 0.8, min: 0.8, max: 0.8 });
    }

    #[test]
    fn where_no_round_was_steady_all_are_used_and_it_is_said() {
        let disturbed = round((1000.0, 1000.0), 500.0, [0.0, 90.0, 0.0]);
        let compared = Compared::of(&[disturbed]).expect("a round");
        assert!(compared.unsteady && compared.dropped == 0);
        assert_eq!(Compared::of(&[]), None);
    }

    #[test]
    fn latencies_are_told_in_milliseconds() {
        let mut micros = histogram();
        assert_eq!(Latency::of(&micros), None);
        (1..=100).for_each(|milli| micros.record(milli * 1000).expect("in range"));
        let latency = Latency::of(&micros).expect("values");
        assert!((latency.p50_ms - 50.0).abs() < 0.1 && (latency.p99_ms - 99.0).abs() < 0.1, "{latency:?}");
    }
}
