//! Where the HL7 messages of a partner say what no standard place says: data, approved by a person at the center.
//!
//! Every product has segments of its own and puts common things into odd places, and a code of one office means nothing to the
//! next. So each feed may say where a field is found, what its codes mean, and what holds where nothing is said; all else is
//! read from the standard's places. Deliberately not here: reading a message (ingestion).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::inquiry::{CancerArea, ConsultType, Urgency};
use crate::words::vocabulary;

vocabulary! {
    /// What a place in a partner's message tells.
    Hl7Field ("HL7 field") {
        #[default]
        ReferralNumber = "referral_number", "Number of the referral", "Número de la derivación", "Numéro de l'orientation";
        PatientName = "patient_name", "Whole name of the patient", "Nombre completo del paciente", "Nom complet du patient";
        BirthDate = "birth_date", "Birth date", "Fecha de nacimiento", "Date de naissance";
        Sex = "sex", "Sex", "Sexo", "Sexe";
        RecordNumber = "office_record_number", "Record number at the office", "Número de expediente", "Numéro de dossier";
        Phone = "phone", "Phone", "Teléfono", "Téléphone";
        SecondPhone = "second_phone", "Second phone", "Segundo teléfono", "Second téléphone";
        Email = "email", "Email", "Correo electrónico", "E-mail";
        Address = "address", "Address", "Dirección", "Adresse";
        ContactName = "contact_name", "Who speaks for the patient", "Persona de contacto", "Personne de contact";
        ContactPhone = "contact_phone", "Phone of who speaks for the patient", "Teléfono del contacto", "Téléphone du contact";
        ContactRelationship = "contact_relationship", "Relation to the patient", "Relación con el paciente", "Lien avec le patient";
        GuarantorName = "guarantor_name", "Guarantor", "Garante", "Garant";
        GuarantorPhone = "guarantor_phone", "Phone of the guarantor", "Teléfono del garante", "Téléphone du garant";
        Insurance = "insurance", "Insurance", "Seguro", "Assurance";
        GroupNumber = "group_number", "Group number", "Número de grupo", "Numéro de groupe";
        Authorization = "authorization", "Authorization number", "Número de autorización", "Numéro d'autorisation";
        DiagnosisCodes = "diagnosis_codes", "Diagnosis codes (ICD-10)", "Códigos de diagnóstico (CIE-10)", "Codes de diagnostic (CIM-10)";
        RequestedService = "requested_service", "Service asked for", "Servicio solicitado", "Service demandé";
        RequestedDoctor = "requested_doctor", "Who is asked for", "A quién se solicita", "Médecin demandé";
        RequestedNpi = "requested_npi", "NPI of who is asked for", "NPI solicitado", "NPI demandé";
        ReferringDoctor = "referring_doctor", "Who refers", "Quien deriva", "Prescripteur";
        ReferringNpi = "referring_npi", "NPI of who refers", "NPI de quien deriva", "NPI du prescripteur";
        ReferringPractice = "referring_practice", "Practice", "Consultorio", "Cabinet";
        ReferringPhone = "referring_phone", "Phone of the practice", "Teléfono del consultorio", "Téléphone du cabinet";
        ReferringFax = "referring_fax", "Fax of the practice", "Fax del consultorio", "Fax du cabinet";
        ReferralDate = "referral_date", "Date of the referral", "Fecha de la derivación", "Date de l'orientation";
        CancerArea = "cancer_area", "Cancer area", "Área del cáncer", "Domaine du cancer";
        ConsultType = "consult_type", "Consult type", "Tipo de consulta", "Type de consultation";
        Urgency = "urgency", "How pressing", "Urgencia", "Urgence";
        Language = "language", "Language", "Idioma", "Langue";
        Message = "message", "Reason in words", "Motivo en palabras", "Motif en toutes lettres";
    }
}

vocabulary! {
    /// What becomes of a referral with a code that no table knows.
    UnknownCode ("treatment of unknown codes") {
        #[default]
        Take = "take", "Taken without it", "Se acepta sin él", "Accepté sans lui";
        Park = "park", "Waits for a person", "Espera a una persona", "Attend une personne";
    }
}

impl Hl7Field {
    /// Whether it says something about one patient or referral, so that nothing can hold for all of them.
    #[must_use]
    pub fn is_ones_own(self) -> bool {
        match self {
            Self::ReferralNumber
            | Self::PatientName
            | Self::BirthDate
            | Self::Sex
            | Self::RecordNumber
            | Self::Phone
            | Self::SecondPhone
            | Self::Email
            | Self::Address
            | Self::ContactName
            | Self::ContactPhone
            | Self::ContactRelationship
            | Self::GuarantorName
            | Self::GuarantorPhone
            | Self::Insurance
            | Self::GroupNumber
            | Self::Authorization
            | Self::DiagnosisCodes
            | Self::ReferralDate => true,
            Self::RequestedService
            | Self::RequestedDoctor
            | Self::RequestedNpi
            | Self::ReferringDoctor
            | Self::ReferringNpi
            | Self::ReferringPractice
            | Self::ReferringPhone
            | Self::ReferringFax
            | Self::CancerArea
            | Self::ConsultType
            | Self::Urgency
            | Self::Language
            | Self::Message => false,
        }
    }

    /// The words that it may have, where it is no free text.
    #[must_use]
    pub fn words(self) -> Option<Vec<&'static str>> {
        match self {
            Self::CancerArea => Some(CancerArea::ALL.iter().map(|word| word.as_str()).collect()),
            Self::ConsultType => Some(ConsultType::ALL.iter().map(|word| word.as_str()).collect()),
            Self::Urgency => Some(Urgency::ALL.iter().map(|word| word.as_str()).collect()),
            _ => None,
        }
    }
}

/// A place in a message: `PV2-3.2` is the second component of the third field of the first PV2, `ZRF-4` a whole field, and
/// `OBX[AREA]-5` the fifth field of the OBX whose third begins with the code AREA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hl7Path {
    /// Name of the segment, in capitals.
    pub segment: String,
    /// Code of the third field by which one of several is chosen.
    pub code: Option<String>,
    /// Field, counted from 1.
    pub field: usize,
    /// Component, counted from 1; none: all of the field.
    pub component: Option<usize>,
}

/// A text is no place in a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no place in a message; write SEGMENT-FIELD.COMPONENT such as PV2-3.2, or OBX[CODE]-5")]
pub struct NoPath(String);

impl FromStr for Hl7Path {
    type Err = NoPath;

    fn from_str(text: &str) -> Result<Self, NoPath> {
        let parse = || {
            let (place, numbers) = text.trim().rsplit_once('-')?;
            let (segment, code) = match place.split_once('[') {
                Some((segment, rest)) => (segment, Some(rest.strip_suffix(']').filter(|code| !code.is_empty())?)),
                None => (place, None),
            };
            let is_name = segment.len() == 3
                && segment.starts_with(|first: char| first.is_ascii_uppercase())
                && segment.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            let (field, component) = match numbers.split_once('.') {
                Some((field, component)) => (field, Some(component.parse().ok().filter(|number| *number > 0)?)),
                None => (numbers, None),
            };
            let field = field.parse().ok().filter(|number| *number > 0)?;
            is_name.then(|| Self { segment: segment.to_owned(), code: code.map(str::to_owned), field, component })
        };
        parse().ok_or_else(|| NoPath(text.to_owned()))
    }
}

impl TryFrom<String> for Hl7Path {
    type Error = NoPath;

    fn try_from(text: String) -> Result<Self, NoPath> {
        text.parse()
    }
}

impl From<Hl7Path> for String {
    fn from(path: Hl7Path) -> Self {
        path.to_string()
    }
}

impl fmt::Display for Hl7Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segment)?;
        if let Some(code) = &self.code {
            write!(f, "[{code}]")?;
        }
        write!(f, "-{}", self.field)?;
        self.component.map_or(Ok(()), |component| write!(f, ".{component}"))
    }
}

/// How the messages of one feed are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hl7Mapping {
    /// Where a field is found: the first place that says something. They come before the standard's places.
    pub from: BTreeMap<Hl7Field, Vec<Hl7Path>>,
    /// What an office's codes mean in our words, by field. Compared without case.
    pub values: BTreeMap<Hl7Field, BTreeMap<String, String>>,
    /// What holds where none of the places of `from` says anything.
    pub defaults: BTreeMap<Hl7Field, String>,
    /// What becomes of a referral with a code that is in none of `values` and is no word of ours.
    pub unknown_codes: UnknownCode,
    /// Whose record number (PID-3.4) is taken, the best first; none of them: the first that is told.
    pub assigning_authorities: Vec<String>,
    /// Which name of the patient is taken, by its type (PID-5.7, table 0200), the best first; none of them: the legal one, else the
    /// first that is no alias.
    pub name_types: Vec<String>,
    /// IANA time zone of the office: times that do not say theirs are of it. None: the center's.
    pub time_zone: Option<String>,
    /// Its system begins its control ids (MSH-10) anew: a message that was sent more than a day after the one that is known by its control id
    /// came is another one.
    pub control_ids_recycle: bool,
}

impl Hl7Mapping {
    /// The zone of times that do not say theirs.
    #[must_use]
    pub fn zone(&self) -> Option<TimeZone> {
        self.time_zone.as_deref().and_then(|zone| TimeZone::get(zone).ok())
    }

    /// Our word for what was told; none where no table knows it and it is no word of ours.
    #[must_use]
    pub fn meaning(&self, field: Hl7Field, told: &str) -> Option<String> {
        let told = told.trim();
        let known = self.values.get(&field).and_then(|table| {
            table
                .iter()
                .find(|(code, _)| code.trim().to_lowercase() == told.to_lowercase())
                .map(|(_, word)| word.clone())
        });
        known.or_else(|| match field.words() {
            Some(words) => words.into_iter().find(|word| word.eq_ignore_ascii_case(told)).map(str::to_owned),
            None => Some(told.to_owned()),
        })
    }

    /// What is wrong with it: near which word, what, and what to do.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String, String)> {
        let mut faults = Vec::new();
        for (field, places) in &self.from {
            if places.is_empty() {
                let what = format!("\"{field}\" comes from nowhere");
                faults.push((field.to_string(), what, "name a place such as PV2-3.2, or take the line away".into()));
            }
        }
        let told = self.values.iter().flat_map(|(field, table)| table.values().map(move |word| (field, word)));
        for (field, word) in told.chain(&self.defaults) {
            let Some(words) = field.words() else { continue };
            if !words.contains(&word.as_str()) {
                let what = format!("\"{word}\" is no {}", field.label("en").to_lowercase());
                faults.push((word.clone(), what, format!("use one of: {}", words.join(", "))));
            }
        }
        for field in self.values.keys().filter(|field| !self.from.contains_key(field)) {
            let what = format!("nothing tells where the codes of \"{field}\" stand");
            faults.push((field.to_string(), what, format!("add {field} to [feed.hl7.from]")));
        }
        for field in Hl7Field::ALL.iter().copied().filter(|field| field.is_ones_own()) {
            if self.defaults.contains_key(&field) {
                let what = format!("\"{field}\" can not be the same for all referrals");
                faults.push((field.to_string(), what, "take it out of defaults".into()));
            }
        }
        if let Some(zone) = self.time_zone.as_ref().filter(|_| self.zone().is_none()) {
            faults.push((
                zone.clone(),
                format!("time zone \"{zone}\" is unknown"),
                "see the IANA time zone list".into(),
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_written_alike_and_nothing_else_is_one() {
        for text in ["PV2-3.2", "ZRF-4", "OBX[AREA]-5", "OBX[76-2]-5.1"] {
            assert_eq!(text.parse::<Hl7Path>().map(|path| path.to_string()).as_deref(), Ok(text));
        }
        for text in
            ["", "PV2", "PV2-", "PV2-0", "PV2-3.0", "pv2-3", "PV-3", "PV23-3", "OBX[]-5", "OBX[A-5", "PV2-x", "2PV-1"]
        {
            assert!(text.parse::<Hl7Path>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_code_means_what_its_table_says_else_what_it_is_itself() {
        let table = BTreeMap::from([("BRST".to_owned(), "breast".to_owned())]);
        let mapping = Hl7Mapping { values: BTreeMap::from([(Hl7Field::CancerArea, table)]), ..Hl7Mapping::default() };
        let area = |told| mapping.meaning(Hl7Field::CancerArea, told);
        assert_eq!(area(" brst ").as_deref(), Some("breast"));
        assert_eq!(area("GI").as_deref(), Some("gi"));
        assert_eq!(area("ONC7"), None);
        assert_eq!(mapping.meaning(Hl7Field::Phone, "555").as_deref(), Some("555"));
    }

    #[test]
    fn words_that_are_none_and_tables_without_a_place_are_told() {
        let table = BTreeMap::from([("B".to_owned(), "brest".to_owned())]);
        let mapping = Hl7Mapping {
            values: BTreeMap::from([(Hl7Field::CancerArea, table)]),
            defaults: BTreeMap::from([
                (Hl7Field::Phone, "1".to_owned()),
                (Hl7Field::Email, "desk@example.com".to_owned()),
                (Hl7Field::Urgency, "soon".to_owned()),
            ]),
            time_zone: Some("Mars/Olympus".into()),
            ..Hl7Mapping::default()
        };
        let told: Vec<String> = mapping.faults().into_iter().map(|(_, what, _)| what).collect();
        assert_eq!(
            told,
            [
                "\"brest\" is no cancer area",
                "nothing tells where the codes of \"cancer_area\" stand",
                "\"phone\" can not be the same for all referrals",
                "\"email\" can not be the same for all referrals",
                "time zone \"Mars/Olympus\" is unknown"
            ]
        );
        assert!(Hl7Mapping::default().faults().is_empty());
        let same_for_all = |field: Hl7Field| {
            let defaults = BTreeMap::from([(field, "x".to_owned())]);
            Hl7Mapping { defaults, ..Hl7Mapping::default() }.faults().is_empty()
        };
        let there = Hl7Mapping { time_zone: Some("America/New_York".into()), ..Hl7Mapping::default() };
        assert!(there.faults().is_empty() && there.zone().is_some());
        assert!(same_for_all(Hl7Field::ReferringPractice) && !same_for_all(Hl7Field::GuarantorName));
    }
}
