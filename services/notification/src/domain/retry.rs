//! What becomes of a notice after a try.
//!
//! Two generals can't agree over a line that may break, so the failure is chosen: what may have been handed over is never
//! sent again by itself, what was surely not handed over is tried again, and what was refused for good is told to staff.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::notice::{State, reason};

/// How a try ended, as far as we can know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The mail server took it, and said this.
    Taken(String),
    /// The mail server refused this mail or this address for good, with this code.
    Refused(String),
    /// Surely not handed over, for this reason; the same try may succeed later.
    NotHandedOver(String),
    /// Handed over in part or whole, and no answer: nobody knows.
    Unanswered,
    /// It can't be sent at all, whatever the mail server says.
    Impossible(&'static str),
    /// The address is one whose owner wants no messages.
    Stopped,
    /// Not begun, since the process is asked to end.
    NotBegun,
}

/// How patient the sender is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Wait after the first failed try.
    pub first: Duration,
    /// Longest wait between two tries.
    pub most: Duration,
    /// How long a notice is tried at all.
    pub horizon: SignedDuration,
}

/// The notice's next state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Where it stands now.
    pub state: State,
    /// Why, as a stable word; empty where there is nothing to explain.
    pub reason: String,
    /// The next try, for a notice that is still intended.
    pub next_try_at: Timestamp,
    /// What the mail server called it.
    pub provider_ref: String,
}

/// What is known of the notice that was tried.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The notice.
    pub notice_id: Uuid,
    /// Tries so far, this one included.
    pub attempts: i32,
    /// When it was decided on or was to be sent, whichever is later.
    pub since: Timestamp,
}

/// The state after a try.
pub fn settle(tried: Tried, attempt: Attempt, patience: Patience, now: Timestamp) -> Settled {
    let end = |state, reason: &str, provider_ref: String| Settled {
        state,
        reason: reason.to_owned(),
        next_try_at: now,
        provider_ref,
    };
    match tried {
        Tried::Taken(provider_ref) => end(State::Sent, "", provider_ref),
        Tried::Refused(code) => end(State::Failed, reason::REJECTED, code),
        Tried::Unanswered => end(State::Unknown, reason::UNANSWERED, String::new()),
        Tried::Impossible(reason::NO_CHANNEL) => end(State::Suppressed, reason::NO_CHANNEL, String::new()),
        Tried::Impossible(why) => end(State::Failed, why, String::new()),
        Tried::Stopped => end(State::Suppressed, reason::STOPPED, String::new()),
        Tried::NotBegun => end(State::Intended, "", String::new()),
        Tried::NotHandedOver(_) if now.duration_since(attempt.since) >= patience.horizon => {
            end(State::Failed, reason::GAVE_UP, String::new())
        }
        Tried::NotHandedOver(why) => {
            let wait = SignedDuration::try_from(wait(attempt, patience)).unwrap_or(SignedDuration::from_mins(30));
            let next = now.checked_add(wait).unwrap_or(now);
            Settled { next_try_at: next, ..end(State::Intended, &why, String::new()) }
        }
    }
}

/// Doubles with each try, up to the longest; spread by the notice's own id, so that a thousand notices that failed
/// together don't come back together.
fn wait(attempt: Attempt, patience: Patience) -> Duration {
    let doublings = u32::try_from(attempt.attempts.clamp(1, 20)).unwrap_or(1) - 1;
    let plain = patience.first.saturating_mul(1 << doublings).min(patience.most);
    let spread = f64::from(attempt.notice_id.as_bytes()[15]) / 255.0;
    plain.mul_f64(0.75 + spread * 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        first: Duration::from_secs(15),
        most: Duration::from_secs(1800),
        horizon: SignedDuration::from_hours(72),
    };

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn after(tried: Tried, attempts: i32, now: &str) -> Settled {
        let attempt = Attempt { notice_id: Uuid::from_u128(0x80), attempts, since: at("2026-03-01T08:00:00Z") };
        settle(tried, attempt, PATIENCE, at(now))
    }

    #[test]
    fn what_was_surely_not_handed_over_is_tried_again_later_and_later() {
        let now = "2026-03-01T08:00:00Z";
        let waits: Vec<SignedDuration> = [1, 2, 3, 40]
            .map(|attempts| after(Tried::NotHandedOver("connect".into()), attempts, now))
            .into_iter()
            .map(|settled| {
                assert_eq!((settled.state, settled.reason.as_str()), (State::Intended, "connect"));
                settled.next_try_at.duration_since(at(now))
            })
            .collect();
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]), "{waits:?}");
        assert!(waits[3] <= SignedDuration::from_secs(2250), "the longest wait has an end");
    }

    #[test]
    fn after_the_horizon_staff_are_told() {
        let settled = after(Tried::NotHandedOver("connect".into()), 200, "2026-03-04T08:00:00Z");
        assert_eq!((settled.state, settled.reason.as_str()), (State::Failed, reason::GAVE_UP));
    }

    #[test]
    fn what_may_have_been_handed_over_is_never_intended_again() {
        let settled = after(Tried::Unanswered, 1, "2026-03-01T08:00:00Z");
        assert_eq!(settled.state, State::Unknown);
    }

    #[test]
    fn a_refusal_for_good_and_a_missing_address_end_it_and_a_stopping_process_does_not() {
        let now = "2026-03-01T08:00:00Z";
        assert_eq!(after(Tried::Refused("550".into()), 1, now).state, State::Failed);
        assert_eq!(after(Tried::Impossible(reason::NO_CHANNEL), 1, now).state, State::Suppressed);
        assert_eq!(after(Tried::Impossible(reason::TEMPLATE), 1, now).state, State::Failed);
        let back = after(Tried::NotBegun, 1, now);
        assert_eq!((back.state, back.next_try_at), (State::Intended, at(now)));
    }
}
