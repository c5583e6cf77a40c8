//! What is wrong with a message: faults, which its sender is told, and oddities, which are taken and counted.
//!
//! A fault is made of constants only, so none can repeat what stands in the message. Deliberately not here: how a fault is
//! written into a reply (reply).

use std::fmt;

/// Why a message is refused: table 0357.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 100.
    SegmentSequence,
    /// 101.
    RequiredField,
    /// 102.
    DataType,
    /// 103.
    TableValue,
    /// 200.
    MessageType,
    /// 201.
    Event,
    /// 202.
    ProcessingId,
    /// 203.
    Version,
    /// 204.
    UnknownKey,
    /// 205.
    DuplicateKey,
    /// 207.
    Internal,
}

impl Code {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::SegmentSequence => "100",
            Self::RequiredField => "101",
            Self::DataType => "102",
            Self::TableValue => "103",
            Self::MessageType => "200",
            Self::Event => "201",
            Self::ProcessingId => "202",
            Self::Version => "203",
            Self::UnknownKey => "204",
            Self::DuplicateKey => "205",
            Self::Internal => "207",
        }
    }

    /// Its name in the table.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::SegmentSequence => "Segment sequence error",
            Self::RequiredField => "Required field missing",
            Self::DataType => "Data type error",
            Self::TableValue => "Table value not found",
            Self::MessageType => "Unsupported message type",
            Self::Event => "Unsupported event code",
            Self::ProcessingId => "Unsupported processing id",
            Self::Version => "Unsupported version id",
            Self::UnknownKey => "Unknown key identifier",
            Self::DuplicateKey => "Duplicate key identifier",
            Self::Internal => "Application internal error",
        }
    }
}

/// How bad it is: table 0516.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The message is not taken.
    Error,
    /// It is taken, and a part of it is put aside.
    Warning,
}

impl Severity {
    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Error => "E",
            Self::Warning => "W",
        }
    }
}

/// Where in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Name of the segment.
    pub segment: &'static str,
    /// Which of the segments of that name, counted from 1.
    pub sequence: u32,
    /// The field; 0: the whole segment.
    pub field: u32,
    /// Which of the values of the field, counted from 1.
    pub repetition: u32,
    /// The component; 0: the whole field.
    pub component: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}^{}", self.segment, self.sequence)?;
        match (self.field, self.component) {
            (0, _) => Ok(()),
            (field, 0) => write!(f, "^{field}"),
            (field, component) => write!(f, "^{field}^{}^{component}", self.repetition),
        }
    }
}

/// One thing that the sender has to mend, or should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Where; none: nowhere in the message.
    pub location: Option<Location>,
    /// Why, for machines.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What to do, for people.
    pub words: &'static str,
}

impl Fault {
    /// An error in the first segment of a name.
    #[must_use]
    pub const fn at(segment: &'static str, field: u32, code: Code, words: &'static str) -> Self {
        let location = Some(Location { segment, sequence: 1, field, repetition: 1, component: 0 });
        Self { location, code, severity: Severity::Error, words }
    }

    /// The same at one component.
    #[must_use]
    pub const fn in_component(self, component: u32) -> Self {
        let location = match self.location {
            Some(location) => Some(Location { component, ..location }),
            None => None,
        };
        Self { location, ..self }
    }
}

/// What is not as it should be and was understood all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// No character set was declared, or another than was used, and it is no UTF-8: read as windows-1252.
    CharacterSetGuessed,
    /// The declared character set has a name that we do not know.
    CharacterSetUnknown,
    /// Segments do not end with one carriage return.
    LineEnds,
    /// Names of segments in lower case.
    SegmentCase,
    /// No version, or one that does not exist.
    Version,
    /// Nothing tells the patient's record at the office.
    NoRecordNumber,
    /// Nothing tells the referral from the next one.
    NoReferralNumber,
    /// The birth date can't be read, or not to the day.
    BirthDate,
    /// The number of a provider (NPI) has a wrong check digit.
    ProviderNumber,
    /// A document can't be read.
    DocumentUnreadable,
    /// A document is a program.
    DocumentIsProgram,
    /// A document of a referral is neither final nor preliminary.
    DocumentNotFinal,
    /// A document of a referral was taken back by who sent it.
    DocumentTakenBack,
}

impl Oddity {
    /// A stable word, for counting.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CharacterSetGuessed => "character_set_guessed",
            Self::CharacterSetUnknown => "character_set_unknown",
            Self::LineEnds => "line_ends",
            Self::SegmentCase => "segment_case",
            Self::Version => "version",
            Self::NoRecordNumber => "no_record_number",
            Self::NoReferralNumber => "no_referral_number",
            Self::BirthDate => "birth_date",
            Self::ProviderNumber => "npi",
            Self::DocumentUnreadable => "document_unreadable",
            Self::DocumentIsProgram => "document_is_program",
            Self::DocumentNotFinal => "document_not_final",
            Self::DocumentTakenBack => "document_taken_back",
        }
    }
}
