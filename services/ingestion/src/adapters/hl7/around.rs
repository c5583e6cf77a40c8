//! What staff want to see beside a form's answers: who refers and to whom, who else may be called, who pays, what is asked for.
//!
//! Deliberately not here: whom to contact and why (referral), and places of a partner's own (mapping).

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::answer::referring;
use super::findings;
use super::message::Message;
use super::person::{self, Reaches};
use super::segment::{Repetition, Segment};
use super::time::When;
use crate::domain::referral::{self, joined, put};

/// Answers by question key.
type Told = BTreeMap<String, String>;

fn say(answers: &mut Told, key: &str, answer: String) {
    put(answers, key, Cow::Owned(answer));
}

/// Puts all of it beside the answers. `is_minor`: whoever speaks for a child is whom to contact and told there.
pub fn put_beside(
    message: &Message<'_>,
    patient: &Segment<'_>,
    (zone, is_minor): (&TimeZone, bool),
    answers: &mut Told,
) {
    put(answers, "sex", patient.value(8, 1));
    say(answers, "address", address(patient));
    if is_dead(patient, zone) {
        say(answers, "patient_deceased", "yes".to_owned());
    }
    dates(message, zone, answers);
    providers(message, answers);
    plans(message, answers);
    around_the_patient(message, is_minor, answers);
    service(message, answers);
    say(answers, "observations", findings::observations(message));
    say(answers, "allergies", findings::allergies(message));
}

/// Whether the office says that the patient has died: by a yes (PID-30), or by a time (PID-29), which old systems fill with zeros. A
/// no beside a time is what systems send that were never told otherwise: somebody asks before the family is called.
fn is_dead(patient: &Segment<'_>, zone: &TimeZone) -> bool {
    patient.value(30, 1).trim().eq_ignore_ascii_case("Y") || When::parse(&patient.value(29, 1), zone).is_some()
}

/// The first address that is not known to be a bad one (PID-11.7, table 0190).
fn address(patient: &Segment<'_>) -> String {
    let field = patient.field(11);
    let is_good = |kind: Cow<'_, str>| !kind.trim_ascii().eq_ignore_ascii_case("BA");
    let good = field.repetitions().find(|one| is_good(one.component(7).text()));
    let parts = good.unwrap_or_else(|| field.first());
    joined(&[1, 2, 3, 4, 5].map(|component| parts.component(component).subcomponent(1)), ", ")
}

/// From when on the referral holds, and until when (RF1-7, RF1-8).
fn dates(message: &Message<'_>, zone: &TimeZone, answers: &mut Told) {
    for (key, field) in [("referral_date", 7), ("referral_expires", 8)] {
        let told = message.value("RF1", field, 1);
        let day = When::parse(&told, zone).and_then(|when| when.date()).map(|day| day.to_string());
        say(answers, key, day.unwrap_or_else(|| told.into_owned()));
    }
}

/// Who refers, to whom, and whom the office has us call back.
fn providers(message: &Message<'_>, answers: &mut Told) {
    if let Some(provider) = referring(message) {
        provider_of(&provider, "referring", answers);
        let practice = [9, 4].map(|component| provider.field(4).first().component(component).subcomponent(1));
        let practice = practice.into_iter().find(|name| !name.trim_ascii().is_empty()).unwrap_or_default();
        put(answers, "referring_practice", practice);
        let reaches = Reaches::of(&provider, &[5]);
        say(answers, "referring_phone", reaches.phone());
        say(answers, "referring_fax", reaches.fax);
    }
    let of_role = |role: &'static str| {
        let mut all = message.segments("PRD");
        all.find(move |provider| provider.value(1, 1).eq_ignore_ascii_case(role))
    };
    if let Some(provider) = of_role("RT") {
        provider_of(&provider, "requested", answers);
    }
    if let Some(provider) = of_role("PP") {
        say(answers, "primary_care_doctor", person::name(&provider, 2));
    }
    if let Some(clerk) = message.segment("CTD") {
        let clerk = person::contact(&clerk, 2, &[5]);
        say(answers, "office_contact", clerk.name);
        say(answers, "office_contact_phone", clerk.phone);
    }
}

fn provider_of(provider: &Segment<'_>, key: &str, answers: &mut Told) {
    say(answers, &format!("{key}_doctor"), person::name(provider, 2));
    // The number of this kind, else the first of any.
    let numbers = || provider.field(7).repetitions();
    let is_npi = |kind: Cow<'_, str>| kind.trim_ascii().eq_ignore_ascii_case("NPI");
    let number = numbers().find(|one| is_npi(one.component(2).text())).or_else(|| {
        // One of another kind is none; before there were kinds it stood alone, as do numbers of an office's own, which are shorter.
        let is_ten = |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = |one: &Repetition<'_>| {
            one.component(2).text().trim_ascii().is_empty() && is_ten(one.component(1).text().trim_ascii())
        };
        numbers().find(is_one)
    });
    let number = number.map(|one| one.component(1).text().trim_ascii().to_owned()).unwrap_or_default();
    say(answers, &format!("{key}_npi"), number);
}

/// The plan that pays first (IN1-22), and the names of the others.
fn plans(message: &Message<'_>, answers: &mut Told) {
    let mut plans: Vec<Segment<'_>> = message.segments("IN1").collect();
    plans.sort_by_key(|plan| plan.value(22, 1).parse().unwrap_or(u32::MAX));
    let name = |plan: &Segment<'_>| joined(&[plan.value(4, 1), plan.value(2, 2)], ", ");
    let mut authorization = message.value("AUT", 6, 1);
    if let Some(plan) = plans.first() {
        let member = [49, 36].map(|field| plan.value(field, 1)).into_iter().find(|number| !number.is_empty());
        let told = joined(&[plan.value(4, 1), plan.value(2, 2), member.unwrap_or_default()], ", ");
        let words = [plan.value(2, 1), plan.value(2, 2), plan.value(4, 1), plan.value(15, 1)];
        put(answers, "payer", Cow::Borrowed(referral::payer(&joined(&words, " ")).as_str()));
        say(answers, "insurance", told);
        put(answers, "group_number", plan.value(8, 1));
        say(answers, "insured_name", person::name(plan, 16));
        say(answers, "insured_relationship", word(plan, 17));
        if authorization.is_empty() {
            authorization = plan.value(14, 1);
        }
    }
    let others: Vec<String> = plans.iter().skip(1).map(name).filter(|name| !name.is_empty()).collect();
    say(answers, "other_insurance", others.join("; "));
    put(answers, "authorization", authorization);
}

/// The words of a coded field, else its code.
fn word(segment: &Segment<'_>, field: usize) -> String {
    let told = [2, 1].map(|component| segment.value(field, component));
    told.into_iter().find(|text| !text.is_empty()).unwrap_or_default().into_owned()
}

/// Who pays for the patient, and who may be called beside them.
fn around_the_patient(message: &Message<'_>, is_minor: bool, answers: &mut Told) {
    if let Some(guarantor) = message.segments("GT1").find(|segment| !person::name(segment, 3).is_empty()) {
        let contact = person::contact(&guarantor, 3, &[6, 7]);
        say(answers, "guarantor_name", contact.name);
        say(answers, "guarantor_phone", contact.phone);
        say(answers, "guarantor_relationship", word(&guarantor, 11));
    }
    if let Some(kin) = message.segments("NK1").find(|segment| !person::name(segment, 2).is_empty()) {
        let contact = person::contact(&kin, 2, &[5, 6]);
        if !is_minor {
            say(answers, "contact_name", contact.name);
            say(answers, "contact_phone", contact.phone);
        }
        say(answers, "contact_relationship", word(&kin, 3));
    }
}

/// What is asked for: the procedure in words (PR1-3, PR1-4), else the order (OBR-4). Its code alone is kept where no words came.
fn service(message: &Message<'_>, answers: &mut Told) {
    let procedure = message.segment("PR1").map(|procedure| {
        let told = [procedure.value(3, 2), procedure.value(4, 1), procedure.value(3, 1)];
        told.into_iter().find(|text| !text.is_empty()).unwrap_or_default().into_owned()
    });
    let order = || message.segment("OBR").map(|order| word(&order, 4)).unwrap_or_default();
    say(answers, "requested_service", procedure.filter(|told| !told.is_empty()).unwrap_or_else(order));
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "MSH|^~\\&|HUB|RFM|CW|NCC|2026||REF^I12|1|P|2.5.1\r";

    fn told(segments: &str) -> Told {
        let text = format!("{HEAD}{segments}");
        let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        let patient = message.segment("PID").unwrap_or_else(|| panic!("no patient"));
        let mut answers = Told::new();
        put_beside(&message, &patient, (&TimeZone::UTC, false), &mut answers);
        answers
    }

    fn assert_told(segments: &str, expected: &[(&str, &str)]) {
        let told = told(segments);
        for (key, answer) in expected {
            assert_eq!(told.get(*key).map_or("", String::as_str), *answer, "{key}");
        }
    }

    #[test]
    fn the_number_of_a_provider_is_the_one_of_its_kind() {
        let refers = |numbers: &str| format!("PRD|RP|Okafor^Adaeze|||||{numbers}\rPID|1||7\r");
        assert_told(&refers("A12^UPIN~1234567893^NPI"), &[("referring_npi", "1234567893")]);
        assert_told(&refers("1234567893"), &[("referring_npi", "1234567893")]);
        assert_told(&refers("A12^UPIN"), &[("referring_npi", "")]);
        assert_told(&refers("4711"), &[("referring_npi", "")]);
        assert_told(&refers("4711~1234567893"), &[("referring_npi", "1234567893")]);
    }

    #[test]
    fn who_refers_is_told_with_practice_fax_and_clerk_and_so_is_who_is_asked_for() {
        assert_told(
            "PRD|PP|Primary^Ann\rPRD|RT|Lindqvist^Helen|||||1987000019^NPI\r\
             PRD|RP|Okafor^Adaeze||^^^RFM&1.2^^^^^Riverbend Family Medicine|^WPN^PH^^1^513^5550142~^WPN^FX^^1^513^5550143\r\
             CTD|RF|Desk^Dana|||^WPN^PH^^1^513^5550144\rPID|1||7\r",
            &[
                ("referring_doctor", "Adaeze Okafor"),
                ("referring_practice", "Riverbend Family Medicine"),
                ("referring_phone", "+1 513 5550142"),
                ("referring_fax", "+1 513 5550143"),
                ("requested_doctor", "Helen Lindqvist"),
                ("requested_npi", "1987000019"),
                ("primary_care_doctor", "Ann Primary"),
                ("office_contact", "Dana Desk"),
                ("office_contact_phone", "+1 513 5550144"),
            ],
        );
    }

    #[test]
    fn the_plan_that_pays_first_comes_first_wherever_it_stands() {
        assert_told(
            "PID|1||7\rIN1|1|MCD^State Medicaid|||||||||||||||||||||2\r\
             IN1|2|PPO^Blue Advantage|621|Example Blue||||G-7||||||A-9||Testpatient^Luis|SPO^Spouse|||||1||||||||||||||P-1|||||||||||||M-5\r",
            &[
                ("payer", "private"),
                ("insurance", "Example Blue, Blue Advantage, M-5"),
                ("group_number", "G-7"),
                ("authorization", "A-9"),
                ("insured_name", "Luis Testpatient"),
                ("insured_relationship", "Spouse"),
                ("other_insurance", "State Medicaid"),
            ],
        );
        assert_told("AUT|1|P||||AUT-3\rPID|1||7\rIN1|1||||||||||||||A-9\r", &[("authorization", "AUT-3")]);
    }

    #[test]
    fn kin_guarantor_service_dates_and_the_address_that_is_good_are_told() {
        assert_told(
            "RF1|P|R|||||20260412|20261012\rPID|1||7||||||||1 Old St^^X^OH^1^^BA~12 Elm St^Apt 4^Riverbend^OH^45011^^H\r\
             NK1|1|\rNK1|2|Testpatient^Luis|SPO^Spouse||5550177\rGT1|1||Testpatient^Rosa|||5550178|||||MTH^Mother\r\
             PR1|1|C4|19301^Mastectomy, partial^C4\rOBR|1|||24606-6^Mammogram\r",
            &[
                ("referral_date", "2026-04-12"),
                ("referral_expires", "2026-10-12"),
                ("address", "12 Elm St, Apt 4, Riverbend, OH, 45011"),
                ("contact_name", "Luis Testpatient"),
                ("contact_phone", "5550177"),
                ("contact_relationship", "Spouse"),
                ("guarantor_name", "Rosa Testpatient"),
                ("guarantor_phone", "5550178"),
                ("guarantor_relationship", "Mother"),
                ("requested_service", "Mastectomy, partial"),
                ("patient_deceased", ""),
            ],
        );
        assert_told("PID|1||7\rOBR|1|||24606-6^Mammogram\r", &[("requested_service", "Mammogram")]);
        let died = format!("PID|1||7{}Y\r", "|".repeat(27));
        assert_told(&died, &[("patient_deceased", "yes")]);
    }
}
