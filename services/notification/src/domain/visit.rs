//! What a change of a visit means for the person: which notice, and which reminders are set or taken back.
//!
//! Facts come in any order and more than once; the version decides (F6). Deliberately not here: the appointment itself,
//! which scheduling and the clinic own.

use causeway_funnel::cadence::{CadenceStatus, CadenceStep, StepFrom, step_due};
use causeway_funnel::inquiry::Channel;
use causeway_funnel::profile::Profile;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::notice::{About, Intended, Kind, Params, VisitWords};

/// What happened to a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was booked.
    Booked,
    /// It is at another time.
    Rescheduled,
    /// It will not take place.
    Cancelled,
    /// The person came.
    Attended,
    /// The person did not come.
    Missed,
    /// Something else took its place, or the inquiry was closed: there is nothing to tell of it.
    Withdrawn,
}

impl Change {
    /// State of the visit after it.
    pub fn state(self) -> &'static str {
        match self {
            Self::Booked | Self::Rescheduled => BOOKED,
            Self::Cancelled | Self::Withdrawn => "cancelled",
            Self::Attended => "attended",
            Self::Missed => "missed",
        }
    }

    /// The change by which a visit came into a state; whether it was moved before is not asked any more.
    pub fn of_state(word: &str) -> Self {
        match word {
            BOOKED => Self::Booked,
            "attended" => Self::Attended,
            "missed" => Self::Missed,
            _ => Self::Cancelled,
        }
    }
}

/// State of a visit that is to take place.
pub const BOOKED: &str = "booked";

/// A visit after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The appointment.
    pub appointment_id: Uuid,
    /// Its version.
    pub version: i64,
    /// The inquiry that it belongs to.
    pub about: About,
    /// Start.
    pub starts_at: Timestamp,
    /// IANA zone of the site.
    pub time_zone: String,
    /// Site id.
    pub site: String,
    /// in_person or video.
    pub visit_kind: String,
    /// Kind of the dated next step that it is; empty: it is a visit.
    pub next_step: String,
    /// What happened.
    pub change: Change,
    /// When.
    pub at: Timestamp,
}

/// A reminder that is to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// Number of the step in the cadence.
    pub step: usize,
    /// When.
    pub due_at: Timestamp,
    /// Name of the template.
    pub template: String,
}

/// Without a word of the center's cadences, one reminder goes out this long before a visit.
const DEFAULT_HOURS: u32 = 24;

/// The notice that a change calls for.
pub fn notice(visit: &Visit, profile: &Profile, now: Timestamp) -> Option<Intended> {
    let is_visit = visit.next_step.is_empty();
    let kind = match visit.change {
        Change::Booked if is_visit => Kind::AppointmentBooked,
        Change::Booked => Kind::NextStepAgreed,
        Change::Rescheduled if is_visit => Kind::AppointmentRescheduled,
        Change::Rescheduled => Kind::NextStepMoved,
        Change::Cancelled if is_visit => Kind::AppointmentCancelled,
        Change::Cancelled => Kind::NextStepCalledOff,
        Change::Missed if is_visit => Kind::NoShowFollowUp,
        // Whoever did not answer our call is called again.
        Change::Missed | Change::Attended | Change::Withdrawn => return None,
    };
    let mut intended = Intended {
        occurrence: format!("{}:{}", visit.appointment_id, visit.version),
        params: params(visit),
        appointment: Some((visit.appointment_id, visit.version)),
        not_after: (visit.change != Change::Missed).then_some(visit.starts_at),
        ..Intended::now(kind, visit.about.clone(), visit.at, now)
    };
    if kind == Kind::NoShowFollowUp
        && let Some((_, step)) = mail_steps(profile, CadenceStatus::NoShow).next()
    {
        intended.template.clone_from(&step.template);
        intended.send_at = step_due(step, visit.at, None, profile.calendar(Some(&visit.site))).unwrap_or(now).max(now);
    }
    Some(intended)
}

/// The reminders of a visit that is to take place. One that would be due already is left out: the notice of the
/// booking has just said the same.
pub fn reminders(visit: &Visit, profile: &Profile, now: Timestamp) -> Vec<Reminder> {
    if visit.change.state() != BOOKED {
        return Vec::new();
    }
    let standard = CadenceStep {
        hours: DEFAULT_HOURS,
        from: StepFrom::BeforeVisit,
        business: false,
        channels: vec![Channel::Email],
        template: reminder_kind(visit).template().to_owned(),
    };
    let status = if visit.next_step.is_empty() { CadenceStatus::VisitBooked } else { CadenceStatus::NextStepAgreed };
    let steps: Vec<(usize, &CadenceStep)> = match profile.cadences.for_status(status) {
        Some(_) => mail_steps(profile, status).collect(),
        None => vec![(0, &standard)],
    };
    let calendar = profile.calendar(Some(&visit.site));
    steps
        .into_iter()
        .filter(|(_, step)| step.from == StepFrom::BeforeVisit)
        .filter_map(|(number, step)| {
            let due_at = step_due(step, visit.at.max(now), Some(visit.starts_at), calendar)?;
            Some(Reminder { step: number, due_at, template: step.template.clone() })
        })
        .collect()
}

/// The notice of a reminder that is due now, for the visit as it is known now; nothing where it is stale.
pub fn reminder(visit: &Visit, set_for: Timestamp, step: usize, template: &str, now: Timestamp) -> Option<Intended> {
    let stale = visit.change.state() != BOOKED || visit.starts_at != set_for || visit.starts_at <= now;
    (!stale).then(|| Intended {
        occurrence: format!("{}:{}:{step}", visit.appointment_id, visit.starts_at.as_microsecond()),
        template: template.to_owned(),
        params: params(visit),
        appointment: Some((visit.appointment_id, visit.version)),
        not_after: Some(visit.starts_at),
        ..Intended::now(reminder_kind(visit), visit.about.clone(), visit.at, now)
    })
}

/// How long before its start a reminder may still go out; it keeps two from going out together after an outage.
pub fn is_pointless(due_at: Timestamp, starts_at: Timestamp, now: Timestamp) -> bool {
    let planned = starts_at.duration_since(due_at);
    let left = starts_at.duration_since(now);
    left < planned / 2 || left <= SignedDuration::ZERO
}

fn mail_steps(profile: &Profile, status: CadenceStatus) -> impl Iterator<Item = (usize, &CadenceStep)> {
    let steps = profile.cadences.for_status(status).map(|cadence| cadence.steps.as_slice()).unwrap_or_default();
    steps.iter().enumerate().filter(|(_, step)| step.channels.contains(&Channel::Email))
}

fn reminder_kind(visit: &Visit) -> Kind {
    if visit.next_step.is_empty() { Kind::AppointmentReminder } else { Kind::NextStepReminder }
}

fn params(visit: &Visit) -> Option<Params> {
    Some(Params { visit: Some(words(visit)), next_step: visit.next_step.clone(), ..Params::default() })
}

fn words(visit: &Visit) -> VisitWords {
    VisitWords {
        starts_at: visit.starts_at.as_microsecond(),
        time_zone: visit.time_zone.clone(),
        site: visit.site.clone(),
        kind: visit.visit_kind.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{about, at, profile};

    fn visit(change: Change) -> Visit {
        Visit {
            appointment_id: Uuid::from_u128(3),
            version: 1,
            about: about("en"),
            starts_at: at("2027-03-11T18:30:00Z"),
            time_zone: "America/Los_Angeles".into(),
            site: "valley".into(),
            visit_kind: "in_person".into(),
            next_step: String::new(),
            change,
            at: at("2027-03-04T18:00:00Z"),
        }
    }

    const NOW: &str = "2027-03-04T18:00:05Z";

    #[test]
    fn reminders_follow_the_centers_cadence_and_leave_out_what_is_too_near() {
        let profile = profile("harbor-valley");
        let due: Vec<Timestamp> =
            reminders(&visit(Change::Booked), &profile, at(NOW)).iter().map(|reminder| reminder.due_at).collect();
        assert_eq!(due, [at("2027-03-08T18:30:00Z"), at("2027-03-10T18:30:00Z")]);
        let near = Visit { starts_at: at("2027-03-05T08:00:00Z"), ..visit(Change::Booked) };
        assert!(reminders(&near, &profile, at(NOW)).is_empty());
        for change in [Change::Cancelled, Change::Attended, Change::Missed] {
            assert!(reminders(&visit(change), &profile, at(NOW)).is_empty());
        }
    }

    #[test]
    fn without_a_word_of_the_center_one_reminder_goes_out_a_day_before() {
        let mut profile = profile("harbor-valley");
        profile.cadences.cadences.clear();
        let set = reminders(&visit(Change::Booked), &profile, at(NOW));
        assert_eq!(set.iter().map(|reminder| reminder.due_at).collect::<Vec<_>>(), [at("2027-03-10T18:30:00Z")]);
    }

    #[test]
    fn a_timer_of_a_visit_that_was_moved_or_cancelled_reminds_nobody() {
        let known = visit(Change::Booked);
        let due = at("2027-03-10T18:30:00Z");
        assert!(reminder(&known, known.starts_at, 1, "appointment-reminder", due).is_some());
        let moved = Visit { starts_at: at("2027-03-15T18:30:00Z"), ..known.clone() };
        assert_eq!(reminder(&moved, known.starts_at, 1, "appointment-reminder", due), None);
        let cancelled = Visit { change: Change::Cancelled, ..known.clone() };
        assert_eq!(reminder(&cancelled, known.starts_at, 1, "appointment-reminder", due), None);
        assert_eq!(reminder(&known, known.starts_at, 1, "appointment-reminder", known.starts_at), None);
    }

    #[test]
    fn after_an_outage_a_reminder_that_comes_far_too_late_is_left_to_the_next_one() {
        let starts = at("2027-03-11T18:30:00Z");
        let three_days = at("2027-03-08T18:30:00Z");
        assert!(!is_pointless(three_days, starts, three_days));
        assert!(is_pointless(three_days, starts, at("2027-03-10T18:30:00Z")));
        assert!(is_pointless(three_days, starts, starts));
    }

    #[test]
    fn a_missed_visit_is_followed_up_when_the_cadence_says_and_a_kept_one_is_not() {
        let profile = profile("harbor-valley");
        let notice = notice(&visit(Change::Missed), &profile, at(NOW)).expect("a notice");
        assert_eq!((notice.kind, notice.send_at), (Kind::NoShowFollowUp, at("2027-03-04T20:00:00Z")));
        assert_eq!(super::notice(&visit(Change::Attended), &profile, at(NOW)), None);
    }

    #[test]
    fn an_agreed_step_has_its_own_words_and_reminder_and_what_only_ends_it_is_told_to_nobody() {
        let profile = profile("lakeside");
        let step = |change| Visit {
            next_step: "screening_call".into(),
            site: String::new(),
            time_zone: String::new(),
            ..visit(change)
        };
        let kind = |change| notice(&step(change), &profile, at(NOW)).map(|notice| notice.kind);
        assert_eq!(kind(Change::Booked), Some(Kind::NextStepAgreed));
        assert_eq!(kind(Change::Rescheduled), Some(Kind::NextStepMoved));
        assert_eq!(kind(Change::Cancelled), Some(Kind::NextStepCalledOff));
        assert_eq!([Change::Attended, Change::Missed, Change::Withdrawn].map(kind), [None; 3]);
        let set: Vec<Reminder> = reminders(&step(Change::Booked), &profile, at(NOW));
        let due: Vec<(Timestamp, &str)> =
            set.iter().map(|reminder| (reminder.due_at, reminder.template.as_str())).collect();
        let wanted = ["2027-03-09T18:30:00Z", "2027-03-11T14:30:00Z"].map(|due| (at(due), "next-step-reminder"));
        assert_eq!(due, wanted, "the hours of the center's cadence before it");
        let told = reminder(&step(Change::Booked), moved_start(), 0, "next-step-reminder", wanted[0].0);
        assert_eq!(told.map(|told| told.kind), Some(Kind::NextStepReminder));
        assert!(reminders(&step(Change::Withdrawn), &profile, at(NOW)).is_empty());
    }

    #[test]
    fn two_versions_of_a_visit_make_two_notices_and_one_version_makes_one() {
        let profile = profile("harbor-valley");
        let one = notice(&visit(Change::Booked), &profile, at(NOW)).expect("a notice");
        let again = notice(&visit(Change::Booked), &profile, at("2027-03-04T19:00:00Z")).expect("a notice");
        assert_eq!(one.occurrence, again.occurrence);
        let moved = notice(&Visit { version: 2, ..visit(Change::Rescheduled) }, &profile, at(NOW)).expect("a notice");
        assert_ne!(one.occurrence, moved.occurrence);
        assert_eq!(moved.not_after, Some(moved_start()));
    }

    fn moved_start() -> Timestamp {
        at("2027-03-11T18:30:00Z")
    }
}
