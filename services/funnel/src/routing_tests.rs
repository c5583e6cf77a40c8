//! The decision table: who gets what, what is refused, and that a decision is cheap.

use super::*;
use crate::inquiry::{CancerArea, Payer, Urgency};

const HEAD: &str = "row,cancer_area,consult_type,site,language,payer,records,urgency,referring_office,source,program,team,to_site,priority,target_hours,script,note\n";

fn known() -> Known {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Known {
        programs: set(&["gi", "general", "trials"]),
        teams: set(&["gi", "general", "trials"]),
        trial_teams: set(&["trials"]),
        sites: set(&["north", "south"]),
        languages: set(&["en", "es"]),
        scripts: set(&["first"]),
    }
}

fn table(rows: &str) -> Result<Table, Vec<crate::fault::Fault>> {
    Table::parse("routing.csv", &format!("{HEAD}{rows}"), &known())
}

const ROWS: &str = "\
urgent,,,,,,,urgent,,,general,general,,urgent,1,first,
gi opinion,gi,second_opinion,!south,en|es,!none,,,,,gi,gi,north,high,4,first,
trial,,clinical_trial,,,,,,,,trials,trials,,normal,8,first,
south,,,south,,,,,,,general,general,south,normal,0.5,first,
rest,any,any,,,,,,,,general,general,,low,16,first,
";

fn facts() -> Facts {
    Facts {
        cancer_area: CancerArea::Gi,
        consult_type: ConsultType::SecondOpinion,
        language: "es".into(),
        ..Facts::default()
    }
}

#[test]
fn the_first_row_that_fits_decides_and_the_rows_before_it_are_explained() {
    let table = table(ROWS).unwrap();
    let decision = decide(&table, &facts());
    assert_eq!(
        (decision.row, &*decision.name, &*decision.team, decision.site.as_deref()),
        (1, "gi opinion", "gi", Some("north"))
    );
    assert_eq!((decision.priority, decision.target_minutes), (Priority::High, 240));
    let passed = explain(&table, &facts());
    assert_eq!(passed.len(), 1);
    assert_eq!((&*passed[0].name, passed[0].condition), ("urgent", Condition::Urgency));
}

#[test]
fn not_and_or_cells_are_understood() {
    let table = table(ROWS).unwrap();
    let to_south = Facts { site_preference: Some("south".into()), ..facts() };
    assert_eq!((&*decide(&table, &to_south).name, decide(&table, &to_south).target_minutes), ("south", 30));
    assert_eq!(explain(&table, &to_south)[1].condition, Condition::Site);
    assert_eq!(&*decide(&table, &Facts { language: "fr".into(), ..facts() }).name, "rest");
    assert_eq!(&*decide(&table, &Facts { payer: Payer::None, ..facts() }).name, "rest");
}

#[test]
fn a_trial_question_goes_to_the_trial_team_whatever_else_it_says() {
    let table = table(ROWS).unwrap();
    for area in CancerArea::ALL {
        for site in [None, Some("south".to_owned())] {
            for urgency in Urgency::ALL {
                let trial = Facts {
                    consult_type: ConsultType::ClinicalTrial,
                    cancer_area: *area,
                    site_preference: site.clone(),
                    urgency: *urgency,
                    ..facts()
                };
                assert_eq!(&*decide(&table, &trial).team, "trials");
            }
        }
    }
    let urgent = Facts { consult_type: ConsultType::ClinicalTrial, urgency: Urgency::Urgent, ..facts() };
    assert_eq!(explain(&table, &urgent)[0].condition, Condition::TrialTeam);
}

#[test]
fn unknown_words_and_names_are_refused_with_line_and_remedy() {
    let faults = table("1,kidney,,attic,xx,,,,,,gi,nobody,cellar,fast,0,silent,\n").unwrap_err();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for part in [
        "cancer_area: \"kidney\"",
        "site \"attic\"",
        "language \"xx\"",
        "team \"nobody\"",
        "site \"cellar\"",
        "priority \"fast\"",
        "script \"silent\"",
    ] {
        assert!(
            told.iter().any(|fault| fault.contains(part) && fault.starts_with("routing.csv:2: ")),
            "{part} in {told:#?}"
        );
    }
}

#[test]
fn a_table_must_take_every_inquiry_and_every_trial_question() {
    let faults = table("1,gi,,,,,,,,,gi,gi,,normal,4,first,\n").unwrap_err();
    assert!(faults.iter().any(|fault| fault.what.contains("last row")));
    assert!(faults.iter().any(|fault| fault.what.contains("trial question")));
    let astray = table("1,,clinical_trial,,,,,,,,gi,gi,,normal,4,first,\n").unwrap_err();
    assert!(astray[0].what.contains("no trial team"));
    assert!(Table::parse("routing.csv", "a,b\n", &known()).unwrap_err()[0].remedy.contains("row,cancer_area"));
}

#[test]
fn a_thousand_decisions_take_far_less_than_a_blink() {
    let table = table(ROWS).unwrap();
    let facts = facts();
    let started = std::time::Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(decide(&table, std::hint::black_box(&facts)));
    }
    // Under a microsecond each when optimised; the bound leaves room for an unoptimised build on a busy machine.
    assert!(started.elapsed() < std::time::Duration::from_millis(100));
}
