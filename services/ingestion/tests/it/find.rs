//! Finding an inquiry by what somebody of the staff knows of the person, through the sealed index alone.

use causeway_auth::{Actor, Role, audit};
use causeway_ingestion::Config;
use causeway_ingestion::config::People;
use causeway_proto::inquiry::v1::{FindPeopleRequest, FindPeopleResponse};
use tonic::Code;

use crate::world::{CENTER, OTHER, World, body, coordinator, eventually};

async fn ask(world: &World, changes: &[(&str, &str)]) -> (String, String) {
    let response = world.post(CENTER, &body(changes)).await;
    let answer: serde_json::Value = response.json().await.expect("json");
    let text = |key: &str| answer[key].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (text("inquiry_id"), text("reference"))
}

async fn find(world: &World, actor: Option<Actor>, text: &str) -> Result<FindPeopleResponse, tonic::Status> {
    let center = actor.as_ref().and_then(|actor| actor.center.clone()).unwrap_or_else(|| CENTER.to_owned());
    let request = FindPeopleRequest { center, text: text.into(), ..Default::default() };
    world.client("portal", actor).find_people(request).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_is_found_by_name_phone_email_and_request_number_and_each_look_is_written_down() {
    let people = People { per_second: 100_000, look_milliseconds: 50, look_back_seconds: 1 };
    let world = World::start_with(Config { people, ..Config::default() }).await;
    let (lupe, reference) = ask(
        &world,
        &[("name", "Guadalupe Testpatient Lopez"), ("phone", "206 555 0171"), ("email", "lupe@example.com")],
    )
    .await;
    let (catherine, _) =
        ask(&world, &[("name", "Catherine Testpatient"), ("phone", "206 555 0172"), ("email", "k@example.com")]).await;
    eventually("both are read", || async { world.count("SELECT count(*) FROM indexed_people").await == 2 }).await;

    let found = async |text: &str| -> Vec<(String, String)> {
        let found = find(&world, Some(coordinator(CENTER)), text).await.expect("an answer").found;
        found.into_iter().map(|one| (one.inquiry_id, one.by)).collect()
    };
    let one = |id: &str, by: &str| vec![(id.to_owned(), by.to_owned())];
    for text in ["Guadalupe Lopez", "testpatient, lupe", "LOPEZ GUADALUPE"] {
        assert_eq!(found(text).await, one(&lupe, "name"), "{text}");
    }
    assert_eq!(found("Kathryn Testpatient").await, one(&catherine, "name"));
    assert_eq!(found("Guadaloupe Lopes").await, one(&lupe, "name_alike"), "as it is heard on the phone");
    assert_eq!(found("(206) 555-0171").await, one(&lupe, "phone"));
    assert_eq!(found("LUPE@example.com").await, one(&lupe, "email"));
    assert_eq!(found(&reference.to_lowercase()).await, one(&lupe, "reference"));
    for nobody in ["Guadalupe", "Testpatient", "206 555 0179", "Marta Testpatient", "HV-0000-000"] {
        assert!(found(nobody).await.is_empty(), "{nobody}");
    }
    let written = "SELECT count(*) FROM audit_log WHERE purpose = 'worklist_search' AND object_kind = 'inquiry'";
    assert_eq!(world.count(written).await, 8);
    let in_vain = "SELECT count(*) FROM audit_log WHERE purpose = 'worklist_search' AND object_kind = 'center'";
    assert_eq!(world.count(in_vain).await, 5);
    audit::verify(&world.admin, CENTER).await.expect("the chain holds");

    let center = CENTER.to_owned();
    let typed = FindPeopleRequest { center, text: "206 555 0171".into(), purpose: "call_entry".into() };
    let mut portal = world.client("portal", Some(coordinator(CENTER)));
    assert_eq!(portal.find_people(typed.clone()).await.expect("an answer").into_inner().found.len(), 1);
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'call_entry'").await, 1);
    let curious = FindPeopleRequest { purpose: "curiosity".into(), ..typed };
    assert_eq!(portal.find_people(curious).await.expect_err("no purpose of ours").code(), Code::InvalidArgument);

    let elsewhere = find(&world, Some(coordinator(OTHER)), "Guadalupe Lopez").await.expect("an answer");
    assert!(elsewhere.found.is_empty(), "another center finds nobody of this one");
    for actor in [None, Some(Actor::operator("ops", "Ops")), Some(Actor::staff("b", "B", CENTER, vec![Role::Analyst]))]
    {
        let refused = find(&world, actor, "Guadalupe Lopez").await.expect_err("refused");
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let refused =
        "SELECT count(*) FROM audit_log WHERE object_kind = 'center' AND outcome = 'refused' AND object_id = ''";
    assert_eq!(world.count(refused).await, 3, "who was refused is written down, and what they typed is not");
    for unfit in ["  ", &"x".repeat(201)] {
        let refused = find(&world, Some(coordinator(CENTER)), unfit).await.expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_for_another_is_found_by_their_own_address_and_that_joins_nobody() {
    let people = People { per_second: 100_000, look_milliseconds: 50, look_back_seconds: 1 };
    let world = World::start_with(Config { people, ..Config::default() }).await;
    let mut ids = Vec::new();
    for (name, phone) in [("Rosa Testpatient", "206 555 0171"), ("Walter Testperson", "206 555 0172")] {
        let told = [
            ("who", "caregiver"),
            ("name", "Ana Testpatient"),
            ("patient_name", name),
            ("phone", phone),
            ("email", "Ana@example.com"),
        ];
        ids.push(ask(&world, &told).await.0);
    }
    eventually("both are read", || async { world.count("SELECT count(*) FROM indexed_people").await == 2 }).await;
    assert_eq!(world.count("SELECT count(*) FROM person_links").await, 0);
    let found = find(&world, Some(coordinator(CENTER)), " ana@EXAMPLE.com").await.expect("an answer").found;
    let mut found: Vec<_> = found.into_iter().map(|one| (one.inquiry_id, one.by)).collect();
    found.sort();
    ids.sort();
    assert_eq!(found, ids.into_iter().map(|id| (id, "email".to_owned())).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_more_are_found_than_are_told_that_is_said_and_a_sure_one_comes_before_newer_ones_that_sound_alike() {
    let people = People { per_second: 100_000, look_milliseconds: 50, look_back_seconds: 1 };
    let world = World::start_with(Config { people, ..Config::default() }).await;
    let (first, _) = ask(&world, &[("name", "Catherine Testpatient Lopez"), ("phone", "206 555 0100")]).await;
    for number in 0..52 {
        ask(&world, &[("name", "Katherine Testpatient Lopes"), ("phone", &format!("206 555 01{number:02}"))]).await;
    }
    eventually("all are read", || async { world.count("SELECT count(*) FROM indexed_people").await == 53 }).await;
    let answer = find(&world, Some(coordinator(CENTER)), "Catherine Lopez").await.expect("an answer");
    assert!(answer.more && answer.found.len() == 50, "{}", answer.found.len());
    assert_eq!((&answer.found[0].inquiry_id, answer.found[0].by.as_str()), (&first, "name"));
}
