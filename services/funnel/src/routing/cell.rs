//! What a cell of a condition means: empty or `any`; `a|b`; `!a` or `!a|b` for everything but these; for ages and distances
//! also `18-39`, `<18`, `>=65`.
//!
//! Deliberately not here: the cells of the answer, which are names.

use crate::distance::DistanceBand;
use crate::inquiry::AgeBand;

use super::Condition;
use super::space::{Dimension, NONE, insert};

/// Whether a cell asks for nothing.
pub(super) fn is_any(cell: &str) -> bool {
    cell.is_empty() || cell == "any"
}

/// The words of a cell that asks for something, and whether it asks for everything but these.
pub(super) fn words(cell: &str) -> (bool, impl Iterator<Item = &str>) {
    let (negated, list) = cell.strip_prefix('!').map_or((false, cell), |rest| (true, rest));
    (negated, list.split('|').map(|word| word.trim().trim_start_matches('!')).filter(|word| !word.is_empty()))
}

/// Reads a cell into the words of its condition. Gives what the proof tells of it: distances that cut through a band, of which the cell
/// means the whole bands alone.
pub(super) fn read(
    condition: Condition,
    dimension: &Dimension,
    cell: &str,
    set: &mut [u64],
) -> Result<Option<String>, String> {
    let every = |set: &mut [u64]| (0..dimension.values.len()).for_each(|value| insert(set, value));
    if is_any(cell) {
        every(set);
        return Ok(None);
    }
    let (negated, words) = words(cell);
    let mut cut = None;
    for word in words {
        cut = cut.or(one(condition, dimension, word, set)?);
    }
    if negated {
        let mut all = vec![0; set.len()];
        every(&mut all);
        set.iter_mut().zip(all).for_each(|(word, all)| *word = all & !*word);
    }
    Ok(cut)
}

fn one(condition: Condition, dimension: &Dimension, word: &str, set: &mut [u64]) -> Result<Option<String>, String> {
    match condition {
        Condition::Age => {
            let bands = AgeBand::ALL.iter().map(|band| (*band as usize, band.years()));
            banded(word, bands, "ages are known as <18, 18-39, 40-64 and >=65 only", set)?.map_or(Ok(None), Err)
        }
        Condition::DistanceKm => {
            let bands = DistanceBand::ALL.iter().map(|band| (*band as usize, band.kilometres()));
            let known = "distances are known as <10, 10-24, 25-49, 50-99, 100-199 and >=200 km only";
            // Tables from before there were bands are in force with other distances; one that is not read would be in force no more.
            banded(word, bands, known, set)
        }
        _ => {
            let value = dimension.value(word).ok_or_else(|| unknown(condition, dimension, word))?;
            insert(set, value);
            Ok(None)
        }
    }
}

fn unknown(condition: Condition, dimension: &Dimension, word: &str) -> String {
    match condition {
        Condition::Site => format!("site \"{word}\" does not exist"),
        Condition::NearestSite => {
            format!(
                "\"{word}\" is no site whose place on the map is known; add its latitude and longitude, and places.csv"
            )
        }
        Condition::Language => format!("language \"{word}\" is not one of the center's"),
        Condition::Attribution => format!("campaign \"{word}\" is not in the list campaigns of center.toml"),
        _ => format!("\"{word}\" is an unknown {}; use one of: {}", condition.label("en"), dimension.values.join(", ")),
    }
}

/// Ages and distances are known in bands alone, so a cell can only ask for whole ones; gives what is wrong with one that cuts through a
/// band, of which the whole ones are taken. The band without bounds is what is not known.
fn banded(
    word: &str,
    bands: impl Iterator<Item = (usize, Option<(u32, u32)>)>,
    known: &str,
    set: &mut [u64],
) -> Result<Option<String>, String> {
    let wanted = if word == NONE { None } else { Some(span(word)?) };
    let mut cut = None;
    for (value, bounds) in bands {
        match (wanted, bounds) {
            (None, None) => insert(set, value),
            (Some((from, to)), Some((first, last))) if from <= first && last <= to => insert(set, value),
            (Some((from, to)), Some((first, last))) if from <= last && first <= to => {
                cut = Some(format!("\"{word}\" cuts through a band; {known}"));
            }
            _ => {}
        }
    }
    Ok(cut)
}

/// First and last whole number of `18-39`, `<18`, `<=17`, `>64` or `>=65`.
fn span(word: &str) -> Result<(u32, u32), String> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let read = if let Some(rest) = word.strip_prefix(">=") {
        number(rest).map(|from| (from, u32::MAX))
    } else if let Some(rest) = word.strip_prefix("<=") {
        number(rest).map(|to| (0, to))
    } else if let Some(rest) = word.strip_prefix('>') {
        number(rest).and_then(|below| Some((below.checked_add(1)?, u32::MAX)))
    } else if let Some(rest) = word.strip_prefix('<') {
        number(rest).and_then(|above| Some((0, above.checked_sub(1)?)))
    } else {
        word.split_once('-').and_then(|(from, to)| number(from).zip(number(to)))
    };
    read.filter(|(from, to)| from <= to)
        .ok_or_else(|| format!("\"{word}\" is no range; write 18-39, <18, >=65, or {NONE} for what is not known"))
}
