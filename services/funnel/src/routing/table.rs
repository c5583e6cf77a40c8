//! Reading routing.csv: cells become bit sets, names are checked, and every fault gets its line and remedy.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use crate::fault::{Fault, Place};
use crate::inquiry::{CancerArea, ConsultType, Payer, RecordsOnHand, Source, Urgency};
use crate::words::UnknownWord;

use super::{Bits, Priority};

const HEADER: [&str; 17] = [
    "row",
    "cancer_area",
    "consult_type",
    "site",
    "language",
    "payer",
    "records",
    "urgency",
    "referring_office",
    "source",
    "program",
    "team",
    "to_site",
    "priority",
    "target_hours",
    "script",
    "note",
];
const ANY: u64 = u64::MAX;
/// Bit of a name that no row mentions.
const OTHER_NAME: u64 = 1 << 63;
/// Bit of a fact that is not there, written `none` in a cell.
const NO_NAME: u64 = 1 << 62;

/// The names that a table may use, and which teams are trial teams.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Program ids.
    pub programs: BTreeSet<String>,
    /// Team ids.
    pub teams: BTreeSet<String>,
    /// Those of them that answer trial questions.
    pub trial_teams: BTreeSet<String>,
    /// Site ids.
    pub sites: BTreeSet<String>,
    /// Languages of the center.
    pub languages: BTreeSet<String>,
    /// Script ids.
    pub scripts: BTreeSet<String>,
}

/// Names that occur in one column, each with its bit.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    pub(super) fn bit(&self, name: Option<&str>) -> u64 {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return NO_NAME };
        self.0.iter().position(|known| known == name).map_or(OTHER_NAME, |place| 1 << place)
    }

    fn learn(&mut self, name: &str) -> Result<u64, String> {
        if name == "none" {
            return Ok(NO_NAME);
        }
        if !self.0.iter().any(|known| known == name) {
            if self.0.len() == 62 {
                return Err("this column names more than 62 different values".into());
            }
            self.0.push(name.to_owned());
        }
        Ok(self.bit(Some(name)))
    }
}

/// One row, compiled.
#[derive(Debug, Clone)]
pub struct Row {
    /// Name of the row (its first column).
    pub name: Arc<str>,
    /// Line in the file.
    pub line: usize,
    /// Program id.
    pub program: Arc<str>,
    /// Team id.
    pub team: Arc<str>,
    /// Site id, if the row sets one.
    pub to_site: Option<Arc<str>>,
    /// How pressing.
    pub priority: Priority,
    /// First contact within so many open minutes.
    pub target_minutes: u32,
    /// Script id.
    pub script: Arc<str>,
    /// For the reader of the table.
    pub note: String,
    /// The cells of the nine conditions, as written.
    pub cells: [String; 9],
    /// Trial questions were taken out because the team is no trial team.
    pub(super) trial_withheld: bool,
    wanted: Bits,
}

impl Row {
    pub(super) fn matches(&self, facts: &Bits) -> bool {
        self.wanted.iter().zip(facts).all(|(wanted, fact)| wanted & fact != 0)
    }

    pub(super) fn first_failing(&self, facts: &Bits) -> Option<usize> {
        self.wanted.iter().zip(facts).position(|(wanted, fact)| wanted & fact == 0)
    }

    fn is_catch_all(&self) -> bool {
        self.cells.iter().all(|cell| is_any(cell))
    }
}

/// A routing table that passed its checks.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its rows, first match wins.
    pub rows: Vec<Row>,
    pub(super) sites: Names,
    pub(super) languages: Names,
    pub(super) offices: Names,
}

fn is_any(cell: &str) -> bool {
    cell.is_empty() || cell == "any"
}

/// The set that a cell means: empty or `any`; `a|b`; `!a` or `!a|b` for everything but these.
fn cell_set(cell: &str, mut bit: impl FnMut(&str) -> Result<u64, String>) -> Result<u64, String> {
    if is_any(cell) {
        return Ok(ANY);
    }
    let (negated, list) = cell.strip_prefix('!').map_or((false, cell), |rest| (true, rest));
    let mut set = 0;
    for word in list.split('|') {
        set |= bit(word.trim().trim_start_matches('!'))?;
    }
    Ok(if negated { !set } else { set })
}

fn term<T: FromStr<Err = UnknownWord>>(bit: fn(T) -> u64) -> impl FnMut(&str) -> Result<u64, String> {
    move |word| word.parse().map(bit).map_err(|error: UnknownWord| format!("\"{word}\" is an {error}"))
}

impl Table {
    /// Reads and checks a table.
    ///
    /// # Errors
    /// Every fault with line and remedy: unknown terms and names, a missing last row for all, a trial question that
    /// would not reach a trial team.
    pub fn parse(file: &str, text: &str, known: &Known) -> Result<Self, Vec<Fault>> {
        let place = Place { file, text };
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
        let header: Vec<String> =
            reader.headers().map(|head| head.iter().map(str::to_owned).collect()).unwrap_or_default();
        if header != HEADER {
            return Err(vec![place.at(
                1,
                "the columns are not the expected ones",
                format!("make the first line: {}", HEADER.join(",")),
            )]);
        }
        let mut table =
            Self { rows: Vec::new(), sites: Names::default(), languages: Names::default(), offices: Names::default() };
        let mut faults = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = record.position().map_or(1, |position| usize::try_from(position.line()).unwrap_or(1));
                    let before = faults.len();
                    let row = table.read_row(place, line, &record, known, &mut faults);
                    if faults.len() == before {
                        table.rows.extend(row);
                    }
                }
                Err(error) => {
                    let line = error.position().map_or(1, |position| usize::try_from(position.line()).unwrap_or(1));
                    faults.push(place.at(
                        line,
                        "the row does not have 17 columns",
                        "add the missing commas or put quotes around a text with commas",
                    ));
                }
            }
        }
        if faults.is_empty() {
            table.check_whole(place, known, &mut faults);
        }
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }

    fn read_row(
        &mut self,
        place: Place<'_>,
        line: usize,
        record: &csv::StringRecord,
        known: &Known,
        faults: &mut Vec<Fault>,
    ) -> Option<Row> {
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let (mut wanted, failures) = self.read_conditions(record, known);
        for (column, failure) in failures {
            let what = format!("column {}: {failure}", HEADER[column]);
            faults.push(place.at(line, what, "correct the cell, or leave it empty for any"));
        }
        let trial_team = known.trial_teams.contains(cell(11));
        let trial_withheld = !trial_team && wanted[1] & ConsultType::ClinicalTrial.bit() != 0;
        if trial_withheld {
            wanted[1] &= !ConsultType::ClinicalTrial.bit();
            if !is_any(cell(2)) && !cell(2).starts_with('!') {
                let what = format!("trial questions go to \"{}\", which is no trial team", cell(11));
                faults.push(place.at(line, what, "name a team with trial = true in teams.toml"));
            }
        }
        check_names(place, line, record, known, faults);
        let (priority, target_minutes) = urgency(place, line, cell(13), cell(14), faults)?;
        Some(Row {
            name: cell(0).into(),
            line,
            program: cell(10).into(),
            team: cell(11).into(),
            to_site: (!cell(12).is_empty()).then(|| cell(12).into()),
            priority,
            target_minutes,
            script: cell(15).into(),
            note: cell(16).to_owned(),
            cells: std::array::from_fn(|column| cell(column + 1).to_owned()),
            trial_withheld,
            wanted,
        })
    }

    fn read_conditions(&mut self, record: &csv::StringRecord, known: &Known) -> (Bits, Vec<(usize, String)>) {
        let Self { sites, languages, offices, .. } = self;
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let site = |word: &str| {
            let exists = word == "none" || known.sites.contains(word);
            if exists { sites.learn(word) } else { Err(format!("site \"{word}\" does not exist")) }
        };
        let language = |word: &str| {
            let offered = known.languages.contains(word);
            if offered { languages.learn(word) } else { Err(format!("language \"{word}\" is not one of the center's")) }
        };
        let sets = [
            cell_set(cell(1), term(CancerArea::bit)),
            cell_set(cell(2), term(ConsultType::bit)),
            cell_set(cell(3), site),
            cell_set(cell(4), language),
            cell_set(cell(5), term(Payer::bit)),
            cell_set(cell(6), term(RecordsOnHand::bit)),
            cell_set(cell(7), term(Urgency::bit)),
            cell_set(cell(8), |word| offices.learn(word)),
            cell_set(cell(9), term(Source::bit)),
        ];
        let mut failures = Vec::new();
        let mut wanted = [ANY; 9];
        for (column, set) in sets.into_iter().enumerate() {
            match set {
                Ok(set) => wanted[column] = set,
                Err(failure) => failures.push((column + 1, failure)),
            }
        }
        (wanted, failures)
    }

    fn check_whole(&self, place: Place<'_>, known: &Known, faults: &mut Vec<Fault>) {
        if self.rows.last().is_none_or(|row| !row.is_catch_all()) {
            let line = self.rows.last().map_or(1, |row| row.line);
            faults.push(place.at(
                line,
                "the last row does not take every inquiry",
                "add a last row with all nine condition cells empty",
            ));
        }
        let takes_trials = |row: &Row| {
            known.trial_teams.contains(&*row.team)
                && row.wanted[1] & ConsultType::ClinicalTrial.bit() != 0
                && row.cells.iter().enumerate().all(|(place, cell)| place == 1 || is_any(cell))
        };
        if !self.rows.iter().any(takes_trials) {
            faults.push(place.at(
                1,
                "not every trial question reaches a trial team",
                "add a row with consult_type clinical_trial, all other conditions empty, to a team with trial = true",
            ));
        }
        let mut seen = BTreeSet::new();
        for row in &self.rows {
            if !seen.insert(&row.name) {
                faults.push(place.at(
                    row.line,
                    format!("row \"{}\" occurs twice", row.name),
                    "give each row its own name or number",
                ));
            }
        }
    }
}

/// Refuses names in the outcome columns that no other file defines.
fn check_names(place: Place<'_>, line: usize, record: &csv::StringRecord, known: &Known, faults: &mut Vec<Fault>) {
    let outcomes = [
        (10, &known.programs, "program"),
        (11, &known.teams, "team"),
        (12, &known.sites, "site"),
        (15, &known.scripts, "script"),
    ];
    for (column, names, word) in outcomes {
        let name = record.get(column).unwrap_or_default();
        let left_open = column == 12 && name.is_empty();
        if !left_open && !names.contains(name) {
            faults.push(place.at(line, format!("{word} \"{name}\" does not exist"), one_of(names)));
        }
    }
}

fn urgency(
    place: Place<'_>,
    line: usize,
    priority: &str,
    hours: &str,
    faults: &mut Vec<Fault>,
) -> Option<(Priority, u32)> {
    let read = priority.parse::<Priority>();
    if let Err(error) = &read {
        let what = format!("priority \"{priority}\" is unknown");
        faults.push(place.at(line, what, format!("use one of: {}", error.allowed)));
    }
    let target = target(hours);
    if target.is_none() {
        let what = format!("target_hours \"{hours}\" is not above zero");
        faults.push(place.at(line, what, "write open hours until first contact, such as 4 or 0.5"));
    }
    read.ok().zip(target)
}

fn one_of(names: &BTreeSet<String>) -> String {
    format!("use one of: {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

fn target(cell: &str) -> Option<u32> {
    let hours: f64 = cell.parse().ok()?;
    let minutes = (hours * 60.0).round();
    (1.0..=60_000.0).contains(&minutes).then_some(minutes as u32)
}
