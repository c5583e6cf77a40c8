//! The private servers of development, met as a developer's machine meets them: started, killed, started again.
//!
//! Every test has its own data directory and ports, so they run side by side. Not here: the services on top of them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causeway_local::assets;
use causeway_local::find::{self, Fetch, Search};
use causeway_local::{Mailbox, Now, Ports, PrivateNats, PrivatePostgres, Workbench, WorkbenchSettings};
use jiff::Timestamp;
use lettre::message::MultiPart;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, Executor as _, PgConnection};

fn now() -> Now {
    Arc::new(|| "2026-11-24T09:00:00Z".parse::<Timestamp>().expect("a time"))
}

/// A directory that the server's user may enter, as an ordinary project directory is.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
    folder
}

async fn connect(url: &SecretString) -> PgConnection {
    PgConnection::connect(url.expose_secret()).await.expect("a connection")
}

async fn postgres(folder: &Path) -> PrivatePostgres {
    PrivatePostgres::start(folder, 0, &Search::from_environment()).await.expect("PostgreSQL starts")
}

async fn nats(folder: &Path) -> PrivateNats {
    PrivateNats::start(folder, 0, 0, &Search::from_environment()).await.expect("nats-server starts")
}

fn is_alive(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A process that nobody has waited for yet is listed as Z and runs no more.
    state.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn a_workbench_starts_all_servers_refuses_a_second_one_and_leaves_nothing_behind() {
    let folder = open_folder();
    let settings = WorkbenchSettings {
        data_dir: folder.path().to_path_buf(),
        ports: Ports::default(),
        search: Search::from_environment(),
        now: now(),
    };
    let bench = Workbench::start(settings.clone()).await.expect("a workbench");
    let pids = [bench.postgres().pid(), bench.nats().pid()].map(|pid| pid.expect("it runs"));
    let (postgres_port, nats_port) = (bench.postgres().port(), bench.nats().port());
    let refused = Workbench::start(settings.clone()).await.expect_err("the directory is in use");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");

    bench.stop().await.expect("everything stops");
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "a server stayed");

    let again = Workbench::start(settings).await.expect("a second start");
    assert_eq!((again.postgres().port(), again.nats().port()), (postgres_port, nats_port), "addresses stay the same");
    again.stop().await.expect("everything stops");
}

#[tokio::test]
async fn the_app_role_is_bound_by_row_level_security_and_the_machine_role_passes_it() {
    let folder = open_folder();
    let mut server = postgres(folder.path()).await;
    let first = server.create_database_and_roles("intake-desk").await.expect("a database");
    let second = server.create_database_and_roles("intake-desk").await.expect("the same database");
    assert_eq!((first.name.as_str(), first.app.expose_secret()), ("causeway_intake_desk", second.app.expose_secret()));

    let mut admin = connect(&first.admin).await;
    let table = "CREATE TABLE notes (center_id text NOT NULL, note text NOT NULL);
        ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY;
        CREATE POLICY center ON notes USING (center_id = current_setting('app.center', true));
        GRANT SELECT, INSERT ON notes TO intake_desk_app, intake_desk_machine;
        INSERT INTO notes VALUES ('north', 'a'), ('south', 'b');";
    sqlx::raw_sql(table).execute(&mut admin).await.expect("a table");

    let count = "SELECT count(*) FROM notes";
    let mut app = connect(&first.app).await;
    assert_eq!(
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut app).await.expect("counted"),
        0,
        "no center, no rows"
    );
    app.execute("SELECT set_config('app.center', 'north', false)").await.expect("set");
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut app).await.expect("counted"), 1);
    for forbidden in [
        "SET row_security = off; SELECT count(*) FROM notes",
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (a int)",
        "SET ROLE intake_desk_machine",
    ] {
        assert!(sqlx::raw_sql(forbidden).execute(&mut app).await.is_err(), "{forbidden} was allowed");
    }
    let mut machine = connect(&first.machine).await;
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut machine).await.expect("counted"), 2);

    let other = server.create_database_and_roles("routing").await.expect("another database");
    let elsewhere = first.app.expose_secret().replace(&first.name, &other.name);
    assert!(PgConnection::connect(&elsewhere).await.is_err(), "a service reached another's database");
    server.stop().await.expect("it stops");
}

#[tokio::test]
async fn databases_of_several_services_can_be_made_at_once_and_their_passwords_last() {
    let folder = open_folder();
    let mut server = postgres(folder.path()).await;
    let (a, b, c) = tokio::try_join!(
        server.create_database_and_roles("routing"),
        server.create_database_and_roles("metrics"),
        server.create_database_and_roles("ingestion")
    )
    .expect("three databases");
    server.stop().await.expect("it stops");
    server.restart().await.expect("it starts again");
    for database in [a, b, c] {
        connect(&database.app).await;
        connect(&database.machine).await;
    }
    server.stop().await.expect("it stops");
}

#[tokio::test]
async fn data_that_was_committed_is_there_after_the_server_was_killed() {
    let folder = open_folder();
    let mut server = postgres(folder.path()).await;
    let mut admin = connect(&server.admin_url("postgres")).await;
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").execute(&mut admin).await.expect("written");
    let pid = server.pid().expect("it runs");
    server.kill().await.expect("killed");
    assert!(!is_alive(pid));
    assert!(sqlx::query("SELECT 1").execute(&mut admin).await.is_err(), "a backend outlived the kill");
    server.restart().await.expect("it recovers");
    let mut admin = connect(&server.admin_url("postgres")).await;
    assert_eq!(sqlx::query_scalar::<_, i32>("SELECT n FROM kept").fetch_one(&mut admin).await.expect("read"), 7);
    server.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_server_that_a_killed_parent_left_is_ended_by_the_next_start() {
    let folder = open_folder();
    let first = postgres(folder.path()).await;
    let pid = first.pid().expect("it runs");
    // Forgetting it is what a kill of the parent does to us; the child goes on here because its thread does.
    std::mem::forget(first);
    let mut second = postgres(folder.path()).await;
    assert!(!is_alive(pid), "two servers on one directory");
    second.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_does_not_stop_a_start() {
    let folder = open_folder();
    let mut server = postgres(folder.path()).await;
    server.stop().await.expect("it stops");
    let stranger =
        format!("{}\n{}\n0\n{}\n\n127.0.0.1\n0 0\nready\n", std::process::id(), folder.path().display(), server.port());
    std::fs::write(folder.path().join("cluster/postmaster.pid"), stranger).expect("written");
    server.restart().await.expect("it starts");
    server.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_data_directory_the_servers_user_cannot_reach_works_all_the_same() {
    // A temporary folder is closed to everybody else, as root's home is.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = postgres(&folder.path().join("postgres")).await;
    let cluster = folder.path().join("postgres/cluster").canonicalize().expect("there");
    connect(&server.admin_url("postgres")).await;
    server.stop().await.expect("it stops");
    if cluster.starts_with("/var/tmp") {
        std::fs::remove_dir_all(cluster).expect("removed");
    }
}

#[tokio::test]
async fn no_parameter_of_a_failing_statement_reaches_the_servers_log() {
    let folder = open_folder();
    let mut server = postgres(folder.path()).await;
    let mut admin = connect(&server.admin_url("postgres")).await;
    sqlx::raw_sql("CREATE TABLE people (name text UNIQUE)").execute(&mut admin).await.expect("a table");
    for _ in 0..2 {
        let _ = sqlx::query("INSERT INTO people VALUES ($1)").bind("canary-9f2c").execute(&mut admin).await;
    }
    server.stop().await.expect("it stops");
    let log = std::fs::read_to_string(server.log()).expect("a log");
    assert!(log.contains("duplicate key"), "the failure is logged");
    assert!(!log.contains("canary-9f2c"), "the value is logged");
}

#[tokio::test]
async fn nats_has_jetstream_and_a_deleted_store_comes_back_empty() {
    let folder = open_folder();
    let mut server = nats(folder.path()).await;
    let pid = server.pid().expect("it runs");
    let state: serde_json::Value =
        reqwest::get(format!("{}/jsz", server.monitor_url())).await.expect("an answer").json().await.expect("json");
    assert_eq!(state["config"]["sync_interval"], 10_000_000_000_u64, "{state}");
    assert_eq!(state["config"]["max_storage"], 16_u64 << 30, "the streams have room on any disk: {state}");
    assert!(
        state["config"]["store_dir"]
            .as_str()
            .is_some_and(|path| path.starts_with(server.store().to_str().expect("text"))),
        "{state}"
    );
    assert!(server.delete_store().is_err(), "the store of a running server was deleted");

    let url = server.url();
    server.kill().await.expect("killed");
    assert!(!is_alive(pid));
    server.delete_store().expect("deleted");
    server.restart().await.expect("it starts");
    assert_eq!(server.url(), url);
    server.stop().await.expect("it stops");
    assert!(server.pid().is_none());
}

#[tokio::test]
async fn a_mail_sent_by_smtp_is_shown_as_json_and_as_a_page() {
    let folder = open_folder();
    let mailbox = Mailbox::start(folder.path(), 0, 0, now()).await.expect("a mailbox");
    let mail = Message::builder()
        .from("Oak Hill <desk@oakhill.example>".parse().expect("an address"))
        .to("Ana <ana@example.org>".parse().expect("an address"))
        .subject("Tu cita es mañana")
        .multipart(MultiPart::alternative_plain_html(
            "Ábrelo: http://127.0.0.1:8080/p/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789\n.\nfin".to_owned(),
            "<p>Ábrelo</p>".to_owned(),
        ))
        .expect("a mail");
    let sender =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(mailbox.smtp_addr().port()).build();
    sender.send(mail.clone()).await.expect("taken");
    sender.send(mail).await.expect("taken on the same connection");

    let found: serde_json::Value = get_json(&format!("{}/messages?to=ANA@example.org", mailbox.url())).await;
    let message = &found[0];
    assert_eq!(found.as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&message["kind"], &message["to"], &message["from"]),
        (&"mail".into(), &"ana@example.org".into(), &"desk@oakhill.example".into())
    );
    assert_eq!((&message["subject"], &message["at"]), (&"Tu cita es mañana".into(), &"2026-11-24T09:00:00Z".into()));
    assert!(
        message["text"].as_str().is_some_and(|text| text
            .contains("/p/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789")
            && text.contains("\n.")),
        "{message}"
    );
    assert!(message["html"].as_str().is_some_and(|html| html.contains("<p>Ábrelo</p>")), "{message}");

    let page = reqwest::get(mailbox.url() + "/mail/1").await.expect("a page");
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(page.text().await.expect("html").contains("<a href=\"http://127.0.0.1:8080/p/abc"));
    assert!(reqwest::get(mailbox.url()).await.expect("a page").text().await.expect("html").contains("ana@example.org"));
    assert_eq!(get_json(&format!("{}/messages?to=ben@example.org", mailbox.url())).await, serde_json::json!([]));
    mailbox.stop().await.expect("it stops");
}

#[tokio::test]
async fn an_sms_posted_twice_with_one_key_is_kept_once() {
    let folder = open_folder();
    let mailbox = Mailbox::start(folder.path(), 0, 0, now()).await.expect("a mailbox");
    let client = reqwest::Client::new();
    let post = || {
        client
            .post(mailbox.sms_url())
            .header("Idempotency-Key", "k1")
            .json(&serde_json::json!({"to": "+13125550142", "text": "see you"}))
            .send()
    };
    let (first, second) = (post().await.expect("taken"), post().await.expect("taken again"));
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 200));
    assert_eq!(first.text().await.expect("json"), second.text().await.expect("json"));
    assert_eq!(mailbox.messages(Some("+13125550142")).len(), 1);
    let cleared = client.delete(format!("{}/messages", mailbox.url())).send().await.expect("an answer");
    assert_eq!(cleared.status().as_u16(), 204);
    assert!(mailbox.messages(None).is_empty());
    mailbox.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_fetch_into_an_empty_cache_is_done_once_when_two_ask_together() {
    let folder = open_folder();
    let search = Search { cache: folder.path().join("cache"), ..Search::default() };
    if find::nats_server(&search, Fetch::No).expect("looked").found.is_some() {
        return; // A server on PATH is used before anything is fetched.
    }
    let ask = || {
        let search = search.clone();
        tokio::task::spawn_blocking(move || find::nats_server(&search, Fetch::Yes))
    };
    let (one, two) = tokio::join!(ask(), ask());
    let paths = [one, two].map(|answer| answer.expect("no panic").expect("fetched").found.expect("found").path);
    assert_eq!(paths[0], paths[1]);
    let looked = find::nats_server(&search, Fetch::No).expect("looked").found.expect("cached");
    assert_eq!(looked.how, "in the cache of an earlier fetch");
}

#[tokio::test]
async fn the_font_and_htmx_of_the_pages_are_fetched_once_with_their_licences() {
    let folder = open_folder();
    let cache = folder.path().join("cache");
    let ask = || {
        let cache = cache.clone();
        tokio::task::spawn_blocking(move || assets::folder(&cache))
    };
    let (one, two) = tokio::join!(ask(), ask());
    let (one, two) = (one.expect("no panic").expect("fetched"), two.expect("no panic").expect("fetched"));
    assert_eq!(one, two);
    for (name, least) in [("font.woff2", 20_000), ("htmx.js", 20_000), ("font.LICENSE", 100), ("htmx.LICENSE", 100)] {
        let length = std::fs::metadata(one.join(name)).unwrap_or_else(|cause| panic!("{name}: {cause}")).len();
        assert!(length > least, "{name} has {length} bytes");
    }
}

/// Runs this test program again as the parent that will be killed; the name is the test below.
fn start_a_parent(folder: &Path) -> std::process::Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = std::process::Command::new(program);
    command.args(["--exact", "a_workbench_that_waits_to_be_killed", "--ignored"]).env("CAUSEWAY_TEST_FOLDER", folder);
    command.stdout(std::process::Stdio::null()).spawn().expect("a parent")
}

#[tokio::test]
#[ignore = "the other half of the next test, which starts it in a process of its own"]
async fn a_workbench_that_waits_to_be_killed() {
    let Some(folder) = std::env::var_os("CAUSEWAY_TEST_FOLDER") else { return };
    let folder = Path::new(&folder);
    let settings = WorkbenchSettings {
        data_dir: folder.join("data"),
        ports: Ports::default(),
        search: Search::from_environment(),
        now: now(),
    };
    let bench = Workbench::start(settings).await.expect("a workbench");
    let pids = [bench.postgres().pid(), bench.nats().pid()].map(|pid| pid.expect("it runs").to_string());
    std::fs::write(folder.join("draft"), pids.join(" ")).expect("written");
    std::fs::rename(folder.join("draft"), folder.join("pids")).expect("named");
    tokio::time::sleep(Duration::from_secs(120)).await;
}

#[tokio::test]
async fn a_parent_killed_with_sigkill_leaves_no_server_and_the_next_start_finds_the_data() {
    let folder = open_folder();
    let mut parent = start_a_parent(folder.path());
    let started = wait_until(60, || folder.path().join("pids").exists()).await;
    parent.kill().expect("killed");
    parent.wait().expect("reaped");
    assert!(started, "the parent did not start its servers");
    let pids = std::fs::read_to_string(folder.path().join("pids")).expect("read");
    let gone = || pids.split(' ').filter_map(|pid| pid.parse().ok()).all(|pid| !is_alive(pid));
    assert!(wait_until(20, gone).await, "a server outlived its parent");

    let settings = WorkbenchSettings {
        data_dir: folder.path().join("data"),
        ports: Ports::default(),
        search: Search::from_environment(),
        now: now(),
    };
    let bench = Workbench::start(settings).await.expect("a second start");
    bench.stop().await.expect("everything stops");
}

async fn wait_until(seconds: u32, mut reached: impl FnMut() -> bool) -> bool {
    for _ in 0..seconds * 20 {
        if reached() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn get_json(url: &str) -> serde_json::Value {
    tokio::time::timeout(Duration::from_secs(5), async {
        reqwest::get(url).await.expect("an answer").json().await.expect("json")
    })
    .await
    .expect("in time")
}
