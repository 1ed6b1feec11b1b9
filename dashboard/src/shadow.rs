//! The shadow run that goes on beside the console's work: one at a time, with its progress, until it is done or called off. What
//! came of it is kept (`alerts::store::shadows`); one that a stop of the console breaks off has no end there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chrono::Utc;
use mingjing_alerts::shadow::{self, Outcome, Question};
use mingjing_alerts::store::shadows::{self, Ending};
use tokio::sync::{Mutex, MutexGuard};

use crate::app::App;

/// Between two attempts to keep what came out, while the database is away.
const RETRY: Duration = Duration::from_secs(1);

/// The run that goes on.
#[derive(Debug)]
pub struct Going {
    /// Its number.
    pub id: i64,
    done: AtomicU64,
    total: AtomicU64,
    stop: AtomicBool,
}

impl Going {
    /// Cases that were looked at, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
        )
    }
}

/// The place for the one run that may go on.
#[derive(Debug, Default)]
pub struct Shadows(Mutex<Option<Arc<Going>>>);

/// The place, while nobody else can take it.
pub struct Vacancy<'a>(MutexGuard<'a, Option<Arc<Going>>>);

impl Shadows {
    /// The run that goes on.
    pub async fn going(&self) -> Option<Arc<Going>> {
        self.0.lock().await.clone()
    }

    /// The place for a run; `None` while one goes on.
    pub async fn vacancy(&self) -> Option<Vacancy<'_>> {
        let place = self.0.lock().await;
        place.is_none().then_some(Vacancy(place))
    }

    /// Calls the run that goes on off; false where none does.
    pub async fn cancel(&self) -> bool {
        let going = self.going().await;
        if let Some(run) = &going {
            run.stop.store(true, Ordering::Relaxed);
        }
        going.is_some()
    }

    async fn leave(&self) {
        *self.0.lock().await = None;
    }
}

impl Vacancy<'_> {
    /// Begins the run that is kept under this number.
    pub fn begin(mut self, app: &App, id: i64, question: Question) -> Arc<Going> {
        let run = Arc::new(Going {
            id,
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        *self.0 = Some(Arc::clone(&run));
        tokio::spawn(go(app.clone(), Arc::clone(&run), question));
        run
    }
}

async fn go(app: App, run: Arc<Going>, question: Question) {
    let going = |done, total| {
        run.done.store(done, Ordering::Relaxed);
        run.total.store(total, Ordering::Relaxed);
        !run.stop.load(Ordering::Relaxed) && !app.stopping().is_cancelled()
    };
    let (ending, outcome) = match shadow::run(app.db(), question, going).await {
        Ok(Some(outcome)) => (Ending::Done, Some(outcome)),
        Ok(None) if run.stop.load(Ordering::Relaxed) => (Ending::Cancelled, None),
        // The console stops.
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, run = run.id, "a shadow run could not go on");
            (Ending::Failed, None)
        }
    };
    keep(&app, &run, ending, outcome).await;
    app.shadows().leave().await;
}

/// Keeps what came of a run, as soon as the database takes it.
async fn keep(app: &App, run: &Going, ending: Ending, outcome: Option<Outcome>) {
    let (done, total) = run.progress();
    let [done, total] = [done, total].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    let at = Utc::now();
    while let Err(error) = shadows::end(
        app.db(),
        run.id,
        (ending, at),
        (done, total),
        outcome.as_ref(),
    )
    .await
    {
        tracing::warn!(%error, run = run.id, "what came of a shadow run cannot be kept yet");
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = app.stopping().cancelled() => return,
        }
    }
}
