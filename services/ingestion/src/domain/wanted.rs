//! A document that the center asks of the office that sent a referral, in the words and codes of the center's checklist.
//!
//! Deliberately not here: which ones those are (journey), and how each door writes them (adapters).

use causeway_funnel::records::Checklists;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What the center calls it.
    pub label: String,
    /// Codes by which it finds its line when it comes.
    pub codes: Vec<String>,
}

impl Asked {
    /// Those of some kinds. One that the checklists do not know any more is told by its stored name.
    #[must_use]
    pub fn of(lists: &Checklists, kinds: &[String]) -> Vec<Self> {
        let one = |kind: &String| {
            let document = lists.document(kind);
            let label = document.map(|document| document.label.get("en")).filter(|label| !label.is_empty());
            Self {
                label: label.map_or_else(|| kind.replace('_', " "), str::to_owned),
                codes: document.map(|document| document.codes.clone()).unwrap_or_default(),
            }
        };
        kinds.iter().map(one).collect()
    }

    /// In words, with the code to send it under where there is one.
    #[must_use]
    pub fn words(&self) -> String {
        self.codes.first().map_or_else(|| self.label.clone(), |code| format!("{} ({code})", self.label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_funnel::records::{DocumentKind, RecordsFrom};
    use causeway_funnel::words::Words;

    #[test]
    fn a_document_is_asked_for_in_the_centers_words_and_codes_else_by_its_name() {
        let kind = |kind: &str, codes: &[&str]| DocumentKind {
            kind: kind.into(),
            label: Words::from([("en", "Notes of your visits"), ("fr", "Notes de vos visites")]),
            from: RecordsFrom::ReferringOffice,
            hint: Words::default(),
            codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        };
        let documents = vec![kind("notes", &["11506-3", "VISIT"]), kind("slides", &[])];
        let lists = Checklists { documents, checklists: Vec::new() };
        let asked = Asked::of(&lists, &["slides", "notes", "old_form"].map(str::to_owned));
        let words: Vec<String> = asked.iter().map(Asked::words).collect();
        assert_eq!(words, ["Notes of your visits", "Notes of your visits (11506-3)", "old form"]);
        assert_eq!(asked[1].codes, ["11506-3", "VISIT"]);
    }
}
