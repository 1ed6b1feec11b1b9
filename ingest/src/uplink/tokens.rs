//! The tokens that may post events, as the console told them. Kept in the spool's file, so that an edge that starts while
//! it is cut off still knows its senders.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::protocol::TokenHash;
use crate::spool::Spool;

/// Name of the list in the spool's file.
const KEPT: &str = "tokens";

/// The list as the intake asks it; `None` until the console has told it once.
pub(crate) type TokenTable = Option<Arc<HashMap<String, Scope>>>;

/// What one token may post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// SHA-256 of the token, hex.
    pub(crate) sha256: String,
    /// The only source that it speaks for.
    pub(crate) source: Option<String>,
    /// The only halls that it may name.
    pub(crate) halls: Option<HashSet<String>>,
    /// May post history.
    pub(crate) initial_load: bool,
    /// When it runs out.
    pub(crate) expires: Option<DateTime<Utc>>,
}

impl Scope {
    /// Whether it still holds at `now`.
    pub(crate) fn holds(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// The holder of the list.
#[derive(Debug)]
pub(crate) struct Tokens {
    table: watch::Sender<TokenTable>,
    spool: Spool,
}

impl Tokens {
    /// Starts with the list kept by the run before, if any.
    pub(crate) async fn open(spool: Spool) -> Self {
        let kept = spool.kept(KEPT).await.ok().flatten();
        let list = kept.and_then(|bytes| serde_json::from_slice::<Vec<TokenHash>>(&bytes).ok());
        Self {
            table: watch::Sender::new(list.map(|list| Arc::new(index(list)))),
            spool,
        }
    }

    /// Replaces the list.
    pub(crate) async fn replace(&self, list: Vec<TokenHash>) {
        match serde_json::to_vec(&list) {
            Ok(bytes) => {
                if let Err(error) = self.spool.keep(KEPT, bytes).await {
                    tracing::warn!(%error, "the list of tokens is not kept: after a restart the console must be reached first");
                }
            }
            Err(error) => tracing::warn!(%error, "the list of tokens cannot be kept"),
        }
        self.table.send_replace(Some(Arc::new(index(list))));
    }

    /// The list, as it changes.
    pub(crate) fn table(&self) -> watch::Receiver<TokenTable> {
        self.table.subscribe()
    }
}

fn index(list: Vec<TokenHash>) -> HashMap<String, Scope> {
    let scope = |token: TokenHash| Scope {
        sha256: token.sha256.to_ascii_lowercase(),
        source: token.source,
        halls: token.halls.map(|halls| halls.into_iter().collect()),
        initial_load: token.initial_load,
        expires: token.expires,
    };
    list.into_iter()
        .map(scope)
        .map(|scope| (scope.sha256.clone(), scope))
        .collect()
}

/// SHA-256 of a token, hex: how tokens are named everywhere but at their sender.
pub(crate) fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_token_runs_out_without_the_console() {
        let now = Utc::now();
        let token = |expires| TokenHash {
            sha256: "AB".into(),
            source: None,
            halls: None,
            initial_load: false,
            expires,
        };
        let holds = |expires| index(vec![token(expires)])["ab"].holds(now);
        assert!(holds(None));
        assert!(holds(Some(now + TimeDelta::seconds(1))));
        assert!(!holds(Some(now)));
        let old: TokenHash = serde_json::from_str(
            r#"{"sha256":"ab","source":null,"halls":null,"initial_load":false}"#,
        )
        .unwrap();
        assert_eq!(old.expires, None, "a list kept by the version before");
    }
}
