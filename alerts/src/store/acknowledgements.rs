//! Acknowledgements: somebody knows of a card and is left alone with it until an instant; then it comes back.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgConnection;

/// An acknowledgement that stands or stood.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Acknowledgement {
    /// The card.
    pub card: i64,
    /// Who.
    pub who: String,
    /// In which role.
    pub role: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub why: String,
    /// When it ran out, was taken back, or the card was over.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The card.
    pub card: i64,
    /// The account.
    pub account: i64,
    /// Its name.
    pub who: &'a str,
    /// Its role.
    pub role: &'a str,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub why: &'a str,
}

/// Acknowledges a card; what stood before ends with it.
pub async fn put(
    connection: &mut PgConnection,
    asked: &Asked<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    end(&mut *connection, asked.card, now).await?;
    sqlx::query(
        "INSERT INTO acknowledgement (card, account, who, role, at, until, why) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(asked.card)
    .bind(asked.account)
    .bind(asked.who)
    .bind(asked.role)
    .bind(now)
    .bind(asked.until)
    .bind(asked.why)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what stands on a card; whether anything did.
pub async fn end(
    connection: &mut PgConnection,
    card: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE acknowledgement SET ended_at = greatest(at, $2) WHERE card = $1 AND ended_at IS NULL",
    )
    .bind(card)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends what has run out by `now`, and what stands on cards that are over: card, hall, and whether it comes back (the card is
/// not over).
pub async fn expire(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<(i64, String, bool)>, StoreError> {
    let rows = sqlx::query_as(
        "UPDATE acknowledgement a SET ended_at = least(a.until, greatest(a.at, $1)) FROM card c
         WHERE c.id = a.card AND a.ended_at IS NULL AND a.until <= $1
         RETURNING c.id, c.hall, c.closed_at IS NULL",
    );
    Ok(rows.bind(now).fetch_all(connection).await?)
}

/// When the first of them runs out.
pub async fn instants(connection: &mut PgConnection) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let rows =
        sqlx::query_scalar("SELECT DISTINCT until FROM acknowledgement WHERE ended_at IS NULL");
    Ok(rows.fetch_all(connection).await?)
}
