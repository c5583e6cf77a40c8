//! Several events in one message: what a transaction caused travels together.
//!
//! The format is that of CloudEvents (protobuf event format 1.0, `CloudEventBatch`), so that whoever listens to the bus with
//! tools of their own can read it. Attributes have the names of the headers without `ce-`, and all of them are strings.
//! Deliberately absent: which events may share a message, which is the relay's affair.

use bytes::Bytes;
use prost::Message;

use crate::{Envelope, Malformed, header};

/// Value of the header [`header::CONTENT_TYPE`] of a message with several events.
pub const CONTENT_TYPE: &str = "application/cloudevents-batch+protobuf";

/// `io.cloudevents.v1.CloudEventBatch`.
#[derive(Clone, PartialEq, Message)]
struct Batch {
    #[prost(message, repeated, tag = "1")]
    events: Vec<Event>,
}

/// `io.cloudevents.v1.CloudEvent`. Texts are read where they stand in the message, hence bytes.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    source: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    spec_version: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    kind: Bytes,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
    #[prost(bytes = "bytes", tag = "6")]
    binary_data: Bytes,
}

/// An entry of the map `attributes`.
#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(bytes = "bytes", tag = "1")]
    name: Bytes,
    #[prost(message, optional, tag = "2")]
    value: Option<Value>,
}

/// `io.cloudevents.v1.CloudEvent.CloudEventAttributeValue`, of which only `ce_string` is used.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(bytes = "bytes", tag = "3")]
    text: Bytes,
}

/// The attributes that have a field of their own.
const OWN_FIELD: [&str; 4] = [header::ID, header::SOURCE, header::SPEC, header::KIND];

fn attribute_name(header: &'static str) -> &'static str {
    header.strip_prefix("ce-").unwrap_or(header)
}

impl Event {
    fn of(envelope: &Envelope, payload: &Bytes) -> Self {
        let mut event = Self { binary_data: payload.clone(), ..Self::default() };
        for (name, text) in envelope.headers() {
            let text = Bytes::from(text);
            match name {
                header::ID => event.id = text,
                header::SOURCE => event.source = text,
                header::SPEC => event.spec_version = text,
                header::KIND => event.kind = text,
                _ => event.attributes.push(Attribute {
                    name: Bytes::from_static(attribute_name(name).as_bytes()),
                    value: Some(Value { text }),
                }),
            }
        }
        event
    }

    fn get(&self, header: &'static str) -> Option<&str> {
        let text = match header {
            header::ID => &self.id,
            header::SOURCE => &self.source,
            header::SPEC => &self.spec_version,
            header::KIND => &self.kind,
            other => {
                let name = attribute_name(other).as_bytes();
                let found = self.attributes.iter().find(|attribute| attribute.name == name)?;
                &found.value.as_ref()?.text
            }
        };
        // An empty field is what protobuf leaves out.
        std::str::from_utf8(text).ok().filter(|text| !(text.is_empty() && OWN_FIELD.contains(&header)))
    }
}

/// Writes events into one message.
pub fn write<'a>(events: impl IntoIterator<Item = (&'a Envelope, &'a Bytes)>) -> Bytes {
    let events = events.into_iter().map(|(envelope, payload)| Event::of(envelope, payload)).collect();
    Bytes::from(Batch { events }.encode_to_vec())
}

/// An event of a message, or why its attributes make no envelope, and its content.
pub type Read = (Result<Envelope, Malformed>, Bytes);

/// Reads the events of a message: each with its content, or why its attributes make no envelope.
///
/// # Errors
/// [`Malformed::Unreadable`] where the message is no batch at all, or one of nothing.
pub fn read(subject: &str, message: Bytes) -> Result<Vec<Read>, Malformed> {
    let batch = Batch::decode(message).ok().filter(|batch| !batch.events.is_empty());
    let batch = batch.ok_or(Malformed::Unreadable(header::CONTENT_TYPE))?;
    let read = |event: Event| (Envelope::read(subject, |name| event.get(name)), event.binary_data.clone());
    Ok(batch.events.into_iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::sample;

    #[test]
    fn events_that_share_a_message_come_out_as_they_went_in() {
        let mut second = Envelope { version: 4, ..sample() };
        second.trace = crate::TraceContext::default();
        let contents = [Bytes::from_static(b"one"), Bytes::new()];
        let message = write([(&sample(), &contents[0]), (&second, &contents[1])]);
        let back = read("x.y", message).expect("a batch");
        assert_eq!(back, [(Ok(sample()), contents[0].clone()), (Ok(second), contents[1].clone())]);
    }

    /// Frozen: other releases, and listeners with tools of their own, read these very bytes. Checked against the
    /// definition of the CloudEvents protobuf format, field by field.
    #[test]
    fn the_bytes_of_a_message_with_several_events_never_change() {
        let envelope = Envelope { trace: crate::TraceContext::default(), ..sample() };
        let message = write([(&envelope, &Bytes::from_static(b"!"))]);
        let expected = [
            b"\x0a\xbf\x01".as_slice(),
            b"\x0a\x2400000000-0000-0000-0000-000000000007",
            b"\x12\x07routing",
            b"\x1a\x031.0",
            b"\x22\x06a.v1.B",
            b"\x2a\x31\x0a\x07subject\x12\x26\x1a\x2400000000-0000-0000-0000-000000000009",
            b"\x2a\x25\x0a\x04time\x12\x1d\x1a\x1b2023-11-14T22:13:20.000001Z",
            b"\x2a\x14\x0a\x06center\x12\x0a\x1a\x08lakeside",
            b"\x2a\x0e\x0a\x07version\x12\x03\x1a\x013",
            b"\x32\x01!",
        ]
        .concat();
        assert_eq!(message.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    #[test]
    fn an_event_without_an_id_is_named_and_its_neighbours_are_read() {
        let mut batch =
            Batch { events: vec![Event::of(&sample(), &Bytes::new()), Event::of(&sample(), &Bytes::new())] };
        batch.events[0].id = Bytes::new();
        let back = read("x.y", Bytes::from(batch.encode_to_vec())).expect("a batch");
        assert_eq!(back[0].0, Err(Malformed::Missing(header::ID)));
        assert_eq!(back[1].0, Ok(sample()));
    }

    proptest! {
        #[test]
        fn anything_at_all_is_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read("x.y", Bytes::from(bytes));
        }
    }
}
