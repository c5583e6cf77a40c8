//! The funnel's page from what metrics answers.
//!
//! "Left" and "still open" stand at the stage before which people are lost, so a row's losses are those of the stage
//! before it. Groups so small that a person could be recognised are folded into one. Deliberately not here: counting.

use std::cmp::Reverse;

use causeway_funnel::inquiry::Source;
use causeway_funnel::profile::Profile;
use causeway_funnel::stage::ReopenReason;
use causeway_proto::convert::{optional_instant, stage_from_wire};
use causeway_proto::inquiry::v1::GetFormCountsResponse;
use causeway_proto::intake::v1::Stage;
use causeway_proto::metrics::v1::{
    ConversionCount, FunnelGroup, GetFunnelResponse, GetReroutesResponse, GetReviewsResponse, ReopenCount, StageCount,
};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::inquiry::close_reason;
use super::{form_counts, rerouted, reviewed, times};
use crate::pages::{Breakdown, BreakdownRow, ConversionRow, Figure, FunnelPage, ReasonRow, StaffFrame, StageRow};
use crate::words::EN;

/// A group with fewer inquiries is folded into "Other".
const SMALLEST_GROUP: u64 = 11;
/// What small groups together are called.
const OTHER: &str = "Other";
const DAYS: i64 = 28;

/// A range of days, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl Range {
    /// The days asked for, or the last four weeks; turned round where they came the wrong way.
    pub fn read(from: &str, to: &str, today: Date) -> Self {
        let to: Date = to.parse().unwrap_or(today);
        let from = from.parse().unwrap_or_else(|_| to.saturating_sub((DAYS - 1).days()));
        if from <= to { Self { from, to } } else { Self { from: to, to: from } }
    }

    /// Its instants `[from, to)` at a center.
    pub fn instants(&self, profile: &Profile) -> (i64, i64) {
        let start = |date: Date| {
            let midnight = date.at(0, 0, 0, 0).to_zoned_datetime(profile.zone().clone());
            midnight.map_or(0, |at| at.timestamp().as_microsecond())
        };
        (start(self.from), start(self.to.tomorrow().unwrap_or(self.to)))
    }
}

/// What the page is made of.
pub struct Answers {
    /// Grouped by source; its stages are those of all.
    pub by_source: GetFunnelResponse,
    /// Grouped by team.
    pub by_team: GetFunnelResponse,
    /// Grouped by the entry of programs.toml that says that it is not treated here; none: metrics does not say.
    pub by_scope: Option<GetFunnelResponse>,
    /// What became of the forms that were shown; none: ingestion does not say.
    pub forms: Option<GetFormCountsResponse>,
    /// What was sent to another team; none: metrics does not say.
    pub reroutes: Option<GetReroutesResponse>,
    /// What reviewers decided; none: metrics does not say.
    pub reviews: Option<GetReviewsResponse>,
}

/// The page.
pub fn page(frame: StaffFrame, profile: &Profile, range: Range, answers: &Answers, now: Timestamp) -> FunnelPage {
    let all = &answers.by_source;
    // Without the year only where both days and today are of one.
    let this_year = now.to_zoned_datetime(profile.zone().clone()).year();
    let is_this_year = range.from.year() == this_year && range.to.year() == this_year;
    let day = |date: Date| match is_this_year {
        true => format!("{} {}", EN.dates.month(date), date.day()),
        false => format!("{} {}, {}", EN.dates.month(date), date.day(), date.year()),
    };
    let data_to = optional_instant(all.data_to).unwrap_or(now).to_zoned_datetime(profile.zone().clone());
    let source = |key: &str| key.parse::<Source>().map_or_else(|_| key.to_owned(), |one| one.label("en").to_owned());
    let entries = answers.by_scope.iter().flat_map(|answer| &answer.groups);
    let not_treated: Vec<FunnelGroup> = entries.filter(|group| !group.key.is_empty()).cloned().collect();
    let by_scope = || breakdown("by-scope", "Not treated here", "Entry", &not_treated, str::to_owned);
    let by_scope = (!not_treated.is_empty()).then(by_scope);
    let team = |key: &str| profile.team(key).map_or_else(|| key.to_owned(), |one| one.name.get("en").to_owned());
    FunnelPage {
        frame,
        range: format!("Inquiries that came in {} to {}", day(range.from), day(range.to)),
        data_to: times::recent(&data_to, now, &EN).replacen("Today ", "today, ", 1),
        from: range.from.to_string(),
        to: range.to.to_string(),
        filters: Vec::new(),
        keep: Vec::new(),
        export_url: None,
        figures: figures(all),
        stages: stages(&all.stages),
        speed: Vec::new(),
        speed_note: String::new(),
        conversions: conversions(profile, all),
        breakdowns: [
            breakdown("by-source", "By source", "Source", &all.groups, source),
            breakdown("by-team", "By team", "Team", &answers.by_team.groups, team),
        ]
        .into_iter()
        .chain(by_scope)
        .collect(),
        reasons: reasons(all),
        reopened: reopened(all),
        forms: answers.forms.as_ref().map(|forms| form_counts::part(profile, forms)),
        rerouted: answers.reroutes.as_ref().map(|reroutes| rerouted::part(profile, range, reroutes)),
        reviewed: answers.reviews.as_ref().map(reviewed::part),
    }
}

pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn at(stages: &[StageCount], stage: Stage) -> Option<&StageCount> {
    stages.iter().find(|count| count.stage() == stage)
}

fn reached(stages: &[StageCount], stage: Stage) -> u64 {
    at(stages, stage).map_or(0, |one| count(one.reached))
}

/// Each stage with what was lost before it.
fn stages(counts: &[StageCount]) -> Vec<StageRow> {
    let before = std::iter::once(None).chain(counts.iter().map(Some));
    let rows = counts.iter().zip(before).map(|(one, before)| StageRow {
        name: stage_from_wire(one.stage()).label("en").to_owned(),
        reached: count(one.reached),
        left: before.map_or(0, |before| count(before.left)),
        handed: before.map_or(0, |before| count(before.handed)),
        done: before.map_or(0, |before| count(before.done)),
        open: before.map_or(0, |before| count(before.open)),
    });
    rows.collect()
}

/// What made them scheduled, in words; nothing to tell where visits alone did.
fn conversions(profile: &Profile, all: &GetFunnelResponse) -> Vec<ConversionRow> {
    if all.conversions.iter().all(|one| one.next_step.is_empty()) {
        return Vec::new();
    }
    let row = |one: &ConversionCount| {
        let kind = profile.booking.next_step(&one.next_step);
        let name = match one.next_step.as_str() {
            "" => "A visit".to_owned(),
            id => kind.map_or_else(|| id.replace('_', " "), |kind| kind.label.get("en").to_owned()),
        };
        ConversionRow { name, count: count(one.count), done: (!one.next_step.is_empty()).then(|| count(one.done)) }
    };
    let mut rows: Vec<ConversionRow> = all.conversions.iter().map(row).collect();
    rows.sort_by_key(|row| Reverse(row.count));
    fold(
        &mut rows,
        |row| row.count,
        |small| ConversionRow {
            name: OTHER.to_owned(),
            count: small.iter().map(|row| row.count).sum(),
            done: Some(small.iter().filter_map(|row| row.done).sum()),
        },
    );
    rows
}

fn figures(all: &GetFunnelResponse) -> Vec<Figure> {
    let total = reached(&all.stages, Stage::Received);
    let figure = |label: &str, value: String, note: Option<String>| Figure { label: label.to_owned(), value, note };
    let share = |stage| percent(reached(&all.stages, stage), total);
    let contacted = at(&all.stages, Stage::Contacted);
    // Who was reached within less than a minute was reached within one.
    let p90 = contacted.filter(|one| one.reached > 0).map(|one| span(one.p90_seconds.max(60.0)));
    let (met, passed) = (count(all.target_met), count(all.target_passed));
    vec![
        figure("Inquiries", total.to_string(), None),
        figure("Reached a person", share(Stage::Contacted), None),
        figure("Booked", share(Stage::Scheduled), None),
        figure("Kept the visit", share(Stage::Attended), None),
        figure("First contact, median", median(contacted), p90.map(|span| format!("90% within {span}"))),
        figure("Tried within target", percent(met, passed), Some(format!("{met} of {passed} whose time has passed"))),
    ]
}

pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{}%", (part * 200 + whole) / (whole * 2)) }
}

/// The median time to a stage; a dash where nobody reached it.
fn median(stage: Option<&StageCount>) -> String {
    match stage.filter(|one| one.reached > 0).map(|one| one.median_seconds) {
        None => "–".to_owned(),
        Some(short) if short < 60.0 => "under 1 min".to_owned(),
        Some(long) => span(long),
    }
}

fn span(seconds: f64) -> String {
    times::span(SignedDuration::from_secs_f64(seconds))
}

/// The groups, largest first.
fn breakdown(
    id: &str,
    heading: &str,
    column: &str,
    groups: &[FunnelGroup],
    name: impl Fn(&str) -> String,
) -> Breakdown {
    let mut rows: Vec<BreakdownRow> = groups.iter().map(|group| row(group, &name)).collect();
    rows.sort_by(|one, other| other.inquiries.cmp(&one.inquiries).then_with(|| one.name.cmp(&other.name)));
    fold(
        &mut rows,
        |row| row.inquiries,
        |small| {
            small.into_iter().fold(other(), |sum, row| BreakdownRow {
                inquiries: sum.inquiries + row.inquiries,
                reached: sum.reached + row.reached,
                booked: sum.booked + row.booked,
                kept: sum.kept + row.kept,
                ..sum
            })
        },
    );
    Breakdown { id: id.to_owned(), heading: heading.to_owned(), column: column.to_owned(), rows }
}

/// Folds small rows of a table together, of which the largest stand first; at least two of them, so that none can be worked out
/// from the total.
pub(super) fn fold<T>(rows: &mut Vec<T>, size: impl Fn(&T) -> u64, together: impl FnOnce(Vec<T>) -> T) {
    let small = rows.iter().filter(|row| size(row) < SMALLEST_GROUP).count();
    if small == 0 {
        return;
    }
    let mut keep = rows.len() - small;
    let folded = |keep: usize| rows[keep..].iter().map(&size).sum::<u64>();
    while keep > 0 && (rows.len() - keep < 2 || folded(keep) < SMALLEST_GROUP) {
        keep -= 1;
    }
    let small = rows.split_off(keep);
    rows.push(together(small));
}

fn row(group: &FunnelGroup, name: impl Fn(&str) -> String) -> BreakdownRow {
    let stages = &group.stages;
    BreakdownRow {
        name: if group.key.is_empty() { "Not known".to_owned() } else { name(&group.key) },
        inquiries: reached(stages, Stage::Received),
        reached: reached(stages, Stage::Contacted),
        booked: reached(stages, Stage::Scheduled),
        kept: reached(stages, Stage::Attended),
        first_contact: median(at(stages, Stage::Contacted)),
    }
}

fn other() -> BreakdownRow {
    BreakdownRow {
        name: OTHER.to_owned(), inquiries: 0, reached: 0, booked: 0, kept: 0, first_contact: "–".to_owned()
    }
}

fn reasons(all: &GetFunnelResponse) -> Vec<ReasonRow> {
    let rows = all
        .close_reasons
        .iter()
        .map(|reason| ReasonRow { name: close_reason(&reason.reason), count: count(reason.count) })
        .collect();
    folded(rows)
}

/// The most common first, small ones together.
fn folded(mut rows: Vec<ReasonRow>) -> Vec<ReasonRow> {
    rows.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.name.cmp(&other.name)));
    let sum = |small: Vec<ReasonRow>| small.iter().map(|row| row.count).sum();
    fold(&mut rows, |row| row.count, |small| ReasonRow { name: OTHER.to_owned(), count: sum(small) });
    rows
}

/// Why closed inquiries were opened again; what an older desk told has no reason.
fn reopened(all: &GetFunnelResponse) -> Vec<ReasonRow> {
    let row = |one: &ReopenCount| {
        let why = one.reason.parse::<ReopenReason>();
        let why = why.map_or("Reason not said", |reason| reason.label("en"));
        let from =
            (!one.close_reason.is_empty()).then(|| format!("; it was closed as: {}", close_reason(&one.close_reason)));
        ReasonRow { name: format!("{why}{}", from.unwrap_or_default()), count: count(one.count) }
    };
    folded(all.reopenings.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_proto::metrics::v1::ReasonCount;
    use jiff::civil::date;

    fn stage(stage: Stage, reached: i64, left: i64, open: i64) -> StageCount {
        StageCount { stage: stage.into(), reached, left, open, ..StageCount::default() }
    }

    fn group(key: &str, inquiries: i64) -> FunnelGroup {
        FunnelGroup { key: key.into(), stages: vec![stage(Stage::Received, inquiries, 0, 0)] }
    }

    fn folded(sizes: &[i64]) -> Vec<(String, u64)> {
        let groups: Vec<_> = sizes.iter().enumerate().map(|(place, size)| group(&format!("g{place}"), *size)).collect();
        let table = breakdown("x", "X", "X", &groups, str::to_owned);
        table.rows.into_iter().map(|row| (row.name, row.inquiries)).collect()
    }

    #[test]
    fn losses_stand_at_the_stage_before_which_they_happened() {
        let counts =
            [stage(Stage::Received, 10, 2, 1), stage(Stage::Routed, 7, 0, 3), stage(Stage::Contacted, 4, 0, 4)];
        let rows = stages(&counts);
        assert_eq!((rows[0].left, rows[0].open), (0, 0));
        assert_eq!((rows[1].left, rows[1].open), (2, 1));
        assert_eq!((rows[2].left, rows[2].open), (0, 3));
        for pair in rows.windows(2) {
            assert_eq!(pair[0].reached, pair[1].reached + pair[1].left + pair[1].open);
        }
    }

    #[test]
    fn conversions_are_told_by_the_centers_words_and_only_where_something_else_than_visits_made_any() {
        let profile = crate::handlers::tests::harbor_valley();
        let one = |kind: &str, count, done| ConversionCount { next_step: kind.into(), count, done };
        let told = |all: Vec<ConversionCount>| {
            let all = GetFunnelResponse { conversions: all, ..GetFunnelResponse::default() };
            let rows = conversions(&profile, &all).into_iter();
            rows.map(|row| (row.name, row.count, row.done)).collect::<Vec<_>>()
        };
        assert_eq!(told(vec![one("", 7, 0)]), []);
        let mixed = told(vec![one("an_old_kind", 12, 3), one("", 70, 0), one("screening_call", 40, 20)]);
        assert_eq!(
            mixed,
            [
                ("A visit".to_owned(), 70, None),
                ("Screening call".to_owned(), 40, Some(20)),
                ("an old kind".to_owned(), 12, Some(3))
            ]
        );
        let few = told(vec![one("", 70, 0), one("screening_call", 4, 2), one("an_old_kind", 8, 1)]);
        assert_eq!(few, [("A visit".to_owned(), 70, None), ("Other".to_owned(), 12, Some(3))]);
    }

    #[test]
    fn small_groups_are_folded_and_never_one_alone() {
        let other = |size| ("Other".to_owned(), size);
        assert_eq!(folded(&[40, 30]), [("g0".to_owned(), 40), ("g1".to_owned(), 30)]);
        assert_eq!(folded(&[40, 8, 7]), [("g0".to_owned(), 40), other(15)]);
        assert_eq!(folded(&[40, 30, 3]), [("g0".to_owned(), 40), other(33)]);
        assert_eq!(folded(&[40, 2, 1]), [other(43)]);
        assert_eq!(folded(&[3]), [other(3)]);
        assert!(folded(&[]).is_empty());
    }

    #[test]
    fn a_range_is_read_turned_round_or_made() {
        let today = date(2027, 3, 4);
        assert_eq!(Range::read("", "", today), Range { from: date(2027, 2, 5), to: today });
        assert_eq!(
            Range::read("2027-03-02", "2027-03-01", today),
            Range { from: date(2027, 3, 1), to: date(2027, 3, 2) }
        );
        assert_eq!(Range::read("rubbish", "2027-03-01", today).to, date(2027, 3, 1));
    }

    #[test]
    fn a_first_contact_at_once_is_told_as_such_and_none_is_a_dash() {
        let told = |reached, median_seconds, p90_seconds| {
            let contacted = StageCount { median_seconds, p90_seconds, ..stage(Stage::Contacted, reached, 0, 0) };
            let all = GetFunnelResponse { stages: vec![contacted], ..GetFunnelResponse::default() };
            let figure = figures(&all).remove(4);
            (figure.value, figure.note.unwrap_or_default())
        };
        assert_eq!(told(1, 0.0, 0.0), ("under 1 min".to_owned(), "90% within 1 min".to_owned()));
        assert_eq!(told(3, 90.0, 7200.0), ("1 min".to_owned(), "90% within 2 h".to_owned()));
        assert_eq!(told(0, 0.0, 0.0), ("–".to_owned(), String::new()));
    }

    #[test]
    fn nothing_of_nothing_is_a_dash() {
        let figures = figures(&GetFunnelResponse::default());
        assert_eq!(figures[1].value, "–");
        assert_eq!(figures[4].value, "–");
    }

    #[test]
    fn why_inquiries_were_opened_again_is_said_with_why_they_had_been_closed() {
        let one = |reason: &str, close_reason: &str, count| ReopenCount {
            reason: reason.into(),
            close_reason: close_reason.into(),
            count,
        };
        let reopenings = vec![one("", "", 11), one("came_back", "not_ready", 20)];
        let rows = reopened(&GetFunnelResponse { reopenings, ..GetFunnelResponse::default() });
        let said: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.count)).collect();
        assert_eq!(said, [("The patient came back; it was closed as: Not ready now", 20), ("Reason not said", 11)]);
        let few = vec![one("came_back", "not_ready", 2), one("", "", 1), one("other", "not_ready", 13)];
        let rows = reopened(&GetFunnelResponse { reopenings: few, ..GetFunnelResponse::default() });
        assert_eq!(rows.iter().map(|row| (row.name.as_str(), row.count)).collect::<Vec<_>>(), [("Other", 16)]);
        let gone = |reason: &str, count| ReasonCount { reason: reason.into(), count };
        let close_reasons = vec![gone("not_ready", 3), gone("other_center", 40), gone("deceased", 9)];
        let rows = reasons(&GetFunnelResponse { close_reasons, ..GetFunnelResponse::default() });
        assert_eq!(rows.iter().map(|row| row.count).collect::<Vec<_>>(), [40, 12]);
        assert_eq!(rows[1].name, "Other");
    }
}
