//! The funnel: how far inquiries came, where they left, and why.
//!
//! Every inquiry of the range counts once. "Left" is closed before a stage, "still open" can move on; both stand
//! beside the bar as numbers. Bars are SVG whose sizes are attributes, so no inline style is needed, and each bar has
//! its number as text. Deliberately not here: how the numbers are made, and hiding small groups.

use askama::Template;

use super::{Filter, HiddenField, StaffFrame};

/// The funnel.
#[derive(Debug, Template)]
#[template(path = "funnel.html")]
pub struct FunnelPage {
    /// Around the page.
    pub frame: StaffFrame,
    /// The range in words, such as "Inquiries that came in Dec 1 to Feb 28".
    pub range: String,
    /// How fresh it is, such as "March 3, 2:15 pm".
    pub data_to: String,
    /// First day of the range, `yyyy-mm-dd`.
    pub from: String,
    /// Last day of the range, `yyyy-mm-dd`.
    pub to: String,
    /// Further filters; the form is a GET of `/funnel`.
    pub filters: Vec<Filter>,
    /// What the form keeps of the address, such as the breakdown.
    pub keep: Vec<HiddenField>,
    /// Where the numbers can be had as a file.
    pub export_url: Option<String>,
    /// Inquiries, reached, booked, kept, first contact, within target, days to visit.
    pub figures: Vec<Figure>,
    /// The stages, first one with everyone.
    pub stages: Vec<StageRow>,
    /// How long the first contact took; empty when it is not known.
    pub speed: Vec<SpeedBin>,
    /// A sentence below the times, such as the after-hours wait.
    pub speed_note: String,
    /// What made those booked who ever were, visits first; empty while nobody was by anything else.
    pub conversions: Vec<ConversionRow>,
    /// By source, by team, and so on.
    pub breakdowns: Vec<Breakdown>,
    /// The main reason of those who left, most common first.
    pub reasons: Vec<ReasonRow>,
    /// Why closed inquiries were opened again, and why they had been closed.
    pub reopened: Vec<ReasonRow>,
    /// Where forms lose people; none while it is not known.
    pub forms: Option<FormsPart>,
    /// What was sent to another team; none while it is not known.
    pub rerouted: Option<ReroutedPart>,
    /// What reviewers decided; none while it is not known.
    pub reviewed: Option<ReviewedPart>,
}

/// What reviewers decided.
#[derive(Clone, Debug, Default)]
pub struct ReviewedPart {
    /// How many decisions, and how long the records had waited.
    pub told: String,
    /// All decisions.
    pub all: u64,
    /// Each decision and reason, the most frequent first.
    pub rows: Vec<ReviewedRow>,
}

/// A decision, and a reason.
#[derive(Clone, Debug, Default)]
pub struct ReviewedRow {
    /// What was decided.
    pub decision: String,
    /// Why; a dash where it needs no reason.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// What made inquiries scheduled.
#[derive(Clone, Debug)]
pub struct ConversionRow {
    /// "A visit", "Screening call".
    pub name: String,
    /// How many.
    pub count: u64,
    /// How many of these took place; none: it is seen in the stages.
    pub done: Option<u64>,
}

/// What was sent to another team.
#[derive(Clone, Debug, Default)]
pub struct ReroutedPart {
    /// Of how many, how often, and how many went to and fro.
    pub share: String,
    /// Inquiries that reached a team.
    pub routed: u64,
    /// Each way and reason, the most frequent first.
    pub rows: Vec<ReroutedRow>,
}

/// A way from team to team, and a reason.
#[derive(Clone, Debug, Default)]
pub struct ReroutedRow {
    /// The program and the team that the table chose.
    pub from: String,
    /// The team that they were sent to.
    pub to: String,
    /// Why.
    pub reason: String,
    /// How often.
    pub moves: u64,
    /// How many inquiries; none where it is not known, since one that went several ways would count for each.
    pub inquiries: Option<u64>,
}

/// Where forms lose people.
#[derive(Clone, Debug, Default)]
pub struct FormsPart {
    /// Each form, the one that most people began first.
    pub forms: Vec<FormRow>,
    /// What most people were told to mend, most common first.
    pub fields: Vec<FieldRow>,
}

/// What became of the showings of a form.
#[derive(Clone, Debug, Default)]
pub struct FormRow {
    /// The form, with the language of its page.
    pub name: String,
    /// How often it was shown.
    pub shown: u64,
    /// In how many of them somebody began to answer.
    pub begun: u64,
    /// From how many a request came.
    pub sent: u64,
    /// From how many none came within a day.
    pub left: u64,
}

/// A field that people were told to mend.
#[derive(Clone, Debug, Default)]
pub struct FieldRow {
    /// The question's words.
    pub name: String,
    /// The form, with the language of its page.
    pub form: String,
    /// What was wrong.
    pub fault: String,
    /// In how many showings.
    pub showings: u64,
}

/// A number in the strip.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The number with its unit.
    pub value: String,
    /// What it is made of, or how it changed.
    pub note: Option<String>,
}

/// A stage of the map.
#[derive(Clone, Debug)]
pub struct StageRow {
    /// Its name.
    pub name: String,
    /// How many got this far.
    pub reached: u64,
    /// How many closed before it.
    pub left: u64,
    /// How many a sister center got before it; they have not left.
    pub handed: u64,
    /// How many ended before it with a next step that took place; they have not left.
    pub done: u64,
    /// How many are still before it and open.
    pub open: u64,
}

/// A column of the time to first contact.
#[derive(Clone, Debug)]
pub struct SpeedBin {
    /// "5–15 min".
    pub label: String,
    /// How many first contacts.
    pub count: u64,
    /// The share that booked later, such as "69%".
    pub booked: String,
    /// Against the target.
    pub kind: SpeedKind,
}

/// How a first contact stands against the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeedKind {
    /// Made within the target.
    Within,
    /// Made later.
    Later,
    /// Not made yet; never counted as a contact.
    NoneYet,
}

/// A table of one dimension.
#[derive(Clone, Debug)]
pub struct Breakdown {
    /// Its id on the page, such as `by-source`.
    pub id: String,
    /// "By source".
    pub heading: String,
    /// "Source".
    pub column: String,
    /// Its rows, largest first.
    pub rows: Vec<BreakdownRow>,
}

/// A row of a breakdown.
#[derive(Clone, Debug)]
pub struct BreakdownRow {
    /// The value of the dimension.
    pub name: String,
    /// How many inquiries.
    pub inquiries: u64,
    /// How many were ever reached.
    pub reached: u64,
    /// How many were ever booked.
    pub booked: u64,
    /// How many kept the visit.
    pub kept: u64,
    /// Median time to first contact.
    pub first_contact: String,
}

/// Why people left.
#[derive(Clone, Debug)]
pub struct ReasonRow {
    /// The reason.
    pub name: String,
    /// How many.
    pub count: u64,
}

// Templates hand over references, so these three take them.

/// A share in whole per cent; "–" of nothing.
fn percent(part: &u64, whole: &u64) -> String {
    if *whole == 0 { "–".to_owned() } else { format!("{}%", (part * 200 + whole) / (whole * 2)) }
}

/// The length of a bar on a scale of 100.
fn length(part: &u64, whole: &u64) -> String {
    if *whole == 0 { "0".to_owned() } else { format!("{:.2}", *part as f64 * 100.0 / *whole as f64) }
}

/// 1284 as "1,284".
fn grouped(number: &u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl FunnelPage {
    fn total(&self) -> u64 {
        self.stages.first().map_or(0, |stage| stage.reached)
    }

    fn left(&self) -> u64 {
        self.reasons.iter().map(|reason| reason.count).sum()
    }

    /// The reached number of the stage before.
    fn before(&self, place: &usize) -> u64 {
        place.checked_sub(1).map_or(0, |before| self.stages[before].reached)
    }

    fn most_left(&self) -> u64 {
        self.reasons.iter().map(|reason| reason.count).max().unwrap_or(0)
    }

    fn tallest(&self) -> u64 {
        self.speed.iter().map(|bin| bin.count).max().unwrap_or(0)
    }

    fn speed_of(&self, kind: SpeedKind) -> u64 {
        self.speed.iter().filter(|bin| bin.kind == kind).map(|bin| bin.count).sum()
    }

    fn within(&self) -> u64 {
        self.speed_of(SpeedKind::Within)
    }

    fn later(&self) -> u64 {
        self.speed_of(SpeedKind::Later)
    }

    fn none_yet(&self) -> u64 {
        self.speed_of(SpeedKind::NoneYet)
    }

    fn contacted(&self) -> u64 {
        self.within() + self.later()
    }
}

impl StageRow {
    fn open_from(&self, total: &u64) -> String {
        length(&self.reached, total)
    }

    fn left_from(&self, total: &u64) -> String {
        length(&(self.reached + self.open), total)
    }
}

impl SpeedBin {
    fn class(&self) -> &'static str {
        match self.kind {
            SpeedKind::Within => "f1",
            SpeedKind::Later => "f2",
            SpeedKind::NoneYet => "fm",
        }
    }

    fn height(&self, tallest: &u64) -> String {
        length(&self.count, tallest)
    }

    fn top(&self, tallest: &u64) -> String {
        length(&tallest.saturating_sub(self.count), tallest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_nothing_of_nothing_is_a_dash() {
        assert_eq!(percent(&1063, &1284), "83%");
        assert_eq!(percent(&1, &200), "1%");
        assert_eq!(percent(&0, &0), "–");
        assert_eq!(length(&1, &3), "33.33");
    }

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(grouped(&0), "0");
        assert_eq!(grouped(&999), "999");
        assert_eq!(grouped(&1284), "1,284");
        assert_eq!(grouped(&1_234_567), "1,234,567");
    }
}
