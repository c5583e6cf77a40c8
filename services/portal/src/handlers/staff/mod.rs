//! The staff face: the worklist, the inquiry, the calls, the feeds and the funnel, for who is signed in.
//!
//! Every change comes with the session's own token and from a page of this address. Deliberately not here: who may do
//! what; the services decide, and the pages leave out what would be refused.

mod access;
mod actions;
mod audits;
mod call;
mod calls;
mod center;
mod clock;
mod closures;
mod conflict;
mod cookies;
mod documents;
mod door;
mod feeds;
mod funnel;
mod gate;
mod held;
mod inquiry;
mod known;
mod repairs;
mod routing;
mod search;
mod sign_in;
mod teams;
mod worklist;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use causeway_auth::{Action, policy};
use tower_http::set_header::SetResponseHeaderLayer;

use super::{App, files, page, see_other};
use crate::pages::{Flash, NavLink, STAFF_POLICY, StaffFrame, StaffTroublePage, Tone};
use gate::{Posted, Staff};

/// The routes, with their security headers.
pub fn router(app: Arc<App>) -> Router {
    let inquiry = Router::new()
        .route("/", get(inquiry::show))
        .route("/claim", post(actions::claim))
        .route("/release", post(actions::release))
        .route("/note", post(actions::note))
        .route("/draft", post(actions::draft))
        .route("/attempt", post(actions::attempt))
        .route("/records", post(actions::ask_for_all))
        .route("/records/{kind}", post(actions::record))
        .route("/letter/{of}", get(inquiry::letter))
        .route("/access", get(access::show))
        .route("/review/{decision}", post(actions::review))
        .route("/documents/{document}", get(documents::open))
        .route("/documents/{document}/match", post(documents::matched))
        .route("/slots/{slot}", post(actions::book))
        .route("/visit", post(actions::visit))
        .route("/step", post(actions::agree_step))
        .route("/step/end", post(actions::end_step))
        .route("/route", post(actions::hand_over))
        .route("/handover", post(actions::hand_over))
        .route("/twins/{other}", post(actions::twin))
        .route("/pause", post(clock::pause))
        .route("/resume", post(clock::resume))
        .route("/elsewhere", post(actions::refer_elsewhere))
        .route("/keep/{reason}", post(actions::keep))
        .route("/sister", post(actions::sister))
        .route("/close", post(actions::close))
        .route("/reopen", post(actions::reopen));
    let router = Router::new()
        .route("/", get(|| async { see_other("/worklist") }))
        .route("/a/{name}", get(files::file))
        .route("/a/theme/{name}", get(files::theme))
        .route("/sign-in", get(sign_in::show).post(sign_in::begin))
        .route("/sign-in/callback", get(sign_in::come_back))
        .route("/sign-in/development", post(sign_in::choose))
        .route("/sign-in/center", get(center::show).post(center::choose))
        .route("/sign-out", post(sign_in::leave))
        .route("/worklist", get(worklist::show))
        .route("/worklist/search", get(|| async { see_other("/worklist") }).post(search::search))
        .route("/worklist/next", post(search::next))
        .route("/inquiries/new", get(call::show).post(call::save))
        .nest("/inquiries/{id}", inquiry)
        .route("/calls", get(calls::show))
        .route("/calls/{id}/settle", post(calls::settle))
        .route("/held", get(held::show))
        .route("/held/{id}/release", post(held::release))
        .route("/held/{id}/spam", post(held::spam))
        .route("/repairs", get(repairs::list))
        .route("/repairs/retry", post(repairs::retry))
        .route("/repairs/{id}", get(repairs::show))
        .route("/repairs/{id}/release", post(repairs::release))
        .route("/repairs/{id}/settle", post(repairs::settle))
        .route("/repairs/{id}/assign", post(repairs::assign))
        .route("/repairs/{id}/apply", post(repairs::apply))
        .route("/repairs/files/{id}/retry", post(repairs::retry_file))
        .route("/repairs/files/{id}/take", post(repairs::take_good_rows))
        .route("/repairs/{id}/aside", post(repairs::set_aside))
        .route("/feeds", get(feeds::show))
        .route("/routing", get(routing::show).post(routing::try_out))
        .route("/closures", get(closures::show).post(closures::enter))
        .route("/closures/{id}/end", post(closures::end))
        .route("/teams", get(teams::show))
        .route("/teams/away", post(teams::away))
        .route("/teams/away/{id}/end", post(teams::end))
        .route("/audits", get(audits::show))
        .route("/audits/draw", post(audits::draw))
        .route("/audits/choose", post(audits::choose))
        .route("/audits/results", get(audits::results))
        .route("/audits/mine", get(audits::own))
        .route("/audits/{id}", get(audits::one).post(audits::save))
        .route("/audits/{id}/{what}", post(audits::change))
        .route("/funnel", get(funnel::show))
        .fallback(missing)
        .with_state(app)
        .layer(SetResponseHeaderLayer::if_not_present(
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ));
    causeway_serve::security_headers(router, HeaderValue::from_static(STAFF_POLICY))
}

/// What stands around a page.
fn frame(app: &App, staff: &Staff, current: &str) -> StaffFrame {
    let center = &staff.in_force.1.center;
    let parts: [(&str, &str, Action); 11] = [
        ("Worklist", "/worklist", Action::ViewWorklist),
        (teams::NAME, "/teams", Action::ViewWorklist),
        (calls::NAME, "/calls", Action::EnterInquiry),
        (held::NAME, "/held", Action::RepairInquiry),
        (repairs::NAME, "/repairs", Action::RepairInquiry),
        (feeds::NAME, "/feeds", Action::ViewFeeds),
        (routing::NAME, "/routing", Action::TryRouting),
        (closures::NAME, "/closures", Action::ViewWorklist),
        (audits::NAME, "/audits", Action::ScoreInquiry),
        (audits::OWN, "/audits/mine", Action::ViewOwnQuality),
        ("Funnel", "/funnel", Action::ViewFunnel),
    ];
    let nav = parts.into_iter().filter(|(_, _, action)| staff.may(*action)).map(|(label, url, _)| NavLink {
        label: label.to_owned(),
        url: url.to_owned(),
        count: staff.to_repair.filter(|_| label == repairs::NAME),
        current: label == current,
    });
    StaffFrame {
        assets: app.assets.console(&center.id),
        center_name: center.short_name.clone(),
        staff_name: staff.session.actor.name.clone(),
        nav: nav.collect(),
        has_other_centers: staff.session.actors.len() > 1,
        csrf: staff.session.csrf.clone(),
        flash: app.sessions.told(&staff.session),
    }
}

/// A page that says what did not work.
fn trouble(app: &App, staff: &Staff, status: StatusCode, heading: &str, text: &str) -> Response {
    let (back_url, back_label) = if staff.may(Action::ViewWorklist) {
        ("/worklist", "Go to the worklist")
    } else {
        ("/funnel", "Go to the funnel")
    };
    let trouble = StaffTroublePage {
        frame: frame(app, staff, ""),
        heading: heading.to_owned(),
        text: text.to_owned(),
        back_url: back_url.to_owned(),
        back_label: back_label.to_owned(),
    };
    page(status, &trouble)
}

/// A page that this role may not open.
fn not_yours(app: &App, staff: &Staff) -> Response {
    let text = "Your role does not include it. Ask an intake manager.";
    trouble(app, staff, StatusCode::FORBIDDEN, "You may not open this page", text)
}

async fn missing(axum::extract::State(app): axum::extract::State<Arc<App>>, staff: Staff) -> Response {
    trouble(
        &app,
        &staff,
        StatusCode::NOT_FOUND,
        "There is no such page",
        "Check the address, or start from the worklist.",
    )
}

/// Keeps what the next page says, and goes there.
fn tell(app: &App, staff: &Staff, (text, tone): (String, Tone), to: &str) -> Response {
    app.sessions.tell(&staff.session, Flash { text, tone });
    see_other(to)
}

impl Staff {
    /// Whether the person may do something at their center.
    fn may(&self, action: Action) -> bool {
        policy::may(&self.session.actor, action, &self.in_force.1.center.id).is_ok()
    }

    fn center(&self) -> String {
        self.in_force.1.center.id.clone()
    }
}
