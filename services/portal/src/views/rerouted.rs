//! What was sent to another team, from what metrics has counted.
//!
//! Ways that few inquiries went are folded together as in the rest of the funnel. Deliberately not here: counting, and which row of
//! the routing table had taken them (the teams' page).

use causeway_funnel::profile::Profile;
use causeway_funnel::reroute::RerouteReason;
use causeway_proto::convert::optional_instant;
use causeway_proto::metrics::v1::{GetReroutesResponse, RerouteCount};

use super::funnel::{Range, count, fold, percent};
use crate::pages::{ReroutedPart, ReroutedRow};
use crate::words::EN;

/// The part of the page.
pub fn part(profile: &Profile, range: Range, told: &GetReroutesResponse) -> ReroutedPart {
    let mut rows: Vec<ReroutedRow> = told.counts.iter().map(|one| row(profile, one)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.inquiries));
    fold(
        &mut rows,
        |row| row.inquiries.unwrap_or_default(),
        |small| ReroutedRow {
            from: "Other".to_owned(),
            to: "–".to_owned(),
            reason: "–".to_owned(),
            moves: small.iter().map(|row| row.moves).sum(),
            // One that went two of these ways would count twice.
            inquiries: None,
        },
    );
    ReroutedPart {
        share: share(told, counted_since(profile, range, told).as_deref()),
        routed: count(told.routed),
        rows,
    }
}

/// The day on which counting began, where the dates reach before it.
fn counted_since(profile: &Profile, range: Range, told: &GetReroutesResponse) -> Option<String> {
    let since = optional_instant(told.since).filter(|_| range.instants(profile).0 < told.since)?;
    let date = since.to_zoned_datetime(profile.zone().clone()).date();
    Some(format!("{} {}, {}", EN.dates.month(date), date.day(), date.year()))
}

fn share(told: &GetReroutesResponse, since: Option<&str>) -> String {
    let (routed, rerouted) = (count(told.routed), count(told.rerouted));
    if rerouted == 0 {
        return match since {
            None => "No inquiry of these dates was sent to another team.".to_owned(),
            Some(day) => {
                format!(
                    "No inquiry of these dates was sent to another team since {day}; what was before is not counted."
                )
            }
        };
    }
    let times = if told.moves == 1 { "once".to_owned() } else { format!("{} times", told.moves) };
    let to_and_fro = match told.to_and_fro {
        0 => "none of them went to and fro".to_owned(),
        1 => "1 of them went to and fro".to_owned(),
        many => format!("{many} of them went to and fro"),
    };
    let before = since.map(|day| format!(" What was before {day} is not counted.")).unwrap_or_default();
    let of = percent(rerouted, routed);
    format!(
        "{rerouted} of {routed} inquiries that reached a team ({of}) were sent to another one, {times} in all; {to_and_fro}.{before}"
    )
}

fn row(profile: &Profile, one: &RerouteCount) -> ReroutedRow {
    let team = |id: &str| profile.team(id).map_or_else(|| id.to_owned(), |team| team.name.get("en").to_owned());
    let program = profile.program(&one.program).map_or(one.program.as_str(), |program| program.name.get("en"));
    let reason: RerouteReason = one.reason.parse().unwrap_or_default();
    ReroutedRow {
        from: format!("{program}: {}", team(&one.from_team)),
        to: team(&one.to_team),
        reason: reason.label("en").to_owned(),
        moves: count(one.moves),
        inquiries: Some(count(one.inquiries)),
    }
}

#[cfg(test)]
mod tests {
    use causeway_proto::convert::micros;
    use jiff::civil::Date;

    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn march() -> Range {
        Range::read("2027-03-01", "2027-03-28", Date::constant(2027, 4, 1))
    }

    #[test]
    fn where_the_dates_reach_before_counting_began_it_says_since_when() {
        let said = |since: &str, rerouted: i64| {
            let since = micros(since.parse().expect("an instant"));
            let told =
                GetReroutesResponse { routed: 4, rerouted, moves: rerouted, since, ..GetReroutesResponse::default() };
            part(&harbor_valley(), march(), &told).share
        };
        let none =
            "No inquiry of these dates was sent to another team since March 5, 2027; what was before is not counted.";
        assert_eq!(said("2027-03-05T20:00:00Z", 0), none);
        assert!(
            said("2027-03-05T20:00:00Z", 1)
                .ends_with("none of them went to and fro. What was before March 5, 2027 is not counted.")
        );
        // The first day of the range begins at midnight in Seattle.
        assert_eq!(said("2027-03-01T08:00:00Z", 0), "No inquiry of these dates was sent to another team.");
        assert!(!said("2027-02-01T08:00:00Z", 1).contains("before"));
    }

    fn counted(to_team: &str, moves: i64) -> RerouteCount {
        RerouteCount {
            program: "breast".into(),
            from_team: "breast".into(),
            to_team: to_team.into(),
            reason: "trial".into(),
            moves,
            inquiries: moves - 1,
        }
    }

    #[test]
    fn the_share_is_of_what_reached_a_team_and_ways_that_few_went_are_folded_together() {
        let profile = harbor_valley();
        let counts = vec![counted("trials", 20), counted("gi-second-opinion", 13), counted("left-long-ago", 2)];
        let told = GetReroutesResponse { routed: 340, rerouted: 30, to_and_fro: 2, moves: 35, counts, since: 0 };
        let part = part(&profile, march(), &told);
        assert_eq!(
            part.share,
            "30 of 340 inquiries that reached a team (9%) were sent to another one, 35 times in all; 2 of them went to and fro."
        );
        let trials = profile.team("trials").expect("a team").name.get("en");
        assert_eq!((part.rows[0].to.as_str(), part.rows[0].reason.as_str()), (trials, "A question about a trial"));
        assert!(part.rows[0].from.ends_with(": Breast care team"), "{}", part.rows[0].from);
        let other = &part.rows[1];
        assert_eq!((part.rows.len(), other.from.as_str(), other.moves, other.inquiries), (2, "Other", 15, None));
        assert_eq!(part.rows[0].inquiries, Some(19));
    }

    #[test]
    fn where_nothing_was_sent_on_it_says_so() {
        let told = GetReroutesResponse { routed: 4, ..GetReroutesResponse::default() };
        let part = part(&harbor_valley(), march(), &told);
        assert_eq!((part.share.as_str(), part.rows.len()), ("No inquiry of these dates was sent to another team.", 0));
    }
}
