//! What is asked: what became of a referral, and of which ones there is news.
//!
//! A feed sees its own referrals and nothing else: another one's is as absent as one that never was. Deliberately not here:
//! how a Task is written (adapters).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::response::Response;
use causeway_mailbox::Ts;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::given::business_key;
use super::sender::{self, Sender};
use super::told::versioned;
use super::{Door, answer, refused, said};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::response;
use crate::adapters::fhir::search::{Search, Wanted};
use crate::adapters::fhir::task::Standing;
use crate::error::Refusal;
use crate::handlers::keep;
use crate::store::referrals::{self, Known};

type Asked = Vec<(String, String)>;

/// `GET [base]/Task/[id]`
pub async fn task(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&door, &center, &headers, (&id, None), TASK).await
}

/// `GET [base]/Task/[id]/_history/[version]`: the version in force; those before it are not kept.
pub async fn task_version(
    State(door): State<Arc<Door>>,
    Path((center, id, version)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&door, &center, &headers, (&id, Some(&version)), TASK).await
}

/// `GET [base]/ServiceRequest/[id]`
pub async fn request(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&door, &center, &headers, (&id, None), REQUEST).await
}

/// `GET [base]/ServiceRequest/[id]/_history/[version]`
pub async fn request_version(
    State(door): State<Arc<Door>>,
    Path((center, id, version)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&door, &center, &headers, (&id, Some(&version)), REQUEST).await
}

/// `GET [base]/QuestionnaireResponse/[id]`
pub async fn form(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&door, &center, &headers, (&id, None), FORM).await
}

/// `GET [base]/QuestionnaireResponse/[id]/_history/[version]`
pub async fn form_version(
    State(door): State<Arc<Door>>,
    Path((center, id, version)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&door, &center, &headers, (&id, Some(&version)), FORM).await
}

/// `GET [base]/Task?…`
pub async fn tasks(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    search(&door, &center, &headers, (&asked, "Task"), |standing, number| Some(standing.task(number))).await
}

/// `POST [base]/Task/_search`: the same, and what is asked for stands in no address.
pub async fn tasks_asked(
    state: State<Arc<Door>>,
    path: Path<String>,
    headers: HeaderMap,
    Query(mut asked): Query<Asked>,
    Form(more): Form<Asked>,
) -> Response {
    asked.extend(more);
    tasks(state, path, headers, Query(asked)).await
}

/// `GET [base]/ServiceRequest?identifier=…`
pub async fn requests(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let write =
        |standing: &Standing, number: Option<(&str, &str)>| (!standing.is_form).then(|| standing.request(number));
    search(&door, &center, &headers, (&asked, "ServiceRequest"), write).await
}

/// `POST [base]/ServiceRequest/_search`
pub async fn requests_asked(
    state: State<Arc<Door>>,
    path: Path<String>,
    headers: HeaderMap,
    Query(mut asked): Query<Asked>,
    Form(more): Form<Asked>,
) -> Response {
    asked.extend(more);
    requests(state, path, headers, Query(asked)).await
}

/// How a resource is read back, where it is one of its kind.
type Written = fn(&Standing) -> Option<Value>;
const TASK: Written = |standing| Some(standing.task(None));
const REQUEST: Written = |standing| (!standing.is_form).then(|| standing.request(None));
const FORM: Written = |standing| standing.is_form.then(|| standing.form());

async fn one(
    door: &Door,
    center: &str,
    headers: &HeaderMap,
    (id, version): (&str, Option<&str>),
    write: Written,
) -> Response {
    const ABSENT: &str = "There is no such resource of yours here";
    const OLD: &str = "Only the version in force is kept: read the resource without _history";
    let sender = match sender::of(door, center, headers) {
        Ok(sender) => sender,
        Err(response) => return *response,
    };
    let found = match Uuid::parse_str(id) {
        Ok(id) => of_feed(door, &sender, vec![id]).await,
        Err(_) => Ok(Vec::new()),
    };
    match found {
        Err(refusal) => refused(&refusal),
        Ok(found) => match found.first().and_then(|standing| Some((standing, write(standing)?))) {
            Some((standing, _)) if version.is_some_and(|told| told != standing.version.to_string()) => {
                said(StatusCode::NOT_FOUND, &[Line::new(Severity::Error, Issue::NotFound, OLD)])
            }
            Some((standing, resource)) => versioned(answer(StatusCode::OK, &resource), standing),
            None => said(StatusCode::NOT_FOUND, &[Line::new(Severity::Error, Issue::NotFound, ABSENT)]),
        },
    }
}

async fn search(
    door: &Door,
    center: &str,
    headers: &HeaderMap,
    (asked, kind): (&Asked, &str),
    write: impl Fn(&Standing, Option<(&str, &str)>) -> Option<Value>,
) -> Response {
    let sender = match sender::of(door, center, headers) {
        Ok(sender) => sender,
        Err(response) => return *response,
    };
    let search = match Search::read(asked, kind == "Task", sender.profile().zone()) {
        Ok(search) => search,
        Err(line) => return said(StatusCode::BAD_REQUEST, &[line]),
    };
    let endpoint = door.endpoint(center, headers);
    match find(door, &sender, &search).await {
        Err(refusal) => refused(&refusal),
        Ok((found, next)) => {
            let number = match &search.wanted {
                Wanted::Number(system, value) => Some((system.as_str(), value.as_str())),
                Wanted::One(_) | Wanted::News => None,
            };
            let found = found
                .iter()
                .filter(|standing| search.takes(standing))
                .filter_map(|standing| write(standing, number))
                .collect();
            let own = search.link(&format!("{endpoint}/{kind}"), None);
            let next = next.map(|after| search.link(&format!("{endpoint}/{kind}"), Some(after)));
            let now = door.acceptance.clock.now();
            answer(StatusCode::OK, &response::searchset(&endpoint, found, &own, next.as_deref(), now))
        }
    }
}

type Page = (Vec<Standing>, Option<(Timestamp, Uuid)>);

async fn find(door: &Door, sender: &Sender, search: &Search) -> Result<Page, Refusal> {
    match &search.wanted {
        Wanted::One(id) => Ok((of_feed(door, sender, vec![*id]).await?, None)),
        Wanted::Number(system, value) => {
            let number = (system.clone(), value.clone());
            let key = door.acceptance.kept_key(sender.center(), &business_key(&sender.feed.id, &number))?;
            let known = keep::known(&door.database, sender.center(), Some(key), String::new()).await?;
            let ids = known.map(|(inquiry, _)| inquiry).into_iter().collect();
            Ok((of_feed(door, sender, ids).await?, None))
        }
        Wanted::News => news(door, sender, search).await,
    }
}

async fn news(door: &Door, sender: &Sender, search: &Search) -> Result<Page, Refusal> {
    let most = search.count as usize;
    let mut span = referrals::Span {
        from: search.from.unwrap_or(Timestamp::UNIX_EPOCH),
        until: search.until.unwrap_or_else(|| door.acceptance.clock.now() + SignedDuration::from_hours(24)),
        after: search.after.unwrap_or((Timestamp::UNIX_EPOCH, Uuid::nil())),
    };
    let at_once = if search.statuses.is_empty() { most } else { LOOKED_AT };
    let mut found = Vec::new();
    for _ in 0..MOST_LOOKS {
        let (changes, mut known) = changes(door, sender, span, at_once).await?;
        for (place, (inquiry, at, id)) in changes.iter().enumerate().take(at_once) {
            span.after = (at.0, *id);
            let standing = known.remove(inquiry).map(standing);
            found.extend(standing.filter(|standing| search.takes(standing)));
            if found.len() == most {
                return Ok((found, (place + 1 < changes.len()).then_some(span.after)));
            }
        }
        if changes.len() <= at_once {
            return Ok((found, None));
        }
    }
    // The page is short, and the next one goes on behind it.
    Ok((found, Some(span.after)))
}

/// Changes looked at together where a status is asked for, and how often that is done for one page.
const LOOKED_AT: usize = 200;
const MOST_LOOKS: usize = 10;

type Changes = (Vec<(Uuid, Ts, Uuid)>, HashMap<Uuid, Known>);

/// The next changes, one more than is looked at, which tells whether there are others behind; and what is known of each.
async fn changes(door: &Door, sender: &Sender, span: referrals::Span, most: usize) -> Result<Changes, Refusal> {
    let feed = sender.feed.id.clone();
    let read = door.database.read(sender.center(), move |tx| {
        Box::pin(async move {
            let changes = referrals::news(tx, &feed, span, i64::try_from(most + 1).unwrap_or(i64::MAX)).await?;
            let ids: Vec<Uuid> = changes.iter().take(most).map(|(inquiry, ..)| *inquiry).collect();
            let known = referrals::of_feed(tx, &feed, &ids).await?;
            Ok::<_, Refusal>((changes, known.into_iter().map(|one| (one.inquiry_id, one)).collect()))
        })
    });
    read.await
}

/// Those of the inquiries that a feed has sent.
pub async fn of_feed(door: &Door, sender: &Sender, ids: Vec<Uuid>) -> Result<Vec<Standing>, Refusal> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let feed = sender.feed.id.clone();
    let known = door
        .database
        .read(sender.center(), move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(referrals::of_feed(tx, &feed, &ids).await?) })
        })
        .await?;
    Ok(known.into_iter().map(standing).collect())
}

/// What is known of a referral, as its Task is written from.
pub fn standing(known: Known) -> Standing {
    Standing {
        inquiry_id: known.inquiry_id,
        reference: known.reference,
        is_form: known.is_form,
        received_at: known.received_at,
        changed_at: known.changed_at,
        version: known.version,
        is_mended: known.is_mended,
        is_withdrawn: known.is_withdrawn,
        is_changed: known.is_changed,
        is_cancelled: known.is_cancelled,
        journey: known.journey,
    }
}
