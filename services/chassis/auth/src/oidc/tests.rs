//! The whole flow against a small provider that can be told to lie.

use causeway_runtime::Secret;
use serde_json::json;

use super::fake::{CODE, FakeProvider};
use super::*;
use crate::actor::{Actor, Role};

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
async fn begun(provider: &FakeProvider, client: &Client) -> Pending {
    let (url, pending) = client.begin().await.expect("begin");
    provider.signs_in(&url, "u1", "Sam", &["intake-north", "other"]);
    pending
}

async fn finish(client: &Client, pending: &Pending) -> Result<Claims, OidcError> {
    client.finish(pending, &pending.state, CODE, None).await
}

#[tokio::test]
async fn a_person_signs_in_and_their_groups_become_roles() {
    let provider = FakeProvider::start().await;
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
    let provider = FakeProvider::start().await;
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
        provider.claims(|claims| claims[claim] = lie);
        assert!(matches!(finish(&client, &pending).await, Err(OidcError::Proof(_))), "{claim}");
    }
    let strict = Client::new(strict, Mode::Development).expect("client");
    let pending = begun(&provider, &strict).await;
    assert!(matches!(finish(&strict, &pending).await, Err(OidcError::Proof(_))), "no second factor");
    provider.claims(|claims| claims["amr"] = json!(["pwd", "mfa"]));
    assert!(finish(&strict, &pending).await.is_ok());
}

#[tokio::test]
async fn another_browser_another_key_or_another_verifier_is_refused() {
    let provider = FakeProvider::start().await;
    let client = Client::new(config(&provider.issuer), Mode::Development).expect("client");
    let pending = begun(&provider, &client).await;
    let state = client.finish(&pending, "guessed", CODE, None).await;
    assert!(matches!(state, Err(OidcError::State)));
    let mixed = client.finish(&pending, &pending.state, CODE, Some("https://elsewhere.example")).await;
    assert!(matches!(mixed, Err(OidcError::Proof(_))));
    let other = Pending { verifier: "stolen-code".into(), ..pending.clone() };
    assert!(matches!(finish(&client, &other).await, Err(OidcError::Provider { .. })));
    provider.signs_with_another_key();
    assert!(matches!(finish(&client, &pending).await, Err(OidcError::Proof(_))));
}

#[tokio::test]
async fn people_are_sent_to_the_origin_of_the_providers_own_sign_in_page() {
    let provider = FakeProvider::start().await;
    let client = Client::new(config(&provider.issuer), Mode::Development).expect("client");
    provider.asks_people_at("http://login.example:8443/authorize");
    assert_eq!(client.sign_in_origin().await.expect("told"), "http://login.example:8443");
}

#[test]
fn production_takes_https_only() {
    let text = Client::new(config("http://idp.example"), Mode::Production).err().expect("refused").to_string();
    assert!(text.contains("issuer must be an https url"), "{text}");
}
