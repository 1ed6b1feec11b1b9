//! Items and their versions.

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use super::halls::named_reference;
use crate::event::Yuan;
use crate::item::{HandlingKind, ItemVersion, Step};
use crate::limit::Limit;

#[derive(sqlx::FromRow)]
struct Row {
    code: String,
    version: i32,
    valid_from: DateTime<Utc>,
    name: String,
    name_en: String,
    unit: Option<String>,
    kind: String,
    promise: Option<Json<Limit>>,
    legal: Option<Json<Limit>>,
    steps: Json<Vec<Step>>,
    fee_fen: Option<i64>,
    delivers: bool,
}

impl TryFrom<Row> for ItemVersion {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            code: row.code,
            version: row.version.unsigned_abs(),
            valid_from: row.valid_from,
            name: row.name,
            name_en: row.name_en,
            unit: row.unit,
            kind: serde_json::from_value(row.kind.into())?,
            promise: row.promise.map(|limit| limit.0),
            legal: row.legal.map(|limit| limit.0),
            steps: row.steps.0,
            fee: row.fee_fen.map(|fen| Yuan { fen }),
            delivers: row.delivers,
        })
    }
}

/// The word of the column `kind`.
pub fn kind_word(kind: HandlingKind) -> &'static str {
    match kind {
        HandlingKind::Immediate => "immediate",
        HandlingKind::Promised => "promised",
        HandlingKind::Forwarded => "forwarded",
        HandlingKind::Joint => "joint",
    }
}

/// Every version of the items with these codes, or of all items.
pub async fn versions(
    pool: &PgPool,
    codes: Option<&[String]>,
) -> Result<Vec<ItemVersion>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT code, version, valid_from, name, name_en, unit, kind, promise, legal, steps, fee_fen, delivers
         FROM item WHERE $1::text[] IS NULL OR code = ANY($1) ORDER BY code, version",
    )
    .bind(codes)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(ItemVersion::try_from).collect()
}

/// The newest version of every item whose code or name contains `query` (all for an empty one), by code, after `after`.
pub async fn list(
    pool: &PgPool,
    query: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<ItemVersion>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM (
             SELECT DISTINCT ON (code) code, version, valid_from, name, name_en, unit, kind, promise, legal, steps, fee_fen, delivers
             FROM item ORDER BY code, version DESC) newest
         WHERE ($1 = '' OR strpos(lower(code), lower($1)) > 0 OR strpos(lower(name), lower($1)) > 0
                OR strpos(lower(name_en), lower($1)) > 0)
           AND ($2::text IS NULL OR code > $2)
         ORDER BY code LIMIT $3",
    )
    .bind(query)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(ItemVersion::try_from).collect()
}

/// Adds or replaces versions of items.
pub async fn upsert(
    connection: &mut PgConnection,
    items: &[ItemVersion],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO item (code, version, valid_from, name, name_en, unit, kind, promise, legal, steps, fee_fen, delivers)
         SELECT * FROM UNNEST($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                              $8::jsonb[], $9::jsonb[], $10::jsonb[], $11::bigint[], $12::boolean[])
         ON CONFLICT (code, version) DO UPDATE SET valid_from = excluded.valid_from, name = excluded.name,
             name_en = excluded.name_en, unit = excluded.unit, kind = excluded.kind, promise = excluded.promise,
             legal = excluded.legal, steps = excluded.steps,
             fee_fen = excluded.fee_fen, delivers = excluded.delivers",
    )
    .bind(items.iter().map(|item| item.code.clone()).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.version.cast_signed()).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.valid_from).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.name.clone()).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.name_en.clone()).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.unit.clone()).collect::<Vec<_>>())
    .bind(items.iter().map(|item| kind_word(item.kind).to_owned()).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.promise.map(Json)).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.legal.map(Json)).collect::<Vec<_>>())
    .bind(items.iter().map(|item| Json(item.steps.clone())).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.fee.map(|fee| fee.fen)).collect::<Vec<_>>())
    .bind(items.iter().map(|item| item.delivers).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map_err(named_reference)?;
    Ok(())
}
