//! Who asked at a sister center: they read who passed their request on, and what they stopped there stays stopped.

use causeway_proto::inquiry::v1::{Facts, Stay};
use causeway_proto::routing::v1::RouteDecided;
use jiff::Timestamp;
use uuid::Uuid;

use super::{facts, routed};
use crate::world::{World, eventually};

const SISTER: &str = "lakeside";

fn handed(inquiry: Uuid, there: Uuid, now: Timestamp) -> RouteDecided {
    let stay = Stay {
        center: SISTER.into(),
        reference: "LK-7K4M-2QX".into(),
        received_at: 1_790_000_000_000_000,
        documents: 0,
        inquiry_id: there.to_string(),
    };
    let facts = Facts { stays: vec![stay], ..facts(inquiry, now) };
    RouteDecided { facts: Some(facts), ..routed(inquiry, now) }
}

/// The owner of the address at which the sister wrote about an inquiry wants no more mail, since a day.
async fn stop_address(world: &World, there: Uuid, since: &str) {
    sqlx::query(
        "WITH written AS (INSERT INTO notices (center_id, notice_id, inquiry_id, kind, channel, language, template, revision, \
             reference, consult_type, cancer_area, consented_at, caused_at, state, intended_at, next_try_at, address_token) \
             SELECT $1, gen_random_uuid(), $2, 'confirmation', 'email', 'en', 'confirmation', '', 'LK-7K4M-2QX', 'unsure', 'unsure', \
             at, at, 'sent', at, at, uuid_send($2) FROM (SELECT timestamptz '2026-09-21' AS at) AS t RETURNING address_token) \
         INSERT INTO address_stops (center_id, address_token, channel, since) \
             SELECT $1, address_token, 'email', $3::timestamptz FROM written",
    )
    .bind(SISTER)
    .bind(there)
    .bind(since)
    .execute(&world.admin)
    .await
    .expect("a stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_names_who_passed_the_request_on_and_a_stop_at_the_sister_holds_here_too() {
    let world = World::start().await;
    world.add_center(SISTER).await;
    eventually("the sister is known", || async {
        world.count("SELECT count(*) FROM revisions WHERE current").await == 2
    })
    .await;
    let [own, came, stopped, there, stopped_there] = [(); 5].map(|()| world.clock.new_id());
    let [by_address, at_address, again, at_address_before] = [(); 4].map(|()| world.clock.new_id());
    sqlx::query(
        "INSERT INTO inquiry_stops (center_id, inquiry_id, channel, since, actor_kind, actor_id) \
         VALUES ($1, $2, 'email', now(), 'patient', 'p')",
    )
    .bind(SISTER)
    .bind(stopped_there)
    .execute(&world.admin)
    .await
    .expect("a stop");
    // Said in a mail about another request: since they asked, and before.
    stop_address(&world, at_address, "2026-12-01").await;
    stop_address(&world, at_address_before, "2026-01-01").await;
    let now = world.clock.now();
    let all = [
        (own, routed(own, now)),
        (came, handed(came, there, now)),
        (stopped, handed(stopped, stopped_there, now)),
        (by_address, handed(by_address, at_address, now)),
        (again, handed(again, at_address_before, now)),
    ];
    for (inquiry, event) in all {
        world.publish(inquiry, &[event]).await;
    }
    for inquiry in [own, came, again] {
        world.wait_for(inquiry, &["confirmation sent"]).await;
    }
    for inquiry in [stopped, by_address] {
        world.wait_for(inquiry, &["confirmation suppressed stopped"]).await;
    }
    let mails = world.mail.taken();
    assert_eq!(mails.len(), 3, "a stop is obeyed");
    for mail in &mails {
        let is_handed = !mail.to.contains(&own.to_string());
        for part in [&mail.text, &mail.html] {
            assert_eq!(part.contains("has passed your request to us."), is_handed, "{part}");
        }
    }
    let foreign = "SELECT count(*) FROM inquiry_stops WHERE center_id = 'harbor-valley' AND actor_kind = 'service'";
    assert_eq!(world.count(foreign).await, 2, "it is this center's own stop now");
    world.end().await;
}
