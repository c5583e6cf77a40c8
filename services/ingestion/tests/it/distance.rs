//! How far away somebody lives: computed at the door from the postal code, which stays sealed, and told as a site and a band.

use causeway_funnel::profile::Bundle;
use causeway_proto::inquiry::v1::Facts;

use crate::privacy::tables_with;
use crate::samples;
use crate::world::{CENTER, World, body, eventually, published};

/// Five postal areas: four around one site, and a village alone far away.
const PLACES: &str = "postal_code,latitude,longitude\n\
     45011,47.62,-122.21\n45013,47.61,-122.19\n98004,47.62,-122.2\n98005,47.62,-122.17\n97720,43.58,-119.06\n";

const QUESTION: &str = r#"
[[question]]
key = "zip"
part = "optional"
label = { en = "Postal code", es = "Código postal" }

[[question.field]]
key = "zip"
kind = "text"
"#;

async fn heard(world: &World, count: usize) -> Vec<Facts> {
    let events = published(&world.bus().await, count).await;
    events.into_iter().filter_map(|(_, event)| event.facts).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nearest_site_and_a_band_travel_by_every_door_and_no_postal_code_does() {
    let world = World::start().await;
    let change = |bundle: &mut Bundle| {
        bundle.insert("places.csv", PLACES);
        for (file, text) in [
            ("feeds.toml", samples::offices(&bundle.files["feeds.toml"])),
            ("forms/second-opinion.toml", bundle.files["forms/second-opinion.toml"].clone() + QUESTION),
        ] {
            bundle.insert(file, text);
        }
    };
    world.put_profile(CENTER, change).await;
    eventually("the form asks for it", || async {
        let asked = format!("{}/v1/centers/{CENTER}/openapi.json", world.door.http);
        reqwest::get(asked).await.expect("an answer").text().await.expect("a text").contains("\"zip\"")
    })
    .await;
    let near = ("valley".to_owned(), "under_10".to_owned());
    let told = |facts: &Facts| (facts.nearest_site.clone(), facts.distance_band.clone());

    // A form's own question; a village alone in its ring; a code that nobody knows; none at all.
    for (zip, code) in [("a", "98005-1234"), ("b", "97720"), ("c", "10115"), ("d", "")] {
        let name = format!("Rosa Vega {zip}");
        world.accepted(&body(&[("name", &name), ("zip", code)])).await;
    }
    // A referral's address line.
    let sample = samples::folder().join("hl7v2/ref_i12_251_full_breast.hl7");
    let reply = samples::mllp(&world, &std::fs::read(sample).expect("a sample")).await;
    assert!(reply.ends_with("AA"), "{reply}");
    let told: Vec<_> = heard(&world, 5).await.iter().map(told).collect();
    let unknown = (String::new(), String::new());
    assert_eq!(told.iter().filter(|one| **one == near).count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|one| **one == unknown).count(), 3, "{told:?}");
    for code in ["98005", "97720", "10115", "45011"] {
        let tables = tables_with(&world, code).await;
        assert!(tables.iter().all(|table| table == "revisions"), "{code} stands in {tables:?}");
    }
}
