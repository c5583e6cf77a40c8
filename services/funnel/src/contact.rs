//! Reading what people type: phone, e-mail, name and birth date become one stored form, or a fault in plain words.
//!
//! Any format that we can read is accepted. A fault tells how to fix the answer and never repeats the answer itself, so a
//! fault may be logged and counted. Deliberately not here: whether a question had to be answered; that is the form's.

use std::str::FromStr;

use email_address::{EmailAddress, Options};
use jiff::civil::Date;
use phonenumber::{Mode, country};
use serde::{Deserialize, Serialize};

use crate::words::vocabulary;

vocabulary! {
    /// What is wrong with an answer, and how to fix it.
    FaultCode ("fault") {
        #[default]
        Missing = "missing", "Answer this question", "Responda esta pregunta", "Répondez à cette question";
        PhoneUnreadable = "phone_unreadable", "Enter a phone number with area code, like 206 555 0142. From another country, start with + and its code, like +33", "Escriba un número de teléfono con código de área, como 206 555 0142. Si es de otro país, empiece con + y su código, como +52", "Entrez un numéro de téléphone avec l'indicatif, comme 206 555 0142. S'il est d'un autre pays, commencez par + et son code, comme +33";
        PhoneLength = "phone_length", "Check the phone number. It needs 10 digits, like 206 555 0142. From another country, start with + and its code, like +33", "Revise el número de teléfono. Debe tener 10 dígitos, como 206 555 0142. Si es de otro país, empiece con + y su código, como +52", "Vérifiez le numéro. Il doit avoir 10 chiffres, comme 206 555 0142. S'il est d'un autre pays, commencez par + et son code, comme +33";
        EmailUnreadable = "email_unreadable", "Enter an email address, like name@example.com", "Escriba un correo electrónico, como nombre@example.com", "Entrez une adresse e-mail, comme nom@example.com";
        NameUnreadable = "name_unreadable", "Enter the name with letters, like Ana Ruiz", "Escriba el nombre con letras, como Ana Ruiz", "Entrez le nom avec des lettres, comme Ana Ruiz";
        TooLong = "too_long", "Use fewer words here", "Use menos palabras aquí", "Utilisez moins de mots ici";
        DateUnreadable = "date_unreadable", "Enter the date as month, day and year, like 3 27 1961", "Escriba la fecha con mes, día y año, como 3 27 1961", "Entrez la date avec le mois, le jour et l'année, comme 3 27 1961";
        YearLength = "year_length", "Year must have 4 numbers, like 1961", "El año debe tener 4 números, como 1961", "L'année doit avoir 4 chiffres, comme 1961";
        MonthRange = "month_range", "The month comes first and must be from 1 to 12, like 3 27 1961", "El mes va primero y debe ser de 1 a 12, como 3 27 1961", "Le mois vient en premier et doit être entre 1 et 12, comme 3 27 1961";
        DayRange = "day_range", "This month does not have that day. Check the day", "Ese mes no tiene ese día. Revise el día", "Ce mois n'a pas ce jour. Vérifiez le jour";
        DateInFuture = "date_in_future", "Birth date must be in the past", "La fecha de nacimiento debe ser anterior a hoy", "La date de naissance doit être passée";
        DateTooOld = "date_too_old", "Check the year of birth", "Revise el año de nacimiento", "Vérifiez l'année de naissance";
        NotAChoice = "not_a_choice", "Choose one of the answers in the list", "Elija una de las respuestas de la lista", "Choisissez une des réponses de la liste";
        ReachMissing = "reach_missing", "Enter a phone number or an email address. One is enough", "Escriba un teléfono o un correo electrónico. Con uno basta", "Entrez un numéro de téléphone ou une adresse e-mail. Un seul suffit";
        ChangedMeanwhile = "changed_meanwhile", "Somebody else changed this while you had it open. Compare both, then save yours if it is right", "Otra persona cambió esto mientras usted lo tenía abierto. Compare y guarde lo suyo si es correcto", "Quelqu'un a changé ceci pendant que vous l'aviez ouvert. Comparez, puis enregistrez le vôtre s'il est juste";
        ConsentMissing = "consent_missing", "Tick the box if we may contact you", "Marque la casilla si podemos comunicarnos con usted", "Cochez la case si nous pouvons vous contacter";
    }
}

/// One answer that has to be repaired: which, why, and the words beside the field. Never holds the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// Key of the field.
    pub field: String,
    /// Why, for counting.
    pub code: FaultCode,
    /// How to fix it, for the person.
    pub message: String,
}

impl FieldFault {
    /// A fault with the standard words of its code.
    #[must_use]
    pub fn new(field: &str, code: FaultCode, language: &str) -> Self {
        Self { field: field.to_owned(), code, message: code.label(language).to_owned() }
    }
}

/// An e-mail address that was read, and a better spelling if its domain looks mistyped.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// The address; its domain in lower case.
    pub address: String,
    /// The whole address as it was probably meant, to be shown as "Did you mean ...?".
    pub hint: Option<String>,
}

/// Reads a phone number of any common format into E.164, also one with the digits of another script, or with 00 or 011 before
/// its country code. Its extension is told by [`extension`]. Letters stand for digits in words alone (1 800 FLOWERS): a letter or two
/// among digits is a slip, and the key on which it stands would be somebody else's number.
///
/// # Errors
/// Says what a readable number looks like.
pub fn phone(field: &str, raw: &str, region: &str, language: &str) -> Result<String, FieldFault> {
    let region = country::Id::from_str(region).unwrap_or(country::Id::US);
    let text: String = raw.trim().chars().map(plain).collect();
    let (text, _) = without_extension(&text);
    let is_slip = has_stray_letters(text);
    if let Some(number) = readings(text).iter().filter(|_| !is_slip).find_map(|reading| number(reading, region)) {
        return Ok(number);
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    // What could not be a number at all is not told that it is too short or too long.
    let is_number = phonenumber::parse(is_national(text).then_some(region), text).is_ok();
    let is_length = !is_slip && if is_number { !(10..=15).contains(&digits) } else { (4..10).contains(&digits) };
    Err(FieldFault::new(field, if is_length { FaultCode::PhoneLength } else { FaultCode::PhoneUnreadable }, language))
}

/// The extension of a phone number, where one is told behind it: `206 555 0142 ext. 22`, `…x22`, `…#22`, `…;ext=22`, `… poste 22`.
#[must_use]
pub fn extension(raw: &str) -> Option<String> {
    let text: String = raw.trim().chars().map(plain).collect();
    without_extension(&text).1.map(str::to_owned)
}

/// A number and its extension apart.
fn without_extension(text: &str) -> (&str, Option<&str>) {
    /// In the languages of our pages, what ends like another one before it.
    const WORDS: [&str; 15] = [
        "extension",
        "extensión",
        "interno",
        "anexo",
        "poste",
        "ext=",
        "extn",
        "xtn",
        "ext",
        "int",
        "xt",
        "x",
        "#",
        "p.",
        "~",
    ];
    /// A longer one is a second number.
    const LONGEST: usize = 7;
    let is_filler = |sign: char| sign.is_whitespace() || matches!(sign, '.' | ':' | ',' | ';' | '(' | '[' | '-' | '–');
    let digits_of = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let whole = text.trim_end_matches(|sign: char| is_filler(sign) || matches!(sign, ')' | ']' | '#'));
    let head = whole.trim_end_matches(|sign: char| sign.is_ascii_digit());
    let digits = &whole[head.len()..];
    if digits.len() > LONGEST {
        return (text, None);
    }
    let told = Some(digits).filter(|digits| !digits.is_empty());
    let head = head.trim_end_matches(is_filler);
    let ends = |word: &&&str| {
        let from = head.len().checked_sub(word.len());
        from.and_then(|from| head.get(from..)).is_some_and(|end| end.to_lowercase() == **word)
    };
    let Some(word) = WORDS.iter().find(ends) else {
        // Behind a comma, as a phone dials it after a pause.
        let is_pause = digits.len() < LONGEST && whole[..whole.len() - digits.len()].trim_end().ends_with([',', ';']);
        return if is_pause && digits_of(head) >= 10 { (head, told) } else { (text, None) };
    };
    let number = head[..head.len() - word.len()].trim_end_matches(is_filler);
    // A letter before the word makes it the end of another word. One without digits is a field that was left empty.
    let is_word = !number.ends_with(char::is_alphabetic) && digits_of(number) >= 7;
    if is_word { (number, told) } else { (text, None) }
}

/// Whether there are letters among the digits, or too few together for a word. What stands before the number is a label. Only plain
/// letters stand on keys; others are no part of a number anyway.
fn has_stray_letters(text: &str) -> bool {
    const FEWEST: usize = 3;
    let Some(first) = text.find(|sign: char| sign.is_ascii_digit()) else { return false };
    let mut runs = text[first..].split(|sign: char| !sign.is_ascii_alphabetic()).filter(|run| !run.is_empty());
    runs.any(|run| run.len() < FEWEST)
}

/// A digit or a plus of another script as the plain one.
fn plain(c: char) -> char {
    // The zeros of Arabic, Persian and Urdu, Hindi, Bengali and full-width digits; the other nine follow each of them.
    const ZEROS: [char; 5] = ['\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{ff10}'];
    if c == '\u{ff0b}' {
        return '+';
    }
    let value = ZEROS.iter().filter_map(|zero| u32::from(c).checked_sub(u32::from(*zero))).find(|value| *value < 10);
    value.and_then(|value| char::from_digit(value, 10)).unwrap_or(c)
}

/// A number as it stands, and, where that is none, as people mean it who dial it from here or as it was dialled once.
fn readings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    let abroad = text.strip_prefix("011").or_else(|| text.strip_prefix("00"));
    all.extend(abroad.map(|rest| format!("+{}", rest.trim_start_matches(|c: char| !c.is_ascii_digit()))));
    // Mexico gave up the 1 of its mobile numbers in 2019, and many still write it.
    let once = all.iter().filter_map(|one| {
        let rest = one.strip_prefix("+52")?.trim_start_matches(|c: char| !c.is_ascii_digit());
        Some(format!("+52{}", rest.strip_prefix('1')?))
    });
    let once: Vec<String> = once.collect();
    all.extend(once);
    all
}

/// Whether it has no country code. One with a country code stands for itself; a region beside it would be taken for its country.
fn is_national(text: &str) -> bool {
    !text.starts_with('+')
}

fn number(text: &str, region: country::Id) -> Option<String> {
    let number = phonenumber::parse(is_national(text).then_some(region), text).ok()?;
    (is_fictional(&number) || phonenumber::is_valid(&number)).then(|| number.format().mode(Mode::E164).to_string())
}

/// The range 555-0100 to 555-0199 is kept free for examples; demonstrations and tests must never ring a real phone.
fn is_fictional(number: &phonenumber::PhoneNumber) -> bool {
    let national = number.national().value();
    number.code().value() == 1 && (2_000_000_000..10_000_000_000).contains(&national) && {
        let line = national % 10_000_000;
        (5_550_100..5_550_200).contains(&line)
    }
}

/// An E.164 number as people read it: `+12065550142` becomes "206 555 0142"; other countries keep their code.
#[must_use]
pub fn phone_words(e164: &str) -> String {
    match e164.strip_prefix("+1") {
        Some(national) if national.len() == 10 && national.is_ascii() => {
            format!("{} {} {}", &national[..3], &national[3..6], &national[6..])
        }
        _ => e164.to_owned(),
    }
}

const MISTYPED_DOMAINS: [(&str, &str); 30] = [
    ("gmial.com", "gmail.com"),
    ("gmai.com", "gmail.com"),
    ("gamil.com", "gmail.com"),
    ("gmail.co", "gmail.com"),
    ("gmail.con", "gmail.com"),
    ("gnail.com", "gmail.com"),
    ("gmail.comm", "gmail.com"),
    ("gmail.cm", "gmail.com"),
    ("gmail.om", "gmail.com"),
    ("gmail.cmo", "gmail.com"),
    ("gmaill.com", "gmail.com"),
    ("hotmial.com", "hotmail.com"),
    ("hotmai.com", "hotmail.com"),
    ("hotmail.con", "hotmail.com"),
    ("hotmail.comm", "hotmail.com"),
    ("hotmail.cm", "hotmail.com"),
    ("hotmial.fr", "hotmail.fr"),
    ("hotmial.es", "hotmail.es"),
    ("homail.com", "hotmail.com"),
    ("yaho.com", "yahoo.com"),
    ("yahooo.com", "yahoo.com"),
    ("yahoo.con", "yahoo.com"),
    ("yahoo.comm", "yahoo.com"),
    ("yahoo.cm", "yahoo.com"),
    ("outlok.com", "outlook.com"),
    ("outloo.com", "outlook.com"),
    ("iclod.com", "icloud.com"),
    ("icloud.con", "icloud.com"),
    ("aol.con", "aol.com"),
    ("comcast.nte", "comcast.net"),
];

/// Reads an e-mail address; a domain that is often mistyped gets a hint, never a silent change.
///
/// # Errors
/// Says what an address looks like.
pub fn email(field: &str, raw: &str, language: &str) -> Result<Email, FieldFault> {
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    let text = raw.trim().trim_end_matches(['.', ',', ';']);
    let Ok(parsed) = EmailAddress::parse_with_options(text, options) else {
        return Err(FieldFault::new(field, FaultCode::EmailUnreadable, language));
    };
    let domain = parsed.domain().to_lowercase();
    // No top-level domain is a number: what ends in one is an address of a machine.
    if domain.rsplit('.').next().is_some_and(|top| top.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(FieldFault::new(field, FaultCode::EmailUnreadable, language));
    }
    let local = parsed.local_part();
    let hint = MISTYPED_DOMAINS.iter().find(|(wrong, _)| *wrong == domain).map(|(_, right)| format!("{local}@{right}"));
    Ok(Email { address: format!("{local}@{domain}"), hint })
}

const LONGEST_NAME: usize = 120;

/// Reads a name: spaces tidied, otherwise as the person writes it.
///
/// # Errors
/// Says so when there is no letter in it or when it is far too long.
pub fn name(field: &str, raw: &str, language: &str) -> Result<String, FieldFault> {
    let shown: String = raw.chars().filter(|c| !turns(*c)).collect();
    let tidy = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let readable =
        tidy.chars().any(char::is_alphabetic) && !tidy.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '@'));
    if tidy.chars().count() > LONGEST_NAME {
        return Err(FieldFault::new(field, FaultCode::TooLong, language));
    }
    if readable { Ok(tidy) } else { Err(FieldFault::new(field, FaultCode::NameUnreadable, language)) }
}

/// Whether a character is unseen and turns what stands behind it around, so that a name reads otherwise than it is written. The
/// marks that Arabic and Hebrew names need stay.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{200b}')
}

/// Reads a birth date written as 1961-03-27, 3/27/1961, 03 27 1961, 19610327 or 03271961.
///
/// # Errors
/// Names the part that is wrong: year, month, day, or a date that can't be a birth date.
pub fn birth_date(field: &str, raw: &str, today: Date, language: &str) -> Result<Date, FieldFault> {
    let fault = |code| FieldFault::new(field, code, language);
    let (year, month, day) = date_parts(raw).ok_or_else(|| fault(FaultCode::DateUnreadable))?;
    if year.len() != 4 {
        return Err(fault(FaultCode::YearLength));
    }
    let number = |text: &str| text.parse::<i16>().map_err(|_| fault(FaultCode::DateUnreadable));
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if !(1..=12).contains(&month) {
        return Err(fault(FaultCode::MonthRange));
    }
    let date = Date::new(year, month as i8, i8::try_from(day).unwrap_or(0)).map_err(|_| fault(FaultCode::DayRange))?;
    if date > today {
        return Err(fault(FaultCode::DateInFuture));
    }
    if today.year() - date.year() > 125 {
        return Err(fault(FaultCode::DateTooOld));
    }
    Ok(date)
}

/// Splits into (year, month, day); a first part of four digits means year first, else the month comes first.
fn date_parts(raw: &str) -> Option<(&str, &str, &str)> {
    let text = raw.trim();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // No year of a living person begins like a month.
        let month_first = ("01"..="12").contains(&&text[..2]);
        return Some(match month_first {
            true => (&text[4..], &text[..2], &text[2..4]),
            false => (&text[..4], &text[4..6], &text[6..]),
        });
    }
    let parts: Vec<&str> = text.split(['/', '-', '.', ' ', ',']).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [a, b, c] if parts.iter().all(is_number) => Some(if a.len() == 4 { (*a, *b, *c) } else { (*c, *a, *b) }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_letter_among_digits_is_a_slip_and_stands_for_no_digit() {
        for slip in ["802 555 O147", "802 555 0l47", "802 555 01S7", "802 555 014O", "802-555-0147b"] {
            let fault = phone("phone", slip, "US", "en").expect_err(slip);
            assert_eq!(fault.code, FaultCode::PhoneUnreadable, "{slip}");
        }
        for (raw, read) in [
            ("1-800-FLOWERS", "+18003569377"),
            ("1-800-ACS-2345", "+18002272345"),
            ("Tel. 206 555 0142", "+12065550142"),
            ("+81 90ー1234ー5678", "+819012345678"),
        ] {
            assert_eq!(phone("phone", raw, "US", "en").as_deref(), Ok(read), "{raw}");
        }
    }

    #[test]
    fn an_extension_is_told_apart_and_the_number_before_it_is_read() {
        for raw in [
            "802-555-0147 x22",
            "802 555 0147 ext. 22",
            "(802) 555-0147, Ext 22",
            "802 555 0147 #22",
            "+18025550147;ext=22",
            "802 555 0147 poste 22",
            "802 555 0147 extensión 22",
        ] {
            assert_eq!(phone("phone", raw, "US", "en").as_deref(), Ok("+18025550147"), "{raw}");
            assert_eq!(extension(raw).as_deref(), Some("22"), "{raw}");
        }
        for (raw, told) in [
            ("206 555 0142 extn 22", Some("22")),
            ("206-555-0142 ext-22", Some("22")),
            ("(206) 555-0142 (x22)", Some("22")),
            ("(206) 555-0142 (ext. 22)", Some("22")),
            ("206 555 0142 ext. 22.", Some("22")),
            ("206 555 0142 x22#", Some("22")),
            ("206 555 0142, 22", Some("22")),
            ("(206) 555-0142 x", None),
            ("206 555 0142.", None),
        ] {
            assert_eq!(phone("phone", raw, "US", "en").as_deref(), Ok("+12065550142"), "{raw}");
            assert_eq!(extension(raw).as_deref(), told, "{raw}");
        }
        for raw in ["802 555 0147", "x22", "206 555 0142 / 206 555 0143", "+33 1 42 68 53 00", "206 555 0142 max 3"] {
            assert_eq!(extension(raw), None, "{raw}");
        }
    }

    #[test]
    fn phone_numbers_of_any_common_format_become_e164() {
        for raw in ["206 555 0142", "(206) 555-0142", "+1 206.555.0142", "1-206-555-0142", " 2065550142 "] {
            assert_eq!(phone("phone", raw, "US", "en").as_deref(), Ok("+12065550142"), "{raw}");
        }
        for (raw, read) in [
            ("+33 1 42 68 53 00", "+33142685300"),
            ("011 33 1 42 68 53 00", "+33142685300"),
            ("011-33-1-42-68-53-00", "+33142685300"),
            ("0033142685300", "+33142685300"),
            ("00 33 (0)1 42 68 53 00", "+33142685300"),
            ("+52 1 55 5555 0123", "+525555550123"),
            ("+52 55 5555 0123", "+525555550123"),
            ("011 52 1 55 5555 0123", "+525555550123"),
            ("011 1 206 555 0142", "+12065550142"),
            ("２０６５５５０１４２", "+12065550142"),
            ("＋１ ２０６ ５５５ ０１４２", "+12065550142"),
            ("٢٠٦٥٥٥٠١٤٢", "+12065550142"),
            ("۲۰۶ ۵۵۵ ۰۱۴۲", "+12065550142"),
        ] {
            assert_eq!(phone("phone", raw, "US", "en").as_deref(), Ok(read), "{raw}");
        }
        for raw in ["011", "00", "0000000000", "+52 1", "011 206 555 0142 99 12345678"] {
            assert!(phone("phone", raw, "US", "en").is_err(), "{raw}");
        }
        assert_eq!(phone_words("+12065550142"), "206 555 0142");
    }

    #[test]
    fn a_phone_number_without_area_code_is_told_how_to_fix_it() {
        let short = phone("phone", "555-0142", "US", "en").unwrap_err();
        assert_eq!((short.field.as_str(), short.code), ("phone", FaultCode::PhoneLength));
        let words = phone("phone", "call me", "US", "en").unwrap_err();
        assert!(
            words.message.starts_with("Enter a phone number with area code, like 206 555 0142. From another country")
        );
        assert!(phone("phone", "call me", "US", "es").unwrap_err().message.starts_with("Escriba un número"));
    }

    #[test]
    fn a_mistyped_mail_domain_gets_a_hint_and_stays_as_typed() {
        let read = email("email", " Ana.Ruiz@GMIAL.com ", "en").unwrap_or_else(|fault| panic!("{}", fault.message));
        assert_eq!(read.address, "Ana.Ruiz@gmial.com");
        assert_eq!(read.hint.as_deref(), Some("Ana.Ruiz@gmail.com"));
        for (wrong, right) in MISTYPED_DOMAINS {
            let read =
                email("email", &format!("ana@{wrong}"), "en").unwrap_or_else(|fault| panic!("{}", fault.message));
            assert!(read.hint == Some(format!("ana@{right}")), "{wrong}");
            assert!(MISTYPED_DOMAINS.iter().all(|(wrong, _)| *wrong != right), "{right} is asked about in its turn");
        }
        for raw in ["ana", "ana@", "ana@home", "a b@example.com", "Ana <ana@example.com>", "ana@127.0.0.1"] {
            assert_eq!(
                email("email", raw, "en").err().map(|fault| fault.code),
                Some(FaultCode::EmailUnreadable),
                "{raw}"
            );
        }
    }

    #[test]
    fn names_are_tidied_and_not_judged() {
        assert_eq!(name("name", "  Nguyễn   Thị O'Brien-García ", "en").as_deref(), Ok("Nguyễn Thị O'Brien-García"));
        assert_eq!(name("name", "李", "en").as_deref(), Ok("李"));
        assert_eq!(name("name", "Rosa \u{202e}zeperP", "en").as_deref(), Ok("Rosa zeperP"));
        assert_eq!(name("name", "می\u{200c}خواهم", "en").as_deref(), Ok("می\u{200c}خواهم"));
        assert_eq!(name("name", "\u{202e}", "en").unwrap_err().code, FaultCode::NameUnreadable);
        assert_eq!(name("name", "123", "en").unwrap_err().code, FaultCode::NameUnreadable);
        assert_eq!(name("name", &"a".repeat(121), "en").unwrap_err().code, FaultCode::TooLong);
    }

    #[test]
    fn birth_dates_are_read_in_both_orders_and_faults_name_the_part() {
        let today = date(2026, 3, 4);
        let read = |raw: &str| birth_date("birth_date", raw, today, "en");
        for raw in ["1961-03-27", "3/27/1961", "03 27 1961", "19610327", "03271961", "3.27.1961"] {
            assert_eq!(read(raw), Ok(date(1961, 3, 27)), "{raw}");
        }
        assert_eq!(read("3/27/61").unwrap_err().message, "Year must have 4 numbers, like 1961");
        assert_eq!(read("27/3/1961").unwrap_err().code, FaultCode::MonthRange);
        assert_eq!(read("2/30/1961").unwrap_err().code, FaultCode::DayRange);
        assert_eq!(read("1/1/2030").unwrap_err().code, FaultCode::DateInFuture);
        assert_eq!(read("1/1/1890").unwrap_err().code, FaultCode::DateTooOld);
        assert_eq!(read("12011961"), Ok(date(1961, 12, 1)));
        assert_eq!(read("02301961").unwrap_err().code, FaultCode::DayRange);
        assert_eq!(read("27031961").unwrap_err().code, FaultCode::MonthRange);
        assert_eq!(read("March").unwrap_err().code, FaultCode::DateUnreadable);
    }
}
