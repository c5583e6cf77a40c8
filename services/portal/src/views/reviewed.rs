//! What reviewers decided, from what metrics has counted.
//!
//! Decisions that few inquiries had are folded together as in the rest of the funnel. Deliberately not here: counting.

use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::triage::{DeclineReason, ReviewDecision};
use causeway_proto::metrics::v1::{GetReviewsResponse, ReviewCount};
use jiff::SignedDuration;

use super::funnel::{count, fold, percent};
use super::times;
use crate::pages::{ReviewedPart, ReviewedRow};

/// The part of the page.
pub fn part(told: &GetReviewsResponse) -> ReviewedPart {
    let all = told.counts.iter().map(|one| count(one.count)).sum();
    let mut rows: Vec<ReviewedRow> = told.counts.iter().map(row).collect();
    fold(
        &mut rows,
        |row| row.count,
        |small| ReviewedRow {
            decision: "Other".to_owned(),
            reason: "–".to_owned(),
            count: small.iter().map(|row| row.count).sum(),
        },
    );
    ReviewedPart { told: words(told, all), all, rows }
}

fn words(told: &GetReviewsResponse, all: u64) -> String {
    if all == 0 {
        return "No reviewer has decided on an inquiry of these dates.".to_owned();
    }
    let times = if all == 1 { "1 decision".to_owned() } else { format!("{all} decisions") };
    if told.waited == 0 {
        return format!("{times}; none of them on records that had waited for a review.");
    }
    let span = |seconds: f64| times::span(SignedDuration::from_secs(seconds as i64));
    format!(
        "{times}. Records waited {} (median), nine of ten no longer than {}; {} of them were reviewed in time.",
        span(told.median_seconds),
        span(told.p90_seconds),
        percent(count(told.in_time), count(told.waited)),
    )
}

fn row(one: &ReviewCount) -> ReviewedRow {
    let decision: ReviewDecision = one.decision.parse().unwrap_or_default();
    let reason = match decision {
        ReviewDecision::Redirect => one.reason.parse::<RerouteReason>().unwrap_or_default().label("en"),
        ReviewDecision::Decline => one.reason.parse::<DeclineReason>().unwrap_or_default().label("en"),
        ReviewDecision::Accept | ReviewDecision::AskForMore => "–",
    };
    ReviewedRow { decision: decision.label("en").to_owned(), reason: reason.to_owned(), count: count(one.count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(decision: &str, reason: &str, count: i64) -> ReviewCount {
        ReviewCount { decision: decision.into(), reason: reason.into(), count }
    }

    #[test]
    fn decisions_are_told_with_their_reasons_and_the_wait_and_few_ones_are_folded_together() {
        let counts = vec![
            counted("accept", "", 60),
            counted("decline", "no_capacity", 20),
            counted("redirect", "wrong_area", 11),
            counted("decline", "other", 3),
            counted("ask_for_more", "", 2),
        ];
        let told =
            GetReviewsResponse { counts, waited: 90, in_time: 81, median_seconds: 9000.0, p90_seconds: 86_400.0 };
        let part = part(&told);
        assert_eq!(
            part.told,
            "96 decisions. Records waited 2 h 30 min (median), nine of ten no longer than 24 h; 90% of them were reviewed in time."
        );
        let rows: Vec<_> =
            part.rows.iter().map(|row| (row.decision.as_str(), row.reason.as_str(), row.count)).collect();
        assert_eq!(rows[0], ("Accept the records", "–", 60));
        assert_eq!(rows[1], ("Decline, and say where to go", "We have no place in time", 20));
        assert_eq!(rows.iter().map(|row| row.2).sum::<u64>(), 96);
        assert_eq!(rows.last().map(|row| row.0), Some("Other"));
    }

    #[test]
    fn where_nobody_has_decided_it_says_so() {
        let part = part(&GetReviewsResponse::default());
        assert_eq!(part.told, "No reviewer has decided on an inquiry of these dates.");
        assert!(part.rows.is_empty());
    }
}
