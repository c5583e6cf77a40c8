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
use crate::store;

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
}

/// How far from now dates are offered.
#[derive(Clone, Copy)]
struct Reach {
    lead: SignedDuration,
    horizon: SignedDuration,
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
    let limit = usize::try_from(ask.limit).unwrap_or(0);
    let wish = Wish {
        site: (!ask.site.is_empty()).then_some(ask.site),
        from: optional_instant(ask.from),
        limit: if limit == 0 { usize::from(api.config.offers) } else { limit }.clamp(1, MOST),
        language: ask.language,
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
    let wish = Wish { site: None, from: None, limit: NEXT_TIMES, language: String::new() };
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
    let reach = Reach {
        lead: SignedDuration::from_mins(i64::from(api.config.lead_minutes)),
        horizon: SignedDuration::from_hours(24 * i64::from(api.config.horizon_days)),
    };
    let diary = diary.clone();
    api.database.read(center, move |tx| Box::pin(async move { look(tx, &diary.1, inquiry, &wish, reach).await })).await
}

async fn look(tx: &mut Tx, diary: &Diary, inquiry: Uuid, wish: &Wish, reach: Reach) -> Result<Found, Error> {
    let told = store::load_told(tx, inquiry).await?;
    let present = store::appointments_of(tx, inquiry).await?;
    let bookable = told.as_ref().map(|told| &told.bookable);
    // Before the desk has told of it, the rule for an inquiry of which nothing is known gives the words.
    let unknown = Facts::default();
    let facts = bookable.map_or(&unknown, |bookable| &bookable.facts);
    let Some(rule) = diary.rule(facts) else { return Ok(Found::Free(Vec::new())) };
    let languages = (diary.language(&wish.language), diary.language(&facts.language));
    let moving = ahead(&present).filter(|_| bookable.is_some_and(|bookable| bookable.open));
    if moving.is_none()
        && let Some(barrier) = barrier(bookable, rule, languages)
    {
        return Ok(Found::Barred(barrier));
    }
    let earliest = tx.now().saturating_add(reach.lead).unwrap_or(Timestamp::MAX);
    let from = wish.from.map_or(earliest, |from| from.max(earliest));
    let to = from.saturating_add(reach.horizon).unwrap_or(Timestamp::MAX);
    let slots = diary.slots(rule, from, to);
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
