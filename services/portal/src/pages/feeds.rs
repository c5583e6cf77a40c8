//! The feeds of partner offices: how each sends against what is usual, what waits, what it is known by.
//!
//! The chart of the last days is SVG whose sizes are attributes; its numbers stand below it as a table. Deliberately not here:
//! what is usual (ingestion) and the words (views).

use askama::Template;

use super::{Fact, StaffFrame, Tag};

/// The feeds of a center.
#[derive(Debug, Template)]
#[template(path = "feeds.html")]
pub struct FeedsPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// How many there are and how they stand, in a sentence.
    pub caption: String,
    /// Each feed, what is not as usual first.
    pub feeds: Vec<FeedCard>,
}

/// A feed.
#[derive(Clone, Debug)]
pub struct FeedCard {
    /// Its id, a slug.
    pub id: String,
    /// The office.
    pub office: String,
    /// How it sends.
    pub door: String,
    /// How it stands.
    pub state: Tag,
    /// What may be done where it is not as usual.
    pub advice: Option<&'static str>,
    /// Last message, today, what waits, keys.
    pub facts: Vec<Fact>,
    /// What the numbers count: "messages".
    pub unit: &'static str,
    /// The last days in a sentence.
    pub summary: String,
    /// The last days, today last.
    pub days: Vec<Volume>,
    /// Hours of today.
    pub hours: Vec<Volume>,
    /// When it was not as usual, the newest first.
    pub incidents: Vec<IncidentRow>,
}

/// A day or an hour of a feed.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    /// "Thu, Nov 26" or "2 pm".
    pub label: String,
    /// How many came.
    pub came: u64,
    /// How many would be usual.
    pub usual: Option<f64>,
}

/// A time at which a feed was not as usual.
#[derive(Clone, Debug)]
pub struct IncidentRow {
    /// "Quiet".
    pub what: &'static str,
    /// Since when.
    pub from: String,
    /// Until when, or that it goes on.
    pub to: String,
    /// "7 were missed".
    pub note: String,
}

/// Height of the chart.
const HEIGHT: f64 = 50.0;
/// Width of a day of the chart.
const WIDTH: usize = 10;

impl Volume {
    /// How many would be usual, for people.
    fn usual_words(&self) -> String {
        self.usual.map_or_else(|| "not known".to_owned(), |usual| format!("{usual:.0}"))
    }
}

impl FeedCard {
    /// Whether there is anything to draw.
    fn has_chart(&self) -> bool {
        self.days.iter().any(|day| day.came > 0 || day.usual.is_some_and(|usual| usual > 0.0))
    }

    fn width(&self) -> usize {
        self.days.len() * WIDTH
    }

    fn left(&self, place: &usize) -> usize {
        place * WIDTH
    }

    /// The most of any day, so that the chart has a scale.
    fn most(&self) -> f64 {
        let each = self.days.iter().flat_map(|day| [day.came as f64, day.usual.unwrap_or(0.0)]);
        each.fold(1.0, f64::max)
    }

    fn height(&self, day: &Volume) -> String {
        format!("{:.1}", day.came as f64 * HEIGHT / self.most())
    }

    fn top(&self, day: &Volume) -> String {
        format!("{:.1}", HEIGHT - day.came as f64 * HEIGHT / self.most())
    }

    /// Where the line of what is usual stands.
    fn line(&self, usual: &f64) -> String {
        format!("{:.1}", (HEIGHT - usual * HEIGHT / self.most()).min(HEIGHT - 1.0))
    }
}
