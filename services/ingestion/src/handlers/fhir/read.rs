//! From the bytes of a request to what it asks for, once it is known who sends it.
//!
//! A large body is read beside the others, so that none waits for it, and only so many are held at once. Deliberately not
//! here: what is kept of it (given).

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use causeway_auth::fingerprint;
use http::{HeaderMap, HeaderName, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::format::is_json;
use super::sender::{self, Sender};
use super::{Door, said};
use crate::adapters::fhir::check;
use crate::adapters::fhir::document;
use crate::adapters::fhir::fault::{Class, Fault, Issue, Severity};
use crate::adapters::fhir::intake::{Expectations, Intake, Letter, Topic, judge};
use crate::adapters::fhir::json::{self, Why};
use crate::adapters::fhir::outcome::Line;
use crate::error::Refusal;

/// A body of this size is read beside the others.
const LARGE: usize = 16 * 1024;
/// The search by which a sender asks us to look first.
pub(super) const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");
/// What may differ between two sendings of the same: the envelope's own id, time and version.
const ENVELOPE: [&str; 3] = ["id", "meta", "timestamp"];

/// A request whose sender is known and whose body was read.
pub struct Read {
    /// Who sends it.
    pub sender: Sender,
    /// What it asks for.
    pub intake: Intake,
    /// A name for what it says.
    pub content: String,
    /// The body as it came.
    pub body: Bytes,
    /// The id under which it is kept.
    pub message_id: Uuid,
    /// The inquiry that its sender names by our id, where it is not known by its number.
    pub about: Option<Uuid>,
    /// Its place among the bodies that are held at once.
    _place: OwnedSemaphorePermit,
}

/// Reads a request, or refuses it before anything of it is kept.
pub async fn read(
    door: &Arc<Door>,
    center: &str,
    headers: &HeaderMap,
    body: Body,
    only: Option<&'static str>,
) -> Result<Read, Box<Response>> {
    understood(door, center, headers, body, move |body, expected| judge(body, only, expected)).await
}

/// Reads what is to be checked alone, which may be a part of a referral as well.
pub async fn checked(
    door: &Arc<Door>,
    center: &str,
    headers: &HeaderMap,
    body: Body,
    asked: check::Asked,
) -> Result<Read, Box<Response>> {
    understood(door, center, headers, body, move |body, expected| check::check(body, &asked, expected)).await
}

async fn understood(
    door: &Arc<Door>,
    center: &str,
    headers: &HeaderMap,
    body: Body,
    judge: impl for<'t> Fn(&'t json::Json<'t>, &Expectations<'t>) -> Intake + Send + 'static,
) -> Result<Read, Box<Response>> {
    const NOT_JSON: &str = "Only FHIR R4 in JSON is spoken here: send application/fhir+json";
    let sender = sender::of(door, center, headers)?;
    let refuse = |status, issue, words: &str| Err(Box::new(said(status, &[Line::new(Severity::Error, issue, words)])));
    if !is_json(headers) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, Issue::NotSupported, NOT_JSON);
    }
    let Ok(place) = Arc::clone(&door.bodies).try_acquire_owned() else {
        return Err(super::refused(&Refusal::Full).into());
    };
    let Ok(body) = to_bytes(body, door.settings.body_bytes).await else {
        let most = door.settings.body_bytes;
        let words = format!(
            "The body was cut off, or is larger than the {most} bytes that this door takes: send documents apart"
        );
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, Issue::TooLong, &words);
    };
    let asked = Asked {
        today: sender.profile().zone().to_datetime(door.acceptance.clock.now()).date(),
        most_entries: door.settings.entries,
        host: document::host(&sender.feed.status.address).to_owned(),
        if_none_exist: headers.get(IF_NONE_EXIST).map(|told| String::from_utf8_lossy(told.as_bytes()).into_owned()),
    };
    let ((intake, content), place) = if body.len() < LARGE {
        (asked.understand(&body, judge), place)
    } else {
        let shared = body.clone();
        // Its place goes with it: a sender who goes away does not end the reading, and another body must not come on top.
        let understood = tokio::task::spawn_blocking(move || (asked.understand(&shared, judge), place)).await;
        understood.map_err(|_| Box::new(super::refused(&Refusal::Internal)))?
    };
    let message_id = door.acceptance.clock.new_id();
    Ok(Read { sender, intake, content, body, message_id, about: None, _place: place })
}

/// What is known of a request besides its body.
struct Asked {
    today: jiff::civil::Date,
    most_entries: usize,
    host: String,
    if_none_exist: Option<String>,
}

impl Asked {
    /// What a body asks for, and a name for what it says.
    fn understand(
        &self,
        body: &[u8],
        judge: impl for<'t> Fn(&'t json::Json<'t>, &Expectations<'t>) -> Intake,
    ) -> (Intake, String) {
        let read = match json::read(body) {
            Ok(read) => read,
            Err(place) => return (unreadable(place), fingerprint([String::from_utf8_lossy(body).as_ref()])),
        };
        let hosts = [self.host.as_str()];
        let expected = Expectations {
            today: self.today,
            most_entries: self.most_entries,
            hosts: &hosts,
            if_none_exist: self.if_none_exist.as_deref(),
        };
        let intake = judge(&read, &expected);
        let mut plain = String::with_capacity(body.len());
        read.write_plainly(&ENVELOPE, &mut plain);
        // A number that stands in the header alone tells two requests of one body apart.
        let content = match self.if_none_exist.as_ref().and_then(|_| intake.topic.searched()) {
            Some(number) => fingerprint([plain.as_str(), number.borne().system, number.borne().value]),
            None => fingerprint([plain.as_str()]),
        };
        (intake, content)
    }
}

/// Why reading stopped, and where, is all that can be told.
fn unreadable(place: json::Unreadable) -> Intake {
    const ENCODING: &str = "The body is not in UTF-8, the one encoding of JSON in FHIR: send it in UTF-8";
    let (issue, class, words) = match place.why {
        Why::TooMuch => {
            let words = format!(
                "The body has more than {} JSON values, which is more than this door takes: send one referral in each request",
                json::MOST_VALUES
            );
            (Issue::TooLong, Class::TooLarge, words)
        }
        Why::TooDeep => {
            let words = format!(
                "The body nests more than {} levels deep, which no resource that is read here does",
                json::DEEPEST
            );
            (Issue::TooLong, Class::Malformed, words)
        }
        Why::Encoding => (Issue::Structure, Class::Malformed, ENCODING.to_owned()),
        Why::Syntax => {
            let (line, column) = (place.line, place.column);
            let words =
                format!("The body is no JSON that can be read: there is a fault at line {line} column {column}");
            (Issue::Structure, Class::Malformed, words)
        }
    };
    let fault = Fault::new(Severity::Fatal, issue, class, words);
    let letter = Letter { kind: "unreadable", ..Letter::default() };
    Intake { letter, topic: Topic::Refused, faults: vec![fault], oddities: Vec::new() }
}
