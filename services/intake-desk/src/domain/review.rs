//! A reviewer's decision, and how long the records may wait for one.
//!
//! A wait begins where the records become the reviewer's, and ends with whatever takes them away: a decision, a document that goes
//! missing again, a booking, a close. Deliberately not here: who hears that it is late (the profile says so, and the caller asks it),
//! and what becomes of the message to who is declined (`scope`).

use causeway_funnel::next_action::NextAction;
use causeway_funnel::records::{LineState, RecordsFrom};
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::scope::ScopeState;
use causeway_funnel::triage::{DeclineReason, ReviewDecision};
use jiff::Timestamp;

use super::decide::Work;
use super::inquiry::{Inquiry, RecordLine, Scope};
use super::step::{Refusal, Told};

/// Records that wait for a reviewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Since when.
    pub since: Timestamp,
    /// By when they are to be reviewed.
    pub due_at: Timestamp,
    /// Levels of escalation that were reached.
    pub escalated: u32,
}

/// What a reviewer decides. Names of teams, documents and entries in it are known to the center's profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The records will do.
    Accept,
    /// These documents are asked for; none: those that booking waits for and that nobody has reviewed.
    AskForMore(Vec<String>),
    /// Another team is to have it, for this reason.
    Redirect(String, RerouteReason),
    /// It is declined for this reason, and the person hears where to go by this entry of programs.toml.
    Decline(String, DeclineReason),
}

impl Verdict {
    /// Which of the four it is.
    pub const fn decision(&self) -> ReviewDecision {
        match self {
            Self::Accept => ReviewDecision::Accept,
            Self::AskForMore(_) => ReviewDecision::AskForMore,
            Self::Redirect(..) => ReviewDecision::Redirect,
            Self::Decline(..) => ReviewDecision::Decline,
        }
    }

    /// Why, as a word that can be counted; empty where it needs no reason.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Accept | Self::AskForMore(_) => "",
            Self::Redirect(_, reason) => reason.as_str(),
            Self::Decline(_, reason) => reason.as_str(),
        }
    }
}

impl Inquiry {
    /// It is worked here after all, whatever became of the message.
    pub(super) fn forget_decline(&mut self) {
        if self.declined.take().is_some() {
            self.scope.state = ScopeState::Declined;
            self.scope.reason = None;
        }
    }
}

impl Work<'_> {
    pub(super) fn review(&mut self, verdict: &Verdict) -> Result<(), Refusal> {
        self.require_open()?;
        let (team, waited) = (self.inquiry.route.team.clone(), self.inquiry.review);
        if self.inquiry.scope.state == ScopeState::Sending {
            return self.require_same_decline(verdict);
        }
        match verdict {
            Verdict::Accept => self.accept()?,
            Verdict::AskForMore(kinds) => self.ask_for_more(kinds)?,
            Verdict::Redirect(to, reason) => self.redirect(to, *reason)?,
            Verdict::Decline(entry, reason) => self.decline(entry, *reason)?,
        }
        if !matches!(verdict, Verdict::Decline(..)) {
            self.take_decline_back();
        }
        if self.changed {
            let (decision, reason, at) = (verdict.decision(), verdict.reason(), self.now);
            self.told.push(Told::Reviewed { decision, reason, team, waited, at });
        }
        Ok(())
    }

    /// Another decision takes the place of a decline whose message is out or has failed.
    fn take_decline_back(&mut self) {
        if self.inquiry.declined.is_none() {
            return;
        }
        self.begin();
        self.acted();
        self.inquiry.forget_decline();
        self.enter("review", "It is not declined any more.");
    }

    /// Declined twice it goes out once.
    fn require_same_decline(&self, verdict: &Verdict) -> Result<(), Refusal> {
        let known = (self.inquiry.scope.entry.as_str(), self.inquiry.declined);
        match verdict {
            Verdict::Decline(entry, reason) if known == (entry.as_str(), Some(*reason)) => Ok(()),
            _ => Err(Refusal::WrongState(
                "the message where to go instead is on its way; when it is out, open the inquiry again".into(),
            )),
        }
    }

    fn accept(&mut self) -> Result<(), Refusal> {
        if !self.inquiry.records_ready {
            return Err(Refusal::WrongState(
                "documents that booking waits for are missing; ask for them or waive them".into(),
            ));
        }
        if self.inquiry.reviewed {
            return Ok(());
        }
        self.begin();
        self.acted();
        for line in self.inquiry.records.iter_mut().filter(|line| line.state == LineState::Received) {
            line.state = LineState::Reviewed;
            line.by.clone_from(&self.by.0);
        }
        self.inquiry.reviewed = true;
        self.inquiry.recount_records();
        self.enter("review", "Records reviewed and accepted.");
        Ok(())
    }

    /// What a reviewer names is what the decision waits for, also where the checklist lacked it or could do without it.
    fn ask_for_more(&mut self, kinds: &[String]) -> Result<(), Refusal> {
        self.enter("review", "Reviewer asks for more.");
        // What somebody else was asked for, or has promised for a day, goes on as it is.
        let goes_on = |line: &RecordLine| {
            line.state == LineState::Requested && (line.asked_of != RecordsFrom::Patient || line.promised_at.is_some())
        };
        if kinds.is_empty() {
            let missing = |line: &RecordLine| {
                let is_out = matches!(line.state, LineState::Needed | LineState::Requested | LineState::Received);
                line.needed && is_out && !goes_on(line)
            };
            return self.ask_for(missing, RecordsFrom::Patient);
        }
        for kind in kinds {
            match self.inquiry.records.iter_mut().find(|line| line.kind == *kind) {
                Some(line) => line.needed = true,
                None => {
                    let line = RecordLine { kind: kind.clone(), needed: true, ..RecordLine::default() };
                    self.inquiry.records.push(line);
                }
            }
        }
        let asked = |line: &RecordLine| kinds.contains(&line.kind) && !goes_on(line);
        if self.inquiry.records.iter().any(asked) {
            return self.ask_for(asked, RecordsFrom::Patient);
        }
        self.begin();
        self.acted();
        self.inquiry.recount_records();
        Ok(())
    }

    /// Whoever reviews there has the whole time for it.
    fn redirect(&mut self, team: &str, reason: RerouteReason) -> Result<(), Refusal> {
        self.require_no_visit()?;
        self.restart = self.inquiry.next_action == NextAction::ReviewRecords;
        self.give_to_team(team, reason)?;
        let why = reason.label("en").to_lowercase();
        self.enter("handed_over", format!("Redirected to team {team} by the reviewer: {why}."));
        Ok(())
    }

    fn decline(&mut self, entry: &str, reason: DeclineReason) -> Result<(), Refusal> {
        self.require_no_visit()?;
        self.begin();
        self.acted();
        self.inquiry.scope = Scope { entry: entry.to_owned(), state: ScopeState::Sending, reason: None };
        self.inquiry.declined = Some(reason);
        self.told.push(Told::ReferredElsewhere { at: self.now });
        let why = reason.label("en").to_lowercase();
        self.enter("review", format!("Declined: {why}. The message where to go instead is on its way."));
        Ok(())
    }

    fn require_no_visit(&self) -> Result<(), Refusal> {
        if self.inquiry.standing().booked {
            return Err(Refusal::WrongState("a visit is booked; cancel it first".into()));
        }
        Ok(())
    }

    /// Begins, keeps or ends the wait for a reviewer, by what comes next. Another team has levels of its own, which begin with its first.
    pub(super) fn wait_for_review(&mut self, action: NextAction, (before, team): (NextAction, &str)) {
        let goes_on = before == NextAction::ReviewRecords && !self.restart;
        let same_team = self.inquiry.route.team == team;
        let whole = || self.rules.calendar.add_business(self.now, self.rules.targets.review_records_minutes);
        self.inquiry.review = match (action, self.inquiry.review) {
            (NextAction::ReviewRecords, Some(waiting)) if goes_on && same_team => Some(waiting),
            (NextAction::ReviewRecords, Some(waiting)) if goes_on => Some(Waiting { escalated: 0, ..waiting }),
            // It waited before waits were kept: what was due stays due.
            (NextAction::ReviewRecords, None) if goes_on => {
                Some(Waiting { since: self.now, due_at: self.inquiry.due_at.unwrap_or_else(whole), escalated: 0 })
            }
            (NextAction::ReviewRecords, _) => Some(Waiting { since: self.now, due_at: whole(), escalated: 0 }),
            _ => None,
        };
    }

    /// A level of another wait, or one that was reached before, is not told again.
    pub(super) fn review_escalated(&mut self, since: Timestamp, level: u32, (to, staff): (&str, &[String])) {
        if self.inquiry.next_action != NextAction::ReviewRecords {
            return;
        }
        let reaches = |waiting: &&mut Waiting| waiting.since == since && waiting.escalated < level;
        let Some(waiting) = self.inquiry.review.as_mut().filter(reaches) else { return };
        waiting.escalated = level;
        let (due_at, is_late) = (waiting.due_at, waiting.due_at <= self.now);
        self.begin();
        let (why, words) = if is_late { ("review_late", "is late") } else { ("review_due_soon", "is due soon") };
        self.enter("escalated", format!("The review of the records {words}; {} is told.", super::work::who(to)));
        let (to, staff, at) = (to.to_owned(), staff.to_vec(), self.now);
        self.told.push(Told::ReviewEscalated { why, level, to, staff, due_at, at });
    }
}
