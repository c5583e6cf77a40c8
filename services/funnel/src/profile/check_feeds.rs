//! Checks of feeds.toml: each partner office is recognised by one sign alone, and what it sends can be read.
//!
//! Deliberately not here: what a mapping of columns may say (mapping).

use super::check::In;
use super::feeds::Feed;
use super::{FeedKind, Profile, StatusReportKind};
use crate::calendar::Interval;

pub(super) fn feeds(profile: &Profile, file: &mut In<'_, '_>) {
    file.once("feed", profile.feeds.feeds.iter().map(|feed| feed.id.as_str()));
    let facilities = profile.feeds.feeds.iter().filter_map(|feed| feed.sending_facility.as_deref());
    file.once("sending facility", facilities);
    let keys = profile.feeds.feeds.iter().flat_map(|feed| [&feed.key_sha256, &feed.next_key_sha256]);
    file.once("key digest", keys.flatten().map(String::as_str));
    for feed in &profile.feeds.feeds {
        recognised(profile, feed, file);
        csv(feed, file);
        hl7(feed, file);
        phone(profile, feed, file);
        fhir(feed, file);
        file.unless(
            feed.rate_per_minute > 0,
            &feed.id,
            format!("feed \"{}\" accepts no message", feed.id),
            "set rate_per_minute above zero",
        );
        for expect in &feed.expect {
            let whole = !expect.weekdays.is_empty() && Interval::parse(&expect.hours).is_ok();
            file.unless(
                whole && expect.messages > 0,
                &feed.id,
                format!("feed \"{}\" expects nothing that can be read", feed.id),
                "write expect = [{ weekdays = [\"monday\"], hours = \"08:00-17:00\", messages = 40 }]",
            );
        }
        let addressed = feed.status.kind == StatusReportKind::None || !feed.status.address.is_empty();
        file.unless(
            addressed,
            &feed.id,
            format!("feed \"{}\" has no address for its status reports", feed.id),
            "add status.address",
        );
        file.unless(
            matches!(feed.status.kind, StatusReportKind::None | StatusReportKind::Fhir),
            &feed.id,
            format!("feed \"{}\" would hear by {}, and nothing sends that", feed.id, feed.status.kind.as_str()),
            "take status away: by HL7 an office asks where its referral stands (I15), by FHIR it reads the Task or subscribes to it",
        );
    }
}

fn recognised(profile: &Profile, feed: &Feed, file: &mut In<'_, '_>) {
    file.unless(
        super::check::is_slug(&feed.id),
        &feed.id,
        format!("feed id \"{}\" is no slug", feed.id),
        "use small letters, digits and hyphens",
    );
    let digest = |digest: &String| hex::decode(digest).is_ok_and(|bytes| bytes.len() == 32);
    file.unless(
        feed.key_sha256.iter().chain(&feed.next_key_sha256).all(digest),
        &feed.id,
        format!("feed \"{}\" has a key digest that is no SHA-256", feed.id),
        "write the 64 hexadecimal digits of the digest",
    );
    file.unless(
        feed.certificate_sha256.iter().all(digest),
        &feed.id,
        format!("feed \"{}\" has a certificate digest that is no SHA-256", feed.id),
        "write what 'openssl x509 -in FILE -noout -fingerprint -sha256' tells, without colons",
    );
    file.unless(
        feed.certificate_sha256.is_empty() || feed.kind == FeedKind::Hl7,
        &feed.id,
        format!("feed \"{}\" has a certificate, by which only HL7 messages are known", feed.id),
        "take certificate_sha256 away, and give the office a key",
    );
    file.unless(
        feed.key_sha256.is_some() || feed.sending_facility.is_some(),
        &feed.id,
        format!("feed \"{}\" cannot be recognised", feed.id),
        "add key_sha256 or sending_facility",
    );
    file.unless(
        feed.kind != FeedKind::Hl7 || (feed.sending_facility.is_some() && profile.feeds.receiving_facility.is_some()),
        &feed.id,
        format!("feed \"{}\" sends HL7 messages that name no facility of ours or of theirs", feed.id),
        "add sending_facility (MSH-4) to the feed and receiving_facility (MSH-6) at the top of the file",
    );
    file.unless(
        feed.kind != FeedKind::Fhir || feed.key_sha256.is_some(),
        &feed.id,
        format!("feed \"{}\" sends by FHIR and has no key, so it is never let in", feed.id),
        "add key_sha256, the SHA-256 of its key",
    );
}

fn csv(feed: &Feed, file: &mut In<'_, '_>) {
    let is_csv = feed.kind == FeedKind::Csv;
    file.unless(
        !is_csv || feed.key_sha256.is_some(),
        &feed.id,
        format!("feed \"{}\" sends files and has no key", feed.id),
        "add key_sha256",
    );
    file.unless(
        is_csv == feed.csv.is_some(),
        &feed.id,
        if is_csv {
            format!("nothing tells what the columns of feed \"{}\" are", feed.id)
        } else {
            format!("feed \"{}\" sends no files and has a mapping of their columns", feed.id)
        },
        if is_csv { "add [feed.csv]; see a demo center" } else { "take [feed.csv] away, or set kind = \"csv\"" },
    );
    for (near, what, remedy) in feed.csv.iter().flat_map(super::CsvMapping::faults) {
        file.unless(false, &near, format!("feed \"{}\": {what}", feed.id), remedy);
    }
}

fn hl7(feed: &Feed, file: &mut In<'_, '_>) {
    file.unless(
        feed.kind == FeedKind::Hl7 || feed.hl7.is_none(),
        &feed.id,
        format!("feed \"{}\" sends no HL7 messages and has a mapping of them", feed.id),
        "take [feed.hl7] away, or set kind = \"hl7\"",
    );
    file.unless(
        feed.kind == FeedKind::Hl7 || feed.reply == super::Hl7Reply::default(),
        &feed.id,
        format!("feed \"{}\" sends no HL7 messages and says how they are replied to", feed.id),
        "take reply away, or set kind = \"hl7\"",
    );
    for (near, what, remedy) in feed.hl7.iter().flat_map(super::Hl7Mapping::faults) {
        file.unless(false, &near, format!("feed \"{}\": {what}", feed.id), remedy);
    }
}

fn phone(profile: &Profile, feed: &Feed, file: &mut In<'_, '_>) {
    let is_phone = feed.kind == FeedKind::Phone;
    file.unless(
        !is_phone || feed.key_sha256.is_some(),
        &feed.id,
        format!("feed \"{}\" sends calls and has no key, so it is never let in", feed.id),
        "add key_sha256, the SHA-256 of its key",
    );
    file.unless(
        !is_phone || feed.status.kind == StatusReportKind::None,
        &feed.id,
        format!("feed \"{}\" sends calls and would hear what became of a referral", feed.id),
        "take status away: a phone system refers nobody",
    );
    file.unless(
        is_phone == feed.phone.is_some(),
        &feed.id,
        if is_phone {
            format!("nothing tells what the queues of feed \"{}\" are", feed.id)
        } else {
            format!("feed \"{}\" sends no calls and has queues of them", feed.id)
        },
        if is_phone {
            "add [[feed.phone.queue]]; see a demo center"
        } else {
            "take [feed.phone] away, or set kind = \"phone\""
        },
    );
    for (near, what, remedy) in feed.phone.iter().flat_map(|mapping| mapping.faults(profile)) {
        file.unless(false, &near, format!("feed \"{}\": {what}", feed.id), remedy);
    }
}

fn fhir(feed: &Feed, file: &mut In<'_, '_>) {
    let Some(rules) = &feed.fhir else { return };
    file.unless(
        feed.kind == FeedKind::Fhir,
        &feed.id,
        format!("feed \"{}\" does not send by FHIR and has rules for it", feed.id),
        "take [feed.fhir] away, or set kind = \"fhir\"",
    );
    for host in &rules.subscription_hosts {
        file.unless(
            is_host(host),
            host,
            format!("feed \"{}\": \"{host}\" is no host's name", feed.id),
            "write the name alone, such as \"hooks.office.example\": no https://, port or path, and no star",
        );
    }
}

/// A name as DNS has it, or an address of version 4.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_alone() {
        for host in ["hooks.office.example", "localhost", "127.0.0.1", "A-1.example"] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "",
            "https://office.example",
            "office.example:8443",
            "office.example/hooks",
            "*.office.example",
            "-a.example",
            "a..b",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }
}
