//! Who sees whom, what is written down, and what lies in the tables.

use causeway_auth::{Actor, Role, audit};
use causeway_ingestion::Config;
use causeway_proto::inquiry::v1::{GetInquiryFactsRequest, ListAccessRequest, Person, RevealPeopleRequest};
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgPool, Row as _};
use tonic::{Code, Status};

use crate::documents::{Sender, open, pdf};
use crate::fhir;
use crate::world::{CENTER, OTHER, World, body, coordinator, eventually, keyed};

async fn reveal(
    world: &World,
    (service, actor): (&str, Option<Actor>),
    center: &str,
    (inquiry, purpose): (&str, &str),
) -> Result<Vec<Person>, Status> {
    let (center, purpose, inquiry_ids) = (center.into(), purpose.into(), vec![inquiry.into()]);
    let asked = RevealPeopleRequest { center, inquiry_ids, purpose };
    Ok(world.client(service, actor).reveal_people(asked).await?.into_inner().people)
}

fn id_of(answer: &serde_json::Value) -> String {
    answer["inquiry_id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_opened_for_a_stated_purpose_and_every_look_is_written_down() {
    let world = World::start_alone(Config::default()).await;
    let mut told = body(&[("message", "please call after five")]);
    told["attribution"] = json!({"campaign": "Rosa’s letter"});
    let inquiry = id_of(&world.accepted(&told).await);
    let ana = || ("portal", Some(coordinator(CENTER)));

    let person = reveal(&world, ana(), CENTER, (&inquiry, "inquiry_page")).await.expect("opened").remove(0);
    assert_eq!((person.name.as_str(), person.phone.as_str()), ("Rosa Vega", "+12065550142"));
    assert_eq!(person.message, "please call after five");
    assert_eq!(person.attribution.expect("how they came").campaign, "Rosa’s letter", "staff read what was written");
    let listed = reveal(&world, ana(), CENTER, (&inquiry, "worklist")).await.expect("opened").remove(0);
    assert_eq!((listed.name.as_str(), listed.message.as_str()), ("Rosa Vega", ""));
    assert_eq!(listed.attribution, None, "a list shows no more than it needs");
    reveal(&world, ("notification", None), CENTER, (&inquiry, "send_notice")).await.expect("opened");

    let denied = [
        reveal(&world, ana(), CENTER, (&inquiry, "")).await,
        reveal(&world, ana(), CENTER, (&inquiry, "curiosity")).await,
        reveal(&world, ana(), CENTER, (&inquiry, "send_notice")).await,
        reveal(&world, ("metrics", None), CENTER, (&inquiry, "worklist")).await,
    ];
    let codes: Vec<Code> = denied.into_iter().map(|answer| answer.expect_err("refused").code()).collect();
    assert_eq!(codes, [Code::InvalidArgument, Code::InvalidArgument, Code::PermissionDenied, Code::PermissionDenied]);

    let written: Vec<(String, String, String)> =
        sqlx::query_as("SELECT actor_id, object_id, purpose || ', ' || outcome FROM audit_log ORDER BY seq")
            .fetch_all(&world.admin)
            .await
            .expect("the audit log");
    let row = |actor: &str, purpose: &str| (actor.to_owned(), inquiry.clone(), purpose.to_owned());
    let looks =
        [row("ana", "inquiry_page, done"), row("ana", "worklist, done"), row("notification", "send_notice, done")];
    // What can't be a purpose is a fault of the call and no attempt at a door.
    let refused = [row("ana", "refused, refused"), row("metrics", "refused, refused")];
    assert_eq!(written, [&looks[..], &refused[..]].concat());
    let verified = audit::verify(&world.admin, CENTER).await.expect("verified");
    assert_eq!((verified.rows, verified.fault), (5, None));

    // Who may read the log is told of each of them, also of what was refused, and stands in it from then on.
    let page = |page_token: &str| ListAccessRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.clone(),
        page_token: page_token.to_owned(),
    };
    let asked = || page("");
    let may_not = world.client("portal", Some(coordinator(CENTER))).list_access(asked()).await;
    assert_eq!(may_not.expect_err("refused").code(), Code::PermissionDenied);
    let auditor = || Actor::staff("grace", "Grace", CENTER, vec![Role::Auditor]);
    let trail = async || {
        let told = world.client("portal", Some(auditor())).list_access(asked()).await.expect("the trail").into_inner();
        told.entries.into_iter().map(|line| (line.actor_id, line.action, line.outcome)).collect::<Vec<_>>()
    };
    assert_eq!(trail().await.len(), 6, "with the coordinator's own try");
    let newest = trail().await.remove(0);
    assert_eq!(newest, ("grace".to_owned(), "read audit log".to_owned(), "done".to_owned()));

    // A long one comes by pages, which no look moves.
    for _ in 0..200 {
        trail().await;
    }
    let read = async |token: &str| world.client("portal", Some(auditor())).list_access(page(token)).await;
    let first = read("").await.expect("the newest").into_inner();
    let again = read(&first.page_token).await.expect("the same").into_inner();
    assert_eq!((first.entries.len(), &again.entries), (200, &first.entries));
    let rest = read(&first.next_page_token).await.expect("the rest").into_inner();
    assert_eq!((rest.entries.len(), rest.next_page_token.as_str()), (8, ""), "{rest:?}");
    assert_eq!(rest.entries[7].action, "read person", "where it began");
    assert_eq!(read("page 2").await.expect_err("no token").code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_center_reads_nothing_and_the_database_itself_sees_to_it() {
    let world = World::start_alone(Config::default()).await;
    let inquiry = id_of(&world.accepted(&keyed("k", &[("phone", "12")])).await);
    let stranger = || ("portal", Some(coordinator(OTHER)));
    let asked = reveal(&world, stranger(), OTHER, (&inquiry, "worklist")).await;
    assert_eq!(asked.expect_err("not theirs").code(), Code::NotFound);
    let asked = reveal(&world, stranger(), CENTER, (&inquiry, "worklist")).await;
    assert_eq!(asked.expect_err("not theirs").code(), Code::PermissionDenied);

    let facts = |center: &str| GetInquiryFactsRequest { center: center.into(), inquiry_id: inquiry.clone() };
    let mut client = world.client("routing", None);
    let own = client.get_inquiry_facts(facts(CENTER)).await.expect("its own").into_inner();
    assert_eq!((own.inquiry_id.as_str(), own.center.as_str()), (inquiry.as_str(), CENTER));
    assert_eq!(client.get_inquiry_facts(facts(OTHER)).await.expect_err("not theirs").code(), Code::NotFound);

    let app = PgPool::connect(world.database.app.expose_secret()).await.expect("the app's login");
    let seen = async |center: &str, table: &str| {
        let sql = format!("SELECT set_config('app.center', '{center}', true); SELECT count(*) FROM {table}");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&app).await.expect("counted");
        rows.last().map(|row| row.get::<i64, _>(0))
    };
    for table in ["inquiries", "repairs"] {
        assert_eq!((seen(CENTER, table).await, seen(OTHER, table).await), (Some(1), Some(0)), "{table}");
    }
    let smuggled = format!(
        "SELECT set_config('app.center', '{OTHER}', true); INSERT INTO repairs (center_id, inquiry_id, field, code, noted_at) \
         VALUES ('{CENTER}', gen_random_uuid(), 'phone', 'x', now())"
    );
    assert!(app.execute(AssertSqlSafe(smuggled)).await.is_err(), "no row can be written into another center");
}

/// Tables in which a text stands, in clear or as the bytes of a column.
pub async fn tables_with(world: &World, text: &str) -> Vec<String> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
            .fetch_all(&world.admin)
            .await
            .expect("tables");
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut found = Vec::new();
    for table in tables {
        // Bytes are searched for theirs alone: a few digits stand in any long row of them by chance.
        let sql = format!(
            r#"SELECT count(*) FROM "{table}" AS t
               WHERE strpos(regexp_replace(t::text, '\\+x[0-9a-f]+', '', 'g'), $1) > 0 OR strpos(t::text, $2) > 0"#
        );
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(text)
            .bind(&hex)
            .fetch_one(&world.admin)
            .await
            .expect("searched");
        if count > 0 {
            found.push(table);
        }
    }
    found
}

const CANARIES: [&str; 5] = ["Quillonia", "2065550177", "quillonia@example.com", "my left knee", "quillonia-marsh"];

fn planted() -> serde_json::Value {
    let mut body = body(&[
        ("name", "Quillonia Marsh"),
        ("phone", "+12065550177"),
        ("email", "quillonia@example.com"),
        ("message", "my left knee"),
    ]);
    body["idempotency_key"] = json!("Quillonia +12065550177 quillonia@example.com my left knee");
    body["attribution"] = json!({"landing_page": "/ask?name=Quillonia", "campaign": "quillonia@example.com", "utm_source": "Quillonia 2065550177",
        "utm_medium": "my left knee", "utm_content": "quillonia-marsh", "referrer_host": "Quillonia",
        "last": {"campaign": "quillonia-marsh", "utm_term": "my left knee"}});
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_name_stands_in_no_table() {
    let world = World::start_alone(Config::default()).await;
    world.accepted(&planted()).await;
    for canary in CANARIES {
        assert_eq!(tables_with(&world, canary).await, Vec::<String>::new(), "{canary}");
    }
}

/// Sends the canaries as a partner system does, taken and refused.
async fn plant_by_fhir(world: &World) {
    let mut body = fhir::request("Quillonia 2065550177", "Quillonia");
    body["contained"][0]["telecom"] =
        json!([{ "system": "phone", "value": "2065550177" }, { "system": "email", "value": "quillonia@example.com" }]);
    body["note"][0]["text"] = json!("my left knee");
    for status in ["active", "revoked", "my left knee of Quillonia"] {
        body["status"] = json!(status);
        let url = format!("{}/fhir/{CENTER}/ServiceRequest", world.door.http);
        let sent = world.browser.post(url).bearer_auth(fhir::KEY).json(&body).send().await;
        assert!([200, 201, 400].contains(&sent.expect("an answer").status().as_u16()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_a_partner_system_sends_stands_in_no_table() {
    let world = World::start_alone(Config::default()).await;
    plant_by_fhir(&world).await;
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 3);
    for canary in CANARIES {
        assert_eq!(tables_with(&world, canary).await, Vec::<String>::new(), "{canary}");
    }
    let open = World::start_alone(Config { sealing: false, ..Config::default() }).await;
    plant_by_fhir(&open).await;
    assert_eq!(tables_with(&open, "my left knee").await, ["inquiries", "messages"], "the search would find it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_search_for_a_planted_name_would_find_it_where_it_is_not_sealed() {
    let world = World::start_alone(Config { sealing: false, ..Config::default() }).await;
    world.accepted(&planted()).await;
    for canary in CANARIES {
        assert_eq!(tables_with(&world, canary).await, ["inquiries"], "{canary}");
    }
}

/// Files below the servers' and the service's folders in which a text stands: in clear, in base64 or in hex.
fn files_with(world: &World, text: &str) -> Vec<String> {
    use base64::Engine as _;
    let mut wanted =
        vec![text.as_bytes().to_vec(), hex::encode(text).into_bytes(), hex::encode_upper(text).into_bytes()];
    // In base64 a text looks in three ways, by where it begins; its ends belong to its neighbours.
    for shift in 0..3_usize {
        let shifted = [vec![b'x'; shift], text.as_bytes().to_vec()].concat();
        let whole = base64::engine::general_purpose::STANDARD_NO_PAD.encode(shifted).into_bytes();
        wanted.push(whole[4..whole.len() - 4].to_vec());
    }
    let (mut found, mut folders) = (Vec::new(), vec![world.folder()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && wanted.iter().any(|one| memchr::memmem::find(&bytes, one).is_some())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Sends the canary inside a document, as its name, and as a document of a message.
async fn plant_in_documents(world: &World, canary: &str) {
    let inquiry = id_of(&world.accepted(&body(&[])).await);
    let mut patient = Sender::patient(world, &inquiry);
    let name = format!("{canary}.pdf");
    let kept = patient.send("", &name, &pdf(canary, 1_500_000)).await.expect("kept");
    patient.send("", &name, &[b"MZ\x90\0", canary.as_bytes()].concat()).await.expect_err("refused");
    open(world, &coordinator(CENTER), &kept.document_id).await.expect("opened");
    let mut body = fhir::request("REF-31", "Testpatient");
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pdf(canary, 4_000));
    let document = json!({ "resourceType": "DocumentReference", "id": "d", "status": "current",
        "content": [{ "attachment": { "title": canary, "data": data } }] });
    body["contained"].as_array_mut().expect("a list").push(document);
    body["supportingInfo"] = json!([{ "reference": "#d" }]);
    let url = format!("{}/fhir/{CENTER}/ServiceRequest", world.door.http);
    let sent = world.browser.post(url).bearer_auth(fhir::KEY).json(&body).send().await.expect("an answer");
    assert!(sent.status().is_success());
    eventually("it is unpacked", || async {
        world.count("SELECT count(*) FROM documents WHERE door = 'fhir' AND state = 'kept'").await == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_inside_a_document_stands_in_no_table_and_no_file_and_the_search_would_find_it() {
    const CANARY: &str = "Quillonia Marsh pTNM zebrafish";
    let world = World::start_alone(Config::default()).await;
    plant_in_documents(&world, CANARY).await;
    assert_eq!(tables_with(&world, CANARY).await, Vec::<String>::new());
    assert_eq!(files_with(&world, CANARY), Vec::<String>::new());
    let open = World::start_alone(Config { sealing: false, ..Config::default() }).await;
    plant_in_documents(&open, CANARY).await;
    let found = files_with(&open, CANARY);
    assert!(found.iter().any(|file| file.contains("/documents/")), "the search would find it: {found:?}");
    assert!(tables_with(&open, CANARY).await.contains(&"documents".to_owned()), "and its name");
}
