//! How somebody found the form, for staff: the words of the links as they were written, also those that are counted as "other".

use causeway_proto::inquiry::v1::{Attribution, Touch};

use super::fact;
use crate::pages::Fact;

/// What is known of the first and of the last touch.
pub(super) fn came(told: Option<&Attribution>) -> Vec<Fact> {
    let Some(told) = told else { return Vec::new() };
    let first = Touch {
        landing_page: told.landing_page.clone(),
        campaign: told.campaign.clone(),
        utm_source: told.utm_source.clone(),
        utm_medium: told.utm_medium.clone(),
        utm_term: told.utm_term.clone(),
        utm_content: told.utm_content.clone(),
        referrer_host: told.referrer_host.clone(),
    };
    let touches = [("Came by", Some(&first)), ("Came last by", told.last.as_ref())];
    let told = touches.into_iter().filter_map(|(label, touch)| Some((label, words(touch?))));
    told.filter(|(_, words)| !words.is_empty()).map(|(label, words)| fact(label, &words)).collect()
}

fn words(touch: &Touch) -> String {
    let parts = [
        ("page", &touch.landing_page),
        ("campaign", &touch.campaign),
        ("source", &touch.utm_source),
        ("medium", &touch.utm_medium),
        ("term", &touch.utm_term),
        ("content", &touch.utm_content),
        ("from", &touch.referrer_host),
    ];
    let told = parts.into_iter().filter(|(_, word)| !word.is_empty()).map(|(name, word)| format!("{name} {word}"));
    told.collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_read_the_words_of_both_links_as_they_were_written() {
        let last = Some(Touch { utm_term: "my lump".into(), ..Touch::default() });
        let told = Attribution { campaign: "Rosa’s letter".into(), last, ..Attribution::default() };
        let facts: Vec<_> = came(Some(&told)).into_iter().map(|fact| (fact.label, fact.value)).collect();
        let wanted = [("Came by", "campaign Rosa’s letter"), ("Came last by", "term my lump")];
        assert_eq!(facts, wanted.map(|(label, value)| (label.to_owned(), value.to_owned())));
        assert!(came(None).is_empty() && came(Some(&Attribution::default())).is_empty());
    }
}
