//! One inquiry on one screen, from what five services answer.
//!
//! A part whose service does not answer says so in its own place; the rest of the page stays useful. What a role may not
//! do is left out. Deliberately not here: asking the services, and the rules behind the next step.

mod beside;
mod call_back;
mod came;
mod choices;
mod conflict;
mod documents;
mod extra;
mod records;
mod review;
mod sister;
mod step;
mod twins;
mod warnings;

use std::collections::{BTreeMap, HashMap};

use causeway_auth::{Action, Actor, policy};
use causeway_funnel::contact::{self, phone_words};
use causeway_funnel::form::FieldKind;
use causeway_funnel::profile::{OutOfScope, Profile};
use causeway_funnel::scope::{KeepReason, ScopeState};
use causeway_funnel::script::CallSituation;
use causeway_funnel::stillness::PauseReason;
use causeway_proto::convert::{
    area_from_wire, channel_from_wire, consult_type_from_wire, source_from_wire, stage_from_wire,
};
use causeway_proto::inquiry::v1::{CallRow, Document, Facts, LinksOfInquiry, Person};
use causeway_proto::intake::v1::{Inquiry, NoteField, Stage};
use causeway_proto::notice::v1::Notice;
use causeway_proto::routing::v1::ExplainRouteResponse;
use causeway_proto::scheduling::v1::{BookedAppointment, OfferSlotsResponse};
use jiff::Timestamp;
use jiff::civil::Date;

use super::calls;
use super::script::script;
use super::there::{There, Welcome};
use super::times;
use super::worklist::{clock, is_escalated, late_since, owner, paused, tries, who};
use crate::centers::InForce;
use crate::pages::{
    Choice, Clock, Fact, HiddenField, InquiryPage, Moment, Question, QuestionKind, ResponseCard, RowAction, Script,
    StaffFrame, Tag, Tone,
};
use crate::words::{EN, Words};
use choices::{attempt, close_reasons, reopen_reasons};

pub use call_back::call_back_at;
pub use choices::{OUTCOMES, VISIT_REASONS, close_reason, opening_on, used_script};
pub use records::{asked_of, letter_to};
pub use step::step_at;
pub use warnings::look_first;

const AWAY: &str = "Not available right now. Load the page again in a moment.";

/// What the services answered; none for a part that did not answer.
#[derive(Default)]
pub struct Parts {
    /// The desk's inquiry.
    pub inquiry: Inquiry,
    /// The person; the inner none is for a role that may not read them.
    pub person: Option<Option<Person>>,
    /// Why it went to its team.
    pub route: Option<ExplainRouteResponse>,
    /// Its messages.
    pub notices: Option<Vec<Notice>>,
    /// Times that fit.
    pub offers: Option<OfferSlotsResponse>,
    /// Its appointments.
    pub appointments: Option<Vec<BookedAppointment>>,
    /// Calls of the phone system that belong to it.
    pub calls: Option<Vec<CallRow>>,
    /// Who may be the same person; the inner none is for a role that may not read the person.
    pub links: Option<Option<LinksOfInquiry>>,
    /// Where the linked inquiries stand, by id, as far as the desk answered.
    pub linked: HashMap<String, Inquiry>,
    /// Its documents, the newest first.
    pub documents: Option<Vec<Document>>,
    /// The centers of the installation.
    pub sisters: Vec<InForce>,
}

/// The page's view of the parts.
pub struct Looking<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// Who looks.
    pub actor: &'a Actor,
    /// The domain's time.
    pub now: Timestamp,
    /// The parts.
    pub parts: &'a Parts,
}

/// Both versions that the page saw: of the inquiry, and of its note.
pub fn version(inquiry: &Inquiry) -> String {
    format!("{}.{}", inquiry.version, inquiry.note_version)
}

/// The note's version of a sent version.
pub fn note_version(sent: &str) -> i64 {
    sent.split_once('.').and_then(|(_, note)| note.parse().ok()).unwrap_or_default()
}

impl Looking<'_> {
    /// The page.
    pub fn page(&self, frame: StaffFrame) -> InquiryPage {
        let inquiry = &self.parts.inquiry;
        let facts = inquiry.facts.clone().unwrap_or_default();
        let person = self.parts.person.as_ref().and_then(Option::as_ref);
        let name = person.map(who).filter(|name| !name.is_empty());
        let closed = inquiry.stage() == Stage::Closed;
        InquiryPage {
            reference: facts.reference.clone(),
            mend_url: self.may(Action::RepairInquiry).then(|| format!("/repairs/{}?kind=inquiry", facts.inquiry_id)),
            heading: name.unwrap_or_else(|| format!("Inquiry {}", facts.reference)),
            base: format!("/inquiries/{}", facts.inquiry_id),
            version: version(inquiry),
            clock: self.clock(),
            response: self.response(),
            tags: self.tags(&facts),
            warnings: if closed { Vec::new() } else { self.warnings(person) },
            actions: if closed { Vec::new() } else { self.actions(&facts.inquiry_id) },
            twins: self.twins(),
            twin_notes: self.twin_notes(),
            may_link: self.parts.links.is_some() && self.may(Action::RepairInquiry),
            facts: self.facts(&facts, person),
            sent: person.map(|person| extra::of_office(self.profile, &facts, person)).unwrap_or_default(),
            timeline: self.timeline(),
            calls: self.calls(),
            // The desk fills a script without PHI; the name is laid in here.
            script: script(
                &inquiry.script_id,
                &inquiry.script_version,
                &inquiry.script_text,
                &person.map(who).unwrap_or_default(),
            ),
            caregiver: self.beside(CallSituation::CaregiverCalling, person),
            voicemail: self.beside(CallSituation::Voicemail, person),
            attempt: if closed || !self.may(Action::WorkInquiry) {
                Vec::new()
            } else {
                attempt(self.may(Action::CloseInquiry), inquiry, self.call_backs())
            },
            scripts_shown: self.scripts_shown(),
            note: if closed || !self.may(Action::WorkInquiry) { Vec::new() } else { self.note() },
            note_missing: inquiry.note.iter().filter(|field| field.missing).map(|field| field.label.clone()).collect(),
            note_draft: self.draft(),
            note_version: format!("{}.{}", inquiry.version, self.note_base()),
            note_saved: (inquiry.note_version > 0).then(|| format!("Saved, version {}", inquiry.note_version)),
            records: inquiry.records.iter().map(|line| self.record(line, closed)).collect(),
            access_url: self.may(Action::ReadAuditLog).then(|| format!("/inquiries/{}/access", facts.inquiry_id)),
            ask_all: !closed && self.may_ask_for_all(),
            letters: self.letters(),
            documents: self.documents(closed),
            booking: self.booking(closed),
            visit: self.visit(),
            step: self.step(closed),
            routing: self.routing(closed),
            messages: self.messages(),
            close_reasons: if closed || !self.may(Action::CloseInquiry) {
                Vec::new()
            } else {
                close_reasons(self.is_confirmed_twin())
            },
            closed: closed.then(|| close_reason(&inquiry.close_reason)),
            handed: self.handed(),
            reopen_reasons: reopen_reasons(),
            may_reopen: closed && inquiry.handover.as_ref().is_none_or(|handover| handover.state == "not_taken"),
            sister: self.sister(),
            review: self.review(),
            frame,
        }
    }

    fn may(&self, action: Action) -> bool {
        policy::may(self.actor, action, &self.profile.center.id).is_ok()
    }

    /// When the next step is due, or why nobody is to be called for the time being.
    fn clock(&self) -> Clock {
        let inquiry = &self.parts.inquiry;
        let pause = (inquiry.pause_reason.as_str(), inquiry.paused_since, inquiry.paused_until);
        let stands_still = paused(pause, self.profile);
        stands_still.unwrap_or_else(|| clock(inquiry.due_at, self.now, self.profile))
    }

    /// While first contact is due, and nobody has tried it.
    fn response(&self) -> Option<ResponseCard> {
        let route = self.parts.route.as_ref()?;
        let runs = matches!(route.clock_state.as_str(), "pending" | "missed");
        let due = times::moment(route.response_due_at, self.profile.zone(), &EN).filter(|_| runs)?;
        let paused = times::zoned(route.paused_until, self.profile.zone()).map(|until| {
            let reason: PauseReason = route.pause_reason.parse().unwrap_or(PauseReason::Other);
            let since = times::zoned(route.paused_since, self.profile.zone());
            let since = since.map_or_else(String::new, |since| format!(" since {},", times::short(&since, &EN)));
            format!(
                "It stands still{since} until {}: {}.",
                times::short(&until, &EN),
                reason.label("en").to_lowercase()
            )
        });
        let may_pause = route.clock_state == "pending" && self.may(Action::PauseClock);
        let reason = |reason: &PauseReason| choices::option(reason.as_str(), reason.label("en"));
        let tomorrow = self.profile.zone().to_datetime(self.now).date().tomorrow();
        Some(ResponseCard {
            due,
            paused,
            reasons: if may_pause { PauseReason::ALL.iter().map(reason).collect() } else { Vec::new() },
            first_day: tomorrow.map(|day| day.to_string()).unwrap_or_default(),
        })
    }

    /// A script beside that of the call.
    fn beside(&self, situation: CallSituation, person: Option<&Person>) -> Option<Script> {
        let found = self.parts.inquiry.scripts.iter().find(|one| one.situation == situation.as_str())?;
        script(&found.id, &found.version, &found.text, &person.map(who).unwrap_or_default())
    }

    /// The scripts that the page shows, so that a try keeps the version that was read out, whatever came into force meanwhile.
    fn scripts_shown(&self) -> Vec<HiddenField> {
        let inquiry = &self.parts.inquiry;
        let message = inquiry.scripts.iter().find(|one| one.situation == CallSituation::Voicemail.as_str());
        let shown = [
            ("script_shown", choices::script_word(&inquiry.script_id, &inquiry.script_version)),
            ("voicemail_shown", message.map(|one| choices::script_word(&one.id, &one.version)).unwrap_or_default()),
        ];
        let shown = shown.into_iter().filter(|(_, value)| !value.is_empty());
        shown.map(|(name, value)| HiddenField { name: name.to_owned(), value }).collect()
    }

    fn tags(&self, facts: &Facts) -> Vec<Tag> {
        let inquiry = &self.parts.inquiry;
        let tag = |text: &str, tone| Tag { text: text.to_owned(), tone };
        let mut tags = vec![
            tag(stage_from_wire(inquiry.stage()).label("en"), Tone::Brand),
            tag(consult_type_from_wire(facts.consult_type()).label("en"), Tone::Idle),
            tag(area_from_wire(facts.cancer_area()).label("en"), Tone::Idle),
            tag(Words::of(&facts.language).own_name, Tone::Idle),
        ];
        if let Some(step) = inquiry.next_step.as_ref().filter(|step| step.ended.is_empty()) {
            tags.push(tag(&self.step_words(step), Tone::Ok));
        }
        if is_escalated(inquiry.escalated, inquiry.attempts, &inquiry.clock_state) {
            tags.push(tag("Escalated", Tone::Bad));
        }
        if let Some(late) = late_since(inquiry.review_due_at, self.now, self.profile) {
            tags.push(tag(&late, Tone::Bad));
        }
        if inquiry.bounced {
            tags.push(tag("From team to team", Tone::Bad));
        }
        if inquiry.chosen {
            tags.push(tag("Nobody has begun", Tone::Warn));
        }
        if facts.needs_repair {
            tags.push(tag("Answers to repair", Tone::Warn));
        }
        tags
    }

    fn actions(&self, id: &str) -> Vec<RowAction> {
        let inquiry = &self.parts.inquiry;
        let action = |label: &str, word: &str, main| RowAction {
            label: label.to_owned(),
            action: format!("/inquiries/{id}/{word}"),
            version: version(inquiry),
            main,
        };
        let mut actions = Vec::new();
        // Whose turn it is may not have begun.
        if self.may(Action::WorkInquiry) && (inquiry.owner.is_empty() || inquiry.chosen) {
            actions.push(action("Claim", "claim", true));
        } else if self.may(Action::WorkInquiry) && inquiry.owner == self.actor.id {
            actions.push(action("Release", "release", false));
        }
        let scope = self.scope_state();
        let waits = matches!(scope, ScopeState::Proposed | ScopeState::Failed);
        if self.may(Action::CloseInquiry) && waits {
            let label = if scope == ScopeState::Failed { "Send again where to go" } else { "Send where to go" };
            actions.push(action(label, "elsewhere", scope == ScopeState::Proposed));
        }
        // Whose decline is out and who is to be called still may be worked here after all.
        if self.may(Action::WorkInquiry) && (waits || inquiry.next_action == "tell_referral") {
            for reason in KeepReason::ALL {
                actions.push(action(reason.label("en"), &format!("keep/{}", reason.as_str()), false));
            }
        }
        actions
    }

    fn facts(&self, facts: &Facts, person: Option<&Person>) -> Vec<Fact> {
        let inquiry = &self.parts.inquiry;
        let mut shown = self.person_facts(facts, person);
        shown.extend(person.into_iter().flat_map(|person| extra::extra(self.profile, facts, person)));
        let best: causeway_funnel::inquiry::BestTime = facts.best_time.parse().unwrap_or_default();
        let voicemail = facts.consent.is_some_and(|consent| consent.voicemail);
        let there = There::at(self.now, (&facts.time_zone, &facts.best_time), self.profile);
        let tone = if there.welcome == Welcome::Quiet { Tone::Warn } else { Tone::Idle };
        let office = self.profile.feeds.feeds.iter().find(|feed| feed.office == facts.referring_office);
        let office = office.map(|feed| feed.office_name.as_str());
        let next_way: Option<causeway_funnel::inquiry::Channel> = inquiry.next_channel.parse().ok();
        let plain = [
            fact("Preferred way", channel_from_wire(facts.preferred_channel()).label("en")),
            fact("Good time", best.label("en")),
            Fact { tone, ..fact("There now", &there.words()) },
            fact("Voice message", if voicemail { "Allowed" } else { "Do not leave one" }),
            fact("Came by", source_from_wire(facts.source()).label("en")),
            fact("Referring office", office.filter(|name| !name.is_empty()).unwrap_or(&facts.referring_office)),
            fact("Owner", &owner(self.profile, &inquiry.owner).unwrap_or_else(|| "Unclaimed".to_owned())),
            fact("Next step", &inquiry.next_action_words),
            fact("Tries", &tries(inquiry.attempts)),
            fact("Next way", next_way.map_or("", |way| way.label("en"))),
        ];
        shown.extend(plain.into_iter().filter(|fact| !fact.value.is_empty()));
        if facts.missed_call && self.may(Action::RepairInquiry) {
            let link = Some(format!("/repairs/{}?kind=inquiry", facts.inquiry_id));
            shown.push(Fact { link, ..fact("Who called", "Enter what they tell you") });
        }
        shown.extend(self.review_facts());
        shown.extend(self.scope_facts());
        shown.extend(self.sister_facts());
        shown
    }

    fn scope_state(&self) -> ScopeState {
        self.parts.inquiry.out_of_scope_state.parse().unwrap_or_default()
    }

    /// What the person is told where this is not treated here, as whoever approves it has to see it.
    fn scope_facts(&self) -> Vec<Fact> {
        let state = self.scope_state();
        let entry = self.profile.out_of_scope_entry(&self.parts.inquiry.out_of_scope);
        let Some(entry) = entry.filter(|_| state != ScopeState::InScope) else { return Vec::new() };
        vec![
            fact("Scope", state.label("en")),
            fact("We tell them", entry.words.get("en")),
            fact("Where to go", &where_to_go(entry)),
        ]
    }

    fn person_facts(&self, facts: &Facts, person: Option<&Person>) -> Vec<Fact> {
        if self.parts.person.is_none() {
            return vec![Fact { tone: Tone::Warn, ..fact("Person", "Not available right now") }];
        }
        let Some(person) = person else { return Vec::new() };
        let linked = |label: &str, value: &str, link: String| Fact { link: Some(link), ..fact(label, value) };
        let mut shown = Vec::new();
        if !person.phone.is_empty() {
            let (words, link) = (phone_words(&person.phone), format!("tel:{}", person.phone));
            shown.push(match person.answers.get("phone_extension") {
                Some(digits) => linked("Phone", &format!("{words} ext. {digits}"), format!("{link};ext={digits}")),
                None => linked("Phone", &words, link),
            });
        }
        if !person.email.is_empty() {
            shown.push(linked("Email", &person.email, format!("mailto:{}", person.email)));
            let meant = contact::email("email", &person.email, "en").ok().and_then(|email| email.hint);
            shown.extend(
                meant
                    .map(|meant| Fact { tone: Tone::Warn, ..fact("Ask about the email", &format!("Perhaps {meant}")) }),
            );
        }
        let answer = |key: &str| person.answers.get(key).cloned().unwrap_or_default();
        let interpreter = if answer("interpreter") == "yes" { "Needed".to_owned() } else { String::new() };
        let called_at = person.answers.get("called_at").map(|at| at.replace('T', " ")).unwrap_or_default();
        let birth_date = person.birth_date.parse::<Date>();
        let birth_date = birth_date.map_or_else(|_| person.birth_date.clone(), times::birth);
        let plain = [
            ("Asked by", &person.caregiver_name),
            ("Birth date", &birth_date),
            ("Speaks", &answer("language_told")),
            ("Interpreter", &interpreter),
            ("Taken down in a call", &called_at),
            // An office tells it, or passes it on.
            (if extra::is_of_office(facts) { "Message" } else { "In their words" }, &person.message),
        ];
        shown.extend(plain.into_iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| fact(label, value)));
        shown.extend(came::came(person.attribution.as_ref()));
        shown
    }

    fn timeline(&self) -> Vec<Moment> {
        let zone = self.profile.zone();
        let moments = self.parts.inquiry.timeline.iter().map(|entry| Moment {
            at: times::zoned(entry.at, zone).map(|at| times::recent(&at, self.now, &EN)).unwrap_or_default(),
            text: entry.text.clone(),
            note: owner(self.profile, &entry.actor),
        });
        moments.collect()
    }

    /// The calls; where ingestion does not tell, that is said in their place.
    fn calls(&self) -> Vec<Moment> {
        let looking = calls::Looking { profile: self.profile, now: self.now };
        match &self.parts.calls {
            Some(calls) => looking.moments(calls),
            None => vec![Moment { at: String::new(), text: AWAY.to_owned(), note: None }],
        }
    }

    /// The version of the note that a draft was typed over: what a colleague saved since is not written over by it.
    fn note_base(&self) -> i64 {
        let inquiry = &self.parts.inquiry;
        if inquiry.draft_saved_at > 0 { inquiry.draft_base_version } else { inquiry.note_version }
    }

    fn draft(&self) -> Option<String> {
        let at = times::zoned(self.parts.inquiry.draft_saved_at, self.profile.zone())?;
        let since = if self.note_base() < self.parts.inquiry.note_version {
            " The note was saved by somebody since; when you save, you are shown both."
        } else {
            ""
        };
        Some(format!("Your draft of {} is shown. It is not saved yet.{since}", times::recent(&at, self.now, &EN)))
    }

    fn note(&self) -> Vec<Question> {
        let kinds: BTreeMap<&str, FieldKind> =
            self.profile.note.fields.iter().map(|field| (field.key.as_str(), field.kind)).collect();
        self.parts
            .inquiry
            .note
            .iter()
            .map(|field| self.note_question(field, kinds.get(field.key.as_str()).copied()))
            .collect()
    }

    fn note_question(&self, field: &NoteField, kind: Option<FieldKind>) -> Question {
        let defined = self.profile.note.fields.iter().find(|known| known.key == field.key);
        let label = |value: &str| {
            let option = defined.and_then(|known| known.options.iter().find(|option| option.value == value));
            let said = option.map(|option| option.label.get("en")).filter(|label| !label.is_empty());
            said.map_or_else(|| value.replace('_', " "), str::to_owned)
        };
        let answer = self.parts.inquiry.draft.get(&field.key).unwrap_or(&field.value);
        let options = field.options.iter().map(|value| Choice {
            value: value.clone(),
            label: label(value),
            chosen: value == answer,
            ..Choice::default()
        });
        Question {
            key: field.key.clone(),
            kind: match kind {
                _ if !field.options.is_empty() => QuestionKind::Select,
                Some(FieldKind::LongText) => QuestionKind::LongText,
                _ => QuestionKind::Text,
            },
            label: field.label.clone(),
            hint: Some(field.why.clone()).filter(|why| !why.is_empty()),
            options: options.collect(),
            required: field.required,
            value: answer.clone(),
            ..Question::default()
        }
    }
}

/// The places of an entry with their phones.
fn where_to_go(entry: &OutOfScope) -> String {
    let places: Vec<String> = entry.places.iter().map(|place| format!("{}, {}", place.name, place.phone)).collect();
    places.join("; ")
}

fn fact(label: &str, value: &str) -> Fact {
    Fact { label: label.to_owned(), value: value.to_owned(), link: None, tone: Tone::Idle }
}

#[cfg(test)]
mod call_tests;
#[cfg(test)]
mod review_tests;
#[cfg(test)]
mod sister_tests;
#[cfg(test)]
mod tests;
