//! What became of the showings of forms, gathered here for a moment and handed to ingestion, which keeps the counts.
//!
//! A form never waits for it: what is counted stands in memory, bounded, and goes in small batches; one that ingestion does not
//! take is handed over again under its own id, so that it counts once. Nothing here is about a person: a showing is a random id,
//! and of an answer only its field and the word for its fault are told. Deliberately not here: what is made of it (ingestion).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_funnel::contact::FieldFault;
use causeway_proto::inquiry::v1::{FieldCode, FormBegun, FormsShown, NoteFormsRequest};
use causeway_runtime::{Clock, Stop};
use causeway_serve::Code;
use jiff::Timestamp;
use tokio::time::timeout;
use uuid::Uuid;

use crate::peers::Peers;

/// How often it is handed over.
const EVERY: Duration = Duration::from_secs(2);
/// Longest that ingestion may take for a batch.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most showings in a batch.
const BATCH: usize = 100;
/// Most showings that wait; what is more is not counted, and said in the log.
const MOST: usize = 20_000;
/// Most faults of one showing.
const MOST_FAULTS: usize = 40;
const HOUR: i64 = 3600;

/// A form of a center in a language.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The center.
    pub center: String,
    /// The form.
    pub form: String,
    /// The language of the page.
    pub language: String,
}

/// One showing of a form, as its page carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Showing {
    /// Its id.
    pub id: Uuid,
    /// When it was.
    pub at: Timestamp,
}

/// What waits to be handed over.
#[derive(Debug, Default)]
pub struct Tally {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    shown: HashMap<(Place, i64), i64>,
    begun: HashMap<Uuid, Begun>,
    lost: u64,
}

/// A showing in which somebody has begun, with the fields that could not be taken and why.
#[derive(Debug)]
struct Begun {
    place: Place,
    at: Timestamp,
    faults: BTreeSet<(String, &'static str)>,
}

impl Tally {
    /// A form was shown.
    pub fn shown(&self, place: &Place, at: Timestamp) {
        let hour = at.as_second().div_euclid(HOUR) * HOUR;
        let mut waiting = self.waiting();
        // Centers, forms and languages are few, so only a long standstill makes many hours of them.
        if waiting.shown.len() < MOST {
            *waiting.shown.entry((place.clone(), hour)).or_default() += 1;
        }
    }

    /// Somebody has begun to answer, or sent what could not be taken for these faults.
    pub fn begun(&self, place: &Place, showing: Showing, faults: &[FieldFault]) {
        let mut waiting = self.waiting();
        if waiting.begun.len() >= MOST && !waiting.begun.contains_key(&showing.id) {
            waiting.lost += 1;
            return;
        }
        let known = waiting.begun.entry(showing.id);
        let known = known.or_insert_with(|| Begun { place: place.clone(), at: showing.at, faults: BTreeSet::new() });
        let room = MOST_FAULTS.saturating_sub(known.faults.len());
        known.faults.extend(faults.iter().take(room).map(|fault| (fault.field.clone(), fault.code.as_str())));
    }

    /// Takes what waits, as batches of a center each.
    fn take(&self, new_id: impl Fn() -> Uuid) -> Vec<NoteFormsRequest> {
        let Waiting { shown, begun, lost } = std::mem::take(&mut *self.waiting());
        if lost > 0 {
            tracing::warn!(lost, "more people began a form than can wait to be counted");
        }
        let mut of_centers: HashMap<String, (Vec<FormsShown>, Vec<FormBegun>)> = HashMap::new();
        for ((place, hour), count) in shown {
            let hour = hour * 1_000_000;
            let line = FormsShown { form_id: place.form, language: place.language, hour, count };
            of_centers.entry(place.center).or_default().0.push(line);
        }
        for (id, Begun { place, at, faults }) in begun {
            let fault = |(field, code): (String, &str)| FieldCode { field, code: code.to_owned() };
            let line = FormBegun {
                showing_id: id.to_string(),
                form_id: place.form,
                language: place.language,
                shown_at: at.as_microsecond(),
                faults: faults.into_iter().map(fault).collect(),
            };
            of_centers.entry(place.center).or_default().1.push(line);
        }
        let batch = |center: &str, shown: Vec<FormsShown>, begun: Vec<FormBegun>| NoteFormsRequest {
            center: center.to_owned(),
            batch_id: new_id().to_string(),
            shown,
            begun,
        };
        let mut batches = Vec::new();
        for (center, (shown, begun)) in of_centers {
            batches.extend(shown.chunks(BATCH).map(|part| batch(&center, part.to_vec(), Vec::new())));
            batches.extend(begun.chunks(BATCH).map(|part| batch(&center, Vec::new(), part.to_vec())));
        }
        batches
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands over what was counted until the stop, and then once more.
pub async fn hand_over(tally: Arc<Tally>, peers: Peers, clock: Clock, stop: Stop) {
    let mut waiting: Vec<NoteFormsRequest> = Vec::new();
    loop {
        let stopping = tokio::select! {
            () = stop.requested() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        // What ingestion does not take stays as it is, and what comes meanwhile waits in the tally, which is bounded.
        if waiting.is_empty() {
            waiting = tally.take(|| clock.new_id());
        }
        waiting = send(&peers, waiting).await;
        if stopping {
            return;
        }
    }
}

/// Sends batches; gives those back that may be taken later.
async fn send(peers: &Peers, mut batches: Vec<NoteFormsRequest>) -> Vec<NoteFormsRequest> {
    while let Some(batch) = batches.last() {
        match timeout(PATIENCE, peers.ingestion().note_forms(batch.clone())).await {
            Ok(Ok(_)) => {}
            Ok(Err(status)) if is_for_good(Code::of(&status)) => {
                tracing::warn!(code = ?status.code(), center = batch.center, "ingestion does not take these counts of forms");
            }
            Ok(Err(_)) | Err(_) => return batches,
        }
        batches.pop();
    }
    batches
}

fn is_for_good(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::NotFound | Code::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use causeway_funnel::contact::FaultCode;

    use super::*;

    fn place(form: &str) -> Place {
        Place { center: "harbor-valley".into(), form: form.into(), language: "en".into() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("an instant")
    }

    #[test]
    fn showings_add_up_by_form_and_hour_and_one_that_begins_twice_has_begun_once() {
        let tally = Tally::default();
        for second in [3600, 7199, 7200] {
            tally.shown(&place("general"), at(second));
        }
        let showing = Showing { id: Uuid::from_u128(7), at: at(3600) };
        tally.begun(&place("general"), showing, &[]);
        let fault = |field: &str| FieldFault::new(field, FaultCode::Missing, "en");
        tally.begun(&place("general"), showing, &[fault("name"), fault("phone")]);
        tally.begun(&place("general"), showing, &[fault("name")]);
        let batches = tally.take(|| Uuid::from_u128(1));
        let mut counts: Vec<(i64, i64)> =
            batches.iter().flat_map(|batch| &batch.shown).map(|line| (line.hour, line.count)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [(3_600_000_000, 2), (7_200_000_000, 1)]);
        let begun: Vec<&FormBegun> = batches.iter().flat_map(|batch| &batch.begun).collect();
        assert_eq!(begun.len(), 1);
        let fields: Vec<&str> = begun[0].faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["name", "phone"]);
        assert!(tally.take(|| Uuid::from_u128(1)).is_empty(), "taken once");
    }

    #[test]
    fn what_waits_is_bounded_and_what_was_begun_before_is_counted_on() {
        let tally = Tally::default();
        let showing = |id: usize| Showing { id: Uuid::from_u128(id as u128), at: at(0) };
        (0..MOST + 5).for_each(|id| tally.begun(&place("general"), showing(id), &[]));
        tally.begun(&place("general"), showing(3), &[FieldFault::new("name", FaultCode::Missing, "en")]);
        let waiting = tally.waiting();
        assert_eq!((waiting.begun.len(), waiting.lost), (MOST, 5));
        assert_eq!(waiting.begun[&Uuid::from_u128(3)].faults.len(), 1);
    }
}
