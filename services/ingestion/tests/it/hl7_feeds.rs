//! What a feed says of its office's system: the zone of its times, and that its control ids begin anew.

use causeway_ingestion::Config;
use causeway_runtime::Clock;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::hl7::{Office, code, referral};
use crate::world::{CENTER, World, eventually};

const SENDS: &str = "sending_facility = \"CEDARFM\"";
/// Fourteen hours before Greenwich, more than twenty before the center.
const ZONE: &str = "Pacific/Kiritimati";
const SENT: &str = "20260412103015-0500";

/// A world whose feed has a mapping.
async fn world(mapping: &str) -> World {
    let world = World::start_without_profiles(Config::default()).await;
    world.change_profile(CENTER, "feeds.toml", SENDS, &format!("{SENDS}\nhl7 = {{ {mapping} }}")).await;
    eventually("the center is known", || async {
        world.post(CENTER, &json!({"form": "none", "answers": {}})).await.status() == 422
    })
    .await;
    world
}

/// A message that is sent now, with the office's time and without its zone.
fn now(message: &str) -> String {
    let zone = TimeZone::get(ZONE).expect("a zone");
    message.replace(SENT, &zone.to_datetime(Clock::system().now()).strftime("%Y%m%d%H%M%S").to_string())
}

/// As if all that stands had come so much earlier.
async fn age(world: &World, hours: i32) {
    let age = "UPDATE messages SET received_at = received_at - make_interval(hours => $1)";
    sqlx::query(age).bind(hours).execute(&world.admin).await.expect("aged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_id_may_come_anew_after_a_day_where_the_feed_says_so_and_only_for_what_was_sent_since() {
    let world = world(&format!("control_ids_recycle = true, time_zone = \"{ZONE}\"")).await;
    let mut office = Office::calls(&world).await;
    let inquiries = "SELECT count(*) FROM inquiries";
    let first = now(&referral("1", "REF-1", "Testpatient"));
    let told = office.ask(&first, 2).await;
    assert_eq!(code(&told[1]), "AA");
    assert_eq!(code(&office.ask(&now(&referral("1", "REF-2", "Testsecond")), 2).await[1]), "AE", "on the same day");

    age(&world, 10).await;
    assert_eq!(code(&office.ask(&now(&referral("1", "REF-3", "Testthird")), 2).await[1]), "AE", "ten hours later");
    age(&world, 15).await;
    let queued = referral("1", "REF-4", "Testfourth");
    assert_eq!(code(&office.ask(&queued, 2).await[1]), "AE", "it was sent long ago");
    assert_eq!(world.count(inquiries).await, 1);

    let anew = now(&referral("1", "REF-5", "Testfifth"));
    let second = office.ask(&anew, 2).await;
    assert_eq!((code(&second[1]), world.count(inquiries).await), ("AA", 2));
    assert_eq!(office.ask(&anew, 2).await, second, "the same replies, byte for byte");
    assert_eq!(office.ask(&first, 2).await, told, "also to the one of before");
    let other = now(&referral("1", "REF-6", "Testsixth"));
    assert_eq!(code(&office.ask(&other, 2).await[1]), "AE", "the newer one has it now");
    assert_eq!(world.count(inquiries).await, 2);

    // What no inquiry is made of is written in another way.
    let news = |name: &str| {
        let parts = referral("1", "", name).replace("REF^I12^REF_I12", "ADT^A08^ADT_A01").replace("|AL|AL|", "|||");
        now(&parts)
    };
    assert_eq!(code(&office.ask(&news("Testseventh"), 1).await[0]), "AE");
    age(&world, 25).await;
    assert_eq!(code(&office.ask(&news("Testeighth"), 1).await[0]), "AA");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_id_belongs_to_its_message_for_good_and_days_are_those_of_the_office() {
    let world = world(&format!("time_zone = \"{ZONE}\"")).await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("1", "REF-1", "Testpatient"), 2).await;
    // Where the office is, it is tomorrow nearly all day.
    let today = TimeZone::get(ZONE).expect("a zone").to_datetime(Clock::system().now()).date();
    let born = |name: &str, on: Date| {
        referral(name, name, "Testnewborn").replace("19680719", &on.strftime("%Y%m%d").to_string())
    };
    assert_eq!(code(&office.ask(&born("2", today), 2).await[1]), "AA");
    let later = today.saturating_add(2.days());
    assert_eq!(code(&office.ask(&born("3", later), 2).await[1]), "AE", "nobody is born then");
    age(&world, 48).await;
    assert_eq!(code(&office.ask(&now(&referral("1", "REF-9", "Testother")), 2).await[1]), "AE");
}
