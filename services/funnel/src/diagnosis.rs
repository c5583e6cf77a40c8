//! Which part of the body a diagnosis code is about, so that a referral reaches the right team without anybody reading it.
//!
//! Codes are ICD-10-CM (chapter 2, and the findings by which a cancer is first suspected). The longest prefix wins. A code
//! that tells no place (secondary, unspecified or benign without a place) gives nothing: then a person decides, and the
//! next code of the same referral may tell more. Deliberately not here: who works what (the center's routing table).

use crate::inquiry::CancerArea;
use CancerArea::{
    Breast, Endocrine, Gi, Gu, Gynecologic as Gyn, HeadAndNeck as Head, Hematologic as Heme, Neuro, Other, Sarcoma,
    Skin, Thoracic,
};

/// Longest code without its dot.
const LONGEST_CODE: usize = 7;
/// Longest and shortest prefix in the table.
const LONGEST: usize = 5;
const SHORTEST: usize = 2;

/// The area of an ICD-10-CM code as offices write it: with or without the dot, in either case, with blanks or words after.
/// A woman's cancer of the peritoneum is treated like one of the ovary.
#[must_use]
pub fn cancer_area(code: &str, is_female: bool) -> Option<CancerArea> {
    let mut plain = [0_u8; LONGEST_CODE];
    let mut length = 0;
    for byte in code.bytes().filter(u8::is_ascii_alphanumeric).take(LONGEST_CODE) {
        plain[length] = byte.to_ascii_uppercase();
        length += 1;
    }
    let plain = &plain[..length];
    if !is_code(plain) {
        return None;
    }
    let prefixes = (SHORTEST..=LONGEST.min(length)).rev().map(|length| &plain[..length]);
    let area = prefixes.into_iter().find_map(|prefix| {
        let at = AREAS.binary_search_by(|(known, _)| known.as_bytes().cmp(prefix)).ok()?;
        Some(AREAS[at].1)
    });
    if is_female && area == Some(Gi) && plain.starts_with(b"C48") { Some(Gyn) } else { area }
}

/// A letter, a digit and another digit or one of the two letters that follow there. Words and other systems look otherwise.
fn is_code(plain: &[u8]) -> bool {
    matches!(plain, [b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9' | b'A' | b'B', ..])
}

/// The area of the first code that tells one.
pub fn first_area<'a>(codes: impl IntoIterator<Item = &'a str>, is_female: bool) -> Option<CancerArea> {
    codes.into_iter().find_map(|code| cancer_area(code, is_female))
}

/// Prefixes without dot, sorted.
#[rustfmt::skip]
const AREAS: &[(&str, CancerArea)] = &[
    ("C0", Head), ("C10", Head), ("C11", Head), ("C12", Head), ("C13", Head), ("C14", Head), ("C15", Gi), ("C16", Gi),
    ("C17", Gi), ("C18", Gi), ("C19", Gi), ("C20", Gi), ("C21", Gi), ("C22", Gi), ("C23", Gi), ("C24", Gi),
    ("C25", Gi), ("C26", Gi), ("C30", Head), ("C31", Head), ("C32", Head), ("C33", Thoracic), ("C34", Thoracic),
    ("C37", Thoracic), ("C38", Thoracic), ("C39", Thoracic), ("C40", Sarcoma), ("C41", Sarcoma), ("C43", Skin),
    ("C44", Skin), ("C45", Thoracic), ("C451", Gi), ("C46", Skin), ("C47", Sarcoma), ("C48", Gi), ("C480", Sarcoma),
    ("C49", Sarcoma), ("C4A", Skin), ("C50", Breast), ("C51", Gyn), ("C52", Gyn), ("C53", Gyn), ("C54", Gyn),
    ("C55", Gyn), ("C56", Gyn), ("C57", Gyn), ("C58", Gyn), ("C60", Gu), ("C61", Gu), ("C62", Gu), ("C63", Gu),
    ("C64", Gu), ("C65", Gu), ("C66", Gu), ("C67", Gu), ("C68", Gu), ("C69", Other), ("C70", Neuro), ("C71", Neuro),
    ("C72", Neuro), ("C73", Endocrine), ("C74", Endocrine), ("C75", Endocrine), ("C751", Neuro), ("C752", Neuro),
    ("C753", Neuro), ("C760", Head), ("C7A", Other), ("C7B", Other), ("C81", Heme), ("C82", Heme), ("C83", Heme),
    ("C84", Heme), ("C85", Heme), ("C86", Heme), ("C88", Heme), ("C90", Heme), ("C91", Heme), ("C92", Heme),
    ("C93", Heme), ("C94", Heme), ("C95", Heme), ("C96", Heme), ("D00", Gi), ("D000", Head), ("D01", Gi),
    ("D02", Thoracic), ("D020", Head), ("D03", Skin), ("D04", Skin), ("D05", Breast), ("D06", Gyn), ("D07", Gyn),
    ("D074", Gu), ("D075", Gu), ("D076", Gu), ("D090", Gu), ("D091", Gu), ("D092", Other), ("D093", Endocrine),
    ("D10", Head), ("D11", Head), ("D12", Gi), ("D13", Gi), ("D14", Thoracic), ("D140", Head), ("D141", Head),
    ("D15", Thoracic), ("D16", Sarcoma), ("D17", Sarcoma), ("D19", Thoracic), ("D20", Sarcoma), ("D21", Sarcoma),
    ("D22", Skin), ("D23", Skin), ("D24", Breast), ("D25", Gyn), ("D26", Gyn), ("D27", Gyn), ("D28", Gyn),
    ("D29", Gu), ("D30", Gu), ("D31", Other), ("D32", Neuro), ("D33", Neuro), ("D34", Endocrine), ("D35", Endocrine),
    ("D352", Neuro), ("D353", Neuro), ("D354", Neuro), ("D37", Gi), ("D370", Head), ("D38", Thoracic), ("D380", Head),
    ("D39", Gyn), ("D3A", Other), ("D40", Gu), ("D41", Gu), ("D42", Neuro), ("D43", Neuro), ("D44", Endocrine),
    ("D443", Neuro), ("D444", Neuro), ("D445", Neuro), ("D45", Heme), ("D46", Heme), ("D47", Heme), ("D480", Sarcoma),
    ("D481", Sarcoma), ("D482", Sarcoma), ("D483", Sarcoma), ("D484", Gi), ("D485", Skin), ("D486", Breast),
    ("D490", Gi), ("D491", Thoracic), ("D492", Sarcoma), ("D493", Breast), ("D494", Gu), ("D495", Gu),
    ("D496", Neuro), ("D497", Endocrine), ("D4981", Other), ("D7282", Heme), ("E04", Endocrine), ("N63", Breast),
    ("R221", Head), ("R59", Heme), ("R900", Neuro), ("R911", Thoracic), ("R918", Thoracic), ("R92", Breast),
    ("R970", Gi), ("R971", Gyn), ("R9720", Gu), ("R9721", Gu), ("Z122", Thoracic), ("Z1231", Breast),
    ("Z1501", Breast), ("Z800", Gi), ("Z803", Breast), ("Z8503", Gi), ("Z8511", Thoracic), ("Z853", Breast),
    ("Z8546", Gu),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn area(code: &str) -> Option<CancerArea> {
        cancer_area(code, false)
    }

    #[test]
    fn a_code_is_read_with_or_without_its_dot_and_in_either_case() {
        for code in ["C50.411", "C50411", "c50.411", " C50.411 ", "C50.4 11 ", "C50.411 IDC right breast"] {
            assert_eq!(area(code), Some(Breast), "{code}");
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        assert_eq!((area("C45.0"), area("C45.1")), (Some(Thoracic), Some(Gi)));
        assert_eq!((area("D35.00"), area("D35.2")), (Some(Endocrine), Some(Neuro)));
        assert_eq!((area("C85.90"), area("C80.1")), (Some(Heme), None));
        assert_eq!((area("C4A.0"), area("C7A.090"), area("C91.00")), (Some(Skin), Some(Other), Some(Heme)));
    }

    #[test]
    fn a_womans_peritoneum_is_treated_like_an_ovary_and_its_back_like_soft_tissue() {
        assert_eq!((cancer_area("C48.2", true), cancer_area("C48.2", false)), (Some(Gyn), Some(Gi)));
        assert_eq!((cancer_area("C48.0", true), cancer_area("C45.1", true)), (Some(Sarcoma), Some(Gi)));
    }

    #[test]
    fn a_code_without_a_place_leaves_it_to_the_next_one_or_to_a_person() {
        assert_eq!(first_area(["C79.51", "C61"], false), Some(Gu), "a bone metastasis of a prostate cancer");
        assert_eq!(first_area(["C77.3", "C80.1", "174.9", "", "254837009", "Z15.09", "D48.9"], true), None);
    }

    #[test]
    fn words_and_codes_of_other_systems_are_no_codes() {
        for other in ["C2 lesion", "Breast cancer", "COLON", "8500/3", "C5", "é50.1"] {
            assert_eq!(area(other), None, "{other}");
        }
    }

    #[test]
    fn every_prefix_is_found_by_itself() {
        for (prefix, expected) in AREAS {
            // The shortest ones stand for groups of three characters.
            let code = if prefix.len() == SHORTEST { format!("{prefix}0") } else { (*prefix).to_owned() };
            assert_eq!(area(&code), Some(*expected), "{prefix}");
            assert!((SHORTEST..=LONGEST).contains(&prefix.len()), "{prefix}");
        }
        assert!(AREAS.is_sorted_by(|one, next| one.0 < next.0), "the search needs order, and no prefix twice");
    }
}
