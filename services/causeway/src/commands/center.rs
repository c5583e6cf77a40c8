//! `causeway center`: a center's profile is data; it is checked before it is applied, and applied without a restart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use causeway_bus::Bus;
use causeway_funnel::profile::{Bundle, Profile};
use causeway_proto::subjects;
use clap::{Args, Subcommand};

use crate::cli::Common;
use crate::installation;

/// Checks and applies center profiles.
#[derive(Debug, Args)]
pub struct Center {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with profiles.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Explains each fault of profiles with file, line and remedy.
    Check {
        /// Folders of profiles, such as `deploy/centers/harbor-valley`.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
    },
    /// Checks profiles and puts them in force in all services within seconds.
    Apply {
        /// Folders of profiles.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
    },
    /// Lists the profiles in force.
    List,
}

impl Center {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Check { folders } => check(&folders, common.json),
            Action::Apply { folders } => {
                if check(&folders, common.json)? != ExitCode::SUCCESS {
                    return Ok(ExitCode::FAILURE);
                }
                let (_, config) = installation::settings(common)?;
                let bus = installation::bus(&config).await?;
                for folder in &folders {
                    let (center, revision) = apply(&bus, folder).await?;
                    if !common.json {
                        println!("{center}: revision {revision} is in force");
                    }
                }
                Ok(ExitCode::SUCCESS)
            }
            Action::List => list(common).await,
        }
    }
}

fn check(folders: &[PathBuf], json: bool) -> anyhow::Result<ExitCode> {
    let mut faulty = false;
    for folder in folders {
        let bundle = read(folder)?;
        match Profile::from_bundle(&bundle) {
            Ok(profile) if json => {
                println!(
                    "{}",
                    serde_json::json!({ "center": profile.center.id, "revision": bundle.revision(), "faults": [] })
                );
            }
            Ok(profile) => println!("{}: in order (revision {})", profile.center.id, bundle.revision()),
            Err(faults) => {
                faulty = true;
                for fault in faults {
                    let file = folder.join(&fault.file);
                    if json {
                        println!(
                            "{}",
                            serde_json::json!({ "file": file, "line": fault.line, "what": fault.what, "remedy": fault.remedy })
                        );
                    } else {
                        println!("{}:{}: {}\n    {}", file.display(), fault.line, fault.what, fault.remedy);
                    }
                }
            }
        }
    }
    Ok(if faulty { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Puts the profile in a folder in force; gives the center and the revision.
pub async fn apply(bus: &Bus, folder: &Path) -> anyhow::Result<(String, String)> {
    let bundle = read(folder)?;
    let profile = Profile::from_bundle(&bundle).map_err(|faults| {
        let first = faults.first().map(|fault| format!("{}:{}: {}", fault.file, fault.line, fault.what));
        anyhow::anyhow!(
            "profile in {} has {} faults, first: {}",
            folder.display(),
            faults.len(),
            first.unwrap_or_default()
        )
    })?;
    let bucket = bus.bucket(subjects::CENTERS_BUCKET).await?;
    bucket.put(&profile.center.id, Bytes::from(bundle.to_bytes())).await?;
    Ok((profile.center.id.clone(), bundle.revision()))
}

/// Reads all files of a profile.
pub fn read(folder: &Path) -> anyhow::Result<Bundle> {
    let mut files = BTreeMap::new();
    collect(folder, folder, &mut files).with_context(|| format!("read the profile in {}", folder.display()))?;
    if files.is_empty() {
        bail!("no profile in {}; it must hold center.toml and its other files", folder.display());
    }
    let mut bundle = Bundle::new();
    for (path, text) in files {
        bundle.insert(path, text);
    }
    Ok(bundle)
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root)
            && !relative.to_string_lossy().starts_with('.')
        {
            files.insert(relative.to_string_lossy().replace('\\', "/"), std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

async fn list(common: &Common) -> anyhow::Result<ExitCode> {
    let (_, config) = installation::settings(common)?;
    let pool = installation::machine_pool(&config, "routing").await?;
    let rows: Vec<(String, String, Vec<u8>)> =
        sqlx::query_as("SELECT name, revision, content FROM revisions WHERE bucket = $1 AND current ORDER BY name")
            .bind(subjects::CENTERS_BUCKET)
            .fetch_all(&pool)
            .await?;
    for (center, revision, content) in &rows {
        // An earlier release may have let through what this one would not: it is served, and somebody should mend it.
        let faults = match Profile::from_stored(content) {
            Ok((_, faults)) => faults,
            Err(cause) => Some(format!("can not be served: {cause}")),
        };
        if common.json {
            println!("{}", serde_json::json!({ "center": center, "revision": revision, "faults": faults }));
        } else {
            println!("{center:<24} {revision}");
            if let Some(faults) = faults {
                println!("    {faults}");
            }
        }
    }
    if rows.is_empty() && !common.json {
        println!("no profile is in force; apply one with 'causeway center apply FOLDER'");
    }
    Ok(ExitCode::SUCCESS)
}
