//! The repair queue: what could not be taken, or not all of it, and what people do about it.
//!
//! Three things wait for the same people: messages of partners that are kept and led to no inquiry, files of which nothing was
//! made, and inquiries that were accepted with answers that could not be read. A message is tried again or released by the acceptance path of its own door,
//! under the key that it would have had there, so that nothing is doubled; one that is about a known inquiry is put to it or taken
//! into it. Deliberately not here: the pages, and what is done about files as a whole (settle).

pub mod apply;
pub mod assign;
pub mod door;
pub mod mend;
pub mod open;
pub mod retry;
pub mod set_aside;
pub mod take;

use causeway_auth::audit::{Entry, Outcome};
use causeway_auth::{Action, Actor};
use causeway_envelope::TraceContext;
use causeway_funnel::inquiry::Source;
use causeway_funnel::profile::{FeedKind, Profile};
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use jiff::Timestamp;
use uuid::Uuid;

use super::grpc::Calls;
use super::release::permit;
use crate::error::Refusal;
use crate::store::repairs::{self, Waiting, Wanted};

/// Rows of a page where nothing else is asked for, and most of them.
const PAGE: (i64, i64) = (50, 200);
/// The reason for which an inquiry waits.
const DEFECTS: &str = "defects";
/// The door of inquiries that came by a form or a call.
const FORM: &str = "form";
/// The language of staff.
const STAFF: &str = "en";
/// Nothing was done: the message names another patient than the inquiry, and nobody confirmed that it is meant.
pub const OTHER_PATIENT: &str = "other_patient";
/// No message has the id of a request.
const UNKNOWN: Refusal =
    Refusal::BadRequest("no message of this center has this id; take it from the list of what waits");

/// Who does something, as it is written down.
#[derive(Clone)]
pub struct Doer {
    /// The person.
    pub actor: Actor,
    /// By which right.
    pub action: Action,
    /// The request.
    pub trace: TraceContext,
}

impl Doer {
    /// One who may.
    pub fn permitted(actor: Actor, center: &str, trace: TraceContext) -> Result<Self, Refusal> {
        let action = permit(&actor, center)?;
        Ok(Self { actor, action, trace })
    }

    pub(super) fn entry(&self, (kind, id): (&'static str, Uuid), purpose: &str) -> Entry {
        Entry {
            actor: self.actor.clone(),
            action: self.action.word().to_owned(),
            object_kind: kind,
            object_id: id.to_string(),
            purpose: purpose.to_owned(),
            outcome: Outcome::Done,
            request_id: self.trace.traceparent().unwrap_or_default().to_owned(),
        }
    }
}

/// What waits.
pub async fn list(
    calls: &Calls,
    actor: &Actor,
    request: wire::ListRepairsRequest,
) -> Result<wire::ListRepairsResponse, Refusal> {
    permit(actor, &request.center)?;
    let in_force = calls.acceptance.profile(&request.center)?;
    let is_refused = is_refused(&request.view)?;
    let feeds = feeds(&in_force.1, &request.door, &request.feed)?;
    let with_inquiries = request.feed.is_empty() && ["", DEFECTS].contains(&request.reason.as_str());
    let wanted = Wanted {
        is_refused,
        feeds,
        sources: if with_inquiries { sources(&request.door) } else { Vec::new() },
        with_files: ["", FeedKind::Csv.as_str()].contains(&request.door.as_str()),
        reason: request.reason,
        after: after(&request.page_token)?,
    };
    let most = if request.page_size > 0 { i64::from(request.page_size).min(PAGE.1) } else { PAGE.0 };
    let (mut found, counts) = calls
        .database
        .read(&request.center, move |tx| {
            Box::pin(async move {
                let found = repairs::list(tx, &wanted, most + 1).await?;
                Ok::<_, Refusal>((found, repairs::counts(tx, is_refused).await?))
            })
        })
        .await?;
    let has_more = found.len() > usize::try_from(most).unwrap_or_default();
    found.truncate(usize::try_from(most).unwrap_or_default());
    let next_page_token = found.last().filter(|_| has_more).map(token).unwrap_or_default();
    Ok(wire::ListRepairsResponse {
        rows: found.into_iter().map(|one| row(&in_force.1, one)).collect(),
        counts: counts.into_iter().map(|(reason, count)| wire::RepairCount { reason, count }).collect(),
        next_page_token,
    })
}

fn is_refused(view: &str) -> Result<bool, Refusal> {
    match view {
        "" | "waiting" => Ok(false),
        "refused" => Ok(true),
        _ => Err(Refusal::BadRequest("view must be waiting or refused")),
    }
}

/// The feeds of a door, or one feed; nothing: all of them, also those that are gone from the profile.
fn feeds(profile: &Profile, door: &str, feed: &str) -> Result<Option<Vec<String>>, Refusal> {
    let of_kind = |kind: FeedKind| {
        let feeds = profile.feeds.feeds.iter().filter(|one| one.kind == kind && (feed.is_empty() || one.id == feed));
        Some(feeds.map(|one| one.id.clone()).collect())
    };
    Ok(match door {
        "" if feed.is_empty() => None,
        "" => Some(vec![feed.to_owned()]),
        "hl7" => of_kind(FeedKind::Hl7),
        "fhir" => of_kind(FeedKind::Fhir),
        "csv" => of_kind(FeedKind::Csv),
        "phone" => of_kind(FeedKind::Phone),
        FORM => Some(Vec::new()),
        _ => return Err(Refusal::BadRequest("door must be one of hl7, fhir, csv, phone, form")),
    })
}

/// The sources of the inquiries of a door; of no door, all.
fn sources(door: &str) -> Vec<&'static str> {
    let of_door = |source: &&Source| door.is_empty() || door == door_of(source.as_str());
    Source::ALL.iter().filter(of_door).map(|source| source.as_str()).collect()
}

/// The door of an inquiry.
fn door_of(source: &str) -> &str {
    match source.parse() {
        Ok(Source::WebForm | Source::Phone | Source::SisterCenter) => FORM,
        Ok(Source::Hl7 | Source::Fhir | Source::Csv) => source,
        Err(_) => "",
    }
}

fn row(profile: &Profile, one: Waiting) -> wire::RepairRow {
    let feed = profile.feeds.feeds.iter().find(|feed| feed.id == one.feed);
    let door =
        if one.kind == "inquiry" { door_of(&one.message_kind) } else { feed.map_or("", |feed| feed.kind.as_str()) };
    wire::RepairRow {
        kind: one.kind,
        id: one.id.to_string(),
        door: door.to_owned(),
        feed: one.feed,
        message_kind: one.message_kind,
        reason: one.reason,
        defects: one.defects.split_whitespace().map(str::to_owned).collect(),
        times: one.times,
        since: convert::micros(one.since.0),
        reference: one.reference.unwrap_or_default(),
        inquiry_id: one.inquiry_id.map(|id| id.to_string()).unwrap_or_default(),
        detail: one.detail,
    }
}

fn token(last: &Waiting) -> String {
    format!("{}:{}", convert::micros(last.since.0), last.id)
}

/// Where the page before ended.
pub(super) fn after(token: &str) -> Result<(Timestamp, Uuid), Refusal> {
    if token.is_empty() {
        return Ok((Timestamp::UNIX_EPOCH, Uuid::nil()));
    }
    let read = || {
        let (at, id) = token.split_once(':')?;
        Some((Timestamp::from_microsecond(at.parse().ok()?).ok()?, id.parse().ok()?))
    };
    read().ok_or(Refusal::BadRequest("the page token is none of this list; begin at its first page"))
}

/// An id of a request.
fn id(text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text).map_err(|_| Refusal::BadRequest("an id is not a uuid; take it from the list of what waits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inquiry_is_of_the_door_that_it_came_by() {
        for (door, expected) in
            [("form", vec!["web_form", "phone", "sister_center"]), ("hl7", vec!["hl7"]), ("csv", vec!["csv"])]
        {
            assert_eq!(sources(door), expected, "{door}");
        }
        assert_eq!(sources("").len(), Source::ALL.len());
    }

    #[test]
    fn a_page_begins_where_the_one_before_ended() {
        let at = Timestamp::from_microsecond(1_700_000_000_123_456).expect("a time");
        let last = Uuid::from_u128(7);
        assert_eq!(after(&format!("1700000000123456:{last}")), Ok((at, last)));
        assert_eq!(after("").map(|(at, _)| at), Ok(Timestamp::UNIX_EPOCH));
        for wrong in ["7", "x:y", ":"] {
            assert!(after(wrong).is_err(), "{wrong}");
        }
    }
}
