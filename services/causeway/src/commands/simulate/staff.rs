//! The staff of one center: in business hours they look at the worklist, what is due first comes first, and do what each
//! inquiry's fate says next.
//!
//! They touch synthetic inquiries only: those of this play, and others whose referrer shows it. A person who tries the
//! demo keeps their own inquiry for themselves. Deliberately not here: the calls for each next action (steps).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_auth::{Actor, Role};
use causeway_proto::intake::v1 as wire;
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::scheduling::v1::scheduling_client::SchedulingClient;
use causeway_runtime::Clock;
use causeway_serve::Channel;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::fate::{Fate, mix};
use super::people::SYNTHETIC_HOST;
use super::reopened::Closed;
use super::scene::{Center, Doors};
use super::tally::{Tally, word};

/// Inquiries of this play and what becomes of them.
pub type Fates = Arc<Mutex<HashMap<String, Fate>>>;

/// Calls at the same time for one center: enough to keep up, few enough to leave the machine to the services.
const AT_ONCE: usize = 4;
/// After a time lapse staff first finish what a slow machine made them leave.
const CATCH_UP: Duration = Duration::from_secs(40);
const PAGE: i32 = 100;
/// Pages looked at in one round; what is due later waits for a later round.
const PAGES: usize = 4;
/// What staff know of an inquiry that they leave alone.
const NEVER: Timestamp = Timestamp::MAX;

/// What staff remember of one inquiry between two looks.
#[derive(Debug, Clone)]
pub struct Memory {
    /// What becomes of it; nothing: it is none of ours.
    pub fate: Option<Fate>,
    /// Nothing is done before.
    pub not_before: Timestamp,
    /// The next action at the last look, to see that it is another one now.
    pub action: String,
    /// How often something was done, for keys of calls.
    pub round: u32,
    /// The visit that was booked: its id and its end.
    pub visit: Option<(String, Timestamp)>,
    /// The fate's change of the visit has happened.
    pub changed: bool,
    /// A reviewer has asked for more.
    pub asked_for_more: bool,
    /// A visit was missed.
    pub missed: bool,
    /// How many next steps were agreed.
    pub steps: u32,
    /// A reviewer has declined it.
    pub declined: bool,
    /// It was closed and is opened again.
    pub reopened: bool,
    /// Who of the play claimed it. Whatever a person of flesh and blood claims is theirs.
    pub claimed_by: Option<String>,
}

/// The staff of one center.
pub struct Desk {
    /// Their center.
    pub center: Arc<Center>,
    /// The doors that they use.
    pub doors: Doors,
    /// The services' clock.
    pub clock: Clock,
    /// What was done.
    pub tally: Arc<Tally>,
    /// Inquiries of this play.
    pub fates: Fates,
    /// Keeps apart the keys of different plays.
    pub play: String,
    /// What they remember.
    pub memories: HashMap<String, Memory>,
    /// What of what was closed is opened again.
    pub closed: Closed,
}

/// Roles that may look at the worklist and work it.
pub const WORKERS: [Role; 3] = [Role::Coordinator, Role::TrialCoordinator, Role::Manager];

impl Desk {
    /// Works until `stop`, then ends after the round that is under way.
    pub async fn work(mut self, stop: CancellationToken) {
        let mut hurry_until = Instant::now();
        while !stop.is_cancelled() {
            let lapse = self.clock.speed() > 1.0;
            if lapse {
                hurry_until = Instant::now() + CATCH_UP;
            }
            // In time lapse an hour passes in half a second; live, nobody clicks through a worklist in seconds.
            let hurry = Instant::now() < hurry_until;
            let (pause, most) = if hurry { (Duration::from_millis(200), 24) } else { (Duration::from_secs(6), 3) };
            if self.at_work(lapse) || hurry && !lapse {
                self.round(most).await;
                self.reopen_some().await;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Business hours. In time lapse a day at work is a few seconds long, so staff stay until the day's work is done.
    fn at_work(&self, lapse: bool) -> bool {
        let (now, calendar) = (self.clock.now(), self.center.profile.calendar(None));
        let ago = |hours| calendar.is_open(now - SignedDuration::from_hours(hours));
        calendar.is_open(now) || lapse && (ago(3) || ago(6))
    }

    /// One look at the worklist, and at most `most` inquiries worked.
    async fn round(&mut self, most: usize) {
        let now = self.clock.now();
        let rows = self.worklist().await;
        let mut due: Vec<(wire::WorkRow, Memory)> =
            rows.into_iter().filter_map(|row| self.remember(&row, now).map(|memory| (row, memory))).collect();
        // Who is furthest goes first; among those, who is due first. So a slow machine shortens the week, not the funnel.
        due.sort_by_key(|(row, _)| std::cmp::Reverse(row.stage));
        due.truncate(most);
        let this = &*self;
        let worked: Vec<(String, Memory)> = futures::stream::iter(due)
            .map(|(row, memory)| async move {
                let id = row.inquiry_id.clone();
                (id, this.step(row, memory).await)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        self.memories.extend(worked);
    }

    async fn worklist(&self) -> Vec<wire::WorkRow> {
        let Some(actor) = self.center.somebody(&[Role::Manager], "", "", 0).or_else(|| self.worker("", "", 0)) else {
            return Vec::new();
        };
        let mut client = self.desk(&actor);
        let (mut rows, mut page_token) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let request = wire::ListWorkRequest {
                center: self.center.id().to_owned(),
                page_size: PAGE,
                page_token: std::mem::take(&mut page_token),
                ..wire::ListWorkRequest::default()
            };
            match client.list_work(request).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    rows.extend(answer.rows);
                    page_token = answer.next_page_token;
                }
                Err(status) => {
                    self.tally.failed("list work", &word(&status));
                    break;
                }
            }
            if page_token.is_empty() {
                break;
            }
        }
        rows
    }

    /// What is remembered of a row, if it is time to do something about it.
    fn remember(&mut self, row: &wire::WorkRow, now: Timestamp) -> Option<Memory> {
        let known = self.memories.entry(row.inquiry_id.clone()).or_insert_with(|| {
            let fate = self.fates.lock().unwrap_or_else(PoisonError::into_inner).get(&row.reference).copied();
            Memory {
                fate,
                not_before: Timestamp::MIN,
                action: String::new(),
                round: 0,
                visit: None,
                changed: false,
                asked_for_more: false,
                missed: false,
                steps: 0,
                declined: false,
                reopened: false,
                claimed_by: None,
            }
        });
        // Whose turn it is by routing's choice is nobody's claim.
        let is_claimed = !row.owner.is_empty() && !row.chosen;
        if known.fate.is_some() && is_claimed && known.claimed_by.as_ref() != Some(&row.owner) {
            return None;
        }
        if known.action != row.next_action {
            known.action.clone_from(&row.next_action);
            known.not_before = match known.fate {
                Some(fate) => not_before(&fate, row, now, self.center.profile.calendar(None)),
                None => now,
            };
        }
        (known.not_before <= now).then(|| known.clone())
    }

    async fn step(&self, row: wire::WorkRow, mut memory: Memory) -> Memory {
        if memory.fate.is_none() {
            match self.fate_of_stranger(&row).await {
                Ok(Some(fate)) => {
                    memory.fate = Some(fate);
                    memory.claimed_by = Some(row.owner.clone()).filter(|owner| !owner.is_empty());
                }
                Ok(None) => memory.not_before = NEVER,
                Err(status) => self.tally.failed("get inquiry", &word(&status)),
            }
            return memory;
        }
        if let Err(trouble) = self.act(&row, &mut memory).await {
            self.tally.failed(trouble.call, &word(&trouble.status));
            memory.not_before = self.clock.now() + SignedDuration::from_mins(45);
        }
        memory.round += 1;
        memory
    }

    /// An inquiry that this play did not make: synthetic ones of an earlier play get a fate of their own.
    async fn fate_of_stranger(&self, row: &wire::WorkRow) -> Result<Option<Fate>, tonic::Status> {
        if let Some(fate) = self.known_fate(&row.reference) {
            return Ok(Some(fate));
        }
        let Some(actor) = self.worker("", &row.team, 0) else { return Ok(None) };
        let inquiry = self.desk(&actor).get_inquiry(self.get(row)).await?.into_inner();
        let host = inquiry.facts.and_then(|facts| facts.attribution).map(|attribution| attribution.referrer_host);
        let synthetic = host.is_some_and(|host| host.ends_with(SYNTHETIC_HOST));
        Ok(synthetic.then(|| Fate::of(mix(0, &[&row.inquiry_id]))))
    }

    fn known_fate(&self, reference: &str) -> Option<Fate> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).get(reference).copied()
    }

    /// The request that reads an inquiry.
    pub fn get(&self, row: &wire::WorkRow) -> wire::GetInquiryRequest {
        wire::GetInquiryRequest { center: self.center.id().to_owned(), inquiry_id: row.inquiry_id.clone() }
    }

    /// Somebody who works inquiries.
    pub fn worker(&self, owner: &str, team: &str, turn: u64) -> Option<Actor> {
        self.center.somebody(&WORKERS, owner, team, turn)
    }

    /// The desk on behalf of somebody.
    pub fn desk(&self, actor: &Actor) -> IntakeDeskClient<Channel> {
        IntakeDeskClient::new(self.doors.desk.on_behalf_of(actor))
    }

    /// The calendar on behalf of somebody.
    pub fn calendar(&self, actor: &Actor) -> SchedulingClient<Channel> {
        SchedulingClient::new(self.doors.scheduling.on_behalf_of(actor))
    }
}

/// When the next action is taken, counted from the moment at which it became the next one.
fn not_before(
    fate: &Fate,
    row: &wire::WorkRow,
    now: Timestamp,
    calendar: &causeway_funnel::calendar::Calendar,
) -> Timestamp {
    let hours = SignedDuration::from_hours;
    match row.next_action.as_str() {
        "first_contact" | "call_back" | "approve_referral" => {
            let received = Timestamp::from_microsecond(row.received_at).unwrap_or(now);
            let minutes = u32::try_from(fate.first_try_minutes).unwrap_or(0);
            // The time of the first try runs while the center is open, as the person's clock does.
            calendar.add_business(received, minutes)
        }
        "try_again" | "all_tries_made" | "tell_referral" => now + hours(fate.retry_hours),
        "complete_intake" if !fate.note_at_once => now + hours(fate.review_hours),
        "gather_records" | "await_next_step" => now + hours(fate.records_hours),
        "review_records" => now + hours(fate.review_hours),
        "offer_dates" => now + SignedDuration::from_mins(fate.offer_minutes),
        "follow_up_no_show" | "follow_up_missed_step" => now + hours(fate.retry_hours),
        _ => now,
    }
}

/// A call that failed.
pub struct Trouble {
    /// Which one.
    pub call: &'static str,
    /// What the service answered.
    pub status: tonic::Status,
}

/// Names the call of a failure.
pub fn trouble(call: &'static str) -> impl FnOnce(tonic::Status) -> Trouble {
    move |status| Trouble { call, status }
}
