//! What the desk tells: from the domain's words to events of the contract.

use causeway_envelope::TraceContext;
use causeway_funnel::stage::Stage;
use causeway_mailbox::Draft;
use causeway_proto::convert::{channel_to_wire, micros, stage_to_wire};
use causeway_proto::events::{Event, fact};
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::intake::v1::{ContactAttempted, ReadinessChanged, RecordsRequested, StageChanged};
use jiff::Timestamp;

use crate::domain::{Inquiry, Told};
use crate::store::inquiry::Loaded;

/// An event about an inquiry, for the outbox.
pub fn draft<E: Event>(center: &str, inquiry: &Inquiry, event: &E, trace: &TraceContext) -> Draft {
    let fact = fact(center, event);
    Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: inquiry.inquiry_id,
        version: inquiry.version,
        payload: fact.payload,
        trace: trace.clone(),
    }
}

/// The stage of an inquiry is another one.
pub fn stage_changed(inquiry: &Inquiry, facts: wire::Facts, (from, to): (Stage, Stage), at: Timestamp) -> StageChanged {
    StageChanged {
        facts: Some(facts),
        from: stage_to_wire(from).into(),
        to: stage_to_wire(to).into(),
        at: micros(at),
        version: inquiry.version,
        team: inquiry.route.team.clone(),
        site: inquiry.route.site.clone(),
        program: inquiry.route.program.clone(),
        close_reason: inquiry.close_reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        response_due_at: micros(inquiry.route.response_due_at),
        first_attempt_at: inquiry.first_attempt_at.map_or(0, micros),
        first_contact_at: inquiry.first_contact_at.map_or(0, micros),
    }
}

/// All that a decision tells, for the outbox.
pub fn drafts(center: &str, loaded: &Loaded, told: Vec<Told>, trace: &TraceContext) -> Vec<Draft> {
    let Loaded { inquiry, facts, .. } = loaded;
    let one = |told: Told| match told {
        Told::StageChanged { from, to, at } => {
            draft(center, inquiry, &stage_changed(inquiry, facts.clone(), (from, to), at), trace)
        }
        Told::ReadinessChanged => draft(center, inquiry, &readiness_changed(inquiry, facts), trace),
        Told::ContactAttempted { at, channel, outcome, number, within_target } => {
            let event = ContactAttempted {
                inquiry_id: inquiry.inquiry_id.to_string(),
                center: center.to_owned(),
                at: micros(at),
                channel: channel_to_wire(channel).into(),
                outcome: outcome.as_str().to_owned(),
                number: i32::try_from(number).unwrap_or(i32::MAX),
                within_target,
                team: inquiry.route.team.clone(),
            };
            draft(center, inquiry, &event, trace)
        }
        Told::RecordsRequested { kinds, at } => {
            let event = RecordsRequested { facts: Some(facts.clone()), kinds, at: micros(at) };
            draft(center, inquiry, &event, trace)
        }
    };
    told.into_iter().map(one).collect()
}

fn readiness_changed(inquiry: &Inquiry, facts: &wire::Facts) -> ReadinessChanged {
    ReadinessChanged {
        facts: Some(facts.clone()),
        version: inquiry.version,
        intake_complete: inquiry.intake_complete,
        records_ready: inquiry.records_ready,
        reviewed: inquiry.reviewed,
        open: inquiry.is_open(),
        team: inquiry.route.team.clone(),
        site: inquiry.route.site.clone(),
    }
}
