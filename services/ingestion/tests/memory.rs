//! What a large document takes of memory, in a process of its own so that nothing else is counted.

#[path = "it/world.rs"]
#[allow(dead_code, reason = "only some of it is needed here")]
mod world;

use causeway_auth::Actor;
use causeway_ingestion::Config;
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, BeginDocumentRequest, FinishDocumentRequest, OpenDocumentRequest,
};

use world::{CENTER, World, body, coordinator};

const PART: usize = 1024 * 1024;
const PARTS: usize = 64;
/// Sender, door and reader are all in this process, each with a few parts on their way.
const MOST_GROWTH: usize = 32 * PART;

/// The most memory that this process ever had, bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    let kilobytes: usize = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    kilobytes * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_of_any_length_takes_the_memory_of_a_few_parts() {
    let mut config = Config::default();
    config.documents.file_bytes = 2 * (PARTS * PART) as u64;
    let world = World::start_with(config).await;
    let inquiry_id = world.accepted(&body(&[])).await["inquiry_id"].as_str().expect("an id").to_owned();
    let mut patient = world.client("portal", Some(Actor::patient(inquiry_id.clone(), CENTER)));
    let mut send = async |parts: usize| {
        let center = CENTER.to_owned();
        let begin =
            BeginDocumentRequest { center: center.clone(), inquiry_id: inquiry_id.clone(), ..Default::default() };
        let document_id = patient.begin_document(begin).await.expect("begun").into_inner().document_id;
        for part in 0..parts {
            let mut content = vec![u8::try_from(part).expect("small"); PART];
            // A photo, with its picture in all of its parts.
            content[..6].copy_from_slice(b"\xff\xd8\xff\xda\0\x03");
            content[PART - 2..].copy_from_slice(b"\xff\xd9");
            let append = AppendDocumentRequest {
                center: center.clone(),
                inquiry_id: inquiry_id.clone(),
                document_id: document_id.clone(),
                offset: i64::try_from(part * PART).expect("small"),
                content,
            };
            patient.append_document(append).await.expect("kept");
        }
        let finish = FinishDocumentRequest { center, inquiry_id: inquiry_id.clone(), document_id: document_id.clone() };
        patient.finish_document(finish).await.expect("kept");
        document_id
    };
    // Whatever is made once is there before it counts.
    send(2).await;
    let before = peak();
    let document_id = send(PARTS).await;
    let open = OpenDocumentRequest { center: CENTER.into(), document_id, purpose: "review".into() };
    let mut staff = world.client("portal", Some(coordinator(CENTER)));
    let mut parts = staff.open_document(open).await.expect("opened").into_inner();
    let mut bytes = 0;
    while let Some(part) = parts.message().await.expect("a part") {
        bytes += part.content.len();
    }
    assert_eq!(bytes, PARTS * PART);
    let growth = peak() - before;
    assert!(growth < MOST_GROWTH, "{} MiB for a document of {PARTS} MiB", growth / PART);
}
