//! The repair queue: what could not be taken, why, and who can act.
//!
//! The list names nobody. Deliberately not here: one of them with what it says (one), what is done about them (changes), and
//! the words (views).

mod changes;
mod one;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::{ListRepairsRequest, ListRepairsResponse, RepairRow as Waiting};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tonic::Status;

use super::super::{App, page};
use super::{Staff, frame, not_yours, trouble};
use crate::pages::{Filter, HiddenField, RepairRow, RepairsPage, SelectOption, ViewTab};
use crate::refusals::for_staff;
use crate::views::repairs::{DOORS, door, from, why, why_at};
use crate::words::EN;

pub use changes::{apply, assign, release, retry, retry_file, set_aside, settle, take_good_rows};
pub use one::show;

/// Name of the page in the bar.
pub const NAME: &str = "Repairs";
/// Rows of a page: as many as can be tried again at once.
const ROWS: i32 = 50;
const VIEWS: [(&str, &str); 2] = [("waiting", "For us to mend"), ("refused", "For the sender to mend")];

/// Why a row waits whose cells can't be told apart.
const TORN: [&str; 4] = ["row_too_long", "nul_byte", "quote_misplaced", "quote_unbalanced"];

/// What the list is asked for.
struct Asked<'q> {
    view: &'static str,
    door: &'q str,
    reason: &'q str,
}

impl<'q> Asked<'q> {
    fn of(text: impl Fn(&'static str) -> &'q str) -> Self {
        let view = VIEWS.iter().map(|(view, _)| *view).find(|view| *view == text("view")).unwrap_or(VIEWS[0].0);
        let door = DOORS.iter().map(|(door, _)| *door).find(|door| *door == text("door")).unwrap_or_default();
        Self { view, door, reason: text("reason") }
    }

    async fn list(&self, staff: &Staff, after: &str) -> Result<ListRepairsResponse, Status> {
        let request = ListRepairsRequest {
            center: staff.center(),
            view: self.view.to_owned(),
            door: self.door.to_owned(),
            reason: self.reason.to_owned(),
            page_size: ROWS,
            page_token: after.to_owned(),
            ..ListRepairsRequest::default()
        };
        staff.peers.ingestion().list_repairs(request).await.map(tonic::Response::into_inner)
    }

    /// An address of this list; its parts hold nothing of a person.
    fn address(&self, after: &str) -> String {
        let mut address = format!("/repairs?view={}", self.view);
        for (name, value) in [("door", self.door), ("reason", self.reason), ("after", after)] {
            if !value.is_empty() {
                address.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
            }
        }
        address
    }
}

/// The list.
pub async fn list(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    if !staff.may(Action::RepairInquiry) {
        return not_yours(&app, &staff);
    }
    let text = |name: &'static str| query.get(name).map(String::as_str).unwrap_or_default();
    let asked = Asked::of(text);
    let other = VIEWS.iter().map(|(view, _)| *view).find(|view| *view != asked.view).unwrap_or_default();
    let of_other = Asked { view: other, door: "", reason: "" };
    let (here, there) = tokio::join!(asked.list(&staff, text("after")), of_other.list(&staff, ""));
    let (here, there) = match (here, there) {
        (Ok(here), Ok(there)) => (here, there),
        (Err(status), _) | (_, Err(status)) => {
            tracing::warn!(code = ?status.code(), "list what waits to be mended");
            let text = for_staff(&status);
            return trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, "The repairs can’t be shown", &text);
        }
    };
    let sum = |answer: &ListRepairsResponse| answer.counts.iter().map(|one| one.count).sum::<i64>();
    let tab = |(view, label): &(&'static str, &str)| ViewTab {
        label: (*label).to_owned(),
        count: u64::try_from(sum(if *view == asked.view { &here } else { &there })).unwrap_or_default(),
        more: false,
        url: Asked { view, door: "", reason: "" }.address(""),
        current: *view == asked.view,
    };
    let next = Some(&here.next_page_token).filter(|token| !token.is_empty());
    let shown = RepairsPage {
        views: VIEWS.iter().map(tab).collect(),
        filters: filters(&asked, &here),
        keep: vec![HiddenField { name: "view".to_owned(), value: asked.view.to_owned() }],
        caption: caption(here.rows.len(), next.is_some(), !text("after").is_empty()),
        empty: if sum(&here) == 0 { "Nothing waits.".to_owned() } else { "Nothing like this waits.".to_owned() },
        rows: here.rows.iter().map(|one| row(&staff, one)).collect(),
        next_url: next.map(|token| asked.address(token)),
        frame: frame(&app, &staff, NAME),
    };
    page(StatusCode::OK, &shown)
}

fn caption(count: usize, has_more: bool, is_further: bool) -> String {
    match (count, has_more || is_further) {
        (1, false) => "1 waits.".to_owned(),
        (count, false) => format!("{count} wait, the oldest first."),
        (count, true) => format!("Showing {count}, the oldest first."),
    }
}

fn filters(asked: &Asked<'_>, answer: &ListRepairsResponse) -> Vec<Filter> {
    let option = |value: &str, label: String, chosen: &str| SelectOption {
        value: value.to_owned(),
        label,
        selected: value == chosen,
    };
    let mut doors = vec![option("", "All doors".to_owned(), asked.door)];
    doors.extend(DOORS.iter().map(|(word, label)| option(word, (*label).to_owned(), asked.door)));
    let mut reasons = vec![option("", "All reasons".to_owned(), asked.reason)];
    reasons.extend(
        answer
            .counts
            .iter()
            .map(|one| option(&one.reason, format!("{} ({})", why(&one.reason).short, one.count), asked.reason)),
    );
    let filter = |name: &str, label: &str, options| Filter { name: name.to_owned(), label: label.to_owned(), options };
    vec![filter("door", "Came by", doors), filter("reason", "Why it waits", reasons)]
}

fn row(staff: &Staff, one: &Waiting) -> RepairRow {
    let why = why_at(&one.door, &one.reason);
    let inquiry = !one.reference.is_empty();
    RepairRow {
        id: one.id.clone(),
        url: address(&one.kind, &one.id),
        since: moment(staff, one.since),
        from: from(&staff.in_force.1, one),
        door: door(one),
        why: why.short,
        why_note: if one.detail.is_empty() { why.sentence } else { format!("{} ({})", why.sentence, one.detail) },
        who: why.who.to_owned(),
        inquiry: inquiry.then(|| (one.reference.clone(), format!("/inquiries/{}", one.inquiry_id))),
        // Cells of a row that can't be told apart are read by nobody but a person.
        // What a call was told twice would contradict itself still.
        may_retry: one.kind == "message" && one.door != "phone" && !TORN.contains(&one.reason.as_str()),
        is_file: one.kind == "file",
        may_take: one.kind == "file" && one.reason == "too_many_bad_rows",
    }
}

fn address(kind: &str, id: &str) -> String {
    if kind == "inquiry" { format!("/repairs/{id}?kind=inquiry") } else { format!("/repairs/{id}") }
}

fn moment(staff: &Staff, at: i64) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or_default();
    EN.dates.moment(&at.to_zoned_datetime(staff.in_force.1.zone().clone()))
}

/// `message`, or `inquiry` where it says so.
fn kind_of(text: &str) -> &'static str {
    if text == "inquiry" { "inquiry" } else { "message" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_list_carries_what_was_asked_for() {
        let asked = Asked { view: "refused", door: "hl7", reason: "Required field missing" };
        assert_eq!(
            asked.address("1:2"),
            "/repairs?view=refused&door=hl7&reason=Required%20field%20missing&after=1%3A2"
        );
    }
}
