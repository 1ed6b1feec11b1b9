//! What all lists share: `?cursor=&limit=&hall=&from=&to=`, and an answer with `next` and `seq`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use mingjing_monitor::store::paging;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::{Problem, Result};

/// Most rows in one answer.
const MAX_LIMIT: u32 = 500;
/// Rows where nothing is asked for.
const DEFAULT_LIMIT: u32 = 100;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; null at the end.
    pub next: Option<String>,
    /// Where the live socket continues.
    pub seq: u64,
}

/// The parameters of every list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Rows, 1 to 500 (100).
    pub limit: Option<u32>,
    /// Only this hall and what is below it.
    pub hall: Option<String>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
}

impl Page {
    /// Rows to return.
    ///
    /// # Errors
    /// `invalid` outside 1 to 500.
    pub fn limit(&self) -> Result<u32> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            limit => Err(Problem::invalid(format!(
                "limit {limit} is out of range: give 1 to {MAX_LIMIT}"
            ))),
        }
    }

    /// Where to go on, as [`cursor`] wrote it.
    ///
    /// # Errors
    /// `invalid` when it was not written by this console.
    pub fn after<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let Some(cursor) = self.cursor.as_deref().filter(|cursor| !cursor.is_empty()) else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        key.map(Some).ok_or_else(|| {
            Problem::invalid("cursor is not one of this list: leave it out to start at the top")
        })
    }
}

/// The store's page: keyed by instant and row.
impl Page {
    /// For the lists of `monitor::store` and `alerts::store`.
    ///
    /// # Errors
    /// `invalid` for a cursor that is not of this list, or a limit out of range.
    pub fn keyed(&self) -> Result<paging::Page> {
        let cursor = self.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        let after = cursor
            .map(|cursor| paging::Cursor::decode(cursor).ok_or_else(foreign_cursor))
            .transpose()?;
        Ok(paging::Page {
            after,
            limit: self.limit()?,
        })
    }
}

fn foreign_cursor() -> Problem {
    Problem::invalid("cursor is not one of this list: leave it out to start at the top")
}

/// A page of a list that is sorted by id, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ById {
    limit: u32,
    /// Only rows below this id.
    pub after: Option<i64>,
}

impl ById {
    /// From what was asked.
    ///
    /// # Errors
    /// `invalid` for a cursor that is not of this list, or a limit out of range.
    pub fn read(cursor: Option<String>, limit: Option<u32>) -> Result<Self> {
        let page = Page {
            cursor,
            limit,
            ..Page::default()
        };
        Ok(Self {
            limit: page.limit()?,
            after: page.after()?,
        })
    }

    /// Rows to fetch: one too many tells whether there are more.
    pub fn probe(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// As [`cut`].
    pub fn cut<T>(&self, rows: &mut Vec<T>, id: impl Fn(&T) -> i64) -> Option<String> {
        cut(rows, self.limit, id)
    }
}

/// A cursor that holds the sort key of the last row.
pub fn cursor(key: &impl Serialize) -> Option<String> {
    serde_json::to_vec(key)
        .ok()
        .map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// Cuts off the one row that was fetched too many, and says with what key the next page begins.
pub fn cut<T, K: Serialize>(
    rows: &mut Vec<T>,
    limit: u32,
    key: impl Fn(&T) -> K,
) -> Option<String> {
    let limit = limit as usize;
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().and_then(|last| cursor(&key(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_rubbish_is_refused() {
        let page = Page {
            cursor: cursor(&(7, "a")),
            ..Page::default()
        };
        assert_eq!(
            page.after::<(i64, String)>().unwrap(),
            Some((7, "a".to_owned()))
        );
        let page = Page {
            cursor: Some("rubbish!".into()),
            ..Page::default()
        };
        assert_eq!(
            page.after::<(i64, String)>().unwrap_err().kind(),
            "/problems/invalid"
        );
    }

    #[test]
    fn limits_are_bounded() {
        let limit = |limit| {
            Page {
                limit,
                ..Page::default()
            }
            .limit()
            .ok()
        };
        assert_eq!(
            (
                limit(None),
                limit(Some(500)),
                limit(Some(0)),
                limit(Some(501))
            ),
            (Some(100), Some(500), None, None)
        );
    }

    #[test]
    fn a_page_is_cut_at_its_limit() {
        let mut rows = vec![3, 2, 1];
        assert!(cut(&mut rows, 2, |row| *row).is_some());
        assert_eq!(rows, [3, 2]);
        assert!(cut(&mut rows, 2, |row| *row).is_none());
    }
}
