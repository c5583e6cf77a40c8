//! Rows of one transaction, made ready: read, checked and sealed, so that the transaction itself only writes.
//!
//! Deliberately not here: what stands already (write).

use std::collections::HashSet;

use causeway_auth::fingerprint;
use causeway_envelope::TraceContext;
use causeway_funnel::inquiry::Source;
use causeway_funnel::profile::Profile;
use tracing::info_span;
use uuid::Uuid;

use super::survey::Reading;
use super::{Files, internal, row_context};
use crate::adapters::csv::fault::Code;
use crate::adapters::csv::records::Record;
use crate::adapters::csv::referral::{Referral, Remark};
use crate::adapters::csv::row::{Judged, Places, judge};
use crate::domain::referral;
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::accept::referral_key;
use crate::writer::Arrival;

/// Purpose of the keyed hash by which a row that waits is known.
const ROW_KEY: &str = "csv.row";
/// Purpose of the keyed hash of what such a row says.
const CONTENT_HASH: &str = "csv.content";

/// What is to become of a row.
pub enum Wish {
    /// An inquiry: which of the chunk's arrivals it is.
    Inquiry(usize),
    /// The referral under a key is withdrawn.
    Cancel([u8; 16]),
    /// It is kept for a person.
    Keep(Code),
    /// It is kept as evidence: nobody could make anything of it.
    Refuse(Code),
}

/// A row made ready. PHI: no `Debug`.
pub struct Draft {
    /// The line on which it begins.
    pub line: i64,
    /// What is to become of it.
    pub wish: Wish,
    /// Whether the same referral stood earlier in the file.
    pub is_again: bool,
    /// What should be looked at.
    pub remarks: String,
    /// The office's number, sealed.
    pub sealed: Vec<u8>,
    /// By what it is known while it waits: which referral, and what is said of it.
    pub hashes: ([u8; 16], [u8; 16]),
    /// All cells, as they are sealed should it have to wait.
    pub evidence: Vec<u8>,
}

/// Rows that are written together.
#[derive(Default)]
pub struct Chunk {
    /// The rows in their order.
    pub drafts: Vec<Draft>,
    /// Those that ask for an inquiry.
    pub arrivals: Vec<Arrival>,
    /// The last line that was looked at.
    pub last_line: i64,
}

/// Makes chunks of the records of one file.
pub struct Maker<'a> {
    files: &'a Files,
    profile: &'a Profile,
    feed: &'a str,
    file_id: Uuid,
    reading: &'a Reading,
    places: Places,
    today: jiff::civil::Date,
    /// Fingerprints of the referrals that stood earlier in the file.
    seen: HashSet<[u8; 16]>,
}

impl<'a> Maker<'a> {
    /// For a file.
    pub fn of(
        files: &'a Files,
        (profile, feed): (&'a Profile, &'a str),
        (file_id, reading): (Uuid, &'a Reading),
    ) -> Self {
        let places = reading.places(profile);
        let today = super::survey::today(files, profile, &reading.mapping);
        Self { files, profile, feed, file_id, reading, places, today, seen: HashSet::new() }
    }

    /// Adds a record to a chunk. `is_done`: its result stands already, and it is only remembered.
    ///
    /// # Errors
    /// Nothing can be made ready at the moment.
    pub fn add(&mut self, record: &Record, is_done: bool, chunk: &mut Chunk) -> Result<(), Refusal> {
        let line = i64::try_from(record.line).unwrap_or(i64::MAX);
        let judged = judge(record, &self.places, &self.reading.mapping, self.today);
        let is_again = match &judged {
            Judged::Referral(referral) => {
                let name = fingerprint([referral.identity.as_str()]);
                let mut short = [0; 16];
                hex::decode_to_slice(&name, &mut short).map_err(|_| Refusal::Internal)?;
                !self.seen.insert(short)
            }
            _ => false,
        };
        if is_done {
            return Ok(());
        }
        chunk.last_line = line;
        match judged {
            Judged::Skipped => Ok(()),
            Judged::Broken(remark, referral_id) => {
                let identity = (!referral_id.is_empty()).then_some(referral_id.as_str());
                let draft = self.draft(record, (identity, &referral_id), Wish::Keep(remark.code))?;
                chunk.drafts.push(Draft { remarks: of_field(remark), ..draft });
                Ok(())
            }
            Judged::Nameless => {
                chunk.drafts.push(self.draft(record, (None, ""), Wish::Refuse(Code::Nobody))?);
                Ok(())
            }
            Judged::Referral(referral) => self.referral(record, *referral, is_again, chunk),
        }
    }

    fn referral(&self, record: &Record, referral: Referral, is_again: bool, chunk: &mut Chunk) -> Result<(), Refusal> {
        let (identity, referral_id) = (referral.identity.clone(), referral.referral_id.clone());
        let own: Vec<String> = referral.remarks.iter().copied().map(word).collect();
        let key = referral_key(self.feed, [identity.as_str()]);
        let mut faults = Vec::new();
        let wish = if referral.is_cancelled {
            Wish::Cancel(self.files.acceptance.kept_key(&self.profile.center.id, &key)?)
        } else {
            let submission = self.submission(referral, key)?;
            let trace = self.trace();
            match self.files.acceptance.prepare(self.profile, &submission, trace) {
                Ok(arrival) => {
                    faults.extend(arrival.faults.iter().map(|fault| format!("{}@{}", fault.code, fault.field)));
                    chunk.arrivals.push(arrival);
                    Wish::Inquiry(chunk.arrivals.len() - 1)
                }
                Err(Refusal::Faults(_)) => Wish::Keep(Code::Nobody),
                Err(other) => return Err(other),
            }
        };
        let remarks = own.into_iter().chain(faults).collect::<Vec<_>>().join(" ");
        let draft = self.draft(record, (Some(&identity), &referral_id), wish)?;
        chunk.drafts.push(Draft { is_again, remarks, ..draft });
        Ok(())
    }

    /// Each inquiry is a trace of its own, as if it had come alone.
    fn trace(&self) -> TraceContext {
        let span = info_span!(
            parent: None,
            "row",
            otel.name = "csv row",
            otel.kind = "server",
            causeway.service = "ingestion",
            feed = self.feed,
        );
        span.in_scope(|| TraceContext::current_or(&TraceContext::default()))
    }

    fn submission(&self, told: Referral, key: String) -> Result<Submission, Refusal> {
        let asked = referral::Asked {
            answers: told.answers,
            language: told.language,
            urgency: told.urgency.raised(),
            second_opinion: told.second_opinion.then_some(true),
            key: Some(key),
        };
        referral::submission(self.profile, self.feed, Source::Csv, asked).ok_or(Refusal::UnknownForm)
    }

    fn draft(
        &self,
        record: &Record,
        (identity, referral_id): (Option<&str>, &str),
        wish: Wish,
    ) -> Result<Draft, Refusal> {
        let (center, sealer) = (&self.profile.center.id, &self.files.acceptance.sealer);
        let cells: Vec<&str> = record.cells().collect();
        let evidence = serde_json::to_vec(&cells).unwrap_or_default();
        let content = fingerprint(cells.iter().copied());
        // A broken row whose number can't be seen is known by what it says.
        let key = fingerprint([self.feed, identity.unwrap_or(&content)]);
        let hashes = (
            sealer.blind(center, ROW_KEY, &key).map_err(internal)?,
            sealer.blind(center, CONTENT_HASH, &content).map_err(internal)?,
        );
        let sealed =
            sealer.seal(center, &row_context(self.file_id, record.line), referral_id.as_bytes()).map_err(internal)?;
        let line = i64::try_from(record.line).unwrap_or(i64::MAX);
        Ok(Draft { line, wish, is_again: false, remarks: String::new(), sealed, hashes, evidence })
    }
}

/// A remark as it is kept.
pub fn word(remark: Remark) -> String {
    match remark.field {
        Some(field) => format!("{}@{field}", remark.code.word()),
        None => remark.code.word().to_owned(),
    }
}

/// The field of the reason for which a row is not taken.
fn of_field(remark: Remark) -> String {
    remark.field.map(|_| word(remark)).unwrap_or_default()
}
