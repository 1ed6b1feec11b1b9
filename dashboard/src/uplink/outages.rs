//! Outages that we recorded ourselves: what arrives late because of one is not held against anybody.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use mingjing_monitor::store::{StoreError, sources};
use sqlx::PgPool;

/// Outages of edges and of the console that wait to be written: the database may be what is out.
#[derive(Debug, Default)]
pub struct Outages {
    waiting: Mutex<Vec<Outage>>,
    /// One writes at a time: else what another is writing would look written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Outage {
    what: &'static str,
    subject: String,
    at: DateTime<Utc>,
    begins: bool,
}

impl Outages {
    /// Something is out.
    pub fn begins(&self, what: &'static str, subject: &str, at: DateTime<Utc>) {
        self.push(Outage {
            what,
            subject: subject.to_owned(),
            at,
            begins: true,
        });
    }

    /// It is back.
    pub fn over(&self, what: &'static str, subject: &str, at: DateTime<Utc>) {
        self.push(Outage {
            what,
            subject: subject.to_owned(),
            at,
            begins: false,
        });
    }

    fn push(&self, outage: Outage) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // An edge that comes and goes while the database is away: the first and the last word are enough.
        if waiting.len() < 10_000 {
            waiting.push(outage);
        }
    }

    /// Writes what waits, in order; what cannot be written waits on. Whether all of it is written.
    pub async fn write(&self, db: &PgPool) -> bool {
        let _alone = self.writing.lock().await;
        let mut waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(outage) = waiting.first() {
            if write_one(db, outage).await.is_err() {
                break;
            }
            waiting.remove(0);
        }
        let mut left = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.append(&mut left);
        *left = waiting;
        left.is_empty()
    }
}

async fn write_one(db: &PgPool, outage: &Outage) -> Result<(), StoreError> {
    let mut connection = db.acquire().await?;
    if outage.begins {
        sources::outage_begins(&mut connection, outage.what, &outage.subject, outage.at).await
    } else {
        sources::outage_ends(&mut connection, outage.what, &outage.subject, outage.at).await
    }
}
