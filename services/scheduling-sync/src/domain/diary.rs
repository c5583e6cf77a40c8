//! A center's diary: its booking rules, its slot templates and the opening times that they run in.
//!
//! It is what scheduling takes from a profile; the rest of the profile is not kept in memory. The slots of the built-in
//! calendar are computed and not stored, so a new revision of the profile changes the free ones at once and the booked
//! ones never.

use std::collections::{BTreeMap, HashSet};

use causeway_funnel::booking::{BookingRule, BookingRules, Slot, slots_between};
use causeway_funnel::calendar::Calendar;
use causeway_funnel::inquiry::Facts;
use causeway_funnel::profile::Profile;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::slot_id::SlotId;

/// Rules, slot templates and opening times of one center.
#[derive(Debug, Clone)]
pub struct Diary {
    rules: BookingRules,
    calendars: BTreeMap<String, Calendar>,
    center: Calendar,
    languages: Vec<String>,
}

impl Diary {
    /// A diary from its parts; a site without a calendar keeps the center's hours.
    #[must_use]
    pub fn new(
        rules: BookingRules,
        center: Calendar,
        calendars: BTreeMap<String, Calendar>,
        languages: Vec<String>,
    ) -> Self {
        Self { rules, calendars, center, languages }
    }

    /// The diary of a checked profile.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        let sites = &profile.center.sites;
        let calendars = sites.iter().map(|site| (site.id.clone(), profile.calendar(Some(&site.id)).clone())).collect();
        Self::new(profile.booking.clone(), profile.calendar(None).clone(), calendars, profile.center.languages.clone())
    }

    /// The rule for an inquiry.
    #[must_use]
    pub fn rule(&self, facts: &Facts) -> Option<&BookingRule> {
        self.rules.rule_for(facts.consult_type, facts.cancer_area)
    }

    /// The slots that serve a rule and start within `[from, to)`, at all its sites, soonest first.
    #[must_use]
    pub fn slots(&self, rule: &BookingRule, from: Timestamp, to: Timestamp) -> Vec<Slot> {
        let templates = self.rules.slots_for(rule);
        let mut slots: Vec<Slot> =
            templates.flat_map(|template| slots_between(template, self.calendar(&template.site), from, to)).collect();
        slots.sort_by_key(|slot| slot.start);
        // Where two templates give the same slot, the first one says how many seats it has: fewer rather than twice as many.
        let mut seen = HashSet::new();
        slots.retain(|slot| seen.insert(SlotId::of(slot)));
        slots
    }

    /// The slot with this name, if it serves the rule and the site is open for it.
    #[must_use]
    pub fn find(&self, rule: &BookingRule, id: &SlotId) -> Option<Slot> {
        let after = id.start.checked_add(SignedDuration::from_micros(1)).ok()?;
        self.slots(rule, id.start, after).into_iter().find(|slot| SlotId::of(slot) == *id)
    }

    /// The sites that the profile names.
    pub fn sites(&self) -> impl Iterator<Item = &str> {
        self.calendars.keys().map(String::as_str)
    }

    /// Opening times of a site.
    #[must_use]
    pub fn calendar(&self, site: &str) -> &Calendar {
        self.calendars.get(site).unwrap_or(&self.center)
    }

    /// The zone of a site.
    #[must_use]
    pub fn zone(&self, site: &str) -> &TimeZone {
        self.calendar(site).zone()
    }

    /// The IANA name of a site's zone.
    #[must_use]
    pub fn zone_name(&self, site: &str) -> &str {
        self.zone(site).iana_name().unwrap_or("UTC")
    }

    /// `wanted` if the center offers it, else its first language.
    #[must_use]
    pub fn language<'a>(&'a self, wanted: &'a str) -> &'a str {
        let offered = self.languages.iter().any(|language| language == wanted);
        if offered { wanted } else { self.languages.first().map_or("en", String::as_str) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use causeway_funnel::booking::{BookWhen, Day, Fits, SlotTemplate};
    use causeway_funnel::calendar::Interval;
    use causeway_funnel::words::Words;
    use jiff::civil::Weekday;

    pub(crate) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn calendar(hours: &str) -> Calendar {
        let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
        let empty = Calendar::new("America/New_York").unwrap();
        days.into_iter().fold(empty, |calendar, day| calendar.with_hours(day, Interval::parse(hours).unwrap()))
    }

    fn template(site: &str, time: &str, capacity: u32) -> SlotTemplate {
        SlotTemplate {
            site: site.into(),
            weekdays: vec![Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday],
            times: vec![time.parse().unwrap()],
            minutes: 60,
            capacity,
            visit_kind: "visit".into(),
            clinician_role: "oncologist".into(),
        }
    }

    pub(crate) fn rule(when: BookWhen) -> BookingRule {
        BookingRule {
            fits: Fits::default(),
            when,
            staff: Words::from([("en", "A reviewer reads first."), ("es", "Primero se revisa.")]),
            patient: Words::from([("en", "A doctor reads first."), ("es", "Primero lee un médico.")]),
            visit_kind: "visit".into(),
            minutes: 60,
            sites: vec!["main".into(), "east".into()],
            clinician_role: "oncologist".into(),
        }
    }

    /// Two sites; the one in the east opens at noon.
    pub(crate) fn diary(slots: Vec<SlotTemplate>) -> Diary {
        let rules = BookingRules { next_steps: Vec::new(), rules: vec![rule(BookWhen::BookAtOnce)], slots };
        let east = BTreeMap::from([("east".to_owned(), calendar("12:00-17:00"))]);
        Diary::new(rules, calendar("08:00-17:00"), east, vec!["en".into(), "es".into()])
    }

    pub(crate) fn usual() -> Diary {
        diary(vec![template("main", "09:00", 1), template("main", "15:00", 2), template("east", "13:00", 1)])
    }

    #[test]
    fn slots_of_all_sites_come_soonest_first_and_only_while_their_site_is_open() {
        let diary =
            diary(vec![template("east", "13:00", 1), template("east", "09:00", 1), template("main", "09:00", 1)]);
        let rule = diary.rule(&Facts::default()).unwrap();
        let slots = diary.slots(rule, at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z"));
        let found: Vec<(&str, String)> =
            slots.iter().map(|slot| (slot.site.as_str(), slot.start.to_string())).collect();
        assert_eq!(found, [("main", "2026-11-24T14:00:00Z".to_owned()), ("east", "2026-11-24T18:00:00Z".to_owned())]);
    }

    #[test]
    fn every_slot_is_found_by_its_name_and_none_by_a_name_that_the_templates_do_not_give() {
        let diary = usual();
        let rule = diary.rule(&Facts::default()).unwrap();
        for slot in diary.slots(rule, at("2026-11-24T00:00:00Z"), at("2026-12-24T00:00:00Z")) {
            assert_eq!(diary.find(rule, &SlotId::of(&slot)), Some(slot));
        }
        let sunday: SlotId = "main.1795960800000000.oncologist.visit".parse().unwrap();
        assert_eq!(diary.find(rule, &sunday), None);
    }

    #[test]
    fn two_templates_of_the_same_slot_give_it_once() {
        let diary = diary(vec![template("main", "09:00", 1), template("main", "09:00", 3)]);
        let rule = diary.rule(&Facts::default()).unwrap();
        let slots = diary.slots(rule, at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z"));
        assert_eq!(slots.iter().map(|slot| slot.capacity).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_language_that_the_center_does_not_offer_becomes_its_first() {
        assert_eq!(usual().language("es"), "es");
        assert_eq!(usual().language("fr"), "en");
    }
}
