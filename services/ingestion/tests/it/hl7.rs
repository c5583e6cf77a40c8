//! Partner systems by HL7 over MLLP: acknowledged when it stands, once however often it is sent, and never about nobody.

use std::time::Duration;

use causeway_ingestion::Config;
use causeway_proto::inquiry::v1::SettleMessagesRequest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Code;

use crate::world::{CENTER, Door, OTHER, World, coordinator, eventually, published};

/// A whole referral as an office sends it, with its own control id and number.
pub fn referral(control_id: &str, number: &str, family: &str) -> String {
    [
        &format!(
            "MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260412103015-0500||REF^I12^REF_I12|{control_id}|P|2.5.1|||AL|AL|USA|UNICODE UTF-8"
        ),
        &format!("RF1|P|A^ASAP^HL70280|Med||O|{number}^CEDARFM|20260412"),
        "PRD|RP^Referring Provider^HL70286|Okafor^Adaeze^^^Dr^MD^L|||^WPN^PH^^1^206^5550142||1234567893^NPI",
        &format!("PID|1||RB1^^^CEDARFM^MR||{family}^Marisol||19680719|F|||||^PRN^CP^^1^206^5550199"),
        "DG1|1||C50.411^IDC right breast^I10C|||W",
        "NTE|1|P|Evaluate and treat|1R^Primary Reason^HL70364",
        "",
    ]
    .join("\r")
}

pub fn framed(message: &str) -> Vec<u8> {
    [b"\x0b", message.as_bytes(), b"\x1c\r"].concat()
}

/// A connection of a partner system.
pub struct Office(TcpStream);

impl Office {
    pub async fn calls(world: &World) -> Self {
        Self::at(&world.door).await
    }

    pub async fn at(door: &Door) -> Self {
        Self(TcpStream::connect(door.mllp).await.expect("a connection"))
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("sent");
    }

    /// What comes until the door hangs up.
    pub async fn ended(&mut self, within: Duration) -> Vec<u8> {
        let mut heard = Vec::new();
        // Bytes that the door did not read any more make it a reset.
        let _ = timeout(within, self.0.read_to_end(&mut heard)).await.expect("the door hangs up");
        heard
    }

    /// Sends a byte again and again until the door hangs up.
    pub async fn ended_while_sending(&mut self, byte: &[u8], every: Duration) {
        while self.0.write_all(byte).await.is_ok() {
            tokio::time::sleep(every).await;
        }
    }

    /// Whether a message gets a reply, or the line is closed.
    pub async fn try_ask(&mut self, message: &str) -> bool {
        let mut heard = Vec::new();
        let asked = async {
            self.0.write_all(&framed(message)).await.ok()?;
            self.0.read_buf(&mut heard).await.ok().filter(|count| *count > 0)
        };
        timeout(Duration::from_secs(5), asked).await.ok().flatten().is_some()
    }

    /// What is there already, without its frames.
    pub fn ready(&mut self) -> Vec<String> {
        let mut bytes = vec![0; 64 * 1024];
        let count = self.0.try_read(&mut bytes).unwrap_or_default();
        unframed(&bytes[..count])
    }

    /// The next replies, without their frames.
    pub async fn replies(&mut self, count: usize) -> Vec<String> {
        let mut bytes = Vec::new();
        let read = async {
            while bytes.iter().filter(|byte| **byte == 0x1c).count() < count {
                assert_ne!(self.0.read_buf(&mut bytes).await.expect("read"), 0, "the door hung up");
            }
        };
        timeout(Duration::from_secs(20), read).await.expect("a reply in time");
        unframed(&bytes)
    }

    pub async fn ask(&mut self, message: &str, count: usize) -> Vec<String> {
        self.send(&framed(message)).await;
        self.replies(count).await
    }

    /// The same where it is no UTF-8.
    pub async fn ask_bytes(&mut self, message: &[u8], count: usize) -> Vec<String> {
        self.send(&[b"\x0b", message, b"\x1c\r"].concat()).await;
        self.replies(count).await
    }
}

fn unframed(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).expect("text");
    let parts = text.split("\x1c\r").filter(|part| !part.is_empty());
    parts.map(|part| part.trim_start_matches('\x0b').to_owned()).collect()
}

pub fn code(reply: &str) -> &str {
    let acknowledged = reply.split('\r').find(|segment| segment.starts_with("MSA|")).expect("an MSA");
    acknowledged.split('|').nth(1).expect("a code")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_is_acknowledged_when_it_stands_and_the_same_one_gets_the_same_replies() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let message = referral("RB-181", "RB-REF-1", "Testpatient");
    let replies = office.ask(&message, 2).await;
    assert_eq!((code(&replies[0]), code(&replies[1])), ("CA", "AA"));
    assert!(replies[0].contains("MSA|CA|RB-181\r") && replies[1].contains("RRI^I12"), "{replies:?}");
    assert!(replies[1].contains("RF1|P^Pending^HL70283|||||RB-REF-1^CEDARFM|||||HV-"), "{}", replies[1]);
    assert!(!replies.concat().contains("Testpatient"), "no reply names the patient");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE source = 'hl7'").await, 1);
    let told = published(&world.bus().await, 1).await;
    let facts = told[0].1.facts.clone().expect("facts");
    assert_eq!((facts.referring_office.as_str(), facts.needs_repair), ("cedar-family", false));

    let again = Office::calls(&world).await.ask(&message, 2).await;
    assert_eq!(again, replies, "byte for byte");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    assert_eq!(world.count("SELECT sum(times) FROM messages").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_anew_changes_nothing_and_what_differs_waits_for_a_person() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("A-1", "REF-1", "Testpatient"), 2).await;

    let anew = office.ask(&referral("A-2", "REF-1", "Testpatient"), 2).await;
    assert_eq!(code(&anew[1]), "AA");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1, "one referral, whatever the control id");
    assert_eq!(world.count("SELECT count(DISTINCT inquiry_id) FROM messages WHERE state = 'accepted'").await, 1);

    let changed = office.ask(&referral("A-3", "REF-1", "Testother"), 2).await;
    assert_eq!(code(&changed[0]), "CA");
    assert_eq!(world.count("SELECT count(inquiry_id) FROM messages WHERE reason = 'referral_changed'").await, 1);

    let reused = office.ask(&referral("A-1", "REF-9", "Testother"), 2).await;
    assert!(reused.concat().contains("205^"), "the control id stands for another message: {reused:?}");
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE reason = 'control_id_reused'").await, 1);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for (name, number, family, first) in [
        ("A-2", "REF-1", "Testpatient", &anew),
        ("A-3", "REF-1", "Testother", &changed),
        ("A-1", "REF-9", "Testother", &reused),
    ] {
        let again = office.ask(&referral(name, number, family), 2).await;
        assert_eq!(&again, first, "byte for byte, a second later");
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sender_must_mend_is_refused_with_its_place_kept_and_taken_once_mended() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let nameless = referral("B-1", "REF-2", "Testpatient").replace("Testpatient^Marisol", "");
    let refused = office.ask(&nameless, 2).await;
    assert_eq!(code(&refused[1]), "AE");
    assert!(refused[1].contains("ERR||PID^1^5|101^Required field missing^HL70357|E|"), "{}", refused[1]);
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'refused'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
    let mended = office.ask(&referral("B-1", "REF-2", "Testpatient"), 2).await;
    assert_eq!(code(&mended[1]), "AA", "a refusal holds no control id");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    let elsewhere = referral("B-3", "REF-3", "Testpatient").replace("HARBORVALLEY", "SOMEBODYELSE");
    let rejected = office.ask(&elsewhere, 1).await;
    assert_eq!(code(&rejected[0]), "CR");
    let cancelled = office.ask(&referral("B-4", "REF-2", "Testpatient").replace("I12^REF_I12", "I14^REF_I12"), 2).await;
    assert_eq!(code(&cancelled[1]), "AA");
    assert_eq!(world.count("SELECT count(inquiry_id) FROM messages WHERE reason = 'referral_cancelled'").await, 1);
    let asked = office.ask(&referral("B-5", "REF-2", "Testpatient").replace("I12^REF_I12", "I15^REF_I12"), 2).await;
    assert!(asked[1].contains("RRI^I15") && asked[1].contains("HV-"), "{}", asked[1]);
    let unknown = office.ask(&referral("B-6", "REF-77", "Testpatient").replace("I12^REF_I12", "I15^REF_I12"), 2).await;
    assert!(unknown.concat().contains("204^"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_settled_by_a_person_once_and_written_down() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("H-1", "REF-1", "Testpatient"), 2).await;
    office.ask(&referral("H-2", "REF-1", "Testpatient").replace("I12^REF_I12", "I14^REF_I12"), 2).await;
    let id: uuid::Uuid = sqlx::query_scalar("SELECT message_id FROM messages WHERE state = 'parked'")
        .fetch_one(&world.admin)
        .await
        .expect("it waits");
    let ask = |center: &str| SettleMessagesRequest { center: center.into(), message_ids: vec![id.to_string()] };
    let service = world.client("portal", None).settle_messages(ask(CENTER)).await;
    assert_eq!(service.expect_err("no person").code(), Code::PermissionDenied);
    let elsewhere = world.client("portal", Some(coordinator(OTHER))).settle_messages(ask(OTHER)).await;
    assert!(elsewhere.expect("asked").into_inner().settled.is_empty(), "another center's");
    let settle = async || {
        let mut client = world.client("portal", Some(coordinator(CENTER)));
        client.settle_messages(ask(CENTER)).await.expect("asked").into_inner()
    };
    assert_eq!(settle().await.settled, [id.to_string()]);
    assert_eq!(settle().await.not_waiting, [id.to_string()]);
    let written = "SELECT count(*) FROM audit_log WHERE object_kind = 'message' AND purpose = 'settle_message'";
    assert_eq!(world.count(written).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_that_is_sent_anew_after_its_withdrawal_waits_for_a_person() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let verb = |message: String| message.replace("I12^REF_I12", "I14^REF_I12");
    office.ask(&referral("R-1", "REF-1", "Testpatient"), 2).await;
    office.ask(&verb(referral("R-2", "REF-1", "Testpatient")), 2).await;
    let again = office.ask(&referral("R-3", "REF-1", "Testpatient"), 2).await;
    assert_eq!((code(&again[0]), code(&again[1])), ("CA", "AA"));
    let waits = "SELECT count(inquiry_id) FROM messages WHERE state = 'parked' AND reason = 'referral_reopened'";
    assert_eq!(world.count(waits).await, 1, "and names its inquiry");
    assert_eq!(office.ask(&referral("R-3", "REF-1", "Testpatient"), 2).await, again, "byte for byte");
    office.ask(&referral("R-4", "REF-1", "Testpatient"), 2).await;
    assert_eq!(world.count(waits).await, 1, "it was taken up again: now it is a repeat");
    office.ask(&verb(referral("R-5", "REF-1", "Testpatient")), 2).await;
    office.ask(&referral("R-6", "REF-1", "Testpatient"), 2).await;
    assert_eq!(world.count(waits).await, 2);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_and_is_taken_at_last_stands_and_what_stands_is_not_refused_later() {
    let world = World::start().await;
    let mut config = Config::default();
    config.mllp.processing_id = "T".to_owned();
    let training = world.second_door_with(config).await;
    let message = referral("G-1", "REF-8", "Testlater");
    assert_eq!(code(&Office::at(&training).await.ask(&message, 1).await[0]), "CR");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);

    let taken = Office::calls(&world).await.ask(&message, 2).await;
    assert_eq!(code(&taken[1]), "AA");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1, "what is acknowledged stands");
    let again = Office::at(&training).await.ask(&message, 2).await;
    assert_eq!(again, taken, "it stands, whatever would be said of it today");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_cut_at_every_byte_leaves_nothing_behind_and_the_whole_message_stands_once() {
    let world = World::start().await;
    let bytes = framed(&referral("C-1", "REF-4", "Testpatient"));
    // The last byte may be missing: whoever hangs up after the end byte has sent all of it.
    for end in 1..bytes.len() - 1 {
        let mut office = Office::calls(&world).await;
        office.send(&bytes[..end]).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 0, "a part is no message");
    let mut office = Office::calls(&world).await;
    for byte in &bytes {
        office.send(&[*byte]).await;
    }
    assert_eq!(code(&office.replies(2).await[0]), "CA");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_one_packet_are_answered_in_their_order_and_many_lines_at_once_lose_none() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let both = [framed(&referral("D-1", "REF-5", "Testone")), framed(&referral("D-2", "REF-6", "Testtwo"))].concat();
    office.send(&both).await;
    let replies = office.replies(4).await;
    let about: Vec<bool> = replies.iter().map(|reply| reply.contains("|D-1\r")).collect();
    assert_eq!(about, [true, true, false, false]);

    let lines = (0..32).map(|line| {
        let world = &world;
        async move {
            let mut office = Office::calls(world).await;
            for number in 0..10 {
                let name = format!("E-{line}-{number}");
                let replies = office.ask(&referral(&name, &name, "Testmany"), 2).await;
                assert_eq!(code(&replies[0]), "CA");
            }
        }
    });
    futures::future::join_all(lines).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 322);
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'accepted'").await, 322);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_no_acknowledgement_is_given_and_the_line_is_closed() {
    let mut world = World::start_alone(Config::default()).await;
    let mut office = Office::calls(&world).await;
    world.postgres().kill().await.expect("killed");
    office.send(&framed(&referral("F-1", "REF-7", "Testpatient"))).await;
    let mut heard = Vec::new();
    let ended = timeout(Duration::from_secs(20), office.0.read_to_end(&mut heard)).await;
    ended.expect("the door hangs up").expect("read");
    assert!(!String::from_utf8_lossy(&heard).contains("MSA|CA"), "nothing was kept");
    world.postgres().restart().await.expect("started again");
    eventually("the same message is taken", || async {
        let mut office = Office::calls(&world).await;
        office.send(&framed(&referral("F-1", "REF-7", "Testpatient"))).await;
        let mut heard = Vec::new();
        let read = async {
            while !heard.contains(&0x1c) && office.0.read_buf(&mut heard).await.is_ok_and(|count| count > 0) {}
        };
        let _ = timeout(Duration::from_secs(5), read).await;
        String::from_utf8_lossy(&heard).contains("MSA|CA|F-1")
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_sender_in_the_middle_of_a_message_loses_its_line() {
    let mut config = Config::default();
    config.mllp.stall_seconds = 1;
    let world = World::start_with(config).await;
    let mut office = Office::calls(&world).await;
    office.send(b"\x0bMSH|^~\\&|HUB").await;
    let mut heard = Vec::new();
    timeout(Duration::from_secs(10), office.0.read_to_end(&mut heard)).await.expect("it ends").expect("read");
    assert!(heard.is_empty());
}
