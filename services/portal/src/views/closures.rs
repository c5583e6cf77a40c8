//! Closures on short notice in words, and the form that enters one.
//!
//! Deliberately not here: what a closure may be (routing).

use causeway_funnel::profile::Profile;
use causeway_funnel::stillness::ClosureReason;
use causeway_proto::routing::v1::{Closure, EnterClosureRequest};
use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan as _};

use super::form::Sent;
use super::times;
use super::worklist::owner;
use crate::pages::{ClosureForm, ClosureRow, SelectOption, Tone};
use crate::words::EN;

/// Most closed days that are shown.
const MOST_DAYS: usize = 12;

/// Who looks at closures, and when.
pub struct Looking<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// The domain's time.
    pub now: Timestamp,
    /// Whether this person enters and ends them.
    pub may_change: bool,
}

impl Looking<'_> {
    /// One closure.
    pub fn row(&self, closure: &Closure) -> ClosureRow {
        let now = self.now.as_microsecond();
        let (state, tone) = if closure.to <= now {
            ("Over", Tone::Idle)
        } else if closure.from <= now {
            ("Closed now", Tone::Warn)
        } else {
            ("Ahead", Tone::Brand)
        };
        let who = owner(self.profile, &closure.entered_by).unwrap_or_default();
        ClosureRow {
            id: closure.closure_id.clone(),
            place: self.place(closure),
            when: format!("{} to {}", self.at(closure.from), self.at(closure.to)),
            reason: closure.reason.parse::<ClosureReason>().unwrap_or(ClosureReason::Other).label("en").to_owned(),
            note: closure.note.clone(),
            entered: format!("Entered by {who}, {}", self.at(closure.entered_at)),
            state,
            tone,
            may_end: self.may_change && state == "Closed now",
            may_withdraw: self.may_change,
        }
    }

    fn place(&self, closure: &Closure) -> String {
        let site = self.profile.site(&closure.site).map_or(closure.site.as_str(), |site| site.name.as_str());
        let team = self.profile.team(&closure.team).map_or(closure.team.as_str(), |team| team.name.get("en"));
        match (site, team) {
            ("", "") => "The whole center".to_owned(),
            (site, "") => site.to_owned(),
            ("", team) => team.to_owned(),
            (site, team) => format!("{team} for {site}"),
        }
    }

    fn at(&self, micros: i64) -> String {
        times::zoned(micros, self.profile.zone()).map(|at| times::recent(&at, self.now, &EN)).unwrap_or_default()
    }

    /// The form with what was sent, or as it begins: from now until the end of the day's hours.
    pub fn form(&self, sent: &Sent) -> ClosureForm {
        let option = |value: &str, label: &str, chosen: &str| SelectOption {
            value: value.to_owned(),
            label: label.to_owned(),
            selected: value == sent.get(chosen),
        };
        let center = &self.profile.center;
        let sites = center.sites.iter().map(|site| option(&site.id, &site.name, "site"));
        let teams = self.profile.teams.teams.iter().map(|team| option(&team.id, team.name.get("en"), "team"));
        let typed = |name: &str, else_at: Timestamp| match sent.get(name) {
            "" => else_at.to_zoned_datetime(self.profile.zone().clone()).strftime("%Y-%m-%dT%H:%M").to_string(),
            typed => typed.to_owned(),
        };
        let today = self.profile.calendar(None).open_spans(self.now).next();
        ClosureForm {
            sites: std::iter::once(option("", "Every site", "site")).chain(sites).collect(),
            teams: std::iter::once(option("", "Every team", "team")).chain(teams).collect(),
            from: typed("from", self.now),
            to: typed("to", today.map_or(self.now, |(_, close)| close)),
            reasons: ClosureReason::ALL.iter().map(|one| option(one.as_str(), one.label("en"), "reason")).collect(),
            note: sent.get("note").to_owned(),
        }
    }

    /// What the form asks routing for. A time that can't be read is left out, and routing says what is missing.
    pub fn asked(&self, sent: &Sent) -> EnterClosureRequest {
        EnterClosureRequest {
            center: self.profile.center.id.clone(),
            site: sent.get("site").to_owned(),
            team: sent.get("team").to_owned(),
            from: self.instant(sent.get("from")),
            to: self.instant(sent.get("to")),
            reason: sent.get("reason").to_owned(),
            note: sent.get("note").trim().to_owned(),
        }
    }

    fn instant(&self, typed: &str) -> i64 {
        let wall = typed.parse::<DateTime>().ok();
        let at = wall.and_then(|wall| self.profile.zone().to_ambiguous_timestamp(wall).compatible().ok());
        at.map_or(0, Timestamp::as_microsecond)
    }

    /// The closed days of the next twelve months, the first ones.
    pub fn days(&self) -> Vec<(String, String)> {
        let calendar = self.profile.calendar(None);
        let today = calendar.zone().to_datetime(self.now).date();
        let year = today.saturating_add(1.year());
        let days = calendar.closed_days(today, year).into_iter().take(MOST_DAYS);
        days.map(|(day, name)| (format!("{}, {}", EN.dates.day(day), day.year()), name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("an instant").as_microsecond()
    }

    fn looking(profile: &Profile, may_change: bool) -> Looking<'_> {
        // 14:14 on a Wednesday in Seattle.
        Looking { profile, now: "2027-03-03T22:14:00Z".parse().expect("an instant"), may_change }
    }

    #[test]
    fn a_closure_says_where_when_why_and_who_and_only_one_that_stands_is_ended() {
        let profile = harbor_valley();
        let closure = |from: &str, to: &str| Closure {
            closure_id: "7".into(),
            site: "valley".into(),
            from: at(from),
            to: at(to),
            reason: "outage".into(),
            note: "lines down".into(),
            entered_by: "priya-nair".into(),
            entered_at: at("2027-03-03T20:00:00Z"),
            ..Closure::default()
        };
        let row = looking(&profile, true).row(&closure("2027-03-03T20:00:00Z", "2027-03-05T01:00:00Z"));
        assert_eq!((row.place.as_str(), row.state), ("Valley East", "Closed now"));
        assert_eq!(row.when, "Today 12 noon to Thu, March 4, 5 pm");
        assert_eq!(row.reason, "Power, phones or systems are down");
        assert!(row.entered.starts_with("Entered by Priya Nair, Today"), "{}", row.entered);
        assert!(row.may_end && row.may_withdraw);
        let ahead = looking(&profile, true).row(&closure("2027-03-04T20:00:00Z", "2027-03-05T01:00:00Z"));
        assert!(ahead.state == "Ahead" && !ahead.may_end && ahead.may_withdraw);
        let over = looking(&profile, false).row(&closure("2027-03-02T20:00:00Z", "2027-03-03T01:00:00Z"));
        assert!(over.state == "Over" && !over.may_end && !over.may_withdraw);
        let of_team = Closure {
            site: String::new(),
            team: "breast".into(),
            ..closure("2027-03-02T20:00:00Z", "2027-03-03T01:00:00Z")
        };
        assert_eq!(looking(&profile, true).row(&of_team).place, "Breast care team");
    }

    #[test]
    fn what_is_typed_is_the_centers_local_time_and_stays_in_the_form() {
        let profile = harbor_valley();
        let looking = looking(&profile, true);
        let empty = looking.form(&Sent::of(Vec::new()));
        assert_eq!((empty.from.as_str(), empty.to.as_str()), ("2027-03-03T14:14", "2027-03-03T18:30"));
        let pairs = [("from", "2027-03-14T02:30"), ("to", "soon"), ("site", "valley"), ("reason", "weather")];
        let sent = Sent::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        let asked = looking.asked(&sent);
        // Half past two does not exist on that night: an hour later by the new time it is the same instant.
        assert_eq!((asked.from, asked.to), (at("2027-03-14T10:30:00Z"), 0));
        let form = looking.form(&sent);
        assert_eq!((form.to.as_str(), form.from.as_str()), ("soon", "2027-03-14T02:30"));
        assert!(form.sites.iter().any(|site| site.selected && site.value == "valley"));
    }

    #[test]
    fn the_closed_days_that_come_next_are_named_with_their_year() {
        let profile = harbor_valley();
        let days = looking(&profile, false).days();
        assert_eq!(days[0], ("Monday, May 31, 2027".to_owned(), "Memorial Day".to_owned()));
        assert!(days.contains(&("Friday, June 11, 2027".to_owned(), "staff training day".to_owned())), "{days:?}");
        assert!(days.len() <= MOST_DAYS && days.iter().all(|(day, _)| day.ends_with("2027") || day.ends_with("2028")));
    }
}
