//! A transaction that is one statement keeps what transactions keep.

use causeway_envelope::TraceContext;
use causeway_mailbox::{Database, DatabaseSettings, Draft, TxError, single};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, Executor as _, PgConnection};
use uuid::Uuid;

use crate::rig::{self, CENTER};

const WRITE: &str = single!(
    "kept AS (INSERT INTO kept (center_id, number) SELECT own.center_id, number FROM own CROSS JOIN unnest($11::bigint[]) AS number)"
);
/// A part that names a center itself, whichever is asked for.
const WRITE_ELSEWHERE: &str = single!(
    "kept AS (INSERT INTO kept (center_id, number) SELECT 'harbor-valley', number FROM own CROSS JOIN unnest($11::bigint[]) AS number)"
);

/// A table of centers, as services have them.
async fn with_table() -> Database {
    let made = rig::database("single").await;
    let mut owner = PgConnection::connect(made.admin.expose_secret()).await.expect("the owner");
    let table = "CREATE TABLE kept (center_id text NOT NULL, number bigint NOT NULL, PRIMARY KEY (center_id, number)); \
        ALTER TABLE kept ENABLE ROW LEVEL SECURITY; \
        CREATE POLICY center ON kept USING (center_id = current_setting('app.center', true)) \
            WITH CHECK (center_id = current_setting('app.center', true)); \
        GRANT ALL ON kept TO PUBLIC";
    owner.execute(table).await.expect("a table");
    let settings = DatabaseSettings { connections: 2, ..DatabaseSettings::default() };
    rig::open("owner", &made, &settings)
}

/// Lets the process hear the database's time.
async fn hear(database: &Database) {
    database.read(CENTER, |_| Box::pin(async { Ok::<_, TxError>(()) })).await.expect("read");
}

async fn write(database: &Database, statement: &'static str, numbers: Vec<i64>) -> Result<Option<()>, TxError> {
    let work = database.with_single(CENTER, move |one| {
        Box::pin(async move {
            for number in &numbers {
                one.emit(Draft {
                    event_id: None,
                    subject: format!("test.{CENTER}.fact.v1"),
                    kind: "test.v1.Fact",
                    aggregate_id: Uuid::from_u128(u128::from(number.unsigned_abs())),
                    version: 1,
                    payload: number.to_be_bytes().to_vec(),
                    trace: TraceContext::default(),
                });
            }
            one.write(statement, |query| query.bind(numbers)).await
        })
    });
    work.await
}

async fn counts(database: &Database) -> (i64, i64, i64) {
    let of = async |what: &'static str| rig::count(database, what).await;
    (
        of("SELECT count(*) FROM kept").await,
        of("SELECT count(*) FROM outbox").await,
        of("SELECT coalesce(sum(cardinality(waiting)), 0)::bigint FROM outbox_pending").await,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_statement_writes_rows_and_events_or_neither() {
    let database = with_table().await;
    assert!(matches!(write(&database, WRITE, vec![1]).await, Ok(None)), "the time of the database is not known yet");
    assert_eq!(counts(&database).await, (0, 0, 0));
    hear(&database).await;
    assert!(matches!(write(&database, WRITE, vec![1, 2, 3]).await, Ok(Some(()))));
    assert_eq!(counts(&database).await, (3, 3, 3));
    let clash = write(&database, WRITE, vec![4, 3]).await;
    assert!(
        matches!(&clash, Err(TxError::Database(sqlx::Error::Database(cause))) if cause.is_unique_violation()),
        "{clash:?}"
    );
    assert_eq!(counts(&database).await, (3, 3, 3), "nothing of it stands, and no event tells of it");
    // The connection of the refused one is as good as new, and no center is named on it any more.
    assert!(matches!(write(&database, WRITE, vec![4]).await, Ok(Some(()))));
    let named: Option<String> = sqlx::query_scalar("SELECT nullif(current_setting('app.center', true), '')")
        .fetch_one(database.app())
        .await
        .expect("asked");
    assert_eq!(named, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_statement_writes_for_its_own_center_alone() {
    let database = with_table().await;
    hear(&database).await;
    let refused = write(&database, WRITE_ELSEWHERE, vec![1]).await;
    let code = match &refused {
        Err(TxError::Database(sqlx::Error::Database(cause))) => cause.code().map(String::from),
        _ => None,
    };
    assert_eq!(code.as_deref(), Some("42501"), "{refused:?}");
    assert_eq!(counts(&database).await, (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_link_is_cut_is_not_known_to_be_written() {
    let database = with_table().await;
    hear(&database).await;
    // The connection that is kept for the next one dies with its backend.
    let end = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'owner' \
        AND usename LIKE '%_app' AND pid <> pg_backend_pid()) AS ended";
    let ended: i64 = sqlx::query_scalar(end).fetch_one(database.machine()).await.unwrap_or_default();
    if ended == 0 {
        let ended: i64 = sqlx::query_scalar(end).fetch_one(database.app()).await.expect("one's own may be ended");
        assert!(ended > 0, "there was none to end");
    }
    let cut = write(&database, WRITE, vec![1]).await;
    assert!(matches!(cut, Err(TxError::CommitUnknown)), "{cut:?}");
    // Until the time is heard anew there is no single statement: the next ones would find dead connections as well.
    assert!(matches!(write(&database, WRITE, vec![1]).await, Ok(None)));
    hear(&database).await;
    assert!(matches!(write(&database, WRITE, vec![1]).await, Ok(Some(()))));
}
