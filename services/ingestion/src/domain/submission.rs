//! What somebody hands in, whichever door they came through.
//!
//! It holds PHI as typed, so it has no `Debug`. Deliberately not here: what becomes of it (check).

use std::collections::BTreeMap;

use causeway_funnel::inquiry::{Attribution, Source, Urgency};

/// One request for care as handed in.
pub struct Submission {
    /// The center asked.
    pub center: String,
    /// The form answered.
    pub form_id: String,
    /// Language of the page.
    pub language: String,
    /// The door.
    pub source: Source,
    /// Answers by question key, as typed.
    pub answers: BTreeMap<String, String>,
    /// How pressing the matter is, as a referring office says.
    pub urgency: Urgency,
    /// How they found us, as told.
    pub attribution: Attribution,
    /// The office that hands the person over, by its feed's id.
    pub referring_office: Option<String>,
    /// The sender's key for this request.
    pub idempotency_key: Option<String>,
    /// Whether faults refuse it, for a page that shows them to the person.
    pub strict: bool,
    /// A call that nobody answered: nobody has asked anything yet.
    pub missed_call: bool,
}

impl Submission {
    /// All content as one text, the same for the same content alone: each part stands with its length, so that no text
    /// can move from one part to the next. It holds PHI and is only ever hashed with a key.
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(1024);
        let attribution = &self.attribution.first;
        let optional = [
            &self.referring_office,
            &attribution.landing_page,
            &attribution.campaign,
            &attribution.utm_source,
            &attribution.utm_medium,
            &attribution.referrer_host,
        ];
        let fixed = [self.form_id.as_str(), self.language.as_str(), self.source.as_str()];
        let parts = fixed.into_iter().chain(optional.into_iter().map(|part| part.as_deref().unwrap_or_default()));
        // Left out where they say nothing, so that the hashes kept from before they were there still compare.
        let urgency = (self.urgency != Urgency::default()).then(|| self.urgency.as_str());
        // A referral that comes once more with a paper that was asked for is the same referral: its documents are taken by themselves.
        let is_told = |(key, _): &(&String, &String)| self.source != Source::Fhir || key.as_str() != "documents";
        let later = Some(self.came_later()).filter(|later| !later.is_empty());
        for part in parts
            .chain(urgency)
            .chain(later.as_deref())
            .chain(self.answers.iter().filter(is_told).flat_map(|(key, answer)| [key.as_str(), answer.as_str()]))
        {
            text.push_str(itoa(part.len(), &mut [0; 20]));
            text.push(':');
            text.push_str(part);
        }
        text
    }

    /// What attribution tells beyond its first words, as one text.
    fn came_later(&self) -> String {
        let (first, last) = (&self.attribution.first, self.attribution.last.as_ref());
        let words = [("term", &first.utm_term), ("content", &first.utm_content)];
        let words = words.into_iter().chain(last.into_iter().flat_map(|last| {
            [
                ("page", &last.landing_page),
                ("campaign", &last.campaign),
                ("source", &last.utm_source),
                ("medium", &last.utm_medium),
                ("last term", &last.utm_term),
                ("last content", &last.utm_content),
                ("host", &last.referrer_host),
            ]
        }));
        let told = words.filter_map(|(name, word)| word.as_ref().map(|word| format!("{name}:{}:{word}", word.len())));
        told.collect()
    }
}

/// Decimal digits without an allocation for each part.
fn itoa(mut number: usize, digits: &mut [u8; 20]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    str::from_utf8(&digits[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use causeway_funnel::inquiry::Touch;

    use super::*;

    fn submission(answers: &[(&str, &str)]) -> Submission {
        Submission {
            center: "harbor-valley".into(),
            form_id: "general".into(),
            language: "en".into(),
            source: Source::WebForm,
            answers: answers.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect(),
            urgency: Urgency::default(),
            attribution: Attribution::default(),
            referring_office: None,
            idempotency_key: None,
            strict: false,
            missed_call: false,
        }
    }

    #[test]
    fn the_same_content_gives_the_same_text_and_any_other_content_another() {
        let one = submission(&[("name", "Rosa"), ("phone", "1")]);
        assert_eq!(one.canonical(), submission(&[("phone", "1"), ("name", "Rosa")]).canonical());
        assert_ne!(one.canonical(), submission(&[("name", "Ros"), ("aphone", "1")]).canonical());
        assert_ne!(one.canonical(), submission(&[("name", "Rosa")]).canonical());
        let by = |term: &str| {
            let first = Touch { utm_term: Some(term.to_owned()), ..Touch::default() };
            Submission { attribution: Attribution { first, last: None }, ..submission(&[]) }.canonical()
        };
        assert!(by("a") != by("b") && by("a") != submission(&[]).canonical());
        let moved = Submission { form_id: "generalen".into(), language: String::new(), ..submission(&[]) };
        assert_ne!(submission(&[]).canonical(), moved.canonical());
    }

    #[test]
    fn lengths_are_written_as_decimal_numbers() {
        for number in [0, 9, 10, 4096, usize::MAX] {
            assert_eq!(itoa(number, &mut [0; 20]), number.to_string());
        }
    }
}
