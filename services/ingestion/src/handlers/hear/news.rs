//! News of a patient or a document (ADT, ORU, MDM), and which inquiry they are about.
//!
//! The office's number of the referral says so, but a number alone would put one patient's report to another's inquiry where an
//! office uses it twice, so the patient is compared as well. Where no referral is known by a number of the message, the office's
//! number of the patient says so, as far as name and birth date fit it and one inquiry alone is meant; what does not fit waits
//! for a person. Deliberately not here: the documents themselves, which are unpacked after the commit: what then can't be used
//! makes its message wait again.

use std::collections::BTreeMap;

use causeway_auth::Sealer;
use causeway_funnel::inquiry::{Attribution, Source};
use causeway_mailbox::Tx;
use causeway_proto::convert::source_from_wire;
use causeway_proto::inquiry::v1::Facts;
use jiff::civil::Date;
use prost::Message as _;

use super::*;
use crate::adapters::hl7::message::Message;
use crate::adapters::hl7::referral::{number, read_in_part};
use crate::domain::identity::clues::{Clue, Identity, NUMBER_CLUE};
use crate::domain::identity::name::Name;
use crate::domain::identity::score::{Reason, compare};
use crate::domain::person::{self, Person};
use crate::handlers::recognise::token;
use crate::store::people::{self, Candidate};
use crate::store::{self, journeys};
use crate::writer::heard::ACCEPTED;

impl Hearing {
    /// News of a patient or a document. Where one inquiry is surely meant, its documents go to that one, and where it holds nothing
    /// else nobody has to look at it. Whatever else it says of the patient is taken over by a person, or not at all.
    pub(super) async fn attachment(&self, heading: &Heading<'_>, raw: &[u8], judged: Judged) -> Result<Kept, Refusal> {
        let message = &heading.opened.message;
        let inquiry = self.inquiry_of(heading).await?;
        let fate = match inquiry {
            Some(_) if documents::alone(message) => Fate { state: ACCEPTED, inquiry_id: inquiry, ..waits("") },
            _ => Fate { inquiry_id: inquiry, ..waits(ATTACHMENT) },
        };
        self.keep(heading, raw, fate, judged).await
    }

    /// The inquiry that news are about: by the office's number of the referral, if the patient is the same, else by the office's
    /// number of the patient.
    async fn inquiry_of(&self, heading: &Heading<'_>) -> Result<Option<Uuid>, Refusal> {
        let (center, message) = (&heading.profile.center.id, &heading.opened.message);
        let known = match number(message) {
            Some(told) => {
                let key = self.acceptance.kept_key(center, &business_key(heading, &told))?;
                keep::known(&self.database, center, vec![key], None).await?
            }
            None => None,
        };
        let Some((inquiry, _)) = known else {
            // A report has its own number of an order; RF1 names a referral, and another one is not meant.
            let names_another = !message.value("RF1", 6, 1).is_empty();
            return if names_another { Ok(None) } else { self.by_record_number(heading).await };
        };
        let with = (&*self.acceptance, &self.database);
        let is_same = named_by(with, (heading.profile, heading.feed), message, inquiry).await? == Named::Them;
        if !is_same {
            warn!(feed = heading.feed.id, "news under the number of a referral are about another patient; they wait");
        }
        Ok(Some(inquiry).filter(|_| is_same))
    }

    /// The inquiry of the patient whom the office knows by the number in the message, if name and birth date are the same and it is the
    /// only one that goes on.
    async fn by_record_number(&self, heading: &Heading<'_>) -> Result<Option<Uuid>, Refusal> {
        let (profile, feed) = (heading.profile, heading.feed);
        let zone = feed.zone(profile.zone());
        let today = zone.to_datetime(self.acceptance.clock.now()).date();
        let told = read_in_part(&heading.opened.message, (&zone, today), feed.hl7.as_ref());
        let Some(of) = told.and_then(|told| identity(&self.acceptance, (profile, feed), &told.answers)) else {
            return Ok(None);
        };
        let sealer = self.acceptance.sealer.clone();
        let found =
            self.database.read(&profile.center.id, move |tx| Box::pin(async move { only_one(tx, &sealer, &of).await }));
        found.await
    }
}

/// What the person index would find somebody by of whom an office's message tells; nothing where the center has no form.
#[must_use]
pub fn identity(
    acceptance: &Acceptance,
    (profile, feed): (&Profile, &Feed),
    told: &BTreeMap<String, String>,
) -> Option<Identity> {
    let form = profile.forms.values().next()?;
    let read = acceptance.read_in_part(profile, form, told);
    let person = person::read(&person::write(&read, told, &Attribution::default()))?;
    Some(Identity::of(&person, &feed.office))
}

/// The inquiry of an office's patient that goes on; nothing where more than one is, or may be.
async fn only_one(tx: &mut Tx, sealer: &Sealer, of: &Identity) -> Result<Option<Uuid>, Refusal> {
    let (center, Some(number)) = (tx.center().to_owned(), of.number.clone()) else { return Ok(None) };
    let token = token(sealer, &center, &Clue { kind: NUMBER_CLUE, value: number }).map_err(internal)?;
    let sharing = people::found_by(tx, &[token], people::CROWD).await?;
    // Beyond those that are looked at may be another one: such a number is no patient's.
    if i64::try_from(sharing.len()) == Ok(people::CROWD) {
        return Ok(None);
    }
    let mut fitting = Vec::new();
    for Candidate { inquiry_id, sealed, facts, .. } in sharing {
        let opened = sealer.open(&center, &person::context(inquiry_id), &sealed).map_err(internal)?;
        let facts = Facts::decode(facts.as_slice()).unwrap_or_default();
        let known = person::read(opened.expose()).map(|known| Identity::of(&known, &facts.referring_office));
        if known.is_some_and(|known| is_surely(of, &known)) {
            fitting.push((inquiry_id, source_from_wire(facts.source())));
        }
    }
    let ids: Vec<Uuid> = fitting.iter().map(|(inquiry_id, _)| *inquiry_id).collect();
    let over = journeys::over(tx, &ids).await?;
    fitting.retain(|(inquiry_id, _)| !over.contains(inquiry_id));
    Ok(match fitting.as_slice() {
        // Of those of other doors nobody tells ingestion whether they go on.
        [(inquiry_id, Source::Hl7 | Source::Fhir)] => Some(*inquiry_id),
        _ => None,
    })
}

/// Whether two are one person beyond doubt: the office's number, both names and the birth date are the same.
fn is_surely(one: &Identity, other: &Identity) -> bool {
    let because = compare(one, other).because;
    let same = [Reason::SameNumber, Reason::SameBirth, Reason::SameFirst, Reason::SameFamily];
    same.iter().all(|reason| because.contains(reason)) && !because.contains(&Reason::OtherSuffix)
}

/// Whom a message names, beside the patient of an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// That patient.
    Them,
    /// Surely somebody else.
    Another,
    /// It may be either.
    Unsure,
}

/// Whom a message about an inquiry names.
///
/// # Errors
/// The record can't be read.
pub async fn named_by(
    (acceptance, database): (&Acceptance, &Database),
    (profile, feed): (&Profile, &Feed),
    message: &Message<'_>,
    inquiry: Uuid,
) -> Result<Named, Refusal> {
    let zone = feed.zone(profile.zone());
    let today = zone.to_datetime(acceptance.clock.now()).date();
    let Some(told) = read_in_part(message, (&zone, today), feed.hl7.as_ref()) else { return Ok(Named::Unsure) };
    let center = &profile.center.id;
    let sealed = database
        .read(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(store::people(tx, &[inquiry]).await?) }));
    let Some((_, sealed)) = sealed.await?.pop() else { return Ok(Named::Unsure) };
    let opened = acceptance.sealer.open(center, &person::context(inquiry), &sealed).map_err(internal)?;
    Ok(match person::read(opened.expose()) {
        Some(known) if is_of(&known, &told.answers) => Named::Them,
        Some(known) if is_of_another(&known, &told.answers) => Named::Another,
        _ => Named::Unsure,
    })
}

/// Whether news name the patient of an inquiry: the same family name, and no other birth date.
pub fn is_of(known: &Person, told: &BTreeMap<String, String>) -> bool {
    let (named, birth) = named(told);
    let fits = |known: Date| birth.is_none_or(|told| told == known);
    named.is_some() && named == family(known.patient()) && known.birth_date.is_none_or(fits)
}

/// Whether somebody else is named: another family name and another birth date. A name alone changes by marriage, and a date by a slip.
fn is_of_another(known: &Person, told: &BTreeMap<String, String>) -> bool {
    let (named, birth) = named(told);
    let differs = |one: Option<String>, other: Option<String>| one.is_some() && other.is_some() && one != other;
    differs(named, family(known.patient())) && birth.is_some_and(|told| known.birth_date.is_some_and(|at| at != told))
}

/// Family name and birth date of who is named.
fn named(told: &BTreeMap<String, String>) -> (Option<String>, Option<Date>) {
    let name = told.get("patient_name").or_else(|| told.get("name")).map(String::as_str).unwrap_or_default();
    (family(name), told.get("birth_date").and_then(|date| date.parse().ok()))
}

fn family(name: &str) -> Option<String> {
    Name::parse(name).rest.last().cloned()
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
        for (name, birth, is_another) in [
            ("John Bear", "1950-01-01", true),
            ("Marisol Newname", "1968-07-19", false),
            ("Marisol Testpatient", "1968-07-20", false),
            ("John Bear", "", false),
            ("", "1950-01-01", false),
        ] {
            assert_eq!(is_of_another(&known_birth, &told(name, birth)), is_another, "{name} {birth}");
            assert!(!is_of_another(&known("null"), &told(name, birth)), "not known");
        }
    }
}
