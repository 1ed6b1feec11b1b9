//! A database beside the configured one, for one replay.

use mingjing_monitor::store::Store;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use url::Url;

use super::ReplayError;
use crate::auth::secret;

/// A database made for one replay. Nothing drops it but [`Scratch::drop_database`].
pub struct Scratch {
    /// Connected, migrated, empty.
    pub store: Store,
    /// Its name.
    pub name: String,
    /// Its address; holds the password.
    pub url: String,
    server: PgConnectOptions,
}

impl Scratch {
    /// Makes a database on the server of `url`.
    ///
    /// # Errors
    /// The server is away, or its user may not make databases.
    pub async fn create(url: &str) -> Result<Self, ReplayError> {
        let server: PgConnectOptions = url.parse().map_err(ReplayError::Scratch)?;
        let name = format!("mingjing_replay_{}_{}", std::process::id(), suffix());
        let mut admin = server.connect().await.map_err(ReplayError::Scratch)?;
        // What a crash of the server loses here is made again by replaying: no commit waits for the disk. The name is made of
        // letters, digits and `_` only.
        for statement in [
            format!("CREATE DATABASE \"{name}\""),
            format!("ALTER DATABASE \"{name}\" SET synchronous_commit = off"),
        ] {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut admin)
                .await
                .map_err(ReplayError::Scratch)?;
        }
        admin.close().await.ok();
        let url = with_database(url, &name).ok_or_else(|| {
            ReplayError::Scratch(sqlx::Error::Configuration("the address is no URL".into()))
        })?;
        match Store::connect_with(&url, 4).await {
            Ok(store) => Ok(Self {
                store,
                name,
                url,
                server,
            }),
            Err(error) => {
                drop_database(&server, &name).await.ok();
                Err(error.into())
            }
        }
    }

    /// Drops the database, whoever is connected to it.
    ///
    /// # Errors
    /// The server is away; the database stays.
    pub async fn drop_database(self) -> Result<(), ReplayError> {
        self.store.pool().close().await;
        drop_database(&self.server, &self.name)
            .await
            .map_err(ReplayError::Scratch)
    }
}

async fn drop_database(server: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    let mut admin = server.connect().await?;
    let statement = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut admin)
        .await?;
    admin.close().await
}

/// The address of another database of the same server.
fn with_database(url: &str, name: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.set_path(name);
    Some(url.into())
}

/// Tells databases of one process id apart.
fn suffix() -> String {
    let random = secret::random().to_ascii_lowercase();
    random
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(6)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        let other = with_database(
            "postgres://u:p%40ss@127.0.0.1:5600/mingjing?sslmode=disable",
            "scratch",
        );
        assert_eq!(
            other.unwrap(),
            "postgres://u:p%40ss@127.0.0.1:5600/scratch?sslmode=disable"
        );
    }
}
