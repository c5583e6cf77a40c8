//! Thirty days of the desk on real servers, minute by minute, with people who ignore what they took, fall ill and go home.
//!
//! After each minute the ledger is read from the database: whatever came is there; whatever is open has a queue, a next action
//! and a due time; whatever somebody took and left lying is back in the queue by the center's time. The rules alone go through
//! such a month in `domain/simulation_tests.rs`; here it is the timers, the calls and the database. Chance is a number that
//! begins the same.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use causeway_auth::Role;
use causeway_funnel::inquiry::{CancerArea, ConsultType};
use causeway_funnel::profile::Profile;
use causeway_proto::convert::{area_to_wire, consult_type_to_wire, micros};
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1::{
    ClaimNextRequest, CloseInquiryRequest, HandOverInquiryRequest, LogAttemptRequest, RequestRecordsRequest,
    ReviewRecordsRequest, SaveNoteRequest, UpdateRecordRequest,
};
use causeway_proto::routing::v1::{ResponseMissed, RouteDecided};
use causeway_proto::scheduling::v1::{AppointmentAttended, AppointmentBooked, AppointmentMissed};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tonic::Status;
use uuid::Uuid;

use crate::world::{CENTER, Desk, World, bundle, command, page, reopen};

const DAYS: i64 = 30;
const ARRIVES_EVERY_MINUTES: i64 = 240;

/// A member of staff of the demo center: their team, how many minutes in a thousand they do something, whether they do what
/// they took, on which days they are ill, and their hours.
struct Person {
    id: &'static str,
    team: &'static str,
    busy: u64,
    ignores: bool,
    ill: (i64, i64),
    hours: (i8, i8),
}

const STAFF: [Person; 5] = [
    Person { id: "dana-whitfield", team: "gi-second-opinion", busy: 40, ignores: false, ill: (8, 14), hours: (8, 16) },
    Person { id: "luis-ortega", team: "gi-second-opinion", busy: 15, ignores: true, ill: (0, 0), hours: (9, 17) },
    Person { id: "grace-okafor", team: "breast", busy: 40, ignores: false, ill: (3, 6), hours: (8, 13) },
    Person { id: "sam-lindqvist", team: "thoracic", busy: 50, ignores: false, ill: (15, 18), hours: (8, 17) },
    Person { id: "rosa-delgado", team: "thoracic", busy: 15, ignores: true, ill: (0, 0), hours: (8, 17) },
];

/// What comes: each is booked by another rule of the center.
const KINDS: [(ConsultType, CancerArea, &str); 3] = [
    (ConsultType::SecondOpinion, CancerArea::Gi, "gi-second-opinion"),
    (ConsultType::NewConsult, CancerArea::Breast, "breast"),
    (ConsultType::NewConsult, CancerArea::Thoracic, "thoracic"),
];

/// What somebody took who will do nothing about it: who, and when it must be back.
type Lying = (&'static str, Timestamp);

struct Month {
    world: World,
    profile: Profile,
    chance: u64,
    came: i64,
    /// When first contact is due, of those whose miss nobody has told yet.
    due: BTreeMap<Uuid, Timestamp>,
    visits: HashMap<Uuid, (i64, Timestamp)>,
    lying: HashMap<Uuid, Lying>,
    gone_back: usize,
    refused: usize,
}

/// What a person sees of the inquiry that they take up.
type Row = (Uuid, String, i64);

impl Month {
    /// A number under so many (xorshift).
    fn dice(&mut self, sides: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % sides
    }

    async fn arrive(&mut self) {
        let (consult, area, team) = KINDS[usize::try_from(self.came % 3).expect("small")];
        let inquiry = self.world.clock.new_id();
        let due = self.profile.calendar(Some("harbor")).add_business(self.world.clock.now(), 240);
        let mut route =
            RouteDecided { team: team.into(), response_due_at: micros(due), ..self.world.routed(CENTER, inquiry) };
        let facts = route.facts.as_mut().expect("facts");
        facts.set_consult_type(consult_type_to_wire(consult));
        facts.set_cancer_area(area_to_wire(area));
        facts.language = "en".into();
        self.world.publish(CENTER, inquiry, 1, &[route]).await;
        self.came += 1;
        self.due.insert(inquiry, due);
    }

    /// Routing tells of a first contact that was not tried in time.
    async fn tell_misses(&mut self) {
        let now = self.world.clock.now();
        let over: Vec<Uuid> = self.due.iter().filter(|(_, due)| **due < now).map(|(inquiry, _)| *inquiry).collect();
        for inquiry in over {
            let due = self.due.remove(&inquiry).expect("it was there");
            let missed = ResponseMissed {
                inquiry_id: inquiry.to_string(),
                center: CENTER.into(),
                response_due_at: micros(due),
                level: 1,
                ..ResponseMissed::default()
            };
            self.world.publish(CENTER, inquiry, 2, &[missed]).await;
        }
    }

    /// All that came is there, and every timer whose time has come has done its work.
    async fn settled(&self) {
        let open = "SELECT (SELECT count(*) FROM inquiries) - (SELECT count(*) FROM timers WHERE state = 'pending' AND due_at <= $1)";
        for _ in 0..12_000 {
            let now = causeway_mailbox::Ts(self.world.clock.now());
            let count: i64 = sqlx::query_scalar(open).bind(now).fetch_one(&self.world.admin).await.expect("counted");
            if count == self.came {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("timers or arrivals are not done with within a minute");
    }

    async fn row(&self, sql: &'static str, of: &str) -> Option<Row> {
        sqlx::query_as(sql).bind(of).fetch_optional(&self.world.admin).await.expect("a row")
    }

    async fn act(&mut self, person: &Person) {
        let own = "SELECT inquiry_id, next_action, note_version FROM inquiries WHERE open AND owner = $1 \
                   AND next_action <> 'await_visit' ORDER BY due_at LIMIT 1";
        let desk = self.world.coordinator(person.id);
        let Some(row) = self.row(own, person.id).await.filter(|_| !person.ignores) else {
            return self.take(person, desk).await;
        };
        let inquiry = row.0;
        if let Err(status) = self.work(row, person, desk.clone()).await {
            // Two words of the same minute about one inquiry: the later one is told so, and looks again.
            assert!(matches!(status.code(), tonic::Code::Aborted | tonic::Code::FailedPrecondition), "{status:?}");
            self.refused += 1;
        }
        // People give back some of what they hold; a closed one is opened again.
        let mut desk = desk;
        match self.dice(60) {
            0 => drop(desk.release_inquiry(command(inquiry)).await),
            1 => drop(self.world.staff("priya-nair", Role::Manager).reopen_inquiry(reopen(inquiry, "came_back")).await),
            2 => {
                let to = KINDS[usize::try_from(self.dice(3)).expect("small")].2;
                let request = HandOverInquiryRequest {
                    center: CENTER.into(),
                    inquiry_id: inquiry.to_string(),
                    to_team: to.into(),
                    reason_kind: "workload".into(),
                    ..HandOverInquiryRequest::default()
                };
                drop(desk.hand_over_inquiry(request).await);
            }
            _ => {}
        }
    }

    /// The next one, please; who ignores it has it until the center's time is over.
    async fn take(&mut self, person: &Person, mut desk: Desk) {
        let asked =
            ClaimNextRequest { center: CENTER.into(), team: person.team.into(), idempotency_key: String::new() };
        let Ok(taken) = desk.claim_next(asked).await else { return };
        if person.ignores {
            let id = taken.into_inner().facts.expect("facts").inquiry_id.parse().expect("an id");
            let minutes = self.profile.center.targets.claim_idle_minutes;
            let calendar = self.profile.team_calendar(person.team, Some("harbor"));
            self.lying.insert(id, (person.id, calendar.add_business(self.world.clock.now(), minutes)));
        }
    }

    async fn work(&mut self, row: Row, person: &Person, mut desk: Desk) -> Result<(), Status> {
        let (inquiry, next_action, note_version) = row;
        let (dice, now) = (self.dice(100), self.world.clock.now());
        let (center, inquiry_id) = (CENTER.to_owned(), inquiry.to_string());
        let later = |hours| now + SignedDuration::from_hours(hours);
        let mut reviewer = self.world.staff("mei-tanaka", Role::Reviewer);
        match next_action.as_str() {
            "first_contact" | "call_back" | "try_again" => {
                let outcome = match dice {
                    0..40 => "reached",
                    40..60 => "no_answer",
                    60..80 => "voicemail",
                    80..90 => "call_back_asked",
                    90..97 => "other_person",
                    97..99 => "asked_to_stop",
                    _ => "deceased",
                };
                let call_back_at = if outcome == "call_back_asked" { micros(later(20)) } else { 0 };
                let channel = Channel::Phone.into();
                let outcome = outcome.to_owned();
                let tried = LogAttemptRequest {
                    center,
                    inquiry_id,
                    channel,
                    outcome,
                    call_back_at,
                    ..LogAttemptRequest::default()
                };
                self.due.remove(&inquiry);
                desk.log_attempt(tried).await?;
            }
            "complete_intake" => {
                let shown = page(&mut desk, inquiry).await;
                let missing = shown.note.iter().filter(|field| field.required);
                let answer = |options: &[String]| options.first().cloned().unwrap_or_else(|| "told".to_owned());
                let mut fields: HashMap<String, String> =
                    missing.map(|field| (field.key.clone(), answer(&field.options))).collect();
                if dice < 30 {
                    fields.retain(|key, _| key == "diagnosis");
                }
                let note = SaveNoteRequest { center, inquiry_id, fields, base_note_version: note_version };
                desk.save_note(note).await?;
            }
            "gather_records" => {
                let lines = page(&mut desk, inquiry).await.records.into_iter();
                let missing: Vec<String> = lines
                    .filter(|line| line.needed_for_booking && matches!(line.state.as_str(), "needed" | "requested"))
                    .map(|line| line.kind)
                    .collect();
                if dice < 40 {
                    let asked = RequestRecordsRequest { center, inquiry_id, kinds: missing, ..Default::default() };
                    desk.request_records(asked).await?;
                } else if let Some(kind) = missing.into_iter().next() {
                    let state = "received".to_owned();
                    desk.update_record(UpdateRecordRequest { center, inquiry_id, kind, state, reason: String::new() })
                        .await?;
                }
            }
            "review_records" => {
                let decision = if dice < 80 { "accept" } else { "ask_for_more" }.to_owned();
                let word = ReviewRecordsRequest { center, inquiry_id, decision, ..ReviewRecordsRequest::default() };
                reviewer.review_records(word).await?;
            }
            "offer_dates" | "follow_up_no_show" if dice < 80 => {
                let (version, _) = self.visits.get(&inquiry).copied().unwrap_or_default();
                let starts_at = later(72);
                self.visits.insert(inquiry, (version + 1, starts_at));
                let appointment = Some(self.world.appointment(inquiry, starts_at));
                let (version, at) = (version + 1, micros(now));
                let booked = AppointmentBooked { appointment, version, at, ..AppointmentBooked::default() };
                self.tell_of_visit(inquiry, version, &booked, "await_visit").await;
            }
            "confirm_attendance" => {
                let (version, starts_at) = self.visits[&inquiry];
                self.visits.insert(inquiry, (version + 1, starts_at));
                let appointment = Some(self.world.appointment(inquiry, starts_at));
                let (version, at) = (version + 1, micros(now));
                if dice < 70 {
                    let came = AppointmentAttended { appointment, version, at, ..AppointmentAttended::default() };
                    self.tell_of_visit(inquiry, version, &came, "nothing").await;
                } else {
                    let missed = AppointmentMissed { appointment, version, at, ..AppointmentMissed::default() };
                    self.tell_of_visit(inquiry, version, &missed, "follow_up_no_show").await;
                }
            }
            "offer_dates" | "follow_up_no_show" | "all_tries_made" => {
                let reason =
                    if next_action == "all_tries_made" { "unreachable" } else { "no_suitable_date" }.to_owned();
                desk.close_inquiry(CloseInquiryRequest { center, inquiry_id, reason }).await?;
            }
            other => panic!("{} has nothing to do about {other}", person.id),
        }
        Ok(())
    }

    /// Scheduling tells of a visit, and the desk has heard it.
    async fn tell_of_visit<E: causeway_proto::events::Event>(
        &self,
        inquiry: Uuid,
        version: i64,
        event: &E,
        next: &str,
    ) {
        self.world.publish(CENTER, inquiry, version, std::slice::from_ref(event)).await;
        let is = "SELECT EXISTS (SELECT FROM inquiries WHERE inquiry_id = $1 AND visit_version >= $2)";
        for _ in 0..12_000 {
            let heard: bool =
                sqlx::query_scalar(is).bind(inquiry).bind(version).fetch_one(&self.world.admin).await.expect("read");
            if heard {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the desk did not hear within a minute that {next} follows");
    }

    /// What must hold after each minute; gives what does not.
    async fn ledger(&mut self) -> Vec<String> {
        // Read whole only where something is wrong, or where somebody might leave it lying: thousands of minutes are read.
        let now = self.world.clock.now();
        let rows: Vec<(Uuid, String, bool, bool)> = sqlx::query_as(
            "SELECT inquiry_id, owner, team <> ALL ($3) OR next_action IN ('', 'nothing') OR due_at IS NULL, \
                next_action <> 'await_visit' AND coalesce(call_back_at <= $1, true) \
                AND NOT (next_action = 'gather_records' AND due_at > $1) \
             FROM inquiries WHERE stage NOT IN ('attended', 'closed') \
                AND (inquiry_id = ANY ($2) OR team <> ALL ($3) OR next_action IN ('', 'nothing') OR due_at IS NULL)",
        )
        .bind(causeway_mailbox::Ts(now))
        .bind(self.lying.keys().copied().collect::<Vec<_>>())
        .bind(KINDS.map(|kind| kind.2).to_vec())
        .fetch_all(&self.world.admin)
        .await
        .expect("the ledger");
        let (mut faults, mut held) = (Vec::new(), HashMap::new());
        for (inquiry, owner, is_lost, is_to_be_done) in rows {
            if is_lost {
                faults.push(format!("{inquiry} is open without a queue, a next action or a due time"));
            }
            if is_to_be_done {
                held.insert(inquiry, owner);
            }
        }
        let mut gone_back = 0;
        self.lying.retain(|inquiry, (who, until)| {
            let theirs = held.get(inquiry).is_some_and(|owner| owner == who);
            if !theirs {
                gone_back += 1;
            } else if *until < now {
                faults.push(format!("{inquiry} was left lying by {who} since {until}"));
            }
            theirs
        });
        self.gone_back += gone_back;
        faults
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_month_with_people_who_ignore_work_fall_ill_and_go_home_nothing_at_the_desk_is_open_without_a_next_step() {
    let world = World::start().await;
    let profile = Profile::from_bundle(&bundle(CENTER)).expect("a sound profile");
    let begin = world.clock.now();
    let mut month = Month {
        world,
        profile,
        chance: 0x9e37_79b9_7f4a_7c15,
        came: 0,
        due: BTreeMap::new(),
        visits: HashMap::new(),
        lying: HashMap::new(),
        gone_back: 0,
        refused: 0,
    };
    let zone = TimeZone::get("America/Los_Angeles").expect("a zone");
    for minute in 0..DAYS * 24 * 60 {
        let now = begin + SignedDuration::from_mins(minute);
        month.world.clock.set(now);
        if minute % ARRIVES_EVERY_MINUTES == 0 && minute < 26 * 24 * 60 {
            month.arrive().await;
        }
        month.tell_misses().await;
        month.settled().await;
        let local = zone.to_datetime(now);
        if !matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday) {
            for person in &STAFF {
                let is_ill = (person.ill.0..person.ill.1).contains(&(minute / (24 * 60)));
                let on_shift = (person.hours.0..person.hours.1).contains(&local.hour());
                if on_shift && !is_ill && month.dice(1000) < person.busy {
                    month.act(person).await;
                }
            }
        }
        assert_eq!(month.ledger().await, Vec::<String>::new(), "minute {minute}, {local}");
    }
    let attended = month.world.count("SELECT count(*) FROM inquiries WHERE stage = 'attended'").await;
    let closed = month.world.count("SELECT count(*) FROM inquiries WHERE stage = 'closed'").await;
    let late = month.world.count("SELECT count(*) FROM timeline WHERE kind = 'escalated'").await;
    let (came, back, refused) = (month.came, month.gone_back, month.refused);
    let told =
        format!("{attended} attended and {closed} closed of {came}, {late} late, {back} went back, {refused} refused");
    assert!(attended > 15 && closed > 10 && back > 10, "it was no idle month: {told}");
    println!("{told}");
    month.world.end().await;
}
