//! The plans of the statements that a console runs: `auto_explain` tells them as notices, and those are heard where sqlx logs them.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// What lets the connections of a role tell their plans from now on, or lets them be.
pub fn settings(role: &str, database: &str, on: bool) -> Vec<String> {
    let of = format!(r#"ALTER ROLE "{role}" IN DATABASE "{database}""#);
    if !on {
        return vec![format!("{of} RESET ALL")];
    }
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_level", "notice"),
        ("client_min_messages", "notice"),
    ];
    // A superuser's own session must know a library before it may set its words.
    let load = "LOAD 'auto_explain'".to_owned();
    let set = settings.map(|(name, value)| format!("{of} SET {name} = '{value}'"));
    std::iter::once(load).chain(set).collect()
}

/// Whether a plan reads a hypertable: by its name, or a chunk of it.
pub fn reads_a_hypertable(plan: &str) -> bool {
    // The statement stands there too; what is read is said on lines with a cost.
    let mut steps = plan.lines().filter(|line| line.contains("(cost="));
    let tables = [
        "case_event",
        "camera_health",
        "source_health",
        "metric",
        "delivery_attempt",
        "_hyper_",
        "ChunkAppend",
    ];
    steps.any(|line| tables.iter().any(|table| line.contains(table)))
}

/// Plans told on this thread.
pub struct Told {
    plans: Arc<Mutex<Vec<String>>>,
    _listening: DefaultGuard,
}

struct Ear(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            event.record(&mut Message(&self.0));
        }
    }
}

struct Message<'a>(&'a Mutex<Vec<String>>);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" && value.contains("plan:") {
            let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            plans.push(value.to_owned());
        }
    }
}

impl Told {
    pub fn listen() -> Self {
        let plans = Arc::default();
        let ear = tracing_subscriber::registry().with(Ear(Arc::clone(&plans)));
        Self {
            plans,
            _listening: tracing::subscriber::set_default(ear),
        }
    }

    pub fn clear(&self) {
        drop(self.take());
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.plans.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
