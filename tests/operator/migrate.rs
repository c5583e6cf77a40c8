//! `causeway migrate`: what it makes, and that it makes nothing twice.

use causeway_tests::Installation;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// Every table, and every migration that was applied.
async fn everything(owner: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT 'table ' || tablename FROM pg_tables WHERE schemaname = 'public' \
         UNION ALL SELECT 'machine ' || version || ' ' || installed_on FROM _machine_migrations \
         UNION ALL SELECT 'own ' || version || ' ' || installed_on FROM _sqlx_migrations ORDER BY 1",
    )
    .fetch_all(owner)
    .await
    .expect("the catalogue")
}

pub async fn what_runs_out_is_named_made_anew_and_a_second_time_nothing_changes(installation: &Installation) {
    let mut owner = installation.owner("metrics").await;
    let before = everything(&mut owner).await;
    let next: String =
        sqlx::query_scalar("SELECT 'outbox_' || to_char(date_trunc('month', now()) + interval '1 month', 'YYYY_MM')")
            .fetch_one(&mut owner)
            .await
            .expect("a month");
    owner.execute(AssertSqlSafe(format!("DROP TABLE {next}"))).await.expect("the month is gone");
    let (code, told) = installation.command(&["doctor"]).await;
    let line = told.lines().find(|line| line.starts_with("LOOK")).unwrap_or_default();
    assert!(code == 1 && line.contains("months of metrics") && line.contains("; 'causeway migrate'"), "{told}");

    let url = installation.owner_url("{database}");
    let (code, told) = installation.command(&["migrate", "--owner-url", &url, "--only", "metrics"]).await;
    assert!(code == 0 && told.contains("causeway_metrics is up to date"), "{told}");
    assert_eq!(everything(&mut owner).await, before, "the month is back");
    assert_eq!(installation.command(&["doctor"]).await.0, 0);
    let (code, told) = installation.json(&["migrate", "--owner-url", &url]).await;
    assert_eq!((code, told.len()), (0, 6), "each service with a database: {told:?}");
    assert!(
        told.contains(&json!({ "service": "routing", "database": "causeway_routing", "migrated": true })),
        "{told:?}"
    );
    assert_eq!(everything(&mut owner).await, before, "a second time nothing changes");

    let (code, told) = installation.command(&["migrate", "--owner-url", &url, "--only", "billing"]).await;
    assert!(code == 1 && told.contains("no service is called 'billing'") && told.contains("intake-desk"), "{told}");
    let stranger = "postgres://stranger:secretword@127.0.0.1:1/{database}";
    let (code, told) = installation.command(&["migrate", "--owner-url", stranger, "--only", "metrics"]).await;
    assert!(code == 1 && told.contains("migrate the database of metrics") && !told.contains("secretword"), "{told}");
}
