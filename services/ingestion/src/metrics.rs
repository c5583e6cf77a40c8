//! What operators see of the doors. Labels are centers, sources and closed words; never a text that somebody sent.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry};

/// The metrics of ingestion; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    /// Inquiries committed, by center and source.
    pub received: IntCounterVec,
    /// Inquiries that look like a machine's and wait for a person, by center.
    pub held: IntCounterVec,
    /// Repeats that were recognised by their key, by center.
    pub repeated: IntCounterVec,
    /// Submissions refused, by reason.
    pub refused: IntCounterVec,
    /// Connections of partner systems that were not let in, by reason.
    pub turned_away: IntCounterVec,
    /// What came too often, by door and limit: refused, or by HL7 delayed.
    pub limited: IntCounterVec,
    /// Answers that could not be read, by code of the fault.
    pub faults: IntCounterVec,
    /// What became of showings of forms, by center, form, language and step: shown, begun, sent (held ones not).
    pub form_steps: IntCounterVec,
    /// Fields that could not be taken on a form's page, each once for a showing, by center, form, field and code.
    pub form_faults: IntCounterVec,
    /// Proofs of work that were wanted, by center, form and outcome.
    pub proofs: IntCounterVec,
    /// From the request's arrival in the service to its committed answer.
    pub accept: Histogram,
    /// Inquiries that wait for their commit, by center.
    pub waiting: IntGaugeVec,
    /// Inquiries committed together.
    pub batch: Histogram,
    /// People opened, by purpose.
    pub revealed: IntCounterVec,
    /// People read for the index, by center.
    pub indexed: IntCounterVec,
    /// Links found, by center and strength.
    pub links: IntCounterVec,
    /// Messages of partner systems, by feed and outcome.
    pub heard: IntCounterVec,
    /// Frames that belong to nobody, by reason and what became of them: kept, again, too_often or no_room.
    pub unaddressed: IntCounterVec,
    /// Those that wait for an operator, by reason.
    pub waiting_unaddressed: IntGaugeVec,
    /// Messages of partner systems that wait for a person, by center and why.
    pub waiting_messages: IntGaugeVec,
    /// Calls that wait for a person, by center and for what.
    pub waiting_calls: IntGaugeVec,
    /// What was odd about messages and taken all the same, by feed.
    pub oddities: IntCounterVec,
    /// Files of partner systems, by feed and outcome.
    pub files: IntCounterVec,
    /// Documents, by door and what became of them.
    pub documents: IntCounterVec,
    /// What the scanner said of documents, failures included.
    pub scans: IntCounterVec,
    /// Documents that wait for the scanner, by center.
    pub unscanned: IntGaugeVec,
    /// Those of them at which it has failed before, by center.
    pub scan_failing: IntGaugeVec,
    /// Messages whose documents could not be unpacked so far, by center.
    pub not_unpacked: IntGaugeVec,
    /// Objects that no document knows and that are too many to be taken away, by center.
    pub unknown_objects: IntGaugeVec,
    /// Rows of partners' files, by feed and result.
    pub rows: IntCounterVec,
    /// Files of partner systems that are not done, by center and why.
    pub waiting_files: IntGaugeVec,
    /// 1 for each feed that is quiet or floods us, by center, feed and kind.
    pub feed_incidents: IntGaugeVec,
    /// Notifications that were sent, by center, feed, kind and outcome.
    pub hooks: IntCounterVec,
    /// Events that subscribers were not told yet, by center and feed.
    pub hooks_waiting: IntGaugeVec,
    /// Subscriptions, by center and state.
    pub subscriptions: IntGaugeVec,
    /// Files in partners' folders that are not whole yet, by center and feed.
    pub unfinished_files: IntGaugeVec,
}

impl Metrics {
    /// Registers all of them.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let waiting = IntGaugeVec::new(
            Opts::new("causeway_accept_queue_depth", "inquiries that wait for their commit"),
            &["center"],
        )?;
        registry.register(Box::new(waiting.clone()))?;
        let waiting_messages = IntGaugeVec::new(
            Opts::new("causeway_partner_messages_waiting", "messages of partner systems that wait for a person"),
            &["center", "reason"],
        )?;
        registry.register(Box::new(waiting_messages.clone()))?;
        let waiting_unaddressed = IntGaugeVec::new(
            Opts::new(
                "causeway_unaddressed_frames_waiting",
                "frames of the HL7 door that belong to nobody and wait for an operator",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(waiting_unaddressed.clone()))?;
        let waiting_calls = IntGaugeVec::new(
            Opts::new("causeway_calls_waiting", "calls of the phone system that wait for a person, and for what"),
            &["center", "waits_for"],
        )?;
        registry.register(Box::new(waiting_calls.clone()))?;
        let waiting_files = IntGaugeVec::new(
            Opts::new(
                "causeway_partner_files_waiting",
                "files of partner systems that are not done: open, or parked and why",
            ),
            &["center", "reason"],
        )?;
        registry.register(Box::new(waiting_files.clone()))?;
        let unfinished_files = IntGaugeVec::new(
            Opts::new("causeway_partner_files_unfinished", "files in partners' folders that are not known to be whole"),
            &["center", "feed"],
        )?;
        registry.register(Box::new(unfinished_files.clone()))?;
        let feed_incidents = IntGaugeVec::new(
            Opts::new(
                "causeway_feed_incident",
                "feeds of which far less or far more comes than usual: 1 while it is so",
            ),
            &["center", "feed", "kind"],
        )?;
        registry.register(Box::new(feed_incidents.clone()))?;
        let hooks_waiting = IntGaugeVec::new(
            Opts::new("causeway_subscription_events_waiting", "events that subscribers were not told yet"),
            &["center", "feed"],
        )?;
        registry.register(Box::new(hooks_waiting.clone()))?;
        let subscriptions = IntGaugeVec::new(
            Opts::new(
                "causeway_subscriptions",
                "subscriptions of partners by state: requested, active, error, stopped (by an operator), off",
            ),
            &["center", "state"],
        )?;
        registry.register(Box::new(subscriptions.clone()))?;
        let gauge = |name: &str, help: &str| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &["center"])?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        Ok(Self {
            waiting_unaddressed,
            unaddressed: counter(
                "causeway_unaddressed_frames_total",
                "frames of the HL7 door that belong to nobody, by reason and what became of them",
                &["reason", "outcome"],
            )?,
            hooks_waiting,
            subscriptions,
            hooks: counter(
                "causeway_subscription_notifications_total",
                "notifications to subscribers, by kind and outcome: taken or failed",
                &["center", "feed", "kind", "outcome"],
            )?,
            unscanned: gauge("causeway_documents_unscanned", "documents that wait for the malware scanner")?,
            scan_failing: gauge(
                "causeway_documents_scan_failing",
                "documents that wait for the malware scanner and at which it has failed before",
            )?,
            not_unpacked: gauge(
                "causeway_documents_not_unpacked",
                "messages of partner systems whose documents could not be unpacked so far",
            )?,
            unknown_objects: gauge(
                "causeway_documents_unknown_objects",
                "objects of the store of documents that no document knows, where they are too many to be taken away",
            )?,
            documents: counter(
                "causeway_documents_total",
                "documents, by door and what became of them; a word of the document faults where one was not taken",
                &["door", "outcome"],
            )?,
            scans: counter(
                "causeway_document_scans_total",
                "scans of documents, by what the scanner said: clean, infected or failed",
                &["outcome"],
            )?,
            feed_incidents,
            received: counter(
                "causeway_inquiries_received_total",
                "inquiries committed, held ones included",
                &["center", "source"],
            )?,
            held: counter(
                "causeway_inquiries_held_total",
                "inquiries that look like a machine's and wait for a person",
                &["center"],
            )?,
            repeated: counter(
                "causeway_inquiries_repeated_total",
                "submissions recognised as a repeat by their idempotency key",
                &["center"],
            )?,
            refused: counter("causeway_inquiries_refused_total", "submissions refused, by reason", &["reason"])?,
            turned_away: counter(
                "causeway_connections_refused_total",
                "connections of partner systems by HL7 that were not let in, by reason",
                &["reason"],
            )?,
            faults: counter(
                "causeway_answer_faults_total",
                "answers that could not be read, by fault",
                &["center", "code"],
            )?,
            form_steps: counter(
                "causeway_form_steps_total",
                "showings of forms: shown, begun, and sent without being held",
                &["center", "form", "language", "step"],
            )?,
            form_faults: counter(
                "causeway_form_field_faults_total",
                "showings of forms in which a field could not be taken, by field and fault",
                &["center", "form", "field", "code"],
            )?,
            proofs: counter(
                "causeway_form_proofs_total",
                "proofs of work that were wanted: done, missing, forged, expired, too_weak, used_before",
                &["center", "form", "outcome"],
            )?,
            accept: histogram(
                "causeway_accept_duration_seconds",
                "time from arrival to the committed answer",
                vec![0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
            )?,
            waiting,
            waiting_messages,
            waiting_calls,
            waiting_files,
            unfinished_files,
            files: counter(
                "causeway_partner_files_total",
                "files of partner systems, by feed and outcome",
                &["feed", "outcome"],
            )?,
            rows: counter(
                "causeway_partner_file_rows_total",
                "rows of partners' files, by feed and result",
                &["feed", "result"],
            )?,
            batch: histogram(
                "causeway_accept_batch_size",
                "inquiries committed together",
                vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0],
            )?,
            heard: counter(
                "causeway_partner_messages_total",
                "messages of partner systems, by feed and outcome",
                &["feed", "outcome"],
            )?,
            limited: counter(
                "causeway_limited_total",
                "requests and messages that came too often, by door and limit: refused, or by HL7 delayed",
                &["door", "limit"],
            )?,
            oddities: counter(
                "causeway_partner_message_oddities_total",
                "oddities of messages that were taken all the same",
                &["feed", "oddity"],
            )?,
            indexed: counter("causeway_people_indexed_total", "people read for the index, by center", &["center"])?,
            links: counter(
                "causeway_person_links_total",
                "links between inquiries that may be one person's, by center and strength",
                &["center", "strength"],
            )?,
            revealed: counter("causeway_people_revealed_total", "people opened, by purpose", &["purpose"])?,
        })
    }
}
