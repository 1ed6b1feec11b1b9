//! Cards as the pages show them. Writing them is `alerts::supervisor`.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::paging::{Cursor, Page};
use sqlx::PgPool;
use sqlx::types::Json;

use super::Seen;

/// A card.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Card {
    /// Its number.
    pub id: i64,
    /// Its rule.
    pub rule: String,
    /// Its kind.
    pub kind: String,
    /// How grave.
    pub grade: String,
    /// Where it stands.
    pub state: String,
    /// Its case.
    pub case_no: Option<String>,
    /// Its hall.
    pub hall: String,
    /// Its unit.
    pub unit: Option<String>,
    /// Its window.
    pub win: Option<String>,
    /// Its item.
    pub item: Option<String>,
    /// When it fell due.
    pub due_at: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it became firm.
    pub issued_at: Option<DateTime<Utc>>,
    /// By when an answer is due.
    pub answer_due: Option<DateTime<Utc>>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// The profile version that issued it.
    pub profile_version: i32,
    /// Issued in a trial run.
    pub trial: bool,
    /// The numbers of the sentence.
    pub facts: Json<serde_json::Value>,
    /// What happened, in Chinese.
    pub sentence_zh: String,
    /// In English.
    pub sentence_en: String,
    /// Counts the changes.
    pub revision: i32,
    /// What it is about: `case`, or `complaint`, `source`, `edge`, `hall`, `camera`, `unit`.
    pub about: String,
    /// What else than a case it is about.
    pub subject: Option<String>,
    /// Who knows of it.
    pub ack_who: Option<String>,
    /// Until when.
    pub ack_until: Option<DateTime<Utc>>,
    /// Why.
    pub ack_why: Option<String>,
    /// Alerts that it holds back, as long as what it is about is down.
    pub holds: Option<i64>,
    /// By when an appeal is decided.
    pub decide_due: Option<DateTime<Utc>>,
}

/// The cards that a caller sees: hall, unit and window of [`Seen`] are `$1` to `$3`. The halls are an array and no join, whose
/// size PostgreSQL guesses so badly that it reads and sorts all cards for the first page of them.
macro_rules! select_cards {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.rule, c.kind, c.grade, c.state, c.case_no, c.hall, c.unit, c.win, c.item, c.due_at,
                c.created_at, c.issued_at, c.answer_due, c.closed_at, c.profile_version, c.trial, c.facts, c.sentence_zh,
                c.sentence_en, c.revision, c.decide_due, c.about, c.subject, a.who AS ack_who, a.until AS ack_until,
                a.why AS ack_why,
                CASE WHEN c.about IN ('edge', 'hall') AND c.rule NOT IN ('manual', 'R12') THEN (
                    SELECT count(*) FROM episode own JOIN episode e ON c.about || ':' || c.subject = ANY(e.above)
                    WHERE own.thing = c.about AND own.subject = c.subject AND own.until IS NULL AND own.since <= c.due_at
                      AND e.until IS NULL AND e.id <> own.id) END AS holds
             FROM card c LEFT JOIN acknowledgement a ON a.card = c.id AND a.ended_at IS NULL
             WHERE c.hall = ANY(ARRAY(SELECT h.code FROM hall h WHERE h.path @> ARRAY[$1])) AND ($2::text IS NULL OR c.unit = $2) AND ($3::text IS NULL OR c.win = $3) ",
            $rest
        )
    };
}

/// What a list of cards is narrowed to; `None` leaves a thing open.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this grade.
    pub grade: Option<String>,
    /// In one of these states.
    pub states: Option<Vec<String>>,
    /// Of one of these grades.
    pub grades: Option<Vec<String>>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Of this case.
    pub case: Option<String>,
    /// Of this window.
    pub window: Option<String>,
    /// Part of the case number, the sentence or the item.
    pub query: Option<String>,
    /// One of these.
    pub only: Option<Vec<i64>>,
    /// Fell due at or after.
    pub from: Option<DateTime<Utc>>,
    /// Fell due before.
    pub to: Option<DateTime<Utc>>,
    /// With those of a trial run or without.
    pub trial: Trial,
}

/// What a list does with cards of a trial run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trial {
    /// It shows them among the others.
    #[default]
    Among,
    /// It leaves them out, but while the county is in its trial run.
    Counted,
    /// It shows nothing else.
    Only,
}

impl Trial {
    fn as_str(self) -> &'static str {
        match self {
            Self::Among => "among",
            Self::Counted => "counted",
            Self::Only => "only",
        }
    }
}

impl Card {
    /// Where the list continues after this row.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            at: self.due_at,
            key: self.id.to_string(),
        }
    }
}

/// The cards that a caller sees, newest first, and the next page's cursor.
pub async fn list(
    db: &PgPool,
    seen: &Seen,
    filter: &Filter,
    page: &Page,
) -> Result<(Vec<Card>, Option<Cursor>), StoreError> {
    let after = page.after.as_ref();
    let mut rows: Vec<Card> = sqlx::query_as(
        select_cards!("AND ($4::text IS NULL OR c.grade = $4) AND ($5::text[] IS NULL OR c.state = ANY($5))
           AND ($6::text[] IS NULL OR c.grade = ANY($6)) AND ($7::text IS NULL OR c.rule = $7)
           AND ($8::text IS NULL OR c.case_no = $8) AND ($9::text IS NULL OR c.win = $9)
           AND ($10::text IS NULL OR strpos(lower(coalesce(c.case_no, '')), lower($10)) > 0
                OR strpos(lower(c.sentence_zh), lower($10)) > 0 OR strpos(lower(coalesce(c.item, '')), lower($10)) > 0)
           AND ($11::timestamptz IS NULL OR c.due_at >= $11) AND ($12::timestamptz IS NULL OR c.due_at < $12)
           AND ($13::timestamptz IS NULL OR (c.due_at, c.id) < ($13, $14))
           AND ($15::bigint[] IS NULL OR c.id = ANY($15))
           AND CASE $17 WHEN 'counted' THEN NOT c.trial OR (SELECT trial_run FROM county) WHEN 'only' THEN c.trial ELSE true END
         ORDER BY c.due_at DESC, c.id DESC LIMIT $16"),
    )
    .bind(&seen.hall)
    .bind(&seen.unit)
    .bind(&seen.window)
    .bind(&filter.grade)
    .bind(&filter.states)
    .bind(&filter.grades)
    .bind(&filter.rule)
    .bind(&filter.case)
    .bind(&filter.window)
    .bind(&filter.query)
    .bind(filter.from)
    .bind(filter.to)
    .bind(after.map(|cursor| cursor.at))
    .bind(after.and_then(|cursor| cursor.key.parse::<i64>().ok()))
    .bind(&filter.only)
    .bind(page.probe())
    .bind(filter.trial.as_str())
    .fetch_all(db)
    .await?;
    let next = page.cut(&mut rows, Card::cursor);
    Ok((rows, next))
}

/// These cards, as far as a caller sees them.
pub async fn of_ids(db: &PgPool, seen: &Seen, ids: &[i64]) -> Result<Vec<Card>, StoreError> {
    let rows = sqlx::query_as(select_cards!(
        "AND c.id = ANY($4)
         ORDER BY c.id"
    ));
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .bind(ids)
        .fetch_all(db)
        .await?)
}

/// The open cards that somebody knows of, soonest back first.
pub async fn acknowledged(db: &PgPool, seen: &Seen) -> Result<Vec<Card>, StoreError> {
    let rows = sqlx::query_as(select_cards!(
        "AND a.until IS NOT NULL AND c.closed_at IS NULL ORDER BY a.until LIMIT 500"
    ));
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .fetch_all(db)
        .await?)
}

/// How many provisional cards wait for each source.
pub async fn waiting(db: &PgPool, seen: &Seen) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT c.source, count(*) FROM card c JOIN hall h ON h.code = c.hall AND h.path @> ARRAY[$1]
         WHERE c.state = 'provisional' AND c.source IS NOT NULL
           AND ($2::text IS NULL OR c.unit = $2) AND ($3::text IS NULL OR c.win = $3)
         GROUP BY c.source ORDER BY c.source",
    );
    Ok(rows
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .fetch_all(db)
        .await?)
}

/// How many cards stand in each saved view, those of a trial run left out but while the county is in it; and those.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Views {
    /// Yellow and red cards to be answered.
    pub to_answer: i64,
    /// Not signed for.
    pub unsigned: i64,
    /// Provisional.
    pub provisional: i64,
    /// Contested.
    pub contested: i64,
    /// To be issued by an inspector.
    pub pending: i64,
    /// Seen by a camera, and not looked at by a person.
    pub unconfirmed: i64,
    /// All.
    pub all_cards: i64,
    /// Of a trial run.
    pub trial: i64,
}

/// How many cards stand in each saved view.
pub async fn counts(db: &PgPool, seen: &Seen) -> Result<Views, StoreError> {
    let row = sqlx::query_as(
        "WITH seen AS (
             SELECT c.state, c.grade, c.trial, NOT c.trial OR (SELECT trial_run FROM county) AS counts
             FROM card c JOIN hall h ON h.code = c.hall AND h.path @> ARRAY[$1]
             WHERE ($2::text IS NULL OR c.unit = $2) AND ($3::text IS NULL OR c.win = $3))
         SELECT count(*) FILTER (WHERE counts AND state IN ('issued', 'received', 'returned')
                                   AND grade IN ('yellow_card', 'red_card')) AS to_answer,
                count(*) FILTER (WHERE counts AND state = 'issued') AS unsigned,
                count(*) FILTER (WHERE counts AND state = 'provisional') AS provisional,
                count(*) FILTER (WHERE counts AND state = 'contested') AS contested,
                count(*) FILTER (WHERE counts AND state = 'pending') AS pending,
                count(*) FILTER (WHERE counts AND state = 'unconfirmed') AS unconfirmed,
                count(*) FILTER (WHERE counts) AS all_cards, count(*) FILTER (WHERE trial) AS trial
         FROM seen",
    );
    Ok(row
        .bind(&seen.hall)
        .bind(&seen.unit)
        .bind(&seen.window)
        .fetch_one(db)
        .await?)
}

/// A line of a card's history.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Line {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub transition: String,
    /// From where.
    pub from_state: Option<String>,
    /// To where.
    pub to_state: String,
    /// Who.
    pub who: String,
    /// In which role.
    pub role: String,
    /// Why.
    pub why: Option<String>,
    /// Of an appeal or a revocation: the exempting ground.
    pub ground: Option<String>,
}

/// Everything that happened to a card, oldest first.
pub async fn history(db: &PgPool, card: i64) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT id, at, transition, from_state, to_state, who, role, why, ground FROM card_transition WHERE card = $1 ORDER BY id",
    );
    Ok(rows.bind(card).fetch_all(db).await?)
}

/// The correction order that went out with a card.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Order {
    /// Its number.
    pub id: i64,
    /// When it went out.
    pub issued_at: DateTime<Utc>,
    /// By when an answer is due.
    pub answer_due: Option<DateTime<Utc>>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
}

/// The correction order of a card, if one went out.
pub async fn order(db: &PgPool, card: i64) -> Result<Option<Order>, StoreError> {
    let row = sqlx::query_as(
        "SELECT id, issued_at, answer_due, answered_at FROM correction_order WHERE card = $1",
    );
    Ok(row.bind(card).fetch_optional(db).await?)
}
