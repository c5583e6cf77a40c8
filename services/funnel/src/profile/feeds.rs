//! feeds.toml and retention.toml: the connections of partner offices and of the phone system, and how long what is kept.
//!
//! Deliberately not here: secrets. A feed names the digest of its key, never the key.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::hl7_mapping::Hl7Mapping;
use super::mapping::CsvMapping;
use super::phone::PhoneMapping;
use crate::booking::Day;
use crate::calendar::Interval;
use crate::words::vocabulary;

vocabulary! {
    /// How a partner office or a phone system sends.
    FeedKind ("feed kind") {
        #[default]
        Hl7 = "hl7", "HL7 v2 over MLLP", "HL7 v2 por MLLP", "HL7 v2 par MLLP";
        Fhir = "fhir", "FHIR R4", "FHIR R4", "FHIR R4";
        Csv = "csv", "CSV upload", "Carga de CSV", "Envoi de CSV";
        Phone = "phone", "Calls of a phone system", "Llamadas de una centralita", "Appels d'un standard";
    }
}

vocabulary! {
    /// How a partner office hears what became of a referral. `webhook` and `hl7` are words of before: nothing sends them, and a
    /// profile with them is not applied any more.
    StatusReportKind ("status report") {
        #[default]
        None = "none", "Not at all", "No se informa", "Aucun";
        Webhook = "webhook", "Signed webhook", "Webhook firmado", "Webhook signé";
        Hl7 = "hl7", "HL7 status message", "Mensaje HL7", "Message HL7";
        Fhir = "fhir", "FHIR status", "Estado FHIR", "Statut FHIR";
    }
}

vocabulary! {
    /// What an office reads of a referral that was taken, where its messages do not say so themselves (MSH-15, MSH-16).
    Hl7Reply ("reply") {
        #[default]
        Ack = "ack", "An acknowledgement", "Un acuse de recibo", "Un accusé de réception";
        Rri = "rri", "The answer to the referral", "La respuesta a la derivación", "La réponse à l'orientation";
        AckThenRri = "ack_then_rri", "Both, one after the other", "Ambos, uno tras otro", "Les deux, l'un après l'autre";
    }
}

/// Where status reports go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusReport {
    /// By which way.
    pub kind: StatusReportKind,
    /// Address: a URL or host:port.
    pub address: String,
}

/// How much a feed usually sends within some hours of some weekdays of the center's zone. Days on which the center is closed
/// expect nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// On which weekdays.
    pub weekdays: Vec<Day>,
    /// Within which hours, like `08:00-17:00`.
    pub hours: String,
    /// Messages (of a feed of files: files) within these hours of one day, evenly.
    pub messages: u32,
}

impl Expect {
    /// Messages in the hour that begins at this time of this weekday.
    #[must_use]
    pub fn per_hour(&self, weekday: Weekday, begins: Time) -> f64 {
        let Ok(hours) = Interval::parse(&self.hours) else { return 0.0 };
        if !self.weekdays.iter().any(|day| Weekday::from(*day) == weekday) {
            return 0.0;
        }
        let from = u32::try_from(i32::from(begins.hour()) * 60 + i32::from(begins.minute())).unwrap_or_default();
        f64::from(self.messages) * f64::from(hours.shared_with(from, from + 60)) / f64::from(hours.minutes())
    }
}

/// What a feed may do by FHIR besides sending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FhirRules {
    /// Hosts to which its subscriptions may let notifications be sent; none: it may not subscribe.
    pub subscription_hosts: Vec<String>,
}

impl FhirRules {
    /// Whether notifications may be sent to a host.
    #[must_use]
    pub fn lets_notify(&self, host: &str) -> bool {
        self.subscription_hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }
}

/// One partner office's connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Slug.
    pub id: String,
    /// How it sends.
    pub kind: FeedKind,
    /// Referring office id, as facts and routing use it; of a phone system a name for it, since it refers nobody.
    pub office: String,
    /// Its name.
    pub office_name: String,
    /// SHA-256 of its key in hexadecimal; feeds known by certificate or facility have none.
    #[serde(default)]
    pub key_sha256: Option<String>,
    /// The same of its next key, so that a key can be changed without a pause: both are taken.
    #[serde(default)]
    pub next_key_sha256: Option<String>,
    /// SHA-256 of the client certificates (DER) by which its HL7 messages are known, in hexadecimal; with any, a message that
    /// comes without one of them is refused. Two while a certificate is changed.
    #[serde(default)]
    pub certificate_sha256: Vec<String>,
    /// Sending facility (MSH-4) by which its HL7 messages are known.
    #[serde(default)]
    pub sending_facility: Option<String>,
    /// What is told of a referral by HL7 that was taken. A question (I15) is answered with where the referral stands whatever this
    /// says, and a refusal is an acknowledgement, because no answer to a referral can hold its reasons.
    #[serde(default)]
    pub reply: Hl7Reply,
    /// Messages per minute that are accepted.
    pub rate_per_minute: u32,
    /// How much it usually sends, where that is known better than by what came.
    #[serde(default)]
    pub expect: Vec<Expect>,
    /// Where it hears back.
    #[serde(default)]
    pub status: StatusReport,
    /// What the columns of its CSV files are.
    #[serde(default)]
    pub csv: Option<CsvMapping>,
    /// Where its HL7 messages say what no standard place says.
    #[serde(default)]
    pub hl7: Option<Hl7Mapping>,
    /// What the queues of its calls mean.
    #[serde(default)]
    pub phone: Option<PhoneMapping>,
    /// What it may do by FHIR besides sending.
    #[serde(default)]
    pub fhir: Option<FhirRules>,
}

impl Feed {
    /// The zone of times in its HL7 messages that do not say theirs.
    #[must_use]
    pub fn zone(&self, center: &TimeZone) -> TimeZone {
        self.hl7.as_ref().and_then(Hl7Mapping::zone).unwrap_or_else(|| center.clone())
    }
}

/// All of feeds.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feeds {
    /// Receiving facility (MSH-6) by which offices address this center in HL7 messages.
    #[serde(default)]
    pub receiving_facility: Option<String>,
    /// The connections.
    #[serde(rename = "feed", default)]
    pub feeds: Vec<Feed>,
}

impl Feeds {
    /// The HL7 connection whose messages name this sending facility (MSH-4).
    pub fn hl7(&self, sending_facility: &str) -> Option<&Feed> {
        let sends = |feed: &&Feed| {
            feed.sending_facility.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(sending_facility))
        };
        self.feeds.iter().filter(|feed| feed.kind == FeedKind::Hl7).find(sends)
    }
}

/// All of retention.toml: days until erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The person of an inquiry that ended without a visit, after it closed.
    pub closed_inquiry_days: u32,
    /// The person of an inquiry that led to a visit, after the visit.
    pub attended_inquiry_days: u32,
    /// Uploaded documents, after the inquiry ended.
    pub document_days: u32,
    /// Messages of feeds as they came.
    pub raw_message_days: u32,
    /// The audit log.
    pub audit_days: u32,
}
