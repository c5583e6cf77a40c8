//! Proof of work: a challenge that costs a sender's machine some time, and us one hash to check.
//!
//! A challenge is a signed link for one center and one matter, which says how hard it is and when it ends; nothing is kept of
//! it. Whoever finds the number for which the SHA-256 of `challenge:number` begins with so many zero bits has done the work. It
//! keeps no determined sender out; it makes a thousand forms cost a thousand times as much as one. Deliberately not here: that a
//! proof counts once (its keeper stores the fingerprint), and what becomes of whoever has none.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::links::{LinkError, SignedLinks};

/// Most bits that are ever asked: some ten seconds of a slow phone.
pub const MOST_BITS: u32 = 22;
/// Most digits of a number.
const MOST_DIGITS: usize = 20;
/// Before the name of the matter in the signed purpose.
const PURPOSE: &str = "proof of work ";

/// A proof was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// No challenge of ours, or one for something else, or no number.
    #[error("the proof's challenge was not made for this; ask for a new one")]
    Forged,
    /// Its time is over.
    #[error("the proof's challenge has ended; ask for a new one")]
    Expired,
    /// The number does not solve it.
    #[error("the proof's number does not solve its challenge; look for another one")]
    TooWeak,
}

impl ProofError {
    /// A stable word, for counting.
    pub fn word(self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::TooWeak => "too_weak",
        }
    }
}

/// A proof that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What to store so that it counts once.
    pub fingerprint: [u8; 32],
    /// Until when it could be shown again.
    pub expires: Timestamp,
}

impl SignedLinks {
    /// A new challenge of a center for a matter, such as one of its forms.
    pub fn challenge(&self, center: &str, matter: &str, bits: u32, expires: Timestamp) -> Result<String, LinkError> {
        let subject = Uuid::from_u128(bits.min(MOST_BITS).into());
        self.issue(center, &format!("{PURPOSE}{matter}"), subject, expires)
    }

    /// Checks `challenge:number`.
    ///
    /// # Errors
    /// It proves nothing here and now.
    pub fn check_work(&self, center: &str, matter: &str, proof: &str, now: Timestamp) -> Result<Proof, ProofError> {
        let (challenge, number) = proof.split_once(':').ok_or(ProofError::Forged)?;
        let is_number = (1..=MOST_DIGITS).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let link = self.verify(challenge, &format!("{PURPOSE}{matter}"), now).map_err(|cause| match cause {
            LinkError::Expired => ProofError::Expired,
            LinkError::Invalid | LinkError::Refused => ProofError::Forged,
        })?;
        if !is_number || link.center != center {
            return Err(ProofError::Forged);
        }
        let wanted = u32::try_from(link.subject.as_u128()).unwrap_or(u32::MAX);
        if zero_bits(proof) < wanted {
            return Err(ProofError::TooWeak);
        }
        Ok(Proof { fingerprint: Self::fingerprint(challenge), expires: link.expires })
    }
}

/// Zero bits at the beginning of a text's hash, as far as anybody may be asked for them.
fn zero_bits(text: &str) -> u32 {
    let hash = digest(&SHA256, text.as_bytes());
    let head = hash.as_ref().first_chunk::<4>().copied().unwrap_or_default();
    u32::from_be_bytes(head).leading_zeros()
}

/// Does the work; for senders that are programs, and for tests.
pub fn solve(challenge: &str, bits: u32) -> String {
    let mut number = 0_u64;
    loop {
        let proof = format!("{challenge}:{number}");
        if zero_bits(&proof) >= bits {
            return proof;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use causeway_runtime::Mode;
    use proptest::prelude::*;

    use super::*;
    use crate::keys::tests::fresh_dir;

    fn links() -> SignedLinks {
        SignedLinks::open_keyring(&fresh_dir(), Mode::Development).expect("keyring")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("time")
    }

    #[test]
    fn work_counts_for_its_center_its_matter_and_its_time_alone() {
        let links = links();
        let challenge = links.challenge("north", "general", 8, at(1000)).expect("a challenge");
        let proof = solve(&challenge, 8);
        let held = links.check_work("north", "general", &proof, at(999)).expect("it holds");
        assert_eq!(held, Proof { fingerprint: SignedLinks::fingerprint(&challenge), expires: at(1000) });
        assert_eq!(links.check_work("north", "general", &proof, at(1000)), Err(ProofError::Expired));
        assert_eq!(links.check_work("south", "general", &proof, at(1)), Err(ProofError::Forged));
        assert_eq!(links.check_work("north", "trial", &proof, at(1)), Err(ProofError::Forged));
        let other = links.issue("north", "form shown", Uuid::nil(), at(1000)).expect("a link");
        assert_eq!(links.check_work("north", "general", &format!("{other}:0"), at(1)), Err(ProofError::Forged));
        for odd in
            ["", ":", "x:1", &challenge, &format!("{challenge}:"), &format!("{challenge}:+1"), &format!("{proof}:1")]
        {
            assert_eq!(links.check_work("north", "general", odd, at(1)), Err(ProofError::Forged), "{odd}");
        }
    }

    #[test]
    fn nobody_is_asked_for_more_than_a_phone_can_do() {
        let links = links();
        let challenge = links.challenge("north", "general", 60, at(1000)).expect("a challenge");
        let link = links.verify(&challenge, "proof of work general", at(1)).expect("ours");
        assert_eq!(link.subject.as_u128(), u128::from(MOST_BITS));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_number_is_taken_exactly_if_its_hash_begins_with_so_many_zero_bits(bits in 0_u32..10, number in any::<u64>()) {
            let links = links();
            let challenge = links.challenge("north", "general", bits, at(1000)).expect("a challenge");
            let judged = |proof: &str| links.check_work("north", "general", proof, at(1));
            prop_assert!(judged(&solve(&challenge, bits)).is_ok());
            let guess = format!("{challenge}:{number}");
            let hash = digest(&SHA256, guess.as_bytes());
            let zeros = hash.as_ref().iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).take_while(|bit| *bit == 0);
            let enough = zeros.count() >= bits as usize;
            prop_assert_eq!(judged(&guess).is_ok(), enough);
            if !enough {
                prop_assert_eq!(judged(&guess), Err(ProofError::TooWeak));
            }
        }

        #[test]
        fn whatever_is_shown_as_a_proof_is_judged_without_a_panic_and_never_taken(text in "\\PC{0,200}") {
            prop_assert!(links().check_work("north", "general", &text, at(1)).is_err());
        }
    }
}
