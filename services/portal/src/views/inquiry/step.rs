//! The dated next step on the inquiry's page: what is agreed, what may be, and what may be said of it.
//!
//! Its times are those of the center's clock, as all of the page. Deliberately not here: at which times one may be; the desk says.

use causeway_auth::Action;
use causeway_funnel::next_step::{NextStepKind, StepEnd};
use causeway_proto::convert::{area_from_wire, consult_type_from_wire};
use causeway_proto::intake::v1::{NextStep, Stage};
use jiff::civil::{Date, Time};

use super::Looking;
use super::choices::option;
use crate::pages::{SelectOption, StepCard, Tone};
use crate::views::own::booked;
use crate::views::times;
use crate::words::EN;

impl Looking<'_> {
    /// The card; none where nothing was agreed and nothing may be.
    pub(super) fn step(&self, closed: bool) -> Option<StepCard> {
        let known = self.parts.inquiry.next_step.as_ref();
        let open = known.filter(|step| step.ended.is_empty());
        let visited = self.is_booked();
        let may = !closed && self.may(Action::WorkInquiry);
        let kinds = if may && !visited { self.step_kinds(open) } else { Vec::new() };
        if known.is_none() && kinds.is_empty() {
            return None;
        }
        let facts = self.parts.inquiry.facts.clone().unwrap_or_default();
        let zone = self.profile.zone();
        let ready = open.and_then(|step| times::zoned(step.at, zone));
        let (state, tone) = known.map_or_else(Default::default, |step| self.step_state(step));
        Some(StepCard {
            text: known.map(|step| self.step_words(step)),
            state,
            tone,
            kinds,
            moves: open.is_some(),
            day: ready.as_ref().map(|at| at.date().to_string()).unwrap_or_default(),
            time: ready.as_ref().map(|at| at.strftime("%H:%M").to_string()).unwrap_or_default(),
            told: facts.consent.as_ref().is_some_and(|consent| consent.email),
            first_day: zone.to_datetime(self.now).date().to_string(),
            ends: open.filter(|_| may).map(|step| self.step_ends(step)).unwrap_or_default(),
        })
    }

    /// A visit is booked, by the appointments or by what the desk says: a dated next step alone makes an inquiry scheduled too.
    pub(super) fn is_booked(&self) -> bool {
        let inquiry = &self.parts.inquiry;
        let agreed = inquiry.next_step.as_ref().is_some_and(|step| step.ended.is_empty());
        self.parts.appointments.as_deref().is_some_and(|all| booked(all).is_some())
            || (inquiry.stage() == Stage::Scheduled && !agreed)
    }

    /// "Screening call, Fri, March 5, 10 am".
    pub(super) fn step_words(&self, step: &NextStep) -> String {
        let when = times::zoned(step.at, self.profile.zone()).map(|at| times::short(&at, &EN)).unwrap_or_default();
        format!("{}, {when}", step.label)
    }

    fn step_state(&self, step: &NextStep) -> (String, Tone) {
        match step.ended.parse::<StepEnd>() {
            Ok(StepEnd::Done) => ("Took place".to_owned(), Tone::Ok),
            Ok(StepEnd::Missed) => ("Did not come about".to_owned(), Tone::Warn),
            Ok(end) => (end.label("en").to_owned(), Tone::Idle),
            Err(_) if step.at <= self.now.as_microsecond() => ("Its time has come".to_owned(), Tone::Warn),
            Err(_) => ("Agreed".to_owned(), Tone::Ok),
        }
    }

    fn step_kinds(&self, open: Option<&NextStep>) -> Vec<SelectOption> {
        let facts = self.parts.inquiry.facts.clone().unwrap_or_default();
        let (consult, area) = (consult_type_from_wire(facts.consult_type()), area_from_wire(facts.cancer_area()));
        let shown = |kind: &NextStepKind| SelectOption {
            selected: open.is_some_and(|step| step.kind == kind.id),
            ..option(&kind.id, kind.label.get("en"))
        };
        self.profile.booking.next_steps_for(consult, area).map(shown).collect()
    }

    fn step_ends(&self, step: &NextStep) -> Vec<SelectOption> {
        let begun = step.at <= self.now.as_microsecond();
        let said =
            StepEnd::ALL.iter().filter(|end| end.is_said() && ((begun && step.call) || **end != StepEnd::Missed));
        said.map(|end| option(end.as_str(), end.label("en"))).collect()
    }
}

/// The instant of a day and a time by the center's clock, in microseconds since the Unix epoch; none where one of them is none.
pub fn step_at(day: &str, time: &str, zone: &jiff::tz::TimeZone) -> Option<i64> {
    let (day, time): (Date, Time) = (day.parse().ok()?, time.parse().ok()?);
    Some(zone.to_timestamp(day.to_datetime(time)).ok()?.as_microsecond())
}
