//! The same person asking again is linked, shown with the reason and never merged by itself; a sister center learns that it
//! knows them and nothing else; nothing of it is in clear, and many rows cost no more than few.

use causeway_auth::{Actor, Role, audit};
use causeway_ingestion::config::People;
use causeway_ingestion::{Config, store};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{DecideLinkRequest, LinksOfInquiry, ListLinksRequest, ReindexPeopleRequest};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use tonic::Code;

use crate::world::{CENTER, OTHER, World, body, coordinator, eventually};

fn quick() -> Config {
    Config { people: People { per_second: 100_000, look_milliseconds: 50, look_back_seconds: 1 }, ..Config::default() }
}

async fn ask(world: &World, center: &str, changes: &[(&str, &str)]) -> String {
    let mut body = body(changes);
    if center == OTHER {
        body["form"] = "general".into();
    }
    let response = world.post(center, &body).await;
    let status = response.status();
    let answer: serde_json::Value = response.json().await.expect("json");
    assert_eq!(status, 202, "{answer}");
    answer["inquiry_id"].as_str().expect("an id").to_owned()
}

async fn read(world: &World, people: i64) {
    eventually("all people are read", || async { world.count("SELECT count(*) FROM indexed_people").await == people })
        .await;
}

async fn links(world: &World, center: &str, id: &str) -> LinksOfInquiry {
    let request = ListLinksRequest { center: center.into(), inquiry_ids: vec![id.into()], ..Default::default() };
    let mut client = world.client("portal", Some(coordinator(center)));
    client.list_links(request).await.expect("links").into_inner().inquiries.remove(0)
}

async fn say(
    world: &World,
    actor: Option<Actor>,
    (one, other): (&str, &str),
    state: &str,
) -> Result<Vec<String>, tonic::Status> {
    let request = DecideLinkRequest {
        center: CENTER.into(),
        inquiry_id: one.into(),
        other_inquiry_id: other.into(),
        state: state.into(),
        ..Default::default()
    };
    world.client("portal", actor).decide_link(request).await.map(|answer| answer.into_inner().person)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_that_no_comparison_found_are_linked_by_a_person_who_names_the_number() {
    let world = World::start_with(quick()).await;
    let one = ask(&world, CENTER, &[("name", "Rosa Testpatient"), ("phone", "206 555 0142")]).await;
    let (phone, email) = (("phone", "206 555 0177"), ("email", "olu@example.com"));
    let other = ask(&world, CENTER, &[("name", "Olu Otherperson"), phone, email]).await;
    read(&world, 2).await;
    assert!(links(&world, CENTER, &one).await.links.is_empty());
    let id: uuid::Uuid = other.parse().expect("an id");
    let number: String = sqlx::query_scalar("SELECT reference FROM inquiries WHERE inquiry_id = $1")
        .bind(id)
        .fetch_one(&world.admin)
        .await
        .expect("a number");
    let typed = async |number: &str, state: &str| {
        let request = DecideLinkRequest {
            center: CENTER.into(),
            inquiry_id: one.clone(),
            other_reference: number.into(),
            state: state.into(),
            ..Default::default()
        };
        world.client("portal", Some(coordinator(CENTER))).decide_link(request).await
    };
    for (number, code) in [("nonsense", Code::InvalidArgument), ("HV-AAAA-AAA", Code::NotFound)] {
        let refused = typed(number, "same").await.expect_err(number);
        assert!([code, Code::InvalidArgument].contains(&refused.code()), "{refused}");
    }
    let person = typed(&number.to_lowercase(), "same").await.expect("linked").into_inner().person;
    assert_eq!(person.len(), 2);
    let linked = links(&world, CENTER, &one).await;
    assert_eq!((linked.links[0].state.as_str(), linked.links[0].decided_by.as_str()), ("same", "ana"));
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'person_link_same'").await, 2);
    // Who is joined to the other is this person too, and both pages say so though nobody linked these two.
    let third =
        ask(&world, CENTER, &[("name", "Ida Thirdperson"), ("phone", "206 555 0188"), ("email", "ida@example.com")])
            .await;
    say(&world, Some(coordinator(CENTER)), (&third, &other), "same").await.expect("linked");
    for (page, through) in [(&one, &third), (&third, &one)] {
        let linked = links(&world, CENTER, page).await;
        assert_eq!(linked.person.len(), 3);
        let joined = linked.links.iter().find(|link| link.inquiry_id == **through).expect("listed");
        assert_eq!((joined.state.as_str(), joined.score, joined.decided_by.as_str()), ("open", 0, ""));
        assert!(joined.reference.starts_with("HV-"), "{joined:?}");
    }
    say(&world, Some(coordinator(CENTER)), (&third, &other), "open").await.expect("undone");
    assert_eq!(links(&world, CENTER, &one).await.links.len(), 1);
    // Taken back, nothing of it is left: nothing but the person's word spoke for it.
    say(&world, Some(coordinator(CENTER)), (&one, &other), "open").await.expect("undone");
    assert!(links(&world, CENTER, &one).await.links.is_empty());
    assert_eq!(
        say(&world, Some(coordinator(CENTER)), (&one, &other), "open").await.expect_err("none").code(),
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_again_is_linked_with_the_reason_joined_by_a_person_and_parted_again() {
    let world = World::start_with(quick()).await;
    let birth = ("birth_date", "1961-03-27");
    let first = ask(&world, CENTER, &[("name", "Guadalupe Testpatient"), birth]).await;
    let second = ask(&world, CENTER, &[("name", "TESTPATIENT, LUPE"), birth]).await;
    let twin = ask(&world, CENTER, &[("name", "Marta Testpatient"), birth]).await;
    let stranger =
        ask(&world, CENTER, &[("name", "Olu Otherperson"), ("phone", "206 555 0177"), ("email", "olu@example.com")])
            .await;
    read(&world, 4).await;

    let found = links(&world, CENTER, &second).await;
    let strengths: Vec<_> = found.links.iter().map(|link| (link.inquiry_id.as_str(), link.strength.as_str())).collect();
    assert_eq!(strengths, [(first.as_str(), "certain"), (twin.as_str(), "possible")], "{found:?}");
    assert!(
        found.links[0].explanation.contains("same phone") && found.links[0].explanation.contains("same birth date")
    );
    assert!(found.links[1].explanation.ends_with("; first name differs"), "{}", found.links[1].explanation);
    assert_eq!(found.person, [second.as_str()], "nobody is merged before a person says so");
    assert!(links(&world, CENTER, &stranger).await.links.is_empty());

    let before = world.count("SELECT count(*) FROM inquiries").await;
    let ana = || Some(coordinator(CENTER));
    let person = say(&world, ana(), (&first, &second), "same").await.expect("said");
    assert_eq!(person, [first.as_str(), second.as_str()]);
    say(&world, ana(), (&twin, &second), "different").await.expect("said");
    let refused = say(&world, ana(), (&twin, &first), "same").await.expect_err("a contradiction");
    assert_eq!((refused.code(), Reason::of(&refused)), (Code::FailedPrecondition, Some(Reason::WrongState)));
    assert!(refused.message().contains("undo that first"), "{refused}");
    let seen = links(&world, CENTER, &first).await;
    assert_eq!(seen.links[0].decided_by, "ana");
    assert_eq!(seen.person.len(), 2);

    say(&world, ana(), (&second, &first), "open").await.expect("undone");
    assert_eq!(links(&world, CENTER, &first).await.person, [first.as_str()]);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, before);
    let written = "SELECT count(*) FROM audit_log WHERE purpose LIKE 'person_link_%'";
    assert_eq!(world.count(written).await, 6);
    audit::verify(&world.admin, CENTER).await.expect("the chain holds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_read_or_repair_is_refused_and_so_is_another_center() {
    let world = World::start_with(quick()).await;
    let (first, second) = (ask(&world, CENTER, &[]).await, ask(&world, CENTER, &[]).await);
    read(&world, 2).await;
    let staff = |role| Actor::staff("sam", "Sam", CENTER, vec![role]);
    for actor in [
        Some(coordinator(OTHER)),
        Some(staff(Role::Scheduler)),
        Some(staff(Role::Auditor)),
        None,
        Some(Actor::operator("ops", "Ops")),
        Some(Actor::patient(&first, CENTER)),
    ] {
        let refused = say(&world, actor.clone(), (&first, &second), "same").await.expect_err("refused");
        assert_eq!(refused.code(), Code::PermissionDenied, "{actor:?}");
    }
    for actor in [coordinator(OTHER), staff(Role::Analyst), Actor::patient(&first, CENTER)] {
        let request =
            ListLinksRequest { center: CENTER.into(), inquiry_ids: vec![first.clone()], ..Default::default() };
        let refused = world.client("portal", Some(actor.clone())).list_links(request).await.expect_err("refused");
        assert_eq!(refused.code(), Code::PermissionDenied, "{actor:?}");
    }
    let request = || ReindexPeopleRequest { center: CENTER.into(), anew: true };
    let refused =
        world.client("portal", Some(coordinator(CENTER))).reindex_people(request()).await.expect_err("refused");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let unknown = say(&world, Some(coordinator(CENTER)), (&first, &uuid::Uuid::nil().to_string()), "same").await;
    assert_eq!(unknown.expect_err("no such link").code(), Code::NotFound);

    // Read anew, nothing that people said is lost, and nothing is there twice.
    say(&world, Some(coordinator(CENTER)), (&first, &second), "same").await.expect("said");
    let tokens = world.count("SELECT count(*) FROM person_tokens").await;
    world.client("causeway", Some(Actor::operator("ops", "Ops"))).reindex_people(request()).await.expect("begun");
    read(&world, 2).await;
    assert_eq!(world.count("SELECT count(*) FROM person_tokens").await, tokens);
    assert_eq!(world.count("SELECT count(*) FROM person_links WHERE state = 'same'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sister_center_is_told_that_it_knows_the_person_and_can_read_nothing_else() {
    let world = World::start_with(quick()).await;
    let rosa = [("name", "Rosa Testpatient"), ("birth_date", "1961-03-27"), ("who", "patient")];
    let here = ask(&world, CENTER, &rosa).await;
    let there = ask(&world, OTHER, &rosa).await;
    let alone = ask(&world, CENTER, &[("name", "Rosa Testpatient"), ("birth_date", "1975-01-02")]).await;
    read(&world, 3).await;
    let known = links(&world, CENTER, &here).await.elsewhere;
    assert_eq!(known.len(), 1, "{known:?}");
    assert!(!known[0].center_name.is_empty() && known[0].since_month.len() == 7, "{known:?}");
    assert_eq!(links(&world, OTHER, &there).await.elsewhere.len(), 1);
    assert!(links(&world, CENTER, &alone).await.elsewhere.is_empty());
    let written = "SELECT count(*) FROM audit_log WHERE purpose = 'known_elsewhere'";
    assert_eq!(world.count(written).await, 2);
    // A list of many asks no sister, and nothing is written down for each of its refreshes.
    let twin = ask(&world, CENTER, &rosa).await;
    read(&world, 4).await;
    let request = ListLinksRequest { center: CENTER.into(), inquiry_ids: vec![twin.clone()], own_center_only: true };
    let told = world.client("portal", Some(coordinator(CENTER))).list_links(request).await.expect("told").into_inner();
    assert!(told.inquiries[0].links.iter().any(|link| link.inquiry_id == here), "{told:?}");
    assert!(told.inquiries[0].elsewhere.is_empty());
    assert_eq!(world.count(written).await, 2);

    // As the service's own role, in a transaction of this center.
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    for table in ["recognitions", "person_tokens", "indexed_people", "person_links", "inquiries"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE center_id <> '{CENTER}'");
        let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut app).await.expect("a count");
        assert_eq!(seen, 0, "{table}");
    }
    // Of another center's inquiry nothing is told, not even by its id.
    let asked = vec![there.parse::<uuid::Uuid>().expect("an id")];
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM recognised_elsewhere($1)")
        .bind(asked)
        .fetch_one(&mut app)
        .await
        .expect("a count");
    assert_eq!(told, 0);

    world.change_profile(OTHER, "center.toml", "share_recognition = true", "share_recognition = false").await;
    eventually("a center that shares no more is forgotten", || async {
        world.count("SELECT count(*) FROM recognitions WHERE center_id = 'lakeside'").await == 0
            && links(&world, CENTER, &here).await.elsewhere.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_that_was_committed_late_is_read_although_later_ones_were_read_before_it() {
    let world = World::start_with(quick()).await;
    ask(&world, CENTER, &[]).await;
    read(&world, 1).await;
    // Twenty seconds older than what was read last, and there only now.
    let late = "INSERT INTO inquiries (center_id, inquiry_id, reference, received_at, consult_type, source, held, needs_repair, \
            facts, sealed) \
         SELECT center_id, (lpad(to_hex(((extract(epoch FROM now()) - 20) * 1000)::bigint), 12, '0') || '70008000000000000001')::uuid, \
            'HV-LATE01', received_at, consult_type, source, held, needs_repair, facts, sealed FROM inquiries";
    sqlx::query(late).execute(&world.admin).await.expect("stands");
    read(&world, 2).await;
}

const MANY: &str = "INSERT INTO person_tokens (center_id, token, inquiry_id) \
     SELECT 'harbor-valley', decode(md5(k || '-' || n), 'hex'), ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid \
     FROM generate_series(1, 100000) AS n, generate_series(1, 5) AS k";
const CROWD: &str = "INSERT INTO person_tokens (center_id, token, inquiry_id) \
     SELECT 'harbor-valley', '\\x01', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid FROM generate_series(1, 500) AS n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_a_hundred_thousand_people_a_new_one_takes_milliseconds_and_a_crowd_is_capped() {
    let world = World::start_with(quick()).await;
    for sql in [MANY, CROWD, "ANALYZE person_tokens"] {
        sqlx::query(sql).execute(&world.admin).await.expect("done");
    }
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let new = uuid::Uuid::from_u128(7 << 64);
    let tokens = vec![vec![1_u8], vec![2; 16], vec![3; 16], vec![4; 16]];
    let plan: Vec<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN (ANALYZE, BUFFERS) {}", store::people::SHARING)))
            .bind(CENTER)
            .bind(vec![new; 4])
            .bind(&tokens)
            .bind(store::people::CROWD)
            .fetch_all(&mut app)
            .await
            .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("person_tokens_pkey") && !plan.contains("Seq Scan on person_tokens"), "{plan}");
    let begun = std::time::Instant::now();
    let found: Vec<(uuid::Uuid, uuid::Uuid, bool)> = sqlx::query_as(store::people::SHARING)
        .bind(CENTER)
        .bind(vec![new; 4])
        .bind(tokens)
        .bind(store::people::CROWD)
        .fetch_all(&mut app)
        .await
        .expect("found");
    let took = begun.elapsed();
    println!("found among 500,500 tokens in {took:?}");
    assert_eq!(found.len(), 51);
    assert_eq!(found.iter().filter(|(.., beyond)| *beyond).count(), 1, "that there are more is told");
    assert!(took.as_millis() < 100, "{took:?}");
}
