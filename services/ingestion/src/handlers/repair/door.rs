//! What a message that waits says, read once more by its own door and by the profile in force.
//!
//! Deliberately not here: what becomes of it (take).

use std::collections::BTreeMap;

use causeway_funnel::inquiry::{ConsultType, Source};
use causeway_funnel::profile::{CsvMapping, Feed, FeedKind, Profile};
use jiff::Timestamp;
use jiff::civil::Date;

use super::mend::lay_over;
use crate::adapters::csv::cells;
use crate::adapters::csv::fault::Code;
use crate::adapters::csv::records::Record;
use crate::adapters::csv::referral::{self as rows, Matter, Remark};
use crate::adapters::csv::row::{Judged, Places, Row, judge};
use crate::adapters::fhir::intake as fhir;
use crate::adapters::fhir::json::Json;
use crate::adapters::fhir::referral::Verb as FhirVerb;
use crate::adapters::fhir::{document, json, outcome};
use crate::adapters::hl7::charset;
use crate::adapters::hl7::intake::{self as hl7, Topic, Verb};
use crate::adapters::hl7::referral::read_in_part;
use crate::domain::call;
use crate::domain::referral::{self, Asked};
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::accept::referral_key;
use crate::handlers::csv::survey::Reading;
use crate::handlers::fhir::given::{business_key, form_key};
use crate::handlers::hear::{CODE_UNKNOWN, asked};
use crate::handlers::phone::body::{self, Heard};

/// What the doors are set to.
#[derive(Debug, Clone)]
pub struct Doors {
    /// The processing id that HL7 messages must have.
    pub processing_id: String,
    /// Most entries of a FHIR Bundle.
    pub most_entries: usize,
}

/// What a message asks for.
pub enum Wish {
    /// An inquiry.
    New,
    /// An inquiry, once a person has mended or looked at something.
    Mended,
    /// Something about a referral that should be known: the word for what, and our number of it where the sender repeats it.
    About(&'static str, Option<String>),
    /// Nothing of which an inquiry could be made.
    Nothing,
}

/// What is known of a message beside what it says.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Why it waits.
    pub reason: &'a str,
    /// How the file is read in which a row came.
    pub reading: Option<&'a str>,
    /// The day at the center.
    pub today: Date,
}

/// A message as far as it is understood. PHI: no `Debug`.
pub struct Understood {
    /// What it asks for.
    pub wish: Wish,
    /// What it says, in answers.
    pub asked: Asked,
    /// The form that it answers; none: the one that fits.
    pub form_id: Option<String>,
    /// What it takes back, by question key.
    pub removed: Vec<&'static str>,
    /// What is wrong: the place and what to do.
    pub faults: Vec<(String, String)>,
    /// What each column of a row is.
    pub columns: Vec<String>,
    /// By what a row without a number is known, and the day by which its dates are read.
    row: Option<(Matter, CsvMapping, Date)>,
}

impl Understood {
    fn nothing() -> Self {
        let asked =
            Asked { answers: BTreeMap::new(), language: String::new(), urgency: None, second_opinion: None, key: None };
        Self {
            wish: Wish::Nothing,
            asked,
            form_id: None,
            removed: Vec::new(),
            faults: Vec::new(),
            columns: Vec::new(),
            row: None,
        }
    }

    /// All that it says, the language, how pressing it is and what it asks for among it; what it takes back is empty.
    pub fn told(&self) -> BTreeMap<String, String> {
        let asked = &self.asked;
        let mut told = asked.answers.clone();
        let mut put = |key: &str, word: &str| told.insert(key.to_owned(), word.to_owned());
        if !asked.language.is_empty() {
            put(LANGUAGE, &asked.language);
        }
        if let Some(urgency) = asked.urgency {
            put(URGENCY, urgency.as_str());
        }
        if let Some(is_second) = asked.second_opinion.filter(|_| !asked.answers.contains_key(CONSULT_TYPE)) {
            let consult = if is_second { ConsultType::SecondOpinion } else { ConsultType::NewConsult };
            put(CONSULT_TYPE, consult.as_str());
        }
        for key in &self.removed {
            put(key, "");
        }
        told
    }

    /// Lays mended answers over what was understood, and takes the key that the mended referral would have at its door.
    pub fn mend(&mut self, feed: &Feed, mended: Vec<(String, String)>) {
        let number = |asked: &Asked| asked.answers.get("referral_number").map(|number| number.trim().to_owned());
        let before = number(&self.asked);
        lay_over(&mut self.asked.answers, mended);
        if let Some(told) = self.asked.answers.remove(LANGUAGE) {
            self.asked.language = language(&told).unwrap_or_default();
        }
        if let Some(told) = self.asked.answers.remove(URGENCY) {
            self.asked.urgency = told.parse().ok();
        }
        // A number of FHIR has a system beside it, which nobody types.
        if feed.kind == FeedKind::Fhir {
            return;
        }
        match (number(&self.asked), &self.row) {
            (Some(number), _) if before.as_ref() == Some(&number) => {}
            (Some(number), _) => self.asked.key = Some(referral_key(&feed.id, [number.as_str()])),
            // It has none still, and is known by its likeness.
            (None, None) if before.is_none() => {}
            (None, None) => self.asked.key = None,
            (None, Some((matter, mapping, today))) => {
                let answer = |key: &str| self.asked.answers.get(key).map(String::as_str);
                let name = answer("patient_name").or(answer("name")).map(cells::whole_name);
                let birth = rows::birth_told(answer("birth_date").unwrap_or_default(), mapping, *today);
                // Without a name it would be the same for all.
                self.asked.key = name.map(|name| referral_key(&feed.id, [matter.identity(&name, &birth).as_str()]));
            }
        }
    }

    /// As it would be handed in at its door.
    pub fn submission(self, profile: &Profile, feed: &Feed) -> Result<Submission, Refusal> {
        let source = match feed.kind {
            FeedKind::Hl7 => Source::Hl7,
            FeedKind::Fhir => Source::Fhir,
            FeedKind::Csv => Source::Csv,
            FeedKind::Phone => Source::Phone,
        };
        let submission = referral::submission(profile, &feed.id, source, self.asked).ok_or(Refusal::UnknownForm)?;
        // A phone system refers nobody.
        let referring_office = submission.referring_office.filter(|_| feed.kind != FeedKind::Phone);
        let form_id = self.form_id.unwrap_or(submission.form_id);
        Ok(Submission { form_id, referring_office, ..submission })
    }
}

/// Reads a message of a feed.
pub fn understand(doors: &Doors, (profile, feed): (&Profile, &Feed), raw: &[u8], known: Known<'_>) -> Understood {
    match feed.kind {
        FeedKind::Hl7 => of_hl7(doors, profile, feed, (raw, known.today)),
        FeedKind::Fhir => of_fhir(doors, feed, (raw, known.today)),
        FeedKind::Csv => of_row((profile, feed), raw, known),
        FeedKind::Phone => of_call(profile, feed, raw),
    }
}

fn of_hl7(doors: &Doors, profile: &Profile, feed: &Feed, (raw, today): (&[u8], Date)) -> Understood {
    let decoded = charset::decode(raw);
    let mut understood = Understood::nothing();
    let Ok(opened) = hl7::open(&decoded) else { return understood };
    let (zone, mapping) = (&feed.zone(profile.zone()), feed.hl7.as_ref());
    let intake = opened.classify(&hl7::Expectations {
        // It is kept as this feed's, whomever its header names.
        receiving_facility: None,
        receiving_application: None,
        processing_id: &doors.processing_id,
        takes_visits: false,
        zone,
        today,
        mapping,
    });
    for fault in &intake.verdict.faults {
        let place = fault.location.map_or_else(String::new, |place| match place.field {
            0 => place.segment.to_owned(),
            field => format!("{}-{field}", place.segment),
        });
        understood.faults.push((place, fault.words.to_owned()));
    }
    let in_part = || read_in_part(&opened.message, (zone, today), mapping);
    let told = match intake.topic {
        Topic::Referral(verb, told) => {
            understood.wish = match verb {
                Verb::New if told.unknown_code.is_some() => Wish::Mended,
                Verb::New => Wish::New,
                Verb::Modify => Wish::About("referral_modified", told.reference.clone()),
                Verb::Cancel => Wish::About("referral_cancelled", told.reference.clone()),
                Verb::Status => Wish::Nothing,
            };
            Some(told)
        }
        Topic::Refused => {
            // Mended, a change or a cancellation would still be none.
            let is_about = matches!(opened.header.event().as_ref(), "I13" | "I14" | "I15");
            understood.wish = if is_about { Wish::Nothing } else { Wish::Mended };
            in_part()
        }
        // It refers nobody, but a person has to see whom it is about.
        Topic::Attachment | Topic::Visit => in_part(),
        Topic::Answer => None,
    };
    if let Some(told) = told {
        if let Some(field) = told.unknown_code {
            let words = format!(
                "The code of {field} is in no table of this feed: add it to [feed.hl7.values.{field}] in feeds.toml, apply the \
                 profile, and try the message again ({CODE_UNKNOWN})"
            );
            understood.faults.push((field.as_str().to_owned(), words));
        }
        understood.removed.clone_from(&told.removed);
        understood.asked = asked(&feed.id, told);
    }
    understood
}

/// An event of a call that contradicts what was told before. It is never tried again as it stands, because it would contradict
/// it still, nor made an inquiry of here, which its call would not know of: that is made from the list of calls.
fn of_call(profile: &Profile, feed: &Feed, raw: &[u8]) -> Understood {
    let mut understood = Understood::nothing();
    let Ok(heard) = body::read(raw, &profile.center.default_region, Timestamp::MAX) else { return understood };
    let words = "This event of the call was told before with other content, which stands. Look at the call on the page Calls, \
        or at its inquiry; if somebody waits to be called back, make an inquiry by New inquiry from a call, and set this aside";
    understood.faults.push(("event".to_owned(), words.to_owned()));
    let queue = feed.phone.as_ref().and_then(|mapping| mapping.queue(&heard.told.queue)).cloned().unwrap_or_default();
    let told = &heard.told;
    understood.asked.answers = call::answers(told.caller.as_deref().unwrap_or_default(), &queue);
    understood.asked.answers.extend(of_event(profile, &heard));
    understood.asked.answers.retain(|_, answer| !answer.is_empty());
    understood.form_id = queue.form(profile).map(|form| form.id.clone());
    understood
}

/// What an event says of its call, for a person who compares it with the one that came first.
fn of_event(profile: &Profile, heard: &Heard) -> BTreeMap<String, String> {
    let told = &heard.told;
    let time = |field: &str, at: Option<Timestamp>| {
        let local = |at| profile.zone().to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
        told.as_told.get(field).cloned().or_else(|| at.map(local)).unwrap_or_default()
    };
    let or_told = |field: &str, read: String| told.as_told.get(field).cloned().unwrap_or(read);
    let all = [
        ("call_direction", told.direction.word().to_owned()),
        ("call_queue", or_told(call::QUEUE, told.queue.clone())),
        ("call_number_as_sent", told.caller_as_sent.clone()),
        (
            "call_outcome",
            or_told(call::OUTCOME, told.outcome.map_or_else(String::new, |outcome| outcome.word().to_owned())),
        ),
        ("call_taken_by", or_told(call::AGENT, told.agent.clone())),
        ("call_started", time(call::STARTED_AT, Some(told.started_at))),
        ("call_answered", time(call::ANSWERED_AT, told.answered_at)),
        ("call_ended", time(call::ENDED_AT, told.ended_at)),
        (
            "call_seconds",
            or_told(call::DURATION, told.duration_seconds.map_or_else(String::new, |seconds| seconds.to_string())),
        ),
    ];
    all.map(|(key, answer)| (key.to_owned(), answer)).into()
}

fn of_fhir(doors: &Doors, feed: &Feed, (raw, today): (&[u8], Date)) -> Understood {
    let mut understood = Understood::nothing();
    let Ok(body) = json::read(raw) else {
        understood.wish = Wish::Mended;
        understood.faults.push((String::new(), "The body is no JSON that can be read".to_owned()));
        return understood;
    };
    let hosts = [document::host(&feed.status.address)];
    let expected = fhir::Expectations { today, most_entries: doors.most_entries, hosts: &hosts, if_none_exist: None };
    // A Task is given in under an address of its own.
    let is_task = matches!(&body, Json::Object(body) if matches!(body.get("resourceType"), Some(Json::Text(kind)) if kind == "Task"));
    let intake = fhir::judge(&body, is_task.then_some("Task"), &expected);
    understood.faults = outcome::lines(&intake.faults).into_iter().map(|line| (line.expression, line.words)).collect();
    match intake.topic {
        fhir::Topic::Referral(told) => {
            understood.wish = match told.verb {
                FhirVerb::New => Wish::New,
                FhirVerb::About(reason) => Wish::About(reason, None),
                FhirVerb::Status => Wish::Nothing,
            };
            understood.asked = Asked {
                answers: told.answers.clone(),
                language: told.language.clone(),
                urgency: told.urgency.raised(),
                second_opinion: told.second_opinion.then_some(true),
                key: told.numbers.own.as_ref().map(|number| business_key(&feed.id, number)),
            };
        }
        fhir::Topic::Form(told) => {
            understood.asked.answers = told.answers.clone();
            understood.asked.language = told.language.clone();
            understood.asked.key = told.numbers.own.as_ref().map(|number| form_key(&feed.id, number));
            understood.form_id = Some(told.form_id.clone());
            understood.wish = if told.is_complete { Wish::New } else { Wish::Mended };
        }
        fhir::Topic::Refused if !is_task => understood.wish = Wish::Mended,
        fhir::Topic::Withdrawal(told) => referral::put(&mut understood.asked.answers, "status_reason", told.why.into()),
        fhir::Topic::Refused => {}
    }
    understood
}

/// The language is none of a referral's answers, and mended like one.
pub const LANGUAGE: &str = "language";
/// Nor is how pressing it is.
pub const URGENCY: &str = "urgency";
/// Nor, as a rule, what kind of visit is asked for.
pub const CONSULT_TYPE: &str = "consult_type";

/// Answers that stand where they are told also in a row whose cells may be shifted, for a person to compare.
const OF_ANY_ROW: [&str; 9] =
    ["who", "name", "patient_name", "phone", "email", "birth_date", "message", "consent_phone", "referral_number"];

/// The tag of a language that a person typed in, as its tag or in words; nothing where it is none.
pub fn language(told: &str) -> Option<String> {
    Some(referral::language(told, told)).filter(|tag| !tag.is_empty())
}

/// Why a row waits whose cells can't be told apart, and that can't be seen of the cells that were kept.
const TORN: [Code; 5] = [Code::RowTooLong, Code::Nul, Code::LetterLost, Code::QuoteMisplaced, Code::QuoteUnbalanced];

/// A row is taken again where it can be read now, because its feed's mapping was mended. Behind a quote that went astray no cell
/// can be told from the next: what such cells say is laid out for a person.
fn of_row((profile, feed): (&Profile, &Feed), raw: &[u8], Known { reason, reading, today }: Known<'_>) -> Understood {
    let mut understood = Understood::nothing();
    let cells: Vec<String> = serde_json::from_slice(raw).unwrap_or_default();
    let reading: Option<Reading> = reading.and_then(|text| serde_json::from_str(text).ok());
    understood.wish = Wish::Mended;
    let Some(Reading { layout, mapping, .. }) = reading else { return understood };
    understood.columns = layout.columns.iter().map(|column| column.as_str().to_owned()).collect();
    let (places, line) = (Places::of(&layout, &profile.center.default_region), layout.header_line + 1);
    let record = Record::of_cells(line, cells.iter().map(String::as_str));
    let (mut told, remarks) = match judge(&record, &places, &mapping, today) {
        Judged::Referral(told) => {
            if TORN.iter().all(|code| code.word() != reason) {
                understood.wish = Wish::New;
            }
            (*told, Vec::new())
        }
        Judged::Broken(remark, _) => {
            let mut told = rows::read_in_part(&Row::of(&record, &places, &mapping), &mapping, today);
            if matches!(remark.code, Code::RowShort | Code::RowLong) {
                told.answers.retain(|key, _| OF_ANY_ROW.contains(&key.as_str()));
            }
            (told, vec![remark])
        }
        Judged::Skipped | Judged::Nameless => {
            (rows::read_in_part(&Row::of(&record, &places, &mapping), &mapping, today), Vec::new())
        }
    };
    let mut remarks: Vec<Remark> = remarks.into_iter().chain(std::mem::take(&mut told.remarks)).collect();
    remarks.dedup();
    understood.faults = remarks
        .into_iter()
        .map(|remark| (remark.field.map_or("", |field| field.as_str()).to_owned(), remark.code.message().to_owned()))
        .collect();
    if told.is_cancelled {
        understood.wish = Wish::About(Code::ReferralCancelled.word(), None);
    }
    understood.asked = Asked {
        answers: told.answers,
        language: told.language,
        urgency: told.urgency.raised(),
        second_opinion: told.second_opinion.then_some(true),
        key: Some(referral_key(&feed.id, [told.identity.as_str()])),
    };
    understood.row = Some((told.matter, mapping, today));
    understood
}
