//! Proof of work: done it counts once and for its form alone; without it an inquiry is held where the profile says so, never lost.

use causeway_auth::work::solve;
use causeway_proto::inquiry::v1::ListHeldRequest;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fhir;
use crate::world::{CENTER, Door, World, coordinator, eventually, keyed};

const FORM: &str = "second-opinion";
const FILE: &str = "forms/second-opinion.toml";

/// Puts a profile in force whose form wants a proof.
async fn wanting(world: &World, when: &str, without: &str) {
    let table = format!("[proof_of_work]\nwhen = \"{when}\"\nbits = 8\nwithout = \"{without}\"\n\n[consent]");
    world.change_profile(CENTER, FILE, "[consent]", &table).await;
    let url = format!("{}/v1/centers/{CENTER}/forms/{FORM}", world.door.http);
    eventually("the profile is in force", || async {
        let told: Value = world.browser.get(&url).send().await.expect("an answer").json().await.expect("json");
        told["proof_of_work"] == json!({"when": when, "without": without})
    })
    .await;
}

async fn challenge(world: &World, form: &str) -> (String, u32) {
    let url = format!("{}/v1/centers/{CENTER}/forms/{form}/challenge", world.door.http);
    let answer = world.browser.post(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let told: Value = answer.json().await.expect("json");
    let bits = told["bits"].as_u64().and_then(|bits| u32::try_from(bits).ok()).expect("bits");
    (told["challenge"].as_str().expect("a challenge").to_owned(), bits)
}

async fn solved(world: &World) -> String {
    let (challenge, bits) = challenge(world, FORM).await;
    assert_eq!(bits, 8);
    solve(&challenge, bits)
}

/// Sends a form with a proof; whether it is held.
async fn is_held(world: &World, door: &Door, (key, proof): (&str, &str), answers: &[(&str, &str)]) -> bool {
    let mut body = keyed(key, answers);
    body["proof"] = json!(proof);
    let answer = door.post(&world.browser, CENTER, &body).await;
    assert_eq!(answer.status(), 202, "it is never refused");
    let answer: Value = answer.json().await.expect("json");
    let id = answer["inquiry_id"].as_str().expect("an id");
    let held: bool = sqlx::query_scalar("SELECT held FROM inquiries WHERE inquiry_id = $1::uuid")
        .bind(id)
        .fetch_one(&world.admin)
        .await
        .expect("it is kept");
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_counts_once_also_for_other_processes_and_the_same_request_again_has_the_same_one() {
    let world = World::start().await;
    wanting(&world, "always", "hold").await;
    let proof = solved(&world).await;
    assert!(!is_held(&world, &world.door, ("k-1", &proof), &[]).await);
    assert!(!is_held(&world, &world.door, ("k-1", &proof), &[]).await, "the same request once more");
    assert!(is_held(&world, &world.door, ("k-2", &proof), &[]).await, "another one");
    let second = world.second_door().await;
    eventually("the second process has the profile", || async {
        second.post(&world.browser, CENTER, &keyed("k-1", &[])).await.status() == 202
    })
    .await;
    assert!(is_held(&world, &second, ("k-3", &proof), &[]).await, "after a restart");
    let rows = "SELECT count(*) FROM proofs_used WHERE center_id = 'harbor-valley'";
    assert_eq!(world.count(rows).await, 1);

    let asked = ListHeldRequest { center: CENTER.into() };
    let held =
        world.client("portal", Some(coordinator(CENTER))).list_held(asked).await.expect("listed").into_inner().held;
    assert_eq!(held.len(), 2);
    assert!(held.iter().all(|one| one.signs == ["no_proof"]), "{held:?}");
    assert_eq!(world.door.metric("causeway_form_proofs_total", "used_before"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forged_over_or_made_for_another_form_proves_nothing_and_nothing_is_lost() {
    let world = World::start().await;
    wanting(&world, "always", "hold").await;
    let links = world.links();
    let past = Timestamp::from_second(1_700_000_000).expect("an instant");
    let made =
        |center: &str, form: &str, until| solve(&links.challenge(center, form, 8, until).expect("a challenge"), 8);
    let good = solved(&world).await;
    let (challenge, _) = challenge(&world, FORM).await;
    let is_weak = |number: &u32| zero_bits(&format!("{challenge}:{number}")) < 8;
    let weak = (0..).find(is_weak).map(|number| format!("{challenge}:{number}")).expect("a number");
    let bad = [
        String::new(),
        "Quillonia".to_owned(),
        good.replacen(|c: char| c.is_ascii_lowercase(), "_", 1),
        made(CENTER, FORM, past),
        made(CENTER, "general", Timestamp::MAX),
        made("lakeside", FORM, Timestamp::MAX),
        weak,
    ];
    for (place, proof) in bad.iter().enumerate() {
        assert!(is_held(&world, &world.door, (&format!("bad-{place}"), proof), &[]).await, "{proof}");
    }
    assert!(!is_held(&world, &world.door, ("good", &good), &[]).await);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 8, "all of them are kept");
    assert_eq!(world.count("SELECT count(*) FROM proofs_used").await, 1, "only what holds is remembered");
    for (outcome, times) in [("missing", 1.0), ("forged", 4.0), ("expired", 1.0), ("too_weak", 1.0), ("done", 1.0)] {
        assert_eq!(world.door.metric("causeway_form_proofs_total", outcome), times, "{outcome}");
    }
}

/// Zero bits at the beginning of a text's SHA-256, counted apart from the code under test.
fn zero_bits(text: &str) -> usize {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let bits = hash.as_ref().iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    bits.take_while(|bit| *bit == 0).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_center_says_when_a_proof_is_wanted_and_whether_it_matters_and_a_partner_needs_none() {
    let world = World::start().await;
    let url = format!("{}/v1/centers/{CENTER}/forms/{FORM}/challenge", world.door.http);
    assert_eq!(world.browser.post(&url).send().await.expect("an answer").status(), 204, "this form wants none");
    let none = url.replace(FORM, "nothing");
    assert_eq!(world.browser.post(none).send().await.expect("an answer").status(), 404);
    assert!(!is_held(&world, &world.door, ("off", ""), &[]).await);

    let link = [("message", "My report is at https://clinic.example/me")];
    wanting(&world, "suspicious", "hold").await;
    assert!(!is_held(&world, &world.door, ("plain", ""), &[]).await, "nothing looks like a machine's");
    assert!(is_held(&world, &world.door, ("link", ""), &link).await);
    let proof = solved(&world).await;
    assert!(!is_held(&world, &world.door, ("worked", &proof), &link).await);
    wanting(&world, "always", "take").await;
    assert!(!is_held(&world, &world.door, ("taken", ""), &link).await);

    wanting(&world, "always", "hold").await;
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    let held = || world.count("SELECT count(*) FROM inquiries WHERE held");
    let before = held().await;
    let send = async |key: &str, bearer: &str| {
        let sent = world.browser.post(&url).bearer_auth(bearer).json(&keyed(key, &[])).send().await;
        assert_eq!(sent.expect("an answer").status(), 202);
    };
    send("partner", fhir::KEY).await;
    assert_eq!(held().await, before, "a partner is known by its key");
    send("stranger", "made-up").await;
    assert_eq!(held().await, before + 1);
}
