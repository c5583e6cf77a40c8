//! What somebody may open a person for: a closed list, because "why" is half of the audit record.
//!
//! Each purpose shows what its work needs and no more. Deliberately not here: who may claim which purpose (handlers).

/// Why a person is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A team's list: whom to call next.
    Worklist,
    /// The page of one inquiry.
    InquiryPage,
    /// A message that is about to be sent.
    SendNotice,
    /// The patient's own page.
    PatientPage,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Worklist, Self::InquiryPage, Self::SendNotice, Self::PatientPage];

    /// The word on the wire and in the audit chain.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worklist => "worklist",
            Self::InquiryPage => "inquiry_page",
            Self::SendNotice => "send_notice",
            Self::PatientPage => "patient_page",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.word() == word)
    }

    /// Whether it needs the story too: birth date, message and other answers. The rest needs names and ways of contact.
    pub fn shows_story(self) -> bool {
        self == Self::InquiryPage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_reads_back_from_its_word_and_no_other_word_is_one() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.word()), Some(purpose));
        }
        for word in ["", "curiosity", "Worklist"] {
            assert_eq!(Purpose::parse(word), None);
        }
    }

    #[test]
    fn only_the_page_of_the_inquiry_shows_the_story() {
        assert_eq!(Purpose::ALL.iter().filter(|purpose| purpose.shows_story()).count(), 1);
    }
}
