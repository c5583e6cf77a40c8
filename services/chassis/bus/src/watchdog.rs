//! Whether a consumer still is what it was made as, and gets what waits for it: asked of the server, from outside its own stream of
//! messages, which may end or stall without a word.
//!
//! Deliberately not here: asking, and opening anew (subscribe).

use std::time::Duration;

use async_nats::jetstream::consumer::{Info, pull};

use crate::{BusError, audit};

/// How often the server is asked; also how long a wait for messages lasts at most.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// After so many waits in vain while messages are pending a consumer has stalled: half a minute.
const STALL: u32 = 6;

/// What to do about a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is in order.
    Fine,
    /// Its setting of this name was changed by hand: opened anew it is as it was made.
    Changed(&'static str),
    /// It gets nothing although messages wait: it is opened anew.
    Stalled,
}

/// How long a consumer has waited in vain.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    waits: u32,
    reopened: bool,
}

impl Patience {
    /// Something was delivered.
    pub fn delivered(&mut self) {
        *self = Self::default();
    }

    /// A wait ended without anything.
    pub fn in_vain(&mut self) {
        self.waits = self.waits.saturating_add(1);
    }

    /// Whether messages wait, and opening anew has not helped so far.
    pub fn is_tried(&self) -> bool {
        self.reopened
    }

    /// Judges a consumer by what the server says of it.
    ///
    /// # Errors
    /// A setting that breaks the promise, or a stall that opening anew did not end.
    pub fn judge(&mut self, wanted: &pull::Config, info: &Info) -> Result<Finding, BusError> {
        audit::consumer(&info.stream_name, &info.config)?;
        if let Some(setting) = audit::drift(wanted, &info.config) {
            return Ok(Finding::Changed(setting));
        }
        // One that waits for answers is given nothing more, and that is its own doing.
        let full = i64::try_from(info.num_ack_pending).is_ok_and(|open| open >= info.config.max_ack_pending);
        if info.num_pending == 0 || full {
            self.delivered();
            return Ok(Finding::Fine);
        }
        if self.waits < STALL {
            return Ok(Finding::Fine);
        }
        if self.reopened {
            let (stream, consumer) = (info.stream_name.clone(), info.name.clone());
            return Err(BusError::Stalled { stream, consumer, pending: info.num_pending });
        }
        *self = Self { waits: 0, reopened: true };
        Ok(Finding::Stalled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> pull::Config {
        let ack_wait = Duration::from_secs(30);
        pull::Config { filter_subjects: vec!["a.*".into()], ack_wait, max_ack_pending: 100, ..Default::default() }
    }

    /// As the server tells it: so many wait, so many are not answered.
    fn info(pending: u64, open: usize) -> Info {
        serde_json::from_value(serde_json::json!({
            "stream_name": "FACTS", "name": "routing", "created": "2026-01-01T00:00:00Z",
            "config": {
                "durable_name": "routing", "deliver_policy": "all", "ack_policy": "explicit", "ack_wait": 30_000_000_000_u64,
                "max_deliver": -1, "filter_subjects": ["a.*"], "replay_policy": "instant", "max_ack_pending": 100
            },
            "delivered": { "consumer_seq": 3, "stream_seq": 3 },
            "ack_floor": { "consumer_seq": 0, "stream_seq": 0 },
            "num_ack_pending": open, "num_redelivered": 0, "num_waiting": 1, "num_pending": pending
        }))
        .expect("an answer of the server")
    }

    fn waits(patience: &mut Patience, count: u32) {
        (0..count).for_each(|_| patience.in_vain());
    }

    #[test]
    fn a_stall_is_answered_by_opening_anew_and_one_that_goes_on_by_an_end() {
        let mut patience = Patience::default();
        let mut judge = |vain| {
            waits(&mut patience, vain);
            patience.judge(&wanted(), &info(7, 0))
        };
        assert_eq!(judge(5).expect("fine"), Finding::Fine);
        assert_eq!(judge(1).expect("stalled"), Finding::Stalled);
        assert_eq!(judge(5).expect("given time"), Finding::Fine);
        let end = judge(1).expect_err("it goes on");
        assert!(matches!(end, BusError::Stalled { pending: 7, .. }), "{end}");
    }

    #[test]
    fn whoever_is_given_something_or_has_nothing_to_wait_for_has_not_stalled() {
        let mut patience = Patience::default();
        waits(&mut patience, 50);
        assert_eq!(patience.judge(&wanted(), &info(0, 0)).expect("nothing waits"), Finding::Fine);
        waits(&mut patience, 50);
        assert_eq!(patience.judge(&wanted(), &info(7, 100)).expect("it owes answers"), Finding::Fine);
        waits(&mut patience, 5);
        patience.delivered();
        waits(&mut patience, 5);
        assert_eq!(patience.judge(&wanted(), &info(7, 0)).expect("it flows"), Finding::Fine);
    }
}
