//! Checks between the files of a profile: every name that one file uses exists in another, and nothing is left open.

use std::collections::BTreeSet;

use jiff::civil::Time;

use super::bundle::Bundle;
use super::{EscalateTo, Profile, Site, Team, campaigns, check_feeds};
use crate::booking::{Day, Fits, SlotTemplate};
use crate::cadence::{CadenceStatus, StepFrom};
use crate::fault::{Fault, Place};
use crate::next_step::{self, NextStepKind};

/// The longest next step in minutes: half a working day.
const LONGEST_STEP: u32 = 240;

/// Collects faults that point into one file.
pub(super) struct In<'a, 'f> {
    place: Place<'a>,
    faults: &'f mut Vec<Fault>,
}

impl<'a, 'f> In<'a, 'f> {
    pub(super) fn file(bundle: &'a Bundle, path: &'a str, faults: &'f mut Vec<Fault>) -> Self {
        Self { place: bundle.place(path).unwrap_or(Place { file: path, text: "" }), faults }
    }

    pub(super) fn unless(&mut self, fine: bool, near: &str, what: impl Into<String>, remedy: impl Into<String>) {
        if !fine {
            self.faults.push(self.place.near(near, what, remedy));
        }
    }

    pub(super) fn known(&mut self, names: &BTreeSet<&str>, word: &str, name: &str) {
        let remedy = match names.is_empty() {
            true => format!("the profile has no {word} at all; add it, or the folder that is missing"),
            false => format!("use one of: {}", names.iter().copied().collect::<Vec<_>>().join(", ")),
        };
        self.unless(names.contains(name), name, format!("{word} \"{name}\" does not exist"), remedy);
    }

    pub(super) fn once<'n>(&mut self, word: &str, names: impl IntoIterator<Item = &'n str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            self.unless(seen.insert(name), name, format!("{word} \"{name}\" occurs twice"), "give each its own name");
        }
    }

    fn ends_with_any<'n>(&mut self, word: &str, mut all: impl DoubleEndedIterator<Item = &'n Fits>) {
        let fine = all.next_back().is_some_and(Fits::is_any);
        self.unless(
            fine,
            word,
            format!("the last {word} does not take every inquiry"),
            format!("add a last [[{word}]] without fits"),
        );
    }
}

pub(super) fn whole(profile: &Profile, bundle: &Bundle, faults: &mut Vec<Fault>) {
    let sites: BTreeSet<&str> = profile.center.sites.iter().map(|site| site.id.as_str()).collect();
    center(profile, &mut In::file(bundle, "center.toml", faults));
    programs(profile, &sites, &mut In::file(bundle, "programs.toml", faults));
    teams(profile, &mut In::file(bundle, "teams.toml", faults));
    records(profile, &mut In::file(bundle, "records.toml", faults));
    intake(profile, &mut In::file(bundle, "intake.toml", faults));
    booking(profile, &sites, &mut In::file(bundle, "booking.toml", faults));
    cadences(profile, &mut In::file(bundle, "cadences.toml", faults));
    check_feeds::feeds(profile, &mut In::file(bundle, "feeds.toml", faults));
    retention(profile, &mut In::file(bundle, "retention.toml", faults));
}

/// A slug: it becomes part of addresses and of message subjects.
pub(super) fn is_slug(text: &str) -> bool {
    (2..=31).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// An origin as browsers tell it: encrypted, and without a path.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "8443"));
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    // The usual port is never told.
    name.contains('.') && name.bytes().all(is_name) && port != "443" && port.parse::<u16>().is_ok()
}

fn center(profile: &Profile, file: &mut In<'_, '_>) {
    let center = &profile.center;
    file.unless(
        is_slug(&center.id),
        &center.id,
        format!("id \"{}\" is no slug", center.id),
        "use small letters, digits and hyphens",
    );
    for origin in &center.allowed_origins {
        file.unless(
            is_origin(origin),
            origin,
            format!("\"{origin}\" is no origin of a web site"),
            "write https:// and the host in small letters, and nothing behind it: https://www.example.org",
        );
    }
    for (name, sisters) in [("hands_to", &center.sisters.hands_to), ("takes_from", &center.sisters.takes_from)] {
        file.once(name, sisters.iter().map(String::as_str));
        for sister in sisters {
            file.unless(
                is_slug(sister) && *sister != center.id,
                sister,
                format!("\"{sister}\" in {name} is no sister center"),
                "use the ids of other centers of this installation, as in their center.toml",
            );
        }
    }
    let prefix_fine =
        (1..=4).contains(&center.prefix.len()) && center.prefix.bytes().all(|byte| byte.is_ascii_uppercase());
    file.unless(prefix_fine, &center.prefix, "the prefix is not 1 to 4 capital letters", "shorten it, such as HV");
    file.unless(
        !center.languages.is_empty(),
        "languages",
        "the center has no language",
        "list at least one, such as \"en\"",
    );
    file.unless(!center.sites.is_empty(), "site", "the center has no site", "add a [[site]]");
    file.once("site", center.sites.iter().map(|site: &Site| site.id.as_str()));
    for site in &center.sites {
        file.unless(
            is_slug(&site.id),
            &site.id,
            format!("site id \"{}\" is no slug", site.id),
            "use small letters, digits and hyphens",
        );
        let is_placed = match (site.latitude, site.longitude) {
            (None, None) => true,
            (Some(latitude), Some(_)) => latitude.is_latitude(),
            _ => false,
        };
        file.unless(
            is_placed,
            &site.id,
            format!("site \"{}\" is at no place on the earth", site.id),
            "give it both, a latitude from -90 to 90 and a longitude from -180 to 180, or neither",
        );
    }
    for (list, words) in center.attribution.lists() {
        for word in words {
            file.unless(
                campaigns::is_listable(word),
                if word.is_empty() { list } else { word },
                format!("\"{word}\" can not stand in the list {list}"),
                "use up to 60 small letters, digits, dots, hyphens and underscores, and not the word other",
            );
        }
        file.once(list, words.iter().map(String::as_str));
    }
    for colour in center.theme.unreadable() {
        file.unless(
            false,
            colour,
            format!("text cannot be read on the colour {colour}"),
            "choose a colour with a contrast of at least 4.5",
        );
    }
    for (name, minutes) in [
        ("try_again_minutes", center.targets.try_again_minutes),
        ("complete_intake_minutes", center.targets.complete_intake_minutes),
        ("gather_records_minutes", center.targets.gather_records_minutes),
        ("review_records_minutes", center.targets.review_records_minutes),
        ("offer_dates_minutes", center.targets.offer_dates_minutes),
        ("confirm_attendance_minutes", center.targets.confirm_attendance_minutes),
        ("follow_up_no_show_minutes", center.targets.follow_up_no_show_minutes),
        ("attempts_before_unreachable", center.targets.attempts_before_unreachable),
    ] {
        file.unless(minutes > 0, name, format!("{name} is zero"), "set a number above zero");
    }
}

fn programs(profile: &Profile, sites: &BTreeSet<&str>, file: &mut In<'_, '_>) {
    file.once("program", profile.programs.programs.iter().map(|program| program.id.as_str()));
    for program in &profile.programs.programs {
        program.sites.iter().for_each(|site| file.known(sites, "site", site));
    }
    let entries = &profile.programs.out_of_scope;
    file.once("[[out_of_scope]] entry", entries.iter().map(|entry| entry.id.as_str()));
    for entry in entries {
        file.unless(
            is_slug(&entry.id),
            &entry.id,
            format!("out_of_scope id \"{}\" is no slug", entry.id),
            "use small letters, digits and hyphens; figures count by it",
        );
        for place in &entry.places {
            file.unless(
                !place.name.trim().is_empty() && place.phone.chars().any(|sign| sign.is_ascii_digit()),
                &place.phone,
                format!("a place of \"{}\" lacks its name or its phone", entry.id),
                "people are told to call it; give it a name and a phone",
            );
        }
        file.unless(
            entry.fits.as_ref().is_none_or(|fits| !fits.is_any()),
            &entry.id,
            format!("\"{}\" takes every inquiry out of scope", entry.id),
            "name its consult types or cancer areas",
        );
        file.unless(
            !entry.places.is_empty(),
            &entry.id,
            format!("\"{}\" names no place to go instead", entry.id),
            "add a [[out_of_scope.place]]",
        );
    }
}

fn teams(profile: &Profile, file: &mut In<'_, '_>) {
    let teams: BTreeSet<&str> = profile.teams.teams.iter().map(|team| team.id.as_str()).collect();
    let staff: BTreeSet<&str> = profile.teams.staff.iter().map(|staff| staff.id.as_str()).collect();
    let languages: BTreeSet<&str> = profile.center.languages.iter().map(String::as_str).collect();
    file.once("team", profile.teams.teams.iter().map(|team| team.id.as_str()));
    file.once("staff member", profile.teams.staff.iter().map(|staff| staff.id.as_str()));
    for team in &profile.teams.teams {
        file.unless(
            is_slug(&team.id),
            &team.id,
            format!("team id \"{}\" is no slug", team.id),
            "use small letters, digits and hyphens",
        );
        file.unless(
            profile.staff_of(&team.id).next().is_some(),
            &team.id,
            format!("team \"{}\" has no staff", team.id),
            "add its name to the teams of a [[staff]] entry",
        );
        file.known(&staff, "staff member", &team.escalate_to);
        team.languages.iter().for_each(|language| file.known(&languages, "language", language));
        escalation(team, &teams, file);
    }
    for member in &profile.teams.staff {
        member.teams.iter().for_each(|team| file.known(&teams, "team", team));
        file.unless(
            !member.roles.is_empty(),
            &member.id,
            format!("staff member \"{}\" has no role", member.id),
            "add at least one role",
        );
        file.unless(
            member.capacity != Some(0),
            &member.id,
            format!("staff member \"{}\" may hold no inquiry at all", member.id),
            "leave capacity out for no limit, or take the teams away from who answers nobody",
        );
    }
    let offered: BTreeSet<&str> =
        profile.teams.staff.iter().flat_map(|staff| staff.languages.iter().map(String::as_str)).collect();
    for language in &profile.center.languages {
        file.unless(
            offered.contains(language.as_str()),
            "staff",
            format!("nobody on the staff speaks \"{language}\""),
            "add the language to a staff member or take it from the center",
        );
    }
}

fn escalation(team: &Team, teams: &BTreeSet<&str>, file: &mut In<'_, '_>) {
    for (word, levels) in [("escalation", team.escalation()), ("review_escalation", team.review_escalation())] {
        for level in levels {
            if let EscalateTo::Team(other) = &level.to {
                file.known(teams, "team", other);
            }
        }
        file.unless(
            levels.is_sorted_by_key(|level| level.at),
            &team.id,
            format!("the levels of {word} of team \"{}\" do not stand in the order of their times", team.id),
            "put the earliest first",
        );
    }
    file.unless(
        team.untouched_minutes != Some(0),
        &team.id,
        format!("untouched work of team \"{}\" would move on at once", team.id),
        "set untouched_minutes above zero, or leave it out",
    );
}

fn records(profile: &Profile, file: &mut In<'_, '_>) {
    let kinds: BTreeSet<&str> = profile.checklists.documents.iter().map(|document| document.kind.as_str()).collect();
    file.once("document", profile.checklists.documents.iter().map(|document| document.kind.as_str()));
    for line in profile.checklists.checklists.iter().flat_map(|list| &list.lines) {
        file.known(&kinds, "document", &line.kind);
    }
    file.ends_with_any("checklist", profile.checklists.checklists.iter().map(|list| &list.fits));
}

fn intake(profile: &Profile, file: &mut In<'_, '_>) {
    file.once("field", profile.note.fields.iter().map(|field| field.key.as_str()));
    file.unless(!profile.note.fields.is_empty(), "field", "the intake note has no field", "add a [[field]]");
}

fn booking(profile: &Profile, sites: &BTreeSet<&str>, file: &mut In<'_, '_>) {
    let rules = &profile.booking;
    file.ends_with_any("rule", rules.rules.iter().map(|rule| &rule.fits));
    for rule in &rules.rules {
        rule.sites.iter().for_each(|site| file.known(sites, "site", site));
        let near = rule.visit_kind.as_str();
        file.unless(rule.minutes > 0, near, format!("the visit \"{near}\" has no length"), "set minutes above zero");
        file.unless(
            rules.slots_for(rule).next().is_some(),
            near,
            format!("no slot fits the visit \"{near}\" with a {}", rule.clinician_role),
            "add [[slots]] of this visit kind and role, long enough, at one of its sites",
        );
    }
    file.once("next_step", rules.next_steps.iter().map(|kind| kind.id.as_str()));
    rules.next_steps.iter().for_each(|kind| next_step(kind, file));
    for slots in &rules.slots {
        file.known(sites, "site", &slots.site);
        let fine = slots.capacity > 0 && slots.minutes > 0 && !slots.times.is_empty() && !slots.weekdays.is_empty();
        file.unless(
            fine,
            &slots.visit_kind,
            format!("slots for \"{}\" are empty", slots.visit_kind),
            "set weekdays, times, minutes and capacity",
        );
        if let Some((day, time)) = never_offered(profile, slots) {
            file.unless(
                false,
                &slots.visit_kind,
                format!(
                    "the slot for \"{}\" on {day} at {} lies outside the hours of {}, so it is never offered",
                    slots.visit_kind,
                    time.strftime("%H:%M"),
                    slots.site
                ),
                "take it out, make it shorter, or open the site for all of it",
            );
        }
    }
}

/// A day and time at which the site is not open for a whole slot, whatever holidays there are.
fn never_offered(profile: &Profile, slots: &SlotTemplate) -> Option<(Day, Time)> {
    let calendar = profile.calendar(Some(&slots.site));
    let is_open = |day: Day, time: Time| {
        let from = u32::from(time.hour().unsigned_abs()) * 60 + u32::from(time.minute().unsigned_abs());
        let hours = calendar.hours_on(day.into()).iter();
        hours.map(|open| open.shared_with(from, from + slots.minutes)).sum::<u32>() == slots.minutes
    };
    let all = slots.weekdays.iter().flat_map(|day| slots.times.iter().map(move |time| (*day, *time)));
    all.into_iter().find(|(day, time)| !is_open(*day, *time))
}

fn next_step(kind: &NextStepKind, file: &mut In<'_, '_>) {
    let near = kind.id.as_str();
    file.unless(
        next_step::is_id(near),
        near,
        format!("next_step id \"{near}\" is no name for figures"),
        "use small letters, digits and underscores, such as screening_call",
    );
    file.unless(
        (1..=LONGEST_STEP).contains(&kind.minutes),
        near,
        format!("the next step \"{near}\" takes {} minutes", kind.minutes),
        format!("set minutes from 1 to {LONGEST_STEP}; it has to fit into opening hours"),
    );
    for (name, words) in [("label", &kind.label), ("patient", &kind.patient)] {
        file.unless(
            !words.is_empty(),
            near,
            format!("the next step \"{near}\" has no {name}"),
            format!("add {name} = {{ en = \"...\" }}"),
        );
    }
    file.unless(
        kind.steps.iter().all(|step| !step.words.is_empty() && (1..=366).contains(&step.days)),
        near,
        format!("a step that is expected of \"{near}\" has no words or no days"),
        "write each as { words = { en = \"...\" }, days = 3 }, with 1 to 366 days",
    );
}

fn cadences(profile: &Profile, file: &mut In<'_, '_>) {
    let names: BTreeSet<&str> = profile.templates.keys().map(|(_, name)| name.as_str()).collect();
    file.once("cadence", profile.cadences.cadences.iter().map(|cadence| cadence.id.as_str()));
    file.once("cadence for status", profile.cadences.cadences.iter().map(|cadence| cadence.status.as_str()));
    for step in profile.cadences.cadences.iter().flat_map(|cadence| &cadence.steps) {
        file.known(&names, "template", &step.template);
        file.unless(
            !step.channels.is_empty(),
            &step.template,
            format!("the step with \"{}\" has no channel", step.template),
            "list at least one channel",
        );
        if step.channels.contains(&crate::inquiry::Channel::Sms) {
            file.known(&names, "template", &format!("{}-sms", step.template));
        }
    }
    let Some(chase) = profile.cadences.for_status(CadenceStatus::RecordsMissing) else { return };
    let steps: Vec<_> = chase.steps.iter().filter(|step| step.from == StepFrom::StatusStart).collect();
    let rises = steps.windows(2).all(|pair| pair[0].hours < pair[1].hours);
    file.unless(
        rises,
        &chase.id,
        "the steps for missing records are read as distances, and one is not later than the one before it",
        "list them by rising hours, each once",
    );
    let later = || steps.iter().filter(|step| step.hours > 0);
    file.unless(
        later().all(|step| step.business) || !later().any(|step| step.business),
        &chase.id,
        "the steps for missing records are read as distances, and some count open hours and some all hours",
        "write business = true in each of them or in none",
    );
}

fn retention(profile: &Profile, file: &mut In<'_, '_>) {
    let days = &profile.retention;
    let kept = [
        days.closed_inquiry_days,
        days.attended_inquiry_days,
        days.document_days,
        days.raw_message_days,
        days.audit_days,
    ];
    file.unless(
        kept.iter().all(|days| *days > 0),
        "days",
        "something is kept for zero days",
        "set each number of days above zero",
    );
    let longest = days.closed_inquiry_days.max(days.attended_inquiry_days);
    file.unless(
        days.audit_days >= longest,
        "audit_days",
        "the audit log ends before the inquiries it tells about",
        format!("keep it for at least {longest} days"),
    );
}
