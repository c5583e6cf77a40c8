//! `causeway route check`: one table, with the rest of a profile in a folder or in force.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use causeway_funnel::fault::Fault;
use causeway_funnel::profile::{Bundle, Profile};
use clap::Args;

use super::{in_force, tell_faults, text_of};
use crate::cli::Common;
use crate::commands::center;
use crate::installation;

/// Name of the table in a profile.
const TABLE: &str = "routing.csv";

/// Proves a table.
#[derive(Debug, Args)]
pub struct Check {
    /// Folders of profiles, or proposed tables; a table beside a center.toml is proved with that profile.
    #[arg(required = true, value_name = "DIR|FILE")]
    pub tables: Vec<PathBuf>,
    /// Proves proposed tables with this center's profile in force instead.
    #[arg(long, value_name = "CENTER")]
    pub center: Option<String>,
}

impl Check {
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let in_force = match &self.center {
            Some(center) => Some(in_force(&installation::settings(common)?.1, center).await?),
            None => None,
        };
        let mut faulty = false;
        for path in &self.tables {
            let (file, proved) = prove(path, in_force.as_ref())?;
            match proved {
                Ok(rows) if common.json => {
                    println!("{}", serde_json::json!({ "file": file, "rows": rows, "faults": [] }));
                }
                Ok(rows) => println!("{}: proved, {rows} rows", file.display()),
                Err(faults) => {
                    faulty = true;
                    for fault in &faults {
                        let file = if fault.file == TABLE { file.clone() } else { file.with_file_name(&fault.file) };
                        tell_faults(&file, std::slice::from_ref(fault), common.json);
                    }
                }
            }
        }
        Ok(if faulty { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Number of rows, or every fault.
type Proved = Result<usize, Vec<Fault>>;

fn prove(path: &Path, in_force: Option<&Profile>) -> anyhow::Result<(PathBuf, Proved)> {
    if path.is_dir() {
        return Ok((path.join(TABLE), with_folder(center::read(path)?)));
    }
    let text = text_of(path)?;
    if let Some(profile) = in_force {
        return Ok((path.to_owned(), profile.propose(TABLE, &text).map(|table| table.rows.len())));
    }
    let beside = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let Some(folder) = beside.filter(|folder| folder.join("center.toml").exists()) else {
        bail!(
            "{} stands in no profile; name the center whose profile it is meant for with --center, or put it beside center.toml",
            path.display()
        );
    };
    let mut bundle = center::read(folder)?;
    // A second table in the folder is no part of the profile.
    bundle.files.retain(|name, _| !name.ends_with(".csv"));
    bundle.insert(TABLE, text);
    Ok((path.to_owned(), with_folder(bundle)))
}

/// Faults of the table alone, as long as the rest lets it be proved.
fn with_folder(bundle: Bundle) -> Proved {
    match Profile::from_bundle(&bundle) {
        Ok(profile) => Ok(profile.routing.rows.len()),
        Err(faults) => match Profile::from_stored(&bundle.to_bytes()) {
            Ok((profile, _)) => {
                let own: Vec<Fault> = faults.into_iter().filter(|fault| fault.file == TABLE).collect();
                if own.is_empty() { Ok(profile.routing.rows.len()) } else { Err(own) }
            }
            Err(_) => Err(faults),
        },
    }
}
