//! Paging by key: a cursor names the last row seen, so that a page costs the same wherever it stands and rows that come
//! in between neither repeat nor hide others.

use chrono::{DateTime, Utc};

/// What a list call asks for.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where the page before ended; `None` for the first.
    pub after: Option<Cursor>,
    /// At most so many rows.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            after: None,
            limit: 100,
        }
    }
}

impl Page {
    /// The SQL limit: one more than asked for, to know whether another page follows.
    pub fn probe(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts the probing row off; the cursor of the next page if there is one.
    pub fn cut<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> Cursor) -> Option<Cursor> {
        let limit = self.limit as usize;
        if rows.len() <= limit {
            return None;
        }
        rows.truncate(limit);
        rows.last().map(cursor)
    }
}

/// The sort key of a row: its instant, then its own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The instant that the list is sorted by, newest first.
    pub at: DateTime<Utc>,
    /// Case number, or the card's id as text.
    pub key: String,
}

impl Cursor {
    /// The text for the address bar: opaque, safe in a URL.
    pub fn encode(&self) -> String {
        format!("{}-{}", self.at.timestamp_micros(), hex::encode(&self.key))
    }

    /// Reads [`Cursor::encode`]; `None` for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let (micros, key) = text.rsplit_once('-')?;
        let micros = micros.parse().ok()?;
        let key = String::from_utf8(hex::decode(key).ok()?).ok()?;
        Some(Self {
            at: DateTime::from_timestamp_micros(micros)?,
            key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_address_bar() {
        for (micros, key) in [
            (1_700_000_000_000_001, "2026-320382-000017"),
            (0, ""),
            (-1_000_000, "工-伤 1"),
        ] {
            let at = DateTime::from_timestamp_micros(micros).unwrap();
            let cursor = Cursor {
                at,
                key: key.into(),
            };
            assert!(
                cursor
                    .encode()
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            );
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
        for text in ["", "-", "12", "zz-00", "00-0", "9223372036854775807-"] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }
}
