//! The wrapper of everything that ties a person to their health.
//!
//! It has no Debug, Display or Serialize, so that no log line, error, span or message can take it along by accident; `expose` is the
//! one word to search for in a review. It can be deserialized, because a value that comes in is wrapped before anything else sees it.
//!
//! Deliberately not here: how it is kept (seal) and who may look (policy, audit).

use serde::{Deserialize, Deserializer};

/// A value that never shows itself.
///
/// ```compile_fail
/// let name = causeway_auth::Phi::new("Ada".to_owned());
/// println!("{name:?}");
/// ```
///
/// ```compile_fail
/// let name = causeway_auth::Phi::new("Ada".to_owned());
/// println!("{name}");
/// ```
///
/// ```compile_fail
/// let name = causeway_auth::Phi::new("Ada".to_owned());
/// serde_json::to_string(&name);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, at the place of use.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, given up by the wrapper.
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Another value made of this one, wrapped as well.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Phi<U> {
        Phi(change(self.0))
    }

    /// A borrowed view, wrapped as well.
    pub fn as_ref(&self) -> Phi<&T> {
        Phi(&self.0)
    }
}

impl<T, E> Phi<Result<T, E>> {
    /// Moves the error out of the wrapper; the error must not carry the value.
    pub fn transpose(self) -> Result<Phi<T>, E> {
        self.0.map(Phi)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Phi<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}
