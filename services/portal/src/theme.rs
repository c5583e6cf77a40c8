//! A center's colours, checked for contrast and written as a style sheet.
//!
//! A center may replace the brand colours and nothing else: meaning colours, focus ring and text stay the same on all
//! pages. Colours under which text could not be read are refused before they are served. Deliberately not here:
//! fonts, sizes and logos.

/// The colours that a center may set, each as `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Buttons and marks; carries white text.
    pub brand: String,
    /// Heads and hovered buttons; carries white text and is used as text on `wash`.
    pub brand_dark: String,
    /// A light ground for notes and chosen options.
    pub wash: String,
}

/// Why a theme is refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ThemeFault {
    /// The value is not a colour.
    #[error("{name} is \"{value}\": write a colour as # and six hexadecimal digits, like #0b5563")]
    NotAColour {
        /// The setting.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// Text in this pair can't be read well enough.
    #[error("{pair} has a contrast of {ratio:.1}: choose colours with 4.5 or more")]
    LowContrast {
        /// Which text on which ground.
        pair: &'static str,
        /// The contrast that was measured.
        ratio: f64,
    },
}

impl Default for Theme {
    fn default() -> Self {
        Theme { brand: "#0b5563".to_owned(), brand_dark: "#083f4a".to_owned(), wash: "#e3f0f1".to_owned() }
    }
}

impl Theme {
    /// The style sheet of a theme whose colours can be read.
    pub fn css(&self) -> Result<String, ThemeFault> {
        let brand = colour("brand", &self.brand)?;
        let dark = colour("brand_dark", &self.brand_dark)?;
        let wash = colour("wash", &self.wash)?;
        let (white, ink) = ([255, 255, 255], [0x18, 0x24, 0x2d]);
        readable("white text on brand", white, brand)?;
        readable("white text on brand_dark", white, dark)?;
        readable("brand_dark text on wash", dark, wash)?;
        readable("body text on wash", ink, wash)?;
        Ok(format!(":root{{--brand:{};--brand-2:{};--brand-wash:{}}}\n", self.brand, self.brand_dark, self.wash))
    }
}

fn colour(name: &'static str, value: &str) -> Result<[u8; 3], ThemeFault> {
    let digits = value.strip_prefix('#').filter(|digits| digits.len() == 6);
    let mut rgb = [0; 3];
    match digits.map(|digits| hex::decode_to_slice(digits, &mut rgb)) {
        Some(Ok(())) => Ok(rgb),
        _ => Err(ThemeFault::NotAColour { name, value: value.to_owned() }),
    }
}

fn readable(pair: &'static str, text: [u8; 3], ground: [u8; 3]) -> Result<(), ThemeFault> {
    let ratio = contrast(text, ground);
    if ratio < 4.5 { Err(ThemeFault::LowContrast { pair, ratio }) } else { Ok(()) }
}

/// The contrast ratio of WCAG 2: 1 for equal colours, 21 for black on white.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(rgb: [u8; 3]) -> f64 {
    let [r, g, b] = rgb.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_theme_passes_its_own_check() {
        let css = Theme::default().css().expect("the default colours can be read");
        assert!(css.starts_with(":root{--brand:#0b5563"));
    }

    #[test]
    fn pale_buttons_are_refused_with_the_measured_contrast() {
        let pale = Theme { brand: "#7fc8d4".to_owned(), ..Theme::default() };
        let fault = pale.css().expect_err("white on pale blue can't be read");
        assert!(fault.to_string().starts_with("white text on brand has a contrast of 1."), "{fault}");
    }

    #[test]
    fn anything_but_a_colour_is_refused() {
        for value in ["red", "#fff", "#12345g", "#000;}body{display:none"] {
            let theme = Theme { brand: value.to_owned(), ..Theme::default() };
            assert!(matches!(theme.css(), Err(ThemeFault::NotAColour { .. })), "{value}");
        }
    }

    #[test]
    fn every_pair_of_text_and_ground_in_the_tokens_can_be_read() {
        let tokens = include_str!("../styles/tokens.css");
        let of = |name: &str| {
            let start = tokens.find(&format!("{name}: ")).expect("the token is there") + name.len() + 2;
            colour("token", &tokens[start..start + 7]).expect("the token is a colour")
        };
        let text = [
            ("--ink", "--wash"),
            ("--ink-2", "--wash"),
            ("--link", "--wash"),
            ("--link-visited", "--wash"),
            ("--ok", "--ok-wash"),
            ("--warn", "--warn-wash"),
            ("--bad", "--bad-wash"),
            ("--idle", "--idle-wash"),
            ("--ink-inv", "--brand"),
            ("--ink-inv", "--brand-2"),
            ("--brand-2", "--brand-wash"),
        ];
        for (text, ground) in text {
            assert!(contrast(of(text), of(ground)) >= 4.5, "{text} on {ground}");
        }
        for mark in ["--edge", "--d1", "--d2", "--d3", "--d4", "--d5"] {
            assert!(contrast(of(mark), of("--paper")) >= 3.0, "{mark}");
        }
    }
}
