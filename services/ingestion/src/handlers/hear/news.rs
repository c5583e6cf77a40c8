//! News of a patient or a document (ADT, ORU, MDM), and which inquiry they are about.
//!
//! The office's number of the referral says so, but a number alone would put one patient's report to another's inquiry where an
//! office uses it twice, so the patient is compared as well; what does not fit waits for a person. Deliberately not here: the
//! documents themselves, which are unpacked after the commit: what then can't be used makes its message wait again.

use std::collections::BTreeMap;

use super::*;
use crate::adapters::hl7::message::Message;
use crate::adapters::hl7::referral::{number, read_in_part};
use crate::domain::identity::name::Name;
use crate::domain::person::{self, Person};
use crate::store;
use crate::writer::heard::ACCEPTED;

impl Hearing {
    /// News of a patient or a document. Where it tells the number of a referral that is known and is about the same patient,
    /// its documents go to that one, and where it holds nothing else nobody has to look at it.
    pub(super) async fn attachment(&self, heading: &Heading<'_>, raw: &[u8], judged: Judged) -> Result<Kept, Refusal> {
        let message = &heading.opened.message;
        let inquiry = self.inquiry_of(heading).await?;
        let fate = match inquiry {
            Some(_) if documents::alone(message) => Fate { state: ACCEPTED, inquiry_id: inquiry, ..waits("") },
            _ => Fate { inquiry_id: inquiry, ..waits(ATTACHMENT) },
        };
        self.keep(heading, raw, fate, judged).await
    }

    /// The inquiry that news are about: by the office's number of the referral, if the patient is the same.
    async fn inquiry_of(&self, heading: &Heading<'_>) -> Result<Option<Uuid>, Refusal> {
        let (center, message) = (&heading.profile.center.id, &heading.opened.message);
        let Some(told_number) = number(message) else { return Ok(None) };
        let key = self.acceptance.kept_key(center, &business_key(heading, &told_number))?;
        let Some((inquiry, _)) = keep::known(&self.database, center, Some(key), String::new()).await? else {
            return Ok(None);
        };
        let with = (&*self.acceptance, &self.database);
        let is_same = is_about(with, (heading.profile, heading.feed), message, inquiry).await?;
        if !is_same {
            warn!(feed = heading.feed.id, "news under the number of a referral are about another patient; they wait");
        }
        Ok(Some(inquiry).filter(|_| is_same))
    }
}

/// Whether a message is about the patient of an inquiry.
///
/// # Errors
/// The record can't be read.
pub async fn is_about(
    (acceptance, database): (&Acceptance, &Database),
    (profile, feed): (&Profile, &Feed),
    message: &Message<'_>,
    inquiry: Uuid,
) -> Result<bool, Refusal> {
    let today = profile.zone().to_datetime(acceptance.clock.now()).date();
    let Some(told) = read_in_part(message, (profile.zone(), today), feed.hl7.as_ref()) else { return Ok(false) };
    let center = &profile.center.id;
    let sealed = database
        .read(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(store::people(tx, &[inquiry]).await?) }));
    let Some((_, sealed)) = sealed.await?.pop() else { return Ok(false) };
    let opened = acceptance.sealer.open(center, &person::context(inquiry), &sealed).map_err(internal)?;
    Ok(person::read(opened.expose()).is_some_and(|known| is_of(&known, &told.answers)))
}

/// Whether news name the patient of an inquiry: the same family name, and no other birth date.
pub fn is_of(known: &Person, told: &BTreeMap<String, String>) -> bool {
    let family = |name: &str| Name::parse(name).rest.last().cloned();
    let named = told.get("patient_name").or_else(|| told.get("name")).map(String::as_str).unwrap_or_default();
    let birth = told.get("birth_date").and_then(|date| date.parse::<jiff::civil::Date>().ok());
    let fits = |known: jiff::civil::Date| birth.is_none_or(|told| told == known);
    family(named).is_some() && family(named) == family(known.patient()) && known.birth_date.is_none_or(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_about_the_patient_of_an_inquiry_only_if_family_name_and_birth_date_fit() {
        let known = |birth: &str| {
            let text = format!(r#"{{"asked_by":"patient","name":"Marisol Testpatient","birth_date":{birth}}}"#);
            person::read(text.as_bytes()).expect("a person")
        };
        let told = |name: &str, birth: &str| {
            BTreeMap::from([("name".to_owned(), name.to_owned()), ("birth_date".to_owned(), birth.to_owned())])
        };
        let known_birth = known("\"1968-07-19\"");
        assert!(is_of(&known_birth, &told("Marisol TESTPATIENT", "1968-07-19")));
        assert!(is_of(&known_birth, &told("M Testpatient", "")), "not told");
        assert!(is_of(&known("null"), &told("M Testpatient", "1968-07-19")), "not known");
        assert!(!is_of(&known_birth, &told("Marisol Testpatient", "1968-07-20")));
        assert!(!is_of(&known_birth, &told("Marisol Testother", "1968-07-19")));
        assert!(!is_of(&known_birth, &told("", "1968-07-19")));
    }
}
