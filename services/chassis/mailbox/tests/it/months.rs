//! The months of the outbox are made a year ahead, however late somebody migrates.

use causeway_mailbox::DatabaseSettings;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::rig;

#[tokio::test(flavor = "multi_thread")]
async fn migrating_makes_a_missing_month_and_takes_its_rows_out_of_the_rest() {
    let made = rig::database("months").await;
    let database = rig::open("owner", &made, &DatabaseSettings::default());
    let mut owner = PgConnection::connect(made.admin.expose_secret()).await.expect("the owner");
    let name = "SELECT 'outbox_' || to_char(date_trunc('month', now()) + interval '3 months', 'YYYY_MM')";
    let month: String = sqlx::query_scalar(name).fetch_one(&mut owner).await.expect("a name");
    owner.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TABLE {month}")))).await.expect("as if never made");
    let later = "INSERT INTO outbox (event_id, center_id, subject, kind, aggregate_id, version, occurred_at, payload, created_at) \
         SELECT gen_random_uuid(), 'lakeside', 's', 'k', gen_random_uuid(), 1, now(), '', \
            date_trunc('month', now()) + make_interval(months => 3, secs => n) FROM generate_series(1, 5000) AS n";
    sqlx::query(later).execute(database.machine()).await.expect("nothing is refused for want of a month");
    let admin: &str = made.admin.expose_secret();
    let name = made.name.trim_start_matches("causeway_");
    let roles = (format!("{name}_app"), format!("{name}_machine"));
    for _ in 0..2 {
        causeway_mailbox::migrate(admin, "owner", None, (&roles.0, &roles.1)).await.expect("migrated");
    }
    assert_eq!(rig::count(&database, "SELECT count(*) FROM outbox").await, 5000);
    let there = format!("SELECT count(*) FROM outbox WHERE tableoid = '{month}'::regclass");
    let there: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(there)).fetch_one(&mut owner).await.expect("counted");
    assert_eq!(there, 5000, "they stand in their month");
    let by_name = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("SELECT * FROM {month}")));
    assert!(database.app().execute(by_name).await.is_err(), "a month by its own name has no policies");
}
