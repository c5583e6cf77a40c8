//! The inquiry form: shown, checked with the same reading that ingestion does, and handed over once.
//!
//! Answers that need repair come back with the page and nothing is stored, once for each answer that the person may mean as it
//! is: sent again it is handed over, for staff to mend. Answers that could not be stored come back
//! behind one button with the same key, so that a second try counts once. A form without any hidden field is as good.
//! Deliberately not here: storing, and deciding what a duplicate is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Form as Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_funnel::contact::{FaultCode, FieldFault};
use causeway_funnel::form::{Form, Reading, validate};
use causeway_funnel::inquiry::is_fit_key;
use causeway_proto::PATIENT_LINK;
use causeway_proto::inquiry::v1::{Source, SubmitInquiryRequest, SubmitInquiryResponse};
use causeway_proto::routing::v1::{PreviewResponseRequest, PreviewResponseResponse};
use causeway_serve::{Code, Problem, address, network};
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;
use tonic::Status;
use uuid::Uuid;

use super::super::{App, language, page, see_other, submit};
use super::{frame, front, touch};
use crate::centers::InForce;
use crate::pages::{FORM_POLICY, HiddenField, InquiryFormPage, PublicFrame, TroublePage};
use crate::tally::{Place, Showing};
use crate::views::form::{IDEMPOTENCY_KEY, PROOF, SHOWN_AT, Sent, Shown, asked, to_ask};
use crate::views::times;
use crate::words::Words;

/// A form page waits no longer for the time of contact; it has a sentence without it.
const PREVIEW_PATIENCE: Duration = Duration::from_secs(2);
/// How long somebody waits whose form ingestion had no room for.
const BUSY: Duration = Duration::from_secs(10);
/// Nobody fills a form in within less.
const FASTEST: SignedDuration = SignedDuration::from_secs(3);
/// How long a form may lie open.
const FORM_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// Purpose of the token that tells when a form was shown.
const SHOWN_FORM: &str = "form shown";

type Asked = Query<Vec<(String, String)>>;

/// What every request of a form's address needs.
pub(super) struct Asking {
    pub(super) in_force: InForce,
    pub(super) form: Form,
    words: &'static Words,
    path: String,
    query: Vec<(String, String)>,
}

impl Asking {
    fn frame(&self, app: &App) -> PublicFrame {
        frame(app, &self.in_force.1, self.words, (&self.path, &self.query))
    }

    fn action(&self) -> String {
        format!("{}?lang={}", self.path, self.words.code)
    }

    /// What is counted of this form.
    pub(super) fn place(&self) -> Place {
        Place {
            center: self.in_force.1.center.id.clone(),
            form: self.form.id.clone(),
            language: self.words.code.to_owned(),
        }
    }
}

/// The empty form.
pub async fn show(
    State(app): State<Arc<App>>,
    Path((center, form)): Path<(String, String)>,
    Query(query): Asked,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let asking = match find(&app, &center, &form, query, &headers) {
        Ok(asking) => asking,
        Err(response) => return *response,
    };
    let sent = Sent::of(touch::told(&asking.query, &headers));
    // A change of language leaves our own page as the one that linked here, so its link carries on what is known.
    let asking = Asking { query: sent.typed.clone().into_iter().collect(), ..asking };
    let preview = preview(&app, &center, &asking.form).await;
    if is_looked_at(&method, &headers) {
        app.tally.shown(&asking.place(), app.clock.now());
    }
    let by = preview.and_then(|preview| times::moment(preview.response_due_at, asking.in_force.1.zone(), asking.words));
    form_answer(StatusCode::OK, &form_page(&app, &asking, &sent, &[], by))
}

/// Whether a page is asked for by somebody who will see it, and not ahead of time.
fn is_looked_at(method: &Method, headers: &HeaderMap) -> bool {
    let purpose = headers.get("sec-purpose").and_then(|value| value.to_str().ok()).unwrap_or_default();
    method == Method::GET && !purpose.contains("prefetch")
}

/// The filled form.
pub async fn send(
    State(app): State<Arc<App>>,
    Path((center, form)): Path<(String, String)>,
    Query(query): Asked,
    headers: HeaderMap,
    extensions: Extensions,
    body: Result<Body<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let asking = match find(&app, &center, &form, query, &headers) {
        Ok(asking) => asking,
        Err(response) => return *response,
    };
    let Body(pairs) = match body {
        Ok(body) => body,
        Err(rejected) => return rejected.into_response(),
    };
    let mut sent = Sent::of(pairs);
    // A key is ours and not the person's affair: one that can't be kept is replaced, as one that is missing is.
    if !is_fit_key(sent.get(IDEMPOTENCY_KEY)) {
        sent.typed.insert(IDEMPOTENCY_KEY.to_owned(), app.clock.new_id().to_string());
    }
    let from = address(&headers, &extensions, app.config.trusted_proxy_hops);
    if let Some(Err(after)) = from.map(|from| app.limiter.admit(&network(from))) {
        return busy(&app, &asking, &sent, after);
    }
    // Without a script this is where somebody begins.
    let showing = showing(&app, &asking.in_force.1.center.id, sent.get(SHOWN_AT));
    let faults = faults(&app, &asking, &sent);
    if let Some(showing) = showing {
        app.tally.begun(&asking.place(), showing, &faults);
    }
    let to_ask = to_ask(&asking.form, &mut sent, &faults, &asking.words.form);
    if !to_ask.is_empty() {
        return repair(&app, &asking, &sent, &to_ask);
    }
    let signs = signs(&app, showing, from);
    let showing_id = showing.map(|showing| showing.id.to_string()).unwrap_or_default();
    // What they were asked about and sent again is for a person at the center to mend.
    let strict = faults.is_empty();
    match submit::submit(&app.peers, SubmitInquiryRequest { signs, showing_id, strict, ..request(&asking, &sent) })
        .await
    {
        Ok(taken) => taken_in(&app, &asking, &taken),
        Err(status) => refused(&app, &asking, &sent, status),
    }
}

pub(super) fn find(
    app: &App,
    center: &str,
    form: &str,
    query: Vec<(String, String)>,
    headers: &HeaderMap,
) -> Result<Asking, Box<Response>> {
    let asked = query.iter().find(|(key, _)| key == "lang").map(|(_, value)| value.as_str());
    let Some(in_force) = app.centers.get(center) else {
        let query = query.iter().cloned().collect();
        return Err(Box::new(front::nowhere(app, &query, headers)));
    };
    let words = language(asked, None, headers, &in_force.1.center.languages);
    let path = format!("/{center}/forms/{form}");
    let Some(form) = in_force.1.form(form).cloned() else {
        return Err(Box::new(front::not_here(frame(app, &in_force.1, words, (&format!("/{center}"), &[])))));
    };
    Ok(Asking { in_force, form, words, path, query })
}

/// What is wrong with the answers.
fn faults(app: &App, asking: &Asking, sent: &Sent) -> Vec<FieldFault> {
    let profile = &asking.in_force.1;
    let reading = Reading {
        language: asking.words.code,
        region: &profile.center.default_region,
        today: profile.zone().to_datetime(app.clock.now()).date(),
    };
    validate(&asking.form, &sent.answers(&asking.form), reading).err().unwrap_or_default()
}

fn request(asking: &Asking, sent: &Sent) -> SubmitInquiryRequest {
    let text = |key: &str| sent.get(key).to_owned();
    SubmitInquiryRequest {
        center: asking.in_force.1.center.id.clone(),
        form_id: asking.form.id.clone(),
        language: asking.words.code.to_owned(),
        source: Source::WebForm.into(),
        answers: sent.answers(&asking.form).into_iter().collect(),
        attribution: Some(touch::of(sent)),
        idempotency_key: text(IDEMPOTENCY_KEY),
        proof: text(PROOF),
        ..SubmitInquiryRequest::default()
    }
}

/// What a machine would do, of this request. A page that was shown again with faults is as old as the first one.
fn signs(app: &App, showing: Option<Showing>, from: Option<IpAddr>) -> Vec<String> {
    let timing = match showing {
        None => Some("no_form"),
        Some(showing) if showing.at.duration_until(app.clock.now()) < FASTEST => Some("too_fast"),
        Some(_) => None,
    };
    let often = from.is_some_and(|from| app.often.admit(&network(from)).is_err()).then_some("often");
    timing.into_iter().chain(often).map(str::to_owned).collect()
}

/// Which showing of a form this is, as the page itself tells it, signed by us.
pub(super) fn showing(app: &App, center: &str, token: &str) -> Option<Showing> {
    let link = app.links.verify(token, SHOWN_FORM, app.clock.now()).ok().filter(|link| link.center == center)?;
    Some(Showing { id: link.subject, at: link.expires.checked_sub(FORM_LIFE).ok()? })
}

/// The token of the page that was sent, or of one that is shown now.
fn shown_token(app: &App, center: &str, sent: &Sent) -> String {
    let known = sent.get(SHOWN_AT);
    if showing(app, center, known).is_some() {
        return known.to_owned();
    }
    let ends = app.clock.now().checked_add(FORM_LIFE).unwrap_or(Timestamp::MAX);
    // A new id for each showing, and of no other use: it ties nothing to a person or a browser.
    app.links.issue(center, SHOWN_FORM, app.clock.new_id(), ends).unwrap_or_default()
}

fn taken_in(app: &App, asking: &Asking, taken: &SubmitInquiryResponse) -> Response {
    let days = SignedDuration::from_hours(24 * i64::from(app.config.link_days));
    let expires = app.clock.now().checked_add(days).unwrap_or(Timestamp::MAX);
    let token = taken
        .inquiry_id
        .parse::<Uuid>()
        .ok()
        .and_then(|inquiry| app.links.issue(&asking.in_force.1.center.id, PATIENT_LINK, inquiry, expires).ok());
    match token {
        Some(token) => see_other(&format!("/p/{token}/done?lang={}", asking.words.code)),
        None => {
            tracing::error!("no link could be made for an inquiry that was taken in");
            page(StatusCode::INTERNAL_SERVER_ERROR, &TroublePage::away(asking.frame(app)))
        }
    }
}

fn refused(app: &App, asking: &Asking, sent: &Sent, status: Status) -> Response {
    let code = Code::of(&status);
    let problem = Problem::from(status);
    if code == Code::InvalidArgument && !problem.fields.is_empty() {
        let fault = |field: causeway_serve::FieldProblem| FieldFault {
            message: field.reason,
            ..FieldFault::new(&field.field, FaultCode::default(), asking.words.code)
        };
        let faults: Vec<FieldFault> = problem.fields.into_iter().map(fault).collect();
        return repair(app, asking, sent, &faults);
    }
    if code == Code::ResourceExhausted {
        return busy(app, asking, sent, BUSY);
    }
    tracing::warn!(?code, center = asking.in_force.1.center.id, "hand over a form to ingestion; the person keeps it");
    page(StatusCode::SERVICE_UNAVAILABLE, &TroublePage::unsaved(asking.frame(app), asking.action(), kept(sent)))
}

/// Others may have used up what is taken in a minute, so a person who filled the form in keeps it.
fn busy(app: &App, asking: &Asking, sent: &Sent, after: Duration) -> Response {
    let wait = (header::RETRY_AFTER, after.as_secs().saturating_add(1).to_string());
    let again = TroublePage::busy(asking.frame(app), asking.action(), kept(sent));
    ([wait], page(StatusCode::TOO_MANY_REQUESTS, &again)).into_response()
}

/// All that was sent, behind one button.
fn kept(sent: &Sent) -> Vec<HiddenField> {
    sent.typed.iter().map(|(name, value)| HiddenField { name: name.clone(), value: value.clone() }).collect()
}

fn repair(app: &App, asking: &Asking, sent: &Sent, faults: &[FieldFault]) -> Response {
    form_answer(StatusCode::UNPROCESSABLE_ENTITY, &form_page(app, asking, sent, faults, None))
}

fn form_page(app: &App, asking: &Asking, sent: &Sent, faults: &[FieldFault], by: Option<String>) -> InquiryFormPage {
    let (form, code) = (&asking.form, asking.words.code);
    let shown = Shown { language: code, sent, faults };
    let words = |text: &causeway_funnel::words::Words| Some(text.get(code).to_owned()).filter(|text| !text.is_empty());
    let known = sent.get(IDEMPOTENCY_KEY);
    let hidden = touch::names().map(|name| HiddenField { value: sent.get(&name).to_owned(), name });
    let token = shown_token(app, &asking.in_force.1.center.id, sent);
    let hidden = hidden.chain([HiddenField { name: SHOWN_AT.to_owned(), value: token }]).chain(asked(sent));
    InquiryFormPage {
        frame: asking.frame(app),
        heading: form.title.get(code).to_owned(),
        intro: words(&form.intro),
        action: asking.action(),
        contact_by: by,
        urgent: words(&asking.in_force.1.center.emergency),
        sections: shown.sections(form),
        more: shown.more(form),
        consent_lead: words(&form.consent.lead),
        consents: shown.consents(form),
        idempotency_key: if known.is_empty() { app.clock.new_id().to_string() } else { known.to_owned() },
        hidden: hidden.filter(|field| !field.value.is_empty()).collect(),
        begin: format!("{}/begin?lang={code}", asking.path),
        proof: form.proof_of_work.is_asked().then(|| sent.get(PROOF).to_owned()),
        unsaved: false,
    }
}

/// The page, which alone of the patient face may ask us something by its script.
fn form_answer(status: StatusCode, form: &InquiryFormPage) -> Response {
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FORM_POLICY));
    ([policy], page(status, form)).into_response()
}

/// When somebody who asks now is contacted; none where routing does not say in time.
pub async fn preview(app: &App, center: &str, form: &Form) -> Option<PreviewResponseResponse> {
    let consult_type = form.consult_type.map(|one| one.as_str().to_owned()).unwrap_or_default();
    preview_of(app, center, consult_type).await
}

/// The same for a consult type.
pub async fn preview_of(app: &App, center: &str, consult_type: String) -> Option<PreviewResponseResponse> {
    let request = PreviewResponseRequest { center: center.to_owned(), consult_type, ..Default::default() };
    let mut routing = app.peers.routing();
    match timeout(PREVIEW_PATIENCE, routing.preview_response(request)).await {
        Ok(Ok(preview)) => Some(preview.into_inner()),
        Ok(Err(status)) => {
            tracing::warn!(code = ?status.code(), "ask routing for the time of contact");
            None
        }
        Err(_elapsed) => None,
    }
}
