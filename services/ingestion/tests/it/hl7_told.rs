//! What an office tells by HL7 reaches staff whole, and what an office asks is answered about its own referrals alone.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use causeway_funnel::stage::Stage;
use causeway_ingestion::store::messages;
use causeway_proto::inquiry::v1::{
    ApplyMessageRequest, ConsultType, Facts, Person, RepairRow, RevealPeopleRequest, Source, Urgency,
};
use prost::Message as _;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::csv;
use crate::documents::pdf;
use crate::hl7::{Office, code, referral};
use crate::journeys::{moved, tell};
use crate::repair::{open, waiting};
use crate::validator;
use crate::world::{CENTER, World, coordinator, eventually};

fn as_event(message: &str, event: &str) -> String {
    message.replace("I12^REF_I12", &format!("{event}^REF_I12"))
}

async fn waits_for(world: &World, reason: &str) -> RepairRow {
    let found = waiting(world, "waiting").await.into_iter().rev().find(|row| row.reason == reason);
    found.unwrap_or_else(|| panic!("nothing waits for {reason}"))
}

async fn newest(world: &World) -> (String, String) {
    let sql = "SELECT inquiry_id::text, reference FROM inquiries ORDER BY received_at DESC, inquiry_id DESC LIMIT 1";
    sqlx::query_as(sql).fetch_one(&world.admin).await.expect("an inquiry")
}

async fn facts(world: &World) -> Facts {
    let sql = "SELECT facts FROM inquiries ORDER BY received_at LIMIT 1";
    let facts: Vec<u8> = sqlx::query_scalar(sql).fetch_one(&world.admin).await.expect("an inquiry");
    Facts::decode(facts.as_slice()).expect("facts")
}

async fn person(world: &World, inquiry: &str) -> Person {
    seen(world, inquiry, "inquiry_page").await
}

async fn seen(world: &World, inquiry: &str, purpose: &str) -> Person {
    let request =
        RevealPeopleRequest { center: CENTER.into(), inquiry_ids: vec![inquiry.to_owned()], purpose: purpose.into() };
    let answer = world.client("portal", Some(coordinator(CENTER))).reveal_people(request).await.expect("opened");
    answer.into_inner().people.pop().expect("a person")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_change_says_of_priority_and_kind_and_what_it_takes_back_is_seen_and_taken_over() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("C-1", "REF-1", "Testpatient"), 2).await;
    assert_eq!(facts(&world).await.urgency(), Urgency::Soon);
    let change = as_event(&referral("C-2", "REF-1", "Testpatient"), "I13");
    let change = change.replace("A^ASAP^HL70280|Med||", "S^STAT^HL70280|Med|WR~SO|").replace("19680719", "\"\"");
    office.ask(&change, 2).await;
    let row = waits_for(&world, "referral_modified").await;
    let shown = open(&world, &row).await;
    for (key, stands, says) in [
        ("urgency", "soon", "urgent"),
        ("consult_type", "new_consult", "second_opinion"),
        ("birth_date", "1968-07-19", ""),
    ] {
        assert_eq!((shown.standing[key].as_str(), shown.fields[key].as_str()), (stands, says), "{key}");
    }
    let waits = async || {
        let waiting = person(&world, &newest(&world).await.0).await.waiting;
        waiting.into_iter().map(|news| (news.reason, news.tells_death)).collect::<Vec<_>>()
    };
    let news = |tells_death| ("referral_modified".to_owned(), tells_death);
    assert_eq!(waits().await, [news(false)], "who opens the inquiry is told that it waits");
    let on_the_list = seen(&world, &newest(&world).await.0, "worklist").await;
    assert_eq!(on_the_list.waiting.len(), 1, "and who looks for the next one to call");
    assert!(on_the_list.answers.is_empty());
    let fields = ["urgency", "consult_type", "birth_date"].map(str::to_owned).to_vec();
    let request = ApplyMessageRequest { center: CENTER.into(), message_id: row.id, fields, confirmed: true };
    let client = || world.client("portal", Some(coordinator(CENTER)));
    let done = client().apply_message(request).await.expect("taken over").into_inner();
    assert_eq!((done.outcome.as_str(), done.routed_by), ("applied", vec!["consult_type".into(), "urgency".into()]));
    let now = facts(&world).await;
    assert_eq!((now.urgency(), now.consult_type()), (Urgency::Urgent, ConsultType::SecondOpinion));
    assert_eq!(person(&world, &newest(&world).await.0).await.birth_date, "");

    // What a change is silent about stays, and what it says the same is nothing else.
    office.ask(&change.replace("C-2", "C-3").replace("S^STAT^HL70280|Med|WR~SO|", "|Med||"), 2).await;
    let shown = open(&world, &waits_for(&world, "referral_modified").await).await;
    assert!(!shown.fields.contains_key("urgency") && !shown.fields.contains_key("consult_type"), "{:?}", shown.fields);
    office.ask(&change.replace("C-2", "C-4"), 2).await;
    let shown = open(&world, &waits_for(&world, "referral_modified").await).await;
    assert_eq!(shown.fields["urgency"], shown.standing["urgency"]);
    let died = referral("C-5", "REF-1", "Testpatient").replace("5550199\r", &format!("5550199{}Y\r", "|".repeat(17)));
    office.ask(&as_event(&died, "I13"), 2).await;
    assert_eq!(waits().await, [news(false), news(false), news(true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_document_of_one_segment_is_kept() {
    let world = World::start().await;
    let value = |name: &str| format!("HUB^application^pdf^Base64^{}", STANDARD.encode(pdf(name, 3000)));
    let obx = format!("OBX|1|ED|11526-1^Pathology^LN||{}~{}||||||F\r", value("one"), value("two"));
    Office::calls(&world).await.ask(&(referral("D-1", "REF-1", "Testpatient") + &obx), 2).await;
    eventually("both stand", || async { world.count("SELECT count(*) FROM documents").await == 2 }).await;
}

const OTHER_OFFICE: &str = "[[feed]]\nid = \"elm-hl7\"\nkind = \"hl7\"\noffice = \"elm\"\noffice_name = \"Elm\"\n\
    sending_facility = \"ELMFM\"\nrate_per_minute = 120\n\n\
    [[feed]]\nid = \"cedar-annex\"\nkind = \"hl7\"\noffice = \"cedar-family\"\noffice_name = \"Cedar Family Medicine\"\n\
    sending_facility = \"ANNEX\"\nrate_per_minute = 120\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_our_number_an_office_hears_of_what_it_sent_by_any_of_its_feeds_and_of_nothing_else() {
    let world = World::start().await;
    world.rewrite_profile(CENTER, "feeds.toml", |text| format!("{text}\n{OTHER_OFFICE}")).await;
    let mut office = Office::calls(&world).await;
    let number = |name: &str, ours: &str| {
        let message =
            referral(name, "X", "Testpatient").replace("X^CEDARFM|20260412", &format!("|20260412||||{ours}^CAUSEWAY"));
        as_event(&message, "I15")
    };
    eventually("the other offices are known", || async {
        let replies = Office::calls(&world)
            .await
            .ask(&number("K-1", "HV-NONE").replace("CEDARFM", "ELMFM").replace("AL|AL", "NE|AL"), 1)
            .await;
        !replies[0].contains("MSH^1^4")
    })
    .await;
    office.ask(&referral("N-1", "REF-1", "Testpatient"), 2).await;
    let (id, ours) = newest(&world).await;
    tell(&world, &[moved((Source::Hl7, &id), 1, (Stage::Received, Stage::Closed), "unreachable")]).await;
    eventually("it is heard", || async { world.count("SELECT count(*) FROM inbox").await == 1 }).await;

    let own = office.ask(&number("N-2", &ours), 2).await;
    let why = ": The patient could not be reached after all tries|";
    assert!(own[1].contains(why) && !own[1].contains("RF1|P^"), "{}", own[1]);
    let annex = office.ask(&number("N-3", &ours).replace("CEDARFM", "ANNEX"), 2).await;
    assert!(annex[1].contains(why), "another feed of the same office: {}", annex[1]);

    let strange = |name: &str, ours: &str| number(name, ours).replace("CEDARFM", "ELMFM");
    let unknown = office.ask(&strange("S-1", "HV-NONE"), 2).await;
    let theirs = office.ask(&strange("S-1", &ours).replace("S-1", "S-2"), 2).await;
    assert_eq!(code(&theirs[1]), "AE");
    let without_ids = |reply: &str| reply.split_once("\rERR").map(|(_, fault)| fault.to_owned());
    assert_eq!(without_ids(&theirs[1]), without_ids(&unknown[1]), "it is not told that the number exists");
    for (event, name) in [("I13", "S-3"), ("I14", "S-4")] {
        let told = office
            .ask(&as_event(&strange(name, &ours), "I15").replace("I15^REF_I12", &format!("{event}^REF_I12")), 2)
            .await;
        assert!(code(&told[1]) == "AA" && !told[1].contains("CAUSEWAY\r"), "{}", told[1]);
    }
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE feed = 'elm-hl7' AND inquiry_id IS NOT NULL").await, 0);

    // One that came in a list of the same office is its own, but where it stands is not known here.
    csv::Office::cedar(&world).taken(csv::list(&["RB-9,Testlist,Nine,1968-07-19,206-555-0142,C50.411,new"])).await;
    let (_, listed) = newest(&world).await;
    let told = office.ask(&number("L-1", &listed), 2).await;
    assert!(code(&told[1]) == "AE" && told[1].contains("please call the center"), "{}", told[1]);
    let off = office.ask(&number("L-2", &listed).replace("I15^REF_I12", "I14^REF_I12"), 2).await;
    assert!(code(&off[1]) == "AA" && off[1].contains(&listed), "{}", off[1]);

    // A form or a call is the person's own, whoever is said to have referred them.
    world.accepted(&crate::world::body(&[])).await;
    let (_, form) = newest(&world).await;
    assert_eq!(code(&office.ask(&number("F-1", &form), 2).await[1]), "AE");
    if let Err(faults) = validator::judge_replies(&[own, annex, unknown, theirs, told, off].concat()) {
        panic!("{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_that_waits_because_of_a_code_is_here_for_who_asks() {
    let world = World::start().await;
    let mapping =
        "sending_facility = \"CEDARFM\"\nhl7 = { from = { cancer_area = [\"ZRF-1\"] }, unknown_codes = \"park\" }";
    world.change_profile(CENTER, "feeds.toml", "sending_facility = \"CEDARFM\"", mapping).await;
    let parked = "SELECT count(*) FROM messages WHERE reason = 'code_unknown'";
    let mut probe = 0;
    let mut office = Office::calls(&world).await;
    while world.count(parked).await == 0 {
        probe += 1;
        office.ask(&(referral(&format!("P-{probe}"), &format!("REF-{probe}"), "Testpatient") + "ZRF|ONC7\r"), 2).await;
    }
    let asked = office.ask(&as_event(&referral("Q-1", &format!("REF-{probe}"), "Testpatient"), "I15"), 2).await;
    let told = "|It is here, and a person at the center looks at it|";
    assert!(asked[1].contains("\rRF1|P^Pending^HL70283|") && asked[1].contains(told), "{}", asked[1]);
    assert_eq!(code(&office.ask(&as_event(&referral("Q-2", "NONE", "Testpatient"), "I15"), 2).await[1]), "AE");

    let many = "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, reason, sealed, received_at, \
        changed_at) SELECT 'harbor-valley', gen_random_uuid(), 'cedar-hl7', 'REF^I12', decode(md5(n::text), 'hex'), \
        decode(md5(n::text), 'hex'), 'parked', 'attachment', '\\x00', now(), now() FROM generate_series(1, 50000) AS n";
    sqlx::query(many).execute(&world.admin).await.expect("inserted");
    sqlx::raw_sql("ANALYZE messages").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let query =
        messages::WAITS.replace("$1", "'harbor-valley'").replace("$2", "'\\x01'").replace("$3", "'code_unknown'");
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {query}"))).fetch_all(&mut app).await.expect("a plan");
    assert!(plan.join("\n").contains("messages_waiting_referral"), "{plan:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_is_told_what_is_wrong_where_it_is_wrong() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let odd = referral("W-1", "REF-1", "Testpatient").replace("1234567893", "1234567890")
        + "OBX|1|ED|11526-1||HUB^application^pdf^Base64^%%%||||||F\r";
    let told = office.ask(&odd, 2).await;
    assert_eq!((code(&told[0]), code(&told[1])), ("CA", "AA"));
    for words in ["check digit of a provider number (NPI) is wrong", "(OBX[1]-5[1])"] {
        assert!(told[1].contains(words), "{words}: {}", told[1]);
    }
    let who = office.ask(&referral("W-2", "REF-2", "Testpatient").replace("|HUB|CEDARFM|", "|HUB|WHO|"), 1).await;
    assert!(who[0].contains("\rERR||MSH^1^4|103^") && !who[0].contains("MSH^1^6"), "{}", who[0]);
    let where_to = referral("W-3", "REF-3", "Testpatient").replace("HARBORVALLEY", "WHERE");
    let elsewhere = office.ask(&where_to, 1).await;
    assert!(elsewhere[0].contains("\rERR||MSH^1^6|103^"), "{}", elsewhere[0]);
    let empty = "FHS|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|2026||||F-1\rBHS|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|2026||||B-1\r\
        BTS|0\rFTS|1\r";
    let nothing = office.ask(empty, 1).await;
    assert!(nothing[0].contains("\rMSA|AA|F-1\r"), "{}", nothing[0]);
    // A header of a batch that declares the dividers and nothing else is one.
    let two = referral("W-4", "REF-4", "Testpatient") + &referral("W-5", "REF-5", "Otherpatient");
    for bare in [format!("FHS|^~\\&\rBHS|^~\\&\r{two}BTS|2\rFTS|1\r"), format!("BHS|^~\\&\r{two}BTS|2\r")] {
        let each = office.ask(&bare, 4).await;
        assert_eq!(each.iter().map(|reply| code(reply)).collect::<Vec<_>>(), ["CA", "AA", "CA", "AA"], "{each:?}");
        let refused = office.ask(&bare.replace("BTS|2", "BTS|3"), 2).await;
        assert!(refused[0].contains("\rMSA|CA|W-4\r"), "in the mode of its first message: {}", refused[0]);
        assert!(refused[1].contains("\rMSA|AE|W-4\r") && refused[1].contains("\rERR||BTS^1^1|207^"), "{}", refused[1]);
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
    // Answers are answered in no company, or two systems would do so for ever: what comes next is the next message's.
    let answer = "MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|2026||ACK|A-1|P|2.5.1\rMSA|AA|9\r";
    for header in ["BHS|^~\\&", "BHS|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|2026||||B-9"] {
        office.ask(&format!("{header}\r{answer}BTS|7\r"), 0).await;
    }
    let next = office.ask(&referral("W-6", "REF-6", "Thirdpatient"), 2).await;
    assert!(next[0].contains("\rMSA|CA|W-6\r"), "{}", next[0]);
    if let Err(faults) = validator::judge_replies(&[told, who, elsewhere].concat()) {
        panic!("{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_with_other_line_ends_is_the_same_and_a_withdrawal_under_its_id_is_seen_as_one() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let usual = referral("S-1", "REF-1", "Testpatient");
    let told = office.ask(&usual, 2).await;
    let dividers = usual.replace("|20260412\r", "|20260412|||\r");
    for same in [usual.replace('\r', "\r\n"), usual.replace('\r', "\n"), dividers.clone()] {
        assert_eq!(office.ask(&same, 2).await, told, "{same:?}");
    }
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE times = 4").await, 1);

    // One that was kept when all bytes of it were hashed is known by them.
    let old = dividers.replace("S-1", "S-2").replace("REF-1", "REF-2");
    let first = office.ask(&old, 2).await;
    let hashed = "UPDATE messages SET content_hash = '\\x0102030405060708090a0b0c0d0e0f10' WHERE times = 1";
    let before: Vec<u8> = sqlx::query_scalar("SELECT content_hash FROM messages WHERE times = 1")
        .fetch_one(&world.admin)
        .await
        .expect("one");
    sqlx::query(hashed).execute(&world.admin).await.expect("written");
    assert_eq!(code(&office.ask(&old, 2).await[1]), "AE", "other content stands under its id");
    let back = "UPDATE messages SET content_hash = $1 WHERE content_hash = '\\x0102030405060708090a0b0c0d0e0f10'";
    sqlx::query("DELETE FROM messages WHERE reason = 'control_id_reused'").execute(&world.admin).await.expect("gone");
    sqlx::query(back).bind(before).execute(&world.admin).await.expect("as it was");
    assert_eq!(office.ask(&old, 2).await, first);

    let off = office.ask(&as_event(&usual, "I14"), 2).await;
    assert!(off.concat().contains("205^"), "{off:?}");
    let shown = open(&world, &waits_for(&world, "control_id_reused").await).await;
    let kinds = (shown.standing["message_kind"].as_str(), shown.fields["message_kind"].as_str());
    assert_eq!(kinds, ("REF^I12", "REF^I14"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_that_the_center_does_not_speak_is_told_to_who_calls() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    for (at, (told, kept)) in
        [("zh^Chinese", Some("Chinese")), ("^Mandarin", Some("Mandarin")), ("es^Spanish", None), ("", None)]
            .into_iter()
            .enumerate()
    {
        let name = format!("T-{at}");
        let message = referral(&name, &name, "Testpatient").replace("5550199", &format!("5550199||{told}"));
        office.ask(&message, 2).await;
        let answers = person(&world, &newest(&world).await.0).await.answers;
        assert_eq!(answers.get("language_told").map(String::as_str), kept, "{told}");
        assert_eq!(answers.get("interpreter").map(String::as_str), kept.map(|_| "yes"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_under_a_known_number_about_another_patient_tells_nothing_of_either() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("Q-1", "REF-1", "Testpatient"), 2).await;
    let asks = |id: &str, family: &str, birth: &str| {
        as_event(&referral(id, "REF-1", family), "I15").replace("19680719", birth)
    };
    let other = office.ask(&asks("Q-2", "Bear", "19500101"), 2).await;
    assert!(other[1].contains("\rMSA|AE|Q-2\r") && other[1].contains("\rERR||PID^1^5|204^"), "{}", other[1]);
    assert!(!other.concat().contains("HV-"), "{other:?}");
    for (id, family, birth) in [("Q-3", "Newname", "19680719"), ("Q-4", "Testpatient", "19680718"), ("Q-5", "Bear", "")]
    {
        let told = office.ask(&asks(id, family, birth), 2).await;
        assert!(told[1].contains("|P^Pending") && told[1].contains("HV-"), "{id}: {told:?}");
    }
}
