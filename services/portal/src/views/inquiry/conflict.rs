//! What two people wrote into one note, field by field.
//!
//! Deliberately not here: which of the two is right; a person chooses.

use causeway_proto::intake::v1::{Inquiry, NoteField};

use super::{Looking, version};
use crate::pages::{Choice, ConflictPage, Question, QuestionKind, StaffFrame};
use crate::views::worklist::owner;

impl Looking<'_> {
    /// The page with every field that was typed otherwise than it is saved; nothing where none differs. `typed` gives what was
    /// typed into a field, or nothing where it was not sent.
    pub fn conflict<'t>(&self, frame: StaffFrame, typed: impl Fn(&str) -> Option<&'t str>) -> Option<ConflictPage> {
        let inquiry: &Inquiry = &self.parts.inquiry;
        let facts = inquiry.facts.clone().unwrap_or_default();
        let differs = |field: &NoteField| {
            let mine = typed(&field.key)?.trim();
            (mine != field.value.trim()).then(|| self.choice(field, mine))
        };
        let questions: Vec<Question> = inquiry.note.iter().filter_map(differs).collect();
        let saved = inquiry.timeline.iter().find(|entry| entry.kind == "note_saved");
        let who = saved.and_then(|entry| owner(self.profile, &entry.actor)).unwrap_or_else(|| "Somebody".to_owned());
        (!questions.is_empty()).then(|| ConflictPage {
            reference: facts.reference,
            base: format!("/inquiries/{}", facts.inquiry_id),
            version: version(inquiry),
            told: format!("{who} saved this note while you were writing."),
            questions,
            frame,
        })
    }

    /// Both answers of a field. None stands chosen where both wrote one: nobody's words go by a slip.
    fn choice(&self, field: &NoteField, mine: &str) -> Question {
        let said = |value: &str| {
            let option = self.profile.note.fields.iter().find(|known| known.key == field.key).and_then(|known| {
                known.options.iter().find(|option| option.value == value).map(|option| option.label.get("en"))
            });
            match option.filter(|label| !label.is_empty()) {
                Some(label) => label.to_owned(),
                None if value.is_empty() => "nothing".to_owned(),
                None => value.to_owned(),
            }
        };
        let choice = |whose: &str, value: &str, chosen| Choice {
            value: value.to_owned(),
            label: format!("{whose}: {}", said(value)),
            chosen,
            ..Choice::default()
        };
        Question {
            key: field.key.clone(),
            kind: QuestionKind::OneOf,
            label: field.label.clone(),
            options: vec![
                choice("Yours", mine, field.value.is_empty()),
                choice("Saved", &field.value, mine.is_empty()),
            ],
            required: true,
            ..Question::default()
        }
    }
}
