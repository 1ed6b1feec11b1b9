//! Supervision orders and their history.

use chrono::{DateTime, Utc};
use mingjing_monitor::store::StoreError;
use sqlx::PgConnection;

use crate::order::{Origin, Rung, Standing, State};

/// What a page that an order or a card is written from shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// A card.
    pub card: Option<i64>,
    /// A case.
    pub case_no: Option<String>,
    /// A camera's picture …
    pub camera: Option<String>,
    /// … of this instant.
    pub picture_at: Option<DateTime<Utc>>,
    /// A complaint.
    pub complaint: Option<String>,
}

/// A supervision order as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// Its number; 0 before it is stored.
    pub id: i64,
    /// One unanswered answer, one order; `None`: written by hand.
    pub cause_key: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// Where it stands.
    pub state: State,
    /// Who has it now.
    pub rung: Rung,
    /// To whom it was written.
    pub addressee: Rung,
    /// Code of its hall.
    pub hall: String,
    /// Code of its unit.
    pub unit: Option<String>,
    /// Number of its window.
    pub window: Option<String>,
    /// What it is about.
    pub about: About,
    /// What it asks, in Chinese.
    pub text_zh: String,
    /// In English; of one written by hand, the same.
    pub text_en: String,
    /// When it went out.
    pub issued_at: DateTime<Utc>,
    /// Name of who wrote it.
    pub issued_by: String,
    /// Their role.
    pub issued_role: String,
    /// When what it follows fell due.
    pub due_at: DateTime<Utc>,
    /// By when whoever has it gives feedback.
    pub answer_due: DateTime<Utc>,
    /// When feedback came last.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub closed_at: Option<DateTime<Utc>>,
    /// Of the last feedback: whether the cause was an objective one.
    pub objective: Option<bool>,
    /// Of the last feedback: which measures were taken.
    pub measures: Option<String>,
    /// When it goes up; `None`: never.
    pub next_instant: Option<DateTime<Utc>>,
    /// The profile version whose numbers it goes by.
    pub profile_version: i32,
    /// Written in a trial run.
    pub trial: bool,
    /// Counts the changes.
    pub revision: i32,
}

impl OrderRecord {
    /// Where it stands.
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            rung: self.rung,
            addressee: self.addressee,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    cause_key: Option<String>,
    origin: String,
    state: String,
    rung: String,
    addressee: String,
    hall: String,
    unit: Option<String>,
    win: Option<String>,
    card: Option<i64>,
    case_no: Option<String>,
    camera: Option<String>,
    picture_at: Option<DateTime<Utc>>,
    complaint: Option<String>,
    text_zh: String,
    text_en: String,
    issued_at: DateTime<Utc>,
    issued_by: String,
    issued_role: String,
    due_at: DateTime<Utc>,
    answer_due: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    objective: Option<bool>,
    measures: Option<String>,
    next_instant: Option<DateTime<Utc>>,
    profile_version: i32,
    trial: bool,
    revision: i32,
}

fn word<T>(found: Option<T>, word: &str) -> Result<T, StoreError> {
    found.ok_or_else(|| StoreError::Stored(format!("{word:?} is no word of an order")))
}

impl TryFrom<Row> for OrderRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            cause_key: row.cause_key,
            origin: word(Origin::parse(&row.origin), &row.origin)?,
            state: word(State::parse(&row.state), &row.state)?,
            rung: word(Rung::parse(&row.rung), &row.rung)?,
            addressee: word(Rung::parse(&row.addressee), &row.addressee)?,
            hall: row.hall,
            unit: row.unit,
            window: row.win,
            about: About {
                card: row.card,
                case_no: row.case_no,
                camera: row.camera,
                picture_at: row.picture_at,
                complaint: row.complaint,
            },
            text_zh: row.text_zh,
            text_en: row.text_en,
            issued_at: row.issued_at,
            issued_by: row.issued_by,
            issued_role: row.issued_role,
            due_at: row.due_at,
            answer_due: row.answer_due,
            answered_at: row.answered_at,
            closed_at: row.closed_at,
            objective: row.objective,
            measures: row.measures,
            next_instant: row.next_instant,
            profile_version: row.profile_version,
            trial: row.trial,
            revision: row.revision,
        })
    }
}

fn read(rows: Vec<Row>) -> Result<Vec<OrderRecord>, StoreError> {
    rows.into_iter().map(OrderRecord::try_from).collect()
}

/// The order with this number.
pub async fn find(
    connection: &mut PgConnection,
    id: i64,
) -> Result<Option<OrderRecord>, StoreError> {
    let row: Option<Row> = sqlx::query_as("SELECT * FROM supervision_order WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.map(OrderRecord::try_from).transpose()
}

/// Every instant at which an order goes up by itself.
pub async fn instants(connection: &mut PgConnection) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let instants = sqlx::query_scalar(
        "SELECT DISTINCT next_instant FROM supervision_order WHERE next_instant IS NOT NULL",
    );
    Ok(instants.fetch_all(connection).await?)
}

/// The orders whose next instant has come, the earliest first.
pub async fn due(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<OrderRecord>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT * FROM supervision_order WHERE next_instant <= $1 ORDER BY next_instant, id LIMIT $2",
    );
    read(rows.bind(now).bind(limit).fetch_all(connection).await?)
}

/// The open orders that follow these cards.
pub async fn of_cards(
    connection: &mut PgConnection,
    cards: &[i64],
) -> Result<Vec<OrderRecord>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT * FROM supervision_order
         WHERE card = ANY($1) AND origin = 'unanswered' AND closed_at IS NULL ORDER BY id",
    );
    read(rows.bind(cards).fetch_all(connection).await?)
}

/// Stores an order; its number. `None`: there is one with its cause key already.
pub async fn insert(
    connection: &mut PgConnection,
    order: &OrderRecord,
) -> Result<Option<i64>, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO supervision_order (cause_key, origin, state, rung, addressee, hall, unit, win, card, case_no, camera,
             picture_at, complaint, text_zh, text_en, issued_at, issued_by, issued_role, due_at, answer_due, next_instant,
             profile_version, trial)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
         ON CONFLICT (cause_key) DO NOTHING RETURNING id",
    );
    Ok(id
        .bind(&order.cause_key)
        .bind(order.origin.as_str())
        .bind(order.state.as_str())
        .bind(order.rung.as_str())
        .bind(order.addressee.as_str())
        .bind(&order.hall)
        .bind(&order.unit)
        .bind(&order.window)
        .bind(order.about.card)
        .bind(&order.about.case_no)
        .bind(&order.about.camera)
        .bind(order.about.picture_at)
        .bind(&order.about.complaint)
        .bind(&order.text_zh)
        .bind(&order.text_en)
        .bind(order.issued_at)
        .bind(&order.issued_by)
        .bind(&order.issued_role)
        .bind(order.due_at)
        .bind(order.answer_due)
        .bind(order.next_instant)
        .bind(order.profile_version)
        .bind(order.trial)
        .fetch_optional(connection)
        .await?)
}

/// Writes what may change of a stored order.
pub async fn update(connection: &mut PgConnection, order: &OrderRecord) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE supervision_order SET state = $2, rung = $3, answer_due = $4, answered_at = $5, closed_at = $6, objective = $7,
             measures = $8, next_instant = $9, revision = $10
         WHERE id = $1",
    )
    .bind(order.id)
    .bind(order.state.as_str())
    .bind(order.rung.as_str())
    .bind(order.answer_due)
    .bind(order.answered_at)
    .bind(order.closed_at)
    .bind(order.objective)
    .bind(&order.measures)
    .bind(order.next_instant)
    .bind(order.revision)
    .execute(connection)
    .await?;
    Ok(())
}

/// A line of an order's history, to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderLine {
    /// The order.
    pub order: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// When it truly fell due, for what time brought about.
    pub due_at: Option<DateTime<Utc>>,
    /// The transition's name.
    pub transition: &'static str,
    /// From this state; `None` for the first line.
    pub from: Option<State>,
    /// To this one.
    pub to: State,
    /// Who has it from then on.
    pub rung: Rung,
    /// The account; `None`: the system.
    pub account: Option<i64>,
    /// The name of who did it.
    pub who: String,
    /// In which role.
    pub role: &'static str,
    /// Why.
    pub why: Option<String>,
    /// Of feedback: whether the cause was an objective one.
    pub objective: Option<bool>,
    /// Of feedback: which measures were taken.
    pub measures: Option<String>,
}

/// Appends to the history of an order; the line's number.
pub async fn append(connection: &mut PgConnection, line: &OrderLine) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "INSERT INTO supervision_order_transition (supervision_order, at, due_at, transition, from_state, to_state, rung,
             account, who, role, why, objective, measures)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
    );
    Ok(id
        .bind(line.order)
        .bind(line.at)
        .bind(line.due_at)
        .bind(line.transition)
        .bind(line.from.map(State::as_str))
        .bind(line.to.as_str())
        .bind(line.rung.as_str())
        .bind(line.account)
        .bind(&line.who)
        .bind(line.role)
        .bind(&line.why)
        .bind(line.objective)
        .bind(&line.measures)
        .fetch_one(connection)
        .await?)
}
