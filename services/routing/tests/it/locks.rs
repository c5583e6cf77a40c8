//! Several processes that hear of the same inquiries in another order, while their timers fire: none waits for another in a circle.

use causeway_bus::Outgoing;
use causeway_funnel::inquiry::{CancerArea, Facts};
use causeway_proto::intake::v1::WorkMoved;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::world::{CENTER, World, bundle, eventually, received};
use crate::{attempted, closed};

const ROUNDS: usize = 12;
const INQUIRIES: usize = 60;

/// Small numbers in an order that is the same in each run.
struct Lots(u64);

impl Lots {
    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            all.swap(last, (self.0 >> 33) as usize % (last + 1));
        }
    }
}

fn handed_over(world: &World, inquiry: Uuid) -> WorkMoved {
    WorkMoved {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        team: "thoracic".into(),
        open: true,
        version: 2,
        how: "handed_over".into(),
        at: world.clock.now().as_microsecond(),
        reason: "wrong_area".into(),
        ..WorkMoved::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_that_tell_of_the_same_inquiries_in_another_order_never_wait_for_each_other_in_a_circle() {
    let world = World::start().await;
    world.apply(&bundle()).await;
    let others = [world.another().await, world.another().await];
    let mut lots = Lots(7);
    let mut told = 0_i64;
    for _ in 0..ROUNDS {
        let now = world.clock.now();
        let ids: Vec<Uuid> = (0..INQUIRIES).map(|_| world.clock.new_id()).collect();
        let facts = || Facts { cancer_area: CancerArea::Breast, received_at: now, ..Facts::default() };
        let come: Vec<Outgoing> = ids.iter().map(|id| world.outgoing(CENTER, *id, &received(*id, facts()))).collect();
        let before = world.count("SELECT count(*) FROM decisions").await;
        world.send(&come).await;
        eventually("decided", || async {
            world.count("SELECT count(*) FROM decisions").await == before + INQUIRIES as i64
        })
        .await;
        // Each is tried, closed and handed over, in any order; meanwhile all of their clocks come to their ends.
        let mut batch: Vec<Outgoing> = ids
            .iter()
            .flat_map(|id| {
                [
                    world.outgoing(CENTER, *id, &attempted(*id, now + SignedDuration::from_mins(5))),
                    world.outgoing(CENTER, *id, &closed(*id, now + SignedDuration::from_mins(6))),
                    world.outgoing(CENTER, *id, &handed_over(&world, *id)),
                ]
            })
            .collect();
        lots.shuffle(&mut batch);
        world.clock.set(now + SignedDuration::from_hours(5));
        world.send(&batch).await;
        told += (come.len() + batch.len()) as i64;
        eventually("all is heard", || async { world.count("SELECT count(*) FROM inbox").await == told }).await;
    }
    // The server tells its figures with a delay.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let circles = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(world.count(circles).await, 0, "two transactions waited for each other");
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);
    world.end().await;
    for other in others {
        other.tasks.close();
        other.tasks.wait().await;
    }
}
