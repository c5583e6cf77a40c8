//! How far away somebody lives, as far as it may travel: the site of the center that is nearest, and a band of kilometres.
//!
//! A postal code is sealed with the person. What travels of it is computed at the door from places.csv of the profile: the
//! great-circle distance, in whole kilometres, from the middle of the postal area to each site, of which the band of the nearest stays. A
//! band around a site in which only a few postal areas lie could point at somebody, so it counts as not known. Deliberately not here: roads and
//! travel times, and the codes of any country.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Place};
use crate::profile::Site;
use crate::words::vocabulary;

vocabulary! {
    /// How far it is to the nearest site, in bands so wide that they point at nobody.
    DistanceBand ("distance") {
        Under10 = "under_10", "Under 10 km", "Menos de 10 km", "Moins de 10 km";
        From10To24 = "10_to_24", "10 to 24 km", "De 10 a 24 km", "De 10 à 24 km";
        From25To49 = "25_to_49", "25 to 49 km", "De 25 a 49 km", "De 25 à 49 km";
        From50To99 = "50_to_99", "50 to 99 km", "De 50 a 99 km", "De 50 à 99 km";
        From100To199 = "100_to_199", "100 to 199 km", "De 100 a 199 km", "De 100 à 199 km";
        From200 = "200_and_over", "200 km and over", "200 km o más", "200 km et plus";
        #[default]
        NotKnown = "not_known", "Not known", "No se sabe", "Inconnu";
    }
}

impl DistanceBand {
    /// The band of a distance in whole kilometres.
    #[must_use]
    pub const fn of(kilometres: u32) -> Self {
        match kilometres {
            ..10 => Self::Under10,
            10..25 => Self::From10To24,
            25..50 => Self::From25To49,
            50..100 => Self::From50To99,
            100..200 => Self::From100To199,
            200.. => Self::From200,
        }
    }

    /// First and last kilometre of it; nothing where it is not known.
    #[must_use]
    pub const fn kilometres(self) -> Option<(u32, u32)> {
        match self {
            Self::Under10 => Some((0, 9)),
            Self::From10To24 => Some((10, 24)),
            Self::From25To49 => Some((25, 49)),
            Self::From50To99 => Some((50, 99)),
            Self::From100To199 => Some((100, 199)),
            Self::From200 => Some((200, u32::MAX)),
            Self::NotKnown => None,
        }
    }
}

/// Degrees of latitude or longitude, kept in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Degrees(i32);

impl Degrees {
    /// Whether it can be a latitude.
    pub(crate) const fn is_latitude(self) -> bool {
        self.0.unsigned_abs() <= 90_000_000
    }

    fn radians(self) -> f64 {
        f64::from(self).to_radians()
    }
}

impl TryFrom<f64> for Degrees {
    type Error = String;

    fn try_from(degrees: f64) -> Result<Self, String> {
        if !(-180.0..=180.0).contains(&degrees) {
            return Err(format!("{degrees} are no degrees; write from -180 to 180, such as 47.61"));
        }
        // In the range of the type, since it is in the range above.
        Ok(Self((degrees * 1e6).round() as i32))
    }
}

impl From<Degrees> for f64 {
    fn from(degrees: Degrees) -> Self {
        Self::from(degrees.0) / 1e6
    }
}

/// Latitude and longitude.
type Spot = (Degrees, Degrees);

/// Kilometres, the mean radius of the earth.
const RADIUS: f64 = 6371.0;

/// The great-circle distance in whole kilometres.
fn kilometres((latitude, longitude): Spot, (to_latitude, to_longitude): Spot) -> u32 {
    let half = |from: Degrees, to: Degrees| ((to.radians() - from.radians()) / 2.0).sin().powi(2);
    let chord = half(latitude, to_latitude)
        + latitude.radians().cos() * to_latitude.radians().cos() * half(longitude, to_longitude);
    // Half of the way round the earth at most.
    (2.0 * RADIUS * chord.sqrt().min(1.0).asin()).round() as u32
}

/// What of a place may travel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near {
    /// The nearest site's id.
    pub site: String,
    /// How far it is.
    pub distance: DistanceBand,
}

/// places.csv of a center, as far as it is asked: postal codes, and beginnings of them, each with what may travel of it.
#[derive(Debug, Clone, Default)]
pub struct Places {
    exact: BTreeMap<String, Option<Near>>,
    beginnings: BTreeMap<String, Option<Near>>,
    /// Where letters and digits stand in the codes that are listed.
    shapes: BTreeSet<String>,
}

/// A band around a site with fewer postal areas is not told. A beginning of codes stands for many.
const FEWEST: usize = 3;
/// Most lines: a profile travels as one message.
const MOST: usize = 4_000;
/// Longest code, characters without spaces and hyphens.
const LONGEST: usize = 10;
/// Shortest word of an address that is looked up.
const SHORTEST: usize = 3;
/// Longest last part of a code that is written in two parts, such as SW1A 2AA or 114 55.
const LAST_PART: usize = 4;
/// From so many signs on a word of an address can be a postal code whatever codes are listed: a number of a flat or a street is shorter.
const SURE: usize = 5;
const COLUMNS: [&str; 3] = ["postal_code", "latitude", "longitude"];

impl Places {
    /// Reads places.csv for the sites that say where they are.
    pub(crate) fn read(place: Place<'_>, sites: &[Site], faults: &mut Vec<Fault>) -> Self {
        let located: Vec<(&str, Spot)> =
            sites.iter().filter_map(|site| Some((site.id.as_str(), (site.latitude?, site.longitude?)))).collect();
        if located.is_empty() {
            faults.push(place.at(
                1,
                "no site of the center says where it is",
                "add latitude and longitude to its sites in center.toml",
            ));
        }
        let spots = spots(place, faults);
        let mut places = Self::default();
        for (code, spot) in spots {
            let near = nearest(spot, &located);
            match code.strip_suffix('*') {
                Some(beginning) => places.beginnings.insert(beginning.to_owned(), near),
                None => places.exact.insert(code, near),
            };
        }
        places.withhold_the_few();
        places.shapes = places.exact.keys().map(|code| shape(code)).collect();
        places
    }

    /// A band around a site in which few postal areas lie points at few people. A beginning stands for many where it is shorter than each
    /// code that is listed.
    fn withhold_the_few(&mut self) {
        let shortest = self.exact.keys().map(String::len).min().unwrap_or(usize::MAX);
        let beginnings =
            self.beginnings.iter().map(|(start, near)| (near, if start.len() < shortest { FEWEST } else { 1 }));
        let mut areas: BTreeMap<Near, usize> = BTreeMap::new();
        for (near, weight) in self.exact.values().map(|near| (near, 1)).chain(beginnings) {
            if let Some(near) = near {
                *areas.entry(near.clone()).or_default() += weight;
            }
        }
        for known in self.exact.values_mut().chain(self.beginnings.values_mut()) {
            *known = known.take().filter(|near| areas.get(near).is_some_and(|areas| *areas >= FEWEST));
        }
    }

    /// Whether there are none, so that nobody's distance is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.beginnings.is_empty()
    }

    /// What may travel of where somebody lives, told by their answers: `zip` or `postal_code` of a form, else the postal code of
    /// `address`. Nothing where it is not known.
    #[must_use]
    pub fn near<'a>(&self, answer: impl Fn(&str) -> Option<&'a str>) -> Option<&Near> {
        let asked = ["zip", "postal_code"].into_iter().filter_map(&answer).find_map(|code| self.find(code));
        asked.or_else(|| self.find_in(answer("address")?)).and_then(Option::as_ref)
    }

    /// The code of an address is its last word with a digit, alone or with the one before or behind it (SW1A 2AA, 1012 AB). Where that is not
    /// known no other word is taken for it: those before it are streets, flats, and, as the first one, the house.
    fn find_in(&self, address: &str) -> Option<&Option<Near>> {
        let words: Vec<&str> = address.split([' ', ',', ';', '\n', '\t']).filter(|word| !word.is_empty()).collect();
        let first = usize::from(words.len() > 1);
        let has_digit = |word: &str| word.chars().any(|sign| sign.is_ascii_digit());
        let last = (first..words.len()).rev().find(|place| has_digit(words[*place]))?;
        let pair = |one: usize| Some(format!("{}{}", words.get(one)?, words.get(one + 1)?));
        let before = if last > first && words[last].len() <= LAST_PART { pair(last - 1) } else { None };
        let all: Vec<String> = [Some(words[last].to_owned()), before, pair(last)].into_iter().flatten().collect();
        let exact = all.iter().find_map(|told| codes(told).find_map(|code| self.exact.get(&code)));
        exact.or_else(|| {
            let begins = |code: String| if self.can_be_one(&code) { self.beginning(&code) } else { None };
            all.iter().find_map(|told| codes(told).find_map(begins))
        })
    }

    /// Whether a word of an address can be a postal code of those that are not listed: it has the shape of one that is, or it is long enough and
    /// no number with letters behind it, as "129th" and "9812B" are.
    fn can_be_one(&self, code: &str) -> bool {
        let ordinal = ["ST", "ND", "RD", "TH"].iter().any(|end| code.ends_with(end));
        let begins = code.starts_with(|sign: char| sign.is_ascii_alphabetic());
        let is_sure = code.len() >= SURE && (begins || code.bytes().all(|sign| sign.is_ascii_digit()));
        !ordinal && (is_sure || self.shapes.contains(&shape(code)))
    }

    /// A code as somebody writes it: exactly, without what follows its hyphen, else by the longest beginning that is known.
    fn find(&self, told: &str) -> Option<&Option<Near>> {
        let exact = codes(told).find_map(|code| self.exact.get(&code));
        exact.or_else(|| codes(told).find_map(|code| self.beginning(&code)))
    }

    fn beginning(&self, code: &str) -> Option<&Option<Near>> {
        (1..code.len()).rev().filter_map(|end| code.get(..end)).find_map(|start| self.beginnings.get(start))
    }
}

/// What can be meant: the whole, and what stands before its hyphen.
fn codes(told: &str) -> impl Iterator<Item = String> {
    plain(told).into_iter().chain(told.split_once('-').and_then(|(before, _)| plain(before)))
}

/// A code with each digit as 0 and each letter as A.
fn shape(code: &str) -> String {
    code.chars().map(|sign| if sign.is_ascii_digit() { '0' } else { 'A' }).collect()
}

/// A code without spaces and hyphens, in capitals; nothing where it can be none.
fn plain(told: &str) -> Option<String> {
    let code: String =
        told.chars().filter(|sign| !matches!(sign, ' ' | '-')).map(|sign| sign.to_ascii_uppercase()).collect();
    let is_code =
        code.chars().all(|sign| sign.is_ascii_alphanumeric()) && code.chars().any(|sign| sign.is_ascii_digit());
    (is_code && (SHORTEST..=LONGEST).contains(&code.len())).then_some(code)
}

fn nearest(spot: Spot, sites: &[(&str, Spot)]) -> Option<Near> {
    let (away, site) = sites.iter().map(|(site, at)| (kilometres(spot, *at), *site)).min()?;
    Some(Near { site: site.to_owned(), distance: DistanceBand::of(away) })
}

/// The lines of the file; each fault with its line.
fn spots(place: Place<'_>, faults: &mut Vec<Fault>) -> Vec<(String, Spot)> {
    let text = place.text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let head = reader.headers().cloned().unwrap_or_default();
    if !head.iter().eq(COLUMNS) {
        let what = format!("the columns are {}", head.iter().collect::<Vec<_>>().join(","));
        faults.push(place.at(1, what, format!("write {} in the first line", COLUMNS.join(","))));
        return Vec::new();
    }
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, record) in reader.records().enumerate() {
        let position =
            record.as_ref().map_or_else(|error| error.position().cloned(), |record| record.position().cloned());
        let line = position.map_or(1, |position| usize::try_from(position.line()).unwrap_or(1));
        if number == MOST {
            let what = format!("there are more than {MOST} postal codes");
            faults.push(place.at(
                line,
                what,
                "write beginnings for what is far away, such as 981* for all that begin with 981",
            ));
            break;
        }
        match record.map_err(|_| "the line does not have 3 columns".to_owned()).and_then(|record| spot(&record)) {
            Ok((code, spot)) if seen.insert(code.clone()) => all.push((code, spot)),
            Ok((code, _)) => {
                faults.push(place.at(line, format!("postal code \"{code}\" occurs twice"), "take one of them out"));
            }
            Err(what) => faults.push(place.at(line, what, "write a line such as 98101,47.61,-122.33")),
        }
    }
    all
}

fn spot(record: &csv::StringRecord) -> Result<(String, Spot), String> {
    let cell = |at: usize| record.get(at).unwrap_or_default();
    let told = cell(0);
    let (body, star) = told.strip_suffix('*').map_or((told, ""), |body| (body, "*"));
    let code: String = body.chars().filter(|sign| !matches!(sign, ' ' | '-')).collect();
    let fits = !code.is_empty() && code.len() <= LONGEST && code.chars().all(|sign| sign.is_ascii_alphanumeric());
    if !fits || star.is_empty() && plain(&code).is_none() {
        return Err(format!("\"{told}\" is no postal code, and no beginning of one with a * behind it"));
    }
    let degrees = |at: usize| cell(at).parse::<f64>().ok().and_then(|degrees| Degrees::try_from(degrees).ok());
    match (degrees(1).filter(|latitude| latitude.is_latitude()), degrees(2)) {
        (Some(latitude), Some(longitude)) => Ok((code.to_ascii_uppercase() + star, (latitude, longitude))),
        _ => Err(format!("\"{},{}\" is no place on the earth", cell(1), cell(2))),
    }
}

#[cfg(test)]
#[path = "distance_tests.rs"]
mod tests;
