//! From a bundle to a profile: each file is read on its own, so that one fault does not hide the others.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::bundle::Bundle;
use super::center::{Center, Hours};
use super::template::{self, template_path};
use super::{Feeds, Profile, Programs, Teams, check, check_audits, check_forms, check_routing, check_texts};
use crate::calendar::{Calendar, Interval};
use crate::distance::Places;
use crate::fault::{Fault, Place, read_toml};
use crate::form::Form;
use crate::quality_audit::QualityAudits;
use crate::routing::{Known, Table};
use crate::script::{Script, Scripts};

/// The files that every profile has, besides forms, scripts and templates.
pub(super) const SINGLE_FILES: [&str; 12] = [
    "center.toml",
    "programs.toml",
    "teams.toml",
    "routing.csv",
    "places.csv",
    "records.toml",
    "intake.toml",
    "booking.toml",
    "cadences.toml",
    "audits.toml",
    "feeds.toml",
    "retention.toml",
];

/// The profile, where its files hold enough to make one, and every fault that was found.
pub(super) fn profile(bundle: &Bundle) -> (Option<Profile>, Vec<Fault>) {
    let mut faults = Vec::new();
    unknown_files(bundle, &mut faults);
    let center: Option<Center> = single(bundle, "center.toml", &mut faults);
    let programs: Option<Programs> = single(bundle, "programs.toml", &mut faults);
    let teams: Option<Teams> = single(bundle, "teams.toml", &mut faults);
    let scripts = scripts(bundle, &mut faults);
    let forms = forms(bundle, &mut faults);
    let templates = template::read_all(bundle, &mut faults);
    let checklists = single(bundle, "records.toml", &mut faults);
    let note = single(bundle, "intake.toml", &mut faults);
    let booking = single(bundle, "booking.toml", &mut faults);
    let cadences = single(bundle, "cadences.toml", &mut faults);
    let audits = match bundle.place("audits.toml") {
        Some(_) => single(bundle, "audits.toml", &mut faults),
        None => Some(QualityAudits::default()),
    };
    let feeds: Option<Feeds> = single(bundle, "feeds.toml", &mut faults);
    let retention = single(bundle, "retention.toml", &mut faults);
    let calendars = match (&center, &teams) {
        (Some(center), Some(teams)) => calendars(bundle, center, teams, &mut faults),
        _ => None,
    };
    let shifts = match (&center, &teams) {
        (Some(center), Some(teams)) => shifts(bundle, center, teams, &mut faults),
        _ => BTreeMap::new(),
    };
    let places = match (&center, bundle.place("places.csv")) {
        (Some(center), Some(place)) => Places::read(place, &center.sites, &mut faults),
        _ => Places::default(),
    };
    let routing = match (&center, &programs, &teams, &feeds) {
        (Some(center), Some(programs), Some(teams), Some(feeds)) => {
            let known = check_routing::known((center, &places), programs, teams, &scripts, feeds);
            routing(bundle, &known, &mut faults)
        }
        _ => None,
    };
    let assembled = (|| {
        let (calendar, site_calendars, team_calendars) = calendars?;
        Some(Profile {
            revision: bundle.revision(),
            center: center?,
            programs: programs?,
            teams: teams?,
            routing: routing?,
            places,
            forms,
            scripts,
            checklists: checklists?,
            note: note?,
            booking: booking?,
            cadences: cadences?,
            audits: audits?,
            feeds: feeds?,
            retention: retention?,
            templates,
            calendar,
            site_calendars,
            shifts,
            team_calendars,
        })
    })();
    if let Some(profile) = &assembled {
        check::whole(profile, bundle, &mut faults);
        check_routing::whole(profile, bundle, &mut faults);
        check_texts::whole(profile, bundle, &mut faults);
        check_forms::whole(profile, bundle, &mut faults);
        check_audits::whole(profile, bundle, &mut faults);
    }
    faults.sort();
    faults.dedup();
    (assembled, faults)
}

fn missing_file(path: &str) -> Fault {
    Fault {
        file: path.to_owned(),
        line: 1,
        what: "the file is missing".into(),
        remedy: "add it; see the same file of a demo center".into(),
        example: None,
    }
}

fn single<T: DeserializeOwned>(bundle: &Bundle, path: &str, faults: &mut Vec<Fault>) -> Option<T> {
    let Some(place) = bundle.place(path) else {
        faults.push(missing_file(path));
        return None;
    };
    read_toml(place, faults)
}

fn unknown_files(bundle: &Bundle, faults: &mut Vec<Fault>) {
    let known = |path: &str| {
        SINGLE_FILES.contains(&path)
            || (path.starts_with("forms/") && path.ends_with(".toml"))
            || (path.starts_with("scripts/") && path.ends_with(".md"))
            || template_path(path).is_some()
    };
    for path in bundle.files.keys().filter(|path| !known(path)) {
        let place = Place { file: path, text: "" };
        faults.push(place.at(
            1,
            "this file belongs to no part of a profile",
            "rename it as in a demo center, or remove it",
        ));
    }
}

fn scripts(bundle: &Bundle, faults: &mut Vec<Fault>) -> Scripts {
    let mut scripts = Vec::new();
    for (path, text) in bundle.files.iter().filter(|(path, _)| path.starts_with("scripts/")) {
        match Script::parse(Place { file: path, text }) {
            Ok(script) => scripts.push(script),
            Err(found) => faults.extend(found),
        }
    }
    Scripts(scripts)
}

fn forms(bundle: &Bundle, faults: &mut Vec<Fault>) -> BTreeMap<String, Form> {
    let mut forms = BTreeMap::new();
    for (path, text) in bundle.files.iter().filter(|(path, _)| path.starts_with("forms/")) {
        let place = Place { file: path, text };
        let Some(form): Option<Form> = read_toml(place, faults) else { continue };
        if *path != format!("forms/{}.toml", form.id) {
            faults.push(place.near(
                &form.id,
                format!("the form calls itself \"{}\"", form.id),
                "give the file and its id the same name",
            ));
        }
        forms.insert(form.id.clone(), form);
    }
    forms
}

fn routing(bundle: &Bundle, known: &Known, faults: &mut Vec<Fault>) -> Option<Table> {
    let Some(text) = bundle.files.get("routing.csv") else {
        faults.push(missing_file("routing.csv"));
        return None;
    };
    Table::parse("routing.csv", text, known).map_err(|found| faults.extend(found)).ok()
}

/// The center's calendar, those of sites and those of teams with hours of their own.
type Calendars = (Calendar, BTreeMap<String, Calendar>, BTreeMap<String, Calendar>);

/// All calendars of a center share the zone, the holidays and the closed days.
fn calendars(bundle: &Bundle, center: &Center, teams: &Teams, faults: &mut Vec<Fault>) -> Option<Calendars> {
    let place = bundle.place("center.toml")?;
    if let Err(what) = Calendar::new(&center.time_zone) {
        faults.push(place.near(&center.time_zone, what, "see the IANA time zone list"));
    }
    let base = closed_calendar(center)?;
    let own = with_hours(base.clone(), &center.hours, place, faults);
    let sites = center.sites.iter().map(|site| (&site.id, &site.hours));
    let sites = each_with_hours(&base, sites, place, faults);
    let teams = teams.teams.iter().map(|team| (&team.id, &team.hours));
    let teams = each_with_hours(&base, teams, bundle.place("teams.toml")?, faults);
    Some((own, sites, teams))
}

/// Calendars of those that have hours of their own.
fn each_with_hours<'a>(
    base: &Calendar,
    all: impl Iterator<Item = (&'a String, &'a Option<Hours>)>,
    place: Place<'_>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, Calendar> {
    let own = all.filter_map(|(id, hours)| Some((id, hours.as_ref()?)));
    own.map(|(id, hours)| (id.clone(), with_hours(base.clone(), hours, place, faults))).collect()
}

/// The duty of those who have shifts of their own; the center's holidays and closed days hold for them too.
fn shifts(bundle: &Bundle, center: &Center, teams: &Teams, faults: &mut Vec<Fault>) -> BTreeMap<String, Calendar> {
    let (Some(place), Some(base)) = (bundle.place("teams.toml"), closed_calendar(center)) else {
        return BTreeMap::new();
    };
    teams
        .staff
        .iter()
        .filter_map(|staff| Some((staff.id.clone(), with_hours(base.clone(), staff.shifts.as_ref()?, place, faults))))
        .collect()
}

/// The center's zone, holidays and closed days, without any hours.
fn closed_calendar(center: &Center) -> Option<Calendar> {
    let base = Calendar::new(&center.time_zone).ok()?;
    let base = center.holidays.iter().fold(base, |calendar, holiday| calendar.with_holiday(*holiday));
    Some(center.closed.iter().fold(base, |calendar, closed| calendar.with_closed_day(closed.date, &closed.name)))
}

fn with_hours(mut calendar: Calendar, hours: &Hours, place: Place<'_>, faults: &mut Vec<Fault>) -> Calendar {
    for (day, openings) in hours {
        for opening in openings {
            match Interval::parse(opening) {
                Ok(interval) => calendar = calendar.with_hours((*day).into(), interval),
                Err(what) => faults.push(place.near(opening, what, "correct the opening")),
            }
        }
    }
    if !calendar.ever_opens() {
        faults.push(place.near("hours", "these hours never open", "give at least one weekday an opening"));
    }
    calendar
}
