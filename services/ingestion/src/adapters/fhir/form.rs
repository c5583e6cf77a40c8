//! A form of the center that was answered on a partner's own site (FHIR R4 QuestionnaireResponse).
//!
//! `questionnaire` ends in the form's id, and `linkId` is the name of a field; groups only arrange. So the same checks hold as
//! for the form itself. Deliberately not here: those checks (domain), and whether the center has the form (handlers).

use super::concept::Identifier;
use super::document;
use super::element::Element;
use super::fault::{Class, Issue};
use super::number::{Number, Numbers};
use super::places::Places;
use crate::domain::referral::Told;

/// What was answered. PHI: no `Debug`.
pub struct Form {
    /// The form's id.
    pub form_id: String,
    /// The version of the form that was answered, where it is told.
    pub version: Option<String>,
    /// Whether all of it was answered; otherwise it is kept and leads to nothing yet.
    pub is_complete: bool,
    /// Answers by question key, as somebody would type them.
    pub answers: Told,
    /// The same in words with their question's, for people.
    pub in_words: Told,
    /// The person's language, as far as it is told.
    pub language: String,
    /// The office's numbers for it.
    pub numbers: Numbers,
    /// The number by which the sender asks us to look first.
    pub searched: Option<Number>,
    /// Where it stands.
    pub places: Places,
}

const STATUSES: [&str; 5] = ["in-progress", "completed", "amended", "entered-in-error", "stopped"];
/// Elements of an answer that hold a text, and of which type.
const TEXTS: [&str; 5] = ["valueString", "valueDate", "valueDateTime", "valueTime", "valueUri"];
const NUMBERS: [&str; 2] = ["valueDecimal", "valueInteger"];

const NO_STATUS: &str = "The answers do not tell whether they are complete: send their status";
const WITHDRAWN: &str = "Answers that were stopped or sent in error lead to nothing here";
const NO_FORM: &str = "The answers do not tell which form they are for: send questionnaire, ending in the form's id";
const NO_LINK: &str = "The item does not tell which question it answers: send its linkId";
const TWICE: &str = "The same question is answered more than once; the answers are taken together";
const OTHER_ANSWER: &str =
    "An answer of this type can not be read and is left out: send a text, a date, a number, yes or no, or a code";
const NOT_READ: &str =
    "Whom this names is not read here: who asks and who is meant is told by the answers of the form alone";

/// Reads answers; nothing where they are refused. `searched`: the number by which the sender asks us to look first; `hosts`: those of
/// addresses at the office itself.
#[must_use]
pub fn read(response: &Element<'_>, searched: Option<&Number>, hosts: &[&str]) -> Option<Form> {
    if !response.has("status") {
        response.missing("status", Class::Malformed, NO_STATUS);
    }
    let status = response.code("status", &STATUSES);
    if matches!(status, Some("entered-in-error" | "stopped")) {
        response.error("status", Issue::BusinessRule, Class::Rule, WITHDRAWN);
    }
    for name in ["subject", "source", "author"].into_iter().filter(|name| response.has(name)) {
        response.warn(name, Issue::NotSupported, NOT_READ);
    }
    document::answered(response, &document::Scope { resolver: None, hosts });
    let (mut answers, mut in_words) = (Told::new(), Told::new());
    items(response, (&mut answers, &mut in_words));
    let Some(canonical) = response.text("questionnaire") else {
        response.missing("questionnaire", Class::Rule, NO_FORM);
        return None;
    };
    let (url, version) = canonical.split_once('|').map_or((canonical, None), |(url, version)| (url, Some(version)));
    let form_id = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let own = response.child("identifier").and_then(|number| {
        let value = number.text("value")?;
        Some(Identifier { system: number.text("system").unwrap_or_default(), value })
    });
    Some(Form {
        form_id: form_id.to_owned(),
        version: version.map(str::to_owned),
        is_complete: status? != "in-progress",
        answers,
        in_words,
        language: response.text("language").unwrap_or_default().split('-').next().unwrap_or_default().to_owned(),
        numbers: Numbers::of(own.into_iter(), searched),
        searched: searched.cloned(),
        places: Places { request: response.path().to_string(), is_form: true, ..Places::default() },
    })
}

/// The items below, in groups and under answers too.
fn items(above: &Element<'_>, (answers, in_words): (&mut Told, &mut Told)) {
    for item in above.children("item") {
        items(&item, (answers, in_words));
        let given = item.children("answer");
        given.iter().for_each(|answer| items(answer, (answers, in_words)));
        let (told, words): (Vec<String>, Vec<String>) = given.iter().filter_map(answer).unzip();
        if given.is_empty() {
            continue;
        }
        let Some(link) = item.text("linkId") else {
            item.missing("linkId", Class::Malformed, NO_LINK);
            continue;
        };
        let (question, words) = (item.text("text").unwrap_or_default(), words.join(", "));
        let between = if question.is_empty() || question.ends_with(['?', ':']) { "" } else { ":" };
        let line = format!("{question}{between} {words}").trim().to_owned();
        in_words.entry(link.to_owned()).and_modify(|told| *told = format!("{told}\n{line}")).or_insert(line);
        let told = told.join(", ");
        if let Some(before) = answers.get_mut(link) {
            *before = format!("{before}, {told}");
            item.warn("linkId", Issue::Duplicate, TWICE);
        } else {
            answers.insert(link.to_owned(), told);
        }
    }
}

/// One answer as somebody would type it, and in words.
fn answer(answer: &Element<'_>) -> Option<(String, String)> {
    let plain = plain(answer)?;
    let coding = answer.child("valueCoding");
    let words = coding.and_then(|coding| coding.text("display")).map_or_else(|| plain.clone(), str::to_owned);
    Some((plain, words))
}

fn plain(answer: &Element<'_>) -> Option<String> {
    if answer.has("valueBoolean") {
        return Some(if answer.flag("valueBoolean")? { "yes" } else { "no" }.to_owned());
    }
    if let Some(name) = TEXTS.iter().find(|name| answer.has(name)) {
        return answer.text(name).map(str::to_owned);
    }
    if let Some(name) = NUMBERS.iter().find(|name| answer.has(name)) {
        return answer.number(name).map(str::to_owned);
    }
    if let Some(coding) = answer.child("valueCoding") {
        return coding.text("code").or_else(|| coding.text("display")).map(str::to_owned);
    }
    if let Some(quantity) = answer.child("valueQuantity") {
        let parts = [quantity.number("value"), quantity.text("unit")];
        return Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    // Its bytes are unpacked with the documents of the request.
    let attachment = answer.child("valueAttachment");
    let reference = answer.child("valueReference");
    let named = attachment.map(|one| ["title", "contentType", "url"].map(|name| one.text(name)));
    let named = named.or_else(|| reference.map(|one| ["display", "reference", "type"].map(|name| one.text(name))));
    if let Some(named) = named {
        return named.into_iter().flatten().next().map(str::to_owned);
    }
    if !answer.has("item") {
        answer.warn("", Issue::NotSupported, OTHER_ANSWER);
    }
    None
}
