//! Made-up lives of inquiries, with the events that tell of them, and what the funnel must say of each.
//!
//! The lots are drawn by a small generator with a fixed seed, so that a failure comes again.

use causeway_bus::Outgoing;
use causeway_funnel::inquiry::{Attribution, Facts, Touch};
use causeway_funnel::stage::Stage;
use causeway_proto::convert::{facts_to_wire, micros, stage_to_wire};
use causeway_proto::inquiry::v1::{self as inquiry, InquiryReceived};
use causeway_proto::intake::v1::{ContactAttempted, StageChanged};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::world::{CENTER, World, at};

/// Drawn lots (xorshift, Marsaglia 2003).
pub struct Lots(u64);

impl Lots {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for place in (1..all.len()).rev() {
            let other = usize::try_from(self.below(place as u64 + 1)).expect("small");
            all.swap(place, other);
        }
    }
}

/// One inquiry: the stages it went through, in order.
pub struct Life {
    id: Uuid,
    received_at: Timestamp,
    path: Vec<Stage>,
    team: &'static str,
    tried_after: Option<SignedDuration>,
}

const TARGET: SignedDuration = SignedDuration::from_hours(4);

impl Life {
    pub fn random(lots: &mut Lots, id: Uuid) -> Self {
        let received_at = at("2027-03-01T08:00:00Z") + SignedDuration::from_mins(lots.below(20_000) as i64);
        let mut path = Vec::new();
        let steps = [
            Stage::Routed,
            Stage::Contacted,
            Stage::IntakeComplete,
            Stage::RecordsReady,
            Stage::Scheduled,
            Stage::Attended,
        ];
        for stage in steps.into_iter().take(lots.below(7) as usize) {
            // Some skip a stage, some fall back from a booking.
            if lots.below(5) > 0 {
                path.push(stage);
            }
            if stage == Stage::Scheduled && lots.below(3) == 0 {
                path.extend([Stage::RecordsReady, Stage::Scheduled]);
            }
        }
        if lots.below(3) == 0 {
            path.push(Stage::Closed);
        }
        let team = ["gi", "breast", "trials"][lots.below(3) as usize];
        let tried = (lots.below(3) > 0).then(|| SignedDuration::from_mins(10 + lots.below(480) as i64));
        Self { id, received_at, path, team, tried_after: tried }
    }

    pub fn straight(id: Uuid, path: &[Stage]) -> Self {
        let received_at = at("2027-03-04T17:00:00Z");
        Self { id, received_at, path: path.to_vec(), team: "gi", tried_after: Some(SignedDuration::from_mins(10)) }
    }

    pub const fn id(&self) -> Uuid {
        self.id
    }

    pub fn furthest(&self) -> Stage {
        self.path.iter().copied().filter(|stage| *stage != Stage::Closed).max().unwrap_or_default()
    }

    pub fn closed(&self) -> bool {
        self.path.last() == Some(&Stage::Closed)
    }

    /// The desk names the team with the first change of the stage.
    pub fn team(&self) -> &str {
        if self.path.is_empty() { "" } else { self.team }
    }

    fn due_at(&self) -> Option<Timestamp> {
        (!self.path.is_empty()).then(|| self.received_at + TARGET)
    }

    fn tried_at(&self) -> Option<Timestamp> {
        self.tried_after.map(|after| self.received_at + after)
    }

    fn changed_at(&self, step: usize) -> Timestamp {
        self.received_at + SignedDuration::from_mins(45) * i32::try_from(step + 1).expect("few")
    }

    /// Whether the target was met, where it counts.
    pub fn target(&self) -> Option<bool> {
        let due = self.due_at()?;
        let closed_before = self.closed() && self.changed_at(self.path.len() - 1) <= due;
        match self.tried_at() {
            Some(tried) => Some(tried <= due),
            None if closed_before => None,
            None => Some(false),
        }
    }

    pub fn newest(&self) -> Timestamp {
        let changed = self.path.len().checked_sub(1).map(|last| self.changed_at(last));
        [Some(self.received_at), changed, self.tried_at()].into_iter().flatten().max().expect("received")
    }

    pub fn facts(&self) -> Option<inquiry::Facts> {
        let facts = Facts {
            center: CENTER.into(),
            language: "en".into(),
            attribution: Attribution {
                first: Touch { landing_page: Some("/second-opinion".into()), ..Touch::default() },
                last: None,
            },
            received_at: self.received_at,
            ..Facts::default()
        };
        Some(facts_to_wire(self.id, &facts))
    }

    /// All events of this life, the receipt first.
    pub fn events(&self, world: &World) -> Vec<Outgoing> {
        let mut events = vec![world.outgoing(self.id, &InquiryReceived { facts: self.facts() })];
        let mut from = Stage::Received;
        for (step, to) in self.path.iter().enumerate() {
            let event = StageChanged {
                facts: self.facts(),
                from: stage_to_wire(from).into(),
                to: stage_to_wire(*to).into(),
                at: micros(self.changed_at(step)),
                version: step as i64 + 1,
                team: self.team.into(),
                close_reason: if *to == Stage::Closed { "insurance".into() } else { String::new() },
                response_due_at: self.due_at().map_or(0, micros),
                ..Default::default()
            };
            events.push(world.outgoing(self.id, &event));
            from = *to;
        }
        if self.tried_after.is_some() {
            events.push(self.attempt_event(world));
        }
        events
    }

    pub fn attempt_event(&self, world: &World) -> Outgoing {
        let event = ContactAttempted {
            inquiry_id: self.id.to_string(),
            center: CENTER.into(),
            at: self.tried_at().map_or(0, micros),
            outcome: "reached".into(),
            number: 1,
            ..Default::default()
        };
        world.outgoing(self.id, &event)
    }
}
