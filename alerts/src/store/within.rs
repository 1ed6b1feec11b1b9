//! What was published of the persons and windows of halls when a month closed, and what was corrected since.

use chrono::{DateTime, Utc};
use mingjing_monitor::score::{Figures, Sheet};
use mingjing_monitor::store::StoreError;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use crate::within::Place;

/// A person or window with its rank, as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// Among whom it is ranked.
    pub place: &'a Place,
    /// As the sources name the person; the window's number.
    pub subject: &'a str,
    /// Its rank; a correction has none.
    pub rank: Option<u32>,
    /// What a ranking shows.
    pub figures: &'a Figures,
    /// The score, opened to its last card.
    pub sheet: &'a Sheet,
}

/// Publishes them with a closing.
pub async fn publish(
    connection: &mut PgConnection,
    closing: i64,
    all: &[Kept<'_>],
) -> Result<(), StoreError> {
    let rank = |kept: &Kept<'_>| kept.rank.and_then(|rank| i32::try_from(rank).ok());
    sqlx::query(
        "INSERT INTO published_within (closing, hall, unit, kind, subject, rank, figures, sheet)
         SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::jsonb[], $8::jsonb[])",
    )
    .bind(closing)
    .bind(all.iter().map(|kept| kept.place.hall.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| kept.place.unit()).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| kept.place.by.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| kept.subject).collect::<Vec<_>>())
    .bind(all.iter().map(rank).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| Json(kept.figures)).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| Json(kept.sheet)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps that they came out otherwise.
pub async fn correct(
    connection: &mut PgConnection,
    closing: i64,
    all: &[Kept<'_>],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO within_change (closing, at, hall, unit, kind, subject, figures, sheet)
         SELECT $1, $2, * FROM UNNEST($3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[])",
    )
    .bind(closing)
    .bind(at)
    .bind(all.iter().map(|kept| kept.place.hall.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| kept.place.unit()).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| kept.place.by.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| kept.subject).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| Json(kept.figures)).collect::<Vec<_>>())
    .bind(all.iter().map(|kept| Json(kept.sheet)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether persons and windows were published with a closing: those of before there was this have none.
pub async fn is_published(pool: &PgPool, closing: i64) -> Result<bool, StoreError> {
    let row = sqlx::query_scalar("SELECT EXISTS (SELECT FROM published_within WHERE closing = $1)");
    Ok(row.bind(closing).fetch_one(pool).await?)
}

/// A person or window in a closed month.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    /// As the sources name the person; the window's number.
    pub subject: String,
    /// Its rank as published.
    pub rank: Option<i32>,
    /// What was published; `None`: it did not stand there.
    pub figures: Option<Json<Figures>>,
    /// Its sheet.
    pub sheet: Option<Json<Sheet>>,
    /// What came out since; `None`: the same.
    pub corrected: Option<Json<Figures>>,
    /// Its sheet.
    pub corrected_sheet: Option<Json<Sheet>>,
}

impl Standing {
    /// What holds: corrected, or else as published.
    pub fn holding(&self) -> Option<&Figures> {
        let holds = self.corrected.as_ref().or(self.figures.as_ref());
        holds.map(|figures| &figures.0)
    }
}

/// The persons or windows of a place in a closed month, by subject.
pub async fn standings(
    pool: &PgPool,
    closing: i64,
    place: &Place,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as(
        "WITH p AS (SELECT subject, rank, figures, sheet FROM published_within
                    WHERE closing = $1 AND hall = $2 AND unit = $3 AND kind = $4),
              c AS (SELECT DISTINCT ON (subject) subject, figures, sheet FROM within_change
                    WHERE closing = $1 AND hall = $2 AND unit = $3 AND kind = $4 ORDER BY subject, id DESC)
         SELECT subject, p.rank, p.figures, p.sheet, c.figures AS corrected, c.sheet AS corrected_sheet
         FROM p FULL JOIN c USING (subject) ORDER BY subject",
    );
    Ok(rows
        .bind(closing)
        .bind(&place.hall)
        .bind(place.unit())
        .bind(place.by.as_str())
        .fetch_all(pool)
        .await?)
}
