//! From messages to what the desk can decide on. What can't be read is parked, and nothing else with it.

use causeway_funnel::inquiry::{Channel, Facts};
use causeway_funnel::stage::VisitReason;
use causeway_funnel::stillness::PauseReason;
use causeway_mailbox::{Outcome, Received};
use causeway_proto::convert::{facts_from_wire, instant, optional_instant};
use causeway_proto::events::{Event, Unreadable, decode, id};
use causeway_proto::inquiry::v1 as inquiry;
use causeway_proto::inquiry::v1::{DocumentReceived, HandoverNotTaken, HandoverTaken, InquiryAmended};
use causeway_proto::notice::v1::{ContactStopped, NoticeFailed, NoticeOutcome, NoticeSent, NoticeUncertain};
use causeway_proto::routing::v1::{
    ClockPause, EscalationRaised, OwnerChosen, ResponseDueChanged, ResponseMissed, RouteDecided,
};
use causeway_proto::scheduling::v1 as scheduling;
use jiff::Timestamp;
use uuid::Uuid;

use super::Placed;
use crate::domain::{Amendment, By, Choice, Entry, Fate, Moved, Paused, ReferralFate, Route, Step, VisitEvent};

/// An inquiry that routing has decided on.
pub struct Decision {
    pub place: usize,
    pub inquiry_id: Uuid,
    pub known: Facts,
    pub facts: inquiry::Facts,
    pub route: Route,
    pub decided_at: Timestamp,
    pub row: String,
    /// Whose turn it is; empty: nobody's.
    pub owner: String,
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
        ResponseDueChanged::KIND => decode(payload).and_then(|event| response_moved(received.envelope.version, event)),
        ResponseMissed::KIND => decode(payload).and_then(response_missed),
        OwnerChosen::KIND => decode(payload).and_then(chosen),
        EscalationRaised::KIND => decode(payload).and_then(escalated),
        HandoverTaken::KIND => decode(payload).and_then(taken),
        HandoverNotTaken::KIND => decode(payload).and_then(not_taken),
        InquiryAmended::KIND => decode(payload).and_then(amended),
        ContactStopped::KIND => decode(payload).and_then(stopped),
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
        clock_version: version,
    };
    let decided_at = instant("decided_at", event.decided_at)?;
    let (row, owner) = (event.row, event.owner);
    Ok(Read::Decision(Box::new(Decision { place, inquiry_id, known, facts, route, decided_at, row, owner })))
}

/// One that nobody has named yet is for a person, who looks at it and says what it is.
fn document(event: DocumentReceived) -> Result<Read, Unreadable> {
    let document = (id("document_id", &event.document_id)?, event.version);
    let inquiry_id = id("inquiry_id", &event.inquiry_id)?;
    if !event.record_kind.is_empty() || !event.previous_kind.is_empty() {
        let (kind, previous, at) = (event.record_kind, event.previous_kind, optional_instant(event.at));
        return Ok(Read::Step(inquiry_id, Step::Document { document, kind, previous, at, door: event.door }));
    }
    let at = instant("at", event.at)?;
    Ok(Read::Step(inquiry_id, Step::LooseDocument { document, door: event.door, at }))
}

/// An unknown reason of a newer routing is told as another one.
fn response_moved(version: i64, event: ResponseDueChanged) -> Result<Read, Unreadable> {
    let facts = event.facts.ok_or(Unreadable::Missing { field: "facts" })?;
    let reason = |word: &str| word.parse().unwrap_or(PauseReason::Other);
    let pause = optional_instant(event.paused_until).map(|until| (reason(&event.pause_reason), until));
    let stretch = |one: &ClockPause| -> Result<Paused, Unreadable> {
        Ok(Paused { from: instant("from", one.from)?, to: instant("to", one.to)?, reason: reason(&one.reason) })
    };
    let mut pauses = event.pauses.iter().map(stretch).collect::<Result<Vec<_>, _>>()?;
    if let (true, Some((reason, to))) = (pauses.is_empty(), pause) {
        // An older routing told the one that stands alone, when it began.
        pauses.push(Paused { from: instant("at", event.at)?, to, reason });
    }
    let moved = Moved {
        cause: event.cause,
        due_at: instant("response_due_at", event.response_due_at)?,
        after_hours: event.after_hours,
        pause,
        pauses,
        miss_taken_back: event.miss_taken_back,
        version,
    };
    Ok(Read::Step(id("inquiry_id", &facts.inquiry_id)?, Step::ResponseMoved(moved)))
}

fn response_missed(event: ResponseMissed) -> Result<Read, Unreadable> {
    Ok(Read::Step(id("inquiry_id", &event.inquiry_id)?, Step::ResponseMissed { level: event.level }))
}

fn chosen(event: OwnerChosen) -> Result<Read, Unreadable> {
    if event.owner.is_empty() {
        return Err(Unreadable::Missing { field: "owner" });
    }
    let choice = Choice {
        team: event.team,
        owner: event.owner,
        number: event.choice,
        heard_version: event.heard_version,
        reason: event.reason,
    };
    Ok(Read::Step(id("inquiry_id", &event.inquiry_id)?, Step::Chosen(choice)))
}

fn escalated(event: EscalationRaised) -> Result<Read, Unreadable> {
    let level = u32::try_from(event.level).unwrap_or_default();
    let step = Step::Escalated { why: event.why, level, to: event.to };
    Ok(Read::Step(id("inquiry_id", &event.inquiry_id)?, step))
}

/// What the profile says of it is added where it is applied.
fn amended(event: InquiryAmended) -> Result<Read, Unreadable> {
    let (inquiry_id, facts) = facts_from_wire(&event.facts.ok_or(Unreadable::Missing { field: "facts" })?)?;
    let (changed, version) = (event.changed, event.version);
    let told = Amendment { facts, changed, version, checklist: Vec::new(), out_of_scope: String::new() };
    Ok(Read::Step(inquiry_id, Step::Amended(Box::new(told))))
}

/// A channel of a newer notification is none that we would call by.
fn stopped(event: ContactStopped) -> Result<Read, Unreadable> {
    let channel = match event.channel.as_str() {
        "all" => None,
        "sms" => Some(Channel::Sms),
        _ => Some(Channel::Email),
    };
    let at = instant("at", event.at)?;
    Ok(Read::Step(id("inquiry_id", &event.inquiry_id)?, Step::ContactStopped { channel, at }))
}

fn taken(event: HandoverTaken) -> Result<Read, Unreadable> {
    let step = Step::HandoverTold { number: event.number, fate: Fate::Taken(event.reference) };
    Ok(Read::Step(id("inquiry_id", &event.inquiry_id)?, step))
}

/// An unknown reason of a newer ingestion is told as the last of the list.
fn not_taken(event: HandoverNotTaken) -> Result<Read, Unreadable> {
    let fate = Fate::NotTaken(event.why.parse().unwrap_or_default());
    Ok(Read::Step(id("inquiry_id", &event.inquiry_id)?, Step::HandoverTold { number: event.number, fate }))
}

/// By whom a visit was moved or called off, and why, as the end of a sentence.
fn because(by: &str, reason: &str) -> String {
    let by = match by {
        "patient" => ", by the patient",
        "center" => ", by the center",
        _ => "",
    };
    let reason = reason.parse::<VisitReason>().ok().filter(|reason| *reason != VisitReason::Other);
    let why = reason.map_or_else(String::new, |reason| format!(": {}", reason.label("en").to_lowercase()));
    format!("{by}{why}")
}

/// The five messages about a visit differ in little; `None`: it is none of them.
fn visit(kind: &str, payload: &[u8]) -> Result<Option<Read>, String> {
    use scheduling::{
        AppointmentAttended, AppointmentBooked, AppointmentCancelled, AppointmentMissed, AppointmentRescheduled,
    };
    fn told<E: Event>(
        payload: &[u8],
        parts: fn(E) -> (Option<scheduling::Appointment>, i64, i64, String),
        what: VisitEvent,
    ) -> Result<Option<Read>, String> {
        let (appointment, at, version, why) = parts(decode::<E>(payload).map_err(|cause| cause.to_string())?);
        let step = (|| {
            let appointment = appointment.ok_or(Unreadable::Missing { field: "appointment" })?;
            let starts_at = instant("starts_at", appointment.starts_at)?;
            let at = instant("at", at)?;
            Ok(Read::Step(
                id("inquiry_id", &appointment.inquiry_id)?,
                Step::Visit { what, at, version, starts_at, why },
            ))
        })();
        step.map(Some).map_err(|cause: Unreadable| cause.to_string())
    }
    match kind {
        AppointmentBooked::KIND => told(
            payload,
            |event: AppointmentBooked| (event.appointment, event.at, event.version, String::new()),
            VisitEvent::Booked,
        ),
        AppointmentRescheduled::KIND => told(
            payload,
            |event: AppointmentRescheduled| (event.appointment, event.at, event.version, because("", &event.reason)),
            VisitEvent::Moved,
        ),
        AppointmentCancelled::KIND => told(
            payload,
            |event: AppointmentCancelled| {
                (event.appointment, event.at, event.version, because(&event.by, &event.reason))
            },
            VisitEvent::Cancelled,
        ),
        AppointmentAttended::KIND => told(
            payload,
            |event: AppointmentAttended| (event.appointment, event.at, event.version, String::new()),
            VisitEvent::Attended,
        ),
        AppointmentMissed::KIND => told(
            payload,
            |event: AppointmentMissed| (event.appointment, event.at, event.version, String::new()),
            VisitEvent::Missed,
        ),
        _ => Ok(None),
    }
}

/// The kind of a notice to one of the staff, that an inquiry is late or about to be.
const STAFF_ESCALATION: &str = "staff_escalation";

/// The kind of the message that says where to go instead: an inquiry waits to hear what became of it.
const REFERRED_ELSEWHERE: &str = "referred_elsewhere";

/// The kind of the message that asks the person for documents: who did not get it is asked by staff.
const RECORDS_REQUEST: &str = "records_request";

fn notice(outcome: Option<NoticeOutcome>, what: &str) -> Result<Read, Unreadable> {
    let outcome = outcome.ok_or(Unreadable::Missing { field: "outcome" })?;
    // Where nothing can go out there is no channel to name.
    let by = match outcome.channel() {
        inquiry::Channel::Unspecified => String::new(),
        known => format!(" by {}", causeway_proto::convert::channel_from_wire(known).label("en").to_lowercase()),
    };
    let kind = outcome.kind.replace('_', " ");
    let because =
        if outcome.reason.is_empty() { String::new() } else { format!(" ({})", outcome.reason.replace('_', " ")) };
    let text = match (what, outcome.kind.as_str()) {
        // It went to one of the staff, not to the person.
        ("sent", STAFF_ESCALATION) => format!("A colleague was told{by}."),
        ("failed", STAFF_ESCALATION) => format!("A colleague could not be told by email{because}."),
        (_, STAFF_ESCALATION) => format!("A colleague may or may not have been told{by}."),
        ("sent", _) => format!("Message sent{by}: {kind}."),
        // The confirmation promises when somebody calls; without it the person knows nothing.
        ("failed", "confirmation") => {
            format!("The confirmation could not be sent{by}{because}. A person must reach them by phone.")
        }
        ("failed", REFERRED_ELSEWHERE) => {
            format!("The message where to go instead could not be sent{by}{because}.")
        }
        ("uncertain", REFERRED_ELSEWHERE) => {
            format!("The message where to go instead may or may not have been sent{by}.")
        }
        ("failed", _) => format!("Message could not be sent{by}: {kind}{because}."),
        _ => format!("Message may or may not have been sent{by}: {kind}. It is not sent again by itself."),
    };
    let (inquiry_id, at) = (id("inquiry_id", &outcome.inquiry_id)?, instant("at", outcome.at)?);
    if outcome.kind == REFERRED_ELSEWHERE {
        let fate = if what == "sent" { ReferralFate::Sent } else { ReferralFate::NotSent };
        return Ok(Read::Step(inquiry_id, Step::ReferralTold { fate, at, text }));
    }
    if (what, outcome.kind.as_str()) == ("failed", RECORDS_REQUEST) {
        let text = format!("The person could not be asked for documents{by}{because}; ask them by phone.");
        return Ok(Read::Step(inquiry_id, Step::RecordsNotTold { at, text }));
    }
    let entry = Entry { at, kind: "notice", text: text.into(), actor: "notification".to_owned() };
    Ok(Read::Notice(inquiry_id, entry))
}

#[cfg(test)]
mod tests {
    use super::because;

    #[test]
    fn who_moved_or_called_off_a_visit_and_why_ends_the_sentence_and_an_unknown_word_is_not_repeated() {
        assert_eq!(because("patient", "no_ride"), ", by the patient: the patient has no ride");
        assert_eq!((because("center", "other").as_str(), because("", "").as_str()), (", by the center", ""));
        assert_eq!(because("", "somebody_s_name"), "");
    }
}
