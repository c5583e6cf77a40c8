//! A small provider for tests: it signs in whom it is told to, and can be told to lie.
//!
//! Deliberately not here: a page for people; a test takes the address that they would be sent to and says who signed in there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_runtime::{Clock, Mode};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Url;
use serde_json::{Value, json};

use crate::keys;

/// The code that everybody comes back with.
pub const CODE: &str = "the-code";

/// A provider on a port of its own; a clone is the same one.
#[derive(Clone)]
pub struct FakeProvider {
    /// What it calls itself.
    pub issuer: String,
    key: EncodingKey,
    state: Arc<Mutex<Told>>,
}

struct Told {
    sign_in_page: String,
    signer: EncodingKey,
    challenge: String,
    claims: Value,
}

impl FakeProvider {
    /// Starts one. It ends with the test's runtime.
    pub async fn start() -> Self {
        let listener =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|cause| panic!("bind: {cause}"));
        let address = listener.local_addr().unwrap_or_else(|cause| panic!("an address: {cause}"));
        let issuer = format!("http://{address}");
        let key = new_key();
        let told = Told {
            sign_in_page: format!("{issuer}/authorize"),
            signer: key.clone(),
            challenge: String::new(),
            claims: Value::Null,
        };
        let provider = Self { issuer, key, state: Arc::new(Mutex::new(told)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(jwks))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// Somebody signs in at the address that they were sent to; gives the `state` that they come back with.
    pub fn signs_in(&self, sent_to: &Url, sub: &str, name: &str, groups: &[&str]) -> String {
        let asked: BTreeMap<String, String> = sent_to.query_pairs().into_owned().collect();
        let of = |name: &str| asked.get(name).cloned().unwrap_or_default();
        assert_eq!(of("code_challenge_method"), "S256");
        let mut told = self.told();
        told.challenge = of("code_challenge");
        told.claims = json!({
            "iss": self.issuer, "aud": of("client_id"), "sub": sub, "name": name, "nonce": of("nonce"),
            "exp": Clock::system().now().as_second() + 60, "groups": groups,
        });
        of("state")
    }

    /// Changes what the next token says.
    pub fn claims(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.told().claims);
    }

    /// Signs with a key that it does not publish.
    pub fn signs_with_another_key(&self) {
        self.told().signer = new_key();
    }

    /// Has its page for people at another address.
    pub fn asks_people_at(&self, address: &str) {
        address.clone_into(&mut self.told().sign_in_page);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_key() -> EncodingKey {
    let folder = std::env::temp_dir().join(format!("causeway-provider-{}", Clock::system().new_id()));
    let pem =
        keys::service_key(&folder, "provider", Mode::Development).unwrap_or_else(|cause| panic!("a key: {cause}"));
    EncodingKey::from_ed_pem(pem.as_bytes()).unwrap_or_else(|cause| panic!("ed25519: {cause}"))
}

async fn metadata(State(provider): State<FakeProvider>) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": provider.told().sign_in_page,
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    }))
}

async fn jwks(State(provider): State<FakeProvider>) -> Json<JwkSet> {
    let key = Jwk::from_encoding_key(&provider.key, Algorithm::EdDSA);
    let mut key = key.unwrap_or_else(|cause| panic!("a public key: {cause}"));
    key.common.key_id = Some("k1".into());
    Json(JwkSet { keys: vec![key] })
}

async fn token(
    State(provider): State<FakeProvider>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, of("code_verifier").as_bytes()));
    let told = provider.told();
    if challenge != told.challenge || of("code") != CODE {
        return Err(StatusCode::BAD_REQUEST);
    }
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::EdDSA) };
    let token = jsonwebtoken::encode(&header, &told.claims, &told.signer);
    let token = token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": token })))
}
