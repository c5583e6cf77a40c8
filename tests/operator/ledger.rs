//! `causeway ledger`: the sum, by center, and what it says when one inquiry is gone.

use causeway_tests::Installation;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::{CENTER, OTHER};

pub async fn it_balances_by_center_and_names_the_inquiry_that_is_nowhere(installation: &Installation) {
    let (code, told) = installation.json(&["ledger", "--settle", "60"]).await;
    assert_eq!((code, told.len()), (0, 1), "{told:?}");
    let ledger = &told[0];
    assert_eq!(ledger["balanced"], true);
    let count = |center: &str, what: &str| ledger["centers"][center][what].as_u64().unwrap_or(0);
    assert!(count(CENTER, "accepted") > 0 && count(CENTER, "open") > 0, "{ledger}");
    let total = count(CENTER, "accepted") + count(OTHER, "accepted");
    assert_eq!(ledger["total"]["accepted"].as_u64(), Some(total));
    let (code, text) = installation.command(&["ledger"]).await;
    assert_eq!(code, 0, "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("balanced: accepted {total} = open ")), "{text}");

    let mut owner = installation.owner("intake-desk").await;
    // Not those that the database computes itself.
    let columns: String = sqlx::query_scalar(
        "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name = 'inquiries' AND is_generated = 'NEVER'",
    )
    .fetch_one(&mut owner)
    .await
    .expect("the columns");
    let gone = format!(
        "CREATE TABLE kept AS SELECT {columns} FROM inquiries ORDER BY inquiry_id LIMIT 1; \
         DELETE FROM inquiries USING kept WHERE inquiries.inquiry_id = kept.inquiry_id"
    );
    owner.execute(sqlx::raw_sql(AssertSqlSafe(gone))).await.expect("an inquiry is gone from the desk");
    let id: uuid::Uuid = sqlx::query_scalar("SELECT inquiry_id FROM kept").fetch_one(&mut owner).await.expect("its id");
    let (code, text) = installation.command(&["ledger", "--grace", "0"]).await;
    assert!(
        code == 1 && text.contains("NOT balanced") && text.contains(&format!("lost, the first ones: {id}")),
        "{text}"
    );
    let (code, told) = installation.json(&["ledger", "--grace", "0"]).await;
    assert_eq!(
        (code, &told[0]["balanced"], told[0]["total"]["lost"].as_u64()),
        (1, &false.into(), Some(1)),
        "{told:?}"
    );
    let back = format!("INSERT INTO inquiries ({columns}) SELECT {columns} FROM kept; DROP TABLE kept");
    owner.execute(sqlx::raw_sql(AssertSqlSafe(back))).await.expect("it is back");
    assert_eq!(installation.command(&["ledger", "--settle", "10"]).await.0, 0);
}
