//! The conversation with the mail server, step by step.
//!
//! The library's own transport tells that a mail failed, but not whether the server may have it; that is the one thing the
//! sender must know. So each step is taken by hand here: whatever breaks before the content is sent is surely not handed
//! over, whatever breaks after it is not known. Connections are used again. Deliberately not here: what is done about it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::{Instant, timeout};

use super::letter::Letter;
use crate::config::{Smtp, Tls};
use crate::domain::retry::Tried;

/// A server closes idle connections after some minutes; ours are closed well before.
const IDLE: Duration = Duration::from_secs(30);

/// Hands mails over.
pub struct Post {
    settings: Smtp,
    hello: ClientId,
    most_idle: usize,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// A step before the content failed.
enum Broken {
    /// About this mail or address: the connection is fine.
    Mail(Tried),
    /// About the connection or the login.
    Connection(&'static str),
}

/// The connection broke off.
const LOST: &str = "connection_lost";

impl Broken {
    fn tried(self) -> Tried {
        match self {
            Self::Mail(tried) => tried,
            Self::Connection(why) => Tried::NotHandedOver(why.to_owned()),
        }
    }
}

impl Post {
    /// Connects when the first mail is handed over. Keeps as many connections as mails go out at once.
    pub fn new(settings: Smtp, most_idle: usize) -> Self {
        Self { settings, hello: ClientId::default(), most_idle, idle: Mutex::default() }
    }

    /// Whether the mail server can be spoken to at all; says why not. The connection is kept for the first mail.
    pub async fn reach(&self) -> Result<(), &'static str> {
        let connection = match self.open_idle().await {
            Some(connection) => connection,
            None => self.connect_in_time().await?,
        };
        self.keep(connection);
        Ok(())
    }

    /// Hands one mail over.
    pub async fn hand_over(&self, letter: &Letter) -> Tried {
        // An idle connection may have been closed at the other end a moment ago; that is no fault of the server's.
        if let Some(connection) = self.open_idle().await {
            match self.announce(connection, letter).await {
                Ok(connection) => return self.content(connection, letter).await,
                Err(Broken::Connection(LOST)) => {}
                Err(broken) => return broken.tried(),
            }
        }
        match self.connect_in_time().await {
            Ok(connection) => match self.announce(connection, letter).await {
                Ok(connection) => self.content(connection, letter).await,
                Err(broken) => broken.tried(),
            },
            Err(why) => Tried::NotHandedOver(why.to_owned()),
        }
    }

    /// All steps before the content; gives the connection back where the server waits for it.
    async fn announce(
        &self,
        mut connection: AsyncSmtpConnection,
        letter: &Letter,
    ) -> Result<AsyncSmtpConnection, Broken> {
        match timeout(self.patience(), announce(&mut connection, letter)).await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(Broken::Mail(tried))) => {
                self.reset(connection).await;
                Err(Broken::Mail(tried))
            }
            Ok(Err(broken)) => Err(broken),
            Err(_elapsed) => Err(Broken::Connection("timeout")),
        }
    }

    /// From here on the server may have the mail, unless it says that it has not.
    async fn content(&self, mut connection: AsyncSmtpConnection, letter: &Letter) -> Tried {
        match timeout(self.patience(), connection.message(&letter.bytes)).await {
            Ok(Ok(answer)) => {
                let provider_ref = safe_reference(answer.first_line().unwrap_or_default());
                self.keep(connection);
                Tried::Taken(provider_ref)
            }
            Ok(Err(cause)) => refusal(&cause).unwrap_or(Tried::Unanswered),
            Err(_elapsed) => Tried::Unanswered,
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.settings.timeout_seconds.into())
    }

    /// One that was used before and is still open.
    async fn open_idle(&self) -> Option<AsyncSmtpConnection> {
        while let Some((mut connection, since)) = self.take_idle() {
            // One that was in use a moment ago needs no question.
            let fresh = since.elapsed() < Duration::from_secs(1);
            let open = fresh || timeout(Duration::from_secs(3), connection.test_connected()).await.unwrap_or(false);
            if since.elapsed() < IDLE && open {
                return Some(connection);
            }
        }
        None
    }

    async fn connect_in_time(&self) -> Result<AsyncSmtpConnection, &'static str> {
        timeout(self.patience(), self.connect()).await.unwrap_or(Err("connect_timeout"))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, &'static str> {
        let Smtp { host, port, tls, username, password, .. } = &self.settings;
        let parameters = || TlsParameters::new(host.clone()).map_err(|_| "tls");
        let from_the_start = if *tls == Tls::Tls { Some(parameters()?) } else { None };
        let server = (host.as_str(), *port);
        let opened =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.patience()), &self.hello, from_the_start, None).await;
        let mut connection = opened.map_err(|_| "connect")?;
        if *tls == Tls::Starttls {
            connection.starttls(parameters()?, &self.hello).await.map_err(|_| "tls")?;
        }
        if !username.is_empty() {
            let login = Credentials::new(username.clone(), password.expose().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &login).await.map_err(|_| "login")?;
        }
        Ok(connection)
    }

    /// After a refused mail the server waits for the next one, once the old one is dropped.
    async fn reset(&self, mut connection: AsyncSmtpConnection) {
        let reset = timeout(Duration::from_secs(3), connection.command(lettre::transport::smtp::commands::Rset)).await;
        if matches!(reset, Ok(Ok(_))) {
            self.keep(connection);
        }
    }

    fn take_idle(&self) -> Option<(AsyncSmtpConnection, Instant)> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push((connection, Instant::now()));
        }
    }
}

/// All steps before the content. A refusal of the sender is not about this mail: it is tried again, so that a mail server
/// that is set up wrong for an hour does not turn every notice of that hour into a failure.
async fn announce(connection: &mut AsyncSmtpConnection, letter: &Letter) -> Result<(), Broken> {
    let mut options = Vec::new();
    let mut addresses = letter.envelope.to().iter().chain(letter.envelope.from());
    if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Broken::Mail(Tried::Refused("no_smtputf8".to_owned())));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !letter.bytes.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let from = Mail::new(letter.envelope.from().cloned(), options);
    connection.command(from).await.map_err(|cause| Broken::Connection(sender(&cause)))?;
    for to in letter.envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(before_content)?;
    }
    connection.command(Data).await.map(|_| ()).map_err(before_content)
}

fn sender(cause: &SmtpError) -> &'static str {
    if cause.status().is_some() { "sender_refused" } else { LOST }
}

fn before_content(cause: SmtpError) -> Broken {
    refusal(&cause).map_or(Broken::Connection(LOST), Broken::Mail)
}

/// What the server said, where it said something. Only the code is kept: its sentence often quotes the address.
fn refusal(cause: &SmtpError) -> Option<Tried> {
    let code = cause.status()?.to_string();
    Some(if cause.is_permanent() { Tried::Refused(code) } else { Tried::NotHandedOver(format!("smtp_{code}")) })
}

/// The server's own name for the mail, unless it quotes an address.
fn safe_reference(line: &str) -> String {
    let fine = line.len() <= 200 && line.is_ascii() && !line.contains('@');
    if fine { line.trim().to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests;
