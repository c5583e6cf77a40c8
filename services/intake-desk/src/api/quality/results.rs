//! What finished audits show: how good, and what is missed most, by team, script, item, person and week.
//!
//! Groups of people come in the order of their ids: nobody is ranked. Deliberately not here: words of the page and when a number is
//! too small for a share (portal).

use std::collections::BTreeMap;

use causeway_auth::Actor;
use causeway_auth::audit::append_all;
use causeway_funnel::profile::Profile;
use causeway_funnel::quality_audit::About;
use causeway_funnel::quality_audit::scoring::Agreement;
use causeway_proto::intake::v1 as wire;
use jiff::{SignedDuration, Timestamp};

use super::super::Desk;
use super::super::call::entry;
use super::{one, queue};
use crate::domain::Reading;
use crate::error::DeskError;
use crate::store::quality::answers;
use crate::store::quality::audits;
use crate::store::quality::results::{Misses, Scores, added_up, pairs};

/// Longest stretch of time that is asked for.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 400);
/// Without a beginning it is so far back.
const USUAL: SignedDuration = SignedDuration::from_hours(24 * 91);
/// Most of a person's own audits that are shown.
const MOST_OWN: i64 = 50;

type Span = (Timestamp, Timestamp);

fn span(asked: &wire::GetResultsRequest, now: Timestamp) -> Result<Span, DeskError> {
    let read = |at: i64, else_at: Timestamp| match at {
        0 => Ok(else_at),
        at => Timestamp::from_microsecond(at)
            .map_err(|_| DeskError::Field("from or to is no time; use microseconds since 1970")),
    };
    // What is finished at this moment counts as well.
    let to = read(asked.to, now + SignedDuration::from_secs(1))?;
    let from = read(asked.from, to - USUAL)?;
    if from >= to || from.duration_until(to) > LONGEST {
        return Err(DeskError::Field("from must lie before to, at most 400 days; ask for less at once"));
    }
    Ok((from, to))
}

/// Of the whole center.
pub(super) async fn of_center(desk: &Desk, asked: wire::GetResultsRequest) -> Result<wire::QualityResults, DeskError> {
    let current = desk.profile(&asked.center)?;
    let center = asked.center.clone();
    let work = desk.parts.database.read(&center, move |tx| {
        Box::pin(async move {
            let span = span(&asked, tx.now())?;
            let (scores, misses) = added_up(tx, span, "").await?;
            let pairs = pairs(tx, span).await?;
            Ok::<_, DeskError>(results(&current.1, &scores, &misses, pairs))
        })
    });
    work.await
}

/// Of the caller's own work, with its comments; that they were opened is written down.
pub(super) async fn own(
    desk: &Desk,
    actor: Actor,
    asked: wire::GetResultsRequest,
) -> Result<wire::OwnQualityResults, DeskError> {
    let (own, current, center) = (desk.clone(), desk.profile(&asked.center)?, asked.center.clone());
    let work = desk.parts.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            let (profile, span) = (&current.1, span(&asked, tx.now())?);
            let (scores, misses) = added_up(tx, span, &actor.id).await?;
            let (mut shown, mut looks) = (Vec::new(), Vec::new());
            for row in audits::own(tx, &actor.id, span, MOST_OWN).await? {
                let reading = row.audit()?.final_reading.unwrap_or(Reading::First);
                let known = answers::open(tx, &own.parts.sealer, row.audit_id, reading).await?.unwrap_or_default();
                if known.has_words() {
                    looks.push(entry(tx, &actor, row.inquiry_id, ("read audit comments", "own_results")));
                }
                let (items, comment) = one::own_lines(profile, known);
                // Who read it is no part of what somebody learns from it.
                let told =
                    wire::AuditRow { first_reader: String::new(), second_reader: String::new(), ..queue::row(&row)? };
                shown.push(wire::OwnAudit { row: Some(told), items, comment });
            }
            append_all(tx, &looks).await?;
            let groups = |key| grouped(profile, &scores, &misses, key);
            Ok::<_, DeskError>(wire::OwnQualityResults {
                all: groups(Key::All).pop().or_else(|| Some(nothing())),
                scripts: groups(Key::Script),
                audits: shown,
            })
        })
    });
    work.await
}

/// What groups are made by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    All,
    Team,
    Script,
    Person,
    Week,
}

/// The id of a group, and script and version where it is one of a script.
type Named = (String, String, String);

impl Key {
    fn of(self, team: &str, script: (&str, &str), person: &str, week: &str) -> Named {
        let plain = |text: &str| (text.to_owned(), String::new(), String::new());
        match self {
            Self::All => plain("all"),
            Self::Team => plain(team),
            Self::Person => plain(person),
            Self::Week => plain(week),
            Self::Script if script.0.is_empty() => plain(""),
            Self::Script => (format!("{} {}", script.0, script.1), script.0.to_owned(), script.1.to_owned()),
        }
    }
}

fn nothing() -> wire::QualityGroup {
    wire::QualityGroup { key: "all".to_owned(), ..Default::default() }
}

fn small(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Groups by a key, in its order. A try without any script is in a group of scripts that has no name.
fn grouped(profile: &Profile, scores: &[Scores], misses: &[Misses], key: Key) -> Vec<wire::QualityGroup> {
    let mut groups: BTreeMap<Named, (i64, i64, i64)> = BTreeMap::new();
    for one in scores {
        let group =
            groups.entry(key.of(&one.team, (&one.script, &one.script_version), &one.person, &one.week)).or_default();
        *group = (group.0 + one.audits, group.1 + one.scored, group.2 + one.total);
    }
    let mut missed: BTreeMap<(Named, &str), (i64, i64)> = BTreeMap::new();
    for one in misses {
        let named = key.of(&one.team, (&one.script, &one.script_version), &one.person, &one.week);
        let count = missed.entry((named, one.item.as_str())).or_default();
        *count = (count.0 + one.missed, count.1 + one.applied);
    }
    let group = |(named, (audits, scored, total)): (Named, (i64, i64, i64))| {
        let of = missed.iter().filter(|((of, _), _)| *of == named);
        let mut all: Vec<wire::QualityMiss> = of
            .map(|((_, item), (missed, applied))| {
                let known = misses.iter().find(|one| one.item == *item);
                miss(profile, item, known, (*missed, *applied))
            })
            .filter(|one| one.missed > 0 || key == Key::All)
            .collect();
        all.sort_by(|one, other| missed_most(other, one).then_with(|| one.item.cmp(&other.item)));
        let (key, script_id, script_version) = named;
        wire::QualityGroup {
            key,
            script_id,
            script_version,
            audits: small(audits),
            scored: small(scored),
            mean_score: if scored > 0 { f64::from(small(total)) / f64::from(small(scored)) } else { 0.0 },
            misses: all,
        }
    };
    groups.into_iter().map(group).collect()
}

fn miss(profile: &Profile, item: &str, known: Option<&Misses>, (missed, applied): (i64, i64)) -> wire::QualityMiss {
    let words = profile.audits.item(item).map(|item| item.missed.get(profile.default_language()));
    wire::QualityMiss {
        item: item.to_owned(),
        about: known.map(|one| one.about.clone()).unwrap_or_default(),
        field: known.map(|one| one.field.clone()).unwrap_or_default(),
        words: words.unwrap_or(item).to_owned(),
        missed: small(missed),
        applied: small(applied),
    }
}

/// By how often, then by how large a share, both compared without division.
fn missed_most(one: &wire::QualityMiss, other: &wire::QualityMiss) -> std::cmp::Ordering {
    let share = |one: &wire::QualityMiss, other: &wire::QualityMiss| i64::from(one.missed) * i64::from(other.applied);
    one.missed.cmp(&other.missed).then_with(|| share(one, other).cmp(&share(other, one)))
}

fn results(
    profile: &Profile,
    scores: &[Scores],
    misses: &[Misses],
    pairs: Vec<(String, String, String, i64)>,
) -> wire::QualityResults {
    let groups = |key| grouped(profile, scores, misses, key);
    let language = profile.default_language();
    let about = |about: &About| {
        let of = misses.iter().filter(|one| one.about == about.as_str());
        let (missed, applied) = of.fold((0, 0), |sum, one| (sum.0 + one.missed, sum.1 + one.applied));
        wire::QualityMiss {
            about: about.as_str().to_owned(),
            words: about.label(language).to_owned(),
            missed: small(missed),
            applied: small(applied),
            ..Default::default()
        }
    };
    wire::QualityResults {
        all: groups(Key::All).pop().or_else(|| Some(nothing())),
        teams: groups(Key::Team),
        scripts: groups(Key::Script),
        people: groups(Key::Person),
        weeks: groups(Key::Week),
        abouts: About::ALL.iter().map(about).filter(|one| one.applied > 0).collect(),
        agreements: agreements(profile, pairs),
    }
}

fn agreements(profile: &Profile, pairs: Vec<(String, String, String, i64)>) -> Vec<wire::ItemAgreement> {
    let mut items: BTreeMap<String, Agreement> = BTreeMap::new();
    for (item, first, second, count) in pairs {
        // A word that this release does not know is no pair of it.
        if let (Ok(first), Ok(second), Ok(count)) = (first.parse(), second.parse(), u64::try_from(count)) {
            items.entry(item).or_default().add(first, second, count);
        }
    }
    let shown = |(item, agreement): (String, Agreement)| {
        let known = profile.audits.item(&item);
        let number = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        wire::ItemAgreement {
            label: known.map_or(item.as_str(), |item| item.label.get(profile.default_language())).to_owned(),
            item,
            pairs: number(agreement.count()),
            same: number(agreement.same()),
            kappa: agreement.kappa().unwrap_or_default(),
            has_kappa: agreement.kappa().is_some(),
        }
    };
    items.into_iter().map(shown).collect()
}
