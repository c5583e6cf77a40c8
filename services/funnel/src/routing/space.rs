//! The values that each condition of a table can have, and sets of them.
//!
//! A set is one bit for each value, all conditions behind one another in one row of words, so that two sets are compared
//! word by word whatever number of offices or campaigns a center names. Deliberately not here: how a cell is read (`cell`).

use std::collections::BTreeSet;
use std::ops::Range;

use crate::distance::DistanceBand;
use crate::inquiry::{AgeBand, CancerArea, ConsultType, Facts, Payer, RecordsOnHand, Source, Urgency};

use super::{Condition, Known};

/// Conditions that a row can have: all of [`Condition`] but the one that every table has by itself.
pub(super) const DIMENSIONS: usize = 13;
/// A value for each condition, by its place in [`Dimension::values`].
pub(super) type Point = [u16; DIMENSIONS];

/// What stands for a name that the center does not know.
pub(super) const OTHER: &str = "other";
/// What stands for a fact that is not there.
pub(super) const NONE: &str = "none";

/// The values of one condition.
#[derive(Debug, Clone)]
pub(super) struct Dimension {
    /// As cells write them. Names of the center stand first and sorted.
    pub values: Vec<String>,
    names: usize,
    other: usize,
    none: usize,
}

impl Dimension {
    fn list(values: impl Iterator<Item = &'static str>) -> Self {
        let values: Vec<String> = values.map(str::to_owned).collect();
        Self { names: 0, other: 0, none: 0, values }
    }

    /// Names, any other name, and nothing at all where that can be.
    fn names(names: &BTreeSet<String>, or_none: bool) -> Self {
        let mut values: Vec<String> = names.iter().filter(|name| *name != NONE && *name != OTHER).cloned().collect();
        let count = values.len();
        values.push(OTHER.to_owned());
        values.extend(or_none.then(|| NONE.to_owned()));
        Self { values, names: count, other: count, none: count + usize::from(or_none) }
    }

    /// The place of a name.
    pub fn name(&self, name: &str) -> Option<usize> {
        self.values[..self.names].binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    /// The place of a value as a cell writes it.
    pub fn value(&self, word: &str) -> Option<usize> {
        self.name(word)
            .or_else(|| self.values[self.names..].iter().position(|value| value == word).map(|at| at + self.names))
    }

    fn of(&self, told: Option<&str>) -> u16 {
        let told = told.filter(|name| !name.is_empty());
        let place = told.map_or(self.none, |name| self.name(name).unwrap_or(self.other));
        u16::try_from(place).unwrap_or(u16::MAX)
    }
}

/// All conditions with their values.
#[derive(Debug, Clone)]
pub(super) struct Space {
    pub dimensions: [Dimension; DIMENSIONS],
    /// Where the words of each condition begin in a set, and where the last ones end.
    starts: [usize; DIMENSIONS + 1],
}

impl Space {
    /// The values that a center's profile and the offices in its table give.
    pub fn new(known: &Known, offices: &BTreeSet<String>) -> Self {
        let dimensions = [
            Dimension::list(CancerArea::ALL.iter().map(|one| one.as_str())),
            Dimension::list(ConsultType::ALL.iter().map(|one| one.as_str())),
            Dimension::names(&known.sites, true),
            Dimension::names(&known.languages, false),
            Dimension::list(Payer::ALL.iter().map(|one| one.as_str())),
            Dimension::list(RecordsOnHand::ALL.iter().map(|one| one.as_str())),
            Dimension::list(Urgency::ALL.iter().map(|one| one.as_str())),
            Dimension::names(offices, true),
            Dimension::list(Source::ALL.iter().map(|one| one.as_str())),
            Dimension::list(AgeBand::ALL.iter().map(|one| one.as_str())),
            Dimension::list(DistanceBand::ALL.iter().map(|one| one.as_str())),
            Dimension::names(&known.campaigns, true),
            Dimension::names(&known.located, true),
        ];
        let mut starts = [0; DIMENSIONS + 1];
        for (place, dimension) in dimensions.iter().enumerate() {
            starts[place + 1] = starts[place] + dimension.values.len().div_ceil(64);
        }
        Self { dimensions, starts }
    }

    /// The facts of an inquiry as values.
    pub fn point(&self, facts: &Facts) -> Point {
        let name = |condition: Condition, told: Option<&str>| self.dimensions[condition as usize].of(told);
        [
            facts.cancer_area as u16,
            facts.consult_type as u16,
            name(Condition::Site, facts.site_preference.as_deref()),
            // Somebody who says no language speaks one that is not known; its place is that of any other.
            name(Condition::Language, Some(facts.language.as_str()).filter(|told| !told.is_empty()).or(Some(OTHER))),
            facts.payer as u16,
            facts.records_on_hand as u16,
            facts.urgency as u16,
            name(Condition::ReferringOffice, facts.referring_office.as_deref()),
            facts.source as u16,
            facts.age as u16,
            facts.distance as u16,
            name(Condition::Attribution, facts.attribution.first.campaign.as_deref()),
            name(Condition::NearestSite, facts.nearest_site.as_deref()),
        ]
    }

    /// Words of a whole set.
    pub fn words(&self) -> usize {
        self.starts[DIMENSIONS]
    }

    /// Where the words of a condition stand.
    pub fn span(&self, dimension: usize) -> Range<usize> {
        self.starts[dimension]..self.starts[dimension + 1]
    }

    /// The set of everything.
    pub fn all(&self) -> Vec<u64> {
        let mut set = vec![0; self.words()];
        for (place, dimension) in self.dimensions.iter().enumerate() {
            (0..dimension.values.len()).for_each(|value| insert(&mut set[self.span(place)], value));
        }
        set
    }

    /// Whether a value of a condition is in a set.
    pub fn has(&self, set: &[u64], dimension: usize, value: u16) -> bool {
        set[self.starts[dimension] + usize::from(value) / 64] >> (value % 64) & 1 == 1
    }
}

/// Puts a value into the words of its condition.
pub(super) fn insert(words: &mut [u64], value: usize) {
    words[value / 64] |= 1 << (value % 64);
}

/// Takes a value out of the words of its condition.
pub(super) fn remove(words: &mut [u64], value: usize) {
    words[value / 64] &= !(1 << (value % 64));
}

/// The values in the words of a condition.
pub(super) fn values(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(place, word)| {
        std::iter::successors(Some(*word).filter(|word| *word != 0), |word| {
            Some(word & (word - 1)).filter(|left| *left != 0)
        })
        .map(move |word| place * 64 + word.trailing_zeros() as usize)
    })
}
