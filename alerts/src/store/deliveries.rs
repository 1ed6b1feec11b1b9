//! Notices, and the deliveries that come of them: the outbox, the queue of the sender, and the log.
//!
//! [`announce`] is called in the transaction of what a notice tells of. [`expand`] turns notices into deliveries, one for each
//! receiver, and takes them out of the outbox in one transaction. The sender [`begin`]s and [`finish`]es each: a crash between
//! the two leaves it `sending`, and [`interrupted`] puts it back into the queue.

use std::collections::HashSet;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use mingjing_monitor::store::StoreError;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgPool};

use crate::card::Grade;
use crate::channel::answer::Reason;
use crate::channel::plan::Quiet;
use crate::channel::{Notice, What};

/// Notices taken out of the outbox in one transaction.
const NOTICES: i64 = 500;
/// Deliveries looked at in one round of a channel.
pub const READY: i64 = 1_000;

/// What anybody hears of: where it is nothing, no notice need be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Some channel is on: notices of cards and orders go somewhere.
    pub on_duty: bool,
    /// The moments of which applicants are told.
    pub applicants: Vec<What>,
}

/// Reads what anybody hears of.
pub async fn heard(pool: &PgPool) -> Result<Heard, StoreError> {
    let (on_duty, moments): (bool, Option<Vec<String>>) = sqlx::query_as(
        "SELECT EXISTS (SELECT FROM channel WHERE enabled),
             (SELECT t.moments FROM applicant_text t JOIN channel c ON c.id = t.channel WHERE t.enabled AND c.enabled)",
    )
    .fetch_one(pool)
    .await?;
    let moments = moments.unwrap_or_default();
    Ok(Heard {
        on_duty,
        applicants: moments
            .iter()
            .filter_map(|word| What::parse(word))
            .collect(),
    })
}

/// Writes notices into the outbox, in the transaction of what they tell of.
pub async fn announce(connection: &mut PgConnection, notices: &[Notice]) -> Result<(), StoreError> {
    if notices.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO notice (key, at, about, subject, what, hall, unit, grade, rule, trial, body)
         SELECT * FROM UNNEST($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                              $8::text[], $9::text[], $10::bool[], $11::jsonb[])",
    )
    .bind(notices.iter().map(|it| it.key.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.at).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.about.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.subject.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.what.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.hall.as_str()).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.unit.as_deref()).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.grade.map(Grade::as_str)).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.rule.as_deref()).collect::<Vec<_>>())
    .bind(notices.iter().map(|it| it.trial).collect::<Vec<_>>())
    .bind(notices.iter().map(Json).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Turns notices into deliveries: one for each receiver who wants to hear of it and may. How many notices were taken; call it
/// again while it is [`is_full`].
pub async fn expand(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut tx = pool.begin().await?;
    let taken: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT id, about, subject FROM notice ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
    )
    .bind(NOTICES)
    .fetch_all(&mut *tx)
    .await?;
    if taken.is_empty() {
        return Ok(0);
    }
    for ids in told_apart(&taken) {
        to_subscribers(&mut tx, &ids, now).await?;
    }
    let ids: Vec<i64> = taken.into_iter().map(|(id, ..)| id).collect();
    to_applicants(&mut tx, &ids, now).await?;
    sqlx::query("DELETE FROM notice WHERE id = ANY($1)")
        .bind(&ids)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(ids.len() as u64)
}

/// Notices in their order, cut so that nothing is spoken of twice in one part: who hears that a card is taken back depends on who
/// was told of it, a moment ago perhaps.
fn told_apart(taken: &[(i64, String, String)]) -> Vec<Vec<i64>> {
    let (mut parts, mut spoken_of) = (vec![Vec::new()], HashSet::new());
    for (id, about, subject) in taken {
        if !spoken_of.insert((about, subject)) {
            parts.push(Vec::new());
            spoken_of.clear();
            spoken_of.insert((about, subject));
        }
        if let Some(part) = parts.last_mut() {
            part.push(*id);
        }
    }
    parts
}

/// Whether [`expand`] took as many as it takes at once.
pub fn is_full(taken: u64) -> bool {
    taken >= NOTICES.unsigned_abs()
}

/// Who hears of what happens to cards and orders, and of bulletins: their subscription wants it, and they may see it now. A bulletin is for the halls below
/// its own too, and for every unit. What is taken back goes to
/// whoever was told, and what has left to those of them who do not hear of it where it is now; what stands again, is contested or came
/// over goes to whoever was told too. A group or program that several subscribe to is told once a language.
async fn to_subscribers(
    connection: &mut PgConnection,
    notices: &[i64],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO delivery (key, queued_at, channel, subscription, account, recipient, target, about, subject, what, hall,
             unit, grade, rule, language, body, state, reason, since, next_at, done_at)
         SELECT n.key || '>' || t.target, $2, c.id, s.id, a.id, s.shown, t.target, n.about, n.subject, n.what, n.hall, n.unit,
             n.grade, n.rule, s.language, n.body, CASE WHEN n.trial THEN 'not_sent' ELSE 'queued' END,
             CASE WHEN n.trial THEN 'trial_run' END, $2, CASE WHEN NOT n.trial THEN $2 END, CASE WHEN n.trial THEN $2 END
         FROM notice n
         JOIN hall h ON h.code = n.hall
         LEFT JOIN hall nh ON nh.code = n.body->>'to_hall'
         CROSS JOIN LATERAL (SELECT CASE WHEN n.about = 'bulletin' THEN h.path || ARRAY(SELECT code FROM hall WHERE path @> ARRAY[n.hall])
                                 ELSE h.path END AS halls) heard
         JOIN subscription s ON s.hall = ANY (heard.halls)
         JOIN account a ON a.id = s.account
         JOIN channel c ON c.id = s.channel AND c.enabled
         CROSS JOIN LATERAL (SELECT 'c' || c.id || '/' || s.language
                                 || CASE WHEN c.kind IN ('sms', 'mail') THEN '/s' || s.id ELSE '' END AS target) t
         CROSS JOIN LATERAL (SELECT EXISTS (
             SELECT FROM delivery d
             WHERE d.about = n.about AND d.subject = n.subject AND d.target = t.target AND d.state <> 'not_sent') AS was) told
         WHERE n.id = ANY ($1) AND n.about IN ('card', 'order', 'bulletin')
           AND NOT a.disabled AND a.hall = ANY (heard.halls)
           AND a.role IN ('inspector', 'leader', 'commission', 'unit_head', 'hall_manager')
           AND (a.role <> 'unit_head' OR a.unit = n.unit OR n.about = 'bulletin')
           AND (c.kind IN ('sms', 'mail') OR c.hall = ANY (heard.halls))
           AND CASE
               WHEN n.what IN ('withdrawn', 'revoked', 'cancelled') THEN told.was
               WHEN n.what = 'left' THEN told.was AND NOT coalesce(
                   s.hall = ANY (nh.path) AND a.hall = ANY (nh.path) AND (a.role <> 'unit_head' OR a.unit = n.body->>'to_unit')
                   AND (c.kind IN ('sms', 'mail') OR c.hall = ANY (nh.path)), false)
               WHEN n.what IN ('reinstated', 'contested', 'assigned') AND told.was THEN true
               ELSE (n.grade IS NULL OR n.grade = ANY (s.grades)) AND (s.rules = '{}' OR n.rule IS NULL OR n.rule = ANY (s.rules))
                   AND (n.what <> 'answer_due' OR a.role IN ('hall_manager', 'unit_head'))
               END
         ORDER BY n.id, s.id
         ON CONFLICT (key) DO NOTHING",
    )
    .bind(notices)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn to_applicants(
    connection: &mut PgConnection,
    notices: &[i64],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO delivery (key, queued_at, channel, recipient, target, about, subject, what, hall, unit, language, body,
             state, reason, since, next_at, done_at)
         SELECT n.key || '>applicant', $2, c.id, n.body->>'applicant', 'c' || c.id || '/case/' || n.subject, n.about, n.subject,
             n.what, n.hall, n.unit, t.language, n.body, CASE WHEN n.trial THEN 'not_sent' ELSE 'queued' END,
             CASE WHEN n.trial THEN 'trial_run' END, $2, CASE WHEN NOT n.trial THEN $2 END, CASE WHEN n.trial THEN $2 END
         FROM notice n
         JOIN applicant_text t ON t.enabled AND n.what = ANY (t.moments)
         JOIN channel c ON c.id = t.channel AND c.enabled AND c.kind = 'sms'
         WHERE n.id = ANY ($1) AND n.about = 'case' AND n.body->>'applicant' IS NOT NULL
           AND (n.what <> 'step' OR n.body->>'sentence_en' = ANY (t.steps))
         ORDER BY n.id
         ON CONFLICT (key) DO NOTHING",
    )
    .bind(notices)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Cards whose answer falls due by `horizon`, not reminded of yet: they are marked, and given back to be announced.
pub async fn cards_to_remind(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    horizon: DateTime<Utc>,
) -> Result<Vec<i64>, StoreError> {
    let cards = sqlx::query_scalar(
        "INSERT INTO answer_reminder (card, answer_due)
         SELECT id, answer_due FROM card
         WHERE closed_at IS NULL AND state IN ('issued', 'received', 'returned') AND grade IN ('yellow_card', 'red_card')
           AND answer_due > $1 AND answer_due <= $2 AND EXISTS (SELECT FROM channel WHERE enabled)
         ON CONFLICT DO NOTHING RETURNING card",
    );
    Ok(cards.bind(now).bind(horizon).fetch_all(connection).await?)
}

/// As [`cards_to_remind`], of supervision orders that a hall or unit has.
pub async fn orders_to_remind(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    horizon: DateTime<Utc>,
) -> Result<Vec<i64>, StoreError> {
    let orders = sqlx::query_scalar(
        "INSERT INTO order_reminder (supervision_order, answer_due)
         SELECT id, answer_due FROM supervision_order
         WHERE closed_at IS NULL AND state IN ('issued', 'received', 'returned', 'escalated')
           AND rung IN ('hall_manager', 'unit_head') AND answer_due > $1 AND answer_due <= $2
           AND EXISTS (SELECT FROM channel WHERE enabled)
         ON CONFLICT DO NOTHING RETURNING supervision_order",
    );
    Ok(orders.bind(now).bind(horizon).fetch_all(connection).await?)
}

/// A delivery that may go out now.
#[derive(Debug, Clone, FromRow)]
pub struct Due {
    /// Its number.
    pub id: i64,
    /// Tells it from every other one, for ever.
    pub key: String,
    /// What may share a digest.
    pub target: String,
    /// What it is about.
    pub about: String,
    /// Its number there.
    pub subject: String,
    /// What happened.
    pub what: String,
    /// Code of the hall.
    pub hall: String,
    /// How grave.
    pub grade: Option<String>,
    /// The receiver's language.
    pub language: String,
    /// The notice.
    pub body: Json<Value>,
    /// `held`, where quiet hours held it.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// Since when it is tried.
    pub since: DateTime<Utc>,
    /// The receiver's address, where the channel is not the receiver.
    pub address: Option<String>,
    /// The receiver's quiet hours.
    pub quiet_from: Option<NaiveTime>,
    /// Until.
    pub quiet_until: Option<NaiveTime>,
    /// Whether red cards come through.
    pub red_breaks_quiet: Option<bool>,
    /// Whether its receiver may still see it.
    pub allowed: bool,
}

impl Due {
    /// The receiver's quiet hours.
    pub fn quiet(&self) -> Option<Quiet> {
        Some(Quiet {
            from: self.quiet_from?,
            until: self.quiet_until?,
            red_breaks: self.red_breaks_quiet.unwrap_or(true),
        })
    }

    /// How grave it is.
    pub fn grade(&self) -> Option<Grade> {
        self.grade.as_deref().and_then(Grade::parse)
    }
}

/// Takes the lock by which one console of several sends; it goes with the connection.
pub async fn lock(connection: &mut PgConnection, number: i64) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)");
    Ok(taken.bind(number).fetch_one(connection).await?)
}

/// What of a channel's queue may go out at `now`, the gravest first, of equal ones the earliest.
pub async fn due(pool: &PgPool, channel: i64, now: DateTime<Utc>) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query_as(
        "SELECT d.id, d.key, d.target, d.about, d.subject, d.what, d.hall, d.grade, d.language, d.body, d.state, d.attempts,
             d.since, s.address, s.quiet_from, s.quiet_until, s.red_breaks_quiet,
             d.about NOT IN ('card', 'order', 'bulletin') OR (s.id IS NOT NULL AND a.id IS NOT NULL AND NOT a.disabled
                 AND a.hall = ANY (h.path)
                 AND a.role IN ('inspector', 'leader', 'commission', 'unit_head', 'hall_manager')
                 AND (a.role <> 'unit_head' OR a.unit = d.unit)) AS allowed
         FROM delivery d
         LEFT JOIN subscription s ON s.id = d.subscription
         LEFT JOIN account a ON a.id = d.account
         LEFT JOIN hall h ON h.code = d.hall
         WHERE d.channel = $1 AND d.state IN ('queued', 'held', 'retrying') AND d.next_at <= $2
         ORDER BY array_position(ARRAY['red_card', 'yellow_card', 'warning', 'notice'], d.grade) NULLS FIRST, d.id
         LIMIT $3",
    );
    Ok(rows
        .bind(channel)
        .bind(now)
        .bind(READY)
        .fetch_all(pool)
        .await?)
}

/// Channels that have something to send at `now`, and are not waiting after a failure.
pub async fn busy_channels(pool: &PgPool, now: DateTime<Utc>) -> Result<Vec<i64>, StoreError> {
    let rows = sqlx::query_scalar(
        "SELECT c.id FROM channel c
         WHERE (c.retry_at IS NULL OR c.retry_at <= $1) AND EXISTS (
             SELECT FROM delivery d
             WHERE d.channel = c.id AND d.state IN ('queued', 'held', 'retrying') AND d.next_at <= $1)
         ORDER BY c.id",
    );
    Ok(rows.bind(now).fetch_all(pool).await?)
}

/// Attempts of a channel since an instant: what counts against its rate.
pub async fn attempts_since(
    pool: &PgPool,
    channel: i64,
    since: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM delivery_attempt WHERE channel = $1 AND at > $2 AND outcome <> 'interrupted'",
    );
    Ok(count.bind(channel).bind(since).fetch_one(pool).await?)
}

/// Quiet hours hold these, each until an instant; giving up counts from there.
pub async fn hold(pool: &PgPool, held: &[(i64, DateTime<Utc>)]) -> Result<(), StoreError> {
    if held.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE delivery d SET state = 'held', next_at = h.until, since = h.until
         FROM UNNEST($1::bigint[], $2::timestamptz[]) AS h (id, until) WHERE d.id = h.id",
    )
    .bind(held.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(held.iter().map(|(_, until)| *until).collect::<Vec<_>>())
    .execute(pool)
    .await?;
    Ok(())
}

/// An attempt is about to be made. False: it is not in the queue any more.
pub async fn begin(pool: &PgPool, id: i64) -> Result<bool, StoreError> {
    let begun = sqlx::query(
        "UPDATE delivery SET state = 'sending', attempts = attempts + 1
         WHERE id = $1 AND state IN ('queued', 'held', 'retrying')",
    );
    Ok(begun.bind(id).execute(pool).await?.rows_affected() == 1)
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The delivery.
    pub id: i64,
    /// Its channel.
    pub channel: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The service's words.
    pub answer: String,
    /// What follows.
    pub then: Then,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Then {
    /// It was taken.
    Sent,
    /// It never will be.
    NotSent(Reason),
    /// It was not, and is tried no longer.
    GaveUp,
    /// It is tried again at an instant.
    Again(Reason, DateTime<Utc>),
}

/// Writes down what became of an attempt. What a digest that was not sent counts was not sent either.
pub async fn finish(pool: &PgPool, done: &Done) -> Result<(), StoreError> {
    let mut tx = pool.begin().await?;
    let (state, outcome, reason, next) = match done.then {
        Then::Sent => ("sent", "sent", None, None),
        Then::NotSent(reason) => ("not_sent", "refused", Some(reason), None),
        Then::GaveUp => ("not_sent", "later", Some(Reason::GaveUp), None),
        Then::Again(reason, at) => ("retrying", "later", Some(reason), Some(at)),
    };
    sqlx::query(
        "UPDATE delivery SET state = $2, reason = $3, detail = $4, next_at = $5,
             done_at = CASE WHEN $5::timestamptz IS NULL THEN $6 END
         WHERE id = $1",
    )
    .bind(done.id)
    .bind(state)
    .bind(reason.map(Reason::as_str))
    .bind(&done.answer)
    .bind(next)
    .bind(done.at)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO delivery_attempt (at, delivery, channel, n, outcome, answer)
         SELECT $2, id, $3, attempts, $4, $5 FROM delivery WHERE id = $1",
    )
    .bind(done.id)
    .bind(done.at)
    .bind(done.channel)
    .bind(outcome)
    .bind(&done.answer)
    .execute(&mut *tx)
    .await?;
    if state == "not_sent" {
        members_not_sent(&mut tx, &[done.id]).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn members_not_sent(
    connection: &mut PgConnection,
    digests: &[i64],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE delivery m SET state = 'not_sent', reason = d.reason, detail = d.detail, done_at = d.done_at
         FROM delivery d WHERE d.id = m.digest AND d.id = ANY ($1) AND m.state = 'digested'",
    )
    .bind(digests)
    .execute(connection)
    .await?;
    Ok(())
}

/// These will never be sent, without an attempt.
pub async fn drop_unsent(
    pool: &PgPool,
    ids: &[i64],
    reason: Reason,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut tx = pool.begin().await?;
    sqlx::query(
        "UPDATE delivery SET state = 'not_sent', reason = $2, detail = $3, next_at = NULL, done_at = $4
         WHERE id = ANY ($1) AND state IN ('queued', 'held', 'retrying', 'sending')",
    )
    .bind(ids)
    .bind(reason.as_str())
    .bind(detail)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    members_not_sent(&mut tx, ids).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives up what has been tried, or has waited behind a channel that fails, for as long as it may be. How many.
pub async fn give_up(
    pool: &PgPool,
    patience: TimeDelta,
    of_applicants: TimeDelta,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let mut tx = pool.begin().await?;
    let ids: Vec<i64> = sqlx::query_scalar(
        "UPDATE delivery d SET state = 'not_sent', reason = 'gave_up', detail = coalesce(d.detail, c.last_error), next_at = NULL,
             done_at = $1
         FROM channel c
         WHERE c.id = d.channel AND d.state IN ('queued', 'retrying')
           AND d.since <= CASE WHEN d.about = 'case' THEN $3 ELSE $2 END
         RETURNING d.id",
    )
    .bind(now)
    .bind(now - patience)
    .bind(now - of_applicants)
    .fetch_all(&mut *tx)
    .await?;
    if !ids.is_empty() {
        members_not_sent(&mut tx, &ids).await?;
    }
    tx.commit().await?;
    Ok(ids.len() as u64)
}

/// What a console that stopped left in the middle goes back into the queue: whether it arrived nobody knows, so it may arrive
/// twice, and its log says so. How many.
pub async fn interrupted(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut tx = pool.begin().await?;
    // Whoever asked for a test has gone with the console.
    let ids: Vec<i64> = sqlx::query_scalar(
        "UPDATE delivery SET state = CASE about WHEN 'test' THEN 'not_sent' ELSE 'retrying' END, reason = 'interrupted',
             next_at = CASE about WHEN 'test' THEN NULL ELSE $1 END, done_at = CASE about WHEN 'test' THEN $1 END
         WHERE state = 'sending' RETURNING id",
    )
    .bind(now)
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO delivery_attempt (at, delivery, channel, n, outcome, answer)
         SELECT $2, id, channel, attempts, 'interrupted', '' FROM delivery WHERE id = ANY ($1)",
    )
    .bind(&ids)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(ids.len() as u64)
}

/// Makes one delivery of several: the digest is queued, the others are counted in it. Its number. `members` are the gravest
/// first.
pub async fn digest(
    pool: &PgPool,
    members: &[i64],
    now: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    let Some(&first) = members.first() else {
        return Ok(None);
    };
    let mut tx = pool.begin().await?;
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO delivery (key, queued_at, channel, subscription, account, recipient, target, about, subject, what, hall,
             grade, language, body, state, since, next_at)
         SELECT 'digest/' || id || '/' || attempts, $2, channel, subscription, account, recipient, target, 'digest', id::text,
             'digest', hall, grade, language, jsonb_build_object('messages', $3::int), 'queued', $2, $2
         FROM delivery WHERE id = $1
         ON CONFLICT (key) DO NOTHING RETURNING id",
    )
    .bind(first)
    .bind(now)
    .bind(i32::try_from(members.len()).unwrap_or(i32::MAX))
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(id) = id {
        sqlx::query(
            "UPDATE delivery SET state = 'digested', digest = $2, next_at = NULL, done_at = $3, reason = NULL
             WHERE id = ANY ($1) AND state IN ('queued', 'held', 'retrying')",
        )
        .bind(members)
        .bind(id)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(id)
}

/// What a digest counts: how many of each grade, and the gravest of them.
pub async fn members(
    pool: &PgPool,
    digest: i64,
    listed: i64,
) -> Result<(Vec<(Option<Grade>, usize)>, Vec<Notice>), StoreError> {
    let counts: Vec<(Option<String>, i64)> = sqlx::query_as(
        "SELECT grade, count(*) FROM delivery WHERE digest = $1 GROUP BY grade
         ORDER BY array_position(ARRAY['red_card', 'yellow_card', 'warning', 'notice'], grade) NULLS LAST",
    )
    .bind(digest)
    .fetch_all(pool)
    .await?;
    let bodies: Vec<Json<Notice>> = sqlx::query_scalar(
        "SELECT body FROM delivery WHERE digest = $1
         ORDER BY array_position(ARRAY['red_card', 'yellow_card', 'warning', 'notice'], grade) NULLS LAST, id LIMIT $2",
    )
    .bind(digest)
    .bind(listed)
    .fetch_all(pool)
    .await?;
    let count = |(grade, n): (Option<String>, i64)| {
        let grade = grade.as_deref().and_then(Grade::parse);
        (grade, usize::try_from(n).unwrap_or_default())
    };
    Ok((
        counts.into_iter().map(count).collect(),
        bodies.into_iter().map(|body| body.0).collect(),
    ))
}

/// The telephone number of a case's applicant, as the case has it now.
pub async fn applicant_phone(pool: &PgPool, case: &str) -> Result<Option<String>, StoreError> {
    let mut connection = pool.acquire().await?;
    let states = mingjing_monitor::store::states::load(&mut connection, &[case]).await?;
    Ok(states
        .into_iter()
        .next()
        .and_then(|record| record.fold.applicant?.phone))
}

/// A test message, to be sent by hand; its number.
pub async fn queue_test(
    connection: &mut PgConnection,
    test: &TestMessage<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    // Straight to `sending`: whoever asked sends it and waits for what comes of it. Whatever goes wrong, it is not tried again.
    let id = sqlx::query_scalar(
        "INSERT INTO delivery (key, queued_at, channel, account, recipient, target, about, subject, what, hall, language, body,
             state, attempts, since)
         VALUES ('test/' || $1::bigint || '/' || $2::bigint, $3, $1, $4, $5, 'test', 'test', $1::bigint::text, 'test', $6, $7, '{}',
             'sending', 1, $3)
         RETURNING id",
    );
    Ok(id
        .bind(test.channel)
        .bind(now.timestamp_micros())
        .bind(now)
        .bind(test.account)
        .bind(test.recipient)
        .bind(test.hall)
        .bind(test.language)
        .fetch_one(connection)
        .await?)
}

/// "Send a test".
#[derive(Debug, Clone, Copy)]
pub struct TestMessage<'a> {
    /// The channel.
    pub channel: i64,
    /// Who asks.
    pub account: Option<i64>,
    /// To whom, masked.
    pub recipient: &'a str,
    /// The channel's hall.
    pub hall: &'a str,
    /// In which language.
    pub language: &'a str,
}
