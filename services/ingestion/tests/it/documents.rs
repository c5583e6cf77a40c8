//! Documents that people send: taken part by part, kept sealed, opened for staff, and nothing left of what was cut off.

use std::path::Path;

use causeway_auth::{Actor, Role, audit};
use causeway_ingestion::Config;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, BeginDocumentRequest, Document, DocumentReceived, DocumentUpload, FinishDocumentRequest,
    GetDocumentUploadRequest, ListDocumentsRequest, MatchDocumentRequest, OpenDocumentRequest,
};
use causeway_serve::Client;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::{CENTER, Door, OTHER, World, body, coordinator, eventually};

/// What a part may be, and a little more than two of them.
const PART: usize = 1024 * 1024;

/// A whole PDF of a length, with a text in it.
pub fn pdf(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = format!("%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n({text})\n").into_bytes();
    let end = b"\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n";
    let mut seed = 7_u32;
    while bytes.len() + end.len() < length {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Letters alone, so that no mark of the format comes up by chance.
        bytes.push(b'a' + u8::try_from((seed >> 24) % 26).expect("small"));
    }
    bytes.extend(end);
    bytes
}

/// Somebody who sends documents of one inquiry.
pub struct Sender {
    client: IngestionClient<Client>,
    inquiry: String,
}

impl Sender {
    pub fn patient(world: &World, inquiry: &str) -> Self {
        Self::patient_at(world, &world.door, inquiry)
    }

    pub fn patient_at(world: &World, door: &Door, inquiry: &str) -> Self {
        let actor = Actor::patient(inquiry.to_owned(), CENTER);
        Self { client: world.client_of(door, "portal", Some(actor)), inquiry: inquiry.to_owned() }
    }

    pub async fn begin(&mut self, kind: &str, name: &str) -> Result<DocumentUpload, Status> {
        self.begin_of(kind, name, 0).await
    }

    /// Begins one whose length is told.
    pub async fn begin_of(&mut self, kind: &str, name: &str, length: i64) -> Result<DocumentUpload, Status> {
        let (center, inquiry_id) = (CENTER.to_owned(), self.inquiry.clone());
        let request = BeginDocumentRequest { center, inquiry_id, record_kind: kind.into(), name: name.into(), length };
        Ok(self.client.begin_document(request).await?.into_inner())
    }

    pub async fn append(&mut self, id: &str, offset: usize, content: &[u8]) -> Result<DocumentUpload, Status> {
        let request = AppendDocumentRequest {
            center: CENTER.into(),
            inquiry_id: self.inquiry.clone(),
            document_id: id.into(),
            offset: i64::try_from(offset).expect("small"),
            content: content.to_vec(),
        };
        Ok(self.client.append_document(request).await?.into_inner())
    }

    pub async fn reached(&mut self, id: &str) -> Result<usize, Status> {
        let (center, inquiry_id) = (CENTER.to_owned(), self.inquiry.clone());
        let request = GetDocumentUploadRequest { center, inquiry_id, document_id: id.into() };
        let upload = self.client.get_document_upload(request).await?.into_inner();
        Ok(usize::try_from(upload.offset).expect("not negative"))
    }

    pub async fn finish(&mut self, id: &str) -> Result<Document, Status> {
        let (center, inquiry_id) = (CENTER.to_owned(), self.inquiry.clone());
        let request = FinishDocumentRequest { center, inquiry_id, document_id: id.into() };
        Ok(self.client.finish_document(request).await?.into_inner())
    }

    /// Sends a whole document.
    pub async fn send(&mut self, kind: &str, name: &str, bytes: &[u8]) -> Result<Document, Status> {
        let id = self.begin(kind, name).await?.document_id;
        let mut offset = 0;
        for part in bytes.chunks(PART) {
            self.append(&id, offset, part).await?;
            offset += part.len();
        }
        self.finish(&id).await
    }

    pub async fn list(&mut self) -> Vec<Document> {
        let request = ListDocumentsRequest { center: CENTER.into(), inquiry_id: self.inquiry.clone() };
        self.client.list_documents(request).await.expect("listed").into_inner().documents
    }
}

/// The document of an id as a person of the staff gets it.
pub async fn open(world: &World, actor: &Actor, id: &str) -> Result<(Document, Vec<u8>), Status> {
    let request = OpenDocumentRequest { center: CENTER.into(), document_id: id.into(), purpose: "inquiry_page".into() };
    let mut parts = world.client("portal", Some(actor.clone())).open_document(request).await?.into_inner();
    let (mut document, mut bytes) = (None, Vec::new());
    while let Some(part) = parts.message().await? {
        document = document.or(part.document);
        bytes.extend(part.content);
    }
    Ok((document.expect("told first"), bytes))
}

/// The documents of an inquiry as staff see them.
pub async fn listed(world: &World, inquiry: &str) -> Vec<Document> {
    let request = ListDocumentsRequest { center: CENTER.into(), inquiry_id: inquiry.into() };
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    client.list_documents(request).await.expect("listed").into_inner().documents
}

/// What ingestion has told of documents, oldest first.
pub async fn told(world: &World) -> Vec<DocumentReceived> {
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT payload FROM outbox WHERE kind = $1 ORDER BY aggregate_id, version")
            .bind("causeway.inquiry.v1.DocumentReceived")
            .fetch_all(&world.admin)
            .await
            .expect("the outbox");
    rows.iter().map(|row| DocumentReceived::decode(row.as_slice()).expect("readable")).collect()
}

pub async fn inquiry(world: &World) -> String {
    world.accepted(&body(&[])).await["inquiry_id"].as_str().expect("an id").to_owned()
}

fn fault(status: &Status) -> String {
    let told = status.get_details_bad_request().expect("the field is named").field_violations;
    assert_eq!(told[0].field, "file");
    told[0].reason.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_patient_sends_is_told_once_opened_by_staff_byte_for_byte_and_every_look_is_written_down() {
    let world = World::start().await;
    let inquiry = inquiry(&world).await;
    let report = pdf("Testpatient", 2 * PART + 4321);
    let mut patient = Sender::patient(&world, &inquiry);
    let kept = patient.send("pathology_report", "testpatient.pdf", &report).await.expect("kept");
    assert_eq!((kept.state.as_str(), kept.content_type.as_str(), kept.pages), ("ready", "pdf", 1));
    assert!(kept.unscanned, "without a scanner it is said that nobody looked");
    assert_eq!(world.objects().len(), 3, "an object for each part");

    let again = patient.send("", "another name.pdf", &report).await.expect("known");
    assert!(again.repeated && again.document_id == kept.document_id, "the same content is one document");
    let other = patient.send("", "scan.pdf", &pdf("Testpatient", 500)).await.expect("kept");
    assert_ne!(other.document_id, kept.document_id);
    eventually("the copy is gone", || async { world.objects().len() == 4 }).await;

    let events = told(&world).await;
    assert_eq!(events.len(), 2);
    assert_eq!((events[0].record_kind.as_str(), events[0].door.as_str()), ("pathology_report", "patient"));
    let mine = patient.list().await;
    assert_eq!(mine.len(), 2);
    assert!(mine.iter().all(|one| one.name.is_empty()), "a link opens no names");

    let seen = listed(&world, &inquiry).await;
    assert_eq!((seen[1].name.as_str(), seen[1].times), ("testpatient.pdf", 2));
    let (document, bytes) = open(&world, &coordinator(CENTER), &kept.document_id).await.expect("opened");
    assert!(bytes == report, "byte for byte");
    assert_eq!(document.bytes, i64::try_from(report.len()).expect("small"));
    let written: Vec<(String, String)> =
        sqlx::query_as("SELECT object_kind, purpose FROM audit_log WHERE action = 'read document' ORDER BY seq")
            .fetch_all(&world.admin)
            .await
            .expect("the audit log");
    let row = |kind: &str, purpose: &str| (kind.to_owned(), purpose.to_owned());
    assert_eq!(written, [row("inquiry", "list_documents"), row("document", "inquiry_page")]);
    assert_eq!(audit::verify(&world.admin, CENTER).await.expect("verified").fault, None);

    let request = |kind: &str| MatchDocumentRequest {
        center: CENTER.into(),
        document_id: other.document_id.clone(),
        record_kind: kind.into(),
    };
    let mut staff = world.client("portal", Some(coordinator(CENTER)));
    let unknown = staff.match_document(request("x_ray_of_a_cat")).await.expect_err("none of the center's");
    assert_eq!(Reason::of(&unknown), Some(Reason::UnknownName));
    for _ in 0..2 {
        staff.match_document(request("imaging")).await.expect("matched");
    }
    let events = told(&world).await;
    assert_eq!(events.len(), 3, "said twice, told once");
    let last = events.iter().find(|event| event.version == 2).expect("told anew");
    assert_eq!((last.record_kind.as_str(), &last.document_id), ("imaging", &other.document_id));
    // What was put to the wrong line leaves it open again, unless another document fills it.
    for kind in ["", "pathology_report", ""] {
        staff.match_document(request(kind)).await.expect("matched");
    }
    let events = told(&world).await;
    let of = |version| events.iter().find(|one| one.document_id == other.document_id && one.version == version);
    let said = |version| of(version).map(|one| (one.record_kind.as_str(), one.previous_kind.as_str()));
    assert_eq!((said(3), said(4)), (Some(("", "imaging")), Some(("pathology_report", ""))));
    assert_eq!(said(5), None, "the first report fills that line");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reaches_a_document_who_may_not() {
    let world = World::start().await;
    let inquiry = inquiry(&world).await;
    let mut patient = Sender::patient(&world, &inquiry);
    let kept = patient.send("", "a.pdf", &pdf("Testpatient", 400)).await.expect("kept");
    let code = |answer: Result<(Document, Vec<u8>), Status>| answer.expect_err("refused").code();
    let scheduler = Actor::staff("s", "S", CENTER, vec![Role::Scheduler]);
    assert_eq!(code(open(&world, &scheduler, &kept.document_id).await), Code::PermissionDenied);
    let own = Actor::patient(inquiry.clone(), CENTER);
    assert_eq!(code(open(&world, &own, &kept.document_id).await), Code::PermissionDenied, "the link opens nothing");
    assert_eq!(code(open(&world, &coordinator(OTHER), &kept.document_id).await), Code::PermissionDenied);
    assert_eq!(code(open(&world, &coordinator(CENTER), "7").await), Code::NotFound);

    let elsewhere = OpenDocumentRequest {
        center: OTHER.into(),
        document_id: kept.document_id.clone(),
        purpose: "inquiry_page".into(),
    };
    let mut stranger = world.client("portal", Some(coordinator(OTHER)));
    assert_eq!(stranger.open_document(elsewhere).await.expect_err("not theirs").code(), Code::NotFound);
    let mut other = Sender::patient(&world, &crate::documents::inquiry(&world).await);
    other.inquiry.clone_from(&inquiry);
    assert_eq!(other.begin("", "x").await.expect_err("not theirs").code(), Code::PermissionDenied);
    let unknown = Sender::patient(&world, "0191e5a8-7b1c-7c3a-9d52-2f6c5a1b0c01").begin("", "x").await;
    assert_eq!(unknown.expect_err("no such inquiry").code(), Code::NotFound);
    let looks = "SELECT count(*) FROM audit_log WHERE action = 'read document' AND outcome <> 'refused'";
    assert_eq!(world.count(looks).await, 0, "nothing was seen");
    let refused = "SELECT count(*) FROM audit_log WHERE action = 'read document' AND outcome = 'refused'";
    assert_eq!(world.count(refused).await, 3, "who was refused is written down");
    for table in ["documents", "document_parts"] {
        let sql = format!("SELECT set_config('app.center', '{OTHER}', true); SELECT count(*) FROM {table}");
        let app = sqlx::PgPool::connect(secrecy::ExposeSecret::expose_secret(&world.database.app)).await.expect("app");
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_all(&app).await.expect("counted");
        assert_eq!(sqlx::Row::get::<i64, _>(rows.last().expect("a row"), 0), 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_nobody_could_use_is_told_with_its_word_and_nothing_of_it_is_kept() {
    let mut config = Config::default();
    (config.documents.files, config.documents.file_bytes, config.documents.pages) = (2, 10_000, 2);
    let world = World::start_with(config).await;
    let mut patient = Sender::patient(&world, &inquiry(&world).await);
    let pages = "<</Type/Page>>".repeat(3);
    let unusable: [(&[u8], &str); 7] = [
        (b"", "empty"),
        (b"MZ\x90\0", "program"),
        (b"PK\x03\x04scan1.jpg", "archive"),
        (&pdf("<</Encrypt 5 0 R>>", 400), "locked"),
        (&pdf("cut", 400)[..300], "damaged"),
        (&pdf("long", 10_001), "too_large"),
        (&pdf(&pages, 400), "too_many_pages"),
    ];
    for (bytes, word) in unusable {
        let refused = patient.send("", "renamed.pdf", bytes).await.expect_err(word);
        assert_eq!((fault(&refused).as_str(), Reason::of(&refused)), (word, Some(Reason::FieldFault)));
    }
    assert_eq!(world.count("SELECT count(*) FROM documents").await, 0);
    assert_eq!((world.count("SELECT count(*) FROM document_parts").await, world.objects().len()), (0, 0));
    for text in ["one", "two"] {
        patient.send("", "a.pdf", &pdf(text, 400)).await.expect("kept");
    }
    assert_eq!(fault(&patient.send("", "a.pdf", &pdf("three", 400)).await.expect_err("too many")), "too_many");
    assert_eq!(world.door.metric("causeway_documents_total", "program"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_many_small_parts_is_taken_as_far_as_a_cut_line_explains_them() {
    let mut config = Config::default();
    config.documents.file_bytes = 10_000;
    let world = World::start_with(config).await;
    let mut patient = Sender::patient(&world, &inquiry(&world).await);
    let id = patient.begin("", "a.txt").await.expect("begun").document_id;
    for offset in 0..641 {
        patient.append(&id, offset, b"a").await.expect("kept");
    }
    let refused = patient.append(&id, 641, b"a").await.expect_err("too many parts");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(patient.finish(&id).await.expect("kept").bytes, 641);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_was_cut_at_any_byte_goes_on_at_another_replica_where_it_was_reached() {
    let world = World::start().await;
    let (report, mut patient) = (pdf("Testpatient", 5_000), Sender::patient(&world, &inquiry(&world).await));
    let other = world.second_door().await;
    for cut in [1, 2, 7, 127, 128, 132, 4_095, 4_096, 4_999] {
        // A text of its own each time, so that each is a document of its own.
        let mut report = report.clone();
        let at = report.len() / 2;
        report[at..at + 8].copy_from_slice(format!("{cut:08}").as_bytes());
        let id = patient.begin("", "a.pdf").await.expect("begun").document_id;
        patient.append(&id, 0, &report[..cut]).await.expect("kept");
        // The answer was lost, and the sender does not know how far it came.
        let again = patient.append(&id, 0, &report[..cut]).await.expect_err("not the next bytes");
        assert_eq!(Reason::of(&again), Some(Reason::Conflict));
        let mut elsewhere = Sender::patient_at(&world, &other, &patient.inquiry);
        let reached = elsewhere.reached(&id).await.expect("known");
        assert_eq!(reached, cut);
        elsewhere.append(&id, reached, &report[reached..]).await.expect("kept");
        let first = elsewhere.finish(&id).await.expect("kept");
        let second = patient.finish(&id).await.expect("the same answer again");
        assert_eq!((&first.document_id, first.bytes, first.version), (&second.document_id, 5_000, second.version));
        let (_, bytes) = open(&world, &coordinator(CENTER), &id).await.expect("opened");
        assert!(bytes == report, "cut at {cut}");
    }
    assert_eq!(told(&world).await.len(), 9, "each told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fall_between_the_store_and_the_record_leaves_no_row_without_its_object_and_what_lies_about_is_swept() {
    let mut world = World::start_alone(Config::default()).await;
    let inquiry = inquiry(&world).await;
    let kept = Sender::patient(&world, &inquiry).send("", "a.pdf", &pdf("kept", 3_000)).await.expect("kept");
    let id = Sender::patient(&world, &inquiry).begin("", "b.pdf").await.expect("begun").document_id;
    // The record falls after the object is written: as if the process were killed there. `reached` is asked before, so it is
    // held up by a lock that is taken behind it.
    let mut lock = world.admin.begin_with("BEGIN").await.expect("a transaction");
    sqlx::query("LOCK TABLE document_parts IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("locked");
    let before = world.objects().len();
    let mut patient = Sender::patient(&world, &inquiry);
    let falls = tokio::spawn({
        let (id, bytes) = (id.clone(), pdf("falls", 3_000));
        async move { patient.append(&id, 0, &bytes).await }
    });
    eventually("the object is written", || async { world.objects().len() == before + 1 }).await;
    world.postgres().kill().await.expect("killed");
    assert!(falls.await.expect("ended").is_err(), "nothing is said to be kept");
    drop(lock);
    world.postgres().restart().await.expect("started again");
    world.admin =
        sqlx::PgPool::connect(secrecy::ExposeSecret::expose_secret(&world.database.admin)).await.expect("admin");
    eventually("the record answers", || async {
        Sender::patient(&world, &inquiry).reached(&id).await.is_ok_and(|reached| reached == 0)
    })
    .await;
    let without = "SELECT count(*) FROM documents WHERE state = 'kept' AND parts <> \
         (SELECT count(*) FROM document_parts AS p WHERE p.document_id = documents.document_id)";
    assert_eq!(world.count(without).await, 0);
    assert_eq!(world.objects().len(), 2, "one of them is nobody's");

    let mut config = Config::default();
    (config.documents.sweep_seconds, config.documents.orphan_minutes, config.documents.unfinished_hours) = (1, 0, 0);
    // Where more is unknown than a crash leaves, the record may be an older one than the store.
    let careful = Config {
        documents: causeway_ingestion::config::Documents { orphan_most: 0, ..config.documents.clone() },
        ..config.clone()
    };
    let careful = world.second_door_with(careful).await;
    eventually("operators are told", || async { careful.gauge("causeway_documents_unknown_objects", CENTER) == 1.0 })
        .await;
    assert_eq!(world.objects().len(), 2, "nothing is taken away");
    let _sweeper = world.second_door_with(config).await;
    eventually("only what is known lies there", || async { world.objects().len() == 1 }).await;
    eventually("what was never finished is forgotten", || async {
        world.count("SELECT count(*) FROM documents WHERE state = 'receiving'").await == 0
    })
    .await;
    let (_, bytes) = open(&world, &coordinator(CENTER), &kept.document_id).await.expect("what stands is left alone");
    assert!(bytes == pdf("kept", 3_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_change_places_do_not_open() {
    let world = World::start().await;
    let mut patient = Sender::patient(&world, &inquiry(&world).await);
    let report = pdf("Testpatient", 2 * PART);
    let kept = patient.send("", "a.pdf", &report).await.expect("kept");
    let objects: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT object_id FROM document_parts ORDER BY part")
        .fetch_all(&world.admin)
        .await
        .expect("parts");
    let place = |at: usize| world.documents_folder().join(CENTER).join(&kept.document_id).join(objects[at].to_string());
    let swap = |one: &Path, other: &Path| {
        let (first, second) = (std::fs::read(one).expect("read"), std::fs::read(other).expect("read"));
        std::fs::write(one, second).expect("written");
        std::fs::write(other, first).expect("written");
    };
    swap(&place(0), &place(1));
    let refused = open(&world, &coordinator(CENTER), &kept.document_id).await.expect_err("not what was written");
    assert_eq!(refused.code(), Code::Internal);
    swap(&place(0), &place(1));
    assert!(open(&world, &coordinator(CENTER), &kept.document_id).await.expect("opened").1 == report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_length_was_told_is_whole_at_that_length_and_not_before_or_behind_it() {
    let world = World::start().await;
    let (bytes, mut patient) = (pdf("Testpatient", 4_000), Sender::patient(&world, &inquiry(&world).await));
    let begun = patient.begin_of("", "a.pdf", 4_000).await.expect("begun");
    assert_eq!(begun.length, 4_000);
    let id = begun.document_id;
    let reached = patient.append(&id, 0, &bytes[..3_000]).await.expect("kept");
    assert_eq!((reached.offset, reached.length), (3_000, 4_000));
    let short = patient.finish(&id).await.expect_err("it is not whole");
    assert_eq!(Reason::of(&short), Some(Reason::Conflict), "{short}");
    let long = patient.append(&id, 3_000, &[&bytes[3_000..], b"x"].concat()).await.expect_err("one byte more");
    assert_eq!(long.code(), Code::InvalidArgument, "{long}");
    assert_eq!(patient.reached(&id).await.expect("it waits"), 3_000, "nothing of it was kept");
    patient.append(&id, 3_000, &bytes[3_000..]).await.expect("kept");
    patient.finish(&id).await.expect("it is whole");
    let large = patient.begin_of("", "b.pdf", 1 << 40).await.expect_err("too large");
    assert_eq!(fault(&large), "too_large");
    assert_eq!(patient.begin_of("", "c.pdf", -1).await.expect_err("no length").code(), Code::InvalidArgument);
}
