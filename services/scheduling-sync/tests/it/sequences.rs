//! Any sequence of bookings, moves and cancellations, compared with a simple model after each step.

use std::collections::BTreeMap;

use causeway_proto::error::Reason;
use causeway_proto::scheduling::v1::Slot;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::world::{Asking, World};

const PEOPLE: usize = 4;
const SLOTS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Step {
    Book { person: usize, slot: usize },
    Move { person: usize, slot: usize },
    Cancel { person: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..PEOPLE, 0..SLOTS).prop_map(|(person, slot)| Step::Book { person, slot }),
        3 => (0..PEOPLE, 0..SLOTS).prop_map(|(person, slot)| Step::Move { person, slot }),
        1 => (0..PEOPLE).prop_map(|person| Step::Cancel { person }),
    ]
}

/// Who sits where, by the rules as a person would tell them.
#[derive(Default)]
struct Model {
    seats: BTreeMap<usize, (usize, String)>,
}

impl Model {
    fn is_full(&self, slot: usize, capacity: &[usize]) -> bool {
        self.seats.values().filter(|(taken, _)| *taken == slot).count() >= capacity[slot]
    }
}

struct Stage {
    world: World,
    desk: Asking,
    people: Vec<Uuid>,
    slots: Vec<Slot>,
    capacity: Vec<usize>,
}

async fn stage() -> Stage {
    let world = World::start().await;
    let desk = world.scheduler();
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(world.inquiry().await);
    }
    let mut slots = desk.offers_at(people[0], "valley", 2).await.slots;
    slots.extend(desk.offers_at(people[0], "harbor", 1).await.slots);
    Stage { world, desk, people, slots, capacity: vec![1, 1, 2] }
}

impl Stage {
    /// Takes a step and tells what the model says of the outcome; `None`: it must be done.
    async fn take(&self, model: &mut Model, step: Step) -> (Option<Reason>, Option<Reason>) {
        let reason = |refusal: &tonic::Status| Reason::of(refusal);
        match step {
            Step::Book { person, slot } => {
                let expected = match model.seats.get(&person) {
                    Some(_) => Some(Reason::WrongState),
                    None if model.is_full(slot, &self.capacity) => Some(Reason::SlotTaken),
                    None => None,
                };
                let key = self.world.clock.new_id().to_string();
                let answer = self.desk.book(self.people[person], &self.slots[slot].slot_id, &key).await;
                if let Ok(booked) = &answer {
                    model.seats.insert(person, (slot, booked.appointment_id.clone()));
                }
                (expected, answer.err().as_ref().and_then(reason))
            }
            Step::Move { person, slot } => {
                let Some((present, id)) = model.seats.get(&person).cloned() else { return (None, None) };
                let full = present != slot && model.is_full(slot, &self.capacity);
                let answer = self.desk.reschedule(&id, &self.slots[slot].slot_id).await;
                if answer.is_ok() {
                    model.seats.insert(person, (slot, id));
                }
                (full.then_some(Reason::SlotTaken), answer.err().as_ref().and_then(reason))
            }
            Step::Cancel { person } => {
                let Some((_, id)) = model.seats.remove(&person) else { return (None, None) };
                (None, self.desk.cancel(&id, "time_does_not_fit").await.err().as_ref().and_then(reason))
            }
        }
    }

    async fn run(&self, steps: &[Step]) -> Result<(), TestCaseError> {
        let mut model = Model::default();
        for (index, step) in steps.iter().enumerate() {
            let (expected, found) = self.take(&mut model, *step).await;
            prop_assert_eq!(expected, found, "step {} {:?}", index, step);
            prop_assert_eq!(self.world.seats().await, i64::try_from(model.seats.len()).unwrap_or(-1));
            prop_assert_eq!(self.world.contradictions().await, 0);
        }
        for (_, id) in std::mem::take(&mut model.seats).into_values() {
            let cancelled = self.desk.cancel(&id, "other").await;
            prop_assert!(cancelled.is_ok());
        }
        prop_assert_eq!(self.world.seats().await, 0);
        Ok(())
    }
}

#[test]
fn no_sequence_of_steps_books_a_seat_twice_leaves_a_visit_without_a_seat_or_a_seat_without_a_visit() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let stage = runtime.block_on(stage());
    // Each case runs on the same servers and leaves them empty; a failure is told with its steps, not kept in a file.
    let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
    let outcome =
        TestRunner::new(config).run(&prop::collection::vec(step(), 1..30), |steps| runtime.block_on(stage.run(&steps)));
    runtime.block_on(stage.world.stop());
    outcome.expect("every sequence keeps the seats right");
}
