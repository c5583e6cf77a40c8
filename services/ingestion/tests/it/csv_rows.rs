//! Rows of a list about whom something is told: none of them vanishes, no name is garbled, and who mends one is told once.

use causeway_proto::inquiry::v1::RevealPeopleRequest;

use crate::csv::{Office, counts, told};
use crate::repair::{open, release, waiting};
use crate::world::{CENTER, World, coordinator};

const HEADER: &str =
    "referral_id,patient_first,patient_last,birth_date,phone,patient_mrn,dx_code,contact_name,contact_phone,address1";

fn list(rows: &[&str]) -> Vec<u8> {
    format!("{HEADER}\n{}\n", rows.join("\n")).into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_about_somebody_who_is_not_named_is_told_and_waits_and_only_ornaments_are_passed_over() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let file = cedar
        .taken(list(&[
            ",,,2019-07-19,,,C91.0,Maria Vega,206 555 0173,\"1 Elm St\"",
            ",,,1968-07-19,,MRN-77,C50.9,,,",
            "SUM-12,,,1968-07-19,,MRN-78,C50.9,,,",
            "S-5,,,,,,,,,",
            ",,,,,,C50.9,,,\"1 Elm St\"",
            "Total: 5,,,,,,,,,",
        ]))
        .await;
    let expected = told(&[
        ("2", "", "accepted_with_warning", "no_referral_id"),
        ("3", "", "parked", "nobody"),
        ("4", "SUM-12", "parked", "nobody"),
        ("5", "S-5", "parked", "nobody"),
        ("6", "", "rejected", "nobody"),
    ]);
    assert_eq!(cedar.result(&file).await, expected);
    assert_eq!((counts(&file), &file["rows"]["skipped"]), ([5, 1, 0, 3, 1], &2.into()));
    let waits = waiting(&world, "waiting").await;
    assert_eq!(waits.iter().filter(|row| row.reason == "nobody").count(), 3);
    let row = waits.iter().find(|row| row.reason == "nobody").expect("one");
    assert_eq!(
        open(&world, row).await.fields["office_record_number"],
        "MRN-77",
        "by which the office knows whom it means"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stray_byte_costs_its_row_alone_and_a_list_that_ends_within_a_letter_is_cut() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let row = |number: usize, name: &str| format!("R-{number},José,{name},1968-07-19,206 555 0142,,C50.411,,,");
    let rows: Vec<String> = (0..20).map(|number| row(number, "Núñez")).collect();
    let good = list(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let damaged = |end: &str| [&good, end.replace('?', "\u{1}").as_bytes()].concat();
    let put =
        |bytes: Vec<u8>, with: &[u8]| bytes.split(|byte| *byte == 1).map(<[u8]>::to_vec).collect::<Vec<_>>().join(with);
    let cut = cedar.taken(put(damaged("R-20,Jo,Zo?"), b"\xc3")).await;
    assert_eq!((&cut["state"], &cut["reason"]), (&"parked".into(), &"file_cut".into()), "{cut}");
    // All cells are there but for half a letter.
    let cut = cedar.taken(put(damaged("R-20,Jo,Vega,1968-07-19,206 555 0142,,C50.411,,,Caf?"), b"\xc3")).await;
    assert_eq!((&cut["state"], &cut["reason"]), (&"parked".into(), &"file_cut".into()), "{cut}");
    let file = cedar.taken(put(damaged("R-20,Jo,Zo?,1968-07-19,206 555 0142,,C50.411,,,\n"), b"\xeb")).await;
    assert_eq!(counts(&file), [21, 20, 0, 1, 0]);
    let result = cedar.result(&file).await;
    assert_eq!(result[19], ["21", "R-19", "created", ""].map(str::to_owned));
    assert_eq!(result[20], ["22", "R-20", "rejected", "letter_lost"].map(str::to_owned));
    let row = waiting(&world, "waiting").await.into_iter().find(|row| row.reason == "letter_lost").expect("it waits");
    let shown = open(&world, &row).await;
    assert!(shown.may_release && !shown.may_retry, "a person has to put the letter right");
    let done = release(&world, &row, &[("name", "Jo Zoë")]).await.expect("released");
    assert_eq!(done.outcome, "accepted");
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT inquiry_id FROM inquiries").fetch_all(&world.admin).await.expect("they stand");
    let asked = RevealPeopleRequest {
        center: CENTER.into(),
        inquiry_ids: ids.iter().map(uuid::Uuid::to_string).collect(),
        purpose: "worklist".into(),
    };
    let shown =
        world.client("portal", Some(coordinator(CENTER))).reveal_people(asked).await.expect("opened").into_inner();
    let names: Vec<String> = shown.people.into_iter().map(|one| one.name).collect();
    assert_eq!(names.iter().filter(|name| *name == "José Núñez").count(), 20, "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_its_office_mends_waits_for_nobody_any_more_and_one_that_a_person_mended_is_known() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let row = |id: &str, birth: &str| format!("{id},Jo,Testpatient,{birth},206 555 0142,,C50.411,,,");
    let (one, two) = (row("B-1", "13/45/1970"), row("B-2", "2/30/1961"));
    let file = cedar.taken(list(&[&one, &two, "B-3,Jo,Testpatient"])).await;
    let expected = told(&[
        ("2", "B-1", "parked", "birth_date_impossible"),
        ("3", "B-2", "parked", "birth_date_impossible"),
        ("4", "B-3", "rejected", "row_short"),
    ]);
    assert_eq!(cedar.result(&file).await, expected);
    let waits = waiting(&world, "waiting").await;
    assert_eq!(waits.len(), 3);
    let first = waits.iter().find(|row| row.reason == "birth_date_impossible").expect("it waits").clone();
    assert_eq!(release(&world, &first, &[("birth_date", "03/14/1970")]).await.expect("released").outcome, "accepted");

    // The next day's list has the right dates, and one row as it was.
    let (mended, other) = (row("B-1", "3/14/1970"), row("B-2", "2/20/1961"));
    let next = cedar.taken(list(&[&mended, &other, "B-3,Jo,Testpatient"])).await;
    let words: Vec<String> = cedar.result(&next).await.into_iter().map(|row| row[2].clone()).collect();
    assert_eq!(words[1..], ["created", "rejected"]);
    let waits = waiting(&world, "waiting").await;
    assert_eq!(waits.iter().filter(|row| row.reason == "birth_date_impossible").count(), 0, "the office has mended it");
    assert_eq!(waits.iter().filter(|row| row.reason == "row_short").count(), 1, "that is as it was");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
    let settled = "SELECT count(inquiry_id) FROM messages WHERE state = 'settled' AND reason = 'birth_date_impossible'";
    assert_eq!(world.count(settled).await, 1, "with the inquiry that stands for it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_whose_letters_were_guessed_wrong_is_taken_and_its_office_is_told() {
    let world = World::start().await;
    let cedar = Office::cedar(&world);
    let rows: [(&[u8], &[u8]); 3] =
        [(b"Jos\xe9", b"M\xfcller"), (b"Jos\x8e", b"M\x9fller"), (b"\xa3ukasz", b"Wa\xb3\xeasa")];
    let mut list = HEADER.as_bytes().to_vec();
    for (number, (first, last)) in rows.into_iter().enumerate() {
        let number = format!("\nG-{number},");
        list.extend([number.as_bytes(), first, b",", last, b",1968-07-19,206 555 0142,,C50.411,,,"].concat());
    }
    let file = cedar.taken(list).await;
    let both = ("accepted_with_warning", "charset_guessed");
    let expected = told(&[("2", "G-0", "created", ""), ("3", "G-1", both.0, both.1), ("4", "G-2", both.0, both.1)]);
    assert_eq!(cedar.result(&file).await, expected);
    assert_eq!(counts(&file), [3, 3, 0, 0, 0]);

    // Agreed with the office, nothing has to be guessed.
    let agreed = "code_separators = \"|,;\"\nencoding = \"windows-1250\"";
    world.change_profile(CENTER, "feeds.toml", "code_separators = \"|,;\"", agreed).await;
    // The profile is in force in a moment.
    let mut results = Vec::new();
    for number in 9..200 {
        let number = format!("\nG-{number},");
        let row = b"\xa3ukasz,Wa\xb3\xeasa,1969-07-19,206 555 0143,,C50.411,,,";
        let file = cedar.taken([HEADER.as_bytes(), number.as_bytes(), row].concat()).await;
        results = cedar.result(&file).await;
        if results[0][2] == "created" {
            break;
        }
    }
    assert_eq!(results[0][2..], ["created", ""]);
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT inquiry_id FROM inquiries ORDER BY received_at DESC, inquiry_id DESC LIMIT 1")
            .fetch_one(&world.admin)
            .await
            .expect("it stands");
    let asked =
        RevealPeopleRequest { center: CENTER.into(), inquiry_ids: vec![id.to_string()], purpose: "worklist".into() };
    let shown = world.client("portal", Some(coordinator(CENTER))).reveal_people(asked).await.expect("opened");
    assert_eq!(shown.into_inner().people[0].name, "Łukasz Wałęsa");
}
