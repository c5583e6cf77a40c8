//! Every sentence that a patient or caregiver reads, one value per language.
//!
//! A language is a value of a struct, so a sentence that is missing in one of them does not compile: nobody meets
//! half a page in English. A sentence with a gap is a pair, the text before the gap and the text after it, so that
//! markup never travels inside a translation. Staff pages are in English and keep their words in their templates.
//! Deliberately not here: what a center writes itself (questions, papers, opening hours); that is its profile's text.

mod dates;
mod en;
mod es;
mod files;
mod fr;
mod link;

pub use dates::DateWords;
pub use en::EN;
pub use es::ES;
pub use files::FileWords;
pub use fr::FR;
pub use link::{ChangeWords, OwnWords, PathWords, StopWords, ToldWords};

/// A sentence with one gap: the text before it and the text after it.
pub type Around = (&'static str, &'static str);

/// All public sentences of one language.
#[derive(Debug)]
pub struct Words {
    /// Language code, as in `<html lang>`.
    pub code: &'static str,
    /// The language's name in itself, for the link that changes to it.
    pub own_name: &'static str,
    /// The frame around each page.
    pub frame: FrameWords,
    /// The pages that lead to a form.
    pub front: FrontWords,
    /// The inquiry form.
    pub form: FormWords,
    /// The page after the form was sent.
    pub done: DoneWords,
    /// The patient's own page.
    pub own: OwnWords,
    /// Sending files from the patient's own page.
    pub files: FileWords,
    /// Times, reasons and changes on the patient's own page.
    pub change: ChangeWords,
    /// What an action on the patient's own page did.
    pub told: ToldWords,
    /// The steps of the path on the patient's own page.
    pub path: PathWords,
    /// The stop page and its receipt.
    pub stop: StopWords,
    /// Pages that tell of something that did not work.
    pub trouble: TroubleWords,
    /// The privacy page, by section.
    pub privacy: PlainWords,
    /// The language help page, by section.
    pub language_help: PlainWords,
    /// How dates and times are said.
    pub dates: DateWords,
}

/// The frame around each public page.
#[derive(Debug)]
pub struct FrameWords {
    /// Link that jumps to the main part.
    pub skip: &'static str,
    /// Before a phone number on a button.
    pub call: &'static str,
    /// Name of the side column.
    pub side: &'static str,
    /// Heading over the phone number.
    pub rather_talk: &'static str,
    /// Heading over the privacy note.
    pub your_privacy: &'static str,
    /// The privacy note.
    pub privacy_note: &'static str,
    /// Link to the privacy page.
    pub privacy_link: &'static str,
    /// Heading over the language notice.
    pub language_help: &'static str,
    /// The language notice; the center's phone number fills the gap.
    pub language_note: Around,
    /// Link to the language help page.
    pub language_link: &'static str,
    /// Said after the label of a question that may be left open.
    pub optional: &'static str,
    /// Said before an error, for those who listen.
    pub error_prefix: &'static str,
    /// Between the options and the last one, "I am not sure".
    pub or: &'static str,
    /// Print button.
    pub print: &'static str,
}

/// The pages that lead to a form.
#[derive(Debug)]
pub struct FrontWords {
    /// Heading over the centers.
    pub centers: &'static str,
    /// Said while there are none.
    pub no_center: &'static str,
    /// Heading over a center's forms.
    pub forms: &'static str,
    /// What to do about an address that leads nowhere.
    pub check_address: &'static str,
}

/// The inquiry form.
#[derive(Debug)]
pub struct FormWords {
    /// First sentence; the time of contact fills the gap.
    pub contact_by: Around,
    /// Beside an address whose domain looks mistyped; what was probably meant fills the gap.
    pub did_you_mean: Around,
    /// Behind what is wrong with an answer that may be sent as it is.
    pub as_it_is: &'static str,
    /// First sentence while the time of contact can't be computed.
    pub contact_open: &'static str,
    /// How much is asked; the number of questions fills the gap.
    pub questions: Around,
    /// Heading of the emergency box.
    pub urgent_heading: &'static str,
    /// Text of the emergency box.
    pub urgent: &'static str,
    /// Heading over the three steps.
    pub steps_heading: &'static str,
    /// The three steps ahead.
    pub steps: [&'static str; 3],
    /// Opens the part that may be left out.
    pub more_summary: &'static str,
    /// Says that the part may be left out.
    pub more_note: &'static str,
    /// Heading over consent.
    pub consent_heading: &'static str,
    /// What the details are used for.
    pub consent_note: &'static str,
    /// Question over the consent boxes.
    pub consent_question: &'static str,
    /// Consent to be contacted; the center's name fills the gap.
    pub consent_box: Around,
    /// Says that consent may be taken back.
    pub consent_hint: &'static str,
    /// Send button.
    pub send: &'static str,
    /// Said while the browser is not done with what it does before a form is sent.
    pub getting_ready: &'static str,
    /// Heading of the error summary.
    pub problem: &'static str,
    /// Box in a birth date.
    pub month: &'static str,
    /// Box in a birth date.
    pub day: &'static str,
    /// Box in a birth date.
    pub year: &'static str,
    /// First line of a select that has no answer yet.
    pub choose: &'static str,
    /// Label of the field that only machines see.
    pub leave_empty: &'static str,
}

/// The page after the form was sent.
#[derive(Debug)]
pub struct DoneWords {
    /// Title and heading.
    pub heading: &'static str,
    /// By when we call; the time fills the gap.
    pub call_by: Around,
    /// By when we answer when the person did not choose calls; the time fills the gap.
    pub write_by: Around,
    /// Before the request number.
    pub number: &'static str,
    /// Said when the inquiry came in while the center is closed.
    pub after_hours: &'static str,
    /// Heading over the steps.
    pub next_heading: &'static str,
    /// First step, done.
    pub came_in: &'static str,
    /// Second step.
    pub we_call: &'static str,
    /// Second step; the number we call from fills the gap.
    pub call_from: Around,
    /// What we do when we miss the person.
    pub if_missed: &'static str,
    /// In the place of both, for who is not called.
    pub in_writing: &'static str,
    /// Third step.
    pub records: &'static str,
    /// Third step.
    pub records_note: &'static str,
    /// Fourth step.
    pub choose: &'static str,
    /// Fourth step.
    pub choose_note: &'static str,
    /// Heading over the papers.
    pub papers: &'static str,
    /// Before the papers.
    pub papers_note: &'static str,
    /// Heading over the safe ways.
    pub ways: &'static str,
    /// Before the safe ways.
    pub ways_note: &'static str,
    /// Upload way.
    pub upload: &'static str,
    /// Upload way.
    pub upload_note: &'static str,
    /// Upload way's button.
    pub upload_go: &'static str,
    /// Fax way.
    pub fax: &'static str,
    /// Fax way; the request number fills the gap.
    pub fax_note: Around,
    /// Bring way.
    pub bring: &'static str,
    /// Bring way.
    pub bring_note: &'static str,
    /// Heading over changes.
    pub changes: &'static str,
    /// Before the change buttons.
    pub changes_note: &'static str,
    /// Link to the patient's own page.
    pub own_page: &'static str,
    /// Link to the stop page.
    pub stop: &'static str,
}

/// Pages that tell of something that did not work.
#[derive(Debug)]
pub struct TroubleWords {
    /// Heading when a link has ended.
    pub ended: &'static str,
    /// Text when a link has ended and a new one can be sent; the end of the phone number fills the gap.
    pub ended_new: Around,
    /// Text when a link has ended.
    pub ended_call: Around,
    /// Button that sends a new link.
    pub send_link: &'static str,
    /// Heading when there is no such page.
    pub missing: &'static str,
    /// Text when there is no such page; the phone number fills the gap.
    pub missing_text: Around,
    /// Heading when a form was sent too often.
    pub busy: &'static str,
    /// Text when a form was sent too often; the phone number fills the gap.
    pub busy_text: Around,
    /// Heading when nothing could be saved.
    pub unsaved: &'static str,
    /// Text when nothing could be saved; the phone number fills the gap.
    pub unsaved_text: Around,
    /// Heading when a page can't be shown at the moment.
    pub away: &'static str,
    /// Text when a page can't be shown at the moment; the phone number fills the gap.
    pub away_text: Around,
    /// Button that sends the same answers again.
    pub try_again: &'static str,
}

/// A page of plain text.
#[derive(Debug)]
pub struct PlainWords {
    /// Title and heading.
    pub heading: &'static str,
    /// Heading and paragraphs of each section.
    pub sections: &'static [(&'static str, &'static [&'static str])],
}

/// All languages that the public pages speak, the first one for everybody else.
pub static LANGUAGES: [&Words; 3] = [&EN, &ES, &FR];

impl Words {
    /// The words of a language code such as `es` or `es-MX`; English for a language that is not spoken here.
    pub fn of(code: &str) -> &'static Words {
        let primary = code.split(['-', '_']).next().unwrap_or_default();
        LANGUAGES.into_iter().find(|words| words.code.eq_ignore_ascii_case(primary)).unwrap_or(&EN)
    }

    /// Puts `value` into the gap of a sentence, for places that need a whole string.
    pub fn fill(sentence: Around, value: &str) -> String {
        format!("{}{value}{}", sentence.0, sentence.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regional_code_finds_its_language_and_an_unknown_one_finds_english() {
        assert_eq!(Words::of("es-MX").code, "es");
        assert_eq!(Words::of("FR_ca").code, "fr");
        assert_eq!(Words::of("tlh").code, "en");
        assert_eq!(Words::of("").code, "en");
    }

    #[test]
    fn a_gap_is_filled_in_place() {
        assert_eq!(Words::fill(("by ", "."), "noon"), "by noon.");
    }
}
