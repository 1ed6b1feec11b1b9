//! Closed months: what was done to them, what was published, and what was corrected since.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use mingjing_monitor::org::Level;
use mingjing_monitor::score::{Difference, Figures, Sheet};
use mingjing_monitor::store::StoreError;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use crate::closing::{Closing, Done};

/// Held while a step is taken: of two people at once the second sees what the first did. ("month" in ASCII.)
const LOCK: i64 = 0x6d_6f6e_7468;

/// What was done to each month, the first first.
pub async fn steps(pool: &PgPool) -> Result<BTreeMap<NaiveDate, Vec<Done>>, StoreError> {
    let mut connection = pool.acquire().await?;
    steps_of(&mut connection, None).await
}

/// The same of one month, or of all.
async fn steps_of(
    connection: &mut PgConnection,
    month: Option<NaiveDate>,
) -> Result<BTreeMap<NaiveDate, Vec<Done>>, StoreError> {
    let rows: Vec<Done> = sqlx::query_as(
        "SELECT id, month, step, at, due_at, login, who, role, why, profile_version FROM month_step
         WHERE $1::date IS NULL OR month = $1 ORDER BY id",
    )
    .bind(month)
    .fetch_all(connection)
    .await?;
    let mut months: BTreeMap<NaiveDate, Vec<Done>> = BTreeMap::new();
    for done in rows {
        months.entry(done.month).or_default().push(done);
    }
    Ok(months)
}

/// Where each month stands to which anything was done.
pub async fn months(pool: &PgPool) -> Result<BTreeMap<NaiveDate, Closing>, StoreError> {
    let steps = steps(pool).await?;
    Ok(steps
        .iter()
        .map(|(month, steps)| (*month, Closing::of(steps)))
        .collect())
}

/// The closing whose figures of a month are published; `None`: none is.
pub async fn published(pool: &PgPool, month: NaiveDate) -> Result<Option<i64>, StoreError> {
    let mut connection = pool.acquire().await?;
    let steps = steps_of(&mut connection, Some(month)).await?;
    let closing = Closing::of(steps.values().flatten());
    Ok(closing.published.map(|done| done.id))
}

/// Where a month stands, until the end of the transaction: nobody else takes a step meanwhile.
pub async fn hold(connection: &mut PgConnection, month: NaiveDate) -> Result<Closing, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *connection)
        .await?;
    let steps = steps_of(connection, Some(month)).await?;
    Ok(Closing::of(steps.values().flatten()))
}

/// Takes a step; its number. `done.id` does not matter.
pub async fn append(connection: &mut PgConnection, done: &Done) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO month_step (month, step, at, due_at, login, who, role, why, profile_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
    );
    Ok(id
        .bind(done.month)
        .bind(&done.step)
        .bind(done.at)
        .bind(done.due_at)
        .bind(&done.login)
        .bind(&done.who)
        .bind(&done.role)
        .bind(&done.why)
        .bind(done.profile_version)
        .fetch_one(connection)
        .await?)
}

/// A subject as it is kept: with its name of then.
pub struct Kept<'a> {
    /// Code of the hall or unit.
    pub subject: &'a str,
    /// Name in Chinese.
    pub name: &'a str,
    /// Name in English.
    pub name_en: &'a str,
    /// What a ranking shows.
    pub figures: &'a Figures,
    /// The score, opened to its last card.
    pub sheet: &'a Sheet,
}

/// Publishes the figures of a level, each with its rank.
pub async fn publish(
    connection: &mut PgConnection,
    closing: i64,
    level: Level,
    ranked: &[(Option<u32>, Kept<'_>)],
) -> Result<(), StoreError> {
    for (rank, kept) in ranked {
        sqlx::query(
            "INSERT INTO published_score (closing, level, subject, name, name_en, rank, figures, sheet)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(closing)
        .bind(level.as_str())
        .bind(kept.subject)
        .bind(kept.name)
        .bind(kept.name_en)
        .bind(rank.and_then(|rank| i32::try_from(rank).ok()))
        .bind(Json(kept.figures))
        .bind(Json(kept.sheet))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What was done to a card that counts otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Cause {
    /// The card.
    #[serde(skip)]
    pub card: i64,
    /// A transition of `card::TABLE`.
    pub transition: String,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom, as the history has it.
    pub who: String,
    /// Why.
    pub why: Option<String>,
}

/// The last thing that was done to each of these cards.
pub async fn causes(
    connection: &mut PgConnection,
    cards: &[i64],
) -> Result<Vec<Cause>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT DISTINCT ON (card) card, transition, at, who, why FROM card_transition
         WHERE card = ANY($1) ORDER BY card, id DESC",
    );
    Ok(rows.bind(cards).fetch_all(connection).await?)
}

/// A difference, and what brought it about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// What counts otherwise.
    #[serde(flatten)]
    pub difference: Difference,
    /// Of a card: what was done to it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Keeps that a score of a closed month came out otherwise.
pub async fn correct(
    connection: &mut PgConnection,
    closing: i64,
    level: Level,
    (before, after): (Option<&Figures>, &Kept<'_>),
    differences: &[Explained],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO score_change (closing, level, subject, name, name_en, at, before, figures, sheet, differences)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(closing)
    .bind(level.as_str())
    .bind(after.subject)
    .bind(after.name)
    .bind(after.name_en)
    .bind(at)
    .bind(before.map(Json))
    .bind(Json(after.figures))
    .bind(Json(after.sheet))
    .bind(Json(differences))
    .execute(connection)
    .await?;
    Ok(())
}

/// A subject in a closed month.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    /// The closing.
    pub closing: i64,
    /// Code of the hall or unit.
    pub subject: String,
    /// Its name then.
    pub name: String,
    /// In English.
    pub name_en: String,
    /// Its rank as published.
    pub rank: Option<i32>,
    /// What was published; `None`: it did not stand there.
    pub published: Option<Json<Figures>>,
    /// What came out since; `None`: the same.
    pub corrected: Option<Json<Figures>>,
}

impl Standing {
    /// What holds: corrected, or else as published.
    pub fn figures(&self) -> Option<&Figures> {
        let holds = self.corrected.as_ref().or(self.published.as_ref());
        holds.map(|figures| &figures.0)
    }
}

/// The subjects of a level in closed months, of one where it is given.
pub async fn standings(
    pool: &PgPool,
    closings: &[i64],
    level: Level,
    subject: Option<&str>,
) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as(
        "WITH p AS (SELECT closing, subject, name, name_en, rank, figures FROM published_score
                    WHERE closing = ANY($1) AND level = $2 AND ($3::text IS NULL OR subject = $3)),
              c AS (SELECT DISTINCT ON (closing, subject) closing, subject, name, name_en, figures FROM score_change
                    WHERE closing = ANY($1) AND level = $2 AND ($3::text IS NULL OR subject = $3)
                    ORDER BY closing, subject, id DESC)
         SELECT closing, subject, coalesce(p.name, c.name) AS name, coalesce(p.name_en, c.name_en) AS name_en, p.rank,
                p.figures AS published, c.figures AS corrected
         FROM p FULL JOIN c USING (closing, subject) ORDER BY closing, subject",
    );
    Ok(rows
        .bind(closings)
        .bind(level.as_str())
        .bind(subject)
        .fetch_all(pool)
        .await?)
}

/// The sheets of a subject in a closed month: as published, and as it holds now where that is another.
pub async fn sheets(
    pool: &PgPool,
    closing: i64,
    level: Level,
    subject: &str,
) -> Result<(Option<Sheet>, Option<Sheet>), StoreError> {
    let published: Option<Json<Sheet>> = sqlx::query_scalar(
        "SELECT sheet FROM published_score WHERE closing = $1 AND level = $2 AND subject = $3",
    )
    .bind(closing)
    .bind(level.as_str())
    .bind(subject)
    .fetch_optional(pool)
    .await?;
    let corrected: Option<Json<Sheet>> = sqlx::query_scalar(
        "SELECT sheet FROM score_change WHERE closing = $1 AND level = $2 AND subject = $3 ORDER BY id DESC LIMIT 1",
    )
    .bind(closing)
    .bind(level.as_str())
    .bind(subject)
    .fetch_optional(pool)
    .await?;
    Ok((
        published.map(|Json(sheet)| sheet),
        corrected.map(|Json(sheet)| sheet),
    ))
}

/// A correction.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Change {
    /// Its number.
    pub id: i64,
    /// First day of the month whose score it is.
    pub month: NaiveDate,
    /// `county`, `town` or `village`.
    pub level: String,
    /// Code of the hall or unit.
    pub subject: String,
    /// Its name then.
    pub name: String,
    /// In English.
    pub name_en: String,
    /// When it was noticed.
    pub at: DateTime<Utc>,
    /// What held before.
    pub before: Option<Json<Figures>>,
    /// What came out.
    pub figures: Json<Figures>,
    /// What counts otherwise.
    pub differences: Json<Vec<Explained>>,
}

/// Which corrections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Which<'a> {
    /// Those noticed in [from, to).
    pub noticed: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Those of this month's scores.
    pub month: Option<NaiveDate>,
    /// Those of this subject.
    pub subject: Option<&'a str>,
}

/// Corrections given at most.
const MOST: i64 = 1_000;

/// The corrections that lie in `which`, the newest first; those of closings that were opened again too.
pub async fn changes(pool: &PgPool, which: Which<'_>) -> Result<Vec<Change>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.id, s.month, c.level, c.subject, c.name, c.name_en, c.at, c.before, c.figures, c.differences
         FROM score_change c JOIN month_step s ON s.id = c.closing
         WHERE ($1::timestamptz IS NULL OR c.at >= $1) AND ($2::timestamptz IS NULL OR c.at < $2)
           AND ($3::date IS NULL OR s.month = $3) AND ($4::text IS NULL OR c.subject = $4)
         ORDER BY c.id DESC LIMIT $5",
    );
    Ok(rows
        .bind(which.noticed.map(|(from, _)| from))
        .bind(which.noticed.map(|(_, to)| to))
        .bind(which.month)
        .bind(which.subject)
        .bind(MOST)
        .fetch_all(pool)
        .await?)
}

/// What holds of a subject in a closed month.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Holds {
    /// Code of the hall or unit.
    pub subject: String,
    /// Its figures.
    pub figures: Json<Figures>,
    /// Its sheet.
    pub sheet: Json<Sheet>,
}

/// What holds of a level in a closed month: corrected, or else as published.
pub async fn holding(
    connection: &mut PgConnection,
    closing: i64,
    level: Level,
) -> Result<Vec<Holds>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT DISTINCT ON (subject) subject, figures, sheet FROM (
             SELECT subject, figures, sheet, 0 AS id FROM published_score WHERE closing = $1 AND level = $2
             UNION ALL SELECT subject, figures, sheet, id FROM score_change WHERE closing = $1 AND level = $2) AS all_of_them
         ORDER BY subject, id DESC",
    );
    Ok(rows
        .bind(closing)
        .bind(level.as_str())
        .fetch_all(connection)
        .await?)
}
