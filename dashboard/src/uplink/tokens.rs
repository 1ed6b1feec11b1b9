//! The source tokens that ingests check senders by.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use mingjing_ingest::uplink::protocol::TokenHash;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::tokens::{self, ValidToken};
use sqlx::PgPool;

use crate::app::App;
use crate::caller::Scope;
use crate::directory::Directory;

/// The source tokens that hold now.
///
/// # Errors
/// When the database cannot be asked.
pub async fn current(db: &PgPool) -> Result<Arc<Vec<ValidToken>>, StoreError> {
    Ok(Arc::new(tokens::valid(db, "source", Utc::now()).await?))
}

/// Between two notes of when a token was last used.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// When the tokens behind the batches of one edge were last noted as used.
#[derive(Debug, Default)]
pub struct Used(HashMap<String, Instant>);

impl Used {
    /// Notes that the token with this hash (hex) brought something; a note that fails is lost, not the batch.
    pub async fn mark(&mut self, app: &App, token: Option<&str>) {
        let Some(token) = token else { return };
        let recent = |noted: &Instant| noted.elapsed() < NOTE_EVERY;
        if self.0.get(token).is_some_and(recent) {
            return;
        }
        let Ok(hash) = hex::decode(token) else { return };
        self.0.retain(|_, noted| recent(noted));
        self.0.insert(token.to_owned(), Instant::now());
        if let Err(error) = tokens::used_by_hash(app.db(), &hash, Utc::now()).await {
            tracing::debug!(%error, "when a token was used could not be noted");
        }
    }
}

/// What an edge of this scope is told: the tokens that speak for a hall of its subtree, narrowed to it.
pub fn for_scope(tokens: &[ValidToken], scope: &Scope, directory: &Directory) -> Vec<TokenHash> {
    let root = directory.root();
    let hash = |token: &ValidToken| {
        let halls = if token.token.hall == root && scope.hall == root {
            // The whole county: also halls that are not known yet, whose events the console then names one by one.
            None
        } else {
            let mut halls = token.halls.clone();
            halls.retain(|hall| directory.tree().contains(&scope.hall, hall));
            if halls.is_empty() {
                return None;
            }
            Some(halls)
        };
        Some(TokenHash {
            sha256: hex::encode(&token.hash),
            source: token.token.source.clone(),
            halls,
            initial_load: token.token.initial_load,
            expires: token.token.expires,
        })
    };
    tokens.iter().filter_map(hash).collect()
}
