//! The answer to a referral (RRI): what it stands at, under both numbers, so that the office can match it.
//!
//! The standard wants provider and patient in it. Of the patient it holds the office's own record number and, in place of
//! the name, the code by which HL7 says that a name is withheld: the office knows whom it referred, and an answer that is
//! misrouted tells nobody. What is required and was not sent (a provider, a record number) is told as what we know of it: the center
//! itself, and the number of the referral. Deliberately not here: when a referral has come so far (those who work it).

use super::escape::{carried, escape};
use super::fault::{Fault, Location};
use super::header::Header;
use super::message::Message;
use super::reply::{Outcome, Signature, is_second_wanted, msa, msh, segment};
use super::segment::Segment;

/// What a referral stands at: table 0283.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Received; nobody has decided yet.
    Pending,
    /// Accepted.
    Accepted,
    /// Declined. The message was fine all the same.
    Rejected,
    /// Its time has passed.
    Expired,
}

impl Standing {
    const fn coded(self) -> &'static str {
        match self {
            Self::Pending => "P^Pending^HL70283",
            Self::Accepted => "A^Accepted^HL70283",
            Self::Rejected => "R^Rejected^HL70283",
            Self::Expired => "E^Expired^HL70283",
        }
    }
}

/// What an office hears about a referral.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// What it stands at.
    pub standing: Standing,
    /// Our number of it; empty: it has none yet.
    pub reference: &'a str,
    /// A remark for people, without anything of the patient; empty: none.
    pub remark: &'a str,
    /// What its sender should know about a message that was taken.
    pub warnings: &'a [Fault],
    /// The documents that are asked of the office, each in words.
    pub wanted: &'a [String],
}

/// The answer to a referral message, or to the question after one (I15); none where its sender waits for none.
#[must_use]
pub fn referral(
    message: &Message<'_>,
    header: &Header<'_>,
    answer: Answer<'_>,
    signature: Signature<'_>,
) -> Option<String> {
    if header.is_enhanced() && !is_second_wanted(header, Outcome::Accepted) {
        return None;
    }
    let mut kind = String::from("RRI^");
    escape(&header.event(), &mut kind);
    kind.push_str("^RRI_I12");
    let mut reply = String::with_capacity(512);
    msh(header, &kind, true, signature, &mut reply);
    msa(header, "AA", None, &mut reply);
    let mut ours = String::new();
    escape(answer.reference, &mut ours);
    let own = if ours.is_empty() { String::new() } else { format!("{ours}^CAUSEWAY") };
    let theirs = their_number(message);
    // The segment has to hold a number, and may be left out.
    let number = if theirs.is_empty() { &own } else { &theirs };
    if !number.is_empty() {
        segment(&["RF1", answer.standing.coded(), "", "", "", "", number, "", "", "", "", &own], &mut reply);
    }
    provider(message, header, &mut reply);
    let record = record_number(message);
    let told = [record.as_str(), &ours, theirs.split('^').next().unwrap_or_default(), &header.carried(10)];
    let record = told.into_iter().find(|number| !number.is_empty()).unwrap_or_default();
    segment(&["PID", "1", "", record, "", "^^^^^^S"], &mut reply);
    let asked = answer.wanted.iter().map(|document| format!("Document asked of you: {document}"));
    // In enhanced mode no other reply to it has a place for them.
    let warned = answer.warnings.iter().map(|fault| match fault.location {
        Some(Location { segment, sequence, field, repetition, .. }) => {
            format!("{} ({segment}[{sequence}]-{field}[{repetition}])", fault.words)
        }
        None => fault.words.to_owned(),
    });
    let remarks =
        Some(answer.remark.to_owned()).into_iter().filter(|remark| !remark.is_empty()).chain(warned).chain(asked);
    for (number, remark) in (1_usize..).zip(remarks) {
        let mut text = String::new();
        escape(&remark, &mut text);
        segment(&["NTE", &number.to_string(), "L", &text, "RE^Remark^HL70364"], &mut reply);
    }
    Some(reply)
}

/// Who refers; where nobody was named, the center to which the message is addressed, as the one that it is referred to.
fn provider(message: &Message<'_>, header: &Header<'_>, reply: &mut String) {
    let Some(provider) = referring(message).or_else(|| message.segment("PRD")) else {
        let mut facility = String::new();
        escape(&header.receiving_facility(), &mut facility);
        let place = format!("^^^{facility}");
        return segment(&["PRD", "RT^Referred to Provider^HL70286", "", "", &place], reply);
    };
    let [role, name, number] = [1, 2, 7].map(|field| field_of(message, &provider, field));
    let role = if role.is_empty() { "RP^Referring Provider^HL70286" } else { &role };
    segment(&["PRD", role, &name, "", "", "", "", &number], reply);
}

fn field_of(message: &Message<'_>, segment: &Segment<'_>, field: usize) -> String {
    carried(segment.field(field).raw(), message.delimiters()).into_owned()
}

/// RF1-6, else the order's number in OBR-2 or ORC-2.
fn their_number(message: &Message<'_>) -> String {
    let places = [("RF1", 6), ("OBR", 2), ("ORC", 2)];
    let told = places.into_iter().filter_map(|(name, field)| Some(field_of(message, &message.segment(name)?, field)));
    told.into_iter().find(|number| !number.is_empty()).unwrap_or_default()
}

/// Roles of providers who do not refer (table 0286, and the ones that Australia has besides): whom it is for, who treats else.
const OTHER_ROLES: [&str; 5] = ["RT", "PP", "CP", "IR", "AP"];

/// The provider who refers, else the first who is not named for something else.
pub(super) fn referring<'a>(message: &Message<'a>) -> Option<Segment<'a>> {
    let is = |provider: &Segment<'a>, role: &str| {
        provider.field(1).first().component(1).text().trim().eq_ignore_ascii_case(role)
    };
    let is_other = |provider: &Segment<'a>| OTHER_ROLES.iter().any(|role| is(provider, role));
    let mut all = message.segments("PRD");
    all.find(|provider| is(provider, "RP")).or_else(|| message.segments("PRD").find(|provider| !is_other(provider)))
}

/// The first of PID-3, else PID-2.
fn record_number(message: &Message<'_>) -> String {
    let Some(patient) = message.segment("PID") else { return String::new() };
    let told = [3, 2].map(|field| carried(patient.field(field).first().raw(), message.delimiters()).into_owned());
    told.into_iter().find(|number| !number.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::hl7::fault::Code;
    use jiff::tz::TimeZone;

    const REFERRAL: &str = "MSH|^~\\&|HUB|RFM|CAUSEWAY|NCC|2026||REF^I12^REF_I12|RB-181|P|2.5.1|||AL|AL\r\
        RF1|P|A||||RB-REF-77812^RFM\r\
        PRD|RT|Lindqvist^Helen\r\
        PRD|RP^Referring Provider^HL70286|Okafor^Adaeze|400 Mill St||||1234567893^NPI\r\
        PID|1||RB90211^^^RFM^MR~XYZ^^^X^MI||Testpatient^Marisol||19680719|F|||12 Elm St||5550199\r";

    fn answered(text: &str, answer: Answer<'_>) -> Option<String> {
        let message = Message::parse(text).unwrap_or_else(|why| panic!("{why}"));
        let at = "2026-04-12T15:40:00Z".parse().unwrap();
        let signature = Signature { control_id: "CW-2", at, zone: &TimeZone::UTC };
        referral(&message, &Header::of(&message), answer, signature)
    }

    #[test]
    fn an_answer_tells_the_standing_under_both_numbers_and_withholds_the_patient() {
        let answer =
            Answer { standing: Standing::Pending, reference: "NC-7F3K-2QX", remark: "", warnings: &[], wanted: &[] };
        let expected = "MSH|^~\\&|CAUSEWAY|NCC|HUB|RFM|20260412154000+0000||RRI^I12^RRI_I12|CW-2|P|2.5.1|||NE|NE\r\
            MSA|AA|RB-181\r\
            RF1|P^Pending^HL70283|||||RB-REF-77812^RFM|||||NC-7F3K-2QX^CAUSEWAY\r\
            PRD|RP^Referring Provider^HL70286|Okafor^Adaeze|||||1234567893^NPI\r\
            PID|1||RB90211^^^RFM^MR||^^^^^^S\r";
        assert_eq!(answered(REFERRAL, answer).as_deref(), Some(expected));
    }

    #[test]
    fn a_declined_referral_is_still_a_good_message() {
        let answer = Answer {
            standing: Standing::Rejected,
            reference: "NC-1",
            remark: "Out of network | call",
            warnings: &[],
            wanted: &[],
        };
        let reply = answered(&REFERRAL.replace("I12", "I15"), answer).unwrap();
        assert!(
            reply.contains("||RRI^I15^RRI_I12|") && reply.contains("\rMSA|AA|RB-181\rRF1|R^Rejected^HL70283|"),
            "{reply}"
        );
        assert!(reply.ends_with("\rNTE|1|L|Out of network \\F\\ call|RE^Remark^HL70364\r"), "{reply}");
    }

    #[test]
    fn each_document_that_is_asked_of_the_office_has_a_note_of_its_own_behind_the_remark() {
        let wanted = ["Notes & letters (11506-3)".to_owned(), "Slides".to_owned()];
        let answer =
            Answer { standing: Standing::Accepted, reference: "NC-1", remark: "", warnings: &[], wanted: &wanted };
        let notes = |reply: &str| reply.split_once("\rNTE").map(|(_, notes)| format!("NTE{notes}")).unwrap_or_default();
        let reply = answered(&REFERRAL.replace("I12", "I15"), answer).unwrap();
        let expected = "NTE|1|L|Document asked of you: Notes \\T\\ letters (11506-3)|RE^Remark^HL70364\r\
            NTE|2|L|Document asked of you: Slides|RE^Remark^HL70364\r";
        assert_eq!(notes(&reply), expected);
        let reply = answered(&REFERRAL.replace("I12", "I15"), Answer { remark: "Call us", ..answer }).unwrap();
        assert!(notes(&reply).starts_with("NTE|1|L|Call us|") && reply.contains("\rNTE|3|L|Document asked"), "{reply}");
    }

    #[test]
    fn what_is_wrong_with_a_message_that_was_taken_is_told_behind_the_remark() {
        const NOTE: Fault = Fault::at("PRD", 7, Code::DataType, "The check digit is wrong");
        let answer = Answer {
            standing: Standing::Pending,
            reference: "NC-1",
            remark: "Call us",
            warnings: &[NOTE],
            wanted: &[],
        };
        let reply = answered(REFERRAL, answer).unwrap();
        let expected =
            "\rNTE|1|L|Call us|RE^Remark^HL70364\rNTE|2|L|The check digit is wrong (PRD[1]-7[1])|RE^Remark^HL70364\r";
        assert!(reply.ends_with(expected), "{reply}");
    }

    #[test]
    fn nobody_refers_who_is_named_for_something_else() {
        let referring = |providers: &str| {
            let text = format!("MSH|^~\\&|A|B|C|D|1||REF^I12|1|P|2.5.1\r{providers}PID|1|7\r");
            let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            referring(&message).map(|provider| provider.value(2, 1).into_owned())
        };
        for (providers, expected) in [
            ("PRD|RT|Lindqvist\r", None),
            ("PRD|PP^Primary|Ann\rPRD|rt|Lindqvist\r", None),
            ("PRD|RT|Lindqvist\rPRD||Okafor\r", Some("Okafor")),
            ("PRD|RT|Lindqvist\rPRD|XX|Okafor\r", Some("Okafor")),
            ("PRD||Ann\rPRD|RP|Okafor\r", Some("Okafor")),
        ] {
            assert_eq!(referring(providers).as_deref(), expected, "{providers}");
        }
    }

    #[test]
    fn who_waits_for_no_answer_gets_none() {
        let answer = Answer { standing: Standing::Expired, reference: "NC-1", remark: "", warnings: &[], wanted: &[] };
        assert_eq!(answered(&REFERRAL.replace("|AL|AL", "|AL|NE"), answer), None);
        assert!(answered(&REFERRAL.replace("|AL|AL", ""), answer).is_some());
    }

    #[test]
    fn without_numbers_and_providers_there_is_still_an_answer() {
        let answer = Answer { standing: Standing::Accepted, reference: "NC-1", remark: "", warnings: &[], wanted: &[] };
        let reply = answered("MSH|^~\\&|A|B|C|D|1||REF^I12|1|P|2.5.1\rOBR|1|ORD-7\rPID|1|77\r", answer).unwrap();
        assert!(
            reply.contains(
                "|||||ORD-7|||||NC-1^CAUSEWAY\rPRD|RT^Referred to Provider^HL70286|||^^^D\rPID|1||77||^^^^^^S\r"
            ),
            "{reply}"
        );
        let bare = "MSH|^~\\&|A|B|C|D|1||REF^I12|1|P|2.5.1\rPRD||Okafor\rPID|1\r";
        let reply = answered(bare, answer).unwrap();
        let own = "RF1|A^Accepted^HL70283|||||NC-1^CAUSEWAY|||||NC-1^CAUSEWAY\rPRD|RP^Referring Provider^HL70286|Okafor\rPID|1||NC-1||^^^^^^S\r";
        assert!(reply.ends_with(own), "{reply}");
        let unnumbered = answered(bare, Answer { reference: "", ..answer }).unwrap();
        assert!(
            unnumbered.ends_with("MSA|AA|1\rPRD|RP^Referring Provider^HL70286|Okafor\rPID|1||1||^^^^^^S\r"),
            "{unnumbered}"
        );
    }
}
