//! Lines of an audit log.

use jiff::Timestamp;

use super::micros;
use crate::inquiry::v1::AccessEntry;

/// A line of an audit log: kind and id of who, what, on what kind of thing, what for, how it went.
#[must_use]
pub fn access_entry(
    at: Timestamp,
    [actor_kind, actor_id, action, object_kind, purpose, outcome]: [String; 6],
) -> AccessEntry {
    AccessEntry { at: micros(at), actor_kind, actor_id, action, object_kind, purpose, outcome }
}
