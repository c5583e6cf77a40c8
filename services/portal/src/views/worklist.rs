//! The worklist's rows from what the desk and ingestion answer.
//!
//! Names are laid over the rows only for who may read them; everybody else sees request numbers. Deliberately not here:
//! the order of the rows, which the desk decides.

use std::collections::HashMap;

use causeway_funnel::inquiry::ConsultType;
use causeway_funnel::next_action::NextAction;
use causeway_funnel::profile::Profile;
use causeway_funnel::stillness::PauseReason;
use causeway_proto::convert::{
    area_from_wire, channel_from_wire, consult_type_from_wire, optional_instant, source_from_wire,
};
use causeway_proto::inquiry::v1::{LinksOfInquiry, Person, PersonLink, Stay};
use causeway_proto::intake::v1::{ViewCount, WorkRow as Row};
use jiff::{SignedDuration, Timestamp};

use super::inquiry::look_first;
use super::there::{There, Welcome};
use super::times;
use crate::centers::InForce;
use crate::pages::{Clock, ClockState, Filter, RowAction, SelectOption, Tone, ViewTab, WorkRow};
use crate::words::EN;

const SOON: SignedDuration = SignedDuration::from_mins(30);

/// The view of what waits for a reviewer, which reviewers get first.
pub const TO_REVIEW: &str = "to_review";

/// The views and what they are called.
pub const VIEWS: [(&str, &str); 7] = [
    ("all", "All open"),
    ("mine", "Mine"),
    ("unclaimed", "Unclaimed"),
    ("late", "Late"),
    ("due_today", "Due today"),
    (TO_REVIEW, "To review"),
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
    /// Who may be the same person as that of a row; empty where people may not be read.
    pub links: &'a [LinksOfInquiry],
    /// The centers of the installation, for the names of sisters.
    pub centers: &'a [InForce],
}

/// What to look at before anybody calls: a death or a withdrawal before a change.
fn first(person: &Person) -> Option<&'static str> {
    let said: Vec<_> = person.waiting.iter().filter_map(look_first).collect();
    said.iter().find(|(_, tone)| *tone == Tone::Bad).or(said.first()).map(|(said, _)| *said)
}

impl Looking<'_> {
    /// The next action, with which step it is about where it is about one.
    fn next_step(&self, row: &Row) -> String {
        let action: NextAction = row.next_action.parse().unwrap_or(NextAction::Nothing);
        let kind = match action {
            NextAction::AwaitNextStep | NextAction::ConfirmNextStep => row.next_step.as_str(),
            NextAction::FollowUpMissedStep => &row.missed_step,
            _ => "",
        };
        let kind = self.profile.booking.next_step(kind);
        let words = action.label("en");
        kind.map_or_else(|| words.to_owned(), |kind| format!("{words}: {}", kind.label.get("en")))
    }

    /// A row.
    pub fn row(&self, row: &Row) -> WorkRow {
        let person = self.people.get(&row.inquiry_id);
        WorkRow {
            url: format!("/inquiries/{}", row.inquiry_id),
            clock: self.clock(row),
            who: person.map(who).filter(|name| !name.is_empty()).unwrap_or_else(|| row.reference.clone()),
            who_note: self.who_note(row, person),
            first: person.and_then(first),
            twin: self.twin(&row.inquiry_id),
            need: consult_type_from_wire(row.consult_type()).label("en").to_owned(),
            need_note: area_from_wire(row.cancer_area()).label("en").to_owned(),
            next_step: self.next_step(row),
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
            records_note: if row.review_since == 0 { self.waiting(row) } else { self.reviewing(row) },
            owner: owner(self.profile, &row.owner),
            mark: if row.bounced {
                Some("From team to team")
            } else if late_since(row.review_due_at, self.now, self.profile).is_some() {
                Some("Review late")
            } else {
                is_escalated(row.escalated, row.attempts, &row.clock_state).then_some("Escalated")
            },
            actions: self.actions(row),
            id: row.inquiry_id.clone(),
        }
    }

    /// When something is due, or why nobody is to be called for the time being.
    fn clock(&self, row: &Row) -> Clock {
        let pause = (row.pause_reason.as_str(), row.paused_since, row.paused_until);
        paused(pause, self.profile).unwrap_or_else(|| clock(row.due_at, self.now, self.profile))
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

    /// That the person may have asked before, where nobody has said yet whether it is so.
    fn twin(&self, inquiry: &str) -> Option<String> {
        let links = &self.links.iter().find(|links| links.inquiry_id == inquiry)?.links;
        let is_likely =
            |link: &&PersonLink| link.state == "open" && matches!(link.strength.as_str(), "certain" | "likely");
        let mut open = links.iter().filter(is_likely);
        let surest = open.next()?;
        let more = match open.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("May be the same person as {}{more}", surest.reference))
    }

    /// When a call is welcome, and whether it is at the person's place now.
    fn channel_note(&self, row: &Row) -> String {
        let best: causeway_funnel::inquiry::BestTime = row.best_time.parse().unwrap_or_default();
        let welcome = match There::at(self.now, (&row.time_zone, &row.best_time), self.profile).welcome {
            Welcome::Now => "OK now",
            Welcome::NotPreferred => "not their preferred time now",
            Welcome::Quiet => "quiet hours now",
        };
        format!("{} – {welcome}", best.label("en"))
    }

    /// What was asked for, of whom, and since which day.
    fn waiting(&self, row: &Row) -> String {
        let Some(since) = times::zoned(row.waiting_since, self.profile.zone()) else { return String::new() };
        let day = EN.dates.day(since.date());
        // The day that ends then.
        let promised = times::zoned(row.promised_at.saturating_sub(1), self.profile.zone());
        let promised = promised.filter(|_| row.promised_at != 0);
        let promised = promised.map(|at| format!(", promised for {}", EN.dates.day(at.date()))).unwrap_or_default();
        match row.waiting_for.as_slice() {
            [] => String::new(),
            [one] => format!("Waiting for {one} since {day}{promised}"),
            [first, rest @ ..] => format!("Waiting for {first} and {} more since {day}{promised}", rest.len()),
        }
    }

    /// Since when the records wait for a reviewer, whether they are late, and what came.
    fn reviewing(&self, row: &Row) -> String {
        let since = times::zoned(row.review_since, self.profile.zone());
        let since = since.map(|since| format!("Waits for review since {}", times::short(&since, &EN)));
        let late = late_since(row.review_due_at, self.now, self.profile);
        let came = (!row.came.is_empty()).then(|| format!("Came: {}", row.came.join("; ")));
        [late, since, came].into_iter().flatten().collect::<Vec<_>>().join(". ")
    }

    /// The sister center that handed it over and since when the person waits; the office that refers, by its name; or else the page
    /// from which the form was reached.
    fn from(&self, row: &Row) -> String {
        if let (Some(first), Some(last)) = (row.stays.first(), row.stays.last()) {
            return self.origin(first, last);
        }
        let office = self.profile.feeds.feeds.iter().find(|feed| feed.office == row.referring_office);
        match office.map(|feed| &feed.office_name).filter(|name| !name.is_empty()) {
            Some(name) => name.clone(),
            None if !row.referring_office.is_empty() => row.referring_office.clone(),
            None => row.landing_page.clone(),
        }
    }

    fn origin(&self, first: &Stay, last: &Stay) -> String {
        let known = self.centers.iter().find(|center| center.1.center.id == last.center);
        let name = known.map_or(last.center.as_str(), |center| center.1.center.short_name.as_str());
        match times::zoned(first.received_at, self.profile.zone()) {
            Some(since) => format!("From {name}, waiting since {}", EN.dates.day(since.date())),
            None => format!("From {name}"),
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
            // Whose turn it is has not begun.
            _ if row.chosen => vec![action("Claim", "claim", false)],
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

/// "Review late since Thu, March 4, 10 am"; none where it is not late.
pub fn late_since(due_at: i64, now: Timestamp, profile: &Profile) -> Option<String> {
    let due = times::zoned(due_at, profile.zone()).filter(|due| due.timestamp() < now)?;
    Some(format!("Review late since {}", times::short(&due, &EN)))
}

/// Somebody was told that first contact is due, and it is still to be tried.
pub fn is_escalated(levels: i32, attempts: i32, clock_state: &str) -> bool {
    levels > 0 && attempts == 0 && matches!(clock_state, "pending" | "soon" | "late")
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

/// The response clock where it stands still: why, since when, and until when at most.
pub fn paused((reason, since, until): (&str, i64, i64), profile: &Profile) -> Option<Clock> {
    let at = |micros| times::zoned(micros, profile.zone());
    let (since, until) = (at(since)?, at(until)?);
    let reason: PauseReason = reason.parse().unwrap_or(PauseReason::Other);
    Some(Clock {
        state: ClockState::Paused,
        text: format!("Paused: {}", reason.label("en").to_lowercase()),
        at: format!("Since {}, until {}", times::short(&since, &EN), times::short(&until, &EN)),
    })
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

/// The views with their counts; each keeps what is chosen. `is_reviewer`: what waits for a review stands first.
pub fn tabs(counts: &[ViewCount], current: &str, chosen: &Chosen, is_reviewer: bool) -> Vec<ViewTab> {
    let count = |view: &str| counts.iter().find(|count| count.view == view);
    let mut views = VIEWS;
    if is_reviewer {
        // The others keep their order.
        views.sort_by_key(|(view, _)| *view != TO_REVIEW);
    }
    let tabs = views.iter().map(|(view, label)| ViewTab {
        label: (*label).to_owned(),
        count: count(view).map_or(0, |count| u64::try_from(count.count).unwrap_or_default()),
        more: count(view).is_some_and(|count| count.more),
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
#[path = "worklist_tests.rs"]
mod tests;
