//! Documents in a bucket that speaks S3, on a server that others wrote (s3rver, of npm): what it takes is what staff get, and what it
//! does not take stands nowhere.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use causeway_ingestion::Config;
use causeway_ingestion::config::Bucket;
use causeway_local::ports::Claim;
use causeway_runtime::Secret;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tonic::Code;

use crate::documents::{Sender, inquiry, listed, open, pdf};
use crate::npm;
use crate::world::{CENTER, World, coordinator, eventually};

const SERVER: &str = "s3rver@3.7.1";
/// The only account of the server.
const ACCOUNT: &str = "S3RVER";
const BUCKET: &str = "documents";
const PART: usize = 1024 * 1024;

/// A server of buckets, with its data in a folder.
struct Server {
    folder: tempfile::TempDir,
    port: Claim,
    child: Option<Child>,
}

impl Server {
    async fn start() -> Self {
        let port = Claim::any().expect("a port");
        let mut server = Self { folder: tempfile::tempdir().expect("a folder"), port, child: None };
        server.launch().await;
        server
    }

    async fn launch(&mut self) {
        let child = Command::new("node")
            .arg(program())
            .args([
                "--address",
                "127.0.0.1",
                "--port",
                &self.port.port().to_string(),
                "--configure-bucket",
                BUCKET,
                "--directory",
            ])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.child = Some(child.expect("node starts"));
        let port = self.port.port();
        eventually("the server of buckets answers", || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() })
            .await;
    }

    async fn kill(&mut self) {
        self.child.take().expect("it runs").kill().await.expect("killed");
    }

    /// Settings with an account, whose key is its secret as well. The server knows accounts, and believes their signatures.
    fn settings(&self, account: &str) -> Config {
        let bucket = Bucket {
            name: BUCKET.into(),
            region: "us-east-1".into(),
            endpoint: format!("http://127.0.0.1:{}", self.port.port()),
            access_key_id: account.into(),
            secret_access_key: Secret::new(account),
        };
        let mut config = Config::default();
        config.documents.bucket = bucket;
        config
    }

    /// What the objects hold.
    fn objects(&self) -> Vec<Vec<u8>> {
        let (mut objects, mut folders) = (Vec::new(), vec![self.folder.path().join(BUCKET)]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with("_object") {
                    objects.push(std::fs::read(path).expect("an object"));
                }
            }
        }
        objects
    }
}

/// The server's program.
fn program() -> PathBuf {
    npm::file(SERVER, "s3rver/bin/s3rver.js")
}

const PARTS: &str = "SELECT count(*) FROM document_parts";
const KEPT: &str = "SELECT count(*) FROM documents WHERE state = 'kept'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_lies_sealed_in_the_bucket_part_by_part_and_comes_back_byte_for_byte_and_what_is_refused_is_taken_away()
 {
    let server = Server::start().await;
    let world = World::start_with(server.settings(ACCOUNT)).await;
    let inquiry = inquiry(&world).await;
    let mut patient = Sender::patient(&world, &inquiry);
    let report = pdf("Testpatient", 2 * PART + 4321);
    let kept = patient.send("", "testpatient.pdf", &report).await.expect("kept");
    let (_, bytes) = open(&world, &coordinator(CENTER), &kept.document_id).await.expect("opened");
    assert!(bytes == report, "byte for byte");
    let objects = server.objects();
    assert_eq!(objects.len(), 3, "an object for each part");
    let has = |object: &[u8], mark: &[u8]| object.windows(mark.len()).any(|part| part == mark);
    assert!(!objects.iter().any(|object| has(object, b"Testpatient") || has(object, b"%PDF-")), "they are sealed");
    assert!(world.objects().is_empty(), "nothing lies in the folder");

    let again = patient.send("", "testpatient.pdf", &report).await.expect("known");
    assert!(again.repeated);
    eventually("the copy is taken away", || async { server.objects().len() == 3 }).await;
    let refused = patient.send("", "x.pdf", &[b"MZ".as_slice(), &[0; 5000]].concat()).await.expect_err("a program");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    eventually("nothing of it is left", || async { server.objects().len() == 3 }).await;
    assert_eq!((world.count(PARTS).await, world.count(KEPT).await), (3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_account_that_the_bucket_does_not_know_nothing_is_taken_and_nobody_is_told_that_it_was() {
    let server = Server::start().await;
    let world = World::start_with(server.settings("not-the-account")).await;
    let inquiry = inquiry(&world).await;
    let mut patient = Sender::patient(&world, &inquiry);
    let refused = patient.send("", "testpatient.pdf", &pdf("Testpatient", 5000)).await.expect_err("no way in");
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert!(!refused.to_string().contains("not-the-account") && !refused.to_string().contains("InvalidAccessKeyId"));
    assert_eq!((world.count(PARTS).await, world.count(KEPT).await), (0, 0));
    assert!(server.objects().is_empty() && listed(&world, &inquiry).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_where_it_was_when_the_bucket_is_back_and_nothing_stands_by_halves() {
    let mut server = Server::start().await;
    let config = server.settings(ACCOUNT);
    let world = World::start_with(config.clone()).await;
    let inquiry = inquiry(&world).await;
    let mut patient = Sender::patient(&world, &inquiry);
    let report = pdf("Testpatient", 2 * PART + 4321);
    let id = patient.begin("", "testpatient.pdf").await.expect("begun").document_id;
    patient.append(&id, 0, &report[..PART]).await.expect("the first part");
    server.kill().await;
    let begun = std::time::Instant::now();
    let away = patient.append(&id, PART, &report[PART..2 * PART]).await.expect_err("there is no bucket");
    assert_eq!(away.code(), Code::Unavailable, "{away}");
    assert!(begun.elapsed() < Duration::from_secs(15), "who sends is told in time: {:?}", begun.elapsed());
    assert_eq!(patient.reached(&id).await.expect("known"), PART, "what was taken before is not lost");
    assert_eq!(world.count(KEPT).await, 0);
    assert!(listed(&world, &inquiry).await.is_empty(), "nothing of it is shown");

    server.launch().await;
    patient.append(&id, PART, &report[PART..2 * PART]).await.expect("the second part");
    patient.append(&id, 2 * PART, &report[2 * PART..]).await.expect("the rest");
    server.kill().await;
    // What is read through again before it stands can't be read now.
    let away = patient.finish(&id).await.expect_err("there is no bucket");
    assert_eq!((away.code(), world.count(KEPT).await), (Code::Unavailable, 0), "{away}");
    server.launch().await;
    let kept = patient.finish(&id).await.expect("kept");
    let (_, bytes) = open(&world, &coordinator(CENTER), &kept.document_id).await.expect("opened");
    assert!(bytes == report, "byte for byte");

    let mut sweeping = config;
    (sweeping.documents.sweep_seconds, sweeping.documents.orphan_minutes) = (1, 0);
    let _sweeper = world.second_door_with(sweeping).await;
    eventually("what a failed write left is swept", || async {
        i64::try_from(server.objects().len()).expect("few") == world.count(PARTS).await
    })
    .await;
    assert_eq!((world.count(PARTS).await, world.count(KEPT).await), (3, 1));
}
