//! What time it is where the person is, and whether a call is welcome there now.
//!
//! Quiet hours are the center's rule, the part of the day is the person's wish. Deliberately not here: when the next try is due
//! (intake desk).

use causeway_funnel::inquiry::BestTime;
use causeway_funnel::profile::{Profile, QuietHours};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::words::EN;

/// An instant at the person's place.
pub struct There {
    at: ZonedDateTime,
    /// What the center's clock shows then.
    here: ZonedDateTime,
    /// The place after which the zone is named.
    place: String,
    /// Whether a call is welcome then.
    pub welcome: Welcome,
}

/// Whether a call is welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// It is.
    Now,
    /// Not in the part of the day that they named.
    NotPreferred,
    /// Nothing may ring.
    Quiet,
}

impl There {
    /// What an instant is in the person's zone: the center's where none is known.
    pub fn at(instant: Timestamp, (time_zone, best_time): (&str, &str), profile: &Profile) -> Self {
        let zone = TimeZone::get(time_zone).unwrap_or_else(|_| profile.zone().clone());
        let at = instant.to_zoned_datetime(zone);
        let best: BestTime = best_time.parse().unwrap_or_default();
        let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or_default();
        let is_liked = best.hours().is_none_or(|(from, to)| (from..to).contains(&minute));
        let welcome = if profile.center.messages.quiet.covers(at.time()) {
            Welcome::Quiet
        } else if is_liked {
            Welcome::Now
        } else {
            Welcome::NotPreferred
        };
        let place = time_zone.rsplit('/').next().unwrap_or_default().replace('_', " ");
        Self { here: instant.to_zoned_datetime(profile.zone().clone()), at, place, welcome }
    }

    /// Their time where their clock shows another one than the center's: "Wed, 9:30 pm (Honolulu time)".
    pub fn other_time(&self) -> Option<String> {
        (self.at.datetime() != self.here.datetime()).then(|| self.time())
    }

    /// When the quiet hours that it lies in are over.
    pub fn awake_at(&self, quiet: &QuietHours) -> Option<Timestamp> {
        let today = self.at.date();
        let day = if self.at.time() < quiet.to { today } else { today.tomorrow().ok()? };
        self.at.time_zone().to_timestamp(day.to_datetime(quiet.to)).ok()
    }

    /// "5:12 am (Honolulu time), quiet hours".
    pub fn words(&self) -> String {
        let welcome = match self.welcome {
            Welcome::Now => "OK to call",
            Welcome::NotPreferred => "not their preferred time",
            Welcome::Quiet => "quiet hours",
        };
        format!("{}, {welcome}", self.time())
    }

    /// "5:12 am (Honolulu time)", with the weekday where theirs is another one.
    pub fn time(&self) -> String {
        let day = self.at.date();
        let weekday =
            if day == self.here.date() { String::new() } else { format!("{}, ", EN.dates.short_weekday(day)) };
        let place =
            if self.at.datetime() == self.here.datetime() { String::new() } else { format!(" ({} time)", self.place) };
        format!("{weekday}{}{place}", EN.dates.clock(&self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn there(instant: &str, zone: &str, best: &str) -> (String, Welcome) {
        let there = There::at(instant.parse().expect("an instant"), (zone, best), &harbor_valley());
        (there.words(), there.welcome)
    }

    #[test]
    fn it_is_said_what_time_it_is_at_their_place_and_whether_that_is_quiet_also_across_midnight() {
        let honolulu = |instant| there(instant, "Pacific/Honolulu", "any");
        // 8:12 am at the center.
        assert_eq!(
            honolulu("2027-03-04T16:12:00Z"),
            ("6:12 am (Honolulu time), quiet hours".to_owned(), Welcome::Quiet)
        );
        assert_eq!(honolulu("2027-03-04T18:00:00Z"), ("8 am (Honolulu time), OK to call".to_owned(), Welcome::Now));
        // Half past midnight at the center, and the day before at their place.
        let night = honolulu("2027-03-05T08:30:00Z");
        assert_eq!(night, ("Thu, 10:30 pm (Honolulu time), quiet hours".to_owned(), Welcome::Quiet));
        // Midnight at their place.
        let midnight = honolulu("2027-03-05T10:00:00Z");
        assert_eq!(midnight, ("12 midnight (Honolulu time), quiet hours".to_owned(), Welcome::Quiet));
    }

    #[test]
    fn a_zone_that_is_not_known_or_shows_the_same_time_is_not_named() {
        for zone in ["", "Nowhere/At_All", "America/Los_Angeles", "America/Vancouver"] {
            assert_eq!(there("2027-03-03T22:14:00Z", zone, "any").0, "2:14 pm, OK to call", "{zone}");
        }
        assert_eq!(there("2027-03-03T22:14:00Z", "America/New_York", "any").0, "5:14 pm (New York time), OK to call");
    }

    #[test]
    fn the_part_of_the_day_that_they_named_counts_at_their_place_and_quiet_hours_go_before_it() {
        let at = |hour: &str, best| there(&format!("2027-03-03T{hour}:00Z"), "America/Los_Angeles", best).1;
        assert_eq!((at("17:00", "morning"), at("20:00", "morning")), (Welcome::Now, Welcome::NotPreferred));
        assert_eq!((at("19:59", "afternoon"), at("20:00", "afternoon")), (Welcome::NotPreferred, Welcome::Now));
        assert_eq!((at("01:00", "evening"), at("04:00", "evening")), (Welcome::Now, Welcome::Quiet));
        // The center's morning is over at noon, theirs two hours later.
        assert_eq!(there("2027-03-03T23:00:00Z", "Pacific/Honolulu", "morning").1, Welcome::NotPreferred);
        assert_eq!(there("2027-03-03T20:00:00Z", "Pacific/Honolulu", "morning").1, Welcome::Now);
    }
}
