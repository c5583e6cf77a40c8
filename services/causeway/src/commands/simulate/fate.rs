//! What becomes of each synthetic inquiry: drawn once from the seed, so that the same seed tells the same stories.
//!
//! Deliberately not here: the calls that make it so (steps).

use causeway_funnel::stage::CloseReason;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A number from a seed and words that stays the same for ever; not a secret.
pub fn mix(seed: u64, parts: &[&str]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Where an inquiry ends without a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In the first talk.
    Contact(CloseReason),
    /// While records are gathered.
    Records(CloseReason),
    /// When dates are offered.
    Offer(CloseReason),
}

/// A place where an inquiry is left standing, so that every stage of the funnel shows some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nobody calls.
    Routed,
    /// The note is not finished.
    Contacted,
    /// The records do not come.
    IntakeComplete,
    /// No date is offered.
    RecordsReady,
}

/// What becomes of a visit that was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It stays.
    None,
    /// It is moved once.
    Moved,
    /// It is called off and booked again.
    Rebooked,
    /// It is called off and the inquiry is closed.
    CalledOff,
}

/// What becomes of one inquiry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fate {
    /// For small choices on the way, such as words of the note.
    pub salt: u64,
    /// Minutes from the inquiry to the first try, counted from opening.
    pub first_try_minutes: i64,
    /// Tries in vain before somebody is reached.
    pub tries_in_vain: u32,
    /// Hours between tries.
    pub retry_hours: i64,
    /// The note is finished in the first talk.
    pub note_at_once: bool,
    /// Hours until records come.
    pub records_hours: i64,
    /// Records come in two parts.
    pub records_in_parts: bool,
    /// Hours until a reviewer reads them.
    pub review_hours: i64,
    /// The reviewer asks for more once.
    pub asks_for_more: bool,
    /// Minutes until dates are offered.
    pub offer_minutes: i64,
    /// The first date that is offered suits.
    pub takes_first_date: bool,
    /// What becomes of the visit.
    pub change: Change,
    /// The visit is kept.
    pub attends: bool,
    /// After a missed visit a new one is booked.
    pub comes_back: bool,
    /// Where it ends early.
    pub ending: Option<Ending>,
    /// Where it is left standing.
    pub rest: Option<Rest>,
}

/// Reasons and their weights. Those that the steps find by themselves (unreachable, out of scope) are not drawn.
const REASONS: [(CloseReason, u32); 9] = [
    (CloseReason::ChoseAnotherCenter, 26),
    (CloseReason::NotReady, 20),
    (CloseReason::Insurance, 16),
    (CloseReason::NoSuitableDate, 12),
    (CloseReason::DistanceOrTravel, 10),
    (CloseReason::CareElsewhereStarted, 9),
    (CloseReason::Duplicate, 4),
    (CloseReason::AskedToStop, 4),
    (CloseReason::NotAnInquiry, 3),
];

impl Fate {
    /// The fate that a number stands for.
    pub fn of(number: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(number);
        let in_vain = std::iter::repeat_with(|| rng.random_bool(0.65)).take(9).take_while(|reached| !reached).count();
        let slow = rng.random_bool(0.15);
        Self {
            salt: number,
            first_try_minutes: if rng.random_bool(0.12) {
                rng.random_range(300..900)
            } else {
                rng.random_range(4..150)
            },
            tries_in_vain: u32::try_from(in_vain).unwrap_or(9),
            retry_hours: rng.random_range(2..7),
            note_at_once: rng.random_bool(0.75),
            records_hours: if slow { rng.random_range(60..140) } else { rng.random_range(3..34) },
            records_in_parts: rng.random_bool(0.35),
            review_hours: rng.random_range(1..10),
            asks_for_more: rng.random_bool(0.08),
            offer_minutes: rng.random_range(20..240),
            takes_first_date: rng.random_bool(0.7),
            change: match rng.random_range(0..100) {
                0..=11 => Change::Moved,
                12..=15 => Change::Rebooked,
                16..=18 => Change::CalledOff,
                _ => Change::None,
            },
            attends: rng.random_bool(0.88),
            comes_back: rng.random_bool(0.7),
            ending: rng.random_bool(0.17).then(|| ending(&mut rng)),
            rest: match rng.random_range(0..100) {
                0..=2 => Some(Rest::Routed),
                3..=5 => Some(Rest::Contacted),
                6..=8 => Some(Rest::IntakeComplete),
                9..=11 => Some(Rest::RecordsReady),
                _ => None,
            },
        }
    }

    /// Chance for a small choice on the way; the same question always gets the same answer.
    pub fn rng(&self, question: &str) -> StdRng {
        StdRng::seed_from_u64(mix(self.salt, &[question]))
    }
}

fn ending(rng: &mut StdRng) -> Ending {
    let total: u32 = REASONS.iter().map(|(_, weight)| weight).sum();
    let mut draw = rng.random_range(0..total);
    let drawn = REASONS.iter().find(|(_, weight)| {
        let here = draw < *weight;
        draw = draw.saturating_sub(*weight);
        here
    });
    let reason = drawn.map_or(CloseReason::OtherReason, |(reason, _)| *reason);
    match (reason, rng.random_range(0..3)) {
        (CloseReason::NoSuitableDate, _) => Ending::Offer(reason),
        (CloseReason::Duplicate | CloseReason::NotAnInquiry, _) | (_, 0) => Ending::Contact(reason),
        (_, 1) => Ending::Records(reason),
        _ => Ending::Offer(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_is_the_same_fate() {
        assert_eq!(Fate::of(mix(1, &["a", "7"])), Fate::of(mix(1, &["a", "7"])));
        assert_ne!(mix(1, &["a", "7"]), mix(2, &["a", "7"]));
        assert_ne!(mix(1, &["ab", "c"]), mix(1, &["a", "bc"]));
    }

    #[test]
    fn over_many_inquiries_every_ending_and_every_resting_place_occurs_but_most_go_on() {
        let fates: Vec<Fate> = (0..2000).map(|number| Fate::of(mix(1, &[&number.to_string()]))).collect();
        for rest in [Rest::Routed, Rest::Contacted, Rest::IntakeComplete, Rest::RecordsReady] {
            assert!(fates.iter().filter(|fate| fate.rest == Some(rest)).count() > 20, "{rest:?}");
        }
        for (reason, _) in REASONS {
            let ends = |fate: &&Fate| matches!(fate.ending, Some(Ending::Contact(r) | Ending::Records(r) | Ending::Offer(r)) if r == reason);
            assert!(fates.iter().any(|fate| ends(&fate)), "{reason}");
        }
        let untouched = fates.iter().filter(|fate| fate.ending.is_none() && fate.rest.is_none()).count();
        assert!(untouched > 1300, "{untouched}");
        let reached_first = fates.iter().filter(|fate| fate.tries_in_vain == 0).count();
        assert!((1200..1400).contains(&reached_first), "{reached_first}");
    }
}
