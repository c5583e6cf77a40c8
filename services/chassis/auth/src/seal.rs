//! Seals health information before it is stored: AES-256-GCM under a key of its own per center.
//!
//! The context (table, column, row) is authenticated with the value, so a sealed value that is moved to another row or another center
//! does not open. Equal values seal differently; where rows must be found by a value, `blind` gives a keyed token that tells nothing.
//!
//! Deliberately not here: what is sealed (the services) and rotation of the master key (an operator's procedure).

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use causeway_runtime::Mode;
use thiserror::Error;

use crate::keys::{KeyError, Master};
use crate::phi::Phi;

const SEALED: u8 = 1;
const PLAIN: u8 = 0;
const CACHED_CENTERS: usize = 4096;

/// A value could not be sealed or opened. The cause is never told, because it could tell something about the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// Changed, moved, of another center, or of another master key.
    #[error(
        "could not open a sealed value: it was changed, belongs elsewhere, or another master.key sealed it; restore the right key"
    )]
    Open,
    /// The cryptographic library refused.
    #[error("could not seal a value: the cryptographic library refused; restart and check the machine's entropy")]
    Seal,
}

/// Seals, opens and blinds; cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    inner: Arc<Inner>,
}

struct Inner {
    master: Master,
    sealing: bool,
    centers: RwLock<HashMap<String, Arc<CenterKeys>>>,
}

struct CenterKeys {
    seal: RandomizedNonceKey,
    blind: hmac::Key,
}

impl Sealer {
    /// Opens `master.key` in a directory; makes it when missing, in development only.
    pub fn open_keyring(dir: &Path, mode: Mode) -> Result<Self, KeyError> {
        Ok(Self::with(Master::open(dir, mode)?, true))
    }

    /// As configured: `sealing = false` is accepted in development only.
    pub fn configured(dir: &Path, mode: Mode, sealing: bool) -> Result<Self, KeyError> {
        if sealing { Self::open_keyring(dir, mode) } else { Self::disabled(dir, mode) }
    }

    /// A sealer that stores plainly, so that a canary test can prove that it would notice. Refused in production.
    pub fn disabled(dir: &Path, mode: Mode) -> Result<Self, KeyError> {
        if !mode.is_development() {
            return Err(KeyError::DevelopmentOnly { what: "storing without sealing (auth.sealing = false)" });
        }
        Ok(Self::with(Master::open(dir, mode)?, false))
    }

    fn with(master: Master, sealing: bool) -> Self {
        Self { inner: Arc::new(Inner { master, sealing, centers: RwLock::default() }) }
    }

    /// Seals a value for a center and a context such as `people.name:<id>`.
    pub fn seal(&self, center: &str, context: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        if !self.inner.sealing {
            return Ok([&[PLAIN], value].concat());
        }
        let keys = self.center(center).ok_or(SealError::Seal)?;
        let mut body = value.to_vec();
        let nonce =
            keys.seal.seal_in_place_append_tag(associated(center, context), &mut body).map_err(|_| SealError::Seal)?;
        Ok([&[SEALED], nonce.as_ref().as_slice(), &body].concat())
    }

    /// Opens a value that was sealed for the same center and context.
    pub fn open(&self, center: &str, context: &str, sealed: &[u8]) -> Result<Phi<Vec<u8>>, SealError> {
        match sealed.split_first() {
            Some((&SEALED, rest)) => self.open_sealed(center, context, rest),
            Some((&PLAIN, rest)) if !self.inner.sealing => Ok(Phi::new(rest.to_vec())),
            _ => Err(SealError::Open),
        }
    }

    /// Seals a text.
    pub fn seal_text(&self, center: &str, context: &str, value: &Phi<String>) -> Result<Vec<u8>, SealError> {
        self.seal(center, context, value.expose().as_bytes())
    }

    /// Opens a text.
    pub fn open_text(&self, center: &str, context: &str, sealed: &[u8]) -> Result<Phi<String>, SealError> {
        self.open(center, context, sealed)?
            .map(|bytes| String::from_utf8(bytes).map_err(|_| SealError::Open))
            .transpose()
    }

    fn open_sealed(&self, center: &str, context: &str, sealed: &[u8]) -> Result<Phi<Vec<u8>>, SealError> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
        let keys = self.center(center).ok_or(SealError::Open)?;
        let mut body = body.to_vec();
        let length =
            keys.seal.open_in_place(nonce, associated(center, context), &mut body).map_err(|_| SealError::Open)?.len();
        body.truncate(length);
        Ok(Phi::new(body))
    }

    /// A token by which equal values of one center and purpose can be found without being told.
    pub fn blind(&self, center: &str, purpose: &str, value: &str) -> Result<[u8; 16], SealError> {
        let keys = self.center(center).ok_or(SealError::Seal)?;
        let mut context = hmac::Context::with_key(&keys.blind);
        for part in [purpose.as_bytes(), &[0], value.as_bytes()] {
            context.update(part);
        }
        let tag = context.sign();
        let mut token = [0; 16];
        token.copy_from_slice(&tag.as_ref()[..16]);
        Ok(token)
    }

    fn center(&self, center: &str) -> Option<Arc<CenterKeys>> {
        let cached = &self.inner.centers;
        if let Some(keys) = cached.read().unwrap_or_else(PoisonError::into_inner).get(center) {
            return Some(Arc::clone(keys));
        }
        let seal = self.inner.master.derive("seal", center).ok()?;
        let blind = self.inner.master.derive("blind", center).ok()?;
        let keys = Arc::new(CenterKeys {
            seal: RandomizedNonceKey::new(&AES_256_GCM, &seal).ok()?,
            blind: hmac::Key::new(hmac::HMAC_SHA256, &blind),
        });
        let mut cached = cached.write().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= CACHED_CENTERS {
            cached.clear();
        }
        cached.insert(center.to_owned(), Arc::clone(&keys));
        Some(keys)
    }
}

fn associated(center: &str, context: &str) -> Aad<Vec<u8>> {
    Aad::from([&[SEALED], center.as_bytes(), &[0], context.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::fresh_dir;

    fn sealer() -> Sealer {
        Sealer::open_keyring(&fresh_dir(), Mode::Development).expect("keyring")
    }

    #[test]
    fn what_was_sealed_opens_and_does_not_show() {
        let sealer = sealer();
        let sealed = sealer.seal("north", "people.name:1", b"Ada Lovelace").expect("seal");
        assert!(!sealed.windows(3).any(|part| part == b"Ada"));
        let opened = sealer.open("north", "people.name:1", &sealed).expect("open");
        assert_eq!(opened.expose(), b"Ada Lovelace");
        let again = sealer.seal("north", "people.name:1", b"Ada Lovelace").expect("seal");
        assert_ne!(sealed, again, "equal values must not look equal");
    }

    #[test]
    fn another_center_another_row_or_another_key_does_not_open_it() {
        let sealer = sealer();
        let sealed = sealer.seal("north", "people.name:1", b"Ada").expect("seal");
        for (center, context) in [("south", "people.name:1"), ("north", "people.name:2")] {
            assert!(sealer.open(center, context, &sealed).is_err());
        }
        let other = Sealer::open_keyring(&fresh_dir(), Mode::Development).expect("keyring");
        assert!(other.open("north", "people.name:1", &sealed).is_err());
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let sealer = sealer();
        let sealed = sealer.seal("north", "c", b"Ada").expect("seal");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open("north", "c", &changed).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(sealer.open("north", "c", &sealed[..length]).is_err());
        }
    }

    #[test]
    fn a_second_start_opens_what_the_first_one_sealed() {
        let dir = fresh_dir();
        let first = Sealer::open_keyring(&dir, Mode::Development).expect("keyring");
        let sealed = first.seal_text("north", "c", &Phi::new("Zoë".to_owned())).expect("seal");
        let second = Sealer::open_keyring(&dir, Mode::Production).expect("keyring");
        let opened = second.open_text("north", "c", &sealed).expect("open");
        assert!(opened == Phi::new("Zoë".to_owned()));
    }

    #[test]
    fn a_blind_token_is_steady_and_bound_to_center_and_purpose() {
        let sealer = sealer();
        let token = sealer.blind("north", "phone", "+15550100").expect("blind");
        assert_eq!(sealer.blind("north", "phone", "+15550100"), Ok(token));
        assert_ne!(sealer.blind("south", "phone", "+15550100"), Ok(token));
        assert_ne!(sealer.blind("north", "email", "+15550100"), Ok(token));
    }

    #[test]
    fn storing_plainly_is_possible_in_development_only() {
        let dir = fresh_dir();
        let plain = Sealer::configured(&dir, Mode::Development, false).expect("development");
        let stored = plain.seal("north", "c", b"canary").expect("seal");
        assert!(stored.ends_with(b"canary"));
        assert_eq!(plain.open("north", "c", &stored).expect("open").expose(), b"canary");
        let sealing = Sealer::configured(&dir, Mode::Development, true).expect("development");
        assert!(sealing.open("north", "c", &stored).is_err());
        let text = Sealer::configured(&dir, Mode::Production, false).err().expect("refused").to_string();
        assert!(text.contains("development only"), "{text}");
    }
}
