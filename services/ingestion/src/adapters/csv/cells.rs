//! Cells of a row: what people and spreadsheets write, as what it means.
//!
//! What is lost is never made up: a number that a spreadsheet rounded away is told as such and not used. What is surely
//! lost, such as the zero before a ZIP code of New England, is put back and told. Deliberately not here: dates (dates) and
//! phone numbers, which the funnel reads for all doors alike.

use std::borrow::Cow;

/// A cell without the blanks around it, of which spreadsheets have several kinds.
#[must_use]
pub fn text(cell: &str) -> &str {
    cell.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}' || letter == '\u{200b}')
}

/// Whether a spreadsheet turned a long number into 9.98878E+11: the digits are gone.
#[must_use]
pub fn is_damaged_number(cell: &str) -> bool {
    let lower = text(cell).to_ascii_lowercase();
    let Some((digits, exponent)) = lower.split_once("e+") else { return false };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    is_number(whole) && is_number(fraction) && is_number(exponent)
}

/// A number that a spreadsheet gave decimals: 1234567893.0.
#[must_use]
pub fn whole_number(cell: &str) -> &str {
    let told = text(cell);
    match told.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => told,
    }
}

/// States and territories of the US and military mail, each by its code and its name.
const STATES: &str = "\
    al alabama,ak alaska,az arizona,ar arkansas,ca california,co colorado,ct connecticut,de delaware,dc district of columbia,\
    fl florida,ga georgia,hi hawaii,id idaho,il illinois,in indiana,ia iowa,ks kansas,ky kentucky,la louisiana,me maine,\
    md maryland,ma massachusetts,mi michigan,mn minnesota,ms mississippi,mo missouri,mt montana,ne nebraska,nv nevada,\
    nh new hampshire,nj new jersey,nm new mexico,ny new york,nc north carolina,nd north dakota,oh ohio,ok oklahoma,or oregon,\
    pa pennsylvania,ri rhode island,sc south carolina,sd south dakota,tn tennessee,tx texas,ut utah,vt vermont,va virginia,\
    wa washington,wv west virginia,wi wisconsin,wy wyoming,as american samoa,gu guam,mp northern mariana islands,\
    pr puerto rico,vi virgin islands,aa armed forces,ae armed forces,ap armed forces";

/// Whether it is a state or territory of the US.
#[must_use]
pub fn is_state(told: &str) -> bool {
    let told = text(told).to_lowercase();
    STATES.split(',').filter_map(|state| state.split_once(' ')).any(|(code, name)| told == code || told == name)
}

/// Whether a phone number is told with the prefix of a country outside of the North American plan.
#[must_use]
pub fn is_abroad(phone: &str) -> bool {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let prefix = if phone.trim_start_matches([' ', '(']).starts_with('+') {
        Some(digits.as_str())
    } else {
        digits.strip_prefix("00")
    };
    prefix.is_some_and(|prefix| !prefix.is_empty() && !prefix.starts_with('1'))
}

/// A ZIP code with the zeros in front that spreadsheets take away, and whether some were. `may_pad`: nothing tells that it is
/// another country's postal code.
#[must_use]
pub fn zip(cell: &str, may_pad: bool) -> (Cow<'_, str>, bool) {
    let told = whole_number(cell);
    let is_digits = may_pad && told.bytes().all(|byte| byte.is_ascii_digit());
    match told.len() {
        3 | 4 if is_digits => (Cow::Owned(format!("{told:0>5}")), true),
        7 | 8 if is_digits => (Cow::Owned(format!("{told:0>9}")), true),
        _ => (Cow::Borrowed(told), false),
    }
}

/// An address whose last word is a ZIP code behind the letters of its state, with its zero put back.
#[must_use]
pub fn address(cell: &str, may_pad: bool) -> (String, bool) {
    let tidy = cell.split(['\r', '\n']).map(text).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ");
    let Some((before, last)) = tidy.rsplit_once(' ') else { return (tidy, false) };
    let state = before.rsplit([' ', ',']).next().unwrap_or_default();
    let is_code = state.len() == 2 && state.bytes().all(|byte| byte.is_ascii_uppercase());
    match zip(last, may_pad && is_code && is_state(state)) {
        (padded, true) => (format!("{before} {padded}"), true),
        _ => (tidy, false),
    }
}

/// Codes of one cell, each with its dot: `C3411 , R91.1`.
pub fn codes<'a>(cell: &'a str, separators: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let parts = cell.split(move |letter: char| separators.contains(letter) || matches!(letter, '\r' | '\n'));
    parts.map(text).filter(|part| !part.is_empty()).take(20).map(dotted)
}

fn dotted(code: &str) -> String {
    let plain: String = code.chars().filter(|letter| *letter != '.').collect::<String>().to_uppercase();
    let is_code = matches!(plain.as_bytes(), [b'A'..=b'Z', b'0'..=b'9', ..])
        && (3..=7).contains(&plain.len())
        && plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match plain.split_at_checked(3) {
        Some((head, tail)) if is_code && !tail.is_empty() => format!("{head}.{tail}"),
        Some(_) if is_code => plain,
        _ => code.to_owned(),
    }
}

/// A name as people write it: `TESTPATIENT, ROBERT J JR` is ROBERT J TESTPATIENT JR.
#[must_use]
pub fn whole_name(cell: &str) -> String {
    const SUFFIXES: [&str; 8] = ["jr", "sr", "ii", "iii", "iv", "md", "do", "phd"];
    let Some((last, rest)) = cell.split_once(',') else { return joined(&[cell]) };
    let mut given: Vec<&str> = rest.split([' ', ',']).map(text).filter(|word| !word.is_empty()).collect();
    let is_suffix = |word: &&&str| SUFFIXES.contains(&word.trim_end_matches('.').to_ascii_lowercase().as_str());
    let kept = given.len() - given.iter().rev().take_while(is_suffix).count();
    let suffixes = given.split_off(kept);
    joined(&[&given.join(" "), last, &suffixes.join(" ")])
}

/// Words with one blank between them.
#[must_use]
pub fn joined(parts: &[&str]) -> String {
    parts.iter().flat_map(|part| part.split_whitespace()).collect::<Vec<_>>().join(" ")
}

/// The number in what people write beside it: `(937) 555-0111 x12 cell`. Empty where there is none.
#[must_use]
pub fn phone(cell: &str) -> &str {
    let told = text(whole_number(cell));
    let end = told.find(|letter: char| letter.is_alphabetic()).unwrap_or(told.len());
    let number = told[..end].trim_end_matches(|letter: char| !letter.is_ascii_digit());
    if number.bytes().any(|byte| byte.is_ascii_digit()) { number } else { "" }
}

/// Whether a cell says yes.
#[must_use]
pub fn is_yes(cell: &str) -> bool {
    matches!(text(cell).to_ascii_lowercase().as_str(), "y" | "yes" | "true" | "1" | "x" | "si" | "sí" | "oui")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_spreadsheet_rounded_away_are_told() {
        for damaged in ["9.98878E+11", " 4E+10 ", "1.0e+05"] {
            assert!(is_damaged_number(damaged), "{damaged}");
        }
        for fine in ["1EG4TE5MK73", "XYZ998870001", "998878000001", "", "E+", "e+5", "1e5"] {
            assert!(!is_damaged_number(fine), "{fine}");
        }
        assert_eq!((whole_number("1234567893.0"), whole_number("12.5")), ("1234567893", "12.5"));
    }

    #[test]
    fn a_lost_zero_is_put_back() {
        assert_eq!(zip("2186", true), (Cow::Borrowed("02186"), true));
        assert_eq!(zip("8001", false), (Cow::Borrowed("8001"), false));
        assert_eq!(zip("45011", true), (Cow::Borrowed("45011"), false));
        assert_eq!(zip("45011-1234", true), (Cow::Borrowed("45011-1234"), false));
        for (told, may_pad, written) in [
            ("12 Rue Elm, Apt 4\nBoston, MA 2186", true, "12 Rue Elm, Apt 4, Boston, MA 02186"),
            ("9 Oak Ave, Suite 1200", true, "9 Oak Ave, Suite 1200"),
            ("Bahnhofstrasse 1, Zurich CH 8001", true, "Bahnhofstrasse 1, Zurich CH 8001"),
            ("Boston, MA 2186", false, "Boston, MA 2186"),
        ] {
            assert_eq!(address(told, may_pad), (written.to_owned(), told.replace('\n', ", ") != written), "{told}");
        }
    }

    #[test]
    fn a_phone_of_another_country_is_known_by_its_prefix() {
        for abroad in ["+41 44 668 18 00", "0041446681800", "+52 55 5555 5555", "(+49) 30"] {
            assert!(is_abroad(abroad), "{abroad}");
        }
        for home in ["+1 206 555 0142", "001 206 555 0142", "206 555 0142", "", "none", "+", "00"] {
            assert!(!is_abroad(home), "{home}");
        }
    }

    #[test]
    fn codes_get_their_dot_back() {
        let read = |cell: &str| codes(cell, "|,;").collect::<Vec<_>>();
        assert_eq!(read("C3411 , R91.1"), ["C34.11", "R91.1"]);
        assert_eq!(read("c50.411"), ["C50.411"]);
        assert_eq!(read("C18.2|Z80.0;C61"), ["C18.2", "Z80.0", "C61"]);
        assert_eq!(read("breast ca"), ["breast ca"]);
        assert!(read(" , ").is_empty());
    }

    #[test]
    fn a_name_is_turned_round_at_its_comma() {
        for (cell, name) in [
            ("TESTPATIENT, ROBERT J JR", "ROBERT J TESTPATIENT JR"),
            ("Testpatient,Lee", "Lee Testpatient"),
            ("Okafor, Adaeze MD", "Adaeze Okafor MD"),
            ("Maria  De La Testpatient", "Maria De La Testpatient"),
            ("Vega,", "Vega"),
        ] {
            assert_eq!(whole_name(cell), name);
        }
    }

    #[test]
    fn a_phone_is_told_from_the_words_beside_it() {
        for (cell, number) in [
            ("(937) 555-0111 x12 cell", "(937) 555-0111"),
            ("9375550112.0", "9375550112"),
            ("none", ""),
            ("+1-call me", "+1"),
            ("513-555-0101", "513-555-0101"),
        ] {
            assert_eq!(phone(cell), number, "{cell}");
        }
    }
}
