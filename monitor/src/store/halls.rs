//! Halls, units, windows and cameras: who is supervised and what sees them.

use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use super::StoreError;
use crate::calendar::OpeningHours;
use crate::org::{Hall, Level, Tree, Unit, Window};

/// A camera and what it sees. Its address and credentials stay with the ingest that carries it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Camera {
    /// Stable id.
    pub id: String,
    /// Code of its hall.
    pub hall: String,
    /// Name for the screen.
    pub name: String,
    /// Numbers of the windows that it sees.
    pub windows: Vec<String>,
    /// The ingest that carries it; `local` for the one inside the console.
    pub edge: String,
}

#[derive(sqlx::FromRow)]
struct HallRow {
    code: String,
    parent: Option<String>,
    level: String,
    name: String,
    name_en: String,
    opening: Json<OpeningHours>,
}

impl TryFrom<HallRow> for Hall {
    type Error = StoreError;

    fn try_from(row: HallRow) -> Result<Self, StoreError> {
        Ok(Self {
            level: level(&row.level)?,
            code: row.code,
            parent: row.parent,
            name: row.name,
            name_en: row.name_en,
            opening: row.opening.0,
        })
    }
}

fn level(word: &str) -> Result<Level, StoreError> {
    Ok(serde_json::from_value(serde_json::Value::from(word))?)
}

/// The halls of a subtree, parents before children.
pub async fn halls(pool: &PgPool, scope: &str) -> Result<Vec<Hall>, StoreError> {
    let rows: Vec<HallRow> = sqlx::query_as(
        "SELECT code, parent, level, name, name_en, opening FROM hall WHERE path @> ARRAY[$1] ORDER BY path",
    )
    .bind(scope)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Hall::try_from).collect()
}

/// The hall that bears what goes wrong with a source: the lowest one above all halls that it speaks of, or the county's.
pub async fn bearing(connection: &mut PgConnection, source: &str) -> Result<String, StoreError> {
    let paths: Vec<Vec<String>> = sqlx::query_scalar(
        "SELECT h.path FROM hall h WHERE h.code IN (
             SELECT hall FROM window_state WHERE source = $1
             UNION SELECT hall FROM token WHERE source = $1 AND revoked IS NULL)",
    )
    .bind(source)
    .fetch_all(&mut *connection)
    .await?;
    let mut paths = paths.into_iter();
    let mut common = paths.next().unwrap_or_default();
    for path in paths {
        let same = common.iter().zip(&path).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    if let Some(hall) = common.pop() {
        return Ok(hall);
    }
    let root =
        sqlx::query_scalar("SELECT code FROM hall WHERE parent IS NULL ORDER BY code LIMIT 1");
    let root: Option<String> = root.fetch_optional(connection).await?;
    root.ok_or_else(|| StoreError::Stored("there is no hall".to_owned()))
}

/// Every hall, as a tree.
pub async fn tree(pool: &PgPool) -> Result<Tree, StoreError> {
    let mut connection = pool.acquire().await?;
    tree_in(&mut connection).await
}

/// Every hall, as a tree, inside a transaction.
pub async fn tree_in(connection: &mut PgConnection) -> Result<Tree, StoreError> {
    let rows: Vec<HallRow> = sqlx::query_as(
        "SELECT code, parent, level, name, name_en, opening FROM hall ORDER BY path",
    )
    .fetch_all(connection)
    .await?;
    let halls = rows
        .into_iter()
        .map(Hall::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    Tree::new(halls).map_err(|error| StoreError::Stored(error.to_string()))
}

/// Which of these codes are halls.
pub async fn known(pool: &PgPool, codes: &[String]) -> Result<Vec<String>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT code FROM hall WHERE code = ANY($1)")
            .bind(codes)
            .fetch_all(pool)
            .await?,
    )
}

/// Adds or replaces halls, and puts every hall's path right. All or nothing: what would make no tree is refused.
pub async fn upsert_halls(connection: &mut PgConnection, halls: &[Hall]) -> Result<(), StoreError> {
    let before = tree_in(&mut *connection).await?;
    let replaced: std::collections::HashSet<&str> =
        halls.iter().map(|hall| hall.code.as_str()).collect();
    let kept = before
        .halls()
        .iter()
        .filter(|hall| !replaced.contains(hall.code.as_str()));
    let tree = Tree::new(kept.chain(halls).cloned().collect())
        .map_err(|error| StoreError::Import(error.to_string()))?;
    let all = tree.halls();
    let path = |hall: &Hall| {
        let mut path: Vec<&str> = tree
            .ancestors(&hall.code)
            .map(|above| above.code.as_str())
            .collect();
        path.reverse();
        path.push(&hall.code);
        serde_json::json!(path)
    };
    // Parents stand before children, so the foreign key holds row by row.
    sqlx::query(
        "INSERT INTO hall (code, parent, level, name, name_en, path, opening)
         SELECT h.code, h.parent, h.level, h.name, h.name_en, ARRAY(SELECT jsonb_array_elements_text(h.path)), h.opening
         FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[])
              AS h (code, parent, level, name, name_en, path, opening)
         ON CONFLICT (code) DO UPDATE SET parent = excluded.parent, level = excluded.level, name = excluded.name,
             name_en = excluded.name_en, path = excluded.path, opening = excluded.opening",
    )
    .bind(all.iter().map(|hall| hall.code.clone()).collect::<Vec<_>>())
    .bind(all.iter().map(|hall| hall.parent.clone()).collect::<Vec<_>>())
    .bind(all.iter().map(|hall| hall.level.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|hall| hall.name.clone()).collect::<Vec<_>>())
    .bind(all.iter().map(|hall| hall.name_en.clone()).collect::<Vec<_>>())
    .bind(all.iter().map(path).collect::<Vec<_>>())
    .bind(all.iter().map(|hall| Json(hall.opening)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Units, by code.
pub async fn units(pool: &PgPool) -> Result<Vec<Unit>, StoreError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT code, name, name_en FROM unit ORDER BY code")
            .fetch_all(pool)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(code, name, name_en)| Unit {
            code,
            name,
            name_en,
        })
        .collect())
}

/// Adds or replaces units.
pub async fn upsert_units(connection: &mut PgConnection, units: &[Unit]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO unit (code, name, name_en)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[])
         ON CONFLICT (code) DO UPDATE SET name = excluded.name, name_en = excluded.name_en",
    )
    .bind(
        units
            .iter()
            .map(|unit| unit.code.clone())
            .collect::<Vec<_>>(),
    )
    .bind(
        units
            .iter()
            .map(|unit| unit.name.clone())
            .collect::<Vec<_>>(),
    )
    .bind(
        units
            .iter()
            .map(|unit| unit.name_en.clone())
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The windows of a subtree, by hall and number (numbers sort as numbers).
pub async fn windows(pool: &PgPool, scope: &str) -> Result<Vec<Window>, StoreError> {
    let rows: Vec<(String, String, Option<String>, String, String)> = sqlx::query_as(
        "SELECT w.hall, w.no, w.unit, w.name, w.name_en
         FROM hall_window w JOIN hall h ON h.code = w.hall
         WHERE h.path @> ARRAY[$1] ORDER BY h.path, length(w.no), w.no",
    )
    .bind(scope)
    .fetch_all(pool)
    .await?;
    let window = |(hall, no, unit, name, name_en)| Window {
        hall,
        no,
        unit,
        name,
        name_en,
    };
    Ok(rows.into_iter().map(window).collect())
}

/// Adds or replaces windows; their halls and units must be there.
pub async fn upsert_windows(
    connection: &mut PgConnection,
    windows: &[Window],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO hall_window (hall, no, unit, name, name_en)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
         ON CONFLICT (hall, no) DO UPDATE SET unit = excluded.unit, name = excluded.name, name_en = excluded.name_en",
    )
    .bind(windows.iter().map(|window| window.hall.clone()).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.no.clone()).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.unit.clone()).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.name.clone()).collect::<Vec<_>>())
    .bind(windows.iter().map(|window| window.name_en.clone()).collect::<Vec<_>>())
    .execute(connection)
    .await
    .map_err(named_reference)?;
    Ok(())
}

/// The cameras of a subtree.
pub async fn cameras(pool: &PgPool, scope: &str) -> Result<Vec<Camera>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.id, c.hall, c.name, c.windows, c.edge FROM camera c JOIN hall h ON h.code = c.hall
         WHERE h.path @> ARRAY[$1] ORDER BY h.path, c.id",
    );
    Ok(rows.bind(scope).fetch_all(pool).await?)
}

/// Adds or replaces one camera at a time: an ingest's hello and an import bring few.
pub async fn upsert_cameras(
    connection: &mut PgConnection,
    cameras: &[Camera],
) -> Result<(), StoreError> {
    for camera in cameras {
        sqlx::query(
            "INSERT INTO camera (id, hall, name, windows, edge) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET hall = excluded.hall, name = excluded.name, windows = excluded.windows,
                 edge = excluded.edge",
        )
        .bind(&camera.id)
        .bind(&camera.hall)
        .bind(&camera.name)
        .bind(&camera.windows)
        .bind(&camera.edge)
        .execute(&mut *connection)
        .await
        .map_err(named_reference)?;
    }
    Ok(())
}

/// A foreign key that does not hold is the importer's mistake: say which name is missing.
pub(super) fn named_reference(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_foreign_key_violation() => {
            let detail = database
                .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
                .and_then(|error| error.detail())
                .unwrap_or_default();
            StoreError::Import(format!(
                "a hall, unit or account that is named does not exist: {detail} Import it first"
            ))
        }
        _ => StoreError::Query(error),
    }
}
