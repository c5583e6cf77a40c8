//! What stands beside the note: times, the visit, the route and the messages, each from a service of its own.

use causeway_auth::Action;
use causeway_funnel::profile::StaffRole;
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::routing::Condition;
use causeway_proto::convert::channel_from_wire;
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::notice::v1::Notice;
use causeway_proto::routing::v1::FailedRow;
use jiff::tz::TimeZone;

use super::choices::{VISIT_REASONS, option, select};
use super::{AWAY, Looking};
use crate::pages::{Booking, MessageRow, Routing, SelectOption, SlotRow, Tone, VisitRow};
use crate::views::own::booked;
use crate::views::times;
use crate::words::EN;

impl Looking<'_> {
    pub(super) fn booking(&self, closed: bool) -> Booking {
        let appointments = self.parts.appointments.as_deref().unwrap_or_default();
        let not_theirs = || "Your role does not book visits.".to_owned();
        let Some(offers) = &self.parts.offers else {
            // Whoever may not book is not told of times either.
            let blocked = if self.may(Action::BookAppointment) { AWAY.to_owned() } else { not_theirs() };
            return Booking { blocked: Some(blocked), ..Booking::default() };
        };
        let refused = !offers.refused_by.is_empty();
        let blocked = if booked(appointments).is_some() {
            Some("A visit is booked. Cancel it first to book another time.".to_owned())
        } else if closed {
            Some("This inquiry is closed.".to_owned())
        } else if !self.parts.inquiry.decline_reason.is_empty() {
            // Scheduling knows it as not ready, and would name the note.
            Some("A reviewer declined it. Say that it is worked here before you book.".to_owned())
        } else if !self.may(Action::BookAppointment) {
            Some(not_theirs())
        } else {
            refused.then(|| offers.words_for_staff.clone())
        };
        let slots = offers.slots.iter().map(|slot| {
            let zone = TimeZone::get(&slot.time_zone).unwrap_or_else(|_| self.profile.zone().clone());
            SlotRow {
                id: slot.slot_id.clone(),
                when: times::zoned(slot.starts_at, &zone).map(|at| times::short(&at, &EN)).unwrap_or_default(),
                place: format!("{} · {}", self.site(&slot.site), slot.clinician_role.replace('_', " ")),
            }
        });
        let rule = if refused { String::new() } else { offers.words_for_staff.clone() };
        Booking { rule, blocked, slots: slots.collect() }
    }

    fn site(&self, id: &str) -> String {
        self.profile.site(id).map_or_else(|| id.to_owned(), |site| site.name.clone())
    }

    pub(super) fn visit(&self) -> Option<VisitRow> {
        let newest = self.parts.appointments.as_ref()?.first()?;
        let appointment = newest.appointment.as_ref()?;
        let zone = TimeZone::get(&appointment.time_zone).unwrap_or_else(|_| self.profile.zone().clone());
        let when = times::zoned(appointment.starts_at, &zone).map(|at| times::short(&at, &EN)).unwrap_or_default();
        let (state, tone) = match newest.state.as_str() {
            "booked" => ("Booked", Tone::Ok),
            "cancelled" => ("Cancelled", Tone::Idle),
            "attended" => ("Came", Tone::Ok),
            "missed" => ("Did not come", Tone::Warn),
            other => (other, Tone::Idle),
        };
        let open = newest.state == "booked" && self.may(Action::BookAppointment);
        let begun = appointment.starts_at <= self.now.as_microsecond();
        Some(VisitRow {
            text: format!("{when} · {}", self.site(&appointment.site)),
            state: state.to_owned(),
            tone,
            may_tell: open && begun,
            reasons: if open && !begun { select(&VISIT_REASONS) } else { Vec::new() },
        })
    }

    pub(super) fn routing(&self, closed: bool) -> Routing {
        let inquiry = &self.parts.inquiry;
        let team =
            |id: &str| self.profile.team(id).map_or_else(|| id.to_owned(), |team| team.name.get("en").to_owned());
        let others = self.profile.teams.teams.iter().filter(|one| one.id != inquiry.team);
        let teams = others.map(|one| option(&one.id, one.name.get("en")));
        let may_pass_on = !closed && self.may(Action::Reroute);
        let base = Routing {
            team: team(&inquiry.team),
            teams: if may_pass_on { teams.collect() } else { Vec::new() },
            colleagues: if closed { Vec::new() } else { self.colleagues() },
            reasons: RerouteReason::ALL.iter().map(|reason| option(reason.as_str(), reason.label("en"))).collect(),
            ..Routing::default()
        };
        match &self.parts.route {
            None => Routing { because: AWAY.to_owned(), ..base },
            Some(route) => Routing {
                because: route.sentence.clone(),
                looked_at: route.failed.iter().map(passed).collect(),
                row: route.row.clone(),
                revision: route.revision.clone(),
                ..base
            },
        }
    }

    /// Who of the team may have it instead: for who has it, and for who may give it away.
    fn colleagues(&self) -> Vec<SelectOption> {
        let inquiry = &self.parts.inquiry;
        let is_theirs = inquiry.owner == self.actor.id || self.may(Action::Reassign);
        if !is_theirs || !self.may(Action::WorkInquiry) {
            return Vec::new();
        }
        let team = self.profile.staff_of(&inquiry.team).filter(|one| one.id != inquiry.owner);
        team.filter(|one| one.roles.iter().any(works)).map(|one| option(&one.id, &one.name)).collect()
    }

    pub(super) fn messages(&self) -> Vec<MessageRow> {
        let Some(notices) = &self.parts.notices else {
            let what = AWAY.to_owned();
            return vec![MessageRow { at: String::new(), what, state: "Unknown".to_owned(), tone: Tone::Warn }];
        };
        notices.iter().filter_map(|notice| self.message(notice)).collect()
    }

    fn message(&self, notice: &Notice) -> Option<MessageRow> {
        let outcome = notice.outcome.as_ref()?;
        let (state, tone) = match notice.state.as_str() {
            "sent" => ("Sent", Tone::Ok),
            "failed" => ("Failed", Tone::Bad),
            "unknown" => ("May have been sent", Tone::Warn),
            "suppressed" => (not_sent(&outcome.reason), Tone::Idle),
            _ => ("Waiting to be sent", Tone::Brand),
        };
        let mut what = outcome.kind.replace('_', " ");
        if outcome.channel() != Channel::Unspecified {
            what = format!("{what} by {}", channel_from_wire(outcome.channel()).label("en").to_lowercase());
        }
        let at = times::zoned(outcome.at, self.profile.zone());
        Some(MessageRow {
            at: at.map(|at| times::recent(&at, self.now, &EN)).unwrap_or_default(),
            what,
            state: state.to_owned(),
            tone,
        })
    }
}

/// Why a message was held back, by notification's word for it.
fn not_sent(reason: &str) -> &'static str {
    match reason {
        "no_channel" => "Not sent: the person agreed to no channel that we can use, or left no address for it",
        "stopped" => "Not sent: messages to this person are stopped",
        "closed" => "Not sent: the inquiry was closed",
        "superseded" => "Not sent: something newer took its place",
        _ => "Not sent",
    }
}

/// Whether somebody with this role works inquiries.
const fn works(role: &StaffRole) -> bool {
    !matches!(role, StaffRole::Auditor | StaffRole::Analyst | StaffRole::Operator)
}

/// A row that did not fit, in a sentence.
fn passed(row: &FailedRow) -> String {
    let condition: Condition = row.column.parse().unwrap_or_default();
    if condition == Condition::TrialTeam {
        return format!("Row {}: {}.", row.row, condition.label("en"));
    }
    let words = |cell: &str| condition.words(cell, "en");
    if row.wanted.is_empty() {
        // The table is gone, and only which condition it was is kept.
        return format!("Row {} wants another {} than {}.", row.row, condition.label("en"), words(&row.found));
    }
    format!(
        "Row {} wants the {} {}; here it is {}.",
        row.row,
        condition.label("en"),
        words(&row.wanted),
        words(&row.found)
    )
}

#[cfg(test)]
mod tests {
    use causeway_auth::Role;
    use causeway_proto::notice::v1::NoticeOutcome;

    use super::super::tests::{page, parts};
    use super::*;
    use crate::views::inquiry::Parts;

    #[test]
    fn of_a_message_that_was_held_back_its_own_reason_is_told_and_no_other() {
        for (reason, words) in [
            ("no_channel", "agreed to no channel"),
            ("stopped", "are stopped"),
            ("closed", "was closed"),
            ("superseded", "took its place"),
            ("a_later_word", "Not sent"),
        ] {
            let outcome =
                NoticeOutcome { kind: "confirmation".into(), reason: reason.into(), ..NoticeOutcome::default() };
            let notice = Notice { outcome: Some(outcome), state: "suppressed".into() };
            let shown = page(&Parts { notices: Some(vec![notice]), ..parts() }, &[Role::Coordinator]).messages;
            assert!(shown[0].state.starts_with("Not sent") && shown[0].state.contains(words), "{}", shown[0].state);
            assert_eq!(shown[0].state.contains("stopped"), reason == "stopped", "{reason}");
        }
    }
}
