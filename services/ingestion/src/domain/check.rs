//! Can it be read, and if not all of it: is there enough for a person at the center to mend the rest?
//!
//! An answer that fails a check is kept as long as somebody can act on the inquiry, because a refused form is a lost
//! patient. Deliberately not here: the checks of single answers (the funnel's forms) and where faults are kept (store).

use std::collections::BTreeMap;

use causeway_funnel::contact::{FaultCode, FieldFault};
use causeway_funnel::form::{Answers, ConsentPart, ConsentTick, Form, Needs, Reading, trap_sprung, validate};
use causeway_funnel::inquiry::Consents;
use causeway_funnel::words::Words;

/// A phone number of fewer digits can't be completed by anybody.
const FEWEST_DIGITS: usize = 7;

/// What was read. Holds PHI: no `Debug`.
pub struct Checked {
    /// The answers that could be read.
    pub answers: Answers,
    /// Those that could not, for a person to mend.
    pub faults: Vec<FieldFault>,
    /// Whether a machine seems to have filled it in.
    pub held: bool,
}

/// Reads what was handed in. `strict`: any fault refuses it.
///
/// # Errors
/// The faults, where nobody could act on the inquiry, or any where it is strict.
pub fn check(
    form: &Form,
    given: &BTreeMap<String, String>,
    reading: Reading<'_>,
    strict: bool,
) -> Result<Checked, Vec<FieldFault>> {
    let held = trap_sprung(given);
    let faults = match validate(form, given, reading) {
        Ok(answers) => return Ok(Checked { answers, faults: Vec::new(), held }),
        Err(faults) => faults,
    };
    if strict || !can_be_acted_on(given) {
        return Err(faults);
    }
    Ok(Checked { answers: read_the_rest(form, given, reading, &faults), faults, held })
}

/// Whether somebody could find out what is wanted and of whom: a way to reach them, even a damaged one, a name or words.
fn can_be_acted_on(given: &BTreeMap<String, String>) -> bool {
    let answer = |key: &str| given.get(key).map(|answer| answer.trim()).unwrap_or_default();
    let digits = answer("phone").chars().filter(char::is_ascii_digit).count();
    let told = ["name", "patient_name", "message"].iter().any(|key| answer(key).chars().any(char::is_alphabetic));
    told || digits >= FEWEST_DIGITS || answer("email").contains('@')
}

/// Reads what is known of somebody whom nobody has asked yet: a call that nobody answered. What is missing is asked when they
/// are called back, and is no fault. Nothing else can be one, since no person typed it; what could not be read all the same
/// stays among the sealed answers.
pub fn before_asking(form: &Form, given: &BTreeMap<String, String>, reading: Reading<'_>) -> Checked {
    let mut relaxed = form.clone();
    relaxed.questions.iter_mut().for_each(|question| question.needs = Needs::Nothing);
    let faults = validate(&relaxed, given, reading).err().unwrap_or_default();
    Checked { answers: read_the_rest(form, given, reading, &faults), faults: Vec::new(), held: false }
}

/// Reads again without the answers at fault, by a form that asks for nothing. Only faulty inquiries pay for its copy.
fn read_the_rest(
    form: &Form,
    given: &BTreeMap<String, String>,
    reading: Reading<'_>,
    faults: &[FieldFault],
) -> Answers {
    let mut relaxed = form.clone();
    relaxed.questions.iter_mut().for_each(|question| question.needs = Needs::Nothing);
    let mut kept = given.clone();
    kept.retain(|key, _| !faults.iter().any(|fault| fault.field == *key));
    let no_consent = faults.iter().any(|fault| fault.code == FaultCode::ConsentMissing);
    if no_consent {
        // The reader wants a tick; what it reads from this one is taken back below.
        let tick = ConsentTick { key: "consent_phone".into(), label: Words::default() };
        relaxed.consent = ConsentPart { version: form.consent.version, lead: Words::default(), ticks: vec![tick] };
        kept.insert("consent_phone".into(), "yes".into());
    }
    // Nothing is left that could be at fault; if there were, the sealed answers would still hold everything.
    let mut answers = validate(&relaxed, &kept, reading)
        .unwrap_or_else(|_| Answers { language: reading.language.to_owned(), ..Answers::default() });
    if no_consent {
        answers.consents = Consents::default();
    }
    answers
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
