//! The answers of a form after reading: typed, normalised, and split into what may travel and what may not.
//!
//! [`Answers`] holds personal health information, so it has no `Debug` and no serialisation: it can't slip into a log. What
//! may travel comes out of [`Answers::facts`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::inquiry::{
    AgeBand, AskedBy, Attribution, BestTime, CancerArea, Channel, Consents, ConsultType, Facts, Payer, RecordsOnHand,
    Source, Urgency,
};

/// Answers that were read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Who asks.
    pub asked_by: AskedBy,
    /// Whom to contact.
    pub name: String,
    /// Who needs care, if that is someone else.
    pub patient_name: Option<String>,
    /// Phone in E.164.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// A likelier spelling of the address, to be shown.
    pub email_hint: Option<String>,
    /// Channel of choice.
    pub preferred_channel: Channel,
    /// When a call is welcome.
    pub best_time: BestTime,
    /// What kind of help.
    pub consult_type: ConsultType,
    /// What it is about.
    pub cancer_area: CancerArea,
    /// Birth date.
    pub birth_date: Option<Date>,
    /// Language for calls and messages.
    pub language: String,
    /// Who is expected to pay.
    pub payer: Payer,
    /// Preferred site id.
    pub site_preference: Option<String>,
    /// Whether records are at hand.
    pub records_on_hand: RecordsOnHand,
    /// Name of the referring doctor.
    pub referring_doctor: Option<String>,
    /// Free words.
    pub message: Option<String>,
    /// Whether an interpreter is wanted.
    pub interpreter: bool,
    /// What was ticked.
    pub consents: Consents,
    /// Answers to a center's own questions.
    pub extra: BTreeMap<String, String>,
}

/// What is known about an inquiry besides its answers.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Center id.
    pub center: String,
    /// Request number.
    pub reference: String,
    /// The door.
    pub source: Source,
    /// Zone of the recipient; the center's unless something better is known.
    pub time_zone: String,
    /// How pressing.
    pub urgency: Urgency,
    /// Referring office id, for referrals.
    pub referring_office: Option<String>,
    /// How they found us.
    pub attribution: Attribution,
    /// Form id, or the feed's id.
    pub form_id: String,
    /// Form version.
    pub form_version: u32,
    /// When it became durable.
    pub received_at: Timestamp,
    /// A call that nobody answered.
    pub missed_call: bool,
    /// Today, where the center is.
    pub today: Date,
}

impl Answers {
    /// The facts that may travel. How far somebody lives is told by the profile, which knows the places.
    #[must_use]
    pub fn facts(&self, origin: Origin) -> Facts {
        Facts {
            center: origin.center,
            reference: origin.reference,
            consult_type: self.consult_type,
            cancer_area: self.cancer_area,
            source: origin.source,
            language: self.language.clone(),
            time_zone: origin.time_zone,
            preferred_channel: self.preferred_channel,
            consents: self.consents,
            best_time: self.best_time,
            payer: self.payer,
            site_preference: self.site_preference.clone(),
            records_on_hand: self.records_on_hand,
            urgency: origin.urgency,
            referring_office: origin.referring_office,
            asked_by: self.asked_by,
            attribution: origin.attribution,
            form_id: origin.form_id,
            form_version: origin.form_version,
            received_at: origin.received_at,
            missed_call: origin.missed_call,
            age: AgeBand::of(self.birth_date, origin.today),
            ..Facts::default()
        }
    }
}
