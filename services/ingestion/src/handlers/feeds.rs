//! What people see of the center's feeds: what came against what is usual, what waits, what was not as usual, what they are known by.
//!
//! Numbers and times alone; nothing here tells of a person. Deliberately not here: looking after the feeds (volume).

use std::collections::{BTreeMap, HashMap};

use causeway_auth::{Action, Actor};
use causeway_funnel::profile::{Feed, Profile};
use causeway_mailbox::Tx;
use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1 as wire;
use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Span, Timestamp};

use super::grpc::{Calls, allow};
use crate::domain::volume::{Past, Usual, horizon, hour_of};
use crate::error::Refusal;
use crate::store::feeds::{self as store, Incident, Seen};
use crate::store::volume;

/// Days that are told.
const DAYS: i64 = 14;
/// Incidents of each feed that are told.
const INCIDENTS: i64 = 10;
/// Digits of a SHA-256 that tell one key from another.
const FINGERPRINT: usize = 12;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What is known of the feeds of a center.
struct Known {
    now: Timestamp,
    seen: HashMap<String, Seen>,
    hours: HashMap<String, BTreeMap<Timestamp, u32>>,
    repeats: HashMap<String, i32>,
    waiting: HashMap<String, i64>,
    incidents: Vec<Incident>,
    used: HashMap<(String, Vec<u8>), Timestamp>,
}

/// Every feed of a center.
pub async fn list(
    calls: &Calls,
    actor: &Actor,
    request: wire::ListFeedsRequest,
) -> Result<wire::ListFeedsResponse, Refusal> {
    allow(actor, Action::ViewFeeds, &request.center)?;
    let in_force = calls.acceptance.profile(&request.center)?;
    let feeds: Vec<String> = in_force.1.feeds.feeds.iter().map(|feed| feed.id.clone()).collect();
    let read = calls
        .database
        .read(&request.center, move |tx| Box::pin(async move { Ok::<_, Refusal>(known(tx, &feeds).await?) }));
    let known = read.await?;
    let profile = &in_force.1;
    let feeds = profile.feeds.feeds.iter().map(|feed| told(profile, feed, &known));
    Ok(wire::ListFeedsResponse { feeds: feeds.collect() })
}

async fn known(tx: &mut Tx, feeds: &[String]) -> Result<Known, sqlx::Error> {
    let now = tx.now();
    let feeds: Vec<&str> = feeds.iter().map(String::as_str).collect();
    // What was usual on the first of the days is learnt from the weeks before it.
    let first = now.checked_sub(SignedDuration::from_hours(DAYS * 24)).unwrap_or(now);
    let mut hours: HashMap<String, BTreeMap<Timestamp, u32>> = HashMap::new();
    for hour in volume::hours(tx, horizon(first), &feeds).await? {
        let count = u32::try_from(hour.messages).unwrap_or_default();
        hours.entry(hour.feed).or_default().insert(hour.hour.0, count);
    }
    let hour_ago = now.checked_sub(HOUR).unwrap_or(now);
    Ok(Known {
        now,
        seen: store::seen(tx).await?.into_iter().map(|one| (one.feed.clone(), one)).collect(),
        hours,
        repeats: volume::repeats(tx, hour_of(hour_ago)).await?,
        waiting: store::waiting(tx).await?.into_iter().collect(),
        incidents: store::incidents(tx, &feeds, INCIDENTS).await?,
        used: store::used(tx).await?.into_iter().map(|(feed, digest, at)| ((feed, digest), at.0)).collect(),
    })
}

fn told(profile: &Profile, feed: &Feed, known: &Known) -> wire::FeedStatus {
    let seen = known.seen.get(&feed.id);
    let past = Past { hours: known.hours.get(&feed.id).cloned().unwrap_or_default(), ..Past::default() };
    let usual = Usual { calendar: profile.calendar(None), stated: &feed.expect, past: &past };
    let own = known.incidents.iter().filter(|incident| incident.feed == feed.id);
    wire::FeedStatus {
        feed: feed.id.clone(),
        kind: feed.kind.as_str().to_owned(),
        office_name: feed.office_name.clone(),
        rate_per_minute: i32::try_from(feed.rate_per_minute).unwrap_or(i32::MAX),
        last_at: seen.and_then(|seen| seen.last_at).map_or(0, |at| micros(at.0)),
        looked_at: seen.map_or(0, |seen| micros(seen.looked_at.0)),
        seen: seen.map_or(0, |seen| seen.seen.into()),
        expected: seen.and_then(|seen| seen.expected),
        missed: seen.map_or(0.0, |seen| seen.missed),
        repeats: known.repeats.get(&feed.id).copied().unwrap_or(0).into(),
        parked: known.waiting.get(&feed.id).copied().unwrap_or(0),
        days: days(profile, known.now).into_iter().map(|span| volume_of(&usual, span)).collect(),
        hours: hours(profile, known.now).into_iter().map(|span| volume_of(&usual, span)).collect(),
        incidents: own.map(incident).collect(),
        credentials: credentials(feed, &known.used),
    }
}

fn volume_of(usual: &Usual<'_>, (from, to): (Timestamp, Timestamp)) -> wire::FeedVolume {
    let came = usual.past.hours.range(from..to).map(|(_, count)| i64::from(*count)).sum();
    wire::FeedVolume { from: micros(from), messages: came, expected: usual.between(from, to) }
}

fn midnight(profile: &Profile, date: Date) -> Option<Timestamp> {
    profile.zone().to_timestamp(date.to_datetime(Time::midnight())).ok()
}

/// The last days, each as far as it has come.
fn days(profile: &Profile, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let today = profile.zone().to_datetime(now).date();
    let day = |back: i64| {
        let date = today.checked_sub(Span::new().days(back)).ok()?;
        let next = date.tomorrow().ok()?;
        Some((midnight(profile, date)?, midnight(profile, next)?.min(now)))
    };
    (0..DAYS).rev().filter_map(day).collect()
}

/// The hours of today that have begun.
fn hours(profile: &Profile, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let today = profile.zone().to_datetime(now).date();
    let begins = midnight(profile, today).unwrap_or(now);
    let all = std::iter::successors(Some(begins), |hour| hour.checked_add(HOUR).ok());
    all.take_while(|hour| *hour < now).map(|hour| (hour, hour.checked_add(HOUR).unwrap_or(now).min(now))).collect()
}

fn incident(one: &Incident) -> wire::FeedIncident {
    wire::FeedIncident {
        kind: one.kind.clone(),
        opened_at: micros(one.opened_at.0),
        closed_at: one.closed_at.as_ref().map_or(0, |at| micros(at.0)),
        seen: one.seen.into(),
        expected: one.expected,
    }
}

fn credentials(feed: &Feed, used: &HashMap<(String, Vec<u8>), Timestamp>) -> Vec<wire::FeedCredential> {
    let keys = [("key", &feed.key_sha256), ("next_key", &feed.next_key_sha256)];
    let keys = keys.into_iter().filter_map(|(kind, key)| Some((kind, key.as_ref()?)));
    let all = keys.chain(feed.certificate_sha256.iter().map(|certificate| ("certificate", certificate)));
    let told = |(kind, digest): (&str, &String)| {
        let bytes = hex::decode(digest).unwrap_or_default();
        wire::FeedCredential {
            kind: kind.to_owned(),
            fingerprint: digest.chars().take(FINGERPRINT).collect::<String>().to_lowercase(),
            used_at: used.get(&(feed.id.clone(), bytes)).map_or(0, |at| micros(*at)),
        }
    };
    all.map(told).collect()
}
