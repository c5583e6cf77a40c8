//! What made inquiries scheduled: visits, and dated next steps by their kind.

use causeway_bus::Outgoing;
use causeway_funnel::inquiry::Facts;
use causeway_proto::convert::{facts_to_wire, micros};
use causeway_proto::inquiry::v1::{self as inquiry, InquiryReceived};
use causeway_proto::intake::v1::{NextStepOver, Stage, StageChanged};
use causeway_proto::metrics::v1::{GetFunnelRequest, GetFunnelResponse};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::life::Lots;
use crate::world::{CENTER, World, at, eventually};

const CALL: &str = "screening_call";
const REVIEW: &str = "records_review";

fn received() -> Timestamp {
    at("2027-03-04T18:00:00Z")
}

fn facts(inquiry: Uuid) -> Option<inquiry::Facts> {
    let facts = Facts { center: CENTER.into(), language: "en".into(), received_at: received(), ..Facts::default() };
    Some(facts_to_wire(inquiry, &facts))
}

/// One inquiry: stages with the kind by which they are or were scheduled, and ends of steps, an hour apart.
enum Told {
    Stage(Stage, &'static str),
    Over(&'static str),
}

fn events(world: &World, told: &[Told]) -> Vec<Outgoing> {
    let inquiry = world.clock.new_id();
    let mut events = vec![world.outgoing(inquiry, &InquiryReceived { facts: facts(inquiry) })];
    let mut from = Stage::Received;
    for (place, one) in told.iter().enumerate() {
        let version = place as i64 + 1;
        let at = micros(received() + SignedDuration::from_hours(version));
        events.push(match one {
            Told::Stage(to, next_step) => {
                let reason = if *to == Stage::Closed { "not_ready" } else { "" };
                let changed = StageChanged {
                    facts: facts(inquiry),
                    from: from.into(),
                    to: (*to).into(),
                    at,
                    version,
                    close_reason: reason.into(),
                    next_step: (*next_step).into(),
                    ..Default::default()
                };
                from = *to;
                world.outgoing(inquiry, &changed)
            }
            Told::Over(how) => {
                let over = NextStepOver {
                    facts: facts(inquiry),
                    kind: CALL.into(),
                    starts_at: at,
                    how: (*how).into(),
                    version,
                    at,
                };
                world.outgoing(inquiry, &over)
            }
        });
    }
    events
}

fn conversions(funnel: &GetFunnelResponse) -> Vec<(&str, i64, i64)> {
    funnel.conversions.iter().map(|one| (one.next_step.as_str(), one.count, one.done)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversions_add_up_by_kind_whatever_the_order_and_a_step_that_took_place_is_no_loss() {
    use Told::{Over, Stage as To};
    let world = World::start().await;
    let scheduled = || To(Stage::Scheduled, CALL);
    let lives = [
        // A visit that was kept, and one that was booked after a call was agreed.
        vec![To(Stage::Scheduled, ""), To(Stage::Attended, "")],
        vec![scheduled(), Over("superseded"), To(Stage::Closed, "")],
        // A call that took place and ended it, one after which it is still open, one that was missed, one that is ahead.
        vec![scheduled(), Over("done"), To(Stage::Contacted, CALL), To(Stage::Closed, "")],
        vec![scheduled(), Over("done"), To(Stage::Contacted, CALL)],
        vec![scheduled(), Over("missed"), To(Stage::Contacted, CALL), To(Stage::Closed, "")],
        vec![To(Stage::Routed, ""), scheduled()],
        // A review that was agreed first counts, and not the call after it.
        vec![To(Stage::Scheduled, REVIEW), Over("called_off_by_person"), To(Stage::Contacted, REVIEW), scheduled()],
        // Never scheduled.
        vec![To(Stage::Routed, ""), To(Stage::Closed, "")],
    ];
    let mut batch: Vec<Outgoing> = lives.iter().flat_map(|life| events(&world, life)).collect();
    Lots::new(11).shuffle(&mut batch);
    world.tell(&batch).await;
    // Told again in another order, with other event ids, it changes nothing: see the sums below.
    let funnel = world.funnel(GetFunnelRequest::default()).await;
    assert_eq!(conversions(&funnel), [("", 2, 0), (CALL, 4, 2), (REVIEW, 1, 0)]);
    let at = |stage: Stage| funnel.stages.iter().find(|one| one.stage() == stage).expect("a stage");
    let last = at(Stage::Scheduled);
    assert_eq!((last.reached, at(Stage::Attended).reached), (7, 1));
    assert_eq!((last.left, last.done, last.open), (2, 1, 3), "who ended with a call that took place is not lost");
    for pair in funnel.stages.windows(2) {
        let rest = pair[0].left + pair[0].handed + pair[0].done + pair[0].open;
        assert_eq!(pair[0].reached, pair[1].reached + rest, "{pair:?}");
    }
    let reasons: i64 = funnel.close_reasons.iter().map(|one| one.count).sum();
    assert_eq!(reasons, funnel.stages.iter().map(|one| one.left).sum::<i64>());
    eventually("prometheus has the same", || async {
        world.conversions() == [("appointment".to_owned(), 2), (REVIEW.to_owned(), 1), (CALL.to_owned(), 4)]
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_a_visit_took_the_place_of_counts_none_any_more_and_the_last_end_counts() {
    use Told::{Over, Stage as To};
    let world = World::start().await;
    let life = [
        To(Stage::Scheduled, CALL),
        Over("done"),
        To(Stage::Contacted, CALL),
        To(Stage::Scheduled, CALL),
        Over("missed"),
        To(Stage::Contacted, CALL),
        To(Stage::Scheduled, ""),
    ];
    let mut all = events(&world, &life);
    let booked = all.split_off(all.len() - 1);
    // The later end first.
    all.reverse();
    world.tell(&all).await;
    let funnel = world.funnel(GetFunnelRequest::default()).await;
    assert_eq!(conversions(&funnel).last(), Some(&(CALL, 1, 0)), "the last one was missed");
    eventually("counted by kind", || async { world.conversions().contains(&(CALL.to_owned(), 1)) }).await;
    world.tell(&booked).await;
    eventually("counted as a visit", || async {
        let counted = world.conversions();
        counted.contains(&("appointment".to_owned(), 1)) && counted.contains(&(CALL.to_owned(), 0))
    })
    .await;
    world.end().await;
}

/// What was counted before there were dated next steps was scheduled by a visit, also behind the policy that hides its rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_scheduled_before_the_upgrade_counts_as_by_a_visit() {
    let world = World::start().await;
    let lives = [vec![Told::Stage(Stage::Scheduled, "")], vec![Told::Stage(Stage::Routed, "")]];
    let batch: Vec<Outgoing> = lives.iter().flat_map(|life| events(&world, life)).collect();
    world.tell(&batch).await;
    let upgraded = world.upgraded_from_before("0008_conversions").await;
    assert_eq!(upgraded, [(2, false), (6, true)], "place of the furthest stage, and whether a visit was booked");
    world.end().await;
}
