//! The number of a provider in the US (NPI, 45 CFR 162.406): ten digits, of which the last one checks the others.
//!
//! Deliberately not here: what is made of a wrong one, which each format tells its sender in its own way.

/// Whether it has ten digits and nothing else.
#[must_use]
pub fn has_its_length(npi: &str) -> bool {
    npi.len() == 10 && npi.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether ten digits pass the check: Luhn (ISO/IEC 7812-1, annex B) with the prefix 80840 of health care in the US.
#[must_use]
pub fn is_sound(npi: &str) -> bool {
    // The five digits before it add 24 whatever follows.
    let weighed = npi.bytes().rev().zip(0_u32..).map(|(byte, place)| {
        let digit = u32::from(byte.wrapping_sub(b'0')) * (1 + place % 2);
        digit / 10 + digit % 10
    });
    has_its_length(npi) && (weighed.sum::<u32>() + 24).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_number_is_known_by_its_check_digit() {
        for right in ["1234567893", "1987000019", "1987000027"] {
            assert!(has_its_length(right) && is_sound(right), "{right}");
        }
        for wrong in ["1234567890", "1234567839", "123456789", "12345678933", "123456789X", "", "１２３４５６７８９３"]
        {
            assert!(!is_sound(wrong), "{wrong}");
        }
        assert!(!has_its_length("123456789") && !has_its_length("12345678 3") && has_its_length("1234567890"));
    }
}
