//! `causeway route explain`: the row that takes an inquiry, and the first condition by which each row before it does not.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_funnel::distance::DistanceBand;
use causeway_funnel::inquiry::{AgeBand, Facts};
use causeway_funnel::profile::Profile;
use causeway_funnel::routing::{Condition, decide, explain};
use causeway_runtime::RuntimeConfig;
use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::in_force;
use crate::cli::Common;
use crate::commands::center;
use crate::installation;

/// Explains a route.
#[derive(Debug, Args)]
pub struct Explain {
    /// The center.
    #[arg(long, required_unless_present = "folder", value_name = "CENTER")]
    pub center: Option<String>,
    /// An inquiry that was decided on, by its request number.
    #[arg(long, conflicts_with_all = ["inquiry", "facts", "folder"], value_name = "NUMBER")]
    pub reference: Option<String>,
    /// The same by its id.
    #[arg(long, conflicts_with_all = ["facts", "folder"], value_name = "ID")]
    pub inquiry: Option<Uuid>,
    /// What a made-up inquiry says, as `column=value`, such as `cancer_area=breast` or `age=54`; may be given many times.
    #[arg(long = "fact", value_name = "COLUMN=VALUE")]
    pub facts: Vec<String>,
    /// Folder of a profile to ask for a made-up inquiry, instead of the one in force.
    #[arg(long, conflicts_with = "center", value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// An explanation.
#[derive(Debug, Serialize)]
struct Told {
    revision: String,
    row: String,
    team: String,
    program: String,
    site: String,
    priority: String,
    script: String,
    sentence: String,
    passed: Vec<Passed>,
}

/// A row before it.
#[derive(Debug, Serialize)]
struct Passed {
    row: String,
    column: String,
    wanted: String,
    found: String,
}

impl Explain {
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let told = match (&self.folder, self.center.as_deref()) {
            (Some(folder), _) => {
                let bundle = center::read(folder)?;
                let (profile, _) = Profile::from_stored(&bundle.to_bytes()).map_err(anyhow::Error::msg)?;
                made_up(&profile, &self.facts)?
            }
            (None, Some(center)) => {
                let (_, config) = installation::settings(common)?;
                match self.decided(&config, center).await? {
                    Some(inquiry) => decided(&config, center, inquiry).await?,
                    None => made_up(&in_force(&config, center).await?, &self.facts)?,
                }
            }
            (None, None) => bail!("name the center with --center"),
        };
        if common.json {
            println!("{}", serde_json::to_string(&told)?);
            return Ok(ExitCode::SUCCESS);
        }
        println!("{}", told.sentence);
        println!(
            "row {} of revision {}: team {}, program {}, {}, script {}",
            told.row, told.revision, told.team, told.program, told.priority, told.script
        );
        for row in &told.passed {
            let wanted = if row.wanted.is_empty() { String::new() } else { format!("wants {}, ", row.wanted) };
            println!("  row {}: {} {wanted}here {}", row.row, row.column, row.found);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The inquiry that is meant, if one is.
    async fn decided(&self, config: &RuntimeConfig, center: &str) -> anyhow::Result<Option<Uuid>> {
        let Some(reference) = &self.reference else { return Ok(self.inquiry) };
        let pool = installation::machine_pool(config, "ingestion").await?;
        let found: Option<Uuid> =
            sqlx::query_scalar("SELECT inquiry_id FROM inquiries WHERE center_id = $1 AND reference = $2")
                .bind(center)
                .bind(reference)
                .fetch_optional(&pool)
                .await?;
        let found = found.with_context(|| format!("center '{center}' has no request {reference}; check both"))?;
        Ok(Some(found))
    }
}

async fn decided(config: &RuntimeConfig, center: &str, inquiry: Uuid) -> anyhow::Result<Told> {
    let pool = installation::machine_pool(config, "routing").await?;
    let told = causeway_routing::answers::explain(&mut *pool.acquire().await?, center, inquiry).await?;
    let told = told.with_context(|| format!("no route was decided for {inquiry} in center '{center}'; check both"))?;
    let passed = told.failed.into_iter();
    Ok(Told {
        revision: told.revision,
        row: told.row,
        team: told.team,
        program: told.program,
        site: told.site,
        priority: told.priority,
        script: told.script,
        sentence: told.sentence,
        passed: passed
            .map(|row| Passed { row: row.row, column: row.column, wanted: row.wanted, found: row.found })
            .collect(),
    })
}

/// Where a made-up inquiry would go.
fn made_up(profile: &Profile, given: &[String]) -> anyhow::Result<Told> {
    let facts = facts(profile, given)?;
    let decision = decide(&profile.routing, &facts);
    let row = &profile.routing.rows[decision.row];
    let passed = explain(&profile.routing, &facts).into_iter().map(|passed| Passed {
        row: passed.name.to_string(),
        column: passed.condition.to_string(),
        wanted: profile.routing.rows[passed.row].cells.get(passed.condition as usize).cloned().unwrap_or_default(),
        found: found(given, passed.condition),
    });
    Ok(Told {
        revision: profile.revision.clone(),
        row: decision.name.to_string(),
        team: decision.team.to_string(),
        program: decision.program.to_string(),
        site: decision.site.as_deref().unwrap_or_default().to_owned(),
        priority: decision.priority.to_string(),
        script: decision.script.to_string(),
        sentence: format!("It would go to team {} by row {} (line {}).", decision.team, decision.name, row.line),
        passed: passed.collect(),
    })
}

/// What was said of a condition.
fn found(given: &[String], condition: Condition) -> String {
    let column = if condition == Condition::TrialTeam { Condition::ConsultType } else { condition };
    let said = given.iter().rev().filter_map(|fact| fact.split_once('='));
    let said = said.filter(|(name, _)| name.trim() == column.as_str()).map(|(_, value)| value.trim()).next();
    said.unwrap_or("nothing was said").to_owned()
}

fn facts(profile: &Profile, given: &[String]) -> anyhow::Result<Facts> {
    let mut facts = Facts { language: profile.default_language().to_owned(), ..Facts::default() };
    for fact in given {
        let (column, value) = fact.split_once('=').with_context(|| format!("write --fact {fact} as column=value"))?;
        let (column, value) = (column.trim(), value.trim());
        set(&mut facts, column, value).with_context(|| format!("--fact {fact}"))?;
    }
    Ok(facts)
}

fn set(facts: &mut Facts, column: &str, value: &str) -> anyhow::Result<()> {
    let name = || Some(value.to_owned()).filter(|name| name != "none");
    match column.parse().context("the columns are those of the table's conditions")? {
        Condition::CancerArea => facts.cancer_area = value.parse()?,
        Condition::ConsultType => facts.consult_type = value.parse()?,
        Condition::Site => facts.site_preference = name(),
        Condition::Language => value.clone_into(&mut facts.language),
        Condition::Payer => facts.payer = value.parse()?,
        Condition::Records => facts.records_on_hand = value.parse()?,
        Condition::Urgency => facts.urgency = value.parse()?,
        Condition::ReferringOffice => facts.referring_office = name(),
        Condition::Source => facts.source = value.parse()?,
        Condition::Age => facts.age = age(value)?,
        Condition::Attribution => facts.attribution.first.campaign = name(),
        Condition::DistanceKm => facts.distance = distance(value)?,
        Condition::NearestSite => facts.nearest_site = name(),
        Condition::TrialTeam => bail!("no inquiry says it"),
    }
    Ok(())
}

/// A band, or years.
fn age(value: &str) -> anyhow::Result<AgeBand> {
    let Ok(years) = value.parse::<u32>() else { return Ok(value.parse()?) };
    let band = AgeBand::ALL.iter().find(|band| band.years().is_some_and(|(from, to)| (from..=to).contains(&years)));
    band.copied().context("nobody is as old as that")
}

/// A band, or kilometres.
fn distance(value: &str) -> anyhow::Result<DistanceBand> {
    value.parse::<u32>().map_or_else(|_| Ok(value.parse()?), |kilometres| Ok(DistanceBand::of(kilometres)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers/harbor-valley");
        Profile::from_bundle(&center::read(&root).expect("files")).expect("the demo center has no fault")
    }

    fn given(facts: &[&str]) -> Vec<String> {
        facts.iter().map(|fact| (*fact).to_owned()).collect()
    }

    #[test]
    fn a_made_up_inquiry_is_told_its_row_and_why_the_rows_before_it_do_not_fit() {
        let told = made_up(&profile(), &given(&["cancer_area=gi", "consult_type=second_opinion", "records=none"]));
        let told = told.expect("an explanation");
        assert_eq!(
            (told.row.as_str(), told.team.as_str(), told.script.as_str()),
            ("6", "gi-second-opinion", "no-records-yet")
        );
        let last = told.passed.last().expect("rows before");
        assert_eq!(
            (told.passed.len(), last.column.as_str(), last.wanted.as_str(), last.found.as_str()),
            (5, "records", "yes", "none")
        );
        assert_eq!(told.passed[2].found, "nothing was said", "the urgency");
    }

    #[test]
    fn what_no_inquiry_can_say_is_refused_with_the_words_that_it_can() {
        let told = |fact: &str| made_up(&profile(), &given(&[fact])).map(|_| ()).map_err(|cause| format!("{cause:#}"));
        assert!(told("cancer_area=kidney").unwrap_err().contains("use one of: breast"));
        assert!(told("colour=blue").unwrap_err().contains("use one of: cancer_area"));
        assert!(told("breast").unwrap_err().contains("column=value"));
        assert!(told("distance_km=near").unwrap_err().contains("use one of: under_10"));
        assert_eq!(distance("30").expect("a band"), DistanceBand::From25To49);
        assert!(told("trial_team=yes").unwrap_err().contains("no inquiry says it"));
        assert!(told("age=200").is_err() && told("age=40_to_64").is_ok());
        assert_eq!(age("65").expect("a band"), AgeBand::From65);
    }
}
