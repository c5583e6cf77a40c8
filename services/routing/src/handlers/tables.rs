//! The table in force and proposed ones, as the wire tells of them.
//!
//! A faulty table is an answer and no refusal: its faults are what was asked for. Deliberately not here: putting one in force,
//! which is a center's profile as a whole.

use causeway_funnel::fault::Fault;
use causeway_funnel::profile::Profile;
use causeway_funnel::routing::{Condition, Row, Table};
use causeway_proto::error::Reason;
use causeway_proto::routing::v1::{
    ListRowsResponse, TableCell, TableFault, TableRow, TeamLoad, TeamMove, WhatIfResponse,
};
use tonic::Status;

use crate::domain::WhatIf;

/// Longest table that is looked at, bytes.
const LONGEST: usize = 1 << 20;
/// Days that are replayed at most: ten years.
const MOST_DAYS: u16 = 3_660;
const FILE: &str = "routing.csv";

/// The table in force.
pub(super) fn rows(revision: &str, profile: &Profile) -> ListRowsResponse {
    ListRowsResponse {
        revision: revision.to_owned(),
        rows: profile.routing.rows.iter().map(row).collect(),
        faults: profile.routing_faults().into_iter().map(fault).collect(),
    }
}

fn row(row: &Row) -> TableRow {
    let cells = Condition::ALL.iter().zip(&row.cells).filter(|(_, cell)| !cell.is_empty() && *cell != "any");
    TableRow {
        row: row.name.to_string(),
        line: number(row.line),
        conditions: cells.map(|(column, cell)| TableCell { column: column.to_string(), cell: cell.clone() }).collect(),
        program: row.program.to_string(),
        team: row.team.to_string(),
        to_site: row.to_site.as_deref().unwrap_or_default().to_owned(),
        priority: row.priority.to_string(),
        target_minutes: i32::try_from(row.target_minutes).unwrap_or(i32::MAX),
        script: row.script.to_string(),
        skills: row.skills.to_vec(),
        note: row.note.clone(),
    }
}

/// Reads and proves a proposed table.
///
/// # Errors
/// Nobody could have meant this as a table.
pub(super) fn propose(profile: &Profile, csv: &str) -> Result<Result<Table, Vec<Fault>>, Status> {
    if csv.trim().is_empty() || csv.len() > LONGEST {
        return Err(
            Reason::FieldFault.status("csv: send a table of at most a megabyte, its first line naming the columns")
        );
    }
    Ok(profile.propose(FILE, csv))
}

/// Reads how many days are to be replayed.
pub(super) fn days(asked: i32) -> Result<u16, Status> {
    let days = u16::try_from(asked).ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.ok_or_else(|| Reason::FieldFault.status(format!("days: ask for 1 to {MOST_DAYS} days")))
}

pub(super) fn fault(fault: Fault) -> TableFault {
    let example = fault.example.unwrap_or_default();
    TableFault { line: number(fault.line), what: fault.what, remedy: fault.remedy, example }
}

pub(super) fn told(told: WhatIf) -> WhatIfResponse {
    WhatIfResponse {
        faults: Vec::new(),
        considered: told.considered,
        unreadable: told.unreadable,
        moved: told.moved,
        moves: told.moves.into_iter().map(|one| TeamMove { from: one.from, to: one.to, count: one.count }).collect(),
        load: told
            .load
            .into_iter()
            .map(|one| TeamLoad { team: one.team, before: one.before, after: one.after })
            .collect(),
        met_before: told.targets.met_before,
        met_after: told.targets.met_after,
        gained: told.targets.gained,
        missed: told.targets.missed,
        not_tried: told.targets.not_tried,
    }
}

fn number(line: usize) -> i32 {
    i32::try_from(line).unwrap_or(i32::MAX)
}
