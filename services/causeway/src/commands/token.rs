//! `causeway token`: a token for gRPC calls by hand, such as with `grpcurl`. Development only.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_auth::{Actor, Identity, Role};
use clap::Args;

use super::center::in_force;
use crate::cli::Common;
use crate::installation;

/// Prints a token for gRPC calls as a staff member or operator.
///
/// Use it as the metadata `authorization: Bearer TOKEN`. It is refused where the configuration says `mode = "production"`.
#[derive(Debug, Args)]
pub struct Token {
    /// The center that the staff member belongs to.
    #[arg(long)]
    pub center: String,
    /// Id of the staff member.
    #[arg(long, default_value = "developer")]
    pub staff: String,
    /// Roles, for example `coordinator,scheduler,reviewer,manager`.
    #[arg(long, value_delimiter = ',', default_value = "coordinator,scheduler,reviewer,manager,analyst")]
    pub roles: Vec<String>,
}

impl Token {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        let roles = self.roles.iter().map(|word| role(word)).collect::<anyhow::Result<Vec<_>>>()?;
        let pool = installation::machine_pool(&config, "routing").await?;
        let centers: Vec<String> = in_force(&pool).await?.into_iter().map(|(center, ..)| center).collect();
        if !centers.contains(&self.center) {
            bail!("no profile of a center '{}' is in force; known are {}", self.center, or_none(&centers));
        }
        let actor = Actor::staff(&self.staff, &self.staff, &self.center, roles);
        let identity = Identity::load(&config.keys_dir, "portal", config.mode)?;
        let token = identity.development_token(&actor)?;
        if common.json {
            println!("{}", serde_json::json!({ "token": token }));
        } else {
            println!("{token}");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn or_none(centers: &[String]) -> String {
    if centers.is_empty() {
        "none: apply one with 'causeway center apply FOLDER'".to_owned()
    } else {
        centers.join(", ")
    }
}

fn role(word: &str) -> anyhow::Result<Role> {
    let known = || Role::ALL.map(Role::word).join(", ");
    Role::ALL
        .into_iter()
        .find(|role| role.word() == word)
        .with_context(|| format!("no role is called '{word}'; known are {}", known()))
}
