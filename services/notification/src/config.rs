//! What an operator can set.
//!
//! Deliberately not here: what a message says, when it goes out and from which address; that is the center's profile.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{bail, ensure};
use causeway_mailbox::{DatabaseSettings, Pace};
use causeway_runtime::{Mode, Secret};
use serde::{Deserialize, Serialize};

/// The section `[notification]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Sizes and time limits of the database pools.
    pub database: DatabaseSettings,
    /// How often the machine looks.
    pub pace: Pace,
    /// Where links in messages lead, such as `https://care.example`. Default: the portal's patient port.
    pub public_base_url: Option<String>,
    /// Days that a link in a message stays good.
    pub link_days: u32,
    /// The mail server.
    pub smtp: Smtp,
    /// Whether this process sends. Others may still do so; without any, notices wait.
    pub sender_enabled: bool,
    /// Most notices of a center taken on at once. A crash leaves so many of them unknown at most, and unknown ones are not
    /// sent again by themselves: so no more than can be under way.
    pub sender_batch: u16,
    /// Most mails under way at once, each on its own connection.
    pub sender_concurrency: u16,
    /// How often due notices are looked for, milliseconds.
    pub sender_every_ms: u64,
    /// Wait after the first failed try, seconds; it doubles with each further one.
    pub retry_first_seconds: u32,
    /// Longest wait between two tries, seconds.
    pub retry_most_seconds: u32,
    /// A notice that could not be handed over for this long has failed, hours.
    pub retry_hours: u32,
}

/// The mail server that takes our messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Login; empty: none.
    pub username: String,
    /// Password of the login.
    pub password: Secret,
    /// Longest wait for one answer, seconds.
    pub timeout_seconds: u32,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Not at all: for a server on the same machine.
    None,
    /// Plain at first, then upgraded; a server that can't is refused.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: DatabaseSettings::default(),
            pace: Pace::default(),
            public_base_url: None,
            link_days: 60,
            smtp: Smtp::default(),
            sender_enabled: true,
            sender_batch: 16,
            sender_concurrency: 16,
            sender_every_ms: 200,
            retry_first_seconds: 15,
            retry_most_seconds: 1800,
            retry_hours: 72,
        }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 587,
            tls: Tls::default(),
            username: String::new(),
            password: Secret::default(),
            timeout_seconds: 20,
        }
    }
}

impl Config {
    /// Refuses what would send slowly, forever, or in the open.
    pub fn check(&self, mode: Mode) -> anyhow::Result<()> {
        ensure!(self.sender_batch > 0, "notification.sender_batch is 0; set it to 1 or more");
        ensure!(self.sender_concurrency > 0, "notification.sender_concurrency is 0; set it to 1 or more");
        ensure!(self.smtp.timeout_seconds > 0, "notification.smtp.timeout_seconds is 0; set it to 1 or more");
        if self.smtp.tls == Tls::None && !self.smtp.is_local() && !mode.is_development() {
            bail!("notification.smtp.tls is none but {} is another machine; set it to starttls or tls", self.smtp.host);
        }
        Ok(())
    }

    /// How long a claimed notice is ours: every mail of the batch may use up its time, one after the other on its
    /// connection, and the people are read before.
    pub fn lease(&self) -> Duration {
        let rounds = u32::from(self.sender_batch.div_ceil(self.sender_concurrency.max(1)));
        Duration::from_secs(u64::from(self.smtp.timeout_seconds) * u64::from(rounds + 1) + 30)
    }

    /// The longest that one mail may take.
    pub fn mail_timeout(&self) -> Duration {
        Duration::from_secs(self.smtp.timeout_seconds.into())
    }
}

impl Smtp {
    fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_to(host: &str) -> Config {
        Config { smtp: Smtp { host: host.into(), tls: Tls::None, ..Smtp::default() }, ..Config::default() }
    }

    #[test]
    fn mail_leaves_the_machine_protected_or_not_at_all_in_production() {
        assert!(open_to("mail.example").check(Mode::Production).is_err());
        assert!(open_to("mail.example").check(Mode::Development).is_ok());
        assert!(open_to("127.0.0.1").check(Mode::Production).is_ok());
        assert!(Config::default().check(Mode::Production).is_ok());
    }

    #[test]
    fn a_lease_outlasts_a_batch_in_which_every_mail_takes_its_whole_time() {
        for (batch, one_after_the_other) in [(16, 1), (64, 4), (65, 5)] {
            let config = Config { sender_batch: batch, sender_concurrency: 16, ..Config::default() };
            assert!(config.lease() > config.mail_timeout() * one_after_the_other, "{batch}");
            // The last one may begin when all but two times of a mail are left.
            assert!(config.lease() >= config.mail_timeout() * 2 + Duration::from_secs(30));
        }
    }
}
