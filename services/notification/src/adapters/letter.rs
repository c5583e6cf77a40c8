//! A notice as a mail: headers, plain part, HTML part.
//!
//! The Message-ID is made of the notice's id, so a mail that went out twice against all care is recognised by whoever gets
//! it. Deliberately not here: the words and the conversation with the mail server.

use std::time::{Duration, SystemTime};

use causeway_funnel::profile::Center;
use jiff::Timestamp;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use uuid::Uuid;

use super::book::Words;

/// A mail that is ready to be handed over. No Debug: it holds an address.
pub struct Letter {
    /// Who sends it and who gets it.
    pub envelope: Envelope,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Why there is no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// The person's address is empty or none.
    #[error("the person has no e-mail address that can be used")]
    NoAddress,
    /// The center's own address is none.
    #[error("messages.from_email or contact.email of the center is no address; mend center.toml and apply the profile")]
    NoSender,
    /// The parts don't make a mail.
    #[error("the parts of the mail do not fit together")]
    Malformed,
}

/// What stands in the headers beside the words.
pub struct Headers<'a> {
    /// The notice.
    pub notice_id: Uuid,
    /// The center that sends it.
    pub center: &'a Center,
    /// Where messages are stopped; empty for staff, who get them for their work.
    pub stop_link: &'a str,
    /// When it is sent.
    pub at: Timestamp,
}

/// Reads an address as ingestion has it.
pub fn address(text: &str) -> Result<Address, Unsendable> {
    text.trim().parse().map_err(|_| Unsendable::NoAddress)
}

/// Makes the mail.
pub fn letter(headers: &Headers<'_>, to: Address, words: Words) -> Result<Letter, Unsendable> {
    let center = headers.center;
    let from: Address = center.messages.from_email.parse().map_err(|_| Unsendable::NoSender)?;
    let reply_to: Address = center.contact.email.parse().map_err(|_| Unsendable::NoSender)?;
    let name = || Some(center.short_name.clone());
    let message_id = format!("<{}@{}>", headers.notice_id, from.domain());
    let builder = Message::builder()
        .date(date(headers.at))
        .message_id(Some(message_id))
        .from(Mailbox::new(name(), from))
        .reply_to(Mailbox::new(name(), reply_to))
        .to(Mailbox::new(None, to))
        .subject(words.subject);
    let built = match words.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(words.text, html)),
        None => builder.singlepart(SinglePart::plain(words.text)),
    };
    let mut message = built.map_err(|_| Unsendable::Malformed)?;
    let own = message.headers_mut();
    if !headers.stop_link.is_empty() {
        own.insert_raw(ready("List-Unsubscribe", format!("<{}>", headers.stop_link)));
    }
    own.insert_raw(ready("Content-Language", words.language));
    // RFC 3834: no out-of-office answers to a machine.
    own.insert_raw(ready("Auto-Submitted", "auto-generated".to_owned()));
    Ok(Letter { envelope: message.envelope().clone(), bytes: message.formatted() })
}

/// Seconds are all that a mail's date has.
fn date(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default())
}

/// A header whose value is ASCII of our own making and must stand on one line as it is.
fn ready(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, profile};

    fn made(words: Words) -> String {
        let profile = profile("harbor-valley");
        let headers = Headers {
            notice_id: Uuid::from_u128(9),
            center: &profile.center,
            stop_link: "https://care.example/p/abc/stop",
            at: at("2027-03-04T18:00:00Z"),
        };
        let made = letter(&headers, address(" rosa@home.example ").expect("an address"), words);
        String::from_utf8(made.expect("a mail").bytes).expect("text")
    }

    fn words(subject: &str, html: Option<&str>) -> Words {
        let html = html.map(str::to_owned);
        Words { language: "es".into(), subject: subject.into(), text: "Hola, Rosa.\nAdiós.".into(), html }
    }

    #[test]
    fn a_mail_has_an_id_of_the_notice_and_a_way_to_stop() {
        let mail = made(words("Recibimos su pedido", Some("<p>Hola, Rosa.</p>")));
        assert!(mail.contains("Message-ID: <00000000-0000-0000-0000-000000000009@harborvalley.example>\r\n"), "{mail}");
        assert!(mail.contains("List-Unsubscribe: <https://care.example/p/abc/stop>\r\n"));
        assert!(mail.contains("From: \"Harbor Valley\" <care@harborvalley.example>\r\n"), "{mail}");
        assert!(mail.contains("To: rosa@home.example\r\n") && mail.contains("multipart/alternative"));
        assert!(mail.contains("Thu, 04 Mar 2027 18:00:00 +0000") && mail.is_ascii());
        assert!(!made(words("x", None)).contains("multipart"));
    }

    #[test]
    fn an_empty_or_odd_address_makes_no_mail() {
        for odd in ["", "rosa", "rosa@", "a@b@c", "rosa@home.example\r\nBcc: x@y.example"] {
            assert_eq!(address(odd).err(), Some(Unsendable::NoAddress));
        }
    }
}
