//! The fault of sqlx that a cancelled transaction leaves behind, with and without our guard, and what a center may see.

use std::time::Duration;

use causeway_mailbox::{Database, DatabaseSettings, HandlerError, Tx, TxError};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::rig;

/// A table that every role may write, without policies: the fault is about connections, not about rights.
async fn with_probe_table(connections: u32, heal: bool) -> Database {
    let made = rig::database("cancel").await;
    let mut owner = PgConnection::connect(made.admin.expose_secret()).await.expect("the owner");
    owner.execute("CREATE TABLE probe (number bigint); GRANT ALL ON probe TO PUBLIC").await.expect("a table");
    let settings = DatabaseSettings { connections, heal_returned_connections: heal, ..DatabaseSettings::default() };
    rig::open("owner", &made, &settings)
}

/// Cancels `begin` at many moments on the only connection and writes through it after each, as the next request would.
/// Gives how many writes reported success and how many rows are there once the connection is gone.
async fn writes_after_cancelled_begins(heal: bool) -> (i64, i64) {
    let database = with_probe_table(1, heal).await;
    let mut reported = 0;
    for round in 0..60_u64 {
        let moment = Duration::from_micros(20 + (round % 30) * 15);
        let begin = async {
            let begun = database.app().begin().await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            begun
        };
        // A transaction that was begun whole is rolled back by sqlx itself; the fault needs the cut inside `begin`, which
        // polling it a few times and dropping it gives on any machine.
        let _ = tokio::time::timeout(moment, begin).await;
        cut_inside_begin(&database, (round % 6) as usize).await;
        let written = sqlx::query("INSERT INTO probe (number) VALUES ($1)").bind(round as i64);
        if written.execute(database.app()).await.is_ok() {
            reported += 1;
        }
    }
    database.app().close().await;
    (reported, rig::count(&database, "SELECT count(*) FROM probe").await)
}

/// Polls `begin` so many times, lets the server answer in between, and drops it.
async fn cut_inside_begin(database: &Database, polls: usize) {
    let mut begin = Box::pin(database.app().begin());
    for _ in 0..polls {
        if futures::poll!(begin.as_mut()).is_ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_guard_a_cancelled_begin_makes_later_writes_vanish_and_with_it_none_does() {
    let (reported, present) = writes_after_cancelled_begins(false).await;
    assert!(present < reported, "the fault did not show: {present} of {reported} are there; is it fixed upstream?");
    let (reported, present) = writes_after_cancelled_begins(true).await;
    assert_eq!((reported, present), (60, 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_caller_does_not_cancel_its_transaction() {
    let database = with_probe_table(2, true).await;
    for round in 0..40_u64 {
        let work = database.with_tx::<(), HandlerError, _>(rig::CENTER, move |tx: &mut Tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO probe (number) VALUES ($1)").bind(round as i64).execute(tx.conn()).await?;
                tokio::time::sleep(Duration::from_millis(3)).await;
                Ok(())
            })
        });
        let _ = tokio::time::timeout(Duration::from_micros(round * 100), work).await;
    }
    // Each call that got as far as being spawned commits, whatever became of its caller.
    rig::eventually("all spawned transactions commit", 20, async || {
        let present = rig::count(&database, "SELECT count(*) FROM probe").await;
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        present >= 39 && rig::count(&database, open).await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_inside_a_transaction_is_an_error_and_leaves_nothing_behind() {
    let database = with_probe_table(1, true).await;
    let outcome: Result<(), TxError> = database
        .with_tx(rig::CENTER, |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO probe (number) VALUES (1)").execute(tx.conn()).await?;
                panic!("told to panic")
            })
        })
        .await;
    assert!(matches!(outcome, Err(TxError::Panicked)));
    let written: Result<(), TxError> = database
        .with_tx(rig::CENTER, |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO probe (number) VALUES (2)").execute(tx.conn()).await?;
                Ok(())
            })
        })
        .await;
    written.expect("the connection is usable");
    assert_eq!(rig::count(&database, "SELECT sum(number)::bigint FROM probe").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_center_sees_and_writes_its_own_rows_only() {
    let made = rig::database("rows").await;
    let database = rig::open("owner", &made, &DatabaseSettings::default());
    rig::emit(&database, 3).await;
    let visible = |center: &'static str| {
        let database = database.clone();
        async move {
            let counted: Result<i64, HandlerError> = database
                .read(center, |tx| {
                    Box::pin(async move {
                        Ok(sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(tx.conn()).await?)
                    })
                })
                .await;
            counted.expect("counted")
        }
    };
    assert_eq!(visible(rig::CENTER).await, 3);
    assert_eq!(visible("harbor-valley").await, 0);
    let foreign: Result<(), HandlerError> = database
        .with_tx("harbor-valley", |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO inbox (id, center_id) VALUES (gen_random_uuid(), 'lakeside')")
                    .execute(tx.conn())
                    .await?;
                Ok(())
            })
        })
        .await;
    assert!(foreign.expect_err("refused").to_string().contains("row-level security"));
    let none: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(database.app()).await.expect("counted");
    assert_eq!(none, 0, "without a center nothing is visible");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_center_that_is_no_slug_never_reaches_the_database() {
    let made = rig::database("slug").await;
    let database = rig::open("owner", &made, &DatabaseSettings::default());
    for wrong in ["", "a'; DROP TABLE outbox; --", "Lakeside", "a b"] {
        let refused: Result<(), TxError> = database.with_tx(wrong, |_| Box::pin(async { Ok(()) })).await;
        assert!(matches!(refused, Err(TxError::BadCenter)), "{wrong}");
    }
}
