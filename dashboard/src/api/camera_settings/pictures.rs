//! What is done with the pictures of a camera, as people say it: where its windows are in them, whether faults are looked for, and
//! what is kept.

use std::collections::BTreeSet;

use mingjing_ingest::managed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::types::Json;
use utoipa::ToSchema;

use crate::cameras::regions;
use crate::problem::{Problem, Result};
use crate::store::cameras::{Pictures, Region};

/// Days that a camera may be recorded for at most, as the table has it.
const MOST_DAYS: i32 = 3650;
/// Lines of a schedule at most.
const MOST_HOURS: usize = 50;

/// What is done with a camera's pictures.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PicturesView {
    /// Whether they are looked at for faults; off for a camera that turns about by itself.
    checks: bool,
    /// What becomes of the sound: `ignore` (also where it is left out: the camera is not asked for it) or `keep` (it is recorded with them).
    #[serde(default = "ignore")]
    audio: String,
    /// Where windows are in them, one region a window at most.
    #[schema(max_items = 200)]
    regions: Vec<Region>,
    recording: RecordingView,
}

/// What is kept of them. What is null is as the console's configuration says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingView {
    enabled: Option<bool>,
    /// 1 to 3650.
    days: Option<i32>,
    /// Lines like `mon-fri 08:00-18:30`, in the county's time zone; none of them: always.
    hours: Option<Vec<String>>,
}

/// What the console's configuration says of recordings.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordingDefault {
    pub(super) enabled: bool,
    pub(super) days: u32,
}

fn ignore() -> String {
    "ignore".into()
}

impl PicturesView {
    pub(super) fn of(pictures: &Pictures) -> Self {
        Self {
            checks: pictures.checks,
            audio: pictures.audio.clone(),
            regions: pictures.regions.0.clone(),
            recording: RecordingView {
                enabled: pictures.recorded,
                days: pictures.record_days,
                hours: pictures.record_hours.clone(),
            },
        }
    }

    /// What is asked for, once it can be done by a camera that sees `windows`.
    ///
    /// # Errors
    /// The first thing that cannot.
    pub(super) fn checked(&self, windows: &[String]) -> Result<Pictures> {
        let mut drawn = BTreeSet::new();
        for Region { window, .. } in &self.regions {
            if !windows.contains(window) {
                return Err(Problem::invalid(format!(
                    "regions: window {window:?} is not among the windows that the camera sees"
                )));
            }
            if !drawn.insert(window) {
                return Err(Problem::invalid(format!(
                    "regions: window {window:?} has two; give one with its seat and, if people are to be counted, its waiting area"
                )));
            }
        }
        let days = self.recording.days;
        if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            return Err(Problem::invalid(format!(
                "recording: give 1 to {MOST_DAYS} days"
            )));
        }
        let hours = self.recording.hours.as_ref();
        if hours.is_some_and(|hours| hours.len() > MOST_HOURS) {
            return Err(Problem::invalid(format!(
                "recording: give at most {MOST_HOURS} lines of hours"
            )));
        }
        let pictures = Pictures {
            checks: self.checks,
            audio: self.audio.clone(),
            regions: Json(self.regions.clone()),
            recorded: self.recording.enabled,
            record_days: days,
            record_hours: hours.cloned(),
        };
        let of =
            |what: &'static str| move |error: String| Problem::invalid(format!("{what}: {error}"));
        managed::audio(&pictures.audio).map_err(Problem::invalid)?;
        managed::regions(&regions(&pictures.regions)).map_err(of("regions"))?;
        let hours = pictures.record_hours.clone();
        managed::recording(pictures.recorded, None, hours).map_err(of("recording"))?;
        Ok(pictures)
    }
}

/// What the audit log keeps of it.
pub(super) fn told(pictures: &Pictures) -> Value {
    json!({
        "checks": pictures.checks, "audio": pictures.audio, "regions": pictures.regions.0, "recorded": pictures.recorded, "days": pictures.record_days,
        "hours": pictures.record_hours,
    })
}
