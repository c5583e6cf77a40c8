//! The decision table: who gets what, what is refused, and that a decision is cheap.

use super::*;
use crate::inquiry::{AgeBand, CancerArea, Payer, Urgency};

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
        skills: set(&["genetics"]),
        offices: set(&["cedar"]),
        campaigns: set(&["autumn"]),
        located: set(&[]),
        program_sites: [("gi".to_owned(), set(&["north"]))].into(),
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
fn a_trial_question_that_a_row_sends_to_another_team_and_a_head_that_says_something_else_are_refused() {
    let astray = table("1,,clinical_trial,,,,,,,,gi,gi,,normal,4,first,\n").unwrap_err();
    assert!(astray[0].what.contains("no trial team"));
    let faults = Table::parse("routing.csv", "row,team,colour,team\n", &known()).unwrap_err();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for part in
        ["column \"colour\" is unknown", "\"team\" stands there twice", "\"program\" is missing", "row,cancer_area"]
    {
        assert!(told.iter().any(|fault| fault.contains(part)), "{part} in {told:#?}");
    }
    assert!(table("").unwrap_err()[0].what.contains("no row"));
}

#[test]
fn columns_are_found_by_name_in_any_order_and_what_is_left_out_asks_for_nothing() {
    let text = "team,age,program,row,skills,script,priority,target_hours,attribution\n\
        gi,18-39|>=65,gi,some ages,genetics,first,high,2,\ngi,<18,gi,young,,first,high,2,\n\
        gi,!none,gi,known,,first,high,2,autumn\ngeneral,,general,rest,,first,low,8,\n";
    let table = Table::parse("routing.csv", text, &known()).unwrap();
    let by = |age: AgeBand, campaign: Option<&str>| {
        let mut facts = Facts { age, ..facts() };
        facts.attribution.first.campaign = campaign.map(str::to_owned);
        decide(&table, &facts)
    };
    assert_eq!(&*by(AgeBand::From18To39, None).name, "some ages");
    assert_eq!(&*by(AgeBand::From65, None).name, "some ages");
    assert_eq!(&*by(AgeBand::Under18, None).name, "young");
    assert_eq!(&*by(AgeBand::From40To64, Some("autumn")).name, "known");
    assert_eq!(&*by(AgeBand::From40To64, Some("other")).name, "rest");
    assert_eq!(&*by(AgeBand::NotKnown, Some("autumn")).name, "rest");
    assert_eq!(by(AgeBand::From65, None).skills.to_vec(), ["genetics"]);
    assert_eq!(passed(&table, &Facts { age: AgeBand::NotKnown, ..facts() }), [Condition::Age; 3]);
    assert_eq!(Condition::Age.words("18_to_39", "en"), "“18 to 39”");
}

#[test]
fn ages_can_only_be_asked_for_in_whole_bands_and_ranges_must_be_ranges() {
    let told = |age: &str, distance: &str| {
        let text = format!(
            "row,age,distance_km,attribution,program,team,priority,target_hours,script,skills\n\
             1,{age},{distance},spring,general,general,low,8,first,surgery\n"
        );
        let faults = Table::parse("routing.csv", &text, &known()).unwrap_err();
        faults.iter().map(|fault| format!("{fault}\n")).collect::<String>()
    };
    assert!(told("30-50", "").contains("column age: \"30-50\" cuts through a band"));
    for odd in ["39-18", "<0", "old", ">=x", "-"] {
        assert!(told(odd, odd).matches("is no range").count() == 2, "{odd}: {}", told(odd, odd));
    }
    let rest = told(">64|18-64", "<50|none");
    assert!(!rest.contains("column age") && !rest.contains("column distance_km"), "{rest}");
    assert!(rest.contains("campaign \"spring\" is not in the list") && rest.contains("skill \"surgery\""), "{rest}");
}

#[test]
fn a_row_may_ask_how_far_away_somebody_lives_and_which_site_is_nearest() {
    let sites = || ["north".to_owned(), "south".to_owned()].into();
    let known = Known { located: sites(), sites: sites(), ..known() };
    let text = "row,nearest_site,distance_km,program,team,priority,target_hours,script\n\
         near,south,<25,general,general,low,8,first\n\
         day,!south,25-199,general,general,low,8,first\n\
         unknown,none,none,general,general,low,8,first\n\
         rest,,,general,general,low,8,first\n";
    let table = Table::parse("routing.csv", text, &known).unwrap();
    let by = |site: Option<&str>, distance| {
        let nearest_site = site.map(str::to_owned);
        let facts = Facts { consult_type: ConsultType::NotSure, nearest_site, distance, ..facts() };
        decide(&table, &facts).name.to_string()
    };
    assert_eq!(by(Some("south"), DistanceBand::From10To24), "near");
    assert_eq!(by(Some("north"), DistanceBand::From10To24), "rest");
    assert_eq!(by(Some("north"), DistanceBand::From100To199), "day");
    assert_eq!(by(Some("north"), DistanceBand::From200), "rest");
    assert_eq!(by(Some("closed-long-ago"), DistanceBand::From25To49), "day", "a site of an older profile");
    assert_eq!(by(None, DistanceBand::NotKnown), "unknown");
    assert_eq!(Condition::DistanceKm.words("25_to_49", "en"), "“25 to 49 km”");
    let odd = Table::parse("routing.csv", &text.replace("near,south", "near,west"), &known).unwrap_err();
    assert!(odd[0].to_string().contains("\"west\" is no site whose place on the map is known"), "{odd:?}");
}

#[test]
fn a_column_may_name_hundreds_of_offices() {
    let mut rows: String =
        (0..300).map(|n| format!("{n},,,,,,,,office-{n}|none,,general,general,,low,8,first,\n")).collect();
    rows.push_str("rest,,,,,,,,,,general,general,,low,8,first,\n");
    let table = table(&rows).unwrap();
    let from = |office: &str| {
        let facts = Facts { referring_office: Some(office.to_owned()), consult_type: ConsultType::NotSure, ..facts() };
        decide(&table, &facts).row
    };
    assert_eq!((from("office-7"), from("office-299"), from("office-300")), (7, 299, 300));
    assert_eq!(decide(&table, &Facts { consult_type: ConsultType::ClinicalTrial, ..facts() }).row, 300, "none took it");
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
