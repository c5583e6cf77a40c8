//! Each service's database: up to date, by roles that may do no more than they must, with a clock like ours.

use anyhow::Context as _;
use causeway_runtime::{Clock, DatabaseUrls, RuntimeConfig};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, PgPool};

use super::{Finding, skew};
use crate::installation;

/// Looks at all of them.
pub(super) async fn look(config: &RuntimeConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in installation::with_database() {
        let about = format!("database of {service}");
        let pool = match installation::machine_pool(config, service).await {
            Ok(pool) => pool,
            Err(cause) => {
                findings
                    .push(Finding::bad(about, format!("{cause:#}; is the server up, and was 'causeway migrate' run?")));
                continue;
            }
        };
        findings.push(match state(&pool).await {
            Ok(text) => Finding::good(about, text),
            Err(cause) => Finding::bad(about, format!("{cause:#}; was 'causeway migrate' run?")),
        });
        findings.extend(parked(&pool, service).await);
        findings.extend(months(&pool, service).await);
        let about = format!("roles of {service}");
        findings.push(match roles(config, service).await {
            Ok(()) => Finding::good(about, "no more rights than they need"),
            Err(cause) => Finding::bad(about, format!("{cause:#}")),
        });
        if let Ok((asked, said, answered)) = clock(&pool).await {
            findings.push(skew(&format!("clock of {service}'s database"), asked, said, answered));
        }
    }
    findings
}

async fn state(pool: &PgPool) -> anyhow::Result<String> {
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?;
    let unpublished: i64 =
        sqlx::query_scalar("SELECT coalesce(sum(cardinality(waiting)), 0) FROM outbox_pending").fetch_one(pool).await?;
    Ok(format!("postgresql {version}, {unpublished} events wait to be published"))
}

async fn parked(pool: &PgPool, service: &str) -> Option<Finding> {
    let parked: i64 =
        sqlx::query_scalar("SELECT count(*) FROM parked WHERE state <> 'replayed'").fetch_one(pool).await.ok()?;
    let text = format!("{parked} wait for an operator; see 'causeway parked list'");
    (parked > 0).then(|| Finding::bad(format!("parked at {service}"), text))
}

async fn months(pool: &PgPool, service: &str) -> Option<Finding> {
    let missing: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM generate_series(0, 2) AS ahead WHERE to_regclass('outbox_' || \
            to_char(date_trunc('month', now()) + make_interval(months => ahead), 'YYYY_MM')) IS NULL",
    )
    .fetch_one(pool)
    .await
    .ok()?;
    let text = "the months of the outbox run out (nothing is lost: rows stand in outbox_rest); 'causeway migrate' makes those of the next year";
    (missing > 0).then(|| Finding::bad(format!("months of {service}"), text))
}

/// Row-level security binds neither a superuser nor who may pass it: one such login undoes it for all centers.
async fn roles(config: &RuntimeConfig, service: &str) -> anyhow::Result<()> {
    let DatabaseUrls { app, machine } = config.database(service).context("no logins are configured")?;
    for (login, url, may_pass) in [("app", app, false), ("machine", machine, true)] {
        let connected = PgConnection::connect(url.expose_secret()).await;
        let mut connection =
            connected.with_context(|| format!("connect as {login}; see its address in runtime.databases"))?;
        let (name, superuser, passes, makes): (String, bool, bool, bool) = sqlx::query_as(
            "SELECT rolname::text, rolsuper, rolbypassrls, rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user",
        )
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        let too_much =
            [(superuser, "SUPERUSER"), (passes && !may_pass, "BYPASSRLS"), (makes, "CREATEROLE or CREATEDB")];
        if let Some((_, right)) = too_much.into_iter().find(|(has, _)| *has) {
            anyhow::bail!(
                "the login {name} ({login}) has {right} and must not; as the owner: ALTER ROLE {name} NOSUPERUSER NOCREATEDB NOCREATEROLE{}",
                if may_pass { "" } else { " NOBYPASSRLS" }
            );
        }
    }
    Ok(())
}

async fn clock(pool: &PgPool) -> anyhow::Result<(Timestamp, Timestamp, Timestamp)> {
    let asked = Clock::system().now();
    let said: i64 =
        sqlx::query_scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetch_one(pool).await?;
    Ok((asked, Timestamp::from_microsecond(said)?, Clock::system().now()))
}
