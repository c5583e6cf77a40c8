//! What a play needs of the running system: its doors, its centers and the people who work there.
//!
//! Deliberately not here: what is done with them (traffic and staff).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use causeway_auth::{Actor, Identity, Role};
use causeway_funnel::profile::{Bundle, Profile, Staff, StaffRole};
use causeway_proto::subjects;
use causeway_runtime::RuntimeConfig;
use causeway_serve::Channel;

use crate::installation;

/// A center of the play.
pub struct Center {
    /// Its profile in force.
    pub profile: Profile,
}

/// The doors of the running system.
#[derive(Clone)]
pub struct Doors {
    /// Address of ingestion's HTTP door.
    pub http: String,
    /// Address of its door for HL7, where it is open.
    pub mllp: Option<String>,
    /// One client for all posts.
    pub web: reqwest::Client,
    /// Ingestion by gRPC, for calls that staff write down.
    pub ingestion: Channel,
    /// The desk, for staff.
    pub desk: Channel,
    /// The calendar, for staff.
    pub scheduling: Channel,
}

/// How long a new installation may take until the services know the first center.
const PATIENCE: Duration = Duration::from_secs(30);

impl Doors {
    /// Finds the doors by the names that `causeway dev` writes to `addresses.json`.
    pub fn open(addresses: &BTreeMap<String, String>, config: &RuntimeConfig) -> anyhow::Result<Self> {
        // Staff work through the portal, so its identity carries them.
        let identity = Identity::load(&config.keys_dir, "portal", config.mode).context("take the portal's key")?;
        let address = |name: &str| {
            addresses.get(name).with_context(|| format!("no address '{name}'; was the file written by 'causeway dev'?"))
        };
        let channel = |name: &str, service: &str| -> anyhow::Result<Channel> {
            Ok(Channel::connect(address(name)?, identity.clone(), service)?)
        };
        Ok(Self {
            http: address("ingestion_http")?.trim_end_matches('/').to_owned(),
            mllp: addresses.get("mllp").cloned(),
            web: reqwest::Client::builder().timeout(Duration::from_secs(20)).build().context("make an HTTP client")?,
            ingestion: channel("grpc_ingestion", "ingestion")?,
            desk: channel("grpc_intake_desk", "intake-desk")?,
            scheduling: channel("grpc_scheduling_sync", "scheduling-sync")?,
        })
    }
}

/// The centers whose profiles are in force; `wanted` empty: all.
pub async fn centers(config: &RuntimeConfig, wanted: &[String]) -> anyhow::Result<Vec<Arc<Center>>> {
    let pool = installation::machine_pool(config, "routing").await?;
    let mut waited = Duration::ZERO;
    let rows = loop {
        let rows: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT name, content FROM revisions WHERE bucket = $1 AND current ORDER BY name")
                .bind(subjects::CENTERS_BUCKET)
                .fetch_all(&pool)
                .await
                .context("read the profiles in force")?;
        let known = |center: &String| rows.iter().any(|(name, _)| name == center);
        if (!rows.is_empty() && wanted.iter().all(known)) || waited >= PATIENCE {
            break rows;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        waited += Duration::from_millis(500);
    };
    let lacks = |center: &&String| rows.iter().all(|(name, _)| name != *center);
    if let Some(unknown) = wanted.iter().find(lacks) {
        let known: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        bail!(
            "no center '{unknown}' is in force here; in force are {}. 'causeway center apply' puts another one in force",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        );
    }
    let chosen = rows.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
    let centers = chosen.map(|(name, content)| read(&name, &content)).collect::<anyhow::Result<Vec<_>>>()?;
    if centers.is_empty() {
        bail!("no center is in force here; 'causeway center apply' puts one in force");
    }
    Ok(centers)
}

fn read(name: &str, content: &[u8]) -> anyhow::Result<Arc<Center>> {
    let bundle = Bundle::from_bytes(content).with_context(|| format!("read the profile of {name}"))?;
    match Profile::from_bundle(&bundle) {
        Ok(profile) => Ok(Arc::new(Center { profile })),
        Err(faults) => bail!("the profile of {name} has {} faults; run 'causeway center check'", faults.len()),
    }
}

impl Center {
    /// The center's slug.
    pub fn id(&self) -> &str {
        &self.profile.center.id
    }

    /// Somebody with one of these roles: `preferred` if they have it, else one of the team, else anybody of the center.
    /// `turn` spreads the work.
    pub fn somebody(&self, roles: &[Role], preferred: &str, team: &str, turn: u64) -> Option<Actor> {
        let able = |staff: &&Staff| staff.roles.iter().any(|role| roles.contains(&role_of(*role)));
        let all: Vec<&Staff> = self.profile.teams.staff.iter().filter(able).collect();
        let in_team: Vec<&Staff> =
            all.iter().copied().filter(|staff| staff.teams.iter().any(|member| member == team)).collect();
        let choice = if in_team.is_empty() { &all } else { &in_team };
        let turn = usize::try_from(turn).unwrap_or(0);
        let chosen = all.iter().find(|staff| staff.id == preferred).or_else(|| choice.get(turn % choice.len().max(1)));
        chosen.map(|staff| self.actor(staff))
    }

    /// Everybody with one of these roles.
    pub fn everybody(&self, roles: &[Role]) -> Vec<Actor> {
        let able = |staff: &&Staff| staff.roles.iter().any(|role| roles.contains(&role_of(*role)));
        self.profile.teams.staff.iter().filter(able).map(|staff| self.actor(staff)).collect()
    }

    fn actor(&self, staff: &Staff) -> Actor {
        let roles: Vec<Role> = staff.roles.iter().map(|role| role_of(*role)).collect();
        Actor::staff(&staff.id, &staff.name, self.id(), roles)
    }
}

fn role_of(role: StaffRole) -> Role {
    match role {
        StaffRole::Coordinator => Role::Coordinator,
        StaffRole::Scheduler => Role::Scheduler,
        StaffRole::Reviewer => Role::Reviewer,
        StaffRole::TrialCoordinator => Role::TrialCoordinator,
        StaffRole::Manager => Role::Manager,
        StaffRole::Auditor => Role::Auditor,
        StaffRole::Analyst => Role::Analyst,
        StaffRole::Operator => Role::Operator,
    }
}
