//! A center's form as the questions of a page, and a sent form as answers.
//!
//! Deliberately not here: whether an answer is right; that is funnel's reading, the same one that ingestion does.

use std::collections::BTreeMap;

use causeway_funnel::contact::{self, FaultCode, FieldFault};
use causeway_funnel::form::{Field, FieldKind, Form, Needs, Part, Question as Asked, choice_label};

use crate::pages::{Choice, ConsentBox, DateParts, FormSection, HiddenField, Question, QuestionKind};
use crate::words::{FormWords, Words};

/// What a form says of how somebody found it.
pub const HIDDEN: [&str; 7] =
    ["landing_page", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "referrer_host"];
/// Before the names of [`HIDDEN`]: the same of the first touch, where the last one was another.
pub const FIRST: &str = "first_";
/// Name of the field that makes sending twice count once.
pub const IDEMPOTENCY_KEY: &str = "idempotency_key";
/// Name of the field that tells, signed, when the form was shown.
pub const SHOWN_AT: &str = "shown";
/// Name of the field that tells which call of the phone system is taken down.
pub const CALL: &str = "call";
/// Name of the field that tells which earlier requests of the caller were shown.
pub const SEEN: &str = "seen_requests";
/// Name of the field for the proof of work, which the page's script fills in.
pub const PROOF: &str = "proof";
/// Before the name of a question: with which answer somebody was asked whether it is as they mean it.
const ASKED: &str = "asked_";
/// A phone number of fewer digits reaches nobody, whoever completes it.
const FEWEST_DIGITS: usize = 7;
/// No form has more fields; a flood of them is cut.
const MOST_FIELDS: usize = 200;

/// A form as it was sent. PHI: no `Debug`.
#[derive(Clone, Default)]
pub struct Sent {
    /// Every field as typed.
    pub typed: BTreeMap<String, String>,
}

impl Sent {
    /// Reads the pairs of a body; of a field that came more than once the parts are joined.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        let mut typed: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in pairs.into_iter().take(MOST_FIELDS) {
            match typed.get_mut(&key) {
                Some(known) if !value.is_empty() => {
                    known.push_str(", ");
                    known.push_str(&value);
                }
                Some(_) => {}
                None => {
                    typed.insert(key, value);
                }
            }
        }
        Self { typed }
    }

    /// A field, trimmed.
    pub fn get(&self, key: &str) -> &str {
        self.typed.get(key).map(|value| value.trim()).unwrap_or_default()
    }

    /// The answers by question key: without what travels beside them, and with each date in one piece.
    pub fn answers(&self, form: &Form) -> BTreeMap<String, String> {
        let dates: Vec<&str> = form
            .fields()
            .filter(|(_, field)| field.kind == FieldKind::Date)
            .map(|(_, field)| field.key.as_str())
            .collect();
        let beside = |key: &str| {
            key == IDEMPOTENCY_KEY
                || key == SHOWN_AT
                || key == "csrf"
                || key == "form"
                || key == CALL
                || key == SEEN
                || key == PROOF
                || key.strip_prefix(ASKED).is_some_and(|asked| form.fields().any(|(_, field)| field.key == asked))
                || HIDDEN.contains(&key.strip_prefix(FIRST).unwrap_or(key))
                || dates.iter().any(|date| is_part(key, date))
        };
        let mut answers: BTreeMap<String, String> = self
            .typed
            .iter()
            .filter(|(key, value)| !beside(key) && !value.trim().is_empty())
            .map(|(key, value)| (key.clone(), value.trim().to_owned()))
            .collect();
        for date in dates {
            let part = |name: &str| self.get(&format!("{date}-{name}")).to_owned();
            let parts = [part("month"), part("day"), part("year")];
            if parts.iter().any(|part| !part.is_empty()) {
                answers.insert(date.to_owned(), parts.join(" ").trim().to_owned());
            }
        }
        answers
    }
}

/// What has to be answered otherwise before a form is handed over, of all that is at fault with it. What can't be read, or looks
/// mistyped, is asked about once for each answer: sent again unchanged it is as it was meant, and a person at the center mends it.
/// What nobody could mend is asked until it is there: an answer that is missing, a way to reach anybody, and consent.
pub fn to_ask(form: &Form, sent: &mut Sent, faults: &[FieldFault], words: &FormWords) -> Vec<FieldFault> {
    let answers = sent.answers(form);
    let reaches_nobody = !is_reachable(&answers);
    let mut asked = Vec::new();
    let mut once = |sent: &mut Sent, fault: FieldFault| {
        let answer = answers.get(&fault.field).cloned().unwrap_or_default();
        let before = sent.typed.insert(format!("{ASKED}{}", fault.field), answer.clone());
        if before.is_none_or(|before| before.trim() != answer) {
            asked.push(fault);
        }
    };
    let email = form.fields().find(|(_, field)| field.kind == FieldKind::Email).map(|(_, field)| field.key.as_str());
    let hint = |key: &str| contact::email(key, answers.get(key)?, "en").ok()?.hint;
    if let Some((key, meant)) = email.and_then(|key| Some((key, hint(key)?))) {
        let message = Words::fill(words.did_you_mean, &meant);
        once(sent, FieldFault { field: key.to_owned(), code: FaultCode::default(), message });
    }
    let mut still = Vec::new();
    for fault in faults {
        let is_missing = matches!(fault.code, FaultCode::Missing | FaultCode::ReachMissing | FaultCode::ConsentMissing);
        if is_missing || (reaches_nobody && matches!(fault.field.as_str(), "phone" | "email")) {
            still.push(fault.clone());
        } else {
            let message = format!("{}. {}", fault.message.trim_end_matches('.'), words.as_it_is);
            once(sent, FieldFault { message, ..fault.clone() });
        }
    }
    still.extend(asked);
    still
}

/// Whether somebody could reach the person, or was not told of any way at all, which is the form's to ask.
fn is_reachable(answers: &BTreeMap<String, String>) -> bool {
    let digits = |phone: &String| phone.chars().filter(|c| c.is_numeric()).count() >= FEWEST_DIGITS;
    match (answers.get("phone"), answers.get("email")) {
        (None, None) => true,
        (phone, email) => phone.is_some_and(digits) || email.is_some_and(|email| email.contains('@')),
    }
}

/// What was asked about, so that it comes back with the page.
pub fn asked(sent: &Sent) -> impl Iterator<Item = HiddenField> {
    let asked = sent.typed.iter().filter(|(name, _)| name.starts_with(ASKED));
    asked.map(|(name, value)| HiddenField { name: name.clone(), value: value.clone() })
}

fn is_part(key: &str, date: &str) -> bool {
    key.strip_prefix(date).is_some_and(|part| matches!(part, "-month" | "-day" | "-year"))
}

/// How a form's questions are shown: in which language, with which answers so far, and what is wrong with them.
pub struct Shown<'a> {
    /// The language.
    pub language: &'a str,
    /// What was typed so far.
    pub sent: &'a Sent,
    /// What has to be repaired.
    pub faults: &'a [FieldFault],
}

impl Shown<'_> {
    /// The core questions, a question of several fields under its own heading.
    pub fn sections(&self, form: &Form) -> Vec<FormSection> {
        let mut sections: Vec<FormSection> = Vec::new();
        for asked in form.core() {
            let questions = self.questions(asked);
            if questions.len() > 1 {
                sections.push(FormSection { heading: asked.label.get(self.language).to_owned(), questions });
                continue;
            }
            match sections.last_mut() {
                Some(last) if last.heading.is_empty() => last.questions.extend(questions),
                _ => sections.push(FormSection { heading: String::new(), questions }),
            }
        }
        sections
    }

    /// The questions that may be left out.
    pub fn more(&self, form: &Form) -> Vec<Question> {
        form.optional().flat_map(|asked| self.questions(asked)).collect()
    }

    /// The consent boxes.
    pub fn consents(&self, form: &Form) -> Vec<ConsentBox> {
        let boxes = form.consent.ticks.iter().map(|tick| ConsentBox {
            key: tick.key.clone(),
            label: tick.label.get(self.language).to_owned(),
            hint: None,
            ticked: !self.sent.get(&tick.key).is_empty(),
            error: self.fault(&tick.key),
        });
        boxes.collect()
    }

    /// The consent boxes as questions, for the page that staff fill in during a call.
    pub fn consent_questions(&self, form: &Form) -> Vec<Question> {
        let questions = self.consents(form).into_iter().map(|consent| Question {
            label: channel_name(&consent.key).to_owned(),
            options: vec![Choice {
                value: "yes".to_owned(),
                label: consent.label,
                chosen: consent.ticked,
                ..Choice::default()
            }],
            kind: QuestionKind::AnyOf,
            error: consent.error,
            key: consent.key,
            ..Question::default()
        });
        questions.collect()
    }

    fn questions(&self, asked: &Asked) -> Vec<Question> {
        let alone = asked.fields.len() == 1;
        let fields = asked.fields.iter().enumerate();
        fields.map(|(place, field)| self.question(asked, field, alone, place == 0)).collect()
    }

    fn question(&self, asked: &Asked, field: &Field, alone: bool, first: bool) -> Question {
        let said = |words: &causeway_funnel::words::Words| words.get(self.language).to_owned();
        let label = if alone || field.label.is_empty() { said(&asked.label) } else { said(&field.label) };
        let hints = [first.then(|| said(&asked.hint)), Some(said(&field.hint))];
        let hint = hints.into_iter().flatten().filter(|hint| !hint.is_empty()).collect::<Vec<_>>().join(" ");
        let kind = kind(field);
        let value = self.sent.get(&field.key).to_owned();
        Question {
            key: field.key.clone(),
            kind,
            options: self.options(field, &label, &value),
            label,
            hint: (!hint.is_empty()).then_some(hint),
            required: asked.part == Part::Core && asked.needs != Needs::Nothing,
            date: if kind == QuestionKind::BirthDate { self.date(&field.key, &value) } else { DateParts::default() },
            value,
            free_text: None,
            error: self.fault(&field.key),
            most: None,
        }
    }

    fn options(&self, field: &Field, label: &str, value: &str) -> Vec<Choice> {
        if field.kind == FieldKind::Tick {
            let choice = Choice {
                value: "yes".to_owned(),
                label: label.to_owned(),
                chosen: !value.is_empty(),
                ..Choice::default()
            };
            return vec![choice];
        }
        let options = field.options.iter().map(|option| Choice {
            label: choice_label(&field.key, option, self.language),
            chosen: option.value == value,
            apart: option.value == "not_sure",
            value: option.value.clone(),
            ..Choice::default()
        });
        options.collect()
    }

    /// The three boxes; a date that came in one piece is taken apart where it can be.
    fn date(&self, key: &str, whole: &str) -> DateParts {
        let part = |name: &str| self.sent.get(&format!("{key}-{name}")).to_owned();
        let parts = DateParts { month: part("month"), day: part("day"), year: part("year") };
        match whole.split('-').collect::<Vec<_>>().as_slice() {
            [year, month, day] if parts.year.is_empty() => {
                DateParts { month: (*month).to_owned(), day: (*day).to_owned(), year: (*year).to_owned() }
            }
            _ => parts,
        }
    }

    /// What is wrong with an answer.
    pub fn fault(&self, key: &str) -> Option<String> {
        self.faults.iter().find(|fault| fault.field == key).map(|fault| fault.message.clone())
    }
}

fn kind(field: &Field) -> QuestionKind {
    match field.kind {
        FieldKind::Text if field.autocomplete.as_deref() == Some("name") => QuestionKind::Name,
        FieldKind::Text => QuestionKind::Text,
        FieldKind::Phone => QuestionKind::Phone,
        FieldKind::Email => QuestionKind::Email,
        FieldKind::Choice => QuestionKind::OneOf,
        FieldKind::Date => QuestionKind::BirthDate,
        FieldKind::LongText => QuestionKind::LongText,
        FieldKind::Tick => QuestionKind::AnyOf,
    }
}

fn channel_name(key: &str) -> &'static str {
    match key {
        "consent_phone" => "OK to call?",
        "consent_sms" => "OK to text?",
        "consent_email" => "OK to email?",
        "consent_voicemail" => "OK to leave a voice message?",
        _ => "OK?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    fn sent(pairs: &[(&str, &str)]) -> Sent {
        Sent::of(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn shown<'a>(sent: &'a Sent, faults: &'a [FieldFault]) -> Shown<'a> {
        Shown { language: "en", sent, faults }
    }

    #[test]
    fn a_question_of_two_fields_has_its_own_heading_and_the_others_share_one() {
        let profile = harbor_valley();
        let (sent, form) = (Sent::default(), profile.form("general").expect("form"));
        let sections = shown(&sent, &[]).sections(form);
        let reach = sections.iter().find(|section| section.heading == "How can we reach you?").expect("heading");
        assert_eq!(reach.questions.iter().map(|asked| asked.key.as_str()).collect::<Vec<_>>(), ["phone", "email"]);
        assert!(sections[0].heading.is_empty());
        assert_eq!(sections[0].questions.len(), 2);
    }

    #[test]
    fn not_sure_stands_apart_and_nothing_is_chosen_beforehand() {
        let profile = harbor_valley();
        let (sent, form) = (Sent::default(), profile.form("general").expect("form"));
        let shown = shown(&sent, &[]);
        let all: Vec<_> = shown.sections(form).into_iter().flat_map(|section| section.questions).collect();
        let area = all.iter().find(|asked| asked.key == "cancer_area").expect("asked");
        assert!(area.options.last().expect("options").apart);
        assert!(all.iter().flat_map(|asked| &asked.options).all(|option| !option.chosen));
        assert!(shown.consents(form).iter().all(|consent| !consent.ticked));
    }

    #[test]
    fn a_date_in_three_boxes_is_one_answer_and_what_travels_beside_is_none() {
        let profile = harbor_valley();
        let form = profile.form("general").expect("form");
        let sent = sent(&[
            ("name", " Rosa "),
            ("birth_date-month", "3"),
            ("birth_date-day", "27"),
            ("birth_date-year", "1961"),
            ("idempotency_key", "k"),
            ("utm_source", "news"),
            ("email", ""),
        ]);
        let answers = sent.answers(form);
        assert_eq!(answers.get("birth_date").map(String::as_str), Some("3 27 1961"));
        assert_eq!(answers.get("name").map(String::as_str), Some("Rosa"));
        assert_eq!(answers.len(), 2);
    }

    #[test]
    fn an_answer_and_its_fault_come_back_with_the_form() {
        let profile = harbor_valley();
        let form = profile.form("general").expect("form");
        let fault =
            FieldFault { message: "Enter it so".to_owned(), ..FieldFault::new("phone", Default::default(), "en") };
        let sent = sent(&[("phone", "555 01"), ("who", "caregiver"), ("consent_sms", "yes")]);
        let faults = [fault];
        let shown = shown(&sent, &faults);
        let all: Vec<_> = shown.sections(form).into_iter().flat_map(|section| section.questions).collect();
        let phone = all.iter().find(|asked| asked.key == "phone").expect("asked");
        assert_eq!((phone.value.as_str(), phone.error.as_deref()), ("555 01", Some("Enter it so")));
        let who = all.iter().find(|asked| asked.key == "who").expect("asked");
        assert_eq!(who.options.iter().filter(|option| option.chosen).count(), 1);
        assert_eq!(shown.consents(form).iter().filter(|consent| consent.ticked).count(), 1);
    }
}
