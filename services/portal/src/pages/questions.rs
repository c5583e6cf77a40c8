//! One question of a form, written as a labelled control with its hint and error.
//!
//! The inquiry form, the phone intake and the staff notes are all lists of questions from a center's profile, so
//! they share this one view. An option may carry follow-up questions, which show once it is chosen. Nothing is
//! chosen before the person chooses. Deliberately not here: checking answers.

use askama::Template;

use crate::words::Words;

/// One question.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Name of the field that is sent; letters, digits, `-` and `_`.
    pub key: String,
    /// What kind of answer it takes.
    pub kind: QuestionKind,
    /// The question.
    pub label: String,
    /// A sentence that helps to answer.
    pub hint: Option<String>,
    /// The answers to choose from, for the kinds that have some.
    pub options: Vec<Choice>,
    /// Whether an answer is needed; all others say "(optional)".
    pub required: bool,
    /// The answer so far, for the kinds that are typed and for a select.
    pub value: String,
    /// The answer so far of a date.
    pub date: DateParts,
    /// A line for an answer in own words, under the options.
    pub free_text: Option<FreeText>,
    /// What is wrong with the answer and how to repair it.
    pub error: Option<String>,
    /// Most characters that one line takes; none: as many as the person likes, and what is too long is told.
    pub most: Option<u16>,
}

/// What kind of answer a question takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuestionKind {
    /// One line.
    #[default]
    Text,
    /// Several lines.
    LongText,
    /// A person's name.
    Name,
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A postal code.
    PostalCode,
    /// A birth date in three boxes: `{key}-month`, `{key}-day`, `{key}-year`.
    BirthDate,
    /// One of a few options, all in sight.
    OneOf,
    /// Any of a few options, all in sight.
    AnyOf,
    /// One of a long list.
    Select,
}

/// An option of a question.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// A word of explanation below it.
    pub hint: Option<String>,
    /// Whether the person chose it.
    pub chosen: bool,
    /// Whether it stands apart after "or", as "I am not sure" does.
    pub apart: bool,
    /// Questions that show once it is chosen.
    pub follow_ups: Vec<Question>,
}

/// The three boxes of a date, as typed.
#[derive(Clone, Debug, Default)]
pub struct DateParts {
    /// As typed.
    pub month: String,
    /// As typed.
    pub day: String,
    /// As typed.
    pub year: String,
}

/// A line for an answer in own words.
#[derive(Clone, Debug)]
pub struct FreeText {
    /// Name of the field that is sent.
    pub key: String,
    /// Its label.
    pub label: String,
    /// The answer so far.
    pub value: String,
}

/// A line of the error summary.
#[derive(Clone, Debug)]
pub struct FieldError {
    /// The field's id on the page.
    pub anchor: String,
    /// The same words as beside the field.
    pub message: String,
}

impl Question {
    /// The question as HTML, with ids that start with `prefix`.
    pub fn view<'a>(&'a self, words: &'static Words, prefix: &str) -> QuestionView<'a> {
        QuestionView { question: self, words, id: format!("{prefix}{}", self.key), prefix: prefix.to_owned() }
    }

    /// The errors of this question and of its follow-ups.
    pub fn errors(&self, prefix: &str) -> Vec<FieldError> {
        let own = self
            .error
            .iter()
            .map(|message| FieldError { anchor: format!("{prefix}{}", self.key), message: message.clone() });
        let below = self.options.iter().flat_map(|choice| &choice.follow_ups).flat_map(|next| next.errors(prefix));
        own.chain(below).collect()
    }
}

/// A question on its way to the page.
#[derive(Debug, Template)]
#[template(path = "question.html")]
pub struct QuestionView<'a> {
    question: &'a Question,
    words: &'static Words,
    id: String,
    prefix: String,
}

impl QuestionView<'_> {
    fn is_group(&self) -> bool {
        matches!(self.question.kind, QuestionKind::OneOf | QuestionKind::AnyOf | QuestionKind::BirthDate)
    }

    fn is_date(&self) -> bool {
        self.question.kind == QuestionKind::BirthDate
    }

    fn is_select(&self) -> bool {
        self.question.kind == QuestionKind::Select
    }

    fn is_long(&self) -> bool {
        self.question.kind == QuestionKind::LongText
    }

    fn box_type(&self) -> &'static str {
        if self.question.kind == QuestionKind::OneOf { "radio" } else { "checkbox" }
    }

    /// Two columns once there are many short options.
    fn in_columns(&self) -> bool {
        self.question.options.len() > 7 && self.question.options.iter().all(|choice| choice.follow_ups.is_empty())
    }

    fn input_type(&self) -> &'static str {
        match self.question.kind {
            QuestionKind::Phone => "tel",
            QuestionKind::Email => "email",
            _ => "text",
        }
    }

    fn input_class(&self) -> &'static str {
        match self.question.kind {
            QuestionKind::Phone => "input w-tel",
            QuestionKind::PostalCode => "input w-zip",
            _ => "input",
        }
    }

    /// What a browser may fill in for the person.
    fn autocomplete(&self) -> &'static str {
        match self.question.kind {
            QuestionKind::Name => "name",
            QuestionKind::Phone => "tel",
            QuestionKind::Email => "email",
            QuestionKind::PostalCode => "postal-code",
            _ => "off",
        }
    }

    /// The ids of the hint and the error, for those who listen.
    fn described_by(&self) -> String {
        let hint = self.question.hint.as_ref().map(|_| format!("{}-hint", self.id));
        let error = self.question.error.as_ref().map(|_| format!("{}-error", self.id));
        hint.into_iter().chain(error).collect::<Vec<_>>().join(" ")
    }

    fn below<'a>(&self, question: &'a Question) -> QuestionView<'a> {
        question.view(self.words, &self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::EN;

    #[test]
    fn an_answer_that_looks_like_markup_stays_text() {
        let question = Question { key: "name".to_owned(), value: "\"><script>".to_owned(), ..Question::default() };
        let html = question.view(&EN, "").render().expect("a question renders");
        assert!(!html.contains("<script>"), "{html}");
    }

    #[test]
    fn a_follow_up_is_written_inside_its_option_and_reports_its_error() {
        let next =
            Question { key: "patient".to_owned(), error: Some("Enter the name".to_owned()), ..Question::default() };
        let other = Choice { value: "other".to_owned(), follow_ups: vec![next], ..Choice::default() };
        let question =
            Question { key: "who".to_owned(), kind: QuestionKind::OneOf, options: vec![other], ..Question::default() };
        let html = question.view(&EN, "call-").render().expect("a question renders");
        assert!(html.contains("class=\"reveal\"") && html.contains("id=\"call-patient\""), "{html}");
        assert_eq!(question.errors("call-")[0].anchor, "call-patient");
    }
}
