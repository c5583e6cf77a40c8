//! What the desk of a center hands to a sister center becomes an inquiry of the sister's own: sealed with its key, once, with what has
//! to be mended of it; and what can't be handed over is told with the reason.

use causeway_bus::Outgoing;
use causeway_funnel::stage::Stage;
use causeway_proto::events::Event;
use causeway_proto::inquiry::v1::{Facts, HandoverNotTaken, HandoverTaken, RevealPeopleRequest, Source};
use causeway_proto::intake::v1::HandedToCenter;
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use crate::fhir::Office;
use crate::journeys::{moved, outgoing, referred, staged, tell};
use crate::world::{CENTER, OTHER, World, body, coordinator, eventually};

/// The desk hands an inquiry over.
fn handed(inquiry: &str, to: &str, number: i64) -> Outgoing {
    let facts = Facts { inquiry_id: inquiry.into(), center: CENTER.into(), ..Facts::default() };
    let event = HandedToCenter {
        facts: Some(facts),
        to_center: to.into(),
        reason: "closer_site".into(),
        number,
        at: 1_800_000_000_000_000,
    };
    outgoing(inquiry, number, &event)
}

async fn ask(world: &World, changes: &[(&str, &str)]) -> (String, String) {
    let answer = world.accepted(&body(changes)).await;
    let text = |name: &str| answer[name].as_str().expect("told").to_owned();
    (text("inquiry_id"), text("reference"))
}

async fn document(world: &World, inquiry: &str, door: &str, state: &str) {
    sqlx::query(
        "INSERT INTO documents (center_id, document_id, inquiry_id, state, door, scan, heading, received_at, changed_at) \
         VALUES ($1, gen_random_uuid(), $2::uuid, $3, $4, CASE WHEN $3 = 'kept' THEN 'clean' ELSE '' END, '\\x00', now(), now())",
    )
    .bind(CENTER)
    .bind(inquiry)
    .bind(state)
    .bind(door)
    .execute(&world.admin)
    .await
    .expect("a document");
}

async fn heard(world: &World, messages: i64) {
    eventually("all is heard", || async { world.count("SELECT count(*) FROM inbox").await == messages }).await;
}

/// Events of a kind that ingestion told for the center that hands over.
async fn told<E: Event>(world: &World) -> Vec<E> {
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT payload FROM outbox WHERE kind = $1 AND center_id = $2 ORDER BY event_id")
            .bind(E::KIND)
            .bind(CENTER)
            .fetch_all(&world.admin)
            .await
            .expect("the outbox");
    rows.iter().map(|row| E::decode(row.as_slice()).expect("readable")).collect()
}

/// Answers of a center that wait to be mended.
async fn to_mend(world: &World, center: &str) -> i64 {
    let of = "SELECT count(*) FROM repairs WHERE mended_at IS NULL AND center_id = $1";
    sqlx::query_scalar(of).bind(center).fetch_one(&world.admin).await.expect("counted")
}

/// The facts of the one inquiry of the sister center.
async fn at_the_sister(world: &World) -> Facts {
    let stored: Vec<u8> = sqlx::query_scalar("SELECT facts FROM inquiries WHERE center_id = $1")
        .bind(OTHER)
        .fetch_one(&world.admin)
        .await
        .expect("one inquiry");
    Facts::decode(stored.as_slice()).expect("facts")
}

async fn name_of(world: &World, center: &str, inquiry: &str) -> Result<String, Code> {
    let request = RevealPeopleRequest {
        center: center.into(),
        inquiry_ids: vec![inquiry.into()],
        purpose: "inquiry_page".into(),
    };
    let answer = world.client("portal", Some(coordinator(center))).reveal_people(request).await;
    let people = answer.map_err(|status| status.code())?.into_inner().people;
    Ok(people[0].name.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sister_has_the_person_under_its_own_key_with_where_they_asked_first_and_only_once() {
    let world = World::start().await;
    // Two homes: the one center knows the first code, and the other one, next to its own site, only the second.
    let mut asked = body(&[("site_preference", "harbor"), ("zip", "98101"), ("postal_code", "05401")]);
    asked["attribution"] = json!({"landing_page": "/trials", "campaign": "radio-morning"});
    let answer = world.accepted(&asked).await;
    let text = |name: &str| answer[name].as_str().expect("told").to_owned();
    let (id, reference) = (text("inquiry_id"), text("reference"));
    for (door, state) in [("hl7", "kept"), ("patient", "kept"), ("staff", "kept"), ("fhir", "refused")] {
        document(&world, &id, door, state).await;
    }
    tell(&world, &[handed(&id, OTHER, 4), handed(&id, OTHER, 4)]).await;
    heard(&world, 2).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2, "told twice, one inquiry");
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0, "and nobody has to look at it");
    let facts = at_the_sister(&world).await;
    assert!(facts.reference.starts_with("LK-") && facts.center == OTHER, "{facts:?}");
    assert_eq!((facts.source(), facts.form_id.as_str()), (Source::SisterCenter, "second-opinion"));
    assert_eq!((facts.site_preference.as_str(), facts.referring_office.as_str()), ("", ""));
    assert_eq!((facts.cancer_area, facts.preferred_channel), (3, 3), "what was asked goes along");
    let near = (facts.nearest_site.as_str(), facts.distance_band.as_str());
    assert_eq!(near, ("battery-street", "under_10"), "how far the first center is says nothing of this one");
    let came = facts.attribution.as_ref().expect("how they found it");
    assert_eq!((came.landing_page.as_str(), came.campaign.as_str()), ("", "radio-morning"), "the page is another's");
    let stay = &facts.stays[0];
    assert_eq!(stay.documents, 3, "whichever door they came by");
    assert_eq!((facts.stays.len(), stay.center.as_str(), stay.reference.as_str()), (1, CENTER, reference.as_str()));
    assert!(stay.received_at > 0 && stay.received_at < facts.received_at, "the clock of the sister begins anew");

    assert_eq!(name_of(&world, OTHER, &facts.inquiry_id).await, Ok("Rosa Vega".to_owned()));
    assert_eq!(name_of(&world, CENTER, &facts.inquiry_id).await, Err(Code::NotFound), "it is not theirs");
    assert_eq!(name_of(&world, OTHER, &id).await, Err(Code::NotFound), "nor the other way");
    let taken = told::<HandoverTaken>(&world).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].reference.as_str(), taken[0].number), (facts.reference.as_str(), 4));
    let received = "SELECT count(*) FROM outbox WHERE center_id = 'lakeside' AND kind LIKE '%InquiryReceived'";
    assert_eq!(world.count(received).await, 1, "the sister's routing hears of it");
    let looked =
        "SELECT count(*) FROM audit_log WHERE center_id = 'harbor-valley' AND purpose = 'hand_to_center:lakeside'";
    assert_eq!(world.count(looked).await, 1);
    let published = "SELECT count(*) FROM outbox_pending";
    eventually("all of both centers is published", || async { world.count(published).await == 0 }).await;
    let plain = "SELECT count(*) FROM outbox WHERE position('Rosa'::bytea IN payload) > 0";
    assert_eq!(world.count(plain).await, 0, "nothing of the person travels");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_handed_over_is_told_with_the_reason_and_makes_nothing() {
    let world = World::start().await;
    let (id, _) = ask(&world, &[]).await;
    let (torn, _) = ask(&world, &[("name", "Olu Otherperson"), ("phone", "206 555 0177")]).await;
    sqlx::query("UPDATE inquiries SET sealed = '\\x01' WHERE inquiry_id = $1::uuid")
        .bind(&torn)
        .execute(&world.admin)
        .await
        .expect("damaged");
    let nobody = uuid::Uuid::from_u128(7).to_string();
    tell(&world, &[handed(&torn, OTHER, 2), handed(&nobody, OTHER, 3), handed(&id, "mill-pond", 4)]).await;
    heard(&world, 3).await;
    world.change_profile(OTHER, "center.toml", "takes_from = [\"harbor-valley\"]", "takes_from = []").await;
    eventually("the sister's new word is known", || async { world.count("SELECT count(*) FROM revisions").await == 3 })
        .await;
    tell(&world, &[handed(&id, OTHER, 5)]).await;
    heard(&world, 4).await;
    let mut told: Vec<(i64, String)> =
        told::<HandoverNotTaken>(&world).await.into_iter().map(|event| (event.number, event.why)).collect();
    told.sort();
    let wanted = [(2, "not_sealed"), (3, "person_gone"), (4, "unknown_center"), (5, "not_agreed")];
    assert_eq!(told, wanted.map(|(number, why)| (number, why.to_owned())));
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE center_id = 'lakeside'").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM handovers WHERE to_inquiry_id IS NULL").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);
    let looks = "SELECT count(*) FROM audit_log WHERE purpose LIKE 'hand_to_center:%' AND outcome = 'failed'";
    assert_eq!(world.count(looks).await, 1, "what could not be opened was no look that was done");
    let looks = "SELECT count(*) FROM audit_log WHERE purpose LIKE 'hand_to_center:%'";
    assert_eq!(world.count(looks).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_office_that_referred_reads_of_the_sister_once_it_has_it_and_nothing_where_it_came_back() {
    let world = World::start().await;
    let office = Office::of(&world);
    let (gone, back) = (referred(&office, "REF-1").await, referred(&office, "REF-2").await);
    let reason = "handed_to_sister";
    let closed = |id: &str| moved((Source::Fhir, id), 2, (Stage::Received, Stage::Closed), reason);
    tell(&world, &[closed(&gone), closed(&back), handed(&back, "mill-pond", 2)]).await;
    heard(&world, 3).await;
    for id in [&gone, &back] {
        assert_eq!(status(&office, id).await, "received", "nobody knows yet who has it");
    }
    tell(&world, &[staged(&back, 3, (Stage::Closed, Stage::Contacted)), handed(&gone, OTHER, 2)]).await;
    heard(&world, 5).await;
    let task = office.get(&format!("/Task/{gone}")).await;
    assert_eq!(task.body["status"], "cancelled");
    assert!(task.body.to_string().contains("A sister center has it"), "{}", task.body);
    assert_eq!(status(&office, &back).await, "accepted");
}

async fn status(office: &Office<'_>, id: &str) -> String {
    office.get(&format!("/Task/{id}")).await.body["status"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_still_to_be_mended_is_the_sisters_to_mend_and_no_door_makes_such_an_inquiry() {
    let world = World::start().await;
    let (id, _) = ask(&world, &[("phone", "12")]).await;
    assert_eq!((to_mend(&world, CENTER).await, to_mend(&world, OTHER).await), (1, 0));
    tell(&world, &[handed(&id, OTHER, 4)]).await;
    heard(&world, 1).await;
    assert_eq!((to_mend(&world, CENTER).await, to_mend(&world, OTHER).await), (0, 1));
    assert!(at_the_sister(&world).await.needs_repair);
    assert_eq!(
        world.count("SELECT count(*) FROM inquiries WHERE center_id = 'harbor-valley' AND needs_repair").await,
        0
    );
    let request = causeway_proto::inquiry::v1::SubmitInquiryRequest {
        center: CENTER.into(),
        form_id: "general".into(),
        source: Source::SisterCenter.into(),
        ..Default::default()
    };
    let entered = world.client("portal", Some(coordinator(CENTER))).submit_inquiry(request).await;
    assert_eq!(entered.expect_err("nobody enters it").code(), Code::InvalidArgument);
}
