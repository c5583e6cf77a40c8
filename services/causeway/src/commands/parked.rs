//! `causeway parked`: messages that nobody could handle, and timers that could not fire. Nothing is thrown away; an operator looks and replays.

use std::process::ExitCode;

use anyhow::bail;
use causeway_mailbox::{ParkedMessage, list_parked, request_replay};
use causeway_runtime::RuntimeConfig;
use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::cli::Common;
use crate::installation;

/// Lists, shows and replays messages that nobody could handle.
#[derive(Debug, Args)]
pub struct Parked {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with parked messages.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists parked messages of all services, newest first.
    List {
        /// Also those that were replayed.
        #[arg(long)]
        all: bool,
    },
    /// Shows one parked message with its content, as bytes and, where its kind is known, in words; never PHI.
    Show {
        /// Its id.
        #[arg(value_parser = id)]
        id: Uuid,
    },
    /// Asks the service to handle messages again.
    Replay {
        /// Their ids.
        #[arg(required_unless_present = "all", value_parser = id)]
        ids: Vec<Uuid>,
        /// All that are parked.
        #[arg(long)]
        all: bool,
    },
}

const MOST: i64 = 10_000;

fn id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::parse_str(text).map_err(|_| "write the id as 'causeway parked list' shows it")
}

impl Parked {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        match self.action {
            Action::List { all } => list(&config, all, common.json).await,
            Action::Show { id } => show(&config, id, common.json).await,
            Action::Replay { ids, all } => replay(&config, ids, all, common.json).await,
        }
    }
}

async fn every(config: &RuntimeConfig, all: bool) -> anyhow::Result<Vec<(&'static str, ParkedMessage)>> {
    let mut found = Vec::new();
    for service in installation::with_database() {
        let pool = installation::machine_pool(config, service).await?;
        found.extend(list_parked(&pool, all, MOST).await?.into_iter().map(|message| (service, message)));
    }
    Ok(found)
}

async fn list(config: &RuntimeConfig, all: bool, json: bool) -> anyhow::Result<ExitCode> {
    let found = every(config, all).await?;
    for (service, message) in &found {
        if json {
            println!("{}", serde_json::json!({ "service": service, "message": message }));
        } else {
            println!(
                "{} {service:<16} {:<8} {:<24} {} {}",
                message.parked_id, message.state, message.center, message.subject, message.reason
            );
        }
    }
    if found.is_empty() && !json {
        println!("nothing is parked");
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(config: &RuntimeConfig, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let found = every(config, true).await?.into_iter().find(|(_, message)| message.parked_id == id);
    let Some((service, message)) = found else {
        bail!("no parked message has the id {id}; see 'causeway parked list --all'")
    };
    let content = if message.is_timer() {
        String::from_utf8(message.payload.clone()).ok()
    } else {
        causeway_proto::events::in_words(&message.kind, &message.payload)
    };
    let document = serde_json::json!({ "service": service, "message": message, "content": content });
    println!("{}", if json { document.to_string() } else { serde_json::to_string_pretty(&document)? });
    Ok(ExitCode::SUCCESS)
}

async fn replay(config: &RuntimeConfig, ids: Vec<Uuid>, all: bool, json: bool) -> anyhow::Result<ExitCode> {
    let (mut asked, mut unknown) = (0_usize, ids.clone());
    for service in installation::with_database() {
        let pool = installation::machine_pool(config, service).await?;
        for message in list_parked(&pool, false, MOST).await? {
            let wanted = all || ids.contains(&message.parked_id);
            if wanted && request_replay(&pool, message.parked_id).await? {
                asked += 1;
                unknown.retain(|id| *id != message.parked_id);
            }
        }
    }
    if !unknown.is_empty() {
        bail!("no parked message waits under {}", unknown.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", "));
    }
    if json {
        println!("{}", serde_json::json!({ "asked": asked }));
    } else {
        println!("{asked} messages are handled again by their services; see 'causeway parked list'");
    }
    Ok(ExitCode::SUCCESS)
}
