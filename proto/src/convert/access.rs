//! Lines of an audit log, and the pages in which they are read.

use jiff::Timestamp;

use super::micros;
use crate::inquiry::v1::{AccessEntry, ListAccessResponse};

/// A line of an audit log: its number there, when, and kind and id of who, what, on what kind of thing, what for, how it went.
pub type AccessLine = (i64, Timestamp, [String; 6]);

/// The number before which the lines of a page stand; none for a token that no answer gave.
#[must_use]
pub fn access_before(page_token: &str) -> Option<i64> {
    if page_token.is_empty() { Some(i64::MAX) } else { page_token.parse().ok() }
}

/// An answer with at most so many of the lines that stand before a number, the greatest number first. Whoever has one more line than
/// that has to hand it in: it tells that there are older ones.
#[must_use]
pub fn access_page(before: i64, mut lines: Vec<AccessLine>, most: usize) -> ListAccessResponse {
    let is_cut = lines.len() > most;
    lines.truncate(most);
    let next_page_token = lines.last().filter(|_| is_cut).map(|(number, ..)| number.to_string()).unwrap_or_default();
    // Whatever is written from now on has a greater number than all that stands there.
    let newest = lines.first().map_or(0, |(number, ..)| *number);
    ListAccessResponse {
        page_token: before.min(newest + 1).to_string(),
        next_page_token,
        entries: lines.into_iter().map(entry).collect(),
        ..ListAccessResponse::default()
    }
}

fn entry((number, at, words): AccessLine) -> AccessEntry {
    let [actor_kind, actor_id, action, object_kind, purpose, outcome] = words;
    let (at, page_token) = (micros(at), number.to_string());
    AccessEntry { at, actor_kind, actor_id, action, object_kind, purpose, outcome, page_token }
}
