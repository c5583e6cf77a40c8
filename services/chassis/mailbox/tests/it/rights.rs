//! What is written down stays written down, for every login of a service.

use causeway_mailbox::DatabaseSettings;
use sqlx::AssertSqlSafe;

use crate::rig;

#[tokio::test(flavor = "multi_thread")]
async fn no_login_of_a_service_changes_removes_or_empties_what_was_written_down() {
    let database = rig::open("owner", &rig::database("rights").await, &DatabaseSettings::default());
    rig::emit(&database, 3).await;
    let changes = ["audit_log SET purpose = ''", "outbox SET payload = ''", "outbox_rest SET payload = ''"];
    let tables = ["audit_log", "outbox", "outbox_rest", "audit_heads"];
    let updates = changes.iter().map(|change| format!("UPDATE {change}"));
    let others = tables.iter().flat_map(|table| [format!("DELETE FROM {table}"), format!("TRUNCATE {table}")]);
    let statements: Vec<String> = updates.chain(others).collect();
    for (login, pool) in [("app", database.app()), ("machine", database.machine())] {
        for statement in &statements {
            let refused = sqlx::query(AssertSqlSafe(statement.clone())).execute(pool).await;
            let cause = refused.expect_err(&format!("{login}: {statement}"));
            let code = cause.as_database_error().and_then(|cause| cause.code()).map(|code| code.into_owned());
            assert_eq!(code.as_deref(), Some("42501"), "{login}: {statement}: insufficient privilege");
        }
    }
    assert_eq!(rig::count(&database, "SELECT count(*) FROM outbox").await, 3);
}
