//! Sign-in of staff at the health system's own provider: OpenID Connect, authorization code with PKCE.
//!
//! The flow is small and written by hand, because the ready-made client brings an RSA library with an open advisory. Everything that the
//! provider says is checked: its issuer, the signature by an allowed algorithm, audience, end, nonce and, where asked for, the second
//! factor. No redirect is followed and no answer is read without a limit.
//!
//! Deliberately not here: the session that follows and the pending sign-in's storage (portal).

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_runtime::{Clock, Mode};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::OnceCell;

mod config;
#[cfg(any(test, feature = "fake-provider"))]
pub mod fake;

pub use config::{Grant, OidcConfig};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
const LARGEST_ANSWER: usize = 1024 * 1024;
const LEEWAY_SECONDS: i64 = 30;
const KEYS_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// A sign-in did not work. No text of the provider's answer is repeated.
#[derive(Debug, Error)]
pub enum OidcError {
    /// The settings can't work.
    #[error("sign-in is not set up rightly: {0}")]
    Settings(String),
    /// The provider was not reached or answered oddly.
    #[error("could not ask the sign-in provider for {what}: {cause}; check the issuer's address and the network")]
    Provider {
        /// For what.
        what: &'static str,
        /// Why not.
        cause: String,
    },
    /// What came back belongs to another sign-in.
    #[error("sign-in was not begun in this browser or is too old: begin again")]
    State,
    /// What came back does not prove who it is.
    #[error("sign-in provider's proof was refused: {0}")]
    Proof(&'static str),
}

/// What to keep, on the server, between sending somebody away and their coming back.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    state: String,
    nonce: String,
    verifier: String,
}

/// Who signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// The provider's lasting id of the person: the only thing to know them by.
    pub sub: String,
    /// How they are called.
    pub name: String,
    /// Their address, if told.
    pub email: Option<String>,
    /// Their groups.
    pub groups: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    id_token: String,
}

#[derive(Deserialize)]
struct IdToken {
    sub: String,
    exp: i64,
    #[serde(default)]
    nonce: String,
    azp: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(flatten)]
    more: BTreeMap<String, serde_json::Value>,
}

/// A client of one provider; cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: OidcConfig,
    http: reqwest::Client,
    clock: Clock,
    secure_only: bool,
    metadata: OnceCell<Metadata>,
    keys: RwLock<Option<(Arc<JwkSet>, Instant)>>,
}

impl Client {
    /// A client that asks the provider for its addresses with the first sign-in, so that a provider that is down does not stop a start.
    pub fn new(config: OidcConfig, mode: Mode) -> Result<Self, OidcError> {
        let secure_only = !mode.is_development();
        for (name, value) in [("issuer", &config.issuer), ("redirect_url", &config.redirect_url)] {
            checked_url(value, secure_only).map_err(|cause| OidcError::Settings(format!("{name} {cause}")))?;
        }
        if config.client_id.is_empty() {
            return Err(OidcError::Settings("client_id is empty, register us at the provider".to_owned()));
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .https_only(secure_only)
            .build()
            .map_err(|cause| OidcError::Settings(cause.to_string()))?;
        let inner = Inner {
            config,
            http,
            clock: Clock::system(),
            secure_only,
            metadata: OnceCell::new(),
            keys: RwLock::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The settings, for mapping groups to actors.
    pub fn config(&self) -> &OidcConfig {
        &self.inner.config
    }

    /// The origin of the page that people are sent to, which need not be the issuer's.
    pub async fn sign_in_origin(&self) -> Result<String, OidcError> {
        let url = checked_url(&self.metadata().await?.authorization_endpoint, self.inner.secure_only);
        Ok(url.map_err(|cause| provider("addresses", cause))?.origin().ascii_serialization())
    }

    /// Where to send somebody, and what to keep until they come back.
    pub async fn begin(&self) -> Result<(Url, Pending), OidcError> {
        let metadata = self.metadata().await?;
        let pending = Pending { state: random()?, nonce: random()?, verifier: random()? };
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, pending.verifier.as_bytes()));
        let config = &self.inner.config;
        let scope = std::iter::once("openid").chain(config.scopes.iter().map(String::as_str)).collect::<Vec<_>>();
        let mut url = checked_url(&metadata.authorization_endpoint, self.inner.secure_only)
            .map_err(|cause| provider("addresses", cause))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.client_id)
            .append_pair("redirect_uri", &config.redirect_url)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok((url, pending))
    }

    /// Who came back, with what the provider put into the address: `state`, `code` and, if present, `iss`.
    pub async fn finish(
        &self,
        pending: &Pending,
        state: &str,
        code: &str,
        issuer: Option<&str>,
    ) -> Result<Claims, OidcError> {
        let same: bool = subtle::ConstantTimeEq::ct_eq(pending.state.as_bytes(), state.as_bytes()).into();
        if !same {
            return Err(OidcError::State);
        }
        if issuer.is_some_and(|issuer| issuer != self.inner.config.issuer) {
            return Err(OidcError::Proof("it comes from another provider"));
        }
        let answer = self.redeem(pending, code).await?;
        let token = self.check(&answer.id_token).await?;
        self.accept(token, pending)
    }

    async fn metadata(&self) -> Result<&Metadata, OidcError> {
        self.inner
            .metadata
            .get_or_try_init(|| async {
                let issuer = &self.inner.config.issuer;
                let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let metadata: Metadata = self.ask("addresses", self.inner.http.get(url)).await?;
                if metadata.issuer != *issuer {
                    return Err(OidcError::Settings("issuer is not what the provider calls itself".to_owned()));
                }
                for url in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
                    checked_url(url, self.inner.secure_only).map_err(|cause| provider("addresses", cause))?;
                }
                Ok(metadata)
            })
            .await
    }

    async fn redeem(&self, pending: &Pending, code: &str) -> Result<Answer, OidcError> {
        let metadata = self.metadata().await?;
        let config = &self.inner.config;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &config.redirect_url),
            ("code_verifier", &pending.verifier),
            ("client_id", &config.client_id),
        ];
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        let mut request = self.inner.http.post(&metadata.token_endpoint);
        if !config.client_secret.is_empty() {
            if basic {
                request = request.basic_auth(&config.client_id, Some(config.client_secret.expose()));
            } else {
                form.push(("client_secret", config.client_secret.expose()));
            }
        }
        self.ask("a token", request.form(&form)).await
    }

    async fn check(&self, token: &str) -> Result<IdToken, OidcError> {
        let malformed = OidcError::Proof("it is malformed");
        let Ok(header) = jsonwebtoken::decode_header(token) else { return Err(malformed) };
        if !ALGORITHMS.contains(&header.alg) {
            return Err(OidcError::Proof("its algorithm is not allowed"));
        }
        let key = self.key(header.kid.as_deref()).await?;
        let config = &self.inner.config;
        let mut rules = Validation::new(header.alg);
        rules.set_audience(&[&config.client_id]);
        rules.set_issuer(&[&config.issuer]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        rules.validate_exp = false;
        jsonwebtoken::decode::<IdToken>(token, &key, &rules)
            .map(|token| token.claims)
            .map_err(|_| OidcError::Proof("its signature, issuer or audience is wrong"))
    }

    fn accept(&self, token: IdToken, pending: &Pending) -> Result<Claims, OidcError> {
        let config = &self.inner.config;
        if self.inner.clock.now().as_second() >= token.exp.saturating_add(LEEWAY_SECONDS) {
            return Err(OidcError::Proof("it has ended, check this machine's clock"));
        }
        if token.nonce != pending.nonce {
            return Err(OidcError::Proof("it belongs to another sign-in"));
        }
        if token.azp.as_ref().is_some_and(|party| *party != config.client_id) {
            return Err(OidcError::Proof("it was made for another party"));
        }
        if config.require_mfa && !token.amr.iter().any(|method| method == "mfa") {
            return Err(OidcError::Proof("a second factor is needed, sign in with one"));
        }
        let groups = token.more.get(&config.groups_claim).and_then(|value| value.as_array());
        let groups = groups.into_iter().flatten().filter_map(|group| group.as_str().map(str::to_owned)).collect();
        let name = token.name.or(token.preferred_username).unwrap_or_else(|| token.sub.clone());
        Ok(Claims { sub: token.sub, name, email: token.email, groups })
    }

    /// The provider's key of this id; an unknown id asks for the keys again, but not more than twice a minute.
    async fn key(&self, id: Option<&str>) -> Result<DecodingKey, OidcError> {
        let held = self.inner.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((keys, asked)) = held {
            match pick(&keys, id) {
                Some(key) => return Ok(key),
                None if asked.elapsed() < KEYS_AGAIN_AFTER => return Err(OidcError::Proof("its key is not known")),
                None => {}
            }
        }
        let url = &self.metadata().await?.jwks_uri;
        let keys: Arc<JwkSet> = Arc::new(self.ask("its keys", self.inner.http.get(url)).await?);
        *self.inner.keys.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&keys), now()));
        pick(&keys, id).ok_or(OidcError::Proof("its key is not known"))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        what: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, OidcError> {
        let request = request.header("accept", "application/json");
        let mut response = request.send().await.map_err(|cause| provider(what, cause.without_url()))?;
        if !response.status().is_success() {
            return Err(provider(what, format!("it answered {}", response.status().as_u16())));
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|cause| provider(what, cause.without_url()))? {
            body.extend_from_slice(&part);
            if body.len() > LARGEST_ANSWER {
                return Err(provider(what, "its answer is too large"));
            }
        }
        serde_json::from_slice(&body).map_err(|_| provider(what, "its answer is not what the standard says"))
    }
}

fn pick(keys: &JwkSet, id: Option<&str>) -> Option<DecodingKey> {
    let key = match id {
        Some(id) => keys.find(id),
        None if keys.keys.len() == 1 => keys.keys.first(),
        None => None,
    };
    DecodingKey::from_jwk(key?).ok()
}

fn provider(what: &'static str, cause: impl ToString) -> OidcError {
    OidcError::Provider { what, cause: cause.to_string() }
}

fn checked_url(text: &str, secure_only: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a url")?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if !secure_only => Ok(url),
        _ => Err("must be an https url"),
    }
}

/// 256 random bits as text.
fn random() -> Result<String, OidcError> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| OidcError::Settings("the system gave no random bytes".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A monotonic reading for a pause between two questions, which is no time of the domain.
#[allow(clippy::disallowed_methods, reason = "a pause is measured on the monotonic clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
