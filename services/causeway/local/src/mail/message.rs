//! One received message, and how a mail is taken apart into it.
//!
//! A mail to three recipients becomes three messages, as it would in three mailboxes, so a message has one recipient
//! and a look-up by recipient is exact. Not here: attachments, which the product does not send.

use jiff::Timestamp;
use mailparse::{MailHeaderMap as _, ParsedMail};
use serde::{Deserialize, Serialize};

/// By which door a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// SMTP.
    Mail,
    /// `POST /sms`.
    Sms,
}

/// A received message as the JSON shows it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Message {
    /// Its number, rising.
    pub id: u64,
    /// By which door it came.
    pub kind: Kind,
    /// The sender: of a mail, the envelope's.
    pub from: String,
    /// The one recipient: of a mail, the envelope's.
    pub to: String,
    /// The decoded subject; empty for SMS.
    pub subject: String,
    /// When it came.
    pub at: Timestamp,
    /// The decoded text part.
    pub text: String,
    /// The decoded HTML part, where there is one.
    pub html: Option<String>,
    /// The header block as it came.
    pub raw_headers: String,
    /// The idempotency key it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl std::fmt::Debug for Message {
    /// Who it is for and what it says stay out of test output and logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Message {
    /// An SMS; number and time are given when it is kept.
    pub(super) fn sms(from: String, to: String, text: String, key: Option<String>) -> Self {
        let (subject, raw_headers) = (String::new(), String::new());
        Self {
            id: 0,
            kind: Kind::Sms,
            from,
            to,
            subject,
            at: Timestamp::UNIX_EPOCH,
            text,
            html: None,
            raw_headers,
            key,
        }
    }

    /// One message for each recipient of a mail. What cannot be understood is shown as it came: a mailbox for
    /// development should show a broken mail, not refuse it.
    pub(super) fn from_mail(from: &str, recipients: &[String], bytes: &[u8]) -> Vec<Self> {
        let parsed = mailparse::parse_mail(bytes).ok();
        let (mut text, mut html) = (None, None);
        if let Some(mail) = &parsed {
            collect_parts(mail, &mut text, &mut html);
        }
        let raw = || String::from_utf8_lossy(bytes).into_owned();
        let message = Self {
            id: 0,
            kind: Kind::Mail,
            from: from.to_owned(),
            to: String::new(),
            subject: parsed.as_ref().and_then(|mail| mail.headers.get_first_value("Subject")).unwrap_or_default(),
            at: Timestamp::UNIX_EPOCH,
            text: text.or_else(|| html.is_none().then(raw)).unwrap_or_default(),
            html,
            raw_headers: header_block(bytes),
            key: None,
        };
        recipients.iter().map(|to| Self { to: to.clone(), ..message.clone() }).collect()
    }
}

/// The first text part and the first HTML part, wherever they are nested.
fn collect_parts(part: &ParsedMail<'_>, text: &mut Option<String>, html: &mut Option<String>) {
    for child in &part.subparts {
        collect_parts(child, text, html);
    }
    if !part.subparts.is_empty() {
        return;
    }
    let place = match part.ctype.mimetype.as_str() {
        "text/plain" => text,
        "text/html" => html,
        _ => return,
    };
    if place.is_none() {
        *place = part.get_body().ok();
    }
}

fn header_block(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let end = text.find("\r\n\r\n").or_else(|| text.find("\n\n")).unwrap_or(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: desk@example.org\r\nSubject: =?utf-8?B?VHUgY2l0YSBlcyBtYcOxYW5h?=\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nma=C3=B1ana =\r\nhttp://127.0.0.1/p/x\r\n--b\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+bWHDsWFuYTwvcD4=\r\n--b--\r\n";

    #[test]
    fn both_parts_and_the_subject_are_decoded() {
        let messages = Message::from_mail("desk@example.org", &["ana@example.org".to_owned()], MAIL.as_bytes());
        let [message] = messages.as_slice() else { panic!("one recipient, one message") };
        assert_eq!(message.subject, "Tu cita es mañana");
        assert_eq!(message.text.trim_end(), "mañana http://127.0.0.1/p/x");
        assert_eq!(message.html.as_deref(), Some("<p>mañana</p>"));
        assert!(message.raw_headers.starts_with("From: desk@example.org") && !message.raw_headers.contains("--b\r\n"));
    }

    #[test]
    fn each_recipient_has_a_message_and_a_broken_mail_is_shown_as_it_came() {
        let to = ["a@example.org".to_owned(), "b@example.org".to_owned()];
        let messages = Message::from_mail("x", &to, b"no headers at all");
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[1].to, "b@example.org");
        assert!(messages[0].text.contains("no headers") || messages[0].raw_headers.contains("no headers"));
    }
}
