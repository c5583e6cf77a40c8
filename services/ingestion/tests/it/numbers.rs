//! Request numbers that are taken already, and batches of all kinds at once.

use causeway_envelope::TraceContext;
use causeway_funnel::ids::{InquiryId, Reference};
use causeway_ingestion::writer::batch::{Arrival, commit, write_sure};
use causeway_ingestion::writer::{Verdict, Way};
use causeway_mailbox::{Database, DatabaseSettings, TxError};
use causeway_proto::inquiry::v1 as wire;
use causeway_runtime::{Clock, DatabaseUrls};
use uuid::Uuid;

use crate::world::{CENTER, World};

fn arrival(id: u128, key: Option<&str>) -> Arrival {
    let inquiry_id = Uuid::from_u128(id);
    Arrival {
        inquiry_id,
        prefix: "HV".into(),
        key: key.map(|key| ([key.as_bytes()[0]; 16], [7; 16])),
        facts: wire::Facts { inquiry_id: inquiry_id.to_string(), center: CENTER.into(), ..Default::default() },
        consult_type: "not_sure",
        source: "web_form",
        sealed: vec![1],
        held: false,
        signs: Vec::new(),
        faults: Vec::new(),
        trace: TraceContext::default(),
        message: None,
        showing_id: None,
    }
}

async fn write(database: &Database, arrivals: Vec<Arrival>) -> Vec<Verdict> {
    try_write(database, arrivals, Way::Careful).await.expect("written")
}

async fn try_write(database: &Database, arrivals: Vec<Arrival>, way: Way) -> Result<Vec<Verdict>, TxError> {
    database.with_tx(CENTER, move |tx| Box::pin(async move { commit(tx, &arrivals, way).await })).await
}

/// As the door does it where nothing is known to be taken.
async fn write_at_once(database: &Database, arrivals: Vec<Arrival>) -> Result<Vec<Verdict>, TxError> {
    let written =
        database.with_single(CENTER, move |single| Box::pin(async move { write_sure(single, &arrivals).await })).await;
    written.map(|verdicts| verdicts.expect("the time of the database was heard"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_try_without_an_answer_wrote_is_told_as_it_stands_and_nothing_is_told_of_twice() {
    let world = World::start().await;
    let urls = DatabaseUrls { app: world.database.app.clone(), machine: world.database.machine.clone() };
    let database = Database::connect("ingestion", &urls, &DatabaseSettings::default(), Clock::system()).expect("urls");
    database.read(CENTER, |_| Box::pin(async { Ok::<_, TxError>(()) })).await.expect("read");
    let id = |number: u128| number | (number << 30) | (number << 90);
    let batch = || vec![arrival(id(1), Some("a")), arrival(id(2), None)];
    let first = write_at_once(&database, batch()).await.expect("written");
    let mut with_a_third = batch();
    with_a_third.push(arrival(id(3), Some("c")));
    let again = try_write(&database, with_a_third, Way::Again).await.expect("written");
    let told = |verdict: &Verdict| match verdict {
        Verdict::Kept(answer) => (answer.inquiry_id.clone(), answer.reference.clone(), answer.received_at),
        other => panic!("{other:?}"),
    };
    assert_eq!(again[..2].iter().map(told).collect::<Vec<_>>(), first.iter().map(told).collect::<Vec<_>>());
    told(&again[2]);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 3);
    // To anybody else the first is a repeat by its key.
    let other = write(&database, vec![arrival(id(4), Some("a"))]).await;
    assert!(matches!(other[..], [Verdict::Repeated(_)]), "{other:?}");
    assert!(write_at_once(&database, vec![arrival(id(5), Some("a"))]).await.is_err(), "its key is taken");
}

fn reference_of(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Kept(answer) | Verdict::Repeated(answer) => &answer.reference,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_number_is_given_once_and_a_taken_one_is_replaced_in_the_same_batch() {
    let world = World::start().await;
    let urls = DatabaseUrls { app: world.database.app.clone(), machine: world.database.machine.clone() };
    let database = Database::connect("ingestion", &urls, &DatabaseSettings::default(), Clock::system()).expect("urls");
    // The first choice comes from the lowest thirty bits of the id, the second from the thirty above them.
    let (first, second, third, fourth) = (5, 5 | (9 << 30), 5 | (9 << 30) | (1 << 100), 6 | (1 << 101));
    let batch = vec![
        arrival(first, Some("a")),
        arrival(second, Some("b")),
        arrival(third, Some("c")),
        arrival(fourth, None),
        arrival(second | (1 << 110), Some("b")),
    ];
    let verdicts = write(&database, batch).await;
    let of = |id: u128| InquiryId(Uuid::from_u128(id));
    assert_eq!(reference_of(&verdicts[0]), Reference::of("HV", of(first)).as_str());
    assert_eq!(reference_of(&verdicts[1]), Reference::second_choice("HV", of(second)).as_str());
    assert!(matches!(verdicts[2], Verdict::NoNumber), "both numbers of the third are taken");
    assert_eq!(reference_of(&verdicts[3]), Reference::of("HV", of(fourth)).as_str());
    assert!(
        matches!(&verdicts[4], Verdict::Repeated(answer) if answer.inquiry_id == Uuid::from_u128(second).to_string())
    );
    assert_eq!(reference_of(&verdicts[4]), reference_of(&verdicts[1]), "a repeat hears the number that was given");

    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 3);
    let keys = world.count("SELECT count(*) FROM inquiries WHERE key IS NOT NULL").await;
    assert_eq!(keys, 2, "the key of the third is still free");
    let again = write(&database, vec![arrival(7 | (1 << 90), Some("c"))]).await;
    assert!(matches!(again[0], Verdict::Kept(_)), "with a new id it has a number");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_in_which_something_is_taken_is_written_with_care_or_not_at_all() {
    let world = World::start().await;
    let urls = DatabaseUrls { app: world.database.app.clone(), machine: world.database.machine.clone() };
    let database = Database::connect("ingestion", &urls, &DatabaseSettings::default(), Clock::system()).expect("urls");
    let free = || vec![arrival(1, Some("a")), arrival(2, None)];
    let verdicts = try_write(&database, free(), Way::Hopeful).await.expect("nothing is taken");
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Kept(_))));

    for taken in [arrival(3, Some("a")), arrival(1 | (1 << 90), Some("x"))] {
        let refused = try_write(&database, vec![arrival(4, Some("b")), taken], Way::Hopeful).await;
        assert!(refused.is_err(), "a taken key and a taken number are refused");
        assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2, "and nothing of the batch stands");
        assert_eq!(world.count("SELECT count(*) FROM outbox").await, 2);
    }
}
