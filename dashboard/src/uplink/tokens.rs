//! The source tokens that ingests check senders by.

use std::sync::Arc;

use mingjing_ingest::uplink::protocol::TokenHash;
use mingjing_monitor::store::StoreError;
use mingjing_monitor::store::tokens::{self, ValidToken};
use sqlx::PgPool;

use crate::caller::Scope;
use crate::directory::Directory;

/// The source tokens that hold now.
///
/// # Errors
/// When the database cannot be asked.
pub async fn current(db: &PgPool) -> Result<Arc<Vec<ValidToken>>, StoreError> {
    Ok(Arc::new(tokens::valid(db, "source").await?))
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
        })
    };
    tokens.iter().filter_map(hash).collect()
}
