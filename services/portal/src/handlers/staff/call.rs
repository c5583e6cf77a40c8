//! A new inquiry from a phone call: the same form, filled in by a coordinator, checked and stored the same way. Where a call of
//! the phone system is chosen, the page knows the number, and the entry and the call are tied together. Who has asked before is shown
//! once before it is saved, also to who went back and saves again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_funnel::contact::{FaultCode, FieldFault};
use causeway_funnel::form::{Form, Reading, validate};
use causeway_funnel::profile::Profile;
use causeway_funnel::script::{CallSituation, fill};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{OpenCallRequest, OpenedCall, Source, SubmitInquiryRequest};
use causeway_serve::{Code, Problem};
use jiff::Timestamp;
use jiff::civil::DateTime;
use tonic::Status;
use uuid::Uuid;

use super::super::{App, page, submit};
use super::{Posted, Staff, calls, frame, known, not_yours, tell};
use crate::pages::{CallLink, CallPage, Flash, FormSection, HiddenField, Tone};
use crate::refusals::for_staff;
use crate::views::form::{CALL, IDEMPOTENCY_KEY, SEEN, Sent, Shown, asked, to_ask};
use crate::views::script::script;
use crate::words::Words;

const LANGUAGE: &str = "en";
/// Name of the field that tells when the call was.
const CALLED_AT: &str = "called_at";

/// The empty form.
pub async fn show(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    let asked = query.get("form").map(String::as_str).unwrap_or_default();
    let Some(form) = chosen(&staff.in_force.1, asked).filter(|_| staff.may(Action::EnterInquiry)) else {
        return not_yours(&app, &staff);
    };
    let (mut sent, mut form) = (Sent::default(), form);
    let chosen_call = Chosen::of(&app, &staff, query.get(CALL).map(String::as_str).unwrap_or_default()).await;
    if let Some(opened) = &chosen_call.opened {
        if asked.is_empty() {
            form = chosen(&staff.in_force.1, &opened.form_id).unwrap_or(form);
        }
        fill_in(&mut sent, opened, form);
    }
    page(StatusCode::OK, &call_page(&app, &staff, (form, &sent, &[]), chosen_call))
}

/// What the phone system and its queue tell of the caller. The rest is asked.
fn fill_in(sent: &mut Sent, opened: &OpenedCall, form: &Form) {
    let told = [
        ("phone", &opened.number),
        ("language", &opened.language),
        ("consult_type", &opened.consult_type),
        ("cancer_area", &opened.cancer_area),
        ("site_preference", &opened.site),
    ];
    for (key, value) in told.into_iter().filter(|(_, value)| !value.is_empty()) {
        if form.fields().any(|(_, field)| field.key == key) {
            sent.typed.insert(key.to_owned(), value.clone());
        }
    }
}

/// The call that is taken down, and those to choose from where none is.
#[derive(Default)]
struct Chosen {
    id: String,
    opened: Option<OpenedCall>,
    trouble: Option<String>,
    recent: Vec<CallLink>,
}

impl Chosen {
    /// Opens the call that was chosen. That look is in the audit log.
    async fn of(app: &App, staff: &Staff, id: &str) -> Self {
        // The id goes into calls and pages; only an id may.
        let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else {
            return Self { recent: calls::recent(app, staff, |_| true).await, ..Self::default() };
        };
        let request = OpenCallRequest { center: staff.center(), call_id: id.clone(), purpose: "call_entry".to_owned() };
        match staff.peers.ingestion().open_call(request).await {
            Ok(answer) => Self { id, opened: Some(answer.into_inner()), ..Self::default() },
            Err(status) => {
                tracing::warn!(code = ?status.code(), "open a call to take it down");
                let text = format!("The call can’t be shown. {} You can enter it all the same.", for_staff(&status));
                // One that is away may be tied all the same; one that ingestion does not know can not.
                let id = if Code::of(&status) == Code::Unavailable { id } else { String::new() };
                Self { id, trouble: Some(text), ..Self::default() }
            }
        }
    }
}

/// The filled form.
pub async fn save(State(app): State<Arc<App>>, mut posted: Posted) -> Response {
    let (staff, sent) = (&posted.staff, &mut posted.sent);
    let profile = &staff.in_force.1;
    let Some(form) = chosen(profile, sent.get("form")).filter(|_| staff.may(Action::EnterInquiry)) else {
        return not_yours(&app, staff);
    };
    let answers = sent.answers(form);
    let today = profile.zone().to_datetime(app.clock.now()).date();
    let reading = Reading { language: LANGUAGE, region: &profile.center.default_region, today };
    let faults = validate(form, &answers, reading).err().unwrap_or_default();
    let mut to_ask = to_ask(form, sent, &faults, &Words::of(LANGUAGE).form);
    to_ask.extend(wrong_time(sent.get(CALLED_AT), (profile, app.clock.now())));
    if !to_ask.is_empty() {
        let chosen_call = Chosen::of(&app, staff, sent.get(CALL)).await;
        return page(StatusCode::UNPROCESSABLE_ENTITY, &call_page(&app, staff, (form, sent, &to_ask), chosen_call));
    }
    let found = known::others(&app, staff, &answers, sent.get(SEEN)).await;
    if !found.shown.is_empty() {
        let seen: Vec<&str> = [sent.get(SEEN)].into_iter().chain(found.all.iter().map(String::as_str)).collect();
        let seen = seen.join(",");
        sent.typed.insert(SEEN.to_owned(), seen);
        let chosen_call = Chosen::of(&app, staff, sent.get(CALL)).await;
        return page(
            StatusCode::CONFLICT,
            &CallPage {
                known: found.shown,
                known_more: found.more,
                ..call_page(&app, staff, (form, sent, &[]), chosen_call)
            },
        );
    }
    let request = SubmitInquiryRequest {
        center: staff.center(),
        form_id: form.id.clone(),
        language: LANGUAGE.to_owned(),
        source: Source::Phone.into(),
        answers: answers.into_iter().collect(),
        idempotency_key: sent.get(IDEMPOTENCY_KEY).to_owned(),
        call_id: sent.get(CALL).to_owned(),
        // What was asked about and sent again is mended later.
        strict: faults.is_empty(),
        ..SubmitInquiryRequest::default()
    };
    match submit::submit(&staff.peers, request).await {
        Ok(taken) => {
            let said = format!("Saved. The request number is {}.", taken.reference);
            tell(&app, staff, (said, Tone::Ok), &format!("/inquiries/{}?new=1", taken.inquiry_id))
        }
        Err(status) => refused(&app, &posted, form, status).await,
    }
}

/// A call was at a time, and it has been; a field that was emptied says nothing.
fn wrong_time(typed: &str, (profile, now): (&Profile, Timestamp)) -> Option<FieldFault> {
    let fault = |message: &str| {
        Some(FieldFault { message: message.to_owned(), ..FieldFault::new(CALLED_AT, FaultCode::default(), LANGUAGE) })
    };
    if typed.is_empty() {
        return None;
    }
    let Ok(at) = typed.parse::<DateTime>() else { return fault("Enter the day and the time, like 2026-03-04T16:30") };
    // The browser leaves out the seconds, so what is typed lies before now or in its minute.
    let is_later = profile.zone().to_timestamp(at).is_ok_and(|at| at > now);
    if is_later { fault("This lies in the future. Enter when the call was") } else { None }
}

/// Nothing was stored; the answers come back with what stands in the way.
async fn refused(app: &App, posted: &Posted, form: &Form, status: Status) -> Response {
    tracing::warn!(code = ?status.code(), "hand over an inquiry from a call to ingestion");
    let text = for_staff(&status);
    let is_dealt_with = Reason::of(&status) == Some(Reason::WrongState);
    let problem = Problem::from(status);
    let fault = |field: &causeway_serve::FieldProblem| FieldFault {
        message: field.reason.clone(),
        ..FieldFault::new(&field.field, FaultCode::default(), LANGUAGE)
    };
    let faults: Vec<FieldFault> = problem.fields.iter().map(fault).collect();
    if faults.is_empty() {
        app.sessions.tell(&posted.staff.session, Flash { text: format!("Not saved. {text}"), tone: Tone::Bad });
    }
    // A call that somebody has dealt with is let go of, so that the answers can be saved without it.
    let call = if is_dealt_with { "" } else { posted.sent.get(CALL) };
    let chosen_call = Chosen::of(app, &posted.staff, call).await;
    page(problem.code.http(), &call_page(app, &posted.staff, (form, &posted.sent, &faults), chosen_call))
}

/// The form asked for, or the one that asks for the kind of help, or any.
fn chosen<'a>(profile: &'a Profile, asked: &str) -> Option<&'a Form> {
    profile
        .form(asked)
        .or_else(|| profile.forms.values().find(|form| form.consult_type.is_none()))
        .or_else(|| profile.forms.values().next())
}

fn call_page(
    app: &App,
    staff: &Staff,
    (form, sent, faults): (&Form, &Sent, &[FieldFault]),
    chosen_call: Chosen,
) -> CallPage {
    let profile = &staff.in_force.1;
    let shown = Shown { language: LANGUAGE, sent, faults };
    let mut sections = shown.sections(form);
    for section in &mut sections {
        if section.heading.is_empty() {
            form.title.get(LANGUAGE).clone_into(&mut section.heading);
        }
    }
    let section = |heading: &str, questions| FormSection { heading: heading.to_owned(), questions };
    sections.push(section("More, if they have it at hand", shown.more(form)));
    sections.push(section("Consent", shown.consent_questions(form)));
    let known = sent.get(IDEMPOTENCY_KEY);
    let mut hidden = vec![HiddenField { name: "form".to_owned(), value: form.id.clone() }];
    if !chosen_call.id.is_empty() {
        hidden.push(HiddenField { name: CALL.to_owned(), value: chosen_call.id });
    }
    hidden.extend(asked(sent));
    let opened = chosen_call.opened.iter().flat_map(|opened| &opened.known).map(|known| known.inquiry_id.as_str());
    let seen: BTreeSet<&str> = sent.get(SEEN).split(',').chain(opened).filter(|id| !id.is_empty()).collect();
    if !seen.is_empty() {
        let value = seen.into_iter().collect::<Vec<_>>().join(",");
        hidden.push(HiddenField { name: SEEN.to_owned(), value });
    }
    let looking = calls::looking(app, staff);
    let began = chosen_call.opened.as_ref().and_then(|opened| opened.call.as_ref()).map(|call| call.started_at);
    let called_at = match sent.get(CALLED_AT) {
        "" => looking.in_field(began.unwrap_or_else(|| app.clock.now().as_microsecond())),
        typed => typed.to_owned(),
    };
    let facts = BTreeMap::from([("caller", staff.session.actor.name.clone())]);
    let said = profile.scripts.pick_for(CallSituation::FirstCall, LANGUAGE);
    CallPage {
        action: "/inquiries/new".to_owned(),
        idempotency_key: if known.is_empty() { app.clock.new_id().to_string() } else { known.to_owned() },
        hidden,
        call_trouble: chosen_call.trouble,
        called_by: chosen_call.opened.as_ref().map(|opened| looking.caller(opened)),
        known: Vec::new(),
        known_more: 0,
        recent: chosen_call.recent,
        called_at,
        called_at_error: shown.fault(CALLED_AT),
        sections,
        script: said.and_then(|said| script(&said.id, &said.version.to_string(), &fill(said, &facts), "")),
        frame: frame(app, staff, "Worklist"),
    }
}
