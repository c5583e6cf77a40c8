//! The HL7 door answers truly: where a referral stands, that a withdrawal is no repeat, and to whoever leaves out a byte.

use std::time::Duration;

use causeway_bus::Outgoing;
use causeway_funnel::stage::Stage;
use causeway_ingestion::Config;
use causeway_proto::inquiry::v1::{SettleMessagesRequest, Source};

use crate::hl7::{Office, code, framed, referral};
use crate::journeys::{self, tell};
use crate::validator;
use crate::world::{CENTER, World, coordinator, eventually};

/// The desk moves a referral that came by HL7.
fn moved(inquiry: &str, version: i64, stages: (Stage, Stage), reason: &str) -> Outgoing {
    journeys::moved((Source::Hl7, inquiry), version, stages, reason)
}

fn as_event(message: &str, event: &str) -> String {
    message.replace("I12^REF_I12", &format!("{event}^REF_I12"))
}

async fn inquiry_of(world: &World, control_id: &str, office: &mut Office, number: &str) -> String {
    office.ask(&referral(control_id, number, "Testpatient"), 2).await;
    sqlx::query_scalar("SELECT inquiry_id::text FROM inquiries ORDER BY received_at DESC, inquiry_id DESC LIMIT 1")
        .fetch_one(&world.admin)
        .await
        .expect("an inquiry")
}

async fn has_heard(world: &World, count: i64) {
    eventually("it is heard", || async { world.count("SELECT count(*) FROM inbox").await == count }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_is_told_where_the_referral_stands_and_the_same_question_gets_the_same_answer() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let id = inquiry_of(&world, "Q-1", &mut office, "REF-1").await;
    let question = |name: &str, number: &str| as_event(&referral(name, number, "Testpatient"), "I15");
    let first = office.ask(&question("Q-2", "REF-1"), 2).await;
    assert!(first[1].contains("\rRF1|P^Pending^HL70283|"), "{}", first[1]);
    tell(&world, &[moved(&id, 1, (Stage::Received, Stage::Contacted), "")]).await;
    has_heard(&world, 1).await;
    let accepted = office.ask(&question("Q-3", "REF-1"), 2).await;
    assert!(accepted[1].contains("\rRF1|A^Accepted^HL70283|"), "{}", accepted[1]);
    assert_eq!(office.ask(&question("Q-2", "REF-1"), 2).await, first, "as it was answered first");

    // Who reads one reply is told all the same.
    let alone = office.ask(&question("Q-4", "REF-1").replace("|AL|AL|", "|||"), 1).await;
    assert!(alone[0].contains("||RRI^I15^RRI_I12|") && alone[0].contains("\rRF1|A^Accepted"), "{}", alone[0]);

    let passed = question("Q-5", "REF-1").replace("CEDARFM|20260412\r", "CEDARFM|20200412|20200512\r");
    let accepted_late = office.ask(&passed, 2).await;
    assert!(accepted_late[1].contains("\rRF1|A^"), "what is accepted does not expire: {}", accepted_late[1]);
    let other = inquiry_of(&world, "Q-6", &mut office, "REF-2").await;
    let expired = office.ask(&passed.replace("Q-5", "Q-7").replace("REF-1", "REF-2"), 2).await;
    assert!(expired[1].contains("\rRF1|E^Expired^HL70283|"), "{}", expired[1]);
    tell(&world, &[moved(&other, 1, (Stage::Received, Stage::Closed), "out_of_scope_referred")]).await;
    has_heard(&world, 2).await;
    let declined = office.ask(&question("Q-8", "REF-2"), 2).await;
    let why = "\rNTE|1|L|This center does not take it on; the patient was told where to go|";
    assert!(declined[1].contains("\rRF1|R^Rejected^HL70283|") && declined[1].contains(why), "{}", declined[1]);

    inquiry_of(&world, "Q-9", &mut office, "REF-3").await;
    office.ask(&as_event(&referral("Q-10", "REF-3", "Testpatient"), "I14"), 2).await;
    let message: String =
        sqlx::query_scalar("SELECT message_id::text FROM messages WHERE reason = 'referral_cancelled'")
            .fetch_one(&world.admin)
            .await
            .expect("it waits");
    let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![message] };
    world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("settled");
    let off = office.ask(&question("Q-11", "REF-3"), 2).await;
    assert!(
        off[1].contains("\rRF1|R^Rejected^") && off[1].contains("\rNTE|1|L|The referral was called off|"),
        "{off:?}"
    );

    let nameless = office.ask(&referral("Q-12", "REF-4", "Testpatient").replace("Testpatient^Marisol", ""), 2).await;
    let elsewhere = office.ask(&referral("Q-13", "REF-5", "X").replace("HARBORVALLEY", "SOMEBODYELSE"), 1).await;
    let replies = [first, accepted, alone, expired, declined, off, nameless, elsewhere].concat();
    if let Err(faults) = validator::judge_replies(&replies) {
        panic!("{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_with_the_control_id_and_the_segments_of_its_referral_is_not_taken_for_its_repeat() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let message = referral("W-1", "REF-1", "Testpatient");
    office.ask(&message, 2).await;
    let off = office.ask(&as_event(&message, "I14"), 2).await;
    assert!(off.concat().contains("205^"), "the control id stands for the referral: {off:?}");
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'parked' AND kind = 'REF^I14'").await, 1);
    assert_eq!(office.ask(&as_event(&message, "I14"), 2).await, off, "byte for byte");

    // One that was kept when the body alone was hashed is known as the same.
    let old = as_event(&referral("W-2", "REF-1", "Testpatient"), "I14");
    let first = office.ask(&old, 2).await;
    assert_eq!(code(&first[1]), "AA");
    let known = "UPDATE messages SET content_hash = (SELECT content_hash FROM messages WHERE kind = 'REF^I12') \
        WHERE kind = 'REF^I14' AND reason = 'referral_cancelled'";
    assert_eq!(sqlx::query(known).execute(&world.admin).await.expect("written").rows_affected(), 1);
    assert_eq!(office.ask(&old, 2).await, first);
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE reason = 'referral_cancelled' AND times = 2").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_the_return_after_its_end_is_heard_and_the_line_stays() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    for name in ["S-1", "S-2"] {
        let bytes = framed(&referral(name, name, "Testpatient"));
        office.send(&bytes[..bytes.len() - 1]).await;
        assert_eq!(code(&office.replies(2).await[1]), "AA");
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_for_ever_byte_by_byte_loses_its_line_and_one_address_gets_no_more_lines_than_it_may() {
    let mut config = Config::default();
    (config.mllp.stall_seconds, config.mllp.frame_seconds, config.mllp.connections_per_address) = (5, 2, 2);
    let world = World::start_with(config).await;
    let (mut slow, mut second) = (Office::calls(&world).await, Office::calls(&world).await);
    // It is one of the two once it is answered.
    second.ask(&referral("T-1", "REF-1", "Testpatient"), 2).await;
    slow.send(b"\x0b").await;
    assert!(Office::calls(&world).await.ended(Duration::from_secs(5)).await.is_empty(), "the third is let go");
    let begun = tokio::time::Instant::now();
    let mut ended = Box::pin(async { slow.ended_while_sending(b"x", Duration::from_millis(200)).await });
    tokio::time::timeout(Duration::from_secs(15), &mut ended).await.expect("it loses its line");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(ended);
    eventually("its place is free", || async {
        let mut office = Office::calls(&world).await;
        office.try_ask(&referral("T-2", "REF-2", "Testpatient")).await
    })
    .await;
}
