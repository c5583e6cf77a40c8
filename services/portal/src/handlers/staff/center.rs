//! Which center somebody works in, who has a role at several: chosen after sign-in, and again from the bar.
//!
//! Deliberately not here: what the person may do there, which comes from the provider's groups.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::{App, page, see_other};
use super::gate::Posted;
use super::sign_in::{failed, next, start};
use super::{Staff, frame};
use crate::pages::{CenterPage, OwnCenter};

/// The page of the choice; what was asked for comes after it.
const PAGE: &str = "/sign-in/center";

/// The address of the choice.
pub fn choice(next: &str) -> String {
    format!("{PAGE}?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
}

/// The centers of the person.
pub async fn show(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    let here = staff.center();
    let own = staff.session.actors.iter().filter_map(|actor| {
        let id = actor.center.as_deref()?;
        let in_force = app.centers.get(id)?;
        let roles: Vec<&str> = actor.roles.iter().map(|role| role.word()).collect();
        Some(OwnCenter {
            id: id.to_owned(),
            name: in_force.1.center.short_name.clone(),
            roles: roles.join(", ").replace('-', " "),
            current: id == here,
        })
    });
    let centers = own.collect();
    let next = next(query.get("next")).to_owned();
    page(StatusCode::OK, &CenterPage { frame: frame(&app, &staff, ""), centers, next })
}

/// Goes on at a center.
pub async fn choose(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let wanted = posted.sent.get("center");
    let asked = posted.sent.get("next").to_owned();
    match app.sessions.act_in(&posted.staff.session, wanted) {
        // A page of another center is none of this one.
        Ok(Some(actor)) if wanted == posted.staff.center() => see_other(start(&actor, next(Some(&asked)))),
        Ok(Some(actor)) => see_other(start(&actor, first_page(next(Some(&asked))))),
        Ok(None) => see_other(PAGE),
        Err(cause) => failed(&cause),
    }
}

/// An inquiry or a repair is of one center; the lists are there in each.
fn first_page(next: &str) -> &str {
    match next.trim_start_matches('/').split(['/', '?']).next() {
        Some("funnel") => "/funnel",
        _ if next.starts_with("/inquiries/") || next.starts_with("/repairs/") || next.starts_with("/audits/") => {
            "/worklist"
        }
        _ => next,
    }
}
