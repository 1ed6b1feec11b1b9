//! Sources: the systems that send events, how they are doing, and the outages that we recorded ourselves.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

use super::StoreError;

/// A source without heartbeat or event for so long beyond its usual lag is silent, its halls are unknown.
pub const SILENT_AFTER: TimeDelta = TimeDelta::hours(24);

/// A source and what it said of itself.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Source {
    /// Its id, as in the CloudEvent.
    pub id: String,
    /// Name for the screen.
    pub name: String,
    /// Its usual lag in seconds; with 0 its cards are firm at once.
    pub lag_seconds: i64,
    /// When we last received an event of it.
    pub last_event: Option<DateTime<Utc>>,
    /// When we last received a heartbeat.
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// It has sent everything that happened up to here.
    pub complete_until: Option<DateTime<Utc>>,
    /// While history is loaded: the latest event time so far.
    pub loading_until: Option<DateTime<Utc>>,
    /// Events stored.
    pub accepted: i64,
    /// Events that were known already.
    pub duplicate: i64,
    /// Events refused.
    pub rejected: i64,
}

/// How a source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// Heard of in time.
    Ok,
    /// Nothing heard for lag + 24 h: its halls are unknown, not green.
    Silent,
    /// History is being loaded.
    Loading,
    /// Registered and never heard of.
    NeverHeard,
}

impl SourceState {
    /// The word of the interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Silent => "silent",
            Self::Loading => "loading",
            Self::NeverHeard => "never_heard",
        }
    }
}

impl Source {
    /// A source of which only the id is known.
    pub fn new(id: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            name: id.clone(),
            id,
            lag_seconds: 0,
            last_event: None,
            last_heartbeat: None,
            complete_until: None,
            loading_until: None,
            accepted: 0,
            duplicate: 0,
            rejected: 0,
        }
    }

    /// The last sign of life.
    pub fn heard(&self) -> Option<DateTime<Utc>> {
        self.last_event.max(self.last_heartbeat)
    }

    /// When it turns silent unless it is heard of before; `None` when it never was.
    pub fn silent_from(&self) -> Option<DateTime<Utc>> {
        Some(self.heard()? + TimeDelta::seconds(self.lag_seconds) + SILENT_AFTER)
    }

    /// How it is doing at `now`.
    pub fn state(&self, now: DateTime<Utc>) -> SourceState {
        match self.silent_from() {
            _ if self.loading_until.is_some() => SourceState::Loading,
            None => SourceState::NeverHeard,
            Some(silent) if silent <= now => SourceState::Silent,
            Some(_) => SourceState::Ok,
        }
    }
}

/// Every source, by id.
pub async fn sources(pool: &PgPool) -> Result<Vec<Source>, StoreError> {
    let mut connection = pool.acquire().await?;
    load(&mut connection).await
}

/// Every source, inside a transaction.
pub async fn load(connection: &mut PgConnection) -> Result<Vec<Source>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, name, lag_seconds, last_event, last_heartbeat, complete_until, loading_until, accepted, duplicate,
                rejected
         FROM source ORDER BY id",
    );
    Ok(rows.fetch_all(connection).await?)
}

/// Declares a source: its name and usual lag. What was heard of it stays.
pub async fn declare(
    connection: &mut PgConnection,
    id: &str,
    name: &str,
    lag: TimeDelta,
) -> Result<(), StoreError> {
    if lag < TimeDelta::zero() {
        return Err(StoreError::Import(format!(
            "source {id}: a lag cannot be negative"
        )));
    }
    sqlx::query(
        "INSERT INTO source (id, name, lag_seconds) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, lag_seconds = excluded.lag_seconds",
    )
    .bind(id)
    .bind(name)
    .bind(lag.num_seconds())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what was heard of these sources; name and lag belong to [`declare`] and stay.
pub async fn heard(connection: &mut PgConnection, sources: &[&Source]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO source (id, name, last_event, last_heartbeat, complete_until, loading_until, accepted, duplicate,
                             rejected)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
                              $6::timestamptz[], $7::bigint[], $8::bigint[], $9::bigint[])
         ON CONFLICT (id) DO UPDATE SET last_event = excluded.last_event, last_heartbeat = excluded.last_heartbeat,
             complete_until = excluded.complete_until, loading_until = excluded.loading_until,
             accepted = excluded.accepted, duplicate = excluded.duplicate, rejected = excluded.rejected",
    )
    .bind(sources.iter().map(|source| source.id.as_str()).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.last_event).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.last_heartbeat).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.complete_until).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.loading_until).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.accepted).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.duplicate).collect::<Vec<_>>())
    .bind(sources.iter().map(|source| source.rejected).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// A span in which we could not hear somebody, recorded by ourselves.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Outage {
    /// What was out: `console`, `edge`, `source`.
    pub what: String,
    /// Which: the source's id, the edge's name; empty for the console, which cuts off everybody.
    pub subject: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; `None` while it lasts.
    pub until: Option<DateTime<Utc>>,
}

impl Outage {
    /// Whether word received at `at` came while it lasted.
    pub fn covers(&self, at: DateTime<Utc>) -> bool {
        self.since <= at && self.until.is_none_or(|until| at <= until)
    }
}

/// Records the beginning of an outage; the same one twice is one.
pub async fn outage_begins(
    connection: &mut PgConnection,
    what: &str,
    subject: &str,
    since: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outage (what, subject, since)
         SELECT $1, $2, $3 WHERE NOT EXISTS (
             SELECT FROM outage WHERE what = $1 AND subject = $2 AND until IS NULL)",
    )
    .bind(what)
    .bind(subject)
    .bind(since)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records the end of an outage, if one lasts.
pub async fn outage_ends(
    connection: &mut PgConnection,
    what: &str,
    subject: &str,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE outage SET until = greatest(since, $3) WHERE what = $1 AND subject = $2 AND until IS NULL")
        .bind(what)
        .bind(subject)
        .bind(until)
        .execute(connection)
        .await?;
    Ok(())
}

/// Every edge that ever was connected, by the outages recorded of it (its first connection is recorded as one that ends as it begins).
pub async fn edges(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query_scalar(
        "SELECT DISTINCT subject FROM outage WHERE what = 'edge' ORDER BY subject",
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The edges that are missed now, each since when.
pub async fn missed_edges(pool: &PgPool) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT subject, min(since) FROM outage WHERE what = 'edge' AND until IS NULL GROUP BY subject",
    );
    Ok(rows.fetch_all(pool).await?)
}

/// These sources spoke through an edge, in words received between `from` and `to`: they were cut off with it while it was.
pub async fn cut_off_with_edge(
    connection: &mut PgConnection,
    edge: &str,
    sources: &[String],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outage (what, subject, since, until)
         SELECT 'source', source, cut.since, coalesce(cut.until, $4)
         FROM outage cut CROSS JOIN UNNEST($2::text[]) AS source
         WHERE cut.what = 'edge' AND cut.subject = $1 AND cut.since <= $4 AND (cut.until IS NULL OR cut.until >= $3)
             AND cut.until IS DISTINCT FROM cut.since
             AND NOT EXISTS (
                 SELECT FROM outage known WHERE known.subject = source AND known.what = 'source' AND known.since = cut.since)",
    )
    .bind(edge)
    .bind(sources)
    .bind(from)
    .bind(to)
    .execute(connection)
    .await?;
    Ok(())
}

/// The outages that cut these subjects off (the console's cut everybody off) and lasted at or after `since`.
pub async fn outages(
    connection: &mut PgConnection,
    subjects: &[String],
    since: DateTime<Utc>,
) -> Result<Vec<Outage>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT what, subject, since, until FROM outage
         WHERE (subject = ANY($1) OR what = 'console') AND (until IS NULL OR until >= $2) ORDER BY since",
    );
    Ok(rows
        .bind(subjects)
        .bind(since)
        .fetch_all(connection)
        .await?)
}

/// Outages of an hour and more, and those that last: what they delayed, nobody delayed.
pub async fn long_outages(connection: &mut PgConnection) -> Result<Vec<Outage>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT what, subject, since, until FROM outage
         WHERE until IS NULL OR until - since >= interval '1 hour' ORDER BY since",
    );
    Ok(rows.fetch_all(connection).await?)
}

/// The sources that speak of a subtree: one of its windows was last spoken of by them, or a token binds them to one of its halls.
pub async fn speaking_of(pool: &PgPool, hall: &str) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query_scalar(
        "SELECT s.source FROM window_state s JOIN hall h ON h.code = s.hall WHERE h.path @> ARRAY[$1]
         UNION
         SELECT t.source FROM token t JOIN hall h ON h.code = t.hall
         WHERE h.path @> ARRAY[$1] AND t.source IS NOT NULL AND t.revoked IS NULL",
    );
    Ok(rows.bind(hall).fetch_all(pool).await?)
}

/// Every source with every hall that it speaks of, as in [`speaking_of`].
pub async fn halls(pool: &PgPool) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT source, hall FROM window_state
         UNION
         SELECT source, hall FROM token WHERE source IS NOT NULL AND revoked IS NULL",
    );
    Ok(rows.fetch_all(pool).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_a_day_after_the_usual_lag() {
        let at = |hour: i64| DateTime::from_timestamp(hour * 3600, 0).unwrap();
        let mut source = Source::new("//approval.county");
        assert_eq!(source.state(at(0)), SourceState::NeverHeard);
        source.lag_seconds = 3600;
        source.last_event = Some(at(10));
        assert_eq!(source.state(at(34)), SourceState::Ok);
        assert_eq!(source.state(at(35)), SourceState::Silent);
        source.last_heartbeat = Some(at(11));
        assert_eq!(
            source.state(at(35)),
            SourceState::Ok,
            "a heartbeat is a sign of life too"
        );
        source.loading_until = Some(at(0));
        assert_eq!(source.state(at(99)), SourceState::Loading);
    }
}
