//! An installation over days: its clock stands where a story goes on, and what people hear comes by mail.

use jiff::civil::{Time, Weekday};
use jiff::{Timestamp, ToSpan as _};

use crate::{Installation, eventually, keep_clock, people};
use causeway_funnel::calendar::Calendar;

/// An installation that is started again wherever its clock is to stand elsewhere.
pub struct Days {
    keep: tempfile::TempDir,
    installation: Option<Installation>,
}

impl Days {
    /// Starts in a new folder at an instant.
    pub async fn begin(at: Timestamp) -> Self {
        let keep = tempfile::tempdir().expect("a temporary folder");
        let mut days = Self { keep, installation: None };
        days.go_on(at, 1.0).await;
        days
    }

    /// What runs now.
    pub fn here(&self) -> &Installation {
        self.installation.as_ref().expect("it runs")
    }

    /// What its clock reads.
    pub fn now(&self) -> Timestamp {
        self.here().clock().now()
    }

    /// Where it is kept.
    pub fn folder(&self) -> &std::path::Path {
        self.keep.path()
    }

    /// Stops, and starts again with its clock at an instant and so many times as fast.
    pub async fn go_on(&mut self, at: Timestamp, speed: f64) {
        if let Some(mut running) = self.installation.take() {
            assert_eq!(running.stop().await, Some(0));
        }
        keep_clock(self.keep.path(), at, speed);
        self.installation = Some(Installation::start_in(self.keep.path(), &[]).await);
    }

    /// All mails to somebody: subject, and the words without the breaks of lines, newest first.
    pub async fn mails(&self, mark: &str) -> Vec<(String, String)> {
        let told = |mail: &serde_json::Value, part: &str| mail[part].as_str().expect("a text").to_owned();
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mails = self.here().mails(&people::email(mark)).await;
        mails.iter().map(|mail| (told(mail, "subject"), words(told(mail, "text")))).collect()
    }

    /// The words of the mails to somebody whose subjects say so, newest first.
    pub async fn mails_about(&self, mark: &str, subject: &str) -> Vec<String> {
        let mails = self.mails(mark).await.into_iter();
        mails.filter(|(said, _)| said.contains(subject)).map(|(_, words)| words).collect()
    }

    /// The newest of them, once there is one.
    pub async fn mail(&self, mark: &str, subject: &str) -> String {
        let here = async || !self.mails_about(mark, subject).await.is_empty();
        eventually(&format!("a mail: {subject}"), 60, here).await;
        self.mails_about(mark, subject).await.remove(0)
    }

    /// Nothing that was accepted is missing anywhere, and it stops as it should.
    pub async fn end(mut self) {
        let (code, ledger) = self.here().command(&["ledger", "--settle", "30"]).await;
        assert_eq!(code, 0, "{ledger}");
        assert_eq!(self.installation.take().expect("it runs").stop().await, Some(0));
    }
}

/// A time on a Thursday five weeks ago or more, with two weeks without a holiday after it.
pub fn some_thursday(calendar: &Calendar, at: Time) -> Timestamp {
    let zone = calendar.zone();
    let mut day = zone.to_datetime(causeway_runtime::Clock::system().now()).date() - 35.days();
    let holidays = |day| !calendar.closed_days(day, day + 14.days()).is_empty();
    while day.weekday() != Weekday::Thursday || holidays(day) {
        day = day.yesterday().expect("a day before");
    }
    zone.to_timestamp(day.to_datetime(at)).expect("an instant")
}
