//! Why an inquiry went where it went, in rows, cells and one sentence for staff.
//!
//! Computed from the revision and the facts of the decision when somebody asks, so that deciding stays cheap; where the
//! revision is gone, from the conditions that were kept with the decision.
//! Deliberately not here: a person. Only the facts that travel are named.

use causeway_funnel::inquiry::Facts;
use causeway_funnel::profile::Profile;
use causeway_funnel::routing::{Condition, Row, Table, explain};
use causeway_funnel::time_words;
use jiff::Timestamp;

/// A row before the matching one, and the first of its conditions that did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedRow {
    /// The row's own name.
    pub row: String,
    /// Column of the table.
    pub column: &'static str,
    /// What the cell asks for.
    pub wanted: String,
    /// What the inquiry says.
    pub found: String,
}

/// The rows that were passed over, in the table's order.
pub(crate) fn failed_rows(table: &Table, facts: &Facts) -> Vec<FailedRow> {
    explain(table, facts)
        .into_iter()
        .map(|passed| FailedRow {
            row: passed.name.to_string(),
            column: passed.condition.as_str(),
            wanted: wanted(&table.rows[passed.row], passed.condition),
            found: found(facts, passed.condition).to_owned(),
        })
        .collect()
}

/// The same where the table is gone: rows by their number, and which condition it was.
pub(crate) fn failed_without_rows(passed: &[Condition], facts: &Facts) -> Vec<FailedRow> {
    let row = |(place, condition): (usize, &Condition)| FailedRow {
        row: format!("no. {}", place + 1),
        column: condition.as_str(),
        wanted: String::new(),
        found: found(facts, *condition).to_owned(),
    };
    passed.iter().enumerate().map(row).collect()
}

/// One sentence for staff about the row that took the inquiry.
pub(crate) fn sentence(profile: &Profile, facts: &Facts, row_name: &str, due_at: Timestamp) -> String {
    let Some(row) = profile.routing.rows.iter().find(|row| &*row.name == row_name) else {
        return format!("row \"{row_name}\" took this inquiry");
    };
    let team = profile.team(&row.team).map_or(&*row.team, |team| team.name.get("en"));
    let because = match reasons(row, facts).as_slice() {
        [] => "because no other row of the table fits".to_owned(),
        all => format!("because the {}", all.join(" and the ")),
    };
    let zone = profile.calendar(row.to_site.as_deref()).zone();
    let due = time_words::words(due_at, zone, "en");
    format!("It went to {team} {because}. First contact is due {due}.")
}

/// The conditions of the row that say something, each with what the inquiry says.
fn reasons(row: &Row, facts: &Facts) -> Vec<String> {
    Condition::ALL
        .iter()
        .zip(&row.cells)
        .filter(|(_, cell)| !cell.is_empty() && *cell != "any")
        .map(|(condition, _)| {
            format!("{} is {}", condition.label("en"), condition.words(found(facts, *condition), "en"))
        })
        .collect()
}

fn wanted(row: &Row, condition: Condition) -> String {
    match condition {
        Condition::TrialTeam => "a team for trial questions".to_owned(),
        // The cells stand in the order of the conditions; the last condition has none.
        other => row.cells.get(other as usize).cloned().unwrap_or_default(),
    }
}

fn found(facts: &Facts, condition: Condition) -> &str {
    match condition {
        Condition::CancerArea => facts.cancer_area.as_str(),
        Condition::ConsultType | Condition::TrialTeam => facts.consult_type.as_str(),
        Condition::Site => facts.site_preference.as_deref().unwrap_or("none"),
        Condition::Language => &facts.language,
        Condition::Payer => facts.payer.as_str(),
        Condition::Records => facts.records_on_hand.as_str(),
        Condition::Urgency => facts.urgency.as_str(),
        Condition::ReferringOffice => facts.referring_office.as_deref().unwrap_or("none"),
        Condition::Source => facts.source.as_str(),
        Condition::Age => facts.age.as_str(),
        Condition::DistanceKm => facts.distance.as_str(),
        Condition::NearestSite => facts.nearest_site.as_deref().unwrap_or("none"),
        Condition::Attribution => facts.attribution.first.campaign.as_deref().unwrap_or("none"),
    }
}

#[cfg(test)]
mod tests {
    use causeway_funnel::inquiry::{CancerArea, ConsultType, RecordsOnHand};

    use super::*;
    use crate::domain::route;
    use crate::samples::{at, harbor_valley};

    fn facts() -> Facts {
        Facts {
            consult_type: ConsultType::SecondOpinion,
            cancer_area: CancerArea::Gi,
            records_on_hand: RecordsOnHand::None,
            language: "en".into(),
            received_at: at("2027-03-05T03:40:00Z"),
            ..Facts::default()
        }
    }

    #[test]
    fn each_row_before_the_match_is_named_with_the_cell_that_did_not_fit() {
        let profile = harbor_valley();
        let decided = route(&profile, &facts());
        let failed = failed_rows(&profile.routing, &facts());
        let place = profile.routing.rows.iter().position(|row| row.name == decided.row).expect("the row is there");
        assert_eq!(failed.len(), place);
        let last = failed.last().expect("rows came before");
        assert_eq!((last.column, last.wanted.as_str(), last.found.as_str()), ("records", "yes", "none"));
    }

    #[test]
    fn a_row_of_another_team_says_that_trial_questions_go_to_the_trial_team() {
        let profile = harbor_valley();
        let text = "row,cancer_area,consult_type,site,language,payer,records,urgency,referring_office,source,program,team,to_site,priority,target_hours,script,note\n\
            all but trials,gi,,,,,,,,,gi,gi,,normal,4,first,\ntrials,,clinical_trial,,,,,,,,gi,trials,,normal,4,first,\nrest,,,,,,,,,,gi,gi,,normal,4,first,\n";
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let known = causeway_funnel::routing::Known {
            programs: set(&["gi"]),
            teams: set(&["gi", "trials"]),
            trial_teams: set(&["trials"]),
            scripts: set(&["first"]),
            ..Default::default()
        };
        let table = Table::parse("routing.csv", text, &known).expect("a table");
        let failed = failed_rows(&table, &Facts { consult_type: ConsultType::ClinicalTrial, ..facts() });
        assert_eq!((failed[0].column, failed[0].found.as_str()), ("trial_team", "clinical_trial"));
        assert!(profile.routing.rows.len() > table.rows.len());
    }

    #[test]
    fn without_the_table_each_row_is_told_by_its_number_and_the_condition_that_was_kept() {
        let profile = harbor_valley();
        let kept = causeway_funnel::routing::passed(&profile.routing, &facts());
        let (with, without) = (failed_rows(&profile.routing, &facts()), failed_without_rows(&kept, &facts()));
        assert_eq!(with.len(), without.len());
        for (place, (with, without)) in with.iter().zip(&without).enumerate() {
            assert_eq!((without.column, &without.found, without.wanted.as_str()), (with.column, &with.found, ""));
            assert_eq!(without.row, format!("no. {}", place + 1));
        }
    }

    #[test]
    fn the_sentence_names_team_reasons_and_a_real_time() {
        let profile = harbor_valley();
        let decided = route(&profile, &facts());
        let said = sentence(&profile, &facts(), &decided.row, decided.clock.due_at);
        for part in [
            "cancer area is “Stomach, bowel, liver or pancreas” and the consult type is “Second opinion”",
            "Friday, March 5, at 11:30 am",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}
