//! The shadow run that goes on beside the console's work: one at a time, with its progress, until it is done or called off.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use mingjing_alerts::shadow::{self, Outcome, Question};

use crate::app::App;

/// What became of a run.
#[derive(Debug, Clone)]
pub enum Ending {
    /// It is through.
    Done(Arc<Outcome>),
    /// Somebody called it off.
    Cancelled,
    /// It broke off; the log says why.
    Failed,
}

/// A run.
#[derive(Debug)]
pub struct Run {
    /// Counts up with each run since the console started.
    pub id: u64,
    /// Who asked for it.
    pub by: String,
    /// What is tried: a draft's number, or a text that stands nowhere.
    pub draft: Option<i64>,
    /// Its name.
    pub name: String,
    /// What fell due from here.
    pub from: DateTime<Utc>,
    /// And before this.
    pub to: DateTime<Utc>,
    /// When it began.
    pub begun: DateTime<Utc>,
    done: AtomicU64,
    total: AtomicU64,
    stop: AtomicBool,
    ending: Mutex<Option<(DateTime<Utc>, Ending)>>,
}

impl Run {
    /// Cases that were looked at, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
        )
    }

    /// What became of it, and when; `None` while it goes on.
    pub fn ending(&self) -> Option<(DateTime<Utc>, Ending)> {
        self.ending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn end(&self, ending: Ending) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some((Utc::now(), ending));
    }
}

/// The newest run, if there was one since the console started. Nothing of it is kept beyond that.
#[derive(Debug, Default)]
pub struct Shadows(Mutex<Option<Arc<Run>>>);

/// One goes on already.
#[derive(Debug)]
pub struct Busy;

impl Shadows {
    /// The newest run.
    pub fn newest(&self) -> Option<Arc<Run>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Calls the one that goes on off; false where none does.
    pub fn cancel(&self) -> bool {
        let going = self.newest().filter(|run| run.ending().is_none());
        if let Some(run) = &going {
            run.stop.store(true, Ordering::Relaxed);
        }
        going.is_some()
    }

    /// Begins a run on behalf of `by`.
    ///
    /// # Errors
    /// When one goes on.
    pub fn begin(
        &self,
        app: &App,
        by: &str,
        (draft, name): (Option<i64>, &str),
        question: Question,
    ) -> Result<Arc<Run>, Busy> {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_some_and(|run| run.ending().is_none()) {
            return Err(Busy);
        }
        let run = Arc::new(Run {
            id: newest.as_ref().map_or(1, |run| run.id + 1),
            by: by.to_owned(),
            draft,
            name: name.to_owned(),
            from: question.from,
            to: question.to,
            begun: Utc::now(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            ending: Mutex::new(None),
        });
        *newest = Some(Arc::clone(&run));
        tokio::spawn(go(app.clone(), Arc::clone(&run), question));
        Ok(run)
    }
}

async fn go(app: App, run: Arc<Run>, question: Question) {
    let going = |done, total| {
        run.done.store(done, Ordering::Relaxed);
        run.total.store(total, Ordering::Relaxed);
        !run.stop.load(Ordering::Relaxed) && !app.stopping().is_cancelled()
    };
    let ending = match shadow::run(app.db(), question, going).await {
        Ok(Some(outcome)) => Ending::Done(Arc::new(outcome)),
        Ok(None) => Ending::Cancelled,
        Err(error) => {
            tracing::error!(%error, "a shadow run broke off");
            Ending::Failed
        }
    };
    run.end(ending);
}
