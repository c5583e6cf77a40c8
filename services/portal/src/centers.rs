//! The centers' profiles in force: names, forms, words, colours and zones for the pages.
//!
//! Deliberately not here: past revisions. The portal explains no old decision; it asks the service that made it.

#[cfg(test)]
use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_funnel::profile::Profile;
use causeway_mailbox::{Reading, Revisions};

/// A profile with its revision.
pub type InForce = Arc<(String, Profile)>;

/// All profiles in force.
pub struct Centers {
    source: Source,
}

enum Source {
    Followed(Arc<Revisions<Profile>>),
    #[cfg(test)]
    Fixed(BTreeMap<String, InForce>),
}

impl Centers {
    /// The profiles that the bus tells of.
    pub fn followed(revisions: Arc<Revisions<Profile>>) -> Self {
        Self { source: Source::Followed(revisions) }
    }

    /// Profiles that never change, for tests.
    #[cfg(test)]
    pub fn fixed(profiles: Vec<Profile>) -> Self {
        let named = profiles
            .into_iter()
            .map(|profile| (profile.center.id.clone(), Arc::new((profile.revision.clone(), profile))));
        Self { source: Source::Fixed(named.collect()) }
    }

    /// The profile of a center.
    pub fn get(&self, center: &str) -> Option<InForce> {
        match &self.source {
            Source::Followed(revisions) => revisions.current(center),
            #[cfg(test)]
            Source::Fixed(profiles) => profiles.get(center).cloned(),
        }
    }

    /// Every profile, by the center's id.
    pub fn all(&self) -> Vec<InForce> {
        match &self.source {
            Source::Followed(revisions) => {
                revisions.names().iter().filter_map(|center| revisions.current(center)).collect()
            }
            #[cfg(test)]
            Source::Fixed(profiles) => profiles.values().cloned().collect(),
        }
    }
}

/// Reads a center's profile as the bucket keeps it.
pub fn read_profile(bytes: &[u8]) -> Result<Reading<Profile>, String> {
    let (profile, fault) = Profile::from_stored(bytes)?;
    Ok(Reading { revision: profile.revision.clone(), value: profile, fault })
}
