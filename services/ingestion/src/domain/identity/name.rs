//! Names as they are meant: case, accents, order, short forms, double names, Jr and Sr.
//!
//! The table of short forms holds those that are common in English and Spanish; one that is missing costs a few points, not
//! the link. Deliberately not here: what a likeness weighs (score).

use rphonetic::{DoubleMetaphone, Encoder as _};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A name in its parts, in lower case without accents. PHI: no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// First name; empty where there is none.
    pub first: String,
    /// All that follows: middle and family names, in their order.
    pub rest: Vec<String>,
    /// Which of those who bear it: `jr`, `sr`, `2`, `3`, `4`.
    pub suffix: Option<&'static str>,
}

/// Long form first, then what people call who bears it.
const SHORT_FORMS: &[&[&str]] = &[
    &["alejandro", "alex", "ale"],
    &["alexander", "alex", "sandy", "xander"],
    &["andrew", "andy", "drew"],
    &["anthony", "tony"],
    &["antonio", "tono", "tony"],
    &["barbara", "barb", "babs"],
    &["benjamin", "ben", "benny"],
    &["catherine", "katherine", "kathryn", "kathleen", "cathy", "kathy", "kate", "katie", "kitty"],
    &["charles", "charlie", "chuck"],
    &["christine", "christina", "chris", "tina", "chrissy"],
    &["christopher", "chris", "kit"],
    &["consuelo", "chelo"],
    &["daniel", "dan", "danny"],
    &["david", "dave", "davey"],
    &["deborah", "debra", "deb", "debbie"],
    &["dolores", "lola"],
    &["donald", "don", "donnie"],
    &["edward", "ed", "eddie", "ted", "ned"],
    &["elizabeth", "elisabeth", "liz", "beth", "betty", "lizzie", "eliza", "libby"],
    &["enrique", "quique"],
    &["francis", "frank", "fran"],
    &["frances", "fran", "francie"],
    &["francisco", "paco", "pancho", "cisco"],
    &["gregory", "greg"],
    &["guadalupe", "lupe", "lupita"],
    &["guillermo", "memo"],
    &["ignacio", "nacho"],
    &["isabel", "chabela", "isa"],
    &["james", "jim", "jimmy", "jamie"],
    &["jennifer", "jen", "jenny"],
    &["jesus", "chuy"],
    &["john", "jack", "johnny"],
    &["jonathan", "jon", "johnny"],
    &["jose", "pepe", "chepe"],
    &["joseph", "joe", "joey"],
    &["joshua", "josh"],
    &["judith", "judy"],
    &["kenneth", "ken", "kenny"],
    &["lawrence", "larry"],
    &["luis", "lucho"],
    &["manuel", "manny", "manolo"],
    &["margaret", "maggie", "meg", "peg", "peggy", "marge", "greta"],
    &["matthew", "matt"],
    &["michael", "mike", "mikey", "mick"],
    &["nicholas", "nick", "nicky"],
    &["pamela", "pam"],
    &["patricia", "pat", "patty", "tricia", "trish"],
    &["patrick", "pat", "paddy"],
    &["pedro", "perico"],
    &["peter", "pete"],
    &["philip", "phillip", "phil"],
    &["rafael", "rafa"],
    &["raymond", "ray"],
    &["rebecca", "becky", "becca"],
    &["richard", "rick", "dick", "rich", "ricky"],
    &["robert", "bob", "bobby", "rob", "robbie"],
    &["ronald", "ron", "ronnie"],
    &["rosario", "charo"],
    &["samuel", "sam", "sammy"],
    &["sandra", "sandy"],
    &["stephen", "steven", "steve"],
    &["susan", "sue", "susie", "suzanne"],
    &["theodore", "ted", "teddy", "theo"],
    &["theresa", "teresa", "terry", "tess", "tere"],
    &["thomas", "tom", "tommy"],
    &["timothy", "tim", "timmy"],
    &["victoria", "vicky", "tori"],
    &["william", "bill", "billy", "will", "willie", "liam"],
];

const TITLES: [&str; 9] = ["mr", "mrs", "ms", "miss", "dr", "prof", "sr", "sra", "srta"];

fn suffix(word: &str) -> Option<&'static str> {
    Some(match word {
        "jr" | "junior" => "jr",
        "sr" | "senior" => "sr",
        "ii" | "2nd" => "2",
        "iii" | "3rd" => "3",
        "iv" | "4th" => "4",
        _ => return None,
    })
}

/// Lower case without accents, letters and digits alone; what stood between them is a space.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.nfkd().filter(|sign| !is_combining_mark(*sign)).flat_map(char::to_lowercase) {
        match sign {
            'ß' => plain.push_str("ss"),
            'ø' => plain.push('o'),
            'ł' => plain.push('l'),
            'đ' | 'ð' => plain.push('d'),
            'ı' => plain.push('i'),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            // O'Brien is one word, Garcia-Lopez two.
            '\'' | '’' | '‘' | '`' | '.' => {}
            sign if sign.is_alphanumeric() => plain.push(sign),
            _ => plain.push(' '),
        }
    }
    plain
}

impl Name {
    /// Reads a name as people write it, first name first, or family name first with a comma behind it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = match text.split_once(',') {
            Some((family, first)) if suffix(plain(first).trim()).is_none() => format!("{first} {family}"),
            _ => text.to_owned(),
        };
        let plain = plain(&text);
        let mut words: Vec<&str> = plain.split_whitespace().collect();
        while words.len() > 1 && TITLES.contains(&words[0]) {
            words.remove(0);
        }
        // Family names may end in what reads like a suffix only where nothing else is left.
        let at = words.iter().skip(2).position(|word| suffix(word).is_some()).map(|at| at + 2);
        let suffix = at.and_then(|at| suffix(words.remove(at)));
        let mut words = words.into_iter().map(str::to_owned);
        Self { first: words.next().unwrap_or_default(), rest: words.collect(), suffix }
    }

    /// The last word of the family name; empty where there is none.
    #[must_use]
    pub fn family(&self) -> &str {
        self.rest.last().map(String::as_str).unwrap_or_default()
    }

    /// Whether there is enough of it to tell people apart.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.first.is_empty() && !self.rest.is_empty()
    }

    /// The long form of the first name, where it is the short form of one alone; else as it is.
    #[must_use]
    pub fn long_first(&self) -> &str {
        let mut forms = SHORT_FORMS.iter().filter(|forms| forms.contains(&self.first.as_str()));
        match (forms.next(), forms.next()) {
            (Some(forms), None) => forms[0],
            _ => &self.first,
        }
    }
}

/// Whether two first names can be the same one's: equal, or forms of one name.
#[must_use]
pub fn are_forms_of_one(one: &str, other: &str) -> bool {
    one == other || SHORT_FORMS.iter().any(|forms| forms.contains(&one) && forms.contains(&other))
}

/// How a word sounds, in a few letters; as it is where it has no Latin letter.
#[must_use]
pub fn sound(word: &str) -> String {
    // The encoder knows Latin letters alone.
    if !word.is_ascii() || word.is_empty() {
        return word.to_owned();
    }
    let code = DoubleMetaphone::default().encode(word);
    if code.is_empty() { word.to_owned() } else { code }
}

/// Whether two words are easily taken for one another by ear or on a keyboard.
#[must_use]
pub fn are_alike(one: &str, other: &str) -> bool {
    strsim::jaro_winkler(one, other) >= 0.93 || (one.len() > 2 && other.len() > 2 && sound(one) == sound(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> (String, String, Option<&'static str>) {
        let name = Name::parse(text);
        (name.first.clone(), name.rest.join(" "), name.suffix)
    }

    #[test]
    fn a_name_is_read_as_it_is_meant() {
        for (typed, first, rest, suffix) in [
            ("Marisol Testpatient", "marisol", "testpatient", None),
            ("TESTPATIENT, MARISOL Q.", "marisol", "q testpatient", None),
            ("Zoë Testpatient-Núñez", "zoe", "testpatient nunez", None),
            ("Dr. Ann O’Testpatient", "ann", "otestpatient", None),
            ("Juan Testpatient, Jr.", "juan", "testpatient", Some("jr")),
            ("Juan Testpatient III", "juan", "testpatient", Some("3")),
            ("Testpatient", "testpatient", "", None),
            ("Łukasz Testpatient", "lukasz", "testpatient", None),
            (" ,", "", "", None),
        ] {
            assert_eq!(parts(typed), (first.to_owned(), rest.to_owned(), suffix), "{typed}");
        }
    }

    #[test]
    fn short_forms_are_known_and_one_of_several_names_stays_as_it_is() {
        assert!(are_forms_of_one("bob", "robert") && are_forms_of_one("peggy", "meg"));
        assert!(!are_forms_of_one("john", "robert"));
        assert_eq!(Name::parse("Lupita Testpatient").long_first(), "guadalupe");
        // Of Patrick or of Patricia.
        assert_eq!(Name::parse("Pat Testpatient").long_first(), "pat");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm_and_reading_again_what_was_read_changes_nothing(text in "\\PC{0,40}") {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once.clone());
            let name = Name::parse(&text);
            let _ = (sound(&name.first), name.long_first());
            prop_assert!(are_alike(&name.first, &name.first));
        }
    }
}
