//! Short-lived tokens by which services know each other, and the person on whose behalf one calls.
//!
//! Each service signs with its own Ed25519 key; the others hold only its public key, so no service can pose as another. Signing and
//! verifying cost far more than a call should, so a signed token is used again for half a minute and a verified one until it ends.
//! Time is real time even when the domain's clock runs fast: a token's life is between machines, not between people.
//!
//! Deliberately not here: how a token travels (serve) and what its holder may do (policy).

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest;
use causeway_runtime::{Clock, Mode};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::actor::Actor;
use crate::keys::{self, KeyError};

const LIFETIME: SignedDuration = SignedDuration::from_secs(120);
const REUSED: SignedDuration = SignedDuration::from_secs(30);
const DEVELOPMENT_LIFETIME: SignedDuration = SignedDuration::from_hours(12);
const LEEWAY: SignedDuration = SignedDuration::from_secs(30);
const DEVELOPMENT: &str = "development";
const CACHED: usize = 8192;

/// A token was not made or not accepted.
#[derive(Debug, Error)]
pub enum TokenError {
    /// Not a token of ours at all.
    #[error("token is malformed: send the one that the service or the sign-in gave")]
    Malformed,
    /// No public key of that service.
    #[error("token comes from '{0}', whose public key is not in keys_dir: add service-{0}.pub")]
    UnknownService(String),
    /// Somebody else signed it, or it was changed.
    #[error("token's signature is not that of the service it names: check service-*.pub in keys_dir")]
    Signature,
    /// Made for another service.
    #[error("token was made for another service than '{0}'")]
    Audience(String),
    /// Its time is over, or has not begun.
    #[error("token is not valid at this time: get a new one, and check both machines' clocks")]
    Expired,
    /// A development token outside development.
    #[error("development tokens are refused in production: sign in at the provider")]
    DevelopmentOnly,
    /// Signing failed.
    #[error("could not sign a token: check that the service's key is an Ed25519 key in PKCS#8 form")]
    Signing,
    /// A key file is wrong.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Who called: the service, and the person it calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The service whose key signed.
    pub service: String,
    /// On whose behalf, if a person started it.
    pub actor: Option<Actor>,
}

impl Caller {
    /// Who is to be held to account: the person if there is one, else the service itself.
    pub fn accountable(&self) -> Actor {
        self.actor.clone().unwrap_or_else(|| Actor::service(&self.service))
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Actor>,
}

/// A service's own identity: it signs.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Signer>,
}

struct Signer {
    service: String,
    mode: Mode,
    key: EncodingKey,
    clock: Clock,
    signed: Cache<(String, Option<Actor>), Arc<str>>,
}

impl Identity {
    /// Loads `service-<name>.key`; makes the pair when missing, in development only.
    pub fn load(keys_dir: &Path, service: &str, mode: Mode) -> Result<Self, TokenError> {
        let pem = keys::service_key(keys_dir, service, mode)?;
        let key = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| TokenError::Signing)?;
        Ok(Self {
            inner: Arc::new(Signer {
                service: service.to_owned(),
                mode,
                key,
                clock: Clock::system(),
                signed: Cache::default(),
            }),
        })
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        &self.inner.service
    }

    /// A token for calling `audience`, on behalf of a person or on the service's own account.
    pub fn token(&self, audience: &str, actor: Option<&Actor>) -> Result<Arc<str>, TokenError> {
        self.token_at(audience, actor, self.inner.clock.now())
    }

    /// As [`Identity::token`], at a given time.
    pub fn token_at(&self, audience: &str, actor: Option<&Actor>, now: Timestamp) -> Result<Arc<str>, TokenError> {
        let key = (audience.to_owned(), actor.cloned());
        if let Some(token) = self.inner.signed.get(&key, now) {
            return Ok(token);
        }
        let token: Arc<str> = self.sign(audience, actor, now, LIFETIME)?.into();
        self.inner.signed.put(key, Arc::clone(&token), now, now + REUSED);
        Ok(token)
    }

    /// A token for any service on behalf of somebody, for trying things by hand. Refused in production, here and by every verifier.
    pub fn development_token(&self, actor: &Actor) -> Result<String, TokenError> {
        if !self.inner.mode.is_development() {
            return Err(TokenError::DevelopmentOnly);
        }
        let now = self.inner.clock.now();
        self.sign(DEVELOPMENT, Some(actor), now, DEVELOPMENT_LIFETIME)
    }

    fn sign(
        &self,
        audience: &str,
        actor: Option<&Actor>,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Result<String, TokenError> {
        let header = Header { kid: Some(self.inner.service.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            iss: self.inner.service.clone(),
            aud: audience.to_owned(),
            iat: now.as_second(),
            exp: (now + lifetime).as_second(),
            act: actor.cloned(),
        };
        jsonwebtoken::encode(&header, &claims, &self.inner.key).map_err(|_| TokenError::Signing)
    }
}

/// Checks the tokens of all services whose public keys are at hand.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Checker>,
}

struct Checker {
    keys_dir: PathBuf,
    mode: Mode,
    keys: RwLock<HashMap<String, (String, DecodingKey)>>,
    verified: Cache<[u8; 32], Arc<Caller>>,
}

impl Verifier {
    /// A verifier over the `service-<name>.pub` files of a directory; they are read when first needed and again when one changed.
    pub fn new(keys_dir: &Path, mode: Mode) -> Self {
        Self {
            inner: Arc::new(Checker {
                keys_dir: keys_dir.to_owned(),
                mode,
                keys: RwLock::default(),
                verified: Cache::default(),
            }),
        }
    }

    /// Who holds this token, if it is good for `audience` at this (real) time.
    pub fn verify(&self, token: &str, audience: &str, now: Timestamp) -> Result<Arc<Caller>, TokenError> {
        let key = cache_key(token, audience);
        if let Some(caller) = self.inner.verified.get(&key, now) {
            return Ok(caller);
        }
        let claims = self.check(token, audience)?;
        let (from, until) = (
            Timestamp::from_second(claims.iat).map_err(|_| TokenError::Malformed)?,
            Timestamp::from_second(claims.exp).map_err(|_| TokenError::Malformed)?,
        );
        if now >= until || now + LEEWAY < from {
            return Err(TokenError::Expired);
        }
        let caller = Arc::new(Caller { service: claims.iss, actor: claims.act });
        self.inner.verified.put(key, Arc::clone(&caller), now, until);
        Ok(caller)
    }

    fn check(&self, token: &str, audience: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        let service = header.kid.ok_or(TokenError::Malformed)?;
        let known = self.known_key(&service);
        let first = known.as_ref().map(|(_, key)| self.decode(token, audience, &service, key));
        match (first, known) {
            (Some(Err(TokenError::Signature)) | None, known) => {
                let old = known.map(|(text, _)| text);
                let key = self.read_key(&service, old.as_deref())?;
                self.decode(token, audience, &service, &key)
            }
            (Some(done), _) => done,
        }
    }

    fn decode(&self, token: &str, audience: &str, service: &str, key: &DecodingKey) -> Result<Claims, TokenError> {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_audience(&[audience, DEVELOPMENT]);
        rules.set_issuer(&[service]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &rules)
            .map_err(|cause| match cause.kind() {
                ErrorKind::InvalidSignature => TokenError::Signature,
                ErrorKind::InvalidAudience => TokenError::Audience(audience.to_owned()),
                ErrorKind::InvalidIssuer => TokenError::Signature,
                _ => TokenError::Malformed,
            })?
            .claims;
        if claims.aud == DEVELOPMENT && !self.inner.mode.is_development() {
            return Err(TokenError::DevelopmentOnly);
        }
        Ok(claims)
    }

    fn known_key(&self, service: &str) -> Option<(String, DecodingKey)> {
        let keys = self.inner.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(service).cloned()
    }

    /// Reads a public key; `old` is the text of the one that did not fit, which is not tried twice.
    fn read_key(&self, service: &str, old: Option<&str>) -> Result<DecodingKey, TokenError> {
        let text = keys::public_key(&self.inner.keys_dir, service)?
            .ok_or_else(|| TokenError::UnknownService(service.to_owned()))?;
        if old == Some(text.as_str()) {
            return Err(TokenError::Signature);
        }
        let key = DecodingKey::from_ed_pem(text.as_bytes()).map_err(|_| TokenError::Signature)?;
        let mut keys = self.inner.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(service.to_owned(), (text, key.clone()));
        Ok(key)
    }
}

fn cache_key(token: &str, audience: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [audience.as_bytes(), &[0], token.as_bytes()] {
        context.update(part);
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

/// Values with an end; bounded, so that a flood of tokens costs work and not memory.
struct Cache<K, V> {
    held: RwLock<HashMap<K, (V, Timestamp)>>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { held: RwLock::default() }
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    fn get(&self, key: &K, now: Timestamp) -> Option<V> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.get(key).filter(|(_, until)| now < *until).map(|(value, _)| value.clone())
    }

    fn put(&self, key: K, value: V, now: Timestamp, until: Timestamp) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= CACHED {
            held.retain(|_, (_, until)| now < *until);
        }
        if held.len() >= CACHED {
            held.clear();
        }
        held.insert(key, (value, until));
    }
}

#[cfg(test)]
mod tests;
