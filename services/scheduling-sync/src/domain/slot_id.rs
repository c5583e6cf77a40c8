//! The name of a slot, made from what the slot is, so that every replica gives the same slot the same name without asking.
//!
//! It stands in addresses and forms, so each part is written with characters that need no escaping there.

use std::fmt;
use std::str::FromStr;

use causeway_funnel::booking::Slot;
use jiff::Timestamp;

/// A slot by site, start, role and kind of visit. Prints as `harbor.1798218000000000.oncologist.new_visit`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SlotId {
    /// Site id.
    pub site: String,
    /// Start, to the microsecond.
    pub start: Timestamp,
    /// Who sees the patient.
    pub role: String,
    /// Kind of visit.
    pub visit_kind: String,
}

/// The text was no slot's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a slot id; take one from the offered slots")]
pub struct NotASlotId;

impl SlotId {
    /// The name of a slot.
    #[must_use]
    pub fn of(slot: &Slot) -> Self {
        Self {
            site: slot.site.clone(),
            start: slot.start,
            role: slot.clinician_role.clone(),
            visit_kind: slot.visit_kind.clone(),
        }
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(f, &self.site)?;
        write!(f, ".{}.", self.start.as_microsecond())?;
        escape(f, &self.role)?;
        f.write_str(".")?;
        escape(f, &self.visit_kind)
    }
}

impl FromStr for SlotId {
    type Err = NotASlotId;

    fn from_str(text: &str) -> Result<Self, NotASlotId> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(NotASlotId);
        let (site, start, role, visit_kind) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(NotASlotId);
        }
        let start = start.parse::<i64>().map_err(|_| NotASlotId)?;
        let id = Self {
            site: unescape(site)?,
            start: Timestamp::from_microsecond(start).map_err(|_| NotASlotId)?,
            role: unescape(role)?,
            visit_kind: unescape(visit_kind)?,
        };
        // One slot, one name: another spelling of the same parts would be another key in the database.
        if id.to_string() == text { Ok(id) } else { Err(NotASlotId) }
    }
}

/// Writes letters, digits, `-` and `_` as they are and any other byte as `*` and two hexadecimal digits.
fn escape(f: &mut fmt::Formatter<'_>, part: &str) -> fmt::Result {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            write!(f, "{}", char::from(byte))?;
        } else {
            write!(f, "*{byte:02x}")?;
        }
    }
    Ok(())
}

fn unescape(part: &str) -> Result<String, NotASlotId> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'*' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_at_checked(2).ok_or(NotASlotId)?;
        let digits = std::str::from_utf8(digits).map_err(|_| NotASlotId)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| NotASlotId)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| NotASlotId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_slot_id_reads_back_to_its_parts_and_needs_no_escaping_in_an_address(
            site in ".{0,12}", role in ".{0,12}", visit_kind in ".{0,12}", micros in 0_i64..4_000_000_000_000_000,
        ) {
            let id = SlotId { site, start: Timestamp::from_microsecond(micros).unwrap(), role, visit_kind };
            let text = id.to_string();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte)));
            prop_assert_eq!(text.parse::<SlotId>(), Ok(id));
        }

        #[test]
        fn any_other_text_is_refused_or_is_the_one_spelling_of_a_slot(text in "[a-z0-9*._-]{0,40}") {
            if let Ok(id) = text.parse::<SlotId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn a_slot_id_reads_like_what_it_names_and_a_second_spelling_is_refused() {
        let text = "harbor.1798218000000000.oncologist.new_visit";
        let id: SlotId = text.parse().unwrap();
        assert_eq!((id.site.as_str(), id.role.as_str(), id.visit_kind.as_str()), ("harbor", "oncologist", "new_visit"));
        for other in [
            "",
            "harbor",
            "harbor.01798218000000000.a.b",
            "harbor.1.a.b.c",
            "*68arbor.1.a.b",
            "harbor.1.a*.b",
            "harbor.x.a.b",
        ] {
            assert_eq!(other.parse::<SlotId>(), Err(NotASlotId), "{other}");
        }
    }
}
