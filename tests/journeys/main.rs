//! From a posted form to a kept appointment that is counted, through the doors that people use, for both centers.

mod console;
mod offices;
mod referral;
mod second_opinion;
mod sisters;
mod story;
mod trial_question;

use std::collections::{BTreeMap, HashSet};

use causeway_funnel::time_words;
use causeway_proto::convert::stage_from_wire;
use causeway_proto::intake::v1::Stage;
use causeway_proto::metrics::v1::GetReroutesRequest;
use causeway_proto::metrics::v1::metrics_client::MetricsClient;
use causeway_tests::{
    Collector, Desk, Installation, book_through_from, eventually, funnel, keep_clock, people, planted, reached, sign_in,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
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

/// A center of the journey: what is unlike in the two, and how many ask there.
struct Center {
    id: &'static str,
    name: &'static str,
    mark: &'static str,
    /// What the subject says of the mail that tells of the booking.
    confirms: &'static str,
    /// What the subject of its reminder says.
    reminds: &'static str,
    /// A team to which one of those who only ask is sent on.
    other_team: &'static str,
    /// Who only asks.
    only_asks: usize,
    /// Who asks, and is reached.
    only_reached: usize,
}

const CENTERS: [Center; 2] = [
    Center {
        id: "harbor-valley",
        name: "Harbor Valley",
        mark: "qazwinharbor",
        confirms: "your visit is set",
        reminds: "your visit on",
        other_team: "breast",
        only_asks: 1,
        only_reached: 2,
    },
    Center {
        id: "lakeside",
        name: "Lakeside",
        mark: "qazwinlakeside",
        confirms: "date confirmed",
        reminds: "see you",
        other_team: "urology",
        only_asks: 2,
        only_reached: 0,
    },
];

/// The journey begins so long ago, and the visit is so long after: the reminders of both centers lie between.
const BEGINS: SignedDuration = SignedDuration::from_hours(24 * 28);
const VISIT_IN: SignedDuration = SignedDuration::from_hours(24 * 8);
/// Eight days in about a minute and a half.
const SPEED: f64 = 7_600.0;

/// A visit that was booked.
struct Booked {
    appointment_id: String,
    starts_at: Timestamp,
}

impl Center {
    fn desk(&self, installation: &Installation) -> Desk {
        let channel = |service| installation.staff(service, self.id, "coordinator-1");
        Desk::new(self.id, channel("intake-desk"), channel("scheduling-sync"))
    }

    /// How many must have reached each stage when the one visit is kept.
    fn expected(&self) -> BTreeMap<&'static str, i64> {
        let (asked, reached) = (1 + self.only_reached + self.only_asks, 1 + self.only_reached);
        let count = |count: usize| i64::try_from(count).expect("small");
        BTreeMap::from([
            ("received", count(asked)),
            ("routed", count(asked)),
            ("contacted", count(reached)),
            ("intake_complete", 1),
            ("records_ready", 1),
            ("scheduled", 1),
            ("attended", 1),
        ])
    }

    /// From the form to the booked visit.
    async fn form_to_visit(&self, installation: &Installation) -> Booked {
        let center = self.id;
        post_form(installation, center, "second-opinion", self.mark).await;
        let address = people::email(self.mark);
        eventually("the confirmation arrives", 60, async || !installation.mails(&address).await.is_empty()).await;
        let mail = installation.mails(&address).await.remove(0);
        let (subject, text) = (mail["subject"].as_str().expect("a subject"), mail["text"].as_str().expect("a text"));
        assert!(!subject.to_lowercase().contains("cancer") && !subject.contains(self.mark), "{subject}");
        assert!(text.contains("/p/"), "it holds the signed link: {text}");

        let mut desk = self.desk(installation);
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

        let from = installation.clock().now() + VISIT_IN;
        let appointment = book_through_from(&mut desk, &id, from.as_microsecond()).await.expect("booked");
        let starts_at = Timestamp::from_microsecond(appointment.starts_at).expect("a time");
        assert!(starts_at >= from, "not before the asked time");
        eventually("the desk knows of the appointment", 90, async || {
            self.desk(installation).inquiry(&id).await.is_ok_and(|inquiry| inquiry.stage() == Stage::Scheduled)
        })
        .await;
        eventually("the funnel counts it", 90, async || {
            reached(&funnel(installation, center).await, Stage::Scheduled) == 1
        })
        .await;
        eventually("a mail tells the date", 90, async || self.mails_about(installation, self.confirms).await == 1)
            .await;
        assert_eq!(self.mails_about(installation, self.reminds).await, 0, "it is too early to remind");
        Booked { appointment_id: appointment.appointment_id, starts_at }
    }

    /// Mails to who asked whose subject says so.
    async fn mails_about(&self, installation: &Installation, words: &str) -> usize {
        let mails = installation.mails(&people::email(self.mark)).await;
        mails.iter().filter(|mail| mail["subject"].as_str().is_some_and(|subject| subject.contains(words))).count()
    }

    /// Others ask as well, and come less far: no two stages of the two centers then have the same figures.
    async fn others_ask(&self, installation: &Installation) {
        for number in 0..self.only_asks + self.only_reached {
            post_form(installation, self.id, "second-opinion", &format!("{}other{number}", self.mark)).await;
        }
        let fresh = async || {
            let rows = self.desk(installation).worklist().await.into_iter();
            rows.filter(|row| row.attempts == 0).map(|row| row.inquiry_id).collect::<Vec<_>>()
        };
        let others = self.only_asks + self.only_reached;
        eventually("they are on the worklist", 60, async || fresh().await.len() == others).await;
        let mut desk = self.desk(installation);
        for id in fresh().await.into_iter().take(self.only_reached) {
            desk.claim(&id).await.expect("claimed");
            desk.attempt(&id, "reached").await.expect("reached");
        }
        let one = fresh().await.remove(0);
        desk.send_to_team(&one, self.other_team, "wrong_area").await.expect("sent on");
    }

    /// The reminder goes out before the visit, and who came is counted.
    async fn visit_to_funnel(&self, installation: &Installation, booked: &Booked) {
        let early = self.desk(installation).attended(&booked.appointment_id).await;
        assert!(early.is_err(), "nobody came to a visit that is ahead");
        eventually("a reminder goes out", 120, async || self.mails_about(installation, self.reminds).await > 0).await;
        assert!(installation.clock().now() < booked.starts_at, "before the visit");
        eventually("the visit begins", 180, async || installation.clock().now() > booked.starts_at).await;
        self.desk(installation).attended(&booked.appointment_id).await.expect("they came");
        eventually("the funnel counts that they came", 90, async || {
            reached(&funnel(installation, self.id).await, Stage::Attended) == 1
        })
        .await;
    }

    /// The page for people, the answer to programs and the figures for Prometheus say the same, and what is so.
    async fn every_face_tells_the_same(&self, installation: &Installation) {
        let counted = funnel(installation, self.id).await;
        for pair in counted.stages.windows(2) {
            assert_eq!(
                pair[0].reached,
                pair[1].reached + pair[0].left + pair[0].handed + pair[0].open,
                "the funnel adds up: {counted:?}"
            );
        }
        let by_grpc: BTreeMap<&str, i64> =
            counted.stages.iter().map(|count| (stage_from_wire(count.stage()).as_str(), count.reached)).collect();
        assert_eq!(by_grpc, self.expected(), "{}", self.id);
        let page = on_the_page(installation, self.name).await;
        let by_page: Vec<(String, i64)> = counted
            .stages
            .iter()
            .map(|count| (stage_from_wire(count.stage()).label("en").to_owned(), count.reached))
            .collect();
        assert_eq!(page, by_page, "the page of {}", self.id);
        let expected: BTreeMap<String, i64> =
            self.expected().into_iter().map(|(stage, count)| (stage.to_owned(), count)).collect();
        eventually("Prometheus shows the same numbers", 90, async || {
            in_prometheus(installation, self.id).await == expected
        })
        .await;
        self.every_face_tells_what_was_sent_on(installation).await;
    }

    /// One of those who asked, once, is on the page, in the answer to programs and in the figures for Prometheus.
    async fn every_face_tells_what_was_sent_on(&self, installation: &Installation) {
        let mut metrics = MetricsClient::new(installation.staff("metrics", self.id, "analyst"));
        let request = GetReroutesRequest { center: self.id.to_owned(), ..Default::default() };
        let counted = metrics.get_reroutes(request).await.expect("counts").into_inner();
        let routed = self.expected()["routed"];
        assert_eq!((counted.routed, counted.rerouted, counted.moves, counted.to_and_fro), (routed, 1, 1, 0));
        let way = counted.counts.first().expect("a way");
        assert_eq!((way.to_team.as_str(), way.reason.as_str(), way.moves), (self.other_team, "wrong_area", 1));
        let page = funnel_page(installation, self.name).await;
        let said = format!("1 of {routed} inquiries that reached a team (");
        assert!(page.contains(&said) && page.contains("once in all; none of them went to and fro."), "{page}");
        let figures = reqwest::get(format!("{}/metrics", installation.address("operations"))).await.expect("metrics");
        let figures = figures.text().await.expect("a body");
        let own: Vec<&str> = figures
            .lines()
            .filter(|line| line.starts_with("causeway_reroutes{") && line.contains(&format!("center=\"{}\"", self.id)))
            .collect();
        let labels = [("from_team", &way.from_team), ("to_team", &way.to_team), ("reason", &way.reason)];
        let told = |line: &str| labels.iter().all(|(name, word)| line.contains(&format!("{name}=\"{word}\"")));
        assert!(own.len() == 1 && told(own[0]) && own[0].ends_with(" 1"), "{own:?}");
    }
}

/// Stage and number of who reached it, as the table of the funnel's page has them for an intake manager.
async fn on_the_page(installation: &Installation, center: &str) -> Vec<(String, i64)> {
    let page = funnel_page(installation, center).await;
    let table =
        page.split("<caption class=\"vh\">Stages</caption>").nth(1).and_then(|rest| rest.split("</table>").next());
    let rows = table.unwrap_or_else(|| panic!("no table of stages: {page}")).split("<th scope=\"row\">").skip(1);
    let cell = |row: &str| {
        let name = row.split("</th>").next()?.to_owned();
        let count = row.split("<td class=\"r\">").nth(1)?.split("</td>").next()?.replace(',', "");
        Some((name, count.parse().ok()?))
    };
    rows.map(|row| cell(row).unwrap_or_else(|| panic!("a row without a number: {row}"))).collect()
}

/// The funnel's page as an intake manager sees it.
async fn funnel_page(installation: &Installation, center: &str) -> String {
    let staff = installation.address("staff");
    let cookie = sign_in(staff, center).await;
    let page = reqwest::Client::new().get(format!("{staff}/funnel")).header("cookie", cookie).send().await;
    page.expect("the page answers").text().await.expect("a page")
}

/// Stage and number of who reached it, as Prometheus is told.
async fn in_prometheus(installation: &Installation, center: &str) -> BTreeMap<String, i64> {
    let metrics = reqwest::get(format!("{}/metrics", installation.address("operations"))).await.expect("metrics");
    let metrics = metrics.text().await.expect("a body");
    let own = metrics
        .lines()
        .filter(|line| line.starts_with("causeway_funnel_stage{") && line.contains(&format!("center=\"{center}\"")));
    let read = |line: &str| {
        let stage = line.split("stage=\"").nth(1)?.split('"').next()?.to_owned();
        Some((stage, line.rsplit(' ').next()?.parse().ok()?))
    };
    own.filter_map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posted_form_becomes_a_mail_a_worklist_row_a_reminder_a_kept_visit_and_a_number_in_both_centers() {
    let collector = Collector::start().await;
    let endpoint = format!("runtime.otlp_endpoint={}", collector.endpoint());
    let keep = tempfile::tempdir().expect("a temporary folder");
    keep_clock(keep.path(), causeway_runtime::Clock::system().now() - BEGINS, 1.0);
    let mut installation = Installation::start_in(keep.path(), &["--set", &endpoint]).await;
    let mut booked = Vec::new();
    for center in &CENTERS {
        booked.push(center.form_to_visit(&installation).await);
        center.others_ask(&installation).await;
    }

    every_table_that_a_service_can_reach_is_kept_apart_by_center(&installation).await;

    // One inquiry is one trace.
    eventually("one trace holds five services", 90, async || services_of_widest_trace(&collector) >= 5).await;
    let (code, ledger) = installation.command(&["ledger", "--settle", "30"]).await;
    assert_eq!(code, 0, "{ledger}");
    let stopped_at = installation.clock().now();
    assert_eq!(installation.stop().await, Some(0));
    assert_eq!(installation.left_behind(), Vec::<String>::new(), "nothing is left running");

    // A second start finds the data, and days pass.
    keep_clock(keep.path(), stopped_at, SPEED);
    let mut again = Installation::start_in(keep.path(), &[]).await;
    let visits = CENTERS.iter().zip(&booked).map(|(center, booked)| center.visit_to_funnel(&again, booked));
    futures::future::join_all(visits).await;
    for center in &CENTERS {
        center.every_face_tells_the_same(&again).await;
    }
    assert_eq!(again.stop().await, Some(0));
    assert_eq!(again.left_behind(), Vec::<String>::new(), "nothing is left running");
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
