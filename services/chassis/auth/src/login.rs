//! Sign-in without a provider, for development: choose a person from a list.
//!
//! It can't be made in production, so no setting and no mistake in wiring opens that door.
//!
//! Deliberately not here: the real sign-in (oidc) and sessions (portal).

use causeway_runtime::Mode;

use crate::actor::Actor;
use crate::keys::KeyError;

/// A list of people to choose from.
#[derive(Clone, Debug)]
pub struct DevelopmentLogin {
    people: Vec<Actor>,
}

impl DevelopmentLogin {
    /// The list; refused in production.
    pub fn new(mode: Mode, people: Vec<Actor>) -> Result<Self, KeyError> {
        if !mode.is_development() {
            return Err(KeyError::DevelopmentOnly { what: "signing in without a provider" });
        }
        Ok(Self { people })
    }

    /// Everybody who can be chosen.
    pub fn people(&self) -> &[Actor] {
        &self.people
    }

    /// The chosen person of a center.
    pub fn choose(&self, center: &str, id: &str) -> Option<&Actor> {
        self.people.iter().find(|person| person.id == id && person.center.as_deref() == Some(center))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Role;

    #[test]
    fn choosing_a_person_is_impossible_in_production() {
        let people = vec![Actor::staff("u1", "Sam", "north", vec![Role::Manager])];
        let text = DevelopmentLogin::new(Mode::Production, people.clone()).expect_err("refused").to_string();
        assert!(text.contains("development only"), "{text}");
        let login = DevelopmentLogin::new(Mode::Development, people).expect("development");
        assert!(login.choose("north", "u1").is_some());
        assert!(login.choose("south", "u1").is_none());
    }
}
