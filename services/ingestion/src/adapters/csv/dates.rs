//! Dates as files write them, and as spreadsheets damage them.
//!
//! A five-digit number is a spreadsheet's count of days (1900-01-01 is 1, and day zero is 1899-12-30 because its calendar
//! has a day too many in 1900). A year of two digits is the last such year that is not in the future. What has the shape of
//! a date and is no day at all is told apart from words, because the one points at a mistake and the other at a person who
//! wrote what they knew. Deliberately not here: which field it is.

use causeway_funnel::profile::DateOrder;
use jiff::civil::{Date, date};

/// What a cell says of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// A day.
    Day(Date),
    /// Numbers in the shape of a date that are no day.
    NoDay,
    /// Something else.
    Words,
}

/// Counts of days that a spreadsheet's date of our times can be: 1900 to 2099.
const SERIALS: std::ops::RangeInclusive<i32> = 1..=73_050;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a cell. `today` decides what lies in the future.
#[must_use]
pub fn read(cell: &str, order: DateOrder, today: Date) -> Told {
    let text = cell.trim();
    if text.is_empty() {
        return Told::Nothing;
    }
    if let Some(day) = serial(text) {
        return day;
    }
    let plain: Vec<&str> = text.split([' ', 'T', '/', '-', '.', ',']).filter(|part| !part.is_empty()).collect();
    match plain.as_slice() {
        [whole, rest @ ..] if whole.len() == 8 && is_digits(whole) && is_time(rest, true) => eight_digits(whole, order),
        [a, b, c, rest @ ..] if is_time(rest, [a, b, c].iter().any(|part| part.len() == 4 && is_digits(part))) => {
            parts([a, b, c], order, today)
        }
        _ => Told::Words,
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the parts behind a date are a time of day, which does not matter here. A bare number behind one whose year is not
/// told in four digits may be that year: `Mar 12/04/1968`, a Tuesday.
fn is_time(rest: &[&str], has_year: bool) -> bool {
    let is_bare = match rest {
        [first, ..] if has_year || !is_digits(first) => false,
        [_, second, ..] => !matches!(second.to_ascii_lowercase().as_str(), "am" | "pm"),
        [] => false,
        [_] => true,
    };
    let is_clock = |part: &&str| {
        let part = part.trim_end_matches(['Z', 'z']);
        matches!(part.to_ascii_lowercase().as_str(), "am" | "pm" | "")
            || part.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'+')
    };
    !is_bare && rest.iter().all(is_clock)
}

/// A spreadsheet's number of a day, as it stands in a cell that lost its format.
fn serial(text: &str) -> Option<Told> {
    let (days, fraction) = text.split_once('.').unwrap_or((text, ""));
    if days.len() != 5 || !is_digits(days) || !is_digits(fraction) {
        return None;
    }
    let count: i32 = days.parse().ok()?;
    let zero = date(1899, 12, 30);
    let day = SERIALS.contains(&count).then(|| zero.checked_add(jiff::Span::new().days(count)).ok()).flatten();
    Some(day.map_or(Told::NoDay, Told::Day))
}

/// Year first where that is a day, else in the order of the feed. Both is never: a month that begins a year of our times is none.
fn eight_digits(text: &str, order: DateOrder) -> Told {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<i16>().ok()).unwrap_or(0);
    let of_our_times = |year: i16, month: i16, day: i16| match day_of(year, month, day) {
        told @ Told::Day(_) if (1850..2200).contains(&year) => told,
        _ => Told::NoDay,
    };
    let (a, b, year) = (number(0..2), number(2..4), number(4..8));
    let (month, day) = if order == DateOrder::DayFirst { (b, a) } else { (a, b) };
    match of_our_times(number(0..4), number(4..6), number(6..8)) {
        Told::NoDay => of_our_times(year, month, day),
        told => told,
    }
}

fn parts(told: [&str; 3], order: DateOrder, today: Date) -> Told {
    let month_word = told.iter().position(|part| month_by_name(part).is_some());
    let ordered = match month_word {
        // 12-Apr-2026, Apr 12, 2026.
        Some(1) if told[0].len() == 4 => [told[0], told[1], told[2]],
        Some(1) => [told[2], told[1], told[0]],
        Some(0) => [told[2], told[0], told[1]],
        Some(_) => return Told::Words,
        None if told[0].len() == 4 => told,
        None => match order {
            DateOrder::MonthFirst => [told[2], told[0], told[1]],
            DateOrder::DayFirst => [told[2], told[1], told[0]],
            DateOrder::YearFirst => told,
        },
    };
    let [year, month, day] = ordered;
    let is_number = |part: &str| is_digits(part) && (1..=4).contains(&part.len());
    if !is_number(year) || !is_number(day) || !(is_number(month) || month_by_name(month).is_some()) {
        return Told::Words;
    }
    let number = |part: &str| part.parse::<i16>().unwrap_or(0);
    let month = month_by_name(month).unwrap_or_else(|| number(month));
    match year.len() {
        4 => day_of(number(year), month, number(day)),
        2 => {
            let century = today.year() / 100 * 100;
            let told = day_of(century + number(year), month, number(day));
            match told {
                Told::Day(day) if day <= today => told,
                _ => day_of(century - 100 + number(year), month, number(day)),
            }
        }
        _ => Told::NoDay,
    }
}

fn month_by_name(part: &str) -> Option<i16> {
    let name = part.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| name.len() >= 3 && name.starts_with(month) && name.is_ascii())?;
    i16::try_from(at + 1).ok()
}

fn day_of(year: i16, month: i16, day: i16) -> Told {
    let day =
        i8::try_from(month).ok().zip(i8::try_from(day).ok()).and_then(|(month, day)| Date::new(year, month, day).ok());
    day.map_or(Told::NoDay, Told::Day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = date(2026, 4, 12);

    #[test]
    fn a_date_is_read_in_the_order_of_its_feed_and_with_the_year_first_in_all() {
        for (cell, order, day) in [
            ("4/10/26", DateOrder::MonthFirst, date(2026, 4, 10)),
            ("8/11/1955", DateOrder::MonthFirst, date(1955, 8, 11)),
            ("11.8.1955", DateOrder::DayFirst, date(1955, 8, 11)),
            ("26-04-10", DateOrder::YearFirst, date(2026, 4, 10)),
            ("1955-08-11", DateOrder::DayFirst, date(1955, 8, 11)),
            ("19550811", DateOrder::MonthFirst, date(1955, 8, 11)),
            ("08111955", DateOrder::MonthFirst, date(1955, 8, 11)),
            ("11081955", DateOrder::DayFirst, date(1955, 8, 11)),
            ("20011968", DateOrder::DayFirst, date(1968, 1, 20)),
            ("19101955", DateOrder::DayFirst, date(1955, 10, 19)),
            ("21121960", DateOrder::DayFirst, date(1960, 12, 21)),
            ("20011012", DateOrder::DayFirst, date(2001, 10, 12)),
            ("20011968 1030", DateOrder::DayFirst, date(1968, 1, 20)),
            ("12-Apr-2026", DateOrder::MonthFirst, date(2026, 4, 12)),
            ("April 12, 2026", DateOrder::DayFirst, date(2026, 4, 12)),
            ("4/12/26 5:02 PM", DateOrder::MonthFirst, date(2026, 4, 12)),
            ("2026-04-12T10:30:00Z", DateOrder::MonthFirst, date(2026, 4, 12)),
            ("4/12/26 5 PM", DateOrder::MonthFirst, date(2026, 4, 12)),
            ("04/12/1968 1030", DateOrder::MonthFirst, date(1968, 4, 12)),
            ("1968-04-12 00.00.00", DateOrder::MonthFirst, date(1968, 4, 12)),
        ] {
            assert_eq!(read(cell, order, TODAY), Told::Day(day), "{cell}");
        }
    }

    #[test]
    fn a_spreadsheets_number_is_a_day() {
        for (cell, day) in [("46122", date(2026, 4, 10)), ("25038", date(1968, 7, 19)), ("25038.75", date(1968, 7, 19))]
        {
            assert_eq!(read(cell, DateOrder::MonthFirst, TODAY), Told::Day(day), "{cell}");
        }
        assert_eq!(read("99999", DateOrder::MonthFirst, TODAY), Told::NoDay);
    }

    #[test]
    fn a_year_of_two_digits_is_the_last_that_is_not_in_the_future() {
        for (cell, year) in [("4/12/26", 2026), ("4/13/26", 1926), ("1/1/55", 1955), ("2/29/00", 2000)] {
            assert!(matches!(read(cell, DateOrder::MonthFirst, TODAY), Told::Day(day) if day.year() == year), "{cell}");
        }
    }

    #[test]
    fn what_looks_like_a_date_and_is_none_is_told_from_words() {
        for cell in ["13/45/1970", "2/30/1961", "1970-13-01", "1/1/170", "19681345", "31311968"] {
            assert_eq!(read(cell, DateOrder::MonthFirst, TODAY), Told::NoDay, "{cell}");
        }
        for cell in [
            "unknown",
            "July 1968",
            "1968",
            "??",
            "about 60",
            "Mar 12/04/1968",
            "Mar 12/04/68",
            "Mar 12/04/1968 10:30",
            "Tue 12/04/1968",
        ] {
            assert_eq!(read(cell, DateOrder::MonthFirst, TODAY), Told::Words, "{cell}");
        }
        assert_eq!(read("  ", DateOrder::MonthFirst, TODAY), Told::Nothing);
    }
}
