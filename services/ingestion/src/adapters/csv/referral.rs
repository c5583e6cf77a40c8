//! A row read as the answers of a form, so that a list of referrals goes the same way as everybody's.
//!
//! Of what can't be read as much as possible is kept, as it was told, for a person to mend. Two things keep a row from being
//! taken: a birth date that is none, because it may be another person's, and nobody to call at all. Deliberately not here:
//! whether the row is known already (writer), and what makes a row a row (row).

use std::collections::BTreeMap;

use causeway_auth::fingerprint;
use causeway_funnel::diagnosis;
use causeway_funnel::inquiry::Urgency;
use causeway_funnel::profile::CsvField as Field;
use causeway_funnel::profile::CsvMapping;
use jiff::civil::Date;

use super::cells;
use super::dates::{self, Told};
use super::fault::Code;
use super::row::Row;
use crate::domain::npi;
use crate::domain::referral::{self, Contact};

/// Something to look at, and in which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// What.
    pub code: Code,
    /// Where; none: the whole row.
    pub field: Option<Field>,
}

impl Remark {
    /// About one field.
    #[must_use]
    pub const fn at(code: Code, field: Field) -> Self {
        Self { code, field: Some(field) }
    }

    /// About the whole row.
    #[must_use]
    pub const fn whole(code: Code) -> Self {
        Self { code, field: None }
    }
}

/// What a row says. PHI: no `Debug`.
pub struct Referral {
    /// Answers by question key.
    pub answers: BTreeMap<String, String>,
    /// The person's language, as far as it is told.
    pub language: String,
    /// How pressing the office calls it.
    pub urgency: Urgency,
    /// Whether a second opinion is asked for.
    pub second_opinion: bool,
    /// Whether the office withdraws it.
    pub is_cancelled: bool,
    /// What tells it from all other rows of its feed: the office's number, else what identifies person and matter.
    pub identity: String,
    /// The office's number as it stands in the file.
    pub referral_id: String,
    /// What it is about besides the person, by which a row without a number is known.
    pub matter: Matter,
    /// What should be looked at.
    pub remarks: Vec<Remark>,
}

/// What a row is about besides the person: by whom, when and for what. PHI: no `Debug`.
pub struct Matter {
    npi: String,
    date: String,
    codes: String,
}

impl Matter {
    /// What tells a row without a number from all others of its feed: a row that is mended in one of these is another one.
    #[must_use]
    pub fn identity(&self, name: &str, birth: &str) -> String {
        fingerprint(["row", &name.to_lowercase(), birth, &self.npi, &self.date, &self.codes])
    }
}

/// A birth date as it is a part of what identifies a row: the day, and where it is told in words, those.
#[must_use]
pub fn birth_told(told: &str, mapping: &CsvMapping, today: Date) -> String {
    match dates::read(told, mapping.dates, today) {
        Told::Day(day) => day.to_string(),
        _ => told.to_owned(),
    }
}

struct Reader<'a> {
    row: &'a Row<'a>,
    mapping: &'a CsvMapping,
    today: Date,
    answers: BTreeMap<String, String>,
    remarks: Vec<Remark>,
}

/// Reads a row.
///
/// # Errors
/// Why it is not taken.
pub fn read(row: &Row<'_>, mapping: &CsvMapping, today: Date) -> Result<Referral, Remark> {
    let mut reader = Reader { row, mapping, today, answers: BTreeMap::new(), remarks: Vec::new() };
    let birth = reader.birth()?;
    let referral = reader.gather(birth);
    let somebody = ["name", "patient_name", "phone", "email"];
    if !referral.is_cancelled && !somebody.iter().any(|key| referral.answers.contains_key(*key)) {
        return Err(Remark::whole(Code::Nobody));
    }
    Ok(referral)
}

/// As much of a row as can be read, also where it is not taken.
#[must_use]
pub fn read_in_part(row: &Row<'_>, mapping: &CsvMapping, today: Date) -> Referral {
    let mut reader = Reader { row, mapping, today, answers: BTreeMap::new(), remarks: Vec::new() };
    let birth = reader.birth().unwrap_or_else(|impossible| {
        reader.remarks.push(impossible);
        reader.copy("birth_date", Field::BirthDate);
        None
    });
    reader.gather(birth)
}

impl Reader<'_> {
    fn gather(mut self, birth: Option<Date>) -> Referral {
        let row = self.row;
        let is_minor = referral::is_minor(birth, self.today);
        let date = self.referral_date();
        self.contact(is_minor);
        let codes = self.diagnosis(is_minor);
        self.reason(&codes);
        self.around();
        let npi = cells::whole_number(row.text(Field::ReferringNpi)).to_owned();
        let matter = Matter { npi, date, codes: codes.join(" ") };
        let (referral_id, identity) = self.identity(&matter);
        let reason = [Field::Reason, Field::RequestedService].map(|field| row.text(field).to_lowercase());
        let opinion = |text: &String| text.contains("second opinion") || text.contains("2nd opinion");
        let status = row.text(Field::Status);
        if !is_cancelled(status) && !stands(status) {
            self.remark(Code::StatusUnknown, Field::Status);
            self.copy("status_told", Field::Status);
        }
        let mut remarks = self.remarks;
        remarks.sort_unstable();
        remarks.dedup();
        Referral {
            answers: self.answers,
            language: referral::language(row.text(Field::Language), ""),
            urgency: urgency(row.text(Field::Priority)),
            second_opinion: reason.iter().any(opinion),
            is_cancelled: is_cancelled(row.text(Field::Status)),
            identity,
            referral_id,
            matter,
            remarks,
        }
    }

    fn put(&mut self, key: &str, answer: impl Into<String>) {
        let answer = answer.into();
        if !answer.trim().is_empty() {
            self.answers.insert(key.to_owned(), answer);
        }
    }

    fn copy(&mut self, key: &str, field: Field) {
        let text = self.row.text(field);
        self.put(key, text);
    }

    fn remark(&mut self, code: Code, field: Field) {
        self.remarks.push(Remark::at(code, field));
    }

    /// The birth date; where it is told in words it stays as it was told.
    fn birth(&mut self) -> Result<Option<Date>, Remark> {
        let told = self.row.text(Field::BirthDate);
        let impossible = Remark::at(Code::BirthDateImpossible, Field::BirthDate);
        match dates::read(told, self.mapping.dates, self.today) {
            Told::Nothing => Ok(None),
            Told::NoDay => Err(impossible),
            Told::Day(day) if !referral::is_possible_birth(day, self.today) => Err(impossible),
            Told::Day(day) => {
                self.put("birth_date", day.to_string());
                Ok(Some(day))
            }
            Told::Words => {
                self.put("birth_date", told);
                Ok(None)
            }
        }
    }

    fn referral_date(&mut self) -> String {
        let told = self.row.text(Field::ReferralDate);
        let date = match dates::read(told, self.mapping.dates, self.today) {
            Told::Day(day) if day <= self.today.saturating_add(jiff::Span::new().days(1)) => day.to_string(),
            Told::Nothing => String::new(),
            _ => {
                self.remark(Code::DateUnreadable, Field::ReferralDate);
                told.to_owned()
            }
        };
        self.put("referral_date", date.as_str());
        date
    }

    /// Whom to contact: the patient, but never a child.
    fn contact(&mut self, is_minor: bool) {
        let row = self.row;
        let name = self.patient_name();
        let phone = [Field::Phone, Field::Phone2].map(|field| cells::phone(row.text(field)));
        let phone = phone.into_iter().find(|number| !number.is_empty()).unwrap_or_default();
        for (key, field) in [("phone_as_told", Field::Phone), ("second_phone", Field::Phone2)] {
            let told = row.text(field);
            if told != phone && !told.is_empty() {
                self.put(key, told);
            }
        }
        let (contact_name, contact_phone) =
            (cells::whole_name(row.text(Field::ContactName)), cells::phone(row.text(Field::ContactPhone)));
        let patient = Contact { name, phone: phone.to_owned(), email: row.text(Field::Email).to_owned() };
        if is_minor {
            let guardian = Contact { name: contact_name, phone: contact_phone.to_owned(), email: String::new() };
            referral::contact_guardian(&mut self.answers, patient, guardian);
        } else {
            referral::contact_patient(&mut self.answers, patient);
            self.put("contact_name", contact_name);
            self.put("contact_phone", contact_phone);
        }
        self.copy("contact_relationship", Field::ContactRelationship);
        // An office that refers a person asks us to call them. Mail, texts and voice messages need the person's own consent.
        self.put("consent_phone", "yes");
        self.copy("office_says_texts_are_welcome", Field::TextAllowed);
    }

    fn patient_name(&self) -> String {
        let whole = self.row.text(Field::PatientName);
        if whole.is_empty() {
            cells::joined(&[self.row.text(Field::PatientFirst), self.row.text(Field::PatientLast)])
        } else {
            cells::whole_name(whole)
        }
    }

    /// The codes; a child goes to those who treat children, whatever it has.
    fn diagnosis(&mut self, is_minor: bool) -> Vec<String> {
        let row = self.row;
        let codes: Vec<String> = cells::codes(row.text(Field::DiagnosisCodes), &self.mapping.code_separators).collect();
        let is_female = row.text(Field::Sex).to_ascii_lowercase().starts_with('f');
        let each = || codes.iter().map(String::as_str);
        if !codes.is_empty() && diagnosis::first_area(each(), is_female).is_none() {
            self.remark(Code::DiagnosisUnknown, Field::DiagnosisCodes);
        }
        referral::areas(&mut self.answers, each(), is_female, is_minor);
        codes
    }

    fn reason(&mut self, codes: &[String]) {
        let mut lines: Vec<String> =
            [Field::Reason, Field::Diagnosis].map(|field| self.row.text(field).to_owned()).to_vec();
        lines.push(codes.join(", "));
        lines.push(self.row.text(Field::Comments).to_owned());
        referral::reason(&mut self.answers, lines);
    }

    /// What staff want to see beside the form's answers.
    fn around(&mut self) {
        let row = self.row;
        self.put("referring_doctor", cells::whole_name(row.text(Field::ReferringProvider)));
        for (key, field) in [
            ("referring_practice", Field::PracticeName),
            ("referring_phone", Field::PracticePhone),
            ("referring_fax", Field::PracticeFax),
            ("office_record_number", Field::PatientRecordNumber),
            ("sex", Field::Sex),
            ("phone_type", Field::PhoneType),
            ("requested_service", Field::RequestedService),
            ("group_number", Field::GroupNumber),
            ("authorization", Field::Authorization),
            ("attachments", Field::Attachments),
        ] {
            self.copy(key, field);
        }
        self.npi("referring_npi", Field::ReferringNpi);
        self.npi("requested_npi", Field::RequestedNpi);
        self.place();
        self.put("payer", referral::payer(row.text(Field::Insurance)).as_str());
        let member = row.text(Field::MemberId);
        if cells::is_damaged_number(member) {
            self.remark(Code::NumberDamaged, Field::MemberId);
        }
        self.put("insurance", joined(&[row.text(Field::Insurance), member]));
        if cells::is_yes(row.text(Field::Interpreter)) {
            self.put("interpreter", "yes");
        }
    }

    fn npi(&mut self, key: &str, field: Field) {
        let told = cells::whole_number(self.row.text(field));
        if cells::is_damaged_number(told) {
            self.remark(Code::NumberDamaged, field);
        } else if !told.is_empty() && !npi::has_its_length(told) {
            self.remark(Code::NpiLength, field);
        } else if !told.is_empty() && !npi::is_sound(told) {
            self.remark(Code::NpiChecksum, field);
        }
        self.put(key, told);
    }

    fn place(&mut self) {
        let row = self.row;
        let state = row.text(Field::State);
        let may_pad = row.is_in_us() && (state.is_empty() || cells::is_state(state));
        let (street, is_padded) = cells::address(row.text(Field::Address), may_pad);
        let (zip, is_zip_padded) = cells::zip(row.text(Field::Zip), may_pad);
        for (is, field) in [(is_padded, Field::Address), (is_zip_padded, Field::Zip)] {
            if is {
                self.remark(Code::ZipPadded, field);
            }
        }
        self.put("address", joined(&[&street, row.text(Field::City), row.text(Field::State), &zip]));
    }

    /// The office's number, else what identifies person and matter.
    fn identity(&mut self, matter: &Matter) -> (String, String) {
        let told = cells::whole_number(self.row.text(Field::ReferralId));
        if cells::is_damaged_number(told) {
            self.remark(Code::NumberDamaged, Field::ReferralId);
        } else if !told.is_empty() {
            self.put("referral_number", told);
            return (told.to_owned(), told.to_owned());
        }
        self.remark(Code::NoReferralId, Field::ReferralId);
        let birth = birth_told(self.row.text(Field::BirthDate), self.mapping, self.today);
        (told.to_owned(), matter.identity(&self.patient_name(), &birth))
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
}

fn urgency(told: &str) -> Urgency {
    let word: String = told.chars().filter(|letter| letter.is_alphabetic()).flat_map(char::to_lowercase).collect();
    match word.as_str() {
        "s" | "stat" | "urgent" | "emergent" | "emergency" | "high" => Urgency::Urgent,
        "a" | "asap" | "soon" | "expedited" | "priority" => Urgency::Soon,
        _ => Urgency::Routine,
    }
}

fn is_cancelled(status: &str) -> bool {
    let word = status.trim().to_ascii_lowercase();
    let said = ["cancel", "withdrawn", "void", "deleted", "referral cancel", "cxl", "no longer needed"];
    said.iter().any(|sign| word.starts_with(sign))
}

/// Whether a word says that a referral goes on, and nothing else. What says neither is left to a person: it may be the
/// office's word for its end.
fn stands(status: &str) -> bool {
    const SAID: [&str; 23] = [
        "new",
        "open",
        "active",
        "pending",
        "referred",
        "received",
        "sent",
        "requested",
        "ordered",
        "in progress",
        "in process",
        "waiting",
        "ready",
        "approved",
        "authorized",
        "authorised",
        "accepted",
        "urgent",
        "routine",
        "signed",
        "submitted",
        "scheduling",
        "scheduled",
    ];
    let word = status.trim().to_ascii_lowercase();
    word.is_empty() || SAID.contains(&word.as_str())
}

#[cfg(test)]
#[path = "referral_tests.rs"]
mod tests;
