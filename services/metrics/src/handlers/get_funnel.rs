//! The stage funnel of a center, for people: counts, times, reasons, groups, days.
//!
//! Every group is given, however small: folding small ones for the eye is the page's affair. Deliberately not here:
//! anything by person.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_auth::policy::{Action, may};
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Database, Revisions};
use causeway_proto::convert::{micros, optional_instant, stage_to_wire};
use causeway_proto::error::Reason;
use causeway_proto::metrics::v1 as wire;
use causeway_proto::metrics::v1::metrics_server::Metrics;
use causeway_serve::Code;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tonic::{Request, Response, Status};

use super::{get_reroutes, get_reviews};
use crate::domain::{Tally, close_reasons, conversions, stages};
use crate::error::Error;
use crate::store::{self, DIMENSIONS, Day, Range, ReopeningCount, StageTimes, Tallied};

/// The small picture shows no more days than this.
const MOST_DAYS: usize = 400;

/// The gRPC face of metrics.
pub(crate) struct Api {
    pub database: Database,
    pub profiles: Arc<Revisions<Profile>>,
}

/// What one transaction reads.
struct Found {
    tallied: Vec<Tallied>,
    newest: Option<Timestamp>,
    times: BTreeMap<Option<String>, StageTimes>,
    days: Vec<Day>,
    reopenings: Vec<ReopeningCount>,
}

#[tonic::async_trait]
#[deny(clippy::missing_trait_methods)]
impl Metrics for Api {
    async fn get_funnel(
        &self,
        request: Request<wire::GetFunnelRequest>,
    ) -> Result<Response<wire::GetFunnelResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let asked = request.into_inner();
        may(&actor, Action::ViewFunnel, &asked.center)
            .map_err(|cause| Code::PermissionDenied.status(cause.to_string()))?;
        let range = range((asked.from, asked.to))?;
        let dimension = dimension(&asked.group_by)?;
        let zone = self.profiles.current(&asked.center).map_or(TimeZone::UTC, |current| current.1.zone().clone());
        let found = self
            .database
            .read(&asked.center, move |tx| {
                Box::pin(async move {
                    let (tallied, newest) = store::tallies(tx, range, dimension).await?;
                    let times = store::times(tx, range, dimension).await?;
                    let days = store::days(tx, range, &zone).await?;
                    let reopenings = store::reopenings(tx, range).await?;
                    Ok::<_, Error>(Found { tallied, newest, times, days, reopenings })
                })
            })
            .await?;
        Ok(Response::new(answer(found, !dimension.is_empty())))
    }

    async fn get_reroutes(
        &self,
        request: Request<wire::GetReroutesRequest>,
    ) -> Result<Response<wire::GetReroutesResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let asked = request.into_inner();
        may(&actor, Action::ViewFunnel, &asked.center)
            .map_err(|cause| Code::PermissionDenied.status(cause.to_string()))?;
        let range = range((asked.from, asked.to))?;
        Ok(Response::new(get_reroutes::answer(self, &asked.center, range).await?))
    }

    async fn get_reviews(
        &self,
        request: Request<wire::GetReviewsRequest>,
    ) -> Result<Response<wire::GetReviewsResponse>, Status> {
        let actor = causeway_serve::caller(&request)?.accountable();
        let asked = request.into_inner();
        may(&actor, Action::ViewFunnel, &asked.center)
            .map_err(|cause| Code::PermissionDenied.status(cause.to_string()))?;
        let range = range((asked.from, asked.to))?;
        Ok(Response::new(get_reviews::answer(self, &asked.center, range).await?))
    }
}

/// Reads the range; open ends become the first and last instants that an inquiry can have.
fn range((from, to): (i64, i64)) -> Result<Range, Status> {
    let from = optional_instant(from).unwrap_or(Timestamp::UNIX_EPOCH);
    let to = optional_instant(to).unwrap_or(Timestamp::MAX);
    if from >= to {
        return Err(Reason::FieldFault.status("to: give an instant after the one in from"));
    }
    Ok(Range { from, to })
}

fn dimension(asked: &str) -> Result<&'static str, Status> {
    if asked.is_empty() {
        return Ok("");
    }
    DIMENSIONS.into_iter().find(|known| *known == asked).ok_or_else(|| {
        Reason::FieldFault.status(format!("group_by: no such dimension; use one of: {}", DIMENSIONS.join(", ")))
    })
}

fn answer(found: Found, grouped: bool) -> wire::GetFunnelResponse {
    let (target_passed, target_met) =
        found.tallied.iter().fold((0, 0), |(passed, met), one| (passed + one.target_passed, met + one.target_met));
    let tallies: Vec<Tally> = found.tallied.into_iter().map(|one| one.tally).collect();
    let whole = found.times.get(&None).copied().unwrap_or_default();
    wire::GetFunnelResponse {
        stages: counts(&tallies, &whole),
        close_reasons: close_reasons(&tallies)
            .into_iter()
            .map(|(reason, count)| wire::ReasonCount { reason: reason.to_owned(), count })
            .collect(),
        groups: if grouped { groups(&tallies, &found.times) } else { Vec::new() },
        target_passed,
        target_met,
        data_to: found.newest.map_or(0, micros),
        days: without_gaps(found.days),
        reopenings: found.reopenings.into_iter().map(reopen_count).collect(),
        conversions: conversions(&tallies)
            .into_iter()
            .map(|one| wire::ConversionCount { next_step: one.next_step.to_owned(), count: one.count, done: one.done })
            .collect(),
    }
}

fn reopen_count(one: ReopeningCount) -> wire::ReopenCount {
    wire::ReopenCount { reason: one.reason, close_reason: one.close_reason, count: one.count }
}

fn counts<'a>(tallies: impl IntoIterator<Item = &'a Tally>, times: &StageTimes) -> Vec<wire::StageCount> {
    stages(tallies)
        .into_iter()
        .zip(times)
        .map(|(count, (median_seconds, p90_seconds))| wire::StageCount {
            stage: stage_to_wire(count.stage).into(),
            reached: count.reached,
            left: count.left,
            handed: count.handed,
            done: count.done,
            open: count.open,
            median_seconds: *median_seconds,
            p90_seconds: *p90_seconds,
        })
        .collect()
}

/// One group for each value of the dimension, the largest first.
fn groups(tallies: &[Tally], times: &BTreeMap<Option<String>, StageTimes>) -> Vec<wire::FunnelGroup> {
    let mut by_key: BTreeMap<&str, Vec<&Tally>> = BTreeMap::new();
    for tally in tallies {
        by_key.entry(&tally.key).or_default().push(tally);
    }
    let mut groups: Vec<wire::FunnelGroup> = by_key
        .into_iter()
        .map(|(key, tallies)| {
            let times = times.get(&Some(key.to_owned())).copied().unwrap_or_default();
            wire::FunnelGroup { key: key.to_owned(), stages: counts(tallies, &times) }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.stages.first().map_or(0, |stage| stage.reached)));
    groups
}

/// The days between the first and the last one that have no inquiry are shown as well; of a long range, the last ones.
fn without_gaps(days: Vec<Day>) -> Vec<wire::DayCount> {
    let date = |day: &Day| day.day.parse::<Date>().ok();
    let (Some(first), Some(last)) = (days.first().and_then(date), days.last().and_then(date)) else {
        return Vec::new();
    };
    let known: BTreeMap<Date, &Day> = days.iter().filter_map(|day| Some((date(day)?, day))).collect();
    let mut all: Vec<wire::DayCount> = std::iter::successors(Some(last), |day| day.yesterday().ok())
        .take_while(|day| *day >= first)
        .take(MOST_DAYS)
        .map(|day| wire::DayCount {
            day: day.to_string(),
            received: known.get(&day).map_or(0, |day| day.received),
            scheduled: known.get(&day).map_or(0, |day| day.scheduled),
        })
        .collect();
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use causeway_funnel::stage::Stage;

    use super::*;

    #[test]
    fn days_without_inquiries_are_shown_as_zero() {
        let day = |day: &str, received| Day { day: day.into(), received, scheduled: 0 };
        let shown = without_gaps(vec![day("2027-02-27", 3), day("2027-03-02", 1)]);
        let counts: Vec<i64> = shown.iter().map(|day| day.received).collect();
        assert_eq!(counts, [3, 0, 0, 1]);
        assert_eq!(shown[1].day, "2027-02-28");
        assert!(without_gaps(Vec::new()).is_empty());
    }

    #[test]
    fn every_group_is_given_however_small_and_the_largest_comes_first() {
        let tally = |key: &str, count| Tally {
            key: key.into(),
            furthest: Stage::Contacted,
            closed: false,
            close_reason: String::new(),
            next_step: String::new(),
            step_done: false,
            count,
        };
        let times = BTreeMap::from([(Some("gi".to_owned()), [(60.0, 90.0); 7])]);
        let groups = groups(&[tally("breast", 1), tally("gi", 40), tally("", 2)], &times);
        assert_eq!(groups.iter().map(|group| group.key.as_str()).collect::<Vec<_>>(), ["gi", "", "breast"]);
        assert_eq!((groups[0].stages[2].reached, groups[0].stages[2].p90_seconds), (40, 90.0));
        assert_eq!(groups[2].stages[2].median_seconds, 0.0);
    }

    #[test]
    fn an_empty_range_and_an_unknown_dimension_are_refused() {
        assert_eq!(Reason::of(&range((5, 5)).expect_err("refused")), Some(Reason::FieldFault));
        assert!(range((0, 0)).is_ok());
        assert_eq!(Reason::of(&dimension("name").expect_err("refused")), Some(Reason::FieldFault));
        assert_eq!(dimension("team").ok(), Some("team"));
    }
}
