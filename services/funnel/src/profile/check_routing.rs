//! The routing table against the rest of a profile: proved as a whole, and staffed as its rows and teams promise.
//!
//! A row promises that at every open minute of its place somebody of its team is there who is given inquiries, speaks each
//! language that the team answers in and that the row names, and knows what the row asks for. Holidays and closed days hold
//! for places and people alike, so a week is enough to prove it. Deliberately not here: who of them gets an inquiry.

use std::collections::BTreeSet;

use jiff::civil::Weekday;

use super::bundle::Bundle;
use super::{FeedKind, Feeds, Profile, Programs, Staff, Team, Teams, center::Center};
use crate::calendar::Interval;
use crate::distance::Places;
use crate::fault::{Fault, Place};
use crate::routing::{Condition, Known, Row, Table, prove};
use crate::script::Scripts;

const WEEK: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Mondays"),
    (Weekday::Tuesday, "Tuesdays"),
    (Weekday::Wednesday, "Wednesdays"),
    (Weekday::Thursday, "Thursdays"),
    (Weekday::Friday, "Fridays"),
    (Weekday::Saturday, "Saturdays"),
    (Weekday::Sunday, "Sundays"),
];

/// The names that a table may use.
pub(super) fn known(
    (center, places): (&Center, &Places),
    programs: &Programs,
    teams: &Teams,
    scripts: &Scripts,
    feeds: &Feeds,
) -> Known {
    let located = center.sites.iter().filter(|site| site.latitude.is_some() && !places.is_empty());
    let offices = feeds.feeds.iter().filter(|feed| feed.kind != FeedKind::Phone);
    let answering = teams.staff.iter().filter(|staff| staff.answers_inquiries());
    Known {
        programs: programs.programs.iter().map(|program| program.id.clone()).collect(),
        program_sites: programs
            .programs
            .iter()
            .map(|program| (program.id.clone(), program.sites.iter().cloned().collect()))
            .collect(),
        teams: teams.teams.iter().map(|team| team.id.clone()).collect(),
        trial_teams: teams.teams.iter().filter(|team| team.trial).map(|team| team.id.clone()).collect(),
        sites: center.sites.iter().map(|site| site.id.clone()).collect(),
        located: located.map(|site| site.id.clone()).collect(),
        languages: center.languages.iter().cloned().collect(),
        scripts: scripts.0.iter().map(|script| script.id.clone()).collect(),
        skills: answering.flat_map(|staff| staff.skills.iter().cloned()).collect(),
        offices: offices.map(|feed| feed.office.clone()).collect(),
        campaigns: center.attribution.campaigns.iter().cloned().collect(),
    }
}

pub(super) fn whole(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    if let Some(place) = bundle.place("routing.csv") {
        faults.extend(profile.proof(place, &profile.routing));
    }
}

impl Profile {
    fn known(&self) -> Known {
        known((&self.center, &self.places), &self.programs, &self.teams, &self.scripts, &self.feeds)
    }

    /// Reads another table and proves it with all else of this profile.
    ///
    /// # Errors
    /// Every fault, with line, remedy, and an inquiry that shows it.
    pub fn propose(&self, file: &str, text: &str) -> Result<Table, Vec<Fault>> {
        let table = Table::parse(file, text, &self.known())?;
        let faults = self.proof(Place { file, text }, &table);
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    /// What the proof finds in the table of this profile.
    #[must_use]
    pub fn routing_faults(&self) -> Vec<Fault> {
        self.proof(Place { file: "routing.csv", text: "" }, &self.routing)
    }

    fn proof(&self, place: Place<'_>, table: &Table) -> Vec<Fault> {
        let mut faults = prove(place, table, &self.known());
        let mut seen = BTreeSet::new();
        for (number, row) in table.rows.iter().enumerate() {
            let Some(team) = self.team(&row.team) else { continue };
            for promise in self.promises(table, number, row, team) {
                if seen.insert(promise.clone()) {
                    faults.extend(self.unstaffed(&promise).map(|told| told.fault(place, row, &promise)));
                }
            }
        }
        faults
    }

    /// What a row promises: each place at which its inquiries can be answered, with each language.
    fn promises<'a>(&'a self, table: &'a Table, number: usize, row: &'a Row, team: &'a Team) -> Vec<Promise<'a>> {
        let sites = self.center.sites.iter().map(|site| site.id.as_str());
        let places: Vec<Option<&str>> = match &row.to_site {
            Some(site) => vec![Some(site)],
            None => sites
                .filter(|site| table.takes(number, Condition::Site, site))
                .map(Some)
                .chain(table.takes(number, Condition::Site, "none").then_some(None))
                .collect(),
        };
        let first = [self.default_language().to_owned()];
        let answered = if team.languages.is_empty() { &first[..] } else { &team.languages };
        let center = self.center.languages.iter().map(String::as_str);
        let languages: Vec<&str> = center
            .filter(|language| {
                let promised = answered.iter().any(|one| one == language);
                let named = table.named(number, Condition::Language).any(|one| one == *language);
                named || (promised && table.takes(number, Condition::Language, language))
            })
            .collect();
        let promise = |place, language| Promise { team: &team.id, skills: &row.skills, place, language };
        places.iter().flat_map(|place| languages.iter().map(move |language| promise(*place, *language))).collect()
    }

    /// The first stretch of the week in which nobody is there for a promise.
    fn unstaffed(&self, promise: &Promise<'_>) -> Option<Unstaffed> {
        let fit: Vec<&Staff> = self.staff_of(promise.team).filter(|staff| promise.is_kept_by(staff)).collect();
        if fit.is_empty() {
            return Some(Unstaffed::Never);
        }
        let open = self.team_calendar(promise.team, promise.place);
        WEEK.iter().find_map(|(weekday, name)| {
            let mut duty: Vec<Interval> =
                fit.iter().flat_map(|staff| self.duty(&staff.id).hours_on(*weekday).iter().copied()).collect();
            duty.sort_unstable();
            let (from, to) = open.hours_on(*weekday).iter().find_map(|hours| beside(*hours, &duty))?;
            Some(Unstaffed::Then { day: name, from, to })
        })
    }
}

/// Somebody of a team who speaks a language and has the skills is there while a place is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Promise<'a> {
    team: &'a str,
    skills: &'a [String],
    /// Site id; none: the center's own hours.
    place: Option<&'a str>,
    language: &'a str,
}

impl Promise<'_> {
    fn is_kept_by(&self, staff: &Staff) -> bool {
        staff.answers_inquiries()
            && staff.languages.iter().any(|spoken| spoken == self.language)
            && self.skills.iter().all(|skill| staff.skills.contains(skill))
    }
}

/// When nobody is there, in minutes after midnight.
enum Unstaffed {
    Never,
    Then { day: &'static str, from: u16, to: u16 },
}

impl Unstaffed {
    fn fault(&self, place: Place<'_>, row: &Row, promise: &Promise<'_>) -> Fault {
        let Promise { team, skills, language, .. } = promise;
        let knows =
            if skills.is_empty() { String::new() } else { format!(" and has the skills {}", skills.join(", ")) };
        let at = promise.place.unwrap_or("the center");
        let who = format!("nobody of team \"{team}\" who speaks \"{language}\"{knows}");
        let (what, when) = match self {
            Self::Never => (format!("row \"{}\": there is {who}", row.name), "at any time".to_owned()),
            Self::Then { day, from, to } => {
                let (from, to) = (clock(*from), clock(*to));
                let what =
                    format!("row \"{}\": {who} is on duty on {day} from {from} to {to}, while {at} is open", row.name);
                (what, format!("on {day} at {from}"))
            }
        };
        let remedy = "add them or their shifts in teams.toml, or change the team's languages, the row or the hours";
        let example = format!("an inquiry in \"{language}\" {when}, to be answered at {at}");
        place.at(row.line, what, remedy).such_as(example)
    }
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The first stretch of `hours` that none of the sorted intervals takes.
fn beside(hours: Interval, duty: &[Interval]) -> Option<(u16, u16)> {
    let (mut from, to) = hours.bounds();
    for (begin, end) in duty.iter().map(|one| one.bounds()) {
        if begin > from {
            return (from < to).then(|| (from, to.min(begin)));
        }
        from = from.max(end);
    }
    (from < to).then_some((from, to))
}
