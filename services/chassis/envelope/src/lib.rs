//! What is a message? Ids, headers with CloudEvents names, and the trace context.
//!
//! An envelope says everything about a message but its content, so that the bus, the mailbox and an operator can handle
//! it without knowing a single word of the domain. Deliberately absent: payload types, the bus, the database.

pub mod batch;
mod trace;

use std::str::FromStr;

use jiff::Timestamp;
use uuid::Uuid;

pub use trace::TraceContext;

/// Names of the headers. CloudEvents 1.0, NATS binding in binary mode; `ce-center` and `ce-version` are our extensions.
pub mod header {
    /// Id of the event (uuid v7).
    pub const ID: &str = "ce-id";
    /// Full name of the protobuf message.
    pub const KIND: &str = "ce-type";
    /// The service that owns the event.
    pub const SOURCE: &str = "ce-source";
    /// Id of the aggregate that the event is about.
    pub const SUBJECT: &str = "ce-subject";
    /// RFC 3339 instant at which it happened.
    pub const TIME: &str = "ce-time";
    /// Version of the CloudEvents specification.
    pub const SPEC: &str = "ce-specversion";
    /// The tenant.
    pub const CENTER: &str = "ce-center";
    /// Version of the aggregate after the event.
    pub const VERSION: &str = "ce-version";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// Set where a message holds several events ([`crate::batch::CONTENT_TYPE`]); then each has its own attributes inside.
    pub const CONTENT_TYPE: &str = "content-type";
    /// The server recognises a repeated publication by it: the id of the event, or of a message with several. A copy that it
    /// must not recognise has a colon and a word behind that.
    pub const MESSAGE_ID: &str = "Nats-Msg-Id";
}

/// All that is known of a message beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Id of the event; the inbox recognises a repeat by it.
    pub id: Uuid,
    /// Full name of the protobuf message.
    pub kind: String,
    /// The service that owns the event.
    pub source: String,
    /// Subject on the bus.
    pub subject: String,
    /// The tenant.
    pub center: String,
    /// What the event is about.
    pub aggregate_id: Uuid,
    /// Version of the aggregate after the event; an older one changes nothing (F6).
    pub version: i64,
    /// When it happened.
    pub time: Timestamp,
    /// The trace that it belongs to.
    pub trace: TraceContext,
}

/// Why headers make no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A header that must be there is not.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header can't be read.
    #[error("header {0} can not be read")]
    Unreadable(&'static str),
}

impl Envelope {
    /// The headers of the message, without [`header::MESSAGE_ID`], which is the relay's affair.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (header::ID, self.id.to_string()),
            (header::KIND, self.kind.clone()),
            (header::SOURCE, self.source.clone()),
            (header::SUBJECT, self.aggregate_id.to_string()),
            (header::TIME, self.time.to_string()),
            (header::SPEC, "1.0".to_owned()),
            (header::CENTER, self.center.clone()),
            (header::VERSION, self.version.to_string()),
        ];
        if let Some(parent) = self.trace.traceparent() {
            headers.push((header::TRACEPARENT, parent.to_owned()));
        }
        headers
    }

    /// Reads an envelope from the subject and the headers of a message.
    pub fn read<'h>(subject: &str, get: impl Fn(&'static str) -> Option<&'h str>) -> Result<Self, Malformed> {
        fn required<'h>(
            get: &impl Fn(&'static str) -> Option<&'h str>,
            name: &'static str,
        ) -> Result<&'h str, Malformed> {
            get(name).ok_or(Malformed::Missing(name))
        }
        fn parsed<'h, T: FromStr>(
            get: &impl Fn(&'static str) -> Option<&'h str>,
            name: &'static str,
        ) -> Result<T, Malformed> {
            required(get, name)?.parse().map_err(|_| Malformed::Unreadable(name))
        }
        Ok(Self {
            id: parsed(&get, header::ID)?,
            kind: required(&get, header::KIND)?.to_owned(),
            source: required(&get, header::SOURCE)?.to_owned(),
            subject: subject.to_owned(),
            center: required(&get, header::CENTER)?.to_owned(),
            aggregate_id: parsed(&get, header::SUBJECT)?,
            version: parsed(&get, header::VERSION)?,
            time: parsed(&get, header::TIME)?,
            trace: TraceContext::parse(get(header::TRACEPARENT).unwrap_or_default()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn sample() -> Envelope {
        Envelope {
            id: Uuid::from_u128(7),
            kind: "a.v1.B".into(),
            source: "routing".into(),
            subject: "x.y".into(),
            center: "lakeside".into(),
            aggregate_id: Uuid::from_u128(9),
            version: 3,
            time: Timestamp::from_microsecond(1_700_000_000_000_001).expect("instant is in range"),
            trace: TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        }
    }

    fn read(headers: &[(&'static str, String)]) -> Result<Envelope, Malformed> {
        Envelope::read("x.y", |name| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str()))
    }

    #[test]
    fn an_envelope_survives_the_way_through_headers() {
        assert_eq!(read(&sample().headers()), Ok(sample()));
    }

    #[test]
    fn each_missing_header_is_named() {
        for name in [header::ID, header::KIND, header::SUBJECT, header::CENTER, header::VERSION, header::TIME] {
            let headers: Vec<_> = sample().headers().into_iter().filter(|(key, _)| *key != name).collect();
            assert_eq!(read(&headers), Err(Malformed::Missing(name)));
        }
    }

    #[test]
    fn a_header_that_can_not_be_read_is_named() {
        let mut headers = sample().headers();
        headers[0].1 = "no uuid".into();
        assert_eq!(read(&headers), Err(Malformed::Unreadable(header::ID)));
    }
}
