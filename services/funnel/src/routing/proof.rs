//! The proof of a table before it goes live: for the whole space of values, and not for samples of it.
//!
//! Every combination lands in a row, every row can take some inquiry, and no row asks for what can never be. A fault names its
//! row and an inquiry that shows it. Deliberately not here: who is on duty for what a row promises (the profile's check).

use crate::distance::DistanceBand;
use crate::fault::{Fault, Place};
use crate::inquiry::{AgeBand, ConsultType};

use super::cover::{Cover, TooTangled};
use super::space::{DIMENSIONS, NONE, OTHER, Point, insert, remove};
use super::table::CORRECT;
use super::{Condition, Known, Table};

/// Looks at rows that a proof may take in all. A table of 2,000 rows takes a hundredth of it unless it is a riddle.
const STEPS: u64 = 100_000_000;

/// Every fault of a table as a whole.
#[must_use]
pub fn prove(place: Place<'_>, table: &Table, known: &Known) -> Vec<Fault> {
    prove_within(STEPS, place, table, known)
}

pub(super) fn prove_within(steps: u64, place: Place<'_>, table: &Table, known: &Known) -> Vec<Fault> {
    let proof = Proof { place, table, possible: possible(table, known), known };
    let mut faults = Vec::new();
    let rows: Vec<u32> = (0..table.rows.len()).filter_map(|row| proof.can_hold(row, &mut faults)).collect();
    let mut cover = Cover::new(&table.space, &table.index.active, &table.sets, steps);
    if let Err(TooTangled) = proof.whole(&mut cover, &rows, &mut faults) {
        faults.push(place.at(
            1,
            "the table can not be proved: too many combinations have to be told apart",
            "use fewer conditions in a row, or split the table by cancer area or consult type",
        ));
    }
    faults
}

/// What an inquiry can say at all, in parts that share nothing. An office without a feed refers nobody, and without places nobody's
/// distance is known. The nearest site and the distance are known together or not at all, which matters to a table that asks for both.
fn possible(table: &Table, known: &Known) -> Vec<Vec<u64>> {
    let mut set = table.space.all();
    let dimension = Condition::ReferringOffice as usize;
    let words = &mut set[table.space.span(dimension)];
    words.fill(0);
    for (value, office) in table.space.dimensions[dimension].values.iter().enumerate() {
        if known.offices.contains(office) || office == OTHER || office == NONE {
            insert(words, value);
        }
    }
    let (sites, distances) = (Condition::NearestSite as usize, Condition::DistanceKm as usize);
    let nowhere = table.space.dimensions[sites].value(NONE).unwrap_or_default();
    let far = DistanceBand::NotKnown as usize;
    let mut unknown = set.clone();
    for (dimension, value) in [(sites, nowhere), (distances, far)] {
        let words = &mut unknown[table.space.span(dimension)];
        words.fill(0);
        insert(words, value);
    }
    if known.located.is_empty() {
        return vec![unknown];
    }
    if ![sites, distances].iter().all(|dimension| table.index.active.contains(dimension)) {
        return vec![set];
    }
    for (dimension, value) in [(sites, nowhere), (distances, far)] {
        remove(&mut set[table.space.span(dimension)], value);
    }
    vec![set, unknown]
}

struct Proof<'a> {
    place: Place<'a>,
    table: &'a Table,
    possible: Vec<Vec<u64>>,
    known: &'a Known,
}

impl Proof<'_> {
    /// Gives the row where it can take some inquiry by itself; else tells why not.
    fn can_hold(&self, row: usize, faults: &mut Vec<Fault>) -> Option<u32> {
        let told = &self.table.rows[row];
        let mut fault = |what: String, remedy: &str| faults.push(self.place.at(told.line, what, remedy));
        if let Some(site) = &told.to_site
            && let Some(sites) = self.known.program_sites.get(&*told.program)
            && !sites.contains(&**site)
        {
            let what = format!("row \"{}\" sends to \"{site}\", where program \"{}\" is not", told.name, told.program);
            fault(what, "name one of the program's sites, leave to_site empty, or add the site in programs.toml");
        }
        if let Some(cut) = &told.cut {
            fault(cut.clone(), CORRECT);
        }
        let set = self.table.set(row);
        let empty = |possible: &[u64], dimension: usize| {
            let span = self.table.space.span(dimension);
            set[span.clone()].iter().zip(&possible[span]).all(|(wanted, possible)| wanted & possible == 0)
        };
        if self.possible.iter().any(|part| (0..DIMENSIONS).all(|dimension| !empty(part, dimension))) {
            return u32::try_from(row).ok();
        }
        let never = |dimension: &usize| self.possible.iter().all(|part| empty(part, *dimension));
        let Some(dimension) = (0..DIMENSIONS).find(never) else {
            let cell = |condition: Condition| &told.cells[condition as usize];
            let (site, distance) = (cell(Condition::NearestSite), cell(Condition::DistanceKm));
            let what = format!(
                "row \"{}\" never holds: the nearest site \"{site}\" and the distance \"{distance}\" are known together or not at all",
                told.name
            );
            fault(what, "ask for both to be known, or for neither");
            return None;
        };
        let (condition, cell) = (Condition::ALL[dimension], &told.cells[dimension]);
        let (why, remedy) = match condition {
            Condition::ReferringOffice => {
                ("no such office has a feed", "add its feed in feeds.toml, or correct the cell")
            }
            Condition::DistanceKm => (
                "nobody's distance is known",
                "add places.csv and the places of sites, add |none, or leave the cell empty",
            ),
            Condition::ConsultType if told.trial_withheld => {
                ("its team is no trial team", "name a team with trial = true in teams.toml")
            }
            _ => ("nothing is left that an inquiry could say", "correct the cell, or leave it empty for any"),
        };
        fault(format!("row \"{}\" never holds: {} \"{cell}\", and {why}", told.name, condition.label("en")), remedy);
        None
    }

    fn whole(&self, cover: &mut Cover<'_>, rows: &[u32], faults: &mut Vec<Fault>) -> Result<(), TooTangled> {
        for part in &self.possible {
            if let Some(point) = cover.uncovered(part, rows)? {
                faults.push(self.gap(&point));
                break;
            }
        }
        for (before, row) in rows.iter().enumerate() {
            let parts = self.possible_of(*row as usize);
            let mut is_taken = true;
            for part in &parts {
                is_taken &= cover.uncovered(part, &rows[..before])?.is_none();
            }
            if is_taken {
                faults.extend(parts.first().map(|part| self.unreachable(*row as usize, part)));
            }
        }
        Ok(())
    }

    /// What a row can take of each part; parts of which it takes nothing are left out.
    fn possible_of(&self, row: usize) -> Vec<Vec<u64>> {
        let space = &self.table.space;
        let own = |part: &Vec<u64>| -> Vec<u64> {
            self.table.set(row).iter().zip(part).map(|(wanted, possible)| wanted & possible).collect()
        };
        let holds = |own: &Vec<u64>| {
            (0..DIMENSIONS).all(|dimension| own[space.span(dimension)].iter().any(|values| *values != 0))
        };
        self.possible.iter().map(own).filter(holds).collect()
    }

    fn gap(&self, point: &Point) -> Fault {
        let line = self.table.rows.last().map_or(1, |row| row.line);
        let trial = point[Condition::ConsultType as usize] == ConsultType::ClinicalTrial as u16;
        let (what, remedy) = if trial {
            (
                "not every trial question reaches a trial team",
                "add a row with consult_type clinical_trial, all other conditions empty, to a team with trial = true",
            )
        } else {
            ("not every inquiry reaches a row", "add a last row with all cells of conditions empty")
        };
        let open = |point: &Point| self.table.index.first(point).is_none();
        self.place.at(line, what, remedy).such_as(self.inquiry(point, open))
    }

    fn unreachable(&self, row: usize, own: &[u64]) -> Fault {
        let told = &self.table.rows[row];
        let first = |dimension: usize| super::space::values(&own[self.table.space.span(dimension)]).next();
        let point: Point = std::array::from_fn(|dimension| {
            first(dimension).and_then(|value| value.try_into().ok()).unwrap_or_default()
        });
        let taker = self.table.index.first(&point).map_or("", |taker| &*self.table.rows[taker].name);
        let what = format!("row \"{}\" never takes an inquiry: the rows before it take all of them", told.name);
        let takes = |point: &Point| self.table.first_failing(row, point).is_none();
        let example = format!("{} goes to row \"{taker}\"", self.inquiry(&point, takes));
        self.place.at(told.line, what, "move the row up, narrow the rows before it, or take it out").such_as(example)
    }

    fn is_possible(&self, point: &Point) -> bool {
        let within =
            |part: &Vec<u64>| (0..DIMENSIONS).all(|dimension| self.table.space.has(part, dimension, point[dimension]));
        self.possible.iter().any(within)
    }

    /// An inquiry in words: only what has to be so for the claim to hold.
    fn inquiry(&self, point: &Point, holds: impl Fn(&Point) -> bool) -> String {
        let count = |dimension: usize| self.table.space.dimensions[dimension].values.len();
        let with = |point: &Point, dimension: usize, value: usize| {
            let mut other = *point;
            other[dimension] = u16::try_from(value).unwrap_or(u16::MAX);
            other
        };
        let fails = |other: &Point| self.is_possible(other) && !holds(other);
        let alone = |dimension: usize| (0..count(dimension)).any(|value| fails(&with(point, dimension, value)));
        let (site, distance) = (Condition::NearestSite as usize, Condition::DistanceKm as usize);
        // Where it is so of every known place and not of an unknown one, or the other way round, neither changes alone.
        let together = || {
            let both = |value: usize| {
                let other = with(point, site, value);
                (0..count(distance)).any(|value| fails(&with(&other, distance, value)))
            };
            !alone(distance) && (0..count(site)).any(both)
        };
        let matters = |dimension: &usize| alone(*dimension) || *dimension == site && together();
        let parts: Vec<String> = self
            .table
            .index
            .active
            .iter()
            .copied()
            .filter(matters)
            .map(|dimension| {
                let condition = Condition::ALL[dimension];
                format!("the {} {}", condition.label("en"), self.value(condition, point[dimension]))
            })
            .collect();
        if parts.is_empty() { "any inquiry".to_owned() } else { format!("an inquiry with {}", parts.join(" and ")) }
    }

    fn value(&self, condition: Condition, value: u16) -> String {
        let word =
            self.table.space.dimensions[condition as usize].values.get(usize::from(value)).map_or("", String::as_str);
        match (condition, word) {
            (_, OTHER) if condition.is_named() => "that is not in the table's lists".to_owned(),
            (_, NONE) if condition.is_named() => "left open".to_owned(),
            (Condition::Age, word) if word == AgeBand::NotKnown.as_str() => "not known".to_owned(),
            (Condition::DistanceKm, word) if word == DistanceBand::NotKnown.as_str() => "not known".to_owned(),
            (_, word) => condition.words(word, "en"),
        }
    }
}
