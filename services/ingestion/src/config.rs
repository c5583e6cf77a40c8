//! Settings of ingestion, section `[ingestion]`.
//!
//! Deliberately not here: ports, database logins and the bus, which are the process's (`[runtime]`), and anything that
//! differs between centers, which is their profile's.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use causeway_mailbox::{DatabaseSettings, Pace};
use causeway_runtime::Secret;
use serde::{Deserialize, Serialize};

/// All of `[ingestion]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pools and time limits of the database.
    pub database: DatabaseSettings,
    /// How often the outbox and the reconciler look.
    pub pace: Pace,
    /// Largest body of an HTTP request, bytes.
    pub body_bytes: usize,
    /// Longest that an HTTP request may take, seconds. Longer than `database.acquire_timeout_seconds`, so that a database
    /// that is down is told as such.
    pub deadline_seconds: u64,
    /// Most inquiries committed together.
    pub batch: usize,
    /// Most inquiries of one center that wait for their commit; more are refused with a request to come back.
    pub queue: usize,
    /// Most people opened by one call.
    pub reveal: usize,
    /// The HL7 door.
    pub mllp: Mllp,
    /// The FHIR door.
    pub fhir: Fhir,
    /// Who is told of changed Tasks by FHIR.
    pub subscriptions: Subscriptions,
    /// The door for CSV files.
    pub csv: Csv,
    /// Documents of inquiries.
    pub documents: Documents,
    /// How often somebody may come.
    pub limits: Limits,
    /// How long an inquiry that looks like a machine's is held for a person, minutes of the center's opening hours. Then it goes
    /// on, because it may be somebody's.
    pub held_business_minutes: u32,
    /// How often it is looked whether a feed is quiet or floods us, seconds.
    pub feeds_look_seconds: u64,
    /// How often showings of forms that are over are counted, seconds.
    pub forms_look_seconds: u64,
    /// How often it is looked for messages and files of feeds whose retention has passed, seconds.
    pub erase_look_seconds: u64,
    /// The person index.
    pub people: People,
    /// Seal people before they are stored. `false` is accepted in development only, for a test that proves that a search
    /// for names would find them.
    pub sealing: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // A person waits in front of the form: better a request to come back soon than a long silence.
            database: DatabaseSettings { acquire_timeout_seconds: 3, ..DatabaseSettings::default() },
            pace: Pace::default(),
            body_bytes: 64 * 1024,
            deadline_seconds: 15,
            batch: 256,
            queue: 4096,
            reveal: 500,
            mllp: Mllp::default(),
            fhir: Fhir::default(),
            subscriptions: Subscriptions::default(),
            csv: Csv::default(),
            documents: Documents::default(),
            limits: Limits::default(),
            held_business_minutes: 480,
            feeds_look_seconds: 60,
            forms_look_seconds: 30,
            erase_look_seconds: 600,
            people: People::default(),
            sealing: true,
        }
    }
}

/// The person index, section `[ingestion.people]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct People {
    /// Most people read for the index in a second, of all centers: what it may take of a machine whose doors are busy.
    pub per_second: u32,
    /// How often it looks for new ones where there are none, milliseconds.
    pub look_milliseconds: u64,
    /// How often, once all are read, it looks through the last minute again, for what was committed late, seconds.
    pub look_back_seconds: u64,
}

impl Default for People {
    fn default() -> Self {
        Self { per_second: 200, look_milliseconds: 1000, look_back_seconds: 30 }
    }
}

/// The HL7 door, section `[ingestion.mllp]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mllp {
    /// The only processing id (MSH-11) that is taken: `P` where real patients are, `T` on a test system.
    pub processing_id: String,
    /// Longest message, bytes.
    pub frame_bytes: usize,
    /// Most connections at once.
    pub connections: usize,
    /// Most connections from one address. Where all partners come through one gateway, the same as `connections`.
    pub connections_per_address: usize,
    /// How long a message that has begun may stand still, seconds.
    pub stall_seconds: u64,
    /// How long a message may take from its first byte to its last, seconds.
    pub frame_seconds: u64,
    /// How long a connection may rest between messages, seconds.
    pub rest_seconds: u64,
    /// File with the server's certificate chain, PEM. With it and `key` the door speaks TLS; without them it is plain, for
    /// development or behind a VPN.
    pub certificate: Option<PathBuf>,
    /// File with the certificate's private key, PEM.
    pub key: Option<PathBuf>,
    /// File with the authorities whose client certificates are let in, PEM. Needed with `certificate`: MLLP has no other
    /// way to tell who is there.
    pub client_authorities: Option<PathBuf>,
    /// Where the door listens plainly besides, such as `10.8.0.1:2576` in a VPN, while its port speaks TLS. What comes there shows no
    /// certificate, so feeds that are known by one are refused.
    pub plain_listen: Option<SocketAddr>,
    /// Memory that messages on their way may take in all, bytes; those below 256 KiB are not counted. A sender of another large one
    /// waits. One address gets a third of it, unless it may have all connections.
    pub large_bytes: usize,
    /// What belongs to nobody.
    pub unaddressed: Unaddressed,
}

/// Frames that belong to nobody, section `[ingestion.mllp.unaddressed]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unaddressed {
    /// Room for all of them, bytes. One network gets a quarter of it, or one message where that is longer.
    pub bytes: u64,
    /// Most that are kept of one network in a minute, and of all networks four times as many.
    pub per_minute: u32,
    /// Days after which they are erased, counted from when the same came last.
    pub days: u32,
}

impl Default for Unaddressed {
    fn default() -> Self {
        Self { bytes: 128 * 1024 * 1024, per_minute: 600, days: 30 }
    }
}

impl Default for Mllp {
    fn default() -> Self {
        Self {
            processing_id: "P".to_owned(),
            frame_bytes: 50 * 1024 * 1024,
            connections: 256,
            connections_per_address: 64,
            stall_seconds: 10,
            frame_seconds: 300,
            rest_seconds: 1800,
            certificate: None,
            key: None,
            client_authorities: None,
            plain_listen: None,
            large_bytes: 256 * 1024 * 1024,
            unaddressed: Unaddressed::default(),
        }
    }
}

/// The FHIR door, section `[ingestion.fhir]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fhir {
    /// Largest body, bytes. Documents come inside it, in base64.
    pub body_bytes: usize,
    /// Most entries of a Bundle.
    pub entries: usize,
    /// Most bodies that are read at once; others are asked to come again. Each takes up to some four times `body_bytes` (as it
    /// came, what it says with its signs put right, the same written plainly, sealed), and thirty megabytes for its values.
    pub bodies: usize,
    /// Where partners reach ingestion's HTTP port, such as `https://referrals.example.org`, for the addresses in answers.
    /// Without it the address that the request was sent to.
    pub public_url: Option<String>,
}

impl Default for Fhir {
    fn default() -> Self {
        Self { body_bytes: 20 * 1024 * 1024, entries: 1000, bodies: 32, public_url: None }
    }
}

/// Who is told of changed Tasks by FHIR, section `[ingestion.subscriptions]`. Where notifications may go stands in the center's
/// profile (`[feed.fhir] subscription_hosts`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subscriptions {
    /// Most subscriptions of a feed.
    pub per_feed: usize,
    /// Most notifications that this process sends at once.
    pub at_once: usize,
    /// How often it is looked for what is to be sent, milliseconds.
    pub look_milliseconds: u64,
    /// Wait after the first failure, milliseconds; each further one doubles it, up to an hour.
    pub first_wait_milliseconds: u64,
    /// After so many failures in a row nothing is sent any more until the subscriber asks for it; events are counted on.
    pub most_failures: i32,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self { per_feed: 10, at_once: 16, look_milliseconds: 500, first_wait_milliseconds: 5000, most_failures: 14 }
    }
}

/// The door for CSV files, section `[ingestion.csv]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Csv {
    /// Folder that is watched: `<center>/<feed>/in`, with `out`, `archive` and `error` beside it. Without it files come by
    /// upload alone.
    pub folder: Option<PathBuf>,
    /// Longest file, bytes.
    pub file_bytes: usize,
    /// Most lines of a file.
    pub lines: u64,
    /// Longest that an upload may take, seconds.
    pub upload_seconds: u64,
    /// A file with a larger share of rows that can not be taken is parked before anything is made of it, per cent.
    pub bad_rows_percent: u8,
    /// Smaller files are taken as they are, rows.
    pub bad_rows_from: u64,
    /// Rows written together.
    pub chunk: usize,
    /// Most files that are taken at once.
    pub at_once: usize,
    /// How often the folders are looked at, seconds.
    pub look_seconds: u64,
    /// How long a file in a folder must stand still to be whole, where nothing else tells so, seconds.
    pub stable_seconds: u64,
}

impl Default for Csv {
    fn default() -> Self {
        Self {
            folder: None,
            file_bytes: 64 * 1024 * 1024,
            lines: 500_000,
            upload_seconds: 300,
            bad_rows_percent: 20,
            bad_rows_from: 20,
            chunk: 256,
            at_once: 2,
            look_seconds: 5,
            stable_seconds: 120,
        }
    }
}

/// Documents of inquiries, section `[ingestion.documents]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Documents {
    /// Folder in which the sealed parts lie. Without it `documents` below `runtime.data_dir`. All replicas must share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// A bucket that speaks S3, instead of the folder.
    pub bucket: Bucket,
    /// Largest file, bytes. What a partner's message carries is bounded by its door as well.
    pub file_bytes: u64,
    /// Most files that a patient can send for one inquiry.
    pub files: i64,
    /// Most pages of a PDF or a TIFF, where they can be counted.
    pub pages: u32,
    /// The malware scanner (clamd): `tcp://host:3310` or `unix:/run/clamav/clamd.ctl`. With it a document can't be opened
    /// before it was found clean. Empty: there is none, every document is shown as not scanned, and that is warned of at each start;
    /// `off` says that it is meant so.
    pub scanner: String,
    /// Longest that one scan may take, seconds.
    pub scan_seconds: u64,
    /// How often it is looked for what waits to be scanned or unpacked, seconds.
    pub look_seconds: u64,
    /// After so many hours without a byte an upload that was never finished is forgotten.
    pub unfinished_hours: u32,
    /// An object that no document knows is taken away once it lay so many minutes: longer than the age of a database that may be put
    /// back from its backup.
    pub orphan_minutes: u32,
    /// Where more objects of a center are known by no document, nothing is taken away and operators are told.
    pub orphan_most: usize,
    /// How often it is looked for both, seconds.
    pub sweep_seconds: u64,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            folder: None,
            bucket: Bucket::default(),
            file_bytes: 20 * 1024 * 1024,
            files: 40,
            pages: 1000,
            scanner: String::new(),
            scan_seconds: 60,
            look_seconds: 5,
            unfinished_hours: 24,
            orphan_minutes: 7 * 24 * 60,
            orphan_most: 20,
            sweep_seconds: 3600,
        }
    }
}

/// A bucket that speaks S3, section `[ingestion.documents.bucket]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bucket {
    /// Its name; empty: there is none.
    pub name: String,
    /// Its region.
    pub region: String,
    /// The server's address where it is not Amazon's, such as `https://minio.example:9000`.
    pub endpoint: String,
    /// Key of the account; empty: the machine's own account.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
}

/// How often somebody may come, section `[ingestion.limits]`. What a feed may send stands in the center's profile
/// (`rate_per_minute`). A minute's worth may come at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Proxies in front of the HTTP port, each of which adds the address it saw to `X-Forwarded-For`. 0: there is none, and
    /// the header is not believed.
    pub trusted_proxy_hops: usize,
    /// Inquiries that one address (of version 6: one network of 64 bits) may send in a minute, and requests to partners'
    /// doors without a key of ours; 0: no limit. A web site that hands on what its visitors say is one address.
    pub address_per_minute: u32,
    /// More inquiries of one address in a minute are a sign of a machine: beside another sign they are held for a person; 0:
    /// never.
    pub often_per_minute: u32,
    /// Inquiries by one form of a center in a minute; 0: no limit.
    pub form_per_minute: u32,
    /// Inquiries by all forms of a center in a minute; 0: no limit.
    pub center_per_minute: u32,
    /// Limit by address also what this machine itself sends (127.0.0.1 and ::1). Without it programs beside the service, and a
    /// proxy that `trusted_proxy_hops` does not count, are free of the limits of an address and of a feed; those of a form and a
    /// center hold for everybody.
    pub own_machine: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            trusted_proxy_hops: 0,
            address_per_minute: 300,
            often_per_minute: 30,
            form_per_minute: 3000,
            center_per_minute: 6000,
            own_machine: false,
        }
    }
}

impl Config {
    /// Longest that an HTTP request may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds)
    }

    /// Refuses sizes and times of nothing: a door with one takes nothing, and says so of each request instead of once.
    ///
    /// # Errors
    /// Names the first one.
    pub fn check(&self) -> Result<(), String> {
        let (mllp, fhir, csv) = (&self.mllp, &self.fhir, &self.csv);
        let sizes = [
            ("body_bytes", self.body_bytes),
            ("batch", self.batch),
            ("queue", self.queue),
            ("reveal", self.reveal),
            ("mllp.frame_bytes", mllp.frame_bytes),
            ("mllp.connections", mllp.connections),
            ("mllp.connections_per_address", mllp.connections_per_address),
            ("mllp.large_bytes", mllp.large_bytes),
            ("fhir.body_bytes", fhir.body_bytes),
            ("fhir.entries", fhir.entries),
            ("fhir.bodies", fhir.bodies),
            ("subscriptions.at_once", self.subscriptions.at_once),
            ("csv.file_bytes", csv.file_bytes),
            ("csv.chunk", csv.chunk),
            ("csv.at_once", csv.at_once),
        ];
        let more = [
            ("deadline_seconds", self.deadline_seconds),
            ("mllp.stall_seconds", mllp.stall_seconds),
            ("mllp.frame_seconds", mllp.frame_seconds),
            ("mllp.rest_seconds", mllp.rest_seconds),
            ("csv.lines", csv.lines),
            ("csv.upload_seconds", csv.upload_seconds),
            ("documents.file_bytes", self.documents.file_bytes),
        ];
        let all = sizes.iter().map(|(name, size)| (*name, *size as u64)).chain(more);
        let of_nothing = all.into_iter().find(|(_, size)| *size == 0);
        of_nothing.map_or(Ok(()), |(name, _)| {
            Err(format!(
                "ingestion.{name} is 0, and nothing would work there; set it above zero, or leave it out for the default"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_or_time_of_nothing_is_refused_by_its_name() {
        assert_eq!(Config::default().check(), Ok(()));
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().expect_err("refused")
        };
        assert!(refused(|config| config.batch = 0).starts_with("ingestion.batch is 0"));
        assert!(refused(|config| config.deadline_seconds = 0).starts_with("ingestion.deadline_seconds is 0"));
        assert!(refused(|config| config.mllp.connections = 0).starts_with("ingestion.mllp.connections is 0"));
    }
}
