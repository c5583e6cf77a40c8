//! United States federal holidays by rule, so that a center lists names and never has to type next year's dates.
//!
//! A holiday on a Saturday is also observed on the Friday before, one on a Sunday also on the Monday after. Deliberately
//! not here: a center's own closed days; those are dates in its profile.

use jiff::civil::{Date, Weekday};

use crate::words::vocabulary;

vocabulary! {
    /// A holiday known by rule.
    Holiday ("holiday") {
        #[default]
        NewYearsDay = "new_years_day", "New Year's Day", "Año Nuevo", "Jour de l'an";
        MartinLutherKingDay = "martin_luther_king_day", "Martin Luther King Jr. Day", "Día de Martin Luther King Jr.", "Journée Martin Luther King";
        PresidentsDay = "presidents_day", "Presidents' Day", "Día de los Presidentes", "Journée des présidents";
        MemorialDay = "memorial_day", "Memorial Day", "Día de los Caídos", "Memorial Day";
        Juneteenth = "juneteenth", "Juneteenth", "Juneteenth", "Juneteenth";
        IndependenceDay = "independence_day", "Independence Day", "Día de la Independencia", "Fête de l'Indépendance";
        LaborDay = "labor_day", "Labor Day", "Día del Trabajo", "Fête du Travail (États-Unis)";
        IndigenousPeoplesDay = "indigenous_peoples_day", "Indigenous Peoples' Day", "Día de los Pueblos Indígenas", "Journée des peuples autochtones";
        VeteransDay = "veterans_day", "Veterans Day", "Día de los Veteranos", "Journée des anciens combattants";
        Thanksgiving = "thanksgiving", "Thanksgiving", "Día de Acción de Gracias", "Thanksgiving";
        DayAfterThanksgiving = "day_after_thanksgiving", "Day after Thanksgiving", "Día después de Acción de Gracias", "Lendemain de Thanksgiving";
        ChristmasEve = "christmas_eve", "Christmas Eve", "Nochebuena", "Veille de Noël";
        ChristmasDay = "christmas_day", "Christmas Day", "Navidad", "Noël";
    }
}

impl Holiday {
    /// The day itself in `year`; nothing for a year outside the calendar.
    #[must_use]
    pub fn in_year(self, year: i16) -> Option<Date> {
        let nth =
            |month, nth, weekday| Date::new(year, month, 1).and_then(|d| d.nth_weekday_of_month(nth, weekday)).ok();
        let fixed = |month, day| Date::new(year, month, day).ok();
        match self {
            Self::NewYearsDay => fixed(1, 1),
            Self::MartinLutherKingDay => nth(1, 3, Weekday::Monday),
            Self::PresidentsDay => nth(2, 3, Weekday::Monday),
            Self::MemorialDay => nth(5, -1, Weekday::Monday),
            Self::Juneteenth => fixed(6, 19),
            Self::IndependenceDay => fixed(7, 4),
            Self::LaborDay => nth(9, 1, Weekday::Monday),
            Self::IndigenousPeoplesDay => nth(10, 2, Weekday::Monday),
            Self::VeteransDay => fixed(11, 11),
            Self::Thanksgiving => nth(11, 4, Weekday::Thursday),
            Self::DayAfterThanksgiving => Self::Thanksgiving.in_year(year).and_then(|day| day.tomorrow().ok()),
            Self::ChristmasEve => fixed(12, 24),
            Self::ChristmasDay => fixed(12, 25),
        }
    }

    /// The dates of `year` on which it falls or is observed, which may be none or several: New Year's Day on a Saturday is
    /// observed on the last day of the year before.
    #[must_use]
    pub fn days_in(self, year: i16) -> Vec<Date> {
        let around = [year, year.saturating_add(1)].into_iter().filter_map(|year| self.in_year(year));
        let mut days: Vec<Date> =
            around.flat_map(|day| [Some(day), observed(day)]).flatten().filter(|day| day.year() == year).collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// Whether `date` is this holiday or the weekday on which it is observed.
    #[must_use]
    pub fn falls_on(self, date: Date) -> bool {
        self.days_in(date.year()).contains(&date)
    }
}

fn observed(day: Date) -> Option<Date> {
    match day.weekday() {
        Weekday::Saturday => day.yesterday().ok(),
        Weekday::Sunday => day.tomorrow().ok(),
        _ => Some(day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn holidays_by_rule_fall_on_the_dates_of_the_printed_calendar() {
        assert_eq!(Holiday::MartinLutherKingDay.in_year(2026), Some(date(2026, 1, 19)));
        assert_eq!(Holiday::PresidentsDay.in_year(2026), Some(date(2026, 2, 16)));
        assert_eq!(Holiday::MemorialDay.in_year(2026), Some(date(2026, 5, 25)));
        assert_eq!(Holiday::LaborDay.in_year(2026), Some(date(2026, 9, 7)));
        assert_eq!(Holiday::Thanksgiving.in_year(2026), Some(date(2026, 11, 26)));
        assert_eq!(Holiday::DayAfterThanksgiving.in_year(2026), Some(date(2026, 11, 27)));
    }

    #[test]
    fn a_saturday_holiday_is_also_observed_on_friday() {
        assert!(Holiday::IndependenceDay.falls_on(date(2026, 7, 3)));
        assert!(Holiday::IndependenceDay.falls_on(date(2026, 7, 4)));
        assert!(!Holiday::IndependenceDay.falls_on(date(2026, 7, 6)));
    }

    #[test]
    fn the_days_of_a_year_are_those_on_which_it_is_observed_too() {
        assert_eq!(Holiday::NewYearsDay.days_in(2027), [date(2027, 1, 1), date(2027, 12, 31)]);
        assert_eq!(Holiday::IndependenceDay.days_in(2027), [date(2027, 7, 4), date(2027, 7, 5)]);
        assert_eq!(Holiday::Thanksgiving.days_in(2027), [date(2027, 11, 25)]);
    }

    #[test]
    fn new_year_on_a_saturday_closes_the_last_day_of_december() {
        assert!(Holiday::NewYearsDay.falls_on(date(2027, 12, 31)));
        assert!(!Holiday::NewYearsDay.falls_on(date(2026, 12, 31)));
    }
}
