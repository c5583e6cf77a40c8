//! Words that may not stand in what people read from us: pressure everywhere, health words where others may see them.
//!
//! True urgency is care advice and has its own place; everything in the first list pushes. The second list keeps subject
//! lines, texts and discreet names silent about what the message is about.

/// Phrases that push, frighten or promise, in all languages of the project.
pub const FORBIDDEN_PHRASES: &[&str] = &[
    "act now",
    "don't wait",
    "do not wait",
    "before it's too late",
    "before it is too late",
    "every day counts",
    "time is running out",
    "last chance",
    "limited time",
    "hurry",
    "spots left",
    "slots left",
    "book now",
    "save your life",
    "your life depends",
    "guaranteed",
    "best chance of survival",
    "miracle",
    "cancer won't wait",
    "final reminder",
    "you missed",
    "you failed",
    "cancer victim",
    "battle",
    "actúe ahora",
    "no espere",
    "antes de que sea tarde",
    "cada día cuenta",
    "última oportunidad",
    "tiempo limitado",
    "apresúrese",
    "garantizado",
    "milagro",
    "último aviso",
    "usted faltó",
    "agissez maintenant",
    "n'attendez pas",
    "avant qu'il ne soit trop tard",
    "chaque jour compte",
    "dernière chance",
    "durée limitée",
    "dépêchez-vous",
    "garanti",
    "miracle",
    "dernier rappel",
];

/// Words that tell what a message is about: a disease, a kind of clinic or a test.
pub const HEALTH_WORDS: &[&str] = &[
    "cancer",
    "cáncer",
    "tumor",
    "tumeur",
    "oncolog",
    "chemo",
    "quimio",
    "chimio",
    "radiation",
    "radioter",
    "radiothér",
    "biops",
    "patholog",
    "patolog",
    "leukemia",
    "leucemia",
    "leucémie",
    "lymphoma",
    "linfoma",
    "breast",
    "seno",
    "mama",
    "sein",
    "lung",
    "pulmón",
    "poumon",
    "prostate",
    "próstata",
    "colon",
    "ovar",
    "scan",
    "mri",
    "diagnos",
    "treatment",
    "tratamiento",
    "traitement",
    "trial",
    "second opinion",
    "segunda opinión",
    "deuxième avis",
    "gastro",
    "thoracic",
    "torácic",
    "thoracique",
    "hematolog",
    "sarcoma",
];

/// The first forbidden phrase in a text.
#[must_use]
pub fn forbidden_phrase(text: &str) -> Option<&'static str> {
    first_of(FORBIDDEN_PHRASES, text)
}

/// The first health word in a text that others may see. Gaps (`{{ ... }}`) are left out: their names are not shown.
#[must_use]
pub fn health_word(text: &str) -> Option<&'static str> {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        shown.push_str(before);
        rest = after.split_once("}}").map_or("", |(_, tail)| tail);
    }
    shown.push_str(rest);
    first_of(HEALTH_WORDS, &shown)
}

/// Finds a phrase that begins at the beginning of a word, in any case and with any apostrophe.
fn first_of(phrases: &'static [&'static str], text: &str) -> Option<&'static str> {
    let text = text.to_lowercase().replace('\u{2019}', "'").split_whitespace().collect::<Vec<_>>().join(" ");
    phrases.iter().copied().find(|phrase| {
        text.match_indices(phrase).any(|(at, _)| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_found_in_any_case_and_over_line_breaks() {
        assert_eq!(forbidden_phrase("Please Don’t\nwait: call us"), Some("don't wait"));
        assert_eq!(forbidden_phrase("Call us when you can."), None);
    }

    #[test]
    fn health_words_are_found_in_shown_text_only() {
        assert_eq!(health_word("Your oncology visit"), Some("oncolog"));
        assert_eq!(health_word("Harbor Valley: {{ trial_link }}"), None);
        assert_eq!(health_word("We will be in the semicolon office"), None);
    }
}
