//! The facts of an inquiry.

use causeway_funnel::distance::DistanceBand;
use causeway_funnel::inquiry::{
    AgeBand, AskedBy, Attribution, BestTime, CancerArea, Channel, Consents, ConsultType, Facts, Payer, RecordsOnHand,
    Source, Stay, Touch, Urgency,
};
use uuid::Uuid;

use super::{instant, micros, pairs};
use crate::events::{Unreadable, id};
use crate::inquiry::v1 as wire;

pairs! {
    /// The consult type on the wire.
    consult_type_to_wire, consult_type_from_wire: wire::ConsultType => ConsultType, ConsultType::NotSure;
    NewConsult = NewConsult, SecondOpinion = SecondOpinion, TreatmentFollowUp = TreatmentFollowUp,
    ClinicalTrial = ClinicalTrial, NotSure = NotSure,
}
pairs! {
    /// The cancer area on the wire.
    area_to_wire, area_from_wire: wire::CancerArea => CancerArea, CancerArea::NotSure;
    Breast = Breast, Thoracic = Thoracic, Gi = Gi, Gu = Gu, Gynecologic = Gynecologic, Hematologic = Hematologic,
    HeadAndNeck = HeadAndNeck, Neuro = Neuro, Skin = Skin, Sarcoma = Sarcoma, Endocrine = Endocrine,
    Pediatric = Pediatric, Other = Other, NotSure = NotSure,
}
pairs! {
    /// The source on the wire.
    source_to_wire, source_from_wire: wire::Source => Source, Source::WebForm;
    WebForm = WebForm, Phone = Phone, Hl7 = Hl7, Fhir = Fhir, Csv = Csv,
    SisterCenter = SisterCenter,
}
pairs! {
    /// The channel on the wire.
    channel_to_wire, channel_from_wire: wire::Channel => Channel, Channel::Phone;
    Phone = Phone, Sms = Sms, Email = Email, Post = Post,
}
pairs! {
    /// The urgency on the wire.
    urgency_to_wire, urgency_from_wire: wire::Urgency => Urgency, Urgency::Routine;
    Routine = Routine, Soon = Soon, Urgent = Urgent,
}

/// Facts as events carry them.
pub fn facts_to_wire(inquiry_id: Uuid, facts: &Facts) -> wire::Facts {
    wire::Facts {
        inquiry_id: inquiry_id.to_string(),
        center: facts.center.clone(),
        reference: facts.reference.clone(),
        consult_type: consult_type_to_wire(facts.consult_type).into(),
        cancer_area: area_to_wire(facts.cancer_area).into(),
        source: source_to_wire(facts.source).into(),
        language: facts.language.clone(),
        time_zone: facts.time_zone.clone(),
        preferred_channel: channel_to_wire(facts.preferred_channel).into(),
        consent: Some(wire::Consent {
            email: facts.consents.email,
            sms: facts.consents.sms,
            phone: facts.consents.phone,
            voicemail: facts.consents.voicemail,
        }),
        best_time: facts.best_time.as_str().to_owned(),
        payer: facts.payer.as_str().to_owned(),
        site_preference: facts.site_preference.clone().unwrap_or_default(),
        records_on_hand: facts.records_on_hand.as_str().to_owned(),
        urgency: urgency_to_wire(facts.urgency).into(),
        referring_office: facts.referring_office.clone().unwrap_or_default(),
        asked_by: facts.asked_by.as_str().to_owned(),
        attribution: Some(attribution_to_wire(&facts.attribution)),
        form_id: facts.form_id.clone(),
        form_version: facts.form_version.to_string(),
        received_at: micros(facts.received_at),
        needs_repair: false,
        missed_call: facts.missed_call,
        nearest_site: facts.nearest_site.clone().unwrap_or_default(),
        distance_band: Some(facts.distance)
            .filter(|distance| *distance != DistanceBand::NotKnown)
            .map_or("", DistanceBand::as_str)
            .to_owned(),
        age_band: Some(facts.age).filter(|age| *age != AgeBand::NotKnown).map_or("", AgeBand::as_str).to_owned(),
        stays: facts.stays.iter().map(stay_to_wire).collect(),
    }
}

fn stay_to_wire(stay: &Stay) -> wire::Stay {
    wire::Stay {
        center: stay.center.clone(),
        reference: stay.reference.clone(),
        received_at: micros(stay.received_at),
        documents: stay.documents,
        inquiry_id: stay.inquiry_id.to_string(),
    }
}

/// A stay at a sister center from what travelled.
///
/// # Errors
/// It says no time of receipt, or no id.
pub fn stay_from_wire(stay: &wire::Stay) -> Result<Stay, Unreadable> {
    Ok(Stay {
        center: stay.center.clone(),
        reference: stay.reference.clone(),
        received_at: instant("stays.received_at", stay.received_at)?,
        documents: stay.documents,
        inquiry_id: id("stays.inquiry_id", &stay.inquiry_id)?,
    })
}

fn consents_from_wire(facts: &wire::Facts) -> Consents {
    let consent = facts.consent.unwrap_or_default();
    Consents { email: consent.email, sms: consent.sms, phone: consent.phone, voicemail: consent.voicemail }
}

/// Whether the first way by which a person is reached is none that rings.
#[must_use]
pub fn is_written_to(facts: &wire::Facts) -> bool {
    let ways = consents_from_wire(facts).ways(channel_from_wire(facts.preferred_channel()));
    ways.first().is_some_and(|way| *way != Channel::Phone)
}

/// Facts and the inquiry's id from an event.
pub fn facts_from_wire(facts: &wire::Facts) -> Result<(Uuid, Facts), Unreadable> {
    if facts.center.is_empty() {
        return Err(Unreadable::Missing { field: "center" });
    }
    let read = Facts {
        center: facts.center.clone(),
        reference: facts.reference.clone(),
        consult_type: consult_type_from_wire(facts.consult_type()),
        cancer_area: area_from_wire(facts.cancer_area()),
        source: source_from_wire(facts.source()),
        language: facts.language.clone(),
        time_zone: facts.time_zone.clone(),
        preferred_channel: channel_from_wire(facts.preferred_channel()),
        consents: consents_from_wire(facts),
        best_time: facts.best_time.parse().unwrap_or(BestTime::Any),
        payer: facts.payer.parse().unwrap_or(Payer::NotSure),
        site_preference: present(&facts.site_preference),
        records_on_hand: facts.records_on_hand.parse().unwrap_or(RecordsOnHand::NotSure),
        urgency: urgency_from_wire(facts.urgency()),
        referring_office: present(&facts.referring_office),
        asked_by: facts.asked_by.parse().unwrap_or(AskedBy::Patient),
        attribution: attribution_from_wire(facts.attribution.clone().unwrap_or_default()),
        form_id: facts.form_id.clone(),
        form_version: facts.form_version.parse().unwrap_or(0),
        received_at: instant("received_at", facts.received_at)?,
        missed_call: facts.missed_call,
        age: facts.age_band.parse().unwrap_or(AgeBand::NotKnown),
        stays: facts.stays.iter().map(stay_from_wire).collect::<Result<_, _>>()?,
        nearest_site: present(&facts.nearest_site),
        distance: facts.distance_band.parse().unwrap_or(DistanceBand::NotKnown),
    };
    Ok((id("inquiry_id", &facts.inquiry_id)?, read))
}

/// How the person found the form, as it travels.
pub fn attribution_to_wire(from: &Attribution) -> wire::Attribution {
    let first = touch_to_wire(&from.first);
    wire::Attribution {
        landing_page: first.landing_page,
        campaign: first.campaign,
        utm_source: first.utm_source,
        utm_medium: first.utm_medium,
        referrer_host: first.referrer_host,
        utm_term: first.utm_term,
        utm_content: first.utm_content,
        last: from.last.as_ref().map(touch_to_wire),
    }
}

/// The same from what travelled.
pub fn attribution_from_wire(from: wire::Attribution) -> Attribution {
    let first = wire::Touch {
        landing_page: from.landing_page,
        campaign: from.campaign,
        utm_source: from.utm_source,
        utm_medium: from.utm_medium,
        referrer_host: from.referrer_host,
        utm_term: from.utm_term,
        utm_content: from.utm_content,
    };
    Attribution { first: touch_from_wire(first), last: from.last.map(touch_from_wire) }
}

fn touch_to_wire(from: &Touch) -> wire::Touch {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    wire::Touch {
        landing_page: text(&from.landing_page),
        campaign: text(&from.campaign),
        utm_source: text(&from.utm_source),
        utm_medium: text(&from.utm_medium),
        referrer_host: text(&from.referrer_host),
        utm_term: text(&from.utm_term),
        utm_content: text(&from.utm_content),
    }
}

fn touch_from_wire(from: wire::Touch) -> Touch {
    let present = |text: String| (!text.is_empty()).then_some(text);
    Touch {
        landing_page: present(from.landing_page),
        campaign: present(from.campaign),
        utm_source: present(from.utm_source),
        utm_medium: present(from.utm_medium),
        referrer_host: present(from.referrer_host),
        utm_term: present(from.utm_term),
        utm_content: present(from.utm_content),
    }
}

fn present(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_survive_the_way_over_the_wire_for_each_word_of_each_list() {
        for consult_type in ConsultType::ALL {
            for cancer_area in CancerArea::ALL {
                let facts = Facts {
                    center: "lakeside".into(),
                    consult_type: *consult_type,
                    cancer_area: *cancer_area,
                    preferred_channel: Channel::Email,
                    urgency: Urgency::Soon,
                    age: AgeBand::From40To64,
                    site_preference: Some("north".into()),
                    attribution: Attribution {
                        first: Touch { utm_term: Some("consult".into()), ..Touch::default() },
                        last: Some(Touch { campaign: Some("autumn".into()), ..Touch::default() }),
                    },
                    received_at: jiff::Timestamp::from_second(1_790_000_000).expect("instant is in range"),
                    stays: vec![Stay {
                        center: "harbor-valley".into(),
                        reference: "HV-7K4M-2QX".into(),
                        received_at: jiff::Timestamp::from_second(1_789_000_000).expect("instant is in range"),
                        documents: 2,
                        inquiry_id: Uuid::from_u128(4),
                    }],
                    ..Facts::default()
                };
                let inquiry = Uuid::from_u128(5);
                assert_eq!(facts_from_wire(&facts_to_wire(inquiry, &facts)), Ok((inquiry, facts)));
            }
        }
    }

    #[test]
    fn facts_without_center_id_or_time_are_refused() {
        let good = facts_to_wire(
            Uuid::from_u128(5),
            &Facts { center: "a".into(), received_at: jiff::Timestamp::MAX, ..Facts::default() },
        );
        assert!(facts_from_wire(&wire::Facts { center: String::new(), ..good.clone() }).is_err());
        assert!(facts_from_wire(&wire::Facts { inquiry_id: "7".into(), ..good.clone() }).is_err());
        assert!(facts_from_wire(&wire::Facts { received_at: 0, ..good }).is_err());
    }
}
