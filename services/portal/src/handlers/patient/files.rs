//! Files that a patient sends by the link, as a plain form with several of them.
//!
//! Each file goes on to ingestion part by part while it comes, so a large one costs the memory of a part, and it is said to be
//! here only after ingestion answered that it stands. One that can't be used keeps no other from being taken. Where all went
//! well the page after it says so, in words that the address can't choose; else the answer itself names each file that we do not
//! have, because no address carries a name. Deliberately not here: what a file is (ingestion).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use causeway_auth::Actor;
use causeway_funnel::document::DocumentFault;
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, BeginDocumentRequest, Document, FinishDocumentRequest, ListDocumentsRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::super::{App, see_other};
use super::link::{self, Opened};
use super::own;
use crate::centers::InForce;
use crate::pages::{Flash, Tone};
use crate::peers::Peers;
use crate::views::own::OTHER_PAPER;
use crate::words::Words;

type Asked = Query<HashMap<String, String>>;

/// What a link's holder sends files with.
pub(super) struct Sending {
    pub(super) peers: Peers,
    pub(super) center: String,
    pub(super) inquiry: String,
    in_force: InForce,
}

/// What became of the files of one form.
#[derive(Default)]
struct Outcome {
    kept: usize,
    /// Those that we do not have, by name and size.
    lost: Vec<(String, u64, NotKept)>,
    /// The form did not come whole.
    cut: bool,
}

/// Why one file was not kept.
pub(super) enum NotKept {
    /// Nobody could use it.
    Fault(DocumentFault),
    /// It did not come whole, or it could not be kept now.
    Cut,
}

/// Takes the files of a form.
pub async fn send(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let sending = match Sending::by(&app, &token, &query, &headers) {
        Ok(sending) => sending,
        Err(response) => return *response,
    };
    let outcome = match form {
        Ok(form) => sending.all(form).await,
        Err(_) => Outcome::default(),
    };
    if outcome.lost.is_empty() && !outcome.cut {
        return see_other(&format!("/p/{token}?said=files&kept={}&faults=#records-h", outcome.kept));
    }
    let checked = match link::check(&app, &token, &query, &headers) {
        Ok(checked) => checked,
        Err(response) => return *response,
    };
    let most = app.config.file_megabytes;
    let mut response = own::shown(&app, checked, (&query, &headers), |opened| Some(outcome.flash(opened, most))).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}

impl Sending {
    /// With a link.
    pub(super) fn by(app: &App, token: &str, query: &Asked, headers: &HeaderMap) -> Result<Self, Box<Response>> {
        let (link, in_force) = link::check(app, token, query, headers)?.into_parts();
        let inquiry = link.subject.to_string();
        let peers = app.peers.on_behalf_of(&Actor::patient(inquiry.clone(), link.center.clone()));
        Ok(Self { peers, center: link.center, inquiry, in_force })
    }

    async fn all(&self, mut form: Multipart) -> Outcome {
        let (mut outcome, mut record) = (Outcome::default(), String::new());
        loop {
            let mut field = match form.next_field().await {
                Ok(Some(field)) => field,
                Ok(None) => return outcome,
                Err(_) => {
                    outcome.cut = true;
                    return outcome;
                }
            };
            match field.name() {
                Some("record") => record = self.record(&short(&mut field).await),
                // A field in which nothing was chosen has no name and no bytes.
                Some("file") if field.file_name().is_some_and(|name| !name.is_empty()) => {
                    let name: String = field.file_name().unwrap_or_default().chars().take(SHORT).collect();
                    let mut bytes = 0;
                    match self.one(&mut field, &record, &mut bytes).await {
                        Ok(_) => outcome.kept += 1,
                        Err(fault) => {
                            // A browser that is not heard out shows no answer.
                            while let Ok(Some(rest)) = field.chunk().await {
                                bytes += rest.len() as u64;
                            }
                            outcome.lost.push((name, bytes, fault));
                        }
                    }
                }
                // What the page's script has sent part by part, and what became of it.
                Some("kept") => outcome.kept = short(&mut field).await.parse().unwrap_or_default(),
                Some("lost") => outcome.lost.extend(told(&short(&mut field).await)),
                _ => {}
            }
        }
    }

    /// The paper that was chosen; empty for none of the list.
    pub(super) fn record(&self, told: &str) -> String {
        let known = told != OTHER_PAPER && self.in_force.1.checklists.document(told).is_some();
        if known { told.to_owned() } else { String::new() }
    }

    /// `came`: how many bytes of it were read.
    async fn one(&self, field: &mut Field<'_>, record: &str, came: &mut u64) -> Result<Document, NotKept> {
        let mut ingestion = self.peers.ingestion();
        let (center, inquiry_id) = (self.center.clone(), self.inquiry.clone());
        let begin = BeginDocumentRequest {
            center: center.clone(),
            inquiry_id: inquiry_id.clone(),
            record_kind: record.to_owned(),
            name: field.file_name().unwrap_or_default().to_owned(),
            length: 0,
        };
        let begun = ingestion.begin_document(begin).await.map_err(|status| refused(&status))?.into_inner();
        let most = usize::try_from(begun.most_bytes).unwrap_or(1).max(1);
        let (mut part, mut offset, mut ended) = (Vec::new(), begun.offset, false);
        while !ended {
            match field.chunk().await.map_err(|_| NotKept::Cut)? {
                Some(bytes) => {
                    *came += bytes.len() as u64;
                    part.extend_from_slice(&bytes);
                }
                None => ended = true,
            }
            while part.len() >= most || (ended && !part.is_empty()) {
                let rest = part.split_off(part.len().min(most));
                let append = AppendDocumentRequest {
                    center: center.clone(),
                    inquiry_id: inquiry_id.clone(),
                    document_id: begun.document_id.clone(),
                    offset,
                    content: std::mem::replace(&mut part, rest),
                };
                offset =
                    ingestion.append_document(append).await.map_err(|status| refused(&status))?.into_inner().offset;
            }
        }
        let finish = FinishDocumentRequest { center, inquiry_id, document_id: begun.document_id };
        let document = ingestion.finish_document(finish).await.map_err(|status| refused(&status))?.into_inner();
        stopped(&document).map_or(Ok(document), |fault| Err(NotKept::Fault(fault)))
    }
}

/// Longest value of a field that is no file, bytes; a longer one is none of ours.
const SHORT: usize = 200;

/// The value of a field that is no file.
async fn short(field: &mut Field<'_>) -> String {
    let mut value = Vec::new();
    while let Ok(Some(bytes)) = field.chunk().await {
        value.extend_from_slice(&bytes[..bytes.len().min(SHORT - value.len())]);
    }
    String::from_utf8_lossy(&value).into_owned()
}

/// A word, a size and a name, as the script tells them.
fn told(line: &str) -> Option<(String, u64, NotKept)> {
    let (word, rest) = line.split_once(' ')?;
    let (bytes, name) = rest.split_once(' ')?;
    let fault = word.parse().map_or(NotKept::Cut, NotKept::Fault);
    Some((name.to_owned(), bytes.parse().ok()?, fault))
}

/// The fault of a file that is known and that the scanner stopped when it came before.
pub(super) fn stopped(document: &Document) -> Option<DocumentFault> {
    (document.state == "infected").then_some(DocumentFault::Infected)
}

/// The fault that a refusal names, if it names one.
pub(super) fn refused(status: &Status) -> NotKept {
    let named = status.get_details_bad_request().into_iter().flat_map(|told| told.field_violations);
    let fault = named.filter(|one| one.field == "file").find_map(|one| one.reason.parse().ok());
    match fault {
        Some(fault) => NotKept::Fault(fault),
        None => {
            tracing::warn!(code = ?status.code(), "a patient's file could not be kept");
            NotKept::Cut
        }
    }
}

impl Outcome {
    /// What became of each, for the person who sent them and knows their names.
    fn flash(&self, opened: &Opened, most: u32) -> Flash {
        let words = opened.words;
        let mut sentences = kept(words, self.kept);
        for (name, bytes, fault) in &self.lost {
            let size = size(*bytes, words.code);
            let told = match fault {
                NotKept::Fault(fault) => fault.label(words.code),
                NotKept::Cut => words.files.lost,
            };
            sentences.push(format!("{name} ({size}): {told}"));
            if matches!(fault, NotKept::Fault(DocumentFault::TooLarge)) {
                sentences.push(Words::fill(words.files.limit, &most.to_string()));
            }
        }
        if self.cut {
            sentences.push(Words::fill(words.files.cut, &opened.in_force.1.center.contact.phone));
        }
        Flash { text: sentences.join(" "), tone: Tone::Warn }
    }
}

/// "31 MB", "12 KB"; in French "31 Mo", "12 ko".
fn size(bytes: u64, language: &str) -> String {
    let (kilo, mega) = if language == "fr" { ("ko", "Mo") } else { ("KB", "MB") };
    match bytes {
        0..1_000_000 => format!("{} {kilo}", bytes.div_ceil(1000)),
        _ => format!("{} {mega}", bytes.div_ceil(1_000_000)),
    }
}

/// That files are here.
fn kept(words: &Words, files: usize) -> Vec<String> {
    match files {
        0 => Vec::new(),
        1 => vec![words.files.kept_one.to_owned()],
        more => vec![Words::fill(words.files.kept_many, &more.to_string())],
    }
}

/// What became of the files, as the next page says it.
pub fn flash(opened: &Opened, query: &HashMap<String, String>) -> Option<Flash> {
    let (words, phone) = (opened.words, &opened.in_force.1.center.contact.phone);
    let told = |key: &str| query.get(key).map(String::as_str).unwrap_or_default();
    let files: usize = told("kept").parse().ok()?;
    let faults: Vec<DocumentFault> = told("faults").split('.').filter_map(|word| word.parse().ok()).collect();
    let is_cut = !told("cut").is_empty();
    let mut sentences = kept(words, files);
    sentences.extend(faults.iter().map(|fault| fault.label(words.code).to_owned()));
    if is_cut {
        sentences.push(Words::fill(words.files.cut, phone));
    }
    if sentences.is_empty() {
        sentences.push(words.files.nothing.to_owned());
    }
    let is_fine = files > 0 && faults.is_empty() && !is_cut;
    Some(Flash { text: sentences.join(" "), tone: if is_fine { Tone::Ok } else { Tone::Warn } })
}

/// The files that the holder sent; none where ingestion does not answer.
pub async fn sent(opened: &Opened) -> Vec<Document> {
    let request = ListDocumentsRequest { center: opened.link.center.clone(), inquiry_id: opened.inquiry() };
    match opened.peers.ingestion().list_documents(request).await {
        Ok(listed) => listed.into_inner().documents,
        Err(status) => {
            if status.code() != Code::NotFound {
                tracing::warn!(code = ?status.code(), "a patient's files are not shown");
            }
            Vec::new()
        }
    }
}
