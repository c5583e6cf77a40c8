//! The worklist's rows from what the desk and ingestion answer.
//!
//! Names are laid over the rows only for who may read them; everybody else sees request numbers. Deliberately not here:
//! the order of the rows, which the desk decides.

use std::collections::HashMap;

use causeway_funnel::next_action::NextAction;
use causeway_funnel::profile::Profile;
use causeway_proto::convert::{
    area_from_wire, channel_from_wire, consult_type_from_wire, optional_instant, source_from_wire,
};
use causeway_proto::inquiry::v1::Person;
use causeway_proto::intake::v1::{ViewCount, WorkRow as Row};
use jiff::{SignedDuration, Timestamp};

use super::times;
use crate::pages::{Clock, ClockState, Filter, RowAction, SelectOption, ViewTab, WorkRow};
use crate::words::EN;

const SOON: SignedDuration = SignedDuration::from_mins(30);

/// The views and what they are called.
pub const VIEWS: [(&str, &str); 6] = [
    ("all", "All open"),
    ("mine", "Mine"),
    ("unclaimed", "Unclaimed"),
    ("late", "Late"),
    ("due_today", "Due today"),
    ("closed", "Closed"),
];

/// Who looks at the rows, and when.
pub struct Looking<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// The domain's time.
    pub now: Timestamp,
    /// The person's id.
    pub me: &'a str,
    /// Whether they may claim and release.
    pub may_work: bool,
    /// The people of the rows, by inquiry; empty where they may not be read.
    pub people: &'a HashMap<String, Person>,
}

impl Looking<'_> {
    /// A row.
    pub fn row(&self, row: &Row) -> WorkRow {
        let person = self.people.get(&row.inquiry_id);
        WorkRow {
            url: format!("/inquiries/{}", row.inquiry_id),
            clock: clock(row.due_at, self.now, self.profile),
            who: person.map(who).filter(|name| !name.is_empty()).unwrap_or_else(|| row.reference.clone()),
            who_note: self.who_note(row, person),
            need: consult_type_from_wire(row.consult_type()).label("en").to_owned(),
            need_note: area_from_wire(row.cancer_area()).label("en").to_owned(),
            next_step: row.next_action.parse().unwrap_or(NextAction::Nothing).label("en").to_owned(),
            tries: tries(row.attempts),
            channel: channel_from_wire(row.preferred_channel()).label("en").to_owned(),
            channel_note: self.channel_note(row),
            source: source_from_wire(row.source()).label("en").to_owned(),
            source_note: self.team(&row.team),
            records: if row.records_need == 0 {
                "–".to_owned()
            } else {
                format!("{} of {}", row.records_have, row.records_need)
            },
            owner: owner(self.profile, &row.owner),
            actions: self.actions(row),
            id: row.inquiry_id.clone(),
        }
    }

    fn who_note(&self, row: &Row, person: Option<&Person>) -> String {
        let caller = person.filter(|person| !person.name.is_empty() && !person.caregiver_name.is_empty());
        let parts = [
            person.is_some_and(|person| !who(person).is_empty()).then(|| row.reference.clone()),
            caller.map(|person| format!("asked by {}", person.caregiver_name)),
            (row.language != "en").then(|| crate::words::Words::of(&row.language).own_name.to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// When a call is welcome, and whether nothing may ring at the person's place now.
    fn channel_note(&self, row: &Row) -> String {
        let best: causeway_funnel::inquiry::BestTime = row.best_time.parse().unwrap_or_default();
        let zone = jiff::tz::TimeZone::get(&row.time_zone).unwrap_or_else(|_| self.profile.zone().clone());
        let quiet = self.profile.center.messages.quiet.covers(zone.to_datetime(self.now).time());
        format!("{} – {}", best.label("en"), if quiet { "quiet hours now" } else { "OK now" })
    }

    fn team(&self, id: &str) -> String {
        self.profile.team(id).map_or_else(|| id.to_owned(), |team| team.name.get("en").to_owned())
    }

    fn actions(&self, row: &Row) -> Vec<RowAction> {
        if !self.may_work || row.stage() == causeway_proto::intake::v1::Stage::Closed {
            return Vec::new();
        }
        let action = |label: &str, word: &str, main| RowAction {
            label: label.to_owned(),
            action: format!("/inquiries/{}/{word}", row.inquiry_id),
            version: row.version.to_string(),
            main,
        };
        match row.owner.as_str() {
            "" => vec![action("Claim", "claim", true)],
            owner if owner == self.me => vec![action("Release", "release", false)],
            _ => Vec::new(),
        }
    }
}

/// Whom to reach: the one who needs care, or else who asked.
pub fn who(person: &Person) -> String {
    if person.name.is_empty() { person.caregiver_name.clone() } else { person.name.clone() }
}

/// A colleague's name; the id where the profile does not know them.
pub fn owner(profile: &Profile, id: &str) -> Option<String> {
    (!id.is_empty()).then(|| profile.staff(id).map_or_else(|| id.to_owned(), |staff| staff.name.clone()))
}

/// "No attempts yet", "2 tries".
pub fn tries(attempts: i32) -> String {
    match attempts {
        0 => "No attempts yet".to_owned(),
        1 => "1 try".to_owned(),
        many => format!("{many} tries"),
    }
}

/// The clock of the next action.
pub fn clock(due_at: i64, now: Timestamp, profile: &Profile) -> Clock {
    let Some(due) = optional_instant(due_at) else {
        return Clock { state: ClockState::Met, text: "Nothing due".to_owned(), at: String::new() };
    };
    let at = times::recent(&due.to_zoned_datetime(profile.zone().clone()), now, &EN);
    let left = due.duration_since(now);
    let (state, text) = if left.is_negative() {
        (ClockState::Late, format!("Late by {}", times::span(left)))
    } else if left <= SOON {
        (ClockState::Soon, format!("Due in {}", times::span(left)))
    } else {
        (ClockState::Pending, format!("Due in {}", times::span(left)))
    };
    Clock { state, text, at }
}

/// The views with their counts; each keeps the team.
pub fn tabs(counts: &[ViewCount], current: &str, team: &str) -> Vec<ViewTab> {
    let count = |view: &str| counts.iter().find(|count| count.view == view).map_or(0, |count| count.count);
    let tabs = VIEWS.iter().map(|(view, label)| ViewTab {
        label: (*label).to_owned(),
        count: u64::try_from(count(view)).unwrap_or_default(),
        url: address(view, team),
        current: *view == current,
    });
    tabs.collect()
}

/// The address of a view.
pub fn address(view: &str, team: &str) -> String {
    if team.is_empty() { format!("/worklist?view={view}") } else { format!("/worklist?view={view}&team={team}") }
}

/// The filter by team.
pub fn team_filter(profile: &Profile, chosen: &str) -> Filter {
    let option = |value: &str, label: &str| SelectOption {
        value: value.to_owned(),
        label: label.to_owned(),
        selected: value == chosen,
    };
    let teams = profile.teams.teams.iter().map(|team| option(&team.id, team.name.get("en")));
    let options = std::iter::once(option("", "All teams")).chain(teams).collect();
    Filter { name: "team".to_owned(), label: "Team".to_owned(), options }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn now() -> Timestamp {
        Timestamp::from_second(1_804_190_400).expect("time")
    }

    fn row(owner: &str) -> Row {
        Row {
            inquiry_id: "i1".into(),
            reference: "HV-1".into(),
            team: "breast".into(),
            owner: owner.into(),
            next_action: "first_contact".into(),
            due_at: (now() - SignedDuration::from_mins(18)).as_microsecond(),
            time_zone: "America/Los_Angeles".into(),
            language: "es".into(),
            ..Row::default()
        }
    }

    fn looking<'a>(profile: &'a Profile, people: &'a HashMap<String, Person>) -> Looking<'a> {
        Looking { profile, now: now(), me: "dana-whitfield", may_work: true, people }
    }

    #[test]
    fn a_row_says_who_is_late_and_offers_to_claim() {
        let profile = harbor_valley();
        let person = Person { name: "Rosa".into(), caregiver_name: "Luis".into(), ..Person::default() };
        let people = HashMap::from([("i1".to_owned(), person)]);
        let shown = looking(&profile, &people).row(&row(""));
        assert_eq!((shown.clock.state, shown.clock.text.as_str()), (ClockState::Late, "Late by 18 min"));
        assert_eq!((shown.who.as_str(), shown.who_note.as_str()), ("Rosa", "HV-1 · asked by Luis · Español"));
        assert_eq!(shown.actions[0].action, "/inquiries/i1/claim");
        assert_eq!(shown.next_step, "Make first contact");
        assert!(!shown.url.contains("Rosa"));
    }

    #[test]
    fn without_the_right_to_read_people_the_request_number_stands_there() {
        let (profile, nobody) = (harbor_valley(), HashMap::new());
        assert_eq!(looking(&profile, &nobody).row(&row("")).who, "HV-1");
    }

    #[test]
    fn mine_can_be_released_and_a_colleagues_can_not() {
        let (profile, nobody) = (harbor_valley(), HashMap::new());
        let looking = looking(&profile, &nobody);
        assert_eq!(looking.row(&row("dana-whitfield")).actions[0].label, "Release");
        let theirs = looking.row(&row("luis-ortega"));
        assert!(theirs.actions.is_empty());
        assert_eq!(theirs.owner.as_deref(), Some("Luis Ortega"));
    }

    #[test]
    fn a_view_keeps_the_team_and_shows_its_count() {
        let tabs = tabs(&[ViewCount { view: "late".into(), count: 3 }], "late", "breast");
        let late = tabs.iter().find(|tab| tab.current).expect("current");
        assert_eq!((late.count, late.url.as_str()), (3, "/worklist?view=late&team=breast"));
    }
}
