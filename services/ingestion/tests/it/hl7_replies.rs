//! What an office reads is its center's to say; the same message is told the same whatever became of it; and what overtook its referral
//! finds it.

use causeway_ingestion::store::messages;
use causeway_proto::inquiry::v1::SettleMessagesRequest;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::documents::pdf;
use crate::documents_of_feeds::obx;
use crate::hl7::{Office, code, referral};
use crate::repair::{release, retry, waiting};
use crate::validator;
use crate::world::{CENTER, World, coordinator, eventually};

const SENDS: &str = "sending_facility = \"CEDARFM\"";

/// A referral of a sender who does not say which replies it waits for.
fn plain(control_id: &str, number: &str) -> String {
    referral(control_id, number, "Testpatient").replace("|AL|AL|", "|||")
}

fn as_event(message: &str, event: &str) -> String {
    message.replace("I12^REF_I12", &format!("{event}^REF_I12"))
}

fn kind(reply: &str) -> &str {
    reply.split('|').nth(8).expect("a type")
}

/// Waits until the feed is replied to in a form: so many replies, of which the first is of a kind.
async fn replies_as(world: &World, form: &str, (count, first): (usize, &str)) {
    world.change_profile(CENTER, "feeds.toml", SENDS, &format!("{SENDS}\nreply = \"{form}\"")).await;
    let mut probe = 0;
    eventually("the feed is replied to so", || {
        probe += 1;
        let name = format!("{form}-{probe}");
        async move {
            let mut office = Office::calls(world).await;
            office.send(&crate::hl7::framed(&plain(&name, &name))).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let told = office.ready();
            told.len() == count && kind(&told[0]) == first
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_office_that_says_nothing_is_answered_as_its_feed_says_and_strict_readers_take_each_answer() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let mut all = office.ask(&plain("R-1", "R-1"), 1).await;
    assert_eq!((kind(&all[0]), code(&all[0])), ("ACK^I12^ACK", "AA"), "where nothing is said");

    replies_as(&world, "rri", (1, "RRI^I12^RRI_I12")).await;
    let alone = office.ask(&plain("R-2", "R-2"), 1).await;
    assert!(alone[0].contains("\rMSA|AA|R-2\rRF1|P^Pending^HL70283|||||R-2^CEDARFM|||||HV-"), "{}", alone[0]);
    assert_eq!(office.ask(&plain("R-2", "R-2"), 1).await, alone, "byte for byte");
    let refused = office.ask(&plain("R-3", "R-3").replace("Testpatient^Marisol", ""), 1).await;
    assert_eq!((kind(&refused[0]), code(&refused[0])), ("ACK^I12^ACK", "AE"), "an RRI can not tell why");
    assert!(refused[0].contains("\rERR|"), "{}", refused[0]);
    let off = office.ask(&as_event(&plain("R-4", "R-2"), "I14"), 1).await;
    assert_eq!(kind(&off[0]), "RRI^I14^RRI_I12");
    // What a person released although it names no provider is answered with the center's own.
    let provided = plain("R-5", "R-5").replace("PRD|RP", "ZRD|RP").replace("RB1^^^CEDARFM^MR", "");
    assert_eq!(code(&office.ask(&provided, 1).await[0]), "AE");
    let row = waiting(&world, "refused").await.into_iter().rfind(|row| row.door == "hl7").expect("it is listed");
    release(&world, &row, &[("name", "Marisol Testpatient")]).await.expect("released");
    let bare = office.ask(&provided, 1).await;
    assert!(bare[0].contains("\rPRD|RT^Referred to Provider^HL70286|||^^^HARBORVALLEY\rPID|1||HV-"), "{}", bare[0]);
    for version in ["2.3.1", "2.4", "2.6"] {
        let name = format!("R-{version}");
        all.extend(office.ask(&plain(&name, &name).replace("|2.5.1|", &format!("|{version}|")), 1).await);
    }
    let wished = office.ask(&referral("R-6", "R-6", "Testpatient").replace("|AL|AL|", "|AL|NE|"), 1).await;
    assert_eq!(code(&wished[0]), "CA", "what the message itself wishes comes first");

    replies_as(&world, "ack_then_rri", (2, "ACK^I12^ACK")).await;
    let both = office.ask(&plain("R-7", "R-7"), 2).await;
    assert_eq!([kind(&both[0]), kind(&both[1])], ["ACK^I12^ACK", "RRI^I12^RRI_I12"]);
    let asked = office.ask(&as_event(&plain("R-8", "R-7"), "I15"), 2).await;
    assert_eq!([kind(&asked[0]), kind(&asked[1])], ["ACK^I15^ACK", "RRI^I15^RRI_I12"]);
    all.extend([alone, refused, off, bare, wished, both, asked].concat());
    if let Err(faults) = validator::judge_replies(&all) {
        panic!("{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_is_told_the_same_before_and_after_a_person_has_released_it() {
    let world = World::start().await;
    let mapping = format!("{SENDS}\nhl7 = {{ from = {{ cancer_area = [\"ZRF-1\"] }}, unknown_codes = \"park\" }}");
    world.change_profile(CENTER, "feeds.toml", SENDS, &mapping).await;
    let mut office = Office::calls(&world).await;
    let coded = |name: &str| referral(name, name, "Testpatient") + "ZRF|ONC7\r";
    let mut probe = 0;
    while waiting(&world, "waiting").await.is_empty() {
        probe += 1;
        office.ask(&coded(&format!("PROBE-{probe}")), 2).await;
    }
    let parked = office.ask(&coded("S-1"), 2).await;
    assert!(parked[1].contains("RRI^I12") && !parked[1].contains("^CAUSEWAY"), "it has no number: {}", parked[1]);
    office.ask(&referral("S-2", "S-2", "Testpatient"), 2).await;
    let clashing = office.ask(&referral("S-2", "S-3", "Testother"), 2).await;
    assert!(clashing.concat().contains("205^"), "{clashing:?}");
    let changed = office.ask(&referral("S-4", "S-2", "Testother"), 2).await;
    for row in waiting(&world, "waiting").await {
        if row.reason == "referral_changed" {
            let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![row.id] };
            world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("settled");
        } else {
            let taken = release(&world, &row, &[("cancer_area", "breast")]).await.expect("released");
            assert_eq!(taken.outcome, "accepted", "{}", row.reason);
        }
    }
    assert!(waiting(&world, "waiting").await.is_empty());
    for (message, first) in [
        (coded("S-1"), &parked),
        (referral("S-2", "S-3", "Testother"), &clashing),
        (referral("S-4", "S-2", "Testother"), &changed),
    ] {
        assert_eq!(&office.ask(&message, 2).await, first, "byte for byte");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_without_a_number_is_the_same_one_when_it_comes_anew_and_another_one_where_it_differs() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let unnumbered = |name: &str| referral(name, "", "Testpatient").replace("|^CEDARFM|", "||");
    let first = office.ask(&unnumbered("N-1"), 2).await;
    assert_eq!(code(&first[1]), "AA");
    assert_eq!(code(&office.ask(&unnumbered("N-2"), 2).await[1]), "AA");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1, "under a new control id it is a repeat");
    let others = [
        unnumbered("N-3").replace("C50.411", "C34.11"),
        unnumbered("N-4").replace("19680719", "19680720"),
        unnumbered("N-5").replace("|RB1^", "|RB2^"),
        unnumbered("N-6").replace("20260412103015", "20260413103015"),
    ];
    for (number, other) in others.iter().enumerate() {
        office.ask(other, 2).await;
        let count = world.count("SELECT count(*) FROM inquiries").await;
        assert_eq!(count, 2 + i64::try_from(number).expect("small"), "{number}");
    }
    let changed = unnumbered("N-7").replace("Evaluate and treat", "Evaluate alone");
    office.ask(&changed, 2).await;
    assert_eq!(world.count("SELECT count(inquiry_id) FROM messages WHERE reason = 'referral_changed'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_and_a_withdrawal_that_overtook_their_referral_are_put_to_it_in_their_order() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let modified = as_event(&referral("O-1", "O-9", "Testpatient"), "I13");
    let told = office.ask(&modified, 2).await;
    assert_eq!(code(&told[1]), "AA");
    office.ask(&as_event(&referral("O-2", "O-9", "Testpatient"), "I14"), 2).await;
    office.ask(&as_event(&referral("O-3", "O-8", "Testpatient"), "I13"), 2).await;
    assert_eq!(waiting(&world, "waiting").await.len(), 3);
    assert_eq!(code(&office.ask(&referral("O-4", "O-9", "Testpatient"), 2).await[1]), "AA");
    let reasons = async || -> Vec<(String, bool)> {
        waiting(&world, "waiting").await.into_iter().map(|row| (row.reason, row.reference.is_empty())).collect()
    };
    let expected = [("referral_modified", false), ("referral_cancelled", false), ("unknown_referral", true)];
    let expected: Vec<(String, bool)> = expected.map(|(reason, is)| (reason.to_owned(), is)).to_vec();
    eventually("they are put to it", || async { reasons().await == expected }).await;
    assert_eq!(office.ask(&modified, 2).await, told, "and are told what they were told");
    assert_eq!(world.count("SELECT count(*) FROM repair_steps WHERE actor = 'ingestion' AND step = 'retry'").await, 2);
    let row = waiting(&world, "waiting").await.pop().expect("it waits");
    assert_eq!(retry(&world, &row.id).await.expect("tried"), "unknown_referral", "its referral has not come");

    sqlx::query(MANY_EARLY).execute(&world.admin).await.expect("inserted");
    sqlx::raw_sql("ANALYZE messages; ANALYZE inquiries").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let query = messages::EARLY.replace("$1", "'harbor-valley'").replace("$2", "100");
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {query}"))).fetch_all(&mut app).await.expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("messages_early") && !plan.contains("Seq Scan on messages"), "{plan}");
}

const MANY_EARLY: &str = "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, reason, sealed, \
        received_at, changed_at) \
     SELECT 'harbor-valley', gen_random_uuid(), 'cedar-hl7', 'REF^I12', decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), \
         'accepted', '', '\\x00', now(), now() FROM generate_series(1, 50000) AS n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_that_can_not_be_opened_keeps_the_others_from_nothing() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("P-1", "P-1", "Testpatient"), 2).await;
    let with_document =
        |name: &str| as_event(&referral(name, "P-1", "Testpatient"), "I13") + &obx(1, "11526-1", &pdf(name, 3000));
    for name in ["P-2", "P-3"] {
        office.ask(&with_document(name), 2).await;
    }
    let ids: Vec<String> = waiting(&world, "waiting").await.into_iter().map(|row| row.id).collect();
    let damage = "UPDATE messages SET sealed = '\\x0102' WHERE message_id::text = $1";
    sqlx::query(damage).bind(&ids[0]).execute(&world.admin).await.expect("damaged");
    let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: ids.clone() };
    let told =
        world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("asked").into_inner();
    assert_eq!((told.settled, told.not_opened, told.not_waiting), (vec![ids[1].clone()], vec![ids[0].clone()], vec![]));
}
