//! A folder of keys as an operator sees it: whether each can be used, and nothing is made.
//!
//! Deliberately not here: whether the master key is the one that sealed what a database holds; only opening it shows that.

use std::path::Path;

use causeway_runtime::Mode;

use crate::keys::{self, KeyError, Master};

/// One key that was looked at.
#[derive(Debug)]
pub struct Examined {
    /// The key's name.
    pub key: String,
    /// What is there, or why it can't be used and what to do.
    pub found: Result<&'static str, KeyError>,
}

/// Looks at the master key, and at the key pair of each service that calls others. Asked as production asks: a missing key stays missing.
pub fn examine(dir: &Path, callers: &[&str]) -> Vec<Examined> {
    let master = Master::open(dir, Mode::Production).map(|_| "can be read");
    let mut all = vec![Examined { key: "master.key".to_owned(), found: master }];
    all.extend(callers.iter().map(|service| Examined { key: format!("service-{service}"), found: pair(dir, service) }));
    all
}

/// Each folder has the public key of every caller; a private one is in its own service's folder alone.
fn pair(dir: &Path, service: &str) -> Result<&'static str, KeyError> {
    let (private, public) = (keys::private_path(dir, service)?, keys::public_path(dir, service)?);
    let remedy = format!("openssl pkey -in {} -pubout -out {}", private.display(), public.display());
    let Some(known) = keys::public_key(dir, service)? else {
        return Err(KeyError::Missing { path: public, remedy });
    };
    if !private.exists() {
        return Ok("the public key can be read; the private one is elsewhere");
    }
    let own = keys::public_of(&keys::service_key(dir, service, Mode::Production)?);
    let same = own.is_some_and(|own| keys::unarmoured(&own) == keys::unarmoured(&known));
    let expected = "the public key that belongs to the private one beside it";
    if same {
        Ok("both keys can be read and belong together")
    } else {
        Err(KeyError::Content { path: public, expected, remedy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::fresh_dir;
    use crate::{Identity, Sealer};

    fn told(dir: &Path) -> Vec<String> {
        let words = |one: Examined| match one.found {
            Ok(text) => text.to_owned(),
            Err(cause) => cause.to_string(),
        };
        examine(dir, &["portal", "notification"]).into_iter().map(words).collect()
    }

    #[test]
    fn what_is_missing_is_told_with_its_remedy_and_stays_missing() {
        let dir = fresh_dir();
        let told = told(&dir);
        assert!(told[0].contains("openssl rand -hex 32"), "{told:?}");
        assert!(told[1].contains("service-portal.pub") && told[1].contains("-pubout"), "{told:?}");
        assert!(!dir.join("master.key").exists() && !dir.join("service-portal.pub").exists());
    }

    #[test]
    fn a_sound_folder_is_in_order_and_a_public_key_of_another_pair_is_told() {
        let dir = fresh_dir();
        Sealer::open_keyring(&dir, Mode::Development).expect("a master key");
        for service in ["portal", "notification"] {
            Identity::load(&dir, service, Mode::Development).expect("a pair");
        }
        assert_eq!(
            told(&dir),
            ["can be read", "both keys can be read and belong together", "both keys can be read and belong together"]
        );
        let public = |service: &str| dir.join(format!("service-{service}.pub"));
        std::fs::copy(public("notification"), public("portal")).expect("mixed up");
        assert!(told(&dir)[1].contains("belongs to the private one"), "{:?}", told(&dir));
        std::fs::remove_file(dir.join("service-notification.key")).expect("gone");
        assert!(told(&dir)[2].contains("elsewhere"), "{:?}", told(&dir));
    }
}
