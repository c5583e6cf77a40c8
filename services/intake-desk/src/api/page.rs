//! One inquiry with everything the desk knows of it.
//!
//! The note and the free words of the timeline are PHI: they are opened for those who may read a person, and that look is
//! written down in the same transaction. Everybody else gets the same page with those fields empty.

use std::collections::BTreeMap;

use causeway_auth::audit::{Entry, Outcome, append};
use causeway_auth::{Action, Phi, policy};
use causeway_funnel::intake::missing_fields;
use causeway_funnel::profile::Profile;
use causeway_funnel::stage::StageEvent;
use causeway_mailbox::Tx;
use causeway_proto::convert::{micros, stage_to_wire};
use causeway_proto::intake::v1 as wire;
use jiff::Timestamp;

use super::call::Call;
use super::{Desk, script};
use crate::domain::{Inquiry, RecordLine, clock_state};
use crate::error::DeskError;
use crate::store::inquiry::{Loaded, find};
use crate::store::note::Fields;
use crate::store::timeline::TimelineRow;
use crate::store::{note, timeline};

/// Looks at an inquiry.
pub async fn look(desk: &Desk, call: Call) -> Result<wire::Inquiry, DeskError> {
    let (own, center) = (desk.clone(), call.center.clone());
    // Not a read-only transaction: the look is written down.
    desk.parts.database.with_tx(&center, move |tx| Box::pin(async move { own.look(tx, &call).await })).await
}

impl Desk {
    async fn look(&self, tx: &mut Tx, call: &Call) -> Result<wire::Inquiry, DeskError> {
        let current = self.profile(&call.center)?;
        let loaded = find(tx, call.inquiry_id).await?.ok_or(DeskError::NotFound)?;
        render(self, tx, call, (&loaded, &current.1), "inquiry_page").await
    }
}

/// The page of an inquiry, for somebody and a purpose.
pub async fn render(
    desk: &Desk,
    tx: &mut Tx,
    call: &Call,
    (loaded, profile): (&Loaded, &Profile),
    purpose: &str,
) -> Result<wire::Inquiry, DeskError> {
    let lines = timeline::of(tx, call.inquiry_id).await?;
    let may_read = policy::may(&call.actor, Action::ReadPerson, &call.center).is_ok();
    let fields = if may_read { note::open(tx, &desk.parts.sealer, call.inquiry_id).await? } else { None };
    let showed = fields.is_some() || (may_read && lines.iter().any(|line| line.sealed.is_some()));
    let now = tx.now();
    let mut page = known_page(loaded, profile, now);
    page.timeline =
        lines.into_iter().map(|line| entry(desk, call, (profile, may_read), line)).collect::<Result<_, _>>()?;
    page.timeline.extend(first_lines(loaded, profile));
    page.timeline.sort_by_key(|line| std::cmp::Reverse(line.at));
    page.note = note_fields(profile, &loaded.inquiry, fields);
    let script = script::for_call(profile, &loaded.inquiry, &call.actor.name);
    (page.script_id, page.script_version, page.script_text) = script.unwrap_or_default();
    if showed {
        append(tx, look_entry(tx, call, purpose)).await?;
    }
    Ok(page)
}

fn look_entry(tx: &Tx, call: &Call, purpose: &str) -> Entry {
    Entry {
        actor: call.actor.clone(),
        action: "read note".to_owned(),
        object_kind: "inquiry",
        object_id: call.inquiry_id.to_string(),
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        request_id: tx.trace().traceparent().unwrap_or_default().to_owned(),
    }
}

/// All that needs no further look: nothing of it is PHI.
fn known_page(loaded: &Loaded, profile: &Profile, now: Timestamp) -> wire::Inquiry {
    let Loaded { inquiry, facts, .. } = loaded;
    let language = profile.default_language();
    let route = &inquiry.route;
    let closed = inquiry.close_reason.is_some();
    wire::Inquiry {
        facts: Some(facts.clone()),
        stage: stage_to_wire(inquiry.stage).into(),
        team: route.team.clone(),
        owner: inquiry.owner.clone(),
        next_action: inquiry.next_action.as_str().to_owned(),
        next_action_words: inquiry.next_action.label(language).to_owned(),
        due_at: inquiry.due_at.map_or(0, micros),
        program: route.program.clone(),
        site: route.site.clone(),
        priority: route.priority.as_str().to_owned(),
        response_due_at: micros(route.response_due_at),
        clock_state: clock_state(route.response_due_at, inquiry.first_attempt_at, closed, now).as_str().to_owned(),
        attempts: i32::try_from(inquiry.attempts).unwrap_or(i32::MAX),
        first_contact_at: inquiry.first_contact_at.map_or(0, micros),
        note_version: inquiry.note_version,
        intake_complete: inquiry.intake_complete,
        records: inquiry.records.iter().map(|line| record_line(profile, line, language)).collect(),
        records_ready: inquiry.records_ready,
        reviewed: inquiry.reviewed,
        close_reason: inquiry.close_reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        version: inquiry.version,
        after_hours: route.after_hours,
        ..Default::default()
    }
}

/// A line of the checklist in a language. A document that left the profile keeps its stored name.
pub fn record_line(profile: &Profile, line: &RecordLine, language: &str) -> wire::RecordLine {
    let document = profile.checklists.document(&line.kind);
    wire::RecordLine {
        kind: line.kind.clone(),
        label: document.map_or(line.kind.as_str(), |document| document.label.get(language)).to_owned(),
        from: document.map(|document| document.from.as_str().to_owned()).unwrap_or_default(),
        state: line.state.as_str().to_owned(),
        needed_for_booking: line.needed,
        asked_at: line.asked_at.map_or(0, micros),
        received_at: line.received_at.map_or(0, micros),
        hint: document.map(|document| document.hint.get(language).to_owned()).unwrap_or_default(),
    }
}

fn entry(
    desk: &Desk,
    call: &Call,
    (profile, may_read): (&Profile, bool),
    line: TimelineRow,
) -> Result<wire::TimelineEntry, DeskError> {
    let TimelineRow { at, kind, text, actor, sealed } = line;
    let mut text = worded(profile, &kind, &text);
    if let (true, Some(sealed)) = (may_read, sealed) {
        let words = desk.parts.sealer.open_text(&call.center, &timeline::context(call.inquiry_id), &sealed)?;
        text.push(' ');
        text.push_str(words.expose());
    }
    Ok(wire::TimelineEntry { at: micros(at.0), kind, text, actor })
}

/// A sentence of the timeline with the names that the profile has for documents, teams and colleagues; its row keeps their ids.
fn worded(profile: &Profile, kind: &str, text: &str) -> String {
    let language = profile.default_language();
    let name = |id: &str| match kind {
        "record" | "records_requested" | "document" => {
            profile.checklists.document(id).map(|one| one.label.get(language))
        }
        "routed" | "handed_over" => {
            let team = profile.team(id).map(|team| team.name.get(language));
            team.or_else(|| profile.staff(id).map(|staff| staff.name.as_str()))
        }
        _ => None,
    };
    // The row of the table stands where it is said why.
    let text = if kind == "routed" { text.split_once(" by row ").map_or(text, |(team, _)| team) } else { text };
    let is_of_id = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
    let mut worded = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|sign| !is_of_id(sign)).unwrap_or(rest.len());
        worded.push_str(name(&rest[..word]).unwrap_or(&rest[..word]));
        let next = rest[word..].find(is_of_id).map_or(rest.len(), |gap| word + gap);
        worded.push_str(&rest[word..next]);
        rest = &rest[next..];
    }
    let worded = worded.replace(" to team ", " to ");
    if worded.ends_with('.') { worded } else { worded + "." }
}

/// How every inquiry begins: it comes in and goes to a team. These two lines stand in its own row.
fn first_lines(loaded: &Loaded, profile: &Profile) -> [wire::TimelineEntry; 2] {
    let facts = &loaded.inquiry.facts;
    let routed = loaded.inquiry.stage_facts.iter().find(|fact| fact.what == StageEvent::Routed);
    let routed_at = routed.map_or(facts.received_at, |fact| fact.at);
    let came_in = format!("Came in by {}.", facts.source.label("en").to_lowercase());
    let line = |at, kind: &str, text: String, actor: &str| wire::TimelineEntry {
        at: micros(at),
        kind: kind.to_owned(),
        text,
        actor: actor.to_owned(),
    };
    [
        line(routed_at, "routed", worded(profile, "routed", &loaded.routed_line), "routing"),
        line(facts.received_at, "received", came_in, ""),
    ]
}

/// The fields of the note with their answers, and which of them are missing.
fn note_fields(profile: &Profile, inquiry: &Inquiry, fields: Option<Fields>) -> Vec<wire::NoteField> {
    let language = profile.default_language();
    let consult = inquiry.facts.consult_type;
    let filled = fields.map_or_else(BTreeMap::new, Phi::into_exposed);
    // Whoever may not see the answers is not told that they are missing either.
    let hidden = filled.is_empty() && inquiry.note_version > 0;
    let missing = if hidden { Vec::new() } else { missing_fields(&profile.note, consult, &filled) };
    let field = |field: &causeway_funnel::intake::NoteField| wire::NoteField {
        key: field.key.clone(),
        label: field.label.get(language).to_owned(),
        value: filled.get(&field.key).cloned().unwrap_or_default(),
        required: !field.optional,
        why: field.why.get(language).to_owned(),
        missing: missing.iter().any(|missing| missing.key == field.key),
        options: field.options.iter().map(|option| option.value.clone()).collect(),
    };
    profile.note.fields_for(consult).map(field).collect()
}
