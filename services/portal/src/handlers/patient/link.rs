//! Opening a signed link: whose inquiry it is, in which language, and what is known of it.
//!
//! Deliberately not here: second factors; these pages show nothing that needs one.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use causeway_auth::{Actor, Link};
use causeway_proto::PATIENT_LINK;
use causeway_proto::inquiry::v1::{Facts, GetInquiryFactsRequest};
use causeway_proto::intake::v1::{GetInquiryRequest, PatientStatus};
use causeway_serve::Code;
use jiff::Timestamp;
use tonic::Status;

use super::super::{App, language, page};
use super::{frame, front};
use crate::centers::InForce;
use crate::pages::{PublicFrame, TroublePage};
use crate::peers::Peers;
use crate::views::own::Known;
use crate::words::Words;

/// How often and how long the page after the form waits for the desk to know a new inquiry.
const TRIES: usize = 4;
const BETWEEN: Duration = Duration::from_millis(150);

/// An opened link.
pub struct Opened {
    /// What the link says.
    pub link: Link,
    /// The center.
    pub in_force: InForce,
    /// The page's language.
    pub words: &'static Words,
    /// The link's address.
    pub base: String,
    /// The other services, on behalf of the holder.
    pub peers: Peers,
    /// What the desk knows.
    pub status: Option<PatientStatus>,
    /// The facts of its receipt.
    pub facts: Option<Facts>,
    /// Name of the sister center that has it now or is to have it; empty: none.
    pub handed_to: String,
}

/// A link that is checked, before anything was asked.
pub struct Checked {
    link: Link,
    in_force: InForce,
    token: String,
}

/// Checks a link. The answer for one that is over names the phone of its center, since its signature still holds.
pub fn check(
    app: &App,
    token: &str,
    query: &HashMap<String, String>,
    headers: &HeaderMap,
) -> Result<Checked, Box<Response>> {
    let in_force = |link: &Link| app.centers.get(&link.center);
    if let Ok(link) = app.links.verify(token, PATIENT_LINK, app.clock.now())
        && let Some(in_force) = in_force(&link)
    {
        return Ok(Checked { link, in_force, token: token.to_owned() });
    }
    let over = app.links.verify(token, PATIENT_LINK, Timestamp::MIN).ok();
    let response = match over.as_ref().and_then(in_force) {
        Some(center) => {
            let asked = query.get("lang").map(String::as_str);
            let words = language(asked, None, headers, &center.1.center.languages);
            let frame = frame(app, &center.1, words, (&format!("/p/{token}"), &[]));
            page(StatusCode::GONE, &TroublePage::ended(frame, None))
        }
        None => {
            let words = front::any_language(query, headers);
            front::no_center(app, StatusCode::GONE, words, words.trouble.ended)
        }
    };
    Err(Box::new(response))
}

impl Checked {
    /// What it says.
    pub fn into_link(self) -> Link {
        self.link
    }

    /// What it says, and the center that it is of.
    pub fn into_parts(self) -> (Link, InForce) {
        (self.link, self.in_force)
    }

    /// Asks what is known. `patiently`: a new inquiry may need a moment to reach the desk.
    pub async fn open(
        self,
        app: &App,
        query: &HashMap<String, String>,
        headers: &HeaderMap,
        patiently: bool,
    ) -> Result<Opened, Box<Response>> {
        let Self { link, in_force, token } = self;
        let (center, inquiry) = (link.center.clone(), link.subject.to_string());
        let peers = app.peers.on_behalf_of(&Actor::patient(inquiry.clone(), center.clone()));
        let request = GetInquiryRequest { center: center.clone(), inquiry_id: inquiry.clone() };
        let of_receipt = GetInquiryFactsRequest { center, inquiry_id: inquiry };
        // The facts of a receipt are for staff and services; the portal asks on its own account and shows only a few.
        let mut ingestion = app.peers.ingestion();
        let (status, facts) = tokio::join!(status(&peers, request, patiently), ingestion.get_inquiry_facts(of_receipt));
        let (status, facts) = (kept("desk", status), kept("ingestion", facts.map(tonic::Response::into_inner)));
        let known = status.as_ref().map(|status| &status.language).or(facts.as_ref().map(|facts| &facts.language));
        let asked = query.get("lang").map(String::as_str);
        let words = language(asked, known.map(String::as_str), headers, &in_force.1.center.languages);
        let base = format!("/p/{token}");
        if status.is_none() && facts.is_none() {
            let frame = frame(app, &in_force.1, words, (&base, &[]));
            return Err(Box::new(page(StatusCode::SERVICE_UNAVAILABLE, &TroublePage::away(frame))));
        }
        let handed_to = status.as_ref().map(|status| status.handed_to.clone()).unwrap_or_default();
        let handed_to = app.centers.get(&handed_to).map_or(handed_to, |sister| sister.1.center.name.clone());
        Ok(Opened { link, in_force, words, base, peers, status, facts, handed_to })
    }
}

impl Opened {
    /// What stands around its pages; `below` is the page's own end of the address.
    pub fn frame(&self, app: &App, below: &str) -> PublicFrame {
        frame(app, &self.in_force.1, self.words, (&format!("{}{below}", self.base), &[]))
    }

    /// What is known, without appointments and times.
    pub fn known(&self, now: Timestamp) -> Known<'_> {
        Known {
            profile: &self.in_force.1,
            words: self.words,
            now,
            status: self.status.as_ref(),
            facts: self.facts.as_ref(),
            appointments: &[],
            offers: None,
            documents: &[],
            stopped: &[],
            handed_to: &self.handed_to,
        }
    }

    /// The inquiry's id as calls take it.
    pub fn inquiry(&self) -> String {
        self.link.subject.to_string()
    }
}

async fn status(peers: &Peers, request: GetInquiryRequest, patiently: bool) -> Result<PatientStatus, Status> {
    let mut desk = peers.desk();
    let mut tries = if patiently { TRIES } else { 1 };
    loop {
        tries -= 1;
        match desk.get_patient_status(request.clone()).await {
            Err(status) if tries > 0 && Code::of(&status) == Code::NotFound => tokio::time::sleep(BETWEEN).await,
            answer => return answer.map(tonic::Response::into_inner),
        }
    }
}

/// An answer, or none with a line in the log where that is not just "not yet".
pub fn kept<T>(peer: &'static str, answer: Result<T, Status>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(status) => {
            let code = Code::of(&status);
            if code != Code::NotFound {
                tracing::warn!(peer, ?code, "a part of a patient's page did not answer");
            }
            None
        }
    }
}
