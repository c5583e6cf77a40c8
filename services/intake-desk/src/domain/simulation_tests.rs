//! Thirty days of a desk, minute by minute, with people who ignore what they took, fall ill and go off shift.
//!
//! After each minute the ledger is checked: whatever is open has a queue, a next action and a due time; whatever somebody took
//! and left lying is back in the queue by the center's time; and nothing is lost. Chance is a number that begins the same.

use std::collections::{BTreeMap, BTreeSet};

use causeway_funnel::booking::BookWhen;
use causeway_funnel::calendar::Calendar;
use causeway_funnel::inquiry::Channel;
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::next_step::StepEnd;
use causeway_funnel::records::{LineState, RecordsFrom};
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use causeway_funnel::triage::DeclineReason;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::agreed_tests::screening_call;
use super::tests::{START, at, calendar, new_inquiry, quiet};
use super::*;

const DAYS: i64 = 30;
const TEAMS: [&str; 2] = ["gi", "breast"];

/// A member of staff: their team, how many minutes in a hundred they do something, whether they do what they took, on which
/// days they are ill, and their hours.
struct Person {
    id: &'static str,
    team: &'static str,
    busy: u64,
    ignores: bool,
    ill: (i64, i64),
    hours: (i8, i8),
}

const STAFF: [Person; 6] = [
    Person { id: "dana", team: "gi", busy: 9, ignores: false, ill: (0, 0), hours: (8, 16) },
    Person { id: "luis", team: "gi", busy: 7, ignores: false, ill: (8, 14), hours: (9, 17) },
    Person { id: "idle-ines", team: "gi", busy: 3, ignores: true, ill: (0, 0), hours: (8, 17) },
    Person { id: "grace", team: "breast", busy: 8, ignores: false, ill: (3, 6), hours: (8, 13) },
    Person { id: "sam", team: "breast", busy: 6, ignores: false, ill: (15, 29), hours: (12, 17) },
    Person { id: "idle-ivan", team: "breast", busy: 4, ignores: true, ill: (10, 12), hours: (8, 17) },
];

enum Due {
    ClaimIdle {
        owner: String,
        version: i64,
        since: Timestamp,
    },
    VisitTime,
    StepTime(i64),
    ResponseMissed,
    /// What became of the message where to go.
    Referral,
}

struct House {
    calendar: Calendar,
    targets: Targets,
    now: Timestamp,
    inquiries: Vec<Inquiry>,
    /// What fires when, about which inquiry.
    timers: BTreeMap<(Timestamp, usize, i64), Due>,
    /// Which are held by somebody who has done nothing about them: by whom, until when at most, and since
    /// which version.
    untouched: BTreeMap<usize, (String, Timestamp, i64)>,
    given_back: usize,
    chance: u64,
    /// Whether claims that were left lying go back.
    gives_back: bool,
}

impl House {
    fn new() -> Self {
        Self {
            calendar: calendar(),
            targets: Targets::default(),
            now: at(START),
            inquiries: Vec::new(),
            timers: BTreeMap::new(),
            untouched: BTreeMap::new(),
            given_back: 0,
            chance: 0x9e37_79b9_7f4a_7c15,
            gives_back: true,
        }
    }

    /// A number under so many (xorshift).
    fn dice(&mut self, sides: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % sides
    }

    fn arrive(&mut self) {
        let number = self.inquiries.len();
        let mut inquiry = new_inquiry();
        inquiry.inquiry_id = Uuid::from_u128(number as u128 + 1);
        let due = self.calendar.add_business(self.now, 240);
        let team = TEAMS[number % 2].to_owned();
        let route = Route { team, response_due_at: due, ..inquiry.route.clone() };
        let records = inquiry.records.clone();
        self.inquiries.push(routed((inquiry.inquiry_id, String::new()), inquiry.facts, (route, self.now), records));
        self.timers.insert((due, number, 0), Due::ResponseMissed);
    }

    fn step(&mut self, number: usize, who: &str, step: Step) -> bool {
        let book_when = [BookWhen::BookAtOnce, BookWhen::WaitForRecords, BookWhen::WaitForReview][number % 3];
        let rules = Rules { calendar: &self.calendar, targets: &self.targets, book_when, quiet: quiet(), chase: None };
        let Ok(decided) = decide(self.inquiries[number].clone(), &step, &By(who.into()), self.now, &rules) else {
            return false;
        };
        let (version, idle_at) = (decided.inquiry.version, idle_after(&decided.inquiry, self.now, &rules));
        self.inquiries[number] = decided.inquiry;
        match step {
            Step::Claim if decided.changed => {
                let at = idle_at.expect("a limit");
                let due = Due::ClaimIdle { owner: who.to_owned(), version, since: self.now };
                self.timers.insert((at, number, version), due);
                self.untouched.insert(number, (who.to_owned(), at, version));
            }
            Step::Visit { what: VisitEvent::Booked, starts_at, .. } => {
                self.untouched.remove(&number);
                self.timers.insert((starts_at, number, version), Due::VisitTime);
            }
            Step::Review(Verdict::Decline(..)) if decided.changed => {
                self.untouched.remove(&number);
                self.timers.insert((self.now + SignedDuration::from_mins(3), number, version), Due::Referral);
            }
            Step::AgreeNextStep { at, .. } if decided.changed => {
                self.untouched.remove(&number);
                self.timers.insert((at, number, version), Due::StepTime(version));
            }
            Step::ClaimIdle { .. } if decided.changed => {
                self.untouched.remove(&number);
                self.given_back += 1;
            }
            Step::Claim
            | Step::Release
            | Step::HandOver(_)
            | Step::VisitTimePassed
            | Step::NextStepTimePassed { .. }
            | Step::ResponseMissed { .. } => {}
            _ => drop(self.untouched.remove(&number)),
        }
        decided.changed
    }

    fn fire(&mut self) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let ((_, number, _), due) = entry.remove_entry();
            let step = match due {
                Due::VisitTime => Step::VisitTimePassed,
                Due::StepTime(number) => Step::NextStepTimePassed { number },
                Due::ResponseMissed => Step::ResponseMissed { level: 1 },
                Due::Referral => {
                    let fate = if number.is_multiple_of(3) { ReferralFate::NotSent } else { ReferralFate::Sent };
                    Step::ReferralTold { fate, at: self.now, text: "Told.".into() }
                }
                Due::ClaimIdle { owner, version, since } => {
                    let same = self.untouched.get(&number).is_some_and(|held| held.2 == version);
                    if !same || !self.gives_back {
                        continue;
                    }
                    Step::ClaimIdle { owner, version, since }
                }
            };
            self.step(number, "", step);
        }
    }

    /// What is due first of one's own, or else of the team's queue.
    fn first(&self, is_theirs: impl Fn(&Inquiry) -> bool) -> Option<usize> {
        let open = self.inquiries.iter().enumerate().filter(|(_, one)| one.is_open() && is_theirs(one));
        let waits = [NextAction::AwaitVisit, NextAction::AwaitReferral, NextAction::AwaitNextStep];
        let asks = open.filter(|(_, one)| !waits.contains(&one.next_action));
        asks.min_by_key(|(number, one)| (one.due_at, *number)).map(|(number, _)| number)
    }

    fn act(&mut self, person: &Person) {
        let own = self.first(|one| one.owner == person.id);
        let (Some(number), false) = (own, person.ignores) else {
            if let Some(number) = self.first(|one| one.owner.is_empty() && one.route.team == person.team) {
                self.step(number, person.id, Step::Claim);
            }
            return;
        };
        let (dice, now) = (self.dice(100), self.now);
        let inquiry = &self.inquiries[number];
        let attempt = |outcome, call_back_at| Step::Attempt { channel: Channel::Phone, outcome, call_back_at };
        let later = |hours| now + SignedDuration::from_hours(hours);
        let visit = |what, starts_at| Step::Visit {
            what,
            at: now,
            version: inquiry.version + 1,
            starts_at,
            why: String::new(),
        };
        // What the day of the call has room for; the desk itself says where that is.
        let agree = |hours| {
            let kind = screening_call();
            let (calendar, targets) = (&self.calendar, &self.targets);
            let rules = Rules { calendar, targets, book_when: BookWhen::BookAtOnce, quiet: quiet(), chase: None };
            let at =
                nearest(later(hours), (kind.minutes, kind.call), now, &inquiry.facts, &rules).expect("an open time");
            Step::AgreeNextStep { kind, at }
        };
        let step = match inquiry.next_action {
            NextAction::FirstContact | NextAction::CallBack | NextAction::TryAgain => match dice {
                0..40 => attempt(Outcome::Reached, None),
                40..60 => attempt(Outcome::NoAnswer, None),
                60..80 => attempt(Outcome::Voicemail, None),
                80..90 => attempt(Outcome::CallBackAsked, Some(later(20))),
                90..97 => attempt(Outcome::OtherPerson, None),
                97..99 => attempt(Outcome::AskedToStop, None),
                _ => attempt(Outcome::Deceased, None),
            },
            NextAction::AllTriesMade => Step::Close(CloseReason::Unreachable),
            NextAction::CompleteIntake if dice < 20 => agree(26),
            NextAction::CompleteIntake => {
                Step::Note { base_version: inquiry.note_version, missing: usize::from(dice < 30) }
            }
            NextAction::GatherRecords if dice < 50 => {
                Step::RequestRecords { kinds: vec!["pathology_report".into()], of: RecordsFrom::Patient }
            }
            NextAction::GatherRecords => {
                Step::Record { kind: "pathology_report".into(), state: LineState::Received, why: None }
            }
            NextAction::ReviewRecords => Step::Review(match dice {
                0..70 => Verdict::Accept,
                70..90 => Verdict::AskForMore(Vec::new()),
                90..96 => Verdict::Redirect(TEAMS[(number + 1) % 2].into(), RerouteReason::WrongArea),
                _ => Verdict::Decline("other-centers".into(), DeclineReason::NotTreatedHere),
            }),
            NextAction::OfferDates | NextAction::FollowUpNoShow if dice < 15 => agree(50),
            NextAction::OfferDates | NextAction::FollowUpNoShow if dice < 80 => visit(VisitEvent::Booked, later(72)),
            NextAction::OfferDates | NextAction::FollowUpNoShow => Step::Close(CloseReason::NoSuitableDate),
            NextAction::ConfirmAttendance if dice < 70 => visit(VisitEvent::Attended, now),
            NextAction::ConfirmAttendance => visit(VisitEvent::Missed, now),
            NextAction::ApproveReferral => Step::ReferElsewhere,
            NextAction::TellReferral => Step::Close(CloseReason::OutOfScopeReferred),
            NextAction::ConfirmNextStep if dice < 70 => Step::EndNextStep(StepEnd::Done),
            NextAction::ConfirmNextStep => Step::EndNextStep(StepEnd::Missed),
            NextAction::FollowUpMissedStep => agree(9),
            NextAction::AwaitVisit
            | NextAction::AwaitNextStep
            | NextAction::AwaitReferral
            | NextAction::AwaitRouting
            | NextAction::Nothing => {
                return;
            }
        };
        self.step(number, person.id, step);
        // People give back some of what they hold; a reopened one comes back to the queue.
        match self.dice(60) {
            0 => self.step(number, person.id, Step::Release),
            1 => self.step(number, person.id, Step::Reopen(ReopenReason::CameBack)),
            2 => self.step(
                number,
                person.id,
                Step::HandOver(HandTo::Team(TEAMS[(number + 1) % 2].into(), RerouteReason::Other)),
            ),
            _ => false,
        };
    }

    /// What must hold after each minute; gives what does not.
    fn ledger(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (number, one) in self.inquiries.iter().enumerate() {
            let has_next = one.next_action != NextAction::Nothing && one.due_at.is_some();
            let sound = match one.stage {
                Stage::Closed => one.close_reason.is_some() && one.closed_at.is_some() && !has_next,
                Stage::Attended => one.due_at.is_none(),
                _ => has_next && TEAMS.contains(&one.route.team.as_str()) && one.close_reason.is_none(),
            };
            if !sound {
                faults.push(format!("{number}: {one:?}"));
            }
        }
        for (number, (owner, until, _)) in &self.untouched {
            let one = &self.inquiries[*number];
            let waits = match one.next_action {
                NextAction::AwaitVisit | NextAction::AwaitReferral | NextAction::AwaitNextStep => true,
                NextAction::GatherRecords => one.due_at.is_some_and(|due| due > self.now),
                _ => one.call_back_at.is_some_and(|at| at > self.now),
            };
            let lies = one.owner == *owner && one.is_open() && !waits;
            if lies && *until < self.now {
                faults.push(format!("{number}: left lying by {owner}"));
            }
        }
        faults
    }

    /// Runs; ends with the first minute in which the ledger does not hold.
    fn run(&mut self) -> Vec<String> {
        let zone = TimeZone::get("America/Chicago").expect("a zone");
        for minute in 0..DAYS * 24 * 60 {
            self.now = at(START) + SignedDuration::from_mins(minute);
            if minute % 131 == 0 && minute < 26 * 24 * 60 {
                self.arrive();
            }
            self.fire();
            let local = zone.to_datetime(self.now);
            if !matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday) {
                for person in &STAFF {
                    let day = minute / (24 * 60);
                    let is_ill = (person.ill.0..person.ill.1).contains(&day);
                    let on_shift = (person.hours.0..person.hours.1).contains(&local.hour());
                    if on_shift && !is_ill && self.dice(100) < person.busy {
                        self.act(person);
                    }
                }
            }
            let faults = self.ledger();
            if !faults.is_empty() {
                return faults;
            }
        }
        Vec::new()
    }
}

#[test]
fn in_thirty_days_with_people_who_ignore_work_fall_ill_and_go_home_nothing_is_open_without_a_next_step() {
    let mut house = House::new();
    assert_eq!(house.run(), Vec::<String>::new());
    let count = |stage| house.inquiries.iter().filter(|one| one.stage == stage).count();
    let (all, attended, closed) = (house.inquiries.len(), count(Stage::Attended), count(Stage::Closed));
    assert!(all > 250 && attended > 30 && closed > 20, "it was no idle month: {attended} and {closed} of {all}");
    let agreed = house.inquiries.iter().filter(|one| one.next_step.is_some()).count();
    assert!(agreed > 20, "{agreed} agreed on a next step");
    assert!(house.given_back > 20, "what idle people took went back {} times", house.given_back);
    let reasons: BTreeSet<CloseReason> = house.inquiries.iter().filter_map(|one| one.close_reason).collect();
    assert!(reasons.len() >= 3, "{reasons:?}");
}

#[test]
fn the_ledger_sees_what_is_left_lying_where_nothing_gives_it_back() {
    let mut house = House { gives_back: false, ..House::new() };
    assert!(house.run().iter().any(|fault| fault.contains("left lying by idle-")));
}
