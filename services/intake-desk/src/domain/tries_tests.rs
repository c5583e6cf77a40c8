//! The next try: for every person, place and hour it is found again minute by minute, by rules that are written out here.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::inquiry::{BestTime, Channel, Consents, Facts};
use causeway_funnel::next_action::Targets;
use causeway_funnel::profile::QuietHours;
use causeway_funnel::stage::{CloseReason, Stage};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::{START, at, calendar, new_inquiry, quiet};
use super::*;

const ZONES: [&str; 5] = ["America/Chicago", "America/New_York", "Pacific/Honolulu", "Europe/Berlin", "Asia/Tokyo"];
const QUIET: [(&str, &str); 5] =
    [("20:00", "08:00"), ("22:00", "06:30"), ("00:00", "07:00"), ("13:00", "15:00"), ("09:00", "09:00")];

fn quiet_hours((from, to): (&str, &str)) -> QuietHours {
    QuietHours { from: from.parse().expect("a time"), to: to.parse().expect("a time") }
}

/// Monday to Friday, 08:00 to 17:00 in Chicago: the calendar of these tests, said once more.
fn is_open(minute: Timestamp) -> bool {
    let local = TimeZone::get("America/Chicago").expect("a zone").to_datetime(minute);
    !matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday) && (8..17).contains(&local.hour())
}

fn likes(best: BestTime, hour: i8) -> bool {
    match best {
        BestTime::Morning => (8..12).contains(&hour),
        BestTime::Afternoon => (12..17).contains(&hour),
        BestTime::Evening => (17..21).contains(&hour),
        BestTime::Any => true,
    }
}

fn minute(number: i64) -> Timestamp {
    at(START) + SignedDuration::from_mins(number)
}

/// Minutes from one on in which the center is open, up to the end of the next business day at the latest.
fn open_minutes(now: i64, most: u32) -> Vec<i64> {
    let day = |number: i64| TimeZone::get("America/Chicago").expect("a zone").to_datetime(minute(number)).date();
    let next_day = (now..).find(|number| day(*number) > day(now) && is_open(minute(*number))).map(day);
    let rest = (now..).take_while(|number| Some(day(*number)) <= next_day);
    rest.filter(|number| is_open(minute(*number))).take(most as usize).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_next_try_is_in_the_last_minute_that_the_person_likes_else_one_in_which_they_are_awake_else_the_last_one(
        now in 0i64..(14 * 24 * 60),
        zone in 0usize..ZONES.len(),
        quiet in 0usize..QUIET.len(),
        best in 0usize..BestTime::ALL.len(),
        within in prop_oneof![Just(60u32), Just(480), Just(5000)],
    ) {
        let (calendar, quiet, best) = (calendar(), quiet_hours(QUIET[quiet]), BestTime::ALL[best]);
        let targets = Targets { try_again_minutes: within, ..Targets::default() };
        let rules = Rules { calendar: &calendar, targets: &targets, book_when: BookWhen::BookAtOnce, quiet, chase: None };
        let facts = Facts { time_zone: ZONES[zone].into(), best_time: best, ..Facts::default() };
        let due = next_try(minute(now), &facts, &rules);

        let open = open_minutes(now, within);
        let local = |number: i64| TimeZone::get(ZONES[zone]).expect("a zone").to_datetime(minute(number));
        let awake: Vec<i64> = open.iter().copied().filter(|number| !quiet.covers(local(*number).time())).collect();
        let liked = awake.iter().copied().rfind(|number| likes(best, local(*number).hour()));
        let last = liked.or(awake.last().copied()).or(open.last().copied()).expect("an open minute");
        prop_assert_eq!(due, minute(last + 1), "the end of that minute");
        prop_assert!(due > minute(now));
    }

    #[test]
    fn a_way_is_never_used_against_the_persons_word_nor_after_a_wrong_number_nor_a_third_time_in_vain(
        (email, sms, phone) in any::<(bool, bool, bool)>(),
        preferred in 0usize..Channel::ALL.len(),
        tries in prop::collection::vec((0usize..3, 0usize..5), 0..7),
    ) {
        let facts = Facts {
            preferred_channel: Channel::ALL[preferred],
            consents: Consents { email, sms, phone, voicemail: false },
            ..Facts::default()
        };
        let tries: Vec<(Channel, Outcome)> =
            tries.iter().map(|(way, outcome)| (Channel::ALL[*way], Outcome::ALL[*outcome].0)).collect();
        let next = next_channel(&tries, &facts);
        let is_number = |way: Channel| matches!(way, Channel::Phone | Channel::Sms);
        let wrong = tries.iter().any(|(way, outcome)| is_number(*way) && *outcome == Outcome::WrongNumber);
        let nothing_allowed = !facts.consents.any();
        let Some(next) = next else {
            let way_left = (email && !tries.contains(&(Channel::Email, Outcome::WrongNumber)))
                || (!wrong && (sms || phone || nothing_allowed));
            prop_assert!(!way_left, "there was a way");
            return Ok(());
        };
        let allowed = facts.consents.allow(next) || (next == Channel::Phone && nothing_allowed);
        prop_assert!(allowed, "{}", next);
        prop_assert!(!(wrong && is_number(next)));
        let in_vain = |way: Channel| [Outcome::NoAnswer, Outcome::Voicemail].map(|outcome| (way, outcome));
        if let [.., one, other] = tries.as_slice() {
            let twice = in_vain(next).contains(one) && in_vain(next).contains(other);
            let only_way = [Channel::Phone, Channel::Sms, Channel::Email, facts.preferred_channel].into_iter().all(|way| {
                way == next || !facts.consents.allow(way) || (wrong && is_number(way))
                    || tries.contains(&(way, Outcome::WrongNumber))
            });
            prop_assert!(!twice || only_way, "{} again", next);
        }
    }
}

#[test]
fn who_asks_to_be_left_alone_or_has_died_is_closed_with_that_reason_in_the_same_moment() {
    for (outcome, reason, contacted) in
        [(Outcome::AskedToStop, CloseReason::AskedToStop, true), (Outcome::Deceased, CloseReason::Deceased, false)]
    {
        let (calendar, targets) = (calendar(), Targets::default());
        let rules = Rules {
            calendar: &calendar,
            targets: &targets,
            book_when: BookWhen::BookAtOnce,
            quiet: quiet(),
            chase: None,
        };
        let step = Step::Attempt { channel: Channel::Phone, outcome, call_back_at: None };
        let decided = decide(new_inquiry(), &step, &By("dana".into()), at(START), &rules).expect("decided");
        let inquiry = &decided.inquiry;
        assert_eq!((inquiry.stage, inquiry.close_reason, inquiry.due_at), (Stage::Closed, Some(reason), None));
        assert_eq!((inquiry.attempts, inquiry.first_contact_at.is_some()), (1, contacted));
        let told = decided.told.iter().any(|told| matches!(told, Told::StageChanged { to: Stage::Closed, .. }));
        assert!(told, "so that nothing is sent any more");
        let lines: Vec<&str> = decided.entries.iter().map(|entry| entry.kind).collect();
        assert_eq!(lines, ["attempt", "closed"]);
    }
}

#[test]
fn every_outcome_reads_back_from_its_word_and_has_words_of_its_own() {
    for (outcome, word, words) in Outcome::ALL {
        assert_eq!(Outcome::parse(word), Some(outcome));
        assert_eq!(Outcome::ALL.iter().filter(|row| row.1 == word || row.2 == words).count(), 1);
    }
}
