//! The note and the records checklist, as far as they decide what comes next.

use causeway_funnel::records::{LineState, RecordsFrom, WaiveReason};
use causeway_funnel::stage::{ReopenReason, StageEvent};
use causeway_funnel::triage::ReviewDecision;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::chase::{CHASED, after, asked_again, next_distance};
use super::decide::Work;
use super::inquiry::{Loose, RecordLine};
use super::step::{Refusal, Told};

/// A promise further ahead than this is a slip of the pen.
const FURTHEST_PROMISE: SignedDuration = SignedDuration::from_hours(24 * 92);

/// The states into which a line may go. Who may do what is the caller's question.
const fn may_become(from: LineState, to: LineState) -> bool {
    use LineState::{Needed, Received, Requested, Reviewed, Waived};
    match from {
        Needed => matches!(to, Requested | Received | Waived),
        Requested => matches!(to, Needed | Received | Waived),
        Received => matches!(to, Needed | Requested | Reviewed | Waived),
        Reviewed => matches!(to, Received | Needed | Requested),
        Waived => matches!(to, Needed),
    }
}

impl Work<'_> {
    pub(super) fn note(&mut self, base_version: i64, missing: usize) -> Result<(), Refusal> {
        self.require_not_closed()?;
        if base_version != self.inquiry.note_version {
            return Err(Refusal::Conflict(
                "somebody else saved the note meanwhile; read it again and add what is yours",
            ));
        }
        let (version, complete) = (self.begin(), missing == 0);
        self.acted();
        self.inquiry.note_version += 1;
        if complete != self.inquiry.intake_complete {
            self.inquiry.intake_complete = complete;
            self.inquiry.learn_own(self.now, version, StageEvent::IntakeFieldsComplete(complete));
        }
        let text = match missing {
            0 => "Intake note saved; it is complete.".to_owned(),
            1 => "Intake note saved; one field is still missing.".to_owned(),
            count => format!("Intake note saved; {count} fields are still missing."),
        };
        self.enter("note_saved", text);
        Ok(())
    }

    pub(super) fn request_records(&mut self, kinds: &[String], of: RecordsFrom) -> Result<(), Refusal> {
        self.require_open()?;
        for kind in kinds {
            self.line(kind)?;
        }
        let wanted = |line: &RecordLine| match line.state {
            LineState::Needed => kinds.is_empty() || kinds.contains(&line.kind),
            // Asking again is asking for it by name.
            LineState::Requested => kinds.contains(&line.kind),
            _ => false,
        };
        self.ask_for(wanted, of)
    }

    /// What was promised is not asked for again before that. `of`: who promises what nobody was asked for yet.
    pub(super) fn promise_record(
        &mut self,
        kind: &str,
        at: Option<Timestamp>,
        of: Option<RecordsFrom>,
    ) -> Result<(), Refusal> {
        self.require_open()?;
        let now = self.now;
        if at.is_some_and(|at| at <= now || now.duration_until(at) > FURTHEST_PROMISE) {
            return Err(Refusal::FieldFault("on must be a day from today to three months ahead"));
        }
        let line = self.line(kind)?;
        if !matches!(line.state, LineState::Needed | LineState::Requested) {
            return Err(Refusal::WrongState(format!("a document that is {} is not waited for", line.state).into()));
        }
        if line.promised_at == at {
            return Ok(());
        }
        // Who promises it was asked, by whatever way.
        let of = of.unwrap_or(line.asked_of);
        if at.is_some() && (line.state == LineState::Needed || line.asked_of != of) {
            line.state = LineState::Requested;
            line.asked(of, now);
        }
        line.promised_at = at;
        self.begin();
        self.acted();
        self.saw_papers();
        self.inquiry.recount_records();
        // The day that ends then.
        let last = |at: Timestamp| at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at);
        let day = at.map(|at| self.rules.calendar.zone().to_datetime(last(at)).date());
        let text = match day {
            Some(day) => format!("{kind}: promised for {day}."),
            None => format!("{kind}: no longer promised for a day."),
        };
        self.enter("record", text);
        Ok(())
    }

    /// Asks the person again for what has not come. What others were asked for is asked of them again by staff, to whom it comes back
    /// by its due time.
    pub(super) fn chase_records(&mut self) {
        let now = self.now;
        let kinds = asked_again(&self.inquiry, now, self.rules);
        let mut times = 0;
        for line in self.inquiry.records.iter_mut().filter(|line| kinds.contains(&line.kind)) {
            line.asked(line.asked_of, now);
            times = times.max(line.asked_times);
        }
        if kinds.is_empty() {
            return;
        }
        self.begin();
        self.enter(CHASED, format!("Asked again for: {}.", kinds.join(", ")));
        self.told.push(Told::RecordsRequested { kinds, times, at: now });
    }

    /// The person did not get the question: by phone it is, and soon. What came meanwhile, or was asked for again since, is left alone.
    pub(super) fn records_not_told(&mut self, at: Timestamp, text: &str) {
        self.happened_at = Some(at);
        self.begin();
        for line in &mut self.inquiry.records {
            if line.waits_for_the_person() && line.untold_at.is_none() && line.asked_at.is_some_and(|asked| asked <= at)
            {
                line.untold_at = Some(at);
            }
        }
        self.enter("notice", text.to_owned());
    }

    /// A document came of which nobody has said what it is: a person looks at it. `door`: where it came in.
    pub(super) fn loose_document(&mut self, document: (Uuid, i64), door: &str, at: Timestamp) {
        if !self.hear_of(document, Some(at)) {
            return;
        }
        self.happened_at = Some(at);
        let from = match door {
            "patient" => "from the patient",
            "staff" => "from a colleague",
            _ => "from the referring office",
        };
        self.enter("document", format!("A document came {from}; say which line of the checklist it is."));
        self.opened_by(document, door, Some(at));
    }

    /// A document that comes after an inquiry was closed for want of an answer is one: somebody looks again. A later word of a document
    /// that is here already opens nothing, nor does one that was heard late, nor what a colleague files, who can open it themselves.
    fn opened_by(&mut self, (_, version): (Uuid, i64), door: &str, at: Option<Timestamp>) {
        let inquiry = &self.inquiry;
        let came_after = inquiry.closed_at.is_some_and(|closed| at.unwrap_or(self.now) > closed);
        if version == 1 && door != "staff" && inquiry.is_opened_by_papers() && came_after {
            // Refused only where it is not closed, or a sister center has it.
            let _ = self.reopen(ReopenReason::NewInformation);
        }
    }

    /// Whether a newer word of a document was heard than this one.
    fn heard_newer(&self, (document, version): (Uuid, i64)) -> bool {
        self.inquiry.loose.iter().any(|known| known.document == document && known.version > version)
    }

    /// Keeps since when a document waits for somebody to say what it is; none: it has its name. The first word of one that came with
    /// its name has no older one to overtake, and is not kept. Gives whether it is news.
    fn hear_of(&mut self, (document, version): (Uuid, i64), since: Option<Timestamp>) -> bool {
        let loose = &mut self.inquiry.loose;
        match loose.iter_mut().find(|known| known.document == document) {
            Some(known) if known.version < version => (known.version, known.since) = (version, since),
            None if version > 1 || since.is_some() => loose.push(Loose { document, version, since }),
            _ => return false,
        }
        self.begin();
        true
    }

    /// Nobody asked while it was closed, and nobody is asked the moment it is opened: the distance counts anew.
    pub(super) fn rest_questions(&mut self) {
        let (now, rules) = (self.now, self.rules);
        for line in self.inquiry.records.iter_mut().filter(|line| line.waits_for_the_person()) {
            line.rests_until = next_distance(line, rules).map(|distance| after(now, distance, rules));
        }
    }

    /// Whoever does something about the checklist has seen what lies there unnamed.
    fn saw_papers(&mut self) {
        self.inquiry.loose.iter_mut().for_each(|one| one.since = None);
    }

    pub(super) fn record(&mut self, kind: &str, state: LineState, why: Option<WaiveReason>) -> Result<(), Refusal> {
        self.require_not_closed()?;
        let (now, by) = (self.now, self.by.0.clone());
        let line = self.line(kind)?;
        let from = line.state;
        if from == state {
            return Ok(());
        }
        if !may_become(from, state) {
            let text = format!("a document that is {from} can not become {state}");
            return Err(Refusal::WrongState(text.into()));
        }
        line.state = state;
        let judged = matches!(state, LineState::Reviewed | LineState::Waived);
        (line.by, line.why) = (if judged { by } else { String::new() }, why.filter(|_| state == LineState::Waived));
        match state {
            LineState::Requested => line.asked(line.asked_of, now),
            LineState::Received if line.received_at.is_none() => line.received_at = Some(now),
            LineState::Needed => line.received_at = None,
            _ => {}
        }
        let asks_the_person = line.waits_for_the_person();
        self.begin();
        self.acted();
        self.saw_papers();
        let (was_reviewed, waited) = (self.inquiry.reviewed, self.inquiry.review);
        self.inquiry.recount_records();
        let listed = why.filter(|why| state == LineState::Waived && *why != WaiveReason::OtherReason);
        let because = listed.map(|why| format!(", {}", why.label("en").to_lowercase())).unwrap_or_default();
        self.enter("record", format!("{kind}: {}{because}.", state.label("en").to_lowercase()));
        if asks_the_person {
            let times = self.line(kind)?.asked_times;
            self.told.push(Told::RecordsRequested { kinds: vec![kind.to_owned()], times, at: now });
        }
        // The last line that a reviewer accepts accepts them all. Who waives one decides nothing about the others.
        let accepts = state == LineState::Reviewed && self.inquiry.reviewed && !was_reviewed;
        if accepts && self.inquiry.declined.is_none() {
            let team = self.inquiry.route.team.clone();
            self.told.push(Told::Reviewed { decision: ReviewDecision::Accept, reason: "", team, waited, at: now });
        }
        Ok(())
    }

    /// A document that came is news and no wish, so nothing refuses it. A line that has one already stays as it is: what a person
    /// has reviewed or waived is not undone by another copy. One that was taken for another kind leaves that line open again, unless
    /// somebody has reviewed it.
    pub(super) fn document(
        &mut self,
        (document, door): ((Uuid, i64), &str),
        (kind, previous): (&str, &str),
        at: Option<Timestamp>,
    ) {
        self.happened_at = at;
        if self.heard_newer(document) {
            return;
        }
        self.hear_of(document, Some(self.now).filter(|_| kind.is_empty()));
        self.take_back(previous);
        self.opened_by(document, door, at);
        if kind.is_empty() {
            return;
        }
        let came = at.unwrap_or(self.now);
        let Ok(line) = self.line(kind) else {
            self.begin();
            return self.enter("document", format!("A document came that is not on the checklist: {kind}."));
        };
        if matches!(line.state, LineState::Received | LineState::Reviewed) {
            // Another copy undoes nothing. The first one counts, in whatever order they are heard.
            if line.received_at.is_some_and(|known| came < known) {
                line.received_at = Some(came);
                self.begin();
            }
            return;
        }
        if line.state == LineState::Waived {
            return;
        }
        line.state = LineState::Received;
        line.received_at = Some(came);
        self.begin();
        self.inquiry.recount_records();
        self.enter("record", format!("{kind}: {}.", LineState::Received.label("en").to_lowercase()));
    }

    /// Opens a line again whose document turned out to be another.
    fn take_back(&mut self, kind: &str) {
        let Ok(line) = self.line(kind) else { return };
        if line.state != LineState::Received {
            return;
        }
        line.state = if line.asked_at.is_some() { LineState::Requested } else { LineState::Needed };
        line.received_at = None;
        let state = line.state;
        self.begin();
        self.inquiry.recount_records();
        let label = state.label("en").to_lowercase();
        self.enter("record", format!("{kind}: {label}; the document is another one."));
    }

    pub(super) fn ask_for(&mut self, wanted: impl Fn(&RecordLine) -> bool, of: RecordsFrom) -> Result<(), Refusal> {
        let now = self.now;
        let (mut kinds, mut most) = (Vec::new(), 0);
        for line in self.inquiry.records.iter_mut().filter(|line| wanted(line)) {
            line.state = LineState::Requested;
            line.asked(of, now);
            line.received_at = None;
            line.by.clear();
            line.why = None;
            most = most.max(line.asked_times);
            kinds.push(line.kind.clone());
        }
        if kinds.is_empty() {
            return Err(Refusal::WrongState(
                "there is no document to ask for; set the one that is missing to needed first".into(),
            ));
        }
        self.begin();
        self.acted();
        self.saw_papers();
        self.inquiry.recount_records();
        let asked = match of {
            RecordsFrom::Patient => "Asked for",
            RecordsFrom::ReferringOffice => "Asked the office that refers for",
            RecordsFrom::Hospital => "Asked the hospital for",
        };
        self.enter("records_requested", format!("{asked}: {}.", kinds.join(", ")));
        // Others are asked by staff, with a letter or by phone.
        if of == RecordsFrom::Patient {
            self.told.push(Told::RecordsRequested { kinds, times: most, at: now });
        }
        Ok(())
    }

    fn line(&mut self, kind: &str) -> Result<&mut RecordLine, Refusal> {
        let found = self.inquiry.records.iter_mut().find(|line| line.kind == kind);
        found.ok_or_else(|| {
            Refusal::UnknownName("the checklist of this inquiry has no such document; read its lines".to_owned())
        })
    }

    /// Papers may still come in after the visit.
    fn require_not_closed(&self) -> Result<(), Refusal> {
        if self.inquiry.close_reason.is_some() { Err(Refusal::Closed) } else { Ok(()) }
    }
}
