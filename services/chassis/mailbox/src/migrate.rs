//! Brings a service's database up to date: the machine's tables, then the service's, the months of the outbox for a year to come,
//! then the rights of its two roles.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Executor as _};

/// Why a database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration failed or differs from the one that was applied.
    #[error("migrate the database of {service}: {cause}")]
    Migration {
        /// The service.
        service: String,
        /// What went wrong.
        cause: sqlx::migrate::MigrateError,
    },
    /// The database could not be reached or refused.
    #[error("migrate the database of {service}: {cause}")]
    Database {
        /// The service.
        service: String,
        /// What went wrong.
        cause: sqlx::Error,
    },
}

static MACHINE: Migrator = sqlx::migrate!("./migrations");

/// Migrates with the owner's connection. `app` and `machine` are the names of the two roles that get rights on the tables.
pub async fn migrate(
    admin_url: &str,
    service: &str,
    own: Option<&'static Migrator>,
    (app, machine): (&str, &str),
) -> Result<(), MigrateError> {
    let database = |cause| MigrateError::Database { service: service.to_owned(), cause };
    let migration = |cause| MigrateError::Migration { service: service.to_owned(), cause };
    let pool = PgPoolOptions::new().max_connections(1).connect(admin_url).await.map_err(database)?;
    let mut first = Migrator::with_migrations(MACHINE.iter().cloned().collect());
    first.dangerous_set_table_name("_machine_migrations");
    first.run(&pool).await.map_err(migration)?;
    if let Some(own) = own {
        own.run(&pool).await.map_err(migration)?;
    }
    // No role of a service may make a table; before the rights, which keep everybody out of a month by its own name.
    pool.execute("SELECT outbox_months()").await.map_err(database)?;
    for statement in grants(app, machine) {
        pool.execute(AssertSqlSafe(statement)).await.map_err(database)?;
    }
    pool.close().await;
    Ok(())
}

fn grants(app: &str, machine: &str) -> Vec<String> {
    let quoted = format!("\"{}\", \"{}\"", app.replace('"', ""), machine.replace('"', ""));
    vec![
        format!("GRANT USAGE ON SCHEMA public TO {quoted}"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}"),
        format!("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {quoted}"),
        // What is written down stays written down, for every role of a service.
        format!("REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM {quoted}"),
        format!("REVOKE UPDATE, DELETE, TRUNCATE ON outbox FROM {quoted}"),
        format!("REVOKE DELETE, TRUNCATE ON audit_heads FROM {quoted}"),
        format!("REVOKE INSERT, UPDATE, DELETE ON _machine_migrations FROM {quoted}"),
        // A service without tables of its own has no such table.
        format!(
            "DO $$ BEGIN IF to_regclass('_sqlx_migrations') IS NOT NULL THEN \
                REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM {quoted}; END IF; END $$"
        ),
        // The policies of a partitioned table hold for whoever comes through it. A partition by its own name has none, so
        // nobody may use that name: rights on the whole are enough for all that stands in it.
        format!(
            "DO $$ DECLARE part regclass; BEGIN \
                FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'outbox'::regclass LOOP \
                    EXECUTE format('REVOKE ALL ON %s FROM {quoted}', part); END LOOP; END $$"
        ),
    ]
}
