//! The worklist: what is due first, and one button per row.
//!
//! A row says all that a coordinator needs to decide whom to call now: the clock, the need, the next step, the
//! channel and whether this is a good time, the records and the owner. Filters are a GET, but a search by name or
//! phone is a POST, so that names stay out of addresses and logs. Deliberately not here: how the clock is computed.

use askama::Template;

use super::{Figure, HiddenField, SelectOption, StaffFrame};

/// The worklist.
#[derive(Debug, Template)]
#[template(path = "worklist.html")]
pub struct WorklistPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// The moment of this view, such as "Wednesday, March 3, 2:18 pm".
    pub as_of: String,
    /// Late now, due soon, unclaimed, first contact today, within target.
    pub figures: Vec<Figure>,
    /// The views with their counts.
    pub views: Vec<ViewTab>,
    /// The filters.
    pub filters: Vec<Filter>,
    /// What a filter keeps of the address, such as the view.
    pub keep: Vec<HiddenField>,
    /// What was searched for; the search posts `q` to `/worklist/search`. None where there is no search.
    pub searched: Option<String>,
    /// Over the rows, such as "47 open inquiries, soonest due first. Showing 9."
    pub caption: String,
    /// Said when there are no rows.
    pub empty: String,
    /// Where the rows alone can be fetched for the refresh in place; empty: they stay as they are.
    pub rows_url: String,
    /// What makes asking twice for the next one count once; none when the role may not work inquiries.
    pub next_one: Option<String>,
    /// Where to enter an inquiry from a call; none when the role may not.
    pub new_call_url: Option<String>,
    /// The address of the next rows; none on the last part.
    pub next_url: Option<String>,
    /// The rows, soonest due first.
    pub rows: Vec<WorkRow>,
}

/// What changes on the page while it is open, for the refresh in place: the rows, and what counts them.
#[derive(Debug, Template)]
#[template(path = "worklist_live.html")]
pub struct WorklistRows {
    /// Around the page; the token goes into each row's forms.
    pub frame: StaffFrame,
    /// The moment of this view.
    pub as_of: String,
    /// Late now, due today, unclaimed, mine.
    pub figures: Vec<Figure>,
    /// The views with their counts.
    pub views: Vec<ViewTab>,
    /// Over the rows.
    pub caption: String,
    /// Said when there are no rows.
    pub empty: String,
    /// The rows, soonest due first.
    pub rows: Vec<WorkRow>,
}

/// A view of the worklist.
#[derive(Clone, Debug)]
pub struct ViewTab {
    /// Its name.
    pub label: String,
    /// How many inquiries it has.
    pub count: u64,
    /// There are more than were counted.
    pub more: bool,
    /// Its address.
    pub url: String,
    /// Whether it is the one that is open.
    pub current: bool,
}

/// A filter.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Name of the field that is sent.
    pub name: String,
    /// Its label.
    pub label: String,
    /// What to choose from; the first one means all.
    pub options: Vec<SelectOption>,
}

/// The clock of an inquiry.
#[derive(Clone, Debug)]
pub struct Clock {
    /// How it stands.
    pub state: ClockState,
    /// In words: "Late by 18 min", "Due in 9 min", "Paused: waiting on records".
    pub text: String,
    /// The time of day, such as "2:00 pm".
    pub at: String,
}

/// How a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// The target has passed.
    Late,
    /// The target is near.
    Soon,
    /// There is time.
    Pending,
    /// It waits for somebody else, with a reason.
    Paused,
    /// The target was met, or there is nothing due.
    Met,
}

impl ClockState {
    /// The class in the style sheet.
    pub fn class(&self) -> &'static str {
        match self {
            ClockState::Late => "late",
            ClockState::Soon => "soon",
            ClockState::Pending => "ok",
            ClockState::Paused => "paused",
            ClockState::Met => "met",
        }
    }
}

/// A row of the worklist.
#[derive(Clone, Debug)]
pub struct WorkRow {
    /// The inquiry's id; keeps the row's place on a refresh.
    pub id: String,
    /// The inquiry's address.
    pub url: String,
    /// When something is due.
    pub clock: Clock,
    /// Whom to reach, as little as is needed.
    pub who: String,
    /// For whom, language, interpreter.
    pub who_note: String,
    /// What to look at before anybody calls.
    pub first: Option<&'static str>,
    /// That it may be the request of somebody who has asked before.
    pub twin: Option<String>,
    /// The consult type.
    pub need: String,
    /// The cancer area in plain words.
    pub need_note: String,
    /// The next step.
    pub next_step: String,
    /// The tries so far.
    pub tries: String,
    /// The preferred channel.
    pub channel: String,
    /// Whether this is a good time, such as "Afternoon – OK now".
    pub channel_note: String,
    /// The door it came through.
    pub source: String,
    /// Landing page, campaign or office.
    pub source_note: String,
    /// The team whose queue it is in.
    pub team: String,
    /// Records at hand, such as "2 of 4".
    pub records: String,
    /// What was asked for, of whom, since when; empty where nothing is waited for.
    pub records_note: String,
    /// Who works it; none while unclaimed.
    pub owner: Option<String>,
    /// What somebody was told of it: that it is late or about to be, or goes from team to team.
    pub mark: Option<&'static str>,
    /// The buttons, most useful first.
    pub actions: Vec<RowAction>,
}

/// A button that changes something; posts `csrf` and `version`.
#[derive(Clone, Debug)]
pub struct RowAction {
    /// What it says.
    pub label: String,
    /// Where it posts to.
    pub action: String,
    /// The version that the person saw, so that two people never take the same inquiry.
    pub version: String,
    /// Whether it is the main button.
    pub main: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_brings_all_that_changes_each_to_its_place_on_the_page() {
        let page = WorklistPage::sample();
        let html = page.render().expect("a page");
        let live = WorklistRows {
            frame: page.frame.clone(),
            as_of: "a moment later".to_owned(),
            figures: page.figures.clone(),
            views: page.views.clone(),
            caption: "48 inquiries".to_owned(),
            empty: String::new(),
            rows: page.rows.clone(),
        };
        let live = live.render().expect("the parts");
        let (rows, parts) = live.split_once("<hx-partial ").expect("parts after the rows");
        assert!(rows.contains("<tr ") && html.contains(rows.trim()), "the rows of the page");
        let parts: Vec<(&str, &str)> = parts
            .split("<hx-partial ")
            .map(|part| part.split_once('>').expect("a tag"))
            .map(|(tag, words)| {
                (tag.split('"').nth(1).expect("a target"), words.trim().trim_end_matches("</hx-partial>"))
            })
            .collect();
        let places: Vec<&str> = parts.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, ["#as-of", "#figures", "#views", "#caption"]);
        for (place, words) in &parts {
            assert!(html.contains(&format!("id=\"{}\"", &place[1..])), "{place} is on the page");
            let is_alike = html.contains(words);
            assert_eq!(is_alike, matches!(*place, "#figures" | "#views"), "{place}: {words}");
        }
        assert_eq!((parts[0].1, parts[3].1), ("a moment later", "48 inquiries"));
    }
}
