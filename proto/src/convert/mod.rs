//! The wire and the words of the domain: one file per noun, both directions.
//!
//! An unknown word of a newer sender becomes the neutral one (not sure, web form, routine), so that a listener that is
//! one release behind goes on; a missing instant or id is refused, since nothing can be done without it.

mod access;
mod facts;
mod stage;

use jiff::Timestamp;

use crate::events::Unreadable;

pub use access::{AccessLine, access_before, access_page};
pub use facts::{
    attribution_from_wire, attribution_to_wire, facts_from_wire, facts_to_wire, is_written_to, stay_from_wire,
};
pub use stage::{stage_from_wire, stage_to_wire};

/// An instant as microseconds since the Unix epoch, as all messages carry it.
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Reads an instant; `0` and what no clock can show are refused.
pub fn instant(field: &'static str, micros: i64) -> Result<Timestamp, Unreadable> {
    optional_instant(micros).ok_or(Unreadable::Missing { field })
}

/// Reads an instant where `0` means none.
pub fn optional_instant(micros: i64) -> Option<Timestamp> {
    (micros != 0).then(|| Timestamp::from_microsecond(micros).ok()).flatten()
}

/// Maps an enumeration of the wire to one of the domain and back, by pairs.
macro_rules! pairs {
    ($(#[$doc:meta])* $to:ident, $from:ident: $wire:ty => $word:ty, $neutral:expr; $($w:ident = $d:ident),* $(,)?) => {
        $(#[$doc])*
        pub fn $to(word: $word) -> $wire {
            match word { $(<$word>::$d => <$wire>::$w,)* }
        }
        #[doc = concat!("The other way of [`", stringify!($to), "`].")]
        pub fn $from(wire: $wire) -> $word {
            match wire { $(<$wire>::$w => <$word>::$d,)* _ => $neutral }
        }
    };
}
pub(crate) use pairs;

pub use facts::{
    area_from_wire, area_to_wire, channel_from_wire, channel_to_wire, consult_type_from_wire, consult_type_to_wire,
    source_from_wire, source_to_wire, urgency_from_wire, urgency_to_wire,
};
