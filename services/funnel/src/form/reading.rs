//! Reading a form's answers: each field by its kind, each question by what it needs, all faults at once.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::civil::Date;

use super::{Answers, Field, FieldKind, Form, Needs, Part, Question};
use crate::contact::{self, FaultCode, FieldFault};
use crate::inquiry::{Channel, Consents};

/// What the reading of answers depends on besides the form.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Language of the page, for the words of faults, and of the answers unless they say another.
    pub language: &'a str,
    /// Region of phone numbers without country code, such as `US`.
    pub region: &'a str,
    /// Today at the center.
    pub today: Date,
}

struct Reader<'a> {
    given: &'a BTreeMap<String, String>,
    reading: Reading<'a>,
    faults: Vec<FieldFault>,
    answers: Answers,
}

/// Reads the answers of a form.
///
/// # Errors
/// One fault per answer that has to be repaired, in the order of the form.
pub fn validate(
    form: &Form,
    given: &BTreeMap<String, String>,
    reading: Reading<'_>,
) -> Result<Answers, Vec<FieldFault>> {
    let mut reader = Reader { given, reading, faults: Vec::new(), answers: Answers::default() };
    reader.answers.language = reading.language.to_owned();
    if let Some(consult_type) = form.consult_type {
        reader.answers.consult_type = consult_type;
    }
    for question in &form.questions {
        reader.question(question);
    }
    reader.consents(form);
    reader.channel();
    if reader.faults.is_empty() { Ok(reader.answers) } else { Err(reader.faults) }
}

impl Reader<'_> {
    fn given(&self, key: &str) -> Option<&str> {
        self.given.get(key).map(|answer| answer.trim()).filter(|answer| !answer.is_empty())
    }

    fn fault(&mut self, field: &str, code: FaultCode) {
        self.faults.push(FieldFault::new(field, code, self.reading.language));
    }

    fn question(&mut self, question: &Question) {
        if question.part == Part::Core {
            self.presence(question);
        }
        for field in &question.fields {
            if self.given(&field.key).is_some() {
                self.field(field);
            }
        }
    }

    /// Adds a fault for what a question needs and did not get.
    fn presence(&mut self, question: &Question) {
        let empty: Vec<&str> = question
            .fields
            .iter()
            .filter(|field| self.given(&field.key).is_none())
            .map(|field| field.key.as_str())
            .collect();
        let missing: &[&str] = match question.needs {
            Needs::Nothing => &[],
            Needs::All => &empty,
            Needs::Any if empty.len() == question.fields.len() => &empty[..empty.len().min(1)],
            Needs::Any => &[],
        };
        for key in missing {
            let code = if question.needs == Needs::Any && matches!(*key, "phone" | "email") {
                FaultCode::ReachMissing
            } else {
                FaultCode::Missing
            };
            let mut fault = FieldFault::new(key, code, self.reading.language);
            if !question.missing.is_empty() {
                question.missing.get(self.reading.language).clone_into(&mut fault.message);
            }
            self.faults.push(fault);
        }
    }

    /// Reads one answer that was given.
    fn field(&mut self, field: &Field) {
        let raw = self.given(&field.key).unwrap_or_default().to_owned();
        let key = field.key.as_str();
        if raw.chars().count() > field.kind.longest() {
            return self.fault(key, FaultCode::TooLong);
        }
        let listed = field.options.is_empty() || field.options.iter().any(|choice| choice.value == raw);
        if field.kind == FieldKind::Choice && !listed {
            return self.fault(key, FaultCode::NotAChoice);
        }
        let (language, region, today) = (self.reading.language, self.reading.region, self.reading.today);
        let outcome = match field.kind {
            FieldKind::Phone => contact::phone(key, &raw, region, language).map(|number| self.keep(key, number)),
            FieldKind::Email => contact::email(key, &raw, language).map(|email| {
                self.answers.email_hint = email.hint;
                self.keep(key, email.address);
            }),
            FieldKind::Date => contact::birth_date(key, &raw, today, language).map(|date| {
                if key == "birth_date" {
                    self.answers.birth_date = Some(date)
                } else {
                    self.keep(key, date.to_string())
                }
            }),
            FieldKind::Text if matches!(key, "name" | "patient_name") => {
                contact::name(key, &raw, language).map(|name| self.keep(key, name))
            }
            FieldKind::Choice => self.choice(key, &raw),
            FieldKind::Text | FieldKind::LongText | FieldKind::Tick => {
                self.keep(key, raw);
                Ok(())
            }
        };
        if let Err(fault) = outcome {
            self.faults.push(fault);
        }
    }

    fn keep(&mut self, key: &str, value: String) {
        let answers = &mut self.answers;
        match key {
            "name" => answers.name = value,
            "patient_name" => answers.patient_name = Some(value),
            "phone" => answers.phone = Some(value),
            "email" => answers.email = Some(value),
            "language" => answers.language = value,
            "site_preference" => {
                answers.site_preference = (!matches!(value.as_str(), "any" | "not_sure")).then_some(value)
            }
            "referring_doctor" => answers.referring_doctor = Some(value),
            "message" => answers.message = Some(value),
            "interpreter" => answers.interpreter = ticked(&value),
            _ => {
                answers.extra.insert(key.to_owned(), value);
            }
        }
    }

    fn choice(&mut self, key: &str, raw: &str) -> Result<(), FieldFault> {
        let language = self.reading.language;
        let answers = &mut self.answers;
        match key {
            "who" => answers.asked_by = term(key, raw, language)?,
            "contact_channel" => answers.preferred_channel = term(key, raw, language)?,
            "best_time" => answers.best_time = term(key, raw, language)?,
            "consult_type" => answers.consult_type = term(key, raw, language)?,
            "cancer_area" => answers.cancer_area = term(key, raw, language)?,
            "payer" => answers.payer = term(key, raw, language)?,
            "records_on_hand" => answers.records_on_hand = term(key, raw, language)?,
            _ => self.keep(key, raw.to_owned()),
        }
        Ok(())
    }

    fn consents(&mut self, form: &Form) {
        let yes =
            |key: &str| form.consent.ticks.iter().any(|tick| tick.key == key) && self.given(key).is_some_and(ticked);
        let consents = Consents {
            email: yes("consent_email"),
            sms: yes("consent_sms"),
            phone: yes("consent_phone"),
            voicemail: yes("consent_voicemail"),
        };
        self.answers.consents = consents;
        if !consents.any() {
            let first = form.consent.ticks.first().map_or("consent_phone", |tick| tick.key.as_str());
            self.fault(first, FaultCode::ConsentMissing);
        }
    }

    /// Someone who left only an address can't be called, whatever the channel of choice says.
    fn channel(&mut self) {
        let answers = &mut self.answers;
        let by_phone = matches!(answers.preferred_channel, Channel::Phone | Channel::Sms);
        if by_phone && answers.phone.is_none() && answers.email.is_some() {
            answers.preferred_channel = Channel::Email;
        } else if answers.preferred_channel == Channel::Email && answers.email.is_none() && answers.phone.is_some() {
            answers.preferred_channel = Channel::Phone;
        }
    }
}

fn term<T: FromStr>(key: &str, raw: &str, language: &str) -> Result<T, FieldFault> {
    raw.parse().map_err(|_| FieldFault::new(key, FaultCode::NotAChoice, language))
}

fn ticked(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "yes" | "on" | "true" | "1")
}
