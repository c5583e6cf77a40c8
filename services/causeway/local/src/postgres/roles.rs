//! The database and the two roles of one service.
//!
//! `<service>_app` is bound by row-level security and serves requests; `<service>_machine` passes it and serves relays,
//! timers and operators. Neither owns a table nor may make one. Written so that a second run repairs and changes
//! nothing else. Statements are built as text because identifiers cannot be parameters; the name is checked first.

use anyhow::{Context as _, Result, bail};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::PrivatePostgres;

/// How a service reaches its database.
#[derive(Clone, Debug)]
pub struct ServiceDatabase {
    /// `causeway_<service>`.
    pub name: String,
    /// For requests: bound by row-level security.
    pub app: SecretString,
    /// For the machinery: sees every center.
    pub machine: SecretString,
    /// For migrations: the owner.
    pub admin: SecretString,
}

pub(super) async fn create(server: &PrivatePostgres, service: &str) -> Result<ServiceDatabase> {
    let word = identifier(service)?;
    let (app, machine, name) = (format!("{word}_app"), format!("{word}_machine"), format!("causeway_{word}"));
    let mut connection = as_owner(server).await?;
    bring_role(&mut connection, &app, &server.password_of(&app)?, "NOBYPASSRLS").await?;
    bring_role(&mut connection, &machine, &server.password_of(&machine)?, "BYPASSRLS").await?;
    bring_database(&mut connection, &name, &[&app, &machine]).await?;
    connection.close().await.context("cannot close the owner's connection")?;
    reached(server, (&app, &machine), name)
}

pub(super) async fn copy(server: &PrivatePostgres, service: &str, copy: &str) -> Result<ServiceDatabase> {
    let (word, copy) = (identifier(service)?, identifier(copy)?);
    let (app, machine) = (format!("{word}_app"), format!("{word}_machine"));
    let (original, name) = (format!("causeway_{word}"), format!("causeway_{word}_{copy}"));
    let mut connection = as_owner(server).await?;
    let statement = format!("CREATE DATABASE {name} TEMPLATE {original}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.context("cannot copy it")?;
    // Who may connect is not copied.
    bring_database(&mut connection, &name, &[&app, &machine]).await?;
    connection.close().await.context("cannot close the owner's connection")?;
    reached(server, (&app, &machine), name)
}

pub(super) async fn drop_copy(server: &PrivatePostgres, name: &str) -> Result<()> {
    let mut connection = as_owner(server).await?;
    let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name)?);
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await.context("cannot close the owner's connection")
}

async fn as_owner(server: &PrivatePostgres) -> Result<PgConnection> {
    let url = server.admin_url("postgres");
    PgConnection::connect(url.expose_secret()).await.context("cannot connect as the owner")
}

fn reached(server: &PrivatePostgres, (app, machine): (&str, &str), name: String) -> Result<ServiceDatabase> {
    Ok(ServiceDatabase {
        app: server.url(app, &server.password_of(app)?, &name),
        machine: server.url(machine, &server.password_of(machine)?, &name),
        admin: server.admin_url(&name),
        name,
    })
}

fn identifier(service: &str) -> Result<String> {
    let starts_well = service.starts_with(|c: char| c.is_ascii_lowercase());
    let reads_well = service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    // The longest name built from it must fit into the 63 bytes of an identifier.
    if !starts_well || !reads_well || service.len() > 40 {
        bail!("{service:?} cannot name a database; use lower case letters, digits and dashes, 40 at most");
    }
    Ok(service.replace('-', "_"))
}

async fn bring_role(connection: &mut PgConnection, role: &str, password: &str, security: &str) -> Result<()> {
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
    let verb = if known { "ALTER" } else { "CREATE" };
    // The password is hexadecimal of our own making, so it cannot end the literal.
    let statement = format!(
        "{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION {security} PASSWORD '{password}'"
    );
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .with_context(|| format!("cannot make the role {role}"))?;
    Ok(())
}

async fn bring_database(connection: &mut PgConnection, name: &str, roles: &[&String]) -> Result<()> {
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut *connection)
        .await?;
    let mut statements = Vec::new();
    if !known {
        statements.push(format!("CREATE DATABASE {name}"));
    }
    statements.push(format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"));
    statements.extend(roles.iter().map(|role| format!("GRANT CONNECT ON DATABASE {name} TO {role}")));
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
            .with_context(|| format!("cannot make the database {name}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::identifier;

    #[test]
    fn a_service_name_becomes_an_identifier_and_nothing_else_does() {
        assert_eq!(identifier("intake-desk").expect("a service"), "intake_desk");
        for bad in ["", "9lives", "a b", "x; drop", "Ä", &"a".repeat(41)] {
            assert!(identifier(bad).is_err(), "{bad:?} was taken");
        }
    }
}
