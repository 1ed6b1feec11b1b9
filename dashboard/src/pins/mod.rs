//! What cards, orders and complaints point to in recordings is kept from retention, at the ingest that holds it.
//!
//! The table `recording_pin` says what is to be kept ([`wanted`] says why and how long); [`run`] makes it follow what stands. Each
//! ingest is told what it has not written down yet ([`tell`]), over its events socket, and says when it has: one that is away is told when
//! it is back.

mod tell;
mod wanted;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mingjing_monitor::case::held;
use mingjing_monitor::store::{StoreError, events};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use self::wanted::Course;
use crate::app::{App, Ready};
use crate::store::homes;
use crate::store::pins::{self, Span, Subject};

pub use tell::tell;

/// How often is looked at what stands.
const LOOK: Duration = Duration::from_secs(3);
/// What was over before the last look by less is looked at again: its transaction may have been committed later.
const MARGIN: TimeDelta = TimeDelta::minutes(1);
/// After a start, what was over so long before is looked at too.
const BEFORE: TimeDelta = TimeDelta::minutes(10);

/// Tells the ingests' connections that there is something to tell.
#[derive(Debug, Default)]
pub struct Pins(watch::Sender<u64>);

impl Pins {
    /// Tells when there may be something new.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn changed(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}

/// Follows what stands until the console stops. On the clock of a log nothing is kept: its cameras are of another day.
pub async fn run(app: App) {
    if app.clock().is_of_log() {
        return;
    }
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut follower = Follower {
        known: HashMap::new(),
        since: Utc::now() - BEFORE,
        settled: false,
    };
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.stopping().cancelled() => return,
        }
        if app.ready() != Ready::Yes {
            continue;
        }
        match follower.look(&app, Utc::now()).await {
            Ok(true) => app.pins().changed(),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(%error, "what is kept of recordings could not be looked at")
            }
        }
    }
}

/// A card, order or complaint, as far as it points to recordings.
///
/// # Errors
/// When the database cannot be asked.
pub async fn subject(app: &App, kind: &str, number: &str) -> Result<Option<Subject>, StoreError> {
    pins::subject(app.db(), kind, number).await
}

/// What a subject points to in recordings, whether it is kept or not.
///
/// # Errors
/// When the database cannot be asked.
pub async fn spans(app: &App, subject: &Subject) -> Result<Vec<Span>, StoreError> {
    let course = course(app, subject).await?;
    Ok(wanted::spans(subject, &course, &app.directory()))
}

/// Kind and number.
type Key = (String, String);

struct Follower {
    /// The revision in which each subject was looked at.
    known: HashMap<Key, i64>,
    /// What was over since then is looked at.
    since: DateTime<Utc>,
    /// What was over while no console ran was looked for.
    settled: bool,
}

impl Follower {
    /// One look; true: there is something to tell.
    async fn look(&mut self, app: &App, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let db = app.db();
        if !self.settled {
            // Pins of what was over while nobody looked: as if it were over now.
            let standing: HashSet<Key> = pins::revisions(db, now)
                .await?
                .into_iter()
                .map(|(kind, subject, _)| (kind, subject))
                .collect();
            let over = pins::endless(db).await?;
            for (kind, subject) in over.iter().filter(|it| !standing.contains(it)) {
                pins::end(db, kind, subject, now + wanted::AFTER).await?;
            }
            self.settled = true;
        }
        let (mut changed, mut seen) = (false, HashSet::new());
        for (kind, number, revision) in pins::revisions(db, self.since).await? {
            let key = (kind, number);
            if self.known.get(&key) != Some(&revision)
                && let Some(subject) = pins::subject(db, &key.0, &key.1).await?
            {
                let until = wanted::until(&subject);
                let spans = spans(app, &subject).await?;
                let cameras: Vec<String> = spans.iter().map(|span| span.camera.clone()).collect();
                let spans = wanted::cut(spans, &homes::moves(db, &cameras).await?);
                changed |= pins::set(db, &key.0, &key.1, &spans, until).await?;
                self.known.insert(key.clone(), revision);
            }
            seen.insert(key);
        }
        self.since = now - MARGIN;
        self.known.retain(|key, _| seen.contains(key));
        Ok(changed | (pins::expire(db, now).await? > 0))
    }
}

/// The course of the case that a subject is about.
async fn course(app: &App, subject: &Subject) -> Result<Course, StoreError> {
    let Some(case) = &subject.case_no else {
        return Ok(Course::default());
    };
    let stored = events::of_case(app.db(), case).await?;
    Ok(Course {
        held: held(stored.iter().map(|stored| &stored.event)),
        // Of a date alone nobody knows the minute.
        instants: stored
            .iter()
            .filter(|stored| !stored.event.date_only)
            .map(|stored| stored.event.time)
            .collect(),
    })
}
