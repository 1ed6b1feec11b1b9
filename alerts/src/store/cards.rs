//! Cards as the supervisor reads and writes them: always many at once.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::card::{Grade, Ground, State};

/// A row of `card`.
#[derive(Debug, Clone, PartialEq)]
pub struct CardRecord {
    /// Its number; 0 until it is stored.
    pub id: i64,
    /// One anomaly, one card: rule, subject and occurrence.
    pub cause_key: String,
    /// What it shares with others.
    pub cause: String,
    /// The rule, e.g. `R2`.
    pub rule: String,
    /// The kind, a word of `card::Kind`.
    pub kind: String,
    /// How grave.
    pub grade: Grade,
    /// Where it stands.
    pub state: State,
    /// What it is about: `case`, or `complaint`, `source`, `edge`, `hall`, `camera`, `unit`.
    pub about: String,
    /// The case.
    pub case_no: Option<String>,
    /// What else it is about: its id.
    pub subject: Option<String>,
    /// The source whose word it rests on.
    pub source: Option<String>,
    /// Code of the hall that bears it.
    pub hall: String,
    /// Code of the unit.
    pub unit: Option<String>,
    /// Number of the window.
    pub window: Option<String>,
    /// Code of the item.
    pub item: Option<String>,
    /// When it truly fell due.
    pub due_at: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it became firm and went out.
    pub issued_at: Option<DateTime<Utc>>,
    /// By when an answer is due.
    pub answer_due: Option<DateTime<Utc>>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// The profile version that issued it.
    pub profile_version: i32,
    /// Issued in a trial run: it does not count.
    pub trial: bool,
    /// The numbers.
    pub facts: Map<String, Value>,
    /// What happened, in Chinese, signed.
    pub sentence_zh: String,
    /// In English.
    pub sentence_en: String,
    /// Where it stood before it was contested.
    pub contested_from: Option<State>,
    /// Where it stood before it was superseded.
    pub superseded_from: Option<State>,
    /// What the case's facts were when an inspector upheld it.
    pub judged: Option<Vec<u8>>,
    /// When an unanswered answer or an undecided appeal has consequences; `None`: never.
    pub next_instant: Option<DateTime<Utc>>,
    /// By when an appeal is to be decided.
    pub decide_due: Option<DateTime<Utc>>,
    /// Counts the changes.
    pub revision: i32,
}

impl CardRecord {
    /// Whether the facts of what it is about decide about it. They do not about one that a person wrote, or that followed an answer
    /// that did not come.
    pub fn rests_on_facts(&self) -> bool {
        !matches!(self.rule.as_str(), "manual" | "R12")
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    cause_key: String,
    cause: String,
    rule: String,
    kind: String,
    grade: String,
    state: String,
    about: String,
    case_no: Option<String>,
    subject: Option<String>,
    source: Option<String>,
    hall: String,
    unit: Option<String>,
    win: Option<String>,
    item: Option<String>,
    due_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    issued_at: Option<DateTime<Utc>>,
    answer_due: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    profile_version: i32,
    trial: bool,
    facts: Json<Map<String, Value>>,
    sentence_zh: String,
    sentence_en: String,
    contested_from: Option<String>,
    superseded_from: Option<String>,
    judged: Option<Vec<u8>>,
    next_instant: Option<DateTime<Utc>>,
    decide_due: Option<DateTime<Utc>>,
    revision: i32,
}

fn state(word: &str) -> Result<State, StoreError> {
    State::parse(word).ok_or_else(|| StoreError::Stored(format!("{word:?} is no state of a card")))
}

impl TryFrom<Row> for CardRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let grade = Grade::parse(&row.grade);
        Ok(Self {
            id: row.id,
            cause_key: row.cause_key,
            cause: row.cause,
            rule: row.rule,
            kind: row.kind,
            grade: grade.ok_or_else(|| {
                StoreError::Stored(format!("{:?} is no grade of a card", row.grade))
            })?,
            state: state(&row.state)?,
            about: row.about,
            case_no: row.case_no,
            subject: row.subject,
            source: row.source,
            hall: row.hall,
            unit: row.unit,
            window: row.win,
            item: row.item,
            due_at: row.due_at,
            created_at: row.created_at,
            issued_at: row.issued_at,
            answer_due: row.answer_due,
            closed_at: row.closed_at,
            profile_version: row.profile_version,
            trial: row.trial,
            facts: row.facts.0,
            sentence_zh: row.sentence_zh,
            sentence_en: row.sentence_en,
            contested_from: row.contested_from.as_deref().map(state).transpose()?,
            superseded_from: row.superseded_from.as_deref().map(state).transpose()?,
            judged: row.judged,
            next_instant: row.next_instant,
            decide_due: row.decide_due,
            revision: row.revision,
        })
    }
}

/// The cards of these cases, by id.
pub async fn of_cases(
    connection: &mut PgConnection,
    cases: &[&str],
) -> Result<Vec<CardRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as("SELECT * FROM card WHERE case_no = ANY($1) ORDER BY id")
        .bind(cases)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(CardRecord::try_from).collect()
}

/// The cards about these subjects of one kind, by id.
pub async fn of_subjects(
    connection: &mut PgConnection,
    about: &str,
    subjects: &[&str],
) -> Result<Vec<CardRecord>, StoreError> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT * FROM card WHERE about = $1 AND subject = ANY($2) ORDER BY id")
            .bind(about)
            .bind(subjects)
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(CardRecord::try_from).collect()
}

/// The cards about anything but cases that fell due in [from, to), by id.
pub async fn of_others(
    connection: &mut PgConnection,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<CardRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM card WHERE about <> 'case' AND due_at >= $1 AND due_at < $2 ORDER BY id",
    )
    .bind(from)
    .bind(to)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(CardRecord::try_from).collect()
}

/// The complaints with provisional cards of this source that fell due up to `complete_until`.
pub async fn complaints_to_firm(
    connection: &mut PgConnection,
    source: &str,
    complete_until: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let numbers = sqlx::query_scalar(
        "SELECT DISTINCT subject FROM card
         WHERE state = 'provisional' AND source = $1 AND due_at <= $2 AND about = 'complaint'",
    );
    Ok(numbers
        .bind(source)
        .bind(complete_until)
        .fetch_all(connection)
        .await?)
}

/// The card with this id.
pub async fn find(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<CardRecord>, StoreError> {
    let row: Option<Row> = sqlx::query_as("SELECT * FROM card WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.map(CardRecord::try_from).transpose()
}

/// Every instant at which time alone takes a card on.
pub async fn instants(connection: &mut PgConnection) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let instants =
        sqlx::query_scalar("SELECT DISTINCT next_instant FROM card WHERE next_instant IS NOT NULL");
    Ok(instants.fetch_all(connection).await?)
}

/// The cards whose next instant has come, the earliest first.
pub async fn due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<CardRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM card WHERE next_instant <= $1 ORDER BY next_instant, id LIMIT $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(CardRecord::try_from).collect()
}

/// The R12 cards of these causes that still weigh.
pub async fn that_followed(
    connection: &mut PgConnection,
    causes: &[String],
) -> Result<Vec<CardRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM card WHERE rule = 'R12' AND cause = ANY($1)
             AND state NOT IN ('withdrawn', 'revoked', 'cancelled') ORDER BY id",
    )
    .bind(causes)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(CardRecord::try_from).collect()
}

/// The yellow cards of R9 about these windows that fell due from `from` on, that a person confirmed and that were not taken back
/// (one under a red card is among them): window, cause, due instant.
pub async fn confirmed_absences(
    connection: &mut PgConnection,
    windows: &[String],
    from: DateTime<Utc>,
) -> Result<Vec<(String, String, DateTime<Utc>)>, StoreError> {
    let all = State::ALL.iter();
    let stand = all.filter(|state| state.weighs() || **state == State::Superseded);
    let rows = sqlx::query_as(
        "SELECT subject, cause, due_at FROM card
         WHERE rule = 'R9' AND about = 'window' AND grade = 'yellow_card' AND subject = ANY($1) AND due_at >= $2
           AND state = ANY($3) ORDER BY due_at, cause",
    );
    Ok(rows
        .bind(windows)
        .bind(from)
        .bind(stand.map(|state| state.as_str()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?)
}

/// Which of these cause keys have a card.
pub async fn known(
    connection: &mut PgConnection,
    keys: &[String],
) -> Result<std::collections::HashSet<String>, StoreError> {
    let known: Vec<String> =
        sqlx::query_scalar("SELECT cause_key FROM card WHERE cause_key = ANY($1)")
            .bind(keys)
            .fetch_all(connection)
            .await?;
    Ok(known.into_iter().collect())
}

/// The cases with provisional cards of this source that fell due up to `complete_until`.
pub async fn to_firm(
    connection: &mut PgConnection,
    source: &str,
    complete_until: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let cases = sqlx::query_scalar(
        "SELECT DISTINCT case_no FROM card
         WHERE state = 'provisional' AND source = $1 AND due_at <= $2 AND case_no IS NOT NULL",
    );
    Ok(cases
        .bind(source)
        .bind(complete_until)
        .fetch_all(connection)
        .await?)
}

/// Stores new cards; their ids, in the order given.
pub async fn insert(
    connection: &mut PgConnection,
    cards: &[&CardRecord],
) -> Result<Vec<i64>, StoreError> {
    if cards.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "INSERT INTO card (cause_key, cause, rule, kind, grade, state, case_no, source, hall, unit, win, item, due_at,
             created_at, issued_at, answer_due, closed_at, profile_version, trial, facts, sentence_zh, sentence_en,
             contested_from, superseded_from, revision, about, subject, next_instant)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[],
             $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::int[], $19::bool[], $20::jsonb[],
             $21::text[], $22::text[], $23::text[], $24::text[], $25::int[], $26::text[], $27::text[],
             $28::timestamptz[])
         RETURNING id, cause_key",
    )
    .bind(cards.iter().map(|card| card.cause_key.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.cause.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.rule.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.kind.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.grade.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.state.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.case_no.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.source.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.hall.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.unit.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.window.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.item.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.due_at).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.created_at).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.issued_at).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.answer_due).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.closed_at).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.profile_version).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.trial).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| Json(&card.facts)).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.sentence_zh.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.sentence_en.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.contested_from.map(State::as_str)).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.superseded_from.map(State::as_str)).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.revision).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.about.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.subject.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.next_instant).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let ids: std::collections::HashMap<String, i64> =
        rows.into_iter().map(|(id, key)| (key, id)).collect();
    let id = |card: &&CardRecord| ids.get(&card.cause_key).copied();
    cards
        .iter()
        .map(id)
        .collect::<Option<_>>()
        .ok_or_else(|| StoreError::Stored("a new card came back without id".to_owned()))
}

/// Writes what may change of stored cards.
pub async fn update(
    connection: &mut PgConnection,
    cards: &[&CardRecord],
) -> Result<(), StoreError> {
    if cards.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE card c SET state = n.state, hall = n.hall, unit = n.unit, win = n.win, due_at = n.due_at,
             issued_at = n.issued_at, answer_due = n.answer_due, closed_at = n.closed_at, facts = n.facts,
             sentence_zh = n.sentence_zh, sentence_en = n.sentence_en, contested_from = n.contested_from,
             superseded_from = n.superseded_from, judged = n.judged, revision = n.revision, next_instant = n.next_instant,
             decide_due = n.decide_due
         FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
             $8::timestamptz[], $9::timestamptz[], $10::jsonb[], $11::text[], $12::text[], $13::text[], $14::text[],
             $15::bytea[], $16::int[], $17::timestamptz[], $18::timestamptz[])
             AS n (id, state, hall, unit, win, due_at, issued_at, answer_due, closed_at, facts, sentence_zh, sentence_en,
                   contested_from, superseded_from, judged, revision, next_instant, decide_due)
         WHERE c.id = n.id",
    )
    .bind(cards.iter().map(|card| card.id).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.state.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.hall.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.unit.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.window.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.due_at).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.issued_at).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.answer_due).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.closed_at).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| Json(&card.facts)).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.sentence_zh.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.sentence_en.as_str()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.contested_from.map(State::as_str)).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.superseded_from.map(State::as_str)).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.judged.as_deref()).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.revision).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.next_instant).collect::<Vec<_>>())
    .bind(cards.iter().map(|card| card.decide_due).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// A line of a card's history, to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryLine {
    /// The card.
    pub card: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The transition's name.
    pub transition: &'static str,
    /// From this state; `None` for the first line.
    pub from: Option<State>,
    /// To this one.
    pub to: State,
    /// The account; `None`: the system.
    pub account: Option<i64>,
    /// The name of who did it.
    pub who: String,
    /// In which role.
    pub role: &'static str,
    /// Why.
    pub why: Option<String>,
    /// Of an appeal or a revocation: the exempting ground.
    pub ground: Option<Ground>,
}

/// Appends to the history of cards.
pub async fn append_history(
    connection: &mut PgConnection,
    lines: &[HistoryLine],
) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO card_transition (card, at, transition, from_state, to_state, account, who, role, why, ground)
         SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                              $8::text[], $9::text[], $10::text[])",
    )
    .bind(lines.iter().map(|line| line.card).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.at).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.transition).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.from.map(State::as_str)).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.to.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.account).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.who.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.role).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.why.as_deref()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.ground.map(Ground::as_str)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// A number for a card written by hand: no two have the same, whether they are stored or not.
pub async fn next_by_hand(connection: &mut PgConnection) -> Result<i64, StoreError> {
    let nth = sqlx::query_scalar("SELECT nextval('card_by_hand')");
    Ok(nth.fetch_one(connection).await?)
}

/// The newest line of a card's history.
pub async fn newest_line(connection: &mut PgConnection, card: i64) -> Result<i64, StoreError> {
    let line = sqlx::query_scalar("SELECT max(id) FROM card_transition WHERE card = $1");
    Ok(line.bind(card).fetch_one(connection).await?)
}

/// Writes the correction orders that go out with these cards, or renews them; `answered_at` where an answer is in.
pub async fn write_orders(
    connection: &mut PgConnection,
    orders: &[(&CardRecord, Option<DateTime<Utc>>)],
) -> Result<(), StoreError> {
    if orders.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO correction_order AS o (card, hall, issued_at, answer_due, answered_at)
         SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
         ON CONFLICT (card) DO UPDATE SET hall = excluded.hall, issued_at = excluded.issued_at,
             answer_due = excluded.answer_due, answered_at = coalesce(excluded.answered_at, o.answered_at)",
    )
    .bind(orders.iter().map(|(card, _)| card.id).collect::<Vec<_>>())
    .bind(orders.iter().map(|(card, _)| card.hall.as_str()).collect::<Vec<_>>())
    .bind(orders.iter().map(|(card, _)| card.issued_at.unwrap_or(card.created_at)).collect::<Vec<_>>())
    .bind(orders.iter().map(|(card, _)| card.answer_due).collect::<Vec<_>>())
    .bind(orders.iter().map(|(_, answered)| *answered).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
