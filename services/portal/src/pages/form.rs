//! The inquiry form: a few core questions, a folded part that may be left out, and consent.
//!
//! It is generated from the center's form definition. After an error the same page comes back with every answer
//! kept and a summary on top. It has no time limit and no puzzle that anybody sees: a field that only machines see, rate
//! limits, and work that a browser does by itself keep robots out. Deliberately not here: checking and saving.

use askama::Template;

use super::{FieldError, HiddenField, PublicFrame, Question};

/// The inquiry form.
#[derive(Debug, Template)]
#[template(path = "form.html")]
pub struct InquiryFormPage {
    /// Around the page.
    pub frame: PublicFrame,
    /// The form's title, such as "Ask us for a visit or a second opinion".
    pub heading: String,
    /// A sentence about this kind of visit, from the form definition.
    pub intro: Option<String>,
    /// Where the form is sent, such as `/harbor-valley/forms/second-opinion?lang=es`.
    pub action: String,
    /// When a person will answer, as said in the page's language; none while it can't be computed.
    pub contact_by: Option<String>,
    /// The center's own words for the emergency box.
    pub urgent: Option<String>,
    /// The core questions, under their headings.
    pub sections: Vec<FormSection>,
    /// The questions that may be left out, folded away.
    pub more: Vec<Question>,
    /// The center's own words before the consent boxes.
    pub consent_lead: Option<String>,
    /// What the person agrees to, one box per purpose, never ticked beforehand.
    pub consents: Vec<ConsentBox>,
    /// Makes sending twice count once.
    pub idempotency_key: String,
    /// Landing page, campaign, form and consent version.
    pub hidden: Vec<HiddenField>,
    /// Where the page's script tells that somebody has begun to answer.
    pub begin: String,
    /// The proof of work so far, empty until the script has done it; none: the form asks for none.
    pub proof: Option<String>,
    /// Whether the answers could not be saved although they were fine.
    pub unsaved: bool,
}

/// Core questions under one heading.
#[derive(Clone, Debug)]
pub struct FormSection {
    /// The heading; empty where the questions say enough.
    pub heading: String,
    /// The questions.
    pub questions: Vec<Question>,
}

/// A box that the person ticks to agree.
#[derive(Clone, Debug)]
pub struct ConsentBox {
    /// Name of the field that is sent with the value `yes`.
    pub key: String,
    /// What is agreed to; [`crate::words::FormWords::consent_box`] has the usual sentence.
    pub label: String,
    /// A word of explanation below it.
    pub hint: Option<String>,
    /// Whether the person ticked it.
    pub ticked: bool,
    /// What is wrong and how to repair it.
    pub error: Option<String>,
}

impl InquiryFormPage {
    /// How many questions need an answer.
    fn needed(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.questions).filter(|question| question.required).count()
    }

    /// All errors, in the order of the page.
    fn errors(&self) -> Vec<FieldError> {
        let asked = self.sections.iter().flat_map(|section| &section.questions).chain(&self.more);
        let consents = self.consents.iter().filter_map(|consent| {
            let message = consent.error.clone()?;
            Some(FieldError { anchor: format!("consent-{}", consent.key), message })
        });
        asked.flat_map(|question| question.errors("")).chain(consents).collect()
    }

    /// The folded part opens by itself when it holds an answer that needs repair.
    fn more_is_open(&self) -> bool {
        self.more.iter().any(|question| !question.errors("").is_empty())
    }
}
