//! The decisions at the door, all pure: can it be read, what is left for a person to mend, what may travel, what is sealed;
//! whether a feed sends as much as it usually does; where a referral stands for its sender, and who hears of it.
//!
//! Deliberately not here: keys and hashes (handlers), rows (store).

pub mod call;
pub mod check;
pub mod document;
pub mod identity;
pub mod journey;
pub mod npi;
pub mod pdf;
pub mod person;
pub mod picture;
pub mod purpose;
pub mod referral;
pub mod sister;
pub mod submission;
pub mod subscription;
pub mod suspicion;
pub mod tiff;
pub mod travel;
pub mod volume;
pub mod wanted;
