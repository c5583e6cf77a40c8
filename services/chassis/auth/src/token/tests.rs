//! Tokens that must be refused, and the few that must not.

use super::*;
use crate::actor::Role;
use crate::keys::tests::fresh_dir;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("time")
}

fn person() -> Actor {
    Actor::staff("u1", "Sam", "north", vec![Role::Coordinator])
}

fn pair(service: &str) -> (PathBuf, Identity, Verifier) {
    let dir = fresh_dir();
    let identity = Identity::load(&dir, service, Mode::Development).expect("identity");
    let verifier = Verifier::new(&dir, Mode::Production);
    (dir, identity, verifier)
}

#[test]
fn a_token_tells_the_service_and_the_person_it_acts_for() {
    let (_, portal, verifier) = pair("portal");
    let token = portal.token_at("routing", Some(&person()), at(0)).expect("token");
    let caller = verifier.verify(&token, "routing", at(1)).expect("caller");
    assert_eq!(caller.service, "portal");
    assert_eq!(caller.actor, Some(person()));
    assert_eq!(caller.accountable(), person());
    let own = portal.token_at("routing", None, at(0)).expect("token");
    let caller = verifier.verify(&own, "routing", at(1)).expect("caller");
    assert_eq!(caller.accountable(), Actor::service("portal"));
}

#[test]
fn a_token_is_reused_for_half_a_minute_and_per_person() {
    let (_, portal, _) = pair("portal");
    let first = portal.token_at("routing", None, at(0)).expect("token");
    assert_eq!(first, portal.token_at("routing", None, at(29)).expect("token"));
    assert_ne!(first, portal.token_at("routing", None, at(31)).expect("token"));
    assert_ne!(first, portal.token_at("routing", Some(&person()), at(0)).expect("token"));
}

#[test]
fn a_token_for_another_service_is_refused_even_after_it_was_accepted_there() {
    let (_, portal, verifier) = pair("portal");
    let token = portal.token_at("routing", None, at(0)).expect("token");
    assert!(verifier.verify(&token, "routing", at(1)).is_ok());
    assert!(matches!(verifier.verify(&token, "ingestion", at(1)), Err(TokenError::Audience(_))));
}

#[test]
fn an_ended_token_is_refused_even_when_it_was_verified_before() {
    let (_, portal, verifier) = pair("portal");
    let token = portal.token_at("routing", None, at(0)).expect("token");
    assert!(verifier.verify(&token, "routing", at(119)).is_ok());
    assert!(matches!(verifier.verify(&token, "routing", at(120)), Err(TokenError::Expired)));
    assert!(matches!(Verifier::verify(&verifier, &token, "routing", at(-31)), Err(TokenError::Expired) | Ok(_)));
}

#[test]
fn a_token_from_the_future_is_refused() {
    let (_, portal, verifier) = pair("portal");
    let token = portal.token_at("routing", None, at(0)).expect("token");
    assert!(matches!(verifier.verify(&token, "routing", at(-31)), Err(TokenError::Expired)));
}

#[test]
fn a_service_can_not_pose_as_another() {
    let (dir, portal, verifier) = pair("portal");
    let elsewhere = fresh_dir();
    let impostor = Identity::load(&elsewhere, "portal", Mode::Development).expect("identity");
    let token = impostor.token_at("routing", None, at(0)).expect("token");
    let good = portal.token_at("routing", None, at(0)).expect("token");
    assert!(verifier.verify(&good, "routing", at(1)).is_ok());
    assert!(matches!(verifier.verify(&token, "routing", at(1)), Err(TokenError::Signature)));
    let metrics = Identity::load(&elsewhere, "metrics", Mode::Development).expect("identity");
    let token = metrics.token_at("routing", None, at(0)).expect("token");
    assert!(matches!(
        verifier.verify(&token, "routing", at(1)),
        Err(TokenError::UnknownService(name)) if name == "metrics"
    ));
    let renamed = Header { kid: Some("portal".into()), ..Header::new(Algorithm::EdDSA) };
    let claims = Claims {
        iss: "metrics".into(),
        aud: "routing".into(),
        iat: at(0).as_second(),
        exp: at(60).as_second(),
        act: None,
    };
    let token = jsonwebtoken::encode(&renamed, &claims, &portal.inner.key).expect("sign");
    assert!(verifier.verify(&token, "routing", at(1)).is_err(), "portal's key must not sign in the name of metrics");
    drop(dir);
}

#[test]
fn a_changed_public_key_is_taken_without_a_restart() {
    let (dir, portal, verifier) = pair("portal");
    let token = portal.token_at("routing", None, at(0)).expect("token");
    assert!(verifier.verify(&token, "routing", at(1)).is_ok());
    for name in ["service-portal.key", "service-portal.pub"] {
        std::fs::remove_file(dir.join(name)).expect("remove");
    }
    let renewed = Identity::load(&dir, "portal", Mode::Development).expect("identity");
    let token = renewed.token_at("routing", None, at(2)).expect("token");
    assert!(verifier.verify(&token, "routing", at(3)).is_ok());
}

#[test]
fn development_tokens_work_in_development_only() {
    let (dir, portal, production) = pair("portal");
    let token = portal.development_token(&person()).expect("token");
    let now = Clock::system().now();
    let development = Verifier::new(&dir, Mode::Development);
    let caller = development.verify(&token, "routing", now).expect("caller");
    assert_eq!(caller.actor, Some(person()));
    assert!(matches!(production.verify(&token, "routing", now), Err(TokenError::DevelopmentOnly)));
    let strict = Identity::load(&dir, "portal", Mode::Production).expect("identity");
    assert!(matches!(strict.development_token(&person()), Err(TokenError::DevelopmentOnly)));
}

#[test]
fn nonsense_and_other_algorithms_are_refused() {
    let (_, _, verifier) = pair("portal");
    let hmac = jsonwebtoken::encode(
        &Header { kid: Some("portal".into()), ..Header::new(Algorithm::HS256) },
        &Claims {
            iss: "portal".into(),
            aud: "routing".into(),
            iat: at(0).as_second(),
            exp: at(60).as_second(),
            act: None,
        },
        &EncodingKey::from_secret(b"x"),
    )
    .expect("sign");
    for token in ["", "a.b.c", "..", hmac.as_str()] {
        assert!(verifier.verify(token, "routing", at(1)).is_err(), "{token}");
    }
}

#[test]
fn keys_made_by_openssl_are_accepted() {
    let dir = fresh_dir();
    std::fs::create_dir_all(&dir).expect("dir");
    let key = dir.join("service-portal.key");
    let public = dir.join("service-portal.pub");
    let run = |arguments: &[&str]| {
        let done = std::process::Command::new("openssl").args(arguments).output();
        done.is_ok_and(|done| done.status.success())
    };
    let (key_text, public_text) = (key.display().to_string(), public.display().to_string());
    if !run(&["genpkey", "-algorithm", "ed25519", "-out", &key_text]) {
        return;
    }
    assert!(run(&["pkey", "-in", &key_text, "-pubout", "-out", &public_text]));
    let identity = Identity::load(&dir, "portal", Mode::Development).expect("identity");
    let token = identity.token_at("routing", None, at(0)).expect("token");
    let verifier = Verifier::new(&dir, Mode::Production);
    assert!(verifier.verify(&token, "routing", at(1)).is_ok());
}
