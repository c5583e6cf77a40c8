//! `OfferSlots`: the first fitting dates, or what stands against booking in words.
//!
//! An inquiry that has a visit ahead is offered dates to move it to, whatever the rule says by now. Nothing is held: two
//! people may be offered the same slot, and the first who books gets it.

use causeway_auth::Action;
use causeway_funnel::booking::{BookingRule, Slot};
use causeway_funnel::inquiry::Facts;
use causeway_funnel::time_words;
use causeway_mailbox::Tx;
use causeway_proto::convert::{micros, optional_instant};
use causeway_proto::error::Reason;
use causeway_proto::scheduling::v1 as wire;
use jiff::{SignedDuration, Timestamp};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::asker::{self, Asker};
use super::{Api, InForce};
use crate::domain::appointment::{Appointment, Bookable, ahead};
use crate::domain::diary::Diary;
use crate::domain::offer::{Wanted, choose, home};
use crate::domain::refusal::{Barrier, Refused, barrier};
use crate::domain::slot_id::SlotId;
use crate::error::Error;
use crate::{Config, store};

/// Most dates in one answer.
const MOST: usize = 50;
/// How many other times are named to somebody whose slot was taken.
const NEXT_TIMES: usize = 3;

/// What is wished for.
struct Wish {
    site: Option<String>,
    from: Option<Timestamp>,
    limit: usize,
    language: String,
    patient_language: String,
}

/// What was found.
enum Found {
    Barred(Barrier),
    Free(Vec<Slot>),
}

pub(super) async fn offer_slots(
    api: &Api,
    request: Request<wire::OfferSlotsRequest>,
) -> Result<Response<wire::OfferSlotsResponse>, Status> {
    let asker = Asker::of(&request, Action::BookAppointment, &request.get_ref().center)?;
    let ask = request.into_inner();
    let inquiry = asker::inquiry_id(&ask.inquiry_id)?;
    asker.must_touch(inquiry)?;
    let diary = api.diary(&ask.center)?;
    let wish = Wish {
        site: site(&diary.1, ask.site)?,
        from: from(ask.from, api.config.latest(api.database.clock().now()))?,
        limit: limit(ask.limit, api.config.offers)?,
        language: ask.language,
        patient_language: ask.patient_language,
    };
    let answer = match find(api, &ask.center, &diary, inquiry, wish).await? {
        Found::Free(slots) => wire::OfferSlotsResponse {
            slots: slots.iter().map(|slot| offered(&diary.1, slot)).collect(),
            ..Default::default()
        },
        Found::Barred(barrier) => wire::OfferSlotsResponse {
            slots: Vec::new(),
            refused_by: barrier.by.to_owned(),
            words_for_staff: barrier.staff,
            words_for_patient: barrier.patient,
        },
    };
    Ok(Response::new(answer))
}

/// The site that was asked for, where the center has it.
fn site(diary: &Diary, asked: String) -> Result<Option<String>, Status> {
    if asked.is_empty() || diary.sites().any(|site| site == asked) {
        return Ok((!asked.is_empty()).then_some(asked));
    }
    let sites = diary.sites().collect::<Vec<_>>().join(", ");
    Err(Reason::FieldFault.status(format!("field site: the center has no such site; use one of {sites}, or none")))
}

/// The earliest start that was asked for. Later than visits are offered there is nothing to find, and whoever asked should know why.
fn from(micros: i64, latest: Timestamp) -> Result<Option<Timestamp>, Status> {
    let refuse = |why: String| Reason::FieldFault.status(format!("field from: {why}"));
    match optional_instant(micros) {
        None if micros == 0 => Ok(None),
        None => Err(refuse("no instant; use microseconds since 1970-01-01T00:00:00Z, or 0 for now".to_owned())),
        Some(from) if from > latest => {
            Err(refuse(format!("visits are offered until {latest:.0} at most; ask for an earlier one")))
        }
        from => Ok(from),
    }
}

fn limit(asked: i32, usual: u16) -> Result<usize, Status> {
    match usize::try_from(asked) {
        Ok(0) => Ok(usize::from(usual).clamp(1, MOST)),
        Ok(asked) => Ok(asked.min(MOST)),
        Err(_) => Err(Reason::FieldFault.status("field limit: less than none; use 0 for as many as are usual")),
    }
}

fn offered(diary: &Diary, slot: &Slot) -> wire::Slot {
    wire::Slot {
        slot_id: SlotId::of(slot).to_string(),
        site: slot.site.clone(),
        starts_at: micros(slot.start),
        ends_at: micros(slot.end),
        time_zone: diary.zone_name(&slot.site).to_owned(),
        clinician_role: slot.clinician_role.clone(),
        visit_kind: slot.visit_kind.clone(),
    }
}

/// The refusal of somebody whose slot was taken: with the next best times, so that there is something to say at once.
pub(super) async fn taken(api: &Api, center: &str, diary: &InForce, inquiry_id: Uuid) -> Status {
    let (language, patient_language) = (String::new(), String::new());
    let wish = Wish { site: None, from: None, limit: NEXT_TIMES, language, patient_language };
    let times: Vec<String> = match find(api, center, diary, inquiry_id, wish).await {
        Ok(Found::Free(slots)) => slots.iter().map(|slot| time_and_site(&diary.1, slot)).collect(),
        // The refusal stands without them.
        Ok(Found::Barred(_)) | Err(_) => Vec::new(),
    };
    let next =
        if times.is_empty() { "no other is free".to_owned() } else { format!("next best times: {}", times.join("; ")) };
    Reason::SlotTaken.status(format!("{}, {next}", Refused::SlotTaken { inquiry_id }))
}

fn time_and_site(diary: &Diary, slot: &Slot) -> String {
    format!("{} ({})", time_words::words(slot.start, diary.zone(&slot.site), "en"), slot.site)
}

async fn find(api: &Api, center: &str, diary: &InForce, inquiry: Uuid, wish: Wish) -> Result<Found, Error> {
    let (diary, config) = (diary.clone(), api.config.clone());
    api.database
        .read(center, move |tx| Box::pin(async move { look(tx, &diary.1, inquiry, &wish, &config).await }))
        .await
}

async fn look(tx: &mut Tx, diary: &Diary, inquiry: Uuid, wish: &Wish, config: &Config) -> Result<Found, Error> {
    let told = store::load_told(tx, inquiry).await?;
    let present = store::appointments_of(tx, inquiry).await?;
    let bookable = told.as_ref().map(|told| &told.bookable);
    // Before the desk has told of it, the rule for an inquiry of which nothing is known gives the words.
    let unknown = Facts::default();
    let facts = bookable.map_or(&unknown, |bookable| &bookable.facts);
    let Some(rule) = diary.rule(facts) else { return Ok(Found::Free(Vec::new())) };
    let patient = if wish.patient_language.is_empty() { &facts.language } else { &wish.patient_language };
    let languages = (diary.language(&wish.language), diary.language(patient));
    let moving = ahead(&present).filter(|_| bookable.is_some_and(|bookable| bookable.open));
    if moving.is_none()
        && let Some(barrier) = barrier(bookable, rule, languages)
    {
        return Ok(Found::Barred(barrier));
    }
    let lead = SignedDuration::from_mins(i64::from(config.lead_minutes));
    let earliest = tx.now().saturating_add(lead).unwrap_or(Timestamp::MAX);
    let from = wish.from.map_or(earliest, |from| from.max(earliest));
    let slots = diary.slots(rule, from, config.latest(tx.now()));
    free(tx, slots, moving, &wanted(rule, bookable, facts, wish)).await.map(Found::Free)
}

fn wanted<'a>(rule: &BookingRule, bookable: Option<&'a Bookable>, facts: &'a Facts, wish: &'a Wish) -> Wanted<'a> {
    let routed = bookable.and_then(|bookable| bookable.site.as_deref());
    Wanted {
        only: wish.site.as_deref(),
        home: home(&rule.sites, facts.site_preference.as_deref(), routed),
        limit: wish.limit,
    }
}

async fn free(
    tx: &mut Tx,
    slots: Vec<Slot>,
    moving: Option<&Appointment>,
    wanted: &Wanted<'_>,
) -> Result<Vec<Slot>, Error> {
    let ids: Vec<String> = slots.iter().map(|slot| SlotId::of(slot).to_string()).collect();
    let taken = store::seats_taken(tx, &ids).await?;
    let is_free = |slot: &Slot| {
        let id = SlotId::of(slot).to_string();
        let seats = taken.get(&id).copied().unwrap_or(0);
        seats < i64::from(slot.capacity) && moving.is_none_or(|present| present.slot_id != id)
    };
    Ok(choose(slots, is_free, wanted))
}
