//! The sentences of the pages behind the signed link.

use super::Around;

/// The patient's own page.
#[derive(Debug)]
pub struct OwnWords {
    /// Title and heading.
    pub heading: &'static str,
    /// The request number fills the gap.
    pub number: Around,
    /// The link's last day fills the gap.
    pub link_until: Around,
    /// Heading over the visit.
    pub visit: &'static str,
    /// Button that says yes to the visit.
    pub will_come: &'static str,
    /// Shown once the person said yes.
    pub confirmed: &'static str,
    /// Heading over the agreed next step.
    pub step: &'static str,
    /// The number that we call from fills the gap.
    pub step_call: Around,
    /// Where we do not call.
    pub step_nothing: &'static str,
    /// Before what is to be expected.
    pub step_expect: &'static str,
    /// How long one takes, where that is a day; the number fills the gap.
    pub step_day: Around,
    /// The same of several days.
    pub step_days: Around,
    /// For who can't then; the phone fills the gap.
    pub step_other: Around,
    /// Heading over the offered times.
    pub times: &'static str,
    /// Before the offered times; the time until which they are kept fills the gap.
    pub times_kept: Around,
    /// Button on one offered time.
    pub pick: &'static str,
    /// Heading over the status path.
    pub status: &'static str,
    /// Said before a step that is done, for those who listen.
    pub step_done: &'static str,
    /// Said before the step that is current, for those who listen.
    pub step_now: &'static str,
    /// Heading over the records.
    pub records: &'static str,
    /// State of a record.
    pub here: &'static str,
    /// State of a record.
    pub asked_for: &'static str,
    /// State of a record.
    pub needed: &'static str,
    /// State of a record.
    pub not_needed: &'static str,
    /// Shown while no records are listed.
    pub no_records: &'static str,
    /// Under a paper that we asked the person for; the day fills the gap.
    pub asked_you: Around,
    /// Under a paper that we asked the office that refers for; the day fills the gap.
    pub asked_office: Around,
    /// The same of a hospital or imaging center.
    pub asked_hospital: Around,
    /// By when they promised it; the day fills the gap.
    pub promised: Around,
    /// Label of the list that says which paper the file is.
    pub which_paper: &'static str,
    /// Option for a paper that is not on the list.
    pub other_paper: &'static str,
}

/// Times, reasons and changes on the patient's own page.
#[derive(Debug)]
pub struct ChangeWords {
    /// Said below the offered times; the center's phone number fills the gap.
    pub none_fit: Around,
    /// Opens the form that asks for another time.
    pub other_time: &'static str,
    /// Button in that form.
    pub ask: &'static str,
    /// Opens the form that gives up the visit.
    pub cannot_come: &'static str,
    /// Says that the request stays open.
    pub cannot_come_note: &'static str,
    /// Button in that form.
    pub cancel: &'static str,
    /// Question over the reasons.
    pub reason: &'static str,
    /// Heading over the ways we reach the person.
    pub reach: &'static str,
    /// Said of the channel that we try first.
    pub first: &'static str,
    /// Said of the other channels.
    pub also: &'static str,
    /// Said of a channel that the person asked us to stop.
    pub stopped: &'static str,
    /// Button that stops text messages alone.
    pub stop_texts: &'static str,
    /// Button that stops e-mail alone.
    pub stop_email: &'static str,
    /// Reasons to move or give up a visit: what is sent, and what is read.
    pub reasons: [(&'static str, &'static str); 5],
    /// Link to the stop page.
    pub stop: &'static str,
}

/// What an action on the patient's own page did, or why it did not work.
#[derive(Debug)]
pub struct ToldWords {
    /// A time was booked; when it is fills the gap.
    pub booked: Around,
    /// The visit was moved; when it is fills the gap.
    pub moved: Around,
    /// The visit was cancelled.
    pub cancelled: &'static str,
    /// Somebody else got the time first.
    pub taken: &'static str,
    /// A reason is needed.
    pub reason_needed: &'static str,
    /// It is not possible as things stand; the center's phone number fills the gap.
    pub not_possible: Around,
    /// A part did not answer; the center's phone number fills the gap.
    pub unavailable: Around,
    /// Texts or e-mails were stopped.
    pub channel_stopped: &'static str,
}

/// The steps of the path on the patient's own page.
#[derive(Debug)]
pub struct PathWords {
    /// Contact is expected; the time fills the gap.
    pub contact_by: Around,
    /// Contact was made.
    pub contacted: &'static str,
    /// How many records are here: number, word between, number, end.
    pub records: (&'static str, &'static str),
    /// No visit is booked yet.
    pub no_visit: &'static str,
    /// The visit took place.
    pub visited: &'static str,
    /// The request is closed.
    pub closed: &'static str,
    /// The same where what the person sends opens it again.
    pub closed_for_now: &'static str,
    /// A sister center is asked to take it; its name fills the gap.
    pub handing: Around,
    /// A sister center has it; its name and the request number there fill the gap.
    pub handed: Around,
    /// What stands between the two ends of a span of days or hours.
    pub to: &'static str,
    /// How long a visit is; the minutes fill the gap.
    pub minutes: Around,
}

/// The stop page and its receipt.
#[derive(Debug)]
pub struct StopWords {
    /// Title and heading.
    pub heading: &'static str,
    /// What stops.
    pub stops: &'static str,
    /// What still may come.
    pub stays: &'static str,
    /// Button.
    pub button: &'static str,
    /// Link back.
    pub back: &'static str,
    /// Title and heading of the receipt.
    pub done: &'static str,
    /// The receipt; the moment fills the gap.
    pub done_at: Around,
    /// How to start again; the center's phone number fills the gap.
    pub restart: Around,
}
