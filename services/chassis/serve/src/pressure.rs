//! How near somebody is to a limit, before they meet it: what machines are asked to do can grow with it.
//!
//! Deliberately not here: what is asked of them.

use std::hash::Hash;

use crate::limit::Limiter;

/// Each step asks for four times the work.
const BITS_A_STEP: u32 = 2;

/// Steps on the way to a limit by key: at half of it, at three quarters, and at all of it.
pub struct Pressure<K: Hash + Eq + Clone> {
    steps: Option<[Limiter<K>; 3]>,
}

impl<K: Hash + Eq + Clone> Pressure<K> {
    /// Of a limit of so many in a minute; 0 is no limit.
    #[must_use]
    pub fn per_minute(most: u32) -> Self {
        let step = |part: u32| Limiter::per_minute((most / 4).saturating_mul(part).max(1));
        Self { steps: (most > 0).then(|| [step(2), step(3), Limiter::per_minute(most)]) }
    }

    /// Counts one of this key, and tells how many bits of work more than usual it should cost.
    pub fn extra_bits(&self, key: &K) -> u32 {
        let over = self.steps.iter().flatten().filter(|step| step.admit(key).is_err()).count();
        u32::try_from(over).unwrap_or_default() * BITS_A_STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_the_limit_the_more_and_others_pay_nothing() {
        let pressure = Pressure::per_minute(8);
        let bits: Vec<u32> = (0..10).map(|_| pressure.extra_bits(&1)).collect();
        assert_eq!(bits, [0, 0, 0, 0, 2, 2, 4, 4, 6, 6]);
        assert_eq!(pressure.extra_bits(&2), 0);
        let free = Pressure::per_minute(0);
        assert!((0..100).all(|_| free.extra_bits(&1) == 0));
    }
}
