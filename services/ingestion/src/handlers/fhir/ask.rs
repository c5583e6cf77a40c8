//! What is asked: what became of a referral, and of which ones there is news.
//!
//! A feed sees its own referrals and nothing else: another one's is as absent as one that never was. Deliberately not here:
//! how a Task is written (adapters).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Form, FromRequest as _, Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use causeway_funnel::records::Checklists;
use causeway_mailbox::Ts;
use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use tracing::error;
use uuid::Uuid;

use super::condition::is_version;
use super::format;
use super::given::{business_key, form_key, number_context, number_key};
use super::sender::{self, Sender};
use super::told::versioned;
use super::{Door, answer, refused, said};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::number::Number;
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::response;
use crate::adapters::fhir::search::{Search, Wanted};
use crate::adapters::fhir::task::{REFERENCE_SYSTEM, Standing};
use crate::domain::wanted;
use crate::error::Refusal;
use crate::store;
use crate::store::referrals::{self, Known};

type Asked = Vec<(String, String)>;

/// What is read back of a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What became of it.
    Task,
    /// That it is there, where a ServiceRequest refers.
    ServiceRequest,
    /// The same of the answers of a form.
    QuestionnaireResponse,
}

impl Kind {
    /// As FHIR names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::ServiceRequest => "ServiceRequest",
            Self::QuestionnaireResponse => "QuestionnaireResponse",
        }
    }

    /// The resource, where what stands is one of its kind.
    fn written(self, standing: &Standing) -> Option<Value> {
        match self {
            Self::Task => Some(standing.task()),
            Self::ServiceRequest => (!standing.is_form).then(|| standing.request()),
            Self::QuestionnaireResponse => standing.is_form.then(|| standing.form()),
        }
    }
}

/// Where a resource stands.
#[derive(Deserialize)]
struct Place {
    center: String,
    id: String,
    version: Option<String>,
}

/// `GET [base]/[kind]/[id]` and `GET [base]/[kind]/[id]/_history/[version]`: the version in force; those before it are not kept.
pub fn read(kind: Kind) -> MethodRouter<Arc<Door>> {
    get(move |State(door): State<Arc<Door>>, Path(place): Path<Place>, headers: HeaderMap| async move {
        one(&door, &headers, (kind, &place)).await
    })
}

/// `GET [base]/[kind]?…`
pub fn search(kind: Kind) -> MethodRouter<Arc<Door>> {
    get(
        move |State(door): State<Arc<Door>>,
              Path(center): Path<String>,
              headers: HeaderMap,
              Query(asked): Query<Asked>| {
            async move { searched(&door, &center, &headers, (kind, asked)).await }
        },
    )
}

/// `POST [base]/[kind]/_search`: the same, and what is asked for stands in no address.
pub fn search_by_form(kind: Kind) -> MethodRouter<Arc<Door>> {
    post(
        move |State(door): State<Arc<Door>>,
              Path(center): Path<String>,
              Query(mut asked): Query<Asked>,
              request: Request| async move {
            let headers = request.headers().clone();
            // All that is asked for may stand in the address, and then there is nothing to be a form.
            if headers.contains_key(header::CONTENT_TYPE) {
                match Form::<Asked>::from_request(request, &()).await {
                    Ok(Form(more)) => asked.extend(more),
                    Err(rejection) => return rejection.into_response(),
                }
            }
            if asked.iter().any(|(name, value)| name == "_format" && !format::is_format(value)) {
                return format::not_json();
            }
            searched(&door, &center, &headers, (kind, asked)).await
        },
    )
}

async fn one(door: &Door, headers: &HeaderMap, (kind, place): (Kind, &Place)) -> Response {
    const ABSENT: &str = "There is no such resource of yours here";
    const OLD: &str = "Only the version in force is kept: read the resource without _history";
    let sender = match sender::of(door, &place.center, headers) {
        Ok(sender) => sender,
        Err(response) => return *response,
    };
    let found = match Uuid::parse_str(&place.id) {
        Ok(id) => of_feed(door, &sender, vec![id]).await,
        Err(_) => Ok(Vec::new()),
    };
    match found {
        Err(refusal) => refused(&refusal),
        Ok(found) => match found.first().and_then(|standing| Some((standing, kind.written(standing)?))) {
            Some((standing, _)) if place.version.as_ref().is_some_and(|told| *told != standing.version.to_string()) => {
                said(StatusCode::NOT_FOUND, &[Line::new(Severity::Error, Issue::NotFound, OLD)])
            }
            Some((standing, resource)) => {
                let seen = headers.get(header::IF_NONE_MATCH).and_then(|told| told.to_str().ok());
                let is_seen = seen.is_some_and(|seen| is_version(seen, &standing.etag()));
                let told =
                    if is_seen { format::empty(StatusCode::NOT_MODIFIED) } else { answer(StatusCode::OK, &resource) };
                versioned(told, standing)
            }
            None => said(StatusCode::NOT_FOUND, &[Line::new(Severity::Error, Issue::NotFound, ABSENT)]),
        },
    }
}

async fn searched(door: &Door, center: &str, headers: &HeaderMap, (kind, asked): (Kind, Asked)) -> Response {
    let sender = match sender::of(door, center, headers) {
        Ok(sender) => sender,
        Err(response) => return *response,
    };
    let asked = (asked.as_slice(), format::is_lenient(headers));
    let mut search = match Search::read(asked, kind == Kind::Task, sender.profile().zone()) {
        Ok(search) => search,
        Err(line) => return said(StatusCode::BAD_REQUEST, &[line]),
    };
    let endpoint = door.endpoint(center, headers);
    let address = format!("{endpoint}/{}", kind.name());
    match find(door, &sender, kind, &mut search).await {
        Err(refusal) => refused(&refusal),
        Ok(Found { page, total, next }) => {
            // What was asked for by a number is told by ids: a number stands in no address.
            let own = search.link(&address, None);
            let found = page.iter().filter_map(|standing| kind.written(standing)).collect();
            let next = next.map(|after| search.link(&address, Some(after)));
            let now = door.acceptance.clock.now();
            answer(StatusCode::OK, &response::searchset(&endpoint, (found, total), (&own, next.as_deref()), now))
        }
    }
}

/// A page of what was found, and where the next one begins.
struct Found {
    page: Vec<Standing>,
    total: Option<usize>,
    next: Option<(Timestamp, Uuid)>,
}

async fn find(door: &Door, sender: &Sender, kind: Kind, search: &mut Search) -> Result<Found, Refusal> {
    if !search.codes.is_empty() && search.statuses.is_empty() {
        return Ok(Found { page: Vec::new(), total: Some(0), next: None });
    }
    let found = match &search.wanted {
        Wanted::Ones(ids) => of_feed(door, sender, ids.clone()).await?,
        Wanted::Numbers(numbers) => {
            let found = numbered(door, sender, numbers).await?;
            // The pages behind ask by id, so that no number stands in an address.
            search.wanted = Wanted::Ones(found.iter().map(|standing| standing.inquiry_id).collect());
            found
        }
        Wanted::Of(_) | Wanted::News => return news(door, sender, kind, search).await,
    };
    let fits = |standing: &Standing| search.takes(standing) && kind.written(standing).is_some();
    let found: Vec<Standing> = found.into_iter().filter(fits).collect();
    let total = Some(found.len());
    let (page, next) = search.page(found);
    Ok(Found { page, total, next })
}

/// The referrals with some of the office's numbers, or of ours. One that was taken before its number was kept by itself is known by who gave
/// it as well, and bears the number that it was asked for by.
pub async fn numbered(door: &Door, sender: &Sender, numbers: &[Number]) -> Result<Vec<Standing>, Refusal> {
    let center = sender.center();
    let (mut keys, mut whole, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for number in numbers {
        if number.system.as_ref().is_none_or(|system| system == REFERENCE_SYSTEM) {
            ours.push(number.value.clone());
        }
        let told = (number.system.clone().unwrap_or_default(), number.value.clone());
        for key in [business_key(&sender.feed.id, &told), form_key(&sender.feed.id, &told)] {
            whole.push((door.acceptance.kept_key(center, &key)?, told.clone()));
        }
        if number.system.is_none() {
            keys.push(number_key(door, sender, &number.value).map_err(|_| Refusal::Internal)?);
        }
    }
    let feed = sender.feed.id.clone();
    let asked: Vec<[u8; 16]> = whole.iter().map(|(key, _)| *key).collect();
    let read = door.database.read(center, move |tx| {
        Box::pin(async move {
            let keys: Vec<&[u8]> = keys.iter().map(<[u8; 16]>::as_slice).collect();
            let mut some = if keys.is_empty() { Vec::new() } else { referrals::numbered(tx, &feed, &keys).await? };
            if !ours.is_empty() {
                some.extend(store::referred(tx, &ours).await?);
            }
            let asked: Vec<&[u8]> = asked.iter().map(<[u8; 16]>::as_slice).collect();
            Ok::<_, Refusal>((some, store::bearing(tx, &asked).await?))
        })
    });
    let (mut ids, kept) = read.await?;
    ids.extend(kept.iter().map(|(inquiry, _)| *inquiry));
    ids.sort_unstable();
    ids.dedup();
    let mut found = of_feed(door, sender, ids).await?;
    for standing in &mut found {
        let by = kept.iter().find(|(inquiry, _)| *inquiry == standing.inquiry_id);
        let told = by.and_then(|(_, by)| whole.iter().find(|(key, _)| key.as_slice() == by));
        if standing.numbers.is_empty() {
            standing.numbers.extend(told.map(|(_, told)| told.clone()));
        }
    }
    Ok(found)
}

async fn news(door: &Door, sender: &Sender, kind: Kind, search: &Search) -> Result<Found, Refusal> {
    let most = search.count as usize;
    let first = match search.newest_first {
        true => (Timestamp::MAX, Uuid::max()),
        false => (Timestamp::UNIX_EPOCH, Uuid::nil()),
    };
    let mut span = referrals::Span {
        from: search.from.unwrap_or(Timestamp::UNIX_EPOCH),
        until: search.until.unwrap_or_else(|| door.acceptance.clock.now() + SignedDuration::from_hours(24)),
        after: search.after.unwrap_or(first),
    };
    let is_every = search.statuses.is_empty() && search.wanted == Wanted::News && kind == Kind::Task;
    let at_once = if is_every { most } else { LOOKED_AT };
    let mut page = Vec::new();
    for _ in 0..MOST_LOOKS {
        let (changes, mut known) = changes(door, sender, (span, search.newest_first), at_once).await?;
        for (place, (inquiry, at, id)) in changes.iter().enumerate().take(at_once) {
            span.after = (at.0, *id);
            let standing = known.remove(inquiry).map(|known| opened(door, sender, known));
            page.extend(standing.filter(|standing| search.takes(standing) && kind.written(standing).is_some()));
            if page.len() == most {
                return Ok(Found { page, total: None, next: (place + 1 < changes.len()).then_some(span.after) });
            }
        }
        if changes.len() <= at_once {
            return Ok(Found { page, total: None, next: None });
        }
    }
    // The page is short, and the next one goes on behind it.
    Ok(Found { page, total: None, next: Some(span.after) })
}

/// Changes looked at together where a status is asked for, and how often that is done for one page.
const LOOKED_AT: usize = 200;
const MOST_LOOKS: usize = 10;

type Changes = (Vec<(Uuid, Ts, Uuid)>, HashMap<Uuid, Known>);

/// The next changes, one more than is looked at, which tells whether there are others behind; and what is known of each.
async fn changes(door: &Door, sender: &Sender, span: (referrals::Span, bool), most: usize) -> Result<Changes, Refusal> {
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
    Ok(known.into_iter().map(|known| opened(door, sender, known)).collect())
}

/// What is known of a referral, with the office's own numbers of it.
fn opened(door: &Door, sender: &Sender, mut known: Known) -> Standing {
    let sealed = known.number.take().into_iter().chain(std::mem::take(&mut known.further));
    let open = |(message, sealed): (Uuid, Vec<u8>)| {
        let opened = door.acceptance.sealer.open(sender.center(), &number_context(message), &sealed);
        let opened = opened.map_err(|cause| error!(%cause, "open an office's number; the referral is told without it"));
        serde_json::from_slice(opened.ok()?.expose()).ok()
    };
    let numbers = sealed.filter_map(open).collect();
    Standing { numbers, ..standing(known, &sender.profile().checklists) }
}

/// What is known of a referral, as its Task is written from, but for the office's own numbers of it, which are sealed.
pub fn standing(known: Known, lists: &Checklists) -> Standing {
    Standing {
        asked: wanted::Asked::of(lists, &known.journey.wanted),
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
        numbers: Vec::new(),
        journey: known.journey,
    }
}
