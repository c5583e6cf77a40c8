//! How many of the accepted inquiries have gone the whole path, asked so cheaply that asking does not disturb.
//!
//! Each service counts the messages it has handled; how many messages an inquiry means to each is learnt from the warm-up
//! rather than written down here a second time. This is an estimate while the load runs; what counts in the end are the
//! rows in the databases (proof).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};

use super::http::Connection;

const COUNTER: &str = "causeway_messages_handled_total{";

/// Asks the operations listener.
pub struct Completion {
    connection: Connection,
    request: String,
    /// Messages that an inquiry means to each service that hears of it.
    per_inquiry: BTreeMap<String, u64>,
    /// What the counters showed when `completed_then` inquiries had gone the whole path.
    handled_then: BTreeMap<String, u64>,
    completed_then: u64,
}

impl Completion {
    /// Nothing learnt yet.
    pub async fn open(operations: SocketAddr) -> anyhow::Result<Self> {
        let connection = Connection::open(operations).await.context("connect to the operations listener")?;
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {operations}\r\n\r\n");
        Ok(Self { connection, request, per_inquiry: BTreeMap::new(), handled_then: BTreeMap::new(), completed_then: 0 })
    }

    /// Learns from a time of rest after so many inquiries, all of which have gone the whole path.
    pub async fn learn(&mut self, inquiries: u64) -> anyhow::Result<()> {
        ensure!(inquiries > 0, "no inquiry was accepted in the warm-up; see the services' log");
        let handled = self.handled().await?;
        self.per_inquiry = learnt(&handled, inquiries);
        ensure!(!self.per_inquiry.is_empty(), "no service counts what it handles; /metrics lacks {COUNTER}…}}");
        self.rest(inquiries).await
    }

    /// Begins anew at a time of rest, so that messages that came twice do not add up to an error.
    pub async fn rest(&mut self, completed: u64) -> anyhow::Result<()> {
        self.handled_then = self.handled().await?;
        self.completed_then = completed;
        Ok(())
    }

    /// Inquiries that have gone the whole path: what the slowest service has done.
    pub async fn completed(&mut self) -> anyhow::Result<u64> {
        let handled = self.handled().await?;
        Ok(self.completed_then + since(&self.handled_then, &handled, &self.per_inquiry))
    }

    async fn handled(&mut self) -> anyhow::Result<BTreeMap<String, u64>> {
        let (status, page) = self.connection.ask(self.request.as_bytes()).await.context("ask for /metrics")?;
        if status != 200 {
            bail!("/metrics answered {status}");
        }
        Ok(handled_in(&String::from_utf8_lossy(page)))
    }
}

/// Messages that had their effect, by service. One that comes again later is not done.
fn handled_in(page: &str) -> BTreeMap<String, u64> {
    let mut handled = BTreeMap::new();
    for line in page.lines().filter_map(|line| line.strip_prefix(COUNTER)) {
        let Some((labels, value)) = line.split_once("} ") else { continue };
        let label = |name: &str| {
            let mut labels = labels.split(',').filter_map(|label| label.split_once('='));
            labels.find(|(known, _)| *known == name).map(|(_, value)| value.trim_matches('"'))
        };
        if let (Some(service), Ok(count)) = (label("service"), value.trim().parse::<f64>())
            && label("outcome") != Some("retry")
        {
            *handled.entry(service.to_owned()).or_default() += count as u64;
        }
    }
    handled
}

fn learnt(handled: &BTreeMap<String, u64>, inquiries: u64) -> BTreeMap<String, u64> {
    let each = handled.iter().map(|(service, count)| (service.clone(), count / inquiries));
    each.filter(|(_, count)| *count > 0).collect()
}

fn since(then: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>, each: &BTreeMap<String, u64>) -> u64 {
    let count = |counts: &BTreeMap<String, u64>, service: &str| counts.get(service).copied().unwrap_or_default();
    let done = each.iter().map(|(service, each)| count(now, service).saturating_sub(count(then, service)) / each);
    done.min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE causeway_messages_handled_total counter\n\
        causeway_messages_handled_total{outcome=\"done\",service=\"routing\"} 100\n\
        causeway_messages_handled_total{outcome=\"already_applied\",service=\"metrics\"} 1\n\
        causeway_messages_handled_total{outcome=\"done\",service=\"metrics\"} 201\n\
        causeway_messages_handled_total{outcome=\"retry\",service=\"metrics\"} 70\n\
        causeway_messages_handled_total{outcome=\"done\",service=\"portal\"} 3\n\
        causeway_republished_total{service=\"routing\"} 5\n";

    #[test]
    fn the_slowest_service_tells_how_many_inquiries_have_gone_the_whole_path() {
        let then = handled_in(PAGE);
        assert_eq!(then["metrics"], 202);
        let each = learnt(&then, 100);
        assert_eq!(each, BTreeMap::from([("metrics".into(), 2), ("routing".into(), 1)]));
        let mut now = then.clone();
        now.insert("routing".into(), 150);
        now.insert("metrics".into(), 283);
        assert_eq!(since(&then, &now, &each), 40);
    }

    #[test]
    fn a_page_without_the_counter_tells_nothing() {
        assert!(handled_in("").is_empty());
        assert_eq!(since(&BTreeMap::new(), &BTreeMap::new(), &BTreeMap::new()), 0);
    }
}
