//! The worklist's rows from what the desk and ingestion answer.
//!
//! Names are laid over the rows only for who may read them; everybody else sees request numbers. Deliberately not here:
//! the order of the rows, which the desk decides.

use std::collections::HashMap;

use causeway_funnel::inquiry::ConsultType;
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
            source_note: self.from(row),
            team: self.team(&row.team),
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

    /// The office that refers, by its name, or else the page from which the form was reached.
    fn from(&self, row: &Row) -> String {
        let office = self.profile.feeds.feeds.iter().find(|feed| feed.office == row.referring_office);
        match office.map(|feed| &feed.office_name).filter(|name| !name.is_empty()) {
            Some(name) => name.clone(),
            None if !row.referring_office.is_empty() => row.referring_office.clone(),
            None => row.landing_page.clone(),
        }
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

/// What the list is narrowed to, by the names that the address has for it; an empty word is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The team.
    pub team: String,
    /// The consult type.
    pub consult_type: String,
    /// The site.
    pub site: String,
    /// Who works it.
    pub owner: String,
    /// What is to be done.
    pub next_action: String,
}

impl Chosen {
    /// Reads an address; a word that is none of the choices is left out.
    pub fn read<'q>(profile: &Profile, asked: impl Fn(&str) -> &'q str) -> Self {
        let of = |name: &str| {
            let choice = choices(profile).into_iter().find(|choice| choice.name == name);
            let is_one = choice.is_some_and(|choice| choice.options.iter().any(|(word, _)| word == asked(name)));
            if is_one { asked(name).to_owned() } else { String::new() }
        };
        Self {
            team: of("team"),
            consult_type: of("type"),
            site: of("site"),
            owner: of("owner"),
            next_action: of("next"),
        }
    }

    fn get(&self, name: &str) -> &str {
        match name {
            "team" => &self.team,
            "type" => &self.consult_type,
            "site" => &self.site,
            "owner" => &self.owner,
            _ => &self.next_action,
        }
    }
}

/// A filter's name in addresses, its label, what any of it is called, and its words.
struct Choices {
    name: &'static str,
    label: &'static str,
    any: &'static str,
    options: Vec<(String, String)>,
}

fn choices(profile: &Profile) -> Vec<Choices> {
    let pair = |word: &str, label: &str| (word.to_owned(), label.to_owned());
    let teams = profile.teams.teams.iter().map(|team| pair(&team.id, team.name.get("en")));
    let types = ConsultType::ALL.iter().map(|word| pair(word.as_str(), word.label("en")));
    let sites = profile.center.sites.iter().map(|site| pair(&site.id, &site.name));
    let owners = profile.teams.staff.iter().map(|staff| pair(&staff.id, &staff.name));
    let open = NextAction::ALL.iter().filter(|word| **word != NextAction::Nothing);
    let steps = open.map(|word| pair(word.as_str(), word.label("en")));
    let choice = |name, label, any, options| Choices { name, label, any, options };
    vec![
        choice("team", "Team", "All teams", teams.collect()),
        choice("next", "Next step", "All steps", steps.collect()),
        choice("type", "Needs", "All kinds", types.collect()),
        choice("site", "Site", "All sites", sites.collect()),
        choice("owner", "Owner", "Everybody", owners.collect()),
    ]
}

/// The views with their counts; each keeps what is chosen.
pub fn tabs(counts: &[ViewCount], current: &str, chosen: &Chosen) -> Vec<ViewTab> {
    let count = |view: &str| counts.iter().find(|count| count.view == view).map_or(0, |count| count.count);
    let tabs = VIEWS.iter().map(|(view, label)| ViewTab {
        label: (*label).to_owned(),
        count: u64::try_from(count(view)).unwrap_or_default(),
        url: address(view, chosen),
        current: *view == current,
    });
    tabs.collect()
}

/// The address of a view. Ids and words stand in it as they are; a profile has no other signs in them.
pub fn address(view: &str, chosen: &Chosen) -> String {
    let mut address = format!("/worklist?view={view}");
    for name in ["team", "next", "type", "site", "owner"] {
        let word = chosen.get(name);
        if !word.is_empty() {
            address.push_str(&format!("&{name}={word}"));
        }
    }
    address
}

/// The filters of a view; closed ones are narrowed by team alone.
pub fn filters(profile: &Profile, view: &str, chosen: &Chosen) -> Vec<Filter> {
    let shown = choices(profile).into_iter().filter(|choice| view != "closed" || choice.name == "team");
    let filter = |choice: Choices| {
        let any = std::iter::once((String::new(), choice.any.to_owned()));
        let option = |(value, label): (String, String)| SelectOption {
            selected: value == chosen.get(choice.name),
            value,
            label,
        };
        let options = any.chain(choice.options).map(option).collect();
        Filter { name: choice.name.to_owned(), label: choice.label.to_owned(), options }
    };
    shown.map(filter).collect()
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
    fn a_row_says_from_which_office_or_page_somebody_came() {
        let (profile, nobody) = (harbor_valley(), HashMap::new());
        let looking = looking(&profile, &nobody);
        let feed = profile.feeds.feeds.iter().find(|feed| !feed.office_name.is_empty()).expect("an office");
        let referred = Row { referring_office: feed.office.clone(), landing_page: "/x".into(), ..row("") };
        assert_eq!(looking.row(&referred).source_note, feed.office_name);
        let form = Row { landing_page: "/second-opinion".into(), ..row("") };
        assert_eq!(looking.row(&form).source_note, "/second-opinion");
        assert_eq!(
            (looking.row(&row("")).source_note.as_str(), looking.row(&form).team.as_str()),
            ("", "Breast care team")
        );
    }

    #[test]
    fn a_view_keeps_what_is_chosen_and_shows_its_count() {
        let profile = harbor_valley();
        let query = HashMap::from([("team", "breast"), ("next", "call_back"), ("owner", "nobody&x=1"), ("site", "")]);
        let chosen = Chosen::read(&profile, |name| query.get(name).copied().unwrap_or_default());
        let wanted = Chosen { team: "breast".into(), next_action: "call_back".into(), ..Chosen::default() };
        assert_eq!(chosen, wanted, "a word that is none of the choices is left out");
        let tabs = tabs(&[ViewCount { view: "late".into(), count: 3 }], "late", &chosen);
        let late = tabs.iter().find(|tab| tab.current).expect("current");
        assert_eq!((late.count, late.url.as_str()), (3, "/worklist?view=late&team=breast&next=call_back"));
        let shown = filters(&profile, "all", &chosen);
        let selected =
            |filter: &Filter| filter.options.iter().find(|option| option.selected).map(|one| one.label.clone());
        assert_eq!(selected(&shown[0]).as_deref(), Some("Breast care team"));
        assert_eq!(selected(&shown[4]).as_deref(), Some("Everybody"));
        assert_eq!(filters(&profile, "closed", &chosen).len(), 1);
    }
}
