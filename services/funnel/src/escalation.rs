//! Who hears that something is about to be late or is late, and when: one rule for a first contact and for a review of records.
//!
//! Levels are computed from the due time as it stands: a clock that was moved moves what has not been raised with it, and a look that
//! comes late finds every level that has passed, in order. Deliberately not here: which levels were raised already (the services keep
//! that).

use jiff::{SignedDuration, Timestamp};

use crate::calendar::Calendar;
use crate::profile::{EscalateTo, EscalationLevel, Profile, StaffRole};

/// What is to be done about the levels of one inquiry at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels<'a> {
    /// Those to raise now, in order.
    pub reached: &'a [EscalationLevel],
    /// When the next one is.
    pub next_at: Option<Timestamp>,
}

/// The levels that have passed since the first `raised` ones were raised.
#[must_use]
pub fn levels<'a>(
    all: &'a [EscalationLevel],
    raised: usize,
    (calendar, due_at): (&Calendar, Timestamp),
    now: Timestamp,
) -> Levels<'a> {
    let open = all.get(raised..).unwrap_or_default();
    let at = |level: &EscalationLevel| around(calendar, due_at, level.at.0);
    let passed = open.iter().take_while(|level| at(level) <= now).count();
    Levels { reached: &open[..passed], next_at: open.get(passed).map(at) }
}

/// When a clock is to be looked at first: at its end, or at the first level before it.
#[must_use]
pub fn first_look(all: &[EscalationLevel], calendar: &Calendar, due_at: Timestamp) -> Timestamp {
    all.first().map_or(due_at, |level| around(calendar, due_at, level.at.0).min(due_at))
}

/// The staff who hear of a level.
#[must_use]
pub fn hearers(profile: &Profile, team_id: &str, owner: &str, to: &EscalateTo) -> Vec<String> {
    let lead = || profile.team(team_id).map(|team| team.escalate_to.clone()).into_iter().collect();
    match to {
        EscalateTo::Owner if profile.staff(owner).is_some() => vec![owner.to_owned()],
        EscalateTo::Owner | EscalateTo::Lead => lead(),
        EscalateTo::Manager => {
            let all = profile.teams.staff.iter().filter(|staff| staff.roles.contains(&StaffRole::Manager));
            all.map(|staff| staff.id.clone()).collect()
        }
        EscalateTo::Team(team) => profile.staff_of(team).map(|staff| staff.id.clone()).collect(),
    }
}

/// So many open minutes after an instant, or before it.
fn around(calendar: &Calendar, at: Timestamp, minutes: i32) -> Timestamp {
    match u32::try_from(minutes) {
        Ok(0) => at,
        Ok(after) => calendar.add_business(at, after),
        Err(_) => before(calendar, at, SignedDuration::from_mins(i64::from(minutes.unsigned_abs()))),
    }
}

/// Days that are looked at backwards, at first and at most: longer closures than the last leave the plain difference.
const LOOK_BACK_DAYS: [i64; 3] = [4, 30, 180];

fn before(calendar: &Calendar, at: Timestamp, amount: SignedDuration) -> Timestamp {
    for days in LOOK_BACK_DAYS {
        let from = at.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(at);
        let spans: Vec<_> = calendar.open_spans(from).take_while(|(open, _)| *open < at).collect();
        let mut left = amount;
        for (open, close) in spans.into_iter().rev() {
            let close = close.min(at);
            let length = open.duration_until(close);
            if left <= length {
                return close.saturating_sub(left).unwrap_or(open);
            }
            left -= length;
        }
    }
    at.saturating_sub(amount).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::AroundDue;

    fn harbor_valley() -> Profile {
        Profile::from_bundle(&crate::profile::tests::load("harbor-valley")).expect("the center has no fault")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn level(minutes: i32, to: EscalateTo) -> EscalationLevel {
        EscalationLevel { at: AroundDue(minutes), to }
    }

    fn three() -> [EscalationLevel; 3] {
        [level(-30, EscalateTo::Owner), level(0, EscalateTo::Lead), level(60, EscalateTo::Manager)]
    }

    #[test]
    fn levels_before_at_and_after_the_due_time_come_in_order_and_in_open_hours() {
        let (profile, all) = (harbor_valley(), three());
        let calendar = profile.calendar(None);
        // 7:45 on a Friday, a quarter of an hour after the opening; the center closed at 18:30 the day before.
        let due = at("2027-03-05T15:45:00Z");
        let seen = |raised, now: &str| levels(&all, raised, (calendar, due), at(now));
        assert_eq!(
            first_look(&all, calendar, due),
            at("2027-03-05T02:15:00Z"),
            "a quarter of an hour before the closing"
        );
        assert!(seen(0, "2027-03-05T02:14:59Z").reached.is_empty());
        let early = seen(0, "2027-03-05T02:15:00Z");
        assert_eq!((early.reached, early.next_at), (&all[..1], Some(due)));
        assert!(seen(1, "2027-03-05T15:44:00Z").reached.is_empty());
        // Somebody slept: all that passed comes at once, in order, and nothing twice.
        let late = seen(1, "2027-03-05T23:00:00Z");
        assert_eq!((late.reached, late.next_at), (&all[1..], None));
        assert_eq!(seen(3, "2027-03-09T00:00:00Z"), Levels { reached: &[], next_at: None });
        // A profile with fewer levels than were raised.
        assert!(levels(&all[..1], 3, (calendar, due), due).reached.is_empty());
    }

    #[test]
    fn a_level_without_an_owner_goes_to_the_lead_and_a_team_is_all_of_it() {
        let profile = harbor_valley();
        let hear = |owner: &str, to: EscalateTo| hearers(&profile, "trials", owner, &to);
        assert_eq!(hear("elena-vargas", EscalateTo::Owner), ["elena-vargas"]);
        assert_eq!(hear("", EscalateTo::Owner), ["omar-haddad"]);
        assert_eq!(hear("who-left", EscalateTo::Owner), ["omar-haddad"], "who left hears of nothing");
        assert_eq!(hear("elena-vargas", EscalateTo::Lead), ["omar-haddad"]);
        assert_eq!(hear("", EscalateTo::Manager), ["omar-haddad", "priya-nair"]);
        let team = hear("", EscalateTo::Team("breast".into()));
        assert_eq!(team, profile.staff_of("breast").map(|staff| staff.id.clone()).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn so_many_open_minutes_lie_between_a_level_and_the_due_time(second in 1_790_000_000_i64..1_860_000_000, minutes in 1..900_i32) {
            let profile = harbor_valley_calendar();
            let due = profile.next_opening(Timestamp::from_second(second / 60 * 60).expect("an instant"));
            let early = around(&profile, due, -minutes);
            prop_assert_eq!(profile.business_minutes_between(early, due), i64::from(minutes));
            prop_assert_eq!(profile.business_minutes_between(due, around(&profile, due, minutes)), i64::from(minutes));
        }
    }

    fn harbor_valley_calendar() -> Calendar {
        use std::sync::OnceLock;
        static CALENDAR: OnceLock<Calendar> = OnceLock::new();
        CALENDAR.get_or_init(|| harbor_valley().calendar(None).clone()).clone()
    }
}
