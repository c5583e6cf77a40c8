//! The files of a profile as one value, named by its content.
//!
//! The same content always has the same revision, so "which rules were in force" has a short, checkable answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::Place;

/// The text files of a profile, by path inside the profile (`forms/general.toml`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Path to text.
    pub files: BTreeMap<String, String>,
}

/// Stored bytes were no bundle.
#[derive(Debug, thiserror::Error)]
#[error("the stored profile cannot be read; apply the center's profile again")]
pub struct NotABundle(#[source] serde_json::Error);

const REVISION_CHARACTERS: usize = 12;

impl Bundle {
    /// An empty bundle.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. Line ends are unified, so a checkout on another system has the same revision.
    pub fn insert(&mut self, path: impl Into<String>, text: impl AsRef<str>) {
        self.files.insert(path.into(), text.as_ref().replace("\r\n", "\n"));
    }

    /// A file as the place that faults point into.
    #[must_use]
    pub fn place<'a>(&'a self, path: &'a str) -> Option<Place<'a>> {
        self.files.get(path).map(|text| Place { file: path, text })
    }

    /// Short name of this exact content.
    #[must_use]
    pub fn revision(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.to_bytes());
        let mut name = hex::encode(digest.as_ref());
        name.truncate(REVISION_CHARACTERS);
        name
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // A map of strings always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotABundle> {
        serde_json::from_slice(bytes).map_err(NotABundle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_names_the_content_and_not_the_order_or_the_line_ends() {
        let mut one = Bundle::new();
        one.insert("b.toml", "x = 1\r\n");
        one.insert("a.toml", "y = 2\n");
        let mut other = Bundle::new();
        other.insert("a.toml", "y = 2\n");
        other.insert("b.toml", "x = 1\n");
        assert_eq!(one.revision(), other.revision());
        assert_eq!(one.revision().len(), 12);
        other.insert("b.toml", "x = 2\n");
        assert_ne!(one.revision(), other.revision());
        assert_eq!(Bundle::from_bytes(&other.to_bytes()).unwrap(), other);
        assert!(Bundle::from_bytes(b"nothing").is_err());
    }
}
