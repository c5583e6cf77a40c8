//! `causeway simulate`: counts, and what a seed means.

use causeway_tests::Installation;
use serde_json::Value;

use crate::CENTER;

const PEOPLE: u64 = 6;

async fn play(installation: &Installation, seed: &str) -> Value {
    let data = installation.data().display().to_string();
    let count = PEOPLE.to_string();
    let arguments = [
        "simulate",
        "--data",
        &data,
        "--rate",
        "100000",
        "--count",
        &count,
        "--seed",
        seed,
        "--centers",
        CENTER,
        "--no-staff",
    ];
    let (code, mut told) = installation.json(&arguments).await;
    assert_eq!((code, told.len()), (0, 1), "one document, and done: {told:?}");
    assert_eq!(told[0]["failed"], serde_json::json!({}), "{told:?}");
    told.remove(0)
}

/// How many were new, by whichever door.
fn fresh(told: &Value) -> u64 {
    let of = |word: &str| told["done"][word].as_u64().unwrap_or(0);
    of("forms") + of("phone calls") + of("referrals")
}

async fn accepted(installation: &Installation) -> u64 {
    let (code, ledger) = installation.json(&["ledger", "--settle", "60"]).await;
    assert_eq!(code, 0, "{ledger:?}");
    ledger[0]["total"]["accepted"].as_u64().expect("a count")
}

pub async fn the_same_seed_plays_the_same_people_and_another_one_others(installation: &Installation) {
    let first = play(installation, "7").await;
    assert_eq!(fresh(&first), PEOPLE, "{first}");
    assert_eq!(accepted(installation).await, PEOPLE);
    // Whether a referral was known is told by when it was heard first, and an HL7 answer tells that in whole seconds.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let again = play(installation, "7").await;
    assert_eq!(fresh(&again), 0, "they are known: {again}");
    assert!(again["done"]["repeated"].as_u64() >= Some(PEOPLE), "{again}");
    assert_eq!(accepted(installation).await, PEOPLE, "nobody asks twice");
    assert_eq!(fresh(&play(installation, "8").await), PEOPLE);
    assert_eq!(accepted(installation).await, 2 * PEOPLE);
    let (code, told) = installation.command(&["simulate", "--rate", "0", "--count", "1"]).await;
    assert!(code == 1 && told.contains("the rate must be a number above 0"), "{code} {told}");
    let data = installation.data().display().to_string();
    let (code, told) =
        installation.command(&["simulate", "--data", &data, "--count", "1", "--centers", "atlantis"]).await;
    assert!(code == 1 && told.contains("causeway center list"), "{code} {told}");
}
