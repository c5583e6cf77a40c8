//! Feeds in the words of staff: how each stands, since when, what may be done.
//!
//! Deliberately not here: what is usual (ingestion decides).

use causeway_funnel::profile::{FeedKind, Profile};
use causeway_proto::inquiry::v1::{FeedCredential, FeedIncident, FeedStatus, FeedVolume};
use jiff::Timestamp;

use super::times;
use crate::pages::{Fact, FeedCard, IncidentRow, Tag, Tone, Volume};
use crate::words::EN;

/// Who looks at feeds, and when.
pub struct Looking<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// The domain's time.
    pub now: Timestamp,
    /// Whether the page of repairs may be opened.
    pub may_repair: bool,
}

/// How many there are and how they stand.
pub fn caption(feeds: &[FeedStatus]) -> String {
    let unusual = feeds.iter().filter(|feed| standing(feed).is_some()).count();
    let all = if feeds.len() == 1 { "1 feed.".to_owned() } else { format!("{} feeds.", feeds.len()) };
    match unusual {
        0 => format!("{all} None is known to send otherwise than usual."),
        1 => format!("{all} 1 sends otherwise than usual."),
        many => format!("{all} {many} send otherwise than usual."),
    }
}

impl Looking<'_> {
    /// The feeds, what is not as usual first, else in the order of the profile.
    pub fn cards(&self, feeds: &[FeedStatus]) -> Vec<FeedCard> {
        let mut sorted: Vec<&FeedStatus> = feeds.iter().collect();
        sorted.sort_by_key(|feed| standing(feed).is_none());
        sorted.into_iter().map(|feed| self.card(feed)).collect()
    }

    fn card(&self, feed: &FeedStatus) -> FeedCard {
        let kind = feed.kind.parse::<FeedKind>().unwrap_or_default();
        let came: i64 = feed.days.iter().map(|day| day.messages).sum();
        let usual: Option<f64> = feed.days.iter().filter_map(|day| day.expected).reduce(|sum, day| sum + day);
        let unit = unit(kind);
        let summary = match usual {
            Some(usual) => format!("In {} days {came} {unit} came; {usual:.0} were usual.", feed.days.len()),
            None => format!("In {} days {came} {unit} came; what is usual is not known yet.", feed.days.len()),
        };
        FeedCard {
            id: feed.feed.clone(),
            office: if feed.office_name.is_empty() { feed.feed.clone() } else { feed.office_name.clone() },
            door: kind.label("en").to_owned(),
            state: self.state(feed),
            advice: standing(feed).map(|incident| advice(&incident.kind)),
            facts: self.facts(feed, kind),
            unit,
            summary,
            days: feed.days.iter().map(|day| self.volume(day, true)).collect(),
            hours: feed.hours.iter().map(|hour| self.volume(hour, false)).collect(),
            incidents: feed.incidents.iter().map(|one| self.incident(one)).collect(),
        }
    }

    fn state(&self, feed: &FeedStatus) -> Tag {
        let (text, tone) = match standing(feed) {
            Some(incident) => (format!("{} since {}", what(&incident.kind), self.at(incident.opened_at)), Tone::Bad),
            None if feed.last_at == 0 => ("Has not sent yet".to_owned(), Tone::Idle),
            None if feed.expected.is_some() => ("As usual".to_owned(), Tone::Ok),
            None => ("Not known yet what is usual".to_owned(), Tone::Idle),
        };
        Tag { text, tone }
    }

    fn facts(&self, feed: &FeedStatus, kind: FeedKind) -> Vec<Fact> {
        let fact = |label: &str, value: String| Fact { label: label.to_owned(), value, link: None, tone: Tone::Idle };
        let (today, usual_today) = feed.days.last().map_or((0, None), |today| (today.messages, today.expected));
        let mut facts = vec![
            fact("Last came", if feed.last_at == 0 { "Never".to_owned() } else { self.at(feed.last_at) }),
            fact("In an hour", against(feed.seen, feed.expected)),
            fact("Today", against(today, usual_today)),
        ];
        if feed.repeats > 0 {
            facts.push(fact("The same again", format!("One message came {} times more within an hour", feed.repeats)));
        }
        let repairs = (self.may_repair && feed.parked > 0).then(|| match kind {
            FeedKind::Phone => "/repairs".to_owned(),
            kind => format!("/repairs?door={kind}"),
        });
        facts.push(Fact { link: repairs, ..fact("Waits to be mended", feed.parked.to_string()) });
        facts.push(fact("Taken at most", format!("{} in a minute", feed.rate_per_minute)));
        if feed.credentials.is_empty() {
            let known_by = match kind {
                FeedKind::Hl7 => "The name of its facility alone",
                _ => "Nothing yet: it has no key",
            };
            facts.push(fact("Known by", known_by.to_owned()));
        }
        facts.extend(feed.credentials.iter().map(|one| self.credential(one)));
        facts.push(fact(
            "Looked at",
            if feed.looked_at == 0 { "Not yet; it is done once a minute".to_owned() } else { self.at(feed.looked_at) },
        ));
        facts
    }

    fn credential(&self, one: &FeedCredential) -> Fact {
        let what = match one.kind.as_str() {
            "next_key" => "Next key",
            "certificate" => "Certificate",
            _ => "Key",
        };
        let used = match one.used_at {
            0 => "not used yet".to_owned(),
            at => format!("last used {}", self.at(at)),
        };
        Fact { label: what.to_owned(), value: format!("{}…, {used}", one.fingerprint), link: None, tone: Tone::Idle }
    }

    fn volume(&self, one: &FeedVolume, is_day: bool) -> Volume {
        let label = times::zoned(one.from, self.profile.zone()).map(|at| match is_day {
            true => {
                let day = at.date();
                format!("{}, {} {}", EN.dates.short_weekday(day), EN.dates.month(day), day.day())
            }
            false => EN.dates.clock(&at),
        });
        let came = u64::try_from(one.messages).unwrap_or_default();
        Volume { label: label.unwrap_or_default(), came, usual: one.expected }
    }

    fn incident(&self, one: &FeedIncident) -> IncidentRow {
        let note = match one.kind.as_str() {
            "quiet" => format!("About {:.0} were missing when it was noticed.", one.expected),
            "repeats" => format!("One message had come {} times more when it was noticed.", one.seen),
            _ if one.expected < 0.5 => format!(
                "{} had come within an hour when it was noticed; hardly any were usual, or nobody knew yet what is.",
                one.seen
            ),
            _ => format!("{} had come within an hour when it was noticed; {:.0} were usual.", one.seen, one.expected),
        };
        let to = if one.closed_at == 0 { "it goes on".to_owned() } else { self.at(one.closed_at) };
        IncidentRow { what: what(&one.kind), from: self.at(one.opened_at), to, note }
    }

    fn at(&self, micros: i64) -> String {
        times::zoned(micros, self.profile.zone()).map(|at| times::recent(&at, self.now, &EN)).unwrap_or_default()
    }
}

/// The incident that stands.
fn standing(feed: &FeedStatus) -> Option<&FeedIncident> {
    feed.incidents.iter().find(|incident| incident.closed_at == 0)
}

fn against(came: i64, usual: Option<f64>) -> String {
    usual.map_or_else(|| came.to_string(), |usual| format!("{came}; usual {usual:.0}"))
}

fn unit(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Csv => "lists",
        FeedKind::Hl7 | FeedKind::Fhir | FeedKind::Phone => "messages",
    }
}

fn what(kind: &str) -> &'static str {
    match kind {
        "quiet" => "Quiet",
        "repeats" => "One message again and again",
        _ => "Far more than usual",
    }
}

fn advice(kind: &str) -> &'static str {
    match kind {
        "quiet" => "Call the office. Mostly its system, a certificate or a line is broken. What came before is safe.",
        "repeats" => "Call the office. Mostly its system does not hear our answers. The message is here, once.",
        _ => "Call the office. Mostly its system sends an old queue again. What came is safe.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    const NOW: i64 = 1_804_190_400_000_000;
    const DAY: i64 = 86_400_000_000;

    fn feed(id: &str, incidents: Vec<FeedIncident>) -> FeedStatus {
        let day = |back: i64| FeedVolume { from: NOW - back * DAY, messages: 10 + back, expected: Some(12.4) };
        FeedStatus {
            feed: id.into(),
            kind: "hl7".into(),
            office_name: "Cedar Family Medicine".into(),
            rate_per_minute: 60,
            last_at: NOW - 3_600_000_000,
            looked_at: NOW,
            seen: 3,
            expected: Some(4.2),
            parked: 2,
            days: (0..14).rev().map(day).collect(),
            incidents,
            ..FeedStatus::default()
        }
    }

    fn incident(kind: &str, closed_at: i64) -> FeedIncident {
        FeedIncident { kind: kind.into(), opened_at: NOW - DAY, closed_at, seen: 60, expected: 7.6 }
    }

    fn cards(feeds: &[FeedStatus], may_repair: bool) -> Vec<FeedCard> {
        let now = Timestamp::from_microsecond(NOW).expect("a time");
        Looking { profile: &harbor_valley(), now, may_repair }.cards(feeds)
    }

    fn value<'c>(card: &'c FeedCard, label: &str) -> &'c Fact {
        card.facts.iter().find(|fact| fact.label == label).unwrap_or_else(|| panic!("no {label}"))
    }

    #[test]
    fn what_is_not_as_usual_comes_first_and_says_since_when_and_what_to_do() {
        let feeds =
            [feed("a", vec![incident("flood", NOW)]), feed("b", vec![incident("repeats", 0), incident("quiet", NOW)])];
        let cards = cards(&feeds, true);
        assert_eq!((cards[0].id.as_str(), cards[0].state.tone), ("b", Tone::Bad));
        assert!(cards[0].state.text.starts_with("One message again and again since "), "{}", cards[0].state.text);
        assert!(cards[0].advice.is_some_and(|advice| advice.contains("does not hear our answers")));
        let told: Vec<_> = cards[0].incidents.iter().map(|one| (one.what, one.to == "it goes on")).collect();
        assert_eq!(told, [("One message again and again", true), ("Quiet", false)]);
        assert_eq!(
            (cards[1].state.text.as_str(), cards[1].advice),
            ("As usual", None),
            "an incident that is over is past"
        );
        assert_eq!(caption(&feeds), "2 feeds. 1 sends otherwise than usual.");
    }

    #[test]
    fn numbers_stand_against_what_is_usual_and_repairs_are_linked_for_who_may_open_them() {
        let one = feed("a", Vec::new());
        let card = cards(std::slice::from_ref(&one), true).remove(0);
        assert_eq!(
            (value(&card, "In an hour").value.as_str(), value(&card, "Today").value.as_str()),
            ("3; usual 4", "10; usual 12")
        );
        assert_eq!(value(&card, "Waits to be mended").link.as_deref(), Some("/repairs?door=hl7"));
        assert_eq!(card.summary, "In 14 days 231 messages came; 174 were usual.");
        assert_eq!(value(&cards(&[one], false)[0], "Waits to be mended").link, None);
    }

    #[test]
    fn a_feed_that_is_new_says_what_is_not_known_and_a_key_when_it_was_used() {
        let key = |kind: &str, used_at| FeedCredential { kind: kind.into(), fingerprint: "ab12".into(), used_at };
        let one = FeedStatus {
            feed: "new-csv".into(),
            kind: "csv".into(),
            credentials: vec![key("key", NOW - 60_000_000), key("next_key", 0)],
            ..FeedStatus::default()
        };
        let card = cards(&[one], true).remove(0);
        assert_eq!(
            (card.office.as_str(), card.state.text.as_str(), card.unit),
            ("new-csv", "Has not sent yet", "lists")
        );
        assert!(value(&card, "Key").value.starts_with("ab12…, last used Today "), "{}", value(&card, "Key").value);
        assert_eq!(value(&card, "Next key").value, "ab12…, not used yet");
        assert_eq!((value(&card, "Last came").value.as_str(), value(&card, "Today").value.as_str()), ("Never", "0"));
    }
}
