//! What passes from a tenant to another: one transaction, each part under its own center.

use causeway_mailbox::{DatabaseSettings, Draft, HandlerError, TxError};

use crate::rig;

/// Where the other part of the work belongs.
const OTHER: &str = "south";

fn told(center: &str) -> Draft {
    Draft { subject: format!("test.{center}.fact.stated"), ..rig::draft(center.as_bytes()) }
}

/// Emits for both centers, and fails at the end if it is to.
async fn pass_on(database: &causeway_mailbox::Database, fails: bool) -> Result<(), HandlerError> {
    database
        .with_tx(rig::CENTER, move |tx| {
            Box::pin(async move {
                tx.emit(told(rig::CENTER));
                let seen = tx
                    .in_center(OTHER, |tx| {
                        Box::pin(async move {
                            tx.emit(told(OTHER));
                            // The rows of the one center are not shown to the other's part.
                            let seen: i64 =
                                sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(tx.conn()).await?;
                            assert_eq!(tx.center(), OTHER);
                            Ok::<_, HandlerError>(seen)
                        })
                    })
                    .await?;
                assert_eq!((seen, tx.center()), (0, rig::CENTER));
                tx.emit(told(rig::CENTER));
                if fails { Err(HandlerError::Failed("on purpose".into())) } else { Ok(()) }
            })
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_writes_for_two_centers_as_a_whole_and_each_part_sees_its_own_rows_alone() {
    let database = rig::open("owner", &rig::database("two_centers").await, &DatabaseSettings::default());
    pass_on(&database, true).await.expect_err("it failed on purpose");
    let of = "SELECT count(*) FROM outbox WHERE center_id = 'south' AND subject = 'test.south.fact.stated'";
    assert_eq!(rig::count(&database, "SELECT count(*) FROM outbox").await, 0, "neither part stays");
    pass_on(&database, false).await.expect("both parts");
    assert_eq!((rig::count(&database, of).await, rig::count(&database, "SELECT count(*) FROM outbox").await), (1, 3));
    assert_eq!(
        rig::count(&database, "SELECT count(*) FROM outbox_pending").await,
        2,
        "both batches wait for the relay"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_no_centers_is_refused() {
    let database = rig::open("owner", &rig::database("two_centers_bad").await, &DatabaseSettings::default());
    let done: Result<(), HandlerError> = database
        .with_tx(rig::CENTER, |tx| {
            Box::pin(async move { tx.in_center("No Center", |_| Box::pin(async { Ok::<_, HandlerError>(()) })).await })
        })
        .await;
    assert!(matches!(done, Err(HandlerError::Tx(TxError::BadCenter))), "{done:?}");
}
