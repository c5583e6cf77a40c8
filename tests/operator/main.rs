//! Every command of the operator, run as a person runs it against an installation that works, and against one where something was
//! broken on purpose: what it says, what it prints for programs, and its exit code.
//!
//! One installation serves the whole walk, because starting one is what takes the time; each step leaves it as it was found.
//! What needs no installation is in the command line's own test.

mod audit;
mod bench;
mod centers;
mod doctor;
mod ledger;
mod logs;
mod migrate;
mod parked;
mod reconcile;
mod simulate;

use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_serve::Channel;
use causeway_tests::{Collector, Installation, eventually, people, planted};

/// The center that most of it is about.
const CENTER: &str = "harbor-valley";
/// Another one.
const OTHER: &str = "lakeside";

#[tokio::test(flavor = "multi_thread")]
async fn each_command_tells_what_is_so_names_what_is_broken_and_says_by_its_exit_code_which_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // What an operator does by hand, nobody shall have done by himself before.
    let quiet = ["--set", "ingestion.pace.reconcile_every_seconds=86400"];
    let mut installation = Installation::start_in(folder.path(), &quiet).await;

    simulate::the_same_seed_plays_the_same_people_and_another_one_others(&installation).await;
    ask(&installation, "operatorone").await;
    ledger::it_balances_by_center_and_names_the_inquiry_that_is_nowhere(&installation).await;
    doctor::a_sound_installation_is_in_order_in_every_part(&installation).await;
    doctor::each_broken_part_is_named_with_its_remedy_and_nothing_is_made(&installation).await;
    doctor::every_unsafe_stream_is_named_and_stays_as_it_is(&installation).await;
    doctor::a_login_that_row_level_security_does_not_bind_is_named(&installation).await;
    migrate::what_runs_out_is_named_made_anew_and_a_second_time_nothing_changes(&installation).await;
    centers::a_faulty_profile_is_explained_and_stays_out_and_a_sound_one_is_in_force_within_seconds(&installation)
        .await;
    parked::a_poisoned_message_is_listed_read_and_handled_again_after_it_was_mended(&installation).await;
    reconcile::what_a_listener_lacks_is_counted_and_published_again(&installation).await;
    audit::sign_ins_and_refused_looks_are_written_down(&installation).await;
    audit::a_row_that_was_changed_is_named(&installation).await;

    assert_eq!(installation.stop().await, Some(0));
    let mut servers = Installation::start_in(folder.path(), &["--servers-only"]).await;
    doctor::services_that_do_not_run_and_consumers_that_are_not_as_they_were_are_named(&servers).await;
    logs::services_started_beside_the_servers_log_lines_that_lead_to_their_traces(&servers).await;
    assert_eq!(servers.stop().await, Some(0));
    assert_eq!(servers.left_behind(), Vec::<String>::new(), "nothing is left running");
    simulate::the_demo_fills_the_pages_of_steps_reopenings_and_audits().await;
}

/// Somebody asks by the form's door and is written to, so that there is an inquiry and a look at a person.
async fn ask(installation: &Installation, mark: &str) -> String {
    let door = format!("{}/v1/centers/{CENTER}/inquiries", installation.address("ingestion_http"));
    let body = serde_json::json!({ "form": "second-opinion", "language": "en", "answers": planted(mark) });
    let answer = reqwest::Client::new().post(door).json(&body).send().await.expect("the door answers");
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    let address = people::email(mark);
    eventually("a mail went out", 60, async || !installation.mails(&address).await.is_empty()).await;
    answer["inquiry_id"].as_str().expect("an id").to_owned()
}

/// Ingestion, as a person of a center's staff.
fn ingestion(installation: &Installation, center: &str, person: &str) -> IngestionClient<Channel> {
    IngestionClient::new(installation.staff("ingestion", center, person))
}

/// The desk, as a person of a center's staff.
fn desk(installation: &Installation, center: &str, person: &str) -> IntakeDeskClient<Channel> {
    IntakeDeskClient::new(installation.staff("intake-desk", center, person))
}

/// Asks the JetStream of an installation as the tool `nats` does.
async fn jetstream(bus: &causeway_bus::Bus, what: &str, body: serde_json::Value) -> serde_json::Value {
    let wait = std::time::Duration::from_secs(5);
    let answer =
        bus.ask(format!("$JS.API.{what}"), body.to_string().into_bytes().into(), wait).await.expect("an answer");
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    assert!(answer["error"].is_null(), "{what}: {answer}");
    answer
}

/// The bus of an installation, with nothing made that is missing.
async fn bus(installation: &Installation) -> causeway_bus::Bus {
    causeway::installation::bus_as_it_is(&installation.config()).await.expect("the bus")
}

/// A collector, for whoever starts services of their own.
async fn collector() -> (Collector, String) {
    let collector = Collector::start().await;
    let setting = format!("runtime.otlp_endpoint={}", collector.endpoint());
    (collector, setting)
}
