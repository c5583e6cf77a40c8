//! The sentences around sending files.
//!
//! Deliberately not here: why a file is not taken, which all who meet it say alike (the vocabulary's document faults).

use super::Around;

/// Sending files from the patient's own page.
#[derive(Debug)]
pub struct FileWords {
    /// Heading over the form.
    pub heading: &'static str,
    /// Label of the field that opens the camera.
    pub take_photo: &'static str,
    /// Hint of that field.
    pub take_photo_hint: &'static str,
    /// Label of the field that opens files.
    pub choose: &'static str,
    /// Hint of that field; the number of megabytes fills the gap.
    pub choose_hint: Around,
    /// Button.
    pub send: &'static str,
    /// Said while files are on their way.
    pub sending: &'static str,
    /// Name of the bar that shows how far they are.
    pub progress: &'static str,
    /// Heading over the files that were sent.
    pub sent: &'static str,
    /// State of a file that the center can open.
    pub here: &'static str,
    /// State of a file that is checked for malware.
    pub checking: &'static str,
    /// State of a file that the check stopped.
    pub stopped: &'static str,
    /// One file was kept.
    pub kept_one: &'static str,
    /// Several were kept; their number fills the gap.
    pub kept_many: Around,
    /// After that a file is too large; how many megabytes one may have fills the gap.
    pub limit: Around,
    /// This file did not reach us.
    pub lost: &'static str,
    /// Nothing was chosen.
    pub nothing: &'static str,
    /// Not all of it came; the center's phone number fills the gap.
    pub cut: Around,
}
