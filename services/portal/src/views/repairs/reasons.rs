//! Why something waits to be mended: in a few words, in a sentence that says what to do, and who can act.
//!
//! Deliberately not here: everything else about what waits (repairs).

/// Why something waits.
pub struct Why {
    /// In a few words.
    pub short: String,
    /// In a sentence or two: what happened, and what to do.
    pub sentence: String,
    /// Who can act.
    pub who: &'static str,
}

const US: &str = "You";
const OFFICE: &str = "The office, or you";
const FEED: &str = "Whoever keeps the feed’s settings, or you";
const AT_INQUIRY: &str = "You, at its inquiry";
const LIST: &str =
    "Nothing was made of this list yet. Mend the feed’s settings, or ask the office for a mended list, and try again.";
const BROKEN: (&str, &str) = (
    "A row that can’t be read",
    "The cells of this row can’t be told apart for sure. Compare each answer with the row before you release it.",
);

/// Reason, in a few words, in a sentence, and who can act.
const REASONS: [(&str, &str, &str, &str); 33] = [
    (
        "mending",
        "Its answers can be mended",
        "Nothing is at fault here. Mend what the person or the office tells you.",
        US,
    ),
    (
        "other_patient",
        "Another patient than its inquiry",
        "It names another patient. Say that it is meant, choose whose it is, or set it aside.",
        US,
    ),
    (
        "missed_call",
        "A call that nobody answered",
        "Nobody has asked yet who called. Enter here what they tell you.",
        US,
    ),
    (
        "defects",
        "An answer that can’t be read",
        "The inquiry is accepted and on its way. Some answers of it can’t be read. Ask the person, and mend them here.",
        US,
    ),
    (
        "code_unknown",
        "A code that we don’t know",
        "The office uses a code that is in none of its tables here. Try again once it is added, or mend it here.",
        FEED,
    ),
    (
        "referral_changed",
        "Other content than before",
        "A referral with this number is here with other content. Compare the two, and take over what is right.",
        US,
    ),
    (
        "referral_reopened",
        "Sent again after it was called off",
        "The office called this referral off and sends it again. Reopen its inquiry.",
        AT_INQUIRY,
    ),
    (
        "referral_modified",
        "A change to a referral",
        "The office changes a referral that is here. Compare the two, and take over what is right.",
        US,
    ),
    (
        "referral_cancelled",
        "A referral is called off",
        "The office calls a referral off that is here. Close its inquiry.",
        AT_INQUIRY,
    ),
    (
        "unknown_referral",
        "About a referral that has not come",
        "The office changes or calls off a referral that is not here. It may still come: then try again. Or choose its inquiry.",
        OFFICE,
    ),
    (
        "control_id_reused",
        "A message number that was used before",
        "The office sent this under a number that it used for another message. Compare the two, then try again or mend it here.",
        OFFICE,
    ),
    (
        "unasked_answer",
        "An answer to no question",
        "The office’s system answers a message that nobody here sent. Tell its engineers, and close this.",
        OFFICE,
    ),
    (
        "attachment",
        "Papers for a referral",
        "The office sends papers by a message. Look at them, and choose the inquiry that they belong to.",
        US,
    ),
    (
        "birth_date_impossible",
        "A birth date that can’t be right",
        "There is no such birth date, so it may be another person’s. Ask the office, and mend it here.",
        OFFICE,
    ),
    (
        "nobody",
        "Nobody to call",
        "There is no name and no way to reach anybody. Ask the office, and mend it here.",
        OFFICE,
    ),
    (
        "duplicate_differs",
        "Twice in one list",
        "The same referral stands twice in one list with different content. Compare the two.",
        OFFICE,
    ),
    ("row_short", BROKEN.0, BROKEN.1, OFFICE),
    ("row_long", BROKEN.0, BROKEN.1, OFFICE),
    ("row_too_long", BROKEN.0, BROKEN.1, OFFICE),
    ("nul_byte", BROKEN.0, BROKEN.1, OFFICE),
    (
        "letter_lost",
        "A letter that can’t be read",
        "A letter of this row is lost and stands as �. Ask the office what it was, and mend it here.",
        OFFICE,
    ),
    ("quote_misplaced", BROKEN.0, BROKEN.1, OFFICE),
    ("quote_unbalanced", BROKEN.0, BROKEN.1, OFFICE),
    ("header_unknown", "A list with a header that we don’t know", LIST, FEED),
    ("header_missing", "A list without its headers", LIST, FEED),
    ("column_missing", "A list without a column that we need", LIST, FEED),
    ("column_doubled", "A list with a column twice", LIST, FEED),
    (
        "too_many_bad_rows",
        "A list with many rows that can’t be taken",
        "No row of this list was taken. Ask the office for a mended list, or take the good rows.",
        OFFICE,
    ),
    (
        "checksum_differs",
        "A list that is not the one of its checksum",
        "It may be cut or changed, so nothing was made of it. Ask the office to send both again, or take it as it is: try again.",
        OFFICE,
    ),
    ("not_text", "A file that is no list", LIST, OFFICE),
    ("file_empty", "An empty list", LIST, OFFICE),
    ("file_cut", "A list that ends in the middle of a row", LIST, OFFICE),
    ("file_too_long", "A list with too many rows", LIST, OFFICE),
];

/// Why something waits that came by a door. An event of a call has no message number that its office chose.
pub fn why_at(door: &str, reason: &str) -> Why {
    if (door, reason) != ("phone", "control_id_reused") {
        return why(reason);
    }
    Why {
        short: "Told twice, and not the same".to_owned(),
        sentence: "The phone system told this of a call before, and otherwise. What came first stands. Compare the two, look at \
            the call or its inquiry, and then set this aside."
            .to_owned(),
        who: US,
    }
}

/// Why something waits, by its reason. What is told in the words of a standard is a refusal.
pub fn why(reason: &str) -> Why {
    if let Some((_, short, sentence, who)) = REASONS.iter().find(|(word, ..)| *word == reason) {
        return Why { short: (*short).to_owned(), sentence: (*sentence).to_owned(), who };
    }
    let words = reason.replace(['_', '-'], " ").to_lowercase();
    let short = if words.is_empty() { "Refused".to_owned() } else { format!("Refused: {words}") };
    let sentence = "The office was told what to mend and to send it again. You can mend it here too.".to_owned();
    Why { short, sentence, who: OFFICE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told_in_sentences_and_a_word_of_a_standard_as_a_refusal() {
        for (reason, ..) in REASONS {
            let why = why(reason);
            assert!(why.sentence.ends_with('.') && !why.sentence.contains('_'), "{reason}: {}", why.sentence);
            assert!(!why.short.starts_with("Refused"), "{reason}");
        }
        assert_eq!(why("Required field missing").short, "Refused: required field missing");
        assert_eq!(why("code-invalid").who, OFFICE);
    }
}
