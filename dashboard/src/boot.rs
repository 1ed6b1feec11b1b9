//! Coming up: the database, the county, the first account; and staying true to what others change in the database.

use std::time::Duration;

use chrono::Utc;
use mingjing_monitor::store::{Store, StoreError, accounts, county, metrics, roles, sources, ways};
use sqlx::PgPool;
use sqlx::postgres::PgListener;

use crate::app::App;
use crate::auth::{password, secret};
use crate::publish;
use crate::store::{self, CHANNEL, Notice};

/// Between two attempts to reach the database.
pub const RETRY: Duration = Duration::from_secs(1);

/// A metric that the console writes every minute: when it was last there.
pub const ALIVE: &str = "cameras.live";

/// The account that a first start makes.
#[derive(Debug, Clone)]
pub struct FirstAccount {
    /// Login.
    pub login: &'static str,
    /// Its password, shown once.
    pub password: String,
}

/// Waits for the database, migrates it, founds the county and makes the first account where there is none. `None`: the
/// console was stopped while it waited.
///
/// # Errors
/// When the database refuses; that it is away is waited out.
pub async fn prepare(app: &App) -> Result<Option<(Store, Option<FirstAccount>)>, StoreError> {
    let mut said = false;
    loop {
        match attempt(app).await {
            Ok(done) => return Ok(Some(done)),
            Err(error) if error.is_passing() => {
                if !said {
                    tracing::warn!(%error, "waiting for the database");
                }
                said = true;
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = app.stopping().cancelled() => return Ok(None),
        }
    }
}

async fn attempt(app: &App) -> Result<(Store, Option<FirstAccount>), StoreError> {
    let url = app
        .config()
        .database_url()
        .map_err(|error| StoreError::Import(error.to_string()))?;
    // The writer's own connections: busy pages cannot hold up events.
    let store = Store::connect_with(&url, 4).await?;
    let powers = roles::powers(&mut *store.pool().acquire().await?).await?;
    if let Some(why) = powers.over_audit() {
        tracing::warn!(
            role = powers.role,
            "the console's database role could alter the audit log: it {why}. Give the console a role of its own \
             (docs/operations.md, The two database roles)"
        );
    }
    store::found_county(app.db(), &app.config().county).await?;
    let first = first_account(app.db()).await?;
    app.reload_directory().await?;
    miss_edges(app).await?;
    // Last: the ingests that wait for them are welcomed then, and no longer missed.
    app.reload_tokens().await?;
    Ok((store, first))
}

/// Remembers which sources come by which ingests. Every ingest that was there before is missed, since the console last wrote its
/// counters, until it is back: what it receives meanwhile comes late through no fault of its senders.
async fn miss_edges(app: &App) -> Result<(), StoreError> {
    let mut connection = app.db().acquire().await?;
    let now = Utc::now();
    let alive = metrics::last(&mut connection, ALIVE).await?;
    let since = alive.map_or(now, |alive| alive.min(now));
    for edge in sources::edges(&mut connection).await? {
        sources::outage_begins(&mut connection, "edge", &edge, since).await?;
    }
    for way in ways::ways(&mut connection).await? {
        app.edges().delivers(&way.edge, &way.source);
    }
    Ok(())
}

async fn first_account(db: &PgPool) -> Result<Option<FirstAccount>, StoreError> {
    if !accounts::list(db).await?.is_empty() {
        return Ok(None);
    }
    let Some(county) = county::county(db).await? else {
        return Ok(None);
    };
    let first = FirstAccount {
        login: "admin",
        password: secret::one_time_password(),
    };
    let account = accounts::NewAccount {
        login: first.login,
        name: "系统管理员",
        role: "sysadmin",
        hall: &county.code,
        unit: None,
        window: None,
        password_hash: &password::hash(&first.password),
        must_change: true,
    };
    let mut connection = db.acquire().await?;
    accounts::create(&mut connection, &account, Utc::now()).await?;
    Ok(Some(first))
}

/// Listens for what other processes change (`mingjing import`, `user`, `token`) until the console stops.
pub async fn follow_changes(app: App, changed: impl Fn(Notice) + Send) {
    while !app.stopping().is_cancelled() {
        tokio::select! {
            ended = listen(&app, &changed) => if let Err(error) = ended {
                tracing::debug!(%error, "not listening to the database's notices now");
            },
            () = app.stopping().cancelled() => return,
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen(app: &App, changed: &impl Fn(Notice)) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(app.db()).await?;
    listener.listen(CHANNEL).await?;
    // Notices sent while nobody listened are lost: look at everything once.
    app.reload_directory().await?;
    app.reload_tokens().await?;
    app.access_changed();
    changed(Notice::Organisation);
    while let Some(notice) = listener.try_recv().await? {
        match Notice::parse(notice.payload()) {
            Some(notice) => {
                match notice {
                    Notice::Organisation => {
                        app.reload_directory().await?;
                        publish::county_changed(app);
                    }
                    Notice::Access => {
                        app.access_changed();
                        // Who is in charge of a hall or unit stands in it.
                        app.reload_directory().await?;
                    }
                    Notice::Tokens => {
                        app.access_changed();
                        app.reload_tokens().await?;
                    }
                }
                changed(notice);
            }
            None => tracing::debug!(
                payload = notice.payload(),
                "a notice that this version does not know"
            ),
        }
    }
    Ok(())
}
