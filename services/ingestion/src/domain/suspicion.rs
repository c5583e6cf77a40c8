//! Whether what anybody may have sent looks like a machine's, so that a person looks before it is handed on.
//!
//! No sign but the trap is enough alone, and a proof of work that is missing where the center holds what has none: somebody in a hurry, with a browser that fills forms in, or with a link to their
//! clinic, is a person. Nothing is refused for a sign, and the answer is the same, which tells a machine nothing and a
//! person all they need. Deliberately not here: who sees the signs of a page (the portal), and how long it is held.

use std::collections::BTreeMap;

use causeway_funnel::form::trap_sprung;

/// Something that a machine would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// The field that nobody sees is filled in.
    Trap,
    /// Sent sooner than a person can fill the form in.
    TooFast,
    /// Sent without the form having been shown lately.
    NoForm,
    /// Many came from the same address.
    Often,
    /// There is a link in what was written.
    Link,
    /// There are many.
    Links,
    /// The work that its form wants of a browser was not done.
    NoProof,
}

/// From this weight on it is held.
const HELD_FROM: u32 = 3;
/// So many links are an advertisement.
const MANY_LINKS: usize = 3;

impl Sign {
    const ALL: [Self; 7] =
        [Self::Trap, Self::TooFast, Self::NoForm, Self::Often, Self::Link, Self::Links, Self::NoProof];

    /// As it is kept, and as pages tell it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::TooFast => "too_fast",
            Self::NoForm => "no_form",
            Self::Often => "often",
            Self::Link => "link",
            Self::Links => "links",
            Self::NoProof => "no_proof",
        }
    }

    /// The sign of that word, if it is one that a page can see.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sign| sign.word() == word && *sign != Self::NoProof)
    }

    const fn weight(self) -> u32 {
        match self {
            Self::Trap | Self::NoProof => HELD_FROM,
            Self::TooFast | Self::Often | Self::Links => 2,
            Self::NoForm | Self::Link => 1,
        }
    }
}

/// All signs, each once: those that were seen where it was sent, and those of what was written.
#[must_use]
pub fn signs(answers: &BTreeMap<String, String>, seen: Vec<Sign>) -> Vec<Sign> {
    let links = answers.values().map(|answer| links(answer)).sum::<usize>();
    let written = [
        trap_sprung(answers).then_some(Sign::Trap),
        (1..MANY_LINKS).contains(&links).then_some(Sign::Link),
        (links >= MANY_LINKS).then_some(Sign::Links),
    ];
    let mut signs: Vec<Sign> = seen.into_iter().chain(written.into_iter().flatten()).collect();
    signs.sort_unstable();
    signs.dedup();
    signs
}

/// Whether a person looks first.
#[must_use]
pub fn is_held(signs: &[Sign]) -> bool {
    signs.iter().map(|sign| sign.weight()).sum::<u32>() >= HELD_FROM
}

/// Looks only where a link can be: most answers have neither sign.
fn links(text: &str) -> usize {
    let text = text.as_bytes();
    let is_link = |at: &usize| {
        let (before, after) = (&text[..*at], &text[at + 1..]);
        let ends = |word: &str| {
            before.len() >= word.len() && before[before.len() - word.len()..].eq_ignore_ascii_case(word.as_bytes())
        };
        match text[*at] {
            b':' => after.starts_with(b"//") && (ends("http") || ends("https")),
            _ => after.len() >= 3 && after[..3].eq_ignore_ascii_case(b"url"),
        }
    };
    memchr::memchr2_iter(b':', b'[', text).filter(is_link).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("message".to_owned(), text.to_owned())])
    }

    #[test]
    fn no_sign_is_enough_alone_but_the_trap_and_a_missing_proof_which_only_we_can_say() {
        for sign in Sign::ALL {
            assert_eq!(is_held(&[sign]), matches!(sign, Sign::Trap | Sign::NoProof), "{sign:?}");
            assert_eq!(Sign::parse(sign.word()), Some(sign).filter(|sign| *sign != Sign::NoProof));
        }
        assert_eq!(Sign::parse("anything"), None);
    }

    #[test]
    fn a_link_to_ones_clinic_is_no_advertisement_and_three_that_came_at_once_are() {
        let one = signs(&written("My report is at HTTPS://clinic.example/me"), Vec::new());
        assert_eq!((one.as_slice(), is_held(&one)), ([Sign::Link].as_slice(), false));
        let many = "http://a.example https://b.example [url=c.example]";
        assert_eq!(signs(&written(many), Vec::new()), [Sign::Links]);
        assert!(is_held(&signs(&written(many), vec![Sign::NoForm])));
        assert!(is_held(&signs(&written("https://a.example"), vec![Sign::TooFast])));
        assert!(!is_held(&signs(&written("call me"), vec![Sign::TooFast])));
        for none in ["at 8:30", "see http: //a", ":", "[", "[ur", "xhttp:/", "//"] {
            assert!(signs(&written(none), Vec::new()).is_empty(), "{none}");
        }
    }

    proptest! {
        #[test]
        fn more_signs_never_let_go_what_fewer_would_hold(text in ".{0,80}", seen in prop::collection::vec(0_usize..7, 0..6)) {
            let seen: Vec<Sign> = seen.into_iter().map(|at| Sign::ALL[at]).collect();
            let fewer = signs(&written(&text), seen[..seen.len() / 2].to_vec());
            let more = signs(&written(&text), seen);
            prop_assert!(!is_held(&fewer) || is_held(&more));
            prop_assert!(more.windows(2).all(|pair| pair[0] < pair[1]), "each once");
        }
    }
}
