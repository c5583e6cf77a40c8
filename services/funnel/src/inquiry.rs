//! What an inquiry is, without saying whose it is: the closed lists of terms and the facts that events carry.
//!
//! These facts ride on every event about an inquiry, so no listener has to ask back. Deliberately not here: anything that
//! ties a person to their health (name, phone, e-mail, birth date, free text); only ingestion holds that.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::distance::DistanceBand;
use crate::words::vocabulary;

vocabulary! {
    /// What kind of help is asked for.
    ConsultType ("consult type") {
        NewConsult = "new_consult", "First visit about a diagnosis or a worry", "Primera visita por un diagnóstico o una preocupación", "Première visite pour un diagnostic ou une inquiétude";
        SecondOpinion = "second_opinion", "Second opinion", "Segunda opinión", "Deuxième avis";
        TreatmentFollowUp = "treatment_follow_up", "Care during or after treatment", "Atención durante o después del tratamiento", "Soins pendant ou après un traitement";
        ClinicalTrial = "clinical_trial", "Question about a clinical trial", "Pregunta sobre un estudio clínico", "Question sur un essai clinique";
        #[default]
        NotSure = "not_sure", "I am not sure", "No sé con seguridad", "Je ne sais pas";
    }
}

vocabulary! {
    /// Which part of the body or kind of cancer it is about.
    CancerArea ("cancer area") {
        Breast = "breast", "Breast", "Seno (mama)", "Sein";
        Thoracic = "thoracic", "Lung or chest", "Pulmón o pecho", "Poumon ou thorax";
        Gi = "gi", "Stomach, bowel, liver or pancreas", "Estómago, intestino, hígado o páncreas", "Estomac, intestin, foie ou pancréas";
        Gu = "gu", "Prostate, bladder, kidney or testicle", "Próstata, vejiga, riñón o testículo", "Prostate, vessie, rein ou testicule";
        Gynecologic = "gynecologic", "Ovary, uterus or cervix", "Ovario, útero o cuello uterino", "Ovaire, utérus ou col de l'utérus";
        Hematologic = "hematologic", "Blood, bone marrow or lymph nodes", "Sangre, médula ósea o ganglios", "Sang, moelle osseuse ou ganglions";
        HeadAndNeck = "head_and_neck", "Mouth, throat, head or neck", "Boca, garganta, cabeza o cuello", "Bouche, gorge, tête ou cou";
        Neuro = "neuro", "Brain or spine", "Cerebro o columna", "Cerveau ou colonne vertébrale";
        Skin = "skin", "Skin", "Piel", "Peau";
        Sarcoma = "sarcoma", "Bone, muscle or soft tissue", "Hueso, músculo o tejido blando", "Os, muscle ou tissu mou";
        Endocrine = "endocrine", "Thyroid or other gland", "Tiroides u otra glándula", "Thyroïde ou autre glande";
        Pediatric = "pediatric", "A child's cancer", "Cáncer en un niño", "Cancer d'un enfant";
        Other = "other", "Something else", "Otra cosa", "Autre chose";
        #[default]
        NotSure = "not_sure", "I am not sure", "No sé con seguridad", "Je ne sais pas";
    }
}

vocabulary! {
    /// The door by which an inquiry came in.
    Source ("source") {
        #[default]
        WebForm = "web_form", "Web form", "Formulario web", "Formulaire web";
        Phone = "phone", "Phone call", "Llamada", "Appel";
        Hl7 = "hl7", "HL7 referral", "Derivación HL7", "Orientation HL7";
        Fhir = "fhir", "FHIR referral", "Derivación FHIR", "Orientation FHIR";
        Csv = "csv", "Referral list (CSV)", "Lista de derivaciones (CSV)", "Liste d'orientations (CSV)";
        SisterCenter = "sister_center", "Sister center", "Centro asociado", "Centre associé";
    }
}

vocabulary! {
    /// A way to reach a person.
    Channel ("channel") {
        #[default]
        Phone = "phone", "Phone call", "Llamada", "Appel téléphonique";
        Sms = "sms", "Text message", "Mensaje de texto", "Message texte";
        Email = "email", "Email", "Correo electrónico", "E-mail";
        Post = "post", "Letter", "Carta", "Lettre";
    }
}

vocabulary! {
    /// How pressing the matter is, as told by the person or the referring office.
    Urgency ("urgency") {
        #[default]
        Routine = "routine", "Routine", "De rutina", "Courant";
        Soon = "soon", "In the next days", "En los próximos días", "Dans les prochains jours";
        Urgent = "urgent", "Urgent", "Urgente", "Urgent";
    }
}

impl Urgency {
    /// Nothing where it is the usual one, which formats also tell by saying nothing.
    #[must_use]
    pub fn raised(self) -> Option<Self> {
        Some(self).filter(|urgency| *urgency != Self::default())
    }
}

vocabulary! {
    /// The part of the day in which a call is welcome.
    BestTime ("best time") {
        Morning = "morning", "Morning", "Mañana", "Matin";
        Afternoon = "afternoon", "Afternoon", "Tarde", "Après-midi";
        Evening = "evening", "Evening", "Noche", "Soir";
        #[default]
        Any = "any", "Any time", "A cualquier hora", "À toute heure";
    }
}

impl BestTime {
    /// The minutes of their day in which a call is welcome, from and to; none: all are.
    #[must_use]
    pub const fn hours(self) -> Option<(u16, u16)> {
        match self {
            Self::Morning => Some((8 * 60, 12 * 60)),
            Self::Afternoon => Some((12 * 60, 17 * 60)),
            Self::Evening => Some((17 * 60, 21 * 60)),
            Self::Any => None,
        }
    }
}

vocabulary! {
    /// Who is expected to pay.
    Payer ("payer") {
        Private = "private", "Private or work insurance", "Seguro privado o del trabajo", "Assurance privée ou de l'employeur";
        Medicare = "medicare", "Medicare", "Medicare", "Medicare";
        Medicaid = "medicaid", "Medicaid", "Medicaid", "Medicaid";
        SelfPay = "self_pay", "I will pay myself", "Pagaré por mi cuenta", "Je paierai moi-même";
        None = "none", "I have no insurance", "No tengo seguro", "Je n'ai pas d'assurance";
        #[default]
        NotSure = "not_sure", "I am not sure", "No sé con seguridad", "Je ne sais pas";
    }
}

vocabulary! {
    /// Whether medical records are at hand.
    RecordsOnHand ("records on hand") {
        Yes = "yes", "Yes", "Sí", "Oui";
        Some = "some", "Some of them", "Algunos", "Une partie";
        None = "none", "No, not yet", "Todavía no", "Non, pas encore";
        #[default]
        NotSure = "not_sure", "I am not sure", "No sé con seguridad", "Je ne sais pas";
    }
}

vocabulary! {
    /// How old the patient was at the receipt, in bands so wide that they point at nobody.
    AgeBand ("age band") {
        Under18 = "under_18", "Under 18", "Menos de 18", "Moins de 18 ans";
        From18To39 = "18_to_39", "18 to 39", "De 18 a 39", "De 18 à 39 ans";
        From40To64 = "40_to_64", "40 to 64", "De 40 a 64", "De 40 à 64 ans";
        From65 = "65_and_over", "65 and over", "65 o más", "65 ans et plus";
        #[default]
        NotKnown = "not_known", "Not known", "No se sabe", "Inconnu";
    }
}

impl AgeBand {
    /// The band of somebody who was born on a day; without one nobody knows.
    #[must_use]
    pub fn of(birth: Option<Date>, today: Date) -> Self {
        let Some(birth) = birth.filter(|birth| *birth <= today) else { return Self::NotKnown };
        let before_birthday = (today.month(), today.day()) < (birth.month(), birth.day());
        match today.year() - birth.year() - i16::from(before_birthday) {
            ..18 => Self::Under18,
            18..40 => Self::From18To39,
            40..65 => Self::From40To64,
            65.. => Self::From65,
        }
    }

    /// First and last year of life in it; nothing where it is not known.
    #[must_use]
    pub const fn years(self) -> Option<(u32, u32)> {
        match self {
            Self::Under18 => Some((0, 17)),
            Self::From18To39 => Some((18, 39)),
            Self::From40To64 => Some((40, 64)),
            Self::From65 => Some((65, OLDEST)),
            Self::NotKnown => None,
        }
    }
}

/// Nobody is older, years.
const OLDEST: u32 = 125;

vocabulary! {
    /// Who is asking.
    AskedBy ("asked by") {
        #[default]
        Patient = "patient", "Me", "Yo", "Moi";
        Caregiver = "caregiver", "Someone I care for", "Alguien a quien cuido", "Une personne que j'aide";
        Office = "office", "A patient of our office", "Un paciente de nuestro consultorio", "Un patient de notre cabinet";
    }
}

/// What the person allowed, channel by channel. Nothing is allowed unless it was ticked or said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Consents {
    /// E-mail about this request.
    pub email: bool,
    /// Text messages about this request.
    pub sms: bool,
    /// Phone calls about this request.
    pub phone: bool,
    /// A voice message that names the center.
    pub voicemail: bool,
}

impl Consents {
    /// Whether a message or call by `channel` is allowed. A letter rests on the request itself, not on a tick.
    #[must_use]
    pub const fn allow(self, channel: Channel) -> bool {
        match channel {
            Channel::Phone => self.phone,
            Channel::Sms => self.sms,
            Channel::Email => self.email,
            Channel::Post => true,
        }
    }

    /// By which ways somebody is reached, in their order: as they like it, else by a call, a mail, a text, as far as they allowed it. Who
    /// allowed nothing has still asked us for an answer: a call is what is left.
    #[must_use]
    pub fn ways(self, preferred: Channel) -> Vec<Channel> {
        let mut ways = Vec::new();
        for way in [preferred, Channel::Phone, Channel::Email, Channel::Sms] {
            let is_allowed = self.allow(way) || (way == Channel::Phone && !self.any());
            if is_allowed && !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    }

    /// Whether any channel is allowed at all.
    #[must_use]
    pub const fn any(self) -> bool {
        self.email || self.sms || self.phone
    }
}

/// One way to the form: a page and the words of the link that led to it, without anything personal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Touch {
    /// Path of the page that showed the form.
    pub landing_page: Option<String>,
    /// Campaign name, also under the name that it has in a link.
    #[serde(alias = "utm_campaign")]
    pub campaign: Option<String>,
    /// `utm_source`.
    pub utm_source: Option<String>,
    /// `utm_medium`.
    pub utm_medium: Option<String>,
    /// `utm_term`.
    pub utm_term: Option<String>,
    /// `utm_content`.
    pub utm_content: Option<String>,
    /// Host of the referring page; never its full address.
    pub referrer_host: Option<String>,
}

impl Touch {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How the person found the form: the first touch, and the last one where that was another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attribution {
    /// The first touch.
    #[serde(flatten)]
    pub first: Touch,
    /// The last touch before the form; none: the first was the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Touch>,
}

/// A center that an inquiry was at before it was handed over, and what it was there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stay {
    /// Center id.
    pub center: String,
    /// Its request number there.
    pub reference: String,
    /// When it came in there.
    pub received_at: Timestamp,
    /// Documents that the center has of it; they stay there.
    pub documents: u32,
    /// Its id there.
    pub inquiry_id: Uuid,
}

/// The facts of an inquiry that may travel: everything that listeners need, nothing that names a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Center id (slug).
    pub center: String,
    /// Human request number, such as `HV-7K4M-2QX`.
    pub reference: String,
    /// What is asked for.
    pub consult_type: ConsultType,
    /// What it is about.
    pub cancer_area: CancerArea,
    /// The door.
    pub source: Source,
    /// Language code for messages and calls.
    pub language: String,
    /// IANA zone of the recipient, for quiet hours.
    pub time_zone: String,
    /// How the person would like to be reached.
    pub preferred_channel: Channel,
    /// What the person allowed.
    pub consents: Consents,
    /// When a call is welcome.
    pub best_time: BestTime,
    /// Who is expected to pay.
    pub payer: Payer,
    /// Site id that the person would rather visit.
    pub site_preference: Option<String>,
    /// Whether records are at hand.
    pub records_on_hand: RecordsOnHand,
    /// How pressing it is.
    pub urgency: Urgency,
    /// Referring office id, for referrals.
    pub referring_office: Option<String>,
    /// Who asked.
    pub asked_by: AskedBy,
    /// How they found us.
    pub attribution: Attribution,
    /// Form id, or the feed's id.
    pub form_id: String,
    /// Form version that was answered.
    pub form_version: u32,
    /// When it became durable.
    pub received_at: Timestamp,
    /// It is a call that nobody answered: nothing was asked yet, and the person waits to be called back.
    pub missed_call: bool,
    /// How old the patient was at the receipt.
    pub age: AgeBand,
    /// Sister centers that it was at before, the first one first; none: it was asked here.
    pub stays: Vec<Stay>,
    /// The site that is nearest to where they live, by its id, as far as known.
    pub nearest_site: Option<String>,
    /// How far it is.
    pub distance: DistanceBand,
}

/// Longest idempotency key, characters.
pub const LONGEST_KEY: usize = 128;

/// Whether a key can be kept and compared: short, and without control characters.
pub fn is_fit_key(key: &str) -> bool {
    !key.is_empty() && key.chars().count() <= LONGEST_KEY && !key.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_reads_back_from_its_stored_name_and_agrees_with_serde() {
        for area in CancerArea::ALL {
            assert_eq!(area.as_str().parse::<CancerArea>().as_ref(), Ok(area));
            assert_eq!(serde_json::to_string(area).unwrap(), format!("\"{}\"", area.as_str()));
        }
        for payer in Payer::ALL {
            assert_eq!(payer.as_str().parse::<Payer>().as_ref(), Ok(payer));
        }
        let fault = "kidney".parse::<CancerArea>().unwrap_err().to_string();
        assert!(fault.starts_with("unknown cancer area; use one of: breast, thoracic"));
    }

    #[test]
    fn not_sure_is_the_last_choice_where_people_may_not_know() {
        assert_eq!(ConsultType::ALL.last(), Some(&ConsultType::NotSure));
        assert_eq!(CancerArea::ALL.last(), Some(&CancerArea::NotSure));
        assert_eq!(Payer::ALL.last(), Some(&Payer::NotSure));
        assert_eq!(RecordsOnHand::ALL.last(), Some(&RecordsOnHand::NotSure));
    }

    #[test]
    fn facts_survive_a_round_trip_and_old_facts_without_new_fields_still_read() {
        let facts = Facts { center: "harbor-valley".into(), cancer_area: CancerArea::Gi, ..Facts::default() };
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
        assert_eq!(serde_json::from_str::<Facts>("{}").unwrap(), Facts::default());
    }

    #[test]
    fn an_age_is_a_band_that_changes_on_the_birthday() {
        let on = |text: &str| text.parse().unwrap();
        let band = |birth: &str| AgeBand::of(Some(on(birth)), on("2027-03-04"));
        assert_eq!((band("2009-03-04"), band("2009-03-05")), (AgeBand::From18To39, AgeBand::Under18));
        assert_eq!((band("1987-03-05"), band("1987-03-04")), (AgeBand::From18To39, AgeBand::From40To64));
        assert_eq!((band("1962-03-05"), band("1920-01-01")), (AgeBand::From40To64, AgeBand::From65));
        assert_eq!((AgeBand::of(None, on("2027-03-04")), band("2027-03-05")), (AgeBand::NotKnown, AgeBand::NotKnown));
        let bounds: Vec<_> = AgeBand::ALL.iter().filter_map(|band| band.years()).collect();
        assert!(bounds.windows(2).all(|two| two[0].1 + 1 == two[1].0), "no year between two bands: {bounds:?}");
    }

    #[test]
    fn consent_is_per_channel() {
        let only_mail = Consents { email: true, ..Consents::default() };
        assert!(only_mail.allow(Channel::Email) && !only_mail.allow(Channel::Sms) && !only_mail.allow(Channel::Phone));
        assert!(!Consents::default().any());
    }

    #[test]
    fn a_key_is_short_and_printable() {
        assert!(is_fit_key("5f0c9f1e-1"));
        for unfit in ["", "a\0b", "a\nb", &"k".repeat(129)] {
            assert!(!is_fit_key(unfit));
        }
    }
}
