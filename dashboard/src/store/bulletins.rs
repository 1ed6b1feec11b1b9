//! Bulletins, what was done to each, and the files that were published.

use chrono::{DateTime, NaiveDate, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgPool};

use crate::bulletin::{Document, Edits};

/// A bulletin.
#[derive(Debug, Clone, FromRow)]
pub struct Bulletin {
    /// Its number.
    pub id: i64,
    /// First day of the month.
    pub month: NaiveDate,
    /// Code of the hall at the top.
    pub hall: String,
    /// A word of `bulletin::steps::State`.
    pub state: String,
    /// Counts the changes.
    pub revision: i32,
    /// When its figures were read.
    pub drafted_at: DateTime<Utc>,
    /// As drafted, or as published.
    pub document: Json<Document>,
    /// What people wrote.
    pub edits: Json<Edits>,
}

/// A bulletin in a list.
#[derive(Debug, Clone, FromRow)]
pub struct Listed {
    /// First day of the month.
    pub month: NaiveDate,
    /// Code of the hall at the top.
    pub hall: String,
    /// A word of `bulletin::steps::State`.
    pub state: String,
    /// When it was drafted.
    pub drafted_at: DateTime<Utc>,
    /// When it was signed, and is.
    pub signed_at: Option<DateTime<Utc>>,
    /// When it was published.
    pub published_at: Option<DateTime<Utc>>,
    /// How many addenda there are.
    pub addenda: i64,
}

/// Something that was done.
#[derive(Debug, Clone, FromRow)]
pub struct Done {
    /// When.
    pub at: DateTime<Utc>,
    /// A name of `bulletin::steps::STEPS`.
    pub step: String,
    /// Login; `None`: the console itself.
    pub login: Option<String>,
    /// Name.
    pub who: String,
    /// Role.
    pub role: String,
    /// The bulletin's revision after it.
    pub revision: i32,
    /// Why.
    pub why: Option<String>,
}

/// An addendum.
#[derive(Debug, Clone, FromRow)]
pub struct Addendum {
    /// Its number, from 1.
    pub n: i32,
    /// When it was published.
    pub at: DateTime<Utc>,
    /// Who signed it.
    pub who: String,
    /// What stands in it.
    pub document: Json<Document>,
}

/// A file.
#[derive(Debug, Clone)]
pub struct File {
    /// `pdf`, `docx` or `html`.
    pub format: &'static str,
    /// `zh` or `en`.
    pub language: &'static str,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Bulletins listed at most: of a county with thirty towns those of some years.
const MOST: i64 = 2_000;

/// The bulletins of a subtree, the newest month first; those that are not published only with `drafts`.
pub async fn list(pool: &PgPool, hall: &str, drafts: bool) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT b.month, b.hall, b.state, b.drafted_at,
             CASE WHEN b.state <> 'draft' THEN (SELECT max(at) FROM bulletin_step s WHERE s.bulletin = b.id AND step = 'sign') END
                 AS signed_at,
             (SELECT max(at) FROM bulletin_step s WHERE s.bulletin = b.id AND step = 'publish') AS published_at,
             (SELECT count(*) FROM bulletin_addendum a WHERE a.bulletin = b.id) AS addenda
         FROM bulletin b JOIN hall h ON h.code = b.hall
         WHERE (h.path @> ARRAY[$1] AND ($2 OR b.state = 'published'))
             OR (b.state = 'published' AND b.hall = ANY ((SELECT path FROM hall WHERE code = $1)::text[]))
         ORDER BY b.month DESC, cardinality(h.path), h.code LIMIT $3",
    );
    Ok(rows
        .bind(hall)
        .bind(drafts)
        .bind(MOST)
        .fetch_all(pool)
        .await?)
}

/// A bulletin.
pub async fn find(
    pool: &PgPool,
    month: NaiveDate,
    hall: &str,
) -> Result<Option<Bulletin>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, month, hall, state, revision, drafted_at, document, edits FROM bulletin WHERE month = $1 AND hall = $2",
    );
    Ok(row.bind(month).bind(hall).fetch_optional(pool).await?)
}

/// State and revision of a bulletin; nobody else changes it until the end of the transaction.
pub async fn hold(connection: &mut PgConnection, id: i64) -> Result<(String, i32), StoreError> {
    let row = sqlx::query_as("SELECT state, revision FROM bulletin WHERE id = $1 FOR UPDATE");
    Ok(row.bind(id).fetch_one(connection).await?)
}

/// Keeps a new draft; its number. `None`: somebody was faster.
pub async fn begin(
    connection: &mut PgConnection,
    (month, hall): (NaiveDate, &str),
    document: &Document,
    at: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO bulletin (month, hall, state, drafted_at, document) VALUES ($1, $2, 'draft', $3, $4)
         ON CONFLICT (month, hall) DO NOTHING RETURNING id",
    );
    Ok(id
        .bind(month)
        .bind(hall)
        .bind(at)
        .bind(Json(document))
        .fetch_optional(connection)
        .await?)
}

/// Writes what may change of a bulletin.
pub async fn update(connection: &mut PgConnection, bulletin: &Bulletin) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE bulletin SET state = $2, revision = $3, drafted_at = $4, document = $5, edits = $6 WHERE id = $1",
    )
    .bind(bulletin.id)
    .bind(&bulletin.state)
    .bind(bulletin.revision)
    .bind(bulletin.drafted_at)
    .bind(&bulletin.document)
    .bind(&bulletin.edits)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what was done.
pub async fn append(
    connection: &mut PgConnection,
    bulletin: i64,
    done: &Done,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO bulletin_step (bulletin, at, step, login, who, role, revision, why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(bulletin)
    .bind(done.at)
    .bind(&done.step)
    .bind(&done.login)
    .bind(&done.who)
    .bind(&done.role)
    .bind(done.revision)
    .bind(&done.why)
    .execute(connection)
    .await?;
    Ok(())
}

/// What was done to a bulletin, the first first.
pub async fn history(pool: &PgPool, bulletin: i64) -> Result<Vec<Done>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT at, step, login, who, role, revision, why FROM bulletin_step WHERE bulletin = $1 ORDER BY id",
    );
    Ok(rows.bind(bulletin).fetch_all(pool).await?)
}

/// The addenda of a bulletin, by number.
pub async fn addenda(pool: &PgPool, bulletin: i64) -> Result<Vec<Addendum>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT n, at, who, document FROM bulletin_addendum WHERE bulletin = $1 ORDER BY n",
    );
    Ok(rows.bind(bulletin).fetch_all(pool).await?)
}

/// Keeps an addendum. False: there is one of this number.
pub async fn add(
    connection: &mut PgConnection,
    bulletin: i64,
    addendum: &Addendum,
) -> Result<bool, StoreError> {
    let added = sqlx::query(
        "INSERT INTO bulletin_addendum (bulletin, n, at, who, document) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(bulletin)
    .bind(addendum.n)
    .bind(addendum.at)
    .bind(&addendum.who)
    .bind(&addendum.document)
    .execute(connection)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Keeps the files of a bulletin (`addendum` 0) or of an addendum.
pub async fn keep(
    connection: &mut PgConnection,
    (bulletin, addendum): (i64, i32),
    files: &[File],
) -> Result<(), StoreError> {
    for file in files {
        sqlx::query("INSERT INTO bulletin_file (bulletin, addendum, format, language, content) VALUES ($1, $2, $3, $4, $5)")
            .bind(bulletin)
            .bind(addendum)
            .bind(file.format)
            .bind(file.language)
            .bind(&file.content)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A file as it was published.
pub async fn file(
    pool: &PgPool,
    (bulletin, addendum): (i64, i32),
    format: &str,
    language: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let content = sqlx::query_scalar(
        "SELECT content FROM bulletin_file WHERE bulletin = $1 AND addendum = $2 AND format = $3 AND language = $4",
    );
    Ok(content
        .bind(bulletin)
        .bind(addendum)
        .bind(format)
        .bind(language)
        .fetch_optional(pool)
        .await?)
}

/// Closed months of which the county has no bulletin yet, from `county` on, or a town has none, from `towns` on: the newest month
/// first, and of each the county before its towns.
pub async fn missing(
    pool: &PgPool,
    county: NaiveDate,
    towns: NaiveDate,
) -> Result<Vec<(NaiveDate, String)>, StoreError> {
    let rows = sqlx::query_as(
        "WITH m AS (SELECT DISTINCT ON (month) month, step FROM month_step WHERE step IN ('close', 'reopen') AND month >= $1
                    ORDER BY month, id DESC)
         SELECT m.month, h.code FROM m JOIN hall h ON h.parent IS NULL OR (h.level = 'town' AND m.month >= $2)
         WHERE m.step = 'close' AND NOT EXISTS (SELECT FROM bulletin b WHERE b.month = m.month AND b.hall = h.code)
         ORDER BY m.month DESC, cardinality(h.path), h.code",
    );
    Ok(rows.bind(county).bind(towns).fetch_all(pool).await?)
}
