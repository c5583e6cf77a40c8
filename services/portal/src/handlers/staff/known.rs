//! Whether somebody who is about to be entered has asked before: by phone number or email, or by name where there is neither.
//!
//! Nothing is refused for it. Who enters a call is told once and says whether it is a new request; where nobody can be asked, it is
//! saved, and the comparison of the whole person after that finds them. Deliberately not here: that comparison (ingestion).

use std::collections::BTreeMap;

use causeway_auth::Action;
use causeway_proto::inquiry::v1::FindPeopleRequest;
use causeway_proto::intake::v1::{ListWorkRequest, WorkRow};
use tonic::Status;

use super::super::App;
use super::{Staff, calls};
use crate::pages::KnownRequest;

/// As many as a person looks through.
const MOST: usize = 5;
/// Why somebody looks, in the audit chain.
const PURPOSE: &str = "call_entry";

/// Requests of who is entered that were not shown before.
#[derive(Default)]
pub struct Found {
    /// Some of them, the newest first.
    pub shown: Vec<KnownRequest>,
    /// How many there are besides.
    pub more: usize,
    /// All that were found.
    pub all: Vec<String>,
}

/// The requests of who is entered, as far as they were not shown before.
pub async fn others(app: &App, staff: &Staff, answers: &BTreeMap<String, String>, seen: &str) -> Found {
    if !staff.may(Action::ReadPerson) {
        return Found::default();
    }
    match look(app, staff, answers, seen).await {
        Ok(found) => found,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "look for earlier requests of a caller; the entry goes on without");
            Found::default()
        }
    }
}

async fn look(app: &App, staff: &Staff, answers: &BTreeMap<String, String>, seen: &str) -> Result<Found, Status> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (text, by) in typed(answers) {
        let (center, text) = (staff.center(), text.to_owned());
        let request = FindPeopleRequest { center, text, purpose: PURPOSE.to_owned() };
        for one in staff.peers.ingestion().find_people(request).await?.into_inner().found {
            let is_shown = seen.split(',').any(|id| id == one.inquiry_id);
            if one.by == by && !is_shown && found.iter().all(|(id, _)| *id != one.inquiry_id) {
                found.push((one.inquiry_id, one.reference));
            }
        }
    }
    if found.is_empty() {
        return Ok(Found::default());
    }
    let all: Vec<String> = found.iter().map(|(id, _)| id.clone()).collect();
    let inquiry_ids = all.clone();
    let request = ListWorkRequest { center: staff.center(), inquiry_ids, page_size: 1, ..Default::default() };
    // How far they are is worth knowing, and not worth waiting for. What is held or was set aside has no page.
    let rows = staff.peers.desk().list_work(request).await.map(|answer| answer.into_inner().rows).ok();
    let looking = calls::looking(app, staff);
    let about = |row: &WorkRow| looking.about(row.consult_type(), row.received_at);
    let known = |(id, reference): (String, String)| {
        let row = rows.as_ref().map(|rows| rows.iter().find(|row| row.inquiry_id == id));
        let about = match row {
            None => String::new(),
            Some(row) => about(row?),
        };
        Some(KnownRequest { url: format!("/inquiries/{id}"), about, id, reference })
    };
    let mut shown: Vec<KnownRequest> = found.into_iter().filter_map(known).collect();
    let more = shown.len().saturating_sub(MOST);
    shown.truncate(MOST);
    Ok(Found { shown, more, all })
}

/// What they are looked for by, with the word for what was found by it.
fn typed(answers: &BTreeMap<String, String>) -> Vec<(&str, &'static str)> {
    let of =
        |by: &'static str| answers.get(by).map(|answer| (answer.as_str(), by)).filter(|(text, _)| !text.is_empty());
    let sure: Vec<_> = ["phone", "email"].into_iter().filter_map(of).collect();
    if sure.is_empty() { of("name").into_iter().collect() } else { sure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_only_where_nothing_surer_was_told() {
        let told = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect()
        };
        let all = told(&[("name", "Rosa"), ("phone", "206 555 0142"), ("email", "r@example.com")]);
        assert_eq!(typed(&all), [("206 555 0142", "phone"), ("r@example.com", "email")]);
        assert_eq!(typed(&told(&[("name", "Rosa"), ("phone", "")])), [("Rosa", "name")]);
        assert!(typed(&told(&[])).is_empty());
    }
}
