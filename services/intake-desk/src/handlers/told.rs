//! What the desk tells: from the domain's words to events of the contract.

use causeway_envelope::TraceContext;
use causeway_funnel::booking::Readiness;
use causeway_funnel::next_step::StepEnd;
use causeway_funnel::stage::Stage;
use causeway_mailbox::Draft;
use causeway_proto::convert::{channel_to_wire, micros, stage_to_wire};
use causeway_proto::events::{Event, fact};
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::intake::v1::{
    ContactAttempted, HandedToCenter, NextStepAgreed, NextStepOver, OfficeRecordsWanted, ReadinessChanged,
    RecordsRequested, ReferredElsewhere, ReviewDecided, ReviewEscalated, StageChanged, WorkMoved,
};
use jiff::Timestamp;

use crate::domain::{How, Inquiry, Told};
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
        clock_version: inquiry.route.clock_version,
        out_of_scope: inquiry.scope.counted().to_owned(),
        decline_reason: inquiry.declined.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        next_step: String::new(),
        reopen_reason: String::new(),
        reopened_from: String::new(),
    }
}

/// The person is to hear where to go instead.
pub fn referred_elsewhere(inquiry: &Inquiry, facts: wire::Facts, at: Timestamp) -> ReferredElsewhere {
    ReferredElsewhere { facts: Some(facts), entry: inquiry.scope.entry.clone(), at: micros(at) }
}

/// All that a decision tells, for the outbox.
pub fn drafts((center, at): (&str, Timestamp), loaded: &Loaded, told: Vec<Told>, trace: &TraceContext) -> Vec<Draft> {
    let Loaded { inquiry, facts, .. } = loaded;
    let one = |told: Told| match told {
        Told::StageChanged { from, to, at, next_step, reopened } => {
            let changed = stage_changed(inquiry, facts.clone(), (from, to), at);
            let (reopen_reason, reopened_from) = reopened
                .map_or_else(Default::default, |(reason, from)| (reason.as_str().to_owned(), from.as_str().to_owned()));
            let event = StageChanged { next_step, reopen_reason, reopened_from, ..changed };
            draft(center, inquiry, &event, trace)
        }
        Told::WorkMoved(how) => draft(center, inquiry, &work_moved(center, inquiry, how, at), trace),
        Told::ReadinessChanged => draft(center, inquiry, &readiness_changed(inquiry, facts), trace),
        Told::ContactAttempted { at, channel, outcome, number, within_target, script } => {
            let (script, script_version) = script;
            let event = ContactAttempted {
                inquiry_id: inquiry.inquiry_id.to_string(),
                center: center.to_owned(),
                at: micros(at),
                channel: channel_to_wire(channel).into(),
                outcome: outcome.as_str().to_owned(),
                number: i32::try_from(number).unwrap_or(i32::MAX),
                within_target,
                team: inquiry.route.team.clone(),
                script,
                script_version,
            };
            draft(center, inquiry, &event, trace)
        }
        Told::NextStepAgreed { at, moved } => {
            draft(center, inquiry, &next_step_agreed(inquiry, facts, (at, moved)), trace)
        }
        Told::NextStepOver { at, how } => draft(center, inquiry, &next_step_over(inquiry, facts, (at, how)), trace),
        Told::ReferredElsewhere { at } => {
            draft(center, inquiry, &referred_elsewhere(inquiry, facts.clone(), at), trace)
        }
        Told::HandedToCenter { at } => draft(center, inquiry, &handed_to_center(inquiry, facts, at), trace),
        Told::Reviewed { decision, reason, team, waited, at } => {
            let event = ReviewDecided {
                facts: Some(facts.clone()),
                team,
                decision: decision.as_str().to_owned(),
                reason: reason.to_owned(),
                waiting_since: waited.map_or(0, |waited| micros(waited.since)),
                due_at: waited.map_or(0, |waited| micros(waited.due_at)),
                at: micros(at),
                version: inquiry.version,
            };
            draft(center, inquiry, &event, trace)
        }
        Told::ReviewEscalated { why, level, to, staff, due_at, at } => {
            let event = ReviewEscalated {
                inquiry_id: inquiry.inquiry_id.to_string(),
                center: center.to_owned(),
                team: inquiry.route.team.clone(),
                owner: inquiry.owner.clone(),
                why: why.to_owned(),
                level: i32::try_from(level).unwrap_or(i32::MAX),
                to,
                staff,
                review_due_at: micros(due_at),
                at: micros(at),
                reference: facts.reference.clone(),
            };
            draft(center, inquiry, &event, trace)
        }
        Told::OfficeRecordsWanted { kinds, at } => {
            let version = inquiry.version;
            let event = OfficeRecordsWanted { facts: Some(facts.clone()), kinds, version, at: micros(at) };
            draft(center, inquiry, &event, trace)
        }
        Told::RecordsRequested { kinds, times, at } => {
            let times = i32::try_from(times).unwrap_or(i32::MAX);
            let event = RecordsRequested { facts: Some(facts.clone()), kinds, at: micros(at), times };
            draft(center, inquiry, &event, trace)
        }
    };
    told.into_iter().map(one).collect()
}

fn next_step_agreed(inquiry: &Inquiry, facts: &wire::Facts, (at, moved): (Timestamp, bool)) -> NextStepAgreed {
    let step = inquiry.next_step.as_ref();
    NextStepAgreed {
        facts: Some(facts.clone()),
        kind: step.map(|step| step.kind.clone()).unwrap_or_default(),
        starts_at: step.map_or(0, |step| micros(step.at)),
        moved,
        version: inquiry.version,
        at: micros(at),
    }
}

fn next_step_over(inquiry: &Inquiry, facts: &wire::Facts, (at, how): (Timestamp, StepEnd)) -> NextStepOver {
    let step = inquiry.next_step.as_ref();
    NextStepOver {
        facts: Some(facts.clone()),
        kind: step.map(|step| step.kind.clone()).unwrap_or_default(),
        starts_at: step.map_or(0, |step| micros(step.at)),
        how: how.as_str().to_owned(),
        version: inquiry.version,
        at: micros(at),
    }
}

fn handed_to_center(inquiry: &Inquiry, facts: &wire::Facts, at: Timestamp) -> HandedToCenter {
    let asked = inquiry.handover.as_ref();
    HandedToCenter {
        facts: Some(facts.clone()),
        to_center: asked.map(|asked| asked.to.clone()).unwrap_or_default(),
        reason: asked.map(|asked| asked.reason.as_str().to_owned()).unwrap_or_default(),
        number: asked.map(|asked| asked.number).unwrap_or_default(),
        at: micros(at),
    }
}

fn work_moved(center: &str, inquiry: &Inquiry, how: How, at: Timestamp) -> WorkMoved {
    WorkMoved {
        inquiry_id: inquiry.inquiry_id.to_string(),
        center: center.to_owned(),
        team: inquiry.route.team.clone(),
        owner: inquiry.owner.clone(),
        open: inquiry.is_open(),
        version: inquiry.version,
        how: how.as_str().to_owned(),
        choice: inquiry.turn.choice,
        at: micros(at),
        reason: how.reason().map_or_else(String::new, |reason| reason.as_str().to_owned()),
    }
}

fn readiness_changed(inquiry: &Inquiry, facts: &wire::Facts) -> ReadinessChanged {
    let Readiness { intake_complete, records_ready, reviewed } = inquiry.readiness();
    ReadinessChanged {
        facts: Some(facts.clone()),
        version: inquiry.version,
        intake_complete,
        records_ready,
        reviewed,
        open: inquiry.is_open(),
        team: inquiry.route.team.clone(),
        site: inquiry.route.site.clone(),
    }
}
