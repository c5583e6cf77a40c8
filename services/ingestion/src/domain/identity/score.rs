//! How like two people are: each part weighed, the sum judged, the reasons kept in words.
//!
//! The weights are those of Fellegi and Sunter (1969): ten times the binary logarithm of how much more often a part agrees, or
//! differs, between two requests of one person than between those of two. They are written down here, not learned, so that
//! a person can read why. A sum alone would call twins and namesakes in one house certain, so what a family shares can never
//! outweigh a first name or a birth date that differs. Deliberately not here: how those to compare are found (clues).

use jiff::civil::Date;

use super::clues::Identity;
use super::name::{Name, are_alike, are_forms_of_one};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $weight:literal, $says:literal;)+) => {
        /// One thing that speaks for or against.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word in the record.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// Ten times the binary logarithm of the likelihood ratio.
            #[must_use]
            pub fn weight(self) -> i32 {
                match self { $(Self::$name => $weight,)+ }
            }

            /// For a person of the staff.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)+ }
            }
        }
    };
}

reasons! {
    /// Equal.
    SamePhone = "same_phone", 70, "same phone";
    /// Equal.
    SameEmail = "same_email", 80, "same e-mail address";
    /// The number under which one office knows the person.
    SameNumber = "same_number", 180, "same number at the referring office";
    /// Equal.
    SameBirth = "same_birth_date", 130, "same birth date";
    /// Equal, with day and month exchanged.
    SwappedBirth = "swapped_birth_date", 90, "birth dates with day and month exchanged";
    /// One part of the date differs.
    NearBirth = "near_birth_date", 30, "birth dates that differ in one part";
    /// Equal, or forms of one name.
    SameFirst = "same_first_name", 60, "same first name";
    /// Heard or typed alike.
    AlikeFirst = "alike_first_name", 30, "first names sound alike";
    /// One is the first letter of the other.
    InitialFirst = "initial_first_name", 10, "first name fits the initial";
    /// Equal.
    SameFamily = "same_family_name", 80, "same family name";
    /// One part of a double name.
    PartFamily = "part_family_name", 50, "family names share a part";
    /// Heard or typed alike.
    AlikeFamily = "alike_family_name", 40, "family names sound alike";
    /// The same door.
    SameAddress = "same_address", 40, "same address";
    /// Neither equal nor alike.
    OtherFirst = "other_first_name", -50, "first name differs";
    /// As after a marriage.
    OtherFamily = "other_family_name", -40, "family name differs";
    /// More than one part differs.
    OtherBirth = "other_birth_date", -100, "birth date differs";
    /// Jr and Sr.
    OtherSuffix = "other_suffix", -100, "one is Jr and one is not";
    /// Of one office.
    OtherNumber = "other_number", -60, "another number at the same referring office";
    /// People have several.
    OtherPhone = "other_phone", -10, "phone differs";
    /// People have several.
    OtherEmail = "other_email", -10, "e-mail address differs";
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Worth a look.
    Possible,
    /// Most probably the same person.
    Likely,
    /// As good as sure. A person still decides.
    Certain,
}

impl Strength {
    /// All of them, each with the least sum that it needs.
    pub const THRESHOLDS: [(Self, i32); 3] = [(Self::Certain, 320), (Self::Likely, 180), (Self::Possible, 110)];

    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// The sum of the weights.
    pub sum: i32,
    /// What went into it: what agrees first.
    pub because: Vec<Reason>,
}

/// Compares two people, part by part; a part that one of them lacks says nothing.
#[must_use]
pub fn compare(one: &Identity, other: &Identity) -> Score {
    let mut because = Vec::with_capacity(8);
    because.extend(equal(&one.phone, &other.phone, Reason::SamePhone, Some(Reason::OtherPhone)));
    because.extend(equal(&one.email, &other.email, Reason::SameEmail, Some(Reason::OtherEmail)));
    because.extend(numbers(one, other));
    because.extend(births(one.birth_date, other.birth_date));
    because.extend(first_names(&one.name, &other.name));
    because.extend(family_names(&one.name, &other.name));
    because.extend(equal(&one.address, &other.address, Reason::SameAddress, None));
    if one.name.suffix != other.name.suffix && one.name.is_whole() && other.name.is_whole() {
        because.push(Reason::OtherSuffix);
    }
    because.sort_by_key(|reason| reason.weight() < 0);
    Score { sum: because.iter().map(|reason| reason.weight()).sum(), because }
}

impl Score {
    /// How sure it is; none where it is not worth a look.
    #[must_use]
    pub fn strength(&self) -> Option<Strength> {
        let (reached, _) = Strength::THRESHOLDS.into_iter().find(|(_, least)| self.sum >= *least)?;
        Some(reached.min(self.most()))
    }

    /// What the sum can't make more of, however much a family shares.
    fn most(&self) -> Strength {
        use Reason::{OtherBirth, OtherFirst, OtherNumber, OtherSuffix, PartFamily, SameBirth, SameFamily, SameFirst};
        let has = |reasons: &[Reason]| reasons.iter().any(|reason| self.because.contains(reason));
        if has(&[OtherFirst, OtherBirth, OtherSuffix]) || !self.because.iter().any(|reason| reason.is_of_first_name()) {
            return Strength::Possible;
        }
        let is_sure = has(&[SameFirst]) && has(&[SameBirth]) && has(&[SameFamily, PartFamily]) && !has(&[OtherNumber]);
        if is_sure { Strength::Certain } else { Strength::Likely }
    }
}

impl Reason {
    fn is_of_first_name(self) -> bool {
        matches!(self, Self::SameFirst | Self::AlikeFirst | Self::InitialFirst)
    }
}

/// An explanation in words: `same phone, same birth date; first name differs`. Words that are none are left out.
#[must_use]
pub fn explain<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let known = |word: &str| Reason::ALL.iter().find(|reason| reason.word() == word).copied();
    let (against, in_favour): (Vec<_>, Vec<_>) =
        words.into_iter().filter_map(known).partition(|reason| reason.weight() < 0);
    let said = |reasons: Vec<Reason>| reasons.into_iter().map(Reason::says).collect::<Vec<_>>().join(", ");
    let parts = [said(in_favour), said(against)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn equal(one: &Option<String>, other: &Option<String>, same: Reason, differs: Option<Reason>) -> Option<Reason> {
    let (one, other) = (one.as_ref()?, other.as_ref()?);
    if one == other { Some(same) } else { differs }
}

fn numbers(one: &Identity, other: &Identity) -> Option<Reason> {
    let (one, other) = (one.number.as_ref()?, other.number.as_ref()?);
    let office = |number: &str| number.split_once('|').map(|(office, _)| office.to_owned());
    if one == other { Some(Reason::SameNumber) } else { (office(one) == office(other)).then_some(Reason::OtherNumber) }
}

fn births(one: Option<Date>, other: Option<Date>) -> Option<Reason> {
    let (one, other) = (one?, other?);
    let parts = |date: Date| (i32::from(date.year()), i32::from(date.month()), i32::from(date.day()));
    let ((year, month, day), (year2, month2, day2)) = (parts(one), parts(other));
    let differing = u8::from(year != year2) + u8::from(month != month2) + u8::from(day != day2);
    Some(match differing {
        0 => Reason::SameBirth,
        2 if year == year2 && (month, day) == (day2, month2) => Reason::SwappedBirth,
        // A slip of one key. A parent of the same name is a generation older, and may have the same birthday.
        1 if (year - year2).abs() > 9 => Reason::OtherBirth,
        1 => Reason::NearBirth,
        _ => Reason::OtherBirth,
    })
}

fn first_names(one: &Name, other: &Name) -> Option<Reason> {
    let (first, second) = (one.first.as_str(), other.first.as_str());
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let is_initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
    Some(if are_forms_of_one(first, second) {
        Reason::SameFirst
    } else if is_initial(first, second) || is_initial(second, first) {
        Reason::InitialFirst
    } else if are_alike(first, second) {
        Reason::AlikeFirst
    } else {
        Reason::OtherFirst
    })
}

fn family_names(one: &Name, other: &Name) -> Option<Reason> {
    if one.rest.is_empty() || other.rest.is_empty() {
        return None;
    }
    // An initial or a particle is no part that tells anything.
    let share = one.rest.iter().any(|word| word.chars().count() > 3 && other.rest.contains(word));
    Some(if one.family() == other.family() {
        Reason::SameFamily
    } else if share {
        Reason::PartFamily
    } else if are_alike(one.family(), other.family()) {
        Reason::AlikeFamily
    } else {
        Reason::OtherFamily
    })
}
