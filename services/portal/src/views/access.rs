//! The audit trail of an inquiry in words: lines of two logs in one order, page by page.
//!
//! Each log has an order of its own, and none is known between them but the time. A page takes from both what is newest, and the next
//! one goes on in each log where this one stopped: what a page adds to the logs by being looked at moves nothing.

use causeway_funnel::profile::Profile;
use causeway_proto::inquiry::v1::{AccessEntry, ListAccessResponse};
use jiff::Timestamp;

use super::times;
use crate::pages::{AccessPage, AccessRow, StaffFrame, Tone};
use crate::words::EN;

/// Most lines of a page.
const SHOWN: usize = 200;

/// Where a page begins in each log; both empty: at the newest lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Page token of ingestion's log.
    pub ingestion: String,
    /// Page token of the desk's log.
    pub desk: String,
}

/// What both services told.
pub struct Told {
    /// Lines of ingestion's log; none where it did not answer.
    pub ingestion: Option<ListAccessResponse>,
    /// Lines of the desk's log, and the request number.
    pub desk: ListAccessResponse,
}

/// The page.
pub fn page(
    (profile, now): (&Profile, Timestamp),
    (inquiry_id, pages): (&str, &Pages),
    told: Told,
    frame: StaffFrame,
) -> AccessPage {
    let back = format!("/inquiries/{inquiry_id}");
    let (is_missing, is_first) = (told.ingestion.is_none(), *pages == Pages::default());
    let reference = told.desk.reference.clone();
    let (lines, older) = merged(told.ingestion.unwrap_or_default(), told.desk);
    // What is not there now would stand on no page.
    let older = older.filter(|_| !is_missing);
    let caption = match (lines.len(), is_first, older.is_some() || is_missing) {
        (1, true, _) => "1 line.".to_owned(),
        (1, false, _) => "1 older line.".to_owned(),
        (count, true, false) => format!("{count} lines, the newest first."),
        (count, true, true) => format!("The newest {count} lines."),
        (count, false, true) => format!("{count} older lines, the newest first."),
        (count, false, false) => format!("The oldest {count} lines, the newest first."),
    };
    AccessPage {
        frame,
        reference,
        caption,
        missing: is_missing
            .then_some("A part of the trail is not available right now. Load the page again in a moment."),
        rows: lines.into_iter().map(|line| row(profile, now, line)).collect(),
        older_url: older.map(|Pages { ingestion, desk }| format!("{back}/access?ingestion={ingestion}&desk={desk}")),
        newest_url: (!is_first).then(|| format!("{back}/access")),
        back,
    }
}

impl Pages {
    /// As an address has them.
    pub fn sent(text: impl Fn(&str) -> String) -> Self {
        Self { ingestion: text("ingestion"), desk: text("desk") }
    }
}

/// The newest lines of both, and where the older ones begin.
fn merged(ingestion: ListAccessResponse, desk: ListAccessResponse) -> (Vec<AccessEntry>, Option<Pages>) {
    let is_all = ingestion.next_page_token.is_empty() && desk.next_page_token.is_empty();
    let mut pages = Pages { ingestion: ingestion.page_token, desk: desk.page_token };
    let (mut left, mut right) = (ingestion.entries.into_iter().peekable(), desk.entries.into_iter().peekable());
    let mut lines = Vec::new();
    while lines.len() < SHOWN {
        let is_left = match (left.peek(), right.peek()) {
            (Some(left), Some(right)) => left.at >= right.at,
            (Some(_), None) if desk.next_page_token.is_empty() => true,
            (None, Some(_)) if ingestion.next_page_token.is_empty() => false,
            // Between what is left of the one, and what the other has not told yet, nothing is known.
            _ => break,
        };
        let (log, token) = if is_left { (&mut left, &mut pages.ingestion) } else { (&mut right, &mut pages.desk) };
        lines.extend(log.next().inspect(|line| token.clone_from(&line.page_token)));
    }
    let is_end = is_all && left.peek().is_none() && right.peek().is_none();
    (lines, (!is_end).then_some(pages))
}

fn row(profile: &Profile, now: Timestamp, line: AccessEntry) -> AccessRow {
    let when = times::zoned(line.at, profile.zone()).map(|at| times::recent(&at, now, &EN)).unwrap_or_default();
    let who = match line.actor_kind.as_str() {
        "staff" => profile.staff(&line.actor_id).map_or_else(|| line.actor_id.clone(), |staff| staff.name.clone()),
        "patient" => "The patient, by their link".to_owned(),
        kind => format!("{} ({kind})", line.actor_id),
    };
    let what =
        if line.object_kind == "inquiry" { line.action } else { format!("{}: {}", line.action, line.object_kind) };
    let outcome = match line.outcome.as_str() {
        "done" => None,
        "refused" => Some(("Refused".to_owned(), Tone::Warn)),
        other => Some((other.to_owned(), Tone::Bad)),
    };
    AccessRow { when, who, what: sentence(&what), purpose: line.purpose.replace('_', " "), outcome }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
