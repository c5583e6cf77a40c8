//! Which provider, and what its groups may be here.
//!
//! Deliberately not here: the flow itself.

use std::collections::BTreeMap;

use causeway_runtime::Secret;
use serde::{Deserialize, Serialize};

use super::Claims;
use crate::actor::{Actor, Role};

/// How to sign in at a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider, exactly as it calls itself.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// Our secret there; empty for a public client.
    pub client_secret: Secret,
    /// Where the provider sends people back to; registered there exactly so.
    pub redirect_url: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that holds a person's groups.
    pub groups_claim: String,
    /// Refuse a sign-in without a second factor (`amr` must hold `mfa`).
    pub require_mfa: bool,
    /// What each group may be at which center.
    pub groups: BTreeMap<String, Vec<Grant>>,
}

/// Roles at a center; without a center, a person who runs the installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The center.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center: Option<String>,
    /// The roles.
    pub roles: Vec<Role>,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            redirect_url: String::new(),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
            groups_claim: "groups".to_owned(),
            require_mfa: false,
            groups: BTreeMap::new(),
        }
    }
}

impl OidcConfig {
    /// Whether a provider is configured.
    pub fn is_set(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What a signed-in person may be: one actor per center, and an operator if a group says so.
    pub fn actors(&self, claims: &Claims) -> Vec<Actor> {
        let mut roles: BTreeMap<Option<&str>, Vec<Role>> = BTreeMap::new();
        let grants = claims.groups.iter().filter_map(|group| self.groups.get(group)).flatten();
        for grant in grants {
            roles.entry(grant.center.as_deref()).or_default().extend(&grant.roles);
        }
        let actor = |(center, mut roles): (Option<&str>, Vec<Role>)| {
            roles.sort_unstable();
            roles.dedup();
            match center {
                Some(center) => Some(Actor::staff(&claims.sub, &claims.name, center, roles)),
                None => roles.contains(&Role::Operator).then(|| Actor::operator(&claims.sub, &claims.name)),
            }
        };
        roles.into_iter().filter_map(actor).collect()
    }
}
