//! A reviewer's decision on the inquiry's page: how the records wait, and what each of the four decisions asks.
//!
//! Deliberately not here: whether a decision is possible; the desk says so, and why not.

use causeway_auth::Action;
use causeway_funnel::profile::OutOfScope;
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::scope::ScopeState;
use causeway_funnel::triage::DeclineReason;
use causeway_proto::intake::v1::Stage;

use super::choices::option;
use super::{Looking, fact, where_to_go};
use crate::pages::{Choice, Fact, Question, QuestionKind, ReviewCard, SelectOption};
use crate::views::times;
use crate::views::worklist::late_since;
use crate::words::EN;

impl Looking<'_> {
    /// For who may decide, as long as there is something to decide.
    pub(super) fn review(&self) -> Option<ReviewCard> {
        let inquiry = &self.parts.inquiry;
        let over = matches!(inquiry.stage(), Stage::Closed | Stage::Attended);
        if over || !self.may(Action::ReviewRecords) || self.scope_state() == ScopeState::Sending {
            return None;
        }
        // Where a visit is booked its records may still be reviewed; what would take it away comes after that is cancelled.
        let booked = self.is_booked();
        let others = self.profile.teams.teams.iter().filter(|team| !booked && team.id != inquiry.team);
        Some(ReviewCard {
            stands: self.review_words().unwrap_or_else(|| self.why_none_waits().to_owned()),
            late: late_since(inquiry.review_due_at, self.now, self.profile),
            may_accept: inquiry.records_ready && !inquiry.reviewed,
            more: self.more(),
            teams: others.map(|team| option(&team.id, team.name.get("en"))).collect(),
            reroute_reasons: RerouteReason::ALL.iter().map(|one| option(one.as_str(), one.label("en"))).collect(),
            booked,
            entries: self.profile.programs.out_of_scope.iter().map(entry).collect(),
            told: self.profile.programs.out_of_scope.iter().map(told).collect(),
            decline_reasons: DeclineReason::ALL.iter().map(|one| option(one.as_str(), one.label("en"))).collect(),
        })
    }

    fn why_none_waits(&self) -> &'static str {
        let inquiry = &self.parts.inquiry;
        if inquiry.reviewed {
            "The records are accepted."
        } else if inquiry.records_ready {
            "The records are here; nothing waits for a review yet."
        } else {
            "Records that booking waits for are still missing."
        }
    }

    /// Since when the records wait, and by when they are to be reviewed; none: they do not wait.
    fn review_words(&self) -> Option<String> {
        let zone = self.profile.zone();
        let since = times::zoned(self.parts.inquiry.review_since, zone)?;
        let due = times::zoned(self.parts.inquiry.review_due_at, zone)?;
        Some(format!("Waits since {}, due {}", times::short(&since, &EN), times::short(&due, &EN)))
    }

    /// What everybody sees of it.
    pub(super) fn review_facts(&self) -> Vec<Fact> {
        let declined = self.parts.inquiry.decline_reason.parse::<DeclineReason>().ok();
        let waits = self.review_words().map(|words| fact("Records review", &words));
        let declined = declined.map(|reason| fact("Declined", reason.label("en")));
        waits.into_iter().chain(declined).collect()
    }

    /// The checklist first, then what else the center's catalogue has.
    fn more(&self) -> Question {
        let listed = &self.parts.inquiry.records;
        let of_list = listed.iter().map(|line| (line.kind.clone(), line.label.clone()));
        let catalogue = &self.profile.checklists.documents;
        let others = catalogue.iter().filter(|document| listed.iter().all(|line| line.kind != document.kind));
        let others = others.map(|document| (document.kind.clone(), document.label.get("en").to_owned()));
        let choice = |(value, label): (String, String)| Choice { value, label, ..Choice::default() };
        Question {
            key: "kinds".to_owned(),
            kind: QuestionKind::AnyOf,
            label: "Which records".to_owned(),
            hint: Some("Choose none to ask for all that booking waits for and nobody has reviewed.".to_owned()),
            options: of_list.chain(others).map(choice).collect(),
            ..Question::default()
        }
    }
}

/// An entry by the places that it names.
fn entry(entry: &OutOfScope) -> SelectOption {
    let places: Vec<&str> = entry.places.iter().map(|place| place.name.as_str()).collect();
    option(&entry.id, &format!("{}: {}", name(entry), places.join(", ")))
}

fn name(entry: &OutOfScope) -> String {
    entry.id.replace('-', " ")
}

/// What the person is told by an entry, as whoever chooses it has to see it.
fn told(entry: &OutOfScope) -> Fact {
    fact(&name(entry), &format!("{} {}", entry.words.get("en"), where_to_go(entry)))
}
