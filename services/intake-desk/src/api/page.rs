//! One inquiry with everything the desk knows of it.
//!
//! The note and the free words of the timeline are PHI: they are opened for those who may read a person, and that look is
//! written down in the same transaction. Everybody else gets the same page with those fields empty.

use std::borrow::Cow;
use std::collections::BTreeMap;

use causeway_auth::audit::append;
use causeway_auth::{Action, Phi, policy};
use causeway_funnel::intake::missing_fields;
use causeway_funnel::next_step::{ExpectedStep, NextStepKind};
use causeway_funnel::profile::Profile;
use causeway_funnel::quality_audit::computed::Worked;
use causeway_funnel::stage::{Stage, StageEvent, walk};
use causeway_funnel::words::Words;
use causeway_mailbox::Tx;
use causeway_proto::convert::{micros, stage_to_wire};
use causeway_proto::intake::v1 as wire;
use jiff::Timestamp;

use super::call::Call;
use super::{Desk, script};
use crate::domain::{
    Handover, Inquiry, NextStep, RecordLine, Rules, asks_again_at, clock_state, next_channel, says_what_comes_next,
    standing_pause, worked,
};
use crate::error::DeskError;
use crate::store::inquiry::{Loaded, find};
use crate::store::note::Fields;
use crate::store::timeline::TimelineRow;
use crate::store::{attempts, drafts, note, timeline};

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
    let mut draft =
        if may_read { drafts::open(tx, &desk.parts.sealer, call.inquiry_id, &call.actor.id).await? } else { None };
    if draft.as_ref().is_some_and(|draft| is_saved(draft, fields.as_ref())) {
        drafts::drop_of(tx, call.inquiry_id, Some(&call.actor.id)).await?;
        draft = None;
    }
    let showed = fields.is_some() || draft.is_some() || (may_read && lines.iter().any(|line| line.sealed.is_some()));
    let now = tx.now();
    let mut page = known_page(loaded, profile, now);
    // Above the line of what changed it.
    page.timeline = stage_lines(&loaded.inquiry);
    for line in lines {
        page.timeline.push(entry(desk, call, (profile, may_read), line)?);
    }
    page.timeline.extend(first_lines(loaded, (desk, profile)));
    page.timeline.sort_by_key(|line| std::cmp::Reverse(line.at));
    if loaded.inquiry.is_open() {
        let way = next_channel(&attempts::of(tx, call.inquiry_id).await?, &loaded.inquiry.facts);
        page.next_channel = way.map(|way| way.as_str().to_owned()).unwrap_or_default();
    }
    if let Some(draft) = draft {
        (page.draft_saved_at, page.draft_base_version) = (micros(draft.saved_at), draft.base_version);
        page.draft = draft.fields.into_exposed().into_iter().collect();
    }
    page.note = note_fields(profile, &loaded.inquiry, fields);
    let script = script::for_call(profile, &loaded.inquiry, &call.actor.name);
    (page.script_id, page.script_version, page.script_text) = script.unwrap_or_default();
    page.scripts = script::beside(profile, &loaded.inquiry, &call.actor.name);
    if showed {
        append(tx, call.entry(tx, "read note", purpose)).await?;
    }
    Ok(page)
}

/// A draft says nothing that the note does not say.
fn is_saved(draft: &drafts::Draft, saved: Option<&Fields>) -> bool {
    let saved = |key: &str| saved.and_then(|fields| fields.expose().get(key)).map_or("", String::as_str);
    draft.fields.expose().iter().all(|(key, typed)| typed.trim() == saved(key))
}

/// All that needs no further look: nothing of it is PHI.
fn known_page(loaded: &Loaded, profile: &Profile, now: Timestamp) -> wire::Inquiry {
    let Loaded { inquiry, facts, .. } = loaded;
    let language = profile.default_language();
    let route = &inquiry.route;
    let closed = inquiry.close_reason.is_some();
    let pause = standing_pause(&inquiry.pauses, inquiry.first_attempt_at, !inquiry.is_open(), now);
    let rules = Rules::of(profile, &inquiry.facts, route);
    let listed = |line: &RecordLine| wire::RecordLine {
        asks_again_at: asks_again_at(inquiry, line, &rules).map_or(0, micros),
        ..record_line(profile, line, language)
    };
    wire::Inquiry {
        facts: Some(facts.clone()),
        stage: stage_to_wire(inquiry.stage).into(),
        team: route.team.clone(),
        owner: inquiry.owner.clone(),
        next_action: inquiry.next_action.as_str().to_owned(),
        next_action_words: action_words(profile, inquiry, language),
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
        records: inquiry.records.iter().map(listed).collect(),
        records_ready: inquiry.records_ready,
        reviewed: inquiry.reviewed,
        close_reason: inquiry.close_reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        version: inquiry.version,
        after_hours: route.after_hours,
        chosen: inquiry.turn.chosen,
        escalated: i32::try_from(inquiry.escalated).unwrap_or(i32::MAX),
        bounced: inquiry.bounced,
        out_of_scope: inquiry.scope.entry.clone(),
        out_of_scope_state: inquiry.scope.state.as_str().to_owned(),
        handover: inquiry.handover.as_ref().map(handover),
        next_step: inquiry.next_step.as_ref().map(|step| next_step(profile, step, language, |kind| &kind.label)),
        pause_reason: pause.map_or("", |pause| pause.reason.as_str()).to_owned(),
        paused_since: pause.map_or(0, |pause| micros(pause.from)),
        paused_until: pause.map_or(0, |pause| micros(pause.to)),
        review_since: inquiry.review.map_or(0, |waiting| micros(waiting.since)),
        review_due_at: inquiry.review.map_or(0, |waiting| micros(waiting.due_at)),
        review_escalated: inquiry.review.map_or(0, |waiting| i32::try_from(waiting.escalated).unwrap_or(i32::MAX)),
        decline_reason: inquiry.declined.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        ..Default::default()
    }
}

/// The next action, with which step it is about where it is about one, also one that was missed.
fn action_words(profile: &Profile, inquiry: &Inquiry, language: &str) -> String {
    let words = inquiry.next_action.label(language);
    let kind = inquiry.step_in_hand().and_then(|step| profile.booking.next_step(&step.kind));
    kind.map_or_else(|| words.to_owned(), |kind| format!("{words}: {}", kind.label.get(language)))
}

/// An agreed next step in the words of whoever asks. A kind that left the profile keeps its stored name.
pub fn next_step(
    profile: &Profile,
    step: &NextStep,
    language: &str,
    words: impl Fn(&NextStepKind) -> &Words,
) -> wire::NextStep {
    let kind = profile.booking.next_step(&step.kind);
    let expected = |one: &ExpectedStep| wire::ExpectedStep {
        words: one.words.get(language).to_owned(),
        days: i32::try_from(one.days).unwrap_or(i32::MAX),
    };
    wire::NextStep {
        kind: step.kind.clone(),
        label: kind.map_or(step.kind.as_str(), |kind| words(kind).get(language)).to_owned(),
        at: micros(step.at),
        call: kind.is_some_and(|kind| kind.call),
        ended: step.ended.map(|how| how.as_str().to_owned()).unwrap_or_default(),
        steps: kind.map(|kind| kind.steps.iter().map(expected).collect()).unwrap_or_default(),
    }
}

fn handover(known: &Handover) -> wire::Handover {
    wire::Handover {
        to_center: known.to.clone(),
        reason: known.reason.as_str().to_owned(),
        state: known.state.as_str().to_owned(),
        reference: known.reference.clone(),
        why: known.why.map(|why| why.as_str().to_owned()).unwrap_or_default(),
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
        by: line.by.clone(),
        why: line.why.map(|why| why.as_str().to_owned()).unwrap_or_default(),
        asked_of: line.asked_at.map(|_| line.asked_of.as_str().to_owned()).unwrap_or_default(),
        first_asked_at: line.waited_since().map_or(0, micros),
        asked_times: i32::try_from(line.asked_times).unwrap_or(i32::MAX),
        promised_at: line.promised_at.map_or(0, micros),
        asks_again_at: 0,
    }
}

fn entry(
    desk: &Desk,
    call: &Call,
    (profile, may_read): (&Profile, bool),
    line: TimelineRow,
) -> Result<wire::TimelineEntry, DeskError> {
    let TimelineRow { at, kind, text, actor, sealed } = line;
    let mut text = worded((desk, profile), &kind, &text);
    if let (true, Some(sealed)) = (may_read, sealed) {
        let words = desk.parts.sealer.open_text(&call.center, &timeline::context(call.inquiry_id), &sealed)?;
        text.push(' ');
        text.push_str(words.expose());
    }
    Ok(wire::TimelineEntry { at: micros(at.0), kind, text, actor })
}

/// A sentence of the timeline with the names that the profiles have for documents, agreed steps, teams, colleagues and sister centers; its row
/// keeps their ids.
fn worded((desk, profile): (&Desk, &Profile), kind: &str, text: &str) -> String {
    let language = profile.default_language();
    let sister = |id: &str| desk.profile(id).ok().map(|sister| Cow::Owned(sister.1.center.name.clone()));
    let own = |id: &str| match kind {
        "record" | "records_requested" | "records_chased" | "document" => {
            profile.checklists.document(id).map(|one| one.label.get(language))
        }
        "next_step" | "attempt" => profile.booking.next_step(id).map(|kind| kind.label.get(language)),
        "routed" | "handed_over" | "chosen" | "escalated" | "released" => {
            let team = profile.team(id).map(|team| team.name.get(language));
            team.or_else(|| profile.staff(id).map(|staff| staff.name.as_str()))
        }
        _ => None,
    };
    let name = |id: &str| if kind == "sister" { sister(id) } else { own(id).map(Cow::Borrowed) };
    // The row of the table stands where it is said why.
    let text = if kind == "routed" { text.split_once(" by row ").map_or(text, |(team, _)| team) } else { text };
    let is_of_id = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
    let mut worded = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|sign| !is_of_id(sign)).unwrap_or(rest.len());
        worded.push_str(&name(&rest[..word]).unwrap_or(Cow::Borrowed(&rest[..word])));
        let next = rest[word..].find(is_of_id).map_or(rest.len(), |gap| word + gap);
        worded.push_str(&rest[word..next]);
        rest = &rest[next..];
    }
    let worded = worded.replace(" to team ", " to ");
    if worded.ends_with('.') { worded } else { worded + "." }
}

/// How the stage went, newest first, read from the facts: so it is the same in whatever order they came. Closing, reopening and the
/// beginning have lines of their own.
fn stage_lines(inquiry: &Inquiry) -> Vec<wire::TimelineEntry> {
    let told = |stage: Stage| !matches!(stage, Stage::Closed | Stage::Received);
    let steps = walk(&inquiry.stage_facts).into_iter().rev().filter(|step| told(step.from) && told(step.to));
    let line = |step: causeway_funnel::stage::StageStep| wire::TimelineEntry {
        at: micros(step.at),
        kind: "stage".to_owned(),
        text: format!("Stage is now: {}.", step.to.label("en").to_lowercase()),
        actor: String::new(),
    };
    steps.map(line).collect()
}

/// A label as it stands within a sentence: names of standards keep their capitals.
fn within_a_sentence(label: &str) -> String {
    let mut signs = label.chars();
    match (signs.next(), signs.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(label.chars().skip(1)).collect()
        }
        _ => label.to_owned(),
    }
}

/// How every inquiry begins: it comes in and goes to a team. These two lines stand in its own row.
fn first_lines(loaded: &Loaded, (desk, profile): (&Desk, &Profile)) -> [wire::TimelineEntry; 2] {
    let facts = &loaded.inquiry.facts;
    let routed = loaded.inquiry.stage_facts.iter().find(|fact| fact.what == StageEvent::Routed);
    let routed_at = routed.map_or(facts.received_at, |fact| fact.at);
    let came_in = match facts.stays.last() {
        Some(stay) => worded(
            (desk, profile),
            "sister",
            &format!("Handed over by {}, where it was {}.", stay.center, stay.reference),
        ),
        None => format!("Came in by {}.", within_a_sentence(facts.source.label("en"))),
    };
    let line = |at, kind: &str, text: String, actor: &str| wire::TimelineEntry {
        at: micros(at),
        kind: kind.to_owned(),
        text,
        actor: actor.to_owned(),
    };
    [
        line(routed_at, "routed", worded((desk, profile), "routed", &loaded.routed_line), "routing"),
        line(facts.received_at, "received", came_in, ""),
    ]
}

/// The fields of the note with their answers, and which of them are missing.
fn note_fields(profile: &Profile, inquiry: &Inquiry, fields: Option<Fields>) -> Vec<wire::NoteField> {
    let language = profile.default_language();
    let (consult, area) = (inquiry.facts.consult_type, inquiry.facts.cancer_area);
    let filled = fields.map_or_else(BTreeMap::new, Phi::into_exposed);
    // Whoever may not see the answers is not told that they are missing either.
    let hidden = filled.is_empty() && inquiry.note_version > 0;
    let missing = if hidden { Vec::new() } else { missing_fields(&profile.note, (consult, area), &filled) };
    let field = |field: &causeway_funnel::intake::NoteField| wire::NoteField {
        key: field.key.clone(),
        label: field.label.get(language).to_owned(),
        value: filled.get(&field.key).cloned().unwrap_or_default(),
        required: !field.optional,
        why: field.why.get(language).to_owned(),
        missing: missing.iter().any(|missing| missing.key == field.key),
        options: field.options.iter().map(|option| option.value.clone()).collect(),
    };
    profile.note.fields_for(consult, area).map(field).collect()
}

/// The page as an auditor of its quality sees it: lines without free words, and the note without its answers, which are opened only
/// to see which are there. With what the machine answers the checklist from.
pub async fn for_audit(
    desk: &Desk,
    tx: &mut Tx,
    call: &Call,
    (loaded, profile): (&Loaded, &Profile),
) -> Result<(wire::Inquiry, Worked), DeskError> {
    let lines = timeline::of(tx, call.inquiry_id).await?;
    let tries = attempts::tries(tx, call.inquiry_id).await?;
    let written_at = lines.iter().filter(|line| says_what_comes_next(&line.kind, &line.actor)).map(|line| line.at.0);
    let written_at = written_at.collect();
    let mut page = known_page(loaded, profile, tx.now());
    page.timeline = stage_lines(&loaded.inquiry);
    for line in lines {
        page.timeline.push(entry(desk, call, (profile, false), line)?);
    }
    page.timeline.extend(first_lines(loaded, (desk, profile)));
    page.timeline.sort_by_key(|line| std::cmp::Reverse(line.at));
    let fields = note::open(tx, &desk.parts.sealer, call.inquiry_id).await?;
    page.note = note_fields(profile, &loaded.inquiry, fields);
    let filled = page.note.iter().map(|field| (field.key.clone(), !field.value.trim().is_empty())).collect();
    page.note.iter_mut().for_each(|field| field.value.clear());
    let worked = worked(&loaded.inquiry, profile, tx.now(), (tries, written_at, filled));
    Ok((page, worked))
}
