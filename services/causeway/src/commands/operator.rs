//! An operator who asks a running service to do something: who it is, and where the service is.
//!
//! What a service owns it alone writes, also on an operator's word, and it writes down whose word it was. Deliberately not
//! here: what is asked (the commands).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use causeway_auth::{Actor, Identity};
use causeway_runtime::{Peers, RuntimeConfig};
use causeway_serve::Channel;
use clap::Args;

use super::simulate::read_addresses;
use crate::cli::Common;
use crate::installation;

/// Who asks, and where.
#[derive(Debug, Args)]
pub struct Operator {
    /// Who asks for it; written to the audit log.
    #[arg(long, env = "USER", hide_env_values = true, default_value = "operator", value_name = "OPERATOR")]
    pub by: String,
    /// Addresses of the running system. Default: `runtime.peers.ingestion`, else the `addresses.json` that `causeway dev`
    /// keeps beside the configuration file or in its data folder.
    #[arg(long, value_name = "FILE")]
    pub addresses: Option<PathBuf>,
}

impl Operator {
    /// Ingestion, as an operator; the portal's identity carries people.
    pub fn ingestion(&self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<Channel> {
        let identity = Identity::load(&config.keys_dir, "portal", config.mode).context("take the portal's key")?;
        let channel = Channel::connect(&self.address(config, common)?, identity, "ingestion")?;
        Ok(channel.on_behalf_of(&Actor::operator(&self.by, &self.by)))
    }

    fn address(&self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<String> {
        if self.addresses.is_none()
            && let Ok(url) = Peers::new(&BTreeMap::new(), &config.peers).url("ingestion")
        {
            return Ok(url);
        }
        let file = self.addresses.clone().unwrap_or_else(|| kept(common));
        let addresses = read_addresses(&file).context("find ingestion; or set runtime.peers.ingestion")?;
        let address = addresses.get("grpc_ingestion").cloned();
        address.with_context(|| format!("{} has no address 'grpc_ingestion'", file.display()))
    }
}

/// The addresses that `causeway dev` keeps beside the configuration file or in its data folder.
pub fn addresses(common: &Common) -> anyhow::Result<BTreeMap<String, String>> {
    read_addresses(&kept(common))
}

fn kept(common: &Common) -> PathBuf {
    let beside = common.config.as_deref().and_then(Path::parent).map(|folder| folder.join("addresses.json"));
    let default = || Path::new(installation::DATA_DIR).join("addresses.json");
    beside.filter(|file| file.exists()).unwrap_or_else(default)
}
