//! Business time against a counter that looks at every single minute.
//!
//! The counter shares nothing with the calendar but the zones of jiff: it walks minute by minute, reads what the clock on
//! the wall shows, and has its own reading of hours, holidays, closures and pauses. A thousand cases run each time;
//! `CAUSEWAY_CLOCK_CASES=1000000` runs as many as it says, on all cores.
//!
//! ```text
//! CAUSEWAY_CLOCK_CASES=1000000 cargo test -p causeway-funnel --test clock --profile fast -- --nocapture
//! ```

use std::time::Instant;

use causeway_funnel::calendar::{Calendar, Clocked, Closure, Interval, Pause};
use causeway_funnel::holiday::Holiday;
use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

const DAY: usize = 24 * 60;
/// A world's minutes: two days before the first question, so that the walk knows what has opened, and 45 for the answers.
const LEAD: usize = 2 * DAY;
const MINUTES: usize = LEAD + 45 * DAY;

/// Zones, each with the years in which it is asked about: those whose clocks change no more, in the years when they did.
const ZONES: [(&str, i16, i16); 9] = [
    ("America/Los_Angeles", 2020, 2040),
    ("America/New_York", 2020, 2040),
    ("America/Phoenix", 2020, 2040),
    ("Europe/London", 2020, 2040),
    ("Asia/Kathmandu", 2020, 2040),
    ("Australia/Lord_Howe", 2020, 2040),
    ("America/Sao_Paulo", 2006, 2019),
    ("Pacific/Apia", 2010, 2022),
    ("Pacific/Auckland", 2020, 2040),
];

/// A small generator of numbers, the same on every machine (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `from` up to and without `to`.
    fn within(&mut self, from: usize, to: usize) -> usize {
        from + usize::try_from(self.next() % (to - from) as u64).expect("below a usize")
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.within(0, many) == 0
    }
}

/// The week as the counter keeps it: by weekday, openings in minutes after midnight.
type Week = [Vec<(usize, usize)>; 7];

/// Whether a date is a day off, read without the calendar's rules: by the place of the day in its month.
fn is_day_off(holiday: Holiday, date: Date) -> bool {
    let nth = (date.day() - 1) / 7 + 1;
    let is_last = date.day() + 7 > date.days_in_month();
    // On the day, on the Friday before a Saturday, on the Monday after a Sunday.
    let on = |month: i8, day: i8| {
        let is_it = |date: Date| (date.month(), date.day()) == (month, day);
        is_it(date)
            || (date.weekday() == Weekday::Friday && date.tomorrow().is_ok_and(is_it))
            || (date.weekday() == Weekday::Monday && date.yesterday().is_ok_and(is_it))
    };
    match holiday {
        Holiday::NewYearsDay => on(1, 1),
        Holiday::MemorialDay => date.month() == 5 && date.weekday() == Weekday::Monday && is_last,
        Holiday::IndependenceDay => on(7, 4),
        Holiday::LaborDay => date.month() == 9 && date.weekday() == Weekday::Monday && nth == 1,
        Holiday::VeteransDay => on(11, 11),
        Holiday::Thanksgiving => date.month() == 11 && date.weekday() == Weekday::Thursday && nth == 4,
        Holiday::ChristmasDay => on(12, 25),
        other => unreachable!("the counter knows no {other}"),
    }
}

const DAYS_OFF: [Holiday; 7] = [
    Holiday::NewYearsDay,
    Holiday::MemorialDay,
    Holiday::IndependenceDay,
    Holiday::LaborDay,
    Holiday::VeteransDay,
    Holiday::Thanksgiving,
    Holiday::ChristmasDay,
];

/// A calendar, and every minute of a stretch of time with whether it is open.
struct World {
    calendar: Calendar,
    /// The first minute, in minutes since the Unix epoch.
    first: i64,
    open: Vec<bool>,
    about: String,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let (name, from, to) = ZONES[dice.within(0, ZONES.len())];
        let zone = TimeZone::get(name).expect("a zone");
        let first = first_minute(&mut dice, &zone, from, to);
        let mut calendar = Calendar::new(name).expect("a zone");

        let mut week = Week::default();
        for _ in 0..dice.within(1, 16) {
            let (weekday, open) = (dice.within(0, 7), dice.within(0, DAY - 1));
            // Whole days, nights that reach midnight, and lunch breaks of a minute are all hours that somebody has.
            let (open, close) = match dice.within(0, 6) {
                0 => (0, DAY),
                1 => (open, DAY),
                2 => (0, open + 1),
                _ => (open, (open + dice.within(1, 700)).min(DAY)),
            };
            week[weekday].push((open, close));
            let day = Weekday::from_monday_zero_offset(weekday as i8).expect("a weekday");
            let interval = Interval::new(open as u16, close as u16).expect("an opening");
            calendar = calendar.with_hours(day, interval);
        }
        let mut holidays = Vec::new();
        for holiday in DAYS_OFF {
            if dice.one_in(2) {
                holidays.push(holiday);
                calendar = calendar.with_holiday(holiday);
            }
        }
        let mut closed = Vec::new();
        for _ in 0..dice.within(0, 4) {
            let minute = first + dice.within(0, MINUTES) as i64;
            let date = zone.to_datetime(instant(minute)).date();
            closed.push(date);
            calendar = calendar.with_closed_day(date, "closed");
        }
        let mut open = walk(&zone, first, &week, |date| {
            closed.contains(&date) || holidays.iter().any(|holiday| is_day_off(*holiday, date))
        });
        for _ in 0..dice.within(0, 4) {
            let (from, to) = stretch(&mut dice, 0, MINUTES);
            open[from..to].fill(false);
            calendar = calendar.with_closure(closure(first, from, to));
        }
        let about = format!("world {seed}: {name} from {}, {week:?}, closed {closed:?} {holidays:?}", instant(first));
        Self { calendar, first, open, about }
    }

    fn at(&self, index: usize) -> Timestamp {
        instant(self.first + index as i64)
    }
}

fn instant(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).expect("an instant")
}

/// The first minute of a date, in minutes since the Unix epoch.
fn midnight(zone: &TimeZone, date: Date) -> i64 {
    zone.to_timestamp(date.at(0, 0, 0, 0)).expect("an instant").as_second() / 60
}

fn closure(first: i64, from: usize, to: usize) -> Closure {
    Closure { from: instant(first + from as i64), to: instant(first + to as i64), reason: "storm".into() }
}

/// A stretch inside the minutes, mostly of hours and sometimes of days.
fn stretch(dice: &mut Dice, from: usize, to: usize) -> (usize, usize) {
    let begin = dice.within(from, to - 1);
    let most = if dice.one_in(4) { 6 * DAY } else { 600 };
    (begin, (begin + dice.within(1, most)).min(to))
}

/// Where a world begins: two times of three so that the zone's clocks change within its first three weeks.
fn first_minute(dice: &mut Dice, zone: &TimeZone, from: i16, to: i16) -> i64 {
    let minute = |year| midnight(&TimeZone::UTC, Date::new(year, 1, 1).expect("a date"));
    let (from, to) = (minute(from), minute(to));
    let anywhere = from + dice.within(0, usize::try_from(to - from).expect("later")) as i64;
    if dice.one_in(3) {
        return anywhere;
    }
    match zone.following(instant(anywhere)).next() {
        Some(change) => change.timestamp().as_second() / 60 - dice.within(0, 21 * DAY) as i64,
        None => anywhere,
    }
}

/// Walks every minute: a day's opening begins in the first minute in which the wall shows its hour or a later one, and
/// ends in the first one in which it shows its end.
fn walk(zone: &TimeZone, first: i64, week: &Week, is_off: impl Fn(Date) -> bool) -> Vec<bool> {
    let mut open = Vec::with_capacity(MINUTES);
    let (mut today, mut hours) = (Date::ZERO, Vec::new());
    for minute in first..first + MINUTES as i64 {
        let wall = zone.to_datetime(instant(minute));
        if wall.date() != today {
            today = wall.date();
            let weekday = usize::try_from(today.weekday().to_monday_zero_offset()).expect("a weekday");
            let of_day: &[(usize, usize)] = if is_off(today) { &[] } else { &week[weekday] };
            hours = of_day.iter().map(|(from, to)| (*from, *to, false, false)).collect();
        }
        let shown = wall.hour() as usize * 60 + wall.minute() as usize;
        let mut is_open = false;
        for (from, to, begun, ended) in &mut hours {
            *begun |= shown >= *from;
            *ended |= shown >= *to;
            is_open |= *begun && !*ended;
        }
        open.push(is_open);
    }
    open
}

/// One question: all that the calendar can be asked, and the counter's answers.
struct Case<'a> {
    world: &'a World,
    start: usize,
    minutes: u32,
    later: Option<(usize, usize)>,
    pauses: Vec<(usize, usize)>,
}

impl<'a> Case<'a> {
    fn new(world: &'a World, dice: &mut Dice) -> Self {
        let start = dice.within(LEAD, LEAD + 20 * DAY);
        let near = |dice: &mut Dice| stretch(dice, start.saturating_sub(DAY).max(LEAD), start + 8 * DAY);
        let most = if dice.one_in(4) { 3000 } else { 600 };
        let minutes = dice.within(0, most) as u32;
        let later = dice.one_in(2).then(|| near(dice));
        let pauses = (0..dice.within(0, 4)).map(|_| near(dice)).collect();
        Self { world, start, minutes, later, pauses }
    }

    /// Whether a minute counts for somebody who is not paused.
    fn is_open(&self, index: usize) -> bool {
        self.world.open[index] && !self.later.is_some_and(|(from, to)| from <= index && index < to)
    }

    /// Counts until so many minutes have passed; the instant at which they have. None: beyond this world.
    fn counted(&self, minutes: u32, stands: impl Fn(usize) -> bool) -> Option<usize> {
        let mut left = minutes;
        for index in self.start..MINUTES {
            if !self.is_open(index) || stands(index) {
                continue;
            }
            if left <= 1 {
                return Some(if left == 0 { index } else { index + 1 });
            }
            left -= 1;
        }
        None
    }

    /// Compares; gives how many answers lay within the world.
    fn check(&self) -> usize {
        let with_later = self.later.map(|(from, to)| {
            // One that is asked before the closure is entered has its years compiled and must not keep them.
            self.world.calendar.clone().with_closure(closure(self.world.first, from, to))
        });
        let calendar = with_later.as_ref().unwrap_or(&self.world.calendar);
        let (at, told) = (|index| self.world.at(index), || self.told());
        let start = at(self.start);
        let mut answers = 0;
        assert_eq!(calendar.is_open(start), self.is_open(self.start), "is it open; {}", told());
        if let Some(opening) = self.counted(0, |_| false) {
            answers += 1;
            assert_eq!(calendar.next_opening(start), at(opening), "the next opening; {}", told());
        }
        if let Some(due) = self.counted(self.minutes, |_| false) {
            answers += 1;
            assert_eq!(calendar.add_business(start, self.minutes), at(due), "due without a pause; {}", told());
            let between = (self.start..due).filter(|index| self.is_open(*index)).count();
            assert_eq!(calendar.business_minutes_between(start, at(due)), between as i64, "minutes; {}", told());
        }
        // A clock of no minutes is over when it begins, whatever stands still.
        let minutes = self.minutes.max(1);
        let stands = |index: usize| self.pauses.iter().any(|(from, to)| *from <= index && index < *to);
        if let Some(due) = self.counted(minutes, stands) {
            answers += 1;
            let pauses = self.pauses.iter().map(|(from, to)| Pause { from: at(*from), to: Some(at(*to)) }).collect();
            let clocked = Clocked { started: start, pauses };
            assert_eq!(calendar.due(&clocked, minutes), at(due), "due with pauses; {}", told());
        }
        answers
    }

    fn told(&self) -> String {
        let Self { world, start, minutes, later, pauses } = self;
        format!("{}; start {}, {minutes} min, closed {later:?}, pauses {pauses:?}", world.about, world.at(*start))
    }
}

#[test]
fn business_time_equals_a_count_of_single_minutes_in_every_zone_and_over_every_change_of_clocks() {
    let wanted = std::env::var("CAUSEWAY_CLOCK_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000_usize);
    let in_a_world = (wanted / 50).clamp(1, 500);
    let worlds = wanted.div_ceil(in_a_world);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let answers: usize = std::thread::scope(|scope| {
        let work = |mine: usize| {
            let cases = (mine..worlds).step_by(threads).map(|number| {
                let (world, mut dice) = (World::new(number as u64), Dice(!(number as u64)));
                (0..in_a_world).map(|_| Case::new(&world, &mut dice).check()).sum::<usize>()
            });
            cases.sum::<usize>()
        };
        let running: Vec<_> = (0..threads).map(|mine| scope.spawn(move || work(mine))).collect();
        running.into_iter().map(|thread| thread.join().expect("no case differs")).sum()
    });
    let cases = worlds * in_a_world;
    println!("{cases} cases, {answers} answers compared in {:.1} s", began.elapsed().as_secs_f64());
    assert!(
        answers > cases * 2,
        "most answers lie within the worlds, or this shows little: {answers} of {cases} cases"
    );
}

#[test]
fn the_counter_itself_counts_the_hours_of_a_day_that_is_longer_or_shorter() {
    let zone = TimeZone::get("America/Los_Angeles").expect("a zone");
    let mut week = Week::default();
    week[6].push((0, DAY));
    for (sunday, hours) in [("2027-03-14", 23), ("2027-11-07", 25), ("2027-11-14", 24)] {
        let date: Date = sunday.parse().expect("a date");
        let first = midnight(&zone, date) - 48 * 60;
        let open = walk(&zone, first, &week, |_| false);
        assert_eq!(open[..LEAD + 2 * DAY].iter().filter(|open| **open).count(), hours * 60, "{sunday}");
    }
}

/// A measure and not a proof: due times of an ordinary center in a second on one core.
#[test]
fn due_times_are_fast_enough_for_a_whole_years_inquiries_to_be_replayed() {
    let weekdays = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
    let hours = ["08:00-12:00", "13:00-17:30"].map(|text| Interval::parse(text).expect("hours"));
    let calendar = weekdays
        .iter()
        .flat_map(|day| hours.map(|interval| (*day, interval)))
        .fold(Calendar::new("America/Los_Angeles").expect("a zone"), |all, (day, hours)| all.with_hours(day, hours));
    let calendar = DAYS_OFF.into_iter().fold(calendar, Calendar::with_holiday);
    let starts: Vec<Timestamp> = (0..100_000).map(|number| instant(29_500_000 + number * 5)).collect();
    let began = Instant::now();
    let latest = starts.iter().map(|start| calendar.add_business(*start, 480)).max();
    let a_second = starts.len() as f64 / began.elapsed().as_secs_f64();
    println!("{a_second:.0} due times a second");
    assert!(latest > starts.last().copied());
    assert!(a_second > 20_000.0, "{a_second:.0} due times a second, without the optimiser on a busy machine");
}
