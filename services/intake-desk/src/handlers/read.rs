//! From messages to what the desk can decide on. What can't be read is parked, and nothing else with it.

use causeway_funnel::inquiry::Facts;
use causeway_mailbox::{Outcome, Received};
use causeway_proto::convert::{facts_from_wire, instant};
use causeway_proto::events::{Event, Unreadable, decode, id};
use causeway_proto::inquiry::v1 as inquiry;
use causeway_proto::inquiry::v1::DocumentReceived;
use causeway_proto::notice::v1::{NoticeFailed, NoticeOutcome, NoticeSent, NoticeUncertain};
use causeway_proto::routing::v1::{ResponseMissed, RouteDecided};
use causeway_proto::scheduling::v1 as scheduling;
use jiff::Timestamp;
use uuid::Uuid;

use super::Placed;
use crate::domain::{By, Entry, Route, Step, VisitEvent};

/// An inquiry that routing has decided on.
pub struct Decision {
    pub place: usize,
    pub inquiry_id: Uuid,
    pub known: Facts,
    pub facts: inquiry::Facts,
    pub route: Route,
    pub decided_at: Timestamp,
    pub row: String,
}

/// A message to a person, as a line of the timeline.
pub struct Notice {
    pub place: usize,
    pub inquiry_id: Uuid,
    pub entry: Entry,
}

/// A batch by what has to be done with it.
#[derive(Default)]
pub struct Sorted {
    pub beginnings: Vec<Decision>,
    pub steps: Vec<Placed>,
    pub notices: Vec<Notice>,
}

enum Read {
    Decision(Box<Decision>),
    Step(Uuid, Step),
    Notice(Uuid, Entry),
}

/// Reads a batch; outcomes of what can't be read are set to parked.
pub fn sort(center: &str, batch: &[Received], outcomes: &mut [Outcome]) -> Sorted {
    let mut sorted = Sorted::default();
    for (place, received) in batch.iter().enumerate() {
        match read(center, place, received) {
            Ok(Read::Decision(decision)) => sorted.beginnings.push(*decision),
            Ok(Read::Step(inquiry_id, step)) => sorted.steps.push(Placed {
                place,
                inquiry_id,
                step,
                by: By(received.envelope.source.clone()),
                trace: received.envelope.trace.clone(),
            }),
            Ok(Read::Notice(inquiry_id, entry)) => sorted.notices.push(Notice { place, inquiry_id, entry }),
            Err(reason) => outcomes[place] = Outcome::Park(reason),
        }
    }
    sorted
}

fn read(center: &str, place: usize, received: &Received) -> Result<Read, String> {
    let payload = &received.payload[..];
    let kind = received.envelope.kind.as_str();
    let read = match kind {
        RouteDecided::KIND => decode(payload).and_then(|event| decision(place, received.envelope.version, event)),
        DocumentReceived::KIND => decode(payload).and_then(document),
        ResponseMissed::KIND => decode(payload).and_then(response_missed),
        NoticeSent::KIND => decode(payload).and_then(|event: NoticeSent| notice(event.outcome, "sent")),
        NoticeFailed::KIND => decode(payload).and_then(|event: NoticeFailed| notice(event.outcome, "failed")),
        NoticeUncertain::KIND => decode(payload).and_then(|event: NoticeUncertain| notice(event.outcome, "uncertain")),
        _ => return visit(kind, payload)?.ok_or_else(|| format!("the desk does not know what a {kind} is")),
    };
    let read = read.map_err(|cause| cause.to_string())?;
    match &read {
        Read::Decision(decision) if decision.known.center != center => {
            Err("facts are of another center than the message".to_owned())
        }
        _ => Ok(read),
    }
}

fn decision(place: usize, version: i64, event: RouteDecided) -> Result<Read, Unreadable> {
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let (inquiry_id, known) = facts_from_wire(&facts)?;
    if event.team.is_empty() {
        return Err(Unreadable::Missing { field: "team" });
    }
    let route = Route {
        program: event.program,
        team: event.team,
        site: event.site,
        script: event.script,
        priority: event.priority.parse().unwrap_or_default(),
        response_due_at: instant("response_due_at", event.response_due_at)?,
        after_hours: event.after_hours,
        version,
    };
    let decided_at = instant("decided_at", event.decided_at)?;
    Ok(Read::Decision(Box::new(Decision { place, inquiry_id, known, facts, route, decided_at, row: event.row })))
}

/// One that nobody has named yet is told in the timeline alone: a person looks at it and says what it is.
fn document(event: DocumentReceived) -> Result<Read, Unreadable> {
    let inquiry_id = id("inquiry_id", &event.inquiry_id)?;
    if !event.record_kind.is_empty() || !event.previous_kind.is_empty() {
        let (kind, previous) = (event.record_kind, event.previous_kind);
        return Ok(Read::Step(inquiry_id, Step::Document { kind, previous }));
    }
    let from = match event.door.as_str() {
        "patient" => "from the patient",
        "staff" => "from a colleague",
        _ => "from the referring office",
    };
    let text = format!("A document came {from}; say which line of the checklist it is.");
    let at = instant("at", event.at)?;
    Ok(Read::Notice(inquiry_id, Entry { at, kind: "document", text: text.into(), actor: "ingestion".to_owned() }))
}

fn response_missed(event: ResponseMissed) -> Result<Read, Unreadable> {
    Ok(Read::Step(id("inquiry_id", &event.inquiry_id)?, Step::ResponseMissed { level: event.level }))
}

/// The five messages about a visit differ in little; `None`: it is none of them.
fn visit(kind: &str, payload: &[u8]) -> Result<Option<Read>, String> {
    use scheduling::{
        AppointmentAttended, AppointmentBooked, AppointmentCancelled, AppointmentMissed, AppointmentRescheduled,
    };
    fn told<E: Event>(
        payload: &[u8],
        parts: fn(E) -> (Option<scheduling::Appointment>, i64, i64),
        what: VisitEvent,
    ) -> Result<Option<Read>, String> {
        let (appointment, at, version) = parts(decode::<E>(payload).map_err(|cause| cause.to_string())?);
        let step = (|| {
            let appointment = appointment.ok_or(Unreadable::Missing { field: "appointment" })?;
            let starts_at = instant("starts_at", appointment.starts_at)?;
            let at = instant("at", at)?;
            Ok(Read::Step(id("inquiry_id", &appointment.inquiry_id)?, Step::Visit { what, at, version, starts_at }))
        })();
        step.map(Some).map_err(|cause: Unreadable| cause.to_string())
    }
    match kind {
        AppointmentBooked::KIND => {
            told(payload, |event: AppointmentBooked| (event.appointment, event.at, event.version), VisitEvent::Booked)
        }
        AppointmentRescheduled::KIND => told(
            payload,
            |event: AppointmentRescheduled| (event.appointment, event.at, event.version),
            VisitEvent::Moved,
        ),
        AppointmentCancelled::KIND => told(
            payload,
            |event: AppointmentCancelled| (event.appointment, event.at, event.version),
            VisitEvent::Cancelled,
        ),
        AppointmentAttended::KIND => told(
            payload,
            |event: AppointmentAttended| (event.appointment, event.at, event.version),
            VisitEvent::Attended,
        ),
        AppointmentMissed::KIND => {
            told(payload, |event: AppointmentMissed| (event.appointment, event.at, event.version), VisitEvent::Missed)
        }
        _ => Ok(None),
    }
}

fn notice(outcome: Option<NoticeOutcome>, what: &str) -> Result<Read, Unreadable> {
    let outcome = outcome.ok_or(Unreadable::Missing { field: "outcome" })?;
    let channel = causeway_proto::convert::channel_from_wire(outcome.channel()).label("en").to_lowercase();
    let kind = outcome.kind.replace('_', " ");
    let because =
        if outcome.reason.is_empty() { String::new() } else { format!(" ({})", outcome.reason.replace('_', " ")) };
    let text = match (what, outcome.kind.as_str()) {
        ("sent", _) => format!("Message sent by {channel}: {kind}."),
        // The confirmation promises when somebody calls; without it the person knows nothing.
        ("failed", "confirmation") => {
            format!("The confirmation could not be sent by {channel}{because}. A person must reach them by phone.")
        }
        ("failed", _) => format!("Message could not be sent by {channel}: {kind}{because}."),
        _ => format!("Message may or may not have been sent by {channel}: {kind}. It is not sent again by itself."),
    };
    let entry =
        Entry { at: instant("at", outcome.at)?, kind: "notice", text: text.into(), actor: "notification".to_owned() };
    Ok(Read::Notice(id("inquiry_id", &outcome.inquiry_id)?, entry))
}
