//! A commit that the server does not survive: whether it was written is not known, whatever error says so.

use causeway_mailbox::{Database, DatabaseSettings, HandlerError, TxError};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::rig;

/// A table whose rows do something at the moment of the commit.
async fn with_deed(deed: &'static str) -> Database {
    let made = rig::database("commit").await;
    let mut owner = PgConnection::connect(made.admin.expose_secret()).await.expect("the owner");
    let deferred = format!(
        "CREATE TABLE probe (number bigint); GRANT ALL ON probe TO PUBLIC; \
         CREATE FUNCTION deed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {deed}; RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON probe DEFERRABLE INITIALLY DEFERRED \
            FOR EACH ROW EXECUTE FUNCTION deed()"
    );
    owner.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(deferred))).await.expect("a table");
    rig::open("owner", &made, &DatabaseSettings::default())
}

/// Commits a row, with or without an event.
async fn commit(database: &Database, with_event: bool) -> TxError {
    let done: Result<(), HandlerError> = database
        .with_tx(rig::CENTER, move |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO probe (number) VALUES (1)").execute(tx.conn()).await?;
                if with_event {
                    tx.emit(rig::draft(b"fact"));
                }
                Ok(())
            })
        })
        .await;
    match done {
        Err(HandlerError::Tx(cause)) => cause,
        other => panic!("it did not fail while committing: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_while_it_commits_leaves_it_unknown_whether_it_did() {
    let database = with_deed("PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10)").await;
    for with_event in [false, true] {
        let cause = commit(&database, with_event).await;
        assert!(matches!(cause, TxError::CommitUnknown), "event {with_event}: {cause:?}");
        assert!(cause.is_transient());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_refused_was_rolled_back() {
    let database = with_deed("RAISE EXCEPTION 'not this one'").await;
    for with_event in [false, true] {
        let cause = commit(&database, with_event).await;
        assert!(matches!(cause, TxError::Database(_)), "event {with_event}: {cause:?}");
    }
    assert_eq!(rig::count(&database, "SELECT count(*) FROM outbox").await, 0);
}
