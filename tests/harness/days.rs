//! An installation whose clock is set from one part of a story to the next: days of opening hours pass in minutes.

use std::path::Path;

use causeway::commands::center;
use causeway_funnel::calendar::Calendar;
use causeway_funnel::profile::Profile;
use causeway_runtime::Clock;
use jiff::civil::{Time, Weekday};
use jiff::{Timestamp, ToSpan as _};

use crate::{Desk, Installation, eventually, keep_clock, people};

/// Days in a minute; between one look and the next pass hours, and no more.
const SPEED: f64 = 10_000.0;

/// A center's story over days.
pub struct Days {
    center: &'static str,
    keep: tempfile::TempDir,
    installation: Option<Installation>,
}

impl Days {
    /// Begins at an instant.
    pub async fn begin(center: &'static str, at: Timestamp) -> Self {
        let keep = tempfile::tempdir().expect("a temporary folder");
        let mut days = Self { center, keep, installation: None };
        days.go_on(at, 1.0).await;
        days
    }

    /// Where the installation keeps its data.
    pub fn folder(&self) -> &Path {
        self.keep.path()
    }

    /// What runs now.
    pub fn here(&self) -> &Installation {
        self.installation.as_ref().expect("it runs")
    }

    /// The services' time.
    pub fn now(&self) -> Timestamp {
        self.here().clock().now()
    }

    /// Stops, and starts again with its clock at an instant and so many times as fast.
    pub async fn go_on(&mut self, at: Timestamp, speed: f64) {
        if let Some(mut running) = self.installation.take() {
            assert_eq!(running.stop().await, Some(0));
        }
        keep_clock(self.keep.path(), at, speed);
        self.installation = Some(Installation::start_in(self.keep.path(), &[]).await);
    }

    /// Days pass until something holds; then the clock runs as usual again.
    pub async fn pass_until(&mut self, what: &str, holds: impl AsyncFn(&Installation) -> bool) {
        self.go_on(self.now(), SPEED).await;
        eventually(what, 240, async || holds(self.here()).await).await;
        self.go_on(self.now(), 1.0).await;
    }

    /// The desk as a member of staff with every role sees it.
    pub fn desk_of(&self, person: &str) -> Desk {
        let channel = |service| self.here().staff(service, self.center, person);
        Desk::new(self.center, channel("intake-desk"), channel("scheduling-sync"))
    }

    /// The texts of the mails to somebody whose subjects say so, oldest first.
    pub async fn mails(&self, mark: &str, subject: &str) -> Vec<String> {
        mails(self.here(), mark, subject).await
    }

    /// The newest of them, once there is one.
    pub async fn mail(&self, mark: &str, subject: &str) -> String {
        eventually(&format!("a mail: {subject}"), 60, async || !self.mails(mark, subject).await.is_empty()).await;
        self.mails(mark, subject).await.pop().expect("there is one")
    }

    /// Nothing was lost, and everything stops.
    pub async fn end(mut self) {
        let (code, ledger) = self.here().command(&["ledger", "--settle", "30"]).await;
        assert_eq!(code, 0, "{ledger}");
        assert_eq!(self.installation.take().expect("it runs").stop().await, Some(0));
    }
}

/// The texts of the mails to somebody whose subjects say so, oldest first.
pub async fn mails(installation: &Installation, mark: &str, subject: &str) -> Vec<String> {
    let mails = installation.mails(&people::email(mark)).await.into_iter();
    let told = mails.filter(|mail| mail["subject"].as_str().is_some_and(|said| said.contains(subject)));
    // A mail breaks its lines where it likes.
    told.map(|mail| mail["text"].as_str().expect("a text").split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The profile of a demo center.
pub fn profile(center: &str) -> Profile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/centers").join(center);
    Profile::from_bundle(&center::read(&folder).expect("its files")).expect("a sound profile")
}

/// The evening of a Thursday five weeks ago or more, with two weeks without a holiday after it: the other site's next dates are three
/// days after the morning that follows, and both reminders lie between.
pub fn some_thursday(calendar: &Calendar, at: Time) -> Timestamp {
    let zone = calendar.zone();
    let mut day = zone.to_datetime(Clock::system().now()).date() - 35.days();
    let holidays = |day| !calendar.closed_days(day, day + 14.days()).is_empty();
    while day.weekday() != Weekday::Thursday || holidays(day) {
        day = day.yesterday().expect("a day before");
    }
    zone.to_timestamp(day.to_datetime(at)).expect("an instant")
}
