//! The audit trail of an inquiry in words: lines of two logs in one order.

use causeway_funnel::profile::Profile;
use causeway_proto::inquiry::v1::AccessEntry;
use jiff::Timestamp;

use super::times;
use crate::pages::{AccessPage, AccessRow, StaffFrame, Tone};
use crate::words::EN;

/// Most lines that are shown.
const SHOWN: usize = 200;

/// What both services told; none for one that did not answer.
pub struct Told {
    /// Lines of ingestion's log.
    pub ingestion: Option<Vec<AccessEntry>>,
    /// Lines of the desk's log.
    pub desk: Option<Vec<AccessEntry>>,
}

/// The page.
pub fn page(
    (profile, now): (&Profile, Timestamp),
    (inquiry_id, reference): (&str, &str),
    told: Told,
    frame: StaffFrame,
) -> AccessPage {
    let is_missing = told.ingestion.is_none() || told.desk.is_none();
    let mut lines: Vec<AccessEntry> = told.ingestion.into_iter().chain(told.desk).flatten().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    let all = lines.len();
    let rows: Vec<AccessRow> = lines.into_iter().take(SHOWN).map(|line| row(profile, now, line)).collect();
    let caption = match all {
        1 => "1 line.".to_owned(),
        _ if all > rows.len() => format!("The newest {} lines.", rows.len()),
        _ => format!("{all} lines, the newest first."),
    };
    AccessPage {
        frame,
        reference: reference.to_owned(),
        back: format!("/inquiries/{inquiry_id}"),
        caption,
        missing: is_missing
            .then_some("A part of the trail is not available right now. Load the page again in a moment."),
        rows,
    }
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
mod tests {
    use super::*;
    use crate::handlers::tests::{harbor_valley, staff_frame};

    fn line(at: i64, (kind, id): (&str, &str), (action, object): (&str, &str), outcome: &str) -> AccessEntry {
        AccessEntry {
            at,
            actor_kind: kind.into(),
            actor_id: id.into(),
            action: action.into(),
            object_kind: object.into(),
            purpose: "inquiry_page".into(),
            outcome: outcome.into(),
        }
    }

    #[test]
    fn both_logs_stand_in_one_order_with_names_and_what_was_refused() {
        let profile = harbor_valley();
        let now: Timestamp = "2027-03-04T18:00:00Z".parse().expect("a time");
        let at = |minutes: i64| now.as_microsecond() - minutes * 60_000_000;
        let told = Told {
            ingestion: Some(vec![
                line(at(1), ("staff", "dana-whitfield"), ("read person", "inquiry"), "done"),
                line(at(9), ("staff", "nobody-known"), ("read document", "document"), "refused"),
            ]),
            desk: Some(vec![line(at(5), ("patient", "7"), ("read note", "inquiry"), "done")]),
        };
        let page = page((&profile, now), ("i1", "HV-1"), told, staff_frame(&profile));
        let who: Vec<&str> = page.rows.iter().map(|row| row.who.as_str()).collect();
        assert_eq!(who, ["Dana Whitfield", "The patient, by their link", "nobody-known"]);
        assert_eq!((page.rows[0].what.as_str(), page.rows[0].purpose.as_str()), ("Read person", "inquiry page"));
        assert_eq!(page.rows[2].what, "Read document: document");
        assert!(page.rows[0].outcome.is_none() && page.rows[2].outcome.is_some());
        assert_eq!((page.caption.as_str(), page.missing), ("3 lines, the newest first.", None));
        let half = Told { ingestion: None, desk: Some(Vec::new()) };
        let page = super::page((&profile, now), ("i1", "HV-1"), half, staff_frame(&profile));
        assert!(page.missing.is_some() && page.rows.is_empty(), "what is not there is said");
    }
}
