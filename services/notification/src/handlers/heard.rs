//! What a message from the bus means here.
//!
//! Only what a notice needs is taken out of a message: this is the hot path of every inquiry. A message that can't be read
//! is parked with a reason that names a field and never a value.

use causeway_funnel::inquiry::{CancerArea, ConsultType};
use causeway_funnel::next_step::StepEnd;
use causeway_funnel::stage::CloseReason;
use causeway_mailbox::Received;
use causeway_proto::convert::{area_from_wire, consult_type_from_wire, instant, is_written_to, optional_instant};
use causeway_proto::events::{Event, decode, id};
use causeway_proto::inquiry::v1::{Facts, InquiryAmended, Stay};
use causeway_proto::intake::v1::{
    NextStepAgreed, NextStepOver, RecordsRequested, ReferredElsewhere, ReviewEscalated, StageChanged,
};
use causeway_proto::routing::v1::{EscalationRaised, ResponseDueChanged, RouteDecided};
use causeway_proto::scheduling::v1::{
    Appointment, AppointmentAttended, AppointmentBooked, AppointmentCancelled, AppointmentMissed,
    AppointmentRescheduled,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::notice::{AFTER_HOURS, About, Intended, Kind, Params, ToStaff};
use crate::domain::staff_words::LANGUAGE;
use crate::domain::visit::{Change, Visit};

/// A message in our words.
pub enum Heard {
    /// Somebody is to hear of it.
    Notice(Box<Intended>),
    /// Some of the staff are to hear of it.
    Staff(Vec<Intended>),
    /// A visit changed.
    Visit(Box<Visit>),
    /// The person is to be reached by another time than was known.
    Moved(Moved),
    /// An inquiry was closed.
    Closed {
        /// Which one.
        inquiry_id: Uuid,
        /// When.
        at: Timestamp,
        /// Nothing is to be sent about it ever more: the person has died, or asked us to stop.
        for_good: bool,
    },
    /// A closed inquiry was opened again.
    Reopened {
        /// Which one.
        inquiry_id: Uuid,
        /// When.
        at: Timestamp,
    },
    /// The address of an inquiry's person was mended.
    Readdressed(Uuid),
    /// Nothing that we act on.
    NotForUs,
}

/// Another time by which the person is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Which inquiry.
    pub inquiry_id: Uuid,
    /// By when.
    pub contact_by: Timestamp,
    /// When the place opens, or the receipt where it was open.
    pub starts_at: Timestamp,
    /// When this was decided: what was known before is older.
    pub at: Timestamp,
}

/// Reads a message.
pub fn read(message: &Received, now: Timestamp) -> Result<Heard, String> {
    let center = message.envelope.center.as_str();
    let payload = &message.payload[..];
    let change = match message.envelope.kind.as_str() {
        RouteDecided::KIND => return routed(open(payload)?, center, now),
        ResponseDueChanged::KIND => return moved(open(payload)?, center),
        RecordsRequested::KIND => return records_requested(open(payload)?, center, now),
        ReferredElsewhere::KIND => return referred_elsewhere(open(payload)?, center, now),
        InquiryAmended::KIND => return amended(open(payload)?, center),
        StageChanged::KIND => return stage(open(payload)?, center),
        EscalationRaised::KIND => return escalated(open(payload)?, center, now),
        ReviewEscalated::KIND => return review_escalated(open(payload)?, center, now),
        NextStepAgreed::KIND => return step_agreed(open(payload)?, center),
        NextStepOver::KIND => return step_over(open(payload)?, center),
        AppointmentBooked::KIND => {
            let event: AppointmentBooked = open(payload)?;
            (event.facts, event.appointment, Change::Booked, event.version, event.at)
        }
        AppointmentRescheduled::KIND => {
            let event: AppointmentRescheduled = open(payload)?;
            (event.facts, event.appointment, Change::Rescheduled, event.version, event.at)
        }
        AppointmentCancelled::KIND => {
            let event: AppointmentCancelled = open(payload)?;
            (event.facts, event.appointment, Change::Cancelled, event.version, event.at)
        }
        AppointmentAttended::KIND => {
            let event: AppointmentAttended = open(payload)?;
            (event.facts, event.appointment, Change::Attended, event.version, event.at)
        }
        AppointmentMissed::KIND => {
            let event: AppointmentMissed = open(payload)?;
            (event.facts, event.appointment, Change::Missed, event.version, event.at)
        }
        _ => return Ok(Heard::NotForUs),
    };
    visit(change, center)
}

fn open<E: Event>(payload: &[u8]) -> Result<E, String> {
    decode(payload).map_err(|cause| cause.to_string())
}

fn routed(event: RouteDecided, center: &str, now: Timestamp) -> Result<Heard, String> {
    let contact_by = instant("response_due_at", event.response_due_at).map_err(|cause| cause.to_string())?;
    let decided_at = instant("decided_at", event.decided_at).map_err(|cause| cause.to_string())?;
    let stays = event.facts.as_ref().map(|facts| facts.stays.as_slice()).unwrap_or_default();
    let came_from = stays.last().map(|stay| stay.center.clone()).unwrap_or_default();
    let is_written_to = event.facts.as_ref().is_some_and(is_written_to);
    let params = Params { came_from, is_written_to, ..Params::default() };
    let params = Some(params).filter(|params| *params != Params::default());
    let there = |stay: &Stay| id("stays.inquiry_id", &stay.inquiry_id).map(|inquiry| (stay.center.clone(), inquiry));
    let stays = stays.iter().map(there).collect::<Result<_, _>>().map_err(|cause| cause.to_string())?;
    let mut intended = Intended {
        contact_by: Some(contact_by),
        not_after: Some(contact_by),
        params,
        stays,
        ..Intended::now(Kind::Confirmation, about(event.facts, center)?, decided_at, now)
    };
    if event.after_hours {
        AFTER_HOURS.clone_into(&mut intended.template);
        intended.opens_at = optional_instant(event.clock_starts_at);
    }
    Ok(Heard::Notice(Box::new(intended)))
}

fn moved(event: ResponseDueChanged, center: &str) -> Result<Heard, String> {
    let unreadable = |cause: causeway_proto::events::Unreadable| cause.to_string();
    let facts = event.facts.ok_or("field facts is missing")?;
    same_center(&facts.center, center)?;
    Ok(Heard::Moved(Moved {
        inquiry_id: id("inquiry_id", &facts.inquiry_id).map_err(unreadable)?,
        contact_by: instant("response_due_at", event.response_due_at).map_err(unreadable)?,
        starts_at: instant("clock_starts_at", event.clock_starts_at).map_err(unreadable)?,
        at: instant("at", event.at).map_err(unreadable)?,
    }))
}

fn records_requested(event: RecordsRequested, center: &str, now: Timestamp) -> Result<Heard, String> {
    let at = instant("at", event.at).map_err(|cause| cause.to_string())?;
    Ok(Heard::Notice(Box::new(Intended {
        occurrence: event.at.to_string(),
        params: Some(Params { records: event.kinds, ..Params::default() }),
        ..Intended::now(Kind::RecordsRequest, about(event.facts, center)?, at, now)
    })))
}

fn referred_elsewhere(event: ReferredElsewhere, center: &str, now: Timestamp) -> Result<Heard, String> {
    let at = instant("at", event.at).map_err(|cause| cause.to_string())?;
    if event.entry.is_empty() {
        return Err("field entry is missing".to_owned());
    }
    Ok(Heard::Notice(Box::new(Intended {
        occurrence: event.at.to_string(),
        params: Some(Params { out_of_scope: event.entry, ..Params::default() }),
        ..Intended::now(Kind::ReferredElsewhere, about(event.facts, center)?, at, now)
    })))
}

/// Nothing else of what was mended makes a message possible that was not.
fn amended(event: InquiryAmended, center: &str) -> Result<Heard, String> {
    if !event.changed.iter().any(|key| key == "email") {
        return Ok(Heard::NotForUs);
    }
    let facts = event.facts.ok_or("field facts is missing")?;
    same_center(&facts.center, center)?;
    Ok(Heard::Readdressed(id("inquiry_id", &facts.inquiry_id).map_err(|cause| cause.to_string())?))
}

fn stage(event: StageChanged, center: &str) -> Result<Heard, String> {
    let verb = event.verb();
    if !["closed", "reopened"].contains(&verb) {
        return Ok(Heard::NotForUs);
    }
    let at = instant("at", event.at).map_err(|cause| cause.to_string())?;
    let facts = event.facts.ok_or("field facts is missing")?;
    same_center(&facts.center, center)?;
    let inquiry_id = id("inquiry_id", &facts.inquiry_id).map_err(|cause| cause.to_string())?;
    if verb == "reopened" {
        return Ok(Heard::Reopened { inquiry_id, at });
    }
    let reason = event.close_reason.parse::<CloseReason>();
    let for_good = matches!(reason, Ok(CloseReason::Deceased | CloseReason::AskedToStop));
    Ok(Heard::Closed { inquiry_id, at, for_good })
}

/// One mail for each of them; the same level told again makes no second one.
fn escalated(event: EscalationRaised, center: &str, now: Timestamp) -> Result<Heard, String> {
    same_center(&event.center, center)?;
    let inquiry_id = id("inquiry_id", &event.inquiry_id).map_err(|cause| cause.to_string())?;
    let at = instant("at", event.at).map_err(|cause| cause.to_string())?;
    let about = About {
        inquiry_id,
        reference: event.reference,
        language: LANGUAGE.to_owned(),
        email_allowed: true,
        consented_at: at,
        consult_type: ConsultType::default(),
        cancer_area: CancerArea::default(),
    };
    let one = |staff: &String| Intended {
        occurrence: format!("{}-{}-{}-{staff}", event.why, event.level, event.at),
        contact_by: optional_instant(event.response_due_at),
        params: Some(Params {
            to_staff: Some(ToStaff { staff: staff.clone(), why: event.why.clone() }),
            ..Params::default()
        }),
        ..Intended::now(Kind::StaffEscalation, about.clone(), at, now)
    };
    Ok(Heard::Staff(event.staff.iter().map(one).collect()))
}

/// The same of a review of records, whose time limit is the desk's.
fn review_escalated(event: ReviewEscalated, center: &str, now: Timestamp) -> Result<Heard, String> {
    let raised = EscalationRaised {
        inquiry_id: event.inquiry_id,
        center: event.center,
        team: event.team,
        owner: event.owner,
        why: event.why,
        level: event.level,
        to: event.to,
        staff: event.staff,
        response_due_at: event.review_due_at,
        at: event.at,
        reference: event.reference,
    };
    escalated(raised, center, now)
}

type Changed = (Option<Facts>, Option<Appointment>, Change, i64, i64);

fn visit((facts, appointment, change, version, at): Changed, center: &str) -> Result<Heard, String> {
    let unreadable = |cause: causeway_proto::events::Unreadable| cause.to_string();
    let appointment = appointment.ok_or("field appointment is missing")?;
    Ok(Heard::Visit(Box::new(Visit {
        appointment_id: id("appointment_id", &appointment.appointment_id).map_err(unreadable)?,
        version,
        about: about(facts, center)?,
        starts_at: instant("starts_at", appointment.starts_at).map_err(unreadable)?,
        time_zone: appointment.time_zone,
        site: appointment.site,
        visit_kind: appointment.visit_kind,
        next_step: String::new(),
        change,
        at: instant("at", at).map_err(unreadable)?,
    })))
}

fn step_agreed(event: NextStepAgreed, center: &str) -> Result<Heard, String> {
    let change = if event.moved { Change::Rescheduled } else { Change::Booked };
    next_step((event.facts, event.kind, event.starts_at), change, (event.version, event.at), center)
}

/// How it ended is told to the person only where it was called off; an unknown end of a newer desk is told to nobody.
fn step_over(event: NextStepOver, center: &str) -> Result<Heard, String> {
    let change = match event.how.parse::<StepEnd>() {
        Ok(StepEnd::Done) => Change::Attended,
        Ok(StepEnd::Missed) => Change::Missed,
        Ok(StepEnd::CalledOffByPerson | StepEnd::CalledOffByCenter) => Change::Cancelled,
        Ok(StepEnd::Superseded | StepEnd::Closed) | Err(_) => Change::Withdrawn,
    };
    next_step((event.facts, event.kind, event.starts_at), change, (event.version, event.at), center)
}

/// A dated next step is kept as a visit is, by the id of its inquiry: there is one at a time.
fn next_step(
    (facts, kind, starts_at): (Option<Facts>, String, i64),
    change: Change,
    (version, at): (i64, i64),
    center: &str,
) -> Result<Heard, String> {
    let unreadable = |cause: causeway_proto::events::Unreadable| cause.to_string();
    if kind.is_empty() {
        return Err("field kind is missing".to_owned());
    }
    let about = about(facts, center)?;
    Ok(Heard::Visit(Box::new(Visit {
        appointment_id: about.inquiry_id,
        version,
        about,
        starts_at: instant("starts_at", starts_at).map_err(unreadable)?,
        // Its time is told by the center's clock, and it is at no site.
        time_zone: String::new(),
        site: String::new(),
        visit_kind: String::new(),
        next_step: kind,
        change,
        at: instant("at", at).map_err(unreadable)?,
    })))
}

fn about(facts: Option<Facts>, center: &str) -> Result<About, String> {
    let facts = facts.ok_or("field facts is missing")?;
    same_center(&facts.center, center)?;
    // Whoever was handed over by a sister center consented when they asked first, and has not since.
    let asked_at = facts.stays.first().map_or(facts.received_at, |first| first.received_at);
    Ok(About {
        inquiry_id: id("inquiry_id", &facts.inquiry_id).map_err(|cause| cause.to_string())?,
        email_allowed: facts.consent.is_some_and(|consent| consent.email),
        consented_at: instant("received_at", asked_at).map_err(|cause| cause.to_string())?,
        consult_type: consult_type_from_wire(facts.consult_type()),
        cancer_area: area_from_wire(facts.cancer_area()),
        reference: facts.reference,
        language: facts.language,
    })
}

fn same_center(told: &str, center: &str) -> Result<(), String> {
    if told == center { Ok(()) } else { Err("facts name another center than the envelope".to_owned()) }
}

#[cfg(test)]
mod tests {
    use causeway_envelope::{Envelope, TraceContext};
    use causeway_proto::events::fact;
    use causeway_proto::inquiry::v1::{Channel, Consent};

    use super::*;
    use crate::domain::notice::reason;

    fn facts() -> Facts {
        Facts {
            inquiry_id: Uuid::from_u128(7).to_string(),
            center: "lakeside".into(),
            reference: "LS-7K4M-2QX".into(),
            language: "fr".into(),
            consent: Some(Consent { email: true, ..Consent::default() }),
            received_at: 1_790_000_000_000_000,
            ..Facts::default()
        }
    }

    fn message<E: Event>(event: &E) -> Received {
        let fact = fact("lakeside", event);
        let envelope = Envelope {
            id: Uuid::from_u128(1),
            kind: fact.kind.to_owned(),
            source: "routing".into(),
            subject: fact.subject,
            center: "lakeside".into(),
            aggregate_id: Uuid::from_u128(7),
            version: 1,
            time: Timestamp::UNIX_EPOCH,
            trace: TraceContext::default(),
        };
        Received { envelope, payload: fact.payload.into(), attempt: 1, unit: None }
    }

    fn route() -> RouteDecided {
        RouteDecided {
            facts: Some(facts()),
            response_due_at: 1_790_000_900_000_000,
            clock_starts_at: 1_790_000_500_000_000,
            decided_at: 1_790_000_001_000_000,
            ..RouteDecided::default()
        }
    }

    fn intended(event: &impl Event) -> Intended {
        match read(&message(event), Timestamp::UNIX_EPOCH) {
            Ok(Heard::Notice(intended)) => *intended,
            _ => panic!("a notice was expected"),
        }
    }

    #[test]
    fn a_route_calls_for_one_confirmation_with_the_time_of_contact() {
        let notice = intended(&route());
        assert_eq!(
            (notice.kind, notice.template.as_str(), notice.occurrence.as_str()),
            (Kind::Confirmation, "confirmation", "")
        );
        assert_eq!(notice.contact_by.map(|at| at.as_microsecond()), Some(1_790_000_900_000_000));
        assert_eq!((notice.opens_at, notice.refused()), (None, None));
    }

    #[test]
    fn after_hours_have_their_own_words_and_the_time_of_opening() {
        let notice = intended(&RouteDecided { after_hours: true, ..route() });
        assert_eq!(notice.template, AFTER_HOURS);
        assert_eq!(notice.opens_at.map(|at| at.as_microsecond()), Some(1_790_000_500_000_000));
    }

    #[test]
    fn who_was_handed_over_by_a_sister_center_is_told_by_which() {
        let there = Uuid::from_u128(9);
        let stays = ["harbor-valley", "mill-pond"].map(|center| Stay {
            center: center.into(),
            inquiry_id: there.to_string(),
            received_at: if center == "harbor-valley" { 1_780_000_000_000_000 } else { 1_785_000_000_000_000 },
            ..Stay::default()
        });
        let handed = Facts { stays: stays.into(), ..facts() };
        let notice = intended(&RouteDecided { facts: Some(handed), ..route() });
        assert_eq!(notice.params.map(|params| params.came_from), Some("mill-pond".to_owned()));
        assert_eq!(notice.stays, [("harbor-valley".to_owned(), there), ("mill-pond".to_owned(), there)]);
        let first = notice.about.consented_at.as_microsecond();
        assert_eq!(first, 1_780_000_000_000_000, "a hand-over is no new consent: a stop since they asked first holds");
    }

    #[test]
    fn who_may_not_be_called_or_would_rather_be_written_to_is_promised_no_call() {
        let params = |preferred: Channel, phone: bool, email: bool| {
            let mut facts = facts();
            facts.set_preferred_channel(preferred);
            let consent = facts.consent.get_or_insert_default();
            (consent.phone, consent.sms, consent.email) = (phone, false, email);
            intended(&RouteDecided { facts: Some(facts), ..route() }).params
        };
        let told = |preferred, phone, email| {
            params(preferred, phone, email).is_some_and(|params: Params| params.is_written_to)
        };
        assert_eq!(params(Channel::Phone, true, true), None, "who is called needs no more words than the template has");
        assert!(told(Channel::Post, true, true), "a letter rests on the request itself");
        assert!(told(Channel::Email, true, true), "as they wish");
        assert!(told(Channel::Phone, false, true), "they allowed no call");
        assert!(!told(Channel::Phone, true, true) && !told(Channel::Unspecified, true, true));
        assert!(!told(Channel::Sms, true, false), "no text message is allowed, and a call is");
        assert!(!told(Channel::Phone, false, false), "who allowed nothing has asked all the same");
    }

    #[test]
    fn without_consent_to_mail_there_is_no_channel() {
        let silent = Facts { consent: None, ..facts() };
        let notice = intended(&RouteDecided { facts: Some(silent), ..route() });
        assert_eq!(notice.refused(), Some(reason::NO_CHANNEL));
    }

    #[test]
    fn a_close_because_somebody_died_or_asked_us_to_stop_is_for_good() {
        use causeway_proto::intake::v1::Stage;
        for (reason, wanted) in
            [("deceased", true), ("asked_to_stop", true), ("not_ready", false), ("", false), ("a_later_word", false)]
        {
            let event = StageChanged {
                facts: Some(facts()),
                to: Stage::Closed.into(),
                at: 1_790_000_001_000_000,
                close_reason: reason.into(),
                ..StageChanged::default()
            };
            let Ok(Heard::Closed { for_good, .. }) = read(&message(&event), Timestamp::UNIX_EPOCH) else {
                panic!("{reason}: a close was expected")
            };
            assert_eq!(for_good, wanted, "{reason}");
        }
    }

    #[test]
    fn an_answer_where_to_go_names_its_entry_and_one_without_is_refused() {
        let event = ReferredElsewhere { facts: Some(facts()), entry: "bone-marrow".into(), at: 1_790_000_001_000_000 };
        let notice = intended(&event);
        assert_eq!((notice.kind, notice.template.as_str()), (Kind::ReferredElsewhere, "referred-elsewhere"));
        assert_eq!(notice.params.map(|params| params.out_of_scope), Some("bone-marrow".to_owned()));
        let nameless = ReferredElsewhere { entry: String::new(), ..event };
        assert!(read(&message(&nameless), Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn what_can_not_be_read_is_refused_by_the_name_of_a_field() {
        let wrong_id = Facts { inquiry_id: "7".into(), ..facts() };
        let elsewhere = Facts { center: "harbor-valley".into(), ..facts() };
        for broken in [
            RouteDecided { facts: None, ..route() },
            RouteDecided { facts: Some(wrong_id), ..route() },
            RouteDecided { facts: Some(elsewhere), ..route() },
            RouteDecided { response_due_at: 0, ..route() },
        ] {
            assert!(read(&message(&broken), Timestamp::UNIX_EPOCH).is_err());
        }
        let mut rubbish = message(&route());
        rubbish.payload = vec![0xff; 9].into();
        assert!(read(&rubbish, Timestamp::UNIX_EPOCH).is_err());
    }
}
