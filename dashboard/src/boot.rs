//! Coming up: the database, the county, the first account; and staying true to what others change in the database.

use std::time::Duration;

use chrono::Utc;
use sqlx::PgPool;
use sqlx::postgres::PgListener;

use crate::app::App;
use crate::auth::{password, secret};
use crate::problem::is_away;
use crate::store::{accounts, org};

/// Between two attempts to reach the database.
const RETRY: Duration = Duration::from_secs(1);

/// The account that a first start makes.
#[derive(Debug, Clone)]
pub struct FirstAccount {
    /// Login.
    pub login: &'static str,
    /// Its password, shown once.
    pub password: String,
}

/// Why the console cannot come up, as opposed to having to wait.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The migrations do not fit the database.
    #[error("the database cannot be brought to this version: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database refuses.
    #[error("the database refuses: {0}")]
    Database(#[from] sqlx::Error),
}

/// Waits for the database, migrates it, founds the county and makes the first account where there is none.
///
/// # Errors
/// When the database refuses; that it is away is waited out.
pub async fn prepare(app: &App) -> Result<Option<FirstAccount>, BootError> {
    loop {
        match attempt(app).await {
            Err(BootError::Database(error)) if is_away(&error) => {
                tracing::warn!(%error, "waiting for the database")
            }
            Err(BootError::Migrate(sqlx::migrate::MigrateError::Execute(error)))
                if is_away(&error) =>
            {
                tracing::warn!(%error, "waiting for the database");
            }
            done => return done,
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = app.stopping().cancelled() => return Ok(None),
        }
    }
}

async fn attempt(app: &App) -> Result<Option<FirstAccount>, BootError> {
    migrate(app.db()).await?;
    org::found_county(app.db(), &app.config().county).await?;
    let first = first_account(app.db()).await?;
    app.reload_directory().await?;
    Ok(first)
}

/// Brings the schema to this version.
///
/// # Errors
/// When the database is away or holds another schema.
pub async fn migrate(db: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../monitor/migrations");
    MIGRATOR.run(db).await
}

async fn first_account(db: &PgPool) -> sqlx::Result<Option<FirstAccount>> {
    if accounts::count(db).await? > 0 {
        return Ok(None);
    }
    let Some(county) = org::county(db).await? else {
        return Ok(None);
    };
    let first = FirstAccount {
        login: "sysadmin",
        password: secret::one_time_password(),
    };
    let account = accounts::NewAccount {
        login: first.login,
        name: "系统管理员",
        role: "sysadmin",
        hall: &county.code,
        unit: None,
        win: None,
        password_hash: &password::hash(&first.password),
    };
    accounts::add(db, &account, Utc::now()).await?;
    Ok(Some(first))
}

/// Listens for what other processes change (`mingjing import`, `user`, `token`) until the console stops.
pub async fn follow_changes(
    app: App,
    tokens_changed: impl Fn() + Send,
    organisation_changed: impl Fn() + Send,
) {
    while !app.stopping().is_cancelled() {
        let listened = listen(&app, &tokens_changed, &organisation_changed);
        tokio::select! {
            ended = listened => if let Err(error) = ended {
                tracing::debug!(%error, "not listening to the database's notices now");
            },
            () = app.stopping().cancelled() => return,
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen(
    app: &App,
    tokens_changed: &impl Fn(),
    organisation_changed: &impl Fn(),
) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(app.db()).await?;
    listener.listen("mingjing").await?;
    // Notices sent while nobody listened are lost: look at everything once.
    app.reload_directory().await?;
    app.access_changed();
    tokens_changed();
    organisation_changed();
    while let Some(notice) = listener.try_recv().await? {
        match notice.payload() {
            "access" => app.access_changed(),
            "tokens" => {
                app.access_changed();
                tokens_changed();
            }
            "organisation" => {
                app.reload_directory().await?;
                organisation_changed();
            }
            other => tracing::debug!(notice = other, "a notice that this version does not know"),
        }
    }
    Ok(())
}
