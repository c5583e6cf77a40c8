//! What the desk tells: the newest word counts, and what can't be read is kept for an operator.

use causeway_proto::events::Event as _;
use causeway_proto::intake::v1::ReadinessChanged;
use causeway_proto::subjects;
use uuid::Uuid;

use crate::world::{CENTER, Word, World, ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_word_that_comes_late_changes_nothing_and_rubbish_is_parked_without_holding_up_the_rest() {
    let world = World::start().await;
    let inquiry = Uuid::from_u128(1);
    world.tell(CENTER, inquiry, &Word { version: 5, ..ready() }).await;
    let late = world.say(CENTER, inquiry, &Word { version: 4, open: false, ..ready() }).await;
    let rubbish = (subjects::subject(CENTER, "readiness", "changed"), ReadinessChanged::KIND);
    world.send(CENTER, inquiry, 6, rubbish.clone(), vec![0xff; 9]).await;
    world.send(CENTER, inquiry, 7, rubbish, Vec::new()).await;
    world.tell(CENTER, Uuid::from_u128(2), &ready()).await;
    world
        .until(|| async {
            let parked: i64 =
                sqlx::query_scalar("SELECT count(*) FROM parked").fetch_one(&world.machine).await.expect("read");
            let heard: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM inbox WHERE id = $1)")
                .bind(late)
                .fetch_one(&world.machine)
                .await
                .expect("read");
            parked == 2 && heard
        })
        .await;
    let kept: (i64, bool) = sqlx::query_as("SELECT version, open FROM bookables WHERE inquiry_id = $1")
        .bind(inquiry)
        .fetch_one(&world.machine)
        .await
        .expect("read");
    assert_eq!(kept, (5, true));
    world.stop().await;
}
