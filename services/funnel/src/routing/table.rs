//! Reading routing.csv: columns are found by name, cells become sets, names are checked, and every fault gets its line and
//! remedy.
//!
//! Deliberately not here: whether the rows together make sense (`proof`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fault::{Fault, Place};
use crate::inquiry::ConsultType;

use super::cell::{self, is_any};
use super::index::Index;
use super::space::{DIMENSIONS, NONE, OTHER, Point, Space};
use super::{Condition, Priority};

/// Columns that every table has.
const NEEDED: [&str; 6] = ["row", "program", "team", "priority", "target_hours", "script"];
/// Columns that may be left out, besides those of the conditions: then all their cells are empty.
const OPTIONAL: [&str; 3] = ["to_site", "skills", "note"];
/// What to do about a cell that can not be meant.
pub(super) const CORRECT: &str = "correct the cell, or leave it empty for any";

/// The names that a table may use, and what is known of them.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Program ids.
    pub programs: BTreeSet<String>,
    /// Where each program is.
    pub program_sites: BTreeMap<String, BTreeSet<String>>,
    /// Team ids.
    pub teams: BTreeSet<String>,
    /// Those of them that answer trial questions.
    pub trial_teams: BTreeSet<String>,
    /// Site ids.
    pub sites: BTreeSet<String>,
    /// Those of them that can be the nearest one; none where nobody's distance is known.
    pub located: BTreeSet<String>,
    /// Languages of the center.
    pub languages: BTreeSet<String>,
    /// Script ids.
    pub scripts: BTreeSet<String>,
    /// Skills that somebody has.
    pub skills: BTreeSet<String>,
    /// Ids of the offices that can refer somebody: those with a feed.
    pub offices: BTreeSet<String>,
    /// Campaigns whose names travel.
    pub campaigns: BTreeSet<String>,
}

/// One row, read.
#[derive(Debug, Clone)]
pub struct Row {
    /// Name of the row.
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
    /// What whoever answers must know beyond their role.
    pub skills: Arc<[String]>,
    /// For the reader of the table.
    pub note: String,
    /// The cells of the conditions as written, in the order of [`Condition`].
    pub cells: [String; DIMENSIONS],
    /// Trial questions were taken out because the team is no trial team.
    pub(super) trial_withheld: bool,
    /// What is wrong with distances that can be read all the same; the proof tells it.
    pub(super) cut: Option<String>,
}

/// A routing table whose rows can be read.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its rows, first match wins.
    pub rows: Vec<Row>,
    pub(super) space: Space,
    /// What each row takes, one behind the other.
    pub(super) sets: Vec<u64>,
    pub(super) index: Index,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// Every fault with line and remedy: missing and unknown columns, unknown terms and names, a trial question that is sent to
    /// another team.
    pub fn parse(file: &str, text: &str, known: &Known) -> Result<Self, Vec<Fault>> {
        let place = Place { file, text };
        // Spreadsheets put a mark before the first letter.
        let plain = text.trim_start_matches('\u{feff}');
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(plain.as_bytes());
        let head = reader.headers().cloned().unwrap_or_default();
        let columns = Columns::find(place, &head)?;
        let mut faults = Vec::new();
        let mut records = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => records.push((line_of(record.position()), record)),
                Err(error) => faults.push(place.at(
                    line_of(error.position()),
                    format!("the row does not have {} columns", head.len()),
                    "add the missing commas or put quotes around a text with commas",
                )),
            }
        }
        let mut reading = Reading { place, known, columns: &columns, faults };
        let offices = offices(&records, &columns);
        let space = Space::new(known, &offices);
        let (mut rows, mut sets) = (Vec::with_capacity(records.len()), Vec::new());
        for (line, record) in &records {
            if let Some((row, set)) = reading.row(&space, *line, record) {
                rows.push(row);
                sets.extend(set);
            }
        }
        reading.whole(&rows);
        if !reading.faults.is_empty() {
            return Err(reading.faults);
        }
        let index = Index::new(&space, &sets);
        Ok(Self { rows, space, sets, index })
    }

    /// What a row takes.
    pub(super) fn set(&self, row: usize) -> &[u64] {
        let words = self.space.words();
        &self.sets[row * words..(row + 1) * words]
    }

    /// The first condition of a row that a point does not meet.
    pub(super) fn first_failing(&self, row: usize, point: &Point) -> Option<usize> {
        let set = self.set(row);
        self.index.active.iter().copied().find(|dimension| !self.space.has(set, *dimension, point[*dimension]))
    }

    /// Whether a row takes inquiries that say this of a condition; `none` where they say nothing.
    #[must_use]
    pub fn takes(&self, row: usize, condition: Condition, value: &str) -> bool {
        let dimension = condition as usize;
        let place = self.space.dimensions.get(dimension).and_then(|values| values.value(value));
        let place = place.and_then(|place| u16::try_from(place).ok());
        place.is_some_and(|place| self.space.has(self.set(row), dimension, place))
    }

    /// The words that a row names in a condition; none where it takes everything, or everything but some.
    pub fn named(&self, row: usize, condition: Condition) -> impl Iterator<Item = &str> {
        let cell = self.rows[row].cells.get(condition as usize).map_or("", String::as_str);
        let (negated, words) = cell::words(cell);
        words.filter(move |_| !negated && !is_any(cell))
    }
}

fn line_of(position: Option<&csv::Position>) -> usize {
    position.map_or(1, |position| usize::try_from(position.line()).unwrap_or(1))
}

/// The offices that the table names.
fn offices(records: &[(usize, csv::StringRecord)], columns: &Columns) -> BTreeSet<String> {
    let cells = records.iter().map(|(_, record)| columns.cell(record, Condition::ReferringOffice.as_str()));
    let words = cells.filter(|cell| !is_any(cell)).flat_map(|cell| cell::words(cell).1);
    words.filter(|word| *word != NONE && *word != OTHER).map(str::to_owned).collect()
}

fn conditions() -> impl Iterator<Item = Condition> {
    Condition::ALL.iter().copied().take(DIMENSIONS)
}

/// Where each column stands.
struct Columns(BTreeMap<String, usize>);

impl Columns {
    fn find(place: Place<'_>, head: &csv::StringRecord) -> Result<Self, Vec<Fault>> {
        let all = || NEEDED[..1].iter().copied().chain(conditions().map(Condition::as_str));
        let all = || all().chain(NEEDED[1..].iter().copied()).chain(OPTIONAL);
        let remedy = || format!("the columns are: {}", all().collect::<Vec<_>>().join(","));
        let mut faults = Vec::new();
        let mut places = BTreeMap::new();
        for (at, name) in head.iter().enumerate() {
            if !all().any(|known| known == name) {
                faults.push(place.at(1, format!("the column \"{name}\" is unknown"), remedy()));
            } else if places.insert(name.to_owned(), at).is_some() {
                faults.push(place.at(1, format!("the column \"{name}\" stands there twice"), "take one of them out"));
            }
        }
        for name in NEEDED.iter().filter(|name| !places.contains_key(**name)) {
            faults.push(place.at(1, format!("the column \"{name}\" is missing"), remedy()));
        }
        if faults.is_empty() { Ok(Self(places)) } else { Err(faults) }
    }

    /// A cell; empty where the column is left out.
    fn cell<'r>(&self, record: &'r csv::StringRecord, column: &str) -> &'r str {
        self.0.get(column).and_then(|at| record.get(*at)).unwrap_or_default()
    }
}

struct Reading<'a> {
    place: Place<'a>,
    known: &'a Known,
    columns: &'a Columns,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn fault(&mut self, line: usize, what: String, remedy: impl Into<String>) {
        self.faults.push(self.place.at(line, what, remedy));
    }

    fn row(&mut self, space: &Space, line: usize, record: &csv::StringRecord) -> Option<(Row, Vec<u64>)> {
        let before = self.faults.len();
        let columns = self.columns;
        let cell = |column: &str| columns.cell(record, column);
        let (mut set, mut cut) = (vec![0; space.words()], None);
        for condition in conditions() {
            let (values, words) = (&space.dimensions[condition as usize], &mut set[space.span(condition as usize)]);
            match cell::read(condition, values, cell(condition.as_str()), words) {
                Ok(None) => {}
                Ok(Some(found)) => cut = Some(format!("column {condition}: {found}")),
                Err(failure) => self.fault(line, format!("column {condition}: {failure}"), CORRECT),
            }
        }
        let trial_withheld = self.withhold_trials(space, line, record, &mut set);
        self.names(line, record);
        let (priority, target_minutes) = self.urgency(line, cell("priority"), cell("target_hours"))?;
        let skills = cell("skills").split('|').map(str::trim).filter(|skill| !skill.is_empty()).map(str::to_owned);
        let row = Row {
            name: cell("row").into(),
            line,
            program: cell("program").into(),
            team: cell("team").into(),
            to_site: Some(cell("to_site")).filter(|site| !site.is_empty()).map(Arc::from),
            priority,
            target_minutes,
            script: cell("script").into(),
            skills: skills.collect(),
            note: cell("note").to_owned(),
            cells: std::array::from_fn(|place| cell(Condition::ALL[place].as_str()).to_owned()),
            trial_withheld,
            cut,
        };
        (self.faults.len() == before).then_some((row, set))
    }

    /// Takes trial questions out of the rows of other teams; a row that names them is a mistake.
    fn withhold_trials(&mut self, space: &Space, line: usize, record: &csv::StringRecord, set: &mut [u64]) -> bool {
        let (dimension, trial) = (Condition::ConsultType as usize, ConsultType::ClinicalTrial as u16);
        let team = self.columns.cell(record, "team");
        if self.known.trial_teams.contains(team) || !space.has(set, dimension, trial) {
            return false;
        }
        set[space.span(dimension)][0] &= !ConsultType::ClinicalTrial.bit();
        let asked = self.columns.cell(record, Condition::ConsultType.as_str());
        if !is_any(asked) && !asked.starts_with('!') {
            let what = format!("trial questions go to \"{team}\", which is no trial team");
            self.fault(line, what, "name a team with trial = true in teams.toml");
        }
        true
    }

    /// Refuses names in the columns of the answer that no other file defines.
    fn names(&mut self, line: usize, record: &csv::StringRecord) {
        let (known, columns) = (self.known, self.columns);
        let answers = [
            ("program", &known.programs, false),
            ("team", &known.teams, false),
            ("to_site", &known.sites, true),
            ("script", &known.scripts, false),
        ];
        for (column, names, may_be_empty) in answers {
            let name = columns.cell(record, column);
            if !(names.contains(name) || may_be_empty && name.is_empty()) {
                let word = column.trim_start_matches("to_");
                self.fault(line, format!("{word} \"{name}\" does not exist"), one_of(names));
            }
        }
        for skill in columns.cell(record, "skills").split('|').map(str::trim).filter(|skill| !skill.is_empty()) {
            if !known.skills.contains(skill) {
                self.fault(line, format!("nobody on the staff has the skill \"{skill}\""), one_of(&known.skills));
            }
        }
    }

    fn urgency(&mut self, line: usize, priority: &str, hours: &str) -> Option<(Priority, u32)> {
        let read = priority.parse::<Priority>();
        if let Err(error) = &read {
            let remedy = format!("use one of: {}", error.allowed);
            self.fault(line, format!("priority \"{priority}\" is unknown"), remedy);
        }
        let target = target(hours);
        if target.is_none() {
            let what = format!("target_hours \"{hours}\" is not above zero");
            self.fault(line, what, "write open hours until first contact, such as 4 or 0.5");
        }
        read.ok().zip(target)
    }

    fn whole(&mut self, rows: &[Row]) {
        if rows.is_empty() && self.faults.is_empty() {
            self.fault(1, "the table has no row".into(), "add a last row with all cells of conditions empty");
        }
        let mut seen = BTreeSet::new();
        for row in rows {
            if !seen.insert(&row.name) {
                let what = format!("row \"{}\" occurs twice", row.name);
                self.fault(row.line, what, "give each row its own name or number");
            }
        }
    }
}

fn one_of(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "there is none yet".to_owned();
    }
    format!("use one of: {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

fn target(cell: &str) -> Option<u32> {
    let hours: f64 = cell.parse().ok()?;
    let minutes = (hours * 60.0).round();
    (1.0..=60_000.0).contains(&minutes).then_some(minutes as u32)
}
