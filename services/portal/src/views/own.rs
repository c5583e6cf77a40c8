//! What a patient sees behind the signed link: states, places and times, never a name and never what they told us.
//!
//! The desk may not know an inquiry yet in its first second; then the facts of its receipt are enough for a page that is
//! right. Deliberately not here: what a file says or is called; the page shows that it came and whether it can be used.

use causeway_funnel::document::DocumentFault;
use causeway_funnel::profile::Profile;
use causeway_funnel::records::RecordsFrom;
use causeway_proto::convert::{area_from_wire, consult_type_from_wire, is_written_to};
use causeway_proto::inquiry::v1::{Channel, Document, Facts};
use causeway_proto::intake::v1::{PatientStatus, RecordLine as Line, Stage};
use causeway_proto::scheduling::v1::{Appointment, BookedAppointment, OfferSlotsResponse, Slot};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::times;
use crate::pages::{
    AgreedStep, ChannelLine, DonePage, FileLine, Flash, OfferedTime, Offers, OwnPage, Paper, PublicFrame, RecordLine,
    RecordState, SelectOption, Stone, StoneState, Tone, Upload, Visit,
};
use crate::words::Words;

/// Longest list of offered times.
const MOST_TIMES: usize = 6;

/// All that is known of the inquiry behind a link.
pub struct Known<'a> {
    /// The center's profile.
    pub profile: &'a Profile,
    /// The page's language.
    pub words: &'static Words,
    /// The domain's time.
    pub now: Timestamp,
    /// What the desk says; none while it does not know the inquiry or does not answer.
    pub status: Option<&'a PatientStatus>,
    /// The facts of its receipt.
    pub facts: Option<&'a Facts>,
    /// Its appointments, newest first.
    pub appointments: &'a [BookedAppointment],
    /// Times that fit, or why there are none.
    pub offers: Option<&'a OfferSlotsResponse>,
    /// What the person sent, newest first.
    pub documents: &'a [Document],
    /// What the person asked for no more of: email, sms or all.
    pub stopped: &'a [String],
    /// Name of the sister center that has it now; empty: none has.
    pub handed_to: &'a str,
}

/// What the file window offers; what is taken is told by the bytes.
const ACCEPT: &str = "application/pdf,image/*,.heic,.heif,.tif,.tiff,.dcm,.docx,.rtf,.txt,.xml";
/// What is sent for a paper that is none of the list.
pub const OTHER_PAPER: &str = "other";

/// The appointment that is booked, if any.
pub fn booked(appointments: &[BookedAppointment]) -> Option<&Appointment> {
    appointments.iter().find(|one| one.state == "booked").and_then(|one| one.appointment.as_ref())
}

/// What a form sends for a slot: with the number of appointments so far, so that a button pressed twice books once and
/// the same slot can be booked again after a cancellation.
pub fn offer_value(appointments: usize, slot_id: &str) -> String {
    format!("{appointments}~{slot_id}")
}

/// The slot and the number of appointments of a sent offer.
pub fn read_offer(value: &str) -> Option<(&str, &str)> {
    let (count, slot) = value.split_once('~')?;
    count.parse::<u32>().is_ok().then_some((count, slot)).filter(|_| !slot.is_empty())
}

impl Known<'_> {
    /// The page after the form was sent.
    pub fn done(&self, frame: PublicFrame, base: &str, contact_by: i64, after_hours: bool) -> DonePage {
        let zone = self.profile.zone();
        let (due, late) =
            self.status.map_or((contact_by, after_hours), |status| (status.contact_by, status.after_hours));
        let by = self.promised(due);
        let waits = !self.is_in_touch();
        DonePage {
            reference: self.reference(),
            // Who opens the page again the next morning is not told that we are closed.
            after_hours: late && waits && by.is_some() && !self.profile.calendar(None).is_open(self.now),
            standing: if waits || by.is_some() { None } else { Some(self.standing()) },
            by,
            by_phone: self.facts.map_or(self.channel() == Channel::Phone, |facts| !is_written_to(facts)),
            stones: if waits { Vec::new() } else { self.stones() },
            sent: None,
            received: times::moment(self.received_at(), zone, self.words).unwrap_or_default(),
            call_from: self.profile.center.contact.calls_from.clone(),
            papers: self.papers(),
            upload_url: self.may_upload().then(|| format!("{base}#records-h")),
            fax: Some(self.profile.center.contact.fax.clone()).filter(|fax| !fax.is_empty()),
            own_url: Some(base.to_owned()),
            frame,
        }
    }

    /// The patient's own page. `moving` is the reason to move the booked visit to another time.
    pub fn own(
        &self,
        frame: PublicFrame,
        link: (&str, Timestamp),
        flash: Option<Flash>,
        (moving, megabytes): (Option<&str>, u32),
    ) -> OwnPage {
        let (base, until) = link;
        let visit = booked(self.appointments);
        let may_change = visit.is_some_and(|visit| visit.starts_at > self.now.as_microsecond());
        let offers = if visit.is_none() || moving.is_some() { self.offers(moving) } else { None };
        let reasons = self.words.change.reasons.iter().map(|(value, label)| option(value, label)).collect();
        OwnPage {
            base: base.to_owned(),
            reference: self.reference(),
            link_until: self.words.dates.day(until.to_zoned_datetime(self.profile.zone().clone()).date()),
            flash,
            stones: self.stones(),
            visit: visit.map(|visit| self.visit(visit, may_change)),
            step: if visit.is_none() { self.step() } else { None },
            offers,
            records: self.records(),
            upload: self.may_upload().then(|| self.upload(megabytes)),
            files: self.files(),
            channels: self.channels(),
            channel_stops: self.channel_stops(),
            fax: Some(self.profile.center.contact.fax.clone()).filter(|fax| !fax.is_empty()),
            reasons,
            frame,
        }
    }

    fn reference(&self) -> String {
        let status = self.status.map(|status| &status.reference);
        status.or(self.facts.map(|facts| &facts.reference)).cloned().unwrap_or_default()
    }

    fn received_at(&self) -> i64 {
        let status = self.status.map(|status| status.received_at).filter(|at| *at != 0);
        status.or(self.facts.map(|facts| facts.received_at)).unwrap_or_default()
    }

    fn channel(&self) -> Channel {
        let status = self.status.map(PatientStatus::preferred_channel).filter(|one| *one != Channel::Unspecified);
        status.or(self.facts.map(Facts::preferred_channel)).unwrap_or(Channel::Phone)
    }

    fn stage(&self) -> Stage {
        self.status.map_or(Stage::Received, PatientStatus::stage)
    }

    /// Somebody has spoken with the person, or no longer will.
    pub fn is_in_touch(&self) -> bool {
        self.stage() as i32 >= Stage::Contacted as i32
    }

    /// How far it is, in a sentence, once somebody was in touch.
    fn standing(&self) -> String {
        let (path, told) = (&self.words.path, &self.words.told);
        match self.stage() {
            Stage::Attended => path.visited.to_owned(),
            Stage::Closed => self.closed(),
            _ => match self.visit_moment() {
                Some(when) => Words::fill(told.booked, &when),
                None => path.contacted.to_owned(),
            },
        }
    }

    /// That it is closed here, or who is to have it, or who has it now and by which number.
    fn closed(&self) -> String {
        let path = &self.words.path;
        let number = self.status.map(|status| status.handed_reference.as_str()).unwrap_or_default();
        match (self.handed_to, number) {
            ("", _) if self.may_upload() => path.closed_for_now.to_owned(),
            ("", _) => path.closed.to_owned(),
            (sister, "") => Words::fill(path.handing, sister),
            (sister, number) => Words::fill(path.handed, &format!("{sister} ({number})")),
        }
    }

    /// When the booked visit is.
    fn visit_moment(&self) -> Option<String> {
        let visit = booked(self.appointments)?;
        times::moment(visit.starts_at, &self.zone_of(&visit.time_zone), self.words)
    }

    /// A time by which somebody calls, as long as it lies ahead: a promise that has passed helps nobody.
    fn promised(&self, due: i64) -> Option<String> {
        (due >= self.now.as_microsecond()).then(|| times::moment(due, self.profile.zone(), self.words)).flatten()
    }

    fn papers(&self) -> Vec<Paper> {
        let paper = |name: &str, hint: &str| Paper { name: name.to_owned(), where_to_find: hint.to_owned() };
        let code = self.words.code;
        if let Some(status) = self.status {
            let here = ["waived", "received", "reviewed"];
            let open = status.records.iter().filter(|line| !here.contains(&line.state.as_str()));
            return open.map(|line| paper(self.label(line).0, self.label(line).1)).collect();
        }
        let Some(facts) = self.facts else { return Vec::new() };
        let (consult, area) = (consult_type_from_wire(facts.consult_type()), area_from_wire(facts.cancer_area()));
        let lines = self.profile.checklists.lines_for(consult, area);
        lines.iter().map(|line| paper(line.label.get(code), line.hint.get(code))).collect()
    }

    /// A line's name and where to find it, in the page's language where the profile still knows the document.
    fn label<'b>(&'b self, line: &'b Line) -> (&'b str, &'b str) {
        match self.profile.checklists.document(&line.kind) {
            Some(document) => (document.label.get(self.words.code), document.hint.get(self.words.code)),
            None => (&line.label, &line.hint),
        }
    }

    fn records(&self) -> Vec<RecordLine> {
        let zone = self.profile.zone();
        let lines = self.status.map(|status| status.records.as_slice()).unwrap_or_default();
        let day = |micros| times::zoned(micros, zone).map(|at| self.words.dates.day(at.date()));
        let records = lines.iter().map(|line| {
            let (name, hint) = self.label(line);
            let (state, note) = match line.state.as_str() {
                "received" | "reviewed" => (RecordState::Here, day(line.received_at)),
                "waived" => (RecordState::NotNeeded, None),
                "requested" => self.asked(line, hint),
                _ => (RecordState::Needed, Some(hint.to_owned())),
            };
            RecordLine { key: line.kind.clone(), name: name.to_owned(), note: note.unwrap_or_default(), state }
        });
        records.collect()
    }

    /// Whom we asked for a paper and since when, and by when it should come, as long as that day is not over.
    fn asked(&self, line: &Line, hint: &str) -> (RecordState, Option<String>) {
        let zone = self.profile.zone();
        let day = |micros| times::zoned(micros, zone).map(|at| self.words.dates.day(at.date()));
        let own = &self.words.own;
        let (state, told) = match line.asked_of.parse().unwrap_or_default() {
            RecordsFrom::Patient => (RecordState::Needed, own.asked_you),
            RecordsFrom::ReferringOffice => (RecordState::AskedFor, own.asked_office),
            RecordsFrom::Hospital => (RecordState::AskedFor, own.asked_hospital),
        };
        let since = day(line.first_asked_at).or_else(|| day(line.asked_at));
        let mut note = since.map(|day| Words::fill(told, &day)).unwrap_or_default();
        // The day that ends then; one that has passed is no promise.
        if let Some(by) = day(line.promised_at - 1).filter(|_| line.promised_at > self.now.as_microsecond()) {
            note.push_str(&Words::fill(own.promised, &by));
        }
        if state == RecordState::Needed {
            note = format!("{hint} {note}");
        }
        (state, Some(note))
    }

    /// Until the desk says that nothing is waited for any more, and nothing that comes would change that.
    fn may_upload(&self) -> bool {
        self.status.is_none_or(|status| status.open || status.opened_by_papers)
    }

    fn upload(&self, megabytes: u32) -> Upload {
        let lines = self.status.map(|status| status.records.as_slice()).unwrap_or_default();
        let wanted = lines.iter().filter(|line| line.state != "waived");
        let papers = wanted.map(|line| option(&line.kind, self.label(line).0));
        // Nothing is chosen beforehand: what is taken for a paper that it is not is not asked for any more.
        let first = option("", self.words.form.choose);
        let other = option(OTHER_PAPER, self.words.own.other_paper);
        Upload {
            papers: [first].into_iter().chain(papers).chain([other]).collect(),
            accept: ACCEPT,
            megabytes: megabytes.to_string(),
        }
    }

    fn files(&self) -> Vec<FileLine> {
        let (zone, files) = (self.profile.zone(), &self.words.files);
        let line = |document: &Document| {
            let kind = self.profile.checklists.document(&document.record_kind);
            let name = kind.map_or(self.words.own.other_paper, |kind| kind.label.get(self.words.code));
            let day = times::zoned(document.received_at, zone).map(|at| self.words.dates.day(at.date()));
            let (state, tone) = match document.state.as_str() {
                "ready" => (files.here, Tone::Ok),
                "infected" => (files.stopped, Tone::Warn),
                _ => (files.checking, Tone::Brand),
            };
            let note = match document.state.as_str() {
                "infected" => DocumentFault::Infected.label(self.words.code).to_owned(),
                _ => day.unwrap_or_default(),
            };
            FileLine { name: name.to_owned(), note, state, tone }
        };
        self.documents.iter().map(line).collect()
    }

    fn stones(&self) -> Vec<Stone> {
        let (words, zone) = (self.words, self.profile.zone());
        let received = times::moment(self.received_at(), zone, words).unwrap_or_default();
        let mut stones = vec![stone(StoneState::Done, words.done.came_in, received)];
        let stage = self.stage();
        if stage == Stage::Closed || self.status.is_some_and(|status| !status.open && stage != Stage::Attended) {
            stones.push(stone(StoneState::Now, words.own.heading, self.closed()));
            return stones;
        }
        let reached = self.is_in_touch();
        stones.push(if reached {
            stone(StoneState::Done, words.done.we_call, words.path.contacted.to_owned())
        } else {
            stone(StoneState::Now, words.done.we_call, self.contact_note())
        });
        let records = self.records();
        if !records.is_empty() {
            stones.push(self.records_stone(&records, reached, stage));
        }
        stones.push(self.visit_stone(stage));
        stones
    }

    fn contact_note(&self) -> String {
        match self.promised(self.status.map_or(0, |status| status.contact_by)) {
            Some(by) => Words::fill(self.words.path.contact_by, &by),
            None => self.words.form.contact_open.to_owned(),
        }
    }

    fn records_stone(&self, records: &[RecordLine], reached: bool, stage: Stage) -> Stone {
        let wanted = records.iter().filter(|record| record.state != RecordState::NotNeeded).count();
        let here = records.iter().filter(|record| record.state == RecordState::Here).count();
        let (of, end) = self.words.path.records;
        let state = match (here == wanted || stage as i32 >= Stage::RecordsReady as i32, reached) {
            (true, _) => StoneState::Done,
            (false, true) => StoneState::Now,
            (false, false) => StoneState::Ahead,
        };
        stone(state, self.words.done.records, format!("{here}{of}{wanted}{end}"))
    }

    fn visit_stone(&self, stage: Stage) -> Stone {
        let words = self.words;
        if stage == Stage::Attended {
            return stone(StoneState::Done, words.own.visit, words.path.visited.to_owned());
        }
        if let Some(when) = self.visit_moment() {
            return stone(StoneState::Now, words.own.visit, when);
        }
        if let Some(step) = self.step() {
            return stone(StoneState::Now, words.own.step, step.when);
        }
        let waits = self.offers.filter(|offers| !offers.refused_by.is_empty() && !offers.words_for_patient.is_empty());
        let note = waits.map_or(words.path.no_visit, |offers| offers.words_for_patient.as_str());
        stone(StoneState::Ahead, words.done.choose, note.to_owned())
    }

    /// The agreed next step, told by the center's clock as in messages.
    fn step(&self) -> Option<AgreedStep> {
        let step = self.status.and_then(|status| status.next_step.as_ref())?;
        let (code, own) = (self.words.code, &self.words.own);
        let kind = self.profile.booking.next_step(&step.kind);
        // What is past is promised no more, also where nobody has said yet what became of it.
        let minutes = kind.map_or(0, |kind| i64::from(kind.minutes));
        if step.at.saturating_add(minutes * 60_000_000) <= self.now.as_microsecond() {
            return None;
        }
        let days = |days: u32| {
            let gap = if days == 1 { own.step_day } else { own.step_days };
            Words::fill(gap, &days.to_string())
        };
        let expected = kind.map(|kind| kind.steps.as_slice()).unwrap_or_default();
        Some(AgreedStep {
            // In the page's language where the profile still knows the kind.
            what: kind.map_or(step.label.as_str(), |kind| kind.patient.get(code)).to_owned(),
            when: times::moment(step.at, self.profile.zone(), self.words)?,
            call_from: step.call.then(|| self.profile.center.contact.calls_from.clone()),
            steps: expected.iter().map(|one| (one.words.get(code).to_owned(), days(one.days))).collect(),
        })
    }

    fn visit(&self, visit: &Appointment, may_change: bool) -> Visit {
        let (words, zone) = (self.words, self.zone_of(&visit.time_zone));
        let (start, end) = (times::zoned(visit.starts_at, &zone), times::zoned(visit.ends_at, &zone));
        let date = start.as_ref().map(|start| start.date());
        let clock = |at: Option<&jiff::ZonedDateTime>| at.map(|at| words.dates.clock(at)).unwrap_or_default();
        let site = self.profile.site(&visit.site);
        let directions = site.map(|site| site.directions.get(words.code)).filter(|text| !text.is_empty());
        Visit {
            weekday: date.map(|date| words.dates.short_weekday(date).to_owned()).unwrap_or_default(),
            day: date.map(|date| date.day().to_string()).unwrap_or_default(),
            month: date.map(|date| words.dates.month(date).to_owned()).unwrap_or_default(),
            time: format!("{}{}{}", clock(start.as_ref()), words.path.to, clock(end.as_ref())),
            with_whom: None,
            place: site.map_or_else(|| visit.site.clone(), |site| format!("{}, {}", site.name, site.address)),
            notes: directions.map(str::to_owned).into_iter().collect(),
            confirmed: false,
            may_confirm: false,
            may_change,
        }
    }

    fn offers(&self, moving: Option<&str>) -> Option<Offers> {
        let offers = self.offers.filter(|offers| !offers.slots.is_empty())?;
        let times = offers.slots.iter().take(MOST_TIMES).map(|slot| self.offered(slot)).collect();
        Some(Offers { kept_until: None, reason: moving.map(str::to_owned), times })
    }

    fn offered(&self, slot: &Slot) -> OfferedTime {
        let zone = self.zone_of(&slot.time_zone);
        let site = self.profile.site(&slot.site).map_or(slot.site.as_str(), |site| site.name.as_str());
        let minutes = (slot.ends_at - slot.starts_at) / 60_000_000;
        OfferedTime {
            id: offer_value(self.appointments.len(), &slot.slot_id),
            when: times::moment(slot.starts_at, &zone, self.words).unwrap_or_default(),
            place: format!("{site}, {}", Words::fill(self.words.path.minutes, &minutes.to_string())),
        }
    }

    /// The channels that the person agreed to, and what they asked us to stop since. Numbers and addresses are not opened for this page.
    fn channels(&self) -> Vec<ChannelLine> {
        use causeway_funnel::inquiry::Channel as Way;
        let consent = self.facts.and_then(|facts| facts.consent).unwrap_or_default();
        let ways = [(consent.phone, Way::Phone), (consent.sms, Way::Sms), (consent.email, Way::Email)];
        let preferred = causeway_proto::convert::channel_from_wire(self.channel());
        let change = &self.words.change;
        let lines = ways.into_iter().filter(|(given, _)| *given).map(|(_, way)| ChannelLine {
            label: way.label(self.words.code).to_owned(),
            value: match way {
                way if self.is_stopped(way.as_str()) => change.stopped.to_owned(),
                way if way == preferred => change.first.to_owned(),
                _ => change.also.to_owned(),
            },
        });
        lines.collect()
    }

    /// Only channels that the person agreed to can be stopped one by one, and each once.
    fn channel_stops(&self) -> Vec<SelectOption> {
        let consent = self.facts.and_then(|facts| facts.consent).unwrap_or_default();
        let change = &self.words.change;
        let stops = [(consent.sms, "sms", change.stop_texts), (consent.email, "email", change.stop_email)];
        let left = stops.into_iter().filter(|(given, value, _)| *given && !self.is_stopped(value));
        left.map(|(_, value, label)| option(value, label)).collect()
    }

    fn is_stopped(&self, channel: &str) -> bool {
        self.stopped.iter().any(|one| one == "all" || one == channel)
    }

    fn zone_of(&self, name: &str) -> TimeZone {
        TimeZone::get(name).unwrap_or_else(|_| self.profile.zone().clone())
    }
}

fn stone(state: StoneState, heading: &str, note: String) -> Stone {
    Stone { state, heading: heading.to_owned(), note }
}

fn option(value: &str, label: &str) -> SelectOption {
    SelectOption { value: value.to_owned(), label: label.to_owned(), selected: false }
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
