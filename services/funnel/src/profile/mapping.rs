//! How the columns of a partner's CSV files are to be read: data, approved by a person at the center.
//!
//! No two offices write the same file, and no rule could tell what their columns mean. So each feed says which header is
//! which field, and a file with any other header is not read at all. Headers are compared without case, blanks and
//! punctuation, because spreadsheets change those by themselves. Deliberately not here: reading a file (ingestion).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::words::vocabulary;

vocabulary! {
    /// What a column of a partner's file tells.
    CsvField ("CSV field") {
        ReferralId = "referral_id", "Number of the referral", "Número de la derivación", "Numéro de l'orientation";
        ReferralDate = "referral_date", "Date of the referral", "Fecha de la derivación", "Date de l'orientation";
        Priority = "priority", "How pressing", "Urgencia", "Urgence";
        ReferringNpi = "referring_npi", "NPI of who refers", "NPI de quien deriva", "NPI du prescripteur";
        ReferringProvider = "referring_provider", "Who refers", "Quien deriva", "Prescripteur";
        PracticeName = "practice_name", "Practice", "Consultorio", "Cabinet";
        PracticePhone = "practice_phone", "Phone of the practice", "Teléfono del consultorio", "Téléphone du cabinet";
        PracticeFax = "practice_fax", "Fax of the practice", "Fax del consultorio", "Fax du cabinet";
        PatientRecordNumber = "patient_record_number", "Record number at the office", "Número de expediente", "Numéro de dossier";
        PatientName = "patient_name", "Whole name of the patient", "Nombre completo del paciente", "Nom complet du patient";
        PatientLast = "patient_last", "Family name", "Apellido", "Nom";
        PatientFirst = "patient_first", "Given name", "Nombre", "Prénom";
        BirthDate = "birth_date", "Birth date", "Fecha de nacimiento", "Date de naissance";
        Sex = "sex", "Sex", "Sexo", "Sexe";
        Phone = "phone", "Phone", "Teléfono", "Téléphone";
        Phone2 = "phone_2", "Second phone", "Segundo teléfono", "Second téléphone";
        PhoneType = "phone_type", "Kind of phone", "Tipo de teléfono", "Type de téléphone";
        TextAllowed = "text_allowed", "Texts welcome, says the office", "Acepta mensajes, según el consultorio", "SMS acceptés, selon le cabinet";
        Email = "email", "Email", "Correo electrónico", "E-mail";
        Address = "address", "Street", "Calle", "Rue";
        City = "city", "City", "Ciudad", "Ville";
        State = "state", "State", "Estado", "État";
        Zip = "zip", "ZIP code", "Código postal", "Code postal";
        Language = "language", "Language", "Idioma", "Langue";
        Interpreter = "interpreter", "Interpreter needed", "Necesita intérprete", "Interprète nécessaire";
        ContactName = "contact_name", "Who speaks for the patient", "Persona de contacto", "Personne de contact";
        ContactRelationship = "contact_relationship", "Relation to the patient", "Relación con el paciente", "Lien avec le patient";
        ContactPhone = "contact_phone", "Phone of who speaks for the patient", "Teléfono del contacto", "Téléphone du contact";
        DiagnosisCodes = "diagnosis_codes", "Diagnosis codes (ICD-10)", "Códigos de diagnóstico (CIE-10)", "Codes de diagnostic (CIM-10)";
        Diagnosis = "diagnosis", "Diagnosis in words", "Diagnóstico", "Diagnostic";
        Reason = "reason", "Reason", "Motivo", "Motif";
        RequestedService = "requested_service", "Service asked for", "Servicio solicitado", "Service demandé";
        RequestedNpi = "requested_npi", "NPI of who is asked for", "NPI solicitado", "NPI demandé";
        Insurance = "insurance", "Insurance", "Seguro", "Assurance";
        MemberId = "member_id", "Member number", "Número de afiliado", "Numéro d'assuré";
        GroupNumber = "group_number", "Group number", "Número de grupo", "Numéro de groupe";
        Authorization = "authorization", "Authorization number", "Número de autorización", "Numéro d'autorisation";
        Attachments = "attachments", "Attachments", "Adjuntos", "Pièces jointes";
        Status = "status", "Status", "Situación", "Statut";
        Comments = "comments", "Comments", "Comentarios", "Commentaires";
        #[default]
        Ignored = "ignored", "Not read", "No se lee", "Non lu";
    }
}

vocabulary! {
    /// In which order a file writes the parts of a date. A date that begins with the year is read as such in all of them.
    DateOrder ("date order") {
        #[default]
        MonthFirst = "mdy", "Month, day, year", "Mes, día, año", "Mois, jour, année";
        DayFirst = "dmy", "Day, month, year", "Día, mes, año", "Jour, mois, année";
        YearFirst = "ymd", "Year, month, day", "Año, mes, día", "Année, mois, jour";
    }
}

/// How the files of one feed are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvMapping {
    /// Order of the parts of a date.
    pub dates: DateOrder,
    /// IANA zone of the office, whose day decides which dates lie in the future; none: the center's.
    pub time_zone: Option<String>,
    /// Character set of files that are neither UTF-8 nor bear a mark, by any name that the Encoding Standard has for it; none:
    /// windows-1252.
    pub encoding: Option<String>,
    /// What stands between several codes in one cell.
    pub code_separators: String,
    /// Fields of files without a header, in the order of their columns.
    pub columns: Vec<CsvField>,
    /// Fields without which a file is not read.
    pub required: Vec<CsvField>,
    /// Headers that are known and not read.
    pub ignored: Vec<String>,
    /// What is the same for all rows and stands in no column.
    pub constants: BTreeMap<CsvField, String>,
    /// Other spellings of a field's header; its own name is always known.
    pub headers: BTreeMap<CsvField, Vec<String>>,
}

impl Default for CsvMapping {
    fn default() -> Self {
        Self {
            dates: DateOrder::default(),
            time_zone: None,
            encoding: None,
            code_separators: "|,;".to_owned(),
            columns: Vec::new(),
            required: Vec::new(),
            ignored: Vec::new(),
            constants: BTreeMap::new(),
            headers: BTreeMap::new(),
        }
    }
}

/// A header as it is compared: small letters and digits alone, an accent as a part of its letter however it is written.
#[must_use]
pub fn plain_header(text: &str) -> String {
    text.nfc().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl CsvMapping {
    /// The character set of files that do not tell theirs; nothing where it is named wrongly. UTF-16 tells itself.
    #[must_use]
    pub fn charset(&self) -> Option<&'static encoding_rs::Encoding> {
        let Some(name) = &self.encoding else { return Some(encoding_rs::WINDOWS_1252) };
        encoding_rs::Encoding::for_label(name.as_bytes()).filter(|known| known.is_ascii_compatible())
    }

    /// Every spelling of a header with its field, as [`plain_header`] writes it.
    #[must_use]
    pub fn known_headers(&self) -> BTreeMap<String, CsvField> {
        self.spellings().map(|(text, field)| (plain_header(text), field)).collect()
    }

    fn spellings(&self) -> impl Iterator<Item = (&str, CsvField)> {
        let own =
            CsvField::ALL.iter().filter(|field| **field != CsvField::Ignored).map(|field| (field.as_str(), *field));
        let ignored = self.ignored.iter().map(|text| (text.as_str(), CsvField::Ignored));
        let told = self.headers.iter().flat_map(|(field, all)| all.iter().map(|text| (text.as_str(), *field)));
        own.chain(ignored).chain(told)
    }

    /// Whether files of this feed begin with their data.
    #[must_use]
    pub fn is_without_header(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The fields that a file must have and does not.
    #[must_use]
    pub fn missing(&self, present: &[CsvField]) -> Vec<CsvField> {
        let has = |field: &CsvField| present.contains(field) || self.constants.contains_key(field);
        let mut missing: Vec<CsvField> = self.required.iter().filter(|field| !has(field)).copied().collect();
        if !has(&CsvField::PatientName) && !has(&CsvField::PatientLast) && missing.is_empty() {
            missing.push(CsvField::PatientName);
        }
        missing
    }

    /// What is wrong with it: near which word, what, and what to do.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String, &'static str)> {
        let mut faults = self.faulty_headers();
        let mut fault = |near: &str, what: String, remedy| faults.push((near.to_owned(), what, remedy));
        if self.is_without_header() && !(self.headers.is_empty() && self.ignored.is_empty()) {
            fault("columns", "its files have both a header and none".into(), "keep columns, or headers and ignored");
        }
        let mut seen = BTreeSet::new();
        for field in self.columns.iter().filter(|field| **field != CsvField::Ignored) {
            if !seen.insert(field) {
                let what = format!("two columns are \"{field}\"");
                fault(field.as_str(), what, "give each column its own field, or \"ignored\"");
            }
        }
        if self.is_without_header() {
            for field in self.missing(&self.columns) {
                let what = format!("no column is \"{field}\", without which a file is not read");
                fault("columns", what, "add it to columns");
            }
        }
        for field in self.constants.keys() {
            if self.headers.contains_key(field) || self.columns.contains(field) {
                let what = format!("\"{field}\" is both a constant and a column");
                fault(field.as_str(), what, "keep one of them");
            }
            if matches!(field, CsvField::Ignored | CsvField::ReferralId) {
                let what = format!("\"{field}\" can not be the same for all rows");
                fault(field.as_str(), what, "take it out of constants");
            }
        }
        if let Some(name) = self.encoding.as_deref().filter(|_| self.charset().is_none()) {
            let remedy = "name one such as windows-1250, iso-8859-2 or macintosh; UTF-8 and UTF-16 tell themselves";
            fault(name, format!("\"{name}\" is no character set that is read here"), remedy);
        }
        if let Some(zone) = self.time_zone.as_deref().filter(|zone| jiff::tz::TimeZone::get(zone).is_err()) {
            fault(zone, format!("time zone \"{zone}\" is unknown"), "see the IANA time zone list");
        }
        let fine = |letter: char| letter.is_ascii_punctuation() && !matches!(letter, '.' | '"') || letter == ' ';
        if self.code_separators.is_empty() || !self.code_separators.chars().all(fine) {
            let remedy =
                "list the characters between codes, such as \"|,;\"; letters, digits and dots are parts of codes";
            fault("code_separators", "code_separators can not separate codes".into(), remedy);
        }
        faults
    }

    fn faulty_headers(&self) -> Vec<(String, String, &'static str)> {
        let mut faults = Vec::new();
        let mut seen: BTreeMap<String, CsvField> = BTreeMap::new();
        for (text, field) in self.spellings() {
            let plain = plain_header(text);
            if plain.is_empty() {
                let what = format!("header \"{text}\" has neither letter nor digit");
                faults.push((text.to_owned(), what, "write the header as it stands in the file"));
                continue;
            }
            match seen.insert(plain, field) {
                Some(other) if other != field => {
                    let what = format!("header \"{text}\" is both \"{other}\" and \"{field}\"");
                    faults.push((text.to_owned(), what, "give each header one field"));
                }
                _ => {}
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(mapping: &CsvMapping) -> Vec<String> {
        mapping.faults().into_iter().map(|(_, what, _)| what).collect()
    }

    #[test]
    fn headers_are_known_by_their_letters_and_digits_and_by_their_own_name() {
        let headers = BTreeMap::from([
            (CsvField::Sex, vec!["M/F".to_owned()]),
            (CsvField::PatientFirst, vec!["Prénom".to_owned()]),
        ]);
        let mapping = CsvMapping { headers, ignored: vec!["Printed by".into()], ..CsvMapping::default() };
        let known = mapping.known_headers();
        for (header, field) in [
            (" m / f ", CsvField::Sex),
            ("Referral_ID", CsvField::ReferralId),
            ("PRINTED BY:", CsvField::Ignored),
            ("Phone 2", CsvField::Phone2),
            ("PRE\u{301}NOM", CsvField::PatientFirst),
        ] {
            assert_eq!(known.get(&plain_header(header)), Some(&field), "{header}");
        }
        assert!(!known.contains_key(&plain_header("Shoe size")));
        assert!(told(&mapping).is_empty());
    }

    #[test]
    fn a_file_without_a_name_or_a_required_field_is_not_read() {
        let mapping = CsvMapping { required: vec![CsvField::ReferralId], ..CsvMapping::default() };
        assert_eq!(mapping.missing(&[CsvField::PatientName]), [CsvField::ReferralId]);
        assert_eq!(mapping.missing(&[CsvField::ReferralId]), [CsvField::PatientName]);
        assert!(mapping.missing(&[CsvField::ReferralId, CsvField::PatientLast]).is_empty());
    }

    #[test]
    fn what_contradicts_itself_is_told() {
        let two = CsvMapping {
            headers: BTreeMap::from([
                (CsvField::Phone, vec!["Tel".into()]),
                (CsvField::Phone2, vec!["TEL.".into(), "#".into()]),
            ]),
            ..CsvMapping::default()
        };
        assert_eq!(
            told(&two),
            ["header \"TEL.\" is both \"phone\" and \"phone_2\"", "header \"#\" has neither letter nor digit"]
        );
        let odd = CsvMapping {
            columns: vec![CsvField::Phone, CsvField::Phone],
            constants: BTreeMap::from([(CsvField::Phone, "1".into())]),
            ignored: vec!["x".into()],
            time_zone: Some("Mars/Olympus".into()),
            encoding: Some("utf-16".into()),
            code_separators: "C".into(),
            ..CsvMapping::default()
        };
        assert_eq!(told(&odd).len(), 7, "{:?}", told(&odd));
        let of = |name: &str| CsvMapping { encoding: Some(name.into()), ..CsvMapping::default() }.charset();
        assert_eq!(of("Windows-1250").map(encoding_rs::Encoding::name), Some("windows-1250"));
        assert_eq!(of("latin1").map(encoding_rs::Encoding::name), Some("windows-1252"), "as the standard reads it");
        assert!(of("klingon").is_none() && CsvMapping::default().charset().is_some());
    }
}
