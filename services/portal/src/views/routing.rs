//! The routing table and what another one would do, in words.
//!
//! Deliberately not here: asking routing (handlers).

use causeway_funnel::profile::Profile;
use causeway_funnel::routing::{Condition, Priority};
use causeway_proto::routing::v1::{TableCell, TableFault, TableRow, WhatIfResponse};

use crate::pages::{Figures, RuleFault, RuleRow, Share, Way};

/// A row.
pub fn row(profile: &Profile, row: &TableRow) -> RuleRow {
    let priority = row.priority.parse::<Priority>().map_or("", |priority| priority.label("en"));
    let site = profile.site(&row.to_site).map(|site| site.name.as_str());
    let program = profile.program(&row.program).map_or(row.program.as_str(), |program| program.name.get("en"));
    let script =
        profile.scripts.pick(&row.script, "en").map_or(row.script.as_str(), |script| script.situation.label("en"));
    let skills = if row.skills.is_empty() { String::new() } else { format!("; asks for {}", row.skills.join(", ")) };
    RuleRow {
        name: row.row.clone(),
        when: row.conditions.iter().map(condition).collect(),
        team: team(profile, &row.team),
        place: site.map_or_else(|| program.to_owned(), |site| format!("{program}, {site}")),
        target: format!("{} · {}", within(row.target_minutes), priority),
        script: format!("{script}{skills}"),
        note: row.note.clone(),
    }
}

/// A cell, such as “cancer area: “Breast””.
fn condition(cell: &TableCell) -> String {
    let condition: Condition = cell.column.parse().unwrap_or_default();
    let (not, words) = cell.cell.strip_prefix('!').map_or(("", cell.cell.as_str()), |words| ("not ", words));
    format!("{}: {not}{}", condition.label("en"), condition.words(words, "en"))
}

/// Open hours in words.
fn within(minutes: i32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("within {minutes} open minutes"),
        (1, 0) => "within 1 open hour".to_owned(),
        (hours, 0) => format!("within {hours} open hours"),
        (hours, minutes) => format!("within {hours} h {minutes} min of open time"),
    }
}

fn team(profile: &Profile, id: &str) -> String {
    profile.team(id).map_or(id, |team| team.name.get("en")).to_owned()
}

/// A fault.
pub fn fault(fault: &TableFault) -> RuleFault {
    RuleFault {
        line: fault.line.to_string(),
        what: fault.what.clone(),
        example: fault.example.clone(),
        remedy: fault.remedy.clone(),
    }
}

/// What another table would have done.
pub fn figures(profile: &Profile, told: &WhatIfResponse, days: i32) -> Figures {
    let summary = match (told.considered, told.moved) {
        (0, _) => "There is no past request to try it on.".to_owned(),
        (considered, 0) => format!("Of {considered} requests in {days} days, all would have gone to the same team."),
        (considered, moved) => {
            format!("Of {considered} requests in {days} days, {moved} would have gone to another team.")
        }
    };
    Figures {
        summary,
        ways: told
            .moves
            .iter()
            .map(|one| Way { from: team(profile, &one.from), to: team(profile, &one.to), count: one.count.to_string() })
            .collect(),
        load: told
            .load
            .iter()
            .map(|one| Share {
                team: team(profile, &one.team),
                before: one.before.to_string(),
                after: one.after.to_string(),
            })
            .collect(),
        targets: format!(
            "First contact in time: {} until now, {} by this table, if each call had come at the same moment. {} would be gained \
             and {} missed; {} were not called yet.",
            told.met_before, told.met_after, told.gained, told.missed, told.not_tried
        ),
    }
}

#[cfg(test)]
mod tests {
    use causeway_proto::routing::v1::TeamMove;

    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn cell(column: &str, cell: &str) -> String {
        condition(&TableCell { column: column.into(), cell: cell.into() })
    }

    #[test]
    fn a_row_and_figures_name_teams_programs_sites_and_scripts_as_people_know_them() {
        let profile = harbor_valley();
        let told = TableRow {
            row: "9".into(),
            program: "breast".into(),
            team: "breast".into(),
            to_site: "valley".into(),
            priority: "high".into(),
            target_minutes: 180,
            script: "first-call".into(),
            skills: vec!["genetics".into()],
            ..TableRow::default()
        };
        let row = row(&profile, &told);
        assert_eq!((row.team.as_str(), row.place.as_str()), ("Breast care team", "Breast care, Valley East"));
        assert_eq!(row.target, "within 3 open hours · High");
        assert!(row.script.ends_with("; asks for genetics") && row.when.is_empty());
        let told = WhatIfResponse {
            considered: 12,
            moved: 3,
            moves: vec![TeamMove { from: "breast".into(), to: "gone".into(), count: 3 }],
            ..WhatIfResponse::default()
        };
        let figures = figures(&profile, &told, 90);
        assert_eq!(figures.summary, "Of 12 requests in 90 days, 3 would have gone to another team.");
        assert_eq!((figures.ways[0].from.as_str(), figures.ways[0].to.as_str()), ("Breast care team", "gone"));
    }

    #[test]
    fn cells_and_targets_are_told_in_words() {
        assert_eq!(cell("cancer_area", "breast|gi"), "cancer area: “Breast” or “Stomach, bowel, liver or pancreas”");
        assert_eq!(cell("site", "!south"), "site preference: not “south”");
        assert_eq!(cell("age", ">=65"), "age: “>=65”");
        assert_eq!(
            [30, 60, 240, 90].map(within),
            ["within 30 open minutes", "within 1 open hour", "within 4 open hours", "within 1 h 30 min of open time"]
        );
    }
}
