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

/// A ZIP code with the zeros in front that spreadsheets take away, and whether some were.
#[must_use]
pub fn zip(cell: &str) -> (Cow<'_, str>, bool) {
    let told = whole_number(cell);
    let is_digits = told.bytes().all(|byte| byte.is_ascii_digit());
    match told.len() {
        3 | 4 if is_digits => (Cow::Owned(format!("{told:0>5}")), true),
        7 | 8 if is_digits => (Cow::Owned(format!("{told:0>9}")), true),
        _ => (Cow::Borrowed(told), false),
    }
}

/// An address whose last word is a ZIP code behind the letters of a state, with its zero put back.
#[must_use]
pub fn address(cell: &str) -> (String, bool) {
    let tidy = cell.split(['\r', '\n']).map(text).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ");
    let Some((before, last)) = tidy.rsplit_once(' ') else { return (tidy, false) };
    let state = before.rsplit([' ', ',']).next().unwrap_or_default();
    let is_state = state.len() == 2 && state.bytes().all(|byte| byte.is_ascii_uppercase());
    match zip(last) {
        (padded, true) if is_state => (format!("{before} {padded}"), true),
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
        assert_eq!(zip("2186"), (Cow::Borrowed("02186"), true));
        assert_eq!(zip("45011"), (Cow::Borrowed("45011"), false));
        assert_eq!(zip("45011-1234"), (Cow::Borrowed("45011-1234"), false));
        assert_eq!(address("12 Rue Elm, Apt 4\nBoston, MA 2186"), ("12 Rue Elm, Apt 4, Boston, MA 02186".into(), true));
        assert_eq!(address("9 Oak Ave, Suite 1200"), ("9 Oak Ave, Suite 1200".into(), false));
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
