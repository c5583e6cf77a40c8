//! Names, ways to reach somebody and addresses, of whatever resource they stand in (FHIR R4 HumanName, ContactPoint, Address).
//!
//! What has ended or is called old comes after all that holds, and what holds for a while after what is meant to last. A phone
//! that has ended is called by nobody. Deliberately not here: whether a phone number or an address is a good one (the funnel's
//! contact).

use std::borrow::Cow;

use jiff::civil::Date;

use super::date::Day;
use super::element::Element;
use crate::domain::referral::{Contact, joined};

/// Whether what a part tells has ended before a day.
fn is_over(part: &Element<'_>, today: Date) -> bool {
    let end = part.child("period").and_then(|period| period.text("end"));
    let end = end.and_then(|end| Day::parse(end.get(..10).unwrap_or(end)));
    end.and_then(|end| end.latest()).is_some_and(|end| end < today)
}

/// The best of some parts, by what each is used for; those that have ended come last.
fn best<'e, 't>(
    parts: impl Iterator<Item = &'e Element<'t>>,
    today: Date,
    rank: fn(&str) -> u8,
) -> Option<&'e Element<'t>> {
    parts.min_by_key(|part| (is_over(part, today), rank(part.text("use").unwrap_or_default())))
}

/// The name that a resource's person goes by: the official one, else a usual one, else the first that is not old.
#[must_use]
pub fn name(element: &Element<'_>, today: Date) -> String {
    let names = element.children("name");
    let told = names.iter().filter(|name| name.has_any(&["family", "given", "text"]));
    let rank = |usage: &str| match usage {
        "official" => 0,
        "usual" => 1,
        "temp" | "nickname" | "anonymous" => 3,
        "old" | "maiden" => 4,
        _ => 2,
    };
    best(told, today, rank).map(words).unwrap_or_default()
}

/// A name as people write it.
#[must_use]
pub fn words(name: &Element<'_>) -> String {
    let mut parts: Vec<Cow<'_, str>> = name.texts("given").into_iter().map(Cow::Borrowed).collect();
    parts.extend(name.text("family").map(Cow::Borrowed));
    let whole = joined(&parts, " ");
    if whole.is_empty() { name.text("text").unwrap_or_default().to_owned() } else { whole }
}

/// Where a resource's person lives: an address at home before another, one that lasts before one for a while.
#[must_use]
pub fn address(element: &Element<'_>, today: Date) -> String {
    let all = element.children("address");
    let told = all.iter().filter(|address| !written(address).is_empty());
    let rank = |usage: &str| match usage {
        "home" => 0,
        "temp" | "billing" => 2,
        "old" => 3,
        _ => 1,
    };
    best(told, today, rank).map(written).unwrap_or_default()
}

fn written(address: &Element<'_>) -> String {
    let mut parts = address.texts("line");
    parts.extend(["city", "state", "postalCode"].into_iter().filter_map(|name| address.text(name)));
    let parts: Vec<Cow<'_, str>> = parts.into_iter().map(Cow::Borrowed).collect();
    let whole = joined(&parts, ", ");
    if whole.is_empty() { address.text("text").unwrap_or_default().to_owned() } else { whole }
}

/// The ways to reach somebody. PHI: no `Debug`.
#[derive(Default)]
pub struct Reaches {
    /// Phones, the best first: a mobile before another one, the higher rank before the lower.
    pub phones: Vec<String>,
    /// E-mail.
    pub email: String,
    /// Fax.
    pub fax: String,
}

impl Reaches {
    /// Reads them, without those that are old or have ended.
    #[must_use]
    pub fn of(element: &Element<'_>, today: Date) -> Self {
        let (mut phones, mut emails, mut faxes) = (Vec::new(), Vec::new(), Vec::new());
        for point in element.children("telecom") {
            let (value, usage) = (point.text("value").unwrap_or_default(), point.text("use").unwrap_or_default());
            if value.is_empty() || usage == "old" || is_over(&point, today) {
                continue;
            }
            let rank = point.number("rank").and_then(|rank| rank.parse::<u32>().ok()).unwrap_or(u32::MAX);
            let place = (usage == "temp", usage != "mobile", rank);
            match point.text("system").unwrap_or_default() {
                "email" => emails.push((place, value)),
                "phone" | "sms" | "" if value.contains('@') => emails.push((place, value)),
                "phone" | "sms" | "" => phones.push((place, value)),
                "fax" => faxes.push((place, value)),
                _ => {}
            }
        }
        let sorted = |mut all: Vec<((bool, bool, u32), &str)>| {
            all.sort_by_key(|(place, _)| *place);
            all.into_iter().map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
        };
        let first = |all| sorted(all).into_iter().next().unwrap_or_default();
        let mut phones = sorted(phones);
        phones.dedup();
        Self { phones, email: first(emails), fax: first(faxes) }
    }

    /// The phone to call.
    #[must_use]
    pub fn phone(&self) -> String {
        self.phones.first().cloned().unwrap_or_default()
    }
}

/// Who somebody is, and how to reach them.
#[must_use]
pub fn contact(element: &Element<'_>, name: String, today: Date) -> Contact {
    let reaches = Reaches::of(element, today);
    Contact { name, phone: reaches.phone(), email: reaches.email }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::json::{self, Json};
    use super::super::notes::{Notes, Path};
    use super::*;

    fn look<T>(text: &str, look: impl Fn(&Element<'_>, Date) -> T) -> T {
        let (json, notes) = (json::read(text.as_bytes()).unwrap_or_else(|_| panic!("JSON")), Notes::default());
        let Json::Object(object) = &json else { panic!("no object") };
        let told = look(&Element::resource(object, Path::of("Patient"), &notes), date(2026, 4, 30));
        assert!(notes.into_parts().0.is_empty());
        told
    }

    #[test]
    fn what_has_ended_or_is_for_a_while_comes_after_what_holds() {
        let names = |told: &str| look(&format!("{{\"name\":[{told}]}}"), name);
        for (told, expected) in [
            (r#"{"use":"official","text":"Was","period":{"end":"2020-01-01"}},{"use":"usual","text":"Is"}"#, "Is"),
            (r#"{"use":"temp","text":"While"},{"text":"Is"}"#, "Is"),
            (r#"{"use":"old","text":"Was"},{"use":"nickname","text":"Is"}"#, "Is"),
            (r#"{"text":"Is","period":{"end":"2026-04-30"}},{"use":"temp","text":"While"}"#, "Is"),
            (r#"{"text":"Is","period":{"end":"2026"}},{"use":"temp","text":"While"}"#, "Is"),
            (r#"{"text":"Alone","period":{"end":"2020-05-01T10:00:00Z"}}"#, "Alone"),
        ] {
            assert_eq!(names(told), expected, "{told}");
        }
        let addresses = |told: &str| look(&format!("{{\"address\":[{told}]}}"), address);
        for (told, expected) in [
            (r#"{"use":"old","text":"Was"},{"use":"home","text":"Is"}"#, "Is"),
            (r#"{"use":"temp","text":"While"},{"text":"Is"}"#, "Is"),
            (r#"{"use":"home","text":"Was","period":{"end":"2021"}},{"use":"billing","text":"Is"}"#, "Is"),
            (r#"{"use":"home"},{"use":"temp","text":"Is"}"#, "Is"),
        ] {
            assert_eq!(addresses(told), expected, "{told}");
        }
    }

    #[test]
    fn phones_are_told_in_the_order_in_which_they_are_good_and_none_that_has_ended() {
        let told = r#"{"telecom":[
            {"system":"phone","value":"1","period":{"end":"2025-12"}},
            {"system":"phone","value":"2","use":"temp"},
            {"system":"phone","value":"3","rank":2},
            {"system":"phone","value":"4","rank":1},
            {"system":"sms","value":"5","use":"mobile"},
            {"system":"phone","value":"6","use":"old"},
            {"system":"email","value":"was@x.example","period":{"end":"2025"}},
            {"system":"email","value":"is@x.example"},
            {"system":"fax","value":"7"},{"system":"pager","value":"8"}]}"#;
        let (phones, email, fax) = look(told, |patient, today| {
            let found = Reaches::of(patient, today);
            (found.phones, found.email, found.fax)
        });
        assert_eq!(
            (phones, email.as_str(), fax.as_str()),
            (["5", "4", "3", "2"].map(str::to_owned).to_vec(), "is@x.example", "7")
        );
    }
}
