//! The whole flow against a small provider that can be told to lie.

use std::sync::Mutex;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use causeway_runtime::Secret;

use super::*;
use crate::actor::{Actor, Role};
use crate::keys;
use crate::keys::tests::fresh_dir;

#[derive(Clone)]
struct Provider {
    issuer: String,
    key: EncodingKey,
    signer: Arc<Mutex<EncodingKey>>,
    challenge: Arc<Mutex<String>>,
    claims: Arc<Mutex<Value>>,
}

fn new_key() -> EncodingKey {
    let pem = keys::service_key(&fresh_dir(), "provider", Mode::Development).expect("key");
    EncodingKey::from_ed_pem(pem.as_bytes()).expect("ed25519")
}

async fn metadata(State(provider): State<Provider>) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
    }))
}

async fn jwks(State(provider): State<Provider>) -> Json<JwkSet> {
    let mut key = Jwk::from_encoding_key(&provider.key, Algorithm::EdDSA).expect("jwk");
    key.common.key_id = Some("k1".into());
    Json(JwkSet { keys: vec![key] })
}

async fn token(
    State(provider): State<Provider>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, form["code_verifier"].as_bytes()));
    if challenge != *provider.challenge.lock().expect("lock") || form["code"] != "the-code" {
        return Err(StatusCode::BAD_REQUEST);
    }
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::EdDSA) };
    let claims = provider.claims.lock().expect("lock").clone();
    let token = jsonwebtoken::encode(&header, &claims, &provider.signer.lock().expect("lock")).expect("sign");
    Ok(Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": token })))
}

async fn provider() -> Provider {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let issuer = format!("http://{}", listener.local_addr().expect("address"));
    let key = new_key();
    let provider = Provider {
        issuer,
        signer: Arc::new(Mutex::new(key.clone())),
        key,
        challenge: Arc::default(),
        claims: Arc::default(),
    };
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/keys", get(jwks))
        .route("/token", post(token))
        .with_state(provider.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    provider
}

fn config(issuer: &str) -> OidcConfig {
    OidcConfig {
        issuer: issuer.to_owned(),
        client_id: "causeway".into(),
        client_secret: Secret::new("s"),
        redirect_url: "http://127.0.0.1:8081/signed-in".into(),
        ..OidcConfig::default()
    }
}

/// Begins a sign-in and lets the provider know its challenge; the claims are right until somebody changes them.
async fn begun(provider: &Provider, client: &Client) -> Pending {
    let (url, pending) = client.begin().await.expect("begin");
    let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(asked["code_challenge_method"], "S256");
    *provider.challenge.lock().expect("lock") = asked["code_challenge"].clone();
    *provider.claims.lock().expect("lock") = json!({
        "iss": provider.issuer, "aud": "causeway", "sub": "u1", "name": "Sam", "nonce": asked["nonce"],
        "exp": Clock::system().now().as_second() + 60, "groups": ["intake-north", "other"],
    });
    pending
}

async fn finish(client: &Client, pending: &Pending) -> Result<Claims, OidcError> {
    client.finish(pending, &pending.state, "the-code", None).await
}

#[tokio::test]
async fn a_person_signs_in_and_their_groups_become_roles() {
    let provider = provider().await;
    let mut config = config(&provider.issuer);
    let grant = |center: Option<&str>, role| Grant { center: center.map(str::to_owned), roles: vec![role] };
    config.groups.insert(
        "intake-north".into(),
        vec![grant(Some("north"), Role::Coordinator), grant(Some("south"), Role::Analyst)],
    );
    let client = Client::new(config, Mode::Development).expect("client");
    let pending = begun(&provider, &client).await;
    let claims = finish(&client, &pending).await.expect("signed in");
    assert_eq!((claims.sub.as_str(), claims.name.as_str()), ("u1", "Sam"));
    let actors = client.config().actors(&claims);
    assert_eq!(
        actors,
        [
            Actor::staff("u1", "Sam", "north", vec![Role::Coordinator]),
            Actor::staff("u1", "Sam", "south", vec![Role::Analyst])
        ]
    );
}

#[tokio::test]
async fn every_wrong_claim_is_refused() {
    let provider = provider().await;
    let mut strict = config(&provider.issuer);
    strict.require_mfa = true;
    let client = Client::new(config(&provider.issuer), Mode::Development).expect("client");
    let lies = [
        ("iss", json!("https://elsewhere.example")),
        ("aud", json!("another")),
        ("nonce", json!("replayed")),
        ("exp", json!(1)),
        ("azp", json!("another")),
    ];
    for (claim, lie) in lies {
        let pending = begun(&provider, &client).await;
        assert!(finish(&client, &pending).await.is_ok(), "right before the lie about {claim}");
        provider.claims.lock().expect("lock")[claim] = lie;
        assert!(matches!(finish(&client, &pending).await, Err(OidcError::Proof(_))), "{claim}");
    }
    let strict = Client::new(strict, Mode::Development).expect("client");
    let pending = begun(&provider, &strict).await;
    assert!(matches!(finish(&strict, &pending).await, Err(OidcError::Proof(_))), "no second factor");
    provider.claims.lock().expect("lock")["amr"] = json!(["pwd", "mfa"]);
    assert!(finish(&strict, &pending).await.is_ok());
}

#[tokio::test]
async fn another_browser_another_key_or_another_verifier_is_refused() {
    let provider = provider().await;
    let client = Client::new(config(&provider.issuer), Mode::Development).expect("client");
    let pending = begun(&provider, &client).await;
    let state = client.finish(&pending, "guessed", "the-code", None).await;
    assert!(matches!(state, Err(OidcError::State)));
    let mixed = client.finish(&pending, &pending.state, "the-code", Some("https://elsewhere.example")).await;
    assert!(matches!(mixed, Err(OidcError::Proof(_))));
    let other = Pending { verifier: "stolen-code".into(), ..pending.clone() };
    assert!(matches!(finish(&client, &other).await, Err(OidcError::Provider { .. })));
    *provider.signer.lock().expect("lock") = new_key();
    assert!(matches!(finish(&client, &pending).await, Err(OidcError::Proof(_))));
}

#[test]
fn production_takes_https_only() {
    let text = Client::new(config("http://idp.example"), Mode::Production).err().expect("refused").to_string();
    assert!(text.contains("issuer must be an https url"), "{text}");
}
