//! `causeway simulate`: counts, and what a seed means; and the week that `causeway dev --demo` plays.

use std::time::{Duration, Instant};

use causeway_auth::{Actor, Identity, Role};
use causeway_proto::intake::v1 as wire;
use causeway_proto::intake::v1::quality_audits_client::QualityAuditsClient;
use causeway_runtime::Mode;
use causeway_serve::Channel;
use causeway_tests::{Installation, funnel};
use serde_json::Value;

use crate::{CENTER, OTHER};

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
    tokio::time::sleep(Duration::from_secs(2)).await;
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
    assert!(code == 1 && told.contains("no center 'atlantis' is in force"), "{code} {told}");
}

/// What the demo's week leaves at the desk beside inquiries, all centers together.
#[derive(Debug, Default)]
struct Week {
    /// Dated next steps: how often one was agreed or moved, took place, and was missed.
    agreed: i64,
    done: i64,
    missed: i64,
    reopened: i64,
    finished_audits: i32,
    /// Questions for records that went to an office or a hospital, and days for which one was promised.
    asked_elsewhere: i64,
    promised: i64,
    declined: i64,
}

impl Week {
    async fn of(installation: &Installation) -> Self {
        let mut desk = installation.owner("intake-desk").await;
        let told = "SELECT kind, text, count(*) FROM timeline GROUP BY kind, text";
        let told: Vec<(String, String, i64)> = sqlx::query_as(told).fetch_all(&mut desk).await.expect("the timelines");
        let count = |kind: &str, words: &str| -> i64 {
            told.iter().filter(|row| row.0 == kind && row.1.contains(words)).map(|row| row.2).sum()
        };
        let mut week = Self {
            agreed: count("next_step", "Agreed: "),
            done: count("next_step", "It took place: "),
            missed: count("next_step", "The person could not be reached: "),
            asked_elsewhere: count("records_requested", "Asked the "),
            promised: count("record", ": promised for "),
            declined: count("review", "Declined: "),
            ..Self::default()
        };
        for center in [CENTER, OTHER] {
            week.reopened += funnel(installation, center).await.reopenings.iter().map(|count| count.count).sum::<i64>();
            week.finished_audits += audited(installation, center).await;
        }
        week
    }

    fn is_full(&self) -> bool {
        let Self { agreed, done, missed, reopened, finished_audits, asked_elsewhere, promised, declined } = self;
        // A missed step and a decline are rare: a week that a slow machine cut short may be without any.
        let rare = missed + declined;
        let some = [done, reopened, asked_elsewhere, promised, &rare].iter().all(|count| **count > 0);
        some && *agreed > 5 && *finished_audits > 3
    }
}

/// How many audits of a center are finished, as its auditor sees it.
async fn audited(installation: &Installation, center: &str) -> i32 {
    let identity = Identity::load(&installation.data().join("keys"), "portal", Mode::Development).expect("a key");
    let channel = Channel::connect(installation.address("grpc_intake_desk"), identity, "intake-desk").expect("a door");
    let auditor = Actor::staff("somebody", "somebody", center, [Role::Auditor]);
    let now = installation.clock().now().as_microsecond();
    let request = wire::GetResultsRequest { center: center.to_owned(), from: now - 14 * 86_400_000_000, to: now };
    let results = QualityAuditsClient::new(channel.on_behalf_of(&auditor)).get_results(request).await;
    results.expect("results").into_inner().all.expect("of all").audits
}

pub async fn the_demo_fills_the_pages_of_steps_reopenings_and_audits() {
    let mut installation = Installation::start(&["--demo"]).await;
    let until = Instant::now() + Duration::from_secs(480);
    let mut week = Week::of(&installation).await;
    while !week.is_full() {
        assert!(Instant::now() < until, "the week is not full: {week:?}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        week = Week::of(&installation).await;
    }
    assert_eq!(installation.stop().await, Some(0));
}
