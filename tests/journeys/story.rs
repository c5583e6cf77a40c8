//! A journey that is told by gRPC alone: the same inquiry as its staff, its patient and the figures see it, over days.

use causeway::commands::center;
use causeway_funnel::calendar::Calendar;
use causeway_funnel::profile::Profile;
use causeway_proto::intake::v1::{Inquiry, Stage, WorkRow};
use causeway_proto::metrics::v1::GetFunnelResponse;
use causeway_tests::{Days, Desk, Patient, eventually, funnel};
use jiff::{SignedDuration, Timestamp};

pub const CENTER: &str = "harbor-valley";

/// The profile that the center of the stories is started with.
pub fn profile() -> Profile {
    let files = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/centers").join(CENTER);
    Profile::from_bundle(&center::read(&files).expect("its files")).expect("a sound profile")
}

/// An instant of the wire.
pub fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).expect("an instant")
}

/// One inquiry, and the installation that has it.
pub struct Story {
    pub days: Days,
    pub id: String,
    profile: Profile,
}

impl Story {
    /// The story of the only inquiry that is open, once it has come to a team.
    pub async fn of_the_only_one(days: Days) -> Self {
        let mut story = Self { days, id: String::new(), profile: profile() };
        eventually(
            "it is on the worklist",
            60,
            async || matches!(&story.worklist().await[..], [row] if row.stage() == Stage::Routed),
        )
        .await;
        story.id = story.worklist().await.remove(0).inquiry_id;
        story
    }

    /// Whose turn it is, once routing has chosen one of them.
    pub async fn owner_is_one_of(&self, staff: &[&str]) -> String {
        let is_chosen = async || staff.contains(&self.inquiry().await.owner.as_str());
        eventually(&format!("it is the turn of one of {staff:?}"), 60, is_chosen).await;
        self.inquiry().await.owner
    }

    /// The desk as somebody of the staff has it.
    pub fn desk(&self, person: &str) -> Desk {
        let channel = |service| self.days.here().staff(service, CENTER, person);
        Desk::new(CENTER, channel("intake-desk"), channel("scheduling-sync"))
    }

    /// The patient, who holds the link.
    pub fn patient(&self) -> Patient {
        Patient::new(self.days.here(), CENTER, &self.id)
    }

    /// What is open, first due first.
    pub async fn worklist(&self) -> Vec<WorkRow> {
        self.desk("priya-nair").worklist().await
    }

    /// The inquiry as its page shows it.
    pub async fn inquiry(&self) -> Inquiry {
        self.desk("priya-nair").inquiry(&self.id).await.expect("the inquiry")
    }

    /// Comes to a stage and its next action; the worklist and the link say the same as the inquiry's page.
    pub async fn stands(&self, stage: Stage, next_action: &str) -> Inquiry {
        let what = format!("{} and {next_action}", stage.as_str_name());
        eventually(&what, 60, async || {
            let shown = self.inquiry().await;
            (shown.stage(), shown.next_action.as_str()) == (stage, next_action)
        })
        .await;
        let shown = self.inquiry().await;
        let (rows, status) = (self.worklist().await, self.patient().status().await.expect("what the link shows"));
        let row = rows.iter().find(|row| row.inquiry_id == self.id);
        let seen = |row: &WorkRow| {
            (row.stage(), row.next_action.clone(), row.due_at, row.team.clone(), row.owner.clone(), row.attempts)
        };
        let shown_too = (
            shown.stage(),
            shown.next_action.clone(),
            shown.due_at,
            shown.team.clone(),
            shown.owner.clone(),
            shown.attempts,
        );
        match stage {
            // What is over is nobody's work.
            Stage::Attended => assert!(row.is_none(), "{row:?}"),
            _ => assert_eq!(row.map(seen), Some(shown_too)),
        }
        assert_eq!(status.stage(), stage, "the link");
        shown
    }

    /// Work that began at or after an instant is due so many open minutes later.
    pub fn assert_due(&self, shown: &Inquiry, since: Timestamp, open_minutes: u32) {
        self.assert_due_by(shown, since, |calendar, begun| calendar.add_business(begun, open_minutes));
    }

    /// What was asked for at or after an instant falls to staff once the person was asked again twice, in opening hours.
    pub fn assert_asks_again_first(&self, shown: &Inquiry, since: Timestamp) {
        let hours = SignedDuration::from_hours;
        self.assert_due_by(shown, since, |calendar, asked| {
            let open = |at| calendar.add_business(at, 0);
            calendar.add_business(open(open(asked + hours(72)) + hours(96)), 1320)
        });
    }

    fn assert_due_by(&self, shown: &Inquiry, since: Timestamp, due: impl Fn(&Calendar, Timestamp) -> Timestamp) {
        let calendar = self.profile.calendar(None);
        let within = due(calendar, since)..=due(calendar, self.days.now());
        let due = instant(shown.due_at);
        assert!(within.contains(&due), "{} is due {due}, not within {within:?}", shown.next_action);
    }

    /// Messages to the person with what became of each, as the service knows them, oldest first.
    pub async fn notices(&self) -> Vec<String> {
        let notices = self.patient().notices().await.expect("messages");
        let told = |notice: causeway_proto::notice::v1::Notice| {
            let outcome = notice.outcome.unwrap_or_default();
            format!("{} {} {}", outcome.kind, notice.state, outcome.reason).trim_end().to_owned()
        };
        notices.into_iter().rev().map(told).collect()
    }

    /// The messages become exactly these.
    pub async fn notices_become(&self, expected: &[&str]) {
        for _ in 0..100 {
            if self.notices().await == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(self.notices().await, expected);
    }

    /// The funnel once it counts somebody at a stage.
    pub async fn counted(&self, what: &str, holds: impl Fn(&GetFunnelResponse) -> bool) -> GetFunnelResponse {
        eventually(what, 60, async || holds(&funnel(self.days.here(), CENTER).await)).await;
        funnel(self.days.here(), CENTER).await
    }

    /// The clock stands a minute after an instant.
    pub async fn comes(&mut self, at: Timestamp) {
        self.days.go_on(at + SignedDuration::from_mins(1), 1.0).await;
    }
}

/// Kind and state of each line of the checklist.
pub fn checklist(shown: &Inquiry) -> Vec<(&str, &str)> {
    shown.records.iter().map(|line| (line.kind.as_str(), line.state.as_str())).collect()
}

/// What happened, oldest first: the sentences that begin so come in this order, and others between them.
pub fn assert_told(shown: &Inquiry, expected: &[&str]) {
    let timeline: Vec<&str> = shown.timeline.iter().rev().map(|entry| entry.text.as_str()).collect();
    let mut told = timeline.iter();
    for beginning in expected {
        let came = told.any(|text| text.starts_with(beginning));
        assert!(came, "'{beginning}' does not follow in {timeline:#?}");
    }
}
