//! A short name for texts that may tell about a person: equal texts have equal names, and no text can be read from one.
//!
//! For keys that senders choose themselves, which may be somebody's name. Whoever can guess the text can check the guess;
//! where that must not be, [`crate::Sealer::blind`] has a key. Deliberately not here: anything that must be opened again.

use aws_lc_rs::digest;

/// Thirty-two hexadecimal digits of some texts in their order. Where one ends and the next begins counts.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex::encode(&context.finish().as_ref()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_equal_names_and_a_moved_border_another() {
        assert_eq!(fingerprint(["rosa", "vega"]), fingerprint(["rosa", "vega"]));
        assert_ne!(fingerprint(["rosa", "vega"]), fingerprint(["rosav", "ega"]));
        assert_ne!(fingerprint(["rosa"]), fingerprint(["rosa", ""]));
        let name = fingerprint(["rosa"]);
        assert!(name.len() == 32 && !name.contains("rosa") && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
