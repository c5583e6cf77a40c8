//! From a posted form to a counted appointment, through the doors that people use, for both centers.

use std::collections::HashSet;

use causeway_funnel::time_words;
use causeway_proto::intake::v1::Stage;
use causeway_proto::metrics::v1::metrics_client::MetricsClient;
use causeway_proto::metrics::v1::{GetFunnelRequest, GetFunnelResponse};
use causeway_tests::{Collector, Desk, Installation, book_through, eventually, people, planted};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::{Connection as _, Executor as _, PgConnection};

/// Posts a form as a browser without script does and gives the address of the page that follows.
async fn post_form(installation: &Installation, center: &str, form: &str, mark: &str) -> String {
    let url = format!("{}/{center}/forms/{form}", installation.address("patient"));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let answer = client.post(&url).form(&planted(mark)).send().await.expect("the form answers");
    let status = answer.status();
    let location = answer.headers().get("location").map(|value| value.to_str().expect("ascii").to_owned());
    let body = answer.text().await.expect("a body");
    assert_eq!(status.as_u16(), 303, "{body}");
    location.expect("a page follows")
}

async fn funnel(installation: &Installation, center: &str) -> GetFunnelResponse {
    let mut metrics = MetricsClient::new(installation.staff("metrics", center, "analyst"));
    let request = GetFunnelRequest { center: center.to_owned(), ..Default::default() };
    metrics.get_funnel(request).await.expect("a funnel").into_inner()
}

fn reached(funnel: &GetFunnelResponse, stage: Stage) -> i64 {
    funnel.stages.iter().find(|count| count.stage() == stage).map_or(0, |count| count.reached)
}

/// One center from the form to the funnel.
async fn form_to_funnel(installation: &Installation, center: &str, mark: &str) {
    post_form(installation, center, "second-opinion", mark).await;
    let address = people::email(mark);
    eventually("the confirmation arrives", 60, async || !installation.mails(&address).await.is_empty()).await;
    let mail = installation.mails(&address).await.remove(0);
    let (subject, text) = (mail["subject"].as_str().expect("a subject"), mail["text"].as_str().expect("a text"));
    assert!(!subject.to_lowercase().contains("cancer") && !subject.contains(mark), "{subject}");
    assert!(text.contains("/p/"), "it holds the signed link: {text}");

    let desk_channel = installation.staff("intake-desk", center, "coordinator-1");
    let mut desk = Desk::new(center, desk_channel, installation.staff("scheduling-sync", center, "coordinator-1"));
    let rows = desk.worklist().await;
    assert_eq!(rows.len(), 1, "one row on the worklist");
    let (id, due) = (rows[0].inquiry_id.clone(), rows[0].due_at);
    assert!(due > 0 && !rows[0].team.is_empty() && !rows[0].next_action.is_empty());
    let inquiry = desk.inquiry(&id).await.expect("the inquiry");
    let facts = inquiry.facts.as_ref().expect("facts");
    let zone = TimeZone::get(&facts.time_zone).expect("a zone");
    let contact_by = Timestamp::from_microsecond(inquiry.response_due_at).expect("a time");
    let said = time_words::words(contact_by, &zone, &facts.language);
    // A mail breaks its lines where it likes.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&said), "the mail names the time by which contact is due, {said}: {text}");
    let wanted = inquiry.records.iter().find(|record| record.from == "patient" || record.needed_for_booking);
    let label = &wanted.expect("a document to gather").label;
    assert!(text.contains(label.as_str()), "the mail names what to gather ({label}): {text}");
    let refused = desk.offers(&id).await.expect("an answer");
    assert!(
        refused.slots.is_empty() && !refused.words_for_staff.is_empty(),
        "booking waits, and says why: {refused:?}"
    );

    let appointment = book_through(&mut desk, &id).await.expect("booked");
    assert!(appointment.starts_at > 0);
    eventually("the desk knows of the appointment", 30, async || {
        let channel = installation.staff("intake-desk", center, "coordinator-1");
        let mut desk = Desk::new(center, channel.clone(), channel);
        desk.inquiry(&id).await.is_ok_and(|inquiry| inquiry.stage() == Stage::Scheduled)
    })
    .await;
    eventually("the funnel counts it", 30, async || {
        reached(&funnel(installation, center).await, Stage::Scheduled) == 1
    })
    .await;
    let counted = funnel(installation, center).await;
    for pair in counted.stages.windows(2) {
        assert_eq!(pair[0].reached, pair[1].reached + pair[0].left + pair[0].open, "the funnel adds up: {counted:?}");
    }
    eventually("the second mail tells the date", 30, async || installation.mails(&address).await.len() >= 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posted_form_becomes_a_mail_a_worklist_row_an_appointment_and_a_number_in_both_centers() {
    let collector = Collector::start().await;
    let endpoint = format!("runtime.otlp_endpoint={}", collector.endpoint());
    let mut installation = Installation::start(&["--set", &endpoint]).await;
    form_to_funnel(&installation, "harbor-valley", "qazwinharbor").await;
    form_to_funnel(&installation, "lakeside", "qazwinlakeside").await;

    every_table_that_a_service_can_reach_is_kept_apart_by_center(&installation).await;

    // One inquiry is one trace.
    eventually("one trace holds five services", 30, async || services_of_widest_trace(&collector) >= 5).await;
    let (code, ledger) = installation.command(&["ledger", "--settle", "30"]).await;
    assert_eq!(code, 0, "{ledger}");
    eventually("Prometheus shows the same numbers", 30, async || {
        let metrics = reqwest::get(format!("{}/metrics", installation.address("operations"))).await.expect("metrics");
        let metrics = metrics.text().await.expect("a body");
        ["harbor-valley", "lakeside"].iter().all(|center| {
            let mut lines = metrics.lines().filter(|line| line.starts_with("causeway_funnel_stage{"));
            lines.any(|line| line.contains(center) && line.contains("\"scheduled\"") && line.ends_with("} 1"))
        })
    })
    .await;

    assert_eq!(installation.stop().await, Some(0));
    assert_eq!(installation.left_behind(), Vec::<String>::new(), "nothing is left running");
    let mut again = Installation::start_in(installation.folder(), &[]).await;
    eventually("a second start finds the data", 30, async || {
        reached(&funnel(&again, "lakeside").await, Stage::Scheduled) == 1
    })
    .await;
    assert_eq!(again.stop().await, Some(0));
}

/// Row-level security is on, for the owner too, wherever a service's login has any right: tables, their partitions, all.
async fn every_table_that_a_service_can_reach_is_kept_apart_by_center(installation: &Installation) {
    let config = installation.config();
    assert!(config.databases.len() >= 6, "{:?}", config.databases.keys());
    for (service, database) in &config.databases {
        let mut login = PgConnection::connect(database.app.expose()).await.expect("the service's own login");
        let tables: Vec<(String, bool)> = sqlx::query_as(
            "SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'center_id' \
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') \
                AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')",
        )
        .fetch_all(&mut login)
        .await
        .expect("the catalogue");
        assert!(tables.iter().any(|(table, _)| table == "outbox"), "{service}: {tables:?}");
        let open: Vec<&String> = tables.iter().filter(|(_, kept)| !kept).map(|(table, _)| table).collect();
        assert!(open.is_empty(), "{service} can reach other centers' rows in {open:?}");
        let forged = "DELETE FROM outbox_rest";
        assert!(login.execute(forged).await.is_err(), "{service} can change its event log");
    }
}

fn services_of_widest_trace(collector: &Collector) -> usize {
    let spans = collector.spans();
    let traces: HashSet<&String> = spans.iter().map(|span| &span.trace).collect();
    let services = |trace: &String| {
        let own = spans.iter().filter(|span| &span.trace == trace).map(|span| &span.service);
        own.filter(|service| !service.is_empty()).collect::<HashSet<_>>().len()
    };
    traces.into_iter().map(services).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_inquiries_in_every_stage_within_two_minutes() {
    let mut installation = Installation::start(&["--demo"]).await;
    let stages = [
        Stage::Received,
        Stage::Routed,
        Stage::Contacted,
        Stage::IntakeComplete,
        Stage::RecordsReady,
        Stage::Scheduled,
        Stage::Attended,
    ];
    eventually("every stage of both centers was reached", 120, async || {
        let mut all = true;
        for center in ["harbor-valley", "lakeside"] {
            let funnel = funnel(&installation, center).await;
            all &= stages.iter().all(|stage| reached(&funnel, *stage) > 0) && !funnel.close_reasons.is_empty();
        }
        all
    })
    .await;
    assert_eq!(installation.stop().await, Some(0));
    assert_eq!(installation.left_behind(), Vec::<String>::new(), "nothing is left running");
}
