//! What the promise "nothing is lost" needs of the server, its streams and consumers, and the refusal that names the setting.
//!
//! Each rule stands for a failure that was seen: servers before 2.10.23 could lose a stream when killed, `discard: old`
//! drops unread messages, a finite `max_deliver` leaves a message undelivered for ever, `persist_mode: async` answers
//! before writing, a dedupe window of minutes forgets ids while the relay still retries.

use std::time::Duration;

use async_nats::jetstream::{consumer, stream};

use crate::StreamSpec;

/// Oldest server that keeps its streams when killed.
pub const OLDEST_SERVER: (u64, u64, u64) = (2, 10, 23);
/// For how long the relay retries a publication with the same id; the dedupe window must not be shorter.
pub const RELAY_HORIZON: Duration = Duration::from_secs(3600);

/// A setting that breaks the promise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: setting {setting} is {found}, but must be {needed}; {remedy}")]
pub struct Breach {
    /// Server, stream or consumer.
    pub place: String,
    /// Name of the setting as NATS spells it.
    pub setting: &'static str,
    /// What it is.
    pub found: String,
    /// What it must be.
    pub needed: String,
    /// What an operator can do.
    pub remedy: &'static str,
}

fn breach(
    place: &str,
    setting: &'static str,
    found: impl Into<String>,
    needed: impl Into<String>,
    remedy: &'static str,
) -> Breach {
    Breach { place: place.to_owned(), setting, found: found.into(), needed: needed.into(), remedy }
}

const MEND_STREAM: &str =
    "change it with 'nats stream edit', or delete the stream: it is created anew and refilled from the outboxes";
const MEND_CONSUMER: &str = "delete the consumer: it is created anew, and what was seen is recognised";

/// Checks the server's version.
pub fn server(version: &str) -> Result<(), Breach> {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let found = (next(), next(), next());
    if found >= OLDEST_SERVER {
        return Ok(());
    }
    let (a, b, c) = OLDEST_SERVER;
    Err(breach("nats-server", "version", version, format!("{a}.{b}.{c} or newer"), "install a newer nats-server"))
}

/// Checks a stream that was found.
pub fn stream(spec: &StreamSpec, found: &stream::Config) -> Result<(), Breach> {
    let place = format!("stream {}", spec.name);
    if found.retention != stream::RetentionPolicy::Limits {
        return Err(breach(&place, "retention", format!("{:?}", found.retention), "limits", MEND_STREAM));
    }
    if found.discard != stream::DiscardPolicy::New {
        return Err(breach(&place, "discard", "old", "new", MEND_STREAM));
    }
    if found.storage != stream::StorageType::File {
        return Err(breach(&place, "storage", "memory", "file", MEND_STREAM));
    }
    if found.duplicate_window < RELAY_HORIZON {
        let needed = format!("at least {} s, the time for which the relay retries", RELAY_HORIZON.as_secs());
        let present = format!("{} s", found.duplicate_window.as_secs());
        return Err(breach(&place, "duplicate_window", present, needed, MEND_STREAM));
    }
    if found.max_age != Duration::ZERO && found.max_age < found.duplicate_window {
        return Err(breach(
            &place,
            "max_age",
            format!("{} s", found.max_age.as_secs()),
            "longer than duplicate_window",
            MEND_STREAM,
        ));
    }
    stream_limits(spec, found, &place)?;
    let switches = [
        ("no_ack", found.no_ack, false),
        ("sealed", found.sealed, false),
        ("deny_delete", found.deny_delete, true),
        ("deny_purge", found.deny_purge, true),
        ("allow_rollup_hdrs", found.allow_rollup, false),
    ];
    for (setting, present, needed) in switches {
        if present != needed {
            return Err(breach(&place, setting, present.to_string(), needed.to_string(), MEND_STREAM));
        }
    }
    if found.mirror.is_some() {
        return Err(breach(&place, "mirror", "set", "absent", MEND_STREAM));
    }
    if matches!(found.persist_mode, Some(stream::PersistenceMode::Async)) {
        return Err(breach(&place, "persist_mode", "async", "default", MEND_STREAM));
    }
    Ok(())
}

/// What a limit keeps out waits in the outbox for ever, or is parked as if it were at fault itself.
fn stream_limits(spec: &StreamSpec, found: &stream::Config, place: &str) -> Result<(), Breach> {
    let unlimited = [("max_msgs", found.max_messages), ("max_msgs_per_subject", found.max_messages_per_subject)];
    for (setting, limit) in unlimited {
        if limit > 0 {
            return Err(breach(place, setting, limit.to_string(), "without limit", MEND_STREAM));
        }
    }
    if found.max_message_size > 0 && found.max_message_size < spec.max_message_size {
        let needed = format!("at least {}", spec.max_message_size);
        return Err(breach(place, "max_msg_size", found.max_message_size.to_string(), needed, MEND_STREAM));
    }
    Ok(())
}

/// Checks a consumer that was found.
pub fn consumer(stream: &str, found: &consumer::Config) -> Result<(), Breach> {
    let place = format!("consumer {} of stream {stream}", found.durable_name.as_deref().unwrap_or("(none)"));
    if found.durable_name.is_none() {
        return Err(breach(&place, "durable_name", "absent", "the service's name", MEND_CONSUMER));
    }
    if found.max_deliver != -1 {
        return Err(breach(&place, "max_deliver", found.max_deliver.to_string(), "-1 (without end)", MEND_CONSUMER));
    }
    if found.ack_policy != consumer::AckPolicy::Explicit {
        return Err(breach(&place, "ack_policy", format!("{:?}", found.ack_policy), "explicit", MEND_CONSUMER));
    }
    Ok(())
}

/// In which setting a consumer is not as it was made, of those that we set right ourselves: they delay or withhold messages, which
/// the reconciler makes good, and lose none. More subjects than wanted are those of a newer release.
pub fn drift(wanted: &consumer::pull::Config, found: &consumer::Config) -> Option<&'static str> {
    let takes = |subject: &String| found.filter_subjects.contains(subject) || found.filter_subject == *subject;
    if !wanted.filter_subjects.iter().all(takes) {
        return Some("filter_subjects");
    }
    if found.ack_wait != wanted.ack_wait {
        return Some("ack_wait");
    }
    (found.max_ack_pending != wanted.max_ack_pending).then_some("max_ack_pending")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> StreamSpec {
        StreamSpec {
            name: "ROUTING".into(),
            subjects: vec!["a.*".into()],
            max_age: Duration::from_secs(1_000_000),
            duplicate_window: Duration::from_secs(90_000),
            max_bytes: 1 << 20,
            max_message_size: 1 << 16,
        }
    }

    fn stream_setting(change: impl FnOnce(&mut stream::Config)) -> Option<&'static str> {
        let mut config = crate::config(&spec());
        change(&mut config);
        super::stream(&spec(), &config).err().map(|breach| breach.setting)
    }

    #[test]
    fn a_server_that_is_too_old_is_refused_and_the_release_is_named() {
        assert!(server("2.9.10").expect_err("refused").to_string().contains("2.10.23"));
        assert!(server("2.10.22").is_err());
        assert!(server("2.10.23").is_ok());
        assert!(server("2.15.1").is_ok());
        assert!(server("2.11.0-preview.2").is_ok());
    }

    #[test]
    fn our_own_settings_keep_the_promise() {
        assert_eq!(stream_setting(|_| ()), None);
    }

    #[test]
    fn each_stream_setting_that_breaks_the_promise_is_named() {
        assert_eq!(stream_setting(|c| c.retention = stream::RetentionPolicy::WorkQueue), Some("retention"));
        assert_eq!(stream_setting(|c| c.retention = stream::RetentionPolicy::Interest), Some("retention"));
        assert_eq!(stream_setting(|c| c.discard = stream::DiscardPolicy::Old), Some("discard"));
        assert_eq!(stream_setting(|c| c.storage = stream::StorageType::Memory), Some("storage"));
        assert_eq!(stream_setting(|c| c.duplicate_window = Duration::from_secs(120)), Some("duplicate_window"));
        assert_eq!(stream_setting(|c| c.max_age = Duration::from_secs(60)), Some("max_age"));
        assert_eq!(stream_setting(|c| c.no_ack = true), Some("no_ack"));
        assert_eq!(stream_setting(|c| c.sealed = true), Some("sealed"));
        assert_eq!(stream_setting(|c| c.deny_delete = false), Some("deny_delete"));
        assert_eq!(stream_setting(|c| c.deny_purge = false), Some("deny_purge"));
        assert_eq!(stream_setting(|c| c.allow_rollup = true), Some("allow_rollup_hdrs"));
        assert_eq!(stream_setting(|c| c.mirror = Some(stream::Source::default())), Some("mirror"));
        assert_eq!(stream_setting(|c| c.max_messages = 10), Some("max_msgs"));
        assert_eq!(stream_setting(|c| c.max_messages_per_subject = 1), Some("max_msgs_per_subject"));
        assert_eq!(stream_setting(|c| c.max_message_size = 1024), Some("max_msg_size"));
        assert_eq!(stream_setting(|c| c.persist_mode = Some(stream::PersistenceMode::Async)), Some("persist_mode"));
    }

    #[test]
    fn a_consumer_that_gives_up_is_refused() {
        let good = consumer::Config {
            durable_name: Some("routing".into()),
            max_deliver: -1,
            ack_policy: consumer::AckPolicy::Explicit,
            ..Default::default()
        };
        assert_eq!(consumer("ROUTING", &good), Ok(()));
        let finite = consumer::Config { max_deliver: 5, ..good.clone() };
        assert_eq!(consumer("ROUTING", &finite).expect_err("refused").setting, "max_deliver");
        let none = consumer::Config { ack_policy: consumer::AckPolicy::None, ..good };
        assert_eq!(consumer("ROUTING", &none).expect_err("refused").setting, "ack_policy");
    }

    #[test]
    fn a_consumer_that_was_changed_by_hand_is_told_by_its_setting() {
        let wanted = consumer::pull::Config {
            filter_subjects: vec!["a.*".into(), "b.*".into()],
            ack_wait: Duration::from_secs(30),
            max_ack_pending: 4096,
            ..Default::default()
        };
        let good = consumer::Config {
            filter_subjects: vec!["b.*".into(), "c.*".into(), "a.*".into()],
            ack_wait: Duration::from_secs(30),
            max_ack_pending: 4096,
            ..Default::default()
        };
        assert_eq!(drift(&wanted, &good), None);
        let narrow = consumer::Config { filter_subjects: vec!["a.*".into()], ..good.clone() };
        assert_eq!(drift(&wanted, &narrow), Some("filter_subjects"));
        let all = consumer::Config { filter_subjects: Vec::new(), filter_subject: "a.*".into(), ..good.clone() };
        assert_eq!(drift(&wanted, &all), Some("filter_subjects"));
        let slow = consumer::Config { ack_wait: Duration::from_secs(3600), ..good.clone() };
        assert_eq!(drift(&wanted, &slow), Some("ack_wait"));
        let tight = consumer::Config { max_ack_pending: 1, ..good };
        assert_eq!(drift(&wanted, &tight), Some("max_ack_pending"));
    }
}
