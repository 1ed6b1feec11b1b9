//! Channels, who subscribes to what over them, the texts to applicants, and the delivery log as pages read it.

use chrono::{DateTime, NaiveTime, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgPool};

/// A channel as it is stored; its secrets sealed.
#[derive(Debug, Clone, FromRow)]
pub struct ChannelRow {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// A word of `channel::Kind`.
    pub kind: String,
    /// Code of its hall.
    pub hall: String,
    /// What is not secret.
    pub settings: Json<Value>,
    /// The sealed secrets.
    pub secrets: Option<String>,
    /// Their names.
    pub secret_names: Vec<String>,
    /// Whether it is on.
    pub enabled: bool,
    /// Messages a minute at most.
    pub per_minute: i32,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Counts the changes.
    pub revision: i32,
    /// Attempts that failed in a row.
    pub failures: i32,
    /// When the next may be made.
    pub retry_at: Option<DateTime<Utc>>,
    /// When a message last went out.
    pub last_sent: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// A channel to be stored.
#[derive(Debug, Clone)]
pub struct ChannelWrite<'a> {
    /// Its name.
    pub name: &'a str,
    /// A word of `channel::Kind`.
    pub kind: &'a str,
    /// Code of its hall.
    pub hall: &'a str,
    /// What is not secret.
    pub settings: &'a Value,
    /// The names of its secrets.
    pub secret_names: &'a [String],
    /// Whether it is on.
    pub enabled: bool,
    /// Messages a minute at most.
    pub per_minute: i32,
}

fn taken(error: sqlx::Error, name: &str) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => {
            StoreError::Import(format!("there is a channel {name:?} already"))
        }
        _ => error.into(),
    }
}

/// The channels below a hall, by name.
pub async fn of_halls(pool: &PgPool, scope: &str) -> Result<Vec<ChannelRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.* FROM channel c JOIN hall h ON h.code = c.hall WHERE h.path @> ARRAY[$1] ORDER BY c.name",
    );
    Ok(rows.bind(scope).fetch_all(pool).await?)
}

/// All of them, by name.
pub async fn all(pool: &PgPool) -> Result<Vec<ChannelRow>, StoreError> {
    let rows = sqlx::query_as("SELECT * FROM channel ORDER BY name");
    Ok(rows.fetch_all(pool).await?)
}

/// One of them.
pub async fn one(
    connection: &mut PgConnection,
    scope: &str,
    id: i64,
) -> Result<Option<ChannelRow>, StoreError> {
    let row = sqlx::query_as(
        "SELECT c.* FROM channel c JOIN hall h ON h.code = c.hall WHERE h.path @> ARRAY[$1] AND c.id = $2",
    );
    Ok(row.bind(scope).bind(id).fetch_optional(connection).await?)
}

/// One, whoever asks: for the sender.
pub async fn find(pool: &PgPool, id: i64) -> Result<Option<ChannelRow>, StoreError> {
    let row = sqlx::query_as("SELECT * FROM channel WHERE id = $1");
    Ok(row.bind(id).fetch_optional(pool).await?)
}

/// Stores a new one; its number. Its secrets follow: they are sealed for it.
pub async fn create(
    connection: &mut PgConnection,
    channel: &ChannelWrite<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO channel (name, kind, hall, settings, secret_names, enabled, per_minute, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
    );
    id.bind(channel.name)
        .bind(channel.kind)
        .bind(channel.hall)
        .bind(Json(channel.settings))
        .bind(channel.secret_names)
        .bind(channel.enabled)
        .bind(channel.per_minute)
        .bind(now)
        .fetch_one(connection)
        .await
        .map_err(|error| taken(error, channel.name))
}

/// Changes one that has this revision; what failed before is forgotten. False: somebody was faster.
pub async fn change(
    connection: &mut PgConnection,
    id: i64,
    revision: i32,
    channel: &ChannelWrite<'_>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE channel SET name = $3, settings = $4, secret_names = $5, enabled = $6, per_minute = $7,
             revision = revision + 1, failures = 0, retry_at = NULL, last_error = NULL
         WHERE id = $1 AND revision = $2",
    );
    let done = changed
        .bind(id)
        .bind(revision)
        .bind(channel.name)
        .bind(Json(channel.settings))
        .bind(channel.secret_names)
        .bind(channel.enabled)
        .bind(channel.per_minute)
        .execute(connection)
        .await
        .map_err(|error| taken(error, channel.name))?;
    Ok(done.rows_affected() == 1)
}

/// Stores the sealed secrets of a channel.
pub async fn set_secrets(
    connection: &mut PgConnection,
    id: i64,
    sealed: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE channel SET secrets = $2 WHERE id = $1")
        .bind(id)
        .bind(sealed)
        .execute(connection)
        .await?;
    Ok(())
}

/// Every sealed envelope, for a new key.
pub async fn sealed(connection: &mut PgConnection) -> Result<Vec<(i64, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, secrets FROM channel WHERE secrets IS NOT NULL ORDER BY id FOR UPDATE",
    );
    Ok(rows.fetch_all(connection).await?)
}

/// A message got through.
pub async fn works(pool: &PgPool, id: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE channel SET failures = 0, retry_at = NULL, last_error = NULL, last_sent = $2 WHERE id = $1",
    )
    .bind(id)
    .bind(now)
    .execute(pool)
    .await?;
    Ok(())
}

/// The channel itself fails: nothing more is tried over it before `retry_at`.
pub async fn fails(
    pool: &PgPool,
    id: i64,
    retry_at: DateTime<Utc>,
    why: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE channel SET failures = failures + 1, retry_at = $2, last_error = $3 WHERE id = $1",
    )
    .bind(id)
    .bind(retry_at)
    .bind(why)
    .execute(pool)
    .await?;
    Ok(())
}

/// Who wants what.
#[derive(Debug, Clone, FromRow)]
pub struct SubscriptionRow {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub account: i64,
    /// The channel.
    pub channel: i64,
    /// Its name.
    pub channel_name: String,
    /// What it speaks.
    pub kind: String,
    /// Whether it is on.
    pub channel_enabled: bool,
    /// Where to, where the channel is not the receiver.
    pub address: Option<String>,
    /// The same, masked.
    pub shown: String,
    /// Grades.
    pub grades: Vec<String>,
    /// Rules; empty: every one.
    pub rules: Vec<String>,
    /// Code of the hall at the top of what is wanted.
    pub hall: String,
    /// `zh` or `en`.
    pub language: String,
    /// Quiet hours.
    pub quiet_from: Option<NaiveTime>,
    /// Until.
    pub quiet_until: Option<NaiveTime>,
    /// Red cards come through.
    pub red_breaks_quiet: bool,
}

/// A subscription to be stored.
#[derive(Debug, Clone)]
pub struct SubscriptionWrite<'a> {
    /// The channel.
    pub channel: i64,
    /// Where to.
    pub address: Option<&'a str>,
    /// The same, masked.
    pub shown: &'a str,
    /// Grades.
    pub grades: &'a [String],
    /// Rules; empty: every one.
    pub rules: &'a [String],
    /// Code of the hall at the top of what is wanted.
    pub hall: &'a str,
    /// `zh` or `en`.
    pub language: &'a str,
    /// Quiet hours.
    pub quiet: Option<(NaiveTime, NaiveTime)>,
    /// Red cards come through.
    pub red_breaks_quiet: bool,
}

/// The subscriptions of an account.
pub async fn subscriptions(
    connection: &mut PgConnection,
    account: i64,
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT s.*, c.name AS channel_name, c.kind, c.enabled AS channel_enabled
         FROM subscription s JOIN channel c ON c.id = s.channel WHERE s.account = $1 ORDER BY s.id",
    );
    Ok(rows.bind(account).fetch_all(connection).await?)
}

/// Stores a new one; its number.
pub async fn subscribe(
    connection: &mut PgConnection,
    account: i64,
    new: &SubscriptionWrite<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO subscription (account, channel, address, shown, grades, rules, hall, language, quiet_from, quiet_until,
             red_breaks_quiet, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
    );
    Ok(id
        .bind(account)
        .bind(new.channel)
        .bind(new.address)
        .bind(new.shown)
        .bind(new.grades)
        .bind(new.rules)
        .bind(new.hall)
        .bind(new.language)
        .bind(new.quiet.map(|(from, _)| from))
        .bind(new.quiet.map(|(_, until)| until))
        .bind(new.red_breaks_quiet)
        .bind(now)
        .fetch_one(connection)
        .await?)
}

/// Changes one of an account. False: it has none of this number.
pub async fn change_subscription(
    connection: &mut PgConnection,
    account: i64,
    id: i64,
    new: &SubscriptionWrite<'_>,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE subscription SET channel = $3, address = $4, shown = $5, grades = $6, rules = $7, hall = $8, language = $9,
             quiet_from = $10, quiet_until = $11, red_breaks_quiet = $12
         WHERE id = $1 AND account = $2",
    );
    let done = changed
        .bind(id)
        .bind(account)
        .bind(new.channel)
        .bind(new.address)
        .bind(new.shown)
        .bind(new.grades)
        .bind(new.rules)
        .bind(new.hall)
        .bind(new.language)
        .bind(new.quiet.map(|(from, _)| from))
        .bind(new.quiet.map(|(_, until)| until))
        .bind(new.red_breaks_quiet)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes one of an account away. False: it has none of this number.
pub async fn unsubscribe(
    connection: &mut PgConnection,
    account: i64,
    id: i64,
) -> Result<bool, StoreError> {
    let gone = sqlx::query("DELETE FROM subscription WHERE id = $1 AND account = $2");
    Ok(gone
        .bind(id)
        .bind(account)
        .execute(connection)
        .await?
        .rows_affected()
        == 1)
}

/// The channels that somebody over `hall` may subscribe to: by telephone or mail those of their halls and of the halls above;
/// groups and programs only where they stand over the channel's hall, since others read there too.
pub async fn offered(pool: &PgPool, hall: &str) -> Result<Vec<ChannelRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.* FROM channel c JOIN hall ch ON ch.code = c.hall JOIN hall own ON own.code = $1
         WHERE c.enabled AND (own.code = ANY (ch.path) OR (c.kind IN ('sms', 'mail') AND c.hall = ANY (own.path)))
         ORDER BY c.name",
    );
    Ok(rows.bind(hall).fetch_all(pool).await?)
}

/// The texts to applicants, as the county set them up.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct ApplicantTexts {
    /// Whether they are sent.
    pub enabled: bool,
    /// The channel, one for text messages.
    pub channel: Option<i64>,
    /// Of `accepted`, `step`, `completed`.
    pub moments: Vec<String>,
    /// Codes of the steps of which is told.
    pub steps: Vec<String>,
    /// Where to query.
    pub query_at: String,
    /// Where to complain.
    pub complain_at: String,
    /// `zh` or `en`.
    pub language: String,
}

/// The texts to applicants; `None`: they were never set up.
pub async fn applicant_texts(pool: &PgPool) -> Result<Option<ApplicantTexts>, StoreError> {
    let row = sqlx::query_as(
        "SELECT enabled, channel, moments, steps, query_at, complain_at, language FROM applicant_text",
    );
    Ok(row.fetch_optional(pool).await?)
}

/// Sets them up.
pub async fn set_applicant_texts(
    connection: &mut PgConnection,
    texts: &ApplicantTexts,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO applicant_text (enabled, channel, moments, steps, query_at, complain_at, language)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (only_one) DO UPDATE SET enabled = $1, channel = $2, moments = $3, steps = $4, query_at = $5,
             complain_at = $6, language = $7",
    )
    .bind(texts.enabled)
    .bind(texts.channel)
    .bind(&texts.moments)
    .bind(&texts.steps)
    .bind(&texts.query_at)
    .bind(&texts.complain_at)
    .bind(&texts.language)
    .execute(connection)
    .await?;
    Ok(())
}

/// A line of the delivery log.
#[derive(Debug, Clone, FromRow)]
pub struct LogRow {
    /// Its number.
    pub id: i64,
    /// When it was queued.
    pub queued_at: DateTime<Utc>,
    /// The channel.
    pub channel: i64,
    /// Its name.
    pub channel_name: String,
    /// What it speaks.
    pub kind: String,
    /// Who receives, masked.
    pub recipient: String,
    /// The name of who subscribes.
    pub person: Option<String>,
    /// What it is about.
    pub about: String,
    /// Its number there.
    pub subject: String,
    /// What happened.
    pub what: String,
    /// Code of the hall.
    pub hall: String,
    /// How grave.
    pub grade: Option<String>,
    /// The rule.
    pub rule: Option<String>,
    /// The notice.
    pub body: Json<Value>,
    /// Where it stands.
    pub state: String,
    /// Why it was not sent, or not yet.
    pub reason: Option<String>,
    /// The service's words.
    pub detail: Option<String>,
    /// Attempts so far.
    pub attempts: i32,
    /// When it is tried next.
    pub next_at: Option<DateTime<Utc>>,
    /// When it was done with.
    pub done_at: Option<DateTime<Utc>>,
    /// The delivery in which it is counted.
    pub digest: Option<i64>,
}

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Only this state.
    pub state: Option<&'a str>,
    /// Only this channel.
    pub channel: Option<i64>,
    /// Only what was queued from here on.
    pub from: Option<DateTime<Utc>>,
    /// And up to here.
    pub to: Option<DateTime<Utc>>,
    /// Only before this number.
    pub before: Option<i64>,
    /// Lines.
    pub limit: i64,
}

/// The log of what is about the halls below `scope`, newest first.
pub async fn log(
    pool: &PgPool,
    scope: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<LogRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT d.id, d.queued_at, d.channel, c.name AS channel_name, c.kind, d.recipient, a.name AS person, d.about, d.subject,
             d.what, d.hall, d.grade, d.rule, d.body, d.state, d.reason, d.detail, d.attempts, d.next_at, d.done_at, d.digest
         FROM delivery d
         JOIN channel c ON c.id = d.channel
         JOIN hall h ON h.code = d.hall
         LEFT JOIN account a ON a.id = d.account
         WHERE h.path @> ARRAY[$1] AND ($2::text IS NULL OR d.state = $2) AND ($3::bigint IS NULL OR d.channel = $3)
           AND ($4::timestamptz IS NULL OR d.queued_at >= $4) AND ($5::timestamptz IS NULL OR d.queued_at < $5)
           AND ($6::bigint IS NULL OR d.id < $6)
         ORDER BY d.id DESC LIMIT $7",
    );
    Ok(rows
        .bind(scope)
        .bind(wanted.state)
        .bind(wanted.channel)
        .bind(wanted.from)
        .bind(wanted.to)
        .bind(wanted.before)
        .bind(wanted.limit)
        .fetch_all(pool)
        .await?)
}

/// An attempt.
#[derive(Debug, Clone, FromRow)]
pub struct AttemptRow {
    /// The delivery.
    pub delivery: i64,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Its number.
    pub n: i32,
    /// `sent`, `later`, `refused` or `interrupted`.
    pub outcome: String,
    /// The service's words.
    pub answer: String,
}

/// The attempts of these deliveries, in order.
pub async fn attempts(pool: &PgPool, deliveries: &[i64]) -> Result<Vec<AttemptRow>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT delivery, at, n, outcome, answer FROM delivery_attempt WHERE delivery = ANY ($1) ORDER BY delivery, at",
    );
    Ok(rows.bind(deliveries).fetch_all(pool).await?)
}

/// How many were not sent since an instant, by anybody's fault: a trial run and a switched-off channel send nothing on purpose,
/// and a test told whoever asked for it.
pub async fn not_sent(pool: &PgPool, scope: &str, since: DateTime<Utc>) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM delivery d JOIN hall h ON h.code = d.hall
         WHERE h.path @> ARRAY[$1] AND d.state = 'not_sent' AND d.done_at >= $2 AND d.about NOT IN ('test', 'digest')
           AND d.reason NOT IN ('trial_run', 'switched_off', 'not_allowed')",
    );
    Ok(count.bind(scope).bind(since).fetch_one(pool).await?)
}

/// How many wait for their turn, for a failing channel or for the morning.
pub async fn waiting(pool: &PgPool, scope: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM delivery d JOIN hall h ON h.code = d.hall
         WHERE h.path @> ARRAY[$1] AND d.state IN ('queued', 'held', 'sending', 'retrying')",
    );
    Ok(count.bind(scope).fetch_one(pool).await?)
}
