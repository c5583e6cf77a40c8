//! `causeway people`: the index by which ingestion finds who may be the same person.
//!
//! It is kept up by itself; by hand it is asked for after a doubt. Deliberately not here: who may be the same person (ingestion
//! finds it, a person of the center says it on the inquiry's page).

use std::process::ExitCode;

use anyhow::Context as _;
use causeway_proto::inquiry::v1::ReindexPeopleRequest;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use clap::{Args, Subcommand};

use super::operator::Operator;
use crate::cli::Common;
use crate::installation;

/// Has the index of people read again.
#[derive(Debug, Args)]
pub struct People {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with the index of people.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Has ingestion look at the people of a center again, in the background. What people said of them stays.
    Index(Index),
}

/// Whose people are read, and how thoroughly.
#[derive(Debug, Args)]
pub struct Index {
    /// Id of the center.
    pub center: String,
    /// Every person is read anew, not only those who were not read yet.
    #[arg(long)]
    pub anew: bool,
    /// Who asks.
    #[command(flatten)]
    pub operator: Operator,
}

impl People {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let Action::Index(index) = self.action;
        let (_, config) = installation::settings(common)?;
        let channel = index.operator.ingestion(&config, common)?;
        let request = ReindexPeopleRequest { center: index.center.clone(), anew: index.anew };
        let asked = IngestionClient::new(channel).reindex_people(request).await;
        asked.with_context(|| format!("ask ingestion to read the people of {} again", index.center))?;
        if common.json {
            println!("{}", serde_json::json!({ "center": index.center, "anew": index.anew, "begun": true }));
        } else {
            println!("the people of {} are read again in the background", index.center);
        }
        Ok(ExitCode::SUCCESS)
    }
}
