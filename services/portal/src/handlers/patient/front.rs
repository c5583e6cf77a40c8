//! Pages that need nothing but the center's profile, and addresses that lead nowhere.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::{App, language, page};
use super::{frame, touch};
use crate::centers::InForce;
use crate::pages::{FrontPage, HomePage, PlainPage, PublicFrame, TroublePage};
use crate::words::{LANGUAGES, Words};

type Asked = Query<HashMap<String, String>>;

/// The centers of this installation.
pub async fn centers(State(app): State<Arc<App>>, query: Asked, headers: HeaderMap) -> Response {
    let words = any_language(&query, &headers);
    let all = app.centers.all();
    let link = |center: &InForce| {
        let center = &center.1.center;
        (center.name.clone(), format!("/{}?lang={}", center.id, words.code))
    };
    let front = FrontPage {
        assets: app.assets.public(""),
        words,
        heading: words.front.centers.to_owned(),
        text: all.is_empty().then(|| words.front.no_center.to_owned()),
        centers: all.iter().map(link).collect(),
    };
    page(StatusCode::OK, &front)
}

/// The forms of a center.
pub async fn forms(
    state: State<Arc<App>>,
    Path(center): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let query: HashMap<String, String> = pairs.iter().cloned().collect();
    let came = touch::told(&pairs, &headers);
    let Some((in_force, frame)) = around(&state, &center, ("", &came), &query, &headers) else {
        return nowhere(&state.0, &query, &headers);
    };
    let code = frame.words.code;
    let kept = super::query(&came, code);
    let link = |form: &causeway_funnel::form::Form| {
        (form.title.get(code).to_owned(), format!("/{center}/forms/{}?{kept}", form.id))
    };
    let forms = in_force.1.forms.values().map(link).collect();
    page(StatusCode::OK, &HomePage { frame, forms })
}

/// How details are used and protected.
pub async fn privacy(state: State<Arc<App>>, Path(center): Path<String>, query: Asked, headers: HeaderMap) -> Response {
    match around(&state, &center, ("/privacy", &[]), &query, &headers) {
        Some((_, frame)) => page(StatusCode::OK, &PlainPage::privacy(frame, Vec::new())),
        None => nowhere(&state.0, &query, &headers),
    }
}

/// Free language help.
pub async fn language_help(
    state: State<Arc<App>>,
    Path(center): Path<String>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    match around(&state, &center, ("/language-help", &[]), &query, &headers) {
        Some((_, frame)) => page(StatusCode::OK, &PlainPage::language_help(frame, Vec::new())),
        None => nowhere(&state.0, &query, &headers),
    }
}

/// Any other address.
pub async fn missing(State(app): State<Arc<App>>, query: Asked, headers: HeaderMap) -> Response {
    nowhere(&app, &query, &headers)
}

/// An address that leads nowhere, and to no center.
pub fn nowhere(app: &App, query: &HashMap<String, String>, headers: &HeaderMap) -> Response {
    let words = any_language(query, headers);
    no_center(app, StatusCode::NOT_FOUND, words, words.trouble.missing)
}

/// A page that says what is wrong where no center is known whose phone could be named.
pub fn no_center(app: &App, status: StatusCode, words: &'static Words, heading: &str) -> Response {
    let front = FrontPage {
        assets: app.assets.public(""),
        words,
        heading: heading.to_owned(),
        text: Some(words.front.check_address.to_owned()),
        centers: Vec::new(),
    };
    page(status, &front)
}

/// A page of a center that does not exist, with the center's phone.
pub fn not_here(frame: PublicFrame) -> Response {
    page(StatusCode::NOT_FOUND, &TroublePage::missing(frame))
}

/// The language where no center limits it.
pub fn any_language(query: &HashMap<String, String>, headers: &HeaderMap) -> &'static Words {
    let all: Vec<String> = LANGUAGES.iter().map(|words| words.code.to_owned()).collect();
    language(query.get("lang").map(String::as_str), None, headers, &all)
}

fn around(
    State(app): &State<Arc<App>>,
    center: &str,
    (below, keep): (&str, &[(String, String)]),
    query: &HashMap<String, String>,
    headers: &HeaderMap,
) -> Option<(InForce, PublicFrame)> {
    let in_force = app.centers.get(center)?;
    let asked = query.get("lang").map(String::as_str);
    let words = language(asked, None, headers, &in_force.1.center.languages);
    let frame = frame(app, &in_force.1, words, (&format!("/{center}{below}"), keep));
    Some((in_force, frame))
}
