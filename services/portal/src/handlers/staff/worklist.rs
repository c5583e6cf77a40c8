//! The worklist: the desk's rows, with the names of exactly these rows.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::{Action, Role};
use causeway_proto::inquiry::v1::{LinksOfInquiry, ListLinksRequest, Person, RevealPeopleRequest};
use causeway_proto::intake::v1::{ListWorkRequest, ListWorkResponse, WorkRow};

use super::super::{App, page};
use super::{Staff, frame, not_yours, trouble};
use crate::pages::{Figure, HiddenField, WorklistPage, WorklistRows};
use crate::refusals::{for_staff, status_of};
use crate::views::worklist::{Chosen, Looking, TO_REVIEW, VIEWS, address, filters, tabs};
use crate::words::EN;

/// Said where a view has no rows.
fn empty(view: &str) -> String {
    let said = if view == TO_REVIEW { "No records wait for a review here." } else { "Nothing is open in this view." };
    said.to_owned()
}

/// The page, or what changes on it for the refresh in place.
pub async fn show(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    if !staff.may(Action::ViewWorklist) {
        return not_yours(&app, &staff);
    }
    let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let is_reviewer = staff.session.actor.has(Role::Reviewer);
    let usual = if is_reviewer { TO_REVIEW } else { "all" };
    let view = VIEWS.iter().map(|(view, _)| *view).find(|view| *view == text("view")).unwrap_or(usual);
    let profile = &staff.in_force.1;
    let chosen = Chosen::read(profile, text);
    let Chosen { team, consult_type, site, owner, next_action } = chosen.clone();
    let request = ListWorkRequest {
        center: staff.center(),
        team,
        consult_type,
        site,
        owner,
        next_action,
        inquiry_ids: Vec::new(),
        view: view.to_owned(),
        page_size: i32::try_from(app.config.page_size).unwrap_or(50),
        page_token: text("after").to_owned(),
    };
    let answer = match staff.peers.desk().list_work(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list the work of a center");
            let text = for_staff(&status);
            return trouble(&app, &staff, status_of(&status), "The worklist can’t be shown", &text);
        }
    };
    let rows = rows(&app, &staff, &answer.rows).await;
    let frame = frame(&app, &staff, "Worklist");
    let as_of = EN.dates.moment(&app.clock.now().to_zoned_datetime(profile.zone().clone()));
    let (figures, views) = (figures(&answer), tabs(&answer.counts, view, &chosen, is_reviewer));
    let is_first = text("after").is_empty();
    let caption = caption(&answer, view, is_first);
    if text("part") == "rows" {
        let live = WorklistRows { frame, as_of, figures, views, caption, empty: empty(view), rows };
        return page(StatusCode::OK, &live);
    }
    let here = address(view, &chosen);
    let next = Some(&answer.next_page_token).filter(|token| !token.is_empty());
    let worklist = WorklistPage {
        as_of,
        figures,
        views,
        filters: filters(profile, view, &chosen),
        keep: vec![HiddenField { name: "view".to_owned(), value: view.to_owned() }],
        searched: staff.may(Action::ReadPerson).then(String::new),
        caption,
        empty: empty(view),
        rows_url: if is_first {
            format!("{here}&part=rows")
        } else {
            format!("{here}&after={}&part=rows", text("after"))
        },
        next_one: staff.may(Action::WorkInquiry).then(|| app.clock.now().as_microsecond().to_string()),
        new_call_url: staff.may(Action::EnterInquiry).then(|| "/inquiries/new".to_owned()),
        next_url: next.map(|token| format!("{here}&after={token}")),
        rows,
        frame,
    };
    page(StatusCode::OK, &worklist)
}

/// The rows with the names of exactly these people.
pub(super) async fn rows(app: &App, staff: &Staff, rows: &[WorkRow]) -> Vec<crate::pages::WorkRow> {
    let (people, links) = tokio::join!(people(staff, rows), links(staff, rows));
    let centers = app.centers.all();
    let looking = Looking {
        profile: &staff.in_force.1,
        now: app.clock.now(),
        me: &staff.session.actor.id,
        may_work: staff.may(Action::WorkInquiry),
        people: &people,
        links: &links,
        centers: &centers,
    };
    rows.iter().map(|row| looking.row(row)).collect()
}

/// The people of the rows in one call, for who may read them; a list without names is better than none.
async fn people(staff: &Staff, rows: &[WorkRow]) -> HashMap<String, Person> {
    if rows.is_empty() || !staff.may(Action::ReadPerson) {
        return HashMap::new();
    }
    let request = RevealPeopleRequest {
        center: staff.center(),
        inquiry_ids: rows.iter().map(|row| row.inquiry_id.clone()).collect(),
        purpose: "worklist".to_owned(),
    };
    match staff.peers.ingestion().reveal_people(request).await {
        Ok(answer) => {
            answer.into_inner().people.into_iter().map(|person| (person.inquiry_id.clone(), person)).collect()
        }
        Err(status) => {
            tracing::warn!(code = ?status.code(), "read the people of a worklist; request numbers are shown");
            HashMap::new()
        }
    }
}

/// Who may be the same person as that of a row, for who may read people; a list without it is better than none.
async fn links(staff: &Staff, rows: &[WorkRow]) -> Vec<LinksOfInquiry> {
    if rows.is_empty() || !staff.may(Action::ReadPerson) {
        return Vec::new();
    }
    let inquiry_ids = rows.iter().map(|row| row.inquiry_id.clone()).collect();
    let request = ListLinksRequest { center: staff.center(), inquiry_ids, own_center_only: true };
    match staff.peers.ingestion().list_links(request).await {
        Ok(answer) => answer.into_inner().inquiries,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "ask who of a worklist may be the same person; it is left out");
            Vec::new()
        }
    }
}

/// How many a view has, such as "12" or "1000+".
fn count(answer: &ListWorkResponse, view: &str) -> String {
    let found = answer.counts.iter().find(|count| count.view == view);
    found.map_or_else(|| "0".to_owned(), |one| format!("{}{}", one.count, if one.more { "+" } else { "" }))
}

pub(super) fn figures(answer: &ListWorkResponse) -> Vec<Figure> {
    let shown = [("Late now", "late"), ("Due today", "due_today"), ("Unclaimed", "unclaimed"), ("Mine", "mine")];
    let figure =
        |(label, view): (&str, &str)| Figure { label: label.to_owned(), value: count(answer, view), note: None };
    shown.into_iter().map(figure).collect()
}

fn caption(answer: &ListWorkResponse, view: &str, is_first: bool) -> String {
    let (all, here) = (count(answer, view), answer.rows.len());
    let order = if view == "closed" { "last closed first" } else { "soonest due first" };
    let more = if is_first { "Showing" } else { "Showing the next" };
    match all.as_str() {
        "1" => "1 inquiry.".to_owned(),
        _ => format!("{all} inquiries, {order}. {more} {here}."),
    }
}
