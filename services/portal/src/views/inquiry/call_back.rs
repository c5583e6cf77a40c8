//! When to call back: the times that may be chosen, and the instants that they stand for.
//!
//! A time is offered only where somebody of the team is there then and nothing is quiet at the person's place. Deliberately not here:
//! when the next try is due by the rule (intake desk).

use causeway_funnel::calendar::Calendar;
use causeway_proto::inquiry::v1::Facts;
use jiff::{SignedDuration, Timestamp};

use super::Looking;
use crate::pages::Choice;
use crate::views::there::{There, Welcome};

/// What may be chosen, with its words; nothing chosen leaves it to the rule.
const CALL_BACK: [(&str, &str); 4] = [
    ("1h", "In one hour"),
    ("3h", "In three hours"),
    ("next_morning", "Next opening"),
    ("next_afternoon", "Afternoon of the next open day"),
];

/// The hour at which an afternoon begins.
const AFTERNOON: i8 = 13;

/// The instant that was chosen, by opening times; 0 leaves it to the rule. An opening is sent as the instant that was shown.
pub fn call_back_at(sent: &str, now: Timestamp, calendar: &Calendar) -> i64 {
    sent.parse().ok().or_else(|| instant(sent, now, calendar).map(Timestamp::as_microsecond)).unwrap_or_default()
}

fn instant(word: &str, now: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
    let later = |hours| now.checked_add(SignedDuration::from_hours(hours)).ok();
    let tomorrow = || {
        let date = calendar.zone().to_datetime(now).date().tomorrow().ok()?;
        Some(calendar.next_opening(date.at(0, 0, 0, 0).to_zoned_datetime(calendar.zone().clone()).ok()?.timestamp()))
    };
    match word {
        "1h" => later(1),
        "3h" => later(3),
        "next_morning" => tomorrow(),
        "next_afternoon" => tomorrow().map(|opening| {
            let noon = calendar.zone().to_datetime(opening).date().at(AFTERNOON, 0, 0, 0);
            noon.to_zoned_datetime(calendar.zone().clone())
                .map_or(opening, |noon| calendar.next_opening(noon.timestamp()))
        }),
        _ => None,
    }
}

impl Looking<'_> {
    /// The times that may be chosen, each with the person's own time where their clock shows another one.
    pub(super) fn call_backs(&self) -> Vec<Choice> {
        let inquiry = &self.parts.inquiry;
        let unknown = Facts::default();
        let facts = inquiry.facts.as_ref().unwrap_or(&unknown);
        let site = Some(inquiry.site.as_str()).filter(|site| !site.is_empty());
        let calendar = self.profile.team_calendar(&inquiry.team, site);
        let choice = |(word, label): (&str, &str)| {
            let at = instant(word, self.now, calendar).filter(|at| calendar.is_open(*at))?;
            let of = |at| There::at(at, (&facts.time_zone, &facts.best_time), self.profile);
            let there = of(at);
            let is_quiet = there.welcome == Welcome::Quiet;
            if matches!(word, "1h" | "3h") {
                let label = there.other_time().map_or_else(|| label.to_owned(), |time| format!("{label}, {time}"));
                // Hours are counted from when the form is sent, at the end of the call.
                return (!is_quiet).then(|| Choice { value: word.to_owned(), label, ..Choice::default() });
            }
            let welcome = if is_quiet { self.later_that_day(word, at, &there, calendar)? } else { at };
            let there = of(welcome);
            let time = if is_quiet { Some(there.time()) } else { there.other_time() };
            let label = time.map_or_else(|| label.to_owned(), |time| format!("{label}, {time}"));
            Some(Choice { value: welcome.as_microsecond().to_string(), label, ..Choice::default() })
        };
        CALL_BACK.into_iter().filter_map(choice).collect()
    }

    /// When it is no longer quiet at their place, in the same half of the same day, where somebody is there then.
    fn later_that_day(&self, word: &str, at: Timestamp, there: &There, calendar: &Calendar) -> Option<Timestamp> {
        let awake = there.awake_at(&self.profile.center.messages.quiet).filter(|awake| calendar.is_open(*awake))?;
        let (opening, later) = (calendar.zone().to_datetime(at), calendar.zone().to_datetime(awake));
        let is_then = later.date() == opening.date() && (word == "next_afternoon" || later.hour() < AFTERNOON);
        is_then.then_some(awake)
    }
}
