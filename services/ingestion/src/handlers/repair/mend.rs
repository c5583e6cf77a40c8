//! Mends the answers of an inquiry, at any time and by a named person: those at fault, those that a caller told later, those that
//! its office changed since.
//!
//! The mended answers are read by the form like those of everybody, so that nobody is stored who could not have come by a
//! door; as typed and as read they are sealed anew. What they agreed to is theirs alone and is never mended. The desk and notification
//! hear what it is now; routing does not decide again: whoever mends what it went by hears that the team has to be looked at.
//! Deliberately not here: messages (retry, take) and what of them is taken over (apply).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use causeway_auth::audit::{self, AuditError};
use causeway_envelope::TraceContext;
use causeway_funnel::contact::{FaultCode, FieldFault};
use causeway_funnel::distance::DistanceBand;
use causeway_funnel::form::{Answers, HONEYPOT, Origin};
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Draft, Tx};
use causeway_proto::convert;
use causeway_proto::events::fact;
use causeway_proto::inquiry::v1 as wire;
use prost::Message as _;
use tracing::error;
use uuid::Uuid;

use super::door::{CONSULT_TYPE, LANGUAGE, URGENCY, language};
use super::open::person;
use super::take::Outcome;
use super::{Doer, STAFF, apply};
use crate::domain::{npi, person, travel};
use crate::error::Refusal;
use crate::handlers::grpc::Calls;
use crate::handlers::hooks::tell;
use crate::store::people;
use crate::store::repairs::{self, Defective, Step};

/// The inquiry's answers are mended, all that were given now.
const MENDED: &str = "mended";
/// What can be mended of every inquiry; besides, what its form asks and what was told with it.
const FIELDS: [&str; 12] = [
    "name",
    "patient_name",
    "phone",
    "email",
    "birth_date",
    "message",
    "address",
    "insurance",
    NPI,
    LANGUAGE,
    URGENCY,
    CONSULT_TYPE,
];
/// What others hear of a mended answer that none of our forms asks.
const OTHER: &str = "other";
/// What tells where somebody lives.
const WHEREABOUTS: [&str; 3] = ["address", "zip", "postal_code"];
/// Number of the referring provider.
const NPI: &str = "referring_npi";

/// Whether an answer is one that staff may write: not what the person agreed to, nor by what the office knows the referral.
pub fn is_for_staff(key: &str) -> bool {
    !key.starts_with("consent_") && ![HONEYPOT, "referral_number", "referral_reason_in_full"].contains(&key)
}

/// Lays mended answers over those that were understood; an empty one takes an answer away.
pub fn lay_over(answers: &mut BTreeMap<String, String>, mended: Vec<(String, String)>) {
    for (key, answer) in mended {
        let answer = answer.trim();
        if answer.is_empty() {
            answers.remove(&key);
        } else {
            answers.insert(key, answer.to_owned());
        }
    }
}

/// What is wrong with answers that no form reads: the language and the number of a provider.
pub fn odd(told: &[(String, String)]) -> Vec<FieldFault> {
    let fault = |key: &str, message: &str| FieldFault {
        field: key.to_owned(),
        code: FaultCode::NotAChoice,
        message: message.to_owned(),
    };
    let one = |(key, answer): &(String, String)| match (key.as_str(), answer.trim()) {
        (_, "") => None,
        (LANGUAGE, tag) if language(tag).is_none() => {
            Some(fault(LANGUAGE, "Enter a language by its name or its code, like Spanish or es"))
        }
        (NPI, number) if !npi::is_sound(number) => {
            Some(fault(NPI, "Check the NPI. It has 10 digits, and the last one checks the others"))
        }
        _ => None,
    };
    told.iter().filter_map(one).collect()
}

/// In the words of staff: they were written for the person, in the person's language.
pub fn for_staff(faults: impl IntoIterator<Item = FieldFault>) -> Vec<FieldFault> {
    faults.into_iter().map(|one| FieldFault::new(&one.field, one.code, STAFF)).collect()
}

/// Answers of which another stands by now than who mends them has seen. Two who wrote the same do not contradict each other.
fn overtaken(
    standing: &BTreeMap<String, String>,
    fields: &[(String, String)],
    was: &HashMap<String, String>,
) -> Vec<FieldFault> {
    let lines = |text: &str| text.trim().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let fault = |(key, told): &(String, String)| {
        let stands = lines(standing.get(key).map_or("", String::as_str));
        let is_overtaken = lines(was.get(key)?) != stands && lines(told) != stands;
        is_overtaken.then(|| FieldFault::new(key, FaultCode::ChangedMeanwhile, STAFF))
    };
    fields.iter().filter_map(fault).collect()
}

/// Mends an inquiry. `was`: what stood there when who mends it looked.
pub async fn inquiry(
    calls: &Calls,
    doer: &Doer,
    (center, id): (&str, Uuid),
    (fields, was): (Vec<(String, String)>, HashMap<String, String>),
) -> Result<wire::RepairOutcome, Refusal> {
    let in_force = calls.acceptance.profile(center)?;
    let (calls, doer) = (calls.clone(), doer.clone());
    let database = calls.database.clone();
    let (outcome, routed_by) = database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let stored = repairs::inquiry(tx, id).await?.ok_or(Refusal::UnknownInquiry)?;
                let reference = stored.reference.clone();
                if !was.is_empty() {
                    let known = person(&calls, tx.center(), (id, &stored.sealed))?;
                    let overtaken = overtaken(&apply::standing(&known, &facts(id, &stored.facts)?), &fields, &was);
                    if !overtaken.is_empty() {
                        return Err(Refusal::Faults(overtaken));
                    }
                }
                let routed_by = within(tx, &calls, &in_force.1, (id, &stored), fields).await?;
                tell::moved(tx, &[id]).await?;
                let noted = Step {
                    object_kind: "inquiry",
                    object_id: id,
                    step: "mend",
                    outcome: MENDED,
                    actor: &doer.actor.id,
                };
                repairs::note(tx, &[noted]).await?;
                let entry = doer.entry(("inquiry", id), "mend_inquiry");
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((Outcome::of(MENDED, Some(id), Some(reference)), routed_by))
            })
        })
        .await?;
    Ok(wire::RepairOutcome { routed_by, ..outcome.told(id) })
}

/// Mends an inquiry that this transaction holds; gives the keys of what changed and routing went by.
pub async fn within(
    tx: &mut Tx,
    calls: &Calls,
    profile: &Profile,
    (id, stored): (Uuid, &Defective),
    fields: Vec<(String, String)>,
) -> Result<Vec<String>, Refusal> {
    let center = tx.center().to_owned();
    let facts = facts(id, &stored.facts)?;
    let known = person(calls, &center, (id, &stored.sealed))?;
    let form = profile.form(&facts.form_id).ok_or(Refusal::UnknownForm)?;
    let may = |key: &str| {
        FIELDS.contains(&key) || known.given.contains_key(key) || form.fields().any(|(_, field)| field.key == key)
    };
    if fields.is_empty() || fields.iter().any(|(key, _)| !is_for_staff(key) || !may(key)) {
        return Err(Refusal::BadRequest(
            "mend answers that were given, that the form asks, or address, insurance, referring_npi or language; not what \
             the person agreed to, nor the number of the referral",
        ));
    }
    let open = repairs::defects(tx, id).await?;
    let told: Vec<String> = fields.iter().map(|(key, _)| key.clone()).collect();
    let mut faults = odd(&fields);
    let mut given = known.given.clone();
    lay_over(&mut given, fields);
    // Told in words, it is kept as the tag by which a form knows it.
    if let Some(tag) = given.get(LANGUAGE).and_then(|told| language(told)) {
        given.insert(LANGUAGE.to_owned(), tag);
    }
    let checked =
        calls.acceptance.read_answers(profile, (&facts.form_id, &facts.language), &given).map_err(|refusal| {
            if let Refusal::Faults(all) = refusal { Refusal::Faults(for_staff(all)) } else { refusal }
        })?;
    let wrong = |fault: &FieldFault| told.contains(&fault.field) && faults.iter().all(|odd| odd.field != fault.field);
    let read: Vec<FieldFault> = checked.faults.iter().filter(|fault| wrong(fault)).cloned().collect();
    faults.extend(for_staff(read));
    let is_mended = |field: &String| !checked.faults.iter().any(|fault| fault.field == *field);
    let mended: Vec<String> = open.iter().map(|(field, _)| field.clone()).filter(|field| is_mended(field)).collect();
    let needs_repair = open.iter().any(|(field, _)| !is_mended(field));
    let bytes = person::write(&checked.answers, &given, &known.came);
    let mut renewed = wire::Facts { needs_repair, ..facts.clone() };
    faults.extend(renew(&mut renewed, checked.answers, (&told, &given)));
    if !faults.is_empty() {
        return Err(Refusal::Faults(faults));
    }
    if told.iter().any(|key| WHEREABOUTS.contains(&key.as_str())) {
        let (site, distance) = travel::whereabouts(profile, &given);
        let known = Some(distance).filter(|distance| *distance != DistanceBand::NotKnown);
        renewed.nearest_site = site.unwrap_or_default();
        renewed.distance_band = known.map_or("", DistanceBand::as_str).to_owned();
    }
    let sealed = calls.acceptance.sealer.seal(&center, &person::context(id), &bytes).map_err(|cause| {
        error!(%cause, inquiry.id = %id, "seal a mended person");
        Refusal::Internal
    })?;
    let (times, held) = repairs::rewrite(tx, id, (Some(&sealed), &renewed.encode_to_vec(), needs_repair)).await?;
    people::read_again(tx, id).await?;
    repairs::mended(tx, &[id], Some(&mended)).await?;
    let routed_by = routed(&facts, &renewed);
    // Of one that is held nobody has heard yet.
    if !held {
        // A key that stands in no form of ours may be of a sender's own making, and what it says is not for the bus.
        let is_ours = |key: &str| FIELDS.contains(&key) || form.fields().any(|(_, field)| field.key == key);
        let name = |key: String| if is_ours(&key) { key } else { OTHER.to_owned() };
        tell_amended(tx, id, renewed, told.into_iter().map(name).collect(), times.into());
    }
    Ok(routed_by)
}

/// Tells what an inquiry is now. Its version goes on from that of its receipt, which was the first.
fn tell_amended(tx: &mut Tx, id: Uuid, facts: wire::Facts, mut changed: Vec<String>, times: i64) {
    changed.sort_unstable();
    changed.dedup();
    let (center, at) = (tx.center().to_owned(), convert::micros(tx.now()));
    let fact = fact(&center, &wire::InquiryAmended { facts: Some(facts), changed, version: times + 1, at });
    tx.emit(Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: id,
        version: times + 1,
        payload: fact.payload,
        trace: TraceContext::current_or(&TraceContext::default()),
    });
}

/// Writes what is mended into the facts, as far as they tell it.
fn renew(
    facts: &mut wire::Facts,
    mut read: Answers,
    (told, given): (&[String], &BTreeMap<String, String>),
) -> Option<FieldFault> {
    let is_told = |key: &str| told.iter().any(|one| one == key);
    let answer = |key: &str| given.get(key).map(String::as_str);
    // A form that is for one consult type does not ask for it, and the inquiry may turn out to be for another.
    if let Some(word) = answer("consult_type").filter(|_| is_told("consult_type")) {
        match word.trim().parse() {
            Ok(known) => read.consult_type = known,
            Err(_) => return Some(FieldFault::new("consult_type", FaultCode::NotAChoice, STAFF)),
        }
    }
    if let Some(tag) = answer(LANGUAGE).filter(|_| is_told(LANGUAGE)).and_then(language) {
        read.language = tag;
    }
    if let Some(word) = answer(URGENCY).filter(|_| is_told(URGENCY)) {
        match word.trim().parse() {
            Ok(known) => facts.set_urgency(convert::urgency_to_wire(known)),
            Err(_) => return Some(FieldFault::new(URGENCY, FaultCode::NotAChoice, STAFF)),
        }
    }
    let new = convert::facts_to_wire(Uuid::nil(), &read.facts(Origin::default()));
    for key in told {
        match key.as_str() {
            "consult_type" if answer(key).is_some() => facts.consult_type = new.consult_type,
            "cancer_area" => facts.cancer_area = new.cancer_area,
            LANGUAGE if answer(key).is_some() => facts.language.clone_from(&new.language),
            "payer" => facts.payer.clone_from(&new.payer),
            "site_preference" => facts.site_preference.clone_from(&new.site_preference),
            "records_on_hand" => facts.records_on_hand.clone_from(&new.records_on_hand),
            "best_time" => facts.best_time.clone_from(&new.best_time),
            "contact_channel" => facts.preferred_channel = new.preferred_channel,
            "who" => facts.asked_by.clone_from(&new.asked_by),
            _ => {}
        }
    }
    None
}

/// Which of the facts that a routing table reads differ.
fn routed(before: &wire::Facts, after: &wire::Facts) -> Vec<String> {
    let differs = [
        ("consult_type", before.consult_type != after.consult_type),
        ("cancer_area", before.cancer_area != after.cancer_area),
        (LANGUAGE, before.language != after.language),
        (URGENCY, before.urgency != after.urgency),
        ("payer", before.payer != after.payer),
        ("site_preference", before.site_preference != after.site_preference),
        ("records_on_hand", before.records_on_hand != after.records_on_hand),
        ("nearest_site", before.nearest_site != after.nearest_site),
        ("distance_km", before.distance_band != after.distance_band),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned()).collect()
}

/// Says of inquiries that nothing of them is to be mended any more, and gives those of which something was.
pub async fn give_up(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, Refusal> {
    // In their order, and each inquiry before its faults, as whoever mends one holds them.
    let sorted: BTreeSet<Uuid> = ids.iter().copied().collect();
    let mut held = Vec::new();
    for id in sorted {
        held.extend(repairs::inquiry(tx, id).await?.map(|stored| (id, stored)));
    }
    let done = repairs::mended(tx, ids, None).await?;
    for (id, stored) in held.iter().filter(|(id, _)| done.contains(id)) {
        let facts = wire::Facts { needs_repair: false, ..facts(*id, &stored.facts)? }.encode_to_vec();
        repairs::rewrite(tx, *id, (None, &facts, false)).await?;
    }
    Ok(done)
}

/// The facts as they are stored.
pub fn facts(id: Uuid, stored: &[u8]) -> Result<wire::Facts, Refusal> {
    wire::Facts::decode(stored).map_err(|cause| {
        error!(%cause, inquiry.id = %id, "read the stored facts of an inquiry");
        Refusal::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_name_or_code_and_a_provider_number_by_its_check_digit() {
        let told = |key: &str, answer: &str| vec![(key.to_owned(), answer.to_owned())];
        for (key, answer) in [(LANGUAGE, "Spanish"), (LANGUAGE, "es"), (LANGUAGE, ""), (NPI, "1234567893"), (NPI, "")] {
            assert!(odd(&told(key, answer)).is_empty(), "{key} {answer}");
        }
        for (key, answer) in [(LANGUAGE, "Rosa Vega"), (NPI, "1234567890"), (NPI, "12")] {
            assert_eq!(odd(&told(key, answer)).len(), 1, "{key} {answer}");
        }
    }

    #[test]
    fn an_answer_is_overtaken_where_it_changed_since_it_was_seen_and_not_to_what_is_told() {
        let stands =
            BTreeMap::from([("phone", "2"), ("message", "one\ntwo")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        for (key, was, told, is_overtaken) in [
            ("phone", Some("1"), "3", true),
            ("phone", Some("1"), "", true),
            ("phone", Some(" 2 "), "3", false),
            ("phone", Some("1"), "2", false),
            ("phone", None, "3", false),
            ("message", Some("one\r\ntwo"), "three", false),
            ("email", Some(""), "a@example.com", false),
            ("email", Some("b@example.com"), "a@example.com", true),
        ] {
            let was: HashMap<_, _> = was.map(|was| (key.to_owned(), was.to_owned())).into_iter().collect();
            let faults = overtaken(&stands, &[(key.to_owned(), told.to_owned())], &was);
            assert_eq!(!faults.is_empty(), is_overtaken, "{key} {was:?} {told}");
        }
    }

    #[test]
    fn of_mended_answers_only_those_are_written_into_the_facts_that_were_told_and_routing_went_by() {
        let given: BTreeMap<String, String> =
            [("consult_type", "second_opinion"), ("language", "Spanish"), ("payer", "medicare")]
                .map(|(key, answer)| (key.to_owned(), answer.to_owned()))
                .into();
        let told = ["consult_type", "language"].map(str::to_owned);
        let before = wire::Facts { language: "en".into(), payer: "private".into(), ..wire::Facts::default() };
        let mut after = before.clone();
        assert_eq!(renew(&mut after, Answers::default(), (&told, &given)), None);
        assert_eq!((after.language.as_str(), after.payer.as_str()), ("es", "private"));
        assert_eq!(after.consult_type(), wire::ConsultType::SecondOpinion);
        assert_eq!(routed(&before, &after), ["consult_type", "language"]);
        let odd = BTreeMap::from([("consult_type".to_owned(), "surgery".to_owned())]);
        assert!(renew(&mut after, Answers::default(), (&told, &odd)).is_some());
    }
}
