//! Sources: what each is called, and how late its words usually come.
//!
//! JSON: `[{"id","name","lag_hours"}]`; CSV: `id,name,lag_hours`. A lag of `1.5` is an hour and a half; left out, there is none.

use chrono::TimeDelta;
use mingjing_monitor::store::sources;
use serde::Deserialize;
use sqlx::PgConnection;

use super::{Format, ImportError, Source};

/// The longest lag, in hours: whoever tells later than a month after tells nothing that can be supervised.
const LONGEST: f64 = 31.0 * 24.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    lag_hours: Option<f64>,
}

pub(super) async fn write(
    connection: &mut PgConnection,
    file: &Source,
) -> Result<Vec<(&'static str, usize)>, ImportError> {
    let entries: Vec<(Option<u64>, Entry)> = match file.format {
        Format::Json => {
            let entries: Vec<Entry> = file.json()?;
            entries.into_iter().map(|entry| (None, entry)).collect()
        }
        Format::Csv => {
            let rows = file.rows::<Entry>()?.into_iter();
            rows.map(|(line, entry)| (Some(line), entry)).collect()
        }
    };
    for (line, entry) in &entries {
        let lag = entry.lag_hours.unwrap_or(0.0);
        if entry.id.is_empty() || !(0.0..=LONGEST).contains(&lag) {
            let what = format!(
                "source {:?}: give an id, and a lag of 0 to {LONGEST} hours",
                entry.id
            );
            return Err(match line {
                Some(line) => file.line(*line, what),
                None => file.whole(what),
            });
        }
        let name = match entry.name.as_str() {
            "" => &entry.id,
            name => name,
        };
        let lag = TimeDelta::seconds((lag * 3600.0).round() as i64);
        sources::declare(&mut *connection, &entry.id, name, lag).await?;
    }
    Ok(vec![("sources", entries.len())])
}
