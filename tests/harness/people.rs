//! Synthetic people who ask, and the strings that may turn up nowhere.

use std::collections::BTreeMap;

/// Answers to a form by question key.
pub type Answers = BTreeMap<String, String>;

/// A second-opinion request by a synthetic person whose name, address and text are unique to `mark`.
///
/// The mark is a word; every answer that could tie a person to their health holds it, so that a search finds any leak.
pub fn planted(mark: &str) -> Answers {
    let pairs = [
        ("who", "caregiver".to_owned()),
        ("name", format!("Testcaregiver {mark}")),
        ("patient_name", format!("Testpatient {mark}")),
        ("email", email(mark)),
        ("phone", "206 555 0187".to_owned()),
        ("contact_channel", "email".to_owned()),
        ("best_time", "morning".to_owned()),
        ("cancer_area", "gi".to_owned()),
        ("consult_type", "second_opinion".to_owned()),
        ("records_on_hand", "none".to_owned()),
        ("message", format!("the scan of {mark} worries us")),
        ("consent_email", "yes".to_owned()),
        ("consent_phone", "yes".to_owned()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The e-mail address that [`planted`] gives.
pub fn email(mark: &str) -> String {
    format!("{}@example.org", mark.to_lowercase())
}
