//! Frames of the HL7 door that belong to nobody: kept within bounds until somebody says whose they are, and erased in time.
//!
//! A message with a name that nobody here knows may be a center's or an office's that was entered wrongly, and its patient waits.
//! So it is kept, sealed for the installation alone, and an operator puts it to a feed, which hears it as its own. Anybody who
//! reaches the port can send such frames: how many come in a minute and how much room they take is bounded, in all and for each
//! network, and what is beyond is counted and gone. Deliberately not here: what their senders are told (hear).

mod desk;

use std::net::IpAddr;
use std::time::Duration;

use causeway_auth::{SealError, Sealer, fingerprint};
use causeway_mailbox::Database;
use causeway_runtime::{Clock, Stop};
use causeway_serve::{Limiter, network};
use jiff::SignedDuration;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

pub use desk::{assign, open, set_aside};

use crate::config::Unaddressed as Settings;
use crate::error::Refusal;
use crate::metrics::Metrics;
use crate::store::unaddressed::{self as store, INSTALLATION, Kept, NewFrame, Room};

/// Purpose of the keyed hash by which the same frame is known again.
const SAME: &str = "hl7.unaddressed";
/// So many networks at their limit fill that of all.
const NETWORKS: u32 = 4;
/// Most frames erased by one transaction.
const SOME: i64 = 200;

/// Why a frame is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nothing in it tells who sent it to whom.
    NoHeader,
    /// No center has the name that it is sent to.
    UnknownCenter,
    /// No feed of the center has the name of its sender.
    UnknownSender,
    /// Its feed is known by another certificate than the connection's.
    WrongCertificate,
    /// A file of messages whose counts do not agree.
    BatchRefused,
    /// The line ended in the middle of it.
    Cut,
    /// It is longer than the door takes: its beginning.
    TooLong,
}

impl Reason {
    /// Whether its sender is told that it is refused, and so sends it no more: then it must not be gone.
    const fn is_answered(self) -> bool {
        matches!(self, Self::UnknownCenter | Self::UnknownSender | Self::WrongCertificate | Self::BatchRefused)
    }

    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoHeader => "no_header",
            Self::UnknownCenter => "unknown_center",
            Self::UnknownSender => "unknown_sender",
            Self::WrongCertificate => "wrong_certificate",
            Self::BatchRefused => "batch_refused",
            Self::Cut => "cut",
            Self::TooLong => "too_long",
        }
    }
}

/// Keeps what belongs to nobody.
pub struct Unaddressed {
    sealer: Sealer,
    database: Database,
    clock: Clock,
    metrics: Metrics,
    settings: Settings,
    of_network: Limiter<IpAddr>,
    of_all: Limiter<()>,
}

impl Unaddressed {
    /// One with the bounds of the settings.
    #[must_use]
    pub fn new((sealer, database, clock): (Sealer, Database, Clock), metrics: Metrics, settings: Settings) -> Self {
        let (of_network, of_all) = (settings.per_minute.max(1), settings.per_minute.max(1).saturating_mul(NETWORKS));
        Self {
            sealer,
            database,
            clock,
            metrics,
            settings,
            of_network: Limiter::per_minute(of_network),
            of_all: Limiter::per_minute(of_all),
        }
    }

    /// Keeps a frame, or counts that there was no room for it. `known_by`: what tells it from others where that is not all of it.
    ///
    /// # Errors
    /// It could not be written, or one that is refused found no room; its sender should send it again.
    pub async fn keep(
        &self,
        reason: Reason,
        (frame, from): (&[u8], IpAddr),
        known_by: Option<[&str; 3]>,
    ) -> Result<(), Refusal> {
        let count = |outcome: &str| self.metrics.unaddressed.with_label_values(&[reason.word(), outcome]).inc();
        let network = network(from);
        let gone = || if reason.is_answered() { Err(Refusal::Full) } else { Ok(()) };
        if self.of_network.admit(&network).is_err() || self.of_all.admit(&()).is_err() {
            count("too_often");
            return gone();
        }
        let room = Room::Of(i64::try_from(self.settings.bytes).unwrap_or(i64::MAX));
        match self.write(reason, (frame, network), known_by, room).await? {
            Kept::New => {
                warn!(
                    reason = reason.word(),
                    bytes = frame.len(),
                    "a frame is nobody's; see 'causeway messages unaddressed list'"
                );
                count("kept");
            }
            Kept::Again => count("again"),
            Kept::NoRoom => {
                warn!(
                    reason = reason.word(),
                    bytes = frame.len(),
                    "a frame is nobody's and there is no room to keep it"
                );
                count("no_room");
                return gone();
            }
        }
        Ok(())
    }

    /// Keeps a message of a file that was kept until now, in the room of that one.
    ///
    /// # Errors
    /// It could not be written.
    pub async fn keep_part(&self, (part, network): (&[u8], IpAddr)) -> Result<(), Refusal> {
        self.write(Reason::NoHeader, (part, network), None, Room::Given).await.map(|_| ())
    }

    async fn write(
        &self,
        reason: Reason,
        (frame, network): (&[u8], IpAddr),
        known_by: Option<[&str; 3]>,
        room: Room,
    ) -> Result<Kept, Refusal> {
        let frame_id = self.clock.new_id();
        let text = String::from_utf8_lossy(frame);
        let same = match known_by {
            Some([application, facility, control_id]) => {
                fingerprint([reason.word(), application, facility, control_id])
            }
            None => fingerprint([reason.word(), &text]),
        };
        let refuse = |cause: SealError| {
            error!(%cause, "seal a frame that is nobody's");
            Refusal::Internal
        };
        let new = NewFrame {
            frame_id,
            same: self.sealer.blind(INSTALLATION, SAME, &same).map_err(refuse)?,
            reason: reason.word(),
            origin: origin(network),
            network: network.to_string(),
            sealed: self.sealer.seal(INSTALLATION, &context(frame_id), frame).map_err(refuse)?,
        };
        self.database
            .with_tx(INSTALLATION, move |tx| {
                Box::pin(async move { Ok::<_, Refusal>(store::keep(tx, &new, room).await?) })
            })
            .await
    }

    /// Erases what came last too long ago, until the stop.
    pub async fn sweep(&self, every: Duration, stop: Stop) {
        loop {
            let days = self.settings.days;
            let erased = self.database.with_tx(INSTALLATION, move |tx| {
                Box::pin(async move {
                    let before = tx.now() - SignedDuration::from_hours(24 * i64::from(days));
                    Ok::<_, Refusal>(store::erase(tx, before, SOME).await?)
                })
            });
            match erased.await {
                Ok(0) => {}
                Ok(erased) => {
                    info!(erased, days, "erased frames that were nobody's");
                    if i64::try_from(erased).is_ok_and(|erased| erased == SOME) && !stop.is_requested() {
                        continue;
                    }
                }
                Err(cause) => debug!(%cause, "erase frames that were nobody's; tried again"),
            }
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}

/// What the sealed bytes are bound to.
fn context(frame_id: Uuid) -> String {
    format!("unaddressed.sealed:{frame_id}")
}

/// Where an address is, in a word.
fn origin(address: IpAddr) -> &'static str {
    let is_private = match address.to_canonical() {
        address if address.is_loopback() => return "own_machine",
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    // Of version 6 the network is left, and that of this machine has no number at all.
    if is_private {
        "private"
    } else if address.is_unspecified() {
        "own_machine"
    } else {
        "public"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_this_machine_of_a_private_network_or_of_all_the_world() {
        for (address, expected) in [
            ("127.0.0.1", "own_machine"),
            ("::1", "own_machine"),
            ("::ffff:127.0.0.1", "own_machine"),
            ("10.1.2.3", "private"),
            ("192.168.0.9", "private"),
            ("fd00::7", "private"),
            ("198.51.100.7", "public"),
            ("2001:db8::1", "public"),
        ] {
            assert_eq!(origin(network(address.parse().expect("an address"))), expected, "{address}");
        }
    }
}
