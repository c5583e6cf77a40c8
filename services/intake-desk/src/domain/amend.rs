//! What others learn of a person after the inquiry came: answers that were mended, and the wish not to be contacted.
//!
//! Mended answers change what is asked for from then on: the checklist and the booking rule are those of what it is now, what came or
//! was asked for stays. Whoever wants no contact is not called: the inquiry is closed for that reason, unless a visit is booked, which
//! stands; once that is called off or missed, it is closed as well. Deliberately not here: which team works it (routing, and people).

use causeway_funnel::inquiry::{Channel, Facts};
use causeway_funnel::records::LineState;
use causeway_funnel::scope::ScopeState;
use causeway_funnel::stage::{CloseReason, Stage};
use jiff::Timestamp;

use super::decide::Work;
use super::inquiry::{RecordLine, Scope};
use super::step::Told;

/// What an inquiry is after its answers were mended.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// Its facts now.
    pub facts: Facts,
    /// Keys of the answers that were mended.
    pub changed: Vec<String>,
    /// Counts the mendings; an older one changes nothing.
    pub version: i64,
    /// The checklist of what it is now.
    pub checklist: Vec<RecordLine>,
    /// The entry of the profile by which it is not treated here; empty: it is.
    pub out_of_scope: String,
}

impl Work<'_> {
    pub(super) fn amended(&mut self, told: &Amendment) {
        if told.version <= self.inquiry.amended {
            return;
        }
        self.begin();
        self.inquiry.amended = told.version;
        let before = std::mem::replace(&mut self.inquiry.facts, told.facts.clone());
        let (was, is) = ((before.consult_type, before.cancer_area), (told.facts.consult_type, told.facts.cancer_area));
        let changed: Vec<String> = told.changed.iter().map(|key| key.replace('_', " ")).collect();
        self.enter("amended", format!("Answers were mended: {}.", changed.join(", ")));
        if was != is {
            self.another_kind(told);
        }
    }

    /// It is about something else than was thought: what follows from that is another.
    fn another_kind(&mut self, told: &Amendment) {
        let mut before = std::mem::take(&mut self.inquiry.records);
        for line in &told.checklist {
            let known = before.iter().position(|one| one.kind == line.kind).map(|at| before.remove(at));
            let kept = known.map(|known| RecordLine { needed: line.needed, ..known });
            self.inquiry.records.push(kept.unwrap_or_else(|| line.clone()));
        }
        // What somebody was asked for or has sent stays in sight; booking does not wait for it.
        let touched = |line: &RecordLine| line.state != LineState::Needed || line.asked_at.is_some();
        let rest = before.into_iter().filter(touched).map(|line| RecordLine { needed: false, ..line });
        self.inquiry.records.extend(rest);
        self.inquiry.recount_records();
        let scope = &mut self.inquiry.scope;
        match scope.state {
            // A person approves that, whatever the profile says of answers at the beginning: there has been talk since.
            ScopeState::InScope if !told.out_of_scope.is_empty() => {
                *scope = Scope { entry: told.out_of_scope.clone(), state: ScopeState::Proposed, reason: None };
            }
            ScopeState::Proposed if told.out_of_scope.is_empty() => *scope = Scope::default(),
            ScopeState::Proposed => scope.entry.clone_from(&told.out_of_scope),
            _ => {}
        }
        // Scheduling offers and books by the kind.
        self.told.push(Told::ReadinessChanged);
    }

    /// `None`: no contact at all.
    pub(super) fn contact_stopped(&mut self, channel: Option<Channel>, at: Timestamp) {
        let inquiry = &self.inquiry;
        let Some(channel) = channel else {
            if inquiry.close_reason == Some(CloseReason::AskedToStop) || inquiry.stopped_at.is_some() {
                return;
            }
            self.begin();
            self.inquiry.stopped_at = Some(at);
            self.enter("notice", "The person asked not to be contacted any more.");
            return;
        };
        self.begin();
        self.enter(
            "notice",
            format!("The person asked for no more messages by {}.", channel.label("en").to_lowercase()),
        );
    }

    /// Closes what nobody may be contacted about and no visit is booked for.
    pub(super) fn honour_stop(&mut self) {
        let standing = self.inquiry.standing();
        let is_over = matches!(standing.stage, Stage::Attended | Stage::Closed) || self.inquiry.close_reason.is_some();
        if self.inquiry.stopped_at.is_some() && !standing.booked && !is_over {
            // Refused only where it is not open.
            let _ = self.close(CloseReason::AskedToStop);
        }
    }
}
