//! What is wrong with a file or with a row of it, in words for its sender that repeat nothing of the row.
//!
//! Deliberately not here: how a result is written (result) and what is kept (store).

use super::charset::NotText;
use super::records::Flaw;

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident = $word:literal, $message:literal; )+) => {
        /// Why a row is not taken, or what should be looked at in one that is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $( $(#[$doc])* $name, )+ }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$name, )+];

            /// A stable word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            /// What to do, for people.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $( Self::$name => $message, )+ }
            }
        }
    };
}

codes! {
    /// Fewer cells than columns.
    RowShort = "row_short", "fewer cells than columns; was the line cut or a quote left out?";
    /// More cells than columns.
    RowLong = "row_long", "more cells than columns; put cells with a delimiter in quotes";
    /// See [`Flaw::TooLong`].
    RowTooLong = "row_too_long", "the line is longer than any referral; was a quote left open?";
    /// See [`Flaw::Nul`].
    Nul = "nul_byte", "a NUL byte stands in the line; export the file again";
    /// See [`Flaw::LetterLost`].
    LetterLost = "letter_lost", "a letter of the line is no letter in UTF-8, as the rest of the file is; export the file again";
    /// See [`Flaw::QuoteMisplaced`].
    QuoteMisplaced = "quote_misplaced", "text stands behind a closing quote; double each quote inside a cell";
    /// See [`Flaw::QuoteUnbalanced`].
    QuoteUnbalanced = "quote_unbalanced", "a quote is not closed; nothing was read from this line on. Mend it and send the file again";
    /// No such day, or nobody's birthday.
    BirthDateImpossible = "birth_date_impossible", "there is no such birth date; a person at the center asks for the right one, or send the row again with it";
    /// Neither name nor a way to reach anybody.
    Nobody = "nobody", "no name and no way to reach anybody; send the row again with them";
    /// The referral stands with other content.
    ReferralChanged = "referral_changed", "the referral is known with other content; a person at the center compares them";
    /// The referral was withdrawn.
    ReferralCancelled = "referral_cancelled", "the referral is cancelled; a person at the center closes it";
    /// The referral was withdrawn before, and stands in the list again.
    ReferralReopened = "referral_reopened", "the referral was cancelled before; a person at the center takes it up again";
    /// A cancellation of nothing that is known.
    UnknownReferral = "unknown_referral", "cancelled, and not known under this number; a person at the center looks";
    /// The same referral stands earlier in this file.
    Duplicate = "duplicate", "the same referral stands earlier in this file";
    /// The same, with other content.
    DuplicateDiffers = "duplicate_differs", "the same referral stands earlier in this file with other content; a person at the center compares them";
    /// The date can't be read and is kept as it was told.
    DateUnreadable = "date_unreadable", "the date can not be read and is kept as it stands";
    /// The letters of a name may be others: nothing tells the character set of the file.
    CharsetGuessed = "charset_guessed", "the letters of this name may be wrong; save the file as UTF-8 and send it again";
    /// The number fails its check digit.
    NpiChecksum = "npi_checksum", "fails the check digit";
    /// A word that is none of a referral's states.
    StatusUnknown = "status_unknown", "says neither that the referral stands nor that it is cancelled; the row is taken as a referral, and a person at the center sees the word";
    /// The number has not ten digits.
    NpiLength = "npi_length", "an NPI has ten digits";
    /// A spreadsheet turned a number into 9.9E+11.
    NumberDamaged = "number_damaged", "a spreadsheet has rounded this number away; format the column as text and send it again";
    /// A ZIP code lost its first digit, which is put back.
    ZipPadded = "zip_padded", "a leading zero was lost and is put back";
    /// A code that is none.
    DiagnosisUnknown = "diagnosis_unknown", "no diagnosis code here tells a place; a person decides which team";
    /// Nothing tells it from the next one but its content.
    NoReferralId = "no_referral_id", "without a number of its own a corrected row counts as another referral";
    /// The file waits for the word of a person.
    TooManyBadRows = "too_many_bad_rows", "too many rows can not be taken, so none was; mend the file, or let the center take the good ones";
    /// See [`NotText`].
    NotText = "not_text", "this is no CSV file; export the list as CSV UTF-8";
    /// Nothing stands in it.
    FileEmpty = "file_empty", "the file is empty; a day without referrals has a header";
    /// No line of it is a header.
    HeaderMissing = "header_missing", "no line has the headers that were agreed";
    /// A header of which nobody said what it is.
    HeaderUnknown = "header_unknown", "a column has a header that was not agreed";
    /// A field that a file must have.
    ColumnMissing = "column_missing", "a column that was agreed is missing";
    /// Two columns for one field.
    ColumnDoubled = "column_doubled", "two columns are the same field";
    /// The last line has no end and too few cells.
    FileCut = "file_cut", "the last line is cut; send the whole file again";
    /// The companion file tells another sum.
    ChecksumDiffers = "checksum_differs", "the file is not the one of its checksum; send both again";
    /// The center's profile has no such feed any more.
    FeedGone = "feed_gone", "the feed is not in the center's profile any more; the center adds it again, or the file goes elsewhere";
    /// Longer than a file may be.
    FileTooLong = "file_too_long", "the file has more rows than are taken at once; send it in parts";
}

impl Code {
    /// By its word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }

    /// Why a row waits that its sender can send again as it should be: once that has come nobody has to mend it any more.
    pub const MENDED_BY_A_SOUND_ROW: [&str; 6] = [
        Self::BirthDateImpossible.word(),
        Self::Nobody.word(),
        Self::RowShort.word(),
        Self::RowLong.word(),
        Self::Nul.word(),
        Self::LetterLost.word(),
    ];

    /// Whether the sender mends it; the rest is for people at the center.
    #[must_use]
    pub const fn is_the_senders(self) -> bool {
        !matches!(
            self,
            Self::ReferralChanged
                | Self::ReferralCancelled
                | Self::ReferralReopened
                | Self::UnknownReferral
                | Self::Duplicate
                | Self::DuplicateDiffers
                | Self::BirthDateImpossible
                | Self::Nobody
        )
    }
}

impl From<Flaw> for Code {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Nul => Self::Nul,
            Flaw::LetterLost => Self::LetterLost,
            Flaw::TooLong => Self::RowTooLong,
            Flaw::QuoteMisplaced => Self::QuoteMisplaced,
            Flaw::QuoteUnbalanced => Self::QuoteUnbalanced,
        }
    }
}

/// Why a file is not read. It names headers and lines, never a row's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// Why.
    pub code: Code,
    /// Which, for the sender, who knows the headers.
    pub detail: String,
    /// The same without headers, which somebody may have written a name into: for lists and logs.
    pub bare: String,
}

impl FileFault {
    /// A fault whose code says all.
    #[must_use]
    pub fn plain(code: Code) -> Self {
        Self { code, detail: code.message().to_owned(), bare: code.message().to_owned() }
    }

    /// A fault at something that may be told to everybody.
    #[must_use]
    pub fn at(code: Code, what: impl std::fmt::Display) -> Self {
        let detail = format!("{}: {what}", code.message());
        Self { code, bare: detail.clone(), detail }
    }

    /// A fault at something that its sender alone is told.
    #[must_use]
    pub fn telling(code: Code, what: &str, bare: &str) -> Self {
        Self { detail: format!("{}: {what}", code.message()), ..Self::at(code, bare) }
    }
}

impl From<NotText> for FileFault {
    fn from(what: NotText) -> Self {
        Self { code: Code::NotText, detail: what.remedy().to_owned(), bare: what.remedy().to_owned() }
    }
}
