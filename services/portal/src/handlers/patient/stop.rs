//! Stopping messages: one step, no questions asked, effective at once.
//!
//! Deliberately not here: starting again, which a person does with somebody of the center on the phone.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form as Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use causeway_auth::{Actor, Link};
use causeway_proto::notice::v1::{StopMessagesRequest, StopMessagesResponse};
use tonic::Status;

use super::super::{App, language, page, see_other};
use super::{frame, link};
use crate::centers::InForce;
use crate::pages::{PublicFrame, StopPage, StoppedPage, TroublePage};
use crate::views::times;

type Asked = Query<HashMap<String, String>>;

struct Asking {
    link: Link,
    in_force: InForce,
    frame: PublicFrame,
    base: String,
}

/// The link alone is enough here: stopping must work while other services do not.
fn open(app: &App, token: &str, query: &Asked, headers: &HeaderMap) -> Result<Asking, Box<Response>> {
    let link = link::check(app, token, query, headers)?.into_link();
    let Some(in_force) = app.centers.get(&link.center) else {
        return Err(Box::new(super::front::nowhere(app, query, headers)));
    };
    let words = language(query.get("lang").map(String::as_str), None, headers, &in_force.1.center.languages);
    let base = format!("/p/{token}");
    let frame = frame(app, &in_force.1, words, (&format!("{base}/stop"), &[]));
    Ok(Asking { link, in_force, frame, base })
}

/// Asks once.
pub async fn ask(State(app): State<Arc<App>>, Path(token): Path<String>, query: Asked, headers: HeaderMap) -> Response {
    match open(&app, &token, &query, &headers) {
        Ok(asking) => page(StatusCode::OK, &StopPage { frame: asking.frame, base: asking.base }),
        Err(response) => *response,
    }
}

/// Stops everything, and gives a receipt.
pub async fn stop_all(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let asking = match open(&app, &token, &query, &headers) {
        Ok(asking) => asking,
        Err(response) => return *response,
    };
    match stop(&app, &asking.link, "").await {
        Ok(stopped) => {
            let (profile, words) = (&asking.in_force.1, asking.frame.words);
            let receipt = StoppedPage {
                at: times::moment(stopped.stopped_at, profile.zone(), words).unwrap_or_default(),
                base: asking.base,
                frame: asking.frame,
            };
            page(StatusCode::OK, &receipt)
        }
        Err(status) => {
            tracing::error!(code = ?status.code(), "stop all messages to a person");
            let again = TroublePage::unsaved(asking.frame, format!("{}/stop", asking.base), Vec::new());
            page(StatusCode::SERVICE_UNAVAILABLE, &again)
        }
    }
}

/// Stops one channel.
pub async fn stop_one(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
    Body(sent): Body<HashMap<String, String>>,
) -> Response {
    let asking = match open(&app, &token, &query, &headers) {
        Ok(asking) => asking,
        Err(response) => return *response,
    };
    let said = match sent.get("stop").map(String::as_str) {
        Some(channel @ ("sms" | "email")) => match stop(&app, &asking.link, channel).await {
            Ok(_) => "stopped",
            Err(status) => {
                tracing::error!(code = ?status.code(), channel, "stop a channel to a person");
                "away"
            }
        },
        _ => "refused",
    };
    see_other(&format!("{}?said={said}", asking.base))
}

async fn stop(app: &App, link: &Link, channel: &str) -> Result<StopMessagesResponse, Status> {
    let inquiry = link.subject.to_string();
    let peers = app.peers.on_behalf_of(&Actor::patient(inquiry.clone(), link.center.clone()));
    let request = StopMessagesRequest { center: link.center.clone(), inquiry_id: inquiry, channel: channel.to_owned() };
    peers.notices().stop_messages(request).await.map(tonic::Response::into_inner)
}
