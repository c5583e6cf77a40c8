//! The documents of an inquiry: what each is, whether it may be opened, and which line of the checklist it could be.
//!
//! Deliberately not here: the checklist's own lines (the module above).

use causeway_auth::Action;
use causeway_funnel::document::{DocumentFault, DocumentType};
use causeway_proto::inquiry::v1::Document;

use super::{AWAY, Looking, times};
use crate::pages::{DocumentRow, SelectOption, Tone};
use crate::words::EN;

impl Looking<'_> {
    pub(super) fn documents(&self, closed: bool) -> Vec<DocumentRow> {
        let Some(documents) = &self.parts.documents else {
            return vec![DocumentRow { note: AWAY.to_owned(), ..DocumentRow::named("Documents") }];
        };
        documents.iter().map(|document| self.document(document, closed)).collect()
    }

    fn document(&self, document: &Document, closed: bool) -> DocumentRow {
        let kind = self.profile.checklists.document(&document.record_kind);
        let name = match kind {
            Some(kind) => kind.label.get("en").to_owned(),
            None if document.record_kind.is_empty() => "Not matched yet".to_owned(),
            None => document.record_kind.replace('_', " "),
        };
        let (state, tone) = state(document);
        let may_open = document.state == "ready" && self.may(Action::ReadDocument);
        // What can't be read fills no line.
        let is_readable = ["ready", "checking"].contains(&document.state.as_str());
        let may_match = !closed && self.may(Action::WorkInquiry) && is_readable;
        DocumentRow {
            id: document.document_id.clone(),
            name,
            note: self.described(document),
            told: told(document),
            state: state.to_owned(),
            tone,
            may_open,
            kinds: if may_match { self.kinds(&document.record_kind) } else { Vec::new() },
        }
    }

    /// When it came, from whom, what it is and how long.
    fn described(&self, document: &Document) -> String {
        let at = times::zoned(document.received_at, self.profile.zone());
        let office = self.profile.feed(&document.feed).map(|feed| feed.office_name.clone());
        let from = match document.door.as_str() {
            "patient" => "from the patient".to_owned(),
            "staff" => "added by staff".to_owned(),
            _ => format!("from {}", office.unwrap_or_else(|| document.feed.clone())),
        };
        let kind = document.content_type.parse::<DocumentType>().ok().map(|kind| kind.label("en").to_owned());
        let pages = match document.pages {
            ..=0 => None,
            1 => Some("1 page".to_owned()),
            more => Some(format!("{more} pages")),
        };
        let size = (document.bytes > 0).then(|| size(document.bytes));
        let came = at.map(|at| times::recent(&at, self.now, &EN));
        [came, Some(from), kind, pages, size].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }

    /// The lines of this checklist, and none of them.
    fn kinds(&self, chosen: &str) -> Vec<SelectOption> {
        let option = |value: &str, label: &str| SelectOption {
            value: value.to_owned(),
            label: label.to_owned(),
            selected: value == chosen,
        };
        let lines = self.parts.inquiry.records.iter().map(|line| option(&line.kind, &line.label));
        std::iter::once(option("", "None of the lines")).chain(lines).collect()
    }
}

fn state(document: &Document) -> (&'static str, Tone) {
    match document.state.as_str() {
        "ready" if document.unscanned => ("Not scanned", Tone::Warn),
        "ready" => ("Scanned", Tone::Ok),
        "checking" => ("Safety check", Tone::Brand),
        "infected" => ("Stopped: malware", Tone::Bad),
        "wished" => ("Address only", Tone::Warn),
        _ => ("Not usable", Tone::Bad),
    }
}

/// What its sender calls it, where it lies, and why it was not taken.
fn told(document: &Document) -> Vec<String> {
    let fault = document.fault.parse::<DocumentFault>().ok().map(|fault| fault.label("en").to_owned());
    let address = (!document.address.is_empty()).then(|| format!("Told as lying at {}", document.address));
    let named = [&document.title, &document.name].into_iter().filter(|text| !text.is_empty()).cloned();
    named.chain(address).chain(fault).collect()
}

fn size(bytes: i64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{} KB", bytes / 1024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}
